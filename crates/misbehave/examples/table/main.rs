//! Tries `tenure::Client` against every scenario, with GET, PUT and POST, and prints what its
//! caller would have seen:
//! ```text
//! cargo run --release -p tenure-misbehave --example table [-- [--quick] [--markdown] [NAME…]]
//! ```
//! 1,000 requests per row, 30 with `--quick`; NAME picks the cases whose title contains it;
//! `--markdown` prints `docs/client-race.md`.
//! Loopback only. Exit code 1 if a POST was processed twice, an answer was another request's, a
//! fate was untrue, or an error surfaced that evidence allows to avoid, in a row not known for it.

mod cases;
mod page;
mod print;
mod run;
mod tally;

use std::process::ExitCode;

use cases::CASES;

const REQUESTS: usize = 1000;
const QUICK: usize = 30;

fn main() -> ExitCode {
    let (options, names): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    if let Some(unknown) = options.iter().find(|option| !["--quick", "--markdown"].contains(&option.as_str())) {
        eprintln!("table: no option {unknown}; usage: table [--quick] [--markdown] [NAME…]");
        return ExitCode::from(2);
    }
    let asks = |option| options.iter().any(|given| given == option);
    let requests = if asks("--quick") { QUICK } else { REQUESTS };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("table: cannot start: {error}");
            return ExitCode::from(1);
        }
    };
    let picked = |title: &str| names.is_empty() || names.iter().any(|name| title.contains(name.as_str()));
    let cases: Vec<_> = CASES.iter().filter(|case| picked(case.title)).collect();
    let markdown = asks("--markdown");
    if !markdown {
        print::header();
    }
    let (mut bad, mut done) = (0, Vec::new());
    for case in cases {
        match runtime.block_on(run::case(case, requests)) {
            Ok(rows) => {
                if !markdown {
                    print::rows(case, &rows);
                }
                bad += rows.iter().filter(|row| !case.is_right(&row.tally)).count();
                done.push((case, rows));
            }
            Err(error) => {
                eprintln!("table: {}: {error}", case.title);
                bad += 1;
            }
        }
    }
    if markdown {
        print!("{}", page::page(&done, requests));
    } else {
        print::footer(requests);
    }
    ExitCode::from(u8::from(bad > 0))
}
