//! `ready` of a node or an app: what tells that it does what it is for.

use std::time::Duration;

use hyper::Uri;
use regex::bytes::Regex;

use crate::{
    duration,
    spec::{
        context::{Category, Context},
        destination::{Destination, DestinationError, parse_port},
        diagnostic::{Code, Finding, quote},
        fields::{Fields, Text, lower_first},
        model::{Object, Probe, Ready, Security, Where},
    },
};

/// The keys of which there must be one.
const PROBES: [&str; 4] = ["console", "tcp", "http", "exec"];
/// How long a thing may take to get ready.
const TIMEOUT: Duration = Duration::from_secs(300);
/// How long to wait from one attempt to the next.
const INTERVAL: Duration = Duration::from_secs(1);
/// The longest time that can be given for either: a day.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Takes `ready`: when `object` counts as ready.
pub fn read(cx: &mut Context<'_>, fields: &mut Fields<'_>, object: &Object) -> Vec<Ready> {
    let all = fields.mappings(cx, "ready");
    all.into_iter().filter_map(|one| read_one(cx, one, object)).collect()
}

fn read_one(cx: &mut Context<'_>, mut fields: Fields<'_>, object: &Object) -> Option<Ready> {
    let node = matches!(object, Object::Node(_));
    let of_others: &[&str] = if node { &[] } else { &["console", "netns"] };
    let given: Vec<&'static str> = PROBES
        .into_iter()
        .filter(|key| !of_others.contains(key) && fields.take(key).is_some())
        .collect();
    let probe = match given.as_slice() {
        [] => {
            let choices = if node {
                "`console`, `tcp`, `http` or `exec`"
            } else {
                "`tcp`, `http` or `exec`"
            };
            let message = format!("{} says nothing to look at.", fields.label);
            cx.report(Finding::error(Code::Missing, fields.mark, message).hint(format!("Give it one of {choices}.")));
            None
        }
        [key] => read_probe(cx, &mut fields, key, object),
        [_, second, ..] => {
            let message = format!("{} has more than one thing to look at.", fields.label);
            let finding = Finding::error(Code::Conflict, fields.mark_of(second), message);
            cx.report(
                finding.hint("Make it a list, `ready: [{tcp: 22}, {exec: [true]}]`: then all of them must hold."),
            );
            None
        }
    };
    let insecure = fields.boolean(cx, "insecure");
    let probe = with_trust(cx, &fields, probe, insecure);
    let netns = if node { fields.text(cx, "netns") } else { None };
    let netns_mark = fields.mark_of("netns");
    let timeout = time(cx, &mut fields, "timeout").unwrap_or(TIMEOUT);
    let interval = time(cx, &mut fields, "interval").unwrap_or(INTERVAL);
    match (&probe, node, netns) {
        (Some(Probe::Exec(_)), true, None) => {
            let message = format!("{} does not say where `exec` runs.", fields.label);
            let hint = "Name a namespace: `netns: NAME`.";
            cx.report(Finding::error(Code::Missing, fields.mark_of("exec"), message).hint(hint));
        }
        (Some(Probe::Console(_)), _, Some(_)) => {
            let message = format!("{} means nothing to a console.", fields.says("netns"));
            cx.report(Finding::warning(Code::Conflict, netns_mark, message));
        }
        _ => {}
    }
    fields.finish(cx, of_others);
    let netns = netns.map(|name| {
        cx.looks_from(object, name);
        cx.refer(Category::Namespace, name)
    });
    Some(Ready {
        probe: probe?,
        netns,
        timeout,
        interval,
    })
}

fn read_probe(cx: &mut Context<'_>, fields: &mut Fields<'_>, key: &'static str, object: &Object) -> Option<Probe> {
    if key == "exec" {
        let items = fields.required_list(cx, key);
        let command = fields.texts_of(cx, key, items);
        if let Some(program) = command.first().filter(|program| program.text.is_empty()) {
            let message = format!("The program in {} is empty.", lower_first(&fields.says(key)));
            cx.report(Finding::error(Code::Missing, program.mark, message));
            return None;
        }
        let command: Vec<_> = command.iter().map(|text| text.text.to_owned()).collect();
        return (!command.is_empty()).then_some(Probe::Exec(command));
    }
    let text = fields.required_text(cx, key)?;
    let says = fields.says(key);
    match key {
        "console" => pattern(cx, &says, text),
        "tcp" => tcp(cx, &says, text, object),
        _ => http(cx, &says, text, object),
    }
}

/// Says of a web server whose certificate is not looked at that it isn't.
fn with_trust(cx: &mut Context<'_>, fields: &Fields<'_>, probe: Option<Probe>, insecure: bool) -> Option<Probe> {
    match probe {
        Some(Probe::Http {
            to,
            security: Security::Verified,
            path,
            url,
        }) if insecure => Some(Probe::Http {
            to,
            security: Security::Unverified,
            path,
            url,
        }),
        Some(other) if insecure => {
            let message = format!("{} means nothing without an `https` URL.", fields.says("insecure"));
            cx.report(Finding::warning(Code::Conflict, fields.mark_of("insecure"), message));
            Some(other)
        }
        other => other,
    }
}

fn pattern(cx: &mut Context<'_>, says: &str, text: Text<'_>) -> Option<Probe> {
    match Regex::new(text.text) {
        Ok(_) => Some(Probe::Console(text.text.to_owned())),
        Err(error) => {
            // Its last line says what is wrong, those before draw where.
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let message = format!("{says} is not a regular expression: {reason}.");
            let finding = Finding::error(Code::InvalidValue, text.mark, message);
            cx.report(
                finding.hint("Characters such as `(`, `[` and `*` that stand for themselves need a `\\` before them."),
            );
            None
        }
    }
}

fn tcp(cx: &mut Context<'_>, says: &str, text: Text<'_>, object: &Object) -> Option<Probe> {
    if let Some(port) = parse_port(text.text) {
        return Some(Probe::Tcp(Where::Own(port)));
    }
    let problem = match text.text.parse::<Destination>() {
        Ok(destination) => return Some(Probe::Tcp(place(destination, object))),
        // A number that is no port.
        Err(DestinationError::Form) if text.text.bytes().all(|byte| byte.is_ascii_digit()) => DestinationError::Port,
        Err(error) => error,
    };
    let message = format!("{says} can't be {}: {problem}.", quote(text.text));
    let finding = Finding::error(Code::InvalidValue, text.mark, message);
    cx.report(finding.hint("It is a port, as in `22`, or a host and a port, as in `10.0.0.1:22` or `[fd00::1]:22`."));
    None
}

fn http(cx: &mut Context<'_>, says: &str, text: Text<'_>, object: &Object) -> Option<Probe> {
    let uri: Option<Uri> = text.text.parse().ok();
    let asked = uri.as_ref().and_then(|uri| {
        let (security, port) = match uri.scheme_str()? {
            "http" => (Security::Plain, 80),
            "https" => (Security::Verified, 443),
            _ => return None,
        };
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        let destination = Destination::new(host, uri.port_u16().unwrap_or(port)).ok()?;
        Some((uri, security, destination))
    });
    let Some((uri, security, destination)) = asked else {
        let message = format!("{says} is not a URL of a web server: {}.", quote(text.text));
        let finding = Finding::error(Code::InvalidValue, text.mark, message);
        cx.report(finding.hint("It looks like `http://10.0.0.1:8080/health`, or begins with `https://`."));
        return None;
    };
    Some(Probe::Http {
        to: place(destination, object),
        security,
        path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        url: text.text.to_owned(),
    })
}

/// A node is meant by its name.
fn place(destination: Destination, object: &Object) -> Where {
    match object {
        Object::Node(name) if name == destination.host() => Where::Own(destination.port()),
        _ => Where::At(destination),
    }
}

fn time(cx: &mut Context<'_>, fields: &mut Fields<'_>, key: &'static str) -> Option<Duration> {
    let text = fields.text(cx, key)?;
    let time = duration::parse(text.text).ok();
    let time = time.filter(|time| !time.is_zero() && *time <= LONGEST);
    if time.is_none() {
        let message = format!("{} can't be {}.", fields.says(key), quote(text.text));
        let finding = Finding::error(Code::InvalidValue, text.mark, message);
        cx.report(
            finding.hint("It is a number of seconds, or such as `500ms`, `90s` or `5m`; above 0, at most a day."),
        );
    }
    time
}
