//! The grammar of how long and how many hours: `sustain` and `hours`.
//!
//! It never accepts a rule that nothing could meet, and never guesses what a break does.

use super::super::Calendar;
use super::super::reader::{Report, Section, path_of};
use super::{Combine, Continuity, Hours, HoursBasis, Length, Sustain, UnknownHours};

/// A century: whatever is longer is a slip of the pen.
const DAYS_MAX: u32 = 36_525;

const CONTINUITY: [&str; 4] = ["none", "max_gap", "cumulative", "n_in_window"];
const COMBINE: [(&str, Combine); 2] = [("employers", Combine::Employers), ("nothing", Combine::Nothing)];
const BASES: [(&str, HoursBasis); 4] = [
    ("average", HoursBasis::Average),
    ("at_start", HoursBasis::AtStart),
    ("at_end", HoursBasis::AtEnd),
    ("every_week", HoursBasis::EveryWeek),
];
const UNKNOWN: [(&str, UnknownHours); 2] = [("hold", UnknownHours::Hold), ("lower", UnknownHours::Lower)];

/// How long, and how many times (1 if it is not said).
pub(super) fn sustain(
    outcome: &Section<'_>,
    calendar: Option<&Calendar>,
    report: &mut Report<'_>,
) -> Option<(Sustain, u32)> {
    let section = outcome.section("sustain", report)?;
    section.only(
        &[
            "days",
            "weeks",
            "months",
            "continuity",
            "gap_days",
            "gap_counts",
            "window_days",
            "window_weeks",
            "combine",
            "pause",
            "repeats",
        ],
        report,
    );
    let length = length(&section, report);
    let continuity = continuity(&section, length, report);
    let gap_counts = section.optional("gap_counts", "false").and_then(|item| item.flag(report)).unwrap_or(false);
    let combine = section.required("combine", "\"employers\"", report).and_then(|item| item.one_of(&COMBINE, report));
    let pause = pause(&section, calendar, report);
    let repeats = section.optional("repeats", "2").map_or(Some(1), |item| item.positive(report));
    let sustain = Sustain { length: length?, continuity: continuity?, gap_counts, combine: combine?, pause };
    Some((sustain, repeats?))
}

fn length(section: &Section<'_>, report: &mut Report<'_>) -> Option<Length> {
    let units = [("days", 1), ("weeks", 7), ("months", 31)];
    let named: Vec<_> = units.into_iter().filter(|(unit, _)| section.has(unit)).collect();
    let [(unit, days)] = named.as_slice() else {
        let problem = if named.is_empty() { "it says not how long" } else { "it says how long more than once" };
        report.add(section.at.clone(), Some(&section.path), problem, "write one of days, weeks and months");
        return None;
    };
    let item = section.optional(unit, "91")?;
    let number = item.positive(report)?;
    if number.saturating_mul(*days) > DAYS_MAX {
        item.wrong(format!("{number} {unit} are more than a century"), report);
        return None;
    }
    Some(if *unit == "months" { Length::Months(number) } else { Length::Days(number * days) })
}

fn continuity(section: &Section<'_>, length: Option<Length>, report: &mut Report<'_>) -> Option<Continuity> {
    let words = CONTINUITY.map(|word| (word, word));
    let word = section.required("continuity", "\"none\"", report)?.one_of(&words, report)?;
    for (key, belongs) in [("gap_days", "max_gap"), ("window_days", "n_in_window"), ("window_weeks", "n_in_window")] {
        if section.has(key) && word != belongs {
            let problem = format!("{key} belongs to continuity {belongs:?}, not {word:?}");
            report.add(section.at.clone(), Some(&path_of(&section.path, key)), problem, format!("take {key} out"));
        }
    }
    match word {
        "none" => Some(Continuity::Unbroken),
        "cumulative" => Some(Continuity::Cumulative),
        "max_gap" => section.required("gap_days", "7", report)?.whole(report).map(Continuity::MaxGap),
        _ => window(section, length, report),
    }
}

fn window(section: &Section<'_>, length: Option<Length>, report: &mut Report<'_>) -> Option<Continuity> {
    let (key, item) = match section.optional("window_weeks", "16") {
        Some(item) if !section.has("window_days") => ("window_weeks", item),
        Some(item) => {
            item.wrong("the window is given in days and in weeks", report);
            return None;
        }
        None => ("window_days", section.required("window_days", "112", report)?),
    };
    let number = item.positive(report)?;
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

fn pause(section: &Section<'_>, calendar: Option<&Calendar>, report: &mut Report<'_>) -> Option<String> {
    let item = section.optional("pause", "\"school-holidays\"")?;
    let name = item.text(report)?;
    let pauses = calendar.map_or(&[][..], |calendar| &calendar.pauses);
    if calendar.is_some() && !pauses.iter().any(|pause| pause.name == name) {
        let named: Vec<_> = pauses.iter().map(|pause| pause.name.as_str()).collect();
        let remedy = if named.is_empty() {
            format!("write [[calendar.pause]] with name = {name:?} and its ranges")
        } else {
            format!("write one of {}, or a [[calendar.pause]] of that name", named.join(", "))
        };
        report.add(item.at.clone(), Some(&item.path), format!("there is no pause {name:?}"), remedy);
    }
    Some(name)
}

pub(super) fn hours(outcome: &Section<'_>, report: &mut Report<'_>) -> Option<Hours> {
    let section = outcome.section("hours", report)?;
    section.only(&["basis", "at_least", "below", "unknown"], report);
    let basis = section.required("basis", "\"average\"", report).and_then(|item| item.one_of(&BASES, report));
    let at_least = section.optional("at_least", "16").and_then(|item| item.not_negative(report));
    let below = section.optional("below", "16").and_then(|item| item.not_negative(report));
    let unknown = section.optional("unknown", "\"hold\"").and_then(|item| item.one_of(&UNKNOWN, report));
    if !section.has("at_least") && !section.has("below") {
        report.add(
            section.at.clone(),
            Some(&section.path),
            "it says not how many hours",
            "write at_least = 16, or below = 16, or both",
        );
    }
    if let (Some(at_least), Some(below)) = (at_least, below)
        && at_least >= below
    {
        let problem = format!("nothing is at least {at_least} and below {below}");
        report.add(section.at.clone(), Some(&section.path), problem, "write at_least smaller than below");
    }
    Some(Hours { basis: basis?, at_least, below, unknown: unknown.unwrap_or(UnknownHours::Hold) })
}
