//! `cargo xtask instructions`: a gate for speed that doesn't flake. Times depend on the machine and its neighbours; how
//! many instructions a message costs doesn't.
//!
//! `benches/instructions` is a program that runs one workload a given number of times. Valgrind's callgrind counts its
//! instructions twice, once with twice as many messages; the difference is what the messages cost, without start and
//! end of the program. Measured so, a figure is the same in every run, in every folder and with any environment, to a
//! thousandth of an instruction.
//!
//! The figures that hold are committed (`benches/instructions/figures.txt`), one section for each compiler and machine
//! they may depend on: rustc, its host, the C library (whose `memcpy` counts too), valgrind, and the processor's
//! extensions as valgrind offers them; it hides AVX-512, so that what needs it is neither run nor counted. The build is
//! cargo's ordinary release profile (16 codegen units, no link-time optimisation across crates), as users have it.
//!
//! More than 3 % from the committed figure, up or down, fails. If that is meant, `cargo xtask instructions --bless`
//! rewrites this machine's section, and the change is reviewed with the code that made it. On a machine without a
//! section the figures are printed, and nothing is compared; the same command adds one. Without valgrind the step is
//! skipped, and says so, in CI too.
//!
//! Fewer instructions aren't always less time: what waits for memory or for a multiplication isn't seen here. That is
//! what the benches are for.

mod figures;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use crate::command::{exists, program, root, run_with, target};
use crate::{Outcome, Verdict};

use figures::{Figures, Row, compare};

const PACKAGE: &str = "flatstream-instructions";

/// The environment variable that forces a backend of CRC-32C.
const BACKEND_VARIABLE: &str = "FLATSTREAM_CRC32C";

/// Those that a child keeps: where programs are, and where valgrind's parts are.
const KEPT_VARIABLES: &[&str] = &["PATH", "VALGRIND_LIB"];

/// What the program says where the processor, as valgrind offers it, can't run the workload.
const UNAVAILABLE: &str = "unavailable";

/// Counts, and compares with what is committed.
pub(crate) fn check() -> Outcome {
    if let Some(why) = missing() {
        return Ok(Verdict::Skipped(why));
    }
    let figures = read_figures()?;
    let (key, rows) = measure_all()?;
    println!("[{key}]");
    match figures.section(&key) {
        Some(committed) => {
            let comparison = compare(committed, &rows);
            print!("{comparison}");
            comparison.outcome()
        }
        None => {
            rows.iter().for_each(|row| println!("{row}"));
            println!("No figures are committed for this compiler and machine, so there is nothing to compare with.");
            println!("To keep these: cargo xtask instructions --bless");
            Ok(Verdict::Passed)
        }
    }
}

/// Counts, and writes the figures into this machine's section.
pub(crate) fn bless() -> Outcome {
    if let Some(why) = missing() {
        return Err(why);
    }
    let mut figures = read_figures()?;
    let (key, rows) = measure_all()?;
    println!("[{key}]");
    print!("{}", compare(figures.section(&key).unwrap_or_default(), &rows));
    figures.set(key, rows);
    std::fs::write(figures_path(), figures.to_string())
        .map_err(|error| format!("figures can't be written: {error}"))?;
    Ok(Verdict::Passed)
}

fn missing() -> Option<String> {
    (!exists("valgrind --version")).then(|| "there is no valgrind, so no instructions are counted".to_owned())
}

fn figures_path() -> PathBuf {
    root().join("benches/instructions/figures.txt")
}

fn read_figures() -> Result<Figures, String> {
    let path = figures_path();
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{} can't be read: {error}", path.display()))?;
    Figures::parse(&text)
}

/// One line of the program's list.
#[derive(Debug, PartialEq, Eq)]
struct Workload {
    /// By how many messages its two runs differ.
    count: u64,
    /// The backend of CRC-32C to be forced.
    backend: Option<String>,
    name: String,
}

impl Workload {
    fn parse(line: &str) -> Option<Self> {
        let mut columns = line.splitn(3, '\t');
        let count = columns.next()?.parse().ok()?;
        let backend = columns.next().filter(|backend| !backend.is_empty()).map(str::to_owned);
        Some(Self { count, backend, name: columns.next()?.to_owned() })
    }

    /// Instructions per message; `None` where the workload can't be run.
    fn measure(&self) -> Result<Option<f64>, String> {
        let (Some(few), Some(many)) = (self.instructions(self.count)?, self.instructions(2 * self.count)?) else {
            return Ok(None);
        };
        Ok(Some((many as f64 - few as f64) / self.count as f64))
    }

    fn instructions(&self, messages: u64) -> Result<Option<u64>, String> {
        let mut command = under_valgrind(&["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        command.args(["run", &self.name, &messages.to_string()]);
        if let Some(backend) = &self.backend {
            command.env(BACKEND_VARIABLE, backend);
        }
        let (said, log) = output(&mut command)?;
        if said.trim() == UNAVAILABLE {
            return Ok(None);
        }
        collected(&log).map(Some).ok_or_else(|| format!("valgrind gives no count for \"{}\":\n{log}", self.name))
    }
}

/// Builds the program and counts all its workloads; returns the key with them.
fn measure_all() -> Result<(String, Vec<Row>), String> {
    // Plain settings: flags for another processor make other figures.
    run_with(&format!("cargo build --quiet --release --package {PACKAGE}"), |command| {
        command.env("CARGO_ENCODED_RUSTFLAGS", "").env_remove("CARGO_BUILD_TARGET");
    })?;
    let (list, _) = output(Command::new(binary()).arg("list"))?;
    let workloads: Option<Vec<Workload>> = list.lines().map(Workload::parse).collect();
    let workloads = workloads.ok_or_else(|| format!("not a list of workloads:\n{list}"))?;
    let mut rows = Vec::new();
    for (workload, instructions) in workloads.iter().zip(measure_side_by_side(&workloads)) {
        match instructions? {
            Some(instructions) => rows.push(Row { instructions, name: workload.name.clone() }),
            None => println!("not available under valgrind: {}", workload.name),
        }
    }
    Ok((key()?, rows))
}

/// On all processors: counts don't depend on what else runs.
fn measure_side_by_side(workloads: &[Workload]) -> Vec<Result<Option<f64>, String>> {
    let next = AtomicUsize::new(0);
    let measured = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((nth, workload)) = nth_of(workloads, next.fetch_add(1, Ordering::Relaxed)) {
                    let instructions = workload.measure();
                    measured.lock().expect("no thread panics").push((nth, instructions));
                }
            });
        }
    });
    let mut measured = measured.into_inner().expect("no thread panics");
    measured.sort_by_key(|(nth, _)| *nth);
    measured.into_iter().map(|(_, instructions)| instructions).collect()
}

fn nth_of(workloads: &[Workload], nth: usize) -> Option<(usize, &Workload)> {
    workloads.get(nth).map(|workload| (nth, workload))
}

/// What the figures depend on, beside the code.
fn key() -> Result<String, String> {
    let (rustc, _) = output(program("rustc").arg("-vV"))?;
    let of_rustc = |field: &str| rustc.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("unknown").trim();
    let (valgrind, _) = output(program("valgrind").arg("--version"))?;
    // Only glibc has it; the host's name tells the others.
    let libc = output(program("getconf").arg("GNU_LIBC_VERSION")).map_or_else(|_| String::new(), |(name, _)| name);
    let (extensions, _) = output(under_valgrind(&["--tool=none"]).arg("extensions"))?;
    let release = format!("rustc {}", of_rustc("release:"));
    let parts = [&release, of_rustc("host:"), &libc, &valgrind, &extensions].map(str::trim);
    Ok(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" | "))
}

fn binary() -> PathBuf {
    target().join("release").join(PACKAGE)
}

/// The program, to be run by a tool of valgrind's. Of the environment it gets no more than it needs, so that no
/// variable of the user's changes what is counted.
fn under_valgrind(options: &[&str]) -> Command {
    let mut command = program("valgrind");
    command.env_clear();
    for name in KEPT_VARIABLES {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.args(options).arg(binary());
    command
}

/// What it printed, and what it said on stderr.
fn output(command: &mut Command) -> Result<(String, String), String> {
    let output = command.output().map_err(|error| format!("{command:?} can't be run: {error}"))?;
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(format!("{command:?} failed: {}\n{log}", output.status));
    }
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), log))
}

/// The count in what callgrind says: `==1234== Collected : 126651`.
fn collected(log: &str) -> Option<u64> {
    let count = log.lines().find_map(|line| line.split_once("Collected :"))?.1;
    count.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Workload, collected};

    #[test]
    fn the_count_is_found_among_what_callgrind_says() {
        let log = "==7== For interactive control, run 'callgrind_control -h'.\n==7== \n==7== Events    : Ir\n\
                   ==7== Collected : 126651\n==7== \n==7== I   refs:      126,651\n";
        assert_eq!(collected(log), Some(126_651));
    }

    #[test]
    fn a_run_that_counted_nothing_has_no_count() {
        assert_eq!(collected("==7== Command: program\n"), None);
        assert_eq!(collected("==7== Collected : none\n"), None);
    }

    #[test]
    fn a_workload_may_force_a_backend_or_none() {
        let forced = Workload::parse("1000\tsse4.2\tdigest, CRC-32C by sse4.2, 64 B").unwrap();
        assert_eq!((forced.count, forced.backend.as_deref()), (1000, Some("sse4.2")));
        assert_eq!(forced.name, "digest, CRC-32C by sse4.2, 64 B");
        assert_eq!(Workload::parse("65536\t\tappend, none, 64 B").unwrap().backend, None);
        assert_eq!(Workload::parse("append, none, 64 B"), None);
    }
}
