//! Numbers as people read them.

use std::path::Path;
use std::time::Duration;

/// `1,234,567`
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.char_indices() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 file`, `2,000 files`
pub(crate) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// `999 B`, `1.5 kB`, `5.4 GB`: powers of 1,000.
pub(crate) fn bytes(n: u64) -> String {
    if n < 1_000 {
        return format!("{n} B");
    }
    let mut value = n as f64;
    let mut unit = 0;
    // 999.95 would be rounded to 1000.0.
    while value >= 999.95 && unit < UNITS.len() - 1 {
        value /= 1_000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/// `0.04 ms`, `12.3 ms`, `4.56 s`, `3 min 20 s`, `2 h 5 min`
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        0.0 => "0 ms".to_owned(),
        s if s < 0.000_995 => format!("{:.2} ms", s * 1e3),
        s if s < 0.999_5 => format!("{:.1} ms", s * 1e3),
        s if s < 99.995 => format!("{s:.2} s"),
        s if s < 3_599.5 => {
            let s = s.round() as u64;
            format!("{} min {} s", s / 60, s % 60)
        }
        s => {
            let minutes = (s / 60.0).round() as u64;
            format!("{} h {} min", minutes / 60, minutes % 60)
        }
    }
}

/// Bytes in a time, such as `12.3 MB/s`; `None` if it was too short to tell.
pub(crate) fn rate(n: u64, time: Duration) -> Option<String> {
    (time > Duration::from_millis(1) && n > 0).then(|| format!("{}/s", bytes((n as f64 / time.as_secs_f64()) as u64)))
}

/// Text of unknown origin, made fit for one line of a terminal.
pub(crate) fn plain(text: &str) -> String {
    let control = |c: char| {
        c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if control(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// A path, made fit for one line of a terminal.
pub(crate) fn path(path: &Path) -> String {
    plain(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let rows = [(0, "0"), (999, "999"), (1_000, "1,000"), (123_456, "123,456"), (1_234_567, "1,234,567")];
        for (n, expected) in rows {
            assert_eq!(count(n), expected);
        }
        assert_eq!(counted(1, "file", "files"), "1 file");
        assert_eq!(counted(0, "file", "files"), "0 files");
    }

    #[test]
    fn sizes() {
        let rows = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (1_549, "1.5 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (5_368_709_120, "5.4 GB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (n, expected) in rows {
            assert_eq!(bytes(n), expected, "{n}");
        }
    }

    #[test]
    fn times() {
        let rows = [
            (0.0, "0 ms"),
            (0.000_04, "0.04 ms"),
            (0.000_999, "1.0 ms"),
            (0.012_34, "12.3 ms"),
            (0.999_9, "1.00 s"),
            (4.56, "4.56 s"),
            (99.999, "1 min 40 s"),
            (3_599.6, "1 h 0 min"),
            (7_500.0, "2 h 5 min"),
        ];
        for (seconds, expected) in rows {
            assert_eq!(duration(Duration::from_secs_f64(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn rates() {
        assert_eq!(rate(3_000_000, Duration::from_secs(2)).as_deref(), Some("1.5 MB/s"));
        assert_eq!(rate(3, Duration::ZERO), None);
        assert_eq!(rate(0, Duration::from_secs(1)), None);
    }

    #[test]
    fn nothing_of_unknown_origin_moves_the_cursor() {
        assert_eq!(plain("a\x1b[31m\nb\u{202e}größe"), "a\\u{1b}[31m\\nb\\u{202e}größe");
        assert_eq!(path(Path::new("a\tb")), "a\\tb");
    }
}
