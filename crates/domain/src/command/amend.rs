//! Corrections and retractions. Both are dated on the day they are recorded.
//!
//! Pure. A correction replaces a whole fact and is checked as if the fact were recorded again at its own date. A
//! retraction removes the fact and its corrections. Neither changes another stream.

use std::collections::HashSet;

use super::{
    CorrectFact, Given, NewEvent, PatchFact, RetractFacts, attributes, completed, duties, evidence, exists, graded,
    of_stream, require_accepted_warnings, settled, stands, too_early, values,
};
use crate::command::validate::Validator;
use crate::fact::Fact;
use crate::fact::History;
use crate::fact::consistency::Change;
use crate::fact::envelope::{EventId, Occurred, StreamKind};
use crate::fact::event::{Event, FactCorrected, FactRetracted};
use crate::fact::path::{Path, Step};
use crate::fact::refusal::{Refusal, RefusalCode};
use crate::journey::rules;
use crate::people::subject;

/// The most facts that one command retracts: more than any case has, and few enough not to hold up the log.
const TARGETS_MAX: usize = 1_000;

pub(super) fn correct(
    history: &History,
    command: &CorrectFact,
    given: &Given<'_>,
) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    let CorrectFact { stream, target, occurred, replacement, reason } = command;
    let replacement = &completed(replacement, *occurred, given.contract);
    exists(history, *stream)?;
    let fact = standing(history, *target)?;
    same_fact(stream.kind, &fact, replacement)?;
    let mut stated = Validator::new(given.today);
    values(&mut stated, *occurred, replacement, Some((fact.occurred, fact.event)), given);
    attributes::check(&mut stated, history, *occurred, replacement, given);
    let mut validator = Validator::new(given.today);
    validator.reason(reason);
    for refusal in in_payload(stream.kind, stated.done()).err().into_iter().flatten() {
        validator.refuse(refusal);
    }
    validator.done()?;
    let replacement = &in_payload(stream.kind, graded(replacement, history, Some(*target), given))?;
    if fact.occurred == *occurred && fact.event == replacement {
        let message = "the correction changes nothing: change at least one value";
        return Err(Refusal::new(RefusalCode::NothingToCorrect, message).alone());
    }
    in_payload(stream.kind, subject::keeps_its_links(history, replacement))?;
    in_payload(stream.kind, stands(history, stream.kind, Change::Correct(*target, *occurred, replacement)))?;
    in_payload(stream.kind, duties::stays_verified(history, &fact, replacement, given))?;
    let early = too_early(*occurred, replacement, given).filter(|_| fact.occurred != *occurred);
    let known: Vec<RefusalCode> = codes(rules::doubts(history, Some(*target), fact.occurred, fact.event));
    let doubts = rules::doubts(history, Some(*target), *occurred, replacement);
    let doubts = doubts.into_iter().filter(|doubt| !known.contains(&doubt.code));
    let unproving = evidence::supports_nothing(history, replacement, given);
    let is_news = evidence::supports_nothing(history, fact.event, given).is_none();
    let settled = settled(stream.kind, replacement, &[fact.occurred, *occurred], given);
    let without_digest =
        evidence::without_digest(replacement, given).filter(|_| evidence::without_digest(fact.event, given).is_none());
    let unproving = unproving.filter(|_| is_news).into_iter().chain(without_digest);
    let warnings = doubts.chain(early).chain(unproving).chain(settled);
    in_payload(stream.kind, require_accepted_warnings(warnings, given))?;
    let corrected = FactCorrected {
        target: *target,
        occurred_on: occurred.earliest(),
        precision: occurred.precision(),
        local_time: occurred.local_time(),
        schema_version: replacement.event_type().schema_version(),
        payload: serde_json::from_str(replacement.payload().get()).expect("a payload is JSON"),
        reason: reason.clone(),
    };
    Ok(vec![of_stream(*stream, history, Occurred::on(given.today), corrected.into())])
}

fn codes(refusals: Vec<Refusal>) -> Vec<RefusalCode> {
    refusals.into_iter().map(|refusal| refusal.code).collect()
}

/// A patch corrects the present fact, with earlier corrections applied.
pub(super) fn patch(history: &History, command: &PatchFact, given: &Given<'_>) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    exists(history, command.stream)?;
    let fact = standing(history, command.target)?;
    correct(history, &command.of_fact(&fact, given.contract)?, given)
}

/// Moves the paths of refusals about the replacement's values below `payload`, where a correction holds them. The date
/// and the stream are outside the payload and keep their paths.
fn in_payload<T>(kind: StreamKind, judged: Result<T, Vec<Refusal>>) -> Result<T, Vec<Refusal>> {
    let beside = ["occurred_on", kind.as_str()];
    let is_beside = |path: &Path| matches!(&path.0[..], [Step::Field(field)] if beside.contains(&field.as_str()));
    let beneath = |path: Path| if is_beside(&path) { path } else { path.beneath("payload") };
    let of_payload = |refusal: Refusal| Refusal { path: refusal.path.map(beneath), ..refusal };
    judged.map_err(|refusals| refusals.into_iter().map(of_payload).collect())
}

pub(super) fn retract(
    history: &History,
    command: &RetractFacts,
    given: &Given<'_>,
) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    let RetractFacts { stream, targets, reason } = command;
    exists(history, *stream)?;
    let mut validator = Validator::new(given.today);
    validator.reason(reason);
    if targets.is_empty() {
        validator.refuse(
            Refusal::new(RefusalCode::MissingValue, "no fact is named: name at least one event to retract")
                .at("targets"),
        );
    }
    if !validator.at_most("targets", targets.len(), TARGETS_MAX) {
        return Err(validator.done().err().unwrap_or_default());
    }
    let mut named = HashSet::new();
    for (index, target) in targets.iter().enumerate() {
        let path = format!("targets.{index}");
        if let Err(refusals) = standing(history, *target).and_then(|fact| retractable(&fact)) {
            for refusal in refusals {
                validator.refuse(refusal.at(path.as_str()));
            }
        } else if !named.insert(*target) {
            validator.invalid(&path, "this fact appears twice: give it once");
        }
    }
    validator.done()?;
    stands(history, stream.kind, Change::Retract(targets))?;
    let taken = targets.iter().filter_map(|target| history.fact(*target));
    let mut settled = taken.filter_map(|fact| settled(stream.kind, fact.event, &[fact.occurred], given));
    require_accepted_warnings(settled.next().map(|warning| warning.at("targets")), given)?;
    let retracted = |target: &EventId| {
        let event = FactRetracted { target: *target, reason: reason.clone() }.into();
        of_stream(*stream, history, Occurred::on(given.today), event)
    };
    Ok(targets.iter().map(retracted).collect())
}

/// The fact that this event recorded, if it may be corrected or retracted.
fn standing(history: &History, target: EventId) -> Result<Fact<'_>, Vec<Refusal>> {
    let Some(original) = history.event(target) else {
        let message = "this stream has no event with this id: name the event that recorded the fact";
        return Err(Refusal::new(RefusalCode::FactNotFound, message).at("target").alone());
    };
    match &original.event {
        Event::FactCorrected(FactCorrected { target, .. }) | Event::FactRetracted(FactRetracted { target, .. }) => {
            let message = "this event is itself a correction or retraction: name the original event";
            return Err(Refusal::new(RefusalCode::NotCorrectable, message)
                .at("target")
                .by("a correction or retraction names the original event")
                .allowing([target])
                .alone());
        }
        _ => {}
    }
    if history.is_retracted(target) {
        let message = "this fact was already retracted: record it again if it was right after all";
        return Err(Refusal::new(RefusalCode::AlreadyRetracted, message)
            .at("target")
            .by("a retracted fact must be recorded again")
            .alone());
    }
    history.fact(target).filter(|fact| fact.event.event_type().is_correctable()).ok_or_else(|| {
        let message = "events of this type cannot be corrected or retracted: record a new event instead";
        Refusal::new(RefusalCode::NotCorrectable, message).at("target").alone()
    })
}

/// The first fact of a subject, worker or contract cannot be retracted: facts in other streams depend on it and are not
/// checked here.
fn retractable(fact: &Fact<'_>) -> Result<(), Vec<Refusal>> {
    if matches!(fact.event, Event::SubjectRegistered(_) | Event::WorkerJoined(_) | Event::ContractOpened(_)) {
        let message = "other records depend on this fact: correct it instead, or record its end";
        return Err(Refusal::new(RefusalCode::NotCorrectable, message).at("target").alone());
    }
    Ok(())
}

/// A correction keeps the type of the fact and the id or code by which other facts name it.
fn same_fact(kind: StreamKind, fact: &Fact<'_>, replacement: &Event) -> Result<(), Vec<Refusal>> {
    let (is, becomes) = (fact.event.event_type(), replacement.event_type());
    if is != becomes {
        let message = format!(
            "the fact is a {} and the replacement is a {}: retract the fact and record the other one",
            is.as_str(),
            becomes.as_str()
        );
        return Err(Refusal::new(RefusalCode::OtherType, message).at("payload").allowing([is.as_str()]).alone());
    }
    in_payload(kind, rules::same_thing(fact.event, replacement))?;
    match (own_name(fact.event), own_name(replacement)) {
        (Some((field, old)), Some((_, new))) if old != new => {
            let message =
                format!("other facts refer to the {field}, so it cannot change: retract this fact and record it again");
            in_payload(kind, Err(Refusal::new(RefusalCode::FixedField, message).at(field).alone()))
        }
        _ => Ok(()),
    }
}

/// The field, and its value, by which other facts name the item that a fact of a subject, team or contract creates.
fn own_name(fact: &Event) -> Option<(&'static str, String)> {
    let (field, name) = match fact {
        Event::LegalHoldPlaced(placed) => ("hold", placed.hold.to_string()),
        Event::VacancyOpened(opened) => ("vacancy", opened.vacancy.to_string()),
        Event::CoverStarted(started) => ("cover", started.cover.to_string()),
        Event::ContractOpened(opened) => ("code", opened.code.clone()),
        Event::NoticeIssued(issued) => ("notice", issued.notice.to_string()),
        Event::ActionAgreed(agreed) => ("action", agreed.action.to_string()),
        _ => return None,
    };
    Some((field, name))
}
