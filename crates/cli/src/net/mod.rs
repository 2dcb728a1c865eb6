//! What `send` and `get` share of being a client: their options, the fields of every request, the
//! client with its observer, the order of work, and how to stop it.

pub(crate) mod activation;
mod advice;
mod answer;
mod fields;
mod list;
mod queue;
pub(crate) mod readiness;
#[cfg(test)]
mod rerun;
mod stop;
pub(crate) mod url;
mod usage;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Request, Uri, Version, request};
use tenure::Client;
use tenure::client::Pipelining;

pub(crate) use answer::Answer;
pub(crate) use list::{Ended, list};
pub(crate) use queue::Queue;
pub(crate) use stop::{STOPPED, Stop};
pub(crate) use usage::{WrongUse, exit_code};

use crate::path_arg;
use crate::report::Tally;
use crate::wire::WireLog;

/// How long making a connection may take, TLS included, unless `--timeout` is shorter.
const CONNECT: Duration = Duration::from_secs(10);

/// Options about requests and connections.
#[derive(clap::Args)]
pub(crate) struct NetArgs {
    /// Add a field to every request; 'User-Agent:' leaves out one that tenure sends by itself
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", help_heading = "Requests")]
    headers: Vec<String>,
    /// Send these credentials (Basic authentication)
    #[arg(short, long, value_name = "USER:PASSWORD", help_heading = "Requests")]
    user: Option<String>,
    /// Trust the certificates of this PEM file for https, instead of the platform's
    #[arg(long, value_name = "FILE", help_heading = "Connections")]
    cacert: Option<PathBuf>,
    /// Speak HTTP/1.0, asking for persistence with 'Connection: keep-alive'
    #[arg(long = "http1.0", help_heading = "Connections")]
    http10: bool,
    /// Use up to this many connections to a server at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000), help_heading = "Connections")]
    connections: u16,
    /// Give up when the server neither takes nor sends anything for so long
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Connections")]
    timeout: u64,
    /// Save the bytes of both directions, for 'tenure explain FILE'; passwords too
    #[arg(long, value_name = "FILE", value_parser = path_arg::made(), help_heading = "Output")]
    wire: Option<PathBuf>,
}

/// A client made from the options, and what it observes.
pub(crate) struct Net {
    pub(crate) client: Client,
    pub(crate) tally: Arc<Tally>,
    /// At the same time, to one server.
    pub(crate) connections: usize,
    pub(crate) pipelining: Pipelining,
    /// How long the server may do nothing.
    pub(crate) timeout: Duration,
    /// The fields of every request.
    pub(crate) fields: HeaderMap,
    version: Version,
}

impl NetArgs {
    /// The file of the wire log.
    pub(crate) const fn wire(&self) -> Option<&PathBuf> {
        self.wire.as_ref()
    }

    /// The fields of every request.
    ///
    /// # Errors
    /// `-H` or `-u` cannot be sent.
    pub(crate) fn fields(&self) -> Result<HeaderMap, WrongUse> {
        fields::fields(&self.headers, self.user.as_deref())
    }

    /// A client, with its wire log if `wire` says so.
    ///
    /// # Errors
    /// What is wrong with an option.
    pub(crate) fn client(&self, pipelining: Pipelining, wire: Wire) -> Result<Net, WrongUse> {
        self.client_over(self.connections, pipelining, wire)
    }

    /// The same with a number of connections that is not `--connections`.
    ///
    /// # Errors
    /// What is wrong with an option.
    pub(crate) fn client_over(&self, connections: u16, pipelining: Pipelining, wire: Wire) -> Result<Net, WrongUse> {
        let log = match (&self.wire, wire) {
            (Some(path), Wire::Log) => {
                let log = WireLog::create(path);
                Some(log.map_err(|e| WrongUse::new(format!("--wire {}: {e}", path.display())))?)
            }
            _ => None,
        };
        let tally = Arc::new(Tally::new(log));
        let timeout = Duration::from_secs(self.timeout);
        let mut builder = Client::builder()
            .connections_per_origin(connections.into())
            .pipelining(pipelining)
            .connect_timeout(timeout.min(CONNECT))
            .response_timeout(timeout)
            .content_timeout(timeout)
            .observer(Arc::clone(&tally) as Arc<dyn tenure::Observer>);
        if let Some(path) = &self.cacert {
            let wrong = |e: &dyn std::fmt::Display| WrongUse::new(format!("--cacert {}: {e}", path.display()));
            let pem = std::fs::read(path).map_err(|e| wrong(&e))?;
            builder = builder.root_certificates(&pem).map_err(|e| wrong(&e))?;
        }
        let version = if self.http10 { Version::HTTP_10 } else { Version::HTTP_11 };
        let (client, connections) = (builder.build(), connections.into());
        Ok(Net { client, tally, connections, pipelining, timeout, fields: self.fields()?, version })
    }
}

/// Whether a client writes the log that `--wire` asks for; a second one of a run does not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Log,
    NoLog,
}

impl Net {
    /// HTTP/1.1, or 1.0 if that was asked for.
    pub(crate) const fn version(&self) -> Version {
        self.version
    }

    /// What the user can do about a 401.
    pub(crate) fn login_advice(&self) -> &'static str {
        if self.fields.contains_key(AUTHORIZATION) {
            "the server does not accept these credentials; check -u (or -H)"
        } else {
            "give the user and the password with -u"
        }
    }

    /// A request with the fields of every request.
    pub(crate) fn request(&self, method: Method, uri: Uri) -> request::Builder {
        let mut builder = Request::builder().method(method).uri(uri).version(self.version);
        if let Some(fields) = builder.headers_mut() {
            fields.clone_from(&self.fields);
        }
        builder
    }
}

/// What the user can do when no connection could be made.
pub(crate) fn connect_advice(error: &tenure::Error) -> &'static str {
    advice::for_connect(&error.to_string())
}
