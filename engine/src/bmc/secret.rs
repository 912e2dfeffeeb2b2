//! Secrets: never shown, compared in constant time.

use std::fmt;

use subtle::ConstantTimeEq;

/// A password. It is not shown by `Debug` and has no `Display`.
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Takes a secret.
    pub fn new(secret: impl Into<Vec<u8>>) -> Self {
        Self(secret.into().into_boxed_slice())
    }

    /// Its bytes, for deriving keys from it.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is this one. Takes as long for a near miss as for a far one; only the length can be told from the time.
    pub fn is(&self, guess: &[u8]) -> bool {
        self.0.ct_eq(guess).into()
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self::new(secret)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_compared_and_not_shown() {
        let secret = Secret::from("cybozu");
        assert!(secret.is(b"cybozu"));
        for guess in ["", "cyboz", "cybozU", "cybozu "] {
            assert!(!secret.is(guess.as_bytes()), "{guess:?}");
        }
        assert!(!format!("{secret:?}").contains("cybozu"));
    }
}
