//! The sources whose files a server imports: a folder of mappings, one folder for each contract in it.
//!
//! `FOLDER/CONTRACT/SOURCE.toml` is the mapping of the source SOURCE of that contract. Every fault of every mapping is
//! found when the server starts. The code of a contract is a source too, of `CloudEvents`, and needs no mapping.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::import::mapping::Mapping;
use crate::import::read::Format;

/// The most characters of the name of a source.
const NAME_MAX: usize = 64;
/// The path under which jobs are found. No source has this name.
const TAKEN: &str = "jobs";

/// A source.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// The code of the contract of its cases.
    pub contract: String,
    /// How its files become facts. `None`: it sends only `CloudEvents`.
    pub mapping: Option<Arc<Mapping>>,
}

impl Source {
    /// The source of events that a contract has without a mapping.
    pub(super) fn of_contract(code: &str) -> Self {
        Self { name: code.to_owned(), contract: code.to_owned(), mapping: None }
    }

    /// The format of its files.
    pub fn format(&self) -> Option<Format> {
        self.mapping.as_ref().map(|mapping| mapping.format())
    }
}

/// The sources of a server, by name.
#[derive(Debug, Clone, Default)]
pub struct Sources(BTreeMap<String, Source>);

/// A fault of a folder of mappings.
#[derive(Debug)]
pub struct SourceError {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong, with the line, and what to do.
    pub message: String,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.message)
    }
}

impl std::error::Error for SourceError {}

impl Sources {
    /// Reads every mapping of a folder, or finds every fault.
    pub fn read(folder: &Path) -> Result<Self, Vec<SourceError>> {
        let (mut sources, mut errors) = (Self::default(), Vec::new());
        for contract in entries(folder, &mut errors) {
            if !contract.is_dir() {
                let message =
                    "put each mapping into a folder with the code of its contract, such as shps/referrals.toml";
                errors.push(SourceError { path: contract, message: message.to_owned() });
                continue;
            }
            let code = name_of(&contract);
            for file in entries(&contract, &mut errors) {
                if let Err(found) = sources.add(&code, &file) {
                    errors.extend(found.into_iter().map(|message| SourceError { path: file.clone(), message }));
                }
            }
        }
        if errors.is_empty() && sources.0.is_empty() {
            let message = "there is no mapping: put one into a folder with the code of its contract";
            errors.push(SourceError { path: folder.to_owned(), message: message.to_owned() });
        }
        if errors.is_empty() { Ok(sources) } else { Err(errors) }
    }

    fn add(&mut self, contract: &str, file: &Path) -> Result<(), Vec<String>> {
        let alone = |message: String| Err(vec![message]);
        let name = name_of(&file.with_extension(""));
        if file.extension().is_none_or(|ending| ending != "toml") {
            return alone("a mapping is a file whose name ends in .toml: rename it, or move it elsewhere".to_owned());
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(is_plain) || name == TAKEN {
            return alone(format!(
                "the name of a source has 1 to {NAME_MAX} letters, digits, hyphens and underscores, and is not \
                 {TAKEN:?}: rename the file"
            ));
        }
        if let Some(other) = self.0.get(&name) {
            let of = &other.contract;
            return alone(format!("the contract {of:?} has a source of this name: rename one of the files"));
        }
        let text = fs::read_to_string(file).map_err(|error| vec![format!("cannot be read: {error}")])?;
        let mapping =
            Mapping::parse(&text).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let source = Source { name: name.clone(), contract: contract.to_owned(), mapping: Some(Arc::new(mapping)) };
        self.0.insert(name, source);
        Ok(())
    }

    /// The source with this name that has a mapping.
    pub(super) fn find(&self, name: &str) -> Option<&Source> {
        self.0.get(name)
    }

    /// The number of sources.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// What is in a folder, in the order of the names. Hidden files are left out.
fn entries(folder: &Path, errors: &mut Vec<SourceError>) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match listed {
        Ok(entries) => {
            let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
            paths.retain(|path| !name_of(path).starts_with('.'));
            paths.sort();
            paths
        }
        Err(error) => {
            let message = format!("cannot be read: {error}");
            errors.push(SourceError { path: folder.to_owned(), message });
            Vec::new()
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::mapping::shipped;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
            fs::write(path, text).expect("written");
        }
        folder
    }

    fn referrals() -> &'static str {
        shipped().iter().find(|shipped| shipped.name == "referrals").expect("it ships").text
    }

    #[test]
    fn a_source_is_a_file_in_the_folder_of_its_contract() {
        let folder = folder(&[("shps/nightly.toml", referrals()), ("kmc/other.toml", referrals()), (".git/x", "")]);
        let sources = Sources::read(folder.path()).expect("two sources");
        let found = sources.find("nightly").expect("it is there");
        assert_eq!((found.contract.as_str(), found.format(), sources.count()), ("shps", Some(Format::Csv), 2));
        assert!(sources.find("shps").is_none());
    }

    #[test]
    fn every_fault_of_every_file_is_found_at_once_with_its_place() {
        let folder = folder(&[
            ("loose.toml", referrals()),
            ("kmc/jobs.toml", referrals()),
            ("kmc/list.csv", ""),
            ("kmc/twice.toml", referrals()),
            ("shps/twice.toml", referrals()),
            ("shps/wrong.toml", "mapping = 1\n[source]\nsystem = 5\n"),
        ]);
        let errors = Sources::read(folder.path()).expect_err("faults");
        let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let has = |file: &str, part: &str| said.iter().any(|one| one.contains(file) && one.contains(part));
        for (file, part) in [
            ("loose.toml", "put each mapping into a folder"),
            ("jobs.toml", "rename the file"),
            ("list.csv", "ends in .toml"),
            ("twice.toml", "the contract \"kmc\" has a source of this name"),
            ("wrong.toml", "line 3: source.system"),
        ] {
            assert!(has(file, part), "{file} {part}: {said:#?}");
        }
        let empty = self::folder(&[]);
        assert_eq!(Sources::read(empty.path()).expect_err("nothing").len(), 1);
    }
}
