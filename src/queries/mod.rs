//! Questions asked of a generation: boards, lists, claims, people, and what a caller may see of them.
//!
//! A question is a function that takes a generation and the scope of the caller. Nothing here changes a row, and
//! nothing here knows how a generation is built or replaced: that is in [`crate::views`].
//!
//! Each statement is one text with numbered binds beside its only caller, long ones in a file of their own. It can be
//! pasted into `psql` once a marker such as `{texts $3}` is replaced ([`Sql`] says by what). Only those of the lists of
//! journeys are put together from parts.

pub mod agenda;
pub mod board;
pub mod case_numbers;
pub mod caseload;
pub mod caseload_scope;
pub mod cases_of_evidence;
pub mod claims;
pub mod claims_by_outcome;
pub mod compare;
pub mod contracts;
pub mod data_quality;
pub mod durations;
pub mod erasures;
pub mod event_visibility;
pub mod exits;
pub mod exports;
pub mod forecast;
pub mod grades;
pub mod journeys;
pub mod kpis;
pub mod league;
pub mod measures;
pub mod obligations;
pub mod of_contract;
pub mod offers;
pub mod openable;
pub mod people;
pub mod performance;
pub mod period;
pub mod prices;
pub mod recency;
pub mod referral_to_plan;
pub mod retention;
pub mod small_counts;
pub mod subjects;
pub mod tracked_items;
pub mod value;
pub mod workload;

mod rollups;

use crate::store::Sql;

/// Every statement of a question.
pub fn statements() -> Vec<&'static Sql> {
    [
        agenda::STATEMENTS,
        case_numbers::STATEMENTS,
        caseload::STATEMENTS,
        caseload_scope::STATEMENTS,
        cases_of_evidence::STATEMENTS,
        compare::STATEMENTS,
        contracts::STATEMENTS,
        data_quality::STATEMENTS,
        erasures::STATEMENTS,
        exits::STATEMENTS,
        exports::STATEMENTS,
        &journeys::statements(),
        &measures::statements(),
        obligations::STATEMENTS,
        of_contract::STATEMENTS,
        offers::STATEMENTS,
        people::STATEMENTS,
        performance::STATEMENTS,
        recency::STATEMENTS,
        referral_to_plan::STATEMENTS,
        subjects::STATEMENTS,
        retention::STATEMENTS,
        tracked_items::STATEMENTS,
        workload::STATEMENTS,
    ]
    .concat()
}
