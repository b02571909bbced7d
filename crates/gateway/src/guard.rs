//! The guard: refuses a document that would cost too much before anything walks it twice.
//!
//! Everything here is linear in the size of the document and uses a bounded stack, because it
//! is the first to see what a stranger sent: the text is scanned before the parser recurses into
//! it, and fragments are measured once each before the validator expands them. A document that
//! is refused here must never reach `Schema::execute`.

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

/// How much one document may ask for.
///
/// The defaults let `GraphiQL`'s introspection query and the screens of a caseload through with
/// room to spare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the document's text (100,000).
    pub document_bytes_max: u64,
    /// Names, numbers, strings and signs in the text (10,000).
    pub tokens_max: u64,
    /// Brackets of any kind open at once (50): what keeps the parser's stack short.
    pub nesting_max: u64,
    /// Fields and fragments with every fragment written out where it is spread (5,000).
    pub selections_max: u64,
    /// Selection sets inside one another, a spread counting as one (24; `GraphiQL`'s introspection
    /// takes 18, and the executor itself stops at 32).
    pub depth_max: u64,
    /// Fields given another name, fragments written out (100).
    pub aliases_max: u64,
    /// Directives, fragments written out (100).
    pub directives_max: u64,
    /// Fields at the root of one operation (50).
    pub root_fields_max: u64,
    /// Questions about the schema: `__schema` and `__type`, fragments written out (5).
    pub introspections_max: u64,
    /// Lists of the schema inside one another below `__schema` or `__type` (2): `fields`,
    /// `inputFields`, `interfaces` and `possibleTypes` lead back to types and multiply.
    pub introspection_lists_max: u64,
    /// Fields that the answer can have, lists as long as their `first` and others taken as ten (100,000).
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
    /// The parsed document, so that it is parsed once.
    pub document: ExecutableDocument,
    /// What is to be executed in its place once the document is known to be valid; none if that is the document itself.
    pub normal: Option<ExecutableDocument>,
    /// The variables, with the defaults of those that were left out.
    pub variables: Variables,
    /// What the selected operation is.
    pub kind: OperationType,
    /// What the selected operation may cost.
    pub cost: Cost,
    /// The names of arguments whose value comes from variables, by where they stand: to judge the validator's errors.
    pub fed_by_variables: HashSet<Pos>,
}

/// Why a document or its variables are refused before execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The text is not GraphQL.
    Syntax {
        /// What was expected, in the parser's words.
        message: String,
        /// Where, at most two places.
        at: Vec<Pos>,
    },
    /// The document breaks a rule of the language.
    Invalid {
        /// Which rule.
        message: String,
        /// Where.
        at: Vec<Pos>,
    },
    /// The operation to run cannot be determined.
    Operation {
        /// What to name instead.
        message: String,
    },
    /// A variable is missing or of another type than the operation declares.
    Variable {
        /// Which, and what was expected.
        message: String,
        /// Where the variable is declared.
        at: Pos,
    },
    /// The document asks for more than [`Limits`] allows.
    TooComplex {
        /// Which limit, named as the field of [`Limits`] without its `_max`.
        limit: &'static str,
        /// How much was asked for.
        asked: u64,
        /// How much is allowed.
        allowed: u64,
    },
}

impl Refusal {
    /// The code under which clients see this refusal.
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
                    "too complex: {limit} {asked} of at most {allowed}, so ask for less or in \
                     several requests"
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
    /// Guards a schema, given as it is printed, with what is dear in it.
    pub fn new(sdl: &str, limits: Limits, weights: &[Weight]) -> Self {
        Self { limits, catalogue: Catalogue::of(sdl, weights) }
    }

    /// Parses a document once and admits it, or says everything that speaks against it.
    ///
    /// `operation_name` selects among several operations; without it there must be exactly one.
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

    /// What the executor is to be given in place of a document, of which it would get something wrong: each field
    /// selected once, and no variable that was left out.
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
        let mut normal = merge::alone(document, operation_alone, (name, operation.pos));
        fill::take_out(&mut normal, &gone);
        Ok(Some(normal))
    }
}

impl Limits {
    /// Refuses every measure that is above what is allowed.
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

/// Parses a document whose text is within limits.
fn parse(query: &str, limits: &Limits) -> Result<ExecutableDocument, Vec<Refusal>> {
    admit_text(query, limits)?;
    parser::parse(query).map_err(|refusal| vec![refusal])
}

/// Whether a text is a document that a limit of its text would not refuse; what speaks against it if not.
pub fn check_text(query: &str) -> Result<(), Vec<Refusal>> {
    parse(query, &Limits::default()).map(drop)
}

/// What can be said of the text before the parser sees it.
fn admit_text(query: &str, limits: &Limits) -> Result<(), Vec<Refusal>> {
    within([("document_bytes", u64::try_from(query.len()).unwrap_or(u64::MAX), limits.document_bytes_max)])?;
    let scanned = scan::scan(query).map_err(|refusal| vec![refusal])?;
    within([("tokens", scanned.tokens, limits.tokens_max), ("nesting", scanned.nesting, limits.nesting_max)])
}

/// Refuses every figure that is above what is allowed.
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
                    "there is no operation named {}: name one of the document's in operationName",
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

/// At most 300 characters of a text that may repeat what a stranger wrote.
pub fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 300;
    match text.char_indices().nth(CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
pub(super) mod tests;
