//! Reads files under a mapping without a database: what they state, and which rows cannot be read.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::feed::{Joined, SourceFile};
use crate::cloud_event::LineError;
use crate::import::mapping::{Cells, Ids, Mapping};
use crate::import::read::{self, Found, Unfit};

/// What files state under a mapping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// The rows.
    pub rows: u64,
    /// The records in them.
    pub records: u64,
    /// The facts of these records.
    pub facts: u64,
    /// Rows and records that cannot be read.
    pub unreadable: u64,
    /// What each file has beside its rows.
    pub found: Vec<Found>,
}

impl Mapping {
    /// Reads files and reports every row that cannot be read: the file's index, the line and the reason.
    pub async fn check(
        &self,
        files: &[SourceFile],
        mut report: impl FnMut(usize, u64, &LineError),
    ) -> Result<Checked, (String, Unfit)> {
        let wanted = Arc::new(self.wanted.clone());
        let mut inspected = Vec::with_capacity(files.len());
        for file in files {
            let of = file.inspect(&wanted).await.map_err(|unfit| (file.name.clone(), unfit))?;
            inspected.push((file.clone(), of));
        }
        let joined = Joined::read(&inspected, &wanted, self.joined()).await?;
        let ids = Ids { system: &self.source.system, numbers: &self.source.numbers, contract: "", partner: "" };
        let mut checked = Checked::default();
        for (at, (file, of)) in inspected.iter().enumerate() {
            let named = |unfit| (file.name.clone(), unfit);
            let opened = std::fs::File::open(&file.path);
            let opened = opened.map_err(|source| named(Unfit::File { line: 0, source }))?;
            let found = read::read(&file.name, opened, of, &wanted, &mut |row| {
                checked.rows += 1;
                let (Some(table), Ok(cells)) = (row.table, &row.cells) else {
                    checked.unreadable += 1;
                    if let Err(error) = &row.cells {
                        report(at, row.line, error);
                    }
                    return ControlFlow::Continue(());
                };
                let joined = joined.rows(&self.tables[table].joins, cells);
                for stated in self.statements(table, Cells { own: cells, joined: &joined }, ids) {
                    match stated {
                        Ok(statement) => {
                            checked.records += 1;
                            checked.facts += statement.facts.len() as u64;
                        }
                        Err((_, error)) => {
                            checked.unreadable += 1;
                            report(at, row.line, &error);
                        }
                    }
                }
                ControlFlow::Continue(())
            });
            checked.found.push(found.map_err(named)?);
        }
        Ok(checked)
    }
}
