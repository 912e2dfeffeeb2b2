//! Telling what became of the things that a lab had made on the host.

use crate::{
    host::UndoError,
    store::{Level, Store},
};

/// Tells what was left alone, and what could not be undone.
pub fn tell(store: &Store, left: &[String], errors: &[UndoError]) {
    for left in left {
        let message = format!("What the lab had made was left alone: {left}.");
        store.event(Level::Warn, "lab", "cleanup", &message);
    }
    for error in errors {
        store.event(Level::Error, "lab", "cleanup", &error.to_string());
    }
}

/// Tells which sysctls are as they were before the lab: somebody may have come to rely on them meanwhile.
pub fn tell_set_back(store: &Store, sysctls: &[String]) {
    for name in sysctls {
        let message = format!(
            "{name} is off again, as it was before the lab. What was started meanwhile and needs it (Docker, another router) \
             is to set it anew: sysctl -w {name}=1"
        );
        store.event(Level::Info, "lab", "cleanup", &message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::State;

    #[test]
    fn what_is_off_again_is_told() {
        let store = Store::new(State::default());
        tell_set_back(&store, &["net.ipv4.ip_forward".into()]);
        let events = store.events_after(0);
        assert!(
            events[0].message.ends_with("sysctl -w net.ipv4.ip_forward=1"),
            "{events:?}"
        );
    }

    #[test]
    fn what_is_still_there_is_told() {
        let store = Store::new(State::default());
        let error = UndoError::System {
            what: "socket /tmp/boot.socket".into(),
            source: std::io::ErrorKind::ReadOnlyFilesystem.into(),
        };
        tell(
            &store,
            &["name /run/netns/core: it points elsewhere now".into()],
            &[error],
        );
        let events = store.events_after(0);
        let told: Vec<_> = events
            .iter()
            .map(|event| (event.level, event.message.as_str()))
            .collect();
        let expected = [
            (
                Level::Warn,
                "What the lab had made was left alone: name /run/netns/core: it points elsewhere now.",
            ),
            (
                Level::Error,
                "Cannot remove socket /tmp/boot.socket: read-only filesystem or storage medium.",
            ),
        ];
        assert_eq!(told, expected);
    }
}
