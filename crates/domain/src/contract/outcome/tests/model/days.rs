//! Finds when spells have lasted long enough, counting day by day.
//!
//! It builds a calendar of days and walks through it, without shortcuts.

use chrono::Months;
use rust_decimal::{Decimal, RoundingStrategy};

use super::facts::{Day, Spell, date, number};
use crate::contract::rulebook::outcome::{
    Combine, Continuity, Hours, HoursBasis, JourneyTerms, Length, Sustain, Trigger, UnknownHours,
};

/// How many days are laid out after the as-of date: more than every length of the generated rules.
const BEYOND: Day = 300;

/// One day for the spells that are counted together.
#[derive(Debug, Clone, PartialEq)]
struct Lived {
    paused: bool,
    /// The spells that cover it, by index.
    spells: Vec<usize>,
    /// Whether one of them starts on it.
    starts: bool,
    /// The sum of the known hours, and whether others are unknown.
    hours: (Decimal, bool),
}

impl Lived {
    fn is_covered(&self) -> bool {
        !self.paused && !self.spells.is_empty()
    }

    fn is_gap(&self) -> bool {
        !self.paused && self.spells.is_empty()
    }
}

/// The days from one day on.
struct Calendar {
    first: Day,
    days: Vec<Lived>,
}

impl Calendar {
    fn day(&self, day: Day) -> &Lived {
        &self.days[usize::try_from(day - self.first).expect("a day that is laid out")]
    }

    fn end(&self) -> Day {
        self.first + Day::try_from(self.days.len()).expect("few days")
    }
}

/// A run of days that is long enough.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    /// The first covered day used.
    pub(super) first: Day,
    /// The day on which it is long enough.
    pub(super) on: Day,
    /// The covered days used. None if the outcome needs no number of days.
    pub(super) days: Option<u32>,
    pub(super) gaps: Vec<(Day, Day)>,
    /// The hours that were compared. None if the outcome needs no hours.
    pub(super) hours: Option<Decimal>,
    /// Whether hours that are compared are unknown.
    pub(super) unknown: bool,
    /// The spells of the run, by index.
    pub(super) spells: Vec<usize>,
    /// The earliest spell that covers its first day.
    pub(super) began: usize,
}

/// The result of the hours of a run.
enum Hourly {
    Fit(Option<Decimal>),
    Unknown,
    Short,
}

/// The earliest run from a day on that qualifies, and the earliest one for which this is unknown.
pub(super) struct Found {
    pub(super) fit: Option<Run>,
    pub(super) unknown: Option<Run>,
}

/// Finds runs of spells, ignoring everything before a day.
pub(super) fn runs(spells: &[Spell], terms: &JourneyTerms, pauses: &[(Day, Day)], (after, as_of): (Day, Day)) -> Found {
    let mut found = Found { fit: None, unknown: None };
    let Trigger::Spell { domains, .. } = &terms.trigger else { return found };
    let first = spells.iter().map(|spell| spell.start).min().unwrap_or(as_of).min(as_of).max(after);
    let named: Vec<usize> = (0..spells.len()).filter(|at| domains.contains(&spells[*at].domain)).collect();
    for together in together(spells, &named, terms.sustain.as_ref()) {
        let calendar = calendar(spells, &together, terms, pauses, (first, as_of + BEYOND));
        for (from, on) in completions(&calendar, terms) {
            let fitted = hourly(&calendar, terms.hours.as_ref(), from, on);
            let place = match fitted {
                Hourly::Short => continue,
                Hourly::Fit(_) => &mut found.fit,
                Hourly::Unknown => &mut found.unknown,
            };
            if place.as_ref().is_none_or(|best| (on, from) < (best.on, best.first)) {
                let unknown = matches!(fitted, Hourly::Unknown);
                let hours = if let Hourly::Fit(hours) = fitted { hours } else { None };
                *place = Some(run(&calendar, terms, spells, (from, on), (hours, unknown)));
            }
        }
    }
    found
}

/// Finds the start of a spell, if no duration is needed: each spell counts on its own, on the first day that it and its
/// hours match.
pub(super) fn starts(spells: &[Spell], terms: &JourneyTerms, taken: &[usize], as_of: Day) -> Found {
    let mut found = Found { fit: None, unknown: None };
    let Trigger::Spell { domains, attributes } = &terms.trigger else { return found };
    for (at, spell) in spells.iter().enumerate().filter(|(at, _)| !taken.contains(at)) {
        for day in spell.start..=as_of.max(spell.start) {
            // A spell that ended on the day it started did start, but it has no hours.
            let begins = day == spell.start && terms.hours.is_none();
            if !(spell.holds(day) || begins) || !spell.fits(day, domains, attributes) {
                continue;
            }
            let covers = |other: &&usize| {
                **other == at || spells[**other].holds(day) && spells[**other].fits(day, domains, attributes)
            };
            let places: Vec<usize> = (0..spells.len()).collect();
            let covering: Vec<usize> = places.iter().filter(covers).copied().collect();
            let known: Decimal = covering.iter().filter_map(|at| spells[*at].hours(day)).sum();
            let unknown = covering.iter().any(|at| spells[*at].hours(day).is_none());
            // The spells whose hours are added up belong to the run.
            let of_run = if terms.hours.is_some() { covering.clone() } else { vec![at] };
            let lived = Lived { paused: false, spells: covering, starts: true, hours: (known, unknown) };
            let calendar = Calendar { first: day, days: vec![lived] };
            let fitted = hourly(&calendar, terms.hours.as_ref(), day, day);
            let (place, hours) = match fitted {
                Hourly::Short => continue,
                Hourly::Fit(hours) => (&mut found.fit, hours),
                Hourly::Unknown => (&mut found.unknown, None),
            };
            let is_unknown = matches!(fitted, Hourly::Unknown);
            if place.as_ref().is_none_or(|best| day < best.on) {
                let gaps = Vec::new();
                let run = Run {
                    first: day,
                    on: day,
                    days: None,
                    gaps,
                    hours,
                    unknown: is_unknown,
                    spells: of_run,
                    began: at,
                };
                *place = Some(run);
            }
            if !is_unknown {
                break;
            }
        }
    }
    found
}

/// The spells that are counted together.
fn together(spells: &[Spell], named: &[usize], sustain: Option<&Sustain>) -> Vec<Vec<usize>> {
    if sustain.is_none_or(|sustain| sustain.combine == Combine::Employers) {
        return vec![named.to_vec()];
    }
    let mut all: Vec<Vec<usize>> = Vec::new();
    for at in named {
        let employer = &spells[*at].employer;
        let same = |of: &&mut Vec<usize>| employer.is_some() && spells[of[0]].employer == *employer;
        match all.iter_mut().find(same) {
            Some(of) => of.push(*at),
            None => all.push(vec![*at]),
        }
    }
    all
}

fn calendar(
    spells: &[Spell],
    together: &[usize],
    terms: &JourneyTerms,
    pauses: &[(Day, Day)],
    (first, end): (Day, Day),
) -> Calendar {
    let Trigger::Spell { domains, attributes } = &terms.trigger else { unreachable!("spells are asked") };
    let mut days: Vec<Lived> = Vec::new();
    for day in first..end {
        let is_paused = pauses.iter().any(|(first, last)| *first <= day && day <= *last);
        let covers = |at: &&usize| spells[**at].holds(day) && spells[**at].fits(day, domains, attributes);
        let covering: Vec<usize> = together.iter().filter(covers).copied().collect();
        // A spell that starts within a pause counts as starting on the first day after it.
        let before = days.iter().rev().find(|lived| !lived.paused).map_or(&[][..], |lived| &lived.spells);
        let starts = covering.iter().any(|at| !before.contains(at));
        let known: Decimal = covering.iter().filter_map(|at| spells[*at].hours(day)).sum();
        let unknown = covering.iter().any(|at| spells[*at].hours(day).is_none());
        days.push(Lived { paused: is_paused, spells: covering, starts, hours: (known, unknown) });
    }
    Calendar { first, days }
}

/// All completions: the first covered day used, and the day on which the run is long enough.
fn completions(calendar: &Calendar, terms: &JourneyTerms) -> Vec<(Day, Day)> {
    if let Some(Sustain { length: Length::Days(target), continuity: Continuity::Window(window), .. }) = terms.sustain {
        return windows(calendar, target as usize, window as usize);
    }
    let mut found = Vec::new();
    let mut before: Option<&Lived> = None;
    for anchor in calendar.first..calendar.end() {
        let lived = calendar.day(anchor);
        let changed = terms.hours.is_some() && before.is_some_and(|before| before.hours != lived.hours);
        if lived.is_covered() && (lived.starts || changed) {
            let sustain = terms.sustain.as_ref().expect("days are asked");
            found.extend(completion(calendar, sustain, anchor).map(|on| (anchor, on)));
        }
        if !lived.paused {
            before = Some(lived);
        }
    }
    found
}

/// Each day before which enough days of the window are covered.
fn windows(calendar: &Calendar, target: usize, window: usize) -> Vec<(Day, Day)> {
    let mut found = Vec::new();
    let mut open: Vec<Day> = Vec::new();
    for on in calendar.first..calendar.end() {
        let last = &open[open.len().saturating_sub(window)..];
        let used: Vec<Day> = last.iter().copied().filter(|day| calendar.day(*day).is_covered()).collect();
        if used.len() >= target {
            found.push((used[0], on));
        }
        if !calendar.day(on).paused {
            open.push(on);
        }
    }
    found
}

/// The day on which a run from this day on has lasted long enough.
fn completion(calendar: &Calendar, sustain: &Sustain, anchor: Day) -> Option<Day> {
    let longest = match sustain.continuity {
        Continuity::Unbroken => 0,
        Continuity::MaxGap(gap) => gap.into(),
        Continuity::Cumulative | Continuity::Window(_) => Day::MAX,
    };
    // A run ends on the day on which a gap has become too long.
    let mut gap = 0;
    let mut over = calendar.end();
    for day in anchor..calendar.end() {
        let lived = calendar.day(day);
        if lived.is_covered() {
            gap = 0;
        } else if lived.is_gap() {
            gap += 1;
        }
        if gap > longest {
            over = day;
            break;
        }
    }
    let closes = |from: Day| (from..over).find(|day| calendar.day(*day).is_covered());
    match sustain.length {
        Length::Days(target) => {
            let mut counted = 0;
            for day in anchor..over {
                let lived = calendar.day(day);
                if lived.is_covered() || sustain.gap_counts && lived.is_gap() {
                    counted += 1;
                }
                if counted == target {
                    return if lived.is_covered() { Some(day + 1) } else { closes(day) };
                }
            }
            None
        }
        Length::Months(months) => {
            let base = number(date(anchor).checked_add_months(Months::new(months)).expect("a date"));
            let aside = |lived: &Lived| lived.paused || lived.is_gap() && !sustain.gap_counts;
            let left_out = |on: Day| (anchor..on).filter(|day| aside(calendar.day(*day))).count();
            let mut on = base;
            loop {
                if on >= calendar.end() {
                    return None;
                }
                let moved = base + Day::try_from(left_out(on)).expect("few days");
                if moved == on {
                    break;
                }
                on = moved;
            }
            let last = (anchor..on).rev().find(|day| !calendar.day(*day).paused)?;
            if last >= over {
                None
            } else if calendar.day(last).is_covered() {
                Some(on)
            } else {
                closes(last)
            }
        }
    }
}

/// The covered days that a run uses. If no days are needed, the day on which it starts.
fn used(calendar: &Calendar, from: Day, on: Day) -> Vec<&Lived> {
    (from..on.max(from + 1)).map(|day| calendar.day(day)).filter(|lived| lived.is_covered()).collect()
}

fn hourly(calendar: &Calendar, hours: Option<&Hours>, from: Day, on: Day) -> Hourly {
    let Some(hours) = hours else { return Hourly::Fit(None) };
    let covered = used(calendar, from, on);
    let looked_at = match hours.basis {
        HoursBasis::AtStart => &covered[..1],
        HoursBasis::AtEnd => &covered[covered.len() - 1..],
        HoursBasis::Average | HoursBasis::EveryWeek => &covered[..],
    };
    if hours.unknown == UnknownHours::Hold && looked_at.iter().any(|lived| lived.hours.1) {
        return Hourly::Unknown;
    }
    let fits = |value: Decimal| {
        hours.at_least.is_none_or(|least| value >= least) && hours.below.is_none_or(|edge| value < edge)
    };
    let each = || looked_at.iter().map(|lived| lived.hours.0);
    let mean = each().sum::<Decimal>() / Decimal::from(looked_at.len());
    let (fit, shown) = match hours.basis {
        HoursBasis::EveryWeek => (each().all(fits), each().min().expect("a covered day")),
        _ => (fits(mean), mean),
    };
    let shown = shown.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    if fit { Hourly::Fit(Some(shown)) } else { Hourly::Short }
}

fn run(
    calendar: &Calendar,
    terms: &JourneyTerms,
    spells: &[Spell],
    (from, on): (Day, Day),
    (hours, unknown): (Option<Decimal>, bool),
) -> Run {
    let covered = used(calendar, from, on);
    let mut of_run: Vec<usize> = covered.iter().flat_map(|lived| lived.spells.iter().copied()).collect();
    let mut gaps: Vec<(Day, Day)> = Vec::new();
    for day in (from..on).filter(|day| calendar.day(*day).is_gap()) {
        match gaps.last_mut() {
            Some((_, end)) if *end == day => *end = day + 1,
            _ => gaps.push((day, day + 1)),
        }
    }
    // The spell that closes a counted gap belongs to the run.
    let last = (from..on).rev().find(|day| !calendar.day(*day).paused);
    if last.is_some_and(|day| calendar.day(day).is_gap()) {
        of_run.extend(&calendar.day(on).spells);
    }
    of_run.sort_unstable();
    of_run.dedup();
    let began = *calendar.day(from).spells.iter().min_by_key(|at| spells[**at].start).expect("a covered day");
    let days = terms.sustain.as_ref().map(|_| covered.len().try_into().expect("few days"));
    Run { first: from, on, days, gaps, hours, unknown, spells: of_run, began }
}
