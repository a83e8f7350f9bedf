use std::fs;

use flatstream_ring::format::Algorithm;
use flatstream_ring::{Contents, Geometry};

use crate::{Outcome, header};

/// The ring of examples/firmware/src/ring.rs.
const RING: Geometry = Geometry::new(8 << 10, 1 << 10).unwrap();

/// Makes a stream of the memory of a ring, as a debugger reads it out of a dead device.
pub(crate) fn write(image: &str, path: &str) -> Outcome {
    let header = header::header()?;
    let image = fs::read(image)?;
    let mut memory = &image[..];
    let mut buffer = vec![0; usize::try_from(header.max_message_len())? + 8];
    let found = Contents::find(&mut memory, RING, header.essentials(), &Algorithm::CRC32C, &mut buffer)?
        .ok_or("there is no stream with this header")?;
    let positions = found.positions();
    let mut stream = header.as_bytes().to_vec();
    let start = stream.len();
    stream.resize(start + usize::try_from(positions.end - positions.start)?, 0);
    found.read(&mut memory, positions.start, &mut stream[start..])?;
    Ok(fs::write(path, stream)?)
}
