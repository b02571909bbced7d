//! The year of every pack, recorded as the command does: its boards, its claims, and what the banner says.

use super::*;
use crate::queries::claims::{self, ClaimsQuery, Purpose};
use throughline_domain::contract::outcome::Status;
use throughline_domain::contract::rulebook::Rulebook;
use throughline_domain::contract::rulebook::packs::Pack;

/// Records the year of a pack and reads its boards and the statuses of its claims.
async fn recorded(pack: &Pack) -> (Vec<table::Table>, Vec<Status>) {
    let held = TempDir::new().expect("a temporary directory");
    let url = format!("sqlite:{}", held.path().join("throughline.db").display());
    let demo = demo_of(Some(pack.code)).expect("a pack that ships");
    assert_eq!(record_year(&url, &KeyPlaces::default(), &demo).await.expect("the year is recorded"), Ending::Done);
    let clock = Arc::new(Clock::going_on_from(demo.continues_at));
    let deployment = Deployment::open(&url, clock, Arc::new(Chance::System)).await.expect("the store opens");
    let scope = Scope::Deployment;
    let scoped = scope.contract(demo.contract).expect("a scope of everything");
    let live = deployment.views.live();
    let contract = live.contract_state(scoped).expect("an open contract");
    let boards = board::tables(&live, scoped, &contract, demo.last_day).await.expect("the boards");
    let asked = ClaimsQuery { as_of: demo.last_day, today: demo.last_day, purpose: Purpose::Look };
    let claims = claims::of_contract(&live, &deployment.log, scoped, asked).await.expect("the claims are read");
    let statuses = claims.expect("an open contract").claims.iter().map(|claim| claim.status).collect();
    assert!(live.parked_count().await.expect("a count") == 0, "{} has parked streams", pack.code);
    drop(live);
    deployment.close().await;
    (boards, statuses)
}

/// Checks that every stage has cases to date, and that claims are paid where the contract has prices.
async fn is_whole(pack: &Pack) {
    let rulebook = Rulebook::parse(pack.text).expect("a pack that ships");
    let (boards, claims) = recorded(pack).await;
    let to_date = boards.iter().find(|table| table.title.starts_with("From the start of the contract"));
    let to_date = to_date.expect("a table to date");
    for (at, stage) in (1..).zip(&rulebook.stages) {
        let reached: u64 = to_date.rows.iter().filter_map(|row| row[at].replace(',', "").parse::<u64>().ok()).sum();
        assert!(reached > 0, "no case of {} reaches {}: {to_date:?}", pack.code, stage.code);
    }
    for title in ["against the target", "Days since contact by keyworker", "Exits by reason"] {
        let found = boards.iter().any(|table| table.title.contains(title) && !table.rows.is_empty());
        assert!(found, "{} has no table {title:?}", pack.code);
    }
    let has_prices = rulebook.outcomes.iter().any(|outcome| !outcome.tariffs.is_empty());
    assert_eq!(claims.contains(&Status::Paid), has_prices, "{}", pack.code);
}

/// One test for each pack, so that they share the machine.
macro_rules! years {
    ($($name:ident of $code:literal;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                is_whole(packs().iter().find(|pack| pack.code == $code).expect("a pack that ships")).await;
            }
        )*

        #[test]
        fn every_pack_with_a_table_is_among_these() {
            let tested = [$($code),*];
            for pack in packs().iter().filter(|pack| pack.code != "shps") {
                assert!(tested.contains(&pack.code), "{} is not", pack.code);
            }
        }
    };
}

years! {
    a_year_of_employment_support_has_boards_and_paid_claims of "mhep";
    a_year_of_the_innovation_fund_has_boards_and_paid_claims of "innovation-fund";
    a_year_of_family_therapy_has_boards_and_a_paid_share_of_care_days of "mst-essex";
    a_year_of_case_management_has_boards of "case-management";
    a_year_of_support_into_work_has_boards_and_paid_claims of "dwp-cep";
    a_year_of_adult_social_care_has_boards of "ealing-better-lives";
    a_year_of_newborn_care_has_boards_and_paid_claims of "kmc";
    a_year_of_health_facilities_has_boards_and_paid_services of "sehatmandi";
    a_year_of_psychology_support_has_boards of "stoke-psychology";
}

#[test]
fn an_unknown_pack_is_refused_with_the_list_of_packs() {
    let refused = demo_of(Some("mhepp")).expect_err("there is no such pack");
    assert!(super::super::is_wrong_use(&refused));
    let message = refused.to_string();
    assert!(message.starts_with("there is no pack \"mhepp\": use one of shps, mhep, "), "{message}");
    for pack in packs() {
        assert!(message.contains(pack.code), "{message}");
    }
}

#[test]
fn a_time_zone_is_named_by_its_city() {
    use chrono_tz::{Africa, America, Europe};
    assert_eq!([Europe::London, Africa::Douala, America::New_York].map(city), ["London", "Douala", "New York"]);
}

#[test]
fn the_first_query_asks_for_the_contract_of_the_pack() {
    let text = first_query("kmc");
    let query = async_graphql::parser::parse_query(&text).expect("a query");
    assert_eq!(query.operations.iter().count(), 1);
    assert!(text.contains("contract(code: \"kmc\")"), "{text}");
}
