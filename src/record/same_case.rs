//! A second open case with a case number of another system. It is more likely the same referral sent twice than a new
//! one.
//!
//! The live view says which journeys have the number. A command waits at most a second until the view has applied
//! everything recorded before the command arrived. Whether the journeys are open is read from their own streams, under
//! the lock of the log's head. Two commands at the same time do not see each other, and both are accepted. A case that
//! the sender may not see is never mentioned.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use super::Sender;
use crate::log::LogError;
use crate::queries;
use crate::views::Views;
use throughline_domain::command::offers::{LinkTo, OfferAct, OfferCommand};
use throughline_domain::command::{Command, ReceiveReferral};
use throughline_domain::fact::envelope::{JourneyId, StreamId};
use throughline_domain::fact::event::ExternalReference;
use throughline_domain::fact::refusal::{Refusal, RefusalCode};
use throughline_domain::fact::{History, Recorded};
use throughline_domain::journey::Journey;
use throughline_domain::offer::Offer;

/// The most time that a command waits until the view has applied what was recorded before it.
const PATIENCE: Duration = Duration::from_secs(1);

const CODE: RefusalCode = RefusalCode::CaseAlreadyOpen;

/// A referral that opens a case.
struct Opening<'a> {
    journey: JourneyId,
    contract: Cow<'a, str>,
    references: Cow<'a, [ExternalReference]>,
}

/// The referral of a command, if it has case numbers. `offered` is the history of the offer that the command accepts or
/// links to a person.
fn numbered<'a>(command: &'a Command, offered: Option<&History>) -> Option<Opening<'a>> {
    let opening = match command {
        Command::ReceiveReferral(ReceiveReferral { journey, contract, fact, .. }) => Opening {
            journey: *journey,
            contract: Cow::Borrowed(contract),
            references: Cow::Borrowed(&fact.external_references),
        },
        Command::Offer(OfferCommand { offer, act: OfferAct::Accept | OfferAct::Link(LinkTo::Person(_)), .. }) => {
            let (contract, known) = (offered?.contract()?.to_owned(), Offer::of(offered?));
            let references = known.details()?.referral(offer.subject()).external_references;
            Opening { journey: offer.journey(), contract: Cow::Owned(contract), references: Cow::Owned(references) }
        }
        _ => return None,
    };
    Some(opening).filter(|opening| !opening.references.is_empty())
}

/// The history of the offer that a command is about.
async fn offer_of(views: &Views, command: &Command) -> Result<Option<History>, LogError> {
    let Command::Offer(OfferCommand { offer, .. }) = command else { return Ok(None) };
    let mut known = History::default();
    for envelope in views.log().stream(StreamId::offer(*offer)).await? {
        known.evolve(Recorded::decode(&envelope).map_err(|error| LogError::Payload(Box::new(error)))?);
    }
    Ok(Some(known))
}

/// The journeys of the same contract with one of the command's case numbers, limited to those that the sender may see.
pub(super) async fn candidates(
    views: &Views,
    sender: &Sender,
    command: &Command,
    accepted: &BTreeSet<String>,
) -> Result<Vec<JourneyId>, LogError> {
    if accepted.contains(CODE.as_str()) {
        return Ok(Vec::new());
    }
    let offered = offer_of(views, command).await?;
    let Some(Opening { journey, contract, references }) = numbered(command, offered.as_ref()) else {
        return Ok(Vec::new());
    };
    let head = views.log().head().await?.position;
    views.passed(head, PATIENCE).await;
    let live = views.live();
    let mut found = BTreeSet::new();
    for reference in &*references {
        found.extend(queries::case_numbers::journeys_with(&live, &contract, (&reference.system, &reference.id)).await?);
    }
    found.remove(&journey);
    let found: Vec<(JourneyId, &str)> = found.into_iter().map(|id| (id, &*contract)).collect();
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
    let opening = numbered(command, history(command.stream()));
    let Some(opening) = opening.filter(|_| !accepted.contains(CODE.as_str())) else { return Ok(()) };
    for candidate in candidates {
        let journey = history(StreamId::journey(*candidate)).map(History::journey).unwrap_or_default();
        let Some(at) = shared(&opening.references, &journey).filter(|_| is_open(&journey)) else { continue };
        let message = "an open case has this case number: use that case, or accept this warning if this is a different \
            case";
        let warning = Refusal::new(CODE, message).at(format!("external_references.{at}.id"));
        return Err(warning.allowing([candidate]).as_warning().alone());
    }
    Ok(())
}

/// The index of the first of these case numbers that a journey has too.
fn shared(references: &[ExternalReference], journey: &Journey) -> Option<usize> {
    let theirs = &journey.referral.as_ref()?.details.external_references;
    references.iter().position(|reference| theirs.contains(reference))
}

fn is_open(journey: &Journey) -> bool {
    journey.closed().is_none() && journey.turned_away().is_none()
}
