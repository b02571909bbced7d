//! One operation on any transport: find its document, guard it, execute or follow it, and check its errors.
//!
//! An operation runs only after the guard has admitted it. No error leaves without a code or with internal text.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute};
use async_graphql::parser::types::OperationType;
use async_graphql::{
    Context, ObjectType, PathSegment, Pos, Request, Response as Outcome, ServerError, SubscriptionType,
};
use futures_util::stream::{self, BoxStream, StreamExt as _};

use super::answer::Answer;
use super::body::Asked;
use super::turns::Queue;
use super::{Endpoint, Host};
use crate::backpressure::{Place, Room};
use crate::caller::Caller as _;
use crate::code::Code;
use crate::guard::{self, Cost, Refusal};

/// The cost of a request that is refused before its cost is known.
const LOOKED_AT: u64 = 10;
/// The delay before an operation that took too long should be retried.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// An admitted operation.
pub(super) struct Operation {
    pub(super) kind: OperationType,
    request: Request,
    judge: Judge,
}

/// A response, with the place on the socket that it holds until it is written.
pub(super) type Made = (Answer, Option<Place>);

/// The mutations of an operation whose commands were recorded, by response name. A failure after that, for example
/// while reading the payload, must not look as if nothing was recorded.
#[derive(Clone, Default)]
pub struct Recorded(Arc<Mutex<HashSet<String>>>);

impl Recorded {
    /// Notes that the command of the current mutation was recorded.
    pub fn note(ctx: &Context<'_>) {
        if let Some(recorded) = ctx.data_opt::<Self>() {
            recorded.keys().insert(ctx.item.node.response_key().node.to_string());
        }
    }

    /// Whether an error belongs to a mutation whose command was recorded.
    fn is_before(&self, error: &ServerError) -> bool {
        matches!(error.path.first(), Some(PathSegment::Field(key)) if self.keys().contains(key))
    }

    fn keys(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().expect("no code panics while it holds the lock")
    }
}

/// The subscriber and the room for their items. Available to each item that is made for them.
struct Follower<C> {
    caller: C,
    request_id: Arc<str>,
    room: Option<Room>,
    queue: Queue,
}

impl<Q, M, S, H> Endpoint<Q, M, S, H>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
    H: Host,
{
    /// Admits a request, or returns the reasons against it.
    ///
    /// The original document is validated before it is remembered and before a normalised one is executed instead.
    pub(super) async fn admit(
        &self,
        asked: Asked,
        caller: &H::Caller,
        request_id: &Arc<str>,
    ) -> Result<Operation, Box<Answer>> {
        let Asked { document, operation_name, variables } = asked;
        let who = caller.key();
        let not_found = |error| Box::new(Answer::refused(vec![error]));
        let found = self.documents.find(document, &who).map_err(not_found)?;
        let admitted = self.guard.admit(&found.text, operation_name.as_deref(), variables);
        let spent = admitted.as_ref().map_or(LOOKED_AT, |admitted| admitted.cost.requested);
        self.budget.spend(&who, spent).map_err(|overspent| Box::new(Answer::refused(vec![overspent.into()])))?;
        let admitted = admitted.map_err(refused)?;
        let judge = Judge {
            fed_by_variables: admitted.fed_by_variables,
            cost: admitted.cost,
            request_id: Arc::clone(request_id),
            recorded: Recorded::default(),
        };
        let request = |document| {
            let mut request = Request::new(&*found.text).variables(admitted.variables.clone());
            request.operation_name.clone_from(&operation_name);
            request.set_parsed_query(document);
            request
        };
        let executed = match admitted.normal {
            None if found.hash.is_none() => admitted.document,
            normal => {
                let checked = self.checked.execute(request(admitted.document.clone())).await;
                if checked.is_err() {
                    return Err(Box::new(judge.judged(checked)));
                }
                normal.unwrap_or(admitted.document)
            }
        };
        let request = request(executed);
        self.documents.remember(found, &who);
        Ok(Operation { kind: admitted.kind, request, judge })
    }

    /// Executes a query or mutation.
    pub(super) async fn execute(&self, operation: Operation, caller: &H::Caller) -> Answer {
        let Operation { mut request, judge, .. } = operation;
        request.data = self.host.data(caller, &judge.request_id);
        request.data.insert(judge.recorded.clone());
        judge.judged(self.schema.execute(request).await)
    }

    /// The same, with a time limit.
    pub(super) async fn execute_in_time(&self, operation: Operation, caller: &H::Caller) -> Answer {
        let is_mutation = operation.kind == OperationType::Mutation;
        let executed = tokio::time::timeout(self.patience.answer, self.execute(operation, caller)).await;
        executed.unwrap_or_else(|_| took_too_long(is_mutation))
    }

    /// Follows a subscription: a response for each of its items, or one that says why it cannot be followed.
    pub(super) fn follow(
        &self,
        operation: Operation,
        caller: &H::Caller,
        room: Option<Room>,
    ) -> BoxStream<'static, Made> {
        let Operation { mut request, judge, .. } = operation;
        request.data = self.host.data(caller, &judge.request_id);
        let queue = self.turns.queue(&caller.key());
        let request_id = Arc::clone(&judge.request_id);
        request.data.insert(Follower { caller: caller.clone(), request_id, room: room.clone(), queue });
        let outcomes = self.followed.execute_stream(request).enumerate();
        let made = outcomes.map(move |(nth, outcome)| {
            let answer =
                if nth == 0 && has_not_begun(&outcome) { judge.not_begun(outcome) } else { judge.judged(outcome) };
            (answer, room.as_ref().and_then(Room::leave))
        });
        made.boxed()
    }

    /// Runs a request from a socket, when there is room for its responses.
    pub(super) fn run(
        self,
        asked: Asked,
        caller: H::Caller,
        request_id: Arc<str>,
        room: Room,
    ) -> BoxStream<'static, Made> {
        let running = async move {
            let operation = match self.admit(asked, &caller, &request_id).await {
                Ok(operation) => operation,
                Err(refused) => return one((*refused, None)),
            };
            if operation.kind == OperationType::Subscription {
                return self.follow(operation, &caller, Some(room));
            }
            room.enter().await;
            let answer = match self.capacity.enter_by(&caller.key()) {
                Ok(_place) => self.execute_in_time(operation, &caller).await,
                Err(full) => Answer::refused(vec![full.into()]),
            };
            one((answer, room.leave()))
        };
        stream::once(running).flatten().boxed()
    }
}

fn one(made: Made) -> BoxStream<'static, Made> {
    stream::once(std::future::ready(made)).boxed()
}

fn took_too_long(is_mutation: bool) -> Answer {
    let message = "the response took too long: try again, and send a mutation again with the same commandId";
    let mut error = Code::Unavailable.refusal_for_now(message, ASK_AGAIN);
    error.extensions.get_or_insert_default().set("commandInDoubt", is_mutation);
    Answer::refused(vec![error])
}

fn refused(refusals: Vec<Refusal>) -> Box<Answer> {
    let syntax = matches!(refusals[..], [Refusal::Syntax { .. }]);
    let errors = refusals.into_iter().map(Into::into).collect();
    Box::new(if syntax { Answer::unparsed(errors) } else { Answer::refused(errors) })
}

/// Whether the first result of a subscription means that it could not begin. Before the first item only the root field
/// can fail.
fn has_not_begun(outcome: &Outcome) -> bool {
    let at_the_root = outcome.errors.iter().all(|error| error.path.len() <= 1);
    !outcome.errors.is_empty() && outcome.data == async_graphql::Value::Null && at_the_root
}

/// The data needed to give the errors of an operation their codes.
struct Judge {
    fed_by_variables: HashSet<Pos>,
    cost: Cost,
    request_id: Arc<str>,
    recorded: Recorded,
}

impl Judge {
    /// Gives every error its code and hides internal text.
    ///
    /// The executor does not report whether it began execution. But an error of execution always has the path of its
    /// field, and an error of validation never has one.
    fn judged(&self, outcome: Outcome) -> Answer {
        let executed = outcome.errors.is_empty()
            || outcome.data != async_graphql::Value::Null
            || outcome.errors.iter().any(|error| !error.path.is_empty());
        if !executed {
            let mut answer = Answer::refused(outcome.errors);
            answer.errors_mut().iter_mut().for_each(|error| self.judge_validation(error));
            return answer;
        }
        let mut answer = Answer::executed(outcome, self.cost);
        answer.errors_mut().iter_mut().for_each(|error| self.judge_execution(error));
        answer
    }

    /// The same for a subscription that could not begin: none of its items was made.
    fn not_begun(&self, outcome: Outcome) -> Answer {
        let mut answer = Answer::refused(outcome.errors);
        for error in answer.errors_mut() {
            if error.path.is_empty() { self.judge_validation(error) } else { self.judge_execution(error) }
        }
        answer
    }

    fn judge_validation(&self, error: &mut ServerError) {
        error.message = guard::shortened(&error.message);
        let bad_value = error.message.starts_with("Invalid value for argument");
        let code = if bad_value && error.locations.iter().any(|at| self.fed_by_variables.contains(at)) {
            Code::BadUserInput
        } else {
            Code::ValidationFailed
        };
        set_code(error, code);
    }

    fn judge_execution(&self, error: &mut ServerError) {
        let code = error.extensions.as_ref().and_then(|all| all.get("code"));
        let is_fault = code.is_none_or(|code| *code == Code::Internal.as_str().into());
        if !is_fault {
            if Code::Unavailable.is_in(error.extensions.as_ref()) && self.recorded.is_before(error) {
                error.extensions.get_or_insert_default().set("commandInDoubt", true);
            }
            return;
        }
        if code.is_none() && is_unusable_input(error) {
            set_code(error, Code::BadUserInput);
            return;
        }
        tracing::error!(
            request_id = &*self.request_id,
            path = %written(error),
            error = %error.message,
            "a field could not be resolved"
        );
        "internal error".clone_into(&mut error.message);
        let mut extensions = Code::Internal.extensions();
        extensions.set("requestId", &*self.request_id);
        error.extensions = Some(extensions);
    }
}

/// Whether the executor could not read an argument that the validator had accepted, such as a number below its limit.
/// The message is the library's own, and an error from a resolver has a source.
fn is_unusable_input(error: &ServerError) -> bool {
    error.source.is_none()
        && (error.message.starts_with("Failed to parse \"") || error.message.starts_with("Expected input type \""))
}

fn set_code(error: &mut ServerError, code: Code) {
    error.extensions.get_or_insert_default().set("code", code.as_str());
}

/// The path of an error as text: `contract.caseload.0.days`.
fn written(error: &ServerError) -> String {
    let segments: Vec<_> = error
        .path
        .iter()
        .map(|segment| match segment {
            PathSegment::Field(name) => name.clone(),
            PathSegment::Index(index) => index.to_string(),
        })
        .collect();
    segments.join(".")
}

/// Validates a document without executing it.
pub(super) struct OnlyChecked;

impl ExtensionFactory for OnlyChecked {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for OnlyChecked {
    async fn execute(&self, _: &ExtensionContext<'_>, _: Option<&str>, _: NextExecute<'_>) -> Outcome {
        Outcome::default()
    }
}

/// Makes each item of a subscription with the host's current data, once there is room for it.
pub(super) struct EachItem<H>(pub(super) H);

impl<H: Host> ExtensionFactory for EachItem<H> {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self(self.0.clone()))
    }
}

#[async_trait]
impl<H: Host> Extension for EachItem<H> {
    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Outcome {
        let follower: &Follower<H::Caller> = ctx.data_unchecked();
        if let Some(room) = &follower.room {
            room.enter().await;
        }
        let _turn = follower.queue.turn().await;
        next.run_with_data(ctx, operation_name, self.0.data(&follower.caller, &follower.request_id)).await
    }
}
