#![no_main]

use flatstream_fuzz::recover;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| recover::check(data));
