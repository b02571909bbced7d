//! Rules over GraphQL and on the command line: what a form is built from, versions that take each other's place,
//! further bank holidays, and money that would be claimed or paid twice.

use std::process::{Command, Output};

use serde_json::{Value, json};
use throughline::access::{Principal, Role};

use crate::app::{SHPS, TestApp, administrator, new_id, test_caller, text, with};
use crate::claims::{
    CODE, accept_and_pay, claims, commissioner, decide, ids, manager, on_both_stores, open_batch, planned, read, submit,
};

/// The codes of the warnings of a payload.
fn warnings(payload: &Value) -> Vec<String> {
    let problems = payload["problems"].as_array().expect("problems").iter();
    problems.filter(|problem| problem["severity"] == "WARNING").map(|problem| text(&problem["code"])).collect()
}

#[tokio::test]
async fn a_form_is_built_from_the_rulebook_by_api_alone() {
    crate::app::on_both_stores(async |app| {
        let fields = "rulebook { bankHolidaysThrough bankHolidaysHash stages { code label } \
            codes { planKinds { code label } closeReasons { code label } cohorts { code } riskKinds { code } } \
            attributes { domain { code label } attributes { name label required values { code label } } } \
            outcomes { code title oncePer evidence { anyOf { code label } allOf { code } verified datedBeforeDays } \
            claimableWithinDays inWords } standards { code label withinDays inWords } }";
        let document = format!("{{ contract(code: \"shps\") {{ {fields} }} }}");
        let manager = crate::app::manager();
        let rulebook = app.ask(&manager, &document, json!({})).await["contract"]["rulebook"].clone();
        assert_eq!(rulebook["codes"]["planKinds"], json!([{ "code": "php", "label": "Personal Housing Plan" }]));
        assert_eq!(rulebook["codes"]["closeReasons"][1], json!({ "code": "home_kept", "label": "Home kept" }));
        assert_eq!(rulebook["codes"]["cohorts"], json!([]), "the contract has no cohorts");
        assert_eq!(rulebook["bankHolidaysThrough"], "2027-12-31");
        let home = &rulebook["attributes"][0];
        assert_eq!(home["domain"]["code"], "accommodation");
        let kept = json!({ "code": "kept", "label": "Home kept" });
        let secured = &home["attributes"][1];
        assert_eq!((&secured["name"], &secured["values"][0]), (&json!("secured_as"), &kept));
        assert_eq!((&secured["required"], &home["attributes"][0]["required"]), (&json!(true), &json!(false)));
        let outcome = &rulebook["outcomes"][2];
        assert_eq!(
            (&outcome["code"], &outcome["evidence"]["datedBeforeDays"]),
            (&json!("housing_sustained"), &json!(28))
        );
        assert!(text(&outcome["inWords"][1]).starts_with("It begins with a spell of accommodation"), "{outcome:#}");
        // A rulebook without a list allows any code there: the list is null.
        let open = "{ contract(code: \"mst-essex\") { rulebook { codes { contactChannels { code } } attributes { domain { code } } } } }";
        let other = app.ask(&crate::app::other_manager(), open, json!({})).await["contract"]["rulebook"].clone();
        assert_eq!(other["attributes"], json!([]));
        let versions = "{ rulebooks(contract: \"shps\") { totalCount nodes { version effectiveFrom supersededBy published { on } } } }";
        let versions = app.ask(&manager, versions, json!({})).await["rulebooks"].clone();
        assert_eq!((&versions["totalCount"], &versions["nodes"][0]["version"]), (&json!(1), &json!("2017-03")));
        assert_eq!(versions["nodes"][0]["supersededBy"], Value::Null);
        let none = app.ask(&manager, "{ rulebooks(contract: \"mst-essex\") { totalCount } }", json!({})).await;
        assert_eq!(none["rulebooks"], Value::Null, "another contract's does not exist");
    })
    .await;
}

/// The rulebook of the tests with this written otherwise.
fn rulebook(otherwise: &[(&str, &str)]) -> String {
    let text = include_str!("rulebooks/claims.toml").replace("CROSSING", "partial").replace("REFILL", "true");
    otherwise.iter().fold(text, |text, (part, otherwise)| {
        assert!(text.contains(part), "{part:?} is not there");
        text.replacen(part, otherwise, 1)
    })
}

#[tokio::test]
async fn a_version_with_the_first_day_of_another_takes_its_place_and_both_stay_in_the_log() {
    on_both_stores("partial", true, async |app: &TestApp| {
        planned(app, "2018-01-05").await;
        planned(app, "2018-01-06").await;
        let both = ids(&claims(app, "plan").await);
        let batch = open_batch(app).await;
        submit(app, &batch, &both[..1]).await;
        decide(app, &batch, &both[..1], json!({ "decision": "ACCEPT" })).await;
        let next = rulebook(&[("version = \"2018-01\"", "version = \"2018-01a\""), ("\"3000.00\"", "\"3100.00\"")]);
        app.done(&administrator(), "publishRulebook", json!({ "contract": CODE, "rulebook": next })).await;
        crate::rebuild_api::live_is(app, 2).await;
        let now = claims(app, "plan").await;
        assert_eq!(now[1].2, "3100.00", "what is not submitted is judged by the version that took the place");
        let lines = read(
            app,
            &manager(),
            "batches { nodes { lines { nodes { amount { amount } claimNow { id } journey { id } } } } }",
        )
        .await;
        let line = &lines["batches"]["nodes"][0]["lines"]["nodes"][0];
        assert_eq!(line["amount"]["amount"], "3000.00", "a line never moves");
        assert_eq!(line["claimNow"]["id"], json!(both[0]));
        assert!(line["journey"]["id"].is_string(), "{line}");
        let versions = read(app, &manager(), "rulebooks { nodes { version supersededBy } } rulebook { version }").await;
        let expected = json!([
            { "version": "2018-01", "supersededBy": "2018-01a" }, { "version": "2018-01a", "supersededBy": null }
        ]);
        assert_eq!(versions["rulebooks"]["nodes"], expected);
        assert_eq!(versions["rulebook"]["version"], "2018-01a");
        let on = read(app, &manager(), "rulebook(on: \"2017-01-01\") { version }").await;
        assert_eq!(on["rulebook"]["version"], "2018-01a", "before the first day, too");
    })
    .await;
}

#[tokio::test]
async fn who_publishes_previews_claims_under_pseudonyms() {
    on_both_stores("partial", true, async |app: &TestApp| {
        planned(app, "2018-01-05").await;
        planned(app, "2018-01-06").await;
        let draft = rulebook(&[
            ("version = \"2018-01\"", "version = \"2018-02\""),
            ("effective_from = 2018-01-01", "effective_from = 2018-02-01"),
            ("retroactive = false", "retroactive = true"),
            ("\"3000.00\"", "\"3100.00\""),
        ]);
        let document = |fields: &str| {
            format!(
                "query($draft: String!) {{ previewRulebook(contract: \"claims\", rulebook: $draft) {{ \
                byOutcome {{ code gained lost changed moneyDelta {{ amount }} }} byRule {{ code changed }} \
                claims {{ nodes: edges {{ node {{ case outcome moved before {{ case status amount {{ amount }} {fields} }} \
                after {{ status amount {{ amount }} }} causes {{ rule before after }} }} }} }} }} }}"
            )
        };
        let preview = app.ask(&administrator(), &document(""), json!({ "draft": draft })).await["previewRulebook"].clone();
        let total = json!([{ "code": "plan", "gained": 0, "lost": 0, "changed": 2, "moneyDelta": { "amount": "200.00" } }]);
        assert_eq!(preview["byOutcome"], total);
        assert_eq!(preview["byRule"], json!([{ "code": "tariff", "changed": 2 }]));
        let cases: Vec<String> =
            preview["claims"]["nodes"].as_array().expect("a list").iter().map(|of| text(&of["node"]["case"])).collect();
        assert!(cases.iter().all(|case| case.starts_with("C-")) && cases[0] != cases[1], "{cases:?}");
        let node = &preview["claims"]["nodes"][0]["node"];
        assert_eq!((&node["before"]["status"], &node["before"]["amount"]["amount"]), (&json!("CLAIMABLE"), &json!("3000.00")));
        assert_eq!((&node["after"]["amount"]["amount"], &node["before"]["case"]), (&json!("3100.00"), &json!(cases[0])));
        let cases_own = app.answer(&administrator(), &document("journeyId"), json!({ "draft": draft })).await;
        assert!(cases_own.codes().contains(&"FORBIDDEN".to_owned()), "{}", cases_own.body);
        let managers = app.ask(&manager(), &document("journeyId"), json!({ "draft": draft })).await;
        assert!(managers["previewRulebook"]["claims"]["nodes"][0]["node"]["before"]["journeyId"].is_string());
    })
    .await;
}

#[tokio::test]
async fn the_same_remittance_twice_and_more_than_is_due_warn() {
    on_both_stores("partial", true, async |app: &TestApp| {
        planned(app, "2018-01-05").await;
        planned(app, "2018-01-06").await;
        let both = ids(&claims(app, "plan").await);
        let batch = open_batch(app).await;
        submit(app, &batch, &both).await;
        accept_and_pay(app, &batch, &[(both[0].clone(), "3000.00")]).await;
        decide(app, &batch, &both[1..], json!({ "decision": "ACCEPT" })).await;
        let pay = async |claim: &str, amount: &str, more: Value| {
            let input = json!({ "batch": batch, "amounts": [{ "claim": claim, "amount": amount }] });
            app.tell(&manager(), "recordPayment", with(input, more)).await
        };
        let again = pay(&both[0], "3000.00", json!({ "reference": "r-1 " })).await;
        assert_eq!(warnings(&again), [] as [&str; 0], "a space at the end is no reference: {again:#}");
        let again = pay(&both[0], "3000.00", json!({ "reference": "r-1" })).await;
        assert_eq!(warnings(&again), ["PAYMENT_REPEATED", "PAYMENT_BEYOND_DUE"]);
        assert_eq!(again["position"], Value::Null, "nothing is recorded");
        assert_eq!(again["problems"][0]["facts"][0]["type"], "PaymentReceived");
        let too_much = pay(&both[1], "3000.01", json!({ "reference": "R-2" })).await;
        assert_eq!(warnings(&too_much), ["PAYMENT_BEYOND_DUE"]);
        let half = pay(&both[1], "1500.00", json!({})).await;
        assert_eq!(half["problems"], json!([]));
        let other_half = pay(&both[1], "1500.00", json!({})).await;
        assert_eq!(warnings(&other_half), ["PAYMENT_REPEATED"], "of the same day and without a reference");
        let accepted = pay(&both[1], "1500.00", json!({ "acceptWarnings": ["PAYMENT_REPEATED"] })).await;
        assert_eq!(accepted["problems"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn an_adjustment_beyond_price_or_headroom_warns_and_nothing_allows_minus_nothing() {
    on_both_stores("partial", true, async |app: &TestApp| {
        planned(app, "2018-01-05").await;
        let claim = ids(&claims(app, "plan").await);
        let batch = open_batch(app).await;
        submit(app, &batch, &claim).await;
        accept_and_pay(app, &batch, &[(claim[0].clone(), "3000.00")]).await;
        let next = open_batch(app).await;
        let raise = async |kind: &str, amount: &str, more: Value| {
            let input = json!({
                "batch": next, "ofBatch": batch, "claim": claim[0], "kind": kind, "amount": amount, "reason": "so agreed",
            });
            app.tell(&manager(), "raiseAdjustment", with(input, more)).await
        };
        assert_eq!(warnings(&raise("RESTATEMENT", "500.00", json!({})).await), ["BEYOND_PRICE"]);
        assert_eq!(warnings(&raise("RESTATEMENT", "7000.01", json!({})).await), ["BEYOND_PRICE", "BEYOND_CAP"]);
        let large = raise("CLAWBACK", "-3000.01", json!({})).await;
        assert_eq!(
            (&large["problems"][0]["code"], &large["problems"][0]["allowed"]),
            (&json!("ADJUSTMENT_TOO_LARGE"), &json!(["-3000.00"]))
        );
        assert_eq!(raise("CLAWBACK", "-3000.00", json!({})).await["problems"], json!([]));
        let nothing_left = raise("CLAWBACK", "-0.01", json!({})).await;
        assert_eq!(nothing_left["problems"][0]["allowed"], json!([]), "{nothing_left:#}");
        let back = raise("RESTATEMENT", "100.00", json!({ "acceptWarnings": ["BEYOND_PRICE"] })).await;
        assert_eq!(back["problems"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_reduction_by_hand_stays_until_it_is_given_back_by_hand() {
    on_both_stores("partial", true, async |app: &TestApp| {
        planned(app, "2018-01-05").await;
        let claim = ids(&claims(app, "plan").await);
        let batch = open_batch(app).await;
        submit(app, &batch, &claim).await;
        accept_and_pay(app, &batch, &[(claim[0].clone(), "3000.00")]).await;
        let next = open_batch(app).await;
        let seen = async || {
            let document = format!(
                "{{ node(id: \"{next}\") {{ ... on Batch {{ proposal {{ adjustments {{ amount {{ amount }} reason }} }} \
                 adjustments {{ amount {{ amount }} byHand {{ amount }} }} }} }} }}"
            );
            app.ask(&manager(), &document, json!({})).await["node"].clone()
        };
        let amount = |of: &str| json!({ "amount": of });
        let raised = |all: &[&str]| {
            let one = |of: &&str| json!({ "amount": amount(of), "byHand": amount(of) });
            Value::Array(all.iter().map(one).collect())
        };
        for (kind, reduction, so_far) in
            [("RESTATEMENT", "-500.00", &["-500.00"][..]), ("CLAWBACK", "-2500.00", &["-500.00", "-2500.00"])]
        {
            let input = json!({
                "batch": next, "ofBatch": batch, "claim": claim[0], "kind": kind, "amount": reduction, "reason": "so agreed",
            });
            app.done(&manager(), "raiseAdjustment", input).await;
            let found = seen().await;
            assert_eq!(found["proposal"]["adjustments"], json!([]), "it is not proposed back");
            assert_eq!(found["adjustments"], raised(so_far));
        }
        let input = json!({
            "batch": next, "ofBatch": batch, "claim": claim[0], "kind": "RESTATEMENT", "amount": "3000.00",
            "reason": "so agreed",
        });
        app.done(&manager(), "raiseAdjustment", input).await;
        let found = seen().await;
        assert_eq!(found["proposal"]["adjustments"], json!([]));
        assert_eq!(found["adjustments"], raised(&["-500.00", "-2500.00", "3000.00"]));
    })
    .await;
}

/// One person with the same job in two contracts, shown by a payslip in each; answers with the claims.
async fn in_two_contracts(app: &TestApp, both: &Principal) -> [String; 2] {
    let elsewhere = rulebook(&[("contract = \"claims\"", "contract = \"elsewhere\"")]);
    let input = json!({ "code": "elsewhere", "name": "x", "startsOn": "2018-01-01", "rulebook": elsewhere });
    app.done(&administrator(), "openContract", input).await;
    let mut subject = Value::Null;
    let mut found = Vec::new();
    for contract in [CODE, "elsewhere"] {
        let input = json!({ "contract": contract, "area": "brent", "occurredOn": "2018-01-02", "subject": subject });
        let journey = text(&app.done(both, "receiveReferral", input).await["journey"]["id"]);
        let document = format!("{{ journey(id: \"{journey}\") {{ subject {{ id }} }} }}");
        subject = app.ask(both, &document, json!({})).await["journey"]["subject"]["id"].clone();
        let spell = new_id();
        let start = json!({ "journey": journey, "spell": spell, "domain": "employment", "hoursPerWeek": "20", "occurredOn": "2018-01-05" });
        app.done(both, "startSpell", start).await;
        let piece = json!({ "journey": journey, "kind": "payslip", "datedOn": "2018-02-10", "occurredOn": "2018-02-10", "supports": [spell] });
        app.done(both, "attachEvidence", piece).await;
        let document = format!("{{ journey(id: \"{journey}\") {{ claims {{ id outcome status }} }} }}");
        let claims = app.ask(both, &document, json!({})).await["journey"]["claims"].clone();
        let job =
            claims.as_array().expect("claims").iter().find(|claim| claim["outcome"] == "job").expect("a job").clone();
        assert_eq!(job["status"], "CLAIMABLE");
        found.push(text(&job["id"]));
    }
    [found[0].clone(), found[1].clone()]
}

#[tokio::test]
async fn submitting_and_accepting_what_another_contract_claims_for_the_same_days_warns() {
    on_both_stores("partial", true, async |app: &TestApp| {
        let both = test_caller(Role::Manager, "both", &[CODE, "elsewhere"]);
        let [claim, _] = in_two_contracts(app, &both).await;
        let batch = open_batch(app).await;
        let send = async |who: &Principal, more: Value| {
            app.tell(who, "submitBatch", with(json!({ "batch": batch, "claims": [claim] }), more)).await
        };
        let seen = send(&both, json!({})).await;
        assert_eq!(warnings(&seen), ["DOUBLE_FUNDING"]);
        let said = text(&seen["problems"][0]["message"]);
        assert!(
            said.starts_with(
                "the contract elsewhere claims under employment for the same person from 2018-01-05 to 2018-02-01"
            ),
            "{said}"
        );
        let unseen = send(&manager(), json!({})).await;
        let said = text(&unseen["problems"][0]["message"]);
        assert!(
            said.starts_with("another contract claims under employment for the same person from 2018-01-05"),
            "{said}"
        );
        assert!(!said.contains("elsewhere"), "{said}");
        assert_eq!(unseen["problems"][0]["path"], json!(["claims", "0"]));
        assert_eq!(send(&manager(), json!({ "acceptWarnings": ["DOUBLE_FUNDING"] })).await["problems"], json!([]));
        let accept = json!({ "batch": batch, "claims": [claim], "decision": "ACCEPT" });
        let warned = app.tell(&commissioner(), "decideClaim", accept.clone()).await;
        assert_eq!((warnings(&warned), &warned["position"]), (vec!["DOUBLE_FUNDING".to_owned()], &Value::Null));
        let query = with(accept.clone(), json!({ "decision": "QUERY", "remark": "who pays?" }));
        assert_eq!(
            app.tell(&commissioner(), "decideClaim", query).await["problems"],
            json!([]),
            "a query pays nothing"
        );
        let accepted = with(accept, json!({ "acceptWarnings": ["DOUBLE_FUNDING"] }));
        assert_eq!(app.tell(&commissioner(), "decideClaim", accepted).await["problems"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn claims_and_batches_are_found_by_day_area_keyworker_team_and_outcome_and_a_batch_takes_the_same() {
    crate::app::on_both_stores(async |app| {
        let manager = crate::app::manager();
        let worker = app.add_worker("kw-07").await;
        let team = new_id();
        let set = json!({ "team": team, "label": "North", "members": [worker], "occurredOn": "2017-03-01" });
        app.done(&manager, "setTeam", set).await;
        let mut journeys = Vec::new();
        for (area, on) in [("brent", "2018-01-05"), ("ealing", "2018-01-20"), ("brent", "2018-02-05")] {
            let input = json!({ "contract": SHPS, "area": area, "occurredOn": "2018-01-02" });
            let journey = text(&app.done(&manager, "receiveReferral", input).await["journey"]["id"]);
            app.done(&manager, "agreePlan", json!({ "journey": journey, "kind": "php", "occurredOn": on })).await;
            journeys.push(journey);
        }
        app.take_on(&journeys[1], &worker, "2018-01-03").await;
        let found = async |filter: Value| {
            let document = "query($filter: ClaimSelectionInput) { contract(code: \"shps\") { \
                claims(status: [CLAIMABLE], filter: $filter) { nodes { journeyId } } } }";
            let nodes =
                app.ask(&manager, document, json!({ "filter": filter })).await["contract"]["claims"]["nodes"].clone();
            nodes.as_array().expect("a list").iter().map(|claim| text(&claim["journeyId"])).collect::<Vec<_>>()
        };
        let at = |places: &[usize]| places.iter().map(|at| journeys[*at].clone()).collect::<Vec<_>>();
        assert_eq!(found(Value::Null).await, at(&[0, 1, 2]));
        assert_eq!(found(json!({ "area": "brent" })).await, at(&[0, 2]));
        assert_eq!(found(json!({ "achieved": { "first": "2018-01-05", "last": "2018-01-20" } })).await, at(&[0, 1]));
        assert_eq!(found(json!({ "keyworker": worker })).await, at(&[1]));
        assert_eq!(found(json!({ "team": team })).await, at(&[1]));
        assert_eq!(found(json!({ "outcomes": ["housing_secured"] })).await, at(&[]));
        assert_eq!(found(json!({ "outcomes": ["php_complete"], "area": "ealing" })).await, at(&[1]));
        for wrong in [json!({ "area": "leeds" }), json!({ "outcomes": ["moon"] }), json!({ "cohort": "x" })] {
            let document = "query($filter: ClaimSelectionInput) { contract(code: \"shps\") { claims(filter: $filter) { totalCount } } }";
            assert_eq!(
                app.answer(&manager, document, json!({ "filter": wrong })).await.codes(),
                ["BAD_USER_INPUT"],
                "{wrong}"
            );
        }
        // A batch for one borough proposes and submits its claims alone.
        let wrong = json!({ "contract": SHPS, "claims": { "area": "leeds" } });
        assert_eq!(app.tell(&manager, "openBatch", wrong).await["problems"][0]["code"], "UNKNOWN_CODE");
        let input = json!({ "contract": SHPS, "reference": "Brent", "claims": { "area": "brent" } });
        let batch = text(&app.done(&manager, "openBatch", input).await["batch"]["id"]);
        let document = "query($id: ID!) { node(id: $id) { ... on Batch { selection { area outcomes } \
            proposal { claims { nodes { journeyId } } } lines { nodes { journeyId } } } } }";
        let opened = app.ask(&manager, document, json!({ "id": batch })).await["node"].clone();
        assert_eq!(opened["selection"], json!({ "area": "brent", "outcomes": [] }));
        assert_eq!(
            opened["proposal"]["claims"]["nodes"],
            json!([{ "journeyId": journeys[0] }, { "journeyId": journeys[2] }])
        );
        let document_of_all = "{ contract(code: \"shps\") { claims(status: [CLAIMABLE]) { nodes { id journeyId } } } }";
        let all = app.ask(&manager, document_of_all, json!({})).await["contract"]["claims"]["nodes"].clone();
        let named: Vec<String> =
            all.as_array().expect("a list").iter().take(2).map(|claim| text(&claim["id"])).collect();
        let refused = app.tell(&manager, "submitBatch", json!({ "batch": batch, "claims": named })).await;
        let problem = &refused["problems"][0];
        assert_eq!(
            (&problem["code"], &problem["path"]),
            (&json!("CLAIM_OUTSIDE_BATCH"), &json!(["claims", "1"])),
            "{refused}"
        );
        assert_eq!(refused["problems"].as_array().map(Vec::len), Some(1));
        app.done(&manager, "submitBatch", json!({ "batch": batch })).await;
        let lines = app.ask(&manager, document, json!({ "id": batch })).await["node"]["lines"]["nodes"].clone();
        assert_eq!(lines.as_array().map(Vec::len), Some(2), "{lines}");
        let batches = async |filter: Value| {
            let document = "query($filter: ClaimSelectionInput) { contract(code: \"shps\") { batches(filter: $filter) { totalCount } } }";
            app.ask(&manager, document, json!({ "filter": filter })).await["contract"]["batches"]["totalCount"].clone()
        };
        assert_eq!(batches(json!({ "area": "brent" })).await, 1);
        assert_eq!(batches(json!({ "area": "ealing" })).await, 0);
        assert_eq!(batches(json!({ "achieved": { "first": "2018-02-01", "last": "2018-02-28" } })).await, 1);
        assert_eq!(batches(json!({ "achieved": { "first": "2018-03-01", "last": "2018-03-28" } })).await, 0);
    })
    .await;
}

#[test]
fn further_bank_holidays_are_counted_and_a_wrong_file_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, content: &str| std::fs::write(directory.path().join(name), content).expect("written");
    write("rules.toml", &rulebook(&[("claim = { attempts = 2 }", "claim = { attempts = 2, after_working_days = 1 }")]));
    let line = |id: u32, event_type: &str, time: &str, payload: Value| {
        json!({ "id": format!("00000000-0000-0000-0000-{id:012}"), "type": format!("throughline.journey.{event_type}.v1"),
            "subject": "journey/00000000-0000-0000-0000-000000000010", "time": time,
            "data": { "contract": "claims", "payload": payload } })
        .to_string()
    };
    let referral = json!({ "subject": "00000000-0000-0000-0000-000000000020", "area": "brent" });
    let lines = [
        line(1, "referral_received", "2028-01-03", referral),
        line(2, "plan_agreed", "2028-01-04", json!({ "kind": "php" })),
    ];
    write("events.ndjson", &(lines.join("\n") + "\n"));
    write("further.json", r#"{"england-and-wales": {"events": [{"title": "x", "date": "2028-01-05"}]}}"#);
    write("wrong.json", r#"{"england-and-wales": {"events": [{"title": "x", "date": "5 January"}]}}"#);
    let run = |more: &[&str], as_of: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
        program.current_dir(directory.path()).env_remove("THROUGHLINE_BANK_HOLIDAYS").args(more);
        program.args(["try", "--rulebook", "rules.toml", "--events", "events.ndjson", "--as-of", as_of]);
        let Output { status, stdout, stderr } = program.output().expect("it runs");
        let lines = String::from_utf8(stdout).expect("text");
        let plan = lines
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|line| line["outcome"] == "plan");
        let became = plan.map(|plan| text(&plan["status"])).unwrap_or_default();
        (status.code().expect("a status"), became, String::from_utf8(stderr).expect("text"))
    };
    assert_eq!(run(&[], "2028-01-06").1, "achieved", "nobody knows that year's holidays yet");
    let further = ["--bank-holidays", "further.json"];
    assert_eq!(run(&further, "2028-01-05").1, "achieved", "that day is a bank holiday");
    assert_eq!(run(&further, "2028-01-06").1, "claimable");
    assert_eq!(run(&further, "2028-01-06").2.matches("is not a built-in division").count(), 0);
    write("slip.json", r#"{"englnd-and-wales": {"events": [{"title": "x", "date": "2028-01-05"}]}}"#);
    let (_, became, stderr) = run(&["--bank-holidays", "slip.json"], "2028-01-06");
    assert_eq!(became, "achieved", "the days are another division's");
    let named = "slip.json: \"englnd-and-wales\" is not a built-in division (england-and-wales, northern-ireland";
    assert!(stderr.contains(named), "{stderr}");
    let (status, _, stderr) = run(&["--bank-holidays", "wrong.json"], "2028-01-06");
    assert_eq!(status, 2);
    assert!(stderr.contains("wrong.json: \"5 January\" is not a date"), "{stderr}");
    assert_eq!(run(&["--bank-holidays", "none.json"], "2028-01-06").0, 2);
}

#[tokio::test]
async fn a_derivation_names_the_bank_holidays_by_which_it_waits() {
    crate::app::from_the_instant("2018-03-01T09:00:00Z", async |app: &TestApp| {
        let rules = rulebook(&[("claim = { attempts = 2 }", "claim = { attempts = 2, after_working_days = 5 }")]);
        let input = json!({ "code": CODE, "name": CODE, "startsOn": "2018-01-01", "rulebook": rules });
        app.done(&administrator(), "openContract", input).await;
        planned(app, "2018-01-05").await;
        let fields = "rulebook { bankHolidaysHash } claims { nodes { outcome derivation { bankHolidays } } }";
        let found = read(app, &manager(), fields).await;
        let of = |outcome: &str| {
            let claims = found["claims"]["nodes"].as_array().expect("claims");
            let claim = claims.iter().find(|claim| claim["outcome"] == outcome).expect("the claim");
            claim["derivation"]["bankHolidays"].clone()
        };
        assert_eq!(of("plan"), found["rulebook"]["bankHolidaysHash"]);
        assert_eq!(of("job"), Value::Null, "it waits for none");
    })
    .await;
}
