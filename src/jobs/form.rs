//! The forms in which a source may send its records, by media type.
//!
//! Pure.

use super::sources::Source;
use crate::import::read::Format;

/// What a body holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One file of the format of the mapping.
    File(Format),
    /// Several files of that format: `multipart/form-data`.
    Files,
    /// One `CloudEvents` object.
    Event,
    /// A list of `CloudEvents` objects.
    Events,
}

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// The media types of files, with the format that each stands for.
const FILES: [(&str, Format); 6] = [
    ("text/csv", Format::Csv),
    (XLSX, Format::Xlsx),
    ("application/xml", Format::Xml),
    ("text/xml", Format::Xml),
    ("application/json", Format::Json),
    ("application/x-ndjson", Format::Json),
];
const MULTIPART: &str = "multipart/form-data";
const EVENT: &str = "application/cloudevents+json";
const EVENTS: &str = "application/cloudevents-batch+json";

impl Form {
    /// The form of a media type without parameters, if the source sends it.
    pub fn of(media_type: &str, source: &Source) -> Option<Self> {
        let is = |name: &str| media_type.eq_ignore_ascii_case(name);
        if is(EVENT) {
            return Some(Self::Event);
        }
        if is(EVENTS) {
            return Some(Self::Events);
        }
        let format = source.format()?;
        if is(MULTIPART) {
            return Some(Self::Files);
        }
        FILES.iter().any(|(name, of)| is(name) && *of == format).then_some(Self::File(format))
    }

    /// The media types that a source may send.
    pub fn allowed(source: &Source) -> Vec<&'static str> {
        let files = source.format().into_iter().flat_map(|format| {
            let of = FILES.iter().filter(move |(_, of)| *of == format).map(|(name, _)| *name);
            of.chain([MULTIPART])
        });
        files.chain([EVENT, EVENTS]).collect()
    }

    /// The word for the form, as the table keeps it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::File(format) => format.as_str(),
            Self::Files => "files",
            Self::Event | Self::Events => EVENTS_STORED,
        }
    }

    /// Whether a body of this form holds `CloudEvents`.
    pub(super) const fn is_events(self) -> bool {
        matches!(self, Self::Event | Self::Events)
    }
}

/// The word for `CloudEvents`, which are stored one on each line.
pub(super) const EVENTS_STORED: &str = "events";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::import::mapping::{Mapping, shipped};

    #[test]
    fn a_source_takes_the_format_of_its_mapping_and_events() {
        let text = shipped().iter().find(|shipped| shipped.name == "referrals").expect("it ships").text;
        let mapping = Some(Arc::new(Mapping::parse(text).expect("a mapping")));
        let source = Source { name: "a".to_owned(), contract: "shps".to_owned(), mapping };
        for (media_type, form) in [
            ("Text/CSV", Some(Form::File(Format::Csv))),
            ("multipart/form-data", Some(Form::Files)),
            ("application/cloudevents+json", Some(Form::Event)),
            ("application/cloudevents-batch+json", Some(Form::Events)),
            ("application/json", None),
            ("application/x-www-form-urlencoded", None),
        ] {
            assert_eq!(Form::of(media_type, &source), form, "{media_type}");
        }
        assert_eq!(Form::allowed(&source)[..2], ["text/csv", "multipart/form-data"]);
        let contract = Source::of_contract("shps");
        assert_eq!(Form::of("text/csv", &contract), None);
        assert_eq!(Form::allowed(&contract), [EVENT, EVENTS]);
    }
}
