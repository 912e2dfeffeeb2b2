//! Names, MACs and UUIDs derived from what an object is, so that they are the same at every start and stay the same
//! when other objects come and go.

use std::{collections::HashSet, fmt::Write as _};

use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::Mac;

/// Bytes an interface's name may have: `IFNAMSIZ` without the terminating zero.
const MAX_INTERFACE_NAME: usize = 15;
/// Bytes of the readable part of a shortened name; the dash and 7 digits (35 bits) of a hash fill the rest.
const SHORTENED_PREFIX: usize = 7;

/// Returns the hex SHA-1 of a text.
pub(super) fn hex_sha1(text: &str) -> String {
    hex(&Sha1::digest(text))
}

/// Returns the hex SHA-256 of a text.
pub(super) fn hex_sha256(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// Returns the bytes of a node's UUID.
pub fn uuid_bytes(node: &str) -> [u8; 16] {
    let digest = hash(&format!("uuid/{node}"), 0);
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

/// Returns a UUID that is always the same for a node's name: a hash in the form of version 5 of RFC 9562.
pub(super) fn uuid(node: &str) -> String {
    uuid_text(uuid_bytes(node))
}

/// Returns a UUID as RFC 9562 writes it.
pub fn uuid_text(uuid: [u8; 16]) -> String {
    let hex = hex(&uuid);
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// Hands out MACs: locally administered unicast addresses with 40 bits from a hash of the owner's id.
#[derive(Default)]
pub(super) struct Macs(HashSet<Mac>);

impl Macs {
    /// Starts with those that somebody chose.
    pub(super) fn new(taken: impl IntoIterator<Item = Mac>) -> Self {
        Self(taken.into_iter().collect())
    }

    /// Returns the MAC of an object; a second call with the same id gives another.
    pub(super) fn claim(&mut self, id: &str) -> Mac {
        let mut salt = 0;
        loop {
            let digest = hash(id, salt);
            let mac = Mac([0x02, digest[0], digest[1], digest[2], digest[3], digest[4]]);
            if self.0.insert(mac) {
                return mac;
            }
            salt += 1;
        }
    }
}

/// Hands out names of interfaces in the fabric.
pub(super) struct Ports(HashSet<String>);

impl Ports {
    /// Starts with names that no port may have.
    pub(super) fn new(reserved: impl IntoIterator<Item = String>) -> Self {
        Self(reserved.into_iter().collect())
    }

    /// Returns the name of a port: `wish` if it is a free interface name, else a shortened one made from `id`.
    pub(super) fn claim(&mut self, wish: &str, id: &str) -> String {
        if wish.len() <= MAX_INTERFACE_NAME && wish.chars().all(is_plain) && self.0.insert(wish.to_owned()) {
            return wish.to_owned();
        }
        let prefix: String = wish
            .chars()
            .take(SHORTENED_PREFIX)
            .map(|c| if is_plain(c) { c } else { '_' })
            .collect();
        let mut salt = 0;
        loop {
            let name = format!("{prefix}-{}", base32(&hash(&format!("port/{id}"), salt)));
            if self.0.insert(name.clone()) {
                return name;
            }
            salt += 1;
        }
    }
}

/// Whether a character may stand in an interface's name without the kernel or a shell reading anything into it.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+')
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn hash(text: &str, salt: u32) -> [u8; 20] {
    let mut hasher = Sha1::new();
    hasher.update(text);
    if salt > 0 {
        hasher.update(b"\0");
        hasher.update(salt.to_be_bytes());
    }
    hasher.finalize().into()
}

/// Returns the first 35 bits of a digest as 7 digits of base 32 (RFC 4648, in lower case).
fn base32(digest: &[u8; 20]) -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bits = digest[..5]
        .iter()
        .fold(0, |bits: u64, byte| bits << 8 | u64::from(*byte));
    (0..7)
        .map(|digit| char::from(DIGITS[(bits >> (35 - 5 * digit) & 31) as usize]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macs_are_local_unicast_and_never_the_same() {
        let mut macs = Macs::default();
        let first = macs.claim("link/boot-0/0");
        let second = macs.claim("link/boot-0/0");
        assert_ne!(first, second);
        assert_eq!(first.0[0] & 0b11, 0b10);
        assert_eq!(Macs::default().claim("link/boot-0/0"), first);
    }

    #[test]
    fn a_port_has_the_name_it_wishes_where_that_fits() {
        let mut ports = Ports::new(["lo".to_owned(), "boot-0.0".to_owned()]);
        assert_eq!(ports.claim("rack0-tor1.0", "link/rack0-tor1/eth0"), "rack0-tor1.0");
        for (wish, id) in [
            ("rack0-tor1.0", "link/rack0-tor1/0"),
            ("boot-0.0", "link/boot-0/0"),
            ("a-very-long-name.12", "link/a-very-long-name/12"),
            ("two words.0", "link/two words/0"),
            ("größer.0", "link/größer/0"),
        ] {
            let name = ports.claim(wish, id);
            assert_ne!(name, wish);
            assert!(name.len() <= MAX_INTERFACE_NAME, "{name} is too long");
            assert!(name.chars().all(is_plain), "{name} has odd characters");
        }
    }

    #[test]
    fn base32_counts_in_fives() {
        let mut digest = [0; 20];
        assert_eq!(base32(&digest), "aaaaaaa");
        digest[..5].fill(0xff);
        assert_eq!(base32(&digest), "7777777");
    }

    #[test]
    fn uuids_have_version_and_variant() {
        let uuid = uuid("boot-0");
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "5");
        assert!("89ab".contains(&uuid[19..20]));
    }
}
