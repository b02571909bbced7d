//! The demo's story, played into a log: the log tells it as it was told, and the live view is what a rebuild gives.

use std::time::Duration;

use throughline::demo::{CONTINUES_AT, SEED, Size, Story, documented_journey, play};
use throughline::store::Dialect;
use throughline::views::Views;
use throughline_domain::fact::envelope::{Envelope, Position, StreamId};

use crate::stores::{Fresh, STORES};

/// How long a test waits for a view on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_played_story_is_in_the_log_as_written_and_its_live_view_equals_a_rebuild() {
    let story = Story::new(SEED, Size::OneIn(12));
    let mut digests = Vec::new();
    for dialect in STORES {
        let fresh = Fresh::on(dialect, CONTINUES_AT).await;
        let played = play(&fresh.recorder, &fresh.clock, &story).await.expect("the story is played");
        let logged = everything(&fresh, played.position).await;
        assert_eq!(played.commands, story.items().len());
        let mut logged: Vec<_> = logged.iter().map(|event| (event.recorded_at, event.command_id)).collect();
        logged.dedup();
        let told: Vec<_> = story.items().iter().map(|item| (item.recorded_at, item.command_id)).collect();
        assert!(logged == told, "the log has another order or other instants on {dialect:?}");
        assert!(fresh.views.passed(played.position, PATIENCE).await, "the view does not follow on {dialect:?}");
        let rebuilt = Views::rebuild(&fresh.log, throughline::queries::statements).await.expect("the view is rebuilt");
        assert_eq!(rebuilt.old.as_ref(), Some(&rebuilt.new), "live and rebuilt view differ on {dialect:?}");
        assert_eq!(rebuilt.new.0, played.position);
        digests.push(rebuilt.new.1);
        fresh.end().await;
    }
    assert_eq!(digests[0], digests[1], "the stores show the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_journey_ends_with_a_contact_that_is_taken_back() {
    let fresh = Fresh::on(Dialect::Sqlite, CONTINUES_AT).await;
    let story = Story::new(SEED, Size::OneIn(40));
    play(&fresh.recorder, &fresh.clock, &story).await.expect("the story is played");
    let stream = fresh.log.stream(StreamId::journey(documented_journey())).await.expect("the stream is read");
    let last = |back: usize| {
        let event = &stream[stream.len() - back];
        (event.event_type.as_str(), event.occurred.earliest().to_string(), event.recorded_at.date_naive().to_string())
    };
    assert_eq!(last(2), ("ContactLogged", "2018-02-10".to_owned(), "2018-02-25".to_owned()));
    assert_eq!(last(1), ("FactRetracted", "2018-02-26".to_owned(), "2018-02-26".to_owned()));
    fresh.end().await;
}

/// Every event of the log, in order.
async fn everything(fresh: &Fresh, upto: Position) -> Vec<Envelope> {
    let mut events: Vec<Envelope> = Vec::new();
    loop {
        let after = events.last().map_or(Position::default(), |event| event.position);
        let page = fresh.log.page(after, upto).await.expect("the log is read");
        if page.is_empty() {
            return events;
        }
        events.extend(page);
    }
}
