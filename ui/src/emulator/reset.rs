//! A terminal's full reset (RIS, ECMA-48 section 8.3.105) without the loss of what was there before: firmware sends it whenever
//! a machine starts, and what the machine said last is what one wants to read then.

use std::borrow::Cow;

/// Undoes the modes that a guest may have left on.
pub const MODES: &[u8] = b"\x1b[?1049l\x1b[!p\x1b[?1;1000;1002;1003;1006;2004l\x1b[?7;25h\x1b>\x1b[r\x1b[0m\x1b(B\x0f";
/// Moves the screen into the scrollback.
const CLEAR: &[u8] = b"\x1b[2J\x1b[H";
const ESCAPE: u8 = 0x1b;
const RESET: u8 = b'c';

/// Puts what keeps the scrollback in the place of resets.
#[derive(Debug, Default)]
pub struct Resets {
    /// The piece before ended with an escape character, which is not handed on before what follows it is known.
    escape: bool,
}

impl Resets {
    /// The next piece. One without a reset is not copied.
    pub fn soften<'a>(&mut self, piece: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
        let reset = [ESCAPE, RESET];
        let has_reset = piece.windows(reset.len()).any(|bytes| bytes == reset);
        if !self.escape && !has_reset && piece.last() != Some(&ESCAPE) {
            return piece;
        }
        let mut softened = Vec::with_capacity(piece.len() + MODES.len() + CLEAR.len());
        for &byte in piece.iter() {
            match (std::mem::replace(&mut self.escape, byte == ESCAPE), byte) {
                (true, RESET) => {
                    softened.extend_from_slice(MODES);
                    softened.extend_from_slice(CLEAR);
                }
                (true, ESCAPE) => softened.push(ESCAPE),
                (true, byte) => softened.extend_from_slice(&[ESCAPE, byte]),
                (false, ESCAPE) => {}
                (false, byte) => softened.push(byte),
            }
        }
        Cow::Owned(softened)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::emulator::{Emulator, Size};

    #[test]
    fn what_a_machine_said_before_its_firmware_starts_stays() {
        for size in [1, 2, 3, 1000] {
            let mut emulator = Emulator::new(Size::new(40, 5));
            for piece in b"kernel panic\r\n\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS".chunks(size) {
                emulator.write(piece);
            }
            let text = emulator.all_text();
            assert!(text.contains("kernel panic") && text.contains("SeaBIOS"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn all_else_stays_as_it_is(bytes in proptest::collection::vec(prop_oneof![Just(ESCAPE), any::<u8>()], 0..64), size in 1usize..7) {
            let no_reset: Vec<u8> = bytes.into_iter().filter(|byte| *byte != RESET).chain(*b".").collect();
            let mut resets = Resets::default();
            let softened: Vec<u8> = no_reset.chunks(size).flat_map(|piece| resets.soften(piece.into()).into_owned()).collect();
            prop_assert_eq!(softened, no_reset);
        }
    }
}
