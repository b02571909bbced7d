//! The inputs of spells (jobs, homes, placements and courses): start, change and end.

use super::convert::{Conversion, IntoDomain as _, IntoFact};
use super::identity::NoteText;
use super::name_value::SpellAttributeInput;
use crate::graphql::scalars::{Decimal, Id};
use throughline_domain::fact::event::Event;

identified_facts! {
    /// A spell: a job, home, placement or course.
    SpellFact | SpellPatch => SpellStarted,
    /// The id of the spell. A correction keeps it.
    spell: SpellId {
        /// The domain of the spell: a code of the rulebook, such as `accommodation`.
        domain: String,
        /// The employer or landlord, as a pseudonym.
        employer_ref: Option<String>,
        /// The hours of work per week, as a decimal such as `16.5`.
        hours_per_week: Option<Decimal>,
        /// The attributes of the spell.
        #[graphql(default)]
        attributes: Vec<SpellAttributeInput>,
        /// A note, at most 10,000 characters. It is stored sealed.
        note: Option<NoteText>,
    }
}

facts! {
    /// The changes to a spell from this day. Values that are left out stay the same.
    SpellChangeFact | SpellChangePatch => SpellChanged {
        /// The id of the spell.
        spell: Id,
        /// The new hours of work per week.
        hours_per_week: Option<Decimal>,
        /// The attributes that change, each with its new value.
        #[graphql(default)]
        attributes: Vec<SpellAttributeInput>,
        /// A note, at most 10,000 characters. It is stored sealed.
        note: Option<NoteText>,
    }
    /// The end of a spell. Its date is the first day on which the spell no longer held.
    SpellEndFact | SpellEndPatch => SpellEnded {
        /// The id of the spell.
        spell: Id,
        /// The reason.
        reason: Option<String>,
        /// A note, at most 10,000 characters. It is stored sealed.
        note: Option<NoteText>,
    }
}

inputs! {
    /// Records the start of a spell: a job, home, placement or course.
    StartSpellInput {
        /// The id of the case.
        journey: Id,
        /// The id of the spell. Default: a new id.
        spell: Option<Id>,
        /// The spell.
        #[graphql(flatten)]
        fact: SpellFact,
    }
    /// Changes the hours or attributes of a spell from this day.
    ChangeSpellInput {
        /// The id of the case.
        journey: Id,
        /// The spell and its changes.
        #[graphql(flatten)]
        fact: SpellChangeFact,
    }
    /// Ends a spell. `occurredOn` is the first day on which it no longer held: the day after its last day.
    EndSpellInput {
        /// The id of the case.
        journey: Id,
        /// The spell and the reason.
        #[graphql(flatten)]
        fact: SpellEndFact,
    }
}
