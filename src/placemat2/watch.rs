//! What whoever runs a lab hears of it, and how a test keeps it from being taken down too early.

use std::pin::Pin;

use placemat2_engine::{
    keeper::Keeper,
    lab::{LabError, Observer},
    store::Store,
};
use tokio::sync::SetOnce;
use tokio_util::sync::CancellationToken;

/// The lab as it is heard of.
#[derive(Default)]
pub struct Watch {
    /// Its state, once it has begun.
    pub store: SetOnce<Store>,
    /// What starts its processes, once that is there.
    pub keeper: SetOnce<Keeper>,
    /// Why it ends by itself, once it does.
    pub failed: SetOnce<String>,
    /// Cancelled when it may be taken down.
    pub released: CancellationToken,
}

impl Observer for Watch {
    fn begins(&self, store: &Store) {
        // A lab begins once.
        let _ = self.store.set(store.clone());
    }

    fn has_keeper(&self, keeper: &Keeper) {
        // A lab has one.
        let _ = self.keeper.set(keeper.clone());
    }

    fn ending<'a>(&'a self, failure: Option<&'a LabError>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        if let Some(failure) = failure {
            // And ends once.
            let _ = self.failed.set(failure.to_string());
        }
        Box::pin(self.released.cancelled())
    }
}
