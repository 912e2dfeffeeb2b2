//! Queries on what is read: `$select`, `$expand`, `$filter`, `$top`, `$skip` and `only`.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::{filter::Filter, message::Message, registry, reply::Refusal};

/// How deep links can be followed by one request.
pub const MAX_LEVELS: u32 = 3;
/// How many links one request can have followed; the others stay links.
const MAX_EXPANDED: usize = 2000;

/// What a request wants of a resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    only: bool,
    select: Option<Vec<String>>,
    expand: Option<Expand>,
    filter: Option<Filter>,
    top: Option<usize>,
    skip: Option<usize>,
}

/// Which links are followed, and how deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Expand {
    /// Those that lead to parts of the resource.
    parts: bool,
    /// Those below `Links`, which lead to related resources.
    links: bool,
    levels: u32,
}

impl Query {
    /// Reads the part of a URL behind `?`. Words that don't begin with `$` and are not known are ignored, as Redfish wants it.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut query = Self::default();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (decode(name), decode(value));
            let (Some(name), Some(value)) = (name, value) else {
                return Err(Refusal::bad(Message::new(
                    registry::QUERY_PARAMETER_VALUE_FORMAT_ERROR,
                    [part, "query"],
                )));
            };
            match name.as_str() {
                "only" if value.is_empty() => query.only = true,
                "only" => return Err(malformed("only", &value)),
                "$select" => query.select = Some(parse_select(&value)?),
                "$expand" => query.expand = Some(Expand::parse(&value)?),
                "$filter" => {
                    let filter = Filter::parse(&value).ok_or_else(|| malformed("$filter", &value))?;
                    query.filter = Some(filter);
                }
                "$top" => query.top = Some(parse_count("$top", &value)?),
                "$skip" => query.skip = Some(parse_count("$skip", &value)?),
                unknown if unknown.starts_with('$') => {
                    return Err(Refusal::new(
                        StatusCode::NOT_IMPLEMENTED,
                        Message::new(registry::QUERY_NOT_SUPPORTED, []),
                    ));
                }
                _ => {}
            }
        }
        if query.only && query.expand.is_some() {
            return Err(Refusal::bad(Message::new(registry::QUERY_COMBINATION_INVALID, [])));
        }
        Ok(query)
    }

    /// Whether nothing is wanted but the resource itself.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Whether links are to be followed.
    pub fn follows_links(&self) -> bool {
        self.expand.is_some() || self.only || self.filter.is_some()
    }

    /// The link to what is wanted in place of a collection that has but one member.
    pub fn only_member<'a>(&self, collection: &'a Value) -> Option<&'a str> {
        match collection.get("Members")?.as_array()?.as_slice() {
            [member] if self.only => member["@odata.id"].as_str(),
            _ => None,
        }
    }

    /// What is wanted of that member.
    pub fn of_member(self) -> Self {
        Self {
            select: self.select,
            ..Self::default()
        }
    }

    /// Makes of a resource what is wanted of it; `find` returns the resource behind a link, if it may be read.
    pub fn apply(&self, mut resource: Value, find: &dyn Fn(&str) -> Option<Value>) -> Result<Value, Refusal> {
        let collection = resource.get("Members").is_some_and(Value::is_array);
        let for_collections = self.only || self.filter.is_some() || self.top.is_some() || self.skip.is_some();
        if for_collections && !collection {
            return Err(Refusal::bad(Message::new(
                registry::QUERY_NOT_SUPPORTED_ON_RESOURCE,
                [],
            )));
        }
        if let Some(members) = resource.get_mut("Members").and_then(Value::as_array_mut) {
            if let Some(filter) = &self.filter {
                let fits = |member: &Value| {
                    // Some collections have their members in full.
                    if member.get("@odata.type").is_some() {
                        return filter.fits(member);
                    }
                    let found = member["@odata.id"].as_str().and_then(find);
                    found.is_some_and(|found| filter.fits(&found))
                };
                members.retain(fits);
            }
            let count = members.len();
            if let Some(skip) = self.skip {
                members.drain(..skip.min(members.len()));
            }
            if let Some(top) = self.top {
                members.truncate(top);
            }
            resource["Members@odata.count"] = count.into();
        }
        if let Some(expand) = self.expand {
            let mut left = MAX_EXPANDED;
            expand.apply(&mut resource, expand.levels, false, &mut left, find);
        }
        Ok(self.selected(resource))
    }

    fn selected(&self, resource: Value) -> Value {
        match (&self.select, resource) {
            (Some(wanted), Value::Object(object)) => {
                // In a collection with its members in full, their properties are meant.
                let within = object
                    .get("Members")
                    .and_then(Value::as_array)
                    .is_some_and(|members| members.iter().any(|member| member.get("@odata.type").is_some()));
                if !within {
                    return Value::Object(select(object, wanted));
                }
                let mut object = object;
                if let Some(members) = object.get_mut("Members").and_then(Value::as_array_mut) {
                    for member in members {
                        if let Value::Object(inner) = member.take() {
                            *member = Value::Object(select(inner, wanted));
                        }
                    }
                }
                Value::Object(object)
            }
            (_, resource) => resource,
        }
    }
}

impl Expand {
    /// `.`, `~` or `*`, and `($levels=N)` behind it.
    fn parse(text: &str) -> Result<Self, Refusal> {
        let (kind, rest) = text.split_at_checked(1).unwrap_or((text, ""));
        let (parts, links) = match kind {
            "." => (true, false),
            "~" => (false, true),
            "*" => (true, true),
            _ => return Err(malformed("$expand", text)),
        };
        let levels = match rest {
            "" => 1,
            rest => {
                let number = rest.strip_prefix("($levels=").and_then(|rest| rest.strip_suffix(')'));
                let number = number.ok_or_else(|| malformed("$expand", text))?;
                let levels = number.parse().map_err(|_| wrong_type("$levels", number))?;
                if !(1..=MAX_LEVELS).contains(&levels) {
                    return Err(out_of_range("$levels", number, &format!("1 to {MAX_LEVELS}")));
                }
                levels
            }
        };
        Ok(Self { parts, links, levels })
    }

    /// Puts the resources in the place of links to them.
    fn apply(
        self,
        value: &mut Value,
        levels: u32,
        in_links: bool,
        left: &mut usize,
        find: &dyn Fn(&str) -> Option<Value>,
    ) {
        match value {
            Value::Array(items) => {
                for item in items {
                    self.apply(item, levels, in_links, left, find);
                }
            }
            Value::Object(object) => {
                let link = object.get("@odata.id").and_then(Value::as_str);
                let link = link.filter(|_| object.len() == 1);
                if let Some(link) = link {
                    let wanted = if in_links { self.links } else { self.parts };
                    let found = if wanted && *left > 0 { find(link) } else { None };
                    if let Some(mut found) = found {
                        *left -= 1;
                        if levels > 1 {
                            self.apply(&mut found, levels - 1, false, left, find);
                        }
                        *value = found;
                    }
                    return;
                }
                for (name, inner) in object {
                    self.apply(inner, levels, in_links || name == "Links", left, find);
                }
            }
            _ => {}
        }
    }
}

/// What is selected of an object, and what a resource always has.
fn select(object: Map<String, Value>, wanted: &[String]) -> Map<String, Value> {
    let mut selected = Map::new();
    for (name, value) in object {
        let always = matches!(
            name.as_str(),
            "@odata.id" | "@odata.type" | "@odata.context" | "@odata.etag"
        );
        let whole = wanted.iter().any(|path| {
            *path == name
                || name
                    .strip_prefix(path.as_str())
                    .is_some_and(|rest| rest.starts_with('@'))
        });
        if always || whole {
            selected.insert(name, value);
            continue;
        }
        let below: Vec<String> = wanted
            .iter()
            .filter_map(|path| path.strip_prefix(&name)?.strip_prefix('/').map(str::to_owned))
            .collect();
        if let (false, Value::Object(inner)) = (below.is_empty(), value) {
            selected.insert(name, Value::Object(select(inner, &below)));
        }
    }
    selected
}

fn parse_select(text: &str) -> Result<Vec<String>, Refusal> {
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    if names.iter().any(String::is_empty) {
        return Err(malformed("$select", text));
    }
    Ok(names)
}

fn parse_count(name: &str, text: &str) -> Result<usize, Refusal> {
    let number: i64 = text.parse().map_err(|_| wrong_type(name, text))?;
    usize::try_from(number).map_err(|_| out_of_range(name, text, "0 and more"))
}

fn malformed(name: &str, value: &str) -> Refusal {
    Refusal::bad(Message::new(
        registry::QUERY_PARAMETER_VALUE_FORMAT_ERROR,
        [value, name],
    ))
}

fn wrong_type(name: &str, value: &str) -> Refusal {
    Refusal::bad(Message::new(registry::QUERY_PARAMETER_VALUE_TYPE_ERROR, [value, name]))
}

fn out_of_range(name: &str, value: &str, range: &str) -> Refusal {
    Refusal::bad(Message::new(
        registry::QUERY_PARAMETER_OUT_OF_RANGE,
        [value, name, range],
    ))
}

/// Undoes the percent encoding of a query.
fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find(path: &str) -> Option<Value> {
        let (_, number) = path.rsplit_once('/')?;
        Some(json!({
            "@odata.id": path, "@odata.type": "#Disk", "Id": number, "Size": number.len(),
            "Links": { "Other": { "@odata.id": "/x/9" } },
        }))
    }

    fn collection() -> Value {
        json!({
            "@odata.id": "/x",
            "Members": [{ "@odata.id": "/x/1" }, { "@odata.id": "/x/22" }, { "@odata.id": "/x/3" }],
            "Members@odata.count": 3,
        })
    }

    fn apply(query: &str) -> Value {
        Query::parse(query).unwrap().apply(collection(), &find).unwrap()
    }

    #[test]
    fn members_are_cut_out_and_counted() {
        let found = apply("$skip=1&$top=1");
        assert_eq!(found["Members"], json!([{ "@odata.id": "/x/22" }]));
        assert_eq!(found["Members@odata.count"], 3);
        let found = apply("%24filter=Size%20eq%202%20or%20Id%20eq%20%273%27");
        assert_eq!(
            found["Members"],
            json!([{ "@odata.id": "/x/22" }, { "@odata.id": "/x/3" }])
        );
        assert_eq!(found["Members@odata.count"], 2);
    }

    #[test]
    fn links_are_followed_as_deep_as_asked() {
        let found = apply("$expand=.");
        assert_eq!(found["Members"][1]["Id"], "22");
        assert_eq!(found["Members"][1]["Links"]["Other"], json!({ "@odata.id": "/x/9" }));
        let found = apply("$expand=*($levels=2)");
        assert_eq!(found["Members"][1]["Links"]["Other"]["Id"], "9");
        let found = apply("$expand=.($levels=1)&$select=Id");
        assert_eq!(
            found["Members"][0],
            json!({ "@odata.id": "/x/1", "@odata.type": "#Disk", "Id": "1" })
        );
    }

    #[test]
    fn only_gives_the_only_member() {
        let query = Query::parse("only").unwrap();
        let one = json!({ "Members": [{ "@odata.id": "/x/1" }] });
        assert_eq!(query.only_member(&one), Some("/x/1"));
        assert_eq!(query.only_member(&collection()), None);
        assert_eq!(Query::parse("$top=1").unwrap().only_member(&one), None);
        assert!(query.clone().of_member().is_plain());
        assert_eq!(query.apply(collection(), &find).unwrap(), collection());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (query, status) in [
            ("$expand=x", 400),
            ("$expand=.($levels=4)", 400),
            ("$expand=.($levels=x)", 400),
            ("$top=-1", 400),
            ("$top=x", 400),
            ("$select=", 400),
            ("$filter=Id", 400),
            ("only&$expand=.", 400),
            ("only=x", 400),
            ("$count=true", 501),
            ("%zz", 400),
        ] {
            assert_eq!(Query::parse(query).unwrap_err().status, status, "{query}");
        }
        let single = Query::parse("$top=1").unwrap().apply(json!({ "Id": "1" }), &find);
        assert_eq!(single.unwrap_err().status, 400);
        assert!(Query::parse("whatever=1").unwrap().is_plain());
    }
}
