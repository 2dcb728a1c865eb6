//! What a run will do, decided before it begins: which file goes where, and which need not go.

use std::collections::HashMap;
use std::path::Path;

use http::{Method, Uri};

use super::Args;
use super::deliver::Job;
use super::input::{Inputs, Kind};
use super::journal::{Entry, Journal, Mark};
use super::target::Target;
use crate::net::{Ended, WrongUse, list};
use crate::report::{Failure, Item, Outcome, Stream, say, units};

/// Everything the command line names. The run's own journal and wire log are left out of folders,
/// with a word about it: they change while the run goes on.
pub(super) fn inputs(args: &Args) -> Result<Inputs, WrongUse> {
    let mut inputs = Inputs::default();
    for path in &args.files {
        inputs.add_argument(path)?;
    }
    if let Some(from) = &args.files_from {
        let ended = if args.null { Ended::Null } else { Ended::Line };
        for path in list("--files-from", from, ended)? {
            inputs.add_listed(Path::new(&path));
        }
    }
    if args.compare && inputs.files.iter().any(|input| !matches!(input.kind, Kind::File(_))) {
        return Err(WrongUse::new("--compare sends everything twice, and a pipe can be read only once"));
    }
    for own in args.journal.iter().chain(args.net.wire()) {
        leave_out(&mut inputs, own);
    }
    Ok(inputs)
}

fn leave_out(inputs: &mut Inputs, own: &Path) {
    let Ok(own) = own.canonicalize() else { return };
    let is_own = |path: &Path| path.file_name() == own.file_name() && path.canonicalize().is_ok_and(|path| path == own);
    inputs.files.retain(|input| {
        let keep = !is_own(&input.path);
        if !keep {
            say(Stream::Stderr, &format!("leaving out {}, which this run writes itself", input.name()));
        }
        keep
    });
}

/// The work of a run.
pub(super) struct Plan {
    pub(super) jobs: Vec<Job>,
    /// What is decided already: stored earlier, or not to be sent.
    pub(super) settled: Vec<Item>,
}

impl Plan {
    /// # Errors
    /// The target does not fit the files: several PUTs would replace each other.
    pub(super) fn new(
        inputs: Inputs,
        target: &Target,
        method: Method,
        journal: Option<&Journal>,
        resend_unknown: bool,
    ) -> Result<Self, WrongUse> {
        let unusable = inputs.unusable.into_iter();
        let mut settled: Vec<Item> =
            unusable.map(|(path, failure)| Item::untried(units::path(&path), "", Outcome::Failed(failure))).collect();
        let mut jobs = Vec::with_capacity(inputs.files.len());
        for input in inputs.files {
            match target.uri(&input.path) {
                Ok(uri) => jobs.push(Job { input, uri }),
                Err(e) => settled.push(Item::untried(input.name(), "", Outcome::Failed(Failure::new(e.to_string())))),
            }
        }
        if method == Method::PUT {
            distinct(&jobs, target)?;
        }
        let mut plan = Self { jobs: Vec::with_capacity(jobs.len()), settled };
        for job in jobs {
            match journal.and_then(|journal| earlier(&job, &method, journal, resend_unknown)) {
                Some(outcome) => plan.settled.push(Item::untried(job.input.name(), job.uri.to_string(), outcome)),
                None => plan.jobs.push(job),
            }
        }
        Ok(plan)
    }

    /// Of content, as far as that is known.
    pub(super) fn bytes(&self) -> u64 {
        self.jobs.iter().filter_map(|job| job.input.len()).sum()
    }
}

/// What an earlier run has settled about a file.
fn earlier(job: &Job, method: &Method, journal: &Journal, resend_unknown: bool) -> Option<Outcome> {
    let Kind::File(stamp) = job.input.kind else { return None };
    match journal.mark(&Entry::new(method, &job.uri, &job.input.path, stamp))? {
        Mark::Stored => Some(Outcome::Earlier),
        // A PUT has the same effect however often it is sent.
        Mark::Sending | Mark::Unknown if !resend_unknown && *method != Method::PUT => Some(Outcome::Failed(
            Failure::new("an earlier run sent it and did not learn whether the server stored it; not sent again")
                .advice("look whether the server has it; --resend-unknown sends it again")
                .fate(tenure::Fate::Unknown),
        )),
        Mark::Sending | Mark::Unknown | Mark::Failed => None,
    }
}

/// RFC 9110 section 9.3.4: a PUT replaces what is there. Of two to one URL only the last would be left.
fn distinct(jobs: &[Job], target: &Target) -> Result<(), WrongUse> {
    let mut seen: HashMap<&Uri, &Path> = HashMap::new();
    for job in jobs {
        match seen.insert(&job.uri, &job.input.path) {
            Some(other) if other != job.input.path => {
                let advice = if target.is_exact() { "end the URL with '/', or use {path}" } else { "use {path}" };
                return Err(WrongUse::new(format!(
                    "{} and {} would both be PUT to {}, and only one be left; {advice}",
                    units::path(other),
                    job.input.name(),
                    job.uri
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(names: &[&str]) -> (tempfile::TempDir, Inputs) {
        let dir = tempfile::tempdir().unwrap();
        let mut inputs = Inputs::default();
        for name in names {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, name).unwrap();
            inputs.add_argument(&path).unwrap();
        }
        (dir, inputs)
    }

    fn plan(inputs: &Inputs, to: &str, method: Method) -> Result<Plan, WrongUse> {
        Plan::new(inputs.clone(), &Target::parse(to, false).unwrap(), method, None, false)
    }

    #[test]
    fn puts_that_would_replace_each_other_are_refused() {
        let (_dir, two) = inputs(&["a/x", "b/x"]);
        for to in ["http://h/{name}", "http://h/exact"] {
            assert!(plan(&two, to, Method::PUT).err().unwrap().to_string().contains("only one be left"), "{to}");
            assert_eq!(plan(&two, to, Method::POST).unwrap().jobs.len(), 2, "the server tells POSTs apart");
        }
        assert_eq!(plan(&two, "http://h/{path}", Method::PUT).unwrap().jobs.len(), 2);
        let (_dir, one) = inputs(&["a/x"]);
        assert_eq!(plan(&one, "http://h/exact", Method::PUT).unwrap().bytes(), 3);
    }

    #[test]
    fn the_journal_settles_what_it_knows() {
        let (dir, all) = inputs(&["stored", "unknown", "sending", "failed", "new"]);
        let target = Target::parse("http://h/in/", false).unwrap();
        let path = dir.path().join("journal");
        for method in [Method::POST, Method::PUT] {
            let journal = Journal::open(&path).unwrap();
            for (input, mark) in all.files.iter().zip([Mark::Stored, Mark::Unknown, Mark::Sending, Mark::Failed]) {
                let Kind::File(stamp) = input.kind else { panic!("a file") };
                let uri = target.uri(&input.path).unwrap();
                journal.note(mark, &Entry::new(&method, &uri, &input.path, stamp)).unwrap();
            }
        }
        let journal = Journal::open(&path).unwrap();
        let plan = |method, resend| {
            let plan = Plan::new(all.clone(), &target, method, Some(&journal), resend).unwrap();
            let names = |n: &str| Path::new(n).file_name().unwrap().to_string_lossy().into_owned();
            let jobs: Vec<String> = plan.jobs.iter().map(|job| names(&job.input.name())).collect();
            let failed = plan.settled.iter().filter(|item| matches!(item.outcome, Outcome::Failed(_))).count();
            (jobs.join(" "), failed, plan.settled.len() - failed)
        };
        assert_eq!(plan(Method::POST, false), ("failed new".into(), 2, 1));
        assert_eq!(plan(Method::POST, true), ("unknown sending failed new".into(), 0, 1));
        assert_eq!(plan(Method::PUT, false), ("unknown sending failed new".into(), 0, 1));
    }
}
