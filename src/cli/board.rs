//! The boards: the performance tables of a contract, laid out like the printed reports, and the figures of any of its
//! measures.

mod cells;
mod funnel;
mod league;
mod outcomes;
mod question;
mod sections;

use std::sync::Arc;

use anyhow::Result;
use chrono::NaiveDate;
use chrono_tz::Tz;
use clap::Args;
use rust_decimal::Decimal;

use self::question::QuestionArguments;
pub(super) use self::question::{MonthOrDay, month_or_day};
use self::sections::SectionArguments;
use super::commands::unless_stopped;
use super::rulebook::open_contract;
use super::table::{self, Table};
use super::terminal::{self, message};
use super::views::show_progress;
use super::{Ending, Format, Places, day};
use crate::access::{InScope, Scope};
use crate::clock::Clock;
use crate::log::Log;
use crate::queries::claims::{self, Claims, ClaimsQuery, Purpose};
use crate::queries::exits::{self, ExitRow};
use crate::queries::measures::{self, FiguresError, FiguresQuery, MeasureFigures, OfContract};
use crate::queries::period::Period;
use crate::queries::recency::{self, Measure};
use crate::queries::referral_to_plan;
use crate::queries::small_counts::{PlanCounts, RecencyCounts};
use crate::record::{DEPLOYMENT_ZONE, civil_day, end_of_day};
use crate::store::{Mode, Store, StoreError};
use crate::try_out::KnownAt;
use crate::views::Views;
use crate::views::generation::Generation;
use crate::views::snapshots::KnownPart;
use throughline_domain::contract::rulebook::Buckets;
use throughline_domain::contract::{Contract, ContractRecord, Rulebook};
use throughline_domain::performance::period::{Month, Months, Period as FigurePeriod, Unit};

/// The contract, the points in time that the tables are read at, and which figures to print.
#[derive(Debug, Args)]
pub(super) struct BoardArguments {
    /// The contract's code.
    #[arg(long)]
    contract: String,
    /// The as-of date: facts are read at the end of this day. Default: today.
    #[arg(long, value_parser = day)]
    as_of: Option<NaiveDate>,
    /// The knowledge date: only events recorded by then count. A day (until its end in the contract's zone), or an
    /// instant with its offset.
    #[arg(long)]
    known_at: Option<KnownAt>,
    #[command(flatten)]
    question: QuestionArguments,
    #[command(flatten)]
    sections: SectionArguments,
    /// The output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What the figures of a contract are read from.
#[derive(Clone, Copy)]
struct Reading<'r> {
    view: &'r Generation,
    scope: InScope<'r>,
    contract: &'r Contract,
    /// Its newest rules.
    rulebook: &'r Rulebook,
    /// The as-of date.
    as_of: NaiveDate,
}

impl Reading<'_> {
    async fn figures(self, query: &FiguresQuery<'_>) -> Result<Vec<MeasureFigures>, FiguresError> {
        let record = self.contract_record();
        measures::figures(self.view, self.scope, self.of_contract(&record), query).await
    }

    /// What the parties agreed and published, at the as-of date.
    fn contract_record(self) -> ContractRecord {
        self.contract.contract_record(self.as_of)
    }

    /// The contract as figures need it.
    fn of_contract<'a>(&'a self, record: &'a ContractRecord) -> OfContract<'a> {
        OfContract { rulebook: self.rulebook, record, starts_on: self.starts_on() }
    }

    /// The first day of the contract.
    fn starts_on(self) -> NaiveDate {
        self.contract.starts_on().unwrap_or(self.as_of)
    }

    /// From the start of the contract to the end of the month of the as-of date. None if the contract starts later.
    fn to_date(self) -> Option<FigurePeriod> {
        FigurePeriod::to_date(self.starts_on(), Unit::Month, self.as_of)
    }
}

pub(super) async fn run(places: &Places, arguments: &BoardArguments) -> Result<Ending> {
    let views = unless_stopped(open_to_read(places)).await?;
    let shown = unless_stopped(Box::pin(show(&views, arguments))).await;
    views.close().await;
    shown
}

async fn show(views: &Views, arguments: &BoardArguments) -> Result<Ending> {
    let BoardArguments { contract: code, as_of, known_at, question, sections, format } = arguments;
    let scope = Scope::Deployment;
    let Some((scoped, seen)) = contract_view(views, &scope, (code, *known_at)).await? else {
        return Ok(Ending::WrongUse);
    };
    let ContractView { view, contract, today } = seen;
    let as_of = as_of.unwrap_or(today);
    if as_of > today {
        message("this is a forecast, because --as-of is in the future: open spells are assumed to continue");
    }
    let tables = match contract.newest_rulebook() {
        Some(rulebook) if question.is_asked() => {
            let of = Reading { view: &view, scope: scoped, contract: &contract, rulebook, as_of };
            let asked = ClaimsQuery { as_of, today, purpose: Purpose::Look };
            let claims = if question.needs_claims() { judged(views.log(), of, asked).await? } else { None };
            question::tables(of, question, claims.as_deref()).await?
        }
        Some(rulebook) if sections.is_asked() => {
            let of = Reading { view: &view, scope: scoped, contract: &contract, rulebook, as_of };
            sections::tables(of, (views.log(), today), sections).await?
        }
        None if question.is_asked() || sections.is_asked() => {
            message(format_args!("contract {code:?} has no rulebook yet, so it has no measures: publish one"));
            return Ok(Ending::WrongUse);
        }
        _ => tables(&view, scoped, &contract, as_of).await?,
    };
    table::print(&mut terminal::out(), &tables, *format)?;
    message_of_parked(&view).await?;
    Ok(Ending::Done)
}

/// A contract in the view of a knowledge date.
pub(super) struct ContractView {
    pub(super) view: Arc<Generation>,
    pub(super) contract: Arc<Contract>,
    /// Today in its zone.
    pub(super) today: NaiveDate,
}

/// A contract as it was known. If it is not open, or was not open yet, prints what to do.
pub(super) async fn contract_view<'c>(
    views: &Views,
    scope: &'c Scope,
    (code, known_at): (&'c str, Option<KnownAt>),
) -> Result<Option<(InScope<'c>, ContractView)>> {
    let live = views.live();
    let Some((scoped, contract)) = open_contract(&live, scope, code) else { return Ok(None) };
    let zone = contract.zone().unwrap_or(DEPLOYMENT_ZONE);
    let today = civil_day(Clock::Machine.now(), zone);
    let Some(known_at) = known_at else { return Ok(Some((scoped, ContractView { view: live, contract, today }))) };
    let view = known(views, &contract, known_at, zone).await?;
    let seen = view.and_then(|view| view.contract_state(scoped).map(|contract| ContractView { view, contract, today }));
    if seen.is_none() {
        message(format_args!("contract {code:?} was not open yet at that --known-at: use a later one"));
    }
    Ok(seen.map(|seen| (scoped, seen)))
}

/// Prints that numbers are incomplete, if streams could not be applied to the view.
pub(super) async fn message_of_parked(view: &Generation) -> Result<()> {
    let parked = view.parked_count().await?;
    if parked > 0 {
        message(format_args!(
            "these numbers are incomplete. Streams that could not be applied to the view: {parked}. `throughline \
                parked list` lists those of the live view"
        ));
    }
    Ok(())
}

/// The claims of a contract, in the view that is read.
async fn judged(log: &Log, of: Reading<'_>, asked: ClaimsQuery) -> Result<Option<Arc<Claims>>> {
    Ok(claims::of_contract(of.view, log, of.scope, asked).await?)
}

/// The view at a knowledge date, or `None` if the contract was not known to be open then.
async fn known(views: &Views, contract: &Contract, known_at: KnownAt, zone: Tz) -> Result<Option<Arc<Generation>>> {
    let instant = match known_at {
        KnownAt::Day(day) => end_of_day(day, zone),
        KnownAt::Instant(instant) => instant,
    };
    let position = views.log().recorded_by(instant).await?;
    if !contract.is_open_at(position) {
        return Ok(None);
    }
    if position >= *views.live().position().borrow() {
        return Ok(Some(views.live()));
    }
    let shown = tokio::spawn(show_progress(views.known_progress()));
    let found = views.as_known(KnownPart { upto: Some(position), rulebooks_upto: position }, None).await;
    shown.abort();
    Ok(Some(found?))
}

/// Opens the views. If no server holds the database, this process brings them up to date. Otherwise the server does.
pub(super) async fn open_to_read(places: &Places) -> Result<Views> {
    match opened(places).await? {
        Opened::ToWrite(log) => Ok(Views::open(log, crate::queries::statements).await?),
        Opened::ToRead(log) => Ok(Views::open_to_read(log).await?),
    }
}

/// A log, and whether this process may update its views.
pub(super) enum Opened {
    ToWrite(Log),
    /// A server holds the log, or this process may not write to it.
    ToRead(Log),
}

pub(super) async fn opened(places: &Places) -> Result<Opened> {
    Store::must_exist(places.database())?;
    if Store::may_write(places.database()) {
        match Store::open(places.database(), Mode::Write).await {
            Ok(store) => return Ok(Opened::ToWrite(Log::open(Arc::new(store)).await?)),
            Err(StoreError::Claimed(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let store = Store::open(places.database(), Mode::Read).await?;
    Ok(Opened::ToRead(Log::open(Arc::new(store)).await?))
}

/// The tables of a contract at the end of a day.
pub(super) async fn tables(
    view: &Generation,
    scope: InScope<'_>,
    contract: &Contract,
    as_of: NaiveDate,
) -> Result<Vec<Table>> {
    let Some(rulebook) = contract.newest_rulebook() else { return Ok(Vec::new()) };
    let mut tables = funnel::tables(Reading { view, scope, contract, rulebook, as_of }).await?;
    tables.extend(recency(view, scope, rulebook, as_of).await?);
    tables.extend(waits(view, scope, rulebook, as_of).await?);
    tables.push(left(view, scope, rulebook, as_of).await?);
    Ok(tables)
}

async fn recency(view: &Generation, scope: InScope<'_>, rulebook: &Rulebook, as_of: NaiveDate) -> Result<Vec<Table>> {
    let mut tables = Vec::new();
    let asked = [
        ("Days since contact by keyworker, contacts by anyone", recency::By::Keyworker, Measure::Anyone),
        ("Days since contact by keyworker, their own contacts", recency::By::Keyworker, Measure::Keyworker),
        ("Days since contact by area, contacts by anyone", recency::By::Area, Measure::Anyone),
    ];
    for (title, by, measure) in asked {
        let rows = recency::rows(view, scope, as_of, rulebook, (by, measure)).await?;
        let none = match measure {
            Measure::Anyone => rulebook.recency.buckets.none.as_str(),
            Measure::Keyworker => recency::NO_CONTACT_BY_KEYWORKER,
        };
        let lacks = rows.iter().any(|row| row.no_data > 0);
        let mut columns = bucket_columns("", &rulebook.recency.buckets);
        columns.extend([none, "Date imprecise", "No keyworker"].map(str::to_owned));
        columns.extend(lacks.then(|| NO_DATA.to_owned()));
        columns.push("Total".to_owned());
        let rows = rows.into_iter().map(|row| {
            let counts = RecencyCounts::of(&row);
            let rest = [counts.none, counts.date_imprecise, counts.unassigned];
            let counts = counts.buckets.iter().copied().chain(rest).chain(lacks.then_some(counts.no_data));
            let shown = counts.chain([Some(row.total())]).map(counted);
            std::iter::once(row.group.label()).chain(shown).collect()
        });
        tables.push(Table { title: format!("{title}, at the end of {as_of}"), columns, rows: rows.collect() });
    }
    Ok(tables)
}

async fn waits(view: &Generation, scope: InScope<'_>, rulebook: &Rulebook, as_of: NaiveDate) -> Result<Vec<Table>> {
    let Some(measured) = &rulebook.referral_to_plan else { return Ok(Vec::new()) };
    let month = Month::of(as_of);
    let periods = [
        ("Referral to plan, to date".to_owned(), Period::ToDate),
        (
            format!("Referral to plan, referred in {}", month.first().format("%B %Y")),
            Period::Months(Months::one(month)),
        ),
    ];
    let mut tables = Vec::new();
    for (title, period) in periods {
        let by = referral_to_plan::By::Area;
        let Some(rows) = referral_to_plan::rows(view, scope, as_of, rulebook, (by, period)).await? else { continue };
        let mut columns = bucket_columns("Area", &measured.buckets);
        let lacks = rows.iter().any(|row| row.no_data > 0);
        columns.push(measured.buckets.none.clone());
        columns.extend(["Closed without plan", "Date imprecise"].map(str::to_owned));
        columns.extend(lacks.then(|| NO_DATA.to_owned()));
        columns.extend(["Total", "Median", "Mean"].map(str::to_owned));
        let rows = rows.into_iter().map(|row| {
            let shown = |days: Option<Decimal>| days.map(|days| days.to_string()).unwrap_or_default();
            let counts = PlanCounts::of(&row);
            let rest = [counts.no_plan_yet, counts.closed_without_plan, counts.date_imprecise];
            let counts = counts.buckets.iter().copied().chain(rest).chain(lacks.then_some(counts.no_data));
            let counts = counts.chain([Some(row.total())]).map(counted);
            let cells = std::iter::once(row.group.label()).chain(counts);
            cells.chain([shown(row.days.median()), shown(row.days.mean())]).collect()
        });
        tables.push(Table { title: format!("{title}, at the end of {as_of}"), columns, rows: rows.collect() });
    }
    Ok(tables)
}

/// The head of the column for cases of areas that do not supply what a board needs.
const NO_DATA: &str = "No data";

/// A count, or that it is not known because the area does not supply the facts.
fn counted(count: Option<u64>) -> String {
    count.map_or_else(|| "no data".to_owned(), |count| count.to_string())
}

fn bucket_columns(first: &str, buckets: &Buckets) -> Vec<String> {
    std::iter::once(first.to_owned()).chain(buckets.labels.iter().cloned()).collect()
}

async fn left(view: &Generation, scope: InScope<'_>, rulebook: &Rulebook, as_of: NaiveDate) -> Result<Table> {
    let (by, month) = (exits::By::Reason, Month::of(as_of));
    let in_month = exits::in_period(view, scope, as_of, rulebook, (by, Period::Months(Months::one(month)))).await?;
    let to_date = exits::in_period(view, scope, as_of, rulebook, (by, Period::ToDate)).await?;
    let mut rows = side_by_side(&in_month.closed, &to_date.closed, "");
    rows.push(vec!["Exits".to_owned(), in_month.total().to_string(), to_date.total().to_string()]);
    rows.extend(side_by_side(&in_month.disengaged, &to_date.disengaged, "Disengaged: "));
    let columns = vec!["Reason".to_owned(), month.to_string(), "To date".to_owned()];
    Ok(Table { title: format!("Exits by reason, at the end of {as_of}"), columns, rows })
}

/// Exit reasons with their numbers in a month and to date. A reason with no exits is left out.
fn side_by_side(in_month: &[ExitRow], to_date: &[ExitRow], before: &str) -> Vec<Vec<String>> {
    let month_of =
        |row: &ExitRow| in_month.iter().find(|other| other.group == row.group).map_or(0, |other| other.journeys);
    let counted = to_date.iter().filter(|row| row.journeys > 0);
    let cells = |row: &ExitRow| {
        vec![format!("{before}{}", row.group.label()), month_of(row).to_string(), row.journeys.to_string()]
    };
    counted.map(cells).collect()
}
