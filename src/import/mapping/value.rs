//! Values of a row: dates in the forms that a source writes, numbers, yes and no, times.

use chrono::{Datelike as _, Days, NaiveDate, NaiveTime};
use rust_decimal::Decimal;

use throughline_domain::fact::envelope::{Occurred, Precision};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A form of dates, such as DD/MM/YYYY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DateForm(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Day,
    Month,
    MonthName,
    Year,
    /// Two digits of a year since 2000.
    ShortYear,
    /// Two digits of a time, which is left out.
    OfTime,
    Text(char),
}

impl DateForm {
    /// Reads a form. `None` if it has no year, a piece twice, or a day without a month.
    pub(super) fn read(form: &str) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = form;
        while let Some(next) = rest.chars().next() {
            let known = [
                ("DD", Piece::Day),
                ("MM", Piece::Month),
                ("Mon", Piece::MonthName),
                ("YYYY", Piece::Year),
                ("YY", Piece::ShortYear),
                ("hh", Piece::OfTime),
                ("mm", Piece::OfTime),
                ("ss", Piece::OfTime),
            ];
            match known.into_iter().find(|(word, _)| rest.starts_with(word)) {
                Some((word, piece)) => {
                    pieces.push(piece);
                    rest = &rest[word.len()..];
                }
                None if next.is_alphanumeric() && next != 'T' => return None,
                None => {
                    pieces.push(Piece::Text(next));
                    rest = &rest[next.len_utf8()..];
                }
            }
        }
        let count = |of: &Piece| pieces.iter().filter(|piece| *piece == of).count();
        let months = count(&Piece::Month) + count(&Piece::MonthName);
        let years = count(&Piece::Year) + count(&Piece::ShortYear);
        let is_whole = years == 1 && months <= 1 && count(&Piece::Day) <= months;
        is_whole.then_some(Self(pieces))
    }

    /// The date of a text in this form.
    fn date(&self, text: &str) -> Option<Occurred> {
        let (mut day, mut month, mut year) = (None, None, None);
        let mut rest = text;
        let number = |rest: &mut &str, most: usize| {
            let length = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
            let (digits, after) = rest.split_at(length);
            *rest = after;
            digits.parse::<u32>().ok()
        };
        for piece in &self.0 {
            match piece {
                Piece::Day => day = Some(number(&mut rest, 2)?),
                Piece::Month => month = Some(number(&mut rest, 2)?),
                Piece::Year => {
                    let before = rest.len();
                    year = Some(number(&mut rest, 4)?);
                    if before - rest.len() != 4 {
                        return None;
                    }
                }
                Piece::ShortYear => {
                    let before = rest.len();
                    year = Some(2000 + number(&mut rest, 2)?);
                    if before - rest.len() != 2 {
                        return None;
                    }
                }
                Piece::OfTime => {
                    number(&mut rest, 2)?;
                }
                Piece::MonthName => {
                    let length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
                    let (name, after) = rest.split_at(length);
                    let name = name.to_lowercase();
                    let is_it = |whole: &&str| *whole == name || (length == 3 && whole.starts_with(&name));
                    month = Some(u32::try_from(MONTHS.iter().position(is_it)?).ok()? + 1);
                    rest = after;
                }
                Piece::Text(expected) => rest = rest.strip_prefix(*expected)?,
            }
        }
        if !rest.is_empty() {
            return None;
        }
        let precision = match (day, month) {
            (Some(_), _) => Precision::Day,
            (None, Some(_)) => Precision::Month,
            (None, None) => Precision::Year,
        };
        let first = NaiveDate::from_ymd_opt(i32::try_from(year?).ok()?, month.unwrap_or(1), day.unwrap_or(1))?;
        Some(Occurred::within(first, precision))
    }
}

/// The date of a text in one of these forms, or in ISO 8601. A midnight after a date is left out.
pub(super) fn date(text: &str, forms: &[DateForm]) -> Option<Occurred> {
    let day = text.split_once([' ', 'T']).filter(|(_, time)| is_midnight(time)).map_or(text, |(day, _)| day);
    let iso = || {
        let digits = day.len() == 10 && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        day.parse().ok().filter(|_| digits).map(Occurred::on)
    };
    let candidates = [day, text];
    candidates.iter().find_map(|text| forms.iter().find_map(|form| form.date(text))).or_else(iso)
}

fn is_midnight(time: &str) -> bool {
    let time = time.trim().trim_end_matches('Z');
    let parts: Vec<&str> = time.split([':', '.']).collect();
    parts.len() >= 2 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte == b'0'))
}

/// The day after a last day. Of a month or year, the first day of the next one.
pub(super) fn day_after(last: Occurred) -> Option<Occurred> {
    let next = last.latest().checked_add_days(Days::new(1))?;
    (next.year() <= 9999).then(|| Occurred::within(next, last.precision()))
}

/// A decimal number, digit for digit. A comma between thousands is left out, and a pound sign before it.
pub(super) fn number(text: &str) -> Option<Decimal> {
    let text = text.strip_prefix('£').unwrap_or(text);
    let is_plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b',');
    if !text.bytes().all(is_plain) {
        return None;
    }
    let (whole, decimals) = text.split_once('.').map_or((text, None), |(whole, decimals)| (whole, Some(decimals)));
    let mut groups = whole.trim_start_matches(['+', '-']).split(',');
    let first = groups.next().unwrap_or_default();
    let is_grouped = whole.contains(',');
    let are_thousands = !is_grouped || (matches!(first.len(), 1..=3) && groups.all(|group| group.len() == 3));
    let is_divided = decimals.is_some_and(|decimals| decimals.contains(','));
    if !are_thousands || is_divided {
        return None;
    }
    Decimal::from_str_exact(&text.replace(',', "")).ok()
}

/// Yes or no.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "y" | "1" => Some(true),
        "false" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// A time of day.
pub(super) fn time(text: &str) -> Option<NaiveTime> {
    ["%H:%M", "%H:%M:%S"].iter().find_map(|form| NaiveTime::parse_from_str(text, form).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, form: &str) -> Option<String> {
        let occurred = date(text, &[DateForm::read(form)?])?;
        Some(format!("{} {:?}", occurred.earliest(), occurred.precision()))
    }

    #[test]
    fn a_form_says_how_exactly_a_date_is_known() {
        let day = |text: &str, form: &str| assert_eq!(read(text, form).as_deref(), Some("2018-01-31 Day"), "{text}");
        day("31/01/2018", "DD/MM/YYYY");
        day("31/1/2018", "DD/MM/YYYY");
        day("31-Jan-2018", "DD-Mon-YYYY");
        day("31 January 2018", "DD Mon YYYY");
        day("01/31/2018", "MM/DD/YYYY");
        day("20180131", "YYYYMMDD");
        day("2018-01-31T00:00:00", "DD/MM/YYYY");
        day("31/01/2018 00:00", "DD/MM/YYYY");
        day("31-Jan-18", "DD-Mon-YY");
        day("31/01/18", "DD/MM/YY");
        day("2018-01-31T09:05:07", "YYYY-MM-DDThh:mm:ss");
        day("31/01/2018 9:05", "DD/MM/YYYY hh:mm");
        assert_eq!(read("Jan-18", "Mon-YY").as_deref(), Some("2018-01-01 Month"));
        assert_eq!(read("31/01/2018", "DD/MM/YY"), None);
        assert_eq!(read("01/2018", "MM/YYYY").as_deref(), Some("2018-01-01 Month"));
        assert_eq!(read("2018", "YYYY").as_deref(), Some("2018-01-01 Year"));
        for text in ["32/01/2018", "31/01/18", "31/01/2018x", "", "31/01/2018 10:00", "2018-1-31"] {
            assert_eq!(read(text, "DD/MM/YYYY"), None, "{text}");
        }
        for form in ["DD/MM", "DD/YYYY", "YYYY-MM-DD-MM", "day", ""] {
            assert!(DateForm::read(form).is_none(), "{form}");
        }
    }

    #[test]
    fn the_day_after_a_last_day_keeps_its_precision() {
        let after = |text: &str, form: &str| {
            let occurred = date(text, &[DateForm::read(form).expect("a form")]).expect("a date");
            day_after(occurred).map(|next| (next.earliest().to_string(), next.precision()))
        };
        assert_eq!(after("28/02/2018", "DD/MM/YYYY"), Some(("2018-03-01".to_owned(), Precision::Day)));
        assert_eq!(after("12/2018", "MM/YYYY"), Some(("2019-01-01".to_owned(), Precision::Month)));
        assert_eq!(after("31/12/9999", "DD/MM/YYYY"), None);
    }

    #[test]
    fn numbers_and_flags_are_read_exactly_or_not_at_all() {
        assert_eq!(number("16.30").map(|number| number.to_string()).as_deref(), Some("16.30"));
        assert_eq!(number("1,234,567.5").map(|number| number.to_string()).as_deref(), Some("1234567.5"));
        assert_eq!(number("-1,234").map(|number| number.to_string()).as_deref(), Some("-1234"));
        assert_eq!(number("£1,234.50").map(|number| number.to_string()).as_deref(), Some("1234.50"));
        for text in ["1,2345", "1,£££", ",234", "12345,678", "1,234.5,678", "1.234,567", "1_000", "1,-34", ""] {
            assert!(number(text).is_none(), "{text}");
        }
        assert!(number("16,5").is_none() && number("1.6e1").is_none() && number("about 16").is_none());
        assert_eq!((flag("Yes"), flag("0"), flag("maybe")), (Some(true), Some(false), None));
        assert!(time("14:30").is_some() && time("2pm").is_none());
    }
}
