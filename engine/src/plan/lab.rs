//! The lab's name, its directories and its sockets.

use std::path::{Path, PathBuf};

use super::{Options, Paths, PlanError};
use crate::spec::model::{Place, Spec};

/// Every lab has a directory of its own in here, unless told otherwise.
pub const LABS_DIR: &str = "/run/placemat2";
/// Bytes of a unix socket's path: `sun_path` of 108 without the terminating zero.
const MAX_SOCKET_PATH: usize = 107;
/// Longest name of a lab in bytes: it becomes part of firewall comments, table names and paths of unix sockets.
const MAX_NAME: usize = 64;
/// Bytes of a name made from a file's name; the user's own may be longer.
const MAX_DERIVED_NAME: usize = 48;
/// Stands in for a file's name of which nothing can be used.
const FALLBACK_NAME: &str = "lab";

/// Returns the name of the lab that a plan would have, whether that can be made or not.
pub fn lab_name(spec: &Spec, options: &Options) -> String {
    name(spec, options, &mut Vec::new(), &mut Vec::new())
}

/// Returns the lab's name. A file's stem that can't be one is changed until it can, and `notes` says so: the same file
/// ran without a name in placemat v2.
pub(super) fn name(spec: &Spec, options: &Options, errors: &mut Vec<PlanError>, notes: &mut Vec<String>) -> String {
    if let Some(name) = &options.name {
        if let Err(reason) = check_lab_name(name) {
            errors.push(PlanError::LabName {
                name: name.clone(),
                reason,
            });
        }
        return name.clone();
    }
    if check_lab_name(&spec.default_name).is_ok() && spec.default_name.len() <= MAX_DERIVED_NAME {
        return spec.default_name.clone();
    }
    let plain: String = spec
        .default_name
        .chars()
        .map(|c| if is_plain(c) { c } else { '-' })
        .skip_while(|c| !c.is_ascii_alphanumeric())
        .take(MAX_DERIVED_NAME)
        .collect();
    let name = if plain.is_empty() {
        FALLBACK_NAME.to_owned()
    } else {
        plain
    };
    notes.push(format!(
        "The lab is named `{name}`, because `{}` can't be used as a name; `--name` gives it another.",
        spec.default_name
    ));
    name
}

/// Returns the name under which a lab's fabric appears among the network namespaces.
pub fn fabric_name(lab: &str) -> String {
    format!("placemat2-{lab}")
}

/// Returns the lab whose fabric appears under a name among the network namespaces.
pub fn lab_of_fabric(namespace: &str) -> Option<&str> {
    namespace.strip_prefix("placemat2-").filter(|lab| !lab.is_empty())
}

/// Returns the API's socket in a lab's directory.
pub fn api_socket(lab_dir: &Path) -> PathBuf {
    lab_dir.join("api.sock")
}

/// Returns the lab's directories, absolute.
pub(super) fn paths(spec: &Spec, options: &Options, lab: &str, errors: &mut Vec<PlanError>) -> Paths {
    let mut absolute = |what, path: &Path| {
        let path = absolute(spec, path);
        if path.to_str().is_none() {
            errors.push(PlanError::NotUtf8 {
                what,
                path: path.clone(),
            });
        }
        path
    };
    let base_dir = absolute("directory of the first lab file", &spec.base_dir);
    let lab_dir = absolute("root of the labs' directories", &options.lab_root).join(lab);
    let paths = Paths {
        base_dir,
        api_socket: api_socket(&lab_dir),
        lab_dir,
        run_dir: absolute("run directory", &options.run_dir),
        data_dir: absolute("data directory", &options.data_dir),
        cache_dir: absolute("cache directory", &options.cache_dir),
        log_dir: absolute("log directory", &options.log_dir).join(lab),
        netns_dir: absolute("directory of namespaces", &options.netns_dir),
    };
    check_socket(
        &paths.api_socket,
        None,
        || "API's socket".to_owned(),
        "Shorten the lab's name (`--name`).",
        errors,
    );
    paths
}

/// Returns a directory of the command line as an absolute path.
pub(super) fn absolute(spec: &Spec, path: &Path) -> PathBuf {
    spec.base_dir.join(path)
}

/// Returns the socket of a node's serial console.
pub(super) fn console_socket(paths: &Paths, node: &str, place: &Place, errors: &mut Vec<PlanError>) -> PathBuf {
    let path = paths.run_dir.join(format!("{node}.socket"));
    let what = || format!("console's socket of node `{node}`");
    check_socket(
        &path,
        Some(place),
        what,
        "Shorten the node's name or the run directory (`--run-dir`).",
        errors,
    );
    path
}

/// Returns the control socket of a node's TPM emulator.
pub(super) fn tpm_socket(paths: &Paths, node: &str, place: &Place, errors: &mut Vec<PlanError>) -> PathBuf {
    let path = paths.lab_dir.join(format!("{node}.tpm.sock"));
    let what = || format!("TPM's socket of node `{node}`");
    check_socket(
        &path,
        Some(place),
        what,
        "Shorten the node's name or the lab's name (`--name`).",
        errors,
    );
    path
}

/// Returns the socket of what serves a directory to a node.
pub(super) fn share_socket(
    paths: &Paths,
    node: &str,
    volume: &str,
    place: &Place,
    errors: &mut Vec<PlanError>,
) -> PathBuf {
    let path = paths.lab_dir.join(format!("{node}.{volume}.fs.sock"));
    let what = || format!("virtiofsd's socket of volume `{volume}` of node `{node}`");
    let remedy = "Shorten the volume's name, the node's name or the lab's name (`--name`).";
    check_socket(&path, Some(place), what, remedy, errors);
    path
}

fn check_socket(
    path: &Path,
    place: Option<&Place>,
    what: impl FnOnce() -> String,
    remedy: &'static str,
    errors: &mut Vec<PlanError>,
) {
    let length = path.as_os_str().len();
    if length > MAX_SOCKET_PATH {
        errors.push(PlanError::SocketPath {
            place: place.cloned(),
            what: what(),
            path: path.to_owned(),
            length,
            limit: MAX_SOCKET_PATH,
            remedy,
        });
    }
}

/// Checks that a lab can have that name, of which its directory and much else gets its own; what is wrong with it, as a clause.
pub fn check_lab_name(name: &str) -> Result<(), &'static str> {
    match name.chars().next() {
        None => Err("a name has at least one character"),
        Some(first) if !first.is_ascii_alphanumeric() => Err("a name begins with a letter or digit of ASCII"),
        Some(_) if !name.chars().all(is_plain) => {
            Err("only letters and digits of ASCII, `-`, `_` and `.` may stand in it")
        }
        Some(_) if name.len() > MAX_NAME => Err("a name has at most 64 characters"),
        Some(_) => Ok(()),
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}
