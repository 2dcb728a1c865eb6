//! The options of `serve` behind proxies: who is asking, by the word of whom.

use clap::ValueEnum;
use tenure::server::Server;
use tenure::server::forwarded::ForwardedField;
use tenure::server::network::TrustedPeer;
use tenure::server::proxy_protocol::ProxyProtocol;

/// Who may speak for the clients, and how.
#[derive(clap::Args)]
#[command(next_help_heading = "Behind proxies")]
pub(super) struct ProxyOptions {
    /// A proxy that is believed: an address, a network (10.0.0.0/8), or unix for whoever reaches a
    /// Unix socket; may be repeated. Says nothing without one of the two options below
    #[arg(long, value_name = "PEER")]
    trusted_proxy: Vec<TrustedPeer>,
    /// Each connection begins with a PROXY protocol header (version 1 or 2) from a trusted proxy;
    /// others are closed unread
    #[arg(long, requires = "trusted_proxy")]
    proxy_protocol: bool,
    /// The field in which trusted proxies say for whom they ask; the access log then shows that
    /// client. Not both: the one that they do not write is the client's to forge
    #[arg(long, value_name = "FIELD", requires = "trusted_proxy")]
    forwarded: Option<Field>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Field {
    /// What most proxies write
    XForwardedFor,
    /// RFC 7239
    Forwarded,
}

impl ProxyOptions {
    /// # Errors
    /// The options make no sense together; says what to do.
    pub(super) fn apply(self, mut server: Server) -> Result<Server, &'static str> {
        if !self.trusted_proxy.is_empty() && !self.proxy_protocol && self.forwarded.is_none() {
            return Err("--trusted-proxy is believed only with --proxy-protocol or --forwarded FIELD");
        }
        if self.proxy_protocol {
            server = server.proxy_protocol(ProxyProtocol::Required { trusted: self.trusted_proxy.clone() });
        }
        if let Some(field) = self.forwarded {
            let field = match field {
                Field::XForwardedFor => ForwardedField::XForwardedFor,
                Field::Forwarded => ForwardedField::Forwarded,
            };
            server = server.forwarded(field, self.trusted_proxy);
        }
        Ok(server)
    }
}
