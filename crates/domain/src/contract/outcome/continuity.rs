//! Finds the day on which spells have lasted as long as an outcome needs, with enough hours (docs/domain.md).
//!
//! Pure calculation. It does not know the as-of date, evidence or risks: it returns the earliest day, the days used and
//! their hours for the caller to judge.

use rust_decimal::{Decimal, RoundingStrategy};

use super::days::{Coverage, Day, Stretch, months_after};
use crate::contract::rulebook::outcome::{Continuity, Hours, HoursBasis, Length, Sustain, UnknownHours};

/// The days that achieve an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The first covered day that is used.
    pub(super) first: Day,
    /// The day on which the outcome is achieved.
    pub(super) on: Day,
    /// The hours that are compared. None if the outcome needs no hours or they are unknown.
    pub(super) hours: Option<Decimal>,
}

/// The requirements of an outcome for its spells.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpellRequirements<'a> {
    pub(super) sustain: Option<&'a Sustain>,
    pub(super) hours: Option<&'a Hours>,
}

/// The earliest run that qualifies, and the earliest run for which unknown hours leave it open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) qualified: Option<Run>,
    pub(super) unknown: Option<Run>,
}

impl Found {
    /// Keeps the earlier run of each kind.
    pub(super) fn or(self, other: Self) -> Self {
        Self { qualified: earlier(self.qualified, other.qualified), unknown: earlier(self.unknown, other.unknown) }
    }

    fn take(&mut self, fit: Fit, first: Day, on: Day) {
        let run = |hours| Some(Run { first, on, hours });
        match fit {
            Fit::Qualifies(hours) => self.qualified = earlier(self.qualified, run(hours)),
            Fit::Unknown => self.unknown = earlier(self.unknown, run(None)),
            Fit::Fails => {}
        }
    }
}

fn earlier(one: Option<Run>, other: Option<Run>) -> Option<Run> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other.on < one.on { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// Whether the hours of a run meet the requirement.
#[derive(Clone, Copy)]
enum Fit {
    Qualifies(Option<Decimal>),
    Unknown,
    Fails,
}

/// Finds the earliest run in the covered days.
pub(super) fn find(coverage: &Coverage, asked: SpellRequirements<'_>) -> Found {
    match asked.sustain {
        None => first_days(coverage, asked.hours),
        Some(Sustain { continuity: Continuity::Window(window), length: Length::Days(days), .. }) => {
            in_window(coverage, *days, *window, asked.hours)
        }
        Some(sustain) => from_anchors(coverage, sustain, asked.hours),
    }
}

/// Without a required length: the first day with enough hours. Checks each day on which a spell starts or the hours
/// change.
fn first_days(coverage: &Coverage, hours: Option<&Hours>) -> Found {
    let mut found = Found::default();
    for at in coverage.anchors(true) {
        let first = coverage.stretches[at].from;
        found.take(fit(coverage, hours, first, first + 1), first, first);
    }
    found
}

fn from_anchors(coverage: &Coverage, sustain: &Sustain, hours: Option<&Hours>) -> Found {
    let mut found = Found::default();
    for at in coverage.anchors(hours.is_some()) {
        if let Some(on) = completion(coverage, at, sustain) {
            let first = coverage.stretches[at].from;
            found.take(fit(coverage, hours, first, on), first, on);
        }
    }
    found
}

/// The day on which the run that starts with a range has lasted long enough, if it does.
fn completion(coverage: &Coverage, at: usize, sustain: &Sustain) -> Option<Day> {
    let run = run_from(coverage, at, sustain.continuity);
    let from = run.first()?.from;
    match (sustain.length, sustain.gap_counts) {
        (Length::Days(days), false) => nth_covered(run, signed(days)),
        (Length::Days(days), true) => closing(coverage, run, coverage.pauses.after(from, signed(days))),
        (Length::Months(months), false) => months_covered(coverage, run, months_after(from, months)),
        (Length::Months(months), true) => {
            let base = months_after(from, months);
            let on = coverage.pauses.after(from, base - from);
            closing(coverage, run, on)
        }
    }
}

/// The ranges from this one on that are separated only by tolerated gaps.
fn run_from(coverage: &Coverage, at: usize, continuity: Continuity) -> &[Stretch] {
    let rest = &coverage.stretches[at..];
    let tolerated = match continuity {
        Continuity::Unbroken => 0,
        Continuity::MaxGap(days) => signed(days),
        Continuity::Cumulative | Continuity::Window(_) => return rest,
    };
    let joined = |pair: &[Stretch]| coverage.pauses.open_days(pair[0].to, pair[1].from) <= tolerated;
    let more = rest.windows(2).take_while(|pair| joined(pair)).count();
    &rest[..=more]
}

/// The day after the n-th covered day.
fn nth_covered(run: &[Stretch], days: Day) -> Option<Day> {
    let mut left = days;
    for stretch in run {
        let length = stretch.to - stretch.from;
        if length >= left {
            return Some(stretch.from + left);
        }
        left -= length;
    }
    None
}

/// The day itself if the last counted day before it is covered, or else the first day of the spell that closes the gap.
/// None if the run ends before that.
fn closing(coverage: &Coverage, run: &[Stretch], on: Day) -> Option<Day> {
    for stretch in run {
        if stretch.to >= on {
            return Some(on.max(stretch.from));
        }
        // Only pause days lie between the end of this range and the day.
        if coverage.pauses.open_days(stretch.to, on) == 0 {
            return Some(on);
        }
    }
    None
}

/// Moves the date on by each uncovered day before it, until it no longer changes. None if the run ends before that.
fn months_covered(coverage: &Coverage, run: &[Stretch], base: Day) -> Option<Day> {
    let (from, end) = (run.first()?.from, run.last()?.to);
    let mut on = base;
    loop {
        if on > end {
            return None;
        }
        let moved = base + (on - from - coverage.covered(from, on));
        if moved == on {
            return Some(on);
        }
        on = moved;
    }
}

/// The first day whose window before it holds enough covered days. If the hours do not qualify, each later day is
/// tried.
fn in_window(coverage: &Coverage, days: u32, window: u32, hours: Option<&Hours>) -> Found {
    let (days, window) = (signed(days), signed(window));
    let start = |on| coverage.window_start(on, window);
    let holds = |on| coverage.covered(start(on), on) >= days;
    let mut found = Found::default();
    let Some(mut on) = coverage.stretches.iter().find_map(|stretch| first_in(stretch, days, &holds)) else {
        return found;
    };
    // One whole window after the last start or end, nothing changes any more.
    let edges = coverage.stretches.iter().flat_map(|stretch| [stretch.from, stretch.to]);
    let last = edges.filter(|edge| *edge < super::days::FOREVER).max().unwrap_or(on);
    let end = coverage.pauses.after(last.max(on), window) + 1;
    while on <= end {
        if holds(on) {
            let used = start(on);
            let first = coverage.within(used, on).next().map_or(used, |stretch| stretch.from);
            found.take(fit(coverage, hours, first, on), first, on);
            if found.qualified.is_some() {
                break;
            }
        }
        on += 1;
    }
    found
}

/// The first day after a day of the range whose window holds enough. Within a range, the number of covered days in the
/// window never falls.
fn first_in(stretch: &Stretch, days: Day, holds: &impl Fn(Day) -> bool) -> Option<Day> {
    let (mut low, mut high) = (stretch.from + 1, stretch.to.min(stretch.from + days));
    if high < low || !holds(high) {
        return None;
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}

/// Whether the hours of the covered days in a range of days meet the requirement.
fn fit(coverage: &Coverage, hours: Option<&Hours>, first: Day, on: Day) -> Fit {
    let Some(hours) = hours else { return Fit::Qualifies(None) };
    let looked_at = || coverage.within(first, on);
    let looked_at: Vec<Stretch> = match hours.basis {
        HoursBasis::AtStart => looked_at().take(1).collect(),
        HoursBasis::AtEnd => looked_at().last().into_iter().collect(),
        HoursBasis::Average | HoursBasis::EveryWeek => looked_at().collect(),
    };
    if hours.unknown == UnknownHours::Hold && looked_at.iter().any(|stretch| stretch.unknown) {
        return Fit::Unknown;
    }
    let lowest = looked_at.iter().map(|stretch| stretch.hours).min();
    let highest = looked_at.iter().map(|stretch| stretch.hours).max();
    let (Some(lowest), Some(highest)) = (lowest, highest) else { return Fit::Fails };
    let days = |stretch: &Stretch| Decimal::from(stretch.to - stretch.from);
    // Compares the sum with the threshold multiplied by the number of days, so that nothing is rounded first.
    let (sum, number): (Decimal, Decimal) = match hours.basis {
        HoursBasis::Average => {
            (looked_at.iter().map(|stretch| stretch.hours * days(stretch)).sum(), looked_at.iter().map(days).sum())
        }
        _ => (lowest, Decimal::ONE),
    };
    let greatest = if hours.basis == HoursBasis::EveryWeek { highest } else { sum };
    let enough = hours.at_least.is_none_or(|least| sum >= least.saturating_mul(number));
    let few_enough = hours.below.is_none_or(|edge| greatest < edge.saturating_mul(number));
    if enough && few_enough {
        let mean = (sum / number).round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
        Fit::Qualifies(Some(mean))
    } else {
        Fit::Fails
    }
}

fn signed(days: u32) -> Day {
    Day::try_from(days).expect("a rulebook's lengths are at most a century")
}
