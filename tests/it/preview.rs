//! Drafts of a rulebook: what they would move and why, nothing of which is stored; and published, what was foreseen.

use std::process::{Command, Output};

use serde_json::{Value, json};
use throughline::access::Role;

use crate::app::{TestApp, administrator, new_id, test_caller, text};
use crate::claims::{CODE, accept_and_pay, claims, ids, journey, manager, on_both_stores, open_batch, read, submit};

const PREVIEW: &str = "query($draft: String!, $asOf: Date) { previewRulebook(contract: \"claims\", rulebook: $draft, \
     asOf: $asOf) { gained lost changed unchanged moneyDelta { amount } problems { code } claims { totalCount \
     edges { node { id moved delta { amount } causes { rule before after events { id type occurred { on } } } \
     before { outcome status amount { amount } } after { outcome status amount { amount } } } } } } }";

/// The rulebook of the tests, in force and retroactive from a month later, with this written otherwise.
fn draft(otherwise: &[(&str, &str)]) -> String {
    let rulebook = include_str!("rulebooks/claims.toml").replace("CROSSING", "partial").replace("REFILL", "true");
    let next = [
        ("\"2018-01\"", "\"2018-02\""),
        ("effective_from = 2018-01-01", "effective_from = 2018-02-01"),
        ("retroactive = false", "retroactive = true"),
    ];
    next.iter().chain(otherwise).fold(rulebook, |text, (part, otherwise)| {
        assert_eq!(text.matches(part).count(), 1, "{part:?} must stand once");
        text.replace(part, otherwise)
    })
}

/// A job with so many hours a week from 5 January, shown by a payslip; answers with the event of its start.
async fn job(app: &TestApp, journey: &str, hours: &str) -> (String, String) {
    let input = json!({ "journey": journey, "spell": new_id(), "domain": "employment", "hoursPerWeek": hours,
        "occurredOn": "2018-01-05" });
    let spell = text(&input["spell"]);
    let started = text(&app.done(&manager(), "startSpell", input).await["events"][0]["id"]);
    let input = json!({
        "journey": journey, "kind": "payslip", "datedOn": "2018-02-10", "occurredOn": "2018-02-10",
        "supports": [started],
    });
    app.done(&manager(), "attachEvidence", input).await;
    (started, spell)
}

/// The claim for the job of a journey.
async fn job_of(app: &TestApp, journey: &str) -> String {
    let document = format!("{{ journey(id: \"{journey}\") {{ claims {{ id outcome }} }} }}");
    let told = app.ask(&manager(), &document, json!({})).await["journey"]["claims"].clone();
    let job = told.as_array().expect("claims").iter().find(|claim| claim["outcome"] == "job").expect("a job");
    text(&job["id"])
}

async fn previewed(app: &TestApp, draft: &str) -> Value {
    app.ask(&manager(), PREVIEW, json!({ "draft": draft })).await["previewRulebook"].clone()
}

fn counts(preview: &Value) -> [i64; 4] {
    ["gained", "lost", "changed", "unchanged"].map(|count| preview[count].as_i64().expect("a count"))
}

/// The claims that move, each by its id.
fn moves(preview: &Value) -> Vec<Value> {
    let edges = preview["claims"]["edges"].as_array().expect("edges");
    edges.iter().map(|edge| edge["node"].clone()).collect()
}

fn moved(preview: &Value, claim: &str) -> Value {
    let found = moves(preview).into_iter().find(|of| of["id"] == claim);
    found.unwrap_or_else(|| panic!("{claim} does not move: {preview:#}"))
}

/// Where the log and the live view stand.
async fn stored(app: &TestApp) -> (i64, String) {
    let (position, digest) = app.fresh.views.position_and_digest().await.expect("the view answers");
    assert_eq!(position.0, app.head().await);
    (position.0, digest)
}

/// Every claim: id, outcome, status and amount.
async fn everything(app: &TestApp) -> Vec<Value> {
    let fields = "claims(first: 200) { nodes { id outcome status amount { amount } } }";
    let mut all = read(app, &manager(), fields).await["claims"]["nodes"].as_array().expect("nodes").clone();
    all.sort_by_key(|claim| text(&claim["id"]));
    all
}

/// Publishes a draft; the switch must give exactly what was foreseen, and leave alone what was not.
async fn published_as_foreseen(app: &TestApp, draft: &str, preview: &Value, view: i64) {
    let before = everything(app).await;
    let input = json!({ "contract": CODE, "rulebook": draft });
    app.done(&administrator(), "publishRulebook", input).await;
    crate::rebuild_api::live_is(app, view).await;
    let mut foreseen: Vec<Value> = before
        .into_iter()
        .map(|claim| {
            let moved = moves(preview).into_iter().find(|of| of["id"] == claim["id"]);
            moved.map_or(claim.clone(), |of| crate::app::with(of["after"].clone(), json!({ "id": claim["id"] })))
        })
        .collect();
    foreseen.sort_by_key(|claim| text(&claim["id"]));
    assert_eq!(everything(app).await, foreseen);
}

#[tokio::test]
async fn a_draft_with_20_hours_for_16_names_the_job_with_18_and_published_it_gives_exactly_that() {
    on_both_stores("partial", true, async |app: &TestApp| {
        let mut jobs = Vec::new();
        for hours in ["24", "18", "16"] {
            let journey = journey(app).await;
            let (started, spell) = job(app, &journey, hours).await;
            jobs.push((journey, started, spell));
        }
        // From the third week on the last has enough hours to make 20 on average, a fortnight later.
        let (journey, _, spell) = &jobs[2];
        let input = json!({ "journey": journey, "spell": spell, "hoursPerWeek": "24", "occurredOn": "2018-01-19" });
        let changed = text(&app.done(&manager(), "changeSpell", input).await["events"][0]["id"]);
        let before = claims(app, "job").await;
        let draft = draft(&[("at_least = 16", "at_least = 21")]);
        let stored_before = stored(app).await;
        let preview = previewed(app, &draft).await;
        assert_eq!(stored(app).await, stored_before, "nothing is stored");
        assert_eq!(claims(app, "job").await, before);
        assert_eq!(counts(&preview), [0, 1, 1, 10], "{preview:#}");
        assert_eq!((&preview["moneyDelta"]["amount"], &preview["problems"]), (&json!("-500.00"), &json!([])));

        let lost = moved(&preview, &job_of(app, &jobs[1].0).await);
        let hours = |least: u32| format!("The hours a week must be at least {least} on average; unknown hours hold it.");
        let by = |started: &str, event_type: &str, on: &str| {
            json!([{ "id": started, "type": event_type, "occurred": { "on": on } }])
        };
        let cause = |events: Value| {
            json!([{ "rule": "hours", "before": hours(16), "after": hours(21), "events": events }])
        };
        assert_eq!((&lost["moved"], &lost["delta"]["amount"]), (&json!("LOST"), &json!("-500.00")));
        assert_eq!(lost["causes"], cause(by(&jobs[1].1, "SpellStarted", "2018-01-05")));
        let later = moved(&preview, &job_of(app, &jobs[2].0).await);
        assert_eq!(later["moved"], "CHANGED", "the day is another: {later:#}");
        assert_eq!(later["causes"], cause(by(&jobs[2].1, "SpellStarted", "2018-01-05")), "and not by {changed}");

        let moved = "moved delta { amount } causes { rule before after }";
        let document = |fields: &str| {
            format!(
                "query($draft: String!) {{ previewRulebook(contract: \"claims\", rulebook: $draft) {{ gained lost \
                 changed unchanged claims {{ edges {{ node {{ {fields} }} }} }} }} }}"
            )
        };
        let answered = app.ask(&administrator(), &document(moved), json!({ "draft": draft })).await;
        assert_eq!(counts(&answered["previewRulebook"]), [0, 1, 1, 10], "whoever publishes sees what it does");
        let of_a_case = document("after { journeyId }");
        let of_a_case = app.answer(&administrator(), &of_a_case, json!({ "draft": draft })).await;
        assert_eq!(of_a_case.codes(), ["FORBIDDEN", "FORBIDDEN"], "but no case");
        let keyworker = app.answer(&test_caller(Role::Keyworker, "kw", &[CODE]), PREVIEW, json!({ "draft": draft })).await;
        assert_eq!(keyworker.codes(), ["FORBIDDEN"]);
        published_as_foreseen(app, &draft, &preview, 2).await;
    })
    .await;
}

#[tokio::test]
async fn a_draft_for_people_out_of_work_at_referral_names_the_assessment_that_said_otherwise() {
    on_both_stores("partial", true, async |app: &TestApp| {
        let mut assessed = Vec::new();
        for status in [Some("unemployed"), Some("employed"), None] {
            let journey = journey(app).await;
            let mut said = None;
            if let Some(status) = status {
                let input = json!({ "journey": journey, "result": "ELIGIBLE", "occurredOn": "2018-01-03",
                    "facts": [{ "name": "employment_status", "value": status }] });
                said = Some(text(&app.done(&manager(), "assessEligibility", input).await["events"][0]["id"]));
            }
            job(app, &journey, "20").await;
            assessed.push((journey, said));
        }
        // What was paid for the one who was in work is lost as well: it would be proposed to take it back.
        let employed = job_of(app, &assessed[1].0).await;
        let batch = open_batch(app).await;
        submit(app, &batch, std::slice::from_ref(&employed)).await;
        accept_and_pay(app, &batch, &[(employed.clone(), "500.00")]).await;

        let condition = "{ all = [{ fact = \"employment_status\", in = [\"unemployed\"] }] }";
        let draft = draft(&[("hours = { at_least = 16", &format!("only_if = {condition}\nhours = {{ at_least = 16"))]);
        let stored_before = stored(app).await;
        let preview = previewed(app, &draft).await;
        assert_eq!(stored(app).await, stored_before, "nothing is stored");
        assert_eq!(counts(&preview), [0, 2, 0, 10], "{preview:#}");
        assert_eq!(preview["moneyDelta"]["amount"], "-1000.00");
        let cause = |events: Value| {
            let after = "It counts only if (employment_status is unemployed).";
            json!([{ "rule": "only_if", "before": null, "after": after, "events": events }])
        };
        let lost = moved(&preview, &employed);
        assert_eq!((&lost["moved"], &lost["before"]["status"]), (&json!("LOST"), &json!("PAID")));
        let said = assessed[1].1.clone();
        let event = json!([{ "id": said, "type": "EligibilityAssessed", "occurred": { "on": "2018-01-03" } }]);
        assert_eq!(lost["causes"], cause(event));
        let other = moves(&preview).into_iter().find(|of| of["id"] != employed.as_str()).expect("another");
        assert_eq!((&other["moved"], &other["causes"]), (&json!("LOST"), &cause(json!([]))), "nobody said so of them");
        published_as_foreseen(app, &draft, &preview, 2).await;
        let proposed = crate::claims::proposed(app).await;
        assert_eq!((&proposed[0]["claim"], &proposed[0]["amount"]["amount"]), (&json!(employed), &json!("-500.00")));
        // The way back: who was excluded is gained, by the same fact.
        let back = self::draft(&[]).replace("2018-02-01", "2018-02-15").replace("\"2018-02\"", "\"2018-03\"");
        let preview = previewed(app, &back).await;
        assert_eq!(counts(&preview), [2, 0, 0, 10], "{preview:#}");
        let gained = moved(&preview, &employed);
        assert_eq!((&gained["causes"][0]["rule"], &gained["causes"][0]["after"]), (&json!("only_if"), &Value::Null));
        assert_eq!(gained["causes"][0]["events"][0]["id"], json!(said));
    })
    .await;
}

#[tokio::test]
async fn of_several_rules_only_those_that_move_a_claim_are_named() {
    on_both_stores("partial", true, async |app: &TestApp| {
        let mut jobs = Vec::new();
        for hours in ["24", "18"] {
            let journey = journey(app).await;
            jobs.push(job(app, &journey, hours).await);
        }
        let draft = draft(&[
            ("at_least = 16", "at_least = 20"),
            ("\"500.00\"", "\"600.00\""),
            ("amount = \"10000.00\"", "amount = \"20000.00\""),
            ("any_of = [\"payslip\"]", "any_of = [\"payslip\", \"letter\"]"),
        ]);
        let preview = previewed(app, &draft).await;
        assert_eq!(counts(&preview), [0, 1, 1, 6], "{preview:#}");
        assert_eq!(preview["moneyDelta"]["amount"], "-400.00");
        let rules = |how: &str| {
            let of = moves(&preview).into_iter().find(|of| of["moved"] == how).expect("one");
            of["causes"].as_array().expect("causes").iter().map(|cause| text(&cause["rule"])).collect::<Vec<_>>()
        };
        assert_eq!((rules("LOST"), rules("CHANGED")), (vec!["hours".to_owned()], vec!["tariff".to_owned()]));
        // A draft that comes into force later moves nothing before.
        let later = draft.replace("2018-02-01", "2018-04-01");
        assert_eq!(counts(&previewed(app, &later).await), [0, 0, 0, 8]);
        let then = app.ask(&manager(), PREVIEW, json!({ "draft": later, "asOf": "2018-04-01" })).await;
        assert_eq!(counts(&then["previewRulebook"]), [0, 1, 1, 6]);
        // One with the first day of the version before takes its place.
        let superseding =
            draft.replace("2018-02-01", "2018-01-01").replace("retroactive = true", "retroactive = false");
        assert_eq!(counts(&previewed(app, &superseding).await), [0, 1, 1, 6]);
        let again = previewed(app, &draft.replace("\"2018-02\"", "\"2018-01\"")).await;
        assert_eq!(again["problems"], json!([{ "code": "RULEBOOK_VERSION_TAKEN" }]));
        assert_eq!((&again["gained"], &again["moneyDelta"]), (&json!(0), &Value::Null));
    })
    .await;
}

#[tokio::test]
async fn a_lower_cap_and_another_claims_price_move_what_no_longer_fits() {
    on_both_stores("whole", true, async |app: &TestApp| {
        for on in ["2018-01-05", "2018-01-06", "2018-01-07"] {
            crate::claims::planned(app, on).await;
        }
        let last = ids(&claims(app, "plan").await)[2].clone();
        let whole = |otherwise: &[(&str, &str)]| {
            let crossing = ("crossing = \"partial\"", "crossing = \"whole\"");
            draft(&otherwise.iter().copied().chain([crossing]).collect::<Vec<_>>())
        };
        let lower = previewed(app, &whole(&[("\"10000.00\"", "\"8000.00\"")])).await;
        assert_eq!(counts(&lower)[1], 1, "{lower:#}");
        let cause = moved(&lower, &last)["causes"][0].clone();
        assert_eq!(cause["rule"], "cap");
        assert!(text(&cause["before"]).starts_with("At most 10000.00 GBP is paid for plan in all;"), "{cause}");
        assert!(text(&cause["after"]).starts_with("At most 8000.00 GBP is paid for plan in all;"), "{cause}");
        let dearer = previewed(app, &whole(&[("\"3000.00\"", "\"4000.00\"")])).await;
        assert_eq!((counts(&dearer)[1], &moved(&dearer, &last)["moved"]), (1, &json!("LOST")), "{dearer:#}");
    })
    .await;
}

/// Runs the program in a folder of its own.
fn throughline(directory: &std::path::Path, arguments: &[&str]) -> (i32, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
    program.current_dir(directory).env_remove("THROUGHLINE_DATABASE").env("RUST_LOG", "warn");
    let Output { status, stdout, stderr } = program.args(arguments).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (status.code().expect("a status"), text(stdout), text(stderr))
}

#[test]
fn on_the_command_line_a_draft_is_previewed_and_published() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, content: &str| std::fs::write(directory.path().join(name), content).expect("written");
    let run = |arguments: &[&str]| throughline(directory.path(), arguments);
    let first = include_str!("rulebooks/claims.toml").replace("CROSSING", "partial").replace("REFILL", "true");
    write("first.toml", &first);
    write("next.toml", &draft(&[("at_least = 16", "at_least = 20")]));
    write("overlapping.toml", &first.replace("at_least = 16", "at_least = 17"));
    write("negative.toml", &draft(&[("\"10000.00\"", "\"-1.00\"")]));
    let (status, _, stderr) = run(&["rulebook", "publish", "claims", "next.toml"]);
    assert_eq!(status, 2, "there is no database: {stderr}");
    assert_eq!(run(&["contract", "open", "--rulebook", "first.toml", "--starts-on", "2018-01-01"]).0, 0);
    let line = |id: u32, event_type: &str, time: &str, payload: Value| {
        let id = format!("00000000-0000-0000-0000-{id:012}");
        json!({ "specversion": "1.0", "source": "test", "id": id, "type": format!("throughline.journey.{event_type}.v1"),
            "subject": "journey/00000000-0000-0000-0000-000000000010", "time": time,
            "data": { "contract": "claims", "payload": payload } })
        .to_string()
    };
    let spell = "00000000-0000-0000-0000-000000000030";
    let lines = [
        line(
            1,
            "referral_received",
            "2018-01-02",
            json!({ "subject": "00000000-0000-0000-0000-000000000020", "area": "brent" }),
        ),
        line(2, "spell_started", "2018-01-05", json!({ "spell": spell, "domain": "employment", "hours_per_week": 18 })),
        line(
            3,
            "evidence_attached",
            "2018-02-10",
            json!({ "evidence": new_id(), "kind": "payslip", "dated_on": "2018-02-10", "supports": [spell] }),
        ),
    ];
    write("events.ndjson", &(lines.join("\n") + "\n"));
    let (status, stdout, stderr) = run(&["import", "ndjson", "events.ndjson", "--contract", "claims"]);
    assert_eq!(status, 0, "{stdout}{stderr}");

    for command in ["preview", "publish"] {
        for (file, contract, wanted) in [
            ("negative.toml", "claims", "negative.toml: line 71: cap.amount: -1.00 is less than 0; write amount = "),
            (
                "overlapping.toml",
                "claims",
                "overlapping.toml: line 4: version: another text is already version 2018-01; give this one another name",
            ),
            (
                "first.toml",
                "claims",
                "first.toml: line 4: version: version 2018-01 already has this content; \
                leave one of the two out",
            ),
            ("shps", "claims", "use the contract that it names"),
            ("next.toml", "other", "contract \"other\" is not open: open it with `throughline contract open`"),
            ("none.toml", "claims", "give a rulebook file, or one of the packs"),
        ] {
            let (status, stdout, stderr) = run(&["rulebook", command, contract, file]);
            assert_eq!((status, stdout.as_str()), (2, ""), "{stderr}");
            assert!(stderr.contains(wanted), "{command} {file}: expected {wanted}\nfound {stderr}");
        }
    }
    let shown = |format: &str| {
        let arguments = ["rulebook", "preview", "claims", "next.toml", "--as-of", "2018-03-01", "--format", format];
        let (status, stdout, stderr) = run(&arguments);
        assert_eq!((status, stderr.as_str()), (0, ""));
        stdout
    };
    let tables: Value = serde_json::from_str(&shown("json")).expect("JSON");
    let summary = json!({ "Claims": "as of 2018-03-01", "gained": 0, "lost": 1, "changed": 0, "unchanged": 3,
        "delta": "-500.00 GBP" });
    assert_eq!(tables[0]["rows"], json!([summary]));
    assert_eq!(
        tables[1]["rows"],
        json!([{ "outcome": "job", "gained": 0, "lost": 1, "changed": 0, "delta": "-500.00 GBP" }])
    );
    assert_eq!(
        tables[2]["rows"],
        json!([{ "rule": "hours", "gained": 0, "lost": 1, "changed": 0, "delta": "-500.00 GBP" }])
    );
    assert_eq!(tables[3]["rows"][0]["case"], "0000-000G", "what people say of a case that has no number");
    let because = text(&tables[3]["rows"][0]["because"]);
    assert!(
        because.starts_with(
            "hours: The hours a week must be at least 16 on average; unknown hours hold it. -> \
        The hours a week must be at least 20"
        ),
        "{because}"
    );
    assert!(because.contains(", by SpellStarted of 2018-01-05 ("), "{because}");
    let lines = shown("table");
    assert!(lines.contains("claimable 500.00 GBP"), "{lines}");
    assert!(lines.lines().all(|line| line.chars().count() <= 120), "{lines}");
    let at = |part: &str| lines.find(part).unwrap_or_else(|| panic!("{part} is not in {lines}"));
    assert!(at("By outcome") < at("By rule") && at("By rule") < at("Claims that would change"));
    assert_eq!(shown("json"), shown("json"), "nothing is stored");

    let (status, stdout, stderr) = run(&["rulebook", "publish", "claims", "next.toml"]);
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.starts_with("published next.toml, version 2018-02, for claims, at position "), "{stdout}");
    assert!(stdout.contains("live view under it: position "), "{stdout}");
    let (status, _, stderr) = run(&["rulebook", "preview", "claims", "next.toml"]);
    assert!(status == 2 && stderr.contains("version 2018-02 already has this content"), "{stderr}");
}
