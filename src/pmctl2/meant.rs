//! What may have been meant by a name that the lab does not know.

use placemat2_engine::{
    client::{Client, ClientError},
    spec::did_you_mean,
};

use super::{connect::Session, listing::field};

/// Adds to the answer that there is no such thing what else the name of a node may stand for.
pub async fn node<T>(session: &Session, name: &str, outcome: anyhow::Result<T>) -> anyhow::Result<T> {
    match outcome {
        Err(error) if is_unknown(&error) => Err(match hint(session, name).await {
            Some(hint) => anyhow::anyhow!("{error} {hint}"),
            None => error,
        }),
        outcome => outcome,
    }
}

/// Whether the lab said that it has no such thing.
pub fn is_unknown(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ClientError::Refused { status: 404, .. }))
}

async fn hint(session: &Session, name: &str) -> Option<String> {
    let (nodes, namespaces) = (names(session, "nodes").await?, names(session, "netns").await?);
    if nodes.iter().any(|node| node == name) {
        return None;
    }
    if namespaces.iter().any(|namespace| namespace == name) {
        return Some(format!("`{name}` is a namespace: see `pmctl2 netns --help`."));
    }
    did_you_mean(name, nodes.iter().map(String::as_str))
}

async fn names(session: &Session, collection: &str) -> Option<Vec<String>> {
    let listed = session.list(&Client::path(&[collection])).await.ok()?;
    Some(listed.iter().map(|object| field(object, "name")).collect())
}
