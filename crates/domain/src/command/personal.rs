//! What a command says about a person in clear text, so that the right keys are at hand when it is sealed.
//!
//! Pure. It never shows a text.

use std::collections::BTreeSet;

use super::offers::{OfferAct, OfferCommand};
use super::{Command, PatchFact, ReceiveReferral};
use crate::fact::event::Event;
use crate::fact::sealed::{Class, ClearText, PersonalText, classes_of};

impl Command {
    /// The classes of the texts about a person that the command gives.
    pub fn personal_classes(&self) -> BTreeSet<Class> {
        let of_fact = |fact: &Event| -> BTreeSet<Class> {
            let texts = fact.personal_texts().into_iter();
            texts.filter_map(|(_, text)| PersonalText::clear(text)).map(ClearText::class).collect()
        };
        match self {
            Self::RecordFact(command) => of_fact(&command.fact),
            Self::CorrectFact(command) => of_fact(&command.replacement),
            Self::PatchFact(PatchFact { payload, .. }) => payload.values().flat_map(classes_of).collect(),
            Self::ReceiveReferral(ReceiveReferral { identity: Some(identity), .. }) => {
                of_fact(&Event::from(identity.clone()))
            }
            Self::Offer(OfferCommand { act: OfferAct::Offer(new), .. }) => {
                new.identity.clone().map(|identity| of_fact(&Event::from(identity))).unwrap_or_default()
            }
            Self::Atomic(atomic) => atomic.commands.iter().flat_map(Self::personal_classes).collect(),
            Self::ReceiveReferral(_)
            | Self::OpenContract(_)
            | Self::PublishRulebook(_)
            | Self::RetractFacts(_)
            | Self::Batch(_)
            | Self::AssignMany(_)
            | Self::Offer(_) => BTreeSet::new(),
        }
    }
}
