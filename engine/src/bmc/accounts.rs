//! Who may sign in to a BMC: one table for all its faces.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::ToSchema;

use super::Secret;

/// Bytes a name may have: what an IPMI user has room for.
pub const LONGEST_NAME: usize = 16;
/// Bytes a password may have: as much as IPMI 2.0 takes.
pub const LONGEST_PASSWORD: usize = 20;

/// Numbers of accounts. 1 is IPMI's user without a name, which is never enabled here.
const FIRST: u8 = 2;
const LAST: u8 = 15;

/// What a user of a BMC may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum Role {
    /// Look.
    ReadOnly,
    /// Look, and act on the machine.
    Operator,
    /// Everything, accounts included.
    Administrator,
}

/// Somebody who shall be able to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password.
    pub password: Secret,
    /// What the user may do.
    pub role: Role,
}

impl User {
    /// Who may sign in if nobody says who.
    pub fn default_user() -> Self {
        Self {
            name: "cybozu".into(),
            password: "cybozu".into(),
            role: Role::Administrator,
        }
    }

    /// Whether that can be a user at all.
    pub fn check(&self) -> Result<(), AccountError> {
        check_name(&self.name)?;
        check_password(&self.password)
    }
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number, from 2 to 15.
    pub id: u8,
    /// Its name; empty: it was not given one yet and can't be used.
    pub name: String,
    /// What it may do; `None`: nothing.
    pub role: Option<Role>,
    /// Whether it may sign in.
    pub enabled: bool,
    /// The password; `None`: none was set and it can't be used.
    pub password: Option<Secret>,
}

impl Account {
    /// Whether it can sign in at all.
    pub fn is_usable(&self) -> bool {
        self.enabled && self.role.is_some() && self.password.is_some() && !self.name.is_empty()
    }
}

/// Why an account could not be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// No such number.
    #[error("There is no account {0}: accounts have the numbers {FIRST} to {LAST}.")]
    NotFound(u8),
    /// Names tell accounts apart.
    #[error("There is an account {0:?} already.")]
    Exists(String),
    /// All numbers are taken.
    #[error("There are as many accounts as a BMC can have; delete one first.")]
    Full,
    /// Not a name.
    #[error("A name has 1 to {LONGEST_NAME} printable ASCII characters without spaces.")]
    Name,
    /// Not a password.
    #[error("A password has 1 to {LONGEST_PASSWORD} bytes.")]
    Password,
}

/// The accounts of a BMC.
#[derive(Debug)]
pub struct Accounts {
    accounts: RwLock<Vec<Account>>,
    changes: watch::Sender<u64>,
}

impl Accounts {
    /// A table with these users; those that do not fit, or have the name of another, are left out.
    pub(super) fn new(users: &[User], changes: watch::Sender<u64>) -> Self {
        let accounts = Self {
            accounts: RwLock::default(),
            changes,
        };
        for User { name, password, role } in users {
            if let Err(error) = accounts.add(name, password.clone(), *role) {
                tracing::warn!("a BMC goes without the account {name:?}: {error}");
            }
        }
        accounts
    }

    /// The highest number an account can have.
    pub const fn last_id() -> u8 {
        LAST
    }

    /// How many accounts there can be.
    pub const fn most() -> usize {
        (LAST - FIRST) as usize + 1
    }

    /// All accounts, by number.
    pub fn list(&self) -> Vec<Account> {
        self.read().clone()
    }

    /// The account of that number.
    pub fn get(&self, id: u8) -> Option<Account> {
        self.read().iter().find(|account| account.id == id).cloned()
    }

    /// The account of that name.
    pub fn named(&self, name: &str) -> Option<Account> {
        let accounts = self.read();
        accounts.iter().find(|account| account.name == name).cloned()
    }

    /// The account of that number, if it may still be used by who signed in by that name: the number may have been given to
    /// somebody else since.
    pub fn signed_in(&self, id: u8, name: &str) -> Option<Account> {
        self.get(id)
            .filter(|account| account.is_usable() && account.name == name)
    }

    /// The account that signs in so. That the name is unknown takes as long to find out as that the password is wrong.
    pub fn sign_in(&self, name: &str, password: &[u8]) -> Option<Account> {
        let known = self.named(name).filter(Account::is_usable);
        let nobody = Secret::new(vec![0; LONGEST_PASSWORD]);
        let secret = known.as_ref().and_then(|account| account.password.as_ref());
        let right = secret.unwrap_or(&nobody).is(password);
        known.filter(|_| right)
    }

    /// Adds an account and returns its number.
    pub fn add(&self, name: &str, password: Secret, role: Role) -> Result<u8, AccountError> {
        check_name(name)?;
        check_password(&password)?;
        self.change(|accounts| {
            check_free(accounts, name, 0)?;
            let taken = |id: &u8| accounts.iter().any(|account| account.id == *id);
            let id = (FIRST..=LAST).find(|id| !taken(id)).ok_or(AccountError::Full)?;
            put(
                accounts,
                Account {
                    id,
                    name: name.to_owned(),
                    role: Some(role),
                    enabled: true,
                    password: Some(password),
                },
            );
            Ok(id)
        })
    }

    /// Names an account, which is made if there is none of that number.
    pub fn set_name(&self, id: u8, name: &str) -> Result<(), AccountError> {
        check_name(name)?;
        self.edit(id, |accounts, mut account| {
            check_free(accounts, name, id)?;
            name.clone_into(&mut account.name);
            Ok(account)
        })
    }

    /// Gives an account a password; sessions that it has go on.
    pub fn set_password(&self, id: u8, password: Secret) -> Result<(), AccountError> {
        check_password(&password)?;
        self.edit(id, |_, mut account| {
            account.password = Some(password);
            Ok(account)
        })
    }

    /// Changes what an account may do, and whether it may sign in.
    pub fn set_access(&self, id: u8, role: Option<Role>, enabled: bool) -> Result<(), AccountError> {
        self.edit(id, |_, mut account| {
            account.role = role;
            account.enabled = enabled;
            Ok(account)
        })
    }

    /// Removes an account; false if there was none.
    pub fn remove(&self, id: u8) -> bool {
        self.change(|accounts| {
            let before = accounts.len();
            accounts.retain(|account| account.id != id);
            Ok(accounts.len() < before)
        })
        .unwrap_or_default()
    }

    fn edit(
        &self,
        id: u8,
        edit: impl FnOnce(&[Account], Account) -> Result<Account, AccountError>,
    ) -> Result<(), AccountError> {
        if !(FIRST..=LAST).contains(&id) {
            return Err(AccountError::NotFound(id));
        }
        self.change(|accounts| {
            let known = accounts.iter().find(|account| account.id == id).cloned();
            let account = edit(
                accounts,
                known.unwrap_or(Account {
                    id,
                    name: String::new(),
                    role: None,
                    enabled: false,
                    password: None,
                }),
            )?;
            put(accounts, account);
            Ok(())
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Vec<Account>) -> Result<T, AccountError>) -> Result<T, AccountError> {
        let outcome = change(&mut self.write());
        self.changes.send_modify(|version| *version += 1);
        outcome
    }

    /// A panic while the lock was held can't have left an account half changed.
    fn read(&self) -> RwLockReadGuard<'_, Vec<Account>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Vec<Account>> {
        self.accounts.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put(accounts: &mut Vec<Account>, account: Account) {
    match accounts.binary_search_by_key(&account.id, |known| known.id) {
        Ok(at) => accounts[at] = account,
        Err(at) => accounts.insert(at, account),
    }
}

fn check_free(accounts: &[Account], name: &str, except: u8) -> Result<(), AccountError> {
    let taken = accounts
        .iter()
        .any(|account| account.name == name && account.id != except);
    if taken {
        return Err(AccountError::Exists(name.to_owned()));
    }
    Ok(())
}

/// Whether that can be the name of an account.
fn check_name(name: &str) -> Result<(), AccountError> {
    let good = (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(|c| c.is_ascii_graphic());
    if good { Ok(()) } else { Err(AccountError::Name) }
}

/// Whether that can be a password.
fn check_password(password: &Secret) -> Result<(), AccountError> {
    let good = (1..=LONGEST_PASSWORD).contains(&password.bytes().len());
    if good { Ok(()) } else { Err(AccountError::Password) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        let user = User {
            name: "cybozu".into(),
            password: "cybozu".into(),
            role: Role::Administrator,
        };
        Accounts::new(&[user], watch::Sender::new(0))
    }

    #[test]
    fn only_the_right_password_of_a_usable_account_signs_in() {
        let accounts = accounts();
        assert_eq!(accounts.sign_in("cybozu", b"cybozu").unwrap().id, 2);
        assert!(accounts.sign_in("cybozu", b"cybozv").is_none());
        assert!(accounts.sign_in("", b"").is_none());
        assert!(accounts.sign_in("nobody", &[0; LONGEST_PASSWORD]).is_none());
        accounts.set_access(2, Some(Role::ReadOnly), false).unwrap();
        assert!(accounts.sign_in("cybozu", b"cybozu").is_none());
    }

    #[test]
    fn an_account_is_made_step_by_step_as_ipmi_does() {
        let accounts = accounts();
        accounts.set_name(3, "ada").unwrap();
        assert!(accounts.sign_in("ada", b"").is_none());
        accounts.set_password(3, "lovelace".into()).unwrap();
        assert!(accounts.sign_in("ada", b"lovelace").is_none());
        accounts.set_access(3, Some(Role::Operator), true).unwrap();
        assert_eq!(accounts.sign_in("ada", b"lovelace").unwrap().role, Some(Role::Operator));
        assert!(accounts.remove(3) && !accounts.remove(3));
    }

    #[test]
    fn what_no_account_can_have_is_refused() {
        let accounts = accounts();
        assert_eq!(
            accounts.set_name(3, "cybozu"),
            Err(AccountError::Exists("cybozu".into()))
        );
        for name in ["", "two words", "größer", "seventeen-letters"] {
            assert_eq!(accounts.set_name(3, name), Err(AccountError::Name), "{name}");
        }
        for id in [0, 1, 16, 255] {
            assert_eq!(accounts.set_password(id, "x".into()), Err(AccountError::NotFound(id)));
        }
        assert_eq!(
            accounts.set_password(3, Secret::new(vec![1; 21])),
            Err(AccountError::Password)
        );
        for number in 0..13 {
            accounts
                .add(&format!("user{number}"), "x".into(), Role::ReadOnly)
                .unwrap();
        }
        assert_eq!(
            accounts.add("last", "x".into(), Role::ReadOnly),
            Err(AccountError::Full)
        );
    }
}
