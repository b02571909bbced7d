//! Outcomes over many cases: a share of days, or a volume, of a cohort, site or area, for each period.
//!
//! Only the contribution of each case is kept: the days that its spells cover, and its measures. The sums are computed
//! on request.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{Datelike as _, Days, Months, NaiveDate};
use rust_decimal::Decimal;

use super::case::Case;
use super::days::{Day, FOREVER, day};
use super::judge::Hold;
use super::price::{OutOfRange, Priced, of_units, price};
use super::{Achievement, Price, State};
use crate::contract::rulebook::outcome::{AchievedBy, Counted, ManyTerms, Outcome, PeriodKind, Scope};
use crate::contract::rulebook::{MonthDay, Rulebook};
use crate::fact::envelope::{JourneyId, SubjectId};

/// One outcome of one cohort, site or area in one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManyEvaluation {
    /// The index of the outcome in the rulebook.
    pub outcome: usize,
    /// The code of the cohort or area, or the id of the site. Empty for cases without a cohort.
    pub of: String,
    /// The first day of the period.
    pub first: NaiveDate,
    /// The last day of the period.
    pub last: NaiveDate,
    /// The covered days, or the units, so far.
    pub counted: Decimal,
    /// The total days that they are a share of. None for a volume.
    pub out_of: Option<Decimal>,
    /// Its state.
    pub state: State,
}

impl ManyEvaluation {
    /// The share, not rounded. None if the total is 0.
    pub fn share(&self) -> Option<Decimal> {
        self.out_of.filter(|days| !days.is_zero()).map(|days| self.counted / days)
    }
}

/// The contributions of cases to outcomes over many cases.
#[derive(Debug, Default)]
pub struct Many(BTreeMap<JourneyId, Vec<Part>>);

/// The contribution of one case to one outcome.
#[derive(Debug)]
struct Part {
    /// The index of the outcome in the rulebook.
    outcome: usize,
    subject: SubjectId,
    area: Option<String>,
    cohort: Option<String>,
    days: Person,
    /// The values of a measure, each with the day that decides its period.
    measured: Vec<(NaiveDate, Decimal)>,
}

/// The combined contributions to one cohort, site or area.
struct Sum<'m> {
    area: Option<&'m str>,
    cohort: Option<&'m str>,
    people: BTreeMap<SubjectId, Person>,
    measured: Vec<(NaiveDate, Decimal)>,
}

/// The days of one person. Where only the month of a date is known: the days that are certainly covered, and those that
/// may be.
#[derive(Debug)]
struct Person {
    since: NaiveDate,
    surely: Vec<(Day, Day)>,
    perhaps: Vec<(Day, Day)>,
}

impl Many {
    /// Adds a case. A declined or withdrawn referral contributes nothing.
    pub fn add(&mut self, journey: JourneyId, case: &Case<'_>, rulebook: &Rulebook) {
        let (Some(received), Some(subject)) = (case.received, case.subject) else { return };
        if case.ended_at_referral {
            return;
        }
        let since = received.earliest();
        let over_many = rulebook.outcomes.iter().enumerate().filter_map(|(at, of)| Some((at, many(of)?)));
        let parts: Vec<Part> =
            over_many.map(|(outcome, terms)| Part::of(case, outcome, terms, subject, since)).collect();
        if !parts.is_empty() {
            self.0.insert(journey, parts);
        }
    }

    /// Removes the contribution of a case, so that it can be added again.
    pub fn remove(&mut self, journey: JourneyId) {
        self.0.remove(&journey);
    }

    /// Adds the contributions of other cases, judged by the same rulebook.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The evaluations of all outcomes over many cases, by outcome, scope and period. `person` returns the person
    /// behind linked records.
    pub fn evaluations(
        &self,
        rulebook: &Rulebook,
        as_of: NaiveDate,
        person: impl Fn(SubjectId) -> SubjectId,
    ) -> Vec<ManyEvaluation> {
        let mut parts: BTreeMap<(usize, String), Vec<&Part>> = BTreeMap::new();
        for part in self.0.values().flatten() {
            let terms = many(&rulebook.outcomes[part.outcome]).expect("only outcomes over many journeys are added to");
            let of = match terms.scope {
                Scope::Cohort => part.cohort.clone().unwrap_or_default(),
                Scope::Area => part.area.clone().unwrap_or_default(),
                Scope::Site => part.subject.to_string(),
            };
            parts.entry((part.outcome, of)).or_default().push(part);
        }
        let reckoning = Reckoning { rulebook, as_of };
        let mut evaluations = Vec::new();
        for ((at, of), parts) in parts {
            let outcome = &rulebook.outcomes[at];
            let terms = many(outcome).expect("only outcomes over many journeys are summed");
            let sum = Sum::of(&parts, terms.scope, &person);
            let from = sum.begun().max(rulebook.effective_from);
            let mut first = period_start(from, terms.period, rulebook.calendar.financial_year);
            while first <= as_of {
                let next = first.checked_add_months(Months::new(months(terms.period))).expect("a period ends");
                let (counted, out_of, state) = reckoning.of_period(outcome, terms, &sum, first..next);
                let last = next.pred_opt().expect("a period has a last day");
                evaluations.push(ManyEvaluation { outcome: at, of: of.clone(), first, last, counted, out_of, state });
                first = next;
            }
        }
        evaluations
    }
}

/// The rules that define the periods, and the as-of date.
#[derive(Clone, Copy)]
struct Reckoning<'r> {
    rulebook: &'r Rulebook,
    as_of: NaiveDate,
}

impl Reckoning<'_> {
    fn of_period(
        &self,
        outcome: &Outcome,
        terms: &ManyTerms,
        sum: &Sum<'_>,
        Range { start: first, end: next }: Range<NaiveDate>,
    ) -> (Decimal, Option<Decimal>, State) {
        let none = State::NotStarted { is_for_others: false };
        let is_over = next <= self.as_of;
        let priced = Priced { achieved_on: next, area: sum.area, cohort: sum.cohort };
        let currency = &self.rulebook.currency;
        match &terms.counted {
            Counted::Volume { .. } => {
                let in_period = |on: &&(NaiveDate, Decimal)| (first..next).contains(&on.0);
                let values = || sum.measured.iter().filter(in_period).map(|(_, value)| *value);
                let exact = values().try_fold(Decimal::ZERO, Decimal::checked_add);
                let units = exact.unwrap_or_else(|| values().fold(Decimal::ZERO, Decimal::saturating_add));
                let state = match (units > Decimal::ZERO, is_over) {
                    (false, _) => none,
                    (true, false) => State::Maturing { earliest_on: next, covered: None },
                    (true, true) => {
                        let price = exact.ok_or(OutOfRange);
                        let price = price.and_then(|units| of_units(&outcome.tariffs, currency, priced, units));
                        let hold = price.is_err().then_some(Hold::OutOfRange);
                        let price = price.ok().flatten().map_or(Price::None, Price::Amount);
                        self.reached(outcome, next, price, None, hold)
                    }
                };
                (units, None, state)
            }
            Counted::Ratio { at_least, below, .. } => {
                let known = if is_over { next } else { self.as_of.succ_opt().expect("every date has a next day") };
                let counted = |until: NaiveDate| Counts::of(&sum.people, day(first), day(until), day(next));
                let passes = |share: Option<Decimal>| {
                    let enough = |share: Decimal| at_least.is_none_or(|least| share >= least);
                    let few_enough = |share: Decimal| below.is_none_or(|edge| share < edge);
                    share.is_some_and(|share| enough(share) && few_enough(share))
                };
                let now = counted(known);
                let end = counted(next);
                let (least, most) = (passes(end.share(end.surely)), passes(end.share(end.perhaps)));
                let state = match (least || most, is_over) {
                    (false, _) => none,
                    (true, false) => State::Maturing { earliest_on: next, covered: None },
                    (true, true) => {
                        let hold = (!(least && most)).then_some(Hold::DateImprecise);
                        let price = price(&outcome.tariffs, currency, priced);
                        self.reached(outcome, next, price, u32::try_from(end.perhaps).ok(), hold)
                    }
                };
                (Decimal::from(now.perhaps), Some(Decimal::from(now.base)), state)
            }
        }
    }

    fn reached(
        &self,
        outcome: &Outcome,
        achieved_on: NaiveDate,
        price: Price,
        days_counted: Option<u32>,
        hold: Option<Hold>,
    ) -> State {
        let division = self.rulebook.working_days();
        let until = |days: u32| achieved_on.checked_add_days(Days::new(days.into())).unwrap_or(NaiveDate::MAX);
        State::Reached(Box::new(Achievement {
            achieved_on,
            price,
            days_counted,
            gaps: Vec::new(),
            hours: None,
            missing: Vec::new(),
            hold,
            claimable_from: division.nth_after(achieved_on, outcome.claim.after_working_days),
            claimable_until: outcome.claim.within_days.map(until),
            events: Vec::new(),
        }))
    }
}

fn many(outcome: &Outcome) -> Option<&ManyTerms> {
    match &outcome.achieved_by {
        AchievedBy::Many(terms) => Some(terms),
        AchievedBy::Journey(_) => None,
    }
}

impl Part {
    fn of(case: &Case<'_>, outcome: usize, terms: &ManyTerms, subject: SubjectId, since: NaiveDate) -> Self {
        let (mut days, mut measured) = (Person::known_since(since), Vec::new());
        match &terms.counted {
            Counted::Ratio { spell_days, .. } => days.covered(case, spell_days),
            Counted::Volume { measure } => measured.extend(case.marks.iter().filter_map(|mark| {
                let (value, last) = mark.measured(measure)?;
                Some((last.unwrap_or(case.dates[mark.when].earliest()), value))
            })),
        }
        let (area, cohort) = (case.area.map(str::to_owned), case.cohort.map(str::to_owned));
        Self { outcome, subject, area, cohort, days, measured }
    }
}

impl<'m> Sum<'m> {
    /// Combines these contributions. Days are combined by the person behind linked records. A site that was referred
    /// more than once has the area and cohort of its first referral.
    fn of(parts: &[&'m Part], scope: Scope, person: impl Fn(SubjectId) -> SubjectId) -> Self {
        let first = parts.iter().min_by_key(|part| part.days.since);
        let mut sum = Self {
            area: first.filter(|_| scope != Scope::Cohort).and_then(|part| part.area.as_deref()),
            cohort: first.filter(|_| scope != Scope::Area).and_then(|part| part.cohort.as_deref()),
            people: BTreeMap::new(),
            measured: Vec::new(),
        };
        for part in parts {
            let since = part.days.since;
            sum.people.entry(person(part.subject)).or_insert_with(|| Person::known_since(since)).take(&part.days);
            sum.measured.extend(&part.measured);
        }
        for whole in sum.people.values_mut() {
            whole.surely = union(std::mem::take(&mut whole.surely));
            whole.perhaps = union(std::mem::take(&mut whole.perhaps));
        }
        sum
    }

    /// The first day with any facts.
    fn begun(&self) -> NaiveDate {
        let people = self.people.values().map(|person| person.since);
        let measured = self.measured.iter().map(|(on, _)| *on);
        people.chain(measured).min().unwrap_or(NaiveDate::MAX)
    }
}

impl Person {
    const fn known_since(since: NaiveDate) -> Self {
        Self { since, surely: Vec::new(), perhaps: Vec::new() }
    }

    fn take(&mut self, other: &Self) {
        self.since = self.since.min(other.since);
        self.surely.extend(&other.surely);
        self.perhaps.extend(&other.perhaps);
    }

    fn covered(&mut self, case: &Case<'_>, domains: &[String]) {
        for spell in case.spells.iter().filter(|spell| domains.iter().any(|domain| domain == spell.domain)) {
            let start = case.dates[spell.steps[0].when];
            let end = spell.ended.map(|(when, _)| case.dates[when]);
            let surely = (day(start.latest()), end.map_or(FOREVER, |end| day(end.earliest())));
            let perhaps = (day(start.earliest()), end.map_or(FOREVER, |end| day(end.latest())));
            self.surely.extend(Some(surely).filter(|(from, to)| from < to));
            self.perhaps.extend(Some(perhaps).filter(|(from, to)| from < to));
        }
    }
}

/// Ranges in order, with touching ranges joined.
fn union(mut stretches: Vec<(Day, Day)>) -> Vec<(Day, Day)> {
    stretches.sort_unstable();
    let mut whole: Vec<(Day, Day)> = Vec::new();
    for (from, to) in stretches {
        match whole.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => whole.push((from, to)),
        }
    }
    whole
}

/// The days of a period, added up over people.
struct Counts {
    surely: i64,
    perhaps: i64,
    base: i64,
}

impl Counts {
    /// The covered days from the first day until `until`, and all days of everybody known by the end of the period.
    fn of(people: &BTreeMap<SubjectId, Person>, first: Day, until: Day, next: Day) -> Self {
        let within = |stretches: &[(Day, Day)]| -> i64 {
            stretches.iter().map(|(from, to)| i64::from((to.min(&until) - from.max(&first)).max(0))).sum()
        };
        let known: Vec<&Person> = people.values().filter(|person| day(person.since) < next).collect();
        let everybody = i64::try_from(known.len()).expect("people can be counted");
        Self {
            surely: known.iter().map(|person| within(&person.surely)).sum(),
            perhaps: known.iter().map(|person| within(&person.perhaps)).sum(),
            base: everybody * i64::from(until - first),
        }
    }

    fn share(&self, days: i64) -> Option<Decimal> {
        (self.base > 0).then(|| Decimal::from(days) / Decimal::from(self.base))
    }
}

const fn months(period: PeriodKind) -> u32 {
    match period {
        PeriodKind::Month => 1,
        PeriodKind::Quarter => 3,
        PeriodKind::FinancialYear => 12,
    }
}

/// The first day of the period that includes a day. Months start on the 1st, quarters and years with the financial
/// year.
pub(crate) fn period_start(on: NaiveDate, period: PeriodKind, financial_year: MonthDay) -> NaiveDate {
    if period == PeriodKind::Month {
        return on.with_day(1).expect("every month has a first day");
    }
    let begins = |year: i32| NaiveDate::from_ymd_opt(year, financial_year.month, financial_year.day);
    let year = begins(on.year()).filter(|first| *first <= on).or_else(|| begins(on.year() - 1));
    let mut first = year.expect("a financial year starts on a day that every year has");
    let step = Months::new(months(period));
    while let Some(next) = first.checked_add_months(step).filter(|next| *next <= on) {
        first = next;
    }
    first
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::tests::telling::{Sample, day, journey_in, rules, spell_id, start};
    use super::*;
    use crate::fact::Fact;
    use crate::fact::envelope::Occurred;
    use crate::fact::event::{Event, MeasureRecorded, Period, Quantity, SpellEnded};

    const RATIO: &str = "[[outcome]]\ncode = \"care\"\ntitle = \"Care\"\nscope = \"area\"\n\
        ratio = { spell_days = [\"care\"], of = \"child_days\", period = \"financial_year\", below = 0.5 }\n\
        [[outcome.tariff]]\namount = \"1000.00\"\narea = \"north\"\n";
    const VOLUME: &str = "[[outcome]]\ncode = \"visits\"\ntitle = \"Visits\"\nscope = \"site\"\n\
        volume = { measure = \"anc\", period = \"quarter\" }\n\
        [[outcome.tariff]]\namount = \"2.00\"\nup_to = 100\n[[outcome.tariff]]\namount = \"1.50\"\n";

    fn evaluated(rulebook: &Rulebook, sample: &[&Sample], as_of: &str) -> Vec<ManyEvaluation> {
        let mut many = Many::default();
        for (nth, sample) in (1..).zip(sample) {
            let facts = sample.history.facts();
            let facts: Vec<Fact<'_>> =
                facts.into_iter().filter(|fact| fact.occurred.earliest() <= day(as_of)).collect();
            many.add(JourneyId(Uuid::from_u128(nth)), &Case::of(&facts), rulebook);
        }
        many.evaluations(rulebook, day(as_of), |subject| subject)
    }

    fn of_year(evaluations: &[ManyEvaluation], first: &str) -> ManyEvaluation {
        evaluations.iter().find(|of| of.first == day(first)).cloned().expect("a year")
    }

    #[test]
    fn a_share_of_days_counts_each_day_of_a_person_once_and_every_person_all_year() {
        let rulebook = rules(&RATIO.replace("0.5", "0.6"));
        let in_care = journey_in("north", None)
            .and("2017-03-01", start(1, "care", None, None))
            .and("2017-09-01", start(2, "care", None, None))
            .and("2017-10-01", SpellEnded { spell: spell_id(1), reason: None, note: None })
            .and("2017-11-01", SpellEnded { spell: spell_id(2), reason: None, note: None });
        let year = of_year(&evaluated(&rulebook, &[&in_care], "2018-06-30"), "2017-04-01");
        let State::Reached(reached) = &year.state else { panic!("{:?}", year.state) };
        assert_eq!((reached.days_counted, reached.achieved_on), (Some(214), day("2018-04-01")));
        assert_eq!((year.counted, year.out_of), (214.into(), Some(365.into())), "214 days of April to October");
        assert_eq!(reached.price, Price::Amount(crate::fact::money::Money::of(Decimal::from(1_000), "GBP")));
    }

    #[test]
    fn a_share_that_depends_on_the_day_of_a_month_is_on_hold() {
        let rulebook = rules(&RATIO.replace("0.5", "0.6"));
        let vague = journey_in("north", None)
            .and("2017-04-01", start(1, "care", None, None))
            .and("2017-11", SpellEnded { spell: spell_id(1), reason: None, note: None });
        let year = of_year(&evaluated(&rulebook, &[&vague], "2018-06-30"), "2017-04-01");
        let State::Reached(reached) = &year.state else { panic!("{:?}", year.state) };
        assert_eq!(reached.hold, Some(Hold::DateImprecise));
        let sure = rules(&RATIO.replace("0.5", "0.9"));
        let year = of_year(&evaluated(&sure, &[&vague], "2018-06-30"), "2017-04-01");
        assert!(matches!(year.state, State::Reached(reached) if reached.hold.is_none()));
    }

    #[test]
    fn a_volume_is_the_sum_of_a_sites_measure_in_its_period() {
        let rulebook = rules(VOLUME);
        let visits = |value: i64, last: &str| MeasureRecorded {
            code: "anc".to_owned(),
            value: Quantity(value.into()),
            unit: None,
            period: Some(Period { first: day("2022-01-01"), last: day(last) }),
        };
        let mut clinic = journey_in("north", None);
        for (on, event) in [("2022-02-05", visits(90, "2022-01-31")), ("2022-04-05", visits(60, "2022-03-31"))] {
            clinic.record(Occurred::on(day(on)), Event::from(event));
        }
        let quarter = of_year(&evaluated(&rulebook, &[&clinic], "2022-04-30"), "2022-01-01");
        assert_eq!((quarter.counted, quarter.share()), (150.into(), None));
        let State::Reached(reached) = &quarter.state else { panic!("{:?}", quarter.state) };
        assert_eq!(reached.price.amount().map(|money| money.to_string()).as_deref(), Some("275.00"));
        let before = of_year(&evaluated(&rulebook, &[&clinic], "2022-03-15"), "2022-01-01");
        assert_eq!(before.state, State::Maturing { earliest_on: day("2022-04-01"), covered: None });
    }

    #[test]
    fn a_site_that_was_referred_again_elsewhere_has_the_price_of_the_area_of_its_first_referral() {
        let priced =
            VOLUME.replace("amount = \"2.00\"", "amount = \"2.00\"\narea = \"north\"").replace("up_to = 100\n", "");
        let rulebook = rules(&priced);
        let visits = MeasureRecorded {
            code: "anc".to_owned(),
            value: Quantity(10.into()),
            unit: None,
            period: Some(Period { first: day("2022-01-01"), last: day("2022-01-31") }),
        };
        let clinic = journey_in("north", None).and("2022-02-05", visits);
        let mut again = journey_in("south", None);
        let moved = again.history.events()[0].clone();
        again.history =
            crate::fact::History::of([crate::fact::Recorded { occurred: Occurred::on(day("2015-01-01")), ..moved }]);
        for sample in [[&clinic, &again], [&again, &clinic]] {
            let quarter = of_year(&evaluated(&rulebook, &sample, "2022-04-30"), "2022-01-01");
            let State::Reached(reached) = &quarter.state else { panic!("{:?}", quarter.state) };
            assert_eq!(reached.price.amount().map(|money| money.to_string()).as_deref(), Some("20.00"));
        }
    }

    #[test]
    fn quarters_and_years_start_with_the_financial_year() {
        let april = MonthDay { month: 4, day: 1 };
        let start = |on: &str, kind| period_start(day(on), kind, april).to_string();
        assert_eq!(start("2022-03-31", PeriodKind::FinancialYear), "2021-04-01");
        assert_eq!(start("2022-04-01", PeriodKind::FinancialYear), "2022-04-01");
        assert_eq!(start("2022-03-31", PeriodKind::Quarter), "2022-01-01");
        assert_eq!(start("2022-03-31", PeriodKind::Month), "2022-03-01");
    }
}
