//! `--bmc-users`: the file that says who may sign in to BMCs.

use std::{fs, path::Path};

use anyhow::{Context as _, bail};
use placemat2_engine::bmc::{Accounts, Role, Secret, User};
use serde::Deserialize;

/// No such file needs more bytes.
const LONGEST: u64 = 64 * 1024;

/// A user as the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    password: String,
    #[serde(default = "administrator")]
    role: Role,
}

fn administrator() -> Role {
    Role::Administrator
}

/// Reads the file; without one there is the user that placemat v2 had.
pub fn read(path: Option<&Path>) -> anyhow::Result<Vec<User>> {
    let Some(path) = path else {
        return Ok(vec![User::default_user()]);
    };
    let shown = path.display();
    let length = fs::metadata(path)
        .with_context(|| format!("the BMC users' file {shown} can't be read"))?
        .len();
    if length > LONGEST {
        bail!("the BMC users' file {shown} is longer than {LONGEST} bytes");
    }
    let text = fs::read_to_string(path).with_context(|| format!("the BMC users' file {shown} can't be read"))?;
    parse(&text).with_context(|| format!("the BMC users' file {shown} can't be used"))
}

fn parse(text: &str) -> anyhow::Result<Vec<User>> {
    let entries: Vec<Entry> =
        serde_yaml::from_str(text).context("it has to be a list of `name`, `password` and `role`")?;
    let users: Vec<User> = entries
        .into_iter()
        .map(|entry| User {
            name: entry.name,
            password: Secret::from(entry.password.as_str()),
            role: entry.role,
        })
        .collect();
    if users.is_empty() || users.len() > Accounts::most() {
        bail!("it has to name 1 to {} users", Accounts::most());
    }
    for (at, user) in users.iter().enumerate() {
        user.check()
            .with_context(|| format!("the user {:?} can't sign in to a BMC", user.name))?;
        if users[..at].iter().any(|other| other.name == user.name) {
            bail!("it names {:?} twice", user.name);
        }
    }
    Ok(users)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read() {
        let users = parse("- {name: ada, password: lovelace}\n- {name: bob, password: '1', role: ReadOnly}\n").unwrap();
        assert_eq!(users.len(), 2);
        assert_eq!((users[0].role, users[1].role), (Role::Administrator, Role::ReadOnly));
        assert!(users[0].password.is(b"lovelace"));
        assert_eq!(read(None).unwrap()[0].name, "cybozu");
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, words) in [
            ("[]", "1 to 14 users"),
            ("ada", "has to be a list"),
            ("[{name: ada}]", "has to be a list"),
            ("[{name: ada, password: x, role: King}]", "has to be a list"),
            ("[{name: two words, password: x}]", "can't sign in"),
            ("[{name: ada, password: x}, {name: ada, password: y}]", "twice"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
