//! The facts behind every figure: over every pack and every measure that it has, what a figure lists counts to it.
//!
//! A mixture of facts of every kind is recorded under each pack. The formula of a measure says what must be listed; a
//! formula that is not known here does not compile. Every measure of every pack is looked at as a whole. By each
//! dimension, for days that are no months and month by month, each pack looks at one measure of seven, others in each
//! question and pack: so not every formula meets every dimension. That the parts add up is asked of every measure that
//! counts or sums facts.

mod mixture;

use chrono::{Days, NaiveDate};
use throughline::access::relation::Standing;
use throughline::access::{InScope, Scope};
use throughline::queries::measures::members::{self, CountedBy, MembersQuery, Place, Which};
use throughline::queries::measures::{
    self, CompareWith, Dimension, FigureRow, FiguresQuery, MeasureFigures, Member, OfContract,
};
use throughline::store::Dialect;
use throughline::views::generation::Generation;
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::contract::rulebook::packs::{Pack, packs};
use throughline_domain::contract::{ContractRecord, Rulebook};
use throughline_domain::fact::envelope::StreamId;
use throughline_domain::fact::{History, Recorded};
use throughline_domain::performance::fraction::Fraction;
use throughline_domain::performance::measure::{Basis, CaseValue, Each, Facts, Formula, Measure, Take, Workforce};
use throughline_domain::performance::period::{Period, Unit};
use throughline_projections::countable::DATED_ONLY;

use self::mixture::Mixture;
use crate::stores::Fresh;

/// Attributes of cases that every pack is asked by, beside its own: one with bands, and one as stated.
const ATTRIBUTES: &str = "\n[[case_attribute]]\ncode = \"test_age\"\ntitle = \"Age\"\nfact = \"test_years\"\n\
                          upper = [24]\nlabels = [\"Under 25\", \"25 and over\"]\n\
                          [[case_attribute]]\ncode = \"test_gender\"\ntitle = \"Gender\"\nvalues = [\"female\"]\n";
/// Of how many measures one is looked at in a question by a dimension.
const EACH: usize = 7;

fn attribute(code: &str) -> Dimension {
    Dimension::Attribute(code.to_owned())
}

/// What figures are broken down by, one question each.
fn bys() -> [Vec<Dimension>; 8] {
    [
        vec![Dimension::Area],
        vec![Dimension::Cohort],
        vec![Dimension::Referrer],
        vec![Dimension::Keyworker],
        vec![attribute("test_age")],
        vec![attribute("test_gender"), attribute("test_age")],
        vec![Dimension::Keyworker, Dimension::Team],
        vec![Dimension::Code, Dimension::Area],
    ]
}
/// The most facts of one page.
const PAGE: u32 = 200;
/// The fewest measures of a pack that must count something, so that the comparison is not one of nothing.
const COUNTED_MIN: usize = 20;

/// The contract of a pack, as a view shows it to a caller who may see all of it.
struct Service<'s> {
    view: &'s Generation,
    scope: InScope<'s>,
    standing: &'s Standing,
    rulebook: &'s Rulebook,
    record: &'s ContractRecord,
    measures: &'s [Measure],
    today: NaiveDate,
    /// The number of the pack. It decides which measures are looked at by which dimension.
    nth: usize,
}

impl Service<'_> {
    async fn figures(&self, by: &[Dimension], period: Period, as_of: NaiveDate) -> Vec<MeasureFigures> {
        let query = FiguresQuery { measures: self.measures, by, period, compare: CompareWith::default(), as_of };
        let starts_on = self.rulebook.effective_from;
        let of = OfContract { rulebook: self.rulebook, record: self.record, starts_on };
        let found = measures::figures(self.view, self.scope, of, &query).await;
        found.unwrap_or_else(|error| panic!("{} by {by:?} in {period:?}: {error}", self.scope.contract()))
    }

    /// The figures of the whole contract, whose facts must add up to them, and of its parts. Of the whole, every measure
    /// is looked at, or only some of them.
    async fn compare(&self, period: Period, whole_of: Looked) {
        let whole = self.figures(&[], period, self.today).await;
        assert!(whole.iter().all(|of_measure| of_measure.rows.len() == 1), "one row of each");
        self.look_at(&whole, whole_of).await;
        for (at, by) in bys().iter().enumerate() {
            let parts = self.figures(by, period, self.today).await;
            self.look_at(&parts, Looked::Some(at)).await;
            if by.len() == 1 {
                self.add_up(by, &whole, &parts);
            }
        }
    }

    /// Looks at the figures of all measures, or of some in turn.
    async fn look_at(&self, figures: &[MeasureFigures], looked: Looked) {
        for (nth, of_measure) in figures.iter().enumerate() {
            let is_looked_at = match looked {
                Looked::All => true,
                Looked::Some(question) => (nth + question + self.nth).is_multiple_of(EACH),
            };
            if is_looked_at {
                self.lists_what_it_counts(of_measure).await;
            }
        }
    }

    /// The same of its months.
    async fn compare_months(&self, period: Period) {
        let whole = self.figures(&[], period, self.today).await;
        let by = [Dimension::Month];
        let months = self.figures(&by, period, self.today).await;
        self.look_at(&months, Looked::Some(0)).await;
        self.add_up(&by, &whole, &months);
    }

    /// What is counted or summed in each row is that of the whole.
    fn add_up(&self, by: &[Dimension], whole: &[MeasureFigures], parts: &[MeasureFigures]) {
        assert_eq!(whole.len(), parts.len());
        for (whole, parts) in whole.iter().zip(parts) {
            if matches!(whole.measure.formula, Formula::Count(_) | Formula::Sum(_)) {
                let numbers = parts.rows.iter().filter_map(|row| row.figure.numerator());
                let sum = Fraction::sum(numbers).expect("in range");
                let name = format!("{} {} by {by:?}", self.scope.contract(), whole.measure.code);
                // A sum of nothing is no data.
                assert_eq!(sum, whole.rows[0].figure.numerator().unwrap_or(Fraction::ZERO), "{name}");
            }
        }
    }

    async fn lists_what_it_counts(&self, figures: &MeasureFigures) {
        for row in figures.rows.iter().filter(|row| self.is_looked_at(row)) {
            self.row_lists_what_it_counts(&figures.measure, row).await;
        }
    }

    /// Of rows that count nothing only those of one area, cohort and referrer are looked at: the others are alike.
    fn is_looked_at(&self, row: &FigureRow) -> bool {
        let numbers = [row.figure.numerator(), row.figure.denominator()];
        let is_first = |list: CodeList, code: &String| {
            let first = self.rulebook.codes.listed(list).and_then(<[String]>::first);
            first.is_none_or(|first| first == code)
        };
        numbers.into_iter().flatten().any(|number| number != Fraction::ZERO)
            || row.members.iter().all(|member| match member {
                Member::Area(code) => is_first(CodeList::Areas, code),
                Member::Cohort(code) => is_first(CodeList::Cohorts, code),
                Member::Referrer(code) => is_first(CodeList::ReferrerKinds, code),
                Member::Keyworker(..)
                | Member::Team(..)
                | Member::NoTeam
                | Member::Unassigned
                | Member::Code(_)
                | Member::Attribute(_) => true,
            })
    }

    async fn row_lists_what_it_counts(&self, measure: &Measure, row: &FigureRow) {
        let figure = &row.figure;
        let name = format!("{} {} of {:?} in {:?}", self.scope.contract(), measure.code, row.members, row.period);
        match &measure.formula {
            Formula::Count(_)
            | Formula::Sum(_)
            | Formula::Caseload
            | Formula::CaseloadThroughout
            | Formula::Workforce(Workforce::Seen { .. }) => {
                // A sum of nothing is no data, and has no facts behind it.
                let is_sum = matches!(measure.formula, Formula::Sum(_));
                let nothing = is_sum.then_some(Fraction::ZERO);
                let number = figure.numerator().or(nothing).unwrap_or_else(|| panic!("{name} is no number"));
                self.part_lists(row, measure, number, &name).await;
            }
            // Without a plan to measure to, there is no data.
            Formula::Work(work) => {
                if let Some(number) = figure.numerator() {
                    self.count_is(row, CountedBy::Work(*work), number, &name).await;
                }
            }
            // No case makes these.
            Formula::OfContract(_) | Formula::Wte | Formula::Workforce(_) | Formula::Supervision(_) => {}
            Formula::OfCases(of) => {
                let counted = || CountedBy::Cases { value: of.value.clone(), which: Which::Exact };
                self.count_is(row, counted(), figure.denominator().unwrap_or(Fraction::ZERO), &name).await;
                // The mean of a case and a quotient may have no end, and are listed rounded.
                let is_whole = match &of.value {
                    CaseValue::Days { .. } => true,
                    CaseValue::Recorded { each, .. } => *each != Each::Mean,
                    CaseValue::Quotient { .. } => false,
                };
                if let (Take::Mean, true) = (of.take, is_whole) {
                    self.sum_is(row, counted(), figure.numerator().unwrap_or(Fraction::ZERO), &name).await;
                }
            }
            Formula::Share(share) => {
                let (Some(above), Some(below)) = (figure.numerator(), figure.denominator()) else {
                    panic!("{name} is no share")
                };
                let counted = |which| CountedBy::Cases { value: share.value.clone(), which };
                self.count_is(row, counted(Which::Within(share.band)), above, &format!("{name}, above")).await;
                self.count_is(row, counted(Which::All), below, &format!("{name}, below")).await;
            }
            Formula::Ratio { of, over, basis, percent: _ } => {
                let (Some(above), Some(below)) = (figure.numerator(), figure.denominator()) else { return };
                let [of, over] = [of, over].map(|code| self.measure(code));
                self.part_lists(row, over, below, &format!("{name}, below")).await;
                let name = format!("{name}, above");
                match basis {
                    Basis::Period => self.part_lists(row, of, above, &name).await,
                    Basis::Cohort => {
                        let counted = CountedBy::Facts { facts: facts(over).clone(), with: Some(facts(of).clone()) };
                        self.count_is(row, counted, above, &name).await;
                    }
                }
            }
        }
    }

    /// What a measure that is no ratio lists in a row counts or adds up to this number.
    async fn part_lists(&self, row: &FigureRow, measure: &Measure, number: Fraction, name: &str) {
        let all = |facts: &Facts| CountedBy::Facts { facts: facts.clone(), with: None };
        match &measure.formula {
            Formula::Count(facts) => self.count_is(row, all(facts), number, name).await,
            Formula::Sum(facts) => self.sum_is(row, all(facts), number, name).await,
            Formula::Caseload => self.count_is(row, CountedBy::Caseload, number, name).await,
            Formula::CaseloadThroughout => self.count_is(row, CountedBy::CaseloadThroughout, number, name).await,
            Formula::Work(work) => self.count_is(row, CountedBy::Work(*work), number, name).await,
            Formula::OfCases(_) | Formula::Share(_) | Formula::Ratio { .. } => {
                panic!("{name} is made of what no ratio is made of")
            }
            Formula::Workforce(Workforce::Seen { within_days }) => {
                self.count_is(row, CountedBy::Seen { within_days: *within_days }, number, name).await;
            }
            Formula::OfContract(_) | Formula::Wte | Formula::Workforce(_) | Formula::Supervision(_) => {}
        }
    }

    async fn count_is(&self, row: &FigureRow, counted: CountedBy, number: Fraction, name: &str) {
        let asked = self.asked(row, counted);
        let cases = self.scope.cases(self.standing);
        let found = members::count(self.view, cases, &asked).await.expect("a count");
        assert_eq!(Fraction::from(found), number, "{name}");
    }

    async fn sum_is(&self, row: &FigureRow, counted: CountedBy, number: Fraction, name: &str) {
        let asked = self.asked(row, counted);
        let (mut sum, mut after) = (0_i64, None::<Place>);
        loop {
            let cases = self.scope.cases(self.standing);
            let page = (after.as_ref(), PAGE);
            let (found, has_next) = members::page(self.view, cases, &asked, page).await.expect("a page");
            sum += found.iter().filter_map(|fact| fact.quantity).sum::<i64>();
            if !has_next {
                break;
            }
            after = found.last().map(|fact| fact.place.clone());
        }
        assert_eq!(Fraction::millionths(sum), number, "{name}");
    }

    fn asked(&self, row: &FigureRow, counted: CountedBy) -> MembersQuery {
        let (members, workers, profiles) = (row.members.clone(), row.workers.clone(), row.profiles.clone());
        MembersQuery { counted, period: row.period, members, workers, profiles, as_of: self.today }
    }

    fn measure(&self, code: &str) -> &Measure {
        let found = self.measures.iter().find(|measure| measure.code == code);
        found.unwrap_or_else(|| panic!("{} has no measure {code}", self.scope.contract()))
    }

    /// Cases whose age is known, and others whose age is not, so that the rows of attributes are not all alike.
    async fn has_known_and_unknown_attributes(&self, period: Period) {
        let rows = self.figures(&[attribute("test_age")], period, self.today).await;
        let stages: Vec<&MeasureFigures> =
            rows.iter().filter(|of| self.rulebook.stages.iter().any(|stage| stage.code == of.measure.code)).collect();
        let counted = |label: &str| {
            let rows = stages.iter().flat_map(|of| &of.rows);
            let of_label = rows.filter(|row| row.members[0].label(&self.rulebook.labels) == label);
            of_label.filter_map(|row| row.figure.numerator()).any(|count| count != Fraction::ZERO)
        };
        for label in ["Under 25", "25 and over", "Unknown"] {
            assert!(counted(label), "{}: no case is {label}", self.scope.contract());
        }
        let last = stages.iter().map(|of| of.rows.last().map(|row| row.members[0].label(&self.rulebook.labels)));
        assert!(last.flatten().all(|label| label == "Unknown"), "the row of what is not known is the last");
    }

    /// Whichever way a month is asked for, from the counted table or from the dated rows, it counts the same.
    async fn each_way_counts_the_same(&self, quarter: Period) {
        // At the end of this day, whatever lies ahead has come, so that the counted table may be used.
        let when_all_is_past = self.today + Days::new(10_000);
        for month in quarter.months().expect("a quarter has months").iter() {
            let of_days = |first: NaiveDate, last: NaiveDate| Period::days(first, last).expect("in order");
            let whole = self.counts(Period::month(month), self.today).await;
            for (period, as_of) in [
                (of_days(month.first(), month.last()), self.today),
                (Period::month(month), quarter.last()),
                (Period::month(month), when_all_is_past),
            ] {
                let found = self.counts(period, as_of).await;
                assert_eq!(whole, found, "{} {period:?} as of {as_of}", self.scope.contract());
            }
            let middle = month.first() + Days::new(13);
            let early = self.counts(of_days(month.first(), middle), self.today).await;
            let late = self.counts(of_days(middle + Days::new(1), month.last()), self.today).await;
            for ((whole, early), late) in whole.iter().zip(early).zip(late) {
                let both = early.1.plus(late.1).expect("in range");
                assert_eq!(whole.1, both, "{} {}: {month} in two parts", self.scope.contract(), whole.0);
            }
        }
    }

    /// The numbers of facts, by the code of the measure, of kinds whose number in a past month does not change.
    async fn counts(&self, period: Period, as_of: NaiveDate) -> Vec<(String, Fraction)> {
        let figures = self.figures(&[], period, as_of).await;
        let of_measure = |of_measure: &MeasureFigures| match &of_measure.measure.formula {
            Formula::Count(facts) if !facts.kinds.iter().any(|kind| DATED_ONLY.contains(kind)) => {
                Some((of_measure.measure.code.clone(), of_measure.rows[0].figure.numerator()?))
            }
            _ => None,
        };
        figures.iter().filter_map(of_measure).collect()
    }

    /// The number of measures that count something.
    async fn counted(&self, period: Period) -> usize {
        let counts = self.counts(period, self.today).await;
        counts.iter().filter(|(_, count)| *count != Fraction::ZERO).count()
    }
}

/// Which measures are looked at.
#[derive(Clone, Copy)]
enum Looked {
    /// All of them.
    All,
    /// Some, others in each question.
    Some(usize),
}

/// The facts that a measure counts.
fn facts(measure: &Measure) -> &Facts {
    match &measure.formula {
        Formula::Count(facts) => facts,
        formula => panic!("{} counts no cases: {formula}", measure.code),
    }
}

/// The quarter of a pack in which most of the facts are dated, and the day on which they are recorded.
fn quarter(rulebook: &Rulebook) -> (Period, NaiveDate) {
    let unit = Unit::Quarter(rulebook.calendar.financial_year);
    let quarter = Period::of(unit, rulebook.effective_from + Days::new(100));
    (quarter, quarter.last() + Days::new(30))
}

async fn compare_pack(dialect: Dialect, (nth, pack): (usize, &Pack)) {
    let text = format!("{}{ATTRIBUTES}", pack.text);
    let rulebook = Rulebook::parse(&text).expect("a pack is a rulebook");
    let (quarter, today) = quarter(&rulebook);
    let noon = today.and_hms_opt(12, 0, 0).expect("noon").and_utc();
    let fresh = Fresh::on(dialect, noon).await;
    Mixture::of((pack, &text), &rulebook, quarter.last(), today).record(&fresh).await;
    let events = fresh.log.stream(StreamId::contract(pack.code)).await.expect("the log is read");
    let history = History::of(events.iter().map(|event| Recorded::decode(event).expect("our own event")));
    {
        let (view, scope, standing) = (fresh.views.live(), Scope::Deployment, Standing::contract_wide(today));
        let measures = throughline_domain::performance::measure::measures(&rulebook);
        let service = Service {
            view: &view,
            scope: scope.contract(pack.code).expect("in scope"),
            standing: &standing,
            rulebook: &rulebook,
            record: &ContractRecord::as_of(&history, today),
            measures: &measures,
            today,
            nth,
        };
        let counted = service.counted(quarter).await;
        assert!(counted >= COUNTED_MIN, "{}: only {counted} measures count anything", pack.code);
        let odd_days = Period::days(quarter.first() + Days::new(9), quarter.last() - Days::new(11));
        service.compare(quarter, Looked::All).await;
        service.compare(odd_days.expect("in order"), Looked::Some(bys().len())).await;
        service.has_known_and_unknown_attributes(quarter).await;
        service.compare_months(quarter).await;
        service.each_way_counts_the_same(quarter).await;
    }
    fresh.end().await;
}

#[tokio::test]
async fn every_figure_of_every_pack_lists_what_it_counts_on_sqlite() {
    for pack in packs().iter().enumerate() {
        compare_pack(Dialect::Sqlite, pack).await;
    }
}

#[tokio::test]
async fn every_figure_of_every_pack_lists_what_it_counts_on_postgres() {
    for pack in packs().iter().enumerate() {
        compare_pack(Dialect::Postgres, pack).await;
    }
}
