//! Forwarding to and from a lab where the host's firewall would drop it (Docker, firewalld, ufw, a careful administrator).
//!
//! A packet must be accepted by every base chain at the forward hook. Into each of those that would drop what no rule of
//! theirs knows, accept rules for the lab's interfaces are inserted in front of all others, marked with the lab's name, and
//! exactly those are removed later. Chains that accept by themselves are not touched.
//!
//! This module knows of firewalls only; what the interfaces are is the business of others.

mod accept;
mod chain;
mod error;
pub(super) mod iptables;
pub(super) mod nft;
mod rules;

pub use accept::{accept, accept_blocking, dropping};
use chain::Chain;
pub use error::FirewallError;
