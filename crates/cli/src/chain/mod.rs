//! `tenure chain`: which neighbours on the path of a request race for an idle connection.
//!
//! One walk: `hop` reads the command line, a URL is asked for what it announces, `verdict` judges
//! each pair of neighbours, `show` tells. `defaults` is the table of well-known programs.

mod defaults;
mod hop;
mod limit;
mod show;
mod verdict;

use std::error::Error;
use std::time::Duration;

use http::{Request, Uri};
use http_body_util::BodyExt;
use tenure::{Body, Client};

use crate::net::{WrongUse, connect_advice, exit_code, url};
use crate::report::{Paint, Stream};
use hop::{Given, Hop};
use verdict::Verdict;

/// How long a server may take to answer, or to go on answering.
const PATIENCE: Duration = Duration::from_secs(10);

/// Say which hops of a path race for idle connections, and what to set
///
/// Give the hops in the order in which a request passes them. Two neighbours race if the upstream
/// one closes idle connections sooner than the downstream one stops using them: then a request can
/// meet the close, and its sender sees a reset, or its user a 502.
///
/// A hop is NAME=TIME (lb=60s; lb=75s/60s keeps its clients' connections for 75 s and its own for
/// 60 s; none is no limit), NAME=PRODUCT with the product's defaults (app=gunicorn), or a URL, which
/// is asked once for the Keep-Alive: timeout it announces.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tenure chain client=firefox lb=alb app=gunicorn
  tenure chain client=90s lb=75s/60s app=5s
  tenure chain client=curl http://127.0.0.1:8080/
  tenure chain --defaults

Exit codes: 0 no race found, 1 a race, or a URL that does not answer, 2 wrong use.")]
pub(crate) struct Args {
    /// The hops, from the client to the application
    #[arg(value_name = "HOP", required_unless_present = "defaults")]
    hops: Vec<String>,
    /// Print the table of defaults, each with its source, and end
    #[arg(long, conflicts_with = "hops")]
    defaults: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command; its exit code.
///
/// # Errors
/// A URL does not answer.
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
            Given::Url(uri) => ask(&uri).await?,
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

/// One request, for what the answer announces.
async fn ask(uri: &Uri) -> Result<Hop, Box<dyn Error>> {
    let client =
        Client::builder().connect_timeout(PATIENCE).response_timeout(PATIENCE).content_timeout(PATIENCE).build();
    let request = Request::get(uri.clone()).header("connection", "keep-alive").body(Body::empty())?;
    let response =
        client.request(request).await.map_err(|e| format!("{}: {e}; {}", url::origin(uri), connect_advice(&e)))?;
    let announced = response.headers().get_all("keep-alive").iter().find_map(|value| timeout(value.as_bytes()));
    // Only the head was wanted; a short rest is read, so that the server's log shows no broken answer.
    let rest = async { response.into_body().frame().await };
    let _ = tokio::time::timeout(PATIENCE, rest).await;
    Ok(Hop::asked(uri, announced))
}

/// The seconds of `timeout=SECONDS` in a `Keep-Alive` value.
fn timeout(value: &[u8]) -> Option<u64> {
    let value = std::str::from_utf8(value).ok()?;
    value.split([',', ';']).find_map(|part| {
        let (name, seconds) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("timeout").then(|| seconds.trim().trim_matches('"').parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announcement_is_found_among_other_parameters() {
        for (value, expected) in [
            ("timeout=5", Some(5)),
            ("max=100, Timeout = 15", Some(15)),
            ("timeout=\"5\"", Some(5)),
            ("timeout=", None),
            ("timeout=-1", None),
            ("max=5", None),
        ] {
            assert_eq!(timeout(value.as_bytes()), expected, "{value}");
        }
    }
}
