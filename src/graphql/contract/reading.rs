//! What the fields of a contract are read from: its view, its cases, its claims.
//!
//! Nothing here is a field of the API.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{Context, Result};
use chrono::NaiveDate;

use super::super::boards::{BoardBy, ReferralToPlan};
use super::super::bounds::PageLength;
use super::super::claim;
use super::super::context::{self, OrFault as _, RequestContext as _};
use super::super::journey::Journey;
use super::super::list::{self, JourneyFilterInput, JourneyOrder, Source};
use super::super::mutation::input::batch::ClaimSelectionInput;
use super::super::page::Page;
use super::super::period::{PeriodInput, period_of};
use super::super::point_of_view::PointOfView;
use super::super::scalars::{Date, Instant, Position};
use super::super::selection::Selected;
use super::super::staff::StaffOf;
use super::Contract;
use crate::queries;
use crate::queries::claims::{Claims, ClaimsQuery, Purpose};
use crate::queries::journeys::{HeldBy, Population};
use crate::queries::period::months_of_contract;
use crate::queries::referral_to_plan;
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::WorkerId;
use throughline_domain::performance::period::Months;
use throughline_gateway::Code;

impl Contract {
    /// The point in time of this answer.
    pub(in super::super) async fn point_of_view(&self, ctx: &Context<'_>) -> Result<PointOfView> {
        let rulebook = self.rules()?;
        let position = *self.seen.generation.position().borrow();
        Ok(PointOfView {
            position: Position(position),
            recorded_through: ctx.app().log.recorded_at(position).await.or_fault()?.map(Instant),
            known_at: self.seen.known_at.map(Instant),
            rulebook_version: rulebook.version.clone(),
            as_of: Date(self.as_of),
            forecast: self.as_of > self.today,
        })
    }

    /// The view that answers.
    pub(in super::super) const fn generation(&self) -> &Arc<Generation> {
        &self.seen.generation
    }

    /// The as-of date.
    pub(in super::super) const fn day(&self) -> NaiveDate {
        self.as_of
    }

    pub(super) async fn list(
        &self,
        ctx: &Context<'_>,
        population: Population,
        (mut filter, order): (JourneyFilterInput, Option<JourneyOrder>),
        (first, after): (PageLength, Option<String>),
    ) -> Result<Page<Journey>> {
        if filter.contract.as_ref().is_some_and(|code| *code != self.code) {
            let message = format!("this list belongs to the contract {}: leave contract out of the filter", self.code);
            return Err(Code::BadUserInput.error(message));
        }
        filter.contract = Some(self.code.clone());
        list::page(ctx, vec![self.source()], list::JourneyList { population, filter, order, first, after }).await
    }

    /// The claims as of the day, judged once for the whole response.
    pub(in super::super) async fn contract_claims(&self, ctx: &Context<'_>) -> Result<&Arc<Claims>> {
        let judged = || async {
            let asked = ClaimsQuery { as_of: self.as_of, today: self.today, purpose: Purpose::Look };
            let claims = queries::claims::of_contract(&self.seen.generation, &ctx.app().log, self.scope(ctx)?, asked)
                .await
                .or_fault()?;
            claim::of_caller(ctx, claims)
                .await?
                .ok_or_else(|| Code::Internal.error("the view has no claims for an open contract"))
        };
        self.claims.get_or_try_init(judged).await
    }

    /// The workers whom the keyworker of a list covers, if their items are listed too.
    pub(super) async fn covered(
        &self,
        ctx: &Context<'_>,
        held: HeldBy,
        asked: Option<bool>,
    ) -> Result<BTreeSet<WorkerId>> {
        let standing = context::standing(ctx).await?;
        list::covered(&self.seen.generation, &standing, held, (self.as_of, asked)).await
    }

    /// The contract as lists of staff need it.
    pub(super) fn staff(&self) -> StaffOf {
        let (contract, generation) = (Some(self.code.clone()), Arc::clone(&self.seen.generation));
        StaffOf { contract, as_of: self.as_of, generation, known: self.seen.known }
    }

    /// The conditions for a list of claims, with the cases that match.
    pub(super) async fn selected(&self, ctx: &Context<'_>, filter: Option<ClaimSelectionInput>) -> Result<Selected> {
        let (of, scope) = (filter.unwrap_or_default().into(), self.scope(ctx)?);
        Selected::asked(ctx, (&self.seen.generation, scope), (&self.state, self.as_of), of).await
    }

    /// The contract as lists of cases need it.
    pub(in super::super) fn source(&self) -> Source {
        Source {
            contract_state: Arc::clone(&self.state),
            code: self.code.clone(),
            as_of: self.as_of,
            generation: Arc::clone(&self.seen.generation),
            known: self.seen.known,
        }
    }

    pub(super) async fn waited_for_a_plan(
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
        let rows = referral_to_plan::rows(generation, self.scope(ctx)?, self.as_of, rulebook, how).await.or_fault()?;
        Ok(rows.map(|rows| rows.into_iter().map(|row| ReferralToPlan::of(row, &measured.buckets)).collect()))
    }

    /// The months from the start of the contract to the month of `asOf`.
    pub(in super::super) fn whole_contract(&self) -> Months {
        months_of_contract(&self.state, self.as_of)
    }
}
