//! What may be done with subscriptions: make, change, replay and end them.
//!
//! Each order is checked whole before anything is stored. A refusal is typed data. Who may give an order is decided
//! before it arrives here; a subscription outside the scope does not exist.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::addresses::{self, Refused};
use super::keys::{KeyKind, SigningKey};
use super::subscription::{State, Subscription};
use super::tables::{Restart, Settings};
use super::{Fault, KEYS_MAX, Outbox};
use crate::access::{InScope, Scope};
use crate::log::LogError;
use crate::log::append::Expected;
use crate::store::StoreError;
use throughline_domain::fact::envelope::Position;
use throughline_domain::fact::event::EventType;
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// The most subscriptions of one contract that were not ended.
const SUBSCRIPTIONS_MAX: i64 = 50;

/// A subscription to be made.
#[derive(Debug, Clone)]
pub struct NewSubscription {
    /// Its id. The same id again is the same subscription.
    pub id: Uuid,
    /// The address.
    pub url: String,
    /// The types of events to send. None for all types.
    pub types: Option<Vec<String>>,
    /// The kinds of its keys.
    pub keys: Vec<KeyKind>,
    /// Send the events after this position. None: only those that are recorded from now on.
    pub after: Option<Position>,
    /// The login of the sender.
    pub by: String,
    /// The digest of the request.
    pub request: Vec<u8>,
}

/// What to do with a subscription.
#[derive(Debug, Clone)]
pub enum Order {
    /// Change it.
    Change(Change),
    /// Send again every event after this position.
    Replay(Position),
    /// Send nothing more, and remove its keys.
    End,
}

/// The changes of a subscription. What is left out stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// The new address.
    pub url: Option<String>,
    /// The new types of events. `Some(None)` for all types.
    pub types: Option<Option<Vec<String>>>,
    /// Whether to send.
    pub run: Option<Run>,
    /// The kind of a key to add.
    pub add_key: Option<KeyKind>,
    /// The id of a key to remove.
    pub remove_key: Option<Uuid>,
}

/// Whether events are sent, as a person decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// They are, also after the service has stopped it.
    Active,
    /// They are not.
    Paused,
}

/// Whether to carry an order out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Carry it out.
    Act,
    /// Only check it.
    Check,
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Managed {
    /// The subscription.
    pub subscription: Subscription,
    /// The new keys. Only now are their secrets shown.
    pub new_keys: Vec<SigningKey>,
    /// Whether it had been done before.
    pub is_repeated: bool,
}

/// Why an order was not carried out.
#[derive(Debug)]
pub enum ManageError {
    /// It was refused.
    Refused(Vec<Refusal>),
    /// Its id was used for another order.
    IdReused,
    /// The subscription has another version than the order expects.
    Conflict {
        /// The version that it has.
        actual: i64,
    },
    /// The store failed.
    Fault(Fault),
}

impl From<StoreError> for ManageError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<LogError> for ManageError {
    fn from(error: LogError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<Refusal> for ManageError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.alone())
    }
}

/// What follows from a change, besides the changed subscription.
#[derive(Debug, Default)]
struct Effects {
    /// Whether what failed is tried anew, and from where. An attempt under way then no longer counts.
    restart: Option<Restart>,
    added: Vec<SigningKey>,
    removed: Option<Uuid>,
}

impl Outbox {
    /// Makes a subscription to the events of a contract.
    pub async fn create(&self, scope: InScope<'_>, new: NewSubscription, mode: Mode) -> Result<Managed, ManageError> {
        let shared = &self.shared;
        if let Some(made) = shared.tables.find(new.id).await? {
            return self.made_before(made, &new).await;
        }
        if shared.views.live().contract_state(scope).is_none() {
            return Err(Refusal::contract_not_found().into());
        }
        let mut refusals = Vec::new();
        refusals.extend(self.refuses_address(&new.url).await);
        let types = types(new.types, &mut refusals);
        if new.keys.is_empty() || i64::try_from(new.keys.len()).is_ok_and(|keys| keys > KEYS_MAX) {
            let refusal = invalid(format!("a subscription has 1 to {KEYS_MAX} keys"));
            refusals.push(refusal.at("keys"));
        }
        let position = match new.after {
            None => shared.log.head().await?.position,
            Some(after) => {
                refusals.extend(self.refuses_position(after).await?);
                after
            }
        };
        if shared.tables.count_open(scope.contract()).await? >= SUBSCRIPTIONS_MAX {
            let message = format!("the contract has {SUBSCRIPTIONS_MAX} subscriptions: end one that is not needed");
            refusals.push(Refusal::new(RefusalCode::SubscriptionLimit, message).at("contract"));
        }
        if !refusals.is_empty() {
            return Err(ManageError::Refused(refusals));
        }
        let now = shared.clock.now();
        let subscription = Subscription {
            id: new.id,
            contract: scope.contract().to_owned(),
            url: new.url,
            types,
            identity: false,
            state: State::Active,
            reason: None,
            position,
            run: 1,
            version: 1,
            attempted: 0,
            attempts: 0,
            failing_since: None,
            next_attempt: None,
            request: new.request,
            created_by: new.by,
            created_at: now,
        };
        let new_keys: Vec<SigningKey> = new.keys.into_iter().map(|kind| SigningKey::new(kind, now)).collect();
        if mode == Mode::Act && !shared.tables.insert(&subscription, &new_keys).await? {
            return Err(ManageError::IdReused);
        }
        self.announce(mode);
        Ok(Managed { subscription, new_keys, is_repeated: false })
    }

    /// The same order again gives the subscription and its first keys again, but none that was added later: that secret
    /// was shown to the one who added it.
    async fn made_before(&self, made: Subscription, new: &NewSubscription) -> Result<Managed, ManageError> {
        if made.request != new.request || made.created_by != new.by {
            return Err(ManageError::IdReused);
        }
        let mut new_keys = self.shared.tables.keys(made.id).await?;
        new_keys.retain(|key| key.created_at == made.created_at);
        Ok(Managed { subscription: made, new_keys, is_repeated: true })
    }

    /// Changes, replays or ends a subscription in scope.
    pub async fn manage(
        &self,
        scope: &Scope,
        id: Uuid,
        order: Order,
        (expected, mode): (Expected, Mode),
    ) -> Result<Managed, ManageError> {
        let shared = &self.shared;
        let Some(found) = self.find(scope, id).await? else { return Err(not_found().into()) };
        if !expected.allows(found.version) {
            return Err(ManageError::Conflict { actual: found.version });
        }
        if found.state == State::Ended {
            let message = "the subscription was ended, and its keys are gone: create another one";
            let refusal = Refusal::new(RefusalCode::SubscriptionEnded, message);
            return Err(refusal.at("subscription").into());
        }
        let mut changed = found;
        let effects = match order {
            Order::Change(change) => self.change(&mut changed, change).await?,
            Order::Replay(after) => {
                if let Some(refusal) = self.refuses_position(after).await? {
                    return Err(refusal.into());
                }
                changed.position = after;
                if changed.state == State::Disabled {
                    activate(&mut changed);
                }
                Effects { restart: Some(Restart::After(after)), ..Effects::default() }
            }
            Order::End => {
                changed.state = State::Ended;
                Effects { restart: Some(Restart::WhereItStands), ..Effects::default() }
            }
        };
        if mode == Mode::Act {
            let Effects { restart, ref added, removed } = effects;
            if !shared.tables.change(Settings { changed: &changed, restart, added, removed }).await? {
                let now = shared.tables.find(id).await?.map_or(changed.version, |now| now.version);
                return Err(ManageError::Conflict { actual: now });
            }
        }
        self.announce(mode);
        let subscription = if mode == Mode::Act { shared.tables.find(id).await? } else { None };
        let subscription = subscription.unwrap_or(changed);
        Ok(Managed { subscription, new_keys: effects.added, is_repeated: false })
    }

    async fn change(&self, changed: &mut Subscription, change: Change) -> Result<Effects, ManageError> {
        let (mut refusals, mut effects) = (Vec::new(), Effects::default());
        if let Some(url) = change.url {
            refusals.extend(self.refuses_address(&url).await);
            effects.restart = Some(Restart::WhereItStands);
            changed.url = url;
        }
        if let Some(named) = change.types {
            effects.restart = Some(Restart::WhereItStands);
            changed.types = types(named, &mut refusals);
        }
        match change.run {
            Some(Run::Active) => {
                effects.restart = Some(Restart::WhereItStands);
                activate(changed);
            }
            Some(Run::Paused) => changed.state = State::Paused,
            None => {}
        }
        let keys = self.shared.tables.keys(changed.id).await?;
        let mut count = i64::try_from(keys.len()).unwrap_or(i64::MAX);
        if let Some(removed) = change.remove_key {
            if keys.iter().any(|key| key.id == removed) {
                count -= 1;
                effects.removed = Some(removed);
            } else {
                let known = keys.iter().map(|key| key.id);
                let refusal = Refusal::new(RefusalCode::KeyNotFound, "the subscription has no key with this id");
                refusals.push(refusal.at("remove_key").allowing(known));
            }
        }
        if let Some(kind) = change.add_key {
            count += 1;
            effects.added.push(SigningKey::new(kind, self.shared.clock.now()));
        }
        if count == 0 {
            let message = "a subscription needs a key: add another one first, or in the same command";
            refusals.push(Refusal::new(RefusalCode::LastKey, message).at("remove_key"));
        }
        if count > KEYS_MAX {
            let refusal = invalid(format!("a subscription has at most {KEYS_MAX} keys: remove one first"));
            refusals.push(refusal.at("add_key"));
        }
        if refusals.is_empty() { Ok(effects) } else { Err(ManageError::Refused(refusals)) }
    }

    fn announce(&self, mode: Mode) {
        if mode == Mode::Act {
            self.shared.changed.send_modify(|changes| *changes += 1);
        }
    }

    async fn refuses_address(&self, url: &str) -> Option<Refusal> {
        let reach = self.terms.reach;
        let refused = match addresses::read(url, reach) {
            Ok(url) => addresses::check_name(&url, reach).await.err()?,
            Err(refused) => refused,
        };
        let code = match refused {
            Refused::Private(_) | Refused::Clear(_) => RefusalCode::AddressNotAllowed,
            Refused::Unreadable | Refused::TooLong | Refused::Scheme | Refused::Credentials => {
                RefusalCode::InvalidValue
            }
        };
        Some(Refusal::new(code, refused.to_string()).at("url"))
    }

    async fn refuses_position(&self, after: Position) -> Result<Option<Refusal>, LogError> {
        let within = self.shared.log.within(after).await?;
        Ok(within.err().map(|elsewhere| invalid(elsewhere.to_string()).at("after")))
    }
}

/// The service tries again what it has stopped.
fn activate(changed: &mut Subscription) {
    changed.state = State::Active;
    changed.reason = None;
}

/// The named types of events; none for all types.
fn types(named: Option<Vec<String>>, refusals: &mut Vec<Refusal>) -> Option<BTreeSet<String>> {
    let named = named?;
    if named.is_empty() {
        refusals.push(invalid("name at least one type, or leave it out for all types").at("types"));
    }
    for (at, name) in named.iter().enumerate().filter(|(_, name)| EventType::named(name).is_none()) {
        let message = format!("unknown event type {name:?}: use a type such as ContactLogged");
        refusals.push(invalid(message).at(format!("types.{at}")));
    }
    Some(named.into_iter().collect())
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::InvalidValue, message)
}

fn not_found() -> Refusal {
    let message = "no subscription has this id: list those of the contract";
    Refusal::new(RefusalCode::SubscriptionNotFound, message).at("subscription")
}
