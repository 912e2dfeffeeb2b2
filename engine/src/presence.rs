//! Files that may not be there: others remove and replace them at any time.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// What was done with a file, or learnt of it; `None` if it isn't there.
pub(crate) fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(outcome) => Ok(Some(outcome)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether an open file is the one that is at that path now.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let opened = file.metadata()?;
    let there = if_there(fs::metadata(path))?;
    Ok(there.is_some_and(|there| (there.dev(), there.ino()) == (opened.dev(), opened.ino())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_replaced_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = File::create(&path).unwrap();
        assert!(is_at(&file, &path).unwrap());
        fs::rename(&path, dir.path().join("elsewhere")).unwrap();
        assert!(!is_at(&file, &path).unwrap());
        fs::write(&path, "").unwrap();
        assert!(!is_at(&file, &path).unwrap());
    }

    #[test]
    fn only_what_is_missing_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        assert!(if_there(fs::remove_file(&file)).unwrap().is_none());
        fs::write(&file, "").unwrap();
        if_there(fs::remove_file(file.join("below"))).unwrap_err();
        assert!(if_there(fs::remove_file(&file)).unwrap().is_some());
    }
}
