use super::frame::salt;
use super::maker::Maker;

/// What is put behind one another to make inputs of: every kind of frame, right and wrong in each way that has a name,
/// and bytes that are none.
pub type Piece = (&'static str, fn(&mut Maker));

/// All pieces. Behind one of a length that isn't a multiple of 8 all frames lie at wrong places.
pub const PIECES: &[Piece] = &[
    ("message with a pad", |maker| maker.message(b"small")),
    ("message without a pad", |maker| maker.message(&[0x80; 8])),
    ("sync", |maker| maker.sync(|_| {})),
    ("sync that says all before it is durable", |maker| maker.sync(|sync| sync.durable = sync.position)),
    ("sync CLOSED", |maker| maker.sync(|sync| sync.flags = 1)),
    ("sync RESUMED", |maker| {
        maker.epoch += 1;
        maker.sync(|sync| sync.flags = 2);
    }),
    ("message whose check is wrong", |maker| {
        maker.message(b"small");
        maker.flip(8);
    }),
    ("message whose pad isn't zero", |maker| {
        maker.message(b"small");
        maker.flip(1);
    }),
    ("message that is cut", |maker| {
        maker.message(b"small");
        maker.bytes.truncate(maker.bytes.len() - 5);
    }),
    ("message of the next epoch", |maker| {
        let salt = salt(maker.stream_id, maker.epoch + 1);
        maker.frame(b"later", false, salt, maker.place());
        maker.count += 1;
    }),
    ("sync whose check is wrong", |maker| {
        maker.sync(|_| {});
        maker.flip(24);
    }),
    ("sync that counts one too many", |maker| maker.sync(|sync| sync.sequence += 1)),
    ("sync that belongs further on", |maker| {
        maker.sync(|sync| (sync.position, sync.durable) = (sync.position + 64, sync.position + 64));
    }),
    ("zeros", |maker| maker.bytes.extend([0x00; 8])),
    ("short length", |maker| maker.bytes.extend([3, 0, 0, 0, 3, 0, 0, 0])),
    ("a zero", |maker| maker.bytes.push(0x00)),
    ("control frame to be skipped", |maker| maker.control(b"metaABCD")),
    ("control frame that must be known", |maker| maker.control(b"CHNKABCD")),
    ("sync of another stream", |maker| maker.sync(|sync| sync.stream_id ^= 1)),
    ("sync of another header", |maker| maker.sync(|sync| sync.header_check ^= 1)),
    ("sync of another epoch", |maker| maker.sync(|sync| sync.epoch ^= 1)),
    ("sync of another version", |maker| maker.sync(|sync| sync.version = 2)),
    ("sync that is 4 bytes longer", |maker| {
        let mut sync = maker.next_sync();
        sync.flags = 4;
        let body = [&sync.body()[..], b"more"].concat();
        maker.frame(&body, true, salt(sync.stream_id, sync.epoch), sync.position);
    }),
    ("sync that is too short", |maker| maker.control(b"syncABCD")),
    ("control frame without a kind", |maker| maker.control(b"me-aABCD")),
    ("message that is too long", |maker| maker.message(&[7; 65])),
    ("ones", |maker| maker.bytes.extend([0xFF; 8])),
    ("0xFF", |maker| maker.bytes.push(0xFF)),
    ("length of 0", |maker| maker.bytes.extend([1, 0, 0, 0, 0, 0, 0, 0])),
    ("header", |maker| {
        let header = maker.bytes[..maker.header_len()].to_vec();
        maker.bytes.extend(header);
    }),
];

/// Calls `check` with each row of `len` of these pieces behind what `start` holds.
pub fn for_each_row(start: &Maker, pieces: &[Piece], len: usize, check: &mut impl FnMut(&Maker)) {
    if len == 0 {
        return check(start);
    }
    for (_, put) in pieces {
        let mut longer = start.clone();
        put(&mut longer);
        for_each_row(&longer, pieces, len - 1, check);
    }
}
