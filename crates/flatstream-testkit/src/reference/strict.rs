//! Section 10.

use super::Rules;
use super::frame::{Frame, Sync, salt};

/// A frame that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A sync frame.
    Sync(Sync),
    /// A message: position, sequence, body.
    Message(u64, u64, Vec<u8>),
    /// A control frame that isn't a sync frame: position, kind.
    Control(u64, [u8; 4]),
}

/// How far reading got.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What was accepted, in order.
    pub parts: Vec<Part>,
    /// D as an offset. Everything between the header and this place was accepted.
    pub end: usize,
    /// Why reading stopped there; `None` where the data end there.
    pub stop: Option<&'static str>,
    pub(super) reader: Reader,
}

/// "The state of a reader", with the shift of section 12.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub(super) offset: usize,
    pub(super) shift: u64,
    pub(super) count: u64,
    pub(super) closed: bool,
    pub(super) last_sync: Option<Sync>,
}

impl Reader {
    pub(super) fn new(rules: &Rules) -> Self {
        Self { offset: rules.header_len, shift: 0, count: 0, closed: false, last_sync: None }
    }

    /// D.
    pub(super) fn position(&self) -> u64 {
        (self.offset as u64).wrapping_add(self.shift)
    }

    pub(super) fn salt(&self) -> Option<u64> {
        self.last_sync.map(|sync| salt(sync.stream_id, sync.epoch))
    }

    pub(super) fn accept(&mut self, part: &Part, len: usize) {
        match part {
            Part::Sync(sync) => self.last_sync = Some(*sync),
            Part::Message(..) => self.count += 1,
            Part::Control(..) => {}
        }
        self.closed = matches!(part, Part::Sync(sync) if sync.is_closed());
        self.offset += len;
    }

    /// "A frame at D": what is accepted and how long its frame is, or the reason why reading stops. `None` at the end
    /// of the data.
    pub(super) fn frame(
        &self,
        rules: &Rules,
        bytes: &[u8],
        any_pad: bool,
    ) -> Option<Result<(Part, usize), &'static str>> {
        if self.offset == bytes.len() {
            return None;
        }
        Some(self.steps(rules, bytes, any_pad))
    }

    fn steps(&self, rules: &Rules, bytes: &[u8], any_pad: bool) -> Result<(Part, usize), &'static str> {
        // 1
        let frame = Frame::at(bytes, self.offset).ok_or("incomplete")?;
        // 2
        stop_if(frame.is_blank(), "blank")?;
        // 3
        stop_if(!rules.is_legal(frame.is_control(), frame.body_len()), "frame_length")?;
        // 4
        let (body, pad) = frame.whole.ok_or("incomplete")?;
        // 5
        let sync = frame.sync();
        stop_if(self.last_sync.is_none() && sync.is_none(), "sync_missing")?;
        // 6
        let (salt, position) = match sync {
            Some(sync) => (salt(sync.stream_id, sync.epoch), sync.position),
            None => (self.salt().expect("a sync is known"), self.position()),
        };
        stop_if(!frame.holds(salt, position), "frame_check")?;
        // 7
        stop_if(!any_pad && pad.iter().any(|&byte| byte != 0), "frame_pad")?;
        // 8
        if frame.is_control() && sync.is_none() {
            stop_if(!is_kind(body), "control_kind")?;
            stop_if(body.starts_with(b"sync"), "sync_field")?;
            stop_if(body[0].is_ascii_uppercase(), "kind_unsupported")?;
        }
        // 9
        if let Some(sync) = sync {
            self.check_sync(rules, &sync)?;
        }
        // 10
        let raises = |sync: &Sync| sync.is_resumed() && self.last_sync.is_some_and(|last| sync.epoch > last.epoch);
        stop_if(self.closed && !sync.as_ref().is_some_and(raises), "after_closed")?;

        let part = match sync {
            Some(sync) => Part::Sync(sync),
            None if frame.is_control() => Part::Control(self.position(), [body[0], body[1], body[2], body[3]]),
            None => Part::Message(self.position(), self.count, body.to_vec()),
        };
        Ok((part, frame.len()))
    }

    /// Step 9.
    fn check_sync(&self, rules: &Rules, sync: &Sync) -> Result<(), &'static str> {
        stop_if(!sync.is_in_range() || sync.checksum != super::CHECKSUM_ID, "sync_field")?;
        stop_if(self.last_sync.is_some_and(|last| last.stream_id != sync.stream_id), "sync_stream")?;
        stop_if(sync.header_check != rules.header_check, "sync_header")?;
        stop_if(sync.position != self.position(), "sync_position")?;
        let is_wrong = |last: Sync| sync.epoch < last.epoch || sync.epoch > last.epoch && !sync.is_resumed();
        stop_if(self.last_sync.is_some_and(is_wrong), "sync_epoch")?;
        stop_if(sync.sequence != self.count, "sync_sequence")
    }
}

fn stop_if(condition: bool, reason: &'static str) -> Result<(), &'static str> {
    if condition { Err(reason) } else { Ok(()) }
}

/// The body of a control frame that says what it is.
pub(super) fn is_kind(body: &[u8]) -> bool {
    body.len() >= 8 && body[..4].iter().all(u8::is_ascii_alphabetic)
}

/// Reads what follows the header, up to the first frame that isn't accepted.
#[must_use]
pub fn read(rules: &Rules, bytes: &[u8]) -> Reading {
    let mut reader = Reader::new(rules);
    let mut parts = Vec::new();
    loop {
        match reader.frame(rules, bytes, false) {
            Some(Ok((part, len))) => {
                reader.accept(&part, len);
                parts.push(part);
            }
            Some(Err(reason)) => return Reading { parts, end: reader.offset, stop: Some(reason), reader },
            None => return Reading { parts, end: reader.offset, stop: None, reader },
        }
    }
}
