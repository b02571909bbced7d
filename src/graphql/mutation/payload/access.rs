//! The payloads of commands about who may use the service, and who sees whom.

use async_graphql::{Context, Result, SimpleObject};

use super::{Event, Outcome, Position, Problem, SubjectId, subject};
use crate::access::InScope;
use crate::graphql::access::{self, ApiKey, RoleGrant};
use crate::graphql::context::RequestContext as _;
use crate::graphql::people::Subject;
use crate::graphql::reveal::{self, Reveal};
use throughline_domain::fact::envelope::{ApiKeyId, GrantId, RevealId};

payload! {
    /// The result of a command on a granted role.
    RoleGrantPayload {
        /// The grant. Null if the command was refused.
        grant: RoleGrant
    }
}

payload! {
    /// The result of a command on a key of a machine.
    ApiKeyPayload {
        /// The key, without its text. Null if the command was refused.
        api_key: ApiKey,
        /// The text of a new key, which the machine sends as its bearer token. It is shown only here and only now: null
        /// if the command was refused, or was sent again.
        secret: String,
    }
}

payload! {
    /// The result of a command on a reveal.
    RevealPayload {
        /// The reveal. Null if the command was refused.
        reveal: Reveal,
        /// The subject, with its identity as far as you may open it now. Null if the command was refused or you may not
        /// see the subject.
        subject: Subject,
    }
}

payload! {
    /// The result of ending the sessions of a login.
    SessionsPayload {
        /// The login. Null if the command was refused.
        login: String
    }
}

impl RoleGrantPayload {
    /// The payload of a command on this grant.
    pub async fn of(ctx: &Context<'_>, id: GrantId, mut outcome: Outcome) -> Result<Self> {
        let read = if outcome.accepted() { access::grant(ctx, id).await } else { Ok(None) };
        Ok(Self::with(outcome.about(read)?, outcome))
    }
}

impl ApiKeyPayload {
    /// The payload of a command that issues this key, with its text if it was issued now.
    pub async fn of(ctx: &Context<'_>, id: ApiKeyId, (secret, outcome): (String, Outcome)) -> Result<Self> {
        let secret = Some(secret).filter(|_| outcome.accepted() && !outcome.replayed);
        Ok(Self { secret, ..Self::without_secret(ctx, id, outcome).await? })
    }

    /// The payload of another command on this key.
    pub async fn without_secret(ctx: &Context<'_>, id: ApiKeyId, mut outcome: Outcome) -> Result<Self> {
        let read = if outcome.accepted() { access::api_key(ctx, id).await } else { Ok(None) };
        Ok(Self::with(outcome.about(read)?, None, outcome))
    }
}

impl RevealPayload {
    /// The payload of a command on this reveal of a subject, for a contract.
    pub async fn of(
        ctx: &Context<'_>,
        (id, contract): (SubjectId, &str),
        reveal: RevealId,
        mut outcome: Outcome,
    ) -> Result<Self> {
        let read = if outcome.accepted() { reveal::find(ctx, id, reveal).await } else { Ok(None) };
        let reveal = outcome.about(read)?;
        let read = subject(ctx, id, &outcome).await;
        // Nobody learns a pseudonym of a contract that they may not see.
        let seen = ctx.in_scope(contract).map(InScope::contract);
        let subject = outcome.about(read)?.map(|subject| subject.in_contract(seen));
        Ok(Self::with(reveal, subject, outcome))
    }
}

impl SessionsPayload {
    /// The payload of ending the sessions of this login.
    pub fn of(login: String, outcome: Outcome) -> Self {
        Self::with(Some(login).filter(|_| outcome.accepted()), outcome)
    }
}
