//! What `rulebook check` says of rulebooks that cannot be: the file, the line, and what to do.

use std::process::{Command, Output};

const RULEBOOK: &str = include_str!("rulebooks/claims.toml");

/// The rulebook of the tests with one part of it written otherwise.
fn with(part: &str, otherwise: &str) -> String {
    let whole = RULEBOOK.replace("CROSSING", "partial").replace("REFILL", "true");
    assert!(part.is_empty() || whole.matches(part).count() == 1, "{part:?} must stand once");
    if part.is_empty() { whole + otherwise } else { whole.replace(part, otherwise) }
}

/// Checks files of these texts, the first named `draft.toml`; answers with the status and what was said.
fn checked(texts: &[String]) -> (i32, String, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
    program.current_dir(directory.path()).args(["rulebook", "check"]);
    for (at, text) in texts.iter().enumerate() {
        let name = if at == 0 { "draft.toml".to_owned() } else { format!("other-{at}.toml") };
        std::fs::write(directory.path().join(&name), text).expect("written");
        program.arg(name);
    }
    let Output { status, stdout, stderr } = program.output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (status.code().expect("a status"), text(stdout), text(stderr))
}

#[track_caller]
fn is_rejected(part: &str, otherwise: &str, said: &[&str]) {
    let (status, stdout, stderr) = checked(&[with(part, otherwise)]);
    assert_eq!((status, stdout.as_str()), (2, ""), "{stderr}");
    assert_eq!(stderr.lines().collect::<Vec<_>>(), said);
}

#[test]
fn an_unknown_key_is_rejected() {
    is_rejected(
        "retroactive = false",
        "retroactive = false\nretrospective = true",
        &["draft.toml: line 9: retrospective: unknown key; write one of rulebook, contract, version, title, \
           effective_from, applies_by, retroactive, currency, or take it out"],
    );
    is_rejected(
        "amount = \"500.00\"",
        "amount = \"500.00\"\nbonus = \"1.00\"",
        &["draft.toml: line 67: outcome.tariff.bonus: unknown key; write one of amount, from, to, area, cohort, \
           multiplier, up_to, round_unit_price, illustrative, or take it out"],
    );
}

#[test]
fn an_unknown_code_is_rejected() {
    is_rejected(
        "amount = \"500.00\"",
        "amount = \"500.00\"\narea = \"camden\"",
        &["draft.toml: line 67: outcome.tariff.area: \"camden\" is not in codes.areas; write one of brent, or add it \
           to codes.areas"],
    );
}

#[test]
fn overlapping_versions_are_rejected() {
    let next = with("version = \"2018-01\"", "version = \"2018-02\"");
    let (status, _, stderr) = checked(&[with("", ""), next.clone()]);
    assert_eq!(status, 2);
    assert_eq!(
        stderr.trim_end(),
        "other-1.toml: line 6: effective_from: version 2018-01 is in force from 2018-01-01 too; let this one begin on \
         another day (as in draft.toml)"
    );
    let later = next.replace("2018-01-01", "2018-02-01");
    assert_eq!(checked(&[with("", ""), later]).0, 0);
}

#[test]
fn a_cycle_of_conversions_is_rejected() {
    is_rejected(
        "level = [\"entry\"] }",
        "level = [\"entry\"] }\nconvert = { from = \"higher\" }",
        &[
            "draft.toml: line 43: outcome.convert.from: the conversions run in a circle: lower from higher from lower; \
             take one of these conversions out",
            "draft.toml: line 52: outcome.convert.from: the conversions run in a circle: higher from lower from \
             higher; take one of these conversions out",
        ],
    );
}

#[test]
fn a_negative_cap_is_rejected() {
    is_rejected(
        "\"10000.00\"",
        "\"-10000.00\"",
        &["draft.toml: line 71: cap.amount: -10000.00 is less than 0; write amount = \"2070000.00\""],
    );
}

#[test]
fn a_tariff_without_an_amount_is_rejected() {
    is_rejected(
        "amount = \"500.00\"\n",
        "area = \"brent\"\n",
        &["draft.toml: line 65: outcome.tariff.amount: missing; write amount = \"1500.00\""],
    );
}

#[test]
fn a_window_shorter_than_its_target_is_rejected() {
    is_rejected(
        "weeks = 4, continuity = \"none\"",
        "weeks = 4, continuity = \"n_in_window\", window_days = 27",
        &["draft.toml: line 61: outcome.sustain.window_days: the window of 27 days is shorter than its target of 28 \
           days; write a window of 28 days or more"],
    );
}

#[test]
fn a_rulebook_that_can_be_is_told_in_sentences() {
    let (status, stdout, stderr) = checked(&[with("", "")]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(stdout.starts_with("draft.toml\n  A service that is paid by results: version 2018-01 of contract claims"));
    assert!(stdout.contains("\n  Outcome job: Four weeks in work.\n"), "{stdout}");
}
