//! What the guard admits and refuses, and how fast.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use async_graphql::{Value, parser::types::Selection};
use serde_json::json;

use super::*;

pub(crate) const INTROSPECTION: &str = include_str!("introspection.graphql");

/// A schema in which pages contain pages, and with a subscription.
const SDL: &str = "
    type Query { journeys(first: Int! = 20): Journeys!, board(by: By, among: [By!], order: Order): Int }
    type Journeys { nodes: [Journey!]! }
    type Journey { id: ID!, like(first: Int): Journeys! }
    type S { a: Int, b: Int }
    scalar Own
    enum By { AREA TEAM }
    input Order { by: By!, among: [By!] }
    schema { query: Query, subscription: S }";

fn admit(query: &str, name: Option<&str>, variables: &Variables, limits: &Limits) -> Result<Admitted, Vec<Refusal>> {
    Guard::new(SDL, limits.clone(), &[]).admit(query, name, variables.clone())
}

fn asked(query: &str) -> Result<Admitted, Vec<Refusal>> {
    admit(query, None, &Variables::default(), &Limits::default())
}

fn with(query: &str, variables: serde_json::Value) -> Result<Admitted, Vec<Refusal>> {
    let variables = Variables::from_json(variables);
    admit(query, None, &variables, &Limits::default())
}

fn excess(query: &str) -> Vec<(&'static str, u64, u64)> {
    let started = Instant::now();
    let refusals = asked(query).expect_err("too complex");
    let took = started.elapsed();
    assert!(took < Duration::from_millis(500), "took {took:?}");
    refusals
        .into_iter()
        .map(|refusal| match refusal {
            Refusal::TooComplex { limit, asked, allowed } => (limit, asked, allowed),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn only(result: Result<Admitted, Vec<Refusal>>) -> Refusal {
    let mut refusals = result.expect_err("a refusal");
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    refusals.remove(0)
}

/// Fragments that each spread the next one twice: 2^levels leaves.
pub(crate) fn bomb(levels: usize) -> String {
    let mut document = "{ ...F0 }".to_owned();
    for level in 0..levels {
        let next = level + 1;
        write!(document, "fragment F{level} on Query {{ ...F{next} ...F{next} }}").expect("text");
    }
    write!(document, "fragment F{levels} on Query {{ __typename }}").expect("text");
    document
}

#[test]
fn the_introspection_of_graphiql_passes_with_room_to_spare() {
    let document = parser::parse(INTROSPECTION).expect("a document");
    let fragments = innermost_first(&document.fragments).expect("no cycle");
    let measures = Measures::of(&document, &fragments).expect("measured");
    assert_eq!((measures.depth, measures.introspection_lists), (18, 1));
    assert!(measures.selections < 500, "{measures:?}");
    let admitted = asked(INTROSPECTION).expect("admitted");
    assert_eq!(admitted.kind, OperationType::Query);
}

#[test]
fn a_fragment_bomb_is_refused_at_once() {
    assert_eq!(
        excess(&bomb(30)),
        [("selections", (3 << 30) - 1, 5_000), ("depth", 32, 24), ("root_fields", 1 << 30, 50)]
    );
}

#[test]
fn a_bomb_beyond_all_numbers_saturates() {
    let refused = excess(&bomb(600));
    assert!(refused.contains(&("selections", u64::MAX, 5_000)));
    assert!(refused.contains(&("depth", 602, 24)));
}

#[test]
fn ten_thousand_aliases_are_refused() {
    let mut query = "{".to_owned();
    for n in 0..10_000 {
        write!(query, "a{n}:a ").expect("text");
    }
    query.push('}');
    assert_eq!(excess(&query), [("tokens", 30_002, 10_000)]);
}

#[test]
fn aliases_count_once_for_each_spread() {
    let aliased = "fragment F on Q { a: x b: x }";
    let spreads = "g { ...F } ".repeat(51);
    assert_eq!(excess(&format!("{{ r {{ {spreads} }} }} {aliased}")), [("aliases", 102, 100)]);
}

#[test]
fn a_thousand_levels_are_refused_before_the_parser() {
    let open = "{a".repeat(1_000);
    let close = "}".repeat(1_000);
    assert_eq!(excess(&format!("{open}{close}")), [("nesting", 1_000, 50)]);
    for bracket in ["[", "{a:"] {
        let open = bracket.repeat(9_000 / bracket.len());
        let refused = excess(&format!("{{ a(x: {open}"));
        assert_eq!(refused[0].0, "nesting", "{bracket}");
    }
    let types = "[".repeat(5_000);
    assert_eq!(excess(&format!("query($a: {types}"))[0].0, "nesting");
}

#[test]
fn the_deepest_text_that_is_parsed_fits_a_small_stack() {
    let documents = [
        format!("{}{}", "{a".repeat(50), "}".repeat(50)),
        format!("{}{}", "{...{a".repeat(25), "}}".repeat(25)),
        format!("{{ a(x: {}{}) }}", "[".repeat(48), "]".repeat(48)),
        format!("{{ a(x: {}1{}) }}", "{a:".repeat(48), "}".repeat(48)),
        format!("query($a: {}A{}) {{ a }}", "[".repeat(49), "]".repeat(49)),
    ];
    std::thread::Builder::new()
        .stack_size(1024 * 1024)
        .spawn(move || {
            for document in &documents {
                // It must return, whether it refuses or not.
                drop(asked(document));
            }
        })
        .expect("a thread")
        .join()
        .expect("it does not overflow");
}

#[test]
fn a_hundred_thousand_directives_are_refused() {
    let refused = excess(&format!("{{ a {} }}", "@b".repeat(40_000)));
    assert_eq!(refused, [("tokens", 80_003, 10_000)]);
    let refused = excess(&format!("{{ a {} }}", "@b".repeat(100_000)));
    assert_eq!(refused, [("document_bytes", 200_006, 100_000)]);
    let refused = excess(&format!("{{ a {} }}", "@b".repeat(101)));
    assert_eq!(refused, [("directives", 101, 100)]);
}

#[test]
fn directives_count_wherever_they_stand() {
    let refused = excess(&format!(
        "query($v: Int {0}) {0} {{ a {0} ... {0} {{ b }} ...F {0} }} fragment F on Q {0} {{ c }}",
        "@d ".repeat(20)
    ));
    assert_eq!(refused, [("directives", 120, 100)]);
}

#[test]
fn root_fields_count_through_fragments() {
    let query = "{ ...F ... { ...F } a b } fragment F on Q { x y z }";
    let allowed = Limits { root_fields_max: 8, ..Limits::default() };
    assert!(admit(query, None, &Variables::default(), &allowed).is_ok());
    let tighter = Limits { root_fields_max: 7, ..allowed };
    assert_eq!(
        only(admit(query, None, &Variables::default(), &tighter)),
        Refusal::TooComplex { limit: "root_fields", asked: 8, allowed: 7 }
    );
}

#[test]
fn introspection_that_goes_in_circles_is_refused() {
    for query in [
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        r#"{ ...A } fragment A on Query { __type(name: "A") { ...B } }
           fragment B on __Type { fields { type { ...C } } }
           fragment C on __Type { interfaces { possibleTypes { name } } }"#,
    ] {
        assert_eq!(excess(query), [("introspection_lists", 3, 2)], "{query}");
    }
}

#[test]
fn the_schema_is_not_asked_for_again_and_again() {
    let query = "{ ...A ...A ...A } fragment A on Query { __schema { queryType { name } } ...B }
                 fragment B on Query { t: __type(name: \"A\") { name } }";
    assert_eq!(excess(query), [("introspections", 6, 5)]);
}

#[test]
fn custom_fields_may_have_the_names_of_introspection_fields() {
    let query = "{ fields { fields { fields { interfaces { x } } } } }";
    assert!(asked(query).is_ok());
}

#[test]
fn every_operation_of_the_document_counts() {
    let one = format!("{{ g {{ {} }} }}", "a ".repeat(2_000));
    let query = format!("query A {one} query B {one} query C {one}");
    let refusals = admit(&query, Some("A"), &Variables::default(), &Limits::default());
    assert_eq!(only(refusals), Refusal::TooComplex { limit: "selections", asked: 6_003, allowed: 5_000 });
}

#[test]
fn unused_fragments_are_bounded_too() {
    let chain = bomb(100).replacen("{ ...F0 }", "{ a }", 1);
    assert_eq!(excess(&chain), [("depth", 101, 24)]);
}

#[test]
fn a_fragment_that_spreads_itself_is_refused_by_name() {
    for (query, name) in [
        ("{ ...A } fragment A on Q { ...A }", "A"),
        ("{ x } fragment A on Q { ...B } fragment B on Q { a { ...A } }", "A"),
        (
            "{ ...C } fragment C on Q { ...A } fragment A on Q { ... { ...B } } \
             fragment B on Q { ...A }",
            "A",
        ),
    ] {
        let Refusal::Invalid { message, .. } = only(asked(query)) else {
            panic!("admitted {query}");
        };
        assert_eq!(message, format!("fragment {name} spreads itself: remove the spread"));
    }
}

#[test]
fn an_unknown_fragment_is_left_to_the_validator() {
    assert!(asked("{ ...Nobody }").is_ok());
}

#[test]
fn the_operation_is_selected_by_name_or_because_it_is_the_only_one() {
    let two = "query A { a } mutation B { b }";
    let kind = |query, name| {
        admit(query, name, &Variables::default(), &Limits::default())
            .map(|admitted| admitted.kind)
            .map_err(|refusals| refusals[0].code())
    };
    let unresolved = Err(Code::OperationResolutionFailure);
    assert_eq!(kind(two, Some("A")), Ok(OperationType::Query));
    assert_eq!(kind(two, Some("B")), Ok(OperationType::Mutation));
    assert_eq!(kind("mutation B { b }", None), Ok(OperationType::Mutation));
    assert_eq!(kind("{ a }", None), Ok(OperationType::Query));
    assert_eq!(kind(two, None), unresolved);
    assert_eq!(kind(two, Some("C")), unresolved);
    assert_eq!(kind("{ a }", Some("A")), unresolved);
    assert_eq!(kind("fragment F on Q { a }", None), unresolved);
}

#[test]
fn a_syntax_error_names_its_place() {
    let refusal = only(asked("{ a\n b( }"));
    assert_eq!(
        refusal,
        Refusal::Syntax {
            message: "syntax error at 2:5: expected name".to_owned(),
            at: vec![Pos { line: 2, column: 5 }]
        }
    );
    assert_eq!(refusal.code(), Code::ParseFailed);
    for query in ["", "  # nothing", "{", "{ a(x: \"b) }", "\u{0}"] {
        assert_eq!(only(asked(query)).code(), Code::ParseFailed, "{query:?}");
    }
}

#[test]
fn an_error_does_not_repeat_the_input() {
    let long = "x".repeat(50_000);
    for query in [
        format!("{{ {long} ( }}"),
        format!("query {long} {{ a }} query {long} {{ b }}"),
        format!("query A($v: Int) {{ a }} fragment {long} on Q {{ ...{long} }}"),
    ] {
        let error = ServerError::from(only(asked(&query)));
        assert!(error.message.len() < 500, "{}", error.message.len());
    }
}

#[test]
fn definitions_given_twice_are_invalid() {
    for query in
        ["query A { a } query A { b }", "{ a } query A { b }", "{ a } fragment F on Q { a } fragment F on Q { b }"]
    {
        assert_eq!(only(asked(query)).code(), Code::ValidationFailed, "{query}");
    }
}

#[test]
fn a_subscription_has_one_root_field() {
    assert!(asked("subscription { a { b c } }").is_ok());
    assert!(asked("subscription { ...F } fragment F on S { a }").is_ok());
    for query in ["subscription { a b }", "subscription { a ...F } fragment F on S { b }"] {
        assert_eq!(only(asked(query)).code(), Code::ValidationFailed, "{query}");
    }
}

#[test]
fn a_subscription_follows_a_field_of_its_own_type_without_conditions() {
    for query in [
        "subscription { __typename }",
        "subscription { ... { __schema { types { name } } } }",
        "subscription { a @include(if: true) }",
        "subscription { ...F @skip(if: false) } fragment F on S { a }",
    ] {
        assert_eq!(only(asked(query)).code(), Code::ValidationFailed, "{query}");
    }
}

#[test]
fn fragments_around_the_root_of_a_subscription_are_removed() {
    let root_of = |query: &str, name: Option<&str>| {
        let admitted = admit(query, name, &Variables::default(), &Limits::default()).expect(query);
        let (_, operation) = select(&admitted.document, name).expect("selected");
        let [only] = &operation.node.selection_set.node.items[..] else { panic!("one root field") };
        let Selection::Field(field) = &only.node else { panic!("a field") };
        let mut fragments: Vec<_> = admitted.document.fragments.keys().map(ToString::to_string).collect();
        fragments.sort_unstable();
        (field.node.name.node.to_string(), fragments.join(" "))
    };
    let of = |field: &str, fragments: &str| (field.to_owned(), fragments.to_owned());
    assert_eq!(root_of("subscription { ... { ... on S { a } } }", None), of("a", ""));
    let nested = "subscription { ...F } fragment F on S { ...G } fragment G on S { a { ...H } } fragment H on X { b }";
    assert_eq!(root_of(nested, None), of("a", "H"));
    let shared = "subscription A { ...F } subscription B { ...F } fragment F on S { b }";
    assert_eq!(root_of(shared, Some("B")), of("b", "F"));
    assert_eq!(root_of("subscription A { ...F } fragment F on S { b }", None), of("b", ""));
    // What the validator refuses stays unchanged, so that the validator sees it.
    let elsewhere = asked("subscription { ...F } fragment F on Query { a }").expect("admitted");
    assert_eq!(elsewhere.document.fragments.len(), 1);
}

#[test]
fn pages_below_pages_are_refused_by_their_cost() {
    let nested = |first: u32| {
        format!("{{ journeys(first: {first}) {{ nodes {{ like(first: {first}) {{ nodes {{ id }} }} }} }} }}")
    };
    let admitted = asked(&nested(200)).expect("within what is allowed");
    assert_eq!(admitted.cost, Cost { requested: 2 + 200 * 202, allowed: 100_000 });
    assert_eq!(excess(&nested(400)), [("cost", 2 + 400 * 402, 100_000)]);
}

#[test]
fn a_required_variable_must_be_there_and_not_null() {
    let query = "query($id: ID!, $list: [Int!]! = [1], $free: Own) { a(id: $id) }";
    assert!(with(query, json!({"id": "1"})).is_ok());
    assert!(with(query, json!({"id": 1, "free": null, "more": {}})).is_ok());
    for variables in
        [json!({}), json!({"id": null}), json!({"id": "1", "list": null}), json!({"id": "1", "list": [null]})]
    {
        let refusal = only(with(query, variables.clone()));
        assert_eq!(refusal.code(), Code::BadUserInput, "{variables}");
    }
}

#[test]
fn every_invalid_variable_is_reported() {
    let refusals = with("query($a: Int!, $b: String!) { a }", json!({"b": 1})).expect_err("two");
    let messages: Vec<_> = refusals.into_iter().map(|refusal| ServerError::from(refusal).message).collect();
    assert_eq!(
        messages,
        ["variable $a must be Int!: it is missing", "variable $b must be String!: it is the number 1, not a string"]
    );
}

#[test]
fn built_in_scalars_are_held_to_their_types() {
    let accepts = |declared: &str, value: serde_json::Value| {
        with(&format!("query($v: {declared}) {{ a }}"), json!({"v": value})).is_ok()
    };
    assert!(accepts("Int", json!(i32::MAX)) && accepts("Int", json!(i32::MIN)));
    assert!(!accepts("Int", json!(i64::from(i32::MAX) + 1)));
    assert!(!accepts("Int", json!(1.5)) && !accepts("Int", json!("1")));
    assert!(accepts("Float", json!(1)) && accepts("Float", json!(1.5)));
    assert!(!accepts("Float", json!("1")));
    assert!(accepts("String", json!("")) && !accepts("String", json!(1)));
    assert!(accepts("Boolean", json!(false)) && !accepts("Boolean", json!("false")));
    assert!(accepts("ID", json!("a")) && accepts("ID", json!(7)));
    assert!(!accepts("ID", json!(true)) && !accepts("ID", json!({})));
    assert!(accepts("[Int]", json!(1)) && accepts("[[Int!]]", json!([[1], null])));
    assert!(!accepts("[[Int!]!]", json!([[1], null])));
    assert!(!accepts("[Int]", json!([1, "2"])));
    assert!(accepts("Own", json!({"any": ["thing"]})));
}

#[test]
fn arguments_fed_by_variables_are_remembered() {
    let admitted =
        with("query($v: Int) {\n a(x: $v, y: 1)\n b(z: {k: [$v]}) @include(if: true)\n}", json!({})).expect("admitted");
    let mut at: Vec<_> = admitted.fed_by_variables.into_iter().collect();
    at.sort_unstable();
    assert_eq!(at, [Pos { line: 2, column: 4 }, Pos { line: 3, column: 4 }]);
}

#[test]
fn an_excess_names_the_limit_and_both_figures() {
    let error = ServerError::from(Refusal::TooComplex { limit: "depth", asked: 30, allowed: 24 });
    assert_eq!(error.message, "too complex: depth is 30 and must be at most 24, so request less or split the request");
    let extensions = error.extensions.expect("extensions");
    assert_eq!(extensions.get("code"), Some(&Value::from("QUERY_TOO_COMPLEX")));
    assert_eq!(extensions.get("limit"), Some(&Value::from("depth")));
    assert_eq!(extensions.get("asked"), Some(&Value::from(30)));
    assert_eq!(extensions.get("allowed"), Some(&Value::from(24)));
}

#[test]
fn the_worst_text_within_the_limits_is_read_in_time() {
    let fields = "a ".repeat(4_900);
    let arguments = "x:[1 2 3] ".repeat(1_400);
    let nested = "{a{a{a{a ".repeat(600) + &"}}}} ".repeat(600);
    for query in [
        format!("{{ {fields} }}"),
        format!("{{ a({arguments}) }}"),
        format!("{{ {nested} }}"),
        format!("{{ a(x: \"{}\") }}", "y".repeat(99_000)),
        format!("# {}", "y".repeat(99_000)),
    ] {
        let started = Instant::now();
        drop(asked(&query));
        let took = started.elapsed();
        assert!(took < Duration::from_secs(1), "took {took:?}");
    }
}

/// Fragments of documents, so that random texts reach deep into the parser.
const PIECES: [&str; 26] = [
    "{", "}", "(", ")", "[", "]", ":", "!", "$", "@", "=", "...", "...on", " on ", "a", "b1", "query", "mutation",
    "fragment", "\"", "\"\"\"", "\\", "1.5e9", "null", "#", "\n",
];

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(
        chosen in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..60),
        text in ".{0,40}",
    ) {
        drop(asked(&chosen.concat()));
        drop(asked(&chosen.join(" ")));
        drop(asked(&text));
        drop(asked(&format!("{{ a(x: \"{text}\") }}")));
        drop(asked(&format!("{{ a(x: \"\"\"{text}\"\"\") }}")));
    }

    #[test]
    fn the_scan_counts_every_bracket_that_the_parser_enters(depth in 0_usize..80, hidden in "[\"\\\\#a ]{0,12}") {
        let query = format!("{{ a(x: [{hidden}\n{}{}]) }}", "[".repeat(depth), "]".repeat(depth));
        if asked(&query).is_ok() {
            proptest::prop_assert!(depth < 50);
        }
    }
}

/// What the executor gets: the response names of the root fields, with the fields below each.
fn normal(query: &str, variables: serde_json::Value) -> Option<Vec<(String, Vec<String>)>> {
    let normal = with(query, variables).expect("admitted").normal?;
    let (_, operation) = normal.operations.iter().next().expect("one operation");
    let field = |selection: &async_graphql::Positioned<Selection>| match &selection.node {
        Selection::Field(field) => {
            let below = field.node.selection_set.node.items.iter().map(|below| match &below.node {
                Selection::Field(field) => field.node.response_key().node.to_string(),
                _ => "...".to_owned(),
            });
            (field.node.response_key().node.to_string(), below.collect())
        }
        _ => ("...".to_owned(), Vec::new()),
    };
    Some(operation.node.selection_set.node.items.iter().map(field).collect())
}

#[test]
fn a_field_that_is_selected_twice_becomes_one_field_with_both_selections() {
    let of = |fields: &[(&str, &[&str])]| {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Some(fields.iter().map(|(name, below)| ((*name).to_owned(), own(below))).collect::<Vec<_>>())
    };
    assert_eq!(normal("{ journeys { nodes { id } } }", json!({})), None);
    let twice = "{ journeys { nodes { id } } ...F } fragment F on Query { journeys { __typename } }";
    assert_eq!(normal(twice, json!({})), of(&[("journeys", &["nodes", "__typename"])]));
    let skipped = "query($go: Boolean = false) { journeys @include(if: $go) { __typename } journeys { nodes { id } } }";
    assert_eq!(normal(skipped, json!({})), of(&[("journeys", &["__typename", "nodes"])]));
    let skipped_set = "query($go: Boolean = false) { a: journeys { __typename } ... @include(if: $go) { a: journeys { nodes { id } } } }";
    let normal_of = with(skipped_set, json!({})).expect("admitted").normal.expect("merged");
    assert!(format!("{normal_of:?}").contains("skip"), "what does not count stays skipped");
}

#[test]
fn a_variable_used_only_in_a_condition_is_removed_with_it() {
    let query = "query($go: Boolean!, $n: Int) { journeys(first: $n) @include(if: $go) { __typename } \
                 journeys(first: $n) { nodes { id } } }";
    for (variables, left) in [(json!({ "go": true, "n": 3 }), vec!["n"]), (json!({ "go": false }), vec![])] {
        let normal = with(query, variables).expect("admitted").normal.expect("merged");
        let (_, operation) = normal.operations.iter().next().expect("one operation");
        let declared = operation.node.variable_definitions.iter();
        let declared: Vec<&str> = declared.map(|definition| definition.node.name.node.as_str()).collect();
        assert_eq!(declared, left);
    }
}

#[test]
fn two_fields_under_one_name_must_be_the_same_wherever_they_stand() {
    for query in [
        "{ a: journeys(first: 1) { nodes { id } } ...F } fragment F on Query { a: journeys(first: 2) { nodes { id } } }",
        "{ journeys { nodes { x: id } ... { nodes { x: __typename } } } }",
        "{ journeys { nodes { ... on Journey { x: id } ... on Journey { x: __typename } } } }",
        "{ a: journeys @skip(if: true) { nodes { id } } ... on Query { a: journeys(first: 2) { nodes { id } } } }",
    ] {
        assert_eq!(only(asked(query)).code(), Code::ValidationFailed, "{query}");
    }
    assert!(asked("{ a: journeys(first: 1) { nodes { id } } b: journeys(first: 2) { nodes { id } } }").is_ok());
}

#[test]
fn a_variable_is_allowed_only_where_its_type_fits() {
    let stands =
        |declared: &str, place: &str| with(&format!("query($v: {declared}) {{ {place} }}"), json!({ "v": null }));
    let fits = |declared: &str, place: &str| !matches!(stands(declared, place), Err(refusals) if refusals.iter().any(|of| of.code() == Code::ValidationFailed));
    let (page, like) =
        ("journeys(first: $v) { nodes { id } }", "journeys { nodes { like(first: $v) { nodes { id } } } }");
    assert!(fits("Int!", page) && fits("Int", page) && fits("Int = 3", page), "the argument has a default");
    assert!(fits("Int", like) && fits("Int!", like));
    for declared in ["String", "[Int]", "[Int!]!", "Journey", "Nothing", "[Nothing] = [1]"] {
        assert!(!fits(declared, page), "{declared}");
    }
    let condition = "journeys @include(if: $v) { nodes { id } }";
    assert!(fits("Boolean!", condition) && fits("Boolean = true", condition));
    assert!(!fits("Boolean", condition) && !fits("Boolean = null", condition));
    let fragment = "query($v: Boolean) { ...F } fragment F on Query { journeys @skip(if: $v) { nodes { id } } }";
    assert_eq!(only(with(fragment, json!({}))).code(), Code::ValidationFailed);
}

#[test]
fn whole_numbers_are_whole_however_json_writes_them() {
    let of = |number: &str| {
        let variables: serde_json::Value = serde_json::from_str(&format!("{{\"v\": {number}}}")).expect("JSON");
        let admitted = with("query($v: Int!) { a(x: $v) }", variables);
        admitted.ok().and_then(|admitted| admitted.variables.get("v").map(ToString::to_string))
    };
    for (written, whole) in [("30.0", "30"), ("1e1", "10"), ("-0", "0"), ("-0.0", "0"), ("2147483647.0", "2147483647")]
    {
        assert_eq!(of(written).as_deref(), Some(whole), "{written}");
    }
    for written in ["30.5", "2147483648", "2147483648.0", "1e30", "\"30\"", "true"] {
        assert_eq!(of(written), None, "{written}");
    }
    for (written, is_fine) in [("30", true), ("-0", true), ("03", false), ("3x", false), ("3.", false), ("0xF", false)]
    {
        assert_eq!(
            asked(&format!("{{ journeys(first: {written}) {{ nodes {{ id }} }} }}")).is_ok(),
            is_fine,
            "{written}"
        );
    }
}

#[test]
fn an_argument_or_an_input_field_is_given_once() {
    for query in [
        "{ a(x: 1, x: 2) }",
        "{ a(x: { y: 1, y: 2 }) }",
        "{ a(x: [{ y: { z: 1, z: 1 } }]) }",
        "{ a @include(if: true, if: false) }",
        "query($v: Own = { y: 1, y: 2 }) { a(x: $v) }",
    ] {
        assert_eq!(only(asked(query)).code(), Code::ValidationFailed, "{query}");
    }
}

#[test]
fn an_omitted_variable_is_removed() {
    let query = "query($n: Int, $after: Own) { journeys(first: $n) { nodes { like(first: $n) { nodes { id } } } } }";
    let query = query.replace(", $after: Own", "");
    let admitted = with(&query, json!({})).expect("admitted");
    let normal = format!("{:?}", admitted.normal.expect("another document"));
    assert!(!normal.contains("Variable("), "{normal}");
    assert!(with(&query, json!({ "n": 3 })).expect("admitted").normal.is_none());
}

#[test]
fn a_string_is_an_enum_value_in_json_but_not_in_a_document() {
    for query in [
        "{ board(by: \"AREA\") }",
        "{ board(among: [AREA, \"TEAM\"]) }",
        "{ board(among: \"TEAM\") }",
        "{ board(order: { by: \"AREA\" }) }",
        "{ board(order: { by: AREA, among: [\"TEAM\"] }) }",
        "query($by: By = \"AREA\") { board(by: $by) }",
        "query($among: [By!] = [AREA, \"TEAM\"]) { board(among: $among) }",
        "query($among: [By!] = \"TEAM\") { board(among: $among) }",
        "query($order: Order = { by: \"AREA\" }) { board(order: $order) }",
        "query($order: Order = { by: AREA, among: [\"TEAM\"] }) { board(order: $order) }",
        "{ ...F } fragment F on Query { board(by: \"AREA\") }",
    ] {
        let refusal = only(asked(query));
        assert_eq!(refusal.code(), Code::ValidationFailed, "{query}");
        let fine = query.replace("\"AREA\"", "AREA").replace("\"TEAM\"", "TEAM");
        assert!(asked(&fine).is_ok(), "{fine}");
    }
    let given = json!({ "by": "AREA", "among": ["TEAM"], "order": { "by": "AREA" } });
    let query = "query($by: By, $among: [By!], $order: Order) { board(by: $by, among: $among, order: $order) }";
    assert!(with(query, given).is_ok());
}

#[test]
fn a_typename_is_checked_like_any_other_field() {
    for query in [
        "{ __typename @nope }",
        "{ __typename @deprecated }",
        "{ __typename @include }",
        "{ __typename(x: 1) }",
        "{ __typename { a } }",
        "{ __typename @include(if: true) @include(if: true) }",
        "{ __typename @include(if: \"true\") }",
        "{ __typename @include(if: 1) }",
        "{ __typename @include(if: null) }",
        "{ __typename @include(if: true, unless: 1) }",
        "{ __typename @skip(if: $nowhere) }",
        "{ journeys { nodes { ... on Journey { __typename @nope } } } }",
        "{ journeys { ...F } } fragment F on Journeys { __typename @skip(if: $nowhere) }",
    ] {
        assert_eq!(only(asked(query)).code(), Code::ValidationFailed, "{query}");
    }
    let of_another_type = with("query($v: Int!) { __typename @include(if: $v) }", json!({ "v": 1 }));
    assert_eq!(only(of_another_type).code(), Code::ValidationFailed);
    for query in [
        "{ __typename }",
        "{ kind: __typename @include(if: true) @skip(if: false) }",
        "query($v: Boolean = true) { __typename @include(if: $v) journeys @skip(if: $v) { __typename } }",
    ] {
        assert!(asked(query).is_ok(), "{query}");
    }
}
