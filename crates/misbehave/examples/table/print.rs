//! The table as text.

use crate::cases::Case;
use crate::run::Row;

pub(crate) fn header() {
    println!(
        "{:<34}{:<5}{:>8} | {:>7} {:>5} {:>5} {:>4} {:>5} {:>4} | {:>9} {:>6} {:>5} | {:>7} {:>5}",
        "scenario",
        "",
        "answered",
        "unknown",
        "part",
        "safe",
        "408",
        "wrong",
        "hung",
        "avoidable",
        "untrue",
        "twice",
        "repeats",
        "conns"
    );
}

pub(crate) fn rows(case: &Case, rows: &[Row]) {
    for (n, row) in rows.iter().enumerate() {
        let t = &row.tally;
        let title = if n == 0 { case.title } else { "" };
        println!(
            "{title:<34}{:<5}{:>8} | {:>7} {:>5} {:>5} {:>4} {:>5} {:>4} | {:>9} {:>6} {:>5} | {:>7} {:>5}{}",
            row.method.as_str(),
            t.answered,
            t.unknown,
            t.part,
            t.safe(),
            t.timed_out_408,
            t.wrong,
            t.hung,
            t.avoidable,
            t.untrue,
            t.twice,
            t.repeats,
            t.connections,
            case.remark(&row.method, t).map_or_else(String::new, |text| format!("  <- {text}"))
        );
    }
}

pub(crate) fn footer(requests: usize) {
    println!(
        "\n{requests} requests a row, by tenure::Client on loopback. Surfaced errors by fate: unknown; part (answered in \
         part);\nsafe (not sent, incomplete, likely undelivered). 408: a 408 as the answer. wrong: an answer that is \
         not the request's own.\navoidable: of all these, what evidence allows to avoid. untrue: fates that the \
         server's account contradicts.\ntwice: POSTs processed twice. repeats: requests sent again on a fresh connection."
    );
}
