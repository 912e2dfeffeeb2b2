//! Values of the command line that are checked as it is read: what is wrong with one is a wrong command line, told before anything
//! is done.

use nix::unistd::User;
use placemat2_engine::{api, plan};

/// A lab's name.
pub fn lab_name(text: &str) -> Result<String, String> {
    match plan::check_lab_name(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(reason) => Err(reason.to_owned()),
    }
}

/// An address to listen on.
pub fn listen_addr(text: &str) -> Result<String, String> {
    match api::ListenAddr::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A user of this host. Where users can't be looked up now, the lab tells.
pub fn user(text: &str) -> Result<String, String> {
    match User::from_name(text) {
        Ok(None) => Err("there is no such user on this host".to_owned()),
        Ok(Some(_)) | Err(_) => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_is_taken_and_the_rest_is_told() {
        assert!(
            lab_name("dc-1").is_ok() && lab_name("a b").is_err() && lab_name("").is_err() && lab_name(".x").is_err()
        );
        for good in ["127.0.0.1:0", "[::1]:10808", "localhost:80", ":8080"] {
            assert_eq!(listen_addr(good).as_deref(), Ok(good));
        }
        assert!(listen_addr("10808").unwrap_err().contains("ADDRESS:PORT"));
        assert!(user("root").is_ok() && user("no such user").is_err());
    }
}
