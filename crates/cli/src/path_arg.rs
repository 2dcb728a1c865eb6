//! Paths of files and folders that a command makes: what is plainly something else is wrong use, and
//! makes no folder `http:`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};

/// Reads the path of a file or folder that may be made.
pub(crate) fn made() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|given| check(given, false))
}

/// The same, where `-` is standard output.
pub(crate) fn made_or_stdout() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|given| check(given, true))
}

fn check(given: OsString, stdout: bool) -> Result<PathBuf, String> {
    let text = given.to_string_lossy();
    let starts = |with: &str| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    if starts("http://") || starts("https://") {
        return Err("this is a URL, and the name of a file or folder belongs here".into());
    }
    if text.starts_with('-') && !(stdout && text == "-") {
        return Err(format!("write './{text}' if a file or folder of this name is meant"));
    }
    Ok(given.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_options_are_no_paths() {
        for path in ["a", "./-", "./--to", "http:", "http", "a/http://b", "httpx://", "größe"] {
            assert_eq!(check(path.into(), false), Ok(path.into()), "{path}");
        }
        for wrong in ["http://h/a", "HTTPS://h/", "-", "--to", "-o"] {
            assert!(check(wrong.into(), false).is_err(), "{wrong}");
        }
        assert_eq!(check("-".into(), true), Ok("-".into()));
        assert!(check("--to".into(), true).is_err());
    }
}
