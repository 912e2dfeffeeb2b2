//! Files of a NoCloud seed, as far as cloud-init would refuse them: else that shows in the guest, or nowhere.

use serde_yaml::Value;

use crate::spec::{
    context::Context,
    diagnostic::{Code, Finding},
    fields::Text,
};

/// More is not looked at; a seed has no room for files that are much larger.
const LIMIT: usize = 1 << 20;

/// How user-data begins that is no cloud-config ("User-data formats" in cloud-init's documentation), in lower case.
const OTHER_BEGINNINGS: &[&str] = &[
    "#!",
    "#include",
    "#cloud-boothook",
    "#cloud-config-archive",
    "#cloud-config-jsonp",
    "#part-handler",
    "#upstart-job",
    "## template:",
    "content-type:",
    "mime-version:",
];

/// Looks at the user-data in a file.
pub fn check_user_data(cx: &mut Context<'_>, what: &str, path: Text<'_>) {
    let Some(bytes) = read(cx, path) else { return };
    // What is compressed is cloud-init's to read.
    let Ok(text) = std::str::from_utf8(&bytes) else { return };
    let beginning = text.trim_start_matches('\u{feff}').to_lowercase();
    let is_other = OTHER_BEGINNINGS.iter().any(|other| beginning.starts_with(other));
    if is_other || text.trim().is_empty() {
        return;
    }
    let first = beginning.lines().next().unwrap_or_default();
    if first.trim_end() == "#cloud-config" {
        check_yaml(cx, what, path, &bytes);
        return;
    }
    let message = format!("{what} does not begin as user-data does, so cloud-init leaves it out.");
    let hint = "The first line of a cloud-config is `#cloud-config`, that of a script begins with `#!`.";
    cx.report(Finding::warning(Code::File, path.mark, message).hint(hint));
}

/// Looks at the meta-data or network configuration in a file.
pub fn check_mapping(cx: &mut Context<'_>, what: &str, path: Text<'_>) {
    if let Some(bytes) = read(cx, path) {
        check_yaml(cx, what, path, &bytes);
    }
}

fn check_yaml(cx: &mut Context<'_>, what: &str, path: Text<'_>, bytes: &[u8]) {
    let problem = match serde_yaml::from_slice(bytes) {
        Ok(Value::Mapping(_) | Value::Null) => return,
        Ok(_) => format!("{what} must be a mapping of keys to values."),
        // cloud-init takes the last one.
        Err(error) if error.to_string().contains("duplicate entry") => return,
        Err(error) => format!("{what} is not YAML: {error}."),
    };
    cx.report(Finding::error(Code::File, path.mark, problem).hint("cloud-init can't read it."));
}

/// What the file holds; `None` if it can't be read, which is told elsewhere, or is too large to be looked at.
fn read(cx: &Context<'_>, path: Text<'_>) -> Option<Vec<u8>> {
    let bytes = cx.files().read(&cx.absolute(path.text), LIMIT).ok()?;
    (bytes.len() <= LIMIT).then_some(bytes)
}
