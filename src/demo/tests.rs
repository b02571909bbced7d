//! Runs the demo through the pure decisions and folds: no command is refused, and the counts of February are right.

mod packs;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use chrono::NaiveDate;
use chrono_tz::Europe::London;

use super::areas::{AREAS, Size};
use super::days::{EVENING, MONTHS, Moment, day, month};
use super::{CONTINUES_AT, CONTRACT, DOCUMENTED_REFERENCE, Item, SEED, Story, documented_journey, play};
use crate::access::policy::{Action, policy};
use crate::access::relation::Relation;
use crate::clock::{Chance, Clock};
use crate::deployment::Deployment;
use crate::record::civil_day;
use throughline_domain::command::{Command, Given, NewEvent, decide};
use throughline_domain::contract::Contract;
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::changed::ChangedStreams;
use throughline_domain::fact::envelope::{
    CommandId, Envelope, EventId, JourneyId, Occurred, Position, StreamId, StreamKind,
};
use throughline_domain::fact::event::Event;
use throughline_domain::fact::refusal::{Refusal, RefusalCode};
use throughline_projections::{CaseFacts, last_contact, stage};

/// A log in memory that stores the decided events.
#[derive(Default)]
struct Ledger {
    histories: HashMap<StreamId, History>,
    contracts: HashMap<String, Contract>,
    stated: HashMap<CommandId, EventId>,
    events: Vec<Recorded>,
}

impl Ledger {
    fn played(story: &Story) -> Self {
        let mut ledger = Self::default();
        for item in story.items() {
            let command = item.deed.command(|of| ledger.stated.get(&of).copied()).expect("stated before");
            let events = ledger.decide(item, &command);
            let events = events.unwrap_or_else(|refusals| panic!("{item:#?} is refused: {refusals:#?}"));
            for event in events {
                ledger.take(item, event);
            }
        }
        ledger
    }

    fn decide(&self, item: &Item, command: &Command) -> Result<Vec<NewEvent>, Vec<Refusal>> {
        let today = civil_day(item.recorded_at, London);
        let empty = History::default();
        let none = Contract::default();
        let stream = command.stream();
        let history = self.histories.get(&stream).unwrap_or(&empty);
        let code = command.contract().or_else(|| history.contract());
        // The demo accepts every warning, as the people who recorded the real facts would.
        let accepted = RefusalCode::WARNINGS.iter().map(|code| code.as_str().to_owned()).collect();
        assert!(code.is_none_or(|code| item.principal.scope.contract(code).is_some()), "{item:?} is in scope");
        if stream.kind == StreamKind::Journey {
            assert!(policy(&item.principal, Action::RecordFacts, Relation::Own).is_ok(), "{item:?} is allowed");
        }
        let given = Given {
            today,
            contract: code.and_then(|code| self.contracts.get(code)).unwrap_or(&none),
            sender: &item.principal.subject,
            history: &|stream| self.histories.get(&stream),
            accepted: &accepted,
            changed: &ChangedStreams::default(),
        };
        decide(history, command, &given)
    }

    fn take(&mut self, item: &Item, new: NewEvent) {
        let position = Position(i64::try_from(self.events.len()).expect("a count") + 1);
        let recorded = Recorded {
            event_id: EventId(uuid::Uuid::from_u128(position.0.unsigned_abs().into())),
            position,
            version: self.histories.get(&new.stream).map_or(0, History::version) + 1,
            contract: new.contract.clone(),
            recorded_at: item.recorded_at,
            actor: item.principal.actor(),
            occurred: new.occurred,
            event: new.event,
        };
        self.stated.insert(item.command_id, recorded.event_id);
        self.events.push(recorded.clone());
        if let Some(code) = new.contract.filter(|_| new.stream.kind == StreamKind::Contract) {
            self.contracts.entry(code).or_default().evolve(&recorded).expect("a rulebook that ships");
        }
        self.histories.entry(new.stream).or_default().evolve(recorded);
    }

    fn journeys(&self) -> impl Iterator<Item = (JourneyId, &History)> {
        let journeys = self.histories.iter().filter(|(stream, _)| stream.kind == StreamKind::Journey);
        journeys.map(|(stream, history)| (JourneyId(stream.id), history))
    }

    /// Counts of journeys by area, stage and month, from the folds of the views.
    fn counts(&self, contract: &str) -> BTreeMap<(String, String, NaiveDate), u32> {
        let mut counts = BTreeMap::new();
        let rulebook = self.contracts[contract].newest_rulebook().expect("a rulebook");
        for (id, history) in self.journeys().filter(|(_, history)| history.contract() == Some(contract)) {
            let journey = history.journey();
            let Some(case) = CaseFacts::of(id, contract, &journey, rulebook) else { continue };
            for stage in &rulebook.stages {
                if let Some(reached) = stage::reached(&case, &history.facts(), &stage.when) {
                    let month = stage::month_of(reached.earliest());
                    *counts.entry((case.referral.area.clone(), stage.code.clone(), month)).or_default() += 1;
                }
            }
        }
        counts
    }
}

fn whole() -> &'static (Story, Ledger) {
    static WHOLE: OnceLock<(Story, Ledger)> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let story = Story::new(SEED, Size::Whole);
        let ledger = Ledger::played(&story);
        (story, ledger)
    })
}

#[test]
fn february_is_as_the_board_printed_it() {
    let counts = whole().1.counts(CONTRACT);
    let of = |area: &str, stage: &str| counts[&(area.to_owned(), stage.to_owned(), day(2018, 2, 1))];
    let row = |area| [of(area, "referral"), of(area, "php_complete"), of(area, "housing_secured")];
    assert_eq!(row("brent"), [55, 82, 22]);
    assert_eq!(row("ealing"), [61, 49, 22]);
    assert_eq!(row("islington"), [32, 34, 27]);
}

#[test]
fn every_month_of_every_area_has_the_planned_counts() {
    let counts = whole().1.counts(CONTRACT);
    for area in &AREAS {
        for at in 0..MONTHS {
            let of = |stage: &str| counts.get(&(area.code.to_owned(), stage.to_owned(), month(at).0)).copied();
            let row = ["referral", "php_complete", "housing_secured"].map(|stage| of(stage).unwrap_or(0));
            assert_eq!(row, area.counts(at, Size::Whole), "{} in month {at}", area.code);
        }
    }
}

#[test]
fn brent_sums_to_what_its_board_printed() {
    let brent = &AREAS[1];
    let sum = |months: [u32; MONTHS]| months.iter().sum::<u32>();
    assert_eq!([brent.referrals, brent.plans, brent.homes].map(sum), [665, 525, 232]);
}

#[test]
fn the_demo_has_the_size_of_a_real_year() {
    let (story, ledger) = whole();
    assert!((3_500..=5_000).contains(&ledger.journeys().count()), "{} journeys", ledger.journeys().count());
    assert!((60_000..=100_000).contains(&ledger.events.len()), "{} events", ledger.events.len());
    let ids: HashSet<CommandId> = story.items().iter().map(|item| item.command_id).collect();
    assert_eq!(ids.len(), story.items().len(), "each command has its own id");
    assert!(story.items().iter().all(|item| item.recorded_at < CONTINUES_AT));
    assert!(story.items().is_sorted_by_key(|item| item.recorded_at));
}

#[test]
fn the_same_seed_gives_the_same_commands() {
    let size = Size::OneIn(20);
    assert_eq!(Story::new(7, size), Story::new(7, size));
    assert_ne!(Story::new(7, size), Story::new(8, size));
}

#[test]
fn no_seed_leads_to_a_refusal() {
    for seed in 0..6 {
        let ledger = Ledger::played(&Story::new(seed, Size::OneIn(10)));
        assert!(ledger.journeys().count() > 300);
    }
}

#[test]
fn the_documented_contact_counts_only_while_it_is_known() {
    let (_, ledger) = whole();
    let history = &ledger.histories[&StreamId::journey(documented_journey())];
    let rulebook = ledger.contracts[CONTRACT].newest_rulebook().expect("a rulebook");
    let answer = |known_on: NaiveDate| {
        let known = history.events().iter().filter(|event| civil_day(event.recorded_at, London) <= known_on);
        let journey = History::of(known.cloned()).journey_as_of(day(2018, 2, 23));
        last_contact::days_since(last_contact::made(&journey, &rulebook.recency), day(2018, 2, 23))?.exact()
    };
    assert_eq!([23, 25, 26].map(|known| answer(day(2018, 2, known))), [Some(22), Some(13), Some(22)]);
    let journey = history.journey();
    let case = CaseFacts::of(documented_journey(), CONTRACT, &journey, rulebook).expect("a referral");
    assert_eq!(case.reference(), DOCUMENTED_REFERENCE);
    assert!(history.journey().is_on_caseload());
}

#[test]
fn some_contacts_of_early_february_were_recorded_at_its_end() {
    let early = |occurred: Occurred| (day(2018, 2, 1)..=day(2018, 2, 13)).contains(&occurred.earliest());
    let late = |event: &&Recorded| {
        let is_contact = matches!(event.event, Event::ContactLogged(_));
        is_contact && early(event.occurred) && civil_day(event.recorded_at, London) >= day(2018, 2, 20)
    };
    let count = whole().1.events.iter().filter(late).count();
    assert!((100..1_000).contains(&count), "{count} contacts");
}

#[tokio::test]
async fn commands_with_one_recording_time_are_recorded_in_order() {
    let mut story = Story::new(SEED, Size::OneIn(3));
    let evening = Moment::at(day(2017, 3, 31), EVENING).instant();
    story.items.retain(|item| item.recorded_at <= evening && item.deed.targets().is_empty());
    for item in &mut story.items {
        item.recorded_at = evening;
    }
    let page = records(&story, 2_000).await;
    let mut logged: Vec<CommandId> = page.iter().map(|event| event.command_id).collect();
    logged.dedup();
    assert!(logged.len() > 500, "{} commands", logged.len());
    assert!(logged.iter().eq(story.items.iter().map(|item| &item.command_id).take(logged.len())));
}

#[tokio::test]
async fn the_same_seed_makes_the_same_bytes() {
    let story = Story::new(SEED, Size::OneIn(40));
    let [one, other] = [records(&story, 2_000).await, records(&story, 2_000).await];
    assert!(one.len() > 1_000, "{} events", one.len());
    assert!(one.iter().map(Envelope::to_record).eq(other.iter().map(Envelope::to_record)));
}

/// Records the demo in a log of its own, and reads its first events.
async fn records(story: &Story, most: i64) -> Vec<Envelope> {
    let held = tempfile::tempdir().expect("a temporary directory");
    let url = format!("sqlite:{}", held.path().join("log.db").display());
    let (clock, chance) = (Arc::new(Clock::standing_at(CONTINUES_AT)), Arc::new(Chance::seeded(SEED)));
    let deployment = Deployment::open(&url, clock, chance).await.expect("the deployment opens");
    play(&deployment.recorder, &deployment.clock, story).await.expect("the demo is recorded");
    let page = deployment.log.page(Position::default(), Position(most)).await.expect("the log is read");
    deployment.close().await;
    page
}
