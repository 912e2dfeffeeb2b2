//! The NoCloud seed: a FAT disk labelled `cidata` from which cloud-init takes its configuration.
//!
//! Names and label are those of cloud-init's NoCloud datasource. The same input gives the same bytes.

use std::{
    fs::File,
    io::{self, Cursor, Read, Write},
    os::unix::fs::FileExt,
    path::Path,
};

use fatfs::{Date, DateTime, FatType, FileSystem, FormatVolumeOptions, FsOptions, Time, TimeProvider};
use sha1::{Digest, Sha1};

use super::{VolumeFault, meta_data};
use crate::plan::Seed;

/// In lower case, as cloud-localds writes it and every cloud-init finds it.
const LABEL: [u8; 11] = *b"cidata     ";
/// The largest file taken into a seed, in bytes; cloud-init itself takes far less.
const MAX_FILE: u64 = 16 << 20;
/// Sizes are multiples of this, in bytes.
const SIZE_STEP: usize = 1 << 20;

impl Seed {
    /// Writes the disk to an empty file.
    pub(super) fn write(&self, to: &File) -> Result<(), VolumeFault> {
        let mut files = vec![("meta-data", self.meta_data()?), ("user-data", read(&self.user_data)?)];
        if let Some(path) = &self.network_config {
            files.push(("network-config", read(path)?));
        }
        Ok(to.write_all_at(&disk(&files)?, 0)?)
    }

    fn meta_data(&self) -> Result<Vec<u8>, VolumeFault> {
        let Some(path) = &self.meta_data else {
            return Ok(meta_data::complete(b"", &self.instance_id, &self.hostname)?);
        };
        let written = read(path)?;
        meta_data::complete(&written, &self.instance_id, &self.hostname).map_err(|source| VolumeFault::Read {
            file: path.clone(),
            source,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, VolumeFault> {
    let unreadable = |source| VolumeFault::Read {
        file: path.into(),
        source,
    };
    let mut bytes = vec![];
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        let why = format!("it is larger than {MAX_FILE} bytes");
        return Err(unreadable(io::Error::new(io::ErrorKind::FileTooLarge, why)));
    }
    Ok(bytes)
}

fn disk(files: &[(&str, Vec<u8>)]) -> io::Result<Vec<u8>> {
    // A sixteenth more than the files, and some, is enough for every width of FAT.
    let content: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let size = (content + content / 16 + SIZE_STEP / 2).next_multiple_of(SIZE_STEP);
    let mut disk = Cursor::new(vec![0; size]);
    let options = FormatVolumeOptions::new()
        .volume_label(LABEL)
        .volume_id(volume_id(files));
    // Left to itself the crate takes FAT32 for large disks, which needs more clusters than a seed ever has.
    let options = options.fat_type(if size < 8 * SIZE_STEP {
        FatType::Fat12
    } else {
        FatType::Fat16
    });
    fatfs::format_volume(&mut disk, options)?;
    let file_system = FileSystem::new(&mut disk, FsOptions::new().time_provider(&FIXED_TIME))?;
    {
        let root = file_system.root_dir();
        for (name, bytes) in files {
            root.create_file(name)?.write_all(bytes)?;
        }
    }
    file_system.unmount()?;
    Ok(disk.into_inner())
}

/// Taken from the content, so that it differs between seeds and not between runs.
fn volume_id(files: &[(&str, Vec<u8>)]) -> u32 {
    let mut hash = Sha1::new();
    for (name, bytes) in files {
        hash.update(name);
        hash.update(bytes);
    }
    hash.finalize()
        .iter()
        .take(4)
        .fold(0, |id, byte| id << 8 | u32::from(*byte))
}

/// The files carry the beginning of FAT's time instead of that of their making.
#[derive(Debug)]
struct FixedTime;

static FIXED_TIME: FixedTime = FixedTime;

impl TimeProvider for FixedTime {
    fn get_current_date(&self) -> Date {
        Date {
            year: 1980,
            month: 1,
            day: 1,
        }
    }

    fn get_current_date_time(&self) -> DateTime {
        let time = Time {
            hour: 0,
            min: 0,
            sec: 0,
            millis: 0,
        };
        DateTime {
            date: self.get_current_date(),
            time,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_back(disk: Vec<u8>) -> Vec<(String, Vec<u8>)> {
        let file_system = FileSystem::new(Cursor::new(disk), FsOptions::new()).unwrap();
        assert_eq!(file_system.volume_label(), "cidata");
        assert_eq!(
            file_system.read_volume_label_from_root_dir().unwrap().unwrap(),
            "cidata"
        );
        let files = file_system.root_dir().iter().map(|entry| {
            let entry = entry.unwrap();
            let mut bytes = vec![];
            entry.to_file().read_to_end(&mut bytes).unwrap();
            (entry.file_name(), bytes)
        });
        files.collect()
    }

    #[test]
    fn a_seed_holds_what_cloud_init_wants() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("user"), "#cloud-config\n").unwrap();
        std::fs::write(dir.path().join("net"), "version: 2\n").unwrap();
        let seed = Seed {
            user_data: dir.path().join("user"),
            network_config: Some(dir.path().join("net")),
            meta_data: None,
            instance_id: "boot-0".into(),
            hostname: "123".into(),
        };
        let write = || {
            let mut file = tempfile::tempfile().unwrap();
            seed.write(&file).unwrap();
            let mut disk = vec![];
            file.read_to_end(&mut disk).unwrap();
            disk
        };
        let disk = write();
        assert!(disk == write(), "two runs differ");
        let meta_data = "instance-id: boot-0\nlocal-hostname: '123'\n";
        let expected = [
            ("meta-data", meta_data),
            ("user-data", "#cloud-config\n"),
            ("network-config", "version: 2\n"),
        ];
        assert_eq!(
            read_back(disk),
            expected.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
        );
    }

    #[test]
    fn a_user_data_without_end_is_refused() {
        let error = read(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read /dev/zero: it is larger than 16777216 bytes"
        );
    }

    #[test]
    fn every_size_of_disk_can_be_formatted() {
        for size in (0..12)
            .map(|n| n * SIZE_STEP / 2)
            .chain([usize::try_from(MAX_FILE).unwrap() * 2])
        {
            let back = read_back(disk(&[("user-data", vec![b'x'; size])]).unwrap());
            assert_eq!(back[0].1.len(), size);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn files_of_any_size_fit(sizes in prop::collection::vec(0..SIZE_STEP, 2)) {
            let files = [("user-data", vec![b'x'; sizes[0]]), ("network-config", vec![b'y'; sizes[1]])];
            let back = read_back(disk(&files).unwrap());
            prop_assert!(back.iter().map(|(_, bytes)| bytes.len()).eq(sizes));
        }
    }
}
