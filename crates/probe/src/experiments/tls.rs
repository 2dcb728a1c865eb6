//! TLS: which version, ALPN, whether sessions are resumed, and whether it ends with close_notify (RFC 9112 section 9.8).

use super::{Experiment, Lasts, Outcome};
use crate::dial::{Offer, TlsFacts};
use crate::ending::{Ending, How};
use crate::failure::Failure;
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::Trouble;

const ALPN: &str = "RFC 7301 section 3.2";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "tls",
    about: "under https: versions, resumption in each, ALPN, and whether the end is announced by close_notify",
    intrusive: false,
    lasts: Lasts::Moments,
    run: |lab| Box::pin(run(lab)),
};

async fn run(lab: Lab) -> Outcome {
    let mut line = lab.open().await?;
    let Some(facts) = line.tls.clone() else { return Ok(Vec::new()) };
    line.ask(&lab.get().field("Connection", "close")).await?;
    let end = line.ending(lab.soon()).await;
    drop(line);
    let version =
        found("TLS version", &facts.version, "RFC 8446 section 4.2.1").judged(Level::Good, "what both speak best");
    let (tls12, tls13) = tokio::join!(
        resumption(&lab, Offer::Tls12, "TLS 1.2 resumption", "RFC 5246 section 7.3"),
        resumption(&lab, Offer::Tls13, "TLS 1.3 resumption", "RFC 8446 section 2.2"),
    );
    let http2 = lab.open_tls(Offer::Http2).await.ok().and_then(|line| line.tls.clone());
    let findings = [version, tls12?, tls13?, http1_by_alpn(&facts)];
    Ok(findings.into_iter().chain(http2.as_ref().map(http2_by_alpn)).chain(end.map(|end| notified(&end))).collect())
}

fn found(subject: &'static str, text: &str, section: &'static str) -> Finding {
    Finding::certain(subject, Value::text(text), section)
}

/// Two connections in turn: the first brings what the second resumes, if the server gives anything.
async fn resumption(lab: &Lab, offer: Offer, subject: &'static str, section: &'static str) -> Result<Finding, Trouble> {
    let mut first = match lab.open_tls(offer).await {
        Ok(line) => line,
        Err(Trouble::Dial(Failure::Tls(why))) => {
            return Ok(found(subject, "the version is refused", section).judged(Level::Note, why));
        }
        Err(trouble) => return Err(trouble),
    };
    first.ask(&lab.get().field("Connection", "close")).await?;
    // What is to be resumed may come behind the response.
    first.ending(lab.soon()).await;
    drop(first);
    let resumed = lab.open_tls(offer).await?.tls.as_ref().is_some_and(|tls| tls.resumed);
    Ok(if resumed {
        found(subject, "yes", section).judged(Level::Good, "a new connection costs less")
    } else {
        let advice = "each new connection costs a whole handshake, so keeping them counts the more";
        found(subject, "no", section).judged(Level::Note, advice)
    })
}

fn http1_by_alpn(facts: &TlsFacts) -> Finding {
    match &facts.alpn {
        Some(name) => found("ALPN", name, ALPN).judged(Level::Good, "the protocol is agreed on"),
        None => found("ALPN", "none", ALPN).judged(Level::Note, "the client has to guess that it is HTTP/1.1"),
    }
}

fn http2_by_alpn(facts: &TlsFacts) -> Finding {
    let chosen = facts.alpn.as_deref().unwrap_or("none");
    let advice = match chosen {
        "h2" => "clients that can, speak HTTP/2, over one connection; the other findings are of HTTP/1.1",
        _ => "HTTP/2 is not spoken, so browsers open up to six connections",
    };
    let level = if chosen == "h2" { Level::Good } else { Level::Note };
    found("ALPN where h2 is offered", chosen, ALPN).judged(level, advice)
}

fn notified(end: &Ending) -> Finding {
    let finding = |text| found("TLS close_notify", text, "RFC 9112 section 9.8");
    match end.how {
        How::Fin => finding("sent").judged(Level::Good, "the end cannot be forged"),
        How::Truncated | How::Reset => finding("missing")
            .judged(Level::Warning, "content that ends by the close cannot be told from content that was cut"),
    }
}
