//! Bounds of memory, time and trust. Specification: section 14.

/// The longest message that a writer accepts unless told otherwise: 16 MiB. It goes into the header as a promise.
pub const WRITER_MAX_MESSAGE_LEN: u32 = 16 << 20;

/// The longest message that a reader accepts unless told otherwise: 64 MiB.
pub const READER_MAX_MESSAGE_LEN: u32 = 64 << 20;

/// How many bytes lie between sync frames unless the writer was told otherwise: 64 KiB.
pub const SYNC_INTERVAL: u32 = 64 << 10;

/// The first sync frames of a stream stand at least this many bytes apart: 1 KiB. The gap then doubles.
pub const SYNC_GAP_MIN: u64 = 1 << 10;

/// A reader of a source holds at least so many bytes behind damage, to search them for frames: 2 MiB.
pub const SEARCH_WINDOW_MIN: usize = 2 << 20;

/// It holds at most so many: 32 MiB, which finds frames of up to 16 MiB. A slice is there as a whole.
pub const SEARCH_WINDOW_MAX: usize = 32 << 20;

/// Candidates with a body of at most so many bytes are tried before longer ones: 64 KiB.
pub const SEARCH_SHORT: u32 = 64 << 10;

/// A search hashes at most this many times the bytes it searches ...
pub const SEARCH_HASH_FACTOR: u64 = 16;

/// ... and this many bytes more: 16 MiB, so that a short tail full of small numbers is searched whole.
pub const SEARCH_HASH_FREE: u64 = 16 << 20;

/// After a sync of the sink, a sync frame notes what is durable if the last one lies at least so many bytes back: 4
/// KiB, so that a stream doesn't double when every message is synced.
pub const DURABLE_SYNC_DISTANCE: u64 = 4 << 10;

/// A recovering reader looks for frames this far behind damage, or behind the last frame it salvaged, while no sync
/// frame is found: at most 16 MiB.
pub const SALVAGE_WINDOW_MAX: usize = 16 << 20;

/// Salvaging hashes at most this many times the bytes of its region.
pub const SALVAGE_HASH_FACTOR: u64 = 16;

/// A scattered tail of a stream that is reopened is cut, and kept beside the file, if it is at most this long: 64 MiB.
pub const SCATTERED_TAIL_MAX: u64 = 64 << 20;

/// A medium gives out and recycles its blocks whole, and each is a multiple of so many bytes: 512, a sector. So a sync
/// frame in a stale block lies a multiple of it from its place.
pub const SECTOR_LEN: u64 = 512;

/// Seeking reads at most so many bytes at a time: 128 KiB, in which a sync frame lies by default, unless messages are
/// longer than 64 KiB.
pub const SEEK_READ_MAX: usize = 128 << 10;

/// And at least so many, if sync frames lie closer together: 4 KiB, a page.
pub const SEEK_READ_MIN: usize = 4 << 10;
