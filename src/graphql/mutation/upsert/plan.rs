//! Compares a referral, as another system states it now, with what that system stated before and with what is recorded.
//!
//! Pure. Values that the system leaves out are not compared. What was corrected here is not overwritten in silence.

use serde_json::{Map, Value, json};

use throughline_domain::command::{PatchFact, Patched, PatchedDate};
use throughline_domain::fact::envelope::{Envelope, EventId, Occurred, StreamId};
use throughline_domain::fact::event::{DecodeError, Event, EventType, ExternalReference, ReferralReceived, Referrer};
use throughline_domain::fact::{History, Recorded};

/// A referral as the other system states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stated {
    /// The date, if it was given.
    pub(super) occurred: Option<Occurred>,
    pub(super) area: String,
    pub(super) cohort: Option<String>,
    pub(super) referrer: Option<Referrer>,
}

/// What a case needs so that it says what the other system states.
#[derive(Debug, PartialEq)]
pub(super) enum Needed {
    /// Nothing.
    Nothing,
    /// Nothing: the system says what it said before, and the referral was corrected here since.
    Kept,
    /// This correction.
    Correction {
        patch: PatchFact,
        /// What differs between here and the system, if the referral was corrected here since it last spoke.
        overwrites: Option<String>,
    },
    /// The referral was retracted here.
    Retracted,
}

/// A case, and what one system stated about its referral.
#[derive(Debug, Default)]
pub(super) struct KnownCase {
    history: History,
    /// The events that came from the system under this number.
    ours: Vec<EventId>,
}

impl KnownCase {
    /// Adds the next event of the case.
    pub(super) fn learn(&mut self, envelope: &Envelope, reference: &ExternalReference) -> Result<(), DecodeError> {
        let source = envelope.source.as_ref().filter(|source| source.system == reference.system);
        if source.is_some_and(|source| source.record_id.as_deref() == Some(&reference.id)) {
            self.ours.push(envelope.event_id);
        }
        self.history.evolve(Recorded::decode(envelope)?);
        Ok(())
    }

    /// Whether nothing was recorded about the case.
    pub(super) fn is_new(&self) -> bool {
        self.history.events().is_empty()
    }

    /// The version of the case.
    pub(super) fn version(&self) -> i64 {
        self.history.version()
    }

    /// What the case needs.
    pub(super) fn needs(&self, stated: &Stated, (stream, reason): (StreamId, &str)) -> Needed {
        let events = self.history.events();
        let original = events.iter().find(|event| matches!(event.event, Event::ReferralReceived(_)));
        let now = original.and_then(|original| self.history.fact(original.event_id));
        let (Some(original), Some((occurred, Event::ReferralReceived(referral)))) =
            (original, now.map(|now| (now.occurred, now.event)))
        else {
            return Needed::Retracted;
        };
        let (payload, date) = patch(stated, (occurred, referral));
        if payload.is_empty() && date == PatchedDate::default() {
            return Needed::Nothing;
        }
        let said = self.said(original);
        let repeats = |said: &(Occurred, ReferralReceived)| {
            let (payload, date) = patch(stated, (said.0, &said.1));
            payload.is_empty() && date == PatchedDate::default()
        };
        if said.as_ref().is_some_and(repeats) {
            return Needed::Kept;
        }
        let is_changed_here = said.is_some_and(|(on, said)| on != occurred || said != *referral);
        let overwrites = is_changed_here.then(|| in_words(&payload, date, (occurred, referral)));
        let patch = PatchFact {
            stream,
            target: original.event_id,
            occurred: date,
            of: Some(EventType::ReferralReceived),
            payload,
            reason: reason.to_owned(),
        };
        Needed::Correction { patch, overwrites }
    }

    /// What the system last said about the referral. `None` if it never spoke.
    fn said(&self, original: &Recorded) -> Option<(Occurred, ReferralReceived)> {
        let mut said = match &original.event {
            Event::ReferralReceived(referral) if self.ours.contains(&original.event_id) => {
                Some((original.occurred, referral.clone()))
            }
            _ => None,
        };
        for event in self.history.events().iter().filter(|event| self.ours.contains(&event.event_id)) {
            let Event::FactCorrected(correction) = &event.event else { continue };
            if correction.target == original.event_id
                && let Ok(Event::ReferralReceived(referral)) = correction.replacement(EventType::ReferralReceived)
            {
                said = Some((correction.occurred(), referral));
            }
        }
        said
    }
}

/// The changes that make a referral say what is stated.
fn patch(stated: &Stated, (occurred, referral): (Occurred, &ReferralReceived)) -> (Map<String, Value>, PatchedDate) {
    let mut payload = Map::new();
    if stated.area != referral.area {
        payload.insert("area".to_owned(), json!(stated.area));
    }
    if stated.cohort.is_some() && stated.cohort != referral.cohort {
        payload.insert("cohort".to_owned(), json!(stated.cohort));
    }
    if let Some(referrer) = stated.referrer.as_ref().filter(|referrer| referral.referrer.as_ref() != Some(referrer)) {
        // A patch is merged, so what is left out is cleared by name.
        let value = json!({ "organisation": referrer.organisation, "kind": referrer.kind });
        payload.insert("referrer".to_owned(), value);
    }
    let mut date = PatchedDate::default();
    if let Some(on) = stated.occurred.filter(|on| *on != occurred) {
        date.on = Some(on.earliest());
        date.precision = Some(on.precision());
        date.local_time = on.local_time().map_or(Patched::Cleared, Patched::Becomes);
    }
    (payload, date)
}

/// What differs, for the person who decides which of both is right.
fn in_words(
    payload: &Map<String, Value>,
    date: PatchedDate,
    (occurred, referral): (Occurred, &ReferralReceived),
) -> String {
    let here = json!({ "area": referral.area, "cohort": referral.cohort, "referrer": referral.referrer });
    let fields = payload.iter().map(|(name, there)| format!("{name}: here {}, there {there}", here[name]));
    let dates = date.on.map(|there| format!("date: here {}, there {there}", occurred.earliest()));
    fields.chain(dates).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::fact::envelope::SubjectId;

    fn on(day: &str) -> Occurred {
        Occurred::on(day.parse().expect("a day"))
    }

    fn recorded() -> ReferralReceived {
        ReferralReceived {
            subject: SubjectId(uuid::Uuid::nil()),
            area: "brent".to_owned(),
            cohort: Some("c1".to_owned()),
            referrer: Some(Referrer { organisation: Some("a council".to_owned()), kind: Some("self".to_owned()) }),
            external_references: Vec::new(),
        }
    }

    fn stated() -> Stated {
        Stated { occurred: Some(on("2018-02-01")), area: "brent".to_owned(), cohort: None, referrer: None }
    }

    #[test]
    fn only_what_is_stated_and_differs_is_patched() {
        let referral = recorded();
        let differs = |stated: &Stated| patch(stated, (on("2018-02-01"), &referral));
        assert_eq!(differs(&stated()), (Map::new(), PatchedDate::default()), "what is left out stays");
        let without_date = Stated { occurred: None, ..stated() };
        assert_eq!(differs(&without_date).1, PatchedDate::default());
        let referrer = Some(Referrer { organisation: None, kind: Some("self".to_owned()) });
        let (payload, date) = differs(&Stated { occurred: Some(on("2018-02-03")), referrer, ..stated() });
        assert_eq!(Value::Object(payload), json!({ "referrer": { "organisation": null, "kind": "self" } }));
        assert_eq!((date.on, date.local_time), (Some("2018-02-03".parse().expect("a day")), Patched::Cleared));
    }

    #[test]
    fn what_differs_is_named_with_both_values() {
        let referral = recorded();
        let (payload, date) = patch(&Stated { area: "ealing".to_owned(), ..stated() }, (on("2018-02-02"), &referral));
        let words = in_words(&payload, date, (on("2018-02-02"), &referral));
        assert_eq!(words, "area: here \"brent\", there \"ealing\"; date: here 2018-02-02, there 2018-02-01");
    }
}
