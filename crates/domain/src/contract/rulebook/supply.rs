//! Supply: which facts a service area supplies, and from when.
//!
//! Pure. A figure that needs facts that are not supplied has no data: it is never 0. An area of which a rulebook says
//! nothing supplies everything.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::grammar::supply::SUPPLIED;
use super::measure::case_value::CaseValue;
use super::measure::{FactKind, Facts, Formula, Work, Workforce};
use super::outcome::{AchievedBy, Trigger};
use super::reader::{Report, Section};
use super::terms::{Standard, StandardFrom};
use super::{Rulebook, StageWhen};

/// A kind of facts that an area may supply or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SuppliedFacts {
    /// Contacts, missed appointments and sessions.
    Contacts,
    /// Plans and their reviews.
    Plans,
    /// Spells.
    Spells,
    /// Achievements.
    Achievements,
    /// Values recorded for cases.
    Measures,
    /// Assessments with a score.
    Assessments,
    /// Risks.
    Risks,
    /// Tasks.
    Tasks,
    /// Closes, transfers and disengagements.
    Exits,
}

/// What an area supplies, and over which days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supply {
    /// The area, by code.
    pub area: String,
    /// The kinds of facts.
    pub facts: Vec<SuppliedFacts>,
    /// The first and the last day, both included, where there is one. None if they are never supplied.
    pub days: Option<(Option<NaiveDate>, Option<NaiveDate>)>,
}

/// On which of some days facts are supplied. The greater one is the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Supplied {
    /// On all of them.
    Always,
    /// On some of them.
    Partly,
    /// On none of them.
    Never,
}

impl Supply {
    /// The days of supply within others, both ends included.
    fn within(&self, (first, last): (NaiveDate, NaiveDate)) -> Option<(NaiveDate, NaiveDate)> {
        let (from, until) = self.days?;
        let (from, until) = (from.unwrap_or(first).max(first), until.unwrap_or(last).min(last));
        (from <= until).then_some((from, until))
    }

    /// The supply in a sentence.
    pub(super) fn in_words(&self) -> String {
        let is_named = |one: &SuppliedFacts| SUPPLIED.iter().find(|word| word.value == *one).map(|word| word.text);
        let facts = self.facts.iter().filter_map(is_named).collect::<Vec<_>>().join(", ");
        let area = &self.area;
        match self.days {
            None => format!("The area {area} never supplies {facts}: its figures of these have no data."),
            Some((from, until)) => {
                let from = from.map(|day| format!(" from {day}")).unwrap_or_default();
                let until = until.map(|day| format!(" until {day}")).unwrap_or_default();
                format!("The area {area} supplies {facts}{from}{until}: its figures of other days have no data.")
            }
        }
    }
}

impl Rulebook {
    /// On which of some days, both ends included, an area supplies a kind of facts.
    pub fn supplied(&self, area: &str, facts: SuppliedFacts, days: (NaiveDate, NaiveDate)) -> Supplied {
        let declared: Vec<&Supply> =
            self.supply.iter().filter(|one| one.area == area && one.facts.contains(&facts)).collect();
        if declared.is_empty() {
            return Supplied::Always;
        }
        let mut ranges: Vec<(NaiveDate, NaiveDate)> = declared.iter().filter_map(|one| one.within(days)).collect();
        ranges.sort_unstable();
        // The first day that is not covered by the ranges so far.
        let mut open = Some(days.0);
        for (from, until) in &ranges {
            if let Some(day) = open
                && *from <= day
                && day <= *until
            {
                open = until.succ_opt();
            }
        }
        match open {
            _ if ranges.is_empty() => Supplied::Never,
            Some(day) if day <= days.1 => Supplied::Partly,
            _ => Supplied::Always,
        }
    }

    /// The kinds of facts that a formula needs. A ratio needs those of its parts.
    pub fn needs(&self, formula: &Formula) -> BTreeSet<SuppliedFacts> {
        match formula {
            Formula::Count(facts) | Formula::Sum(facts) => self.needs_of(facts),
            Formula::OfCases(of) => self.needs_of_value(&of.value),
            Formula::Share(share) => self.needs_of_value(&share.value),
            Formula::Work(Work::TasksDue | Work::TasksOverdue) => [SuppliedFacts::Tasks].into(),
            Formula::Work(Work::AwaitingPlan) => [SuppliedFacts::Plans].into(),
            Formula::Work(Work::ObligationsOverdue) => self.standards.iter().flat_map(needs_of_standard).collect(),
            Formula::Workforce(Workforce::Seen { .. }) => [SuppliedFacts::Contacts].into(),
            Formula::OfContract(_)
            | Formula::Caseload
            | Formula::CaseloadThroughout
            | Formula::Wte
            | Formula::Workforce(_)
            | Formula::Supervision(_)
            | Formula::Ratio { .. } => BTreeSet::new(),
        }
    }

    fn needs_of_value(&self, value: &CaseValue) -> BTreeSet<SuppliedFacts> {
        let mut needs = self.needs_of(value.deciding());
        if let CaseValue::Days { to: other, .. } | CaseValue::Quotient { of: other, .. } = value {
            needs.extend(self.needs_of(other));
        }
        needs
    }

    fn needs_of(&self, facts: &Facts) -> BTreeSet<SuppliedFacts> {
        let is_asked = |code: &str| facts.codes.is_empty() || facts.codes.iter().any(|one| one == code);
        let of_kind = |kind: &FactKind| -> Vec<SuppliedFacts> {
            match kind {
                FactKind::Stages => {
                    let stages = self.stages.iter().filter(|stage| is_asked(&stage.code));
                    stages.flat_map(|stage| self.needs_of_stage(&stage.when)).collect()
                }
                FactKind::Achieved => {
                    let outcomes = self.outcomes.iter().filter(|outcome| is_asked(&outcome.code));
                    outcomes.filter_map(|outcome| needs_of_outcome(&outcome.achieved_by)).collect()
                }
                FactKind::Due | FactKind::InTime => {
                    let standards = self.standards.iter().filter(|standard| is_asked(&standard.code));
                    standards.flat_map(needs_of_standard).collect()
                }
                other => plain(*other).into_iter().collect(),
            }
        };
        facts.kinds.iter().flat_map(of_kind).collect()
    }

    fn needs_of_stage(&self, when: &StageWhen) -> Vec<SuppliedFacts> {
        match when {
            StageWhen::Fact(trigger) => needs_of_trigger(trigger).into_iter().collect(),
            StageWhen::Referral(_) => Vec::new(),
            StageWhen::Outcome { codes } => {
                let outcomes = codes.iter().filter_map(|code| self.outcome(code));
                outcomes.filter_map(|outcome| needs_of_outcome(&outcome.achieved_by)).collect()
            }
        }
    }
}

/// The facts of a kind that is no stage, outcome or obligation. None if they come with the referral.
const fn plain(kind: FactKind) -> Option<SuppliedFacts> {
    Some(match kind {
        FactKind::FaceToFace
        | FactKind::Remote
        | FactKind::Missed
        | FactKind::SessionsOffered
        | FactKind::SessionsAttended => SuppliedFacts::Contacts,
        FactKind::Plans | FactKind::Reviews => SuppliedFacts::Plans,
        FactKind::Starts | FactKind::Ends => SuppliedFacts::Spells,
        FactKind::Achievements => SuppliedFacts::Achievements,
        FactKind::Recorded => SuppliedFacts::Measures,
        FactKind::Assessments => SuppliedFacts::Assessments,
        FactKind::Risks => SuppliedFacts::Risks,
        FactKind::TasksSet | FactKind::TasksDone => SuppliedFacts::Tasks,
        FactKind::Exits | FactKind::Disengaged => SuppliedFacts::Exits,
        FactKind::Declined
        | FactKind::Withdrawn
        | FactKind::Stages
        | FactKind::Achieved
        | FactKind::Due
        | FactKind::InTime => return None,
    })
}

const fn needs_of_trigger(trigger: &Trigger) -> Option<SuppliedFacts> {
    match trigger {
        Trigger::Spell { .. } => Some(SuppliedFacts::Spells),
        Trigger::Achievement { .. } => Some(SuppliedFacts::Achievements),
        Trigger::Plan { .. } => Some(SuppliedFacts::Plans),
        Trigger::Measure { .. } => Some(SuppliedFacts::Measures),
        Trigger::Engagement { .. } => None,
    }
}

fn needs_of_outcome(achieved_by: &AchievedBy) -> Option<SuppliedFacts> {
    match achieved_by {
        AchievedBy::Journey(terms) => needs_of_trigger(&terms.trigger),
        AchievedBy::Many(_) => None,
    }
}

fn needs_of_standard(standard: &Standard) -> Vec<SuppliedFacts> {
    let met_by = &standard.met_by;
    let from = match &standard.from {
        StandardFrom::ReferralReceived | StandardFrom::ReferralAccepted => None,
        StandardFrom::MissedContact => Some(SuppliedFacts::Contacts),
        StandardFrom::PlanAgreed | StandardFrom::LastReview => Some(SuppliedFacts::Plans),
        StandardFrom::SpellStarted(_) => Some(SuppliedFacts::Spells),
    };
    let contacts = (met_by.contacts > 0 || met_by.attempt).then_some(SuppliedFacts::Contacts);
    let plans = met_by.plan.as_ref().or(met_by.review.as_ref()).map(|_| SuppliedFacts::Plans);
    let tasks = met_by.task.as_ref().map(|_| SuppliedFacts::Tasks);
    [from, contacts, plans, tasks].into_iter().flatten().collect()
}

/// Reads `[[supply]]`.
pub(super) fn supply(top: &Section<'_>, report: &mut Report<'_>) -> Vec<Supply> {
    let read = |section: &Section<'_>, report: &mut Report<'_>| {
        let (from, until) = (section.date("from"), section.date("until"));
        if let (Some(from), Some(until)) = (from, until)
            && until < from
        {
            let remedy = "write an until that is not before from";
            report.add(
                section.place_of("until"),
                Some(&section.path_of("until")),
                "the supply ends before it begins",
                remedy,
            );
        }
        let facts = section.texts("facts");
        let facts = facts.iter().filter_map(|fact| SUPPLIED.iter().find(|word| word.text == *fact));
        let is_never = section.flag("never") == Some(true);
        if section.has("never") && !is_never {
            let remedy = "leave out never, or write never = true";
            report.add(section.place_of("never"), Some(&section.path_of("never")), "this says nothing", remedy);
        }
        Some(Supply {
            area: section.text("area")?,
            facts: facts.map(|word| word.value).collect(),
            days: (!is_never).then_some((from, until)),
        })
    };
    top.sections("supply").iter().filter_map(|section| read(section, report)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::explain;
    use super::super::measure::measure;
    use super::super::tests::{WHOLE, faults, rulebook};
    use super::*;
    use crate::world::day;

    fn with(supply: &str) -> String {
        format!("{WHOLE}[[supply]]\narea = \"tower-hamlets\"\nfacts = [\"contacts\", \"plans\"]\n{supply}\n")
    }

    fn supplied(text: &str, facts: SuppliedFacts, first: &str, last: &str) -> Supplied {
        rulebook(text).supplied("tower-hamlets", facts, (day(first), day(last)))
    }

    #[test]
    fn facts_are_supplied_on_the_days_of_a_section_both_ends_included() {
        let text = with("from = 2021-05-01\nuntil = 2021-05-31");
        let of = |first, last| supplied(&text, SuppliedFacts::Plans, first, last);
        assert_eq!(of("2021-05-01", "2021-05-31"), Supplied::Always);
        assert_eq!(of("2021-04-30", "2021-05-31"), Supplied::Partly);
        assert_eq!(of("2021-05-01", "2021-06-01"), Supplied::Partly);
        assert_eq!(of("2021-04-01", "2021-06-30"), Supplied::Partly);
        assert_eq!(of("2021-04-01", "2021-04-30"), Supplied::Never);
        assert_eq!(of("2021-06-01", "2021-06-01"), Supplied::Never);
        assert_eq!(supplied(&text, SuppliedFacts::Spells, "2021-04-01", "2021-04-30"), Supplied::Always);
        assert_eq!(
            rulebook(&text).supplied("hackney", SuppliedFacts::Plans, (day("2021-04-01"), day("2021-04-02"))),
            Supplied::Always
        );
    }

    #[test]
    fn sections_about_the_same_facts_are_added_up() {
        let again = "[[supply]]\narea = \"tower-hamlets\"\nfacts = [\"plans\"]\nfrom = 2021-06-01\n";
        let text = format!("{}{again}", with("until = 2021-05-31"));
        assert_eq!(supplied(&text, SuppliedFacts::Plans, "2021-04-01", "2022-04-01"), Supplied::Always);
        assert_eq!(supplied(&text, SuppliedFacts::Contacts, "2021-04-01", "2022-04-01"), Supplied::Partly);
        let gap = text.replace("from = 2021-06-01", "from = 2021-06-02");
        assert_eq!(supplied(&gap, SuppliedFacts::Plans, "2021-05-31", "2021-06-02"), Supplied::Partly);
        assert_eq!(supplied(&gap, SuppliedFacts::Plans, "2021-06-01", "2021-06-01"), Supplied::Never);
        assert_eq!(supplied(&with("never = true"), SuppliedFacts::Plans, "2021-04-01", "2099-01-01"), Supplied::Never);
    }

    #[test]
    fn a_measure_needs_the_facts_that_it_is_made_of() {
        let read = rulebook(WHOLE);
        let needs = |code: &str| {
            let found = measure(&read, code).unwrap_or_else(|| panic!("no {code}"));
            read.needs(&found.formula).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(needs("referral"), []);
        assert_eq!(needs("plan"), [SuppliedFacts::Plans], "the stage is reached by a plan");
        assert_eq!(needs("job_started"), [SuppliedFacts::Spells]);
        assert_eq!(needs("contacts"), [SuppliedFacts::Contacts]);
        assert_eq!(needs("awaiting_plan"), [SuppliedFacts::Plans]);
        assert_eq!(needs("caseload"), []);
        assert_eq!(needs("declined"), [], "a decline comes with the referral");
        assert_eq!(needs("exits"), [SuppliedFacts::Exits]);
    }

    #[test]
    fn a_supply_is_explained_and_its_faults_name_line_and_remedy() {
        let read = rulebook(&with("from = 2021-05-01"));
        let sentence = "The area tower-hamlets supplies contacts, plans from 2021-05-01: its figures of other days have no \
                        data.";
        assert!(explain::of(&read).iter().any(|one| one == sentence), "{:#?}", explain::of(&read));
        assert_eq!(rulebook(WHOLE).sections_that_differ(&read), ["supply"]);
        let lines = WHOLE.lines().count();
        for (supply, at, fault) in [
            (
                "from = 2021-05-01\nuntil = 2021-04-30",
                5,
                "supply.until: the supply ends before it begins; write an until that is not before from",
            ),
            (
                "",
                1,
                "supply: it does not say from when or until when; write from = 2018-04-01, until = 2018-09-30, or never \
                 = true",
            ),
        ] {
            assert_eq!(faults(&with(supply)), [format!("line {}: {fault}", lines + at)]);
        }
    }
}
