use std::time::Duration;

/// 24 hours at 1 kHz.
const MESSAGES: u64 = 24 * 3600 * 1000;

/// When it is enough.
pub(crate) struct Options {
    pub(crate) messages: u64,
    /// `None`: however long it takes.
    pub(crate) time: Option<Duration>,
}

impl Options {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut minutes, mut messages) = (2.0, MESSAGES);
        while let Some(option) = words.next() {
            let value = words.next().ok_or_else(|| format!("{option} needs a value"))?;
            let wrong = || format!("{option} takes a number, not {value:?}");
            match option.as_str() {
                "--minutes" => minutes = value.parse::<f64>().map_err(|_| wrong())?,
                "--messages" => messages = value.parse().map_err(|_| wrong())?,
                _ => return Err(format!("unknown option {option}")),
            }
        }
        if minutes == 0.0 && messages == 0 {
            return Err("--minutes 0 and --messages 0 never end".to_owned());
        }
        let messages = if messages == 0 { u64::MAX } else { messages };
        let time = Duration::try_from_secs_f64(minutes * 60.0);
        let time = time.map_err(|_| format!("--minutes takes 0 or more, not {minutes}"))?;
        Ok(Self { messages, time: (!time.is_zero()).then_some(time) })
    }

    pub(crate) fn is_over(&self, elapsed: Duration) -> bool {
        self.time.is_some_and(|time| elapsed >= time)
    }
}
