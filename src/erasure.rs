//! Erasure: once two people have agreed on it, everything that identifies a person is destroyed, and then the log says
//! that it is done.
//!
//! It decides nothing: proposal, approval and legal hold are facts, and only an approval begins it. Every step can be
//! done again, and the end is recorded last, so that an erasure which was broken off is finished later, by any server.
//! No record of the log changes, and no row of a view holds anything that identifies a person.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use uuid::Uuid;

use crate::access::{Principal, Role, Scope};
use crate::app::App;
use crate::evidence::{EvidenceError, EvidenceFiles};
use crate::keys::{Erased, KeyError, KeyStore, RecordOfSource};
use crate::log::{Log, LogError};
use crate::queries::erasures::{self, ErasureRow, State};
use crate::record::{CommandRequest, RecordError, Recorder, references_in};
use crate::store::StoreError;
use crate::telemetry::repeated::Repeated;
use crate::views::Views;
use throughline_domain::command::{Command, When};
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{CommandId, Envelope, EventId, JourneyId, Position, StreamId, SubjectId};
use throughline_domain::fact::event::{
    ErasureGround, Event, EventType, ExternalReference, FactCorrected, SubjectErased,
};
use throughline_domain::fact::refusal::RefusalCode;

/// The actor that the log names for the end of an erasure.
const SERVICE: &str = "throughline";
/// The namespace of the command ids of such ends. Two servers that finish one erasure record its end once.
const IDS: Uuid = Uuid::from_u128(0x7d0c_6f0e_5b1a_4c5e_9a55_2e40_49e1_a5ed);
/// The number of erasures that are read at once.
const PAGE: i64 = 200;
/// How often unfinished erasures are looked for.
const EVERY: Duration = Duration::from_secs(5);
/// How long nothing is erased after a deployment is opened: the place of its evidence files may be given just after that.
const SETTLES: Duration = Duration::from_millis(250);
/// How long an erasure waits for the view to show its approval.
const PATIENCE: Duration = Duration::from_secs(10);

static UNFINISHED: Repeated = Repeated::warning("an approved erasure could not be finished; it is tried again");

/// Finishes erasures. Clones are handles to the same.
#[derive(Clone)]
pub struct Erasures {
    log: Log,
    views: Views,
    recorder: Recorder,
    evidence: EvidenceFiles,
    keys: KeyStore,
}

/// Why an erasure is not finished yet.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// The keys cannot be destroyed.
    #[error("the keys cannot be destroyed")]
    Keys(#[from] KeyError),
    /// The files cannot be deleted.
    #[error("the files of evidence cannot be deleted")]
    Evidence(#[from] EvidenceError),
    /// The log cannot be read or written.
    #[error("the log cannot be read or written")]
    Log(#[from] LogError),
    /// The view cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The view does not show the approval yet.
    #[error("the live view does not show the approval yet")]
    Behind,
    /// The end was not accepted.
    #[error("the end of the erasure cannot be recorded: {0}")]
    NotRecorded(String),
}

impl Erasures {
    /// The erasures of a deployment.
    pub fn of(app: &App) -> Self {
        let App { log, views, recorder, evidence, keys, .. } = app;
        Self {
            log: log.clone(),
            views: views.clone(),
            recorder: recorder.clone(),
            evidence: evidence.clone(),
            keys: keys.clone(),
        }
    }

    /// Finishes the erasure of a subject that was approved at a position of the log. Nothing happens without an
    /// approval, or if it is done.
    pub async fn finish(&self, subject: SubjectId, approved_at: Position) -> Result<(), ErasureError> {
        if !self.views.passed(approved_at, PATIENCE).await {
            return Err(ErasureError::Behind);
        }
        let found = erasures::of_subjects(&self.views.live(), &BTreeSet::from([subject])).await?;
        match found.first() {
            Some(erasure) if erasure.state == State::Approved => self.erase(*erasure).await,
            _ => Ok(()),
        }
    }

    /// Finishes every erasure that was approved, and records those in this log that the key store remembers from after
    /// its backup. Returns how many it finished. One that cannot be finished now does not hold up the others.
    pub async fn finish_all(&self) -> Result<usize, ErasureError> {
        let mut unfinished = self.approved().await?;
        unfinished.extend(self.not_in_this_log().await?);
        self.each(unfinished).await
    }

    async fn each(&self, unfinished: Vec<ErasureRow>) -> Result<usize, ErasureError> {
        let (mut finished, mut first_fault) = (0, None);
        for erasure in unfinished {
            match self.erase(erasure).await {
                Ok(()) => finished += 1,
                Err(fault) => first_fault = first_fault.or(Some(fault)),
            }
        }
        first_fault.map_or(Ok(finished), Err)
    }

    /// Finishes erasures, again and again. Runs until it is aborted.
    pub async fn keep_finishing(self) {
        // A log is restored before a server starts on it, so what it lacks is looked for until it is recorded.
        let mut has_begun = false;
        loop {
            let finished = if has_begun { self.finish_approved().await } else { self.begin().await };
            match finished {
                Ok(_) => has_begun = true,
                Err(error) => UNFINISHED.met(&error),
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Finishes every erasure once the live view shows all that the log has: a view that is still being built lacks cases
    /// and registrations.
    async fn begin(&self) -> Result<usize, ErasureError> {
        tokio::time::sleep(SETTLES).await;
        let head = self.log.head().await?.position;
        while !self.views.passed(head, PATIENCE).await {
            tokio::time::sleep(EVERY).await;
        }
        if self.keys.why_away().is_none() {
            // Once more: the view that the server began with may not have shown every erasure.
            keep_erased(&self.views, &self.keys).await?;
        }
        self.finish_all().await
    }

    async fn finish_approved(&self) -> Result<usize, ErasureError> {
        let approved = self.approved().await?;
        self.each(approved).await
    }

    async fn approved(&self) -> Result<Vec<ErasureRow>, ErasureError> {
        let live = self.views.live();
        let (mut after, mut found) = (SubjectId(Uuid::nil()), Vec::new());
        loop {
            let page = erasures::in_state(&live, State::Approved, (after, PAGE)).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after = last.subject;
            found.extend(page);
        }
    }

    /// The registered subjects that the key store lists as erased, and this log does not: it was restored from an
    /// earlier backup.
    async fn not_in_this_log(&self) -> Result<Vec<ErasureRow>, ErasureError> {
        if self.keys.why_away().is_some() {
            return Ok(Vec::new());
        }
        let live = self.views.live();
        let (mut after, mut found) = (SubjectId(Uuid::nil()), Vec::new());
        loop {
            let listed = self.keys.erased(after, PAGE).await?;
            let Some(last) = listed.last() else { return Ok(found) };
            after = last.subject;
            let subjects: BTreeSet<SubjectId> = listed.iter().map(|who| who.subject).collect();
            let registered = erasures::registered(&live, &subjects).await?;
            let known = erasures::of_subjects(&live, &registered).await?;
            let known: BTreeSet<SubjectId> = known.into_iter().map(|erasure| erasure.subject).collect();
            let unknown =
                listed.iter().filter(|who| registered.contains(&who.subject) && !known.contains(&who.subject));
            found.extend(unknown.map(|who| ErasureRow {
                subject: who.subject,
                ground: who.ground,
                approval: None,
                state: State::Approved,
            }));
        }
    }

    /// The order matters: first the person is listed as erased, so that whatever comes after a crash finds it; then
    /// keys, files, and last the end.
    async fn erase(&self, erasure: ErasureRow) -> Result<(), ErasureError> {
        let ErasureRow { subject, ground, approval, .. } = erasure;
        let cases = erasures::cases(&self.views.live(), subject).await?;
        let records = self.records(subject, &cases).await?;
        self.keys.erase(Erased { subject, ground }, &records).await?;
        self.evidence.erase(subject).await?;
        self.record(subject, SubjectErased { ground, approval }).await
    }

    /// The records of other systems from which the subject and their cases came.
    async fn records(&self, subject: SubjectId, cases: &[JourneyId]) -> Result<BTreeSet<RecordOfSource>, ErasureError> {
        let offers = erasures::offers(&self.views.live(), subject).await?;
        let streams = cases.iter().map(|case| StreamId::journey(*case)).chain([StreamId::subject(subject)]);
        let streams = streams.chain(offers.into_iter().map(StreamId::offer));
        let mut records = BTreeSet::new();
        let mut targets: BTreeMap<EventId, EventType> = BTreeMap::new();
        for envelope in self.log.streams(streams.map(|stream| (stream, 0))).await? {
            let recorded = Recorded::decode(&envelope).map_err(|error| LogError::Payload(Box::new(error)))?;
            targets.insert(recorded.event_id, recorded.event.event_type());
            records.extend(records_of(&envelope, &recorded.event, &targets));
        }
        Ok(records)
    }

    async fn record(&self, subject: SubjectId, end: SubjectErased) -> Result<(), ErasureError> {
        let service = Principal { subject: SERVICE.to_owned(), role: Role::Administrator, scope: Scope::Deployment };
        let of = end.approval.map_or(subject.0, |approval| approval.0);
        let id = CommandId(Uuid::new_v5(&IDS, of.as_bytes()));
        let command = Command::record_fact(StreamId::subject(subject), When::TODAY, end);
        match self.recorder.trusted().record(CommandRequest::new(service, id, command)).await {
            Ok(_) => Ok(()),
            // Another server was first.
            Err(RecordError::Refused(refusals))
                if refusals.iter().all(|refusal| refusal.code == RefusalCode::SubjectErased) =>
            {
                Ok(())
            }
            Err(RecordError::Fault(fault)) => Err(fault.into()),
            Err(RecordError::Refused(refusals)) => {
                let codes: Vec<&str> = refusals.iter().map(|refusal| refusal.code.as_str()).collect();
                Err(ErasureError::NotRecorded(codes.join(", ")))
            }
            Err(other) => Err(ErasureError::NotRecorded(format!("{other:?}"))),
        }
    }
}

/// The records by which an event names the person: the case numbers of a referral, also of an offered one, and the record
/// that a registration, an identity or a referral came from.
fn records_of(envelope: &Envelope, event: &Event, targets: &BTreeMap<EventId, EventType>) -> BTreeSet<RecordOfSource> {
    let mut records = BTreeSet::new();
    let corrected = |correction: &FactCorrected| targets.get(&correction.target).copied();
    let is_of_person = |of: EventType| {
        matches!(
            of,
            EventType::SubjectRegistered
                | EventType::IdentitySealed
                | EventType::ReferralReceived
                | EventType::ReferralOffered
        )
    };
    let of = match event {
        Event::ReferralReceived(referral) => {
            records.extend(referral.external_references.iter().map(record_of));
            Some(EventType::ReferralReceived)
        }
        Event::ReferralOffered(offered) => {
            records.extend(offered.referral(offered.subject).external_references.iter().map(record_of));
            Some(EventType::ReferralOffered)
        }
        Event::FactCorrected(correction) => {
            records.extend(references_in(&correction.payload));
            corrected(correction)
        }
        event => Some(event.event_type()),
    };
    if let Some(source) = envelope.source.as_ref().filter(|_| of.is_some_and(is_of_person))
        && let Some(id) = &source.record_id
    {
        records.insert(RecordOfSource { system: source.system.clone(), id: id.clone() });
    }
    records
}

fn record_of(reference: &ExternalReference) -> RecordOfSource {
    RecordOfSource { system: reference.system.clone(), id: reference.id.clone() }
}

/// Destroys keys that came back with an earlier copy of the key store although the log says that their people were
/// erased. It is done before anything is served.
pub(crate) async fn keep_erased(views: &Views, keys: &KeyStore) -> Result<usize, ErasureError> {
    let live = views.live();
    let (mut after, mut destroyed) = (SubjectId(Uuid::nil()), 0);
    loop {
        let page = erasures::in_state(&live, State::Erased, (after, PAGE)).await?;
        let Some(last) = page.last() else { return Ok(destroyed) };
        after = last.subject;
        let people: Vec<Erased> =
            page.iter().map(|erasure| Erased { subject: erasure.subject, ground: erasure.ground }).collect();
        destroyed += keys.keep_erased(&people).await?;
    }
}

/// The people whom a log says to have been erased, or whose erasure was approved.
pub async fn erased_in(log: &Log) -> Result<Vec<Erased>, LogError> {
    let mut proposed: BTreeMap<EventId, ErasureGround> = BTreeMap::new();
    let mut erased: BTreeMap<SubjectId, ErasureGround> = BTreeMap::new();
    let (mut after, upto) = (Position::default(), log.head().await?.position);
    let wanted = [EventType::ErasureProposed, EventType::ErasureApproved, EventType::SubjectErased];
    while after < upto {
        let page = log.page(after, upto).await?;
        let Some(last) = page.last() else { break };
        after = last.position;
        for envelope in page.iter().filter(|event| wanted.iter().any(|of| of.as_str() == event.event_type)) {
            let subject = SubjectId(envelope.stream.id);
            let recorded = Recorded::decode(envelope).map_err(|error| LogError::Payload(Box::new(error)))?;
            match &recorded.event {
                Event::ErasureProposed(proposal) => {
                    proposed.insert(recorded.event_id, proposal.ground);
                }
                Event::ErasureApproved(approval) => {
                    erased.extend(proposed.get(&approval.proposal).map(|ground| (subject, *ground)));
                }
                Event::SubjectErased(end) => {
                    erased.insert(subject, end.ground);
                }
                _ => {}
            }
        }
    }
    Ok(erased.into_iter().map(|(subject, ground)| Erased { subject, ground }).collect())
}
