//! TLS: which version, ALPN, whether sessions are resumed, and whether it ends with close_notify (RFC 9112 section 9.8).

use super::{Experiment, Lasts, Outcome};
use crate::ending::{Ending, How};
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "tls",
    about: "under https: version, ALPN, resumption, and whether the end is announced by close_notify",
    intrusive: false,
    lasts: Lasts::Moments,
    run: |lab| Box::pin(run(lab)),
};

async fn run(lab: Lab) -> Outcome {
    let mut first = lab.open().await?;
    let Some(facts) = first.tls.clone() else { return Ok(Vec::new()) };
    first.ask(&lab.get().field("Connection", "close")).await?;
    let end = first.ending(lab.soon()).await;
    drop(first);
    // The first connection brought a ticket, if the server gives any.
    let resumed = lab.open().await?.tls.is_some_and(|tls| tls.resumed);
    let finding = |subject, text: &str, section| Finding::certain(subject, Value::text(text), section);
    let alpn = match &facts.alpn {
        Some(name) => finding("ALPN", name, "RFC 7301 section 3.2").judged(Level::Good, "the protocol is agreed on"),
        None => finding("ALPN", "none", "RFC 7301 section 3.2")
            .judged(Level::Note, "HTTP/2 cannot be offered to clients that ask for it by ALPN"),
    };
    let resumption = if resumed {
        finding("TLS resumption", "yes", "RFC 8446 section 2.2").judged(Level::Good, "a new connection costs less")
    } else {
        finding("TLS resumption", "no", "RFC 8446 section 2.2")
            .judged(Level::Note, "each new connection costs a whole handshake, so keeping them counts the more")
    };
    let version = finding("TLS version", &facts.version, "RFC 8446 section 4.2.1").judged(Level::Good, "");
    Ok([version, alpn, resumption].into_iter().chain(end.map(|end| notified(&end))).collect())
}

fn notified(end: &Ending) -> Finding {
    let finding = |text| Finding::certain("TLS close_notify", Value::text(text), "RFC 9112 section 9.8");
    match end.how {
        How::Fin => finding("sent").judged(Level::Good, "the end cannot be forged"),
        How::Truncated | How::Reset => finding("missing")
            .judged(Level::Warning, "content that ends by the close cannot be told from content that was cut"),
    }
}
