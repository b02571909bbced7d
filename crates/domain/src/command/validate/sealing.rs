//! Checks texts about a person before they are sealed: notes, and the parts of an identity.
//!
//! Pure. No message repeats a text. A sealed text can only be kept by a correction, never recorded anew: it opens only
//! for the event that it was sealed for.

use serde::de::DeserializeOwned;

use super::{NAME_MAX, Validator};
use crate::fact::envelope::Occurred;
use crate::fact::event::{Event, IdentitySealed, Patched};
use crate::fact::identity::{self, Address, Names, Part};
use crate::fact::refusal::{Refusal, RefusalCode};
use crate::fact::sealed::{Class, PersonalText};
use crate::fact::text;

/// The longest note or agreed action, in characters.
const NOTE_MAX: usize = 10_000;
/// The most agreed actions of one plan.
const ACTIONS_MAX: usize = 50;
/// The most needs, other names or lines of an address.
const LIST_MAX: usize = 20;

/// The class of the text in a field of a fact.
fn class_of(fact: &Event, field: &str) -> Class {
    match fact {
        Event::IdentitySealed(_) if field != Part::Needs.field() => Class::Identity,
        _ => Class::Special,
    }
}

impl Validator {
    /// Checks the texts about a person in a fact. `before` is the fact that a correction replaces.
    pub(crate) fn personal(&mut self, occurred: Occurred, fact: &Event, before: Option<&Event>) {
        let texts = fact.personal_texts();
        if texts.is_empty() {
            self.changes_something(fact);
            return;
        }
        let known = before.map(Event::personal_texts).unwrap_or_default();
        for (field, text) in &texts {
            match text {
                PersonalText::Sealed(_) if known.iter().any(|(_, before)| before == text) => {}
                PersonalText::Sealed(_) => self.invalid(
                    field.as_ref(),
                    "a sealed text opens only for the event that it was sealed for: give the text, or leave it out",
                ),
                PersonalText::Clear(clear) if clear.class() != class_of(fact, field) => {
                    let class = class_of(fact, field).as_str();
                    self.invalid(field.as_ref(), format!("this text has another class: give it the class {class}"));
                }
                PersonalText::Clear(clear) if !matches!(fact, Event::IdentitySealed(_)) => {
                    self.note(field.as_ref(), clear.text());
                }
                PersonalText::Clear(_) => {}
            }
        }
        match fact {
            Event::IdentitySealed(sealed) => self.identity(occurred, sealed),
            Event::PlanAgreed(plan) => drop(self.at_most("actions", plan.actions.len(), ACTIONS_MAX)),
            Event::PlanReviewed(plan) => drop(self.at_most("actions", plan.actions.len(), ACTIONS_MAX)),
            _ => {}
        }
    }

    /// Checks the identity that comes with a referral. Its paths are those of the referral's input.
    pub(crate) fn sealed_with(&mut self, occurred: Occurred, identity: &Event) {
        let mut own = Self::new(self.today);
        own.personal(occurred, identity, None);
        for refusal in own.refusals {
            let path = refusal.path.clone().map(|path| path.beneath("identity"));
            self.refuse(Refusal { path, ..refusal });
        }
    }

    /// Refuses an identity that neither gives nor clears a part.
    fn changes_something(&mut self, fact: &Event) {
        if let Event::IdentitySealed(sealed) = fact
            && Part::ALL.iter().all(|part| sealed.part(*part).stays())
        {
            self.missing("names", "no part of the identity is given: give or clear at least one");
        }
    }

    /// Checks a note: not empty, not too long, only characters that can be shown, in lines.
    fn note(&mut self, path: &str, note: &str) {
        let length = note.chars().count();
        if note.trim().is_empty() {
            self.missing(path, "this text is empty: enter some text, or leave it out");
        } else if length > NOTE_MAX {
            self.too_long(path, format!("the text has {length} characters: use at most {NOTE_MAX}"));
        } else if let Some(fault) = note.lines().find_map(|line| text::fault(&line.replace('\t', " "))) {
            self.invalid(path, fault);
        }
    }

    fn identity(&mut self, occurred: Occurred, sealed: &IdentitySealed) {
        for part in Part::ALL {
            let Patched::Becomes(PersonalText::Clear(clear)) = sealed.part(*part) else { continue };
            let (field, text) = (part.field(), clear.text());
            match part {
                Part::Names => self.names(text),
                Part::Address => self.address(text),
                Part::Needs => self.needs(text),
                Part::BirthDate => self.found(field, identity::birth_date_fault(text, occurred)),
                Part::Telephone => self.line(field, text, identity::telephone_fault),
                Part::Email => self.line(field, text, identity::email_fault),
                Part::Nino => self.found(field, identity::nino_fault(text)),
                Part::NhsNumber => self.found(field, identity::nhs_number_fault(text)),
                Part::Upn => self.found(field, identity::upn_fault(text)),
            }
        }
    }

    fn names(&mut self, text: &str) {
        let Some(names) = self.read::<Names>("names", text) else { return };
        let one = |name: &Option<String>| name.as_ref().is_some_and(|name| !name.trim().is_empty());
        if !one(&names.given) && !one(&names.family) {
            self.missing("names.given", "a person has a given name or a family name: give one of them");
            return;
        }
        for (field, name) in [("names.given", &names.given), ("names.family", &names.family)] {
            if let Some(name) = name {
                self.text(field, name, NAME_MAX);
            }
        }
        self.texts("names.other", &names.other);
    }

    fn address(&mut self, text: &str) {
        let Some(address) = self.read::<Address>("address", text) else { return };
        if address == Address::default() {
            self.missing("address.lines", "the address is empty: give a line, a postcode or a UPRN");
        }
        self.texts("address.lines", &address.lines);
        if let Some(postcode) = &address.postcode {
            self.text("address.postcode", postcode, 10);
        }
        if let Some(uprn) = &address.uprn {
            self.found("address.uprn", identity::uprn_fault(uprn));
        }
    }

    fn needs(&mut self, text: &str) {
        if let Some(needs) = self.read::<Vec<String>>("needs", text) {
            if needs.is_empty() {
                self.missing("needs", "the list is empty: give a need, or null if there is none any more");
            }
            self.texts("needs", &needs);
        }
    }

    fn texts(&mut self, path: &str, texts: &[String]) {
        self.at_most(path, texts.len(), LIST_MAX);
        for (index, text) in texts.iter().take(LIST_MAX).enumerate() {
            self.text(&format!("{path}.{index}"), text, NAME_MAX);
        }
    }

    /// A part that consists of several values. What cannot be read is never repeated.
    fn read<T: DeserializeOwned>(&mut self, field: &str, text: &str) -> Option<T> {
        let read = serde_json::from_str(text).ok();
        if read.is_none() {
            self.refuse(
                Refusal::new(RefusalCode::InvalidValue, "this part cannot be read: give its fields by name").at(field),
            );
        }
        read
    }

    /// A part of one line that has no length of its own.
    fn line(&mut self, field: &str, text: &str, fault: fn(&str) -> Option<&'static str>) {
        if self.text(field, text, NAME_MAX) {
            self.found(field, fault(text));
        }
    }

    fn found(&mut self, field: &str, fault: Option<&'static str>) {
        if let Some(fault) = fault {
            self.invalid(field, fault);
        }
    }
}
