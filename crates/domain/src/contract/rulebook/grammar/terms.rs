//! The grammar of standards, measures, caps, grades, targets, reports and duties.

use super::super::CodeList;
use super::super::measure::{Basis, FactKind};
use super::super::terms::{CapScope, Crossing};
use super::case_values::{OF_CASES, SHARE, TAKES_OF_CONTRACT};
use super::kpi::{KPI_TOOLS, WITHHOLD};
use super::{Fix, Items, Key, Kind, Rule, SOME_TEXTS, TEXTS, Table, Word, words};

pub(in super::super) const CAP_SCOPES: [Word<CapScope>; 4] = [
    Word::new("contract", CapScope::Contract, "the contract as a whole"),
    Word::new("year", CapScope::Year, "each financial year, by the date of achievement"),
    Word::new("person", CapScope::Person, "each person"),
    Word::new("outcome", CapScope::Outcome, "each outcome"),
];

pub(in super::super) const CROSSINGS: [Word<Crossing>; 2] = [
    Word::new("partial", Crossing::Partial, "the claim gets what is left"),
    Word::new("whole", Crossing::Whole, "the claim gets nothing; smaller later claims are still tried"),
];

/// Two duties that one person may not combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Separate {
    AttachVerify,
    VerifySubmit,
    SubmitDecide,
}

pub(in super::super) const SEPARATE: [Word<Separate>; 3] = [
    Word::new("attach/verify", Separate::AttachVerify, "the person who attached evidence may not verify it"),
    Word::new(
        "verify/submit",
        Separate::VerifySubmit,
        "the person who verified evidence may not submit the claims that rest on it",
    ),
    Word::new("submit/decide", Separate::SubmitDecide, "the person who submitted claims may not decide on them"),
];

/// The events that start the clock of a standard, except the start of a spell.
pub(in super::super) const CLOCK_STARTS: [&str; 5] =
    ["referral_received", "referral_accepted", "missed_contact", "plan_agreed", "last_review"];

/// What stands before the domain of the spell that starts the clock of a standard.
pub(in super::super) const SPELL_STARTED: &str = "spell_started:";

/// The kinds of facts that a measure counts.
const COUNTED: [Word<()>; FactKind::ALL.len()] = kinds(FactKind::ALL);

/// The kinds of facts whose quantities a measure adds up.
const SUMMED: [Word<()>; 2] = kinds([FactKind::Recorded, FactKind::Assessments]);

/// The words of kinds of facts.
pub(super) const fn kinds<const N: usize>(kinds: [FactKind; N]) -> [Word<()>; N] {
    let mut words = [Word::new("", (), ""); N];
    let mut at = 0;
    while at < N {
        words[at] = Word::new(kinds[at].as_str(), (), kinds[at].meaning());
        at += 1;
    }
    words
}

pub(in super::super) const BASES: [Word<Basis>; 2] = [
    Word::new("period", Basis::Period, "the facts above are those dated in the period, as the facts below are"),
    Word::new(
        "cohort",
        Basis::Cohort,
        "the facts above are those of the cases that are counted below, until the as-of date; both count cases",
    ),
];

pub(super) static STANDARD: Table = Table {
    name: "standard",
    noun: "a service standard",
    about: "A service standard: what must be done within a number of days. Each case has an obligation for it.",
    keys: &[
        Key::new("code", Kind::Text, r#""first_contact""#, "Its code, unique among the standards."),
        Key::new(
            "from",
            Kind::ClockStart,
            r#""referral_received""#,
            "The event that starts the clock: `referral_received`, `referral_accepted`, \
             `missed_contact`, `plan_agreed`, `last_review` (a plan is agreed or reviewed, \
             whichever is later), or `spell_started:` with a domain of spells.",
        ),
        Key::new("within", Kind::Table(&WITHIN), "{ days = 7 }", "The time allowed."),
        Key::new("met_by", Kind::Table(&MET_BY), "{ contact = { made = true } }", "What meets the standard."),
        Key::new(
            "minimum_level",
            Kind::Percent,
            "95",
            "The share of obligations met at which the standard is met. Below it, the failure is minor.",
        )
        .optional()
        .unit("percent"),
        Key::new("lower_level", Kind::Percent, "85", "The share of obligations met below which the failure is major.")
            .optional()
            .unit("percent"),
        Key::new(
            "tools",
            Kind::Table(&KPI_TOOLS),
            r#"{ minor = ["improvement_plan"], major = ["performance_plan"] }"#,
            "What the commissioner may do after a failure. Only with a level.",
        )
        .optional(),
        Key::new(
            "withhold",
            Kind::Table(&WITHHOLD),
            r#"{ percent = 5, of = "annual_payment" }"#,
            "What may be withheld after a major failure. Only with a level.",
        )
        .optional(),
    ],
    rules: &[],
    notes: &[
        "`lower_level` is not greater than `minimum_level`. The boards of indicators and `assessKpi` compare the \
              share of obligations met in time with the two levels.",
    ],
};

static WITHIN: Table = Table {
    name: "within",
    noun: "a number of days",
    about: "The time allowed: one of the two keys.",
    keys: &[
        Key::new("days", Kind::Whole, "7", "Calendar days.").optional().unit("days"),
        Key::new(
            "working_days",
            Kind::Whole,
            "5",
            "Working days of the contract's division, counted from the day after.",
        )
        .optional()
        .unit("working days"),
    ],
    rules: &[Rule::One {
        with: None,
        of: &["days", "working_days"],
        none: Fix { problem: "the number of days is missing", remedy: "write within = { days = 7 }" },
        several: Fix { problem: "the time is given as {}", remedy: "write within = { days = 7 }" },
    }],
    notes: &[],
};

static MET_BY: Table = Table {
    name: "met_by",
    noun: "what meets the standard",
    about: "What meets a standard. Everything that is named is needed.",
    keys: &[
        Key::new("contact", Kind::Table(&CONTACT), "{ made = true }", "One contact.").optional(),
        Key::new("contacts", Kind::Positive, "3", "This many contacts that were made.").optional().unit("contacts"),
        Key::new("face_to_face", Kind::Flag, "true", "Whether these contacts must be face to face.").or("false"),
        Key::new("plan", Kind::Code(CodeList::PlanKinds), r#""employment_plan""#, "A plan of this kind is agreed.")
            .optional(),
        Key::new("review", Kind::Code(CodeList::PlanKinds), r#""employment_plan""#, "A plan of this kind is reviewed.")
            .optional(),
        Key::new("task", Kind::Text, r#""welcome""#, "A task of this kind is done.").optional(),
    ],
    rules: &[Rule::Some {
        of: &["contact", "contacts", "plan", "review", "task"],
        none: Fix {
            problem: "it names nothing that meets the standard",
            remedy: "write met_by = { contact = { made = true } }",
        },
    }],
    notes: &[],
};

static CONTACT: Table = Table {
    name: "contact",
    noun: "a contact",
    about: "One contact that meets a standard.",
    keys: &[
        Key::new("made", Kind::Flag, "true", "Whether the contact must be made. If not, an attempt is enough.")
            .or("true"),
        Key::new("face_to_face", Kind::Flag, "true", "Whether the contact must be face to face.").or("false"),
    ],
    rules: &[],
    notes: &[],
};

pub(super) static OWN_MEASURE: Table = Table {
    name: "own_measure",
    noun: "a measure of the contract",
    about: "A measure that this contract has beside those of the program. The measures of the program, and how each \
            value is computed, are on the page [measures](measures.md).",
    keys: &[
        Key::new("code", Kind::Text, r#""jobs_each""#, "Its code, unique among the measures. It has no colon."),
        Key::new("title", Kind::Text, r#""Job starts for each worker""#, "The title on boards."),
        Key::new(
            "about",
            Kind::Text,
            r#""Job starts in the period for each full-time worker.""#,
            "What it counts, in a sentence. Left out: the formula in words.",
        )
        .optional(),
        Key::new("places", Kind::Whole, "1", "The number of decimal places that are shown, at most 6.").or("0"),
        Key::new(
            "count",
            Kind::Table(&COUNTED_FACTS),
            r#"{ facts = ["starts"], codes = ["employment"] }"#,
            "The number of these facts dated in the period.",
        )
        .optional(),
        Key::new(
            "sum",
            Kind::Table(&SUMMED_FACTS),
            r#"{ facts = ["recorded"], codes = ["anc_visits"] }"#,
            "The sum of the quantities of these facts dated in the period.",
        )
        .optional(),
        Key::new(
            "of_contract",
            Kind::Code(CodeList::MeasureCodes),
            r#""spend""#,
            "The values that are recorded under this code for the contract as a whole, in the period.",
        )
        .optional(),
        Key::new(
            "take",
            Kind::Word(&const { words(&TAKES_OF_CONTRACT) }),
            r#""last""#,
            "What is taken of several such values. Left out: the sum.",
        )
        .optional(),
        Key::new(
            "of_cases",
            Kind::Table(&OF_CASES),
            r#"{ days = { from = { facts = ["stages"], codes = ["referral"] }, to = { facts = ["plans"] } }, take = "median" }"#,
            "One number of the values of cases, such as the median of their days of waiting.",
        )
        .optional(),
        Key::new(
            "share",
            Kind::Table(&SHARE),
            r#"{ days = { from = { facts = ["stages"], codes = ["referral"] }, to = { facts = ["plans"] } }, at_most = 28 }"#,
            "The share of cases whose value is in a band.",
        )
        .optional(),
        Key::new(
            "supervision",
            Kind::Text,
            r#""therapist_adherence""#,
            "The mean of the scores that workers got in the period with this instrument, as assessments of workers.",
        )
        .optional(),
        Key::new(
            "ratio",
            Kind::Table(&MEASURE_RATIO),
            r#"{ of = "job_started", over = "wte", percent = false }"#,
            "One measure divided by another.",
        )
        .optional(),
    ],
    rules: &[
        Rule::One {
            with: None,
            of: &["count", "sum", "of_contract", "of_cases", "share", "supervision", "ratio"],
            none: Fix {
                problem: "it has no formula",
                remedy: "write one of count, sum, of_contract, of_cases, share, supervision and ratio",
            },
            several: Fix { problem: "it has {}, but a measure has one formula", remedy: "write a measure for each" },
        },
        Rule::Needs {
            key: "take",
            other: "of_contract",
            fix: Fix {
                problem: "take says what is taken of the values of the contract, and there is no of_contract",
                remedy: "leave it out, or write it in of_cases",
            },
        },
    ],
    notes: &[
        "Its code is not that of a stage, standard or outcome of this rulebook, and not that of a measure of the \
              program.",
    ],
};

pub(super) static COUNTED_FACTS: Table = Table {
    name: "counted_facts",
    noun: "the facts that are counted",
    about: "The facts that a measure counts. A fact of each kind that is named counts.",
    keys: &[
        Key::new(
            "facts",
            Kind::List(&const { Kind::Word(&COUNTED) }, Items::SomeDistinct),
            r#"["starts"]"#,
            "The kinds of facts.",
        ),
        Key::new(
            "codes",
            SOME_TEXTS,
            r#"["employment"]"#,
            "The codes that count. Left out: any code. `stages` and `achieved` need it.",
        )
        .optional(),
    ],
    rules: &[],
    notes: &["A fact of at least one of the kinds can have each code: the list of `[codes]` allows it, or there is a \
              stage, standard or outcome of that code."],
};

static SUMMED_FACTS: Table = Table {
    name: "summed_facts",
    noun: "the facts that are added up",
    about: "The facts whose quantities a measure adds up.",
    keys: &[
        Key::new(
            "facts",
            Kind::List(&const { Kind::Word(&SUMMED) }, Items::SomeDistinct),
            r#"["recorded"]"#,
            "The kinds of facts. The quantity is the value, or the score.",
        ),
        Key::new("codes", SOME_TEXTS, r#"["anc_visits"]"#, "The codes whose quantities are added up."),
    ],
    rules: &[],
    notes: &[],
};

static MEASURE_RATIO: Table = Table {
    name: "measure_ratio",
    noun: "a ratio of two measures",
    about: "One measure divided by another. If the one below is 0, there is no value.",
    keys: &[
        Key::new("of", Kind::Text, r#""job_started""#, "The code of the measure above."),
        Key::new("over", Kind::Text, r#""wte""#, "The code of the measure below."),
        Key::new(
            "basis",
            Kind::Word(&const { words(&BASES) }),
            r#""period""#,
            "Which facts of the measure above count.",
        )
        .or(r#""period""#),
        Key::new("percent", Kind::Flag, "true", "Whether it is shown in percent.").or("true"),
    ],
    rules: &[],
    notes: &["Both are measures of this rulebook or of the program. Neither is a ratio."],
};

pub(super) static CAP: Table = Table {
    name: "cap",
    noun: "a cap",
    about: "A limit on what is paid. Submitted claims use it first; then claimable ones by date of achievement.",
    keys: &[
        Key::new("scope", Kind::Word(&const { words(&CAP_SCOPES) }), r#""contract""#, "What the limit is for."),
        Key::new(
            "outcomes",
            Kind::List(&Kind::Outcome, Items::SomeDistinct),
            r#"["job_13w"]"#,
            "The outcomes whose payments count towards the limit. Left out: all.",
        )
        .optional(),
        Key::new("amount", Kind::Money, r#""2070000.00""#, "The limit.").unit("the currency of the rulebook"),
        Key::new(
            "crossing",
            Kind::Word(&const { words(&CROSSINGS) }),
            r#""partial""#,
            "What happens to a claim that does not fit.",
        )
        .or(r#""partial""#),
        Key::new("refill", Kind::Flag, "true", "Whether an amount that is paid back can be paid again.").or("true"),
    ],
    rules: &[],
    notes: &[],
};

pub(super) static GRADE: Table = Table {
    name: "grade",
    noun: "a grade",
    about: "A grade. The first grade of which every test passes is given. A value in the gap between two grades gets \
            the lower one. A measure without a value passes no test.",
    keys: &[
        Key::new("code", Kind::Text, r#""green""#, "Its code, unique among the grades."),
        Key::new(
            "all_of",
            Kind::Tables(&GRADE_TEST),
            r#"[{ measure = "outcomes_achieved", at_least = 100 }]"#,
            "Its tests. Left out: every value that has no better grade.",
        )
        .optional(),
        Key::new(
            "withhold",
            Kind::Table(&WITHHOLD),
            r#"{ percent = 5, of = "annual_payment" }"#,
            "What may be withheld for a period with this grade.",
        )
        .optional(),
    ],
    rules: &[],
    notes: &["A grade without tests stands last.", "The grade of a period is shown with its performance."],
};

static GRADE_TEST: Table = Table {
    name: "test",
    noun: "a test",
    about: "A test of a grade: a measure with one bound.",
    keys: &[
        Key::new("measure", Kind::Text, r#""outcomes_achieved""#, "The code of the measure."),
        Key::new("at_least", Kind::Number, "80", "The value is at least this.").optional(),
        Key::new("at_most", Kind::Number, "80", "The value is at most this.").optional(),
        Key::new("below", Kind::Number, "80", "The value is less than this.").optional(),
    ],
    rules: &[Rule::One {
        with: None,
        of: &["at_least", "at_most", "below"],
        none: Fix { problem: "the test has no bound", remedy: "write one of at_least, at_most and below" },
        several: Fix { problem: "the test has the bounds {}", remedy: "write one of at_least, at_most and below" },
    }],
    notes: &[],
};

pub(super) static TARGETS: Table = Table {
    name: "targets",
    noun: "the target profiles",
    about: "The target profiles of the contract. The targets themselves are published apart.",
    keys: &[Key::new("profiles", TEXTS, r#"["contract"]"#, "The names of the profiles, side by side.")],
    rules: &[],
    notes: &["No board compares with targets yet."],
};

pub(super) static REPORTS: Table = Table {
    name: "reports",
    noun: "the rules for reports",
    about: "When reports are due, and whether commissioners see small counts.",
    keys: &[
        Key::new(
            "due",
            Kind::List(&Kind::QuotedDate, Items::Any),
            r#"["2018-10-13"]"#,
            "The days on which a report is due, earliest first, each in quotes.",
        )
        .or("[]"),
        Key::new(
            "hide_small_counts",
            Kind::Flag,
            "true",
            "Whether counts of one to four people are hidden from commissioners, in every report and in the API.",
        )
        .or("false"),
    ],
    rules: &[],
    notes: &[
        "A submitted report answers the first due date on or after the last day of the period that it covers. Due \
         dates that were missed or met late are listed with the number of days.",
        "`rulebook check` warns of a day that is not a working day. The program sends no reminders.",
        "In the API small counts are also hidden if one `[[report]]` hides them. Where only one number of a row or column \
         is small, another one is hidden with it, because the rest and a total would give it away.",
    ],
};

pub(super) static DUTIES: Table = Table {
    name: "duties",
    noun: "the duties kept apart",
    about: "What one person may not do alone.",
    keys: &[Key::new(
        "separate",
        Kind::List(&const { Kind::Word(&const { words(&SEPARATE) }) }, Items::Any),
        r#"["attach/verify"]"#,
        "Pairs of duties that one person may not combine. The list replaces the default, so an empty list allows all.",
    )],
    rules: &[],
    notes: &[],
};
