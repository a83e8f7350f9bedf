//! Programs from Debian's archive, unpacked into a folder under `target/tools`: nothing is installed on the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{exists, target};

/// The release that the packages are of; others have other compilers.
const CODENAME: &str = "bookworm";

const SOURCES: &str = "\
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian-security bookworm-security main
";

/// Unpacked packages.
pub(crate) struct Unpacked {
    root: PathBuf,
}

impl Unpacked {
    /// A program that runs with the libraries of the packages.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.path(program));
        self.prepare(&mut command);
        command
    }

    /// Lets a program find the libraries of the packages.
    pub(crate) fn prepare(&self, command: &mut Command) {
        let folders = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"].map(|folder| self.root.join(folder));
        if let Ok(joined) = std::env::join_paths(folders) {
            command.env("LD_LIBRARY_PATH", joined);
        }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }
}

/// The packages with all that they need and this machine lacks, in `target/tools/NAME`; fetched once.
///
/// # Errors
/// With the reason why they can't be had.
pub(crate) fn unpack(name: &str, packages: &[&str]) -> Result<Unpacked, String> {
    let folder = target().join("tools").join(name);
    let unpacked = Unpacked { root: folder.join("root") };
    let list = packages.join(" ");
    let stamp = folder.join("packages");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == list) {
        return Ok(unpacked);
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !release.contains(&format!("VERSION_CODENAME={CODENAME}")) || !exists("dpkg --version") {
        return Err(format!("the compiler and the emulator are packages of Debian {CODENAME} on x86-64"));
    }
    let io = |error: std::io::Error| format!("{}: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(io)?;
    }
    for needed in ["apt/lists/partial", "apt/cache/archives/partial", "root"] {
        fs::create_dir_all(folder.join(needed)).map_err(io)?;
    }
    fs::write(folder.join("apt/sources.list"), SOURCES).map_err(io)?;
    println!("fetching {list} into {}", folder.display());
    apt(&folder, "-qq update")?;
    // What is installed isn't fetched again; nothing is installed or removed: `-d` only fetches.
    apt(&folder, &format!("-qq install -y -d --no-install-recommends {list}"))?;
    for archive in fs::read_dir(folder.join("apt/cache/archives")).map_err(io)? {
        let archive = archive.map_err(io)?.path();
        if archive.extension().is_some_and(|extension| extension == "deb") {
            run(Command::new("dpkg").arg("-x").arg(&archive).arg(&unpacked.root))?;
        }
    }
    fs::remove_dir_all(folder.join("apt")).map_err(io)?;
    fs::write(stamp, list).map_err(io)?;
    Ok(unpacked)
}

/// With lists and a cache of our own.
fn apt(folder: &Path, arguments: &str) -> Result<(), String> {
    let apt = folder.join("apt");
    let options = [
        format!("Dir::State={}", apt.display()),
        "Dir::State::status=/var/lib/dpkg/status".to_owned(),
        format!("Dir::Cache={}", apt.join("cache").display()),
        format!("Dir::Etc::sourcelist={}", apt.join("sources.list").display()),
        "Dir::Etc::sourceparts=/dev/null".to_owned(),
        "APT::Keep-Downloaded-Packages=true".to_owned(),
        "APT::Sandbox::User=root".to_owned(),
        "Debug::NoLocking=true".to_owned(),
    ];
    let mut command = Command::new("apt-get");
    for option in options {
        command.arg("-o").arg(option);
    }
    run(command.args(arguments.split_whitespace()))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?} can't be run: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr))),
    }
}
