//! Tests of `rulebook check`: the faults and warnings that it prints, with file, line and remedy.

use std::process::{Command, Output};

const RULEBOOK: &str = include_str!("rulebooks/claims.toml");

/// The rulebook of the tests after one part is replaced.
fn with(part: &str, otherwise: &str) -> String {
    let whole = RULEBOOK.replace("CROSSING", "partial").replace("REFILL", "true");
    assert!(part.is_empty() || whole.matches(part).count() == 1, "{part:?} must occur once");
    if part.is_empty() { whole + otherwise } else { whole.replace(part, otherwise) }
}

/// Checks files with these texts, the first named `draft.toml`. Returns the status, standard output and standard error.
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
fn another_text_under_one_version_is_rejected_and_a_version_with_the_same_first_day_supersedes_the_other() {
    let other = with("title = \"A service that is paid by results\"", "title = \"Another\"");
    let (status, _, stderr) = checked(&[with("", ""), other]);
    assert_eq!(status, 2);
    assert_eq!(
        stderr.trim_end(),
        "other-1.toml: line 4: version: another text is already version 2018-01; give this one another name (as in draft.toml)"
    );
    let next = with("version = \"2018-01\"", "version = \"2018-02\"");
    let (status, stdout, stderr) = checked(&[with("", ""), next]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(
        stdout.contains("  It supersedes version 2018-01 (draft.toml), which has the same first day.\n"),
        "{stdout}"
    );
}

/// Checks a claim with this wait in working days and this window in days.
fn claiming(wait: u32, within: u32) -> (i32, String, String) {
    let claim = format!("claim = {{ after_working_days = {wait}, within_days = {within} }}");
    checked(&[with("claim = { attempts = 2 }", &claim)])
}

#[test]
fn a_claim_window_that_ends_before_its_waiting_period_is_rejected() {
    let (status, stdout, stderr) = claiming(10, 5);
    assert_eq!((status, stdout.as_str()), (2, ""), "{stderr}");
    assert!(
        stderr.contains(
            "outcome.claim.within_days: the window ends 5 days after the outcome is achieved, before the wait of 10 \
             working days is over, so no claim could ever be made; write within_days of at least 12, or a shorter wait"
        ),
        "{stderr}"
    );
    assert_eq!(claiming(10, 11).0, 2, "ten working days take twelve days at least");
    let (status, stdout, stderr) = claiming(10, 12);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(stdout.contains("Warning: "), "the window can end during some bank holidays: {stdout}");
    assert!(
        stdout.contains("from the 10th working day after the day it is achieved, until the 12th day after it"),
        "{stdout}"
    );
    let (_, stdout, _) = claiming(0, 0);
    assert!(stdout.contains("from the day it is achieved, until that day, "), "{stdout}");
    let (status, stdout, _) = claiming(10, 40);
    assert_eq!(status, 0);
    assert!(!stdout.contains("a wait of 10 working days"), "{stdout}");
}

#[test]
fn targets_grades_levels_and_due_dates_are_used_and_not_warned_of() {
    let (_, stdout, _) = checked(&[with("", "")]);
    assert!(!stdout.contains("Warning"), "{stdout}");
    let used = "[targets]\nprofiles = [\"contract\"]\n[reports]\ndue = [\"2018-10-12\"]\n[[grade]]\ncode = \"green\"\n\
        [[standard]]\ncode = \"welcome\"\nfrom = \"referral_received\"\nwithin = { days = 14 }\n\
        met_by = { task = \"welcome\" }\nminimum_level = 95\n";
    let (status, stdout, stderr) = checked(&[with("", "") + used]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(!stdout.contains("Warning"), "{stdout}");
}

#[test]
fn a_group_whose_smaller_outcome_excludes_the_greater_is_warned_of() {
    let outcome = |code: &str, amount: &str, more: &str| {
        format!(
            "[[outcome]]\ncode = \"{code}\"\ntitle = \"{code}\"\ntrigger = {{ plan = [\"php\"] }}\ngroup = \"g\"\n{more}\
             [[outcome.tariff]]\namount = \"{amount}\"\n"
        )
    };
    let check = |more: &str| {
        let (status, stdout, stderr) =
            checked(&[with("", "") + &outcome("small", "100.00", "") + &outcome("great", "5000.00", more)]);
        assert_eq!((status, stderr.as_str()), (0, ""));
        stdout
    };
    let warned = check("");
    assert!(warned.contains("Warning: great: in group g, a claim of small that is submitted first"), "{warned}");
    assert!(!warned.contains("Warning: small:"), "the greater excludes the smaller, as it should: {warned}");
    assert!(!check("convert = { from = \"small\" }\n").contains("Warning"), "it converts from the smaller");
}

#[test]
fn attributes_that_outcomes_use_and_no_section_lists_are_warned_of() {
    let asking = "[[outcome]]\ncode = \"public_job\"\ntitle = \"A job\"\n\
        trigger = { spell = [\"employment\"], where = { sector = [\"public\"] } }\n";
    let (_, stdout, stderr) = checked(&[with("", "") + asking]);
    assert!(
        stdout.contains("Warning: [attributes.employment] is missing, and outcomes ask for sector"),
        "{stdout}{stderr}"
    );
    let listed = "[attributes.employment]\nsector = { values = [\"private\", \"public\"] }\n";
    let (_, stdout, _) = checked(&[with("", "") + listed + asking]);
    assert!(!stdout.contains("Warning"), "{stdout}");
}

#[test]
fn attributes_that_outcomes_use_are_checked_against_their_list() {
    let listed = "[attributes.employment]\nsector = { values = [\"private\", \"public\"], required = true }\n";
    let (status, stdout, stderr) = checked(&[with("", "") + listed]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(
        stdout.contains("A spell of employment may have the attributes sector (private or public), which is required."),
        "{stdout}"
    );
    let gardening =
        with("cohorts = []", "cohorts = []\nspell_domains = [\"employment\"]") + "[attributes.gardening]\nx = {}\n";
    let (status, _, stderr) = checked(&[gardening]);
    assert_eq!(status, 2);
    assert!(stderr.contains("attributes.gardening: \"gardening\" is not in codes.spell_domains"), "{stderr}");
    for (wrong, said) in [
        ("[attributes.employment]\nsector = { values = [] }\n", "the list is empty, so nothing would ever match"),
        ("[attributes.employment]\nsector = { value = [\"a\"] }\n", "attributes.employment.sector.value: unknown key"),
        (
            "[attributes.employment]\nsector = [\"a\"]\n",
            "expected the values of an attribute, found a list; write sector = { values",
        ),
        ("[labels]\nphp = \"\"\n", "labels.php: the text is empty; write php = "),
        ("[labels]\nphp = 1\n", "expected a text, found a whole number (1)"),
    ] {
        let (status, _, stderr) = checked(&[with("", "") + wrong]);
        assert_eq!(status, 2, "{wrong}");
        assert!(stderr.contains(said), "{wrong}: {stderr}");
    }
    let asks = with("", "")
        .replace("spell = [\"employment\"]", "spell = [\"employment\"], where = { sector = [\"charity\"] }");
    let (status, _, stderr) = checked(&[asks.clone() + listed]);
    assert_eq!(status, 2);
    assert!(
        stderr.contains("no spell of employment has sector = \"charity\"; write one of private, public, or add it"),
        "{stderr}"
    );
    let (status, _, stderr) = checked(&[asks.replace("sector =", "trade =") + listed]);
    assert_eq!(status, 2);
    assert!(
        stderr.contains("no spell of employment has the attribute \"trade\"; write one of sector, or add it"),
        "{stderr}"
    );
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
fn a_rulebook_without_faults_is_explained_in_sentences() {
    let (status, stdout, stderr) = checked(&[with("", "")]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(stdout.starts_with("draft.toml\n  A service that is paid by results: version 2018-01 of contract claims"));
    assert!(stdout.contains("\n  Outcome job: Four weeks in work.\n"), "{stdout}");
}
