//! nginx: `return` for the short answer, a plain file for the large one.

use std::ffi::OsString;
use std::io;
use std::str;

use super::daemon::{Daemon, Place};
use super::{Size, site};
use crate::heads::{CONTENT, CONTENT_TYPE};

/// Connections that are not clients': the listener, and the pipes between master and worker.
const OWN: usize = 8;

/// Run by `wrapper`, if that is not empty: a tracer's command line.
pub(crate) fn start(wrapper: Vec<OsString>, size: Size, core: usize) -> io::Result<Daemon> {
    // The option keeps messages about its compiled-in log file away.
    Daemon::start_under(wrapper, "nginx", &["-e", "stderr", "-c"], core, |place| configuration(size, place))
}

fn configuration(size: Size, place: &Place<'_>) -> String {
    let Place { directory, port, .. } = place;
    let directory = directory.display();
    let idle = site::IDLE.as_secs();
    let content = str::from_utf8(CONTENT).unwrap_or_default();
    let http = format!(
        "    access_log off;
    server_tokens off;
    sendfile on;
    keepalive_timeout {idle}s;
    keepalive_requests 1000000000;
    default_type {CONTENT_TYPE};
    server {{
        listen 127.0.0.1:{port}{shared};
        location = /hello {{ return 200 \"{content}\"; }}
        location /articles/ {{ return 200 \"{content}\"; }}
        location / {{ root {directory}; }}
    }}",
        shared = if size.processes > 1 { " reuseport" } else { "" },
    );
    // It closes idle connections when less than a sixteenth of its room is left.
    whole(place, size.processes, (size.room + OWN) * 16 / 15 + 1, &http)
}

/// A configuration around `http`, the lines of its block of that name; all that nginx writes goes to the place's folder.
pub(crate) fn whole(place: &Place<'_>, workers: usize, room: usize, http: &str) -> String {
    let directory = place.directory.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path {directory}/{kind};\n"))
        .concat();
    format!(
        "daemon off;
pid {directory}/pid;
error_log stderr error;
{user}worker_processes {workers};
events {{ worker_connections {room}; }}
http {{
{temporary}{http}
}}
",
        user = if place.is_root { "user root;\n" } else { "" },
    )
}
