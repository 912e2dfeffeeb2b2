//! The keys that leave a console, found in what is typed: Ctrl-Q Ctrl-X as in placemat v2, and Ctrl-].

use std::time::Duration;

/// Ctrl-], which leaves; typed twice it is sent once.
const BRACKET: u8 = 0x1d;
/// Ctrl-Q, which leaves if Ctrl-X follows, whenever that is, as with picocom; typed twice it is sent once, and otherwise with the next key.
const CTRL_Q: u8 = 0x11;
/// Ctrl-X.
const CTRL_X: u8 = 0x18;

/// How long a second Ctrl-] may take.
const BRACKET_TIME: Duration = Duration::from_millis(300);

/// Whether whoever types has had enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Not yet.
    Stay,
    /// Yes; what was typed after that is for nobody.
    Leave,
}

/// Looks for the keys.
#[derive(Debug, Default)]
pub struct Escape {
    /// A key whose meaning depends on the next one.
    pending: Option<u8>,
}

impl Escape {
    /// Takes what was typed, and appends to `out` what is for the guest.
    pub fn typed(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Wish {
        for &byte in bytes {
            match (self.pending.take(), byte) {
                (Some(BRACKET), BRACKET) | (Some(CTRL_Q), CTRL_Q) => out.push(byte),
                (Some(BRACKET), _) | (Some(CTRL_Q), CTRL_X) => return Wish::Leave,
                (before, byte) => {
                    out.extend(before);
                    if [BRACKET, CTRL_Q].contains(&byte) {
                        self.pending = Some(byte);
                    } else {
                        out.push(byte);
                    }
                }
            }
        }
        Wish::Stay
    }

    /// How long the next key may take before the last one is taken for what it is alone; `None`: there is no hurry.
    pub fn patience(&self) -> Option<Duration> {
        (self.pending == Some(BRACKET)).then_some(BRACKET_TIME)
    }

    /// No key has come in that time.
    pub fn waited(&self) -> Wish {
        match self.pending {
            Some(BRACKET) => Wish::Leave,
            _ => Wish::Stay,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn typed(pieces: &[&[u8]]) -> (Vec<u8>, Wish) {
        let (mut escape, mut out) = (Escape::default(), vec![]);
        for piece in pieces {
            if escape.typed(piece, &mut out) == Wish::Leave {
                return (out, Wish::Leave);
            }
        }
        let wish = escape.waited();
        (out, wish)
    }

    #[test]
    fn the_keys_that_leave() {
        let cases: [(&[u8], &[u8], Wish); 9] = [
            (b"ls\r", b"ls\r", Wish::Stay),
            (b"ls\x1d", b"ls", Wish::Leave),
            (b"a\x1db", b"a", Wish::Leave),
            (b"a\x1d\x1db", b"a\x1db", Wish::Stay),
            (b"a\x11\x18b", b"a", Wish::Leave),
            (b"a\x11\x11\x18b", b"a\x11\x18b", Wish::Stay),
            (b"a\x11b\x18", b"a\x11b\x18", Wish::Stay),
            (b"a\x11", b"a", Wish::Stay),
            (b"a\x11\x1d", b"a\x11", Wish::Leave),
        ];
        for (keys, sent, wish) in cases {
            assert_eq!(typed(&[keys]), (sent.to_vec(), wish), "{keys:?}");
        }
    }

    #[test]
    fn ctrl_x_may_take_its_time() {
        let (mut escape, mut out) = (Escape::default(), vec![]);
        assert_eq!(escape.typed(b"\x11", &mut out), Wish::Stay);
        assert_eq!((escape.patience(), escape.waited()), (None, Wish::Stay));
        assert_eq!(escape.typed(b"\x18", &mut out), Wish::Leave);
        assert!(out.is_empty());
        assert_eq!(escape.typed(b"\x1d", &mut out), Wish::Stay);
        assert_eq!((escape.patience(), escape.waited()), (Some(BRACKET_TIME), Wish::Leave));
    }

    fn keys() -> impl Strategy<Value = Vec<u8>> {
        let key = prop_oneof![Just(BRACKET), Just(CTRL_Q), Just(CTRL_X), any::<u8>()];
        prop::collection::vec(key, 0..30)
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_keys_come(keys in keys()) {
            let one_by_one: Vec<&[u8]> = keys.chunks(1).collect();
            prop_assert_eq!(typed(&one_by_one), typed(&[&keys]));
        }

        #[test]
        fn all_other_bytes_pass(keys in keys()) {
            let others: Vec<u8> = keys.into_iter().filter(|key| ![BRACKET, CTRL_Q].contains(key)).collect();
            prop_assert_eq!(typed(&[&others]), (others.clone(), Wish::Stay));
        }
    }
}
