//! Documents that go by their hash: those that clients sent before, or those alone that the service was given.
//!
//! A hash is SHA-256 in lower-case hexadecimal. It must never stand for another text than its own, whoever says so, and
//! what is remembered for clients takes a bounded number of bytes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use async_graphql::ServerError;
use aws_lc_rs::digest::{SHA256, digest};

use super::body::Sought;
use crate::graphql::code::Code;
use crate::log::envelope::hex;

/// The most bytes of documents that are remembered for clients: 8 MiB.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// What a remembered document takes beside its text.
const BYTES_BESIDE: usize = 256;

/// What documents the service answers to.
#[derive(Debug)]
pub enum Documents {
    /// Any; those that came with their hash are remembered, the ones used last.
    Any(Remembered),
    /// Only these.
    Trusted(Trusted),
}

/// The documents that clients sent with their hash.
#[derive(Debug, Default)]
pub struct Remembered(Mutex<ByUse>);

/// The documents that the service was given.
#[derive(Debug)]
pub struct Trusted(HashMap<String, Arc<str>>);

impl Default for Documents {
    fn default() -> Self {
        Self::Any(Remembered::default())
    }
}

/// A document that was found, and whether it is to be remembered once the guard has let it through.
pub(super) struct Found {
    pub(super) text: Arc<str>,
    pub(super) hash: Option<String>,
}

impl Documents {
    /// Trusts these documents and no other. White space at the ends does not matter.
    pub fn trusted(texts: impl IntoIterator<Item = String>) -> Self {
        let mut trusted = HashMap::new();
        for text in texts {
            let (text, bare): (Arc<str>, Arc<str>) = (text.as_str().into(), text.trim().into());
            trusted.insert(hash_of(&text), text);
            trusted.insert(hash_of(&bare), bare);
        }
        Self::Trusted(Trusted(trusted))
    }

    /// The text of a document that is asked with, if the service answers to it.
    pub(super) fn find(&self, sought: Sought) -> Result<Found, ServerError> {
        let (text, hash) = match sought {
            Sought::Text(text) => (Some(text), None),
            Sought::Hash(hash) => (None, Some(hash)),
            Sought::Both { text, hash } => {
                if hash_of(&text) != hash {
                    return Err(Code::BadUserInput
                        .refusal("the hash is not the document's: send its SHA-256 in hexadecimal, or no hash"));
                }
                (Some(text), Some(hash))
            }
        };
        match (self, text, hash) {
            (Self::Trusted(trusted), text, hash) => trusted.find(text.as_deref(), hash.as_deref()),
            (Self::Any(_), Some(text), hash) => Ok(Found { text: text.into(), hash }),
            (Self::Any(remembered), None, hash) => remembered.find(&hash.unwrap_or_default()),
        }
    }

    /// Remembers a document that the guard has let through, if it came with its hash.
    pub(super) fn remember(&self, found: Found) {
        if let (Self::Any(remembered), Some(hash)) = (self, found.hash) {
            remembered.by_use().insert(hash, found.text);
        }
    }
}

impl Trusted {
    fn find(&self, text: Option<&str>, hash: Option<&str>) -> Result<Found, ServerError> {
        let known = |text: &str| self.0.get(&hash_of(text)).or_else(|| self.0.get(&hash_of(text.trim())));
        let text = match (text, hash) {
            (Some(text), _) => known(text),
            (None, hash) => self.0.get(hash.unwrap_or_default()),
        };
        let text = text.ok_or_else(|| {
            Code::UntrustedDocument.refusal("the service answers to the documents that it was given, and this is none")
        })?;
        Ok(Found { text: Arc::clone(text), hash: None })
    }
}

impl Remembered {
    fn find(&self, hash: &str) -> Result<Found, ServerError> {
        // The words that clients of automatic persisted queries look for.
        let text =
            self.by_use().get(hash).ok_or_else(|| Code::PersistedQueryNotFound.refusal("PersistedQueryNotFound"))?;
        Ok(Found { text, hash: None })
    }

    fn by_use(&self) -> std::sync::MutexGuard<'_, ByUse> {
        self.0.lock().expect("nobody panics while holding the documents")
    }
}

/// Texts by their hash, of which those go first that were not used for the longest time.
#[derive(Debug, Default)]
struct ByUse {
    texts: HashMap<String, (u64, Arc<str>)>,
    hashes: BTreeMap<u64, String>,
    uses: u64,
    bytes: usize,
}

impl ByUse {
    fn get(&mut self, hash: &str) -> Option<Arc<str>> {
        let (used, text) = self.texts.get_mut(hash)?;
        let hash = self.hashes.remove(used).expect("every text stands in the order of use");
        self.uses += 1;
        *used = self.uses;
        self.hashes.insert(self.uses, hash);
        Some(Arc::clone(text))
    }

    fn insert(&mut self, hash: String, text: Arc<str>) {
        if self.get(&hash).is_some() {
            return;
        }
        self.uses += 1;
        self.bytes += text.len() + BYTES_BESIDE;
        self.hashes.insert(self.uses, hash.clone());
        self.texts.insert(hash, (self.uses, text));
        while self.bytes > BYTES_MAX {
            let Some((_, oldest)) = self.hashes.pop_first() else { return };
            let (_, text) = self.texts.remove(&oldest).expect("what stands in the order of use is there");
            self.bytes -= text.len() + BYTES_BESIDE;
        }
    }
}

fn hash_of(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{ a }";

    fn code(result: Result<Found, ServerError>) -> String {
        let error = result.err().expect("a refusal");
        let code = error.extensions.as_ref().and_then(|all| all.get("code")).expect("a code").to_string();
        code.trim_matches('"').to_owned()
    }

    fn both(text: &str) -> Sought {
        Sought::Both { text: text.to_owned(), hash: hash_of(text) }
    }

    #[test]
    fn a_hash_is_known_once_its_document_was_let_through() {
        let documents = Documents::default();
        let hash = || Sought::Hash(hash_of(TEXT));
        assert_eq!(code(documents.find(hash())), "PERSISTED_QUERY_NOT_FOUND");
        let found = documents.find(both(TEXT)).expect("found");
        assert_eq!(code(documents.find(hash())), "PERSISTED_QUERY_NOT_FOUND");
        documents.remember(found);
        assert_eq!(&*documents.find(hash()).expect("remembered").text, TEXT);
    }

    #[test]
    fn a_hash_never_stands_for_another_text() {
        for documents in [Documents::default(), Documents::trusted([TEXT.to_owned()])] {
            let sought = Sought::Both { text: TEXT.to_owned(), hash: hash_of("{ b }") };
            assert_eq!(code(documents.find(sought)), "BAD_USER_INPUT");
        }
    }

    #[test]
    fn what_was_not_used_for_the_longest_time_is_forgotten_first() {
        let documents = Documents::default();
        let text = |nth: usize| format!("{nth:06}{}", "x".repeat(99_994));
        let fitting = BYTES_MAX / (100_000 + BYTES_BESIDE);
        let keep = |nth| documents.remember(documents.find(both(&text(nth))).expect("found"));
        let knows = |nth| documents.find(Sought::Hash(hash_of(&text(nth)))).is_ok();
        (0..fitting).for_each(keep);
        assert!(knows(0) && knows(fitting - 1));
        keep(fitting);
        assert!(knows(0) && !knows(1) && knows(2) && knows(fitting));
        let Documents::Any(remembered) = &documents else { panic!("not any") };
        let by_use = remembered.by_use();
        assert!(by_use.bytes <= BYTES_MAX && by_use.texts.len() == by_use.hashes.len());
    }

    #[test]
    fn only_what_is_trusted_is_answered_to() {
        let documents = Documents::trusted([format!("{TEXT}\n")]);
        for text in [TEXT.to_owned(), format!("{TEXT}\n"), format!("  {TEXT}")] {
            assert!(documents.find(Sought::Text(text.clone())).is_ok(), "{text:?}");
        }
        for hash in [hash_of(TEXT), hash_of(&format!("{TEXT}\n"))] {
            assert!(documents.find(Sought::Hash(hash)).is_ok());
        }
        for sought in [Sought::Text("{ b }".to_owned()), Sought::Hash(hash_of("{ b }")), both("{ b }")] {
            assert_eq!(code(documents.find(sought)), "UNTRUSTED_DOCUMENT");
        }
    }
}
