//! Who a person is: the parts of an identity, how each is written before it is sealed, and whether it is valid.
//!
//! Pure. Nothing here is ever stored unsealed, and no message repeats a value.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::fact::envelope::Occurred;
use crate::fact::event::{IdentitySealed, Patched};
use crate::fact::sealed::PersonalText;
use crate::fact::{Entry, Fact};

/// The names of a person.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// The given names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<String>,
    /// The family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Other names: former names, names used every day, other spellings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other: Vec<String>,
}

/// An address of a person.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The lines of the address, without the postcode.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// The postcode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postcode: Option<String>,
    /// The unique property reference number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uprn: Option<String>,
}

/// Declares the parts of an identity: the variant, and the field of the payload.
macro_rules! parts {
    ($($(#[$doc:meta])* $part:ident => $field:ident;)*) => {
        /// A part of an identity. Each is sealed by itself, so that one can be replaced without the others.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Part {
            $($(#[$doc])* $part,)*
        }

        impl Part {
            /// Every part.
            pub const ALL: &'static [Self] = &[$(Self::$part,)*];

            /// The field of the payload.
            pub const fn field(self) -> &'static str {
                match self { $(Self::$part => stringify!($field),)* }
            }
        }

        impl IdentitySealed {
            /// What the fact says about a part.
            pub const fn part(&self, part: Part) -> &Patched<PersonalText> {
                match part { $(Part::$part => &self.$field,)* }
            }
        }
    };
}

parts! {
    /// The names.
    Names => names;
    /// The birth date.
    BirthDate => birth_date;
    /// The telephone number.
    Telephone => telephone;
    /// The e-mail address.
    Email => email;
    /// The address.
    Address => address;
    /// The National Insurance number.
    Nino => nino;
    /// The NHS number.
    NhsNumber => nhs_number;
    /// The unique pupil number.
    Upn => upn;
    /// The needs, such as an interpreter.
    Needs => needs;
}

/// The identity of a person at a point in time: for each part, the fact that says it last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity(Vec<(Part, Entry<PersonalText>)>);

impl Identity {
    /// Applies the next fact. It replaces the parts that it gives, and removes those that it clears.
    pub(crate) fn apply(&mut self, fact: &Fact<'_>, sealed: &IdentitySealed) {
        for part in Part::ALL {
            let said = sealed.part(*part);
            if said.stays() {
                continue;
            }
            self.0.retain(|(known, _)| known != part);
            if let Patched::Becomes(text) = said {
                self.0.push((*part, Entry::of(fact, text)));
            }
        }
        self.0.sort_by_key(|(part, _)| *part);
    }

    /// A part, with the event and the date of the fact that says it.
    pub fn part(&self, part: Part) -> Option<&Entry<PersonalText>> {
        self.0.iter().find(|(known, _)| *known == part).map(|(_, entry)| entry)
    }

    /// The parts that are known, in order.
    pub fn parts(&self) -> impl Iterator<Item = (Part, &Entry<PersonalText>)> {
        self.0.iter().map(|(part, entry)| (*part, entry))
    }

    /// Whether no part is known.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The letters that check a unique pupil number, by remainder.
const UPN_LETTERS: &[u8; 23] = b"ABCDEFGHJKLMNPQRTUVWXYZ";
/// The prefixes of National Insurance numbers that are never given to people.
const NINO_NEVER: [&str; 7] = ["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"];
/// The most years between a birth and today.
const AGE_MAX: u32 = 130;

/// What is wrong with a National Insurance number. None if it is valid. Written without spaces, in capitals.
pub fn nino_fault(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 9
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..8].iter().all(u8::is_ascii_digit)
        && (b'A'..=b'D').contains(&bytes[8]);
    if !shape {
        return Some("this is no National Insurance number: use two letters, six digits and a letter from A to D");
    }
    let never = |c: &u8| matches!(c, b'D' | b'F' | b'I' | b'Q' | b'U' | b'V');
    // QQ is kept for examples.
    let example = text.starts_with("QQ");
    if !example && (bytes[..2].iter().any(never) || bytes[1] == b'O' || NINO_NEVER.contains(&&text[..2])) {
        return Some("no National Insurance number begins with these letters: check the first two letters");
    }
    None
}

/// What is wrong with an NHS number. None if it is valid. Written as ten digits without spaces.
pub fn nhs_number_fault(text: &str) -> Option<&'static str> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    if text.len() != 10 || digits.len() != 10 {
        return Some("this is no NHS number: use ten digits without spaces");
    }
    let sum: u32 = digits.iter().zip((2..=10).rev()).map(|(digit, weight)| digit * weight).sum();
    if digits[9] == (11 - sum % 11) % 11 {
        None
    } else {
        Some("the check digit of the NHS number is wrong: check the digits")
    }
}

/// What is wrong with a unique pupil number. None if it is valid. Thirteen characters; the last one of a temporary
/// number is a letter.
pub fn upn_fault(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    let place = |letter: u8| UPN_LETTERS.iter().position(|known| *known == letter);
    let value = |(index, byte): (usize, &u8)| match byte {
        b'0'..=b'9' => Some(usize::from(byte - b'0')),
        letter if index == 11 => place(*letter),
        _ => None,
    };
    let values: Option<Vec<usize>> = bytes.get(1..).unwrap_or_default().iter().enumerate().map(value).collect();
    let (13, Some(values)) = (bytes.len(), values) else {
        return Some(
            "this is no unique pupil number: use a letter and twelve digits, the last of which may be a letter",
        );
    };
    let sum: usize = values.iter().zip(2..).map(|(value, weight)| value * weight).sum();
    if bytes[0] == UPN_LETTERS[sum % 23] {
        None
    } else {
        Some("the check letter of the unique pupil number is wrong: check the letter and the digits")
    }
}

/// What is wrong with a unique property reference number. None if it is valid.
pub fn uprn_fault(text: &str) -> Option<&'static str> {
    let is_number = (1..=12).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit());
    if is_number { None } else { Some("this is no UPRN: use one to twelve digits") }
}

/// What is wrong with an e-mail address. None if it looks like one.
pub fn email_fault(text: &str) -> Option<&'static str> {
    let parts = text.split_once('@');
    let is_one = parts.is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.contains('.')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && !domain.contains('@')
    });
    if is_one && !text.contains(char::is_whitespace) {
        None
    } else {
        Some("this is no e-mail address: use NAME@DOMAIN")
    }
}

/// What is wrong with a telephone number. None if it looks like one.
pub fn telephone_fault(text: &str) -> Option<&'static str> {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let is_shown = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '+' | '-' | '(' | ')' | 'x');
    if (5..=20).contains(&digits) && text.chars().all(is_shown) {
        None
    } else {
        Some("this is no telephone number: use digits and spaces, with + before a country code")
    }
}

/// What is wrong with a birth date, seen from the date of the fact. None if it is valid.
pub fn birth_date_fault(text: &str, occurred: Occurred) -> Option<&'static str> {
    let Ok(born) = text.parse::<NaiveDate>() else { return Some("this is no date: use a date as YYYY-MM-DD") };
    if born > occurred.latest() {
        return Some("the birth date is after the date of this fact: use an earlier date");
    }
    match occurred.latest().years_since(born) {
        Some(years) if years <= AGE_MAX => None,
        _ => Some("the birth date is more than 130 years ago: check the year"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_national_insurance_number_has_its_letters_and_digits() {
        for good in ["QQ123456C", "AB123456D"] {
            assert_eq!(nino_fault(good), None, "{good}");
        }
        for bad in ["QQ123456E", "qq123456c", "QQ 12 34 56 C", "AB12345C", "GB123456A", "DA123456A", "AO123456A", ""] {
            assert!(nino_fault(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn an_nhs_number_has_a_check_digit() {
        assert_eq!(nhs_number_fault("9434765919"), None);
        for bad in ["9434765918", "943 476 5919", "943476591", "943476591X", ""] {
            assert!(nhs_number_fault(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_unique_pupil_number_has_a_check_letter() {
        // 8*2 + 0*3 + 1*4 + 2*5 + 0*6 + 0*7 + 0*8 + 1*9 + 0*10 + 1*11 + 0*12 + 1*13 = 63, and 63 = 2*23 + 17.
        assert_eq!(upn_fault("U801200010101"), None);
        for bad in ["A801200010101", "U80120001010", "U8012000101011", "u801200010101", "U8012000101S1", ""] {
            assert!(upn_fault(bad).is_some(), "{bad}");
        }
        // The last letter of a temporary number counts by its place among the check letters: A is 0.
        let sum = 8 * 2 + 4 + 2 * 5 + 9 + 11;
        let temporary = format!("{}80120001010A", char::from(UPN_LETTERS[sum % 23]));
        assert_eq!(upn_fault(&temporary), None);
    }

    #[test]
    fn a_birth_date_is_in_the_past() {
        let on = Occurred::on("2018-03-01".parse().expect("a date"));
        for good in ["2018-03-01", "1960-02-29", "1900-01-01"] {
            assert_eq!(birth_date_fault(good, on), None, "{good}");
        }
        for bad in ["2018-03-02", "1887-01-01", "29/02/1960", "1961-02-29", ""] {
            assert!(birth_date_fault(bad, on).is_some(), "{bad}");
        }
    }

    #[test]
    fn contact_details_look_like_what_they_are() {
        for good in ["07700 900123", "+44 (0)20 7946 0958"] {
            assert_eq!(telephone_fault(good), None, "{good}");
        }
        for bad in ["ring the school", "1234", ""] {
            assert!(telephone_fault(bad).is_some(), "{bad}");
        }
        assert_eq!(email_fault("client@example.org"), None);
        for bad in ["client", "client@", "@example.org", "client@example", "a client@example.org", "a@b@example.org"] {
            assert!(email_fault(bad).is_some(), "{bad}");
        }
        assert_eq!(uprn_fault("100012345678"), None);
        assert!(uprn_fault("1000123456789").is_some());
    }
}
