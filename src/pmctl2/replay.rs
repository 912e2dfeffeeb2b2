//! What a guest wrote before somebody came to its console, for a terminal that would answer what is asked in it: the guest
//! would get the answers as if they had been typed, long after it asked.

/// Enquiry (ECMA-48 section 8.3.44): the terminal sends its answerback message.
const ENQ: u8 = 0x05;
const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;

/// Takes what is asked of the terminal out of the first bytes of a stream.
#[derive(Debug, Default)]
pub struct Replay {
    /// How many bytes are still of the past.
    left: u64,
    /// The beginning of a sequence that may be a question.
    begun: Vec<u8>,
}

impl Replay {
    /// That many of the bytes to come are of the past.
    pub fn new(bytes: u64) -> Self {
        Self {
            left: bytes,
            begun: Vec::new(),
        }
    }

    /// Whether there is more of it to come.
    pub fn goes_on(&self) -> bool {
        self.left > 0
    }

    /// What to show of the next piece.
    pub fn next(&mut self, piece: &[u8]) -> Vec<u8> {
        let past = usize::try_from(self.left).map_or(piece.len(), |left| left.min(piece.len()));
        let mut shown = Vec::with_capacity(piece.len());
        for &byte in &piece[..past] {
            self.take(byte, &mut shown);
        }
        self.left -= past as u64;
        if !self.goes_on() {
            // Whoever completes the question asks it now.
            shown.append(&mut self.begun);
        }
        shown.extend_from_slice(&piece[past..]);
        shown
    }

    fn take(&mut self, byte: u8, shown: &mut Vec<u8>) {
        if self.begun.is_empty() {
            match byte {
                ESCAPE => self.begun.push(byte),
                ENQ => {}
                _ => shown.push(byte),
            }
            return;
        }
        self.begun.push(byte);
        if is_whole(&self.begun) {
            if !asks(&self.begun) {
                shown.append(&mut self.begun);
            }
            self.begun.clear();
        }
    }
}

/// Whether an escape sequence has come to its end (ECMA-48 sections 5.3 to 5.6).
fn is_whole(sequence: &[u8]) -> bool {
    let Some((&last, [_, kind, ..])) = sequence.split_last().filter(|(_, rest)| rest.len() > 1) else {
        // The byte behind the escape character: alone, or the first of more.
        return !matches!(
            sequence.last(),
            Some(b'[' | b']' | b'P' | b'X' | b'^' | b'_' | b' '..=b'/')
        );
    };
    match kind {
        b'[' => !(b' '..=b'?').contains(&last),
        b' '..=b'/' => !(b' '..=b'/').contains(&last),
        _ => last == BELL || sequence.ends_with(b"\x1b\\"),
    }
}

/// Whether a terminal answers a sequence. The list is that of xterm's control sequences.
fn asks(sequence: &[u8]) -> bool {
    match sequence {
        [ESCAPE, b'[', parameters @ .., last] => {
            let first = parameters.first().copied().unwrap_or_default();
            let plain = parameters.iter().all(|byte| byte.is_ascii_digit() || *byte == b';');
            match last {
                // DSR, and what xterm sets with `>`.
                b'n' => first != b'>',
                // DA1, DA2, DA3; Linux sets its cursor with `?`.
                b'c' => first != b'?',
                // DECREQTPARM.
                b'x' => plain,
                // XTWINOPS: sizes, places, titles.
                b't' => plain && is_report(parameters),
                // XTVERSION.
                b'q' => first == b'>',
                // The flags of the kitty keyboard protocol; XTSMGRAPHICS.
                b'u' | b'S' => first == b'?',
                // DECRQM, DECRQPSR.
                b'p' | b'w' => parameters.last() == Some(&b'$'),
                _ => false,
            }
        }
        // Colours, the clipboard.
        [ESCAPE, b']', text @ ..] => {
            let end = [BELL, ESCAPE];
            let mut fields = text.split(|byte| *byte == b';' || end.contains(byte));
            fields.any(|field| field == b"?")
        }
        // DECID; DECRQSS, XTGETTCAP.
        b"\x1bZ" | [ESCAPE, b'P', b'$' | b'+', b'q', ..] => true,
        _ => false,
    }
}

/// Whether window operations of that number are reports.
fn is_report(parameters: &[u8]) -> bool {
    let number = parameters.split(|byte| *byte == b';').next();
    matches!(
        number,
        Some(b"11" | b"13" | b"14" | b"15" | b"16" | b"18" | b"19" | b"20" | b"21")
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        let mut replay = Replay::new(text.len() as u64);
        String::from_utf8(replay.next(text.as_bytes())).unwrap()
    }

    #[test]
    fn what_is_asked_is_left_out() {
        for question in [
            "\x05",
            "\x1bZ",
            "\x1b[6n",
            "\x1b[?6n",
            "\x1b[5n",
            "\x1b[c",
            "\x1b[0c",
            "\x1b[>c",
            "\x1b[=c",
            "\x1b[18t",
            "\x1b[>0q",
            "\x1b[?u",
            "\x1b[?2026$p",
            "\x1b[x",
            "\x1b]11;?\x07",
            "\x1b]4;1;?\x1b\\",
            "\x1bP$qm\x1b\\",
            "\x1bP+q544e\x1b\\",
        ] {
            assert_eq!(shown(&format!("/ # {question}ls")), "/ # ls", "{question:?}");
        }
    }

    #[test]
    fn all_else_stays() {
        for text in [
            "\x1b[31mred\x1b[0m",
            "\x1b[2J\x1b[H",
            "\x1b[?25l\x1b[?7l",
            "\x1bc",
            "\x1b(B",
            "\x1b[!p",
            "\x1b[2 q",
            "\x1b[?1c",
            "\x1b[8;24;80t",
            "\x1b]0;what?\x07",
            "\x1b7é\x1b8",
            "\x1b[u",
            "\x1b[3S",
            "\x1b#8",
            "\x1b[1;4r",
        ] {
            assert_eq!(shown(text), text, "{text:?}");
        }
    }

    #[test]
    fn what_is_asked_now_is_passed_on() {
        let mut replay = Replay::new(2);
        assert_eq!(replay.next(b"ab\x1b[6n"), b"ab\x1b[6n");
        assert_eq!(replay.next(b"\x1b[6n"), b"\x1b[6n");
        // It ends in the middle of a question.
        let mut replay = Replay::new(3);
        assert_eq!(replay.next(b"a\x1b["), b"a\x1b[");
        assert_eq!(replay.next(b"6n"), b"6n");
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            bytes in proptest::collection::vec(prop_oneof![Just(ESCAPE), Just(b'['), Just(b']'), Just(b'n'), any::<u8>()], 0..64),
            size in 1usize..7,
        ) {
            let whole = Replay::new(bytes.len() as u64).next(&bytes);
            let mut replay = Replay::new(bytes.len() as u64);
            let pieces: Vec<u8> = bytes.chunks(size).flat_map(|piece| replay.next(piece)).collect();
            prop_assert_eq!(pieces, whole);
        }
    }
}
