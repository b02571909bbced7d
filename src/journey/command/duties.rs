//! What one person may not do alone: the duties that a rulebook keeps apart.
//!
//! Pure. Who did something is who sent the command that recorded it; logins compare by their keys.

use super::Given;
use crate::journey::event::{Event, EvidenceVerified};
use crate::journey::people::login;
use crate::journey::refusal::{Refusal, RefusalCode};
use crate::journey::{History, Recorded};
use crate::log::envelope::{EventId, Occurred};

/// Refuses the verification of evidence by the person who attached it or corrected that fact.
pub(super) fn verified_by_another(
    history: &History,
    occurred: Occurred,
    fact: &Event,
    given: &Given<'_>,
) -> Result<(), Vec<Refusal>> {
    let Event::EvidenceVerified(EvidenceVerified { evidence }) = fact else { return Ok(()) };
    let rulebook = given.contract.rulebook_in_force(occurred.earliest());
    if rulebook.is_some_and(|rulebook| !rulebook.duties.attach_verify) {
        return Ok(());
    }
    let attaching =
        |recorded: &&Recorded| matches!(&recorded.event, Event::EvidenceAttached(piece) if piece.evidence == *evidence);
    let attached: Vec<EventId> = history.events().iter().filter(attaching).map(|recorded| recorded.event_id).collect();
    let says_so = |recorded: &&Recorded| match &recorded.event {
        Event::FactCorrected(correction) => attached.contains(&correction.target),
        _ => attached.contains(&recorded.event_id),
    };
    let by_sender = |recorded: &Recorded| login::is_same(&recorded.actor.subject, given.sender);
    if !history.events().iter().filter(says_so).any(by_sender) {
        return Ok(());
    }
    let message = "you attached this evidence: let another person verify it";
    let refusal = Refusal::new(RefusalCode::SamePerson, message).at("evidence");
    Err(refusal.by("duties.separate: attach/verify").alone())
}
