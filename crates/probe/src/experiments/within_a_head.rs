//! How long a client may take before its first request, and within a head (RFC 9112 section 9.5).

use tokio::time::Instant;

use super::{Experiment, Lasts};
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::Trouble;

const SECTION: &str = "RFC 9112 section 9.5";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "head",
    about: "how long a client may take before its first byte, and within the head of a request",
    intrusive: false,
    connections: 2,
    lasts: Lasts::Waits(1),
    run: |lab| {
        Box::pin(async move {
            let half = format!("GET {} HTTP/1.1\r\nHost: {}\r\nX-Probe: slo", lab.target.path, lab.target.authority);
            let (nothing, half) = tokio::join!(
                stalled(&lab, "time until the first byte", b""),
                stalled(&lab, "time for a head", half.as_bytes())
            );
            Ok(vec![nothing?, half?])
        })
    },
};

/// Sends this much, and waits.
async fn stalled(lab: &Lab, subject: &'static str, bytes: &[u8]) -> Result<Finding, Trouble> {
    let mut line = lab.open().await?;
    line.write(bytes).await?;
    let start = Instant::now();
    let Some(ending) = line.ending(start + lab.max_wait).await else {
        let advice = "connections that never ask take room: whoever holds many of them open needs no power for it";
        return Ok(Finding::certain(subject, Value::longer_than(lab.max_wait), SECTION)
            .measured(1)
            .judged(Level::Note, advice));
    };
    let finding = Finding::certain(subject, Value::time(ending.at - start), SECTION).measured(1);
    Ok(match (ending.status(), bytes.is_empty()) {
        (Some(408), _) => finding.judged(Level::Good, format!("ends by {ending}")),
        (None, _) => finding.judged(Level::Good, format!("ends by {ending}, without an answer")),
        (Some(_), _) => finding.judged(Level::Note, format!("ends by {ending}; 408 is what says that it was too slow")),
    })
}
