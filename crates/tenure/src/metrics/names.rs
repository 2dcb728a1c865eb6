//! The metrics' names, units and descriptions.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// What is named apart for servers and clients.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) role: &'static str,
    pub(super) request_duration: &'static str,
    pub(super) active_requests: &'static str,
    pub(super) open_connections: &'static str,
    pub(super) request_size: &'static str,
    pub(super) response_size: &'static str,
    pub(super) connection_requests: &'static str,
}

pub(super) const CLOSED: &str = "tenure.connection.closed";
pub(super) const NOT_ACCEPTED: &str = "tenure.connection.not_accepted";
pub(super) const REPEATED: &str = "tenure.request.repeated";
pub(super) const CONNECTION_DURATION: &str = "http.client.connection.duration";

pub(super) static SERVER: Names = Names {
    role: "server",
    request_duration: "http.server.request.duration",
    active_requests: "http.server.active_requests",
    open_connections: "http.server.open_connections",
    request_size: "http.server.request.body.size",
    response_size: "http.server.response.body.size",
    connection_requests: "http.server.connection.requests",
};

pub(super) static CLIENT: Names = Names {
    role: "client",
    request_duration: "http.client.request.duration",
    active_requests: "http.client.active_requests",
    open_connections: "http.client.open_connections",
    request_size: "http.client.request.body.size",
    response_size: "http.client.response.body.size",
    connection_requests: "http.client.connection.requests",
};

impl Names {
    pub(super) fn describe(&self) {
        describe_histogram!(self.request_duration, Unit::Seconds, "Duration of requests");
        describe_gauge!(self.active_requests, "Requests under way");
        describe_gauge!(self.open_connections, "Open connections by state");
        describe_histogram!(self.request_size, Unit::Bytes, "Content of requests");
        describe_histogram!(self.response_size, Unit::Bytes, "Content of responses");
        describe_histogram!(self.connection_requests, "Exchanges that a connection carried");
        describe_counter!(CLOSED, "Connections that ended, by reason");
        if self.role == "client" {
            describe_histogram!(CONNECTION_DURATION, Unit::Seconds, "How long connections were open");
            describe_counter!(REPEATED, "Requests sent again, by the fate of the first attempt");
        } else {
            describe_counter!(NOT_ACCEPTED, "Connections that could not be accepted");
        }
    }
}
