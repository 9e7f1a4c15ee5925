//! Rows of JSON into a Parquet file: the same events, sessions and failures in typed columns, for databases.
//!
//! Takes the lines that `--as ndjson` prints, so that both forms can't tell different things, and so that what is secret,
//! filtered or under other names is so here too. Rows are gathered up to a bound and written as a group. What has no column
//! of its own is in the last one as JSON. Adds up nothing.

mod columns;

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Map, Value};

pub use columns::Table;
use columns::{Column, Kind};

use crate::limits;

/// A file that is being written; rows come as lines of JSON.
pub struct Rows<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Filled>,
    /// The beginning of a line whose end did not come yet.
    open: Vec<u8>,
    /// Rows of this group, and bytes of their lines.
    count: usize,
    bytes: usize,
}

/// A column with the values of a group of rows.
struct Filled {
    column: &'static Column,
    /// For each row, and each text of several, whether there is a value.
    there: Vec<i16>,
    /// Of several texts: 0 where a row begins, 1 for those behind the first.
    behind: Vec<i16>,
    values: Values,
}

enum Values {
    Texts(Vec<ByteArray>),
    Codes(Vec<i32>),
    Numbers(Vec<i64>),
    Seconds(Vec<f64>),
    Flags(Vec<bool>),
}

impl Filled {
    fn new(column: &'static Column) -> Self {
        Self {
            column,
            there: Vec::new(),
            behind: Vec::new(),
            values: match column.kind {
                Kind::Text | Kind::Rest | Kind::Texts => Values::Texts(Vec::new()),
                Kind::Code => Values::Codes(Vec::new()),
                Kind::Number | Kind::Time => Values::Numbers(Vec::new()),
                Kind::Seconds => Values::Seconds(Vec::new()),
                Kind::Flag => Values::Flags(Vec::new()),
            },
        }
    }

    /// Adds what a row holds in this column.
    fn add(&mut self, row: &Value, rest: &Value) {
        let value = match self.column.kind {
            Kind::Rest => Some(rest),
            _ => row.pointer(self.column.pointer),
        };
        let Some(value) = value.filter(|value| !value.is_null()) else {
            self.there.push(0);
            self.behind.push(0);
            return;
        };
        let is_there = match (&mut self.values, self.column.kind) {
            (Values::Texts(texts), Kind::Texts) => {
                let list = value.as_array().map_or(&[][..], Vec::as_slice);
                let before = texts.len();
                texts.extend(list.iter().filter_map(text));
                let added = texts.len() - before;
                self.there
                    .resize(self.there.len() + added.max(1), i16::from(added > 0));
                self.behind.push(0);
                self.behind
                    .resize(self.behind.len() + added.saturating_sub(1), 1);
                return;
            }
            (Values::Texts(texts), Kind::Rest) => {
                texts.push(ByteArray::from(value.to_string().into_bytes()));
                true
            }
            (Values::Texts(texts), _) => push(texts, text(value)),
            (Values::Codes(codes), _) => {
                push(codes, value.as_i64().and_then(|n| n.try_into().ok()))
            }
            (Values::Numbers(numbers), Kind::Time) => push(numbers, micros(value)),
            (Values::Numbers(numbers), _) => push(numbers, number(value)),
            (Values::Seconds(seconds), _) => push(seconds, value.as_f64()),
            (Values::Flags(flags), _) => push(flags, value.as_bool()),
        };
        self.there.push(i16::from(is_there));
        self.behind.push(0);
    }

    /// Hands the values over, and forgets them.
    fn write(&mut self, writer: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        let there = Some(self.there.as_slice());
        let behind = (self.column.kind == Kind::Texts).then_some(self.behind.as_slice());
        let written = match (&self.values, writer) {
            (Values::Texts(values), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                writer.write_batch(values, there, behind)
            }
            (Values::Codes(values), ColumnWriter::Int32ColumnWriter(writer)) => {
                writer.write_batch(values, there, behind)
            }
            (Values::Numbers(values), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(values, there, behind)
            }
            (Values::Seconds(values), ColumnWriter::DoubleColumnWriter(writer)) => {
                writer.write_batch(values, there, behind)
            }
            (Values::Flags(values), ColumnWriter::BoolColumnWriter(writer)) => {
                writer.write_batch(values, there, behind)
            }
            _ => Err(ParquetError::General(format!(
                "column {}",
                self.column.name
            ))),
        };
        *self = Self::new(self.column);
        written.map(drop)
    }
}

/// True where there was something to add.
fn push<T>(values: &mut Vec<T>, value: Option<T>) -> bool {
    let is_there = value.is_some();
    values.extend(value);
    is_there
}

fn text(value: &Value) -> Option<ByteArray> {
    value.as_str().map(ByteArray::from)
}

/// Numbers beyond what the column can hold stay at its bound.
fn number(value: &Value) -> Option<i64> {
    let unsigned = value.as_u64().map(|n| i64::try_from(n).unwrap_or(i64::MAX));
    value.as_i64().or(unsigned)
}

/// RFC 3339 into microseconds; what is finer is cut.
fn micros(value: &Value) -> Option<i64> {
    let time: jiff::Timestamp = value.as_str()?.parse().ok()?;
    Some(time.as_nanosecond().div_euclid(1000)).and_then(|micros| micros.try_into().ok())
}

/// What of a row has no column of its own; null where all has one.
fn rest(table_columns: &[Filled], row: &Value) -> Value {
    if let Some(list) = whole_list(table_columns, row) {
        return list;
    }
    let has_column = |name: &str| {
        let mut columns = table_columns.iter();
        columns.any(|filled| filled.column.pointer.split('/').nth(1) == Some(name))
    };
    let fields = row.as_object().into_iter().flatten();
    let rest: Map<String, Value> = fields
        .filter(|(name, value)| !value.is_null() && !has_column(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if rest.is_empty() {
        Value::Null
    } else {
        Value::Object(rest)
    }
}

/// Where the last column is for a list of which only the first entry has columns: the list behind it.
fn whole_list(table_columns: &[Filled], row: &Value) -> Option<Value> {
    let pointer = table_columns.last()?.column.pointer;
    if pointer.is_empty() {
        return None;
    }
    let more = row
        .pointer(pointer)?
        .as_array()?
        .get(1..)
        .unwrap_or_default();
    Some(if more.is_empty() {
        Value::Null
    } else {
        Value::from(more)
    })
}

fn schema(table: Table) -> String {
    let columns = table.columns().iter().map(|column| {
        let name = column.name;
        match column.kind {
            Kind::Text => format!("OPTIONAL BYTE_ARRAY {name} (STRING);"),
            Kind::Rest => format!("OPTIONAL BYTE_ARRAY {name} (JSON);"),
            Kind::Code => format!("OPTIONAL INT32 {name};"),
            Kind::Number => format!("OPTIONAL INT64 {name};"),
            Kind::Time => format!("OPTIONAL INT64 {name} (TIMESTAMP(MICROS,true));"),
            Kind::Seconds => format!("OPTIONAL DOUBLE {name};"),
            Kind::Flag => format!("OPTIONAL BOOLEAN {name};"),
            Kind::Texts => format!(
                "REQUIRED GROUP {name} (LIST) {{ REPEATED GROUP list {{ REQUIRED BYTE_ARRAY element (STRING); }} }}"
            ),
        }
    });
    format!(
        "message ftpwhy {{ {} }}",
        columns.collect::<Vec<_>>().join(" ")
    )
}

/// What could not be written, as the system says it.
fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}

impl<W: Write + Send> Rows<W> {
    /// Begins a file of rows of one kind.
    pub fn new(out: W, table: Table) -> io::Result<Self> {
        let schema = parse_message_type(&schema(table)).map_err(failed)?;
        let about = KeyValue::new("ftpwhy.schema".to_owned(), table.schema().to_owned());
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("ftpwhy ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(vec![about]))
            .build();
        let file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties));
        Ok(Self {
            file: file.map_err(failed)?,
            columns: table.columns().iter().map(Filled::new).collect(),
            open: Vec::new(),
            count: 0,
            bytes: 0,
        })
    }

    /// Writes what is left and the file's own end; gives back what it was written to.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.open.is_empty() {
            let line = std::mem::take(&mut self.open);
            self.add(&line)?;
        }
        self.write_group()?;
        self.file.into_inner().map_err(failed)
    }

    fn add(&mut self, line: &[u8]) -> io::Result<()> {
        let row: Value = serde_json::from_slice(line)?;
        let rest = rest(&self.columns, &row);
        for column in &mut self.columns {
            column.add(&row, &rest);
        }
        self.count += 1;
        self.bytes += line.len();
        if self.count >= limits::GROUP_ROWS || self.bytes >= limits::GROUP_BYTES {
            self.write_group()?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> io::Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group().map_err(failed)?;
        for column in &mut self.columns {
            let Some(mut writer) = group.next_column().map_err(failed)? else {
                break;
            };
            column.write(writer.untyped()).map_err(failed)?;
            writer.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        (self.count, self.bytes) = (0, 0);
        Ok(())
    }
}

impl<W: Write + Send> Write for Rows<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, behind) = rest.split_at(end);
            rest = behind.get(1..).unwrap_or_default();
            if self.open.is_empty() {
                self.add(line)?;
            } else {
                let mut whole = std::mem::take(&mut self.open);
                whole.extend_from_slice(line);
                self.add(&whole)?;
            }
        }
        self.open.extend_from_slice(rest);
        Ok(bytes.len())
    }

    /// A group is written when it is full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
