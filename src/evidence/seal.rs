//! Seals the bytes of evidence files: AES-256-GCM over chunks, each bound to its place (the STREAM construction).
//!
//! An object is a random salt, then its chunks. The key and the start of each nonce follow from the salt and the key of
//! the person, so that no two objects share a nonce. The rest of a nonce counts the chunks and marks the last one:
//! chunks cannot be left out, moved or cut off. Nothing opens under another file, person, key version or part.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use uuid::Uuid;

use throughline_domain::fact::envelope::SubjectId;

/// The bytes of a chunk before it is sealed.
pub(super) const CHUNK: usize = 64 * 1024;
/// The bytes that sealing adds to a chunk.
const TAG: usize = 16;
const SALT: usize = 32;
const KEY: usize = 32;
/// The part of a nonce that is the same for all chunks of an object. A counter of four bytes and a mark follow.
const PREFIX: usize = NONCE_LEN - 5;
const LABEL: &[u8] = b"throughline evidence 1";

/// The place of an object. It opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The file.
    pub(super) file: Uuid,
    /// The person whom it is about.
    pub(super) subject: SubjectId,
    /// The version of the person's key.
    pub(super) key_version: u32,
    /// The number of the part, from 1. Zero for the thumbnail.
    pub(super) number: u32,
}

/// The secret from which the keys of a person's files follow. It never shows in debug output.
#[derive(Clone, Copy)]
pub(super) struct Secret(pub(super) [u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// An object that does not open: it was changed, cut off, or belongs to another place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an object of the evidence store is damaged")]
pub(super) struct Damaged;

impl Place {
    fn bytes(self) -> Vec<u8> {
        let mut bytes = LABEL.to_vec();
        bytes.extend(self.file.as_bytes());
        bytes.extend(self.subject.0.as_bytes());
        bytes.extend(self.key_version.to_be_bytes());
        bytes.extend(self.number.to_be_bytes());
        bytes
    }
}

/// The key and the start of the nonces of one object.
struct ObjectKey {
    key: LessSafeKey,
    prefix: [u8; PREFIX],
    aad: Vec<u8>,
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        KEY + PREFIX
    }
}

impl ObjectKey {
    fn of(Secret(secret): Secret, place: Place, salt: &[u8]) -> Self {
        let aad = place.bytes();
        let mut derived = [0; KEY + PREFIX];
        let root = Salt::new(HKDF_SHA256, salt).extract(&secret);
        let info = [aad.as_slice()];
        let expanded = root.expand(&info, Length).and_then(|material| material.fill(&mut derived));
        expanded.expect("HKDF gives this many bytes");
        let (key, prefix) = derived.split_at(KEY);
        let key = UnboundKey::new(&AES_256_GCM, key).expect("a key has 32 bytes");
        Self { key: LessSafeKey::new(key), prefix: prefix.try_into().expect("the prefix is the rest"), aad }
    }

    fn nonce(&self, chunk: u32, at: At) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        nonce[..PREFIX].copy_from_slice(&self.prefix);
        nonce[PREFIX..NONCE_LEN - 1].copy_from_slice(&chunk.to_be_bytes());
        nonce[NONCE_LEN - 1] = u8::from(at == At::Last);
        Nonce::assume_unique_for_key(nonce)
    }
}

/// Whether a chunk is the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Earlier,
    Last,
}

/// Seals an object as its bytes arrive. Only sealed bytes and one chunk of clear ones are held.
pub(super) struct Sealer {
    key: ObjectKey,
    sealed: Vec<u8>,
    chunk: Vec<u8>,
    chunks: u32,
}

impl Sealer {
    /// Begins an object of about `size` bytes. The salt must be random.
    pub(super) fn new(secret: Secret, place: Place, salt: [u8; SALT], size: usize) -> Self {
        let mut sealed = Vec::with_capacity(SALT + size + (size / CHUNK + 1) * TAG);
        sealed.extend(salt);
        Self { key: ObjectKey::of(secret, place, &salt), sealed, chunk: Vec::with_capacity(CHUNK), chunks: 0 }
    }

    /// Adds bytes.
    pub(super) fn push(&mut self, mut clear: &[u8]) {
        while !clear.is_empty() {
            if self.chunk.len() == CHUNK {
                self.seal(At::Earlier);
            }
            let (now, later) = clear.split_at(clear.len().min(CHUNK - self.chunk.len()));
            self.chunk.extend(now);
            clear = later;
        }
    }

    /// The sealed object.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.seal(At::Last);
        self.sealed
    }

    fn seal(&mut self, at: At) {
        let nonce = self.key.nonce(self.chunks, at);
        let tag = self.key.key.seal_in_place_separate_tag(nonce, Aad::from(&self.key.aad), &mut self.chunk);
        self.sealed.append(&mut self.chunk);
        self.sealed.extend(tag.expect("a chunk is short enough to be sealed").as_ref());
        self.chunks = self.chunks.checked_add(1).expect("an object has few chunks");
    }
}

/// Opens an object.
pub(super) fn open(secret: Secret, place: Place, mut sealed: Vec<u8>) -> Result<Vec<u8>, Damaged> {
    if sealed.len() < SALT + TAG {
        return Err(Damaged);
    }
    let key = ObjectKey::of(secret, place, &sealed[..SALT]);
    let (mut from, mut clear, mut chunk) = (SALT, 0, 0_u32);
    while from < sealed.len() {
        let to = sealed.len().min(from + CHUNK + TAG);
        let at = if to == sealed.len() { At::Last } else { At::Earlier };
        let opened = key.key.open_in_place(key.nonce(chunk, at), Aad::from(&key.aad), &mut sealed[from..to]);
        let opened = opened.map_err(|_| Damaged)?.len();
        sealed.copy_within(from..from + opened, clear);
        clear += opened;
        from = to;
        chunk = chunk.checked_add(1).ok_or(Damaged)?;
    }
    sealed.truncate(clear);
    Ok(sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: Secret = Secret([7; 32]);

    fn place() -> Place {
        let (file, subject) = (Uuid::from_u128(1), SubjectId(Uuid::from_u128(2)));
        Place { file, subject, key_version: 1, number: 1 }
    }

    fn sealed(clear: &[u8]) -> Vec<u8> {
        let mut sealer = Sealer::new(SECRET, place(), [9; SALT], clear.len());
        clear.chunks(1_000).for_each(|piece| sealer.push(piece));
        sealer.finish()
    }

    fn bytes(length: usize) -> Vec<u8> {
        (0..=255_u8).cycle().take(length).collect()
    }

    #[test]
    fn an_object_of_any_length_opens_to_its_bytes() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17] {
            let clear = bytes(length);
            let object = sealed(&clear);
            assert!(length < 32 || !object.windows(32).any(|window| window == &clear[..32]), "{length}");
            assert_eq!(open(SECRET, place(), object).as_deref(), Ok(&*clear), "{length}");
        }
    }

    #[test]
    fn an_object_opens_nowhere_else_and_under_no_other_key() {
        let object = sealed(b"a payslip");
        let others = [
            Place { file: Uuid::from_u128(3), ..place() },
            Place { subject: SubjectId(Uuid::from_u128(3)), ..place() },
            Place { key_version: 2, ..place() },
            Place { number: 2, ..place() },
        ];
        for other in others {
            assert_eq!(open(SECRET, other, object.clone()), Err(Damaged), "{other:?}");
        }
        assert_eq!(open(Secret([8; 32]), place(), object), Err(Damaged));
    }

    #[test]
    fn any_flipped_bit_any_cut_and_any_exchange_of_chunks_is_found() {
        let object = sealed(&bytes(2 * CHUNK + 5));
        let one = CHUNK + TAG;
        for at in [0, SALT - 1, SALT, SALT + CHUNK, SALT + one + 3, object.len() - 1] {
            let mut flipped = object.clone();
            flipped[at] ^= 1;
            assert_eq!(open(SECRET, place(), flipped), Err(Damaged), "{at}");
        }
        for length in [0, SALT, SALT + TAG, SALT + one, SALT + 2 * one, object.len() - 1] {
            assert_eq!(open(SECRET, place(), object[..length].to_vec()), Err(Damaged), "{length}");
        }
        let mut exchanged = object.clone();
        let (first, second) = exchanged[SALT..].split_at_mut(one);
        first.swap_with_slice(&mut second[..one]);
        assert_eq!(open(SECRET, place(), exchanged), Err(Damaged));
        let mut longer = object;
        longer.extend([0; TAG]);
        assert_eq!(open(SECRET, place(), longer), Err(Damaged));
    }
}
