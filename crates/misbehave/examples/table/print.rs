//! The table as text.

use http::Method;

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
            t.safe,
            t.timed_out_408,
            t.wrong,
            t.hung,
            t.avoidable,
            t.untrue,
            t.twice,
            t.repeats,
            t.connections,
            remark(case, row)
        );
    }
}

/// What is to be said of a row.
fn remark(case: &Case, row: &Row) -> String {
    let text = match case.gap_in_client {
        _ if case.is_hole && row.tally.twice > 0 => "the server processes what crosses its FIN",
        Some(gap) if !row.tally.is_right() => gap,
        None if !row.tally.is_right() => "WRONG",
        _ if case.is_learnable && row.method == Method::POST && row.tally.unknown > 0 => {
            "no idle limit is learned from the closes seen before"
        }
        _ => return String::new(),
    };
    format!("  <- {text}")
}

pub(crate) fn footer(requests: usize) {
    println!(
        "\n{requests} requests a row, by tenure::Client on loopback. Surfaced errors by fate: unknown; part (answered in \
         part);\nsafe (not sent, incomplete, likely undelivered). 408: a 408 as the answer. wrong: an answer that is \
         not the request's own.\navoidable: of all these, what evidence allows to avoid. untrue: fates that the \
         server's account contradicts.\ntwice: POSTs processed twice. repeats: requests sent again on a fresh connection."
    );
}
