//! The system event log, in IPMI's records.

use jiff::Timestamp;

use super::{
    super::{
        completion::{Completion, Reply},
        privilege::Privilege,
        sensors,
    },
    Command, Cx, command, sdr,
};
use crate::bmc::{Cause, Entry, Expiry, Occurrence, Verb, WatchdogSettings};

pub const COMMANDS: &[Command] = &[
    command(0x40, Privilege::User, info),
    command(0x41, Privilege::User, allocation),
    command(0x42, Privilege::User, reserve),
    command(0x43, Privilege::User, get),
    command(0x44, Privilege::Operator, add),
    command(0x46, Privilege::Operator, delete),
    command(0x47, Privilege::Operator, clear),
    command(0x48, Privilege::User, time),
    command(0x49, Privilege::Operator, set_time),
    command(0x5c, Privilege::User, utc_offset),
    command(0x5d, Privilege::Operator, set_utc_offset),
];

/// Bytes of a record.
const RECORD: usize = 16;
const FIRST: u16 = 0x0000;
const LAST: u16 = 0xffff;
/// A time that is not known.
const NEVER: u32 = 0xffff_ffff;

/// A time as IPMI counts it.
pub fn seconds(time: Timestamp) -> u32 {
    u32::try_from(time.as_second()).unwrap_or(NEVER)
}

/// An entry as a record.
fn record(entry: &Entry) -> [u8; RECORD] {
    const SYSTEM_EVENT: u8 = 0x02;
    /// The BMC itself.
    const GENERATOR: [u8; 2] = [0x20, 0];
    const VERSION: u8 = 0x04;
    const SENSOR_SPECIFIC: u8 = 0x6f;
    const UNSPECIFIED: u8 = 0xff;
    let event = |number, kind, state| (number, kind, [state, UNSPECIFIED, UNSPECIFIED]);
    let (number, kind, data) = match &entry.what {
        Occurrence::PoweredOn(_) => event(sensors::POWER, sensors::POWER_KIND, sensors::WORKING),
        Occurrence::PoweredOff(_) => event(sensors::POWER, sensors::POWER_KIND, sensors::SOFT_OFF),
        // Initiated by a warm reset, and by a hard one.
        Occurrence::Reset(Cause::Guest) => event(sensors::BOOT, sensors::BOOT_KIND, 2),
        Occurrence::Reset(_) => event(sensors::BOOT, sensors::BOOT_KIND, 1),
        // By a diagnostic interrupt.
        Occurrence::Nmi(_) => event(sensors::INTERRUPT, sensors::INTERRUPT_KIND, 0),
        Occurrence::Watchdog(expiry, settings) => {
            (sensors::WATCHDOG, sensors::WATCHDOG_KIND, watchdog(*expiry, settings))
        }
        // The log was cleared.
        Occurrence::Cleared => event(sensors::LOG, sensors::LOG_KIND, 2),
        Occurrence::Added(bytes) => {
            let [a, b] = entry.id.to_le_bytes();
            let mut record = [0; RECORD];
            record[..2].copy_from_slice(&[a, b]);
            record[2..].copy_from_slice(bytes);
            return record;
        }
    };
    let [i0, i1] = entry.id.to_le_bytes();
    let [t0, t1, t2, t3] = seconds(entry.time).to_le_bytes();
    let ([g0, g1], [d1, d2, d3]) = (GENERATOR, data);
    [
        i0,
        i1,
        SYSTEM_EVENT,
        t0,
        t1,
        t2,
        t3,
        g0,
        g1,
        VERSION,
        kind,
        number,
        SENSOR_SPECIFIC,
        d1,
        d2,
        d3,
    ]
}

/// The three bytes of an event of the watchdog.
fn watchdog(expiry: Expiry, settings: &WatchdogSettings) -> [u8; 3] {
    /// The second byte says more, as the sensor defines.
    const EXTENDED: u8 = 0xc0;
    const NMI: u8 = 2;
    let state = match (expiry, settings.action) {
        (Expiry::Warning, _) => 8,
        (Expiry::Final, Some(Verb::Reset)) => 1,
        (Expiry::Final, Some(Verb::Off)) => 2,
        (Expiry::Final, Some(Verb::Cycle)) => 3,
        (Expiry::Final, _) => 0,
    };
    let interrupt = if settings.warn_by_nmi { NMI } else { 0 };
    [EXTENDED | state, interrupt << 4 | settings.purpose, 0xff]
}

fn info(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    const VERSION: u8 = 0x51;
    /// Entries can be deleted, the log be reserved, and its allocation be asked for.
    const OPERATIONS: u8 = 0x0b;
    const OVERFLOW: u8 = 0x80;
    let info = cx.bmc.log().info();
    let mut answer = vec![VERSION];
    answer.extend(u16::try_from(info.entries).unwrap_or(u16::MAX).to_le_bytes());
    answer.extend(u16::try_from(info.free * RECORD).unwrap_or(u16::MAX).to_le_bytes());
    for time in [info.added, info.erased] {
        answer.extend(time.map_or(NEVER, seconds).to_le_bytes());
    }
    answer.push(OPERATIONS | if info.lost { OVERFLOW } else { 0 });
    Ok(answer)
}

fn allocation(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    let info = cx.bmc.log().info();
    let number = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
    let mut answer = vec![];
    for value in [
        number(info.entries + info.free),
        16,
        number(info.free),
        number(info.free),
    ] {
        answer.extend(value.to_le_bytes());
    }
    answer.push(1);
    Ok(answer)
}

fn reserve(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    let next = cx.settings.sel_reservation.checked_add(1).unwrap_or(1);
    cx.settings.sel_reservation = next;
    Ok(next.to_le_bytes().to_vec())
}

/// Whether a reservation still holds; `needed`: zero, which is none, doesn't do.
fn check_reservation(cx: &Cx<'_>, bytes: [u8; 2], needed: bool) -> Result<(), Completion> {
    let given = u16::from_le_bytes(bytes);
    let holds = given == cx.settings.sel_reservation && given != 0;
    if holds || (given == 0 && !needed) {
        Ok(())
    } else {
        Err(Completion::RESERVATION)
    }
}

/// The number of an entry, of the first or of the last.
fn resolve(cx: &Cx<'_>, id: u16) -> Result<u16, Completion> {
    let (first, last) = cx.bmc.log().ends().ok_or(Completion::NOT_PRESENT)?;
    Ok(match id {
        FIRST => first,
        LAST => last,
        id => id,
    })
}

fn get(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let &[v0, v1, i0, i1, offset, length] = data else {
        return Err(Completion::LENGTH);
    };
    check_reservation(cx, [v0, v1], offset != 0)?;
    let id = resolve(cx, u16::from_le_bytes([i0, i1]))?;
    let (entry, next) = cx.bmc.log().entry(id).ok_or(Completion::NOT_PRESENT)?;
    let next = next.unwrap_or(LAST).to_le_bytes();
    Ok([next.as_slice(), sdr::slice(&record(&entry), offset, length)?].concat())
}

fn add(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    /// Records from this kind on have no time.
    const TIMELESS: u8 = 0xe0;
    let (_, given) = data.split_first_chunk::<2>().ok_or(Completion::LENGTH)?;
    let mut record: [u8; 14] = given.try_into().map_err(|_| Completion::LENGTH)?;
    if record[0] < TIMELESS {
        record[1..5].copy_from_slice(&seconds(cx.bmc.log().now()).to_le_bytes());
    }
    let id = cx.bmc.log().add(Occurrence::Added(record));
    // Whoever had reserved the log has to look again.
    cx.settings.sel_reservation = cx.settings.sel_reservation.wrapping_add(1);
    Ok(id.to_le_bytes().to_vec())
}

fn delete(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let &[v0, v1, i0, i1] = data else {
        return Err(Completion::LENGTH);
    };
    check_reservation(cx, [v0, v1], true)?;
    let id = resolve(cx, u16::from_le_bytes([i0, i1]))?;
    if !cx.bmc.log().remove(id) {
        return Err(Completion::NOT_PRESENT);
    }
    cx.settings.sel_reservation = cx.settings.sel_reservation.wrapping_add(1);
    Ok(id.to_le_bytes().to_vec())
}

fn clear(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    const BEGIN: u8 = 0xaa;
    const ASK: u8 = 0x00;
    const DONE: u8 = 0x01;
    let &[v0, v1, b'C', b'L', b'R', action] = data else {
        return Err(if data.len() == 6 {
            Completion::INVALID_FIELD
        } else {
            Completion::LENGTH
        });
    };
    check_reservation(cx, [v0, v1], true)?;
    match action {
        BEGIN => cx.bmc.log().clear(),
        ASK => {}
        _ => return Err(Completion::INVALID_FIELD),
    }
    Ok(vec![DONE])
}

fn time(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    Ok(seconds(cx.bmc.log().now()).to_le_bytes().to_vec())
}

fn set_time(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let bytes: [u8; 4] = data.try_into().map_err(|_| Completion::LENGTH)?;
    let time = Timestamp::from_second(u32::from_le_bytes(bytes).into());
    cx.bmc.log().set_clock(time.map_err(|_| Completion::INVALID_FIELD)?);
    Ok(vec![])
}

fn utc_offset(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    Ok(cx.settings.utc_offset.to_le_bytes().to_vec())
}

fn set_utc_offset(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    /// "Not specified".
    const UNKNOWN: i16 = 0x07ff;
    let bytes: [u8; 2] = data.try_into().map_err(|_| Completion::LENGTH)?;
    let offset = i16::from_le_bytes(bytes);
    if offset != UNKNOWN && !(-1440..=1440).contains(&offset) {
        return Err(Completion::INVALID_FIELD);
    }
    cx.settings.utc_offset = offset;
    Ok(vec![])
}
