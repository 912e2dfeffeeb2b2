//! What a BMC has to say about a request.

use serde_json::{Value, json};

use super::registry::{BASE, Kind};

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    id: &'static str,
    severity: &'static str,
    text: String,
    remedy: &'static str,
    arguments: Vec<String>,
    property: Option<String>,
}

impl Message {
    /// A message of that kind, with its arguments.
    pub fn new<const N: usize>(kind: Kind<N>, arguments: [&str; N]) -> Self {
        let text = (1..)
            .zip(arguments)
            .fold(kind.text.to_owned(), |text, (number, argument)| {
                text.replace(&format!("%{number}"), argument)
            });
        Self {
            id: kind.id,
            severity: kind.severity,
            text,
            remedy: kind.remedy,
            arguments: arguments.map(str::to_owned).to_vec(),
            property: None,
        }
    }

    /// Says which property of the request it is about, by its JSON pointer.
    pub fn about(mut self, pointer: &str) -> Self {
        self.property = Some(format!("#{pointer}"));
        self
    }

    /// Says it in words for this very case, too.
    #[allow(clippy::needless_pass_by_value, reason = "what is told is made for this, mostly")]
    pub fn saying(mut self, detail: impl ToString) -> Self {
        self.text = format!("{} {}", self.text, detail.to_string());
        self
    }

    /// Its id with the registry's name.
    pub fn full_id(&self) -> String {
        format!("{BASE}.{}", self.id)
    }

    /// What it says.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As it stands in an answer.
    pub fn json(&self) -> Value {
        let mut message = json!({
            "@odata.type": "#Message.v1_3_0.Message",
            "MessageId": self.full_id(),
            "Message": self.text,
            "MessageArgs": self.arguments,
            "MessageSeverity": self.severity,
            "Resolution": self.remedy,
        });
        if let Some(property) = &self.property {
            message["RelatedProperties"] = json!([property]);
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::{super::registry, *};

    #[test]
    fn a_message_has_its_arguments_in_its_text() {
        let message = Message::new(registry::PROPERTY_VALUE_NOT_IN_LIST, ["Tape", "Target"]).about("/Boot/Target");
        assert_eq!(
            message.text(),
            "The value Tape of the property Target is not one that it can have here."
        );
        assert_eq!(message.json()["RelatedProperties"], json!(["#/Boot/Target"]));
    }
}
