//! A stream that cannot be folded completely has the rows of its longest part that can.

/// A fault in the fold of one stream, set by a test.
pub(crate) mod fault {
    use std::collections::HashSet;
    use std::sync::Mutex;

    use throughline_domain::fact::envelope::StreamId;

    static STRUCK: Mutex<Option<HashSet<StreamId>>> = Mutex::new(None);

    /// Makes the fold of this stream panic from now on.
    pub(crate) fn put(stream: StreamId) {
        STRUCK.lock().expect("no panic while holding it").get_or_insert_default().insert(stream);
    }

    /// Removes the fault.
    pub(crate) fn mend(stream: StreamId) {
        STRUCK.lock().expect("no panic while holding it").get_or_insert_default().remove(&stream);
    }

    /// Panics if the stream has a fault.
    pub(crate) fn strike(stream: StreamId) {
        let is_struck = STRUCK.lock().expect("no panic while holding it").iter().any(|all| all.contains(&stream));
        assert!(!is_struck, "the fold of {stream} has a fault");
    }
}

mod parking {
    use super::fault;
    use crate::views::Views;
    use crate::views::project::Projector;
    use crate::views::test_service::TestService;
    use throughline_domain::fact::envelope::{Position, StreamId};
    use throughline_domain::fact::event::{PlanAgreed, ReferralAccepted};

    async fn project(views: &Views) {
        let mut projector = Projector::new(views.log().clone(), views.live()).await.expect("a projector");
        while projector.step().await.expect("the others go on") {}
    }

    #[tokio::test]
    async fn a_journey_whose_fold_panics_is_parked_others_continue_and_a_retry_repairs_it() {
        let service = TestService::with_contract().await;
        let views = &service.views;
        let struck = service.receive(0x5701).await;
        let other = service.receive(0x5702).await;
        project(views).await;
        let before = views.position_and_digest().await.expect("a digest").1;

        let stream = StreamId::journey(struck);
        fault::put(stream);
        service.state(0x5703, struck, ReferralAccepted {}).await;
        let failed_at = views.log().head().await.expect("the head").position;
        service.state(0x5704, other, ReferralAccepted {}).await;
        service.state(0x5705, struck, PlanAgreed { kind: "php".to_owned(), actions: Vec::new(), note: None }).await;
        project(views).await;
        let (position, parked_digest) = views.position_and_digest().await.expect("a digest");
        assert_eq!(position, views.log().head().await.expect("the head").position, "nobody else waits");
        assert_ne!(parked_digest, before, "the other journey is accepted");
        let parked = views.live().parked(Position::default(), 10).await.expect("a list");
        let [parked] = parked.as_slice() else { panic!("{parked:?}") };
        assert_eq!((parked.stream, parked.version, parked.position), (stream, 1, failed_at));
        assert!(parked.error.contains("panicked"), "{}", parked.error);

        views.retry_parked(None).await.expect("it tries");
        assert_eq!(views.live().parked(Position::default(), 10).await.expect("a list").len(), 1, "it still is");

        fault::mend(stream);
        views.retry_parked(Some(stream)).await.expect("it tries");
        assert_eq!(views.live().parked(Position::default(), 10).await.expect("a list"), []);
        let rebuilt = Views::rebuild(views.log(), Vec::new).await.expect("the view is rebuilt");
        assert_eq!(rebuilt.old, Some(rebuilt.new), "nothing was skipped");
    }

    #[tokio::test]
    async fn a_rebuild_parks_a_journey_whose_fold_panics_and_builds_the_others() {
        let service = TestService::with_contract().await;
        let views = &service.views;
        let struck = service.receive(0x5801).await;
        service.receive(0x5802).await;
        project(views).await;
        let whole = views.position_and_digest().await.expect("a digest").1;

        fault::put(StreamId::journey(struck));
        let rebuilt = Views::rebuild(views.log(), Vec::new).await.expect("it is built");
        assert_ne!(rebuilt.new.1, whole);
        let anew = Views::open(views.log().clone(), Vec::new).await.expect("the view opens");
        let parked = anew.live().parked(Position::default(), 10).await.expect("a list");
        assert_eq!(
            parked.iter().map(|parked| (parked.stream, parked.version)).collect::<Vec<_>>(),
            [(StreamId::journey(struck), 0)]
        );

        fault::mend(StreamId::journey(struck));
        anew.retry_parked(None).await.expect("it tries");
        assert_eq!(
            anew.position_and_digest().await.expect("a digest").1,
            whole,
            "a retry gives what a rebuild would have given"
        );
    }
}
