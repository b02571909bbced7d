//! The context of a resolver: the application and the caller.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, Result};
use chrono::NaiveDate;

use super::fault::fault;
use crate::access::policy::{Action, Redaction, policy};
use crate::access::relation::{Relation, Standing};
use crate::access::{InScope, Principal};
use crate::app::App;
use crate::clock::Clock;
use crate::queries;
use crate::record::{DEPLOYMENT_ZONE, civil_day};
use crate::store::StoreError;
use crate::views::generation::Generation;
use throughline_domain::contract::Contract;
use throughline_domain::fact::envelope::JourneyId;

/// The caller and the generation that answers the whole request.
pub struct Caller {
    /// The authenticated principal.
    pub principal: Principal,
    /// The view that answers, even if another generation goes live in the meantime.
    pub generation: Arc<Generation>,
}

/// Shortcuts to what a resolver needs.
pub trait RequestContext {
    /// The application.
    fn app(&self) -> &App;
    /// The caller.
    fn caller(&self) -> &Caller;
    /// The contract with this code, if it is in the caller's scope.
    fn in_scope<'c>(&'c self, code: &'c str) -> Option<InScope<'c>> {
        self.caller().principal.scope.contract(code)
    }
    /// Whether the caller's role allows this action at all.
    fn may(&self, action: Action) -> bool {
        policy(&self.caller().principal, action, Relation::Own).is_ok()
    }
    /// Whether this kind of data is hidden from the caller.
    fn redacts(&self, redaction: Redaction) -> bool {
        let allow = policy(&self.caller().principal, Action::LookAround, Relation::Own);
        allow.map_or(true, |allow| allow.redacts(redaction))
    }
    /// Today's date in the deployment's time zone, for data outside any contract.
    fn deployment_today(&self) -> NaiveDate {
        civil_day(self.app().clock.now(), DEPLOYMENT_ZONE)
    }
    /// Today's date in a contract's time zone.
    fn today(&self, contract: &Contract) -> NaiveDate {
        civil_day(self.app().clock.now(), contract.zone().unwrap_or(DEPLOYMENT_ZONE))
    }
}

/// The cases that the caller's rights cover now.
pub async fn standing(ctx: &Context<'_>) -> Result<Standing> {
    let caller = ctx.caller();
    queries::caseload_scope::standing(&caller.generation, &caller.principal, ctx.deployment_today()).await.or_fault()
}

/// Which of these cases, each given with the code of its contract, the caller may read. At most one statement.
pub async fn readable(ctx: &Context<'_>, journeys: &[(JourneyId, &str)]) -> Result<BTreeSet<JourneyId>> {
    let caller = ctx.caller();
    queries::caseload_scope::readable(&caller.generation, &caller.principal, ctx.deployment_today(), journeys)
        .await
        .or_fault()
}

/// The caller's relation to a case now. Batched with the other cases of the response.
pub async fn relation(ctx: &Context<'_>, journey: JourneyId, contract: &str) -> Result<Relation> {
    let loader: &DataLoader<Relations> = ctx.data_unchecked();
    let found = loader.load_one((journey, contract.to_owned())).await.map_err(|error| fault(&*error))?;
    Ok(found.unwrap_or(Relation::Outside))
}

/// Reads a caller's relation to many cases in one statement. Nothing is cached, because a right can end during a
/// subscription.
pub struct Relations {
    /// The authenticated principal.
    pub principal: Principal,
    /// The view that answers.
    pub generation: Arc<Generation>,
    /// The clock.
    pub clock: Arc<Clock>,
}

impl Loader<(JourneyId, String)> for Relations {
    type Value = Relation;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[(JourneyId, String)]) -> Result<HashMap<(JourneyId, String), Relation>, Self::Error> {
        let journeys: Vec<(JourneyId, &str)> = keys.iter().map(|(id, code)| (*id, code.as_str())).collect();
        let today = civil_day(self.clock.now(), DEPLOYMENT_ZONE);
        let found = queries::caseload_scope::relations(&self.generation, &self.principal, today, &journeys).await?;
        let relation_of = |key: &(JourneyId, String)| found.get(&key.0).map(|relation| (key.clone(), *relation));
        Ok(keys.iter().filter_map(relation_of).collect())
    }
}

impl RequestContext for Context<'_> {
    fn app(&self) -> &App {
        self.data_unchecked()
    }

    fn caller(&self) -> &Caller {
        self.data_unchecked()
    }
}

/// Turns a fault into the error that a client may see.
pub trait OrFault<T> {
    /// The value, or an internal error.
    fn or_fault(self) -> Result<T>;
}

impl<T, E: std::error::Error + 'static> OrFault<T> for Result<T, E> {
    fn or_fault(self) -> Result<T> {
        self.map_err(|error| fault(&error))
    }
}
