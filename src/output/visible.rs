//! What a guest wrote, made harmless for a terminal: control characters are shown, not sent.

use placemat2_engine::harmless::steers_terminal;

/// Takes bytes as they come. Keeps a character that is cut at the end of a piece.
#[derive(Debug, Default)]
pub struct Visible {
    cut: Vec<u8>,
}

impl Visible {
    /// Returns what to show of the next piece.
    pub fn next(&mut self, bytes: &[u8]) -> String {
        self.cut.extend_from_slice(bytes);
        let bytes = std::mem::take(&mut self.cut);
        let mut text = String::with_capacity(bytes.len());
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            chunk.valid().chars().for_each(|character| show(character, &mut text));
            let invalid = chunk.invalid();
            if chunks.peek().is_none() && may_go_on(invalid) {
                self.cut = invalid.to_vec();
            } else if !invalid.is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        text
    }

    /// Returns what to show of bytes that are all there are.
    pub fn all(bytes: &[u8]) -> String {
        let mut visible = Self::default();
        let mut text = visible.next(bytes);
        if !visible.cut.is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
        text
    }
}

/// The last lines of what a guest wrote, harmless on a terminal, without those that are empty.
pub fn last_lines(bytes: &[u8], most: usize) -> Vec<String> {
    let lines: Vec<&[u8]> = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .collect();
    let last = lines.iter().rev().take(most).rev();
    last.map(|line| Visible::all(line).trim_end().to_owned()).collect()
}

/// Whether bytes are the beginning of a character, whose rest may come.
fn may_go_on(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

fn show(character: char, text: &mut String) {
    match character {
        '\n' | '\t' => text.push(character),
        // Serial consoles end lines with one or more of them.
        '\r' => {}
        '\0'..='\x1f' => text.extend(['^', char::from((character as u8) + b'@')]),
        '\x7f' => text.push_str("^?"),
        _ if steers_terminal(character) => text.extend(character.escape_unicode()),
        _ => text.push(character),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(Visible::all(b"\x1b[31mred\r\r\n\tend\x07\x7f"), "^[[31mred\n\tend^G^?");
        assert_eq!(Visible::all("ü\u{9b}2J".as_bytes()), "ü\\u{9b}2J");
        assert_eq!(Visible::all("a\u{202e}b\u{2066}c".as_bytes()), "a\\u{202e}b\\u{2066}c");
        assert_eq!(Visible::all(b"a\xffb\xc3"), "a\u{fffd}b\u{fffd}");
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_bytes_come(bytes in prop::collection::vec(any::<u8>(), 0..80), text in "[ -~éü€]{0,20}", size in 1_usize..5) {
            for bytes in [&bytes, text.as_bytes()] {
                let mut visible = Visible::default();
                let mut shown: String = bytes.chunks(size).map(|piece| visible.next(piece)).collect();
                if !visible.cut.is_empty() {
                    shown.push(char::REPLACEMENT_CHARACTER);
                }
                prop_assert_eq!(&shown, &Visible::all(bytes));
                prop_assert!(shown.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
            }
        }
    }
}
