//! `tenure misbehave`: the adversarial server, until Ctrl-C.

use std::net::SocketAddr;

use tenure_misbehave::{ALL, Report, Scenario, Server};

use crate::net::Stop;

/// Misbehave on request: try an HTTP client against every way a connection can die.
///
/// A request chooses its scenario by path and query, such as /idle-close?after=50ms&by=reset; GET /
/// lists them all. Ctrl-C ends it with a report: requests seen, processed, processed twice (by the
/// field X-Request-Id), connections opened.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// What the spread times depend on: the same seed gives the same times
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// List the scenarios with their parameters, and end
    #[arg(long)]
    list: bool,
    /// Give the report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args) -> Result<u8, Box<dyn std::error::Error>> {
    if args.list {
        ALL.iter().for_each(|scenario| print!("{}", described(scenario)));
        return Ok(0);
    }
    let stop = Stop::on_signal();
    let server = match Server::builder().seed(args.seed).bind(args.listen).await {
        Ok(server) => server,
        Err(error) => return Err(format!("cannot listen on {}: {error}", args.listen).into()),
    };
    eprintln!("listening on http://{}", server.address());
    stop.requested().await;
    let report = server.report();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", table(&report));
    }
    Ok(0)
}

fn described(scenario: &Scenario) -> String {
    let mut text = format!("/{}\n    {} ({})\n", scenario.name, scenario.about, scenario.section);
    for parameter in scenario.parameters {
        let (name, default) = (parameter.name, parameter.default);
        text +=
            &format!("    {:<18} {}; {}\n", format!("{name}={default}"), parameter.about, parameter.kind.describe());
    }
    text
}

fn table(report: &Report) -> String {
    let mut text = format!(
        "{:<20} {:>9} {:>9} {:>15} {:>16} {:>11} {:>6}\n",
        "scenario", "requests", "processed", "processed twice", "of these unsafe", "connections", "reuse"
    );
    for (name, account) in &report.scenarios {
        text += &format!(
            "{name:<20} {:>9} {:>9} {:>15} {:>16} {:>11} {:>5.0}%\n",
            account.requests,
            account.processed,
            account.processed_twice,
            account.not_idempotent_twice,
            account.connections,
            account.reuse_ratio * 100.0
        );
    }
    for (count, what) in [
        (report.bad_requests, "requests malformed or for no scenario"),
        (report.turned_away, "connections turned away: too many were open"),
        (report.uncompared, "requests not compared: too many ids"),
    ] {
        if count > 0 {
            text += &format!("{count} {what}\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_says_how_to_ask_for_a_scenario() {
        let idle = ALL.iter().find(|scenario| scenario.name == "idle-close").unwrap();
        let text = described(idle);
        assert!(text.starts_with("/idle-close\n    Closes a connection"), "{text}");
        assert!(text.contains("after=50ms ") && text.contains("one of: fin, reset\n"), "{text}");
    }

    #[test]
    fn the_table_has_a_line_for_each_scenario_seen_and_tells_of_trouble() {
        let mut report = Report::default();
        report.scenarios.insert("drop", tenure_misbehave::Account::default());
        report.bad_requests = 2;
        let text = table(&report);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[1].starts_with("drop ") && lines[1].ends_with(" 0%"), "{text}");
        assert_eq!(lines[2], "2 requests malformed or for no scenario");
    }
}
