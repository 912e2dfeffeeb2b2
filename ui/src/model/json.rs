//! JSON as lines of a screen: what each part of a line is, where in the document it stands, and where it leads.

use serde_json::Value;

use crate::glyph::clean;

/// The longest line that is made of a list of plain values, in columns or so.
const SHORT: usize = 72;

/// What a part of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// Brackets, commas, blanks.
    Mark,
    /// The name of a member.
    Name,
    /// A string.
    Text,
    /// A number, true, false, null.
    Number,
    /// A string that names a resource.
    Link,
}

/// A line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Its parts.
    pub parts: Vec<(Token, String)>,
    /// The place of its value in the document, as RFC 6901 writes it.
    pub pointer: String,
    /// The resource it leads to.
    pub link: Option<String>,
    /// The place of the action it is part of.
    pub action: Option<String>,
}

impl Line {
    /// Whether there is something to be followed or run.
    pub fn leads(&self) -> bool {
        self.link.is_some() || self.action.is_some()
    }

    /// What it says.
    pub fn text(&self) -> String {
        self.parts.iter().map(|(_, text)| text.as_str()).collect()
    }
}

/// The lines of a document. What is a text and nothing else has those of the text.
pub fn lines(document: &Value) -> Vec<Line> {
    if let Value::String(text) = document {
        let line = |text: &str| Line {
            parts: vec![(Token::Text, clean(text))],
            ..Line::default()
        };
        return text.lines().map(line).collect();
    }
    let mut writer = Writer::default();
    writer.value(document, None, "");
    writer.lines
}

#[derive(Default)]
struct Writer {
    lines: Vec<Line>,
    depth: usize,
    /// The place of the action that is being written.
    action: Option<String>,
}

impl Writer {
    /// Begins a line, with the name of the member if it is one.
    fn begin(&self, name: Option<&str>, pointer: &str) -> Line {
        let mut parts = vec![(Token::Mark, "  ".repeat(self.depth))];
        if let Some(name) = name {
            parts.push((Token::Name, quoted(name)));
            parts.push((Token::Mark, ": ".into()));
        }
        Line {
            parts,
            pointer: pointer.to_owned(),
            link: None,
            action: self.action.clone(),
        }
    }

    fn value(&mut self, value: &Value, name: Option<&str>, pointer: &str) {
        if let Some(one_line) = self.one_line(value, name, pointer) {
            self.lines.push(one_line);
            return;
        }
        let outer = self.action.clone();
        if is_action(value, pointer) {
            self.action = Some(pointer.to_owned());
        }
        let (open, close) = if value.is_array() { ("[", "]") } else { ("{", "}") };
        let mut line = self.begin(name, pointer);
        line.parts.push((Token::Mark, open.into()));
        self.lines.push(line);
        self.depth += 1;
        let members = members(value);
        let count = members.len();
        for (index, (name, segment, member)) in members.into_iter().enumerate() {
            self.value(member, name, &format!("{pointer}/{segment}"));
            if index + 1 < count
                && let Some(line) = self.lines.last_mut()
            {
                line.parts.push((Token::Mark, ",".into()));
            }
        }
        self.depth -= 1;
        let mut line = self.begin(None, pointer);
        line.parts.push((Token::Mark, close.into()));
        self.lines.push(line);
        self.action = outer;
    }

    /// A value that stands on one line: a plain one, an empty one, a link, a short list of plain ones.
    fn one_line(&self, value: &Value, name: Option<&str>, pointer: &str) -> Option<Line> {
        let mut line = self.begin(name, pointer);
        match value {
            Value::Object(members) => {
                if members.is_empty() {
                    line.parts.push((Token::Mark, "{}".into()));
                    return Some(line);
                }
                let target = members.get("@odata.id").and_then(Value::as_str);
                let target = target.filter(|_| members.len() == 1)?;
                line.parts.extend([
                    (Token::Mark, "{ ".into()),
                    (Token::Name, quoted("@odata.id")),
                    (Token::Mark, ": ".into()),
                    (Token::Link, quoted(target)),
                    (Token::Mark, " }".into()),
                ]);
                line.link = Some(resource(target));
            }
            Value::Array(values) => {
                let plain = values.iter().all(|value| !value.is_object() && !value.is_array());
                let named = name.map_or(0, |name| name.chars().count()) + 2 * self.depth;
                let length: usize = values.iter().map(|value| value.to_string().chars().count() + 2).sum();
                if !plain || named + length > SHORT {
                    return None;
                }
                line.parts.push((Token::Mark, "[".into()));
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        line.parts.push((Token::Mark, ", ".into()));
                    }
                    line.parts.push(plain_part(value));
                }
                line.parts.push((Token::Mark, "]".into()));
            }
            Value::String(text) if text.starts_with("/redfish/") => {
                line.parts.push((Token::Link, quoted(text)));
                // That a resource names itself leads nowhere.
                line.link = (pointer != "/@odata.id").then(|| resource(text));
            }
            value => line.parts.push(plain_part(value)),
        }
        Some(line)
    }
}

/// Name, segment of the pointer, and value of what is in an object or a list.
fn members(value: &Value) -> Vec<(Option<&str>, String, &Value)> {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (Some(name.as_str()), name.replace('~', "~0").replace('/', "~1"), value))
            .collect(),
        Value::Array(values) => values
            .iter()
            .enumerate()
            .map(|(index, value)| (None, index.to_string(), value))
            .collect(),
        _ => Vec::new(),
    }
}

/// An action stands under `Actions` and has a target (DSP0266, Actions property).
fn is_action(value: &Value, pointer: &str) -> bool {
    pointer.starts_with("/Actions/") && value.get("target").is_some_and(Value::is_string)
}

/// The resource a link names: what it names inside of that has no path of its own.
fn resource(link: &str) -> String {
    link.split('#').next().unwrap_or_default().to_owned()
}

fn plain_part(value: &Value) -> (Token, String) {
    match value {
        Value::String(text) => (Token::Text, quoted(text)),
        value => (Token::Number, value.to_string()),
    }
}

fn quoted(text: &str) -> String {
    clean(&Value::from(text).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn links_and_actions_are_found() {
        let document = json!({
            "@odata.id": "/redfish/v1/Systems/1",
            "Actions": { "#ComputerSystem.Reset": {
                "target": "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset",
                "ResetType@Redfish.AllowableValues": ["On", "ForceOff"],
            } },
            "Chassis": { "@odata.id": "/redfish/v1/Chassis/1#/Name" },
            "Empty": {},
            "Name": "a\u{1b}[31mb",
            "Count": 3,
        });
        let lines = lines(&document);
        let find = |text: &str| lines.iter().find(|line| line.text().contains(text)).unwrap();
        assert!(!find("@odata.id\": \"/redfish/v1/Systems/1\"").leads());
        assert_eq!(find("Chassis").link.as_deref(), Some("/redfish/v1/Chassis/1"));
        for part in ["ResetType", "target", "#ComputerSystem.Reset"] {
            assert_eq!(
                find(part).action.as_deref(),
                Some("/Actions/#ComputerSystem.Reset"),
                "{part}"
            );
        }
        assert_eq!(find("\"Name").text(), "  \"Name\": \"a\\u001b[31mb\"");
        assert_eq!(find("Count").pointer, "/Count");
        assert_eq!(
            document.pointer(&find("ResetType").pointer),
            Some(&json!(["On", "ForceOff"]))
        );
    }

    #[test]
    fn the_lines_are_the_document() {
        let document = json!({ "a": [1, { "b/c": [] }, [null, "x"]], "d": { "@odata.id": "/redfish/v1" }, "e": true });
        let text: String = lines(&document).iter().map(Line::text).collect();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
    }
}
