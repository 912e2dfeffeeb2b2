//! What RMCP+ does with keys: suites 3 and 17, and the keys of a session.

use aes::Aes128;
use aes::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _, block_padding::NoPadding};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// Bytes of a block, and of an initialization vector.
const BLOCK: usize = 16;

/// A cipher suite: authentication and integrity by one hash, encryption by AES-CBC-128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// Suite 3: RAKP-HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128.
    Sha1,
    /// Suite 17: RAKP-HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128.
    Sha256,
}

/// AES-CBC-128 as RMCP+ numbers it.
pub const AES_CBC_128: u8 = 1;

impl Suite {
    /// All that are spoken here, the best first.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha1];

    /// Its number.
    pub fn id(self) -> u8 {
        match self {
            Self::Sha1 => 3,
            Self::Sha256 => 17,
        }
    }

    /// Its authentication algorithm.
    pub fn authentication(self) -> u8 {
        match self {
            Self::Sha1 => 1,
            Self::Sha256 => 3,
        }
    }

    /// Its integrity algorithm.
    pub fn integrity(self) -> u8 {
        match self {
            Self::Sha1 => 1,
            Self::Sha256 => 4,
        }
    }

    /// Bytes of an integrity code in a packet and in RAKP message 4.
    pub fn code_length(self) -> usize {
        match self {
            Self::Sha1 => 12,
            Self::Sha256 => 16,
        }
    }

    /// The keyed hash of all parts after one another.
    pub fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Sha1 => {
                // A key of any length is taken.
                let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else {
                    return Vec::new();
                };
                for part in parts {
                    mac.update(part);
                }
                mac.finalize().into_bytes().to_vec()
            }
            Self::Sha256 => {
                let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
                    return Vec::new();
                };
                for part in parts {
                    mac.update(part);
                }
                mac.finalize().into_bytes().to_vec()
            }
        }
    }

    /// That hash, cut to the length of an integrity code.
    pub fn code(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let mut code = self.hmac(key, parts);
        code.truncate(self.code_length());
        code
    }
}

/// Whether two codes are the same; takes as long for near misses as for far ones.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// Random bytes that nobody can guess; `None` if the kernel has none to give.
pub fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes)
}

/// The keys of a session.
#[derive(Clone)]
pub struct Keys {
    suite: Suite,
    /// For integrity codes.
    k1: Vec<u8>,
    /// For encryption.
    aes: [u8; BLOCK],
}

impl Keys {
    /// Derives the keys from a session's integrity key.
    pub fn derive(suite: Suite, sik: &[u8]) -> Self {
        let k1 = suite.hmac(sik, &[&[1; 20]]);
        let k2 = suite.hmac(sik, &[&[2; 20]]);
        let mut aes = [0; BLOCK];
        aes.iter_mut().zip(k2).for_each(|(to, from)| *to = from);
        Self { suite, k1, aes }
    }

    /// The suite they are for.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The integrity code of a packet.
    pub fn sign(&self, packet: &[u8]) -> Vec<u8> {
        self.suite.code(&self.k1, &[packet])
    }

    /// Encrypts a payload; `None` if there are no random numbers.
    pub fn encrypt(&self, payload: &[u8]) -> Option<Vec<u8>> {
        let vector: [u8; BLOCK] = random()?;
        let mut secret = vector.to_vec();
        secret.extend(payload);
        let mut pad = 0;
        while !(secret.len() + 1).is_multiple_of(BLOCK) {
            pad += 1;
            secret.push(pad);
        }
        secret.push(pad);
        let length = secret.len() - BLOCK;
        let cipher = cbc::Encryptor::<Aes128>::new(&self.aes.into(), &vector.into());
        cipher
            .encrypt_padded::<NoPadding>(secret.get_mut(BLOCK..)?, length)
            .ok()?;
        Some(secret)
    }

    /// Decrypts a payload whose integrity code was right; `None` if it is no such payload or not padded as it should be.
    pub fn decrypt(&self, secret: &[u8]) -> Option<Vec<u8>> {
        let (vector, secret) = secret.split_first_chunk::<BLOCK>()?;
        let mut payload = secret.to_vec();
        let cipher = cbc::Decryptor::<Aes128>::new(&self.aes.into(), vector.into());
        cipher.decrypt_padded::<NoPadding>(&mut payload).ok()?;
        let count = payload.pop()?;
        let end = payload.len().checked_sub(count.into())?;
        let right = usize::from(count) < BLOCK && payload[end..].iter().zip(1..).all(|(byte, wanted)| *byte == wanted);
        payload.truncate(end);
        right.then_some(payload)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap()).unwrap();
        text.as_bytes()
            .chunks(2)
            .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
            .collect()
    }

    #[test]
    fn hashes_are_those_of_rfc_2202_and_rfc_4231() {
        let (key, text) = (b"Jefe", b"what do ya want for nothing?".as_slice());
        assert_eq!(
            Suite::Sha1.hmac(key, &[text]),
            hex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")
        );
        assert_eq!(
            Suite::Sha256.hmac(key, &[&text[..9], &text[9..]]),
            hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        );
    }

    /// Made with the program openssl from a key of sixteen bytes 0x11 and a vector of sixteen bytes 0x22.
    #[test]
    fn encryption_is_that_of_openssl() {
        let keys = Keys {
            suite: Suite::Sha1,
            k1: vec![],
            aes: [0x11; BLOCK],
        };
        let secret = hex(concat!(
            "22222222222222222222222222222222",
            "74800b88ed6697b1166a64530212d63b"
        ));
        assert_eq!(keys.decrypt(&secret).unwrap(), b"hello, BMC");
    }

    #[test]
    fn what_is_padded_wrongly_is_refused() {
        let keys = Keys::derive(Suite::Sha256, b"key");
        let vector = [0; BLOCK];
        for plain in [[16; BLOCK], [0xff; BLOCK], [2; BLOCK], *b"0123456789abcd\x02\x02"] {
            let mut secret = [vector, plain].concat();
            let cipher = cbc::Encryptor::<Aes128>::new(&keys.aes.into(), &vector.into());
            cipher.encrypt_padded::<NoPadding>(&mut secret[BLOCK..], BLOCK).unwrap();
            assert_eq!(keys.decrypt(&secret), None, "{plain:x?}");
        }
        assert_eq!(keys.decrypt(&[]), None);
        assert_eq!(keys.decrypt(&vector), None);
        assert_eq!(keys.decrypt(&[0; 40]), None);
    }

    proptest! {
        #[test]
        fn secrets_come_back(payload in prop::collection::vec(any::<u8>(), 0..100), sik: [u8; 20]) {
            let keys = Keys::derive(Suite::Sha1, &sik);
            let secret = keys.encrypt(&payload).unwrap();
            prop_assert_eq!(secret.len() % BLOCK, 0);
            prop_assert_eq!(keys.decrypt(&secret), Some(payload));
        }

        #[test]
        fn nothing_panics(secret in prop::collection::vec(any::<u8>(), 0..100)) {
            Keys::derive(Suite::Sha256, b"key").decrypt(&secret);
        }
    }
}
