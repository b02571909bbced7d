//! Computes sustainment day by day, from the written rules only, and compares it with the engine on random spells.
//!
//! It shares only the rulebook's text and the facts with the engine. It is slow and meant to be obvious.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{Days, Months, NaiveDate};
use proptest::prelude::*;
use rust_decimal::{Decimal, RoundingStrategy};

use super::telling::{Sample, journey, rules, spell_id, start};
use crate::contract::outcome::{Gap, Hold, State};
use crate::fact::envelope::Occurred;
use crate::fact::event::{Quantity, SpellChanged, SpellEnded};

/// The number of days that are looked at: longer than every length of the generated rules.
const HORIZON: u64 = 900;

#[derive(Debug, Clone)]
struct Spell {
    from: u64,
    length: Option<u64>,
    employer: Option<u8>,
    hours: Option<u32>,
    changes: Vec<(u64, u32)>,
}

#[derive(Debug, Clone, Copy)]
enum Continuity {
    Unbroken,
    MaxGap(u64),
    Cumulative,
    Window(u64),
}

#[derive(Debug, Clone)]
struct Rule {
    days: Option<u64>,
    months: u32,
    continuity: Continuity,
    gap_counts: bool,
    by_employer: bool,
    pauses: Vec<(u64, u64)>,
    hours: Option<(&'static str, Option<u32>, Option<u32>, bool)>,
}

#[derive(Debug, Clone)]
struct World {
    rule: Rule,
    spells: Vec<Spell>,
    as_of: u64,
}

fn date(day: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2022, 1, 1).expect("a date").checked_add_days(Days::new(day)).expect("a date")
}

fn number(on: NaiveDate) -> u64 {
    (on - date(0)).num_days().try_into().expect("a day after the first")
}

/// The answer, in the terms of the engine.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Reached { on: NaiveDate, days: u64, gaps: Vec<Gap>, hours: Option<Decimal>, unknown: bool },
    Maturing(NaiveDate),
    NotStarted,
}

/// One day for a group of spells.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Lived {
    paused: bool,
    covered: bool,
    starts: bool,
    /// The known hours, and whether others are unknown.
    hours: (u32, bool),
}

impl World {
    /// The facts dated up to the as-of date: the days of each spell and its hours per day, with current spells
    /// continued without end.
    fn lived(&self, group: &[&Spell]) -> Vec<Lived> {
        let paused = |day: u64| self.rule.pauses.iter().any(|(first, last)| (*first..=*last).contains(&day));
        let covers = |spell: &Spell, day: u64| {
            let end = spell.length.map(|length| spell.from + length).filter(|end| *end <= self.as_of);
            spell.from <= self.as_of && spell.from <= day && end.is_none_or(|end| day < end)
        };
        let hours_of = |spell: &Spell, day: u64| {
            let known = spell.changes.iter().filter(|(on, _)| *on <= self.as_of && *on <= day);
            known.max_by_key(|(on, _)| *on).map(|(_, hours)| *hours).or(spell.hours)
        };
        (0..HORIZON)
            .map(|day| {
                let covering: Vec<&&Spell> = group.iter().filter(|spell| covers(spell, day)).collect();
                let is_paused = paused(day);
                // A spell that starts on a pause day counts as starting on the first day after the pause.
                let starts = |spell: &Spell| spell.from <= day && (spell.from..day).all(paused);
                Lived {
                    paused: is_paused,
                    covered: !is_paused && !covering.is_empty(),
                    starts: covering.iter().any(|spell| starts(spell)),
                    hours: (
                        covering.iter().filter_map(|spell| hours_of(spell, day)).sum(),
                        covering.iter().any(|spell| hours_of(spell, day).is_none()),
                    ),
                }
            })
            .collect()
    }

    fn groups(&self) -> Vec<Vec<&Spell>> {
        let mut in_order: Vec<&Spell> = self.spells.iter().collect();
        in_order.sort_by_key(|spell| spell.from);
        if !self.rule.by_employer {
            return vec![in_order];
        }
        let mut groups: Vec<Vec<&Spell>> = Vec::new();
        let mut of_employer: BTreeMap<u8, usize> = BTreeMap::new();
        for spell in in_order {
            let known = spell.employer.and_then(|employer| of_employer.get(&employer).copied());
            if let Some(at) = known {
                groups[at].push(spell);
            } else {
                of_employer.extend(spell.employer.map(|employer| (employer, groups.len())));
                groups.push(vec![spell]);
            }
        }
        groups
    }

    /// All completions: the first covered day used, the day achieved, and the result of the hours.
    fn completions(&self, days: &[Lived]) -> Vec<(u64, u64, Result<Option<Decimal>, Failed>)> {
        let mut found = Vec::new();
        if let Continuity::Window(window) = self.rule.continuity {
            let target = self.rule.days.expect("a window holds days");
            for on in 1..HORIZON {
                let open: Vec<u64> = (0..on).rev().filter(|day| !days[at(*day)].paused).take(at(window)).collect();
                let used: Vec<u64> = open.into_iter().rev().filter(|day| days[at(*day)].covered).collect();
                if used.len() as u64 >= target {
                    found.push((used[0], on, self.hours_say(days, used[0], on)));
                }
            }
            // Only the hours of the first are checked, unless they fail. Then each later day is tried.
            return found;
        }
        for anchor in 0..HORIZON {
            let lived = days[at(anchor)];
            let before = (0..anchor).rev().find(|day| !days[at(*day)].paused).map(|day| days[at(day)]);
            let changed =
                self.rule.hours.is_some() && before.is_some_and(|before| before.covered && before.hours != lived.hours);
            if lived.covered
                && (lived.starts || changed)
                && let Some(on) = self.completion(days, anchor)
            {
                found.push((anchor, on, self.hours_say(days, anchor, on)));
            }
        }
        found
    }

    fn completion(&self, days: &[Lived], anchor: u64) -> Option<u64> {
        let longest = match self.rule.continuity {
            Continuity::Unbroken => 0,
            Continuity::MaxGap(gap) => gap,
            _ => HORIZON,
        };
        // The first day on which a gap has become too long.
        let mut gap = 0;
        let broken = (anchor..HORIZON).find(|day| {
            let lived = days[at(*day)];
            gap = if lived.covered { 0 } else { gap + u64::from(!lived.paused) };
            gap > longest
        });
        let run_end = broken.unwrap_or(HORIZON);
        let next_covered = |from: u64| (from..run_end).find(|day| days[at(*day)].covered);
        let uncovered = |from: u64, to: u64| (from..to).filter(|day| !days[at(*day)].covered).count() as u64;
        let paused = |from: u64, to: u64| (from..to).filter(|day| days[at(*day)].paused).count() as u64;
        if let Some(target) = self.rule.days {
            let mut counted = 0;
            for day in anchor..run_end {
                let lived = days[at(day)];
                counted += u64::from(if self.rule.gap_counts { !lived.paused } else { lived.covered });
                if counted == target {
                    return if lived.covered { Some(day + 1) } else { next_covered(day) };
                }
            }
            return None;
        }
        let base = number(date(anchor).checked_add_months(Months::new(self.rule.months)).expect("a date"));
        let mut on = base;
        while on < HORIZON {
            let aside = if self.rule.gap_counts { paused(anchor, on) } else { uncovered(anchor, on) };
            if base + aside == on {
                let last = (anchor..on).rev().find(|day| !days[at(*day)].paused)?;
                if last >= run_end {
                    return None;
                }
                return if days[at(last)].covered {
                    Some(on)
                } else if self.rule.gap_counts {
                    next_covered(last)
                } else {
                    // The date stops moving on the day after an uncovered day only if the run ended before.
                    None
                };
            }
            on = base + aside;
        }
        None
    }

    fn hours_say(&self, days: &[Lived], from: u64, on: u64) -> Result<Option<Decimal>, Failed> {
        let Some((basis, at_least, below, lower)) = self.rule.hours else { return Ok(None) };
        let covered: Vec<Lived> = (from..on).map(|day| days[at(day)]).filter(|lived| lived.covered).collect();
        let looked_at = match basis {
            "at_start" => &covered[..1],
            "at_end" => &covered[covered.len() - 1..],
            _ => &covered[..],
        };
        if !lower && looked_at.iter().any(|lived| lived.hours.1) {
            return Err(Failed::Unknown);
        }
        let fits = |value: Decimal| {
            at_least.is_none_or(|least| value >= Decimal::from(least))
                && below.is_none_or(|edge| value < Decimal::from(edge))
        };
        let sum: u64 = looked_at.iter().map(|lived| u64::from(lived.hours.0)).sum();
        let mean = Decimal::from(sum) / Decimal::from(looked_at.len() as u64);
        let each = || looked_at.iter().map(|lived| Decimal::from(lived.hours.0));
        let (fit, shown) = if basis == "every_week" {
            (each().all(fits), each().min().expect("a covered day"))
        } else {
            (fits(mean), mean)
        };
        let shown = shown.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
        if fit { Ok(Some(shown)) } else { Err(Failed::Fails) }
    }

    fn answer(&self) -> Answer {
        let mut qualified: Option<(u64, u64, Option<Decimal>, Vec<Lived>)> = None;
        let mut unknown: Option<(u64, u64, Vec<Lived>)> = None;
        for group in self.groups() {
            let days = self.lived(&group);
            for (from, on, hours) in self.completions(&days) {
                match hours {
                    Ok(hours) if qualified.as_ref().is_none_or(|best| on < best.1) => {
                        qualified = Some((from, on, hours, days.clone()));
                    }
                    Err(Failed::Unknown) if unknown.as_ref().is_none_or(|best| on < best.1) => {
                        unknown = Some((from, on, days.clone()));
                    }
                    _ => {}
                }
            }
        }
        let reached = |from: u64, on: u64, hours: Option<Decimal>, is_unknown: bool, days: &[Lived]| Answer::Reached {
            on: date(on),
            days: (from..on).filter(|day| days[at(*day)].covered).count() as u64,
            gaps: self.gaps(days, from, on),
            hours,
            unknown: is_unknown,
        };
        match (qualified, unknown) {
            (Some((from, on, hours, days)), _) if on <= self.as_of => reached(from, on, hours, false, &days),
            (_, Some((from, on, days))) if on <= self.as_of => reached(from, on, None, true, &days),
            (Some((_, on, ..)), _) | (None, Some((_, on, _))) => Answer::Maturing(date(on)),
            (None, None) => Answer::NotStarted,
        }
    }

    fn gaps(&self, days: &[Lived], from: u64, on: u64) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = Vec::new();
        let counted = self.rule.gap_counts;
        for day in (from..on).filter(|day| !days[at(*day)].covered && !days[at(*day)].paused) {
            match gaps.last_mut() {
                Some(last) if last.to == date(day) => last.to = date(day + 1),
                _ => gaps.push(Gap { from: date(day), to: date(day + 1), counted }),
            }
        }
        gaps
    }

    fn rulebook(&self) -> String {
        let mut text = String::new();
        if !self.rule.pauses.is_empty() {
            let ranges =
                self.rule.pauses.iter().map(|(first, last)| format!("[\"{}\", \"{}\"]", date(*first), date(*last)));
            let ranges: Vec<_> = ranges.collect();
            write!(text, "[[calendar.pause]]\nname = \"p\"\nranges = [{}]\n", ranges.join(", ")).expect("a String");
        }
        let length = self.rule.days.map_or(format!("months = {}", self.rule.months), |days| format!("days = {days}"));
        let continuity = match self.rule.continuity {
            Continuity::Unbroken => "\"none\"".to_owned(),
            Continuity::MaxGap(gap) => format!("\"max_gap\", gap_days = {gap}"),
            Continuity::Cumulative => "\"cumulative\"".to_owned(),
            Continuity::Window(window) => format!("\"n_in_window\", window_days = {window}"),
        };
        let combine = if self.rule.by_employer { "nothing" } else { "employers" };
        let pause = if self.rule.pauses.is_empty() { "" } else { ", pause = \"p\"" };
        writeln!(
            text,
            "[[outcome]]\ncode = \"it\"\ntitle = \"It\"\ntrigger = {{ spell = [\"employment\"] }}\n\
             sustain = {{ {length}, continuity = {continuity}, gap_counts = {}, combine = \"{combine}\"{pause} }}",
            self.rule.gap_counts
        )
        .expect("a String");
        if let Some((basis, at_least, below, lower)) = self.rule.hours {
            let least = at_least.map_or(String::new(), |least| format!(", at_least = {least}"));
            let below = below.map_or(String::new(), |below| format!(", below = {below}"));
            let unknown = if lower { "lower" } else { "hold" };
            writeln!(text, "hours = {{ basis = \"{basis}\"{least}{below}, unknown = \"{unknown}\" }}")
                .expect("a String");
        }
        text
    }

    fn sample(&self) -> Sample {
        let mut sample = journey();
        let mut facts = Vec::new();
        for (n, spell) in (1..).zip(&self.spells) {
            let employer = spell.employer.map(|employer| format!("employer {employer}"));
            let hours = spell.hours.map(|hours| Quantity(hours.into()));
            facts.push((spell.from, 0, start(n, "employment", employer.as_deref(), hours).into()));
            for (on, hours) in &spell.changes {
                let change = SpellChanged {
                    spell: spell_id(n),
                    hours_per_week: Some(Quantity((*hours).into())),
                    attributes: [].into(),
                    note: None,
                };
                facts.push((*on, 1, change.into()));
            }
            if let Some(length) = spell.length {
                facts.push((
                    spell.from + length,
                    2,
                    SpellEnded { spell: spell_id(n), reason: None, note: None }.into(),
                ));
            }
        }
        facts.sort_by_key(|(on, kind, _)| (*on, *kind));
        for (on, _, event) in facts {
            sample.record(Occurred::on(date(on)), event);
        }
        sample
    }

    fn engine(&self) -> Answer {
        match self.sample().state(&rules(&self.rulebook()), &date(self.as_of).to_string()) {
            State::NotStarted { .. } => Answer::NotStarted,
            State::Maturing { earliest_on, .. } => Answer::Maturing(earliest_on),
            State::Reached(reached) => Answer::Reached {
                on: reached.achieved_on,
                days: reached.days_counted.expect("days are asked").into(),
                gaps: reached.gaps,
                hours: reached.hours,
                unknown: reached.hold == Some(Hold::HoursUnknown),
            },
        }
    }
}

/// Why a completion does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failed {
    Unknown,
    Fails,
}

fn at(day: u64) -> usize {
    usize::try_from(day).expect("a small number")
}

fn spell() -> impl Strategy<Value = Spell> {
    let hours = prop_oneof![Just(None), Just(Some(8)), Just(Some(10)), Just(Some(16)), Just(Some(20))];
    let changes = proptest::collection::vec((0_u64..60, prop_oneof![Just(8_u32), Just(12), Just(16), Just(20)]), 0..3);
    (0_u64..120, proptest::option::weighted(0.8, 0_u64..70), proptest::option::of(0_u8..3), hours, changes).prop_map(
        |(from, length, employer, hours, changes)| {
            let mut changes: Vec<(u64, u32)> =
                changes.into_iter().map(|(after, hours)| (from + after, hours)).collect();
            changes.sort_unstable();
            changes.dedup_by_key(|(on, _)| *on);
            Spell { from, length, employer, hours, changes }
        },
    )
}

fn rule() -> impl Strategy<Value = Rule> {
    let basis = prop_oneof![Just("average"), Just("at_start"), Just("at_end"), Just("every_week")];
    let bounds =
        prop_oneof![Just((Some(16), None)), Just((None, Some(16))), Just((Some(10), Some(20))), Just((Some(12), None))];
    let hours = (basis, bounds, any::<bool>()).prop_map(|(basis, (least, below), lower)| (basis, least, below, lower));
    let pauses = proptest::collection::vec((0_u64..160, 0_u64..15), 0..3)
        .prop_map(|pauses| pauses.into_iter().map(|(first, more)| (first, first + more)).collect::<Vec<_>>());
    let continuity = prop_oneof![
        Just(Continuity::Unbroken),
        (0_u64..9).prop_map(Continuity::MaxGap),
        Just(Continuity::Cumulative),
        (0_u64..25).prop_map(Continuity::Window),
    ];
    let length = (proptest::option::weighted(0.7, 1_u64..45), 1_u32..4);
    (length, continuity, any::<bool>(), any::<bool>(), pauses, proptest::option::of(hours)).prop_map(
        |((days, months), continuity, gap_counts, by_employer, pauses, hours)| {
            let (days, continuity) = match continuity {
                Continuity::Window(more) => {
                    let days = days.unwrap_or(20);
                    (Some(days), Continuity::Window(days + more))
                }
                other => (days, other),
            };
            let gap_counts = gap_counts && !matches!(continuity, Continuity::Window(_));
            Rule { days, months, continuity, gap_counts, by_employer, pauses, hours }
        },
    )
}

fn world() -> impl Strategy<Value = World> {
    (rule(), proptest::collection::vec(spell(), 0..5), 0_u64..260).prop_map(|(rule, spells, as_of)| World {
        rule,
        spells,
        as_of,
    })
}

/// The number of random worlds: a few thousand, or 100,000 in the long form.
fn cases() -> u32 {
    if std::env::var_os("THROUGHLINE_TEST_FULL").is_some() { 100_000 } else { 3_000 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_agrees_with_counting_day_by_day(world in world()) {
        prop_assert_eq!(world.engine(), world.answer(), "{}", world.rulebook());
    }
}
