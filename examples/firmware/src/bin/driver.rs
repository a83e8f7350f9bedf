//! As `record`, but through the `Write` of the crate `embedded-io`, as drivers implement it: a file on the host that
//! takes a few bytes at a time.

#![no_std]
#![no_main]

use embedded_io::{ErrorKind, ErrorType, Write};
use flatstream_firmware::host::HostFile;
use flatstream_firmware::{HEADER, MESSAGES, SESSION, finish, telemetry};
use flatstream_format::embedded_io_07::FrameWriter;
use flatstream_format::{Algorithm, TIME_NONE};

#[cortex_m_rt::entry]
fn main() -> ! {
    finish(record())
}

struct Driver(HostFile);

/// As many bytes as a UART with a small queue takes.
const QUEUE_LEN: usize = 16;

impl ErrorType for Driver {
    type Error = ErrorKind;
}

impl Write for Driver {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let taken = bytes.get(..QUEUE_LEN).unwrap_or(bytes);
        self.0.write(taken).ok_or(ErrorKind::Other)?;
        Ok(taken.len())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

fn record() -> Option<()> {
    let driver = Driver(HostFile::create(c"driver.fls")?);
    let mut writer = FrameWriter::begin(driver, HEADER, SESSION, Algorithm::CRC32C).ok()?;
    for number in 0..MESSAGES {
        let (time, ..) = telemetry::event(number);
        let message = telemetry::message(number);
        let (first, second) = message.split_at_checked(23)?;
        match number % 3 {
            0 => writer.append_in_pieces(time as i64, &[first, second]).ok()?,
            _ => writer.append(time as i64, &message).ok()?,
        }
    }
    writer.finish(TIME_NONE).ok()?;
    Some(())
}
