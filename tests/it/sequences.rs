//! Any sequence of commands over every type of a journey's facts leaves a log that reads, stands and folds the same way
//! whenever and wherever it is folded: the live view is the rebuilt one, on both stores.
//!
//! The facts are the golden examples, with ids of the journey that they are told of. Most of what the domain's own
//! tests say about single commands is not asked again here.

use std::cell::Cell;
use std::path::PathBuf;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use serde_json::{Value, json};
use throughline::store::Dialect;
use throughline::views::Views;
use throughline_domain::command::{Command, CorrectFact, RetractFacts};
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{
    Envelope, EventId, JourneyId, Occurred, Precision, StreamId, StreamKind, WorkerId,
};
use throughline_domain::fact::event::{Event, EventType, SubjectKind, WorkerJoined};
use throughline_domain::journey::rules;
use throughline_domain::world;
use uuid::Uuid;

use crate::field::is_full;
use crate::stores::Fresh;

const CONTRACT: &str = "sequences";
/// The day on which everything is recorded: the examples' dates allow facts of the two weeks before it.
const TODAY: &str = "2018-03-09";

/// What is tried on a journey.
#[derive(Debug, Clone)]
enum Step {
    State { of: EventType, pick: u8 },
    Correct { target: usize, pick: u8 },
    Retract { targets: Vec<usize> },
}

/// When it is said to have been so.
#[derive(Debug, Clone, Copy)]
struct When {
    day: u64,
    precision: Precision,
}

/// The commands of each journey, in order.
type Trial = Vec<Vec<(When, Step)>>;

/// The types of which somebody states facts of a journey.
fn stated() -> Vec<EventType> {
    let of_journeys = |of: &EventType| of.stream_kinds().contains(&StreamKind::Journey) && of.is_correctable();
    EventType::ALL.iter().copied().filter(of_journeys).collect()
}

fn any_when() -> impl Strategy<Value = When> {
    let precision = prop_oneof![10 => Just(Precision::Day), 1 => Just(Precision::Month)];
    (0_u64..15, precision).prop_map(|(day, precision)| When { day, precision })
}

fn any_step() -> impl Strategy<Value = Step> {
    let of = proptest::sample::select(stated());
    prop_oneof![
        8 => (of, any::<u8>()).prop_map(|(of, pick)| Step::State { of, pick }),
        3 => (any::<usize>(), any::<u8>()).prop_map(|(target, pick)| Step::Correct { target, pick }),
        1 => proptest::collection::vec(any::<usize>(), 1..4).prop_map(|targets| Step::Retract { targets }),
    ]
}

/// Journeys that begin with a referral and its acceptance; then anything goes.
fn any_trial() -> impl Strategy<Value = Trial> {
    let begin = |of| (When { day: 0, precision: Precision::Day }, Step::State { of, pick: 0 });
    let journey = proptest::collection::vec((any_when(), any_step()), 20..40).prop_map(move |steps| {
        let first = [EventType::ReferralReceived, EventType::ReferralAccepted].map(begin);
        first.into_iter().chain(steps).collect()
    });
    proptest::collection::vec(journey, 3)
}

fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2018, 2, 23).expect("a day")
}

fn now() -> DateTime<Utc> {
    format!("{TODAY}T09:00:00Z").parse().expect("an instant")
}

/// The golden example of a type.
fn example(of: EventType) -> Value {
    let name = format!("{}.json", of.cloud_event_type(StreamKind::Journey, of.schema_version()));
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schema/events").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).expect("the example is there")).expect("JSON")
}

/// One trial as it is told to the stores: the same ids on both.
struct Telling<'a> {
    trial: &'a Trial,
    number: u128,
}

/// In which order journeys are told.
#[derive(Clone, Copy)]
enum Order {
    OneByOne,
    Mixed,
}

impl Telling<'_> {
    fn id(&self, of: u128) -> Uuid {
        Uuid::from_u128((self.number << 64) + of)
    }

    fn journey(&self, n: usize) -> JourneyId {
        JourneyId(self.of_journey(n, 0))
    }

    /// An id of the n-th journey.
    fn of_journey(&self, n: usize, of: u128) -> Uuid {
        self.id(0x1000 * (1 + u128::try_from(n).expect("few journeys")) + of)
    }

    /// The example of a type with the ids of this journey: one of two workers, spells, tasks, risks, pieces.
    fn fact(&self, n: usize, of: EventType, pick: u8, events: &[Envelope]) -> Event {
        let mut payload = example(of);
        let (one, other) = (u128::from(pick % 2), u128::from(pick / 2 % 2));
        let fields = payload.as_object_mut().expect("a payload is an object");
        for (field, value) in fields.iter_mut() {
            match field.as_str() {
                "subject" => *value = json!(self.of_journey(n, 1)),
                "worker" | "owner" => *value = json!(worker(one)),
                "spell" => *value = json!(self.of_journey(n, 0x10 + one)),
                "task" => *value = json!(self.of_journey(n, 0x20 + one)),
                "risk" => *value = json!(self.of_journey(n, 0x30 + one)),
                "evidence" => *value = json!(self.of_journey(n, 0x40 + one)),
                "supports" => {
                    let event = events.get(usize::from(pick) % events.len().max(1)).map(|event| event.event_id.0);
                    let spell = self.of_journey(n, 0x10 + other);
                    *value = json!(if pick > 128 { vec![spell] } else { Vec::from_iter(event) });
                }
                _ => {}
            }
        }
        Event::decode(of.as_str(), of.schema_version(), &payload.to_string()).expect("an example is read")
    }

    /// Records what is not refused, and gives each journey's outcomes.
    async fn tell(&self, fresh: &Fresh, order: Order) -> Vec<Vec<bool>> {
        let mut outcomes: Vec<Vec<bool>> = vec![Vec::new(); self.trial.len()];
        match order {
            Order::OneByOne => {
                for (n, steps) in self.trial.iter().enumerate() {
                    for step in steps {
                        outcomes[n].push(self.step(fresh, n, step).await);
                    }
                }
            }
            Order::Mixed => {
                let longest = self.trial.iter().map(Vec::len).max().unwrap_or(0);
                for at in 0..longest {
                    for (n, steps) in self.trial.iter().enumerate().rev() {
                        if let Some(step) = steps.get(at) {
                            outcomes[n].push(self.step(fresh, n, step).await);
                        }
                    }
                }
            }
        }
        outcomes
    }

    async fn step(&self, fresh: &Fresh, n: usize, (when, step): &(When, Step)) -> bool {
        let occurred = Occurred::within(first_day() + Days::new(when.day), when.precision);
        let events = self.events(fresh, n).await;
        let Some(command) = self.command(n, occurred, step, &events) else { return false };
        fresh.clock.set(fresh.clock.now() + TimeDelta::milliseconds(1));
        fresh.record(command).await.is_ok()
    }

    fn command(&self, n: usize, occurred: Occurred, step: &Step, events: &[Envelope]) -> Option<Command> {
        let (journey, stream) = (self.journey(n), StreamId::journey(self.journey(n)));
        let named = |target: &usize| events.get(target % events.len().max(1));
        Some(match step {
            Step::State { of, pick } => match self.fact(n, *of, *pick, events) {
                Event::ReferralReceived(fact) => {
                    let register = events.is_empty().then_some(SubjectKind::Person);
                    world::refer(journey, CONTRACT, occurred, register, fact)
                }
                fact => Command::record_fact(stream, occurred, fact),
            },
            Step::Correct { target, pick } => {
                let target = named(target)?;
                let of = EventType::named(&target.event_type).expect("a type of ours");
                let replacement = self.fact(n, of, *pick, events);
                let (target, reason) = (target.event_id, "it was otherwise".to_owned());
                Command::CorrectFact(CorrectFact { stream, target, occurred, replacement, reason })
            }
            Step::Retract { targets } => {
                let mut targets: Vec<EventId> = targets.iter().filter_map(named).map(|event| event.event_id).collect();
                targets.sort_unstable();
                targets.dedup();
                Command::RetractFacts(RetractFacts { stream, targets, reason: "it never was".to_owned() })
            }
        })
    }

    async fn events(&self, fresh: &Fresh, n: usize) -> Vec<Envelope> {
        fresh.log.stream(StreamId::journey(self.journey(n))).await.expect("the log is read")
    }

    /// Every journey reads back, and nothing in it is without ground.
    async fn judge(&self, fresh: &Fresh) -> Result<(), TestCaseError> {
        for n in 0..self.trial.len() {
            let events = self.events(fresh, n).await;
            let history = History::of(events.iter().map(|event| Recorded::decode(event).expect("our own event")));
            prop_assert!(history.journey().referral.is_some() || history.facts().is_empty());
            let found = rules::violations(&history);
            prop_assert!(found.is_empty(), "left without ground: {found:#?}");
        }
        Ok(())
    }
}

fn worker(n: u128) -> WorkerId {
    WorkerId(Uuid::from_u128(0x31 + n))
}

async fn open(fresh: &Fresh) {
    let occurred = Occurred::on(first_day());
    let fact = world::opened(CONTRACT, &first_day().to_string());
    let open = world::open(occurred, fact, include_str!("rulebooks/sequences.toml"));
    fresh.record(open).await.expect("the contract opens");
    for n in 0..2 {
        let joined = WorkerJoined { login: None, label: format!("KW-{n}") };
        let add = Command::record_fact(StreamId::worker(worker(n)), occurred, joined);
        fresh.record(add).await.expect("the worker joins");
    }
}

/// How many trials are made: more on demand.
fn trials() -> u32 {
    if is_full() { 100 } else { 8 }
}

#[test]
fn the_live_view_equals_the_rebuilt_one_for_any_sequence_on_both_stores() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (one, other) = runtime.block_on(async {
        let stores = (Fresh::on(Dialect::Sqlite, now()).await, Fresh::on(Dialect::Postgres, now()).await);
        open(&stores.0).await;
        open(&stores.1).await;
        stores
    });
    let (number, recorded) = (Cell::new(0_u128), Cell::new(0_usize));
    let config = Config { cases: trials(), failure_persistence: None, max_shrink_iters: 20, ..Config::default() };
    let found = TestRunner::new(config).run(&any_trial(), |trial| {
        number.set(number.get() + 1);
        let telling = Telling { trial: &trial, number: number.get() };
        runtime.block_on(async {
            let (first, second) = tokio::join!(telling.tell(&one, Order::OneByOne), telling.tell(&other, Order::Mixed));
            prop_assert_eq!(&first, &second, "what is refused does not depend on the store or other journeys");
            let told = first.iter().flatten();
            recorded.set(recorded.get() + told.filter(|recorded| **recorded).count());
            telling.judge(&one).await?;
            telling.judge(&other).await
        })
    });
    if let Err(TestError::Fail(reason, trial)) = found {
        panic!("{reason}\n{trial:#?}");
    }
    found.expect("the trials run to their end");
    let tried = usize::try_from(trials()).expect("few trials");
    assert!(recorded.get() > 20 * tried, "much of what is tried is recorded: {} in {tried} trials", recorded.get());
    runtime.block_on(async {
        let digest = one.views.live().digest().await.expect("a digest");
        assert_eq!(digest, other.views.live().digest().await.expect("a digest"), "order and store do not matter");
        for fresh in [&one, &other] {
            let rebuilt = Views::rebuild(&fresh.log, throughline::queries::statements).await.expect("a rebuild");
            assert_eq!(rebuilt.new.1, digest, "a rebuild gives the live view again");
        }
        one.end().await;
        other.end().await;
    });
}
