//! Logins: when two of them are equal.
//!
//! Pure. A login is stored as it was given. It is compared only by its key.

use unicase::UniCase;

use crate::fact::text;

/// The key by which a login is compared. It ignores upper and lower case and the way an accent is composed (Unicode NFC
/// and full case folding).
pub fn key(login: &str) -> String {
    text::composed(&UniCase::unicode(text::composed(login)).to_folded_case()).into_owned()
}

/// Whether two logins are equal.
pub fn is_same(one: &str, other: &str) -> bool {
    key(one) == key(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_compare_by_nfc_and_case_folding() {
        for (one, other) in [
            ("kw-01", "KW-01"),
            ("zo\u{e9}", "Zoe\u{301}"),
            ("stra\u{df}e", "STRASSE"),
            ("\u{3c3}\u{3af}\u{3c3}\u{3c5}\u{3c6}\u{3bf}\u{3c2}", "\u{3a3}\u{38a}\u{3a3}\u{3a5}\u{3a6}\u{39f}\u{3a3}"),
        ] {
            assert!(is_same(one, other), "{one} {other}");
            assert_eq!(key(&key(one)), key(one));
        }
        for (one, other) in [("kw-01", "kw-1"), ("kw-01", "kw_01"), ("zoe", "zo\u{e9}"), ("kw-01", "kw-01 ")] {
            assert!(!is_same(one, other), "{one} {other}");
        }
    }
}
