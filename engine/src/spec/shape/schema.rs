//! The JSON Schema of a document of a lab file.
//!
//! Draft 7, which editors know best. Keys in other spellings of upper and lower case are allowed where a key may be left out; a value
//! may always be, or have in it, a `${…}`.

use std::collections::{BTreeMap, btree_map};

use serde_json::{Map, Value as Json, json};

use super::{KINDS, Key, Shape, Value};

/// A scalar with something in it that is replaced.
const REFERENCE: &str = r"\$\{";
/// The forms of `count`.
const COUNT: &str = "^[0-9]+( *- *[0-9]+)?$";

/// Returns the schema.
pub fn schema() -> Json {
    let mut definitions = Definitions::default();
    let kinds: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
    let by_kind: Vec<Json> = KINDS
        .iter()
        .map(|(kind, shape)| {
            json!({
                "if": {"required": ["kind"], "properties": {"kind": {"const": kind}}},
                "then": definitions.mapping(shape, true),
            })
        })
        .collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A resource of a placemat2 lab file",
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"description": "What the document describes.", "enum": kinds}},
        "allOf": by_kind,
        "definitions": definitions.made,
    })
}

/// The mappings, each once.
#[derive(Default)]
struct Definitions {
    made: BTreeMap<String, Json>,
}

impl Definitions {
    /// Returns a reference to the schema of a mapping, which may be repeated where it is a document or an entry of a list.
    fn mapping(&mut self, shape: &'static Shape, repeated: bool) -> Json {
        self.mapping_called(shape.name, shape, repeated)
    }

    fn mapping_called(&mut self, name: &str, shape: &'static Shape, repeated: bool) -> Json {
        let name = name.replace(' ', "-");
        let reference = json!({"$ref": format!("#/definitions/{name}")});
        if let btree_map::Entry::Vacant(vacant) = self.made.entry(name.clone()) {
            vacant.insert(Json::Null);
            let definition = self.definition(shape, &name, repeated);
            self.made.insert(name, definition);
        }
        reference
    }

    fn definition(&mut self, shape: &'static Shape, name: &str, repeated: bool) -> Json {
        let mut properties = Map::new();
        let mut spellings = Map::new();
        for key in shape.keys() {
            properties.insert(key.name.to_owned(), self.key(key));
            let same = json!({"$ref": format!("#/definitions/{name}/properties/{}", key.name)});
            spellings.insert(any_case(key.name), same);
        }
        if repeated {
            properties.insert("count".to_owned(), count());
            let same = json!({"$ref": format!("#/definitions/{name}/properties/count")});
            spellings.insert(any_case("count"), same);
        }
        let required: Vec<_> = shape
            .keys()
            .filter(|key| key.is_required())
            .map(|key| key.name)
            .collect();
        let mut definition = json!({
            "description": format!("{}.", shape.about),
            "type": "object",
            "properties": properties,
            "patternProperties": spellings,
            "additionalProperties": false,
            "required": required,
        });
        if !shape.one_of.is_empty()
            && let Some(definition) = definition.as_object_mut()
        {
            definition.insert("oneOf".to_owned(), shape.one_of.iter().map(|key| given(key)).collect());
        }
        if !shape.needs.is_empty()
            && let Some(definition) = definition.as_object_mut()
        {
            let conditions = shape.needs.iter();
            let all = conditions.map(|(key, other)| json!({"if": given(key), "then": given(other)}));
            definition.insert("allOf".to_owned(), all.collect());
        }
        definition
    }

    fn key(&mut self, key: &'static Key) -> Json {
        let mut about = upper_first(key.about);
        if let super::Absent::Means(meaning) = key.absent {
            about = format!("{about}. Not given: {}", meaning.trim_end_matches(','));
        }
        let value = self.value(&key.value, key.is_required());
        // What stands beside a `$ref` is not read in draft 7.
        let mut schema = if value.get("$ref").is_some() {
            json!({"allOf": [value]})
        } else {
            value
        };
        if !key.is_required() {
            // An empty text counts as not given where a text belongs.
            let nothing = match key.value {
                Value::Text | Value::Words(_) => json!([null, ""]),
                _ => json!([null]),
            };
            schema = json!({"anyOf": [schema, {"enum": nothing}]});
        }
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".to_owned(), format!("{about}.").into());
        }
        schema
    }

    /// Returns the schema of a value; a required one is not empty.
    fn value(&mut self, value: &'static Value, required: bool) -> Json {
        match value {
            Value::Name => self.value(&Value::Text, true),
            Value::Text if required => json!({"type": ["string", "number", "boolean"], "minLength": 1}),
            Value::Text => json!({"type": ["string", "number", "boolean", "null"]}),
            Value::Boolean => json!({"anyOf": [
                {"type": "boolean"},
                {"type": "string", "pattern": format!("^([tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|[yY]([eE][sS])?|[nN][oO]?|[oO]([nN]|[fF][fF]))$|{REFERENCE}")},
            ]}),
            Value::Number(from, to) => json!({"anyOf": [
                {"type": "integer", "minimum": from, "maximum": to},
                {"type": "string", "pattern": REFERENCE},
            ]}),
            // An editor that reads YAML 1.1 takes `on` and `off` for truth values.
            Value::Words(words) if *words == ["on", "off"] => json!({"anyOf": [
                {"enum": ["on", "off", true, false]},
                {"type": "string", "pattern": REFERENCE},
            ]}),
            Value::Words(words) => json!({"anyOf": [{"enum": words}, {"type": "string", "pattern": REFERENCE}]}),
            Value::List(entry) => json!({"type": "array", "items": self.entry(entry)}),
            Value::FullList(entry) => json!({"type": "array", "minItems": 1, "items": self.entry(entry)}),
            Value::TextMap => {
                json!({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}})
            }
            Value::Mapping(shape) => self.mapping(shape, false),
            Value::OneOrMore(shape) => {
                let entry = self.mapping_called(&format!("entry of {}", shape.name), shape, true);
                json!({
                    "if": {"type": "array"},
                    "then": {"minItems": 1, "items": entry},
                    "else": self.mapping(shape, false),
                })
            }
            Value::Kinds(_) | Value::TextOr(_) => self.entry(value),
        }
    }

    /// Returns the schema of an entry of a list.
    fn entry(&mut self, value: &'static Value) -> Json {
        match value {
            Value::Mapping(shape) => self.mapping(shape, true),
            Value::TextOr(shape) => json!({
                "if": {"type": "object"},
                "then": self.mapping(shape, true),
                "else": self.value(&Value::Text, true),
            }),
            Value::Kinds(kinds) => {
                let words: Vec<&str> = kinds.iter().map(|(kind, _)| *kind).collect();
                let by_kind: Vec<Json> = kinds
                    .iter()
                    .map(|(kind, shape)| {
                        json!({
                            "if": {"required": ["kind"], "properties": {"kind": {"const": kind}}},
                            "then": self.mapping(shape, true),
                        })
                    })
                    .collect();
                json!({
                    "type": "object",
                    "required": ["kind"],
                    "properties": {"kind": {"enum": words}},
                    "allOf": by_kind,
                })
            }
            other => self.value(other, false),
        }
    }
}

/// How often something is repeated.
fn count() -> Json {
    let number = json!({"anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 10000},
        {"type": "string", "pattern": format!("{COUNT}|{REFERENCE}")},
    ]});
    json!({
        "description": "How often it is repeated: a number, with the index `${i}` from 0; a range such as `1-18`; or a mapping of names of indices to \
                        these.",
        "anyOf": [
            number,
            {"type": "object", "minProperties": 1, "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}, "additionalProperties": number},
        ],
    })
}

/// Demands that a key is there and holds something.
fn given(key: &str) -> Json {
    // Of all keys there is one with this name: not all have another.
    json!({
        "not": {"propertyNames": {"not": {"pattern": any_case(key)}}},
        "patternProperties": {any_case(key): {"not": {"enum": [null, ""]}}},
    })
}

/// Returns a pattern for a key in any spelling of upper and lower case.
fn any_case(key: &str) -> String {
    let letter = |c: char| match c {
        'a'..='z' => format!("[{}{c}]", c.to_ascii_uppercase()),
        other => other.to_string(),
    };
    format!("^{}$", key.chars().map(letter).collect::<String>())
}

fn upper_first(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).collect()
}
