//! The plot: rate and CPU time of every rung against raw epoll, six cases side by side.

use std::fmt::Write;

use crate::rates::Run;
use crate::report::{Summary, summaries};
use crate::reuse::plot::{COLOURS, label, legend};

const LINE: f64 = 14.0;
const TOP: f64 = 60.0;
const LEFT: f64 = 90.0;
const PANEL: f64 = 210.0;
/// Of the widest bar.
const BAR: f64 = 150.0;

/// A title, what is drawn, and how far its axis goes.
type Measure = (&'static str, fn(&Summary) -> f64, f64);

const MEASURES: [Measure; 2] = [
    ("rate, against raw epoll", |s| s.rate_ratio.median, 1.0),
    ("CPU time, against raw epoll", |s| s.cpu_ratio.median, 8.0),
];

pub(super) fn svg(run: &Run) -> String {
    let rungs = run.cases.first().map_or(0, |case| case.rungs.len()) as f64;
    let height = TOP + MEASURES.len() as f64 * (rungs * LINE + 50.0);
    let width = LEFT + run.cases.len() as f64 * PANEL;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
        <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    // Writing to a string cannot fail.
    let _ = draw(&mut text, run, rungs);
    text.push_str("</svg>\n");
    text
}

fn draw(out: &mut String, run: &Run, rungs: f64) -> std::fmt::Result {
    legend(out, LEFT, 20.0, COLOURS[1], "tenure")?;
    legend(out, LEFT + 80.0, 20.0, COLOURS[0], "peers, and raw epoll")?;
    for (row, (title, value, most)) in MEASURES.into_iter().enumerate() {
        let top = TOP + row as f64 * (rungs * LINE + 50.0);
        for (column, case) in run.cases.iter().enumerate() {
            let left = LEFT + column as f64 * PANEL;
            label(out, left, top - 18.0, "start", &format!("depth {}, {}", case.depth, case.head))?;
            label(out, left, top - 6.0, "start", title)?;
            for (place, line) in summaries(case).enumerate() {
                let y = top + place as f64 * LINE;
                let (n, name) = (value(&line), line.rung.name());
                let colour = if line.rung.is_own() { COLOURS[1] } else { COLOURS[0] };
                let bar = (n / most).min(1.0) * BAR;
                writeln!(out, "<rect x=\"{left}\" y=\"{y:.0}\" width=\"{bar:.0}\" height=\"10\" fill=\"{colour}\"/>")?;
                label(out, left + bar + 4.0, y + 9.0, "start", &format!("{n:.2}"))?;
                if column == 0 {
                    label(out, left - 6.0, y + 9.0, "end", name)?;
                }
            }
        }
    }
    Ok(())
}
