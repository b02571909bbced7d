//! Days as numbers, pauses, and the days that spells cover, with their hours.
//!
//! Pure calculation on half-open ranges of days. It knows no facts, and only one rule: pause days are neither covered
//! nor a gap.

use chrono::{Datelike as _, Months, NaiveDate};
use rust_decimal::Decimal;

/// A civil day, counted from the start of the calendar.
pub(super) type Day = i32;

/// The end of a spell that has no end.
pub(super) const FOREVER: Day = i32::MAX / 4;

pub(super) fn day(date: NaiveDate) -> Day {
    date.num_days_from_ce()
}

pub(super) fn date(day: Day) -> NaiveDate {
    NaiveDate::from_num_days_from_ce_opt(day).expect("counted days are within a few centuries")
}

/// The day this many months later, limited to the last day of the month.
pub(super) fn months_after(from: Day, months: u32) -> Day {
    let after = date(from).checked_add_months(Months::new(months));
    day(after.expect("a length is at most a century"))
}

/// A number of days, as a count.
pub(super) fn count(days: Day) -> u32 {
    u32::try_from(days).expect("a range of days is never negative")
}

/// Days that are taken out of the calendar: ranges in order that do not touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pauses(Vec<(Day, Day)>);

impl Pauses {
    /// The pauses with these ranges, first and last day included.
    pub(super) fn of(ranges: impl Iterator<Item = (NaiveDate, NaiveDate)>) -> Self {
        let mut stretches: Vec<(Day, Day)> = ranges.map(|(first, last)| (day(first), day(last) + 1)).collect();
        stretches.sort_unstable();
        let mut merged: Vec<(Day, Day)> = Vec::new();
        for (from, to) in stretches {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        Self(merged)
    }

    /// The number of paused days in a range.
    fn within(&self, from: Day, to: Day) -> Day {
        self.0.iter().map(|pause| (pause.1.min(to) - pause.0.max(from)).max(0)).sum()
    }

    /// The number of counted days in a range.
    pub(super) fn open_days(&self, from: Day, to: Day) -> Day {
        (to - from).max(0) - self.within(from, to)
    }

    /// The day after the n-th counted day, from this day on.
    pub(super) fn after(&self, from: Day, n: Day) -> Day {
        let mut to = from + n;
        loop {
            let moved = from + n + self.within(from, to);
            if moved == to {
                return to;
            }
            to = moved;
        }
    }

    /// The earliest day from which there are at most `n` counted days until `to`.
    fn before(&self, to: Day, n: Day) -> Day {
        let mut from = to - n;
        loop {
            let moved = to - n - self.within(from, to);
            if moved == from {
                return from;
            }
            from = moved;
        }
    }

    /// The parts of a range of days that count.
    fn open(&self, from: Day, to: Day) -> Vec<(Day, Day)> {
        let mut open = Vec::new();
        let mut at = from;
        for pause in self.0.iter().filter(|pause| pause.1 > from && pause.0 < to) {
            if pause.0 > at {
                open.push((at, pause.0));
            }
            at = at.max(pause.1);
        }
        if at < to {
            open.push((at, to));
        }
        open
    }
}

/// A range of days of a spell with constant hours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    /// The first day.
    pub(super) from: Day,
    /// The first day after it.
    pub(super) to: Day,
    /// Whether the spell, as the rule sees it, starts here.
    pub(super) begins: bool,
    /// The hours per week, if known.
    pub(super) hours: Option<Decimal>,
    /// The index of the spell.
    pub(super) spell: usize,
}

/// The combined spells over a range of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// The first day.
    pub(super) from: Day,
    /// The first day after it.
    pub(super) to: Day,
    /// The hours per week of the spells with known hours.
    pub(super) hours: Decimal,
    /// Whether the hours of any spell are unknown.
    pub(super) unknown: bool,
    /// Whether a spell starts with it.
    begins: bool,
}

/// The days that spells cover, each counted once: ranges in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Coverage {
    pub(super) stretches: Vec<Stretch>,
    pub(super) pauses: Pauses,
}

impl Coverage {
    /// The days that these pieces cover, without pauses.
    pub(super) fn of(pieces: &[Piece], pauses: Pauses) -> Self {
        let mut edges: Vec<Day> = pieces.iter().flat_map(|piece| [piece.from, piece.to]).collect();
        edges.sort_unstable();
        edges.dedup();
        // A spell that starts within a pause starts on the first day after it.
        let beginning = pieces.iter().filter(|piece| piece.begins);
        let begun: Vec<(usize, Day)> = beginning.map(|piece| (piece.spell, pauses.after(piece.from, 1) - 1)).collect();
        let mut coverage = Self { stretches: Vec::new(), pauses };
        for edge in edges.windows(2) {
            let (from, to) = (edge[0], edge[1]);
            let covering = || pieces.iter().filter(|piece| piece.from <= from && piece.to >= to);
            if covering().next().is_none() {
                continue;
            }
            let hours = covering().filter_map(|piece| piece.hours).sum();
            let unknown = covering().any(|piece| piece.hours.is_none());
            for (from, to) in coverage.pauses.open(from, to) {
                let begins = covering().any(|piece| begun.contains(&(piece.spell, from)));
                coverage.stretches.push(Stretch { from, to, hours, unknown, begins });
            }
        }
        coverage
    }

    /// The indexes of the ranges that can start a run: those with which a spell starts and, on request, those at which
    /// the hours change.
    pub(super) fn anchors(&self, hours_too: bool) -> impl Iterator<Item = usize> {
        (0..self.stretches.len()).filter(move |at| {
            let this = &self.stretches[*at];
            let changes = |before: &Stretch| (before.hours, before.unknown) != (this.hours, this.unknown);
            this.begins || hours_too && at.checked_sub(1).is_some_and(|at| changes(&self.stretches[at]))
        })
    }

    /// The number of covered days in a range.
    pub(super) fn covered(&self, from: Day, to: Day) -> Day {
        self.within(from, to).map(|stretch| stretch.to - stretch.from).sum()
    }

    /// The parts of the covered ranges that lie within these days.
    pub(super) fn within(&self, from: Day, to: Day) -> impl Iterator<Item = Stretch> {
        let begin = self.stretches.partition_point(|stretch| stretch.to <= from);
        let cut = move |stretch: &Stretch| Stretch { from: stretch.from.max(from), to: stretch.to.min(to), ..*stretch };
        self.stretches[begin..].iter().take_while(move |stretch| stretch.from < to).map(cut)
    }

    /// The first day of the window of this many counted days before a day.
    pub(super) fn window_start(&self, before: Day, days: Day) -> Day {
        self.pauses.before(before, days)
    }

    /// Whether the last counted day before a day is not covered.
    pub(super) fn is_open_before(&self, day: Day) -> bool {
        let covered = self.stretches.iter().rev().find(|stretch| stretch.from < day);
        covered.is_some_and(|stretch| self.pauses.open_days(stretch.to, day) > 0)
    }

    /// The ranges of counted days that are not covered.
    pub(super) fn gaps(&self, from: Day, to: Day) -> Vec<(Day, Day)> {
        let mut gaps = Vec::new();
        let mut at = from;
        for stretch in self.within(from, to) {
            gaps.extend(self.pauses.open(at, stretch.from));
            at = stretch.to;
        }
        gaps.extend(self.pauses.open(at, to));
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(stretches: &[(Day, Day)]) -> Pauses {
        Pauses(stretches.to_vec())
    }

    #[test]
    fn pause_days_are_taken_out_of_the_calendar() {
        let holidays = pauses(&[(10, 20), (30, 31)]);
        assert_eq!(holidays.open_days(5, 25), 10);
        assert_eq!(holidays.after(5, 5), 10, "the day after the fifth day, though it is a pause");
        assert_eq!(holidays.after(5, 6), 21);
        assert_eq!(holidays.before(21, 6), 5);
        assert_eq!(holidays.open(5, 32), [(5, 10), (20, 30), (31, 32)]);
    }

    #[test]
    fn a_day_that_several_spells_cover_counts_once_with_the_hours_of_all() {
        let piece = |from, to, hours: i64, spell| Piece { from, to, begins: true, hours: Some(hours.into()), spell };
        let coverage = Coverage::of(&[piece(0, 10, 8, 0), piece(5, 20, 9, 1)], Pauses::default());
        let stretches: Vec<_> = coverage.stretches.iter().map(|of| (of.from, of.to, of.hours.to_string())).collect();
        let expected =
            [(0, 5, "8"), (5, 10, "17"), (10, 20, "9")].map(|(from, to, hours)| (from, to, hours.to_owned()));
        assert_eq!(stretches, expected);
        assert_eq!(coverage.covered(3, 12), 9);
        assert_eq!(coverage.anchors(false).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(coverage.anchors(true).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
