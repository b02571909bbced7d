//! Figures: the measured values of each round, what they are compared with, and whether they are within their limit.
//!
//! This module does not measure or print anything.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::store::Dialect;

/// One measured figure.
#[derive(Debug, Clone)]
pub struct Figure {
    /// The name of the figure.
    pub name: &'static str,
    /// The store, if the measurement uses one.
    pub store: Option<Dialect>,
    /// The size of the data.
    pub size: Size,
    /// The unit of the values.
    pub unit: &'static str,
    /// The value of each round, in order.
    pub rounds: Vec<f64>,
    /// The measurement that it is compared with, from the same rounds.
    pub against: Option<Against>,
    /// The limit.
    pub limit: Option<Limit>,
    /// Further values by name, such as the number of samples.
    pub beside: Vec<(&'static str, f64)>,
}

/// The size of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// The number of journeys.
    pub journeys: u64,
    /// The number of events in the log or the file.
    pub events: u64,
}

/// Another measurement from the same rounds.
#[derive(Debug, Clone)]
pub struct Against {
    /// Its name.
    pub name: &'static str,
    /// The value of each round.
    pub rounds: Vec<f64>,
}

/// The limit of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    of: LimitOf,
    bound: f64,
    /// A better value to aim for.
    aim: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LimitOf {
    RatioAtLeast,
    RatioAtMost,
    ValueAtMost,
}

/// The result of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Within the limit, and the aim is reached.
    AimReached,
    /// Within the limit.
    Kept,
    /// Beyond the limit.
    Missed,
}

impl Verdict {
    /// The verdict in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AimReached => "kept, aim reached",
            Self::Kept => "kept",
            Self::Missed => "missed",
        }
    }
}

impl Limit {
    /// At least this many times the compared value.
    pub const fn at_least_times(bound: f64) -> Self {
        Self { of: LimitOf::RatioAtLeast, bound, aim: None }
    }

    /// At most this many times the compared value.
    pub const fn at_most_times(bound: f64) -> Self {
        Self { of: LimitOf::RatioAtMost, bound, aim: None }
    }

    /// At most this value.
    pub const fn at_most(bound: f64) -> Self {
        Self { of: LimitOf::ValueAtMost, bound, aim: None }
    }

    /// The same, with an aim.
    #[must_use]
    pub const fn aiming_at(self, aim: f64) -> Self {
        Self { aim: Some(aim), ..self }
    }

    /// The limit as text, such as `≤ 2.5 ×`.
    pub fn words(&self) -> String {
        let Self { of, bound, aim } = self;
        let (sign, times) = match of {
            LimitOf::RatioAtLeast => ('≥', " ×"),
            LimitOf::RatioAtMost => ('≤', " ×"),
            LimitOf::ValueAtMost => ('≤', ""),
        };
        let aim = aim.map(|aim| format!(", aim {aim}")).unwrap_or_default();
        format!("{sign} {bound}{times}{aim}")
    }

    fn json(&self) -> Value {
        let (of, sense) = match self.of {
            LimitOf::RatioAtLeast => ("ratio", "at_least"),
            LimitOf::RatioAtMost => ("ratio", "at_most"),
            LimitOf::ValueAtMost => ("ours", "at_most"),
        };
        json!({ "of": of, sense: self.bound, "aim": self.aim })
    }
}

impl Figure {
    /// A figure with the values of its rounds.
    pub const fn new(name: &'static str, unit: &'static str, size: Size, rounds: Vec<f64>) -> Self {
        Self { name, store: None, size, unit, rounds, against: None, limit: None, beside: Vec::new() }
    }

    /// The same, measured on a store.
    #[must_use]
    pub fn on(self, store: Dialect) -> Self {
        Self { store: Some(store), ..self }
    }

    /// The same, compared with another measurement from the same rounds.
    #[must_use]
    pub fn against(self, name: &'static str, rounds: &[f64]) -> Self {
        Self { against: Some(Against { name, rounds: rounds.to_vec() }), ..self }
    }

    /// The same with a limit, if there is one.
    #[must_use]
    pub fn within(self, limit: impl Into<Option<Limit>>) -> Self {
        Self { limit: limit.into(), ..self }
    }

    /// The same with a further value.
    #[must_use]
    pub fn beside(mut self, name: &'static str, value: f64) -> Self {
        self.beside.push((name, value));
        self
    }

    /// The median of its rounds.
    pub fn ours(&self) -> f64 {
        median(&self.rounds)
    }

    /// The ratio to the compared value: taken within each round, then the median.
    pub fn ratio(&self) -> Option<f64> {
        let against = self.against.as_ref()?;
        let ratios: Vec<f64> = self.rounds.iter().zip(&against.rounds).map(|(ours, theirs)| ours / theirs).collect();
        Some(median(&ratios))
    }

    /// The result of its limit, if it has one.
    pub fn verdict(&self) -> Option<Verdict> {
        let Limit { of, bound, aim } = self.limit?;
        let is_within = |bound: f64| match of {
            LimitOf::RatioAtLeast => self.ratio().is_some_and(|ratio| ratio >= bound),
            LimitOf::RatioAtMost => self.ratio().is_some_and(|ratio| ratio <= bound),
            LimitOf::ValueAtMost => self.ours() <= bound,
        };
        Some(match (is_within(bound), aim.is_some_and(is_within)) {
            (false, _) => Verdict::Missed,
            (true, false) => Verdict::Kept,
            (true, true) => Verdict::AimReached,
        })
    }

    /// The figure as one JSON object.
    pub fn json(&self) -> Value {
        let against = self.against.as_ref().map(|other| {
            json!({ "figure": other.name, "value": short(median(&other.rounds)), "rounds": all_short(&other.rounds) })
        });
        let beside: Map<String, Value> =
            self.beside.iter().map(|(name, value)| ((*name).to_owned(), short(*value))).collect();
        json!({
            "figure": self.name, "store": self.store.map(name_of), "journeys": self.size.journeys,
            "events": self.size.events, "unit": self.unit, "ours": short(self.ours()), "rounds": all_short(&self.rounds),
            "against": against, "ratio": self.ratio().map(short), "limit": self.limit.as_ref().map(Limit::json),
            "kept": self.verdict().map(|verdict| verdict != Verdict::Missed), "beside": beside,
        })
    }
}

/// The usual name of a store.
pub const fn name_of(store: Dialect) -> &'static str {
    match store {
        Dialect::Sqlite => "SQLite",
        Dialect::Postgres => "Postgres",
    }
}

/// The rate per second.
pub fn rate(of: u64, took: Duration) -> f64 {
    number(of) / took.as_secs_f64()
}

/// A count as a floating-point number.
pub fn number(of: u64) -> f64 {
    f64::from(u32::try_from(of).expect("counts are below four thousand million"))
}

/// A number with its significant digits only.
pub fn shown(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

fn short(value: f64) -> Value {
    json!((value * 1_000.0).round() / 1_000.0)
}

fn all_short(values: &[f64]) -> Vec<Value> {
    values.iter().copied().map(short).collect()
}

/// The middle number, or the mean of the two in the middle.
pub fn median(of: &[f64]) -> f64 {
    let sorted = sorted(of);
    let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
    f64::midpoint(low, high)
}

/// The smallest number that at least this many in a hundred do not exceed.
pub fn percentile(of: &[f64], hundredths: usize) -> f64 {
    let sorted = sorted(of);
    let rank = (sorted.len() * hundredths).div_ceil(100).max(1);
    sorted[rank - 1]
}

fn sorted(of: &[f64]) -> Vec<f64> {
    assert!(!of.is_empty(), "there is at least one value");
    let mut sorted = of.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { journeys: 40, events: 1_000 };

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert_eq!(shown(median(&[9.0, 1.0, 5.0])), "5.00");
        assert_eq!(shown(median(&[9.0, 1.0, 5.0, 6.0])), "5.50");
        assert_eq!(shown(median(&[7.0])), "7.00");
    }

    #[test]
    fn a_percentile_is_one_of_the_samples() {
        let samples: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(shown(percentile(&samples, 99)), "198");
        assert_eq!(shown(percentile(&samples, 50)), "100");
        assert_eq!(shown(percentile(&samples[..1], 99)), "200");
        // For ten samples, the 99th percentile is the slowest.
        assert_eq!(shown(percentile(&samples[190..], 99)), "10.0");
    }

    #[test]
    fn a_ratio_is_taken_within_each_round() {
        let figure = Figure::new("rebuild", "s", SIZE, vec![2.0, 40.0, 3.0]).against("scan", &[1.0, 10.0, 2.0]);
        assert_eq!(figure.ratio().map(shown), Some("2.00".to_owned()));
    }

    #[test]
    fn a_figure_beyond_its_limit_is_missed() {
        let figure = |ours: f64| Figure::new("x", "s", SIZE, vec![ours]).against("y", &[1.0]);
        let at_most = Limit::at_most_times(2.5).aiming_at(1.5);
        let verdict = |ours, limit| figure(ours).within(limit).verdict();
        assert_eq!(verdict(2.6, at_most), Some(Verdict::Missed));
        assert_eq!(verdict(2.5, at_most), Some(Verdict::Kept));
        assert_eq!(verdict(1.5, at_most), Some(Verdict::AimReached));
        assert_eq!(verdict(0.4, Limit::at_least_times(0.5)), Some(Verdict::Missed));
        assert_eq!(verdict(0.6, Limit::at_least_times(0.5)), Some(Verdict::Kept));
        assert_eq!(verdict(2.1, Limit::at_most(2.0)), Some(Verdict::Missed));
        assert_eq!(figure(1.0).verdict(), None);
    }

    #[test]
    fn a_figure_is_one_object_with_its_limit_in_parts() {
        let figure = Figure::new("start to ready", "s", SIZE, vec![1.25]).on(Dialect::Sqlite);
        let json = figure.within(Limit::at_most(2.0)).beside("samples", 3.0).json();
        assert_eq!(json["limit"], json!({ "of": "ours", "at_most": 2.0, "aim": null }));
        assert_eq!((&json["ours"], &json["kept"], &json["ratio"]), (&json!(1.25), &json!(true), &Value::Null));
        assert_eq!((&json["store"], &json["beside"]["samples"]), (&json!("SQLite"), &json!(3.0)));
    }
}
