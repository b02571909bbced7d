//! Given, when, then for streams of every kind, for the tests of subjects, workers, teams and contracts.
//!
//! A log in memory. Commands are decided and recorded in every stream that they write to, by Ann unless another sender
//! is named. Events are numbered in the order of recording, from 1.

use std::collections::{BTreeSet, HashMap};

use crate::command::{Command, CorrectFact, Given, NewEvent, ReceiveReferral, RetractFacts, decide};
use crate::contract::Contract;
use crate::fact::History;
use crate::fact::Recorded;
use crate::fact::changed::ChangedStreams;
use crate::fact::envelope::{EventId, JourneyId, StreamId, StreamKind, SubjectId, TeamId, WorkerId};
use crate::fact::event::{
    ContractOpened, Event, ReferralReceived, RulebookPublished, SubjectKind, SubjectRegistered, TeamSet, WorkerJoined,
};
use crate::fact::refusal::{Refusal, RefusalCode};
use crate::story::{ANN, BOB, RULES, SUBJECT, TODAY, day, nth, recorded, referral, when};

pub(crate) const OTHER: SubjectId = SubjectId(uuid::Uuid::from_u128(0x21));
pub(crate) const THIRD: SubjectId = SubjectId(uuid::Uuid::from_u128(0x22));
pub(crate) const FAMILY: SubjectId = SubjectId(uuid::Uuid::from_u128(0x23));
pub(crate) const CAT: WorkerId = WorkerId(uuid::Uuid::from_u128(0x33));
pub(crate) const TEAM: TeamId = TeamId(uuid::Uuid::from_u128(0x51));

/// Everything that was recorded, by stream.
pub(crate) struct Town {
    histories: HashMap<StreamId, History>,
    contract: Contract,
    events: i64,
    sender: String,
    /// The warnings that every sender accepts.
    accepted: BTreeSet<String>,
}

/// The contract `shps`.
pub(crate) fn shps() -> StreamId {
    StreamId::contract("shps")
}

/// The command that records a fact of a stream.
pub(crate) fn fact_of(stream: StreamId, at: &str, fact: impl Into<Event>) -> Command {
    Command::state(stream, when(at), fact)
}

/// The starting point of a test: the contract, three persons and a family, two workers and their team.
pub(crate) fn town() -> Town {
    let contract = Contract::default();
    let mut town =
        Town { histories: HashMap::new(), contract, events: 0, sender: "ann".to_owned(), accepted: BTreeSet::new() };
    let opened = ContractOpened {
        code: "shps".to_owned(),
        name: "Single Homelessness Prevention Service".to_owned(),
        parties: Vec::new(),
        starts_on: day("2017-03-01"),
        ends_on: Some(day("2018-12-31")),
    };
    town.take(shps(), "2017-03-01", opened);
    town.take(shps(), "2017-03-01", RulebookPublished { content: RULES.to_owned(), hash: String::new() });
    for (subject, kind) in [SUBJECT, OTHER, THIRD].map(|id| (id, SubjectKind::Person)) {
        town.take(StreamId::subject(subject), "2018-01-02", SubjectRegistered { kind });
    }
    town.take(StreamId::subject(FAMILY), "2018-01-02", SubjectRegistered { kind: SubjectKind::Family });
    for (worker, label) in [(ANN, "KW-ann"), (BOB, "KW-bob"), (CAT, "KW-cat")] {
        town.take(StreamId::worker(worker), "2018-01-02", WorkerJoined { login: None, label: label.to_owned() });
    }
    let team = TeamSet { label: "West".to_owned(), members: vec![ANN, BOB] };
    town.take(StreamId::team(TEAM), "2018-01-03", team);
    town
}

impl Town {
    fn take(&mut self, stream: StreamId, at: &str, event: impl Into<Event>) {
        let contract = matches!(stream.kind, StreamKind::Contract | StreamKind::Journey).then(|| "shps".to_owned());
        self.append(NewEvent { stream, contract, occurred: when(at), event: event.into() });
    }

    fn append(&mut self, new: NewEvent) {
        self.events += 1;
        let history = self.histories.entry(new.stream).or_default();
        let mut recorded = recorded(self.events, new.occurred, new.event);
        recorded = Recorded { version: history.version() + 1, contract: new.contract, ..recorded };
        recorded.actor.subject.clone_from(&self.sender);
        if new.stream == shps() {
            self.contract.evolve(&recorded).expect("a rulebook that can be read");
        }
        history.evolve(recorded);
    }

    /// The same, with another sender from now on.
    pub(crate) fn says(mut self, sender: &str) -> Self {
        sender.clone_into(&mut self.sender);
        self
    }

    /// The same, with senders who accept this warning.
    pub(crate) fn accepting(self, warning: RefusalCode) -> Self {
        Self { accepted: BTreeSet::from([warning.as_str().to_owned()]), ..self }
    }

    /// The same, with senders who accept no warning.
    pub(crate) fn heeding_all(self) -> Self {
        Self { accepted: BTreeSet::new(), ..self }
    }

    /// Decides a command today.
    pub(crate) fn decide(&self, command: &Command) -> Result<Vec<NewEvent>, Vec<Refusal>> {
        let none = Contract::default();
        let is_of_the_deployment = command.stream().kind.belongs_to_deployment();
        let given = Given {
            today: day(TODAY),
            contract: if is_of_the_deployment { &none } else { &self.contract },
            sender: &self.sender,
            history: &|stream| self.histories.get(&stream),
            accepted: &self.accepted,
            changed: &ChangedStreams::default(),
        };
        decide(self.histories.get(&command.stream()).unwrap_or(&History::default()), command, &given)
    }

    /// The same with this fact recorded. It must be accepted.
    pub(crate) fn and(self, stream: StreamId, at: &str, fact: impl Into<Event>) -> Self {
        self.tell(&fact_of(stream, at, fact))
    }

    /// The same after this command. It must be accepted.
    pub(crate) fn tell(mut self, command: &Command) -> Self {
        let events = self.decide(command).unwrap_or_else(|refused| panic!("{command:?} is refused: {refused:#?}"));
        for event in events {
            self.append(event);
        }
        self
    }

    /// The id of the last event.
    pub(crate) fn last(&self) -> EventId {
        nth(self.events.try_into().expect("a count"))
    }

    /// Asserts that a command is refused once, with this code, and returns the refusal.
    #[track_caller]
    pub(crate) fn refuses(&self, command: &Command, code: RefusalCode) -> Refusal {
        let refusals = self.decide(command).expect_err("a refusal");
        let codes: Vec<RefusalCode> = refusals.iter().map(|refusal| refusal.code).collect();
        assert_eq!(codes, [code], "{refusals:#?}");
        refusals.into_iter().next().expect("there is one")
    }

    /// Asserts that a fact is refused once, with this code, and returns the refusal.
    #[track_caller]
    pub(crate) fn refuses_fact(
        &self,
        stream: StreamId,
        at: &str,
        fact: impl Into<Event>,
        code: RefusalCode,
    ) -> Refusal {
        self.refuses(&fact_of(stream, at, fact), code)
    }

    /// The history of a stream.
    pub(crate) fn history(&self, stream: StreamId) -> &History {
        &self.histories[&stream]
    }

    /// The contract.
    pub(crate) const fn contract(&self) -> &Contract {
        &self.contract
    }
}

/// The command that corrects a fact of a stream.
pub(crate) fn corrected(stream: StreamId, target: EventId, at: &str, fact: impl Into<Event>) -> Command {
    let (occurred, replacement, reason) = (when(at), fact.into(), "typed wrongly".to_owned());
    Command::CorrectFact(CorrectFact { stream, target, occurred, replacement, reason })
}

/// The command that retracts facts of a stream.
pub(crate) fn retracted(stream: StreamId, targets: &[EventId]) -> Command {
    Command::RetractFacts(RetractFacts { stream, targets: targets.to_vec(), reason: "never was so".to_owned() })
}

/// The command that creates a case of the subject.
pub(crate) fn referred(journey: JourneyId, at: &str) -> Command {
    Command::ReceiveReferral(ReceiveReferral {
        journey,
        contract: "shps".to_owned(),
        occurred: when(at),
        register: None,
        fact: ReferralReceived { subject: SUBJECT, ..referral() },
    })
}
