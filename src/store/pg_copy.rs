//! Decodes rows of Postgres's binary COPY format, however the bytes are split.
//!
//! It knows frames and fields, but not what a field means.

/// The signature, the flags and the length of an unused extension.
const HEADER: usize = 11 + 4 + 4;

/// The bytes of a COPY, as they arrive.
#[derive(Default)]
pub(crate) struct CopyDecoder {
    bytes: Vec<u8>,
    at: usize,
    has_begun: bool,
}

/// The fields of one row. `None` for a null.
pub(crate) struct Fields<'b>(&'b [u8]);

impl CopyDecoder {
    /// Adds the next piece.
    pub(crate) fn take(&mut self, piece: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(piece);
    }

    /// The next complete row.
    pub(crate) fn next_row(&mut self) -> Option<Fields<'_>> {
        if !self.has_begun {
            self.bytes.get(..HEADER)?;
            (self.at, self.has_begun) = (HEADER, true);
        }
        let count = i16::from_be_bytes(*self.bytes[self.at..].first_chunk()?);
        let (begin, mut end) = (self.at + 2, self.at + 2);
        // The end marker has a count that is not a number of fields.
        for _ in 0..usize::try_from(count).ok()? {
            let length = i32::from_be_bytes(*self.bytes.get(end..)?.first_chunk()?);
            end += 4 + usize::try_from(length).unwrap_or_default();
        }
        self.bytes.get(begin..end)?;
        self.at = end;
        Some(Fields(&self.bytes[begin..end]))
    }
}

impl<'b> Iterator for Fields<'b> {
    type Item = Option<&'b [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.0.split_first_chunk()?;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            self.0 = rest;
            return Some(None);
        };
        let (field, rest) = rest.split_at(length);
        self.0 = rest;
        Some(Some(field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row = Vec<Option<Vec<u8>>>;

    fn framed(rows: &[Row]) -> Vec<u8> {
        let mut bytes = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
        for row in rows {
            bytes.extend(i16::try_from(row.len()).expect("few fields").to_be_bytes());
            for field in row {
                let length = field.as_ref().map_or(-1, |field| i32::try_from(field.len()).expect("short"));
                bytes.extend(length.to_be_bytes());
                bytes.extend(field.iter().flatten());
            }
        }
        bytes.extend([0xff, 0xff]);
        bytes
    }

    #[test]
    fn rows_are_read_however_their_bytes_are_split() {
        let field = |text: &str| Some(text.as_bytes().to_vec());
        let rows = [vec![field("one"), None], vec![field(""), field("two")], vec![None, field("and three")]];
        let bytes = framed(&rows);
        for cut in 1..=bytes.len() {
            let (mut decoder, mut read): (CopyDecoder, Vec<Row>) = (CopyDecoder::default(), Vec::new());
            for piece in bytes.chunks(cut) {
                decoder.take(piece);
                while let Some(fields) = decoder.next_row() {
                    read.push(fields.map(|field| field.map(<[u8]>::to_vec)).collect());
                }
            }
            assert_eq!(read, rows, "cut every {cut} bytes");
        }
    }
}
