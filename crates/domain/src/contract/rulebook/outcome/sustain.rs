//! Reads how long and how many hours: `sustain` and `hours`.
//!
//! It refuses a rule that no spell could meet.

use super::super::grammar::outcome::{BASES, COMBINE, CONTINUITY, ContinuityWord, UNKNOWN};
use super::super::reader::{Report, Section};
use super::{Continuity, Hours, Length, Sustain};

/// A century: anything longer is a mistake.
const DAYS_MAX: u32 = 36_525;

pub(super) fn sustain(section: &Section<'_>, report: &mut Report<'_>) -> Option<Sustain> {
    let length = length(section, report);
    let continuity = continuity(section, length, report);
    Some(Sustain {
        length: length?,
        continuity: continuity?,
        gap_counts: section.flag("gap_counts")?,
        combine: section.word("combine", &COMBINE)?,
        pause: section.text("pause"),
    })
}

fn length(section: &Section<'_>, report: &mut Report<'_>) -> Option<Length> {
    let units = [("days", 1), ("weeks", 7), ("months", 31)];
    let (unit, days) = units.into_iter().find(|(unit, _)| section.has(unit))?;
    let (item, number) = (section.item(unit)?, section.whole(unit)?);
    if number.saturating_mul(days) > DAYS_MAX {
        item.wrong(format!("{number} {unit} are more than a century"), report);
        return None;
    }
    Some(if unit == "months" { Length::Months(number) } else { Length::Days(number * days) })
}

fn continuity(section: &Section<'_>, length: Option<Length>, report: &mut Report<'_>) -> Option<Continuity> {
    let continuity = section.word("continuity", &CONTINUITY)?;
    let word = section.text("continuity")?;
    for (key, belongs) in [("gap_days", "max_gap"), ("window_days", "n_in_window"), ("window_weeks", "n_in_window")] {
        if section.has(key) && word != belongs {
            let problem = format!("{key} works only with continuity {belongs:?}, not {word:?}");
            report.add(section.at.clone(), Some(&section.path_of(key)), problem, format!("take {key} out"));
        }
    }
    match continuity {
        ContinuityWord::None => Some(Continuity::Unbroken),
        ContinuityWord::Cumulative => Some(Continuity::Cumulative),
        ContinuityWord::MaxGap if section.has("gap_days") => section.whole("gap_days").map(Continuity::MaxGap),
        ContinuityWord::MaxGap => {
            section.missing("gap_days", report);
            None
        }
        ContinuityWord::Window if section.has("window_weeks") => window(section, "window_weeks", length, report),
        ContinuityWord::Window if section.has("window_days") => window(section, "window_days", length, report),
        ContinuityWord::Window => {
            section.missing("window_days", report);
            None
        }
    }
}

fn window(section: &Section<'_>, key: &str, length: Option<Length>, report: &mut Report<'_>) -> Option<Continuity> {
    let (item, number) = (section.item(key)?, section.whole(key).filter(|number| *number > 0)?);
    if key == "window_weeks" && section.has("window_days") {
        item.wrong("the window is given in days and in weeks", report);
        return None;
    }
    let days = if key == "window_weeks" { number.saturating_mul(7) } else { number };
    match length {
        Some(Length::Months(_)) => {
            let problem = "a window holds days or weeks, not months";
            report.add(section.at.clone(), Some(&section.path), problem, "write days or weeks instead of months");
            None
        }
        Some(Length::Days(target)) if days < target => {
            let problem = format!("the window of {days} days is shorter than its target of {target} days");
            report.add(item.at.clone(), Some(&item.path), problem, format!("write a window of {target} days or more"));
            None
        }
        _ if days > DAYS_MAX => {
            item.wrong(format!("a window of {days} days is more than a century"), report);
            None
        }
        _ => Some(Continuity::Window(days)),
    }
}

pub(super) fn hours(section: &Section<'_>, report: &mut Report<'_>) -> Option<Hours> {
    let (at_least, below) = (section.decimal("at_least"), section.decimal("below"));
    if let (Some(at_least), Some(below)) = (at_least, below)
        && at_least >= below
    {
        let problem = format!("no number is at least {at_least} and below {below}");
        report.add(section.at.clone(), Some(&section.path), problem, "write at_least smaller than below");
    }
    Some(Hours { basis: section.word("basis", &BASES)?, at_least, below, unknown: section.word("unknown", &UNKNOWN)? })
}
