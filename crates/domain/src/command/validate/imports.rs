//! Checks the values of each fact about imports.
//!
//! Pure. It never reads another fact.

use super::{CODE_MAX, Validator};
use crate::fact::event::{Event, ImportRun, SourceRegistered};

/// The most files of one run.
const FILES_MAX: usize = 1_000;
/// A hundred of a hundred.
const ALL: u8 = 100;

impl Validator {
    /// Checks the values of a fact about imports.
    pub(crate) fn of_imports(&mut self, fact: &Event) {
        match fact {
            Event::SourceRegistered(registered) => self.registered_source(registered),
            Event::ImportRun(run) => self.import_run(run),
            Event::RowMissing(missing) => self.source_of(&missing.system, &missing.contract),
            Event::RowReturned(returned) => self.source_of(&returned.system, &returned.contract),
            _ => {}
        }
    }

    fn source_of(&mut self, system: &str, contract: &str) {
        self.plain("system", system, CODE_MAX);
        self.contract_code("contract", contract);
    }

    fn registered_source(&mut self, registered: &SourceRegistered) {
        self.source_of(&registered.system, &registered.contract);
        self.plain("numbers", &registered.numbers, CODE_MAX);
        if registered.purge_most.is_some_and(|most| most > ALL) {
            self.invalid("purge_most", "this is a number of a hundred: use a number from 0 to 100");
        }
    }

    fn import_run(&mut self, run: &ImportRun) {
        self.source_of(&run.system, &run.contract);
        self.sha256("mapping", &run.mapping);
        if run.files.is_empty() {
            self.missing("files", "no file is named: give the SHA-256 of each file");
        }
        if self.at_most("files", run.files.len(), FILES_MAX) {
            for (index, digest) in run.files.iter().enumerate() {
                self.sha256(format!("files.{index}").as_str(), digest);
            }
        }
        if run.finished_at < run.started_at {
            self.invalid("finished_at", "a run cannot end before it begins: use a later time");
        }
    }
}
