//! Reads JSON: a list of objects, a list under a key, or one object a line. Each object is read alone, the rows of
//! every table in it are given, and it is forgotten.
//!
//! The text is split by brackets first, with limits on depth and length, and only then read.

use std::fs::File;
use std::io::{BufReader, Read};

use serde_json::Value;

use super::text::Decoded;
use super::tree::{self, BYTES_MAX, DEPTH_MAX, Head, NODES_MAX, Node};
use super::{Found, Inspected, Row, Take, Unfit, Wanted};
use crate::cloud_event::LineError;

pub(super) fn read(file: File, inspected: &Inspected, wanted: &Wanted, take: &mut Take<'_>) -> Result<Found, Unfit> {
    let bytes = BufReader::with_capacity(1 << 16, Decoded::of(file, inspected.character)).bytes();
    let mut scan = Scan { bytes, next: None, line: 1 };
    let mut head = Head::default();
    match (scan.next_of_value()?, wanted.record.as_deref()) {
        (None, _) => return Err(Unfit::wrong("the file is empty: give a list of objects, or one object a line")),
        (Some(b'['), None) => {
            scan.skip()?;
            list(&mut scan, wanted, &head, take)?;
        }
        (Some(b'{'), None) => lines(&mut scan, wanted, take)?,
        (Some(b'{'), Some(record)) => under_key(&mut scan, record, wanted, &mut head, take)?,
        (Some(_), _) => {
            return Err(Unfit::on_line(
                scan.line,
                "this is not a list of objects: begin it with [, or write one object a line",
            ));
        }
    }
    Ok(Found { tables: (0..wanted.tables.len()).collect(), ..Found::default() })
}

/// The objects of a list, whose opening bracket was read. Returns whether to go further.
fn list<R: Read>(scan: &mut Scan<R>, wanted: &Wanted, head: &Head, take: &mut Take<'_>) -> Result<bool, Unfit> {
    loop {
        match scan.next_of_value()? {
            None => return Err(Unfit::on_line(scan.line, "the file ends within a list: send the whole file")),
            Some(b']') => {
                scan.skip()?;
                return Ok(true);
            }
            Some(b',') => scan.skip()?,
            Some(_) => {
                if !object(scan, wanted, head, take)? {
                    return Ok(false);
                }
            }
        }
    }
}

/// Objects one after the other.
fn lines<R: Read>(scan: &mut Scan<R>, wanted: &Wanted, take: &mut Take<'_>) -> Result<(), Unfit> {
    let head = Head::default();
    while scan.next_of_value()?.is_some() {
        if !object(scan, wanted, &head, take)? {
            break;
        }
    }
    Ok(())
}

/// The list under a key of the object that is the whole file. Simple values before it are the top of the file.
fn under_key<R: Read>(
    scan: &mut Scan<R>,
    record: &str,
    wanted: &Wanted,
    head: &mut Head,
    take: &mut Take<'_>,
) -> Result<(), Unfit> {
    scan.skip()?;
    loop {
        match scan.next_of_value()? {
            Some(b',') => scan.skip()?,
            Some(b'"') => {
                let (line, key) = scan.value()?;
                let key: String = serde_json::from_slice(&key).map_err(|_| unread(line))?;
                if scan.next_of_value()? != Some(b':') {
                    return Err(unread(scan.line));
                }
                scan.skip()?;
                if key == record && scan.next_of_value()? == Some(b'[') {
                    scan.skip()?;
                    list(scan, wanted, head, take)?;
                    return Ok(());
                }
                let (line, value) = scan.value()?;
                let value: Value = serde_json::from_slice(&value).map_err(|_| unread(line))?;
                keep(&mut vec![key], &value, head);
            }
            _ => {
                let message = format!(
                    "the file has no list under the key {record}: correct `record` in the mapping, or send the list"
                );
                return Err(Unfit::on_line(scan.line, message));
            }
        }
    }
}

fn unread(line: u64) -> Unfit {
    Unfit::on_line(line, "this is not JSON: check quotation marks, commas and brackets")
}

fn keep(path: &mut Vec<String>, value: &Value, head: &mut Head) {
    match value {
        Value::Object(inside) => {
            for (name, value) in inside {
                path.push(name.clone());
                keep(path, value, head);
                path.pop();
            }
        }
        Value::Array(_) | Value::Null => {}
        value => head.keep(path, &simple(value)),
    }
}

/// Reads one object and gives its rows. Returns whether to go further.
fn object<R: Read>(scan: &mut Scan<R>, wanted: &Wanted, head: &Head, take: &mut Take<'_>) -> Result<bool, Unfit> {
    let (line, text) = scan.value()?;
    let unreadable = |message: &str| Row { table: None, line, cells: Err(LineError::line(message)) };
    let flow = match serde_json::from_slice(&text) {
        Ok(value @ Value::Object(_)) => {
            let mut record = Node { line, ..Node::default() };
            fill(&mut record, value, &mut Size::default())?;
            tree::rows(&record, &wanted.tables, head, take)
        }
        Ok(_) => take(unreadable("this is not an object: write {\"name\": value, …}")),
        Err(_) => take(unreadable("this is not JSON: check quotation marks, commas and brackets")),
    };
    Ok(flow.is_continue())
}

/// How many named values an object has, and the bytes of their names.
#[derive(Default)]
struct Size {
    values: usize,
    names: usize,
}

fn too_large(line: u64) -> Unfit {
    let (most, values) = (BYTES_MAX >> 20, NODES_MAX);
    let message =
        format!("one object is larger than {most} MiB or has more than {values} values: check for a missing bracket");
    Unfit::on_line(line, message)
}

/// Puts a value into a node: objects as named values, lists as values of one name.
fn fill(node: &mut Node, value: Value, size: &mut Size) -> Result<(), Unfit> {
    match value {
        Value::Object(inside) => {
            for (name, value) in inside {
                let values = if let Value::Array(values) = value { values } else { vec![value] };
                for value in values {
                    // Each value of a list has the name of the list.
                    (size.values, size.names) = (size.values + 1, size.names + name.len());
                    if size.values > NODES_MAX || size.names > BYTES_MAX {
                        return Err(too_large(node.line));
                    }
                    let mut inner = Node { name: name.clone(), line: node.line, ..Node::default() };
                    fill(&mut inner, value, size)?;
                    node.inside.push(inner);
                }
            }
        }
        // A list in a list has no name for its values.
        Value::Array(_) => {}
        value => node.text = simple(&value),
    }
    Ok(())
}

fn simple(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Splits a text into values by its brackets.
struct Scan<R: Read> {
    bytes: std::io::Bytes<R>,
    next: Option<u8>,
    line: u64,
}

impl<R: Read> Scan<R> {
    fn peek(&mut self) -> Result<Option<u8>, Unfit> {
        if self.next.is_none() {
            self.next = self.bytes.next().transpose().map_err(|source| Unfit::of(self.line, source))?;
        }
        Ok(self.next)
    }

    fn skip(&mut self) -> Result<(), Unfit> {
        if self.peek()? == Some(b'\n') {
            self.line += 1;
        }
        self.next = None;
        Ok(())
    }

    /// The next byte that is no white space. It is not taken yet.
    fn next_of_value(&mut self) -> Result<Option<u8>, Unfit> {
        while self.peek()?.is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.skip()?;
        }
        self.peek()
    }

    /// The bytes of the next value, up to where it ends, with the line on which it begins.
    fn value(&mut self) -> Result<(u64, Vec<u8>), Unfit> {
        self.next_of_value()?;
        let begins = self.line;
        let (mut text, mut depth, mut values) = (Vec::new(), 0_usize, 0_usize);
        let (mut is_in_text, mut is_escaped) = (false, false);
        while let Some(byte) = self.peek()? {
            let ends_before = depth == 0
                && !is_in_text
                && !text.is_empty()
                && (byte.is_ascii_whitespace() || matches!(byte, b',' | b']' | b'}' | b':'));
            if ends_before {
                break;
            }
            self.skip()?;
            text.push(byte);
            if is_in_text {
                (is_in_text, is_escaped) = (is_escaped || byte != b'"', !is_escaped && byte == b'\\');
            } else {
                match byte {
                    b'"' => is_in_text = true,
                    b'{' | b'[' => (depth, values) = (depth + 1, values + 1),
                    b',' => values += 1,
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            if depth > DEPTH_MAX {
                let message = format!("values are nested more than {DEPTH_MAX} deep: check for a missing bracket");
                return Err(Unfit::on_line(self.line, message));
            }
            if text.len() > BYTES_MAX || values > NODES_MAX {
                return Err(too_large(begins));
            }
            if depth == 0 && !is_in_text && matches!(byte, b'}' | b']' | b'"') {
                break;
            }
        }
        Ok((begins, text))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{rows, table, wanted};
    use super::super::{Format, Table};
    use super::*;

    fn cases() -> Wanted {
        let case = table("case", &["id", "client/area", "open"]);
        let contact = Table { element: vec!["contacts".to_owned()], ..table("contact", &["on", "../id"]) };
        wanted(Format::Json, vec![case, contact])
    }

    const CASE: &str =
        r#"{"id": 7, "client": {"area": "m\"}id"}, "open": true, "contacts": [{"on": "2018-01-01"}, {"on": null}]}"#;

    #[test]
    fn a_list_lines_and_a_list_under_a_key_give_the_same_rows() {
        let expected = ["0 1: 7|m\"}id|true", "1 1: 2018-01-01|7", "1 1: |7"];
        for content in [format!("[{CASE}]"), CASE.to_owned(), format!("{CASE}\n")] {
            assert_eq!(rows(content.as_bytes(), &cases()).expect("cases").0, expected);
        }
        let mut wanted = Wanted { record: Some("cases".to_owned()), ..cases() };
        wanted.tables[1].columns[1].name = "/run/day".to_owned();
        let content = format!("{{\"run\": {{\"day\": 3}}, \"other\": [1, 2],\n \"cases\": [{CASE}]}}");
        let read = rows(content.as_bytes(), &wanted).expect("cases").0;
        assert_eq!(read, ["0 2: 7|m\"}id|true", "1 2: 2018-01-01|3", "1 2: |3"]);
    }

    #[test]
    fn an_object_that_is_not_json_is_reported_and_the_next_one_is_read() {
        let content = format!("[{{\"id\": }}, 5,\n{CASE}]");
        let read = rows(content.as_bytes(), &cases()).expect("cases").0;
        assert!(read[0].starts_with("- 1: ! this is not JSON") && read[1].starts_with("- 1: ! this is not an object"));
        assert_eq!(read[2], "0 2: 7|m\"}id|true");
    }

    #[test]
    fn deep_nesting_long_values_and_open_ends_are_refused() {
        let refused = |content: &str| rows(content.as_bytes(), &cases()).expect_err("refused").to_string();
        assert!(refused(&"[".repeat(1_000_000)).contains("nested more than 64 deep"));
        assert!(refused(&format!("[{{\"id\": \"{}", "x".repeat(40 << 20))).contains("larger than 16 MiB"));
        let (name, values) = ("n".repeat(1 << 20), vec!["0"; 100_000].join(","));
        assert!(refused(&format!("[{{\"{name}\": [{values}]}}]")).contains("larger than 16 MiB"), "names are repeated");
        assert!(refused(&format!("[{{\"id\": [{}]}}]", vec!["0"; 300_000].join(","))).contains("more than 200000"));
        assert!(refused("[").contains("ends within a list"));
        assert!(refused("id,area").contains("not a list of objects"));
        assert!(refused("").contains("empty"));
        let keyed = Wanted { record: Some("cases".to_owned()), ..cases() };
        let error = rows(b"{\"case\": []}", &keyed).expect_err("no list").to_string();
        assert!(error.contains("no list under the key cases"), "{error}");
    }
}
