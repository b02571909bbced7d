//! Mutations on access to the deployment: roles, sessions and keys of machines. They take effect on the next request.

use chrono::Days;

use super::input::access::{
    GrantRoleInput, IssueApiKeyInput, RevokeApiKeyInput, RevokeRoleInput, RevokeSessionsInput, RotateApiKeyInput,
};
use super::input::convert::Conversion;
use super::input_path::SentInput;
use super::mutations::mutations;
use super::payload::{ApiKeyPayload, Outcome, RoleGrantPayload, SessionsPayload};
use super::{Answered, answered, own_id, record};
use crate::access::api_key::NewKey;
use crate::clock::{Chance, Clock};
use crate::graphql::access::recorded;
use crate::graphql::context::RequestContext as _;
use throughline_domain::command::{Command, When};
use throughline_domain::fact::envelope::{ApiKeyId, GrantId, StreamId};
use throughline_domain::fact::event::{ApiKeyIssued, Event, SessionsRevoked};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// The mutations on access to the deployment.
#[derive(Default)]
pub(super) struct AccessMutations;

/// The days for which a key that is replaced is still accepted, unless the command says otherwise.
const OVERLAP: Days = Days::new(7);

/// The command that records a fact about access, dated today.
fn of_deployment(fact: impl Into<Event>) -> Command {
    Command::record_fact(StreamId::deployment(), When::TODAY, fact)
}

mutations! {
    AccessMutations

    /// Grants a role to a login, for some contracts. It counts for tokens of issuers whose roles are from this
    /// deployment, from the next request on. A login has one role for each issuer.
    grant_role(ctx, input: GrantRoleInput) -> RoleGrantPayload {
        answered(async {
            let id = GrantId(own_id(&input.stamp, "grant", input.grant));
            let stamp = input.stamp.clone();
            let outcome = record(ctx, stamp, Conversion::default(), of_deployment(input.read(id))).await?;
            RoleGrantPayload::of(ctx, id, outcome).await
        })
        .await
    }

    /// Revokes a granted role. The next request of the login is refused, and its open sockets and streams are closed.
    revoke_role(ctx, input: RevokeRoleInput) -> RoleGrantPayload {
        answered(async {
            let (id, stamp) = (GrantId(input.grant.0), input.stamp.clone());
            let outcome = record(ctx, stamp, Conversion::default(), of_deployment(input.read())).await?;
            RoleGrantPayload::of(ctx, id, outcome).await
        })
        .await
    }

    /// Ends all sessions of a login: tokens that were issued to it until now are no longer accepted, whatever their
    /// issuer. New tokens are. To keep a person out, revoke their role or disable their account at the identity
    /// provider.
    revoke_sessions(ctx, input: RevokeSessionsInput) -> SessionsPayload {
        answered(async {
            let now = Clock::Machine.now();
            let (stamp, conversion, login) = (input.stamp.clone(), input.not_ahead(now), input.login.clone());
            let issued_before = input.issued_before.map_or(now, |before| before.0);
            let fact = SessionsRevoked { login: input.login, issued_before, reason: input.reason };
            let outcome = record(ctx, stamp, conversion, of_deployment(fact)).await?;
            Ok(SessionsPayload::of(login, outcome))
        })
        .await
    }

    /// Issues a key with which a machine signs in as an integrator: it sends the key as its bearer token. The key is
    /// shown once, in this answer, and only its digest is stored.
    issue_api_key(ctx, input: IssueApiKeyInput) -> ApiKeyPayload {
        answered(async {
            let (id, made) = (ApiKeyId(own_id(&input.stamp, "key", input.key)), NewKey::make(&Chance::System));
            let fact = ApiKeyIssued {
                key: id,
                label: input.label,
                digest: made.digest,
                contracts: input.contracts,
                areas: input.areas,
                expires_on: input.expires_on.0,
                replaces: None,
                replaced_until: None,
            };
            let outcome = record(ctx, input.stamp, Conversion::default(), of_deployment(fact)).await?;
            ApiKeyPayload::of(ctx, id, (made.secret, outcome)).await
        })
        .await
    }

    /// Issues a key that replaces another one, with the same label, contracts and areas. Both are accepted until the old
    /// one ends, so that the machine can be changed without a gap.
    rotate_api_key(ctx, input: RotateApiKeyInput) -> ApiKeyPayload {
        answered(async {
            let (id, made) = (ApiKeyId(own_id(&input.stamp, "key", None)), NewKey::make(&Chance::System));
            let access = recorded(ctx).await?;
            let Some(old) = access.key(ApiKeyId(input.key.0)) else {
                let message = "there is no key with this id: see apiKeys";
                let refusal = Refusal::new(RefusalCode::ApiKeyNotFound, message).at("key");
                let outcome = Outcome::refused(refusal.alone(), &SentInput::of(ctx)?);
                return ApiKeyPayload::of(ctx, id, (made.secret, outcome)).await;
            };
            let until = input.old_until.map(|day| day.0);
            let until = until.or_else(|| ctx.deployment_today().checked_add_days(OVERLAP));
            let old = old.details.clone();
            let fact = ApiKeyIssued {
                key: id,
                digest: made.digest,
                expires_on: input.expires_on.0,
                replaces: Some(old.key),
                replaced_until: until,
                ..old
            };
            let outcome = record(ctx, input.stamp, Conversion::default(), of_deployment(fact)).await?;
            ApiKeyPayload::of(ctx, id, (made.secret, outcome)).await
        })
        .await
    }

    /// Revokes a key of a machine. Its next request is refused.
    revoke_api_key(ctx, input: RevokeApiKeyInput) -> ApiKeyPayload {
        answered(async {
            let (id, stamp) = (ApiKeyId(input.key.0), input.stamp.clone());
            let outcome = record(ctx, stamp, Conversion::default(), of_deployment(input.read())).await?;
            ApiKeyPayload::without_secret(ctx, id, outcome).await
        })
        .await
    }
}
