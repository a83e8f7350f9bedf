//! What a reader of the figures has to know of the machine.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, thread};

/// What it is, and its value.
pub(crate) type Fact = (&'static str, String);

pub(crate) fn facts(folder: &Path) -> Vec<Fact> {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    vec![
        ("Date", today()),
        ("Source", first_line(Command::new("git").args(["describe", "--always", "--dirty"]))),
        ("Processor", format!("{}, {cores} cores", line_of("/proc/cpuinfo", "model name"))),
        ("Features", features()),
        ("Memory", line_of("/proc/meminfo", "MemTotal")),
        ("Kernel", read("/proc/sys/kernel/osrelease")),
        ("Compiler", first_line(Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("--version"))),
        ("File system", file_system(folder)),
    ]
}

fn read(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// The value behind a name and a colon.
fn line_of(path: &str, name: &str) -> String {
    let text = read(path);
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned());
    value.unwrap_or_else(|| "unknown".to_owned())
}

fn first_line(command: &mut Command) -> String {
    let output = command.output().ok().filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.and_then(|text| text.lines().next().map(str::to_owned)).unwrap_or_else(|| "unknown".to_owned())
}

/// Those that checksums may use.
#[cfg(target_arch = "x86_64")]
fn features() -> String {
    let all = [
        ("SSE4.2", is_x86_feature_detected!("sse4.2")),
        ("PCLMULQDQ", is_x86_feature_detected!("pclmulqdq")),
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("AVX-512", is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl")),
        ("VPCLMULQDQ", is_x86_feature_detected!("vpclmulqdq")),
    ];
    all.iter().filter_map(|(name, is_there)| is_there.then_some(*name)).collect::<Vec<_>>().join(", ")
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> String {
    env::consts::ARCH.to_owned()
}

/// The type of the file system that is mounted nearest to the folder.
fn file_system(folder: &Path) -> String {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let mounts = read("/proc/self/mounts");
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        words.next().zip(words.next())
    });
    let nearest = mounts.filter(|(at, _)| folder.starts_with(at)).max_by_key(|(at, _)| at.len());
    nearest.map_or_else(|| "unknown".to_owned(), |(_, kind)| kind.to_owned())
}

fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = civil_date(seconds / 86_400);
    format!("{year}-{month:02}-{day:02}")
}

/// From days since 1970, by counting them off.
fn civil_date(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let mut month = 1;
    for len in [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < len {
            break;
        }
        days -= len;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates_in_leap_years_too() {
        let dates = [0, 31, 59, 11_016, 11_017, 20_782].map(civil_date);
        let expected = [(1970, 1, 1), (1970, 2, 1), (1970, 3, 1), (2000, 2, 29), (2000, 3, 1), (2026, 11, 25)];
        assert_eq!(dates, expected);
    }
}
