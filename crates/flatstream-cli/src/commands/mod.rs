pub(crate) mod cat;
pub(crate) mod completions;
pub(crate) mod info;
pub(crate) mod man;
pub(crate) mod recover;
pub(crate) mod verify;
