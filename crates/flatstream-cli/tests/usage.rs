//! Help, completions and manual pages.

mod common;

use std::fs;

use common::flatstream;
use flatstream_testkit::folder::Folder;
use snapbox::str;

#[test]
fn help_says_what_there_is() {
    let folder = Folder::new("cli-help");
    flatstream(&folder).arg("--help").assert().success().stderr_eq("").stdout_eq(str![[r#"
Shows, checks and saves streams of FlatBuffers.

FILE is a stream, a folder with a log of segments, or - for the standard input. Exit codes: 0 all is
well, 1 an error or damage, 2 wrong usage, 3 done, and something was lost.

Usage: flatstream <COMMAND>

Commands:
  info         Say what a stream is: its header, how many messages of which time, how it ended
  cat          Print messages
  head         Print the first messages
  tail         Print the last messages
  verify       Check every frame
  inspect      Show the bytes around a position: which frame they are, and why a reader would stop
               there
  recover      Save what can be saved of a damaged stream
  cut          Put a window of a stream into a new stream
  merge        Put several streams into one, in the order of their times or of a field
  split        Put a stream into several
  convert      Write messages in a format that other programs read, or make a stream of one
  record       Record messages from the standard input or a file
  replay       Print or send messages at the pace at which they were recorded
  plot         Draw fields over time: as SVG, as PNG, or in the terminal
  schema       Show, extract, attach or compare schemas
  bench        Measure this machine: how fast streams are written, read, verified and made durable
  completions  Print completions for a shell
  man          Write manual pages
  help         Print this message or the help of the given subcommand(s)

Options:
  -h, --help
          Print help (see a summary with '-h')

  -V, --version
          Print version

"#]]);
    flatstream(&folder).args(["cat", "--help"]).assert().success().stderr_eq("").stdout_eq(str![[r#"
Print messages

Usage: flatstream cat [OPTIONS] <FILE>...

Arguments:
  <FILE>...
          Streams, folders with logs, or -; one after the other

Options:
      --format <FORMAT>
          How to print

          Possible values:
          - text:   A line for each: its number, the time of the sync frame before it, its length,
            and what it says
          - ndjson: A line of JSON for each. Where no schema says what a message is:
            {"schema":null,"data":"BASE64"}
          - csv:    A row for each, and one before them with the columns: the numbers, strings and
            enums of the table, by their paths. Vectors and unions are JSON; what isn't there is
            empty
          - raw:    The messages one after the other, each behind its length in 4 bytes,
            little-endian, as size-prefixed FlatBuffers
          
          [default: text]

      --sequences <RANGE>
          Messages with these numbers, counted from 0: 100..200, 100.., ..200, or a single one

      --times <RANGE>
          Messages of this time, as far as sync frames tell:
          2026-11-27T10:00:00Z..2026-11-27T10:10:00Z, or nanoseconds of the stream's clock; either
          side may be left out

      --key <RANGE>
          Messages with this field in a range, FIELD=FROM..UNTIL. It must not decrease from message
          to message: they are found by bisection

      --last <COUNT>
          The last so many messages

      --schema <FILE.bfbs>
          Decode messages by this binary schema, instead of the one in the header

      --root <TABLE>
          The table that messages are, by its full name; if the header doesn't say, the schema's
          root type

      --where <CONDITION>
          Only messages of which this is true: FIELD=VALUE, or with != < <= > >=; FIELD may be a
          path (pose.position.x). Several must all be true

      --recover
          Go on behind damage, and say on the standard error what was lost

      --stream-id <ID>
          Of several streams in a file, read the one with this id: where another one lies over its
          beginning

      --max-message-len <BYTES>
          Longest message to accept; 0 = whatever the stream allows
          
          [default: 0]

  -f, --follow
          Print messages as a writer appends them, until it closes the stream

      --cursor-file <FILE>
          Begin behind the message that this file names, and keep it there; without the file, begin
          as the other options say

  -h, --help
          Print help (see a summary with '-h')

"#]]);
    flatstream(&folder).assert().code(2).stdout_eq("");
    flatstream(&folder).arg("frobnicate").assert().code(2).stdout_eq("").stderr_eq(str![[r#"
error: unrecognized subcommand 'frobnicate'

Usage: flatstream <COMMAND>

For more information, try '--help'.

"#]]);
}

#[test]
fn each_command_says_how_it_is_called() {
    let folder = Folder::new("cli-help-commands");
    let help = |command: &[&str]| flatstream(&folder).args(command).arg("-h").assert().success().stderr_eq("");
    help(&["head"]).stdout_eq(str![[r#"
Print the first messages

Usage: flatstream head [OPTIONS] <FILE>...

Arguments:
  <FILE>...  Streams, folders with logs, or -; one after the other

Options:
  -n, --count <COUNT>            So many of each; with --where, of those that it chooses [default:
                                 10]
      --format <FORMAT>          How to print [default: text] [possible values: text, ndjson, csv,
                                 raw]
      --schema <FILE.bfbs>       Decode messages by this binary schema, instead of the one in the
                                 header
      --root <TABLE>             The table that messages are, by its full name; if the header
                                 doesn't say, the schema's root type
      --where <CONDITION>        Only messages of which this is true: FIELD=VALUE, or with != < <= >
                                 >=; FIELD may be a path (pose.position.x). Several must all be true
      --recover                  Go on behind damage, and say on the standard error what was lost
      --stream-id <ID>           Of several streams in a file, read the one with this id: where
                                 another one lies over its beginning
      --max-message-len <BYTES>  Longest message to accept; 0 = whatever the stream allows [default:
                                 0]
  -h, --help                     Print help (see more with '--help')

"#]]);
    help(&["tail"]).stdout_eq(str![[r#"
Print the last messages

Usage: flatstream tail [OPTIONS] <FILE>...

Arguments:
  <FILE>...  Streams, folders with logs, or -; one after the other

Options:
  -n, --count <COUNT>            So many of each; --where chooses among them [default: 10]
      --format <FORMAT>          How to print [default: text] [possible values: text, ndjson, csv,
                                 raw]
      --schema <FILE.bfbs>       Decode messages by this binary schema, instead of the one in the
                                 header
      --root <TABLE>             The table that messages are, by its full name; if the header
                                 doesn't say, the schema's root type
      --where <CONDITION>        Only messages of which this is true: FIELD=VALUE, or with != < <= >
                                 >=; FIELD may be a path (pose.position.x). Several must all be true
      --recover                  Go on behind damage, and say on the standard error what was lost
      --stream-id <ID>           Of several streams in a file, read the one with this id: where
                                 another one lies over its beginning
      --max-message-len <BYTES>  Longest message to accept; 0 = whatever the stream allows [default:
                                 0]
  -f, --follow                   Print more messages as a writer appends them, until it closes the
                                 stream
  -h, --help                     Print help (see more with '--help')

"#]]);
    help(&["inspect"]).stdout_eq(str![[r#"
Show the bytes around a position: which frame they are, and why a reader would stop there

Usage: flatstream inspect [OPTIONS] <FILE@POSITION>

Arguments:
  <FILE@POSITION>  A file, and a position in it in bytes: events.fls@4096, events.fls@0x1000

Options:
      --format <FORMAT>  How to print [default: text] [possible values: text, json]
  -h, --help             Print help (see more with '--help')

"#]]);
    help(&["cut"]).stdout_eq(str![[r#"
Put a window of a stream into a new stream

Usage: flatstream cut [OPTIONS] --output <NEW> <FILE>

Arguments:
  <FILE>  A stream, a folder with a log, or -

Options:
  -o, --output <NEW>        The new stream; no file is written over
      --sequences <RANGE>   Messages with these numbers, counted from 0: 100..200, 100.., ..200, or
                            a single one
      --times <RANGE>       Messages of this time, as far as sync frames tell:
                            2026-11-27T10:00:00Z..2026-11-27T10:10:00Z, or nanoseconds of the
                            stream's clock; either side may be left out
      --key <RANGE>         Messages with this field in a range, FIELD=FROM..UNTIL. It must not
                            decrease from message to message: they are found by bisection
      --last <COUNT>        The last so many messages
      --schema <FILE.bfbs>  Decode messages by this binary schema, instead of the one in the header
      --root <TABLE>        The table that messages are, by its full name; if the header doesn't
                            say, the schema's root type
      --where <CONDITION>   Only messages of which this is true: FIELD=VALUE, or with != < <= > >=;
                            FIELD may be a path (pose.position.x). Several must all be true
      --format <FORMAT>     How to print [default: text] [possible values: text, json]
  -h, --help                Print help (see more with '--help')

"#]]);
    help(&["merge"]).stdout_eq(str![[r#"
Put several streams into one, in the order of their times or of a field

Usage: flatstream merge [OPTIONS] --output <NEW> <FILE>...

Arguments:
  <FILE>...  Streams of one type, folders with logs, or -

Options:
  -o, --output <NEW>     The new stream; no file is written over
      --by <FIELD>       In the order of this field, which must not decrease in any of them; by
                         default in the order of their times, as far as sync frames tell
      --format <FORMAT>  How to print [default: text] [possible values: text, json]
  -h, --help             Print help (see more with '--help')

"#]]);
    help(&["split"]).stdout_eq(str![[r#"
Put a stream into several

Usage: flatstream split [OPTIONS] --output <FOLDER> <--every-messages <COUNT>|--every-bytes <BYTES>|--by <FIELD>> <FILE>

Arguments:
  <FILE>  A stream, a folder with a log, or -

Options:
  -o, --output <FOLDER>         The folder for the new streams; it must be empty, or not there
      --every-messages <COUNT>  So many messages into each, named by the number of its first
      --every-bytes <BYTES>     As many messages into each as fit into so many bytes, and at least
                                one
      --by <FIELD>              One for each value of this field
      --format <FORMAT>         How to print [default: text] [possible values: text, json]
  -h, --help                    Print help (see more with '--help')

"#]]);
    help(&["schema"]).stdout_eq(str![[r#"
Show, extract, attach or compare schemas

Usage: flatstream schema <COMMAND>

Commands:
  show     Print a schema as text, in the language of .fbs files
  extract  Write a stream's schema into a file
  attach   Rewrite a stream with a schema in its header
  conform  Say whether a stream can be continued under a schema: exit code 1 and why not, if it
           can't
  help     Print this message or the help of the given subcommand(s)

Options:
  -h, --help  Print help

"#]]);
    help(&["schema", "attach"]).stdout_eq(str![[r#"
Rewrite a stream with a schema in its header

Usage: flatstream schema attach [OPTIONS] --schema <FILE.bfbs> --output <NEW> <FILE>

Arguments:
  <FILE>  A stream, a folder with a log, or -; one that has a schema must conform to the new one

Options:
      --schema <FILE.bfbs>  The binary schema, as `flatc --schema --binary` makes it
      --root <TABLE>        The table that messages are, by its full name; if the header doesn't
                            say, the schema's root type
  -o, --output <NEW>        The new stream; no file is written over
      --unchecked           Don't decode each message by the schema
      --format <FORMAT>     How to print [default: text] [possible values: text, json]
  -h, --help                Print help (see more with '--help')

"#]]);
    help(&["schema", "conform"]).stdout_eq(str![[r#"
Say whether a stream can be continued under a schema: exit code 1 and why not, if it can't

Usage: flatstream schema conform [OPTIONS] <FILE> <FILE.bfbs>

Arguments:
  <FILE>       A stream, a folder with a log, a binary schema (.bfbs), or -
  <FILE.bfbs>  The binary schema under which it is to be continued

Options:
      --format <FORMAT>  How to print [default: text] [possible values: text, json]
  -h, --help             Print help (see more with '--help')

"#]]);
    help(&["record"]).stdout_eq(str![[r#"
Record messages from the standard input or a file

Usage: flatstream record [OPTIONS] --output <FILE> [INPUT]

Arguments:
  [INPUT]  Where messages come from; - is the standard input [default: -]

Options:
  -o, --output <FILE>       The stream; one that is there is continued, in a new epoch
      --format <FORMAT>     How messages come in [default: raw] [possible values: raw, ndjson]
      --schema <FILE.bfbs>  The binary schema for the header of a new stream
      --root <TABLE>        The table that messages are, by its full name; by default the schema's
                            root type
      --sync <WHEN>         When messages are made durable: `every` single one, so many SECONDS
                            after it came, or `none` before the end [default: 1]
      --unchecked           Take messages that can't be decoded by the schema too
      --summary <FORMAT>    How to say what was recorded: `text` to the standard error, `json` to
                            the standard output [default: text] [possible values: text, json]
  -h, --help                Print help (see more with '--help')

"#]]);
    help(&["replay"]).stdout_eq(str![[r#"
Print or send messages at the pace at which they were recorded

Usage: flatstream replay [OPTIONS] <FILE>

Arguments:
  <FILE>  A stream, a folder with a log, or -

Options:
      --rate <FACTOR>       How fast: 2 is twice as fast as recorded [default: 1]
      --by <FIELD>          At the pace of this field, nanoseconds in an integer; by default at that
                            of sync frames
      --max-gap <SECONDS>   Shorten longer pauses to so many SECONDS
      --format <FORMAT>     How to print [default: text] [possible values: text, ndjson, csv, raw]
      --to <ADDRESS>        Send to this address, tcp:HOST:PORT, as `--format raw`
      --schema <FILE.bfbs>  Decode messages by this binary schema, instead of the one in the header
      --root <TABLE>        The table that messages are, by its full name; if the header doesn't
                            say, the schema's root type
      --where <CONDITION>   Only messages of which this is true: FIELD=VALUE, or with != < <= > >=;
                            FIELD may be a path (pose.position.x). Several must all be true
      --summary <FORMAT>    How to say how it went: `text` to the standard error, `json` to the
                            standard output if messages are sent with --to, and else to the standard
                            error [default: text] [possible values: text, json]
  -h, --help                Print help (see more with '--help')

"#]]);
}

#[test]
fn plot_says_how_it_is_called() {
    let folder = Folder::new("cli-help-plot");
    flatstream(&folder).args(["plot", "-h"]).assert().success().stderr_eq("").stdout_eq(str![[r#"
Draw fields over time: as SVG, as PNG, or in the terminal

Usage: flatstream plot [OPTIONS] <--output <PICTURE>|--term> <FIELD>... <FILE>

Arguments:
  <FIELD... FILE>...  Numbers, booleans and enums, by their names or paths: value, pose.position.x,
                      `ranges[3]`; and behind them the FILE: a stream, a folder with a log, or -

Options:
  -o, --output <PICTURE>         The picture, NAME.svg or NAME.png, which is written over; or - for
                                 an SVG to the standard output
      --term                     Draw in characters, to the standard output
      --x <FIELD>                Along this field, a number; by default along the times of sync
                                 frames, and if there are none, along the numbers of messages
      --x-unit <UNIT>            What that field counts; by default what its name ends in, _ns, _us,
                                 _ms or _s [possible values: ns, us, ms, s, none]
      --by-number                Along the numbers of messages
      --panels                   A panel for each field, instead of one for all numbers
      --title <TEXT>             What stands above it; by default the name of FILE
      --width <COUNT>            In pixels, by default 1200; with --term in characters, by default
                                 as wide as the terminal
      --height <COUNT>           In pixels; with --term in lines; by default what the panels need
      --sequences <RANGE>        Messages with these numbers, counted from 0: 100..200, 100..,
                                 ..200, or a single one
      --times <RANGE>            Messages of this time, as far as sync frames tell:
                                 2026-11-27T10:00:00Z..2026-11-27T10:10:00Z, or nanoseconds of the
                                 stream's clock; either side may be left out
      --key <RANGE>              Messages with this field in a range, FIELD=FROM..UNTIL. It must not
                                 decrease from message to message: they are found by bisection
      --last <COUNT>             The last so many messages
      --schema <FILE.bfbs>       Decode messages by this binary schema, instead of the one in the
                                 header
      --root <TABLE>             The table that messages are, by its full name; if the header
                                 doesn't say, the schema's root type
      --where <CONDITION>        Only messages of which this is true: FIELD=VALUE, or with != < <= >
                                 >=; FIELD may be a path (pose.position.x). Several must all be true
      --recover                  Go on behind damage, and say on the standard error what was lost
      --stream-id <ID>           Of several streams in a file, read the one with this id: where
                                 another one lies over its beginning
      --max-message-len <BYTES>  Longest message to accept; 0 = whatever the stream allows [default:
                                 0]
  -h, --help                     Print help (see more with '--help')

"#]]);
}

#[test]
fn completions_and_manual_pages_are_made() {
    let folder = Folder::new("cli-man");
    for shell in ["bash", "zsh", "fish"] {
        let output = flatstream(&folder).args(["completions", shell]).output().unwrap();
        assert!(output.status.success() && String::from_utf8(output.stdout).unwrap().contains("flatstream"));
    }
    flatstream(&folder).args(["man", "."]).assert().success();
    let page = fs::read_to_string(folder.join("flatstream-cat.1")).unwrap();
    assert!(page.contains("cursor"), "{page}");
    flatstream(&folder).args(["man", "none"]).assert().code(1).stderr_eq(str![[r#"
error: none can't be written: No such file or directory (os error 2)

"#]]);
}
