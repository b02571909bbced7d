//! The commands that a row needs, given what is recorded about its child: none, or commands that are recorded together.
//!
//! Pure. It only finds what is new in the row. Every command is still decided like any other.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use super::SYSTEM;
use super::file::{CODES, Episode, Particulars};
use super::known::{Ids, Known, KnownEpisode};
use throughline_domain::command::{Atomic, Command, CorrectFact, ReceiveReferral, RetractFacts};
use throughline_domain::fact::Fact;
use throughline_domain::fact::envelope::{CommandId, Occurred, SpellId, StreamId};
use throughline_domain::fact::event::{
    Attribute, Event, ExternalReference, ReferralReceived, SpellEnded, SpellStarted, SubjectKind,
};

/// The domain of the spells of a return.
const CARE: &str = "care";

/// A child in a contract, and how its facts are imported.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bringing<'a> {
    pub(super) ids: Ids<'a>,
    /// The area of new journeys.
    pub(super) area: &'a str,
    /// The reason for corrections.
    pub(super) reason: &'a str,
}

/// What a row needs.
#[derive(Debug)]
pub(super) enum Plan {
    /// Nothing: the content was already recorded.
    Nothing,
    /// Nothing: the content was recorded before and has been retracted here since.
    Retracted,
    /// These commands.
    Take(Commands),
}

/// Commands that are recorded all together or not at all.
#[derive(Debug)]
pub(super) struct Commands {
    pub(super) id: CommandId,
    pub(super) body: Vec<u8>,
    pub(super) spell: SpellId,
    /// Whether a fact is corrected or retracted.
    pub(super) corrects: bool,
    journey: StreamId,
    each: Vec<(Part, Command)>,
}

/// The part of the child's record that a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Referral,
    Start,
    End,
}

impl Commands {
    pub(super) fn together(&self) -> Command {
        let commands = self.each.iter().map(|(_, command)| command.clone()).collect();
        Command::Atomic(Atomic { stream: self.journey, commands })
    }

    /// The column or option that a refused field came from.
    pub(super) fn column(&self, path: &str) -> Option<&'static str> {
        let (index, field) = path.strip_prefix("commands.")?.split_once('.')?;
        let (part, _) = self.each.get(index.parse::<usize>().ok()?)?;
        let field = field.strip_prefix("payload.").unwrap_or(field);
        match (part, field) {
            (Part::Referral, "area") => Some("--area"),
            (Part::Referral, field) if field.starts_with("external_references") => Some("CHILD"),
            (Part::Referral | Part::Start, "occurred_on") => Some("DECOM"),
            (Part::Start, field) => {
                let attribute = field.strip_prefix("attributes.")?;
                CODES.iter().find(|(_, kept)| *kept == attribute).map(|(column, _)| *column)
            }
            (Part::End, "occurred_on") => Some("DEC"),
            (Part::End, "reason") => Some("REC"),
            _ => None,
        }
    }
}

/// The recorded episode of a day that each row of that day is about. `None` for a row about a new episode.
///
/// A row with the content of an earlier row is about that row's episode. The remaining rows are matched to the
/// remaining episodes, the most similar first. A retracted episode is never recorded again.
pub(super) fn matched(rows: &[&Particulars], known: &[KnownEpisode<'_>]) -> Vec<Option<usize>> {
    let mut of_row = vec![None; rows.len()];
    let mut is_taken = vec![false; known.len()];
    for (row, of_row) in rows.iter().zip(&mut of_row) {
        let same = (0..known.len()).filter(|at| !is_taken[*at] && known[*at].said == **row);
        *of_row = same.min_by_key(|at| known[*at].start.is_none());
        if let Some(at) = *of_row {
            is_taken[at] = true;
        }
    }
    let open = |at: &usize| !is_taken[*at] && known[*at].start.is_some();
    let open: Vec<usize> = (0..known.len()).filter(open).collect();
    let left = (0..rows.len()).filter(|row| of_row[*row].is_none());
    let mut pairs: Vec<(Reverse<usize>, usize, usize)> = left
        .flat_map(|row| open.iter().map(move |at| (row, *at)))
        .map(|(row, at)| (Reverse(likeness(rows[row], &known[at].said)), row, at))
        .collect();
    pairs.sort_unstable();
    for (_, row, at) in pairs {
        if of_row[row].is_none() && !is_taken[at] {
            of_row[row] = Some(at);
            is_taken[at] = true;
        }
    }
    of_row
}

/// How many particulars of two episodes agree.
pub(super) fn likeness(one: &Particulars, other: &Particulars) -> usize {
    let alike = CODES.iter().filter(|(_, attribute)| one.codes.get(attribute) == other.codes.get(attribute)).count();
    alike + usize::from(one.ended == other.ended)
}

/// The body of a command: everything that identifies it.
#[derive(Serialize)]
struct Body<'a> {
    spell: SpellId,
    began_on: NaiveDate,
    particulars: &'a Particulars,
}

impl Bringing<'_> {
    /// What a row about a recorded episode needs.
    pub(super) fn again(&self, known: &Known, before: &KnownEpisode<'_>, row: &Episode) -> Plan {
        let says = &row.particulars;
        let Some(start) = before.start else { return Plan::Retracted };
        if *says == before.said {
            return Plan::Nothing;
        }
        let mut each = Vec::new();
        if says.codes != before.said.codes {
            let replacement = recoded(start, says, before.unsaid());
            let command = self.corrected(start, row.began_on, replacement);
            each.extend(command.map(|command| (Part::Start, command)));
        }
        if says.ended != before.said.ended {
            each.extend(self.changed_end(before, says).map(|command| (Part::End, command)));
        }
        if each.is_empty() {
            // Someone has already corrected it here.
            return Plan::Nothing;
        }
        Plan::Take(self.commands(known, before.spell, row, each))
    }

    /// The commands for a row about a new episode.
    pub(super) fn anew(&self, known: &Known, nth: usize, row: &Episode) -> Commands {
        let spell = self.ids.spell(row.began_on, nth);
        let start = Command::record_fact(self.journey(), Occurred::on(row.began_on), started(spell, &row.particulars));
        let referral = self.referral(known, row).map(|command| (Part::Referral, command));
        let end = self.end(spell, &row.particulars).map(|command| (Part::End, command));
        let each = [referral, Some((Part::Start, start)), end];
        self.commands(known, spell, row, each.into_iter().flatten().collect())
    }

    fn commands(&self, known: &Known, spell: SpellId, row: &Episode, each: Vec<(Part, Command)>) -> Commands {
        let is_change =
            |(_, command): &(Part, Command)| matches!(command, Command::CorrectFact(_) | Command::RetractFacts(_));
        let is_first =
            each.iter().any(|(part, command)| matches!(part, Part::Start) && matches!(command, Command::RecordFact(_)));
        let after = known.history.events().last().filter(|_| !is_first).map(|event| event.event_id);
        let body = Body { spell, began_on: row.began_on, particulars: &row.particulars };
        Commands {
            id: self.ids.command(spell, after),
            body: serde_json::to_vec(&body).expect("a row can be written as JSON"),
            spell,
            corrects: !is_first && each.iter().any(is_change),
            journey: self.journey(),
            each,
        }
    }

    /// The referral of a child who has none yet, or its correction to an earlier date if an episode began before it.
    fn referral(&self, known: &Known, row: &Episode) -> Option<Command> {
        if known.history.events().is_empty() {
            let reference = ExternalReference { system: SYSTEM.to_owned(), id: self.ids.child.to_owned() };
            let receive = ReceiveReferral {
                journey: self.ids.journey(),
                contract: self.ids.contract.to_owned(),
                when: Occurred::on(row.began_on).into(),
                register: (!known.is_registered).then_some(SubjectKind::Person),
                identity: None,
                fact: ReferralReceived {
                    subject: self.ids.subject(),
                    area: self.area.to_owned(),
                    cohort: None,
                    referrer: None,
                    external_references: vec![reference],
                },
            };
            return Some(Command::ReceiveReferral(receive));
        }
        let (referral, said) = known.referral()?;
        let is_earlier = row.began_on < said && row.began_on < referral.occurred.earliest();
        is_earlier.then(|| self.correct(referral, row.began_on, referral.event.clone()))
    }

    fn end(&self, spell: SpellId, says: &Particulars) -> Option<Command> {
        let (on, reason) = says.ended.clone()?;
        Some(Command::record_fact(self.journey(), Occurred::on(on), SpellEnded { spell, reason, note: None }))
    }

    /// The commands that make an episode end as the row says, if an earlier row said something else.
    fn changed_end(&self, before: &KnownEpisode<'_>, says: &Particulars) -> Option<Command> {
        match (before.end, &says.ended) {
            (None, _) => self.end(before.spell, says),
            (Some(end), Some((on, reason))) => {
                self.corrected(end, *on, SpellEnded { spell: before.spell, reason: reason.clone(), note: None }.into())
            }
            (Some(end), None) => {
                let (stream, targets) = (self.journey(), vec![end.original.event_id]);
                Some(Command::RetractFacts(RetractFacts { stream, targets, reason: self.reason.to_owned() }))
            }
        }
    }

    fn journey(&self) -> StreamId {
        StreamId::journey(self.ids.journey())
    }

    /// The correction of a fact to these values, unless it already has them.
    fn corrected(&self, fact: Fact<'_>, on: NaiveDate, event: Event) -> Option<Command> {
        let reads_so = fact.occurred.earliest() == on && *fact.event == event;
        (!reads_so).then(|| self.correct(fact, on, event))
    }

    /// If the date does not change, its precision and time of day do not change either.
    fn correct(&self, fact: Fact<'_>, on: NaiveDate, replacement: Event) -> Command {
        let occurred = if fact.occurred.earliest() == on { fact.occurred } else { Occurred::on(on) };
        Command::CorrectFact(CorrectFact {
            stream: self.journey(),
            target: fact.original.event_id,
            occurred,
            replacement,
            reason: self.reason.to_owned(),
        })
    }
}

/// The start of an episode with the codes of its row. Attributes without a column do not change.
fn recoded(start: Fact<'_>, says: &Particulars, unsaid: Vec<(String, Attribute)>) -> Event {
    let Event::SpellStarted(reads) = start.event else { return start.event.clone() };
    let ours = started(reads.spell, says).attributes;
    let kept = |(name, _): &(&String, &Attribute)| !CODES.iter().any(|(_, code)| code == &name.as_str());
    let others = reads.attributes.iter().filter(kept).map(|(name, value)| (name.clone(), value.clone()));
    SpellStarted { attributes: others.chain(ours).chain(unsaid).collect(), ..reads.clone() }.into()
}

fn started(spell: SpellId, says: &Particulars) -> SpellStarted {
    let text = |(attribute, code): (&&str, &String)| ((*attribute).to_owned(), Attribute::Text(code.clone()));
    let attributes: BTreeMap<String, Attribute> = says.codes.iter().map(text).collect();
    SpellStarted { spell, domain: CARE.to_owned(), employer_ref: None, hours_per_week: None, attributes, note: None }
}
