//! What a BMC has to say about a request: messages by the ids of DMTF's Base registry.

use serde_json::{Value, json};

/// The registry and the version of it whose ids are used.
pub const BASE: &str = "Base.1.19";

/// How much a message matters, as Redfish spells it.
const OK: &str = "OK";
const WARNING: &str = "Warning";
const CRITICAL: &str = "Critical";

/// A kind of message: its id in the registry and what it says, `%N` standing for its Nth argument.
struct Kind {
    id: &'static str,
    text: &'static str,
    severity: &'static str,
    remedy: &'static str,
}

const fn kind(id: &'static str, severity: &'static str, text: &'static str, remedy: &'static str) -> Kind {
    Kind {
        id,
        text,
        severity,
        remedy,
    }
}

const NO_REMEDY: &str = "None.";

const KINDS: &[Kind] = &[
    kind("Success", OK, "It is done.", NO_REMEDY),
    kind("Created", OK, "The resource was made.", NO_REMEDY),
    kind("NoOperation", OK, "Nothing had to be changed.", NO_REMEDY),
    kind(
        "GeneralError",
        CRITICAL,
        "It was tried and failed.",
        "Read the messages beside this one, and the events of the lab.",
    ),
    kind(
        "InternalError",
        CRITICAL,
        "It was tried and failed.",
        "Look at the events of the lab, and try again.",
    ),
    kind(
        "MalformedJSON",
        CRITICAL,
        "The body of the request is not a JSON object.",
        "Send a JSON object.",
    ),
    kind(
        "PropertyUnknown",
        WARNING,
        "The resource has no property %1.",
        "Leave the property out.",
    ),
    kind(
        "PropertyNotWritable",
        WARNING,
        "The property %1 can only be read.",
        "Leave the property out.",
    ),
    kind(
        "PropertyMissing",
        WARNING,
        "The property %1 is needed and was not given.",
        "Give the property.",
    ),
    kind(
        "PropertyValueTypeError",
        WARNING,
        "The value %1 of the property %2 is of another type than the property.",
        "Give a value of the property's type.",
    ),
    kind(
        "PropertyValueNotInList",
        WARNING,
        "The value %1 of the property %2 is not one that it can have here.",
        "Give one of the values that the resource names.",
    ),
    kind(
        "PropertyValueFormatError",
        WARNING,
        "The value %1 of the property %2 has not the form it needs.",
        "Give a value of that form.",
    ),
    kind(
        "PropertyValueOutOfRange",
        WARNING,
        "The value %1 of the property %2 is out of its range.",
        "Give a value in the range.",
    ),
    kind(
        "PropertyValueError",
        WARNING,
        "The property %1 can't have the value that was given.",
        "Give another value.",
    ),
    kind(
        "CreateFailedMissingReqProperties",
        CRITICAL,
        "To make the resource, the property %1 is needed.",
        "Give the property.",
    ),
    kind(
        "ActionParameterMissing",
        CRITICAL,
        "The action %1 needs the parameter %2.",
        "Give the parameter.",
    ),
    kind(
        "ActionParameterUnknown",
        WARNING,
        "The action %1 has no parameter %2.",
        "Leave the parameter out.",
    ),
    kind(
        "ActionParameterValueTypeError",
        CRITICAL,
        "The value %1 of the parameter %2 of the action %3 is of another type than the parameter.",
        "Give a value of the parameter's type.",
    ),
    kind(
        "ActionParameterValueNotInList",
        WARNING,
        "The value %1 of the parameter %2 of the action %3 is not one that it can have here.",
        "Give one of the values that the action names.",
    ),
    kind(
        "ActionParameterValueError",
        WARNING,
        "The parameter %1 of the action %2 can't have the value that was given.",
        "Give another value.",
    ),
    kind(
        "CouldNotEstablishConnection",
        CRITICAL,
        "What %1 names can't be had.",
        "Look at the URL and its server, and try again.",
    ),
    kind(
        "ResourceMissingAtURI",
        CRITICAL,
        "There is no resource %1.",
        "Follow the links from /redfish/v1.",
    ),
    kind(
        "ResourceAlreadyExists",
        CRITICAL,
        "There is a %1 whose %2 is %3 already.",
        "Give another value.",
    ),
    kind(
        "ResourceInStandby",
        CRITICAL,
        "The machine is off, and that needs a machine that is on.",
        "Power the machine on first.",
    ),
    kind(
        "ResourceInUse",
        WARNING,
        "The state of the resource stands against it.",
        "Change its state first.",
    ),
    kind(
        "ResourceCannotBeDeleted",
        CRITICAL,
        "The resource can't be deleted.",
        NO_REMEDY,
    ),
    kind(
        "CreateLimitReachedForResource",
        CRITICAL,
        "There are as many resources of the kind as there can be.",
        "Delete one first.",
    ),
    kind(
        "SessionLimitExceeded",
        CRITICAL,
        "There are as many sessions as there can be.",
        "Delete one first, or wait until one expires.",
    ),
    kind(
        "OperationNotAllowed",
        CRITICAL,
        "The resource has no such method.",
        "Look at the Allow header for what it has.",
    ),
    kind(
        "NoValidSession",
        CRITICAL,
        "The request came without a valid sign-in.",
        "Sign in, by a session or by basic authentication.",
    ),
    kind(
        "ResourceAtUriUnauthorized",
        CRITICAL,
        "For %1, the name or the password is wrong.",
        "Sign in with another name or password.",
    ),
    kind(
        "InsufficientPrivilege",
        CRITICAL,
        "The account may not do that.",
        "Sign in with an account that may.",
    ),
    kind(
        "PreconditionFailed",
        CRITICAL,
        "The resource has changed since the ETag of the request.",
        "Read the resource again, and decide anew.",
    ),
    kind(
        "HeaderInvalid",
        CRITICAL,
        "The header %1 is not what is understood here.",
        "Give another value, or leave the header out.",
    ),
    kind(
        "QueryNotSupported",
        WARNING,
        "That query is not understood here.",
        "Leave it out.",
    ),
    kind(
        "QueryNotSupportedOnResource",
        WARNING,
        "The resource can't be queried so.",
        "Leave the query out.",
    ),
    kind(
        "QueryNotSupportedOnOperation",
        WARNING,
        "Only reading can be queried so.",
        "Leave the query out.",
    ),
    kind(
        "QueryCombinationInvalid",
        WARNING,
        "Those queries don't go together.",
        "Leave one of them out.",
    ),
    kind(
        "QueryParameterValueTypeError",
        WARNING,
        "The value %1 of the query %2 is of another type than the query.",
        "Give a value of the query's type.",
    ),
    kind(
        "QueryParameterValueFormatError",
        WARNING,
        "The value %1 of the query %2 has not the form it needs.",
        "Give a value of that form.",
    ),
    kind(
        "QueryParameterOutOfRange",
        WARNING,
        "The value %1 of the query %2 is out of its range, %3.",
        "Give a value in the range.",
    ),
    kind(
        "EventSubscriptionLimitExceeded",
        CRITICAL,
        "There are as many subscriptions as there can be.",
        "Delete one first.",
    ),
];

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    id: &'static str,
    arguments: Vec<String>,
    property: Option<String>,
    detail: Option<String>,
}

impl Message {
    /// The message of that id, with its arguments.
    pub fn new<const N: usize>(id: &'static str, arguments: [&str; N]) -> Self {
        Self {
            id,
            arguments: arguments.map(str::to_owned).to_vec(),
            property: None,
            detail: None,
        }
    }

    /// Says which property of the request it is about, by its JSON pointer.
    pub fn about(mut self, pointer: &str) -> Self {
        self.property = Some(format!("#{pointer}"));
        self
    }

    /// Says it in words for this very case.
    #[allow(clippy::needless_pass_by_value, reason = "what is told is made for this, mostly")]
    pub fn saying(mut self, detail: impl ToString) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// Its id with the registry's name.
    pub fn full_id(&self) -> String {
        format!("{BASE}.{}", self.id)
    }

    /// What it says.
    pub fn text(&self) -> String {
        let Some(kind) = self.kind() else { return String::new() };
        let text = (1..)
            .zip(&self.arguments)
            .fold(kind.text.to_owned(), |text, (number, argument)| {
                text.replace(&format!("%{number}"), argument)
            });
        match &self.detail {
            Some(detail) => format!("{text} {detail}"),
            None => text,
        }
    }

    fn kind(&self) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| kind.id == self.id)
    }

    /// As it stands in an answer.
    pub fn json(&self) -> Value {
        let (severity, remedy) = self
            .kind()
            .map_or((WARNING, NO_REMEDY), |kind| (kind.severity, kind.remedy));
        let mut message = json!({
            "@odata.type": "#Message.v1_3_0.Message",
            "MessageId": self.full_id(),
            "Message": self.text(),
            "MessageArgs": self.arguments,
            "MessageSeverity": severity,
            "Resolution": remedy,
        });
        if let Some(property) = &self.property {
            message["RelatedProperties"] = json!([property]);
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_its_arguments_in_its_text() {
        let message = Message::new("PropertyValueNotInList", ["Tape", "Target"]).about("/Boot/Target");
        assert_eq!(
            message.text(),
            "The value Tape of the property Target is not one that it can have here."
        );
        assert_eq!(message.json()["RelatedProperties"], json!(["#/Boot/Target"]));
    }

    #[test]
    fn every_kind_has_an_id_of_its_own_and_whole_sentences() {
        for (at, kind) in KINDS.iter().enumerate() {
            assert!(KINDS[..at].iter().all(|other| other.id != kind.id), "{}", kind.id);
            assert!(kind.text.ends_with('.') && kind.remedy.ends_with('.'), "{}", kind.id);
        }
    }
}
