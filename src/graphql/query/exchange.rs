//! The queries about what is exchanged with other systems: webhooks, imports and offered referrals.

use async_graphql::{Context, Object, Result};

use crate::graphql::bounds::PageLength;
use crate::graphql::context::RequestContext as _;
use crate::graphql::import_job::{self, ImportJob};
use crate::graphql::imports::{self, ImportRun, ImportSource};
use crate::graphql::offer::{self, OfferState, OfferedReferral};
use crate::graphql::page::Page;
use crate::graphql::scalars::Id;
use crate::graphql::webhook::{self, WebhookSubscription};
use crate::queries::offers::OfferFilter;
use throughline_domain::fact::envelope::OfferId;
use throughline_domain::people::login;

/// The queries about what is exchanged with other systems.
#[derive(Default)]
pub(super) struct ExchangeQueries;

#[Object]
impl ExchangeQueries {
    /// The webhook subscriptions of a contract, in the order in which they were made. Null if there is no contract with
    /// this code in your scope.
    async fn subscriptions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code of the contract, such as `shps`.")] contract: String,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Option<Result<Page<WebhookSubscription>>> {
        webhook::subscriptions(ctx, contract, (first, after)).await.transpose()
    }

    /// The imports of a source, the newest first. Null if there is no source with this name in your scope. The code of a
    /// contract is the source of the events that are sent without a mapping.
    async fn import_jobs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The name of the source, as in `POST /import/{source}`.")] source: String,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Option<Result<Page<ImportJob>>> {
        import_job::of_source(ctx, &source, (first, after)).await.transpose()
    }

    /// One import. Null if there is no import with this id in your scope.
    async fn import_job(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the import.")] id: Id,
    ) -> Option<Result<ImportJob>> {
        ImportJob::find(ctx, id.0).await.transpose()
    }

    /// The referral inbox of a contract: the referrals that partners offered, by the day of the referral, oldest first.
    /// Null if there is no contract with this code in your scope.
    async fn referral_inbox(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code of the contract, such as `shps`.")] contract: String,
        #[graphql(desc = "Only offered referrals in this state.")] state: Option<OfferState>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Option<Result<Page<OfferedReferral>>> {
        let filter = OfferFilter { state: state.map(Into::into), ..OfferFilter::default() };
        offer::page(ctx, (contract, filter), (first, after)).await.transpose()
    }

    /// The referrals that you offered to a contract, by the day of the referral, oldest first. Null if there is no
    /// contract with this code in your scope.
    async fn sent_referrals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code of the contract, such as `shps`.")] contract: String,
        #[graphql(desc = "Only referrals from this system of yours.")] source: Option<String>,
        #[graphql(desc = "Only offered referrals in this state.")] state: Option<OfferState>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Option<Result<Page<OfferedReferral>>> {
        let partner = Some(login::key(&ctx.caller().principal.subject));
        let filter = OfferFilter { state: state.map(Into::into), partner, source };
        offer::page(ctx, (contract, filter), (first, after)).await.transpose()
    }

    /// One offered referral: of a contract whose referral inbox you may read, or one that you sent.
    async fn offered_referral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the offered referral.")] id: Id,
    ) -> Option<Result<OfferedReferral>> {
        offer::one(ctx, OfferId(id.0)).await.transpose()
    }

    /// The systems whose files are imported, each for one contract, by name.
    async fn sources(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<ImportSource>> {
        imports::sources(ctx, (first, after)).await
    }

    /// The runs in which files of a system were imported, sent as jobs or on the command line, newest first. The same
    /// files again, with nothing new in them, are no further run. Events are imported without runs.
    async fn import_runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The name of the system, as its mapping states it.")] system: String,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<ImportRun>> {
        imports::runs(ctx, &system, (first, after)).await
    }
}
