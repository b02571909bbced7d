//! Documents that are generated from the schema: every field that takes an id, lists with filters, and mutations.
//!
//! A document has marks where ids go. It is asked once with ids of things that its caller may not know of, and once with
//! ids that do not exist.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};

use crate::app::SHPS;
use crate::field::Field;

/// How deep a document goes.
const DEPTH: u64 = 3;
/// Ids and codes that a client chooses for something new: the input, the field, and why one that is in use must have
/// another answer than one that is free. A new one is sent each time.
const CHOSEN: [(&str, &str, &str); 20] = [
    ("ReceiveReferralInput", "journey", "a case needs an id that no other stream has"),
    ("RegisterSubjectInput", "subject", "a subject needs an id that no other stream has"),
    ("AddWorkerInput", "worker", "a worker needs an id that no other stream has"),
    ("SetTeamInput", "team", "a team begins with its first statement, and its id may not be that of another team"),
    ("OpenBatchInput", "batch", "a batch needs an id that no other stream has"),
    ("OpenContractInput", "code", "two contracts cannot have one code"),
    ("StartSpellInput", "spell", "a later fact names a spell by its id alone"),
    ("SetTaskInput", "task", "a later fact names a task by its id alone"),
    ("RaiseRiskInput", "risk", "a later fact names a risk by its id alone"),
    ("BookAppointmentInput", "appointment", "a later fact names an appointment by its id alone"),
    ("AttachEvidenceInput", "evidence", "a later fact names evidence by its id alone"),
    ("RaiseAdjustmentInput", "adjustment", "a payment names an adjustment by its id alone"),
    ("RevealIdentityInput", "reveal", "the end of a reveal names it by its id alone"),
    ("PlaceHoldInput", "hold", "the lifting of a hold names it by its id alone"),
    ("OpenVacancyInput", "vacancy", "the filling of a vacancy names it by its id alone"),
    ("StartCoverInput", "cover", "the end of a cover names it by its id alone"),
    ("IssueNoticeInput", "notice", "an agreed action names a notice by its id alone"),
    ("AgreeActionInput", "action", "the end of an action names it by its id alone"),
    ("GrantRoleInput", "grant", "the revocation of a role names its grant by its id alone"),
    ("IssueApiKeyInput", "key", "a key is known by its id alone"),
];
/// Inputs whose fields name workers. Workers are of the deployment: who gives work may give it to any worker. So a worker
/// of another contract is accepted, and one that does not exist is not. Filters are not among them.
const GIVE_WORK: [&str; 26] = [
    "AppointmentMovePatch",
    "AppointmentPatch",
    "AssignWorkerInput",
    "AssignWorkersInput",
    "AssignmentPatch",
    "BookAppointmentInput",
    "ContactPatch",
    "CorrectFactInput",
    "CoverPatch",
    "FillVacancyInput",
    "LeaveWorkerInput",
    "LogContactInput",
    "MoveAppointmentInput",
    "RecordAbsenceInput",
    "ReleasePatch",
    "ReleaseWorkerInput",
    "RetractFactInput",
    "ScoreAssessmentInput",
    "SetCapacityInput",
    "SetTaskInput",
    "SetTeamInput",
    "SetWteInput",
    "StartCoverInput",
    "TaskPatch",
    "TeamPatch",
    "VacancyFillPatch",
];
/// Mutations that name nothing of a contract or a case.
const ABOUT_NOTHING: [&str; 3] = ["startRebuild", "cancelRebuild", "rollbackView"];

/// A document with marks, and the field that it begins with.
pub(super) struct Template {
    pub(super) root: String,
    pub(super) document: String,
}

/// A mark for an id of this kind.
pub(super) fn mark(kind: &str) -> String {
    format!("@@{kind}@@")
}

/// A mark for something of this kind that the caller may know of.
pub(super) fn own_mark(kind: &str) -> String {
    format!("@own:{kind}@")
}

/// The schema, and where choices come from.
pub(super) struct Generator<'f> {
    types: BTreeMap<String, TypeKind>,
    one_of: BTreeSet<String>,
    field: &'f Field,
}

fn base(of: &Type) -> (String, bool) {
    match &of.base {
        BaseType::Named(name) => (name.to_string(), false),
        BaseType::List(of) => (base(of).0, true),
    }
}

/// What kind of thing an id is of, by the name of its argument.
fn kind_of(name: &str) -> &'static str {
    match name {
        "subject" | "with" | "person" => "subject",
        "worker" | "keyworker" | "owner" | "absent" | "by" | "members" => "worker",
        "team" => "team",
        "batch" | "ofBatch" => "batch",
        "claim" | "claims" => "claim",
        "target" | "targets" | "proposal" => "event",
        "evidence" => "evidence",
        "spell" | "supports" => "spell",
        "task" => "task",
        "risk" => "risk",
        "appointment" => "appointment",
        "subscription" | "removeKey" => "subscription",
        "offer" => "offer",
        "id" | "ids" | "stream" => "any",
        _ => "journey",
    }
}

/// A text for an argument of this name, which the rulebook knows if it is a code.
fn words(name: &str) -> &'static str {
    match name {
        "area" | "areas" => "brent",
        "channel" => "phone",
        "kind" => "php",
        "reason" => "not_eligible",
        "domain" => "accommodation",
        "role" => "keyworker",
        "report" => "monthly",
        "measures" | "measure" => "referral",
        "url" => "https://example.org/in",
        _ => "x",
    }
}

/// Whether a client chooses this id or code for something new.
fn is_chosen(within: &str, name: &str) -> bool {
    CHOSEN.iter().any(|(input, field, _)| (*input, *field) == (within, name))
}

impl<'f> Generator<'f> {
    pub(super) fn of_the_schema(field: &'f Field) -> Self {
        let document = parse_schema(throughline::graphql::sdl()).expect("the schema is read");
        let (mut types, mut one_of) = (BTreeMap::new(), BTreeSet::new());
        for definition in document.definitions {
            let TypeSystemDefinition::Type(of) = definition else { continue };
            let name = of.node.name.node.to_string();
            if of.node.directives.iter().any(|directive| directive.node.name.node.as_str() == "oneOf") {
                one_of.insert(name.clone());
            }
            types.insert(name, of.node.kind);
        }
        let generator = Self { types, one_of, field };
        for (input, field, why) in CHOSEN {
            assert!(generator.has_input(input, field), "{input}.{field} is no field ({why})");
        }
        for input in GIVE_WORK {
            let names = ["worker", "owner", "absent", "by", "members"];
            assert!(names.iter().any(|field| generator.has_input(input, field)), "{input} names no worker");
        }
        generator
    }

    /// Whether an input has this field.
    fn has_input(&self, input: &str, name: &str) -> bool {
        let Some(TypeKind::InputObject(of)) = self.types.get(input) else { return false };
        of.fields.iter().any(|field| field.node.name.node.as_str() == name)
    }

    /// Whether it is so, once in so many times.
    fn once_in(&self, times: u64) -> bool {
        self.field.below(times) == 0
    }

    fn one<'a, T>(&self, of: &'a [T]) -> &'a T {
        let at = self.field.below(of.len() as u64);
        &of[usize::try_from(at).expect("a short list")]
    }

    fn fields(&self, of: &str) -> Vec<&FieldDefinition> {
        match &self.types[of] {
            TypeKind::Object(object) => object.fields.iter().map(|field| &field.node).collect(),
            TypeKind::Interface(interface) => interface.fields.iter().map(|field| &field.node).collect(),
            _ => Vec::new(),
        }
    }

    /// The types that an interface or a union may be.
    fn possible(&self, of: &str) -> Vec<&str> {
        match &self.types[of] {
            TypeKind::Union(union) => union.members.iter().map(|member| member.node.as_str()).collect(),
            TypeKind::Interface(_) => {
                let is_one = |kind: &TypeKind| match kind {
                    TypeKind::Object(object) => object.implements.iter().any(|interface| interface.node.as_str() == of),
                    _ => false,
                };
                self.types.iter().filter(|(_, kind)| is_one(kind)).map(|(name, _)| name.as_str()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn is_leaf(&self, of: &str) -> bool {
        !matches!(self.types.get(of), Some(TypeKind::Object(_) | TypeKind::Interface(_) | TypeKind::Union(_)))
    }

    /// The next document that names something.
    pub(super) fn next(&self) -> Template {
        loop {
            let template = if self.once_in(2) { self.query() } else { self.mutation() };
            let named = template.document.replace(&mark("command"), "");
            if named.contains("@@") {
                return template;
            }
        }
    }

    fn query(&self) -> Template {
        let fields = self.fields("Query");
        let asking: Vec<_> = fields.into_iter().filter(|field| !field.arguments.is_empty()).collect();
        let field = self.one(&asking);
        Template { root: field.name.node.to_string(), document: format!("{{ {} }}", self.selected(field, DEPTH)) }
    }

    fn mutation(&self) -> Template {
        let fields = self.fields("Mutation");
        let about = |field: &&FieldDefinition| !ABOUT_NOTHING.contains(&field.name.node.as_str());
        let sent: Vec<_> = fields.into_iter().filter(about).collect();
        let field = self.one(&sent);
        let name = field.name.node.to_string();
        let input = self.object(&base(&field.arguments[0].node.ty.node).0);
        let of = base(&field.ty.node).0;
        let document = format!("mutation {{ {name}(input: {input}) {{ {} }} }}", self.payload(&of));
        Template { root: name, document }
    }

    /// What is asked of a payload: the problems always.
    fn payload(&self, of: &str) -> String {
        let more = self.selection(of, DEPTH - 1);
        let problems = "shown: problems { __typename code severity message path rule allowed }";
        format!("{problems} {more}")
    }

    /// A field with its arguments, and what is asked of it.
    fn selected(&self, field: &FieldDefinition, depth: u64) -> String {
        let mut arguments = Vec::new();
        for argument in field.arguments.iter().map(|argument| &argument.node) {
            if self.is_wanted(argument) {
                arguments.push(format!("{}: {}", argument.name.node, self.value("", argument)));
            }
        }
        let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
        let of = base(&field.ty.node).0;
        let beneath =
            if self.is_leaf(&of) { String::new() } else { format!(" {{ {} }}", self.selection(&of, depth - 1)) };
        format!("{}{arguments}{beneath}", field.name.node)
    }

    fn selection(&self, of: &str, depth: u64) -> String {
        let mut asked = vec!["__typename".to_owned()];
        let mut left: Vec<_> =
            self.fields(of).into_iter().filter(|field| self.is_leaf(&base(&field.ty.node).0) || depth > 0).collect();
        for _ in 0..=self.field.below(4) {
            if left.is_empty() {
                break;
            }
            let at = self.field.below(left.len() as u64);
            let field = left.swap_remove(usize::try_from(at).expect("a short list"));
            asked.push(self.selected(field, depth));
        }
        let possible = self.possible(of);
        if depth > 0 && !possible.is_empty() {
            let one = self.one(&possible);
            asked.push(format!("... on {one} {{ {} }}", self.only_new(one, of, depth)));
        }
        asked.join(" ")
    }

    /// What is asked of one type of an interface: nothing that the interface has too.
    fn only_new(&self, of: &str, interface: &str, depth: u64) -> String {
        let known: BTreeSet<_> = self.fields(interface).iter().map(|field| field.name.node.to_string()).collect();
        let mut new: Vec<_> = self.fields(of);
        new.retain(|field| !known.contains(field.name.node.as_str()));
        if new.is_empty() { "__typename".to_owned() } else { self.selected(self.one::<&_>(new.as_slice()), depth) }
    }

    fn is_wanted(&self, argument: &InputValueDefinition) -> bool {
        let name = argument.name.node.as_str();
        let is_required = !argument.ty.node.nullable && argument.default_value.is_none();
        // Cursors are of a list that was read, and views of what was known then are built first.
        let is_apart = ["after", "knownAt", "knownOn", "position", "expectedVersion", "view"].contains(&name);
        let is_id = ["UUID", "ID"].contains(&base(&argument.ty.node).0.as_str());
        is_required || !is_apart && self.once_in(if is_id { 2 } else { 4 })
    }

    /// A value for an argument, or for a field of an input.
    fn value(&self, within: &str, of: &InputValueDefinition) -> String {
        let name = of.name.node.as_str();
        let (base, is_list) = base(&of.ty.node);
        let value = match base.as_str() {
            "UUID" | "ID" => format!("\"{}\"", self.id(within, name)),
            "Date" => "\"2018-02-20\"".to_owned(),
            "DateTime" => "\"2018-02-20T09:00:00Z\"".to_owned(),
            "LocalTime" => "\"09:00\"".to_owned(),
            "Decimal" => "\"1\"".to_owned(),
            "Int" | "Position" => "2".to_owned(),
            "Boolean" => if name == "dryRun" || self.once_in(2) { "true" } else { "false" }.to_owned(),
            "String" if is_chosen(within, name) => "\"shps-new\"".to_owned(),
            "String" if ["contract", "contracts"].contains(&name) => self.contract(),
            "String" if name == "code" && !of.ty.node.nullable => self.contract(),
            "String" => format!("\"{}\"", words(name)),
            of => match &self.types[of] {
                TypeKind::Enum(one) => self.one(&one.values).node.value.node.to_string(),
                TypeKind::InputObject(_) => self.object(of),
                _ => panic!("{of} is no input"),
            },
        };
        if is_list { format!("[{value}]") } else { value }
    }

    fn contract(&self) -> String {
        if self.once_in(3) { format!("\"{}\"", mark("contract")) } else { format!("\"{SHPS}\"") }
    }

    fn id(&self, within: &str, name: &str) -> String {
        match kind_of(name) {
            _ if name == "commandId" || is_chosen(within, name) => mark("command"),
            "worker" if GIVE_WORK.contains(&within) => own_mark("worker"),
            "any" => {
                const KINDS: [&str; 9] =
                    ["journey", "subject", "event", "worker", "team", "batch", "claim", "subscription", "offer"];
                mark(self.one::<&str>(KINDS.as_slice()))
            }
            kind if self.once_in(2) => own_mark(kind),
            kind => mark(kind),
        }
    }

    /// An input with what it requires, and some of what it takes.
    fn object(&self, of: &str) -> String {
        let TypeKind::InputObject(input) = &self.types[of] else { panic!("{of} is no input") };
        let all: Vec<_> = input.fields.iter().map(|field| &field.node).collect();
        let chosen: Vec<_> = if self.one_of.contains(of) {
            vec![*self.one(&all)]
        } else {
            all.into_iter().filter(|field| field.name.node.as_str() == "dryRun" || self.is_wanted(field)).collect()
        };
        let values = chosen.iter().map(|field| format!("{}: {}", field.name.node, self.value(of, field)));
        format!("{{ {} }}", values.collect::<Vec<_>>().join(", "))
    }
}
