//! The header of a rulebook and the sections about the contract: calendar, codes, labels, boards and stages.

use super::super::{AppliesBy, CodeList, CountsWhen};
use super::case_attribute::CASE_ATTRIBUTE;
use super::kpi::KPI;
use super::league::LEAGUE;
use super::outcome::{
    ACHIEVEMENT, ENGAGEMENT, LEVEL, LEVEL_NEEDS_ACHIEVEMENT, MEASURE, OUTCOME, PLAN, SPELL, WHERE, WHERE_NEEDS_SPELL,
};
use super::report::REPORT;
use super::retention::RETENTION;
use super::supply::SUPPLY;
use super::terms::{CAP, DUTIES, GRADE, OWN_MEASURE, REPORTS, STANDARD, TARGETS};
use super::workforce::CASELOAD;
use super::{Fix, Items, Key, Kind, Map, Rule, SOME_VALUES, TEXTS, Table, Word, words};

pub(in super::super) const APPLIES_BY: [Word<AppliesBy>; 5] = [
    Word::new("referred", AppliesBy::Referred, "the date on which the referral was received"),
    Word::new("occurred", AppliesBy::Occurred, "the date of the fact that the outcome begins with"),
    Word::new("achieved", AppliesBy::Achieved, "the date on which the outcome was achieved"),
    Word::new(
        "submitted",
        AppliesBy::Submitted,
        "the date on which the claim was submitted; before that, the as-of date",
    ),
    Word::new(
        "recorded",
        AppliesBy::Recorded,
        "the date, in the zone of the calendar, on which the fact that the outcome begins with was recorded",
    ),
];

pub(in super::super) const COUNTS_WHEN: [Word<CountsWhen>; 2] = [
    Word::new("received", CountsWhen::Received, "when it is received, also if it is declined later"),
    Word::new("accepted", CountsWhen::Accepted, "when the service accepts it on its caseload"),
];

const CONTACT_WITH: [Word<()>; 6] = [
    Word::new("client", (), "the client"),
    Word::new("family", (), "a member of the family"),
    Word::new("carer", (), "a carer"),
    Word::new("professional", (), "another professional"),
    Word::new("employer", (), "an employer"),
    Word::new("landlord", (), "a landlord"),
];

/// The whole document.
pub(in super::super) static RULEBOOK: Table = Table {
    name: "rulebook",
    noun: "a rulebook",
    about: "The keys at the top of the file, above the first section.",
    keys: &[
        Key::new(
            "rulebook",
            Kind::Grammar,
            "1",
            "The number of the grammar. This version of the program reads grammar 1.",
        ),
        Key::new("contract", Kind::Text, r#""mhep-tower-hamlets""#, "The code of the contract."),
        Key::new(
            "version",
            Kind::Text,
            r#""2021-04""#,
            "The name of this version, as the parties call it. Each version has its own name.",
        ),
        Key::new("title", Kind::Text, r#""IPS employment support""#, "The title that boards print."),
        Key::new(
            "effective_from",
            Kind::Date,
            "2021-04-01",
            "The first day on which this version applies, in the zone of the calendar.",
        ),
        Key::new(
            "applies_by",
            Kind::Word(&const { words(&APPLIES_BY) }),
            r#""achieved""#,
            "The date of a case that decides which version judges it.",
        ),
        Key::new(
            "retroactive",
            Kind::Flag,
            "false",
            "Whether this version also judges cases dated before `effective_from`. A version that \
             is not retroactive never pays what it dates before that day.",
        ),
        Key::new("currency", Kind::Currency, r#""GBP""#, "The ISO 4217 code of every amount: three capital letters."),
        Key::new("calendar", Kind::Table(&CALENDAR), "", "Time zone, working days, financial year and pauses."),
        Key::new("codes", Kind::Table(&CODES), "", "The codes that commands may use.").optional(),
        Key::new(
            "attributes",
            Kind::Map(&ATTRIBUTES),
            "",
            "The attributes of spells, for each domain. A domain that is left out allows any attribute.",
        )
        .optional(),
        Key::new(
            "case_attribute",
            Kind::Tables(&CASE_ATTRIBUTE),
            "",
            "Attributes of cases by which figures can be broken down, such as an age band.",
        )
        .optional(),
        Key::new(
            "labels",
            Kind::Map(&LABELS),
            "",
            r#"Labels for codes. Without a label, a code is shown in words: `moved_away` as "Moved away"."#,
        )
        .optional(),
        Key::new(
            "channels",
            Kind::Table(&CHANNELS),
            "",
            "The channels by which people meet face to face. Left out: `face_to_face`.",
        )
        .optional(),
        Key::new("referrals", Kind::Table(&REFERRALS), "", "When a referral counts. Left out: when it is received.")
            .optional(),
        Key::new(
            "recency",
            Kind::Table(&RECENCY),
            "",
            "Days since the last contact: the contacts that count and the rows of the board.",
        )
        .optional(),
        Key::new(
            "referral_to_plan",
            Kind::Table(&REFERRAL_TO_PLAN),
            "",
            r#"Days from referral to plan. Left out: the contract does not measure them, and boards show "no data"."#,
        )
        .optional(),
        Key::new(
            "caseload",
            Kind::Table(&CASELOAD),
            "",
            "How often cases should be seen, and how many cases a keyworker may hold. Left out: the contract says \
             neither.",
        )
        .optional(),
        Key::new(
            "supply",
            Kind::Tables(&SUPPLY),
            "",
            "Which facts service areas supply, and from when. Left out: all of them supply everything.",
        )
        .optional(),
        Key::new("stage", Kind::Tables(&STAGE), "", "The stages of the funnel, in order.").optional(),
        Key::new(
            "standard",
            Kind::Tables(&STANDARD),
            "",
            "Service standards: what must be done within a number of days.",
        )
        .optional(),
        Key::new("outcome", Kind::Tables(&OUTCOME), "", "What the contract pays for or counts.").optional(),
        Key::new(
            "measure",
            Kind::Tables(&OWN_MEASURE),
            "",
            "Measures that this contract has beside those of the program.",
        )
        .optional(),
        Key::new("league", Kind::Tables(&LEAGUE), "", "Leagues of service areas, teams or keyworkers.").optional(),
        Key::new("cap", Kind::Tables(&CAP), "", "Limits on what is paid.").optional(),
        Key::new("grade", Kind::Tables(&GRADE), "", "Grades such as green, amber and red, the best first.").optional(),
        Key::new("kpi", Kind::Tables(&KPI), "", "Key performance indicators: measures with levels.").optional(),
        Key::new("targets", Kind::Table(&TARGETS), "", "The target profiles of the contract.").optional(),
        Key::new("reports", Kind::Table(&REPORTS), "", "The days on which reports are due.").optional(),
        Key::new("report", Kind::Tables(&REPORT), "", "What the contract reports, section by section.").optional(),
        Key::new(
            "duties",
            Kind::Table(&DUTIES),
            "",
            "Duties that one person may not combine. Left out: all three pairs are kept apart.",
        )
        .optional(),
        Key::new(
            "retention",
            Kind::Tables(&RETENTION),
            "",
            "How long data about people is kept. Left out: nobody becomes due for erasure.",
        )
        .optional(),
    ],
    rules: &[],
    notes: &[],
};

static CALENDAR: Table = Table {
    name: "calendar",
    noun: "the calendar",
    about: "How the contract counts time.",
    keys: &[
        Key::new("zone", Kind::Zone, r#""Europe/London""#, "The time zone of every date of the contract."),
        Key::new(
            "working_days",
            Kind::Division,
            r#""england-and-wales""#,
            "The bank-holiday division by which working days are counted: `england-and-wales`, \
             `scotland`, `northern-ireland`, or a division of the file given with \
             `--bank-holidays`.",
        ),
        Key::new(
            "financial_year",
            Kind::MonthDay,
            r#""04-01""#,
            "The first day of the financial year, `MM-DD`. 29 February is refused.",
        ),
        Key::new(
            "pause",
            Kind::Tables(&PAUSE),
            "",
            "Periods that an outcome may leave out of its count, such as school holidays.",
        )
        .optional(),
    ],
    rules: &[],
    notes: &["Every version of a contract keeps the same zone."],
};

static PAUSE: Table = Table {
    name: "pause",
    noun: "a pause",
    about: "A named set of days. An outcome that names the pause counts them neither as covered nor as a gap.",
    keys: &[
        Key::new("name", Kind::Text, r#""school-holidays""#, "Its name, unique in the calendar."),
        Key::new(
            "ranges",
            Kind::List(&Kind::DateRange, Items::Any),
            r#"[["2015-03-28", "2015-04-12"]]"#,
            "Its ranges: the first and the last day of each, both included.",
        ),
    ],
    rules: &[],
    notes: &[],
};

/// A list of `[codes]`.
const fn codes(list: CodeList, meaning: &'static str) -> Key {
    Key::new(list.key(), TEXTS, r#"["a_code", "another_code"]"#, meaning).optional()
}

static CODES: Table = Table {
    name: "codes",
    noun: "the codes",
    about: "The codes that commands may use, and the rest of the rulebook too. A list that is left out allows any \
            code. An empty list allows none.",
    keys: &[
        codes(CodeList::Areas, "Service areas: boroughs, provinces, districts."),
        codes(CodeList::Cohorts, "Cohorts that a referral may name."),
        codes(CodeList::ReferrerKinds, "Kinds of referring organisation."),
        codes(CodeList::PlanKinds, "Kinds of plan."),
        codes(CodeList::ContactChannels, "Channels of contact."),
        codes(CodeList::SpellDomains, "Domains of spells, such as employment or accommodation."),
        codes(CodeList::EvidenceKinds, "Kinds of evidence."),
        codes(CodeList::RiskKinds, "Kinds of risk."),
        codes(CodeList::AchievementCodes, "Achievements that can be recorded."),
        codes(CodeList::MeasureCodes, "Measures that can be recorded."),
        Key::new(
            "money_codes",
            Kind::List(&Kind::Code(CodeList::MeasureCodes), Items::Distinct),
            r#"["spend"]"#,
            "Those of the measures whose recorded values are amounts of money in the currency. Their figures are shown \
             as money.",
        )
        .optional(),
        codes(CodeList::DisengageReasons, "Reasons for a disengagement."),
        codes(CodeList::CloseReasons, "Reasons for closing a case."),
        codes(CodeList::DefectCodes, "Defects of evidence and of claims."),
    ],
    rules: &[],
    notes: &[],
};

static ATTRIBUTES: Map = Map {
    noun: "the attributes of spells",
    key: "domain",
    codes: Some(CodeList::SpellDomains),
    of: Kind::Map(&DOMAIN),
    example: "",
};

static DOMAIN: Map = Map {
    noun: "the attributes of a domain",
    key: "attribute",
    codes: None,
    of: Kind::Table(&ATTRIBUTE),
    example: r#"{ values = ["a_value"], required = false }"#,
};

/// One attribute of a domain.
pub(in super::super) static ATTRIBUTE: Table = Table {
    name: "attribute",
    noun: "the values of an attribute",
    about: "One attribute that a spell of the domain may have, such as `secured_as` in `[attributes.accommodation]`.",
    keys: &[
        Key::new("values", SOME_VALUES, r#"["a_value"]"#, "The values that it may have. Left out: any value.")
            .optional(),
        Key::new("required", Kind::Flag, "true", "Whether every spell of the domain must state it from its start.")
            .or("false"),
    ],
    rules: &[],
    notes: &[],
};

static LABELS: Map =
    Map { noun: "the labels of codes", key: "code", codes: None, of: Kind::Text, example: r#""A few words""# };

static CHANNELS: Table = Table {
    name: "channels",
    noun: "the meaning of channels",
    about: "What the channels of contacts mean.",
    keys: &[Key::new(
        "face_to_face",
        Kind::List(&Kind::Code(CodeList::ContactChannels), Items::Distinct),
        r#"["face_to_face"]"#,
        "A contact by one of these channels is face to face, unless the contact states otherwise.",
    )],
    rules: &[],
    notes: &[],
};

static REFERRALS: Table = Table {
    name: "referrals",
    noun: "the rules for referrals",
    about: "How referrals are counted.",
    keys: &[
        Key::new("counts_when", Kind::Word(&const { words(&COUNTS_WHEN) }), r#""received""#, "When a referral counts."),
        Key::new(
            "default_area",
            Kind::Code(CodeList::Areas),
            r#""brent""#,
            "The area of a referral whose source names none, such as a return for the whole county.",
        )
        .optional(),
    ],
    rules: &[],
    notes: &[],
};

const BUCKET_UPPER: Key = Key::new(
    "upper",
    Kind::List(&Kind::Whole, Items::Any),
    "[7, 14, 21, 27]",
    "The upper edge of each row, included in the row. The edges rise.",
)
.unit("days");
const BUCKET_LABELS: Key = Key::new(
    "labels",
    TEXTS,
    r#"["1 week or less", "1-2 weeks", "more"]"#,
    "The label of each row: one more than there are edges. The last is for days above the last edge.",
);
const BUCKET_NONE: Key =
    Key::new("none", Kind::Text, r#""No contact yet""#, "The label of the row for cases without a number of days.");

static RECENCY: Table = Table {
    name: "recency",
    noun: "the rows of days since contact",
    about: "Days since the last contact that was made.",
    keys: &[
        Key::new(
            "counts_with",
            Kind::List(&const { Kind::Word(&CONTACT_WITH) }, Items::SomeDistinct),
            r#"["client", "family", "carer"]"#,
            "A contact counts if it was with one of these.",
        )
        .or(r#"["client", "family", "carer"]"#),
        BUCKET_UPPER.or("[7, 14, 21, 27]"),
        BUCKET_LABELS.or(r#"["1 week or less", "1-2 weeks", "2-3 weeks", "3-4 weeks", "4 weeks or more"]"#),
        BUCKET_NONE.or(r#""No contact yet""#),
    ],
    rules: &[Rule::Together(&["upper", "labels", "none"])],
    notes: &[],
};

static REFERRAL_TO_PLAN: Table = Table {
    name: "referral_to_plan",
    noun: "the rows of days from referral to plan",
    about: "Days from the referral to the first plan of one kind.",
    keys: &[
        Key::new(
            "plan",
            Kind::Code(CodeList::PlanKinds),
            r#""employment_plan""#,
            "The kind of plan that ends the wait.",
        ),
        BUCKET_UPPER,
        BUCKET_LABELS,
        BUCKET_NONE,
    ],
    rules: &[],
    notes: &[],
};

static STAGE: Table = Table {
    name: "stage",
    noun: "a stage",
    about: "A stage of the funnel. The order in the file is the order of the stages.",
    keys: &[
        Key::new("code", Kind::Text, r#""job_started""#, "Its code, unique among the stages."),
        Key::new("label", Kind::Text, r#""Job started""#, "The label that boards print."),
        Key::new(
            "when",
            Kind::Table(&WHEN),
            r#"{ plan = ["employment_plan"] }"#,
            "The fact that reaches the stage. The first such fact counts.",
        ),
    ],
    rules: &[],
    notes: &[],
};

static WHEN: Table = Table {
    name: "when",
    noun: "one fact",
    about: "The fact that reaches a stage: exactly one of the forms.",
    keys: &[
        SPELL,
        ACHIEVEMENT,
        PLAN,
        ENGAGEMENT,
        MEASURE,
        Key::new(
            "referral",
            Kind::Word(&const { words(&COUNTS_WHEN) }),
            r#""received""#,
            "The referral is received or accepted.",
        )
        .optional(),
        Key::new(
            "outcome",
            Kind::List(&Kind::Outcome, Items::SomeDistinct),
            r#"["job_13w"]"#,
            "One of these outcomes is achieved. An outcome over many cases cannot reach a stage.",
        )
        .optional(),
        WHERE,
        LEVEL,
    ],
    rules: &[
        Rule::One {
            with: None,
            of: &["spell", "achievement", "plan", "engagement", "measure", "referral", "outcome"],
            none: Fix { problem: "it names no fact", remedy: r#"write when = { plan = ["employment_plan"] }"# },
            several: Fix { problem: "it names {}, but a stage has one fact", remedy: "write a stage for each" },
        },
        WHERE_NEEDS_SPELL,
        LEVEL_NEEDS_ACHIEVEMENT,
    ],
    notes: &[],
};
