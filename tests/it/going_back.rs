//! Going back and rebuilding in quick succession: the view that answers is the view that follows, and the server says
//! so when it does not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use futures_util::future::join_all;
use serde_json::json;
use sqlx::{Connection as _, SqliteConnection};
use throughline::store::Dialect;
use throughline::views::rebuild::Options;
use throughline::views::{ViewError, Views};
use tokio::sync::RwLock;

use crate::app::{call, manager, on_both_stores};
use crate::field::{Field, RawDb, day, is_full, now};
use crate::http::get;
use crate::stores::{Fresh, Place, STORES};
use crate::wait::{PATIENCE, until};

/// How often the views are replaced, and in the long form.
const ROUNDS: u64 = 8;
const ROUNDS_FULL: u64 = 100;
/// Who writes meanwhile.
const WRITERS: usize = 4;

/// Goes back as soon as nobody builds.
async fn go_back(views: &Views) {
    while let Err(error) = views.roll_back().await {
        assert!(matches!(error, ViewError::Building), "{error}");
        tokio::task::yield_now().await;
    }
}

async fn rebuild(views: &Views) {
    let right = loop {
        match views.right_to_build().await {
            Err(ViewError::Building) => tokio::task::yield_now().await,
            right => break right.expect("the right to build"),
        }
    };
    views.start_rebuild(right, Options { workers: 2, held: 500 });
    views.rebuild_ended().await.expect("it is built");
}

async fn quickly(dialect: Dialect) {
    let (fresh, field) = (Fresh::on(dialect, now()).await, Field::of("gone back and forth"));
    let journeys = field.journeys(&fresh.recorder, 400).await;
    rebuild(&fresh.views).await;
    // Writers write between checks, each check finds none of them under way.
    let (gate, written, over) = (RwLock::new(()), AtomicU64::new(0), tokio::sync::watch::Sender::new(false));
    let write = async |nth: usize| {
        let mut slowest = Duration::ZERO;
        while !*over.borrow() {
            let _writing = gate.read().await;
            let began = Instant::now();
            // One journey after the other, so that none becomes longer than any that there is.
            let turn = usize::try_from(written.fetch_add(1, Ordering::Relaxed)).expect("not so many") + nth;
            let contact = field.contact(journeys[turn % journeys.len()]);
            let done = fresh.recorder.record(contact).await.expect("it is recorded");
            assert!(done.shown, "a write waited a second, and was answered before the view showed it");
            slowest = slowest.max(began.elapsed());
        }
        slowest
    };
    let replace = async {
        for round in 0..if is_full() { ROUNDS_FULL } else { ROUNDS } {
            // Now twice in a row, now three times, now right after a rebuild.
            match round % 4 {
                0 => {}
                1 => go_back(&fresh.views).await,
                2 => rebuild(&fresh.views).await,
                _ => {
                    rebuild(&fresh.views).await;
                    go_back(&fresh.views).await;
                }
            }
            go_back(&fresh.views).await;
            go_back(&fresh.views).await;
            let _nobody_writes = gate.write().await;
            let head = fresh.log.head().await.expect("the head").position;
            assert!(fresh.views.passed(head, PATIENCE).await, "round {round}: the live view does not follow");
            let live = fresh.views.position_and_digest().await.expect("a digest");
            rebuild(&fresh.views).await;
            assert_eq!(
                fresh.views.position_and_digest().await.expect("a digest"),
                live,
                "round {round}: live, and built anew"
            );
        }
        over.send_replace(true);
    };
    let (slowest, ()) = tokio::join!(join_all((0..WRITERS).map(&write)), replace);
    let slowest = slowest.into_iter().max().expect("a writer");
    eprintln!("{dialect:?}: {} writes, the slowest took {slowest:?}", written.into_inner());
    fresh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_back_and_rebuilt_in_quick_succession_the_live_view_follows_and_no_write_waits() {
    for dialect in STORES {
        quickly(dialect).await;
    }
}

/// Somebody who locks the tables of the live view, so that it cannot move.
async fn in_the_way(place: &Place) -> RawDb {
    let mut raw_db = match place.file() {
        Some(file) => {
            let url = format!("sqlite:{}-g1", file.display());
            RawDb::Sqlite(SqliteConnection::connect(&url).await.expect("the file opens"))
        }
        None => RawDb::at(place).await,
    };
    let lock = match &mut raw_db {
        RawDb::Sqlite(_) => "begin immediate".to_owned(),
        RawDb::Postgres(conn) => {
            let named = sqlx::query_scalar("select current_schema()::text").fetch_one(conn).await;
            let schema: String = named.expect("its schema");
            format!("begin; lock table {schema}_g1.checkpoint")
        }
    };
    raw_db.run(&lock).await;
    raw_db
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_live_view_does_not_follow_the_log_is_not_ready() {
    on_both_stores(async |app| {
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        let ready = async |wanted: StatusCode| {
            let mut body = String::new();
            let is_so = async || {
                let answer = app.send(get("/readyz")).await;
                body = answer.body;
                answer.status == wanted
            };
            until(&format!("readyz says {wanted}"), is_so).await;
            body
        };
        ready(StatusCode::OK).await;
        let mut raw_db = in_the_way(app.fresh.place()).await;
        let stands = app.head().await;
        ready(StatusCode::OK).await;
        let contact = json!({ "input": call(&journey, &day().to_string()) });
        let input = crate::app::with(json!({ "commandId": crate::app::new_id() }), contact["input"].clone());
        let document =
            "mutation($input: LogContactInput!) { logContact(input: $input) { position problems { code } } }";
        let told = app.ask(&manager(), document, json!({ "input": input })).await;
        assert_eq!(told["logContact"]["problems"][0]["code"], "VIEW_BEHIND", "{told}");
        let refused = ready(StatusCode::SERVICE_UNAVAILABLE).await;
        assert!(refused.contains(&format!("the live view has been at position {stands} for")), "{refused}");
        raw_db.run("rollback").await;
        ready(StatusCode::OK).await;
        let head = app.fresh.log.head().await.expect("the head").position;
        assert_eq!(*app.fresh.views.live().position().borrow(), head);
    })
    .await;
}
