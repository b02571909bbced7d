//! Tests of reading `[[league]]`: which values result, and which faults are reported with line, key and remedy.

use super::super::super::explain;
use super::super::super::tests::{WHOLE, faults, rulebook};
use super::*;

const BANDS: &str = "[[league.band]]\npoints = 3\nover = 110\n[[league.band]]\npoints = 2\nat_least = 90\n\
    [[league.band]]\npoints = 0\n";

/// The rulebook [`WHOLE`] with one league, whose fourth key is on line 71.
fn with_league(by: &str, rest: &str) -> String {
    format!(
        "{WHOLE}[targets]\nprofiles = [\"contract\"]\n[[league]]\ncode = \"areas\"\ntitle = \"Areas\"\nby = \"{by}\"\n{rest}"
    )
}

/// The same with one indicator with these keys, before some bands.
fn with_indicator(by: &str, keys: &str, bands: &str) -> String {
    with_league(by, &format!("[[league.indicator]]\n{keys}\n{bands}"))
}

/// What is said about a text, without the lines.
fn said(text: &str) -> Vec<String> {
    let without_line = |fault: &String| fault.split_once(": ").map(|(_, rest)| rest.to_owned()).expect("a line");
    faults(text).iter().map(without_line).collect()
}

#[test]
fn leagues_are_read_and_explained() {
    let text = with_indicator("area", "measure = \"sessions\"\nindex = { target = \"contract\" }", BANDS)
        + "[[league.indicator]]\nmeasure = \"plan\"\ntitle = \"Plans\"\nindex = { number = 80 }\n\
           [[league.indicator.band]]\npoints = 1\nover = 100\n[[league.indicator.band]]\npoints = 4\n\
           [[league]]\ncode = \"teams\"\ntitle = \"Teams\"\nby = \"team\"\nmeasure = \"job_started\"\n";
    let read = rulebook(&text);
    let [areas, teams] = read.leagues.as_slice() else { panic!("{:#?}", read.leagues) };
    let [sessions, plan] = areas.indicators().expect("indicators") else { panic!("{areas:#?}") };
    let edges: Vec<(u32, Edge)> = sessions.bands.iter().map(|band| (band.points, band.from)).collect();
    assert_eq!(edges, [(3, Edge::Over(110.into())), (2, Edge::AtLeast(90.into())), (0, Edge::None)]);
    assert_eq!((&sessions.index, sessions.points_max()), (&Index::Target("contract".to_owned()), 3));
    assert_eq!((plan.title.as_deref(), &plan.index, plan.points_max()), (Some("Plans"), &Index::Number(80.into()), 4));
    assert_eq!((teams.by, &teams.ranked_by), (LeagueBy::Team, &RankedBy::Measure("job_started".to_owned())));
    assert_eq!(areas.measures(), ["sessions", "plan"]);
    let sentences = explain::of(&read);
    for sentence in [
        "League areas: Areas. It ranks service areas by their points out of 7: sessions against its target in the \
         profile contract (3 over 110 %, 2 from 90 %, otherwise 0); plan against 80 (1 over 100 %, otherwise 4).",
        "League teams: Teams. It ranks teams by job_started, the greatest first.",
    ] {
        assert!(sentences.iter().any(|one| one == sentence), "{sentence}\n\n{sentences:#?}");
    }
}

#[test]
fn a_league_ranks_by_one_measure_or_by_indicators() {
    let lists = "write the code of one that `throughline board --list-measures` lists, or a [[measure]] of it";
    for (by, rest, fault) in [
        ("area", "", "league: it has nothing to rank by; write measure, or [[league.indicator]] for each indicator"),
        ("area", "measure = \"happiness\"\n", &format!("league.measure: there is no measure \"happiness\"; {lists}")),
        (
            "area",
            "measure = \"wte\"\n",
            "league.measure: \"wte\" counts workers, who belong to no area, so it ranks no member; name another measure",
        ),
        (
            "team",
            "measure = \"contract:sessions\"\n",
            "league.measure: \"contract:sessions\" is recorded for the contract as a whole, so it ranks no member; \
             name another measure",
        ),
        (
            "place",
            "measure = \"plan\"\n",
            "league.by: \"place\" is not one of the allowed words; write by = \"area\" or \"team\" or \"keyworker\"",
        ),
    ] {
        assert_eq!(said(&with_league(by, rest)), [fault]);
    }
    assert!(faults(&with_league("keyworker", "measure = \"wte\"\n")).is_empty());
    let both = with_indicator("area", "measure = \"plan\"\nindex = { number = 1 }", BANDS);
    let both = both.replace("by = \"area\"\n", "by = \"area\"\nmeasure = \"plan\"\n");
    assert_eq!(
        said(&both),
        ["league: it has measure and indicator, but a league ranks by one of the two; take one of them out"]
    );
    let twice = with_league("area", "measure = \"plan\"\n")
        + "[[league]]\ncode = \"areas\"\ntitle = \"Areas\"\nby = \"team\"\nmeasure = \"plan\"\n";
    assert_eq!(said(&twice), ["league.code: the league \"areas\" is already defined above; give it another code"]);
    assert_eq!(faults(&with_league("area", "measure = \"happiness\"\n")).concat().split(':').next(), Some("line 71"));
}

#[test]
fn an_index_gives_every_member_a_number() {
    for (by, index, fault) in [
        ("area", "{ number = 0 }", "number: nothing is a percentage of 0; write number = 80"),
        ("area", "{}", " the index is missing; write index = { number = 80 }"),
        (
            "area",
            "{ number = 1, mean_of = \"members\" }",
            " the index is given as number and mean_of; write index = { number = 80 }",
        ),
        (
            "area",
            "{ target = \"bid\" }",
            "target: there is no target profile \"bid\"; write one of contract, or add it to targets.profiles",
        ),
        (
            "team",
            "{ target = \"contract\" }",
            "target: targets are of the contract and of service areas, not of teams or keyworkers; \
             write index = { mean_of = \"members\" } or a number",
        ),
    ] {
        let keys = format!("measure = \"sessions\"\nindex = {index}");
        let path = if fault.starts_with(' ') { "league.indicator.index:" } else { "league.indicator.index." };
        assert_eq!(said(&with_indicator(by, &keys, BANDS)), [format!("{path}{fault}")]);
    }
}

#[test]
fn every_value_has_a_band_and_every_band_a_value() {
    let band = |edges: &[&str]| -> String {
        let bands: Vec<String> = edges.iter().map(|edge| format!("[[league.band]]\npoints = 1\n{edge}\n")).collect();
        bands.concat()
    };
    for (bands, fault) in [
        (
            band(&[]),
            "league.indicator.band: the indicator has no bands; write [[league.band]] for each band, the highest first",
        ),
        (
            band(&["over = 110", "at_least = 90"]),
            "league.band: values below the last band have no points; write a last [[band]] with points alone",
        ),
        (
            band(&["", "over = 110", ""]),
            "league.band: the band above takes every value, so this one never gives points; \
             put the band without an edge last",
        ),
        (
            band(&["over = 90", "at_least = 110", ""]),
            "league.band: the edge 110 is not below that of the band above, 90; \
             write the bands from the highest to the lowest",
        ),
        (
            band(&["at_least = 110", "over = 110", ""]),
            "league.band: the edge 110 is not below that of the band above, 110; \
             write the bands from the highest to the lowest",
        ),
        (
            band(&["at_least = 110\nover = 110", ""]),
            "league.band.at_least: the band has the edges at_least and over; write one of at_least and over",
        ),
    ] {
        let found = said(&with_indicator("area", "measure = \"sessions\"\nindex = { number = 1 }", &bands));
        assert_eq!(found, [fault], "{bands}");
    }
    let exactly = band(&["over = 100", "at_least = 100", ""]);
    assert!(faults(&with_indicator("area", "measure = \"sessions\"\nindex = { number = 1 }", &exactly)).is_empty());
    let twice = with_indicator("area", "measure = \"sessions\"\nindex = { number = 1 }", BANDS)
        + "[[league.indicator]]\nmeasure = \"sessions\"\nindex = { number = 2 }\n";
    assert_eq!(
        said(&twice),
        ["league.indicator.measure: \"sessions\" is already an indicator of this league; take one of them out"]
    );
    let unused = with_league("area", &format!("measure = \"sessions\"\n{BANDS}"));
    assert_eq!(
        said(&unused),
        [
            "league.band: bands give points to indicators, and there are none; take band out, or write [[league.indicator]]"
        ]
    );
}

#[test]
fn areas_have_no_workers_and_keyworkers_no_posts() {
    let refused = |by: &str, measure: &str| said(&with_league(by, &format!("measure = \"{measure}\"\n")));
    let fault = |measure: &str, why: &str| {
        vec![format!("league.measure: \"{measure}\" {why}, so it ranks no member; name another measure")]
    };
    let of_workers = "counts workers, who belong to no area";
    for measure in ["slots", "absence_days", "vacancies", "cover_days", "utilisation", "contacts_per_wte_week"] {
        assert_eq!(refused("area", measure), fault(measure, of_workers));
    }
    for measure in ["vacancies", "vacant_wte", "void_days"] {
        assert_eq!(refused("keyworker", measure), fault(measure, "counts posts of teams"));
        assert!(refused("team", measure).is_empty(), "{measure}");
    }
    let accepted =
        [("area", "mean_caseload"), ("keyworker", "slots"), ("keyworker", "absence_days"), ("team", "utilisation")];
    for (by, measure) in accepted {
        assert!(refused(by, measure).is_empty(), "{measure} by {by}");
    }
}
