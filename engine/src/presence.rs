//! Files that may not be there: others remove and replace them at any time.

use std::io;

/// What was done with a file, or learnt of it; `None` if it isn't there.
pub(crate) fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(outcome) => Ok(Some(outcome)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

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
