//! Runs the second implementation, `docs/format/vectors/flatstream_vectors.py`, and the third, `python/flatstream`.
//! They share no code with the crates.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The script.
#[must_use]
pub fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/format/vectors/flatstream_vectors.py")
}

/// Runs the script with these arguments and returns what it prints; `None`, and a loud word, where there is no Python.
///
/// # Panics
/// If the script fails; and in CI (the variable `CI` is set) if there is no Python.
pub fn run<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Option<String> {
    let mut command = Command::new("python3");
    // No bytecode beside the script: a test leaves the work tree as it was.
    command.arg("-B").arg(script()).args(arguments);
    let output = started(command.output())?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{said}");
    Some(String::from_utf8(output.stdout).expect("UTF-8 from Python"))
}

/// `None`, and a loud word, where there is no Python.
fn started<T>(result: std::io::Result<T>) -> Option<T> {
    match result {
        Ok(started) => Some(started),
        Err(error) if std::env::var_os("CI").is_none() => {
            eprintln!("SKIPPED: python3 can't be run: {error}");
            None
        }
        Err(error) => panic!("python3 can't be run: {error}"),
    }
}

/// A Python that answers lines: a module of `python/flatstream`.
#[derive(Debug)]
pub struct Answering {
    child: Child,
    asked: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Answering {
    /// Starts the module, such as `tests.answer`; `None`, and a loud word, where there is no Python.
    ///
    /// # Panics
    /// In CI (the variable `CI` is set), if there is no Python.
    #[must_use]
    pub fn start(module: &str) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python/flatstream");
        let mut command = Command::new("python3");
        command.args(["-B", "-m", module]).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = started(command.spawn())?;
        let (asked, said) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        Some(Self { child, asked, said })
    }

    /// The lines that it says to this one, up to an empty line.
    ///
    /// # Panics
    /// If it ends before.
    pub fn ask(&mut self, line: &str) -> Vec<String> {
        writeln!(self.asked, "{line}").expect("Python listens");
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let len = self.said.read_line(&mut line).expect("UTF-8 from Python");
            assert!(len > 0, "Python has failed");
            match line.trim_end() {
                "" => return lines,
                line => lines.push(line.to_owned()),
            }
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        // It waits for nothing that could be lost.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
