//! The warnings about evidence that supports nothing, and about evidence without the digest that outcomes require.
//!
//! Pure. Whether evidence counts for a claim also depends on its date, its verification and the spells of the claim.
//! That is not checked here.

use uuid::Uuid;

use super::Given;
use crate::contract::outcome::is_mark;
use crate::contract::rulebook::outcome::{AchievedBy, Digest, JourneyTerms, Trigger};
use crate::fact::History;
use crate::fact::event::{Event, EvidenceAttached};
use crate::fact::refusal::{Refusal, RefusalCode};
use crate::fact::tracked::{self, Kind};

/// The warning that evidence supports nothing, or nothing that an outcome requires evidence for.
pub(super) fn supports_nothing(history: &History, fact: &Event, given: &Given<'_>) -> Option<Refusal> {
    let Event::EvidenceAttached(piece) = fact else { return None };
    let warning =
        |message: String| Some(Refusal::new(RefusalCode::EvidenceSupportsNothing, message).at("supports").as_warning());
    if piece.supports.is_empty() {
        let message = "the evidence does not say what it supports, so it counts for no claim: name the spell or event of the \
                       plan or achievement in supports";
        return warning(message.to_owned());
    }
    let asking: Vec<&JourneyTerms> = asking_for(piece, given).collect();
    if asking.is_empty() || asking.iter().any(|terms| shows(history, &piece.supports, &terms.trigger)) {
        return None;
    }
    let message = "no outcome accepts a {} for the facts that this evidence supports, so it counts for no claim: \
                   name the spell, or the event of the plan or achievement";
    warning(message.replace("{}", &piece.kind))
}

/// The warning that evidence has no digest, where every outcome that requires evidence of its kind also requires one.
pub(super) fn without_digest(fact: &Event, given: &Given<'_>) -> Option<Refusal> {
    let Event::EvidenceAttached(piece) = fact else { return None };
    if piece.sha256.is_some() {
        return None;
    }
    let mut asking = asking_for(piece, given).filter_map(|terms| terms.evidence.as_ref()).peekable();
    asking.peek()?;
    if !asking.all(|asked| asked.digest == Digest::Required) {
        return None;
    }
    let message = format!(
        "a {} counts only with the digest of its file: upload the file and name the upload, or give the SHA-256 of the \
         file",
        piece.kind
    );
    let warning = Refusal::new(RefusalCode::EvidenceWithoutDigest, message).at("sha256");
    Some(warning.by("outcome.evidence.digest").as_warning())
}

/// The outcomes that require evidence of this kind, in any version of the rulebook.
fn asking_for<'a>(piece: &EvidenceAttached, given: &Given<'a>) -> impl Iterator<Item = &'a JourneyTerms> {
    let kind = piece.kind.clone();
    let outcomes = given.contract.rulebooks().iter().flat_map(|published| &published.rulebook.outcomes);
    let of_journeys = outcomes.filter_map(|outcome| match &outcome.achieved_by {
        AchievedBy::Journey(terms) => Some(&**terms),
        AchievedBy::Many(_) => None,
    });
    of_journeys.filter(move |terms| {
        terms.evidence.as_ref().is_some_and(|asked| asked.any_of.iter().chain(&asked.all_of).any(|of| *of == kind))
    })
}

/// Whether one of these ids is a spell or event that satisfies a trigger.
fn shows(history: &History, supports: &[Uuid], trigger: &Trigger) -> bool {
    let facts = history.facts();
    let named = |original: Uuid, reading: Uuid| supports.contains(&original) || supports.contains(&reading);
    let domain_of = |spell: Uuid| {
        facts.iter().find_map(|fact| match fact.event {
            Event::SpellStarted(start) if start.spell.0 == spell => Some(&start.domain),
            _ => None,
        })
    };
    let fits_spell = |spell: Uuid| domain_of(spell).is_some_and(|domain| trigger.spell_domains().contains(domain));
    supports.iter().any(|id| fits_spell(*id))
        || facts.iter().filter(|fact| named(fact.original.event_id.0, fact.reading.event_id.0)).any(|fact| {
            let of_spell = tracked::item_of(fact.event).filter(|(item, _)| item.kind == Kind::Spell);
            is_mark(fact.event, trigger) || of_spell.is_some_and(|(item, _)| fits_spell(item.id))
        })
}
