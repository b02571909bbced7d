//! Appending: many clients, two nodes, several streams, and what goes wrong in the middle of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use serde_json::value::RawValue;
use throughline::access::Role;
use throughline::clock::{Chance, Clock};
use throughline::deployment::Deployment;
use throughline::log::append::{
    Appended, Appender, Decide, Draft, Expected, Payload, Rejection, Request, State, Streams,
};
use throughline::log::{Log, LogError};
use throughline::record::RecordError;
use throughline::store::{Dialect, Mode, Store, StoreError};
use throughline_domain::fact::envelope::{CommandId, Envelope, JourneyId, Occurred, Position, StreamId};
use tokio::sync::watch;

use crate::field::{Field, RawDb, assert_gapless, assert_verified, day, now, principal, whole};
use crate::stores::{Fresh, Place, STORES};
use crate::wait::PATIENCE;

#[tokio::test]
async fn twenty_clients_that_expect_anything_get_twenty_consecutive_versions() {
    for dialect in STORES {
        let (fresh, field) = (Fresh::on(dialect, now()).await, Field::of("any"));
        let journey = field.journeys(&fresh.recorder, 1).await[0];
        let before = fresh.log.stream(StreamId::journey(journey)).await.expect("the stream").len();
        let sent = (0..20).map(|_| fresh.recorder.append(field.contact(journey)));
        let answered: BTreeSet<i64> = join_all(sent)
            .await
            .into_iter()
            .map(|done| done.expect("anything is expected").events[0].version)
            .collect();
        let before = i64::try_from(before).expect("few events");
        assert_eq!(answered, (before + 1..=before + 20).collect());
        assert_gapless(&whole(&fresh.log).await);
        fresh.end().await;
    }
}

#[tokio::test]
async fn of_twenty_clients_that_expect_one_version_one_wins_and_nineteen_get_the_new_events() {
    for dialect in STORES {
        let (fresh, field) = (Fresh::on(dialect, now()).await, Field::of("exact"));
        let journey = field.journeys(&fresh.recorder, 1).await[0];
        let events = whole(&fresh.log).await;
        let version = events.last().expect("an event").version;
        let sent = (0..20).map(|_| {
            let mut contact = field.contact(journey);
            contact.expected = Expected::Exact(version);
            fresh.recorder.append(contact)
        });
        let (won, lost): (Vec<_>, Vec<_>) = join_all(sent).await.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 19));
        let winner = won[0].as_ref().expect("it won").events[0].event_id;
        for conflict in lost {
            let Err(RecordError::Conflict { actual, since }) = conflict else { panic!("a conflict, not {conflict:?}") };
            assert_eq!(actual, version + 1);
            assert_eq!(since.iter().map(|event| event.event_id).collect::<Vec<_>>(), [winner]);
        }
        let after = whole(&fresh.log).await;
        assert_eq!(after.len(), events.len() + 1, "a rejected command burns no position");
        assert_gapless(&after);
        fresh.end().await;
    }
}

#[tokio::test]
async fn one_command_sent_twenty_times_at_once_is_done_once() {
    for dialect in STORES {
        let (fresh, field) = (Fresh::on(dialect, now()).await, Field::of("once"));
        let journey = field.journeys(&fresh.recorder, 1).await[0];
        let before = whole(&fresh.log).await.len();
        let mut contact = field.contact(journey);
        contact.body = b"the same".to_vec();
        let answers = join_all((0..20).map(|_| fresh.recorder.append(contact.clone()))).await;
        let answers: Vec<Appended> = answers.into_iter().map(|done| done.expect("it is the same command")).collect();
        assert_eq!(answers.iter().filter(|done| !done.replayed).count(), 1);
        let ids: BTreeSet<_> = answers.iter().flat_map(|done| &done.events).map(|event| event.event_id).collect();
        assert_eq!(ids.len(), 1, "everybody is answered with the same event");
        contact.body = b"another".to_vec();
        let reused = fresh.recorder.append(contact).await;
        assert!(matches!(reused, Err(RecordError::CommandIdReused)), "{reused:?}");
        assert_eq!(whole(&fresh.log).await.len(), before + 1);
        fresh.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_append_to_one_log_in_one_order() {
    let field = Field::of("two nodes");
    let place = Place::on(Dialect::Postgres).await;
    let open = || Deployment::open(place.url(), Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
    let (one, two) = tokio::join!(open(), open());
    let (one, two) = (one.expect("one node opens"), two.expect("the other node opens"));
    // The contract comes by one node, its first journeys by the other.
    let mut journeys = field.journeys(&one.recorder, 4).await;
    journeys.extend(field.further_journeys(&two.recorder, 4).await);
    let sent = (0..400).map(|nth| {
        let node = if nth % 2 == 0 { &one } else { &two };
        // Half of it into one stream, the rest into any.
        let journey = if nth % 4 < 2 { journeys[0] } else { journeys[nth % journeys.len()] };
        node.recorder.append(field.contact(journey))
    });
    for done in join_all(sent).await {
        done.expect("both nodes append");
    }
    by_turns(&field, [&one, &two], journeys[0], journeys[1]).await;

    let events = whole(&one.log).await;
    assert_gapless(&events);
    assert_verified(&two.log).await;
    let head = events.last().expect("an event").position;
    let mut digests = Vec::new();
    for node in [&one, &two] {
        assert!(node.views.passed(head, PATIENCE).await, "the view does not follow the log");
        digests.push(node.views.live().digest().await.expect("a digest"));
    }
    assert_eq!(digests[0], digests[1], "both nodes show the same view");
    one.close().await;
    two.close().await;
    crate::reopened::assert_rebuilt_alike(&place).await;
    place.remove().await;
}

/// Each node knows at once what the other has appended: a state that it kept is brought up before it decides.
///
/// The other node appends elsewhere first, so that it has seen the log's head when it comes to the stream.
async fn by_turns(field: &Field, nodes: [&Deployment; 2], journey: JourneyId, elsewhere: JourneyId) {
    let stream = nodes[0].log.stream(StreamId::journey(journey)).await.expect("the stream");
    let mut version = stream.last().expect("an event").version;
    for turn in 0..20 {
        let (node, other) = (nodes[turn % 2], nodes[(turn + 1) % 2]);
        let exactly = |version| {
            let mut contact = field.contact(journey);
            contact.expected = Expected::Exact(version);
            contact
        };
        let done = node.recorder.append(exactly(version)).await.expect("it is at this version");
        other.recorder.append(field.contact(elsewhere)).await.expect("anything is expected there");
        let stale = other.recorder.append(exactly(version)).await;
        assert!(matches!(&stale, Err(RecordError::Conflict { actual, .. }) if *actual == version + 1), "{stale:?}");
        version = done.events[0].version;
    }
}

#[tokio::test]
async fn a_second_writer_of_a_file_gets_a_remedy_and_may_still_read() {
    let (place, field) = (Place::on(Dialect::Sqlite).await, Field::of("second writer"));
    let open = || Deployment::open(place.url(), Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
    let first = open().await.expect("it opens");
    field.journeys(&first.recorder, 1).await;

    let refused = Store::open(place.url(), Mode::Write).await.expect_err("it is claimed");
    assert!(matches!(refused, StoreError::Claimed(_)), "{refused:?}");
    let message = refused.to_string();
    assert!(message.contains("stop it, or use the mutations of its GraphQL API"), "{message}");

    let reading = Store::open(place.url(), Mode::Read).await.expect("reading stays possible");
    let log = Log::open(Arc::new(reading)).await.expect("the log opens");
    assert_eq!(whole(&log).await.len(), whole(&first.log).await.len());
    log.store().close().await;
    first.close().await;
    open().await.expect("the claim ends with the process that made it").close().await;
    place.remove().await;
}

/// A connection that the server ends in the middle of anything loses nothing and repeats nothing.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut_lose_and_repeat_nothing() {
    const WRITERS: usize = 8;
    const ALL: usize = WRITERS * 40;
    let field = Arc::new(Field::of("cut"));
    let place = Place::on(Dialect::Postgres).await;
    let (clock, chance) = (Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
    let node = Deployment::open(place.url(), clock, chance).await.expect("it opens");
    let journey = field.journeys(&node.recorder, 1).await[0];
    let before = whole(&node.log).await.len();
    let (written, mut so_far) = watch::channel(0);
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (recorder, field, written) = (node.recorder.clone(), Arc::clone(&field), written.clone());
            tokio::spawn(async move {
                for _ in 0..ALL / WRITERS {
                    let contact = field.contact(journey);
                    while let Err(fault) = recorder.append(contact.clone()).await {
                        assert!(matches!(fault, RecordError::Fault(_)), "{fault:?}");
                    }
                    written.send_modify(|written| *written += 1);
                }
            })
        })
        .collect();
    let mut raw_db = RawDb::at(&place).await;
    let (_, name) = place.url().rsplit_once("application_name=").expect("a name");
    let cut = format!("select pg_terminate_backend(pid) from pg_stat_activity where application_name = '{name}'");
    let is_over = || writers.iter().all(tokio::task::JoinHandle::is_finished);
    while !is_over() {
        let before = *so_far.borrow();
        raw_db.run(&cut).await;
        // This is what is tested: a cut comes at any moment.
        tokio::time::sleep(std::time::Duration::from_millis(30 + field.below(70))).await;
        // However slow the machine is, something is written between two cuts.
        let next = so_far.wait_for(|written| *written > before || *written == ALL);
        tokio::time::timeout(PATIENCE, next).await.expect("nothing is written after a cut").expect("they write");
    }
    for writer in writers {
        writer.await.expect("it wrote all");
    }
    let events = whole(&node.log).await;
    assert_eq!(events.len() - before, ALL, "each once");
    assert_gapless(&events);
    assert!(node.views.passed(events[events.len() - 1].position, PATIENCE).await, "the view goes on too");
    node.close().await;
    place.remove().await;
}

/// How many events a stream has; the simplest state there is.
struct Count;

impl State for Count {
    fn empty(_: StreamId) -> Self {
        Self
    }

    fn evolve(&mut self, envelope: &Envelope) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if envelope.event_type == UNREADABLE { Err("nobody can read this".into()) } else { Ok(()) }
    }
}

const UNREADABLE: &str = "Unreadable";
const POISON: &str = "Poison";

/// What a command of these tests does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    /// Adds an event to each of its streams.
    Append,
    /// Refuses.
    Refuse,
    /// Panics.
    Panic,
    /// Adds an event to each stream, the last of which nobody can read.
    Unreadable,
    /// Adds an event to each stream, the last of which the database refuses.
    Poison,
    /// Adds nothing.
    Nothing,
}

struct Script {
    streams: Vec<StreamId>,
    does: Does,
}

impl Decide<Count> for Script {
    type Refusal = &'static str;

    fn streams(&self) -> Vec<StreamId> {
        self.streams.clone()
    }

    fn also(&self, _: &Streams<'_, Count>) -> Vec<StreamId> {
        Vec::new()
    }

    fn authorize(&self, _: &Streams<'_, Count>) -> Result<(), Self::Refusal> {
        Ok(())
    }

    fn decide(&self, _: &Streams<'_, Count>, _: DateTime<Utc>) -> Result<Vec<Draft>, Self::Refusal> {
        let last = match self.does {
            Does::Refuse => return Err("no"),
            Does::Panic => panic!("a decision that panics, as this test wants it"),
            Does::Nothing => return Ok(Vec::new()),
            Does::Append => "Appended",
            Does::Unreadable => UNREADABLE,
            Does::Poison => POISON,
        };
        let draft = |(stream, event_type): (StreamId, &'static str)| Draft {
            stream,
            event_type,
            schema_version: 1,
            contract: None,
            occurred: Occurred::on(day()),
            payload: Payload::Ready(RawValue::from_string("{}".to_owned()).expect("JSON")),
        };
        let types = (0..self.streams.len()).map(|nth| if nth + 1 == self.streams.len() { last } else { "Appended" });
        Ok(self.streams.iter().copied().zip(types).map(draft).collect())
    }
}

/// Sends commands so that they are taken as one batch: nobody else runs until all of them wait.
async fn batch(
    appender: &Appender<Script, Count>,
    field: &Field,
    scripts: Vec<Script>,
) -> Vec<Result<Appended, Rejection<&'static str>>> {
    let sent = scripts.into_iter().map(|decide| {
        appender.append(Request {
            dry_run: false,
            actor: principal(Role::Manager).actor(),
            command_id: CommandId(field.id()),
            body: Vec::new(),
            expected: Expected::Any,
            source: None,
            correlation_id: None,
            decide,
        })
    });
    join_all(sent).await
}

async fn appender(log: &Log) -> Appender<Script, Count> {
    let (clock, chance) = (Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
    Appender::start(log.clone(), clock, chance).await.expect("it starts").0
}

async fn log_at(place: &Place) -> Log {
    let store = Store::open(place.url(), Mode::Write).await.expect("the store opens");
    Log::open(Arc::new(store)).await.expect("the log opens")
}

/// A database that refuses a poisoned event: at once, or not before COMMIT.
async fn poison(place: &Place, at_commit: bool) {
    let sql = match (&mut RawDb::at(place).await, at_commit) {
        (RawDb::Sqlite(_), false) => {
            "create trigger poison before insert on events when new.type = 'Poison' \
             begin select raise(abort, 'poison'); end"
        }
        (RawDb::Sqlite(_), true) => {
            "create table antidote (id integer primary key); \
             create table poisoned (id integer references antidote (id) deferrable initially deferred); \
             create trigger poison after insert on events when new.type = 'Poison' \
             begin insert into poisoned (id) values (1); end"
        }
        (RawDb::Postgres(_), false) => {
            "create function poison() returns trigger language plpgsql as \
             $$ begin raise exception 'poison'; end; $$; \
             create trigger poison before insert on events for each row when (new.type = 'Poison') \
             execute function poison()"
        }
        (RawDb::Postgres(_), true) => {
            "create function poison() returns trigger language plpgsql as \
             $$ begin raise exception 'poison'; end; $$; \
             create constraint trigger poison after insert on events deferrable initially deferred \
             for each row when (new.type = 'Poison') execute function poison()"
        }
    };
    RawDb::at(place).await.run(sql).await;
}

#[tokio::test]
async fn one_bad_command_harms_no_other_of_its_batch_and_leaves_nothing() {
    for dialect in STORES {
        for at_commit in [false, true] {
            let (place, field) = (Place::on(dialect).await, Field::of("bad command"));
            let log = log_at(&place).await;
            poison(&place, at_commit).await;
            let appender = appender(&log).await;
            let streams: Vec<StreamId> = (0..3).map(|_| StreamId::journey(JourneyId(field.id()))).collect();
            let script = |does| Script { streams: streams.clone(), does };
            let all = [
                Does::Append,
                Does::Panic,
                Does::Append,
                Does::Unreadable,
                Does::Refuse,
                Does::Append,
                Does::Poison,
                Does::Nothing,
                Does::Append,
            ];
            let answers = batch(&appender, &field, all.map(script).into()).await;
            for (does, answer) in all.iter().zip(&answers) {
                let as_it_should = match does {
                    Does::Append => matches!(answer, Ok(done) if done.events.len() == 3 && !done.replayed),
                    Does::Nothing => matches!(answer, Ok(done) if done.events.is_empty()),
                    Does::Refuse => matches!(answer, Err(Rejection::Refused("no"))),
                    Does::Panic => matches!(answer, Err(Rejection::Fault(LogError::Panicked))),
                    Does::Unreadable => matches!(answer, Err(Rejection::Fault(LogError::Payload(_)))),
                    Does::Poison => matches!(answer, Err(Rejection::Fault(LogError::Store(_)))),
                };
                assert!(as_it_should, "{dialect:?}, at commit {at_commit}: {answer:?}");
            }
            let events = whole(&log).await;
            assert_eq!(events.len(), 4 * 3, "all of a command or nothing of it");
            assert_gapless(&events);
            let head = log.head().await.expect("the head");
            assert_eq!(head.position, Position(12), "a command that failed burns no position");
            let verified = log.verify(|_| Ok(())).await.expect("the log is read");
            assert_eq!(verified.findings, []);
            let after = batch(&appender, &field, vec![script(Does::Append)]).await;
            assert!(after[0].is_ok(), "the log takes events as before: {after:?}");
            drop(appender);
            log.store().close().await;
            place.remove().await;
        }
    }
}

#[tokio::test]
async fn a_command_without_events_is_remembered_and_moves_nothing() {
    for dialect in STORES {
        let (place, field) = (Place::on(dialect).await, Field::of("nothing"));
        let log = log_at(&place).await;
        let appender = appender(&log).await;
        let before = log.head().await.expect("the head");
        let answers = batch(&appender, &field, vec![Script { streams: Vec::new(), does: Does::Nothing }]).await;
        assert!(matches!(&answers[..], [Ok(done)] if done.events.is_empty()), "{answers:?}");
        let after = log.head().await.expect("the head");
        assert_eq!(
            (after.position, after.recorded_at, after.epoch),
            (before.position, before.recorded_at, before.epoch)
        );
        assert_verified(&log).await;
        drop(appender);
        log.store().close().await;
        place.remove().await;
    }
}

#[tokio::test]
async fn batches_as_large_as_they_get_are_written_whole() {
    for dialect in STORES {
        let (place, field) = (Place::on(dialect).await, Field::of("large"));
        let log = log_at(&place).await;
        let appender = appender(&log).await;
        let shared = StreamId::journey(JourneyId(field.id()));
        let scripts = (0..700).map(|_| {
            let own = StreamId::journey(JourneyId(field.id()));
            Script { streams: vec![shared, own, shared], does: Does::Append }
        });
        let answers = batch(&appender, &field, scripts.collect()).await;
        let mut firsts = BTreeSet::new();
        for done in answers {
            let done = done.expect("it is appended");
            let positions: Vec<_> = done.events.iter().map(|event| event.position.0).collect();
            assert_eq!(
                positions,
                [positions[0], positions[0] + 1, positions[0] + 2],
                "a command's events stay together"
            );
            firsts.insert(positions[0]);
        }
        assert_eq!(firsts, (0..700).map(|nth| 1 + 3 * nth).collect());
        assert_gapless(&whole(&log).await);
        drop(appender);
        log.store().close().await;
        place.remove().await;
    }
}
