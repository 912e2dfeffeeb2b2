//! The output of one app, as it comes.

use placemat2_engine::client::{Client, ClientError};

use super::{Sender, batch::batch};
use crate::{model::log::AppId, msg::Msg};

/// Lines of the past that are asked for.
const TAIL: usize = 2000;

/// Follows it until aborted, or until the lab ends it.
pub async fn follow(client: Client, of: AppId, messages: Sender) {
    let reason = match lines(&client, &of, &messages).await {
        Ok(()) => "the lab ended the log".to_owned(),
        Err(error) => error.to_string(),
    };
    let _ = messages.send(Msg::LogEnded(of, reason)).await;
}

async fn lines(client: &Client, of: &AppId, messages: &Sender) -> Result<(), ClientError> {
    let path = Client::path(&["netns", &of.netns, "apps", &of.app, "log"]);
    let mut lines = client.stream(&format!("{path}?tail={TAIL}&follow=true")).await?;
    while let Some(first) = lines.next().await? {
        let batch = batch(first, &mut lines).await?;
        if messages.send(Msg::Log(of.clone(), batch)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}
