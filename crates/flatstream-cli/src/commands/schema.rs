use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use flatstream::Header;
use flatstream::schema::{ConformError, Schema, Visitor, Walker, conform};
use serde_json::json;

use crate::arguments::{Attach, Conform, Extract, FactsFormat, Reading, SchemaCommand, Show};
use crate::commands::cat::refuse_terminal;
use crate::commands::cut::closing_time;
use crate::messages::{Item, Messages, Place};
use crate::new_stream::{Made, NewStream, check_name, header_like};
use crate::outcome::{Done, Failure, Outcome};
use crate::output::Output;
use crate::text::{counted, printable_lines};

pub(crate) fn run(command: &SchemaCommand) -> Outcome {
    match command {
        SchemaCommand::Show(options) => show(options),
        SchemaCommand::Extract(options) => extract(options),
        SchemaCommand::Attach(options) => attach(options),
        SchemaCommand::Conform(options) => check(options),
    }
}

fn show(options: &Show) -> Outcome {
    let path = &options.file;
    let bfbs = schema_of(path)?;
    let schema = Schema::read(&bfbs).map_err(|error| unusable(path, &error))?;
    let mut out = io::stdout().lock();
    match options.format {
        FactsFormat::Text => write!(out, "{}", printable_lines(&schema.to_fbs()))?,
        FactsFormat::Json => {
            let value = json!({
                "path": path.to_string_lossy(),
                "bytes": bfbs.len(),
                "root_type": schema.root_table(),
                "file_identifier": schema.file_identifier(),
                "fbs": schema.to_fbs(),
            });
            writeln!(out, "{value}")?;
        }
    }
    out.flush()?;
    Ok(Done::Well)
}

fn extract(options: &Extract) -> Outcome {
    let output = &options.output;
    let to_standard_output = output.as_os_str() == "-";
    if to_standard_output {
        refuse_terminal("binary schemas")?;
        if options.format == FactsFormat::Json {
            return Err(Failure::usage("the standard output has the schema: --format json needs a file as --output"));
        }
    }
    let bfbs = schema_of(&options.file)?;
    let mut file = Output::create(output)?;
    file.write_all(&bfbs).map_err(|error| Output::failed(output, error))?;
    file.finish()?;
    if to_standard_output {
        return Ok(Done::Well);
    }
    let mut out = io::stdout();
    match options.format {
        FactsFormat::Text => writeln!(out, "{} in {}", counted(bfbs.len() as u64, "byte"), output.display())?,
        FactsFormat::Json => {
            let value = json!({
                "path": options.file.to_string_lossy(),
                "output": output.to_string_lossy(),
                "bytes": bfbs.len(),
            });
            writeln!(out, "{value}")?;
        }
    }
    Ok(Done::Well)
}

fn attach(options: &Attach) -> Outcome {
    check_name(&options.output)?;
    let (path, schema_path) = (&options.file, &options.schema);
    let bfbs = read_schema(schema_path)?;
    let schema = Schema::read(&bfbs).map_err(|error| unusable(schema_path, &error))?;
    let mut messages = Messages::open(path, &Reading::default())?;
    let header = messages.header().ok_or_else(|| no_header(path))?.clone();
    if let Some(old) = header.schema() {
        conform(old, &bfbs).map_err(|error| does_not_conform(path, schema_path, &error))?;
    }
    let root = root_of(options, &header, &schema)?;
    let walker = Walker::of_table(&schema, &root).map_err(|error| unusable(schema_path, &error))?;
    let mut new = NewStream::create(&options.output, &header_like(&header).message_type(&root).schema(bfbs.clone()))?;
    let mut last = None;
    messages.each(&Place::All, None, |item| {
        if !options.unchecked {
            check_message(&walker, &item, schema_path)?;
        }
        last = item.sync;
        new.append(&item)?;
        Ok(true)
    })?;
    let made = new.finish(closing_time(messages.sync_behind(last)))?;
    say_attached(options, &root, made)?;
    Ok(Done::Well)
}

fn say_attached(options: &Attach, root: &str, made: Made) -> io::Result<()> {
    let mut out = io::stdout();
    if options.format == FactsFormat::Json {
        let value = json!({
            "path": options.file.to_string_lossy(),
            "output": options.output.to_string_lossy(),
            "messages": made.messages,
            "bytes": made.bytes,
            "root_type": root,
            "decoded": !options.unchecked,
        });
        return writeln!(out, "{value}");
    }
    let (messages, output) = (counted(made.messages, "message"), options.output.display());
    let checked = if options.unchecked { "" } else { "decoded, " };
    writeln!(out, "{messages} with their schema in {output}, {checked}read back and compared")
}

/// The table that messages are: as the header says, or as whoever attaches the schema does.
fn root_of(options: &Attach, header: &Header, schema: &Schema<'_>) -> Result<String, Failure> {
    let (path, schema_path) = (options.file.display(), options.schema.display());
    match (header.message_type(), &options.root) {
        (Some(said), Some(given)) if said != given => {
            Err(Failure::usage(format!("the messages of {path} are {said}, not {given}")))
        }
        (Some(name), _) if !schema.has_table(name) => Err(Failure::Other {
            what: format!("the messages of {path} are {name}, and {schema_path} has no table of this name"),
            advice: None,
        }),
        (Some(name), _) => Ok(name.to_owned()),
        (None, Some(name)) => Ok(name.clone()),
        (None, None) => schema.root_table().map(str::to_owned).ok_or_else(|| {
            Failure::usage(format!("{schema_path} has no root type: --root TABLE says which table the messages are"))
        }),
    }
}

fn check_message(walker: &Walker, item: &Item, schema: &Path) -> Result<(), Failure> {
    decode(walker, &item.message).map_err(|error| {
        let number = item.sequence.map(|number| format!(" {number}")).unwrap_or_default();
        let position = item.message.position();
        let what = format!("message{number}, at position {position}, isn't one of {}: {error}", schema.display());
        Failure::Other { what, advice: Some("`--unchecked` attaches the schema all the same".to_owned()) }
    })
}

/// Looks at all of a message, and at nothing it says.
pub(crate) fn decode(walker: &Walker, message: &[u8]) -> Result<(), String> {
    struct Nothing;
    impl Visitor<'_> for Nothing {
        type Error = Infallible;
    }
    walker.walk(message, &mut Nothing).map_err(|error| error.to_string())
}

fn check(options: &Conform) -> Outcome {
    let (path, schema_path) = (&options.file, &options.schema);
    let old = schema_of(path)?;
    let new = read_schema(schema_path)?;
    let outcome = conform(&old, &new);
    let mismatch = match &outcome {
        Ok(()) => None,
        Err(ConformError::Mismatch(mismatch)) => Some(mismatch.to_string()),
        Err(error) => return Err(does_not_conform(path, schema_path, error)),
    };
    let mut out = io::stdout().lock();
    if options.format == FactsFormat::Json {
        let value = json!({
            "path": path.to_string_lossy(),
            "schema": schema_path.to_string_lossy(),
            "conforms": mismatch.is_none(),
            "mismatch": mismatch,
        });
        writeln!(out, "{value}")?;
    } else {
        let (path, schema) = (path.display(), schema_path.display());
        match &mismatch {
            None => writeln!(out, "{path} can be continued under {schema}")?,
            Some(mismatch) => writeln!(out, "{path} can't be continued under {schema}: {mismatch}")?,
        }
    }
    out.flush()?;
    Ok(if mismatch.is_none() { Done::Well } else { Done::Damaged })
}

/// Of a stream, of a log, or what is one by itself.
fn schema_of(path: &Path) -> Result<Vec<u8>, Failure> {
    if is_schema(path) {
        return read_schema(path);
    }
    let messages = Messages::open(path, &Reading::default())?;
    let header = messages.header().ok_or_else(|| no_header(path))?;
    header.schema().map(<[u8]>::to_vec).ok_or_else(|| Failure::Other {
        what: format!("{} has no schema", path.display()),
        advice: Some(format!(
            "`flatstream schema attach {} --schema FILE.bfbs --output NEW` gives it one",
            path.display()
        )),
    })
}

fn is_schema(path: &Path) -> bool {
    let mut begin = [0; 8];
    let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file());
    is_file && File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok() && begin[4..] == *b"BFBS"
}

fn read_schema(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::file(path, "read", &error))
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::Other { what: format!("{}: {error}", path.display()), advice: None }
}

fn no_header(path: &Path) -> Failure {
    Failure::Other { what: format!("{}: no header", path.display()), advice: None }
}

fn does_not_conform(path: &Path, schema: &Path, error: &ConformError) -> Failure {
    let what = format!("{} can't be continued under {}: {error}", path.display(), schema.display());
    Failure::Other { what, advice: None }
}
