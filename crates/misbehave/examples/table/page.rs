//! The table as a page in Markdown.

use crate::cases::Case;
use crate::run::Row;
use crate::tally::Tally;

const INTRODUCTION: &str = "\
# The client, and servers whose connections die under it

Made by

```sh
cargo run --release -p tenure-misbehave --example table -- --markdown > docs/client-race.md
```

on loopback, in a few minutes. `tenure::Client` with its defaults asks a server that misbehaves as each row says
([`crates/misbehave`](../crates/misbehave/src/lib.rs)): so many GETs, so many PUTs and so many POSTs, from several clients at once, with pauses that
aim at the moment of the close. Each request has an id of its own, each answer repeats it, and the server counts what it has processed, so that
nothing below is taken on trust.

A cell says what the callers got: right answers, and what else there was.
- *unknown*, *in part*, *incomplete*, *not sent*, *undelivered*: errors with that [fate](../crates/proto/src/connection/retry.rs).
- *408*: a 408 (Request Timeout) as the answer to a POST. Applications answer so too, from timeouts of their own, so it is delivered.
- *crossed*: stray bytes that were sent when the request was in the server's kernel already, or came there within 2 ms. Nobody can tell them from an answer.
- *sent again*: requests that the client repeated on a fresh connection, of all three methods together. *connections*: the same.
";

const END: &str = "
What no client can avoid is left, and is told as it is: a POST that was processed and whose answer was lost; a reset that no FIN came before, which
says nothing about a POST; a response that was cut.

*Avoidable* are errors that the evidence allows to avoid; *twice* are POSTs that the server processed twice; *wrong* are answers that belong to no
request or to another one; *untrue* are fates that the server's own account contradicts. The command fails if there is any of them.

The one server that can defeat the evidence is in the last rows: it sends its FIN, and processes all the same what crosses it. The evidence says
*likely* undelivered for that reason, and `Builder::repeat_undelivered(false)` turns the conclusion off. Over a network with a round trip it would have
POSTs processed twice as a rule; on loopback that is rare, since next to always the request is acknowledged before the client judges.
";

/// All of it; what is wrong with it is for the caller to say.
pub(crate) fn page(done: &[(&'static Case, Vec<Row>)], requests: usize) -> String {
    let mut page = INTRODUCTION.to_owned();
    let judged = done.iter().filter(|(case, _)| !case.is_hole).flat_map(|(_, rows)| rows);
    let total = judged.clone().count() * requests;
    let sum = judged.map(|row| row.tally).fold(Tally::default(), plus);
    page += &format!(
        "\n**{total} requests, the row with the hole apart: {} avoidable errors, {} POSTs processed twice, {} wrong answers, {} untrue fates, {} left \
         hanging.**\n\n| scenario | request | GET | PUT | POST | sent again | connections |\n|---|---|---|---|---|---:|---:|\n",
        sum.avoidable, sum.twice, sum.wrong, sum.untrue, sum.hung
    );
    for (case, rows) in done {
        let cells: Vec<String> = rows.iter().map(|row| cell(&row.tally)).collect();
        let both = rows.iter().map(|row| row.tally).fold(Tally::default(), plus);
        let query = if case.query.is_empty() { String::new() } else { format!("?{}", case.query) };
        let path = format!("/{}{query}", case.scenario);
        page += &format!(
            "| {} | `{path}` | {} | {} | {} |\n",
            case.title,
            cells.join(" | "),
            both.repeats,
            both.connections
        );
    }
    page + END
}

/// What the callers of one row got.
fn cell(t: &Tally) -> String {
    let parts = [
        (t.unknown, "unknown"),
        (t.part, "in part"),
        (t.incomplete, "incomplete"),
        (t.not_sent, "not sent"),
        (t.undelivered, "undelivered"),
        (t.timed_out_408, "408"),
        (t.crossed, "crossed"),
        (t.wrong, "**wrong**"),
        (t.hung, "**hung**"),
        (t.twice, "**twice**"),
    ];
    let rest = parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
    let answered = (t.answered > 0).then(|| t.answered.to_string());
    answered.into_iter().chain(rest).collect::<Vec<_>>().join(", ")
}

/// Both together.
const fn plus(one: Tally, other: Tally) -> Tally {
    Tally {
        answered: one.answered + other.answered,
        not_sent: one.not_sent + other.not_sent,
        incomplete: one.incomplete + other.incomplete,
        undelivered: one.undelivered + other.undelivered,
        part: one.part + other.part,
        unknown: one.unknown + other.unknown,
        timed_out_408: one.timed_out_408 + other.timed_out_408,
        wrong: one.wrong + other.wrong,
        crossed: one.crossed + other.crossed,
        hung: one.hung + other.hung,
        avoidable: one.avoidable + other.avoidable,
        untrue: one.untrue + other.untrue,
        twice: one.twice + other.twice,
        repeats: one.repeats + other.repeats,
        connections: one.connections + other.connections,
    }
}
