//! Reads `[[stage]]`, the funnel.

use super::attributes::{Attributes, check_trigger};
use super::grammar::contract::COUNTS_WHEN;
use super::outcome::parse as outcome;
use super::outcome::trigger::trigger;
use super::reader::{Report, Section};
use super::{Stage, StageWhen};

pub(super) fn stages(top: &Section<'_>, attributes: &Attributes, report: &mut Report<'_>) -> Vec<Stage> {
    let over_many = outcome::codes_over_many(top);
    let mut stages: Vec<Stage> = Vec::new();
    for section in top.sections("stage") {
        let when = section.section("when").and_then(|when| stage_when(&when, &over_many, report));
        if let Some(StageWhen::Fact(trigger)) = &when {
            check_trigger(trigger, attributes, &section, report);
        }
        let Some(code) = section.text("code") else { continue };
        if stages.iter().any(|earlier| earlier.code == code) {
            let problem = format!("the stage {code:?} is already defined above");
            report.add(section.place_of("code"), Some(&section.path_of("code")), problem, "give it another code");
        }
        if let (Some(label), Some(when)) = (section.text("label"), when) {
            stages.push(Stage { code, label, when });
        }
    }
    stages
}

fn stage_when(when: &Section<'_>, over_many: &[String], report: &mut Report<'_>) -> Option<StageWhen> {
    if when.has("referral") {
        return when.word("referral", &COUNTS_WHEN).map(StageWhen::Referral);
    }
    if !when.has("outcome") {
        return trigger(when).map(StageWhen::Fact);
    }
    for (code, at) in when.placed_texts("outcome") {
        if over_many.contains(&code) {
            let problem = format!("the outcome {code:?} is about many cases together, so no single case reaches it");
            report.add(at, Some(&when.path_of("outcome")), problem, "name an outcome without scope");
        }
    }
    Some(StageWhen::Outcome { codes: when.texts("outcome") })
}
