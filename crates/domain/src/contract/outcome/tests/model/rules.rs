//! Random rulebooks with every key of the grammar, in any allowed combination.

use chrono::{Days, NaiveDate};

use super::dice::Dice;
use crate::contract::Rulebook;

pub(super) const DOMAINS: [&str; 3] = ["employment", "self_employment", "accommodation"];
pub(super) const KINDS: [&str; 3] = ["payslip", "letter", "lease"];
pub(super) const RISKS: [&str; 2] = ["relapse", "debt"];
pub(super) const AREAS: [&str; 2] = ["north", "south"];
pub(super) const COHORTS: [&str; 2] = ["one", "two"];

/// The text of a rulebook, in blocks of lines that can each be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Book(pub(super) Vec<Vec<String>>);

impl Book {
    pub(super) fn text(&self) -> String {
        self.0.iter().map(|block| block.join("\n") + "\n").collect()
    }

    pub(super) fn read(&self) -> Option<Rulebook> {
        Rulebook::parse(&self.text()).ok()
    }
}

/// The parts of the grammar that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Use {
    /// Groups, conversions, once per person, caps and tiers.
    pub(super) together: bool,
    pub(super) versions: bool,
    /// Dates known only by their month or year.
    pub(super) months: bool,
}

pub(super) fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    format!("[{}]", words.join(", "))
}

fn day(base: NaiveDate, after: i64) -> NaiveDate {
    base.checked_add_days(Days::new(after.try_into().expect("a day after the first"))).expect("a date")
}

fn head(
    dice: &mut Dice,
    base: NaiveDate,
    (version, from, applies_by, retroactive): (usize, NaiveDate, &str, bool),
) -> Vec<Vec<String>> {
    let mut ranges = Vec::new();
    for _ in 0..dice.below(3) {
        let first = dice.between(0, 200);
        let last = first + dice.between(0, 14);
        ranges.push(format!("[\"{}\", \"{}\"]", day(base, first), day(base, last)));
    }
    let mut head = vec![
        "rulebook = 1".to_owned(),
        "contract = \"try\"".to_owned(),
        format!("version = \"{version}\""),
        "title = \"Random\"".to_owned(),
        format!("effective_from = {from}"),
        format!("applies_by = \"{applies_by}\""),
        format!("retroactive = {retroactive}"),
        "currency = \"GBP\"".to_owned(),
        "[calendar]".to_owned(),
        "zone = \"Europe/London\"".to_owned(),
        "working_days = \"england-and-wales\"".to_owned(),
        "financial_year = \"04-01\"".to_owned(),
    ];
    if !ranges.is_empty() {
        head.push(format!("[[calendar.pause]]\nname = \"p\"\nranges = [{}]", ranges.join(", ")));
    }
    vec![head]
}

/// One version of the rulebook.
pub(super) fn book(dice: &mut Dice, base: NaiveDate, uses: Use, of: (usize, NaiveDate, &str, bool)) -> Book {
    loop {
        let mut blocks = head(dice, base, of);
        let has_pause = blocks[0].iter().any(|line| line.contains("pause"));
        let outcomes = 1 + dice.below(if uses.together { 4 } else { 3 });
        for at in 0..outcomes {
            blocks.extend(outcome(dice, base, uses, (at, has_pause)));
        }
        if uses.together {
            for _ in 0..dice.below(3) {
                blocks.push(cap(dice, outcomes));
            }
        }
        let book = Book(blocks);
        if book.read().is_some_and(|rules| tiers_stand_alone(&rules)) {
            return book;
        }
    }
}

fn tiers_stand_alone(rules: &Rulebook) -> bool {
    rules.outcomes.iter().all(|outcome| {
        let has_tiers = outcome.tariffs.iter().any(|tariff| tariff.up_to.is_some());
        !has_tiers || !rules.outcomes.iter().any(|other| other.convert_from.as_ref() == Some(&outcome.code))
    })
}

/// A later version, with the same outcomes of which one differs, or with other outcomes.
pub(super) fn next_book(
    dice: &mut Dice,
    base: NaiveDate,
    uses: Use,
    before: &Book,
    of: (usize, NaiveDate, &str, bool),
) -> Book {
    if dice.percent(30) {
        return book(dice, base, uses, of);
    }
    loop {
        let mut blocks = before.0.clone();
        let (version, from, applies_by, retroactive) = of;
        for line in &mut blocks[0] {
            for (key, value) in [
                ("version", format!("\"{version}\"")),
                ("effective_from", from.to_string()),
                ("applies_by", format!("{applies_by:?}")),
                ("retroactive", retroactive.to_string()),
            ] {
                if line.starts_with(&format!("{key} =")) {
                    *line = format!("{key} = {value}");
                }
            }
        }
        let outcomes: Vec<usize> = (0..blocks.len()).filter(|at| blocks[*at][0] == "[[outcome]]").collect();
        let nth = dice.below(outcomes.len());
        let is_tariff = |block: &Vec<String>| block[0] == "[[outcome.tariff]]";
        let end = (outcomes[nth] + 1..blocks.len()).find(|at| !is_tariff(&blocks[*at])).unwrap_or(blocks.len());
        let has_pause = blocks[0].iter().any(|line| line.contains("pause"));
        let mut fresh = outcome(dice, base, uses, (nth, has_pause));
        if dice.percent(50) {
            // Only its prices or its evidence differ.
            fresh[0].clone_from(&blocks[outcomes[nth]]);
            fresh[0].retain(|line| !line.starts_with("evidence") || dice.percent(50));
            fresh[1..].iter_mut().for_each(|tariff| tariff.retain(|line| !line.starts_with("up_to")));
        }
        blocks.splice(outcomes[nth]..end, fresh);
        let book = Book(blocks);
        if book.read().is_some_and(|rules| tiers_stand_alone(&rules)) {
            return book;
        }
    }
}

fn outcome(dice: &mut Dice, base: NaiveDate, uses: Use, (at, has_pause): (usize, bool)) -> Vec<Vec<String>> {
    let mut lines = vec!["[[outcome]]".to_owned(), format!("code = \"o{at}\""), format!("title = \"O{at}\"")];
    if dice.percent(65) {
        lines.extend(of_spells(dice, has_pause));
    } else {
        lines.push(of_marks(dice));
        if dice.percent(40) {
            lines.push(format!("repeats = {}", dice.between(2, 3)));
        }
    }
    if dice.percent(40) {
        lines.push(evidence(dice));
    }
    if dice.percent(35) {
        lines.push(format!("hold_on_risk = {}", quoted(&dice.some(&RISKS))));
    }
    if dice.percent(20) {
        lines.push(format!("only_if = {}", condition(dice, 2)));
    }
    if dice.percent(40) {
        lines.push(claim(dice));
    }
    // The written rules do not say which place in a tier a claim has that gives way to another. So tiers are generated
    // alone.
    let has_tiers = uses.together && dice.percent(30);
    if uses.together && !has_tiers {
        lines.extend(among_others(dice, at));
    }
    let mut blocks = vec![lines];
    for _ in 0..(if dice.percent(90) { 1 + dice.below(3) } else { 0 }) {
        blocks.push(tariff(dice, base, has_tiers));
    }
    blocks
}

fn of_spells(dice: &mut Dice, has_pause: bool) -> Vec<String> {
    let domains = if dice.percent(70) { vec![DOMAINS[0]] } else { dice.some(&DOMAINS) };
    let attributes = match dice.below(5) {
        0 => ", where = { kind = [\"kept\", \"new\"] }",
        1 => ", where = { kind = [\"kept\"], size = [1, 2] }",
        _ => "",
    };
    let mut lines = vec![format!("trigger = {{ spell = {}{attributes} }}", quoted(&domains))];
    // The written rules do not say how often hours alone can repeat without a duration.
    let has_hours = dice.percent(40);
    if dice.percent(85) {
        lines.push(sustain(dice, has_pause));
    } else if dice.percent(40) && !has_hours {
        lines.push(format!("repeats = {}", dice.between(2, 3)));
    }
    if has_hours {
        lines.push(hours(dice));
    }
    lines
}

fn sustain(dice: &mut Dice, has_pause: bool) -> String {
    let mut days = dice.between(1, 45);
    let (mut length, mut gap_counts) = (format!("days = {days}"), dice.percent(50));
    if dice.percent(25) {
        length = format!("months = {}", dice.between(1, 3));
    } else if dice.percent(20) {
        days = 7 * dice.between(1, 6);
        length = format!("weeks = {}", days / 7);
    }
    let continuity = match dice.below(5) {
        0 => "\"none\"".to_owned(),
        1 | 2 => format!("\"max_gap\", gap_days = {}", dice.between(0, 9)),
        3 => "\"cumulative\"".to_owned(),
        _ if length.starts_with("months") => "\"cumulative\"".to_owned(),
        _ => {
            gap_counts = false;
            format!("\"n_in_window\", window_days = {}", days + dice.between(0, 25))
        }
    };
    let combine = dice.one(&["employers", "employers", "nothing"]);
    let pause = if has_pause && dice.percent(70) { ", pause = \"p\"" } else { "" };
    let repeats = if dice.percent(30) { format!(", repeats = {}", dice.between(2, 4)) } else { String::new() };
    format!(
        "sustain = {{ {length}, continuity = {continuity}, gap_counts = {gap_counts}, combine = \"{combine}\"{pause}{repeats} }}"
    )
}

fn hours(dice: &mut Dice) -> String {
    let basis = dice.one(&["average", "average", "at_start", "at_end", "every_week"]);
    let bounds = dice.one(&["at_least = 16", "below = 16", "at_least = 10, below = 20", "at_least = 12.5"]);
    let unknown = dice.one(&["hold", "lower"]);
    format!("hours = {{ basis = \"{basis}\", {bounds}, unknown = \"{unknown}\" }}")
}

fn of_marks(dice: &mut Dice) -> String {
    let fact = match dice.below(5) {
        0 => "achievement = [\"diploma\", \"badge\"]",
        1 => "achievement = [\"diploma\"], level = [\"2\", \"3\"]",
        2 => "plan = [\"php\"]",
        3 => dice.one(&["engagement = []", "engagement = [\"visit\"]"]),
        _ => "measure = { code = \"score\", at_least = 5 }",
    };
    format!("trigger = {{ {fact} }}")
}

fn evidence(dice: &mut Dice) -> String {
    let mut keys = Vec::new();
    let form = dice.below(4);
    if form != 1 {
        keys.push(format!("any_of = {}", quoted(&dice.some(&KINDS))));
    }
    if form == 1 || form == 2 {
        keys.push(format!("all_of = {}", quoted(&dice.some(&KINDS))));
    }
    if dice.percent(30) {
        keys.push("verified = true".to_owned());
    }
    if dice.percent(20) {
        keys.push("digest = \"required\"".to_owned());
    }
    if dice.percent(40) {
        keys.push(format!("dated_before_days = {}", dice.between(0, 60)));
    }
    if dice.percent(40) {
        keys.push(format!("dated_after_days = {}", dice.between(0, 60)));
    }
    format!("evidence = {{ {} }}", keys.join(", "))
}

fn condition(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 || dice.percent(40) {
        return dice
            .one(&[
                "{ fact = \"status\", in = [\"out\", \"ill\"] }",
                "{ fact = \"age\", in = [17, 18] }",
                "{ fact = \"area\", in = [\"north\"] }",
                "{ fact = \"cohort\", in = [\"one\"] }",
                "{ fact = \"referrer_kind\", in = [\"self\", \"gp\"] }",
                "{ fact = \"carer\", in = [true] }",
            ])
            .to_owned();
    }
    match dice.below(3) {
        0 => format!("{{ not = {} }}", condition(dice, depth - 1)),
        form => {
            let inner: Vec<String> = (0..=dice.below(2)).map(|_| condition(dice, depth - 1)).collect();
            format!("{{ {} = [{}] }}", if form == 1 { "all" } else { "any" }, inner.join(", "))
        }
    }
}

fn claim(dice: &mut Dice) -> String {
    let mut keys = Vec::new();
    if dice.percent(60) {
        keys.push(format!("after_working_days = {}", dice.between(0, 8)));
    }
    if dice.percent(60) {
        keys.push(format!("within_days = {}", dice.between(20, 70)));
    }
    if dice.percent(50) || keys.is_empty() {
        keys.push(format!("attempts = {}", dice.between(1, 3)));
    }
    format!("claim = {{ {} }}", keys.join(", "))
}

fn among_others(dice: &mut Dice, at: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if dice.percent(30) {
        lines.push("once_per = \"person\"".to_owned());
    }
    if dice.percent(50) {
        lines.push("group = \"g\"".to_owned());
        if dice.percent(30) {
            lines.push("when_capped = \"next\"".to_owned());
        }
    }
    if at > 0 && dice.percent(35) {
        lines.push(format!("convert = {{ from = \"o{}\" }}", dice.below(at)));
    }
    lines
}

fn tariff(dice: &mut Dice, base: NaiveDate, has_tiers: bool) -> Vec<String> {
    let amount = dice.one(&["100.00", "250.00", "333.33", "1000.00", "1500.00"]);
    let mut lines = vec!["[[outcome.tariff]]".to_owned(), format!("amount = \"{amount}\"")];
    if dice.percent(30) {
        lines.push(format!("area = \"{}\"", dice.one(&AREAS)));
    }
    if dice.percent(30) {
        lines.push(format!("cohort = \"{}\"", dice.one(&COHORTS)));
    }
    let from = dice.between(0, 200);
    if dice.percent(35) {
        lines.push(format!("from = {}", day(base, from)));
    }
    if dice.percent(20) {
        lines.push(format!("to = {}", day(base, from + dice.between(0, 90))));
    }
    if dice.percent(20) {
        lines.push(format!("multiplier = {}", dice.one(&["1.25", "0.333", "2"])));
    }
    if has_tiers && dice.percent(60) {
        lines.push(format!("up_to = {}", dice.between(1, 3)));
    }
    if dice.percent(10) {
        lines.push("round_unit_price = true".to_owned());
    }
    lines
}

fn cap(dice: &mut Dice, outcomes: usize) -> Vec<String> {
    let scope = dice.one(&["contract", "year", "person", "outcome"]);
    let amount = dice.one(&["100.00", "500.00", "1200.00", "2000.00", "4000.00"]);
    let mut lines = vec!["[[cap]]".to_owned(), format!("scope = \"{scope}\""), format!("amount = \"{amount}\"")];
    if dice.percent(60) {
        lines.push(format!("crossing = \"{}\"", dice.one(&["partial", "whole"])));
    }
    if dice.percent(50) {
        lines.push(format!("refill = {}", dice.percent(50)));
    }
    if dice.percent(30) {
        lines.push(format!("outcomes = [\"o{}\"]", dice.below(outcomes)));
    }
    lines
}
