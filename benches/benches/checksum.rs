//! Bytes per second of each algorithm, and of the `crc32c` crate beside the backend that was chosen.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flatstream_checksum::{Algorithm, Checksum, ChecksumType};
use flatstream_testkit::noise::Noise;

const LENS: [usize; 7] = [16, 32, 64, 256, 1024, 16 << 10, 64 << 10];

fn digests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("checksum");
    for len in LENS {
        let body = Noise::new(1).bytes(len);
        group.throughput(Throughput::Bytes(len as u64));
        for checksum in ChecksumType::STANDARD {
            let Ok(algorithm) = Algorithm::new(checksum) else { continue };
            group.bench_with_input(BenchmarkId::new(checksum.to_string(), len), &body, |bencher, body| {
                bencher.iter(|| algorithm.digest(black_box(body)));
            });
        }
        group.bench_with_input(BenchmarkId::new("CRC-32C by the crc32c crate", len), &body, |bencher, body| {
            bencher.iter(|| crc32c::crc32c(black_box(body)));
        });
    }
    group.finish();
}

criterion_group!(benches, digests);
criterion_main!(benches);
