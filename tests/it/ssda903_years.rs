//! Returns of several years, of older years, and codes that a spreadsheet has changed.
//!
//! The children, days and codes are invented.

use throughline::import::ssda903::Outcome;
use throughline_domain::fact::envelope::StreamId;

use crate::ssda903::{HEADER, dry_run, file as file_of, head, import, journeys, on_both_stores, row, shown, spells};

#[tokio::test]
async fn two_years_of_one_episode_in_one_file_are_one_spell() {
    let header = format!("{HEADER},YEAR");
    let of_year = |row: &str, year: &str| format!("{row},{year}");
    let open = row("101", "01/04/2016", "C1", "", "");
    let ended = row("101", "01/04/2016", "C1", "10/05/2017", "E4A");
    let put_right = row("101", "01/04/2016", "J1", "11/05/2017", "E4A");
    on_both_stores(async |fresh| {
        let years = [of_year(&ended, "2018"), of_year(&open, "2017"), of_year(&put_right, "2019")].join("\n");
        let (summary, rows) = import(fresh, &format!("{header}\n{years}\n")).await;
        assert_eq!(shown(&rows), ["2 101 there", "3 101 there", "4 101 recorded 4"]);
        assert_eq!(rows[1].note.as_deref(), Some("line 4 has newer content for the same episode"));
        assert_eq!((summary.recorded, summary.there, summary.journeys), (1, 2, 1));
        assert_eq!(spells(fresh, "101").await, ["2016-04-01 J1 to 2017-05-11 E4A"]);
        let before = head(fresh).await;
        import(fresh, &format!("{header}\n{years}\n")).await;
        assert_eq!(head(fresh).await, before, "the same file again adds nothing");
        // Without years: what ended is the newer word, also where it is asked only then why the placement changed.
        let first = open.replace("101", "202").replace("CARPL", "");
        let file = file_of(&[ended.replace("101", "202"), first]);
        import(fresh, &file).await;
        assert_eq!(spells(fresh, "202").await, ["2016-04-01 C1 to 2017-05-10 E4A"]);
        // The newest word cannot be recorded: the one before stands.
        let wrong = row("303", "01/04/2016", "C1", "01/04/2015", "E4A");
        let (_, rows) = import(fresh, &file_of(&[wrong, open.replace("101", "303")])).await;
        assert!(matches!(rows[0].outcome, Outcome::Refused(_)), "{rows:?}");
        assert_eq!(spells(fresh, "303").await, ["2016-04-01 C1 to now"]);
    })
    .await;
}

#[tokio::test]
async fn a_return_that_does_not_ask_for_a_code_says_nothing_of_it() {
    let old = |rows: &str| {
        let header = HEADER.replace(",URN", "").replace("PLACE_PROVIDER,", "").replace("REASON_PLACE_CHANGE,", "");
        format!("{header}\n{rows}\n")
    };
    on_both_stores(async |fresh| {
        import(fresh, &file_of(&[row("101", "01/04/2017", "C1", "", "")])).await;
        let before = head(fresh).await;
        let (_, rows) = import(fresh, &old("101,01/04/2017,S,C1,N1,U6,,,,")).await;
        assert_eq!((shown(&rows), head(fresh).await), (vec!["2 101 there".to_owned()], before));
        let (_, rows) = import(fresh, &old("101,01/04/2017,S,V2,N1,U6,,,,\n202,01/04/2017,S,C1,N1,U6,,,,")).await;
        assert_eq!(shown(&rows), ["2 101 corrected 1", "3 202 recorded 3"]);
        let events = fresh.log.stream(StreamId::journey(journeys(fresh).await["101"].0)).await.expect("the stream");
        let corrected = events.last().expect("the correction").payload.get().to_owned();
        assert!(
            corrected.contains("\"urn\":\"1234567\"") && corrected.contains("\"legal_status\":\"V2\""),
            "{corrected}"
        );
    })
    .await;
}

#[tokio::test]
async fn codes_that_differ_by_zeros_or_case_alone_are_noted() {
    on_both_stores(async |fresh| {
        let (summary, _) = import(fresh, &file_of(&[row("001234", "01/04/2017", "C1", "", "")])).await;
        assert!(fresh.views.passed(summary.position, crate::wait::PATIENCE).await);
        let files = file_of(&[row("1234", "01/04/2017", "C1", "", ""), row("12340", "01/04/2017", "C1", "", "")]);
        for (_, rows) in [dry_run(fresh, &[&files]).await, import(fresh, &files).await] {
            let note = rows[0].note.as_deref().unwrap_or_default();
            assert_eq!(note, "differs from 001234 by leading zeros or case only: one child may be here twice");
            assert_eq!(rows[1].note, None);
        }
        let (_, rows) =
            import(fresh, &file_of(&[row("ab1", "01/04/2017", "C1", "", ""), row("AB1", "01/04/2017", "C1", "", "")]))
                .await;
        assert!(rows.iter().all(|told| told.note.is_some()), "{rows:?}");
    })
    .await;
}
