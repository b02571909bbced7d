//! Splits lines with a separator into records, as spreadsheets write them.
//!
//! A single stray quotation mark spoils only its own row. Memory does not grow with the file.

use std::collections::VecDeque;
use std::io::{self, Read};

use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};

use crate::cloud_event::LineError;
use crate::import::lines::{LINE_MAX, Lines};

/// The most lines that a quoted field may span.
const JOINED_MAX: usize = 20;

/// Something read from a file, or why it could not be read, with the line on which it begins.
pub(crate) type Numbered<T> = (u64, Result<T, LineError>);

/// The fields of a file, record by record.
pub(crate) struct Records<R> {
    lines: Lines<R>,
    separator: u8,
    /// Lines that were read in search of the end of a quoted field, but do not belong to it.
    ahead: VecDeque<Numbered<String>>,
}

impl<R: Read> Records<R> {
    /// The records of a text whose fields have this separator between them.
    pub(crate) fn of(from: R, separator: u8) -> Self {
        Self { lines: Lines::of(from), separator, ahead: VecDeque::new() }
    }

    fn next_line(&mut self) -> io::Result<Option<Numbered<String>>> {
        if let Some(next) = self.ahead.pop_front() {
            return Ok(Some(next));
        }
        Ok(self.lines.next_line()?.map(|(line, text)| (line, text.map(str::to_owned))))
    }

    /// The next record. If the number of `columns` is known, a quoted field may span several lines, as long as none of
    /// them could be a row of its own.
    pub(crate) fn next(&mut self, columns: Option<usize>) -> io::Result<Option<Numbered<Vec<String>>>> {
        let Some((line, text)) = self.next_line()? else { return Ok(None) };
        let mut whole = match text {
            Ok(text) => text,
            Err(error) => return Ok(Some((line, Err(error)))),
        };
        let separator = char::from(self.separator);
        let might_be_a_row = |text: &str| columns.is_none_or(|columns| text.matches(separator).count() + 1 >= columns);
        let mut taken = Vec::new();
        loop {
            match split(&whole, self.separator) {
                Some(fields) if taken.is_empty() || Some(fields.len()) == columns => {
                    return Ok(Some((line, Ok(fields))));
                }
                None if taken.len() < JOINED_MAX && whole.len() <= LINE_MAX => {}
                _ => break,
            }
            let Some(next) = self.next_line()? else { break };
            let continues = next.1.as_ref().is_ok_and(|text| !might_be_a_row(text));
            if continues {
                whole.extend(next.1.iter().flat_map(|text| ["\n", text]));
            }
            taken.push(next);
            if !continues {
                break;
            }
        }
        for next in taken.into_iter().rev() {
            self.ahead.push_front(next);
        }
        let message = "a quotation mark opens a field and is not closed: close it, or double it within the field";
        Ok(Some((line, Err(LineError::line(message)))))
    }
}

/// The fields of a record, trimmed. `None` if a quoted field is not closed.
fn split(record: &str, separator: u8) -> Option<Vec<String>> {
    let input = [record.as_bytes(), b"\n"].concat();
    let mut output = vec![0; input.len()];
    let mut ends = vec![0; 1 + record.matches(char::from(separator)).count()];
    let mut reader = ReaderBuilder::new().delimiter(separator).terminator(Terminator::Any(b'\n')).build();
    let (result, _, _, fields) = reader.read_record(&input, &mut output, &mut ends);
    if result != ReadRecordResult::Record {
        return None;
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let fields = starts.zip(&ends[..fields]).map(|(start, end)| String::from_utf8_lossy(&output[start..*end]));
    Some(fields.map(|field| field.trim().to_owned()).collect())
}
