//! The test world: given what is recorded, when a command is sent, then these events or these refusals.
//!
//! One log in memory, with streams of every kind. The tests of this crate use it, and with the feature `world` those of
//! the other crates, so that all of them have the same people, ids and rulebook.

mod facts;

use std::borrow::Borrow;
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use chrono::NaiveDate;

pub use self::facts::*;
use crate::command::{Command, Given, NewEvent, decide};
use crate::contract::Contract;
use crate::fact::changed::ChangedStreams;
use crate::fact::envelope::{EventId, Occurred, StreamId, StreamKind};
use crate::fact::event::{
    ContractOpened, Event, ReferralAccepted, SubjectKind, SubjectRegistered, TeamSet, WorkerJoined,
};
use crate::fact::refusal::{Refusal, RefusalCode};
use crate::fact::{History, Recorded};

/// The history of a stream without events.
static EMPTY: LazyLock<History> = LazyLock::new(History::default);

/// Everything that is recorded, by stream. The events of a test are numbered in the order of recording, from 1.
#[derive(Clone)]
pub struct World {
    /// The contract `shps`.
    pub contract: Contract,
    /// The day on which commands are sent.
    pub today: NaiveDate,
    histories: HashMap<StreamId, History>,
    events: u128,
    /// The login that recorded the facts so far.
    author: String,
    /// The login that sends commands.
    sender: String,
    /// The warnings that senders accept.
    accepted: BTreeSet<String>,
}

/// A case with these facts, recorded by Ann in this order without asking the rules. Bob sends the commands. The workers
/// Ann and Bob and one person exist.
pub fn given(facts: impl IntoIterator<Item = (Occurred, Event)>) -> World {
    let known = [StreamId::worker(ANN), StreamId::worker(BOB), StreamId::subject(SUBJECT)];
    let mut world = World {
        contract: open_contract(&[RULES]),
        today: day(TODAY),
        histories: known.map(|stream| (stream, History::default())).into(),
        events: 0,
        author: "ann".to_owned(),
        sender: "bob".to_owned(),
        // The evidence of most tests supports nothing in particular.
        accepted: BTreeSet::from([RefusalCode::EvidenceSupportsNothing.as_str().to_owned()]),
    };
    for (occurred, event) in facts {
        world.record(occurred, event);
    }
    world
}

/// A referral of 10 January, accepted on the next day: events 1 and 2.
pub fn accepted() -> World {
    given([on("2018-01-10", referral()), on("2018-01-11", ReferralAccepted {})])
}

/// A service: the contract until the end of 2018, three persons and a family, three workers, and a team of two of them.
/// Ann sends the commands and accepts no warning.
pub fn service() -> World {
    let mut world = World {
        contract: Contract::default(),
        today: day(TODAY),
        histories: HashMap::new(),
        events: 0,
        author: "ann".to_owned(),
        sender: "ann".to_owned(),
        accepted: BTreeSet::new(),
    };
    let until = ContractOpened { ends_on: Some(day("2018-12-31")), ..opened("shps", "2017-03-01") };
    world.take(shps(), "2017-03-01", until);
    world.take(shps(), "2017-03-01", published(RULES));
    for (subject, kind) in [SUBJECT, OTHER, THIRD].map(|id| (id, SubjectKind::Person)) {
        world.take(StreamId::subject(subject), "2018-01-02", SubjectRegistered { kind });
    }
    world.take(StreamId::subject(FAMILY), "2018-01-02", SubjectRegistered { kind: SubjectKind::Family });
    for (worker, label) in [(ANN, "KW-ann"), (BOB, "KW-bob"), (CAT, "KW-cat")] {
        world.take(StreamId::worker(worker), "2018-01-02", WorkerJoined { login: None, label: label.to_owned() });
    }
    let team = TeamSet { label: "West".to_owned(), members: vec![ANN, BOB] };
    world.take(StreamId::team(TEAM), "2018-01-03", team);
    world
}

impl World {
    /// The same world on another day.
    #[must_use]
    pub fn on_day(self, today: &str) -> Self {
        Self { today: day(today), ..self }
    }

    /// The same world, with another author and sender from now on.
    #[must_use]
    pub fn says(self, login: &str) -> Self {
        Self { author: login.to_owned(), sender: login.to_owned(), ..self }
    }

    /// The same world, with senders who accept this warning too.
    #[must_use]
    pub fn accepting(mut self, warning: RefusalCode) -> Self {
        self.accepted.insert(warning.as_str().to_owned());
        self
    }

    /// The same world, with senders who accept all warnings.
    #[must_use]
    pub fn accepting_all(self) -> Self {
        let accepted = RefusalCode::WARNINGS.iter().map(|warning| warning.as_str().to_owned());
        Self { accepted: accepted.collect(), ..self }
    }

    /// The same world, with senders who accept no warning.
    #[must_use]
    pub fn accepting_none(self) -> Self {
        Self { accepted: BTreeSet::new(), ..self }
    }

    /// The same world, under these rulebooks.
    #[must_use]
    pub fn under(self, rulebooks: &[&str]) -> Self {
        Self { contract: open_contract(rulebooks), ..self }
    }

    /// The history of the case.
    pub fn case(&self) -> &History {
        self.history(StreamId::journey(JOURNEY))
    }

    /// The history of a stream.
    pub fn history(&self, stream: StreamId) -> &History {
        self.histories.get(&stream).unwrap_or(&EMPTY)
    }

    /// The id of the newest event.
    pub fn last(&self) -> EventId {
        nth(self.events)
    }

    /// Records a fact of the case without asking the rules.
    pub fn record(&mut self, occurred: Occurred, event: Event) {
        self.append(NewEvent {
            stream: StreamId::journey(JOURNEY),
            contract: Some("shps".to_owned()),
            occurred,
            event,
        });
    }

    fn take(&mut self, stream: StreamId, at: &str, event: impl Into<Event>) {
        let contract = matches!(stream.kind, StreamKind::Contract | StreamKind::Journey).then(|| "shps".to_owned());
        self.append(NewEvent { stream, contract, occurred: when(at), event: event.into() });
    }

    fn append(&mut self, new: NewEvent) {
        self.events += 1;
        let history = self.histories.entry(new.stream).or_default();
        let nth = self.events.try_into().expect("a count");
        let mut recorded = recorded(nth, new.occurred, new.event);
        recorded = Recorded { version: history.version() + 1, contract: new.contract, ..recorded };
        recorded.actor.subject.clone_from(&self.author);
        if new.stream == shps() {
            self.contract.evolve(&recorded).expect("a rulebook that can be read");
        }
        history.evolve(recorded);
    }

    /// Decides a command.
    pub fn decide(&self, command: &Command) -> Result<Vec<NewEvent>, Vec<Refusal>> {
        let none = Contract::default();
        let belongs_to_deployment = command.stream().kind.belongs_to_deployment();
        let given = Given {
            today: self.today,
            contract: if belongs_to_deployment { &none } else { &self.contract },
            sender: &self.sender,
            history: &|stream| self.histories.get(&stream),
            accepted: &self.accepted,
            changed: &ChangedStreams::default(),
        };
        decide(self.history(command.stream()), command, &given)
    }

    /// Decides a command. If it is accepted, its events are recorded.
    pub fn tell(&mut self, command: &Command) -> Result<Vec<NewEvent>, Vec<Refusal>> {
        let events = self.decide(command)?;
        for event in &events {
            self.append(event.clone());
        }
        Ok(events)
    }

    /// The same world with this command accepted.
    #[must_use]
    pub fn and(mut self, command: &Command) -> Self {
        self.tell(command).unwrap_or_else(|refusals| panic!("{command:?} is refused: {refusals:#?}"));
        self
    }

    /// Runs a command.
    pub fn when(&self, command: impl Borrow<Command>) -> When {
        When { outcome: self.decide(command.borrow()) }
    }
}

/// The result of a command.
pub struct When {
    outcome: Result<Vec<NewEvent>, Vec<Refusal>>,
}

impl When {
    /// Asserts that it gave exactly these events of the case.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = (Occurred, Event)>) {
        let events = self.outcome.unwrap_or_else(|refusals| panic!("refused: {refusals:#?}"));
        let got: Vec<(Occurred, Event)> = events.into_iter().map(|event| (event.occurred, event.event)).collect();
        assert_eq!(got, expected.into_iter().collect::<Vec<_>>());
    }

    /// Asserts that it was accepted.
    #[track_caller]
    pub fn accepted(self) {
        if let Err(refusals) = self.outcome {
            panic!("refused: {refusals:#?}");
        }
    }

    /// Asserts that it was refused once, with this code.
    #[track_caller]
    pub fn refused(self, code: RefusalCode) -> Refusal {
        let refusals = self.outcome.expect_err("a refusal");
        let codes: Vec<RefusalCode> = refusals.iter().map(|refusal| refusal.code).collect();
        assert_eq!(codes, [code], "{refusals:#?}");
        refusals.into_iter().next().expect("there is one")
    }

    /// Asserts that it was refused with exactly these codes and fields.
    #[track_caller]
    pub fn refused_each(self, expected: &[(RefusalCode, &str)]) {
        let refusals = self.outcome.expect_err("refusals");
        let path = |refusal: &Refusal| refusal.path.as_ref().map(ToString::to_string).unwrap_or_default();
        let got: Vec<(RefusalCode, String)> = refusals.iter().map(|refusal| (refusal.code, path(refusal))).collect();
        let expected: Vec<(RefusalCode, String)> =
            expected.iter().map(|(code, path)| (*code, (*path).to_owned())).collect();
        assert_eq!(got, expected);
    }
}
