//! A BMC as the lab's state shows it.

use crate::{
    bmc::Bmc,
    plan,
    store::{BmcOrigin, BmcState, BmcUserState, Ready},
};

/// A BMC that a lab file asks for and that is not there yet.
pub fn declared(bmc: &plan::Bmc) -> BmcState {
    BmcState {
        node: bmc.node.clone(),
        address: bmc.address,
        origin: BmcOrigin::Declared,
        network: None,
        state: Ready::Waiting,
        error: None,
        boot_override: None,
        sessions: vec![],
        users: vec![],
    }
}

/// Brings a state up to what a BMC knows now; whether that changed anything.
pub fn refresh(state: &mut BmcState, bmc: &Bmc) -> bool {
    let accounts = bmc.accounts().list().into_iter();
    let users = accounts.map(|account| BmcUserState {
        id: account.id,
        name: account.name,
        role: account.role,
        enabled: account.enabled,
    });
    let fresh = BmcState {
        boot_override: bmc.boot(),
        sessions: bmc.sessions().list(),
        users: users.collect(),
        ..state.clone()
    };
    let changed = *state != fresh;
    *state = fresh;
    changed
}
