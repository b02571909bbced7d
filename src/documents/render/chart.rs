//! Charts as inline SVG: bars and lines.
//!
//! Series differ by pattern, dashes and the shape of their points, never by colour alone. Where something stands is
//! computed from the shown numbers; what is written is the shown number itself. The axis of values always has 0 on it.

use super::markup::Markup;
use super::wording;
use crate::documents::{Chart, ChartKind, Number, NumberUnit, Series};

/// The width of a chart, in its own units. The page scales it.
const WIDTH: f64 = 720.0;
/// What a letter takes, about.
const LETTER: f64 = 7.5;
/// The height of a line of text.
const LINE: f64 = 22.0;
/// How many series differ by their looks. Further ones repeat them, shifted, so that no two of sixteen look the same.
const LOOKS: usize = 4;
const BAR: f64 = 18.0;
/// The height of the drawing of lines, without its legend and labels.
const HEIGHT: f64 = 240.0;
/// The most letters of a label.
const LABEL_MAX: usize = 32;

/// Draws a chart. The id is unique in the page.
pub(super) fn draw(markup: &mut Markup, chart: &Chart, id: &str) {
    let drawing = Drawing::of(chart, id);
    let height = match chart.kind {
        ChartKind::Bars => drawing.top + drawing.bars_height() + LINE,
        ChartKind::Lines => drawing.top + HEIGHT + 2.0 * LINE,
    };
    let view_box = format!("0 0 {} {}", units(WIDTH), units(height));
    let (title, description) = (format!("{id}-title"), format!("{id}-description"));
    let labelled_by = format!("{title} {description}");
    let attributes = [("viewBox", view_box.as_str()), ("role", "img"), ("aria-labelledby", labelled_by.as_str())];
    markup.element("svg", &attributes, |svg| {
        svg.words("title", &[("id", &title)], &chart.title);
        svg.words("desc", &[("id", &description)], &chart.in_words);
        drawing.patterns(svg);
        drawing.legend(svg);
        match chart.kind {
            ChartKind::Bars => drawing.bars(svg),
            ChartKind::Lines => drawing.lines(svg),
        }
    });
}

/// A chart with the places of its parts.
struct Drawing<'a> {
    chart: &'a Chart,
    id: &'a str,
    scale: Scale,
    /// Where the legend ends and the axes begin.
    top: f64,
    /// Where the axis of categories begins: right of the labels.
    left: f64,
    right: f64,
}

/// A point of a chart.
#[derive(Clone, Copy)]
struct Point {
    x: f64,
    y: f64,
}

impl<'a> Drawing<'a> {
    fn of(chart: &'a Chart, id: &'a str) -> Self {
        let values = chart.series.iter().flat_map(|series| &series.values).flatten();
        let scale = Scale::of(values.filter_map(|number| wording::float(number.value)));
        let labels: Vec<String> = match chart.kind {
            ChartKind::Bars => chart.categories.iter().map(|category| label(category)).collect(),
            ChartKind::Lines => scale.ticks().map(|tick| scale.label(tick, unit_of(chart))).collect(),
        };
        let left = labels.iter().map(|label| width_of(label)).fold(0.0, f64::max) + 14.0;
        let beyond: Vec<String> = match chart.kind {
            ChartKind::Bars => chart.series.iter().flat_map(|series| &series.values).map(|at| shown(*at)).collect(),
            // Half of a label of a category, which stands below the middle of its point.
            ChartKind::Lines => chart.categories.iter().map(|category| halved(&label(category))).collect(),
        };
        let right = WIDTH - 10.0 - beyond.iter().map(|text| width_of(text)).fold(0.0, f64::max);
        let mut drawing = Self { chart, id, scale, top: 8.0, left, right };
        drawing.top = drawing.legend_places().last().map_or(8.0, |place| place.y + LINE);
        drawing
    }

    /// Patterns that fill the bars of all series but the first of each four.
    fn patterns(&self, svg: &mut Markup) {
        if self.chart.kind == ChartKind::Lines {
            return;
        }
        svg.element("defs", &[], |defs| {
            for at in 0..self.chart.series.len() {
                let id = self.pattern(at);
                let attributes =
                    [("id", id.as_str()), ("width", "8"), ("height", "8"), ("patternUnits", "userSpaceOnUse")];
                defs.element("pattern", &attributes, |pattern| {
                    let colour = format!("colour-{}", colour(at));
                    pattern.empty("rect", &[("class", &colour), ("width", "8"), ("height", "8")]);
                    match look(at) {
                        1 => pattern.empty("path", &[("class", "hatch"), ("d", "M-1 1l2-2M0 8l8-8M7 9l2-2")]),
                        2 => pattern.empty("circle", &[("class", "dot"), ("cx", "4"), ("cy", "4"), ("r", "2")]),
                        3 => pattern.empty("path", &[("class", "hatch"), ("d", "M0 4h8")]),
                        _ => {}
                    }
                });
            }
        });
    }

    fn pattern(&self, series: usize) -> String {
        format!("{}-pattern-{}", self.id, series + 1)
    }

    /// Where each series stands in the legend. A single series needs none: the title says what it is.
    fn legend_places(&self) -> Vec<Point> {
        let mut at = Point { x: 0.0, y: 8.0 };
        let mut places = Vec::new();
        for series in self.chart.series.iter().filter(|_| self.chart.series.len() > 1) {
            let width = width_of(&label(&series.title)) + 44.0;
            if at.x > 0.0 && at.x + width > WIDTH {
                at = Point { x: 0.0, y: at.y + LINE };
            }
            places.push(at);
            at.x += width;
        }
        places
    }

    fn legend(&self, svg: &mut Markup) {
        for (at, (series, place)) in self.chart.series.iter().zip(self.legend_places()).enumerate() {
            match self.chart.kind {
                ChartKind::Bars => self.bar(svg, at, &Rect { x: place.x, y: place.y, width: 24.0, height: 14.0 }),
                ChartKind::Lines => {
                    let y = place.y + 7.0;
                    line(svg, at, &format!("M{} {}h24", units(place.x), units(y)));
                    point(svg, at, Point { x: place.x + 12.0, y });
                }
            }
            words(svg, Anchor::Start, Point { x: place.x + 30.0, y: place.y + 12.0 }, &label(&series.title));
        }
    }

    fn bars_height(&self) -> f64 {
        real(self.chart.categories.len()) * self.group_height()
    }

    fn group_height(&self) -> f64 {
        real(self.chart.series.len().max(1)) * (BAR + 2.0) + 10.0
    }

    /// Where a value stands on the axis that runs from left to right.
    fn across(&self, value: f64) -> f64 {
        self.left + self.scale.share(value) * (self.right - self.left)
    }

    /// Where a value stands on the axis that runs from the bottom to the top.
    fn up(&self, value: f64) -> f64 {
        self.top + (1.0 - self.scale.share(value)) * HEIGHT
    }

    /// A group of bars for each category, from the top to the bottom, each with its number.
    fn bars(&self, svg: &mut Markup) {
        for (at, category) in self.chart.categories.iter().enumerate() {
            let top = self.top + real(at) * self.group_height();
            let middle = top + (self.group_height() - 10.0) / 2.0 + 5.0;
            words(svg, Anchor::End, Point { x: self.left - 8.0, y: middle }, &label(category));
            for (nth, series) in self.chart.series.iter().enumerate() {
                let y = top + real(nth) * (BAR + 2.0);
                let number = series.values.get(at).copied().flatten();
                let value = number.and_then(|number| wording::float(number.value)).unwrap_or(0.0);
                let (from, to) = (self.across(value.min(0.0)), self.across(value.max(0.0)));
                if number.is_some() {
                    self.bar(svg, nth, &Rect { x: from, y, width: to - from, height: BAR });
                }
                words(svg, Anchor::Start, Point { x: to + 5.0, y: y + BAR - 4.0 }, &shown(number));
            }
        }
        let (zero, bottom) = (self.across(0.0), self.top + self.bars_height());
        let path = format!("M{} {}V{}", units(zero), units(self.top - 4.0), units(bottom));
        svg.empty("path", &[("class", "axis"), ("d", &path)]);
    }

    fn bar(&self, svg: &mut Markup, series: usize, rect: &Rect) {
        let fill = format!("url(#{})", self.pattern(series));
        svg.empty(
            "rect",
            &[
                ("class", "bar"),
                ("fill", &fill),
                ("x", &units(rect.x)),
                ("y", &units(rect.y)),
                ("width", &units(rect.width)),
                ("height", &units(rect.height)),
            ],
        );
    }

    /// A line for each series, broken where there is no value, over lines of the axis.
    fn lines(&self, svg: &mut Markup) {
        for tick in self.scale.ticks() {
            let y = self.up(tick);
            let class = if tick == 0.0 { "axis" } else { "grid" };
            let path = format!("M{} {}H{}", units(self.left), units(y), units(self.right));
            svg.empty("path", &[("class", class), ("d", &path)]);
            let text = self.scale.label(tick, unit_of(self.chart));
            words(svg, Anchor::End, Point { x: self.left - 8.0, y: y + 5.0 }, &text);
        }
        let categories = self.chart.categories.iter().enumerate();
        for (at, category) in categories.step_by(self.categories_a_label()) {
            let place = Point { x: self.along(at), y: self.top + HEIGHT + LINE };
            words(svg, Anchor::Middle, place, &label(category));
        }
        for (nth, series) in self.chart.series.iter().enumerate() {
            let points = self.points(series);
            line(svg, nth, &path_of(&points));
            for at in points.iter().flatten() {
                point(svg, nth, *at);
            }
            if self.chart.series.len() == 1 && self.categories_a_label() == 1 {
                for (at, number) in points.iter().zip(&series.values) {
                    if let (Some(at), Some(_)) = (at, number) {
                        words(svg, Anchor::Middle, Point { x: at.x, y: at.y - 9.0 }, &shown(*number));
                    }
                }
            }
        }
    }

    /// The point of each category. None where there is no value.
    fn points(&self, series: &Series) -> Vec<Option<Point>> {
        let value = |at: usize| wording::float(series.values.get(at).copied().flatten()?.value);
        let point = |at| value(at).map(|value| Point { x: self.along(at), y: self.up(value) });
        (0..self.chart.categories.len()).map(point).collect()
    }

    /// Where a category stands, from left to right.
    fn along(&self, category: usize) -> f64 {
        let step = (self.right - self.left) / real(self.chart.categories.len().max(1));
        self.left + (real(category) + 0.5) * step
    }

    /// Every how many categories one is labelled, so that labels do not run into each other.
    fn categories_a_label(&self) -> usize {
        let widest = self.chart.categories.iter().map(|category| width_of(&label(category))).fold(1.0, f64::max);
        let all = self.chart.categories.len();
        (1..all)
            .find(|every| real(*every) * (self.right - self.left) >= (widest + 8.0) * real(all))
            .unwrap_or(all.max(1))
    }
}

struct Rect {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// The axis of values: from a round number to a round number, in round steps.
struct Scale {
    low: f64,
    high: f64,
    step: f64,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values.fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let high = if low < high { high } else { 1.0 };
        let step = round_step((high - low) / 5.0);
        Self { low: (low / step).floor() * step, high: (high / step).ceil() * step, step }
    }

    /// How far a value is along the axis: 0 at its beginning, 1 at its end.
    fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let (step, last) = (self.step, (self.high / self.step).round());
        let steps = std::iter::successors(Some((self.low / step).round()), |at| Some(at + 1.0));
        steps.take_while(move |at| *at <= last).map(move |at| at * step)
    }

    fn label(&self, tick: f64, unit: NumberUnit) -> String {
        let mut places = 0_usize;
        let mut unit_of_place = 1.0;
        while self.step < unit_of_place {
            unit_of_place /= 10.0;
            places += 1;
        }
        let digits = wording::in_thousands(&format!("{tick:.places$}"));
        match unit {
            NumberUnit::Percent => format!("{digits} %"),
            NumberUnit::Money(currency) => currency.written(&digits),
            NumberUnit::Plain | NumberUnit::Days => digits,
        }
    }
}

/// The smallest of 1, 2, 5, 10, 20, … that is at least this much.
fn round_step(least: f64) -> f64 {
    let mut power = 1.0;
    while power * 10.0 <= least {
        power *= 10.0;
    }
    while power > least {
        power /= 10.0;
    }
    [1.0, 2.0, 5.0].into_iter().map(|digit| digit * power).find(|step| *step >= least).unwrap_or(power * 10.0)
}

/// The unit of the axis: that of the first number.
fn unit_of(chart: &Chart) -> NumberUnit {
    let mut numbers = chart.series.iter().flat_map(|series| &series.values).flatten();
    numbers.next().map_or(NumberUnit::Plain, |number| number.unit)
}

fn shown(number: Option<Number>) -> String {
    number.map_or_else(|| "no value".to_owned(), |number| wording::number(&number))
}

/// A path through points, broken where one is missing.
fn path_of(points: &[Option<Point>]) -> String {
    let mut is_drawing = false;
    let steps = points.iter().map(|point| {
        let step = if is_drawing { 'L' } else { 'M' };
        is_drawing = point.is_some();
        point.map_or_else(String::new, |Point { x, y }| format!("{step}{} {}", units(x), units(y)))
    });
    steps.collect()
}

fn line(svg: &mut Markup, series: usize, path: &str) {
    if !path.is_empty() {
        let class = format!("line stroke-{} dash-{}", colour(series), look(series));
        svg.empty("path", &[("class", &class), ("d", path)]);
    }
}

/// A point: a disc, a square, a triangle or a diamond.
fn point(svg: &mut Markup, series: usize, at: Point) {
    let shape = match look(series) {
        0 => "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
        1 => "m-4-4h8v8h-8z",
        2 => "m0-5l5 9h-10z",
        _ => "m0-6l6 6l-6 6l-6-6z",
    };
    let path = format!("M{} {}{shape}", units(at.x), units(at.y));
    svg.empty("path", &[("class", &format!("colour-{}", colour(series))), ("d", &path)]);
}

/// Which part of a text is at its point.
#[derive(Clone, Copy)]
enum Anchor {
    Start,
    Middle,
    End,
}

fn words(svg: &mut Markup, anchor: Anchor, at: Point, text: &str) {
    let (x, y) = (units(at.x), units(at.y));
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    svg.words("text", &[("x", &x), ("y", &y), ("text-anchor", anchor)], text);
}

fn colour(series: usize) -> usize {
    series % LOOKS
}

/// The pattern, dashes and shape of a series.
fn look(series: usize) -> usize {
    (series + series / LOOKS) % LOOKS
}

/// A label, cut if it is long. The table below the chart has it in full.
fn label(text: &str) -> String {
    if text.chars().count() <= LABEL_MAX {
        return text.to_owned();
    }
    text.chars().take(LABEL_MAX - 1).chain(['…']).collect()
}

fn halved(text: &str) -> String {
    text.chars().take(text.chars().count() / 2).collect()
}

fn width_of(text: &str) -> f64 {
    real(text.chars().count()) * LETTER
}

/// A length with one decimal place, so that a page is not longer than it need be.
fn units(length: f64) -> String {
    format!("{length:.1}")
}

fn real(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(values: &[f64]) -> Vec<String> {
        let scale = Scale::of(values.iter().copied());
        scale.ticks().map(|tick| scale.label(tick, NumberUnit::Plain)).collect()
    }

    #[test]
    fn the_axis_has_round_steps_and_0() {
        assert_eq!(ticks(&[7.0, 63.0, 100.0]), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(ticks(&[3.0, 13.0]), ["0", "5", "10", "15"]);
        assert_eq!(ticks(&[0.12]), ["0.00", "0.05", "0.10", "0.15"]);
        assert_eq!(ticks(&[-30.0, 1_234.0]), ["-500", "0", "500", "1,000", "1,500"]);
        assert_eq!(ticks(&[-3.0, -1.0]), ["-3", "-2", "-1", "0"]);
        assert_eq!(ticks(&[]), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"], "a chart without values has an axis");
    }

    #[test]
    fn a_line_is_broken_where_there_is_no_value() {
        let at = |x: f64| Some(Point { x, y: 1.0 });
        assert_eq!(path_of(&[at(1.0), at(2.0), None, at(4.0)]), "M1.0 1.0L2.0 1.0M4.0 1.0");
        assert_eq!(path_of(&[None]), "");
    }

    #[test]
    fn no_two_of_sixteen_series_look_the_same() {
        let looks: std::collections::BTreeSet<_> = (0..16).map(|series| (colour(series), look(series))).collect();
        assert_eq!(looks.len(), 16);
        assert_eq!((0..4).map(look).collect::<Vec<_>>(), [0, 1, 2, 3], "the first four differ by more than colour");
    }
}
