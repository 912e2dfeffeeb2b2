//! What a command acts on, and what is to be done after it.

use std::sync::Arc;

use super::super::{
    completion::Completion,
    privilege::Privilege,
    session::{Session, Table},
    settings::Settings,
    sol::Sol,
};
use crate::bmc::{Begun, Bmc, Place};

/// What a command acts on.
pub struct Cx<'a> {
    /// The BMC.
    pub bmc: &'a Arc<Bmc>,
    /// Where it is reached.
    pub place: &'a Place,
    /// What IPMI alone knows.
    pub settings: &'a mut Settings,
    /// All sessions but the one that asks.
    pub table: &'a mut Table,
    /// Serial over LAN, while it is active.
    pub sol: &'a mut Option<Sol>,
    /// The session that asks; `None`: the command came outside of one.
    pub session: Option<&'a mut Session>,
    /// What the answer waits for, for a moment.
    pub begun: &'a mut Option<Begun>,
    /// What is to be done once the answer is sent.
    pub then: Then,
}

/// What is to be done after an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    #[default]
    Nothing,
    /// The session ends.
    Close,
    /// All other sessions end; with `true`, settings are forgotten.
    Reset(bool),
}

impl Cx<'_> {
    /// The session that asks.
    pub(super) fn session(&mut self) -> Result<&mut Session, Completion> {
        self.session.as_deref_mut().ok_or(Completion::PRIVILEGE)
    }

    /// The most that a session of the account may do now, if it may go on.
    pub(super) fn privilege(&self) -> Privilege {
        self.session
            .as_ref()
            .map_or(Privilege::None, |session| session.privilege)
    }
}
