use std::path::PathBuf;

use flatstream::ChecksumType;

pub(crate) const HELP: &str = "\
Records this machine's own metrics into a flatstream file, reads it back and prints a summary.

  cargo run --release --example telemetry -- [OPTIONS]

  --seconds N       how long to record [default: 3]
  --out FILE        the file to write; one of that name is replaced [default: telemetry.fls]
  --checksum NAME   none, crc32c, crc32, xxh64 or xxh3 [default: crc32c]
";

pub(crate) struct Arguments {
    pub(crate) seconds: f64,
    pub(crate) out: PathBuf,
    pub(crate) checksum: ChecksumType,
}

impl Arguments {
    /// `None` if help is asked for.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut arguments =
            Self { seconds: 3.0, out: PathBuf::from("telemetry.fls"), checksum: ChecksumType::default() };
        while let Some(option) = words.next() {
            if matches!(option.as_str(), "--help" | "-h") {
                return Ok(None);
            }
            let mut value = || words.next().ok_or_else(|| format!("{option} needs a value"));
            match option.as_str() {
                "--seconds" => arguments.seconds = parse_seconds(&value()?)?,
                "--out" => arguments.out = PathBuf::from(value()?),
                "--checksum" => arguments.checksum = parse_checksum(&value()?)?,
                _ => return Err(format!("unknown option {option}")),
            }
        }
        Ok(Some(arguments))
    }
}

fn parse_seconds(value: &str) -> Result<f64, String> {
    let seconds: f64 = value.parse().map_err(|_| format!("--seconds takes a number, not {value:?}"))?;
    let is_possible = (0.0..=1e6).contains(&seconds);
    is_possible.then_some(seconds).ok_or_else(|| format!("--seconds takes 0 to 1000000, not {value}"))
}

fn parse_checksum(value: &str) -> Result<ChecksumType, String> {
    Ok(match value {
        "none" => ChecksumType::None,
        "crc32c" => ChecksumType::Crc32c,
        "crc32" => ChecksumType::Crc32,
        "xxh64" => ChecksumType::Xxh64,
        "xxh3" => ChecksumType::Xxh3,
        _ => return Err(format!("--checksum takes none, crc32c, crc32, xxh64 or xxh3, not {value:?}")),
    })
}
