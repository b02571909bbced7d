//! Bodies of `CloudEvents` as lines: one event on each, as the import of NDJSON reads them.
//!
//! Events are not interpreted here. A body that is not JSON to its end is refused before anything is imported.

use std::fmt;
use std::io::{self, BufReader, Read, Write};

use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Why a body cannot be written as lines.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinesError {
    /// It is not JSON of the form that its type says.
    #[error("line {line}, column {column}: {message}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What to send.
        message: &'static str,
    },
    /// The system failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl LinesError {
    /// An error of the parser. Its own text may repeat what was sent.
    fn of(error: &serde_json::Error, message: &'static str) -> Self {
        match error.io_error_kind() {
            Some(kind) => Self::Io(kind.into()),
            None => Self::Json { line: error.line(), column: error.column(), message },
        }
    }
}

/// Writes the one event of a body as a line.
pub(super) fn one(from: impl Read, to: &mut impl Write) -> Result<(), LinesError> {
    let mut reader = serde_json::Deserializer::from_reader(BufReader::new(from));
    let event: Result<Box<RawValue>, _> = serde::Deserialize::deserialize(&mut reader);
    let event = event.and_then(|event| reader.end().map(|()| event));
    let event = event.map_err(|error| LinesError::of(&error, "send one CloudEvents object as JSON"))?;
    if event.get().starts_with('[') {
        let message = "send one CloudEvents object, or a list as application/cloudevents-batch+json";
        return Err(LinesError::Json { line: 1, column: 1, message });
    }
    line(&event, to)?;
    Ok(to.flush()?)
}

/// Writes each event of a list as a line.
pub(super) fn batch(from: impl Read, to: &mut impl Write) -> Result<(), LinesError> {
    let mut reader = serde_json::Deserializer::from_reader(BufReader::new(from));
    let mut written = Ok(());
    let read = reader.deserialize_seq(Events { to, written: &mut written });
    let read = read.and_then(|()| reader.end());
    written?;
    read.map_err(|error| LinesError::of(&error, "send a JSON list of CloudEvents objects"))?;
    Ok(to.flush()?)
}

/// A list of events that is being read.
struct Events<'a, W> {
    to: &'a mut W,
    written: &'a mut io::Result<()>,
}

impl<'de, W: Write> Visitor<'de> for Events<'_, W> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut events: A) -> Result<(), A::Error> {
        while let Some(event) = events.next_element::<Box<RawValue>>()? {
            if self.written.is_ok() {
                *self.written = line(&event, self.to);
            }
        }
        Ok(())
    }
}

/// Writes an event on one line. Line ends within JSON are white space: those within texts are written otherwise.
fn line(event: &RawValue, to: &mut impl Write) -> io::Result<()> {
    for part in event.get().split(['\n', '\r']) {
        to.write_all(part.as_bytes())?;
    }
    to.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(of: &str) -> Result<String, String> {
        let mut to = Vec::new();
        batch(of.as_bytes(), &mut to).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(to).expect("text"))
    }

    #[test]
    fn each_event_is_a_line_however_it_was_written() {
        assert_eq!(
            lines("[\n {\"a\":\r\n 1}, {\"b\": \"x\\ny\"}\n]\n").as_deref(),
            Ok("{\"a\": 1}\n{\"b\": \"x\\ny\"}\n")
        );
        assert_eq!(lines("[]").as_deref(), Ok(""));
        let mut to = Vec::new();
        one(&b"{\n\"a\": 1\n}"[..], &mut to).expect("an event");
        assert_eq!(to, b"{\"a\": 1}\n");
    }

    #[test]
    fn what_is_not_json_to_its_end_is_refused_with_its_place_and_not_repeated() {
        for text in ["[{\"a\": 1}", "[{}] x", "{\"secret\": 1}", "[{\"secret\": }]"] {
            let refused = lines(text).expect_err(text);
            assert!(refused.starts_with("line 1, column ") && !refused.contains("secret"), "{refused}");
        }
        assert!(one(&b"{} {}"[..], &mut Vec::new()).is_err());
    }
}
