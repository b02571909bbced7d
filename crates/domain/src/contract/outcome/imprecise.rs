//! Dates of which only the month or year is known. An outcome is achieved only if it is achieved for every possible
//! day. The achieved date is then the latest one. Otherwise the outcome is on hold.
//!
//! If more coverage can only help and the two extreme readings agree, they decide. Otherwise every possible day is
//! tried, up to a limit. Beyond the limit nothing is paid on a guess. An outcome on hold for this reason has the date
//! of the latest reading in which it is achieved.

use super::case::{Case, DateIndex};
use super::days::{Day, Pauses, day};
use super::judge::{Hold, Reached, Read, Verdict};
use crate::contract::rulebook::outcome::{JourneyTerms, Trigger};

/// The most readings of a case's dates that are tried.
const READINGS_MAX: usize = 1_000;

/// The results of an outcome for all possible days of its imprecise dates.
pub(super) fn verdicts(case: &Case<'_>, terms: &JourneyTerms, pauses: &Pauses, as_of: Day) -> Vec<Verdict> {
    let earliest: Vec<Day> = case.dates.iter().map(|date| day(date.earliest())).collect();
    let imprecise = imprecise(case, terms);
    let judge = |days: &[Day]| Read { case, days, as_of }.verdicts(terms, pauses);
    if imprecise.is_empty() {
        return judge(&earliest);
    }
    let latest = |when: DateIndex| day(case.dates[when].latest());
    let (mut worst, mut best) = (earliest.clone(), earliest.clone());
    for (when, sense) in &imprecise {
        let late = latest(*when);
        match sense {
            Sense::SoonerIsMore => worst[*when] = late,
            Sense::LaterIsMore => best[*when] = late,
        }
    }
    let extremes = [judge(&worst), judge(&best)];
    if is_monotone(case, terms, &imprecise) && are_alike(&extremes) {
        return together(&extremes);
    }
    let readings = imprecise.iter().try_fold(1_usize, |product, (when, _)| {
        let days = usize::try_from(latest(*when) - earliest[*when] + 1).ok()?;
        product.checked_mul(days).filter(|product| *product <= READINGS_MAX)
    });
    if readings.is_none() {
        return uncertain(extremes, &Between { best: &best, worst: &worst }, judge);
    }
    let mut tried = Vec::new();
    let mut days = earliest.clone();
    loop {
        tried.push(judge(&days));
        // The next reading, counted like an odometer.
        let turns = imprecise.iter().find(|(when, _)| {
            let rolls = days[*when] == latest(*when);
            days[*when] = if rolls { earliest[*when] } else { days[*when] + 1 };
            !rolls
        });
        if turns.is_none() {
            return together(&tried);
        }
    }
}

/// Whether an earlier or a later day gives more coverage.
#[derive(Clone, Copy)]
enum Sense {
    SoonerIsMore,
    LaterIsMore,
}

/// The imprecise dates that an outcome depends on.
fn imprecise(case: &Case<'_>, terms: &JourneyTerms) -> Vec<(DateIndex, Sense)> {
    let domains = terms.trigger.spell_domains();
    let mut looked_at = Vec::new();
    for spell in case.spells.iter().filter(|spell| domains.iter().any(|domain| domain == spell.domain)) {
        looked_at.extend(spell.steps.iter().map(|step| (step.when, Sense::SoonerIsMore)));
        looked_at.extend(spell.ended.map(|(when, _)| (when, Sense::LaterIsMore)));
    }
    let marks = case.marks.iter().filter(|mark| mark.fits(&terms.trigger));
    looked_at.extend(marks.map(|mark| (mark.when, Sense::SoonerIsMore)));
    for risk in case.risks.iter().filter(|risk| terms.hold_on_risk.iter().any(|kind| kind == risk.kind)) {
        looked_at.push((risk.raised.0, Sense::LaterIsMore));
        looked_at.extend(risk.cleared.map(|(when, _)| (when, Sense::SoonerIsMore)));
    }
    looked_at.retain(|(when, _)| !case.is_exact(*when));
    looked_at
}

/// Whether the two extreme readings bound all others: no hours are compared, the outcome does not repeat, and no spell
/// changes on an imprecise date.
fn is_monotone(case: &Case<'_>, terms: &JourneyTerms, imprecise: &[(DateIndex, Sense)]) -> bool {
    let changes = || case.spells.iter().flat_map(|spell| &spell.steps[1..]).map(|step| step.when);
    let is_spell = matches!(terms.trigger, Trigger::Spell { .. });
    !is_spell
        || terms.hours.is_none()
            && terms.repeats == 1
            && !changes().any(|when| imprecise.iter().any(|(looked_at, _)| *looked_at == when))
}

/// The combined result of all readings, for each repeat.
fn together(readings: &[Vec<Verdict>]) -> Vec<Verdict> {
    let times = readings.iter().map(Vec::len).max().unwrap_or(0);
    (0..times).map(|time| one(readings.iter().map(|verdicts| verdicts.get(time).unwrap_or(&Verdict::Never)))).collect()
}

/// Whether two readings have the same repeats achieved or maturing by the as-of date.
fn are_alike([one, other]: &[Vec<Verdict>; 2]) -> bool {
    one.iter().map(std::mem::discriminant).eq(other.iter().map(std::mem::discriminant))
}

const fn is_reached(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Reached(_))
}

/// The readings between the one with most coverage and the one with least, changing one date at a time by one day.
struct Between<'d> {
    best: &'d [Day],
    worst: &'d [Day],
}

impl Between<'_> {
    fn steps(&self) -> Day {
        self.best.iter().zip(self.worst).map(|(best, worst)| (worst - best).abs()).sum()
    }

    fn reading(&self, mut steps: Day) -> Vec<Day> {
        let step = |(best, worst): (&Day, &Day)| {
            let taken = steps.min((worst - best).abs());
            steps -= taken;
            best + taken * (worst - best).signum()
        };
        self.best.iter().zip(self.worst).map(step).collect()
    }
}

/// The combined result where there are too many readings to try. Nothing is achieved. Each repeat has the latest date
/// found between the two extremes.
fn uncertain(
    extremes: [Vec<Verdict>; 2],
    between: &Between<'_>,
    judge: impl Fn(&[Day]) -> Vec<Verdict>,
) -> Vec<Verdict> {
    let times = extremes.iter().map(Vec::len).max().unwrap_or(0);
    let mut tried: Vec<Vec<Verdict>> = extremes.into();
    for time in 0..times {
        let (mut reached, mut beyond) = (0, between.steps() + 1);
        while beyond - reached > 1 {
            let middle = reached + (beyond - reached) / 2;
            let verdicts = judge(&between.reading(middle));
            if verdicts.get(time).is_some_and(is_reached) {
                reached = middle;
            } else {
                beyond = middle;
            }
            tried.push(verdicts);
        }
    }
    let mut verdicts = together(&tried);
    for verdict in &mut verdicts {
        if let Verdict::Reached(reached) = verdict {
            reached.hold = reached.hold.max(Some(Hold::DateImprecise));
        }
    }
    verdicts
}

fn one<'v>(readings: impl Iterator<Item = &'v Verdict> + Clone) -> Verdict {
    let reached = |verdict: &'v Verdict| match verdict {
        Verdict::Reached(reached) => Some(reached),
        _ => None,
    };
    let Some(latest) = readings.clone().filter_map(reached).max_by_key(|reached| reached.on) else {
        let later = readings.filter_map(|verdict| match verdict {
            Verdict::Later(later) => Some(*later),
            _ => None,
        });
        return later.max_by_key(|later| later.on).map_or(Verdict::Never, Verdict::Later);
    };
    let holds = readings.clone().filter_map(reached).filter_map(|reached| reached.hold).min();
    let every = readings.clone().all(|verdict| reached(verdict).is_some());
    let hold = if every { holds } else { Some(Hold::DateImprecise) };
    Verdict::Reached(Reached { hold, ..latest.clone() })
}
