//! Mutations on contracts: terms, rulebooks, targets, commentary, assessments, notices and actions.

use super::input::contract::{
    AgreeActionInput, AssessKpiInput, ClosePeriodInput, CompleteActionInput, DismissDoubleFundingInput,
    EndContractInput, IssueNoticeInput, OpenContractInput, PublishRulebookInput, PublishTargetsInput,
    RecordCommentaryInput, SubmitReportInput, VaryContractInput,
};
use super::input::convert::Conversion;
use super::input_path::SentInput;
use super::mutations::mutations;
use super::payload::{ContractPayload, Outcome};
use super::{Answered, answered, own_id, record, record_fact};
use crate::graphql::closed_period;
use throughline_domain::command::Command;
use throughline_domain::command::contracts::{OpenContract, PublishRulebook};
use throughline_domain::fact::envelope::StreamId;
use throughline_domain::fact::event::PeriodClosed;
use throughline_domain::fact::refusal::Refusal;

/// The mutations on contracts.
#[derive(Default)]
pub(super) struct ContractMutations;

/// Records a dated fact about a contract.
macro_rules! of_contract {
    ($ctx:expr, $input:expr, $fact:expr) => {{
        let stream = StreamId::contract(&$input.contract);
        answered(async {
            let outcome = record_fact($ctx, $input.stamp, stream, $input.when, $fact).await?;
            Ok(ContractPayload::of($ctx, &$input.contract, outcome))
        })
        .await
    }};
}

mutations! {
    ContractMutations

    /// Opens a contract with its first rulebook.
    open_contract(ctx, input: OpenContractInput) -> ContractPayload {
        answered(async {
            let mut conversion = Conversion::default();
            let fact = input.fact.read(&mut conversion);
            let (code, when) = (fact.code.clone(), input.when.read(&mut conversion));
            let command = Command::OpenContract(OpenContract { when, fact, rulebook: input.rulebook });
            let outcome = record(ctx, input.stamp, conversion, command).await?;
            Ok(ContractPayload::of(ctx, &code, outcome))
        })
        .await
    }

    /// Changes a contract's terms: its name, its parties or its last day. Terms that are left out stay the same.
    vary_contract(ctx, input: VaryContractInput) -> ContractPayload { of_contract!(ctx, input, input.fact) }

    /// Ends a contract. The date is the first day on which it no longer holds. No referral can be received from that
    /// day.
    end_contract(ctx, input: EndContractInput) -> ContractPayload { of_contract!(ctx, input, input.fact) }

    /// Publishes a further version of a contract's rulebook. Boards use the current rulebook until a view with the new
    /// one has been built in the background. `views` and `rebuildProgress` show the progress.
    publish_rulebook(ctx, input: PublishRulebookInput) -> ContractPayload {
        answered(async {
            let mut conversion = Conversion::default();
            let command = Command::PublishRulebook(PublishRulebook {
                contract: input.contract.clone(),
                when: input.when.read(&mut conversion),
                rulebook: input.rulebook,
            });
            let outcome = record(ctx, input.stamp, conversion, command).await?;
            Ok(ContractPayload::of(ctx, &input.contract, outcome))
        })
        .await
    }

    /// Publishes a complete version of the targets of one profile. Several profiles can exist side by side. A revision
    /// is a new version, and the old one is kept.
    publish_targets(ctx, input: PublishTargetsInput) -> ContractPayload { of_contract!(ctx, input, input.fact) }

    /// Records a commentary on a figure or a period, for a report.
    record_commentary(ctx, input: RecordCommentaryInput) -> ContractPayload { of_contract!(ctx, input, input.fact) }

    /// Closes a period: the parties have settled its figures. The documents of the reports of exactly this period are
    /// kept as they are now. A period can be closed once it is over. This marks the period and locks nothing. Facts
    /// dated in it can still be recorded, corrected and retracted, each with the warning `PERIOD_CLOSED`, which must be
    /// accepted. Boards read later count these facts; boards read with the time of the close as knowledge date show the
    /// settled figures. Batches are not affected, because their lines never change. Claims are not affected either:
    /// they stay open as long as their rules allow.
    close_period(ctx, input: ClosePeriodInput) -> ContractPayload {
        answered(async {
            let period = input.fact.period.into();
            let kept = closed_period::to_keep(ctx, input.stamp.command(), (&input.contract, period)).await?;
            let Some(documents) = kept else {
                let outcome = Outcome::refused(vec![Refusal::contract_not_found()], &SentInput::of(ctx)?);
                return Ok(ContractPayload::of(ctx, &input.contract, outcome));
            };
            let (mut conversion, stream) = (Conversion::default(), StreamId::contract(&input.contract));
            let when = input.when.read(&mut conversion);
            let command = Command::record_fact(stream, when, PeriodClosed { period, documents });
            let outcome = record(ctx, input.stamp, conversion, command).await?;
            Ok(ContractPayload::of(ctx, &input.contract, outcome))
        })
        .await
    }

    /// Records that a report was submitted.
    submit_report(ctx, input: SubmitReportInput) -> ContractPayload { of_contract!(ctx, input, input.fact) }

    /// Records the parties' assessment of a key performance indicator. The rulebook grades the value: a service
    /// standard by its levels, where the third failing month in a row is a major failure; a measure by its grades.
    assess_kpi(ctx, input: AssessKpiInput) -> ContractPayload { of_contract!(ctx, input, input.fact) }

    /// Issues a formal notice, such as an improvement plan, a withholding or a termination. A commissioner may issue
    /// every kind. A manager may issue improvement plans, performance plans and referral changes, but not withholdings
    /// or terminations.
    issue_notice(ctx, input: IssueNoticeInput) -> ContractPayload {
        let notice = own_id(&input.stamp, "notice", input.notice);
        of_contract!(ctx, input, input.fact.of(notice))
    }

    /// Records an action that the parties agreed.
    agree_action(ctx, input: AgreeActionInput) -> ContractPayload {
        let action = own_id(&input.stamp, "action", input.action);
        of_contract!(ctx, input, input.fact.of(action))
    }

    /// Records that an agreed action is completed.
    complete_action(ctx, input: CompleteActionInput) -> ContractPayload { of_contract!(ctx, input, input.fact) }

    /// Dismisses a suspected case of double funding: the cases were checked and are not paid for twice.
    dismiss_double_funding(ctx, input: DismissDoubleFundingInput) -> ContractPayload {
        of_contract!(ctx, input, input.fact)
    }
}
