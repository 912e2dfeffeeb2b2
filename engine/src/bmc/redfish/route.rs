//! Every path there is, with what can be done there.

use std::sync::Arc;

use serde_json::Value;

use super::{
    Redfish,
    caller::{Caller, Origin, Privilege},
    changes::{Changes, Purpose},
    reply::{Outcome, Refusal},
    resources,
};

/// What a handler sees of a request.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The face that was asked.
    pub redfish: &'a Arc<Redfish>,
    /// The path, without a slash at its end.
    pub path: &'a str,
    /// What stands in the path where the route has `{}`.
    pub ids: &'a [&'a str],
    /// Who asks.
    pub caller: &'a Caller,
    /// From where.
    pub origin: Origin,
}

impl View<'_> {
    /// The first id in the path.
    pub fn id(&self) -> &str {
        self.ids.first().copied().unwrap_or_default()
    }

    /// That there is no such resource.
    pub fn not_found(&self) -> Refusal {
        Refusal::not_found(self.path)
    }
}

/// Reads a resource.
pub type ReadResource = fn(&View<'_>) -> Result<Value, Refusal>;
/// Reads what is no resource.
pub type ReadDocument = fn(&View<'_>) -> Outcome;
/// Changes a resource.
pub type Change = fn(&View<'_>, &mut Changes) -> Result<(), Refusal>;
/// Makes a resource, or acts.
pub type Act = fn(&View<'_>, &mut Changes) -> Outcome;
/// Deletes a resource.
pub type Delete = fn(&View<'_>) -> Outcome;

/// How something is read.
#[derive(Clone, Copy)]
pub enum Read {
    /// As a resource, with ETag and queries.
    Resource(ReadResource),
    /// As it is.
    Document(ReadDocument),
}

/// A path, and what can be done there.
pub struct Route {
    path: &'static str,
    /// How it is read.
    pub read: Option<Read>,
    /// Who may read it.
    pub reading: Privilege,
    /// Whether it tells of disks, whose sizes must have been looked at then.
    pub tells_of_disks: bool,
    /// PATCH.
    pub change: Option<(Privilege, Change)>,
    /// POST.
    pub act: Option<(Privilege, Purpose, Act)>,
    /// DELETE.
    pub delete: Option<(Privilege, Delete)>,
}

impl Route {
    /// A path, in which `{}` stands for any one segment.
    pub const fn at(path: &'static str) -> Self {
        Self {
            path,
            read: None,
            reading: Privilege::Login,
            tells_of_disks: false,
            change: None,
            act: None,
            delete: None,
        }
    }

    /// A resource that whoever is signed in may read.
    pub const fn resource(path: &'static str, read: ReadResource) -> Self {
        let mut route = Self::at(path);
        route.read = Some(Read::Resource(read));
        route
    }

    /// Something else that whoever is signed in may read.
    pub const fn document(path: &'static str, read: ReadDocument) -> Self {
        let mut route = Self::at(path);
        route.read = Some(Read::Document(read));
        route
    }

    /// A resource that tells of disks.
    pub const fn disks(path: &'static str, read: ReadResource) -> Self {
        let mut route = Self::resource(path, read);
        route.tells_of_disks = true;
        route
    }

    /// An action.
    pub const fn action(path: &'static str, name: &'static str, privilege: Privilege, act: Act) -> Self {
        let mut route = Self::at(path);
        route.act = Some((privilege, Purpose::Parameters(name), act));
        route
    }

    /// Open to everybody.
    pub const fn open(mut self) -> Self {
        self.reading = Privilege::Open;
        self
    }

    /// With PATCH.
    pub const fn patch(mut self, privilege: Privilege, change: Change) -> Self {
        self.change = Some((privilege, change));
        self
    }

    /// With POST that makes a member.
    pub const fn post(mut self, privilege: Privilege, make: Act) -> Self {
        self.act = Some((privilege, Purpose::Properties, make));
        self
    }

    /// With DELETE.
    pub const fn delete(mut self, privilege: Privilege, delete: Delete) -> Self {
        self.delete = Some((privilege, delete));
        self
    }

    /// The path, with `{}` where ids are.
    #[cfg(test)]
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// What can be done there, as an `Allow` header has it.
    pub fn methods(&self) -> String {
        let methods = [
            (self.read.is_some(), "GET, HEAD"),
            (self.change.is_some(), "PATCH"),
            (self.act.is_some(), "POST"),
            (self.delete.is_some(), "DELETE"),
        ];
        let there: Vec<_> = methods
            .iter()
            .filter(|(there, _)| *there)
            .map(|(_, name)| *name)
            .collect();
        there.join(", ")
    }

    /// What stands in a path where this one has `{}`, if it fits.
    fn ids<'a>(&self, path: &'a str) -> Option<Vec<&'a str>> {
        let mut ids = Vec::new();
        let mut segments = path.split('/');
        for wanted in self.path.split('/') {
            let segment = segments.next()?;
            match wanted {
                "{}" if segment.is_empty() => return None,
                "{}" => ids.push(segment),
                _ if wanted != segment => return None,
                _ => {}
            }
        }
        segments.next().is_none().then_some(ids)
    }
}

/// The route of a path and the ids in it.
pub fn find(path: &str) -> Option<(&'static Route, Vec<&str>)> {
    let mut routes = resources::FAMILIES.iter().copied().flatten();
    routes.find_map(|route| Some((route, route.ids(path)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_with_its_ids() {
        let (route, ids) = find("/redfish/v1/SessionService/Sessions/7").unwrap();
        assert_eq!(ids, ["7"]);
        assert_eq!(route.methods(), "GET, HEAD, DELETE");
        for nowhere in [
            "",
            "redfish",
            "/redfish/v2",
            "/redfish/v1/",
            "/redfish/v1/SessionService/Sessions/",
            "/redfish/v1//Systems",
            "/redfish/v1/Systems/../Systems",
            "/redfish/v1/SessionService/Sessions/7/8",
        ] {
            assert!(find(nowhere).is_none(), "{nowhere}");
        }
    }

    #[test]
    fn no_path_has_two_routes() {
        let paths: Vec<_> = resources::FAMILIES
            .iter()
            .copied()
            .flatten()
            .map(|route| route.path)
            .collect();
        for (at, path) in paths.iter().enumerate() {
            assert!(!paths[..at].contains(path), "{path}");
        }
    }
}
