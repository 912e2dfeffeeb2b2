//! Secrets in requests: they are sent, and neither shown nor kept.

use serde_json::Value;

/// What stands in the place of a secret.
pub const MASK: &str = "********";

/// Parts of the names of properties whose values are secrets (DMTF's schemas, among them ManagerAccount, VirtualMedia and
/// EventDestination, whose `HttpHeaders` may have `Authorization`).
const NAMES: [&str; 4] = ["password", "passphrase", "token", "authorization"];

/// Whether a property of that name is a secret.
pub fn is_named(name: &str) -> bool {
    let name = name.to_lowercase();
    NAMES.iter().any(|part| name.contains(part))
}

/// Puts something else in the place of all secrets; whether there were any.
pub fn replace(value: &mut Value, by: &str) -> bool {
    match value {
        Value::Array(items) => {
            let mut some = false;
            for item in items {
                some |= replace(item, by);
            }
            some
        }
        Value::Object(object) => object.iter_mut().fold(false, |some, (name, value)| {
            if is_named(name) && !value.is_null() {
                *value = by.into();
                return true;
            }
            replace(value, by) || some
        }),
        Value::String(text) => match without(text, by) {
            Some(without) => {
                *text = without;
                true
            }
            None => false,
        },
        _ => false,
    }
}

/// A text without the secret that is in it by its form: a private key in PEM (RFC 7468), or the password of a URL (RFC 3986, 3.2.1).
fn without(text: &str, by: &str) -> Option<String> {
    if text.contains("PRIVATE KEY-----") {
        return Some(by.to_owned());
    }
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    let (user, host) = authority.rsplit_once('@')?;
    let (name, _) = user.split_once(':')?;
    Some(format!("{scheme}://{name}:{by}@{host}{behind}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_replaced_wherever_they_are() {
        let mut body = json!({
            "UserName": "ada", "Password": "lovelace", "Image": "http://ada:love@lace@10.0.0.1/a@b.iso",
            "HttpHeaders": [{ "X-Name": "x" }, { "Authorization": "Basic YTpi" }],
            "CertificateString": "-----BEGIN PRIVATE KEY-----\nMII",
            "Deep": { "NewPassword": 7 },
        });
        assert!(replace(&mut body, MASK));
        assert_eq!(
            body,
            json!({
                "UserName": "ada", "Password": MASK, "Image": "http://ada:********@10.0.0.1/a@b.iso",
                "HttpHeaders": [{ "X-Name": "x" }, { "Authorization": MASK }],
                "CertificateString": MASK,
                "Deep": { "NewPassword": MASK },
            })
        );
    }

    #[test]
    fn what_is_none_stays() {
        let before = json!({
            "Password": null, "Image": "http://ada@10.0.0.1/x:y@z", "ResetType": "On", "A": ["://", "a:b@c"], "N": 1,
        });
        let mut body = before.clone();
        assert!(!replace(&mut body, MASK));
        assert_eq!(body, before);
    }
}
