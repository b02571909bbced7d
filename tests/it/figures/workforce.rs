//! Figures of the workforce: slots, utilisation, absence, vacant posts, cover, scores and cases seen in time, on both
//! stores.
//!
//! In February 2018, which has 28 days: Ann is full-time and away until the 14th. Bob joins on the 15th, half-time. Cat
//! is full-time and leaves on the 8th; her post is vacant until the 20th, and from the 10th to the 14th Ann covers for
//! her. A full-time post may hold four cases: for Ann by a number of her own, for Bob and Cat by that of their team.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use throughline::access::Role;
use throughline_domain::command::Command;
use throughline_domain::fact::envelope::{CoverId, StreamId, TeamId, VacancyId, WorkerId};
use throughline_domain::fact::event::{
    AbsenceRecorded, AssessmentScored, CapacitySet, ContactLogged, CoverStarted, Event, JourneyClosed, Quantity,
    ReferralAccepted, TeamSet, VacancyFilled, VacancyOpened, WorkerJoined, WorkerLeft, WteSet,
};
use throughline_domain::world::{self, ANN, BOB, CAT, day, on, when};
use uuid::Uuid;

use super::{Asker, case, journey, record_all, referral, row as row_of, rows};
use crate::app::{MST, TestApp, on_both_stores, other_manager, test_caller, text};

const TEAM: TeamId = TeamId(Uuid::from_u128(0x7ea));
const VACANCY: VacancyId = VacancyId(Uuid::from_u128(0x7eb));
const COVER: CoverId = CoverId(Uuid::from_u128(0x7ec));

fn number(tenths: i64) -> Quantity {
    Quantity(Decimal::new(tenths, 1))
}

async fn record(app: &TestApp, stream: StreamId, facts: impl IntoIterator<Item = (&str, Event)>) {
    for (on, fact) in facts {
        let recorded = app.fresh.record(Command::record_fact(stream, when(on), fact)).await;
        recorded.unwrap_or_else(|refusals| panic!("refused: {refusals:#?}"));
    }
}

async fn joins(app: &TestApp, worker: WorkerId, label: &str, on: &str, tenths: i64) {
    let joined = WorkerJoined { login: None, label: label.to_owned() };
    let facts: [(&str, Event); 2] = [(on, joined.into()), (on, WteSet { wte: number(tenths) }.into())];
    record(app, StreamId::worker(worker), facts).await;
}

fn team(members: &[WorkerId]) -> Event {
    TeamSet { label: "Team North".to_owned(), members: members.to_vec() }.into()
}

/// The workers and their team.
async fn staff(app: &TestApp) {
    joins(app, ANN, "TH-ann", "2017-03-01", 10).await;
    joins(app, CAT, "TH-cat", "2017-03-01", 10).await;
    joins(app, BOB, "TH-bob", "2018-02-15", 5).await;
    let absence = AbsenceRecorded { kind: "sickness".to_owned(), back_on: Some(day("2018-02-15")) };
    let own: [(&str, Event); 2] =
        [("2017-03-01", CapacitySet { cases_per_wte: number(40) }.into()), ("2018-02-01", absence.into())];
    record(app, StreamId::worker(ANN), own).await;
    let vacant = VacancyOpened { vacancy: VACANCY, role: "therapist".to_owned(), wte: number(10) };
    let cover = CoverStarted { cover: COVER, absent: CAT, by: ANN, until: Some(day("2018-02-15")) };
    let of_team: [(&str, Event); 6] = [
        ("2017-03-01", team(&[ANN, CAT])),
        ("2017-03-01", CapacitySet { cases_per_wte: number(40) }.into()),
        ("2018-02-08", vacant.into()),
        ("2018-02-10", cover.into()),
        ("2018-02-15", team(&[ANN, BOB])),
        ("2018-02-20", VacancyFilled { vacancy: VACANCY, worker: Some(BOB) }.into()),
    ];
    record(app, StreamId::team(TEAM), of_team).await;
    record(app, StreamId::worker(CAT), [("2018-02-08", WorkerLeft {}.into())]).await;
}

fn contact(worker: WorkerId) -> Event {
    ContactLogged { worker: Some(worker), ..world::contact() }.into()
}

/// One case of Ann's all month, one of Bob's from the 15th on, and one of Cat's, closed on the 22nd.
async fn cases(app: &TestApp) {
    let of = |n: u32, accepted: &str, worker: WorkerId, more: Vec<(&str, Event)>| {
        let mut facts: Vec<_> = vec![on(accepted, ReferralAccepted {}), on(accepted, world::keyworker(worker))];
        facts.extend(more.into_iter().map(|(at, fact)| on(at, fact)));
        case(MST, n, (when("2018-01-08"), referral(n, "mid")), facts)
    };
    let closed: Event = JourneyClosed { reason: "other".to_owned(), ..world::closed() }.into();
    let all = vec![
        of(1, "2018-01-10", ANN, vec![("2018-02-25", contact(ANN))]),
        of(2, "2018-02-15", BOB, vec![("2018-02-20", contact(BOB))]),
        of(3, "2018-01-10", CAT, vec![("2018-02-22", closed)]),
    ];
    record_all(&app.fresh, all).await;
}

fn arguments(measures: &[&str], by: &str) -> String {
    format!("measures: {}, by: [{by}], period: {{ from: \"2018-02-01\", kind: MONTH }}", json!(measures))
}

/// The state and value of the only row of each of these measures.
async fn whole(app: &TestApp, at: Value, measures: &[&str]) -> Vec<(String, Value)> {
    let asker = Asker { app, who: other_manager(), contract: MST };
    let found = asker.figures_at(&at, &arguments(measures, ""), "figure { state value }").await;
    let figure = |measure: &&str| {
        let rows = rows(&found, measure);
        assert_eq!(rows.len(), 1, "{measure}: {rows:?}");
        (text(&rows[0]["figure"]["state"]), rows[0]["figure"]["value"].clone())
    };
    measures.iter().map(figure).collect()
}

/// The label and value of each row of a measure.
async fn by(app: &TestApp, dimension: &str, measure: &str) -> Vec<(String, Value)> {
    let asker = Asker { app, who: other_manager(), contract: MST };
    let found = asker.figures(&arguments(&[measure], dimension), "group { label } figure { value }").await;
    let row = |row: &Value| (text(&row["group"][0]["label"]), row["figure"]["value"].clone());
    rows(&found, measure).iter().map(row).collect()
}

fn values(expected: &[&str]) -> Vec<(String, Value)> {
    expected.iter().map(|value| ("VALUE".to_owned(), json!(value))).collect()
}

fn rows_of(expected: &[(&str, &str)]) -> Vec<(String, Value)> {
    expected.iter().map(|(label, value)| ((*label).to_owned(), json!(value))).collect()
}

#[tokio::test]
async fn slots_absence_vacancies_and_cover_of_a_month_are_those_of_its_days() {
    on_both_stores(async |app| {
        staff(app).await;
        cases(app).await;
        let measures = [
            "slots",
            "slots_in_post",
            "wte",
            "wte_weeks",
            "absence_days",
            "vacancies",
            "vacant_wte",
            "void_days",
            "cover_days",
            "mean_caseload",
            "utilisation",
            "caseload_per_wte",
            "contacts_per_wte_week",
        ];
        let found = whole(app, json!({}), &measures).await;
        // Slots: (14 × 4 + 14 × 2 + 7 × 4) ÷ 28, and in post 28 × 4 instead of 14 × 4. The post is vacant on 12 days, of
        // which 5 are covered. Cases: (28 + 14 + 21) ÷ 28.
        let expected = ["4.0", "6.0", "1.5", "6.0", "14", "0.4", "0.4", "7", "5", "2.3", "56", "1.3", "0.3"];
        assert_eq!(found, values(&expected));
    })
    .await;
}

#[tokio::test]
async fn each_therapist_and_team_has_their_own_part() {
    on_both_stores(async |app| {
        staff(app).await;
        cases(app).await;
        let of = async |measure: &str| by(app, "KEYWORKER", measure).await;
        assert_eq!(of("slots").await, rows_of(&[("TH-ann", "2.0"), ("TH-bob", "1.0"), ("TH-cat", "1.0")]));
        let caseload = rows_of(&[("TH-ann", "1.0"), ("TH-bob", "0.5"), ("TH-cat", "0.3"), ("Unassigned", "0.5")]);
        assert_eq!(of("mean_caseload").await, caseload, "after Cat has left nobody holds her case");
        let mut used = rows_of(&[("TH-ann", "50"), ("TH-bob", "50"), ("TH-cat", "25")]);
        used.push(("Unassigned".to_owned(), Value::Null));
        assert_eq!(of("utilisation").await, used);
        assert_eq!(of("absence_days").await, rows_of(&[("TH-ann", "14")]));
        assert_eq!(of("cover_days").await, rows_of(&[("TH-cat", "5")]), "of the worker who is covered");
        assert_eq!(of("void_days").await, []);
        let of = async |measure: &str| by(app, "TEAM", measure).await;
        assert_eq!(of("void_days").await, rows_of(&[("Team North", "7")]));
        assert_eq!(of("cover_days").await, rows_of(&[("Team North", "5")]));
        assert_eq!(
            of("slots").await,
            rows_of(&[("Team North", "3.0"), ("No team", "1.0")]),
            "Cat is in no team any more"
        );
    })
    .await;
}

#[tokio::test]
async fn days_after_the_as_of_date_do_not_count() {
    on_both_stores(async |app| {
        staff(app).await;
        cases(app).await;
        let measures = ["slots", "void_days", "cover_days", "mean_caseload"];
        let found = whole(app, json!({ "asOf": "2018-02-14" }), &measures).await;
        // Ann is away on all 14 days. Two cases are open.
        let expected = ["2.0", "2", "5", "2.0"].map(|value| ("PROVISIONAL".to_owned(), json!(value)));
        assert_eq!(found, expected);
        let found = whole(app, json!({ "asOf": "2018-01-31" }), &measures).await;
        assert_eq!(found, vec![("NO_DATA".to_owned(), Value::Null); 4]);
    })
    .await;
}

#[tokio::test]
async fn without_workers_and_teams_there_is_no_data_and_areas_have_none_of_their_own() {
    on_both_stores(async |app| {
        let measures = ["slots", "absence_days", "vacancies", "void_days", "cover_days", "utilisation"];
        let found = whole(app, json!({}), &measures).await;
        assert_eq!(found, vec![("NO_DATA".to_owned(), Value::Null); 6]);
        staff(app).await;
        cases(app).await;
        let asker = Asker { app, who: other_manager(), contract: MST };
        let question = arguments(&["slots", "mean_caseload"], "AREA");
        let found = asker.figures(&question, "group { code } figure { state value }").await;
        let mid = |measure: &str| row_of(&found, measure, "mid")["figure"].clone();
        assert_eq!(mid("slots"), json!({ "state": "NOT_APPLICABLE", "value": null }));
        assert_eq!(mid("mean_caseload"), json!({ "state": "VALUE", "value": "2.3" }));
    })
    .await;
}

#[tokio::test]
async fn a_case_is_seen_as_required_up_to_the_last_day_allowed() {
    on_both_stores(async |app| {
        staff(app).await;
        cases(app).await;
        let share = async || {
            let asker = Asker { app, who: other_manager(), contract: MST };
            let fields = "figure { value numerator denominator } members { totalCount }";
            let found = asker.figures(&arguments(&["seen_as_required"], ""), fields).await;
            rows(&found, "seen_as_required")[0].clone()
        };
        let row = |value: &str, seen: u64| {
            let figure = json!({ "value": value, "numerator": seen.to_string(), "denominator": "2" });
            json!({ "figure": figure, "members": { "totalCount": seen } })
        };
        assert_eq!(share().await, row("50", 1), "eight days after the 20th");
        record(app, StreamId::journey(journey(2)), [("2018-02-21", contact(BOB))]).await;
        assert_eq!(share().await, row("100", 2), "seven days after the 21st");
    })
    .await;
}

#[tokio::test]
async fn scores_under_supervision_have_a_mean() {
    on_both_stores(async |app| {
        staff(app).await;
        let score = |instrument: &str, tenths: i64| -> Event {
            let instrument = instrument.to_owned();
            AssessmentScored { instrument, items: BTreeMap::new(), score: number(tenths) }.into()
        };
        record(app, StreamId::worker(ANN), [("2018-02-20", score("therapist_adherence", 6))]).await;
        record(app, StreamId::worker(BOB), [("2018-02-21", score("therapist_adherence", 7))]).await;
        // Of the month before.
        record(app, StreamId::worker(ANN), [("2018-01-31", score("therapist_adherence", 1))]).await;
        let measures = ["adherence_score", "supervision_score"];
        let found = whole(app, json!({}), &measures).await;
        assert_eq!(found, [("VALUE".to_owned(), json!("0.65")), ("NO_DATA".to_owned(), Value::Null)]);
        let of_each = by(app, "KEYWORKER", "adherence_score").await;
        assert_eq!(of_each, rows_of(&[("TH-ann", "0.60"), ("TH-bob", "0.70")]));
    })
    .await;
}

#[tokio::test]
async fn absences_slots_and_scores_of_single_workers_are_for_those_who_see_staff() {
    on_both_stores(async |app| {
        staff(app).await;
        cases(app).await;
        let asker = Asker { app, who: test_caller(Role::Commissioner, "reader", &[MST]), contract: MST };
        for (by, measure) in [
            ("KEYWORKER", "absence_days"),
            ("TEAM", "absence_days"),
            ("MONTH, KEYWORKER", "supervision_score"),
            ("KEYWORKER", "slots"),
            ("TEAM", "utilisation"),
        ] {
            let answer = asker.answer(&arguments(&["caseload", measure], by), "figure { value }").await;
            assert_eq!(answer.codes(), ["FORBIDDEN"], "{measure} by {by}");
        }
        let whole = asker.figures(&arguments(&["absence_days", "utilisation"], ""), "figure { value }").await;
        assert_eq!(rows(&whole, "absence_days")[0]["figure"]["value"], "14");
        let found = asker.figures(&arguments(&["caseload"], "KEYWORKER"), "group { label }").await;
        assert!(!rows(&found, "caseload").is_empty());
    })
    .await;
}
