//! Turns a fault into the error that a client sees: an internal error, or an outage with the time to wait.

use std::time::Duration;

use throughline_gateway::Code;

use crate::causes;
use crate::log::LogError;
use crate::store;
use crate::telemetry::repeated::Repeated;

static CANNOT_ANSWER: Repeated = Repeated::of("the store cannot answer");

/// How long a client should wait before it retries when the store is unavailable.
const STORE_AGAIN: Duration = Duration::from_secs(5);

/// Handles a fault. The log gets the whole chain of causes; the caller gets "internal error" and a request id. If the
/// store is locked, full or unreachable, the message says so and when to retry.
pub(super) fn fault(error: &(dyn std::error::Error + 'static)) -> async_graphql::Error {
    let chain = || std::iter::successors(Some(error), |error| error.source());
    let Some(outage) = chain().find_map(outage) else { return Code::Internal.error(causes::in_words(error)) };
    if !chain().any(is_logged) {
        CANNOT_ANSWER.met(&format_args!("{}", causes::in_words(error)));
    }
    let of_clock = chain().find_map(|cause| match cause.downcast_ref() {
        Some(off @ LogError::ClockOff(_)) => Some(off.to_string()),
        _ => None,
    });
    let message = of_clock.unwrap_or_else(|| {
        "the service cannot read or write its data now: try again in a moment, and send a mutation again with the \
         same commandId"
            .to_owned()
    });
    let mut unavailable = Code::Unavailable.error_for_now(message, STORE_AGAIN);
    let in_doubt = outage == Outage::InDoubt;
    unavailable.extensions.get_or_insert_default().set("commandInDoubt", in_doubt);
    unavailable
}

fn outage(error: &(dyn std::error::Error + 'static)) -> Option<Outage> {
    match error.downcast_ref::<LogError>() {
        Some(LogError::Unreachable) => return Some(Outage::InDoubt),
        Some(LogError::NotBegun | LogError::ClockOff(_) | LogError::Busy | LogError::Stopped) => {
            return Some(Outage::NothingDone);
        }
        _ => {}
    }
    store::is_outage(error).then_some(Outage::NothingDone)
}

/// Whether the failure was already logged where it occurred, with its cause and the number of commands affected.
fn is_logged(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(LogError::Unreachable | LogError::NotBegun | LogError::ClockOff(_)))
}

/// A store that is temporarily unavailable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outage {
    /// Nothing was done.
    NothingDone,
    /// It is unknown whether the command was recorded.
    InDoubt,
}

#[cfg(test)]
mod tests {
    use async_graphql::Value;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the caseload")]
    struct Broken(#[source] std::io::Error);

    #[test]
    fn a_fault_keeps_its_whole_chain_for_the_log() {
        let inner = std::io::Error::other("disk 7 is gone");
        let error = fault(&Broken(inner));
        assert_eq!(error.message, "cannot read the caseload: disk 7 is gone");
        assert!(Code::Internal.is_of(&error));
    }

    #[test]
    fn a_store_that_is_away_is_an_outage_and_says_whether_a_command_is_in_doubt() {
        let in_doubt = |error: &(dyn std::error::Error + 'static)| {
            let error = fault(error);
            assert!(Code::Unavailable.is_of(&error), "{error:?}");
            error.extensions.as_ref().and_then(|all| all.get("commandInDoubt")).cloned()
        };
        assert_eq!(in_doubt(&sqlx::Error::PoolTimedOut), Some(Value::from(false)));
        assert_eq!(in_doubt(&LogError::NotBegun), Some(Value::from(false)));
        assert_eq!(in_doubt(&LogError::Unreachable), Some(Value::from(true)));
    }
}
