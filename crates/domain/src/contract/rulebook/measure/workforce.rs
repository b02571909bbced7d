//! Measures of the workforce: how many cases it may hold, who is absent, which posts are vacant, and how that compares
//! with the caseload.
//!
//! Pure. The program has them for every contract, because workers, teams and their posts belong to no rulebook. The
//! list says what each is. It counts nothing.

use super::{Basis, Formula, Measure, Unit};
use crate::contract::rulebook::CaseloadTerms;

/// A number about the workers, the posts or the cases that they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Workforce {
    /// The caseload, as the mean over the days.
    MeanCaseload,
    /// The cases that the workers present may hold, as the mean over the days.
    Slots,
    /// The cases that the workers in post may hold, present or absent, as the mean over the days.
    SlotsInPost,
    /// The weeks that the workers are in post, each week multiplied by the full-time equivalent.
    WteWeeks,
    /// The days on which workers are absent.
    AbsenceDays,
    /// The vacant posts, as the mean over the days.
    Vacancies,
    /// The full-time equivalents of the vacant posts, as the mean over the days.
    VacantWte,
    /// The days on which a post is vacant and nobody covers for the worker who left.
    VoidDays,
    /// The days on which a worker is covered by another.
    CoverDays,
    /// The cases on the caseload at the end with a contact made within this many days.
    Seen {
        /// The most days since the last contact.
        within_days: u32,
    },
}

/// The code, the title, what it counts, and the decimal places.
type Row = (&'static str, &'static str, &'static str, u32);

/// A ratio of the program: its code, title and prose, what is above and below, and whether it is shown in percent.
type RatioRow = (&'static str, &'static str, &'static str, [&'static str; 2], bool);

impl Workforce {
    /// Those that every contract has.
    pub const ALL: [Self; 9] = [
        Self::MeanCaseload,
        Self::Slots,
        Self::SlotsInPost,
        Self::WteWeeks,
        Self::AbsenceDays,
        Self::Vacancies,
        Self::VacantWte,
        Self::VoidDays,
        Self::CoverDays,
    ];

    const fn row(self) -> Row {
        match self {
            Self::MeanCaseload => {
                ("mean_caseload", "Mean caseload", "Cases accepted and not closed, as the mean over the days.", 1)
            }
            Self::Slots => (
                "slots",
                "Slots",
                "The cases that the workers may hold, as the mean over the days: for each worker the cases per full-time \
                 post, set for them or else for their team, multiplied by their full-time equivalent. A worker who is \
                 absent has no slots on that day.",
                1,
            ),
            Self::SlotsInPost => (
                "slots_in_post",
                "Slots in post",
                "The cases that the workers in post may hold, as the mean over the days, whether they are present or \
                 absent.",
                1,
            ),
            Self::WteWeeks => (
                "wte_weeks",
                "Full-time weeks",
                "The weeks for which workers are in post, multiplied by their full-time equivalent.",
                1,
            ),
            Self::AbsenceDays => (
                "absence_days",
                "Days of absence",
                "Calendar days on which a worker is absent, for each worker. Absences at the same time count once.",
                0,
            ),
            Self::Vacancies => ("vacancies", "Vacancies", "Vacant posts of the teams, as the mean over the days.", 1),
            Self::VacantWte => (
                "vacant_wte",
                "Vacant full-time equivalents",
                "The full-time equivalents of the vacant posts of the teams, as the mean over the days.",
                1,
            ),
            Self::VoidDays => (
                "void_days",
                "Void days",
                "Calendar days on which a post is vacant and nobody covers, for each post. A cover counts for a vacant \
                 post of its team if the worker who is covered has left.",
                0,
            ),
            Self::CoverDays => (
                "cover_days",
                "Days of cover",
                "Calendar days on which another worker covers for a worker who is absent or has left, for each worker \
                 who is covered.",
                0,
            ),
            Self::Seen { .. } => {
                ("seen_in_time", "Cases seen in time", "Cases on the caseload at the end with a contact in time.", 0)
            }
        }
    }

    /// The code of its measure.
    pub const fn code(self) -> &'static str {
        self.row().0
    }

    /// What it is a number of.
    pub const fn unit(self) -> Unit {
        match self {
            Self::MeanCaseload | Self::Seen { .. } => Unit::Cases,
            Self::Slots | Self::SlotsInPost => Unit::Slots,
            Self::WteWeeks => Unit::Weeks,
            Self::AbsenceDays | Self::VoidDays | Self::CoverDays => Unit::Days,
            Self::Vacancies => Unit::Posts,
            Self::VacantWte => Unit::Wte,
        }
    }

    /// Whether its values of months add up to those of longer periods.
    pub const fn adds_up(self) -> bool {
        matches!(self, Self::WteWeeks | Self::AbsenceDays | Self::VoidDays | Self::CoverDays)
    }

    /// What it is in a few words, as part of a sentence.
    pub(super) fn in_words(self) -> String {
        match self {
            Self::MeanCaseload => "mean caseload over the days".to_owned(),
            Self::Slots => "mean slots of the workers present over the days".to_owned(),
            Self::SlotsInPost => "mean slots of the workers in post over the days".to_owned(),
            Self::WteWeeks => "weeks in post multiplied by the full-time equivalent".to_owned(),
            Self::AbsenceDays => "sum of the days of absence".to_owned(),
            Self::Vacancies => "mean vacant posts over the days".to_owned(),
            Self::VacantWte => "mean full-time equivalents of vacant posts over the days".to_owned(),
            Self::VoidDays => "sum of the days of vacant posts without cover".to_owned(),
            Self::CoverDays => "sum of the days of cover".to_owned(),
            Self::Seen { within_days } => {
                format!("cases on the caseload at the end with a contact within {within_days} days")
            }
        }
    }

    fn measure(self) -> Measure {
        let (code, title, prose, places) = self.row();
        let prose = match self {
            Self::Seen { within_days } => format!(
                "Cases on the caseload at the end of the period with a contact made in the {within_days} days before. \
                 A case without a contact is not one of them."
            ),
            _ => prose.to_owned(),
        };
        Measure {
            code: code.to_owned(),
            title: title.to_owned(),
            prose,
            unit: self.unit(),
            places,
            formula: Formula::Workforce(self),
            version: None,
        }
    }
}

/// The ratios of the workforce that every contract has.
const RATIOS: [RatioRow; 3] = [
    (
        "utilisation",
        "Utilisation",
        "The mean caseload as a share of the mean slots of the workers present.",
        ["mean_caseload", "slots"],
        true,
    ),
    (
        "caseload_per_wte",
        "Caseload per full-time equivalent",
        "The caseload at the end of the period for each full-time equivalent.",
        ["caseload", "wte"],
        false,
    ),
    (
        "contacts_per_wte_week",
        "Contacts per full-time equivalent and week",
        "The contacts made for each week of a full-time equivalent.",
        ["contacts", "wte_weeks"],
        false,
    ),
];

/// The share of the caseload that was seen in time. Only a contract that says how often has it.
const SEEN_AS_REQUIRED: RatioRow = (
    "seen_as_required",
    "Seen at the required frequency",
    "Of the cases on the caseload at the end of the period, the share with a contact made in the days that the rulebook \
     allows.",
    ["seen_in_time", "caseload"],
    true,
);

/// The measures of the workforce, under these terms of a contract.
pub fn of_workforce(terms: &CaseloadTerms) -> Vec<Measure> {
    let seen = terms.seen_every_days.map(|within_days| Workforce::Seen { within_days });
    let ratios = RATIOS.into_iter().chain(seen.map(|_| SEEN_AS_REQUIRED));
    let ratio = |(code, title, prose, [of, over], percent): RatioRow| {
        let formula = Formula::Ratio { of: of.to_owned(), over: over.to_owned(), basis: Basis::Period, percent };
        Measure {
            code: code.to_owned(),
            title: title.to_owned(),
            prose: prose.to_owned(),
            unit: formula.unit(),
            places: u32::from(!percent),
            formula,
            version: None,
        }
    };
    Workforce::ALL.into_iter().chain(seen).map(Workforce::measure).chain(ratios.map(ratio)).collect()
}

/// Whether one of these measures has this code.
pub(super) fn has(code: &str) -> bool {
    let seen = Workforce::Seen { within_days: 0 };
    let ratios = RATIOS.into_iter().chain([SEEN_AS_REQUIRED]).map(|(code, ..)| code);
    Workforce::ALL.into_iter().chain([seen]).map(Workforce::code).chain(ratios).any(|one| one == code)
}

#[cfg(test)]
mod tests;
