//! The grammar of `[[league]]`: who is ranked, by which measure or scores, and the bands round an index.

use super::super::league::LeagueBy;
use super::{Fix, Key, Kind, Rule, Table, Word, words};

pub(in super::super) const LEAGUE_BY: [Word<LeagueBy>; 3] = [
    Word::new("area", LeagueBy::Area, "the service areas"),
    Word::new("team", LeagueBy::Team, "the teams of the keyworkers who held the cases"),
    Word::new("keyworker", LeagueBy::Keyworker, "the keyworkers who held the cases"),
];

const MEAN_OF: [Word<()>; 1] = [Word::new("members", (), "all members of the league that have a value")];

pub(super) static LEAGUE: Table = Table {
    name: "league",
    noun: "a league",
    about: "A league: service areas, teams or keyworkers in the order of their total score, or of one measure. Equal \
            ones share a rank and stand by name, and the next rank leaves as many out: 1, 2, 3, 3, 5.",
    keys: &[
        Key::new("code", Kind::Text, r#""provinces""#, "Its code, unique among the leagues."),
        Key::new("title", Kind::Text, r#""League of provinces""#, "The title on boards."),
        Key::new("by", Kind::Word(&const { words(&LEAGUE_BY) }), r#""area""#, "The members that are ranked."),
        Key::new(
            "measure",
            Kind::Text,
            r#""job_started""#,
            "The code of the measure that ranks them, the greatest value first. Instead of indicators.",
        )
        .optional(),
        Key::new(
            "indicator",
            Kind::Tables(&INDICATOR),
            "",
            "The indicators. Each gives a member points, and the sum of the points ranks the members.",
        )
        .optional(),
        Key::new("band", Kind::Tables(&BAND), "", "The bands of all indicators without bands of their own.").optional(),
    ],
    rules: &[
        Rule::One {
            with: None,
            of: &["measure", "indicator"],
            none: Fix {
                problem: "it has nothing to rank by",
                remedy: "write measure, or [[league.indicator]] for each indicator",
            },
            several: Fix { problem: "it has {}, but a league ranks by one of the two", remedy: "take one of them out" },
        },
        Rule::Needs {
            key: "band",
            other: "indicator",
            fix: Fix {
                problem: "bands give points to indicators, and there are none",
                remedy: "take band out, or write [[league.indicator]]",
            },
        },
    ],
    notes: &[
        "A member without a value of an indicator has no points for it. This is not 0: the member then has no rank, \
         and stands at the end.",
    ],
};

static INDICATOR: Table = Table {
    name: "indicator",
    noun: "an indicator",
    about: "An indicator of a league: a measure, the index that it is held against, and the bands round the index.",
    keys: &[
        Key::new("measure", Kind::Text, r#""anc_visits""#, "The code of the measure."),
        Key::new("title", Kind::Text, r#""Antenatal care""#, "The title on boards. Left out: that of the measure.")
            .optional(),
        Key::new(
            "index",
            Kind::Table(&INDEX),
            r#"{ target = "contract" }"#,
            "The number that is 100 percent of the indicator.",
        ),
        Key::new("band", Kind::Tables(&BAND), "", "Its bands. Left out: those of the league.").optional(),
    ],
    rules: &[],
    notes: &["A league has each measure once."],
};

static INDEX: Table = Table {
    name: "index",
    noun: "an index",
    about: "The number that is 100 percent of an indicator: one of the three keys.",
    keys: &[
        Key::new(
            "number",
            Kind::NotNegative,
            "80",
            "A number that is the same for every member, above 0. Of a measure in percent: in percent.",
        )
        .optional(),
        Key::new(
            "target",
            Kind::Text,
            r#""contract""#,
            "The target that this profile has for the measure, the service area and the period.",
        )
        .optional(),
        Key::new(
            "mean_of",
            Kind::Word(&const { words(&MEAN_OF) }),
            r#""members""#,
            "The mean of the values of the members.",
        )
        .optional(),
    ],
    rules: &[Rule::One {
        with: None,
        of: &["number", "target", "mean_of"],
        none: Fix { problem: "the index is missing", remedy: "write index = { number = 80 }" },
        several: Fix { problem: "the index is given as {}", remedy: "write index = { number = 80 }" },
    }],
    notes: &["A profile of targets can be an index only in a league of service areas."],
};

static BAND: Table = Table {
    name: "band",
    noun: "a band",
    about: "A band of values and its points. The first band that holds a value gives the points. The band that holds \
            100 percent is the one round the index: bands above it are above the index, bands below it are below.",
    keys: &[
        Key::new("points", Kind::Whole, "3", "The points for a value in the band."),
        Key::new("at_least", Kind::NotNegative, "90", "The value is at least this part of the index.")
            .optional()
            .unit("percent of the index"),
        Key::new("over", Kind::NotNegative, "110", "The value is more than this part of the index.")
            .optional()
            .unit("percent of the index"),
    ],
    rules: &[Rule::Apart {
        key: "at_least",
        others: &["over"],
        fix: Fix { problem: "the band has the edges at_least and {}", remedy: "write one of at_least and over" },
    }],
    notes: &["The edges fall from band to band, and the last band has no edge: it takes every other value."],
};
