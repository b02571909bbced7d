//! Mutations: one for each fact. Each turns its input into a command and the answer into a payload, and decides nothing.

pub mod input;
pub mod payload;

use async_graphql::{Context, Object, Result};
use chrono::NaiveDate;

use super::context::{Asked as _, OrFault as _};
use super::query::visible;
use super::scalars::Id;
use crate::contract::command::{ContractCommand, Publisher};
use crate::contract::rulebook::canonical;
use crate::journey::command::{CorrectFact, Dated, JourneyCommand, ReceiveReferral, RetractFacts};
use crate::journey::event::{ContractOpened, Party, ReferralAccepted, WorkerJoined};
use crate::journey::people::PeopleCommand;
use crate::journey::{History, Recorded};
use crate::log::envelope::{EventId, JourneyId, Occurred, SpellId, StreamId, SubjectId, WorkerId};
use crate::record::{Command, DEPLOYMENT_ZONE, Instruction, NotDone, civil_day};
use input::{
    AcceptReferralInput, AddWorkerInput, AgreePlanInput, AssignWorkerInput, CloseJourneyInput, CorrectFactInput,
    DeclineReferralInput, DisengageInput, EndSpellInput, LogContactInput, OpenContractInput, PublishRulebookInput,
    ReceiveReferralInput, RegisterSubjectInput, RetractFactInput, Stamp, StartSpellInput, When,
};
use payload::{ContractPayload, JourneyPayload, Outcome, SubjectPayload, WorkerPayload};

/// What may be recorded.
pub struct Mutation;

/// A mutation that states a dated fact about a journey.
macro_rules! state {
    ($ctx:expr, $input:expr, $command:ident, $fact:expr) => {{
        let id = JourneyId($input.journey.0);
        let occurred = $input.when.occurred(today($ctx, id, &$input.when).await?);
        let command = JourneyCommand::$command(Dated { journey: id, occurred, fact: $fact });
        let outcome = record($ctx, $input.stamp, Command::Journey(command)).await?;
        JourneyPayload::of($ctx, id, outcome).await
    }};
}

/// What may be recorded: one mutation for each fact. A refusal is data, in the payload's `problems`.
#[Object]
impl Mutation {
    /// A client is referred: the journey begins, with a new subject or a known one.
    async fn receive_referral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ReceiveReferralInput,
    ) -> Result<JourneyPayload> {
        let id = JourneyId(input.journey.map_or_else(|| input.stamp.id_for("journey"), |id| id.0));
        let subject = input.subject.map_or_else(|| input.stamp.id_for("subject"), |id| id.0);
        let register = input.subject.is_none().then(|| input.subject_kind.into());
        let today = contract_today(ctx, &input.contract).await?;
        let command = JourneyCommand::ReceiveReferral(ReceiveReferral {
            journey: id,
            contract: input.contract,
            occurred: input.when.occurred(today),
            register,
            fact: input.fact.of(SubjectId(subject)),
        });
        let outcome = record(ctx, input.stamp, Command::Journey(command)).await?;
        JourneyPayload::of(ctx, id, outcome).await
    }

    /// The service takes the client on: the case joins the caseload.
    async fn accept_referral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AcceptReferralInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, AcceptReferral, ReferralAccepted {})
    }

    /// The service does not take the client on.
    async fn decline_referral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: DeclineReferralInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, DeclineReferral, input.fact.into())
    }

    /// A worker takes the case; a new keyworker releases the former that day.
    async fn assign_worker(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AssignWorkerInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, AssignWorker, input.fact.into())
    }

    /// Somebody was, or tried to be, in touch. The worker is the one whose login makes the call, unless another is
    /// named.
    async fn log_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] mut input: LogContactInput,
    ) -> Result<JourneyPayload> {
        if input.fact.worker.is_none() {
            let login = &ctx.caller().principal.subject;
            let own = ctx.caller().generation.worker_of_login(login).await.or_fault()?;
            input.fact.worker = own.map(|own| Id(own.worker.0));
        }
        state!(ctx, input, LogContact, input.fact.into())
    }

    /// Client and keyworker agreed a plan, such as a Personal Housing Plan.
    async fn agree_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AgreePlanInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, AgreePlan, input.fact.into())
    }

    /// A job, home, placement or course began.
    async fn start_spell(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: StartSpellInput,
    ) -> Result<JourneyPayload> {
        let spell = SpellId(input.spell.map_or_else(|| input.stamp.id_for("spell"), |id| id.0));
        state!(ctx, input, StartSpell, input.fact.of(spell))
    }

    /// A spell no longer holds: its date is the first day on which it did not.
    async fn end_spell(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: EndSpellInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, EndSpell, input.fact.into())
    }

    /// The client no longer engages: a dated mark, the case stays on the caseload until it is closed.
    async fn disengage(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: DisengageInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, Disengage, input.fact.into())
    }

    /// The case is closed: it leaves the caseload, its spells may go on.
    async fn close_journey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: CloseJourneyInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, CloseJourney, input.fact.into())
    }

    /// A fact was recorded wrongly: the whole fact as it should read takes its place, and the log keeps both.
    async fn correct_fact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: CorrectFactInput,
    ) -> Result<JourneyPayload> {
        let id = JourneyId(input.journey.0);
        let occurred = corrected_day(ctx, id, EventId(input.target.0), input.when).await?;
        let command = JourneyCommand::CorrectFact(CorrectFact {
            journey: id,
            target: EventId(input.target.0),
            occurred,
            replacement: input.replacement.into(),
            reason: input.reason,
        });
        let outcome = record(ctx, input.stamp, Command::Journey(command)).await?;
        JourneyPayload::of(ctx, id, outcome).await
    }

    /// Facts never were so: they go, with their corrections, all or none, and the log keeps that they were recorded.
    async fn retract_fact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RetractFactInput,
    ) -> Result<JourneyPayload> {
        let id = JourneyId(input.journey.0);
        let command = JourneyCommand::RetractFacts(RetractFacts {
            journey: id,
            targets: input.targets.iter().map(|target| EventId(target.0)).collect(),
            reason: input.reason,
        });
        let outcome = record(ctx, input.stamp, Command::Journey(command)).await?;
        JourneyPayload::of(ctx, id, outcome).await
    }

    /// A subject becomes known by pseudonym.
    async fn register_subject(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RegisterSubjectInput,
    ) -> Result<SubjectPayload> {
        let subject = SubjectId(input.subject.map_or_else(|| input.stamp.id_for("subject"), |id| id.0));
        let occurred = input.when.occurred(deployment_today(ctx));
        let command = PeopleCommand::RegisterSubject { subject, occurred, kind: input.kind.into() };
        let outcome = record(ctx, input.stamp, Command::People(command)).await?;
        Ok(SubjectPayload::of(subject, outcome))
    }

    /// A keyworker or other member of staff joins.
    async fn add_worker(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AddWorkerInput,
    ) -> Result<WorkerPayload> {
        let worker = WorkerId(input.worker.map_or_else(|| input.stamp.id_for("worker"), |id| id.0));
        let occurred = input.when.occurred(deployment_today(ctx));
        let fact = WorkerJoined { login: input.login, label: input.label };
        let command = PeopleCommand::AddWorker { worker, occurred, fact };
        let outcome = record(ctx, input.stamp, Command::People(command)).await?;
        WorkerPayload::of(ctx, worker, outcome).await
    }

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
        let command = ContractCommand::OpenContract { occurred, fact, rulebook: input.rulebook };
        let outcome = record(ctx, input.stamp, Command::Contract(command)).await?;
        ContractPayload::of(ctx, &input.code, outcome).await
    }

    /// A further version of a contract's rules. Refused while views cannot be rebuilt as the service runs: publish it
    /// with `throughline rebuild --rulebook`.
    async fn publish_rulebook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: PublishRulebookInput,
    ) -> Result<ContractPayload> {
        let command = ContractCommand::PublishRulebook {
            contract: input.contract.clone(),
            occurred: input.when.occurred(deployment_today(ctx)),
            rulebook: input.rulebook,
            publisher: Publisher::Service,
        };
        let outcome = record(ctx, input.stamp, Command::Contract(command)).await?;
        ContractPayload::of(ctx, &input.contract, outcome).await
    }
}

async fn record(ctx: &Context<'_>, stamp: Stamp, command: Command) -> Result<Outcome> {
    let instruction = Instruction {
        principal: ctx.caller().principal.clone(),
        command_id: stamp.command(),
        body: body(ctx)?,
        expected: stamp.expected(),
        source: None,
        command,
    };
    let mut answer = ctx.parts().recorder.record(instruction).await;
    if let Err(NotDone::Conflict { since, .. }) = &mut answer {
        let visible = visible(ctx, since).await?;
        since.retain(|event| visible(event));
    }
    Outcome::of(answer)
}

/// What makes a command this one and no other: the mutation's name and its input as it was given.
///
/// Neither what the server filled in (today, ids, the caller's worker) nor the expected version is part of it, so that
/// the same request sent a day later is still the same command; nor is the command's id, however it is spelt.
fn body(ctx: &Context<'_>) -> Result<Vec<u8>> {
    let field = ctx.field();
    let mut given = serde_json::Map::new();
    for (name, value) in field.arguments()? {
        let mut value = value.into_json()?;
        if let Some(input) = value.as_object_mut() {
            input.retain(|key, value| key != "expectedVersion" && key != "commandId" && !value.is_null());
        }
        given.insert(name.to_string(), value);
    }
    given.insert("mutation".to_owned(), field.name().into());
    Ok(canonical::json(&given.into()).into_bytes())
}

/// When a corrected fact was so: as the input says, and where it says nothing, as the fact reads now.
async fn corrected_day(ctx: &Context<'_>, id: JourneyId, target: EventId, when: When) -> Result<Occurred> {
    if when.occurred_on.is_none() {
        let mut history = History::default();
        for envelope in ctx.parts().log.stream(StreamId::journey(id)).await.or_fault()? {
            history.evolve(Recorded::decode(&envelope).or_fault()?);
        }
        if let Some(fact) = history.fact(target) {
            return Ok(fact.occurred);
        }
    }
    Ok(when.occurred(deployment_today(ctx)))
}

/// Today in the journey's contract, where no date was given and it matters.
async fn today(ctx: &Context<'_>, id: JourneyId, when: &When) -> Result<NaiveDate> {
    if when.occurred_on.is_some() {
        return Ok(deployment_today(ctx));
    }
    let envelopes = ctx.parts().log.stream(StreamId::journey(id)).await.or_fault()?;
    let code = envelopes.first().and_then(|first| first.contract.as_deref()).unwrap_or_default();
    contract_today(ctx, code).await
}

/// Today in the contract of this code, as far as the caller may know of it.
async fn contract_today(ctx: &Context<'_>, code: &str) -> Result<NaiveDate> {
    let Some(scoped) = ctx.in_scope(code) else { return Ok(deployment_today(ctx)) };
    let contract = ctx.parts().views.contract(scoped).await.or_fault()?;
    Ok(contract.map_or_else(|| deployment_today(ctx), |contract| ctx.today(&contract)))
}

fn deployment_today(ctx: &Context<'_>) -> NaiveDate {
    civil_day(ctx.parts().clock.now(), DEPLOYMENT_ZONE)
}
