//! `cargo xtask targets`: the tests of the checksums, the format, the ring and io on machines unlike ours: s390x, which
//! is big-endian, in an emulator, and i686, which has 32 bits. The vectors of `docs/format` are among them.

use std::iter;
use std::process::Command;

use crate::command::{root, skip, target};
use crate::debian::Suites;
use crate::{Outcome, Verdict, debian};

/// A compiler with its sources, so that std can be built for the machine; linkers and C libraries; an emulator.
const PACKAGES: &[&str] = &[
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "gcc-s390x-linux-gnu",
    "libc6-dev-s390x-cross",
    "gcc-i686-linux-gnu",
    "libc6-dev-i386-cross",
    "qemu-user-static",
];

struct Machine {
    triple: &'static str,
    linker: &'static str,
    /// Where the processor is another one.
    emulator: Option<&'static str>,
    /// Of the tables of all truncations and all flipped bits, every how many-th place is taken.
    thinned: &'static str,
    /// What is run of io. Files one after the other: some tests start a process, which has the locks of the others
    /// until it is another program.
    io: &'static [&'static str],
}

const MACHINES: [Machine; 2] = [
    Machine {
        triple: "s390x-unknown-linux-gnu",
        linker: "usr/bin/s390x-linux-gnu-gcc",
        emulator: Some("usr/bin/qemu-s390x-static"),
        thinned: "61",
        // What reads and writes streams: emulated, the others take too long.
        io: &[
            "-p flatstream-io --lib --test vectors --test round_trip --test bad_input --test recovery \
             --test recovery_links --test seek",
            "-p flatstream-io --test files -- --test-threads=1",
        ],
    },
    Machine {
        triple: "i686-unknown-linux-gnu",
        linker: "usr/bin/i686-linux-gnu-gcc",
        emulator: None,
        thinned: "7",
        io: &["-p flatstream-io --features mmap,typed --lib --tests -- --test-threads=1"],
    },
];

/// What is run of the crates that decide about bytes: everything.
const CODEC: &str = "-p flatstream-checksum -p flatstream-format -p flatstream-ring --lib --tests";

/// Runs the tests on each machine.
pub(crate) fn run_tests() -> Outcome {
    let tools = match debian::unpack("targets", Suites::MainAndSecurity, PACKAGES) {
        Ok(tools) => tools,
        Err(why) => return skip(format!("NO OTHER MACHINE WAS TRIED: {why}")),
    };
    for machine in &MACHINES {
        for tests in iter::once(&CODEC).chain(machine.io) {
            println!("   {}: {tests}", machine.triple);
            test(&tools, machine, tests)?;
        }
    }
    Ok(Verdict::Passed)
}

fn test(tools: &debian::Unpacked, machine: &Machine, tests: &str) -> Result<(), String> {
    let mut command: Command = tools.command("usr/bin/cargo");
    // Other compilers' settings, and those of the cargo that runs us.
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WRAPPER"] {
        command.env_remove(variable);
    }
    let of_target = |what| format!("CARGO_TARGET_{}_{what}", machine.triple.to_uppercase().replace('-', "_"));
    command
        .current_dir(root())
        .env("RUSTC", tools.path("usr/bin/rustc"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", target().join("targets"))
        .env("FLATSTREAM_THINNED", machine.thinned)
        .env(of_target("LINKER"), tools.path(machine.linker))
        // With the C library in them, the tests need nothing of the machine they run on.
        .env(of_target("RUSTFLAGS"), "-Ctarget-feature=+crt-static")
        .args(["test", "--quiet", "--locked", "--no-fail-fast", "-Zbuild-std=std,test", "--target", machine.triple])
        .args(tests.split_whitespace());
    if let Some(emulator) = machine.emulator {
        command.env(of_target("RUNNER"), tools.path(emulator));
    }
    let status = command.status().map_err(|error| format!("{command:?} can't be run: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{tests} failed on {}: {status}", machine.triple)) }
}
