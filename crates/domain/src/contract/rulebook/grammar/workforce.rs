//! The section about the caseloads of keyworkers.

use super::{Fix, Key, Kind, Rule, Table};

/// How often cases should be seen, and how many cases a keyworker may hold.
pub(super) static CASELOAD: Table = Table {
    name: "caseload",
    noun: "the rules for caseloads",
    about: "How often the cases on the caseload should be seen, and how many of them a keyworker may hold.",
    keys: &[
        Key::new(
            "seen_every_days",
            Kind::Positive,
            "28",
            "A case on the caseload should have a contact made at least once in this many days. The measure \
             `seen_as_required` is the share of such cases.",
        )
        .unit("days")
        .optional(),
        Key::new(
            "limit",
            Kind::Positive,
            "12",
            "The most open cases of this contract that a keyworker may hold. More are accepted with a warning.",
        )
        .unit("cases")
        .optional(),
        Key::new(
            "limit_per_wte",
            Kind::NotNegative,
            "4.5",
            "The same for one full-time equivalent: it is multiplied by that of the keyworker.",
        )
        .unit("cases")
        .optional(),
    ],
    rules: &[Rule::Some {
        of: &["seen_every_days", "limit", "limit_per_wte"],
        none: Fix {
            problem: "it says nothing",
            remedy: "write seen_every_days, limit or limit_per_wte, or take the section out",
        },
    }],
    notes: &["Slots that were set for a worker or a team are a limit too, whatever the rulebook says."],
};
