//! What became of the requests of one row.

use tenure::Fate;

/// What a caller got for one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// The answer to it, whole.
    Answered,
    Error(Fate),
    /// A 408 (Request Timeout) as its answer.
    TimedOut408,
    /// An answer that is not its own.
    Wrong,
    /// Stray bytes that were sent when the request had come: nobody can tell them from the answer.
    Crossed,
    /// Nothing, for far longer than any wait of the scenario.
    Hung,
}

/// Counts.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Tally {
    pub(crate) answered: u64,
    // Errors whose fate says that the request can be sent again.
    pub(crate) not_sent: u64,
    pub(crate) incomplete: u64,
    pub(crate) undelivered: u64,
    pub(crate) part: u64,
    pub(crate) unknown: u64,
    pub(crate) timed_out_408: u64,
    pub(crate) wrong: u64,
    pub(crate) crossed: u64,
    pub(crate) hung: u64,
    /// Of the above, those that the evidence allows to avoid.
    pub(crate) avoidable: u64,
    /// Errors with a fate that the server's account contradicts.
    pub(crate) untrue: u64,
    /// Requests of a method that is not idempotent, processed twice.
    pub(crate) twice: u64,
    pub(crate) repeats: u64,
    pub(crate) connections: u64,
}

impl Tally {
    /// Counts `outcome` of a request that the server processed so many times. `remains` are the
    /// outcomes that no client can avoid here.
    pub(crate) fn add(&mut self, outcome: Outcome, processed: u64, remains: &[Outcome]) {
        match outcome {
            Outcome::Answered => self.answered += 1,
            Outcome::TimedOut408 => self.timed_out_408 += 1,
            Outcome::Wrong => self.wrong += 1,
            Outcome::Crossed => self.crossed += 1,
            Outcome::Hung => self.hung += 1,
            Outcome::Error(fate) => {
                match fate {
                    Fate::NotSent => self.not_sent += 1,
                    Fate::Incomplete | Fate::Withheld => self.incomplete += 1,
                    fate if fate.is_safe_to_retry() => self.undelivered += 1,
                    Fate::AnsweredInPart => self.part += 1,
                    _ => self.unknown += 1,
                }
                let untrue = match fate {
                    fate if fate.is_safe_to_retry() => processed > 0,
                    Fate::AnsweredInPart => processed == 0,
                    _ => false,
                };
                self.untrue += u64::from(untrue);
            }
        }
        let fine = matches!(outcome, Outcome::Answered | Outcome::Crossed);
        self.avoidable += u64::from(!fine && !remains.contains(&outcome));
    }

    /// Errors whose fate says that the request can be sent again.
    pub(crate) const fn safe(&self) -> u64 {
        self.not_sent + self.incomplete + self.undelivered
    }

    /// Requests without the right answer, but for those that nobody could have got.
    pub(crate) const fn lost(&self) -> u64 {
        self.safe() + self.part + self.unknown + self.timed_out_408 + self.wrong + self.hung
    }

    /// Nothing happened that a right client prevents, but perhaps for requests processed twice.
    pub(crate) const fn is_sound(&self) -> bool {
        self.avoidable == 0 && self.untrue == 0 && self.wrong == 0 && self.hung == 0
    }
}
