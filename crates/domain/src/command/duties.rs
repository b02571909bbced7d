//! The separation of duties that a rulebook asks for: steps that need two people.
//!
//! Pure. The person who did a step is the sender of the command that recorded it. Logins are compared by their keys.

use super::Given;
use crate::fact::Fact;
use crate::fact::History;
use crate::fact::Recorded;
use crate::fact::consistency::DatedFact;
use crate::fact::envelope::{EventId, EvidenceId, Occurred};
use crate::fact::event::{Event, EvidenceAttached, EvidenceVerified};
use crate::fact::refusal::{Refusal, RefusalCode};
use crate::people::login;

/// Refuses the verification of evidence by the person who attached it or corrected its attachment.
pub(super) fn verified_by_another(
    history: &History,
    occurred: Occurred,
    fact: &Event,
    given: &Given<'_>,
) -> Result<(), Vec<Refusal>> {
    let Event::EvidenceVerified(EvidenceVerified { evidence }) = fact else { return Ok(()) };
    if !are_apart(occurred, given) || !has_attached(history, *evidence, given) {
        return Ok(());
    }
    let message = "you attached this evidence: another person must verify it";
    let refusal = Refusal::new(RefusalCode::SamePerson, message).at("evidence");
    Err(refusal.by(ATTACH_VERIFY).alone())
}

/// Refuses to change verified evidence, if the rulebook keeps attaching and verifying apart. Nobody may change its
/// kind, digest or date. The person who attached it may not change what it supports, nor make the verification of
/// another piece that of their own.
pub(super) fn stays_verified(
    history: &History,
    fact: &Fact<'_>,
    replacement: &Event,
    given: &Given<'_>,
) -> Result<(), Vec<Refusal>> {
    if let (Event::EvidenceVerified(is), Event::EvidenceVerified(becomes)) = (fact.event, replacement)
        && is.evidence != becomes.evidence
    {
        return verified_by_another(history, fact.occurred, replacement, given);
    }
    let (Event::EvidenceAttached(is), Event::EvidenceAttached(becomes)) = (fact.event, replacement) else {
        return Ok(());
    };
    let facts = history.facts();
    let of_piece = |event: &Event| matches!(event, Event::EvidenceVerified(of) if of.evidence == is.evidence);
    let Some(verified) = facts.iter().find(|fact| of_piece(fact.event)) else { return Ok(()) };
    if !are_apart(verified.occurred, given) {
        return Ok(());
    }
    let document = |piece: &EvidenceAttached| (piece.kind.clone(), piece.sha256.clone(), piece.dated_on);
    if document(is) != document(becomes) {
        let message = "the evidence was verified in its present form: retract the verification, correct this fact, then ask \
                       another person to verify the evidence again";
        let refusal = Refusal::new(RefusalCode::FactHasDependents, message).at("target");
        return Err(refusal.by(ATTACH_VERIFY).naming([DatedFact::from(verified).fact()]).alone());
    }
    if is.supports != becomes.supports && has_attached(history, is.evidence, given) {
        let message = "you attached this evidence and it was verified: another person must change what it supports";
        return Err(Refusal::new(RefusalCode::SamePerson, message).at("supports").by(ATTACH_VERIFY).alone());
    }
    Ok(())
}

const ATTACH_VERIFY: &str = "duties.separate: attach/verify";

/// Whether the rulebook of a day requires different people to attach and verify evidence.
fn are_apart(occurred: Occurred, given: &Given<'_>) -> bool {
    let rulebook = given.contract.rulebook_in_force(occurred.earliest());
    rulebook.is_none_or(|rulebook| rulebook.duties.attach_verify)
}

/// Whether the sender attached a piece of evidence or corrected its attachment.
fn has_attached(history: &History, evidence: EvidenceId, given: &Given<'_>) -> bool {
    let attaching =
        |recorded: &&Recorded| matches!(&recorded.event, Event::EvidenceAttached(piece) if piece.evidence == evidence);
    let attached: Vec<EventId> = history.events().iter().filter(attaching).map(|recorded| recorded.event_id).collect();
    let says_so = |recorded: &&Recorded| match &recorded.event {
        Event::FactCorrected(correction) => attached.contains(&correction.target),
        _ => attached.contains(&recorded.event_id),
    };
    let by_sender = |recorded: &Recorded| login::is_same(&recorded.actor.subject, given.sender);
    history.events().iter().filter(says_so).any(by_sender)
}
