//! `bmc` of a node: its management controller.

use std::net::IpAddr;

use crate::{
    bmc::{
        Accounts, Role, Secret, User,
        redfish::{Certificate, CertificateError},
    },
    spec::{
        context::{BmcClaim, Context},
        diagnostic::{Code, Finding, quote},
        fields::{Fields, Text, lower_first},
        model::{Bmc, TlsFiles},
        tree::Node,
    },
};

const ROLES: &[(&str, Role)] = &[
    ("Administrator", Role::Administrator),
    ("Operator", Role::Operator),
    ("ReadOnly", Role::ReadOnly),
];

/// Reads the BMC of a node.
pub fn read(cx: &mut Context<'_>, mut fields: Fields<'_>, node: &str) -> Option<Bmc> {
    let label = fields.label.clone();
    let address = fields.required_text(cx, "address");
    let users = read_users(cx, &mut fields, &label);
    let tls = fields.mapping(cx, "tls").and_then(|tls| read_tls(cx, tls));
    let says = fields.says("address");
    fields.finish(cx, &[]);
    let text = address?;
    let Some(address) = text.text.parse::<IpAddr>().ok() else {
        let message = format!("{says} is not an address: {}.", quote(text.text));
        cx.report(
            Finding::error(Code::InvalidValue, text.mark, message).hint("It looks like `10.0.1.11` or `fd00::11`."),
        );
        return None;
    };
    cx.bmcs.push(BmcClaim {
        node: node.to_owned(),
        address,
        mark: text.mark,
    });
    Some(Bmc {
        place: cx.place(text.mark),
        address,
        users,
        tls,
    })
}

/// Reads which certificate it shows, and tries it: else a bad one only shows when it is served.
fn read_tls(cx: &mut Context<'_>, mut fields: Fields<'_>) -> Option<TlsFiles> {
    let mut file = |name| {
        let text = fields.required_text(cx, name)?;
        Some((cx.readable_file(&fields.says(name), text), text.mark))
    };
    let (certificate, key) = (file("certificate"), file("key"));
    let label = fields.label.clone();
    fields.finish(cx, &[]);
    let ((certificate, mark), (key, _)) = (certificate?, key?);
    match Certificate::read_by(cx.files(), &certificate, &key) {
        // A file that can't be read was told already.
        Ok(_) | Err(CertificateError::Read { .. }) => {}
        Err(error) => {
            let message = format!("{label} can't be used: {error}.");
            cx.report(Finding::error(Code::File, mark, message));
        }
    }
    Some(TlsFiles { certificate, key })
}

fn read_users(cx: &mut Context<'_>, fields: &mut Fields<'_>, label: &str) -> Vec<User> {
    let mut users: Vec<User> = Vec::new();
    for node in fields.list(cx, "users") {
        let Some((user, name)) = read_user(cx, node, label) else {
            continue;
        };
        if users.iter().any(|known| known.name == user.name) {
            let message = format!("There is another user {} in {}.", quote(&user.name), lower_first(label));
            cx.report(Finding::error(Code::DuplicateName, name.mark, message));
        }
        users.push(user);
    }
    if users.len() > Accounts::most() {
        let message = format!("{} can't have more than {} users.", label, Accounts::most());
        cx.report(Finding::error(Code::InvalidValue, fields.mark_of("users"), message));
    }
    users
}

fn read_user<'t>(cx: &mut Context<'_>, node: &'t Node, label: &str) -> Option<(User, Text<'t>)> {
    let mut fields = Fields::new(cx, node, format!("A user of {}", lower_first(label)))?;
    let name = fields.required_text(cx, "name");
    let password = fields.required_text(cx, "password");
    let role = fields.text(cx, "role").map_or(Some(Role::Administrator), |text| {
        let known = ROLES.iter().find(|(word, _)| *word == text.text);
        if known.is_none() {
            let words: Vec<_> = ROLES.iter().map(|(word, _)| *word).collect();
            cx.not_one_of(&fields.says("role"), text, &words);
        }
        known.map(|(_, role)| *role)
    });
    fields.finish(cx, &[]);
    let name = name?;
    let user = User {
        name: name.text.to_owned(),
        password: Secret::from(password?.text),
        role: role?,
    };
    if let Err(error) = user.check() {
        let message = format!("The user {} can't sign in to a BMC.", quote(name.text));
        cx.report(Finding::error(Code::InvalidValue, name.mark, message).hint(error.to_string()));
        return None;
    }
    Some((user, name))
}
