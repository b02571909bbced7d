//! Mutations about contracts: their terms and their rules.

use async_graphql::{Context, Object, Result};

use super::input::{OpenContractInput, PublishRulebookInput};
use super::payload::ContractPayload;
use super::{deployment_today, record};
use crate::contract::command::{OpenContract, PublishRulebook, Publisher};
use crate::journey::command::Command;
use crate::journey::event::{ContractOpened, Party};

/// What may be recorded about a contract.
#[derive(Default)]
pub(super) struct ContractMutations;

/// What may be recorded about a contract.
#[Object]
impl ContractMutations {
    /// A contract begins, with its first rulebook.
    async fn open_contract(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: OpenContractInput,
    ) -> Result<ContractPayload> {
        let parties = input.parties.into_iter().map(|party| Party { name: party.name, role: party.role });
        let fact = ContractOpened {
            code: input.code.clone(),
            name: input.name,
            parties: parties.collect(),
            starts_on: input.starts_on.0,
            ends_on: input.ends_on.map(|date| date.0),
        };
        let occurred = input.when.occurred(deployment_today(ctx));
        let command = Command::OpenContract(OpenContract { occurred, fact, rulebook: input.rulebook });
        let outcome = record(ctx, input.stamp, command).await?;
        ContractPayload::of(ctx, &input.code, outcome).await
    }

    /// A further version of a contract's rules. Refused while views cannot be rebuilt as the service runs: publish it
    /// with `throughline rebuild --rulebook`.
    async fn publish_rulebook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: PublishRulebookInput,
    ) -> Result<ContractPayload> {
        let command = Command::PublishRulebook(PublishRulebook {
            contract: input.contract.clone(),
            occurred: input.when.occurred(deployment_today(ctx)),
            rulebook: input.rulebook,
            publisher: Publisher::Service,
        });
        let outcome = record(ctx, input.stamp, command).await?;
        ContractPayload::of(ctx, &input.contract, outcome).await
    }
}
