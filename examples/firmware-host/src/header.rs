use std::path::PathBuf;

use flatstream::{ChecksumType, Clock, Header, HeaderBuilder};

use crate::Outcome;

/// What every device of this kind writes first. It has nothing in it that differs between two devices or two runs.
pub(crate) fn header() -> Result<Header, Box<dyn std::error::Error>> {
    Ok(HeaderBuilder::new(ChecksumType::Crc32c)
        .max_message_len(1024)
        .sync_interval(4096)
        .clock(Clock::UnixUtc)
        .message_type("Telemetry.TelemetryEvent")
        .schema(telemetry_schema::BFBS)
        .writer("flatstream-firmware")
        .build()?)
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../firmware/header.bin")
}

pub(crate) fn write() -> Outcome {
    Ok(std::fs::write(path(), header()?.as_bytes())?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_firmware_holds_the_header_that_is_made_here() {
        let committed = std::fs::read(super::path()).unwrap();
        let is_current = committed == super::header().unwrap().as_bytes();
        assert!(is_current, "run `cargo run -p flatstream-firmware-host -- header`");
    }
}
