//! The meta-data of a NoCloud seed: what the user wrote, with what cloud-init can't do without.
//!
//! cloud-init takes the instance id for the identity of the machine: while it stays the same, what is done once in a
//! machine's life is not done again. Without one in the seed all machines would have the same, `nocloud`.

use std::io;

use serde_yaml::{Mapping, Value};

/// The keys that are added where they are missing.
const INSTANCE_ID: &str = "instance-id";
const HOSTNAME: &str = "local-hostname";

/// Returns the meta-data of a machine: `written`, to which its identity and name are added unless they are there.
pub(super) fn complete(written: &[u8], instance_id: &str, hostname: &str) -> io::Result<Vec<u8>> {
    let given = read(written)?;
    let mut missing = Mapping::new();
    for (key, value) in [(INSTANCE_ID, instance_id), (HOSTNAME, hostname)] {
        if !given.contains_key(key) {
            missing.insert(key.into(), value.into());
        }
    }
    if missing.is_empty() {
        return Ok(written.to_vec());
    }
    let addition = serde_yaml::to_string(&missing).map_err(io::Error::other)?;
    let mut whole = given;
    whole.extend(missing);
    // Added to the end, it leaves the rest as it was written. Where that does not mean the same (JSON, say) all is
    // written anew.
    let mut text = written.to_vec();
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.extend(addition.bytes());
    if read(&text).is_ok_and(|read| read == whole) {
        return Ok(text);
    }
    let text = serde_yaml::to_string(&whole).map_err(io::Error::other)?;
    Ok(text.into_bytes())
}

fn read(text: &[u8]) -> io::Result<Mapping> {
    let no_meta_data = |why: &dyn std::fmt::Display| {
        let why = format!("it is no meta-data, which is a YAML map ({why})");
        io::Error::new(io::ErrorKind::InvalidData, why)
    };
    match serde_yaml::from_slice(text) {
        Ok(Value::Mapping(map)) => Ok(map),
        Ok(Value::Null) => Ok(Mapping::new()),
        Ok(_) => Err(no_meta_data(&"it is something else")),
        Err(error) => Err(no_meta_data(&error)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn completed(written: &str) -> String {
        String::from_utf8(complete(written.as_bytes(), "boot-0", "123").unwrap()).unwrap()
    }

    #[test]
    fn what_is_missing_is_added_and_the_rest_stays_as_written() {
        let both = "instance-id: boot-0\nlocal-hostname: '123'\n";
        assert_eq!(completed(""), both);
        assert_eq!(completed("# nothing\n"), format!("# nothing\n{both}"));
        let written = "instance-id: 007 # mine\nlocal-hostname: web\n";
        assert_eq!(completed(written), written);
        assert_eq!(
            completed("local-hostname: web\npublic-keys:\n- ssh-ed25519 AAAA"),
            "local-hostname: web\npublic-keys:\n- ssh-ed25519 AAAA\ninstance-id: boot-0\n"
        );
    }

    #[test]
    fn json_is_yaml_too() {
        let text = completed(r#"{"local-hostname": "web", "rack": 7}"#);
        let map = read(text.as_bytes()).unwrap();
        assert_eq!(map["instance-id"], "boot-0");
        assert_eq!(map["rack"], 7);
        assert_eq!(map["local-hostname"], "web");
    }

    #[test]
    fn what_is_no_map_is_refused() {
        for bad in ["- a\n", "text\n", "a: b\n a: c\n", "&a [*a, *a]\n", "\u{0}"] {
            let error = complete(bad.as_bytes(), "i", "h").unwrap_err();
            assert!(error.to_string().starts_with("it is no meta-data"), "{error}");
        }
        assert!(complete(&[0xff, 0xfe, 0xff], "i", "h").is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_written_the_outcome_has_an_identity(written in "(?s)[a-z:{}\\[\\], '\"#&*|>\n-]{0,60}") {
            if let Ok(text) = complete(written.as_bytes(), "boot-0", "name") {
                let map = read(&text).unwrap();
                prop_assert!(map.contains_key(INSTANCE_ID) && map.contains_key(HOSTNAME));
            }
        }

        #[test]
        fn maps_are_kept(keys in prop::collection::btree_map("[a-z]{1,8}", "[ -~]{0,20}", 0..6)) {
            let written = serde_yaml::to_string(&keys).unwrap();
            let map = read(&complete(written.as_bytes(), "boot-0", "name").unwrap()).unwrap();
            for (key, value) in &keys {
                prop_assert_eq!(&map[key.as_str()], value.as_str());
            }
            prop_assert_eq!(map.len(), keys.len() + 2);
        }
    }
}
