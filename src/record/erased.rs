//! Whether a command would bring an erased person back: a case, a registration or a case number of theirs.
//!
//! The log itself does not say this of a record of another system, and a log that was restored from an earlier backup
//! does not even say who was erased. The key store remembers both. Without a key store nothing is refused here.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Recorder;
use super::sealing::NO_KEYS;
use crate::keys::{KeyError, RecordOfSource};
use throughline_domain::command::Command;
use throughline_domain::command::offers::{OfferAct, OfferCommand};
use throughline_domain::fact::envelope::{Source, SubjectId};
use throughline_domain::fact::event::{Event, ReferralReceived};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// What a command says about who a person is.
#[derive(Default)]
struct Named {
    subjects: BTreeSet<SubjectId>,
    records: BTreeSet<RecordOfSource>,
}

impl Named {
    fn of(command: &Command, source: Option<&Source>) -> Self {
        let mut named = Self::default();
        for single in command.each() {
            match single {
                Command::ReceiveReferral(referral) => {
                    named.referral(&referral.fact);
                    named.record(source);
                }
                Command::RecordFact(stated) => match &stated.fact {
                    Event::SubjectRegistered(_) | Event::IdentitySealed(_) => {
                        named.subjects.insert(SubjectId(stated.stream.id));
                        named.record(source);
                    }
                    _ => {}
                },
                Command::Offer(OfferCommand { offer, act, .. }) if act.brings_a_person() => {
                    named.subjects.insert(offer.subject());
                    if let OfferAct::Offer(new) = act {
                        named.referral(&new.fact.referral(new.fact.subject));
                        named.record(source);
                    }
                }
                // Other corrections of a person's case stay possible: it is kept under the pseudonym.
                Command::PatchFact(patch) => {
                    named.records.extend(references_in(&Value::Object(patch.payload.clone())));
                }
                _ => {}
            }
        }
        named
    }

    fn referral(&mut self, referral: &ReferralReceived) {
        self.subjects.insert(referral.subject);
        let references = referral.external_references.iter();
        self.records.extend(
            references.map(|reference| RecordOfSource { system: reference.system.clone(), id: reference.id.clone() }),
        );
    }

    fn record(&mut self, source: Option<&Source>) {
        let Some(Source { system, record_id: Some(id), .. }) = source else { return };
        self.records.insert(RecordOfSource { system: system.clone(), id: id.clone() });
    }
}

impl Recorder {
    /// The refusal of a command that would bring an erased person back. It is answered after everything that the sender
    /// may not know. A sequence is of people whom nobody erased yet.
    pub(super) async fn of_erased(&self, command: &Command, source: Option<&Source>) -> Option<Refusal> {
        if self.keys.why_away().is_some() || self.mode.is_sequence() {
            return None;
        }
        let named = Named::of(command, source);
        match self.is_of_erased(&named).await {
            Ok(None) => None,
            Ok(Some(message)) => Some(Refusal::new(RefusalCode::SubjectErased, message)),
            Err(error) => {
                NO_KEYS.met(&error);
                let message = "the list of erased people cannot be read at the moment: try again later";
                Some(Refusal::new(RefusalCode::KeysAway, message))
            }
        }
    }

    async fn is_of_erased(&self, named: &Named) -> Result<Option<&'static str>, KeyError> {
        if (named.subjects.is_empty() && named.records.is_empty()) || !self.keys.has_erased().await? {
            return Ok(None);
        }
        if !named.subjects.is_empty() && !self.keys.destroyed(&named.subjects).await?.is_empty() {
            return Ok(Some(
                "the data of this subject was erased: if the person has come again, refer them as a new subject",
            ));
        }
        if !named.records.is_empty() && self.keys.is_suppressed(&named.records).await? {
            return Ok(Some(
                "the data of the person with this case number was erased: take the record out of the other system, or \
                 leave the case number out if the person has come again by themselves",
            ));
        }
        Ok(None)
    }
}

/// The case numbers in the payload of a referral.
pub(crate) fn references_in(payload: &Value) -> Vec<RecordOfSource> {
    let listed = payload.get("external_references").and_then(Value::as_array).into_iter().flatten();
    let read = |reference: &Value| {
        let text = |field: &str| reference.get(field)?.as_str().map(str::to_owned);
        Some(RecordOfSource { system: text("system")?, id: text("id")? })
    };
    listed.filter_map(read).collect()
}
