#![no_main]

use flatstream_fuzz::schema_walker;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| schema_walker::check(data));
