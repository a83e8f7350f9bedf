//! A checksum of one's own: any 32-bit function of the bytes, under an id from 128 to 255.
//!
//! `cargo run --release --example private_checksum`

use flatstream::{Checksum, ErrorKind, ReadOptions, Reader, WriteOptions, Writer};

/// FNV-1a, 32 bits. <http://www.isthe.com/chongo/tech/comp/fnv/>
struct Fnv1a;

impl Checksum for Fnv1a {
    fn digest(&self, body: &[u8]) -> u32 {
        body.iter().fold(0x811C_9DC5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    }
}

const FNV1A: u8 = 200;

fn main() -> flatstream::Result<()> {
    assert_eq!(Fnv1a.digest(b"foobar"), 0xBF9C_F968);

    let mut writer = Writer::new(Vec::new(), WriteOptions::new().private_checksum(FNV1A, Fnv1a))?;
    for number in 0..1000 {
        writer.append(format!("message {number}").as_bytes())?;
    }
    let mut stream = writer.finish()?;
    println!("wrote 1000 messages, {} bytes", stream.len());

    let with_hasher = || ReadOptions::new().private_checksum(FNV1A, Fnv1a);
    let reader = Reader::with_options(&stream[..], with_hasher())?;
    println!("the header names: {}", reader.header().checksum());
    let count = reader.filter(Result::is_ok).count();
    println!("read {count} messages");
    assert_eq!(count, 1000);

    let error = Reader::new(&stream[..]).expect_err("there is no hasher for id 200");
    println!("without the hasher: {error}");
    assert_eq!(error.kind(), ErrorKind::Unsupported);

    let middle = stream.len() / 2;
    stream[middle] ^= 1;
    let error =
        Reader::with_options(&stream[..], with_hasher())?.find_map(Result::err).expect("a flipped bit is noticed");
    println!("with a flipped bit: {error}");
    assert_eq!(error.kind(), ErrorKind::Damaged);
    Ok(())
}
