//! The totals of exported tables are those of the boards, as of several days and as known then.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{Reader as _, Xlsx};
use chrono::NaiveDate;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use rust_decimal::Decimal;
use serde_json::Value;
use throughline::access::Scope;
use throughline::access::relation::Standing;
use throughline::demo::{Demo, SEED, Size};
use throughline::export::formats::Format;
use throughline::export::tables::Table;
use throughline::queries::claims::{self, ClaimsQuery, Purpose};
use throughline::queries::claims_by_outcome;
use throughline::queries::exits;
use throughline::queries::journeys::{self, JourneyFilter, Population};
use throughline::queries::measures::{self, CompareWith, FiguresQuery, OfContract};
use throughline::queries::obligations::{self, By as ObligationsBy};
use throughline::queries::period::Period as ToDate;
use throughline::queries::referral_to_plan;
use throughline::record::end_of_day;
use throughline_domain::performance::measure::measure;
use throughline_domain::performance::period::{Period, Unit};
use throughline_domain::world::day;

use super::{Seen, day_of, lines, played, sum};
use crate::stores::STORES;

/// How many rows there are for which this holds.
fn count(rows: &[Value], holds: impl Fn(&Value) -> bool) -> u64 {
    rows.iter().filter(|row| holds(row)).count() as u64
}

/// Compares every table of a contract with its boards and lists.
async fn assert_agrees(seen: &Seen<'_>) {
    let scope = Scope::Deployment;
    let scoped = scope.contract(seen.contract).expect("in scope");
    let contract = seen.view.contract_state(scoped).expect("it is open");
    let rulebook = contract.newest_rulebook().expect("a rulebook");
    let (record, starts_on) = (contract.contract_record(seen.as_of), contract.opened().expect("opened").starts_on);
    let of = OfContract { rulebook, record: &record, starts_on };
    let (view, as_of) = (&seen.view, seen.as_of);
    let period = Period::to_date(starts_on, Unit::Month, as_of).expect("it has begun");
    let is_within = |on: NaiveDate| period.first() <= on && on <= as_of;
    let cases = seen.rows(Table::Journeys).await;

    let standing = Standing::contract_wide(seen.today);
    for (population, found) in [
        (Population::Journeys, cases.len() as u64),
        (Population::Caseload, count(&cases, |row| row["state"] == "on_caseload")),
    ] {
        let listed = journeys::count(view, scoped.cases(&standing), as_of, population, &JourneyFilter::default()).await;
        assert_eq!(found, listed.expect("counted"), "{population:?} as of {as_of}");
    }

    let contacts = seen.rows(Table::Contacts).await;
    let counted = |row: &Value| row["counts"] == true && day_of(row, "occurred_on").is_some_and(is_within);
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for stage in &rulebook.stages {
        let column = format!("first_{}_on", stage.code);
        let reached = count(&cases, |row| day_of(row, &column).is_some_and(is_within));
        expected.insert(stage.code.clone(), reached);
    }
    expected.insert("contacts".to_owned(), count(&contacts, counted));
    for (code, found) in expected {
        let asked = [measure(rulebook, &code).unwrap_or_else(|| panic!("no measure {code}"))];
        let query = FiguresQuery { measures: &asked, by: &[], period, compare: CompareWith::default(), as_of };
        let figures = measures::figures(view, scoped, of, &query).await.expect("figures");
        let figure = figures[0].rows[0].figure.rounded(0).expect("in range").unwrap_or_default();
        assert_eq!(Decimal::from(found), figure, "{code} of {} as of {as_of}", seen.contract);
    }
    let in_cases: i64 = cases.iter().map(|row| row["contacts"].as_i64().expect("a count")).sum();
    assert_eq!(in_cases, i64::try_from(count(&contacts, |row| row["counts"] == true)).expect("a count"));

    let left = exits::in_period(view, scoped, as_of, rulebook, (exits::By::Reason, ToDate::ToDate)).await;
    let left = left.expect("exits").total();
    assert_eq!(count(&cases, |row| !row["first_exit_on"].is_null()), left, "exits as of {as_of}");

    let by = referral_to_plan::By::Whole;
    if let Some(waits) =
        referral_to_plan::rows(view, scoped, as_of, rulebook, (by, ToDate::ToDate)).await.expect("waits")
    {
        let days: Vec<i64> = cases.iter().filter_map(|row| row["days_to_plan"].as_i64()).collect();
        assert_eq!(days.len() as u64, waits[0].days.count(), "waits as of {as_of}");
        let sum = Decimal::from(days.iter().sum::<i64>());
        if let Some(mean) = waits[0].days.mean() {
            assert_eq!(
                (sum / Decimal::from(days.len()))
                    .round_dp_with_strategy(mean.scale(), rust_decimal::RoundingStrategy::MidpointAwayFromZero,),
                mean
            );
        }
    }

    let owed = seen.rows(Table::Obligations).await;
    let counts = obligations::counts(view, scoped, as_of, rulebook, (ObligationsBy::Whole, None)).await;
    for table in counts.expect("counts") {
        for standing in obligations::Standing::ALL {
            let on_board: u64 =
                table.rows.iter().map(|(_, counts)| counts.get(&standing).copied().unwrap_or_default()).sum();
            let found =
                count(&owed, |row| row["standard"] == table.standard.as_str() && row["status"] == standing.as_str());
            assert_eq!(found, on_board, "{} {standing:?} as of {as_of}", table.standard);
        }
    }
    assert_money_agrees(seen, of, &cases, period).await;
}

/// Compares claims and payments with the table of outcomes and with the batches.
async fn assert_money_agrees(seen: &Seen<'_>, of: OfContract<'_>, cases: &[Value], period: Period) {
    let scope = Scope::Deployment;
    let scoped = scope.contract(seen.contract).expect("in scope");
    let query = ClaimsQuery { as_of: seen.as_of, today: seen.today, purpose: Purpose::Look };
    let evaluated = claims::of_contract(&seen.view, &seen.fresh.log, scoped, query).await;
    let evaluated = evaluated.expect("evaluated").expect("it is open");
    let by = (claims_by_outcome::By::Whole, period);
    let table = claims_by_outcome::table(&seen.view, scoped, of, &evaluated, by).await.expect("outcomes");
    let claims = seen.rows(Table::Claims).await;
    assert_eq!(claims.len(), evaluated.claims.len());
    let rows = || table.outcomes.iter().flat_map(|outcome| outcome.rows.iter());
    let is_within = |row: &Value, column: &str| {
        let on = day_of(row, "scope_to").filter(|_| column == "achieved_on").or_else(|| day_of(row, column));
        on.is_some_and(|on| period.first() <= on && on <= period.last()) && !row[column].is_null()
    };
    let submitted: Vec<&Value> = claims.iter().filter(|row| is_within(row, "submitted_on")).collect();
    assert_eq!(count(&claims, |row| is_within(row, "achieved_on")), rows().map(|row| row.counts.achieved).sum::<u64>());
    assert_eq!(submitted.len() as u64, rows().map(|row| row.counts.submitted).sum::<u64>());
    assert_eq!(sum(submitted, "received_amount"), table.amounts.received.amount());

    let of_cases: Vec<&Value> = claims.iter().filter(|row| !row["journey"].is_null()).collect();
    assert_eq!(sum(cases, "received_amount"), sum(of_cases.iter().copied(), "received_amount"));
    let in_cases: i64 = cases.iter().map(|row| row["claims_submitted"].as_i64().expect("a count")).sum();
    let of_cases = of_cases.iter().filter(|row| !row["submitted_on"].is_null()).count();
    assert_eq!(usize::try_from(in_cases).expect("a count"), of_cases);

    let payments = seen.rows(Table::Payments).await;
    for (id, batch) in evaluated.batches.iter() {
        let of_batch: Vec<&Value> = payments.iter().filter(|row| row["batch"] == id.to_string().as_str()).collect();
        assert_eq!(sum(of_batch.iter().copied(), "due_amount"), batch.due().amount(), "due with {id}");
        assert_eq!(sum(of_batch.iter().copied(), "received_amount"), batch.received().amount(), "received for {id}");
        let lines = of_batch.iter().filter(|row| row["kind"] == "line").count();
        assert_eq!(lines, batch.lines.len());
    }
    let batches: std::collections::BTreeSet<&str> = payments.iter().filter_map(|row| row["batch"].as_str()).collect();
    assert!(batches.len() <= evaluated.batches.len());
}

/// Compares every format of every table with its lines, and with itself.
async fn assert_formats_agree(seen: &Seen<'_>) {
    for table in Table::ALL {
        let rows = seen.rows(table).await.len();
        let name = table.as_str();
        for format in Format::ALL {
            let bytes = seen.export(table, format).await;
            assert!(bytes == seen.export(table, format).await, "{name} as {format:?} has other bytes the second time");
            let found = match format {
                Format::Ndjson => lines(&bytes).len(),
                // No value of the demo has a line end.
                Format::Csv => bytes.split(|byte| *byte == b'\n').count() - 2,
                Format::Xlsx => {
                    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).expect("a workbook");
                    book.worksheet_range(name).expect("a sheet").height() - 1
                }
                Format::Parquet => {
                    let reader = SerializedFileReader::new(axum::body::Bytes::from(bytes)).expect("a Parquet file");
                    usize::try_from(reader.metadata().file_metadata().num_rows()).expect("a count")
                }
            };
            assert_eq!(found, rows, "{name} as {format:?}");
        }
    }
}

/// Plays the year of a pack on both stores and compares its tables as of these days, the last one also as known
/// earlier.
async fn assert_pack_agrees(demo: &Demo, days: &[&str], known_on: &str) {
    let mut same = Vec::new();
    for store in STORES {
        let fresh = played(store, demo).await;
        for as_of in days {
            assert_agrees(&Seen::at(&fresh, demo, day(as_of), None).await).await;
        }
        let last = day(days.last().expect("a day"));
        let now = Seen::at(&fresh, demo, last, None).await;
        assert_formats_agree(&now).await;
        let known = fresh.log.recorded_by(end_of_day(day(known_on), demo.zone)).await.expect("a position");
        let then = Seen::at(&fresh, demo, last, Some(known)).await;
        assert_agrees(&then).await;
        assert_ne!(then.rows(Table::Contacts).await, now.rows(Table::Contacts).await, "more is known now");
        // These tables have no ids that the log gives.
        let mut tables = Vec::new();
        for table in [Table::Journeys, Table::Spells, Table::Obligations] {
            tables.push(now.export(table, Format::Parquet).await);
        }
        same.push(tables);
        fresh.end().await;
    }
    assert!(same[0] == same[1], "the stores give other bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_of_a_homelessness_service_agree_with_its_boards() {
    let demo = Demo::main(SEED, Size::OneIn(20));
    assert_pack_agrees(&demo, &["2017-10-31", "2018-02-23", "2018-02-28"], "2018-01-31").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_of_an_employment_service_agree_with_its_boards_its_claims_and_its_batches() {
    let demo = Demo::of("mhep", SEED).expect("a pack");
    let last = demo.last_day;
    let earlier = |days: u64| last.checked_sub_days(chrono::Days::new(days)).expect("a day").to_string();
    let (half, quarter, last) = (earlier(180), earlier(90), last.to_string());
    assert_pack_agrees(&demo, &[&half, &last], &quarter).await;
}
