//! The guard: refuses a document that would cost too much, before any expensive step walks it.
//!
//! Everything here takes time linear in the size of the document and uses a bounded stack, because the guard is the
//! first to process untrusted input. It scans the text before the parser recurses into it, and measures each fragment
//! once before the validator expands them. A document refused here must never reach `Schema::execute`.

mod catalogue;
mod cost;
mod fill;
mod lexer;
mod measure;
mod merge;
mod parser;
mod root;
mod scan;
mod usage;
mod variables;

use std::collections::HashSet;

use async_graphql::{
    Name, Pos, Positioned, ServerError, Variables,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType},
};

use crate::code::Code;
use catalogue::Catalogue;
pub use catalogue::Weight;
pub use cost::Cost;
use measure::{Measures, innermost_first};

/// The limits of one document.
///
/// The defaults allow `GraphiQL`'s introspection query and the screens of a caseload, with room to spare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text (100,000).
    pub document_bytes_max: u64,
    /// Tokens: names, numbers, strings and punctuators (10,000).
    pub tokens_max: u64,
    /// Brackets of any kind open at once (50). This bounds the parser's stack.
    pub nesting_max: u64,
    /// Fields and fragment spreads, counted with every fragment expanded (5,000).
    pub selections_max: u64,
    /// Nested selection sets, where a spread counts as one (24). `GraphiQL`'s introspection needs 18, and the executor
    /// itself stops at 32.
    pub depth_max: u64,
    /// Aliased fields, with fragments expanded (100).
    pub aliases_max: u64,
    /// Directives, with fragments expanded (100).
    pub directives_max: u64,
    /// Root fields of one operation (50).
    pub root_fields_max: u64,
    /// Introspection fields, `__schema` and `__type`, with fragments expanded (5).
    pub introspections_max: u64,
    /// Nested schema lists below `__schema` or `__type` (2). `fields`, `inputFields`, `interfaces` and `possibleTypes`
    /// lead back to types and multiply.
    pub introspection_lists_max: u64,
    /// The cost: the number of fields that the response can have, plus weights. A list counts as its `first`, or as ten
    /// without one (100,000).
    pub cost_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes_max: 100_000,
            tokens_max: 10_000,
            nesting_max: 50,
            selections_max: 5_000,
            depth_max: 24,
            aliases_max: 100,
            directives_max: 100,
            root_fields_max: 50,
            introspections_max: 5,
            introspection_lists_max: 2,
            cost_max: 100_000,
        }
    }
}

/// A document that may be executed.
#[derive(Debug)]
pub struct Admitted {
    /// The parsed document, so that it is parsed only once.
    pub document: ExecutableDocument,
    /// The document to execute instead, once the original is known to be valid; none if that is the original itself.
    pub normal: Option<ExecutableDocument>,
    /// The variables, including defaults.
    pub variables: Variables,
    /// The type of the selected operation.
    pub kind: OperationType,
    /// The cost of the selected operation.
    pub cost: Cost,
    /// The positions of arguments whose value comes from variables. Needed to classify the validator's errors.
    pub fed_by_variables: HashSet<Pos>,
}

/// The reason for refusing a document or its variables before execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The text is not GraphQL.
    Syntax {
        /// The error, in the parser's words.
        message: String,
        /// The places, at most two.
        at: Vec<Pos>,
    },
    /// The document breaks a rule of the language.
    Invalid {
        /// The rule.
        message: String,
        /// The places.
        at: Vec<Pos>,
    },
    /// The operation to run cannot be determined.
    Operation {
        /// What to name instead.
        message: String,
    },
    /// A variable is missing or has a different type from its declaration.
    Variable {
        /// The variable and the expected type.
        message: String,
        /// The place of the variable's declaration.
        at: Pos,
    },
    /// The document exceeds one of the [`Limits`].
    TooComplex {
        /// The limit: the name of the field of [`Limits`] without `_max`.
        limit: &'static str,
        /// The requested amount.
        asked: u64,
        /// The allowed amount.
        allowed: u64,
    },
}

impl Refusal {
    /// The code that clients see.
    pub const fn code(&self) -> Code {
        match self {
            Self::Syntax { .. } => Code::ParseFailed,
            Self::Invalid { .. } => Code::ValidationFailed,
            Self::Operation { .. } => Code::OperationResolutionFailure,
            Self::Variable { .. } => Code::BadUserInput,
            Self::TooComplex { .. } => Code::QueryTooComplex,
        }
    }
}

impl From<Refusal> for ServerError {
    fn from(refusal: Refusal) -> Self {
        let mut extensions = refusal.code().extensions();
        let (message, locations) = match refusal {
            Refusal::Syntax { message, at } | Refusal::Invalid { message, at } => (message, at),
            Refusal::Operation { message } => (message, Vec::new()),
            Refusal::Variable { message, at } => (message, vec![at]),
            Refusal::TooComplex { limit, asked, allowed } => {
                extensions.set("limit", limit);
                extensions.set("asked", asked);
                extensions.set("allowed", allowed);
                let message = format!(
                    "too complex: {limit} is {asked} and must be at most {allowed}, so request less \
                     or split the request"
                );
                (message, Vec::new())
            }
        };
        let mut error = Self::new(message, None);
        error.locations = locations;
        error.extensions = Some(extensions);
        error
    }
}

/// The guard of one schema.
#[derive(Debug)]
pub struct Guard {
    limits: Limits,
    catalogue: Catalogue,
}

impl Guard {
    /// Creates a guard from the printed schema and the weights of its expensive places.
    pub fn new(sdl: &str, limits: Limits, weights: &[Weight]) -> Self {
        Self { limits, catalogue: Catalogue::of(sdl, weights) }
    }

    /// Parses a document once and admits it, or returns every reason against it.
    ///
    /// `operation_name` selects one of several operations. Without it there must be exactly one.
    pub fn admit(
        &self,
        query: &str,
        operation_name: Option<&str>,
        mut variables: Variables,
    ) -> Result<Admitted, Vec<Refusal>> {
        let only = |refusal| vec![refusal];
        let mut document = parse(query, &self.limits)?;
        let fragments = innermost_first(&document.fragments).map_err(only)?;
        let measures = Measures::of(&document, &fragments).map_err(only)?;
        self.limits.hold(&measures)?;
        let (_, operation) = select(&document, operation_name).map_err(only)?;
        usage::check(&self.catalogue, &document)?;
        fill::complete(&operation.node, &mut variables);
        variables::check(&self.catalogue, &operation.node, &variables)?;
        let allowed = self.limits.cost_max;
        let requested = cost::cost(&self.catalogue, &operation.node, &fragments, &variables);
        let cost = Cost { requested, allowed };
        within([("cost", cost.requested, cost.allowed)])?;
        let kind = operation.node.ty;
        if kind == OperationType::Subscription {
            let wrapped = root::wrapped(&document, &operation.node, self.catalogue.root(kind));
            if let Some(wrapped) = wrapped.map_err(only)? {
                wrapped.unwrap_in(&mut document, operation_name);
            }
        }
        let normal = self.normal(&document, operation_name, &variables)?;
        Ok(Admitted { kind, cost, fed_by_variables: measures.fed_by_variables, normal, variables, document })
    }

    /// The document to execute instead of one that the executor would handle wrongly: each field selected once, and
    /// omitted variables removed.
    fn normal(
        &self,
        document: &ExecutableDocument,
        operation_name: Option<&str>,
        variables: &Variables,
    ) -> Result<Option<ExecutableDocument>, Vec<Refusal>> {
        let (name, operation) = select(document, operation_name).map_err(|refusal| vec![refusal])?;
        let merged = merge::merged(&self.catalogue, document, &operation.node, variables)?;
        let gone: Vec<Name> = fill::left_out(&operation.node, variables).into_iter().cloned().collect();
        if merged.is_none() && gone.is_empty() {
            return Ok(None);
        }
        let operation_alone = merged.unwrap_or_else(|| operation.node.clone());
        let mut normal = merge::alone(document, operation_alone, name, operation.pos);
        fill::take_out(&mut normal, &gone);
        Ok(Some(normal))
    }
}

impl Limits {
    /// Refuses every measure above its limit.
    fn hold(&self, measures: &Measures) -> Result<(), Vec<Refusal>> {
        within([
            ("selections", measures.selections, self.selections_max),
            ("depth", measures.depth, self.depth_max),
            ("aliases", measures.aliases, self.aliases_max),
            ("directives", measures.directives, self.directives_max),
            ("root_fields", measures.root_fields, self.root_fields_max),
            ("introspections", measures.introspections, self.introspections_max),
            ("introspection_lists", measures.introspection_lists, self.introspection_lists_max),
        ])
    }
}

/// Parses a document whose text is within the limits.
fn parse(query: &str, limits: &Limits) -> Result<ExecutableDocument, Vec<Refusal>> {
    admit_text(query, limits)?;
    parser::parse(query).map_err(|refusal| vec![refusal])
}

/// Checks whether a text is a document within the limits of text. Returns the reasons if not.
pub fn check_text(query: &str) -> Result<(), Vec<Refusal>> {
    parse(query, &Limits::default()).map(drop)
}

/// Checks the text before the parser processes it.
fn admit_text(query: &str, limits: &Limits) -> Result<(), Vec<Refusal>> {
    within([("document_bytes", u64::try_from(query.len()).unwrap_or(u64::MAX), limits.document_bytes_max)])?;
    let scanned = scan::scan(query).map_err(|refusal| vec![refusal])?;
    within([("tokens", scanned.tokens, limits.tokens_max), ("nesting", scanned.nesting, limits.nesting_max)])
}

/// Refuses every figure above its limit.
fn within<const N: usize>(figures: [(&'static str, u64, u64); N]) -> Result<(), Vec<Refusal>> {
    let refusals: Vec<_> = figures
        .into_iter()
        .filter(|&(_, asked, allowed)| asked > allowed)
        .map(|(limit, asked, allowed)| Refusal::TooComplex { limit, asked, allowed })
        .collect();
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// The operation that the request selects, with its name.
fn select<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<(Option<&'a Name>, &'a Positioned<OperationDefinition>), Refusal> {
    let refuse = |message| Err(Refusal::Operation { message });
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok((None, operation)),
        (DocumentOperations::Single(_), Some(name)) => refuse(format!(
            "there is no operation named {}: the only one has no name, so leave operationName out",
            shortened(name)
        )),
        (DocumentOperations::Multiple(operations), Some(name)) => {
            let Some((name, operation)) = operations.get_key_value(name) else {
                return refuse(format!(
                    "there is no operation named {}: name an operation of the document in operationName",
                    shortened(name)
                ));
            };
            Ok((Some(name), operation))
        }
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.iter();
            match (all.next(), all.next()) {
                (Some((name, only)), None) => Ok((Some(name), only)),
                _ => refuse("the document has several operations: name the one to run in operationName".to_owned()),
            }
        }
    }
}

/// At most 300 characters of a text that may repeat untrusted input.
pub fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 300;
    match text.char_indices().nth(CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
pub(super) mod tests;
