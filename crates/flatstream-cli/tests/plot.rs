//! `flatstream plot`

mod common;

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::{
    Recording, START, event, flatstream, read, record, record_damaged, record_log, record_torn, record_without_schema,
    segments_of, write_text,
};
use flatbuffers::FlatBufferBuilder;
use flatstream::{Clock, WriteOptions, Writer};
use flatstream_testkit::folder::Folder;
use snapbox::str;
use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs};

/// A table of scalars that may be null.
const OPTIONAL: &[u8] = include_bytes!("../../flatstream-schema/tests/schemas/optional.bfbs");

fn run(folder: &Folder, arguments: &[&str]) -> Output {
    flatstream(folder).arg("plot").args(arguments).output().unwrap()
}

/// An SVG of the standard output; the program has nothing else to say.
fn svg(folder: &Folder, arguments: &[&str]) -> String {
    let output = run(folder, &[arguments, &["-o", "-"]].concat());
    assert_eq!(
        (output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()),
        (Some(0), ""),
        "{arguments:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The lines that show a field, through these places.
fn lines(svg: &str, field: &str) -> Vec<Vec<(f64, f64)>> {
    let (_, rest) = svg.split_once(&format!("<title>{field}</title>")).expect("a line of this name");
    let group = rest.split("</g>").next().unwrap();
    let paths = group.split("<path d=\"").skip(1).map(|path| path.split('"').next().unwrap());
    let place = |text: &str| {
        let (x, y) = text.trim_end_matches("h.01").split_once(' ').unwrap();
        (x.parse().unwrap(), y.parse().unwrap())
    };
    let line = |text: &str| text.split('L').map(place).collect();
    paths.flat_map(|path| path.split('M').skip(1)).map(line).collect()
}

/// Those that are no dots.
fn strokes(svg: &str, field: &str) -> Vec<Vec<(f64, f64)>> {
    lines(svg, field).into_iter().filter(|line| line.len() > 1).collect()
}

/// A stream of values, 100 ms apart by their own time.
fn record_values(path: &Path, values: impl IntoIterator<Item = f64>) {
    record_points(path, (0..).zip(values).map(|(number, value)| (START as u64 + number * 100_000_000, value)));
}

fn record_points(path: &Path, points: impl IntoIterator<Item = (u64, f64)>) {
    let recording = Recording::new().with_schema();
    let mut writer = recording.create(path);
    for (number, (timestamp_ns, value)) in (0..).zip(points) {
        recording.tick(number);
        let mut builder = FlatBufferBuilder::new();
        let event = TelemetryEvent::create(&mut builder, &TelemetryEventArgs { timestamp_ns, source_id: None, value });
        builder.finish(event, None);
        writer.append(builder.finished_data()).unwrap();
    }
    writer.finish().unwrap();
}

/// A bool, a double, and an enum, each of which may be missing.
fn record_readings(path: &Path, readings: &[(Option<bool>, Option<f64>, Option<i8>)]) {
    let options = WriteOptions::new().stream_id(7).message_type("Optional.Reading").schema(OPTIONAL);
    let mut writer = Writer::create_new(path, options.clock(Clock::Monotonic, || flatstream::TIME_NONE)).unwrap();
    for (a, k, state) in readings {
        let mut builder = FlatBufferBuilder::new();
        let table = builder.start_table();
        if let Some(k) = k {
            builder.push_slot_always(24, *k);
        }
        if let Some(a) = a {
            builder.push_slot_always(4, *a);
        }
        if let Some(state) = state {
            builder.push_slot_always(26, *state);
        }
        let table = builder.end_table(table);
        builder.finish(table, None);
        writer.append(builder.finished_data()).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn a_field_is_drawn_over_time_in_the_terminal() {
    let folder = Folder::new("cli-plot-term");
    record(&folder, "events.fls");
    flatstream(&folder)
        .env("COLUMNS", "70")
        .args(["plot", "value", "events.fls", "--term", "--height", "16"])
        .assert()
        .success()
        .stderr_eq("")
        .stdout_eq(str![[r#"
events.fls
100 messages
    value
   │                                                             ⢀⣀⠤⠤⠂
   │                                                     ⢀⣀⡠⠤⠔⠒⠊⠉⠁
30 ┤                                             ⣀⣀⠤⠤⠒⠒⠉⠉⠁
   │                                     ⢀⣀⡠⠤⠒⠒⠉⠉
   │                             ⢀⣀⡠⠤⠔⠒⠊⠉⠁
25 ┤                     ⢀⣀⡠⠤⠔⠒⠊⠉⠁
   │             ⣀⣀⡠⠤⠔⠒⠊⠉⠁
   │     ⣀⣀⠤⠤⠒⠒⠉⠉
20 ┤⠠⠔⠒⠊⠉
   └─┬────────────┬────────────┬────────────┬────────────┬────────────
 10:00:00     10:00:02     10:00:04     10:00:06     10:00:08
2026-11-27
                                time (UTC)

"#]]);
}

#[test]
fn a_small_picture_says_what_it_shows() {
    let folder = Folder::new("cli-plot-svg");
    record(&folder, "events.fls");
    let arguments = ["plot", "value", "events.fls", "--last", "3", "--width", "420", "--height", "220", "-o", "a.svg"];
    flatstream(&folder).args(arguments).assert().success().stdout_eq("").stderr_eq("");
    snapbox::assert_data_eq!(fs::read_to_string(folder.join("a.svg")).unwrap(), snapbox::file!["plot/small.svg"]);
    let again = run(&folder, &[&arguments[1..9], &["-o", "-"]].concat());
    assert!(again.stdout == read(&folder.join("a.svg")), "the same input gives the same bytes");
}

#[test]
fn a_png_is_a_picture_of_the_same() {
    let folder = Folder::new("cli-plot-png");
    record(&folder, "events.fls");
    let arguments = ["value", "events.fls", "--width", "600", "--height", "300", "-o"];
    for name in ["a.png", "b.PNG"] {
        let output = run(&folder, &[&arguments[..], &[name]].concat());
        assert_eq!((output.status.code(), output.stdout, output.stderr), (Some(0), vec![], vec![]));
    }
    assert!(read(&folder.join("a.png")) == read(&folder.join("b.PNG")));
    let pixels = tiny_skia::Pixmap::load_png(folder.join("a.png")).unwrap();
    assert_eq!((pixels.width(), pixels.height()), (600, 300));
    let is_blue = |x: u32, y: u32| pixels.pixel(x, y).is_some_and(|pixel| (pixel.red(), pixel.blue()) == (0, 0xB2));
    let column = |x: u32| (0..300).filter(|y| is_blue(x, *y)).collect::<Vec<u32>>();
    // From the lower left to the upper right.
    let drawn: Vec<u32> = (0..600).filter_map(|x| column(x).first().copied()).collect();
    assert!(drawn.len() > 100 && drawn.first().unwrap() > drawn.last().unwrap(), "{drawn:?}");
    let svg = svg(&folder, &arguments[..6]);
    let (x, y) = strokes(&svg, "value")[0][50];
    assert!((y as u32 - 2..=y as u32 + 2).any(|y| is_blue(x as u32, y)), "the SVG has {x} {y}");
}

#[test]
fn messages_between_sync_frames_are_spread_over_their_time() {
    let folder = Folder::new("cli-plot-spread");
    record(&folder, "events.fls");
    let svg = svg(&folder, &["value", "events.fls"]);
    let line = &strokes(&svg, "value")[0];
    assert_eq!(line.len(), 100);
    let steps: Vec<f64> = line.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(steps[..80].iter().all(|step| (step - steps[0]).abs() < 0.02), "{steps:?}");
    // By the field itself the same line.
    let by_field = by_field(&folder);
    assert!(by_field.contains(">timestamp_ns (UTC)<"));
    assert_eq!(strokes(&by_field, "value")[0].len(), 100);
}

fn by_field(folder: &Folder) -> String {
    svg(folder, &["value", "events.fls", "--x", "timestamp_ns"])
}

#[test]
fn files_logs_and_pipes_give_the_same_picture() {
    let folder = Folder::new("cli-plot-sources");
    let path = record(&folder, "events.fls");
    record_log(&folder, "log");
    for arguments in [
        vec!["--x", "timestamp_ns"],
        vec!["--by-number", "--sequences", "20..60"],
        vec!["--by-number", "--last", "7"],
        vec!["--x", "timestamp_ns", "--key", "value=25..30"],
        vec!["--x", "timestamp_ns", "--where", "source_id=pump-1", "--where", "value<25"],
    ] {
        let arguments = [&["value", "--title", "events", "-o", "-"], &arguments[..]].concat();
        let of_file = run(&folder, &[&arguments[..], &["events.fls"]].concat());
        assert_eq!(of_file.status.code(), Some(0), "{arguments:?}");
        let of_log = run(&folder, &[&arguments[..], &["log"]].concat());
        assert!(of_log.stdout == of_file.stdout, "{arguments:?} of a log");
        let of_pipe = flatstream(&folder).arg("plot").args(&arguments).arg("-").stdin(read(&path)).output().unwrap();
        assert!(of_pipe.stdout == of_file.stdout, "{arguments:?} of a pipe");
    }
    assert!(svg(&folder, &["value", "log", "--times", "2026-11-27T10:00:03Z..2026-11-27T10:00:05Z"]).contains(">log<"));
    // In a log, times are spread over messages within each segment and from one to the next.
    let line = strokes(&svg(&folder, &["value", "log"]), "value").remove(0);
    assert_eq!(line.len(), 100);
    assert!(line.windows(2).take(85).all(|pair| pair[1].0 > pair[0].0), "{line:?}");
}

#[test]
fn what_comes_before_the_first_time_has_no_place() {
    let folder = Folder::new("cli-plot-no-first-time");
    record_damaged(&folder, "events.fls");
    // What was salvaged begins without a time, and has those of the source from its next sync frame on.
    flatstream(&folder).args(["recover", "events.fls", "--output", "saved.fls"]).assert().code(3);
    let output = run(&folder, &["value", "saved.fls", "-o", "-"]);
    assert_eq!(output.status.code(), Some(0));
    snapbox::assert_data_eq!(
        String::from_utf8(output.stderr).unwrap(),
        str![[r#"
15 messages without a time, not drawn

"#]]
    );
    assert!(String::from_utf8(output.stdout).unwrap().contains(">time (UTC)<"));
}

#[test]
fn messages_that_conditions_leave_out_leave_no_gap() {
    let folder = Folder::new("cli-plot-where");
    record(&folder, "events.fls");
    let svg = svg(&folder, &["value", "--where", "source_id=pump-1", "events.fls"]);
    assert_eq!(strokes(&svg, "value").len(), 1);
    assert!(svg.contains("34 of 100 messages, source_id=pump-1"));
}

#[test]
fn damage_is_an_error_behind_a_picture_of_what_lies_before() {
    let folder = Folder::new("cli-plot-damaged");
    record_damaged(&folder, "events.fls");
    let arguments = ["plot", "value", "events.fls", "--by-number", "-o", "a.svg"];
    flatstream(&folder).args(arguments).assert().code(1).stdout_eq("").stderr_eq(str![[r#"
error: events.fls: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame of this stream follows at position 4752
  next: `flatstream cat --recover events.fls` shows the messages behind the damage, `flatstream recover events.fls --output NEW` writes all good ones into a new stream

"#]]);
    let svg = fs::read_to_string(folder.join("a.svg")).unwrap();
    assert!(svg.contains("messages; read up to an error"), "{svg}");
    assert_eq!(strokes(&svg, "value").len(), 1);
}

#[test]
fn damage_that_is_passed_over_is_a_gap_and_shaded() {
    let folder = Folder::new("cli-plot-recover");
    record_damaged(&folder, "events.fls");
    for by in [&["--by-number"][..], &["--x", "timestamp_ns"], &[]] {
        let arguments = [&["plot", "value", "events.fls", "--recover", "-o", "a.svg"], by].concat();
        flatstream(&folder).args(arguments).assert().code(3).stdout_eq("").stderr_eq(str![[r#"
events.fls: 64 bytes skipped from 3984 to 4048: at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56)
events.fls: 1 message lost before position 4752
events.fls: 1 message lost, in 64 bytes

"#]]);
        let svg = fs::read_to_string(folder.join("a.svg")).unwrap();
        assert!(svg.contains("99 messages; 1 message lost (shaded)"), "{by:?}");
        let strokes = strokes(&svg, "value");
        assert_eq!(strokes.iter().map(Vec::len).sum::<usize>(), 99, "{by:?}");
        assert_eq!(strokes.len(), 2, "{by:?}");
        assert_eq!(svg.matches("fill=\"#f7d4d4\"").count(), 1, "{by:?}");
    }
    let output = run(&folder, &["value", "events.fls", "--recover", "--term", "--by-number", "--height", "14"]);
    assert_eq!(output.status.code(), Some(3));
    snapbox::assert_data_eq!(
        String::from_utf8(output.stdout).unwrap(),
        str![[r#"
events.fls
99 messages; 1 message lost (×)
    value
   │                                                                                      ⣀⣀⣀⣀⠤⠤⠤⠔⠒
30 ┤                                                                       ⣀⣀⣀⡠⠤⠤⠤⠔⠒⠒⠒⠊⠉⠉⠉
   │                                                       ⣀⣀⣀⣀⡠⠤⠤⠤⠔⠒⠒⠒⠉⠉⠉⠉
   │                                        ⢀⣀⣀⣀⡠⠤⠠⠔⠒⠒⠒⠉⠉⠉⠉
   │                         ⢀⣀⣀⣀⡠⠤⠤⠤⠒⠒⠒⠒⠉⠉⠉⠁
   │          ⢀⣀⣀⣀⠤⠤⠤⠤⠒⠒⠒⠊⠉⠉⠉⠁
20 ┤ ⠤⠤⠒⠒⠒⠊⠉⠉⠉⠁
   └─┬──────────────────┬──────────────────┬─────××──────────┬──────────────────┬───────────────────
     0                 20                 40                60                 80
                                          number of the message

"#]]
    );
}

#[test]
fn a_segment_that_is_missing_is_a_gap() {
    let folder = Folder::new("cli-plot-missing-segment");
    let log = record_log(&folder, "log");
    fs::remove_file(&segments_of(&log)[1]).unwrap();
    let output = run(&folder, &["value", "log", "--recover", "--by-number", "-o", "-"]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let svg = String::from_utf8(output.stdout).unwrap();
    assert_eq!(strokes(&svg, "value").len(), 2);
    assert_eq!(svg.matches("fill=\"#f7d4d4\"").count(), 1);
}

#[test]
fn a_torn_stream_is_drawn_to_its_last_whole_message() {
    let folder = Folder::new("cli-plot-torn");
    record_torn(&folder, "events.fls");
    let output = run(&folder, &["value", "-o", "-", "events.fls"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains(">99 messages<"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("torn at position"));
}

#[test]
fn a_stream_without_messages_is_an_empty_picture() {
    let folder = Folder::new("cli-plot-empty");
    Recording::new().with_schema().create(&folder.join("events.fls")).finish().unwrap();
    flatstream(&folder)
        .args(["plot", "value", "timestamp_ns", "events.fls", "-o", "a.png"])
        .assert()
        .success()
        .stderr_eq(str![[r#"
value: nothing to draw
timestamp_ns: nothing to draw

"#]]);
    assert!(tiny_skia::Pixmap::load_png(folder.join("a.png")).is_ok());
    let output = run(&folder, &["value", "events.fls", "--term"]);
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("0 messages"));
}

#[test]
fn what_is_no_stream_and_what_has_no_schema_is_said() {
    let folder = Folder::new("cli-plot-foreign");
    write_text(&folder, "paper.pdf");
    record_without_schema(&folder, "events.fls");
    let stderr = |arguments: &[&str]| {
        let output = run(&folder, arguments);
        assert!(output.stdout.is_empty() && !folder.join("a.svg").exists());
        format!("{} {}", output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let all = [
        stderr(&["value", "paper.pdf", "-o", "a.svg"]),
        stderr(&["value", "none.fls", "-o", "a.svg"]),
        stderr(&["value", "events.fls", "-o", "a.svg"]),
    ];
    snapbox::assert_data_eq!(
        all.concat(),
        str![[r#"
1 error: paper.pdf: not a flatstream: expected "FLS1" at position 8, found "%PDF-1.7, an"
  next: `flatstream recover paper.pdf --output NEW` looks for messages all the same
1 error: none.fls can't be opened: No such file or directory (os error 2)
2 error: events.fls: no schema says which fields there are

"#]]
    );
    fs::write(folder.join("telemetry.bfbs"), telemetry_schema::BFBS).unwrap();
    assert!(svg(&folder, &["value", "events.fls", "--schema", "telemetry.bfbs"]).contains(">100 messages<"));
}

#[test]
fn fields_that_can_not_be_drawn_are_refused_with_those_that_can() {
    let folder = Folder::new("cli-plot-fields");
    record(&folder, "events.fls");
    record_readings(&folder.join("readings.fls"), &[(None, None, None)]);
    let stderr = |arguments: &[&str]| {
        let output = run(&folder, &[arguments, &["--term"]].concat());
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(2), &b""[..]), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let all = [
        stderr(&["valeu", "events.fls"]),
        stderr(&["source_id", "events.fls"]),
        stderr(&["value", "events.fls", "--x", "source_id"]),
        stderr(&["earlier", "readings.fls"]),
        stderr(&["events.fls"]),
    ];
    snapbox::assert_data_eq!(
        all.concat(),
        str![[r#"
error: valeu: Telemetry.TelemetryEvent has no field "valeu", only: timestamp_ns, source_id, value; did you mean value?
  fields that can be drawn: timestamp_ns, value
error: source_id: it is a string, and only numbers can be drawn
  fields that can be drawn: timestamp_ns, value
error: source_id: it is a string, and only numbers can be drawn
  fields that can be drawn: timestamp_ns, value
error: earlier: it is no single value, but a table, Optional.Reading, with the fields: a, b, c, d, e, f, g, h, i, j, k, state, plain_state, text, earlier
  fields that can be drawn: a, b, c, d, e, f, g, h, i, j, k, state, plain_state
error: events.fls: a FIELD before it, or the FILE behind it, is missing

"#]]
    );
}

#[test]
fn a_picture_needs_a_name_that_says_what_it_is() {
    let folder = Folder::new("cli-plot-names");
    record(&folder, "events.fls");
    flatstream(&folder).args(["plot", "value", "events.fls", "-o", "events.fls"]).assert().code(2).stderr_eq(str![[
        r#"
error: events.fls: expected NAME.svg, NAME.png, or -

"#
    ]]);
    flatstream(&folder).args(["plot", "value", "events.fls", "-o", "none/a.svg"]).assert().code(1).stderr_eq(str![[
        r#"
error: none/a.svg can't be written: No such file or directory (os error 2)

"#
    ]]);
    let output = run(&folder, &["value", "events.fls"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("<--output <PICTURE>|--term>"));
}

#[test]
fn enums_and_booleans_are_steps_in_panels_of_their_own() {
    let folder = Folder::new("cli-plot-steps");
    let readings: Vec<_> =
        (0..12).map(|nth| (Some(nth % 6 < 3), Some(f64::from(nth * nth)), Some(if nth < 6 { 0 } else { 1 }))).collect();
    record_readings(&folder.join("readings.fls"), &readings);
    let svg = svg(&folder, &["k", "state", "a", "readings.fls"]);
    for label in [">Idle<", ">Running<", ">false<", ">true<", ">number of the message<"] {
        assert!(svg.contains(label), "{label}");
    }
    assert!(!svg.contains(">Off<"), "a value that no message has");
    let state = &strokes(&svg, "state")[0];
    assert!(state.windows(2).all(|pair| pair[0].0 == pair[1].0 || pair[0].1 == pair[1].1), "{state:?}");
    let k = &strokes(&svg, "k")[0];
    assert!(k.windows(2).any(|pair| pair[0].0 != pair[1].0 && pair[0].1 != pair[1].1));
    flatstream(&folder)
        .env("COLUMNS", "60")
        .args(["plot", "state", "a", "readings.fls", "--term"])
        .assert()
        .success()
        .stdout_eq(str![[r#"
readings.fls
12 messages
         state
Running ┤                           ⢠⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠄
   Idle ┤⠐⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠚
         a
   true ┤⠠⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⡄            ⢠⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⡄
  false ┤              ⠓⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠚             ⠓⠒⠒⠒⠒⠒⠒⠒⠒⠂
        └┬──────────────────────┬─────────────────────┬─────
         0                      5                    10
                        number of the message

"#]]);
}

#[test]
fn values_that_are_missing_or_no_numbers_are_gaps() {
    let folder = Folder::new("cli-plot-missing");
    let reading = |k| (Some(true), k, None);
    let all =
        [Some(1.0), Some(2.0), None, Some(2.0), Some(3.0), Some(f64::NAN), Some(1.0), Some(f64::INFINITY), Some(4.0)];
    record_readings(&folder.join("readings.fls"), &all.map(reading));
    let output = run(&folder, &["k", "state", "readings.fls", "-o", "-"]);
    assert!(output.status.success());
    snapbox::assert_data_eq!(
        String::from_utf8(output.stderr).unwrap(),
        str![[r#"
state: nothing to draw
1 value infinite, not drawn

"#]]
    );
    let svg = String::from_utf8(output.stdout).unwrap();
    let strokes = strokes(&svg, "k");
    assert_eq!(strokes.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    // Those that stand alone are dots.
    let is_alone = |place: &(f64, f64)| !strokes.iter().flatten().any(|other| other == place);
    let dots: Vec<_> = lines(&svg, "k").into_iter().filter(|line| line.len() == 1).flatten().collect();
    assert_eq!(dots.iter().filter(|place| is_alone(place)).count(), 2);
}

#[test]
fn times_that_run_back_begin_a_line_anew() {
    let folder = Folder::new("cli-plot-back");
    let time = |nth: u64| START as u64 + nth * 1_000_000_000;
    let points = (0..50).chain(20..70).enumerate().map(|(nth, at)| (time(at), if nth < 50 { 1.0 } else { 2.0 }));
    record_points(&folder.join("events.fls"), points);
    let output = run(&folder, &["value", "--x", "timestamp_ns", "events.fls", "-o", "-"]);
    assert!(output.status.success());
    snapbox::assert_data_eq!(
        String::from_utf8(output.stderr).unwrap(),
        str![[r#"
1 step back from right to left, where the line begins anew

"#]]
    );
    let strokes = strokes(&String::from_utf8(output.stdout).unwrap(), "value");
    assert_eq!(strokes.len(), 2);
    assert!(strokes.iter().all(|stroke| stroke.iter().all(|place| place.1 == stroke[0].1)));
}

#[test]
fn one_message_among_many_is_seen() {
    const COUNT: u64 = 100_000;
    let folder = Folder::new("cli-plot-spike");
    for place in [1, 33_333, COUNT - 2] {
        let path = folder.join(format!("{place}.fls"));
        record_values(&path, (0..COUNT).map(|nth| if nth == place { 100.0 } else { 1.0 }));
        let name = format!("{place}.fls");
        let svg = svg(&folder, &["value", &name, "--width", "500", "--by-number"]);
        let lines = lines(&svg, "value");
        assert_eq!(lines.len(), 1);
        let (top, base) = (lines[0].iter().map(|place| place.1).fold(f64::MAX, f64::min), lines[0][0].1);
        assert!(base - top > 250.0, "{place}: from {base} up to {top}");
        assert!(lines[0].len() < 2500, "{}", lines[0].len());

        let picture = format!("{place}.png");
        run(&folder, &["value", &name, "--width", "500", "--by-number", "-o", &picture]);
        let pixels = tiny_skia::Pixmap::load_png(folder.join(&picture)).unwrap();
        let middle = f64::midpoint(top, base) as u32;
        let is_blue =
            |x: &u32| pixels.pixel(*x, middle).is_some_and(|pixel| pixel.blue() > pixel.red().saturating_add(0x60));
        assert!((1..=3).contains(&(0..500).filter(is_blue).count()), "{place}");

        let output = flatstream(&folder)
            .env("COLUMNS", "40")
            .args(["plot", "value", &name, "--term", "--by-number", "--height", "14"])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let is_dotted = |line: &&str| line.chars().any(|letter| ('\u{2801}'..='\u{28ff}').contains(&letter));
        assert!(text.lines().filter(is_dotted).count() >= 7, "{text}");
    }
}

#[test]
fn messages_of_another_type_are_said_and_are_gaps() {
    let folder = Folder::new("cli-plot-undecoded");
    let recording = Recording::new().with_schema();
    let mut writer = recording.create(&folder.join("events.fls"));
    recording.append(&mut writer, 0..3);
    writer.append(&[0xFF; 24]).unwrap();
    recording.append(&mut writer, 4..6);
    writer.finish().unwrap();
    flatstream(&folder).args(["plot", "value", "events.fls", "-o", "a.svg"]).assert().code(1).stderr_eq(str![[r#"
error: message 3, at position 912, isn't one of the schema: the root: the table would be at 4294967295..4294967299, and the message has 24 bytes
  next: `--recover` goes on behind it

"#]]);
    let output = run(&folder, &["value", "events.fls", "--recover", "-o", "-"]);
    assert_eq!(output.status.code(), Some(3));
    snapbox::assert_data_eq!(
        String::from_utf8(output.stderr).unwrap(),
        str![[r#"
1 message not of the schema, not drawn

"#]]
    );
    assert_eq!(strokes(&String::from_utf8(output.stdout).unwrap(), "value").len(), 2);
}

#[test]
fn what_comes_after_a_crash_is_not_joined_to_what_came_before() {
    let folder = Folder::new("cli-plot-reopened");
    let path = folder.join("events.fls");
    let recording = Recording::new().with_schema();
    let mut writer = recording.create(&path);
    recording.append(&mut writer, 0..20);
    writer.flush().unwrap();
    drop(writer);
    recording.tick(100);
    let mut writer = Writer::open(&path, recording.options.clone()).unwrap();
    for number in 100..120 {
        recording.tick(number);
        writer.append(&event(number)).unwrap();
    }
    writer.finish().unwrap();
    let strokes = strokes(&svg(&folder, &["value", "events.fls", "--x", "timestamp_ns"]), "value");
    assert_eq!(strokes.iter().map(Vec::len).collect::<Vec<_>>(), [20, 20]);
}

#[test]
fn a_full_disk_is_said_and_a_reader_that_has_enough_is_no_error() {
    let folder = Folder::new("cli-plot-full");
    record(&folder, "events.fls");
    let plot = |to: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flatstream"));
        command.args(["plot", "value", "-o", "-"]).arg(folder.join("events.fls")).stdout(to);
        command.stderr(Stdio::piped()).output().unwrap()
    };
    let full = plot(Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap()));
    assert_eq!(full.status.code(), Some(1));
    snapbox::assert_data_eq!(
        String::from_utf8(full.stderr).unwrap(),
        str![[r#"
error: the standard output can't be written: No space left on device (os error 28)

"#]]
    );
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let unread = plot(Stdio::from(writer));
    assert_eq!((unread.status.code(), unread.stderr), (Some(0), vec![]));
}

#[test]
fn a_picture_does_not_replace_what_it_is_drawn_of() {
    let folder = Folder::new("cli-plot-onto-itself");
    let path = record(&folder, "in.svg");
    let before = read(&path);
    std::os::unix::fs::symlink("in.svg", folder.join("link.svg")).unwrap();
    for picture in ["in.svg", "./in.svg", "link.svg"] {
        let output = run(&folder, &["value", "in.svg", "-o", picture]);
        assert_eq!(output.status.code(), Some(2), "{picture}");
        assert!(read(&path) == before);
    }
    // Another name of the same file is another name afterwards.
    fs::hard_link(&path, folder.join("name.svg")).unwrap();
    assert!(run(&folder, &["value", "in.svg", "-o", "name.svg"]).status.success());
    assert!(read(&path) == before && read(&folder.join("name.svg")).starts_with(b"<"));
}
