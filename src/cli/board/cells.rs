//! Figures as cells of tables: rounded half-up once, and in words where there is no value.

use throughline_domain::performance::comparison::{Arrow, Beside, Met};
use throughline_domain::performance::figure::{Figure, State};
use throughline_domain::performance::fraction::OutOfRange;
use throughline_domain::performance::measure::{Measure, Unit};

/// A figure of a measure. Without a value it is blank, or says why.
pub(super) fn figure(figure: &Figure, of: &Measure) -> Result<String, OutOfRange> {
    let number = match of.unit {
        Unit::Percent => figure.percent(of.places)?.map(|percent| format!("{percent} %")),
        Unit::Money(currency) => figure.rounded(of.places)?.map(|number| currency.written(&number.to_string())),
        _ => figure.rounded(of.places)?.map(|number| number.to_string()),
    };
    Ok(number.unwrap_or_else(|| without_value(figure.state()).to_owned()))
}

/// What a figure is compared with, and the figure in percent of it. Anything on 0 is blank, and so is 0 on 0.
pub(super) fn beside(beside: &Beside, of: &Measure) -> Result<[String; 2], OutOfRange> {
    let percent = beside.ratio.percent(0)?.map(|percent| percent.to_string());
    Ok([figure(&beside.base, of)?, percent.unwrap_or_default()])
}

/// The word for a trend.
pub(super) fn trend(arrow: Arrow) -> String {
    if arrow == Arrow::None { String::new() } else { arrow.as_str().to_owned() }
}

/// Whether a target is met.
pub(super) fn met(met: Met) -> String {
    let word = match met {
        Met::Met => "yes",
        Met::NotMet => "no",
        Met::Unknown(_) => "",
    };
    word.to_owned()
}

const fn without_value(state: State) -> &'static str {
    match state {
        State::NoData => "no data",
        State::Suppressed => "hidden",
        State::NotApplicable | State::Value | State::Provisional => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::performance::measure::{Basis, Formula};

    fn measure(unit: Unit) -> Measure {
        Measure {
            code: "on_time".to_owned(),
            title: "On time".to_owned(),
            prose: String::new(),
            unit,
            places: 0,
            formula: Formula::Ratio {
                of: "in_time".to_owned(),
                over: "due".to_owned(),
                basis: Basis::Period,
                percent: unit == Unit::Percent,
            },
            version: None,
        }
    }

    #[test]
    fn no_data_and_nothing_to_say_are_not_0() {
        let shown = |of: Figure| figure(&of, &measure(Unit::Cases)).expect("in range");
        assert_eq!(shown(Figure::no_data()), "no data");
        assert_eq!(shown(Figure::not_applicable()), "");
        assert_eq!(shown(Figure::count(0)), "0");
        assert_eq!(shown(Figure::count(7).provisional()), "7");
    }

    #[test]
    fn a_share_is_shown_in_percent_and_nothing_on_nothing_is_blank() {
        let share = Figure::share(5, 8).expect("in range");
        assert_eq!(figure(&share, &measure(Unit::Percent)), Ok("63 %".to_owned()));
        let of_cases = |now: u64, base: u64| {
            let compared = Beside::of(&Figure::count(now), Figure::count(base)).expect("in range");
            beside(&compared, &measure(Unit::Cases)).expect("in range")
        };
        assert_eq!(of_cases(32, 42), ["42", "76"]);
        assert_eq!(of_cases(0, 0), ["0", ""]);
    }
}
