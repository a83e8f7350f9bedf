use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use super::root_check::RootCheck;
use super::{MessageType, TypeError};
use crate::error::Result;
use crate::message::Message;

/// A [`Message`] of a stream of type `T`. It may outlive its reader and go to another thread.
///
/// [`root`](Self::root) verifies it and gives its root; call it once and keep what it gives as long as the message is
/// there. [`TypedReader`](crate::TypedReader) has an example.
pub struct TypedMessage<T> {
    message: Message,
    check: RootCheck,
    message_type: PhantomData<fn() -> T>,
}

impl<T: MessageType> TypedMessage<T> {
    pub(super) fn new(message: Message, check: RootCheck) -> Self {
        Self { message, check, message_type: PhantomData }
    }

    /// The root table, after the FlatBuffers verifier has checked the message. Each call verifies, because nothing safe
    /// could tell that it was done before.
    ///
    /// # Errors
    /// Of the kind `WrongType`, with position, sequence and what the verifier found.
    #[inline]
    pub fn root(&self) -> Result<T::Root<'_>> {
        self.check.root::<T>(&self.message).map_err(|why| {
            let (position, sequence) = (self.message.position(), self.message.sequence());
            TypeError::Message { expected: T::NAME, position, sequence, why }.into()
        })
    }
}

impl<T> TypedMessage<T> {
    /// The message without its type.
    #[must_use]
    pub fn into_message(self) -> Message {
        self.message
    }
}

impl<T> Deref for TypedMessage<T> {
    type Target = Message;

    #[inline]
    fn deref(&self) -> &Message {
        &self.message
    }
}

impl<T> From<TypedMessage<T>> for Message {
    fn from(message: TypedMessage<T>) -> Self {
        message.into_message()
    }
}

impl<T> Clone for TypedMessage<T> {
    fn clone(&self) -> Self {
        Self { message: self.message.clone(), check: self.check.clone(), message_type: PhantomData }
    }
}

impl<T: MessageType> fmt::Debug for TypedMessage<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedMessage").field("type", &T::NAME).field("message", &self.message).finish()
    }
}
