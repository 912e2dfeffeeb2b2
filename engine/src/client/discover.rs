//! Which labs run on this host, found by their sockets.

use std::{
    fs, io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use super::{DEFAULT_ENDPOINT, Endpoint};
use crate::plan::{LABS_DIR, api_socket, check_lab_name};

/// Why no lab could be chosen.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoverError {
    /// More than one answers.
    #[error("several labs run on this host ({}): say which one with --lab", .0.join(", "))]
    Several(Vec<String>),
    /// No lab can have that name; what is wrong with it.
    #[error("{0:?} is not the name of a lab: {1}")]
    Name(String, &'static str),
}

/// What was found of labs on this host.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Where to connect: the one running lab, or the default endpoint if none was seen.
    pub endpoint: Endpoint,
    /// To be said if connecting to the endpoint fails: what was looked for, and what to do.
    pub hint: Option<String>,
}

/// Returns the socket of the lab of that name.
pub fn lab_socket(name: &str) -> Result<PathBuf, DiscoverError> {
    check_lab_name(name).map_err(|reason| DiscoverError::Name(name.to_owned(), reason))?;
    Ok(api_socket(&Path::new(LABS_DIR).join(name)))
}

/// Finds the one running lab; without any, the endpoint placemat v2 had.
pub fn discover() -> Result<Found, DiscoverError> {
    choose(Path::new(LABS_DIR))
}

/// Returns the names of the labs that run on this host, sorted.
pub fn running_labs() -> Vec<String> {
    labs_in(Path::new(LABS_DIR)).0
}

fn choose(directory: &Path) -> Result<Found, DiscoverError> {
    let (mut labs, hidden) = labs_in(directory);
    if labs.len() > 1 {
        return Err(DiscoverError::Several(labs));
    }
    if let Some(lab) = labs.pop() {
        return Ok(Found {
            endpoint: Endpoint::Unix(api_socket(&directory.join(lab))),
            hint: None,
        });
    }
    let hint = if hidden {
        format!(
            "{} may only be looked into by root: run this command as root, or name an endpoint with --endpoint",
            directory.display()
        )
    } else {
        format!(
            "no lab runs in {} and nothing answers at {DEFAULT_ENDPOINT}: start one with `placemat2 FILE`, or name \
             one with --lab or --endpoint",
            directory.display()
        )
    };
    Ok(Found {
        endpoint: Endpoint::default(),
        hint: Some(hint),
    })
}

/// Returns the names of the labs in a directory whose sockets take a connection, sorted, and whether there is something
/// that could not be looked at for want of permission.
fn labs_in(directory: &Path) -> (Vec<String>, bool) {
    let mut labs = Vec::new();
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => return (labs, error.kind() == io::ErrorKind::PermissionDenied),
    };
    let mut hidden = false;
    for entry in entries.flatten() {
        match UnixStream::connect(api_socket(&entry.path())) {
            Ok(_) => labs.push(entry.file_name().to_string_lossy().into_owned()),
            Err(error) => hidden |= error.kind() == io::ErrorKind::PermissionDenied,
        }
    }
    labs.sort();
    (labs, hidden)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn lab(directory: &Path, name: &str) -> UnixListener {
        fs::create_dir_all(directory.join(name)).unwrap();
        UnixListener::bind(directory.join(name).join("api.sock")).unwrap()
    }

    #[test]
    fn the_one_running_lab_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        let _running = lab(directory.path(), "dc");
        drop(lab(directory.path(), "crashed"));
        fs::create_dir(directory.path().join("starting")).unwrap();
        let found = choose(directory.path()).unwrap();
        assert_eq!(found.endpoint, Endpoint::Unix(directory.path().join("dc/api.sock")));
    }

    #[test]
    fn of_several_none_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        let _running = [lab(directory.path(), "b"), lab(directory.path(), "a")];
        let error = choose(directory.path()).unwrap_err();
        assert_eq!(error, DiscoverError::Several(vec!["a".into(), "b".into()]));
        assert_eq!(
            error.to_string(),
            "several labs run on this host (a, b): say which one with --lab"
        );
    }

    #[test]
    fn without_any_the_default_endpoint_is_tried() {
        let directory = tempfile::tempdir().unwrap();
        for missing in [directory.path().to_owned(), directory.path().join("none")] {
            let found = choose(&missing).unwrap();
            assert_eq!(found.endpoint, Endpoint::default());
            assert!(found.hint.unwrap().contains("--lab"));
        }
    }

    #[test]
    fn a_name_stays_in_the_directory() {
        assert_eq!(lab_socket("dc").unwrap(), Path::new("/run/placemat2/dc/api.sock"));
        for name in ["", ".", "..", "a/b", "/etc"] {
            assert!(lab_socket(name).is_err(), "{name}");
        }
    }
}
