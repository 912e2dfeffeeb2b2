//! `kind: NetworkNamespace`, which the design note calls `NetworkStack`.

use std::{collections::HashMap, path::Path};

use super::{depends, forward, ready, take_name};
use crate::spec::{
    check::written_files,
    context::{Category, Claim, Context, SharedFile, already_named},
    diagnostic::{Code, Finding, quote},
    fields::{Fields, Text, lower_first},
    model::{App, InitScript, Namespace, NamespaceInterface, Object, RestartPolicy},
    names::file_name_problem,
    tree::{Mark, Node},
};

const RESTARTS: &[&str] = &["never", "on-failure", "always"];

/// Reads a namespace.
pub fn read(cx: &mut Context<'_>, mut fields: Fields<'_>) -> Option<Namespace> {
    fields.relabel("A namespace");
    let name = take_name(cx, &mut fields, "namespace", file_name_problem);
    if let Some(name) = name {
        cx.define(Category::Namespace, name);
    }
    let label = fields.label.clone();
    let interfaces = fields
        .required_list(cx, "interfaces")
        .iter()
        .enumerate()
        .filter_map(|(index, node)| {
            read_interface(cx, node, format!("Interface `eth{index}` of {}", lower_first(&label)))
        })
        .collect();
    let what = format!("An init script of {}", lower_first(&label));
    let init_scripts = fields
        .names(cx, "init-scripts")
        .into_iter()
        .map(|path| InitScript {
            place: cx.place(path.mark),
            path: cx.executable_file(&what, path),
        })
        .collect();
    let mut names = HashMap::new();
    let namespace = name.map_or("", |name| name.text);
    let apps = fields
        .list(cx, "apps")
        .iter()
        .filter_map(|node| read_app(cx, node, namespace, &label, &mut names))
        .collect();
    let forwards = fields
        .list(cx, "forwards")
        .iter()
        .filter_map(|node| forward::read(cx, node, &label))
        .collect();
    let depends_on = depends::read(cx, &mut fields, &Object::Namespace(namespace.to_owned()));
    fields.finish(cx, &[]);
    let name = name?;
    Some(Namespace {
        name: name.text.to_owned(),
        place: cx.place(name.mark),
        interfaces,
        init_scripts,
        apps,
        forwards,
        depends_on,
    })
}

fn read_interface(cx: &mut Context<'_>, node: &Node, label: String) -> Option<NamespaceInterface> {
    let mut fields = Fields::of_main(cx, node, label, "network")?;
    let network = fields.required_text(cx, "network");
    let what = format!("An address of {}", lower_first(&fields.label));
    let mut addresses = Vec::new();
    for text in fields.names(cx, "addresses") {
        let Some(address) = cx.cidr(&what, text) else { continue };
        addresses.push(address);
        if let Some(network) = network {
            cx.addresses.push(Claim {
                network: network.text.to_owned(),
                address,
                mark: text.mark,
            });
        }
    }
    fields.finish(cx, &[]);
    let network = network?;
    Some(NamespaceInterface {
        place: cx.place(network.mark),
        network: cx.refer(Category::Network, network),
        addresses,
    })
}

fn read_app<'t>(
    cx: &mut Context<'_>,
    node: &'t Node,
    namespace: &str,
    namespace_label: &str,
    names: &mut HashMap<&'t str, Mark>,
) -> Option<App> {
    let mut fields = Fields::of_main(cx, node, format!("An app of {}", lower_first(namespace_label)), "name")?;
    let name = take_name(cx, &mut fields, "app", file_name_problem);
    if let Some(name) = name {
        fields.label = format!("App {} of {}", quote(name.text), lower_first(namespace_label));
        if let Some(&first) = names.get(name.text) {
            let message = format!("{namespace_label} has another app {}.", quote(name.text));
            cx.report(already_named(message, name, first));
        } else {
            names.insert(name.text, name.mark);
        }
    }
    let command = read_command(cx, &mut fields);
    let restart = read_restart(cx, &mut fields);
    let env = fields.text_map(cx, "env");
    for (key, _) in &env {
        if key.text.is_empty() || key.text.contains('=') {
            let message = format!("{} can't be the name of an environment variable.", quote(key.text));
            cx.report(Finding::error(Code::InvalidName, key.mark, message));
        }
    }
    let workdir = fields
        .text(cx, "workdir")
        .map_or_else(|| cx.base_dir.to_owned(), |path| cx.absolute(path.text));
    let object = Object::App {
        namespace: namespace.to_owned(),
        app: name.map(|name| name.text.to_owned()).unwrap_or_default(),
    };
    let ready = ready::read(cx, &mut fields, &object);
    let depends_on = depends::read(cx, &mut fields, &object);
    fields.finish(cx, &[]);
    let name = name?;
    cx.apps
        .entry(namespace.to_owned())
        .or_default()
        .insert(name.text.to_owned());
    note_files(cx, namespace, name.text, &command, &workdir);
    Some(App {
        name: name.text.to_owned(),
        place: cx.place(name.mark),
        command: command.iter().map(|text| text.text.to_owned()).collect(),
        restart,
        env: env
            .iter()
            .map(|(key, value)| (key.text.to_owned(), value.text.to_owned()))
            .collect(),
        workdir,
        ready,
        depends_on,
    })
}

/// Returns `command` with `args` after it.
fn read_command<'t>(cx: &mut Context<'_>, fields: &mut Fields<'t>) -> Vec<Text<'t>> {
    let items = fields.required_list(cx, "command");
    let mut command = fields.texts_of(cx, "command", items);
    if let Some(program) = command.first().filter(|program| program.text.is_empty()) {
        let message = format!("The program in {} is empty.", fields.says("command"));
        cx.report(Finding::error(Code::Missing, program.mark, message));
    }
    command.extend(fields.texts(cx, "args"));
    command
}

fn read_restart(cx: &mut Context<'_>, fields: &mut Fields<'_>) -> RestartPolicy {
    match fields.text(cx, "restart") {
        None => RestartPolicy::default(),
        Some(text) if text.text == "never" => RestartPolicy::Never,
        Some(text) if text.text == "on-failure" => RestartPolicy::OnFailure,
        Some(text) if text.text == "always" => RestartPolicy::Always,
        Some(text) => {
            cx.not_one_of(&fields.says("restart"), text, RESTARTS);
            RestartPolicy::default()
        }
    }
}

/// Notes the files an app is told to write, to be compared with those of apps in other namespaces.
fn note_files(cx: &mut Context<'_>, namespace: &str, app: &str, command: &[Text<'_>], workdir: &Path) {
    for (path, mark) in written_files(command) {
        let path = workdir.join(path);
        cx.shared_files.push(SharedFile {
            path,
            namespace: namespace.to_owned(),
            app: app.to_owned(),
            mark,
        });
    }
}
