//! Arrow's IPC stream by the crate `arrow-ipc`: batches of rows with one binary column, about 256 KiB each; no
//! checksum. Its writer and reader move whole batches, so they need no `BufWriter` and `BufReader` of a block's size.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow_array::builder::BinaryBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::{BUFFER, Failure, Format, Streamed};

pub(crate) enum ArrowIpc {}

impl Format for ArrowIpc {
    const NAME: &'static str = "arrow-ipc, no checksum";

    fn write<'a>(sink: impl Write, bodies: impl Iterator<Item = &'a [u8]>) -> Result<(), Failure> {
        let schema = Arc::new(Schema::new(vec![Field::new("message", DataType::Binary, false)]));
        let mut writer = StreamWriter::try_new(sink, &schema)?;
        let mut builder = BinaryBuilder::new();
        for body in bodies {
            let len = builder.values_slice().len();
            if len > 0 && len + body.len() > BUFFER {
                let rows = builder.offsets_slice().len();
                writer.write(&batch(&schema, &mut builder)?)?;
                builder = BinaryBuilder::with_capacity(rows, len);
            }
            builder.append_value(body);
        }
        writer.write(&batch(&schema, &mut builder)?)?;
        writer.finish()?;
        Ok(())
    }

    fn read(bytes: &[u8], look: impl FnMut(&[u8])) -> Result<(), Failure> {
        Self::read_from(bytes, look)
    }
}

fn batch(schema: &SchemaRef, builder: &mut BinaryBuilder) -> Result<RecordBatch, Failure> {
    let column = Arc::new(builder.finish());
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), vec![column], &RecordBatchOptions::new())?)
}

impl Streamed for ArrowIpc {
    fn read_from(source: impl Read, mut look: impl FnMut(&[u8])) -> Result<(), Failure> {
        for batch in StreamReader::try_new(source, None)? {
            let batch = batch?;
            for message in batch.column(0).as_binary::<i32>() {
                look(message.ok_or("a row without a message")?);
            }
        }
        Ok(())
    }
}
