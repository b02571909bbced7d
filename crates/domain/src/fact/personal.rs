//! Finds text that looks like personal data, in fields that are stored unsealed.
//!
//! Pure. It recognises patterns, not people: a name in a sentence passes, so the schema says that no personal data
//! belongs there. Dates, amounts, UUIDs and case numbers must pass. It never repeats the text that it found.

/// The kind of personal data that a text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personal {
    /// A National Insurance number, including the prefixes that are never issued and that examples use.
    NationalInsuranceNumber,
    /// An NHS number: ten digits in a range that is issued or used for examples, the last of which is a valid check
    /// digit.
    NhsNumber,
    /// A unique pupil number: a letter and twelve digits, or a letter, eleven digits and a letter.
    UniquePupilNumber,
    /// An e-mail address.
    EmailAddress,
    /// A United Kingdom telephone number.
    TelephoneNumber,
}

impl Personal {
    /// The name of this kind, with its article.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NationalInsuranceNumber => "a National Insurance number",
            Self::NhsNumber => "an NHS number",
            Self::UniquePupilNumber => "a unique pupil number",
            Self::EmailAddress => "an e-mail address",
            Self::TelephoneNumber => "a telephone number",
        }
    }
}

/// Returns the first kind of personal data that the text looks like, if there is any.
pub fn found_in(text: &str) -> Option<Personal> {
    let letters = letters(text);
    (0..letters.len()).find_map(|start| starting_at(&letters, start))
}

/// Returns the first kind of personal data that a case number of another system looks like, if there is any. Telephone
/// numbers pass: many systems number their cases with eleven digits that start with zero.
pub fn found_in_reference(text: &str) -> Option<Personal> {
    let letters = letters(text);
    let mut found = (0..letters.len()).filter_map(|start| starting_at(&letters, start));
    found.find(|personal| *personal != Personal::TelephoneNumber)
}

/// The characters of a text, with full-width characters replaced by the plain ones.
fn letters(text: &str) -> Vec<char> {
    let plain = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        other => other,
    };
    text.chars().map(plain).collect()
}

fn starting_at(text: &[char], start: usize) -> Option<Personal> {
    if text[start] == '@' {
        return is_email_around(text, start).then_some(Personal::EmailAddress);
    }
    if !begins_here(text, start) {
        return None;
    }
    let rest = &text[start..];
    if is_national_insurance_number(rest) {
        Some(Personal::NationalInsuranceNumber)
    } else if is_nhs_number(rest) {
        Some(Personal::NhsNumber)
    } else if is_unique_pupil_number(rest) {
        Some(Personal::UniquePupilNumber)
    } else if is_telephone_number(rest) {
        Some(Personal::TelephoneNumber)
    } else {
        None
    }
}

/// Whether a word starts here: no letter or digit before it, and not the point or comma of an amount.
fn begins_here(text: &[char], start: usize) -> bool {
    let before = |back: usize| start.checked_sub(back).map(|at| text[at]);
    match before(1) {
        Some(c) if c.is_alphanumeric() => false,
        Some('.' | ',') => !before(2).is_some_and(|c| c.is_ascii_digit()),
        _ => true,
    }
}

/// Whether a word ends here: no letter or digit after it, and no decimals of an amount.
fn ends_before(rest: &[char]) -> bool {
    match rest {
        [c, ..] if c.is_alphanumeric() => false,
        ['.' | ',', c, ..] => !c.is_ascii_digit(),
        _ => true,
    }
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '\u{2010}' | '\u{2011}' | '\u{2013}')
}

/// A number of characters, and the test that each of them passes.
type Group = (usize, fn(&char) -> bool);

/// Reads groups of characters, with at most one separator between two groups. Returns the rest of the text if all
/// groups match.
fn groups<'a>(text: &'a [char], groups: &[Group]) -> Option<(String, &'a [char])> {
    let mut found = String::new();
    let mut rest = text;
    for (index, (length, fits)) in groups.iter().enumerate() {
        if index > 0 && rest.first().copied().is_some_and(is_separator) {
            rest = &rest[1..];
        }
        let group = rest.get(..*length).filter(|group| group.iter().all(fits))?;
        found.extend(group);
        rest = &rest[*length..];
    }
    Some((found, rest))
}

fn is_national_insurance_number(text: &[char]) -> bool {
    const DIGITS: Group = (2, char::is_ascii_digit);
    let shape = [
        (2, char::is_ascii_alphabetic as _),
        DIGITS,
        DIGITS,
        DIGITS,
        (1, |c: &char| ('A'..='D').contains(&c.to_ascii_uppercase())),
    ];
    groups(text, &shape).is_some_and(|(_, rest)| ends_before(rest))
}

fn is_nhs_number(text: &[char]) -> bool {
    const DIGIT: fn(&char) -> bool = char::is_ascii_digit;
    let Some((digits, rest)) = groups(text, &[(3, DIGIT), (3, DIGIT), (4, DIGIT)]) else { return false };
    let digits: Vec<u32> = digits.chars().filter_map(|c| c.to_digit(10)).collect();
    let sum: u32 = digits.iter().zip((2..=10).rev()).map(|(digit, weight)| digit * weight).sum();
    let check = (11 - sum % 11) % 11;
    digits.last() == Some(&check) && is_issued(&digits) && ends_before(rest)
}

/// Whether a health service issues numbers in this range. Scottish numbers start with a date of birth, so a code padded
/// with zeros does not match. Northern Irish numbers start with 32 to 39. Those of England, Wales and the Isle of Man
/// start with 4, 6 or 7, Irish ones with 80 to 85. Numbers that start with 9 are for examples and tests.
fn is_issued(digits: &[u32]) -> bool {
    let [one, two, three, four, ..] = digits else { return false };
    match one {
        0..=3 => is_day_of_year(one * 10 + two, three * 10 + four) || *one == 3 && *two >= 2,
        4 | 6 | 7 | 9 => true,
        8 => *two <= 5,
        _ => false,
    }
}

/// Whether a month has this day, in some year.
const fn is_day_of_year(day: u32, month: u32) -> bool {
    let days = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => 0,
    };
    1 <= day && day <= days
}

fn is_unique_pupil_number(text: &[char]) -> bool {
    let Some((_, rest)) = groups(text, &[(1, char::is_ascii_alphabetic)]) else { return false };
    let digits = rest.iter().take_while(|c| c.is_ascii_digit()).count();
    match (digits, rest.get(digits)) {
        (12, _) => ends_before(&rest[12..]),
        (11, Some(last)) => last.is_ascii_alphabetic() && ends_before(&rest[12..]),
        _ => false,
    }
}

/// Nine or ten digits after 0 or +44, in groups of two or more: a single digit, such as a day or month, does not match.
fn is_telephone_number(text: &[char]) -> bool {
    let text = if let ['(', rest @ ..] = text { rest } else { text };
    let national = match text {
        ['+', '4', '4', rest @ ..] | ['0', '0', '4', '4', rest @ ..] => after_country_code(rest),
        ['0', rest @ ..] => rest,
        _ => return false,
    };
    if !matches!(national.first(), Some('1'..='3' | '5' | '7'..='9')) {
        return false;
    }
    let mut digits = 0;
    let mut rest = national;
    loop {
        let group = rest.iter().take_while(|c| c.is_ascii_digit()).count();
        if group < 2 {
            return false;
        }
        digits += group;
        rest = &rest[group..];
        if (9..=10).contains(&digits) && ends_before(rest) {
            return true;
        }
        let separators = rest.iter().take(2).take_while(|c| is_separator(**c) || matches!(c, ')' | '.')).count();
        if separators == 0 || digits > 10 {
            return false;
        }
        rest = &rest[separators..];
    }
}

/// Skips spaces, and a zero in brackets, between the country code and the number.
fn after_country_code(rest: &[char]) -> &[char] {
    let skip = |text: &[char]| text.iter().take_while(|c| is_separator(**c) || **c == ')').count();
    let rest = &rest[skip(rest)..];
    match rest {
        ['(', '0', ')', after @ ..] => &after[skip(after)..],
        ['0', after @ ..] => after,
        _ => rest,
    }
}

fn is_email_around(text: &[char], at: usize) -> bool {
    let is_local = |c: &char| c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-' | '\'');
    let is_domain = |c: &char| c.is_alphanumeric() || matches!(c, '.' | '-');
    let has_local = at.checked_sub(1).is_some_and(|before| is_local(&text[before]));
    let domain: String = text[at + 1..].iter().take_while(|c| is_domain(c)).collect();
    let labels = domain.trim_end_matches(['.', '-']).split('.').collect::<Vec<_>>();
    has_local && labels.len() >= 2 && labels.iter().all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, TimeDelta};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_national_insurance_number_is_found_with_or_without_spaces() {
        for text in [
            "QQ123456C",
            "seen as qq 12 34 56 c yesterday",
            "AB123456D.",
            "(JG 103759 A)",
            "ni:TN-01-12-30-A",
            "ＱＱ１２３４５６Ｃ",
        ] {
            assert_eq!(found_in(text), Some(Personal::NationalInsuranceNumber), "{text}");
        }
        for text in ["QQ123456E", "AB12345C", "AB1234567C", "XAB123456C", "AB123456CD", "KW-07", "AB123456"] {
            assert_eq!(found_in(text), None, "{text}");
        }
    }

    #[test]
    fn an_nhs_number_is_found_by_its_check_digit() {
        for text in ["9434765919", "943 476 5919", "943-476-5919", "nhs no. 401 023 2137, moved"] {
            assert_eq!(found_in(text), Some(Personal::NhsNumber), "{text}");
        }
        for text in ["9434765918", "94347659190", "943476591", "£9434765919.50", "0.9434765919"] {
            assert_eq!(found_in(text), None, "{text}");
        }
    }

    /// Adds the check digit to nine leading digits, if there is a valid one.
    fn checked(begin: u64) -> Option<String> {
        let digits = format!("{begin:09}");
        let sum: u32 = digits.chars().zip((2..=10).rev()).map(|(c, weight)| c.to_digit(10).unwrap_or(0) * weight).sum();
        let check = (11 - sum % 11) % 11;
        (check < 10).then(|| format!("{digits}{check}"))
    }

    #[test]
    fn a_padded_code_or_one_of_an_unissued_range_is_not_an_nhs_number() {
        let all = |range: std::ops::Range<u64>| range.filter_map(checked).collect::<Vec<_>>();
        // Padded codes, days that no month has, and ranges that are not issued.
        for text in [0, 9_000_000, 310_230_000, 310_400_000, 311_300_000, 313_000_000, 500_000_000, 860_000_000]
            .into_iter()
            .flat_map(|begin| all(begin..begin + 500))
        {
            assert_eq!(found_in_reference(&text), None, "{text}");
        }
        // Dates of birth, including 29 February, and the ranges of the health services.
        for text in
            [10_150_000, 290_285_000, 311_299_000, 320_000_001, 401_023_213, 600_000_000, 799_999_000, 943_476_591]
                .into_iter()
                .flat_map(|begin| all(begin..begin + 500))
        {
            assert_eq!(found_in_reference(&text), Some(Personal::NhsNumber), "{text}");
        }
    }

    #[test]
    fn a_telephone_number_is_found_however_it_is_grouped() {
        for text in [
            "07700 900123",
            "07700900123",
            "call 020 7946 0958 after five",
            "(020) 7946 0958",
            "+44 20 7946 0958",
            "+44 (0)20 7946 0958",
            "+447700900123",
            "0044 7700 900 123",
            "01632-960-983",
            "0161 496 0000.",
        ] {
            assert_eq!(found_in(text), Some(Personal::TelephoneNumber), "{text}");
        }
    }

    #[test]
    fn an_email_address_is_found_but_not_a_lone_at_sign() {
        for text in ["a.client@example.org", "wrote to A+b@mail.example.co.uk.", "<x@y.zz>"] {
            assert_eq!(found_in(text), Some(Personal::EmailAddress), "{text}");
        }
        for text in ["met @ the library", "2 @ 3.50", "x@localhost", "@example.org"] {
            assert_eq!(found_in(text), None, "{text}");
        }
    }

    #[test]
    fn a_unique_pupil_number_is_found_in_both_its_forms() {
        for text in ["A123456789012", "upn H80120000123A", "a12345678901b"] {
            assert_eq!(found_in(text), Some(Personal::UniquePupilNumber), "{text}");
        }
        for text in ["A12345678901", "A1234567890123", "AB123456789012"] {
            assert_eq!(found_in(text), None, "{text}");
        }
    }

    #[test]
    fn dates_amounts_and_case_numbers_pass() {
        for text in [
            "CASE-2018/0042",
            "SHPS-000123",
            "05-01-2018 10:00",
            "from 05/01/2018 to 06.02.2018",
            "05.01.2018 06.02.2018",
            "£1,234,567.89",
            "1500.00",
            "2018-02-10T09:30:00.123456Z",
            "20180210093000",
            "30 of 45 sessions, 12 weeks at 16 hours",
            "typed 2018 for 2017",
            "wrong borough: Brent, not Ealing",
            "0000042",
            "kept the wrong day (10 for 11 February)",
        ] {
            assert_eq!(found_in(text), None, "{text}");
        }
    }

    #[test]
    fn a_case_number_may_look_like_a_telephone_number_but_not_like_other_personal_data() {
        assert_eq!(found_in_reference("07700900123"), None);
        assert_eq!(found_in_reference("9434765919"), Some(Personal::NhsNumber));
        assert_eq!(found_in_reference("07700900123 QQ123456C"), Some(Personal::NationalInsuranceNumber));
    }

    proptest! {
        #[test]
        fn a_uuid_never_looks_personal(bits: u128) {
            let id = Uuid::from_u128(bits);
            prop_assert_eq!(found_in(&id.to_string()), None);
            prop_assert_eq!(found_in(&id.to_string().to_uppercase()), None);
        }

        #[test]
        fn a_uuid_of_digits_never_looks_personal(text in "[0-9]{8}-[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{12}") {
            prop_assert_eq!(found_in(&text), None);
        }

        #[test]
        fn an_iso_date_or_instant_never_looks_personal(days in 0_i64..80_000, seconds in 0_i64..86_400) {
            let day = NaiveDate::from_ymd_opt(1900, 1, 1).expect("a date") + TimeDelta::days(days);
            let instant = day.and_hms_opt(0, 0, 0).expect("midnight") + TimeDelta::seconds(seconds);
            prop_assert_eq!(found_in(&day.to_string()), None);
            prop_assert_eq!(found_in(&instant.to_string()), None);
            prop_assert_eq!(found_in(&instant.format("%Y-%m-%dT%H:%M:%SZ").to_string()), None);
        }

        #[test]
        fn any_text_is_read_without_panic(text: String) {
            let _ = (found_in(&text), found_in_reference(&text));
        }
    }
}
