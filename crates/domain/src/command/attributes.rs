//! Checks the attributes of a spell: the names and values that the rulebook in force on the day of the fact lists for
//! the spell's domain, and those that it requires from the start.
//!
//! Pure. If the rulebook does not list a domain, its spells may have any attribute.

use std::collections::BTreeMap;

use super::Given;
use crate::command::validate::Validator;
use crate::contract::outcome::is_value;
use crate::contract::rulebook::{AttributeRule, Rulebook, shown_value};
use crate::fact::History;
use crate::fact::envelope::{Occurred, SpellId};
use crate::fact::event::{Attribute, Event};
use crate::fact::path::{Nth, Under};
use crate::fact::refusal::{Refusal, RefusalCode as Code};

/// The attributes that the rulebook lists for a domain.
struct Listed<'a> {
    rulebook: &'a Rulebook,
    domain: &'a str,
    attributes: &'a BTreeMap<String, AttributeRule>,
}

/// Refuses attributes of a spell that the rulebook does not list, and a start without an attribute that the rulebook
/// requires.
pub(super) fn check(validator: &mut Validator, history: &History, occurred: Occurred, fact: &Event, given: &Given<'_>) {
    let (domain, said, is_start) = match fact {
        Event::SpellStarted(start) => (Some(start.domain.as_str()), &start.attributes, true),
        Event::SpellChanged(change) => (domain_of(history, change.spell), &change.attributes, false),
        _ => return,
    };
    let rulebook = given.contract.rulebook_in_force(occurred.earliest());
    let (Some(domain), Some(rulebook)) = (domain, rulebook) else { return };
    let Some(attributes) = rulebook.attributes.of(domain) else { return };
    let listed = Listed { rulebook, domain, attributes };
    for (nth, (name, value)) in said.iter().enumerate() {
        if let Some(refusal) = listed.refusal(nth, name, value) {
            validator.refuse(refusal);
        }
    }
    if is_start {
        listed.lacking(said).for_each(|refusal| validator.refuse(refusal));
    }
}

/// The domain of a spell of the case, with corrections applied.
fn domain_of(history: &History, spell: SpellId) -> Option<&str> {
    history.facts().into_iter().find_map(|fact| match fact.event {
        Event::SpellStarted(start) if start.spell == spell => Some(start.domain.as_str()),
        _ => None,
    })
}

impl Listed<'_> {
    fn refusal(&self, nth: usize, name: &str, value: &Attribute) -> Option<Refusal> {
        let Self { rulebook, domain, attributes } = self;
        let Some(rule) = attributes.get(name) else {
            let message = format!(
                "the rulebook {} has no attribute {name:?} for spells of {domain}: {}",
                rulebook.version,
                if attributes.is_empty() { "leave it out" } else { "use one of the allowed attributes" }
            );
            let refusal = Refusal::new(Code::UnknownCode, message).at(Nth("attributes", nth));
            return Some(refusal.by(format!("attributes.{domain}")).allowing(attributes.keys()));
        };
        let values = rule.values.as_ref()?;
        if values.iter().any(|listed| is_value(value, listed)) {
            return None;
        }
        let version = &rulebook.version;
        let said = value.to_string();
        let message =
            format!("the rulebook {version} does not list {said:?} for {name}: use one of the allowed values");
        let refusal = Refusal::new(Code::UnknownCode, message);
        let allowed = values.iter().map(shown_value);
        Some(refusal.at(Under("attributes", name)).by(format!("attributes.{domain}.{name}")).allowing(allowed))
    }

    /// A refusal for each required attribute that is missing.
    fn lacking<'s>(&'s self, said: &'s BTreeMap<String, Attribute>) -> impl Iterator<Item = Refusal> + 's {
        let required = self.attributes.iter().filter(|(name, rule)| rule.required && !said.contains_key(*name));
        required.map(|(name, rule)| {
            let message = format!(
                "a spell of {} must have the attribute {name} from its start (rulebook {}): add it",
                self.domain, self.rulebook.version
            );
            let refusal = Refusal::new(Code::MissingValue, message).at("attributes");
            let allowed = rule.values.iter().flatten().map(shown_value);
            refusal.by(format!("attributes.{}.{name}", self.domain)).allowing(allowed)
        })
    }
}
