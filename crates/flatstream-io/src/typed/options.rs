use flatbuffers::VerifierOptions;

use super::IfUntyped;

/// What a [`TypedReader`](crate::TypedReader) accepts.
///
/// ```
/// use flatbuffers::VerifierOptions;
/// use flatstream_io::TypedOptions;
///
/// let deep = VerifierOptions { max_depth: 256, ..Default::default() };
/// let options = TypedOptions::new().accept_untyped(true).verifier(deep);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct TypedOptions {
    verifier: VerifierOptions,
    accept_untyped: bool,
}

impl TypedOptions {
    /// Refuses streams that don't say what their messages are; the verifier's own limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// How deep and how large a message may unfold. The default is that of the `flatbuffers` crate: tables nested up to
    /// 64 deep, a million of them, 2 GiB.
    pub fn verifier(mut self, options: VerifierOptions) -> Self {
        self.verifier = options;
        self
    }

    /// Whether a stream is read whose header doesn't say what its messages are: one that was written without
    /// [`message_type`](crate::WriteOptions::message_type), or whose header was lost to damage. The default is `false`,
    /// because many a message passes for one of another type. All messages are verified in either case.
    pub fn accept_untyped(mut self, accept: bool) -> Self {
        self.accept_untyped = accept;
        self
    }

    pub(super) fn chosen_verifier(&self) -> &VerifierOptions {
        &self.verifier
    }

    pub(super) fn if_untyped(&self) -> IfUntyped {
        if self.accept_untyped { IfUntyped::Accept } else { IfUntyped::Refuse }
    }
}
