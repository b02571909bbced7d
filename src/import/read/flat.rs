//! Tables with a header: finds the wanted columns in it, and the wanted cells in every row.

use super::{Cell, Found, Row, Table, Unfit};
use crate::cloud_event::LineError;
use throughline_domain::fact::personal;

/// The most column names that a message lists.
const NAMES_SHOWN: usize = 40;
/// The longest column name that a message repeats.
const NAME_MAX: usize = 40;

/// The place of each wanted column in a header.
pub(super) struct Columns {
    table: usize,
    /// The number of columns of the file.
    count: usize,
    /// For each wanted column its place. `None` if the file does not have it.
    places: Vec<Option<usize>>,
}

impl Columns {
    /// Finds the columns of a table in a header.
    pub(super) fn of(line: u64, header: &[String], (at, table): (usize, &Table)) -> Result<Self, Unfit> {
        let is = |name: &str, wanted: &str| name.trim().eq_ignore_ascii_case(wanted.trim());
        let mut missing = Vec::new();
        let mut places = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            let mut found = (0..header.len()).filter(|at| is(&header[*at], &column.name));
            let place = found.next();
            if place.is_some() && found.next().is_some() {
                let message = format!("the header names the column {} twice: name it once", column.name);
                return Err(Unfit::on_line(line, message));
            }
            if place.is_none() && !column.is_optional {
                missing.push(column.name.as_str());
            }
            places.push(place);
        }
        if !missing.is_empty() {
            let found: Vec<String> = header.iter().take(NAMES_SHOWN).map(|name| shown(name)).collect();
            let message = format!(
                "the header of the table {} lacks the column {}, but has {}: correct the header, or list the column \
                 under `optional` in the mapping",
                table.name,
                missing.join(", "),
                found.join(", ")
            );
            return Err(Unfit::on_line(line, message));
        }
        Ok(Self { table: at, count: header.len(), places })
    }

    /// The number of columns of the file.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Adds what the file has beside the wanted columns, and what it lacks.
    pub(super) fn add_to(&self, found: &mut Found, header: &[String], table: &Table) {
        let is_left = |at: &usize| !self.places.contains(&Some(*at)) && !header[*at].is_empty();
        found.left_out.extend((0..header.len()).filter(is_left).map(|at| shown(&header[at])));
        let absent = table.columns.iter().zip(&self.places).filter(|(_, place)| place.is_none());
        found.absent.extend(absent.map(|(column, _)| column.name.clone()));
        found.tables.push(self.table);
    }

    /// A row with these fields.
    pub(super) fn row(&self, line: u64, fields: &[String]) -> Row {
        let surplus = fields.get(self.count..).unwrap_or_default();
        let cells = if fields.len() < self.count || surplus.iter().any(|field| !field.is_empty()) {
            // With another number of fields, columns cannot be matched to cells.
            let message = format!("{} fields, but {} columns: give each column one field", fields.len(), self.count);
            Err(LineError::line(message))
        } else {
            let cell = |place: &Option<usize>| place.map_or(Cell::Absent, |at| Cell::Text(fields[at].clone()));
            Ok(self.places.iter().map(cell).collect())
        };
        Row { table: Some(self.table), line, cells }
    }

    /// A row that cannot be read.
    pub(super) const fn unreadable(&self, line: u64, error: LineError) -> Row {
        Row { table: Some(self.table), line, cells: Err(error) }
    }
}

/// A column's name as a message may repeat it. If a file has no header, its first row may hold personal data.
pub(super) fn shown(name: &str) -> String {
    let is_a_name = name.chars().any(char::is_alphabetic) && name.chars().count() <= NAME_MAX;
    if is_a_name && personal::found_in(name).is_none() { name.to_owned() } else { "…".to_owned() }
}

/// Whether every field is empty.
pub(super) fn is_blank(fields: &[String]) -> bool {
    fields.iter().all(String::is_empty)
}
