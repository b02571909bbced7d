//! Replies of the append task to the callers that wait.
//!
//! It decides and writes nothing.

use tokio::sync::oneshot;

use super::{Answer, Batch, Decide, Failed, Rejection, Verdict, Waiting};
use crate::log::LogError;
use crate::telemetry::repeated::Repeated;

static NOT_WRITTEN: Repeated = Repeated::of("the log cannot be written");

/// A command that was given to the append task, with its pending answer. While it waits, the caller holds no resources
/// of the store.
pub struct Sent<R>(pub(super) oneshot::Receiver<Result<Answer, Rejection<R>>>);

impl<R> Sent<R> {
    /// Waits for the result of the command. If the task ended, it may still have written the command.
    pub async fn answer(self) -> Result<Answer, Rejection<R>> {
        self.0.await.map_err(|_| Rejection::Fault(LogError::Unreachable))?
    }
}

/// Answers all callers. If a caller no longer waits, its events are in the log all the same.
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

/// Answers that a command failed on its own and that nothing was recorded. If the store is away, it is logged here.
/// Other errors are logged by the sender.
pub(super) fn refuse<D: Decide<S>, S>(error: LogError, alone: Vec<Waiting<D, S>>) {
    let reported = if error.is_outage() {
        NOT_WRITTEN.met(&error);
        LogError::NotBegun
    } else {
        error
    };
    if let Some(waiting) = alone.into_iter().next() {
        let _ = waiting.reply.send(Err(Rejection::Fault(reported)));
    }
}

/// Answers all callers that the database does not answer or the clock is off. Retrying each command would only make
/// them wait longer. The commands that were not tried again are not recorded. This is logged here, once for all of
/// them.
pub(super) fn give_up<D: Decide<S>, S>(
    failed: &Failed,
    batch: Vec<Waiting<D, S>>,
    rest: impl IntoIterator<Item = Waiting<D, S>>,
) {
    let mut commands = 0;
    let tried = batch.into_iter().map(|waiting| (waiting, matches!(failed, Failed::NotBegun(_))));
    for (waiting, is_not_begun) in tried.chain(rest.into_iter().map(|waiting| (waiting, true))) {
        let reported = match failed {
            Failed::ClockOff(off) => LogError::ClockOff(*off),
            _ if is_not_begun => LogError::NotBegun,
            _ => LogError::Unreachable,
        };
        let _ = waiting.reply.send(Err(Rejection::Fault(reported)));
        commands += 1;
    }
    let error: &dyn std::fmt::Debug = match failed {
        Failed::NotBegun(error) | Failed::Unreachable(error) => error,
        Failed::ClockOff(off) => off,
        Failed::Faulted(error) => error,
    };
    NOT_WRITTEN.met_times(commands, error);
}
