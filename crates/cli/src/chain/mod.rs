//! `tenure chain`: which neighbours on the path of a request race for an idle connection.
//!
//! One walk: `hop` reads the command line, a URL is measured by the probe, `verdict` judges
//! each pair of neighbours, `show` tells. `defaults` is the table of well-known programs.

mod defaults;
mod hop;
mod limit;
mod show;
mod verdict;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tenure_probe::{EXPERIMENTS, Failure, Probe, Target, Tcp, Value};

use crate::net::{WrongUse, exit_code};
use crate::report::{Paint, Stream, say};
use hop::{Given, Hop};
use limit::Limit;
use verdict::Verdict;

/// Say which hops of a path race for idle connections, and what to set
///
/// Give the hops in the order in which a request passes them. Two neighbours race if the upstream
/// one closes idle connections sooner than the downstream one stops using them: then a request can
/// meet the close, and its sender sees a reset, or its user a 502.
///
/// A hop is NAME=TIME (lb=60s; lb=75s/60s keeps its clients' connections for 75 s and its own for
/// 60 s; none is no limit), NAME=PRODUCT with the product's defaults (app=gunicorn), or a URL, whose
/// idle timeout is measured, as by 'tenure probe --only idle'.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tenure chain client=firefox lb=alb app=gunicorn
  tenure chain client=90s lb=75s/60s app=5s
  tenure chain client=curl http://127.0.0.1:8080/
  tenure chain --defaults

Exit codes: 0 no race found, 1 a race, or a URL that cannot be measured, 2 wrong use.")]
pub(crate) struct Args {
    /// The hops, from the client to the application
    #[arg(value_name = "HOP", required_unless_present = "defaults")]
    hops: Vec<String>,
    /// Print the table of defaults, each with its source, and end
    #[arg(long, conflicts_with = "hops")]
    defaults: bool,
    /// How long to wait for a URL to close an idle connection
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    max_wait: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command; its exit code.
///
/// # Errors
/// A URL cannot be measured.
pub(crate) async fn run(args: Args) -> Result<u8, Box<dyn Error>> {
    exit_code("chain", chain(args).await)
}

async fn chain(args: Args) -> Result<u8, Box<dyn Error>> {
    let out = crate::report::Out::new(Stream::Stdout);
    if args.defaults {
        out.write(&if args.json { show::defaults_json()? + "\n" } else { show::defaults_text() });
        return Ok(0);
    }
    let given = args.hops.iter().map(|text| Given::parse(text)).collect::<Result<Vec<_>, _>>()?;
    check(&given)?;
    let mut hops = Vec::new();
    for given in given {
        hops.push(match given {
            Given::Hop(hop) => hop,
            Given::Url(uri) => measure(&uri, Duration::from_secs(args.max_wait)).await?,
        });
    }
    let findings: Vec<_> = hops.windows(2).map(|pair| verdict::judge(&pair[0], &pair[1])).collect();
    let races = findings.iter().any(|finding| finding.verdict == Verdict::Race);
    let paint: Paint = out.paint();
    out.write(&if args.json { show::json(&hops, &findings)? + "\n" } else { show::text(&hops, &findings, paint) });
    Ok(races.into())
}

/// Each hop can be what its place asks of it.
fn check(given: &[Given]) -> Result<(), WrongUse> {
    if given.len() < 2 {
        return Err(WrongUse::new("a path has two hops at least, as client=90s app=5s"));
    }
    for (i, hop) in given.iter().enumerate() {
        let Given::Hop(hop) = hop else { continue };
        let Some(product) = hop.product() else { continue };
        let (name, title) = (&hop.name, product.title);
        if i > 0 && product.keeps.is_none() {
            return Err(WrongUse::new(format!("{name}: {title} is a client, and stands only first")));
        }
        if i + 1 < given.len() && product.reuses.is_none() {
            return Err(WrongUse::new(format!(
                "{name}: {title} is a server, and stands only last; if it passes requests on, say its times: {name}=KEEPS/REUSES"
            )));
        }
    }
    Ok(())
}

/// How long the program behind this URL really keeps an idle connection.
async fn measure(uri: &Uri, max_wait: Duration) -> Result<Hop, Box<dyn Error>> {
    let failed = |failure: &Failure| format!("{uri}: {failure}");
    let dial = Arc::new(Tcp::new(uri, None).map_err(|e| failed(&e))?);
    let target = Target::new(uri).ok_or("a URL begins with http:// or https://")?;
    let idle: Vec<_> = EXPERIMENTS.iter().filter(|experiment| experiment.name == "idle").collect();
    let probe = Probe::new(dial, target).max_wait(max_wait).only(&idle);
    say(Stream::Stderr, &format!("measuring {uri}, for {} at most", limit::short(probe.at_most())));
    let report = probe.run(|_| {}).await.map_err(|e| failed(&e))?;
    let value = |subject| report.findings.iter().find(|finding| finding.subject == subject).map(|found| &found.value);
    let announced = match value("idle timeout announced") {
        Some(Value::Time { seconds }) => Some(*seconds as u64),
        _ => None,
    };
    Ok(Hop::measured(uri, keeps(value("idle timeout")), announced))
}

/// What is certain of a measured time: its lower end.
fn keeps(value: Option<&Value>) -> Limit {
    let limit =
        |seconds: f64, limit: fn(Duration) -> Limit| Duration::try_from_secs_f64(seconds).map_or(Limit::Unknown, limit);
    match value {
        Some(Value::Time { seconds } | Value::Between { from_seconds: seconds, .. }) => limit(*seconds, Limit::After),
        Some(Value::LongerThan { seconds }) => limit(*seconds, Limit::Beyond),
        _ => Limit::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_counts_by_its_lower_end() {
        let seconds = Duration::from_secs;
        for (value, expected) in [
            (Value::Time { seconds: 5.0 }, Limit::After(seconds(5))),
            (Value::Between { from_seconds: 4.0, to_seconds: 6.0 }, Limit::After(seconds(4))),
            (Value::LongerThan { seconds: 120.0 }, Limit::Beyond(seconds(120))),
            (Value::Text { text: "no".to_owned() }, Limit::Unknown),
            (Value::Time { seconds: f64::NAN }, Limit::Unknown),
        ] {
            assert_eq!(keeps(Some(&value)), expected);
        }
        assert_eq!(keeps(None), Limit::Unknown);
    }
}
