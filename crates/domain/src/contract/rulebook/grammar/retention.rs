//! The section of a rulebook about how long data about people is kept.

use super::{Fix, Key, Kind, Rule, Table, Word, words};
use crate::fact::sealed::Class;

pub(in super::super) const CLASSES: [Word<Class>; 2] = [
    Word::new("identity", Class::Identity, "names, birth dates, contact details and numbers"),
    Word::new("special", Class::Special, "notes, agreed actions, needs and evidence files"),
];

pub(super) static RETENTION: Table = Table {
    name: "retention",
    noun: "a retention period",
    about: "How long data about a person is kept, counted from the last day of the person's last case in the contract. \
            Nothing is erased by it: it only says who is due, so that the erasure can be proposed.",
    keys: &[
        Key::new(
            "class",
            Kind::Word(&const { words(&CLASSES) }),
            r#""identity""#,
            "The class of data that the period is for.",
        ),
        Key::new("years", Kind::Positive, "6", "The period in years.").unit("years").optional(),
        Key::new("months", Kind::Positive, "18", "The period in months.").unit("months").optional(),
        Key::new(
            "source",
            Kind::Text,
            r#""contract, clause 27.4""#,
            "The source of the period, such as a clause of the contract or a records policy.",
        )
        .optional(),
        Key::new("illustrative", Kind::Flag, "true", "Whether the period is an illustration that no source states.")
            .or("false"),
    ],
    rules: &[
        Rule::One {
            with: None,
            of: &["years", "months"],
            none: Fix { problem: "the period is missing", remedy: "write years = 6 or months = 18" },
            several: Fix { problem: "the period is given as {}", remedy: "write only years or only months" },
        },
        Rule::Some {
            of: &["source", "illustrative"],
            none: Fix {
                problem: "the period has no source",
                remedy: "write source = \"contract, clause 27.4\", or illustrative = true where no source states it",
            },
        },
    ],
    notes: &[
        "Months are counted by the calendar, and a day that a month does not have is its last day.",
        "A person with cases in several contracts is kept until the last of them allows the erasure, and a contract \
         without a period for each class never does. Nobody is due under a legal hold.",
    ],
};
