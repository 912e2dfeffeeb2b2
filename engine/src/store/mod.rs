//! The one state of a running lab, and the events that tell of each change to it.
//!
//! Whatever makes or watches a part of the lab writes what it sees here; the API answers from here and nowhere else.
//! Of those it knows the words for their states, and nothing of how things are made.

mod event;
mod handle;
mod readiness;
mod state;

pub use event::{Event, Level};
pub use handle::Store;
pub use readiness::{Readiness, ReadyState, lab_phase, phase, power};
pub use state::{
    AddressSource, AppPhase, AppState, BmcOrigin, BmcState, BmcUserState, BootCause, ForwardState, ImagePhase,
    ImageState, InterfaceState, LabPhase, LabState, NamespaceState, NetworkState, NicState, NodeAddress, NodeState,
    Ready, Smbios, State, Step,
};
