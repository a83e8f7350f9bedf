//! Where the events come from: this machine.

use std::fs;
use std::path::Path;
use std::time::Instant;

/// Called with the name of what was measured, and the value.
pub(crate) type Emit<'a> = &'a mut dyn FnMut(&str, f64);

pub(crate) trait Source {
    fn describe(&self) -> &'static str;

    /// Measures once.
    fn tick(&mut self, emit: Emit<'_>);
}

/// The kernel's counters where there is a `/proc`; elsewhere what a program can find out about itself.
pub(crate) fn open() -> Box<dyn Source> {
    if Path::new("/proc/stat").exists() { Box::new(Proc::default()) } else { Box::new(Lateness::default()) }
}

/// Every tick the counters of each processor, and the memory and processor time of a few processes in turn.
#[derive(Default)]
struct Proc {
    processes: Vec<String>,
    name: String,
}

const PROCESSES_PER_TICK: usize = 4;

/// Linux counts processor time in hundredths of a second (`USER_HZ`) and memory in pages; the size of a page is taken
/// to be the usual one.
const SECONDS_PER_COUNT: f64 = 0.01;
const MEGABYTES_PER_PAGE: f64 = 4096.0 / 1e6;

impl Source for Proc {
    fn describe(&self) -> &'static str {
        "/proc: processors and processes"
    }

    fn tick(&mut self, emit: Emit<'_>) {
        let counters = fs::read_to_string("/proc/stat").unwrap_or_default();
        for line in counters.lines().filter(|line| line.starts_with("cpu")) {
            let mut fields = line.split_ascii_whitespace();
            let cpu = fields.next().unwrap_or_default();
            // The line "cpu" is the sum of the others.
            if cpu == "cpu" {
                continue;
            }
            for (kind, count) in ["user", "nice", "system", "idle"].into_iter().zip(fields) {
                self.emit(emit, &[cpu, "/", kind, " s"], count, SECONDS_PER_COUNT);
            }
        }
        for _ in 0..PROCESSES_PER_TICK {
            if self.processes.is_empty() {
                self.processes = list_processes();
            }
            let Some(process) = self.processes.pop() else { break };
            // It may have ended since it was listed.
            let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { continue };
            self.emit_process(emit, &process, &stat);
        }
    }
}

impl Proc {
    /// See proc(5): the name stands in parentheses and may hold anything; behind it field 14 is the time in user mode,
    /// field 24 the resident memory.
    fn emit_process(&mut self, emit: Emit<'_>, process: &str, stat: &str) {
        let Some((_, name_and_rest)) = stat.split_once('(') else { return };
        let Some((name, rest)) = name_and_rest.rsplit_once(')') else { return };
        let mut fields = rest.split_ascii_whitespace().skip(11);
        let user_time = fields.next().unwrap_or_default();
        let resident = fields.nth(9).unwrap_or_default();
        self.emit(emit, &["process ", process, " ", name, "/user s"], user_time, SECONDS_PER_COUNT);
        self.emit(emit, &["process ", process, " ", name, "/resident MB"], resident, MEGABYTES_PER_PAGE);
    }

    fn emit(&mut self, emit: Emit<'_>, name: &[&str], count: &str, unit: f64) {
        let Ok(count) = count.parse::<f64>() else { return };
        self.name.clear();
        self.name.extend(name.iter().copied());
        emit(&self.name, count * unit);
    }
}

fn list_processes() -> Vec<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .collect()
}

/// How long a fixed piece of work takes, and how long it is since the last tick: what any machine can tell.
#[derive(Default)]
struct Lateness {
    last: Option<Instant>,
}

impl Source for Lateness {
    fn describe(&self) -> &'static str {
        "this program's own pace (us)"
    }

    fn tick(&mut self, emit: Emit<'_>) {
        let start = Instant::now();
        if let Some(last) = self.last.replace(start) {
            emit("tick interval us", micros(last, start));
        }
        let sum =
            (0..1000u64).fold(1u64, |sum, number| std::hint::black_box(sum.wrapping_mul(31).wrapping_add(number)));
        std::hint::black_box(sum);
        emit("1000 multiplications us", micros(start, Instant::now()));
    }
}

fn micros(from: Instant, to: Instant) -> f64 {
    to.duration_since(from).as_secs_f64() * 1e6
}
