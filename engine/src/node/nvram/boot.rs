//! What UEFI is to do at the next power-on, told by its variables (UEFI specification, section 3.3).

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use super::{
    load_option,
    store::{Store, StoreError},
};

/// What the firmware is asked for; it forgets that once it has begun to do it.
const INDICATIONS: &str = "OsIndications";
/// `EFI_OS_INDICATIONS_BOOT_TO_FW_UI`: enter the setup.
const ENTER_SETUP: u64 = 1;
/// The number of the option that is booted once, before all others.
const NEXT: &str = "BootNext";
/// The option that boots from a URL: its number is far from those that firmware and guests give theirs.
const OPTION: &str = "BootB3C0";
const OPTION_NUMBER: u16 = 0xb3c0;
/// By which an option is known for ours.
const DESCRIPTION: &str = "Virtual BMC";

/// What UEFI is to do, other than boot in its usual order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Enter its setup.
    Setup,
    /// Boot what lies at that URL.
    Url(String),
}

/// Why UEFI can't be told.
#[derive(Debug, thiserror::Error)]
pub enum NvramError {
    /// Its store can't be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Its store can't be used.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Has the firmware do what is wished at the next power-on, and forget what is not wished any more. Must not be done while
/// QEMU has the file. Blocks.
pub fn prepare(file: &Path, wish: Option<&Wish>) -> Result<(), NvramError> {
    let before = std::fs::read(file)?;
    let mut store = match Store::parse(before.clone()) {
        Ok(store) => store,
        // Nothing was ever told there.
        Err(_) if wish.is_none() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    arrange(&mut store, wish)?;
    Ok(write_changes(file, &before, store.bytes())?)
}

fn arrange(store: &mut Store, wish: Option<&Wish>) -> Result<(), StoreError> {
    match wish {
        Some(Wish::Url(url)) => {
            let option = load_option::from_uri(DESCRIPTION, url).ok_or(StoreError::Full)?;
            store.set(OPTION, &option)?;
            return store.set(NEXT, &OPTION_NUMBER.to_le_bytes());
        }
        Some(Wish::Setup) => {
            let before = store.get(INDICATIONS)?.and_then(|value| value.first_chunk().copied());
            let indications = before.map_or(0, u64::from_le_bytes) | ENTER_SETUP;
            store.set(INDICATIONS, &indications.to_le_bytes())?;
        }
        None => {}
    }
    let ours = store.get(OPTION)?;
    if ours.is_some_and(|option| load_option::is_described(option, DESCRIPTION)) {
        store.delete(OPTION)?;
        if store.get(NEXT)? == Some(OPTION_NUMBER.to_le_bytes().as_slice()) {
            store.delete(NEXT)?;
        }
    }
    Ok(())
}

/// Writes what differs in place: the file may be anybody's, and has a lock on it.
fn write_changes(file: &Path, before: &[u8], after: &[u8]) -> io::Result<()> {
    let differs = |(old, new): (&u8, &u8)| old != new;
    let Some(first) = before.iter().zip(after).position(differs) else {
        return Ok(());
    };
    let last = before.iter().zip(after).rposition(differs).unwrap_or(first);
    let start = u64::try_from(first).map_err(io::Error::other)?;
    File::options()
        .write(true)
        .open(file)?
        .write_all_at(&after[first..=last], start)
}

#[cfg(test)]
mod tests {
    use super::{super::store::tests::empty, *};

    fn value(file: &Path, name: &str) -> Option<Vec<u8>> {
        let store = Store::parse(std::fs::read(file).unwrap()).unwrap();
        store.get(name).unwrap().map(<[u8]>::to_vec)
    }

    #[test]
    fn what_is_wished_is_told_and_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("n.fd");
        std::fs::write(&file, empty(4096)).unwrap();
        prepare(&file, Some(&Wish::Setup)).unwrap();
        assert_eq!(value(&file, INDICATIONS), Some(vec![1, 0, 0, 0, 0, 0, 0, 0]));
        prepare(&file, Some(&Wish::Url("http://10.0.0.1/x.efi".into()))).unwrap();
        assert_eq!(value(&file, NEXT), Some(vec![0xc0, 0xb3]));
        assert!(
            value(&file, OPTION)
                .unwrap()
                .windows(21)
                .any(|part| part == b"http://10.0.0.1/x.efi")
        );
        prepare(&file, None).unwrap();
        assert_eq!((value(&file, NEXT), value(&file, OPTION)), (None, None));
        // What the guest may have asked for itself stays.
        assert!(value(&file, INDICATIONS).is_some());
    }

    #[test]
    fn what_is_the_guests_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("n.fd");
        let mut store = Store::parse(empty(4096)).unwrap();
        store.set(INDICATIONS, &4_u64.to_le_bytes()).unwrap();
        store.set(NEXT, &[1, 0]).unwrap();
        store
            .set(OPTION, &load_option::from_uri("Mine", "http://x/").unwrap())
            .unwrap();
        std::fs::write(&file, store.bytes()).unwrap();
        prepare(&file, Some(&Wish::Setup)).unwrap();
        assert_eq!(value(&file, INDICATIONS), Some(vec![5, 0, 0, 0, 0, 0, 0, 0]));
        assert_eq!(value(&file, NEXT), Some(vec![1, 0]));
        assert!(value(&file, OPTION).is_some());
    }

    #[test]
    fn a_store_of_another_kind_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("n.fd");
        std::fs::write(&file, b"something else").unwrap();
        prepare(&file, None).unwrap();
        let refused = prepare(&file, Some(&Wish::Setup));
        assert!(
            matches!(refused, Err(NvramError::Store(StoreError::Unknown))),
            "{refused:?}"
        );
        assert_eq!(std::fs::read(&file).unwrap(), b"something else");
    }
}
