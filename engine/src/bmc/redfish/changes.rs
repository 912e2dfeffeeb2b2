//! What a request wants changed or gives as parameters: read value by value, and told apart from what nobody reads.

use std::pin::Pin;

use serde_json::{Map, Value};

use super::{
    message::Message,
    registry,
    reply::{Outcome, Refusal},
};

/// What is waited for before a request is answered, by that answer if it says more than that all went well.
pub type Later = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// The body of a request, from which a handler takes what it understands.
pub struct Changes {
    body: Map<String, Value>,
    purpose: Purpose,
    taken: usize,
    faults: Vec<Message>,
    later: Option<Later>,
}

/// What the body is for; it decides how mistakes are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Changing or making a resource.
    Properties,
    /// The parameters of an action.
    Parameters(&'static str),
}

/// What a request says of a value that need not be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<T> {
    /// Nothing.
    Kept,
    /// It shall be that, or not be there.
    To(Option<T>),
}

impl Changes {
    /// Reads a body. An empty one is as good as an empty object for an action.
    pub fn read(bytes: &[u8], purpose: Purpose) -> Result<Self, Refusal> {
        let body = if bytes.trim_ascii().is_empty() && purpose != Purpose::Properties {
            Map::new()
        } else {
            match serde_json::from_slice(bytes) {
                Ok(Value::Object(body)) => body,
                _ => return Err(Refusal::bad(Message::new(registry::MALFORMED_JSON, []))),
            }
        };
        Ok(Self {
            body,
            purpose,
            taken: 0,
            faults: Vec::new(),
            later: None,
        })
    }

    /// Has the request wait for something that takes its time, and be answered by what comes of it.
    pub fn then(&mut self, later: impl Future<Output = Outcome> + Send + 'static) {
        self.later = Some(Box::pin(later));
    }

    /// What the request is to wait for.
    pub fn later(&mut self) -> Option<Later> {
        self.later.take()
    }

    /// Takes the value at that pointer, `/Name` or `/Name/Name`.
    pub fn value(&mut self, pointer: &str) -> Option<Value> {
        let mut names = pointer.split('/').skip(1);
        let first = names.next()?;
        let taken = match names.next() {
            None => self.body.remove(first),
            Some(second) => {
                let inner = self.body.get_mut(first)?.as_object_mut()?;
                let taken = inner.remove(second);
                if inner.is_empty() && taken.is_some() {
                    self.body.remove(first);
                }
                taken
            }
        };
        self.taken += usize::from(taken.is_some());
        taken
    }

    /// Whether there is something of that pointer, `/Name`, which was not taken.
    pub fn has(&self, pointer: &str) -> bool {
        self.body.contains_key(pointer.trim_start_matches('/'))
    }

    /// Whether there is null at that pointer, `/Name`.
    pub fn is_null(&self, pointer: &str) -> bool {
        self.body
            .get(pointer.trim_start_matches('/'))
            .is_some_and(Value::is_null)
    }

    /// Whether there is anything that was not taken.
    pub fn has_more(&self) -> bool {
        !self.left().is_empty()
    }

    /// Takes a string.
    pub fn text(&mut self, pointer: &str) -> Option<String> {
        match self.value(pointer)? {
            Value::String(text) => Some(text),
            other => self.wrong_type(pointer, &other),
        }
    }

    /// Takes a string, for which null stands as well as its absence.
    pub fn text_or_null(&mut self, pointer: &str) -> Option<String> {
        match self.change_of_text(pointer) {
            Change::To(text) => text,
            Change::Kept => None,
        }
    }

    /// Takes a string, or null, which takes away the one that there is.
    pub fn change_of_text(&mut self, pointer: &str) -> Change<String> {
        match self.value(pointer) {
            None => Change::Kept,
            Some(Value::Null) => Change::To(None),
            Some(Value::String(text)) => Change::To(Some(text)),
            Some(other) => {
                self.wrong_type::<()>(pointer, &other);
                Change::Kept
            }
        }
    }

    /// Takes true or false.
    pub fn flag(&mut self, pointer: &str) -> Option<bool> {
        match self.value(pointer)? {
            Value::Bool(flag) => Some(flag),
            other => self.wrong_type(pointer, &other),
        }
    }

    /// Takes a whole number from a range.
    pub fn number(&mut self, pointer: &str, range: &std::ops::RangeInclusive<u64>) -> Option<u64> {
        let value = self.value(pointer)?;
        let Some(number) = value.as_i64() else {
            return self.wrong_type(pointer, &value);
        };
        let within = u64::try_from(number).ok().filter(|number| range.contains(number));
        if within.is_none() {
            let name = name_of(pointer);
            self.fault(Message::new(registry::PROPERTY_VALUE_OUT_OF_RANGE, [&number.to_string(), name]).about(pointer));
        }
        within
    }

    /// Takes a list of strings.
    pub fn texts(&mut self, pointer: &str) -> Option<Vec<String>> {
        let value = self.value(pointer)?;
        match serde_json::from_value(value.clone()) {
            Ok(texts) => Some(texts),
            Err(_) => self.wrong_type(pointer, &value),
        }
    }

    /// Takes a link to a resource; its path.
    pub fn link(&mut self, pointer: &str) -> Option<String> {
        let value = self.value(pointer)?;
        match value.get("@odata.id").and_then(Value::as_str) {
            Some(path) => Some(path.to_owned()),
            None => self.wrong_type(pointer, &value),
        }
    }

    /// Takes one of some words, for which it returns what stands beside it.
    pub fn choice<T: Copy>(&mut self, pointer: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(pointer)?;
        let chosen = choices.iter().find(|(word, _)| *word == text);
        if chosen.is_none() {
            let name = name_of(pointer);
            self.fault(match &self.purpose {
                Purpose::Properties => Message::new(registry::PROPERTY_VALUE_NOT_IN_LIST, [&text, name]).about(pointer),
                Purpose::Parameters(action) => {
                    Message::new(registry::ACTION_PARAMETER_VALUE_NOT_IN_LIST, [&text, name, action]).about(pointer)
                }
            });
        }
        chosen.map(|(_, value)| *value)
    }

    /// Says that something must be there that is not.
    pub fn missing(&mut self, pointer: &str) {
        let name = name_of(pointer);
        self.fault(match &self.purpose {
            Purpose::Properties => Message::new(registry::CREATE_FAILED_MISSING_REQ_PROPERTIES, [name]).about(pointer),
            Purpose::Parameters(action) => {
                Message::new(registry::ACTION_PARAMETER_MISSING, [action, name]).about(pointer)
            }
        });
    }

    /// Says that a value can't be taken, and why.
    pub fn wrong(&mut self, pointer: &str, why: impl ToString) {
        let name = name_of(pointer);
        let message = match &self.purpose {
            Purpose::Properties => Message::new(registry::PROPERTY_VALUE_ERROR, [name]),
            Purpose::Parameters(action) => Message::new(registry::ACTION_PARAMETER_VALUE_ERROR, [name, action]),
        };
        self.fault(message.about(pointer).saying(why));
    }

    /// Says anything else that is wrong.
    pub fn fault(&mut self, message: Message) {
        self.faults.push(message);
    }

    /// Refuses the request if something was wrong so far. To be called once all is read and before anything is done.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.faults.is_empty() {
            return Ok(());
        }
        Err(Refusal::mistakes(self.faults.clone()))
    }

    /// As [`Changes::check`], for what makes something or acts: that leaves no room for what nobody reads.
    pub fn check_all(&mut self) -> Result<(), Refusal> {
        for pointer in self.left() {
            let name = name_of(&pointer);
            self.faults.push(match &self.purpose {
                Purpose::Properties => Message::new(registry::PROPERTY_UNKNOWN, [name]).about(&pointer),
                Purpose::Parameters(action) => {
                    Message::new(registry::ACTION_PARAMETER_UNKNOWN, [action, name]).about(&pointer)
                }
            });
        }
        self.check()
    }

    /// What of a change was not understood, measured by the resource as it is. If that was all of it, it is refused.
    pub fn leftovers(&self, resource: &Value) -> Result<Vec<Message>, Refusal> {
        let message = |pointer: &String| {
            let known = resource.pointer(pointer).is_some();
            let kind = if known {
                registry::PROPERTY_NOT_WRITABLE
            } else {
                registry::PROPERTY_UNKNOWN
            };
            Message::new(kind, [name_of(pointer)]).about(pointer)
        };
        let left: Vec<Message> = self.left().iter().map(message).collect();
        if self.taken > 0 {
            return Ok(left);
        }
        let messages = if left.is_empty() {
            vec![Message::new(registry::NO_OPERATION, [])]
        } else {
            left
        };
        Err(Refusal::mistakes(messages))
    }

    /// Pointers of what nobody has taken, without annotations.
    fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        for (name, value) in &self.body {
            match value.as_object() {
                _ if name.contains('@') => {}
                Some(inner) if !inner.is_empty() => {
                    left.extend(
                        inner
                            .keys()
                            .map(|inner| format!("/{}/{}", escaped(name), escaped(inner))),
                    );
                }
                _ => left.push(format!("/{}", escaped(name))),
            }
        }
        left
    }

    fn wrong_type<T>(&mut self, pointer: &str, value: &Value) -> Option<T> {
        let (value, name) = (value.to_string(), name_of(pointer));
        self.fault(match &self.purpose {
            Purpose::Properties => Message::new(registry::PROPERTY_VALUE_TYPE_ERROR, [&value, name]).about(pointer),
            Purpose::Parameters(action) => {
                Message::new(registry::ACTION_PARAMETER_VALUE_TYPE_ERROR, [&value, name, action]).about(pointer)
            }
        });
        None
    }
}

fn name_of(pointer: &str) -> &str {
    pointer.rsplit('/').next().unwrap_or(pointer)
}

/// A name as RFC 6901 writes it in a pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changes(body: &Value) -> Changes {
        Changes::read(body.to_string().as_bytes(), Purpose::Properties).unwrap()
    }

    fn ids(messages: &[Message]) -> Vec<String> {
        messages.iter().map(Message::full_id).collect()
    }

    #[test]
    fn what_is_taken_is_not_left() {
        let mut body = changes(&json!({ "A": "x", "B": { "C": true, "D": 1 }, "E": 1, "@odata.etag": "x" }));
        assert_eq!(body.text("/A").as_deref(), Some("x"));
        assert_eq!(body.flag("/B/C"), Some(true));
        body.check().unwrap();
        let left = body.leftovers(&json!({ "E": 2 })).unwrap();
        assert_eq!(
            left,
            [
                Message::new(registry::PROPERTY_UNKNOWN, ["D"]).about("/B/D"),
                Message::new(registry::PROPERTY_NOT_WRITABLE, ["E"]).about("/E")
            ]
        );
    }

    #[test]
    fn wrong_values_are_told_all_at_once() {
        let mut body = changes(&json!({ "A": 1, "B": "x", "C": 7, "D": "purple" }));
        body.text("/A");
        body.flag("/B");
        body.number("/C", &(1..=5));
        body.choice("/D", &[("red", ())]);
        let refusal = body.check().unwrap_err();
        assert_eq!(
            ids(&refusal.messages),
            [
                "Base.1.19.PropertyValueTypeError",
                "Base.1.19.PropertyValueTypeError",
                "Base.1.19.PropertyValueOutOfRange",
                "Base.1.19.PropertyValueNotInList"
            ]
        );
    }

    #[test]
    fn a_change_of_nothing_is_refused() {
        let refusal = changes(&json!({ "@odata.id": "x" })).leftovers(&json!({})).unwrap_err();
        assert_eq!(ids(&refusal.messages), ["Base.1.19.NoOperation"]);
        for nonsense in ["", "[]", "{", "null", "\"x\""] {
            assert!(
                Changes::read(nonsense.as_bytes(), Purpose::Properties).is_err(),
                "{nonsense}"
            );
        }
    }
}
