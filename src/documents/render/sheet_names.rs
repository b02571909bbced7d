//! Names of the sheets of a workbook.
//!
//! Spreadsheets allow at most 31 characters, refuse some of them and one name, and take no name twice, whatever the
//! case of its letters.

use std::collections::BTreeSet;

/// The length of the longest name, in units of UTF-16, as spreadsheets count.
const LONGEST: usize = 31;
/// What a name must not hold.
const REFUSED: [char; 7] = ['[', ']', ':', '*', '?', '/', '\\'];
/// A name that spreadsheets keep for themselves.
const KEPT: &str = "history";

/// The names that a workbook has so far, in lower case.
#[derive(Debug)]
pub(super) struct SheetNames {
    taken: BTreeSet<String>,
}

impl SheetNames {
    /// No names yet.
    pub(super) fn new() -> Self {
        Self { taken: BTreeSet::from([KEPT.to_owned()]) }
    }

    /// A name of a sheet with this title: the title itself, as far as it can be a name, with a number if another sheet
    /// has that name.
    pub(super) fn name(&mut self, title: &str) -> String {
        let plain: String = title.chars().map(allowed).collect();
        let words: Vec<&str> = plain.split_whitespace().collect();
        let base = if words.is_empty() { "Sheet".to_owned() } else { words.join(" ") };
        let numbered = |number: u32| {
            let ending = if number > 1 { format!(" {number}") } else { String::new() };
            format!("{}{ending}", shortened(&base, LONGEST - ending.len()).trim_end())
        };
        let free = (1..=u32::MAX).map(numbered).find(|name| !self.taken.contains(&name.to_lowercase()));
        let name = free.expect("there are more numbers than sheets");
        self.taken.insert(name.to_lowercase());
        name
    }
}

/// What a name has for a letter of a title. A straight apostrophe would have to be doubled in every link.
fn allowed(letter: char) -> char {
    match letter {
        '\'' => '’',
        _ if letter.is_control() || REFUSED.contains(&letter) => ' ',
        _ => letter,
    }
}

/// As much of the beginning of a text as has at most this many units of UTF-16.
pub(super) fn shortened(text: &str, units_max: usize) -> &str {
    let mut units = 0;
    let end = text.char_indices().find(|(_, letter)| {
        units += letter.len_utf16();
        units > units_max
    });
    end.map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(titles: &[&str]) -> Vec<String> {
        let mut names = SheetNames::new();
        titles.iter().map(|title| names.name(title)).collect()
    }

    #[test]
    fn a_short_title_is_the_name() {
        assert_eq!(names(&["Referrals by area"]), ["Referrals by area"]);
    }

    #[test]
    fn a_long_title_is_cut_at_31_units_and_stays_distinct() {
        let title = "Days since contact with each of the areas";
        assert_eq!(
            names(&[title, title, &title.to_uppercase()]),
            ["Days since contact with each of", "Days since contact with each 2", "DAYS SINCE CONTACT WITH EACH 3"]
        );
        let wide = names(&[&"😀".repeat(20)]);
        assert_eq!(wide[0].encode_utf16().count(), 30, "half a character is no character");
    }

    #[test]
    fn letters_that_spreadsheets_refuse_are_spaces() {
        assert_eq!(
            names(&["A/B: [c]?", "Brent's\tcases", "A\\B*D", "[]", "", "\u{1b}"]),
            ["A B c", "Brent’s cases", "A B D", "Sheet", "Sheet 2", "Sheet 3"]
        );
    }

    #[test]
    fn a_name_that_is_taken_in_other_letters_or_kept_gets_a_number() {
        assert_eq!(names(&["Exits", "EXITS", "exits 2", "History"]), ["Exits", "EXITS 2", "exits 2 2", "History 2"]);
    }
}
