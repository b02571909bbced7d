//! Value: what a contract is worth so far, by the financial year in which outcomes were achieved.
//!
//! It adds up the evaluation of claims and the lines of batches. It settles nothing: what is due, and what a cap leaves
//! no room for, is decided in the evaluation. A profile of targets may be the bid, the original or a revised plan: its
//! value is what it says of the value of all outcomes, or else the sum of its targets for each outcome times the price.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::claims::{CapOf, Claim, Claims};
use super::claims_by_outcome::only_price;
use crate::access::InScope;
use throughline_domain::contract::ContractRecord;
use throughline_domain::contract::batch::Decision;
use throughline_domain::contract::batch::ledger::Ledger;
use throughline_domain::contract::outcome::price::Priced;
use throughline_domain::contract::outcome::{State, Status};
use throughline_domain::contract::rulebook::{MonthDay, Outcome, Rulebook};
use throughline_domain::fact::envelope::ClaimId;
use throughline_domain::fact::money::Money;
use throughline_domain::performance::figure::Figure;
use throughline_domain::performance::fraction::Fraction;
use throughline_domain::performance::period::{Period, Unit};
use throughline_domain::performance::target::{self as targets, Nature, Part, Profile, TargetError, VALUE};

/// What a contract is worth so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The financial years, from that of the start of the contract or of the first claim on, in order. A year without
    /// claims is one of them.
    pub years: Vec<YearValue>,
    /// All years together, against the cap of the contract.
    pub to_date: Amounts,
    /// From the start of the contract to the end of the month of the as-of date.
    pub period_to_date: Option<Period>,
}

/// What a contract is worth for the outcomes achieved in one financial year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YearValue {
    /// The year.
    pub period: Period,
    /// The amounts, against the cap of the year.
    pub amounts: Amounts,
}

/// The amounts of a year or of a whole contract.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Amounts {
    /// What is due under the caps: for claims that are submitted and not rejected, that can be claimed, or that can be
    /// once their waiting period is over.
    pub entitled: Money,
    /// The full price of achieved outcomes that are on hold or lack evidence.
    pub waiting: Money,
    /// What is due for submitted claims that are not rejected or withdrawn, with their adjustments.
    pub submitted: Money,
    /// The part of it that is accepted.
    pub accepted: Money,
    /// What was paid for claims, less what was paid back.
    pub paid: Money,
    /// The limit of the cap. None without one.
    pub cap: Option<Money>,
    /// What claims and lines lack because of the cap. None without one.
    pub above_cap: Option<Money>,
}

/// The value that a profile of targets aims at in a period, and the submitted claims against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueTarget {
    /// The name of the profile, such as `bid`.
    pub profile: String,
    /// The value that it aims at, as an exact amount. Not applicable if it says nothing of the period.
    pub target: Figure,
    /// What is due for submitted claims that are not rejected or withdrawn, as a share of it.
    pub share: Figure,
}

/// The targets that the value of a contract is compared with, for a caller who sees the whole contract.
pub struct ValueTargets<'t> {
    rulebook: &'t Rulebook,
    profiles: Vec<Profile>,
}

impl<'t> ValueTargets<'t> {
    /// Those in force. None are shown to a caller who sees some service areas.
    pub fn of(scope: InScope<'_>, record: &ContractRecord, rulebook: &'t Rulebook) -> Self {
        let profiles = if scope.areas().is_none() { targets::in_force(record, rulebook) } else { Vec::new() };
        Self { rulebook, profiles }
    }

    /// The value of each profile that has targets for values or outcomes, in a period with these amounts.
    pub fn against(&self, amounts: &Amounts, period: &Period) -> Result<Vec<ValueTarget>, TargetError> {
        let mut found = Vec::new();
        for profile in &self.profiles {
            let target = self.value_of(profile, period)?;
            if target.value().is_some() {
                let share = Figure::amount(amounts.submitted.amount().into()).divided_by(&target)?;
                found.push(ValueTarget { profile: profile.name().to_owned(), target, share });
            }
        }
        Ok(found)
    }

    /// The value that a profile aims at: its own target for values, or else the sum over all outcomes with a price, each
    /// of which needs a target.
    fn value_of(&self, profile: &Profile, period: &Period) -> Result<Figure, TargetError> {
        let of = |measure: &str| profile.target((measure, Nature::Flow), &Part::Whole, period);
        let own = of(VALUE)?;
        if own.value().is_some() {
            return Ok(own);
        }
        let mut values = Vec::new();
        for outcome in self.rulebook.outcomes.iter().filter(|outcome| !outcome.tariffs.is_empty()) {
            let (Some(target), Some(price)) = (of(&outcome.code)?.value(), self.price(outcome, period)) else {
                return Ok(Figure::not_applicable());
            };
            values.push(target.times(price)?);
        }
        if values.is_empty() { Ok(Figure::not_applicable()) } else { Ok(Figure::amount(Fraction::sum(values)?)) }
    }

    /// The price on the last day of the period, if it is the same for every unit.
    fn price(&self, outcome: &Outcome, period: &Period) -> Option<Fraction> {
        let of = Priced { achieved_on: period.last(), area: None, cohort: None };
        only_price(outcome, of, &self.rulebook.currency).map(Fraction::from)
    }
}

/// The value of these claims, from the start of the contract on.
pub fn value(claims: &Claims, financial_year: MonthDay) -> Value {
    let as_of = claims.asked.as_of;
    let starts_on = claims.contract.opened().map_or(as_of, |opened| opened.starts_on.min(as_of));
    let year = |day: NaiveDate| Period::of(Unit::FinancialYear(financial_year), day);
    let mut years: BTreeMap<NaiveDate, Amounts> = BTreeMap::new();
    for first in years_from(financial_year, (starts_on, as_of)) {
        years.entry(first).or_default();
    }
    for claim in claims.claims.iter() {
        if let Some(on) = claim.achieved_on() {
            years.entry(year(on).first()).or_default().add_claim(claim);
        }
    }
    let ledger = Ledger::of(&claims.batches);
    let mut achieved: BTreeMap<ClaimId, NaiveDate> = BTreeMap::new();
    for line in ledger.lines() {
        let frozen = &line.line.frozen;
        achieved.insert(frozen.claim, frozen.achieved_on);
        let amounts = years.entry(year(frozen.achieved_on).first()).or_default();
        amounts.paid = amounts.paid + line.line.paid;
        if line.line.is_live() {
            amounts.submitted = amounts.submitted + line.due();
            if line.line.decision == Decision::Accepted {
                amounts.accepted = amounts.accepted + line.due();
            }
        }
    }
    let adjustments = claims.batches.iter().flat_map(|(_, batch)| &batch.adjustments);
    for fact in adjustments.filter(|of| of.settled.is_some()).map(|of| &of.raised.details) {
        if let Some(on) = fact.claim.and_then(|claim| achieved.get(&claim)) {
            let amounts = years.entry(year(*on).first()).or_default();
            amounts.paid = amounts.paid + fact.amount;
        }
    }
    let mut to_date = Amounts::default();
    for amounts in years.values() {
        to_date.add(amounts);
    }
    (to_date.cap, to_date.above_cap) = under_cap(claims, &CapOf::Contract);
    let shown = years.into_iter().map(|(first, mut amounts)| {
        (amounts.cap, amounts.above_cap) = under_cap(claims, &CapOf::Year(first));
        YearValue { period: year(first), amounts }
    });
    let period_to_date = Period::to_date(starts_on, Unit::Month, as_of);
    Value { years: shown.collect(), to_date, period_to_date }
}

/// The first day of each financial year from that of one day to that of another.
fn years_from(financial_year: MonthDay, (from, to): (NaiveDate, NaiveDate)) -> impl Iterator<Item = NaiveDate> {
    let year = move |day: NaiveDate| Period::of(Unit::FinancialYear(financial_year), day);
    let next = move |one: &Period| one.last().succ_opt().map(year);
    let years = std::iter::successors(Some(year(from)), next).map(|one| one.first());
    years.take_while(move |first| *first <= to)
}

/// The limit of the cap of all outcomes for a group, and what is lacking because of it. The lowest limit, if there are
/// several.
fn under_cap(claims: &Claims, of: &CapOf) -> (Option<Money>, Option<Money>) {
    let caps = claims.caps.iter().filter(|cap| cap.of == *of && cap.cap.outcomes.is_empty());
    let cap = caps.min_by_key(|cap| cap.limit);
    (cap.map(|cap| cap.limit), cap.map(|cap| cap.capped))
}

impl Amounts {
    fn add_claim(&mut self, claim: &Claim) {
        use Status as S;
        match claim.status {
            S::Claimable | S::Achieved | S::Submitted | S::Queried | S::Accepted | S::Paid => {
                self.entitled = self.entitled + claim.amount.unwrap_or_default();
            }
            S::OnHold | S::EvidenceMissing => {
                if let State::Reached(achievement) = &claim.state {
                    self.waiting = self.waiting + achievement.price.amount().unwrap_or_default();
                }
            }
            S::Reversed | S::Rejected | S::Excluded | S::Expired | S::Capped | S::Maturing | S::NotStarted => {}
        }
    }

    fn add(&mut self, other: &Self) {
        self.entitled = self.entitled + other.entitled;
        self.waiting = self.waiting + other.waiting;
        self.submitted = self.submitted + other.submitted;
        self.accepted = self.accepted + other.accepted;
        self.paid = self.paid + other.paid;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::world::day;

    #[test]
    fn every_year_is_there_from_the_start_of_the_contract_to_the_day() {
        let april = MonthDay { month: 4, day: 1 };
        let years = |from: &str, to: &str| -> Vec<String> {
            years_from(april, (day(from), day(to))).map(|first| first.to_string()).collect()
        };
        assert_eq!(years("2017-10-01", "2020-03-31"), ["2017-04-01", "2018-04-01", "2019-04-01"]);
        assert_eq!(years("2017-10-01", "2020-04-01").len(), 4, "a year counts from its first day");
        assert_eq!(years("2017-10-01", "2017-10-01"), ["2017-04-01"]);
    }
}
