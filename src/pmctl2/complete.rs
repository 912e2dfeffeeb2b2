//! Names of what runs, for the completion of command lines.
//!
//! Whatever goes wrong, nothing is offered, and nothing is said: somebody is typing.

use std::{env, path::PathBuf, time::Duration};

use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use placemat2_engine::{
    client::{self, Client},
    spec,
};

use super::{
    connect::{Session, Target, Value},
    listing::{field, items},
};

/// How long a lab may take to answer.
const LIMIT: Duration = Duration::from_secs(1);

/// Nodes of the lab.
pub fn nodes() -> ArgValueCandidates {
    ArgValueCandidates::new(|| named("nodes"))
}

/// Namespaces of the lab.
pub fn namespaces() -> ArgValueCandidates {
    ArgValueCandidates::new(|| named("netns"))
}

/// Apps of the lab, as NETNS/APP.
pub fn apps() -> ArgValueCandidates {
    ArgValueCandidates::new(named_apps)
}

fn named_apps() -> Vec<CompletionCandidate> {
    let of = |netns: &Value| {
        let name = field(netns, "name");
        let apps = items(netns, "apps").map(|app| format!("{name}/{}", field(app, "name")));
        apps.collect::<Vec<_>>()
    };
    list("netns")
        .iter()
        .flat_map(of)
        .map(CompletionCandidate::new)
        .collect()
}

/// Nodes and namespaces of the lab.
pub fn places() -> ArgValueCandidates {
    ArgValueCandidates::new(|| together([named("nodes"), named("netns")]))
}

/// Nodes, namespaces and apps of the lab.
pub fn objects() -> ArgValueCandidates {
    ArgValueCandidates::new(|| together([named("nodes"), named("netns"), named_apps()]))
}

/// Ports of the host that lead into the lab, as `forward delete` takes them.
pub fn forwards() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let name = |forward: &Value| format!("{}/{}", field(forward, "local_port"), field(forward, "protocol"));
        let names = list("forwards").iter().map(name).collect::<Vec<_>>();
        names.into_iter().map(CompletionCandidate::new).collect()
    })
}

/// Namespaces of the lab, with the colon that stands behind them where a forward leads.
pub fn targets() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let names = list("netns").into_iter().map(|netns| field(&netns, "name") + ":");
        names.map(CompletionCandidate::new).collect()
    })
}

/// These words.
pub fn words(words: &'static [&'static str]) -> ArgValueCandidates {
    ArgValueCandidates::new(|| words.iter().map(CompletionCandidate::new).collect())
}

/// Namespaces of the lab files that the command line names.
pub fn namespaces_of_files() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let files = env::args().skip(1).map(PathBuf::from).filter(|file| {
            let ending = file.extension().and_then(|ending| ending.to_str());
            matches!(ending, Some("yml" | "yaml")) && file.is_file()
        });
        let report = spec::load_given(&files.collect::<Vec<_>>(), &spec::Variables::of_environment());
        let namespaces = report.spec.into_iter().flat_map(|spec| spec.namespaces);
        namespaces
            .map(|namespace| CompletionCandidate::new(namespace.name))
            .collect()
    })
}

/// Labs that run on this host.
pub fn labs() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        client::running_labs()
            .into_iter()
            .map(CompletionCandidate::new)
            .collect()
    })
}

fn together<const N: usize>(all: [Vec<CompletionCandidate>; N]) -> Vec<CompletionCandidate> {
    all.into_iter().flatten().collect()
}

fn named(collection: &'static str) -> Vec<CompletionCandidate> {
    let names = list(collection).into_iter().map(|object| field(&object, "name"));
    names.map(CompletionCandidate::new).collect()
}

/// Lists a collection of the lab that the command line is about.
fn list(collection: &str) -> Vec<Value> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let listed = runtime.block_on(async {
        let session = Session::open(target(&env::args().collect::<Vec<_>>())).ok()?;
        let path = Client::path(&[collection]);
        tokio::time::timeout(LIMIT, session.list(&path)).await.ok()?.ok()
    });
    listed.unwrap_or_default()
}

/// The options that choose a lab, out of a command line that is still being written.
fn target(words: &[String]) -> Target {
    let typed = |option: &str| {
        let mut words = words.iter();
        words
            .find_map(|word| match word.strip_prefix(option) {
                Some("") => Some(None),
                Some(rest) => rest.strip_prefix('=').map(|value| Some(value.to_owned())),
                None => None,
            })?
            .or_else(|| words.next().cloned())
    };
    let endpoint = |text: String| text.parse().ok();
    let lab = typed("--lab");
    Target {
        endpoint: match (typed("--endpoint"), &lab) {
            (Some(typed), _) => endpoint(typed),
            // What is typed counts more than the environment.
            (None, Some(_)) => None,
            (None, None) => env::var("PLACEMAT2_ENDPOINT").ok().and_then(endpoint),
        },
        lab: lab.or_else(|| env::var("PLACEMAT2_LAB").ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lab_is_the_one_that_was_typed() {
        let lab = |line: &str| target(&line.split(' ').map(str::to_owned).collect::<Vec<_>>()).lab;
        assert_eq!(lab("pmctl2 -- pmctl2 --lab dc node show ").as_deref(), Some("dc"));
        assert_eq!(lab("pmctl2 -- pmctl2 node show --lab=dc ").as_deref(), Some("dc"));
        assert_eq!(lab("pmctl2 -- pmctl2 node --lab"), None);
        let target = target(&["--endpoint".into(), "http://localhost:1".into()]);
        assert!(target.endpoint.is_some());
    }
}
