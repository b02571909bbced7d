//! The wall: before any field is resolved, the policy is asked whether the caller's role may see it.
//!
//! It knows roles and nothing of scopes or relations: those are judged where somebody enters. A field that nobody has
//! classified is refused.

use std::sync::{Arc, Mutex};

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo};
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use async_graphql::{
    PathSegment, QueryPathNode, QueryPathSegment, Response, ServerError, ServerResult, Value, async_trait,
};

use tokio::sync::OnceCell;

use super::codes::WORKER_UNKNOWN;
use super::context::{Caller, OrFault as _, Parts};
use crate::access::fields::{self, Shown};
use crate::access::policy::is_bound_to_cases;
use crate::access::relation::Relation;
use crate::record::{DEPLOYMENT_ZONE, civil_day};
use throughline_domain::fact::refusal::Refusal;
use throughline_gateway::Code;

/// The extension that asks, once for each request.
#[derive(Default)]
pub(super) struct Wall {
    /// Why fields are null that may be.
    refused: Mutex<Vec<ServerError>>,
    /// Whether the caller is a keyworker who is no worker of the service, read once for an answer.
    is_nobody: OnceCell<bool>,
}

impl ExtensionFactory for Wall {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self::default())
    }
}

#[async_trait::async_trait]
impl Extension for Wall {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        // The items of a list are of a field that was let through.
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
                self.refused.lock().expect("nobody panics while holding the refusals").push(error);
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
        response.errors.append(&mut self.refused.lock().expect("nobody panics while holding the refusals"));
        response
    }
}

/// What everybody may ask who has shown who they are: who they are, and where the log stands.
const OF_ONESELF: [&str; 2] = ["viewer", "log"];

impl Wall {
    /// Whether a keyworker asks who is no worker of the service, or has left it: they see nothing but themselves. What
    /// they send is refused where it is decided.
    async fn is_nobodys_question(&self, ctx: &ExtensionContext<'_>, info: &ResolveInfo<'_>) -> ServerResult<bool> {
        if info.parent_type != "Query" || OF_ONESELF.contains(&info.name) {
            return Ok(false);
        }
        let (Some(caller), Some(parts)) = (ctx.data_opt::<Caller>(), ctx.data_opt::<Parts>()) else { return Ok(false) };
        if !is_bound_to_cases(caller.principal.role) {
            return Ok(false);
        }
        let today = civil_day(parts.clock.now(), DEPLOYMENT_ZONE);
        let read = || async {
            let standing = caller.generation.standing(&caller.principal, today).await.or_fault();
            standing.map(|standing| standing.is_nobodys())
        };
        let is_nobody = self.is_nobody.get_or_try_init(read).await;
        is_nobody.copied().map_err(|error: async_graphql::Error| error.into_server_error(info.field.name.pos))
    }
}

fn unknown() -> String {
    Refusal::worker_unknown().message
}

/// Where a field stands in its answer.
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

/// Whether the wall lets a field through as it is.
pub(super) fn is_open(caller: &Caller, of: &str, field: &str) -> bool {
    shown(Some(caller), of, field) == Ok(Shown::Whole)
}

fn shown(caller: Option<&Caller>, of: &str, field: &str) -> Result<Shown, String> {
    let class = fields::class(of, field).ok_or_else(|| {
        tracing::error!(of, field, "nobody has said who may see a field");
        format!("nobody has said who may see {of}.{field}")
    })?;
    let caller = caller.ok_or("nobody has shown who they are")?;
    // The nearest relation: what a role may not see of its own it may not see of anything.
    class.shown(&caller.principal, Relation::Own).map_err(|denied| denied.to_string())
}

/// Every field of every type and interface of the schema.
pub(super) fn fields_of(sdl: &str) -> Vec<(String, String)> {
    let document = parse_schema(sdl).expect("the printed schema can be read");
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
