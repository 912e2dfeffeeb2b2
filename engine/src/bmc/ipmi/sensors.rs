//! The sensors there are. None is invented: each tells what this BMC knows of its machine.

use crate::bmc::{Bmc, Share};

/// A sensor.
pub struct Sensor {
    /// Its number.
    pub number: u8,
    /// Its name, at most 16 letters.
    pub name: &'static str,
    /// What it senses, as IPMI numbers it.
    pub kind: u8,
    /// What it is part of, as IPMI numbers it.
    pub entity: u8,
    /// How it tells.
    pub form: Form,
}

/// How a sensor tells.
#[derive(Clone, Copy)]
pub enum Form {
    /// By a number from 0 to 100; none while there is nothing to be measured.
    Percent(Share),
    /// By one bit for each state that holds, out of those that can.
    States {
        /// All that can.
        possible: u16,
        /// Those that do.
        present: fn(&Bmc) -> u16,
    },
    /// Only by what stands in the log.
    Events,
}

/// Power of the machine; bit 0: it works, bit 5: it is off.
pub const POWER: u8 = 1;
/// The watchdog.
pub const WATCHDOG: u8 = 2;
/// Resets.
pub const BOOT: u8 = 5;
/// Non-maskable interrupts.
pub const INTERRUPT: u8 = 6;
/// The log itself.
pub const LOG: u8 = 7;

/// System ACPI power state.
pub const POWER_KIND: u8 = 0x22;
/// Watchdog 2.
pub const WATCHDOG_KIND: u8 = 0x23;
/// System boot initiated.
pub const BOOT_KIND: u8 = 0x1d;
/// Critical interrupt.
pub const INTERRUPT_KIND: u8 = 0x13;
/// Event logging disabled.
pub const LOG_KIND: u8 = 0x10;

const PROCESSOR_KIND: u8 = 0x07;
const MEMORY_KIND: u8 = 0x0c;
const PROCESSOR: u8 = 0x03;
const SYSTEM_BOARD: u8 = 0x07;
const MEMORY: u8 = 0x20;
const MANAGEMENT: u8 = 0x06;

/// State of `POWER` while the machine works.
pub const WORKING: u8 = 0;
/// State of `POWER` while the machine is off.
pub const SOFT_OFF: u8 = 5;

/// All sensors, by number.
pub const SENSORS: &[Sensor] = &[
    Sensor {
        number: POWER,
        name: "Power",
        kind: POWER_KIND,
        entity: SYSTEM_BOARD,
        form: Form::States {
            possible: 1 << WORKING | 1 << SOFT_OFF,
            present: |bmc| 1 << if bmc.power().is_on() { WORKING } else { SOFT_OFF },
        },
    },
    Sensor {
        number: WATCHDOG,
        name: "Watchdog",
        kind: WATCHDOG_KIND,
        entity: MANAGEMENT,
        form: Form::States {
            possible: 1,
            present: |bmc| u16::from(bmc.watchdog().state().expired != 0),
        },
    },
    Sensor {
        number: 3,
        name: "CPU Usage",
        kind: PROCESSOR_KIND,
        entity: PROCESSOR,
        form: Form::Percent(Share::Processors),
    },
    Sensor {
        number: 4,
        name: "Memory Usage",
        kind: MEMORY_KIND,
        entity: MEMORY,
        form: Form::Percent(Share::Memory),
    },
    Sensor {
        number: BOOT,
        name: "Boot",
        kind: BOOT_KIND,
        entity: SYSTEM_BOARD,
        form: Form::Events,
    },
    Sensor {
        number: INTERRUPT,
        name: "Interrupt",
        kind: INTERRUPT_KIND,
        entity: SYSTEM_BOARD,
        form: Form::Events,
    },
    Sensor {
        number: LOG,
        name: "Event Log",
        kind: LOG_KIND,
        entity: MANAGEMENT,
        form: Form::Events,
    },
];

/// The sensor of that number.
pub fn find(number: u8) -> Option<&'static Sensor> {
    SENSORS.iter().find(|sensor| sensor.number == number)
}
