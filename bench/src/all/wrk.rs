//! A cross-check by a generator that is not ours: wrk, which parses every answer.

use std::io;
use std::process::{Command, Stdio};

use serde::Serialize;

use crate::check;
use crate::client::wrk::parse;
use crate::cores::{self, Cores};
use crate::rungs::{Rung, Runtime};
use crate::server::Server;

/// Requests that a connection sends together, as wrk's own example of pipelining does.
const SCRIPT: &str = "init = function()
    local requests = {}
    for i = 1, 16 do requests[i] = wrk.format('GET', '/hello') end
    batch = table.concat(requests)
end
request = function() return batch end
";

/// One rung, as wrk saw it.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) rung: Rung,
    pub(super) depth: usize,
    pub(super) rate: f64,
    /// Microseconds of the server's CPU time for each request.
    pub(super) cpu: f64,
}

/// Every rung at both depths; nothing, and a message, if wrk is not installed.
pub(super) fn measure(rungs: &[Rung], cores: Cores) -> io::Result<Vec<Row>> {
    if Command::new("wrk").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        eprintln!("wrk is left out: it is not installed");
        return Ok(Vec::new());
    }
    let script = tempfile::NamedTempFile::new()?;
    std::fs::write(&script, SCRIPT)?;
    let mut rows = Vec::new();
    for depth in [1, 16] {
        for &rung in rungs {
            let mut server = Server::start(rung, Runtime::Current, cores.server)?;
            check::response_len(rung, server.address)?;
            let mut command = Command::new("wrk");
            command.args(["-t1", "-c64", "-d1s"]).stderr(Stdio::inherit());
            if depth == 16 {
                command.arg("-s").arg(script.path());
            }
            command.arg(format!("http://{}/hello", server.address));
            let before = server.usage()?;
            let output = cores::on(cores.generator, || command.output())?;
            let used = server.usage()? - before;
            let told = String::from_utf8_lossy(&output.stdout);
            let unclear = || io::Error::other(format!("{}: wrk says:\n{told}", rung.name()));
            let (requests, rate) = parse(&told).ok_or_else(unclear)?;
            rows.push(Row { rung, depth, rate, cpu: (used.user + used.system).as_secs_f64() * 1e6 / requests as f64 });
        }
    }
    Ok(rows)
}
