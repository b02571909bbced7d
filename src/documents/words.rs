//! What a chart shows, in sentences, for those who do not see it.

use super::{ChartKind, Number, NumberUnit, Series};

/// The most series that are described one by one.
const SERIES_MAX: usize = 12;

/// A chart in words: the highest and the lowest value of each series, and the last one of a line.
pub(super) fn in_words(kind: ChartKind, categories: &[String], series: &[Series]) -> String {
    let mut sentences: Vec<String> =
        series.iter().take(SERIES_MAX).map(|one| of_series(kind, categories, one)).collect();
    if series.len() > SERIES_MAX {
        sentences.push(format!("Further series: {}.", series.len() - SERIES_MAX));
    }
    if series.iter().flat_map(|one| &one.values).any(Option::is_none) {
        sentences.push("Where there is no number, nothing is drawn.".to_owned());
    }
    sentences.join(" ")
}

fn of_series(kind: ChartKind, categories: &[String], series: &Series) -> String {
    let values: Vec<(&String, &Number)> = categories
        .iter()
        .zip(&series.values)
        .filter_map(|(category, value)| Some((category, value.as_ref()?)))
        .collect();
    // Of several equal values, the first is named.
    let highest = values.iter().rev().max_by_key(|(_, number)| number.value);
    let lowest = values.iter().min_by_key(|(_, number)| number.value);
    let (Some(highest), Some(lowest), Some(last)) = (highest, lowest, values.last()) else {
        return format!("{}: no numbers.", series.title);
    };
    let named = |(category, number): &(&String, &Number)| format!("{} ({category})", shown(number));
    let mut parts = vec![format!("highest {}", named(highest)), format!("lowest {}", named(lowest))];
    if kind == ChartKind::Lines {
        parts.push(format!("last {}", named(last)));
    }
    format!("{}: {}.", series.title, parts.join(", "))
}

fn shown(number: &Number) -> String {
    match number.unit {
        NumberUnit::Plain => number.value.to_string(),
        NumberUnit::Percent => format!("{} %", number.value),
        NumberUnit::Days => format!("{} days", number.value),
        NumberUnit::Money(currency) => currency.written(&number.value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(title: &str, values: &[Option<i64>]) -> Series {
        let number = |value: i64| Number { value: value.into(), unit: NumberUnit::Plain, is_of_few: false };
        Series { title: title.to_owned(), values: values.iter().map(|value| value.map(number)).collect() }
    }

    #[test]
    fn the_highest_the_lowest_and_the_last_value_are_named_with_their_categories() {
        let months = ["2018-01", "2018-02", "2018-03"].map(str::to_owned);
        let referrals = series("Referrals", &[Some(55), Some(20), Some(55)]);
        assert_eq!(
            in_words(ChartKind::Lines, &months, std::slice::from_ref(&referrals)),
            "Referrals: highest 55 (2018-01), lowest 20 (2018-02), last 55 (2018-03)."
        );
        assert_eq!(
            in_words(ChartKind::Bars, &months, &[referrals, series("Homes", &[None, None, None])]),
            "Referrals: highest 55 (2018-01), lowest 20 (2018-02). Homes: no numbers. \
             Where there is no number, nothing is drawn."
        );
    }
}
