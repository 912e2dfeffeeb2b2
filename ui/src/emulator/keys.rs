//! Keys and the mouse as the bytes that a terminal sends for them.

use alacritty_terminal::term::TermMode;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::Emulator;

impl Emulator {
    /// The bytes of a key, as xterm sends them.
    pub fn key(&self, event: KeyEvent) -> Vec<u8> {
        let modifiers = event.modifiers;
        let alt = modifiers.contains(KeyModifiers::ALT);
        match event.code {
            KeyCode::Char(c) => {
                let mut bytes = if alt { vec![0x1b] } else { Vec::new() };
                match control(c).filter(|_| modifiers.contains(KeyModifiers::CONTROL)) {
                    Some(byte) => bytes.push(byte),
                    None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                }
                bytes
            }
            KeyCode::Enter if alt => b"\x1b\r".to_vec(),
            KeyCode::Enter => b"\r".to_vec(),
            KeyCode::Tab => b"\t".to_vec(),
            KeyCode::BackTab => b"\x1b[Z".to_vec(),
            KeyCode::Backspace if alt => b"\x1b\x7f".to_vec(),
            KeyCode::Backspace => b"\x7f".to_vec(),
            KeyCode::Esc => b"\x1b".to_vec(),
            KeyCode::Up => self.cursor_key(b'A', modifiers),
            KeyCode::Down => self.cursor_key(b'B', modifiers),
            KeyCode::Right => self.cursor_key(b'C', modifiers),
            KeyCode::Left => self.cursor_key(b'D', modifiers),
            KeyCode::Home => self.cursor_key(b'H', modifiers),
            KeyCode::End => self.cursor_key(b'F', modifiers),
            KeyCode::Insert => numbered(2, modifiers),
            KeyCode::Delete => numbered(3, modifiers),
            KeyCode::PageUp => numbered(5, modifiers),
            KeyCode::PageDown => numbered(6, modifiers),
            KeyCode::F(n @ 1..=4) if modifiers.is_empty() => vec![0x1b, b'O', b'P' + (n - 1)],
            KeyCode::F(n @ 1..=4) => {
                format!("\x1b[1;{}{}", parameter(modifiers), char::from(b'P' + (n - 1))).into_bytes()
            }
            KeyCode::F(n @ 5..=12) => {
                let numbers = [15, 17, 18, 19, 20, 21, 23, 24];
                numbers
                    .get(usize::from(n - 5))
                    .map_or_else(Vec::new, |number| numbered(*number, modifiers))
            }
            _ => Vec::new(),
        }
    }

    fn cursor_key(&self, letter: u8, modifiers: KeyModifiers) -> Vec<u8> {
        if !modifiers.is_empty() {
            format!("\x1b[1;{}{}", parameter(modifiers), char::from(letter)).into_bytes()
        } else if self.mode(TermMode::APP_CURSOR) {
            vec![0x1b, b'O', letter]
        } else {
            vec![0x1b, b'[', letter]
        }
    }

    /// The bytes of a mouse event at a cell of this terminal; `None` if the guest did not ask for the mouse.
    pub fn mouse(&self, event: MouseEvent, column: u16, line: u16) -> Option<Vec<u8>> {
        if !self.mode(TermMode::MOUSE_REPORT_CLICK)
            && !self.mode(TermMode::MOUSE_DRAG)
            && !self.mode(TermMode::MOUSE_MOTION)
        {
            return None;
        }
        let of = |button| match button {
            MouseButton::Left => 0u8,
            MouseButton::Middle => 1,
            MouseButton::Right => 2,
        };
        let (mut code, released) = match event.kind {
            MouseEventKind::Down(button) => (of(button), false),
            MouseEventKind::Up(button) => (of(button), true),
            MouseEventKind::Drag(button) if self.mode(TermMode::MOUSE_DRAG) || self.mode(TermMode::MOUSE_MOTION) => {
                (of(button) + 32, false)
            }
            MouseEventKind::Moved if self.mode(TermMode::MOUSE_MOTION) => (35, false),
            MouseEventKind::ScrollUp => (64, false),
            MouseEventKind::ScrollDown => (65, false),
            _ => return Some(Vec::new()),
        };
        for (modifier, bit) in [
            (KeyModifiers::SHIFT, 4),
            (KeyModifiers::ALT, 8),
            (KeyModifiers::CONTROL, 16),
        ] {
            if event.modifiers.contains(modifier) {
                code += bit;
            }
        }
        if self.mode(TermMode::SGR_MOUSE) {
            let end = if released { 'm' } else { 'M' };
            return Some(format!("\x1b[<{code};{};{}{end}", column + 1, line + 1).into_bytes());
        }
        // The old form has one byte each, and no word for which button was released.
        let place = |n: u16| u8::try_from(n + 33).ok();
        let code = if released { 3 } else { code };
        Some(match (place(column), place(line)) {
            (Some(x), Some(y)) => vec![0x1b, b'[', b'M', code + 32, x, y],
            _ => Vec::new(),
        })
    }
}

/// The control character that a key with ctrl sends.
fn control(c: char) -> Option<u8> {
    match c.to_ascii_lowercase() {
        c @ 'a'..='z' => Some(u8::try_from(c).ok()? - b'a' + 1),
        ' ' | '@' | '2' => Some(0),
        '[' | '3' => Some(0x1b),
        '\\' | '4' => Some(0x1c),
        ']' | '5' => Some(0x1d),
        '^' | '6' => Some(0x1e),
        '_' | '7' | '/' => Some(0x1f),
        '8' | '?' => Some(0x7f),
        _ => None,
    }
}

/// The number that tells the modifiers.
fn parameter(modifiers: KeyModifiers) -> u8 {
    let bits = [
        (KeyModifiers::SHIFT, 1),
        (KeyModifiers::ALT, 2),
        (KeyModifiers::CONTROL, 4),
    ];
    1 + bits
        .iter()
        .filter(|(modifier, _)| modifiers.contains(*modifier))
        .map(|(_, bit)| bit)
        .sum::<u8>()
}

fn numbered(number: u8, modifiers: KeyModifiers) -> Vec<u8> {
    if modifiers.is_empty() {
        format!("\x1b[{number}~").into_bytes()
    } else {
        format!("\x1b[{number};{}~", parameter(modifiers)).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{emulator::Size, key::Key};

    #[test]
    fn keys_as_xterm_sends_them() {
        let mut emulator = Emulator::new(Size::new(80, 24));
        let sent = |emulator: &Emulator, key: &str| emulator.key(key.parse::<Key>().unwrap().event());
        let cases: [(&str, &[u8]); 9] = [
            ("a", b"a"),
            ("ctrl-c", b"\x03"),
            ("ctrl-]", b"\x1d"),
            ("alt-x", b"\x1bx"),
            ("up", b"\x1b[A"),
            ("ctrl-left", b"\x1b[1;5D"),
            ("f1", b"\x1bOP"),
            ("f12", b"\x1b[24~"),
            ("pgdn", b"\x1b[6~"),
        ];
        for (key, bytes) in cases {
            assert_eq!(sent(&emulator, key), bytes, "{key}");
        }
        emulator.write(b"\x1b[?1h");
        assert_eq!(sent(&emulator, "up"), b"\x1bOA");
    }

    #[test]
    fn the_mouse_goes_to_a_guest_that_asks_for_it() {
        let mut emulator = Emulator::new(Size::new(80, 24));
        let click = MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column: 0,
            row: 0,
            modifiers: KeyModifiers::NONE,
        };
        assert_eq!(emulator.mouse(click, 4, 2), None);
        emulator.write(b"\x1b[?1000h\x1b[?1006h");
        assert_eq!(emulator.mouse(click, 4, 2).unwrap(), b"\x1b[<0;5;3M");
    }
}
