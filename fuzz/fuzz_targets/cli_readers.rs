#![no_main]

use flatstream_fuzz::cli_readers;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| cli_readers::check(data));
