//! What the store tells of an image while it is being prepared.

use std::time::{Duration, Instant};

use super::download::Watcher;
use crate::store::{ImagePhase, ImageState, Level, Store};

/// The kind of the events told here.
const KIND: &str = "image";
/// Between two changes of the bytes that are told: each wakes whoever watches the store.
const STEP: Duration = Duration::from_millis(250);
/// Between two events that tell of them.
const EVENT_STEP: Duration = Duration::from_secs(10);

/// Tells how far an image is, under all its names.
#[derive(Clone)]
pub(super) struct Progress {
    store: Store,
    object: String,
    names: Vec<String>,
    told: Instant,
    last_event: Instant,
}

impl Progress {
    /// `object` is the id that its events carry.
    pub(super) fn new(store: Store, object: &str, names: Vec<String>) -> Self {
        let now = Instant::now();
        Self {
            store,
            object: object.into(),
            names,
            told: now,
            last_event: now,
        }
    }

    /// It has come to that.
    pub(super) fn phase(&self, phase: ImagePhase) {
        self.update(|image| {
            image.phase = phase;
            if phase == ImagePhase::Ready {
                image.error = None;
            }
        });
    }

    /// It can't be had.
    pub(super) fn failed(&self, error: &str) {
        self.update(|image| {
            image.phase = ImagePhase::Failed;
            image.error = Some(error.into());
        });
    }

    /// Something happened that people may want to know.
    pub(super) fn tell(&self, level: Level, message: &str) {
        self.store.event(level, &self.object, KIND, message);
    }

    fn update(&self, change: impl Fn(&mut ImageState)) {
        self.store.update(|state| {
            for name in &self.names {
                if let Some(image) = state.image_mut(name) {
                    change(image);
                }
            }
        });
    }
}

impl Watcher for Progress {
    fn progress(&mut self, done: u64, total: Option<u64>) {
        // The last ones are of interest for as long as the lab runs.
        let complete = total == Some(done);
        if self.told.elapsed() < STEP && !complete {
            return;
        }
        self.told = Instant::now();
        self.update(|image| (image.done, image.total, image.error) = (done, total, None));
        if self.last_event.elapsed() >= EVENT_STEP && !complete {
            self.last_event = Instant::now();
            let mib = |bytes| bytes >> 20;
            let of = total.map(|total| format!(" of {}", mib(total))).unwrap_or_default();
            self.tell(Level::Info, &format!("Downloaded {}{of} MiB.", mib(done)));
        }
    }

    fn retry(&mut self, reason: &str, pause: Duration) {
        let (seconds, names) = (pause.as_secs_f32(), self.names.join("`, `"));
        let message =
            format!("Image `{names}` is not there yet: {reason}. Another attempt follows in {seconds} seconds.");
        self.tell(Level::Warn, &message);
        self.update(|image| image.error = Some(reason.to_owned()));
    }
}
