//! Given these facts of a contract, when a command records another, then these events or this refusal.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use uuid::Uuid;

use crate::contract::ContractRecord;
use crate::contract::register::Terms;
use crate::contract::rulebook::canonical::sha256_hex;
use crate::fact::envelope::{ActionId, JourneyId, NoticeId, StreamId};
use crate::fact::event::{
    ActionAgreed, ActionCompleted, ClosedDocument, CommentaryRecorded, ContractEnded, ContractOpened, ContractVaried,
    DoubleFundingDismissed, KpiAssessed, MeasureRecorded, NoticeIssued, NoticeKind, Party, Period, PeriodClosed,
    Quantity, ReferralReceived, ReportSubmitted, TargetRatio, TargetSeries, TargetsPublished,
};
use crate::fact::refusal::{RefusalCode as Code, Severity};
use crate::world::{JOURNEY, SUBJECT, World, corrected, day, fact_of, referral, referred, retracted, service, shps};

const OTHER_JOURNEY: JourneyId = JourneyId(Uuid::from_u128(0x11));
const NOTICE: NoticeId = NoticeId(Uuid::from_u128(0x81));
const ACTION: ActionId = ActionId(Uuid::from_u128(0x82));

fn varied(ends_on: &str) -> ContractVaried {
    let reason = "extended by a year".to_owned();
    ContractVaried { name: None, parties: None, ends_on: Some(day(ends_on)), reason }
}

fn ended() -> ContractEnded {
    ContractEnded { reason: "term over".to_owned() }
}

fn january() -> Period {
    Period { first: day("2018-01-01"), last: day("2018-01-31") }
}

fn targets(profile: &str, target: i64) -> TargetsPublished {
    let months = BTreeMap::from([(day("2018-01-01"), Quantity(target.into()))]);
    let (measure, area) = ("attendance".to_owned(), Some("brent".to_owned()));
    let series = vec![TargetSeries { measure, area, months, ..TargetSeries::default() }];
    TargetsPublished { profile: profile.to_owned(), series }
}

fn issued() -> NoticeIssued {
    NoticeIssued { notice: NOTICE, kind: NoticeKind::ImprovementPlan, kpi: None, reason: "late contacts".to_owned() }
}

fn agreed(notice: Option<NoticeId>) -> ActionAgreed {
    let text = "weekly review of first contacts".to_owned();
    ActionAgreed { action: ACTION, notice, text, owner: Some("provider".to_owned()), due_on: None }
}

fn commentary() -> CommentaryRecorded {
    CommentaryRecorded {
        report: "board".to_owned(),
        period: january(),
        section: "highlights".to_owned(),
        text: "referrals above target".to_owned(),
    }
}

fn submitted() -> ReportSubmitted {
    ReportSubmitted { report: "board".to_owned(), period: january() }
}

fn assessed() -> KpiAssessed {
    let value = Some(Quantity(93.into()));
    KpiAssessed { kpi: "attendance".to_owned(), period: january(), value, grade: "minor".to_owned(), reason: None }
}

fn spend(value: i64) -> MeasureRecorded {
    let (unit, period) = (Some("GBP".to_owned()), Some(january()));
    MeasureRecorded { code: "earnings".to_owned(), value: Quantity(value.into()), unit, period }
}

fn dismissed() -> DoubleFundingDismissed {
    DoubleFundingDismissed {
        class: "employment".to_owned(),
        journey: JOURNEY,
        other: OTHER_JOURNEY,
        reason: "two jobs in two years".to_owned(),
    }
}

fn as_of(world: &World, on: &str) -> ContractRecord {
    world.contract.contract_record(day(on))
}

fn last_day(world: &World, on: &str) -> Option<NaiveDate> {
    as_of(world, on).terms.as_ref().and_then(Terms::ends_on)
}

#[test]
fn a_variation_applies_from_its_day_on_and_keeps_the_other_terms() {
    let parties = vec![Party { name: "London Borough of Brent".to_owned(), role: Some("commissioner".to_owned()) }];
    let renamed =
        ContractVaried { name: Some("SHPS, extended".to_owned()), parties: Some(parties), ..varied("2020-12-31") };
    let world = service().and(&fact_of(shps(), "2018-02-01", varied("2019-12-31"))).and(&fact_of(
        shps(),
        "2018-02-10",
        renamed,
    ));
    assert_eq!(last_day(&world, "2018-01-31"), Some(day("2018-12-31")));
    assert_eq!(last_day(&world, "2018-02-09"), Some(day("2019-12-31")));
    assert_eq!(last_day(&world, "2018-02-10"), Some(day("2020-12-31")));
    assert_eq!(
        last_day(&world, "2010-01-01"),
        Some(day("2018-12-31")),
        "the terms of the opening also apply to earlier days"
    );
    let terms = as_of(&world, "2018-02-28").terms.expect("open");
    assert_eq!((terms.name(), terms.parties().len()), ("SHPS, extended", 1));
    let last = world.last();
    let world = world.and(&corrected(shps(), last, "2018-02-10", varied("2021-12-31")));
    assert_eq!(last_day(&world, "2018-02-28"), Some(day("2021-12-31")));
    assert_eq!(as_of(&world, "2018-02-28").terms.expect("open").name(), "Single Homelessness Prevention Service");
}

#[test]
fn a_variation_must_change_something_and_not_end_the_contract_before_it_starts() {
    let nothing = ContractVaried { ends_on: None, ..varied("2019-12-31") };
    service().when(fact_of(shps(), "2018-02-01", nothing)).refused(Code::MissingValue);
    let refusal = service().when(fact_of(shps(), "2018-02-01", varied("2017-02-28"))).refused(Code::EndedBeforeStart);
    assert_eq!(refusal.path, Some("ends_on".into()));
    let unknown = StreamId::contract("mhep");
    service().when(fact_of(unknown, "2018-02-01", varied("2019-12-31"))).refused(Code::ContractNotFound);
}

#[test]
fn the_opening_is_corrected_and_neither_repeated_nor_retracted_nor_renamed_in_urls() {
    let world = service();
    let first = world.contract.history().events()[0].event_id;
    let opened = world.contract.opened().expect("open").clone();
    world.when(fact_of(shps(), "2018-02-01", opened.clone())).refused(Code::ContractExists);
    world.when(retracted(shps(), &[first])).refused(Code::NotCorrectable);
    let elsewhere = ContractOpened { code: "mhep".to_owned(), ..opened.clone() };
    world.when(corrected(shps(), first, "2017-03-01", elsewhere)).refused(Code::FixedField);
    let backwards = ContractOpened { ends_on: Some(day("2017-02-01")), ..opened.clone() };
    world.when(corrected(shps(), first, "2017-03-01", backwards)).refused(Code::InvalidValue);
    let longer = ContractOpened { ends_on: Some(day("2022-02-28")), ..opened.clone() };
    let world = world.and(&corrected(shps(), first, "2017-03-01", longer));
    assert_eq!(last_day(&world, "2018-02-28"), Some(day("2022-02-28")));
    let world = world.and(&fact_of(shps(), "2018-02-01", varied("2018-06-30")));
    let later = ContractOpened { starts_on: day("2018-07-01"), ends_on: None, ..opened };
    world.when(corrected(shps(), first, "2017-03-01", later)).refused(Code::FactHasDependents);
}

#[test]
fn a_contract_ends_once_and_takes_no_referral_from_that_day_on() {
    service().when(fact_of(shps(), "2017-02-28", ended())).refused(Code::EndedBeforeStart);
    let world = service().and(&referred(OTHER_JOURNEY, "2018-02-12")).and(&fact_of(shps(), "2018-02-10", ended()));
    let end = world.last();
    world.when(fact_of(shps(), "2018-02-20", ended())).refused(Code::ContractEnded);
    world.when(fact_of(shps(), "2018-02-10", varied("2019-12-31"))).refused(Code::ContractEnded);
    let refusal = world.when(referred(JOURNEY, "2018-02-10")).refused(Code::ContractEnded);
    assert_eq!(refusal.path, Some("occurred_on".into()));
    // A referral recorded before the end was known may be corrected. A new date after the end is refused.
    let (journey, first) =
        (StreamId::journey(OTHER_JOURNEY), world.history(StreamId::journey(OTHER_JOURNEY)).events()[0].event_id);
    let elsewhere = ReferralReceived { subject: SUBJECT, area: "ealing".to_owned(), ..referral() };
    let world = world.and(&corrected(journey, first, "2018-02-12", elsewhere));
    world.when(corrected(journey, first, "2018-02-11", referral())).refused(Code::ContractEnded);
    let world = world.and(&referred(JOURNEY, "2018-02-09"));
    assert!(as_of(&world, "2018-02-09").terms.expect("open").ended.is_none());
    assert!(as_of(&world, "2018-02-10").terms.expect("open").ended.is_some());
    let world = world.and(&corrected(shps(), end, "2018-02-20", ended()));
    let world = world.and(&fact_of(shps(), "2018-02-19", varied("2019-12-31")));
    let variation = world.last();
    world.when(corrected(shps(), end, "2018-02-19", ended())).refused(Code::FactHasDependents);
    let world = world.and(&retracted(shps(), &[end]));
    world.when(retracted(shps(), &[variation])).accepted();
}

#[test]
fn a_referral_from_before_the_contract_raises_a_warning() {
    let early = service().when(referred(JOURNEY, "2017-02-28")).refused(Code::ContractNotStarted);
    assert_eq!((early.severity, early.path), (Severity::Warning, Some("occurred_on".into())));
    let world = service().and(&referred(JOURNEY, "2017-03-01"));
    let (journey, first) = (StreamId::journey(JOURNEY), world.history(StreamId::journey(JOURNEY)).events()[0].event_id);
    world.when(corrected(journey, first, "2016-12-24", referral())).refused(Code::ContractNotStarted);
    // Imports accept the warning, because nobody is there to check. Afterwards only a change of the date raises it
    // again.
    let world = world.accepting(Code::ContractNotStarted).and(&corrected(journey, first, "2016-12-24", referral()));
    let elsewhere = ReferralReceived { area: "ealing".to_owned(), ..referral() };
    world.accepting_none().when(corrected(journey, first, "2016-12-24", elsewhere)).accepted();
}

#[test]
fn target_profiles_apply_side_by_side_and_a_revision_is_a_new_version() {
    let world = service()
        .and(&fact_of(shps(), "2018-01-05", targets("contract", 60)))
        .and(&fact_of(shps(), "2018-01-06", targets("business_plan", 63)))
        .and(&fact_of(shps(), "2018-02-01", targets("contract", 50)));
    let in_force = |on: &str| -> Vec<(String, usize, Quantity)> {
        let contract_record = as_of(&world, on);
        let shown = contract_record.targets_in_force().map(|targets| {
            let series = &targets.published.details.series[0];
            (targets.profile().to_owned(), targets.version, series.months[&day("2018-01-01")])
        });
        shown.collect()
    };
    let version = |profile: &str, version, target: i64| (profile.to_owned(), version, Quantity(target.into()));
    assert_eq!(in_force("2018-01-05"), [version("contract", 1, 60)]);
    assert_eq!(in_force("2018-01-31"), [version("contract", 1, 60), version("business_plan", 1, 63)]);
    assert_eq!(in_force("2018-02-28"), [version("business_plan", 1, 63), version("contract", 2, 50)]);
    assert_eq!(as_of(&world, "2018-02-28").targets.len(), 3, "the old version is kept");
    let last = world.last();
    world.when(corrected(shps(), last, "2018-02-01", targets("contract", 55))).refused(Code::NotCorrectable);
    world.when(retracted(shps(), &[last])).refused(Code::NotCorrectable);
}

#[test]
fn targets_are_of_whole_months_areas_of_the_rulebook_and_never_negative() {
    let refused = |published: TargetsPublished| {
        let refusals = service().decide(&fact_of(shps(), "2018-02-01", published)).expect_err("a refusal");
        let path = refusals[0].path.clone().unwrap_or_default().to_string();
        (refusals[0].code, path)
    };
    let with = |change: &dyn Fn(&mut TargetsPublished)| {
        let mut published = targets("contract", 60);
        change(&mut published);
        published
    };
    let month = |on: &str, target: i64| BTreeMap::from([(day(on), Quantity(target.into()))]);
    let path = |text: &str| text.to_owned();
    assert_eq!(refused(with(&|it| it.series.clear())), (Code::MissingValue, path("series")));
    assert_eq!(refused(with(&|it| it.series[0].months.clear())), (Code::MissingValue, path("series.0.months")));
    let odd = with(&|it| it.series[0].area = Some("leeds".to_owned()));
    assert_eq!(refused(odd), (Code::UnknownCode, path("series.0.area")));
    let odd = with(&|it| it.series[0].months = month("2018-01-15", 60));
    assert_eq!(refused(odd), (Code::InvalidValue, path("series.0.months.2018-01-15")));
    let odd = with(&|it| it.series[0].months = month("2018-01-01", -1));
    assert_eq!(refused(odd), (Code::InvalidValue, path("series.0.months.2018-01-01")));
    let odd = with(&|it| it.series.push(it.series[0].clone()));
    assert_eq!(refused(odd), (Code::InvalidValue, path("series.1")));
    let odd = with(&|it| it.series[0].measure = "happiness".to_owned());
    assert_eq!(refused(odd), (Code::UnknownCode, path("series.0.measure")));
    let odd = with(&|it| it.series[0].cohort = Some("autumn".to_owned()));
    assert_eq!(refused(odd), (Code::InvalidValue, path("series.0.cohort")), "an area and a cohort");
}

#[test]
fn a_series_is_given_by_month_by_year_or_as_a_ratio_and_in_one_way_only() {
    let years = |first: &str, target: i64| BTreeMap::from([(day(first), Quantity(target.into()))]);
    let ratio = |of: &str, factor: i64| Some(TargetRatio { of: of.to_owned(), factor: Quantity(factor.into()) });
    let of = |measure: &str| TargetSeries { measure: measure.to_owned(), ..TargetSeries::default() };
    let by_year = |first: &str, target| TargetSeries { years: years(first, target), ..of("attendance") };
    let by_ratio = |other: &str, factor| TargetSeries { ratio: ratio(other, factor), ..of("earnings") };
    let published = |series: Vec<TargetSeries>| TargetsPublished { profile: "contract".to_owned(), series };
    let refused = |series: Vec<TargetSeries>| {
        let refusals = service().decide(&fact_of(shps(), "2018-02-01", published(series))).expect_err("a refusal");
        (refusals[0].code, refusals[0].path.clone().unwrap_or_default().to_string())
    };
    let both = published(vec![by_year("2017-04-01", 500), by_ratio("attendance", 2)]);
    let with_both = service().and(&fact_of(shps(), "2018-02-01", both));
    assert_eq!(as_of(&with_both, "2018-02-01").targets.len(), 1);
    let several = TargetSeries { ratio: ratio("earnings", 1), ..by_year("2017-04-01", 500) };
    assert_eq!(refused(vec![several]), (Code::InvalidValue, "series.0".to_owned()));
    let odd = |path: &str| (Code::InvalidValue, path.to_owned());
    assert_eq!(refused(vec![by_year("2017-04-06", 500)]), odd("series.0.years.2017-04-06"));
    assert_eq!(refused(vec![by_year("2017-04-01", -1)]), odd("series.0.years.2017-04-01"));
    let attendance = by_year("2017-04-01", 500);
    assert_eq!(refused(vec![attendance.clone(), by_ratio("attendance", 0)]), odd("series.1.ratio.factor"));
    assert_eq!(
        refused(vec![attendance, by_ratio("happiness", 1)]),
        (Code::UnknownCode, "series.1.ratio.of".to_owned())
    );
    assert_eq!(refused(vec![by_ratio("attendance", 1)]), odd("series.0.ratio.of"), "attendance has no targets");
    assert_eq!(refused(vec![by_ratio("earnings", 1)]), odd("series.0.ratio.of"), "a ratio of itself");
}

#[test]
fn a_period_is_closed_once_when_it_is_over_and_stays_closed() {
    let closed = || PeriodClosed { period: january(), documents: Vec::new() };
    service().when(fact_of(shps(), "2018-01-30", closed())).refused(Code::InvalidValue);
    let backwards = PeriodClosed { period: Period { first: day("2018-01-31"), last: day("2018-01-01") }, ..closed() };
    service().when(fact_of(shps(), "2018-02-01", backwards)).refused(Code::InvalidValue);
    let world = service().and(&fact_of(shps(), "2018-02-05", closed()));
    let close = world.last();
    world.when(fact_of(shps(), "2018-02-06", closed())).refused(Code::PeriodAlreadyClosed);
    world.when(retracted(shps(), &[close])).refused(Code::NotCorrectable);
    world.when(corrected(shps(), close, "2018-02-06", closed())).refused(Code::NotCorrectable);
    // A period may not overlap the edge of a closed one, or be part of it. The refusal names the one closed first.
    let stretch =
        |first: &str, last: &str| PeriodClosed { period: Period { first: day(first), last: day(last) }, ..closed() };
    let until = |last: &str| stretch("2017-11-01", last);
    for other in [until("2018-01-30"), until("2018-01-01"), stretch("2018-01-10", "2018-01-20")] {
        let refusal = world.when(fact_of(shps(), "2018-02-06", other)).refused(Code::PeriodAlreadyClosed);
        assert_eq!(refusal.facts[0].event_id, close);
        assert!(
            refusal.message.starts_with("the period 2018-01-01 to 2018-01-31 was closed on 2018-02-05"),
            "{refusal}"
        );
    }
    // A later fact of the period is recorded once the warning is accepted. The days before belong to another period.
    let warning = world.when(fact_of(shps(), "2018-01-20", spend(5))).refused(Code::PeriodClosed);
    assert_eq!(warning.facts[0].event_id, close);
    let world = world.accepting(Code::PeriodClosed).and(&fact_of(shps(), "2018-01-20", spend(5))).accepting_none();
    let world = world.and(&fact_of(shps(), "2018-02-06", until("2017-12-31")));
    // A quarter can be closed over its closed months.
    let world = world.and(&fact_of(shps(), "2018-02-06", until("2018-01-31")));
    assert_eq!(as_of(&world, "2018-02-28").closed.len(), 3);
}

#[test]
fn a_period_is_over_on_the_day_after_its_last_day() {
    let closed = || PeriodClosed { period: january(), documents: Vec::new() };
    let refusal = service().on_day("2018-01-31").when(fact_of(shps(), "2018-01-31", closed()));
    assert_eq!(refusal.refused(Code::InvalidValue).path, Some("period.last".into()));
    // The parties may have agreed on the last day, and record it the next day.
    service().on_day("2018-02-01").when(fact_of(shps(), "2018-01-31", closed())).accepted();
}

#[test]
fn a_closed_period_keeps_each_document_once_and_as_it_was_built() {
    let document = |report: &str, content: &str| ClosedDocument {
        report: report.to_owned(),
        digest: sha256_hex(content),
        content: content.to_owned().into(),
    };
    let closing =
        |documents: Vec<ClosedDocument>| fact_of(shps(), "2018-02-05", PeriodClosed { period: january(), documents });
    service().when(closing(vec![document("monthly", "{}"), document("annual", "{}")])).accepted();
    let refused = |documents| service().when(closing(documents)).refused(Code::InvalidValue).path;
    let twice = vec![document("monthly", "{}"), document("monthly", "{}")];
    assert_eq!(refused(twice), Some("documents.1.report".into()));
    let altered = ClosedDocument { content: "[]".to_owned().into(), ..document("monthly", "{}") };
    assert_eq!(refused(vec![altered]), Some("documents.0.digest".into()));
    // Together they have a limit. A text of just this length is kept.
    let long = |bytes: usize| vec![document("monthly", &"x".repeat(bytes))];
    service().when(closing(long(3 * 1024 * 1024))).accepted();
    let refusal = service().when(closing(long(3 * 1024 * 1024 + 1))).refused(Code::InputTooLong);
    assert_eq!(refusal.path, Some("period".into()));
    let many = (0..51).map(|n| document(&format!("r{n}"), "{}")).collect();
    service().when(closing(many)).refused(Code::InputTooLong);
}

#[test]
fn commentary_measures_assessments_and_reports_are_corrected_and_retracted() {
    let contract_record = |world: &World| as_of(world, "2018-02-28");
    let world = service().and(&fact_of(shps(), "2018-02-01", commentary()));
    let said = world.last();
    let louder = CommentaryRecorded { text: "referrals far above target".to_owned(), ..commentary() };
    let world = world.and(&corrected(shps(), said, "2018-02-01", louder.clone()));
    assert_eq!(contract_record(&world).commentary[0].details, louder);
    world.when(corrected(shps(), said, "2018-02-01", louder)).refused(Code::NothingToCorrect);
    let named = CommentaryRecorded { text: "ring 020 7946 0958".to_owned(), ..commentary() };
    let refusal = world.when(fact_of(shps(), "2018-02-01", named)).refused(Code::PersonalData);
    assert_eq!(refusal.path, Some("text".into()));

    let world = world.and(&fact_of(shps(), "2018-02-02", spend(125_000)));
    let measured = world.last();
    let world = world.and(&corrected(shps(), measured, "2018-02-02", spend(126_000)));
    assert_eq!(contract_record(&world).measures[0].details, spend(126_000));

    let world = world.and(&fact_of(shps(), "2018-02-03", assessed()));
    let found = world.last();
    let met = KpiAssessed { grade: "met".to_owned(), ..assessed() };
    let world = world.and(&corrected(shps(), found, "2018-02-03", met));
    let world = world.and(&fact_of(shps(), "2018-02-04", assessed()));
    assert_eq!(contract_record(&world).assessments.len(), 2, "the last assessment of an indicator and period applies");
    let nothing = KpiAssessed { kpi: " ".to_owned(), ..assessed() };
    world.when(fact_of(shps(), "2018-02-04", nothing)).refused(Code::MissingValue);

    let world = world.and(&fact_of(shps(), "2018-02-05", submitted()));
    let handed_in = world.last();
    let world = world.and(&corrected(shps(), handed_in, "2018-02-06", submitted()));
    assert_eq!(contract_record(&world).reports[0].occurred.earliest(), day("2018-02-06"));
    let future = Code::DatedInFuture;
    world.when(fact_of(shps(), "2018-03-01", submitted())).refused(future);
    let world = world.and(&retracted(shps(), &[said, measured, found, handed_in]));
    let left = contract_record(&world);
    assert_eq!((left.commentary.len(), left.measures.len(), left.assessments.len(), left.reports.len()), (0, 0, 1, 0));
}

#[test]
fn an_action_answers_a_notice_that_was_given_and_is_done_once() {
    service().when(fact_of(shps(), "2018-02-01", agreed(Some(NOTICE)))).refused(Code::NoticeNotFound);
    let world = service().and(&fact_of(shps(), "2018-02-05", issued()));
    let notice = world.last();
    world.when(fact_of(shps(), "2018-02-06", issued())).refused(Code::NoticeExists);
    let refusal = world.when(fact_of(shps(), "2018-02-04", agreed(Some(NOTICE)))).refused(Code::NoticeNotFound);
    assert_eq!(refusal.allowed, [NOTICE.to_string()]);
    let done = || ActionCompleted { action: ACTION };
    world.when(fact_of(shps(), "2018-02-06", done())).refused(Code::ActionNotFound);
    let overdue = ActionAgreed { due_on: Some(day("2018-02-05")), ..agreed(Some(NOTICE)) };
    world.when(fact_of(shps(), "2018-02-06", overdue)).refused(Code::InvalidValue);
    let world = world.and(&fact_of(shps(), "2018-02-06", agreed(Some(NOTICE))));
    let action = world.last();
    world.when(fact_of(shps(), "2018-02-07", agreed(None))).refused(Code::ActionExists);
    world.when(fact_of(shps(), "2018-02-05", done())).refused(Code::EndedBeforeStart);
    world.when(retracted(shps(), &[notice])).refused(Code::FactHasDependents);
    world.when(corrected(shps(), notice, "2018-02-07", issued())).refused(Code::FactHasDependents);
    let other = NoticeIssued { notice: NoticeId(Uuid::from_u128(0x83)), ..issued() };
    world.when(corrected(shps(), notice, "2018-02-05", other)).refused(Code::FixedField);
    let withheld = NoticeIssued { kind: NoticeKind::Withholding, ..issued() };
    let world = world.and(&corrected(shps(), notice, "2018-02-04", withheld));
    let sooner = ActionAgreed { due_on: Some(day("2018-02-20")), ..agreed(Some(NOTICE)) };
    let world = world.and(&corrected(shps(), action, "2018-02-06", sooner));
    let world = world.and(&fact_of(shps(), "2018-02-10", done()));
    let doing = world.last();
    world.when(fact_of(shps(), "2018-02-11", done())).refused(Code::ActionAlreadyCompleted);
    let world = world.and(&corrected(shps(), doing, "2018-02-12", done()));
    let actions = as_of(&world, "2018-02-28").actions;
    assert_eq!(actions[0].completed.as_ref().expect("done").occurred.earliest(), day("2018-02-12"));
    assert!(as_of(&world, "2018-02-11").actions[0].completed.is_none());
    world.when(retracted(shps(), &[notice, action, doing])).accepted();
}

#[test]
fn double_funding_is_dismissed_once_between_two_journeys_one_of_them_ours() {
    let unknown = service().and(&referred(JOURNEY, "2018-01-10"));
    let refusal = unknown.when(fact_of(shps(), "2018-02-01", dismissed())).refused(Code::JourneyNotFound);
    assert_eq!(refusal.path, Some("other".into()));
    let world = unknown.and(&referred(OTHER_JOURNEY, "2018-01-11"));
    let oneself = DoubleFundingDismissed { other: JOURNEY, ..dismissed() };
    world.when(fact_of(shps(), "2018-02-01", oneself)).refused(Code::InvalidValue);
    let world = world.and(&fact_of(shps(), "2018-02-01", dismissed()));
    let said = world.last();
    let turned = DoubleFundingDismissed { journey: OTHER_JOURNEY, other: JOURNEY, ..dismissed() };
    world.when(fact_of(shps(), "2018-02-02", turned.clone())).refused(Code::AlreadyDismissed);
    let class = DoubleFundingDismissed { class: "accommodation".to_owned(), ..dismissed() };
    let world = world.and(&corrected(shps(), said, "2018-02-01", class));
    let world = world.and(&fact_of(shps(), "2018-02-02", turned));
    assert_eq!(as_of(&world, "2018-02-28").dismissals.len(), 2);
    world.when(retracted(shps(), &[said])).accepted();
}
