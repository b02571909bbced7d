//! The grammar of key performance indicators, and of what is withheld.

use super::super::CodeList;
use super::super::kpi::{Direction, KpiPeriod};
use super::{Fix, Items, Key, Kind, Rule, Table, Word, words};
use crate::fact::event::NoticeKind;

pub(in super::super) const DIRECTIONS: [Word<Direction>; 2] = [
    Word::new("at_least", Direction::AtLeast, "a value at a level or above it reaches the level"),
    Word::new("at_most", Direction::AtMost, "a value at a level or below it reaches the level"),
];

pub(in super::super) const PERIODS: [Word<KpiPeriod>; 4] = [
    Word::new("month", KpiPeriod::Month, "the month"),
    Word::new("rolling_3_months", KpiPeriod::RollingThree, "the three months up to the end of the month"),
    Word::new("rolling_12_months", KpiPeriod::RollingTwelve, "the twelve months up to the end of the month"),
    Word::new("since_start", KpiPeriod::SinceStart, "from the start of the contract to the end of the month"),
];

pub(in super::super) const TOOLS: [Word<NoticeKind>; 5] = [
    Word::new("improvement_plan", NoticeKind::ImprovementPlan, "a quality improvement plan of the provider"),
    Word::new("performance_plan", NoticeKind::PerformancePlan, "a performance plan that the commissioner monitors"),
    Word::new("withholding", NoticeKind::Withholding, "part of the payment is withheld"),
    Word::new("referral_change", NoticeKind::ReferralChange, "referrals are redirected or stopped"),
    Word::new("termination", NoticeKind::Termination, "the contract is terminated"),
];

pub(super) static KPI: Table = Table {
    name: "kpi",
    noun: "a key performance indicator",
    about: "A key performance indicator: a measure with levels. Each month at its minimum level or better is met. Beyond \
            the minimum level, the failure is minor. Beyond the lower level, it is major. The third failing month in a \
            row, and each one after it, is a major failure. A month without a value breaks the run. A standard with \
            levels is an indicator without a `[[kpi]]`.",
    keys: &[
        Key::new("code", Kind::Text, r#""kpi_7""#, "Its code, unique among the indicators. `assessKpi` names it."),
        Key::new("title", Kind::Text, r#""Job starts over referrals""#, "The title on boards."),
        Key::new("measure", Kind::Text, r#""kpi_7_job_starts""#, "The code of any measure of the contract."),
        Key::new(
            "direction",
            Kind::Word(&const { words(&DIRECTIONS) }),
            r#""at_least""#,
            "On which side of its levels a value is good.",
        )
        .or(r#""at_least""#),
        Key::new(
            "minimum_level",
            Kind::NotNegative,
            "30",
            "The value at which it is met. Beyond it, the failure is minor. In percent for a share.",
        )
        .optional(),
        Key::new(
            "lower_level",
            Kind::NotNegative,
            "20",
            "The value beyond which the failure is major. In percent for a share.",
        )
        .optional(),
        Key::new(
            "period",
            Kind::Word(&const { words(&PERIODS) }),
            r#""month""#,
            "The months whose figure decides the level of a month.",
        )
        .or(r#""month""#),
        Key::new(
            "tools",
            Kind::Table(&KPI_TOOLS),
            r#"{ minor = ["improvement_plan"], major = ["performance_plan"] }"#,
            "What the commissioner may do after a failure.",
        )
        .optional(),
        Key::new(
            "withhold",
            Kind::Table(&WITHHOLD),
            r#"{ percent = 5, of = "annual_payment" }"#,
            "What may be withheld after a major failure.",
        )
        .optional(),
    ],
    rules: &[Rule::Some {
        of: &["minimum_level", "lower_level"],
        none: Fix { problem: "it has no level", remedy: "write minimum_level, lower_level or both" },
    }],
    notes: &[
        "The lower level is not better than the minimum level.",
        "Its code is not that of a standard with levels.",
        "The program lists the tools and the amount. It issues no notice and withholds nothing.",
    ],
};

pub(super) static KPI_TOOLS: Table = Table {
    name: "kpi_tools",
    noun: "the tools of an indicator",
    about: "What the commissioner may do after a failure: the kinds of notices that may be issued.",
    keys: &[
        Key::new("minor", TOOL_LIST, r#"["improvement_plan"]"#, "After a minor failure.").optional(),
        Key::new("major", TOOL_LIST, r#"["performance_plan"]"#, "After a major failure.").optional(),
    ],
    rules: &[],
    notes: &[],
};

/// A list of tools.
const TOOL_LIST: Kind = Kind::List(&const { Kind::Word(&const { words(&TOOLS) }) }, Items::SomeDistinct);

pub(super) static WITHHOLD: Table = Table {
    name: "withhold",
    noun: "what is withheld",
    about: "A part of an amount that may be withheld. It is rounded half-up, once, to the minor unit of the currency.",
    keys: &[
        Key::new("percent", Kind::Percent, "5", "The part.").unit("percent"),
        Key::new(
            "of",
            Kind::Code(CodeList::MeasureCodes),
            r#""annual_payment""#,
            "The code under which the amount is recorded for the contract. The values of the financial year are added \
             up. Without one, no amount is shown.",
        )
        .optional(),
        Key::new("amount", Kind::Money, r#""60000.00""#, "The amount itself.")
            .optional()
            .unit("the currency of the rulebook"),
    ],
    rules: &[Rule::One {
        with: None,
        of: &["of", "amount"],
        none: Fix {
            problem: "the amount of which a part is withheld is missing",
            remedy: "write of = \"annual_payment\" with a code of codes.measure_codes, or amount = \"60000.00\"",
        },
        several: Fix { problem: "the amount is given as {}", remedy: "write one of of and amount" },
    }],
    notes: &[],
};
