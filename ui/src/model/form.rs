//! Forms: a request to a BMC of which some values are chosen or typed.

use placemat2_engine::api::RedfishRequest;
use serde_json::{Map, Value, json};
use tui_input::Input;

use super::{bmc::allowable, window::turned};

/// The property of a boot override that has the URL of its target UefiHttp.
const URL: &str = "HttpBootUri";

/// A form.
#[derive(Clone, Debug)]
pub struct Form {
    /// What it does.
    pub title: String,
    /// The node whose BMC is asked.
    pub node: String,
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: String,
    /// The member of the body that the values are in; `None`: in the body itself.
    pub within: Option<&'static str>,
    /// The values.
    pub fields: Vec<Field>,
    /// The field that has the keyboard; behind the last: the button.
    pub cursor: usize,
    /// What is asked before it is sent, if the guest can lose work by it.
    pub warns: bool,
    /// Whether it was sent: it stays until the BMC has done what it asks for.
    pub sent: Sent,
}

/// Whether a form was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sent {
    /// Not yet.
    #[default]
    No,
    /// As this job, whose answer is waited for.
    As(u64),
    /// It was refused, in these words.
    Refused(String),
}

/// A value of a form.
#[derive(Clone, Debug)]
pub struct Field {
    /// The property or parameter.
    pub name: String,
    /// What was entered.
    pub entered: Entered,
    /// Whether it must be there.
    pub required: bool,
}

/// What was entered.
#[derive(Clone, Debug)]
pub enum Entered {
    /// One of several; `None` leaves it out.
    Choice(Vec<Option<Value>>, usize),
    /// A text.
    Text(Input),
    /// JSON, for what is no text.
    Json(Input),
}

impl Field {
    /// A choice that begins with one of the values.
    pub fn choice(name: &str, values: Vec<Value>, first: Option<&Value>, required: bool) -> Self {
        let left_out = (!required).then_some(None);
        let values: Vec<_> = left_out.into_iter().chain(values.into_iter().map(Some)).collect();
        let at = values.iter().position(|value| value.as_ref() == first).unwrap_or(0);
        Self {
            name: name.into(),
            entered: Entered::Choice(values, at),
            required,
        }
    }

    /// A text.
    pub fn text(name: &str, required: bool) -> Self {
        Self {
            name: name.into(),
            entered: Entered::Text(Input::default()),
            required,
        }
    }

    /// What it adds to the body; `None`: nothing.
    pub fn value(&self) -> Result<Option<Value>, String> {
        let missing = || format!("{} is missing", self.name);
        let value = match &self.entered {
            Entered::Choice(values, at) => values.get(*at).cloned().flatten(),
            Entered::Text(input) => (!input.value().is_empty()).then(|| input.value().into()),
            Entered::Json(input) if input.value().is_empty() => None,
            Entered::Json(input) => {
                let value = serde_json::from_str(input.value());
                Some(value.map_err(|error| format!("{} is no JSON: {error}", self.name))?)
            }
        };
        match value {
            None if self.required => Err(missing()),
            value => Ok(value),
        }
    }

    /// Takes the next value of a choice, or the one before.
    pub fn turn(&mut self, forwards: bool) {
        if let Entered::Choice(values, at) = &mut self.entered {
            *at = turned(*at, values.len(), forwards);
        }
    }
}

impl Form {
    /// The form of an action as a resource shows it (DSP0266, Actions property), with its ActionInfo if it was read.
    pub fn of_action(node: &str, name: &str, action: &Value, info: Option<&Value>) -> Self {
        let told = info.and_then(|info| info.get("Parameters")).and_then(Value::as_array);
        let fields = match told {
            Some(parameters) => parameters.iter().filter_map(|told| parameter(told, action)).collect(),
            None => beside(name, action),
        };
        Self {
            title: name.to_owned(),
            node: node.to_owned(),
            method: "POST",
            path: action
                .get("target")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            within: None,
            fields,
            cursor: 0,
            // What is known to be harmless by what is entered is not asked about; all else is.
            warns: !["VirtualMedia.InsertMedia", "VirtualMedia.EjectMedia"].contains(&name),
            sent: Sent::No,
        }
    }

    /// The form of the boot override of a system (schema ComputerSystem, `Boot`).
    pub fn of_boot(node: &str, system: &Value) -> Option<Self> {
        let boot = system.get("Boot")?;
        let field = |name: &str| {
            let now = boot.get(name)?;
            let values = allowable(boot, name)?.into_iter().map(Value::from).collect();
            Some(Field::choice(name, values, Some(now), true))
        };
        let mut fields: Vec<Field> = [
            "BootSourceOverrideTarget",
            "BootSourceOverrideEnabled",
            "BootSourceOverrideMode",
        ]
        .into_iter()
        .filter_map(field)
        .collect();
        // Whoever opens it wants one, and mostly for once.
        if let Some(Field {
            entered: Entered::Choice(values, at),
            ..
        }) = fields.get_mut(1)
            && values.get(*at).is_some_and(|now| *now == Some(json!("Disabled")))
        {
            *at = values
                .iter()
                .position(|value| *value == Some(json!("Once")))
                .unwrap_or(*at);
        }
        // Systems that boot from a URL have one to show, if none at the moment.
        if let Some(now) = boot.get(URL) {
            fields.push(Field {
                name: URL.into(),
                entered: Entered::Text(Input::new(now.as_str().unwrap_or_default().into())),
                required: false,
            });
        }
        Some(Self {
            title: format!("Boot override of {node}"),
            node: node.to_owned(),
            method: "PATCH",
            path: system.get("@odata.id")?.as_str()?.to_owned(),
            within: Some("Boot"),
            fields,
            cursor: 0,
            warns: false,
            sent: Sent::No,
        })
    }

    /// What would be sent, or why that can't be.
    pub fn request(&self) -> Result<RedfishRequest, String> {
        let mut body = Map::new();
        for field in &self.fields {
            if let Some(value) = field.value()? {
                body.insert(field.name.clone(), value);
            }
        }
        let body = Value::Object(body);
        Ok(RedfishRequest {
            method: self.method.into(),
            path: self.path.clone(),
            body: Some(match self.within {
                Some(member) => json!({ member: body }),
                None => body,
            }),
            ..RedfishRequest::default()
        })
    }
}

/// The field of a parameter as an ActionInfo tells of it.
fn parameter(told: &Value, action: &Value) -> Option<Field> {
    let name = told.get("Name")?.as_str()?;
    let required = told.get("Required").and_then(Value::as_bool).unwrap_or(false);
    let values = told.get("AllowableValues").and_then(Value::as_array).cloned();
    let beside = || allowable(action, name).map(|values| values.into_iter().map(Value::from).collect());
    if let Some(values) = values.or_else(beside) {
        return Some(Field::choice(name, values, None, required));
    }
    Some(match told.get("DataType").and_then(Value::as_str) {
        Some("Boolean") => Field::choice(name, vec![true.into(), false.into()], None, required),
        Some("String") | None => Field::text(name, required),
        Some(_) => Field {
            name: name.into(),
            entered: Entered::Json(Input::default()),
            required,
        },
    })
}

/// The fields of an action without an ActionInfo: what stands beside it, and what its schema demands.
fn beside(name: &str, action: &Value) -> Vec<Field> {
    let mut fields = Vec::new();
    // The one parameter that the schema VirtualMedia requires, and what a server may want to know.
    if name == "VirtualMedia.InsertMedia" {
        fields.push(Field::text("Image", true));
        fields.extend(["UserName", "Password"].map(|name| Field::text(name, false)));
    }
    let names = action.as_object().into_iter().flatten();
    for name in names.filter_map(|(name, _)| name.strip_suffix("@Redfish.AllowableValues")) {
        let values = allowable(action, name).unwrap_or_default();
        let required = name == "ResetType";
        fields.push(Field::choice(
            name,
            values.into_iter().map(Value::from).collect(),
            None,
            required,
        ));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(form: &Form) -> Result<String, String> {
        form.request()
            .map(|request| request.body.unwrap_or_default().to_string())
    }

    #[test]
    fn an_action_without_action_info_has_what_stands_beside_it() {
        let action = json!({ "target": "/reset", "ResetType@Redfish.AllowableValues": ["On", "ForceOff"] });
        let mut form = Form::of_action("n", "ComputerSystem.Reset", &action, None);
        assert_eq!(body(&form).unwrap(), r#"{"ResetType":"On"}"#);
        form.fields[0].turn(false);
        assert_eq!(body(&form).unwrap(), r#"{"ResetType":"ForceOff"}"#);
        let insert = Form::of_action("n", "VirtualMedia.InsertMedia", &json!({ "target": "/insert" }), None);
        assert_eq!(body(&insert).unwrap_err(), "Image is missing");
        let names: Vec<_> = insert.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["Image", "UserName", "Password"]);
    }

    #[test]
    fn action_info_tells_what_is_required_and_of_what_type() {
        let info = json!({ "Parameters": [
            { "Name": "Image", "Required": true, "DataType": "String" },
            { "Name": "Inserted", "DataType": "Boolean" },
            { "Name": "Count", "DataType": "Number" },
        ] });
        let mut form = Form::of_action(
            "n",
            "VirtualMedia.InsertMedia",
            &json!({ "target": "/insert" }),
            Some(&info),
        );
        form.fields[0].entered = Entered::Text(Input::new("http://a/b.iso".into()));
        assert_eq!(body(&form).unwrap(), r#"{"Image":"http://a/b.iso"}"#);
        form.fields[1].turn(true);
        form.fields[2].entered = Entered::Json(Input::new("3".into()));
        assert_eq!(
            body(&form).unwrap(),
            r#"{"Count":3,"Image":"http://a/b.iso","Inserted":true}"#
        );
        form.fields[2].entered = Entered::Json(Input::new("three".into()));
        assert!(body(&form).unwrap_err().starts_with("Count is no JSON"));
    }

    #[test]
    fn the_boot_override_begins_with_what_is_so_but_for_once() {
        let system = json!({ "@odata.id": "/s", "Boot": {
            "BootSourceOverrideTarget": "None", "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe"],
            "BootSourceOverrideEnabled": "Disabled",
            "BootSourceOverrideEnabled@Redfish.AllowableValues": ["Disabled", "Once", "Continuous"],
        } });
        let mut form = Form::of_boot("n", &system).unwrap();
        form.fields[0].turn(true);
        assert_eq!(
            body(&form).unwrap(),
            r#"{"Boot":{"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"Pxe"}}"#
        );
    }

    #[test]
    fn the_boot_override_takes_a_url_where_there_is_one() {
        let system = |url: Value| {
            json!({ "@odata.id": "/s", "Boot": {
                "BootSourceOverrideTarget": "UefiHttp",
                "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "UefiHttp"],
                "HttpBootUri": url,
            } })
        };
        let mut form = Form::of_boot("n", &system(Value::Null)).unwrap();
        assert_eq!(
            body(&form).unwrap(),
            r#"{"Boot":{"BootSourceOverrideTarget":"UefiHttp"}}"#
        );
        form.fields[1].entered = Entered::Text(Input::new("http://a/b.efi".into()));
        let whole = r#"{"Boot":{"BootSourceOverrideTarget":"UefiHttp","HttpBootUri":"http://a/b.efi"}}"#;
        assert_eq!(body(&form).unwrap(), whole);
        let form = Form::of_boot("n", &system("http://a/b.efi".into())).unwrap();
        assert_eq!(body(&form).unwrap(), whole);
    }
}
