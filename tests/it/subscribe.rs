//! Subscriptions: what is followed comes once and in order, resumes from any position, and ends with the right to it.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};
use throughline::access::{Principal, Role};
use throughline::clock::Chance;
use throughline::log::Log;
use throughline::record::Recorder;
use throughline::store::{Dialect, Mode, Store};
use throughline::views::Views;
use throughline_domain::fact::envelope::JourneyId;

use crate::app::{
    MST, SHPS, TestApp, call, from_the_instant, keyworker, manager, new_id, on_both_stores, other_manager, test_caller,
    text, with,
};
use crate::field::Field;
use crate::relations::{leaves, set_team};
use crate::subscriber::{Events, Server, Subscriber};

const RECORDED: &str = include_str!("../../schema/operations/event_recorded.graphql");
const JOURNEY: &str = include_str!("../../schema/operations/journey_changed.graphql");
const CASELOAD: &str = include_str!("../../schema/operations/caseload_changed.graphql");

async fn subscriber(app: &TestApp, server: &Server, who: &Principal) -> Subscriber {
    Subscriber::at(&server.address, &app.token(who)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_hears_of_each_event_of_a_journey() {
    on_both_stores(async |app| {
        let server = Server::of(app.router()).await;
        let worker = app.add_worker("kw-07").await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        let other = app.receive_referral("2018-02-01", "BR-2").await;
        let mut peer = subscriber(app, &server, &keyworker("kw-07")).await;
        let begun = app.head().await;
        peer.begin("1", JOURNEY, json!({ "id": journey, "after": begun })).await;

        app.done(&manager(), "acceptReferral", json!({ "journey": other, "occurredOn": "2018-02-02" })).await;
        app.done(&manager(), "acceptReferral", json!({ "journey": journey, "occurredOn": "2018-02-02" })).await;
        let accepted = peer.item().await;
        assert_eq!(accepted["position"], app.head().await);
        assert_eq!(accepted["journey"]["position"], accepted["position"]);
        assert_eq!(accepted["journey"]["onCaseload"], true);
        assert_eq!(accepted["journey"]["keyworker"], Value::Null);
        let input = json!({ "journey": journey, "worker": worker, "occurredOn": "2018-02-03" });
        app.done(&manager(), "assignWorker", input).await;
        assert_eq!(peer.item().await["journey"]["keyworker"]["label"], "KW-07");
        app.log_contact(&keyworker("kw-07"), call(&journey, "2018-02-27")).await;
        let seen = peer.item().await;
        assert_eq!(seen["journey"]["daysSinceContact"], 2);

        // Whoever comes later sees at once what they missed, as one, and nothing that they have.
        peer.complete("1").await;
        peer.begin("2", JOURNEY, json!({ "id": journey, "after": begun })).await;
        assert_eq!(peer.item().await, seen);
        peer.begin("3", JOURNEY, json!({ "id": journey, "after": seen["position"] })).await;
        app.log_contact(&keyworker("kw-07"), call(&journey, "2018-03-01")).await;
        for _ in ["2", "3"] {
            assert_eq!(peer.item().await["journey"]["daysSinceContact"], 0);
        }
        drop(peer);
        server.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caseload_is_kept_up_to_date_as_cases_join_and_leave_it() {
    on_both_stores(async |app| {
        let server = Server::of(app.router()).await;
        let (own, others) = (app.add_worker("kw-07").await, app.add_worker("kw-08").await);
        let mut peer = subscriber(app, &server, &keyworker("kw-07")).await;
        let begun = app.head().await;
        peer.begin("own", CASELOAD, json!({ "contract": SHPS, "keyworker": own, "after": begun })).await;
        let of = |item: &Value| (text(&item["journey"]["reference"]), item["onCaseload"].as_bool().expect("a flag"));

        let first = app.receive_referral("2018-02-01", "BR-1").await;
        let second = app.receive_referral("2018-02-01", "BR-2").await;
        app.take_on(&second, &others, "2018-02-02").await;
        app.journey_elsewhere().await;
        app.take_on(&first, &own, "2018-02-02").await;
        assert_eq!(of(&peer.item().await), ("BR-1".to_owned(), true));
        app.log_contact(&keyworker("kw-07"), call(&first, "2018-02-10")).await;
        assert_eq!(of(&peer.item().await), ("BR-1".to_owned(), true));
        // Another keyworker hands over a case, and takes one.
        let assign =
            |journey: &str, worker: &str| json!({ "journey": journey, "worker": worker, "occurredOn": "2018-02-20" });
        app.done(&manager(), "assignWorker", assign(&second, &own)).await;
        assert_eq!(of(&peer.item().await), ("BR-2".to_owned(), true));
        app.done(&manager(), "assignWorker", assign(&first, &others)).await;
        let left = peer.item().await;
        assert_eq!(of(&left), ("BR-1".to_owned(), false));
        assert_eq!(left["journey"]["keyworker"]["label"], "KW-08");
        app.log_contact(&keyworker("kw-07"), call(&first, "2018-02-21")).await;
        let close = json!({ "journey": second, "reason": "housed", "occurredOn": "2018-02-25" });
        app.done(&manager(), "closeJourney", close).await;
        let closed = peer.item().await;
        assert_eq!((of(&closed), &closed["position"]), (("BR-2".to_owned(), false), &json!(app.head().await)));

        // From the beginning, both cases are seen once as they stand, and neither was ever on the list.
        peer.begin("again", CASELOAD, json!({ "contract": SHPS, "keyworker": own, "after": begun })).await;
        peer.begin("all", CASELOAD, json!({ "contract": SHPS, "after": begun })).await;
        let message = peer.hear().await;
        assert_eq!(message["id"], "all", "{message}");
        assert_eq!(of(&message["payload"]["data"]["caseloadChanged"]), ("BR-1".to_owned(), true));
        drop(peer);
        server.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_sent_from_any_position_as_the_filter_and_the_scope_allow() {
    on_both_stores(async |app| {
        let server = Server::of(app.router()).await;
        let worker = app.add_worker("kw-07").await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        app.take_on(&journey, &worker, "2018-02-02").await;
        let elsewhere = app.journey_elsewhere().await;
        app.log_contact(&keyworker("kw-07"), call(&journey, "2018-02-10")).await;
        let head = app.head().await;

        let seen_by = async |who: &Principal, filter: Value| {
            let mut peer = subscriber(app, &server, who).await;
            peer.begin("1", RECORDED, json!({ "after": 0, "filter": filter })).await;
            peer
        };
        let mut everything = seen_by(&test_caller(Role::Auditor, "auditor", &[]), json!(null)).await;
        for position in 1..=head {
            let item = everything.item().await;
            assert_eq!((&item["position"], &item["event"]["position"]), (&json!(position), &json!(position)));
        }
        // What the feed of the same caller shows is what is told, also of subjects and workers.
        for who in [manager(), other_manager()] {
            let document = "{ events(first: 200) { nodes { position type contract stream { kind id } } } }";
            let nodes = app.ask(&who, document, json!({})).await["events"]["nodes"].clone();
            let mut peer = seen_by(&who, json!({})).await;
            for node in nodes.as_array().expect("events") {
                assert_eq!(&peer.item().await["event"], node);
            }
        }
        for (filter, types) in [
            (
                json!({ "journey": journey, "types": ["ContactLogged", "WorkerAssigned"] }),
                vec!["WorkerAssigned", "ContactLogged"],
            ),
            (json!({ "contract": SHPS, "types": ["ContactLogged"] }), vec!["ContactLogged"]),
            (json!({ "journey": elsewhere }), vec![]),
        ] {
            let mut peer = seen_by(&manager(), filter.clone()).await;
            for expected in types {
                assert_eq!(peer.item().await["event"]["type"], expected, "{filter}");
            }
            // A subscription to what is still to come tells the next, so nothing else was told before.
            peer.begin("next", RECORDED, json!({})).await;
            peer.begin("sync", "{ viewer { role } }", json!({})).await;
            assert_eq!(peer.hear().await["id"], "sync", "{filter}");
        }
        for code in [MST, "nothing"] {
            let refused = seen_by(&manager(), json!({ "contract": code })).await.hear().await;
            assert_eq!(refused["type"], "error", "{code}: {refused}");
            assert_eq!(refused["payload"][0]["extensions"]["code"], "BAD_USER_INPUT", "{code}: {refused}");
        }
        drop(everything);
        server.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_position_only_new_events_are_sent() {
    on_both_stores(async |app| {
        let server = Server::of(app.router()).await;
        let worker = app.add_worker("kw-07").await;
        let mut peer = subscriber(app, &server, &manager()).await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        for (id, document) in [("recorded", RECORDED), ("journey", JOURNEY), ("caseload", CASELOAD)] {
            let before = app.head().await;
            peer.begin(id, document, json!({ "id": journey, "contract": SHPS })).await;
            // An item that comes tells that the subscription has begun.
            let mut told = None;
            while told.is_none() {
                let reference = format!("BR-{}", app.head().await);
                app.take_on(&app.receive_referral("2018-02-01", &reference).await, &worker, "2018-02-02").await;
                let again = json!({ "acceptWarnings": ["RECORDED_ALREADY"] });
                app.log_contact(&manager(), with(call(&journey, "2018-02-27"), again)).await;
                told = futures_util::FutureExt::now_or_never(peer.message()).flatten();
            }
            let item = told.expect("an item")["payload"]["data"].clone();
            let position = item.as_object().expect("data").values().next().expect("an item")["position"].clone();
            assert!(position.as_i64().expect("a position") > before, "{id}: {item}");
            peer = subscriber(app, &server, &manager()).await;
        }
        drop(peer);
        server.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_withdrawn_ends_what_it_was_needed_for() {
    on_both_stores(async |app| {
        let server = Server::of(app.router()).await;
        let (ann, eve) = (app.add_worker("kw-ann").await, app.add_worker("kw-eve").await);
        set_team(app, 1, "2018-01-01", &[&ann]).await;
        set_team(app, 2, "2018-01-01", &[&eve]).await;
        let case = async |reference: &str, worker: &str| {
            let journey = app.receive_referral("2018-02-01", reference).await;
            app.take_on(&journey, worker, "2018-02-02").await;
            journey
        };
        let (own, other) = (case("BR-1", &ann).await, case("BR-2", &eve).await);
        let mut peer = subscriber(app, &server, &keyworker("kw-ann")).await;
        // What is another team's is not there.
        peer.begin("other", JOURNEY, json!({ "id": other })).await;
        assert_eq!(peer.hear().await["payload"][0]["extensions"]["code"], "BAD_USER_INPUT");

        let mut watching = subscriber(app, &server, &keyworker("kw-ann")).await;
        watching.begin("journey", JOURNEY, json!({ "id": own, "after": app.head().await })).await;
        peer.begin("own", CASELOAD, json!({ "contract": SHPS, "keyworker": ann, "after": app.head().await })).await;
        let mut all = subscriber(app, &server, &keyworker("kw-ann")).await;
        all.begin("all", CASELOAD, json!({ "contract": SHPS, "after": app.head().await })).await;
        app.log_contact(&manager(), call(&other, "2018-02-20")).await;
        app.log_contact(&manager(), call(&own, "2018-02-20")).await;
        assert_eq!(watching.item().await["journey"]["id"], own.as_str());
        for peer in [&mut peer, &mut all] {
            assert_eq!(peer.item().await["journey"]["reference"], "BR-1");
        }

        // The case goes to the other team: it leaves the list, and whoever watched it is told nothing more of it.
        let assign = json!({ "journey": own, "worker": eve, "occurredOn": "2018-02-21" });
        app.done(&manager(), "assignWorker", assign).await;
        assert_eq!(watching.hear().await, json!({ "type": "complete", "id": "journey" }));
        let gone = json!({ "position": app.head().await, "journeyId": own, "onCaseload": false, "journey": null });
        for peer in [&mut peer, &mut all] {
            assert_eq!(peer.item().await, gone);
        }
        app.log_contact(&manager(), call(&own, "2018-02-22")).await;
        // A case comes to them: the one after it that they may not know of was not told.
        let assign = json!({ "journey": other, "worker": ann, "occurredOn": "2018-02-22" });
        app.done(&manager(), "assignWorker", assign).await;
        for peer in [&mut peer, &mut all] {
            assert_eq!(peer.item().await["journey"]["reference"], "BR-2");
        }
        // Who has left the service follows nothing.
        leaves(app, &ann, "2018-03-01").await;
        for (peer, id) in [(&mut peer, "own"), (&mut all, "all")] {
            let complete = json!({ "type": "complete", "id": id });
            let mut told = peer.hear().await;
            while told != complete {
                assert_eq!(told["type"], "next", "{told}");
                told = peer.hear().await;
            }
        }
        drop((peer, watching, all));
        server.end().await;
    })
    .await;
}

/// Every subscription, and the roles that may open it.
fn roots(journey: &str) -> [(String, &'static [Role]); 3] {
    use Role::{Auditor, Commissioner, Integrator, Keyworker, Manager};
    [
        ("subscription { eventRecorded(after: 0) { position } }".to_owned(), &[Manager, Auditor, Integrator]),
        (
            format!("subscription {{ journeyChanged(id: \"{journey}\", after: 0) {{ position }} }}"),
            &[Keyworker, Manager, Commissioner, Auditor, Integrator],
        ),
        (
            "subscription { caseloadChanged(contract: \"shps\", after: 0) { position } }".to_owned(),
            &[Keyworker, Manager, Commissioner, Auditor, Integrator],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_follows_what_it_may_read() {
    on_both_stores(async |app| {
        let server = Server::of(app.router()).await;
        let worker = app.add_worker("kw-07").await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        app.take_on(&journey, &worker, "2018-02-02").await;
        for role in Role::ALL {
            // A keyworker follows what they hold.
            let login = if role == Role::Keyworker { "kw-07" } else { "somebody" };
            let mut peer = subscriber(app, &server, &test_caller(role, login, &[SHPS])).await;
            for (nth, (document, roles)) in roots(&journey).into_iter().enumerate() {
                peer.begin(&nth.to_string(), &document, json!({})).await;
                let answer = peer.hear().await;
                let allowed = answer["type"] == "next";
                assert_eq!(allowed, roles.contains(&role), "{role}: {document}: {answer}");
                let code = &answer["payload"][0]["extensions"]["code"];
                assert!(allowed || code == "FORBIDDEN", "{role}: {document}: {answer}");
                peer.complete(&nth.to_string()).await;
                // What was under way is read to its end.
                peer.begin("sync", "{ viewer { role } }", json!({})).await;
                while peer.hear().await != json!({ "type": "complete", "id": "sync" }) {}
            }
        }
        server.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_not_possible_is_an_error_that_shows_nothing_of_other_contracts() {
    on_both_stores(async |app| {
        let server = Server::of(app.router()).await;
        let elsewhere = app.journey_elsewhere().await;
        let mut peer = subscriber(app, &server, &manager()).await;
        let mut refused = async |document: &str, variables: Value| {
            peer.begin("1", document, variables).await;
            let error = peer.hear().await;
            assert_eq!(error["type"], "error", "{error}");
            assert_eq!(error["payload"][0]["extensions"]["code"], "BAD_USER_INPUT", "{error}");
            text(&error["payload"][0]["message"])
        };
        let there = refused(JOURNEY, json!({ "id": elsewhere })).await;
        assert_eq!(there, refused(JOURNEY, json!({ "id": new_id() })).await);
        let there = refused(CASELOAD, json!({ "contract": MST })).await;
        assert_eq!(there, refused(CASELOAD, json!({ "contract": "nowhere" })).await);
        let head = app.head().await;
        let beyond = refused(RECORDED, json!({ "after": head + 1 })).await;
        assert!(beyond.starts_with(&format!("the log ends at position {head}")), "{beyond}");
        let unknown = refused(RECORDED, json!({ "filter": { "types": ["ContactKept"] } })).await;
        assert!(unknown.contains("ContactKept"), "{unknown}");
        drop(peer);
        server.end().await;
    })
    .await;
}

/// Writes so many events, many at once.
async fn write(app: &TestApp, field: &Field, journeys: &[JourneyId], events: usize) {
    const AT_ONCE: usize = 50;
    for begun in (0..events).step_by(AT_ONCE) {
        let contacts = (begun..events.min(begun + AT_ONCE)).map(|nth| field.contact(journeys[nth % journeys.len()]));
        for done in join_all(contacts.map(|contact| app.fresh.recorder.append(contact))).await {
            done.expect("it is appended");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_cut_fifty_times_while_ten_thousand_events_are_written_sees_each_once_and_in_order() {
    const CUTS: u64 = 50;
    const EVENTS: usize = 10_000;
    from_the_instant("2018-02-01T09:00:00Z", async |app| {
        let field = Field::of("cut fifty times");
        let journeys = field.journeys(&app.fresh.recorder, 20).await;
        let server = Server::of(app.router()).await;
        let begin = app.head().await;
        let end = begin + i64::try_from(EVENTS).expect("not so many");
        // Who may see one contract, so that it is asked of each event whether they may know of it.
        let who = test_caller(Role::Auditor, "auditor", &[SHPS]);
        let listening = async {
            let (mut seen, mut cuts) = (Vec::new(), 0);
            let mut last = begin;
            while last < end {
                let mut peer = subscriber(app, &server, &who).await;
                peer.begin("1", RECORDED, json!({ "after": last })).await;
                // Some cuts come at once, and in all of them messages are on their way.
                let before_the_cut = if cuts < CUTS { field.below(10_000 / CUTS) } else { u64::MAX };
                for _ in 0..before_the_cut {
                    if last == end {
                        break;
                    }
                    last = peer.item().await["position"].as_i64().expect("a position");
                    seen.push(last);
                }
                cuts += 1;
                // Dropped, not closed: the connection is simply gone.
                drop(peer);
            }
            (seen, cuts)
        };
        let ((seen, cuts), ()) = tokio::join!(listening, write(app, &field, &journeys, EVENTS));
        assert!(seen.into_iter().eq(begin + 1..=end), "every event once, in order");
        assert!(cuts >= CUTS, "it was cut {cuts} times");
        server.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_another_process_appends_are_sent_too() {
    on_both_stores(async |here| {
        // A file belongs to one process; only Postgres has several.
        if here.fresh.log.store().dialect() != Dialect::Postgres {
            return;
        }
        let server = Server::of(here.router()).await;
        let mut peer = subscriber(here, &server, &manager()).await;
        let journey = here.receive_referral("2018-02-01", "BR-1").await;
        let head = here.head().await;
        peer.begin("recorded", RECORDED, json!({ "after": head })).await;
        peer.begin("journey", JOURNEY, json!({ "id": journey, "after": head })).await;
        let there = Elsewhere::beside(here).await;
        let id = JourneyId(journey.parse().expect("an id"));
        there.recorder.append(Field::of("another process").contact(id)).await.expect("it is appended");
        let mut told: Vec<String> = Vec::new();
        for _ in 0..2 {
            told.push(text(&peer.hear().await["id"]));
        }
        told.sort_unstable();
        assert_eq!(told, ["journey", "recorded"]);
        there.end().await;
        drop(peer);
        server.end().await;
    })
    .await;
}

/// Another process over the same database.
struct Elsewhere {
    log: Log,
    views: Views,
    recorder: Recorder,
    appending: tokio::task::JoinHandle<()>,
}

impl Elsewhere {
    async fn beside(app: &TestApp) -> Self {
        let store = Store::open(app.fresh.url(), Mode::Write).await.expect("the store opens");
        let log = Log::open(Arc::new(store)).await.expect("the log opens");
        let views = Views::open(log.clone(), throughline::queries::statements).await.expect("the view opens");
        let (clock, chance) = (Arc::clone(&app.fresh.clock), Arc::new(Chance::System));
        let started = Recorder::start(log.clone(), views.clone(), clock, chance).await;
        let (recorder, appending) = started.expect("the recorder starts");
        Self { log, views, recorder, appending }
    }

    async fn end(self) {
        drop(self.recorder);
        self.appending.await.expect("it ends");
        self.views.live().close().await;
        self.log.store().close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_server_sent_events_and_resume_alike() {
    on_both_stores(async |app| {
        let server = Server::of(app.router()).await;
        let head = app.head().await;
        let token = app.token(&test_caller(Role::Auditor, "auditor", &[]));
        let mut events = Events::at(&server.address, &token, RECORDED, json!({ "after": 1 })).await;
        for position in 2..=head {
            assert_eq!(events.next().await.expect("an event")["data"]["eventRecorded"]["position"], position);
        }
        drop(events);
        let mut events = Events::at(&server.address, &token, RECORDED, json!({ "after": head })).await;
        app.add_worker("kw-07").await;
        let told = events.next().await.expect("an event");
        assert_eq!(told["data"]["eventRecorded"]["event"]["type"], "WorkerJoined");
        assert_eq!(told["extensions"]["cost"]["allowed"], 100_000);
        server.end().await;
        assert_eq!(events.next().await, None, "it ends with the service");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_followed_ends_when_the_service_stops() {
    on_both_stores(async |app| {
        let server = Server::of(app.router()).await;
        let mut peer = subscriber(app, &server, &manager()).await;
        peer.begin("1", RECORDED, json!({ "after": 0 })).await;
        peer.item().await;
        let mut events = Events::at(&server.address, &app.token(&manager()), RECORDED, json!({ "after": 0 })).await;
        events.next().await.expect("an event");
        let listening = async {
            while peer.message().await.is_some() {}
            while events.next().await.is_some() {}
        };
        tokio::join!(server.end(), listening);
    })
    .await;
}
