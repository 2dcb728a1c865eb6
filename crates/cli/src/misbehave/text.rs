//! The scenarios and the report, for a person.

use tenure_misbehave::{Case, Level, Report, Scenario};

/// A scenario with its parameters.
pub(super) fn described(scenario: &Scenario) -> String {
    let mut text = format!("/{}\n    {} ({})\n", scenario.name, scenario.about, scenario.section);
    for parameter in scenario.parameters {
        let (name, default) = (parameter.name, parameter.default);
        text +=
            &format!("    {:<18} {}; {}\n", format!("{name}={default}"), parameter.about, parameter.kind.describe());
    }
    text
}

fn name(case: &Case) -> String {
    let query = if case.query.is_empty() { String::new() } else { format!("?{}", case.query) };
    format!("{}{query}{}", case.scenario, if case.tls { " (TLS)" } else { "" })
}

/// A line for each scenario and client, and the verdicts below.
pub(super) fn table(report: &Report) -> String {
    let longest = |of: fn(&Case) -> usize, least| report.cases.iter().map(of).max().unwrap_or(0).max(least);
    let (wide, who) = (longest(|case| name(case).len(), 8), longest(|case| case.client.len(), 6));
    let mut text = format!(
        "{:<wide$}  {:<who$}  requests  processed  twice  unsafe twice  connections  reuse  hints obeyed\n",
        "scenario", "client"
    );
    for case in &report.cases {
        let seen = &case.account;
        let hints = seen.hints_obeyed + seen.hints_ignored;
        let hints = if hints == 0 { "-".to_owned() } else { format!("{} of {hints}", seen.hints_obeyed) };
        text += &format!(
            "{:<wide$}  {:<who$}  {:>8}  {:>9}  {:>5}  {:>12}  {:>11}  {:>4.0}%  {hints:>12}\n",
            name(case),
            case.client,
            seen.requests,
            seen.processed,
            seen.processed_twice,
            seen.not_idempotent_twice,
            seen.connections,
            seen.reuse_ratio * 100.0
        );
    }
    text + &verdicts(report) + &troubles(report)
}

fn verdicts(report: &Report) -> String {
    let mut text = String::new();
    let mut notes = 0;
    for case in &report.cases {
        for verdict in &case.verdicts {
            let level = if verdict.level == Level::Fault { "FAULT" } else { "note" };
            notes += u64::from(verdict.level == Level::Note);
            text += &format!("{level:<5}  {}: {} {} ({})\n", name(case), verdict.count, verdict.text, verdict.section);
        }
    }
    match report.faults() {
        0 => text + &format!("no fault; notes: {notes}\n"),
        faults => text + &format!("faults: {faults}; notes: {notes}\n"),
    }
}

fn troubles(report: &Report) -> String {
    let troubles = [
        (report.bad_requests, "requests malformed or for no scenario"),
        (report.bad_handshakes, "TLS handshakes failed: does the client trust the certificate?"),
        (report.turned_away, "connections turned away: too many were open"),
        (report.uncompared, "requests not compared: too many ids"),
    ];
    let seen = troubles.iter().filter(|(count, _)| *count > 0);
    seen.map(|(count, what)| format!("{count} {what}\n")).collect()
}

#[cfg(test)]
mod tests {
    use tenure_misbehave::ALL;

    use super::*;

    #[test]
    fn the_list_says_how_to_ask_for_a_scenario() {
        let idle = ALL.iter().find(|scenario| scenario.name == "idle-close").unwrap();
        let text = described(idle);
        assert!(text.starts_with("/idle-close\n    Closes a connection"), "{text}");
        assert!(text.contains("after=50ms ") && text.contains("one of: fin, reset\n"), "{text}");
    }

    #[test]
    fn the_table_has_a_line_for_each_case_seen_and_tells_of_trouble() {
        let mut report = Report::default();
        let mut case = Case::default();
        (case.scenario, case.query) = ("drop", "at=2".to_owned());
        report.cases.push(case);
        report.bad_requests = 2;
        let text = table(&report);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[1].starts_with("drop?at=2 ") && lines[1].ends_with('-'), "{text}");
        assert_eq!(lines[2..], ["no fault; notes: 0", "2 requests malformed or for no scenario"]);
    }
}
