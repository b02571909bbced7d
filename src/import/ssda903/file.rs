//! Reads the episodes file of an SSDA903 return into rows.
//!
//! It knows columns, dates and codes, and does not use the log. A bad row is reported and the next one is read. It
//! never stores or repeats a postcode, and no message quotes a cell that might hold one.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek};

use chrono::NaiveDate;
use serde::Serialize;

use crate::cloud_event::LineError;
use crate::import::lines::digest_of;
use crate::import::read::records::Records;
use throughline_domain::fact::personal;

/// The columns whose codes a spell stores, and the attributes that hold them.
pub(super) const CODES: [(&str, &str); 7] = [
    ("RNE", "reason_new_episode"),
    ("LS", "legal_status"),
    ("CIN", "category_of_need"),
    ("PLACE", "placement"),
    ("PLACE_PROVIDER", "placement_provider"),
    ("REASON_PLACE_CHANGE", "reason_placement_change"),
    ("URN", "urn"),
];
/// The columns among them that older returns do not have. A file without a column says nothing about it.
const LATER: [&str; 3] = ["PLACE_PROVIDER", "REASON_PLACE_CHANGE", "URN"];
const CHILD: &str = "CHILD";
const DECOM: &str = "DECOM";
const DEC: &str = "DEC";
const REC: &str = "REC";
/// The column with the year of the return, in a file that holds several returns.
const YEAR: &str = "YEAR";

/// The longest code accepted, in characters. The longest code of the return has seven.
const CODE_MAX: usize = 20;
/// The most column names that an error lists.
const NAMES_SHOWN: usize = 40;
/// The longest column name that a message repeats.
const NAME_MAX: usize = 40;

/// A return that was read.
#[derive(Debug)]
pub struct Return {
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub(super) digest: String,
    pub(super) rows: Vec<Row>,
    left_out: Vec<String>,
    absent: Vec<&'static str>,
}

/// One row of the file.
#[derive(Debug)]
pub(super) enum Row {
    Read(Episode),
    Unread(Unread),
}

/// An episode of a child looked after, from one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Episode {
    /// The line of the file on which the row begins, from 1.
    pub(super) line: u64,
    /// The child's code, a pseudonym.
    pub(super) child: String,
    /// The first day: DECOM.
    pub(super) began_on: NaiveDate,
    pub(super) particulars: Particulars,
    /// The year of the return, in a file that holds several. Later years sort after earlier ones.
    pub(super) year: Option<String>,
    /// Whether the row has a REC without a DEC. Such a REC does not end the episode.
    pub(super) has_loose_reason: bool,
}

/// The content of a row, without the child and the first day.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Particulars {
    /// Each code, by the attribute that holds it.
    pub(super) codes: BTreeMap<&'static str, String>,
    /// The first day on which the episode no longer held (DEC) and the reason (REC). `None` while the episode is open.
    pub(super) ended: Option<(NaiveDate, Option<String>)>,
}

/// A row that could not be read, with the parts that could.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) line: u64,
    pub(super) child: Option<String>,
    pub(super) began_on: Option<NaiveDate>,
    pub(super) error: LineError,
}

/// Why a file is not an episodes file of an SSDA903 return.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The file cannot be read.
    #[error("the file cannot be read after line {line}")]
    File {
        /// The number of the last line read.
        line: u64,
        /// The system's error.
        source: io::Error,
    },
    /// The file has no lines.
    #[error("the file is empty: give the episodes file of an SSDA903 return")]
    Empty,
    /// The first line is not text.
    #[error("line {line}, which names the columns: {error}")]
    Header {
        /// The line number.
        line: u64,
        /// What is wrong.
        error: LineError,
    },
    /// Columns are missing.
    #[error(
        "line {line} does not name the column {}, but names {}: give the episodes file of an SSDA903 return with its \
            original column names",
        missing.join(", "), found.join(", ")
    )]
    Missing {
        /// The line with the column names.
        line: u64,
        /// The missing columns.
        missing: Vec<&'static str>,
        /// The columns found.
        found: Vec<String>,
    },
    /// A column is named twice.
    #[error("line {line} names the column {column} twice: name it once")]
    Twice {
        /// The line with the column names.
        line: u64,
        /// The column.
        column: &'static str,
    },
}

impl Return {
    /// Reads a file. Every row is kept, readable or not.
    pub fn read(mut file: impl Read + Seek) -> Result<Self, Unfit> {
        let unread = |line| move |source| Unfit::File { line, source };
        let digest = digest_of(&mut file).map_err(unread(0))?;
        file.rewind().map_err(unread(0))?;
        let mut records = Records::of(file, b',');
        let (mut line, header) = loop {
            let (line, header) = records.next(None).map_err(unread(0))?.ok_or(Unfit::Empty)?;
            if !header.as_ref().is_ok_and(|header| is_blank(header)) {
                break (line, header.map_err(|error| Unfit::Header { line, error })?);
            }
        };
        let columns = Columns::of(line, &header)?;
        let (left_out, absent) = (columns.left_out(&header), columns.absent());
        let mut rows = Vec::new();
        while let Some((next, fields)) = records.next(Some(header.len())).map_err(unread(line))? {
            line = next;
            match fields {
                // Spreadsheets leave empty rows at the end or between rows.
                Ok(fields) if is_blank(&fields) => {}
                Ok(fields) => rows.push(columns.row(line, &fields)),
                Err(error) => rows.push(Row::Unread(Unread { line, child: None, began_on: None, error })),
            }
        }
        Ok(Self { digest, rows, left_out, absent })
    }

    /// The columns of later returns that this file does not have.
    pub fn absent(&self) -> &[&'static str] {
        &self.absent
    }

    /// The attributes without a column in this file. The file says nothing about them.
    pub(super) fn silent(&self) -> Vec<&'static str> {
        let is_absent = |(column, _): &(&str, &str)| self.absent.contains(column);
        CODES.into_iter().filter(is_absent).map(|(_, attribute)| attribute).collect()
    }

    /// The columns that are not imported, as far as their names may be shown.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }
}

/// Whether every field of a record is empty.
fn is_blank(fields: &[String]) -> bool {
    fields.iter().all(String::is_empty)
}

/// The index of each column.
struct Columns {
    names: usize,
    child: usize,
    decom: usize,
    dec: usize,
    rec: usize,
    year: Option<usize>,
    /// `None` if the file does not have the column.
    codes: [Option<usize>; CODES.len()],
}

impl Columns {
    fn of(line: u64, header: &[String]) -> Result<Self, Unfit> {
        let mut missing = Vec::new();
        let mut twice = None;
        let mut find = |column: &'static str| {
            let mut at = (0..header.len()).filter(|at| header[*at].eq_ignore_ascii_case(column));
            let found = at.next();
            if found.is_none() {
                missing.push(column);
            } else if at.next().is_some() {
                twice = Some(column);
            }
            found.unwrap_or(0)
        };
        let names = header.len();
        let names_it = |column: &str| header.iter().any(|name| name.eq_ignore_ascii_case(column));
        let [child, decom, dec, rec] = [CHILD, DECOM, DEC, REC].map(&mut find);
        let mut sought = |column, is_needed: bool| (is_needed || names_it(column)).then(|| find(column));
        let codes = CODES.map(|(column, _)| sought(column, !LATER.contains(&column)));
        let year = sought(YEAR, false);
        if !missing.is_empty() {
            let found = header.iter().take(NAMES_SHOWN).map(|name| shown(name)).collect();
            return Err(Unfit::Missing { line, missing, found });
        }
        if let Some(column) = twice {
            return Err(Unfit::Twice { line, column });
        }
        Ok(Self { names, child, decom, dec, rec, year, codes })
    }

    fn absent(&self) -> Vec<&'static str> {
        let absent = CODES.into_iter().zip(self.codes).filter(|(_, at)| at.is_none());
        absent.map(|((column, _), _)| column).collect()
    }

    fn left_out(&self, header: &[String]) -> Vec<String> {
        let taken = [self.child, self.decom, self.dec, self.rec].map(Some);
        let is_taken = |at: usize| [taken.as_slice(), &self.codes, &[self.year]].concat().contains(&Some(at));
        let is_left = |at: &usize| !is_taken(*at) && !header[*at].is_empty();
        (0..self.names).filter(is_left).map(|at| shown(&header[at])).collect()
    }

    fn row(&self, line: u64, fields: &[String]) -> Row {
        let surplus = fields.get(self.names..).unwrap_or_default();
        if fields.len() < self.names || surplus.iter().any(|field| !field.is_empty()) {
            // With a wrong number of fields, columns cannot be matched to cells.
            let message = format!("{} fields, but {} columns: give each column one field", fields.len(), self.names);
            return Row::Unread(Unread { line, child: None, began_on: None, error: LineError::line(message) });
        }
        match self.episode(line, fields) {
            Ok(episode) => Row::Read(episode),
            Err(error) => {
                let child = Some(fields[self.child].clone()).filter(|child| !child.is_empty());
                Row::Unread(Unread { line, child, began_on: date(DECOM, &fields[self.decom]).ok().flatten(), error })
            }
        }
    }

    fn episode(&self, line: u64, fields: &[String]) -> Result<Episode, LineError> {
        let child = fields[self.child].clone();
        if child.is_empty() {
            return Err(LineError::at(CHILD, "empty: write the child's code"));
        }
        let began_on = date(DECOM, &fields[self.decom])?;
        let began_on =
            began_on.ok_or_else(|| LineError::at(DECOM, "empty: write the day on which the episode began"))?;
        let reason = code(REC, &fields[self.rec])?;
        let ended_on = date(DEC, &fields[self.dec])?;
        let has_loose_reason = ended_on.is_none() && reason.is_some();
        let mut codes = BTreeMap::new();
        for ((column, attribute), at) in CODES.into_iter().zip(self.codes) {
            let Some(at) = at else { continue };
            if let Some(code) = code(column, &fields[at])? {
                codes.insert(attribute, code);
            }
        }
        let particulars = Particulars { codes, ended: ended_on.map(|on| (on, reason)) };
        let year = self.year.map(|at| fields[at].clone()).filter(|year| !year.is_empty());
        Ok(Episode { line, child, began_on, particulars, year, has_loose_reason })
    }
}

/// A code as written in the return. `None` if the cell is empty.
fn code(column: &str, text: &str) -> Result<Option<String>, LineError> {
    let is_of_a_code = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if text.is_empty() {
        Ok(None)
    } else if text.len() > CODE_MAX || !text.chars().all(is_of_a_code) || is_postcode(text) {
        Err(LineError::at(column, "not a code of the return: write only the code"))
    } else {
        Ok(Some(text.to_owned()))
    }
}

/// A date, as DD/MM/YYYY or in ISO 8601. `None` if the cell is empty.
fn date(column: &str, text: &str) -> Result<Option<NaiveDate>, LineError> {
    if text.is_empty() {
        return Ok(None);
    }
    let written = without_midnight(text);
    let parts = |mark| written.split(mark).collect::<Vec<_>>();
    let number = |text: &str, digits: &[usize]| {
        let is_number = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u32>().ok()).flatten()
    };
    let numbers = match (parts('/').as_slice(), parts('-').as_slice()) {
        ([day, month, year], _) => (number(year, &[4]), number(month, &[1, 2]), number(day, &[1, 2])),
        (_, [year, month, day]) => (number(year, &[4]), number(month, &[2]), number(day, &[2])),
        _ => (None, None, None),
    };
    let (Some(year), Some(month), Some(day)) = numbers else {
        return Err(LineError::at(column, "not a date: write DD/MM/YYYY"));
    };
    let date = i32::try_from(year).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, day));
    date.map(Some).ok_or_else(|| LineError::at(column, format!("{written} is not in the calendar: use a date that is")))
}

/// A date without the midnight that a spreadsheet or database adds. Any other time of day stays, so that other text is
/// not read as a date.
fn without_midnight(text: &str) -> &str {
    let Some((day, time)) = text.split_once(['T', 't', ' ']) else { return text };
    let time = without_offset(time.trim());
    let (time, midnight) = match time.split_once(' ') {
        Some((time, half)) if half.eq_ignore_ascii_case("am") => (time, "12"),
        _ => (time, "00"),
    };
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = time.split(':');
    let is_hour = parts.next().is_some_and(|hour| hour == midnight || hour == "0" && midnight == "00");
    let rest: Vec<&str> = parts.collect();
    let is_midnight = is_hour
        && matches!(rest.len(), 1 | 2)
        && rest.iter().all(|part| *part == "00")
        && !fraction.is_empty()
        && fraction.bytes().all(|digit| digit == b'0');
    if is_midnight { day } else { text }
}

/// A time of day without its offset from UTC. The offset may be that of winter or summer time. Midnight is the local
/// midnight of the place where the date was written.
fn without_offset(time: &str) -> &str {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return time.trim_end();
    }
    let Some(sign) = time.rfind(['+', '-']) else { return time };
    let offset = &time.as_bytes()[sign + 1..];
    let is_offset = match offset {
        [hours @ .., b':', _, _] if hours.len() == 2 => true,
        _ => matches!(offset.len(), 2 | 4),
    };
    let is_number = offset.iter().all(|byte| byte.is_ascii_digit() || *byte == b':');
    if is_offset && is_number { time[..sign].trim_end() } else { time }
}

/// Whether this has the form of a United Kingdom postcode, with or without a space.
fn is_postcode(text: &str) -> bool {
    let text: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    let Some((outward, [digit, one, other])) = text.split_last_chunk() else { return false };
    let is_area = match outward {
        [area, rest @ ..] if area.is_ascii_alphabetic() => match rest {
            [digit] => digit.is_ascii_digit(),
            [one, other] => one.is_ascii_digit() && other.is_ascii_alphanumeric() || other.is_ascii_digit(),
            [area, digit, other] => {
                area.is_ascii_alphabetic() && digit.is_ascii_digit() && other.is_ascii_alphanumeric()
            }
            _ => false,
        },
        _ => false,
    };
    is_area && digit.is_ascii_digit() && one.is_ascii_alphabetic() && other.is_ascii_alphabetic()
}

/// A column name as a message may show it. In a file without a header, the first row holds a child's data in place of
/// names, so only harmless text is shown.
fn shown(name: &str) -> String {
    let is_of_a_name = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-');
    let is_name = name.starts_with(char::is_alphabetic) && name.chars().all(is_of_a_name);
    if is_name && name.chars().count() <= NAME_MAX && !is_postcode(name) && personal::found_in(name).is_none() {
        name.to_owned()
    } else {
        "…".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const HEADER: &str =
        "CHILD,DECOM,RNE,LS,CIN,PLACE,PLACE_PROVIDER,DEC,REC,REASON_PLACE_CHANGE,HOME_POST,PL_POST,URN";
    const ROW: &str = "101,01/04/2017,S,C2,N1,U6,PR1,30/04/2017,X1,CARPL,AB1 2CD,EF3 4GH,1234567";

    fn read(file: impl AsRef<[u8]>) -> Return {
        Return::read(Cursor::new(file)).expect("a return")
    }

    fn unfit(file: impl AsRef<[u8]>) -> String {
        Return::read(Cursor::new(file)).expect_err("no return").to_string()
    }

    /// Each row, in a few words.
    fn described(file: impl AsRef<[u8]>) -> Vec<String> {
        let describe = |row: &Row| match row {
            Row::Read(Episode { line, child, began_on, particulars, .. }) => {
                let ended = particulars.ended.as_ref().map(|(on, reason)| format!(" to {on} {reason:?}"));
                format!("{line}: {child} {began_on}{}", ended.unwrap_or_default())
            }
            Row::Unread(unread) => format!("{}: {}", unread.line, unread.error),
        };
        read(file).rows.iter().map(describe).collect()
    }

    /// The sample row, with this cell in a column.
    fn with(column: &str, cell: &str) -> String {
        let at = HEADER.split(',').position(|name| name == column).expect("a column");
        let mut cells: Vec<&str> = ROW.split(',').collect();
        cells[at] = cell;
        format!("{HEADER}\n{}\n", cells.join(","))
    }

    #[test]
    fn a_row_is_read_with_its_codes_and_without_its_postcodes() {
        let read = read(format!("{HEADER}\n{ROW}\n"));
        let Row::Read(episode) = &read.rows[0] else { panic!("{:?}", read.rows[0]) };
        assert_eq!(
            (episode.line, episode.child.as_str(), episode.began_on.to_string().as_str()),
            (2, "101", "2017-04-01")
        );
        let codes: Vec<(&str, &str)> =
            episode.particulars.codes.iter().map(|(attribute, code)| (*attribute, code.as_str())).collect();
        assert_eq!(
            codes,
            [
                ("category_of_need", "N1"),
                ("legal_status", "C2"),
                ("placement", "U6"),
                ("placement_provider", "PR1"),
                ("reason_new_episode", "S"),
                ("reason_placement_change", "CARPL"),
                ("urn", "1234567"),
            ]
        );
        assert!(!format!("{read:?}").contains("2CD"));
        assert_eq!(read.left_out(), ["HOME_POST", "PL_POST"]);
    }

    #[test]
    fn a_file_is_read_whichever_program_wrote_it() {
        let plain = described(format!("{HEADER}\n{ROW}\n"));
        assert_eq!(plain, ["2: 101 2017-04-01 to 2017-04-30 Some(\"X1\")"]);
        assert_eq!(
            described(format!("\u{feff}{HEADER}\r\n{ROW}")),
            plain,
            "a byte order mark, CRLF, no final line end"
        );
        assert_eq!(described(format!("{}\n{ROW},,\n", HEADER.to_lowercase())), plain, "cells that hold nothing");
        let quoted = format!("\"{}\"", ROW.replace(',', "\",\""));
        assert_eq!(described(format!("{HEADER}\n{quoted}\n")), plain);
        assert_eq!(described(format!("{HEADER}\n{}\n", ROW.replace(',', " , "))), plain);
        let turned = |line: &str| line.split(',').rev().collect::<Vec<_>>().join(",");
        assert_eq!(described(format!("{},YEAR\n{},2018\n", turned(HEADER), turned(ROW))), plain);
        assert_eq!(described(with("DECOM", "2017-04-01")), plain);
        assert_eq!(described(with("DECOM", "1/4/2017")), plain);
    }

    #[test]
    fn blank_rows_are_ignored_anywhere() {
        let commas = ",".repeat(HEADER.matches(',').count());
        let file = format!(
            "{commas}\r\n{HEADER}\r\n{commas}\r\n{ROW}\r\n ,\u{a0},\"\"\r\n,\r\n{ROW}\r\n{commas},,\r\n{commas}"
        );
        assert_eq!(described(file).iter().map(|row| &row[..6]).collect::<Vec<_>>(), ["4: 101", "7: 101"]);
    }

    #[test]
    fn a_return_without_later_columns_is_read() {
        let header = HEADER.replace(",URN", "").replace("PLACE_PROVIDER,", "").replace("REASON_PLACE_CHANGE,", "");
        let read = read(format!("{header}\n101,01/04/2017,S,C2,N1,U6,30/04/2017,X1,AB1 2CD,EF3 4GH\n"));
        assert_eq!(read.absent(), ["PLACE_PROVIDER", "REASON_PLACE_CHANGE", "URN"]);
        assert_eq!(read.silent(), ["placement_provider", "reason_placement_change", "urn"]);
        let Row::Read(episode) = &read.rows[0] else { panic!("{:?}", read.rows[0]) };
        assert_eq!(episode.particulars.codes.len(), 4);
        assert!(
            unfit(format!("{}\n{ROW}\n", header.replace("LS,", "")))
                .starts_with("line 1 does not name the column LS, but")
        );
    }

    #[test]
    fn a_date_followed_by_midnight_is_a_date_and_followed_by_another_time_is_not() {
        for midnight in [
            "2017-04-01 00:00:00",
            "2017-04-01T00:00:00",
            "2017-04-01T00:00:00Z",
            "2017-04-01T00:00:00.000+00:00",
            "2017-04-01T00:00:00+01:00",
            "2017-04-01T00:00:00.000 +0100",
            "2017-04-01 00:00:00-05",
            "2017-04-01t00:00:00z",
            "2017-04-01 00:00:00.0000000",
            "01/04/2017 00:00",
            "01/04/2017 0:00",
            "01/04/2017 12:00:00 AM",
        ] {
            assert!(described(with("DECOM", midnight))[0].starts_with("2: 101 2017-04-01"), "{midnight}");
        }
        for other in [
            "2017-04-01 09:30:00",
            "01/04/2017 12:00:00 PM",
            "01/04/2017 12:00",
            "2017-04-01 00:00:01",
            "2017-04-01T00:00:00+x1:00",
            "2017-04-01T01:00:00+01:00",
        ] {
            assert_eq!(described(with("DECOM", other)), ["2: DECOM: not a date: write DD/MM/YYYY"], "{other}");
        }
    }

    #[test]
    fn a_quoted_field_may_span_lines_and_a_stray_mark_spoils_one_row() {
        let header = format!("{HEADER},NOTE");
        let (one, other) = (format!("{ROW},\"moved,\r\nthen \"\"home\"\"\""), format!("{ROW},"));
        let rows = described(format!("{header}\r\n{one}\r\n{other}\r\n"));
        assert_eq!(rows.iter().map(|row| &row[..6]).collect::<Vec<_>>(), ["2: 101", "4: 101"]);
        let stray = other.replacen("S,", "\"S,", 1);
        let rows = described(format!("{header}\n{stray}\n{other}\n{stray}\n{other}\n"));
        let begins: Vec<&str> = rows.iter().map(|row| &row[..12]).collect();
        assert_eq!(begins, ["2: a quotati", "3: 101 2017-", "4: a quotati", "5: 101 2017-"]);
        let rows = described(format!("{header}\n{stray}\n101,01/04\",2017\n{other}\n{stray}"));
        let begins: Vec<&str> = rows.iter().map(|row| &row[..12]).collect();
        assert_eq!(begins, ["2: a quotati", "3: 3 fields,", "4: 101 2017-", "5: a quotati"]);
    }

    #[test]
    fn a_bad_row_is_reported_and_the_next_row_is_read() {
        let file = [
            HEADER,
            "101,01/04/2017,S,C2",
            &format!("{ROW},more"),
            &ROW.replacen("01/04/2017", "31/02/2017", 1),
            &ROW.replacen("30/04/2017", "30.04.2017", 1),
            &ROW.replacen("01/04/2017", "EG19 7TT", 1),
            &ROW.replacen("101", "", 1),
            &ROW.replacen("C2", "EG19 7TT", 1),
            &ROW.replacen("C2", "EG197TT", 1),
            &ROW.replacen("C2", "C\u{0}2", 1),
            &ROW.replacen("C2", &"C".repeat(10 << 20), 1),
            ROW,
        ];
        let mut bytes = file.join("\n").into_bytes();
        bytes.extend_from_slice(b"\n102,\xe9");
        let rows = described(&bytes);
        let expected = [
            "2: 4 fields, but 13 columns: give each column one field",
            "3: 14 fields, but 13 columns: give each column one field",
            "4: DECOM: 31/02/2017 is not in the calendar: use a date that is",
            "5: DEC: not a date: write DD/MM/YYYY",
            "6: DECOM: not a date: write DD/MM/YYYY",
            "7: CHILD: empty: write the child's code",
            "8: LS: not a code of the return: write only the code",
            "9: LS: not a code of the return: write only the code",
            "10: LS: not a code of the return: write only the code",
            "11: longer than 8 MiB: check for a missing line end",
            "12: 101 2017-04-01 to 2017-04-30 Some(\"X1\")",
            "13: not UTF-8 from byte 5: save the file as UTF-8",
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_file_without_its_columns_is_refused() {
        let error = unfit(format!("{}\n{ROW}\n", HEADER.replace("DECOM", "DECOMM").replace(",LS", ",LEGAL STATUS")));
        assert!(
            error.starts_with("line 1 does not name the column DECOM, LS, but names CHILD, DECOMM, RNE, LEGAL STATUS,"),
            "{error}"
        );
        let error = unfit(format!("{ROW}\n"));
        assert!(error.contains("but names …, …, S, C2,") && !error.contains("2CD"), "{error}");
        let error = unfit(format!("{HEADER},decom\n{ROW},\n"));
        assert_eq!(error, "line 1 names the column DECOM twice: name it once");
        assert_eq!(unfit(" \r\n\n"), "the file is empty: give the episodes file of an SSDA903 return");
        let utf16: Vec<u8> = format!("\u{feff}{HEADER}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(unfit(utf16).contains("not UTF-8 from byte 1"));
        assert!(read(HEADER).rows.is_empty(), "a return without children");
    }

    #[test]
    fn a_reason_without_an_end_ends_nothing() {
        let read = read(with("DEC", ""));
        let Row::Read(episode) = &read.rows[0] else { panic!("{:?}", read.rows[0]) };
        assert!(episode.particulars.ended.is_none() && episode.has_loose_reason);
    }

    #[test]
    fn a_postcode_is_recognised_by_its_form() {
        for text in ["AB1 2CD", "M1 1AA", "EC1A 1BB", "W1A0AX", "eg197tt", "CR2 6XH"] {
            assert!(is_postcode(text), "{text}");
        }
        for text in ["CREQB", "E4B", "PR4", "1234567", "XXXXXXX", "C2", "CARPL", "SC062312", "", "É12AB"] {
            assert!(!is_postcode(text), "{text}");
        }
    }
}
