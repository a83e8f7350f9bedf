//! `flatstream inspect`

mod common;

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt;
use std::path::Path;

use common::{Recording, flatstream, flip, record, record_damaged, record_torn, write_text};
use flatstream_testkit::folder::Folder;
use snapbox::cmd::OutputAssert;
use snapbox::str;

fn inspect(folder: &Folder, place: &str) -> OutputAssert {
    flatstream(folder).args(["inspect", place]).assert().stderr_eq("")
}

fn overwrite(path: &Path, position: u64, bytes: &[u8]) {
    OpenOptions::new().write(true).open(path).unwrap().write_all_at(bytes, position).unwrap();
}

#[test]
fn a_good_frame_is_shown_with_its_fields() {
    let folder = Folder::new("cli-inspect-good");
    record(&folder, "events.fls");
    inspect(&folder, "events.fls@4000").success().stdout_eq(str![[r#"
events.fls: position 4000 (0xfa0) is byte 8 of the body of a message's frame, from 3984 to 4048

          3984  e5 12 4e 35                                      check: 0x354e12e5, right
          3988  38 00 00 00                                      length: a message of 56 bytes
>         3992  10 00 00 00 00 00 0a 00 1c 00 08 00 04 00 10 00  body |................|
          4008  0a 00 00 00 18 00 00 00 00 70 20 43 94 de eb 18  body |.........p C....|
          4024  00 00 00 00 00 00 3a 40 00 00 00 00 06 00 00 00  body |......:@........|
          4040  70 75 6d 70 2d 31 00 00                          body |pump-1..|

  message       number 48
  before        a sync frame at 3728 counts 45 messages, epoch 0
  see           docs/format/spec.md, section 4

"#]]);
    inspect(&folder, "events.fls@0x290").success().stdout_eq(str![[r#"
events.fls: position 656 (0x290) is in the check word of a "sync" frame, from 656 to 720

>          656  d8 5d 4d dd                                      check: 0xdd4d5dd8, right
           660  38 00 00 80                                      length: a control frame of 56 bytes
           664  73 79 6e 63                                      kind: "sync"
           668  ef 79 c2 19                                      header check: 0x19c279ef
           672  01                                               version: 1
           673  01                                               checksum: CRC-32C
           674  03                                               alignment: 2^3 bytes
           675  00                                               flags: -
           676  00 00 00 00                                      epoch: 0
           680  a7 f1 00 00 00 00 00 00                          stream id: 0x000000000000f1a7
           688  90 02 00 00 00 00 00 00                          position: 656, where it stands
           696  00 00 00 00 00 00 00 00                          sequence: 0 messages before
           704  00 40 06 25 93 de eb 18                          time: 2026-11-27T10:00:00Z
           712  00 00 00 00 00 00 00 00                          durable: not known

  see           docs/format/spec.md, section 8

"#]]);
    inspect(&folder, "events.fls@4760").success().stdout_eq(str![[r#"
events.fls: position 4760 (0x1298) is byte 0 of the body of a "sync" frame, from 4752 to 4816

          4752  b6 39 5c 34                                      check: 0x345c39b6, right
          4756  38 00 00 80                                      length: a control frame of 56 bytes
>         4760  73 79 6e 63                                      kind: "sync"
          4764  ef 79 c2 19                                      header check: 0x19c279ef
          4768  01                                               version: 1
          4769  01                                               checksum: CRC-32C
          4770  03                                               alignment: 2^3 bytes
          4771  00                                               flags: -
          4772  00 00 00 00                                      epoch: 0
          4776  a7 f1 00 00 00 00 00 00                          stream id: 0x000000000000f1a7
          4784  90 12 00 00 00 00 00 00                          position: 4752, where it stands
          4792  3c 00 00 00 00 00 00 00                          sequence: 60 messages before
          4800  00 fc a6 8a 94 de eb 18                          time: 2026-11-27T10:00:06Z
          4808  d0 02 00 00 00 00 00 00                          durable: what lies below 720

  before        a sync frame at 3728 counts 45 messages, epoch 0
  see           docs/format/spec.md, section 8

"#]]);
}

#[test]
fn the_header_region_is_shown_with_its_fields() {
    let folder = Folder::new("cli-inspect-header");
    let path = record(&folder, "events.fls");
    inspect(&folder, "events.fls@9").success().stdout_eq(str![[r#"
events.fls: position 9 (0x9) is in the header region, from 0 to 656

             0  8c 02 00 00                                      length: 652 bytes follow
             4  28 00 00 00                                      root offset of the FlatBuffer: 40
>            8  46 4c 53 31                                      identifier: "FLS1"
            12  00 00 1e 00 20 00 06 00 04 00 00 00 00 00 00 00  |.... ...........|
            28  08 00 0c 00 05 00 10 00 00 00 14 00 18 00 1c 00  |................|
                ... 576 bytes
           620  04 00 00 00 05 00 00 00 6e 6f 72 74 68 00 00 00  |........north...|
           636  04 00 00 00 73 69 74 65 00 00 00 00 00 00 00 00  |....site........|
           652  ef 79 c2 19                                      check: 0x19c279ef, right

  says          CRC-32C, sync frames every 1,024 bytes, messages of up to 16,777,216 bytes
  see           docs/format/spec.md, section 3; section 10, "Opening"

"#]]);
    flip(&path, 20);
    inspect(&folder, "events.fls@20").code(1).stdout_eq(str![[r#"
events.fls: position 20 (0x14) is in what should be the header region, from 0 to 656

             0  8c 02 00 00                                      length: 652 bytes follow
             4  28 00 00 00                                      root offset of the FlatBuffer: 40
             8  46 4c 53 31                                      identifier: "FLS1"
>           12  00 00 1e 00 20 00 06 00 05 00 00 00 00 00 00 00  |.... ...........|
            28  08 00 0c 00 05 00 10 00 00 00 14 00 18 00 1c 00  |................|
            44  1e 00 00 00 01 01 01 00 00 00 00 01 00 04 00 00  |................|
                ... 560 bytes
           620  04 00 00 00 05 00 00 00 6e 6f 72 74 68 00 00 00  |........north...|
           636  04 00 00 00 73 69 74 65 00 00 00 00 00 00 00 00  |....site........|
           652  ef 79 c2 19                                      check: 0x19c279ef, expected 0x72b6e65d

  stops         the header is damaged: its check at position 652 is 0x19c279ef, expected 0x72b6e65d (header_check)
  next          `flatstream recover FILE --output NEW` finds the messages all the same
  see           docs/format/spec.md, section 3; section 10, "Opening"

"#]]);
    // What lies behind is known all the same.
    inspect(&folder, "events.fls@4000").success().stdout_eq(str![[r#"
events.fls: position 4000 (0xfa0) is byte 8 of the body of a message's frame, from 3984 to 4048

          3984  e5 12 4e 35                                      check: 0x354e12e5, right
          3988  38 00 00 00                                      length: a message of 56 bytes
>         3992  10 00 00 00 00 00 0a 00 1c 00 08 00 04 00 10 00  body |................|
          4008  0a 00 00 00 18 00 00 00 00 70 20 43 94 de eb 18  body |.........p C....|
          4024  00 00 00 00 00 00 3a 40 00 00 00 00 06 00 00 00  body |......:@........|
          4040  70 75 6d 70 2d 31 00 00                          body |pump-1..|

  header        the header is damaged: its check at position 652 is 0x19c279ef, expected 0x72b6e65d
  message       number 48
  before        a sync frame at 3728 counts 45 messages, epoch 0
  see           docs/format/spec.md, section 4

"#]]);
}

#[test]
fn a_damaged_frame_is_shown_with_why_a_reader_stops_there() {
    let folder = Folder::new("cli-inspect-damaged");
    record_damaged(&folder, "damaged.fls");
    inspect(&folder, "damaged.fls@4000").code(1).stdout_eq(str![[r#"
damaged.fls: position 4000 (0xfa0) is byte 8 of the body of a message's frame, from 3984 to 4048, which is not good

          3984  e5 12 4e 35                                      check: 0x354e12e5, expected 0x29670fe1
          3988  38 00 00 00                                      length: a message of 56 bytes
>         3992  10 00 00 00 00 00 0a 00 1d 00 08 00 04 00 10 00  body |................|
          4008  0a 00 00 00 18 00 00 00 00 70 20 43 94 de eb 18  body |.........p C....|
          4024  00 00 00 00 00 00 3a 40 00 00 00 00 06 00 00 00  body |......:@........|
          4040  70 75 6d 70 2d 31 00 00                          body |pump-1..|

  stops         at 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56) (frame_check)
  before        a sync frame at 3728 counts 45 messages, epoch 0
  behind        the next sync frame stands at 4752, counts 60 messages, and says that what lies below 720 was durable
  see           docs/format/spec.md, section 4; section 10, "A frame at D", step 6

"#]]);
    // A good frame behind it, which only a recovering reader finds.
    inspect(&folder, "damaged.fls@4100").code(1).stdout_eq(str![[r#"
damaged.fls: position 4100 (0x1004) is byte 44 of the body of a message's frame, from 4048 to 4112

          4048  56 07 00 da                                      check: 0xda000756, right
          4052  38 00 00 00                                      length: a message of 56 bytes
          4056  10 00 00 00 00 00 0a 00 1c 00 08 00 04 00 10 00  body |................|
          4072  0a 00 00 00 18 00 00 00 00 51 16 49 94 de eb 18  body |.........Q.I....|
>         4088  00 00 00 00 00 20 3a 40 00 00 00 00 06 00 00 00  body |..... :@........|
          4104  70 75 6d 70 2d 32 00 00                          body |pump-2..|

  only          a reader that recovers finds it: a strict one stopped before
  stops         at 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56) (frame_check)
  before        a sync frame at 3728 counts 45 messages, epoch 0
  behind        the next sync frame stands at 4752, counts 60 messages, and says that what lies below 720 was durable
  see           docs/format/spec.md, section 4; section 10, "A frame at D", step 6

"#]]);
    // Behind the next sync frame all is well again.
    inspect(&folder, "damaged.fls@5000").success();
    flatstream(&folder).args(["inspect", "damaged.fls@3984", "--format", "json"]).assert().code(1).stdout_eq(str![[r#"
{"damaged":true,"notes":{"before":"a sync frame at 3728 counts 45 messages, epoch 0","behind":"the next sync frame stands at 4752, counts 60 messages, and says that what lies below 720 was durable","see":"docs/format/spec.md, section 4; section 10, /"A frame at D/", step 6","stops":"at 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56) (frame_check)"},"path":"damaged.fls","position":3984,"rows":[{"bytes":"e5124e35","meaning":"check: 0x354e12e5, expected 0x29670fe1","position":3984},{"bytes":"38000000","meaning":"length: a message of 56 bytes","position":3988},{"bytes":"1000000000000a001d00080004001000","meaning":"body |................|","position":3992},{"bytes":"0a000000180000000070204394deeb18","meaning":"body |.........p C....|","position":4008},{"bytes":"0000000000003a400000000006000000","meaning":"body |......:@........|","position":4024},{"bytes":"70756d702d310000","meaning":"body |pump-1..|","position":4040}],"what":"in the check word of a message's frame, from 3984 to 4048, which is not good"}

"#]]);
}

#[test]
fn a_wrong_length_and_bytes_of_nobody_are_shown() {
    let folder = Folder::new("cli-inspect-length");
    let path = record(&folder, "events.fls");
    overwrite(&path, 3988, &[0xFF, 0xFF, 0xFF, 0x7F]);
    inspect(&folder, "events.fls@3990").code(1).stdout_eq(str![[r#"
events.fls: position 3990 (0xf96) is in the length word of a message's frame, from 3984 to 2147487640, which is not good

          3984  e5 12 4e 35                                      check: 0x354e12e5
>         3988  ff ff ff 7f                                      length: a message of 2,147,483,647 bytes
          3992  10 00 00 00 00 00 0a 00 1c 00 08 00 04 00 10 00  body |................|
          4008  0a 00 00 00 18 00 00 00 00 70 20 43 94 de eb 18  body |.........p C....|
                ... 64 bytes
          4088  00 00 00 00 00 20 3a 40 00 00 00 00 06 00 00 00  body |..... :@........|
          4104  70 75 6d 70 2d 32 00 00                          body |pump-2..|

  stops         at 3984: the frame's length is 2147483647, expected 1 to 16777216 (frame_length)
  before        a sync frame at 3728 counts 45 messages, epoch 0
  behind        the next sync frame stands at 4752, counts 60 messages, and says that what lies below 720 was durable
  see           docs/format/spec.md, section 4; section 10, "A frame at D", step 3

"#]]);
    let path = record(&folder, "zeros.fls");
    overwrite(&path, 4048, &[0; 128]);
    inspect(&folder, "zeros.fls@4100").code(1).stdout_eq(str![[r#"
zeros.fls: position 4100 (0x1004) is in bytes that belong to no good frame

          4064  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
          4080  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
>         4096  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
          4112  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
          4128  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
          4144  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|

  stops         at 4048: expected a frame, found erased or zero-filled bytes with something else behind them (blank)
  before        a sync frame at 3728 counts 45 messages, epoch 0
  behind        the next sync frame stands at 4752, counts 60 messages, and says that what lies below 720 was durable
  see           docs/format/spec.md, section 11; section 10, "A frame at D", step 2

"#]]);
    // Every position has an answer.
    for name in ["events.fls", "zeros.fls"] {
        for position in (0..7568).step_by(7) {
            let output = flatstream(&folder).args(["inspect", &format!("{name}@{position}")]).output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            assert!(matches!(output.status.code(), Some(0 | 1)), "{position}: {output:?}", output = output.stderr);
            assert_eq!(said.matches("\n>").count(), 1, "{position}\n{said}");
        }
    }
}

#[test]
fn a_torn_end_and_what_lies_behind_the_end_are_shown() {
    let folder = Folder::new("cli-inspect-end");
    record_torn(&folder, "torn.fls");
    inspect(&folder, "torn.fls@7450").code(1).stdout_eq(str![[r#"
torn.fls: position 7450 (0x1d1a) is byte 2 of the body of a message's frame, from 7440 to 7504, which is not good

          7440  ec 0b dd ed                                      check: 0xeddd0bec
          7444  38 00 00 00                                      length: a message of 56 bytes
>         7448  10 00 00 00 00 00 0a 00 1c 00 08 00 04 00 10 00  body |................|
          7464  0a 00 00 00 18 00 00 00 00 43 1c 73 95 de eb 18  body |.........C.s....|
          7480  00 00 00 00                                      body |....|

  stops         at 7440: the frame is not whole: expected 64 bytes, found 44 (incomplete)
  before        a sync frame at 6800 counts 90 messages, epoch 0
  behind        no sync frame follows: if no good frame does either, this is a torn end, and no error
  see           docs/format/spec.md, section 4; section 10, "A frame at D", steps 1 and 4

"#]]);
    record(&folder, "events.fls");
    inspect(&folder, "events.fls@7568").success().stdout_eq(str![[r#"
events.fls: position 7568 (0x1d90) is behind the end: the file has 7,568 bytes

  end           the frames end at 7568, and the stream is closed
  before        a sync frame at 7504 counts 100 messages, epoch 0
  see           docs/format/spec.md, section 11

"#]]);
    inspect(&folder, "events.fls@100,000").success();
}

#[test]
fn a_lost_first_sync_frame_is_said() {
    let folder = Folder::new("cli-inspect-first");
    let path = record(&folder, "events.fls");
    flip(&path, 700);
    inspect(&folder, "events.fls@700").code(1).stdout_eq(str![[r#"
events.fls: position 700 (0x2bc) is byte 36 of the body of a "sync" frame, from 656 to 720, which is not good

           656  d8 5d 4d dd                                      check: 0xdd4d5dd8, expected 0xea0eaa65
           660  38 00 00 80                                      length: a control frame of 56 bytes
           664  73 79 6e 63                                      kind: "sync"
           668  ef 79 c2 19                                      header check: 0x19c279ef
           672  01                                               version: 1
           673  01                                               checksum: CRC-32C
           674  03                                               alignment: 2^3 bytes
           675  00                                               flags: -
           676  00 00 00 00                                      epoch: 0
           680  a7 f1 00 00 00 00 00 00                          stream id: 0x000000000000f1a7
           688  90 02 00 00 00 00 00 00                          position: 656, where it stands
>          696  00 00 00 00 01 00 00 00                          sequence: 4,294,967,296 messages before
           704  00 40 06 25 93 de eb 18                          time: 2026-11-27T10:00:00Z
           712  00 00 00 00 00 00 00 00                          durable: not known

  stops         at 656: the frame's check is 0xdd4d5dd8, expected 0xea0eaa65 (length 56) (frame_check)
  behind        the next sync frame stands at 1680, counts 15 messages, and says that what lies below 720 was durable
  see           docs/format/spec.md, section 8; section 10, "A frame at D", step 6

"#]]);
    inspect(&folder, "events.fls@5000").success();
}

#[test]
fn a_place_far_from_any_sync_frame_is_found_by_reading_on() {
    let folder = Folder::new("cli-inspect-far");
    let mut recording = Recording::new();
    recording.options = recording.options.sync_interval(0);
    let mut writer = recording.create(&folder.join("far.fls"));
    recording.append(&mut writer, 0..20_000);
    writer.finish().unwrap();
    inspect(&folder, "far.fls@1280000").success().stdout_eq(str![[r#"
far.fls: position 1280000 (0x138800) is byte 40 of the body of a message's frame, from 1279952 to 1280016

       1279952  bd 55 7d 18                                      check: 0x187d55bd, right
       1279956  38 00 00 00                                      length: a message of 56 bytes
       1279960  10 00 00 00 00 00 0a 00 1c 00 08 00 04 00 10 00  body |................|
       1279976  0a 00 00 00 18 00 00 00 00 dc 78 b6 64 e0 eb 18  body |..........x.d...|
>      1279992  00 00 00 00 00 af a3 40 00 00 00 00 06 00 00 00  body |.......@........|
       1280008  70 75 6d 70 2d 32 00 00                          body |pump-2..|

  message       number 19,996
  before        a sync frame at 144 counts 0 messages, epoch 0
  see           docs/format/spec.md, section 4

"#]]);
}

#[test]
fn ten_gigabytes_of_holes_are_not_read() {
    let folder = Folder::new("cli-inspect-sparse");
    let path = record(&folder, "preallocated.fls");
    OpenOptions::new().write(true).open(&path).unwrap().set_len(10 << 30).unwrap();
    File::create(folder.join("blank.fls")).unwrap().set_len(10 << 30).unwrap();
    inspect(&folder, "preallocated.fls@9,000,000,000").code(1).stdout_eq(str![[r#"
preallocated.fls: position 9000000000 (0x218711a00) is in bytes that belong to no good frame

    8999999968  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
    8999999984  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
>   9000000000  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
    9000000016  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
    9000000032  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
    9000000048  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|

  stops         at 7568: expected a frame, found erased or zero-filled bytes with something else behind them (blank)
  before        a sync frame at 7504 counts 100 messages, epoch 0
  behind        no sync frame follows: if no good frame does either, this is a torn end, and no error
  see           docs/format/spec.md, section 11; section 10, "A frame at D", step 2

"#]]);
    inspect(&folder, "preallocated.fls@7000").success();
    inspect(&folder, "blank.fls@9,000,000,000").code(1).stdout_eq(str![[r#"
blank.fls: position 9000000000 (0x218711a00) is in bytes before which no sync frame stands, so that nothing is known of them

    8999999968  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
    8999999984  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
>   9000000000  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
    9000000016  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
    9000000032  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
    9000000048  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|

  header        not a flatstream: expected "FLS1" at position 8, found "/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00/x00"
  next          `flatstream recover FILE --output NEW` looks for messages all the same
  see           docs/format/spec.md, section 11

"#]]);
    // Something behind the holes.
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"the end").unwrap();
    inspect(&folder, "preallocated.fls@10737418244").code(1).stdout_eq(str![[r#"
preallocated.fls: position 10737418244 (0x280000004) is in bytes that belong to no good frame

   10737418208  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
   10737418224  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|
>  10737418240  74 68 65 20 65 6e 64                             |the end|

  stops         at 7568: expected a frame, found erased or zero-filled bytes with something else behind them (blank)
  before        a sync frame at 7504 counts 100 messages, epoch 0
  behind        no sync frame follows: if no good frame does either, this is a torn end, and no error
  see           docs/format/spec.md, section 11; section 10, "A frame at D", step 2

"#]]);
}

#[test]
fn the_middle_of_a_long_message_is_found() {
    let folder = Folder::new("cli-inspect-long");
    let recording = Recording::new();
    let mut writer = recording.create(&folder.join("long.fls"));
    writer.append(&vec![b'a'; 1_000_001]).unwrap();
    writer.finish().unwrap();
    inspect(&folder, "long.fls@500000").success().stdout_eq(str![[r#"
long.fls: position 500000 (0x7a120) is byte 499776 of the body of a message's frame, from 216 to 1000232

           216  51 0e 06 cb                                      check: 0xcb060e51, right
           220  41 42 0f 00                                      length: a message of 1,000,001 bytes
           224  61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61  body |aaaaaaaaaaaaaaaa|
           240  61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61  body |aaaaaaaaaaaaaaaa|
                ... 499,712 bytes
        499968  61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61  body |aaaaaaaaaaaaaaaa|
        499984  61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61  body |aaaaaaaaaaaaaaaa|
>       500000  61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61  body |aaaaaaaaaaaaaaaa|
        500016  61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61  body |aaaaaaaaaaaaaaaa|
        500032  61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61  body |aaaaaaaaaaaaaaaa|
                ... 500,160 bytes
       1000208  61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61  body |aaaaaaaaaaaaaaaa|
       1000224  61                                               body |a|
       1000225  00 00 00 00 00 00 00                             pad

  message       number 0
  before        a sync frame at 152 counts 0 messages, epoch 0
  see           docs/format/spec.md, section 4

"#]]);
}

#[test]
fn a_file_that_is_no_stream_is_shown_as_it_is() {
    let folder = Folder::new("cli-inspect-foreign");
    write_text(&folder, "paper.pdf");
    inspect(&folder, "paper.pdf@50").code(1).stdout_eq(str![[r#"
paper.pdf: position 50 (0x32) is in bytes before which no sync frame stands, so that nothing is known of them

            16  6c 6f 74 20 6d 6f 72 65 20 74 68 61 74 20 69 73  |lot more that is|
            32  20 6e 6f 20 73 74 72 65 61 6d 20 6f 66 20 46 6c  | no stream of Fl|
>           48  61 74 42 75 66 66 65 72 73 20 77 68 61 74 65 76  |atBuffers whatev|
            64  65 72 20 6f 6e 65 20 6d 61 6b 65 73 20 6f 66 20  |er one makes of |
            80  69 74 0a                                         |it.|

  header        not a flatstream: expected "FLS1" at position 8, found "%PDF-1.7, an"
  next          `flatstream recover FILE --output NEW` looks for messages all the same
  see           docs/format/spec.md, section 11

"#]]);
    inspect(&folder, "paper.pdf@0").code(1).stdout_eq(str![[r#"
paper.pdf: position 0 (0x0) is in what should be the header region

>            0  25 50 44 46                                      length: 1,178,882,085 bytes follow
             4  2d 31 2e 37                                      root offset of the FlatBuffer: 925774125
             8  2c 20 61 6e                                      identifier: ", an"
            12  64 20 61 20 6c 6f 74 20 6d 6f 72 65 20 74 68 61  |d a lot more tha|
            28  74 20 69 73 20 6e 6f 20 73 74 72 65 61 6d 20 6f  |t is no stream o|
            44  66 20 46 6c 61 74 42 75 66 66 65 72 73 20 77 68  |f FlatBuffers wh|
            60  61 74 65 76                                      |atev|

  stops         not a flatstream: expected "FLS1" at position 8, found "%PDF-1.7, an" (not_a_stream)
  next          `flatstream recover FILE --output NEW` finds the messages all the same
  see           docs/format/spec.md, section 3; section 10, "Opening"

"#]]);
    let wrong = |arguments: &[&str]| flatstream(&folder).arg("inspect").args(arguments).assert().stdout_eq("");
    wrong(&["paper.pdf"]).code(2).stderr_eq(str![[r#"
error: "paper.pdf" is no place: expected FILE@POSITION, as in events.fls@4096

"#]]);
    wrong(&["paper.pdf@end"]).code(2).stderr_eq(str![[r#"
error: "paper.pdf@end" is no place: expected FILE@POSITION, as in events.fls@4096

"#]]);
    wrong(&[".@0"]).code(2).stderr_eq(str![[r#"
error: . is no file: a segment of a log is one

"#]]);
    wrong(&["none.fls@0"]).code(1).stderr_eq(str![[r#"
error: none.fls can't be opened: No such file or directory (os error 2)

"#]]);
}
