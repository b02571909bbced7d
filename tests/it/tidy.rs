//! Tidy, as a test: what the layout promises and the compiler cannot check.
//!
//! It reads the package's own files as text, and must never pass because there was nothing
//! to look at: a folder that is missing or empty is a failure. Words count in code, not in
//! comments, and only where they stand alone (`rand`, not `brand`).

use std::{collections::BTreeSet, fs, path::Path};

use aws_lc_rs::digest::{SHA256, digest};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const LINES_MAX: usize = 700;
const PURE: [&str; 2] = ["crates/domain/src", "projections"];
const RUST: [&str; 4] = ["crates", "src", "projections", "tests"];

/// Waiting, the world outside, and chance.
const IMPURE: &str = "async, await, tokio, sqlx, axum, async_graphql, fs::, io::, net::, env::, \
                      process::, thread::, Instant, SystemTime, rand, getrandom";
const CLOCK: &str = "Utc::now, Local::now, SystemTime::now, now_v7, new_v4";
/// What may read the rows of a generation.
const READERS: [&str; 2] = ["src/views/", "src/queries/"];
const EVENTS_TABLE: &str = "from events, join events, into events, update events, table events";
const UNFINISHED: [&str; 3] = [concat!("FIX", "ME"), concat!("XX", "X"), concat!("#[", "ignore")];

#[test]
fn the_journey_the_contract_and_the_folds_are_pure() {
    let mut pure: Vec<File> = PURE.iter().flat_map(|folder| files(folder, "rs")).collect();
    pure.retain(|file| !file.path.contains("/tests"));
    refuse(pure.iter().flat_map(|file| file.names(IMPURE, "must be pure")));
    refuse(pure.iter().flat_map(|file| file.names(CLOCK, "must be given it")));
}

#[test]
fn only_the_clock_reads_the_time_and_makes_ids() {
    let (clock, others) = parted("src/clock.rs");
    assert!(!clock.is_empty(), "src/clock.rs is missing");
    refuse(others.iter().flat_map(|file| file.names(CLOCK, "must ask src/clock.rs")));
}

#[test]
fn only_the_log_names_the_events_table() {
    let (log, mut others) = parted("src/log");
    // Measurements compare the service with plain statements on the same tables.
    others.retain(|file| !file.path.starts_with("src/bench/"));
    let names = |file: &File| file.names(EVENTS_TABLE, "must ask src/log");
    assert!(log.iter().any(|file| !names(file).is_empty()), "src/log names no events table");
    others.extend(files("crates", "rs"));
    others.extend(files("projections", "rs"));
    others.extend(files("projections", "sql"));
    others.extend(files("src", "sql"));
    refuse(others.iter().flat_map(names));
}

#[test]
fn views_do_not_know_of_the_questions_asked_of_them() {
    let names = |file: &File, folder: &'static str| file.names(folder, "must not know of questions");
    let views = files("src/views", "rs");
    refuse(views.iter().flat_map(|file| names(file, "queries")));
    // Control: the questions do know of views.
    assert!(files("src/queries", "rs").iter().any(|file| !names(file, "views").is_empty()));
}

#[test]
fn a_question_is_a_function_and_only_views_and_questions_read_the_rows_of_a_generation() {
    refuse(files("src/queries", "rs").iter().flat_map(|file| file.names("impl Generation", "must be functions")));
    let rest = files("src", "rs").into_iter();
    let rest: Vec<File> = rest.filter(|file| !READERS.iter().any(|folder| file.path.starts_with(folder))).collect();
    refuse(rest.iter().flat_map(|file| file.names("generation.reader", "must ask src/queries")));
}

#[test]
fn every_file_says_what_it_is_and_is_short_and_finished() {
    let files: Vec<File> = RUST.iter().flat_map(|folder| files(folder, "rs")).collect();
    refuse(files.iter().flat_map(|File { path, text }| {
        let lines = text.lines().count();
        let opening = (!text.starts_with("//!")).then(|| format!("{path}: open with `//!`"));
        let long = (lines > LINES_MAX).then(|| format!("{path}: {lines} lines: split it"));
        let unfinished = UNFINISHED.iter().filter(|mark| stands_in(text, mark));
        let unfinished = unfinished.map(move |mark| format!("{path}: finish `{mark}`"));
        unfinished.chain(opening).chain(long)
    }));
}

#[test]
fn every_fold_has_its_table_and_every_table_its_fold() {
    let stems = |extension: &str| -> BTreeSet<String> {
        let paths = files("projections", extension).into_iter().map(|file| file.path);
        paths.map(|path| path[..path.len() - extension.len() - 1].to_owned()).collect()
    };
    let (mut folds, tables) = (stems("rs"), stems("sql"));
    for other in ["projections/lib", "projections/privacy"] {
        folds.remove(other);
    }
    let alone = folds.symmetric_difference(&tables);
    refuse(alone.map(|stem| format!("{stem}: the fold (.rs) and its table (.sql) go together")));
}

#[test]
fn golden_events_and_logs_are_added_and_never_edited() {
    for (folder, ending) in [("schema/events", "json"), ("tests/golden", "ndjson")] {
        never_edited(folder, ending);
    }
}

fn never_edited(folder: &str, ending: &str) {
    let list = &format!("{folder}/SHA256SUMS");
    let sums = fs::read_to_string(Path::new(ROOT).join(list)).expect(list);
    let listed: BTreeSet<String> = sums.lines().map(str::to_owned).collect();
    let golden = files(folder, ending).into_iter();
    let found = golden.map(|file| format!("{}  {}", file.sha256(), file.name())).collect();
    let gone = listed
        .difference(&found)
        .map(|line| format!("{line}: published, so put it back; another shape is another version"));
    let new = found
        .difference(&listed)
        .map(|line| format!("{line}: if this file is new, add this line to {list}; never edit one"));
    refuse(gone.chain(new));
}

/// A file of the package: its path from the root, and its text.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// The file at this path from the root.
    pub(crate) fn at(path: &str) -> Self {
        let text = fs::read_to_string(Path::new(ROOT).join(path)).expect(path);
        Self { path: path.to_owned(), text }
    }

    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    fn sha256(&self) -> String {
        let sum = digest(&SHA256, self.text.as_bytes());
        sum.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }

    /// A complaint for each of the words, separated by commas, that stands in the code.
    fn names(&self, words: &'static str, rule: &str) -> Vec<String> {
        let lines = self.text.lines();
        let code = lines.filter_map(|line| line.split("//").next()?.split("--").next());
        let code: Vec<&str> = code.flat_map(str::split_whitespace).collect();
        let code = code.join(" ");
        let named = words.split(", ").filter(|word| stands_in(&code, word));
        named.map(|word| format!("{}: names `{word}` and {rule}", self.path)).collect()
    }
}

/// Every file of a kind under a folder, however deep, in order.
pub(crate) fn files(folder: &str, extension: &str) -> Vec<File> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(Path::new(ROOT).join(&folder)).expect(&folder) {
            let name = entry.expect(&folder).file_name();
            let path = format!("{folder}/{}", name.display());
            let on_disk = Path::new(ROOT).join(&path);
            if on_disk.is_dir() {
                folders.push(path);
            } else if on_disk.extension().is_some_and(|found| found == extension) {
                let text = fs::read_to_string(on_disk).expect(&path);
                found.push(File { path, text });
            }
        }
    }
    assert!(!found.is_empty(), "no .{extension} file in {folder}: nothing would be checked");
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// The files under `src` in two parts: those whose path begins so, and the rest.
fn parted(path: &str) -> (Vec<File>, Vec<File>) {
    files("src", "rs").into_iter().partition(|file| file.path.starts_with(path))
}

fn stands_in(text: &str, word: &str) -> bool {
    let in_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        let runs_on = word.ends_with(in_name) && after.starts_with(in_name);
        !runs_on && !before.ends_with(in_name)
    })
}

pub(crate) fn refuse(complaints: impl Iterator<Item = String>) {
    let complaints: Vec<String> = complaints.collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
