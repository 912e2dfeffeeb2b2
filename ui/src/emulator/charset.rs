//! Characters of firmware: UEFI's and many BIOSes' menus draw their boxes in code page 437, everybody else writes UTF-8, and
//! nothing on a serial line says which it is.

use std::borrow::Cow;

/// Code page 437 from 0x80 on, as IBM defined it.
const CODE_PAGE_437: [char; 128] = [
    'Ç', 'ü', 'é', 'â', 'ä', 'à', 'å', 'ç', 'ê', 'ë', 'è', 'ï', 'î', 'ì', 'Ä', 'Å', //
    'É', 'æ', 'Æ', 'ô', 'ö', 'ò', 'û', 'ù', 'ÿ', 'Ö', 'Ü', '¢', '£', '¥', '₧', 'ƒ', //
    'á', 'í', 'ó', 'ú', 'ñ', 'Ñ', 'ª', 'º', '¿', '⌐', '¬', '½', '¼', '¡', '«', '»', //
    '░', '▒', '▓', '│', '┤', '╡', '╢', '╖', '╕', '╣', '║', '╗', '╝', '╜', '╛', '┐', //
    '└', '┴', '┬', '├', '─', '┼', '╞', '╟', '╚', '╔', '╩', '╦', '╠', '═', '╬', '╧', //
    '╨', '╤', '╥', '╙', '╘', '╒', '╓', '╫', '╪', '┘', '┌', '█', '▄', '▌', '▐', '▀', //
    'α', 'ß', 'Γ', 'π', 'Σ', 'σ', 'µ', 'τ', 'Φ', 'Θ', 'Ω', 'δ', '∞', 'φ', 'ε', '∩', //
    '≡', '±', '≥', '≤', '⌠', '⌡', '÷', '≈', '°', '∙', '·', '√', 'ⁿ', '²', '■', '\u{a0}',
];

/// Makes UTF-8 of what comes. Bytes above ASCII that stand together are taken for UTF-8 as long as they are; from the first
/// that is not, they are of the code page, up to the next ASCII character.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The beginning of a character whose end has not come.
    begun: Vec<u8>,
    /// The bytes at hand are of the code page.
    code_page: bool,
}

impl Decoder {
    /// The next piece of it, as UTF-8. A piece that is UTF-8 is not copied.
    pub fn decode<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if self.begun.is_empty() && !self.code_page && std::str::from_utf8(bytes).is_ok() {
            return Cow::Borrowed(bytes);
        }
        let mut text = String::with_capacity(bytes.len() * 2);
        if self.begun.is_empty() {
            self.read(bytes, &mut text);
        } else {
            let joined = [std::mem::take(&mut self.begun).as_slice(), bytes].concat();
            self.read(&joined, &mut text);
        }
        Cow::Owned(text.into_bytes())
    }

    fn read(&mut self, mut bytes: &[u8], text: &mut String) {
        while let Some(&first) = bytes.first() {
            if self.code_page && !first.is_ascii() {
                text.push(CODE_PAGE_437[usize::from(first & 0x7f)]);
                bytes = &bytes[1..];
                continue;
            }
            self.code_page = false;
            match std::str::from_utf8(bytes) {
                Ok(all) => {
                    text.push_str(all);
                    return;
                }
                Err(error) => {
                    let (good, rest) = bytes.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(good));
                    if error.error_len().is_none() {
                        self.begun = rest.to_vec();
                        return;
                    }
                    self.code_page = true;
                    bytes = rest;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let mut decoder = Decoder::default();
        let all: Vec<u8> = pieces
            .into_iter()
            .flat_map(|piece| decoder.decode(piece).into_owned())
            .collect();
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn boxes_of_firmware_are_boxes() {
        // The last two bytes of the first line are UTF-8 as well.
        let menu = b"\xda\xc4\xc4\xc4\xbf\r\n\xb3 ok \xb3\r\n\xc0\xc4\xc4\xd9";
        assert_eq!(decoded([menu.as_slice()]), "┌───┐\r\n│ ok │\r\n└──┘");
        assert_eq!(decoded(menu.chunks(1)), "┌───┐\r\n│ ok │\r\n└──┘");
    }

    #[test]
    fn what_is_utf_8_is_not_copied() {
        assert!(matches!(
            Decoder::default().decode("r0-s2 ✓ 日本 ─┐".as_bytes()),
            Cow::Borrowed(_)
        ));
    }

    proptest! {
        #[test]
        fn utf_8_stays_as_it_is_however_it_is_cut(text: String, size in 1usize..7) {
            prop_assert_eq!(decoded(text.as_bytes().chunks(size)), text);
        }

        #[test]
        fn any_bytes_become_utf_8_and_ascii_stays(bytes: Vec<u8>, size in 1usize..7) {
            let ascii = |text: &[u8]| text.iter().copied().filter(u8::is_ascii).collect::<Vec<_>>();
            prop_assert_eq!(ascii(decoded(bytes.chunks(size)).as_bytes()), ascii(&bytes));
        }
    }
}
