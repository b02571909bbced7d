//! The groups of figures: the members of each dimension, and the tallies of each group.
//!
//! A member that the rulebook lists has a row even if it counts nothing. Workers and teams have rows where there are
//! facts of theirs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::super::board::Group;
use super::super::period::bound;
use super::cases::Valued;
use super::tallies::workforce::is_of_staff;
use super::tallies::{Loaded, Span, TalliesOf, Tally};
use super::{Dimension, Wanted};
use crate::access::InScope;
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::case_attribute::CaseAttribute;
use throughline_domain::contract::rulebook::{CodeList, Labels};
use throughline_domain::fact::envelope::{TeamId, WorkerId};
use throughline_domain::performance::case_value::Worth;
use throughline_domain::performance::measure::{FactKind, Facts, Formula, Measure, OfCases, Share};
use throughline_domain::performance::workforce::About;
use throughline_projections::case_profile;

static LABELS: Sql = Sql::new(include_str!("labels.sql"));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&LABELS];

/// One member of a dimension. The order is that of rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Member {
    /// A service area, by code.
    Area(String),
    /// A cohort, by code. Empty for cases without one.
    Cohort(String),
    /// A kind of referrer, by code. Empty for cases without one.
    Referrer(String),
    /// A keyworker, by label and id.
    Keyworker(String, WorkerId),
    /// A team, by label and id.
    Team(String, TeamId),
    /// Keyworkers without a team.
    NoTeam,
    /// Cases without a keyworker.
    Unassigned,
    /// A code of facts.
    Code(String),
    /// A value of an attribute of cases.
    Attribute(AttributeValue),
}

/// A value of an attribute of cases.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeValue {
    /// The code of the attribute.
    pub attribute: String,
    /// The value. Empty if it is not known.
    pub value: String,
    /// Its label on boards.
    pub label: String,
}

impl Member {
    /// The label of the row on a board.
    pub fn label(&self, labels: &Labels) -> String {
        match self {
            Self::Area(code) => Group::Area(code.clone()).label(),
            Self::Cohort(code) if code.is_empty() => "No cohort".to_owned(),
            Self::Referrer(code) if code.is_empty() => "No referrer".to_owned(),
            Self::Cohort(code) | Self::Referrer(code) | Self::Code(code) => labels.of(code),
            Self::Keyworker(label, _) | Self::Team(label, _) | Self::Attribute(AttributeValue { label, .. }) => {
                label.clone()
            }
            Self::NoTeam => Group::NoTeam.label(),
            Self::Unassigned => Group::Unassigned.label(),
        }
    }
}

impl Member {
    /// The value of an attribute of cases, if it is one.
    pub const fn attribute_value(&self) -> Option<&AttributeValue> {
        match self {
            Self::Attribute(of) => Some(of),
            _ => None,
        }
    }
}

/// The tallies of each group.
type ByMembers = HashMap<Vec<Member>, Vec<Tally>>;

/// The values of cases of each group.
type CasesByMembers = HashMap<Vec<Member>, Vec<Valued>>;

/// A worker's label, and the teams they are in.
#[derive(Debug, Default)]
struct Named {
    label: String,
    teams: Vec<(String, TeamId)>,
}

/// The groups of one question.
#[derive(Debug)]
pub(super) struct Groups<'g> {
    rulebook: &'g Rulebook,
    scope: InScope<'g>,
    by: Vec<Dimension>,
    workers: BTreeMap<WorkerId, Named>,
    tallies: HashMap<TalliesOf, ByMembers>,
    /// The values of cases, by the code of the measure and the period.
    cases: HashMap<(String, Span), CasesByMembers>,
    /// The groups of the workers with a full-time equivalent.
    of_workers: BTreeSet<Vec<Member>>,
    /// The groups that each measure of workers and teams says something about.
    of_staff: Vec<(Formula, BTreeSet<Vec<Member>>)>,
    /// The values of each profile, as the view stores profiles. Only of those that were read.
    profiles: BTreeMap<String, BTreeMap<String, String>>,
    /// The names of teams that are in a group for their own sake, and not for that of a worker.
    teams: BTreeMap<TeamId, String>,
}

columns! {
    struct LabelRow {
        worker: Uuid,
        label: String,
        team: Option<Uuid>,
        team_label: Option<String>,
    }
}

impl<'g> Groups<'g> {
    /// The groups of what was read.
    pub(super) async fn of(
        (generation, scope): (&Generation, InScope<'g>),
        rulebook: &'g Rulebook,
        (by, wanted): (&[Dimension], &Wanted),
        loaded: &mut Loaded,
        as_of: NaiveDate,
    ) -> Result<Self, StoreError> {
        let of_staff: Vec<&Formula> =
            wanted.iter().map(|measure| &measure.formula).filter(|formula| is_of_staff(formula)).collect();
        let about: Vec<(&Formula, BTreeSet<About>)> =
            of_staff.into_iter().map(|formula| (formula, loaded.staff.about(formula))).collect();
        let workers = if by.iter().any(|by| matches!(by, Dimension::Keyworker | Dimension::Team)) {
            let mut ids = workers(loaded);
            ids.extend(about.iter().flat_map(|(_, about)| about).filter_map(worker_of));
            named(generation, &ids, as_of).await?
        } else {
            BTreeMap::new()
        };
        let (of_workers, teams, profiles) = (BTreeSet::new(), loaded.staff.teams.clone(), profiles(loaded));
        let (by, tallies, cases, of_staff) = (by.to_vec(), HashMap::new(), HashMap::new(), Vec::new());
        let mut groups = Self { rulebook, scope, by, workers, tallies, cases, of_workers, of_staff, profiles, teams };
        if groups.are_of_workers() {
            groups.of_workers = loaded.workers().flat_map(|worker| groups.members_of_worker(worker)).collect();
            let members = |about: &BTreeSet<About>| about.iter().flat_map(|one| groups.members_about(*one)).collect();
            groups.of_staff = about.iter().map(|(formula, about)| ((*formula).clone(), members(about))).collect();
        }
        for (of, tallies) in std::mem::take(&mut loaded.tallies) {
            let mut by_members = ByMembers::new();
            for tally in tallies {
                let members = groups.members_of(&tally);
                put(&mut by_members, members, tally);
            }
            for tallies in by_members.values_mut() {
                tallies.sort_by_key(|tally| tally.month);
            }
            groups.tallies.insert(of, by_members);
        }
        for (of, cases) in std::mem::take(&mut loaded.cases) {
            let mut by_members = CasesByMembers::new();
            for case in cases {
                let members = groups.members_of(&case.of);
                put(&mut by_members, members, case);
            }
            groups.cases.insert(of, by_members);
        }
        Ok(groups)
    }

    /// The groups that a tally counts in: one, or one for each team of the keyworker.
    fn members_of(&self, tally: &Tally) -> Vec<Vec<Member>> {
        product(self.by.iter().map(|by| self.member_of(tally, by)))
    }

    /// The groups that a worker is in.
    fn members_of_worker(&self, worker: WorkerId) -> Vec<Vec<Member>> {
        let is_team = |by: &Dimension| *by == Dimension::Team;
        product(self.by.iter().map(|by| if is_team(by) { self.teams(worker) } else { vec![self.keyworker(worker)] }))
    }

    /// The groups that a worker, a team or a cover is in. A team is in no group of keyworkers.
    fn members_about(&self, about: About) -> Vec<Vec<Member>> {
        let of_team = |team: TeamId| Member::Team(self.teams.get(&team).cloned().unwrap_or_default(), team);
        product(self.by.iter().map(|by| match (by, about) {
            (Dimension::Team, About::Worker(worker)) => self.teams(worker),
            (Dimension::Team, About::Team(team) | About::Covered(team, _)) => vec![of_team(team)],
            (Dimension::Keyworker, About::Worker(worker) | About::Covered(_, worker)) => vec![self.keyworker(worker)],
            _ => Vec::new(),
        }))
    }

    fn member_of(&self, tally: &Tally, by: &Dimension) -> Vec<Member> {
        match by {
            Dimension::Area => vec![Member::Area(tally.area.clone())],
            Dimension::Cohort => vec![Member::Cohort(tally.cohort.clone())],
            Dimension::Referrer => vec![Member::Referrer(tally.referrer.clone())],
            Dimension::Code => vec![Member::Code(tally.code.clone())],
            Dimension::Month => Vec::new(),
            Dimension::Attribute(code) => vec![self.attribute(code, self.value_in(&tally.profile, code))],
            Dimension::Keyworker => match tally.keyworker {
                Some(worker) => vec![self.keyworker(worker)],
                None => vec![Member::Unassigned],
            },
            Dimension::Team => match tally.keyworker {
                Some(worker) => self.teams(worker),
                None => vec![Member::Unassigned],
            },
        }
    }

    /// The value of an attribute in a profile. Empty if it is not known.
    fn value_in(&self, profile: &str, attribute: &str) -> &str {
        let value = self.profiles.get(profile).and_then(|values| values.get(attribute));
        value.map(String::as_str).unwrap_or_default()
    }

    fn attribute(&self, code: &str, value: &str) -> Member {
        let attribute = self.rulebook.case_attribute(code);
        let label = attribute.map_or_else(|| value.to_owned(), |one| one.label(value, &self.rulebook.labels));
        Member::Attribute(AttributeValue { attribute: code.to_owned(), value: value.to_owned(), label })
    }

    /// The profiles of cases in a group, if it is by attributes of cases.
    pub(super) fn profiles_of(&self, members: &[Member]) -> Vec<String> {
        let of_group: Vec<&AttributeValue> = members.iter().filter_map(Member::attribute_value).collect();
        let is_in = |profile: &&String| of_group.iter().all(|of| self.value_in(profile, &of.attribute) == of.value);
        if of_group.is_empty() { Vec::new() } else { self.profiles.keys().filter(is_in).cloned().collect() }
    }

    fn keyworker(&self, worker: WorkerId) -> Member {
        let label = self.workers.get(&worker).map(|named| named.label.clone()).unwrap_or_default();
        Member::Keyworker(label, worker)
    }

    fn teams(&self, worker: WorkerId) -> Vec<Member> {
        let teams = self.workers.get(&worker).map(|named| named.teams.as_slice()).unwrap_or_default();
        if teams.is_empty() {
            return vec![Member::NoTeam];
        }
        teams.iter().map(|(label, team)| Member::Team(label.clone(), *team)).collect()
    }

    /// The values that the cases of a group have in a period.
    pub(super) fn worths(&self, measure: &Measure, span: &Span, members: &[Member]) -> Vec<Worth> {
        let cases = self.cases.get(&(measure.code.clone(), *span)).and_then(|by_members| by_members.get(members));
        cases.into_iter().flatten().map(|case| case.worth).collect()
    }

    /// The tallies of a group, in the order of their months.
    pub(super) fn tallies(&self, of: &TalliesOf, members: &[Member]) -> &[Tally] {
        self.tallies.get(of).and_then(|by_members| by_members.get(members)).map_or(&[], Vec::as_slice)
    }

    /// The dimensions of the groups.
    pub(super) fn by(&self) -> &[Dimension] {
        &self.by
    }

    /// Whether the caller sees the whole contract, and not only some service areas.
    pub(super) fn are_whole(&self) -> bool {
        self.scope.areas().is_none()
    }

    /// Whether the full-time equivalents of workers have these dimensions.
    pub(super) fn are_of_workers(&self) -> bool {
        self.by.iter().all(|by| matches!(by, Dimension::Keyworker | Dimension::Team))
    }

    /// Whether a worker is in a group.
    pub(super) fn hold_worker(&self, members: &[Member], worker: WorkerId) -> bool {
        members.iter().all(|member| match member {
            Member::Keyworker(_, id) => *id == worker,
            Member::Team(..) | Member::NoTeam => self.teams(worker).contains(member),
            _ => false,
        })
    }

    /// Whether a worker, a team or a cover is in a group.
    pub(super) fn hold(&self, members: &[Member], about: About) -> bool {
        members.iter().all(|member| match (member, about) {
            (Member::Keyworker(_, id), About::Worker(worker) | About::Covered(_, worker)) => *id == worker,
            (Member::Team(_, id), About::Team(team) | About::Covered(team, _)) => *id == team,
            (Member::Team(..) | Member::NoTeam, About::Worker(worker)) => self.teams(worker).contains(member),
            _ => false,
        })
    }

    /// The workers of a group, if it is that of a team.
    pub(super) fn workers_of(&self, members: &[Member]) -> Vec<WorkerId> {
        let team = members.iter().find(|member| matches!(member, Member::Team(..) | Member::NoTeam));
        let Some(team) = team else { return Vec::new() };
        let is_in = |named: &Named| match team {
            Member::Team(_, id) => named.teams.iter().any(|(_, team)| team == id),
            _ => named.teams.is_empty(),
        };
        self.workers.iter().filter(|(_, named)| is_in(named)).map(|(worker, _)| *worker).collect()
    }

    /// The groups of the rows of a measure, in order.
    pub(super) fn rows(&self, measure: &Measure, wanted: &Wanted) -> Vec<Vec<Member>> {
        let of_cases = self.cases.values().flat_map(HashMap::keys);
        let of_staff = self.of_staff.iter().flat_map(|(_, groups)| groups);
        let of_tallies = self.tallies.values().flat_map(HashMap::keys);
        let found: BTreeSet<&Vec<Member>> =
            of_tallies.chain(of_cases).chain(&self.of_workers).chain(of_staff).collect();
        if self.by.len() > 1 && self.by.iter().any(|by| matches!(by, Dimension::Keyworker | Dimension::Team)) {
            let counted = found.into_iter().filter(|members| self.is_counted(members, measure, wanted));
            return counted.cloned().collect();
        }
        let counted: Vec<&&Vec<Member>> =
            found.iter().filter(|members| self.is_counted(members, measure, wanted)).collect();
        product(self.by.iter().enumerate().map(|(at, by)| {
            let mut members = self.listed(by, measure, wanted);
            let others: BTreeSet<&Member> =
                counted.iter().map(|one| &one[at]).filter(|member| !members.contains(member)).collect();
            let others: Vec<Member> = others.into_iter().cloned().collect();
            members.extend(others);
            if let Dimension::Attribute(code) = by {
                let unknown = self.attribute(code, "");
                members.retain(|member| *member != unknown);
                members.push(unknown);
            }
            members
        }))
    }

    /// Whether a group has a fact that a measure counts.
    fn is_counted(&self, members: &[Member], measure: &Measure, wanted: &Wanted) -> bool {
        if self.of_workers.contains(members) && needs(measure, wanted, &Formula::Wte) {
            return true;
        }
        let parts: &[&String] = match &measure.formula {
            Formula::Ratio { of, over, .. } => &[of, over],
            _ => &[&measure.code],
        };
        let of_measure = self.cases.iter().filter(|((code, _), _)| parts.contains(&code));
        if of_measure.map(|(_, by_members)| by_members).any(|by_members| by_members.contains_key(members)) {
            return true;
        }
        if measure.formula.case_value().is_some() {
            return false;
        }
        let of_staff = self.of_staff.iter().filter(|(_, groups)| groups.contains(members));
        if of_staff.into_iter().any(|(formula, _)| needs(measure, wanted, formula)) {
            return true;
        }
        let facts = facts_of(measure, wanted);
        self.tallies.iter().any(|(of, by_members)| {
            let is_counted = |tally: &Tally| match tally.kind {
                Some(_) => facts.iter().any(|facts| tally.is_one_of(facts)),
                None => of.formula().is_some_and(|formula| needs(measure, wanted, &formula)),
            };
            by_members.get(members).is_some_and(|tallies| tallies.iter().any(is_counted))
        })
    }

    /// The members that the rulebook lists, in its order, and that of cases without a keyworker.
    fn listed(&self, by: &Dimension, measure: &Measure, wanted: &Wanted) -> Vec<Member> {
        let codes = |list: CodeList| self.rulebook.codes.listed(list).unwrap_or_default().iter().cloned();
        match by {
            Dimension::Area => {
                codes(CodeList::Areas).filter(|area| self.scope.has_area(area)).map(Member::Area).collect()
            }
            Dimension::Cohort => codes(CodeList::Cohorts).map(Member::Cohort).collect(),
            Dimension::Referrer => codes(CodeList::ReferrerKinds).map(Member::Referrer).collect(),
            Dimension::Code if facts_of(measure, wanted).iter().any(|facts| !facts.codes.is_empty()) => {
                let codes = facts_of(measure, wanted).into_iter().flat_map(|facts| &facts.codes).cloned();
                let codes: BTreeSet<Member> = codes.map(Member::Code).collect();
                codes.into_iter().collect()
            }
            Dimension::Code => {
                let kinds = facts_of(measure, wanted).into_iter().flat_map(|facts| &facts.kinds);
                let lists: BTreeSet<CodeList> = kinds.filter_map(|kind| FactKind::codes(*kind)).collect();
                lists.into_iter().flat_map(codes).map(Member::Code).collect()
            }
            Dimension::Attribute(code) => {
                let values = self.rulebook.case_attribute(code).into_iter().flat_map(CaseAttribute::listed);
                values.map(|value| self.attribute(code, value)).collect()
            }
            Dimension::Keyworker | Dimension::Team | Dimension::Month => Vec::new(),
        }
    }
}

/// Puts one into each of its groups. It is copied only if there are several.
fn put<T: Clone>(into: &mut HashMap<Vec<Member>, Vec<T>>, mut groups: Vec<Vec<Member>>, one: T) {
    let Some(last) = groups.pop() else { return };
    for group in groups {
        into.entry(group).or_default().push(one.clone());
    }
    into.entry(last).or_default().push(one);
}

/// Each combination of one of the first, one of the second, and so on, in order.
fn product(dimensions: impl Iterator<Item = Vec<Member>>) -> Vec<Vec<Member>> {
    dimensions.fold(vec![Vec::new()], |rows, members| {
        let longer = |row: &Vec<Member>, member: &Member| row.iter().chain([member]).cloned().collect();
        rows.iter().flat_map(|row| members.iter().map(move |member| longer(row, member))).collect()
    })
}

/// The facts that a measure counts, or those above and below in a ratio.
fn facts_of<'w>(measure: &'w Measure, wanted: &'w Wanted) -> Vec<&'w Facts> {
    match &measure.formula {
        Formula::Count(facts) | Formula::Sum(facts) => vec![facts],
        Formula::OfCases(OfCases { value, .. }) | Formula::Share(Share { value, .. }) => vec![value.deciding()],
        Formula::Ratio { of, over, .. } => {
            let parts = [of, over].into_iter().filter_map(|code| wanted.get(code));
            parts.filter(|part| **part != *measure).flat_map(|part| facts_of(part, wanted)).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a measure has this formula, or is a ratio of one that has it.
fn needs(measure: &Measure, wanted: &Wanted, formula: &Formula) -> bool {
    match &measure.formula {
        Formula::Ratio { of, over, .. } => {
            [of, over].into_iter().filter_map(|code| wanted.get(code)).any(|part| part.formula == *formula)
        }
        own => own == formula,
    }
}

/// The worker whom a number is about, if it is one.
fn worker_of(about: &About) -> Option<WorkerId> {
    match about {
        About::Worker(worker) | About::Covered(_, worker) => Some(*worker),
        About::Team(_) => None,
    }
}

/// The values of every profile that was read.
fn profiles(loaded: &Loaded) -> BTreeMap<String, BTreeMap<String, String>> {
    let of_facts = loaded.tallies.iter().flat_map(|(_, tallies)| tallies);
    let of_values = loaded.cases.iter().flat_map(|(_, cases)| cases).map(|case| &case.of);
    let read: BTreeSet<&String> = of_facts.chain(of_values).map(|tally| &tally.profile).collect();
    read.into_iter().map(|profile| (profile.clone(), case_profile::read(profile))).collect()
}

fn workers(loaded: &Loaded) -> BTreeSet<WorkerId> {
    let of_cases = loaded.tallies.iter().flat_map(|(_, tallies)| tallies).filter_map(|tally| tally.keyworker);
    let of_values = loaded.cases.iter().flat_map(|(_, cases)| cases).filter_map(|case| case.of.keyworker);
    of_cases.chain(of_values).chain(loaded.workers()).collect()
}

/// The labels and teams of some workers.
async fn named(
    generation: &Generation,
    workers: &BTreeSet<WorkerId>,
    as_of: NaiveDate,
) -> Result<BTreeMap<WorkerId, Named>, StoreError> {
    let ids = json!(workers).to_string();
    let sql = LABELS.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<LabelRow>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(&ids).bind(bound(as_of)).fetch_all(pool).await
    });
    let mut named: BTreeMap<WorkerId, Named> = BTreeMap::new();
    for LabelRow { worker, label, team, team_label } in found.map_err(doing("read the labels of workers"))? {
        let one = named.entry(WorkerId(worker)).or_default();
        one.label = label;
        one.teams.extend(team_label.zip(team.map(TeamId)));
    }
    Ok(named)
}
