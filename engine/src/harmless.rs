//! What text from outside must not bring to a terminal.

/// Whether a character steers a terminal instead of being shown: a control character, or one that changes the direction of the text
/// around it, so that it seems to say something else (Unicode Standard Annex #9, section 2).
pub fn steers_terminal(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_every_script_are_harmless() {
        assert!(
            "\u{1b}\u{9b}\n\u{7f}\u{61c}\u{200f}\u{202e}\u{2066}"
                .chars()
                .all(steers_terminal)
        );
        assert!(!" aüж語\u{5d0}\u{627}\u{200d}\u{301}".chars().any(steers_terminal));
    }
}
