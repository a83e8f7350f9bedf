//! What the system tells about a file or a folder: Linux's inotify.

use std::io;
use std::path::Path;
use std::time::Duration;

#[cfg(target_os = "linux")]
pub(super) use linux::Events;
#[cfg(not(target_os = "linux"))]
pub(super) use none::Events;

#[cfg(target_os = "linux")]
mod linux {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fd::OwnedFd;
    use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
    use rustix::io::Errno;

    use super::{Duration, Path, io};

    #[derive(Debug)]
    pub(in super::super) struct Events {
        queue: OwnedFd,
    }

    impl Events {
        /// `None` if the system has no more of them for us.
        pub(in super::super) fn of(path: &Path) -> Option<Self> {
            let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
            // A file that is replaced or removed loses a name, which is a change of its attributes.
            let of_a_file = WatchFlags::MODIFY | WatchFlags::ATTRIB | WatchFlags::MOVE_SELF | WatchFlags::DELETE_SELF;
            let of_a_folder = WatchFlags::CREATE | WatchFlags::MOVED_TO;
            inotify::add_watch(&queue, path, of_a_file | of_a_folder).ok()?;
            Some(Self { queue })
        }

        /// Whether something happened before the time was over.
        pub(in super::super) fn wait(&mut self, at_most: Duration) -> io::Result<bool> {
            let timeout = Timespec::try_from(at_most).map_err(io::Error::other)?;
            match poll(&mut [PollFd::new(&self.queue, PollFlags::IN)], Some(&timeout)) {
                Ok(0) => Ok(false),
                Ok(_) => self.drain().map(|()| true),
                Err(Errno::INTR) => Ok(true),
                Err(error) => Err(error.into()),
            }
        }

        /// What happened doesn't matter: the file is looked at anyway.
        fn drain(&self) -> io::Result<()> {
            let mut events = [0; 1024];
            match rustix::io::read(&self.queue, &mut events) {
                Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod none {
    use super::{Duration, Path, io};

    /// There are none.
    #[derive(Debug)]
    pub(in super::super) enum Events {}

    impl Events {
        pub(in super::super) fn of(_path: &Path) -> Option<Self> {
            None
        }

        pub(in super::super) fn wait(&mut self, _at_most: Duration) -> io::Result<bool> {
            match *self {}
        }
    }
}
