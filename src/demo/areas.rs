//! The six areas: their teams, and the number of referrals, plans and homes in each month.
//!
//! The counts of February 2018 for Brent, Ealing and Islington are those of a real printed board, and so are Brent's
//! totals of the year. The same board also printed December 2017 for Brent and Islington, with the means of the three
//! months before it. All other counts are invented in the same style.

use chrono::NaiveDate;
use uuid::Uuid;

use super::days::{FIRST, MONTHS, day};
use super::story::NAMES;
use throughline_domain::fact::envelope::WorkerId;

/// How much of the demo data to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// All of it: about 3,600 journeys.
    Whole,
    /// One journey in this many, for tests.
    OneIn(u32),
}

impl Size {
    const fn of(self, count: u32) -> u32 {
        match self {
            Self::Whole => count,
            Self::OneIn(part) => (count + part / 2) / part,
        }
    }
}

/// Counts of journeys by month, from March 2017 to February 2018.
type Months = [u32; MONTHS];

/// One area and the counts on its board.
#[derive(Debug)]
pub(super) struct Area {
    /// Its code in the rulebook.
    pub(super) code: &'static str,
    /// The prefix of its case numbers.
    pub(super) letters: &'static str,
    /// The number of keyworkers at the start.
    keyworkers: u32,
    /// Referrals received.
    pub(super) referrals: Months,
    /// Journeys by the month of their first Personal Housing Plan.
    pub(super) plans: Months,
    /// Journeys by the month in which their first home was kept or found.
    pub(super) homes: Months,
}

impl Area {
    /// The counts of a month (from 0) for demo data of this size: referrals, plans, homes.
    pub(super) const fn counts(&self, month: usize, size: Size) -> [u32; 3] {
        [size.of(self.referrals[month]), size.of(self.plans[month]), size.of(self.homes[month])]
    }
}

/// Every area. The order decides which numbers the keyworkers of an area have, and what is drawn for its cases.
pub(super) static AREAS: [Area; 6] = [
    Area {
        code: "waltham-forest",
        letters: "WF",
        keyworkers: 4,
        referrals: [44, 47, 51, 46, 49, 43, 48, 52, 46, 34, 50, 47],
        plans: [11, 38, 43, 42, 41, 37, 40, 44, 41, 31, 39, 42],
        homes: [0, 7, 14, 18, 20, 19, 21, 22, 19, 14, 18, 20],
    },
    Area {
        code: "brent",
        letters: "BR",
        keyworkers: 5,
        referrals: [52, 61, 69, 66, 71, 64, 47, 41, 38, 32, 69, 55],
        plans: [12, 41, 52, 49, 51, 46, 44, 39, 37, 42, 30, 82],
        homes: [0, 6, 15, 23, 27, 29, 27, 24, 21, 17, 21, 22],
    },
    Area {
        code: "ealing",
        letters: "EA",
        keyworkers: 5,
        referrals: [58, 49, 55, 52, 47, 44, 51, 57, 53, 36, 59, 61],
        plans: [16, 41, 47, 49, 43, 39, 44, 50, 48, 35, 45, 49],
        homes: [1, 9, 17, 22, 24, 21, 23, 25, 21, 16, 20, 22],
    },
    Area {
        code: "enfield",
        letters: "EN",
        keyworkers: 5,
        referrals: [63, 58, 66, 61, 64, 57, 62, 68, 59, 41, 66, 60],
        plans: [15, 46, 54, 55, 53, 48, 52, 57, 52, 38, 50, 54],
        homes: [1, 9, 19, 25, 27, 26, 28, 29, 26, 19, 24, 27],
    },
    Area {
        code: "hackney",
        letters: "HA",
        keyworkers: 4,
        referrals: [55, 52, 57, 50, 54, 49, 53, 58, 51, 37, 56, 52],
        plans: [13, 42, 48, 46, 46, 42, 45, 49, 45, 33, 44, 47],
        homes: [1, 8, 17, 22, 24, 22, 25, 26, 22, 17, 22, 24],
    },
    Area {
        code: "islington",
        letters: "IS",
        keyworkers: 4,
        referrals: [46, 38, 44, 39, 42, 36, 33, 29, 28, 28, 35, 32],
        plans: [8, 29, 34, 36, 34, 31, 29, 27, 25, 29, 29, 34],
        homes: [1, 8, 16, 20, 22, 21, 22, 21, 20, 26, 24, 27],
    },
];

/// A keyworker.
#[derive(Debug, Clone)]
pub(super) struct Worker {
    pub(super) id: WorkerId,
    /// The label on boards.
    pub(super) label: String,
    /// The login in tokens.
    pub(super) login: String,
    pub(super) joined_on: NaiveDate,
    /// The first day on which they no longer worked here.
    pub(super) left_on: Option<NaiveDate>,
}

impl Worker {
    /// A worker with a label of two letters and a number, such as `KW-07`.
    pub(super) fn numbered(letters: &str, number: u32, joined_on: NaiveDate) -> Self {
        let label = format!("{letters}-{number:02}");
        let id = WorkerId(Uuid::new_v5(&NAMES, label.as_bytes()));
        Self { id, login: label.to_lowercase(), label, joined_on, left_on: None }
    }

    /// Whether they worked here on this day.
    pub(super) fn is_there(&self, on: NaiveDate) -> bool {
        self.joined_on <= on && self.left_on.is_none_or(|left_on| on < left_on)
    }
}

/// The keyworkers of every area, in the order of [`AREAS`]. In Brent one leaves in the autumn and is replaced, and in
/// Hackney the team grows.
pub(super) fn teams() -> [Vec<Worker>; 6] {
    let mut number = 0;
    let mut next = |joined_on| {
        number += 1;
        Worker::numbered("KW", number, joined_on)
    };
    let mut teams = AREAS.each_ref().map(|area| (0..area.keyworkers).map(|_| next(FIRST)).collect::<Vec<_>>());
    let (brent, hackney) = (1, 4);
    teams[brent][2].left_on = Some(day(2017, 9, 29));
    teams[brent].push(next(day(2017, 10, 16)));
    teams[hackney].push(next(day(2017, 9, 4)));
    teams
}
