//! A table as Parquet: typed columns in groups of rows, compressed with Snappy, with the table's description in the
//! metadata.
//!
//! One group is in memory at a time, by column. Decimals and amounts are 64-bit decimals, never floats.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate};
use parquet::basic::{Compression, DecimalType, LogicalType, Repetition, TimeUnit, TimestampType, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};
use rust_decimal::Decimal;

use super::{Output, TableWriter, WriteError, scale};
use crate::export::schema;
use crate::export::table::Description;
use crate::export::tables::{Cell, Head, Kind, Row};

/// The rows of a group.
const ROWS: usize = 65_536;
/// The digits of a 64-bit decimal.
const DIGITS: u32 = 18;
/// The bytes of an id.
const ID_BYTES: usize = 16;
/// The key of the description in the metadata.
const DESCRIPTION: &str = "throughline";

/// A file that is being written.
pub(super) struct Groups {
    writer: SerializedFileWriter<Output>,
    columns: Vec<Chunk>,
    /// The rows of the present group.
    rows: usize,
    /// The rows of a full group.
    most: usize,
}

impl Groups {
    pub(super) fn of(described: &Description, out: Output) -> Result<Self, WriteError> {
        Self::with(described, out, ROWS)
    }

    /// A file whose groups have this number of rows.
    pub(super) fn with(described: &Description, out: Output, most: usize) -> Result<Self, WriteError> {
        let fields = described.columns.iter().map(|head| field(head, &described.currency));
        let fields = fields.collect::<Result<Vec<TypePtr>, ParquetError>>()?;
        let table = Type::group_type_builder(described.table.as_str()).with_fields(fields).build()?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("throughline ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(metadata(described)))
            .build();
        let writer = SerializedFileWriter::new(out, Arc::new(table), Arc::new(properties))?;
        let columns = described.columns.iter().map(|head| Chunk::of(head, &described.currency)).collect();
        Ok(Self { writer, columns, rows: 0, most })
    }

    /// Writes the present group, if it has rows.
    fn flush(&mut self) -> Result<(), WriteError> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for chunk in &mut self.columns {
            let mut column = group.next_column()?.expect("the file has a column for each of the table");
            chunk.write(&mut column)?;
            column.close()?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl TableWriter for Groups {
    fn rows(&mut self, rows: &[Row]) -> Result<(), WriteError> {
        for row in rows {
            for (chunk, cell) in self.columns.iter_mut().zip(row) {
                chunk.add(cell)?;
            }
            self.rows += 1;
            if self.rows == self.most {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        self.flush()?;
        self.writer.finish()?;
        Ok(std::io::Write::flush(self.writer.inner_mut())?)
    }
}

/// The description of the table, whole and column by column.
fn metadata(described: &Description) -> Vec<KeyValue> {
    let whole = KeyValue::new(DESCRIPTION.to_owned(), schema::of(described).to_string());
    let columns = described.columns.iter();
    let columns =
        columns.map(|head| KeyValue::new(format!("{DESCRIPTION}.column.{}", head.name), head.meaning.clone()));
    std::iter::once(whole).chain(columns).collect()
}

/// A column of the file.
fn field(head: &Head, currency: &str) -> Result<TypePtr, ParquetError> {
    let decimal = || {
        let digits = |number: u32| i32::try_from(number).expect("few digits");
        let (scale, precision) = (digits(scale(head.kind, currency)), digits(DIGITS));
        (LogicalType::Decimal(DecimalType { scale, precision }), scale, precision)
    };
    let (physical, logical) = match head.kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Integer => (Physical::INT64, None),
        Kind::Decimal | Kind::Money => (Physical::INT64, Some(decimal().0)),
        Kind::Date => (Physical::INT32, Some(LogicalType::Date)),
        Kind::Instant => {
            let micros = TimestampType { is_adjusted_to_u_t_c: true, unit: TimeUnit::MICROS };
            (Physical::INT64, Some(LogicalType::Timestamp(micros)))
        }
        Kind::Uuid => (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid)),
        Kind::Boolean => (Physical::BOOLEAN, None),
    };
    let repetition = if head.is_optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let mut builder =
        Type::primitive_type_builder(&head.name, physical).with_repetition(repetition).with_logical_type(logical);
    if head.kind == Kind::Uuid {
        builder = builder.with_length(i32::try_from(ID_BYTES).expect("few bytes"));
    }
    if matches!(head.kind, Kind::Decimal | Kind::Money) {
        let (_, scale, precision) = decimal();
        builder = builder.with_scale(scale).with_precision(precision);
    }
    builder.build().map(Arc::new)
}

/// The values of a column in the present group.
struct Chunk {
    name: String,
    scale: u32,
    values: Values,
    /// For each row, whether it has a value. None if every row has one.
    present: Option<Vec<i16>>,
}

/// Values of one type.
enum Values {
    Flags(Vec<bool>),
    Days(Vec<i32>),
    Numbers(Vec<i64>),
    /// The bytes of all texts, and where each ends.
    Texts(Vec<u8>, Vec<usize>),
    /// The bytes of all ids.
    Ids(Vec<u8>),
}

impl Chunk {
    fn of(head: &Head, currency: &str) -> Self {
        let values = match head.kind {
            Kind::Boolean => Values::Flags(Vec::new()),
            Kind::Date => Values::Days(Vec::new()),
            Kind::Integer | Kind::Decimal | Kind::Money | Kind::Instant => Values::Numbers(Vec::new()),
            Kind::Text => Values::Texts(Vec::new(), Vec::new()),
            Kind::Uuid => Values::Ids(Vec::new()),
        };
        let present = head.is_optional.then(Vec::new);
        Self { name: head.name.clone(), scale: scale(head.kind, currency), values, present }
    }

    fn add(&mut self, cell: &Cell) -> Result<(), WriteError> {
        if let Some(present) = &mut self.present {
            present.push(i16::from(*cell != Cell::Null));
        }
        match (&mut self.values, cell) {
            (_, Cell::Null) if self.present.is_some() => {}
            (Values::Flags(flags), Cell::Boolean(flag)) => flags.push(*flag),
            (Values::Days(days), Cell::Date(day)) => days.push(since_1970(*day)),
            (Values::Numbers(numbers), Cell::Integer(number)) => numbers.push(*number),
            (Values::Numbers(numbers), Cell::Instant(at)) => numbers.push(at.timestamp_micros()),
            (Values::Numbers(numbers), Cell::Decimal(number)) => {
                numbers.push(minor(*number, self.scale).ok_or_else(|| digits(&self.name, *number, self.scale))?);
            }
            (Values::Numbers(numbers), Cell::Money(amount)) => {
                let amount = amount.amount();
                numbers.push(minor(amount, self.scale).ok_or_else(|| digits(&self.name, amount, self.scale))?);
            }
            (Values::Texts(bytes, ends), Cell::Text(text)) => {
                bytes.extend_from_slice(text.as_bytes());
                ends.push(bytes.len());
            }
            (Values::Ids(bytes), Cell::Uuid(id)) => bytes.extend_from_slice(id.as_bytes()),
            (_, cell) => unreachable!("column {} holds no {cell:?}", self.name),
        }
        Ok(())
    }

    /// Writes the values and forgets them.
    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let present = self.present.as_mut().map(std::mem::take);
        let present = present.as_deref();
        match &mut self.values {
            Values::Flags(flags) => {
                column.typed::<BoolType>().write_batch(&std::mem::take(flags), present, None)?;
            }
            Values::Days(days) => {
                column.typed::<Int32Type>().write_batch(&std::mem::take(days), present, None)?;
            }
            Values::Numbers(numbers) => {
                column.typed::<Int64Type>().write_batch(&std::mem::take(numbers), present, None)?;
            }
            Values::Texts(bytes, ends) => {
                let (bytes, ends) = (ByteArray::from(std::mem::take(bytes)), std::mem::take(ends));
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let texts: Vec<ByteArray> =
                    starts.zip(&ends).map(|(start, end)| bytes.slice(start, end - start)).collect();
                column.typed::<ByteArrayType>().write_batch(&texts, present, None)?;
            }
            Values::Ids(bytes) => {
                let (count, bytes) = (bytes.len() / ID_BYTES, ByteArray::from(std::mem::take(bytes)));
                let id = |nth: usize| FixedLenByteArray::from(bytes.slice(nth * ID_BYTES, ID_BYTES));
                let ids: Vec<FixedLenByteArray> = (0..count).map(id).collect();
                column.typed::<FixedLenByteArrayType>().write_batch(&ids, present, None)?;
            }
        }
        Ok(())
    }
}

/// A day as the number of days since 1 January 1970.
fn since_1970(day: NaiveDate) -> i32 {
    let days = (day - DateTime::UNIX_EPOCH.date_naive()).num_days();
    i32::try_from(days).expect("every date is fewer days away")
}

/// A decimal in units of its last digit. None if it has more digits than fit.
fn minor(number: Decimal, scale: u32) -> Option<i64> {
    let mut scaled = number;
    scaled.rescale(scale);
    let units = i64::try_from(scaled.mantissa()).ok()?;
    (scaled == number && units.unsigned_abs() < 10_u64.pow(DIGITS)).then_some(units)
}

fn digits(column: &str, value: Decimal, scale: u32) -> WriteError {
    WriteError::Digits { column: column.to_owned(), value, scale }
}
