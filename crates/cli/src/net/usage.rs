//! Wrong use of the command, apart from everything that can fail.

use std::error::Error;
use std::fmt;

use crate::report::{Stream, say};

/// The command cannot be done as it was given: what is wrong, and what to do. Exit code 2.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct WrongUse(String);

impl WrongUse {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for WrongUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for WrongUse {}

/// Tells of wrong use and makes it exit code 2; everything else stays as it is.
pub(crate) fn exit_code(command: &str, result: Result<u8, Box<dyn Error>>) -> Result<u8, Box<dyn Error>> {
    match result {
        Err(error) if error.is::<WrongUse>() => {
            say(Stream::Stderr, &format!("tenure {command}: {error}"));
            say(Stream::Stderr, &format!("For more, try 'tenure {command} --help'."));
            Ok(2)
        }
        other => other,
    }
}
