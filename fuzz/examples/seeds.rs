//! Writes seeds for the fuzz targets that read bytes: the inputs of the conformance cases, each
//! behind the header its target expects. `cargo run --example seeds -- DIR`

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let Some(out) = env::args_os().nth(1) else {
        return Err(io::Error::other("usage: seeds DIR (the seeds go to DIR/server, DIR/client and DIR/differential)"));
    };
    let out = Path::new(&out);
    for target in ["server", "client", "differential"] {
        fs::create_dir_all(out.join(target))?;
    }
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance");
    let mut count = 0;
    for entry in fs::read_dir(cases)? {
        let path = entry?.path();
        if path.extension().is_none_or(|e| e != "md") {
            continue;
        }
        for (info, bytes) in blocks(&fs::read_to_string(&path)?) {
            write(out, count, &info, &bytes)?;
            count += 1;
        }
    }
    println!("{count} cases");
    Ok(())
}

/// One case for each target it suits. `number` varies what the conformance case does not say.
fn write(out: &Path, number: usize, info: &str, bytes: &[u8]) -> io::Result<()> {
    let has = |word: &str| info.split_whitespace().any(|w| w == word);
    let mut flags = u8::from(has("eof"));
    flags |= u8::from(info.contains("limits.")) << 1;
    flags |= u8::from(info.contains("http10_keep_alive=off")) << 2;
    flags |= u8::from(has("http09")) << 3;
    flags |= u8::from(number.is_multiple_of(5)) << 4;
    let varied = number as u8;
    let pieces = [varied % 7 + 1, 1, varied % 31 + 1, 2, 0];
    let (target, own) =
        if info.starts_with("server") { ("server", [varied % 4, varied / 4 % 8]) } else { ("client", requests(info)) };
    let name = format!("case-{number:03}");
    fs::write(out.join(target).join(&name), [&[flags, own[0], own[1]], &pieces[..], bytes].concat())?;

    let role = u8::from(target == "client");
    fs::write(out.join("differential").join(&name), [&[role], bytes].concat())?;
    // Where the head says so, also its content alone.
    let head_end = bytes.windows(4).position(|w| w == b"\r\n\r\n");
    if let Some(at) = head_end.filter(|_| bytes.to_ascii_lowercase().windows(7).any(|w| w == b"chunked")) {
        fs::write(out.join("differential").join(name + "-chunks"), [&[role | 2], &bytes[at + 4..]].concat())?;
    }
    Ok(())
}

/// The two bytes of the target `client` that say which requests were sent.
fn requests(info: &str) -> [u8; 2] {
    let (mut flags, mut methods) = (0, 0);
    for word in info.split_whitespace() {
        match word.split_once('=').unwrap_or((word, "")) {
            ("method", list) => {
                for method in list.split(',').filter(|m| *m != "none").take(4) {
                    let code = ["GET", "HEAD", "POST", "CONNECT"].iter().position(|m| *m == method).unwrap_or(2) as u8;
                    methods |= code << (2 * flags);
                    flags += 1;
                }
            }
            ("version", "1.0") => flags |= 8,
            ("close", _) => flags |= 16,
            ("upgrade", _) => flags |= 32,
            _ => {}
        }
    }
    [flags, methods]
}

/// The `http` blocks of a file of cases: their info string, and the bytes they stand for.
fn blocks(text: &str) -> Vec<(String, Vec<u8>)> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```http ") else { continue };
        let bytes = lines.by_ref().take_while(|line| *line != "```").flat_map(unescape).collect();
        blocks.push((info.to_owned(), bytes));
    }
    blocks
}

/// A line ends in CR LF unless a backslash ends it; `\r \n \t \0 \\ \xHH` are bytes.
fn unescape(line: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), line.as_bytes());
    loop {
        rest = match rest {
            [b'\\'] => return bytes,
            [] => {
                bytes.extend_from_slice(b"\r\n");
                return bytes;
            }
            [b'\\', b'x', a, b, rest @ ..] => {
                let digit = |d: u8| char::from(d).to_digit(16).unwrap_or(0) as u8;
                bytes.push(digit(*a) << 4 | digit(*b));
                rest
            }
            [b'\\', c, rest @ ..] => {
                bytes.push(match c {
                    b'r' => b'\r',
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'0' => 0,
                    other => *other,
                });
                rest
            }
            [b, rest @ ..] => {
                bytes.push(*b);
                rest
            }
        };
    }
}
