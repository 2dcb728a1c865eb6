//! A driver's run, as its environment has it.

use std::io::{self, Write};

use crate::tour::{Got, Step, lanes, take};

fn variable(name: &str) -> io::Result<String> {
    std::env::var(name).map_err(|_| io::Error::other(format!("{name} is not set: run this by tenure misbehave -- …")))
}

/// The certificates to trust (PEM), if the server speaks TLS.
pub(crate) fn ca() -> io::Result<Option<Vec<u8>>> {
    std::env::var_os("MISBEHAVE_CA").map(std::fs::read).transpose()
}

/// Takes one lane after the other, each with a client of its own that `open` makes.
pub(crate) async fn run<C>(open: impl Fn() -> io::Result<C>, ask: impl AsyncFn(&C, &Step) -> Got) -> io::Result<()> {
    let tour = std::fs::read_to_string(variable("MISBEHAVE_TOUR")?)?;
    let mut outcomes = std::fs::OpenOptions::new().append(true).open(variable("MISBEHAVE_OUTCOMES")?)?;
    for steps in lanes(&tour)? {
        let client = open()?;
        let told = take(steps, async |step| ask(&client, step).await).await;
        outcomes.write_all(told.as_bytes())?;
    }
    Ok(())
}
