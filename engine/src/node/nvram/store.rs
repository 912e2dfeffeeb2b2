//! EDK II's store of variables, as OVMF keeps it in a flash device.
//!
//! The flash begins with the header of a firmware volume (Platform Initialization specification, volume 3,
//! `EFI_FIRMWARE_VOLUME_HEADER`), behind it the header of the store, behind that one variable after another
//! (`VARIABLE_STORE_HEADER` and `AUTHENTICATED_VARIABLE_HEADER` in EDK II's `MdeModulePkg/Include/Guid/VariableFormat.h`).
//! A variable is changed by writing a new one behind all others and marking the old one as deleted; bits of flash can
//! only be cleared. What is behind the store, by which EDK II recovers from a power failure, is left alone.

use std::ops::Range;

/// `gEfiSystemNvDataFvGuid`, fff12b8d-7696-4c8b-a985-2747075b4f50, as it is stored.
const VOLUME: [u8; 16] = guid(0xfff1_2b8d, 0x7696, 0x4c8b, 0xa985_2747_075b_4f50);
/// `gEfiAuthenticatedVariableGuid`, aaf32c78-947b-439a-a180-2e144ec37792.
const STORE: [u8; 16] = guid(0xaaf3_2c78, 0x947b, 0x439a, 0xa180_2e14_4ec3_7792);
/// `EFI_GLOBAL_VARIABLE`, 8be4df61-93ca-11d2-aa0d-00e098032b8c (UEFI specification, section 3.3).
const GLOBAL: [u8; 16] = guid(0x8be4_df61, 0x93ca, 0x11d2, 0xaa0d_00e0_9803_2b8c);

/// Where the volume's header has the GUID of what is in it, its signature, and its own length.
const VOLUME_GUID: usize = 16;
const VOLUME_SIGNATURE: usize = 40;
const VOLUME_HEADER_LENGTH: usize = 48;
const SIGNATURE: &[u8; 4] = b"_FVH";

const STORE_HEADER: usize = 28;
/// Where the store's header has its length, header included, and its format and state.
const STORE_LENGTH: usize = 16;
const STORE_STATE: usize = 20;
/// `VARIABLE_STORE_FORMATTED` and `VARIABLE_STORE_HEALTHY`.
const HEALTHY: [u8; 2] = [0x5a, 0xfe];

const HEADER: usize = 60;
/// Where a variable's header has what.
const STATE: usize = 2;
const ATTRIBUTES: usize = 4;
const NAME_LENGTH: usize = 36;
const DATA_LENGTH: usize = 40;
const VENDOR: usize = 44;
/// `VARIABLE_DATA`: how each variable begins.
const BEGIN: [u8; 2] = 0x55aa_u16.to_le_bytes();
/// `VAR_ADDED`: the variable is whole.
const ADDED: u8 = 0x3f;
/// `VAR_ADDED & VAR_IN_DELETED_TRANSITION`: it holds until the one that replaces it is whole.
const LEAVING: u8 = 0x3e;
/// `VAR_DELETED`, which clears one more bit.
const DELETED: u8 = 0xfd;
/// Variables begin at multiples of this.
const ALIGNMENT: usize = 4;
/// What flash holds where nothing is written.
const ERASED: u8 = 0xff;
/// `EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS`, which the UEFI
/// specification wants of all the variables that are written here.
const LASTING: u32 = 7;

/// A GUID as UEFI stores it: its first three parts with the low byte first.
const fn guid(a: u32, b: u16, c: u16, d: u64) -> [u8; 16] {
    let ([a0, a1, a2, a3], [b0, b1], [c0, c1]) = (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes());
    let [d0, d1, d2, d3, d4, d5, d6, d7] = d.to_be_bytes();
    [a0, a1, a2, a3, b0, b1, c0, c1, d0, d1, d2, d3, d4, d5, d6, d7]
}

/// Why a store can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It is not EDK II's, or of another version.
    #[error("it is no store of variables as OVMF has it")]
    Unknown,
    /// It contradicts itself.
    #[error("it is damaged at byte {0:#x}")]
    Damaged(usize),
    /// There is no room for another variable.
    #[error("it is full")]
    Full,
}

/// A store, whole in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    bytes: Vec<u8>,
    /// Where variables are, or can be.
    room: Range<usize>,
}

/// Where a variable is.
#[derive(Clone, Debug)]
struct Record {
    start: usize,
    state: u8,
    vendor: [u8; 16],
    name: Range<usize>,
    data: Range<usize>,
}

impl Record {
    /// Where the next one begins.
    fn end(&self) -> usize {
        self.data.end.next_multiple_of(ALIGNMENT)
    }
}

impl Store {
    /// Reads a store, and checks all that is read of it later.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, StoreError> {
        let volume_header = usize::from(u16::from_le_bytes(field(&bytes, VOLUME_HEADER_LENGTH)?));
        let length_at = volume_header + STORE_LENGTH;
        let length = usize::try_from(u32::from_le_bytes(field(&bytes, length_at)?)).map_err(|_| StoreError::Unknown)?;
        let known = field(&bytes, VOLUME_GUID)? == VOLUME
            && field(&bytes, VOLUME_SIGNATURE)? == *SIGNATURE
            && field(&bytes, volume_header)? == STORE
            && field(&bytes, volume_header + STORE_STATE)? == HEALTHY;
        let end = volume_header.checked_add(length).filter(|end| *end <= bytes.len());
        let end = end
            .filter(|_| known && length >= STORE_HEADER)
            .ok_or(StoreError::Unknown)?;
        let room = (volume_header + STORE_HEADER).next_multiple_of(ALIGNMENT)..end;
        let store = Self { bytes, room };
        store.records()?;
        Ok(store)
    }

    /// The whole of it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The value of a global variable.
    pub fn get(&self, name: &str) -> Result<Option<&[u8]>, StoreError> {
        let found = self.live(name)?.pop();
        Ok(found.map(|record| &self.bytes[record.data]))
    }

    /// Gives a global variable a value that lasts.
    pub fn set(&mut self, name: &str, data: &[u8]) -> Result<(), StoreError> {
        if self.get(name)? == Some(data) {
            return Ok(());
        }
        let variable = variable(name, data)?;
        let old = self.live(name)?;
        let mut at = self.free()?;
        if self.room.end.saturating_sub(at) < variable.len() {
            at = self.compact(name)?;
            if self.room.end.saturating_sub(at) < variable.len() {
                return Err(StoreError::Full);
            }
        } else {
            self.mark_deleted(&old);
        }
        self.bytes[at..at + variable.len()].copy_from_slice(&variable);
        Ok(())
    }

    /// Deletes a global variable, if there is one.
    pub fn delete(&mut self, name: &str) -> Result<(), StoreError> {
        let old = self.live(name)?;
        self.mark_deleted(&old);
        Ok(())
    }

    fn mark_deleted(&mut self, records: &[Record]) {
        for record in records {
            self.bytes[record.start + STATE] &= DELETED;
        }
    }

    /// What holds of a global variable, the best last. There are several only if a change was cut short.
    fn live(&self, name: &str) -> Result<Vec<Record>, StoreError> {
        let name = utf16(name);
        let mut all = self.records()?;
        all.retain(|record| {
            let holds = matches!(record.state, ADDED | LEAVING);
            holds && record.vendor == GLOBAL && self.bytes[record.name.clone()] == name
        });
        all.sort_by_key(|record| record.state);
        Ok(all)
    }

    /// All variables, deleted ones too.
    fn records(&self) -> Result<Vec<Record>, StoreError> {
        let mut all = vec![];
        let mut at = self.room.start;
        while let Some(record) = self.record(at)? {
            at = record.end();
            all.push(record);
        }
        Ok(all)
    }

    fn record(&self, start: usize) -> Result<Option<Record>, StoreError> {
        let room = &self.bytes[..self.room.end];
        let begins = room.get(start..).is_some_and(|rest| rest.starts_with(&BEGIN));
        if !begins {
            return Ok(None);
        }
        let damaged = |_| StoreError::Damaged(start);
        let length = |at| {
            let bytes = field(room, start + at).map_err(damaged)?;
            usize::try_from(u32::from_le_bytes(bytes)).map_err(|_| StoreError::Damaged(start))
        };
        let name_start = start + HEADER;
        let data_start = name_start.checked_add(length(NAME_LENGTH)?);
        let data_end = data_start
            .zip(Some(length(DATA_LENGTH)?))
            .and_then(|(at, length)| at.checked_add(length));
        let (data_start, data_end) = data_start.zip(data_end).ok_or(StoreError::Damaged(start))?;
        if data_end > room.len() {
            return Err(StoreError::Damaged(start));
        }
        Ok(Some(Record {
            start,
            state: room[start + STATE],
            vendor: field(room, start + VENDOR).map_err(damaged)?,
            name: name_start..data_start,
            data: data_start..data_end,
        }))
    }

    /// Where the next variable can be written; all behind it is erased.
    fn free(&self) -> Result<usize, StoreError> {
        let free = self.records()?.last().map_or(self.room.start, Record::end);
        let free = free.min(self.room.end);
        let written = self.bytes[free..self.room.end].iter().position(|byte| *byte != ERASED);
        match written {
            Some(at) => Err(StoreError::Damaged(free + at)),
            None => Ok(free),
        }
    }

    /// Leaves out what was deleted, and a global variable of that name; returns where the next one can be written.
    fn compact(&mut self, without: &str) -> Result<usize, StoreError> {
        let gone: Vec<_> = self.live(without)?.iter().map(|record| record.start).collect();
        let mut kept = vec![];
        for record in self.records()? {
            if matches!(record.state, ADDED | LEAVING) && !gone.contains(&record.start) {
                kept.extend_from_slice(&self.bytes[record.start..record.data.end]);
                kept.resize(kept.len().next_multiple_of(ALIGNMENT), ERASED);
            }
        }
        let room = &mut self.bytes[self.room.clone()];
        room.fill(ERASED);
        // Padding behind the last one may reach beyond the room.
        let length = kept.len().min(room.len());
        room[..length].copy_from_slice(&kept[..length]);
        Ok(self.room.start + length)
    }
}

/// The bytes at a place.
fn field<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], StoreError> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk());
    found.copied().ok_or(StoreError::Unknown)
}

/// A variable as it is stored.
fn variable(name: &str, data: &[u8]) -> Result<Vec<u8>, StoreError> {
    let name = utf16(name);
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| StoreError::Full);
    let mut bytes = vec![0; HEADER];
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(0, &BEGIN);
    put(STATE, &[ADDED]);
    put(ATTRIBUTES, &LASTING.to_le_bytes());
    put(NAME_LENGTH, &length(&name)?.to_le_bytes());
    put(DATA_LENGTH, &length(data)?.to_le_bytes());
    put(VENDOR, &GLOBAL);
    Ok([bytes, name, data.to_vec()].concat())
}

/// A text as UEFI stores it: UTF-16 with a zero at its end.
pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// An empty store with room for so many bytes of variables, and something behind it.
    pub fn empty(room: usize) -> Vec<u8> {
        const VOLUME_HEADER: u16 = 72;
        let mut bytes = vec![0; VOLUME_HEADER.into()];
        bytes[VOLUME_GUID..VOLUME_GUID + 16].copy_from_slice(&VOLUME);
        bytes[VOLUME_SIGNATURE..VOLUME_SIGNATURE + 4].copy_from_slice(SIGNATURE);
        bytes[VOLUME_HEADER_LENGTH..VOLUME_HEADER_LENGTH + 2].copy_from_slice(&VOLUME_HEADER.to_le_bytes());
        bytes.extend(STORE);
        bytes.extend(u32::try_from(STORE_HEADER + room).unwrap().to_le_bytes());
        bytes.extend(HEALTHY);
        bytes.extend([0; 6]);
        bytes.resize(bytes.len() + room, ERASED);
        bytes.extend(b"behind it");
        bytes
    }

    #[test]
    fn guids_are_stored_as_uefi_does() {
        // As in the files of Debian's package ovmf.
        assert_eq!(VOLUME[..8], [0x8d, 0x2b, 0xf1, 0xff, 0x96, 0x76, 0x8b, 0x4c]);
        assert_eq!(STORE[..8], [0x78, 0x2c, 0xf3, 0xaa, 0x7b, 0x94, 0x9a, 0x43]);
        assert_eq!(GLOBAL[8..], [0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c]);
    }

    #[test]
    fn a_variable_is_laid_out_as_edk2_does() {
        let mut store = Store::parse(empty(256)).unwrap();
        store.set("BootNext", &[0x99, 0]).unwrap();
        let at = store.room.start;
        assert_eq!(at, 100);
        let bytes = &store.bytes()[at..];
        assert_eq!(bytes[..8], [0xaa, 0x55, 0x3f, 0, 7, 0, 0, 0]);
        // Counter, time and key, which only signed variables have.
        assert_eq!(bytes[8..36], [0; 28]);
        assert_eq!(bytes[36..44], [18, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(bytes[44..60], GLOBAL);
        assert_eq!(&bytes[60..78], b"B\0o\0o\0t\0N\0e\0x\0t\0\0\0");
        assert_eq!(bytes[78..84], [0x99, 0, 0xff, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn what_is_no_store_is_refused() {
        assert_eq!(Store::parse(vec![]), Err(StoreError::Unknown));
        assert_eq!(Store::parse(vec![0xff; 4096]), Err(StoreError::Unknown));
        let mut longer = empty(64);
        longer.truncate(120);
        assert_eq!(Store::parse(longer), Err(StoreError::Unknown));
        let mut damaged = empty(128);
        damaged[100..102].copy_from_slice(&BEGIN);
        assert_eq!(Store::parse(damaged), Err(StoreError::Damaged(100)));
        let mut scribbled = Store::parse(empty(128)).unwrap();
        scribbled.bytes[150] = 0;
        assert_eq!(scribbled.set("X", &[1]), Err(StoreError::Damaged(150)));
    }

    #[test]
    fn a_change_that_was_cut_short_is_understood() {
        let mut store = Store::parse(empty(512)).unwrap();
        store.set("X", &[1]).unwrap();
        let first = store.room.start;
        store.bytes[first + STATE] = LEAVING;
        assert_eq!(store.get("X"), Ok(Some([1].as_slice())));
        // The new one is whole, the old one not yet deleted.
        let at = store.free().unwrap();
        let new = variable("X", &[2]).unwrap();
        store.bytes[at..at + new.len()].copy_from_slice(&new);
        assert_eq!(store.get("X"), Ok(Some([2].as_slice())));
        store.delete("X").unwrap();
        assert_eq!(store.get("X"), Ok(None));
    }

    #[test]
    fn a_full_store_is_compacted_and_then_full() {
        let mut store = Store::parse(empty(400)).unwrap();
        store.set("Kept", &[7; 40]).unwrap();
        for value in 0..100 {
            store.set("Changed", &[value; 60]).unwrap();
        }
        assert_eq!(store.get("Kept"), Ok(Some([7; 40].as_slice())));
        assert_eq!(store.get("Changed"), Ok(Some([99; 60].as_slice())));
        assert_eq!(store.set("More", &[0; 300]), Err(StoreError::Full));
        assert!(store.bytes().ends_with(b"behind it"));
    }

    fn changes() -> impl Strategy<Value = Vec<(String, Option<Vec<u8>>)>> {
        let name = prop::sample::select(vec!["A", "BootNext", "Boot0001", "ä"]).prop_map(str::to_owned);
        let value = prop::option::weighted(0.8, prop::collection::vec(any::<u8>(), 0..40));
        prop::collection::vec((name, value), 0..60)
    }

    proptest! {
        #[test]
        fn it_remembers_as_a_map_does(changes in changes()) {
            let mut store = Store::parse(empty(700)).unwrap();
            let mut map = BTreeMap::new();
            for (name, value) in changes {
                match value {
                    Some(value) => {
                        store.set(&name, &value).unwrap();
                        map.insert(name, value);
                    }
                    None => {
                        store.delete(&name).unwrap();
                        map.remove(&name);
                    }
                }
            }
            let read = Store::parse(store.bytes().to_vec()).unwrap();
            for name in ["A", "BootNext", "Boot0001", "ä"] {
                prop_assert_eq!(read.get(name).unwrap(), map.get(name).map(Vec::as_slice), "{}", name);
            }
            prop_assert!(read.bytes().ends_with(b"behind it"));
        }

        #[test]
        fn no_bytes_make_it_panic(at in 0_usize..400, noise in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut bytes = Store::parse(empty(300)).unwrap();
            bytes.set("X", &[1; 20]).unwrap();
            let mut bytes = bytes.bytes;
            let end = bytes.len().min(at + noise.len());
            let at = at.min(end);
            bytes[at..end].copy_from_slice(&noise[..end - at]);
            if let Ok(mut store) = Store::parse(bytes) {
                let _ = store.get("X");
                let _ = store.set("Y", &[2; 30]);
                let _ = store.delete("X");
            }
        }
    }
}
