//! Channels: which of them mean that both sides saw each other.
//!
//! It fills in what a contact leaves out, and never overrules what a contact says.

use super::CodeList;
use super::Codes;
use super::parse::check_code;
use super::reader::{Report, Section, path_of};

/// The channels by which people see each other, where a rulebook does not name them.
const FACE_TO_FACE: &str = "face_to_face";

/// What the channels of contacts mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channels {
    /// The channels by which a contact is face to face when it does not say. Without `[channels]`: `face_to_face`.
    pub face_to_face: Vec<String>,
}

impl Default for Channels {
    fn default() -> Self {
        Self { face_to_face: vec![FACE_TO_FACE.to_owned()] }
    }
}

impl Channels {
    /// Whether a contact by this channel is face to face when it does not say.
    pub fn is_face_to_face(&self, channel: &str) -> bool {
        self.face_to_face.iter().any(|named| named == channel)
    }
}

pub(super) fn channels(top: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Channels {
    let Some(section) = top.section("channels", report) else { return Channels::default() };
    section.only(&["face_to_face"], report);
    let named = section.required("face_to_face", "[\"face_to_face\"]", report).and_then(|item| item.texts(report));
    let named = named.unwrap_or_default();
    for channel in &named {
        let path = path_of(&section.path, "face_to_face");
        check_code(codes, CodeList::ContactChannels, channel, &path, report);
    }
    Channels { face_to_face: named.into_iter().map(|(channel, _)| channel).collect() }
}
