//! What a session may do.

use crate::bmc::Role;

/// IPMI's privilege levels, and none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    /// For what needs no session.
    None,
    /// Less than looking.
    Callback,
    /// Looking.
    User,
    /// Acting on the machine.
    Operator,
    /// Everything.
    Administrator,
}

impl Privilege {
    /// By its number in packets.
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Callback,
            2 => Self::User,
            3 => Self::Operator,
            4 => Self::Administrator,
            _ => return None,
        })
    }

    /// Its number in packets.
    pub fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Callback => 1,
            Self::User => 2,
            Self::Operator => 3,
            Self::Administrator => 4,
        }
    }

    /// The role that may do as much.
    pub fn role(self) -> Role {
        match self {
            Self::None | Self::Callback | Self::User => Role::ReadOnly,
            Self::Operator => Role::Operator,
            Self::Administrator => Role::Administrator,
        }
    }
}

impl From<Role> for Privilege {
    fn from(role: Role) -> Self {
        match role {
            Role::ReadOnly => Self::User,
            Role::Operator => Self::Operator,
            Role::Administrator => Self::Administrator,
        }
    }
}
