//! How an app is named on a command line.

use std::{fmt, str::FromStr};

use anyhow::bail;

/// An app in a namespace.
#[derive(Clone, Debug)]
pub struct AppName {
    /// The namespace.
    pub netns: String,
    /// The app.
    pub app: String,
}

impl FromStr for AppName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text.split_once('/') {
            Some((netns, app)) if !netns.is_empty() && !app.is_empty() && !app.contains('/') => Ok(Self {
                netns: netns.to_owned(),
                app: app.to_owned(),
            }),
            _ => bail!("an app is named as NETNS/APP, such as operation/bird"),
        }
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.netns, self.app)
    }
}
