//! The report as one page: what to look at first, then each experiment with its findings and what happened over time.

use std::fmt::Write;
use std::time::Duration;

use tenure_probe::{EXPERIMENTS, Finding, Level, Report, Timeline};

use super::{show, timeline};
use crate::report::html::{self, escape};
use crate::report::units;

const STYLE: &str = include_str!("page.css");

/// The page. It needs nothing but itself.
pub(super) fn page(report: &Report) -> String {
    let mut body = String::new();
    let greeting = &report.greeting;
    let by = greeting.address.as_ref().map_or_else(String::new, |address| format!(" by {address}"));
    let over = greeting.tls.as_ref().map_or_else(String::new, |tls| format!(" over {tls}"));
    let answers = format!("answers {} in {}{by}{over}", greeting.status, greeting.version);
    let took = units::duration(Duration::from_secs_f64(report.took_seconds));
    let _ = write!(
        body,
        "<h1>{}</h1>\n<p class=quiet>{}. {}. Measured in {took}, no wait longer than {} s.</p>\n",
        escape(&report.url),
        escape(&answers),
        escape(&show::who_answers(greeting)),
        report.max_wait_seconds
    );
    let count = |level| report.findings.iter().filter(|finding| finding.verdict == level).count() as u64;
    let numbers = [
        (count(Level::Problem), "problems", "bad"),
        (count(Level::Warning), "warnings", "open"),
        (count(Level::Note), "notes", ""),
        (count(Level::Good), "good", "good"),
    ];
    html::cards(&mut body, &numbers);
    if report.server_gone() {
        body.push_str(
            "<p class=warning>The server stopped answering during the run: what is missing was not measured.</p>\n",
        );
    }
    first(&mut body, report);
    experiments(&mut body, report);
    html::document(&format!("tenure probe {}", report.url), STYLE, &body)
}

/// The problems and warnings, worst first.
fn first(body: &mut String, report: &Report) {
    let mut bad: Vec<_> = report.findings.iter().filter(|finding| finding.verdict >= Level::Warning).collect();
    bad.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
    if bad.is_empty() {
        return;
    }
    body.push_str("<h2>To look at first</h2>\n");
    for finding in bad {
        let name = finding.experiment;
        let _ = write!(body, "<a class=first href=\"#{name}\">");
        told(body, finding);
        body.push_str("</a>\n");
    }
}

fn experiments(body: &mut String, report: &Report) {
    body.push_str("<h2>Experiments</h2>\n");
    html::legend(body, timeline::KEYS);
    for experiment in EXPERIMENTS {
        let findings: Vec<_> = report.findings.iter().filter(|f| f.experiment == experiment.name).collect();
        let failed = report.unmeasured.iter().find(|unmeasured| unmeasured.experiment == experiment.name);
        if findings.is_empty() && failed.is_none() {
            continue;
        }
        let about = escape(experiment.about);
        let _ = write!(body, "<section id=\"{0}\">\n<h3>{0}</h3>\n<p class=quiet>{about}</p>\n", experiment.name);
        findings.iter().for_each(|finding| told(body, finding));
        if let Some(failed) = failed {
            let _ = writeln!(body, "<p class=warning>Not measured: {}.</p>", escape(&failed.why));
        }
        let drawn = |timeline: &&Timeline| timeline.experiment == experiment.name;
        if let Some(timeline) = report.timelines.iter().find(drawn) {
            timeline::draw(body, timeline);
        }
        body.push_str("</section>\n");
    }
}

fn told(body: &mut String, finding: &Finding) {
    let level = finding.verdict.name();
    let _ = write!(
        body,
        "<div class=\"finding {level}\"><i>{level}</i> {}: <b>{}</b> <small>({})</small>",
        escape(finding.subject),
        escape(&finding.value.to_string()),
        finding.confidence
    );
    let advice = if finding.advice.is_empty() { String::new() } else { format!("{}. ", escape(&finding.advice)) };
    let _ = writeln!(body, "<p>{advice}<small>{}</small></p></div>", finding.section);
}

#[cfg(test)]
mod tests {
    use tenure_probe::{Confidence, Greeting, Mark, Track, Value, What};

    use super::*;

    /// What a server says, and what it was asked for, is text of unknown origin.
    #[test]
    fn nothing_of_unknown_origin_is_markup() {
        const EVIL: &str = "</title><script>alert(\"1\")</script>";
        let text = || EVIL.to_owned();
        let greeting = Greeting {
            status: 200,
            version: "HTTP/1.1".to_owned(),
            server: Some(text()),
            via: None,
            address: None,
            content: 0,
            tls: Some(text()),
        };
        let finding = Finding {
            experiment: "idle",
            subject: "idle timeout",
            value: Value::Text { text: text() },
            confidence: Confidence::Certain,
            verdict: Level::Problem,
            section: "RFC 9112 section 9.5",
            advice: text(),
        };
        let marks = [What::Sent { line: text(), bytes: 9 }, What::Said { line: text() }, What::ServerReset];
        let marks = marks.into_iter().map(|what| Mark { at: Duration::from_millis(5), what }).collect();
        let (from, to) = (Duration::ZERO, Duration::from_millis(9));
        let report = Report {
            version: Report::VERSION,
            url: text(),
            greeting,
            max_wait_seconds: 1.0,
            took_seconds: 1.0,
            findings: vec![finding],
            unmeasured: vec![tenure_probe::Unmeasured { experiment: "age", why: text(), server_gone: true }],
            timelines: vec![Timeline { experiment: "idle", from, to, tracks: vec![Track { marks }] }],
        };
        let page = page(&report);
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("</title>").count(), page.matches("<title>").count(), "{page}");
        assert!(page.contains("&lt;/title&gt;&lt;script&gt;alert(&quot;1&quot;)"), "{page}");
    }
}
