//! The codec alone, in memory: frames per second of the encoder and of the reader of slices.

use std::hint::black_box;
use std::num::NonZeroU64;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flatstream::format::{Algorithm, Encoder, Essentials, Session, SliceReader, SyncFlags};
use flatstream::{ChecksumType, HeaderBuilder};

const LENS: [usize; 5] = [16, 64, 256, 1024, 16 << 10];
const STREAM_LEN: usize = 1 << 20;

/// Fills `out` with as many messages as fit; returns how many, and the bytes used.
fn encode(header: &[u8], body: &[u8], out: &mut [u8]) -> (u64, usize) {
    let essentials = Essentials::parse(header).expect("a good header");
    let algorithm = Algorithm::new(essentials.checksum).expect("compiled in");
    let mut encoder = Encoder::new(&essentials, Session { stream_id: NonZeroU64::MIN, epoch: 0 }, algorithm);
    out[..header.len()].copy_from_slice(header);
    let mut end = header.len();
    loop {
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

fn codec(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec");
    let mut stream = vec![0; STREAM_LEN];
    for checksum in [ChecksumType::None, ChecksumType::Crc32c, ChecksumType::Xxh3] {
        let header = HeaderBuilder::new(checksum).build().expect("a good header");
        for len in LENS {
            let body = vec![7; len];
            let (messages, end) = encode(header.as_bytes(), &body, &mut stream);
            group.throughput(Throughput::Elements(messages));
            group.bench_function(BenchmarkId::new(format!("encode {checksum}"), len), |bencher| {
                bencher.iter(|| encode(header.as_bytes(), black_box(&body), &mut stream));
            });
            group.bench_function(BenchmarkId::new(format!("read a slice {checksum}"), len), |bencher| {
                bencher.iter(|| SliceReader::new(black_box(&stream[..end])).expect("a stream").count());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);
