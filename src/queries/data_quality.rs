//! Data quality: the blanks and inconsistencies that stop a case from counting or a claim from being paid, by rule.
//!
//! What stops a claim is read from the evaluation of claims, the rest from the rows of a view. Nothing is corrected
//! here, and no case is left out of a figure.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use serde_json::json;
use uuid::Uuid;

use super::claims::{Claim, Claims};
use super::period::bound;
use crate::access::InScope;
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::outcome::{Achievement, Hold, State, Status};
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::fact::envelope::{ClaimId, JourneyId};
use throughline_domain::fact::money::Money;

static CASES: Sql = Sql::new(include_str!("data_quality.sql"));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&CASES];

/// The days before the end of a claim window in which a claim that is not submitted is flagged.
pub const WINDOW_DAYS: u64 = 28;

/// A rule of data quality.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// An achieved outcome is on hold.
    Held(Hold),
    /// Evidence of these kinds is missing: one of them, or all.
    EvidenceMissing(Vec<String>),
    /// The claim window ends within [`WINDOW_DAYS`], and the claim is not submitted.
    WindowEnds,
    /// The claim window is over, and the claim was never submitted.
    WindowOver,
    /// What a case lacks or contradicts.
    OfCase(CaseRule),
}

/// What a case lacks or contradicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaseRule {
    /// An accepted case has no keyworker.
    NoKeyworker,
    /// A referral has no cohort, and the rulebook has cohorts.
    NoCohort,
    /// The service area of a referral is not one of the rulebook.
    AreaNotListed,
    /// The date of a referral is known only by its month or year.
    ReferralDateImprecise,
    /// The first plan is dated before the referral.
    PlanBeforeReferral,
    /// A contact that was made has no worker, so it counts for no keyworker.
    ContactWithoutWorker,
}

impl CaseRule {
    const ALL: [Self; 6] = [
        Self::NoKeyworker,
        Self::NoCohort,
        Self::AreaNotListed,
        Self::ReferralDateImprecise,
        Self::PlanBeforeReferral,
        Self::ContactWithoutWorker,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::NoKeyworker => "no_keyworker",
            Self::NoCohort => "no_cohort",
            Self::AreaNotListed => "area_not_listed",
            Self::ReferralDateImprecise => "referral_date_imprecise",
            Self::PlanBeforeReferral => "plan_before_referral",
            Self::ContactWithoutWorker => "contact_without_worker",
        }
    }
}

impl Rule {
    /// Its code, such as `hours_unknown` or `evidence_missing:payslip`.
    pub fn code(&self) -> String {
        match self {
            Self::Held(hold) => hold.as_str().to_owned(),
            Self::EvidenceMissing(kinds) => format!("evidence_missing:{}", kinds.join(",")),
            Self::WindowEnds => "claim_window_ends".to_owned(),
            Self::WindowOver => "claim_window_over".to_owned(),
            Self::OfCase(rule) => rule.as_str().to_owned(),
        }
    }

    /// What is wrong, and what to do.
    pub fn title(&self, rulebook: &Rulebook) -> String {
        match self {
            Self::Held(hold) => match hold {
                Hold::HoursUnknown => "Hours a week are unknown: record them on the spell",
                Hold::RiskOpen => "A risk is not cleared: clear it, or wait",
                Hold::DateImprecise => "A date is known only by its month or year: correct it to the day",
                Hold::OutOfRange => "A number is too large to compute with: correct the fact that records it",
            }
            .to_owned(),
            Self::EvidenceMissing(kinds) => {
                let kinds: Vec<String> = kinds.iter().map(|kind| rulebook.labels.of(kind)).collect();
                format!("Evidence is missing: attach {}", kinds.join(", "))
            }
            Self::WindowEnds => {
                format!("The claim window ends within {WINDOW_DAYS} days: submit the claim before it ends")
            }
            Self::WindowOver => {
                "The claim window is over and the claim was not submitted: it can no longer be claimed, so check the \
                 dates that it rests on"
                    .to_owned()
            }
            Self::OfCase(rule) => match rule {
                CaseRule::NoKeyworker => "An accepted case has no keyworker: assign one",
                CaseRule::NoCohort => "A referral has no cohort: correct the referral",
                CaseRule::AreaNotListed => {
                    "The service area of a referral is not one of the rulebook: correct the referral"
                }
                CaseRule::ReferralDateImprecise => {
                    "The date of a referral is known only by its month or year: correct it to the day"
                }
                CaseRule::PlanBeforeReferral => "The first plan is dated before the referral: correct one of the dates",
                CaseRule::ContactWithoutWorker => "A contact has no worker, so it counts for no keyworker: correct it",
            }
            .to_owned(),
        }
    }
}

/// The cases and claims that a rule flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flagged {
    /// The rule.
    pub rule: Rule,
    /// What it flags, by day.
    pub members: Vec<Member>,
}

/// A case or a claim that a rule flags.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The day: on which the outcome was achieved, the claim window ends or ended, the plan or referral is dated, the
    /// case came to the caseload, or the last such contact was made.
    pub day: NaiveDate,
    /// The case. None for a claim over several cases.
    pub journey: Option<JourneyId>,
    /// The claim. None if the rule is about the case alone.
    pub claim: Option<ClaimId>,
    /// The full price of the claim, if it has one.
    pub amount: Option<Money>,
}

impl Flagged {
    /// The number of cases, each once.
    pub fn cases(&self) -> usize {
        self.members.iter().filter_map(|member| member.journey).collect::<BTreeSet<_>>().len()
    }

    /// The full price of the claims that the rule stops. None if it is about cases alone, or if no claim has a price.
    pub fn at_risk(&self) -> Option<Money> {
        let mut amounts = self.members.iter().filter_map(|member| member.amount).peekable();
        amounts.peek().is_some().then(|| amounts.sum())
    }
}

columns! {
    struct Row {
        rule: String,
        journey: Uuid,
        area: String,
        day: NaiveDate,
    }
}

/// What the rules flag at the as-of date of the claims: of the claims that are passed in, and of the cases in scope.
/// Each rule with a case or a claim, in the order of the rules.
pub async fn flagged(
    generation: &Generation,
    scope: InScope<'_>,
    rulebook: &Rulebook,
    claims: &Claims,
) -> Result<Vec<Flagged>, StoreError> {
    let mut by_rule: BTreeMap<Rule, Vec<Member>> = BTreeMap::new();
    for (rule, member) in claims.claims.iter().flat_map(|claim| of_claim(claim, claims.asked.as_of)) {
        by_rule.entry(rule).or_default().push(member);
    }
    for row in cases(generation, scope, rulebook, claims.asked.as_of).await? {
        let Some(rule) = CaseRule::ALL.into_iter().find(|rule| rule.as_str() == row.rule) else { continue };
        let member = Member { day: row.day, journey: Some(JourneyId(row.journey)), claim: None, amount: None };
        by_rule.entry(Rule::OfCase(rule)).or_default().push(member);
    }
    let flagged = |(rule, mut members): (Rule, Vec<Member>)| {
        members.sort_unstable();
        Flagged { rule, members }
    };
    Ok(by_rule.into_iter().map(flagged).collect())
}

/// The same, of these cases alone. Claims over several cases are left out.
pub fn within(flagged: Vec<Flagged>, journeys: &BTreeSet<JourneyId>) -> Vec<Flagged> {
    let is_theirs = |member: &Member| member.journey.is_some_and(|journey| journeys.contains(&journey));
    let theirs = flagged.into_iter().map(|mut of| {
        of.members.retain(is_theirs);
        of
    });
    theirs.filter(|of| !of.members.is_empty()).collect()
}

async fn cases(
    generation: &Generation,
    scope: InScope<'_>,
    rulebook: &Rulebook,
    as_of: NaiveDate,
) -> Result<Vec<Row>, StoreError> {
    let listed = |list| rulebook.codes.listed(list).unwrap_or_default();
    let (cohorts, areas) = (listed(CodeList::Cohorts), listed(CodeList::Areas));
    let sql = CASES.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<Row>> = on!(&generation.reader, pool => {
        let asked = sqlx::query_as(sql).bind(scope.contract()).bind(bound(as_of)).bind(!cohorts.is_empty());
        asked.bind(json!(areas).to_string()).bind(!areas.is_empty()).bind(i64::MAX).fetch_all(pool).await
    });
    let mut rows = found.map_err(doing("find cases with blanks and inconsistencies"))?;
    rows.retain(|row| scope.has_area(&row.area));
    Ok(rows)
}

/// The rules that flag a claim.
fn of_claim(claim: &Claim, as_of: NaiveDate) -> Vec<(Rule, Member)> {
    let State::Reached(achievement) = &claim.state else { return Vec::new() };
    let member = |day: NaiveDate| Member {
        day,
        journey: claim.about.journey(),
        claim: Some(claim.claim),
        amount: achievement.price.amount().or(claim.amount),
    };
    rules(claim.status, achievement, as_of).into_iter().map(|(rule, day)| (rule, member(day))).collect()
}

/// The rules that flag an achieved outcome with a status, each with the day that it is about.
fn rules(status: Status, achievement: &Achievement, as_of: NaiveDate) -> Vec<(Rule, NaiveDate)> {
    let (achieved_on, until) = (achievement.achieved_on, achievement.claimable_until);
    let mut rules = Vec::new();
    match (status, achievement.hold) {
        (Status::OnHold, Some(hold)) => rules.push((Rule::Held(hold), achieved_on)),
        (Status::EvidenceMissing, _) => rules.push((Rule::EvidenceMissing(achievement.missing.clone()), achieved_on)),
        (Status::Expired, _) => rules.extend(until.map(|until| (Rule::WindowOver, until))),
        _ => {}
    }
    let soon = as_of.checked_add_days(Days::new(WINDOW_DAYS)).unwrap_or(NaiveDate::MAX);
    let is_open = matches!(status, Status::EvidenceMissing | Status::Achieved | Status::Claimable);
    if let Some(until) = until.filter(|until| is_open && as_of <= *until && *until <= soon) {
        rules.push((Rule::WindowEnds, until));
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::contract::outcome::price::Price;
    use throughline_domain::world::day;

    fn achievement() -> Achievement {
        Achievement {
            achieved_on: day("2018-02-01"),
            price: Price::Amount(Money::exactly(180.into())),
            days_counted: None,
            gaps: Vec::new(),
            hours: None,
            missing: Vec::new(),
            hold: None,
            claimable_from: Ok(day("2018-02-01")),
            claimable_until: Some(day("2018-04-30")),
            events: Vec::new(),
        }
    }

    fn codes(status: Status, achievement: &Achievement, as_of: &str) -> Vec<String> {
        let rules = rules(status, achievement, day(as_of));
        rules.into_iter().map(|(rule, day)| format!("{} {day}", rule.code())).collect()
    }

    const NONE: [&str; 0] = [];

    #[test]
    fn a_claim_is_flagged_from_28_days_before_its_window_ends_until_it_has_ended() {
        let achieved = achievement();
        assert_eq!(codes(Status::Claimable, &achieved, "2018-04-01"), NONE);
        assert_eq!(codes(Status::Claimable, &achieved, "2018-04-02"), ["claim_window_ends 2018-04-30"]);
        assert_eq!(codes(Status::Claimable, &achieved, "2018-04-30"), ["claim_window_ends 2018-04-30"]);
        assert_eq!(codes(Status::Expired, &achieved, "2018-05-01"), ["claim_window_over 2018-04-30"]);
        assert_eq!(codes(Status::Submitted, &achieved, "2018-04-30"), NONE, "it was submitted in time");
        let open = Achievement { claimable_until: None, ..achieved };
        assert_eq!(codes(Status::Claimable, &open, "2018-04-30"), NONE);
    }

    #[test]
    fn a_hold_and_missing_evidence_are_named() {
        let held = Achievement { hold: Some(Hold::HoursUnknown), ..achievement() };
        assert_eq!(codes(Status::OnHold, &held, "2018-03-01"), ["hours_unknown 2018-02-01"]);
        let missing = vec!["payslip".to_owned(), "letter".to_owned()];
        let unproved = Achievement { missing, ..achievement() };
        let named = ["evidence_missing:payslip,letter 2018-02-01", "claim_window_ends 2018-04-30"];
        assert_eq!(codes(Status::EvidenceMissing, &unproved, "2018-04-10"), named, "a claim may have two faults");
    }

    #[test]
    fn the_amount_at_risk_is_the_sum_of_prices_and_none_without_one() {
        let member = |journey: u128, amount: Option<i64>| Member {
            day: day("2018-02-01"),
            journey: Some(JourneyId(Uuid::from_u128(journey))),
            claim: None,
            amount: amount.map(|amount| Money::exactly(amount.into())),
        };
        let of = |members| Flagged { rule: Rule::WindowEnds, members };
        let two = of(vec![member(1, Some(180)), member(1, Some(20)), member(2, None)]);
        assert_eq!((two.cases(), two.at_risk()), (2, Some(Money::exactly(200.into()))));
        assert_eq!(of(vec![member(1, None)]).at_risk(), None);
        let theirs = within(vec![two], &BTreeSet::from([JourneyId(Uuid::from_u128(2))]));
        assert_eq!((theirs[0].members.len(), theirs[0].cases()), (1, 1));
        assert!(within(theirs, &BTreeSet::new()).is_empty());
    }
}
