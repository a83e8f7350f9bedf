//! `Writer` into a null sink and `Reader` from memory: messages per second.

use std::hint::black_box;
use std::io;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flatstream::{Reader, WriteOptions, Writer};

const LENS: [usize; 6] = [16, 64, 256, 1024, 16 << 10, 1 << 20];
const STREAM_LEN: usize = 4 << 20;

fn stream(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream");
    for len in LENS {
        let body = vec![7; len];
        let messages = (STREAM_LEN / len).max(4);
        group.throughput(Throughput::Elements(messages as u64));
        let mut writer = Writer::new(io::sink(), WriteOptions::new()).expect("a writer");
        group.bench_function(BenchmarkId::new("append", len), |bencher| {
            bencher.iter(|| {
                for _ in 0..messages {
                    writer.append(black_box(&body)).expect("a null sink takes all");
                }
            });
        });
        let mut writer = Writer::new(Vec::new(), WriteOptions::new()).expect("a writer");
        (0..messages).for_each(|_| assert!(writer.append(&body).is_ok()));
        let bytes = writer.finish().expect("a vector takes all");
        group.bench_function(BenchmarkId::new("next_message", len), |bencher| {
            bencher.iter(|| {
                let mut reader = Reader::new(&bytes[..]).expect("a stream");
                let mut count = 0;
                while reader.next_message().expect("good").is_some() {
                    count += 1;
                }
                assert_eq!(count, messages);
            });
        });
        group.bench_function(BenchmarkId::new("owned", len), |bencher| {
            bencher.iter(|| assert_eq!(Reader::new(&bytes[..]).expect("a stream").count(), messages));
        });
    }
    group.finish();
}

criterion_group!(benches, stream);
criterion_main!(benches);
