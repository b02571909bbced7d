//! What the standards of a rulebook ask to be done: the list of a keyworker and of a team, and the counts, on both
//! stores.

use serde_json::{Value, json};
use throughline::access::{Principal, Role};
use throughline_domain::contract::rulebook::packs;

use crate::app::{TestApp, administrator, keyworker, on_both_stores, test_caller, text};
use crate::relations::{leaves, set_team};
use crate::wait::until_views;

const MHEP: &str = "mhep";

fn manager() -> Principal {
    test_caller(Role::Manager, "manager", &[MHEP])
}

/// A case of a worker, received on a day: its first contact is owed within seven.
async fn case(app: &TestApp, received: &str, worker: Option<&str>) -> String {
    let input = json!({
        "contract": MHEP, "area": "tower-hamlets", "occurredOn": received,
    });
    let journey = text(&app.done(&manager(), "receiveReferral", input).await["journey"]["id"]);
    app.done(&manager(), "acceptReferral", json!({ "journey": journey, "occurredOn": received })).await;
    if let Some(worker) = worker {
        let input = json!({ "journey": journey, "worker": worker, "occurredOn": received });
        app.done(&manager(), "assignWorker", input).await;
    }
    journey
}

async fn contact(app: &TestApp, journey: &str, on: &str) {
    let input = json!({ "journey": journey, "channel": "phone", "twoWay": true, "occurredOn": on });
    app.done(&manager(), "logContact", input).await;
}

/// Which journeys owe what, asked by somebody with these arguments.
async fn listed(app: &TestApp, who: &Principal, arguments: &str) -> Vec<(String, String, Value)> {
    let document = format!(
        "{{ contract(code: \"{MHEP}\") {{ obligations({arguments}) {{ nodes {{ state dueOn endedOn startedBy \
         journey {{ id referral {{ event }} obligations {{ state dueOn }} }} }} }} }} }}"
    );
    let data = app.ask(who, &document, json!({})).await;
    let nodes = data["contract"]["obligations"]["nodes"].as_array().expect("nodes").clone();
    let told = nodes.iter().map(|node| {
        assert_eq!(node["startedBy"], node["journey"]["referral"]["event"]);
        assert_eq!(node["journey"]["obligations"], json!([{ "state": node["state"], "dueOn": node["dueOn"] }]));
        (text(&node["journey"]["id"]), text(&node["state"]), node["dueOn"].clone())
    });
    told.collect()
}

#[tokio::test]
async fn a_keyworker_sees_what_is_due_and_overdue_and_a_manager_counts_it() {
    on_both_stores(async |app| {
        app.open_contract(MHEP).await;
        let [ann, bob] = [app.add_worker("kw-ann").await, app.add_worker("kw-bob").await];
        set_team(app, 1, "2018-01-01", &[&ann, &bob]).await;
        let met = case(app, "2018-02-01", Some(&ann)).await;
        contact(app, &met, "2018-02-08").await;
        let missed = case(app, "2018-02-01", Some(&ann)).await;
        contact(app, &missed, "2018-02-09").await;
        let overdue = case(app, "2018-02-10", Some(&ann)).await;
        let today = case(app, "2018-02-22", Some(&ann)).await;
        let due = case(app, "2018-02-26", Some(&bob)).await;
        let closed = case(app, "2018-02-20", Some(&bob)).await;
        let input = json!({ "journey": closed, "reason": "moved_away", "occurredOn": "2018-02-21" });
        app.done(&manager(), "closeJourney", input).await;
        let nobodys = case(app, "2018-02-11", None).await;
        let who = Principal { scope: manager().scope, ..keyworker("kw-ann") };
        let state = |journey: &String, state: &str, due: &str| (journey.clone(), state.to_owned(), json!(due));
        let of_ann = listed(app, &who, &format!("keyworker: \"{ann}\"")).await;
        let both = [state(&met, "MET", "2018-02-08"), state(&missed, "MISSED", "2018-02-08")];
        assert!(both.iter().all(|one| of_ann[..2].contains(one)), "{of_ann:?}");
        assert_eq!(of_ann[2..], [state(&overdue, "OVERDUE", "2018-02-17"), state(&today, "DUE_TODAY", "2018-03-01")]);
        let manager = manager();
        assert_eq!(listed(app, &manager, "state: DUE").await, [state(&due, "DUE", "2018-03-05")]);
        assert_eq!(listed(app, &manager, "state: CANCELLED").await, [state(&closed, "CANCELLED", "2018-02-27")]);
        let several = listed(app, &manager, "state: [DUE, DUE_TODAY]").await;
        assert_eq!(several, [state(&today, "DUE_TODAY", "2018-03-01"), state(&due, "DUE", "2018-03-05")]);
        let several = listed(app, &manager, "state: [MISSED, CANCELLED]").await;
        assert_eq!(several, [state(&missed, "MISSED", "2018-02-08"), state(&closed, "CANCELLED", "2018-02-27")]);
        let open = listed(app, &manager, "unassigned: true").await;
        assert_eq!(open, [state(&nobodys, "OVERDUE", "2018-02-18")]);
        let february = "due: { first: \"2018-02-15\", last: \"2018-02-17\" }, standard: \"first_contact\"";
        assert_eq!(listed(app, &manager, february).await, [state(&overdue, "OVERDUE", "2018-02-17")]);
        let counts = app.ask(&manager, &counts("KEYWORKER"), json!({})).await;
        let row = |label: &str, counts: [u32; 6]| {
            let [due, today, overdue, met, missed, cancelled] = counts;
            json!({ "group": { "label": label }, "due": due, "dueToday": today, "overdue": overdue, "met": met,
                "missed": missed, "cancelled": cancelled })
        };
        let rows = [
            row("KW-ANN", [0, 1, 1, 1, 1, 0]),
            row("KW-BOB", [1, 0, 0, 0, 0, 1]),
            row("Unassigned", [0, 0, 1, 0, 0, 0]),
        ];
        let expected = json!([{ "standard": "first_contact", "rows": rows }]);
        assert_eq!(counts["contract"]["obligationCounts"], expected);
    })
    .await;
}

fn counts(by: &str) -> String {
    format!(
        "{{ contract(code: \"{MHEP}\") {{ obligationCounts(by: {by}) {{ standard rows {{ group {{ label }} \
         due dueToday overdue met missed cancelled }} }} }} }}"
    )
}

#[tokio::test]
async fn what_a_keyworker_who_left_still_owed_stays_with_their_team() {
    on_both_stores(async |app| {
        app.open_contract(MHEP).await;
        let [ann, bob] = [app.add_worker("kw-ann").await, app.add_worker("kw-bob").await];
        set_team(app, 1, "2018-01-01", &[&ann, &bob]).await;
        let journey = case(app, "2018-02-10", Some(&ann)).await;
        leaves(app, &ann, "2018-02-20").await;
        set_team(app, 1, "2018-02-20", &[&bob]).await;
        let manager = manager();
        assert_eq!(listed(app, &manager, &format!("keyworker: \"{ann}\"")).await, []);
        let team = "00000000-0000-0000-0000-000000007ea1";
        let owed = [(journey.clone(), "OVERDUE".to_owned(), json!("2018-02-17"))];
        assert_eq!(listed(app, &manager, &format!("team: \"{team}\"")).await, owed);
        assert_eq!(listed(app, &manager, "unassigned: true").await, owed);
        let counted = app.ask(&manager, &counts("TEAM"), json!({})).await;
        let rows = counted["contract"]["obligationCounts"][0]["rows"].as_array().expect("rows").clone();
        let overdue: Vec<_> = rows.iter().map(|row| (&row["group"]["label"], &row["overdue"])).collect();
        assert!(overdue.contains(&(&json!("Team 1"), &json!(1))), "{overdue:?}");
    })
    .await;
}

#[tokio::test]
async fn obligations_are_read_page_by_page_and_a_cursor_of_another_list_is_refused() {
    on_both_stores(async |app| {
        app.open_contract(MHEP).await;
        for day in 1..=7 {
            case(app, &format!("2018-02-{day:02}"), None).await;
        }
        let document = "query($first: Int!, $after: String, $area: String) { contract(code: \"mhep\") { \
                        obligations(first: $first, after: $after, area: $area) { edges { cursor } nodes { dueOn } \
                        pageInfo { endCursor hasNextPage } } } }";
        let (mut seen, mut after) = (Vec::new(), Value::Null);
        loop {
            let data = app.ask(&manager(), document, json!({ "first": 3, "after": after })).await;
            let page = &data["contract"]["obligations"];
            seen.extend(page["nodes"].as_array().expect("nodes").iter().map(|node| text(&node["dueOn"])));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(seen, (8..=14).map(|day| format!("2018-02-{day:02}")).collect::<Vec<_>>());
        for (after, area) in [(json!("x"), Value::Null), (after, json!("tower-hamlets"))] {
            let asked = json!({ "first": 3, "after": after, "area": area });
            let answer = app.answer(&manager(), document, asked).await;
            assert_eq!(answer.codes(), ["BAD_USER_INPUT"], "{}", answer.body);
        }
    })
    .await;
}

#[tokio::test]
async fn a_journey_and_a_list_apply_the_same_rules_after_a_further_rulebook_was_published() {
    on_both_stores(async |app| {
        app.open_contract(MHEP).await;
        let journey = case(app, "2018-02-10", None).await;
        let before = app.head().await;
        let text = packs::pack(MHEP).expect("a pack").text;
        let further = text
            .replace("version = \"2021-04\"", "version = \"2021-05\"")
            .replace("effective_from = 2021-04-01", "effective_from = 2021-05-01")
            .replace("within = { days = 7 }", "within = { days = 30 }");
        assert_ne!(further, text);
        let input = json!({ "contract": MHEP, "rulebook": further });
        app.done(&administrator(), "publishRulebook", input).await;
        let document = format!("{{ contract(code: \"{MHEP}\") {{ view {{ rulebookVersion }} }} }}");
        let is_applied = async || {
            let read = app.ask(&manager(), &document, json!({})).await;
            read["contract"]["view"]["rulebookVersion"] == "2021-05"
        };
        until_views(&app.fresh.views, "a view with the rulebook is built by itself", is_applied).await;
        assert_eq!(
            listed(app, &manager(), "first: 5").await,
            [(journey.clone(), "DUE".to_owned(), json!("2018-03-12"))]
        );
        let document = "query($id: UUID!, $at: JourneyAt) { journey(id: $id, at: $at) { obligations { dueOn } } }";
        let then = json!({ "id": journey, "at": { "position": before } });
        let known = app.ask(&manager(), document, then).await;
        assert_eq!(known["journey"]["obligations"], json!([{ "dueOn": "2018-02-17" }]), "as the rules were then");
    })
    .await;
}
