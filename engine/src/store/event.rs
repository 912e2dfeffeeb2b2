//! Events: what happened, to what, when; in a bounded log.

use std::{collections::VecDeque, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How many events are kept; older ones are forgotten.
const CAPACITY: usize = 10_000;

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Something went as it should.
    Info,
    /// Something the user may have to look at.
    Warn,
    /// Something failed.
    Error,
}

/// Something that happened to the lab.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Grows by one with each event of a lab, from 1.
    pub id: u64,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// How much it matters.
    pub level: Level,
    /// The id of what it happened to, as in the plan: `node/boot-0`, `app/rack0-tor1/bird`, `lab`.
    pub object: String,
    /// A short stable word for programs: `power`, `app`, `mtu`, `phase`.
    pub kind: String,
    /// A sentence for people.
    pub message: String,
}

/// The last events of a lab.
#[derive(Default)]
pub struct EventLog {
    last_id: u64,
    events: VecDeque<Arc<Event>>,
}

impl EventLog {
    pub(super) fn push(&mut self, level: Level, object: &str, kind: &str, message: &str) {
        if self.events.len() == CAPACITY {
            self.events.pop_front();
        }
        self.last_id += 1;
        self.events.push_back(Arc::new(Event {
            id: self.last_id,
            time: Timestamp::now(),
            level,
            object: object.into(),
            kind: kind.into(),
            message: message.into(),
        }));
    }

    /// The id of the last event, 0 if there was none.
    pub(super) fn last_id(&self) -> u64 {
        self.last_id
    }

    pub(super) fn after(&self, after: u64, max: usize) -> Vec<Arc<Event>> {
        let first = self.events.partition_point(|event| event.id <= after);
        self.events.range(first..).take(max).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_bounded() {
        let mut log = EventLog::default();
        for _ in 0..CAPACITY + 5 {
            log.push(Level::Info, "lab", "test", "");
        }
        let all = log.after(0, usize::MAX);
        assert_eq!(all.len(), CAPACITY);
        assert_eq!(all[0].id, 6);
    }
}
