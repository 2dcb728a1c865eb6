//! The plot of `ladder reuse`: bars against a connection for each upload, and congestion windows.

use std::fmt::Write;

use super::window::Window;
use super::{Case, Manner, Run};

pub(crate) const COLOURS: [&str; 6] = ["#888888", "#2b6cb0", "#dd6b20", "#2f855a", "#6b46c1", "#c53030"];
/// Where the panels are.
const TOP: f64 = 40.0;
const HEIGHT: f64 = 200.0;
const BOTTOM: f64 = TOP + HEIGHT;
const BARS: (f64, f64) = (50.0, 560.0);
const WINDOWS: (f64, f64) = (660.0, 1_000.0);

pub(super) fn svg(run: &Run) -> String {
    let mut text = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1020 370\" font-family=\"sans-serif\" font-size=\"11\">\n\
        <rect width=\"1020\" height=\"370\" fill=\"white\"/>\n",
    );
    // Writing to a string cannot fail.
    let _ = bars(&mut text, run).and_then(|()| windows(&mut text, &run.windows));
    text.push_str("</svg>\n");
    text
}

/// What is drawn, and its value.
type Measure = (&'static str, fn(&Case) -> f64);

/// Time, packets and CPU time, plain and by TLS, each against a connection for each upload.
fn bars(out: &mut String, run: &Run) -> std::fmt::Result {
    label(out, BARS.0, 20.0, "start", &format!("{} uploads of 4 KiB, against a connection for each", run.uploads))?;
    axis(out, BARS)?;
    for percent in [0, 25, 50, 75, 100] {
        label(out, BARS.0 - 5.0, BOTTOM - f64::from(percent) / 100.0 * HEIGHT + 4.0, "end", &format!("{percent} %"))?;
    }
    let measures: [Measure; 3] =
        [("time", |c| c.seconds), ("packets", |c| c.packets as f64), ("CPU time", |c| c.client + c.server)];
    let group = (BARS.1 - BARS.0) / 6.0;
    for (place, (tls, (name, measure))) in
        [false, true].into_iter().flat_map(|tls| measures.map(|measure| (tls, measure))).enumerate()
    {
        let left = BARS.0 + place as f64 * group;
        let of = |manner| run.cases.iter().find(|c| c.tls == tls && c.manner == manner).map_or(0.0, measure);
        for (i, manner) in Manner::ALL.into_iter().enumerate() {
            let height = of(manner) / of(Manner::Each) * HEIGHT;
            let x = left + 8.0 + i as f64 * 20.0;
            writeln!(
                out,
                "<rect x=\"{x:.0}\" y=\"{:.1}\" width=\"18\" height=\"{height:.1}\" fill=\"{}\"/>",
                BOTTOM - height,
                COLOURS[i]
            )?;
        }
        let name = if tls { format!("TLS: {name}") } else { name.to_owned() };
        label(out, left + group / 2.0, BOTTOM + 15.0, "middle", &name)?;
    }
    for (i, manner) in Manner::ALL.into_iter().enumerate() {
        legend(out, BARS.0 + i as f64 * 170.0, BOTTOM + 35.0, COLOURS[i], manner.label())?;
    }
    Ok(())
}

/// The window at the start of each upload on one connection, with the pause in between.
fn windows(out: &mut String, windows: &[Window]) -> std::fmt::Result {
    label(out, WINDOWS.0 - 50.0, 20.0, "start", "window at the start of each upload; a pause before the 11th")?;
    axis(out, WINDOWS)?;
    let all = || windows.iter().flat_map(|window| &window.uploads);
    let most = f64::from(all().map(|upload| upload.window).max().unwrap_or(1));
    let count = windows.iter().map(|window| window.uploads.len()).max().unwrap_or(1);
    let x = |n: usize| WINDOWS.0 + (n as f64 + 0.5) * (WINDOWS.1 - WINDOWS.0) / count as f64;
    let y = |window: u32| BOTTOM - f64::from(window) / most * HEIGHT;
    for mark in [0, most as u32 / 2, most as u32] {
        label(out, WINDOWS.0 - 5.0, y(mark) + 4.0, "end", &mark.to_string())?;
    }
    for n in 0..count {
        label(out, x(n), BOTTOM + 15.0, "middle", &(n + 1).to_string())?;
    }
    for (i, window) in windows.iter().enumerate() {
        let points: Vec<String> =
            window.uploads.iter().enumerate().map(|(n, u)| format!("{:.1},{:.1}", x(n), y(u.window))).collect();
        let (colour, points) = (COLOURS[i % COLOURS.len()], points.join(" "));
        writeln!(out, "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>")?;
        let name = format!(
            "{} KiB, {}, tcp_slow_start_after_idle={}",
            window.bytes >> 10,
            window.algorithm,
            u8::from(window.restarts)
        );
        legend(out, WINDOWS.0 - 50.0, BOTTOM + 35.0 + i as f64 * 15.0, colour, &name)?;
    }
    Ok(())
}

fn axis(out: &mut String, (left, right): (f64, f64)) -> std::fmt::Result {
    writeln!(out, "<path d=\"M{left},{TOP} V{BOTTOM} H{right}\" fill=\"none\" stroke=\"black\"/>")
}

pub(crate) fn label(out: &mut String, x: f64, y: f64, anchor: &str, text: &str) -> std::fmt::Result {
    writeln!(out, "<text x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"{anchor}\">{text}</text>")
}

pub(crate) fn legend(out: &mut String, x: f64, y: f64, colour: &str, text: &str) -> std::fmt::Result {
    writeln!(out, "<rect x=\"{x:.0}\" y=\"{:.0}\" width=\"10\" height=\"10\" fill=\"{colour}\"/>", y - 9.0)?;
    label(out, x + 14.0, y, "start", text)
}
