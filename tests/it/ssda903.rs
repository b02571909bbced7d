//! Returns of children looked after: each child a journey, each episode a spell of care, and what becomes of every row.
//!
//! The children, days and codes are invented.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::process::{Command as Program, Output};
use std::sync::Arc;

use serde_json::Value;
use throughline::access::{Principal, Role};
use throughline::clock::Chance;
use throughline::import::ssda903::{Outcome, Return, RowResult, SYSTEM, Summary};
use throughline::import::{Import, ImportError};
use throughline::record::Recorder;
use throughline::store::Dialect;
use throughline_domain::command::{Command, CorrectFact, RetractFacts};
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Envelope, JourneyId, Occurred, Position, StreamId};
use throughline_domain::fact::event::{Event, ReferralDeclined, SpellEnded};
use throughline_domain::journey::Journey;
use throughline_domain::world;

use crate::app::instant;
use crate::deployment::{day, of_role};
use crate::field::Field;
use crate::reopened::assert_rebuilt_alike;
use crate::stores::{Fresh, STORES};

pub(crate) const HEADER: &str =
    "CHILD,DECOM,RNE,LS,CIN,PLACE,PLACE_PROVIDER,DEC,REC,REASON_PLACE_CHANGE,HOME_POST,PL_POST,URN";
const MST: &str = "mst-essex";

/// A row, of a child, a first day, a legal status, a last day and the reason of the end.
pub(crate) fn row(child: &str, began: &str, status: &str, ended: &str, reason: &str) -> String {
    format!("{child},{began},S,{status},N1,U6,PR1,{ended},{reason},CARPL,AB1 2CD,EF3 4GH,1234567")
}

pub(crate) fn file(rows: &[String]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

pub(crate) async fn on_both_stores(test: impl AsyncFn(&Fresh)) {
    for dialect in STORES {
        let fresh = Fresh::on(dialect, instant("2018-06-01T09:00:00Z")).await;
        open_contract(&fresh).await;
        test(&fresh).await;
        fresh.end().await;
    }
}

async fn open_contract(fresh: &Fresh) {
    let rulebook = pack(MST).expect("a pack that ships").text;
    let open = world::open(world::when("2018-06-01"), world::opened(MST, "2013-04-01"), rulebook);
    fresh.record(open).await.expect("accepted");
}

/// Somebody's import through a recorder.
async fn imported(
    recorder: &Recorder,
    principal: &Principal,
    files: &[&str],
) -> Result<(Summary, Vec<RowResult>), ImportError> {
    let import = Import { recorder, principal, contract: MST };
    let returns: Vec<Return> = files.iter().map(|file| Return::read(Cursor::new(file)).expect("a return")).collect();
    let mut rows = Vec::new();
    let summary = import.ssda903(&returns, "mid", |_, told| rows.push(told.clone())).await?;
    Ok((summary, rows))
}

pub(crate) async fn import(fresh: &Fresh, file: &str) -> (Summary, Vec<RowResult>) {
    imported(&fresh.recorder, &of_role(Role::Integrator), &[file]).await.expect("an import")
}

pub(crate) async fn dry_run(fresh: &Fresh, files: &[&str]) -> (Summary, Vec<RowResult>) {
    let (log, clock) = (fresh.log.clone(), Arc::clone(&fresh.clock));
    let recorder = Recorder::dry_run(log, clock, Arc::new(Chance::System)).await.expect("a dry run");
    imported(&recorder, &of_role(Role::Integrator), files).await.expect("a dry run")
}

/// What became of each row, in a few words.
pub(crate) fn shown(rows: &[RowResult]) -> Vec<String> {
    let shown = |told: &RowResult| {
        let line = told.line.map_or_else(|| "gone".to_owned(), |line| line.to_string());
        let child = told.child.as_deref().unwrap_or("?");
        let outcome = match &told.outcome {
            Outcome::Recorded(marks) => format!("recorded {}", marks.len()),
            Outcome::Corrected(marks) => format!("corrected {}", marks.len()),
            Outcome::There(_) => "there".to_owned(),
            Outcome::Missing => format!("missing {}", told.began_on.expect("a day")),
            Outcome::Unreadable(error) => format!("unreadable {error}"),
            Outcome::Refused(problems) => {
                let problem = &problems[0];
                format!("refused {} at {}", problem.code, problem.path.as_deref().unwrap_or("-"))
            }
        };
        format!("{line} {child} {outcome}")
    };
    rows.iter().map(shown).collect()
}

async fn everything(fresh: &Fresh) -> Vec<Envelope> {
    let head = fresh.log.head().await.expect("a head").position;
    fresh.log.page_of(Position(0), head, i64::MAX).await.expect("the log is read")
}

pub(crate) async fn head(fresh: &Fresh) -> i64 {
    fresh.log.head().await.expect("a head").position.0
}

/// The journey of each child, by the child's code.
pub(crate) async fn journeys(fresh: &Fresh) -> BTreeMap<String, (JourneyId, History)> {
    let mut histories: BTreeMap<JourneyId, History> = BTreeMap::new();
    for envelope in everything(fresh).await {
        if envelope.stream.kind.as_str() == "journey" {
            let history = histories.entry(JourneyId(envelope.stream.id)).or_default();
            history.evolve(Recorded::decode(&envelope).expect("readable"));
        }
    }
    let code = |journey: Journey| journey.referral.expect("a referral").details.external_references[0].id.clone();
    histories.into_iter().map(|(id, history)| (code(history.journey()), (id, history))).collect()
}

/// Each spell of a child that stands: first day, legal status, first day no longer and why.
pub(crate) async fn spells(fresh: &Fresh, child: &str) -> Vec<String> {
    let journeys = journeys(fresh).await;
    let journey = journeys[child].1.journey();
    let spell = |spell: &throughline_domain::journey::Spell| {
        let ended = spell
            .ended
            .as_ref()
            .map(|end| format!("{} {}", end.occurred.earliest(), end.details.reason.as_deref().unwrap_or("-")));
        let status = spell.details.attributes.get("legal_status").map(ToString::to_string);
        format!(
            "{} {} to {}",
            spell.started.earliest(),
            status.unwrap_or_default(),
            ended.unwrap_or_else(|| "now".to_owned())
        )
    };
    journey.spells.iter().map(spell).collect()
}

#[tokio::test]
async fn a_return_becomes_journeys_with_spells_of_care() {
    // Rows in any order, a child's apart from each other, overlapping, one without an end; and what wrote the file.
    let file = file(&[
        row("101", "01/05/2017", "C2", "", "X1"),
        row("202", "10/04/2017", "V2", "20/04/2017", "E4B"),
        row("101", "01/04/2017", "C1", "10/05/2017", "X1"),
    ]);
    let file = format!("\u{feff}{}", file.trim_end().replace('\n', "\r\n"));
    on_both_stores(async |fresh| {
        let (summary, rows) = import(fresh, &file).await;
        assert_eq!(shown(&rows), ["2 101 recorded 1", "3 202 recorded 4", "4 101 recorded 4"]);
        assert_eq!((summary.recorded, summary.journeys, summary.position), (3, 2, Position(head(fresh).await)));
        assert_eq!(rows[0].note.as_deref(), Some("REC is recorded only with a DEC"));
        assert_eq!(spells(fresh, "101").await, ["2017-04-01 C1 to 2017-05-10 X1", "2017-05-01 C2 to now"]);
        assert_eq!(spells(fresh, "202").await, ["2017-04-10 V2 to 2017-04-20 E4B"]);

        let journey = journeys(fresh).await["101"].1.journey();
        let referral = journey.referral.as_ref().expect("a referral");
        assert_eq!((referral.occurred.earliest(), referral.details.area.as_str()), (day("2017-04-01"), "mid"));
        assert_eq!(referral.details.external_references[0].system, SYSTEM);
        assert!(journey.accepted.is_none(), "the return says nothing of the service's caseload");
        let attributes: Vec<String> =
            journey.spells[0].details.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = [
            "category_of_need=N1",
            "legal_status=C1",
            "placement=U6",
            "placement_provider=PR1",
            "reason_new_episode=S",
            "reason_placement_change=CARPL",
            "urn=1234567",
        ];
        assert_eq!(attributes, expected);
        for envelope in everything(fresh).await.iter().skip(2) {
            let record = envelope.to_record();
            assert!(!record.contains("2CD") && !record.contains("4GH"), "a postcode: {record}");
            let source = envelope.source.as_ref().expect("a source");
            assert_eq!((source.system.as_str(), source.file_digest.as_ref().map(String::len)), (SYSTEM, Some(64)));
            let row = source.row.expect("a row");
            let child = source.record_id.as_deref();
            assert!(matches!((row, child), (2 | 4, Some("101")) | (3, Some("202"))), "{source:?}");
        }
        assert!(fresh.views.passed(summary.position, crate::wait::PATIENCE).await, "the view does not follow");
    })
    .await;
}

#[tokio::test]
async fn the_same_return_again_adds_nothing_and_a_later_one_what_is_new() {
    let open = row("101", "01/05/2017", "C2", "", "");
    let ended = row("101", "01/04/2017", "C1", "01/05/2017", "X1");
    on_both_stores(async |fresh| {
        import(fresh, &file(&[open.clone(), ended.clone()])).await;
        let (before, marks) = (head(fresh).await, everything(fresh).await);
        for again in [file(&[open.clone(), ended.clone()]), file(&[ended.clone(), open.clone()])] {
            let (summary, rows) = import(fresh, &again).await;
            assert_eq!((summary.there, summary.journeys, head(fresh).await), (2, 0, before));
            let Outcome::There(of_ended) = &rows[usize::from(again.find("C1") > again.find("C2"))].outcome else {
                panic!("{rows:?}")
            };
            let named: Vec<&str> = marks
                .iter()
                .filter(|mark| of_ended.contains(&(mark.position, mark.event_id)))
                .map(|mark| mark.event_type.as_str())
                .collect();
            assert_eq!(named, ["SpellStarted", "SpellEnded"]);
        }
        let later = file(&[ended.clone(), open.replace("PR1,,", "PR1,31/03/2018,E4B")]);
        assert_eq!(shown(&import(fresh, &later).await.1), ["2 101 there", "3 101 recorded 1"]);
        assert_eq!(spells(fresh, "101").await[1], "2017-05-01 C2 to 2018-03-31 E4B");
        let (_, rows) = import(fresh, &later).await;
        assert_eq!(shown(&rows), ["2 101 there", "3 101 there"]);
        assert_eq!(head(fresh).await, before + 1);
    })
    .await;
}

#[tokio::test]
async fn children_in_care_before_the_contract_began_are_taken_in() {
    on_both_stores(async |fresh| {
        let [later, before] = [row("101", "01/05/2013", "C1", "", ""), row("202", "31/03/2013", "C1", "", "")];
        let earlier = row("101", "01/01/2013", "C1", "30/04/2013", "P1");
        let told = shown(&import(fresh, &file(&[later.clone(), before.clone()])).await.1);
        assert!(told.iter().all(|told| told.contains("recorded")), "{told:?}");
        // The referral goes back to the first day of what the next return says.
        let told = shown(&import(fresh, &file(&[earlier, later, before])).await.1);
        assert!(told[0].contains("recorded") || told[0].contains("corrected"), "{told:?}");
    })
    .await;
}

#[tokio::test]
async fn a_row_that_says_otherwise_corrects_what_the_one_before_said() {
    let a = row("101", "01/04/2017", "C1", "01/05/2017", "X1");
    let b = row("101", "01/04/2017", "C2", "02/05/2017", "X1");
    let before = row("101", "01/04/2017", "V2", "31/03/2017", "X1");
    let future = row("101", "01/04/2017", "V2", "02/06/2018", "X1");
    let status = row("101", "01/04/2017", "J1", "01/05/2017", "X1");
    let open = row("101", "01/04/2017", "J1", "", "");
    on_both_stores(async |fresh| {
        let steps = [
            (&a, "recorded 4", "2017-04-01 C1 to 2017-05-01 X1"),
            (&b, "corrected 2", "2017-04-01 C2 to 2017-05-02 X1"),
            (&a, "corrected 2", "2017-04-01 C1 to 2017-05-01 X1"),
            (&before, "refused ENDED_BEFORE_START at DEC", "2017-04-01 C1 to 2017-05-01 X1"),
            (&future, "refused DATED_IN_FUTURE at DEC", "2017-04-01 C1 to 2017-05-01 X1"),
            (&status, "corrected 1", "2017-04-01 J1 to 2017-05-01 X1"),
            (&open, "corrected 1", "2017-04-01 J1 to now"),
            (&open, "there", "2017-04-01 J1 to now"),
            (&a, "corrected 2", "2017-04-01 C1 to 2017-05-01 X1"),
            (&a, "there", "2017-04-01 C1 to 2017-05-01 X1"),
        ];
        for (row, outcome, reads) in steps {
            let (_, rows) = import(fresh, &file(std::slice::from_ref(row))).await;
            assert_eq!(shown(&rows), [format!("2 101 {outcome}")]);
            assert_eq!(spells(fresh, "101").await, [reads]);
        }
        let reasons: BTreeSet<String> = journeys(fresh).await["101"]
            .1
            .events()
            .iter()
            .filter_map(|event| match &event.event {
                Event::FactCorrected(correction) => Some(correction.reason.clone()),
                Event::FactRetracted(retraction) => Some(retraction.reason.clone()),
                _ => None,
            })
            .collect();
        assert!(reasons.iter().all(|reason| reason.starts_with("ssda903 return, file ")), "{reasons:?}");
        assert!(reasons.len() > 1, "each names its own file: {reasons:?}");
    })
    .await;
}

#[tokio::test]
async fn episodes_of_one_day_are_distinguished_by_their_content() {
    let (one, other) = (row("101", "01/04/2017", "C1", "", ""), row("101", "01/04/2017", "V2", "", ""));
    let one_ended = row("101", "01/04/2017", "C1", "03/04/2017", "X1");
    on_both_stores(async |fresh| {
        let (_, rows) = import(fresh, &file(&[other.clone(), one.clone(), other.clone()])).await;
        assert_eq!(shown(&rows), ["2 101 recorded 1", "3 101 recorded 3", "4 101 there"]);
        assert_eq!(rows[2].note.as_deref(), Some("has the same content as line 2"));
        let both = ["2017-04-01 C1 to now", "2017-04-01 V2 to now"];
        assert_eq!(spells(fresh, "101").await, both);
        let before = head(fresh).await;
        import(fresh, &file(&[one.clone(), other.clone()])).await;
        assert_eq!(head(fresh).await, before, "whatever their order");
        // One of them has ended, and the other is gone.
        let (_, rows) = import(fresh, &file(std::slice::from_ref(&one_ended))).await;
        assert_eq!(shown(&rows), ["2 101 recorded 1", "gone 101 missing 2017-04-01"]);
        assert_eq!(spells(fresh, "101").await, ["2017-04-01 C1 to 2017-04-03 X1", "2017-04-01 V2 to now"]);
        let third = row("101", "01/04/2017", "J1", "04/04/2017", "X1");
        let (_, rows) = import(fresh, &file(&[third, one_ended.clone(), other.clone()])).await;
        assert_eq!(shown(&rows), ["2 101 recorded 2", "3 101 there", "4 101 there"]);
        assert_eq!(spells(fresh, "101").await.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn an_episode_that_is_gone_stays_and_an_earlier_one_brings_the_referral_forward() {
    let (early, late) = (row("101", "01/04/2017", "C1", "", ""), row("101", "01/05/2017", "C2", "", ""));
    on_both_stores(async |fresh| {
        import(fresh, &file(std::slice::from_ref(&late))).await;
        let (summary, rows) = import(fresh, &file(std::slice::from_ref(&early))).await;
        assert_eq!(shown(&rows), ["2 101 recorded 2", "gone 101 missing 2017-05-01"]);
        assert_eq!((summary.missing, summary.recorded), (1, 1));
        assert_eq!(spells(fresh, "101").await, ["2017-04-01 C1 to now", "2017-05-01 C2 to now"]);
        let received = |journey: &Journey| journey.referral.as_ref().expect("a referral").occurred.earliest();
        assert_eq!(received(&journeys(fresh).await["101"].1.journey()), day("2017-04-01"));
        let before = head(fresh).await;
        let (_, rows) = import(fresh, &file(&[late.clone(), early.clone()])).await;
        assert_eq!((shown(&rows), head(fresh).await), (vec!["2 101 there".into(), "3 101 there".into()], before));
    })
    .await;
}

#[tokio::test]
async fn a_bad_row_is_named_whole_and_the_others_are_recorded() {
    let long = "9".repeat(201);
    let rows = [
        (row("101", "01/04/2017", "C1", "", ""), "101 recorded 3"),
        (
            row("101", "31/02/2017", "C1", "", ""),
            "101 unreadable DECOM: 31/02/2017 is not in the calendar: use a date that is",
        ),
        (row("101", "01/06/2017", "C1", "31/05/2017", "X1"), "101 refused ENDED_BEFORE_START at DEC"),
        (row("101", "01/07/2017", "C1", "01/07/2017", "X1"), "101 recorded 2"),
        (row("101", "02/06/2018", "C1", "", ""), "101 refused DATED_IN_FUTURE at DECOM"),
        (row("101", "01/08/2017", "C1", "02/06/2018", "X1"), "101 refused DATED_IN_FUTURE at DEC"),
        (row("101", "01/08/1017", "C1", "", ""), "101 refused INVALID_VALUE at DECOM"),
        (row("", "01/04/2017", "C1", "", ""), "? unreadable CHILD: empty: write the child's code"),
        (row("D051910639385", "01/04/2017", "C1", "", ""), "? refused PERSONAL_DATA at CHILD"),
        (row("QQ123456C", "01/04/2017", "C1", "xx", ""), "? unreadable DEC: not a date: write DD/MM/YYYY"),
        (row("9434765919", "01/04/2017", "C1", "", ""), "? refused PERSONAL_DATA at CHILD"),
        (row(&long, "01/04/2017", "C1", "", ""), "? refused INPUT_TOO_LONG at CHILD"),
        (row("1\u{0}1", "01/04/2017", "C1", "", ""), "? refused INVALID_VALUE at CHILD"),
        (row("202", "01/04/2017", "C1", "30/03/2017", "X1"), "202 refused ENDED_BEFORE_START at DEC"),
        (row("303", "01/04/2017", "C1", "30/03/2017", "X1"), "303 refused ENDED_BEFORE_START at DEC"),
        (row("303", "05/04/2017", "C1", "", ""), "303 recorded 3"),
        ("303,01/0".to_owned(), "? unreadable 2 fields, but 13 columns: give each column one field"),
    ];
    let expected: Vec<String> = (2..).zip(&rows).map(|(line, (_, outcome))| format!("{line} {outcome}")).collect();
    let file = file(&rows.map(|(row, _)| row));
    on_both_stores(async |fresh| {
        let foreseen = shown(&dry_run(fresh, &[file.trim_end()]).await.1);
        assert_eq!((foreseen, head(fresh).await), (expected.clone(), 2));
        let (summary, rows) = import(fresh, file.trim_end()).await;
        assert_eq!(shown(&rows), expected);
        assert_eq!((summary.recorded, summary.refused, summary.unreadable, summary.journeys), (3, 10, 4, 2));
        let journeys = journeys(fresh).await;
        assert_eq!(journeys.keys().collect::<Vec<_>>(), ["101", "303"], "a child of bad rows has no journey");
        let received = journeys["303"].1.journey().referral.expect("a referral").occurred;
        assert_eq!(received.earliest(), day("2017-04-05"), "the first day that stands");
        assert_eq!(head(fresh).await, 2 + 3 + 2 + 3);
    })
    .await;
}

#[tokio::test]
async fn what_was_put_right_here_stays_until_a_return_says_something_new() {
    let (ended, open) = (row("101", "01/04/2017", "C1", "01/05/2017", "X1"), row("202", "01/04/2017", "C1", "", ""));
    let file_of = |rows: &[&String]| file(&rows.iter().map(|row| (*row).clone()).collect::<Vec<_>>());
    on_both_stores(async |fresh| {
        import(fresh, &file_of(&[&ended, &open])).await;
        let all = journeys(fresh).await;
        let (journey, history) = &all["101"];
        let (start, end) = (&history.events()[1], &history.events()[2]);
        let Event::SpellEnded(fact) = &end.event else { panic!("{end:?}") };
        let correct = CorrectFact {
            stream: StreamId::journey(*journey),
            target: end.event_id,
            occurred: Occurred::on(day("2017-05-03")),
            replacement: SpellEnded { reason: Some("E4B".to_owned()), ..fact.clone() }.into(),
            reason: "the placement ended later".to_owned(),
        };
        fresh.record(Command::CorrectFact(correct)).await.expect("accepted");
        let (other, history) = &all["202"];
        let Event::SpellStarted(started) = &history.events()[1].event else { panic!("{history:?}") };
        let fact = SpellEnded { spell: started.spell, reason: None, note: None };
        let end_it = Command::record_fact(StreamId::journey(*other), Occurred::on(day("2017-06-01")), fact);
        fresh.record(end_it).await.expect("accepted");

        let (_, rows) = import(fresh, &file_of(&[&ended, &open])).await;
        assert_eq!(shown(&rows), ["2 101 there", "3 202 there"]);
        assert!(
            rows.iter().all(|row| row.note.as_deref().is_some_and(|note| note.starts_with("corrected here since")))
        );
        assert_eq!(spells(fresh, "101").await, ["2017-04-01 C1 to 2017-05-03 E4B"]);
        // The return says what somebody here said first: there is nothing to do.
        let same = open.replace("PR1,,", "PR1,01/06/2017,");
        assert_eq!(shown(&import(fresh, &file_of(&[&same])).await.1), ["2 202 there"]);
        let newer = open.replace("PR1,,", "PR1,02/06/2017,X1");
        let later = ended.replace("01/05/2017", "04/05/2017");
        let (_, rows) = import(fresh, &file_of(&[&later, &newer])).await;
        assert_eq!(shown(&rows), ["2 101 corrected 1", "3 202 corrected 1"]);
        assert_eq!(spells(fresh, "101").await, ["2017-04-01 C1 to 2017-05-04 X1"]);
        assert_eq!(spells(fresh, "202").await, ["2017-04-01 C1 to 2017-06-02 X1"]);

        let targets = vec![end.event_id, start.event_id];
        let retract =
            RetractFacts { stream: StreamId::journey(*journey), targets, reason: "another child's episode".to_owned() };
        fresh.record(Command::RetractFacts(retract)).await.expect("accepted");
        let before = head(fresh).await;
        let (_, rows) = import(fresh, &file_of(&[&later, &newer])).await;
        assert_eq!(shown(&rows), ["2 101 refused ALREADY_RETRACTED at -", "3 202 there"]);
        assert_eq!(head(fresh).await, before);
        // Another word about that day is an episode of its own, and what was retracted is not missed.
        assert_eq!(shown(&import(fresh, &file_of(&[&ended])).await.1), ["2 101 recorded 2"]);
        assert_eq!(shown(&import(fresh, &file_of(&[&ended])).await.1), ["2 101 there"]);
        decline(fresh, *other).await;
        let after = row("202", "01/05/2018", "C1", "", "");
        assert_eq!(
            shown(&import(fresh, &file_of(&[&newer, &after])).await.1),
            ["2 202 there", "3 202 refused REFERRAL_DECLINED at DECOM"]
        );
    })
    .await;
}

async fn decline(fresh: &Fresh, journey: JourneyId) {
    let fact = ReferralDeclined { reason: "not_suitable".to_owned() };
    let decline = Command::record_fact(StreamId::journey(journey), Occurred::on(day("2018-01-01")), fact);
    fresh.record(decline).await.expect("accepted");
}

#[tokio::test]
async fn two_imports_at_once_record_each_row_once() {
    let rows: Vec<String> = (0..200)
        .map(|child| row(&format!("C{}", child / 2), ["01/04/2017", "01/05/2017"][child % 2], "C1", "", ""))
        .collect();
    let file = file(&rows);
    on_both_stores(async |fresh| {
        let ((one, first), (other, second)) = tokio::join!(import(fresh, &file), import(fresh, &file));
        assert_eq!(head(fresh).await, 2 + 100 * 2 + 200, "{:?}", shown(&[first, second].concat()));
        assert_eq!((one.recorded + other.recorded, one.there + other.there), (200, 200));
    })
    .await;
}

#[tokio::test]
async fn an_import_needs_its_contract_an_area_and_a_permitted_caller() {
    let fresh = Fresh::on(Dialect::Sqlite, instant("2018-06-01T09:00:00Z")).await;
    open_contract(&fresh).await;
    let principal = of_role(Role::Integrator);
    let into = |contract| Import { recorder: &fresh.recorder, principal: &principal, contract };
    assert_eq!(into(MST).area(Some("mid")).await.expect("an area"), "mid");
    assert_eq!(into(MST).area(None).await.expect("an area"), "essex", "what the rulebook says where the file does not");
    for (contract, named, expected) in [
        (
            MST,
            Some("brent"),
            "no rulebook of the contract lists the area \"brent\": give --area, one of north_east, mid, south, west, essex",
        ),
        (
            "shps",
            Some("brent"),
            "contract \"shps\" is not open: open it with `throughline contract open`, or name another contract",
        ),
    ] {
        assert_eq!(into(contract).area(named).await.expect_err("no area").to_string(), expected);
    }
    let file = file(&[row("101", "01/04/2017", "C1", "", "")]);
    let auditor = of_role(Role::Auditor);
    let (_, rows) = imported(&fresh.recorder, &auditor, &[&file]).await.expect("an import");
    assert_eq!((shown(&rows), head(&fresh).await), (vec!["2 101 refused FORBIDDEN at -".to_owned()], 2));
    fresh.end().await;
}

/// A return of chance: few children, days and codes, so that rows meet.
fn of_chance(field: &Field) -> String {
    let pick = |from: &[&str]| from[usize::try_from(field.below(from.len() as u64)).expect("small")].to_owned();
    let one = || {
        let (child, began) = (pick(&["101", "202", "303"]), pick(&["01/04/2017", "02/04/2017", "03/04/2017"]));
        let ended = pick(&["", "", "02/04/2017", "05/04/2017", "06/04/2017", "01/01/2020"]);
        row(&child, &began, &pick(&["C1", "C2", "V2"]), &ended, &pick(&["X1", "E4B"]))
    };
    file(&(0..field.below(14)).map(|_| one()).collect::<Vec<_>>())
}

/// The rows of a return that may stand, each once: child, first day, status, end and reason.
fn rows_of(file: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut rows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in file.lines().skip(1).filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split(',').collect();
        let iso = |text: &str| text.split('/').rev().collect::<Vec<_>>().join("-");
        let (began, ended) = (iso(cells[1]), iso(cells[7]));
        if ended.is_empty() || (ended >= began && ended.as_str() < "2018-06-02") {
            let end = if ended.is_empty() { "now".to_owned() } else { format!("{ended} {}", cells[8]) };
            rows.entry(cells[0].to_owned()).or_default().insert(format!("{began} {} to {end}", cells[3]));
        }
    }
    // While an episode goes on nobody knows its end: what ended is the newer word for it.
    for said in rows.values_mut() {
        let has_ended =
            |open: &str| said.iter().any(|row| row != open && row.starts_with(open.trim_end_matches("now")));
        let older: Vec<String> =
            said.iter().filter(|row| row.ends_with(" to now") && has_ended(row)).cloned().collect();
        said.retain(|row| !older.contains(row));
    }
    rows
}

#[tokio::test]
async fn after_any_returns_stands_what_the_last_one_says_and_a_dry_run_said_so() {
    let field = Field::of("ssda903");
    let files: Vec<String> = (0..25).map(|_| of_chance(&field)).collect();
    on_both_stores(async |fresh| {
        let all: Vec<&str> = files.iter().map(String::as_str).collect();
        let ahead = shown(&dry_run(fresh, &all).await.1);
        assert_eq!(head(fresh).await, 2, "nothing is recorded");
        let mut done = Vec::new();
        for file in &files {
            let ((foreseen, told), (summary, rows)) = (dry_run(fresh, &[file]).await, import(fresh, file).await);
            assert_eq!(shown(&told), shown(&rows), "{file}");
            assert_eq!(Summary { position: summary.position, ..foreseen }, summary);
            done.extend(shown(&rows));
            for (child, said) in rows_of(file) {
                let stands = spells(fresh, &child).await;
                let refused = rows.iter().filter(|told| matches!(told.outcome, Outcome::Refused(_))).count();
                let missing = rows
                    .iter()
                    .filter(|told| told.outcome == Outcome::Missing && told.child.as_deref() == Some(&child));
                assert!(said.iter().all(|row| stands.contains(row)), "{file}{said:#?}\n{stands:#?}");
                let (missing, said) = (missing.count(), said.len());
                assert!(
                    stands.len() >= said + missing && stands.len() <= said + missing + refused,
                    "{file}{stands:#?}"
                );
            }
            let (head_before, again) = (head(fresh).await, import(fresh, file).await);
            assert_eq!(head(fresh).await, head_before, "{file}{:?}", shown(&again.1));
            assert_eq!((again.0.recorded, again.0.corrected), (0, 0));
        }
        assert_eq!(ahead, done, "files of one dry run build on each other");
        let verified = fresh.log.verify(|envelope| Ok(Recorded::decode(envelope).map(drop)?)).await.expect("no fault");
        assert!(verified.is_sound(), "{:#?}", verified.findings);
    })
    .await;
}

#[tokio::test]
async fn what_a_return_brought_stands_in_a_view_that_is_built_anew() {
    let field = Field::of("ssda903 rebuilt");
    let fresh = Fresh::on(Dialect::Sqlite, instant("2018-06-01T09:00:00Z")).await;
    open_contract(&fresh).await;
    let mut newest = Position(0);
    for _ in 0..5 {
        newest = newest.max(import(&fresh, &of_chance(&field)).await.0.position);
    }
    assert!(fresh.views.passed(newest, crate::wait::PATIENCE).await, "the view does not follow the log");
    fresh.log.store().close().await;
    assert_rebuilt_alike(fresh.place()).await;
    fresh.end().await;
}

fn throughline(directory: &std::path::Path, arguments: &str) -> Output {
    let mut program = Program::new(env!("CARGO_BIN_EXE_throughline"));
    program.current_dir(directory).env_remove("THROUGHLINE_DATABASE").env("RUST_LOG", "warn");
    program.args(arguments.split(' ')).output().expect("it runs")
}

#[test]
fn on_the_command_line_a_return_is_reported_row_by_row() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let run = |arguments: &str| {
        let Output { status, stdout, stderr } = throughline(directory.path(), arguments);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (status.code().expect("a status"), text(stdout), text(stderr))
    };
    let good = file(&[row("101", "01/04/2017", "C1", "01/05/2017", "X1")]);
    std::fs::write(at("good.csv"), &good).expect("written");
    std::fs::write(at("bad.csv"), file(&[row("101", "01/04/2017", "C1", "", ""), row("202", "x", "C1", "", "")]))
        .expect("written");
    std::fs::write(at("other.csv"), good.replace("DECOM", "DECOMM")).expect("written");
    let import = "import ssda903 --contract mst-essex";
    let (status, _, stderr) = run(&format!("{import} good.csv --area mid --dry-run"));
    assert_eq!(status, 2, "there is no database: {stderr}");
    assert_eq!(run("contract open --rulebook mst-essex").0, 0);

    let (status, _, stderr) = run(&format!("{import} good.csv --area brent"));
    assert!(status == 2 && stderr.contains("give --area, one of north_east, mid, south, west, essex"), "{stderr}");
    let (status, _, stderr) = run(&format!("{import} other.csv --area mid"));
    assert!(
        status == 2 && stderr.contains("other.csv: line 1 does not name the column DECOM, but names CHILD, DECOMM"),
        "{stderr}"
    );
    let (status, _, stderr) = run(&format!("{import} good.csv --area mid --results good.csv"));
    assert!(status == 2 && stderr.contains("give another --results file"), "{stderr}");
    assert_eq!(std::fs::read_to_string(at("good.csv")).expect("a file"), good, "what is imported is never replaced");
    assert!(!at("good.csv.results.csv").exists(), "nothing was done");

    let (status, stdout, stderr) = run(&format!("{import} good.csv bad.csv --area mid --dry-run --results dry.ndjson"));
    assert!(
        status == 1 && stdout.starts_with("dry run, nothing is recorded: 1 recorded, 1 corrected,"),
        "{stdout}{stderr}"
    );
    let dry: Vec<Value> = std::fs::read_to_string(at("dry.ndjson"))
        .expect("results")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(
        (&dry[1]["outcome"], &dry[1]["positions"], &dry[1]["line"]),
        (&"corrected".into(), &Value::Null, &2.into())
    );

    let (status, stdout, stderr) = run(&format!("{import} good.csv --area mid"));
    assert!(status == 0 && stdout.starts_with("1 recorded, 0 corrected, 0 already recorded"), "{stdout}{stderr}");
    assert!(stderr.contains("good.csv: these columns are not imported: HOME_POST, PL_POST"), "{stderr}");
    let results = std::fs::read_to_string(at("good.csv.results.csv")).expect("results");
    let lines: Vec<&str> = results.split("\r\n").collect();
    assert_eq!(lines[0], "file,line,child,decom,outcome,positions,events,code,column,message");
    assert!(lines[1].starts_with("good.csv,2,101,2017-04-01,recorded,3 4 5 6,"), "{results}");
    assert!(!results.contains("2CD"));

    let (status, stdout, stderr) = run(&format!("{import} good.csv bad.csv --area mid --results good.csv.results.csv"));
    assert!(
        status == 1 && stderr.contains("good.csv.results.csv already existed and was replaced"),
        "{stdout}{stderr}"
    );
    let results = std::fs::read_to_string(at("good.csv.results.csv")).expect("results");
    let outcomes: Vec<&str> = results.split("\r\n").skip(1).filter_map(|line| line.split(',').nth(4)).collect();
    assert_eq!(outcomes, ["already there", "corrected", "unreadable"]);
    assert!(results.contains("bad.csv,3,202,,unreadable,,,,DECOM,not a date: write DD/MM/YYYY"), "{results}");
}

/// What identifies a child and an episode must never change: the next return would begin every journey anew.
#[tokio::test]
async fn the_ids_of_a_child_follow_from_contract_and_code_for_ever() {
    let fresh = Fresh::on(Dialect::Sqlite, instant("2018-06-01T09:00:00Z")).await;
    open_contract(&fresh).await;
    import(&fresh, &file(&[row("101", "01/04/2017", "C1", "", "")])).await;
    let (journey, history) = &journeys(&fresh).await["101"];
    let Event::SpellStarted(start) = &history.events()[1].event else { panic!("{history:?}") };
    let subject = history.journey().subject().expect("a subject");
    assert_eq!(journey.to_string(), "621e6dd3-6d41-558a-a7ad-943f294f5fe9");
    assert_eq!(subject.to_string(), "395eafaa-1baf-5b5e-9536-510d78271433");
    assert_eq!(start.spell.to_string(), "9de0a707-2649-557a-b9e3-ab0b35419029");
    fresh.end().await;
}

/// The return of tests/ssda903 through the pack: `try` and GraphQL give the figures that its README names.
#[tokio::test(flavor = "multi_thread")]
async fn care_days_of_the_year_to_march_2018_are_636_184_and_82_10_percent() {
    crate::app::from_the_instant("2018-06-01T09:00:00Z", async |app| {
        app.open_contract(MST).await;
        let (summary, _) = import(&app.fresh, include_str!("../ssda903/episodes.csv")).await;
        assert_eq!((summary.recorded, summary.journeys), (5_050, 2_123));
        let document = "{ contract(code: \"mst-essex\", at: { asOf: \"2018-05-31\" }) { claims(outcome: \
            \"care_below_comparison\") { nodes { status scope { of period { first last } } \
            counted { counted outOf share } } } } }";
        assert!(app.fresh.views.passed(summary.position, crate::wait::PATIENCE).await, "the view does not follow");
        let told = app.ask(&crate::app::other_manager(), document, serde_json::json!({})).await;
        let year = |claim: &&Value| claim["scope"]["period"]["first"] == "2017-04-01";
        let claims = told["contract"]["claims"]["nodes"].as_array().expect("claims");
        let claim = claims.iter().find(year).expect("the year");
        assert_eq!(claim["scope"]["period"]["last"], "2018-03-31");
        let figures = serde_json::json!({ "counted": "636184", "outOf": "774895", "share": "0.820994" });
        assert_eq!((&claim["counted"], &claim["status"]), (&figures, &"NOT_STARTED".into()), "82.10 % is not below 55");

        let mut events = Vec::new();
        for envelope in everything(&app.fresh).await {
            events.extend(throughline::cloud_event::to_line(&envelope, chrono_tz::Europe::London).into_bytes());
            events.push(b'\n');
        }
        let rulebook =
            throughline_domain::contract::Rulebook::parse(pack(MST).expect("it ships").text).expect("a rulebook");
        let trial = throughline::try_out::Trial {
            rulebooks: std::slice::from_ref(&rulebook),
            as_of: day("2018-05-31"),
            known_at: None,
        };
        let mut answer = Vec::new();
        trial.run(events.as_slice(), &mut answer).expect("events");
        let answer = String::from_utf8(answer).expect("text");
        let lines = answer.lines().filter(|line| line.contains("\"first\":\"2017-04-01\""));
        let lines = lines.map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let shares: Vec<Value> = lines.map(|line| line["of"].clone()).collect();
        assert_eq!(shares.len(), 2);
        for of in shares {
            let figures = [&of["counted"], &of["out_of"], &of["share"]];
            assert_eq!(figures, ["636184", "774895", "0.820994"]);
        }
    })
    .await;
}
