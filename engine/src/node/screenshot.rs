//! What a node's screen shows, as a PNG.
//!
//! QEMU before 7.1 writes PPM only, so it is asked for that and the PNG is made here. It writes into a file without a name
//! whose descriptor it is handed: it need not be able to reach any directory of ours.

use std::{
    fs::File,
    io::{self, Read, Seek},
    os::fd::{AsRawFd, OwnedFd},
    time::Duration,
};

use nix::sys::memfd::{MFdFlags, memfd_create};
use serde_json::json;

use super::{NodeError, machine::within, qmp::Qmp};
use crate::blocking;

/// QEMU's command that writes its screen to a file.
const COMMAND: &str = "screendump";

/// How long QEMU has to draw its screen.
const LIMIT: Duration = Duration::from_secs(20);

/// The largest picture that is read, in bytes: a screen of 8192 by 8192 dots.
const MAX_PPM: u64 = 3 * 8192 * 8192 + 64;

/// Bytes that belong to a dot.
const DOT: usize = 3;

/// Returns the screen of the node behind a monitor as a PNG.
pub async fn take(node: &str, qmp: &Qmp) -> Result<Vec<u8>, NodeError> {
    let failed = |source| NodeError::Io {
        node: node.to_owned(),
        what: "take its screenshot".into(),
        source,
    };
    let (file, canvas) = canvas().map_err(failed)?;
    let draw = qmp.execute_on(canvas, COMMAND, |path| json!({"filename": path}));
    within(LIMIT, node, COMMAND, draw).await?;
    blocking::run(move || picture(file)).await.map_err(failed)
}

/// A file without a name, and a descriptor of it as QEMU wants it, which opens it for writing and no more.
fn canvas() -> io::Result<(File, OwnedFd)> {
    let file = File::from(memfd_create(c"screenshot", MFdFlags::MFD_CLOEXEC)?);
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let canvas = File::options().write(true).open(path)?;
    Ok((file, canvas.into()))
}

/// Reads a PPM from the beginning of a file and returns it as a PNG.
fn picture(mut file: File) -> io::Result<Vec<u8>> {
    file.rewind()?;
    let mut ppm = Vec::new();
    file.take(MAX_PPM).read_to_end(&mut ppm)?;
    let (width, height, dots) =
        parse(&ppm).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "QEMU wrote no picture"))?;
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(dots));
    written.map_err(io::Error::other)?;
    Ok(out)
}

/// Width, height and dots of a PPM as QEMU writes it: `P6`, three numbers, one blank, then three bytes a dot.
fn parse(ppm: &[u8]) -> Option<(u32, u32, &[u8])> {
    let mut rest = ppm.strip_prefix(b"P6")?;
    let mut numbers = [0; 3];
    for number in &mut numbers {
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if blanks == 0 {
            return None;
        }
        rest = &rest[blanks..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        *number = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
        rest = &rest[digits..];
    }
    let [width, height, brightest] = numbers;
    let dots = rest.split_first().filter(|(blank, _)| blank.is_ascii_whitespace())?.1;
    let length = usize::try_from(width)
        .ok()?
        .checked_mul(usize::try_from(height).ok()?)?
        .checked_mul(DOT)?;
    (width > 0 && height > 0 && brightest == 255).then_some(())?;
    Some((width, height, dots.get(..length)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_picture_stays_the_same() {
        let dots: Vec<u8> = (0..3 * 4 * 3).collect();
        let ppm = [b"P6\n4 3\n255\n".as_slice(), &dots].concat();
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, &ppm).unwrap();
        let png = picture(file).unwrap();
        let mut reader = png::Decoder::new(io::Cursor::new(png)).read_info().unwrap();
        let mut read = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut read).unwrap();
        assert_eq!((info.width, info.height), (4, 3));
        assert_eq!(read, dots);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(head in "(P6)?[ \n0-9]{0,40}", tail in prop::collection::vec(any::<u8>(), 0..40)) {
            let ppm = [head.as_bytes(), &tail].concat();
            if let Some((width, height, dots)) = parse(&ppm) {
                prop_assert_eq!(u64::from(width) * u64::from(height) * 3, dots.len() as u64);
            }
        }
    }
}
