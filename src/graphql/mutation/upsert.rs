//! The mutation that creates or corrects a referral by its number in another system.
//!
//! The number decides which case it is. A new case has the id that an import by mapping would give it, so that both
//! speak of the same case. It decides no fact: each of its commands is decided like any other.

mod plan;

use std::time::Duration;

use async_graphql::{Context, Enum, Object, Result};

use super::input::convert::{Conversion, IntoDomain as _};
use super::input::referral::UpsertReferralInput;
use super::input_path::SentInput;
use super::payload::{Outcome, UpsertPayload, notice};
use super::{Answered, answer_to, answered, body};
use crate::graphql::context::{OrFault as _, RequestContext as _};
use crate::import::mapping::Ids;
use crate::log::append::Expected;
use crate::queries;
use crate::record::{CommandRequest, RecordError};
use plan::{KnownCase, Needed, Stated};
use throughline_domain::command::{Command, PatchFact, PatchedDate, ReceiveReferral, When, check_source};
use throughline_domain::fact::envelope::{CommandId, Envelope, JourneyId, Source, StreamId, StreamKind};
use throughline_domain::fact::event::{EventType, ExternalReference, ReferralReceived, SubjectKind};
use throughline_domain::fact::path::{self, Path};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};
use throughline_domain::people::login;

/// The most time that the mutation waits until the view has applied what was recorded before.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is planned anew because the case was changed meanwhile.
const ATTEMPTS: usize = 4;

/// What was done with a referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum UpsertResult {
    /// There was no case with this number: one was created.
    Created,
    /// The referral said something else: it was corrected.
    Corrected,
    /// The referral says it already: nothing was recorded.
    Unchanged,
}

/// The mutation that creates or corrects referrals.
#[derive(Default)]
pub struct UpsertMutations;

/// The mutation that creates or corrects referrals.
#[Object]
impl UpsertMutations {
    /// Creates a referral, or corrects it if the contract has a case with this number of the other system. The same
    /// again records nothing. If the referral was corrected here since, and the other system now states something else,
    /// there is the warning `CORRECTED_HERE`.
    async fn upsert_referral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: UpsertReferralInput,
    ) -> Answered<UpsertPayload> {
        answered(upsert(ctx, input)).await
    }
}

/// What another system states about a case.
struct Asked {
    contract: String,
    /// The login of the sender.
    partner: String,
    reference: ExternalReference,
    kind: SubjectKind,
    when: When,
    stated: Stated,
}

impl Asked {
    /// The ids that follow from the number, as an import by mapping makes them.
    fn ids(&self) -> Ids<'_> {
        let system = &self.reference.system;
        Ids { system, numbers: system, contract: &self.contract, partner: &self.partner }
    }
}

/// A command that is ready to be sent, and what it does.
struct Step {
    journey: JourneyId,
    command: Command,
    expected: Expected,
    result: UpsertResult,
}

/// What comes next.
enum Next {
    Send(Box<Step>),
    Answer(JourneyId, Outcome),
    Refuse(Vec<Refusal>),
}

async fn upsert(ctx: &Context<'_>, input: UpsertReferralInput) -> Result<UpsertPayload> {
    let sent = SentInput::of(ctx)?;
    let stamp = input.stamp;
    let mut conversion = Conversion::default();
    let expected = stamp.expected(&mut conversion);
    let when = input.when.read(&mut conversion);
    let reference = ExternalReference { system: input.external_reference.system, id: input.external_reference.id };
    let stated = Stated {
        occurred: match when {
            When::On(occurred) => Some(occurred),
            When::Today { .. } => None,
        },
        area: input.area,
        cohort: input.cohort,
        referrer: input.referrer.map(|referrer| referrer.into_domain(&mut conversion)),
    };
    if reference.system.trim().is_empty() || reference.id.trim().is_empty() {
        let message = "name the system and the number of the case there";
        conversion.field("external_reference", |conversion| conversion.missing(message));
    }
    let refused = |refusals| Outcome::refused(refusals, &sent);
    if let Err(refusals) = conversion.done() {
        return UpsertPayload::of(ctx, (None, None), refused(refusals)).await;
    }
    if ctx.in_scope(&input.contract).is_none() {
        return UpsertPayload::of(ctx, (None, None), refused(Refusal::contract_not_found().alone())).await;
    }
    let kind = input.subject_kind.into();
    let asked = Asked {
        contract: input.contract,
        partner: login::key(&ctx.caller().principal.subject),
        reference,
        kind,
        when,
        stated,
    };
    let source = Source {
        system: asked.reference.system.clone(),
        record_id: Some(asked.reference.id.clone()),
        file_digest: None,
        row: None,
    };
    if let Err(refusals) = check_source(&source) {
        let refusals = refusals.into_iter().map(|refusal| refusal.at("external_reference")).collect();
        return UpsertPayload::of(ctx, (None, None), refused(refusals)).await;
    }
    for attempt in 1..=ATTEMPTS {
        let step = match next(ctx, &asked, stamp.command(), &stamp.accept_warnings).await? {
            Next::Send(step) => *step,
            Next::Refuse(refusals) => return UpsertPayload::of(ctx, (None, None), refused(refusals)).await,
            Next::Answer(journey, outcome) => {
                let result = Some(UpsertResult::Unchanged);
                return UpsertPayload::of(ctx, (Some(journey), result), outcome).await;
            }
        };
        let is_own = expected != Expected::Any;
        let request = CommandRequest::new(ctx.caller().principal.clone(), stamp.command(), step.command)
            .with_body(body(ctx)?)
            .expecting(if is_own { expected } else { step.expected })
            .from_source(Some(source.clone()))
            .accepting(stamp.accept_warnings.iter().cloned())
            .dry_run_if(stamp.dry_run);
        let answer = answer_to(ctx, request).await?;
        if attempt < ATTEMPTS && !is_own && is_changed(&answer) {
            continue;
        }
        let answer = answer.map_err(in_the_input);
        let done = answer.is_ok().then_some((step.journey, step.result)).unzip();
        return UpsertPayload::of(ctx, done, Outcome::of(answer, &sent)?).await;
    }
    unreachable!("the last attempt is answered")
}

/// Whether the case was changed between plan and decision.
fn is_changed<T>(answer: &Result<T, RecordError>) -> bool {
    match answer {
        Err(RecordError::Conflict { .. }) => true,
        Err(RecordError::Refused(refusals)) => {
            refusals.iter().any(|refusal| refusal.code == RefusalCode::SubjectExists)
        }
        _ => false,
    }
}

/// The same refusal with its place in the input, which gives the fields of a correction without a payload around them.
fn in_the_input(error: RecordError) -> RecordError {
    let RecordError::Refused(refusals) = error else { return error };
    let moved = |refusal: Refusal| {
        let path = refusal.path.map(|Path(steps)| match steps.split_first() {
            Some((path::Step::Field(first), rest)) if first == "payload" => Path(rest.to_vec()),
            _ => Path(steps),
        });
        Refusal { path, ..refusal }
    };
    RecordError::Refused(refusals.into_iter().map(moved).collect())
}

/// What a referral needs now.
async fn next(ctx: &Context<'_>, asked: &Asked, command: CommandId, accepted: &[String]) -> Result<Next> {
    let log = &ctx.app().log;
    let before = log.of_commands(&ctx.caller().principal.subject, &[command]).await.or_fault()?;
    if let Some(step) = again(asked, &before) {
        return Ok(Next::Send(Box::new(step)));
    }
    let own = asked.ids().journey(&asked.reference.id);
    let mut journey = own;
    let mut known = read(ctx, asked, own).await?;
    if known.is_new() {
        // A case that was not created by this number may have it all the same.
        let others = with_number(ctx, asked).await?;
        match others.as_slice() {
            [] => return Ok(Next::Send(Box::new(create(asked, own, ctx).await?))),
            [one] => {
                journey = *one;
                known = read(ctx, asked, *one).await?;
            }
            several => {
                let message = "several cases have this number: correct the right one with correctFact";
                let refusal = Refusal::new(RefusalCode::ReferenceAmbiguous, message).at("external_reference");
                return Ok(Next::Refuse(refusal.allowing(several).alone()));
            }
        }
    }
    let reason = format!("{} sent it again", asked.reference.system);
    Ok(match known.needs(&asked.stated, (StreamId::journey(journey), &reason)) {
        Needed::Nothing => Next::Answer(journey, Outcome::unrecorded(false, Vec::new())),
        Needed::Kept => {
            let message = "the referral was corrected here since, and the other system states what it stated before: \
                           the correction stays";
            let problems = vec![notice(RefusalCode::CorrectedHere.as_str(), message.to_owned())];
            Next::Answer(journey, Outcome::unrecorded(false, problems))
        }
        Needed::Retracted => {
            let message = "the referral was retracted here: ask the service, or use another number for a new referral";
            Next::Refuse(Refusal::new(RefusalCode::AlreadyRetracted, message).at("external_reference").alone())
        }
        Needed::Correction { overwrites: Some(words), .. }
            if !accepted.iter().any(|code| code == RefusalCode::CorrectedHere.as_str()) =>
        {
            let message = format!(
                "the referral was corrected here since ({words}): check which is right, or accept this warning to \
                 overwrite it"
            );
            Next::Refuse(Refusal::new(RefusalCode::CorrectedHere, message).as_warning().alone())
        }
        Needed::Correction { patch, .. } => Next::Send(Box::new(Step {
            journey,
            command: Command::PatchFact(patch),
            expected: Expected::Exact(known.version()),
            result: UpsertResult::Corrected,
        })),
    })
}

/// The step for a command that was recorded before. The recorder compares what was sent, and gives its first result.
fn again(asked: &Asked, before: &[Envelope]) -> Option<Step> {
    let event = before.iter().find(|event| event.stream.kind == StreamKind::Journey)?;
    let journey = JourneyId(event.stream.id);
    let corrected = EventType::named(&event.event_type) == Some(EventType::FactCorrected);
    let (command, result) = if corrected {
        let patch = PatchFact {
            stream: event.stream,
            target: event.event_id,
            occurred: PatchedDate::default(),
            of: None,
            payload: serde_json::Map::new(),
            reason: String::new(),
        };
        (Command::PatchFact(patch), UpsertResult::Corrected)
    } else {
        (receive(asked, journey, None), UpsertResult::Created)
    };
    Some(Step { journey, command, expected: Expected::Any, result })
}

/// The step that creates a case.
async fn create(asked: &Asked, journey: JourneyId, ctx: &Context<'_>) -> Result<Step> {
    let subject = StreamId::subject(asked.ids().subject(&asked.reference.id));
    let is_registered = !ctx.app().log.stream(subject).await.or_fault()?.is_empty();
    let command = receive(asked, journey, (!is_registered).then_some(asked.kind));
    Ok(Step { journey, command, expected: Expected::None, result: UpsertResult::Created })
}

/// The command for a new case.
fn receive(asked: &Asked, journey: JourneyId, register: Option<SubjectKind>) -> Command {
    Command::ReceiveReferral(ReceiveReferral {
        journey,
        contract: asked.contract.clone(),
        when: asked.when,
        register,
        identity: None,
        fact: ReferralReceived {
            subject: asked.ids().subject(&asked.reference.id),
            area: asked.stated.area.clone(),
            cohort: asked.stated.cohort.clone(),
            referrer: asked.stated.referrer.clone(),
            external_references: vec![asked.reference.clone()],
        },
    })
}

/// What is recorded about a case.
async fn read(ctx: &Context<'_>, asked: &Asked, journey: JourneyId) -> Result<KnownCase> {
    let mut known = KnownCase::default();
    for envelope in ctx.app().log.stream(StreamId::journey(journey)).await.or_fault()? {
        known.learn(&envelope, &asked.reference).or_fault()?;
    }
    Ok(known)
}

/// The cases of the contract that have the number, and that the caller may see.
async fn with_number(ctx: &Context<'_>, asked: &Asked) -> Result<Vec<JourneyId>> {
    let app = ctx.app();
    let head = app.log.head().await.or_fault()?.position;
    app.views.passed(head, PATIENCE).await;
    let live = app.views.live();
    let number = (asked.reference.system.as_str(), asked.reference.id.as_str());
    let found = queries::case_numbers::journeys_with(&live, &asked.contract, number).await.or_fault()?;
    let found: Vec<(JourneyId, &str)> = found.into_iter().map(|id| (id, asked.contract.as_str())).collect();
    let caller = &ctx.caller().principal;
    let readable = queries::caseload_scope::readable(&live, caller, ctx.deployment_today(), &found).await.or_fault()?;
    Ok(readable.into_iter().collect())
}
