//! Gathers what became of each file while a run goes on, and tells of it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::item::{Item, Outcome};
use super::out::{Out, Stream, say};
use super::summary::Summary;
use super::table::{self, Words};
use super::tally::Tally;
use super::{json, units};

/// How a run is told of.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) json: bool,
    /// Only the summary is told.
    pub(crate) quiet: bool,
    pub(crate) stream: Stream,
    pub(crate) words: Words,
}

/// Shared by all workers of a run.
pub(crate) struct Reporter {
    manner: Manner,
    out: Out,
    bar: ProgressBar,
    begun: Instant,
    sum: Mutex<Summary>,
}

impl Reporter {
    /// For a run of `files` files; `bytes` of content in all, as far as that is known.
    pub(crate) fn new(manner: Manner, files: u64, bytes: u64) -> Self {
        let bar = if manner.json { ProgressBar::hidden() } else { bar(files, bytes) };
        Self { bar, ..Self::without_bar(manner) }
    }

    /// For a run that itself writes to the terminal.
    pub(crate) fn without_bar(manner: Manner) -> Self {
        let (bar, out) = (ProgressBar::hidden(), Out::new(manner.stream));
        Self { manner, out, bar, begun: Instant::now(), sum: Mutex::default() }
    }

    /// The progress bar, for whoever moves bytes. Hidden unless standard error is a terminal.
    pub(crate) const fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// A file has ended.
    pub(crate) fn ended(&self, item: Item) {
        if self.manner.json && !self.manner.quiet {
            self.out.write(&json::file(&item, self.manner.words));
        }
        let mut sum = self.sum();
        sum.secure |= item.url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        sum.waited += item.wait;
        sum.longest = sum.longest.max(item.took);
        if let Some(pipelined) = item.connection.as_ref().and_then(|connection| connection.pipelined) {
            sum.pipelined += 1;
            sum.deepest = sum.deepest.max(pipelined.depth);
            sum.held_up = sum.held_up.max(pipelined.waited);
        }
        match item.outcome {
            Outcome::Done => {
                sum.done += 1;
                sum.bytes += item.bytes;
            }
            Outcome::Earlier => sum.earlier += 1,
            Outcome::Failed(failure) => sum.failures.push((item.name, failure)),
        }
        let (done, failed) = (sum.done, sum.failures.len() as u64);
        drop(sum);
        let failed = if failed > 0 { format!(", {} failed", units::count(failed)) } else { String::new() };
        self.bar.set_message(format!("{} {}{failed}", units::count(done), self.manner.words.done));
    }

    /// Files that will not be begun any more.
    pub(crate) fn untried(&self, files: u64) {
        self.sum().untried += files;
    }

    /// A line for the user while the run goes on.
    pub(crate) fn note(&self, line: &str) {
        self.bar.suspend(|| say(Stream::Stderr, line));
    }

    /// The run is over, and its connections have ended.
    pub(crate) fn sum_up(&self, tally: &Tally, at_once: usize) -> Summary {
        self.bar.finish_and_clear();
        let mut sum = self.sum().clone();
        sum.elapsed = self.begun.elapsed();
        sum.at_once = at_once;
        sum.connections = tally.lives();
        sum
    }

    /// Tells of the run: the table, or the last line of JSON, where `run` may name it.
    pub(crate) fn tell(&self, summary: &Summary, run: Option<&str>) {
        if self.manner.json {
            self.out.write(&json::summary(summary, run));
        } else {
            self.out.write(&table::report(summary, self.manner.words, self.out.paint()));
        }
    }

    /// Tells how two runs compare. In JSON the second summary says it all, beside the first.
    pub(crate) fn compare(&self, persistent: &Summary, each: &Summary) {
        if self.manner.json {
            self.out.write(&json::summary(each, Some("one-for-each-file")));
        } else {
            self.out.write(&table::comparison(persistent, each, self.out.paint()));
        }
    }

    /// Tells how a page came over one connection and over six. In JSON the two summaries say it all.
    pub(crate) fn compare_page(&self, one: &Summary, six: &Summary) {
        if !self.manner.json {
            self.out.write(&table::page_comparison(one, six, self.out.paint()));
        }
    }

    /// The report could not be written, and not because nobody read it.
    pub(crate) fn is_damaged(&self) -> bool {
        self.out.is_damaged()
    }

    fn sum(&self) -> MutexGuard<'_, Summary> {
        self.sum.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// On standard error, and only if that is a terminal.
fn bar(files: u64, bytes: u64) -> ProgressBar {
    let target = ProgressDrawTarget::stderr();
    if target.is_hidden() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(bytes), target);
    let style = ProgressStyle::with_template(
        "{bar:32} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} eta {eta}  {msg} of {prefix}",
    );
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar.set_prefix(units::counted(files, "file", "files"));
    bar.set_message("0");
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
