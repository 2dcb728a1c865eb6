//! What becomes of a connection whose exchange is over: it goes to the next request, is kept, or ends.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;

use tenure_proto::CloseReason;

use super::learned::{Known, Learned};
use super::lease::Pooled;
use super::origin::Origin;
use super::pool::{CheckIn, Keep};
use super::shared::{Shared, State, hand_over};
use super::time::{aged, now};

impl Shared {
    /// A connection that persists is free: for a request that waits, or to be kept and watched.
    /// Its exchange has ended at `at`, just now, by the runtime's clock.
    pub(super) fn check_in(self: &Arc<Self>, mut pooled: Box<Pooled>, at: Instant) {
        let now = aged(at);
        let exchanges = pooled.connection.exchanges();
        if exchanges > pooled.exchanges {
            (pooled.exchanges, pooled.quiet_since) = (exchanges, now);
        }
        if let Some(why) = pooled.look() {
            self.learn(&pooled.origin, pooled.ended(Known::AtOnce), why);
            return self.retire(pooled, why);
        }
        let origin = pooled.origin.clone();
        let mut state = self.lock();
        let keep = match self.keep(&state, &pooled, now) {
            Ok(keep) => keep,
            Err(why) => {
                drop(state);
                return self.retire(pooled, why);
            }
        };
        pooled.alarm.is_armed();
        let (decision, acts) = state.pool.check_in(origin, pooled, keep, now);
        match decision {
            CheckIn::Give(ticket, pooled) => {
                let waiting = state.waiting.remove(&ticket);
                drop(state);
                hand_over(waiting, Ok(self.lent(pooled, now, None)));
            }
            CheckIn::Kept => {
                let rouse = state.rouse(keep.until);
                drop(state);
                self.rouse(rouse);
                self.carry_out(acts);
            }
        }
    }

    /// Until when a connection is kept, or why it is not.
    fn keep(&self, state: &State, pooled: &Pooled, now: Instant) -> Result<Keep, CloseReason> {
        if let Some(why) = pooled.spent(pooled.exchanges, now) {
            return Err(why);
        }
        let usage = match state.learned.get(&pooled.origin) {
            Some(learned) => learned.may_use(pooled.hint, pooled.exchanges, now),
            None => Learned::default().may_use(pooled.hint, pooled.exchanges, now),
        };
        let usage = usage.ok_or(CloseReason::RequestLimit)?;
        let kept = usage.any.map_or(self.idle_timeout, |announced| announced.min(self.idle_timeout));
        let leaves = if kept < self.idle_timeout { CloseReason::Hint } else { CloseReason::Idle };
        let careful_until = pooled.quiet_since + usage.careful.min(kept);
        let idle =
            Keep { since: pooled.quiet_since, careful_until, until: pooled.quiet_since.checked_add(kept), leaves };
        match pooled.old_at {
            Some(aged) if idle.until.is_none_or(|until| aged < until) => {
                Ok(Keep { until: Some(aged), leaves: CloseReason::Age, ..idle })
            }
            _ => Ok(idle),
        }
    }

    /// A connection in use ends.
    pub(super) fn retire(self: &Arc<Self>, pooled: Box<Pooled>, why: CloseReason) {
        let origin = pooled.origin.clone();
        self.distrust(&origin, why);
        self.ended(pooled, why);
        let mut state = self.lock();
        // What happens to its other connections now is no matter of their idle time.
        if why == CloseReason::CloseOption && state.pool.load(&origin).0 > 1 {
            state.learned.entry(origin.clone()).or_default().said_close(now());
        }
        let acts = state.pool.closed(&origin);
        drop(state);
        self.carry_out(acts);
    }

    /// A server that sends answers to nothing is not trusted with a pipeline (RFC 9112 section 9.2).
    pub(super) fn distrust(&self, origin: &Origin, why: CloseReason) {
        if let (CloseReason::Unsolicited, Some(pipeline)) = (why, &self.pipeline) {
            pipeline.failed(origin, why);
        }
    }

    pub(super) fn ended(&self, mut pooled: Box<Pooled>, why: CloseReason) {
        // Says goodbye as far as that needs no waiting: TLS its close_notify, TCP its FIN.
        let mut cx = Context::from_waker(Waker::noop());
        let _ = pooled.transport.poll_half_close(&mut cx);
        tracing::debug!(connection = pooled.id, reason = why.name(), "closed");
        if let Some(observer) = &self.observer {
            observer.closed(pooled.id, why, pooled.connection.exchanges());
        }
    }

    pub(super) fn close_idle(&self) {
        let mut state = self.lock();
        let acts = state.pool.drain();
        drop(state);
        for (pooled, why) in acts.close {
            self.ended(pooled, why);
        }
    }

    /// Closes the connection that has been idle longest: its descriptor is needed. False if none is.
    pub(super) fn give_up_one(self: &Arc<Self>) -> bool {
        let mut state = self.lock();
        let acts = state.pool.relieve();
        drop(state);
        let found = !acts.is_empty();
        self.carry_out(acts);
        found
    }
}
