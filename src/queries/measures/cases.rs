//! The values of cases in a period: days between two facts, what was recorded, and shares of some facts among others.
//!
//! The facts of a measure are read once for all periods of a question. Which value a case has follows from its facts
//! here; how the values become one number is said in [`throughline_domain::performance::case_value`]. A case counts in
//! one group of each dimension: that of the fact that gives it its value. By code, it has a value for each code.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::super::caseload_scope::{may_be_shown, whose};
use super::super::period::bound;
use super::caseload_throughout::Ranges;
use super::members::{CountedFact, MembersQuery, Place, Which};
use super::tallies::{Span, Tally, asks_for_attributes, codes, words};
use super::{Dimension, FiguresError, Member};
use crate::access::CasesInScope;
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{JourneyId, WorkerId};
use throughline_domain::performance::case_value::Worth;
use throughline_domain::performance::fraction::{Fraction, OutOfRange};
use throughline_domain::performance::measure::{CaseValue, FactKind, Facts, Share};
use throughline_projections::DaySpan;

static FACTS: Sql = Sql::new(include_str!("case_facts.sql"));
static OTHER_FACTS: Sql = Sql::new(include_str!("case_other_facts.sql"));
/// Which of the cases `$6` the caller may see.
static SHOWN: Sql = Sql::new(concat!(
    "select j.id from journey j where j.contract = $1 and j.id in {uuids $6} and ",
    may_be_shown!("j.id"),
    " order by j.id limit $7"
));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&FACTS, &OTHER_FACTS, &SHOWN];

/// The most facts from which the values of one measure are computed.
pub(super) const FACTS_MAX: usize = 500_000;

columns! {
    /// A fact that gives a case its value.
    #[derive(Debug)]
    struct Row {
        journey: Uuid,
        kind: String,
        code: String,
        nth: i64,
        day: NaiveDate,
        latest: NaiveDate,
        quantity: Option<i64>,
        area: String,
        cohort: String,
        referrer: String,
        keyworker: Option<Uuid>,
        profile: String,
    }
}

columns! {
    /// A fact to which days are counted, or one above in a quotient.
    #[derive(Debug)]
    struct OtherRow {
        journey: Uuid,
        code: String,
        day: NaiveDate,
        latest: NaiveDate,
    }
}

/// The value of a case, and the fact that gives it.
#[derive(Debug, Clone)]
pub(super) struct Valued {
    /// The fact and its group.
    pub(super) of: Tally,
    pub(super) worth: Worth,
    pub(super) place: Place,
}

/// The facts from which the values of cases are computed.
#[derive(Debug)]
pub(super) struct FactsOfCases<'v> {
    value: &'v CaseValue,
    deciding: Vec<Row>,
    others: Vec<OtherRow>,
}

impl<'v> FactsOfCases<'v> {
    /// Reads the facts of a measure between two days, as known in this view at the end of a day.
    pub(super) async fn read(
        (generation, contract): (&Generation, &str),
        value: &'v CaseValue,
        between: (NaiveDate, NaiveDate),
        (as_of, by): (NaiveDate, &[Dimension]),
    ) -> Result<Self, FiguresError> {
        let (as_of, profile) = (bound(as_of), asks_for_attributes(by));
        let reader = Reader { generation, contract, between, as_of, profile };
        let deciding = reader.deciding(value.deciding()).await?;
        let others = match value {
            CaseValue::Days { to: facts, .. } | CaseValue::Quotient { of: facts, .. } => {
                reader.others(facts, value.deciding()).await?
            }
            CaseValue::Recorded { .. } => Vec::new(),
        };
        if deciding.len().max(others.len()) > FACTS_MAX {
            return Err(FiguresError::TooManyFacts);
        }
        Ok(Self { value, deciding, others })
    }

    /// The values that cases have in a period.
    pub(super) fn valued(&self, span: &Span, by: &[Dimension]) -> Result<Vec<Valued>, OutOfRange> {
        let is_by_code = by.contains(&Dimension::Code);
        let mut cases: BTreeMap<(Uuid, Option<&str>), Vec<&Row>> = BTreeMap::new();
        for fact in self.deciding.iter().filter(|fact| span.holds(fact.day)) {
            cases.entry((fact.journey, is_by_code.then_some(fact.code.as_str()))).or_default().push(fact);
        }
        let mut valued = Vec::with_capacity(cases.len());
        for ((journey, code), facts) in cases {
            valued.extend(self.of_case(&facts, self.others_of(journey), (span, code))?);
        }
        Ok(valued)
    }

    /// The other facts of a case. All are in the order of their cases.
    fn others_of(&self, journey: Uuid) -> &[OtherRow] {
        let first = self.others.partition_point(|other| other.journey < journey);
        let rest = &self.others[first..];
        &rest[..rest.partition_point(|other| other.journey == journey)]
    }

    /// The value of a case. `facts` are those that give it its value, at least one, in order.
    fn of_case(
        &self,
        facts: &[&Row],
        others: &[OtherRow],
        (span, code): (&Span, Option<&str>),
    ) -> Result<Option<Valued>, OutOfRange> {
        let (first, last) = (facts[0], facts[facts.len() - 1]);
        Ok(match self.value {
            CaseValue::Days { .. } => days(first, others).map(|worth| Valued::of(first, worth)),
            CaseValue::Recorded { each, .. } => {
                let values = facts.iter().filter_map(|fact| fact.quantity).map(Fraction::millionths);
                let value = each.of(&values.collect::<Vec<_>>())?;
                value.map(|value| Valued::of(last, Worth::Exact(value)))
            }
            CaseValue::Quotient { .. } => {
                let is_counted =
                    |other: &&OtherRow| span.holds(other.day) && code.is_none_or(|code| code == other.code);
                let [above, below] = [others.iter().filter(is_counted).count(), facts.len()]
                    .map(|count| u64::try_from(count).expect("a count of rows fits"));
                let value = Fraction::from(above).over(below.into())?;
                value.map(|value| Valued::of(last, Worth::Exact(value)))
            }
        })
    }
}

/// The days from a fact to the first other on its day or later. If there are only earlier ones, it is 0 days.
fn days(from: &Row, others: &[OtherRow]) -> Option<Worth> {
    let to = others.iter().find(|other| other.latest >= from.day).or(others.last())?;
    let days = DaySpan::between((from.day, from.latest), (to.day, to.latest));
    let [lowest, highest] = [days.lowest, days.highest].map(|days| Fraction::from(u64::from(days)));
    let is_exact = from.day == from.latest && to.day == to.latest;
    Some(if is_exact { Worth::Exact(lowest) } else { Worth::Between(lowest, highest) })
}

impl Valued {
    fn of(fact: &Row, worth: Worth) -> Self {
        let (journey, kind) = (JourneyId(fact.journey), FactKind::named(&fact.kind));
        let (kind_word, code) = (fact.kind.clone(), fact.code.clone());
        Self {
            of: Tally {
                kind,
                code: fact.code.clone(),
                area: fact.area.clone(),
                cohort: fact.cohort.clone(),
                referrer: fact.referrer.clone(),
                profile: fact.profile.clone(),
                keyworker: fact.keyworker.map(WorkerId),
                month: None,
                facts: 1,
                quantity: Fraction::ZERO,
            },
            worth,
            place: Place { day: fact.day, journey, kind: kind_word, code, nth: fact.nth },
        }
    }

    /// Whether it is in the group of a figure.
    fn is_in(&self, asked: &MembersQuery) -> bool {
        let of = &self.of;
        asked.members.iter().all(|member| match member {
            Member::Area(code) => of.area == *code,
            Member::Cohort(code) => of.cohort == *code,
            Member::Referrer(code) => of.referrer == *code,
            Member::Code(code) => of.code == *code,
            Member::Keyworker(_, worker) => of.keyworker == Some(*worker),
            Member::Team(..) | Member::NoTeam => of.keyworker.is_some_and(|worker| asked.workers.contains(&worker)),
            Member::Unassigned => of.keyworker.is_none(),
            Member::Attribute(_) => asked.profiles.contains(&of.profile),
        })
    }

    /// The case as a member of a figure, with its value if that is known exactly and fits.
    fn member(self) -> CountedFact {
        let rounded = self.worth.exact().and_then(|value| value.in_millionths().ok());
        CountedFact { place: self.place, quantity: rounded }
    }
}

/// The cases behind a figure that the caller may see, by the day of the fact that gives each its value.
pub(super) async fn listed(
    generation: &Generation,
    scope: CasesInScope<'_>,
    asked: &MembersQuery,
    (value, which): (&CaseValue, &Which),
) -> Result<Vec<CountedFact>, FiguresError> {
    let (span, by) = (Span::of(&asked.period), asked.by());
    let (contract, days) = ((generation, scope.contract()), (span.first, span.last));
    let read = FactsOfCases::read(contract, value, days, (asked.as_of, &by)).await?;
    let mut found: Vec<Valued> = Vec::new();
    for one in read.valued(&span, &by)? {
        let is_counted = match which {
            Which::All => true,
            Which::Exact => one.worth.exact().is_some(),
            Which::Within(band) => Share { value: value.clone(), band: *band }.holds(&one.worth)?,
        };
        if is_counted && one.is_in(asked) {
            found.push(one);
        }
    }
    let shown = shown(generation, scope, found).await?;
    Ok(shown.into_iter().map(Valued::member).collect())
}

/// The cases on the caseload on every day of a period that the caller may see, by the day they came onto it.
pub(super) async fn listed_throughout(
    generation: &Generation,
    scope: CasesInScope<'_>,
    asked: &MembersQuery,
) -> Result<Vec<CountedFact>, FiguresError> {
    let (span, by) = (Span::of(&asked.period), asked.by());
    let (contract, days) = ((generation, scope.contract()), (span.first, span.last));
    let ranges = Ranges::read(contract, days, (asked.as_of, &by)).await?;
    let mut found = ranges.throughout(&span);
    found.retain(|one| one.is_in(asked));
    let shown = shown(generation, scope, found).await?;
    Ok(shown.into_iter().map(|one| CountedFact { place: one.place, quantity: None }).collect())
}

/// Those of these cases that the caller may see, in order.
async fn shown(
    generation: &Generation,
    scope: CasesInScope<'_>,
    mut cases: Vec<Valued>,
) -> Result<Vec<Valued>, StoreError> {
    let ids: BTreeSet<JourneyId> = cases.iter().map(|one| one.place.journey).collect();
    let (sql, (whose, by, unassigned)) = (SHOWN.text(generation.reader.dialect()), whose(scope.cases()));
    let most = i64::try_from(ids.len()).expect("a list in memory is counted in 64 bits");
    let found: sqlx::Result<Vec<Uuid>> = on!(&generation.reader, pool => {
        let shown = sqlx::query_scalar(sql).bind(scope.contract()).bind(bound(scope.on())).bind(whose).bind(by);
        shown.bind(unassigned).bind(json!(ids).to_string()).bind(most).fetch_all(pool).await
    });
    let found = found.map_err(doing("read which cases behind a figure the caller may see"))?;
    let shown: BTreeSet<JourneyId> = found.into_iter().map(JourneyId).collect();
    cases.retain(|one| shown.contains(&one.place.journey));
    cases.sort_by(|one, other| one.place.cmp(&other.place));
    Ok(cases)
}

/// One view, read for a range of days.
struct Reader<'r> {
    generation: &'r Generation,
    contract: &'r str,
    between: (NaiveDate, NaiveDate),
    as_of: NaiveDate,
    /// Whether the attributes of cases are read.
    profile: bool,
}

/// One more row than are allowed shows that there are too many.
pub(super) fn most() -> i64 {
    i64::try_from(FACTS_MAX).map_or(i64::MAX, |most| most.saturating_add(1))
}

impl Reader<'_> {
    async fn deciding(&self, facts: &Facts) -> Result<Vec<Row>, StoreError> {
        let (sql, (first, last)) = (FACTS.text(self.generation.reader.dialect()), self.between);
        let found: sqlx::Result<Vec<Row>> = on!(&self.generation.reader, pool => {
            let read = sqlx::query_as(sql).bind(self.contract).bind(words(&facts.kinds)).bind(codes(facts));
            let read = read.bind(bound(first)).bind(bound(last)).bind(self.as_of).bind(most());
            let read = read.bind(self.profile);
            read.fetch_all(pool).await
        });
        found.map_err(doing("read the facts that give cases their values"))
    }

    async fn others(&self, facts: &Facts, deciding: &Facts) -> Result<Vec<OtherRow>, StoreError> {
        let (sql, (first, last)) = (OTHER_FACTS.text(self.generation.reader.dialect()), self.between);
        let found: sqlx::Result<Vec<OtherRow>> = on!(&self.generation.reader, pool => {
            let read = sqlx::query_as(sql).bind(self.contract).bind(words(&facts.kinds)).bind(codes(facts));
            let read = read.bind(words(&deciding.kinds)).bind(codes(deciding)).bind(bound(first)).bind(bound(last));
            read.bind(self.as_of).bind(most()).fetch_all(pool).await
        });
        found.map_err(doing("read the other facts of cases"))
    }
}
