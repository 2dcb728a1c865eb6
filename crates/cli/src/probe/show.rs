//! Findings for people.

use std::time::Duration;

use tenure_probe::{Finding, Greeting, Level, Report, Unmeasured};

use crate::report::{Paint, units};

/// Who answered.
pub(super) fn greeting(url: &str, greeting: &Greeting, paint: Paint) -> String {
    let mut text = format!("{} answers {} in {}", paint.bold(url), greeting.status, greeting.version);
    for (what, value) in [("by", &greeting.address), ("over", &greeting.tls)] {
        if let Some(value) = value {
            text += &format!(" {what} {}", units::plain(value));
        }
    }
    text.push('\n');
    text += &who_answers(greeting);
    text += ".\n";
    text + "\n"
}

/// Which hop is measured, by what it says of itself; whatever is behind it is not seen.
pub(super) fn who_answers(greeting: &Greeting) -> String {
    match (&greeting.server, &greeting.via) {
        (_, Some(via)) => format!("It says it is a proxy ({}); hops behind it are not seen", units::plain(via)),
        (Some(server), None) => format!("It says it is {}; hops behind it are not seen", units::plain(server)),
        (None, None) => "It does not say what it is; if it is a proxy, hops behind it are not seen".to_owned(),
    }
}

/// One finding, on one line.
pub(super) fn finding(finding: &Finding, paint: Paint) -> String {
    format!(
        "{} {:<31} {}  {}\n",
        word(finding.verdict, paint),
        finding.subject,
        paint.bold(&finding.value.to_string()),
        paint.dim(&format!("({})", finding.confidence)),
    )
}

/// An experiment that came to nothing, on one line.
pub(super) fn unmeasured(unmeasured: &Unmeasured, paint: Paint) -> String {
    format!("{} {:<31} {}\n", paint.dim("-------"), unmeasured.experiment, units::plain(&unmeasured.why))
}

/// What to think of it: the worst first, with the reason and the section.
pub(super) fn report(report: &Report, paint: Paint) -> String {
    let mut text = String::new();
    for level in Level::ALL.into_iter().rev().filter(|level| *level != Level::Good) {
        for finding in report.findings.iter().filter(|finding| finding.verdict == level) {
            let what = format!("{}: {}", finding.subject, finding.value);
            text += &format!("\n{} {}\n", word(level, paint), paint.bold(&what));
            text += &format!("        {}\n        {}\n", finding.advice, paint.dim(finding.section));
        }
    }
    if report.server_gone() {
        text += &format!(
            "\n{} the server stopped answering during the run: what is missing was not measured\n",
            paint.red("problem")
        );
    }
    let count = |level| report.findings.iter().filter(|finding| finding.verdict == level).count() as u64;
    let took = units::duration(Duration::from_secs_f64(report.took_seconds));
    text += &format!(
        "\n{} good, {}, {}, {}",
        count(Level::Good),
        units::counted(count(Level::Note), "note", "notes"),
        units::counted(count(Level::Warning), "warning", "warnings"),
        units::counted(count(Level::Problem), "problem", "problems"),
    );
    if !report.unmeasured.is_empty() {
        text += &format!(
            "; {}",
            units::counted(report.unmeasured.len() as u64, "experiment came to nothing", "experiments came to nothing")
        );
    }
    text + &format!("; in {took}\n")
}

fn word(level: Level, paint: Paint) -> String {
    let word = format!("{:<7}", level.name());
    match level {
        Level::Good => paint.green(&word),
        Level::Note => word,
        Level::Warning => paint.bold(&word),
        Level::Problem => paint.red(&word),
    }
}
