//! What the parties of a contract agreed, aimed at, said and decided, as clients read it.

use async_graphql::{Enum, ID, Result, SimpleObject};

use super::event::OccurredOn;
use super::journey::Step;
use super::journey::work::{DayPeriod, Measure};
use super::known;
use super::scalars::{Date, Decimal};
use throughline_domain::contract::register;
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::contract::{Contract, Rulebook, kpi};
use throughline_domain::fact::Entry;
use throughline_domain::fact::event;

/// Somebody bound by a contract.
#[derive(Debug, Clone, SimpleObject)]
pub struct Party {
    /// The organisation.
    name: String,
    /// What it is in this contract: commissioner, provider, investor …
    role: Option<String>,
}

impl From<&event::Party> for Party {
    fn from(party: &event::Party) -> Self {
        Self { name: party.name.clone(), role: party.role.clone() }
    }
}

/// Terms that were agreed since the contract began.
#[derive(Debug, Clone, SimpleObject)]
pub struct Variation {
    /// When they were agreed, and why.
    agreed: Step,
    /// What people call it from then on, if that changed.
    name: Option<String>,
    /// Who is bound by it from then on, if that changed.
    parties: Option<Vec<Party>>,
    /// The last day of the contract from then on, if that changed.
    ends_on: Option<Date>,
}

impl From<&Entry<event::ContractVaried>> for Variation {
    fn from(entry: &Entry<event::ContractVaried>) -> Self {
        let varied = &entry.details;
        Self {
            agreed: Step::why(entry, Some(&varied.reason)),
            name: varied.name.clone(),
            parties: varied.parties.as_ref().map(|parties| parties.iter().map(Into::into).collect()),
            ends_on: varied.ends_on.map(Date),
        }
    }
}

/// Which targets are asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct TargetsAsked {
    /// Only this profile's.
    pub(super) profile: Option<String>,
    /// Only those of this measure.
    pub(super) measure: Option<String>,
    /// Only those of this area.
    pub(super) area: Option<String>,
}

/// A version of the targets of one profile: the one in force.
#[derive(Debug, Clone, SimpleObject)]
pub struct Targets {
    /// The profile, such as `contract`, `business_plan` or `minimum_service`.
    profile: String,
    /// Which version of the profile it is, from 1 in the order of publication.
    version: i32,
    /// When it was published.
    published: Step,
    /// The series, one for each measure and area.
    series: Vec<TargetSeries>,
}

impl Targets {
    /// What is asked for of the versions in force, in the order of their publication.
    pub(super) fn in_force(
        contract: &Contract,
        dealings: &register::Dealings,
        asked: &TargetsAsked,
    ) -> Result<Vec<Self>> {
        asked.check(contract, dealings)?;
        let is = |asked: &Option<String>, one: Option<&str>| asked.as_deref().is_none_or(|asked| one == Some(asked));
        let fits = |series: &&event::TargetSeries| {
            is(&asked.measure, Some(&series.measure)) && is(&asked.area, series.area.as_deref())
        };
        let wanted = dealings.targets_in_force().filter(|targets| is(&asked.profile, Some(targets.profile())));
        let shown = wanted.map(|targets| Self {
            profile: targets.profile().to_owned(),
            version: i32::try_from(targets.version).unwrap_or(i32::MAX),
            published: Step::of(&targets.published),
            series: targets.published.details.series.iter().filter(fits).map(Into::into).collect(),
        });
        Ok(shown.collect())
    }
}

impl TargetsAsked {
    /// Refuses what no version of the rules knows and no targets name.
    fn check(&self, contract: &Contract, dealings: &register::Dealings) -> Result<()> {
        let published = || dealings.targets_in_force();
        let series = || published().flat_map(|targets| &targets.published.details.series);
        let Self { profile, measure, area } = self;
        if let Some(profile) = profile.as_deref().filter(|asked| !published().any(|of| of.profile() == *asked)) {
            let profiles = |rules: &Rulebook| Some(rules.profiles.clone()).filter(|profiles| !profiles.is_empty());
            known::code([contract], ("profile", Some(profile)), profiles)?;
        }
        if let Some(measure) = measure.as_deref().filter(|asked| !series().any(|of| of.measure == *asked)) {
            known::code([contract], ("measure", Some(measure)), aims)?;
        }
        match area.as_deref().filter(|asked| !series().any(|of| of.area.as_deref() == Some(asked))) {
            Some(area) => known::area([contract], Some(area)),
            None => Ok(()),
        }
    }
}

/// What targets may be of; none where any measure may be meant.
fn aims(rules: &Rulebook) -> Option<Vec<String>> {
    let mut aims = known::listed(rules, CodeList::MeasureCodes)?;
    aims.extend(rules.stages.iter().map(|stage| stage.code.clone()));
    aims.extend(rules.outcomes.iter().map(|outcome| outcome.code.clone()));
    aims.extend(rules.standards.iter().map(|standard| standard.code.clone()));
    Some(aims)
}

/// What was measured of the whole contract, oldest first.
pub(super) fn measures(contract: &Contract, dealings: &register::Dealings, code: Option<&str>) -> Result<Vec<Measure>> {
    let measured = || dealings.measures.iter().filter(|found| code.is_none_or(|code| found.details.code == code));
    if measured().next().is_none() {
        known::code([contract], ("measure", code), |rules| known::listed(rules, CodeList::MeasureCodes))?;
    }
    Ok(measured().map(Into::into).collect())
}

impl KpiAssessment {
    /// How well indicators were met, oldest first.
    pub(super) fn found(contract: &Contract, dealings: &register::Dealings, kpi: Option<&str>) -> Result<Vec<Self>> {
        let found = || dealings.assessments.iter().filter(|one| kpi.is_none_or(|kpi| one.details.kpi == kpi));
        if found().next().is_none() {
            known::code([contract], ("indicator", kpi), kpi::indicators)?;
        }
        Ok(found().map(Into::into).collect())
    }
}

impl Commentary {
    /// What was said of a report and exactly a period, oldest first.
    pub(super) fn said(
        dealings: &register::Dealings,
        report: Option<&str>,
        period: Option<event::Period>,
    ) -> Result<Vec<Self>> {
        known::days("the days of the period", period.map(|days| days.first), period.map(|days| days.last))?;
        let said = dealings.commentary.iter().filter(|said| {
            report.is_none_or(|report| said.details.report == report)
                && period.is_none_or(|period| said.details.period == period)
        });
        Ok(said.map(Into::into).collect())
    }
}

/// The targets of one measure, month by month.
#[derive(Debug, Clone, SimpleObject)]
pub struct TargetSeries {
    /// What is counted: a stage or measure of the rulebook, by code.
    measure: String,
    /// The service area; none for the whole contract.
    area: Option<String>,
    /// The target of each month, in order.
    months: Vec<MonthTarget>,
}

/// The target of one month.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct MonthTarget {
    /// The month, by its first day.
    month: Date,
    /// The target.
    target: Decimal,
}

impl From<&event::TargetSeries> for TargetSeries {
    fn from(series: &event::TargetSeries) -> Self {
        let month = |(month, target): (&chrono::NaiveDate, &event::Quantity)| MonthTarget {
            month: Date(*month),
            target: Decimal(target.0),
        };
        Self {
            measure: series.measure.clone(),
            area: series.area.clone(),
            months: series.months.iter().map(month).collect(),
        }
    }
}

/// What somebody said of a figure or a period, for a report.
#[derive(Debug, Clone, SimpleObject)]
pub struct Commentary {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// When it was said.
    occurred: OccurredOn,
    /// The report it is for, by code.
    report: String,
    /// The period it speaks of.
    period: DayPeriod,
    /// The section of the report.
    section: String,
    /// The commentary.
    text: String,
}

impl From<&Entry<event::CommentaryRecorded>> for Commentary {
    fn from(entry: &Entry<event::CommentaryRecorded>) -> Self {
        let said = &entry.details;
        Self {
            event: ID(entry.event_id.to_string()),
            occurred: entry.occurred.into(),
            report: said.report.clone(),
            period: said.period.into(),
            section: said.section.clone(),
            text: said.text.clone(),
        }
    }
}

/// A period whose figures are settled. Nothing is locked by it: what is dated in it warns (`PERIOD_CLOSED`) and is counted by
/// boards that are read later.
#[derive(Debug, Clone, SimpleObject)]
pub struct ClosedPeriod {
    /// The period.
    period: DayPeriod,
    /// When it was closed.
    closed: Step,
}

impl From<&Entry<event::PeriodClosed>> for ClosedPeriod {
    fn from(entry: &Entry<event::PeriodClosed>) -> Self {
        Self { period: entry.details.period.into(), closed: Step::of(entry) }
    }
}

/// A report that was handed in.
#[derive(Debug, Clone, SimpleObject)]
pub struct ReportSubmission {
    /// The report, by code.
    report: String,
    /// The period it is about.
    period: DayPeriod,
    /// When it was handed in.
    submitted: Step,
}

impl From<&Entry<event::ReportSubmitted>> for ReportSubmission {
    fn from(entry: &Entry<event::ReportSubmitted>) -> Self {
        let submitted = Step::of(entry);
        Self { report: entry.details.report.clone(), period: entry.details.period.into(), submitted }
    }
}

/// How well a key performance indicator was met, as the parties settled it.
#[derive(Debug, Clone, SimpleObject)]
pub struct KpiAssessment {
    /// The indicator, by code.
    kpi: String,
    /// The period.
    period: DayPeriod,
    /// The value that was found; none where there was nothing to measure.
    value: Option<Decimal>,
    /// The grade, by code.
    grade: String,
    /// When it was settled.
    assessed: Step,
}

impl From<&Entry<event::KpiAssessed>> for KpiAssessment {
    fn from(entry: &Entry<event::KpiAssessed>) -> Self {
        let found = &entry.details;
        Self {
            kpi: found.kpi.clone(),
            period: found.period.into(),
            value: found.value.map(|value| Decimal(value.0)),
            grade: found.grade.clone(),
            assessed: Step::of(entry),
        }
    }
}

/// What kind of notice a commissioner gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::NoticeKind")]
pub enum NoticeKind {
    /// The provider is to say how it will improve.
    ImprovementPlan,
    /// The provider is to follow a plan under the commissioner's eye.
    PerformancePlan,
    /// Part of the payment is held back.
    Withholding,
    /// Referrals are sent elsewhere or stopped.
    ReferralChange,
    /// The contract is to end.
    Termination,
}

/// A formal notice of a commissioner.
#[derive(Debug, Clone, SimpleObject)]
pub struct ContractNotice {
    /// The notice's own id.
    id: ID,
    /// What kind of notice.
    kind: NoticeKind,
    /// When it was given, and why.
    issued: Step,
}

impl From<&Entry<event::NoticeIssued>> for ContractNotice {
    fn from(entry: &Entry<event::NoticeIssued>) -> Self {
        let given = &entry.details;
        Self {
            id: ID(given.notice.to_string()),
            kind: given.kind.into(),
            issued: Step::why(entry, Some(&given.reason)),
        }
    }
}

/// Something that the parties agreed to do.
#[derive(Debug, Clone, SimpleObject)]
pub struct ContractAction {
    /// The action's own id.
    id: ID,
    /// The notice it answers, if it answers one.
    notice: Option<ID>,
    /// What is to be done.
    text: String,
    /// Which party is to do it.
    owner: Option<String>,
    /// By when.
    due_on: Option<Date>,
    /// When it was agreed.
    agreed: Step,
    /// When it was done, if it was.
    completed: Option<Step>,
}

impl From<&register::Action> for ContractAction {
    fn from(action: &register::Action) -> Self {
        let agreed = &action.agreed.details;
        Self {
            id: ID(agreed.action.to_string()),
            notice: agreed.notice.map(|notice| ID(notice.to_string())),
            text: agreed.text.clone(),
            owner: agreed.owner.clone(),
            due_on: agreed.due_on.map(Date),
            agreed: Step::of(&action.agreed),
            completed: action.completed.as_ref().map(Step::of),
        }
    }
}

/// Two journeys that seemed to be paid for twice, and are not.
#[derive(Debug, Clone, SimpleObject)]
pub struct DoubleFundingDismissal {
    /// The class of outcomes.
    class: String,
    /// The journey of this contract.
    journey: ID,
    /// The other journey.
    other: ID,
    /// When it was dismissed, and why.
    dismissed: Step,
}

impl From<&Entry<event::DoubleFundingDismissed>> for DoubleFundingDismissal {
    fn from(entry: &Entry<event::DoubleFundingDismissed>) -> Self {
        let found = &entry.details;
        Self {
            class: found.class.clone(),
            journey: ID(found.journey.to_string()),
            other: ID(found.other.to_string()),
            dismissed: Step::why(entry, Some(&found.reason)),
        }
    }
}
