//! Reads `[[league]]`.
//!
//! Each league is read alone. The measures and profiles that leagues name are checked once the whole rulebook is read,
//! because they may be any of its own.

use super::super::Rulebook;
use super::super::grammar::league::LEAGUE_BY;
use super::super::measure::known::KnownMeasures;
use super::super::measure::{Formula, Workforce};
use super::super::reader::{Fault, Item, Report, Section};
use super::{Band, Edge, Index, Indicator, League, LeagueBy, RankedBy};

/// The leagues of the rulebook.
pub(in super::super) fn leagues(top: &Section<'_>, report: &mut Report<'_>) -> Vec<League> {
    let mut leagues: Vec<League> = Vec::new();
    for section in top.sections("league") {
        let shared = bands(&section, report);
        let indicators = indicators(&section, &shared, report);
        let Some(code) = section.text("code") else { continue };
        if leagues.iter().any(|earlier| earlier.code == code) {
            let problem = format!("the league {code:?} is already defined above");
            report.add(section.place_of("code"), Some(&section.path_of("code")), problem, "give it another code");
        }
        let ranked_by = match section.text("measure") {
            Some(measure) => RankedBy::Measure(measure),
            None => RankedBy::Indicators(indicators),
        };
        if let (Some(title), Some(by)) = (section.text("title"), section.word("by", &LEAGUE_BY)) {
            leagues.push(League { code, title, by, ranked_by });
        }
    }
    leagues
}

fn indicators(league: &Section<'_>, shared: &[Band], report: &mut Report<'_>) -> Vec<Indicator> {
    let mut indicators: Vec<Indicator> = Vec::new();
    for section in league.sections("indicator") {
        let (has_own, own) = (section.has("band"), bands(&section, report));
        let (bands, written) = if has_own { (own, &section) } else { (shared.to_vec(), league) };
        if written.sections("band").is_empty() {
            let remedy = "write [[league.band]] for each band, the highest first";
            report.add(section.at.clone(), Some(&section.path_of("band")), "the indicator has no bands", remedy);
        }
        let index = section.section("index").and_then(|index| self::index(&index, report));
        let (Some(measure), Some(index)) = (section.text("measure"), index) else { continue };
        if indicators.iter().any(|earlier| earlier.measure == measure) {
            let problem = format!("{measure:?} is already an indicator of this league");
            report.add(section.place_of("measure"), Some(&section.path_of("measure")), problem, "take one of them out");
        }
        indicators.push(Indicator { measure, title: section.text("title"), index, bands });
    }
    indicators
}

fn index(section: &Section<'_>, report: &mut Report<'_>) -> Option<Index> {
    if let Some(item) = section.item("number") {
        let number = section.decimal("number")?;
        if number.is_zero() {
            item.wrong("nothing is a percentage of 0", report);
        }
        return Some(Index::Number(number));
    }
    let mean = section.text("mean_of").map(|_| Index::Mean);
    section.text("target").map(Index::Target).or(mean)
}

/// The bands of a league or an indicator. None are read where there are none.
fn bands(section: &Section<'_>, report: &mut Report<'_>) -> Vec<Band> {
    let sections = section.sections("band");
    let mut bands: Vec<Band> = Vec::new();
    for band in &sections {
        let from = match (band.decimal("at_least"), band.decimal("over")) {
            (Some(edge), _) => Edge::AtLeast(edge),
            (None, Some(edge)) => Edge::Over(edge),
            (None, None) => Edge::None,
        };
        if let Some((problem, remedy)) = bands.last().and_then(|above| out_of_order(above.from, from)) {
            report.add(band.at.clone(), Some(&band.path), problem, remedy);
        }
        if let Some(points) = band.whole("points") {
            bands.push(Band { points, from });
        }
    }
    if let (Some(last), Some(place)) = (bands.last(), sections.last())
        && last.from != Edge::None
    {
        let remedy = "write a last [[band]] with points alone";
        report.add(place.at.clone(), Some(&place.path), "values below the last band have no points", remedy);
    }
    bands
}

/// Why a band cannot follow the one above it, and what to do.
fn out_of_order(above: Edge, below: Edge) -> Option<(String, &'static str)> {
    let rank = |edge: Edge| match edge {
        Edge::Over(number) => Some((number, 1)),
        Edge::AtLeast(number) => Some((number, 0)),
        Edge::None => None,
    };
    match (rank(above), rank(below)) {
        (None, _) => {
            let problem = "the band above takes every value, so this one never gives points".to_owned();
            Some((problem, "put the band without an edge last"))
        }
        (Some(above), Some(below)) if below >= above => {
            let problem = format!("the edge {} is not below that of the band above, {}", below.0, above.0);
            Some((problem, "write the bands from the highest to the lowest"))
        }
        _ => None,
    }
}

/// Reports leagues by measures that the rulebook has not or that their members have not, and indexes of profiles that
/// give no number to their members.
pub(in super::super) fn check_measures(
    top: &Section<'_>,
    (rulebook, known): (&Rulebook, &KnownMeasures),
    report: &mut Report<'_>,
) {
    let check = Check { known, rulebook };
    for section in top.sections("league") {
        let Some(by) = section.word("by", &LEAGUE_BY) else { continue };
        let indicators = section.sections("indicator");
        let named = std::iter::once(&section).chain(&indicators).filter_map(|section| section.item("measure"));
        for item in named {
            report_fault(&item, report, |code| check.of_measure(code, by));
        }
        let indexes = indicators.iter().filter_map(|indicator| indicator.section("index")?.item("target"));
        for item in indexes {
            report_fault(&item, report, |profile| check.of_profile(profile, by));
        }
    }
}

struct Check<'c> {
    known: &'c KnownMeasures,
    rulebook: &'c Rulebook,
}

fn report_fault(item: &Item<'_>, report: &mut Report<'_>, fault: impl FnOnce(&str) -> Option<Fault>) {
    let Ok(named) = item.text() else { return };
    if let Some(fault) = fault(&named) {
        item.faulty(fault, report);
    }
}

impl Check<'_> {
    /// Why a measure cannot rank such members, and what to do.
    fn of_measure(&self, code: &str, by: LeagueBy) -> Option<Fault> {
        let Some(measure) = self.known.find(code) else {
            let remedy = "write the code of one that `throughline board --list-measures` lists, or a [[measure]] of it";
            return self.known.unknown(code, remedy);
        };
        let of = |formula: &Formula| match formula {
            Formula::OfContract(_) => Some("is recorded for the contract as a whole"),
            Formula::Workforce(Workforce::MeanCaseload | Workforce::Seen { .. }) => None,
            Formula::Wte | Formula::Workforce(_) | Formula::Supervision(_) if by == LeagueBy::Area => {
                Some("counts workers, who belong to no area")
            }
            Formula::Workforce(Workforce::Vacancies | Workforce::VacantWte | Workforce::VoidDays)
                if by == LeagueBy::Keyworker =>
            {
                Some("counts posts of teams")
            }
            _ => None,
        };
        let part = |code: &String| self.known.find(code);
        let why = match &measure.formula {
            Formula::Ratio { of: above, over, .. } => {
                [above, over].into_iter().filter_map(part).find_map(|part| of(&part.formula))
            }
            formula => of(formula),
        };
        why.map(|why| Fault::Remedied {
            problem: format!("{code:?} {why}, so it ranks no member"),
            remedy: "name another measure".to_owned(),
        })
    }

    /// Why a profile cannot be an index, and what to do.
    fn of_profile(&self, profile: &str, by: LeagueBy) -> Option<Fault> {
        if by != LeagueBy::Area {
            let problem = "targets are of the contract and of service areas, not of teams or keyworkers";
            let remedy = "write index = { mean_of = \"members\" } or a number".to_owned();
            return Some(Fault::Remedied { problem: problem.to_owned(), remedy });
        }
        let profiles = &self.rulebook.profiles;
        if profiles.iter().any(|known| known == profile) {
            return None;
        }
        let add = "add it to targets.profiles";
        let remedy = if profiles.is_empty() {
            add.to_owned()
        } else {
            format!("write one of {}, or {add}", profiles.join(", "))
        };
        Some(Fault::Remedied { problem: format!("there is no target profile {profile:?}"), remedy })
    }
}

#[cfg(test)]
mod tests;
