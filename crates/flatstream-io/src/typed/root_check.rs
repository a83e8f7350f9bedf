use flatbuffers::VerifierOptions;
use flatstream_format::Header;

use super::type_error::BadMessage;
use super::{MessageType, TypedOptions};

/// Where a finished FlatBuffer has its file identifier.
const IDENTIFIER: std::ops::Range<usize> = 4..8;

/// How each message is checked.
#[derive(Clone, Debug)]
pub(super) struct RootCheck {
    verifier: VerifierOptions,
    /// The header says that the messages have one.
    has_identifier: bool,
}

impl RootCheck {
    pub(super) fn new(header: &Header, options: &TypedOptions) -> Self {
        let has_identifier = header.message_identifier().is_some();
        Self { verifier: options.chosen_verifier().clone(), has_identifier }
    }

    /// The root, verified.
    #[inline]
    pub(super) fn root<'m, T: MessageType>(&self, message: &'m [u8]) -> Result<T::Root<'m>, BadMessage> {
        if let Some(expected) = T::IDENTIFIER
            && self.has_identifier
            && message.get(IDENTIFIER) != Some(expected.as_bytes())
        {
            return Err(wrong_identifier(expected, message));
        }
        flatbuffers::root_with_opts::<T::Root<'m>>(&self.verifier, message).map_err(BadMessage::Verifier)
    }
}

#[cold]
fn wrong_identifier(expected: &'static str, message: &[u8]) -> BadMessage {
    BadMessage::Identifier { expected, found: message.get(IDENTIFIER).unwrap_or_default().to_vec() }
}
