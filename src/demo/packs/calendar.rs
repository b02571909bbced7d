//! The days of a pack's story: its first and last day, its working days and its months.

use chrono::{DateTime, Datelike as _, Months, NaiveDate, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;

use super::super::days::{EVENING, MORNING, Moment, after, before};
use super::super::dice::Dice;
use super::{Every, Span};
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::calendar::WorkingDays;
use throughline_domain::fact::event::Period;

/// The number of months in a quarter.
const QUARTER: u32 = 3;

/// The days of a story.
#[derive(Debug, Clone, Copy)]
pub(super) struct Days {
    /// The first day, which is also the first day of the contract.
    pub(super) first: NaiveDate,
    /// The last day.
    pub(super) last: NaiveDate,
    /// The time zone of the contract.
    pub(super) zone: Tz,
    months: u32,
    working: &'static WorkingDays,
}

impl Days {
    /// So many months from the first day of a rulebook.
    pub(super) fn of(rulebook: &Rulebook, months: u32) -> Self {
        let first = rulebook.effective_from;
        let last = before(first + Months::new(months), 1);
        let (zone, working) = (rulebook.calendar.zone, rulebook.working_days());
        Self { first, last, zone, months, working }
    }

    /// The last moment of the story.
    pub(super) const fn end(&self) -> Moment {
        Moment::at(self.last, EVENING)
    }

    /// When the demo's clock continues: 09:00 on the day after the last.
    pub(super) fn continues_at(&self) -> DateTime<Utc> {
        let morning = NaiveTime::from_hms_opt(MORNING, 0, 0).expect("a time of day");
        let local = self.zone.from_local_datetime(&after(self.last, 1).and_time(morning)).single();
        local.expect("no clock changes in the morning").with_timezone(&Utc)
    }

    /// This day, or the next working day. Years without known bank holidays have none.
    pub(super) fn working(&self, mut day: NaiveDate) -> NaiveDate {
        while !self.working.is_working(day).unwrap_or(true) {
            day = after(day, 1);
        }
        day
    }

    /// A working day, so many days later.
    pub(super) fn later(&self, from: NaiveDate, (least, most): Span, dice: &Dice) -> NaiveDate {
        self.working(after(from, dice.from(least..=most)))
    }

    /// When something that was over by this hour is recorded: at once or, rarely, on the next working day.
    pub(super) fn promptly(&self, day: NaiveDate, hour: u32, dice: &Dice) -> Moment {
        let same_day = Moment::at(day, dice.from(hour + 1..=EVENING));
        let next_day = Moment::at(self.working(after(day, 1)), dice.from(MORNING..=12));
        if dice.permille(120) && next_day <= self.end() { next_day } else { same_day }
    }

    /// When a contact that was over by this hour is recorded: mostly on the same day, sometimes weeks later.
    pub(super) fn written_up(&self, day: NaiveDate, hour: u32, dice: &Dice) -> Moment {
        let same_day = Moment::at(day, dice.from(hour + 1..=EVENING));
        let wait = dice.weighted(&[(72, (0, 0)), (19, (1, 1)), (6, (2, 9)), (3, (10, 30))]);
        let morning = Moment::at(self.later(day, wait, dice), dice.from(MORNING..=13));
        if wait.1 > 0 && morning <= self.end() { morning } else { same_day }
    }

    /// Some days later, in working hours. `None` if that is after the story.
    pub(super) fn afterwards(&self, at: Moment, dice: &Dice) -> Option<Moment> {
        let later = Moment::at(self.later(at.day, (1, 9), dice), dice.from(MORNING..=17));
        (later <= self.end()).then_some(later)
    }

    /// The months or quarters of the story, in order. A quarter is three months from the first day on.
    pub(super) fn periods(&self, every: Every) -> Vec<Period> {
        let length = match every {
            Every::Month => 1,
            Every::Quarter => QUARTER,
        };
        let period = |at: u32| Period {
            first: self.first + Months::new(at * length),
            last: before(self.first + Months::new((at + 1) * length), 1),
        };
        (0..self.months / length).map(period).collect()
    }

    /// Which of so many equal parts of the story a day lies in, counted from 0.
    pub(super) fn part_of(&self, day: NaiveDate, parts: usize) -> usize {
        let whole = usize::try_from((self.last - self.first).num_days() + 1).expect("a story has days");
        let passed = usize::try_from((day - self.first).num_days()).unwrap_or(0);
        (passed * parts / whole).min(parts.saturating_sub(1))
    }

    /// The number of days in a period.
    pub(super) fn count(period: Period) -> u32 {
        u32::try_from((period.last - period.first).num_days() + 1).expect("a period has days")
    }

    /// The year of a case number.
    pub(super) fn year(day: NaiveDate) -> i32 {
        day.year()
    }
}
