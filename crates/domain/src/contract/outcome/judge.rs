//! Judges one outcome of one case, with every date read as one day: whether it was achieved, when, and by which days.
//!
//! It applies the rules for spells, single-day facts and risks (docs/domain.md). Evidence, money and claims are handled
//! later.

use std::collections::BTreeMap;

use super::case::{Case, DateIndex, Mark, Spell, is_value};
use super::days::{Coverage, Day, FOREVER, Pauses, Piece};
use crate::contract::outcome::continuity::{Found, Run, SpellRequirements, find};
use crate::contract::rulebook::outcome::{Combine, Hours, JourneyTerms, Trigger, UnknownHours};
use crate::fact::event::Attribute;

/// A case with every date read as one day.
#[derive(Clone, Copy)]
pub(super) struct Read<'c> {
    pub(super) case: &'c Case<'c>,
    pub(super) days: &'c [Day],
    pub(super) as_of: Day,
}

/// The result of an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is achieved, apart from a possible hold.
    Reached(Reached),
    /// It is not achieved, but will be if current spells never end.
    Later(Later),
    /// It is not achieved.
    Never,
}

/// An outcome that will be achieved if current spells never end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Later {
    /// The day.
    pub(super) on: Day,
    /// The start of the outcome.
    pub(super) began: Began,
    /// The covered days until now, and those that will have been used, if the outcome needs a number of days.
    pub(super) covered: Option<(Day, Day)>,
}

/// The start of an outcome: the first day that is used, and the spell that covers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Began {
    pub(super) first: Day,
    pub(super) spell: usize,
}

/// An outcome that is achieved by the as-of date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reached {
    /// The day on which it is achieved: by the spells, or a later day on which a risk was cleared.
    pub(super) on: Day,
    /// The day without regard to risks.
    pub(super) run_on: Day,
    /// The hours that were compared.
    pub(super) hours: Option<rust_decimal::Decimal>,
    /// The covered days used, if the outcome needs a number of days.
    pub(super) covered: Option<Day>,
    /// The uncovered ranges of days among them.
    pub(super) gaps: Vec<(Day, Day)>,
    /// The start of the outcome, if that is a spell.
    pub(super) began: Option<Began>,
    /// The spells of the run, by their index in the case.
    pub(super) spells: Vec<usize>,
    /// The single-day fact, by its index in the case.
    pub(super) mark: Option<usize>,
    /// The risks that were raised before it, by their index in the case.
    pub(super) risks: Vec<usize>,
    /// The reason why it is on hold, if it is.
    pub(super) hold: Option<Hold>,
}

/// Why an outcome is on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    /// Hours that the outcome compares are unknown.
    HoursUnknown,
    /// A risk that was raised before it is not cleared.
    RiskOpen,
    /// Only the month or year of a date is known, and not every possible day gives the same result.
    DateImprecise,
    /// A number is too large to compute with. Correct the fact that records it.
    OutOfRange,
}

impl Read<'_> {
    fn day(&self, when: DateIndex) -> Day {
        self.days[when]
    }

    /// The results of each repeat of the outcome: those achieved, then the next one.
    pub(super) fn verdicts(&self, terms: &JourneyTerms, pauses: &Pauses) -> Vec<Verdict> {
        let mut verdicts = match (&terms.trigger, &terms.sustain, &terms.hours) {
            (Trigger::Spell { .. }, None, None) => self.starts(&terms.trigger),
            (Trigger::Spell { .. }, ..) => self.lasting(terms, pauses),
            _ => self.marks(&terms.trigger),
        };
        verdicts.truncate(terms.repeats as usize);
        for verdict in &mut verdicts {
            if let Verdict::Reached(reached) = verdict {
                self.hold_on_risk(reached, &terms.hold_on_risk);
            }
        }
        verdicts
    }

    /// The single-day facts that a trigger names, in order of date.
    fn marks(&self, trigger: &Trigger) -> Vec<Verdict> {
        let fits = |(_, mark): &(usize, &Mark<'_>)| mark.fits(trigger) && self.day(mark.when) <= self.as_of;
        let mut found: Vec<(Day, usize)> =
            self.case.marks.iter().enumerate().filter(fits).map(|(at, mark)| (self.day(mark.when), at)).collect();
        found.sort_by_key(|(day, _)| *day);
        found.into_iter().map(|(day, at)| Verdict::Reached(Reached { mark: Some(at), ..Reached::on(day) })).collect()
    }

    /// The starts of the spells that a trigger names, in order of date.
    fn starts(&self, trigger: &Trigger) -> Vec<Verdict> {
        let Trigger::Spell { domains, attributes } = trigger else { return Vec::new() };
        let mut found = Vec::new();
        for (at, spell) in self.in_domains(domains) {
            let begun = self.states(spell).into_iter().find(|state| state.fits(attributes));
            // A change dated after the end of a spell does not start anything.
            let ended = spell.ended.map_or(FOREVER, |(when, _)| self.day(when));
            let begun = begun.filter(|state| state.from < ended || state.from == self.day(spell.steps[0].when));
            found.extend(begun.filter(|state| state.from <= self.as_of).map(|state| (state.from, at)));
        }
        found.sort_by_key(|(day, _)| *day);
        let began = |first, spell| Some(Began { first, spell });
        let reached = |(day, at)| Reached { began: began(day, at), spells: vec![at], ..Reached::on(day) };
        found.into_iter().map(|found| Verdict::Reached(reached(found))).collect()
    }

    /// Spells that last long enough, or that have enough hours.
    fn lasting(&self, terms: &JourneyTerms, pauses: &Pauses) -> Vec<Verdict> {
        let mut groups = self.groups(terms);
        // A number that is too large puts the outcome on hold, whatever the unknown hours are.
        let is_out_of_range = groups.iter().flatten().any(|piece| self.is_out_of_range(piece.spell));
        let strict =
            terms.hours.filter(|_| is_out_of_range).map(|hours| Hours { unknown: UnknownHours::Hold, ..hours });
        let asked =
            SpellRequirements { sustain: terms.sustain.as_ref(), hours: strict.as_ref().or(terms.hours.as_ref()) };
        let mut verdicts = Vec::new();
        let mut not_before = Day::MIN;
        for _ in 0..terms.repeats {
            let verdict = self.earliest(&groups, asked, pauses, not_before);
            verdicts.push(verdict);
            let Some(Verdict::Reached(reached)) = verdicts.last().filter(|last| last.is_settled()) else { break };
            // Days that achieved the outcome once cannot be used again: the next repeat starts where this one was
            // achieved, or with another spell.
            if terms.sustain.is_some() {
                not_before = reached.run_on;
            } else {
                for group in &mut groups {
                    group.retain(|piece| !reached.spells.contains(&piece.spell));
                }
            }
        }
        verdicts
    }

    fn earliest(
        &self,
        groups: &[Vec<Piece>],
        asked: SpellRequirements<'_>,
        pauses: &Pauses,
        not_before: Day,
    ) -> Verdict {
        let coverages: Vec<(&[Piece], Coverage)> =
            groups.iter().map(|group| (&group[..], Coverage::of(&after(group, not_before), pauses.clone()))).collect();
        let found: Vec<Found> = coverages.iter().map(|(_, coverage)| find(coverage, asked)).collect();
        let all = found.iter().fold(Found::default(), |all, found| all.or(*found));
        let by_now = |run: &Option<Run>| run.filter(|run| run.on <= self.as_of);
        let (run, hold) = match (by_now(&all.qualified), by_now(&all.unknown)) {
            (Some(run), _) => (run, None),
            (None, Some(run)) => (run, Some(Hold::HoursUnknown)),
            (None, None) => {
                let later = all.qualified.or(all.unknown);
                let later = later.map(|run| {
                    let group = found.iter().position(|found| [found.qualified, found.unknown].contains(&Some(run)));
                    let group = group.expect("a run was found in one of the groups");
                    let until = |day: Day| coverages[group].1.covered(run.first, day.min(run.on));
                    let covered = asked.sustain.map(|_| (until(self.as_of + 1), until(run.on)));
                    Later { on: run.on, began: self.began(groups[group].as_slice(), run), covered }
                });
                return later.map_or(Verdict::Never, Verdict::Later);
            }
        };
        let here = |found: &Found| Some(run) == if hold.is_some() { found.unknown } else { found.qualified };
        let at = found.iter().position(here).expect("a run was found in one of the groups");
        let (group, coverage) = &coverages[at];
        let spells = spells_of(run, asked, group, coverage);
        let is_out_of_range = spells.iter().any(|spell| self.is_out_of_range(*spell));
        let hold = if is_out_of_range { hold.map(|_| Hold::OutOfRange) } else { hold };
        Verdict::Reached(Reached {
            hours: run.hours,
            covered: asked.sustain.map(|_| coverage.covered(run.first, run.on)),
            gaps: coverage.gaps(run.first, run.on),
            began: Some(self.began(group, run)),
            spells,
            hold,
            ..Reached::on(run.on)
        })
    }

    /// Whether the recorded hours of a spell are more than a week has.
    fn is_out_of_range(&self, spell: usize) -> bool {
        self.case.spells[spell].steps.iter().any(|step| step.is_out_of_range && self.day(step.when) <= self.as_of)
    }

    /// The start of a run: of the spells that cover its first day, the one that started first.
    fn began(&self, group: &[Piece], run: Run) -> Began {
        let covers = |piece: &&Piece| piece.from <= run.first && run.first < piece.to;
        let started = |spell: usize| self.day(self.case.spells[spell].steps[0].when);
        let first = group.iter().filter(covers).map(|piece| piece.spell).min_by_key(|spell| (started(*spell), *spell));
        Began { first: run.first, spell: first.expect("the first day used is covered") }
    }

    /// The pieces of the spells that a rule names, in groups that are counted together.
    fn groups(&self, terms: &JourneyTerms) -> Vec<Vec<Piece>> {
        let Trigger::Spell { domains, attributes } = &terms.trigger else { return Vec::new() };
        let together = terms.sustain.as_ref().is_none_or(|sustain| sustain.combine == Combine::Employers);
        let mut groups: Vec<(Option<&str>, Vec<Piece>)> = Vec::new();
        for (at, spell) in self.in_domains(domains) {
            let pieces = self.pieces(at, spell, attributes);
            let same = |employer: Option<&str>| together || employer.is_some() && employer == spell.employer;
            match groups.iter_mut().find(|(employer, _)| same(*employer)) {
                Some((_, group)) => group.extend(pieces),
                None => groups.push((spell.employer, pieces)),
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// The spells of some domains that have started.
    fn in_domains(&self, domains: &[String]) -> impl Iterator<Item = (usize, &Spell<'_>)> {
        let begun = |spell: &Spell<'_>| self.day(spell.steps[0].when) <= self.as_of;
        let named = move |spell: &Spell<'_>| domains.iter().any(|domain| domain == spell.domain);
        self.case.spells.iter().enumerate().filter(move |(_, spell)| named(spell) && begun(spell))
    }

    /// The ranges of days on which a spell matches a rule, each with its hours.
    fn pieces(
        &self,
        at: usize,
        spell: &Spell<'_>,
        attributes: &BTreeMap<String, Vec<serde_json::Value>>,
    ) -> Vec<Piece> {
        // A spell that may have ended later has not ended yet.
        let ended = spell.ended.map(|(when, _)| self.day(when)).filter(|day| *day <= self.as_of);
        let end = ended.unwrap_or(FOREVER);
        let states = self.states(spell);
        let mut pieces: Vec<Piece> = Vec::new();
        for (index, state) in states.iter().enumerate() {
            let to = states.get(index + 1).map_or(end, |next| next.from.min(end));
            if to <= state.from || !state.fits(attributes) {
                continue;
            }
            match pieces.last_mut() {
                // A changed attribute that no rule uses is not a change.
                Some(before) if before.to == state.from && before.hours == state.hours => before.to = to,
                before => {
                    let begins = before.is_none_or(|before| before.to < state.from);
                    pieces.push(Piece { from: state.from, to, begins, hours: state.hours, spell: at });
                }
            }
        }
        pieces
    }

    /// The states of a spell from its start and from each change.
    fn states<'s>(&self, spell: &'s Spell<'_>) -> Vec<SpellState<'s>> {
        let start = self.day(spell.steps[0].when);
        let mut steps: Vec<(Day, &_)> = spell.steps.iter().map(|step| (self.day(step.when).max(start), step)).collect();
        // The start itself stays first, even with other facts on its day.
        steps[1..].sort_by_key(|(day, _)| *day);
        let mut states: Vec<SpellState<'_>> = Vec::new();
        for (from, step) in steps {
            if from > self.as_of {
                break;
            }
            let mut next = states.last().cloned().unwrap_or_default();
            next.from = from;
            next.hours = if step.is_out_of_range { None } else { step.hours.or(next.hours) };
            next.attributes.extend(step.attributes.iter().map(|(name, value)| (name.as_str(), value)));
            match states.last_mut() {
                Some(same_day) if same_day.from == from => *same_day = next,
                _ => states.push(next),
            }
        }
        states
    }

    /// Puts an outcome on hold if a risk that was raised before it is open, or moves it to the day on which the last
    /// such risk was cleared.
    fn hold_on_risk(&self, reached: &mut Reached, kinds: &[String]) {
        let risks = || {
            let of_kind =
                self.case.risks.iter().enumerate().filter(|(_, risk)| kinds.iter().any(|kind| kind == risk.kind));
            of_kind.map(|(at, risk)| {
                let cleared = risk.cleared.map(|(when, _)| self.day(when)).filter(|day| *day <= self.as_of);
                (at, self.day(risk.raised.0), cleared)
            })
        };
        let mut on = reached.run_on;
        // As the date moves on, further risks may have been raised before it.
        while let Some(later) = risks()
            .filter(|(_, raised, _)| *raised < on)
            .filter_map(|(_, _, cleared)| cleared)
            .filter(|cleared| *cleared > on)
            .max()
        {
            on = later;
        }
        reached.risks = risks()
            .filter(|(_, raised, cleared)| *raised < on && cleared.is_none_or(|day| day > reached.run_on))
            .map(|(at, ..)| at)
            .collect();
        // The date ignores risks that are still open. Cleared risks move it.
        reached.on = on;
        if risks().any(|(_, raised, cleared)| raised < on && cleared.is_none()) {
            reached.hold = reached.hold.or(Some(Hold::RiskOpen));
        }
    }
}

impl Verdict {
    fn is_settled(&self) -> bool {
        matches!(self, Self::Reached(reached) if reached.hold.is_none())
    }
}

impl Reached {
    pub(super) fn on(on: Day) -> Self {
        Self {
            on,
            run_on: on,
            hours: None,
            covered: None,
            gaps: Vec::new(),
            began: None,
            spells: Vec::new(),
            mark: None,
            risks: Vec::new(),
            hold: None,
        }
    }
}

/// The spells of a run, in order: those that cover a counted day, and the one that closes a counted gap.
fn spells_of(run: Run, asked: SpellRequirements<'_>, group: &[Piece], coverage: &Coverage) -> Vec<usize> {
    let last = if asked.sustain.is_some() { run.on } else { run.on + 1 };
    let closes = asked.sustain.is_some_and(|sustain| sustain.gap_counts) && coverage.is_open_before(run.on);
    let counts = |piece: &&Piece| {
        coverage.pauses.open_days(piece.from.max(run.first), piece.to.min(last)) > 0
            || closes && piece.from <= run.on && run.on < piece.to
    };
    let mut spells: Vec<usize> = group.iter().filter(counts).map(|piece| piece.spell).collect();
    spells.sort_unstable();
    spells.dedup();
    spells
}

/// The state of a spell from a day on.
#[derive(Debug, Clone, Default)]
struct SpellState<'a> {
    from: Day,
    hours: Option<rust_decimal::Decimal>,
    attributes: BTreeMap<&'a str, &'a Attribute>,
}

impl SpellState<'_> {
    fn fits(&self, named: &BTreeMap<String, Vec<serde_json::Value>>) -> bool {
        named.iter().all(|(name, values)| {
            let stated = self.attributes.get(name.as_str());
            stated.is_some_and(|stated| values.iter().any(|value| is_value(stated, value)))
        })
    }
}

/// The parts of pieces on or after a day. A spell that covers that day starts there.
fn after(pieces: &[Piece], not_before: Day) -> Vec<Piece> {
    let left = pieces.iter().filter(|piece| piece.to > not_before);
    left.map(|piece| Piece {
        from: piece.from.max(not_before),
        begins: piece.begins || piece.from <= not_before,
        ..*piece
    })
    .collect()
}
