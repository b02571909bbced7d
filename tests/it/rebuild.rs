//! Rebuilding while serving: nobody waits, nobody sees half a view, nobody goes back, and nothing is left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use serde_json::json;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use throughline::access::Scope;
use throughline::clock::{Chance, Clock};
use throughline::log::Log;
use throughline::log::append::{Appender, Decide, Draft, Expected, Payload, Request, State, Streams};
use throughline::queries;
use throughline::store::{Dialect, Mode, Store};
use throughline::views::generation::Generation;
use throughline::views::rebuild::{Options, Phase};
use throughline::views::{ViewError, Views};
use throughline_domain::command::Command;
use throughline_domain::command::contracts::PublishRulebook;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::{Actor, CommandId, Envelope, JourneyId, Occurred, Position, StreamId};

use crate::field::{CONTRACT, Field, RawDb, day, now};
use crate::stores::{Fresh, Place, STORES};
use crate::wait::{PATIENCE, until, until_views};

/// The numbers of the generations that are there.
pub(crate) async fn generations(place: &Place) -> Vec<i64> {
    let mut numbers: Vec<i64> = match place.file() {
        Some(file) => {
            let folder = std::fs::read_dir(file.parent().expect("a folder")).expect("a folder");
            let names = folder.map(|entry| entry.expect("an entry").file_name().display().to_string());
            let number = |name: String| {
                let rest = name.strip_prefix("log.db-g")?.split('-').next()?.to_owned();
                rest.parse().ok()
            };
            names.filter_map(number).collect()
        }
        None => RawDb::at(place).await.generations().await,
    };
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Waits until just these generations are left.
pub(crate) async fn left(place: &Place, wanted: &[i64]) {
    until(&format!("only the generations {wanted:?} are left"), async || generations(place).await == wanted).await;
}

async fn rebuild(views: &Views, options: Options) {
    views.start_rebuild(views.right_to_build().await.expect("nobody builds"), options);
    views.rebuild_ended().await.expect("it is built");
}

/// The position and the digest of a generation.
async fn standing(generation: &Generation) -> (Position, String) {
    let position = *generation.position().borrow();
    (position, generation.digest().await.expect("a digest"))
}

/// A published rulebook of a later day, which counts nothing as the first does not.
fn further(version: &str) -> Command {
    let text =
        pack(CONTRACT).expect("it ships").text.replace("version = \"2017-03\"", &format!("version = \"{version}\""));
    Command::PublishRulebook(PublishRulebook {
        contract: CONTRACT.to_owned(),
        when: Occurred::on(day()).into(),
        rulebook: text.replace("effective_from = 2017-03-01", &format!("effective_from = {version}-01")),
    })
}

/// Looks at the live view again and again: its position and its caseload never fall.
async fn look_on(views: &Views, stop: &AtomicBool) -> u32 {
    let (mut looks, mut position, mut held) = (0, Position::default(), 0);
    while !stop.load(Ordering::Relaxed) {
        let live = views.live();
        let stands = *live.position().borrow();
        assert!(stands >= position, "a reader went back from {position} to {stands}");
        position = stands;
        let scope = Scope::Deployment;
        let scope = scope.contract(CONTRACT).expect("the contract is in scope");
        let rows = queries::caseload::by_keyworker(&live, scope, day()).await.expect("the view answers");
        let now: u64 = rows.iter().map(|row| row.journeys).sum();
        assert!(now >= held, "a reader saw {now} cases after {held}");
        held = now;
        looks += 1;
    }
    looks
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_a_rebuild_hinders_nobody_and_nobody_sees_half_a_view() {
    for dialect in STORES {
        let (fresh, field) = (Fresh::on(dialect, now()).await, Field::of("rebuilt under load"));
        let journeys = field.journeys(&fresh.recorder, 200).await;
        let stop = AtomicBool::new(false);
        let write = async {
            let mut written = 0;
            while !stop.load(Ordering::Relaxed) {
                let contacts = journeys.iter().map(|journey| fresh.recorder.append(field.contact(*journey)));
                for done in join_all(contacts.take(40)).await {
                    done.expect("no command is refused or fails");
                    written += 1;
                }
                field.further_journeys(&fresh.recorder, 5).await;
            }
            written
        };
        let build = async {
            for workers in [1, 2, 3] {
                rebuild(&fresh.views, Options { workers, held: 500 }).await;
            }
            stop.store(true, Ordering::Relaxed);
        };
        let (written, looks, ()) = tokio::join!(write, look_on(&fresh.views, &stop), build);
        assert!(written > 0 && looks > 0);
        let standing = fresh.views.generations().await.expect("the pointer");
        assert_eq!((standing.live, standing.previous), (4, Some(3)));
        let head = fresh.log.head().await.expect("the head").position;
        assert!(fresh.views.passed(head, PATIENCE).await, "the new view follows the log");
        left(fresh.place(), &[3, 4]).await;
        the_same_however_built(&fresh).await;
        fresh.end().await;
    }
}

/// Live, and built with one worker, with several, in one pass and in many, and after an interrupted rebuild.
async fn the_same_however_built(fresh: &Fresh) {
    let live = fresh.views.position_and_digest().await.expect("a digest");
    for (workers, held) in [(1, i64::MAX), (4, i64::MAX), (2, 100)] {
        rebuild(&fresh.views, Options { workers, held }).await;
        assert_eq!(
            fresh.views.position_and_digest().await.expect("a digest"),
            live,
            "{workers} workers, {held} events held"
        );
    }
    let right = fresh.views.right_to_build().await.expect("nobody builds");
    fresh.views.start_rebuild(right, Options { workers: 2, held: 50 });
    fresh.views.cancel_rebuild().await.expect("it is stopped");
    rebuild(&fresh.views, Options::default()).await;
    assert_eq!(fresh.views.position_and_digest().await.expect("a digest"), live, "after one that was interrupted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_rebuild_leaves_nothing() {
    for dialect in STORES {
        let (fresh, field) = (Fresh::on(dialect, now()).await, Field::of("cancelled"));
        field.journeys(&fresh.recorder, 300).await;
        assert!(matches!(fresh.views.cancel_rebuild().await, Err(ViewError::NotBuilding)));
        let mut cancelled = 0;
        for round in 0..12_u32 {
            let before = fresh.views.generations().await.expect("the pointer");
            let right = fresh.views.right_to_build().await.expect("nobody builds");
            fresh.views.start_rebuild(right, Options { workers: 2, held: 20 });
            assert!(matches!(fresh.views.right_to_build().await, Err(ViewError::Building)));
            for _ in 0..round.pow(3) {
                tokio::task::yield_now().await;
            }
            match fresh.views.cancel_rebuild().await {
                Ok(()) | Err(ViewError::NotBuilding) => {}
                Err(error) => panic!("{error}"),
            }
            let phase = fresh.views.progress().borrow().expect("it said so").phase;
            let now = fresh.views.generations().await.expect("the pointer");
            match fresh.views.rebuild_ended().await {
                Ok(()) => assert_eq!((phase, now.previous), (Phase::Done, Some(before.live))),
                Err(ViewError::Cancelled) => {
                    assert_eq!((phase, now), (Phase::Cancelled, before));
                    cancelled += 1;
                }
                Err(error) => panic!("{error}"),
            }
            let there: Vec<i64> = now.previous.into_iter().chain([now.live]).collect();
            left(fresh.place(), &there).await;
        }
        assert!(cancelled > 0, "no cancellation came in time");
        fresh.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_keeps_the_generation_that_it_took_until_it_lets_it_go() {
    for dialect in STORES {
        let (fresh, field) = (Fresh::on(dialect, now()).await, Field::of("kept"));
        let journeys = field.journeys(&fresh.recorder, 10).await;
        let head = fresh.log.head().await.expect("the head").position;
        assert!(fresh.views.passed(head, PATIENCE).await);
        let kept = fresh.views.live();
        let told = standing(&kept).await;
        rebuild(&fresh.views, Options::default()).await;
        fresh.recorder.record(field.contact(journeys[0])).await.expect("it is recorded");
        rebuild(&fresh.views, Options::default()).await;
        assert_eq!(standing(&kept).await, told, "all of it is still there");
        left(fresh.place(), &[1, 2, 3]).await;
        drop(kept);
        left(fresh.place(), &[2, 3]).await;
        fresh.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn going_back_catches_the_earlier_view_up_and_a_rulebook_gone_back_from_stays_out() {
    for dialect in STORES {
        let (fresh, field) = (Fresh::on(dialect, now()).await, Field::of("gone back"));
        assert!(matches!(fresh.views.roll_back().await, Err(ViewError::NoPrevious)));
        let journeys = field.journeys(&fresh.recorder, 5).await;
        let rulebooks = |views: &Views| {
            let scope = Scope::Deployment;
            let told = views.live().contract_state(scope.contract(CONTRACT).expect("in scope"));
            told.map_or(0, |contract| contract.rulebooks().len())
        };
        let head = fresh.log.head().await.expect("the head").position;
        assert!(fresh.views.passed(head, PATIENCE).await);
        assert_eq!(rulebooks(&fresh.views), 1);

        fresh.record(further("2017-05")).await.expect("it is published while serving");
        until_views(&fresh.views, "a view with the rulebook is built", async || rulebooks(&fresh.views) == 2).await;
        assert_eq!(fresh.views.generations().await.expect("the pointer").live, 2);

        fresh.recorder.append(field.contact(journeys[0])).await.expect("it is recorded");
        let head = fresh.log.head().await.expect("the head").position;
        // Whoever built the view lets go of the right to build a moment after it is live.
        let back = async {
            loop {
                match fresh.views.roll_back().await {
                    Err(ViewError::Building) => tokio::task::yield_now().await,
                    back => break back.expect("it goes back"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, back).await.expect("the right to build is let go of");
        let standing = fresh.views.generations().await.expect("the pointer");
        assert_eq!((standing.live, standing.previous), (1, Some(2)));
        assert_eq!((rulebooks(&fresh.views), *fresh.views.live().position().borrow()), (1, head));

        // The keeper looks again and again, and leaves it at that.
        let done = fresh.recorder.record(field.contact(journeys[1])).await.expect("it is recorded");
        assert!(fresh.views.passed(done.appended.position(), PATIENCE).await);
        assert!(matches!(fresh.views.rebuild_ended().await, Ok(())), "that was the first");
        assert_eq!(fresh.views.generations().await.expect("the pointer").live, 1);
        rebuild(&fresh.views, Options::default()).await;
        assert_eq!(rulebooks(&fresh.views), 2, "whoever rebuilds gets it");
        left(fresh.place(), &[1, 3]).await;
        fresh.end().await;
    }
}

/// Another node on the same schema follows the switch, and neither goes back.
#[tokio::test(flavor = "multi_thread")]
async fn another_node_follows_the_switch() {
    let (fresh, field) = (Fresh::on(Dialect::Postgres, now()).await, Field::of("two nodes"));
    let store = Store::open(fresh.url(), Mode::Write).await.expect("it opens beside");
    let other = Views::open(Log::open(Arc::new(store)).await.expect("the log opens"), throughline::queries::statements)
        .await
        .expect("its view opens");
    let keeper = tokio::spawn(other.clone().keep_up());
    let journeys = field.journeys(&fresh.recorder, 20).await;
    let stop = AtomicBool::new(false);
    let build = async {
        for _ in 0..3 {
            for journey in &journeys {
                fresh.recorder.append(field.contact(*journey)).await.expect("it is recorded");
            }
            rebuild(&fresh.views, Options::default()).await;
        }
        until("the other node follows", async || other.live().number == 4).await;
        stop.store(true, Ordering::Relaxed);
    };
    let (here, there, ()) = tokio::join!(look_on(&fresh.views, &stop), look_on(&other, &stop), build);
    assert!(here > 0 && there > 0 && other.is_current());
    left(fresh.place(), &[3, 4]).await;
    keeper.abort();
    let _ = keeper.await;
    other.close().await;
    other.log().store().close().await;
    fresh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_was_replaced_goes_though_nothing_is_recorded_any_more() {
    for dialect in STORES {
        let fresh = Fresh::on(dialect, now()).await;
        rebuild(&fresh.views, Options::default()).await;
        rebuild(&fresh.views, Options::default()).await;
        left(fresh.place(), &[2, 3]).await;
        fresh.end().await;
    }
}

/// Views of the same log that have not looked since another process switched.
async fn unaware(fresh: &Fresh) -> Views {
    Views::open(fresh.log.clone(), throughline::queries::statements).await.expect("the view opens")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_not_looked_since_another_switched_uses_the_view_that_is_live_now() {
    for dialect in STORES {
        let fresh = Fresh::on(dialect, now()).await;
        let standing = async || {
            let standing = fresh.views.generations().await.expect("the pointer");
            (standing.live, standing.previous)
        };
        let (back, anew) = (unaware(&fresh).await, unaware(&fresh).await);
        rebuild(&fresh.views, Options::default()).await;
        let gone = tokio::time::timeout(PATIENCE, back.roll_back()).await;
        gone.expect("it does not stand in its own way").expect("it goes back");
        assert_eq!(standing().await, (1, Some(2)));
        assert_eq!(back.live().number, 1);

        rebuild(&anew, Options::default()).await;
        back.roll_back().await.expect("it goes back");
        assert_eq!(standing().await, (1, Some(3)), "the one before is the one that was live, whoever knew of it");
        for views in [back, anew] {
            views.live().close().await;
        }
        fresh.end().await;
    }
}

/// Has a generation say that another version of the program made it.
async fn made_by_another(fresh: &Fresh, number: i64) {
    let change = "update checkpoint set definition = 'another'";
    if let Some(file) = fresh.place().file() {
        let file = format!("sqlite:{}-g{number}", file.display());
        let mut view = SqliteConnection::connect(&file).await.expect("the view opens");
        view.execute(change).await.expect("the owner may do anything");
        view.close().await.expect("it closes");
    } else {
        let change = change.replace("checkpoint", "%I.checkpoint").replace('\'', "''");
        let text = format!("execute format('{change}', current_schema() || '_g{number}')");
        RawDb::at(fresh.place()).await.run(&format!("do $$ begin {text}; end $$")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_goes_back_from_a_view_of_another_version_to_the_one_that_is_still_shown() {
    for dialect in STORES {
        let fresh = Fresh::on(dialect, now()).await;
        let older = unaware(&fresh).await;
        rebuild(&fresh.views, Options::default()).await;
        made_by_another(&fresh, 2).await;
        let gone = tokio::time::timeout(PATIENCE, older.roll_back()).await;
        gone.expect("it does not stand in its own way").expect("it goes back");
        let standing = fresh.views.generations().await.expect("the pointer");
        assert_eq!((standing.live, standing.previous, older.live().number), (1, Some(2), 1));
        assert!(older.is_current());
        older.live().close().await;
        fresh.end().await;
    }
}

/// An event whose payload this build cannot read, as one of a later build would be.
struct Unreadable(JourneyId);

struct Nothing;

impl State for Nothing {
    fn empty(_: StreamId) -> Self {
        Self
    }

    fn evolve(&mut self, _: &Envelope) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }
}

impl Decide<Nothing> for Unreadable {
    type Refusal = std::convert::Infallible;

    fn streams(&self) -> Vec<StreamId> {
        vec![StreamId::journey(self.0)]
    }

    fn also(&self, _: &Streams<'_, Nothing>) -> Vec<StreamId> {
        Vec::new()
    }

    fn authorize(&self, _: &Streams<'_, Nothing>) -> Result<(), Self::Refusal> {
        Ok(())
    }

    fn decide(&self, _: &Streams<'_, Nothing>, _: chrono::DateTime<chrono::Utc>) -> Result<Vec<Draft>, Self::Refusal> {
        let payload = serde_json::value::to_raw_value(&json!({ "channel": 7 })).expect("JSON");
        Ok(vec![Draft {
            stream: StreamId::journey(self.0),
            event_type: "ContactLogged",
            schema_version: 1,
            contract: Some(CONTRACT.to_owned()),
            occurred: Occurred::on(day()),
            payload: Payload::Ready(payload),
        }])
    }
}

async fn append_unreadable(fresh: &Fresh, journey: JourneyId) -> Position {
    let (clock, chance) = (Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
    let (appender, task) = Appender::start(fresh.log.clone(), clock, chance).await.expect("it starts");
    let request = Request {
        actor: Actor { subject: "a later build".to_owned(), role: "manager".to_owned(), on_behalf_of: None },
        command_id: CommandId(uuid::Uuid::from_bytes(Chance::System.bytes())),
        body: Vec::new(),
        expected: Expected::Exists,
        source: None,
        correlation_id: None,
        dry_run: false,
        decide: Unreadable(journey),
    };
    let taken = appender.append(request).await.expect("the log takes any payload");
    drop(appender);
    task.await.expect("it ends");
    taken.position()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journey_with_an_event_that_cannot_be_read_is_parked_alike_live_and_rebuilt() {
    for dialect in STORES {
        let (fresh, field) = (Fresh::on(dialect, now()).await, Field::of("parked"));
        let journeys = field.journeys(&fresh.recorder, 3).await;
        let at = append_unreadable(&fresh, journeys[1]).await;
        for journey in [journeys[0], journeys[2]] {
            fresh.recorder.append(field.contact(journey)).await.expect("others are recorded");
        }
        let head = fresh.log.head().await.expect("the head").position;
        assert!(fresh.views.passed(head, PATIENCE).await, "others go on");
        let live = fresh.views.live().parked(Position::default(), 10).await.expect("a list");
        let [parked] = live.as_slice() else { panic!("{live:?}") };
        assert_eq!((parked.stream, parked.version, parked.position), (StreamId::journey(journeys[1]), 2, at));
        assert!(parked.error.contains("ContactLogged v1 cannot be read"), "{}", parked.error);

        let told = fresh.views.position_and_digest().await.expect("a digest");
        rebuild(&fresh.views, Options { workers: 2, held: 3 }).await;
        assert_eq!(fresh.views.live().parked(Position::default(), 10).await.expect("a list"), live);
        assert_eq!(
            fresh.views.position_and_digest().await.expect("a digest"),
            told,
            "its rows stand as of its last readable event"
        );
        fresh.views.retry_parked(None).await.expect("it tries");
        assert_eq!(
            fresh.views.live().parked(Position::default(), 10).await.expect("a list"),
            live,
            "it is still not readable"
        );
        fresh.end().await;
    }
}
