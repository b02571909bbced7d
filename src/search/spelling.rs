//! Names in the spelling in which they are compared, and how they sound.
//!
//! Pure. Case, accents, apostrophes, hyphens and doubled letters do not count, and neither does the order of parts. It
//! compares nothing and stores nothing.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The version of the spelling. An index of another version is built anew.
pub(super) const VERSION: i64 = 1;

/// Small words that belong to the word after them: "van der Berg", "de la Cruz", "O Neil", "al Hassan".
const PARTICLES: &[&str] = &[
    "abu", "al", "ap", "bin", "bint", "da", "dal", "de", "del", "dela", "den", "der", "di", "do", "dos", "du", "el",
    "ibn", "la", "las", "le", "lo", "los", "mac", "mc", "ni", "nic", "o", "san", "st", "ten", "ter", "ul", "van",
    "von", "y", "zu",
];
/// The character that stands for every apostrophe.
const APOSTROPHE: char = '\'';
/// The most letters of a sound.
const SOUND_MAX: usize = 8;

/// One word of a name, in each spelling in which it may be written.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The word with the small words before it, as one word.
    whole: String,
    /// The word alone, and joined with the words that hyphens join it to.
    others: BTreeSet<String>,
    /// The small words before it.
    particles: Vec<String>,
}

impl Part {
    /// The spellings that a search for this part accepts.
    pub(super) fn accepted(&self) -> BTreeSet<String> {
        self.others.iter().chain([&self.whole]).cloned().collect()
    }

    /// The spellings under which a person with this part is found.
    pub(super) fn found_by(&self) -> BTreeSet<String> {
        let particles = self.particles.iter().filter(|word| !is_initial(word)).cloned();
        self.accepted().into_iter().chain(particles).collect()
    }

    /// The word with the small words before it, as one word.
    pub(super) fn whole(&self) -> &str {
        &self.whole
    }

    /// How the part sounds, with and without the small words before it.
    pub(super) fn sounds(&self) -> BTreeSet<String> {
        self.accepted().iter().map(|word| sound(word)).collect()
    }

    /// Whether the part is a single letter.
    pub(super) fn is_initial(&self) -> bool {
        is_initial(&self.whole)
    }
}

/// Whether a word is a single letter. In scripts that write a word as one character, it is a word.
fn is_initial(word: &str) -> bool {
    word.len() == 1
}

/// A word, and whether a hyphen joins it to the word before.
struct Word {
    text: String,
    is_joined: bool,
}

/// The parts of a name.
pub(super) fn parts(name: &str) -> Vec<Part> {
    let words = words(name);
    let joined = joined(&words);
    let mut parts: Vec<Part> = Vec::new();
    let mut particles: Vec<String> = Vec::new();
    let last = words.len().saturating_sub(1);
    for (at, word) in words.iter().enumerate() {
        if at < last && PARTICLES.contains(&word.text.as_str()) {
            particles.push(word.text.clone());
            continue;
        }
        let whole = canonical(&(particles.concat() + &word.text));
        let mut others = BTreeSet::from([canonical(&word.text)]);
        others.extend(joined[at].clone());
        others.remove(&whole);
        parts.push(Part { whole, others, particles: std::mem::take(&mut particles) });
    }
    parts
}

/// For each word, the whole chain of words that hyphens join it to, as one word.
fn joined(words: &[Word]) -> Vec<Option<String>> {
    let mut chains: Vec<Vec<usize>> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        match chains.last_mut().filter(|_| word.is_joined) {
            Some(chain) => chain.push(at),
            None => chains.push(vec![at]),
        }
    }
    let mut joined = vec![None; words.len()];
    for chain in chains.iter().filter(|chain| chain.len() > 1) {
        let whole: String = chain.iter().map(|at| words[*at].text.as_str()).collect();
        for at in chain {
            joined[*at] = Some(canonical(&whole));
        }
    }
    joined
}

/// The words of a name in small plain letters, with doubled letters once.
fn words(name: &str) -> Vec<Word> {
    let mut words = vec![Word { text: String::new(), is_joined: false }];
    // "´" is made of a space and an accent: apostrophes are alike before letters are taken apart.
    let alike = name.chars().map(|c| if is_apostrophe(c) { APOSTROPHE } else { c });
    let written = alike.nfkd().filter(|c| !is_combining_mark(*c));
    for letter in written.flat_map(char::to_lowercase).filter(|c| !is_combining_mark(*c)) {
        let word = words.last_mut().expect("there is always a last word");
        if letter == APOSTROPHE {
            // "O'Neil" is "O Neil", and "Sean's" is one word.
            if PARTICLES.contains(&word.text.as_str()) {
                words.push(Word { text: String::new(), is_joined: false });
            }
        } else if letter.is_alphanumeric() {
            for plain in plain(letter) {
                if !(plain.is_ascii_alphabetic() && word.text.ends_with(plain)) {
                    word.text.push(plain);
                }
            }
        } else if !word.text.is_empty() {
            words.push(Word { text: String::new(), is_joined: is_hyphen(letter) });
        } else if !is_hyphen(letter) {
            // "Smith - Jones" is two words, "Smith -Jones" too.
            word.is_joined = false;
        }
    }
    words.retain(|word| !word.text.is_empty());
    words
}

const fn is_apostrophe(c: char) -> bool {
    matches!(c, APOSTROPHE | '`' | '\u{b4}' | '\u{2018}' | '\u{2019}' | '\u{2b9}' | '\u{2bb}' | '\u{2bc}' | '\u{2032}')
}

const fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Letters that no accent makes, as they are written without them.
fn plain(letter: char) -> impl Iterator<Item = char> {
    let (first, second) = match letter {
        'ß' => ('s', Some('s')),
        'æ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'þ' => ('t', Some('h')),
        'ø' => ('o', None),
        'đ' | 'ð' => ('d', None),
        'ł' => ('l', None),
        'ħ' => ('h', None),
        'ı' => ('i', None),
        other => (other, None),
    };
    std::iter::once(first).chain(second)
}

/// "Mc" is written "Mac" too, and a letter that joining doubles counts once.
fn canonical(word: &str) -> String {
    let word = match word.strip_prefix("mc") {
        Some(rest) if rest.len() > 1 => format!("mac{rest}"),
        _ => word.to_owned(),
    };
    let mut once = String::with_capacity(word.len());
    for letter in word.chars() {
        if !(letter.is_ascii_alphabetic() && once.ends_with(letter)) {
            once.push(letter);
        }
    }
    once
}

/// How a word sounds: its consonants in groups that are often mixed up, and whether it begins with a vowel. A word in
/// another script is its own sound.
fn sound(word: &str) -> String {
    if !word.is_ascii() {
        return word.to_owned();
    }
    let letters: Vec<char> = without_silent_beginning(word).chars().collect();
    let mut sound = String::new();
    let mut at = 0;
    while at < letters.len() && sound.len() < SOUND_MAX {
        let (heard, length) = heard(&letters, at);
        if let Some(heard) = heard.filter(|heard| !sound.ends_with(*heard)) {
            sound.push(heard);
        }
        at += length;
    }
    sound
}

fn without_silent_beginning(word: &str) -> &str {
    let is_silent = ["kn", "gn", "wr", "ps"].iter().any(|silent| word.starts_with(silent));
    let word = if is_silent { &word[1..] } else { word };
    word.trim_start_matches('h')
}

/// The sound of the letters at a place, and how many letters it takes.
fn heard(letters: &[char], at: usize) -> (Option<char>, usize) {
    let next = letters.get(at + 1).copied();
    let is_soft = matches!(next, Some('e' | 'i' | 'y'));
    match (letters[at], next) {
        ('p', Some('h')) => (Some('f'), 2),
        ('c', Some('h' | 'k' | 'q')) => (Some('k'), 2),
        ('s', Some('c')) if letters.get(at + 2) == Some(&'h') => (Some('s'), 3),
        ('s', Some('h')) => (Some('s'), 2),
        ('t', Some('h')) => (Some('t'), 2),
        ('g', Some('h')) if at > 0 => (None, 2),
        ('c', _) if is_soft => (Some('s'), 1),
        ('g', _) if is_soft => (Some('j'), 1),
        ('c' | 'q' | 'x', _) => (Some('k'), 1),
        ('z', _) => (Some('s'), 1),
        ('v', _) => (Some('f'), 1),
        ('d', _) => (Some('t'), 1),
        ('w', _) if at == 0 => (Some('w'), 1),
        ('a' | 'e' | 'i' | 'o' | 'u' | 'y', _) if at == 0 => (Some('a'), 1),
        ('a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'h' | 'w', _) => (None, 1),
        (other, _) => (Some(other), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_by(name: &str) -> BTreeSet<String> {
        parts(name).iter().flat_map(Part::found_by).collect()
    }

    /// Whether a search for one name finds a person with another.
    fn finds(asked: &str, known: &str) -> bool {
        let known = found_by(known);
        parts(asked).iter().all(|part| !part.accepted().is_disjoint(&known))
    }

    fn sound_of(name: &str) -> BTreeSet<String> {
        parts(name).iter().flat_map(Part::sounds).collect()
    }

    #[test]
    fn a_name_is_found_in_other_spellings() {
        for (asked, known) in [
            ("ONeill", "O'Neil"),
            ("o’neil", "ONEILL"),
            ("Neil", "O'Neil"),
            ("N'Golo", "Ngolo"),
            ("O Neil", "O'Neil"),
            ("O´Neil", "O Neil"),
            ("Jose", "José"),
            ("JOSÉ", "Jose\u{301}"),
            ("Smith-Jones", "Smith Jones"),
            ("Jones", "Smith-Jones"),
            ("Smithjones", "Smith-Jones"),
            ("Smith–Jones", "Smithjones"),
            ("Jones Smith", "Smith-Jones"),
            ("Berg", "van der Berg"),
            ("van der Berg", "Vanderberg"),
            ("Vanderberg", "Van der Berg"),
            ("al Hassan", "Al-Hasan"),
            ("Alhassan", "al Hassan"),
            ("De la Cruz", "Delacruz"),
            ("Macdonald", "McDonald"),
            ("Mohamed", "Mohammed"),
            ("Groß", "Gross"),
            ("Søren", "Soren"),
            ("Le", "Le Van Hoa"),
            ("李", "李 明"),
        ] {
            assert!(finds(asked, known), "{asked:?} finds {known:?}: {:?}", found_by(known));
        }
        for (asked, known) in [("Smith", "Smithson"), ("Berg", "Bergen"), ("Jose Smith", "José"), ("李明", "李")] {
            assert!(!finds(asked, known), "{asked:?} does not find {known:?}");
        }
    }

    #[test]
    fn a_name_without_letters_has_no_parts() {
        for empty in ["", " ", "-", "' '", "…"] {
            assert!(parts(empty).is_empty(), "{empty:?}");
        }
        assert!(parts("J").iter().all(Part::is_initial));
        assert!(!parts("Ng").iter().any(Part::is_initial));
        assert!(!parts("李").iter().any(Part::is_initial), "one character is a word there");
    }

    #[test]
    fn names_that_are_often_mixed_up_sound_alike() {
        for (one, other) in [
            ("Smith", "Smyth"),
            ("John", "Jon"),
            ("Katherine", "Catherine"),
            ("Stephen", "Steven"),
            ("Aisha", "Ayesha"),
            ("Mohammed", "Muhamed"),
            ("Hannah", "Anna"),
            ("Geoffrey", "Jeffrey"),
            ("Philip", "Filip"),
            ("Schmidt", "Schmitt"),
            ("Knight", "Nite"),
            ("Yusuf", "Usuf"),
        ] {
            assert_eq!(sound_of(one), sound_of(other), "{one} and {other}");
        }
        for (one, other) in [("Smith", "Jones"), ("Anna", "Maria"), ("John", "James"), ("Lopez", "Gomez")] {
            assert_ne!(sound_of(one), sound_of(other), "{one} and {other}");
        }
    }
}
