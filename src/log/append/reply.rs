//! Replies: what those who wait for the append task are told.
//!
//! It decides and writes nothing.

use tokio::sync::oneshot;

use super::{Answer, Batch, Decide, Failed, Rejection, Verdict, Waiting};
use crate::log::LogError;
use crate::telemetry::repeated::Repeated;

static NOT_WRITTEN: Repeated = Repeated::of("the log cannot be written");

/// A command that is with the append task, and what becomes of it. Whoever waits holds nothing of the store.
pub struct Sent<R>(pub(super) oneshot::Receiver<Result<Answer, Rejection<R>>>);

impl<R> Sent<R> {
    /// Waits for what becomes of the command. A task that ended with it may have written it before.
    pub async fn answer(self) -> Result<Answer, Rejection<R>> {
        self.0.await.map_err(|_| Rejection::Fault(LogError::Unreachable))?
    }
}

/// Tells everybody what became of their command. Whoever hung up has no use for the answer; the events are in the log
/// all the same.
pub(super) fn answer<D: Decide<S>, S>(waiting: Vec<Waiting<D, S>>, done: Batch, verdicts: Vec<Verdict<D::Refusal>>) {
    let mut events = done.events.into_iter();
    for (waiting, verdict) in waiting.into_iter().zip(verdicts) {
        let answer = match verdict {
            Verdict::Accepted(count) => Ok(Answer::New(events.by_ref().take(count).collect())),
            Verdict::Replayed(first, last) => Ok(Answer::Before(first, last)),
            Verdict::Rejected(rejection) => Err(rejection),
        };
        let _ = waiting.reply.send(answer);
    }
}

/// Tells the one command that was tried alone that it failed, and that nothing of it is recorded. A store that is away is
/// logged here; what else it was, by whoever sent the command.
pub(super) fn refuse<D: Decide<S>, S>(error: LogError, alone: Vec<Waiting<D, S>>) {
    let told = if error.is_outage() {
        NOT_WRITTEN.met(&error);
        LogError::NotBegun
    } else {
        error
    };
    if let Some(waiting) = alone.into_iter().next() {
        let _ = waiting.reply.send(Err(Rejection::Fault(told)));
    }
}

/// Tells everybody that the database does not answer, or the clock is off: trying each alone would only keep them
/// waiting. Nothing is recorded of the rest, who were not sent again. It is logged here, once for all of them.
pub(super) fn give_up<D: Decide<S>, S>(
    failed: &Failed,
    batch: Vec<Waiting<D, S>>,
    rest: impl IntoIterator<Item = Waiting<D, S>>,
) {
    let mut commands = 0;
    let tried = batch.into_iter().map(|waiting| (waiting, matches!(failed, Failed::NotBegun(_))));
    for (waiting, is_not_begun) in tried.chain(rest.into_iter().map(|waiting| (waiting, true))) {
        let told = match failed {
            Failed::ClockOff(off) => LogError::ClockOff(*off),
            _ if is_not_begun => LogError::NotBegun,
            _ => LogError::Unreachable,
        };
        let _ = waiting.reply.send(Err(Rejection::Fault(told)));
        commands += 1;
    }
    let error: &dyn std::fmt::Debug = match failed {
        Failed::NotBegun(error) | Failed::Unreachable(error) => error,
        Failed::ClockOff(off) => off,
        Failed::Faulted(error) => error,
    };
    NOT_WRITTEN.met_times(commands, error);
}
