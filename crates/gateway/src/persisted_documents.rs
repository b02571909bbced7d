//! Documents identified by their hash: documents that clients sent before, or only those that the service was given.
//!
//! A hash is SHA-256 in lower-case hexadecimal. It must never stand for a text other than its own. The documents
//! remembered for clients are limited in bytes, and no caller loses a document because another caller sends many.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use async_graphql::ServerError;
use aws_lc_rs::digest::{SHA256, digest};

use super::body::Sought;
use crate::caller::CallerKey;
use crate::code::Code;

/// The most bytes of documents remembered for clients: 8 MiB.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// The overhead of a remembered document in bytes, counted again for each caller who uses it.
const BYTES_BESIDE: usize = 256;

/// The documents that the service accepts.
#[derive(Debug)]
pub enum Documents {
    /// Any document. Documents that were sent with their hash are remembered, the most recently used ones longest.
    Any(Remembered),
    /// Only these documents.
    Trusted(Trusted),
}

/// The documents that clients sent with their hash.
#[derive(Debug, Default)]
pub struct Remembered(Mutex<Cache>);

/// The documents that the service was given.
#[derive(Debug)]
pub struct Trusted(HashMap<String, Arc<str>>);

impl Default for Documents {
    fn default() -> Self {
        Self::Any(Remembered::default())
    }
}

/// A document that was found, and whether to remember it once the guard has admitted it.
pub(super) struct Found {
    pub(super) text: Arc<str>,
    pub(super) hash: Option<String>,
}

impl Documents {
    /// Accepts only these documents. White space at the ends does not matter.
    pub fn trusted(texts: impl IntoIterator<Item = String>) -> Self {
        let mut trusted = HashMap::new();
        for text in texts {
            let (text, bare): (Arc<str>, Arc<str>) = (text.as_str().into(), text.trim().into());
            trusted.insert(hash_of(&text), text);
            trusted.insert(hash_of(&bare), bare);
        }
        Self::Trusted(Trusted(trusted))
    }

    /// The text of a requested document, if the service accepts it.
    pub(super) fn find(&self, sought: Sought, who: &CallerKey) -> Result<Found, ServerError> {
        let (text, hash) = match sought {
            Sought::Text(text) => (Some(text), None),
            Sought::Hash(hash) => (None, Some(hash)),
            Sought::Both { text, hash } => {
                if hash_of(&text) != hash {
                    return Err(Code::BadUserInput
                        .refusal("the hash does not match the document: send its SHA-256 in hexadecimal, or no hash"));
                }
                (Some(text), Some(hash))
            }
        };
        match (self, text, hash) {
            (Self::Trusted(trusted), text, hash) => trusted.find(text.as_deref(), hash.as_deref()),
            (Self::Any(_), Some(text), hash) => Ok(Found { text: text.into(), hash }),
            (Self::Any(remembered), None, hash) => remembered.find(&hash.unwrap_or_default(), who),
        }
    }

    /// Remembers a valid document that was sent with its hash.
    pub(super) fn remember(&self, found: Found, who: &CallerKey) {
        if let (Self::Any(remembered), Some(hash)) = (self, found.hash) {
            remembered.cache().insert(&hash, &found.text, who);
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
            Code::UntrustedDocument
                .refusal("the service accepts only registered documents, and this one is not registered")
        })?;
        Ok(Found { text: Arc::clone(text), hash: None })
    }
}

impl Remembered {
    fn find(&self, hash: &str, who: &CallerKey) -> Result<Found, ServerError> {
        // The text that clients of automatic persisted queries expect.
        let text = self
            .cache()
            .get(hash, who)
            .ok_or_else(|| Code::PersistedQueryNotFound.refusal("PersistedQueryNotFound"))?;
        Ok(Found { text, hash: None })
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.0.lock().expect("no code panics while it holds the lock")
    }
}

/// The texts by hash. A text is kept while it is on a caller's list.
#[derive(Debug, Default)]
struct Cache {
    texts: HashMap<String, Kept>,
    lists: HashMap<CallerKey, List>,
    uses: u64,
    bytes: usize,
}

/// A text, and the number of lists it is on.
#[derive(Debug)]
struct Kept {
    text: Arc<str>,
    readers: usize,
}

/// The documents of one caller, in order of use.
#[derive(Debug, Default)]
struct List {
    used: HashMap<String, u64>,
    order: BTreeMap<u64, String>,
    /// The bytes of the texts on it, even if other lists have them too.
    bytes: usize,
}

impl Cache {
    fn get(&mut self, hash: &str, who: &CallerKey) -> Option<Arc<str>> {
        let text = Arc::clone(&self.texts.get(hash)?.text);
        self.note(hash, &text, who);
        Some(text)
    }

    fn insert(&mut self, hash: &str, text: &Arc<str>, who: &CallerKey) {
        if !self.texts.contains_key(hash) {
            self.bytes += text.len() + BYTES_BESIDE;
            self.texts.insert(hash.to_owned(), Kept { text: Arc::clone(text), readers: 0 });
        }
        self.note(hash, text, who);
    }

    /// Records that a caller used a text, and makes room by dropping the oldest text from the longest list.
    fn note(&mut self, hash: &str, text: &str, who: &CallerKey) {
        self.uses += 1;
        let list = self.lists.entry(who.clone()).or_default();
        list.order.insert(self.uses, hash.to_owned());
        if let Some(before) = list.used.insert(hash.to_owned(), self.uses) {
            list.order.remove(&before);
            return;
        }
        list.bytes += text.len() + BYTES_BESIDE;
        self.bytes += BYTES_BESIDE;
        if let Some(kept) = self.texts.get_mut(hash) {
            kept.readers += 1;
        }
        while self.bytes > BYTES_MAX && self.forget_one() {}
    }

    /// Drops the least recently used text from the longest list. Returns whether there was one.
    fn forget_one(&mut self) -> bool {
        let longest = self.lists.iter_mut().max_by_key(|(_, list)| list.bytes);
        let Some((reader, list)) = longest else { return false };
        let reader = reader.clone();
        if let Some((_, hash)) = list.order.pop_first() {
            list.used.remove(&hash);
            let kept = self.texts.get_mut(&hash).expect("every text on a list is kept");
            let bytes = kept.text.len() + BYTES_BESIDE;
            list.bytes -= bytes;
            kept.readers -= 1;
            self.bytes -= BYTES_BESIDE;
            if kept.readers == 0 {
                self.texts.remove(&hash);
                self.bytes -= bytes;
            }
        }
        if list.order.is_empty() {
            self.lists.remove(&reader);
        }
        true
    }
}

fn hash_of(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::tests::key;

    const TEXT: &str = "{ a }";

    fn code(result: Result<Found, ServerError>) -> String {
        let error = result.err().expect("a refusal");
        let code = error.extensions.as_ref().and_then(|all| all.get("code")).expect("a code").to_string();
        code.trim_matches('"').to_owned()
    }

    fn ann() -> CallerKey {
        key("ann")
    }

    fn both(text: &str) -> Sought {
        Sought::Both { text: text.to_owned(), hash: hash_of(text) }
    }

    #[test]
    fn a_hash_is_known_once_its_document_was_admitted() {
        let documents = Documents::default();
        let hash = || Sought::Hash(hash_of(TEXT));
        assert_eq!(code(documents.find(hash(), &ann())), "PERSISTED_QUERY_NOT_FOUND");
        let found = documents.find(both(TEXT), &ann()).expect("found");
        assert_eq!(code(documents.find(hash(), &ann())), "PERSISTED_QUERY_NOT_FOUND");
        documents.remember(found, &ann());
        assert_eq!(&*documents.find(hash(), &ann()).expect("remembered").text, TEXT);
    }

    #[test]
    fn no_caller_loses_a_document_because_another_sends_many() {
        let documents = Documents::default();
        let (ben, flood) = (key("ben"), |nth: usize| format!("{nth:06}{}", "x".repeat(99_994)));
        let keep = |text: &str, who: &CallerKey| {
            documents.remember(documents.find(both(text), who).expect("found"), who);
        };
        let knows = |text: &str, who: &CallerKey| documents.find(Sought::Hash(hash_of(text)), who).is_ok();
        keep(TEXT, &ben);
        keep("{ shared }", &ann());
        assert!(knows("{ shared }", &ben));
        (0..200).for_each(|nth| keep(&flood(nth), &ann()));
        assert!(knows(TEXT, &ben) && knows("{ shared }", &ben));
        assert!(!knows(&flood(0), &ann()) && knows(&flood(199), &ann()));
        let Documents::Any(remembered) = &documents else { panic!("not any") };
        assert!(remembered.cache().bytes <= BYTES_MAX);
    }

    #[test]
    fn a_hash_never_stands_for_another_text() {
        for documents in [Documents::default(), Documents::trusted([TEXT.to_owned()])] {
            let sought = Sought::Both { text: TEXT.to_owned(), hash: hash_of("{ b }") };
            assert_eq!(code(documents.find(sought, &ann())), "BAD_USER_INPUT");
        }
    }

    #[test]
    fn the_least_recently_used_document_is_dropped_first() {
        let documents = Documents::default();
        let text = |nth: usize| format!("{nth:06}{}", "x".repeat(99_994));
        let fitting = BYTES_MAX / (100_000 + BYTES_BESIDE);
        let keep = |nth| documents.remember(documents.find(both(&text(nth)), &ann()).expect("found"), &ann());
        let knows = |nth| documents.find(Sought::Hash(hash_of(&text(nth))), &ann()).is_ok();
        (0..fitting).for_each(keep);
        assert!(knows(0) && knows(fitting - 1));
        keep(fitting);
        assert!(knows(0) && !knows(1) && knows(2) && knows(fitting));
        let Documents::Any(remembered) = &documents else { panic!("not any") };
        let cache = remembered.cache();
        assert!(cache.bytes <= BYTES_MAX && cache.texts.len() == fitting && cache.lists.len() == 1);
    }

    #[test]
    fn only_trusted_documents_are_accepted() {
        let documents = Documents::trusted([format!("{TEXT}\n")]);
        for text in [TEXT.to_owned(), format!("{TEXT}\n"), format!("  {TEXT}")] {
            assert!(documents.find(Sought::Text(text.clone()), &ann()).is_ok(), "{text:?}");
        }
        for hash in [hash_of(TEXT), hash_of(&format!("{TEXT}\n"))] {
            assert!(documents.find(Sought::Hash(hash), &ann()).is_ok());
        }
        for sought in [Sought::Text("{ b }".to_owned()), Sought::Hash(hash_of("{ b }")), both("{ b }")] {
            assert_eq!(code(documents.find(sought, &ann())), "UNTRUSTED_DOCUMENT");
        }
    }
}
