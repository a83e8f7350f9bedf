use flatstream_format::Header;
use flatstream_schema::{ConformError, Schema, conform};

use super::{MessageType, TypeError};
use crate::error::Result;

/// What to do about a header that doesn't say what the messages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfUntyped {
    Accept,
    Refuse,
}

/// Whether the messages of a stream with this header are of type `T`, by all that the header says about them.
pub(crate) fn check_header<T: MessageType>(header: &Header, if_untyped: IfUntyped) -> Result<()> {
    check_claims::<T>()?;
    check_name::<T>(header, if_untyped)?;
    if let (Some(expected), Some(found)) = (T::IDENTIFIER, header.message_identifier())
        && expected != found
    {
        return Err(TypeError::Identifier { expected, found: found.to_owned() }.into());
    }
    match (header.schema(), T::SCHEMA) {
        // Most often nothing has changed.
        (Some(of_stream), Some(of_type)) if of_stream != of_type => {
            check_schemas(of_stream, of_type).map_err(schema_error::<T>)
        }
        _ => Ok(()),
    }
}

/// One has to be a later version of the other, whichever it is: a program that wasn't updated yet reads what a newer
/// one writes.
fn check_schemas(of_stream: &[u8], of_type: &[u8]) -> std::result::Result<(), ConformError> {
    let why = match conform(of_stream, of_type) {
        Err(ConformError::Mismatch(why)) => why,
        result => return result,
    };
    match conform(of_type, of_stream) {
        Ok(()) => Ok(()),
        // What was added to the later one forbids nothing; something else does.
        Err(ConformError::Mismatch(other)) if why.is_deletion() => Err(other.reversed().into()),
        Err(_) => Err(why.into()),
    }
}

/// Whether what `T` says about itself fits together.
fn check_claims<T: MessageType>() -> Result<()> {
    let Some(bfbs) = T::SCHEMA else { return Ok(()) };
    match Schema::read(bfbs) {
        Ok(schema) if schema.has_table(T::NAME) => Ok(()),
        Ok(_) => Err(TypeError::NotInItsSchema(T::NAME).into()),
        Err(error) => Err(schema_error::<T>(ConformError::New(error))),
    }
}

/// The message type; where the header has none, the root type of its schema.
fn check_name<T: MessageType>(header: &Header, if_untyped: IfUntyped) -> Result<()> {
    let of_schema = || Schema::read(header.schema()?).ok()?.root_table();
    match header.message_type().or_else(of_schema) {
        Some(name) if name == T::NAME => Ok(()),
        Some(name) => Err(TypeError::Name { expected: T::NAME, found: name.to_owned() }.into()),
        None if if_untyped == IfUntyped::Accept => Ok(()),
        None => Err(TypeError::Untyped { expected: T::NAME }.into()),
    }
}

fn schema_error<T: MessageType>(why: ConformError) -> crate::Error {
    TypeError::Schema { expected: T::NAME, why }.into()
}
