//! The pool's one task, which runs while connections are idle: closes them when their time is over,
//! and at once when their server does.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::origin::Origin;
use super::pool::Id;
use super::shared::{Shared, State};
use super::time::now;
use super::watch::Watch;

/// How long the task of a pool rests in which nothing is to be closed by time.
const LONG: Duration = Duration::from_secs(3600);
/// How often what was learned is looked through for what is too old.
const FORGET: Duration = Duration::from_secs(60);

/// What a new idle connection asks of the keeper.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rouse {
    /// Nothing: it comes round in time.
    Not,
    /// To look again when it has to be back.
    Ring,
    /// There is none.
    Start,
}

impl State {
    /// A connection was added that is idle until `until`.
    pub(super) fn rouse(&mut self, until: Option<Instant>) -> Rouse {
        if !std::mem::replace(&mut self.is_kept, true) {
            return Rouse::Start;
        }
        match (until, self.wakes_at) {
            (Some(until), Some(wakes_at)) if until < wakes_at => Rouse::Ring,
            _ => Rouse::Not,
        }
    }
}

impl Shared {
    /// Without a runtime nothing is watched; a connection is still checked before it is used again.
    pub(super) fn rouse(self: &Arc<Self>, rouse: Rouse) {
        match rouse {
            Rouse::Not => {}
            Rouse::Ring => self.watch.keeper.notify_one(),
            Rouse::Start => {
                let keeper = Keeper { shared: Arc::downgrade(self), is_done: false };
                // If there is no runtime the keeper is dropped, and says so.
                self.spawn(keep(keeper, Arc::clone(&self.watch)));
            }
        }
    }

    /// Looks at those on which something came, and closes those whose time is over. When to look
    /// again; `None` if nothing is idle and it was time to look.
    fn tend(self: &Arc<Self>, in_time: bool) -> Option<Instant> {
        for (origin, id) in self.watch.take() {
            self.visit(&origin, id);
        }
        let now = now();
        let mut state = self.lock();
        let acts = state.pool.expire(now);
        if state.forgets_at.is_none_or(|at| at <= now) {
            state.forgets_at = now.checked_add(FORGET);
            self.forget(&mut state, now);
        }
        if state.pool.idle() > 0 {
            state.wakes_at = state.pool.next_expiry().or_else(|| now.checked_add(LONG));
        } else if in_time {
            state.wakes_at = None;
        }
        let next = state.wakes_at;
        // Under the lock: whoever adds an idle connection after this starts another keeper.
        state.is_kept = next.is_some();
        drop(state);
        self.carry_out(acts);
        next
    }

    /// Something came on a connection, if it is idle.
    fn visit(self: &Arc<Self>, origin: &Origin, id: Id) {
        let found = self.lock().pool.take(origin, |pooled| pooled.id == id);
        if let Some(mut pooled) = found {
            pooled.has_waited();
            self.check_in(pooled, crate::io::now());
        }
    }
}

/// The task's hold of its pool. If it is dropped before it is done its runtime has ended, and the
/// next idle connection starts another.
struct Keeper {
    shared: Weak<Shared>,
    is_done: bool,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let (false, Some(shared)) = (self.is_done, self.shared.upgrade()) {
            shared.lock().is_kept = false;
        }
    }
}

/// The client may go away under it.
async fn keep(mut keeper: Keeper, watch: Arc<Watch>) {
    let mut in_time = false;
    while let Some(shared) = keeper.shared.upgrade() {
        let next = shared.tend(in_time);
        drop(shared);
        let Some(next) = next else {
            keeper.is_done = true;
            return;
        };
        let left = next.saturating_duration_since(now());
        in_time = tokio::select! {
            () = watch.keeper.notified() => false,
            () = tokio::time::sleep(left) => true,
        };
    }
}
