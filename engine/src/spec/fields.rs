//! The keys of one mapping, taken one by one by those who know them; what nobody takes is unknown.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use super::{
    context::Context,
    diagnostic::{Code, Finding, quote},
    scalar,
    suggest::did_you_mean,
    tree::{Entry, Mark, Node, Value},
};

#[cfg(test)]
thread_local! {
    /// The keys that were asked for, by the place of the first key that is written in their mapping.
    pub static ASKED: std::cell::RefCell<HashMap<Mark, std::collections::BTreeSet<&'static str>>> = std::cell::RefCell::default();
}

/// A piece of text with its place.
#[derive(Clone, Copy, Debug)]
pub struct Text<'t> {
    /// The text, as it was written.
    pub text: &'t str,
    /// Where it was written.
    pub mark: Mark,
}

/// One key of a mapping.
struct Field<'t> {
    key: Text<'t>,
    value: &'t Node,
    taken: bool,
}

/// The keys of one mapping, without regard to case.
pub struct Fields<'t> {
    /// What messages call the thing the mapping describes: "Network `r0`".
    pub label: String,
    /// Where the mapping, or better the name in it, was written.
    pub mark: Mark,
    by_key: BTreeMap<Cow<'t, str>, Field<'t>>,
    known: Vec<&'static str>,
}

impl<'t> Fields<'t> {
    /// Takes a mapping apart; complains of anything else, of keys that aren't text, and of keys that repeat.
    pub fn new(cx: &mut Context<'_>, node: &'t Node, label: impl Into<String>) -> Option<Self> {
        Self::with_main(cx, node, label, None)
    }

    /// The same for something that is often written as the value of its main key alone, which is then told.
    pub fn of_main(cx: &mut Context<'_>, node: &'t Node, label: impl Into<String>, main: &str) -> Option<Self> {
        Self::with_main(cx, node, label, Some(main))
    }

    fn with_main(cx: &mut Context<'_>, node: &'t Node, label: impl Into<String>, main: Option<&str>) -> Option<Self> {
        let label = label.into();
        let Value::Mapping(entries) = &node.value else {
            let message = format!("{label} must be a mapping of keys to values, not {}.", node.describe());
            let finding = Finding::error(Code::WrongType, node.mark, message);
            cx.report(match &node.value {
                Value::Scalar { text, plain: true } if text.contains(':') => {
                    finding.hint("Put a blank behind the `:`.")
                }
                Value::Scalar { text, .. } if !text.is_empty() => {
                    let form = main
                        .map(|key| format!("Write {}, and its other keys below.", quote(&format!("{key}: {text}"))));
                    finding.maybe_hint(form)
                }
                _ => finding,
            });
            return None;
        };
        let mut by_key = BTreeMap::new();
        for (key, value) in keys(cx, entries) {
            let field = Field {
                key,
                value,
                taken: false,
            };
            if let Some(Field { key: first, .. }) = by_key.insert(lower_case(key.text), field) {
                report_repeated(cx, key, first);
            }
        }
        Some(Self {
            label,
            mark: node.mark,
            by_key,
            known: Vec::new(),
        })
    }

    /// Changes what messages call the thing.
    pub fn relabel(&mut self, label: impl Into<String>) {
        self.label = label.into();
    }

    /// Takes the value of a key; `None` if there is none or if it means "nothing".
    pub fn take(&mut self, key: &'static str) -> Option<&'t Node> {
        self.known.push(key);
        let field = self.by_key.get_mut(key)?;
        field.taken = true;
        Some(field.value).filter(|value| !value.is_null())
    }

    /// Returns the place of a key, or of the mapping where the key is not there.
    pub fn mark_of(&self, key: &str) -> Mark {
        self.by_key.get(key).map_or(self.mark, |field| field.key.mark)
    }

    /// Takes a text; an empty one counts as none.
    pub fn text(&mut self, cx: &mut Context<'_>, key: &'static str) -> Option<Text<'t>> {
        let node = self.take(key)?;
        text(cx, node, || self.says(key)).filter(|text| !text.text.is_empty())
    }

    /// Takes a text that must be there.
    pub fn required_text(&mut self, cx: &mut Context<'_>, key: &'static str) -> Option<Text<'t>> {
        self.required_text_or(cx, key, |finding| finding)
    }

    /// Takes a text that must be there; adds to what is said if it isn't.
    pub fn required_text_or(
        &mut self,
        cx: &mut Context<'_>,
        key: &'static str,
        add: impl FnOnce(Finding) -> Finding,
    ) -> Option<Text<'t>> {
        let node = self.take(key);
        let written = node.and_then(|node| text(cx, node, || self.says(key)));
        let missing = match (node, written) {
            (None, _) => true,
            (Some(_), written) => written.is_some_and(|text| text.text.is_empty()),
        };
        if missing {
            cx.report(add(self.missing(key)));
        }
        written.filter(|_| !missing)
    }

    /// Complains that a key is missing.
    pub fn report_missing(&self, cx: &mut Context<'_>, key: &str) {
        cx.report(self.missing(key));
    }

    fn missing(&self, key: &str) -> Finding {
        let message = match self.by_key.get(key) {
            Some(_) => format!("{} must not be empty.", self.says(key)),
            None => format!("{} has no `{key}`.", self.label),
        };
        Finding::error(Code::Missing, self.mark_of(key), message)
    }

    /// Takes a truth value; false where there is none.
    pub fn boolean(&mut self, cx: &mut Context<'_>, key: &'static str) -> bool {
        let Some(node) = self.take(key) else { return false };
        if let Value::Scalar { text, plain: true } = &node.value
            && let Some(value) = scalar::boolean(text)
        {
            return value;
        }
        let finding = wrong_type(node, &self.says(key), "`true` or `false`");
        cx.report(hint_at_quotes(finding, node, |text| scalar::boolean(text).is_some()));
        false
    }

    /// Takes a whole number.
    pub fn number(&mut self, cx: &mut Context<'_>, key: &'static str) -> Option<u32> {
        let node = self.take(key)?;
        if let Value::Scalar { text, plain: true } = &node.value
            && let Some(value) = scalar::whole_number(text)
        {
            return Some(value);
        }
        let finding = wrong_type(node, &self.says(key), "a whole number");
        cx.report(hint_at_quotes(finding, node, |text| {
            scalar::whole_number(text).is_some()
        }));
        None
    }

    /// Takes a list; an empty one where there is none.
    pub fn list(&mut self, cx: &mut Context<'_>, key: &'static str) -> &'t [Rc<Node>] {
        self.take(key)
            .and_then(|node| self.items(cx, key, node))
            .unwrap_or_default()
    }

    /// Takes a list that must have an entry.
    pub fn required_list(&mut self, cx: &mut Context<'_>, key: &'static str) -> &'t [Rc<Node>] {
        let items = self
            .take(key)
            .map_or(Some([].as_slice()), |node| self.items(cx, key, node));
        if items.is_some_and(<[_]>::is_empty) {
            self.report_missing(cx, key);
        }
        items.unwrap_or_default()
    }

    /// Returns the entries of a list; complains of anything else.
    fn items(&self, cx: &mut Context<'_>, key: &str, node: &'t Node) -> Option<&'t [Rc<Node>]> {
        if let Value::Sequence(items) = &node.value {
            return Some(items);
        }
        let finding = wrong_type(node, &self.says(key), "a list");
        cx.report(match node.value {
            Value::Scalar { .. } => finding.hint("Write `[a, b]`, or each entry on a line of its own after `- `."),
            _ => finding.hint("Begin each entry with `- `."),
        });
        None
    }

    /// Takes a list of texts; an entry left empty is an empty text.
    pub fn texts(&mut self, cx: &mut Context<'_>, key: &'static str) -> Vec<Text<'t>> {
        let items = self.list(cx, key);
        self.texts_of(cx, key, items)
    }

    /// Returns the texts of a list that was taken already.
    pub fn texts_of(&self, cx: &mut Context<'_>, key: &str, items: &'t [Rc<Node>]) -> Vec<Text<'t>> {
        let what = || format!("An entry of `{key}` of {}", lower_first(&self.label));
        items.iter().filter_map(|node| text(cx, node, what)).collect()
    }

    /// Takes a list of names; an empty one is an error.
    pub fn names(&mut self, cx: &mut Context<'_>, key: &'static str) -> Vec<Text<'t>> {
        let mut names = self.texts(cx, key);
        names.retain(|name| {
            let empty = name.text.is_empty();
            if empty {
                let message = format!("An entry of `{key}` of {} is empty.", lower_first(&self.label));
                cx.report(Finding::error(Code::Missing, name.mark, message));
            }
            !empty
        });
        names
    }

    /// Takes a mapping.
    pub fn mapping(&mut self, cx: &mut Context<'_>, key: &'static str) -> Option<Fields<'t>> {
        let node = self.take(key)?;
        Fields::new(cx, node, self.says(key))
    }

    /// Takes a mapping that is often written as the value of its main key alone.
    pub fn mapping_of_main(&mut self, cx: &mut Context<'_>, key: &'static str, main: &str) -> Option<Fields<'t>> {
        let node = self.take(key)?;
        Fields::of_main(cx, node, self.says(key), main)
    }

    /// Takes a mapping, or a list of such that is not empty.
    pub fn mappings(&mut self, cx: &mut Context<'_>, key: &'static str) -> Vec<Fields<'t>> {
        let Some(node) = self.take(key) else { return Vec::new() };
        let Value::Sequence(items) = &node.value else {
            return Fields::new(cx, node, self.says(key)).into_iter().collect();
        };
        if items.is_empty() {
            self.report_missing(cx, key);
        }
        let label = format!("An entry of `{key}` of {}", lower_first(&self.label));
        items.iter().filter_map(|item| Fields::new(cx, item, &*label)).collect()
    }

    /// Takes a mapping of texts to texts, in which case matters.
    pub fn text_map(&mut self, cx: &mut Context<'_>, key: &'static str) -> Vec<(Text<'t>, Text<'t>)> {
        let Some(node) = self.take(key) else { return Vec::new() };
        let what = self.says(key);
        let Value::Mapping(entries) = &node.value else {
            cx.report(wrong_type(node, &what, "a mapping of names to values"));
            return Vec::new();
        };
        let mut seen: HashMap<&str, Text<'t>> = HashMap::new();
        let mut pairs = Vec::new();
        for (key, value) in keys(cx, entries) {
            if let Some(first) = seen.insert(key.text, key) {
                report_repeated(cx, key, first);
            }
            let value_text = if value.is_null() {
                Some(Text {
                    text: "",
                    mark: value.mark,
                })
            } else {
                text(cx, value, || format!("{} in {}", quote(key.text), lower_first(&what)))
            };
            pairs.extend(value_text.map(|value| (key, value)));
        }
        pairs
    }

    /// Warns of keys nobody took. `elsewhere` are keys that other things of this sort have, so not misspelled.
    pub fn finish(self, cx: &mut Context<'_>, elsewhere: &[&str]) {
        #[cfg(test)]
        self.note_asked();
        let mut left: Vec<&Field<'_>> = self.by_key.values().filter(|field| !field.taken).collect();
        left.sort_by_key(|field| field.key.mark);
        for field in left {
            let key = field.key;
            let finding = if elsewhere.iter().any(|known| known.eq_ignore_ascii_case(key.text)) {
                let message = format!("{} means nothing to {}.", quote(key.text), lower_first(&self.label));
                Finding::warning(Code::UnknownKey, key.mark, message)
            } else {
                let message = format!("{} has no key {}; it is left out.", self.label, quote(key.text));
                let unused = self
                    .known
                    .iter()
                    .copied()
                    .filter(|known| !self.by_key.contains_key(*known));
                let finding = Finding::warning(Code::UnknownKey, key.mark, message);
                if key.text.starts_with('-') {
                    finding.hint("An entry of a list begins with `- `: put a blank behind the `-`.")
                } else {
                    finding.maybe_hint(did_you_mean(key.text, unused))
                }
            };
            cx.report(finding);
        }
    }

    /// Notes what was asked for, which tests hold against `shape`.
    #[cfg(test)]
    fn note_asked(&self) {
        if let Some(first) = self.by_key.values().map(|field| field.key.mark).min() {
            ASKED.with_borrow_mut(|asked| asked.entry(first).or_default().extend(&self.known));
        }
    }

    /// Names a key of this mapping at the start of a sentence.
    pub fn says(&self, key: &str) -> String {
        format!("`{key}` of {}", lower_first(&self.label))
    }
}

/// Returns the text of a scalar; complains of anything else, called `what`, and of NUL, which no path, argument or name can hold.
pub fn text<'t>(cx: &mut Context<'_>, node: &'t Node, what: impl FnOnce() -> String) -> Option<Text<'t>> {
    let Some(text) = node.scalar() else {
        let finding = wrong_type(node, &what(), "a single value");
        cx.report(match &node.value {
            Value::Mapping(entries) if matches!(entries.as_slice(), [entry] if entry.value.scalar().is_some()) => {
                finding.hint("Quote it if it is a text: the `: ` in it makes a mapping of it.")
            }
            _ => finding,
        });
        return None;
    };
    if text.contains('\0') {
        cx.report(Finding::error(
            Code::InvalidValue,
            node.mark,
            format!("{} must not hold the character NUL.", what()),
        ));
        return None;
    }
    Some(Text { text, mark: node.mark })
}

/// Returns a key as it is compared.
fn lower_case(key: &str) -> Cow<'_, str> {
    if key.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(key.to_ascii_lowercase())
    } else {
        Cow::Borrowed(key)
    }
}

/// Begins a sentence's subject in the middle of it.
pub fn lower_first(label: &str) -> String {
    let mut chars = label.chars();
    chars
        .next()
        .map(|first| first.to_lowercase().chain(chars).collect())
        .unwrap_or_default()
}

/// Returns the keys that are text with their values; complains of the others.
fn keys<'t>(cx: &mut Context<'_>, entries: &'t [Entry]) -> Vec<(Text<'t>, &'t Node)> {
    entries
        .iter()
        .filter_map(|entry| Some((text(cx, &entry.key, || "A key".to_owned())?, &*entry.value)))
        .collect()
}

/// The last of repeated keys counts, as it did in placemat v2.
fn report_repeated(cx: &mut Context<'_>, key: Text<'_>, first: Text<'_>) {
    let message = format!(
        "The key {} stands here a second time; only this last one counts.",
        quote(key.text)
    );
    let finding =
        Finding::warning(Code::DuplicateKey, key.mark, message).related(first.mark, "It is first given here.");
    cx.report(if key.text.eq_ignore_ascii_case("kind") {
        finding.hint(
            "Where another resource begins, put `---` on a line before it; where another entry of a list does, `- `.",
        )
    } else {
        finding
    });
}

fn wrong_type(node: &Node, what: &str, wanted: &str) -> Finding {
    let found = match &node.value {
        Value::Scalar { text, plain: true } => quote(text),
        Value::Scalar { text, plain: false } => format!("the quoted text {}", quote(text)),
        Value::Sequence(_) | Value::Mapping(_) => node.describe().to_owned(),
    };
    Finding::error(
        Code::WrongType,
        node.mark,
        format!("{what} must be {wanted}, not {found}."),
    )
}

/// Hints that quotes made text of what would be right without them.
fn hint_at_quotes(finding: Finding, node: &Node, right: impl Fn(&str) -> bool) -> Finding {
    match &node.value {
        Value::Scalar { text, plain: false } if right(text) => finding.hint("Write it without quotes."),
        _ => finding,
    }
}
