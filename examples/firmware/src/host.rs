//! Files on the host, by semihosting: the emulator, or a debugger, does what the processor asks for.

use core::ffi::CStr;

use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::syscall;

/// `fopen`'s "wb".
const WRITE_BINARY: usize = 5;

/// A file on the host, in the folder in which the emulator was started.
pub struct HostFile(usize);

impl HostFile {
    /// An empty file.
    pub fn create(name: &CStr) -> Option<Self> {
        // SAFETY: the name ends with a zero, and the host reads as many bytes as it is told.
        let handle = unsafe { syscall!(OPEN, name.as_ptr(), WRITE_BINARY, name.count_bytes()) };
        (handle != usize::MAX).then_some(Self(handle))
    }

    /// Appends bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Option<()> {
        // SAFETY: the host reads the bytes of the slice.
        let not_written = unsafe { syscall!(WRITE, self.0, bytes.as_ptr(), bytes.len()) };
        (not_written == 0).then_some(())
    }

    /// Appends a line: a name and a number.
    pub fn write_fact(&mut self, name: &str, mut number: u32) -> Option<()> {
        self.write(name.as_bytes())?;
        let mut digits = *b"          \n";
        for place in digits.iter_mut().rev().skip(1) {
            *place = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.write(&digits)
    }
}

/// Ends the emulator.
pub fn exit(is_well: bool) -> ! {
    loop {
        debug::exit(if is_well { EXIT_SUCCESS } else { EXIT_FAILURE });
    }
}
