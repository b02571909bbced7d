//! Figures as cells: rounded half up once, and with the reason where there is no number.

use rust_decimal::Decimal;

use super::super::{Cell, Missing, Number, NumberUnit};
use throughline_domain::performance::comparison::{Arrow, Beside, Met};
use throughline_domain::performance::figure::{Figure, State};
use throughline_domain::performance::fraction::OutOfRange;
use throughline_domain::performance::measure::{Measure, Unit};
use throughline_domain::performance::small_counts::{is_few, is_of_few};

/// The cell of a figure.
pub(super) fn figure(figure: &Figure, of: &Measure) -> Result<Cell, OutOfRange> {
    let number = if of.unit == Unit::Percent { figure.percent(of.places)? } else { figure.rounded(of.places)? };
    let number = number.map(|value| Number { value, unit: unit(of), is_of_few: is_of_few(figure, of) });
    Ok(number.map_or(Cell::Missing(missing(figure.state())), Cell::Number))
}

/// The cell of a target. It is published and counts no people, so it is never of few.
pub(super) fn target(target: &Figure, of: &Measure) -> Result<Cell, OutOfRange> {
    Ok(match figure(target, of)? {
        Cell::Number(number) => Cell::Number(Number { is_of_few: false, ..number }),
        other => other,
    })
}

/// What a figure is compared with, and the figure in percent of it. Anything on 0 has no percentage, and so has 0 on 0.
pub(super) fn beside(now: &Figure, beside: &Beside, of: &Measure) -> Result<[Cell; 2], OutOfRange> {
    Ok([figure(&beside.base, of)?, percent(beside, &[now, &beside.base], of)?])
}

/// The same for a target: only the figure counts people.
pub(super) fn beside_target(now: &Figure, beside: &Beside, of: &Measure) -> Result<[Cell; 2], OutOfRange> {
    Ok([target(&beside.base, of)?, percent(beside, &[now], of)?])
}

/// A figure in percent of another. It is of few if one of the figures that count people is.
fn percent(beside: &Beside, people: &[&Figure], of: &Measure) -> Result<Cell, OutOfRange> {
    let is_of_few = people.iter().any(|figure| is_of_few(figure, of));
    let percent = beside.ratio.percent(0)?.map(|value| Number { value, unit: NumberUnit::Percent, is_of_few });
    Ok(percent.map_or(Cell::Missing(missing(beside.ratio.state())), Cell::Number))
}

/// Whether a target is met.
pub(super) fn met(met: Met) -> Cell {
    match met {
        Met::Met => words("met"),
        Met::NotMet => words("not met"),
        Met::Unknown(state) => Cell::Missing(missing(state)),
    }
}

/// The word for a trend.
pub(super) fn trend(arrow: Arrow) -> Cell {
    if arrow == Arrow::None { Cell::Missing(Missing::NotApplicable) } else { words(arrow.as_str()) }
}

/// A number of cases.
pub(super) fn cases(count: u64) -> Cell {
    let is_of_few = is_few(count.into());
    Cell::Number(Number { value: count.into(), unit: NumberUnit::Plain, is_of_few })
}

/// The same, or that it is not known because the area does not supply the facts.
pub(super) fn cases_if_known(count: Option<u64>) -> Cell {
    count.map_or(Cell::Missing(Missing::NoData), cases)
}

/// A number of days of some cases, as shown.
pub(super) fn days(value: Option<Decimal>, cases: u64) -> Cell {
    let number = value.map(|value| Number { value, unit: NumberUnit::Days, is_of_few: is_few(cases.into()) });
    number.map_or(Cell::Missing(Missing::NotApplicable), Cell::Number)
}

/// A level in percent, as published.
pub(super) fn level(percent: Option<Decimal>) -> Cell {
    let number = percent.map(|value| Number { value, unit: NumberUnit::Percent, is_of_few: false });
    number.map_or(Cell::Missing(Missing::NotApplicable), Cell::Number)
}

pub(super) fn words(words: &str) -> Cell {
    Cell::Words(words.to_owned())
}

/// How the values of a measure are written.
pub(super) fn unit(of: &Measure) -> NumberUnit {
    match of.unit {
        Unit::Percent => NumberUnit::Percent,
        Unit::Days => NumberUnit::Days,
        Unit::Money(currency) => NumberUnit::Money(currency),
        _ => NumberUnit::Plain,
    }
}

fn missing(state: State) -> Missing {
    match state {
        State::NoData => Missing::NoData,
        State::Suppressed => Missing::Suppressed,
        State::NotApplicable | State::Value | State::Provisional => Missing::NotApplicable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::performance::measure::{ContractValues, FactKind, Facts, Formula, TakeOfContract};

    fn measure(unit: Unit, formula: Formula) -> Measure {
        let (code, title, prose) = ("one".to_owned(), "One".to_owned(), String::new());
        Measure { code, title, prose, unit, places: 0, formula, version: None }
    }

    fn contacts() -> Measure {
        measure(Unit::Contacts, Formula::Count(Facts::all(FactKind::FaceToFace)))
    }

    fn number(value: i64, unit: NumberUnit, is_of_few: bool) -> Cell {
        Cell::Number(Number { value: value.into(), unit, is_of_few })
    }

    #[test]
    fn a_figure_without_a_value_says_why_and_is_never_0() {
        let shown = |of: Figure| figure(&of, &measure(Unit::Cases, Formula::Caseload)).expect("in range");
        assert_eq!(shown(Figure::no_data()), Cell::Missing(Missing::NoData));
        assert_eq!(shown(Figure::not_applicable()), Cell::Missing(Missing::NotApplicable));
        assert_eq!(shown(Figure::count(0)), number(0, NumberUnit::Plain, false));
    }

    #[test]
    fn one_to_four_of_anything_counted_are_few() {
        let of_cases: Vec<Cell> = [1, 4, 5].map(cases).into();
        assert_eq!(of_cases, [(1, true), (4, true), (5, false)].map(|(n, few)| number(n, NumberUnit::Plain, few)));
        let amount = |count: u64| figure(&Figure::amount(count.into()), &contacts()).expect("in range");
        assert_eq!(amount(4), number(4, NumberUnit::Plain, true), "four contacts are with four people at most");
        let spend = ContractValues { code: "spend".to_owned(), take: TakeOfContract::Sum };
        let spend = measure(Unit::Amount, Formula::OfContract(spend));
        assert_eq!(figure(&Figure::amount(4.into()), &spend), Ok(number(4, NumberUnit::Plain, false)));
    }

    #[test]
    fn nothing_on_nothing_is_blank_and_a_percentage_of_few_is_of_few() {
        let of = measure(Unit::Cases, Formula::Count(Facts::all(FactKind::Exits)));
        let compared = |now: u64, base: u64| {
            let (now, base) = (Figure::count(now), Figure::amount(base.into()));
            beside(&now, &Beside::of(&now, base).expect("in range"), &of).expect("in range")
        };
        assert_eq!(compared(0, 0)[1], Cell::Missing(Missing::NotApplicable));
        assert_eq!(compared(5, 8)[1], number(63, NumberUnit::Percent, false), "5 of 8, rounded half up once");
        assert_eq!(compared(4, 8)[1], number(50, NumberUnit::Percent, true));
    }

    #[test]
    fn a_target_under_five_counts_no_people_and_only_the_figure_decides() {
        let of = measure(Unit::Cases, Formula::Count(Facts::all(FactKind::Exits)));
        let aimed = |now: u64, target: u64| {
            let (now, target) = (Figure::count(now), Figure::amount(target.into()));
            beside_target(&now, &Beside::of(&now, target).expect("in range"), &of).expect("in range")
        };
        let expected = |percent: i64, is_of_few| {
            [number(4, NumberUnit::Plain, false), number(percent, NumberUnit::Percent, is_of_few)]
        };
        assert_eq!(aimed(6, 4), expected(150, false));
        assert_eq!(aimed(3, 4), expected(75, true));
    }
}
