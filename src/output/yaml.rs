//! YAML that every reader takes the same way.
//!
//! Readers of YAML 1.1 (PyYAML, Go's yaml.v2) see a boolean in a plain `On`, a number in the MAC `52:54:00:12:34:56` and
//! a date in a time stamp. So only what is plainly a word or a path is written without quotes.

use std::fmt::Write as _;

use serde::Serialize;
use serde_yaml::Value;

/// Words that some reader does not take for text.
const RESERVED: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// Returns a value as a YAML document, without a document marker.
pub fn to_string(value: &impl Serialize) -> Result<String, serde_yaml::Error> {
    let value = serde_yaml::to_value(value)?;
    let mut text = String::new();
    if is_block(&value) {
        block(&value, 0, &mut text);
    } else {
        text = scalar(&value) + "\n";
    }
    Ok(text)
}

/// Whether a value takes lines of its own.
fn is_block(value: &Value) -> bool {
    match value {
        Value::Mapping(map) => !map.is_empty(),
        Value::Sequence(items) => !items.is_empty(),
        Value::Tagged(_) => true,
        _ => false,
    }
}

/// Writes the lines of a collection, each behind `indent` blanks.
fn block(value: &Value, indent: usize, out: &mut String) {
    let margin = " ".repeat(indent);
    match value {
        Value::Mapping(map) => {
            for (key, value) in map {
                entry(&format!("{margin}{}:", scalar(key)), value, indent, out);
            }
        }
        Value::Sequence(items) => {
            for item in items {
                let mut lines = String::new();
                entry("", item, indent, &mut lines);
                out.extend([&margin, "- ", lines.trim_start()]);
            }
        }
        // As in JSON: a map of one key.
        Value::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let key = scalar(&Value::String(tag.trim_start_matches('!').to_owned()));
            entry(&format!("{margin}{key}:"), &tagged.value, indent, out);
        }
        _ => {}
    }
}

/// Writes a key with its value, on the same line if there is room.
fn entry(key: &str, value: &Value, indent: usize, out: &mut String) {
    out.push_str(key);
    if is_block(value) {
        out.push('\n');
        block(value, indent + 2, out);
    } else {
        out.extend([" ", &scalar(value), "\n"]);
    }
}

/// Returns a scalar or an empty collection.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) => quoted(text),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Mapping(_) => "{}".into(),
        Value::Sequence(_) => "[]".into(),
        Value::Null | Value::Tagged(_) => "null".into(),
    }
}

/// Whether every reader takes this for the same text without quotes.
fn is_plain(text: &str) -> bool {
    let begins_like_text = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    let is_harmless = |character: char| character.is_ascii_alphanumeric() || "_-./+ ".contains(character);
    begins_like_text
        && text.chars().all(is_harmless)
        && !text.ends_with(' ')
        && !RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// A JSON string is a double-quoted YAML scalar, but for the control characters that only JSON lets through.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let mut quoted = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_control()
            || matches!(
                character,
                '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
            )
        {
            // Writing to a string cannot fail.
            let _ = write!(quoted, "\\u{:04x}", u32::from(character));
        } else {
            quoted.push(character);
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yaml(json: &str) -> String {
        let value: Value = serde_json::from_str(json).unwrap();
        let text = to_string(&value).unwrap();
        assert_eq!(serde_yaml::from_str::<Value>(&text).unwrap(), value, "{text}");
        text
    }

    #[test]
    fn what_could_be_misread_is_quoted() {
        for text in [
            "On",
            "off",
            "y",
            "null",
            "52:54:00:12:34:56",
            "007",
            "1e3",
            "3G",
            "",
            " a",
            "a ",
            "a: b",
            "# a",
            "~",
        ] {
            assert_eq!(yaml(&format!("{text:?}")), format!("{text:?}\n"));
        }
        for text in ["boot-0", "/tmp/x.socket", "QEMU was killed by signal 9", "One"] {
            assert_eq!(yaml(&format!("{text:?}")), format!("{text}\n"));
        }
    }

    #[test]
    fn collections_within_collections() {
        let json =
            r#"{"a":[1,-2.5,null,true],"b":[[1,[2]],[]],"c":{},"d":[{"x":"On","y":{"z":1}},{"x":[{"w":2}]}],"e f":""}"#;
        let expected = "a:\n  - 1\n  - -2.5\n  - null\n  - true\nb:\n  - - 1\n    - - 2\n  - []\nc: {}\nd:\n  - x: \"On\"\n    \
                        \"y\":\n      z: 1\n  - x:\n      - w: 2\ne f: \"\"\n";
        assert_eq!(yaml(json), expected);
        assert_eq!(yaml("[]"), "[]\n");
        assert_eq!(yaml(r#"[{"a":1},2]"#), "- a: 1\n- 2\n");
    }

    #[test]
    fn any_character_survives() {
        for code in (0..0x3000).chain(0xfe00..0x1_0100) {
            if let Some(character) = char::from_u32(code) {
                yaml(&serde_json::Value::from(format!("a{character}b")).to_string());
            }
        }
    }

    #[derive(Serialize)]
    enum Kind {
        Of { size: u8 },
    }

    #[test]
    fn variants_are_written_as_in_json() {
        assert_eq!(to_string(&[Kind::Of { size: 1 }]).unwrap(), "- Of:\n    size: 1\n");
    }
}
