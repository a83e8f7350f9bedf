//! What a stream's header says, as pairs for files of other formats.

use std::collections::BTreeMap;

use flatstream::{Clock, Header};

/// Who writes those files.
pub(crate) const LIBRARY: &str = concat!("flatstream-cli/", env!("CARGO_PKG_VERSION"));

pub(crate) const MESSAGE_TYPE: &str = "message_type";
pub(crate) const MESSAGE_IDENTIFIER: &str = "message_identifier";
pub(crate) const WRITER: &str = "writer";
pub(crate) const CLOCK: &str = "clock";
pub(crate) const SYNC_INTERVAL: &str = "sync_interval";

/// Values of the clock.
pub(crate) const CLOCKS: [(&str, Clock); 3] =
    [("UnixUtc", Clock::UnixUtc), ("Tai", Clock::Tai), ("Monotonic", Clock::Monotonic)];

pub(crate) fn of_header(header: &Header) -> BTreeMap<String, String> {
    let clock = CLOCKS.iter().find(|(_, clock)| *clock == header.clock()).map(|(name, _)| *name);
    let interval = header.sync_interval().to_string();
    let said = [
        (MESSAGE_TYPE, header.message_type()),
        (MESSAGE_IDENTIFIER, header.message_identifier()),
        (WRITER, header.writer()),
        (CLOCK, clock),
        (SYNC_INTERVAL, Some(&*interval)),
    ];
    said.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned()))).collect()
}

/// But for what a segment says about its place in its log.
pub(crate) fn of_application(header: &Header) -> BTreeMap<String, String> {
    let own = header.metadata().filter(|(key, _)| !key.starts_with("flatstream.log."));
    own.map(|(key, value)| (key.to_owned(), value.unwrap_or_default().to_owned())).collect()
}

/// Both, for files that have one list of pairs.
#[cfg(feature = "full")]
pub(crate) fn all(header: &Header) -> BTreeMap<String, String> {
    let own = of_header(header).into_iter().map(|(key, value)| (format!("flatstream.{key}"), value));
    of_application(header).into_iter().chain(own).collect()
}
