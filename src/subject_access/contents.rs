//! What an export holds: the events of a person and of their cases, who the person is, and the list of evidence files.
//!
//! It is gathered before the first byte of the archive is written. Files are opened later, one at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::opener::Opener;
use super::{Sources, SubjectAccessError};
use crate::access::Scope;
use crate::evidence::File;
use crate::keys::access_log::Kind;
use throughline_domain::contract::rulebook::Labels;
use throughline_domain::fact::envelope::{
    Envelope, EventId, EvidenceId, JourneyId, Occurred, OfferId, Position, RevealId, Source, StreamId, StreamKind,
    SubjectId,
};
use throughline_domain::fact::event::{Event, EventType, EvidenceAttached};
use throughline_domain::fact::identity::{Identity, Part};
use throughline_domain::fact::sealed::PersonalText;
use throughline_domain::fact::{Entry, History, Recorded};
use throughline_domain::journey::Journey;
use throughline_domain::people::subject::Subject;
use throughline_projections::journey::reference;

/// The keys under which a payload names a subject.
const NAMING_SUBJECTS: [&str; 3] = ["subject", "with", "other"];
/// The key under which a payload names a case.
const NAMING_CASES: &str = "journey";
/// What stands in place of the id of another person or of their case.
const ANOTHER_RECORD: &str = "left out: another record";

/// All that is held about a person. Its texts never show in debug output.
pub struct Contents {
    /// The record that was asked for.
    pub(super) subject: SubjectId,
    /// All records of the person that the caller may see.
    pub(super) people: BTreeSet<SubjectId>,
    /// When it was gathered.
    pub(super) made_at: DateTime<Utc>,
    /// The day on which the erasure of the person was approved, if it was.
    pub(super) erased_on: Option<NaiveDate>,
    /// Whether texts stay sealed because the keys are away.
    pub(super) is_without_keys: bool,
    /// Who the person is, by record.
    pub(super) identities: Vec<(SubjectId, Value)>,
    /// The cases, in the order in which they were recorded.
    pub(super) cases: Vec<Case>,
    /// The events, in the order of the log.
    pub(super) events: Vec<Held>,
    /// The evidence, case by case.
    pub(super) evidence: Vec<Attached>,
    opened: BTreeMap<SubjectId, BTreeSet<Kind>>,
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Contents({} events, {} files)", self.events.len(), self.evidence.len())
    }
}

impl Contents {
    /// What was opened, by record, and evidence if the archive will have files.
    pub const fn opened(&self) -> &BTreeMap<SubjectId, BTreeSet<Kind>> {
        &self.opened
    }

    /// Whether the access log has that evidence files of a record are opened. Other files stay closed.
    pub(super) fn may_give_files_of(&self, record: SubjectId) -> bool {
        self.opened.get(&record).is_some_and(|kinds| kinds.contains(&Kind::Evidence))
    }

    /// The day on which it was gathered, for the name of the archive.
    pub fn made_on(&self) -> NaiveDate {
        super::civil_day(self.made_at, super::DEPLOYMENT_ZONE)
    }
}

/// A case that the caller may see.
pub(super) struct CaseHeld {
    pub(super) journey: JourneyId,
    pub(super) contract: String,
}

/// A case of the person.
pub(super) struct Case {
    pub(super) journey: JourneyId,
    pub(super) contract: String,
    /// The title of the contract.
    pub(super) title: String,
    /// The case number.
    pub(super) reference: String,
    /// The words for the codes of the contract.
    pub(super) labels: Labels,
}

/// Whether what an event says still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It holds.
    Holds,
    /// A later event corrected it.
    Corrected,
    /// A later event retracted it.
    Retracted,
}

impl Standing {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Corrected => "corrected",
            Self::Retracted => "retracted",
        }
    }
}

/// An event with its texts opened.
pub(super) struct Held {
    pub(super) position: Position,
    pub(super) event_id: EventId,
    pub(super) event_type: String,
    pub(super) stream: StreamId,
    pub(super) contract: Option<String>,
    pub(super) occurred: Occurred,
    pub(super) recorded_at: DateTime<Utc>,
    /// The role of the member of staff or machine that recorded it. Their login is left out.
    pub(super) role: String,
    pub(super) source: Option<Source>,
    pub(super) standing: Standing,
    /// The event that corrected or retracted it last.
    pub(super) amended_by: Option<EventId>,
    pub(super) details: Value,
}

/// A piece of evidence of a case, as it was stated last.
pub(super) struct Attached {
    pub(super) evidence: EvidenceId,
    pub(super) journey: JourneyId,
    pub(super) kind: String,
    pub(super) dated_on: NaiveDate,
    pub(super) sha256: Option<String>,
    pub(super) is_retracted: bool,
    /// The uploaded file, if it is held for this person.
    pub(super) file: Option<File>,
}

/// Reads and opens the events of the person, of these cases and of these offered referrals.
pub(super) async fn gathered(
    from: Sources<'_>,
    (subject, mut cases, offers): (SubjectId, Vec<CaseHeld>, &[OfferId]),
    (mut opener, scope): (Opener, &Scope),
    made_at: DateTime<Utc>,
) -> Result<Contents, SubjectAccessError> {
    let people = opener.people().clone();
    let streams = people.iter().map(|record| StreamId::subject(*record));
    let streams = streams.chain(cases.iter().map(|case| StreamId::journey(case.journey)));
    let streams = streams.chain(offers.iter().map(|offer| StreamId::offer(*offer)));
    let envelopes = from.log.streams(streams.map(|stream| (stream, 0))).await?;
    let histories = histories(&envelopes)?;
    let is_of_person = |stream: StreamId| match (stream.kind, histories.get(&stream)) {
        // The view may still name the person of a case that was corrected to another one meanwhile.
        (StreamKind::Journey, Some(history)) => {
            Journey::fold(&history.facts()).subject().is_some_and(|subject| people.contains(&subject))
        }
        (_, history) => history.is_some(),
    };
    let own: BTreeSet<StreamId> = histories.keys().copied().filter(|stream| is_of_person(*stream)).collect();
    let elsewhere = revealed_elsewhere(&histories, scope);
    let is_given = |envelope: &&Envelope| own.contains(&envelope.stream) && !elsewhere.contains(&envelope.event_id);
    let mut events = Vec::new();
    for envelope in envelopes.iter().filter(is_given) {
        events.push(held(envelope, &histories[&envelope.stream], (&own, &mut opener))?);
    }
    let (mut identities, mut erased_on) = (Vec::new(), None);
    for record in &people {
        let Some(history) = histories.get(&StreamId::subject(*record)) else { continue };
        let state = Subject::fold(&history.facts());
        let approved = state.erasures.iter().filter_map(|erasure| erasure.approved.as_ref());
        erased_on = approved.map(|approved| approved.occurred.earliest()).max().max(erased_on);
        identities.push((*record, identity(&state.identity, &mut opener)));
    }
    let begins = |case: &CaseHeld| Some(histories.get(&StreamId::journey(case.journey))?.events().first()?.position);
    cases.sort_by_key(begins);
    let (mut known, mut evidence) = (Vec::new(), Vec::new());
    for case in cases {
        let stream = StreamId::journey(case.journey);
        if let Some(history) = histories.get(&stream).filter(|_| own.contains(&stream)) {
            evidence.extend(attached(case.journey, history));
            known.push(of_case(from, case, history));
        }
    }
    with_files(from, &people, &mut evidence).await?;
    let is_without_keys = opener.is_without_keys();
    let files = evidence.iter().filter_map(|of: &Attached| of.file.as_ref());
    let given: BTreeSet<SubjectId> =
        files.map(|file| file.subject).filter(|subject| opener.has_keys_of(*subject)).collect();
    let mut kinds = opener.into_opened();
    for subject in given {
        kinds.entry(subject).or_default().insert(Kind::Evidence);
    }
    Ok(Contents {
        subject,
        people,
        made_at,
        erased_on,
        is_without_keys,
        identities,
        cases: known,
        events,
        evidence,
        opened: kinds,
    })
}

fn histories(envelopes: &[Envelope]) -> Result<BTreeMap<StreamId, History>, SubjectAccessError> {
    let mut histories: BTreeMap<StreamId, History> = BTreeMap::new();
    for envelope in envelopes {
        let recorded = Recorded::decode(envelope)
            .map_err(|source| SubjectAccessError::Payload { position: envelope.position, source })?;
        histories.entry(envelope.stream).or_default().evolve(recorded);
    }
    Ok(histories)
}

/// The reveals for contracts outside a scope, and their ends. They are in the person's stream, and name the contract.
fn revealed_elsewhere(histories: &BTreeMap<StreamId, History>, scope: &Scope) -> BTreeSet<EventId> {
    let events = || histories.values().flat_map(History::events);
    let outside = events().filter_map(|recorded| match &recorded.event {
        Event::IdentityRevealed(revealed) if scope.contract(&revealed.contract).is_none() => Some(revealed.reveal),
        _ => None,
    });
    let outside: BTreeSet<RevealId> = outside.collect();
    let is_outside = |recorded: &&Recorded| match &recorded.event {
        Event::IdentityRevealed(revealed) => outside.contains(&revealed.reveal),
        Event::RevealEnded(ended) => outside.contains(&ended.reveal),
        _ => false,
    };
    events().filter(is_outside).map(|recorded| recorded.event_id).collect()
}

/// An event as the person gets it, without what it says of others. `own` are the streams of the person.
fn held(
    envelope: &Envelope,
    history: &History,
    (own, opener): (&BTreeSet<StreamId>, &mut Opener),
) -> Result<Held, SubjectAccessError> {
    let mut details: Value = serde_json::from_str(envelope.payload.get())?;
    leave_out_others(&mut details, own);
    if envelope.event_type == EventType::ReferralOffered.as_str()
        && let Some(fields) = details.as_object_mut()
    {
        // The login of the partner. Their system is named, as the source.
        fields.remove("partner");
    }
    opener.open_all(&mut details);
    let amended_by = history.amended_by(envelope.event_id).map(|amendment| amendment.event_id);
    let standing = match amended_by {
        None => Standing::Holds,
        Some(_) if history.is_retracted(envelope.event_id) => Standing::Retracted,
        Some(_) => Standing::Corrected,
    };
    Ok(Held {
        position: envelope.position,
        event_id: envelope.event_id,
        event_type: envelope.event_type.clone(),
        stream: envelope.stream,
        contract: envelope.contract.clone(),
        occurred: envelope.occurred,
        recorded_at: envelope.recorded_at,
        role: envelope.actor.role.clone(),
        source: envelope.source.clone(),
        standing,
        amended_by,
        details,
    })
}

/// Replaces the ids of subjects and cases that are not of this person. Sealed texts name subjects too: those are opened or
/// left sealed as a whole.
fn leave_out_others(value: &mut Value, own: &BTreeSet<StreamId>) {
    match value {
        Value::Object(fields) if fields.contains_key("commitment") => {}
        Value::Object(fields) => {
            for (key, inner) in fields.iter_mut() {
                let id = inner.as_str().and_then(|text| text.parse::<Uuid>().ok());
                let named = match (key.as_str(), id) {
                    (key, Some(id)) if NAMING_SUBJECTS.contains(&key) => Some(StreamId::subject(SubjectId(id))),
                    (NAMING_CASES, Some(id)) => Some(StreamId::journey(JourneyId(id))),
                    _ => None,
                };
                if named.is_some_and(|named| !own.contains(&named)) {
                    *inner = Value::from(ANOTHER_RECORD);
                } else {
                    leave_out_others(inner, own);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| leave_out_others(item, own)),
        _ => {}
    }
}

/// Who the person is now, part by part.
fn identity(identity: &Identity, opener: &mut Opener) -> Value {
    let shown = |(part, entry): (Part, &Entry<PersonalText>)| {
        let text = entry.details.sealed().map_or(Value::Null, |sealed| opener.shown(sealed));
        (part.field().to_owned(), text)
    };
    Value::Object(identity.parts().map(shown).collect::<Map<_, _>>())
}

fn of_case(from: Sources<'_>, case: CaseHeld, history: &History) -> Case {
    let CaseHeld { journey, contract } = case;
    let everywhere = Scope::Deployment;
    let state = everywhere.contract(&contract).and_then(|scope| from.view.contract_state(scope));
    let rulebook = state.as_ref().and_then(|state| state.newest_rulebook());
    let title = rulebook.map_or_else(|| contract.clone(), |rulebook| rulebook.title.clone());
    let labels = rulebook.map(|rulebook| rulebook.labels.clone()).unwrap_or_default();
    let folded = Journey::fold(&history.facts());
    let reference = folded.referral.map(|referral| reference(journey, &referral.details)).unwrap_or_default();
    Case { journey, contract, title, reference, labels }
}

/// The evidence of a case, retracted pieces too.
fn attached(journey: JourneyId, history: &History) -> Vec<Attached> {
    let stated = |event: &Recorded| {
        let Event::EvidenceAttached(original) = &event.event else { return None };
        let stands = history.fact(event.event_id).and_then(|fact| match fact.event {
            Event::EvidenceAttached(stands) => Some(stands.clone()),
            _ => None,
        });
        let is_retracted = stands.is_none();
        let EvidenceAttached { evidence, kind, sha256, dated_on, .. } = stands.unwrap_or_else(|| original.clone());
        Some(Attached { evidence, journey, kind, dated_on, sha256, is_retracted, file: None })
    };
    history.events().iter().filter_map(stated).collect()
}

/// Finds the uploaded file of each piece of evidence. A file that is held for another person is left out.
async fn with_files(
    from: Sources<'_>,
    people: &BTreeSet<SubjectId>,
    evidence: &mut [Attached],
) -> Result<(), SubjectAccessError> {
    let wanted: Vec<(JourneyId, String)> =
        evidence.iter().filter_map(|of| Some((of.journey, of.sha256.clone()?))).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let files = from.evidence.files_of(&wanted).await?;
    for of in evidence {
        let Some(sha256) = &of.sha256 else { continue };
        let found = files.get(&(of.journey, sha256.clone()));
        of.file = found.filter(|file| people.contains(&file.subject)).cloned();
    }
    Ok(())
}

impl Held {
    /// The event as the data of an export.
    pub(super) fn json(&self) -> Value {
        json!({
            "position": self.position,
            "id": self.event_id,
            "type": self.event_type,
            "stream": { "kind": self.stream.kind.as_str(), "id": self.stream.id },
            "contract": self.contract,
            "occurredOn": self.occurred.earliest(),
            "precision": self.occurred.precision(),
            "localTime": self.occurred.local_time(),
            "recordedAt": self.recorded_at,
            "recordedByRole": self.role,
            "source": self.source,
            "state": self.standing.as_str(),
            "amendedBy": self.amended_by,
            "details": self.details,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_of_other_subjects_and_cases_are_left_out_and_nothing_else() {
        let (own, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let streams = BTreeSet::from([StreamId::subject(SubjectId(own)), StreamId::journey(JourneyId(own))]);
        let sealed = json!({ "subject": other, "commitment": "x" });
        let mut payload = json!({
            "subject": own, "with": other, "note": sealed, "payload": { "subject": other }, "worker": other,
            "contacts": [{ "with": "client" }], "other": other, "opened": { "journey": own }, "journey": other,
        });
        leave_out_others(&mut payload, &streams);
        let expected = json!({
            "subject": own, "with": ANOTHER_RECORD, "note": { "subject": other, "commitment": "x" },
            "payload": { "subject": ANOTHER_RECORD }, "worker": other, "contacts": [{ "with": "client" }],
            "other": ANOTHER_RECORD, "opened": { "journey": own }, "journey": ANOTHER_RECORD,
        });
        assert_eq!(payload, expected);
    }
}
