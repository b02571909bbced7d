//! The database itself refuses to alter the log, whoever asks.

use sqlx::{ConnectOptions as _, Row as _};
use std::str::FromStr as _;
use throughline::store::Dialect;

use crate::deployment::{Deployment, record_a_case};
use crate::stores::STORES;

const COLUMNS: &str = "event_id, stream_kind, stream_id, version, type, contract, occurred_on, recorded_at, actor, \
                       command_id, record, hash";

async fn told(dialect: Dialect) -> Deployment {
    let deployment = Deployment::on(dialect).await;
    record_a_case(&deployment.recorder().await).await;
    deployment
}

/// Every one of these is refused for the log's sake, to the owner of the database, and changes nothing.
async fn refused(deployment: &Deployment, statements: &[String]) {
    for statement in statements {
        let error = deployment.behind_its_back(statement).await.expect_err(statement).to_string();
        assert!(error.contains("the log is append-only"), "{statement}: {error}");
    }
    let verified = deployment.log.verify(|_| Ok(())).await.expect("no fault");
    assert!(verified.is_sound() && verified.events == 14, "{verified:?}");
}

#[tokio::test]
async fn nobody_updates_or_deletes() {
    for dialect in STORES {
        let deployment = told(dialect).await;
        let statements = [
            "update events set actor = 'somebody' where position = 3",
            "update events set record = record where position = 3",
            "delete from events where position = 14",
            "delete from events",
            "update commands set last_position = 14",
            "delete from commands",
            "update log_head set position = 3",
            "update log_head set recorded_at = '2018-02-28T09:00:00+00:00'",
            "update log_head set epoch = 0",
            "update log_head set id = 2",
            "delete from log_head",
        ];
        refused(&deployment, &statements.map(str::to_owned)).await;
        deployment.end().await;
    }
}

#[tokio::test]
async fn replace_and_upsert_are_refused_on_sqlite_by_whichever_key() {
    let deployment = told(Dialect::Sqlite).await;
    let replace = |position: &str, event_id: &str, stream_id: &str, version: &str| {
        format!(
            "insert or replace into events (position, {COLUMNS}) select {position}, {event_id}, stream_kind, \
             {stream_id}, {version}, type, contract, occurred_on, recorded_at, actor, command_id, record, hash \
             from events where position = 7"
        )
    };
    let upsert = |conflict: &str| {
        format!(
            "insert into events (position, {COLUMNS}) select position, {COLUMNS} from events where position = 7 \
             on conflict {conflict} do update set actor = 'somebody'"
        )
    };
    let other = "x'00000000000000000000000000000099'";
    let statements = [
        replace("position", other, other, "1"),
        replace("3", other, other, "1"),
        replace("15", "event_id", other, "1"),
        replace("15", other, "stream_id", "version"),
        replace("16", other, other, "1"),
        upsert("(position)"),
        upsert("(event_id)"),
        upsert("(stream_id, stream_kind, version)"),
        "insert or replace into commands select actor, command_id, null, 1, 14 from commands limit 1".to_owned(),
        "insert or replace into log_head (id, position, recorded_at, epoch) values (1, 0, '', 1)".to_owned(),
        "insert or replace into log_head (id, position, recorded_at, epoch) values (2, 0, '', 1)".to_owned(),
    ];
    refused(&deployment, &statements).await;
    deployment.end().await;
}

#[tokio::test]
async fn truncate_and_upsert_are_refused_on_postgres_to_a_superuser_too() {
    let deployment = told(Dialect::Postgres).await;
    let upsert = |conflict: &str| {
        format!(
            "insert into events (position, {COLUMNS}) select position, {COLUMNS} from events where position = 7 \
             on conflict {conflict} do update set actor = 'somebody'"
        )
    };
    let statements = [
        "truncate events".to_owned(),
        "truncate commands".to_owned(),
        "truncate log_head".to_owned(),
        "truncate events, commands, log_head cascade".to_owned(),
        upsert("(position)"),
        upsert("(event_id)"),
        upsert("(stream_id, stream_kind, version)"),
        "insert into commands select * from commands on conflict (actor, command_id) do update set first_position = 1"
            .to_owned(),
    ];
    refused(&deployment, &statements).await;
    deployment.end().await;
}

#[tokio::test]
async fn what_was_appended_by_postgres_is_unique_by_every_key() {
    let deployment = told(Dialect::Postgres).await;
    let other = "'00000000-0000-0000-0000-000000000099'::uuid";
    for (position, event_id, stream_id) in
        [("position", other, other), ("99", "event_id", other), ("99", other, "stream_id")]
    {
        let insert = format!(
            "insert into events (position, {COLUMNS}) select {position}, {event_id}, stream_kind, {stream_id}, \
             version, type, contract, occurred_on, recorded_at, actor, command_id, record, hash from events \
             where position = 7"
        );
        let error = deployment.behind_its_back(&insert).await.expect_err("taken");
        assert!(error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation), "{error}");
    }
    deployment.end().await;
}

#[tokio::test]
async fn the_serving_role_only_reads_and_adds() {
    let deployment = told(Dialect::Postgres).await;
    let options = sqlx::postgres::PgConnectOptions::from_str(deployment.url()).expect("a URL");
    let mut owner = options.connect().await.expect("the server answers");
    let privileges = "select table_name::text, string_agg(privilege_type::text, ' ' order by privilege_type::text) \
                      from information_schema.role_table_grants \
                      where grantee = 'throughline_app' and table_schema = current_schema() group by 1 order by 1";
    let rows = sqlx::query(privileges).fetch_all(&mut owner).await.expect("privileges");
    let granted: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let granted: Vec<(&str, &str)> = granted.iter().map(|(table, may)| (table.as_str(), may.as_str())).collect();
    assert_eq!(
        granted,
        [
            ("api_key_use", "INSERT SELECT UPDATE"),
            ("commands", "INSERT SELECT"),
            // Webhooks are no part of the log.
            ("deliveries", "DELETE INSERT SELECT UPDATE"),
            ("events", "INSERT SELECT"),
            ("evidence_files", "DELETE INSERT SELECT UPDATE"),
            ("evidence_objects", "DELETE INSERT SELECT UPDATE"),
            ("import_jobs", "INSERT SELECT UPDATE"),
            ("import_quarantine", "DELETE INSERT SELECT"),
            ("live_view", "SELECT UPDATE"),
            ("log_head", "SELECT UPDATE"),
            ("secrets", "SELECT"),
            ("subscription_keys", "DELETE INSERT SELECT UPDATE"),
            ("subscriptions", "DELETE INSERT SELECT UPDATE"),
        ]
    );
    for statement in ["update events set actor = ''", "delete from events", "truncate events", "drop table events"] {
        let asked = format!("set role throughline_app; {statement}");
        let error = deployment.behind_its_back(&asked).await.expect_err(statement).to_string();
        assert!(error.contains("permission denied") || error.contains("must be owner"), "{statement}: {error}");
    }
    deployment.end().await;
}
