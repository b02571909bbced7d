//! Files of other systems, imported by mapping on both stores: what becomes of every record, and that the same files
//! again add nothing.
//!
//! The cases, days and codes are invented, or from the files in tests/mapped and tests/ssda903.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use throughline::access::Role;
use throughline::clock::Chance;
use throughline::import::mapped::{Outcome, RowResult, SourceFile, Summary};
use throughline::import::mapping::{Mapping, shipped};
use throughline::import::{Import, ImportError};
use throughline::record::Recorder;
use throughline_domain::command::{Command, RetractFacts};
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::{Envelope, Position, StreamKind};
use throughline_domain::world;

use crate::app::instant;
use crate::deployment::of_role;
use crate::stores::{Fresh, STORES};

pub(crate) const MST: &str = "mst-essex";

/// A folder of files to import.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn with(&self, name: &str, content: impl AsRef<[u8]>) -> SourceFile {
        let path = self.0.path().join(name);
        let mut file = std::fs::File::create(&path).expect("a file");
        file.write_all(content.as_ref()).expect("written");
        SourceFile { name: name.to_owned(), path }
    }
}

pub(crate) async fn on_both_stores(rulebook: &str, code: &str, test: impl AsyncFn(&Fresh)) {
    for dialect in STORES {
        let fresh = Fresh::on(dialect, instant("2026-11-01T09:00:00Z")).await;
        let open = world::open(world::when("2018-06-01"), world::opened(code, "2010-04-01"), rulebook);
        fresh.record(open).await.expect("accepted");
        test(&fresh).await;
        fresh.end().await;
    }
}

pub(crate) fn mst() -> &'static str {
    pack(MST).expect("a pack that ships").text
}

pub(crate) fn mapping(name: &str) -> Mapping {
    let shipped = shipped().iter().find(|shipped| shipped.name == name).expect("a mapping that ships");
    Mapping::parse(shipped.text).expect("a mapping")
}

pub(crate) async fn through(
    recorder: &Recorder,
    contract: &str,
    mapping: &Mapping,
    files: &[SourceFile],
) -> Result<(Summary, Vec<RowResult>), ImportError> {
    let principal = of_role(Role::Integrator);
    let import = Import { recorder, principal: &principal, contract };
    let mut results = Vec::new();
    let summary = import.mapped(mapping, files, None, |result| results.push(result.clone())).await?;
    Ok((summary, results))
}

pub(crate) async fn import(fresh: &Fresh, mapping: &Mapping, files: &[SourceFile]) -> (Summary, Vec<String>) {
    let (summary, results) = through(&fresh.recorder, MST, mapping, files).await.expect("an import");
    (summary, shown(&results))
}

/// What became of each record, in a few words.
pub(crate) fn shown(results: &[RowResult]) -> Vec<String> {
    let shown = |result: &RowResult| {
        let line = result.line.map_or_else(|| "gone".to_owned(), |line| line.to_string());
        let record = result.record.as_deref().unwrap_or("?");
        let outcome = match &result.outcome {
            Outcome::Recorded(marks) => format!("recorded {}", marks.len()),
            Outcome::Corrected(marks) => format!("corrected {}", marks.len()),
            Outcome::Retracted(marks) => format!("retracted {}", marks.len()),
            Outcome::There(_) => "there".to_owned(),
            Outcome::Missing => "missing".to_owned(),
            Outcome::Unreadable(error) => format!("unreadable {}", error.key.as_deref().unwrap_or("-")),
            Outcome::Refused(problems) => {
                let each = problems
                    .iter()
                    .map(|problem| format!("{} at {}", problem.code, problem.path.as_deref().unwrap_or("-")));
                format!("refused {}", each.collect::<Vec<_>>().join(", "))
            }
        };
        format!("{line} {record} {outcome}")
    };
    results.iter().map(shown).collect()
}

/// Every event.
pub(crate) async fn whole_log(fresh: &Fresh) -> Vec<Envelope> {
    let head = fresh.log.head().await.expect("a head").position;
    fresh.log.page_of(Position(0), head, i64::MAX).await.expect("the log is read")
}

/// Every event, except those about the imports themselves.
async fn everything(fresh: &Fresh) -> Vec<Envelope> {
    let mut events = whole_log(fresh).await;
    events.retain(|event| event.stream.kind != StreamKind::Import);
    events
}

/// The number of events, except those about the imports themselves.
pub(crate) async fn head(fresh: &Fresh) -> usize {
    everything(fresh).await.len()
}

const REFERRALS: &str = "reference,received,area,accepted,closed,reason
R-1,05/01/2018,mid,09/01/2018,,
R-2,06/01/2018,,,,
R-3,31/02/2018,mid,,,
R-4,07/01/2018,nowhere,,,
R-5,08/01/2018,mid,07/01/2018,,
943 476 5919,08/01/2018,mid,,,
R-1,05/01/2018,mid,10/01/2018,,
R-2,06/01/2018,,,,
";

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_referrals_is_recorded_once_and_every_bad_row_says_why() {
    on_both_stores(mst(), MST, async |fresh| {
        let (files, mapping) = (Files::new(), mapping("referrals"));
        let file = files.with("referrals.csv", REFERRALS);
        let (summary, results) = import(fresh, &mapping, std::slice::from_ref(&file)).await;
        let expected = [
            "2 R-1 recorded 3",
            "3 R-2 recorded 2",
            "4 R-3 unreadable received",
            "5 R-4 refused UNKNOWN_CODE at area",
            "6 R-5 refused BEFORE_REFERRAL at accepted",
            "7 ? refused PERSONAL_DATA at reference",
            "8 R-1 refused RECORD_TWICE at -",
            "9 R-2 there",
        ];
        assert_eq!(results, expected);
        assert_eq!((summary.recorded, summary.journeys, summary.refused, summary.unreadable), (2, 2, 4, 1));
        assert_eq!(summary.found[0].absent, ["cohort", "referrer"]);
        let before = head(fresh).await;
        let (again, _) = import(fresh, &mapping, &[file]).await;
        assert_eq!((again.recorded, again.corrected, again.there), (0, 0, 3));
        assert_eq!(head(fresh).await, before, "the same file again adds nothing");

        // Other columns, another order, another encoding, another separator of lines: nothing new.
        let turned =
            "\u{feff}received,reference,area,accepted,closed,reason,note\r\n05/01/2018,R-1,mid,09/01/2018,,,x\r\n";
        let turned: Vec<u8> = turned.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let (again, _) = import(fresh, &mapping, &[files.with("turned.csv", turned)]).await;
        assert_eq!((again.there, head(fresh).await), (1, before));

        let later = "reference,received,accepted,closed,reason\nR-1,05/01/2018,10/01/2018,01/03/2018,\n";
        let (_, results) = import(fresh, &mapping, &[files.with("later.csv", later)]).await;
        assert_eq!(results, ["2 R-1 corrected 2"]);
        let last = everything(fresh).await.pop().expect("an event");
        let source = last.source.expect("a source");
        assert_eq!(
            (source.system.as_str(), source.record_id.as_deref(), source.row),
            ("referrals", Some("R-1"), Some(2))
        );
        assert_eq!((last.event_type.as_str(), last.contract.as_deref()), ("JourneyClosed", Some(MST)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_an_import_would_do_and_records_nothing() {
    on_both_stores(mst(), MST, async |fresh| {
        let (files, mapping) = (Files::new(), mapping("referrals"));
        let file = [files.with("referrals.csv", REFERRALS)];
        let before = head(fresh).await;
        let (log, clock) = (fresh.log.clone(), Arc::clone(&fresh.clock));
        let recorder = Recorder::dry_run(log, clock, Arc::new(Chance::System)).await.expect("a dry run");
        let (_, dry) = through(&recorder, MST, &mapping, &file).await.expect("a dry run");
        assert_eq!(head(fresh).await, before);
        let (_, results) = import(fresh, &mapping, &file).await;
        assert_eq!(shown(&dry), results);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn allocations_of_every_night_follow_what_is_changed_gone_and_returned() {
    on_both_stores(mst(), MST, async |fresh| {
        let (files, cases, mapping) = (Files::new(), mapping("referrals"), mapping("allocations"));
        let referrals: Vec<String> = (1..=20).map(|nth| format!("R-{nth},05/01/2018,mid,09/01/2018\n")).collect();
        let referrals = referrals.concat();
        import(fresh, &cases, &[files.with("r.csv", format!("reference,received,area,accepted\n{referrals}"))]).await;
        let night = |rows: &[String]| {
            files.with("allocations.csv", format!("case,worker,team,from,to,status\n{}\n", rows.join("\n")))
        };
        let mut rows: Vec<String> = (1..=20).map(|nth| format!("R-{nth},W-1,north,{nth:02}/02/2018,,open")).collect();
        let (summary, _) = import(fresh, &mapping, &[night(&rows)]).await;
        assert_eq!((summary.recorded, summary.there, summary.refused), (21, 19, 0));
        let first = head(fresh).await;
        import(fresh, &mapping, &[night(&rows)]).await;
        assert_eq!(head(fresh).await, first);

        rows[4] = "R-5,W-1,north,05/02/2018,28/02/2018,open".to_owned();
        rows.reverse();
        let (summary, results) = import(fresh, &mapping, &[night(&rows)]).await;
        assert_eq!((summary.corrected, head(fresh).await), (1, first + 1));
        assert!(results.contains(&"17 R-5/W-1/05/02/2018 corrected 1".to_owned()), "{results:?}");

        let gone = rows.remove(0);
        let (_, results) = import(fresh, &mapping, &[night(&rows)]).await;
        assert_eq!(results.last().map(String::as_str), Some("gone R-20/W-1/20/02/2018 retracted 1"));
        let (summary, _) = import(fresh, &mapping, &[night(&rows)]).await;
        assert_eq!((summary.retracted, head(fresh).await), (0, first + 2), "once");
        rows.push(gone);
        let (_, results) = import(fresh, &mapping, &[night(&rows)]).await;
        assert_eq!(results.last().map(String::as_str), Some("21 R-20/W-1/20/02/2018 recorded 1"));

        // Half of a snapshot retracts nothing.
        let before = head(fresh).await;
        let (summary, results) = import(fresh, &mapping, &[night(&rows[..10])]).await;
        assert_eq!((summary.refused, head(fresh).await), (10, before));
        assert!(results.last().is_some_and(|last| last.ends_with("refused TOO_MANY_GONE at -")), "{results:?}");
        let broken = [rows[..10].to_vec(), vec!["?".to_owned()]].concat();
        let (summary, _) = import(fresh, &mapping, &[night(&broken)]).await;
        assert!(summary.not_compared.is_some_and(|reason| reason.starts_with("1 rows could not be read")));
    })
    .await;
}

/// Contacts of the cases of the referrals, whole every night.
const CONTACTS: &str = r#"mapping = 1
[source]
system = "contacts"
numbers = "referrals"
snapshot = "full"
purges = true
purge_most = 100
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

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_names_another_case_takes_its_record_there() {
    on_both_stores(mst(), MST, async |fresh| {
        let (files, cases) = (Files::new(), mapping("referrals"));
        let rows = "R-1,05/01/2018,mid,09/01/2018\nR-2,05/01/2018,mid,09/01/2018\n";
        import(fresh, &cases, &[files.with("r.csv", format!("reference,received,area,accepted\n{rows}"))]).await;
        let contacts = Mapping::parse(CONTACTS).expect("a mapping");
        let night =
            |case: &str| files.with("contacts.csv", format!("id,case,on\nK-1,{case},2018-02-01\nK-2,R-1,2018-02-02\n"));
        let (summary, _) = import(fresh, &contacts, &[night("R-1")]).await;
        assert_eq!((summary.recorded, summary.refused), (2, 0));
        for case in ["R-2", "R-1"] {
            let (_, results) = import(fresh, &contacts, &[night(case)]).await;
            assert_eq!(results, ["2 K-1 recorded 1", "3 K-2 there", "gone K-1 retracted 1"], "to {case}");
            let before = head(fresh).await;
            let (summary, _) = import(fresh, &contacts, &[night(case)]).await;
            assert_eq!((summary.there, summary.retracted, head(fresh).await), (2, 0, before));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_retracted_here_stays_so_and_is_reported() {
    on_both_stores(mst(), MST, async |fresh| {
        let (files, mapping) = (Files::new(), mapping("referrals"));
        let file = [files.with("r.csv", "reference,received,accepted\nR-1,05/01/2018,09/01/2018\n")];
        import(fresh, &mapping, &file).await;
        let accepted = everything(fresh).await.pop().expect("an event");
        let retraction = RetractFacts {
            stream: accepted.stream,
            targets: vec![accepted.event_id],
            reason: "accepted by mistake".to_owned(),
        };
        fresh.record(Command::RetractFacts(retraction)).await.expect("accepted");
        let before = head(fresh).await;
        let (_, results) = import(fresh, &mapping, &file).await;
        assert_eq!((results, head(fresh).await), (vec!["2 R-1 refused RETRACTED_HERE at accepted".to_owned()], before));
    })
    .await;
}

/// A rulebook with the codes of the children in need census.
fn census_rulebook() -> String {
    let text = pack("case-management").expect("a pack that ships").text;
    let codes = [
        ("plan_kinds = [", "plan_kinds = [\"cin_plan\", "),
        (
            "spell_domains = [",
            "spell_domains = [\"assessment\", \"section_47\", \"child_protection\", \"pre_proceedings\", ",
        ),
        ("achievement_codes = [", "achievement_codes = [\"child_protection_review\", "),
        (
            "close_reasons = [",
            "close_reasons = [\"RC1\", \"RC2\", \"RC3\", \"RC4\", \"RC5\", \"RC6\", \"RC7\", \"RC8\", \"RC9\", ",
        ),
        ("[referrals]", "[referrals]\ndefault_area = \"first_office\""),
    ];
    codes.into_iter().fold(text.to_owned(), |text, (from, to)| text.replacen(from, to, 1))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_nonsense_of_a_census_is_named_with_its_place_and_the_rest_is_recorded() {
    on_both_stores(&census_rulebook(), "case-management", async |fresh| {
        let (files, mapping) = (Files::new(), mapping("cin-census"));
        let file = [files.with("cin.xml", include_str!("../mapped/cin-census-2026.xml"))];
        let (summary, results) = through(&fresh.recorder, "case-management", &mapping, &file).await.expect("an import");
        let expected = [
            "24 ? unreadable Message/Children/Child/ChildIdentifiers",
            "34 DfEX0000001/2022-10-06 recorded 4",
            "41 DfEX0000001/2022-10-06/assessment/2028-04-28 refused DATED_IN_FUTURE at AssessmentActualStartDate",
            "50 DfEX0000001/2022-10-06/plan/2023-01-24 recorded 2",
            "54 DfEX0000001/2022-10-06/s47/2022-06-02 recorded 2",
            "61 DfEX0000001/2022-10-06/cpp/2022-02-17 recorded 2",
            "67 DfEX0000001/2022-10-06/cpp-review/2023-02-15 recorded 1",
            "71 DfEX0000001/2022-10-06/pre-proceedings/2026-09-09 refused DATED_IN_FUTURE at StepDecisionDate",
            "98 child_fails_assessments/2024-10-24 recorded 4",
            "104 child_fails_assessments/2024-10-24/assessment/2023-12-25 recorded 2",
        ];
        assert_eq!(shown(&results), expected);
        let before = head(fresh).await;
        let (again, _) = through(&fresh.recorder, "case-management", &mapping, &file).await.expect("an import");
        assert_eq!((again.recorded, again.there, head(fresh).await), (0, summary.recorded, before));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_before_it_starts_is_named_once_its_dates_are_past() {
    for dialect in STORES {
        let fresh = Fresh::on(dialect, instant("2029-01-01T09:00:00Z")).await;
        let opened = world::opened("case-management", "2010-04-01");
        fresh.record(world::open(world::when("2018-06-01"), opened, census_rulebook())).await.expect("accepted");
        let (files, mapping) = (Files::new(), mapping("cin-census"));
        let file = [files.with("cin.xml", include_str!("../mapped/cin-census-2026.xml"))];
        let (_, results) = through(&fresh.recorder, "case-management", &mapping, &file).await.expect("an import");
        let ends_first = "41 DfEX0000001/2022-10-06/assessment/2028-04-28 refused ENDED_BEFORE_START at \
            AssessmentAuthorisationDate";
        let shown = shown(&results);
        assert!(shown.contains(&ends_first.to_owned()), "{shown:#?}");
        fresh.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workforce_census_gives_workers_their_time_and_their_absence() {
    on_both_stores(mst(), MST, async |fresh| {
        let (files, mapping) = (Files::new(), mapping("workforce-census"));
        let file = [files.with("workforce.xml", include_str!("../mapped/workforce-2022.xml"))];
        let (summary, results) = import(fresh, &mapping, &file).await;
        assert_eq!(results.len(), 30);
        let mut types: BTreeMap<String, usize> = BTreeMap::new();
        for envelope in everything(fresh).await {
            if envelope.stream.kind == StreamKind::Worker {
                *types.entry(envelope.event_type).or_default() += 1;
            }
        }
        let expected = [("AbsenceRecorded", 2), ("WorkerJoined", 19), ("WorkerLeft", 11), ("WteSet", 8)];
        assert_eq!(types, BTreeMap::from(expected.map(|(name, count)| (name.to_owned(), count))));
        assert_eq!((summary.recorded, summary.refused, summary.unreadable), (19, 7, 4));
        let not_recorded: Vec<&str> =
            results.iter().map(String::as_str).filter(|result| !result.contains(" recorded ")).collect();
        assert_eq!(not_recorded[0], "39 Yk7226043359 unreadable RoleStartDate");
        let early = "79 oP8178849586 refused BEFORE_JOINING at /Header/CollectionDetails/ReferenceDate";
        assert_eq!(not_recorded[1], early);
        let before = head(fresh).await;
        let (again, _) = import(fresh, &mapping, &file).await;
        assert_eq!((again.recorded, again.there, head(fresh).await), (0, 19, before));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_episodes_file_under_its_mapping_gives_the_same_days_in_care() {
    crate::app::from_the_instant("2018-06-01T09:00:00Z", async |app| {
        app.open_contract(MST).await;
        let (files, mapping) = (Files::new(), mapping("ssda903"));
        let file = [files.with("episodes.csv", include_str!("../ssda903/episodes.csv"))];
        let (summary, _) = import(&app.fresh, &mapping, &file).await;
        assert_eq!((summary.refused + summary.unreadable, summary.journeys), (0, 2_123));
        let document = "{ contract(code: \"mst-essex\", at: { asOf: \"2018-05-31\" }) { claims(outcome: \
            \"care_below_comparison\") { nodes { scope { of period { first last } } \
            counted { counted outOf share } } } } }";
        assert!(app.fresh.views.passed(summary.position, crate::wait::PATIENCE).await, "the view does not follow");
        let answer = app.ask(&crate::app::other_manager(), document, serde_json::json!({})).await;
        let claims = answer["contract"]["claims"]["nodes"].as_array().expect("claims");
        let year = claims.iter().find(|claim| claim["scope"]["period"]["first"] == "2017-04-01").expect("the year");
        assert_eq!(year["counted"], serde_json::json!({ "counted": "636184", "outOf": "774895", "share": "0.820994" }));
        let before = head(&app.fresh).await;
        let (again, _) = import(&app.fresh, &mapping, &file).await;
        assert_eq!((again.recorded + again.corrected, head(&app.fresh).await), (0, before));
    })
    .await;
}
