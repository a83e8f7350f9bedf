use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use flatstream::Header;
use flatstream::schema::{FieldPath, MessageError, Walker};
use indicatif::ProgressBar;

use crate::arguments::{Plot as Options, TimeUnit, Window};
use crate::input::STANDARD_INPUT;
use crate::key::field_of;
use crate::messages::{Item, Place};
use crate::outcome::{Done, Failure, Outcome};
use crate::plot::{Along, Drawn, Noticed, Plot, Points, Room, Style};
use crate::progress;
use crate::selection::Selected;
use crate::shape;
use crate::text::{count, counted};

/// Of a picture, if nobody says how wide.
const WIDTH: u32 = 1200;

/// Of a terminal that doesn't say.
const COLUMNS: u32 = 80;

/// So many messages are read before it is shown.
const SHOWN_EVERY: u64 = 4096;

/// Where the picture goes.
enum To<'a> {
    Terminal(Room),
    StandardOutput { width: u32 },
    Svg { path: &'a Path, width: u32 },
    Png { path: &'a Path, width: u32 },
}

pub(crate) fn run(options: &Options) -> Outcome {
    let (fields, file) = fields_and_file(options)?;
    let to = To::of(options)?;
    to.refuse_input(file)?;
    let mut selected = Selected::open(file, &options.selection)?;
    let clock = selected.header().map(Header::clock).unwrap_or_default();
    let no_schema = || Failure::usage(format!("{}: no schema says which fields there are", file.display()));
    let schema = &options.selection.reading.choice.schema;
    let walker = shape::walker(selected.header(), schema)?.ok_or_else(no_schema)?;
    let mut reading = Reading {
        points: Points::new(along(options, &walker)?, parse_all(&fields, &walker)?, to.pixels()),
        is_lenient: options.selection.reading.recover,
        bar: bar(file, &options.selection.window),
        bytes: 0,
    };
    let result = selected.scan(|item, is_chosen| reading.take(item, is_chosen).map(|()| true));
    reading.bar.finish_and_clear();
    let mut points = reading.points;
    points.finish(match result {
        Ok(_) if points.is_by_time() => selected.sync_behind(points.last_sync()),
        _ => None,
    });
    let noticed = points.noticed;
    let style = Style {
        title: title(options, file),
        subtitle: subtitle(options, noticed, selected.losses().messages, result.is_err()),
        is_apart: options.panels || to.is_without_colours(),
        clock,
    };
    let place_name = points.place_name().to_owned();
    let plot = Plot::new(points, style);
    say(&plot, noticed, &place_name);
    to.write(&plot, options.height)?;
    let of_messages = if noticed.undecoded > 0 { Done::WithLoss } else { Done::Well };
    result.map(|done| done.max(of_messages))
}

fn fields_and_file(options: &Options) -> Result<(Vec<&str>, &Path), Failure> {
    let [fields @ .., file] = &options.fields_and_file[..] else { return Err(Failure::usage("FILE is missing")) };
    let file = Path::new(file);
    if fields.is_empty() {
        return Err(Failure::usage(format!(
            "{}: a FIELD before it, or the FILE behind it, is missing",
            file.display()
        )));
    }
    let no_field = |field: &OsString| Failure::usage(format!("{field:?} is no field"));
    Ok((fields.iter().map(|field| field.to_str().ok_or_else(|| no_field(field))).collect::<Result<_, _>>()?, file))
}

fn parse_all(fields: &[&str], walker: &Walker) -> Result<Vec<Drawn>, Failure> {
    fields.iter().map(|field| Drawn::parse(field, walker)).collect()
}

fn along(options: &Options, walker: &Walker) -> Result<Along, Failure> {
    if options.by_number {
        return Ok(Along::Number);
    }
    let Some(x) = &options.x else { return Ok(Along::Time) };
    Drawn::parse(x, walker)?;
    let path = field_of(x, walker)?;
    let unit = match options.x_unit {
        Some(unit) => nanoseconds(unit),
        None => unit_of(&path),
    };
    Ok(Along::Field { path, unit })
}

fn nanoseconds(unit: TimeUnit) -> Option<i128> {
    Some(match unit {
        TimeUnit::Ns => 1,
        TimeUnit::Us => 1000,
        TimeUnit::Ms => 1_000_000,
        TimeUnit::S => 1_000_000_000,
        TimeUnit::None => return None,
    })
}

/// By the end of its name.
fn unit_of(path: &FieldPath) -> Option<i128> {
    let (_, end) = path.field().name().rsplit_once('_')?;
    let unit = match end {
        "ns" => TimeUnit::Ns,
        "us" => TimeUnit::Us,
        "ms" => TimeUnit::Ms,
        "s" => TimeUnit::S,
        _ => return None,
    };
    nanoseconds(unit)
}

/// Of a whole file it is known how much there is to read.
fn bar(file: &Path, window: &Window) -> ProgressBar {
    let bytes = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
    match (bytes, Place::of(window)) {
        (Some(bytes), Ok(Place::All)) => progress::bar(bytes, "reading"),
        _ => progress::spinner("reading"),
    }
}

struct Reading {
    points: Points,
    is_lenient: bool,
    bar: ProgressBar,
    /// That the bar doesn't show yet.
    bytes: u64,
}

impl Reading {
    fn take(&mut self, item: &Item, is_chosen: bool) -> Result<(), Failure> {
        self.bytes += (item.message.len() as u64 + 8).next_multiple_of(8);
        if self.points.noticed.messages.is_multiple_of(SHOWN_EVERY) {
            self.bar.inc(std::mem::take(&mut self.bytes));
        }
        match self.points.take(item, is_chosen) {
            Ok(()) => Ok(()),
            Err(_) if self.is_lenient => {
                self.points.noticed.undecoded += 1;
                Ok(())
            }
            Err(error) => Err(undecoded(item, &error)),
        }
    }
}

fn undecoded(item: &Item, error: &MessageError) -> Failure {
    let position = item.message.position();
    let place = match item.sequence {
        Some(sequence) => format!("message {sequence}, at position {position}"),
        None => format!("the message at position {position}"),
    };
    Failure::Other {
        what: format!("{place}, isn't one of the schema: {error}"),
        advice: Some("`--recover` goes on behind it".to_owned()),
    }
}

fn title(options: &Options, file: &Path) -> String {
    if let Some(title) = &options.title {
        return title.clone();
    }
    if file.as_os_str() == "-" {
        return STANDARD_INPUT.to_owned();
    }
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

fn subtitle(options: &Options, noticed: Noticed, lost: u64, is_cut_short: bool) -> String {
    let Noticed { messages, chosen, .. } = noticed;
    let mut text = match chosen == messages {
        true => counted(messages, "message"),
        false => format!("{} of {}", count(chosen), counted(messages, "message")),
    };
    for condition in &options.selection.reading.choice.conditions {
        text += &format!(", {condition}");
    }
    if lost > 0 {
        let mark = if options.term { "\u{d7}" } else { "shaded" };
        text += &format!("; {} lost ({mark})", counted(lost, "message"));
    }
    if is_cut_short {
        text += "; read up to an error";
    }
    text
}

/// What isn't in the picture.
fn say(plot: &Plot, noticed: Noticed, place_name: &str) {
    for field in plot.empty_fields() {
        eprintln!("{field}: nothing to draw");
    }
    if noticed.undecoded > 0 {
        eprintln!("{} not of the schema, not drawn", counted(noticed.undecoded, "message"));
    }
    if noticed.without_place > 0 {
        eprintln!("{} without {place_name}, not drawn", counted(noticed.without_place, "message"));
    }
    if noticed.infinite > 0 {
        eprintln!("{} infinite, not drawn", counted(noticed.infinite, "value"));
    }
    if plot.returns() > 0 {
        eprintln!("{} back from right to left, where the line begins anew", counted(plot.returns(), "step"));
    }
}

impl<'a> To<'a> {
    /// A picture that is there is written over, but not what it is drawn of.
    fn refuse_input(&self, file: &Path) -> Result<(), Failure> {
        let (Self::Svg { path, .. } | Self::Png { path, .. }) = self else { return Ok(()) };
        match (path.canonicalize(), file.canonicalize()) {
            (Ok(picture), Ok(stream)) if picture == stream => {
                Err(Failure::usage(format!("{} is what is to be drawn: choose another name", path.display())))
            }
            _ => Ok(()),
        }
    }

    fn of(options: &'a Options) -> Result<Self, Failure> {
        let Some(path) = &options.output else { return Ok(Self::Terminal(room(options))) };
        let width = options.width.unwrap_or(WIDTH);
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        match extension.as_deref() {
            _ if path.as_os_str() == "-" => Ok(Self::StandardOutput { width }),
            Some("svg") => Ok(Self::Svg { path, width }),
            Some("png") => Ok(Self::Png { path, width }),
            _ => Err(Failure::usage(format!("{}: expected NAME.svg, NAME.png, or -", path.display()))),
        }
    }

    /// In what can be told apart.
    fn pixels(&self) -> usize {
        match self {
            Self::Terminal(room) => room.width * 2,
            Self::StandardOutput { width } | Self::Svg { width, .. } | Self::Png { width, .. } => *width as usize,
        }
    }

    /// Whether lines over each other couldn't be told apart.
    fn is_without_colours(&self) -> bool {
        matches!(self, Self::Terminal(Room { has_colours: false, .. }))
    }

    fn write(&self, plot: &Plot, height: Option<u32>) -> Result<(), Failure> {
        let (path, picture) = match self {
            Self::Terminal(room) => return print(&plot.characters(*room)),
            Self::StandardOutput { width } => return print(&plot.svg(*width, height)),
            Self::Svg { path, width } => (path, plot.svg(*width, height).into_bytes()),
            Self::Png { path, width } => {
                let cant = |what| Failure::Other { what: format!("{}: {what}", path.display()), advice: None };
                (path, plot.png(*width, height).map_err(cant)?)
            }
        };
        let failed = |error| Failure::file(path, "written", &error);
        // An older picture stays until this one is whole.
        let new = path.with_added_extension("new");
        fs::write(&new, picture).and_then(|()| fs::rename(&new, path)).map_err(|error| {
            let _ = fs::remove_file(&new);
            failed(error)
        })
    }
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// By the options, or else what the terminal has, or was said to have.
fn room(options: &Options) -> Room {
    let said = || std::env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns > 0);
    let found = || terminal_size::terminal_size().map(|(width, _)| width.0.into());
    let width = options.width.or_else(said).or_else(found).unwrap_or(COLUMNS);
    let has_colours = io::stdout().is_terminal() && wants_colours(|name| std::env::var_os(name));
    Room { width: width as usize, height: options.height.map(|height| height as usize), has_colours }
}

/// By the environment: <https://no-color.org>.
fn wants_colours(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_refused = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    !is_refused && variable("TERM").is_none_or(|name| name != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_can_be_refused() {
        let wants = |set: &str, to: &str| wants_colours(|name| (name == set).then(|| to.into()));
        assert!(wants("TERM", "xterm") && wants("NO_COLOR", "") && wants("HOME", "x"));
        assert!(!wants("NO_COLOR", "1") && !wants("TERM", "dumb"));
    }
}
