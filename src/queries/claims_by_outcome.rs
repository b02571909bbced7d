//! Outcomes by cohort, area or month: how many were achieved, submitted, rejected, accepted and paid, as a share of those
//! who started, and their value against targets.
//!
//! The claims and their amounts are those of [`super::claims`], and the bases of rates are figures of
//! [`super::measures`]. A claim that was submitted again counts once, on the day of its first submission, by the decision
//! on its last line. What was withdrawn before a decision was not submitted.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::board::Group;
use super::claims::{Claim, Claims, Receipts};
use super::measures::{self, CompareWith, Dimension, FiguresError, FiguresQuery, Member, OfContract};
use crate::access::InScope;
use crate::views::generation::Generation;
use throughline_domain::contract::batch::ledger::{Ledger, LedgerLine};
use throughline_domain::contract::outcome::State;
use throughline_domain::contract::outcome::price::{Priced, fitting};
use throughline_domain::contract::outcome::settle::LineState;
use throughline_domain::contract::rulebook::{CodeList, Labels, Outcome};
use throughline_domain::fact::event::ClaimAbout;
use throughline_domain::fact::money::Money;
use throughline_domain::performance::comparison::{Actuals, Aim, Comparison};
use throughline_domain::performance::figure::Figure;
use throughline_domain::performance::measure::measure;
use throughline_domain::performance::period::{Month, Period};
use throughline_domain::performance::target::{self as targets, Nature, Part, Profile};

/// What outcomes are broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// One row.
    Whole,
    /// The cohort of the case.
    Cohort,
    /// The service area of the case.
    Area,
    /// The month: of the achievement for what was achieved, of the first submission for everything else.
    Month,
}

/// The claims that a row counts. The order is that of rows that no rulebook lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClaimGroup {
    /// All of them.
    Whole,
    /// Those of a cohort, by code. Empty for cases without one.
    Cohort(String),
    /// Those of a service area, by code.
    Area(String),
    /// Those of a month.
    Month(Month),
}

impl ClaimGroup {
    /// The label of the row on a board.
    pub fn label(&self, labels: &Labels) -> String {
        match self {
            Self::Whole => Group::Whole.label(),
            Self::Cohort(code) => Member::Cohort(code.clone()).label(labels),
            Self::Area(code) => Member::Area(code.clone()).label(labels),
            Self::Month(month) => month.to_string(),
        }
    }
}

/// The outcomes of a contract in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeTable {
    /// Each outcome with its rows, in the order of the rulebook.
    pub outcomes: Vec<OutcomeRows>,
    /// The sums of all rows.
    pub amounts: Amounts,
    /// What was received beyond everything due, and is not settled, in all batches. It is part of no row.
    pub overpaid: Money,
}

/// One outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeRows {
    /// Its code.
    pub code: String,
    /// Its title.
    pub title: String,
    /// Its rows.
    pub rows: Vec<OutcomeRow>,
}

/// One outcome in one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeRow {
    /// The group.
    pub group: ClaimGroup,
    /// The numbers of claims.
    pub counts: Counts,
    /// Their amounts.
    pub amounts: Amounts,
    /// The number that the rates are a share of. None if the rulebook names no measure.
    pub base: Option<Figure>,
    /// The submitted claims as a share of it, rejected ones too.
    pub rate: Option<Figure>,
    /// The submitted claims that were not rejected as a share of it.
    pub rate_without_rejected: Option<Figure>,
    /// The submitted claims that were not rejected, against the target of each profile. Empty for months.
    pub targets: Comparison,
    /// Their value, against the target times the price.
    pub target_values: Comparison,
}

/// Numbers of claims.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those achieved by the facts.
    pub achieved: u64,
    /// Those submitted, whatever was decided.
    pub submitted: u64,
    /// Of these: rejected.
    pub rejected: u64,
    /// Of these: accepted, also if they are paid.
    pub accepted: u64,
    /// Of the accepted ones: paid in full.
    pub paid: u64,
    /// Of the submitted ones: paid and taken back.
    pub reversed: u64,
}

impl Counts {
    /// Those submitted and neither rejected nor taken back.
    pub const fn evidenced(&self) -> u64 {
        self.submitted.saturating_sub(self.rejected + self.reversed)
    }
}

/// Amounts of claims.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts {
    /// What is due, or would be due, for everything achieved.
    pub achieved: Money,
    /// What is due for everything submitted that was neither rejected nor taken back.
    pub evidenced: Money,
    /// What is due for everything accepted, with its adjustments.
    pub entitled: Money,
    /// What was received for claims and their adjustments.
    pub received: Money,
}

impl Amounts {
    fn add(&mut self, other: Self) {
        self.achieved = self.achieved + other.achieved;
        self.evidenced = self.evidenced + other.evidenced;
        self.entitled = self.entitled + other.entitled;
        self.received = self.received + other.received;
    }
}

/// The day that decides the period of an achieved claim: of one over many cases, the last day of its period.
pub(super) fn day_of(claim: &Claim, achieved_on: NaiveDate) -> NaiveDate {
    match &claim.about {
        ClaimAbout::Journey(_) => achieved_on,
        ClaimAbout::Many(many) => many.last,
    }
}

/// The outcomes of a contract, from its claims as the caller may see them.
pub async fn table(
    generation: &Generation,
    scope: InScope<'_>,
    of: OfContract<'_>,
    claims: &Claims,
    (by, period): (By, Period),
) -> Result<OutcomeTable, FiguresError> {
    let ledger = Ledger::of(&claims.batches);
    let tallied = Tallied::of(claims, &ledger, by, &period);
    let bases = bases(generation, scope, of, (by, period, claims.asked.as_of)).await?;
    let profiles = targets::in_force(of.record, of.rulebook);
    let evaluation = Evaluation { of, scope, by, period, bases: &bases, profiles: &profiles, tallied: &tallied };
    let mut amounts = Amounts::default();
    tallied.rows.values().for_each(|(_, of_row)| amounts.add(*of_row));
    let codes = evaluation.codes();
    let outcomes = codes.iter().map(|(code, title)| evaluation.of_outcome(code, title)).collect::<Result<_, _>>()?;
    let excess = claims.batches.iter().map(|(id, _)| ledger.excess(*id));
    Ok(OutcomeTable { outcomes, amounts, overpaid: excess.sum() })
}

/// The numbers of every outcome and group.
struct Tallied {
    rows: BTreeMap<(String, ClaimGroup), (Counts, Amounts)>,
    /// The title of each outcome, also of those that only earlier rulebooks have.
    titles: BTreeMap<String, String>,
}

impl Tallied {
    fn of(claims: &Claims, ledger: &Ledger<'_>, by: By, period: &Period) -> Self {
        let receipts = Receipts::of(ledger, &claims.batches);
        let mut tallied = Self { rows: BTreeMap::new(), titles: BTreeMap::new() };
        let is_within = |day: NaiveDate| period.first() <= day && day <= period.last();
        for claim in claims.claims.iter() {
            let title = claim.rulebook.outcome(&claim.outcome).map_or(&claim.outcome, |outcome| &outcome.title);
            if let State::Reached(achievement) = &claim.state {
                let day = day_of(claim, achievement.achieved_on);
                if is_within(day) {
                    let (counts, amounts) = tallied.row(claim, title, group(claim, by, day));
                    counts.achieved += 1;
                    amounts.achieved = amounts.achieved + claim.amount.unwrap_or_default();
                }
            }
            let lines = receipts.lines(claim.claim);
            let (Some(first), Some(last)) = (lines.first(), lines.last()) else { continue };
            let day = first.line.submitted.earliest();
            if is_within(day) {
                let (counts, amounts) = tallied.row(claim, title, group(claim, by, day));
                amounts.received = amounts.received + receipts.received(claim.claim);
                add_line(last, (counts, amounts));
            }
        }
        tallied
    }

    fn row(&mut self, claim: &Claim, title: &str, group: ClaimGroup) -> (&mut Counts, &mut Amounts) {
        self.titles.entry(claim.outcome.clone()).or_insert_with(|| title.to_owned());
        let (counts, amounts) = self.rows.entry((claim.outcome.clone(), group)).or_default();
        (counts, amounts)
    }
}

fn group(claim: &Claim, by: By, day: NaiveDate) -> ClaimGroup {
    let text = |code: Option<&str>| code.unwrap_or_default().to_owned();
    match by {
        By::Whole => ClaimGroup::Whole,
        By::Cohort => ClaimGroup::Cohort(text(claim.cohort.as_deref())),
        By::Area => ClaimGroup::Area(text(claim.area.as_deref())),
        By::Month => ClaimGroup::Month(Month::of(day)),
    }
}

/// The price of an outcome where it is the same for every unit.
pub(super) fn only_price(outcome: &Outcome, of: Priced<'_>, currency: &str) -> Option<Decimal> {
    match fitting(&outcome.tariffs, of).as_slice() {
        [only] if only.up_to.is_none() => only.unit_price(currency),
        _ => None,
    }
}

/// Adds a submitted claim by the decision on its last line.
fn add_line(line: &LedgerLine<'_>, (counts, amounts): (&mut Counts, &mut Amounts)) {
    counts.submitted += 1;
    let due = line.due();
    match line.state() {
        LineState::Rejected => counts.rejected += 1,
        LineState::Reversed => counts.reversed += 1,
        LineState::Accepted => counts.accepted += 1,
        LineState::Paid => {
            counts.accepted += 1;
            counts.paid += 1;
        }
        LineState::Submitted | LineState::Queried | LineState::Withdrawn => {}
    }
    if !matches!(line.state(), LineState::Rejected | LineState::Reversed) {
        amounts.evidenced = amounts.evidenced + due;
    }
    if matches!(line.state(), LineState::Accepted | LineState::Paid | LineState::Reversed) {
        amounts.entitled = amounts.entitled + due;
    }
}

/// The figures that rates are a share of, by measure and group.
type Bases = BTreeMap<(String, ClaimGroup), Figure>;

async fn bases(
    generation: &Generation,
    scope: InScope<'_>,
    of: OfContract<'_>,
    (by, period, as_of): (By, Period, NaiveDate),
) -> Result<Bases, FiguresError> {
    let codes: BTreeSet<&String> =
        of.rulebook.outcomes.iter().filter_map(|outcome| outcome.rate_over.as_ref()).collect();
    let measures: Vec<_> = codes.into_iter().filter_map(|code| measure(of.rulebook, code)).collect();
    let dimension: &[Dimension] = match by {
        By::Whole => &[],
        By::Cohort => &[Dimension::Cohort],
        By::Area => &[Dimension::Area],
        By::Month => &[Dimension::Month],
    };
    if measures.is_empty() {
        return Ok(Bases::new());
    }
    let compare = CompareWith::default();
    let query = FiguresQuery { measures: &measures, by: dimension, period, compare, as_of };
    let found = measures::figures(generation, scope, of, &query).await?;
    let rows = found.into_iter().flat_map(|of| of.rows.into_iter().map(move |row| (of.measure.code.clone(), row)));
    let named = rows.filter_map(|(code, row)| {
        let group = match (row.members.first(), by) {
            (Some(Member::Cohort(code)), _) => ClaimGroup::Cohort(code.clone()),
            (Some(Member::Area(code)), _) => ClaimGroup::Area(code.clone()),
            (None, By::Month) => ClaimGroup::Month(Month::of(row.period.first())),
            (None, _) => ClaimGroup::Whole,
            (Some(_), _) => return None,
        };
        Some(((code, group), row.figure))
    });
    Ok(named.collect())
}

/// Everything that the rows are made of.
struct Evaluation<'e> {
    of: OfContract<'e>,
    scope: InScope<'e>,
    by: By,
    period: Period,
    bases: &'e Bases,
    profiles: &'e [Profile],
    tallied: &'e Tallied,
}

impl Evaluation<'_> {
    /// The outcomes of the rulebook, then those that only earlier ones have, each with its title.
    fn codes(&self) -> Vec<(String, String)> {
        let outcomes = &self.of.rulebook.outcomes;
        let earlier = self.tallied.titles.iter().filter(|(code, _)| self.of.rulebook.outcome(code).is_none());
        let own = outcomes.iter().map(|outcome| (outcome.code.clone(), outcome.title.clone()));
        own.chain(earlier.map(|(code, title)| (code.clone(), title.clone()))).collect()
    }

    fn of_outcome(&self, code: &str, title: &str) -> Result<OutcomeRows, FiguresError> {
        let outcome = self.of.rulebook.outcome(code);
        let rows = self.groups(code, outcome).into_iter().map(|group| self.row(code, outcome, group));
        Ok(OutcomeRows { code: code.to_owned(), title: title.to_owned(), rows: rows.collect::<Result<_, _>>()? })
    }

    /// The groups of an outcome: those that the rulebook lists, then any other with a claim or a base.
    fn groups(&self, code: &str, outcome: Option<&Outcome>) -> Vec<ClaimGroup> {
        let listed = |list: CodeList| self.of.rulebook.codes.listed(list).unwrap_or_default().iter().cloned();
        let mut groups: Vec<ClaimGroup> = match self.by {
            By::Whole => vec![ClaimGroup::Whole],
            By::Cohort => listed(CodeList::Cohorts).map(ClaimGroup::Cohort).collect(),
            By::Area => {
                listed(CodeList::Areas).filter(|area| self.scope.has_area(area)).map(ClaimGroup::Area).collect()
            }
            By::Month => Vec::new(),
        };
        let of_claims = self.tallied.rows.keys().filter(|(of, _)| of == code).map(|(_, group)| group);
        let base = outcome.and_then(|outcome| outcome.rate_over.as_ref());
        let is_base = |(of, _): &(&(String, ClaimGroup), &Figure)| base == Some(&of.0);
        let has_value = |(_, figure): &(&(String, ClaimGroup), &Figure)| figure.value().is_some_and(|of| !of.is_zero());
        let of_bases = self.bases.iter().filter(is_base).filter(has_value).map(|((_, group), _)| group);
        let others: BTreeSet<&ClaimGroup> = of_claims.chain(of_bases).filter(|group| !groups.contains(group)).collect();
        let others: Vec<ClaimGroup> = others.into_iter().cloned().collect();
        groups.extend(others);
        groups
    }

    fn row(&self, code: &str, outcome: Option<&Outcome>, group: ClaimGroup) -> Result<OutcomeRow, FiguresError> {
        let key = (code.to_owned(), group.clone());
        let (counts, amounts) = self.tallied.rows.get(&key).copied().unwrap_or_default();
        let base = outcome
            .and_then(|outcome| outcome.rate_over.clone())
            .map(|measure| self.bases.get(&(measure, group.clone())).copied().unwrap_or(Figure::not_applicable()));
        let share = |claims: u64| base.map(|base| Figure::count(claims).divided_by(&base)).transpose();
        let (rate, rate_without_rejected) = (share(counts.submitted)?, share(counts.evidenced())?);
        let aims = self.aims(code, &group)?;
        let compared = |now: Figure, aims: Vec<Aim>| {
            Comparison::of(&Actuals { now, previous: None, three_months: None, year_before: None }, aims)
        };
        let values = self.values(outcome, &group, &aims)?;
        let targets = compared(Figure::count(counts.evidenced()), aims)?;
        let target_values = compared(Figure::amount(amounts.evidenced.amount().into()), values)?;
        Ok(OutcomeRow { group, counts, amounts, base, rate, rate_without_rejected, targets, target_values })
    }

    /// The targets of each profile. Only the whole contract, its areas and its cohorts have targets, and a caller who sees
    /// some areas sees neither the whole nor whole cohorts.
    fn aims(&self, code: &str, group: &ClaimGroup) -> Result<Vec<Aim>, FiguresError> {
        let part = match group {
            ClaimGroup::Whole if self.scope.areas().is_none() => Part::Whole,
            ClaimGroup::Area(area) => Part::area(area),
            ClaimGroup::Cohort(cohort) if self.scope.areas().is_none() && !cohort.is_empty() => Part::cohort(cohort),
            ClaimGroup::Whole | ClaimGroup::Cohort(_) | ClaimGroup::Month(_) => return Ok(Vec::new()),
        };
        let aim = |profile: &Profile| {
            let now = profile.target((code, Nature::Flow), &part, &self.period)?;
            Ok(Aim { profile: profile.name().to_owned(), now, previous: Figure::not_applicable() })
        };
        self.profiles.iter().map(aim).collect()
    }

    /// The targets times the price on the last day of the period. Without a value where the price is not the same for
    /// every unit.
    fn values(&self, outcome: Option<&Outcome>, group: &ClaimGroup, aims: &[Aim]) -> Result<Vec<Aim>, FiguresError> {
        let (area, cohort) = match group {
            ClaimGroup::Area(area) => (Some(area.as_str()), None),
            ClaimGroup::Cohort(cohort) => (None, Some(cohort.as_str())),
            ClaimGroup::Whole | ClaimGroup::Month(_) => (None, None),
        };
        let of = Priced { achieved_on: self.period.last(), area, cohort };
        let price = outcome.and_then(|outcome| only_price(outcome, of, &self.of.rulebook.currency));
        let value = |aim: &Aim| {
            let now = match (aim.now.value(), price) {
                (Some(target), Some(price)) => Figure::amount(target.times(price.into())?),
                _ => Figure::not_applicable(),
            };
            Ok(Aim { now, ..aim.clone() })
        };
        aims.iter().map(value).collect()
    }
}
