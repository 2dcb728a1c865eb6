//! Requests whose end two programs could see in two places: a server must refuse them (RFC 9112 sections 5, 6 and 11.2).
//!
//! Only on demand: a proxy that passes such a request on could disturb the connections that other clients share.

use super::{Experiment, Lasts, Outcome};
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::Trouble;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "hygiene",
    about: "whether requests with ambiguous framing are refused, which others use to smuggle requests",
    intrusive: true,
    lasts: Lasts::Moments,
    run: |lab| Box::pin(run(lab)),
};

/// What is ambiguous, the field lines after `Host`, and what follows the head.
struct Case {
    name: &'static str,
    fields: &'static str,
    content: &'static str,
    /// Serving it is as good if the connection then ends: RFC 9112 section 6.1 allows it, or the answer went out before
    /// the content had come.
    may_close: bool,
}

const fn case(name: &'static str, fields: &'static str, content: &'static str) -> Case {
    Case { name, fields, content, may_close: false }
}

const CHUNKS: &str = "5\r\nhello\r\n0\r\n\r\n";

const CASES: [Case; 10] = [
    case("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"),
    case("two lengths in a list", "Content-Length: 5, 6\r\n", "hello!"),
    case("a signed length", "Content-Length: +5\r\n", "hello"),
    Case {
        may_close: true,
        ..case("a length beside chunked", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", CHUNKS)
    },
    case("chunked not last", "Transfer-Encoding: chunked, x-probe\r\n", CHUNKS),
    case("an unknown coding", "Transfer-Encoding: x-probe\r\n", CHUNKS),
    case("a space before the colon", "Content-Length : 5\r\n", "hello"),
    case("a second Host", "Host: other.invalid\r\n", ""),
    Case {
        may_close: true,
        ..case("a malformed chunk size", "Transfer-Encoding: chunked\r\n", "0x5\r\nhello\r\n0\r\n\r\n")
    },
    Case {
        may_close: true,
        ..case("a chunk longer than its size", "Transfer-Encoding: chunked\r\n", "3\r\nhello\r\n0\r\n\r\n")
    },
];

async fn run(lab: Lab) -> Outcome {
    let (_, good) = lab.used().await?;
    let mut served = Vec::new();
    // One after the other: this is no load test.
    for case in &CASES {
        if !is_refused(&lab, case, good.status).await? {
            served.push(case.name);
        }
    }
    let finding =
        |text: String| Finding::certain("ambiguous framing refused", Value::text(text), "RFC 9112 section 6.3");
    Ok(vec![if served.is_empty() {
        finding(format!("all {} kinds", CASES.len())).judged(Level::Good, "no request hides in another")
    } else {
        finding(format!("not {}", served.join(", ")))
            .judged(Level::Problem, "another program may see another end of the same request: refuse it with 400")
    }])
}

async fn is_refused(lab: &Lab, case: &Case, good: u16) -> Result<bool, Trouble> {
    let mut line = lab.open().await?;
    let request = lab.get();
    line.expect(request.method, request.version)?;
    let (path, host) = (&lab.target.path, &lab.target.authority);
    let bytes = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{}\r\n{}", case.fields, case.content);
    line.write(bytes.as_bytes()).await?;
    match line.answer().await {
        Ok(answer) if answer.status >= 400 && answer.status != good => Ok(true),
        Ok(answer) if case.may_close && answer.persists() => {
            Ok(line.ask(&request).await.map_or(true, |next| next.status != good))
        }
        Ok(_) => Ok(case.may_close),
        Err(Trouble::Ended(_)) => Ok(true),
        Err(trouble) => Err(trouble),
    }
}
