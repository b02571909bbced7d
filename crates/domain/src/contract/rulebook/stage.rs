//! The grammar of the funnel: `[[stage]]` and what its `when` names beyond the facts of outcomes.
//!
//! It never accepts a form that this build cannot evaluate.

use super::attributes::{Attributes, check_trigger};
use super::outcome::parse as outcome;
use super::outcome::trigger::{self, FORMS, fact, form};
use super::parse::{COUNTS_WHEN, check_outcome};
use super::reader::{Report, Section};
use super::{Codes, Stage, StageWhen};

pub(super) fn stages(
    top: &Section<'_>,
    (codes, attributes): (&Codes, &Attributes),
    outcomes: &[String],
    report: &mut Report<'_>,
) -> Vec<Stage> {
    let over_many = outcome::codes_over_many(top);
    let mut stages: Vec<Stage> = Vec::new();
    for section in top.sections("stage", report) {
        section.only(&["code", "label", "when"], report);
        let code = section.required("code", "\"job_started\"", report);
        let code = code.and_then(|item| Some((item.text(report)?, item)));
        let label = section.required("label", "\"Job started\"", report).and_then(|item| item.text(report));
        let when = when(&section, codes, (outcomes, &over_many), report);
        if let Some(StageWhen::Fact(trigger)) = &when {
            check_trigger(trigger, attributes, &section, report);
        }
        if let Some((code, item)) = &code
            && stages.iter().any(|earlier| earlier.code == *code)
        {
            report.add(
                item.at.clone(),
                Some(&item.path),
                format!("a stage {code:?} stands above already"),
                "give it another code",
            );
        }
        if let (Some((code, _)), Some(label), Some(when)) = (code, label, when) {
            stages.push(Stage { code, label, when });
        }
    }
    stages
}

fn when(
    stage: &Section<'_>,
    codes: &Codes,
    (outcomes, over_many): (&[String], &[String]),
    report: &mut Report<'_>,
) -> Option<StageWhen> {
    let item = stage.required("when", "{ plan = [\"employment_plan\"] }", report)?;
    let forms: Vec<_> = FORMS.into_iter().chain(["referral", "outcome"]).collect();
    let (form, when) = form(&item, &forms, "stage", report)?;
    match form {
        "referral" => {
            let item = when.optional("referral", "\"received\"")?;
            item.one_of(&COUNTS_WHEN, report).map(StageWhen::Referral)
        }
        "outcome" => {
            let item = when.optional("outcome", "[\"job_13w\"]")?;
            let named = item.some_texts(report)?;
            for code in &named {
                check_outcome(outcomes, code, &item.path, report);
                if over_many.contains(&code.0) {
                    let problem =
                        format!("the outcome {:?} is about many journeys together, and none reaches it alone", code.0);
                    report.add(code.1.clone(), Some(&item.path), problem, "name an outcome without scope");
                }
            }
            Some(StageWhen::Outcome { codes: trigger::texts(named) })
        }
        form => fact(form, &when, codes, report).map(StageWhen::Fact),
    }
}
