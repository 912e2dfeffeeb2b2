//! Texts that are saved in files. This console runs as root: what is there already is overwritten only by whoever says so.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
};

use super::Sender;
use crate::msg::Msg;

/// Saves a text, and tells how that went.
pub fn save(path: String, text: String, overwrite: bool, messages: Sender) {
    drop(tokio::task::spawn_blocking(move || {
        let told = match write(&path, &text, overwrite) {
            Ok(()) => Msg::Told(Ok(format!("{} lines are in {path}", text.lines().count()))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Msg::Exists(path, text),
            Err(error) => Msg::Told(Err(format!("cannot write {path}: {error}"))),
        };
        let _ = messages.blocking_send(told);
    }));
}

fn write(path: &str, text: &str, overwrite: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    if overwrite {
        options.write(true).create(true).truncate(true);
    } else {
        options.write(true).create_new(true);
    }
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_there_is_overwritten_only_on_demand() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log").to_str().unwrap().to_owned();
        let (messages, mut told) = tokio::sync::mpsc::channel(1);
        save(path.clone(), "a\nb\n".into(), false, messages.clone());
        assert!(matches!(told.recv().await, Some(Msg::Told(Ok(text))) if text == format!("2 lines are in {path}")));
        save(path.clone(), "c".into(), false, messages.clone());
        let Some(Msg::Exists(there, text)) = told.recv().await else {
            panic!("it was not told of");
        };
        assert_eq!((&there, text.as_str()), (&path, "c"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nb\n");
        save(path.clone(), text, true, messages);
        assert!(matches!(told.recv().await, Some(Msg::Told(Ok(_)))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "c");
    }
}
