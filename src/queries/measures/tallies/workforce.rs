//! What measures of the workforce are computed from: the workers and teams of a contract over a period, the days of its
//! cases on the caseload, and the cases seen in time.
//!
//! The arithmetic of workers and teams is in [`throughline_domain::performance::workforce`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use uuid::Uuid;

use super::super::Wanted;
use super::{Apart, Loaded, Reader, Row, Span, TalliesOf, Tally};
use crate::queries::board::count;
use crate::queries::period::{BEGINNING, bound};
use crate::store::{Sql, StoreError, columns, doing, on};
use throughline_domain::fact::envelope::{TeamId, WorkerId};
use throughline_domain::performance::figure::Figure;
use throughline_domain::performance::fraction::{Fraction, OutOfRange};
use throughline_domain::performance::measure::{Formula, Workforce};
use throughline_domain::performance::period::Period;
use throughline_domain::performance::workforce::{About, DayRange, Lasting, Score, Staff, TeamDays, WorkerDays};
use throughline_projections::{FOREVER, staffing};

static STAFF: Sql = Sql::new(include_str!("staff.sql"));
static CASE_DAYS: Sql = Sql::new(include_str!("case_days.sql"));
static SEEN: Sql = Sql::new(include_str!("seen.sql"));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&STAFF, &CASE_DAYS, &SEEN];

/// The workers and teams of a contract, as known for one period.
#[derive(Debug, Default)]
pub(in super::super) struct Loads {
    periods: Vec<(Span, Staff)>,
    /// The names of the teams at the as-of date.
    pub(in super::super) teams: BTreeMap<TeamId, String>,
}

columns! {
    struct StaffRow {
        kind: String,
        worker: Option<Uuid>,
        team: Option<Uuid>,
        text: String,
        from_on: NaiveDate,
        to_on: NaiveDate,
        amount: i64,
    }
}

columns! {
    struct CaseDaysRow {
        area: String,
        cohort: String,
        referrer: String,
        profile: String,
        keyworker: Option<Uuid>,
        left_on: Option<NaiveDate>,
        from_on: NaiveDate,
        to_on: NaiveDate,
        cases: i64,
    }
}

impl Loads {
    /// The groups that a measure of workers or teams says something about, over all periods of the question.
    pub(in super::super) fn about(&self, formula: &Formula) -> BTreeSet<About> {
        let periods =
            self.periods.iter().filter_map(|(span, staff)| Some((DayRange::to_last(span.from, span.last)?, staff)));
        let about = periods.flat_map(|(days, staff)| match formula {
            Formula::Workforce(of) => staff.about(*of, days),
            Formula::Supervision(instrument) => staff.scored(instrument, days),
            _ => Vec::new(),
        });
        about.collect()
    }

    /// A number about the workers and teams of a group over the days of a period up to the as-of date.
    pub(in super::super) fn figure(
        &self,
        formula: &Formula,
        (period, as_of): (&Period, NaiveDate),
        is_in: impl Fn(About) -> bool,
    ) -> Result<Figure, OutOfRange> {
        let span = Span::of(period);
        let found = self.periods.iter().find(|(of, _)| *of == span).map(|(_, staff)| staff);
        let days = DayRange::to_last(period.first(), period.last().min(as_of));
        let (Some(staff), Some(days)) = (found, days) else { return Ok(Figure::no_data()) };
        match formula {
            Formula::Workforce(of) => staff.figure(*of, days, is_in),
            Formula::Supervision(instrument) => staff.mean_score(instrument, days, is_in),
            _ => Ok(Figure::not_applicable()),
        }
    }
}

/// Whether a formula is about workers and teams, so that cases do not make it.
pub(in super::super) fn is_of_staff(formula: &Formula) -> bool {
    match formula {
        Formula::Workforce(of) => !matches!(of, Workforce::MeanCaseload | Workforce::Seen { .. }),
        Formula::Supervision(_) => true,
        _ => false,
    }
}

impl Loaded {
    /// Reads what measures of the workforce need for one period, which ends on this day at the latest.
    pub(super) async fn read_workforce(
        &mut self,
        reader: &Reader<'_>,
        wanted: &Wanted,
        (span, last): (&Span, NaiveDate),
    ) -> Result<(), StoreError> {
        let formulas = || wanted.iter().map(|measure| &measure.formula);
        if formulas().any(is_of_staff) && reader.scope.areas().is_none() {
            let rows = reader.staff(span).await?;
            self.staff.add(*span, rows);
        }
        if formulas().any(|formula| *formula == Formula::Workforce(Workforce::MeanCaseload)) {
            let days = DayRange::to_last(span.from, last);
            let tallies = reader.case_days((span.from, last)).await?.into_iter();
            let tallies = tallies.flat_map(|row| row.tallies(days)).collect();
            self.tallies.push((TalliesOf::CaseDays(*span), tallies));
        }
        let seen = formulas().find_map(|formula| match formula {
            Formula::Workforce(Workforce::Seen { within_days }) => Some(*within_days),
            _ => None,
        });
        if let Some(within_days) = seen {
            self.tallies.push((TalliesOf::Seen(*span, within_days), reader.seen(last, within_days).await?));
        }
        Ok(())
    }
}

impl Loads {
    fn add(&mut self, span: Span, rows: Vec<StaffRow>) {
        let mut staff = Staff::default();
        for row in rows {
            self.add_row(&mut staff, row);
        }
        self.periods.push((span, staff));
    }

    fn add_row(&mut self, staff: &mut Staff, row: StaffRow) {
        let StaffRow { kind, worker, team, text, from_on, to_on, amount } = row;
        let (worker, team, amount) = (worker.map(WorkerId), team.map(TeamId), Fraction::millionths(amount));
        let Some(days) = DayRange::new(from_on, to_on) else { return };
        match (kind.as_str(), worker, team) {
            ("cover", Some(worker), Some(team)) => {
                staff.teams.entry(team).or_default().covers.push(Lasting { days, of: worker });
            }
            ("member", Some(worker), Some(team)) => {
                staff.workers.entry(worker).or_default().teams.push(Lasting { days, of: team });
            }
            (kind, Some(worker), None) => {
                let worker = staff.workers.entry(worker).or_default();
                add_to_worker(worker, kind, Lasting { days, of: amount }, text);
            }
            ("team", None, Some(team)) => {
                staff.teams.entry(team).or_default().is_counted = true;
                self.teams.insert(team, text);
            }
            (kind, None, Some(team)) => {
                add_to_team(staff.teams.entry(team).or_default(), kind, Lasting { days, of: amount });
            }
            _ => {}
        }
    }
}

fn add_to_worker(worker: &mut WorkerDays, kind: &str, row: Lasting<Fraction>, instrument: String) {
    match kind {
        "here" => worker.here = Some(row.days),
        "wte" => worker.wte.push(row),
        staffing::CAPACITY => worker.capacity.push(row),
        staffing::ABSENT => worker.absent.push(Lasting { days: row.days, of: () }),
        staffing::SCORE => {
            worker.scores.push(Lasting { days: row.days, of: Score { instrument, score: row.of } });
        }
        _ => {}
    }
}

fn add_to_team(team: &mut TeamDays, kind: &str, row: Lasting<Fraction>) {
    match kind {
        staffing::TEAM_CAPACITY => team.capacity.push(row),
        staffing::VACANT => team.vacant.push(row),
        _ => {}
    }
}

impl Reader<'_> {
    async fn staff(&self, span: &Span) -> Result<Vec<StaffRow>, StoreError> {
        let sql = STAFF.text(self.generation.reader.dialect());
        let last = span.last.min(self.as_of);
        let found: sqlx::Result<Vec<StaffRow>> = on!(&self.generation.reader, pool => {
            let read = sqlx::query_as(sql).bind(self.scope.contract()).bind(bound(span.from)).bind(bound(last));
            read.bind(self.as_of).bind(FOREVER).fetch_all(pool).await
        });
        found.map_err(doing("read the workers and teams of a contract"))
    }

    async fn case_days(&self, (first, last): (NaiveDate, NaiveDate)) -> Result<Vec<CaseDaysRow>, StoreError> {
        let sql = CASE_DAYS.text(self.generation.reader.dialect());
        let Apart { cohort, referrer, keyworker, profile } = self.apart;
        let found: sqlx::Result<Vec<CaseDaysRow>> = on!(&self.generation.reader, pool => {
            let read = sqlx::query_as(sql).bind(self.scope.contract()).bind(bound(first)).bind(bound(last));
            read.bind(cohort).bind(referrer).bind(keyworker).bind(profile).bind(self.as_of).fetch_all(pool).await
        });
        let rows = found.map_err(doing("read the days of cases on the caseload"))?;
        Ok(rows.into_iter().filter(|row| self.scope.has_area(&row.area)).collect())
    }

    async fn seen(&self, day: NaiveDate, within_days: u32) -> Result<Vec<Tally>, StoreError> {
        let sql = SEEN.text(self.generation.reader.dialect());
        let Apart { cohort, referrer, keyworker, profile } = self.apart;
        let found: sqlx::Result<Vec<Row>> = on!(&self.generation.reader, pool => {
            let counted = sqlx::query_as(sql).bind(self.scope.contract()).bind(bound(day));
            let counted = counted.bind(cohort).bind(referrer).bind(keyworker);
            counted.bind(seen_since(day, within_days)).bind(profile).bind(self.as_of).fetch_all(pool).await
        });
        found.map(|rows| self.tallies(rows)).map_err(doing("count the cases seen in time"))
    }
}

/// The first day on which a contact is in time on a day, as a statement binds it.
pub(in super::super) fn seen_since(day: NaiveDate, within_days: u32) -> NaiveDate {
    bound(day.checked_sub_days(Days::new(within_days.into())).unwrap_or(BEGINNING))
}

impl CaseDaysRow {
    /// The days of these cases within a period: those with their keyworker, and those after the keyworker left, on which
    /// nobody holds them.
    fn tallies(self, days: Option<DayRange>) -> Vec<Tally> {
        let all = DayRange::new(self.from_on, self.to_on).zip(days).and_then(|(own, days)| own.within(days));
        let Some(all) = all else { return Vec::new() };
        let (held, unheld) = self.left_on.map_or((Some(all), None), |left_on| all.split(left_on));
        let parts = [held.map(|days| (days, self.keyworker.map(WorkerId))), unheld.map(|days| (days, None))];
        let tally = |(days, keyworker): (DayRange, Option<WorkerId>)| Tally {
            kind: None,
            code: String::new(),
            area: self.area.clone(),
            cohort: self.cohort.clone(),
            referrer: self.referrer.clone(),
            profile: self.profile.clone(),
            keyworker,
            month: None,
            facts: count(self.cases),
            quantity: Fraction::from(count(self.cases).saturating_mul(days.length())),
        };
        parts.into_iter().flatten().map(tally).collect()
    }
}
