//! The repository of sensor data records: what sensors and inventories there are, and how to read them.

use super::{
    super::{
        completion::{Completion, Reply},
        privilege::Privilege,
        sensors::{Form, SENSORS, Sensor},
    },
    Command, Cx, command, device, sel,
};

pub const COMMANDS: &[Command] = &[
    command(0x20, Privilege::User, info),
    command(0x21, Privilege::User, allocation),
    command(0x22, Privilege::User, reserve),
    command(0x23, Privilege::User, get),
    command(0x28, Privilege::User, time),
];

const BMC: u8 = 0x20;
/// Version 1.5 of the records' form, which IPMI 2.0 kept.
const VERSION: u8 = 0x51;
/// 8-bit text, in the byte before a name.
const TEXT: u8 = 0xc0;
const LAST: u16 = 0xffff;

/// How a sensor's states or readings are to be understood.
pub fn reading_type(form: &Form) -> u8 {
    match form {
        Form::Percent(_) => 0x01,
        Form::States { .. } | Form::Events => 0x6f,
    }
}

/// All records, in order; the number of each is its place, from 1.
fn records() -> Vec<Vec<u8>> {
    let others = [management_controller(), inventory()];
    let all = others.into_iter().chain(SENSORS.iter().map(sensor));
    all.zip(1_u16..)
        .map(|((kind, body), id)| {
            let length = u8::try_from(body.len()).unwrap_or(u8::MAX);
            let [low, high] = id.to_le_bytes();
            [[low, high, VERSION, kind, length].as_slice(), &body].concat()
        })
        .collect()
}

fn named(mut body: Vec<u8>, name: &str) -> Vec<u8> {
    body.push(TEXT | u8::try_from(name.len()).unwrap_or_default());
    body.extend(name.as_bytes());
    body
}

fn management_controller() -> (u8, Vec<u8>) {
    const KIND: u8 = 0x12;
    const MANAGEMENT: u8 = 0x06;
    (
        KIND,
        named(vec![BMC, 0, 0, device::SUPPORT, 0, 0, 0, MANAGEMENT, 1, 0], "BMC"),
    )
}

fn inventory() -> (u8, Vec<u8>) {
    const KIND: u8 = 0x11;
    const LOGICAL: u8 = 0x80;
    const INVENTORY: u8 = 0x10;
    const SYSTEM_BOARD: u8 = 0x07;
    let body = vec![BMC, 0, LOGICAL, 0, 0, INVENTORY, 0, SYSTEM_BOARD, 1, 0];
    (KIND, named(body, "System"))
}

fn sensor(sensor: &Sensor) -> (u8, Vec<u8>) {
    const FULL: u8 = 0x01;
    const COMPACT: u8 = 0x02;
    const EVENT_ONLY: u8 = 0x03;
    /// It is scanned from the start.
    const SCANNED: u8 = 0x01;
    /// And its events go to the log.
    const HAS_EVENTS: u8 = 0x02;
    /// It arms itself, has no thresholds, and no events.
    const CAPABILITIES: u8 = 0x43;
    /// It arms itself, and its events can't be turned off one by one.
    const EVENT_CAPABILITIES: u8 = 0x42;
    const PERCENTAGE: u8 = 0x01;
    const NO_READING: u8 = 0xc0;
    let kind = reading_type(&sensor.form);
    let owner = [BMC, 0, sensor.number, sensor.entity, 1];
    match sensor.form {
        Form::Percent(_) => {
            let mut body = owner.to_vec();
            body.extend([SCANNED, CAPABILITIES, sensor.kind, kind]);
            // No events, no thresholds.
            body.extend([0; 6]);
            body.extend([PERCENTAGE, 0, 0, 0]);
            // The reading is the percentage: M is 1, all else 0.
            body.extend([1, 0, 0, 0, 0, 0]);
            // No nominal or normal values; from 0 to 100.
            body.extend([0, 0, 0, 0, 100, 0]);
            // Six thresholds and two hystereses that it doesn't have, two bytes reserved, one for manufacturers.
            body.extend([0; 11]);
            (FULL, named(body, sensor.name))
        }
        Form::States { possible, .. } => {
            let [low, high] = possible.to_le_bytes();
            let mut body = owner.to_vec();
            body.extend([SCANNED | HAS_EVENTS, EVENT_CAPABILITIES, sensor.kind, kind]);
            body.extend([low, high, 0, 0, low, high]);
            body.extend([NO_READING, 0, 0]);
            // Shared with no other, no hysteresis, reserved, for manufacturers.
            body.extend([1, 0, 0, 0, 0, 0, 0, 0]);
            (COMPACT, named(body, sensor.name))
        }
        Form::Events => {
            let mut body = owner.to_vec();
            body.extend([sensor.kind, kind, 1, 0, 0, 0]);
            (EVENT_ONLY, named(body, sensor.name))
        }
    }
}

fn count() -> u16 {
    u16::try_from(records().len()).unwrap_or(u16::MAX)
}

fn info(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    /// Reservations and allocation are known here.
    const OPERATIONS: u8 = 0x03;
    let mut answer = vec![VERSION];
    answer.extend(count().to_le_bytes());
    // No space: nobody can add records.
    answer.extend([0, 0]);
    // The records are as old as the BMC.
    answer.extend([sel::seconds(cx.bmc.started_at()).to_le_bytes(); 2].concat());
    answer.push(OPERATIONS);
    Ok(answer)
}

fn allocation(_: &mut Cx<'_>, _: &[u8]) -> Reply {
    // No units to be had.
    Ok(vec![0; 9])
}

fn reserve(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    let next = cx.settings.sdr_reservation.checked_add(1).unwrap_or(1);
    cx.settings.sdr_reservation = next;
    Ok(next.to_le_bytes().to_vec())
}

fn get(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let &[v0, v1, i0, i1, offset, length] = data else {
        return Err(Completion::LENGTH);
    };
    let reservation = u16::from_le_bytes([v0, v1]);
    if offset != 0 && reservation != cx.settings.sdr_reservation {
        return Err(Completion::RESERVATION);
    }
    let records = records();
    let id = match u16::from_le_bytes([i0, i1]) {
        0 => 1,
        LAST => count(),
        id => id,
    };
    let record = records.get(usize::from(id) - 1).ok_or(Completion::NOT_PRESENT)?;
    let next = if usize::from(id) < records.len() { id + 1 } else { LAST };
    Ok([next.to_le_bytes().as_slice(), slice(record, offset, length)?].concat())
}

/// As many bytes of a record as there are, up to that length.
pub fn slice(record: &[u8], offset: u8, length: u8) -> Result<&[u8], Completion> {
    let rest = record.get(usize::from(offset)..).ok_or(Completion::RANGE)?;
    Ok(&rest[..rest.len().min(length.into())])
}

fn time(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    Ok(sel::seconds(cx.bmc.log().now()).to_le_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths without the header, as the tables of the specification end.
    #[test]
    fn records_have_the_lengths_of_their_kinds() {
        for record in records() {
            let fixed = match record[3] {
                0x01 => 48,
                0x02 => 32,
                0x03 => 17,
                0x11 | 0x12 => 16,
                other => panic!("{other:#x}"),
            };
            let name = usize::from(record[fixed - 1] & 0x1f);
            assert_eq!(record.len(), fixed + name, "{record:x?}");
            assert_eq!(usize::from(record[4]), record.len() - 5);
            assert!(name <= 16 && record[fixed..].is_ascii());
        }
    }
}
