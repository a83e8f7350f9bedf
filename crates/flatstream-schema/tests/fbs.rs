//! Schemas as text, which flatc reads back.

mod messages;

use std::fs;
use std::path::Path;
use std::process::Command;

use flatstream_schema::{Schema, conform};
use flatstream_testkit::flatc;
use flatstream_testkit::folder::Folder;

use messages::SCHEMAS;

#[test]
fn flatc_makes_the_same_schema_of_the_text() {
    let Some(flatc) = flatc::find() else { return };
    for (name, bfbs) in SCHEMAS {
        let folder = Folder::new(&format!("fbs-{name}"));
        let text = Schema::read(bfbs).unwrap().to_fbs();
        fs::write(folder.join("again.fbs"), &text).unwrap();
        let output = Command::new(&flatc)
            .current_dir(folder.path())
            .args(["--schema", "--binary", "--bfbs-builtins", "again.fbs"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{name}: {said}\n{text}");
        let again = fs::read(folder.join(Path::new("again.bfbs"))).unwrap();
        assert_eq!(conform(bfbs, &again), Ok(()), "{name}\n{text}");
        assert_eq!(conform(&again, bfbs), Ok(()), "{name}\n{text}");
        let again = Schema::read(&again).unwrap();
        assert_eq!(again.to_fbs(), text, "{name}");
        assert_eq!(again.file_identifier(), Schema::read(bfbs).unwrap().file_identifier(), "{name}");
    }
}
