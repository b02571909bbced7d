//! Lays out the figures of measures as tables.

use std::collections::{BTreeMap, HashMap};

use super::super::{Cell, Missing, Table};
use super::cells;
use crate::queries::measures::{CompareWith, Dimension, FigureRow, MeasureFigures, Member};
use throughline_domain::contract::Rulebook;
use throughline_domain::performance::comparison::Beside;
use throughline_domain::performance::figure::Figure;
use throughline_domain::performance::fraction::OutOfRange;
use throughline_domain::performance::measure::{Formula, Measure};
use throughline_domain::performance::period::Month;
use throughline_domain::performance::report::{Compared, Layout, TableDefinition};

/// What figures are compared with.
pub(super) fn compared(with: &[Compared]) -> CompareWith {
    CompareWith {
        targets: with.contains(&Compared::Targets),
        previous: with.contains(&Compared::Previous),
        three_months: with.contains(&Compared::ThreeMonths),
        year_before: with.contains(&Compared::YearBefore),
    }
}

/// The words around the figures of a table.
pub(super) struct Titles<'l> {
    /// The title of the section.
    pub(super) section: String,
    /// The period in words.
    pub(super) period: String,
    /// The title of the contract.
    pub(super) contract: String,
    /// The rules, with the labels of codes and the titles of attributes.
    pub(super) rulebook: &'l Rulebook,
}

/// A member of a dimension, or a month.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    Member(Member),
    Month(Month),
}

/// The figures of one table, each at its place: the measure, and a key for each dimension.
pub(super) struct Grid<'g> {
    pub(super) definition: &'g TableDefinition,
    pub(super) found: &'g [MeasureFigures],
    by: &'g [Dimension],
    titles: Titles<'g>,
    rows: HashMap<(usize, Vec<Key>), &'g FigureRow>,
    /// All places, in the order of the dimensions.
    pub(super) places: Vec<Vec<Key>>,
}

impl<'g> Grid<'g> {
    pub(super) fn of(definition: &'g TableDefinition, found: &'g [MeasureFigures], titles: Titles<'g>) -> Self {
        let by = definition.by.as_slice();
        let rows_of = |(at, of): (usize, &'g MeasureFigures)| {
            of.rows.iter().map(move |row| ((at, place(row, by)), row)).collect::<Vec<_>>()
        };
        let rows: Vec<_> = found.iter().enumerate().flat_map(rows_of).collect();
        let places = in_order(rows.iter().map(|((_, place), _)| place), by.len());
        Self { definition, found, by, titles, rows: rows.into_iter().collect(), places }
    }

    /// The tables of the layout.
    pub(super) fn tables(&self) -> Result<Vec<Table>, OutOfRange> {
        let all: Vec<usize> = (0..self.found.len()).collect();
        match self.definition.layout {
            Layout::Columns => Ok(vec![self.columns()?]),
            Layout::Rows => Ok(vec![self.compared(&all)?]),
            Layout::Each => all.iter().map(|at| self.compared(&[*at])).collect(),
            Layout::Matrix => Ok(vec![self.matrix()?]),
        }
    }

    /// The title of a table or chart of some measures.
    pub(super) fn title(&self, measures: &[usize]) -> String {
        let only = match measures {
            [at] => Some(&self.found[*at].measure.title),
            _ => None,
        };
        let title = match (&self.definition.title, only) {
            (Some(title), Some(only)) if self.found.len() > 1 => format!("{title}: {only}"),
            (Some(title), _) => title.clone(),
            (None, only) => only.unwrap_or(&self.titles.section).clone(),
        };
        format!("{title}, {}", self.titles.period)
    }

    /// The heads of measures, each once.
    pub(super) fn measure_head(&self, at: usize) -> String {
        let Measure { title, code, .. } = &self.found[at].measure;
        let is_shared = self.found.iter().filter(|other| other.measure.title == *title).count() > 1;
        if is_shared { format!("{title} ({code})") } else { title.clone() }
    }

    fn row(&self, at: usize, place: &[Key]) -> Option<&'g FigureRow> {
        self.rows.get(&(at, place.to_vec())).copied()
    }

    /// The figure at a place. A measure has no row where nothing is counted, such as in an area that the rulebook does
    /// not list.
    fn figure_at(&self, at: usize, place: &[Key]) -> Figure {
        let otherwise = || match self.found[at].measure.formula {
            Formula::Count(_) => Figure::count(0),
            _ => Figure::not_applicable(),
        };
        self.row(at, place).map_or_else(otherwise, |row| row.figure)
    }

    /// The cell of the figure at a place.
    pub(super) fn cell(&self, at: usize, place: &[Key]) -> Result<Cell, OutOfRange> {
        cells::figure(&self.figure_at(at, place), &self.found[at].measure)
    }

    /// A row for each group, a column for each measure.
    fn columns(&self) -> Result<Table, OutOfRange> {
        let all: Vec<usize> = (0..self.found.len()).collect();
        let mut columns = self.dimension_heads(self.by);
        columns.extend(all.iter().map(|at| self.measure_head(*at)));
        let rows = self.places.iter().map(|place| {
            let mut cells = self.words(place);
            for at in &all {
                cells.push(self.cell(*at, place)?);
            }
            Ok(cells)
        });
        Ok(Table { title: self.title(&all), columns, rows: rows.collect::<Result<_, OutOfRange>>()? })
    }

    /// A row for each group and measure, with what the figures are compared with.
    fn compared(&self, measures: &[usize]) -> Result<Table, OutOfRange> {
        let names_measures = measures.len() > 1;
        let profiles = self.profiles(measures);
        let mut columns = if names_measures && self.by.is_empty() { Vec::new() } else { self.dimension_heads(self.by) };
        columns.extend(names_measures.then(|| "Measure".to_owned()));
        columns.push("Figure".to_owned());
        columns.extend(self.definition.compare.iter().flat_map(|with| compared_heads(*with, &profiles)));
        let mut rows = Vec::new();
        for place in &self.places {
            for at in measures {
                let mut cells = if names_measures && self.by.is_empty() { Vec::new() } else { self.words(place) };
                cells.extend(names_measures.then(|| Cell::Words(self.measure_head(*at))));
                cells.push(self.cell(*at, place)?);
                for with in &self.definition.compare {
                    cells.extend(self.compared_cells(*with, (*at, place), &profiles)?);
                }
                rows.push(cells);
            }
        }
        Ok(Table { title: self.title(measures), columns, rows })
    }

    /// The profiles with a target for one of the measures: their index in comparisons, and name.
    pub(super) fn profiles(&self, measures: &[usize]) -> Vec<(usize, String)> {
        let mut profiles: BTreeMap<usize, String> = BTreeMap::new();
        for row in measures.iter().flat_map(|at| &self.found[*at].rows) {
            let targets = row.comparison.targets.iter().enumerate();
            let aimed = targets.filter(|(_, against)| against.beside.base.value().is_some());
            profiles.extend(aimed.map(|(at, against)| (at, self.titles.rulebook.labels.of(&against.profile))));
        }
        profiles.into_iter().collect()
    }

    fn compared_cells(
        &self,
        with: Compared,
        (at, place): (usize, &[Key]),
        profiles: &[(usize, String)],
    ) -> Result<Vec<Cell>, OutOfRange> {
        let (measure, row) = (&self.found[at].measure, self.row(at, place));
        let none = || [Cell::Missing(Missing::NotApplicable), Cell::Missing(Missing::NotApplicable)];
        if with != Compared::Targets {
            let beside = row.and_then(|row| Some(cells::beside(&row.figure, base(row, with)?, measure)));
            return Ok(beside.transpose()?.unwrap_or_else(none).into());
        }
        let mut cells = Vec::new();
        for (profile, _) in profiles {
            let against = row.and_then(|row| row.comparison.targets.get(*profile));
            let beside = row.zip(against);
            let beside = beside.map(|(row, against)| cells::beside_target(&row.figure, &against.beside, measure));
            cells.extend(beside.transpose()?.unwrap_or_else(none));
            let words = against.map(|against| [cells::met(against.met), cells::trend(against.arrow)]);
            cells.extend(words.unwrap_or_else(none));
        }
        Ok(cells)
    }

    /// What the figures of a place are compared with, each with its name: the bases of a chart.
    pub(super) fn bases(&self, measures: &[usize]) -> Vec<(Compared, usize, String)> {
        let of = |with: &Compared| -> Vec<(Compared, usize, String)> {
            match with {
                Compared::Targets => {
                    let profiles = self.profiles(measures).into_iter();
                    profiles.map(|(at, profile)| (Compared::Targets, at, format!("Target ({profile})"))).collect()
                }
                other => vec![(*other, 0, other_heads(*other)[0].to_owned())],
            }
        };
        self.definition.compare.iter().flat_map(of).collect()
    }

    /// The cell of what a figure is compared with.
    pub(super) fn base_cell(
        &self,
        (at, place): (usize, &[Key]),
        (with, profile): (Compared, usize),
    ) -> Result<Cell, OutOfRange> {
        let row = self.row(at, place);
        let measure = &self.found[at].measure;
        let of = |beside: Option<&Beside>| beside.map_or(Figure::not_applicable(), |beside| beside.base);
        match with {
            Compared::Targets => {
                let against = row.and_then(|row| row.comparison.targets.get(profile));
                cells::target(&of(against.map(|against| &against.beside)), measure)
            }
            other => cells::figure(&of(row.and_then(|row| base(row, other))), measure),
        }
    }

    /// A column for each member of the last dimension.
    fn matrix(&self) -> Result<Table, OutOfRange> {
        let all: Vec<usize> = (0..self.found.len()).collect();
        let (ahead, groups) = self.split();
        let names_measures = all.len() > 1 || self.by.len() == 1;
        let first = self.by.len().saturating_sub(1);
        let mut columns = if first == 0 { Vec::new() } else { self.dimension_heads(&self.by[..first]) };
        columns.extend(names_measures.then(|| "Measure".to_owned()));
        columns.extend(ahead.iter().map(|key| self.label(key)));
        let mut rows = Vec::new();
        for group in &groups {
            for at in &all {
                let mut cells: Vec<Cell> = group.iter().map(|key| Cell::Words(self.label(key))).collect();
                cells.extend(names_measures.then(|| Cell::Words(self.measure_head(*at))));
                for key in &ahead {
                    let place: Vec<Key> = group.iter().chain([key]).cloned().collect();
                    cells.push(self.cell(*at, &place)?);
                }
                rows.push(cells);
            }
        }
        Ok(Table { title: self.title(&all), columns, rows })
    }

    /// The members of the last dimension, and the groups of the others, in order.
    pub(super) fn split(&self) -> (Vec<Key>, Vec<Vec<Key>>) {
        let lasts: Vec<Vec<Key>> = self.places.iter().filter_map(|place| Some(vec![place.last()?.clone()])).collect();
        let groups = self.places.iter().filter_map(|place| Some(place.split_last()?.1.to_vec()));
        let groups: Vec<Vec<Key>> = groups.collect();
        let others = self.by.len().saturating_sub(1);
        (in_order(lasts.iter(), 1).into_iter().flatten().collect(), in_order(groups.iter(), others))
    }

    /// The heads of dimensions.
    fn dimension_heads(&self, by: &[Dimension]) -> Vec<String> {
        let heads = by.iter().map(|by| by.head(self.titles.rulebook));
        if by.is_empty() { vec!["Contract".to_owned()] } else { heads.collect() }
    }

    /// The words of a place. The whole contract has its title.
    fn words(&self, place: &[Key]) -> Vec<Cell> {
        if place.is_empty() {
            return vec![Cell::Words(self.titles.contract.clone())];
        }
        place.iter().map(|key| Cell::Words(self.label(key))).collect()
    }

    /// The label of a place in one text.
    pub(super) fn category(&self, place: &[Key]) -> String {
        place.iter().map(|key| self.label(key)).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn label(&self, key: &Key) -> String {
        match key {
            Key::Member(member) => member.label(&self.titles.rulebook.labels),
            Key::Month(month) => month.to_string(),
        }
    }
}

/// The heads of what figures are compared with.
fn compared_heads(with: Compared, profiles: &[(usize, String)]) -> Vec<String> {
    let heads = match with {
        Compared::Targets => {
            let is_one = profiles.len() == 1;
            let of_profile = |(_, profile): &(usize, String)| {
                let of = if is_one { String::new() } else { format!(" ({profile})") };
                ["Target", "% of target", "Met", "Trend"].map(|head| format!("{head}{of}"))
            };
            return profiles.iter().flat_map(of_profile).collect();
        }
        other => other_heads(other),
    };
    heads.map(str::to_owned).into()
}

/// The heads of what figures are compared with, apart from targets.
const fn other_heads(with: Compared) -> [&'static str; 2] {
    match with {
        Compared::Targets => ["Target", "% of target"],
        Compared::Previous => ["Period before", "% of period before"],
        Compared::ThreeMonths => ["Mean of three months before", "% of mean"],
        Compared::YearBefore => ["Year before", "% of year before"],
    }
}

/// The other period that a figure is compared with.
const fn base(row: &FigureRow, with: Compared) -> Option<&Beside> {
    match with {
        Compared::Targets => None,
        Compared::Previous => row.comparison.previous.as_ref(),
        Compared::ThreeMonths => row.comparison.three_months.as_ref(),
        Compared::YearBefore => row.comparison.year_before.as_ref(),
    }
}

/// The place of a figure: a key for each dimension, in their order.
fn place(row: &FigureRow, by: &[Dimension]) -> Vec<Key> {
    let mut members = row.members.iter();
    let key = |by: &Dimension| match by {
        Dimension::Month => Some(Key::Month(Month::of(row.period.first()))),
        _ => members.next().cloned().map(Key::Member),
    };
    by.iter().filter_map(key).collect()
}

/// Places, each once: sorted by the first key, then by the second, and so on, in the order in which keys first occur.
fn in_order<'p>(places: impl Iterator<Item = &'p Vec<Key>>, keys: usize) -> Vec<Vec<Key>> {
    let mut ranks: Vec<HashMap<&Key, usize>> = vec![HashMap::new(); keys];
    let mut sorted: BTreeMap<Vec<usize>, &Vec<Key>> = BTreeMap::new();
    for place in places {
        let rank = place.iter().zip(&mut ranks).map(|(key, ranks)| {
            let next = ranks.len();
            *ranks.entry(key).or_insert(next)
        });
        sorted.insert(rank.collect(), place);
    }
    sorted.into_values().cloned().collect()
}
