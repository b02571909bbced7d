//! Tallies: how many facts of a kind, code and group of cases there are in a period, as read from a view.
//!
//! Whole months are read at once, month by month, from the counted table where that has what is asked; other periods one
//! by one from the dated rows.

pub(super) mod workforce;

use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::super::board::count;
use super::super::period::bound;
use super::caseload_throughout::Ranges;
use super::cases::{FactsOfCases, Valued};
use super::{Dimension, FiguresError, Wanted};
use crate::access::InScope;
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::WorkerId;
use throughline_domain::performance::figure::Figure;
use throughline_domain::performance::fraction::{Fraction, OutOfRange};
use throughline_domain::performance::measure::{CaseValue, FactKind, Facts, Formula, Measure, Work, Workforce};
use throughline_domain::performance::period::{Month, Period};
use throughline_projections::countable::DATED_ONLY;

static BY_MONTH: Sql = Sql::new(include_str!("by_month.sql"));
static DATED: Sql = Sql::new(include_str!("dated.sql"));
static COHORT: Sql = Sql::new(include_str!("cohort.sql"));
static CASELOAD: Sql = Sql::new(include_str!("caseload.sql"));
static WORK: Sql = Sql::new(include_str!("work.sql"));
static WTE: Sql = Sql::new(include_str!("wte.sql"));

/// Every statement of this module.
static STATEMENTS: &[&Sql] = &[&BY_MONTH, &DATED, &COHORT, &CASELOAD, &WORK, &WTE];

/// Every statement of this module and of those beneath it.
pub(super) fn statements() -> Vec<&'static Sql> {
    [STATEMENTS, workforce::STATEMENTS].concat()
}

/// The days of a period, and whether they are whole months, so that they can be counted by month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Span {
    /// The first day of the period: before it no day of a case or a worker counts.
    pub(super) from: NaiveDate,
    /// The first day on which facts count: that of the month if the period is counted by month.
    pub(super) first: NaiveDate,
    pub(super) last: NaiveDate,
    pub(super) is_of_months: bool,
}

impl Span {
    /// The days of a period. A period to date counts the facts of the month in which the contract starts as a whole.
    pub(super) fn of(period: &Period) -> Self {
        let (first, last) = (Month::of(period.first()).first(), period.last());
        let is_whole = (first == period.first() || period.is_to_date()) && Month::of(last).last() == last;
        match period.months() {
            Some(_) if is_whole => Self { from: period.first(), first, last, is_of_months: true },
            _ => Self { from: period.first(), first: period.first(), last, is_of_months: false },
        }
    }

    /// Where its facts are found.
    pub(super) const fn tallies_of(&self) -> TalliesOf {
        if self.is_of_months { TalliesOf::Months } else { TalliesOf::Days(*self) }
    }

    /// Whether a day is in it.
    pub(super) fn holds(&self, day: NaiveDate) -> bool {
        self.first <= day && day <= self.last
    }

    /// The days of the period that are not later than the as-of date. None if all of them are.
    pub(super) fn until(&self, as_of: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
        (self.from <= as_of).then(|| (self.from, self.last.min(as_of)))
    }
}

/// A number of facts of the same kind, code and group of cases.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// The kind of fact. None for cases on the caseload.
    pub(super) kind: Option<FactKind>,
    pub(super) code: String,
    pub(super) area: String,
    pub(super) cohort: String,
    pub(super) referrer: String,
    /// The attributes of the case, as the view stores them, if they are asked for.
    pub(super) profile: String,
    pub(super) keyworker: Option<WorkerId>,
    /// The month, if the tallies are apart by month.
    pub(super) month: Option<Month>,
    pub(super) facts: u64,
    /// The sum of the quantities.
    pub(super) quantity: Fraction,
}

impl Tally {
    /// Whether its facts are among these.
    pub(super) fn is_one_of(&self, facts: &Facts) -> bool {
        self.kind.is_some_and(|kind| facts.hold(kind, &self.code))
    }

    /// Those of tallies, in the order of their months, whose month is within a period. Tallies that are not apart by
    /// month are of one period.
    pub(super) fn within<'t>(tallies: &'t [Self], span: &Span) -> &'t [Self] {
        let is_before = |tally: &Self| tally.month.is_some_and(|month| month.first() < span.first);
        let is_by_the_end = |tally: &Self| tally.month.is_none_or(|month| month.first() <= span.last);
        &tallies[tallies.partition_point(is_before)..tallies.partition_point(is_by_the_end)]
    }
}

/// What some tallies are of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum TalliesOf {
    /// The facts of all whole months, apart by month.
    Months,
    /// The facts of other days.
    Days(Span),
    /// The caseload at the end of a period.
    Caseload(Span),
    /// Work that falls due in a period, or is open at its end.
    Work(Work, Span),
    /// The days of cases on the caseload in a period. The quantity is the number of days.
    CaseDays(Span),
    /// The cases on the caseload at the end of a period with a contact made within this many days.
    Seen(Span, u32),
    /// The cases that are counted above in a ratio of the same cases, by its code.
    Cohort(String, Span),
}

impl TalliesOf {
    /// The formula that counts these tallies, if it counts no facts.
    pub(super) const fn formula(&self) -> Option<Formula> {
        match self {
            Self::Caseload(_) => Some(Formula::Caseload),
            Self::Work(work, _) => Some(Formula::Work(*work)),
            Self::CaseDays(_) => Some(Formula::Workforce(Workforce::MeanCaseload)),
            Self::Seen(_, within_days) => Some(Formula::Workforce(Workforce::Seen { within_days: *within_days })),
            Self::Months | Self::Days(_) | Self::Cohort(..) => None,
        }
    }
}

/// The full-time equivalent of a worker over some days `[from, to)`.
#[derive(Debug, Clone)]
pub(super) struct WteDays {
    pub(super) worker: WorkerId,
    from: NaiveDate,
    to: NaiveDate,
    wte: Fraction,
}

/// Everything read for a question.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) tallies: Vec<(TalliesOf, Vec<Tally>)>,
    /// The values of cases, by the code of the measure and the period.
    pub(super) cases: Vec<((String, Span), Vec<Valued>)>,
    wte: Vec<(Span, Vec<WteDays>)>,
    pub(super) staff: workforce::Loads,
}

columns! {
    struct Row {
        /// The number of the span, if several are counted at once.
        nth [default]: i64,
        kind: String,
        code: String,
        area: String,
        cohort: String,
        referrer: String,
        profile: String,
        keyworker: Option<Uuid>,
        month: Option<NaiveDate>,
        facts: i64,
        wholes: i64,
        millionths: i64,
    }
}

columns! {
    struct WteRow {
        nth: i64,
        worker: Uuid,
        from_on: NaiveDate,
        to_on: NaiveDate,
        wte: i64,
    }
}

/// What the tallies of a question are apart by.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a dimension that is asked for or not")]
struct Apart {
    cohort: bool,
    referrer: bool,
    keyworker: bool,
    profile: bool,
}

impl Apart {
    fn by(by: &[Dimension]) -> Self {
        let has = |dimension| by.contains(&dimension);
        Self {
            cohort: has(Dimension::Cohort),
            referrer: has(Dimension::Referrer),
            keyworker: has(Dimension::Keyworker) || has(Dimension::Team),
            profile: asks_for_attributes(by),
        }
    }
}

/// Whether figures are broken down by an attribute of cases.
pub(super) fn asks_for_attributes(by: &[Dimension]) -> bool {
    by.iter().any(|by| matches!(by, Dimension::Attribute(_)))
}

impl Loaded {
    /// Reads what these measures need for these periods.
    pub(super) async fn read(
        of: (&Generation, InScope<'_>),
        wanted: &Wanted,
        by: &[Dimension],
        (spans, as_of): (&[Span], NaiveDate),
    ) -> Result<Self, FiguresError> {
        let reader = Reader { generation: of.0, scope: of.1, as_of: bound(as_of), apart: Apart::by(by) };
        let (counted, dated) = reader.kinds(wanted);
        let mut loaded = Self::default();
        let whole = spans.iter().filter(|span| span.is_of_months);
        let edges = (whole.clone().map(|span| span.first).min(), whole.map(|span| span.last).max());
        if let (Some(first), Some(last)) = edges {
            let mut tallies = reader.by_month(&counted, (first, last)).await?;
            tallies.extend(reader.dated(&dated, (first, last), true).await?);
            loaded.tallies.push((TalliesOf::Months, tallies));
        }
        let all: Vec<FactKind> = counted.iter().chain(&dated).copied().collect();
        for span in spans {
            if !span.is_of_months {
                let tallies = reader.dated(&all, (span.first, span.last), false).await?;
                loaded.tallies.push((TalliesOf::Days(*span), tallies));
            }
            loaded.read_further(&reader, wanted, span).await?;
        }
        loaded.read_for_all(&reader, wanted, spans).await?;
        loaded.read_cases(of, wanted, by, (spans, as_of)).await?;
        Ok(loaded)
    }

    /// Reads the values of cases: the facts of each kind of value once, for all measures and periods.
    async fn read_cases(
        &mut self,
        (generation, scope): (&Generation, InScope<'_>),
        wanted: &Wanted,
        by: &[Dimension],
        (spans, as_of): (&[Span], NaiveDate),
    ) -> Result<(), FiguresError> {
        let edges = (spans.iter().map(|span| span.first).min(), spans.iter().map(|span| span.last).max());
        let (Some(first), Some(last)) = edges else { return Ok(()) };
        let of = (generation, scope.contract());
        let valued: Vec<(&Measure, &CaseValue)> =
            wanted.iter().filter_map(|measure| Some((measure, measure.formula.case_value()?))).collect();
        for (at, (_, value)) in valued.iter().enumerate() {
            if valued[..at].iter().any(|(_, earlier)| earlier == value) {
                continue;
            }
            let facts = FactsOfCases::read(of, value, (first, last), (as_of, by)).await?;
            for (measure, _) in valued[at..].iter().filter(|(_, other)| other == value) {
                for span in spans {
                    self.add_cases(scope, (measure, *span), facts.valued(span, by)?);
                }
            }
        }
        if let Some(measure) = wanted.iter().find(|measure| measure.formula == Formula::CaseloadThroughout) {
            let ranges = Ranges::read(of, (first, last), (as_of, by)).await?;
            for span in spans {
                self.add_cases(scope, (measure, *span), ranges.throughout(span));
            }
        }
        Ok(())
    }

    fn add_cases(&mut self, scope: InScope<'_>, (measure, span): (&Measure, Span), mut valued: Vec<Valued>) {
        valued.retain(|one| scope.has_area(&one.of.area));
        self.cases.push(((measure.code.clone(), span), valued));
    }

    /// Reads the caseload, the full-time equivalents and the ratios of the same cases: each with one statement for all
    /// periods that have begun.
    async fn read_for_all(&mut self, reader: &Reader<'_>, wanted: &Wanted, spans: &[Span]) -> Result<(), StoreError> {
        let begun = spans.iter().filter_map(|span| Some((*span, span.until(reader.as_of)?)));
        let (begun, known): (Vec<Span>, Vec<(NaiveDate, NaiveDate)>) = begun.unzip();
        if begun.is_empty() {
            return Ok(());
        }
        let asks = |formula: &Formula| wanted.iter().any(|measure| measure.formula == *formula);
        if asks(&Formula::Caseload) {
            let found = reader.caseload(&known).await?;
            self.tallies.extend(begun.iter().copied().map(TalliesOf::Caseload).zip(found));
        }
        if asks(&Formula::Wte) && reader.scope.areas().is_none() {
            self.wte.extend(begun.iter().copied().zip(reader.wte(&known).await?));
        }
        let whole: Vec<(NaiveDate, NaiveDate)> = begun.iter().map(|span| (span.first, span.last)).collect();
        for (measure, of, over) in wanted.cohorts() {
            let of_ratio = |span: &Span| TalliesOf::Cohort(measure.code.clone(), *span);
            let found = reader.cohort((of, over), &whole).await?;
            self.tallies.extend(begun.iter().map(of_ratio).zip(found));
        }
        Ok(())
    }

    /// Reads what is counted neither by the day of a fact nor for all periods at once: work and workers.
    async fn read_further(&mut self, reader: &Reader<'_>, wanted: &Wanted, span: &Span) -> Result<(), StoreError> {
        let Some((_, last)) = span.until(reader.as_of) else { return Ok(()) };
        let asks = |formula: &Formula| wanted.iter().any(|measure| measure.formula == *formula);
        for work in Work::ALL.into_iter().filter(|work| asks(&Formula::Work(*work))) {
            self.tallies.push((TalliesOf::Work(work, *span), reader.work(work, (span.first, last)).await?));
        }
        self.read_workforce(reader, wanted, (span, last)).await
    }

    /// The workers with a full-time equivalent in one of the periods.
    pub(super) fn workers(&self) -> impl Iterator<Item = WorkerId> {
        self.wte.iter().flat_map(|(_, days)| days).map(|days| days.worker)
    }

    /// The mean full-time equivalents of these workers over the days of a period up to the as-of date. No data if none
    /// is recorded.
    pub(super) fn wte(
        &self,
        (period, as_of): (&Period, NaiveDate),
        counts: impl Fn(WorkerId) -> bool,
    ) -> Result<Figure, OutOfRange> {
        let (span, first, last) = (Span::of(period), period.first(), period.last().min(as_of));
        let found = self.wte.iter().find(|(of, _)| *of == span).map(|(_, days)| days);
        let Some(found) = found.filter(|_| first <= last) else { return Ok(Figure::no_data()) };
        let of_worker = |days: &&WteDays| counts(days.worker);
        if !found.iter().any(|days| of_worker(&days)) {
            return Ok(Figure::no_data());
        }
        let days = |from: NaiveDate, to: NaiveDate| u64::try_from((to - from).num_days()).unwrap_or(0);
        let end = last.succ_opt().unwrap_or(last);
        let shares = found.iter().filter(of_worker).map(|wte| {
            let held = days(wte.from.max(first), wte.to.min(end));
            wte.wte.times(held.into())
        });
        let total = Fraction::sum(shares.collect::<Result<Vec<_>, _>>()?)?;
        Ok(total.over(days(first, end).into())?.map_or(Figure::no_data(), Figure::amount))
    }
}

/// One view, read for one caller at the end of one day.
struct Reader<'r> {
    generation: &'r Generation,
    scope: InScope<'r>,
    as_of: NaiveDate,
    apart: Apart,
}

impl Reader<'_> {
    /// The kinds of facts to read: those that the counted table has, and those that only the dated rows have.
    fn kinds(&self, wanted: &Wanted) -> (Vec<FactKind>, Vec<FactKind>) {
        let (mut counted, mut dated): (Vec<FactKind>, Vec<FactKind>) = (Vec::new(), Vec::new());
        let is_rolled_up = !self.apart.referrer && !self.apart.keyworker && !self.apart.profile;
        for measure in wanted.iter() {
            let (facts, is_sum) = match &measure.formula {
                Formula::Count(facts) => (facts, false),
                Formula::Sum(facts) => (facts, true),
                _ => continue,
            };
            for kind in &facts.kinds {
                let list =
                    if is_rolled_up && !is_sum && !DATED_ONLY.contains(kind) { &mut counted } else { &mut dated };
                if !list.contains(kind) {
                    list.push(*kind);
                }
            }
        }
        counted.retain(|kind| !dated.contains(kind));
        (counted, dated)
    }

    async fn by_month(
        &self,
        kinds: &[FactKind],
        (first, last): (NaiveDate, NaiveDate),
    ) -> Result<Vec<Tally>, StoreError> {
        if kinds.is_empty() {
            return Ok(Vec::new());
        }
        let (sql, kinds) = (BY_MONTH.text(self.generation.reader.dialect()), words(kinds));
        let found: sqlx::Result<Vec<Row>> = on!(&self.generation.reader, pool => {
            let counted = sqlx::query_as(sql).bind(self.scope.contract()).bind(&kinds);
            counted.bind(bound(first)).bind(bound(last)).bind(self.as_of).fetch_all(pool).await
        });
        found.map(|rows| self.tallies(rows)).map_err(doing("count the facts of a contract by month"))
    }

    async fn dated(
        &self,
        kinds: &[FactKind],
        (first, last): (NaiveDate, NaiveDate),
        by_month: bool,
    ) -> Result<Vec<Tally>, StoreError> {
        if kinds.is_empty() {
            return Ok(Vec::new());
        }
        let (sql, kinds) = (DATED.text(self.generation.reader.dialect()), words(kinds));
        let Apart { cohort, referrer, keyworker, profile } = self.apart;
        let found: sqlx::Result<Vec<Row>> = on!(&self.generation.reader, pool => {
            let counted = sqlx::query_as(sql).bind(self.scope.contract()).bind(&kinds);
            let counted = counted.bind(bound(first)).bind(bound(last)).bind(self.as_of);
            let counted = counted.bind(cohort).bind(referrer).bind(keyworker).bind(by_month);
            counted.bind(profile).fetch_all(pool).await
        });
        found.map(|rows| self.tallies(rows)).map_err(doing("count the facts of a contract"))
    }

    async fn cohort(
        &self,
        (of, over): (&Measure, &Measure),
        spans: &[(NaiveDate, NaiveDate)],
    ) -> Result<Vec<Vec<Tally>>, StoreError> {
        let (Formula::Count(of), Formula::Count(over)) = (&of.formula, &over.formula) else { return Ok(Vec::new()) };
        let sql = COHORT.text(self.generation.reader.dialect());
        let Apart { cohort, referrer, keyworker, profile } = self.apart;
        let found: sqlx::Result<Vec<Row>> = on!(&self.generation.reader, pool => {
            let counted = sqlx::query_as(sql).bind(self.scope.contract()).bind(words(&over.kinds)).bind(codes(over));
            let counted = counted.bind(words(&of.kinds)).bind(codes(of)).bind(in_json(spans));
            counted.bind(self.as_of).bind(cohort).bind(referrer).bind(keyworker).bind(profile).fetch_all(pool).await
        });
        let found = found.map_err(doing("count the cases of a period that got further"))?;
        Ok(self.tallies_by_span(found, spans.len()))
    }

    async fn caseload(&self, spans: &[(NaiveDate, NaiveDate)]) -> Result<Vec<Vec<Tally>>, StoreError> {
        let sql = CASELOAD.text(self.generation.reader.dialect());
        let Apart { cohort, referrer, keyworker, profile } = self.apart;
        let found: sqlx::Result<Vec<Row>> = on!(&self.generation.reader, pool => {
            let counted = sqlx::query_as(sql).bind(self.scope.contract()).bind(in_json(spans));
            counted.bind(cohort).bind(referrer).bind(keyworker).bind(profile).bind(self.as_of).fetch_all(pool).await
        });
        let found = found.map_err(doing("count the caseload"))?;
        Ok(self.tallies_by_span(found, spans.len()))
    }

    /// Work that falls due in these days, or is open at their end.
    async fn work(&self, work: Work, (first, last): (NaiveDate, NaiveDate)) -> Result<Vec<Tally>, StoreError> {
        let sql = WORK.text(self.generation.reader.dialect());
        let Apart { cohort, referrer, keyworker, profile } = self.apart;
        let state_on = state_day(work, last, self.as_of);
        let found: sqlx::Result<Vec<Row>> = on!(&self.generation.reader, pool => {
            let counted = sqlx::query_as(sql).bind(self.scope.contract()).bind(work.as_str()).bind(bound(first));
            let counted = counted.bind(bound(last)).bind(bound(state_on));
            counted.bind(cohort).bind(referrer).bind(keyworker).bind(profile).bind(self.as_of).fetch_all(pool).await
        });
        found.map(|rows| self.tallies(rows)).map_err(doing("count the work of a contract"))
    }

    async fn wte(&self, spans: &[(NaiveDate, NaiveDate)]) -> Result<Vec<Vec<WteDays>>, StoreError> {
        let sql = WTE.text(self.generation.reader.dialect());
        let found: sqlx::Result<Vec<WteRow>> = on!(&self.generation.reader, pool => {
            sqlx::query_as(sql).bind(self.scope.contract()).bind(in_json(spans)).fetch_all(pool).await
        });
        let rows = found.map_err(doing("read the full-time equivalents of workers"))?;
        Ok(by_span(rows.into_iter().map(|row| (row.nth, WteDays::of(row))), spans.len()))
    }

    /// The same, apart by the number of their span.
    fn tallies_by_span(&self, rows: Vec<Row>, spans: usize) -> Vec<Vec<Tally>> {
        let rows = rows.into_iter().filter(|row| self.scope.has_area(&row.area));
        by_span(rows.map(|row| (row.nth, Tally::of(row))), spans)
    }

    /// The rows as tallies, without those of service areas outside the scope.
    fn tallies(&self, rows: Vec<Row>) -> Vec<Tally> {
        rows.into_iter().filter(|row| self.scope.has_area(&row.area)).map(Tally::of).collect()
    }
}

/// Spans of days in the form that a statement binds.
fn in_json(spans: &[(NaiveDate, NaiveDate)]) -> String {
    json!(spans.iter().map(|(first, last)| [bound(*first), bound(*last)]).collect::<Vec<_>>()).to_string()
}

/// What was read for several spans at once, apart by the number of the span.
fn by_span<T>(rows: impl Iterator<Item = (i64, T)>, spans: usize) -> Vec<Vec<T>> {
    let mut apart: Vec<Vec<T>> = (0..spans).map(|_| Vec::new()).collect();
    for (nth, row) in rows {
        let span = usize::try_from(nth).ok().and_then(|nth| apart.get_mut(nth));
        span.expect("a statement numbers the spans that it was given").push(row);
    }
    apart
}

impl Tally {
    fn of(row: Row) -> Self {
        Self {
            kind: FactKind::named(&row.kind),
            code: row.code,
            area: row.area,
            cohort: row.cohort,
            referrer: row.referrer,
            profile: row.profile,
            keyworker: row.keyworker.map(WorkerId),
            month: row.month.map(Month::of),
            facts: count(row.facts),
            quantity: Fraction::wholes_and_millionths(row.wholes, row.millionths),
        }
    }
}

impl WteDays {
    fn of(WteRow { worker, from_on, to_on, wte, .. }: WteRow) -> Self {
        Self { worker: WorkerId(worker), from: from_on, to: to_on, wte: Fraction::millionths(wte) }
    }
}

/// The day whose states of work count: the as-of date for what falls due, or else the last day of the period.
pub(super) const fn state_day(work: Work, last: NaiveDate, as_of: NaiveDate) -> NaiveDate {
    match work {
        Work::TasksDue => as_of,
        Work::TasksOverdue | Work::ObligationsOverdue | Work::AwaitingPlan => last,
    }
}

/// The words of kinds in the form that a statement binds.
pub(super) fn words(kinds: &[FactKind]) -> String {
    json!(kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>()).to_string()
}

/// The codes of facts in the form that a statement binds. None for any code.
pub(super) fn codes(facts: &Facts) -> Option<String> {
    (!facts.codes.is_empty()).then(|| json!(facts.codes).to_string())
}
