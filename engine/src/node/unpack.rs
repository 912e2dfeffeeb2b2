//! From a compressed stream of bytes to a sparse file.

use std::{fs::File, io, os::unix::fs::FileExt, path::PathBuf};

use async_compression::tokio::bufread::{BzDecoder, GzipDecoder, XzDecoder, ZstdDecoder};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt, BufReader};

use super::part_file::PartFile;
use crate::spec::model::Compression;

/// What is zero in pieces of this size, in bytes, becomes a hole.
const PIECE: usize = 64 * 1024;
/// How much of a compressed file is read at once, in bytes.
const READ_SIZE: usize = 256 * 1024;

/// Writes what the source holds, decompressed, to an empty file and returns its size. Blocks as it writes: for a thread
/// of its own.
async fn unpack(source: impl AsyncBufRead + Send + Unpin, compression: Compression, file: &File) -> io::Result<u64> {
    // Parallel compressors write many members one after another.
    match compression {
        Compression::Gzip => {
            let mut decoder = GzipDecoder::new(source);
            decoder.multiple_members(true);
            write_sparse(decoder, file).await
        }
        Compression::Bzip2 => {
            let mut decoder = BzDecoder::new(source);
            decoder.multiple_members(true);
            write_sparse(decoder, file).await
        }
        Compression::Xz => {
            let mut decoder = XzDecoder::new(source);
            decoder.multiple_members(true);
            write_sparse(decoder, file).await
        }
        Compression::Zstd => {
            let mut decoder = ZstdDecoder::new(source);
            decoder.multiple_members(true);
            write_sparse(decoder, file).await
        }
    }
}

async fn write_sparse(mut source: impl AsyncRead + Unpin, file: &File) -> io::Result<u64> {
    let mut piece = Vec::with_capacity(PIECE);
    let mut size = 0;
    loop {
        piece.clear();
        while piece.len() < PIECE {
            let limit = (PIECE - piece.len()) as u64;
            if (&mut source).take(limit).read_buf(&mut piece).await? == 0 {
                break;
            }
        }
        if piece.is_empty() {
            file.set_len(size)?;
            return Ok(size);
        }
        if piece.iter().any(|byte| *byte != 0) {
            file.write_all_at(&piece, size)?;
        }
        size += piece.len() as u64;
    }
}

/// Decompresses a file into another that appears complete or not at all and is kept for ever, so that it must survive a host
/// that loses its power. Blocks as it writes.
pub(super) async fn unpack_into(source: File, compression: Compression, target: PathBuf, mode: u32) -> io::Result<()> {
    let part = PartFile::create(&target, mode)?;
    let source = BufReader::with_capacity(READ_SIZE, tokio::fs::File::from_std(source));
    unpack(source, compression, part.file()).await?;
    part.file().sync_data()?;
    part.commit()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use async_compression::tokio::bufread::{BzEncoder, GzipEncoder, XzEncoder, ZstdEncoder};

    use super::*;

    fn disk() -> Vec<u8> {
        let mut disk = vec![0; 3_000_123];
        disk[..5].copy_from_slice(b"start");
        disk[1_500_000..1_500_006].copy_from_slice(b"middle");
        disk
    }

    async fn compress(bytes: &[u8], compression: Compression) -> Vec<u8> {
        let mut out = vec![];
        match compression {
            Compression::Gzip => GzipEncoder::new(bytes).read_to_end(&mut out).await,
            Compression::Bzip2 => BzEncoder::new(bytes).read_to_end(&mut out).await,
            Compression::Xz => XzEncoder::new(bytes).read_to_end(&mut out).await,
            Compression::Zstd => ZstdEncoder::new(bytes).read_to_end(&mut out).await,
        }
        .unwrap();
        out
    }

    #[tokio::test]
    async fn every_compression_comes_out_whole_and_sparse() {
        use Compression::{Bzip2, Gzip, Xz, Zstd};
        let disk = disk();
        for compression in [Gzip, Bzip2, Xz, Zstd] {
            // In two members, as parallel compressors do.
            let (first, second) = disk.split_at(999);
            let source = [compress(first, compression).await, compress(second, compression).await].concat();
            let file = tempfile::NamedTempFile::new().unwrap();
            let size = unpack(source.as_slice(), compression, file.as_file()).await.unwrap();
            assert_eq!(size, disk.len() as u64);
            assert!(std::fs::read(file.path()).unwrap() == disk, "{compression:?} differs");
            assert!(
                file.as_file().metadata().unwrap().blocks() * 512 < 1_000_000,
                "{compression:?} is not sparse"
            );
        }
    }

    #[tokio::test]
    async fn what_is_cut_short_or_no_archive_is_an_error() {
        let whole = compress(&disk(), Compression::Gzip).await;
        let file = tempfile::tempfile().unwrap();
        for bad in [&whole[..whole.len() / 2], b"plain text"] {
            assert!(unpack(bad, Compression::Gzip, &file).await.is_err());
        }
    }
}
