//! A chain of nftables.

use serde_json::Value;

/// A base chain at the forward hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    pub family: String,
    pub table: String,
    pub name: String,
    pub drop_policy: bool,
}

impl Chain {
    /// From nft's JSON; `None` if it is another kind of chain.
    pub fn from_json(chain: &Value) -> Option<Self> {
        let text = |key: &str| chain.get(key)?.as_str().map(str::to_owned);
        let family = text("family")?;
        let routed = matches!(family.as_str(), "ip" | "ip6" | "inet");
        if !routed || text("hook")? != "forward" {
            return None;
        }
        Some(Self {
            family,
            table: text("table")?,
            name: text("name")?,
            drop_policy: text("policy").is_some_and(|policy| policy == "drop"),
        })
    }
}
