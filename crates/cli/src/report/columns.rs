//! Text in columns.

use super::out::Paint;

/// How a column is set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A heading, a line, and rows; two spaces at the left and between columns.
pub(super) fn columns(heads: &[(&str, Align)], rows: &[Vec<String>], paint: Paint) -> String {
    let widths: Vec<usize> = heads
        .iter()
        .enumerate()
        .map(|(i, (head, _))| {
            rows.iter().filter_map(|row| row.get(i)).map(|cell| width(cell)).fold(width(head), usize::max)
        })
        .collect();
    let line = |cells: Vec<&str>| {
        let set: Vec<String> =
            cells.iter().zip(heads).zip(&widths).map(|((cell, (_, align)), &width)| pad(cell, *align, width)).collect();
        format!("  {}", set.join("  ").trim_end())
    };
    let rule: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
    let mut text = format!("{}\n", paint.bold(&line(heads.iter().map(|(head, _)| *head).collect())));
    text.push_str(&format!("{}\n", paint.dim(&line(rule.iter().map(String::as_str).collect()))));
    for row in rows {
        text.push_str(&format!("{}\n", line(row.iter().map(String::as_str).collect())));
    }
    text
}

fn pad(cell: &str, align: Align, to: usize) -> String {
    let space = " ".repeat(to.saturating_sub(width(cell)));
    match align {
        Align::Left => format!("{cell}{space}"),
        Align::Right => format!("{space}{cell}"),
    }
}

/// What is put into columns here is numbers and our own words: a character is a column.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["1".to_owned(), "the peer closed it".to_owned()], vec!["1,000".to_owned(), "x".to_owned()]];
        let text = columns(&[("n", Align::Right), ("why", Align::Left)], &rows, Paint::NONE);
        let expected = "      n  why\n  ─────  ──────────────────\n      1  the peer closed it\n  1,000  x\n";
        assert_eq!(text, expected);
    }
}
