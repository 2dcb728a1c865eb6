//! Chooses a small corpus: of many inputs the few that together reach most code, across all targets.
//! `cargo run --example choose -- COUNT OUT CONTROL…`, where each CONTROL is what libFuzzer wrote by
//! `-set_cover_merge=1 -use_counters=0 -merge_control_file=CONTROL`, named as its target.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let args: Vec<_> = env::args_os().skip(1).collect();
    let (count, out, controls) = match &args[..] {
        [count, out, controls @ ..] if !controls.is_empty() => (count, Path::new(out), controls),
        _ => return Err(io::Error::other("usage: choose COUNT OUT CONTROL… (the chosen go to OUT/TARGET)")),
    };
    let count = count.to_str().and_then(|count| count.parse().ok());
    let count: usize = count.ok_or_else(|| io::Error::other("COUNT is how many inputs to choose: a number"))?;
    let mut targets = controls.iter().map(|path| Target::read(Path::new(path))).collect::<io::Result<Vec<_>>>()?;
    for _ in 0..count {
        let best = targets.iter_mut().filter_map(|target| target.best().map(|best| (best, target)));
        let Some(((gain, at), target)) = best.max_by_key(|((gain, _), _)| *gain).filter(|((gain, _), _)| *gain > 0)
        else {
            break;
        };
        target.take(at, gain, out)?;
    }
    for target in &targets {
        let Target { name, chosen, reached, edges, bytes, .. } = target;
        println!("{name}: {chosen} inputs, {bytes} bytes, {reached} of {edges} edges");
    }
    Ok(())
}

/// One target's inputs, and what was chosen of them.
struct Target {
    name: String,
    inputs: Vec<Input>,
    chosen: usize,
    bytes: usize,
    reached: usize,
    /// Edges of the code that any input reaches.
    edges: usize,
}

struct Input {
    path: PathBuf,
    size: u64,
    /// Edges that it reaches and no chosen input does.
    new: HashSet<u32>,
}

/// Longer inputs are left out: they are slow, and hard to read.
const LONGEST: u64 = 1024;

impl Target {
    /// The control file: how many inputs, how many of them first ones, their paths; then lines
    /// `FT INPUT EDGE…`, and others.
    fn read(control: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(control)?;
        let wrong = || io::Error::other(format!("{} is no control file of libFuzzer's", control.display()));
        let mut lines = text.lines();
        let count = lines.next().and_then(|line| line.parse().ok()).ok_or_else(wrong)?;
        let mut inputs = Vec::new();
        for path in lines.by_ref().skip(1).take(count) {
            inputs.push(Input { path: path.into(), size: fs::metadata(path)?.len(), new: HashSet::new() });
        }
        for line in lines {
            let Some(numbers) = line.strip_prefix("FT ") else { continue };
            let mut numbers = numbers.split_whitespace().map_while(|number| number.parse::<u32>().ok());
            let input = numbers.next().and_then(|at| inputs.get_mut(at as usize)).ok_or_else(wrong)?;
            input.new.extend(numbers);
        }
        inputs.retain(|input| input.size <= LONGEST);
        let edges = inputs.iter().flat_map(|input| &input.new).collect::<HashSet<_>>().len();
        let name = control.file_name().ok_or_else(wrong)?.to_string_lossy().into_owned();
        Ok(Self { name, inputs, chosen: 0, bytes: 0, reached: 0, edges })
    }

    /// How many new edges the best input reaches, and which that is: of equals, the shortest.
    fn best(&self) -> Option<(usize, usize)> {
        let key = |input: &Input| (input.new.len(), std::cmp::Reverse(input.size));
        let (at, input) = self.inputs.iter().enumerate().max_by_key(|(_, input)| key(input))?;
        Some((input.new.len(), at))
    }

    fn take(&mut self, at: usize, gain: usize, out: &Path) -> io::Result<()> {
        let input = self.inputs.swap_remove(at);
        for other in &mut self.inputs {
            other.new.retain(|edge| !input.new.contains(edge));
        }
        let bytes = fs::read(&input.path)?;
        let dir = out.join(&self.name);
        fs::create_dir_all(&dir)?;
        fs::write(dir.join(input.path.file_name().unwrap_or(input.path.as_os_str())), &bytes)?;
        self.chosen += 1;
        self.bytes += bytes.len();
        self.reached += gain;
        Ok(())
    }
}
