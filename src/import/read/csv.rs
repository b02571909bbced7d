//! Reads CSV files: a header, then a row a line. Any separator, any of the known encodings.

use std::fs::File;

use super::flat::{Columns, is_blank};
use super::records::Records;
use super::text::Decoded;
use super::{Found, Inspected, Take, Unfit, Wanted, table_of};

pub(super) fn read(
    name: &str,
    file: File,
    inspected: &Inspected,
    wanted: &Wanted,
    take: &mut Take<'_>,
) -> Result<Found, Unfit> {
    let at = table_of(name, wanted)?;
    let mut records = records(file, inspected, wanted);
    let (mut line, header) = first(&mut records)?;
    let needed = wanted.tables[at].columns.iter().filter(|column| !column.is_optional).count();
    if header.len() == 1 && needed > 1 {
        let message = format!(
            "the header is one column, but the table {} needs {needed}: name the separator of the file in the mapping, \
             such as separator = \";\", or correct the header",
            wanted.tables[at].name
        );
        return Err(Unfit::on_line(line, message));
    }
    let columns = Columns::of(line, &header, (at, &wanted.tables[at]))?;
    let mut found = Found::default();
    columns.add_to(&mut found, &header, &wanted.tables[at]);
    while let Some((next, fields)) = records.next(Some(columns.count())).map_err(|source| Unfit::of(line, source))? {
        line = next;
        let row = match fields {
            // Spreadsheets leave empty rows at the end or between rows.
            Ok(fields) if is_blank(&fields) => continue,
            Ok(fields) => columns.row(line, &fields),
            Err(error) => columns.unreadable(line, error),
        };
        if take(row).is_break() {
            break;
        }
    }
    Ok(found)
}

pub(super) fn header(file: File, inspected: &Inspected, wanted: &Wanted) -> Result<Vec<String>, Unfit> {
    Ok(first(&mut records(file, inspected, wanted))?.1)
}

fn records(file: File, inspected: &Inspected, wanted: &Wanted) -> Records<Decoded<File>> {
    Records::of(Decoded::of(file, inspected.character), wanted.separator)
}

/// The first record that is not blank, with its line.
fn first(records: &mut Records<Decoded<File>>) -> Result<(u64, Vec<String>), Unfit> {
    loop {
        let next = records.next(None).map_err(|source| Unfit::of(0, source))?;
        let (line, header) = next.ok_or_else(|| Unfit::wrong("the file is empty: give a file with a header"))?;
        let header = header.map_err(|error| Unfit::on_line(line, format!("the header: {error}")))?;
        if !is_blank(&header) {
            return Ok((line, header));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{rows, table, wanted};
    use super::super::{Column, Format};
    use super::*;

    fn referrals() -> Wanted {
        let mut table = table("referrals", &["id", "area"]);
        table.columns.push(Column { name: "note".to_owned(), is_optional: true });
        wanted(Format::Csv, vec![table])
    }

    #[test]
    fn columns_are_found_in_any_order_and_an_optional_one_may_be_absent() {
        let (read, found) = rows(b" id ,extra,AREA\n1,x,mid\n\n2,,\"a\nb\"\n", &referrals()).expect("a file");
        assert_eq!(read, ["0 2: 1|mid|?", "0 4: 2|a\nb|?"]);
        assert_eq!((found.left_out, found.absent), (vec!["extra".to_owned()], vec!["note".to_owned()]));
    }

    #[test]
    fn other_separators_keep_empty_fields_at_both_ends() {
        let wanted = Wanted { separator: b'\t', ..referrals() };
        let (read, _) = rows(b"id\tarea\tnote\n\tmid\t\n1\tmid\tx\n", &wanted).expect("a file");
        assert_eq!(read, ["0 2: |mid|", "0 3: 1|mid|x"]);
    }

    #[test]
    fn another_encoding_of_the_same_rows_is_the_same_rows() {
        let text = "id,area\n1,café\n";
        let utf16: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let windows = b"id,area\n1,caf\xe9\n".to_vec();
        for content in [text.as_bytes().to_vec(), utf16, windows] {
            assert_eq!(rows(&content, &referrals()).expect("a file").0, ["0 2: 1|café|?"]);
        }
    }

    #[test]
    fn a_header_without_a_column_refuses_the_file_and_a_bad_row_only_itself() {
        let error = rows(b"id,locality\n1,x\n", &referrals()).expect_err("no area").to_string();
        assert!(
            error.starts_with("line 1: the header of the table referrals lacks the column area, but has id, locality")
        );
        let error = rows(b"id;area\n1;x\n", &referrals()).expect_err("another separator").to_string();
        assert!(error.starts_with("line 1: the header is one column, but the table referrals needs 2"), "{error}");
        let (read, _) = rows(b"id,area\n1\n2,\"open\n3,mid\n", &referrals()).expect("a file");
        assert_eq!(read.len(), 3);
        assert!(read[0].contains("! 1 fields, but 2 columns") && read[1].contains("! a quotation mark"), "{read:?}");
        assert_eq!(read[2], "0 4: 3|mid|?");
    }

    #[test]
    fn a_row_is_kept_only_if_it_is_short() {
        let content = format!("id,area,other\n1,{},x\n2,mid,{}\n", "x".repeat(100_000), "x".repeat(100_000));
        let (read, _) = rows(content.as_bytes(), &referrals()).expect("a file");
        assert!(read[0].contains("more than 64 KiB"), "{}", read[0]);
        assert_eq!(read[1], "0 3: 2|mid|?", "a column that is not read may be long");
    }

    #[test]
    fn a_field_without_an_end_is_refused_and_not_kept() {
        let mut content = b"id,area\n1,".to_vec();
        content.resize(content.len() + (20 << 20), b'x');
        content.extend_from_slice(b"\n2,mid\n");
        let (read, _) = rows(&content, &referrals()).expect("a file");
        assert!(read[0].contains("longer than 8 MiB"), "{}", read[0]);
        assert_eq!(read[1], "0 3: 2|mid|?");
    }
}
