//! With the database's protection taken away, whatever is done to the log is named.

use throughline::log::verify::{Damage, Finding, Verified};
use throughline::store::Dialect;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::Position;

use crate::deployment::{Deployment, record_a_case};
use crate::stores::STORES;

const EVENTS: u64 = 14;

async fn verified(deployment: &Deployment) -> Verified {
    let verified = deployment.log.verify(|envelope| Ok(Recorded::decode(envelope).map(drop)?)).await;
    verified.expect("damage is found, not a fault")
}

/// What verify finds after the story is told and the database's owner has done this, on each store.
async fn found_after(sql: impl Fn(Dialect) -> &'static str) -> [Vec<Finding>; 2] {
    let mut found = Vec::new();
    for dialect in STORES {
        let deployment = Deployment::on(dialect).await;
        let recorder = deployment.recorder().await;
        record_a_case(&recorder).await;
        deployment.unprotect().await;
        deployment.behind_its_back(sql(dialect)).await.expect("the owner may do anything");
        let verified = verified(&deployment).await;
        assert_eq!(verified.found, verified.findings.len() as u64);
        assert!(!verified.is_sound(), "{dialect:?} finds nothing");
        found.push(verified.findings);
        drop(recorder);
        deployment.end().await;
    }
    found.try_into().expect("one for each store")
}

fn is_at(finding: &Finding, position: i64) -> bool {
    finding.position == Some(Position(position))
}

/// What is shown for each finding, checked to be alike on both stores.
async fn told_after(sql: &'static str) -> Vec<String> {
    let [sqlite, postgres] = found_after(|_| sql).await;
    let told = |findings: Vec<Finding>| findings.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (sqlite, postgres) = (told(sqlite), told(postgres));
    assert_eq!(sqlite.len(), postgres.len(), "{sqlite:#?} {postgres:#?}");
    sqlite
}

#[tokio::test]
async fn an_untouched_log_is_sound() {
    for dialect in STORES {
        let deployment = Deployment::on(dialect).await;
        let empty = verified(&deployment).await;
        assert_eq!((empty.events, empty.findings), (0, vec![]));
        let recorder = deployment.recorder().await;
        record_a_case(&recorder).await;
        let told = verified(&deployment).await;
        assert_eq!((told.events, told.position.0, told.findings), (EVENTS, 14, vec![]));
        drop(recorder);
        deployment.end().await;
    }
}

#[tokio::test]
async fn a_record_that_was_changed_is_named_though_its_hash_is_left() {
    let found =
        found_after(|_| "update events set record = replace(record, 'brent', 'hackney') where position = 5").await;
    for findings in found {
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(is_at(&findings[0], 5));
        assert!(matches!(&findings[0].damage, Damage::Changed { stored, computed } if stored != computed));
    }
}

#[tokio::test]
async fn a_hash_that_was_changed_is_named() {
    let sql = |dialect| match dialect {
        Dialect::Sqlite => "update events set hash = zeroblob(32) where position = 2",
        Dialect::Postgres => r"update events set hash = '\x00' where position = 2",
    };
    for findings in found_after(sql).await {
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(is_at(&findings[0], 2));
        assert!(matches!(findings[0].damage, Damage::Changed { .. }));
    }
}

#[tokio::test]
async fn every_column_that_differs_from_its_record_is_named() {
    let changes = [
        ("stream_kind", "'subject'"),
        ("version", "70"),
        ("type", "'PlanAgreed'"),
        ("contract", "'other'"),
        ("contract", "null"),
        ("occurred_on", "'2018-01-10'"),
        ("recorded_at", "'2018-03-01T09:00:00.000001+00:00'"),
        ("actor", "'somebody'"),
        ("event_id", "$uuid"),
        ("stream_id", "$uuid"),
        ("command_id", "$uuid"),
    ];
    for dialect in STORES {
        let deployment = Deployment::on(dialect).await;
        let recorder = deployment.recorder().await;
        record_a_case(&recorder).await;
        deployment.unprotect().await;
        deployment.behind_its_back("create table kept as select * from events where position = 7").await.expect("kept");
        for (column, value) in changes {
            let uuid = match dialect {
                Dialect::Sqlite => "x'00000000000000000000000000000099'",
                Dialect::Postgres => "'00000000-0000-0000-0000-000000000099'",
            };
            let value = value.replace("$uuid", uuid);
            let set = |value: &str| format!("update events set {column} = {value} where position = 7");
            deployment.behind_its_back(&set(&value)).await.expect("the owner may do anything");
            let findings = verified(&deployment).await.findings;
            let named = findings.iter().any(|finding| {
                let of_column = matches!(&finding.damage, Damage::Column { column: named, .. } if *named == column);
                is_at(finding, 7) && of_column
            });
            assert!(named, "{dialect:?} {column} = {value}: {findings:#?}");
            deployment.behind_its_back(&set(&format!("(select {column} from kept)"))).await.expect("put back");
            assert!(verified(&deployment).await.is_sound());
        }
        drop(recorder);
        deployment.end().await;
    }
}

#[tokio::test]
async fn events_that_are_missing_are_named() {
    let told = told_after("delete from events where position in (7, 8)").await;
    assert_eq!(told[0], "positions 7 to 8: the events are missing");
    let told = told_after("delete from events where position = 1").await;
    assert_eq!(told[0], "position 1: the event is missing");
    let told = told_after("delete from events where position = 14").await;
    assert!(told[0].starts_with("the head is wrong: it is at 14, but the last event is at 13"), "{told:#?}");
    let told = told_after("delete from events").await;
    assert!(told[0].starts_with("the head is wrong: it is at 14, but the last event is at 0"), "{told:#?}");
}

#[tokio::test]
async fn an_event_before_the_first_position_is_named() {
    let told = told_after("update events set position = -3 where position = 14").await;
    assert_eq!(told[0], "position -3: there can be no event here: positions start at 1");
    assert!(told.iter().any(|told| told.starts_with("the head is wrong: it is at 14, but the last event is at 13")));
    assert!(!told.iter().any(|told| told.contains("missing") && told.starts_with("position")), "{told:#?}");
}

#[tokio::test]
async fn a_head_that_was_moved_is_named() {
    let told = told_after("update log_head set position = 12").await;
    assert_eq!(told, ["the head is wrong: it is at 12, but the last event is at 14"]);
    let told = told_after("update log_head set recorded_at = '2018-03-01T09:00:01+00:00'").await;
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("the last event was recorded at 2018-03-01 09:00:00 UTC"), "{told:?}");
    let told = told_after("delete from log_head").await;
    assert_eq!(told, ["the head is wrong: its row is missing"]);
}

#[tokio::test]
async fn events_that_changed_places_are_named() {
    let told = told_after(
        "update events set position = 100 where position = 7; update events set position = 7 where position = 8; \
         update events set position = 8 where position = 100",
    )
    .await;
    assert!(told.iter().any(|told| told.starts_with("position 7: the column position differs")), "{told:#?}");
    assert!(told.iter().any(|told| told.starts_with("position 8: the column position differs")), "{told:#?}");
}

#[tokio::test]
async fn a_remembered_command_that_disagrees_is_named() {
    let told = told_after("delete from commands where first_position = 7").await;
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("position 7: the stored command disagrees") && told[0].ends_with("is not stored"));
    let told = told_after("update commands set last_position = 8 where first_position = 7").await;
    assert!(told[0].contains("claims this event"), "{told:#?}");
    let told = told_after("update commands set first_position = 6 where first_position = 7").await;
    assert!(told.iter().all(|told| told.contains("the stored command disagrees")) && !told.is_empty(), "{told:#?}");
}

#[tokio::test]
async fn bytes_that_are_no_text_are_a_finding_and_no_fault() {
    let deployment = Deployment::on(Dialect::Sqlite).await;
    let recorder = deployment.recorder().await;
    record_a_case(&recorder).await;
    deployment.unprotect().await;
    let garbage = "update events set record = cast(x'7bff' as text) where position = 3; \
                   update events set actor = cast(x'ff' as text) where position = 7; \
                   update events set recorded_at = 'yesterday', event_id = x'00' where position = 9; \
                   update events set record = '{}', hash = x'' where position = 11";
    deployment.behind_its_back(garbage).await.expect("the owner may do anything");
    let findings = verified(&deployment).await.findings;
    for position in [3, 7, 9, 11] {
        assert!(findings.iter().any(|finding| is_at(finding, position)), "{position}: {findings:#?}");
    }
    let others = |finding: &&Finding| ![3, 7, 9, 11].iter().any(|position| is_at(finding, *position));
    assert_eq!(findings.iter().filter(others).count(), 0, "{findings:#?}");
    drop(recorder);
    deployment.end().await;
}

#[tokio::test]
async fn a_payload_that_this_build_cannot_read_is_named() {
    for dialect in STORES {
        let deployment = Deployment::on(dialect).await;
        let recorder = deployment.recorder().await;
        record_a_case(&recorder).await;
        let unread =
            |event_type: &str| if event_type == "SpellEnded" { Err("of a later build".into()) } else { Ok(()) };
        let found = deployment.log.verify(|envelope| unread(&envelope.event_type)).await.expect("no fault");
        let told: Vec<String> = found.findings.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["position 11: the payload cannot be read: of a later build"]);
        drop(recorder);
        deployment.end().await;
    }
}
