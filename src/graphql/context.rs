//! What every resolver may reach: the deployment's parts, and who is asking.

use std::sync::Arc;

use async_graphql::{Context, Result};
use chrono::NaiveDate;

use super::code::Code;
use super::transport::fault;
use crate::access::policy::{Action, policy};
use crate::access::{InScope, Principal};
use crate::clock::Clock;
use crate::contract::Contract;
use crate::log::Log;
use crate::record::{DEPLOYMENT_ZONE, Recorder, civil_day};
use crate::views::Views;
use crate::views::generation::Generation;

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
    fn in_scope<'c>(&self, code: &'c str) -> Option<InScope<'c>> {
        self.caller().principal.scope.contract(code)
    }
    /// Refuses a caller whose role may not do this.
    fn allow(&self, action: Action) -> Result<()> {
        policy(&self.caller().principal, action).map_err(|denied| Code::Forbidden.error(denied.to_string()))
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
