//! The data of charts: the figures of a table as categories and series.

use super::super::words::in_words;
use super::super::{Cell, Chart, ChartKind, Number, NumberUnit, Series};
use super::cells;
use super::tables::{Grid, Key};
use throughline_domain::performance::fraction::OutOfRange;
use throughline_domain::performance::report::{self, Layout};

/// The charts of a table. None if it is not drawn, or has no groups.
pub(super) fn of(grid: &Grid<'_>) -> Result<Vec<Chart>, OutOfRange> {
    let Some(kind) = grid.definition.chart.filter(|_| !grid.places.is_empty()) else { return Ok(Vec::new()) };
    let drawn = Drawn { grid, kind: if kind == report::ChartKind::Bars { ChartKind::Bars } else { ChartKind::Lines } };
    let measures = 0..grid.found.len();
    let (ahead, groups) = grid.split();
    match grid.definition.layout {
        Layout::Rows | Layout::Each => measures.map(|at| drawn.compared(at)).collect(),
        Layout::Matrix if groups.iter().any(|group| !group.is_empty()) => {
            measures.map(|at| drawn.matrix(at, (&ahead, &groups))).collect()
        }
        Layout::Columns | Layout::Matrix => drawn.by_unit().iter().map(|measures| drawn.measures(measures)).collect(),
    }
}

struct Drawn<'d> {
    grid: &'d Grid<'d>,
    kind: ChartKind,
}

impl Drawn<'_> {
    /// The measures that share an axis.
    fn by_unit(&self) -> Vec<Vec<usize>> {
        let unit = |at: usize| cells::unit(&self.grid.found[at].measure);
        let of = |wanted: NumberUnit| (0..self.grid.found.len()).filter(|at| unit(*at) == wanted).collect::<Vec<_>>();
        // A contract has one currency.
        let money = (0..self.grid.found.len()).map(unit).find(|unit| matches!(unit, NumberUnit::Money(_)));
        let units = [NumberUnit::Plain, NumberUnit::Percent, NumberUnit::Days].into_iter().chain(money);
        units.map(of).filter(|group| !group.is_empty()).collect()
    }

    /// Measures by group: a series for each measure.
    fn measures(&self, measures: &[usize]) -> Result<Chart, OutOfRange> {
        let of = |at: &usize| {
            let values = self.grid.places.iter().map(|place| Ok(number(&self.grid.cell(*at, place)?)));
            Ok(Series { title: self.grid.measure_head(*at), values: values.collect::<Result<_, OutOfRange>>()? })
        };
        let series = measures.iter().map(of).collect::<Result<_, OutOfRange>>()?;
        let is_all = measures.len() == self.grid.found.len();
        let title = self.grid.title(measures);
        let of_unit = match measures.first().map(|at| cells::unit(&self.grid.found[*at].measure)) {
            Some(NumberUnit::Percent) => Some("percent".to_owned()),
            Some(NumberUnit::Days) => Some("days".to_owned()),
            Some(NumberUnit::Money(currency)) => Some(currency.as_str().to_owned()),
            Some(NumberUnit::Plain) | None => None,
        };
        let of_unit = of_unit.filter(|_| !is_all && measures.len() > 1);
        let title = of_unit.map_or_else(|| title.clone(), |unit| format!("{title}, in {unit}"));
        Ok(self.chart(title, self.categories(), series))
    }

    /// One measure by group, beside what it is compared with.
    fn compared(&self, at: usize) -> Result<Chart, OutOfRange> {
        let places = &self.grid.places;
        let values = places.iter().map(|place| Ok(number(&self.grid.cell(at, place)?)));
        let mut series =
            vec![Series { title: self.grid.measure_head(at), values: values.collect::<Result<_, OutOfRange>>()? }];
        for (with, profile, title) in self.grid.bases(&[at]) {
            let values = places.iter().map(|place| Ok(number(&self.grid.base_cell((at, place), (with, profile))?)));
            series.push(Series { title, values: values.collect::<Result<_, OutOfRange>>()? });
        }
        Ok(self.chart(self.grid.title(&[at]), self.categories(), series))
    }

    /// One measure: a category for each member of the last dimension, a series for each group of the others.
    fn matrix(&self, at: usize, (ahead, groups): (&[Key], &[Vec<Key>])) -> Result<Chart, OutOfRange> {
        let of = |group: &Vec<Key>| {
            let place = |key: &Key| group.iter().chain([key]).cloned().collect::<Vec<Key>>();
            let values = ahead.iter().map(|key| Ok(number(&self.grid.cell(at, &place(key))?)));
            Ok(Series { title: self.grid.category(group), values: values.collect::<Result<_, OutOfRange>>()? })
        };
        let series = groups.iter().map(of).collect::<Result<_, OutOfRange>>()?;
        Ok(self.chart(self.grid.title(&[at]), ahead.iter().map(|key| self.grid.label(key)).collect(), series))
    }

    fn categories(&self) -> Vec<String> {
        self.grid.places.iter().map(|place| self.grid.category(place)).collect()
    }

    fn chart(&self, title: String, categories: Vec<String>, series: Vec<Series>) -> Chart {
        let in_words = in_words(self.kind, &categories, &series);
        Chart { title, kind: self.kind, in_words, categories, series }
    }
}

const fn number(cell: &Cell) -> Option<Number> {
    match cell {
        Cell::Number(number) => Some(*number),
        Cell::Words(_) | Cell::Missing(_) => None,
    }
}
