//! What is recorded about imports themselves: the source, each run, and the records that go missing and return.

use std::sync::Arc;

use serde_json::{Value, json};
use throughline::access::{Principal, Role, Scope};
use throughline::clock::Chance;
use throughline::import::mapped::Outcome;
use throughline::import::mapping::Mapping;
use throughline::record::Recorder;
use throughline_domain::fact::envelope::{Envelope, StreamKind};

use crate::app::{MST, SHPS, TestApp, on_both_stores};
use crate::deployment::of_role;
use crate::mapped::{Files, import, mapping, shown, through, whole_log};

/// Contacts of the cases of the referrals, whole every night. Gone records stay.
const CONTACTS: &str = r#"mapping = 1
[source]
system = "contacts"
numbers = "referrals"
snapshot = "full"
[read]
format = "csv"
[[table]]
name = "contacts"
[[record]]
table = "contacts"
id = "{id}"
case = "{case}"
[[record.fact]]
type = "contact_logged"
on = "on"
channel = { value = "phone" }
with = { value = "client" }
attendance = { value = "none" }
"#;

async fn with_cases(app: &TestApp, files: &Files) {
    let rows = "R-1,05/01/2018,mid,09/01/2018\nR-2,05/01/2018,mid,09/01/2018\n";
    let file = files.with("r.csv", format!("reference,received,area,accepted\n{rows}"));
    let (summary, _) = import(&app.fresh, &mapping("referrals"), &[file]).await;
    assert_eq!((summary.recorded, summary.refused), (2, 0));
}

/// The facts about imports: the type, the system, the record and what is counted.
async fn about_imports(app: &TestApp) -> Vec<String> {
    let shown = |event: &Envelope| {
        let source = event.source.as_ref().expect("a source");
        let payload: Value = serde_json::from_str(event.payload.get()).expect("JSON");
        let record = source.record_id.as_deref().map(|record| format!(" {record}")).unwrap_or_default();
        let counts = payload["counts"].as_object().into_iter().flatten();
        let counts: Vec<String> =
            counts.filter(|(_, count)| **count != json!(0)).map(|(name, count)| format!(" {name} {count}")).collect();
        format!("{} {}{record}{}", event.event_type, source.system, counts.concat())
    };
    whole_log(&app.fresh).await.iter().filter(|event| event.stream.kind == StreamKind::Import).map(shown).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_recorded_once_and_gone_records_when_they_go_and_when_they_return() {
    on_both_stores(async |app| {
        let (files, contacts) = (Files::new(), Mapping::parse(CONTACTS).expect("a mapping"));
        with_cases(app, &files).await;
        let cases = ["SourceRegistered referrals", "ImportRun referrals recorded 2"];
        assert_eq!(about_imports(app).await, cases);
        let night = |rows: &str| files.with("contacts.csv", format!("id,case,on\nK-1,R-1,2018-02-01\n{rows}"));
        let (both, one) = ("K-2,R-2,2018-02-02\n", "");
        let after = async |rows: &str| {
            let before = about_imports(app).await.len();
            import(&app.fresh, &contacts, &[night(rows)]).await;
            about_imports(app).await.split_off(before)
        };
        assert_eq!(after(both).await, ["SourceRegistered contacts", "ImportRun contacts recorded 2"]);
        assert_eq!(after(both).await, Vec::<String>::new(), "the same file");
        assert_eq!(after(one).await, ["RowMissing contacts K-2", "ImportRun contacts missing 1 there 1"]);
        assert_eq!(after(one).await, Vec::<String>::new(), "the same file");
        assert_eq!(after("\n").await, ["ImportRun contacts missing 1 there 1"], "missing once");
        assert_eq!(after(both).await, ["RowReturned contacts K-2", "ImportRun contacts there 2"]);
        assert_eq!(after(one).await, ["RowMissing contacts K-2", "ImportRun contacts missing 1 there 1"]);

        // Other terms register the source again.
        let leading = CONTACTS.replace("snapshot = \"full\"", "snapshot = \"full\"\nleading = true");
        let before = about_imports(app).await.len();
        import(&app.fresh, &Mapping::parse(&leading).expect("a mapping"), &[night(both)]).await;
        let expected = ["RowReturned contacts K-2", "SourceRegistered contacts", "ImportRun contacts there 2"];
        assert_eq!(about_imports(app).await.split_off(before), expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_lost_too_much_retracts_nothing_also_when_it_is_sent_again() {
    on_both_stores(async |app| {
        let files = Files::new();
        with_cases(app, &files).await;
        let purging = CONTACTS.replace("\"full\"", "\"full\"\npurges = true\npurge_most = 60");
        let purging = Mapping::parse(&purging).expect("a mapping");
        let last = async |rows: &str| {
            let file = files.with("contacts.csv", format!("id,case,on\n{rows}"));
            import(&app.fresh, &purging, &[file]).await.1.pop().expect("a result")
        };
        let (one, others) = ("K-1,R-1,2018-02-01\n", "K-2,R-1,2018-02-02\nK-3,R-2,2018-02-03\n");
        assert_eq!(last(one).await, "2 K-1 recorded 1");
        assert_eq!(last(others).await, "gone K-1 refused TOO_MANY_GONE at -");
        let before = app.head().await;
        assert_eq!((last(others).await.as_str(), app.head().await), ("gone K-1 refused TOO_MANY_GONE at -", before));
        // From the next night on, the others are records like any.
        assert_eq!(last(&format!("{others}\n")).await, "gone K-1 retracted 1");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_stopped_before_it_recorded_anything_is_none() {
    on_both_stores(async |app| {
        let (files, contacts) = (Files::new(), Mapping::parse(CONTACTS).expect("a mapping"));
        with_cases(app, &files).await;
        let before = app.head().await;
        let file = [files.with("contacts.csv", "id,case\nK-1,R-1\n")];
        through(&app.fresh.recorder, MST, &contacts, &file).await.expect_err("no column of the day");
        assert_eq!(app.head().await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_keeps_no_record_back_and_is_in_its_result() {
    on_both_stores(async |app| {
        let files = Files::new();
        let file = files.with("r.csv", "reference,received,area\nR-1,05/01/2001,mid\nR-2,05/01/2018,mid\n");
        let (_, results) = through(&app.fresh.recorder, MST, &mapping("referrals"), &[file]).await.expect("an import");
        let notes: Vec<&str> = results.iter().map(|result| result.note.as_deref().unwrap_or_default()).collect();
        assert!(notes[0].starts_with("recorded with a warning: ") && notes[1].is_empty(), "{notes:?}");
        assert!(results.iter().all(|result| matches!(&result.outcome, Outcome::Recorded(_))), "{results:?}");
    })
    .await;
}

/// Workers with logins.
const WORKERS: &str = r#"mapping = 1
[source]
system = "workers"
[read]
format = "csv"
[[table]]
name = "workers"
[[record]]
table = "workers"
id = "{id}"
worker = "{id}"
[[record.fact]]
type = "worker_joined"
on = "joined"
label = "id"
login = "login"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_asks_the_view_for_taken_logins_and_says_what_an_import_says() {
    on_both_stores(async |app| {
        app.add_worker("kw-07").await;
        let (files, workers) = (Files::new(), Mapping::parse(WORKERS).expect("a mapping"));
        let file = [files.with("w.csv", "id,joined,login\nW-1,2018-01-05,KW-07\nW-2,2018-01-05,kw-08\n")];
        let (log, clock) = (app.fresh.log.clone(), Arc::clone(&app.fresh.clock));
        let recorder = Recorder::dry_run(log, clock, Arc::new(Chance::System)).await.expect("a dry run");
        let recorder = recorder.asking(app.fresh.views.clone());
        let before = app.head().await;
        let (_, dry) = through(&recorder, MST, &workers, &file).await.expect("a dry run");
        assert_eq!(app.head().await, before);
        let (_, results) = import(&app.fresh, &workers, &file).await;
        assert_eq!(results, ["2 W-1 refused LOGIN_TAKEN at -", "3 W-2 recorded 1"]);
        assert_eq!(shown(&dry), results);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_stopped_in_the_middle_is_recorded_as_stopped() {
    on_both_stores(async |app| {
        let files = Files::new();
        with_cases(app, &files).await;
        let mut broken = b"id,case,on\nK-1,R-1,2018-02-01\n".to_vec();
        broken.extend(b"K-2,R-1,2018-02-02\n".repeat(30_000));
        broken.extend(b"K-3,R-1,\xff\xfe\n");
        let file = [files.with("contacts.csv", broken)];
        let contacts = CONTACTS.replace("format = \"csv\"", "format = \"csv\"\nencoding = \"utf-8\"");
        let contacts = Mapping::parse(&contacts).expect("a mapping");
        through(&app.fresh.recorder, MST, &contacts, &file).await.expect_err("not UTF-8");
        let runs = "{ importRuns(system: \"contacts\") { nodes { ended files counts { recorded } } } }";
        let answer = app.ask(&of_role(Role::Integrator), runs, json!({})).await;
        let run = &answer["importRuns"]["nodes"][0];
        assert_eq!((&run["ended"], &run["counts"]["recorded"]), (&json!("STOPPED"), &json!(2)));
        assert_eq!(run["files"].as_array().map(Vec::len), Some(1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_and_runs_are_listed_for_those_who_may_see_the_contract() {
    on_both_stores(async |app| {
        let (files, contacts) = (Files::new(), Mapping::parse(CONTACTS).expect("a mapping"));
        with_cases(app, &files).await;
        for day in ["2018-02-01", "2018-02-02", "2018-02-03"] {
            let file = files.with("contacts.csv", format!("id,case,on\nK-1,R-1,{day}\n"));
            import(&app.fresh, &contacts, &[file]).await;
        }
        let document = "query($after: String) { \
            sources(first: 1, after: $after) { totalCount nodes { system contract numbers holds leads purgeMost } \
            pageInfo { hasNextPage endCursor } } }";
        let integrator = of_role(Role::Integrator);
        let first = app.ask(&integrator, document, json!({})).await["sources"].clone();
        assert_eq!((&first["totalCount"], &first["pageInfo"]["hasNextPage"]), (&json!(2), &json!(true)));
        let expected = json!([{ "system": "contacts", "contract": MST, "numbers": "referrals", "holds": "EVERYTHING",
            "leads": "CORRECTION", "purgeMost": null }]);
        assert_eq!(first["nodes"], expected);
        let after = json!({ "after": first["pageInfo"]["endCursor"] });
        let second = app.ask(&integrator, document, after.clone()).await["sources"].clone();
        assert_eq!(second["nodes"][0]["system"], json!("referrals"));

        let document = "query($after: String) { importRuns(system: \"contacts\", first: 2, after: $after) { totalCount \
            nodes { contract ended mapping counts { recorded corrected alreadyThere } } pageInfo { endCursor } } }";
        let runs = app.ask(&integrator, document, json!({})).await["importRuns"].clone();
        assert_eq!(runs["totalCount"], json!(3));
        let counts = |run: &Value| [&run["counts"]["recorded"], &run["counts"]["corrected"]].map(Value::clone);
        assert_eq!(counts(&runs["nodes"][0]), [json!(0), json!(1)], "newest first");
        let next = json!({ "after": runs["pageInfo"]["endCursor"] });
        let runs = app.ask(&integrator, document, next).await["importRuns"].clone();
        assert_eq!(counts(&runs["nodes"][0]), [json!(1), json!(0)]);
        assert_eq!(runs["nodes"][0]["mapping"], json!(contacts.digest));
        assert_eq!(app.answer(&integrator, document, after).await.codes(), ["BAD_USER_INPUT"], "of another list");

        // Another contract sees none of it, and nobody whose token is for some areas only.
        let within = |scope: Scope| Principal { scope, ..of_role(Role::Manager) };
        let areas = Scope::Areas { contracts: [MST.to_owned()].into(), areas: ["mid".to_owned()].into() };
        for (principal, seen) in [
            (within(Scope::Contracts([MST.to_owned()].into())), 3),
            (within(Scope::Contracts([SHPS.to_owned()].into())), 0),
            (within(areas), 0),
            (of_role(Role::Auditor), 3),
        ] {
            let runs = app.ask(&principal, document, json!({})).await["importRuns"]["totalCount"].clone();
            assert_eq!(runs, json!(seen), "{principal:?}");
        }
        assert_eq!(app.answer(&of_role(Role::Commissioner), document, json!({})).await.codes(), ["FORBIDDEN"]);
    })
    .await;
}
