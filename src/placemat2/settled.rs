//! Waiting until it is known how a lab has come up: everything that is to be ready is, or has been given up.

use placemat2_engine::{
    node::PowerState,
    store::{ImagePhase, ImageState, LabPhase, NodeState, Ready, ReadyState, State, Store},
};

/// How a lab has come up.
#[derive(Debug)]
pub enum Settled {
    /// All of it is ready.
    Ready,
    /// These are not and won't be.
    NotReady(Vec<Unready>),
    /// It did not come up, or is being taken down.
    Ended,
}

/// Something that is not ready.
#[derive(Clone, Debug)]
pub struct Unready {
    /// Its id.
    pub object: String,
    /// Why it isn't.
    pub reason: String,
}

/// Waits until nothing is awaited any more.
pub async fn settled(store: &Store) -> Settled {
    let mut changes = store.watch();
    loop {
        changes.mark_unchanged();
        if let Some(settled) = store.read(survey) {
            return settled;
        }
        if changes.changed().await.is_err() {
            return Settled::Ended;
        }
    }
}

fn survey(state: &State) -> Option<Settled> {
    match state.lab.phase {
        LabPhase::Starting => return None,
        LabPhase::Stopping | LabPhase::Failed => return Some(Settled::Ended),
        LabPhase::Running => {}
    }
    let unready = unready(state);
    if unready.is_empty() {
        return Some(Settled::Ready);
    }
    let awaited = states(state).any(|(_, state, _)| state == ReadyState::Waiting);
    (!awaited).then_some(Settled::NotReady(unready))
}

/// All that is to be ready and is not.
pub fn unready(state: &State) -> Vec<Unready> {
    states(state)
        .filter(|(_, state, _)| !matches!(state, ReadyState::Ready | ReadyState::Off))
        .map(|(object, _, reason)| Unready {
            object,
            reason: reason.unwrap_or_default(),
        })
        .collect()
}

/// How far each node, namespace and app is, and why it is no further. Of a namespace that is there, its apps tell.
fn states(state: &State) -> impl Iterator<Item = (String, ReadyState, Option<String>)> {
    let told = |id: String, (state, why)| (id, state, why);
    let awaited = state.images.iter().find(|image| image.phase != ImagePhase::Ready);
    let nodes = state
        .nodes
        .iter()
        .map(move |node| told(format!("node/{}", node.name), readiness(node, awaited)));
    let namespaces = state.namespaces.iter().flat_map(move |namespace| {
        let id = format!("namespace/{}", namespace.name);
        let own = (namespace.state != Ready::Ready).then(|| told(id, namespace.readiness()));
        let apps = namespace
            .apps
            .iter()
            .map(move |app| told(format!("app/{}/{}", namespace.name, app.name), app.readiness()));
        own.into_iter().chain(apps)
    });
    nodes.chain(namespaces)
}

/// How far a node is. One that has nothing else to wait for waits for the images: no node is powered on before all are there.
fn readiness(node: &NodeState, awaited: Option<&ImageState>) -> (ReadyState, Option<String>) {
    match (node.readiness(), awaited) {
        ((ReadyState::Waiting, _), Some(image))
            if node.power_status == PowerState::Off && node.ready.reason.is_none() =>
        {
            (ReadyState::Waiting, Some(missing(image)))
        }
        (readiness, _) => readiness,
    }
}

/// That an image is not there yet, from where, and why.
fn missing(image: &ImageState) -> String {
    let from = image.url.as_ref().unwrap_or(&image.file);
    let mut told = format!("image `{}` is not there yet: {from}", image.name);
    if let Some(error) = &image.error {
        told.extend([": ", error]);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_can_not_be_fetched_is_told_with_its_url_and_the_reason() {
        let mut image = ImageState {
            name: "g".into(),
            url: Some("http://192.0.2.1/g.qcow2".into()),
            file: "/cache/1".into(),
            phase: ImagePhase::Downloading,
            done: 0,
            total: None,
            error: Some("connection refused".into()),
        };
        assert_eq!(
            missing(&image),
            "image `g` is not there yet: http://192.0.2.1/g.qcow2: connection refused"
        );
        (image.url, image.error) = (None, None);
        assert_eq!(missing(&image), "image `g` is not there yet: /cache/1");
    }
}
