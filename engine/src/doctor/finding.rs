//! What was found out about one thing.

use serde::Serialize;

use super::{Demand, Host};

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Labs run, but not as well as they could; or not every lab does.
    Warning,
    /// A lab does not run.
    Failed,
}

/// What was found out about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, in a word.
    pub check: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What is so.
    pub found: String,
    /// What to do, if there is something to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    /// As it should be.
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Ok,
            found: found.into(),
            mend: None,
        }
    }

    /// Not as it could be.
    pub(super) fn warning(check: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Warning,
            found: found.into(),
            mend: Some(mend.into()),
        }
    }

    /// A lab does not run.
    pub(super) fn failed(check: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Failed,
            ..Self::warning(check, found, mend)
        }
    }
}

/// How much a thing is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Not at all: nothing is said of it.
    No,
    /// There is no lab yet, and some need it.
    Perhaps,
    /// By the lab.
    Yes,
}

impl Need {
    /// The finding that it is missing. It fails if it is `essential`, even if no lab is named: hardly one does without.
    pub(super) fn missing(
        self,
        essential: bool,
        check: &'static str,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Option<Finding> {
        match self {
            Self::No => None,
            Self::Perhaps if !essential => Some(Finding::warning(check, found, mend)),
            Self::Perhaps | Self::Yes => Some(Finding::failed(check, found, mend)),
        }
    }

    /// The finding that all is well.
    pub(super) fn fulfilled(self, check: &'static str, found: impl Into<String>) -> Option<Finding> {
        (self != Self::No).then(|| Finding::ok(check, found))
    }
}

impl Host<'_> {
    /// How much that which `asks` tells of is needed.
    pub(super) fn need(&self, asks: impl FnOnce(&Demand) -> bool) -> Need {
        match &self.demand {
            None => Need::Perhaps,
            Some(demand) if asks(demand) => Need::Yes,
            Some(_) => Need::No,
        }
    }
}
