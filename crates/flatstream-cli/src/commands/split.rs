use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use flatstream::format::{Sync, frame_len, layout};
use flatstream::schema::FieldPath;
use flatstream::{Dropped, Header, TIME_NONE};
use serde_json::json;

use crate::arguments::{FactsFormat, Reading, SchemaOptions, Split};
use crate::commands::cut::closing_time;
use crate::key::{KeyValue, field_of};
use crate::messages::{Item, Messages, Place};
use crate::new_stream::{NewStream, header_like};
use crate::outcome::{Done, Failure, Outcome};
use crate::shape;
use crate::text::counted;

/// What a part says of where it came from, in its metadata.
mod keys {
    /// The id of the stream, or of the log, in 16 hexadecimal digits.
    pub(super) const FROM: &str = "flatstream.split.from";
    /// The number that its first message had there.
    pub(super) const FIRST_SEQUENCE: &str = "flatstream.split.first_sequence";
}

/// So many files are open at a time: systems allow a thousand or so.
const OPEN_MAX: usize = 500;

/// So many parts that are complete wait for the sync frame that tells when.
const WAITING_MAX: usize = 64;

pub(crate) fn run(options: &Split) -> Outcome {
    let messages = Messages::open(&options.file, &Reading::default())?;
    let no_header = || Failure::Other { what: format!("{}: no header", options.file.display()), advice: None };
    let header = messages.header().ok_or_else(no_header)?.clone();
    let rule = Rule::of(options, &header)?;
    let is_new = make_folder(&options.output)?;
    let outcome = split(options, messages, header, rule);
    if is_new && outcome.is_err() {
        // Only if no part is in it.
        let _ = fs::remove_dir(&options.output);
    }
    say(options, &outcome?)?;
    Ok(Done::Well)
}

fn split(options: &Split, mut messages: Messages, header: Header, rule: Rule) -> Result<Vec<Part>, Failure> {
    let mut parts = Parts {
        folder: &options.output,
        header,
        from: messages.id(),
        rule,
        open: BTreeMap::new(),
        waiting: Vec::new(),
        made: Vec::new(),
    };
    let mut last = None;
    messages.each(&Place::All, None, |mut item| {
        last = item.sync;
        if options.by.is_some() {
            // Nobody knows which value it had.
            item.dropped = Dropped::default();
        }
        parts.take(&item)?;
        Ok(true)
    })?;
    parts.finish(messages.sync_behind(last))
}

/// Whether it wasn't there before.
fn make_folder(folder: &Path) -> Result<bool, Failure> {
    let failed = |error| Failure::file(folder, "made", &error);
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(false),
            Some(_) => Err(Failure::Other {
                what: format!("the folder {} isn't empty", folder.display()),
                advice: Some("choose another: nothing is written over".to_owned()),
            }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder).map_err(failed).map(|()| true)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Which part a message belongs to.
enum Rule {
    Messages(u64),
    Bytes(u64),
    Field(FieldPath),
}

impl Rule {
    fn of(options: &Split, header: &Header) -> Result<Self, Failure> {
        match (options.every_messages, options.every_bytes, &options.by) {
            (Some(count), ..) => Ok(Self::Messages(count)),
            (_, Some(bytes), _) => Ok(Self::Bytes(bytes)),
            (_, _, Some(by)) => {
                let walker = shape::walker(Some(header), &SchemaOptions::default())?;
                let no_schema =
                    || Failure::usage(format!("{}: no schema says which fields there are", options.file.display()));
                field_of(by, &walker.ok_or_else(no_schema)?).map(Self::Field)
            }
            (None, None, None) => Err(Failure::usage("how to split must be said")),
        }
    }

    /// Whether the message begins another part than the one that is written.
    fn is_full(&self, part: &NewStream, message: &[u8]) -> bool {
        // A sync frame may come before the message, and one closes the stream.
        const SYNCS: u64 = 2 * layout::sync::FRAME_LEN as u64;
        match self {
            Self::Messages(count) => part.messages() >= *count,
            Self::Bytes(bytes) => part.position() + frame_len(message.len() as u32) + SYNCS > *bytes,
            Self::Field(_) => false,
        }
    }
}

struct Parts<'a> {
    folder: &'a Path,
    header: Header,
    from: Option<u64>,
    rule: Rule,
    open: BTreeMap<String, NewStream>,
    waiting: Vec<NewStream>,
    made: Vec<Part>,
}

struct Part {
    path: String,
    messages: u64,
    bytes: u64,
}

impl Parts<'_> {
    fn take(&mut self, item: &Item) -> Result<(), Failure> {
        self.close_waiting(item.sync)?;
        let name = match &self.rule {
            Rule::Field(field) => name_of(field, item)?,
            Rule::Messages(_) | Rule::Bytes(_) => String::new(),
        };
        if self.open.get(&name).is_some_and(|part| self.rule.is_full(part, &item.message)) {
            self.waiting.extend(self.open.remove(&name));
        }
        if !self.open.contains_key(&name) {
            self.begin(&name, item)?;
        }
        match self.open.get_mut(&name) {
            Some(part) => part.append(item),
            None => Ok(()),
        }
    }

    fn begin(&mut self, name: &str, item: &Item) -> Result<(), Failure> {
        if self.open.len() >= OPEN_MAX {
            return Err(Failure::Other {
                what: format!("more than {OPEN_MAX} values, and each would get a stream of its own"),
                advice: Some("`flatstream cut --where FIELD=VALUE` makes one of them".to_owned()),
            });
        }
        let number = item.sequence.unwrap_or_default();
        let file = if name.is_empty() { format!("{number:020}.fls") } else { format!("{name}.fls") };
        let mut header = header_like(&self.header);
        if let Some(id) = self.from.or(item.sync.map(|sync| sync.stream_id)) {
            header = header.metadata(keys::FROM, format!("{id:016x}"));
        }
        header = header.metadata(keys::FIRST_SEQUENCE, number.to_string());
        self.open.insert(name.to_owned(), NewStream::create(&self.folder.join(file), &header)?);
        Ok(())
    }

    /// Closes the parts behind whose last message a sync frame was seen.
    fn close_waiting(&mut self, sync: Option<Sync>) -> Result<(), Failure> {
        if self.waiting.first().is_some_and(|part| part.last_sync() != sync) {
            for part in std::mem::take(&mut self.waiting) {
                self.close(part, closing_time(sync))?;
            }
        }
        if self.waiting.len() > WAITING_MAX {
            let part = self.waiting.remove(0);
            self.close(part, TIME_NONE)?;
        }
        Ok(())
    }

    fn close(&mut self, part: NewStream, time: i64) -> Result<(), Failure> {
        let path = part.path().to_string_lossy().into_owned();
        let made = part.finish(time)?;
        self.made.push(Part { path, messages: made.messages, bytes: made.bytes });
        Ok(())
    }

    fn finish(mut self, behind: Option<Sync>) -> Result<Vec<Part>, Failure> {
        let parts = std::mem::take(&mut self.waiting).into_iter().chain(std::mem::take(&mut self.open).into_values());
        for part in parts {
            self.close(part, closing_time(behind))?;
        }
        self.made.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(self.made)
    }
}

/// A file's name by what the message says there: `source_id=pump-1`, or `source_id` if it says nothing. What a file
/// system or a shell could misread is written as `%` and two hexadecimal digits.
fn name_of(field: &FieldPath, item: &Item) -> Result<String, Failure> {
    let bad = |error: flatstream::schema::MessageError| Failure::Other {
        what: format!("the message at position {} can't be read: {error}", item.message.position()),
        advice: None,
    };
    let mut name = field.as_str().to_owned();
    if let Some(value) = field.read(&item.message).map_err(bad)? {
        let named = field.enumeration().and_then(|declared| declared.name_of(value));
        name.push('=');
        for character in named.map_or_else(|| KeyValue::of(value).to_string(), str::to_owned).chars() {
            match character {
                '-' | '_' | '.' | '+' => name.push(character),
                _ if character.is_alphanumeric() => name.push(character),
                _ => {
                    let mut bytes = [0; 4];
                    let bytes = character.encode_utf8(&mut bytes).bytes();
                    bytes.for_each(|byte| name.push_str(&format!("%{byte:02x}")));
                }
            }
        }
    }
    Ok(name)
}

fn say(options: &Split, parts: &[Part]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let messages: u64 = parts.iter().map(|part| part.messages).sum();
    if options.format == FactsFormat::Json {
        let of = |part: &Part| json!({"path": part.path, "messages": part.messages, "bytes": part.bytes});
        let value = json!({
            "path": options.file.to_string_lossy(),
            "messages": messages,
            "parts": parts.iter().map(of).collect::<Vec<_>>(),
        });
        writeln!(out, "{value}")?;
    } else {
        let (messages, streams) = (counted(messages, "message"), counted(parts.len() as u64, "stream"));
        writeln!(out, "{messages} in {streams}, each read back and compared")?;
        for part in parts {
            writeln!(out, "  {}: {}", part.path, counted(part.messages, "message"))?;
        }
    }
    out.flush()
}
