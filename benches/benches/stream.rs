//! `Writer` into a null sink and `Reader` from memory: messages per second.

mod load;

use std::hint::black_box;
use std::io::{self, Write};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flatstream::{Reader, WriteOptions, Writer};

use load::Load;

const STREAM_LEN: usize = 4 << 20;

fn append<W: Write>(writer: &mut Writer<W>, load: &Load, rounds: usize) {
    for _ in 0..rounds {
        for body in &load.bodies {
            writer.append(black_box(body)).expect("a sink that takes all");
        }
    }
}

fn stream(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream");
    for load in Load::all() {
        let rounds = STREAM_LEN / load.bytes();
        let messages = rounds * load.bodies.len();
        group.throughput(Throughput::Elements(messages as u64));
        let mut writer = Writer::new(io::sink(), WriteOptions::new()).expect("a writer");
        group.bench_function(BenchmarkId::new("append", &load.name), |bencher| {
            bencher.iter(|| append(&mut writer, &load, rounds));
        });
        let mut writer = Writer::new(Vec::new(), WriteOptions::new()).expect("a writer");
        append(&mut writer, &load, rounds);
        let bytes = writer.finish().expect("a vector takes all");
        group.bench_function(BenchmarkId::new("next_message", &load.name), |bencher| {
            bencher.iter(|| {
                let mut reader = Reader::new(&bytes[..]).expect("a stream");
                let mut count = 0;
                while black_box(reader.next_message().expect("good")).is_some() {
                    count += 1;
                }
                assert_eq!(count, messages);
            });
        });
        group.bench_function(BenchmarkId::new("owned", &load.name), |bencher| {
            bencher.iter(|| {
                let reader = Reader::new(&bytes[..]).expect("a stream");
                assert_eq!(reader.inspect(|message| assert!(black_box(message).is_ok())).count(), messages);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, stream);
criterion_main!(benches);
