//! Spells as mutations take them: jobs, homes, placements and courses that begin, change and end.

use super::named::SpellAttributeInput;
use super::reading::{Means as _, Reading, States};
use crate::graphql::scalars::{Decimal, Id};
use throughline_domain::fact::event::Event;

identified_facts! {
    /// A job, home, placement or course that begins.
    SpellFact | SpellPatch => SpellStarted,
    /// The spell's own id, which a correction keeps.
    spell: SpellId {
        /// What it is a spell of: a code of the rulebook, such as `accommodation`.
        domain: String,
        /// The employer or landlord, by a pseudonym.
        employer_ref: Option<String>,
        /// Hours of work a week, as a decimal such as `16.5`.
        hours_per_week: Option<Decimal>,
        /// What else is known of it.
        #[graphql(default)]
        attributes: Vec<SpellAttributeInput>,
    }
}

facts! {
    /// What is known of a spell otherwise from this day on; what is left out stays as it was.
    SpellChangeFact | SpellChangePatch => SpellChanged {
        /// Which spell.
        spell: Id,
        /// Hours of work a week from here on.
        hours_per_week: Option<Decimal>,
        /// The attributes that change, each with its new value.
        #[graphql(default)]
        attributes: Vec<SpellAttributeInput>,
    }
    /// A spell that no longer holds; its date is the first day on which it did not.
    SpellEndFact | SpellEndPatch => SpellEnded {
        /// Which spell.
        spell: Id,
        /// Why.
        reason: Option<String>,
    }
}

inputs! {
    /// A job, home, placement or course began.
    StartSpellInput {
        /// Which journey.
        journey: Id,
        /// The spell's own id; left out, one is made.
        spell: Option<Id>,
        /// The spell.
        #[graphql(flatten)]
        fact: SpellFact,
    }
    /// Hours or attributes of a spell are otherwise from this day on.
    ChangeSpellInput {
        /// Which journey.
        journey: Id,
        /// Which spell, and what changes.
        #[graphql(flatten)]
        fact: SpellChangeFact,
    }
    /// A spell no longer holds: `occurredOn` is the first day on which it did not.
    EndSpellInput {
        /// Which journey.
        journey: Id,
        /// Which spell, and why.
        #[graphql(flatten)]
        fact: SpellEndFact,
    }
}
