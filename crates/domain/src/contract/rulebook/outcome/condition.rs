//! Reads `only_if`: all, any and not over facts that were fixed at referral or assessment.

use super::super::reader::Section;
use super::Condition;

pub(super) fn condition(section: &Section<'_>) -> Option<Condition> {
    let several = |key| section.sections(key).iter().filter_map(condition).collect();
    if section.has("all") {
        Some(Condition::All(several("all")))
    } else if section.has("any") {
        Some(Condition::Any(several("any")))
    } else if section.has("not") {
        Some(Condition::Not(Box::new(condition(&section.section("not")?)?)))
    } else {
        Some(Condition::Fact { name: section.text("fact")?, values: section.values("in") })
    }
}
