//! The grammar of `[[outcome]]`: triggers, sustainment, hours, evidence, conditions, claims and prices.

use super::super::CodeList;
use super::super::outcome::{
    Combine, Digest, HoursBasis, OncePer, PeriodKind, RatioBase, Scope, UnitRounding, UnknownHours, WhenCapped,
};
use super::{Fix, Items, Key, Kind, Map, Rule, SOME_TEXTS, SOME_VALUES, TEXTS, Table, Word, words};

pub(in super::super) const WHEN_CAPPED: [Word<WhenCapped>; 2] = [
    Word::new("nobody", WhenCapped::Nobody, "no other outcome; this one is paid if there is room again"),
    Word::new("next", WhenCapped::Next, "the next outcome of the group"),
];

pub(in super::super) const ONCE_PER: [Word<OncePer>; 2] = [
    Word::new("journey", OncePer::Journey, "once for each case"),
    Word::new("person", OncePer::Person, "once for each person, across cases and linked records"),
];

pub(in super::super) const DIGEST: [Word<Digest>; 2] = [
    Word::new("optional", Digest::Optional, "a document that is kept on paper or in another system may do"),
    Word::new("required", Digest::Required, "only evidence with the SHA-256 of its file counts"),
];

/// What a break between spells does. The keys that go with it are read with [`CONTINUITY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum ContinuityWord {
    None,
    MaxGap,
    Cumulative,
    Window,
}

pub(in super::super) const CONTINUITY: [Word<ContinuityWord>; 4] = [
    Word::new("none", ContinuityWord::None, "a day without a spell ends the run"),
    Word::new("max_gap", ContinuityWord::MaxGap, "gaps of up to `gap_days` are tolerated; a longer one starts anew"),
    Word::new("cumulative", ContinuityWord::Cumulative, "any gap is tolerated"),
    Word::new(
        "n_in_window",
        ContinuityWord::Window,
        "the days may lie anywhere in a window of `window_days` or `window_weeks`",
    ),
];

pub(in super::super) const COMBINE: [Word<Combine>; 2] = [
    Word::new(
        "employers",
        Combine::Employers,
        "all spells of the outcome's domains count together; a day is counted once",
    ),
    Word::new(
        "nothing",
        Combine::Nothing,
        "spells with the same employer count together; a spell without one counts alone",
    ),
];

pub(in super::super) const BASES: [Word<HoursBasis>; 4] = [
    Word::new("average", HoursBasis::Average, "the mean over the covered days"),
    Word::new("at_start", HoursBasis::AtStart, "the first covered day"),
    Word::new("at_end", HoursBasis::AtEnd, "the last covered day"),
    Word::new("every_week", HoursBasis::EveryWeek, "every covered day"),
];

/// How the price of a unit is rounded, beside true and false.
pub(in super::super) const UNIT_ROUNDINGS: [Word<UnitRounding>; 1] =
    [Word::new("whole", UnitRounding::Whole, "half up to whole units of the currency")];

pub(in super::super) const UNKNOWN: [Word<UnknownHours>; 2] = [
    Word::new("hold", UnknownHours::Hold, "the claim is on hold until the hours are known"),
    Word::new("lower", UnknownHours::Lower, "unknown hours count as 0"),
];

pub(in super::super) const SCOPES: [Word<Scope>; 3] = [
    Word::new("cohort", Scope::Cohort, "the cases of a cohort; those without a cohort together"),
    Word::new("site", Scope::Site, "the cases of one subject, such as a clinic or a school"),
    Word::new("area", Scope::Area, "the cases of an area"),
];

pub(in super::super) const PERIODS: [Word<PeriodKind>; 3] = [
    Word::new("month", PeriodKind::Month, "calendar months"),
    Word::new("quarter", PeriodKind::Quarter, "quarters of the financial year"),
    Word::new("financial_year", PeriodKind::FinancialYear, "financial years"),
];

pub(in super::super) const RATIO_BASES: [Word<RatioBase>; 1] =
    [Word::new("child_days", RatioBase::ChildDays, "every day of the period for every person referred by its end")];

/// One outcome.
pub(super) static OUTCOME: Table = Table {
    name: "outcome",
    noun: "an outcome",
    about: "Something that the contract pays for or counts. An outcome of one case has a `trigger`. An outcome over \
            many cases has a `scope` with a `ratio` or a `volume`.",
    keys: &[
        Key::new("code", Kind::Text, r#""job_13w""#, "Its code, unique among the outcomes."),
        Key::new(
            "class",
            Kind::Text,
            r#""employment""#,
            "Outcomes of one class pay for the same thing. Double funding is looked for across \
             contracts by class.",
        )
        .optional(),
        Key::new("title", Kind::Text, r#""13 weeks in work""#, "Its name for people."),
        Key::new(
            "trigger",
            Kind::Table(&TRIGGER),
            r#"{ spell = ["employment"] }"#,
            "The fact that the outcome begins with. Without `sustain`, the outcome is achieved on \
             the date of the first such fact.",
        )
        .optional(),
        Key::new(
            "sustain",
            Kind::Table(&SUSTAIN),
            r#"{ weeks = 13, continuity = "none", combine = "employers" }"#,
            "How long spells must last. Only with a trigger of spells.",
        )
        .optional(),
        Key::new(
            "hours",
            Kind::Table(&HOURS),
            r#"{ basis = "average", at_least = 16 }"#,
            "How many hours a week are needed. Only with a trigger of spells.",
        )
        .optional(),
        Key::new("evidence", Kind::Table(&EVIDENCE), r#"{ any_of = ["payslip"] }"#, "The evidence that a claim needs.")
            .optional(),
        Key::new(
            "hold_on_risk",
            Kind::List(&Kind::Code(CodeList::RiskKinds), Items::SomeDistinct),
            r#"["relapse"]"#,
            "Kinds of risk that hold the outcome: one that is raised before the date of \
             achievement and is still open. Once it is cleared, the outcome is achieved on the day \
             it was cleared.",
        )
        .optional(),
        Key::new(
            "only_if",
            Kind::Table(&CONDITION),
            r#"{ all = [{ fact = "employment_status", in = ["unemployed"] }] }"#,
            "The outcome counts only for cases that meet this condition.",
        )
        .optional(),
        Key::new(
            "claim",
            Kind::Table(&CLAIM),
            "{ after_working_days = 5, within_days = 180, attempts = 3 }",
            "When the outcome may be claimed, and how often.",
        )
        .optional(),
        Key::new(
            "once_per",
            Kind::Word(&const { words(&ONCE_PER) }),
            r#""journey""#,
            "Whether the outcome is paid once for each case or once for each person.",
        )
        .or(r#""journey""#),
        Key::new("group", Kind::Text, r#""job_13w""#, "The name of a group. At most one outcome of a group is paid.")
            .optional(),
        Key::new(
            "convert",
            Kind::Table(&CONVERT),
            r#"{ from = "job_13w_under16h" }"#,
            "The lower outcome that this one replaces: this one pays the difference.",
        )
        .optional(),
        Key::new(
            "when_capped",
            Kind::Word(&const { words(&WHEN_CAPPED) }),
            r#""next""#,
            "Which outcome of the group is paid if the caps leave this one nothing.",
        )
        .or(r#""nobody""#),
        Key::new(
            "rate_over",
            Kind::Text,
            r#""start""#,
            "The code of the measure that boards show the outcome as a share of, such as the number of starters.",
        )
        .optional(),
        Key::new(
            "tariff",
            Kind::Tables(&TARIFF),
            "",
            "Its prices. An outcome without a price is counted and not paid.",
        )
        .optional(),
        Key::new(
            "scope",
            Kind::Word(&const { words(&SCOPES) }),
            r#""cohort""#,
            "An outcome over many cases: the cases that are judged together.",
        )
        .optional(),
        Key::new(
            "ratio",
            Kind::Table(&RATIO),
            r#"{ spell_days = ["care"], of = "child_days", period = "financial_year", below = 0.8 }"#,
            "An outcome over many cases: a share of days.",
        )
        .optional(),
        Key::new(
            "volume",
            Kind::Table(&VOLUME),
            r#"{ measure = "anc_visits" }"#,
            "An outcome over many cases: the sum of a measure. Each unit is paid.",
        )
        .optional(),
        Key::new(
            "repeats",
            Kind::Positive,
            "2",
            "How many times the outcome can be achieved in one case. With `sustain`, write \
             `repeats` there.",
        )
        .or("1"),
    ],
    rules: &[
        Rule::Some {
            of: &["trigger", "scope"],
            none: Fix {
                problem: "it has no trigger",
                remedy: r#"write trigger = { spell = ["employment"] }, or scope = "cohort" for many cases"#,
            },
        },
        Rule::Apart {
            key: "scope",
            others: &["trigger", "sustain", "hours", "evidence", "hold_on_risk", "only_if", "repeats"],
            fix: Fix {
                problem: "{} is for outcomes of one case, but scope joins many cases",
                remedy: "take {} or scope out",
            },
        },
        Rule::One {
            with: Some("scope"),
            of: &["ratio", "volume"],
            none: Fix { problem: "scope needs a ratio or a volume", remedy: SCOPE_REMEDY },
            several: Fix { problem: "scope has both {}, but takes one of them", remedy: SCOPE_REMEDY },
        },
        Rule::Needs { key: "ratio", other: "scope", fix: NEEDS_SCOPE },
        Rule::Needs { key: "volume", other: "scope", fix: NEEDS_SCOPE },
        Rule::Apart {
            key: "repeats",
            others: &["sustain"],
            fix: Fix {
                problem: "an outcome with sustain states its repeats there",
                remedy: "write repeats inside sustain",
            },
        },
    ],
    notes: &[
        "Of the outcomes of a group, the one that converts from another is paid. Else it is the one with the greater \
         amount, then the one achieved earlier, then the first in the file. The others are excluded. Only an outcome \
         with a price for the case takes part.",
        "Without `convert`, a smaller outcome of the group that was paid first keeps the greater one excluded. \
         `rulebook check` warns of it.",
        "Conversions must not run in a circle. An outcome and the one that it converts from belong to the same group, \
         if both name one.",
        "`where` may ask only for attributes and values that `[attributes]` allows for the domain.",
    ],
};

const SCOPE_REMEDY: &str =
    r#"write ratio = { spell_days = ["care"], of = "child_days", period = "financial_year", below = 0.8 }"#;
const NEEDS_SCOPE: Fix =
    Fix { problem: "{} works only with scope, which is missing", remedy: r#"write scope = "cohort""# };

/// At least one code of a list, and none twice.
pub(super) const SPELL: Key = Key::new(
    "spell",
    Kind::List(&Kind::Code(CodeList::SpellDomains), Items::SomeDistinct),
    r#"["employment"]"#,
    "A spell of one of these domains starts.",
)
.optional();
pub(super) const ACHIEVEMENT: Key = Key::new(
    "achievement",
    Kind::List(&Kind::Code(CodeList::AchievementCodes), Items::SomeDistinct),
    r#"["qualification"]"#,
    "An achievement with one of these codes is recorded.",
)
.optional();
pub(super) const PLAN: Key = Key::new(
    "plan",
    Kind::List(&Kind::Code(CodeList::PlanKinds), Items::SomeDistinct),
    r#"["employment_plan"]"#,
    "A plan of one of these kinds is agreed.",
)
.optional();
pub(super) const ENGAGEMENT: Key =
    Key::new("engagement", TEXTS, "[]", "An engagement with one of these bases starts. An empty list: any basis.")
        .optional();
pub(super) const MEASURE: Key = Key::new(
    "measure",
    Kind::Table(&MEASURE_VALUE),
    r#"{ code = "sessions", at_least = 10 }"#,
    "A measure reaches a value.",
)
.optional();
pub(super) const WHERE: Key = Key::new(
    "where",
    Kind::Map(&WHERE_VALUES),
    r#"{ an_attribute = ["a_value"] }"#,
    "With `spell`: the values that each named attribute may have. Every spell of a run must pass.",
)
.optional();
pub(super) const LEVEL: Key = Key::new(
    "level",
    SOME_TEXTS,
    r#"["2"]"#,
    "With `achievement`: the levels that count. Left out: any level, and none.",
)
.optional();

pub(super) const WHERE_NEEDS_SPELL: Rule = Rule::Needs {
    key: "where",
    other: "spell",
    fix: Fix { problem: "where works only with spell, which is missing", remedy: "take where out" },
};
pub(super) const LEVEL_NEEDS_ACHIEVEMENT: Rule = Rule::Needs {
    key: "level",
    other: "achievement",
    fix: Fix { problem: "level works only with achievement, which is missing", remedy: "take level out" },
};

static TRIGGER: Table = Table {
    name: "trigger",
    noun: "one fact",
    about: "The fact that an outcome begins with: exactly one of the forms.",
    keys: &[SPELL, ACHIEVEMENT, PLAN, ENGAGEMENT, MEASURE, WHERE, LEVEL],
    rules: &[
        Rule::One {
            with: None,
            of: &["spell", "achievement", "plan", "engagement", "measure"],
            none: Fix { problem: "it names no fact", remedy: r#"write trigger = { spell = ["employment"] }"# },
            several: Fix { problem: "it names {}, but an outcome has one fact", remedy: "write an outcome for each" },
        },
        WHERE_NEEDS_SPELL,
        LEVEL_NEEDS_ACHIEVEMENT,
    ],
    notes: &[],
};

static WHERE_VALUES: Map = Map {
    noun: "the attributes that a spell must have",
    key: "attribute",
    codes: None,
    of: SOME_VALUES,
    example: r#"["a_value"]"#,
};

static MEASURE_VALUE: Table = Table {
    name: "measure",
    noun: "a measure with its value",
    about: "A measure that reaches a value.",
    keys: &[
        Key::new("code", Kind::Code(CodeList::MeasureCodes), r#""sessions""#, "The code of the measure."),
        Key::new("at_least", Kind::Number, "10", "The least value that counts.").unit("the unit of the measure"),
    ],
    rules: &[],
    notes: &[],
};

static SUSTAIN: Table = Table {
    name: "sustain",
    noun: "how long spells must last",
    about: "How long spells must last. Days that several spells cover count once.",
    keys: &[
        Key::new("days", Kind::Positive, "91", "The length in days.").optional().unit("days"),
        Key::new("weeks", Kind::Positive, "13", "The length in weeks.").optional().unit("weeks"),
        Key::new(
            "months",
            Kind::Positive,
            "8",
            "The length in calendar months, counted from the first day and limited to the end of the month.",
        )
        .optional()
        .unit("months"),
        Key::new(
            "continuity",
            Kind::Word(&const { words(&CONTINUITY) }),
            r#""none""#,
            "What a gap between spells does.",
        ),
        Key::new(
            "gap_days",
            Kind::Whole,
            "7",
            "With `max_gap`, and required there: the longest gap that is tolerated.",
        )
        .optional()
        .unit("days"),
        Key::new("gap_counts", Kind::Flag, "false", "Whether the days of a tolerated gap count. Never in a window.")
            .or("false"),
        Key::new(
            "window_days",
            Kind::Positive,
            "112",
            "With `n_in_window`: the length of the window. Write this or `window_weeks`.",
        )
        .optional()
        .unit("days"),
        Key::new("window_weeks", Kind::Positive, "16", "With `n_in_window`: the length of the window.")
            .optional()
            .unit("weeks"),
        Key::new("combine", Kind::Word(&const { words(&COMBINE) }), r#""employers""#, "Which spells count together."),
        Key::new(
            "pause",
            Kind::Pause,
            r#""school-holidays""#,
            "A pause of the calendar. Its days are left out first: they are neither covered nor a gap.",
        )
        .optional(),
        Key::new("repeats", Kind::Positive, "2", "How many times the outcome can be achieved in one case.").or("1"),
    ],
    rules: &[Rule::One {
        with: None,
        of: &["days", "weeks", "months"],
        none: Fix { problem: "the length is missing", remedy: "write one of days, weeks and months" },
        several: Fix { problem: "the length is given as {}", remedy: "write one of days, weeks and months" },
    }],
    notes: &[
        "An outcome that needs n days is achieved n days after its first day: a start on 2021-12-31 achieves 91 days on \
         2022-04-01. A spell that ends on that day suffices.",
        "A window holds days or weeks, not months, and is at least as long as the length. No length and no window is \
         longer than 36,525 days, which is a century.",
    ],
};

static HOURS: Table = Table {
    name: "hours",
    noun: "how many hours a week are needed",
    about: "The hours a week that the spells must have. Exactly `at_least` qualifies.",
    keys: &[
        Key::new("basis", Kind::Word(&const { words(&BASES) }), r#""average""#, "The days whose hours are compared."),
        Key::new("at_least", Kind::NotNegative, "16", "At least this many hours.").optional().unit("hours a week"),
        Key::new("below", Kind::NotNegative, "16", "Fewer than this many hours.").optional().unit("hours a week"),
        Key::new(
            "unknown",
            Kind::Word(&const { words(&UNKNOWN) }),
            r#""hold""#,
            "What unknown hours do, on a day that is compared.",
        )
        .or(r#""hold""#),
    ],
    rules: &[Rule::Some {
        of: &["at_least", "below"],
        none: Fix { problem: "the number of hours is missing", remedy: "write at_least = 16, or below = 16, or both" },
    }],
    notes: &["`at_least` is smaller than `below`."],
};

const DIGEST_WORD: Kind = Kind::Word(&const { words(&DIGEST) });
const EVIDENCE_KINDS: Kind = Kind::List(&Kind::Code(CodeList::EvidenceKinds), Items::Distinct);

static EVIDENCE: Table = Table {
    name: "evidence",
    noun: "the evidence that a claim needs",
    about: "The evidence that a claim needs. Evidence counts if it supports the trigger or a spell of the run, and is \
            neither withdrawn nor rejected.",
    keys: &[
        Key::new("any_of", EVIDENCE_KINDS, r#"["payslip"]"#, "Kinds of evidence of which one is enough.").or("[]"),
        Key::new("all_of", EVIDENCE_KINDS, r#"["payslip"]"#, "Kinds of evidence that are all needed.").or("[]"),
        Key::new("verified", Kind::Flag, "true", "Whether the evidence must be verified.").or("false"),
        Key::new("digest", DIGEST_WORD, r#""required""#, "Whether the evidence must have the SHA-256 of its file.")
            .or(r#""optional""#),
        Key::new(
            "dated_before_days",
            Kind::Whole,
            "60",
            "How many days before the date of achievement the evidence may be dated. Left out: any number.",
        )
        .optional()
        .unit("days"),
        Key::new(
            "dated_after_days",
            Kind::Whole,
            "60",
            "How many days after the date of achievement the evidence may be dated. Left out: any number.",
        )
        .optional()
        .unit("days"),
    ],
    rules: &[],
    notes: &["`any_of` or `all_of` names at least one kind."],
};

static CONDITION_KIND: Kind = Kind::Table(&CONDITION);

static CONDITION: Table = Table {
    name: "condition",
    noun: "a condition",
    about: "A condition on facts that were fixed when the client was referred or assessed: one of `fact` with `in`, \
            `all`, `any` and `not`. Conditions can be nested.",
    keys: &[
        Key::new(
            "fact",
            Kind::Text,
            r#""employment_status""#,
            "The name of a fact of the eligibility assessment or the referral; also `area`, \
             `cohort` and `referrer_kind` of the referral.",
        )
        .optional(),
        Key::new(
            "in",
            SOME_VALUES,
            r#"["unemployed"]"#,
            "With `fact`: the values that meet the condition. A fact that nobody stated meets \
             none.",
        )
        .optional(),
        Key::new(
            "all",
            Kind::List(&CONDITION_KIND, Items::Some),
            r#"[{ fact = "employment_status", in = ["unemployed"] }]"#,
            "Every one of these conditions is met.",
        )
        .optional(),
        Key::new(
            "any",
            Kind::List(&CONDITION_KIND, Items::Some),
            r#"[{ fact = "employment_status", in = ["unemployed"] }]"#,
            "At least one of these conditions is met.",
        )
        .optional(),
        Key::new(
            "not",
            Kind::Table(&CONDITION),
            r#"{ fact = "employment_status", in = ["employed"] }"#,
            "This condition is not met.",
        )
        .optional(),
    ],
    rules: &[
        Rule::One {
            with: None,
            of: &["fact", "all", "any", "not"],
            none: Fix {
                problem: "it names no fact",
                remedy: r#"write { fact = "employment_status", in = ["unemployed"] }"#,
            },
            several: Fix {
                problem: "it names {}, but a condition has one of them",
                remedy: "join two conditions by all or any",
            },
        },
        Rule::Needs {
            key: "in",
            other: "fact",
            fix: Fix { problem: "in works only with fact, which is missing", remedy: "take in out" },
        },
        Rule::Requires { key: "fact", other: "in" },
    ],
    notes: &[],
};

static CLAIM: Table = Table {
    name: "claim",
    noun: "the terms of claims",
    about: "When an outcome may be claimed, and how often.",
    keys: &[
        Key::new(
            "after_working_days",
            Kind::Whole,
            "5",
            "The outcome can be claimed from this working day after the day it was achieved.",
        )
        .or("0")
        .unit("working days"),
        Key::new(
            "within_days",
            Kind::Whole,
            "180",
            "The first claim must be submitted within this many days after the day of achievement. Left out: no limit.",
        )
        .optional()
        .unit("days"),
        Key::new("attempts", Kind::Positive, "3", "How many times a claim may be submitted, rejected ones included.")
            .or("1"),
        Key::new(
            "resubmit_within_days",
            Kind::Whole,
            "30",
            "A rejected claim may be submitted again within this many days of its rejection. Left out: no limit.",
        )
        .optional()
        .unit("days"),
    ],
    rules: &[],
    notes: &["A window that ends before the wait is over is refused. A claim that is on hold does not expire."],
};

static CONVERT: Table = Table {
    name: "convert",
    noun: "a conversion",
    about: "A conversion: this outcome replaces a lower one and pays the difference.",
    keys: &[Key::new("from", Kind::Outcome, r#""job_13w_under16h""#, "The code of the lower outcome.")],
    rules: &[],
    notes: &[],
};

static TARIFF: Table = Table {
    name: "tariff",
    noun: "a price",
    about: "A price of the outcome. Of the prices that fit a case, the one that names most of area and cohort is taken; \
            then one that names the cohort rather than the area; then the one with the latest `from`.",
    keys: &[
        Key::new(
            "amount",
            Kind::Money,
            r#""1500.00""#,
            "The amount, or the amount for one unit. A text in plain digits, at most 1,000,000,000,000; or a number.",
        )
        .unit("the currency of the rulebook"),
        Key::new("from", Kind::Date, "2022-04-01", "The first day of achievement that the price is for.").optional(),
        Key::new("to", Kind::Date, "2023-03-31", "The last day of achievement that the price is for.").optional(),
        Key::new("area", Kind::Code(CodeList::Areas), r#""tower-hamlets""#, "The only area that the price is for.")
            .optional(),
        Key::new("cohort", Kind::Code(CodeList::Cohorts), r#""a_cohort""#, "The only cohort that the price is for.")
            .optional(),
        Key::new(
            "multiplier",
            Kind::NotNegative,
            "1.25",
            "The amount is multiplied by this number, such as a weight for a province.",
        )
        .or("1"),
        Key::new(
            "up_to",
            Kind::Positive,
            "100",
            "The last unit that the price is for, counted from 1. The next price is for the units beyond it.",
        )
        .optional()
        .unit("units"),
        Key::new(
            "round_unit_price",
            Kind::FlagOr(&const { words(&UNIT_ROUNDINGS) }),
            "true",
            "Whether the amount times the multiplier is rounded before it is multiplied by the units: `true` rounds \
             half up to the minor unit of the currency.",
        )
        .or("false"),
        Key::new("illustrative", Kind::Flag, "true", "Whether the price is an illustration that no source states.")
            .or("false"),
    ],
    rules: &[],
    notes: &["Two prices of one outcome differ in area, cohort, `from` or `up_to`."],
};

const PERIOD: Key = Key::new(
    "period",
    Kind::Word(&const { words(&PERIODS) }),
    r#""financial_year""#,
    "The periods that are judged one by one.",
);

static RATIO: Table = Table {
    name: "ratio",
    noun: "a share of days",
    about: "A share of days over many cases.",
    keys: &[
        Key::new(
            "spell_days",
            Kind::List(&Kind::Code(CodeList::SpellDomains), Items::SomeDistinct),
            r#"["care"]"#,
            "The domains of spells whose days are counted. A day that several spells of a case cover counts once.",
        ),
        Key::new(
            "of",
            Kind::Word(&const { words(&RATIO_BASES) }),
            r#""child_days""#,
            "The days that they are a share of.",
        ),
        PERIOD,
        Key::new("at_least", Kind::Share, "0.8", "At least this share.").optional(),
        Key::new("below", Kind::Share, "0.8", "Less than this share.").optional(),
    ],
    rules: &[Rule::Some {
        of: &["at_least", "below"],
        none: Fix { problem: "the share is missing", remedy: "write at_least = 0.8, or below = 0.8, or both" },
    }],
    notes: &[],
};

static VOLUME: Table = Table {
    name: "volume",
    noun: "a volume",
    about: "The sum of a measure over many cases, priced per unit.",
    keys: &[
        Key::new("measure", Kind::Code(CodeList::MeasureCodes), r#""anc_visits""#, "The code of the measure."),
        PERIOD.or(r#""month""#),
    ],
    rules: &[],
    notes: &[],
};
