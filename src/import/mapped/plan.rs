//! The commands that a record needs, given what was recorded about it: none, a set that is recorded together, or a
//! conflict.
//!
//! Pure. It only finds what is new. Every command is still decided like any other.

use serde_json::{Map, Value, json};

use super::known::{Difference, Known, KnownFact, differences};
use crate::import::Problem;
use crate::import::mapping::{Ids, Leads, StatedFact, Statement};
use throughline_domain::command::offers::{OfferAct, OfferCommand, OfferReferral};
use throughline_domain::command::{Atomic, Command, PatchFact, PatchedDate, ReceiveReferral, RetractFacts};
use throughline_domain::fact::envelope::{CommandId, EventId, OfferId, StreamId};
use throughline_domain::fact::event::{Event, EventType, Patched, ReferralOffered, SubjectKind};
use throughline_domain::offer::Offer;

/// The code of a row that says something else than a correction made here.
pub(super) const CORRECTED_HERE: &str = "CORRECTED_HERE";
/// The code of a row whose fact was retracted here.
pub(super) const RETRACTED_HERE: &str = "RETRACTED_HERE";

/// How the records of a source are taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taking<'a> {
    pub(super) ids: Ids<'a>,
    pub(super) leads: Leads,
    /// The area of cases whose row names none.
    pub(super) area: Option<&'a str>,
    /// The reason of corrections.
    pub(super) reason: &'a str,
}

/// What a record needs.
#[derive(Debug)]
pub(super) enum Plan {
    /// Nothing, and perhaps a remark.
    Nothing(Option<String>),
    /// Someone changed the fact here, and the row says something else.
    Conflict(Vec<Problem>),
    /// These commands.
    Take(Commands),
}

/// Commands that are recorded together.
#[derive(Debug)]
pub(super) struct Commands {
    pub(super) id: CommandId,
    pub(super) body: Vec<u8>,
    /// Whether something that was recorded changes.
    pub(super) corrects: bool,
    stream: StreamId,
    each: Vec<(EventType, Command)>,
}

impl Commands {
    pub(super) fn together(&self) -> Command {
        let commands = self.each.iter().map(|(_, command)| command.clone()).collect();
        Command::Atomic(Atomic { stream: self.stream, commands })
    }

    /// The type of fact that a place in the commands is about, and the place within the fact.
    pub(super) fn place<'p>(&self, path: &'p str) -> Option<(EventType, &'p str)> {
        let rest = path.strip_prefix("commands.")?;
        let (index, field) = rest.split_once('.').unwrap_or((rest, ""));
        let (of, _) = self.each.get(index.parse::<usize>().ok()?)?;
        Some((*of, field))
    }
}

/// What one fact of a record needs.
enum Step {
    Nothing,
    /// It was changed here and the source says what it said before.
    Kept,
    New(Command, Option<EventId>),
    Correct {
        command: Command,
        replaces: EventId,
        moves_later: bool,
    },
    Retract {
        target: EventId,
        replaces: EventId,
    },
    Conflict(Problem),
}

impl Taking<'_> {
    /// What a record needs.
    pub(super) fn plan(&self, known: &Known, stated: &Statement) -> Plan {
        let mut steps: Vec<(EventType, Step)> = Vec::new();
        for fact in &stated.facts {
            steps.push((fact.event_type(), self.step(known, stated, fact)));
        }
        for of in known.types(&stated.record) {
            let is_stated = stated.facts.iter().any(|fact| fact.event_type() == of) || stated.unsaid.contains(&of);
            if !is_stated && let Some(before) = known.fact(&stated.record, of) {
                steps.push((of, self.no_longer(&before)));
            }
        }
        let mut conflicts = Vec::new();
        let (mut retracted, mut corrected, mut new) = (Vec::new(), Vec::new(), Vec::new());
        let (mut is_kept, mut moves_later) = (false, false);
        let mut replaced: Vec<(&'static str, Option<EventId>)> = Vec::new();
        for (of, step) in steps {
            match step {
                Step::Nothing => {}
                Step::Kept => is_kept = true,
                Step::Conflict(problem) => conflicts.push(problem),
                Step::New(command, before) => {
                    replaced.push((of.as_str(), before));
                    new.push((of, command));
                }
                Step::Correct { command, replaces: before, moves_later: later } => {
                    replaced.push((of.as_str(), Some(before)));
                    moves_later |= later;
                    corrected.push((of, command));
                }
                Step::Retract { target, replaces: before } => {
                    replaced.push((of.as_str(), Some(before)));
                    retracted.push((of, target));
                }
            }
        }
        if !conflicts.is_empty() {
            return Plan::Conflict(conflicts);
        }
        // A start and an end that both move later: the end goes first, so that each step is possible.
        if moves_later {
            corrected.reverse();
        }
        let corrects = !retracted.is_empty() || !corrected.is_empty();
        let retracted = self.retractions(stated.stream, &retracted);
        let each: Vec<(EventType, Command)> = retracted.into_iter().chain(corrected).chain(new).collect();
        if each.is_empty() {
            return Plan::Nothing(is_kept.then(|| "changed here since; the source has not changed".to_owned()));
        }
        let body = stated.content();
        Plan::Take(Commands {
            id: self.id(&stated.record, &replaced, &body),
            body,
            corrects,
            stream: stated.stream,
            each,
        })
    }

    /// The id of a command: the record, the facts, the events that they replace, and the content. The same row again
    /// gives the same id; A, B and A again give three.
    fn id(&self, record: &str, replaced: &[(&'static str, Option<EventId>)], body: &[u8]) -> CommandId {
        let replaced: Vec<(&str, String)> = replaced
            .iter()
            .map(|(of, event)| (*of, event.map_or_else(|| "new".to_owned(), |event| event.to_string())))
            .collect();
        let replaced = serde_json::to_string(&replaced).expect("texts are JSON");
        let digest = crate::import::lines::digest_of(body).expect("memory can be read");
        CommandId(self.ids.id("command", &[record, &replaced, &digest]))
    }

    /// What a fact of the row needs.
    fn step(&self, known: &Known, stated: &Statement, fact: &StatedFact) -> Step {
        if let Event::ReferralOffered(offered) = &fact.event {
            return self.offer(known, stated, (fact, offered));
        }
        let Some(before) = known.fact(&stated.record, fact.event_type()) else {
            return Step::New(self.record(known, stated, fact), None);
        };
        let is_said = |said: &(throughline_domain::fact::envelope::Occurred, Event)| {
            differences((said.0, &said.1), fact, stated.is_earliest)
        };
        let from_said = before.said.as_ref().map(is_said);
        let Some(now) = before.now else {
            return match (&from_said, self.leads) {
                // The source took it back, and has it again.
                (None, _) | (_, Leads::Source) => Step::New(self.record(known, stated, fact), Some(before.newest)),
                (Some(_), Leads::Here) => Step::Conflict(retracted_here(fact)),
            };
        };
        let from_now = differences((now.occurred, now.event), fact, stated.is_earliest);
        let says_the_same = from_said.as_ref().is_some_and(Vec::is_empty);
        match (from_now.is_empty(), says_the_same, self.leads) {
            (true, ..) => Step::Nothing,
            (false, true, Leads::Here) => Step::Kept,
            (false, false, Leads::Here) if is_changed_here(&before, fact) => Step::Conflict(conflict(fact, &from_now)),
            (false, ..) => self.correct(stated.stream, &before, fact, &from_now),
        }
    }

    /// The command for a fact that was not recorded yet.
    fn record(&self, known: &Known, stated: &Statement, fact: &StatedFact) -> Command {
        let Event::ReferralReceived(referral) = &fact.event else {
            return Command::record_fact(stated.stream, fact.occurred, fact.event.clone());
        };
        let mut referral = referral.clone();
        if referral.area.is_empty() {
            self.area.unwrap_or_default().clone_into(&mut referral.area);
        }
        Command::ReceiveReferral(ReceiveReferral {
            journey: throughline_domain::fact::envelope::JourneyId(stated.stream.id),
            contract: self.ids.contract.to_owned(),
            when: fact.occurred.into(),
            register: (!known.is_registered).then_some(SubjectKind::Person),
            fact: referral,
            identity: None,
        })
    }

    /// What an offered referral needs: nothing, or an offer with what the row says and what it says nothing about.
    fn offer(&self, known: &Known, stated: &Statement, (fact, offered): (&StatedFact, &ReferralOffered)) -> Step {
        let before = Offer::of(&known.history).offered;
        let mut new = offered.clone();
        if let Some(before) = &before {
            let is_as_said = differences((before.occurred, &before.details.clone().into()), fact, stated.is_earliest);
            if is_as_said.is_empty() {
                return Step::Nothing;
            }
            let says = |field: &str| fact.said.keys().any(|said| said.first().is_some_and(|name| name == field));
            let ReferralOffered { area, cohort, service, referrer, external_references, .. } = before.details.clone();
            new = ReferralOffered {
                area: if says("area") { new.area } else { area },
                cohort: if says("cohort") { new.cohort } else { cohort },
                service: if says("service") { new.service } else { service },
                referrer: if says("referrer") { new.referrer } else { referrer },
                external_references,
                ..new
            };
        }
        if new.area.is_empty() {
            self.area.unwrap_or_default().clone_into(&mut new.area);
        }
        let (contract, offer) = (self.ids.contract.to_owned(), OfferId(stated.stream.id));
        let act = OfferAct::Offer(Box::new(OfferReferral { contract, identity: None, fact: new }));
        let command = Command::Offer(OfferCommand { offer, when: fact.occurred.into(), act });
        Step::New(command, before.map(|before| before.event_id))
    }

    /// The correction of a fact: only what differs.
    fn correct(&self, stream: StreamId, before: &KnownFact<'_>, fact: &StatedFact, differing: &[Difference]) -> Step {
        let mut patch = Map::new();
        let mut date = PatchedDate::default();
        let mut moves_later = false;
        for difference in differing {
            let Some((last, outer)) = difference.path.split_last() else {
                date.on = Some(fact.occurred.earliest());
                date.precision = Some(fact.occurred.precision());
                if fact.is_timed {
                    date.local_time = fact.occurred.local_time().map_or(Patched::Cleared, Patched::Becomes);
                } else if before.now.is_some_and(|now| now.occurred.earliest() != fact.occurred.earliest()) {
                    // A time belongs to its day.
                    date.local_time = Patched::Cleared;
                }
                moves_later = before.now.is_some_and(|now| now.occurred.earliest() < fact.occurred.earliest());
                continue;
            };
            let mut object = &mut patch;
            for name in outer {
                let inner = object.entry(name.clone()).or_insert_with(|| json!({}));
                object = inner.as_object_mut().expect("a patch of an object is an object");
            }
            object.insert(last.clone(), difference.after.clone().unwrap_or(Value::Null));
        }
        let command = Command::PatchFact(PatchFact {
            stream,
            target: before.original.event_id,
            occurred: date,
            of: Some(fact.event_type()),
            payload: patch,
            reason: self.reason.to_owned(),
        });
        Step::Correct { command, replaces: before.newest, moves_later }
    }

    /// What a fact needs that the row no longer states.
    fn no_longer(&self, before: &KnownFact<'_>) -> Step {
        if before.now.is_none() {
            return Step::Nothing;
        }
        match (before.is_as_said(), self.leads) {
            (false, Leads::Here) => Step::Conflict(Problem {
                code: CORRECTED_HERE,
                message: "the row no longer states a fact that was corrected here: retract it here, or leave it"
                    .to_owned(),
                path: Some(before.original.event.event_type().snake_case()),
            }),
            _ => Step::Retract { target: before.original.event_id, replaces: before.newest },
        }
    }

    /// The command that retracts facts together.
    fn retractions(&self, stream: StreamId, facts: &[(EventType, EventId)]) -> Option<(EventType, Command)> {
        let (of, _) = facts.first()?;
        let targets = facts.iter().map(|(_, target)| *target).collect();
        Some((*of, Command::RetractFacts(RetractFacts { stream, targets, reason: self.reason.to_owned() })))
    }

    /// Whether something that a gone record stated was corrected here, so that the source may not take it back.
    pub(super) fn keeps(&self, known: &Known, record: &str) -> bool {
        let mut facts = known.types(record).into_iter().filter_map(|of| known.fact(record, of));
        matches!(self.leads, Leads::Here) && facts.any(|before| before.now.is_some() && !before.is_as_said())
    }

    /// The command that retracts everything that records stated which are gone. `None` if nothing of it is so.
    pub(super) fn gone<'r>(
        &self,
        known: &Known,
        stream: StreamId,
        records: impl Iterator<Item = &'r String>,
    ) -> Option<Commands> {
        let mut facts = Vec::new();
        let mut replaced = Vec::new();
        for record in records {
            for of in known.types(record) {
                let Some(before) = known.fact(record, of) else { continue };
                facts.push((of, before.original.event_id));
                replaced.push((of.as_str(), Some(before.newest)));
            }
        }
        let each: Vec<(EventType, Command)> = self.retractions(stream, &facts).into_iter().collect();
        if each.is_empty() {
            return None;
        }
        let body = b"gone".to_vec();
        Some(Commands { id: self.id(&stream.to_string(), &replaced, &body), body, corrects: true, stream, each })
    }
}

/// Whether someone changed a fact here so that it no longer reads as the source said, as far as the source says it.
fn is_changed_here(before: &KnownFact<'_>, fact: &StatedFact) -> bool {
    let (Some((occurred, event)), Some(now)) = (&before.said, before.now) else { return false };
    let as_said = StatedFact { occurred: *occurred, event: event.clone(), ..fact.clone() };
    !differences((now.occurred, now.event), &as_said, false).is_empty()
}

/// The most characters of a value that a message repeats.
const SHOWN: usize = 60;

fn conflict(fact: &StatedFact, differing: &[Difference]) -> Problem {
    let shown = |value: &Option<Value>| {
        let text = value.as_ref().map_or_else(
            || "nothing".to_owned(),
            |value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            },
        );
        text.chars().take(SHOWN).collect::<String>()
    };
    let each = differing.iter().map(|difference| {
        let place = if difference.path.is_empty() { "date".to_owned() } else { difference.path.join(".") };
        format!("{place}: here {}, in the row {}", shown(&difference.before), shown(&difference.after))
    });
    let message = format!(
        "{} was corrected here since ({}): correct one of the two, or declare the source leading",
        fact.event_type().snake_case(),
        each.collect::<Vec<_>>().join("; ")
    );
    let path = differing.first().and_then(|difference| {
        if difference.path.is_empty() { Some(&fact.dated_by) } else { fact.said.get(&difference.path) }
    });
    Problem { code: CORRECTED_HERE, message, path: path.cloned() }
}

fn retracted_here(fact: &StatedFact) -> Problem {
    let message = format!(
        "{} was retracted here, and the row still states it: remove it from the source, or record it again here",
        fact.event_type().snake_case()
    );
    Problem { code: RETRACTED_HERE, message, path: Some(fact.dated_by.clone()) }
}

#[cfg(test)]
mod tests;
