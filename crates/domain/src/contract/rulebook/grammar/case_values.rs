//! The grammar of measures that are made of the values of cases.

use super::super::measure::FactKind;
use super::super::measure::case_value::{Each, Take, TakeOfContract};
use super::terms::{COUNTED_FACTS, kinds};
use super::{Fix, Items, Key, Kind, Rule, SOME_TEXTS, Table, Word, words};

pub(in super::super) const EACH: [Word<Each>; 6] = [
    Word::new("first", Each::First, "the first"),
    Word::new("last", Each::Last, "the last"),
    Word::new("lowest", Each::Lowest, "the lowest"),
    Word::new("highest", Each::Highest, "the highest"),
    Word::new("mean", Each::Mean, "the mean"),
    Word::new("sum", Each::Sum, "the sum"),
];

/// A percentile has its percent in a key of its own.
pub(in super::super) const TAKES: [Word<Take>; 6] = [
    Word::new("mean", Take::Mean, "the mean"),
    Word::new("median", Take::Median, "the median, interpolated between two values"),
    Word::new("percentile", Take::Percentile(50), "the percentile that `percentile` names, interpolated likewise"),
    Word::new("lowest", Take::Lowest, "the lowest"),
    Word::new("highest", Take::Highest, "the highest"),
    Word::new("sum", Take::Sum, "the sum"),
];

pub(in super::super) const TAKES_OF_CONTRACT: [Word<TakeOfContract>; 3] = [
    Word::new("sum", TakeOfContract::Sum, "the sum of the values of the period"),
    Word::new("mean", TakeOfContract::Mean, "their mean"),
    Word::new("last", TakeOfContract::Last, "the last of them"),
];

/// The kinds of facts that have values.
const WITH_VALUES: [Word<()>; 2] = kinds([FactKind::Recorded, FactKind::Assessments]);

const DAYS: Key = Key::new(
    "days",
    Kind::Table(&CASE_DAYS),
    r#"{ from = { facts = ["stages"], codes = ["referral"] }, to = { facts = ["plans"] } }"#,
    "The days between two facts of a case.",
)
.optional();

const VALUES: Key = Key::new(
    "values",
    Kind::Table(&CASE_RECORDED),
    r#"{ facts = ["recorded"], codes = ["attendance"], each = "last" }"#,
    "What was recorded for a case in the period.",
)
.optional();

const QUOTIENT: Key = Key::new(
    "quotient",
    Kind::Table(&CASE_QUOTIENT),
    r#"{ of = { facts = ["sessions_attended"] }, over = { facts = ["sessions_offered"] } }"#,
    "The number of some facts of a case over the number of others, in percent.",
)
.optional();

const ONE_VALUE: Rule = Rule::One {
    with: None,
    of: &["days", "values", "quotient"],
    none: Fix { problem: "it does not say which value a case has", remedy: "write one of days, values and quotient" },
    several: Fix { problem: "it has {}, but a case has one value", remedy: "write a measure for each" },
};

pub(super) static OF_CASES: Table = Table {
    name: "of_cases",
    noun: "a number of the values of cases",
    about: "Each case has a value, and the values of all cases become one number.",
    keys: &[
        DAYS,
        VALUES,
        QUOTIENT,
        Key::new("take", Kind::Word(&const { words(&TAKES) }), r#""median""#, "How the values become one number."),
        Key::new("percentile", Kind::Positive, "90", "The percentile, from 1 to 100.").optional().unit("percent"),
    ],
    rules: &[ONE_VALUE],
    notes: &[
        "A case without a value is left out. So are days between dates that are known only by their month or year.",
        "`percentile` is written with `take = \"percentile\"`, and only with it.",
    ],
};

pub(super) static SHARE: Table = Table {
    name: "share_of_cases",
    noun: "the share of cases in a band",
    about: "The cases whose value is in a band, as a share of the cases that have a value.",
    keys: &[
        DAYS,
        VALUES,
        QUOTIENT,
        Key::new("at_least", Kind::Number, "67", "The value is at least this.").optional(),
        Key::new("above", Kind::Number, "67", "The value is more than this.").optional(),
        Key::new("at_most", Kind::Number, "28", "The value is at most this.").optional(),
        Key::new("below", Kind::Number, "67", "The value is less than this.").optional(),
    ],
    rules: &[
        ONE_VALUE,
        Rule::Some {
            of: &["at_least", "above", "at_most", "below"],
            none: Fix {
                problem: "the band has no limit",
                remedy: "write one of at_least, above, at_most and below, or a lower and an upper limit",
            },
        },
        Rule::Apart {
            key: "at_least",
            others: &["above"],
            fix: Fix { problem: "the band has two lower limits, at_least and {}", remedy: "keep one of the two" },
        },
        Rule::Apart {
            key: "at_most",
            others: &["below"],
            fix: Fix { problem: "the band has two upper limits, at_most and {}", remedy: "keep one of the two" },
        },
    ],
    notes: &[
        "The limits are in days, in what was recorded, or for a quotient in percent.",
        "Days between dates that are known only by their month or year are in the band if all possible numbers of \
         days are. If not, the case is only in the population.",
    ],
};

static CASE_DAYS: Table = Table {
    name: "days_between",
    noun: "the days between two facts",
    about: "The days from the first of some facts in the period to the first of others on that day or later, until the \
            as-of date. If there are only earlier ones, it is 0 days.",
    keys: &[
        Key::new(
            "from",
            Kind::Table(&COUNTED_FACTS),
            r#"{ facts = ["stages"], codes = ["referral"] }"#,
            "The facts from which the days are counted.",
        ),
        Key::new(
            "to",
            Kind::Table(&COUNTED_FACTS),
            r#"{ facts = ["plans"], codes = ["php"] }"#,
            "The facts to which they are counted.",
        ),
    ],
    rules: &[],
    notes: &["A case without both has no value."],
};

static CASE_RECORDED: Table = Table {
    name: "values_of_case",
    noun: "the values of a case",
    about: "What was recorded for a case in the period: values, or scores of assessments.",
    keys: &[
        Key::new(
            "facts",
            Kind::List(&const { Kind::Word(&WITH_VALUES) }, Items::SomeDistinct),
            r#"["recorded"]"#,
            "The kinds of facts.",
        ),
        Key::new("codes", SOME_TEXTS, r#"["attendance"]"#, "The codes of the values."),
        Key::new(
            "each",
            Kind::Word(&const { words(&EACH) }),
            r#""last""#,
            "What is taken of several values of one case.",
        ),
    ],
    rules: &[],
    notes: &["A case without a value in the period is left out. If no case has one, the measure has no data."],
};

static CASE_QUOTIENT: Table = Table {
    name: "quotient_of_case",
    noun: "the quotient of a case",
    about: "The number of some facts of a case in the period over the number of others.",
    keys: &[
        Key::new("of", Kind::Table(&COUNTED_FACTS), r#"{ facts = ["sessions_attended"] }"#, "The facts above."),
        Key::new("over", Kind::Table(&COUNTED_FACTS), r#"{ facts = ["sessions_offered"] }"#, "The facts below."),
    ],
    rules: &[],
    notes: &["A case without a fact below in the period has no value."],
};
