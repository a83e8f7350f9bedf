//! `cargo xtask fuzz`: builds the targets of `fuzz/` as cargo-fuzz does, but by the stable compiler, and runs each for
//! a while. What it makes is in the build folder, under `fuzz`. With `--minutes`, `fuzz/runs.txt` notes each run, and
//! the table of `docs/ROBUSTNESS.md` is made of all that it has.

mod totals;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::command::{exists, program, root, run_with, skip, target};
use crate::{Outcome, Verdict, document};
use totals::Totals;

/// As `fuzz/Cargo.toml` names them.
const TARGETS: [&str; 8] =
    ["decode", "split_input", "round_trip", "recover", "schema_walker", "header", "sync", "cli_readers"];

const MACHINE: &str = "x86_64-unknown-linux-gnu";

/// What cargo-fuzz gives the compiler: every block counts how often it was reached, comparisons say with what.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-simplifycfg-branch-fold-threshold=0";

/// Two targets at a time.
const JOBS: usize = 2;

const USAGE: &str = "cargo xtask fuzz [--asan] [--minutes N] [TARGET]";

struct Options {
    /// `None`: half a minute, which is noted nowhere.
    minutes: Option<u64>,
    has_asan: bool,
    targets: Vec<&'static str>,
}

impl Options {
    fn parse(words: &[&str]) -> Result<Self, String> {
        let mut options = Self { minutes: None, has_asan: false, targets: TARGETS.to_vec() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--asan" => options.has_asan = true,
                "--minutes" => {
                    let minutes = words.next().and_then(|minutes| minutes.parse().ok());
                    options.minutes = Some(minutes.filter(|minutes| *minutes > 0).ok_or(USAGE)?);
                }
                word => {
                    let known = TARGETS.into_iter().find(|target| *target == word);
                    let unknown = || format!("{word} is no target: expected one of {}\n{USAGE}", TARGETS.join(", "));
                    options.targets = vec![known.ok_or_else(unknown)?];
                }
            }
        }
        Ok(options)
    }

    fn seconds(&self) -> u64 {
        self.minutes.map_or(30, |minutes| 60 * minutes)
    }
}

/// Where everything is.
struct Folders {
    corpus: PathBuf,
    artifacts: PathBuf,
    logs: PathBuf,
    programs: PathBuf,
    /// A line for each run; `None` where they aren't noted.
    runs: Option<PathBuf>,
}

pub(crate) fn run_targets(words: &[&str]) -> Outcome {
    let options = Options::parse(words)?;
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return skip("fuzzing is built for Linux on x86-64 here; elsewhere `cargo +nightly fuzz` does it".to_owned());
    }
    if !exists("c++ --version") {
        return skip("there is no C++ compiler, which libFuzzer is built by".to_owned());
    }
    let folder = target().join("fuzz");
    let build = folder.join(if options.has_asan { "asan" } else { "instrumented" });
    let folders = Folders {
        corpus: folder.join("corpus"),
        artifacts: folder.join("artifacts"),
        logs: folder.join("logs"),
        programs: build.join(MACHINE).join("release"),
        runs: options.minutes.map(|_| root().join("fuzz/runs.txt")),
    };
    prepare(&folders, &folder.join("plain"))?;
    build_targets(&build, options.has_asan)?;
    let failed = run_all(&folders, &options);
    if let Some(runs) = &folders.runs {
        document::write_part("docs/ROBUSTNESS.md", "cargo xtask fuzz", &totals::table(runs, &TARGETS)?)?;
    }
    match failed {
        0 => Ok(Verdict::Passed),
        failed => Err(format!("{failed} of {} targets failed", options.targets.len())),
    }
}

/// The first inputs, and the inputs that once failed, by a build without instruments.
fn prepare(folders: &Folders, plain: &Path) -> Result<(), String> {
    let seeds = format!("cargo run --release --quiet --example seeds -- {}", folders.corpus.display());
    for line in ["cargo test --release --lib --quiet", &seeds] {
        run_with(line, |command| {
            command.current_dir(root().join("fuzz")).env("CARGO_TARGET_DIR", plain);
        })?;
    }
    Ok(())
}

fn build_targets(build: &Path, has_asan: bool) -> Result<(), String> {
    let asan = if has_asan { " -Zsanitizer=address" } else { "" };
    run_with(&format!("cargo build --release --bins --target {MACHINE}"), |command| {
        command
            .current_dir(root().join("fuzz"))
            .env("CARGO_TARGET_DIR", build)
            // Flags that the compiler keeps for nightly ones.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", format!("{FLAGS}{asan}"));
    })
    .map(drop)
}

/// Returns how many failed.
fn run_all(folders: &Folders, options: &Options) -> usize {
    let waiting = Mutex::new(VecDeque::from(options.targets.clone()));
    let failed = Mutex::new(0);
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    println!("{:14} {:>12} {:>9} {:>9} {:>9}", "target", "executions", "coverage", "at first", "new units");
    thread::scope(|scope| {
        for _ in 0..JOBS {
            scope.spawn(|| {
                while let Some(name) = next() {
                    let said = run_target(folders, name, options.seconds()).and_then(|ran| ran.judge(folders, name));
                    match said {
                        Ok(line) => println!("{name:14} {line}"),
                        Err(error) => {
                            println!("{name:14} FAILED: {error}");
                            *failed.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                        }
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What a target's run came to.
struct Ran {
    status: ExitStatus,
    took: Duration,
    log: String,
    new_artifacts: Vec<PathBuf>,
}

fn run_target(folders: &Folders, name: &str, seconds: u64) -> Result<Ran, String> {
    let failed = |error: std::io::Error| format!("it can't be run: {error}");
    let artifacts = folders.artifacts.join(name);
    for folder in [&artifacts, &folders.logs] {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let before = files_in(&artifacts);
    let log = folders.logs.join(format!("{name}.log"));
    let mut command = program(&folders.programs.join(name).display().to_string());
    command.arg(folders.corpus.join(name));
    let regressions = root().join("fuzz/regressions").join(name);
    if regressions.is_dir() {
        command.arg(regressions);
    }
    command.arg(format!("-artifact_prefix={}/", artifacts.display())).arg(format!("-max_total_time={seconds}")).args([
        "-print_final_stats=1",
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-max_len=16384",
    ]);
    if name == "cli_readers" {
        // The program says what is wrong with each input.
        command.arg("-close_fd_mask=3");
    }
    // Files that are made and removed all the time.
    if Path::new("/dev/shm").is_dir() {
        command.env("TMPDIR", "/dev/shm");
    }
    command.stdout(File::create("/dev/null").map_err(failed)?).stderr(File::create(&log).map_err(failed)?);
    let start = Instant::now();
    let status = command.status().map_err(failed)?;
    let took = start.elapsed();
    let log = String::from_utf8_lossy(&fs::read(&log).map_err(failed)?).into_owned();
    let new_artifacts = files_in(&artifacts).into_iter().filter(|path| !before.contains(path)).collect();
    Ok(Ran { status, took, log, new_artifacts })
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

impl Ran {
    /// A line of figures, or what is wrong.
    fn judge(&self, folders: &Folders, name: &str) -> Result<String, String> {
        let statistic = |key: &str| self.numbers_behind(key).last();
        let executions = statistic("stat::number_of_executed_units:");
        let (first, last) = (self.numbers_behind(" cov:").next(), self.numbers_behind(" cov:").last());
        let totals = Totals {
            seconds: self.took.as_secs(),
            executions: executions.unwrap_or_default(),
            coverage: last.unwrap_or_default(),
            failures: u64::from(!self.status.success()),
        };
        if let Some(runs) = &folders.runs {
            totals.append_to(runs, name)?;
        }
        if !self.status.success() {
            return Err(self.failure(folders, name));
        }
        let executions = executions.ok_or("it says nothing of executions")?;
        let new_units = statistic("stat::new_units_added:").unwrap_or_default();
        let (Some(first), Some(last)) = (first, last) else {
            return Err("it was built without coverage: nothing guided it".to_owned());
        };
        Ok(format!("{executions:12} {last:9} {first:9} {new_units:9}"))
    }

    fn failure(&self, folders: &Folders, name: &str) -> String {
        let program = folders.programs.join(name);
        let repeat = self.new_artifacts.iter().map(|path| format!("{} {}", program.display(), path.display()));
        let repeat: Vec<_> = repeat.collect();
        let log = folders.logs.join(format!("{name}.log"));
        format!("{}, see {}\n  to repeat it: {}", self.status, log.display(), repeat.join("\n  or: "))
    }

    fn numbers_behind<'a>(&'a self, key: &'a str) -> impl Iterator<Item = u64> + 'a {
        let places = self.log.lines().filter_map(move |line| line.split_once(key));
        places.filter_map(|(_, rest)| rest.split_whitespace().next()?.parse().ok())
    }
}
