//! Boards by example, as far as no printed table shows it: imprecise dates, keyworkers who change, medians, months,
//! exits, pages, visibility.
//!
//! Every example runs on both stores and asks the view itself. tests/scenarios/boards has those that are printed; the
//! law that covers the rest is in `as_of`.

use chrono::NaiveDate;
use throughline::access::relation::Standing;
use throughline::access::{Principal, Role, Scope};
use throughline::queries;
use throughline::queries::board::Group;
use throughline::queries::journeys::{HeldBy, JourneyFilter, JourneyRow, Order, Population};
use throughline::queries::performance::{MonthsRow, Performance};
use throughline::queries::period::Period;
use throughline::queries::{exits, performance, recency, referral_to_plan};
use throughline::store::Dialect;
use throughline_domain::command::Command;
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::envelope::{EventId, JourneyId, SpellId, StreamId, SubjectId, WorkerId};
use throughline_domain::fact::event::{
    Attendance, Attribute, ContactLogged, Disengaged, Event, ExternalReference, JourneyClosed, ReferralAccepted,
    ReferralReceived, SpellStarted, SubjectKind, WorkerJoined,
};
use throughline_domain::performance::period::{Month, Months};
use throughline_domain::world::{self, ANN, BOB, day, when};
use throughline_projections::DaySpan;
use uuid::Uuid;

use crate::stores::{Fresh, STORES};

const CONTRACT: &str = "shps";

/// A service of one contract, and what its people do.
struct Service {
    fresh: Fresh,
    rulebook: Rulebook,
}

fn journey(n: u128) -> JourneyId {
    JourneyId(Uuid::from_u128(0x1000 + n))
}

fn month(text: &str) -> Month {
    Month::of(day(&format!("{text}-01")))
}

fn exactly(days: u32) -> DaySpan {
    DaySpan { lowest: days, highest: days }
}

impl Service {
    /// A contract from the start of October 2017 with two keyworkers, on the first of March 2018.
    async fn on(dialect: Dialect) -> Self {
        let fresh = Fresh::on(dialect, "2018-03-01T09:00:00Z".parse().expect("an instant")).await;
        let text =
            include_str!("rulebooks/as_of.toml").replace("CONTRACT", CONTRACT).replace("COUNTS_WHEN", "received");
        let service = Self { fresh, rulebook: Rulebook::parse(&text).expect("our own rulebook") };
        let occurred = when("2017-10-01");
        let open = world::open(occurred, world::opened(CONTRACT, "2017-10-16"), text);
        service.record(open).await;
        for (worker, label) in [(ANN, "KW-ann"), (BOB, "KW-bob")] {
            let fact = WorkerJoined { login: Some(label.to_lowercase()), label: label.to_owned() };
            service.record(Command::record_fact(StreamId::worker(worker), occurred, fact)).await;
        }
        service
    }

    async fn record(&self, command: Command) -> EventId {
        let appended = self.fresh.record(command).await.unwrap_or_else(|refusals| panic!("refused: {refusals:?}"));
        appended.events.last().expect("it made an event").event_id
    }

    async fn refer(&self, n: u128, at: &str, area: &str) {
        self.refer_as(n, at, area, &format!("C-{n:04}")).await;
    }

    async fn refer_as(&self, n: u128, at: &str, area: &str, reference: &str) {
        let external = ExternalReference { system: "council".to_owned(), id: reference.to_owned() };
        let fact = ReferralReceived {
            subject: SubjectId(Uuid::from_u128(0x2000 + n)),
            area: area.to_owned(),
            external_references: vec![external],
            ..world::referral()
        };
        self.record(world::refer(journey(n), CONTRACT, when(at), Some(SubjectKind::Person), fact)).await;
    }

    async fn accept(&self, n: u128, at: &str) {
        self.fact(n, at, ReferralAccepted {}).await;
    }

    async fn decline(&self, n: u128, at: &str) {
        self.fact(n, at, world::declined()).await;
    }

    async fn assign(&self, n: u128, at: &str, worker: WorkerId) {
        self.fact(n, at, world::keyworker(worker)).await;
    }

    async fn contact(&self, n: u128, at: &str, worker: WorkerId) {
        let (attendance, worker) = (Attendance::Attended, Some(worker));
        let fact = ContactLogged { attendance, worker, two_way: false, ..world::contact() };
        self.fact(n, at, fact).await;
    }

    async fn plan(&self, n: u128, at: &str) -> EventId {
        self.fact(n, at, world::plan()).await
    }

    async fn secure(&self, n: u128, at: &str) {
        let spell = SpellId(Uuid::from_u128(0x3000 + n));
        let attributes = [("secured_as".to_owned(), Attribute::Text("kept".to_owned()))].into();
        self.fact(n, at, SpellStarted { attributes, ..world::home(spell) }).await;
    }

    async fn disengage(&self, n: u128, at: &str, reason: &str) {
        let fact = Disengaged { reason: reason.to_owned(), last_seen_on: None };
        self.fact(n, at, fact).await;
    }

    async fn close(&self, n: u128, at: &str, reason: &str) {
        let fact = JourneyClosed { reason: reason.to_owned(), destination: None };
        self.fact(n, at, fact).await;
    }

    async fn redate_plan(&self, n: u128, target: EventId, at: &str) {
        self.record(world::corrected(StreamId::journey(journey(n)), target, at, world::plan())).await;
    }

    async fn fact(&self, n: u128, at: &str, fact: impl Into<Event>) -> EventId {
        self.record(world::fact_of(StreamId::journey(journey(n)), at, fact)).await
    }

    async fn caseload(&self, as_of: &str) -> Vec<JourneyRow> {
        let (view, scope) = (self.fresh.views.live(), Scope::Deployment);
        let standing = Standing::contract_wide(day(as_of));
        let scope = scope.contract(CONTRACT).expect("in scope").cases(&standing);
        let how = (Population::Caseload, &JourneyFilter::default(), Order::default());
        queries::journeys::page(&view, scope, day(as_of), how, (None, 200)).await.expect("a page").rows
    }

    async fn recency(&self, as_of: &str, by: recency::By, measure: recency::Measure) -> Vec<recency::RecencyRow> {
        let (view, scope) = (self.fresh.views.live(), Scope::Deployment);
        let scope = scope.contract(CONTRACT).expect("in scope");
        recency::rows(&view, scope, day(as_of), &self.rulebook, (by, measure)).await.expect("a board")
    }

    async fn to_plan(&self, as_of: &str, period: Period) -> referral_to_plan::ReferralToPlanRow {
        let (view, scope) = (self.fresh.views.live(), Scope::Deployment);
        let scope = scope.contract(CONTRACT).expect("in scope");
        let by = referral_to_plan::By::Whole;
        let rows =
            referral_to_plan::rows(&view, scope, day(as_of), &self.rulebook, (by, period)).await.expect("a board");
        rows.expect("the rulebook measures it").remove(0)
    }

    async fn performance(&self, as_of: &str, by: performance::By, months: Months) -> Performance {
        let (view, scope) = (self.fresh.views.live(), Scope::Deployment);
        let scope = scope.contract(CONTRACT).expect("in scope");
        performance::in_months(&view, scope, day(as_of), &self.rulebook, (by, months)).await.expect("a board")
    }

    async fn exits(&self, as_of: &str, by: exits::By, period: Period) -> exits::Exits {
        let (view, scope) = (self.fresh.views.live(), Scope::Deployment);
        let scope = scope.contract(CONTRACT).expect("in scope");
        exits::in_period(&view, scope, day(as_of), &self.rulebook, (by, period)).await.expect("a board")
    }
}

/// Runs an example on both stores.
macro_rules! on_both_stores {
    ($(#[$doc:meta])* async fn $name:ident($service:ident: &Service) $body:block) => {
        $(#[$doc])*
        #[tokio::test]
        async fn $name() {
            async fn example($service: &Service) $body
            for dialect in STORES {
                let service = Service::on(dialect).await;
                example(&service).await;
                service.fresh.end().await;
            }
        }
    };
}

on_both_stores! {
    async fn a_case_that_goes_back_to_its_former_keyworker_is_theirs_on_the_days_it_was(service: &Service) {
        service.refer(1, "2018-01-01", "brent").await;
        service.accept(1, "2018-01-02").await;
        service.assign(1, "2018-01-05", ANN).await;
        service.assign(1, "2018-01-10", BOB).await;
        service.assign(1, "2018-01-20", ANN).await;
        service.contact(1, "2018-01-06", ANN).await;
        let expected = [
            ("2018-01-01", None),
            ("2018-01-04", Some(None)),
            ("2018-01-05", Some(Some(ANN))),
            ("2018-01-09", Some(Some(ANN))),
            ("2018-01-10", Some(Some(BOB))),
            ("2018-01-20", Some(Some(ANN))),
        ];
        for (as_of, keyworker) in expected {
            let found = service.caseload(as_of).await.first().map(|row| row.keyworker);
            assert_eq!(found, keyworker, "on {as_of}");
        }
        let row = |rows: Vec<recency::RecencyRow>| (rows[0].buckets.clone(), rows[0].none);
        let measure = recency::Measure::Keyworker;
        let bobs = row(service.recency("2018-01-15", recency::By::Keyworker, measure).await);
        assert_eq!(bobs, (vec![0; 5], 1), "Bob was never in touch");
        let anns = row(service.recency("2018-01-21", recency::By::Keyworker, measure).await);
        assert_eq!(anns, (vec![0, 0, 1, 0, 0], 0), "Ann was, 15 days ago, when the case was hers before");
    }
}

on_both_stores! {
    async fn of_contacts_that_stand_on_one_day_the_best_known_counts(service: &Service) {
        service.refer(1, "2018-01-01", "brent").await;
        service.accept(1, "2018-01-01").await;
        service.contact(1, "2018-02", ANN).await;
        let imprecise = service.recency("2018-02-28", recency::By::Whole, recency::Measure::Anyone).await;
        assert_eq!(imprecise[0].date_imprecise, 1);
        assert_eq!(service.caseload("2018-02-28").await[0].since_contact, Some(DaySpan { lowest: 0, highest: 27 }));
        assert_eq!(service.caseload("2018-02-05").await[0].since_contact, Some(DaySpan { lowest: 0, highest: 4 }));
        service.contact(1, "2018-02-01", BOB).await;
        assert_eq!(service.caseload("2018-02-28").await[0].since_contact, Some(exactly(27)));
        let known = service.recency("2018-02-28", recency::By::Whole, recency::Measure::Anyone).await;
        assert_eq!((known[0].date_imprecise, &known[0].buckets[..]), (0, &[0, 0, 0, 1, 0][..]));
    }
}

on_both_stores! {
    async fn an_imprecise_wait_counts_in_a_bucket_that_holds_it_whole_and_in_no_mean(service: &Service) {
        service.refer(1, "2017-10", "brent").await;
        service.plan(1, "2017-10-05").await;
        service.refer(2, "2017-10", "brent").await;
        service.plan(2, "2017-10-20").await;
        service.refer(3, "2017-10-02", "brent").await;
        service.plan(3, "2017-10-12").await;
        let row = service.to_plan("2018-02-28", Period::Months(Months::one(month("2017-10")))).await;
        assert_eq!((&row.buckets[..], row.date_imprecise, row.with_plan()), (&[1, 1, 0, 0, 0][..], 1, 3));
        assert_eq!((row.days.count(), row.days.median(), row.days.mean()), (1, Some(10.into()), Some(10.into())));
        // Known only by month, it can be no other number of days than 0, and still tells no mean anything.
        service.refer(4, "2017-10", "brent").await;
        service.plan(4, "2017-09-10").await;
        let row = service.to_plan("2018-02-28", Period::Months(Months::one(month("2017-10")))).await;
        assert_eq!((row.buckets[0], row.days.count(), row.days.median()), (2, 1, Some(10.into())));
    }
}

on_both_stores! {
    async fn a_wait_ends_with_the_first_plan_that_stands(service: &Service) {
        for (n, at) in [(1, "2018-01-01"), (2, "2018-01-01"), (3, "2018-01-01"), (4, "2018-01-01"), (5, "2018-01-01")] {
            service.refer(n, at, "brent").await;
        }
        let first = service.plan(1, "2018-01-08").await;
        service.plan(1, "2018-01-12").await;
        service.plan(2, "2017-12-20").await;
        service.close(3, "2018-01-31", "lost_contact").await;
        service.decline(4, "2018-01-15").await;
        let row = service.to_plan("2018-02-28", Period::ToDate).await;
        assert_eq!((&row.buckets[..], row.no_plan_yet, row.closed_without_plan), (&[2, 0, 0, 0, 0][..], 1, 1));
        assert_eq!((row.total(), row.plan_before_referral), (4, 1), "the declined one is out");
        assert_eq!(row.days.mean(), Some("3.5".parse().expect("a decimal")));
        // Before the decline and the close both were open, and the first plan is not yet made.
        let before = service.to_plan("2018-01-07", Period::ToDate).await;
        assert_eq!((before.total(), before.no_plan_yet, before.with_plan()), (5, 4, 1));
        service.redate_plan(1, first, "2018-01-30").await;
        let row = service.to_plan("2018-02-28", Period::ToDate).await;
        assert_eq!(row.days.percentile(100), Some(11.into()), "the other plan is the first now");
        assert_eq!(service.to_plan("2018-02-28", Period::Months(Months::one(month("2018-02")))).await.total(), 0);
    }
}

fn counts(rows: &[MonthsRow]) -> Vec<(&[u64], u64)> {
    rows.iter().map(|row| (&row.by_month[..], row.cumulative)).collect()
}

on_both_stores! {
    async fn a_stage_is_counted_once_in_the_month_of_its_first_fact(service: &Service) {
        service.refer(1, "2017-11-20", "brent").await;
        service.plan(1, "2018-01-31").await;
        service.plan(1, "2018-02-15").await;
        service.secure(1, "2018-02-27").await;
        service.refer(2, "2018-01-05", "ealing").await;
        service.decline(2, "2018-02-02").await;
        service.refer(3, "2017-10-09", "brent").await;
        let months = Months::from_to(month("2018-01"), month("2018-02")).expect("in order");
        let board = service.performance("2018-02-28", performance::By::Area, months).await;
        let labels: Vec<&str> = board.stages.iter().map(|stage| stage.label.as_str()).collect();
        let expected = ["Referrals", "PHP complete", "Engaged", "Housing Secured", "Qualified", "Ten sessions"];
        assert_eq!(labels, expected);
        // October is the month in which the contract starts: the referral of the 9th is in.
        let none: (&[u64], u64) = (&[0, 0], 0);
        assert_eq!(counts(&board.stages[0].rows), [(&[0, 0][..], 2), (&[1, 0], 1), none]);
        assert_eq!(counts(&board.stages[1].rows), [(&[1, 0][..], 1), none, none]);
        assert_eq!(counts(&board.stages[3].rows), [(&[0, 1][..], 1), none, none]);
        assert_eq!(counts(&board.declined), [none, (&[0, 1], 1), none]);
        let earlier = service.performance("2018-02-26", performance::By::Whole, months).await;
        assert_eq!(counts(&earlier.stages[0].rows), [(&[1, 0][..], 3)], "a past month never falls");
        assert_eq!(counts(&earlier.stages[3].rows), [none]);
        assert_eq!(board.stages[0].rows[1].total(), 1);
    }
}

on_both_stores! {
    async fn an_exit_counts_once_by_its_reason_and_a_disengagement_beneath(service: &Service) {
        for n in 1..=3 {
            service.refer(n, "2018-01-05", "brent").await;
            service.accept(n, "2018-01-05").await;
        }
        service.close(1, "2018-01-31", "housed").await;
        service.close(2, "2018-02-01", "lost_contact").await;
        service.disengage(2, "2018-01-20", "no_contact").await;
        service.disengage(2, "2018-01-25", "no_contact").await;
        service.disengage(3, "2018-02-20", "moved_away").await;
        let some = |rows: &[exits::ExitRow]| -> Vec<(Group, u64)> {
            rows.iter().filter(|row| row.journeys > 0).map(|row| (row.group.clone(), row.journeys)).collect()
        };
        let reason = |code: &str| Group::Reason(code.to_owned());
        let all = service.exits("2018-02-28", exits::By::Reason, Period::ToDate).await;
        assert_eq!(some(&all.closed), [(reason("housed"), 1), (reason("lost_contact"), 1)]);
        assert_eq!(some(&all.disengaged), [(reason("no_contact"), 1), (reason("moved_away"), 1)]);
        assert_eq!((all.total(), all.closed.len()), (2, 3));
        let january = Period::Months(Months::one(month("2018-01")));
        let january = service.exits("2018-02-28", exits::By::Area, january).await;
        assert_eq!(some(&january.closed), [(Group::Area("brent".to_owned()), 1)]);
        assert_eq!(some(&january.disengaged), [(Group::Area("brent".to_owned()), 1)]);
        assert_eq!(service.exits("2018-01-30", exits::By::Reason, Period::ToDate).await.total(), 0);
        assert_eq!(service.caseload("2018-02-28").await.len(), 1, "who disengages stays on the caseload");
    }
}

on_both_stores! {
    async fn the_caseload_comes_page_by_page_in_the_order_of_references(service: &Service) {
        for (n, reference, area) in [(1, "B", "brent"), (2, "B", "ealing"), (3, "A", "brent"), (4, "Z", "brent")] {
            service.refer_as(n, "2018-01-05", area, reference).await;
            service.accept(n, "2018-01-05").await;
        }
        service.assign(4, "2018-01-06", ANN).await;
        let (view, scope) = (service.fresh.views.live(), Scope::Deployment);
        let as_of = day("2018-02-28");
        let standing = Standing::contract_wide(as_of);
        let scope = scope.contract(CONTRACT).expect("in scope");
        let cases = scope.cases(&standing);
        let all = JourneyFilter::default();
        let how = (Population::Caseload, &all, Order::default());
        let first = queries::journeys::page(&view, cases, as_of, how, (None, 2)).await.expect("a page");
        assert_eq!(first.rows.iter().map(|row| row.journey).collect::<Vec<_>>(), [journey(3), journey(1)]);
        assert!(first.has_next);
        let second = queries::journeys::page(&view, cases, as_of, how, (Some(&first.rows[1].place), 2)).await.expect("a page");
        assert_eq!(second.rows.iter().map(|row| row.journey).collect::<Vec<_>>(), [journey(2), journey(4)]);
        assert!(!second.has_next);
        let filter = |held, area: Option<&str>| JourneyFilter {
            held,
            area: area.map(str::to_owned),
            stage: Some("referral".to_owned()),
            ..JourneyFilter::default()
        };
        for (filter, count) in [
            (filter(HeldBy::Any, Some("brent")), 3),
            (filter(HeldBy::Unassigned, None), 3),
            (filter(HeldBy::Keyworker(ANN), Some("brent")), 1),
            (filter(HeldBy::Keyworker(ANN), Some("ealing")), 0),
            (filter(HeldBy::Keyworker(BOB), None), 0),
        ] {
            let how = (Population::Caseload, &filter, Order::default());
            let rows = queries::journeys::page(&view, cases, as_of, how, (None, 200)).await.expect("a page").rows.len() as u64;
            let counted = queries::journeys::count(&view, cases, as_of, Population::Caseload, &filter).await.expect("a count");
            assert_eq!((rows, counted), (count, count), "{filter:?}");
        }
        let held = queries::caseload::by_keyworker(&view, scope, as_of).await.expect("a board");
        assert_eq!(held.iter().map(|row| row.journeys).collect::<Vec<_>>(), [1, 3]);
        // The end of the calendar is a day like any other.
        for as_of in [NaiveDate::MAX, NaiveDate::MIN, day("9999-12-31")] {
            let open = queries::journeys::count(&view, cases, as_of, Population::Caseload, &all).await.expect("a count");
            assert_eq!(open, if as_of == NaiveDate::MIN { 0 } else { 4 });
        }
    }
}

on_both_stores! {
    async fn people_are_visible_to_those_who_have_a_journey_or_case_of_theirs_in_scope(service: &Service) {
        service.refer(1, "2018-01-05", "brent").await;
        service.assign(1, "2018-01-06", ANN).await;
        let view = service.fresh.views.live();
        let scopes = [
            (Scope::Deployment, 1, 2, 1),
            (Scope::Contracts([CONTRACT.to_owned()].into()), 1, 2, 1),
            // Bob has no case anywhere.
            (Scope::Contracts(["kmc".to_owned()].into()), 0, 1, 0),
            (Scope::Contracts([].into()), 0, 0, 0),
        ];
        let nobody = Uuid::from_u128(0x99);
        let subjects = [SubjectId(Uuid::from_u128(0x2001)), SubjectId(nobody)];
        for (scope, subjects_seen, workers_seen, contracts_seen) in scopes {
            let who = Principal { subject: String::new(), role: Role::Manager, scope: scope.clone() };
            let seen = queries::caseload_scope::readable_subjects(&view, &who, day("2018-02-28"), &subjects).await.expect("subjects");
            assert_eq!(seen.len(), subjects_seen, "{scope:?}");
            let seen = queries::people::visible_workers(&view, &scope, &[ANN, BOB, WorkerId(nobody)]).await.expect("workers");
            assert_eq!(seen.len(), workers_seen, "{scope:?}");
            assert_eq!(queries::contracts::all(&view, &scope).await.expect("contracts").len(), contracts_seen, "{scope:?}");
        }
        let scope = Scope::Deployment;
        let contract = queries::contracts::find(&view, scope.contract(CONTRACT).expect("in scope")).await.expect("a read");
        let contract = contract.expect("the contract");
        assert_eq!((contract.starts_on, contract.rulebook_hash.as_str()), (day("2017-10-16"), service.rulebook.hash()));
        assert_eq!(queries::contracts::find(&view, scope.contract("kmc").expect("in scope")).await.expect("a read"), None);
        let bob = queries::people::worker_of_login(&view, "kw-bob", day("2018-02-28")).await.expect("a read").expect("Bob");
        assert_eq!((bob.worker, bob.label.as_str()), (BOB, "KW-bob"));
        assert_eq!(queries::people::worker_of_login(&view, "kw-eve", day("2018-02-28")).await.expect("a read"), None);
        assert_eq!(queries::people::workers(&view, &[ANN, BOB]).await.expect("a read").len(), 2);
        let scope = scope.contract(CONTRACT).expect("in scope");
        let held = |as_of, after| queries::people::workers_of_contract(&view, scope, day(as_of), (after, 10));
        let workers = held("2018-02-28", None).await.expect("a list");
        assert_eq!(workers.iter().map(|worker| worker.worker).collect::<Vec<_>>(), [ANN, BOB]);
        assert_eq!(held("2018-02-28", Some(("KW-ann", ANN))).await.expect("a list").len(), 1);
        assert_eq!(held("2018-01-05", None).await.expect("a list"), workers, "newcomers, then");
        assert_eq!(held("2017-09-30", None).await.expect("a list"), []);
    }
}
