//! Bytes per second of each algorithm, and of the `crc32c` crate. CRC-32C is measured by the backend that is chosen;
//! the environment variable `FLATSTREAM_CRC32C` forces another, whose rows have its name.

mod load;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flatstream_checksum::{Algorithm, Checksum, ChecksumType, crc32c_backend};

use load::Load;

fn digests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("checksum");
    for load in Load::all() {
        let mut bench = |name: String, digest: &dyn Fn(&[u8]) -> u32| {
            group.throughput(Throughput::Bytes(load.bytes() as u64));
            group.bench_function(BenchmarkId::new(name, &load.name), |bencher| {
                bencher.iter(|| load.bodies.iter().fold(0, |sum, body| sum ^ digest(black_box(body))));
            });
        };
        for checksum in ChecksumType::STANDARD {
            let Ok(algorithm) = Algorithm::new(checksum) else { continue };
            let name = match checksum {
                ChecksumType::Crc32c => format!("CRC-32C by {}", crc32c_backend()),
                _ => checksum.to_string(),
            };
            bench(name, &|body| algorithm.digest(body));
        }
        bench("CRC-32C by the crc32c crate".to_owned(), &crc32c::crc32c);
    }
    group.finish();
}

criterion_group!(benches, digests);
criterion_main!(benches);
