//! Leagues: who is ranked, and by what, as a rulebook says it.
//!
//! Pure. Scores and ranks are computed in `performance/league`. This module counts nothing.

pub(super) mod parse;

use rust_decimal::Decimal;

/// A league: service areas, teams or keyworkers in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct League {
    /// Its code, unique among the leagues.
    pub code: String,
    /// The title on boards.
    pub title: String,
    /// The members that are ranked.
    pub by: LeagueBy,
    /// What ranks them.
    pub ranked_by: RankedBy,
}

/// The members of a league.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeagueBy {
    /// The service areas.
    Area,
    /// The teams.
    Team,
    /// The keyworkers.
    Keyworker,
}

/// What ranks the members of a league.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RankedBy {
    /// One measure, by its code: the greatest value comes first.
    Measure(String),
    /// The sum of the points of indicators.
    Indicators(Vec<Indicator>),
}

/// An indicator: a measure that gives points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indicator {
    /// The code of the measure.
    pub measure: String,
    /// The title on boards. None for that of the measure.
    pub title: Option<String>,
    /// The number that is 100 percent.
    pub index: Index,
    /// The bands, from the highest to the lowest. The last one takes every value.
    pub bands: Vec<Band>,
}

impl Indicator {
    /// The most points that it can give.
    pub fn points_max(&self) -> u32 {
        self.bands.iter().map(|band| band.points).max().unwrap_or(0)
    }
}

/// The number that is 100 percent of an indicator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Index {
    /// A number, as the measure is shown.
    Number(Decimal),
    /// The target of a profile.
    Target(String),
    /// The mean of the values of all members.
    Mean,
}

/// A band of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// The points for a value in it.
    pub points: u32,
    /// Its lower edge.
    pub from: Edge,
}

/// The lower edge of a band, in percent of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// This number and everything above it.
    AtLeast(Decimal),
    /// Everything above this number.
    Over(Decimal),
    /// No edge: every value.
    None,
}

impl League {
    /// The indicators. None for a league by one measure.
    pub fn indicators(&self) -> Option<&[Indicator]> {
        match &self.ranked_by {
            RankedBy::Indicators(indicators) => Some(indicators),
            RankedBy::Measure(_) => None,
        }
    }

    /// The codes of its measures, in order.
    pub fn measures(&self) -> Vec<String> {
        match &self.ranked_by {
            RankedBy::Indicators(indicators) => indicators.iter().map(|indicator| indicator.measure.clone()).collect(),
            RankedBy::Measure(code) => vec![code.clone()],
        }
    }

    /// The league in a sentence.
    pub fn in_words(&self) -> String {
        let members = match self.by {
            LeagueBy::Area => "service areas",
            LeagueBy::Team => "teams",
            LeagueBy::Keyworker => "keyworkers",
        };
        let ranks = match &self.ranked_by {
            RankedBy::Measure(code) => format!("It ranks {members} by {code}, the greatest first."),
            RankedBy::Indicators(indicators) => {
                let most: u32 = indicators.iter().map(Indicator::points_max).sum();
                let each: Vec<String> = indicators.iter().map(Indicator::in_words).collect();
                format!("It ranks {members} by their points out of {most}: {}.", each.join("; "))
            }
        };
        format!("League {}: {}. {ranks}", self.code, self.title)
    }
}

impl Indicator {
    fn in_words(&self) -> String {
        let index = match &self.index {
            Index::Number(number) => format!("{number}"),
            Index::Target(profile) => format!("its target in the profile {profile}"),
            Index::Mean => "the mean of the members".to_owned(),
        };
        let band = |band: &Band| match band.from {
            Edge::AtLeast(edge) => format!("{} from {edge} %", band.points),
            Edge::Over(edge) => format!("{} over {edge} %", band.points),
            Edge::None => format!("otherwise {}", band.points),
        };
        let bands: Vec<String> = self.bands.iter().map(band).collect();
        format!("{} against {index} ({})", self.measure, bands.join(", "))
    }
}
