//! Reads XML: the element that repeats is read as a whole, the rows of every table in it are given, and it is
//! forgotten.
//!
//! There are no document types and no entities but the five of XML itself. Names are taken without their prefix.
//! Attributes are values too, named `@name`. Text between elements is reported and belongs to nothing.

use std::cell::Cell as Shared;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::rc::Rc;

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::text::Decoded;
use super::tree::{self, BYTES_MAX, DEPTH_MAX, Head, NODES_MAX, Node};
use super::{Found, Inspected, Row, Take, Unfit, Wanted};
use crate::cloud_event::LineError;

/// The longest text, tag or comment, in bytes.
const PIECE_MAX: u64 = 8 * 1024 * 1024;
/// The longest name of an element, in bytes, and the most attributes of one.
const NAME_MAX: usize = 1_000;
const ATTRIBUTES_MAX: usize = 1_000;

pub(super) fn read(file: File, inspected: &Inspected, wanted: &Wanted, take: &mut Take<'_>) -> Result<Found, Unfit> {
    let record = wanted.record.as_deref().unwrap_or_default();
    let place = Rc::new(Progress::default());
    let source = Watched { from: BufReader::new(Decoded::of(file, inspected.character)), place: Rc::clone(&place) };
    let mut reader = Reader::from_reader(source);
    reader.config_mut().expand_empty_elements = true;
    let record: Vec<String> = record.split('/').map(str::to_owned).collect();
    let walk = Walk {
        wanted,
        record,
        place,
        open: Vec::new(),
        names: Vec::new(),
        size: Size::default(),
        head: Head::default(),
        reached: 0,
    };
    walk.all(&mut reader, take)
}

/// Where a reader is.
#[derive(Debug, Default)]
struct Progress {
    /// Line ends that were read.
    lines: Shared<u64>,
    /// Bytes since the last whole piece.
    piece: Shared<u64>,
}

impl Progress {
    fn line(&self) -> u64 {
        self.lines.get() + 1
    }
}

/// A text whose lines are counted and whose pieces have a limit.
struct Watched<R> {
    from: BufReader<R>,
    place: Rc<Progress>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let part = self.fill_buf()?;
        let count = part.len().min(to.len());
        to[..count].copy_from_slice(&part[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Watched<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.place.piece.get() > PIECE_MAX {
            let message = format!("a value is longer than {} MiB: check for a missing end tag", PIECE_MAX >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        self.from.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        let lines = self.from.buffer()[..count].split(|byte| *byte == b'\n').count() - 1;
        self.place.lines.set(self.place.lines.get() + lines as u64);
        self.place.piece.set(self.place.piece.get() + count as u64);
        self.from.consume(count);
    }
}

/// How much of a record is in memory.
#[derive(Debug, Default)]
struct Size {
    nodes: usize,
    bytes: usize,
}

/// A walk through a document.
struct Walk<'a> {
    wanted: &'a Wanted,
    /// The path of the element that repeats.
    record: Vec<String>,
    place: Rc<Progress>,
    /// The open elements within a record.
    open: Vec<Node>,
    /// The names of all open elements.
    names: Vec<String>,
    size: Size,
    head: Head,
    /// How many names of the record's path were found.
    reached: usize,
}

impl Walk<'_> {
    fn all(mut self, reader: &mut Reader<Watched<Decoded<File>>>, take: &mut Take<'_>) -> Result<Found, Unfit> {
        let mut buffer = Vec::new();
        let mut text = String::new();
        loop {
            buffer.clear();
            self.place.piece.set(0);
            let event = reader.read_event_into(&mut buffer).map_err(|error| self.malformed(error))?;
            match event {
                Event::Start(start) => {
                    if self.text(&mut text, take).is_break() {
                        break;
                    }
                    self.start(&start)?;
                }
                Event::End(_) => {
                    if self.end(&mut text, take).is_break() {
                        break;
                    }
                }
                Event::Text(piece) => text.push_str(&piece.xml10_content()),
                Event::CData(piece) => text.push_str(&piece.xml10_content()),
                Event::GeneralRef(named) => text.push(self.character(&named)?),
                Event::DocType(_) => {
                    let message =
                        "the file has a document type, which is never read: remove the line that begins with <!DOCTYPE";
                    return Err(Unfit::on_line(self.place.line(), message));
                }
                Event::Eof => {
                    self.complete()?;
                    break;
                }
                Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
            if text.len() > BYTES_MAX {
                return Err(self.too_much());
            }
        }
        Ok(Found { tables: (0..self.wanted.tables.len()).collect(), ..Found::default() })
    }

    /// The file ended: nothing may be open, and the path of the record must lead somewhere.
    fn complete(&self) -> Result<(), Unfit> {
        if let Some(open) = self.names.last() {
            return Err(Unfit::on_line(
                self.place.line(),
                format!("the file ends within the element {open}: send the whole file"),
            ));
        }
        if self.reached + 1 < self.record.len() {
            let message = format!(
                "the file has no element {}: give the file that the mapping describes, or correct `record`",
                self.record[..=self.reached].join("/")
            );
            return Err(Unfit::wrong(message));
        }
        Ok(())
    }

    fn malformed(&self, error: quick_xml::Error) -> Unfit {
        let line = self.place.line();
        match error {
            quick_xml::Error::Io(source) => Unfit::of(line, io::Error::new(source.kind(), source.to_string())),
            _ => Unfit::on_line(
                line,
                "this is not well-formed XML: check that every element is closed and every & is written &amp;",
            ),
        }
    }

    fn too_much(&self) -> Unfit {
        let message = format!(
            "one {} is larger than {} MiB: check for a missing end tag",
            self.record.join("/"),
            BYTES_MAX >> 20
        );
        Unfit::on_line(self.place.line(), message)
    }

    fn too_long(&self) -> Unfit {
        let message = format!(
            "an element has a name longer than {NAME_MAX} bytes or more than {ATTRIBUTES_MAX} attributes: check for a \
             missing >"
        );
        Unfit::on_line(self.place.line(), message)
    }

    /// The character that a reference stands for.
    fn character(&self, named: &BytesRef<'_>) -> Result<char, Unfit> {
        let wrong = || {
            let message =
                "an entity that XML itself does not define: write the character, or &lt; &gt; &amp; &quot; &apos;";
            Unfit::on_line(self.place.line(), message)
        };
        if named.is_char_ref() {
            return named.resolve_char_ref().ok().flatten().ok_or_else(wrong);
        }
        match &**named {
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "amp" => Ok('&'),
            "quot" => Ok('"'),
            "apos" => Ok('\''),
            _ => Err(wrong()),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), Unfit> {
        let name = start.local_name().as_ref().to_owned();
        if name.len() > NAME_MAX {
            return Err(self.too_long());
        }
        self.names.push(name.clone());
        if self.names.len() > DEPTH_MAX {
            let message = format!("elements are nested more than {DEPTH_MAX} deep: check for a missing end tag");
            return Err(Unfit::on_line(self.place.line(), message));
        }
        let is_on_the_way = self.record.starts_with(&self.names);
        self.reached = if is_on_the_way { self.reached.max(self.names.len()) } else { self.reached };
        if self.open.is_empty() && self.names != self.record {
            return Ok(());
        }
        let line = self.place.line();
        let mut node = Node { name, line, ..Node::default() };
        for (nth, attribute) in start.attributes().enumerate() {
            let attribute = attribute.map_err(|error| self.malformed(error.into()))?;
            if nth >= ATTRIBUTES_MAX || attribute.key.as_ref().len() > NAME_MAX {
                return Err(self.too_long());
            }
            let text = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| self.malformed(error))?;
            self.size.bytes += text.len() + attribute.key.as_ref().len();
            self.size.nodes += 1;
            let name = format!("@{}", attribute.key.local_name().as_ref());
            node.inside.push(Node { name, line, text: text.into_owned(), inside: Vec::new() });
        }
        self.size.nodes += 1;
        self.size.bytes += node.name.len();
        self.open.push(node);
        if self.size.nodes > NODES_MAX || self.size.bytes > BYTES_MAX { Err(self.too_much()) } else { Ok(()) }
    }

    /// Text before an element belongs to the element around it only if that one has no others.
    fn text(&mut self, text: &mut String, take: &mut Take<'_>) -> ControlFlow<()> {
        let stray = !text.trim().is_empty();
        text.clear();
        if stray { self.stray(take) } else { ControlFlow::Continue(()) }
    }

    /// Reports text between elements. It is not repeated, because it may be anything.
    fn stray(&self, take: &mut Take<'_>) -> ControlFlow<()> {
        let message =
            "text between elements belongs to none of them and was left out: remove it, or put it into its element";
        let error = LineError::at(self.names.join("/"), message);
        take(Row { table: None, line: self.place.line(), cells: Err(error) })
    }

    fn end(&mut self, text: &mut String, take: &mut Take<'_>) -> ControlFlow<()> {
        let is_blank = text.trim().is_empty();
        let mut flow = ControlFlow::Continue(());
        if let Some(mut node) = self.open.pop() {
            let has_elements = node.inside.iter().any(|inner| !inner.name.starts_with('@'));
            if has_elements && !is_blank {
                flow = self.stray(take);
            } else if !has_elements {
                self.size.bytes += text.len();
                node.text = std::mem::take(text);
            }
            if let Some(outer) = self.open.last_mut() {
                outer.inside.push(node);
            } else {
                if flow.is_continue() {
                    flow = tree::rows(&node, &self.wanted.tables, &self.head, take);
                }
                self.size = Size::default();
            }
        } else if !is_blank {
            self.head.keep(&self.names, text.trim());
        }
        text.clear();
        self.names.pop();
        flow
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{rows, table, wanted};
    use super::super::{Format, Table};
    use super::*;

    fn census() -> Wanted {
        let child = table("child", &["Ids/Id", "/Header/Year"]);
        let element = ["Need", "Plan"].map(str::to_owned).to_vec();
        let plan = Table { element, ..table("plan", &["Start", "../Date", "../../Ids/Id", "@kind"]) };
        Wanted { record: Some("Message/Children/Child".to_owned()), ..wanted(Format::Xml, vec![child, plan]) }
    }

    fn refused(content: &str) -> String {
        rows(content.as_bytes(), &census()).expect_err("refused").to_string()
    }

    fn message(children: &str) -> String {
        format!("<Message>\n<Header><Year>2024</Year></Header>\n<Children>{children}</Children></Message>")
    }

    #[test]
    fn every_table_finds_its_elements_and_the_values_around_them() {
        let children = "\n<x:Child xmlns:x='u'><Ids><Id> A&amp;1 </Id></Ids><Need><Date>d</Date><Plan kind='k'>\
                        <Start>s</Start></Plan><Plan/></Need></x:Child>\n\
                        <Child><Ids><Id>2</Id><Id>3</Id></Ids></Child>";
        let (read, _) = rows(message(children).as_bytes(), &census()).expect("a census");
        assert_eq!(read, ["0 4: A&1|2024", "1 4: s|d|A&1|k", "1 4: |d|A&1|", "0 5: x2|2024"]);
    }

    #[test]
    fn text_between_elements_is_reported_with_its_place_and_the_rest_is_read() {
        let (read, _) =
            rows(message("<Child><Ids><Id>1</Id>secret</Ids></Child>").as_bytes(), &census()).expect("read");
        assert_eq!(read.len(), 2);
        assert!(read[0].starts_with("- 3: ! Message/Children/Child/Ids: text between elements"), "{read:?}");
        assert!(!read[0].contains("secret"));
        assert_eq!(read[1], "0 3: 1|2024");
    }

    #[test]
    fn entities_that_a_file_defines_and_document_types_are_refused() {
        let bomb = "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]><Message>&lol2;</Message>";
        assert!(refused(bomb).starts_with("line 1: the file has a document type"));
        let outside = "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><Message/>";
        assert!(refused(outside).contains("document type"));
        assert!(refused(&message("<Child><Ids><Id>&lol;</Id></Ids></Child>")).contains("an entity that XML itself"));
    }

    #[test]
    fn deep_nesting_open_ends_and_other_files_are_refused_with_their_place() {
        let deep = format!("<Message><Children><Child>{}", "<a>".repeat(100_000));
        assert!(refused(&deep).contains("nested more than 64 deep"));
        assert!(refused("<Message>\n<Children>").contains("line 2: the file ends within the element Children"));
        assert!(refused("<Message>\n<a></b>").contains("not well-formed XML"));
        assert!(refused("<Other/>").contains("the file has no element Message:"));
        assert!(refused("<Message/>").contains("the file has no element Message/Children:"));
        assert!(rows(message("").as_bytes(), &census()).expect("no children").0.is_empty());
    }

    #[test]
    fn long_names_and_many_attributes_are_refused() {
        let name = "n".repeat(2_000);
        assert!(refused(&message(&format!("<Child><{name}/></Child>"))).contains("a name longer than 1000"));
        let attributes: Vec<String> = (0..100_000).map(|nth| format!(" a{nth}=''")).collect();
        let attributes = attributes.concat();
        assert!(refused(&message(&format!("<Child{attributes}/>"))).contains("more than 1000 attributes"));
    }

    #[test]
    fn what_stands_at_the_top_of_a_file_is_kept_up_to_a_limit() {
        let long = format!("<Long>{}</Long>", "x".repeat(2 << 20));
        let content = message("<Child><Ids><Id>1</Id></Ids></Child>").replace("<Year>", &format!("{long}<Year>"));
        assert_eq!(rows(content.as_bytes(), &census()).expect("a census").0, ["0 3: 1|2024"]);
    }

    #[test]
    fn a_value_without_an_end_is_refused_before_it_is_in_memory() {
        let long = format!("<Message><Children><Child><Ids><Id>{}", "x".repeat(20 << 20));
        assert!(refused(&long).contains("a value is longer than 8 MiB"), "{}", refused(&long));
    }
}
