//! What IPMI lets clients set and no other face knows of. A cold reset brings back the defaults.

use super::{handshake::Admission, privilege::Privilege};
use crate::bmc::{Account, Accounts};

/// Slots for what is kept for each account, by its number.
const ACCOUNTS: usize = Accounts::last_id() as usize + 1;

/// What an account may do over a channel, beside its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "the flags of IPMI, each with a meaning of its own"
)]
pub struct Access {
    /// Only when it calls back: kept, and of no meaning to a LAN.
    pub callback_only: bool,
    /// Link authentication: kept, and of no meaning to a LAN.
    pub link: bool,
    /// It may open sessions.
    pub messaging: bool,
    /// It may use Serial over LAN.
    pub sol: bool,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            callback_only: false,
            link: false,
            messaging: true,
            sol: true,
        }
    }
}

/// How Serial over LAN behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SolSettings {
    /// It can be activated.
    pub enabled: bool,
    /// The least privilege that it takes, and flags that ask for what is always so.
    pub authentication: u8,
    /// When characters are sent: after so many times 5 ms, or so many of them.
    pub accumulate: [u8; 2],
    /// How often a packet is sent again, and after how many times 10 ms.
    pub retry: [u8; 2],
    /// Baud rates, lasting and present: there is no line, so they change nothing.
    pub rates: [u8; 2],
}

/// The boot options that no other face knows of.
#[derive(Clone, Debug, Default)]
pub struct BootOptions {
    /// The parameters 1, 2 and 3 in this order.
    pub simple: [u8; 3],
    /// Parameter 4: who has seen the boot information.
    pub acknowledged: u8,
    /// Parameter 5 as it was written; what the BMC knows itself is put over it.
    pub flags: [u8; 5],
    /// Parameter 6: who asked for the boot.
    pub initiator: [u8; 9],
    /// Parameter 7: the mailbox, in blocks of 16 bytes.
    pub mailbox: [[u8; 16]; 5],
}

/// All settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// By account number.
    pub access: [Access; ACCOUNTS],
    /// Whose access that is: the name that the account had last.
    owners: [String; ACCOUNTS],
    /// The most anybody may do over the LAN.
    pub channel_limit: Privilege,
    /// Serial over LAN.
    pub sol: SolSettings,
    /// Boot options.
    pub boot: BootOptions,
    /// The present reservation of the event log.
    pub sel_reservation: u16,
    /// The present reservation of the sensor records.
    pub sdr_reservation: u16,
    /// Names a client gave to the system, by parameter (2 to 4): encoding, length and text.
    pub names: [Option<Vec<u8>>; 3],
    /// The global enables.
    pub enables: u8,
    /// Minutes between UTC and what a client takes for local time.
    pub utc_offset: i16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access: [Access::default(); ACCOUNTS],
            owners: Default::default(),
            channel_limit: Privilege::Administrator,
            sol: SolSettings {
                enabled: true,
                // Encrypted and authenticated, for operators.
                authentication: 0xc0 | Privilege::Operator.number(),
                accumulate: [2, 128],
                retry: [7, 50],
                // 115,200 baud.
                rates: [0x0a; 2],
            },
            boot: BootOptions::default(),
            sel_reservation: 0,
            sdr_reservation: 0,
            names: [None, None, None],
            // Events are logged.
            enables: 0x08,
            utc_offset: 0,
        }
    }
}

impl Settings {
    /// What an account may do; `None` for a number that no account has.
    pub fn access(&mut self, account: u8) -> Option<&mut Access> {
        self.access.get_mut(usize::from(account))
    }

    /// Takes note of whose accounts there are, by whichever face they were made: what was set for somebody does not hold for
    /// who has the number after them. What is set for a number before it has a name stays.
    pub fn follow(&mut self, accounts: &[Account]) {
        for (number, (owner, access)) in self.owners.iter_mut().zip(&mut self.access).enumerate() {
            let account = accounts.iter().find(|account| usize::from(account.id) == number);
            let name = account.map_or("", |account| &account.name);
            if *owner != name {
                if !owner.is_empty() {
                    *access = Access::default();
                }
                name.clone_into(owner);
            }
        }
    }

    /// Whether that account may use Serial over LAN, with the privilege that it has at the moment.
    pub fn admits_to_console(&self, account: u8, privilege: Privilege) -> bool {
        let needed = Privilege::from_number(self.sol.authentication & 0xf).unwrap_or(Privilege::Operator);
        let access = self.access.get(usize::from(account));
        privilege >= needed && access.is_some_and(|access| access.sol)
    }
}

impl Admission for Settings {
    fn limit(&self, account: &Account) -> Option<Privilege> {
        let access = self.access.get(usize::from(account.id))?;
        let role = account.role.filter(|_| access.messaging)?;
        Some(Privilege::from(role).min(self.channel_limit))
    }
}
