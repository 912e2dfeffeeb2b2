//! Load options: what UEFI's boot manager can boot, a `Boot####` variable each (UEFI specification, section 3.1.3).

use super::store::utf16;

/// `LOAD_OPTION_ACTIVE`.
const ACTIVE: u32 = 1;
/// A device path's node for a URI: a messaging device path of sub-type 24 (section 10.3.4.23).
const URI: [u8; 2] = [3, 24];
/// The end of a device path (section 10.3.1).
const END: [u8; 4] = [0x7f, 0xff, 4, 0];
/// The type, sub-type and length of a node.
const NODE_HEADER: usize = 4;

/// The load option that boots from a URI, over whatever NIC leads there: a device path that begins with its URI is the
/// short form that the boot manager completes (section 3.1.2). `None` for a URI that is too long.
pub fn from_uri(description: &str, uri: &str) -> Option<Vec<u8>> {
    let node = u16::try_from(NODE_HEADER + uri.len()).ok()?;
    let path = u16::try_from(NODE_HEADER + uri.len() + END.len()).ok()?;
    let mut option = begin(path);
    option.extend(utf16(description));
    option.extend(URI);
    option.extend(node.to_le_bytes());
    option.extend(uri.as_bytes());
    option.extend(END);
    Some(option)
}

/// Whether a load option has that description.
pub fn is_described(option: &[u8], description: &str) -> bool {
    let rest = option.get(begin(0).len()..);
    rest.is_some_and(|rest| rest.starts_with(&utf16(description)))
}

/// The attributes, and the length of the device path.
fn begin(path: u16) -> Vec<u8> {
    [ACTIVE.to_le_bytes().as_slice(), &path.to_le_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_laid_out_as_the_specification_says() {
        let option = from_uri("B", "http://h/x").unwrap();
        let expected = [
            &[1, 0, 0, 0, 18, 0][..],
            b"B\0\0\0",
            &[3, 24, 14, 0],
            b"http://h/x",
            &[0x7f, 0xff, 4, 0],
        ];
        assert_eq!(option, expected.concat());
        assert!(is_described(&option, "B") && !is_described(&option, "") && !is_described(&[1], "B"));
        let longest = usize::from(u16::MAX) - NODE_HEADER - END.len();
        assert!(from_uri("B", &"x".repeat(longest)).is_some());
        assert_eq!(from_uri("B", &"x".repeat(longest + 1)), None);
    }
}
