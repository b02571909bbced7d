//! Mutations about contracts: their terms, rules and targets, and what is said and decided about them.

use async_graphql::{Context, Object};

use super::input::contract::{
    AgreeActionInput, AssessKpiInput, ClosePeriodInput, CompleteActionInput, DismissDoubleFundingInput,
    EndContractInput, IssueNoticeInput, OpenContractInput, PublishRulebookInput, PublishTargetsInput,
    RecordCommentaryInput, SubmitReportInput, VaryContractInput,
};
use super::input::reading::Reading;
use super::payload::ContractPayload;
use super::{Answered, answered, contract_today, own_id, record, state};
use crate::graphql::context::Asked as _;
use throughline_domain::command::Command;
use throughline_domain::command::contracts::{OpenContract, PublishRulebook};
use throughline_domain::fact::envelope::StreamId;

/// What may be recorded about a contract.
#[derive(Default)]
pub(super) struct ContractMutations;

/// A mutation that states a dated fact about a contract.
macro_rules! of_contract {
    ($ctx:expr, $input:expr, $fact:expr) => {{
        let stream = StreamId::contract(&$input.contract);
        answered(async {
            let outcome = state($ctx, $input.stamp, stream, $input.when, $fact).await?;
            Ok(ContractPayload::of($ctx, &$input.contract, outcome))
        })
        .await
    }};
}

/// What may be recorded about a contract.
#[Object]
impl ContractMutations {
    /// A contract begins, with its first rulebook.
    async fn open_contract(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: OpenContractInput,
    ) -> Answered<ContractPayload> {
        answered(async {
            let mut reading = Reading::default();
            let fact = input.fact.read(&mut reading);
            let (code, occurred) = (fact.code.clone(), input.when.occurred(ctx.deployment_today(), &mut reading));
            let command = Command::OpenContract(OpenContract { occurred, fact, rulebook: input.rulebook });
            let outcome = record(ctx, input.stamp, reading, command).await?;
            Ok(ContractPayload::of(ctx, &code, outcome))
        })
        .await
    }

    /// A contract's terms change: its name, its parties or its last day. What is left out stays as it was.
    async fn vary_contract(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: VaryContractInput,
    ) -> Answered<ContractPayload> {
        of_contract!(ctx, input, input.fact)
    }

    /// A contract is over: its date is the first day on which it no longer held. No referral is received from then on.
    async fn end_contract(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: EndContractInput,
    ) -> Answered<ContractPayload> {
        of_contract!(ctx, input, input.fact)
    }

    /// A further version of a contract's rules. Boards go on by the rules that they have until a view with the new ones
    /// is built, in the background: `views` and `rebuildProgress` say how far that is.
    async fn publish_rulebook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: PublishRulebookInput,
    ) -> Answered<ContractPayload> {
        answered(async {
            let mut reading = Reading::default();
            let command = Command::PublishRulebook(PublishRulebook {
                contract: input.contract.clone(),
                occurred: input.when.occurred(contract_today(ctx, &input.contract).await?, &mut reading),
                rulebook: input.rulebook,
            });
            let outcome = record(ctx, input.stamp, reading, command).await?;
            Ok(ContractPayload::of(ctx, &input.contract, outcome))
        })
        .await
    }

    /// A version of the targets of one profile, whole. Profiles stand side by side; a revision is a new version, and
    /// the old one stays.
    async fn publish_targets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: PublishTargetsInput,
    ) -> Answered<ContractPayload> {
        of_contract!(ctx, input, input.fact)
    }

    /// Somebody explains a figure or a period, for a report.
    async fn record_commentary(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RecordCommentaryInput,
    ) -> Answered<ContractPayload> {
        of_contract!(ctx, input, input.fact)
    }

    /// The figures of a period are settled between the parties. It marks the period and locks nothing: facts dated in it can
    /// still be recorded, corrected and retracted, each with the warning `PERIOD_CLOSED` until that is accepted; boards read
    /// later count them, and as known at the closing they show what was settled. What it does not touch: batches, whose lines
    /// never move, and claims, which stay open as long as their rules say.
    async fn close_period(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ClosePeriodInput,
    ) -> Answered<ContractPayload> {
        of_contract!(ctx, input, input.fact)
    }

    /// A report was handed in.
    async fn submit_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: SubmitReportInput,
    ) -> Answered<ContractPayload> {
        of_contract!(ctx, input, input.fact)
    }

    /// The parties settle how well a key performance indicator of the rulebook was met. The rulebook grades the value: a
    /// standard by its levels, where the third failing month in a row is a major failure, a measure by the grades.
    async fn assess_kpi(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AssessKpiInput,
    ) -> Answered<ContractPayload> {
        of_contract!(ctx, input, input.fact)
    }

    /// Formal notice is given: an improvement plan, a withholding, a termination … A commissioner gives every kind; a
    /// manager asks for improvement and performance plans and changes referrals, and neither withholds nor terminates.
    async fn issue_notice(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: IssueNoticeInput,
    ) -> Answered<ContractPayload> {
        let notice = own_id(&input.stamp, "notice", input.notice);
        of_contract!(ctx, input, input.fact.of(notice))
    }

    /// The parties agree that something is to be done.
    async fn agree_action(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AgreeActionInput,
    ) -> Answered<ContractPayload> {
        let action = own_id(&input.stamp, "action", input.action);
        of_contract!(ctx, input, input.fact.of(action))
    }

    /// An agreed action is done.
    async fn complete_action(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: CompleteActionInput,
    ) -> Answered<ContractPayload> {
        of_contract!(ctx, input, input.fact)
    }

    /// Somebody looked at journeys that seemed to be paid for twice and found that they are not.
    async fn dismiss_double_funding(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: DismissDoubleFundingInput,
    ) -> Answered<ContractPayload> {
        of_contract!(ctx, input, input.fact)
    }
}
