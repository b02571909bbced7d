//! The section of a rulebook about which facts a service area supplies, and from when.

use super::super::CodeList;
use super::super::supply::SuppliedFacts;
use super::{Fix, Items, Key, Kind, Rule, Table, Word, words};

pub(in super::super) const SUPPLIED: [Word<SuppliedFacts>; 9] = [
    Word::new("contacts", SuppliedFacts::Contacts, "contacts, missed appointments and sessions"),
    Word::new("plans", SuppliedFacts::Plans, "plans and their reviews"),
    Word::new("spells", SuppliedFacts::Spells, "spells, such as jobs and homes"),
    Word::new("achievements", SuppliedFacts::Achievements, "achievements"),
    Word::new("measures", SuppliedFacts::Measures, "values recorded for cases"),
    Word::new("assessments", SuppliedFacts::Assessments, "assessments with a score"),
    Word::new("risks", SuppliedFacts::Risks, "risks"),
    Word::new("tasks", SuppliedFacts::Tasks, "tasks"),
    Word::new("exits", SuppliedFacts::Exits, "closes, transfers and disengagements"),
];

pub(super) static SUPPLY: Table = Table {
    name: "supply",
    noun: "what a service area supplies",
    about: "Which facts a service area supplies, and from when. On a day without supply the figures of the area that need \
            these facts have no data: they are not 0. An area without such a section supplies everything.",
    keys: &[
        Key::new("area", Kind::Code(CodeList::Areas), r#""brent""#, "The service area."),
        Key::new(
            "facts",
            Kind::List(&const { Kind::Word(&const { words(&SUPPLIED) }) }, Items::SomeDistinct),
            r#"["contacts"]"#,
            "The kinds of facts.",
        ),
        Key::new("from", Kind::Date, "2018-04-01", "The first day of the supply. Left out: from the start.").optional(),
        Key::new("until", Kind::Date, "2018-09-30", "The last day of the supply, included. Left out: without end.")
            .optional(),
        Key::new("never", Kind::Flag, "true", "Whether the area never supplies these facts.").optional(),
    ],
    rules: &[
        Rule::Some {
            of: &["from", "until", "never"],
            none: Fix {
                problem: "it does not say from when or until when",
                remedy: "write from = 2018-04-01, until = 2018-09-30, or never = true",
            },
        },
        Rule::Apart {
            key: "never",
            others: &["from", "until"],
            fix: Fix { problem: "it has never and {}", remedy: "leave out never, or leave out from and until" },
        },
    ],
    notes: &["Several sections of an area about the same facts are added up: it supplies them on the days of each."],
};
