//! Readings of sensors.

use super::{
    super::{
        completion::{Completion, Reply},
        privilege::Privilege,
        sensors::{self, Form, Sensor},
    },
    Command, Cx, command,
};

pub const COMMANDS: &[Command] = &[
    command(0x25, Privilege::User, hysteresis),
    command(0x27, Privilege::User, thresholds),
    command(0x29, Privilege::User, event_enable),
    command(0x2b, Privilege::User, event_status),
    command(0x2d, Privilege::User, reading),
    command(0x2f, Privilege::User, kind),
];

/// Scanned, and its events are logged.
const ENABLED: u8 = 0xc0;
const UNAVAILABLE: u8 = 0x20;
/// Set in the last byte of states, by definition.
const RESERVED: u16 = 0x8000;

fn sensor(data: &[u8]) -> Result<&'static Sensor, Completion> {
    let number = *data.first().ok_or(Completion::LENGTH)?;
    sensors::find(number).ok_or(Completion::NOT_PRESENT)
}

fn reading(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    match sensor(data)?.form {
        Form::Percent(of) => Ok(match cx.bmc.usage(of) {
            Some(share) => vec![percent(share), ENABLED, 0],
            None => vec![0, ENABLED | UNAVAILABLE, 0],
        }),
        Form::States { present, .. } => {
            let states = (present(cx.bmc) | RESERVED).to_le_bytes();
            Ok(vec![0, ENABLED, states[0], states[1]])
        }
        Form::Events => Err(Completion::NOT_PRESENT),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn percent(share: f64) -> u8 {
    (share * 100.0).round().clamp(0.0, 255.0) as u8
}

fn thresholds(_: &mut Cx<'_>, data: &[u8]) -> Reply {
    match sensor(data)?.form {
        // None of the six.
        Form::Percent(_) => Ok(vec![0; 7]),
        _ => Err(Completion::ILLEGAL_FOR_OBJECT),
    }
}

fn hysteresis(_: &mut Cx<'_>, data: &[u8]) -> Reply {
    match sensor(data)?.form {
        Form::Percent(_) => Ok(vec![0xff, 0xff]),
        _ => Err(Completion::ILLEGAL_FOR_OBJECT),
    }
}

fn event_enable(_: &mut Cx<'_>, data: &[u8]) -> Reply {
    let possible = match sensor(data)?.form {
        Form::States { possible, .. } => possible,
        Form::Percent(_) | Form::Events => 0,
    };
    let [low, high] = possible.to_le_bytes();
    Ok(vec![ENABLED, low, high, 0, 0])
}

fn event_status(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let present = match sensor(data)?.form {
        Form::States { present, .. } => present(cx.bmc),
        Form::Percent(_) | Form::Events => 0,
    };
    let [low, high] = present.to_le_bytes();
    Ok(vec![ENABLED, low, high, 0, 0])
}

fn kind(_: &mut Cx<'_>, data: &[u8]) -> Reply {
    let sensor = sensor(data)?;
    Ok(vec![sensor.kind, super::sdr::reading_type(&sensor.form)])
}
