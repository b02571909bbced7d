//! One nested record of a file, such as an element with everything in it, and the rows that the wanted tables find in
//! it.
//!
//! A column's name is a path: `CINclosureDate`, `ChildIdentifiers/LAchildID` beneath the row's element, `../LAchildID`
//! around it, `/Header/Year` from the top of the file, `.` the element's own text.

use std::ops::ControlFlow;

use super::{Cell, Row, Table, Take};

/// The deepest nesting that is read.
pub(super) const DEPTH_MAX: usize = 64;
/// The most elements in one record.
pub(super) const NODES_MAX: usize = 200_000;
/// The most bytes of text in one record.
pub(super) const BYTES_MAX: usize = 16 * 1024 * 1024;

/// A named value with the values in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) name: String,
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    pub(super) text: String,
    pub(super) inside: Vec<Node>,
}

/// What is read once at the top of a file, by path.
#[derive(Debug, Default)]
pub(super) struct Head {
    values: Vec<(String, String)>,
    bytes: usize,
}

/// The most values that are kept of the top of a file, and the most bytes of them.
const HEAD_MAX: usize = 1_000;
const HEAD_BYTES_MAX: usize = 1024 * 1024;

impl Head {
    /// Keeps a value, if there is room.
    pub(super) fn keep(&mut self, path: &[String], text: &str) {
        let bytes = text.len() + path.iter().map(|name| name.len() + 1).sum::<usize>();
        if self.values.len() < HEAD_MAX && self.bytes + bytes <= HEAD_BYTES_MAX {
            self.bytes += bytes;
            self.values.push((path.join("/"), text.to_owned()));
        }
    }

    fn cell(&self, path: &str) -> Cell {
        // The outermost element is not named: there is only one.
        let is = |kept: &str| kept == path || kept.split_once('/').is_some_and(|(_, beneath)| beneath == path);
        one(self.values.iter().filter(|(kept, _)| is(kept)).map(|(_, text)| text.as_str()))
    }
}

/// Gives the rows of each table in a record.
pub(super) fn rows(record: &Node, tables: &[Table], head: &Head, take: &mut Take<'_>) -> ControlFlow<()> {
    for (at, table) in tables.iter().enumerate() {
        let mut around = vec![record];
        walk(&mut around, &table.element, &mut |around| {
            let row = around.last().expect("the row's own element");
            let cells = table.columns.iter().map(|column| cell(around, &column.name, head)).collect();
            take(Row { table: Some(at), line: row.line, cells: Ok(cells) })
        })?;
    }
    ControlFlow::Continue(())
}

/// Calls `found` with every element at a path, and the elements around it.
fn walk<'n>(
    around: &mut Vec<&'n Node>,
    path: &[String],
    found: &mut impl FnMut(&[&'n Node]) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let Some((name, rest)) = path.split_first() else { return found(around) };
    let outer = *around.last().expect("the record itself");
    for inner in outer.inside.iter().filter(|inner| inner.name == *name) {
        around.push(inner);
        let walked = walk(around, rest, found);
        around.pop();
        walked?;
    }
    ControlFlow::Continue(())
}

/// The value at a path from the last of these elements.
fn cell(around: &[&Node], path: &str, head: &Head) -> Cell {
    if let Some(path) = path.strip_prefix('/') {
        return head.cell(path);
    }
    let mut rest = path;
    let mut climbed = 0;
    while let Some(outer) = rest.strip_prefix("../") {
        (rest, climbed) = (outer, climbed + 1);
    }
    let Some(from) = around.len().checked_sub(climbed + 1).and_then(|at| around.get(at)) else {
        return Cell::Text(String::new());
    };
    let mut nodes = vec![*from];
    for name in rest.split('/').filter(|name| *name != ".") {
        nodes = nodes.into_iter().flat_map(|node| &node.inside).filter(|inner| inner.name == name).collect();
    }
    one(nodes.iter().map(|node| node.text.as_str()))
}

/// The only value, or how many there are.
fn one<'t>(mut values: impl Iterator<Item = &'t str>) -> Cell {
    match (values.next(), values.count()) {
        (None, _) => Cell::Text(String::new()),
        (Some(text), 0) => Cell::Text(text.trim().to_owned()),
        (Some(_), more) => Cell::Repeated(more + 1),
    }
}
