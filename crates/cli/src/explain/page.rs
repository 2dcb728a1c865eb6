//! The page that is printed: lines with the place of their first byte in front, and paragraphs.

use std::io;

/// Columns that a paragraph fills.
const WIDTH: usize = 84;
/// Columns of a time in front of a line.
const TIME: usize = 14;

/// How a piece of text is meant. Without colour all look alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tone {
    Plain,
    Title,
    Quiet,
    Good,
    Bad,
    Hint,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Title => "\x1b[1m",
            Self::Quiet => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Bad => "\x1b[1;31m",
            Self::Hint => "\x1b[33m",
        }
    }
}

/// Writes the page to `out`, line by line.
pub(super) struct Page<'w> {
    out: &'w mut dyn io::Write,
    color: bool,
    /// Columns of the places.
    places: usize,
}

impl<'w> Page<'w> {
    /// `bytes` is the highest place that may be shown.
    pub(super) fn new(out: &'w mut dyn io::Write, color: bool, bytes: u64) -> Self {
        let places = bytes.to_string().len().max(6);
        Self { out, color, places }
    }

    pub(super) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// A line from the first column on.
    pub(super) fn title(&mut self, text: &str) -> io::Result<()> {
        self.blank()?;
        self.write(Tone::Title, text)?;
        self.blank()
    }

    /// Text from the first column on, broken into lines.
    pub(super) fn prose(&mut self, tone: Tone, text: &str) -> io::Result<()> {
        self.wrapped(tone, text, 0)
    }

    /// What stands at a place of the input; one line.
    pub(super) fn at(&mut self, place: u64, tone: Tone, text: &str) -> io::Result<()> {
        self.place(place)?;
        self.write(tone, text)?;
        self.blank()
    }

    /// A remark about a place; broken into lines.
    pub(super) fn remark(&mut self, place: u64, tone: Tone, text: &str) -> io::Result<()> {
        self.place(place)?;
        let indent = self.places + 2;
        let mut lines = wrap(text, WIDTH - indent).into_iter();
        self.write(tone, &lines.next().unwrap_or_default())?;
        self.blank()?;
        lines.try_for_each(|line| self.indented(tone, &line))
    }

    /// A remark without a place of its own; broken into lines.
    pub(super) fn note(&mut self, tone: Tone, text: &str) -> io::Result<()> {
        self.wrapped(tone, text, self.places + 2)
    }

    /// What happened at a time; broken into lines.
    pub(super) fn timed(&mut self, at: &str, tone: Tone, text: &str) -> io::Result<()> {
        let mut lines = wrap(text, WIDTH - TIME).into_iter();
        self.write(Tone::Quiet, &format!("{at:>0$}  ", TIME - 2))?;
        self.write(tone, &lines.next().unwrap_or_default())?;
        self.blank()?;
        lines.try_for_each(|line| self.aside(tone, &line))
    }

    /// A remark on what happened at a time; broken into lines.
    pub(super) fn aside(&mut self, tone: Tone, text: &str) -> io::Result<()> {
        self.wrapped(tone, text, TIME)
    }

    /// One line without a place, as it is.
    pub(super) fn indented(&mut self, tone: Tone, text: &str) -> io::Result<()> {
        write!(self.out, "{:1$}", "", self.places + 2)?;
        self.write(tone, text)?;
        self.blank()
    }

    fn wrapped(&mut self, tone: Tone, text: &str, indent: usize) -> io::Result<()> {
        for line in wrap(text, WIDTH - indent) {
            write!(self.out, "{:indent$}", "")?;
            self.write(tone, &line)?;
            self.blank()?;
        }
        Ok(())
    }

    fn place(&mut self, place: u64) -> io::Result<()> {
        let place = format!("{place:>0$}", self.places);
        self.write(Tone::Quiet, &place)?;
        write!(self.out, "  ")
    }

    fn write(&mut self, tone: Tone, text: &str) -> io::Result<()> {
        if self.color && tone != Tone::Plain {
            write!(self.out, "{}{text}\x1b[0m", tone.code())
        } else {
            write!(self.out, "{text}")
        }
    }
}

/// Breaks `text` at spaces into lines of at most `width` columns; a longer word stands alone. A
/// reference like `(RFC 9112 section 9.3)` is one word, and so is a command in backquotes.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut rest = text;
    while !rest.is_empty() {
        let word = first_word(rest);
        rest = rest[word.len()..].trim_start_matches(' ');
        let line = lines.last_mut().filter(|l| l.is_empty() || l.chars().count() + 1 + word.chars().count() <= width);
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn first_word(text: &str) -> &str {
    let start = match text.as_bytes() {
        [b'(', b'R', b'F', b'C', b' ', ..] => text.find(')').unwrap_or(0),
        [b'`', ..] => text[1..].find('`').map_or(0, |i| i + 1),
        _ => 0,
    };
    let end = text[start..].find(' ').map_or(text.len(), |i| start + i);
    &text[..end]
}
