//! Small counts: which numbers are hidden from those who may not see counts of one to four people.
//!
//! Pure. What is hidden must not follow from what is left: where only one number of a line is hidden, the line and its
//! total, which another question may show, would give it away. So another number of the line is hidden with it.

use super::figure::{Figure, SMALL, State};
use super::fraction::Fraction;
use super::measure::{Formula, Measure, Workforce};

/// A number of a table that may be hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Countable {
    /// How great it is. None if it has no value, so that there is nothing to hide.
    pub size: Option<Fraction>,
    /// Whether it is hidden.
    pub is_hidden: bool,
}

impl Countable {
    /// A number of people, hidden if it is from one to four.
    pub fn cases(count: u64) -> Self {
        Self { size: Some(count.into()), is_hidden: is_few(count.into()) }
    }

    /// A figure of a measure, hidden if it is of few.
    pub fn figure(figure: &Figure, of: &Measure) -> Self {
        Self { size: figure.numerator().or(figure.value()), is_hidden: is_of_few(figure, of) }
    }
}

/// Whether a number is from one to four.
pub fn is_few(count: Fraction) -> bool {
    Fraction::ZERO < count && count < Fraction::from(SMALL)
}

/// Whether a figure counts, or is made of, one to four people. A few facts are of few people, too.
pub fn is_of_few(figure: &Figure, of: &Measure) -> bool {
    let counts = matches!(
        of.formula,
        Formula::Count(_)
            | Formula::Caseload
            | Formula::CaseloadThroughout
            | Formula::Work(_)
            | Formula::Workforce(Workforce::MeanCaseload)
    );
    figure.suppressed().state() == State::Suppressed || counts && figure.value().is_some_and(is_few)
}

/// Hides further numbers until no line has exactly one that is hidden: each time the smallest of the others that is not
/// 0, or else the first 0. Each line names its numbers by their place. A line of one number is left as it was.
pub fn complete(numbers: &mut [Countable], lines: &[Vec<usize>]) {
    loop {
        let mut is_done = true;
        for line in lines {
            let hidden = line.iter().filter(|at| numbers[**at].is_hidden).count();
            let others = line.iter().filter(|at| !numbers[**at].is_hidden);
            let sized = others.filter_map(|at| Some((numbers[*at].size?, *at)));
            let smallest = sized.min_by_key(|(size, at)| (*size == Fraction::ZERO, *size, *at));
            if let (1, Some((_, at))) = (hidden, smallest) {
                numbers[at].is_hidden = true;
                is_done = false;
            }
        }
        if is_done {
            return;
        }
    }
}

/// The counts of a table, None where they are hidden. Each row is a line, and so is each column. All rows are as long as
/// the first.
pub fn shown(rows: &[Vec<u64>]) -> Vec<Vec<Option<u64>>> {
    let width = rows.first().map_or(0, Vec::len);
    let mut numbers: Vec<Countable> = rows.iter().flatten().map(|count| Countable::cases(*count)).collect();
    let of_rows = (0..rows.len()).map(|row| (0..width).map(|column| row * width + column).collect());
    let of_columns = (0..width).map(|column| (0..rows.len()).map(|row| row * width + column).collect());
    complete(&mut numbers, &of_rows.chain(of_columns).collect::<Vec<Vec<usize>>>());
    let shown = |(row, counts): (usize, &Vec<u64>)| {
        let cells = counts.iter().enumerate();
        cells.map(|(column, count)| Some(*count).filter(|_| !numbers[row * width + column].is_hidden)).collect()
    };
    rows.iter().enumerate().map(shown).collect()
}

/// A sum of counts of which some may be hidden: hidden with them, and if it is few itself.
pub fn sum(total: u64, parts: &[Option<u64>]) -> Option<u64> {
    Some(total).filter(|total| parts.iter().all(Option::is_some) && !is_few((*total).into()))
}

#[cfg(test)]
mod tests {
    use super::super::measure::{ContractValues, FactKind, Facts, TakeOfContract, Unit};
    use super::*;

    #[test]
    fn what_is_hidden_does_not_follow_from_the_rest_of_the_line() {
        assert_eq!(shown(&[vec![3, 20, 8]]), [[None, Some(20), None]], "the smallest other one is hidden too");
        assert_eq!(shown(&[vec![3, 4, 8]]), [[None, None, Some(8)]], "two are hidden already");
        assert_eq!(shown(&[vec![3, 0, 0]]), [[None, None, Some(0)]], "without another number, a 0");
        assert_eq!(shown(&[vec![5, 20, 0]]), [[Some(5), Some(20), Some(0)]]);
        assert_eq!(shown(&[vec![3]]), [[None]]);
    }

    #[test]
    fn neither_rows_nor_columns_have_one_hidden_number() {
        let table = [vec![3, 20, 9], vec![30, 40, 50], vec![12, 11, 10]];
        let found = shown(&table);
        let lines = (0..3).map(|row| found[row].clone());
        let columns = (0..3).map(|column| found.iter().map(|row| row[column]).collect::<Vec<_>>());
        for line in lines.chain(columns) {
            assert_ne!(line.iter().filter(|count| count.is_none()).count(), 1, "{found:?}");
        }
        assert_eq!(found[0][0], None);
        assert!(found.iter().flatten().any(Option::is_some), "not everything is hidden");
    }

    #[test]
    fn a_sum_over_a_hidden_count_is_hidden_and_so_is_a_small_one() {
        assert_eq!(sum(24, &[None, Some(20)]), None);
        assert_eq!(sum(24, &[Some(4), Some(20)]), Some(24));
        assert_eq!((sum(3, &[]), sum(0, &[]), sum(5, &[])), (None, Some(0), Some(5)));
    }

    #[test]
    fn a_few_facts_are_of_few_people_and_an_amount_is_of_none() {
        let measure = |unit: Unit, formula: Formula| {
            let (code, title, prose) = ("one".to_owned(), "One".to_owned(), String::new());
            Measure { code, title, prose, unit, places: 0, formula, version: None }
        };
        let contacts = measure(Unit::Contacts, Formula::Count(Facts::all(FactKind::FaceToFace)));
        assert!(is_of_few(&Figure::amount(4.into()), &contacts));
        assert!(!is_of_few(&Figure::amount(5.into()), &contacts));
        let spend = ContractValues { code: "spend".to_owned(), take: TakeOfContract::Sum };
        assert!(!is_of_few(&Figure::amount(4.into()), &measure(Unit::Amount, Formula::OfContract(spend))));
        let none = Countable::figure(&Figure::no_data(), &contacts);
        assert_eq!(none, Countable { size: None, is_hidden: false });
    }
}
