//! When the data of a person need not be kept any more.
//!
//! Pure. It compares the ends of a person's cases with the periods of their contracts. It never proposes or decides an
//! erasure: two people do that.

use chrono::NaiveDate;

use super::rulebook::retention::Retention;
use crate::fact::sealed::Class;

/// The cases of a person in one contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CasesIn {
    /// The code of the contract.
    pub contract: String,
    /// The last day of the last case. None while one is open.
    pub ended_on: Option<NaiveDate>,
    /// How long the contract keeps data, by class.
    pub periods: Vec<Retention>,
}

/// Why a contract keeps the data of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keeps {
    /// The person has an open case.
    OpenCase,
    /// The contract has no period for one of the classes.
    NoPeriod,
    /// A period is not over. This is the first day on which all of them are.
    Until(NaiveDate),
}

/// A period that began with the end of a person's last case in a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningPeriod {
    /// The period.
    pub period: Retention,
    /// The first day on which the data need not be kept any more.
    pub over_on: NaiveDate,
}

impl CasesIn {
    /// The periods of the contract, in the order of the classes. None while a case is open.
    pub fn running(&self) -> Vec<RunningPeriod> {
        let Some(ended_on) = self.ended_on else { return Vec::new() };
        let of = |class: &Class| self.periods.iter().find(|period| period.class == *class);
        let periods = Class::ALL.iter().filter_map(of);
        periods.map(|period| RunningPeriod { over_on: period.over_on(ended_on), period: period.clone() }).collect()
    }

    /// Why the contract keeps the data of the person on a day. None if it no longer does.
    pub fn keeps(&self, on: NaiveDate) -> Option<Keeps> {
        if self.ended_on.is_none() {
            return Some(Keeps::OpenCase);
        }
        let running = self.running();
        if running.len() < Class::ALL.len() {
            return Some(Keeps::NoPeriod);
        }
        let last = running.iter().map(|running| running.over_on).max();
        last.filter(|last| *last > on).map(Keeps::Until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::day;

    fn period(class: Class, months: u32) -> Retention {
        Retention { class, months, source: None, illustrative: true }
    }

    fn cases(ended_on: Option<&str>, periods: &[Retention]) -> CasesIn {
        CasesIn { contract: "shps".to_owned(), ended_on: ended_on.map(day), periods: periods.to_vec() }
    }

    #[test]
    fn an_open_case_keeps_the_data_whatever_the_periods() {
        let open = cases(None, &[period(Class::Identity, 1), period(Class::Special, 1)]);
        assert_eq!(open.keeps(day("2099-01-01")), Some(Keeps::OpenCase));
        assert_eq!(open.running(), []);
    }

    #[test]
    fn the_data_is_kept_until_the_last_class_is_over() {
        let both = cases(Some("2018-02-28"), &[period(Class::Special, 12), period(Class::Identity, 72)]);
        assert_eq!(both.keeps(day("2024-02-27")), Some(Keeps::Until(day("2024-02-28"))));
        assert_eq!(both.keeps(day("2024-02-28")), None, "the period is over on that day");
        let over: Vec<_> = both.running().into_iter().map(|of| (of.period.class, of.over_on)).collect();
        assert_eq!(over, [(Class::Identity, day("2024-02-28")), (Class::Special, day("2019-02-28"))]);
    }

    #[test]
    fn a_class_without_a_period_is_kept_without_end() {
        for periods in [&[][..], &[period(Class::Identity, 1)]] {
            assert_eq!(cases(Some("2018-02-28"), periods).keeps(day("2099-01-01")), Some(Keeps::NoPeriod));
        }
    }
}
