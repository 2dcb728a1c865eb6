//! Bytes and numbers as people read them. Nothing from the input reaches a terminal unescaped.

use std::time::Duration;

/// How much of a line or of content is shown.
const SHOWN: usize = 72;
const PREVIEW: usize = 40;

/// One byte, escaped if it is not visible ASCII or a space.
fn escape_byte(byte: u8, out: &mut String) {
    match byte {
        b'\r' => out.push_str("\\r"),
        b'\n' => out.push_str("\\n"),
        b'\t' => out.push_str("\\t"),
        0 => out.push_str("\\0"),
        b' '..=b'~' => out.push(char::from(byte)),
        _ => out.push_str(&format!("\\x{byte:02x}")),
    }
}

/// All of `bytes`, escaped.
pub(super) fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    bytes.iter().for_each(|&b| escape_byte(b, &mut out));
    out
}

/// A line of a head: escaped and cut to a length that fits a screen.
pub(super) fn line(bytes: &[u8]) -> String {
    match bytes.get(..SHOWN) {
        Some(start) if bytes.len() > SHOWN + 20 => format!("{}... ({} bytes)", escape(start), bytes.len()),
        _ => escape(bytes),
    }
}

/// The beginning of some content: quoted if it is text, in hexadecimal if not.
pub(super) fn preview(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(PREVIEW)];
    let more = if bytes.len() > shown.len() { "..." } else { "" };
    match as_text(shown, bytes.len() > shown.len()) {
        Some(text) => format!("\"{text}\"{more}"),
        None => {
            let hex: Vec<_> = shown.iter().take(8).map(|b| format!("{b:02x}")).collect();
            let more = if bytes.len() > 8 { " ..." } else { "" };
            format!("binary, {}{more}", hex.join(" "))
        }
    }
}

/// Bytes kept for a [`preview`]: one more than is shown, to know that there is more.
pub(super) fn keep_for_preview(kept: &mut Vec<u8>, bytes: &[u8]) {
    let room = (PREVIEW + 1).saturating_sub(kept.len());
    kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

/// `None` if it is not UTF-8 text; a character cut in half at the end is left out if `cut`.
fn as_text(bytes: &[u8], cut: bool) -> Option<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) if cut && e.error_len().is_none() => std::str::from_utf8(&bytes[..e.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\'' => out.push(c),
            '\r' | '\n' | '\t' => out.extend(c.escape_default()),
            _ if c.is_control() => return None,
            _ => out.extend(c.escape_debug()),
        }
    }
    Some(out)
}

/// The bytes around `at` in two lines: escaped, and a caret under the offending one.
pub(super) fn around(bytes: &[u8], at: usize) -> (String, String) {
    let at = at.min(bytes.len());
    let (before, after) = bytes.split_at(at);
    let near = &before[before.len().saturating_sub(36)..];
    // From the start of the line, if it is near; with the line before if the place is a line's start.
    let back = near.len().min(near.len().saturating_sub(1));
    let start = near[..back].iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let prefix = escape(&near[start..]);
    let caret = format!("{}^", " ".repeat(prefix.len()));
    let mut text = prefix + &escape(&after[..after.len().min(36)]);
    if after.is_empty() {
        text.push_str(" (end of the input)");
    }
    (text, caret)
}

/// `1 byte`, `2 bytes`.
pub(super) fn count(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// `1.234 ms`, or seconds from one second on.
pub(super) fn time(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{}.{:03} ms", time.as_millis(), time.subsec_micros() % 1000),
        secs => format!("{secs}.{:03} s", time.subsec_millis()),
    }
}
