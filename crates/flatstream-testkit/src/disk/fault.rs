use std::io::{self, ErrorKind};

/// How an operation fails though there is power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An error, nothing done.
    Error(ErrorKind),
    /// The operating system's error of this number, such as 28 (ENOSPC), nothing done.
    Raw(i32),
    /// A write takes half, at least a byte, and says so. Any other operation: an EIO, nothing done.
    Short,
    /// `ErrorKind::Interrupted`, nothing done: to be tried again. A sync that was interrupted may be.
    Interrupted,
    /// A write takes half, at least a byte, and reports an EIO, so that its caller believes nothing was taken. Any
    /// other operation: an EIO, nothing done.
    HalfThenError,
}

/// Linux's number: what a medium reports that can't be written.
const EIO: i32 = 5;

impl Fault {
    /// What the failing operation reports.
    pub(super) fn error(self) -> io::Error {
        match self {
            Self::Error(kind) => kind.into(),
            Self::Raw(number) => io::Error::from_raw_os_error(number),
            Self::Short | Self::HalfThenError => io::Error::from_raw_os_error(EIO),
            Self::Interrupted => ErrorKind::Interrupted.into(),
        }
    }
}
