//! Who asks, and what they may.

use std::net::IpAddr;

use axum::http::{HeaderMap, StatusCode, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Redfish, message::Message, registry, reply::Refusal};
use crate::bmc::{Account, Role};

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client on a network.
    Remote(IpAddr),
    /// The lab itself, for somebody who may use its API: no BMC could keep anything from them.
    Lab,
}

impl Origin {
    /// The address to note as the client's.
    pub fn address(self) -> IpAddr {
        match self {
            Self::Remote(address) => address,
            Self::Lab => IpAddr::from([127, 0, 0, 1]),
        }
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody in particular.
    Anonymous,
    /// Somebody who signed in.
    User {
        /// The account's number.
        account: u8,
        /// Its name, as it was when they signed in.
        name: String,
        /// What it may do.
        role: Role,
        /// The session they have, if they came by one.
        session: Option<u64>,
    },
    /// The lab.
    Lab,
}

/// What one needs to be allowed to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// Nothing: it is open to everybody.
    Open,
    /// To be signed in.
    Login,
    /// To change what is one's own.
    ConfigureSelf,
    /// To change accounts.
    ConfigureUsers,
    /// To change the BMC.
    ConfigureManager,
    /// To change the machine.
    ConfigureComponents,
}

impl Privilege {
    /// Those a role has, as Redfish spells them.
    pub fn of(role: Role) -> &'static [&'static str] {
        match role {
            Role::Administrator => &[
                "Login",
                "ConfigureManager",
                "ConfigureUsers",
                "ConfigureComponents",
                "ConfigureSelf",
            ],
            Role::Operator => &["Login", "ConfigureComponents", "ConfigureSelf"],
            Role::ReadOnly => &["Login", "ConfigureSelf"],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Open => "",
            Self::Login => "Login",
            Self::ConfigureSelf => "ConfigureSelf",
            Self::ConfigureUsers => "ConfigureUsers",
            Self::ConfigureManager => "ConfigureManager",
            Self::ConfigureComponents => "ConfigureComponents",
        }
    }
}

impl Caller {
    /// Whether they may.
    pub fn may(&self, privilege: Privilege) -> bool {
        match self {
            _ if privilege == Privilege::Open => true,
            Self::Anonymous => false,
            Self::User { role, .. } => Privilege::of(*role).contains(&privilege.name()),
            Self::Lab => true,
        }
    }

    /// Whether they are still signed in: the account is there, and the session has not ended.
    pub fn is_signed_in(&self, redfish: &Redfish) -> bool {
        match self {
            Self::Anonymous => false,
            Self::User {
                account, name, session, ..
            } => {
                redfish.bmc().accounts().signed_in(*account, name).is_some()
                    && session.is_none_or(|session| redfish.logins().has(session))
            }
            Self::Lab => true,
        }
    }

    /// Whether that is the caller's own account.
    pub fn is_account(&self, id: u8) -> bool {
        matches!(self, Self::User { account, .. } if *account == id)
    }

    /// Refuses those who may not: whoever is not signed in is asked to.
    pub fn check(&self, privilege: Privilege) -> Result<(), Refusal> {
        if self.may(privilege) {
            Ok(())
        } else if *self == Self::Anonymous {
            Err(unauthorized())
        } else {
            Err(Refusal::forbidden())
        }
    }
}

/// Finds out who asks. A token or password that is wrong is refused even where none is needed.
pub fn identify(redfish: &Redfish, headers: &HeaderMap, origin: Origin) -> Result<Caller, Refusal> {
    if let Some(token) = headers.get("x-auth-token") {
        let found = redfish.logins().by_token(redfish.bmc(), token.as_bytes());
        return found
            .and_then(|(session, account)| user(account, Some(session)))
            .ok_or_else(unauthorized);
    }
    if let Some(credentials) = headers.get(header::AUTHORIZATION) {
        let signed_in = basic(credentials.as_bytes()).and_then(|(name, password)| {
            let account = redfish.bmc().accounts().sign_in(&name, &password)?;
            user(account, None)
        });
        return signed_in.ok_or_else(|| {
            redfish.logins().note_failure(redfish.bmc(), origin);
            unauthorized()
        });
    }
    Ok(match origin {
        Origin::Remote(_) => Caller::Anonymous,
        Origin::Lab => Caller::Lab,
    })
}

fn user(account: Account, session: Option<u64>) -> Option<Caller> {
    let role = account.role?;
    Some(Caller::User {
        account: account.id,
        name: account.name,
        role,
        session,
    })
}

fn unauthorized() -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, Message::new(registry::NO_VALID_SESSION, []))
}

/// Name and password of a basic `Authorization` header.
fn basic(header: &[u8]) -> Option<(String, Vec<u8>)> {
    let (scheme, encoded) = header.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim_ascii()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let name = String::from_utf8(decoded[..colon].to_vec()).ok()?;
    Some((name, decoded[colon + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_read_and_nonsense_is_not() {
        assert_eq!(
            basic(b"Basic Y3lib3p1OmE6Yg=="),
            Some(("cybozu".into(), b"a:b".to_vec()))
        );
        for nonsense in [
            "",
            "Basic",
            "Basic ",
            "Basic %%%",
            "Basic YQ==",
            "Bearer Y3lib3p1OmE6Yg==",
        ] {
            assert_eq!(basic(nonsense.as_bytes()), None, "{nonsense}");
        }
    }

    #[test]
    fn roles_have_what_redfish_gives_them() {
        let user = |role| Caller::User {
            account: 2,
            name: "ada".into(),
            role,
            session: None,
        };
        assert!(user(Role::Administrator).may(Privilege::ConfigureUsers));
        assert!(user(Role::Operator).may(Privilege::ConfigureComponents));
        assert!(!user(Role::Operator).may(Privilege::ConfigureManager));
        assert!(user(Role::ReadOnly).may(Privilege::Login));
        assert!(!user(Role::ReadOnly).may(Privilege::ConfigureComponents));
        assert!(Caller::Anonymous.may(Privilege::Open) && !Caller::Anonymous.may(Privilege::Login));
    }
}
