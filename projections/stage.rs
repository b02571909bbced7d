//! Stages: for each step of the rulebook's funnel, the date of the first fact that reached it.
//!
//! A board counts a case once per stage, in the month of that date.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use serde_json::Value as Json;

use super::{CaseFacts, Rows, Value, table};
use throughline_domain::contract::outcome::first_achieved;
use throughline_domain::contract::rulebook::outcome::Trigger;
use throughline_domain::contract::rulebook::{CountsWhen, StageWhen};
use throughline_domain::fact::Fact;
use throughline_domain::fact::envelope::Occurred;
use throughline_domain::fact::event::{AchievementRecorded, Attribute, EngagementStarted, MeasureRecorded};
use throughline_domain::journey::Spell;

table!("stage", key 2, [
    "journey": Uuid, "stage": Text, "contract": Text, "area": Text, "ordinal": Int, "reached_on": Date, "month": Date,
    "counts_from": Date,
]);

/// A stage that a case reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReachedStage<'a> {
    /// Its place in the rulebook, from 0.
    pub ordinal: i64,
    /// Its code.
    pub code: &'a str,
    /// The date of the first fact that reached it.
    pub occurred: Occurred,
}

/// The stages that a case reached, in the order of the rulebook.
pub fn all_reached<'a>(case: &CaseFacts<'a>, facts: &[Fact<'_>]) -> Vec<ReachedStage<'a>> {
    let rulebook = case.rulebook;
    let stages = (0_i64..).zip(&rulebook.stages).filter_map(|(ordinal, stage)| {
        let occurred = reached(case, facts, &stage.when)?;
        Some(ReachedStage { ordinal, code: &stage.code, occurred })
    });
    stages.collect()
}

/// When a case reached a stage, if it did. For an outcome: when it is or will be achieved, if current spells continue.
pub fn reached(case: &CaseFacts<'_>, facts: &[Fact<'_>], when: &StageWhen) -> Option<Occurred> {
    let journey = case.journey;
    match when {
        StageWhen::Referral(CountsWhen::Received) => Some(case.received),
        StageWhen::Referral(CountsWhen::Accepted) => journey.accepted.as_ref().map(|accepted| accepted.occurred),
        StageWhen::Fact(Trigger::Plan { kinds }) => {
            first(journey.plans.iter().filter(|plan| kinds.contains(&plan.kind)).map(|plan| plan.occurred))
        }
        StageWhen::Fact(Trigger::Spell { domains, attributes }) => {
            let spells = journey.spells.iter().filter(|spell| domains.contains(&spell.details.domain));
            first(spells.filter_map(|spell| fits_from(spell, attributes)))
        }
        StageWhen::Fact(Trigger::Achievement { codes, levels }) => {
            let at_level = |level: Option<&String>| levels.is_empty() || level.is_some_and(|one| levels.contains(one));
            let fits =
                |details: &AchievementRecorded| codes.contains(&details.code) && at_level(details.level.as_ref());
            first(journey.achievements.iter().filter(|entry| fits(&entry.details)).map(|entry| entry.occurred))
        }
        StageWhen::Fact(Trigger::Engagement { bases }) => {
            let fits = |details: &EngagementStarted| bases.is_empty() || bases.contains(&details.basis);
            first(journey.engagements.iter().filter(|entry| fits(&entry.details)).map(|entry| entry.occurred))
        }
        StageWhen::Fact(Trigger::Measure { code, at_least }) => {
            let fits = |details: &MeasureRecorded| details.code == *code && details.value.0 >= *at_least;
            first(journey.measures.iter().filter(|entry| fits(&entry.details)).map(|entry| entry.occurred))
        }
        StageWhen::Outcome { codes } => {
            let achieved = codes.iter().filter_map(|code| first_achieved(facts, case.rulebook, code));
            first(achieved.map(Occurred::on))
        }
    }
}

fn first(facts: impl Iterator<Item = Occurred>) -> Option<Occurred> {
    facts.min_by_key(Occurred::earliest)
}

/// The date from which a spell has one of the listed values for each of these attributes: its start, or the first
/// change that made it match while it lasted.
fn fits_from(spell: &Spell, wanted: &BTreeMap<String, Vec<Json>>) -> Option<Occurred> {
    let later = |occurred: &Occurred| occurred.earliest() > spell.started.earliest();
    let changes = spell.changes.iter().map(|change| change.occurred).filter(later);
    let mut days = std::iter::once(spell.started).chain(changes);
    days.find(|occurred| {
        let has = spell.attributes_on(occurred.earliest());
        wanted.iter().all(|(name, values)| {
            has.get(name).is_some_and(|attribute| values.iter().any(|value| equals(attribute, value)))
        })
    })
}

/// Whether the value of a spell's attribute matches a value in a rulebook.
fn equals(attribute: &Attribute, value: &Json) -> bool {
    match (attribute, value) {
        (Attribute::Flag(flag), Json::Bool(value)) => flag == value,
        (Attribute::Text(text), Json::String(value)) => text == value,
        (Attribute::Quantity(quantity), Json::Number(value)) => value.to_string() == quantity.to_string(),
        _ => false,
    }
}

/// The month of a day, as its first day.
pub fn month_of(day: NaiveDate) -> NaiveDate {
    day.with_day(1).expect("every month has a first day")
}

/// The rows of a case: one for each stage that it reached.
pub fn rows(case: &CaseFacts<'_>, stages: &[ReachedStage<'_>], rows: &mut Rows) {
    for ReachedStage { ordinal, code, occurred } in stages {
        rows.add(
            &TABLE,
            [
                Value::Uuid(case.id.0),
                Value::text(code),
                Value::text(case.contract),
                Value::text(&case.referral.area),
                Value::Int(*ordinal),
                Value::Date(occurred.earliest()),
                Value::Date(month_of(occurred.earliest())),
                Value::Date(case.counts_from(*occurred)),
            ],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::contract::Rulebook;
    use throughline_domain::contract::rulebook::packs::pack;
    use throughline_domain::fact::event::{SpellChanged, SpellEnded};
    use throughline_domain::world::{
        HOME, JOURNEY, World, accepted, achieved, changed, engaged, home, measured, state, when,
    };

    fn reached_in(story: &World, rulebook: &Rulebook, stage: &str) -> Option<Occurred> {
        let journey = story.case().journey();
        let case = CaseFacts::of(JOURNEY, &rulebook.contract, &journey, rulebook).expect("it was referred");
        let stage = rulebook.stages.iter().find(|one| one.code == stage).expect("a stage of the pack");
        reached(&case, &story.case().facts(), &stage.when)
    }

    fn pack_of(contract: &str) -> Rulebook {
        Rulebook::parse(pack(contract).expect("a built-in pack").text).expect("the rulebook is valid")
    }

    #[test]
    fn therapy_starts_with_any_engagement_and_is_completed_by_its_achievement() {
        let rules = pack_of("mst-essex");
        let completed = AchievementRecorded { code: "therapy_completed".to_owned(), level: None };
        let mut story = accepted().and(&state("2018-01-20", engaged())).and(&state("2018-02-10", achieved()));
        assert_eq!(reached_in(&story, &rules, "therapy_started"), Some(when("2018-01-20")));
        assert_eq!(reached_in(&story, &rules, "therapy_completed"), None, "a qualification is a different achievement");
        story.record(when("2018-02-20"), completed.into());
        assert_eq!(reached_in(&story, &rules, "therapy_completed"), Some(when("2018-02-20")));
    }

    #[test]
    fn a_level_a_basis_or_a_least_value_narrows_what_reaches_a_stage() {
        let story = accepted()
            .and(&state("2018-01-20", engaged()))
            .and(&state("2018-01-31", measured()))
            .and(&state("2018-02-10", achieved()));
        let (rules, journey) = (pack_of("shps"), story.case().journey());
        let case = CaseFacts::of(JOURNEY, "shps", &journey, &rules).expect("it was referred");
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let engagement =
            |bases: &[&str]| reached(&case, &[], &StageWhen::Fact(Trigger::Engagement { bases: names(bases) }));
        assert_eq!([engagement(&["second_meeting"]), engagement(&["letter"])], [Some(when("2018-01-20")), None]);
        let achievement = |levels: &[&str]| {
            reached(
                &case,
                &[],
                &StageWhen::Fact(Trigger::Achievement { codes: names(&["qualification"]), levels: names(levels) }),
            )
        };
        assert_eq!([achievement(&["1", "2"]), achievement(&["3"])], [Some(when("2018-02-10")), None]);
        let measure = |at_least: i64| {
            reached(
                &case,
                &[],
                &StageWhen::Fact(Trigger::Measure { code: "attendance".to_owned(), at_least: at_least.into() }),
            )
        };
        assert_eq!([measure(92), measure(93)], [Some(when("2018-01-31")), None]);
    }

    #[test]
    fn a_spell_reaches_its_stage_on_the_day_that_it_first_matches() {
        let rules = pack_of("shps");
        let secured = |story: &World| reached_in(story, &rules, "housing_secured");
        let story = accepted().and(&state("2018-01-20", home(HOME)));
        assert_eq!(secured(&story), None);
        let kept = story.and(&state("2018-02-10", changed(HOME)));
        assert_eq!(secured(&kept), Some(when("2018-02-10")));
        let lost = [("secured_as".to_owned(), Attribute::Text("lost".to_owned()))].into();
        let later = SpellChanged { attributes: lost, ..changed(HOME) };
        assert_eq!(secured(&kept.and(&state("2018-02-20", later))), Some(when("2018-02-10")), "it was reached");
        let month = accepted().and(&state("2018-02-10", home(HOME))).and(&state("2018-02", changed(HOME)));
        assert_eq!(secured(&month), Some(when("2018-02-10")), "a change known by its month counts from the start");
    }

    #[test]
    fn an_outcome_reaches_its_stage_on_the_day_it_is_achieved_if_spells_continue() {
        let text = pack("shps").expect("a built-in pack").text;
        let stage = "[[stage]]\ncode = \"sustained\"\nlabel = \"Sustained\"\nwhen = { outcome = [\"kept_30_days\"] }\n\
             [[outcome]]\ncode = \"kept_30_days\"\ntitle = \"30 days\"\ntrigger = { spell = [\"accommodation\"] }\n\
             sustain = { days = 30, continuity = \"none\", combine = \"employers\" }\n";
        let rules = Rulebook::parse(&format!("{text}\n{stage}")).expect("the rulebook is valid");
        let sustained = |story: &World| reached_in(story, &rules, "sustained");
        assert_eq!(sustained(&accepted()), None);
        let story = || accepted().and(&state("2018-01-20", home(HOME)));
        assert_eq!(sustained(&story()), Some(when("2018-02-19")), "it continues");
        let ended = |on| story().and(&state(on, SpellEnded { spell: HOME, reason: None, note: None }));
        assert_eq!(sustained(&ended("2018-02-18")), None, "it ended before");
        assert_eq!(sustained(&ended("2018-02-19")), Some(when("2018-02-19")));
    }
}
