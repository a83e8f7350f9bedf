//! Any header: its numbers and all of it are read alike, and what is read is written again.

use flatstream_format::layout::header::CHECK_LEN;
use flatstream_format::{Essentials, Header, HeaderBuilder, HeaderError, Located, locate_header};

pub fn check(data: &[u8]) {
    let located = locate_header(data);
    let numbers = Essentials::parse(data);
    match (&numbers, Header::decode(data)) {
        (Ok(numbers), Ok(header)) => {
            assert_eq!(numbers, header.essentials());
            check_whole(data, &header);
        }
        (Ok(_), Err(error)) => assert!(matches!(error, HeaderError::Malformed(_)), "{error}"),
        (Err(error), whole) => {
            assert_eq!(Some(error), whole.as_ref().err());
            assert!(!error.to_string().is_empty());
        }
    }
    // Nothing behind the region is looked at, and nothing less is enough.
    match located {
        Ok(Located::Region(len)) => {
            assert!(len <= data.len());
            assert_eq!(Essentials::parse(&data[..len]), numbers);
            let cut = Essentials::parse(&data[..len - 1]);
            assert!(matches!(cut, Err(HeaderError::Incomplete { .. } | HeaderError::NotAStream { .. })), "{cut:?}");
        }
        Ok(Located::NeedMore(need)) => assert!(need > data.len() && numbers.is_err()),
        Err(error) => assert_eq!(numbers, Err(error)),
    }
}

fn check_whole(data: &[u8], header: &Header) {
    let numbers = header.essentials();
    assert_eq!(header.as_bytes(), &data[..numbers.header_len as usize]);
    assert!(numbers.header_len as usize > CHECK_LEN);
    let mut builder = HeaderBuilder::new(numbers.checksum)
        .clock(numbers.clock)
        .max_message_len(numbers.max_message_len)
        .sync_interval(numbers.sync_interval);
    if let Some(name) = header.message_type() {
        builder = builder.message_type(name);
    }
    if let Some(identifier) = header.message_identifier() {
        builder = builder.message_identifier(identifier);
    }
    if let Some(bfbs) = header.schema() {
        builder = builder.schema(bfbs);
    }
    if let Some(writer) = header.writer() {
        builder = builder.writer(writer);
    }
    for (key, value) in header.metadata() {
        builder = builder.metadata(key, value.unwrap_or_default());
    }
    // Another writer may have put in what no writer of ours does.
    let Ok(again) = builder.build() else { return };
    assert_eq!(Header::decode(again.as_bytes()).as_ref(), Ok(&again));
    let said = |header: &Header| {
        let metadata = header.metadata().map(|(key, value)| (key.to_owned(), value.unwrap_or_default().to_owned()));
        (
            header.message_type().map(str::to_owned),
            header.message_identifier().map(str::to_owned),
            header.schema().map(<[u8]>::to_vec),
            header.writer().map(str::to_owned),
            metadata.collect::<Vec<_>>(),
        )
    };
    assert_eq!(said(&again), said(header));
}
