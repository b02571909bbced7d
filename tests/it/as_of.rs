//! The law of "how facts combine": every answer for a day, as known at a position, is that of the literal filter.
//!
//! Random journeys are recorded on both stores, on one journey by journey and on the other mixed, and every board is
//! compared with counts made by the oracle. What the commands refuse is left out; it must be the same on both.

use std::cell::Cell;
use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use throughline::access::Scope;
use throughline::access::relation::Standing;
use throughline::queries;
use throughline::queries::obligations::{By, Counts, ObligationFilter, of_journey};
use throughline::store::Dialect;
use throughline::views::Views;
use throughline_domain::command::{Command, CorrectFact, RetractFacts};
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{
    Envelope, EventId, JourneyId, Occurred, Precision, SpellId, StreamId, SubjectId, WorkerId,
};
use throughline_domain::fact::event::{
    AchievementRecorded, Attendance, Attribute, ContactLogged, ContactWith, Disengaged, EngagementStarted, Event,
    EventType, ExternalReference, JourneyClosed, JourneyReopened, JourneyTransferred, MeasureRecorded, PlanAgreed,
    Quantity, ReferralAccepted, ReferralDeclined, ReferralReceived, ReferralWithdrawn, SpellChanged, SpellEnded,
    SpellStarted, SubjectKind, WorkerAssigned, WorkerJoined, WorkerReleased,
};
use throughline_domain::world;
use throughline_projections::{CaseFacts, last_contact, referral_to_plan, stage};
use uuid::Uuid;

use crate::field::is_full;
use crate::oracle::{self, Case, Rules};
use crate::oracle_boards;
use crate::stores::Fresh;

/// The workers of every case of the test, and one who holds nothing.
const WORKERS: u128 = 3;
/// The day on which everything is recorded.
const TODAY: &str = "2018-03-01";

/// What is tried on a journey, with everything that is drawn for it.
#[derive(Debug, Clone)]
enum Step {
    Accept,
    Decline,
    Withdraw,
    Engage,
    Achieve { level: Option<&'static str> },
    Measure { sessions: i64 },
    Assign { worker: u128, role: &'static str },
    Release { worker: u128, role: &'static str },
    Contact { worker: Option<u128>, with: ContactWith, attendance: Attendance, two_way: bool },
    Plan { kind: &'static str },
    StartSpell { secured_as: Option<&'static str> },
    ChangeSpell { nth: usize, secured_as: &'static str },
    EndSpell,
    Disengage { reason: &'static str },
    Close { reason: &'static str },
    Transfer { reason: &'static str },
    Reopen,
    Correct { target: usize, area: &'static str, worker: u128, attendance: Attendance },
    Retract { targets: Vec<usize> },
}

/// When it is said to have been so.
#[derive(Debug, Clone, Copy)]
struct When {
    day: u64,
    precision: Precision,
    hour: u32,
}

/// A journey to be recorded.
#[derive(Debug, Clone)]
struct Drawn {
    area: &'static str,
    referred: bool,
    received: When,
    answer: Option<(When, Step)>,
    steps: Vec<(When, Step)>,
}

/// A contract with its journeys, and the questions put to it.
#[derive(Debug, Clone)]
struct Trial {
    counts_accepted: bool,
    /// Whether facts of a known day have a time.
    timed: bool,
    journeys: Vec<Drawn>,
    as_of: Vec<u64>,
    known_at: Vec<u8>,
}

fn any_when() -> impl Strategy<Value = When> {
    let precision = prop_oneof![8 => Just(Precision::Day), 2 => Just(Precision::Month), 1 => Just(Precision::Year)];
    // The first days of the year and of February: there imprecise facts stand too.
    let day = prop_oneof![6 => 0_u64..60, 1 => Just(1), 1 => Just(32)];
    (day, precision, 8_u32..18).prop_map(|(day, precision, hour)| When { day, precision, hour })
}

fn any_attendance() -> impl Strategy<Value = Attendance> {
    prop_oneof![
        4 => Just(Attendance::None),
        3 => Just(Attendance::Attended),
        1 => Just(Attendance::DidNotAttend),
        1 => Just(Attendance::CancelledByClient),
        1 => Just(Attendance::NotOffered),
    ]
}

fn any_area() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("brent"), Just("ealing")]
}

fn any_contact() -> impl Strategy<Value = Step> {
    let with =
        prop_oneof![4 => Just(ContactWith::Client), 1 => Just(ContactWith::Carer), 1 => Just(ContactWith::Landlord)];
    (proptest::option::weighted(0.8, 0..WORKERS), with, any_attendance(), any::<bool>())
        .prop_map(|(worker, with, attendance, two_way)| Step::Contact { worker, with, attendance, two_way })
}

fn any_step() -> impl Strategy<Value = Step> {
    let role = prop_oneof![4 => Just("keyworker"), 1 => Just("mentor")];
    let secured_as = prop_oneof![3 => Just(Some("new")), 1 => Just(Some("lost")), 1 => Just(None)];
    prop_oneof![
        1 => Just(Step::Accept),
        1 => prop_oneof![Just(Step::Decline), Just(Step::Withdraw)],
        2 => (0..WORKERS, role.clone()).prop_map(|(worker, role)| Step::Release { worker, role }),
        1 => Just(Step::Engage),
        1 => prop_oneof![Just(Some("2")), Just(Some("1")), Just(None)].prop_map(|level| Step::Achieve { level }),
        1 => (8_i64..12).prop_map(|sessions| Step::Measure { sessions }),
        4 => (0..WORKERS, role).prop_map(|(worker, role)| Step::Assign { worker, role }),
        8 => any_contact(),
        3 => prop_oneof![3 => Just("php"), 1 => Just("other_plan")].prop_map(|kind| Step::Plan { kind }),
        2 => secured_as.prop_map(|secured_as| Step::StartSpell { secured_as }),
        2 => (0_usize..3, prop_oneof![3 => Just("kept"), 1 => Just("lost")])
            .prop_map(|(nth, secured_as)| Step::ChangeSpell { nth, secured_as }),
        1 => Just(Step::EndSpell),
        2 => prop_oneof![Just("no_contact"), Just("moved_away")].prop_map(|reason| Step::Disengage { reason }),
        2 => prop_oneof![Just("housed"), Just("lost_contact")].prop_map(|reason| Step::Close { reason }),
        1 => prop_oneof![Just("housed"), Just("lost_contact")].prop_map(|reason| Step::Transfer { reason }),
        3 => Just(Step::Reopen),
        4 => (0_usize..12, any_area(), 0..WORKERS, any_attendance())
            .prop_map(|(target, area, worker, attendance)| Step::Correct { target, area, worker, attendance }),
        2 => proptest::collection::vec(0_usize..12, 1..3).prop_map(|targets| Step::Retract { targets }),
    ]
}

fn any_journey() -> impl Strategy<Value = Drawn> {
    let answer =
        (any_when(), prop_oneof![7 => Just(Step::Accept), 1 => Just(Step::Decline), 1 => Just(Step::Withdraw)]);
    let answer = proptest::option::weighted(0.9, answer);
    let steps = proptest::collection::vec((any_when(), any_step()), 0..14);
    (any_area(), any::<bool>(), any_when(), answer, steps).prop_map(|(area, referred, received, answer, steps)| {
        // Most referrals come early, so that most facts can follow them.
        let received = When { day: received.day / 3, ..received };
        Drawn { area, referred, received, answer, steps }
    })
}

fn any_trial() -> impl Strategy<Value = Trial> {
    let journeys = proptest::collection::vec(any_journey(), 1..5);
    let as_of = proptest::collection::vec(0_u64..75, 3);
    (any::<bool>(), any::<bool>(), journeys, as_of, proptest::collection::vec(any::<u8>(), 3)).prop_map(
        |(counts_accepted, timed, journeys, as_of, known_at)| Trial {
            counts_accepted,
            timed,
            journeys,
            as_of,
            known_at,
        },
    )
}

/// The first day of every story.
fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2017, 12, 31).expect("a day")
}

fn now() -> DateTime<Utc> {
    format!("{TODAY}T09:00:00Z").parse().expect("an instant")
}

fn rulebook(contract: &str, counts_accepted: bool) -> String {
    let when = if counts_accepted { "accepted" } else { "received" };
    include_str!("rulebooks/as_of.toml").replace("CONTRACT", contract).replace("COUNTS_WHEN", when)
}

impl When {
    fn occurred(self, timed: bool) -> Occurred {
        let day = first_day() + Days::new(self.day);
        let time = NaiveTime::from_hms_opt(self.hour, 0, 0).filter(|_| timed);
        Occurred::within(day, self.precision).at(time)
    }
}

/// One trial as it is told to the stores: the same ids on both.
struct Telling<'a> {
    trial: &'a Trial,
    number: u128,
    contract: String,
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
        JourneyId(self.id(0x1000 + u128::try_from(n).expect("few journeys")))
    }

    fn worker(&self, n: u128) -> WorkerId {
        WorkerId(self.id(0x10 + n))
    }

    /// Records everything that is not refused, and gives each journey's outcomes.
    async fn tell(&self, fresh: &Fresh, order: Order) -> Vec<Vec<bool>> {
        self.open(fresh).await;
        let told: Vec<Vec<(When, Option<Step>)>> = self.trial.journeys.iter().map(told).collect();
        let mut outcomes: Vec<Vec<bool>> = vec![Vec::new(); told.len()];
        match order {
            Order::OneByOne => {
                for (n, steps) in told.iter().enumerate() {
                    for step in steps {
                        outcomes[n].push(self.step(fresh, n, step).await);
                    }
                }
            }
            Order::Mixed => {
                let longest = told.iter().map(Vec::len).max().unwrap_or(0);
                for at in 0..longest {
                    for (n, steps) in told.iter().enumerate().rev() {
                        if let Some(step) = steps.get(at) {
                            outcomes[n].push(self.step(fresh, n, step).await);
                        }
                    }
                }
            }
        }
        outcomes
    }

    async fn open(&self, fresh: &Fresh) {
        let occurred = Occurred::on(first_day());
        let rulebook = rulebook(&self.contract, self.trial.counts_accepted);
        let open = world::open(occurred, world::opened(&self.contract, "2018-01-15"), rulebook);
        fresh.record(open).await.expect("the contract opens");
        for n in 0..WORKERS {
            // Two workers share a label: the order must not depend on it alone.
            let fact = WorkerJoined { login: None, label: format!("KW-{}", n / 2) };
            let add = Command::record_fact(StreamId::worker(self.worker(n)), occurred, fact);
            fresh.record(add).await.expect("the worker joins");
        }
    }

    async fn step(&self, fresh: &Fresh, n: usize, (when, step): &(When, Option<Step>)) -> bool {
        let occurred = when.occurred(self.trial.timed);
        let Some(command) = self.command(fresh, n, occurred, step.as_ref()).await else { return false };
        fresh.clock.set(fresh.clock.now() + TimeDelta::milliseconds(1));
        fresh.record(command).await.is_ok()
    }

    async fn command(&self, fresh: &Fresh, n: usize, occurred: Occurred, step: Option<&Step>) -> Option<Command> {
        let stream = StreamId::journey(self.journey(n));
        let Some(step) = step else { return Some(self.referral(n, occurred)) };
        let events = self.events(fresh, n).await;
        let named = |target: &usize| events.get(target % events.len().max(1));
        Some(match step {
            Step::Correct { target, area, worker, attendance } => {
                let target = named(target)?;
                let replacement = self.corrected(target, area, *worker, *attendance);
                let occurred = self.in_order(occurred, &replacement);
                let (target, reason) = (target.event_id, "it was otherwise".to_owned());
                Command::CorrectFact(CorrectFact { stream, target, occurred, replacement, reason })
            }
            Step::Retract { targets } => {
                let mut targets: Vec<EventId> = targets.iter().filter_map(named).map(|event| event.event_id).collect();
                targets.dedup();
                Command::RetractFacts(RetractFacts { stream, targets, reason: "it never was".to_owned() })
            }
            step => {
                let fact = self.fact(n, step, &events)?;
                Command::record_fact(stream, self.in_order(occurred, &fact), fact)
            }
        })
    }

    /// The day of a fact. Those whose order within a day changes an answer stand at noon: an imprecise day has no time
    /// to stand in order with timed ones.
    fn in_order(&self, occurred: Occurred, fact: &Event) -> Occurred {
        let by_order = matches!(
            fact.event_type(),
            EventType::WorkerAssigned
                | EventType::WorkerReleased
                | EventType::SpellChanged
                | EventType::JourneyClosed
                | EventType::JourneyTransferred
                | EventType::JourneyReopened
        );
        let noon = NaiveTime::from_hms_opt(12, 0, 0);
        if by_order && self.trial.timed { Occurred::on(occurred.latest()).at(noon) } else { occurred }
    }

    /// The fact that a step states.
    fn fact(&self, n: usize, step: &Step, events: &[Envelope]) -> Option<Event> {
        let spell = |nth: usize| SpellId(self.id(0x10_0000 + u128::try_from(n * 0x100 + nth).expect("few spells")));
        let mut started = (0..).zip(events).filter(|(_, event)| event.event_type == "SpellStarted").map(|(nth, _)| nth);
        let secured_as = |how: &str| BTreeMap::from([("secured_as".to_owned(), Attribute::Text(how.to_owned()))]);
        Some(match step {
            Step::Accept => ReferralAccepted {}.into(),
            Step::Decline => ReferralDeclined { reason: "not_eligible".to_owned() }.into(),
            Step::Withdraw => ReferralWithdrawn { reason: "lost_contact".to_owned() }.into(),
            Step::Engage => EngagementStarted { basis: "first_meeting".to_owned() }.into(),
            Step::Achieve { level } => {
                AchievementRecorded { code: "qualification".to_owned(), level: level.map(str::to_owned) }.into()
            }
            Step::Measure { sessions } => {
                let value = Quantity((*sessions).into());
                MeasureRecorded { code: "sessions".to_owned(), value, unit: None, period: None }.into()
            }
            Step::Assign { worker, role } => {
                WorkerAssigned { worker: self.worker(*worker), role: (*role).to_owned(), until: None }.into()
            }
            Step::Release { worker, role } => {
                WorkerReleased { worker: self.worker(*worker), role: (*role).to_owned() }.into()
            }
            Step::Contact { worker, with, attendance, two_way } => {
                logged(worker.map(|worker| self.worker(worker)), *with, *attendance, *two_way).into()
            }
            Step::Plan { kind } => PlanAgreed { kind: (*kind).to_owned(), actions: Vec::new(), note: None }.into(),
            Step::StartSpell { secured_as: how } => SpellStarted {
                spell: spell(events.len()),
                domain: "accommodation".to_owned(),
                employer_ref: None,
                hours_per_week: None,
                attributes: how.map(secured_as).unwrap_or_default(),
                note: None,
            }
            .into(),
            Step::ChangeSpell { nth, secured_as: how } => {
                let spell = spell(started.nth(*nth)?);
                SpellChanged { spell, hours_per_week: None, attributes: secured_as(how), note: None }.into()
            }
            Step::EndSpell => SpellEnded { spell: spell(started.next()?), reason: None, note: None }.into(),
            Step::Disengage { reason } => Disengaged { reason: (*reason).to_owned(), last_seen_on: None }.into(),
            Step::Close { reason } => JourneyClosed { reason: (*reason).to_owned(), destination: None }.into(),
            Step::Transfer { reason } => {
                JourneyTransferred { reason: (*reason).to_owned(), destination: "mhep".to_owned() }.into()
            }
            Step::Reopen => JourneyReopened { reason: "they came back".to_owned() }.into(),
            Step::Correct { .. } | Step::Retract { .. } => return None,
        })
    }

    fn referral(&self, n: usize, occurred: Occurred) -> Command {
        let drawn = &self.trial.journeys[n];
        let reference = ExternalReference { system: "council".to_owned(), id: format!("C-{}", n / 2) };
        let fact = ReferralReceived {
            subject: SubjectId(self.id(0x2000 + u128::try_from(n).expect("few journeys"))),
            area: drawn.area.to_owned(),
            cohort: None,
            referrer: None,
            external_references: drawn.referred.then_some(reference).into_iter().collect(),
        };
        world::refer(self.journey(n), &self.contract, occurred, Some(SubjectKind::Person), fact)
    }

    fn corrected(&self, target: &Envelope, area: &str, worker: u128, attendance: Attendance) -> Event {
        let mut event = Recorded::decode(target).expect("our own event").event;
        match &mut event {
            Event::ReferralReceived(referral) => area.clone_into(&mut referral.area),
            Event::WorkerAssigned(assigned) => assigned.worker = self.worker(worker),
            Event::WorkerReleased(released) => released.worker = self.worker(worker),
            Event::ContactLogged(contact) => contact.attendance = attendance,
            _ => {}
        }
        event
    }

    async fn events(&self, fresh: &Fresh, n: usize) -> Vec<Envelope> {
        fresh.log.stream(StreamId::journey(self.journey(n))).await.expect("the log is read")
    }
}

/// The steps of a journey: the referral, mostly its acceptance or decline, and what else was drawn.
fn told(drawn: &Drawn) -> Vec<(When, Option<Step>)> {
    let sooner = |when: When| When { day: when.day / 2, ..when };
    let answer = drawn.answer.iter().map(|(when, step)| (sooner(*when), Some(step.clone())));
    let steps = drawn.steps.iter().map(|(when, step)| (*when, Some(step.clone())));
    std::iter::once((drawn.received, None)).chain(answer).chain(steps).collect()
}

fn logged(worker: Option<WorkerId>, with: ContactWith, attendance: Attendance, two_way: bool) -> ContactLogged {
    ContactLogged { with, attendance, two_way, worker, ..world::contact() }
}

/// Compares every answer of one store with the oracle's.
async fn judge(fresh: &Fresh, telling: &Telling<'_>) -> Result<(), TestCaseError> {
    let rulebook = Rulebook::parse(&rulebook(&telling.contract, telling.trial.counts_accepted)).expect("our own");
    let rules = Rules { counts_accepted: telling.trial.counts_accepted };
    let mut streams = Vec::new();
    for n in 0..telling.trial.journeys.len() {
        let events = telling.events(fresh, n).await;
        prop_assert!(!events.is_empty(), "no referral is refused");
        streams.push(events);
    }
    let scope = Scope::Deployment;
    let scope = scope.contract(&telling.contract).expect("all contracts are in scope");
    let view = fresh.views.live();
    for as_of in telling.trial.as_of.iter().map(|day| first_day() + Days::new(*day)) {
        let cases: Vec<Case> = streams.iter().filter_map(|events| oracle::case(events, i64::MAX, as_of)).collect();
        let asked = oracle_boards::Asked { view: &view, scope, rulebook: &rulebook, as_of };
        oracle_boards::compare(&asked, &cases, rules).await?;
        obligations(&asked, &streams).await?;
        for events in &streams {
            for known_at in &telling.trial.known_at {
                let at = usize::from(*known_at) % (events.len() + 1);
                replay(&telling.contract, &rulebook, (events, at), as_of, rules)?;
            }
        }
    }
    Ok(())
}

/// Compares the obligations of the view, listed and counted, with those that the facts of each journey by the day tell.
async fn obligations(asked: &oracle_boards::Asked<'_>, streams: &[Vec<Envelope>]) -> Result<(), TestCaseError> {
    let oracle_boards::Asked { view, scope, rulebook, as_of } = *asked;
    let mut told = Vec::new();
    for events in streams {
        let history = History::of(events.iter().map(|event| Recorded::decode(event).expect("our own event")));
        let journey = history.journey_as_of(as_of);
        let id = JourneyId(events[0].stream.id);
        let as_told = CaseFacts::of(id, scope.contract(), &journey, rulebook);
        told.extend(as_told.iter().flat_map(|told| of_journey(told, as_of)));
    }
    told.sort_by(|one, other| one.place.cmp(&other.place));
    let everybody = Standing::contract_wide(as_of);
    let page =
        queries::obligations::page(view, scope.cases(&everybody), as_of, &ObligationFilter::default(), (None, 10_000))
            .await;
    prop_assert_eq!(&page.expect("a page").rows, &told);
    let whole = queries::obligations::counts(view, scope, as_of, rulebook, (By::Whole, None)).await.expect("counts");
    for standard in &whole {
        let of = told.iter().filter(|row| row.place.standard == standard.standard);
        let mut counts = Counts::default();
        for row in of {
            *counts.entry(row.standing).or_default() += 1;
        }
        prop_assert_eq!(&standard.rows[0].1, &counts);
    }
    Ok(())
}

/// Compares one journey, as known after its first `at` events, with the oracle.
fn replay(
    contract: &str,
    rulebook: &Rulebook,
    (events, at): (&[Envelope], usize),
    as_of: NaiveDate,
    rules: Rules,
) -> Result<(), TestCaseError> {
    let known_at = at.checked_sub(1).map_or(0, |last| events[last].position.0);
    let case = oracle::case(events, known_at, as_of);
    let prefix = events.iter().take_while(|event| event.position.0 <= known_at);
    let history = History::of(prefix.map(|event| Recorded::decode(event).expect("our own event")));
    let journey = history.journey_as_of(as_of);
    let id = JourneyId(events[0].stream.id);
    let Some(told) = CaseFacts::of(id, contract, &journey, rulebook) else {
        prop_assert!(case.is_none());
        return Ok(());
    };
    let case = case.expect("the oracle finds the journey too");
    prop_assert_eq!(&told.reference(), &case.reference);
    prop_assert_eq!(&told.referral.area, &case.area);
    prop_assert_eq!(journey.is_on_caseload(), case.is_on_caseload());
    prop_assert_eq!(journey.keyworker_on(as_of).map(|worker| worker.0), case.keyworker);
    let facts = history.facts_as_of(as_of);
    let mut reached = rulebook.stages.iter().filter(|stage| stage::reached(&told, &facts, &stage.when).is_some());
    prop_assert_eq!(reached.next_back().map(|stage| stage.code.as_str()), case.stage());
    let since = |contacts: &mut dyn Iterator<Item = &throughline_domain::journey::Contact>| {
        last_contact::days_since(contacts, as_of).map(oracle_boards::span)
    };
    prop_assert_eq!(since(&mut last_contact::made(&journey, &rulebook.recency)), case.since_contact(false, as_of));
    if let Some(worker) = journey.keyworker_on(as_of) {
        let by_them = since(&mut last_contact::made_by(&journey, &rulebook.recency, worker));
        prop_assert_eq!(by_them, case.since_contact(true, as_of));
    }
    if journey.turned_away().is_none() {
        let between = |occurred: Occurred| (occurred.earliest(), occurred.latest());
        prop_assert_eq!(referral_to_plan::clock_starts(&told).map(between), case.clock(rules));
    }
    let plan = referral_to_plan::first_plan(&told).map(|plan| (plan.occurred.earliest(), plan.occurred.latest()));
    prop_assert_eq!(plan, case.plan());
    Ok(())
}

/// How many cases are tried: more on demand.
fn trials() -> u32 {
    if is_full() { 400 } else { 24 }
}

#[test]
fn every_answer_is_that_of_the_literal_filter_on_both_stores() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (one, other) = runtime
        .block_on(async { (Fresh::on(Dialect::Sqlite, now()).await, Fresh::on(Dialect::Postgres, now()).await) });
    let number = Cell::new(0_u128);
    let outcomes: Cell<BTreeMap<bool, usize>> = Cell::default();
    let mut runner = TestRunner::new(Config { cases: trials(), failure_persistence: None, ..Config::default() });
    let found = runner.run(&any_trial(), |trial| {
        number.set(number.get() + 1);
        let telling = Telling { trial: &trial, number: number.get(), contract: format!("c-{}", number.get()) };
        runtime.block_on(async {
            let (first, second) = tokio::join!(telling.tell(&one, Order::OneByOne), telling.tell(&other, Order::Mixed));
            prop_assert_eq!(&first, &second, "what is refused does not depend on the store or other journeys");
            let mut counted = outcomes.take();
            for outcome in first.iter().flatten() {
                *counted.entry(*outcome).or_default() += 1;
            }
            outcomes.set(counted);
            judge(&one, &telling).await?;
            judge(&other, &telling).await
        })
    });
    if let Err(TestError::Fail(reason, trial)) = found {
        panic!("{reason}\n{trial:#?}");
    }
    found.expect("the trials run to their end");
    let outcomes = outcomes.take();
    assert!(outcomes[&true] > outcomes[&false], "most of what is tried is recorded: {outcomes:?}");
    runtime.block_on(async {
        let digest = one.views.live().digest().await.expect("a digest");
        assert_eq!(digest, other.views.live().digest().await.expect("a digest"), "order and store do not matter");
        for fresh in [&one, &other] {
            let rebuilt = Views::rebuild(&fresh.log, throughline::queries::statements).await.expect("a rebuild");
            assert_eq!(rebuilt.new.1, digest, "a rebuild gives the live view again");
            assert_eq!(rebuilt.old.map(|old| old.1), Some(digest.clone()));
        }
        one.end().await;
        other.end().await;
    });
}
