//! Instructions of a process and its children, counted by callgrind: the same in every run of the same build,
//! however busy the machine.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

/// Where instructions were spent.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place {
    /// The source file of the instruction: of the inlined function, where one was inlined.
    pub(crate) file: String,
    /// The function that it was inlined into.
    pub(crate) function: String,
}

/// What callgrind counted.
#[derive(Clone, PartialEq, Default, Debug)]
pub(crate) struct Counted {
    pub(crate) total: u64,
    pub(crate) places: BTreeMap<Place, u64>,
}

impl Counted {
    /// What was spent beyond `few`, for each of `more` requests.
    pub(crate) fn each_beyond(&self, few: &Self, more: u64) -> Each {
        let each = |many: u64, few: u64| (many as f64 - few as f64) / more as f64;
        let places = self.places.iter();
        let places = places.map(|(place, &n)| (place.clone(), each(n, few.places.get(place).copied().unwrap_or(0))));
        Each { total: each(self.total, few.total), places: places.collect() }
    }
}

/// Instructions of one request.
#[derive(Clone, PartialEq, Default, Debug)]
pub(crate) struct Each {
    pub(crate) total: f64,
    pub(crate) places: BTreeMap<Place, f64>,
}

/// The command line that another program's is appended to; what it counts goes to `folder`, a file for each process.
pub(crate) fn wrapper(folder: &Path) -> Vec<OsString> {
    let mut out = OsString::from("--callgrind-out-file=");
    out.push(folder.join("%p"));
    // Nobody will debug it, and the files for that are not always there to be had.
    let fixed = ["valgrind", "--tool=callgrind", "--quiet", "--vgdb=no", "--trace-children=yes"];
    fixed.into_iter().map(OsString::from).chain([out]).collect()
}

/// Reads what a command line of [`wrapper`] wrote, and removes it.
pub(crate) fn collect(folder: &Path) -> io::Result<Counted> {
    let mut counted = Counted::default();
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        add(&mut counted, &fs::read_to_string(&file)?);
        fs::remove_file(file)?;
    }
    if counted.total == 0 { Err(io::Error::other("callgrind wrote nothing")) } else { Ok(counted) }
}

/// The reason, if valgrind is what is missing.
pub(crate) fn explain(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotFound => io::Error::new(error.kind(), "valgrind cannot be run: it must be installed"),
        _ => error,
    }
}

/// Names are written once, as `(7) name`, and later as `(7)`.
#[derive(Default)]
struct Names(HashMap<String, String>);

impl Names {
    fn resolve(&mut self, text: &str) -> String {
        match text.split_once(' ') {
            Some((id, name)) => self.0.entry(id.to_owned()).or_insert_with(|| name.to_owned()).clone(),
            None => self.0.get(text).cloned().unwrap_or_default(),
        }
    }
}

/// One file of callgrind's: positions are lines, costs are instructions alone.
fn add(counted: &mut Counted, text: &str) {
    let (mut files, mut functions) = (Names::default(), Names::default());
    let mut place = Place { file: String::new(), function: String::new() };
    let mut is_callee = false;
    for line in text.lines() {
        if line.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '*')) {
            let cost = line.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
            // The line after `calls=` is what the callee cost, which stands at the callee too.
            if !std::mem::take(&mut is_callee) {
                counted.total += cost;
                *counted.places.entry(place.clone()).or_default() += cost;
            }
            continue;
        }
        match line.split_once('=') {
            Some(("fl" | "fi" | "fe", name)) => place.file = files.resolve(name),
            Some(("fn", name)) => place.function = functions.resolve(name),
            // These only have to be remembered.
            Some(("cfi" | "cfl", name)) => drop(files.resolve(name)),
            Some(("cfn", name)) => drop(functions.resolve(name)),
            Some(("calls", _)) => is_callee = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_those_of_the_place_itself() {
        let text = "positions: line\nevents: Ir\n\nob=(1) /x\nfl=(1) /a/main.rs\nfn=(1) main\n16 400\n+2 50\n\
            cfi=(2) /a/lib.rs\ncfn=(2) inner\ncalls=3 5\n+1 90\nfi=(2)\n7 10\nfe=(1)\n* 1\n\nfl=(2)\nfn=(2)\n5 90\n\ntotals: 551\n";
        let mut counted = Counted::default();
        add(&mut counted, text);
        let place = |file: &str, function: &str| Place { file: file.into(), function: function.into() };
        assert_eq!(counted.total, 551);
        assert_eq!(counted.places[&place("/a/main.rs", "main")], 451);
        assert_eq!(counted.places[&place("/a/lib.rs", "main")], 10);
        assert_eq!(counted.places[&place("/a/lib.rs", "inner")], 90);
        let mut more = counted.clone();
        add(&mut more, "fl=(1) /a/lib.rs\nfn=(1) inner\n5 20\n");
        let each = more.each_beyond(&counted, 10);
        assert_eq!((each.total, each.places[&place("/a/lib.rs", "inner")]), (2.0, 2.0));
    }
}
