//! What QEMU takes for a raw disk because it takes anything for one: compressed files, and the pages by which servers say that
//! something is not there.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use crate::spec::model::Compression;

/// As much of a file as it takes to tell.
const HEAD: usize = 512;

/// What a file is that is no disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disguise {
    /// It begins as the format says.
    #[error("it is compressed: add `compression: {}` to the image", .0.word())]
    Compressed(Compression),
    /// HTML.
    #[error("it is a web page. Look at it in a browser: servers answer so if something is not there, or wants a login")]
    Page,
}

/// Looks at the beginning of a file. Blocks.
pub fn look(file: &Path) -> io::Result<Option<Disguise>> {
    let mut head = Vec::new();
    File::open(file)?.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(of(&head))
}

/// The magic numbers are those of RFC 1952, bzip2's and xz's file formats, and RFC 8878.
fn of(head: &[u8]) -> Option<Disguise> {
    let begins = |magic: &[u8]| head.starts_with(magic);
    if begins(&[0x1f, 0x8b, 8]) {
        return Some(Disguise::Compressed(Compression::Gzip));
    }
    if begins(b"BZh") && head.get(4..10) == Some(&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59]) {
        return Some(Disguise::Compressed(Compression::Bzip2));
    }
    if begins(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
        return Some(Disguise::Compressed(Compression::Xz));
    }
    if begins(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Some(Disguise::Compressed(Compression::Zstd));
    }
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    (text.starts_with("<!doctype html") || text.starts_with("<html")).then_some(Disguise::Page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_disk_is_known_by_its_beginning() {
        let compressed = |compression| Some(Disguise::Compressed(compression));
        for (head, found) in [
            (b"\x1f\x8b\x08\0\0".as_slice(), compressed(Compression::Gzip)),
            (b"BZh91AY&SY\0", compressed(Compression::Bzip2)),
            (b"\xfd7zXZ\0\0\x04", compressed(Compression::Xz)),
            (b"\x28\xb5\x2f\xfd\x04", compressed(Compression::Zstd)),
            (b"\n  <!DOCTYPE HTML>\n<p>404", Some(Disguise::Page)),
            (b"\xef\xbb\xbf<html lang=en>", Some(Disguise::Page)),
            // A boot sector, a file system, nothing at all, what only begins so.
            (b"\xeb\x63\x90\x10", None),
            (&[0; HEAD], None),
            (b"", None),
            (b"BZh9", None),
            (b"<h", None),
        ] {
            assert_eq!(of(head), found, "{head:?}");
        }
    }

    #[test]
    fn it_says_what_to_write() {
        let told = Disguise::Compressed(Compression::Zstd).to_string();
        assert_eq!(told, "it is compressed: add `compression: zstd` to the image");
    }
}
