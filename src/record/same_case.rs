//! A second open case with a case number of another system. It is more likely the same referral sent twice than a new
//! one.
//!
//! The live view says which journeys have the number. A command waits at most a second until the view has applied
//! everything recorded before the command arrived. Whether the journeys are open is read from their own streams, under
//! the lock of the log's head. Two commands at the same time do not see each other, and both are accepted. A case that
//! the sender may not see is never mentioned.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Sender;
use crate::log::LogError;
use crate::queries;
use crate::views::Views;
use throughline_domain::command::{Command, ReceiveReferral};
use throughline_domain::fact::History;
use throughline_domain::fact::envelope::{JourneyId, StreamId};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};
use throughline_domain::journey::Journey;

/// The most time that a command waits until the view has applied what was recorded before it.
const PATIENCE: Duration = Duration::from_secs(1);

const CODE: RefusalCode = RefusalCode::CaseAlreadyOpen;

/// The referral of a command, if it has case numbers.
fn numbered(command: &Command) -> Option<&ReceiveReferral> {
    match command {
        Command::ReceiveReferral(referral) => Some(referral).filter(|one| !one.fact.external_references.is_empty()),
        _ => None,
    }
}

/// The journeys of the same contract with one of the command's case numbers, limited to those that the sender may see.
pub(super) async fn candidates(
    views: &Views,
    sender: &Sender,
    command: &Command,
    accepted: &BTreeSet<String>,
) -> Result<Vec<JourneyId>, LogError> {
    let asks = numbered(command).filter(|_| !accepted.contains(CODE.as_str()));
    let Some(ReceiveReferral { journey, contract, fact, .. }) = asks else { return Ok(Vec::new()) };
    let head = views.log().head().await?.position;
    views.passed(head, PATIENCE).await;
    let live = views.live();
    let mut found = BTreeSet::new();
    for reference in &fact.external_references {
        found.extend(queries::case_numbers::journeys_with(&live, contract, (&reference.system, &reference.id)).await?);
    }
    found.remove(journey);
    let found: Vec<(JourneyId, &str)> = found.into_iter().map(|id| (id, contract.as_str())).collect();
    if found.is_empty() {
        return Ok(Vec::new());
    }
    Ok(queries::caseload_scope::readable(&live, &sender.principal, sender.today, &found).await?.into_iter().collect())
}

/// Warns of a referral if one of these journeys is open and has its case number.
pub(super) fn is_new<'h>(
    command: &Command,
    candidates: &[JourneyId],
    accepted: &BTreeSet<String>,
    history: impl Fn(StreamId) -> Option<&'h History>,
) -> Result<(), Vec<Refusal>> {
    let Some(referral) = numbered(command).filter(|_| !accepted.contains(CODE.as_str())) else { return Ok(()) };
    for candidate in candidates {
        let journey = history(StreamId::journey(*candidate)).map(History::journey).unwrap_or_default();
        let Some(at) = shared(referral, &journey).filter(|_| is_open(&journey)) else { continue };
        let message = "an open case has this case number: use that case, or accept this warning if this is a different \
            case";
        let warning = Refusal::new(CODE, message).at(format!("external_references.{at}.id"));
        return Err(warning.allowing([candidate]).as_warning().alone());
    }
    Ok(())
}

/// The index of the first case number of the referral that a journey has too.
fn shared(referral: &ReceiveReferral, journey: &Journey) -> Option<usize> {
    let theirs = &journey.referral.as_ref()?.details.external_references;
    referral.fact.external_references.iter().position(|reference| theirs.contains(reference))
}

fn is_open(journey: &Journey) -> bool {
    journey.closed().is_none() && journey.turned_away().is_none()
}
