//! Whoever runs a lab and wants to know how it is from within the same process.

use std::pin::Pin;

use super::LabError;
use crate::{keeper::Keeper, store::Store};

/// Is told of the life of a lab.
pub trait Observer: Send + Sync {
    /// The lab begins. All that happens to it is in the store.
    fn begins(&self, store: &Store);

    /// The lab has a keeper, which starts programs that are not to outlive it.
    fn has_keeper(&self, keeper: &Keeper);

    /// The lab ends, because of a failure or because it was asked to. It is taken down when this is done: until then its API
    /// answers and what runs goes on.
    fn ending<'a>(&'a self, failure: Option<&'a LabError>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}
