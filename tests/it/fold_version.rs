//! The version of the folds: a build that would make other rows of the same log must have another.
//!
//! The logs in `tests/golden/*.ndjson` never change: an example of every type of event, and whole journeys of two
//! contracts. `tests/golden/rows.txt` says for each log and version what its rows come to; lines are added, never edited.
//! A fact that is new comes with a log of its own.

use std::collections::BTreeSet;
use std::path::PathBuf;

use throughline::views;

use crate::every_event::restored;
use crate::stores::STORES;

const ROWS: &str = include_str!("../golden/rows.txt");

/// The logs by their names, with their lines.
fn logs() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = std::fs::read_dir(folder).expect("tests/golden is there").map(|file| file.expect("a file").path());
    let logs = files.filter(|path| path.extension() == Some("ndjson".as_ref()));
    let read = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, std::fs::read_to_string(&path).expect("a text").trim_end().to_owned())
    };
    logs.map(read).collect()
}

#[tokio::test]
async fn other_rows_of_the_same_log_have_another_version() {
    let (version, mut wrong) = (views::fold_version(), BTreeSet::new());
    for (name, lines) in logs() {
        for store in STORES {
            let deployment = restored(store, &lines).await;
            let line = format!("{name} {version} {}", deployment.digest().await);
            deployment.end().await;
            if !ROWS.lines().any(|promised| promised == line) {
                wrong.insert(line);
            }
        }
    }
    let lines = Vec::from_iter(wrong).join("\n");
    assert!(
        lines.is_empty(),
        "the same log has other rows than version {version} of the folds promises: raise FOLD_VERSION in src/views/rows.rs, \
         so that deployments build their views anew, and add these lines, with the new version, to tests/golden/rows.txt:\n\
         {lines}"
    );
}

#[test]
fn each_log_has_one_line_for_each_version_since_it_is_there_and_none_for_later_ones() {
    let logs: BTreeSet<String> = logs().into_iter().map(|(name, _)| name).collect();
    let lines: Vec<Vec<&str>> = ROWS.lines().map(|line| line.split(' ').collect()).collect();
    assert!(lines.iter().all(|line| line.len() == 3 && logs.contains(line[0])), "{lines:?}");
    for log in &logs {
        let of_log = lines.iter().filter(|line| line[0] == log);
        let versions: Vec<u32> = of_log.map(|line| line[1].parse().expect("a version")).collect();
        let first = versions.first().copied().unwrap_or_else(|| panic!("{log} has no line"));
        assert_eq!(versions, (first..=views::fold_version()).collect::<Vec<_>>(), "{log}");
    }
}
