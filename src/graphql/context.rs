//! What every resolver may reach: the deployment's parts, and who is asking.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, Result};
use chrono::NaiveDate;

use super::fault::fault;
use crate::access::policy::{Action, Redaction, policy};
use crate::access::relation::{Relation, Standing};
use crate::access::{InScope, Principal};
use crate::clock::Clock;
use crate::log::Log;
use crate::record::{DEPLOYMENT_ZONE, Recorder, civil_day};
use crate::store::StoreError;
use crate::views::Views;
use crate::views::generation::Generation;
use throughline_domain::contract::Contract;
use throughline_domain::fact::envelope::JourneyId;

/// The deployment's parts, the same for every request.
#[derive(Clone)]
pub struct Parts {
    /// The log.
    pub log: Log,
    /// The live view.
    pub views: Views,
    /// The write side.
    pub recorder: Recorder,
    /// What tells the time.
    pub clock: Arc<Clock>,
}

/// Who asks, and the generation that they see from beginning to end.
pub struct Caller {
    /// Who asks.
    pub principal: Principal,
    /// The view that answers, whatever is switched meanwhile.
    pub generation: Arc<Generation>,
}

/// Short ways to what a resolver needs.
pub trait Asked {
    /// The deployment's parts.
    fn parts(&self) -> &Parts;
    /// Who asks.
    fn caller(&self) -> &Caller;
    /// The contract of this code, where the caller may know of it.
    fn in_scope<'c>(&'c self, code: &'c str) -> Option<InScope<'c>> {
        self.caller().principal.scope.contract(code)
    }
    /// Whether the caller's role may do this, whatever it is about.
    fn may(&self, action: Action) -> bool {
        policy(&self.caller().principal, action, Relation::Own).is_ok()
    }
    /// Whether this is kept back from the caller.
    fn redacts(&self, redaction: Redaction) -> bool {
        let allow = policy(&self.caller().principal, Action::LookAround, Relation::Own);
        allow.map_or(true, |allow| allow.redacts(redaction))
    }
    /// Today's civil date where no contract says in which zone.
    fn deployment_today(&self) -> NaiveDate {
        civil_day(self.parts().clock.now(), DEPLOYMENT_ZONE)
    }
    /// Today's civil date in a contract's zone.
    fn today(&self, contract: &Contract) -> NaiveDate {
        civil_day(self.parts().clock.now(), contract.zone().unwrap_or(DEPLOYMENT_ZONE))
    }
}

/// Whose cases the caller's rights reach now.
pub async fn standing(ctx: &Context<'_>) -> Result<Standing> {
    let caller = ctx.caller();
    caller.generation.standing(&caller.principal, ctx.deployment_today()).await.or_fault()
}

/// Which of these journeys, each named with the code of its contract, the caller may read: one statement at most.
pub async fn readable(ctx: &Context<'_>, journeys: &[(JourneyId, &str)]) -> Result<BTreeSet<JourneyId>> {
    let caller = ctx.caller();
    caller.generation.readable(&caller.principal, ctx.deployment_today(), journeys).await.or_fault()
}

/// What the caller is now to one of the journeys of an answer, read together with the others.
pub async fn relation(ctx: &Context<'_>, journey: JourneyId, contract: &str) -> Result<Relation> {
    let loader: &DataLoader<Relations> = ctx.data_unchecked();
    let found = loader.load_one((journey, contract.to_owned())).await.map_err(|error| fault(&*error))?;
    Ok(found.unwrap_or(Relation::Outside))
}

/// Reads what somebody is to many journeys in one statement, anew each time: a subscription outlives a right.
pub struct Relations {
    /// Who asks.
    pub principal: Principal,
    /// The view that answers.
    pub generation: Arc<Generation>,
    /// What tells the day.
    pub clock: Arc<Clock>,
}

impl Loader<(JourneyId, String)> for Relations {
    type Value = Relation;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[(JourneyId, String)]) -> Result<HashMap<(JourneyId, String), Relation>, Self::Error> {
        let journeys: Vec<(JourneyId, &str)> = keys.iter().map(|(id, code)| (*id, code.as_str())).collect();
        let today = civil_day(self.clock.now(), DEPLOYMENT_ZONE);
        let found = self.generation.relations(&self.principal, today, &journeys).await?;
        let told = |key: &(JourneyId, String)| found.get(&key.0).map(|relation| (key.clone(), *relation));
        Ok(keys.iter().filter_map(told).collect())
    }
}

impl Asked for Context<'_> {
    fn parts(&self) -> &Parts {
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
