//! What shows an outcome: the evidence that counts, what lacks, and the events that all of it rests on.
//!
//! It never asks for evidence of a kind that the rulebook does not name.

use std::collections::BTreeSet;

use super::case::{Case, Evidence, Said};
use super::days::{Day, day};
use super::judge::Reached;
use crate::contract::rulebook::outcome::{EvidenceTerms, JourneyTerms};
use crate::log::envelope::EventId;

/// What shows an outcome.
pub(super) struct Shown {
    /// The kinds that lack: of alternatives all of them.
    pub(super) missing: Vec<String>,
    /// The events that the outcome rests on, in the order of their telling: what was so, what shows it.
    pub(super) events: Vec<EventId>,
}

pub(super) fn shown(case: &Case<'_>, terms: &JourneyTerms, reached: &Reached) -> Shown {
    let of_facts = facts(case, reached);
    let mut events: Vec<EventId> = terms.only_if.iter().flat_map(|condition| case.stated(condition)).collect();
    events.extend(of_facts.iter().flat_map(|said| said.events()));
    for risk in reached.risks.iter().map(|at| &case.risks[*at]) {
        events.extend(risk.raised.1.events());
        events.extend(risk.cleared.iter().flat_map(|(_, said)| said.events()));
    }
    let mut missing = Vec::new();
    if let Some(asked) = &terms.evidence {
        let counts = |piece: &&Evidence<'_>| counts(case, asked, reached, &of_facts, piece);
        let counting: Vec<&Evidence<'_>> = case.evidence.iter().filter(counts).collect();
        let has = |kind: &String| counting.iter().any(|piece| piece.kind == kind);
        if !asked.any_of.is_empty() && !asked.any_of.iter().any(has) {
            missing.extend(asked.any_of.iter().cloned());
        }
        for kind in asked.all_of.iter().filter(|kind| !has(kind)) {
            if !missing.contains(kind) {
                missing.push(kind.clone());
            }
        }
        for piece in counting {
            events.extend(piece.attached.events());
            events.extend(piece.verified.iter().filter(|_| asked.verified).flat_map(|said| said.events()));
        }
    }
    let mut seen = BTreeSet::new();
    events.retain(|event| seen.insert(*event));
    Shown { missing, events }
}

/// The facts that an outcome rests on: its mark, or the starts, changes and ends of its spells.
fn facts(case: &Case<'_>, reached: &Reached) -> Vec<Said> {
    let mark = reached.mark.map(|at| case.marks[at].said);
    let spells = reached.spells.iter().map(|at| &case.spells[*at]);
    let of_spells = spells.flat_map(|spell| {
        let steps = spell.steps.iter().map(|step| step.said);
        steps.chain(spell.ended.map(|(_, said)| said))
    });
    mark.into_iter().chain(of_spells).collect()
}

/// Whether a piece of evidence counts: it stands, its date is one that the rulebook takes, and it shows the trigger, a
/// spell of the run, or an event of one.
fn counts(case: &Case<'_>, asked: &EvidenceTerms, reached: &Reached, facts: &[Said], piece: &Evidence<'_>) -> bool {
    let asked_for = asked.any_of.iter().chain(&asked.all_of).any(|kind| kind == piece.kind);
    let dated = day(piece.dated_on);
    let bound = |days: u32| Day::try_from(days).unwrap_or(Day::MAX);
    let not_before = asked.dated_before_days.is_none_or(|days| dated >= reached.on.saturating_sub(bound(days)));
    let not_after = asked.dated_after_days.is_none_or(|days| dated <= reached.on.saturating_add(bound(days)));
    let shows_spell = reached.spells.iter().any(|at| piece.supports.contains(&case.spells[*at].id.0));
    let shows_event = facts.iter().any(|said| said.is_in(piece.supports));
    asked_for
        && !piece.gone
        && (!asked.verified || piece.verified.is_some())
        && not_before
        && not_after
        && (shows_spell || shows_event)
}
