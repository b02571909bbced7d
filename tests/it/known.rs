//! As known then: a contract as the log told it up to a position, and nothing from beyond, on both stores.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use throughline::demo::{CONTINUES_AT, SEED, Size, Story, documented_journey, play};
use throughline::store::Dialect;
use throughline::views::rebuild::Options;
use throughline::views::snapshots::KnownPart;
use throughline::views::{ViewError, Views};
use throughline_domain::command::{Command, CorrectFact};
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::{EventId, Occurred, Position, StreamId, WorkerId};
use throughline_domain::fact::event::WorkerJoined;

use crate::app::{
    SHPS, TODAY, TestApp, administrator, call, from_the_instant, instant, keyworker, manager, on_both_stores, text,
};
use crate::rebuild::left;
use crate::relations::{id, set_team};
use crate::stores::Fresh;
use crate::wait::{PATIENCE, until_views};

/// Asks of the first contract as of a point in time.
async fn at(app: &TestApp, who: &throughline::access::Principal, at: &Value, fields: &str) -> Value {
    let document = format!("query($at: ContractAt) {{ contract(code: \"shps\", at: $at) {{ {fields} }} }}");
    app.ask_as_known(who, &document, json!({ "at": at })).await["contract"].clone()
}

/// Every case on the caseload with its days since contact.
async fn days(app: &TestApp, point: &Value) -> BTreeMap<String, Value> {
    let (mut found, mut after) = (BTreeMap::new(), Value::Null);
    loop {
        let cursor = after.as_str().map(|after| format!(", after: \"{after}\"")).unwrap_or_default();
        let fields = format!(
            "caseload(first: 200{cursor}) {{ nodes {{ id daysSinceContact }} pageInfo {{ hasNextPage endCursor }} }}"
        );
        let page = at(app, &manager(), point, &fields).await["caseload"].clone();
        for node in page["nodes"].as_array().expect("nodes") {
            found.insert(text(&node["id"]), node["daysSinceContact"].clone());
        }
        if page["pageInfo"]["hasNextPage"] == false {
            return found;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

/// The rows of the board by area: what stands in each bucket, and the rest.
async fn board(app: &TestApp, point: &Value) -> Vec<u64> {
    let fields = "contactRecency(by: AREA) { buckets { journeys } none dateImprecise }";
    let rows = at(app, &manager(), point, fields).await["contactRecency"].clone();
    let mut sums = Vec::new();
    for row in rows.as_array().expect("rows") {
        let counts = row["buckets"].as_array().expect("buckets").iter().map(|bucket| &bucket["journeys"]);
        let counts = counts.chain([&row["none"], &row["dateImprecise"]]).map(|count| count.as_u64().expect("a count"));
        let counts: Vec<u64> = counts.collect();
        sums.resize(counts.len(), 0);
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    sums
}

/// The same, counted case by case: the edges are the rulebook's.
fn counted(days: &BTreeMap<String, Value>) -> Vec<u64> {
    let mut counts = vec![0; 7];
    for days in days.values() {
        let row = match days.as_u64() {
            Some(days) => [7, 14, 21, 27].iter().position(|edge| days <= *edge).unwrap_or(4),
            None => 5,
        };
        counts[row] += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_before_and_after_late_contacts_differs_by_exactly_them() {
    from_the_instant(&CONTINUES_AT.to_rfc3339(), async |app| {
        let story = Story::new(SEED, Size::OneIn(12));
        let played = play(&app.fresh.recorder, &app.fresh.clock, &story).await.expect("the story is played");
        app.it_is(&CONTINUES_AT.to_rfc3339());
        assert!(app.fresh.views.passed(played.position, PATIENCE).await, "the view does not follow");
        let then = |on: &str| json!({ "asOf": "2018-02-23", "knownOn": on });
        let (before, after) = (days(app, &then("2018-02-23")).await, days(app, &then("2018-02-25")).await);
        assert_eq!(board(app, &then("2018-02-23")).await, counted(&before));
        assert_eq!(board(app, &then("2018-02-25")).await, counted(&after));

        let document = documented_journey().to_string();
        let of = |known: &BTreeMap<String, Value>| known[&document].clone();
        assert_eq!((of(&before), of(&after)), (json!(22), json!(13)));
        assert_eq!(days(app, &then("2018-02-26")).await[&document], json!(22));

        compared(app, &document, &before, &after).await;

        // The literal filter over each case says the same, so that nothing else makes a difference.
        let document =
            "query($id: UUID!, $at: JourneyAt) { journey(id: $id, at: $at) { daysSinceContact onCaseload } }";
        let mut differ = 0;
        for case in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            for (known, on) in [(&before, "2018-02-23"), (&after, "2018-02-25")] {
                let read =
                    app.ask(&manager(), document, json!({ "id": case, "at": then(on) })).await["journey"].clone();
                let shown = (read["onCaseload"] == true).then(|| read["daysSinceContact"].clone());
                assert_eq!(known.get(case).cloned(), shown, "{case} as known on {on}");
            }
            differ += usize::from(before.get(case) != after.get(case));
        }
        assert!(differ >= 1, "the documented journey is among them");
    })
    .await;
}

/// What differs is what was written up in between: the journeys, their events and the numbers.
async fn compared(app: &TestApp, document: &str, before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) {
    let comparison = async |a: &str, b: &str, first: usize| {
        let text = "query($a: ViewPoint!, $b: ViewPoint!, $first: Int!, $after: String) { \
             compareViews(contract: \"shps\", a: $a, b: $b) { a { position } b { position } \
             numbers { board group { label } column month a b } \
             journeys(first: $first, after: $after) { nodes { id events { type position occurred { on } } \
             a { daysSinceContact } b { daysSinceContact } } pageInfo { hasNextPage endCursor } } } }";
        let point = |on: &str| json!({ "asOf": "2018-02-23", "knownOn": on });
        let (mut nodes, mut after) = (Vec::new(), Value::Null);
        loop {
            let variables = json!({ "a": point(a), "b": point(b), "first": first, "after": after });
            let mut found = app.ask(&manager(), text, variables).await["compareViews"].clone();
            nodes.extend(found["journeys"]["nodes"].as_array().expect("nodes").clone());
            after = found["journeys"]["pageInfo"]["endCursor"].clone();
            if found["journeys"]["pageInfo"]["hasNextPage"] == false {
                found["journeys"] = json!(nodes);
                return found;
            }
        }
    };
    let found = comparison("2018-02-23", "2018-02-25", 200).await;
    assert_eq!(comparison("2018-02-23", "2018-02-25", 1).await, found, "pages tell the same");
    let between =
        found["a"]["position"].as_i64().expect("a position")..found["b"]["position"].as_i64().expect("a position");
    let nodes = found["journeys"].as_array().expect("nodes");
    for node in nodes {
        let id = text(&node["id"]);
        assert!(node["events"].as_array().is_some_and(|events| !events.is_empty()), "{node}");
        for event in node["events"].as_array().expect("events") {
            assert!(between.contains(&(event["position"].as_i64().expect("a position") - 1)), "{event}");
            assert!(
                event["type"] == "FactRetracted" || text(&event["occurred"]["on"]).as_str() <= "2018-02-23",
                "{event}"
            );
        }
        if let (Some(one), Some(other)) = (before.get(&id), after.get(&id)) {
            assert_eq!((&node["a"]["daysSinceContact"], &node["b"]["daysSinceContact"]), (one, other), "{id}");
        }
    }
    let listed: BTreeSet<String> = nodes.iter().map(|node| text(&node["id"])).collect();
    for case in before.keys().filter(|case| before.get(*case) != after.get(*case)) {
        assert!(listed.contains(case), "{case} differs");
    }
    let of = |found: &Value| {
        let nodes = found["journeys"].as_array().expect("nodes").clone();
        let node = nodes.into_iter().find(|node| node["id"] == document);
        node.map(|node| {
            node["events"].as_array().expect("events").iter().map(|event| text(&event["type"])).collect::<Vec<_>>()
        })
    };
    assert_eq!(of(&found), Some(vec!["ContactLogged".to_owned()]));
    let sums = |side: &str| -> u64 {
        let numbers = found["numbers"].as_array().expect("numbers").iter();
        let of_board = numbers.filter(|number| number["board"] == "CONTACT_RECENCY_BY_AREA");
        of_board.map(|number| number[side].as_u64().expect("a count")).sum()
    };
    assert!(sums("a") > 0 && sums("a") == sums("b"), "the case is in another bucket: {found:#}");
    assert_eq!(of(&comparison("2018-02-25", "2018-02-26", 200).await), Some(vec!["FactRetracted".to_owned()]));
    assert_eq!(of(&comparison("2018-02-23", "2018-02-26", 200).await), None, "as if it never was");
    let same = comparison("2018-02-25", "2018-02-25", 200).await;
    assert_eq!((&same["journeys"], &same["numbers"]), (&json!([]), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_compared_by_number_and_under_other_rules() {
    on_both_stores(async |app| {
        let worker = app.add_worker("kw-07").await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        app.take_on(&journey, &worker, "2018-02-02").await;
        let views = &app.fresh.views;
        views.start_rebuild(views.right_to_build().await.expect("nobody builds"), Options::default());
        views.rebuild_ended().await.expect("it is built");
        let generations = views.generations().await.expect("they are read");
        app.log_contact(&manager(), call(&journey, "2018-02-05")).await;
        let document = "query($a: ViewPoint!, $b: ViewPoint!) { compareViews(contract: \"shps\", a: $a, b: $b) { \
             a { position rulebookVersion } b { position rulebookVersion } numbers { board a b } \
             journeys { nodes { id events { type } } } } }";
        let compared = async |a: Value, b: Value| {
            app.ask(&manager(), document, json!({ "a": a, "b": b })).await["compareViews"].clone()
        };
        let found = compared(json!({ "view": generations.previous }), json!({ "view": generations.live })).await;
        assert_eq!(found["b"]["position"], app.head().await);
        assert_eq!(found["journeys"]["nodes"], json!([{ "id": journey, "events": [{ "type": "ContactLogged" }] }]));

        // Rules that count no contact by telephone with the client: no event made it so.
        let rulebook = pack(SHPS).expect("a pack").text;
        let rulebook = rulebook.replace("2017-03-01", "2018-04-01").replace("\"2017-03\"", "\"2018-04\"");
        let rulebook = rulebook.replace("[7, 14, 21, 27]", "[8, 14, 21, 27]");
        app.done(&administrator(), "publishRulebook", json!({ "contract": SHPS, "rulebook": rulebook })).await;
        let named = |version: &str| json!({ "rulebook": version, "asOf": "2018-02-13" });
        let found = compared(named("2017-03"), named("2018-04")).await;
        assert_eq!(
            (&found["a"]["rulebookVersion"], &found["b"]["rulebookVersion"]),
            (&json!("2017-03"), &json!("2018-04"))
        );
        assert!(found["numbers"].as_array().is_some_and(|numbers| !numbers.is_empty()), "{found:#}");
        let answer = app.answer(&manager(), document, json!({ "a": { "view": 99 }, "b": {} })).await;
        assert_eq!(answer.codes(), ["BAD_USER_INPUT"]);
        switched(app, SHPS, "2018-04").await;
    })
    .await;
}

/// Waits until the view with new rules is live, which it becomes by itself; nobody builds when the test is over.
pub(crate) async fn switched(app: &TestApp, code: &str, version: &str) {
    let document = format!("{{ contract(code: \"{code}\") {{ view {{ rulebookVersion }} }} }}");
    let views = &app.fresh.views;
    let is_live = async || {
        let read = app.ask(&administrator(), &document, json!({})).await;
        read["contract"]["view"]["rulebookVersion"] == version
    };
    until_views(views, "the view with the new rules goes live", is_live).await;
    views.close().await;
    let generations = views.generations().await.expect("they are read");
    left(app.fresh.place(), &[generations.previous.expect("one before"), generations.live]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_from_beyond_a_position_is_served() {
    on_both_stores(async |app| {
        let (kw, other) = (app.add_worker("kw-07").await, app.add_worker("kw-08").await);
        set_team(app, 1, "2018-01-01", &[&kw]).await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        app.take_on(&journey, &kw, "2018-02-02").await;
        app.log_contact(&manager(), call(&journey, "2018-02-05")).await;
        let position = app.head().await;

        app.log_contact(&manager(), call(&journey, "2018-02-20")).await;
        let second = app.receive_referral("2018-02-03", "BR-2").await;
        app.take_on(&second, &other, "2018-02-04").await;
        set_team(app, 1, "2018-01-01", &[&kw, &other]).await;
        let stream = StreamId::worker(WorkerId(id(&kw)));
        let joined = app.fresh.log.stream(stream).await.expect("the stream")[0].event_id;
        relabel(app, stream, joined).await;

        let point = json!({ "asOf": "2018-02-28", "position": position });
        let fields = "view { position recordedThrough knownAt rulebookVersion asOf } \
             journeys { totalCount nodes { id version keyworker { label joined { event } teams(on: \"2018-02-10\") { id \
             members { label } } } contacts { occurred { on } worker { label } } assignments { worker { label } } \
             daysSinceContact timeline { event { position } } } } \
             caseloadByKeyworker { journeys group { label keyworker { label } } } \
             contactRecency(by: KEYWORKER) { group { label } total } \
             workers { nodes { label } } teams { nodes { members { label } } }";
        let seen = at(app, &manager(), &point, fields).await;
        assert_eq!(seen["view"]["position"], position);
        assert_eq!(seen["view"]["asOf"], "2018-02-28");
        assert_eq!(seen["journeys"]["totalCount"], 1);
        let case = &seen["journeys"]["nodes"][0];
        assert_eq!((&case["id"], &case["version"], &case["daysSinceContact"]), (&json!(journey), &json!(4), &json!(23)));
        assert_eq!((&case["contacts"].as_array().map(Vec::len), &case["timeline"].as_array().map(Vec::len)), (&Some(1), &Some(4)));
        assert_eq!(case["keyworker"]["label"], "KW-07");
        assert_eq!(case["assignments"][0]["worker"]["label"], "KW-07");
        assert_eq!(case["keyworker"]["teams"][0]["members"], json!([{ "label": "KW-07" }]));
        assert_eq!(seen["caseloadByKeyworker"][0]["group"], json!({ "label": "KW-07", "keyworker": { "label": "KW-07" } }));
        assert_eq!(seen["caseloadByKeyworker"][1]["group"]["keyworker"], Value::Null);
        assert_eq!(seen["caseloadByKeyworker"].as_array().map(Vec::len), Some(2));
        assert_eq!(seen["contactRecency"][0]["group"]["label"], "KW-07");
        assert_eq!(seen["workers"]["nodes"], json!([{ "label": "KW-07" }, { "label": "KW-08" }]), "whoever holds no case anywhere");
        assert_eq!(seen["teams"]["nodes"], json!([{ "members": [{ "label": "KW-07" }] }]));
        let now = at(app, &manager(), &json!({ "asOf": "2018-02-28" }), fields).await;
        assert_eq!(now["journeys"]["totalCount"], 2);
        assert_eq!(now["workers"]["nodes"], json!([{ "label": "KW-08" }, { "label": "NEW-07" }]));
        // At the head and beyond it is the live view that answers.
        let head = app.head().await;
        for beyond in [head, head + 7] {
            let at_head = at(app, &manager(), &json!({ "asOf": "2018-02-28", "position": beyond }), fields).await;
            assert_eq!(at_head, now);
        }
        // Before it was opened there is no such contract.
        assert_eq!(at(app, &manager(), &json!({ "position": 0 }), "code").await, Value::Null);
        let both = json!({ "position": 3, "knownOn": TODAY });
        let answer = app
            .answer(&manager(), "query($at: ContractAt) { contract(code: \"shps\", at: $at) { code } }", json!({ "at": both }))
            .await;
        assert_eq!(answer.codes(), ["BAD_USER_INPUT"]);
    })
    .await;
}

/// Corrects the label of a worker who joined.
async fn relabel(app: &TestApp, stream: StreamId, joined: EventId) {
    let fact = WorkerJoined { label: "NEW-07".to_owned(), login: Some("kw-07".to_owned()) };
    let correction = CorrectFact {
        stream,
        target: joined,
        occurred: Occurred::on("2017-03-01".parse().expect("a day")),
        replacement: fact.into(),
        reason: "a slip".to_owned(),
    };
    app.fresh.record(Command::CorrectFact(correction)).await.expect("it is corrected");
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_those_of_now_whatever_was_known_then() {
    on_both_stores(async |app| {
        let (ann, eve) = (app.add_worker("ann").await, app.add_worker("eve").await);
        set_team(app, 1, "2018-01-01", &[&ann]).await;
        set_team(app, 2, "2018-01-01", &[&eve]).await;
        let mut cases = Vec::new();
        for (reference, worker) in [("BR-1", &ann), ("BR-2", &eve), ("BR-3", &ann)] {
            let journey = app.receive_referral("2018-02-01", reference).await;
            app.take_on(&journey, worker, "2018-02-02").await;
            cases.push(journey);
        }
        let position = app.head().await;
        // The first two change hands.
        for (journey, worker) in [(&cases[0], &eve), (&cases[1], &ann)] {
            let input = json!({ "journey": journey, "worker": worker, "occurredOn": "2018-02-20" });
            app.done(&manager(), "assignWorker", input).await;
        }
        let fields = "journeys { totalCount nodes { id keyworker { label } } pageInfo { endCursor } }";
        let point = json!({ "asOf": "2018-02-15", "position": position });
        let seen = at(app, &keyworker("ann"), &point, fields).await["journeys"].clone();
        let case = |journey: &String, label: &str| json!({ "id": journey, "keyworker": { "label": label } });
        assert_eq!(seen["totalCount"], 2);
        assert_eq!(seen["nodes"], json!([case(&cases[1], "EVE"), case(&cases[2], "ANN")]));
        let all = at(app, &manager(), &point, fields).await["journeys"].clone();
        assert_eq!(all["totalCount"], 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_those_published_by_then_or_those_that_are_named() {
    on_both_stores(async |app| {
        let worker = app.add_worker("kw-07").await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        app.take_on(&journey, &worker, "2018-02-02").await;
        app.log_contact(&manager(), call(&journey, "2018-02-05")).await;
        let position = app.head().await;
        let rulebook = pack(SHPS).expect("a pack").text;
        let rulebook = rulebook.replace("2017-03-01", "2018-04-01").replace("\"2017-03\"", "\"2018-04\"");
        let rulebook = rulebook.replace("No contact yet", "Nobody called");
        app.done(&administrator(), "publishRulebook", json!({ "contract": SHPS, "rulebook": rulebook })).await;
        let fields = "view { position rulebookVersion } rulebook { version } contactRecency { noneLabel } \
                      journeys { totalCount nodes { daysSinceContact } }";
        let seen = async |mut point: Value| {
            point["asOf"] = json!("2018-02-28");
            let seen = at(app, &manager(), &point, fields).await;
            let label = text(&seen["contactRecency"][0]["noneLabel"]);
            assert_eq!(seen["rulebook"]["version"], seen["view"]["rulebookVersion"]);
            (text(&seen["view"]["rulebookVersion"]), label, seen["view"]["position"].as_i64().expect("a position"))
        };
        let (old, new) = (("2017-03", "No contact yet"), ("2018-04", "Nobody called"));
        let told = |(version, label): (&str, &str), position| (version.to_owned(), label.to_owned(), position);
        assert_eq!(seen(json!({ "position": position })).await, told(old, position));
        assert_eq!(seen(json!({ "position": position, "rulebook": "2018-04" })).await, told(new, position));
        assert_eq!(seen(json!({ "rulebook": "2017-03" })).await, told(old, app.head().await));
        // What is recorded since is in it too.
        app.receive_referral("2018-02-10", "BR-2").await;
        assert_eq!(seen(json!({ "rulebook": "2017-03" })).await, told(old, app.head().await));
        let then = json!({ "asOf": "2018-02-28", "rulebook": "2017-03" });
        assert_eq!(at(app, &manager(), &then, fields).await["journeys"]["totalCount"], 2);
        let unknown = "{ contract(code: \"shps\", at: { rulebook: \"2019-01\" }) { code } }";
        assert_eq!(app.answer(&manager(), unknown, json!({})).await.codes(), ["BAD_USER_INPUT"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_are_kept_and_what_goes_leaves_nothing() {
    on_both_stores(async |app| {
        for number in 0..6 {
            app.receive_referral("2018-02-01", &format!("BR-{number}")).await;
        }
        let views = &app.fresh.views;
        let asked = |position: i64| KnownPart { upto: Some(Position(position)), rulebooks_upto: Position(position) };
        let known = async |position| views.as_known(asked(position), None).await.expect("it is put together");
        let first = known(5).await;
        assert_eq!(*first.position().borrow(), Position(5));
        assert_eq!(known(5).await.number, first.number, "equal questions share one");
        let live = views.live().number;
        let mut numbers = vec![live, first.number];
        drop(first);
        for position in [6, 7, 8] {
            numbers.push(known(position).await.number);
        }
        left(app.fresh.place(), &numbers).await;
        // The first one was asked for again, so the second goes.
        assert_eq!(known(5).await.number, numbers[1]);
        let last = known(9).await.number;
        let kept = [live, numbers[1], numbers[3], numbers[4], last];
        left(app.fresh.place(), &kept).await;
        // Rebuilding goes its own way, and leaves them alone.
        views.start_rebuild(views.right_to_build().await.expect("nobody builds"), Options::default());
        views.rebuild_ended().await.expect("it is built");
        left(app.fresh.place(), &[&kept[..], &[views.live().number]].concat()).await;
        // Whoever cannot wait is told so, and finds it later.
        let impatient = views.as_known(asked(10), Some(Duration::ZERO)).await;
        assert!(matches!(impatient, Err(ViewError::NotYet(_))), "{impatient:?}");
        let found = known(10).await;
        assert_eq!(*found.position().borrow(), Position(10));
        drop(found);
        let (live, before) = (views.live().number, live);
        views.close().await;
        left(app.fresh.place(), &[before, live]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_login_cannot_fill_the_line_of_what_was_known_then() {
    on_both_stores(async |app| {
        for number in 0..8 {
            app.receive_referral("2018-02-01", &format!("BR-{number}")).await;
        }
        let views = &app.fresh.views;
        let asked = |position: i64| KnownPart { upto: Some(Position(position)), rulebooks_upto: Position(position) };
        let done = std::sync::Mutex::new(Vec::new());
        let ask = async |who: &'static str, position: i64| {
            let found = views.as_known_by(who, asked(position), PATIENCE).await.expect("it is put together");
            assert_eq!(*found.position().borrow(), Position(position));
            done.lock().expect("the order").push(who);
        };
        let greedy = futures_util::future::join_all((5..11).map(|position| ask("greedy", position)));
        tokio::join!(greedy, ask("other", 11));
        let order = done.into_inner().expect("the order");
        let place = order.iter().position(|who| *who == "other").expect("it was answered");
        assert!(place <= 3, "whoever asks for one thing waited behind many: {order:?}");
        // Whoever asks for many loses their own, and nobody else's.
        let kept = async || views.as_known_by("other", asked(11), PATIENCE).await.expect("it is kept").number;
        let number = kept().await;
        for position in 5..11 {
            drop(views.as_known_by("greedy", asked(position), PATIENCE).await.expect("it is put together"));
        }
        assert_eq!(kept().await, number);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_is_not_open_before_its_first_rules() {
    on_both_stores(async |app| {
        let opened = app.fresh.log.stream(StreamId::contract(SHPS)).await.expect("the log is read");
        let [opened, ruled] = opened.as_slice() else { panic!("{opened:?}") };
        assert_eq!((opened.version, ruled.version), (1, 2));
        let view =
            async |position: Position| at(app, &manager(), &json!({ "position": position }), "view { position }").await;
        assert_eq!(view(opened.position).await, Value::Null);
        assert_eq!(view(ruled.position).await["view"]["position"], json!(ruled.position));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instant_is_the_last_position_that_was_recorded_by_then() {
    on_both_stores(async |app| {
        let mut recorded = Vec::new();
        for minute in 10..20 {
            app.it_is(&format!("2018-03-01T09:{minute}:00Z"));
            app.receive_referral("2018-02-01", &format!("BR-{minute}")).await;
            recorded.push(app.head().await);
        }
        let by = async |at: &str| app.fresh.log.recorded_by(instant(at)).await.expect("the log is read").0;
        for (minute, position) in (10..20).zip(&recorded) {
            assert_eq!(by(&format!("2018-03-01T09:{minute}:00Z")).await, *position);
            assert_eq!(by(&format!("2018-03-01T09:{minute}:59.999999Z")).await, *position);
        }
        assert_eq!(by("2018-03-01T08:59:59Z").await, 0);
        assert_eq!(by("2030-01-01T00:00:00Z").await, *recorded.last().expect("some"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_server_a_view_is_put_together_elsewhere() {
    let fresh = Fresh::on(Dialect::Sqlite, CONTINUES_AT).await;
    let story = Story::new(SEED, Size::OneIn(40));
    let played = play(&fresh.recorder, &fresh.clock, &story).await.expect("the story is played");
    assert!(fresh.views.passed(played.position, PATIENCE).await, "the view does not follow");
    let beside = Views::open_to_read(fresh.log.clone()).await.expect("it opens");
    let position = Position(played.position.0 / 2);
    let asked = KnownPart { upto: Some(position), rulebooks_upto: position };
    let known = beside.as_known(asked, None).await.expect("it is put together");
    let digest = known.digest().await.expect("a digest");
    drop(known);
    left(fresh.place(), &[1]).await;
    beside.close().await;
    let known = fresh.views.as_known(asked, None).await.expect("it is put together");
    assert_eq!(known.digest().await.expect("a digest"), digest);
    drop(known);
    fresh.end().await;
}
