//! What has to be there before something is started, and when it counts as ready: the values of `depends-on` and `ready`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use super::destination::Destination;

/// A node, a namespace or an app, written as its id: `node/NAME`, `namespace/NAME`, `app/NAMESPACE/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Object {
    /// A virtual machine.
    Node(String),
    /// A network namespace.
    Namespace(String),
    /// A program in a namespace.
    App {
        /// The namespace.
        namespace: String,
        /// The app's name.
        app: String,
    },
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(name) => write!(f, "node/{name}"),
            Self::Namespace(name) => write!(f, "namespace/{name}"),
            Self::App { namespace, app } => write!(f, "app/{namespace}/{app}"),
        }
    }
}

/// That a text is no id of a node, namespace or app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has to be node/NAME, namespace/NAME or app/NAMESPACE/NAME")]
pub struct NoObject;

impl FromStr for Object {
    type Err = NoObject;

    fn from_str(text: &str) -> Result<Self, NoObject> {
        let parts: Vec<&str> = text.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(NoObject);
        }
        match parts.as_slice() {
            ["node", name] => Ok(Self::Node((*name).to_owned())),
            ["namespace", name] => Ok(Self::Namespace((*name).to_owned())),
            ["app", namespace, app] => Ok(Self::App {
                namespace: (*namespace).to_owned(),
                app: (*app).to_owned(),
            }),
            _ => Err(NoObject),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How far something must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Until {
    /// A node is on, a namespace usable (its init scripts are done), an app's process was started.
    Started,
    /// What `ready` asks for holds; without it as `Started`, and for a namespace all its apps are ready, too.
    #[default]
    Ready,
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Started => "started",
            Self::Ready => "ready",
        })
    }
}

/// Something that must have come so far before another thing is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dependency {
    /// What.
    pub object: Object,
    /// How far.
    pub until: Until,
}

/// When something counts as ready.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ready {
    /// What is looked at.
    pub probe: Probe,
    /// From which namespace, if the lab file says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netns: Option<String>,
    /// How long it may take from the start, in seconds as it is written.
    #[serde(serialize_with = "as_seconds")]
    pub timeout: Duration,
    /// How long to wait from one attempt to the next.
    #[serde(serialize_with = "as_seconds")]
    pub interval: Duration,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Probe {
    /// A line of the serial console matches this regular expression.
    Console(String),
    /// A TCP port takes a connection.
    Tcp(Where),
    /// A web server answers with a status from 200 to 399.
    Http {
        /// Its port.
        to: Where,
        /// Whether it is asked over TLS.
        security: Security,
        /// What is asked for.
        path: String,
        /// As it was written.
        url: String,
    },
    /// A program ends with exit code 0.
    Exec(Vec<String>),
}

/// How a web server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// In plain text.
    Plain,
    /// Over TLS, with a certificate for its name that this host trusts.
    Verified,
    /// Over TLS, whatever certificate it has.
    Unverified,
}

/// A TCP port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Where {
    /// Of the thing itself: a node at any address that is known of it, an app at its namespace's 127.0.0.1.
    Own(u16),
    /// Of a host as the namespace sees it.
    At(Destination),
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(port) => write!(f, "{port}"),
            Self::At(destination) => destination.fmt(f),
        }
    }
}

/// What is looked at, in a few words.
impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Console(pattern) => write!(f, "console {pattern}"),
            Self::Tcp(to) => write!(f, "tcp {to}"),
            Self::Http { url, .. } => write!(f, "http {url}"),
            Self::Exec(command) => write!(f, "exec {}", command.join(" ")),
        }
    }
}

fn as_seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_as_they_are_written() {
        for id in ["node/boot-0", "namespace/core", "app/core/bird"] {
            assert_eq!(id.parse::<Object>().unwrap().to_string(), id);
        }
        for wrong in [
            "",
            "boot",
            "node/",
            "node/a/b",
            "app/core",
            "app//bird",
            "network/x",
            "/node/x",
        ] {
            assert_eq!(wrong.parse::<Object>(), Err(NoObject), "{wrong}");
        }
    }
}
