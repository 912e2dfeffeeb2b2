//! The Redfish explorer: where in the tree of resources it is, and what it shows of the one that it is at.

use serde_json::Value;

use super::{
    bmc::Exchange,
    json::{self, Line},
    window::{Window, round},
};

/// Where every tree begins (DSP0266, Redfish-defined URIs).
pub const ROOT: &str = "/redfish/v1/";

/// A resource on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its path.
    pub path: String,
    /// The selected line; `None` until it was read: then the first link that is seen from the top.
    pub cursor: Option<usize>,
}

impl Place {
    fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            cursor: None,
        }
    }

    /// What it is called among the others on the way: the last part of its path.
    pub fn name(&self) -> &str {
        let path = self.path.trim_end_matches('/');
        path.rsplit('/').next().unwrap_or(path)
    }
}

/// A resource as it was read.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What it says.
    pub body: Value,
    /// The same as lines.
    pub lines: Vec<Line>,
    /// The methods it knows, as the header `Allow` tells.
    pub allow: Option<String>,
}

/// What an answer is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// To be shown.
    Visit,
    /// To be shown again after a change, whose exchange is what one wants to see.
    Reread,
    /// It tells the parameters of the action at that place of the resource.
    Parameters(String),
}

/// The explorer.
#[derive(Clone, Debug, Default)]
pub struct Explorer {
    /// The node whose BMC it is about.
    pub node: Option<String>,
    /// The way from the root; the last is where it is.
    pub trail: Vec<Place>,
    /// What is there, once it was read.
    pub shown: Option<Shown>,
    /// The job whose answer is waited for, and why.
    pub waiting: Option<(u64, Reason)>,
    /// The last request that somebody asked for.
    pub exchange: Option<Exchange>,
    /// What is searched.
    pub needle: String,
    /// The last request that was typed.
    pub typed: String,
    /// The lines on the screen.
    pub window: Window,
}

impl Explorer {
    /// Turns to the BMC of a node: to where it was if it is the same, else to the root. The path to read.
    pub fn open(&mut self, node: &str) -> String {
        if self.node.as_deref() != Some(node) {
            self.window.top = 0;
            *self = Self {
                node: Some(node.to_owned()),
                window: self.window,
                ..Self::default()
            };
        }
        if self.trail.is_empty() {
            self.trail.push(Place::new(ROOT));
        }
        self.path().to_owned()
    }

    /// Goes on to a resource; back to it if it is on the way.
    pub fn visit(&mut self, path: &str) {
        let same = |place: &Place| place.path.trim_end_matches('/') == path.trim_end_matches('/');
        match self.trail.iter().position(same) {
            Some(at) => self.trail.truncate(at + 1),
            None => self.trail.push(Place::new(path)),
        }
        self.forget();
    }

    /// Goes back to the resource before; false if there is none.
    pub fn back(&mut self) -> bool {
        if self.trail.len() < 2 {
            return false;
        }
        self.trail.pop();
        self.forget();
        true
    }

    fn forget(&mut self) {
        self.shown = None;
        self.waiting = None;
        self.window.top = 0;
    }

    /// The path of where it is.
    pub fn path(&self) -> &str {
        self.trail.last().map_or(ROOT, |place| place.path.as_str())
    }

    /// Takes what was read.
    pub fn show(&mut self, body: Value, allow: Option<String>) {
        let lines = json::lines(&body);
        let last = lines.len().saturating_sub(1);
        // Whoever walks wants to go on, and to see how the resource begins; actions are run on purpose.
        let seen = || lines.iter().take(self.window.page());
        let link = |line: &Line| line.link.is_some() && line.action.is_none();
        let first = seen().position(link).or_else(|| seen().position(Line::leads));
        let first = first.unwrap_or(0);
        if let Some(place) = self.trail.last_mut() {
            place.cursor = Some(place.cursor.unwrap_or(first).min(last));
        }
        self.shown = Some(Shown { body, lines, allow });
        self.scroll();
    }

    /// The lines that are shown.
    pub fn lines(&self) -> &[Line] {
        self.shown.as_ref().map_or(&[], |shown| &shown.lines)
    }

    /// The selected line.
    pub fn cursor(&self) -> usize {
        self.trail.last().and_then(|place| place.cursor).unwrap_or(0)
    }

    /// What the selected line is.
    pub fn line(&self) -> Option<&Line> {
        self.lines().get(self.cursor())
    }

    /// All that the lines say.
    pub fn text(&self) -> Option<String> {
        let shown = self.shown.as_ref()?;
        Some(shown.lines.iter().map(|line| line.text() + "\n").collect())
    }

    /// Selects a line.
    pub fn go(&mut self, to: usize) {
        let last = self.lines().len().saturating_sub(1);
        if self.shown.is_some()
            && let Some(place) = self.trail.last_mut()
        {
            place.cursor = Some(to.min(last));
        }
        self.scroll();
    }

    /// Goes to the next line of which that is so, or to the one before, and round the end. False if there is none.
    pub fn seek(&mut self, forwards: bool, wanted: impl Fn(&Line) -> bool) -> bool {
        let found = round(self.cursor(), self.lines().len(), forwards)
            .find(|index| self.lines().get(*index).is_some_and(&wanted));
        if let Some(found) = found {
            self.go(found);
        }
        found.is_some()
    }

    /// Goes to the next line with what is searched, or to the one before. False if there is none.
    pub fn find(&mut self, forwards: bool) -> bool {
        let needle = self.needle.to_lowercase();
        !needle.is_empty() && self.seek(forwards, |line| line.text().to_lowercase().contains(&needle))
    }

    /// Tells how many lines the screen has room for.
    pub fn set_page(&mut self, page: usize) {
        self.window.set_page(page);
        self.scroll();
    }

    fn scroll(&mut self) {
        self.window.keep(self.cursor(), self.lines().len());
    }

    /// The actions of the resource: their places, and what they are called.
    pub fn actions(&self) -> Vec<(String, String)> {
        let mut actions: Vec<(String, String)> = Vec::new();
        for place in self.lines().iter().filter_map(|line| line.action.as_ref()) {
            if actions.last().is_none_or(|(last, _)| last != place) {
                let name = place.rsplit('/').next().unwrap_or_default();
                actions.push((place.clone(), name.trim_start_matches('#').to_owned()));
            }
        }
        actions
    }

    /// The body of a PATCH of what the selected line says: only what is around it, lists as a whole.
    pub fn patch(&self) -> Value {
        let empty = || Value::Object(serde_json::Map::new());
        let (Some(shown), Some(line)) = (&self.shown, self.line()) else {
            return empty();
        };
        let mut place = String::new();
        let mut names = Vec::new();
        let mut value = &shown.body;
        for segment in line.pointer.split('/').skip(1) {
            if !value.is_object() {
                break;
            }
            place = format!("{place}/{segment}");
            match shown.body.pointer(&place) {
                Some(inner) => value = inner,
                None => return empty(),
            }
            names.push(segment.replace("~1", "/").replace("~0", "~"));
        }
        // What tells of the document, and what is done by other means, is no part of what can be changed.
        let fixed = names
            .first()
            .is_some_and(|name| ["Actions", "Links"].contains(&name.as_str()));
        if fixed || names.iter().any(|name| name.contains('@')) {
            return empty();
        }
        let whole = if value.is_object() { empty() } else { value.clone() };
        names.into_iter().rev().fold(whole, |inner, name| {
            Value::Object(serde_json::Map::from_iter([(name, inner)]))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn explorer(body: Value) -> Explorer {
        let mut explorer = Explorer::default();
        explorer.open("r0-s1");
        explorer.set_page(4);
        explorer.show(body, None);
        explorer
    }

    #[test]
    fn a_way_is_gone_and_gone_back() {
        let mut explorer = explorer(json!({ "Id": "x", "Systems": { "@odata.id": "/redfish/v1/Systems" } }));
        assert_eq!(explorer.line().unwrap().link.as_deref(), Some("/redfish/v1/Systems"));
        explorer.visit("/redfish/v1/Systems");
        assert!(explorer.line().is_none());
        explorer.visit("/redfish/v1/Systems/1");
        assert_eq!(explorer.trail.len(), 3);
        // A link to what one came from leads back.
        explorer.visit("/redfish/v1");
        assert_eq!((explorer.trail.len(), explorer.cursor()), (1, 2));
        assert!(!explorer.back());
    }

    #[test]
    fn a_patch_has_what_the_line_says_and_what_is_around_it() {
        let body = json!({ "@odata.id": "/x", "Boot": { "Order": ["a", "b"], "Target": "None" }, "Name": "n" });
        let mut explorer = explorer(body);
        let mut at = |text: &str| {
            assert!(explorer.seek(true, |line| line.text().contains(text)));
            explorer.patch().to_string()
        };
        assert_eq!(at("Target"), r#"{"Boot":{"Target":"None"}}"#);
        assert_eq!(at("Order"), r#"{"Boot":{"Order":["a","b"]}}"#);
        assert_eq!(at("Boot"), r#"{"Boot":{}}"#);
        assert_eq!(at("@odata.id"), "{}");
    }

    #[test]
    fn it_scrolls_with_its_cursor_and_searches_round_the_end() {
        let mut explorer = explorer(json!({ "a": 1, "b": 2, "c": 3, "d": 4, "e": 5 }));
        explorer.go(100);
        assert_eq!((explorer.cursor(), explorer.window.top), (6, 3));
        explorer.needle = "\"A\"".into();
        assert!(explorer.find(true));
        assert_eq!((explorer.cursor(), explorer.window.top), (1, 1));
        explorer.needle = "nothing".into();
        assert!(!explorer.find(false));
    }
}
