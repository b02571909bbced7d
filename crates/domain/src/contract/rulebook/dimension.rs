//! What figures are broken down by: the dimensions of every contract, and the attributes of cases that a rulebook
//! names.
//!
//! Pure. The words here are those of rulebooks and of the command line. It counts nothing.

use std::fmt;

use super::Rulebook;

/// What comes before the code of an attribute, as in `attribute:age_band`.
const ATTRIBUTE: &str = "attribute:";

/// What figures are broken down by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// The service area of the case.
    Area,
    /// The cohort of the case.
    Cohort,
    /// The kind of organisation that referred the case.
    Referrer,
    /// The keyworker who held the case on the day of the fact.
    Keyworker,
    /// The team of that keyworker at the as-of date. Who is in several teams counts in each.
    Team,
    /// The code of the fact: the reason of an exit, the kind of a plan, the channel of a contact.
    Code,
    /// The months of the period.
    Month,
    /// An attribute of the case that the rulebook names, by code.
    Attribute(String),
}

impl Dimension {
    /// Those that every contract has.
    pub const OF_EVERY_CONTRACT: [Self; 7] =
        [Self::Area, Self::Cohort, Self::Referrer, Self::Keyworker, Self::Team, Self::Code, Self::Month];

    /// The dimension with this word: `area`, or `attribute:` and the code of an attribute.
    pub fn named(word: &str) -> Option<Self> {
        let attribute = word.strip_prefix(ATTRIBUTE).filter(|code| !code.is_empty());
        let other = || Self::OF_EVERY_CONTRACT.into_iter().find(|one| one.to_string() == word);
        attribute.map(|code| Self::Attribute(code.to_owned())).or_else(other)
    }

    /// The head of its column.
    pub fn head(&self, rulebook: &Rulebook) -> String {
        let head = match self {
            Self::Area => "Area",
            Self::Cohort => "Cohort",
            Self::Referrer => "Referrer",
            Self::Keyworker => "Keyworker",
            Self::Team => "Team",
            Self::Code => "Code",
            Self::Month => "Month",
            Self::Attribute(code) => rulebook.case_attribute(code).map_or(code.as_str(), |one| one.title.as_str()),
        };
        head.to_owned()
    }

    /// Every word, for the remedy of an unknown word.
    pub fn words() -> String {
        let words: Vec<String> = Self::OF_EVERY_CONTRACT.iter().map(ToString::to_string).collect();
        format!("{}, {ATTRIBUTE}<code>", words.join(", "))
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Area => "area",
            Self::Cohort => "cohort",
            Self::Referrer => "referrer",
            Self::Keyworker => "keyworker",
            Self::Team => "team",
            Self::Code => "code",
            Self::Month => "month",
            Self::Attribute(code) => return write!(f, "{ATTRIBUTE}{code}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dimension_has_a_word_that_names_it() {
        let attribute = Dimension::Attribute("age_band".to_owned());
        for one in Dimension::OF_EVERY_CONTRACT.into_iter().chain([attribute]) {
            assert_eq!(Dimension::named(&one.to_string()), Some(one));
        }
        for word in ["", "borough", "attribute", "attribute:", "Area"] {
            assert_eq!(Dimension::named(word), None, "{word}");
        }
    }
}
