//! The fields of a contract about its leagues, prices and outcomes. They are part of `Contract`, which has no room for
//! them in its own file.
//!
//! Nothing is computed here.

use async_graphql::{Context, Object, Result};

use super::contract::Contract;
use super::league::{self, League};
use super::outcomes::{self, OutcomeBoard, OutcomePrice, OutcomesBy};
use super::period::PeriodInput;

/// Some fields of a contract.
pub struct OutcomeBoards<'c> {
    contract: &'c Contract,
}

impl<'c> OutcomeBoards<'c> {
    /// The fields of a contract.
    pub(super) const fn of(contract: &'c Contract) -> Self {
        Self { contract }
    }
}

/// Some fields of a contract.
#[Object]
impl OutcomeBoards<'_> {
    /// A league of the rulebook: service areas, teams or keyworkers by rank. Equal ones share a rank: 1, 2, 3, 3, 5.
    /// Null for those who see only some service areas, because a rank among these would be another one.
    async fn league(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code of the league. `rulebook { leagues { code } }` lists them.")] code: String,
        #[graphql(desc = "The period. Default: from the start of the contract to the end of the month of `asOf`.")]
        period: Option<PeriodInput>,
    ) -> Option<Result<League>> {
        league::league(ctx, self.contract, (&code, period)).await.transpose()
    }

    /// The prices in force at `asOf`, outcome by outcome, with what was achieved at each in a period.
    async fn prices(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The period of `units` and `amount`. Default: from the start of the contract to the end of the \
            month of `asOf`."
        )]
        period: Option<PeriodInput>,
    ) -> Result<Vec<OutcomePrice>> {
        outcomes::prices(ctx, self.contract, period).await
    }

    /// The outcomes: how many were achieved, submitted, rejected, accepted and paid, as a share of those who started,
    /// and their value against targets.
    async fn outcomes(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "OutcomesBy::Cohort", desc = "How to break down the figures.")] by: OutcomesBy,
        #[graphql(desc = "The period. Default: from the start of the contract to the end of the month of `asOf`.")]
        period: Option<PeriodInput>,
    ) -> Result<OutcomeBoard> {
        outcomes::board(ctx, self.contract, (by, period)).await
    }
}
