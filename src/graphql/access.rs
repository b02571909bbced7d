//! Access to the deployment in the API: granted roles and the keys of machines.
//!
//! Only for administrators of the whole deployment. A key itself is never shown here, and its digest neither.

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, Result, SimpleObject};
use chrono::{DateTime, NaiveDate, Utc};

use super::bounds::PageLength;
use super::context::{OrFault as _, RequestContext as _};
use super::cursor::{Cursors, Parts};
use super::page::{self, Listed, Page};
use super::scalars::{Date, Instant};
use crate::log::LogError;
use throughline_domain::access::{self, Access};
use throughline_domain::fact::envelope::{ApiKeyId, GrantId, StreamId};
use throughline_domain::fact::{History, Recorded};

/// The role of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "throughline_domain::fact::role::Role")]
pub enum Role {
    /// Works with clients.
    Keyworker,
    /// Allocates and monitors caseloads, prepares claims.
    Manager,
    /// Reads performance, decides claims, pays.
    Commissioner,
    /// Replays history. Changes nothing.
    Auditor,
    /// A machine that imports referrals and snapshots.
    Integrator,
    /// Opens contracts, publishes rulebooks, manages access.
    Administrator,
}

/// A role that this deployment granted to a login.
#[derive(Debug, Clone, SimpleObject)]
pub struct RoleGrant {
    /// The id of the grant.
    grant: ID,
    /// The login, as it was given. Logins are compared without regard to case.
    login: String,
    /// The only issuer whose tokens count. Null: every issuer that the server trusts.
    issuer: Option<String>,
    /// The role.
    role: Role,
    /// The contracts, by code; `*` for every contract.
    contracts: Vec<String>,
    /// The service areas that the role is limited to, by code. Empty: all.
    areas: Vec<String>,
    /// The first day without the role, if it was given.
    until: Option<Date>,
    /// Whether the role can be used today.
    in_force: bool,
    /// When the role was granted.
    granted_at: Instant,
    /// The login of the person who granted it.
    granted_by: String,
    /// When the role was revoked, if it was.
    revoked_at: Option<Instant>,
    /// The login of the person who revoked it.
    revoked_by: Option<String>,
}

/// A key with which a machine signs in. Its role is integrator.
#[derive(Debug, Clone, SimpleObject)]
pub struct ApiKey {
    /// The id of the key.
    key: ID,
    /// The name of the machine. Records name it as their author.
    label: String,
    /// The contracts, by code; `*` for every contract.
    contracts: Vec<String>,
    /// The service areas that the key is limited to, by code. Empty: all.
    areas: Vec<String>,
    /// The first day on which the key is no longer accepted.
    expires_on: Date,
    /// Whether the key is accepted today.
    in_force: bool,
    /// When the key was issued.
    issued_at: Instant,
    /// The login of the person who issued it.
    issued_by: String,
    /// When the key was revoked, if it was.
    revoked_at: Option<Instant>,
    /// The login of the person who revoked it.
    revoked_by: Option<String>,
    /// The id of the key that replaces this one, if it was rotated.
    replaced_by: Option<ID>,
    /// When the key was last used, to the minute. Null if it was never used.
    last_used_at: Option<Instant>,
}

impl RoleGrant {
    fn of(grant: &access::Grant, today: NaiveDate) -> Self {
        let details = &grant.details;
        Self {
            grant: ID(details.grant.to_string()),
            login: details.login.clone(),
            issuer: details.issuer.clone(),
            role: details.role.into(),
            contracts: details.contracts.clone(),
            areas: details.areas.clone(),
            until: details.until.map(Date),
            in_force: grant.is_in_force(today),
            granted_at: Instant(grant.granted.at),
            granted_by: grant.granted.by.clone(),
            revoked_at: grant.revoked.as_ref().map(|revoked| Instant(revoked.at)),
            revoked_by: grant.revoked.as_ref().map(|revoked| revoked.by.clone()),
        }
    }
}

impl ApiKey {
    fn of(key: &access::ApiKey, used: &HashMap<ApiKeyId, DateTime<Utc>>, today: NaiveDate) -> Self {
        let details = &key.details;
        Self {
            key: ID(details.key.to_string()),
            label: details.label.clone(),
            contracts: details.contracts.clone(),
            areas: details.areas.clone(),
            expires_on: Date(key.ends_on),
            in_force: key.is_in_force(today),
            issued_at: Instant(key.issued.at),
            issued_by: key.issued.by.clone(),
            revoked_at: key.revoked.as_ref().map(|revoked| Instant(revoked.at)),
            revoked_by: key.revoked.as_ref().map(|revoked| revoked.by.clone()),
            replaced_by: key.replaced_by.map(|by| ID(by.to_string())),
            last_used_at: used.get(&details.key).copied().map(Instant),
        }
    }
}

/// A list about access as a whole.
#[derive(Debug, SimpleObject)]
pub struct AccessTotals {
    /// The number of entries on all pages.
    total_count: usize,
}

impl Listed for RoleGrant {
    type Totals = AccessTotals;
    const PAGE: &'static str = "A page of grants, in the order in which they were recorded.";
    const EDGE: &'static str = "A grant with its cursor.";
    const ONE: &'static str = "grant";
    const MANY: &'static str = "grants";
}

impl Listed for ApiKey {
    type Totals = AccessTotals;
    const PAGE: &'static str = "A page of keys of machines, in the order in which they were issued.";
    const EDGE: &'static str = "A key with its cursor.";
    const ONE: &'static str = "key";
    const MANY: &'static str = "keys";
}

/// Everything that the log says about access now.
pub(super) async fn recorded(ctx: &Context<'_>) -> Result<Access> {
    let events = ctx.app().log.stream(StreamId::deployment()).await.or_fault()?;
    let mut history = History::default();
    for event in &events {
        history.evolve(Recorded::decode(event).map_err(|error| LogError::Payload(Box::new(error))).or_fault()?);
    }
    Ok(Access::of(&history))
}

/// The place of a page in a list that is read whole.
fn skipped(list: &str, after: Option<&str>, length: usize) -> Result<(Cursors, usize)> {
    let cursors = Cursors::of(list);
    let after: Option<usize> = cursors.place(after, Parts::part)?;
    Ok((cursors, after.unwrap_or(0).min(length)))
}

/// A page of the grants.
pub(super) async fn grants(ctx: &Context<'_>, (first, after): (PageLength, Option<String>)) -> Result<Page<RoleGrant>> {
    let (access, today) = (recorded(ctx).await?, ctx.deployment_today());
    let (cursors, skipped) = skipped("grants", after.as_deref(), access.grants.len())?;
    let (shown, more) = page::part(&access.grants, skipped, first);
    let rows = shown.iter().map(|grant| Some(RoleGrant::of(grant, today)));
    let cursors = (skipped + 1..).map(|at| cursors.cursor(at));
    Ok(Page::of(cursors.zip(rows), more, AccessTotals { total_count: access.grants.len() }))
}

/// A page of the keys of machines.
pub(super) async fn api_keys(ctx: &Context<'_>, (first, after): (PageLength, Option<String>)) -> Result<Page<ApiKey>> {
    let (access, today) = (recorded(ctx).await?, ctx.deployment_today());
    let (cursors, skipped) = skipped("apiKeys", after.as_deref(), access.keys.len())?;
    let (shown, more) = page::part(&access.keys, skipped, first);
    let used = last_uses(ctx, shown.iter()).await?;
    let rows = shown.iter().map(|key| Some(ApiKey::of(key, &used, today)));
    let cursors = (skipped + 1..).map(|at| cursors.cursor(at));
    Ok(Page::of(cursors.zip(rows), more, AccessTotals { total_count: access.keys.len() }))
}

async fn last_uses(
    ctx: &Context<'_>,
    keys: impl Iterator<Item = &access::ApiKey>,
) -> Result<HashMap<ApiKeyId, DateTime<Utc>>> {
    let ids: Vec<ApiKeyId> = keys.map(|key| key.details.key).collect();
    ctx.app().log.key_uses(&ids).await.or_fault()
}

/// One grant.
pub(super) async fn grant(ctx: &Context<'_>, id: GrantId) -> Result<Option<RoleGrant>> {
    let today = ctx.deployment_today();
    Ok(recorded(ctx).await?.grant(id).map(|grant| RoleGrant::of(grant, today)))
}

/// One key.
pub(super) async fn api_key(ctx: &Context<'_>, id: ApiKeyId) -> Result<Option<ApiKey>> {
    let (access, today) = (recorded(ctx).await?, ctx.deployment_today());
    let Some(key) = access.key(id) else { return Ok(None) };
    let used = last_uses(ctx, std::iter::once(key)).await?;
    Ok(Some(ApiKey::of(key, &used, today)))
}
