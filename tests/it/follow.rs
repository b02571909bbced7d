//! Following: everybody sees every event once and in order, whoever else keeps a transaction open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{StreamExt as _, pin_mut};
use throughline::log::Log;
use throughline::record::Recorder;
use throughline::store::{Dialect, Mode, Store};
use throughline_domain::fact::envelope::Position;

use crate::field::{Field, RawDb, assert_gapless, is_full, now, whole};
use crate::stores::{Fresh, STORES};

const WRITERS: usize = 8;
/// Commands that a writer has under way at once.
const AT_ONCE: usize = 25;

/// Follows from a position to another and says what it saw.
fn tail(log: &Log, after: Position, upto: Position) -> tokio::task::JoinHandle<Vec<Position>> {
    let events = log.follow(after);
    tokio::spawn(async move {
        pin_mut!(events);
        let mut seen = Vec::new();
        while seen.last() != Some(&upto) {
            let event = events.next().await.expect("it never ends").expect("it is read");
            assert!(seen.len() < 1_000_000, "it runs away");
            seen.push(event.position);
        }
        seen
    })
}

fn between(after: Position, upto: Position) -> Vec<Position> {
    (after.0 + 1..=upto.0).map(Position).collect()
}

async fn write(recorder: &Recorder, field: &Field, events: usize) {
    for _ in 0..events / AT_ONCE {
        for done in join_all((0..AT_ONCE).map(|_| recorder.append(field.subject()))).await {
            done.expect("it is appended");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tailers_from_anywhere_see_every_event_once_and_in_order() {
    let each = if is_full() { 10_000 } else { 2_000 };
    for dialect in STORES {
        let (fresh, field) = (Fresh::on(dialect, now()).await, Arc::new(Field::of("tailers")));
        write(&fresh.recorder, &field, 100).await;
        let begin = fresh.log.head().await.expect("the head").position;
        let end = Position(begin.0 + i64::try_from(WRITERS * each).expect("not so many"));
        // Another process that follows knows of an append only what the log tells it.
        let url = fresh.url();
        let mode = if dialect == Dialect::Postgres { Mode::Write } else { Mode::Read };
        let elsewhere = Store::open(url, mode).await.expect("it opens");
        let elsewhere = Log::open(Arc::new(elsewhere)).await.expect("the log opens");
        let mut tails: Vec<_> = [(&fresh.log, Position(0)), (&fresh.log, begin), (&elsewhere, Position(0))]
            .map(|(log, after)| (after, tail(log, after, end)))
            .into();
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                let (recorder, field) = (fresh.recorder.clone(), Arc::clone(&field));
                tokio::spawn(async move { write(&recorder, &field, each).await })
            })
            .collect();
        // From the end, wherever that is while they write.
        let mut newest = fresh.log.newest();
        for tenth in 1..10 {
            let from = Position(begin.0 + (end.0 - begin.0) * tenth / 10);
            let newest = *newest.wait_for(|newest| *newest >= from).await.expect("the log is open");
            if newest < end {
                tails.push((newest, tail(&fresh.log, newest, end)));
            }
        }
        for writer in writers {
            writer.await.expect("it wrote all");
        }
        for (after, tail) in tails {
            assert!(tail.await.expect("it saw all") == between(after, end), "a tailer from {after} on {dialect:?}");
        }
        elsewhere.store().close().await;
        fresh.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_transaction_left_idle_stops_neither_appends_nor_tailers() {
    let lasting = Duration::from_secs(if is_full() { 60 } else { 3 });
    for dialect in STORES {
        let (fresh, field) = (Fresh::on(dialect, now()).await, Arc::new(Field::of("idle")));
        let journeys = field.journeys(&fresh.recorder, 4).await;
        let mut raw_dbs = [RawDb::at(fresh.place()).await, RawDb::at(fresh.place()).await];
        let [one, other] = &mut raw_dbs;
        match dialect {
            Dialect::Sqlite => {
                one.run("begin; select count(*) from events").await;
                other.run("begin; select record from events limit 1").await;
            }
            Dialect::Postgres => {
                one.run("begin isolation level repeatable read; select count(*) from events").await;
                other.run("create table theirs (id int); begin; insert into theirs (id) values (1)").await;
            }
        }
        let before = whole(&fresh.log).await.len();
        let (began, count) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
        let writers: Vec<_> = (0..4)
            .map(|nth| {
                let (recorder, field, count) = (fresh.recorder.clone(), Arc::clone(&field), Arc::clone(&count));
                let journey = journeys[nth];
                tokio::spawn(async move {
                    let mut slowest = Duration::ZERO;
                    // Two a second each for a minute, or as many as there is time for.
                    while began.elapsed() < lasting {
                        let sent = Instant::now();
                        let done = recorder.record(field.contact(journey)).await.expect("it is appended");
                        assert!(done.shown, "the view goes on as well");
                        slowest = slowest.max(sent.elapsed());
                        count.fetch_add(1, Ordering::Relaxed);
                        if is_full() {
                            // This is the load: so many a second, and no more.
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                    }
                    slowest
                })
            })
            .collect();
        let mut slowest = Duration::ZERO;
        for writer in writers {
            slowest = slowest.max(writer.await.expect("it went on"));
        }
        let count = count.load(Ordering::Relaxed);
        let head = fresh.log.head().await.expect("the head").position;
        for after in [Position(0), Position(head.0 / 2)] {
            let seen = tokio::time::timeout(Duration::from_secs(30), tail(&fresh.log, after, head)).await;
            assert_eq!(seen.expect("tailers go on").expect("it saw all"), between(after, head));
        }
        eprintln!("{dialect:?}: {count} appends in {lasting:?}, the slowest took {slowest:?}");
        assert!(slowest < Duration::from_secs(5), "an append took {slowest:?}");
        for raw_db in &mut raw_dbs {
            raw_db.run("commit").await;
        }
        let events = whole(&fresh.log).await;
        assert_eq!(events.len(), before + count);
        assert_gapless(&events);
        fresh.end().await;
    }
}
