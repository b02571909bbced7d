//! The access check of fields: before a field is resolved, the policy decides whether the caller's role may see it.
//!
//! It knows roles, not scopes or relations: those are checked where a query enters a contract or case. A field without
//! an access class is refused.

use std::sync::{Arc, Mutex};

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo};
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use async_graphql::{
    PathSegment, QueryPathNode, QueryPathSegment, Response, ServerError, ServerResult, Value, async_trait,
};

use tokio::sync::OnceCell;

use super::codes::WORKER_UNKNOWN;
use super::context::{Caller, OrFault as _};
use crate::access::fields::{self, Shown};
use crate::access::policy::is_bound_to_cases;
use crate::access::relation::Relation;
use crate::app::App;
use crate::queries;
use crate::record::{DEPLOYMENT_ZONE, civil_day};
use throughline_domain::fact::refusal::Refusal;
use throughline_gateway::Code;

/// The extension that checks fields, one per request.
#[derive(Default)]
pub(super) struct FieldAccess {
    /// The errors of nullable fields that were refused.
    refused: Mutex<Vec<ServerError>>,
    /// Whether the caller is a keyworker without a current worker. Read once per response.
    is_nobody: OnceCell<bool>,
}

impl ExtensionFactory for FieldAccess {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self::default())
    }
}

#[async_trait::async_trait]
impl Extension for FieldAccess {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        // The items of a list belong to a field that was already allowed.
        let is_item = info.parent_type.starts_with('[');
        if is_item || info.is_for_introspection || info.name.starts_with("__") {
            return next.run(ctx, info).await;
        }
        let verdict = match shown(ctx.data_opt(), info.parent_type, info.name) {
            Ok(_) if self.is_nobodys_question(ctx, &info).await? => Err((WORKER_UNKNOWN, unknown())),
            verdict => verdict.map_err(|message| (Code::Forbidden, message)),
        };
        match verdict {
            Ok(Shown::Whole) => next.run(ctx, info).await,
            Ok(Shown::Redacted) => Ok(None),
            Err((code, message)) => {
                let mut error = ServerError::new(message, Some(info.field.name.pos));
                error.extensions = Some(code.extensions());
                error.path = path(info.path_node);
                if info.return_type.ends_with('!') {
                    return Err(error);
                }
                self.refused.lock().expect("no code panics while it holds the lock").push(error);
                Ok(None)
            }
        }
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let mut response = next.run(ctx, operation_name).await;
        response.errors.append(&mut self.refused.lock().expect("no code panics while it holds the lock"));
        response
    }
}

/// The fields that every authenticated caller may query: who they are, and the newest event of the log.
const OF_ONESELF: [&str; 2] = ["viewer", "log"];

impl FieldAccess {
    /// Whether the caller is a keyworker without a current worker. Such a caller sees only themselves. Their commands
    /// are refused when the command is decided.
    async fn is_nobodys_question(&self, ctx: &ExtensionContext<'_>, info: &ResolveInfo<'_>) -> ServerResult<bool> {
        if info.parent_type != "Query" || OF_ONESELF.contains(&info.name) {
            return Ok(false);
        }
        let (Some(caller), Some(app)) = (ctx.data_opt::<Caller>(), ctx.data_opt::<App>()) else { return Ok(false) };
        if !is_bound_to_cases(caller.principal.role) {
            return Ok(false);
        }
        let today = civil_day(app.clock.now(), DEPLOYMENT_ZONE);
        let read = || async {
            let standing =
                queries::caseload_scope::standing(&caller.generation, &caller.principal, today).await.or_fault();
            standing.map(|standing| standing.is_nobodys())
        };
        let is_nobody = self.is_nobody.get_or_try_init(read).await;
        is_nobody.copied().map_err(|error: async_graphql::Error| error.into_server_error(info.field.name.pos))
    }
}

fn unknown() -> String {
    Refusal::worker_unknown().message
}

/// The path of a field in the response.
fn path(node: &QueryPathNode<'_>) -> Vec<PathSegment> {
    let mut path: Vec<PathSegment> = std::iter::once(node)
        .chain(node.parents())
        .map(|node| match node.segment {
            QueryPathSegment::Name(name) => PathSegment::Field(name.to_owned()),
            QueryPathSegment::Index(index) => PathSegment::Index(index),
        })
        .collect();
    path.reverse();
    path
}

/// Whether the policy shows a field without restriction.
pub(super) fn is_open(caller: &Caller, of: &str, field: &str) -> bool {
    shown(Some(caller), of, field) == Ok(Shown::Whole)
}

fn shown(caller: Option<&Caller>, of: &str, field: &str) -> Result<Shown, String> {
    let class = fields::class(of, field).ok_or_else(|| {
        tracing::error!(of, field, "a field has no access class");
        format!("{of}.{field} has no access class")
    })?;
    let caller = caller.ok_or("the caller is not authenticated")?;
    // The nearest relation is assumed: a field that a role may not see in its own cases is hidden in all cases.
    class.shown(&caller.principal, Relation::Own).map_err(|denied| denied.to_string())
}

/// Every field of every type and interface of the schema.
pub(super) fn fields_of(sdl: &str) -> Vec<(String, String)> {
    let document = parse_schema(sdl).expect("a printed schema parses");
    let mut found = Vec::new();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(of) = definition else { continue };
        let fields = match of.node.kind {
            TypeKind::Object(object) => object.fields,
            TypeKind::Interface(interface) => interface.fields,
            _ => continue,
        };
        let name = of.node.name.node.to_string();
        found.extend(fields.into_iter().map(|field| (name.clone(), field.node.name.node.to_string())));
    }
    found
}
