//! Reads the forms of a fact: the `trigger` of an outcome and the `when` of a stage.

use super::super::reader::Section;
use super::Trigger;

/// The fact that a table names. A table with several facts is refused by the grammar.
pub(in super::super) fn trigger(form: &Section<'_>) -> Option<Trigger> {
    if form.has("spell") {
        let filters = form.entries("where");
        let attributes = filters.iter().map(|filter| (filter.key.to_owned(), filter.values())).collect();
        Some(Trigger::Spell { domains: form.texts("spell"), attributes })
    } else if form.has("achievement") {
        Some(Trigger::Achievement { codes: form.texts("achievement"), levels: form.texts("level") })
    } else if form.has("plan") {
        Some(Trigger::Plan { kinds: form.texts("plan") })
    } else if form.has("engagement") {
        Some(Trigger::Engagement { bases: form.texts("engagement") })
    } else {
        let measure = form.section("measure")?;
        Some(Trigger::Measure { code: measure.text("code")?, at_least: measure.decimal("at_least")? })
    }
}
