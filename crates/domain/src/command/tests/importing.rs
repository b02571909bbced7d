//! The facts of imports: sources, runs, and records that are gone.

use chrono::{DateTime, Utc};

use super::*;
use crate::fact::event::{Holds, ImportCounts, ImportRun, Leading, RowMissing, RowReturned, RunEnd, SourceRegistered};
use crate::world::{World, fact_of, referred, service};

fn source() -> SourceRegistered {
    SourceRegistered {
        system: "allocations".to_owned(),
        contract: "shps".to_owned(),
        numbers: "referrals".to_owned(),
        holds: Holds::Everything,
        leads: Leading::Correction,
        purge_most: Some(10),
    }
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn run() -> ImportRun {
    ImportRun {
        system: "allocations".to_owned(),
        contract: "shps".to_owned(),
        mapping: "a".repeat(64),
        files: vec!["b".repeat(64)],
        counts: ImportCounts { recorded: 3, ..ImportCounts::default() },
        started_at: instant("2018-02-01T01:00:00Z"),
        finished_at: instant("2018-02-01T01:00:09Z"),
        ended: RunEnd::Completed,
    }
}

fn noted(fact: impl Into<Event>) -> Command {
    fact_of(StreamId::source("allocations"), "2018-02-01", fact)
}

/// The contract with a case.
fn begun() -> World {
    service().and(&referred(JOURNEY, "2018-01-10"))
}

fn registered() -> World {
    begun().and(&noted(source()))
}

#[test]
fn a_source_is_registered_before_its_first_run() {
    begun().when(noted(run())).refused(Code::SourceNotFound);
    registered().when(noted(run())).accepted();
    registered().when(noted(SourceRegistered { purge_most: None, ..source() })).accepted();
}

#[test]
fn a_source_or_a_run_of_an_unknown_contract_or_with_odd_values_is_refused() {
    let of = |contract: &str| SourceRegistered { contract: contract.to_owned(), ..source() };
    begun().when(noted(of("kmc"))).refused(Code::ContractNotFound);
    begun().when(noted(SourceRegistered { purge_most: Some(101), ..source() })).refused(Code::InvalidValue);
    let named = SourceRegistered { system: "QQ123456C".to_owned(), ..source() };
    begun().when(noted(named)).refused(Code::PersonalData);
    for odd in [
        ImportRun { mapping: "no digest".to_owned(), ..run() },
        ImportRun { files: vec!["b".repeat(64), "B".repeat(64)], ..run() },
        ImportRun { finished_at: instant("2018-01-31T01:00:00Z"), ..run() },
    ] {
        registered().when(noted(odd)).refused(Code::InvalidValue);
    }
    registered().when(noted(ImportRun { files: Vec::new(), ..run() })).refused(Code::MissingValue);
}

#[test]
fn a_record_returns_only_if_it_was_missing_and_both_name_a_case() {
    let (system, contract) = (|| "allocations".to_owned(), || "shps".to_owned());
    let missing = RowMissing { system: system(), contract: contract(), journey: JOURNEY };
    let returned = RowReturned { system: system(), contract: contract(), journey: JOURNEY };
    registered().when(noted(missing.clone())).accepted();
    begun().when(noted(returned.clone())).refused(Code::SourceNotFound);
    begun().and(&noted(missing.clone())).when(noted(returned)).accepted();
    let nowhere = RowMissing { journey: JourneyId(Uuid::from_u128(0x99)), ..missing };
    registered().when(noted(nowhere)).refused(Code::JourneyNotFound);
}
