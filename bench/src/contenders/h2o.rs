//! h2o: both answers from plain files.

use std::ffi::OsString;
use std::io;

use super::daemon::{Daemon, Place};
use super::{Size, site};
use crate::heads::CONTENT_TYPE;

/// Run by `wrapper`, if that is not empty: a tracer's command line.
pub(crate) fn start(wrapper: Vec<OsString>, size: Size, core: usize) -> io::Result<Daemon> {
    Daemon::start_under(wrapper, "h2o", &["-m", "worker", "-c"], core, |place| configuration(size, place))
}

fn configuration(size: Size, place: &Place<'_>) -> String {
    let Place { directory, port, is_root } = place;
    let directory = directory.display();
    let idle = site::IDLE.as_secs();
    format!(
        "listen:
  host: 127.0.0.1
  port: {port}
{user}num-threads: 1
max-connections: {room}
http1-request-timeout: {idle}
pid-file: {directory}/pid
error-log: {directory}/error.log
send-server-name: OFF
file.etag: OFF
file.mime.setdefaulttype: {CONTENT_TYPE}
header.unset: last-modified
hosts:
  default:
    header.unset: accept-ranges
    paths:
      /:
        file.dir: {directory}
",
        user = if *is_root { "user: root\n" } else { "" },
        room = size.room,
    )
}
