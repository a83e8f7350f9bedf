//! Records telemetry into a file on the host: with the codec alone, in a buffer of 128 bytes.

#![no_std]
#![no_main]

use flatstream_firmware::host::HostFile;
use flatstream_firmware::{HEADER, MESSAGES, SESSION, finish, telemetry};
use flatstream_format::{Algorithm, Checksum, Decoder, Encoder, Essentials, SyncFlags, TIME_NONE};

#[cortex_m_rt::entry]
fn main() -> ! {
    #[cfg(feature = "panics")]
    core::hint::black_box(HEADER[core::hint::black_box(7)]);
    finish(record().and_then(|()| report()))
}

fn record() -> Option<()> {
    let header = Essentials::parse(HEADER).ok()?;
    let mut encoder = Encoder::new(&header, SESSION, Algorithm::CRC32C);
    let mut file = HostFile::create(c"record.fls")?;
    file.write(HEADER)?;
    let mut frame = [0; 128];
    for number in 0..MESSAGES {
        let message = telemetry::message(number);
        if encoder.sync_due() {
            let (time, ..) = telemetry::event(number);
            let len = encoder.encode_sync(time as i64, SyncFlags::NONE, &mut frame).ok()?;
            file.write(frame.get(..len)?)?;
        }
        match number % 3 {
            0 => in_pieces(&mut encoder, &message, &mut file)?,
            _ => {
                let len = encoder.encode_message(&message, &mut frame).ok()?;
                file.write(frame.get(..len)?)?;
            }
        }
    }
    let len = encoder.encode_sync(TIME_NONE, SyncFlags::CLOSED, &mut frame).ok()?;
    file.write(frame.get(..len)?)
}

/// A message that lies in two places, as DMA leaves it where a ring of samples begins anew: it is not put together.
fn in_pieces(encoder: &mut Encoder<Algorithm>, message: &[u8], file: &mut HostFile) -> Option<()> {
    let (first, second) = message.split_at_checked(23)?;
    let digest = encoder.hasher().digest_parts(&[first, second])?;
    let head = encoder.message_with_digest(message.len() as u64, digest).ok()?;
    file.write(&head)?;
    file.write(first)?;
    file.write(second)?;
    file.write([0; 7].get(..message.len().wrapping_neg() & 7)?)
}

fn report() -> Option<()> {
    let mut report = HostFile::create(c"record.txt")?;
    report.write_fact("messages", MESSAGES)?;
    report.write_fact("encoder", size_of::<Encoder<flatstream_firmware::encode::Crc32c>>() as u32)?;
    report.write_fact("decoder", size_of::<Decoder<flatstream_firmware::encode::Crc32c>>() as u32)
}
