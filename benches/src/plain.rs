//! Length-prefixed framing as everybody writes it the first time: 4 bytes of length, the body, no check.

use std::hint::black_box;
use std::io::{BufReader, BufWriter, Read, Write};

const BUFFER: usize = 256 << 10;

pub(crate) fn write(sink: impl Write, body: &[u8], count: usize) -> (usize, u64) {
    let mut writer = BufWriter::with_capacity(BUFFER, sink);
    for _ in 0..count {
        let body = black_box(body);
        writer.write_all(&(body.len() as u32).to_le_bytes()).expect("the sink takes all");
        writer.write_all(body).expect("the sink takes all");
    }
    writer.flush().expect("the sink takes all");
    (count, 0)
}

pub(crate) fn stream(body: &[u8], count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes, body, count);
    bytes
}

pub(crate) fn read(bytes: &[u8]) -> (usize, u64) {
    let mut reader = BufReader::with_capacity(BUFFER, bytes);
    let mut message = Vec::new();
    let (mut count, mut sum) = (0, 0);
    let mut length = [0; 4];
    while reader.read_exact(&mut length).is_ok() {
        message.resize(u32::from_le_bytes(length) as usize, 0);
        reader.read_exact(&mut message).expect("a whole message");
        count += 1;
        sum = super::look(sum, &message);
    }
    (count, sum)
}
