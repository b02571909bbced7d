//! What the service areas of a group do not supply: their figures have no data, and a figure over several areas says
//! which of them are missing.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::groups::Member;
use super::{Formula, Measure, Wanted};
use crate::access::InScope;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::contract::rulebook::supply::{Supplied, SuppliedFacts};
use throughline_domain::performance::measure::{Work, Workforce};
use throughline_domain::performance::period::Period;

/// The supply of facts, for one question.
pub(super) struct Supplies<'s> {
    pub(super) rulebook: &'s Rulebook,
    pub(super) scope: InScope<'s>,
    pub(super) as_of: NaiveDate,
}

/// What the areas of a group do not supply.
#[derive(Debug, Default)]
pub(super) struct Lacking {
    /// The areas that do not supply what a figure needs on some day, by code.
    pub(super) areas: Vec<String>,
    /// Whether no area of the group supplies it on any day.
    pub(super) is_all: bool,
}

impl Supplies<'_> {
    /// What the areas of a group do not supply of the facts that a measure needs in a period.
    pub(super) fn lacking(
        &self,
        (measure, wanted): (&Measure, &Wanted),
        members: &[Member],
        period: &Period,
    ) -> Lacking {
        let days = self.days(&measure.formula, period);
        let (Some(days), false) = (days, self.rulebook.supply.is_empty()) else { return Lacking::default() };
        let needs = self.needs(measure, wanted);
        let (areas, are_known) = self.areas(members);
        let supplied = |area: &&String| needs.iter().map(|facts| self.rulebook.supplied(area, *facts, days)).max();
        let states: Vec<(&String, Supplied)> =
            areas.iter().map(|area| (area, supplied(&area).unwrap_or(Supplied::Always))).collect();
        let is_all = are_known && !states.is_empty() && states.iter().all(|(_, one)| *one == Supplied::Never);
        let missing = states.into_iter().filter(|(_, one)| *one != Supplied::Always);
        Lacking { areas: missing.map(|(area, _)| area.clone()).collect(), is_all }
    }

    /// The facts that a measure needs, those of both parts of a ratio.
    fn needs(&self, measure: &Measure, wanted: &Wanted) -> BTreeSet<SuppliedFacts> {
        match &measure.formula {
            Formula::Ratio { of, over, .. } => {
                let parts = [of, over].into_iter().filter_map(|code| wanted.get(code));
                parts.flat_map(|part| self.rulebook.needs(&part.formula)).collect()
            }
            formula => self.rulebook.needs(formula),
        }
    }

    /// The areas of a group, and whether these are all of them: a rulebook may list none.
    fn areas(&self, members: &[Member]) -> (Vec<String>, bool) {
        let own = members.iter().find_map(|member| match member {
            Member::Area(code) => Some(code.clone()),
            _ => None,
        });
        if let Some(own) = own {
            return (vec![own], true);
        }
        let listed = self.rulebook.codes.listed(CodeList::Areas);
        let declared = self.rulebook.supply.iter().map(|one| one.area.clone()).collect::<BTreeSet<String>>();
        let areas = listed.map_or_else(|| declared.into_iter().collect(), <[String]>::to_vec);
        (areas.into_iter().filter(|area| self.scope.has_area(area)).collect(), listed.is_some())
    }

    /// The days on which a measure needs its facts: those of the period up to the as-of date, or the last of them. None
    /// if it has not begun.
    fn days(&self, formula: &Formula, period: &Period) -> Option<(NaiveDate, NaiveDate)> {
        let (first, last) = (period.first(), period.last().min(self.as_of));
        let is_at_the_end = matches!(
            formula,
            Formula::Workforce(Workforce::Seen { .. })
                | Formula::Work(Work::TasksOverdue | Work::ObligationsOverdue | Work::AwaitingPlan)
        );
        (first <= last).then_some((if is_at_the_end { last } else { first }, last))
    }
}
