//! What a client's callers got, as the client tells it: a line for each request.

use tenure_proto::MethodClass;

/// A line: `ID METHOD URL RESULT DETAIL`, with a tab between.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Outcome<'a> {
    pub(crate) id: &'a str,
    pub(crate) method: &'a str,
    /// Without the slash.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) tls: bool,
    pub(crate) got: Got<'a>,
}

/// What the caller got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Got<'a> {
    /// An answer, and the `X-Request-Id` in it.
    Answer {
        status: u16,
        id: &'a str,
    },
    Error,
}

impl<'a> Outcome<'a> {
    /// # Errors
    /// In words: what is wrong with the line.
    pub(crate) fn parse(line: &'a str) -> Result<Self, String> {
        let mut columns = line.split('\t');
        let mut next = |name| columns.next().ok_or_else(|| format!("no {name}; a line is ID METHOD URL RESULT DETAIL"));
        let (id, method, url, result) = (next("ID")?, next("METHOD")?, next("URL")?, next("RESULT")?);
        let detail = next("DETAIL").unwrap_or_default();
        let target = url.split_once("://").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
        let (path, query) = target.trim_start_matches('/').split_once('?').unwrap_or((target, ""));
        let got = match result {
            "error" => Got::Error,
            status => Got::Answer {
                status: status.parse().map_err(|_| format!("'{status}' is no RESULT: a status, or the word error"))?,
                id: detail,
            },
        };
        Ok(Self { id, method, path: path.trim_start_matches('/'), query, tls: url.starts_with("https:"), got })
    }

    pub(crate) fn is_idempotent(&self) -> bool {
        MethodClass::of(self.method.as_bytes()).is_idempotent()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_and_a_wrong_one_refused_in_words() {
        let line = "7\tPUT\thttps://localhost:1/drop?at=2&by=reset\t200\t7";
        let outcome = Outcome::parse(line).unwrap();
        assert_eq!((outcome.id, outcome.path, outcome.query), ("7", "drop", "at=2&by=reset"));
        assert_eq!(outcome.got, Got::Answer { status: 200, id: "7" });
        assert!(outcome.is_idempotent() && outcome.tls);
        let outcome = Outcome::parse("8\tPOST\thttp://h/ok\terror\treset by peer").unwrap();
        assert_eq!((outcome.path, outcome.query, outcome.got), ("ok", "", Got::Error));
        assert_eq!(
            Outcome::parse("7\tGET\thttp://h/").unwrap_err(),
            "no RESULT; a line is ID METHOD URL RESULT DETAIL"
        );
        assert_eq!(
            Outcome::parse("7\tGET\t/ok\tfine").unwrap_err(),
            "'fine' is no RESULT: a status, or the word error"
        );
    }
}
