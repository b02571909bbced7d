//! Splits a body of the type `multipart/form-data` into its files (RFC 7578).
//!
//! It reads the body once and keeps no more of it in memory than one piece. Nothing in it is trusted: a part without the
//! name of a file, headers without an end and a body that breaks off are refused.

use std::io::{self, Read, Write};

/// The most bytes of the headers of a part.
const HEADERS_MAX: usize = 8 * 1024;
/// The most files of a body.
pub(super) const FILES_MAX: usize = 32;
/// The bytes that are read at once.
const PIECE: usize = 64 * 1024;
/// The most characters of a boundary (RFC 2046).
const BOUNDARY_MAX: usize = 70;

/// Why a body cannot be split.
#[derive(Debug, thiserror::Error)]
pub(super) enum SplitError {
    /// It is not what its type says.
    #[error("{0}")]
    Wrong(&'static str),
    /// The system failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

const CUT_OFF: SplitError = SplitError::Wrong("the body ends within a part: send it again");

/// The boundary between the parts, from the header `Content-Type`.
pub(super) fn boundary(content_type: &str) -> Option<String> {
    let parameters = content_type.split(';').skip(1);
    let named = parameters.filter_map(|parameter| parameter.trim().split_once('='));
    let mut named = named.filter(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"));
    let boundary = named.next()?.1.trim().trim_matches('"').to_owned();
    (!boundary.is_empty() && boundary.len() <= BOUNDARY_MAX).then_some(boundary)
}

/// A body that is being split.
struct Body<R> {
    from: R,
    held: Vec<u8>,
}

impl<R: Read> Body<R> {
    /// Reads on. Returns whether there was more.
    fn fill(&mut self) -> io::Result<bool> {
        let before = self.held.len();
        self.held.resize(before + PIECE, 0);
        let read = loop {
            match self.from.read(&mut self.held[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.held.truncate(before + read.as_ref().copied().unwrap_or_default());
        Ok(read? > 0)
    }

    /// Copies everything before a mark, and takes the mark away.
    fn until(&mut self, mark: &[u8], to: &mut dyn Write) -> Result<(), SplitError> {
        loop {
            if let Some(at) = self.held.windows(mark.len()).position(|window| window == mark) {
                to.write_all(&self.held[..at])?;
                self.held.drain(..at + mark.len());
                return Ok(());
            }
            let sure = self.held.len().saturating_sub(mark.len() - 1);
            to.write_all(&self.held[..sure])?;
            self.held.drain(..sure);
            if !self.fill()? {
                return Err(CUT_OFF);
            }
        }
    }

    /// The next two bytes.
    fn two(&mut self) -> Result<[u8; 2], SplitError> {
        while self.held.len() < 2 {
            if !self.fill()? {
                return Err(CUT_OFF);
            }
        }
        let two = [self.held[0], self.held[1]];
        self.held.drain(..2);
        Ok(two)
    }
}

/// A text that may not grow without end.
struct Limited(Vec<u8>);

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > HEADERS_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Splits a body. `begin` makes the place for the next file. Returns the names of the files.
pub(super) fn split<W: Write>(
    from: impl Read,
    boundary: &str,
    mut begin: impl FnMut(usize) -> io::Result<W>,
) -> Result<Vec<String>, SplitError> {
    let mark = format!("\r\n--{boundary}").into_bytes();
    // The first boundary has no line before it.
    let mut body = Body { from, held: b"\r\n".to_vec() };
    let mut names = Vec::new();
    body.until(&mark, &mut io::sink())?;
    loop {
        match &body.two()? {
            b"--" if names.is_empty() => return Err(SplitError::Wrong("the body has no file: curl -F file=@NAME")),
            b"--" => return Ok(names),
            b"\r\n" => {}
            _ => return Err(SplitError::Wrong("a boundary is not the end of its line: send the body again")),
        }
        if names.len() == FILES_MAX {
            return Err(SplitError::Wrong("the body has more than 32 files: send fewer at once"));
        }
        let mut headers = Limited(Vec::new());
        body.until(b"\r\n\r\n", &mut headers).map_err(|error| match error {
            SplitError::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                SplitError::Wrong("the headers of a part are too long: send the body again")
            }
            other => other,
        })?;
        let name = file_name(&headers.0).ok_or(SplitError::Wrong("every part must be a file: curl -F file=@NAME"))?;
        let mut file = begin(names.len())?;
        body.until(&mark, &mut file)?;
        file.flush()?;
        names.push(name);
    }
}

/// The name of the file of a part, without its folders.
fn file_name(headers: &[u8]) -> Option<String> {
    let headers = String::from_utf8_lossy(headers);
    let disposition = headers.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let (_, after) = disposition.split_once("filename=\"")?;
    let (name, _) = after.split_once('"')?;
    plain_name(name)
}

/// The name of a file as messages and patterns use it: without folders and control characters. `None` if nothing is
/// left.
pub(super) fn plain_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|c| !c.is_control()).take(200).collect();
    (!name.trim().is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    /// A file in memory that outlives the splitting.
    #[derive(Clone, Default)]
    struct Kept(Rc<RefCell<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Gives its bytes in small pieces.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(3).min(to.len());
            to[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn files(body: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
        let mut kept: Vec<Kept> = Vec::new();
        let names = split(Slow(body), "b1", |_| {
            kept.push(Kept::default());
            Ok(kept[kept.len() - 1].clone())
        });
        let names = names.map_err(|error| error.to_string())?;
        Ok(names.into_iter().zip(kept.iter().map(|kept| kept.0.borrow().clone())).collect())
    }

    fn part(name: &str, content: &str) -> String {
        format!(
            "--b1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/csv\r\n\
             \r\n{content}\r\n"
        )
    }

    #[test]
    fn files_come_out_byte_for_byte_whatever_the_pieces() {
        let content = "a,b\r\n1,--b1x\r\n\r\n--b";
        let body = format!("{}{}--b1--\r\n", part("one.csv", content), part("C:\\lists\\two.csv", ""));
        let found = files(body.as_bytes()).expect("two files");
        let expected = [("one.csv".to_owned(), content.as_bytes().to_vec()), ("two.csv".to_owned(), Vec::new())];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_body_that_is_not_whole_or_has_other_fields_is_refused() {
        let whole = format!("{}--b1--\r\n", part("one.csv", "a"));
        for cut in 1..whole.len() - 4 {
            let refused = files(&whole.as_bytes()[..cut]).expect_err("it is cut off");
            assert!(refused.contains("send") || refused.contains("ends"), "{cut}: {refused}");
        }
        let field = "--b1\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nx\r\n--b1--\r\n";
        assert!(files(field.as_bytes()).expect_err("no file").starts_with("every part must be a file"));
        assert!(files(b"--b1--\r\n").expect_err("nothing").starts_with("the body has no file"));
        let endless = format!("--b1\r\nX: {}\r\n\r\n", "y".repeat(HEADERS_MAX));
        assert!(files(endless.as_bytes()).expect_err("too long").starts_with("the headers"));
    }

    #[test]
    fn a_boundary_is_read_from_the_content_type() {
        assert_eq!(boundary("multipart/form-data; boundary=----x").as_deref(), Some("----x"));
        assert_eq!(boundary("multipart/form-data; charset=utf-8; Boundary=\"a b\"").as_deref(), Some("a b"));
        assert_eq!(boundary("multipart/form-data"), None);
    }
}
