//! A lab that is looked at again whenever it has changed.

use std::time::Duration;

use anyhow::bail;
use placemat2_engine::client::{Client, Lines};
use tokio::time::{sleep, timeout};

use super::lab::Lab;
use crate::pmctl2::connect::Session;

/// How long to wait from one look at the lab to the next: a lab that starts changes hundreds of times a second.
pub const PAUSE: Duration = Duration::from_millis(100);

/// A lab that is followed.
pub struct Followed<'a> {
    /// How it is asked.
    pub session: &'a Session,
    /// How it was when it was last looked at.
    pub lab: Lab,
    changes: Lines,
}

impl<'a> Followed<'a> {
    /// Looks at a lab; no change after that is missed.
    pub async fn begin(session: &'a Session) -> anyhow::Result<Self> {
        let changes = session.stream(&Client::path(&["changes"])).await?;
        Ok(Self {
            session,
            lab: Lab::read(session).await?,
            changes,
        })
    }

    /// Waits until the lab has changed, and looks at it again.
    pub async fn next(&mut self) -> anyhow::Result<()> {
        sleep(PAUSE).await;
        let mut change = self.changes.next().await?;
        loop {
            if change.is_none() {
                bail!("the lab is not there any more");
            }
            // One look is for all changes that have come.
            match timeout(Duration::ZERO, self.changes.next()).await {
                Ok(more) => change = more?,
                Err(_) => break,
            }
        }
        self.lab = Lab::read(self.session).await?;
        Ok(())
    }
}
