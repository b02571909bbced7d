//! What a person is found by: keyed hashes of each part of their names, of the whole name, of the birth date and of
//! each number.
//!
//! Pure. It takes clear text and gives hashes; no clear text leaves it, and none shows in debug output.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::hmac;
use chrono::NaiveDate;
use uuid::Uuid;

use super::spelling::{self, Part as NamePart};
use crate::keys::search::FoundBy;
use crate::keys::{Likeness, Token};
use throughline_domain::fact::identity::{Address, Names, Part};
use throughline_domain::fact::identity::{nhs_number_fault, nino_fault, upn_fault, uprn_fault};

/// The most tokens by which records of one person are recognised.
const ALIKE_MAX: usize = 64;

/// What a hash is of. Hashes of different kinds never match.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A part of a name.
    Name,
    /// The whole name, whatever the order of its parts.
    Whole,
    /// The birth date.
    Birth,
    /// A number of any kind.
    Number,
    /// A number that only one person has.
    OwnNumber,
    /// The birth date with the sounds of two parts of the name.
    Alike,
}

impl Kind {
    const fn label(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Whole => "whole name",
            Self::Birth => "birth date",
            Self::Number => "number",
            Self::OwnNumber => "own number",
            Self::Alike => "alike",
        }
    }
}

/// The key of the index. It belongs to the deployment and to no person.
pub(super) struct IndexKey(hmac::Key);

impl IndexKey {
    pub(super) fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    fn token(&self, kind: Kind, text: &str) -> Token {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(kind.label().as_bytes());
        context.update(&[0]);
        context.update(text.as_bytes());
        let tag = context.sign();
        let half: [u8; 16] = tag.as_ref()[..16].try_into().expect("a tag of HMAC-SHA-256 has 32 bytes");
        Token(Uuid::from_bytes(half))
    }

    pub(super) fn birth_date(&self, born: NaiveDate) -> Token {
        self.token(Kind::Birth, &born.to_string())
    }

    pub(super) fn number(&self, number: &str) -> Token {
        self.token(Kind::Number, number)
    }

    /// The spellings of one part of a name that a search accepts.
    pub(super) fn accepted(&self, part: &NamePart) -> BTreeSet<Token> {
        part.accepted().iter().map(|word| self.token(Kind::Name, word)).collect()
    }

    /// A whole name, whatever the order of its parts.
    pub(super) fn whole<'a>(&self, parts: impl IntoIterator<Item = &'a NamePart>) -> Token {
        let mut words: Vec<&str> = parts.into_iter().map(NamePart::whole).collect();
        words.sort_unstable();
        self.token(Kind::Whole, &words.join(" "))
    }
}

/// Who a person is, opened. It is read to compute hashes, and dropped. It has no debug output.
#[derive(Clone, Default)]
pub(super) struct Person {
    names: Names,
    born: Option<NaiveDate>,
    address: Address,
    nino: Option<String>,
    nhs_number: Option<String>,
    upn: Option<String>,
}

impl Person {
    /// Takes what is known of a part. A text that cannot be read counts as not known.
    pub(super) fn learns(&mut self, part: Part, text: Option<&str>) {
        let read = || text.map(str::to_owned);
        match part {
            Part::Names => {
                self.names = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            }
            Part::Address => {
                self.address = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            }
            Part::BirthDate => self.born = text.and_then(|text| text.parse().ok()),
            Part::Nino => self.nino = read(),
            Part::NhsNumber => self.nhs_number = read(),
            Part::Upn => self.upn = read(),
            Part::Telephone | Part::Email | Part::Needs => {}
        }
    }

    /// What the person is found by.
    pub(super) fn found_by(&self, key: &IndexKey) -> FoundBy {
        let given = spelling::parts(self.names.given.as_deref().unwrap_or_default());
        let family = spelling::parts(self.names.family.as_deref().unwrap_or_default());
        let other: Vec<Vec<NamePart>> = self.names.other.iter().map(|name| spelling::parts(name)).collect();
        let mut tokens = BTreeSet::new();
        for part in given.iter().chain(&family).chain(other.iter().flatten()) {
            tokens.extend(part.found_by().iter().map(|word| key.token(Kind::Name, word)));
        }
        let whole: Vec<&NamePart> = given.iter().chain(&family).collect();
        tokens.extend((!whole.is_empty()).then(|| key.whole(whole.iter().copied())));
        tokens.extend(self.born.map(|born| key.birth_date(born)));
        tokens.extend(self.numbers().map(|number| key.number(number)));
        FoundBy { tokens, alike: self.alike(key, [&given, &family], &other), settled: BTreeSet::new() }
    }

    /// The tokens that records of one person share.
    fn alike(
        &self,
        key: &IndexKey,
        [given, family]: [&[NamePart]; 2],
        other: &[Vec<NamePart>],
    ) -> BTreeMap<Token, Likeness> {
        let own = self.own_numbers().map(|number| (key.token(Kind::OwnNumber, number), Likeness::Identifier));
        let mut alike: BTreeMap<Token, Likeness> = own.collect();
        let Some(born) = self.born else { return alike };
        // A former name is a name with the given names of today, or a whole name by itself.
        let mut pairs: BTreeSet<[String; 2]> = BTreeSet::new();
        pairs.extend(across(given, family));
        for name in other {
            pairs.extend(across(given, name));
            pairs.extend(within(name));
        }
        let whole: Vec<NamePart> = given.iter().chain(family).cloned().collect();
        if given.is_empty() || family.is_empty() {
            pairs.extend(within(&whole));
        }
        if let [only] = whole.as_slice() {
            pairs.extend(only.sounds().into_iter().map(|sound| [String::new(), sound]));
        }
        for [one, another] in pairs.into_iter().filter(|[_, sound]| !sound.is_empty()).take(ALIKE_MAX) {
            alike.insert(key.token(Kind::Alike, &format!("{born} {one} {another}")), Likeness::Name);
        }
        alike
    }

    /// The numbers that only one person has.
    fn own_numbers(&self) -> impl Iterator<Item = &str> {
        [&self.nino, &self.nhs_number, &self.upn].into_iter().filter_map(|number| number.as_deref())
    }

    /// Every number. Several people can live in one property.
    fn numbers(&self) -> impl Iterator<Item = &str> {
        self.own_numbers().chain(self.address.uprn.as_deref())
    }
}

/// The sounds of each part of one name with each part of another, in order.
fn across(one: &[NamePart], other: &[NamePart]) -> BTreeSet<[String; 2]> {
    let mut pairs = BTreeSet::new();
    for (first, second) in one.iter().flat_map(|first| other.iter().map(move |second| (first, second))) {
        for sound in first.sounds() {
            pairs.extend(second.sounds().into_iter().map(|another| in_order(sound.clone(), another)));
        }
    }
    pairs
}

/// The sounds of each two parts of one name, in order.
fn within(name: &[NamePart]) -> BTreeSet<[String; 2]> {
    (1..name.len()).flat_map(|at| across(&name[..at], &name[at..=at])).collect()
}

fn in_order(one: String, other: String) -> [String; 2] {
    if one <= other { [one, other] } else { [other, one] }
}

/// A number in its stored form: in capitals, without spaces and other marks. None if the kind of number is not known.
pub(super) fn number(text: &str) -> Option<String> {
    let number: String = text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase();
    let is_one = [nino_fault, nhs_number_fault, upn_fault, uprn_fault].iter().any(|fault| fault(&number).is_none());
    is_one.then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> IndexKey {
        IndexKey::new(&[byte; 32])
    }

    fn person(given: &str, family: &str, born: &str) -> Person {
        let names = Names { given: Some(given.to_owned()), family: Some(family.to_owned()), other: Vec::new() };
        Person { names, born: born.parse().ok(), ..Person::default() }
    }

    fn look_alike(one: &Person, other: &Person) -> bool {
        let (one, other) = (one.found_by(&key(1)).alike, other.found_by(&key(1)).alike);
        one.keys().any(|token| other.contains_key(token))
    }

    #[test]
    fn a_name_is_found_with_the_key_and_not_without_it() {
        let found_by = person("José", "O'Neil", "1990-02-28").found_by(&key(1)).tokens;
        let dictionary = ["Anna", "Jose", "Maria", "ONeill", "Smith"];
        let hits = |key: &IndexKey| {
            let of_word =
                |word: &&&str| spelling::parts(word).iter().any(|part| !key.accepted(part).is_disjoint(&found_by));
            dictionary.iter().filter(of_word).copied().collect::<Vec<_>>()
        };
        assert_eq!(hits(&key(1)), ["Jose", "ONeill"]);
        assert!(hits(&key(2)).is_empty(), "another key matches nothing");
    }

    #[test]
    fn hashes_of_different_kinds_never_match() {
        let key = key(1);
        let kinds = [Kind::Name, Kind::Whole, Kind::Birth, Kind::Number, Kind::OwnNumber, Kind::Alike];
        let tokens: BTreeSet<Token> = kinds.into_iter().map(|kind| key.token(kind, "1990-02-28")).collect();
        assert_eq!(tokens.len(), kinds.len());
    }

    #[test]
    fn the_same_person_in_another_spelling_looks_alike() {
        let one = person("Jon Paul", "Smyth-Jones", "1990-02-28");
        for (given, family) in [("John", "Smith"), ("Smith", "John"), ("Jon", "Jones"), ("J. Paul", "Smythjones")] {
            assert!(look_alike(&one, &person(given, family, "1990-02-28")), "{given} {family}");
            assert!(!look_alike(&one, &person(given, family, "1990-02-27")), "another birth date: {given} {family}");
        }
        for (given, family) in [("Anna", "Smith"), ("Bob", "Smyth-Jones"), ("John", "Brown")] {
            assert!(!look_alike(&one, &person(given, family, "1990-02-28")), "{given} {family}");
        }
        let mut married = person("Jon", "Brown", "1990-02-28");
        married.names.other = vec!["Smith".to_owned()];
        assert!(look_alike(&one, &married), "a former name counts");
        let whole = Names { family: Some("John Smith".to_owned()), ..Names::default() };
        let in_one_field = Person { names: whole, born: one.born, ..Person::default() };
        assert!(look_alike(&one, &in_one_field), "a name written in one field");
        let unborn = Person { born: None, ..one.clone() };
        assert!(!look_alike(&unborn, &unborn.clone()), "a name alone is not enough");
    }

    #[test]
    fn an_equal_number_is_enough_unless_it_is_of_a_property() {
        let mut one = Person { nino: Some("QQ123456C".to_owned()), ..Person::default() };
        assert!(look_alike(&one, &Person { nino: one.nino.clone(), ..person("Anna", "Lee", "2000-01-01") }));
        one = Person { address: Address { uprn: Some("1".to_owned()), ..Address::default() }, ..Person::default() };
        assert!(!look_alike(&one, &one.clone()), "people who live together");
        assert_eq!(one.found_by(&key(1)).tokens.len(), 1, "but they are found by it");
    }

    #[test]
    fn a_number_is_read_however_it_is_written() {
        for (written, read) in [
            ("qq 12 34 56 c", "QQ123456C"),
            ("943 476 5919", "9434765919"),
            ("u801200010101", "U801200010101"),
            ("100012345678", "100012345678"),
        ] {
            assert_eq!(number(written).as_deref(), Some(read));
        }
        for none in ["", "QQ123", "ABCDEFGHI", "1234567890123"] {
            assert_eq!(number(none), None, "{none:?}");
        }
    }
}
