//! The first exchange: whether there is a server to measure, and what it says of itself.

use serde::Serialize;

use crate::answer::Answer;
use crate::diagnosis;
use crate::failure::Failure;
use crate::lab::Lab;
use crate::line::Trouble;

/// What the first answer said.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Greeting {
    /// The status code.
    pub status: u16,
    /// As `HTTP/1.1`.
    pub version: String,
    /// The field `Server`: which hop answered. Hops behind it are not seen.
    pub server: Option<String>,
    /// The field `Via`: hops that say they were passed.
    pub via: Option<String>,
    /// The address that answered.
    pub address: Option<String>,
    /// Bytes of the answer's content.
    pub content: u64,
    /// As `TLSv1_3`, under TLS.
    pub tls: Option<String>,
}

/// Asks once.
///
/// # Errors
/// There is nothing to measure, and why.
pub(crate) async fn greet(lab: &Lab) -> Result<Greeting, Failure> {
    match once(lab).await {
        Ok(greeting) if greeting.status == 400 => match diagnosis::other_protocol(lab).await {
            // A plain request to a TLS port is answered by some with a 400.
            Some(failure) => Err(failure),
            None => Ok(greeting),
        },
        Ok(greeting) => Ok(greeting),
        Err(trouble) => Err(diagnosis::of(lab, trouble).await),
    }
}

async fn once(lab: &Lab) -> Result<Greeting, Trouble> {
    let mut line = lab.open().await?;
    let answer = line.ask(&lab.get()).await?;
    let greeting = described(lab, &answer, line.tls.as_ref().map(|tls| tls.version.clone()));
    // Whether it goes away in order is for the experiments.
    let _ = line.bye().await;
    Ok(greeting)
}

fn described(lab: &Lab, answer: &Answer, tls: Option<String>) -> Greeting {
    Greeting {
        status: answer.status,
        version: format!("{:?}", answer.version).replace("Http", "HTTP/").replace("/1", "/1.").replace("/0", "/0."),
        server: answer.field("server").map(str::to_owned),
        via: answer.field("via").map(str::to_owned),
        address: lab.dial.address().map(|address| address.to_string()),
        content: answer.content,
        tls,
    }
}

/// Whether the server still answers, so that what was seen is its manner and not its end.
pub(crate) async fn is_alive(lab: &Lab) -> Result<(), Trouble> {
    once(lab).await.map(drop)
}
