//! Runs experiments side by side.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::dial::Dial;
use crate::experiments::{EXPERIMENTS, Experiment};
use crate::failure::Failure;
use crate::finding::Finding;
use crate::greeting::{self, Greeting};
use crate::lab::Lab;
use crate::line::Trouble;
use crate::report::{Report, Unmeasured};
use crate::target::Target;
use crate::timeline::{Recorder, Timeline};

/// Connections open at once, over all experiments.
const CONNECTIONS: usize = 16;

/// What happens during a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// The server answers.
    Greeted(&'a Greeting),
    /// An experiment has begun.
    Begun(&'a Experiment),
    /// A finding; more of the same experiment may follow.
    Found(&'a Finding),
    /// An experiment came to nothing.
    Failed(&'a Unmeasured),
    /// An experiment is over.
    Ended(&'a Experiment),
}

/// What to do.
pub struct Probe {
    lab: Lab,
    chosen: Vec<&'static Experiment>,
    intrusive: bool,
}

impl Probe {
    /// All experiments that disturb nobody, none waiting longer than 120 s.
    pub fn new(dial: Arc<dyn Dial>, target: Target) -> Self {
        let lab = Lab {
            dial,
            target: Arc::new(target),
            max_wait: Duration::from_secs(120),
            patience: Duration::from_secs(10),
            room: Arc::new(Semaphore::new(CONNECTIONS)),
            pace: Arc::new(Mutex::new(Instant::now())),
            one_at_a_time: false,
            recorder: Recorder::new(Instant::now()),
        };
        Self { lab, chosen: EXPERIMENTS.iter().collect(), intrusive: false }
    }

    /// The longest wait for what may never happen, such as the close of an idle connection. Default 120 s.
    #[must_use]
    pub const fn max_wait(mut self, time: Duration) -> Self {
        self.lab.max_wait = time;
        self
    }

    /// The longest wait for an answer or a connection. Default 10 s.
    #[must_use]
    pub const fn patience(mut self, time: Duration) -> Self {
        self.lab.patience = time;
        self
    }

    /// Only these experiments. They run even if they are intrusive.
    #[must_use]
    pub fn only(mut self, experiments: &[&'static Experiment]) -> Self {
        self.chosen = EXPERIMENTS.iter().filter(|e| experiments.iter().any(|only| only.name == e.name)).collect();
        self.intrusive = true;
        self
    }

    /// Also what could disturb a server that others use. Default false.
    #[must_use]
    pub const fn intrusive(mut self, yes: bool) -> Self {
        self.intrusive = yes;
        self
    }

    /// How long a run takes at most, side by side, with answers in time: a bound, not a guess.
    pub fn at_most(&self) -> Duration {
        self.experiments().map(|experiment| experiment.at_most(self.lab.max_wait)).max().unwrap_or_default()
    }

    fn experiments(&self) -> impl Iterator<Item = &'static Experiment> {
        let intrusive = self.intrusive;
        self.chosen.iter().copied().filter(move |experiment| intrusive || !experiment.intrusive)
    }

    /// Runs them, and tells what happens.
    ///
    /// # Errors
    /// There is nothing to measure, and why.
    pub async fn run(mut self, mut tell: impl FnMut(Event<'_>)) -> Result<Report, Failure> {
        let start = Instant::now();
        let greeting = greeting::greet(&self.lab).await?;
        tell(Event::Greeted(&greeting));
        if greeting::is_one_at_a_time(&self.lab).await {
            self.lab.one_at_a_time = true;
            self.lab.room = Arc::new(Semaphore::new(1));
        }
        // Side by side, unless that would only have them wait for each other.
        let side_by_side = if self.lab.one_at_a_time { 1 } else { EXPERIMENTS.len() };
        let mut waiting = self.experiments();
        let mut running = JoinSet::new();
        let (mut findings, mut unmeasured, mut timelines) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            while running.len() < side_by_side
                && let Some(experiment) = waiting.next()
            {
                let lab = Lab { recorder: Recorder::new(start), ..self.lab.clone() };
                running.spawn(async move { (experiment, conclude(experiment, &lab).await) });
                tell(Event::Begun(experiment));
            }
            let Some(done) = running.join_next().await else { break };
            let Ok((experiment, (result, timeline))) = done else { continue };
            timelines.push(timeline);
            match result {
                Ok(found) => {
                    found.iter().for_each(|finding| tell(Event::Found(finding)));
                    findings.extend(found);
                }
                Err(failed) => {
                    tell(Event::Failed(&failed));
                    unmeasured.push(failed);
                }
            }
            tell(Event::Ended(experiment));
        }
        let place = |name: &str| EXPERIMENTS.iter().position(|experiment| experiment.name == name);
        findings.sort_by_key(|finding| place(finding.experiment));
        timelines.sort_by_key(|timeline| place(timeline.experiment));
        Ok(Report {
            version: Report::VERSION,
            url: self.lab.target.url.clone(),
            greeting,
            max_wait_seconds: self.lab.max_wait.as_secs_f64(),
            took_seconds: start.elapsed().as_secs_f64(),
            findings,
            unmeasured,
            timelines,
        })
    }
}

/// One experiment, and whether the server has survived it: findings from a server that went away are not its manner.
async fn conclude(experiment: &'static Experiment, lab: &Lab) -> (Result<Vec<Finding>, Unmeasured>, Timeline) {
    let begun = Instant::now();
    let found = experiment.run(lab.clone()).await;
    let timeline = lab.recorder.timeline(experiment.name, begun);
    (survived(experiment, lab, found).await, timeline)
}

async fn survived(
    experiment: &'static Experiment,
    lab: &Lab,
    found: Result<Vec<Finding>, Trouble>,
) -> Result<Vec<Finding>, Unmeasured> {
    let failed = |why, server_gone| Unmeasured { experiment: experiment.name, why, server_gone };
    if let Err(trouble) = greeting::is_alive(lab).await {
        return Err(failed(format!("the server stopped answering: {trouble}"), true));
    }
    let mut findings = found.map_err(|trouble| failed(trouble.to_string(), false))?;
    findings.iter_mut().for_each(|finding| finding.experiment = experiment.name);
    Ok(findings)
}
