//! The codec alone, in memory: frames per second of the encoder and of the reader of slices.

mod load;

use std::hint::black_box;
use std::num::NonZeroU64;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flatstream::format::{Algorithm, Encoder, Essentials, Session, SliceReader, SyncFlags};
use flatstream::{ChecksumType, HeaderBuilder};

use load::Load;

const STREAM_LEN: usize = 4 << 20;

/// Fills `out` with as many messages as fit, the bodies over and over; returns how many, and the bytes used.
fn encode(header: &[u8], bodies: &[Vec<u8>], out: &mut [u8]) -> (u64, usize) {
    let essentials = Essentials::parse(header).expect("a good header");
    let algorithm = Algorithm::new(essentials.checksum).expect("compiled in");
    let mut encoder = Encoder::new(&essentials, Session { stream_id: NonZeroU64::MIN, epoch: 0 }, algorithm);
    out[..header.len()].copy_from_slice(header);
    let mut end = header.len();
    loop {
        for body in bodies {
            if encoder.sync_due() {
                match encoder.encode_sync(0, SyncFlags::NONE, &mut out[end..]) {
                    Ok(len) => end += len,
                    Err(_) => return (encoder.sequence(), end),
                }
            }
            match encoder.encode_message(body, &mut out[end..]) {
                Ok(len) => end += len,
                Err(_) => return (encoder.sequence(), end),
            }
        }
    }
}

fn codec(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec");
    let mut stream = vec![0; STREAM_LEN];
    for checksum in [ChecksumType::None, ChecksumType::Crc32c, ChecksumType::Xxh3] {
        let header = HeaderBuilder::new(checksum).build().expect("a good header");
        for load in Load::all() {
            assert!(load.bytes() < STREAM_LEN, "each message has its turn");
            let (messages, end) = encode(header.as_bytes(), &load.bodies, &mut stream);
            group.throughput(Throughput::Elements(messages));
            group.bench_function(BenchmarkId::new(format!("encode {checksum}"), &load.name), |bencher| {
                bencher.iter(|| encode(header.as_bytes(), black_box(&load.bodies), &mut stream));
            });
            group.bench_function(BenchmarkId::new(format!("read a slice {checksum}"), &load.name), |bencher| {
                bencher.iter(|| {
                    let reader = SliceReader::new(black_box(&stream[..end])).expect("a stream");
                    assert_eq!(reader.inspect(|message| assert!(message.is_ok())).count() as u64, messages);
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);
