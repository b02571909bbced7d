//! Sealing: fetches the keys for the texts about a person in a command, and seals the texts when their event has its
//! id.
//!
//! It decides nothing about facts. Without keys nothing with such a text is recorded. A dry run seals nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::hmac;
use serde_json::value::RawValue;

use super::{Decision, RecordError, Recorder, StreamState, history};
use crate::keys::{KeyError, SubjectKey, seal_event};
use crate::log::LogError;
use crate::log::append::{Draft, Payload, Streams, Unsealed};
use crate::telemetry::repeated::Repeated;
use throughline_domain::command::offers::{OfferAct, OfferCommand};
use throughline_domain::command::{Command, NewEvent};
use throughline_domain::fact::envelope::{EventId, StreamId, StreamKind, SubjectId, hex};
use throughline_domain::fact::event::Event;
use throughline_domain::fact::refusal::{Refusal, RefusalCode};
use throughline_domain::fact::sealed::PersonalText;
use throughline_domain::fact::{History, Recorded};

pub(super) static NO_KEYS: Repeated = Repeated::warning("a text about a person cannot be sealed");

/// The keys for the texts about a person in one command.
pub(super) enum CommandKeys {
    /// The command has no such text.
    NotNeeded,
    /// The person, and a key for each class.
    Fetched(SubjectId, Vec<SubjectKey>),
    /// The command is only judged, so nothing is sealed.
    DryRun,
    /// The log has no such case yet, so nobody knows whose text it is. If the case is recorded meanwhile, the command
    /// has to be sent again.
    UnknownPerson,
    /// The sender's role may not send such a command, so no key is made for it.
    OfNobody,
    /// No key can be had. This is answered after everything that the sender may not know.
    Refused(RefusalCode),
}

impl CommandKeys {
    /// The content that identifies the command. If it has a text about a person, it is keyed with a key of the person,
    /// so that nobody with the database alone can confirm a guess.
    pub(super) fn keyed(&self, body: Vec<u8>) -> Vec<u8> {
        match self {
            Self::NotNeeded | Self::DryRun => body,
            Self::Refused(_) | Self::UnknownPerson | Self::OfNobody => Vec::new(),
            Self::Fetched(_, keys) => match keys.first() {
                Some(key) if !body.is_empty() => {
                    let key = hmac::Key::new(hmac::HMAC_SHA256, &key.derive("command fingerprint"));
                    hmac::sign(&key, &body).as_ref().to_vec()
                }
                _ => body,
            },
        }
    }
}

impl CommandKeys {
    /// The command, with a digest of who the offered person is, if it offers one. Two digests of one person are equal
    /// where the same was said; without the key they mean nothing. Without keys there is none.
    pub(super) fn digested(&self, mut command: Command) -> Command {
        if let Command::Offer(OfferCommand { act: OfferAct::Offer(new), .. }) = &mut command
            && let (Some(identity), Self::Fetched(_, keys)) = (&new.identity, self)
            && let Some(key) = keys.first()
        {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &key.derive("offered identity"));
            let said = Event::from(identity.clone()).payload();
            new.fact.identity_digest = Some(hex(hmac::sign(&key, said.get().as_bytes()).as_ref()));
        }
        command
    }
}

impl Recorder {
    /// The keys that a command needs, made if the person has none yet.
    pub(super) async fn keys_for(&self, command: &Command) -> Result<CommandKeys, LogError> {
        let classes = command.personal_classes();
        if classes.is_empty() {
            return Ok(CommandKeys::NotNeeded);
        }
        if self.mode.is_dry_run() {
            return self.keys_of_dry_run(command).await;
        }
        if let Some(away) = self.keys.why_away() {
            NO_KEYS.met(away);
            return Ok(CommandKeys::Refused(RefusalCode::KeysAway));
        }
        let Some(subject) = self.subject_of(command).await? else { return Ok(CommandKeys::UnknownPerson) };
        let mut keys = Vec::with_capacity(classes.len());
        for class in classes {
            match self.keys.key_or_new(subject, class).await {
                Ok(key) => keys.push(key),
                Err(KeyError::Destroyed(_)) => return Ok(CommandKeys::Refused(RefusalCode::SubjectErased)),
                Err(error) => {
                    NO_KEYS.met(&error);
                    return Ok(CommandKeys::Refused(RefusalCode::KeysAway));
                }
            }
        }
        Ok(CommandKeys::Fetched(subject, keys))
    }

    /// The same for a command that is only judged: whether its texts could be sealed.
    pub(super) async fn keys_of_dry_run(&self, command: &Command) -> Result<CommandKeys, LogError> {
        match (command.personal_classes().is_empty(), self.keys.why_away()) {
            (true, _) => return Ok(CommandKeys::NotNeeded),
            (false, Some(_)) if !self.mode.is_dry_run() => {
                return Ok(CommandKeys::Refused(RefusalCode::KeysAway));
            }
            (false, Some(_)) => return Ok(CommandKeys::DryRun),
            (false, None) => {}
        }
        let Some(subject) = self.subject_of(command).await? else { return Ok(CommandKeys::DryRun) };
        Ok(match self.keys.destroyed(&BTreeSet::from([subject])).await {
            Ok(destroyed) if destroyed.is_empty() => CommandKeys::DryRun,
            Ok(_) => CommandKeys::Refused(RefusalCode::SubjectErased),
            Err(error) => {
                NO_KEYS.met(&error);
                CommandKeys::Refused(RefusalCode::KeysAway)
            }
        })
    }

    /// The person that a command is about.
    async fn subject_of(&self, command: &Command) -> Result<Option<SubjectId>, LogError> {
        let referral = command.each().into_iter().find_map(|single| match single {
            Command::ReceiveReferral(referral) => Some(referral.fact.subject),
            Command::Offer(command) => Some(command.offer.subject()),
            _ => None,
        });
        let stream = command.stream();
        match (referral, stream.kind) {
            (Some(subject), _) => Ok(Some(subject)),
            (None, StreamKind::Subject) => Ok(Some(SubjectId(stream.id))),
            (None, StreamKind::Journey) => {
                let mut read = History::default();
                for envelope in self.log.stream(stream).await? {
                    read.evolve(Recorded::decode(&envelope).map_err(|error| LogError::Payload(Box::new(error)))?);
                }
                Ok(read.journey().subject())
            }
            (None, _) => Ok(None),
        }
    }
}

impl Decision {
    /// The draft of an event, with its texts about a person ready to be sealed.
    pub(super) fn draft(&self, new: NewEvent, streams: &Streams<'_, StreamState>) -> Result<Draft, RecordError> {
        let NewEvent { stream, contract, occurred, event } = new;
        let (event_type, schema_version) = (event.event_type().as_str(), event.event_type().schema_version());
        let payload = if holds_clear_text(&event) {
            Payload::Unsealed(Arc::new(self.unsealed(stream, event, streams)?))
        } else {
            Payload::Ready(event.payload())
        };
        Ok(Draft { stream, event_type, schema_version, contract, occurred, payload })
    }

    fn unsealed(
        &self,
        stream: StreamId,
        event: Event,
        streams: &Streams<'_, StreamState>,
    ) -> Result<UnsealedEvent, RecordError> {
        let keys = match &self.keys {
            CommandKeys::DryRun => return Ok(UnsealedEvent { event, keys: None }),
            CommandKeys::Refused(code) => return Err(refused(*code)),
            CommandKeys::NotNeeded | CommandKeys::UnknownPerson | CommandKeys::OfNobody => {
                return Err(refused(RefusalCode::KeysAway));
            }
            CommandKeys::Fetched(subject, keys) => {
                let of_stream = match stream.kind {
                    StreamKind::Subject => Some(SubjectId(stream.id)),
                    _ => history(streams, stream).and_then(|history| history.journey().subject()),
                };
                // The case was corrected to be another person's since the keys were fetched.
                if of_stream.is_some_and(|of_stream| of_stream != *subject) {
                    return Err(refused(RefusalCode::KeysAway));
                }
                keys.clone()
            }
        };
        Ok(UnsealedEvent { event, keys: Some(keys) })
    }
}

/// Whether an event has a text that is not sealed. A correction holds the text in its replacement.
fn holds_clear_text(event: &Event) -> bool {
    let clear = |event: &Event| event.personal_texts().into_iter().any(|(_, text)| PersonalText::clear(text).is_some());
    match event {
        Event::FactCorrected(correction) => {
            !throughline_domain::fact::sealed::classes_of(&correction.payload).is_empty()
        }
        event => clear(event),
    }
}

fn refused(code: RefusalCode) -> RecordError {
    let message = match code {
        RefusalCode::SubjectErased => {
            "the data of this person was erased, so nothing can be sealed for them any more: leave names and notes out"
        }
        _ => "names and notes cannot be sealed at the moment: try again later, or leave them out",
    };
    RecordError::Refused(Refusal::new(code, message).alone())
}

/// An event whose texts about a person are sealed when it has its id.
struct UnsealedEvent {
    event: Event,
    /// None in a dry run: then nothing is sealed and nothing is written.
    keys: Option<Vec<SubjectKey>>,
}

impl Unsealed for UnsealedEvent {
    fn payload(&self, event: EventId) -> Result<Box<RawValue>, Box<dyn std::error::Error + Send + Sync>> {
        match &self.keys {
            None => Ok(self.event.payload()),
            Some(keys) => Ok(seal_event(&self.event, event, keys)?.payload()),
        }
    }
}
