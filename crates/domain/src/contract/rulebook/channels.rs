//! Channels of contact: by which of them people meet face to face.
//!
//! It fills in a detail that a contact leaves out, and never overrides one that the contact states.

/// The channel of face-to-face contacts where a rulebook has no `[channels]`.
const FACE_TO_FACE: &str = "face_to_face";

/// The meaning of channels of contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channels {
    /// A contact by one of these channels is face to face, unless the contact states otherwise. Without `[channels]`:
    /// `face_to_face`.
    pub face_to_face: Vec<String>,
}

impl Default for Channels {
    fn default() -> Self {
        Self { face_to_face: vec![FACE_TO_FACE.to_owned()] }
    }
}

impl Channels {
    /// Whether a contact by this channel is face to face if the contact does not state it.
    pub fn is_face_to_face(&self, channel: &str) -> bool {
        self.face_to_face.iter().any(|named| named == channel)
    }
}
