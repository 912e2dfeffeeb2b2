//! Shapes, readers and schema agree.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use jsonschema::Validator;
use serde_json::{Map, Value as Json, json};

use super::{KINDS, Key, Shape, Value, schema, tables::VOLUMES};
use crate::spec::{
    Code, Diagnostic, Variables,
    fields::ASKED,
    load_from, load_from_given, parse,
    sample::AllThere,
    scalar::whole_number,
    tree::{Mark, Node, Value as Tree},
};

fn validator() -> Validator {
    jsonschema::validator_for(&schema()).unwrap()
}

/// Returns all that is said of a document.
fn said(document: &Json) -> Vec<Diagnostic> {
    load_from(vec![("lab.yml".into(), document.to_string().into_bytes())], &AllThere).diagnostics
}

/// Returns what is said of a document's shape; what `schema` can't know is left out.
fn said_of_shape(document: &Json) -> Vec<String> {
    let of_shape = [
        Code::WrongType,
        Code::Missing,
        Code::UnknownKey,
        Code::UnknownKind,
        Code::InvalidValue,
        Code::Removed,
    ];
    let said = said(document)
        .into_iter()
        .filter(|diagnostic| of_shape.contains(&diagnostic.code));
    said.map(|diagnostic| diagnostic.message).collect()
}

fn yaml(text: &str) -> Json {
    serde_yaml::from_str(text).unwrap()
}

/// Returns a mapping with all its keys; of keys that can't stand together, only `chosen`, an index among them.
fn sample(shape: &'static Shape, kind: Option<&str>, chosen: usize) -> Json {
    let left_out = |key: &Key| shape.one_of.contains(&key.name) && shape.one_of[chosen] != key.name;
    let mut mapping = Map::new();
    for key in shape.keys().filter(|key| !left_out(key)) {
        let entry = |value: &Value| match value {
            Value::Mapping(inner) => json!([sample(inner, None, 0)]),
            Value::TextOr(inner) => json!([yaml(key.example)[0], sample(inner, None, 0)]),
            Value::Kinds(kinds) => kinds.iter().map(|(kind, inner)| sample(inner, Some(kind), 0)).collect(),
            _ => yaml(key.example),
        };
        let value = match (&key.value, kind) {
            (_, Some(kind)) if key.name == "kind" => kind.into(),
            // Volumes of one node have names of their own.
            (_, Some(kind)) if key.name == "name" => kind.to_lowercase().into(),
            (Value::Mapping(inner), _) => sample(inner, None, 0),
            (Value::OneOrMore(inner), _) => (0..inner.one_of.len().max(1))
                .map(|chosen| sample(inner, None, chosen))
                .collect(),
            (Value::List(value) | Value::FullList(value), _) => entry(value),
            _ => yaml(key.example),
        };
        mapping.insert(key.name.to_owned(), value);
    }
    mapping.into()
}

/// Returns documents of all kinds with all keys.
fn samples() -> Vec<(&'static Shape, Json)> {
    let of_kind = |(kind, shape): &(&'static str, &'static Shape)| {
        let (kind, shape) = (*kind, *shape);
        (0..shape.one_of.len().max(1)).map(move |chosen| (shape, sample(shape, Some(kind), chosen)))
    };
    KINDS.iter().flat_map(of_kind).collect()
}

/// Calls `visit` with every mapping of a document, by its path, and with its shape.
fn walk(document: &Json, path: &str, shape: &'static Shape, visit: &mut impl FnMut(&str, &'static Shape)) {
    visit(path, shape);
    for key in shape.keys() {
        let path = format!("{path}/{}", key.name);
        let Some(value) = document.pointer(&path) else { continue };
        match &key.value {
            Value::Mapping(inner) => walk(document, &path, inner, visit),
            Value::OneOrMore(inner) => {
                for index in 0..value.as_array().unwrap().len() {
                    walk(document, &format!("{path}/{index}"), inner, visit);
                }
            }
            Value::List(entry) | Value::FullList(entry) => {
                for (index, item) in value.as_array().unwrap().iter().enumerate() {
                    let path = format!("{path}/{index}");
                    match entry {
                        Value::Mapping(inner) => walk(document, &path, inner, visit),
                        Value::TextOr(inner) if item.is_object() => walk(document, &path, inner, visit),
                        Value::Kinds(kinds) => {
                            let (_, inner) = kinds.iter().find(|(kind, _)| item["kind"] == **kind).unwrap();
                            walk(document, &path, inner, visit);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

/// Returns the node at a path.
fn node_at<'t>(node: &'t Node, path: &str) -> &'t Node {
    path.split('/').skip(1).fold(node, |node, step| match &node.value {
        Tree::Sequence(items) => &items[step.parse::<usize>().unwrap()],
        Tree::Mapping(entries) => {
            &entries
                .iter()
                .find(|entry| entry.key.scalar() == Some(step))
                .unwrap()
                .value
        }
        Tree::Scalar { .. } => panic!("{step}"),
    })
}

#[test]
fn readers_ask_for_the_keys_that_shapes_have() {
    for (shape, document) in samples() {
        ASKED.with_borrow_mut(std::collections::HashMap::clear);
        said(&document);
        let (trees, _) = parse::documents(&document.to_string(), 0, &mut 10_000);
        walk(&document, "", shape, &mut |path, shape| {
            let Tree::Mapping(entries) = &node_at(&trees[0], path).value else {
                panic!("{path}")
            };
            let first: Mark = entries.iter().map(|entry| entry.key.mark).min().unwrap();
            let asked = ASKED
                .with_borrow(|asked| asked.get(&first).cloned())
                .unwrap_or_default();
            let known: BTreeSet<_> = shape.keys().map(|key| key.name).collect();
            assert_eq!(
                asked, known,
                "left: the keys that are read of a {}, right: those in spec/shape/tables.rs",
                shape.name
            );
        });
    }
}

#[test]
fn samples_are_right() {
    let validator = validator();
    for (shape, document) in samples() {
        assert_eq!(said_of_shape(&document), [""; 0], "{} {document:#}", shape.name);
        let errors: Vec<_> = validator
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?} in {document:#}");
    }
}

/// Changes of a mapping that concern one key.
fn changes(shape: &Shape, key: &Key) -> Vec<Json> {
    let of_scalar = vec![json!([]), json!({}), json!(null), json!("")];
    let of_collection = vec![json!("x"), json!(null), json!("")];
    match &key.value {
        // What a network of one type must have, another must not.
        Value::Text if shape.name == "Network" && key.name == "address" => vec![json!([]), json!({})],
        Value::Text | Value::Name => of_scalar,
        Value::Boolean => [
            of_scalar,
            vec![json!(2), json!("true!"), json!(false), json!("${X:-yes}")],
        ]
        .concat(),
        Value::Words(_) => [of_scalar, vec![json!("zzzzzzzz"), json!(7)]].concat(),
        Value::Number(from, to) => {
            let (from, to) = (i64::from(*from), i64::from(*to));
            [
                of_scalar,
                vec![json!(from - 1), json!(to + 1), json!("two"), json!(1.5)],
            ]
            .concat()
        }
        Value::List(_) | Value::FullList(_) => [of_collection, vec![json!({}), json!([])]].concat(),
        Value::TextMap => [
            of_collection,
            vec![json!([]), json!({}), json!({"A": []}), json!({"A": null})],
        ]
        .concat(),
        Value::Mapping(_) | Value::OneOrMore(_) | Value::Kinds(_) | Value::TextOr(_) => {
            [of_collection, vec![json!([]), json!({"zz": 1})]].concat()
        }
    }
}

#[test]
fn readers_and_schema_find_the_same_shapes_wrong() {
    let validator = validator();
    let mut compared = 0;
    let mut compare = |document: &Json, what: &str| {
        compared += 1;
        let said = said_of_shape(document);
        let valid = validator.is_valid(document);
        assert_eq!(
            valid,
            said.is_empty(),
            "{what}: said {said:?}, valid {valid}: {document:#}"
        );
    };
    for (shape, document) in samples() {
        let mut mappings = Vec::new();
        walk(&document, "", shape, &mut |path, shape| {
            mappings.push((path.to_owned(), shape));
        });
        for (path, shape) in mappings {
            let changed = |change: &dyn Fn(&mut Map<String, Json>)| {
                let mut document = document.clone();
                change(document.pointer_mut(&path).unwrap().as_object_mut().unwrap());
                document
            };
            compare(
                &changed(&|mapping| drop(mapping.insert("zz-top".to_owned(), json!(1)))),
                shape.name,
            );
            for key in shape.keys() {
                let what = format!("{} of {}", key.name, shape.name);
                let given = document.pointer(&format!("{path}/{}", key.name)).is_some();
                // With `kind`, the kind changes; `smp` without a number is another matter.
                if key.name == "kind" || !given {
                    continue;
                }
                if !(shape.name == "Network" && key.name == "address") {
                    compare(
                        &changed(&|mapping| drop(mapping.remove(key.name))),
                        &format!("no {what}"),
                    );
                }
                for value in changes(shape, key) {
                    let document = changed(&|mapping| drop(mapping.insert(key.name.to_owned(), value.clone())));
                    compare(&document, &format!("{what}: {value}"));
                }
                if !key.is_required() {
                    let document = changed(&|mapping| {
                        let value = mapping.remove(key.name).unwrap();
                        mapping.insert(key.name.to_uppercase(), value);
                    });
                    compare(&document, &format!("{what} in upper case"));
                }
            }
        }
    }
    assert!(compared > 500, "only {compared} documents were compared");
}

#[test]
fn readers_take_the_words_that_shapes_have() {
    for (shape, document) in samples() {
        let mut words = Vec::new();
        walk(&document, "", shape, &mut |path, shape| {
            words.extend(shape.keys().filter_map(|key| match key.value {
                Value::Words(words) => Some((format!("{path}/{}", key.name), words)),
                _ => None,
            }));
        });
        for (path, words) in words {
            let mut document = document.clone();
            *document.pointer_mut(&path).unwrap() = json!("zzzzzzzz");
            let hints: Vec<_> = said(&document)
                .into_iter()
                .filter_map(|diagnostic| diagnostic.hint)
                .collect();
            let choices = words
                .iter()
                .map(|word| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(", ");
            assert!(hints.contains(&format!("It is one of {choices}.")), "{path}: {hints:?}");
        }
    }
    // The kinds of volumes are told in the same way.
    let node = json!({"kind": "Node", "name": "n", "cpu": 1, "volumes": [{"kind": "zzzzzzzz", "name": "v"}]});
    let hint = said(&node)[0].hint.clone().unwrap();
    assert!(VOLUMES.iter().all(|(kind, _)| hint.contains(kind)), "{hint}");
}

#[test]
fn alternatives_exclude_each_other() {
    let both = |shape: &'static Shape, kind| {
        let mut both = sample(shape, Some(kind), 0);
        let other = sample(shape, Some(kind), 1);
        both.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        both
    };
    for (kind, shape) in KINDS.iter().filter(|(_, shape)| shape.one_of.len() > 1) {
        let document = both(shape, kind);
        assert!(!validator().is_valid(&document), "{document:#}");
        assert!(
            said(&document)
                .iter()
                .any(|diagnostic| diagnostic.code == Code::Conflict)
        );
    }
}

/// What an editor sees of a tree.
fn seen(node: &Node) -> Json {
    match &node.value {
        _ if node.is_null() => Json::Null,
        Tree::Scalar { text, plain } => match (plain, &**text) {
            (true, "true" | "True" | "TRUE") => true.into(),
            (true, "false" | "False" | "FALSE") => false.into(),
            (true, text) if whole_number(text).is_some() => whole_number(text).into(),
            (_, text) => text.into(),
        },
        Tree::Sequence(items) => items.iter().map(|item| seen(item)).collect(),
        Tree::Mapping(entries) => {
            let pairs = entries
                .iter()
                .map(|entry| (entry.key.scalar().unwrap_or("?").to_owned(), seen(&entry.value)));
            Json::Object(pairs.collect())
        }
    }
}

/// Lab files below a directory: those whose documents have a `kind`.
fn lab_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            lab_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            let text = fs::read_to_string(&path).unwrap_or_default();
            if text.lines().any(|line| line.to_lowercase().starts_with("kind: ")) {
                found.push(path);
            }
        }
    }
}

fn documents(path: &Path) -> Vec<std::rc::Rc<Node>> {
    parse::documents(&fs::read_to_string(path).unwrap(), 0, &mut parse::MAX_NODES.clone()).0
}

#[test]
fn good_labs_are_valid() {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for directory in [
        "tests/fixtures/good",
        "tests/fixtures/labs",
        "../assets/demo",
        "../tests",
    ] {
        lab_files(&engine.join(directory), &mut files);
    }
    assert!(files.len() >= 7, "{files:?}");
    let validator = validator();
    for file in files {
        for document in documents(&file) {
            let document = seen(&document);
            let errors: Vec<_> = validator
                .iter_errors(&document)
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{}: {errors:?} in {document:#}", file.display());
        }
    }
}

/// What is said of a shape in words like these takes more than a schema to tell, and why.
const BEYOND: [(&str, &str); 4] = [
    ("which a network of type", "it depends on the value of another key"),
    (
        "The program in",
        "it is the first entry of a list in which others may be empty",
    ),
    (
        "is empty.",
        "of an entry of a list that is written as nothing, editors see null",
    ),
    (
        "not the quoted text",
        "editors tell quoted numbers from others, but not quoted words",
    ),
];

#[test]
fn bad_labs_are_not() {
    let of_shape = [
        Code::WrongType,
        Code::Missing,
        Code::UnknownKey,
        Code::UnknownKind,
        Code::Removed,
    ];
    let mut files = Vec::new();
    lab_files(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bad"),
        &mut files,
    );
    let validator = validator();
    let mut refused = 0;
    for document in files.iter().flat_map(|file| documents(file)) {
        let text = crate::spec::write::documents(std::slice::from_ref(&document));
        // What is to be replaced may be anything.
        if text.contains("${") {
            continue;
        }
        let given = Variables::default();
        let said = load_from_given(vec![("lab.yml".into(), text.clone().into_bytes())], &given, &AllThere).diagnostics;
        let of_shape = said.iter().find(|diagnostic| {
            of_shape.contains(&diagnostic.code) && !BEYOND.iter().any(|(beyond, _)| diagnostic.message.contains(beyond))
        });
        let valid = validator.is_valid(&seen(&document));
        if let Some(diagnostic) = of_shape {
            refused += 1;
            assert!(!valid, "{}\n{text}", diagnostic.message);
        }
        // And what editors underline is told by us, too.
        assert!(valid || !said.is_empty(), "{text}");
    }
    assert!(refused > 30, "only {refused} documents were refused");
}
