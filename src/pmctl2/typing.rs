//! `pmctl2 node type`: types into a node's serial console.

use std::str::FromStr;

use anyhow::{Context, bail};
use clap::Args;
use placemat2_engine::client::Client;

use super::connect::Session;

/// Arguments of `pmctl2 node type`
#[derive(Debug, Args)]
#[command(
    after_help = "In TEXT, \\n, \\r and \\t are what they are in C, \\xNN is the byte of that number, and \\\\ a backslash: \\x03 is Ctrl-C.\n\n\
                        What is typed is echoed by the guest: `pmctl2 node expect` sees it."
)]
pub struct Type {
    /// Name of the node
    #[arg(add = super::complete::nodes())]
    node: String,
    /// What to type
    #[arg(allow_hyphen_values = true)]
    text: Typed,
    /// Press Enter at the end
    #[arg(long)]
    enter: bool,
    /// Send a break on the serial line before: for Linux, the key that follows is a magic SysRq key then
    #[arg(long = "break")]
    sends_break: bool,
}

/// Bytes, written with escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Typed(Vec<u8>);

impl FromStr for Typed {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, escape)) = rest.split_once('\\') {
            bytes.extend_from_slice(before.as_bytes());
            let kind = escape.chars().next();
            rest = escape.get(kind.map_or(0, char::len_utf8)..).unwrap_or_default();
            bytes.push(match kind {
                Some('n') => b'\n',
                Some('r') => b'\r',
                Some('t') => b'\t',
                Some('\\') => b'\\',
                Some('x') => {
                    let digits = rest
                        .get(..2)
                        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
                    let digits = digits.context("after \\x come two hexadecimal digits")?;
                    rest = &rest[2..];
                    u8::from_str_radix(digits, 16)?
                }
                Some(other) => bail!("there is no escape \\{other}: a backslash is \\\\"),
                None => bail!("a backslash at the end is \\\\"),
            });
        }
        bytes.extend_from_slice(rest.as_bytes());
        Ok(Self(bytes))
    }
}

impl Type {
    /// Types.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let Typed(mut bytes) = self.text;
        bytes.extend(self.enter.then_some(b'\r'));
        if self.sends_break {
            let path = Client::path(&["nodes", &self.node, "console", "break"]);
            session.post(&path).await?;
        }
        let path = Client::path(&["nodes", &self.node, "console", "input"]);
        session
            .with(async |client| client.post_bytes(&path, bytes.into()).await)
            .await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_the_bytes_they_stand_for() {
        let typed = |text: &str| text.parse::<Typed>().map(|Typed(bytes)| bytes);
        assert_eq!(typed(r"ls\n\r\t\\\x03\xFfü").unwrap(), b"ls\n\r\t\\\x03\xff\xc3\xbc");
        for wrong in [r"\q", r"\", r"\x", r"\x1", r"\xg0", r"\x+1", r"\ü"] {
            assert!(typed(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_plain_text_is_itself(text in "(\\\\|x|[ -~é]){0,20}") {
            if let Ok(Typed(bytes)) = text.parse::<Typed>() && !text.contains('\\') {
                prop_assert_eq!(bytes, text.as_bytes());
            }
        }
    }
}
