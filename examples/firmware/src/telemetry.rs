//! Telemetry messages without a heap: a FlatBuffer that flatc laid out once, with two numbers and a letter put in.

/// A `Telemetry.TelemetryEvent` (schemas/telemetry.fbs) of the source "pump-0", as `flatc` builds it: always these 56
/// bytes, but for the fields below.
const TEMPLATE: [u8; 56] = *b"\
    \x10\0\0\0\0\0\x0A\0\x1C\0\x08\0\x18\0\x10\0\
    \x0A\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\x04\0\0\0\x06\0\0\0\
    pump-0\0\0";
const TIMESTAMP_NS: usize = 24;
const VALUE: usize = 32;
const SOURCE_NUMBER: usize = 53;

const START_NS: u64 = 1_700_000_000_000_000_000;
const INTERVAL_NS: u64 = 1_000_000;

/// The bits of the values that a sensor gives, one after the other. As bits: a Cortex-M4 has no unit for `f64`, and
/// passing one on needs none.
const VALUES: [u64; 8] = [
    0.0f64.to_bits(),
    21.5f64.to_bits(),
    (-0.25f64).to_bits(),
    1e-3f64.to_bits(),
    98_304.0f64.to_bits(),
    (-1013.25f64).to_bits(),
    1e300f64.to_bits(),
    0.1f64.to_bits(),
];

/// What the message with a number says: time, number of the source, bits of the value. The program on the host has the
/// same table.
pub fn event(number: u32) -> (u64, u8, u64) {
    let time = START_NS.wrapping_add(INTERVAL_NS.wrapping_mul(u64::from(number)));
    let source = (number % 7) as u8;
    let [value, ..] = VALUES;
    (time, source, VALUES.get((number & 7) as usize).copied().unwrap_or(value))
}

/// The message with a number.
pub fn message(number: u32) -> [u8; 56] {
    let (time, source, value) = event(number);
    let mut message = TEMPLATE;
    put(&mut message, TIMESTAMP_NS, &time.to_le_bytes());
    put(&mut message, VALUE, &value.to_le_bytes());
    put(&mut message, SOURCE_NUMBER, &[b'0' + source]);
    message
}

fn put(message: &mut [u8], at: usize, bytes: &[u8]) {
    for (place, byte) in message.iter_mut().skip(at).zip(bytes) {
        *place = *byte;
    }
}
