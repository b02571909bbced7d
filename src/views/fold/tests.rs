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
    use std::sync::Arc;

    use super::fault;
    use crate::access::{Principal, Role, Scope};
    use crate::clock::{Chance, Clock};
    use crate::log::Log;
    use crate::record::{CommandRequest, Recorder};
    use crate::store::{Mode, Store};
    use crate::views::Views;
    use crate::views::project::Projector;
    use throughline_domain::command::contracts::OpenContract;
    use throughline_domain::command::{Command, ReceiveReferral};
    use throughline_domain::contract::rulebook::packs::pack;
    use throughline_domain::fact::envelope::{CommandId, JourneyId, Occurred, Position, StreamId, SubjectId};
    use throughline_domain::fact::event::{
        ContractOpened, Event, PlanAgreed, ReferralAccepted, ReferralReceived, SubjectKind,
    };

    const CHANCE: u64 = 11;

    fn on() -> Occurred {
        Occurred::on("2018-01-15".parse().expect("a day"))
    }

    /// A log with its view and its recorder, and an open contract.
    async fn opened(directory: &tempfile::TempDir) -> (Views, Recorder) {
        let url = format!("sqlite:{}", directory.path().join("log.db").display());
        let store = Store::open(&url, Mode::Write).await.expect("the store opens");
        let log = Log::open(Arc::new(store)).await.expect("the log opens");
        let views = Views::open(log.clone()).await.expect("the view opens");
        let clock = Arc::new(Clock::standing_at("2018-02-01T09:00:00Z".parse().expect("an instant")));
        let started = Recorder::start(log, views.clone(), clock, Arc::new(Chance::seeded(CHANCE))).await;
        let (recorder, _) = started.expect("it starts");
        let open = OpenContract {
            when: on().into(),
            fact: ContractOpened {
                code: "shps".to_owned(),
                name: "A service".to_owned(),
                parties: Vec::new(),
                starts_on: on().earliest(),
                ends_on: None,
            },
            rulebook: pack("shps").expect("it ships").text.to_owned(),
        };
        record(&recorder, 1, Role::Administrator, Command::OpenContract(open)).await;
        (views, recorder)
    }

    async fn record(recorder: &Recorder, nth: u128, role: Role, command: Command) {
        let principal = Principal { subject: "tester".to_owned(), role, scope: Scope::Deployment };
        let request = CommandRequest::new(principal, CommandId(uuid::Uuid::from_u128(nth)), command);
        recorder.append(request).await.expect("it is recorded");
    }

    async fn receive(recorder: &Recorder, nth: u128) -> JourneyId {
        let journey = JourneyId(uuid::Uuid::from_u128(nth));
        let receive = ReceiveReferral {
            journey,
            contract: "shps".to_owned(),
            when: on().into(),
            register: Some(SubjectKind::Person),
            fact: ReferralReceived {
                subject: SubjectId(uuid::Uuid::from_u128(nth)),
                area: "brent".to_owned(),
                cohort: None,
                referrer: None,
                external_references: Vec::new(),
            },
        };
        record(recorder, nth, Role::Manager, Command::ReceiveReferral(receive)).await;
        journey
    }

    async fn state(recorder: &Recorder, nth: u128, journey: JourneyId, fact: impl Into<Event>) {
        let command = Command::state(StreamId::journey(journey), on(), fact);
        record(recorder, nth, Role::Manager, command).await;
    }

    async fn project(views: &Views) {
        let mut projector = Projector::new(views.log().clone(), views.live()).await.expect("a projector");
        while projector.step().await.expect("the others go on") {}
    }

    #[tokio::test]
    async fn a_journey_whose_fold_panics_is_parked_others_continue_and_a_retry_repairs_it() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (views, recorder) = opened(&directory).await;
        let struck = receive(&recorder, 0x5701).await;
        let other = receive(&recorder, 0x5702).await;
        project(&views).await;
        let before = views.position_and_digest().await.expect("a digest").1;

        let stream = StreamId::journey(struck);
        fault::put(stream);
        state(&recorder, 0x5703, struck, ReferralAccepted {}).await;
        let failed_at = views.log().head().await.expect("the head").position;
        state(&recorder, 0x5704, other, ReferralAccepted {}).await;
        state(&recorder, 0x5705, struck, PlanAgreed { kind: "php".to_owned() }).await;
        project(&views).await;
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
        let rebuilt = Views::rebuild(views.log()).await.expect("the view is rebuilt");
        assert_eq!(rebuilt.old, Some(rebuilt.new), "nothing was skipped");
    }

    #[tokio::test]
    async fn a_rebuild_parks_a_journey_whose_fold_panics_and_builds_the_others() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (views, recorder) = opened(&directory).await;
        let struck = receive(&recorder, 0x5801).await;
        receive(&recorder, 0x5802).await;
        project(&views).await;
        let whole = views.position_and_digest().await.expect("a digest").1;

        fault::put(StreamId::journey(struck));
        let rebuilt = Views::rebuild(views.log()).await.expect("it is built");
        assert_ne!(rebuilt.new.1, whole);
        let anew = Views::open(views.log().clone()).await.expect("the view opens");
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
