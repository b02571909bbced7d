//! The sections of a rulebook about the attributes of cases.

use super::{Fix, Items, Key, Kind, Rule, TEXTS, Table};

/// The label of cases whose value is not known, if the rulebook has no other.
pub(in super::super) const UNKNOWN: &str = "Unknown";

pub(super) static CASE_ATTRIBUTE: Table = Table {
    name: "case_attribute",
    noun: "an attribute of cases",
    about: "An attribute of cases by which figures can be broken down, such as an age band: a fact that the assessment of \
            the eligibility freezes. The first assessment that states the fact decides.",
    keys: &[
        Key::new("code", Kind::Text, r#""age_band""#, "Its code, unique among the attributes."),
        Key::new("title", Kind::Text, r#""Age band""#, "Its title on boards."),
        Key::new(
            "fact",
            Kind::Text,
            r#""age""#,
            "The name of the fact, of a criterion, or `eligibility` for the result. Left out: the code.",
        )
        .optional(),
        Key::new(
            "values",
            TEXTS,
            r#"["female", "male"]"#,
            "The values that always have a row, in this order. Other values have a row where there are cases.",
        )
        .optional(),
        Key::new(
            "upper",
            Kind::List(&Kind::Whole, Items::Some),
            "[17, 24]",
            "For a number: the upper edge of each band but the last, included in the band. The edges rise.",
        )
        .optional(),
        Key::new(
            "labels",
            TEXTS,
            r#"["Under 18", "18-24", "25 and over"]"#,
            "The label of each band: one more than there are edges. The last is for all above the last edge.",
        )
        .optional(),
        Key::new("unknown", Kind::Text, r#""Not stated""#, "The label of the row for cases without the fact.")
            .or(r#""Unknown""#),
    ],
    rules: &[
        Rule::Together(&["upper", "labels"]),
        Rule::Apart {
            key: "values",
            others: &["upper", "labels"],
            fix: Fix { problem: "it has values and bands", remedy: "leave out values, or leave out upper and labels" },
        },
    ],
    notes: &["In bands, a fact that is no number is unknown."],
};
