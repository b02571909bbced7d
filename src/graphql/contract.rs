//! A contract as clients read it: every list and count as of one day, from one generation of the view.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use async_graphql::{Context, ID, Object, Result};
use chrono::NaiveDate;
use tokio::sync::OnceCell;

use super::agenda::{self, AppointmentConnection, TaskConnection};
use super::at::{ContractAt, Seen};
use super::batch::{Batch, BatchConnection, BatchState, Cap};
use super::boards::{
    self, BoardBy, CaseloadOf, ContactRecency, Exits, ExitsBy, Group, GroupCount, MonthCounts, Performance,
    PeriodInput, RecencyBy, ReferralToPlan, StageCounts, counted, period_of,
};
use super::bounds::PageLength;
use super::claim::{self, ClaimConnection, ClaimFilter, ClaimStatus};
use super::context::{self, Asked as _, OrFault as _};
use super::dealings::{
    self, ClosedPeriod, Commentary, ContractAction, ContractNotice, DoubleFundingDismissal, KpiAssessment, Party,
    ReportSubmission, Targets, TargetsAsked, Variation,
};
use super::journey::appointment::AppointmentState;
use super::journey::work::Measure;
use super::journey::work::TaskState;
use super::journey::{ContactMeasure, Step};
use super::known;
use super::list::{self, JourneyConnection, JourneyFilterInput, JourneyOrder, either};
use super::mutation::input::DayPeriodInput;
use super::mutation::input::batch::ClaimSelectionInput;
use super::obligation::{self, ObligationConnection, ObligationState, ObligationsBy, StandardObligations};
use super::point_of_view::PointOfView;
use super::proposal::{ProposedAdjustment, ProposedWithdrawal};
use super::rulebook::{RulebookVersion, RulebookVersionConnection};
use super::scalars::{Date, Id, Instant, Position};
use super::selection::Selected;
use super::staff::{StaffOf, TeamConnection, WorkerConnection};
use super::table::Table;
use crate::access::InScope;
use crate::views::claims::{Asked, Claims, Purpose};
use crate::views::exits;
use crate::views::generation::Generation;
use crate::views::journeys::{HeldBy, Population};
use crate::views::obligations::ObligationFilter;
use crate::views::performance;
use crate::views::period::Months;
use crate::views::recency;
use crate::views::referral_to_plan;
use throughline_domain::contract;
use throughline_domain::contract::register::Terms;
use throughline_domain::contract::{Dealings, Rulebook};
use throughline_domain::fact::Entry;
use throughline_domain::fact::envelope::{StreamId, TeamId, WorkerId};
use throughline_domain::fact::event::ReportSubmitted;
use throughline_gateway::Code;
use throughline_projections::agenda::Kind;

/// A contract, read from one point of view.
pub struct Contract {
    told: Arc<contract::Contract>,
    code: String,
    as_of: NaiveDate,
    today: NaiveDate,
    seen: Seen,
    dealings: OnceLock<Box<Dealings>>,
    claims: OnceCell<Arc<Claims>>,
}

impl Contract {
    /// The contract as of today in its zone.
    pub fn today(ctx: &Context<'_>, scope: InScope<'_>) -> Option<Self> {
        Self::seen(ctx, scope, Seen::live(ctx), None)
    }

    /// The contract from a point of view; none where it was not known to be open then.
    pub async fn at(ctx: &Context<'_>, scope: InScope<'_>, at: &ContractAt) -> Result<Option<Self>> {
        let Some(live) = ctx.caller().generation.told(scope) else { return Ok(None) };
        let seen = Seen::from(ctx, &live, at).await?;
        Ok(seen.and_then(|seen| Self::seen(ctx, scope, seen, at.as_of.map(|day| day.0))))
    }

    /// What is seen of the contract in a view, as of a day.
    pub(super) fn seen(ctx: &Context<'_>, scope: InScope<'_>, seen: Seen, as_of: Option<NaiveDate>) -> Option<Self> {
        let told = seen.generation.told(scope)?;
        let today = ctx.today(&told);
        let (code, as_of) = (scope.contract().to_owned(), as_of.unwrap_or(today));
        Some(Self { told, code, as_of, today, seen, dealings: OnceLock::new(), claims: OnceCell::new() })
    }

    pub(super) fn scope<'c>(&'c self, ctx: &'c Context<'_>) -> Result<InScope<'c>> {
        ctx.in_scope(&self.code).ok_or_else(|| Code::Forbidden.error("this contract is not in your scope"))
    }

    /// What the parties agreed, said and decided by the day as of which it is read.
    fn dealings(&self) -> &Dealings {
        self.dealings.get_or_init(|| Box::new(self.told.dealings(self.as_of)))
    }

    fn terms(&self) -> Option<&Terms> {
        self.dealings().terms.as_ref()
    }

    /// The rules by which it is read.
    pub(super) fn rules(&self) -> Result<&Arc<Rulebook>> {
        let newest = self.told.newest_rulebook();
        newest.ok_or_else(|| Code::Internal.error("an open contract has no rulebook"))
    }
}

/// A contract, read from one point of view: as of a day, and as known then.
#[Object]
impl Contract {
    /// The id of the contract's own stream.
    pub async fn id(&self) -> ID {
        ID(StreamId::contract(&self.code).id.to_string())
    }

    /// The short name in rulebooks, commands and URLs, such as `shps`.
    async fn code(&self) -> &str {
        &self.code
    }

    /// What people call it.
    async fn name(&self) -> Option<&str> {
        self.terms().map(Terms::name)
    }

    /// Who is bound by it.
    async fn parties(&self) -> Vec<Party> {
        self.terms().into_iter().flat_map(Terms::parties).map(Into::into).collect()
    }

    /// The first day of the contract.
    async fn starts_on(&self) -> Option<Date> {
        self.terms().map(|terms| Date(terms.starts_on()))
    }

    /// The last day of the contract, if it has one.
    async fn ends_on(&self) -> Option<Date> {
        self.terms().and_then(Terms::ends_on).map(Date)
    }

    /// The opening, with the event that a correction names.
    async fn opened(&self) -> Option<Step> {
        self.terms().map(|terms| Step::of(&terms.opened))
    }

    /// What was agreed since it was opened, oldest first.
    async fn variations(&self) -> Vec<Variation> {
        self.terms().into_iter().flat_map(|terms| &terms.variations).map(Into::into).collect()
    }

    /// The end, if it was ended: its date is the first day on which the contract no longer held.
    async fn ended(&self) -> Option<Step> {
        let ended = self.terms()?.ended.as_ref()?;
        Some(Step::why(ended, Some(&ended.details.reason)))
    }

    /// The targets in force: of each profile the version published last, with those of its series that are asked for.
    #[expect(clippy::unused_async, reason = "a resolver is async whether or not it waits")]
    async fn targets(
        &self,
        #[graphql(desc = "Only this profile, such as `contract`.")] profile: Option<String>,
        #[graphql(desc = "Only those of this measure or stage, by code.")] measure: Option<String>,
        #[graphql(desc = "Only those of this service area.")] area: Option<String>,
    ) -> Result<Vec<Targets>> {
        Targets::in_force(&self.told, self.dealings(), &TargetsAsked { profile, measure, area })
    }

    /// What was said of figures and periods, for reports, oldest first.
    #[expect(clippy::unused_async, reason = "a resolver is async whether or not it waits")]
    async fn commentary(
        &self,
        #[graphql(desc = "Only for this report, by code.")] report: Option<String>,
        #[graphql(desc = "Only of exactly this period.")] period: Option<DayPeriodInput>,
    ) -> Result<Vec<Commentary>> {
        Commentary::said(self.dealings(), report.as_deref(), period.map(Into::into))
    }

    /// What was measured of the whole contract, such as spend or complaints, oldest first.
    #[expect(clippy::unused_async, reason = "a resolver is async whether or not it waits")]
    async fn measures(
        &self,
        #[graphql(desc = "Only those with this code.")] code: Option<String>,
    ) -> Result<Vec<Measure>> {
        dealings::measures(&self.told, self.dealings(), code.as_deref())
    }

    /// The periods whose figures are settled, in the order in which they were closed.
    async fn periods(&self) -> Vec<ClosedPeriod> {
        self.dealings().closed.iter().map(Into::into).collect()
    }

    /// The reports that were handed in, oldest first.
    async fn submissions(
        &self,
        #[graphql(desc = "Only of this report, by code.")] report: Option<String>,
    ) -> Vec<ReportSubmission> {
        let reports = self.dealings().reports.iter();
        let asked = |one: &&Entry<ReportSubmitted>| report.as_ref().is_none_or(|report| one.details.report == *report);
        reports.filter(asked).map(Into::into).collect()
    }

    /// How well key performance indicators were met, as the parties settled it, oldest first: of one indicator and
    /// period the last one stands.
    #[expect(clippy::unused_async, reason = "a resolver is async whether or not it waits")]
    async fn kpi_assessments(
        &self,
        #[graphql(desc = "Only of this indicator, by code.")] kpi: Option<String>,
    ) -> Result<Vec<KpiAssessment>> {
        KpiAssessment::found(&self.told, self.dealings(), kpi.as_deref())
    }

    /// The formal notices that were given, oldest first.
    async fn notices(&self) -> Vec<ContractNotice> {
        self.dealings().notices.iter().map(Into::into).collect()
    }

    /// What the parties agreed to do, oldest first.
    async fn actions(
        &self,
        #[graphql(default, desc = "Only what is not done yet.")] open: bool,
    ) -> Vec<ContractAction> {
        let actions = self.dealings().actions.iter();
        actions.filter(|action| !open || action.completed.is_none()).map(Into::into).collect()
    }

    /// What seemed to be paid for twice and is not, oldest first.
    async fn dismissals(&self) -> Vec<DoubleFundingDismissal> {
        self.dealings().dismissals.iter().map(Into::into).collect()
    }

    /// The point of view of everything here, so that any answer can be reproduced.
    async fn view(&self, ctx: &Context<'_>) -> Result<PointOfView> {
        self.point_of_view(ctx).await
    }

    /// The rules: those by which this view's boards are counted, or those by which facts of a day are judged.
    #[expect(clippy::unused_async, reason = "a resolver is async whether or not it waits")]
    async fn rulebook(
        &self,
        #[graphql(desc = "The day of the facts, for a form that records them; the rules of the boards if left out.")]
        on: Option<Date>,
    ) -> Result<RulebookVersion> {
        let published = match on {
            Some(day) => self.told.published_in_force(day.0),
            None => self.told.rulebooks().last(),
        };
        let published = published.ok_or_else(|| Code::Internal.error("an open contract has no rulebook"))?;
        Ok(RulebookVersion::of(published, &self.told))
    }

    /// Every version of the rules that this view knows, in the order of publication.
    #[expect(clippy::unused_async, reason = "a resolver is async whether or not it waits")]
    async fn rulebooks(
        &self,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
    ) -> Result<RulebookVersionConnection> {
        RulebookVersionConnection::of(&self.told, (first, after))
    }

    /// The journeys on the caseload, accepted and not closed, of those that you may see; in the order of their
    /// references, unless you ask for another.
    #[expect(clippy::too_many_arguments, reason = "each argument is one a client may give")]
    async fn caseload(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this keyworker.")] keyworker: Option<Id>,
        #[graphql(
            desc = "Whether the cases of those for whom this keyworker stands in on that day are among them; left out, \
            they are where the keyworker is you."
        )]
        covered: Option<bool>,
        #[graphql(default, desc = "Only those without a keyworker.")] unassigned: bool,
        #[graphql(desc = "Only those of the keyworkers of this team.")] team: Option<Id>,
        #[graphql(desc = "Only those of this service area.")] area: Option<String>,
        #[graphql(desc = "Only those that stand at this stage.")] stage: Option<String>,
        #[graphql(desc = "What else they must fit.")] filter: Option<JourneyFilterInput>,
        #[graphql(desc = "In which order.")] order_by: Option<JourneyOrder>,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
    ) -> Result<JourneyConnection> {
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

    /// The journeys of this contract, open and ended, of those that you may see; in the order of their references,
    /// unless you ask for another.
    async fn journeys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which journeys.")] filter: Option<JourneyFilterInput>,
        #[graphql(desc = "In which order.")] order_by: Option<JourneyOrder>,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
    ) -> Result<JourneyConnection> {
        self.list(ctx, Population::Journeys, (filter.unwrap_or_default(), order_by), (first, after)).await
    }

    /// What the service standards of the rulebook ask to be done on the journeys that you may see, the earliest due
    /// first: the list of what is due and overdue, and what was met and missed.
    #[expect(clippy::too_many_arguments, reason = "each argument is one a client may give")]
    async fn obligations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this keyworker.")] keyworker: Option<Id>,
        #[graphql(
            desc = "Whether those on the cases of workers whom this keyworker covers on that day are among them; left \
            out, they are where the keyworker is you."
        )]
        covered: Option<bool>,
        #[graphql(default, desc = "Only those that are no keyworker's.")] unassigned: bool,
        #[graphql(desc = "Only those of this team: of its keyworkers, and of cases that they held last.")] team: Option<
            Id,
        >,
        #[graphql(desc = "Only those of this service area.")] area: Option<String>,
        #[graphql(desc = "Only those under this standard, by code.")] standard: Option<String>,
        #[graphql(desc = "Only those in one of these states.")] state: Option<Vec<ObligationState>>,
        #[graphql(desc = "Only those due on these days.")] due: Option<DayPeriodInput>,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
    ) -> Result<ObligationConnection> {
        let held = agenda::held_by(keyworker, unassigned)?;
        let standing = state.map(|states| states.into_iter().map(Into::into).collect());
        let (due_from, due_to) = (due.map(|due| due.first.0), due.map(|due| due.last.0));
        let team = team.map(|id| TeamId(id.0));
        let covered = self.covered(ctx, held, covered).await?;
        let filter = ObligationFilter { standing, standard, held, covered, team, area, due_from, due_to };
        obligation::page(ctx, self.source(), filter, (first, after)).await
    }

    /// The appointments on the journeys that you may see, in the order of their days and times: what is booked, what
    /// became of it, and those whose day is past and of which nobody has said so.
    #[expect(clippy::too_many_arguments, reason = "each argument is one a client may give")]
    async fn diary(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this keyworker: on their cases, and those that they are to keep.")]
        keyworker: Option<Id>,
        #[graphql(
            desc = "Whether those of workers whom this keyworker covers on that day are among them; left out, they are \
            where the keyworker is you."
        )]
        covered: Option<bool>,
        #[graphql(default, desc = "Only those on cases without a keyworker.")] unassigned: bool,
        #[graphql(desc = "Only those that this worker is to keep.")] worker: Option<Id>,
        #[graphql(desc = "Only those of this team: of its members, and on cases that they held last.")] team: Option<
            Id,
        >,
        #[graphql(desc = "Only those of this service area.")] area: Option<String>,
        #[graphql(desc = "Only those in one of these states.")] state: Option<Vec<AppointmentState>>,
        #[graphql(desc = "Only those for these days.")] due: Option<DayPeriodInput>,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
    ) -> Result<AppointmentConnection> {
        let standing = state.map(|states| states.into_iter().map(AppointmentState::standing).collect());
        let held = agenda::held_by(keyworker, unassigned)?;
        let held = (held, self.covered(ctx, held, covered).await?);
        let filter = agenda::filter(Kind::Appointment, standing, held, (worker, team), (area, due));
        agenda::diary(ctx, self.source(), filter, (first, after)).await
    }

    /// The tasks on the journeys that you may see, the earliest due first.
    #[expect(clippy::too_many_arguments, reason = "each argument is one a client may give")]
    async fn tasks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this keyworker: on their cases, and those that they own.")] keyworker: Option<
            Id,
        >,
        #[graphql(
            desc = "Whether those of workers whom this keyworker covers on that day are among them; left out, they are \
            where the keyworker is you."
        )]
        covered: Option<bool>,
        #[graphql(default, desc = "Only those on cases without a keyworker.")] unassigned: bool,
        #[graphql(desc = "Only those that this worker owns.")] owner: Option<Id>,
        #[graphql(desc = "Only those of this team: of its members, and on cases that they held last.")] team: Option<
            Id,
        >,
        #[graphql(desc = "Only those of this service area.")] area: Option<String>,
        #[graphql(desc = "Only those in one of these states.")] state: Option<Vec<TaskState>>,
        #[graphql(desc = "Only those due on these days.")] due: Option<DayPeriodInput>,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
    ) -> Result<TaskConnection> {
        let standing = state.map(|states| states.into_iter().flat_map(TaskState::standings).copied().collect());
        let held = agenda::held_by(keyworker, unassigned)?;
        let held = (held, self.covered(ctx, held, covered).await?);
        let filter = agenda::filter(Kind::Task, standing, held, (owner, team), (area, due));
        agenda::tasks(ctx, self.source(), filter, (first, after)).await
    }

    /// What every outcome of the journeys that you may see has come to, and what it comes to in money: judged by the
    /// rules and settled with each other, with the batches and under the caps. In the order of the days on which they were
    /// achieved or will be.
    async fn claims(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that stand so.")] status: Option<Vec<ClaimStatus>>,
        #[graphql(desc = "Only those of this outcome, by code.")] outcome: Option<String>,
        #[graphql(desc = "What else they must fit.")] filter: Option<ClaimSelectionInput>,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
    ) -> Result<ClaimConnection> {
        let told = self.told_claims(ctx).await?;
        let selected = self.selected(ctx, filter).await?;
        claim::page(ctx, told, ClaimFilter { status, outcome, selected }, (first, after)).await
    }

    /// The batches in which claims go to the commissioner, in the order in which they were opened.
    async fn batches(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that have come so far.")] state: Option<BatchState>,
        #[graphql(desc = "Only those with a line of such a claim, by the day that the line names.")] filter: Option<
            ClaimSelectionInput,
        >,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
    ) -> Result<BatchConnection> {
        let selected = self.selected(ctx, filter).await?;
        Batch::all(self.told_claims(ctx).await?, (state, &selected), (first, after))
    }

    /// How much of each cap in force is used, by what it counts together.
    async fn cap(&self, ctx: &Context<'_>) -> Result<Vec<Cap>> {
        Ok(Cap::all(self.told_claims(ctx).await?))
    }

    /// What should be paid beyond, or taken back from, closed lines, because of what is known now.
    async fn proposed_adjustments(&self, ctx: &Context<'_>) -> Result<Vec<ProposedAdjustment>> {
        Ok(ProposedAdjustment::all(self.told_claims(ctx).await?))
    }

    /// The claims that were submitted, not decided, and should be withdrawn: nothing is due for them any more.
    async fn proposed_withdrawals(&self, ctx: &Context<'_>) -> Result<Vec<ProposedWithdrawal>> {
        Ok(ProposedWithdrawal::all(self.told_claims(ctx).await?))
    }

    /// How many obligations stand how under each service standard of the rulebook, in its order.
    async fn obligation_counts(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "ObligationsBy::Keyworker", desc = "By what they are broken down.")] by: ObligationsBy,
        #[graphql(desc = "Only those due on these days.")] due: Option<DayPeriodInput>,
    ) -> Result<Vec<StandardObligations>> {
        let due = due.map(|due| (due.first.0, due.last.0));
        known::days("the days on which they are due", due.map(|due| due.0), due.map(|due| due.1))?;
        let (scope, generation) = (self.scope(ctx)?, &self.seen.generation);
        let counts =
            generation.obligation_counts(scope, self.as_of, self.rules()?, (by.into(), due)).await.or_fault()?;
        Ok(counts.into_iter().map(|counts| StandardObligations::of(counts, self.seen.known)).collect())
    }

    /// How many journeys each keyworker holds; those without one are a row of their own.
    async fn caseload_by_keyworker(&self, ctx: &Context<'_>) -> Result<Vec<CaseloadOf>> {
        let rows = self.seen.generation.caseload_by_keyworker(self.scope(ctx)?, self.as_of).await.or_fault()?;
        Ok(rows.into_iter().map(|row| CaseloadOf::of(row, self.seen.known)).collect())
    }

    /// The caseload by days since the last contact that counts as made, in the rulebook's buckets.
    async fn contact_recency(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "RecencyBy::Keyworker", desc = "By what it is broken down.")] by: RecencyBy,
        #[graphql(default, desc = "Whose contacts count.")] measure: ContactMeasure,
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
            self.seen.generation.contact_recency(self.scope(ctx)?, self.as_of, rulebook, how).await.or_fault()?;
        let none = match measure {
            ContactMeasure::Anyone => rulebook.recency.buckets.none.clone(),
            ContactMeasure::Keyworker => recency::NO_CONTACT_BY_KEYWORKER.to_owned(),
        };
        let shown = rows.into_iter().map(|row| ContactRecency {
            total: row.total(),
            buckets: counted(&rulebook.recency.buckets, &row.buckets),
            none: row.none,
            none_label: none.clone(),
            date_imprecise: row.date_imprecise,
            unassigned: row.unassigned,
            group: Group::known(row.group, self.seen.known),
        });
        Ok(Table(shown.collect()))
    }

    /// Days from the referral to the first plan, in the rulebook's buckets, of the journeys whose clock started in a
    /// period; of all where none is given. Nothing where the rulebook does not measure it: no data.
    async fn referral_to_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "BoardBy::Area", desc = "By what it is broken down.")] by: BoardBy,
        #[graphql(desc = "Only journeys whose referral counts in these months.")] period: Option<PeriodInput>,
    ) -> Option<Result<Vec<ReferralToPlan>>> {
        self.waited_for_a_plan(ctx, by, period).await.transpose()
    }

    /// How many journeys reached each stage of the funnel, by area and month of the first fact that did; from the start
    /// of the contract to the month of `asOf` where no period is given.
    async fn performance(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these stages, by code.")] measures: Option<Vec<String>>,
        #[graphql(default_with = "BoardBy::Area", desc = "By what it is broken down.")] by: BoardBy,
        #[graphql(desc = "The months to show.")] period: Option<PeriodInput>,
    ) -> Result<Performance> {
        let rulebook = self.rules()?;
        boards::check_measures(measures.as_deref(), rulebook)?;
        let by = match by {
            BoardBy::Area => performance::By::Area,
            BoardBy::Whole => performance::By::Whole,
        };
        let months = match period {
            Some(period) => period.months()?,
            None => self.whole_contract(),
        };
        let generation = &self.seen.generation;
        let board = generation.performance(self.scope(ctx)?, self.as_of, rulebook, (by, months)).await.or_fault()?;
        let wanted =
            |code: &str| measures.as_ref().is_none_or(|measures| measures.iter().any(|measure| measure == code));
        let stages = board.stages.into_iter().filter(|stage| wanted(&stage.code));
        Ok(Performance {
            stages: stages
                .map(|stage| StageCounts {
                    code: stage.code,
                    label: stage.label,
                    rows: stage.rows.into_iter().map(|row| MonthCounts::of(row, months, self.as_of)).collect(),
                })
                .collect(),
            declined: board.declined.into_iter().map(|row| MonthCounts::of(row, months, self.as_of)).collect(),
        })
    }

    /// The journeys that left the caseload, by reason or area, and the disengagements beneath.
    async fn exits(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "ExitsBy::Reason", desc = "By what it is broken down.")] by: ExitsBy,
        #[graphql(desc = "Only exits of these months.")] period: Option<PeriodInput>,
    ) -> Result<Exits> {
        let by = match by {
            ExitsBy::Reason => exits::By::Reason,
            ExitsBy::Area => exits::By::Area,
        };
        let how = (by, period_of(period)?);
        let found = self.seen.generation.exits(self.scope(ctx)?, self.as_of, self.rules()?, how).await.or_fault()?;
        let rows = |rows: Vec<exits::ExitRow>| {
            rows.into_iter().map(|row| GroupCount { group: row.group.into(), journeys: row.journeys }).collect()
        };
        Ok(Exits { total: found.total(), closed: rows(found.closed), disengaged: rows(found.disengaged) })
    }

    /// The workers who had held a case of this contract by then, and those who had joined and held none in any contract,
    /// in the order of their labels.
    async fn workers(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
    ) -> Result<WorkerConnection> {
        WorkerConnection::page(ctx, self.staff(), (first, after)).await
    }

    /// The teams of whose members until then one had held a case of this contract, or none had held any anywhere, in the
    /// order of their labels.
    async fn teams(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
    ) -> Result<TeamConnection> {
        TeamConnection::page(ctx, self.staff(), (first, after)).await
    }
}

impl Contract {
    /// The point of view of everything here.
    pub(super) async fn point_of_view(&self, ctx: &Context<'_>) -> Result<PointOfView> {
        let rulebook = self.rules()?;
        let position = *self.seen.generation.position().borrow();
        Ok(PointOfView {
            position: Position(position),
            recorded_through: ctx.parts().log.recorded_at(position).await.or_fault()?.map(Instant),
            known_at: self.seen.known_at.map(Instant),
            rulebook_version: rulebook.version.clone(),
            as_of: Date(self.as_of),
            forecast: self.as_of > self.today,
        })
    }

    /// The view that answers.
    pub(super) const fn generation(&self) -> &Arc<Generation> {
        &self.seen.generation
    }

    /// The day at whose end it is read.
    pub(super) const fn day(&self) -> NaiveDate {
        self.as_of
    }

    async fn list(
        &self,
        ctx: &Context<'_>,
        population: Population,
        (mut filter, order): (JourneyFilterInput, Option<JourneyOrder>),
        (first, after): (PageLength, Option<String>),
    ) -> Result<JourneyConnection> {
        if filter.contract.as_ref().is_some_and(|code| *code != self.code) {
            let message = format!("this list is of the contract {}: leave contract out of the filter", self.code);
            return Err(Code::BadUserInput.error(message));
        }
        filter.contract = Some(self.code.clone());
        list::page(ctx, vec![self.source()], list::Asked { population, filter, order, first, after }).await
    }

    /// The claims as of the day, judged once for the whole answer.
    pub(super) async fn told_claims(&self, ctx: &Context<'_>) -> Result<&Arc<Claims>> {
        let judged = || async {
            let asked = Asked { as_of: self.as_of, today: self.today, purpose: Purpose::Look };
            let claims = self.seen.generation.claims(&ctx.parts().log, self.scope(ctx)?, asked).await.or_fault()?;
            claim::of_caller(ctx, claims)
                .await?
                .ok_or_else(|| Code::Internal.error("the view has no claims of an open contract"))
        };
        self.claims.get_or_try_init(judged).await
    }

    /// The workers for whom the keyworker of a list stands in, where what is theirs is listed with it.
    async fn covered(&self, ctx: &Context<'_>, held: HeldBy, asked: Option<bool>) -> Result<BTreeSet<WorkerId>> {
        let standing = context::standing(ctx).await?;
        list::covered(&self.seen.generation, &standing, held, (self.as_of, asked)).await
    }

    /// The contract's staff as lists read them.
    fn staff(&self) -> StaffOf {
        let (contract, generation) = (Some(self.code.clone()), Arc::clone(&self.seen.generation));
        StaffOf { contract, as_of: self.as_of, generation, known: self.seen.known }
    }

    /// The claims that are wanted, with whose cases they are.
    async fn selected(&self, ctx: &Context<'_>, filter: Option<ClaimSelectionInput>) -> Result<Selected> {
        let (of, scope) = (filter.unwrap_or_default().into(), self.scope(ctx)?);
        Selected::asked(ctx, (&self.seen.generation, scope), (&self.told, self.as_of), of).await
    }

    /// The contract as lists read it.
    pub(super) fn source(&self) -> list::Source {
        list::Source {
            told: Arc::clone(&self.told),
            code: self.code.clone(),
            as_of: self.as_of,
            generation: Arc::clone(&self.seen.generation),
            known: self.seen.known,
        }
    }

    async fn waited_for_a_plan(
        &self,
        ctx: &Context<'_>,
        by: BoardBy,
        period: Option<PeriodInput>,
    ) -> Result<Option<Vec<ReferralToPlan>>> {
        let rulebook = self.rules()?;
        let Some(measured) = &rulebook.referral_to_plan else { return Ok(None) };
        let by = match by {
            BoardBy::Area => referral_to_plan::By::Area,
            BoardBy::Whole => referral_to_plan::By::Whole,
        };
        let how = (by, period_of(period)?);
        let generation = &self.seen.generation;
        let rows = generation.referral_to_plan(self.scope(ctx)?, self.as_of, rulebook, how).await.or_fault()?;
        Ok(rows.map(|rows| rows.into_iter().map(|row| ReferralToPlan::of(row, &measured.buckets)).collect()))
    }

    /// The months from the start of the contract to the one of `asOf`.
    pub(super) fn whole_contract(&self) -> Months {
        Months::of_contract(&self.told, self.as_of)
    }
}
