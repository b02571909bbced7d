//! Sealing: contacts with a note compared with contacts without one, and a page of names opened compared with the same
//! page left sealed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use chrono::NaiveDate;
use futures_util::future::try_join_all;

use super::generate::CONTRACT;
use super::ground::Ground;
use super::report::{Figure, Limit, Size, rate};
use crate::access::{Principal, Role, Scope};
use crate::app::App;
use crate::clock::{Chance, Clock};
use crate::keys::access_log::{Kind, Opener, Opening};
use crate::keys::{KeyPlaces, Opened, open_text};
use crate::record::CommandRequest;
use crate::store::Dialect;
use throughline_domain::command::contracts::OpenContract;
use throughline_domain::command::{Command, ReceiveReferral};
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::{CommandId, JourneyId, Occurred, StreamId, SubjectId};
use throughline_domain::fact::event::{
    Attendance, ContactLogged, ContactWith, ContractOpened, Event, IdentitySealed, Patched, ReferralAccepted,
    ReferralReceived, SubjectKind,
};
use throughline_domain::fact::sealed::PersonalText;

/// The default number of events in the log before the measurement.
const EVENTS: u64 = 10_000;
/// The number of callers.
const CALLERS: usize = 64;
/// The number of names on a page.
const PAGE: usize = 50;
/// The number of pages in a round.
const PAGES: usize = 50;

/// A log with people whose names are sealed.
struct Sealed {
    app: App,
    chance: Chance,
    people: Vec<(JourneyId, SubjectId)>,
}

/// Whether a contact has a note.
#[derive(Clone, Copy)]
enum With {
    Note,
    Nothing,
}

/// Whether a page of names is opened.
#[derive(Clone, Copy)]
enum Names {
    /// Opened, and noted in the access log before.
    Noted,
    Opened,
    LeftSealed,
}

/// Runs the measurement on one store.
pub(super) async fn measure(ground: &Ground, store: Dialect) -> Result<Vec<Figure>> {
    let place = ground.empty(store).await?;
    let journeys = ground.journeys(EVENTS).max(PAGE as u64);
    let keys = KeyPlaces { kek_file: Some(ground.scratch("bench.kek")), ..KeyPlaces::default() };
    let (app, _) = App::open(&place.url, &keys, Arc::new(Clock::Machine), Arc::new(Chance::System)).await?;
    anyhow::ensure!(app.keys.why_away().is_none(), "the key store is away: {:?}", app.keys.why_away());
    let log = Arc::new(Sealed::with(app, journeys).await?);
    let each = usize::try_from(journeys / 10).unwrap_or(usize::MAX).clamp(2, 50) * CALLERS;
    let (mut noted, mut plain, mut opened, mut left) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut in_access_log = Vec::new();
    for round in 0..=ground.rounds() {
        tracing::info!(round, of = ground.rounds(), "sealing");
        let values = [log.appends(each, With::Note).await?, log.appends(each, With::Nothing).await?];
        let pages = [log.pages(Names::Opened).await?, log.pages(Names::LeftSealed).await?];
        let with_access_log = log.pages(Names::Noted).await?;
        if round > 0 {
            noted.push(values[0]);
            plain.push(values[1]);
            opened.push(pages[0]);
            left.push(pages[1]);
            in_access_log.push(with_access_log);
        }
    }
    log.app.views.close().await;
    log.app.keys.close().await;
    log.app.log.store().close().await;
    let size = Size { journeys, events: journeys * 4 };
    Ok(vec![
        Figure::new("append with a note, 64 callers", "events/s", size, noted)
            .on(store)
            .against("append without a note, 64 callers", &plain),
        Figure::new("a page of 50 names opened", "pages/s", size, opened)
            .on(store)
            .against("the same page left sealed", &left)
            .within(Limit::at_least_times(0.2)),
        Figure::new("a page of 50 names noted and opened", "pages/s", size, in_access_log)
            .on(store)
            .against("the same page left sealed", &left),
    ])
}

impl Sealed {
    async fn with(app: App, journeys: u64) -> Result<Self> {
        let chance = Chance::seeded(1);
        let id = || chance.id_at(Clock::Machine.now());
        let people = (0..journeys).map(|_| (JourneyId(id()), SubjectId(id()))).collect();
        let log = Self { app, chance, people };
        let contract = Command::OpenContract(OpenContract {
            when: Occurred::on(day()).into(),
            fact: ContractOpened {
                code: CONTRACT.to_owned(),
                name: "Single Homelessness Prevention Service".to_owned(),
                parties: Vec::new(),
                starts_on: day(),
                ends_on: None,
            },
            rulebook: pack(CONTRACT).context("it ships")?.text.to_owned(),
        });
        log.append(contract).await?;
        for people in log.people.chunks(CALLERS) {
            try_join_all(people.iter().map(|(journey, subject)| log.receive(*journey, *subject))).await?;
        }
        Ok(log)
    }

    async fn receive(&self, journey: JourneyId, subject: SubjectId) -> Result<()> {
        let names = PersonalText::identity(r#"{"given":"Client","family":"Of a bench"}"#.to_owned());
        let referral = Command::ReceiveReferral(ReceiveReferral {
            journey,
            contract: CONTRACT.to_owned(),
            when: Occurred::on(day()).into(),
            register: Some(SubjectKind::Person),
            identity: Some(IdentitySealed { names: Patched::Becomes(names), ..IdentitySealed::default() }),
            fact: ReferralReceived {
                subject,
                area: "brent".to_owned(),
                cohort: None,
                referrer: None,
                external_references: Vec::new(),
            },
        });
        self.append(referral).await?;
        self.append(Command::record_fact(StreamId::journey(journey), Occurred::on(day()), ReferralAccepted {})).await
    }

    async fn append(&self, command: Command) -> Result<()> {
        let role = if matches!(command, Command::OpenContract(_)) { Role::Administrator } else { Role::Manager };
        let principal = Principal { subject: "bench".to_owned(), role, scope: Scope::Deployment };
        let id = CommandId(self.chance.id_at(Clock::Machine.now()));
        let request = CommandRequest::new(principal, id, command).with_body(b"the body of a client's request".to_vec());
        // The same contact is measured repeatedly.
        let appended = self.app.recorder.append(request.accepting_every_warning()).await;
        appended.map(drop).map_err(|error| anyhow::anyhow!("a command was refused: {error:?}"))
    }

    /// Logs contacts from all callers. Returns events per second.
    async fn appends(self: &Arc<Self>, appends: usize, with: With) -> Result<f64> {
        let began = Instant::now();
        let tasks = (0..CALLERS).map(|nth| {
            let log = Arc::clone(self);
            tokio::spawn(async move {
                for at in (nth..appends).step_by(CALLERS) {
                    let (journey, _) = log.people[at * 7_919 % log.people.len()];
                    log.append(contact(journey, with)).await?;
                }
                Ok::<_, anyhow::Error>(())
            })
        });
        try_join_all(tasks).await?.into_iter().collect::<Result<Vec<()>>>()?;
        Ok(rate(appends as u64, began.elapsed()))
    }

    /// Reads pages of identities. Returns pages per second.
    async fn pages(&self, names: Names) -> Result<f64> {
        let began = Instant::now();
        for page in 0..PAGES {
            let people = (0..PAGE).map(|nth| self.people[(page * PAGE + nth) % self.people.len()].1);
            let people: BTreeSet<SubjectId> = people.collect();
            let streams = people.iter().map(|subject| (StreamId::subject(*subject), 0));
            let events = self.app.log.streams(streams).await?;
            let mut texts = Vec::new();
            for event in &events {
                let decoded = Event::decode(&event.event_type, event.schema_version, event.payload.get())?;
                let sealed = decoded.personal_texts().into_iter().filter_map(|(_, text)| text.sealed().cloned());
                texts.extend(sealed);
            }
            anyhow::ensure!(texts.len() == people.len(), "every person has a name");
            if !matches!(names, Names::LeftSealed) {
                let keys = self.app.keys.keys(&people).await?;
                let is_open = texts.iter().all(|text| matches!(open_text(text, &keys), Opened::Text(_)));
                anyhow::ensure!(is_open, "every name is opened");
            }
            if matches!(names, Names::Noted) {
                let opening = |subject: &SubjectId| Opening { subject: *subject, kind: Kind::Identity, reveal: None };
                let openings: Vec<Opening> = people.iter().map(opening).collect();
                let reader = Principal { subject: "bench".to_owned(), role: Role::Manager, scope: Scope::Deployment };
                self.app.keys.note_openings(&Opener::of(&reader, "bench"), &openings).await?;
            }
        }
        Ok(rate(PAGES as u64, began.elapsed()))
    }
}

fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2018, 1, 15).expect("a day")
}

fn contact(journey: JourneyId, with: With) -> Command {
    let note = match with {
        With::Note => Some(PersonalText::special("Rang about the viewing on Monday and will ring again.".repeat(4))),
        With::Nothing => None,
    };
    let fact = ContactLogged {
        appointment: None,
        channel: "phone".to_owned(),
        direction: None,
        with: ContactWith::Client,
        attendance: Attendance::None,
        face_to_face: Some(false),
        two_way: true,
        group: false,
        minutes: Some(15),
        scheduled_on: None,
        worker: None,
        note,
    };
    Command::record_fact(StreamId::journey(journey), Occurred::on(day()), fact)
}
