//! Idle connections, by `ladder idle` in a process of its own: what they hold, how they wake, and what they cost
//! those at work.

use std::io;
use std::process::{Command, Stdio};

use serde::Serialize;
use serde_json::Value;

use crate::spread::Spread;

/// One server beside so many idle connections.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) server: String,
    pub(super) connections: u32,
    /// Bytes for each.
    pub(super) pss: f64,
    pub(super) preallocated: f64,
    /// Microseconds: the first request on an idle connection, and the next one.
    pub(super) woken: f64,
    pub(super) hot: f64,
    /// How much more the one is than the other: over sets of connections.
    pub(super) woken_more: Spread,
    /// CPU time of a request beside them, against without.
    pub(super) cpu_ratio: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Quiet {
    pub(super) rows: Vec<Row>,
}

/// Beside a thousand, and beside as many as told.
pub(super) fn measure(connections: u32) -> io::Result<Quiet> {
    let mut rows = Vec::new();
    for (connections, servers) in [(1_000, "raw-epoll,serve,nginx"), (connections, "raw-epoll,serve,hyper,nginx")] {
        rows.extend(idle(connections, servers)?);
    }
    Ok(Quiet { rows })
}

fn idle(connections: u32, servers: &str) -> io::Result<Vec<Row>> {
    let file = tempfile::NamedTempFile::new()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["idle", "--connections", &connections.to_string(), "--servers", servers, "--seconds", "3"]);
    let status = command.arg("--json").arg(file.path()).stdout(Stdio::null()).status()?;
    if !status.success() {
        return Err(io::Error::other(format!("ladder idle ended with {status}")));
    }
    let run: Value = serde_json::from_reader(file.as_file())?;
    let rows = run["rows"].as_array().ok_or_else(|| io::Error::other("ladder idle has measured nothing"))?;
    Ok(rows
        .iter()
        .filter_map(|row| Some((row["server"].as_str()?, row["rounds"].get(0)?)))
        .map(|(server, figures)| {
            let number = |pointer: &str| figures.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN);
            Row {
                server: server.to_owned(),
                connections,
                pss: number("/user/pss"),
                preallocated: number("/preallocated"),
                woken: number("/woken/p99"),
                hot: number("/hot/p99"),
                woken_more: Spread {
                    median: number("/woken_more/median"),
                    min: number("/woken_more/min"),
                    max: number("/woken_more/max"),
                },
                cpu_ratio: number("/at_work/loaded/cpu") / number("/at_work/plain/cpu"),
            }
        })
        .collect())
}
