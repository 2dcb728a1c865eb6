//! The tables of `ladder reuse`, as Markdown, and the page that shows them.

use std::fs;
use std::io;
use std::path::Path;

use super::window::Window;
use super::{Case, Run};

const BEGIN: &str = "<!-- table:begin -->";
const END: &str = "<!-- table:end -->";

pub(super) fn table(run: &Run) -> String {
    let mut text = format!(
        "{}.\n\n{} uploads of 4 KiB, a path with a round trip of {} ms:\n\n\
        | | connections | time | round trips each | packets each | bytes each | CPU of the client each | CPU of the server each |\n\
        |---|---:|---:|---:|---:|---:|---:|---:|\n",
        run.machine, run.uploads, run.rtt_ms
    );
    for case in &run.cases {
        text.push_str(&line(run, case));
    }
    text.push_str(
        "\nThe congestion window at the start of an upload, in segments, and how long the upload took:\n\n\
        | uploads | congestion control | `tcp_slow_start_after_idle` | fresh connection | tenth on it | after a pause of 1 s |\n\
        |---|---|---:|---:|---:|---:|\n",
    );
    for window in &run.windows {
        text.push_str(&window_line(window));
    }
    text
}

fn line(run: &Run, case: &Case) -> String {
    let each = |sum: f64| sum / f64::from(run.uploads);
    format!(
        "| {}{} | {} | {:.2} s | {:.2} | {:.1} | {:.0} | {:.0} us | {:.0} us |\n",
        if case.tls { "TLS, " } else { "" },
        case.manner.label(),
        case.connections,
        case.seconds,
        each(case.seconds * 1e3 / run.rtt_ms),
        each(case.packets as f64),
        each(case.bytes as f64),
        each(case.client * 1e6),
        each(case.server * 1e6)
    )
}

fn window_line(window: &Window) -> String {
    let [fresh, reused, paused] = [window.fresh(), window.reused(), window.after_pause()]
        .map(|upload| format!("{} ({:.0} ms)", upload.window, upload.seconds * 1e3));
    let restarts = if window.restarts { "1, the default" } else { "0" };
    let (size, algorithm) = (window.bytes >> 10, &window.algorithm);
    format!("| {size} KiB | {algorithm} | {restarts} | {fresh} | {reused} | {paused} |\n")
}

/// Puts the table between its marks in a page.
pub(crate) fn insert(page: &Path, table: &str) -> io::Result<()> {
    let text = fs::read_to_string(page).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", page.display())))?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = parts else {
        return Err(io::Error::other(format!("{}: no {BEGIN} and {END}", page.display())));
    };
    fs::write(page, format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_replaces_the_former_one_and_nothing_else() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, format!("a\n{BEGIN}\nold\n{END}\nb\n")).unwrap();
        insert(file.path(), "new\n").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
        fs::write(&file, "no marks").unwrap();
        assert!(insert(file.path(), "new\n").is_err());
    }
}
