//! What the pages have in common that `explain` and `probe` write: each is one file that needs nothing but itself.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::units;

/// The page. `style` comes behind what all pages share.
pub(crate) fn document(title: &str, style: &str, body: &str) -> String {
    let title = escape(title);
    // The policy is for whoever opens a page of unknown origin: nothing is loaded, and nothing runs.
    format!(
        "<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n\
         <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}{style}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// Text of unknown origin, fit for an element or a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in units::plain(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Numbers that matter, each with what it counts and its class; without one if it is 0.
pub(crate) fn cards(body: &mut String, numbers: &[(u64, &str, &str)]) {
    body.push_str("<ul class=cards>\n");
    for &(n, what, class) in numbers {
        let class = if n == 0 { "quiet" } else { class };
        let _ = writeln!(body, "<li class=\"{class}\"><b>{}</b> {what}</li>", units::count(n));
    }
    body.push_str("</ul>\n");
}

/// What the drawings' classes mean.
pub(crate) fn legend(body: &mut String, keys: &[(&str, &str)]) {
    body.push_str("<p class=legend>");
    for (class, text) in keys {
        let _ = write!(body, "<span><i class=\"key {class}\"></i>{text}</span> ");
    }
    body.push_str("</p>\n");
}

/// Five labels, evenly spaced.
pub(crate) fn axis(body: &mut String, scale: Scale, label: impl Fn(Duration) -> String) {
    body.push_str("<div class=axis>");
    for step in 0..=4_u32 {
        let _ = write!(body, "<span>{}</span>", label(scale.from + (scale.to - scale.from) * step / 4));
    }
    body.push_str("</div>\n");
}

/// Times as places.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) from: Duration,
    /// Later than `from`.
    pub(crate) to: Duration,
}

impl Scale {
    /// From the left edge, 0 to 100.
    pub(crate) fn percent(self, at: Duration) -> f64 {
        let whole = (self.to - self.from).as_secs_f64();
        (at.saturating_sub(self.from).as_secs_f64() / whole * 100.0).min(100.0)
    }
}

/// Writes the page that the option `--html` names.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write(path: &Path, page: &str) -> Result<(), Box<dyn Error>> {
    std::fs::write(path, page).map_err(|e: io::Error| format!("--html {}: {e}", units::path(path)).into())
}

const STYLE: &str = include_str!("html.css");
