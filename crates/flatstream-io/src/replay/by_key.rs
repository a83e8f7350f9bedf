use std::fmt;

/// Messages with the times that a function reads from them: [`Replay::by_key`](super::Replay::by_key).
#[derive(Clone)]
pub struct ByKey<I, F> {
    messages: I,
    key: F,
}

impl<I, F> ByKey<I, F> {
    pub(super) fn new(messages: I, key: F) -> Self {
        Self { messages, key }
    }

    /// The messages that are left.
    #[must_use]
    pub fn into_inner(self) -> I {
        self.messages
    }
}

impl<I, F, M, E> Iterator for ByKey<I, F>
where
    I: Iterator<Item = Result<M, E>>,
    F: FnMut(&M) -> i64,
{
    type Item = Result<(i64, M), E>;

    fn next(&mut self) -> Option<Self::Item> {
        let message = self.messages.next()?;
        Some(message.map(|message| ((self.key)(&message), message)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.messages.size_hint()
    }
}

impl<I: fmt::Debug, F> fmt::Debug for ByKey<I, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByKey").field("messages", &self.messages).finish_non_exhaustive()
    }
}
