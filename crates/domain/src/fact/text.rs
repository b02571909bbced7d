//! Text that people read: which characters are allowed, and when two texts are equal.
//!
//! Pure. Recorded texts and rulebook texts are shown on boards and compared character by character. So they must be
//! composed (Unicode NFC) and have no invisible characters.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// Joins two emoji into one.
const JOINER: char = '\u{200d}';
/// Selects the emoji form of a character.
const AS_PICTURE: char = '\u{fe0f}';
/// The flag that tags turn into the flag of part of a country, such as Scotland.
const BLACK_FLAG: char = '\u{1f3f4}';

/// Why a text cannot be shown or compared, and what to do. None if it is valid.
pub fn fault(text: &str) -> Option<&'static str> {
    if has_unshowable(text) {
        Some("the text has characters that cannot be shown: remove them")
    } else if composed(text) != text {
        Some("a letter and its accent are written as two characters: write them as one (Unicode NFC)")
    } else {
        None
    }
}

/// The text in the form that is compared: each letter and its accent as one character.
pub fn composed(text: &str) -> Cow<'_, str> {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        _ => Cow::Owned(text.nfc().collect()),
    }
}

/// Whether any character would hide, reorder or break the text when it is shown.
fn has_unshowable(text: &str) -> bool {
    let mut before = None;
    let mut is_tagged_flag = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        is_tagged_flag = character == BLACK_FLAG || is_tagged_flag && is_tag(character);
        let is_joined = match character {
            JOINER => before.is_some_and(ends_picture) && characters.peek().copied().is_some_and(is_picture),
            AS_PICTURE => before.is_some_and(|c| is_picture(c) || c.is_ascii_digit() || matches!(c, '#' | '*')),
            tag if is_tag(tag) => is_tagged_flag,
            _ => false,
        };
        if is_unseen(character) && !is_joined {
            return true;
        }
        before = Some(character);
    }
    false
}

/// Control characters, line ends, direction marks, and characters without a width or shape of their own.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

const fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0020}'..='\u{e007f}')
}

/// A character that a joiner may follow: an emoji, the emoji selector or a skin tone.
const fn ends_picture(c: char) -> bool {
    is_picture(c) || matches!(c, AS_PICTURE | '\u{1f3fb}'..='\u{1f3ff}')
}

/// A character that can be shown as an emoji (Unicode's `Extended_Pictographic`, by block).
const fn is_picture(c: char) -> bool {
    matches!(c,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2194}'..='\u{21aa}'
        | '\u{231a}'..='\u{23ff}' | '\u{24c2}' | '\u{25aa}'..='\u{27bf}' | '\u{2934}' | '\u{2935}'
        | '\u{2b05}'..='\u{2b55}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use super::{composed, fault};

    #[test]
    fn ordinary_text_is_accepted() {
        for text in [
            "KW-07",
            "Zo\u{eb}",
            "Łódź – Żywiec",
            "Αθήνα",
            "مركز",
            "שלום",
            "東京",
            "Team \u{1f600}",
            "\u{1f469}\u{200d}\u{1f467}",          // a mother and her daughter
            "\u{1f469}\u{1f3fd}\u{200d}\u{1f4bb}", // with a tone of skin, at a computer
            "\u{2764}\u{fe0f}\u{200d}\u{1f525}",   // a heart on fire
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}", // the flag of Scotland
            "1\u{fe0f}\u{20e3}",                   // the key 1
        ] {
            assert_eq!(fault(text), None, "{text:?}");
        }
    }

    #[test]
    fn invisible_characters_are_refused() {
        for text in [
            "a\u{0}b",
            "a\nb",
            "a\u{200b}b",
            "a\u{200d}b",
            "\u{1f600}\u{200d}",
            "\u{200d}\u{1f600}",
            "\u{202e}abc",
            "\u{2066}a\u{2069}",
            "\u{feff}a",
            "\u{ad}a",
            "a\u{fe0f}",
            "a\u{3164}",
            "\u{2800}",
            "a\u{e0067}",
            "a\u{2061}b",
            "a\u{180e}b",
        ] {
            assert!(fault(text).is_some_and(|fault| fault.contains("cannot be shown")), "{text:?}");
        }
    }

    #[test]
    fn texts_are_compared_with_letter_and_accent_composed() {
        assert!(fault("Zoe\u{308}").is_some_and(|fault| fault.contains("NFC")));
        assert_eq!(composed("Zoe\u{308}"), "Zo\u{eb}");
        assert_eq!(composed("Zo\u{eb}"), "Zo\u{eb}");
        // Characters that only look alike stay different.
        assert_ne!(composed("\u{3bf}"), composed("o"));
    }
}
