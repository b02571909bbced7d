//! A contract in the API. Every list and count is read as of one day, from one generation of the view.

mod reading;

use std::sync::{Arc, OnceLock};

use async_graphql::{Context, ID, Object, Result};
use chrono::NaiveDate;
use tokio::sync::OnceCell;

use super::agenda;
use super::batch::{Batch, BatchState, Cap};
use super::boards::{BoardBy, CaseloadRow, ContactRecency, Exits, ExitsBy, RecencyBy, ReferralToPlan};
use super::bounds::{MONTHS_AHEAD, PageLength};
use super::claim::{self, Claim, ClaimFilter, ClaimStatus};
use super::closed_period::ClosedPeriod;
use super::context::{OrFault as _, RequestContext as _};
use super::contract_record::{
    self, Commentary, ContractAction, ContractNotice, DoubleFundingDismissal, KpiAssessment, Party, ReportSubmission,
    Targets, TargetsAsked, Variation,
};
use super::data_quality::DataQuality;
use super::document::{Document, ReportDefinition};
use super::figures::{CompareWith, Dimension};
use super::filter_checks;
use super::forecast::OutcomeForecast;
use super::journey::appointment::{Appointment, AppointmentState};
use super::journey::work::{Measure, Task, TaskState};
use super::journey::{ContactMeasure, Journey, Occurrence};
use super::list::{JourneyFilterInput, JourneyOrder, either};
use super::mutation::input::DayPeriodInput;
use super::mutation::input::batch::ClaimSelectionInput;
use super::obligation::{self, Obligation, ObligationState, ObligationsBy, StandardObligations};
use super::outcome_boards::OutcomeBoards;
use super::page::Page;
use super::people::Worker;
use super::performance::{self, Performance, PerformanceAsked};
use super::period::{PeriodInput, period_of};
use super::point_in_time::{ContractAt, Snapshot};
use super::point_of_view::PointOfView;
use super::proposal::{ProposedAdjustment, ProposedWithdrawal};
use super::report_due::ReportDue;
use super::rulebook::{self, RulebookVersion};
use super::scalars::{Date, Id};
use super::small_counts;
use super::staff;
use super::table::Table;
use super::team::Team;
use super::value::{self, ContractValue};
use super::waits;
use crate::access::InScope;
use crate::queries;
use crate::queries::claims::Claims;
use crate::queries::journeys::Population;
use crate::queries::obligations::ObligationFilter;
use crate::queries::small_counts::{HeldCounts, RecencyCounts, standings, standings_without_small};
use crate::queries::{exits, recency};
use throughline_domain::contract::{self, ContractRecord, Rulebook, register::Terms};
use throughline_domain::fact::envelope::{StreamId, TeamId};
use throughline_gateway::Code;
use throughline_projections::agenda::Kind;

/// A contract at one point in time.
pub struct Contract {
    state: Arc<contract::Contract>,
    code: String,
    as_of: NaiveDate,
    today: NaiveDate,
    seen: Snapshot,
    record: OnceLock<Box<ContractRecord>>,
    claims: OnceCell<Arc<Claims>>,
}

impl Contract {
    /// The contract as of today in its time zone.
    pub fn today(ctx: &Context<'_>, scope: InScope<'_>) -> Option<Self> {
        Self::seen(ctx, scope, Snapshot::live(ctx), None)
    }

    /// The contract at a point in time; none if it was not yet open, as far as was known then.
    pub async fn at(ctx: &Context<'_>, scope: InScope<'_>, at: &ContractAt) -> Result<Option<Self>> {
        let Some(live) = ctx.caller().generation.contract_state(scope) else { return Ok(None) };
        let seen = Snapshot::from(ctx, &live, at).await?;
        Ok(seen.and_then(|seen| Self::seen(ctx, scope, seen, at.as_of.map(|day| day.0))))
    }

    /// The contract in a given view, as of a day.
    pub(super) fn seen(
        ctx: &Context<'_>,
        scope: InScope<'_>,
        seen: Snapshot,
        as_of: Option<NaiveDate>,
    ) -> Option<Self> {
        let state = seen.generation.contract_state(scope)?;
        let today = ctx.today(&state);
        let (code, as_of) = (scope.contract().to_owned(), as_of.unwrap_or(today));
        Some(Self { state, code, as_of, today, seen, record: OnceLock::new(), claims: OnceCell::new() })
    }

    pub(super) fn scope<'c>(&'c self, ctx: &'c Context<'_>) -> Result<InScope<'c>> {
        ctx.in_scope(&self.code).ok_or_else(|| Code::Forbidden.error("this contract is not in your scope"))
    }

    /// The contract's record as of the day: what the parties agreed, published, assessed and decided.
    fn contract_record(&self) -> &ContractRecord {
        self.record.get_or_init(|| Box::new(self.state.contract_record(self.as_of)))
    }

    fn terms(&self) -> Option<&Terms> {
        self.contract_record().terms.as_ref()
    }

    /// The rulebook that applies.
    pub(super) fn rules(&self) -> Result<&Arc<Rulebook>> {
        let newest = self.state.newest_rulebook();
        newest.ok_or_else(|| Code::Internal.error("an open contract has no rulebook"))
    }
}

/// A contract at one point in time: an as-of date and a knowledge date. Every field below it uses the same point in
/// time.
#[Object]
impl Contract {
    /// The id of the contract.
    pub async fn id(&self) -> ID {
        ID(StreamId::contract(&self.code).id.to_string())
    }

    /// The contract's code: its short name in rulebooks, commands and URLs, such as `shps`.
    async fn code(&self) -> &str {
        &self.code
    }

    /// The contract's full name.
    async fn name(&self) -> Option<&str> {
        self.terms().map(Terms::name)
    }

    /// The parties to the contract.
    async fn parties(&self) -> Vec<Party> {
        self.terms().map(contract_record::parties).unwrap_or_default()
    }

    /// The first day of the contract.
    async fn starts_on(&self) -> Option<Date> {
        self.terms().map(|terms| Date(terms.starts_on()))
    }

    /// The last day of the contract; null if it has no end date.
    async fn ends_on(&self) -> Option<Date> {
        self.terms().and_then(Terms::ends_on).map(Date)
    }

    /// When the contract was opened. Its `event` is the target of a correction.
    async fn opened(&self) -> Option<Occurrence> {
        self.terms().map(|terms| Occurrence::of(&terms.opened))
    }

    /// The changes to the contract's terms since it was opened, oldest first.
    async fn variations(&self) -> Vec<Variation> {
        self.terms().into_iter().flat_map(|terms| &terms.variations).map(Into::into).collect()
    }

    /// When the contract was ended, if it was. The date is the first day on which the contract no longer held.
    async fn ended(&self) -> Option<Occurrence> {
        let ended = self.terms()?.ended.as_ref()?;
        Some(Occurrence::why(ended, Some(&ended.details.reason)))
    }

    /// The targets in force: the latest published version of each profile. The arguments select profiles and series.
    #[expect(clippy::unused_async, reason = "a resolver must be async")]
    async fn targets(
        &self,
        #[graphql(desc = "Only this target profile, such as `contract`.")] profile: Option<String>,
        #[graphql(desc = "Only targets for this measure or stage, by code.")] measure: Option<String>,
        #[graphql(desc = "Only for this service area, by code.")] area: Option<String>,
    ) -> Result<Vec<Targets>> {
        Targets::in_force(&self.state, self.contract_record(), &TargetsAsked { profile, measure, area })
    }

    /// The commentary on figures and periods, for reports, oldest first.
    #[expect(clippy::unused_async, reason = "a resolver must be async")]
    async fn commentary(
        &self,
        #[graphql(desc = "Only for this report, by code.")] report: Option<String>,
        #[graphql(desc = "Only for exactly this period.")] period: Option<DayPeriodInput>,
    ) -> Result<Vec<Commentary>> {
        Commentary::said(self.contract_record(), report.as_deref(), period.map(Into::into))
    }

    /// The measurements of the whole contract, such as spend or complaints, oldest first.
    #[expect(clippy::unused_async, reason = "a resolver must be async")]
    async fn measures(
        &self,
        #[graphql(desc = "Only those with this code.")] code: Option<String>,
    ) -> Result<Vec<Measure>> {
        contract_record::measures(&self.state, self.contract_record(), code.as_deref())
    }

    /// The closed periods, in the order in which they were closed. The figures of a closed period are settled.
    async fn periods(
        &self,
        #[graphql(desc = "Only the last ones, from 1 to 200. Default: all.")] last: Option<PageLength>,
    ) -> Vec<ClosedPeriod> {
        let closed = &self.contract_record().closed;
        let left_out = last.map_or(0, |last| closed.len().saturating_sub(last.count()));
        ClosedPeriod::all(self.source(), &closed[left_out..])
    }

    /// The dates on which reports are due by the rulebook, earliest first, with what was submitted by then.
    #[expect(clippy::unused_async, reason = "a resolver must be async")]
    async fn reports_due(
        &self,
        #[graphql(desc = "Only submissions of this report, by code. Default: of any report.")] report: Option<String>,
    ) -> Result<Vec<ReportDue>> {
        ReportDue::all(self.rules()?, (&self.state, self.contract_record()), report.as_deref(), self.as_of)
    }

    /// The reports that were submitted, oldest first.
    async fn submissions(
        &self,
        #[graphql(desc = "Only for this report, by code.")] report: Option<String>,
    ) -> Vec<ReportSubmission> {
        ReportSubmission::of_report(self.contract_record(), report.as_deref())
    }

    /// The assessments of key performance indicators, as settled by the parties, oldest first. If an indicator was
    /// assessed several times for the same period, the last assessment counts.
    #[expect(clippy::unused_async, reason = "a resolver must be async")]
    async fn kpi_assessments(
        &self,
        #[graphql(desc = "Only for this indicator, by code.")] kpi: Option<String>,
    ) -> Result<Vec<KpiAssessment>> {
        KpiAssessment::found(&self.state, self.contract_record(), kpi.as_deref())
    }

    /// The formal notices issued under the contract, oldest first.
    async fn notices(&self) -> Vec<ContractNotice> {
        self.contract_record().notices.iter().map(Into::into).collect()
    }

    /// The actions that the parties agreed, oldest first.
    async fn actions(
        &self,
        #[graphql(default, desc = "Only actions that are not completed yet.")] open: bool,
    ) -> Vec<ContractAction> {
        let actions = self.contract_record().actions.iter();
        actions.filter(|action| !open || action.completed.is_none()).map(Into::into).collect()
    }

    /// The suspected cases of double funding that were dismissed, oldest first.
    async fn dismissals(&self) -> Vec<DoubleFundingDismissal> {
        self.contract_record().dismissals.iter().map(Into::into).collect()
    }

    /// The point in time of this answer. Use it to repeat the query with the same result.
    async fn view(&self, ctx: &Context<'_>) -> Result<PointOfView> {
        self.point_of_view(ctx).await
    }

    /// A rulebook of the contract: the one that the boards use, or the one that applies to facts of a day.
    #[expect(clippy::unused_async, reason = "a resolver must be async")]
    async fn rulebook(
        &self,
        #[graphql(
            desc = "The day of the facts, for a form that records them. Default: the rulebook that the boards use."
        )]
        on: Option<Date>,
    ) -> Result<RulebookVersion> {
        let published = match on {
            Some(day) => self.state.published_in_force(day.0),
            None => self.state.rulebooks().last(),
        };
        let published = published.ok_or_else(|| Code::Internal.error("an open contract has no rulebook"))?;
        Ok(RulebookVersion::of(published, &self.state))
    }

    /// Every version of the rulebook that this view knows, in the order of publication.
    #[expect(clippy::unused_async, reason = "a resolver must be async")]
    async fn rulebooks(
        &self,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<RulebookVersion>> {
        rulebook::versions(&self.state, (first, after))
    }

    /// The cases on the caseload that you may see: accepted and not closed. Default order: by reference.
    #[expect(clippy::too_many_arguments, reason = "each argument is an argument of the API")]
    async fn caseload(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only cases of this keyworker.")] keyworker: Option<Id>,
        #[graphql(
            desc = "Whether to include the cases of workers whom this keyworker covers on that day. Default: true if \
            the keyworker is you, otherwise false."
        )]
        covered: Option<bool>,
        #[graphql(default, desc = "Only cases without a keyworker.")] unassigned: bool,
        #[graphql(desc = "Only cases whose keyworker is in this team.")] team: Option<Id>,
        #[graphql(desc = "Only for this service area, by code.")] area: Option<String>,
        #[graphql(desc = "Only cases at this stage, by code.")] stage: Option<String>,
        #[graphql(desc = "Further conditions that the cases must match.")] filter: Option<JourneyFilterInput>,
        #[graphql(desc = "The order of the list.")] order_by: Option<JourneyOrder>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<Journey>> {
        let filter = filter.unwrap_or_default();
        let filter = JourneyFilterInput {
            keyworker: either("keyworker", keyworker, filter.keyworker)?,
            covered: either("covered", covered, filter.covered)?,
            unassigned: unassigned || filter.unassigned,
            team: either("team", team, filter.team)?,
            area: either("area", area, filter.area)?,
            stage: either("stage", stage, filter.stage)?,
            ..filter
        };
        self.list(ctx, Population::Caseload, (filter, order_by), (first, after)).await
    }

    /// The cases of this contract that you may see, open and closed. Default order: by reference.
    async fn journeys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which cases to return.")] filter: Option<JourneyFilterInput>,
        #[graphql(desc = "The order of the list.")] order_by: Option<JourneyOrder>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<Journey>> {
        self.list(ctx, Population::Journeys, (filter.unwrap_or_default(), order_by), (first, after)).await
    }

    /// The obligations that the rulebook's service standards create on the cases that you may see: due, overdue, met
    /// and missed. The earliest due date comes first.
    #[expect(clippy::too_many_arguments, reason = "each argument is an argument of the API")]
    async fn obligations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only obligations on cases of this keyworker.")] keyworker: Option<Id>,
        #[graphql(
            desc = "Whether to include obligations on cases of workers whom this keyworker covers on that day. \
            Default: true if the keyworker is you, otherwise false."
        )]
        covered: Option<bool>,
        #[graphql(default, desc = "Only obligations on cases without a keyworker.")] unassigned: bool,
        #[graphql(desc = "Only obligations of this team: of its keyworkers, and on cases they held last.")]
        team: Option<Id>,
        #[graphql(desc = "Only for this service area, by code.")] area: Option<String>,
        #[graphql(desc = "Only obligations under this service standard, by code.")] standard: Option<String>,
        #[graphql(desc = "Only those in one of these states.")] state: Option<Vec<ObligationState>>,
        #[graphql(desc = "Only those with a due date in this period.")] due: Option<DayPeriodInput>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<Obligation>> {
        let held = agenda::held_by(keyworker, unassigned)?;
        let standing = state.map(|states| states.into_iter().map(Into::into).collect());
        let (due_from, due_to) = (due.map(|due| due.first.0), due.map(|due| due.last.0));
        let team = team.map(|id| TeamId(id.0));
        let covered = self.covered(ctx, held, covered).await?;
        let filter = ObligationFilter { standing, standard, held, covered, team, area, due_from, due_to };
        obligation::page(ctx, self.source(), filter, (first, after)).await
    }

    /// The appointments on the cases that you may see, by day and time: booked, kept, missed, cancelled, and past ones
    /// without a recorded outcome.
    #[expect(clippy::too_many_arguments, reason = "each argument is an argument of the API")]
    async fn diary(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only appointments of this keyworker: on their cases, or booked for them.")] keyworker: Option<
            Id,
        >,
        #[graphql(
            desc = "Whether to include appointments of workers whom this keyworker covers on that day. Default: true \
            if the keyworker is you, otherwise false."
        )]
        covered: Option<bool>,
        #[graphql(default, desc = "Only appointments on cases without a keyworker.")] unassigned: bool,
        #[graphql(desc = "Only appointments booked for this worker.")] worker: Option<Id>,
        #[graphql(desc = "Only appointments of this team: of its members, and on cases they held last.")] team: Option<
            Id,
        >,
        #[graphql(desc = "Only for this service area, by code.")] area: Option<String>,
        #[graphql(desc = "Only those in one of these states.")] state: Option<Vec<AppointmentState>>,
        #[graphql(desc = "Only appointments on these days.")] due: Option<DayPeriodInput>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<Appointment>> {
        let standing = state.map(|states| states.into_iter().map(AppointmentState::standing).collect());
        let held = agenda::held_by(keyworker, unassigned)?;
        let held = (held, self.covered(ctx, held, covered).await?);
        let filter = agenda::filter(Kind::Appointment, standing, held, (worker, team), (area, due));
        agenda::diary(ctx, self.source(), filter, (first, after)).await
    }

    /// The tasks on the cases that you may see, the earliest due date first.
    #[expect(clippy::too_many_arguments, reason = "each argument is an argument of the API")]
    async fn tasks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only tasks of this keyworker: on their cases, or owned by them.")] keyworker: Option<Id>,
        #[graphql(
            desc = "Whether to include tasks of workers whom this keyworker covers on that day. Default: true if the \
            keyworker is you, otherwise false."
        )]
        covered: Option<bool>,
        #[graphql(default, desc = "Only tasks on cases without a keyworker.")] unassigned: bool,
        #[graphql(desc = "Only tasks that this worker owns.")] owner: Option<Id>,
        #[graphql(desc = "Only tasks of this team: of its members, and on cases they held last.")] team: Option<Id>,
        #[graphql(desc = "Only for this service area, by code.")] area: Option<String>,
        #[graphql(desc = "Only those in one of these states.")] state: Option<Vec<TaskState>>,
        #[graphql(desc = "Only those with a due date in this period.")] due: Option<DayPeriodInput>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<Task>> {
        let standing = state.map(|states| states.into_iter().flat_map(TaskState::standings).copied().collect());
        let held = agenda::held_by(keyworker, unassigned)?;
        let held = (held, self.covered(ctx, held, covered).await?);
        let filter = agenda::filter(Kind::Task, standing, held, (owner, team), (area, due));
        agenda::tasks(ctx, self.source(), filter, (first, after)).await
    }

    /// The claims of the cases that you may see: for every outcome its status and amount, judged by the rulebook and
    /// settled against other claims, batches and caps. Ordered by the day on which the outcome was or will be achieved.
    async fn claims(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only claims with one of these statuses.")] status: Option<Vec<ClaimStatus>>,
        #[graphql(desc = "Only claims for this outcome, by code.")] outcome: Option<String>,
        #[graphql(desc = "Further conditions that the claims must match.")] filter: Option<ClaimSelectionInput>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<Claim>> {
        let contract_claims = self.contract_claims(ctx).await?;
        let selected = self.selected(ctx, filter).await?;
        claim::page(ctx, contract_claims, ClaimFilter { status, outcome, selected }, (first, after)).await
    }

    /// The batches in which claims are submitted to the commissioner, in the order in which they were opened.
    async fn batches(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only batches in this state.")] state: Option<BatchState>,
        #[graphql(desc = "Only batches with a matching line, by the day of the line.")] filter: Option<
            ClaimSelectionInput,
        >,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<Batch>> {
        let selected = self.selected(ctx, filter).await?;
        Batch::all(self.contract_claims(ctx).await?, (state, &selected), (first, after))
    }

    /// How much of each cap in force is used. A cap that applies per year, person or outcome has an entry for each.
    async fn cap(&self, ctx: &Context<'_>) -> Result<Vec<Cap>> {
        Cap::all(ctx, &self.code, self.contract_claims(ctx).await?).await
    }

    /// The adjustments proposed for lines already submitted, because of what is known now: money still to pay or to
    /// take back.
    async fn proposed_adjustments(&self, ctx: &Context<'_>) -> Result<Vec<ProposedAdjustment>> {
        Ok(ProposedAdjustment::all(self.contract_claims(ctx).await?))
    }

    /// The claims proposed for withdrawal: submitted, not yet decided, and no longer due.
    async fn proposed_withdrawals(&self, ctx: &Context<'_>) -> Result<Vec<ProposedWithdrawal>> {
        Ok(ProposedWithdrawal::all(self.contract_claims(ctx).await?))
    }

    /// The number of obligations in each state, for each service standard in the order of the rulebook.
    async fn obligation_counts(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "ObligationsBy::Keyworker", desc = "How to break down the figures.")]
        by: ObligationsBy,
        #[graphql(desc = "Only those with a due date in this period.")] due: Option<DayPeriodInput>,
    ) -> Result<Vec<StandardObligations>> {
        let due = due.map(|due| (due.first.0, due.last.0));
        filter_checks::days("the due dates", due.map(|due| due.0), due.map(|due| due.1))?;
        let (scope, generation) = (self.scope(ctx)?, &self.seen.generation);
        let rulebook = self.rules()?;
        let counts = queries::obligations::counts(generation, scope, self.as_of, rulebook, (by.into(), due));
        let are_hidden = small_counts::are_hidden(ctx, &self.code, rulebook);
        let numbers = if are_hidden { standings_without_small } else { standings };
        let standards = counts.await.or_fault()?.into_iter().map(|counts| {
            let numbers = numbers(&counts.rows);
            StandardObligations::of((counts, numbers), self.seen.known)
        });
        Ok(standards.collect())
    }

    /// The number of cases that each keyworker holds. Cases without a keyworker are a row of their own.
    async fn caseload_by_keyworker(&self, ctx: &Context<'_>) -> Result<Vec<CaseloadRow>> {
        let rows =
            queries::caseload::by_keyworker(&self.seen.generation, self.scope(ctx)?, self.as_of).await.or_fault()?;
        let counts = if small_counts::are_hidden(ctx, &self.code, self.rules()?) {
            HeldCounts::without_small(&rows)
        } else {
            rows.iter().map(HeldCounts::of).collect()
        };
        Ok(rows.into_iter().zip(counts).map(|row| CaseloadRow::of(row, self.seen.known)).collect())
    }

    /// The caseload by days since the last made contact, in the rulebook's buckets.
    async fn contact_recency(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "RecencyBy::Keyworker", desc = "How to break down the figures.")] by: RecencyBy,
        #[graphql(default, desc = "Which contacts to count: with any worker, or with the keyworker only.")]
        measure: ContactMeasure,
    ) -> Result<Table<ContactRecency>> {
        let rulebook = self.rules()?;
        let how = (
            by.into(),
            match measure {
                ContactMeasure::Anyone => recency::Measure::Anyone,
                ContactMeasure::Keyworker => recency::Measure::Keyworker,
            },
        );
        let rows =
            recency::rows(&self.seen.generation, self.scope(ctx)?, self.as_of, rulebook, how).await.or_fault()?;
        let counts = if small_counts::are_hidden(ctx, &self.code, rulebook) {
            RecencyCounts::without_small(&rows)
        } else {
            rows.iter().map(RecencyCounts::of).collect()
        };
        let shown = rows.into_iter().zip(counts);
        Ok(Table(shown.map(|row| ContactRecency::of(row, rulebook, measure, self.seen.known)).collect()))
    }

    /// Days from referral to first plan, in the rulebook's buckets, for the cases whose clock started in a period.
    /// Default period: all cases to date. Null if the rulebook does not measure it.
    async fn referral_to_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "BoardBy::Area", desc = "How to break down the figures.")] by: BoardBy,
        #[graphql(desc = "Only cases whose referral counts in these months.")] period: Option<PeriodInput>,
    ) -> Option<Result<Vec<ReferralToPlan>>> {
        waits::referral_to_plan(ctx, self, (by, period)).await.transpose()
    }

    /// The figures of measures, by any dimensions and for any period, each with what it is compared with and the facts
    /// that it counts. `stages` and `declined` are tables month by month.
    async fn performance(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these measures, by code: `measures` lists them. Default: the stages.")] measures: Option<
            Vec<String>,
        >,
        #[graphql(
            default_with = "vec![Dimension::Area]",
            desc = "How to break down the figures, at most three dimensions. An empty list is the whole contract."
        )]
        by: Vec<Dimension>,
        #[graphql(
            default,
            desc = "Attributes of cases, by code, by which the figures are broken down too: `rulebook { caseAttributes }` lists them."
        )]
        by_attributes: Vec<String>,
        #[graphql(
            desc = "The period. Default: from the start of the contract to the end of the month of `asOf`; `stages` and `declined` show each of its months."
        )]
        period: Option<PeriodInput>,
        #[graphql(default, desc = "What to compare the figures with.")] compare_with: Vec<CompareWith>,
    ) -> Result<Performance> {
        let asked = PerformanceAsked { measures, by, by_attributes, period, compare_with };
        performance::performance(ctx, self.source(), asked).await
    }

    #[graphql(flatten)]
    fn outcome_boards(&self) -> OutcomeBoards<'_> {
        OutcomeBoards::of(self)
    }

    /// The reports of the contract, in the order of the rulebook. A contract whose rulebook describes none has the
    /// standard report `performance`.
    #[expect(clippy::unused_async, reason = "a resolver must be async")]
    async fn reports(&self) -> Result<Vec<ReportDefinition>> {
        Ok(ReportDefinition::all(self.rules()?))
    }

    /// The document of a report for one period: tables, charts, commentary and definitions, as read at this point in
    /// time.
    async fn report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The report, by code: `reports` lists them.")] code: String,
        #[graphql(desc = "Any day of the period. Default: `asOf`.")] on: Option<Date>,
    ) -> Option<Result<Document>> {
        Some(Document::built(ctx, self, (&code, on.map_or(self.as_of, |on| on.0))).await)
    }

    /// The cases that left the caseload, by reason or area, and the disengagements beside them.
    async fn exits(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "ExitsBy::Reason", desc = "How to break down the figures.")] by: ExitsBy,
        #[graphql(desc = "Only exits dated in these months.")] period: Option<PeriodInput>,
    ) -> Result<Exits> {
        let by = match by {
            ExitsBy::Reason => exits::By::Reason,
            ExitsBy::Area => exits::By::Area,
        };
        let how = (by, period_of(period)?);
        let found = exits::in_period(&self.seen.generation, self.scope(ctx)?, self.as_of, self.rules()?, how)
            .await
            .or_fault()?;
        let is_hidden = small_counts::are_hidden(ctx, &self.code, self.rules()?);
        Ok(if is_hidden { Exits::without_small_counts(found) } else { found.into() })
    }

    /// What stops cases from counting and claims from being paid: blanks and inconsistencies on the cases that you may
    /// see, by rule, with the amount at risk. Only rules that flag something.
    async fn data_quality(&self, ctx: &Context<'_>) -> Result<Vec<DataQuality>> {
        DataQuality::of(ctx, self).await
    }

    /// The value of the claims: entitled, submitted, accepted and paid, by financial year and to date.
    async fn value(&self, ctx: &Context<'_>) -> Result<ContractValue> {
        value::value(ctx, self).await
    }

    /// The outcomes that are expected in the months ahead, if as many of those under way are achieved as in the past.
    async fn forecast(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default = 3,
            validator(custom = "MONTHS_AHEAD"),
            desc = "The number of months, from 1 to 24. The month of `asOf` is the first."
        )]
        months: i32,
    ) -> Result<Vec<OutcomeForecast>> {
        OutcomeForecast::of(ctx, self, months).await
    }

    /// The workers who had held a case of this contract by then, and the workers who had joined and had not held a case
    /// in any contract. Ordered by label.
    async fn workers(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<Worker>> {
        staff::workers(ctx, self.staff(), (first, after)).await
    }

    /// The teams with a member who had held a case of this contract by then, and the teams none of whose members had
    /// held a case anywhere. Ordered by label.
    async fn teams(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<Team>> {
        staff::teams(ctx, self.staff(), (first, after)).await
    }
}
