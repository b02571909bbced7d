//! Whose cases somebody sees and writes: relations over every door, and rights that are withdrawn, on both stores.
//!
//! A journey outside is answered like one that does not exist, byte for byte but for its id.

use serde_json::{Value, json};
use throughline::access::{Principal, Role};
use throughline::log::append::Expected;
use throughline::record::{CommandRequest, RecordError};
use throughline_domain::command::Command;
use throughline_domain::fact::envelope::{CommandId, JourneyId, Occurred, StreamId, TeamId, WorkerId};
use throughline_domain::fact::event::{ContactLogged, TeamSet, WorkerAssigned, WorkerLeft};
use uuid::Uuid;

use crate::access::about_a_journey;
use crate::app::{
    SHPS, TODAY, TestApp, call, keyworker, manager, new_id, on_both_stores, refusals, test_caller, text, with,
};

/// The workers of the first contract and the cases they hold.
struct Service<'a> {
    app: &'a TestApp,
    ann: String,
    eve: String,
    /// Held by Ann; by Bob, of her team; by nobody; by Eve, of another team; by Eve, with Ann as mentor.
    own: String,
    team: String,
    unassigned: String,
    other: String,
    mentored: String,
}

pub(crate) fn id(text: &str) -> Uuid {
    text.parse().expect("an id")
}

/// Records as a manager of the deployment that these workers are the team of this number from a day on.
pub(crate) async fn set_team(app: &TestApp, number: u128, on: &str, members: &[&str]) {
    let fact = TeamSet {
        label: format!("Team {number}"),
        members: members.iter().map(|worker| WorkerId(id(worker))).collect(),
    };
    let team = StreamId::team(TeamId(Uuid::from_u128(0x7ea0 + number)));
    let occurred = Occurred::on(on.parse().expect("a day"));
    app.fresh.record(Command::record_fact(team, occurred, fact)).await.expect("the team is set");
}

/// Records that a worker has left.
pub(crate) async fn leaves(app: &TestApp, worker: &str, on: &str) {
    let occurred = Occurred::on(on.parse().expect("a day"));
    let command = Command::record_fact(StreamId::worker(WorkerId(id(worker))), occurred, WorkerLeft {});
    app.fresh.record(command).await.expect("the worker leaves");
}

impl<'a> Service<'a> {
    async fn with_teams(app: &'a TestApp) -> Self {
        let [ann, bob, eve] =
            [app.add_worker("kw-ann").await, app.add_worker("kw-bob").await, app.add_worker("kw-eve").await];
        set_team(app, 1, "2018-01-01", &[&ann, &bob]).await;
        set_team(app, 2, "2018-01-01", &[&eve]).await;
        let case = async |reference: &str, worker: Option<&str>| {
            let journey = app.receive_referral("2018-02-01", reference).await;
            app.done(&manager(), "acceptReferral", json!({ "journey": journey, "occurredOn": "2018-02-02" })).await;
            if let Some(worker) = worker {
                let input = json!({ "journey": journey, "worker": worker, "occurredOn": "2018-02-02" });
                app.done(&manager(), "assignWorker", input).await;
            }
            journey
        };
        let own = case("BR-1", Some(&ann)).await;
        let team = case("BR-2", Some(&bob)).await;
        let unassigned = case("BR-3", None).await;
        let other = case("BR-4", Some(&eve)).await;
        let mentored = case("BR-5", Some(&eve)).await;
        let service = Self { app, ann, eve, own, team, unassigned, other, mentored };
        service.assign(&service.mentored, &service.ann, "mentor").await;
        service
    }

    async fn assign(&self, journey: &str, worker: &str, role: &str) {
        let input = json!({ "journey": journey, "worker": worker, "role": role, "occurredOn": "2018-02-20" });
        self.app.done(&manager(), "assignWorker", input).await;
    }

    /// The references that somebody is listed, by each list there is.
    async fn listed(&self, who: &Principal) -> Vec<String> {
        let document = "{ journeys { totalCount nodes { reference } } contract(code: \"shps\") { \
                        journeys { totalCount edges { node { reference } } } \
                        caseload { totalCount nodes { reference } } } }";
        let data = self.app.ask(who, document, json!({})).await;
        let references = |list: &Value| -> Vec<String> {
            list.as_array().expect("a list").iter().map(|node| text(&node["reference"])).collect()
        };
        let everywhere = references(&data["journeys"]["nodes"]);
        let contract = &data["contract"];
        assert_eq!(references(&contract["caseload"]["nodes"]), everywhere);
        let edges = contract["journeys"]["edges"].as_array().expect("edges");
        assert_eq!(edges.iter().map(|edge| text(&edge["node"]["reference"])).collect::<Vec<_>>(), everywhere);
        for list in [&data["journeys"], &contract["journeys"], &contract["caseload"]] {
            assert_eq!(list["totalCount"], everywhere.len());
        }
        everywhere
    }

    /// Whether somebody reads a journey, by every door there is.
    async fn reads(&self, who: &Principal, journey: &str) -> bool {
        let document = "query($id: UUID!, $node: ID!, $filter: JourneyFilter!) { journey(id: $id) { id } \
                        node(id: $node) { id } nodes(ids: [$node]) { id } journeys(filter: $filter) { totalCount } }";
        let read = self
            .app
            .ask(
                &manager(),
                "query($id: UUID!) { journey(id: $id) { reference subject { id } } }",
                json!({ "id": journey }),
            )
            .await;
        let reference = read["journey"]["reference"].clone();
        let filter = json!({ "externalReference": { "system": "council", "id": reference } });
        let variables = json!({ "id": journey, "node": journey, "filter": filter });
        let data = self.app.ask(who, document, variables).await;
        let found = !data["journey"].is_null();
        assert_eq!(!data["node"].is_null(), found, "node: {data}");
        assert_eq!(!data["nodes"][0].is_null(), found, "nodes: {data}");
        assert_eq!(data["journeys"]["totalCount"], i32::from(found), "journeys: {data}");
        let subject = json!({ "id": read["journey"]["subject"]["id"] });
        let data = self.app.ask(who, "query($id: ID!) { node(id: $id) { id } }", subject).await;
        assert_eq!(!data["node"].is_null(), found, "subject: {data}");
        found
    }

    /// Whether somebody may write, by every kind of command; what is refused reads as if the journey were not there.
    async fn writes(&self, who: &Principal, journey: &str) -> bool {
        let logged = self.app.tell(who, "logContact", call(journey, TODAY)).await;
        let written = refusals(&logged).is_empty();
        assert_eq!(!logged["journey"].is_null(), written, "{logged}");
        let target = new_id();
        let commands = [
            ("agreePlan", json!({ "kind": "no such plan" })),
            (
                "correctFact",
                json!({ "target": target, "replacement": { "plan": { "kind": "php" } }, "reason": "a slip" }),
            ),
            ("retractFact", json!({ "targets": [target], "reason": "a slip" })),
            ("logContact", json!({ "channel": "phone", "expectedVersion": 99 })),
            ("logContact", json!({ "channel": "phone", "twoWay": true, "dryRun": true })),
        ];
        for (mutation, input) in commands {
            let input = |of: &str| with(json!({ "journey": of }), input.clone());
            let there = self.app.told(who, mutation, input(journey)).await;
            let is_outside = there.body.contains("JOURNEY_NOT_FOUND");
            assert_eq!(is_outside, !written, "{mutation}: {}", there.body);
            if is_outside {
                let unknown = new_id();
                let nowhere = self.app.told(who, mutation, input(&unknown)).await;
                assert_eq!(there.body.replace(journey, "ID"), nowhere.body.replace(&unknown, "ID"), "{mutation}");
            }
        }
        written
    }

    /// Whether somebody is answered, whatever they ask or send, that they are no worker of the service.
    async fn is_nobodys(&self, who: &Principal, journey: &str) -> bool {
        let questions = [
            "query($id: UUID!) { journey(id: $id) { id } }",
            "query($id: UUID!) { journeys(filter: { subject: $id }) { totalCount } }",
            "query($id: UUID!) { team(id: $id) { id } contract(code: \"shps\") { caseloadByKeyworker { journeys } } }",
        ];
        for question in questions {
            let answer = self.app.answer(who, question, json!({ "id": journey })).await;
            let codes = answer.codes();
            if codes.is_empty() || codes.iter().any(|code| code != "WORKER_UNKNOWN") {
                return false;
            }
            assert!(!answer.body.contains(journey), "{}", answer.body);
        }
        let viewer = self.app.ask(who, "{ viewer { subject worker { id } } }", json!({})).await;
        assert_eq!(viewer["viewer"], json!({ "subject": who.subject, "worker": null }));
        let sent = [
            ("logContact", call(journey, TODAY)),
            ("acceptReferral", json!({ "journey": journey })),
            ("receiveReferral", json!({ "contract": SHPS, "area": "brent" })),
        ];
        for (mutation, input) in sent {
            let told = self.app.tell(who, mutation, input).await;
            assert!(told["journey"].is_null() && told["position"].is_null(), "{told}");
            if refusals(&told) != ["WORKER_UNKNOWN"] {
                return false;
            }
        }
        true
    }

    async fn sees(&self, who: &Principal, journey: &str) -> bool {
        let reads = self.reads(who, journey).await;
        assert_eq!(self.writes(who, journey).await, reads, "what is read is written");
        reads
    }
}

#[tokio::test]
async fn a_keyworker_sees_their_own_cases_their_teams_and_unassigned_ones() {
    on_both_stores(async |app| {
        let service = Service::with_teams(app).await;
        let ann = keyworker("kw-ann");
        assert_eq!(service.listed(&ann).await, ["BR-1", "BR-2", "BR-3", "BR-5"]);
        for journey in [&service.own, &service.team, &service.unassigned, &service.mentored] {
            assert!(service.sees(&ann, journey).await);
        }
        assert!(!service.sees(&ann, &service.other).await);
        assert_eq!(service.listed(&keyworker("kw-eve")).await, ["BR-3", "BR-4", "BR-5"]);
        assert_eq!(service.listed(&manager()).await, ["BR-1", "BR-2", "BR-3", "BR-4", "BR-5"]);
        // Counts over the contract are the contract's, for whoever reads performance.
        let document = "{ contract(code: \"shps\") { caseloadByKeyworker { group { label } journeys } } }";
        let board = app.ask(&ann, document, json!({})).await;
        assert_eq!(board, app.ask(&manager(), document, json!({})).await);
        let of_eve = json!({ "keyworker": service.eve });
        let document = "query($keyworker: UUID!) { contract(code: \"shps\") { caseload(keyworker: $keyworker) { \
                        totalCount nodes { reference } } } }";
        let data = app.ask(&ann, document, of_eve).await;
        let listed = json!({ "totalCount": 1, "nodes": [{ "reference": "BR-5" }] });
        assert_eq!(data["contract"]["caseload"], listed, "of Eve's cases Ann sees the one she is mentor in");
    })
    .await;
}

#[tokio::test]
async fn a_service_without_teams_is_one_team() {
    on_both_stores(async |app| {
        let [ann, bob] = [app.add_worker("kw-ann").await, app.add_worker("kw-bob").await];
        let [one, other] =
            [app.receive_referral("2018-02-01", "BR-1").await, app.receive_referral("2018-02-01", "BR-2").await];
        app.take_on(&one, &ann, "2018-02-02").await;
        app.take_on(&other, &bob, "2018-02-02").await;
        let service = Service {
            app,
            own: one.clone(),
            team: other.clone(),
            unassigned: String::new(),
            other: String::new(),
            mentored: String::new(),
            ann,
            eve: String::new(),
        };
        assert_eq!(service.listed(&keyworker("kw-ann")).await, ["BR-1", "BR-2"]);
        assert!(service.sees(&keyworker("kw-ann"), &other).await);
        assert!(service.is_nobodys(&keyworker("kw-nobody"), &other).await);
        // Whoever is in a team works with that team.
        set_team(app, 1, "2018-02-03", &[&service.ann]).await;
        assert!(!service.sees(&keyworker("kw-ann"), &other).await);
        // Once there is a team, whoever is in none has what is theirs and what is nobody's.
        assert!(!service.sees(&keyworker("kw-bob"), &one).await);
        assert_eq!(service.listed(&keyworker("kw-bob")).await, ["BR-2"]);
        // To leave it never widens what one sees.
        set_team(app, 1, TODAY, &[]).await;
        assert_eq!(service.listed(&keyworker("kw-ann")).await, ["BR-1"]);
    })
    .await;
}

#[tokio::test]
async fn a_right_that_is_withdrawn_is_gone_with_the_next_request() {
    on_both_stores(async |app| {
        let service = Service::with_teams(app).await;
        let (ann, own) = (keyworker("kw-ann"), &service.own);
        let command = with(call(own, TODAY), json!({ "commandId": new_id() }));
        app.log_contact(&ann, command.clone()).await;
        assert!(service.sees(&ann, own).await);
        service.assign(own, &service.eve, "keyworker").await;
        assert!(!service.sees(&ann, own).await);
        let again = app.told(&ann, "logContact", command.clone()).await;
        assert!(again.body.contains("JOURNEY_NOT_FOUND") && !again.body.contains("ContactLogged"), "{}", again.body);
        assert_eq!(
            app.tell(&manager(), "logContact", with(command, json!({ "commandId": new_id() }))).await["replayed"],
            false
        );

        set_team(app, 1, "2018-02-03", &[&service.ann]).await;
        assert!(!service.sees(&ann, &service.team).await, "Bob is no longer of the team");
        let release = json!({ "journey": service.mentored, "worker": service.ann, "role": "mentor" });
        app.done(&manager(), "releaseWorker", release).await;
        assert!(!service.sees(&ann, &service.mentored).await);
        assert_eq!(service.listed(&ann).await, ["BR-3"]);

        // What Eve held is nobody's from the day on which she has left.
        leaves(app, &service.eve, TODAY).await;
        assert_eq!(service.listed(&ann).await, ["BR-1", "BR-3", "BR-4", "BR-5"]);
        assert!(service.sees(&ann, &service.other).await);
        assert!(service.is_nobodys(&keyworker("kw-eve"), &service.unassigned).await, "whoever has left sees nothing");
    })
    .await;
}

#[tokio::test]
async fn a_worker_who_has_left_holds_no_case_on_any_board_from_that_day_on() {
    on_both_stores(async |app| {
        let service = Service::with_teams(app).await;
        leaves(app, &service.eve, "2018-02-26").await;
        let document = "query($asOf: Date!) { contract(code: \"shps\", at: { asOf: $asOf }) { \
                        caseloadByKeyworker { group { label } journeys } \
                        byKeyworker: contactRecency(by: KEYWORKER, measure: KEYWORKER) { group { label } total unassigned } \
                        byTeam: contactRecency(by: TEAM) { group { label team } total } \
                        unassigned: caseload(unassigned: true) { nodes { reference keyworker { label } } } } }";
        let board = async |as_of: &str| app.ask(&manager(), document, json!({ "asOf": as_of })).await["contract"].clone();
        let counts = |rows: &Value, of: &str| -> Vec<(String, u64)> {
            let rows = rows.as_array().expect("rows").iter();
            rows.map(|row| (text(&row["group"]["label"]), row[of].as_u64().expect("a count"))).collect()
        };
        let told = |rows: &[(&str, u64)]| rows.iter().map(|(of, count)| ((*of).to_owned(), *count)).collect::<Vec<_>>();
        let before = board("2018-02-25").await;
        let held = told(&[("KW-ANN", 1), ("KW-BOB", 1), ("KW-EVE", 2), ("Unassigned", 1)]);
        assert_eq!(counts(&before["caseloadByKeyworker"], "journeys"), held);
        assert_eq!(counts(&before["byKeyworker"], "total"), held);
        let teams = told(&[("Team 1", 2), ("Team 2", 2), ("No team", 0), ("Unassigned", 1)]);
        assert_eq!(counts(&before["byTeam"], "total"), teams);
        assert_eq!(before["unassigned"]["nodes"], json!([{ "reference": "BR-3", "keyworker": null }]));

        let after = board("2018-02-26").await;
        let held = told(&[("KW-ANN", 1), ("KW-BOB", 1), ("Unassigned", 3)]);
        assert_eq!(counts(&after["caseloadByKeyworker"], "journeys"), held);
        assert_eq!(counts(&after["byKeyworker"], "total"), held);
        assert_eq!(counts(&after["byKeyworker"], "unassigned")[2].1, 3);
        assert_eq!(counts(&after["byTeam"], "total"), told(&[("Team 1", 2), ("No team", 0), ("Unassigned", 3)]));
        let nobodys = ["BR-3", "BR-4", "BR-5"].map(|reference| json!({ "reference": reference, "keyworker": null }));
        assert_eq!(after["unassigned"]["nodes"], json!(nobodys));
    })
    .await;
}

#[tokio::test]
async fn a_command_right_behind_a_reassignment_is_judged_by_the_log_and_not_by_the_view() {
    on_both_stores(async |app| {
        let service = Service::with_teams(app).await;
        let journey = StreamId::journey(JourneyId(id(&service.own)));
        let instruct = |who: Principal, command: Command| CommandRequest {
            accept_warnings: throughline_domain::fact::refusal::RefusalCode::WARNINGS
                .iter()
                .map(|code| code.as_str().to_owned())
                .collect(),
            dry_run: false,
            principal: who,
            command_id: CommandId(id(&new_id())),
            body: Vec::new(),
            expected: Expected::Any,
            source: None,
            command,
        };
        let today = Occurred::on(TODAY.parse().expect("a day"));
        let assign = |worker: &str| {
            let fact = WorkerAssigned { worker: WorkerId(id(worker)), role: "keyworker".to_owned(), until: None };
            instruct(manager(), Command::record_fact(journey, today, fact))
        };
        let contact = ContactLogged { worker: None, ..throughline_domain::world::contact() };
        let call = || instruct(keyworker("kw-ann"), Command::record_fact(journey, today, contact.clone()));
        let recorder = &app.fresh.recorder;
        for round in 0..10 {
            recorder.append(assign(&service.eve)).await.expect("a manager assigns");
            // Nobody has waited for the view.
            let refused = recorder.append(call()).await;
            assert!(matches!(refused, Err(RecordError::Refused(_))), "round {round}: {refused:?}");
            recorder.append(assign(&service.ann)).await.expect("a manager assigns");
            recorder.append(call()).await.unwrap_or_else(|error| panic!("round {round}: {error:?}"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_referral_is_open_to_all_workers_until_one_is_assigned() {
    on_both_stores(async |app| {
        let service = Service::with_teams(app).await;
        let ann = keyworker("kw-ann");
        let references = json!([{ "system": "council", "id": "BR-9" }]);
        let input = json!({
            "contract": SHPS, "area": "brent", "occurredOn": "2018-02-20", "externalReferences": references,
        });
        let received = app.done(&ann, "receiveReferral", with(input.clone(), json!({ "commandId": new_id() }))).await;
        let journey = text(&received["journey"]["id"]);
        assert!(service.sees(&keyworker("kw-eve"), &journey).await);
        app.done(&keyworker("kw-eve"), "acceptReferral", json!({ "journey": journey })).await;
        let taken = json!({ "journey": journey, "worker": service.eve });
        let payload = app.done(&ann, "assignWorker", taken).await;
        assert!(payload["journey"].is_null(), "what Ann gave away is no longer hers: {payload}");
        assert!(!service.sees(&ann, &journey).await);
        // The id of a case that is not theirs is no way to learn of it.
        let again = with(input, json!({ "journey": service.other }));
        let refused = app.tell(&ann, "receiveReferral", again).await;
        assert_eq!(refusals(&refused), ["JOURNEY_NOT_FOUND"], "{refused}");
    })
    .await;
}

#[tokio::test]
async fn a_subjects_facts_are_for_those_who_have_a_case_of_theirs() {
    on_both_stores(async |app| {
        let service = Service::with_teams(app).await;
        let document = "query($id: UUID!) { journey(id: $id) { subject { id } } }";
        let subject =
            app.ask(&manager(), document, json!({ "id": service.other })).await["journey"]["subject"]["id"].clone();
        let [ann, eve] = [keyworker("kw-ann"), keyworker("kw-eve")];
        let consent = json!({ "subject": subject, "purpose": "evaluation" });
        let refused = app.told(&ann, "giveConsent", consent.clone()).await;
        let unknown = json!({ "subject": new_id(), "purpose": "evaluation" });
        assert_eq!(refused.body, app.told(&ann, "giveConsent", unknown).await.body);
        assert!(refused.body.contains("SUBJECT_NOT_FOUND"), "{}", refused.body);
        app.done(&eve, "giveConsent", consent).await;
        let elsewhere = test_caller(Role::Manager, "elsewhere", &[crate::app::MST]);
        let refused =
            app.told(&elsewhere, "withdrawConsent", json!({ "subject": subject, "purpose": "evaluation" })).await;
        assert!(refused.body.contains("SUBJECT_NOT_FOUND"), "{}", refused.body);
    })
    .await;
}

#[tokio::test]
async fn a_viewer_can_ask_beforehand_what_they_may_record() {
    on_both_stores(async |app| {
        let service = Service::with_teams(app).await;
        let document = "query($id: UUID!) { journey(id: $id) { viewerCan { logContact { allowed reason } \
                        acceptReferral { allowed reason } closeJourney { allowed } reopenJourney { allowed reason } \
                        recordAchievement { allowed } correctFact { allowed } } } }";
        let can = async |who: &Principal| {
            let data = app.ask(who, document, json!({ "id": service.own })).await;
            data["journey"]["viewerCan"].clone()
        };
        let ann = can(&keyworker("kw-ann")).await;
        assert_eq!(ann["logContact"], json!({ "allowed": true, "reason": null }));
        assert_eq!(
            (&ann["acceptReferral"]["allowed"], &ann["reopenJourney"]["allowed"]),
            (&json!(false), &json!(false))
        );
        assert_eq!((&ann["closeJourney"]["allowed"], &ann["correctFact"]["allowed"]), (&json!(true), &json!(true)));
        let auditor = can(&test_caller(Role::Auditor, "auditor", &[SHPS])).await;
        let reason = "the role auditor may not record facts: use a token with another role";
        assert_eq!(auditor["logContact"], json!({ "allowed": false, "reason": reason }));

        let close = json!({ "journey": service.own, "reason": "housed", "occurredOn": "2018-02-27" });
        app.done(&manager(), "closeJourney", close).await;
        let closed = can(&keyworker("kw-ann")).await;
        assert_eq!(closed["logContact"]["allowed"], true, "a contact of a day before the close");
        app.log_contact(&keyworker("kw-ann"), call(&service.own, "2018-02-27")).await;
        let refused = app.tell(&keyworker("kw-ann"), "logContact", call(&service.own, TODAY)).await;
        assert_eq!(closed["logContact"]["reason"], refused["problems"][0]["message"]);
        assert_eq!(
            (&closed["reopenJourney"]["allowed"], &closed["closeJourney"]["allowed"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(
            (&closed["recordAchievement"]["allowed"], &closed["correctFact"]["allowed"]),
            (&json!(true), &json!(true))
        );
    })
    .await;
}

/// Codes that say that the state of the case is in the way, whatever a command says.
const OF_THE_STATE: [&str; 7] = [
    "ALREADY_ACCEPTED",
    "REFERRAL_DECLINED",
    "REFERRAL_WITHDRAWN",
    "ALREADY_CLOSED",
    "NOT_CLOSED",
    "JOURNEY_CLOSED",
    "NOT_REFERRED",
];

#[tokio::test]
async fn the_answer_to_a_viewer_beforehand_equals_the_answer_to_the_command() {
    on_both_stores(async |app| {
        let mut journeys = Vec::new();
        for reference in ["waiting", "on the caseload", "closed", "declined", "withdrawn", "reopened"] {
            journeys.push((reference, app.receive_referral("2018-02-01", reference).await));
        }
        let steps: [&[(&str, Value)]; 6] = [
            &[],
            &[("acceptReferral", json!({}))],
            &[("acceptReferral", json!({})), ("closeJourney", json!({ "reason": "housed" }))],
            &[("declineReferral", json!({ "reason": "not_eligible" }))],
            &[("withdrawReferral", json!({ "reason": "moved_away" }))],
            &[
                ("acceptReferral", json!({})),
                ("closeJourney", json!({ "reason": "housed" })),
                ("reopenJourney", json!({ "reason": "came back" })),
            ],
        ];
        let asked: Vec<String> =
            about_a_journey().iter().map(|(mutation, _)| format!("{mutation} {{ allowed reason }}")).collect();
        let document = format!("query($id: UUID!) {{ journey(id: $id) {{ viewerCan {{ {} }} }} }}", asked.join(" "));
        for ((state, journey), steps) in journeys.iter().zip(steps) {
            for (mutation, input) in steps {
                let of = json!({ "journey": journey, "occurredOn": "2018-02-10" });
                app.done(&manager(), mutation, with(of, input.clone())).await;
            }
            let data = app.ask(&manager(), &document, json!({ "id": journey })).await;
            for (mutation, input) in about_a_journey() {
                let input = with(json!({ "journey": journey, "dryRun": true }), input);
                let codes = refusals(&app.tell(&manager(), mutation, input.clone()).await);
                let told = &data["journey"]["viewerCan"][mutation];
                let in_the_way = |codes: &[String]| codes.iter().any(|code| OF_THE_STATE.contains(&code.as_str()));
                if told["allowed"] == true && told["reason"].is_null() {
                    assert!(!in_the_way(&codes), "{state}: {mutation} {told} {codes:?}");
                } else if told["allowed"] == true {
                    let by_then = with(input, json!({ "occurredOn": "2018-02-10" }));
                    let then = refusals(&app.tell(&manager(), mutation, by_then).await);
                    assert!(!codes.is_empty() && !in_the_way(&then), "{state}: {mutation} {told} {codes:?} {then:?}");
                } else {
                    assert!(!codes.is_empty() && told["reason"].is_string(), "{state}: {mutation} {told}");
                }
            }
        }
    })
    .await;
}
