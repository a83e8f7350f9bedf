//! Streams as Parquet and Arrow files: <https://parquet.apache.org/docs/file-format/>,
//! <https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format>.

mod column;
mod fill;
mod shape;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions};
use arrow_schema::{ArrowError, SchemaRef};
use flatstream::Clock;
use flatstream::schema::WalkError;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::about;
use crate::arguments::{Convert, ExportFormat};
use crate::commands::schema::decode;
use crate::messages::Item;
use crate::outcome::{Done, Failure, Outcome};
use crate::output::Output;
use crate::printer::{NO_COLUMNS, say_undecoded};
use crate::selection::Selected;
use crate::shape as schema_shape;
use fill::Table;
use shape::Shape;

/// A batch has so many rows at most, or so many bytes and one row more.
const BATCH_ROWS: usize = 64 << 10;
const BATCH_BYTES: usize = 32 << 20;

/// A row group of a Parquet file is written once it takes so much memory.
const ROW_GROUP_BYTES: usize = 128 << 20;

/// Writes the messages that are selected as rows.
pub(crate) fn export(options: &Convert, format: ExportFormat) -> Outcome {
    let reading = &options.selection.reading;
    let mut selected = Selected::open(&options.file, &options.selection)?;
    let header = selected.header().cloned();
    let walker = schema_shape::walker(header.as_ref(), &reading.choice.schema)?;
    let walker = walker.ok_or_else(|| Failure::usage(NO_COLUMNS))?;
    let is_utc = header.as_ref().is_some_and(|header| header.clock() == Clock::UnixUtc);
    if walker.root().fields().is_empty() {
        return Err(Failure::usage(format!("{} has no fields: there would be no columns", walker.root().name())));
    }
    let mut table = Table::new(walker.clone(), Shape::new(&walker, options.time.as_deref(), is_utc)?);
    let metadata: HashMap<String, String> = header.as_ref().map(about::all).unwrap_or_default().into_iter().collect();
    // It has the columns, and no rows.
    let none = table.finish_batch(None).map_err(|error| failed(&options.output, error))?;
    let schema: SchemaRef = Arc::new(none.schema().as_ref().clone().with_metadata(metadata));
    let mut file = TableFile::create(&options.output, format, &schema)?;
    let mut left_out = false;
    let done = selected.each(None, |item| {
        if reading.recover
            && let Err(error) = decode(&walker, &item.message)
        {
            left_out = true;
            return say_undecoded(item, &error, true);
        }
        table.append(&item.message).map_err(|error| refused(item, error))?;
        if table.rows() >= BATCH_ROWS || table.bytes() >= BATCH_BYTES {
            file.write(&mut table, &schema)?;
        }
        Ok(())
    })?;
    if table.rows() > 0 {
        file.write(&mut table, &schema)?;
    }
    file.finish()?;
    Ok(if left_out { done.max(Done::WithLoss) } else { done })
}

fn refused(item: &Item, error: WalkError<fill::Refused>) -> Failure {
    let what = match error {
        WalkError::Message(error) => error.to_string(),
        WalkError::Visitor { error, .. } => error.to_string(),
    };
    say_undecoded(item, &what, false).err().unwrap_or_else(|| Failure::usage(what))
}

fn failed(path: &Path, error: ArrowError) -> Failure {
    match error {
        ArrowError::IoError(_, error) => Output::failed(path, error),
        ArrowError::ParquetError(what) => Failure::Other { what: format!("{}: {what}", path.display()), advice: None },
        other => Failure::Other { what: format!("{}: {other}", path.display()), advice: None },
    }
}

fn parquet_failed(path: &Path, error: ParquetError) -> Failure {
    match error {
        ParquetError::External(error) => match error.downcast::<std::io::Error>() {
            Ok(error) => Output::failed(path, *error),
            Err(error) => Failure::Other { what: format!("{}: {error}", path.display()), advice: None },
        },
        other => Failure::Other { what: format!("{}: {other}", path.display()), advice: None },
    }
}

struct TableFile<'a> {
    path: &'a Path,
    writer: AnyWriter,
}

enum AnyWriter {
    Parquet(Box<ArrowWriter<Output>>),
    Arrow(Box<FileWriter<Output>>),
}

impl<'a> TableFile<'a> {
    fn create(path: &'a Path, format: ExportFormat, schema: &SchemaRef) -> Result<Self, Failure> {
        let output = Output::create(path)?;
        let writer = match format {
            ExportFormat::Arrow => {
                // An enum's dictionary grows by values that the schema doesn't know.
                let options = IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
                let writer = FileWriter::try_new_with_options(output, schema, options);
                AnyWriter::Arrow(Box::new(writer.map_err(|error| failed(path, error))?))
            }
            _ => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::SNAPPY)
                    .set_created_by(about::LIBRARY.to_owned())
                    .build();
                let writer = ArrowWriter::try_new(output, Arc::clone(schema), Some(properties));
                AnyWriter::Parquet(Box::new(writer.map_err(|error| parquet_failed(path, error))?))
            }
        };
        Ok(Self { path, writer })
    }

    fn write(&mut self, table: &mut Table, schema: &SchemaRef) -> Result<(), Failure> {
        let batch: RecordBatch = table.finish_batch(Some(schema)).map_err(|error| failed(self.path, error))?;
        match &mut self.writer {
            AnyWriter::Arrow(writer) => writer.write(&batch).map_err(|error| failed(self.path, error)),
            AnyWriter::Parquet(writer) => {
                let mut written = writer.write(&batch);
                if writer.in_progress_size() > ROW_GROUP_BYTES {
                    written = written.and_then(|()| writer.flush());
                }
                written.map_err(|error| parquet_failed(self.path, error))
            }
        }
    }

    fn finish(self) -> Result<(), Failure> {
        let output = match self.writer {
            AnyWriter::Arrow(mut writer) => {
                writer.finish().map_err(|error| failed(self.path, error))?;
                writer.into_inner().map_err(|error| failed(self.path, error))?
            }
            AnyWriter::Parquet(writer) => writer.into_inner().map_err(|error| parquet_failed(self.path, error))?,
        };
        output.finish()
    }
}
