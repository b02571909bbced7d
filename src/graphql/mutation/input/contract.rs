//! Contracts as mutations take them: terms, rules, targets, and what is said and decided about them.

use std::collections::BTreeMap;

use async_graphql::InputObject;
use chrono::NaiveDate;

use super::DayPeriodInput;
use super::named::each_once;
use super::reading::{Means, Reading, States};
use crate::graphql::dealings::NoticeKind;
use crate::graphql::scalars::{Date, Decimal, Id};
use throughline_domain::fact::event::{self, Event, Quantity};

/// Somebody bound by a contract.
#[derive(Debug, Clone, InputObject)]
pub struct PartyInput {
    /// The organisation.
    pub name: String,
    /// What it is in this contract: commissioner, provider, investor …
    pub role: Option<String>,
}

impl Means<Vec<event::Party>> for Vec<PartyInput> {
    fn meant(self, _: &mut Reading) -> Vec<event::Party> {
        self.into_iter().map(|party| event::Party { name: party.name, role: party.role }).collect()
    }
}

/// The target of one month.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct MonthTargetInput {
    /// The month, by its first day.
    pub month: Date,
    /// The target, as a decimal such as `53.55`.
    pub target: Decimal,
}

impl Means<BTreeMap<NaiveDate, Quantity>> for Vec<MonthTargetInput> {
    fn meant(self, reading: &mut Reading) -> BTreeMap<NaiveDate, Quantity> {
        each_once(self.into_iter().map(|given| (given.month.0, Quantity(given.target.0))), "month", reading)
    }
}

/// The targets of one measure, month by month.
#[derive(Debug, Clone, InputObject)]
pub struct TargetSeriesInput {
    /// What is counted: a stage or measure of the rulebook, by code.
    pub measure: String,
    /// The service area; left out for the whole contract.
    pub area: Option<String>,
    /// The target of each month.
    pub months: Vec<MonthTargetInput>,
}

impl Means<Vec<event::TargetSeries>> for Vec<TargetSeriesInput> {
    fn meant(self, reading: &mut Reading) -> Vec<event::TargetSeries> {
        let series = |(index, given): (usize, TargetSeriesInput)| event::TargetSeries {
            measure: given.measure,
            area: given.area,
            months: reading.entry(index, |reading| reading.field("months", |reading| given.months.meant(reading))),
        };
        self.into_iter().enumerate().map(series).collect()
    }
}

impl Means<event::NoticeKind> for NoticeKind {
    fn meant(self, _: &mut Reading) -> event::NoticeKind {
        self.into()
    }
}

facts! {
    /// The terms with which a contract begins.
    OpeningFact | OpeningPatch => ContractOpened {
        /// The short name in rulebooks, commands and URLs, such as `shps`.
        code: String,
        /// What people call it.
        name: String,
        /// Who is bound by it.
        #[graphql(default)]
        parties: Vec<PartyInput>,
        /// The first day of the contract.
        starts_on: Date,
        /// The last day of the contract, if it has one.
        ends_on: Option<Date>,
    }
    /// Terms that change; what is left out stays as it was.
    VariationFact | VariationPatch => ContractVaried {
        /// What people call it from here on.
        name: Option<String>,
        /// Who is bound by it from here on, all of them.
        parties: Option<Vec<PartyInput>>,
        /// The last day of the contract from here on.
        ends_on: Option<Date>,
        /// What was agreed: at most 200 characters, nothing personal.
        reason: String,
    }
    /// The end of a contract.
    EndFact | EndPatch => ContractEnded {
        /// Why: at most 200 characters, nothing personal.
        reason: String,
    }
    /// A version of the targets of one profile, whole: it takes the place of the one before, which stays in the log.
    TargetsFact => TargetsPublished {
        /// The profile, such as `contract`, `business_plan` or `minimum_service`.
        profile: String,
        /// The series, one for each measure and area.
        series: Vec<TargetSeriesInput>,
    }
    /// What is said of a figure or a period, for a report.
    CommentaryFact | CommentaryPatch => CommentaryRecorded {
        /// The report it is for, by code.
        report: String,
        /// The period it speaks of.
        period: DayPeriodInput,
        /// The section of the report, such as `highlights`.
        section: String,
        /// The commentary: at most 200 characters, nothing personal.
        text: String,
    }
    /// A period whose figures are settled.
    ClosedPeriodFact => PeriodClosed {
        /// The period.
        period: DayPeriodInput,
    }
    /// A report that was handed in.
    SubmissionFact | SubmissionPatch => ReportSubmitted {
        /// The report, by code.
        report: String,
        /// The period it is about.
        period: DayPeriodInput,
    }
    /// How well a key performance indicator was met.
    KpiFact | KpiPatch => KpiAssessed {
        /// The indicator: the code of a service standard or measure of the rulebook.
        kpi: String,
        /// The period.
        period: DayPeriodInput,
        /// The value that was found, for a standard the share met in percent; left out where there was nothing to measure.
        value: Option<Decimal>,
        /// The grade, where the rulebook does not say how the indicator is graded. Where it does, leave it out: the grade
        /// follows from the value, and another is refused.
        grade: Option<String>,
    }
    /// An agreed action that is done.
    ActionDoneFact | ActionDonePatch => ActionCompleted {
        /// Which action.
        action: Id,
    }
    /// Two journeys that seemed to be paid for twice and are not.
    DismissalFact | DismissalPatch => DoubleFundingDismissed {
        /// The class of outcomes, such as `employment`.
        class: String,
        /// The journey of this contract.
        journey: Id,
        /// The other journey.
        other: Id,
        /// Why: at most 200 characters, nothing personal.
        reason: String,
    }
}

identified_facts! {
    /// A formal notice of a commissioner.
    NoticeFact | NoticePatch => NoticeIssued,
    /// The notice's own id, which a correction keeps.
    notice: NoticeId {
        /// What kind of notice.
        kind: NoticeKind,
        /// Why: at most 200 characters, nothing personal.
        reason: String,
    }
    /// Something that the parties agree to do.
    ActionFact | ActionPatch => ActionAgreed,
    /// The action's own id, which a correction keeps.
    action: ActionId {
        /// The notice it answers, if it answers one.
        notice: Option<Id>,
        /// What is to be done: at most 200 characters, nothing personal.
        text: String,
        /// Which party is to do it.
        owner: Option<String>,
        /// By when.
        due_on: Option<Date>,
    }
}

inputs! {
    /// A contract begins, with its first rulebook.
    OpenContractInput {
        /// Its terms.
        #[graphql(flatten)]
        fact: OpeningFact,
        /// The first rulebook, as TOML.
        rulebook: String,
    }
    /// A contract's terms change.
    VaryContractInput {
        /// The code of the contract.
        contract: String,
        /// What changes.
        #[graphql(flatten)]
        fact: VariationFact,
    }
    /// A contract is over: `occurredOn` is the first day on which it no longer held.
    EndContractInput {
        /// The code of the contract.
        contract: String,
        /// Why.
        #[graphql(flatten)]
        fact: EndFact,
    }
    /// A further version of a contract's rules.
    PublishRulebookInput {
        /// The code of the contract.
        contract: String,
        /// The rulebook, as TOML.
        rulebook: String,
    }
    /// A version of a contract's targets.
    PublishTargetsInput {
        /// The code of the contract.
        contract: String,
        /// The targets.
        #[graphql(flatten)]
        fact: TargetsFact,
    }
    /// Something is said for a report.
    RecordCommentaryInput {
        /// The code of the contract.
        contract: String,
        /// What is said.
        #[graphql(flatten)]
        fact: CommentaryFact,
    }
    /// A period's figures are settled. Nothing is locked by it: a fact that is dated in it later warns (`PERIOD_CLOSED`).
    ClosePeriodInput {
        /// The code of the contract.
        contract: String,
        /// Which period.
        #[graphql(flatten)]
        fact: ClosedPeriodFact,
    }
    /// A report was handed in.
    SubmitReportInput {
        /// The code of the contract.
        contract: String,
        /// Which report.
        #[graphql(flatten)]
        fact: SubmissionFact,
    }
    /// The parties settle how well an indicator was met.
    AssessKpiInput {
        /// The code of the contract.
        contract: String,
        /// How well.
        #[graphql(flatten)]
        fact: KpiFact,
    }
    /// A commissioner gives notice.
    IssueNoticeInput {
        /// The code of the contract.
        contract: String,
        /// The notice's own id; left out, one is made.
        notice: Option<Id>,
        /// The notice.
        #[graphql(flatten)]
        fact: NoticeFact,
    }
    /// The parties agree that something is to be done.
    AgreeActionInput {
        /// The code of the contract.
        contract: String,
        /// The action's own id; left out, one is made.
        action: Option<Id>,
        /// The action.
        #[graphql(flatten)]
        fact: ActionFact,
    }
    /// An agreed action is done.
    CompleteActionInput {
        /// The code of the contract.
        contract: String,
        /// Which action.
        #[graphql(flatten)]
        fact: ActionDoneFact,
    }
    /// What seemed to be paid for twice is not.
    DismissDoubleFundingInput {
        /// The code of the contract.
        contract: String,
        /// Which journeys, and why.
        #[graphql(flatten)]
        fact: DismissalFact,
    }
}
