//! Why the firewall can't be opened.

use super::super::{program::ProgramError, record::RecordError};

/// Why forwarding can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum FirewallError {
    /// `nft` or `iptables` failed.
    #[error("Forwarding to and from the lab cannot be allowed in the host's firewall: {0}")]
    Program(#[from] ProgramError),
    /// It could not be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A name that a firewall takes for a pattern.
    #[error(
        "The network {link} cannot be let through the host's firewall, for which its name is a pattern; rename the network."
    )]
    Pattern {
        /// The link.
        link: String,
    },
}
