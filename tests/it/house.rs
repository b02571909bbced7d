//! The house, as tests: which crates and folders may know of which, and in what words they speak.
//!
//! The compiler keeps the pure crates pure as long as their manifests do not name a crate that reaches the world. These
//! tests keep the manifests, the order of the folders of `crates/domain`, and the list of words.

use std::collections::BTreeSet;
use std::path::Path;

use crate::tidy::{File, files, refuse};

/// What the pure crates may depend on: no store, network, runtime or API.
const PURE_DEPENDENCIES: [&str; 11] = [
    "aws-lc-rs",
    "chrono",
    "chrono-tz",
    "rust_decimal",
    "serde",
    "serde_json",
    "thiserror",
    "toml",
    "unicase",
    "unicode-normalization",
    "uuid",
];

/// The folders of `crates/domain`: each may use those before it.
const ORDER: [&str; 7] = ["fact", "people", "access", "journey", "contract", "performance", "command"];

/// Words and phrases that a council officer, a keyworker or an integrator would not say.
const NOT_OUR_WORDS: [&str; 11] = [
    "told",
    "tells",
    "stands so",
    "whoever",
    "of whom",
    "let go of",
    "goes on",
    "but for",
    "is none of",
    "as it is",
    "comes to",
];

fn dependencies(manifest: &str) -> BTreeSet<String> {
    section(manifest, "dependencies")
}

fn section(manifest: &str, section: &str) -> BTreeSet<String> {
    let text =
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest)).expect(manifest);
    let manifest: toml::Table = text.parse().expect("it is TOML");
    manifest[section].as_table().expect("a table").keys().cloned().collect()
}

#[test]
fn the_manifests_of_the_pure_crates_name_no_crate_that_reaches_the_world() {
    let pure: BTreeSet<String> = PURE_DEPENDENCIES.map(str::to_owned).into();
    let domain = dependencies("crates/domain/Cargo.toml");
    assert_eq!(domain.difference(&pure).collect::<Vec<_>>(), Vec::<&String>::new(), "crates/domain is pure");
    let mut projections = dependencies("projections/Cargo.toml");
    assert!(projections.remove("throughline-domain"), "the projections fold what the domain records");
    assert_eq!(projections.difference(&pure).collect::<Vec<_>>(), Vec::<&String>::new(), "projections are pure");
    // Control: the service does reach it.
    assert!(dependencies("Cargo.toml").difference(&pure).any(|name| name == "sqlx"));
}

#[test]
fn the_manifest_of_the_gateway_names_no_crate_of_throughline_and_no_store() {
    let is_known = |name: &String| name.starts_with("throughline") || name == "sqlx" || name == "rusqlite";
    let manifest = "crates/gateway/Cargo.toml";
    let named = dependencies(manifest).into_iter().chain(section(manifest, "dev-dependencies"));
    assert_eq!(named.filter(is_known).collect::<Vec<_>>(), Vec::<String>::new(), "the gateway knows no Throughline");
    // Control: the service names both.
    assert!(dependencies("Cargo.toml").iter().filter(|name| is_known(name)).count() >= 4);
}

#[test]
fn a_folder_of_the_domain_uses_only_those_before_it() {
    let mut looked_at = 0;
    let mut complaints = Vec::new();
    for (at, folder) in ORDER.iter().enumerate() {
        for file in files(&format!("crates/domain/src/{folder}"), "rs") {
            // Tests tell whole stories, from the command on.
            if is_test(&file) {
                continue;
            }
            looked_at += 1;
            let later = ORDER[at + 1..].iter().filter(|later| file.text.contains(&format!("crate::{later}")));
            complaints.extend(later.map(|later| format!("{}: `{folder}` must not know of `{later}`", file.path)));
        }
    }
    assert!(looked_at > 50, "only {looked_at} files were looked at");
    refuse(complaints.into_iter());
}

#[test]
fn no_module_is_taken_from_elsewhere_and_no_source_is_read_as_data() {
    let attribute = concat!("#[", "path");
    let sources = ["src", "crates", "projections", "tests"].into_iter().flat_map(|folder| files(folder, "rs"));
    refuse(sources.flat_map(|file| {
        let read = file.text.lines().filter(|line| line.contains("include_") && line.contains(".rs\""));
        let taken = file.text.lines().filter(|line| line.contains(attribute));
        let lines: Vec<String> = read.chain(taken).map(|line| format!("{}: {}", file.path, line.trim())).collect();
        lines
    }));
}

#[test]
fn sources_schema_and_pages_speak_plainly() {
    let mut places: Vec<File> =
        ["src", "crates", "projections"].into_iter().flat_map(|folder| files(folder, "rs")).collect();
    places.extend(files("schema", "graphql"));
    places.extend(files("docs", "md").into_iter().filter(|page| !is_history(&page.path)));
    places.push(File::at("README.md"));
    refuse(places.iter().flat_map(|file| {
        let lines = file.text.lines().enumerate();
        lines.flat_map(move |(at, line)| {
            let words = words(line);
            let odd = NOT_OUR_WORDS.iter().filter(move |odd| words.contains(&format!(" {odd} ")));
            odd.map(move |odd| format!("{}:{}: say it without `{odd}`", file.path, at + 1)).collect::<Vec<_>>()
        })
    }));
}

#[test]
fn the_names_of_tests_speak_plainly() {
    let folders = ["src", "crates", "projections", "tests"];
    let files: Vec<File> = folders.into_iter().flat_map(|folder| files(folder, "rs")).collect();
    let mut names = 0;
    let mut complaints = Vec::new();
    for file in &files {
        let mut is_test = false;
        for line in file.text.lines().map(str::trim_start) {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
            let Some(name) = name.filter(|_| is_test) else { continue };
            (is_test, names) = (false, names + 1);
            let words = words(name.split('(').next().unwrap_or(name));
            let odd = NOT_OUR_WORDS.iter().chain(&["somebody"]).find(|odd| words.contains(&format!(" {odd} ")));
            complaints.extend(odd.map(|odd| format!("{}: `{name}`: say it without `{odd}`", file.path)));
        }
    }
    assert!(names > 1_000, "only {names} tests were found");
    refuse(complaints.into_iter());
}

#[test]
fn the_list_of_words_finds_them_in_sentences_and_names() {
    assert_eq!(words("/// Whoever is told_of it."), " . . . whoever is told of it . ");
    assert_eq!(words("x.is_none() || of(retold)"), " x . is none . . . . of . retold . ");
    assert_eq!(words("see [this](docs/told.md) told"), " see . this told ");
}

/// A line in lower case, with one space around each word and around each sign between words. `_` separates words, so
/// that names count too. The targets of links do not count: they name files.
fn words(line: &str) -> String {
    let mut text = " ".to_owned();
    for (at, part) in line.to_lowercase().split("](").enumerate() {
        let part = if at == 0 { part } else { part.split_once(')').map_or("", |(_, rest)| rest) };
        for letter in part.chars() {
            match letter {
                _ if letter.is_alphanumeric() => text.push(letter),
                '_' | ' ' => text.push(' '),
                _ => text.push_str(" . "),
            }
        }
    }
    text.split_whitespace().fold(" ".to_owned(), |text, word| text + word + " ")
}

fn is_test(file: &File) -> bool {
    file.path.contains("/tests")
}

/// Decisions and reports to other projects stay as they were written.
fn is_history(path: &str) -> bool {
    path.starts_with("docs/decisions/") || path.starts_with("docs/upstream/")
}

/// The folders that the short paths of docs/architecture.md begin in.
const ROOTS: [&str; 3] = ["src", "crates/domain/src", "."];

/// What is quoted in a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The files and names of a stop of a walk that are not there.
fn missing(stop: &str) -> Vec<String> {
    let cells: Vec<&str> = stop.trim_matches('|').split('|').collect();
    let read = |path: &str| {
        let found = ROOTS.iter().map(|root| Path::new(env!("CARGO_MANIFEST_DIR")).join(root).join(path));
        found.into_iter().find_map(|path| std::fs::read_to_string(path).ok())
    };
    let (mut missing, mut text) = (Vec::new(), String::new());
    for path in quoted(cells[1]) {
        match read(path) {
            Some(source) => text.push_str(&source),
            None => missing.push(path.to_owned()),
        }
    }
    let is_named =
        |name: &str| text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|word| word == name);
    let names = quoted(cells[2]).filter_map(|name| name.trim_end_matches('!').rsplit("::").next());
    missing.extend(names.filter(|name| !is_named(name)).map(str::to_owned));
    missing
}

#[test]
fn every_stop_of_the_walks_is_where_the_architecture_says() {
    let text = include_str!("../../docs/architecture.md");
    let is_stop = |line: &&str| {
        let number = line.strip_prefix("| ").and_then(|line| line.split(' ').next());
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let stops: Vec<&str> = text.lines().filter(is_stop).collect();
    assert!(stops.len() > 30, "the walks have {} stops", stops.len());
    for stop in stops {
        assert_eq!(missing(stop), Vec::<String>::new(), "{stop}");
    }
    assert_eq!(
        missing("| 1 | `log/append.rs`, `log/never.rs` | `judge`, `no_such_function` | |"),
        ["log/never.rs", "no_such_function"]
    );
}
