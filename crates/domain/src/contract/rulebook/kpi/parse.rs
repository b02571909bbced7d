//! Reads `[[kpi]]`, and what a grade or an indicator withholds.
//!
//! The measures that indicators name are checked once the whole rulebook is read, because they may be any of its
//! measures.

use super::super::Standard;
use super::super::grammar::kpi::{DIRECTIONS, PERIODS, TOOLS};
use super::super::measure::known::KnownMeasures;
use super::super::reader::{Report, Section};
use super::{Consequences, Direction, Kpi, WithheldFrom, Withholding};
use crate::fact::event::NoticeKind;

/// The indicators of `[[kpi]]`. The standards are those that were read.
pub(in super::super) fn kpis(top: &Section<'_>, standards: &[Standard], report: &mut Report<'_>) -> Vec<Kpi> {
    let mut kpis: Vec<Kpi> = Vec::new();
    for section in top.sections("kpi") {
        levels_in_order(&section, report);
        let Some(kpi) = kpi(&section) else { continue };
        let has_levels = |standard: &Standard| standard.minimum_level.or(standard.lower_level).is_some();
        let taken = if kpis.iter().any(|earlier| earlier.code == kpi.code) {
            Some(format!("the indicator {:?} is already defined above", kpi.code))
        } else if standards.iter().any(|standard| standard.code == kpi.code && has_levels(standard)) {
            Some(format!("{:?} is already the code of a standard with levels, which is an indicator itself", kpi.code))
        } else {
            None
        };
        if let Some(problem) = taken {
            report.add(section.place_of("code"), Some(&section.path_of("code")), problem, "give it another code");
        }
        kpis.push(kpi);
    }
    kpis
}

fn kpi(section: &Section<'_>) -> Option<Kpi> {
    Some(Kpi {
        code: section.text("code")?,
        title: section.text("title")?,
        measure: section.text("measure")?,
        direction: section.word("direction", &DIRECTIONS)?,
        minimum_level: section.decimal("minimum_level"),
        lower_level: section.decimal("lower_level"),
        period: section.word("period", &PERIODS)?,
        consequences: consequences(section),
    })
}

/// What may follow a failure of an indicator or of a standard with levels.
pub(in super::super) fn consequences(section: &Section<'_>) -> Consequences {
    let tools = section.section("tools");
    let tools_at = |level: &str| tools.as_ref().map(|tools| notices(tools, level)).unwrap_or_default();
    Consequences {
        minor_tools: tools_at("minor"),
        major_tools: tools_at("major"),
        withhold: section.section("withhold").as_ref().and_then(withholding),
    }
}

/// The kinds of notices that the tools at a level are.
fn notices(tools: &Section<'_>, level: &str) -> Vec<NoticeKind> {
    let named = tools.texts(level);
    let kind = |text: &String| TOOLS.iter().find(|word| word.text == text.as_str()).map(|word| word.value);
    named.iter().filter_map(kind).collect()
}

/// The part of an amount that is withheld.
pub(in super::super) fn withholding(section: &Section<'_>) -> Option<Withholding> {
    let recorded = section.text("of").map(WithheldFrom::Recorded);
    let of = recorded.or_else(|| section.money("amount").map(WithheldFrom::Amount))?;
    Some(Withholding { percent: section.decimal("percent")?, of })
}

/// Reports a lower level that is better than the minimum level.
fn levels_in_order(section: &Section<'_>, report: &mut Report<'_>) {
    let (minimum, lower) = (section.decimal("minimum_level"), section.decimal("lower_level"));
    let (Some(minimum), Some(lower)) = (minimum, lower) else { return };
    let (is_wrong, side, remedy) = match section.word("direction", &DIRECTIONS) {
        Some(Direction::AtLeast) => (lower > minimum, "above", "write lower_level no greater than minimum_level"),
        Some(Direction::AtMost) => (lower < minimum, "below", "write lower_level no less than minimum_level"),
        None => return,
    };
    if is_wrong {
        let problem = format!("the lower level {lower} is {side} the minimum level {minimum}");
        report.add(section.place_of("lower_level"), Some(&section.path_of("lower_level")), problem, remedy);
    }
}

/// Reports indicators of what is no measure of the rulebook.
pub(in super::super) fn check_measures(top: &Section<'_>, known: &KnownMeasures, report: &mut Report<'_>) {
    for item in top.sections("kpi").iter().filter_map(|section| section.item("measure")) {
        let remedy = "write the code of a stage, standard, outcome or [[measure]], or one that every contract has; \
                      `throughline rulebook measures` lists them";
        if let Some(fault) = item.text().ok().and_then(|named| known.unknown(&named, remedy)) {
            item.faulty(fault, report);
        }
    }
}
