//! Users of this host, and what they may do.

use std::{ffi::CString, fs::Metadata, os::unix::fs::MetadataExt};

use nix::unistd::{User, getgrouplist};

use crate::plan::QemuUser;

/// Returns a user by its name; `None` if there is none, or none that can be told.
pub(super) fn find(name: &str) -> Option<QemuUser> {
    let user = User::from_name(name).ok()??;
    let groups = getgrouplist(&CString::new(name).ok()?, user.gid).ok()?;
    Some(QemuUser {
        name: user.name,
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
        groups: groups.into_iter().map(nix::unistd::Gid::as_raw).collect(),
    })
}

/// Whether a user's permissions on a file let it read and write.
pub(super) fn may_use(user: &QemuUser, file: &Metadata) -> bool {
    const READ_WRITE: u32 = 0o6;
    let shift = if user.uid == file.uid() {
        6
    } else if user.gid == file.gid() || user.groups.contains(&file.gid()) {
        3
    } else {
        0
    };
    user.uid == 0 || file.mode() >> shift & READ_WRITE == READ_WRITE
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn permissions_are_those_of_owner_group_and_others() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let metadata = |mode| {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            file.path().metadata().unwrap()
        };
        let owner = metadata(0);
        let user = |uid, gid, groups: &[u32]| QemuUser {
            name: "x".into(),
            uid,
            gid,
            groups: groups.into(),
        };
        let (uid, gid) = (owner.uid(), owner.gid());
        let stranger = user(uid + 1000, gid + 1000, &[]);
        let member = user(uid + 1000, gid + 1000, &[gid]);
        assert!(may_use(&member, &metadata(0o660)) && !may_use(&stranger, &metadata(0o660)));
        assert!(!may_use(&member, &metadata(0o606)) && may_use(&stranger, &metadata(0o606)));
        assert!(!may_use(&stranger, &metadata(0o664)));
    }

    #[test]
    fn root_is_there_and_nobody_else_by_that_name() {
        assert_eq!(find("root").map(|root| (root.uid, root.gid)), Some((0, 0)));
        assert_eq!(find("no such user"), None);
        assert_eq!(find("nul\0"), None);
    }
}
