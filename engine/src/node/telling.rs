//! From QEMU's events to sentences for people.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::qmp::Event;
use crate::{keeper::Exit, store::Level};

/// A guest can reset or fail as often as it likes; each kind of event is told once in this time.
const INTERVAL: Duration = Duration::from_secs(1);

/// The event of a machine whose guest's kernel panicked. QEMU is told to let the guest go on, as a real machine would.
pub(super) const PANICKED: &str = "GUEST_PANICKED";

/// Why a node is as it is after that.
pub(super) const PANIC_REASON: &str = "the guest's kernel panicked";
/// The event of a machine that begins anew.
pub(super) const RESET: &str = "RESET";

/// Tells of a machine's events, at a bounded rate.
#[derive(Default)]
pub(super) struct Teller {
    told: HashMap<&'static str, (Instant, u64)>,
}

impl Teller {
    /// What to tell of an event, if anything.
    pub(super) fn tell(&mut self, event: &Event, now: Instant) -> Option<(Level, String)> {
        let (kind, level, sentence) = describe(event)?;
        let (last, untold) = self.told.entry(kind).or_insert((now, 0));
        if *untold > 0 && now.duration_since(*last) < INTERVAL {
            *untold += 1;
            return None;
        }
        // The first of its kind has counted itself: 1 says that none was left out.
        let left_out = untold.saturating_sub(1);
        (*last, *untold) = (now, 1);
        let message = match left_out {
            0 => format!("{sentence}."),
            n => format!("{sentence} ({n} more times since this was last told)."),
        };
        Some((level, message))
    }
}

/// Whether the guest itself had it happen.
pub(super) fn by_guest(event: &Event) -> bool {
    event.data.get("guest").and_then(Value::as_bool).unwrap_or(false)
}

fn describe(event: &Event) -> Option<(&'static str, Level, String)> {
    let text = |key: &str| event.data.get(key).and_then(Value::as_str).unwrap_or("?");
    Some(match event.name.as_str() {
        RESET if by_guest(event) => (RESET, Level::Info, "The guest reset the machine".into()),
        RESET => (RESET, Level::Info, "The machine was reset".into()),
        "POWERDOWN" => ("POWERDOWN", Level::Info, "The power button was pushed".into()),
        PANICKED => (PANICKED, Level::Error, "The guest's kernel panicked".into()),
        "GUEST_CRASHLOADED" => (
            "GUEST_CRASHLOADED",
            Level::Error,
            "The guest's kernel panicked and its crash kernel runs".into(),
        ),
        "STOP" => ("STOP", Level::Warn, "The guest's CPUs were stopped".into()),
        "RESUME" => ("RESUME", Level::Info, "The guest's CPUs go on".into()),
        "SUSPEND" => ("SUSPEND", Level::Info, "The guest sleeps".into()),
        "WAKEUP" => ("WAKEUP", Level::Info, "The guest woke up".into()),
        "WATCHDOG" => ("WATCHDOG", Level::Warn, "The guest's watchdog expired".into()),
        "BLOCK_IO_ERROR" => (
            "BLOCK_IO_ERROR",
            Level::Error,
            format!(
                "A {} of disk {} failed: {}",
                text("operation"),
                text("device"),
                text("reason")
            ),
        ),
        _ => return None,
    })
}

/// Why a machine is gone, from QEMU's last `SHUTDOWN` event (if it sent one) and from how its process ended; and
/// whether that's what somebody wanted.
pub(super) fn reason(shutdown: Option<&Event>, exit: Exit) -> (Level, String) {
    let cause = shutdown
        .and_then(|event| event.data.get("reason"))
        .and_then(Value::as_str);
    let (level, reason) = match (cause, exit) {
        (_, Exit::Signal(signal)) => return (Level::Error, format!("QEMU was killed by signal {signal}")),
        (_, Exit::Code(code)) if code != 0 => return (Level::Error, format!("QEMU ended with exit code {code}")),
        (Some("guest-shutdown"), _) => (Level::Info, "the guest shut down"),
        (Some("guest-reset"), _) => (Level::Info, "the guest reset the machine, which was told not to reboot"),
        (Some("guest-panic"), _) => (Level::Error, PANIC_REASON),
        (Some("host-qmp-quit"), _) => (Level::Warn, "QEMU was told over QMP to quit"),
        (Some("host-signal"), _) => (Level::Warn, "QEMU was ended by a signal from outside"),
        (Some("host-ui"), _) => (Level::Info, "the machine's window was closed"),
        (Some("host-error"), _) => (Level::Error, "QEMU met an error of the host"),
        _ => (Level::Warn, "QEMU ended"),
    };
    (level, reason.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(name: &str, data: Value) -> Event {
        Event {
            name: name.into(),
            data,
        }
    }

    #[test]
    fn a_guest_that_resets_all_the_time_is_told_of_once_a_second() {
        let mut teller = Teller::default();
        let start = Instant::now();
        let reset = event("RESET", json!({"guest": true, "reason": "guest-reset"}));
        let told: Vec<_> = (0..3000)
            .filter_map(|n| teller.tell(&reset, start + Duration::from_millis(n)))
            .map(|(_, message)| message)
            .collect();
        let more = "The guest reset the machine (999 more times since this was last told).";
        assert_eq!(told, ["The guest reset the machine.", more, more]);
    }

    #[test]
    fn events_of_no_interest_are_not_told() {
        let event = event("RTC_CHANGE", json!({"offset": 1}));
        assert_eq!(Teller::default().tell(&event, Instant::now()), None);
    }

    #[test]
    fn reasons_come_from_the_exit_first() {
        let shutdown = event("SHUTDOWN", json!({"guest": true, "reason": "guest-shutdown"}));
        assert_eq!(reason(Some(&shutdown), Exit::Code(0)).1, "the guest shut down");
        assert_eq!(
            reason(Some(&shutdown), Exit::Signal(9)).1,
            "QEMU was killed by signal 9"
        );
        assert_eq!(reason(None, Exit::Code(1)).1, "QEMU ended with exit code 1");
        assert_eq!(
            reason(Some(&event("SHUTDOWN", json!(7))), Exit::Code(0)).1,
            "QEMU ended"
        );
    }
}
