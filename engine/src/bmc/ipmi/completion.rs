//! How a command ended.

/// A completion code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion(pub u8);

/// The data of an answer, or why there is none.
pub type Reply = Result<Vec<u8>, Completion>;

impl Completion {
    /// It was done.
    pub const DONE: Self = Self(0x00);
    /// What is asked for has been taken by another session, or isn't known; its meaning is the command's.
    pub const COMMAND_SPECIFIC: Self = Self(0x80);
    /// The second one of the command's own.
    pub const COMMAND_SPECIFIC_1: Self = Self(0x81);
    /// The third one of the command's own.
    pub const COMMAND_SPECIFIC_2: Self = Self(0x82);
    /// No such command.
    pub const INVALID_COMMAND: Self = Self(0xc1);
    /// A reservation has lapsed.
    pub const RESERVATION: Self = Self(0xc5);
    /// Too few or too many bytes.
    pub const LENGTH: Self = Self(0xc7);
    /// More is asked for than there is.
    pub const RANGE: Self = Self(0xc9);
    /// No such sensor, record or other thing.
    pub const NOT_PRESENT: Self = Self(0xcb);
    /// A byte means nothing.
    pub const INVALID_FIELD: Self = Self(0xcc);
    /// The thing does not know this command.
    pub const ILLEGAL_FOR_OBJECT: Self = Self(0xcd);
    /// Nobody is at that address.
    pub const NO_DESTINATION: Self = Self(0xd3);
    /// The session may not do that.
    pub const PRIVILEGE: Self = Self(0xd4);
    /// Not in this state.
    pub const STATE: Self = Self(0xd5);
    /// It failed.
    pub const UNSPECIFIED: Self = Self(0xff);
}
