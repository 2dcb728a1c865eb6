//! The page that lists a folder.

use std::fmt::Write as _;
use std::fs::{DirEntry, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use httpdate::HttpDate;

use super::backend::resolve;
use super::path::{RequestPath, encode, is_temporary};
use super::validators::modified;

/// The most entries on one page. A page is made in memory.
const ENTRIES_MAX: usize = 10_000;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.1em .8em .1em 0}\
td.n,th.n{text-align:right;white-space:nowrap}td{word-break:break-word}";

struct Entry {
    name: String,
    metadata: Metadata,
}

/// Lists the folder `path` below `root`: folders first, each kind by name. Hidden temporary names,
/// links that lead out and what is neither file nor folder are left out, as they are not served.
/// With `form` a field to upload files is added. Blocks.
pub(super) fn page(root: &Path, path: &RequestPath, form: bool) -> io::Result<String> {
    let folder = path.names().iter().fold(root.to_owned(), |at, name| at.join(name));
    let folder = resolve(root, &folder)?;
    let (entries, left_out) = entries(root, &folder, ENTRIES_MAX)?;
    Ok(render(path, &entries, left_out, form))
}

/// At most `max` entries, and how many there are besides.
fn entries(root: &Path, folder: &Path, max: usize) -> io::Result<(Vec<Entry>, usize)> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for entry in folder.read_dir()? {
        let entry: DirEntry = entry?;
        // A name that is not UTF-8 has no path here (see `path`).
        if let Ok(name) = entry.file_name().into_string()
            && !is_temporary(&name)
        {
            found.push((name, entry.path()));
        }
    }
    found.sort_unstable();
    let left_out = found.len().saturating_sub(max);
    found.truncate(max);
    let mut entries: Vec<Entry> = found
        .into_iter()
        .filter_map(|(name, path)| {
            let metadata = served(root, &path).ok()?;
            Some(Entry { name, metadata })
        })
        .collect();
    entries.sort_by_key(|entry| !entry.metadata.is_dir());
    Ok((entries, left_out))
}

/// What is served under `path`, links followed.
fn served(root: &Path, path: &Path) -> io::Result<Metadata> {
    let mut metadata = path.symlink_metadata()?;
    if metadata.is_symlink() {
        metadata = resolve(root, path)?.metadata()?;
    }
    if metadata.is_file() || metadata.is_dir() { Ok(metadata) } else { Err(ErrorKind::NotFound.into()) }
}

fn render(path: &RequestPath, entries: &[Entry], left_out: usize, form: bool) -> String {
    let title = escaped(&format!("/{}", path.names().join("/")));
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head>\n\
         <body><h1>{title}</h1>\n"
    );
    if form {
        page.push_str(
            "<form method=\"post\" enctype=\"multipart/form-data\">\
             <input type=\"file\" name=\"file\" multiple required> <button>Upload</button></form>\n",
        );
    }
    page.push_str("<table>\n<tr><th>Name</th><th class=\"n\">Size</th><th class=\"n\">Modified</th></tr>\n");
    if !path.names().is_empty() {
        page.push_str("<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
    }
    for entry in entries {
        row(&mut page, entry);
    }
    page.push_str("</table>\n");
    if left_out > 0 {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "<p>and {left_out} more, which are not listed</p>");
    }
    page.push_str("</body></html>\n");
    page
}

fn row(page: &mut String, entry: &Entry) {
    let (slash, size) = if entry.metadata.is_dir() { ("/", String::new()) } else { ("", size(entry.metadata.len())) };
    let date = modified(&entry.metadata).map_or_else(String::new, |time| HttpDate::from(time).to_string());
    let _ = writeln!(
        page,
        "<tr><td><a href=\"{}{slash}\">{}{slash}</a></td>\
         <td class=\"n\">{size}</td><td class=\"n\">{date}</td></tr>",
        encode(&entry.name),
        escaped(&entry.name),
    );
}

/// `999 B`, `1.0 KiB`, `4.7 GiB`.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // What would be rounded to 1024.0 is 1.0 of the next.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// For text and double-quoted attributes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (bytes, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }

    #[test]
    fn a_long_listing_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for name in ["e", "d", "c", "b", "a"] {
            std::fs::File::create(root.join(name)).unwrap();
        }
        let shown = |max| {
            let (entries, left_out) = entries(&root, &root, max).unwrap();
            render(&RequestPath::default(), &entries, left_out, false)
        };
        let page = shown(3);
        assert!(page.contains(">c</a>") && !page.contains(">d</a>"), "{page}");
        assert!(page.contains("and 2 more"), "{page}");
        for max in [5, 6] {
            assert!(shown(max).contains(">e</a>") && !shown(max).contains("more"));
        }
    }
}
