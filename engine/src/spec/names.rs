//! What may be a name: of an interface, of a file.

/// Longest interface name in bytes (the kernel's IFNAMSIZ without the terminating NUL).
const INTERFACE_NAME_BYTES: usize = 15;
/// Longest name that becomes part of a file name: 255 bytes less room for endings like `.console.log`.
const FILE_NAME_BYTES: usize = 200;

/// Returns why a name can't be that of an interface (the kernel's `dev_valid_name`, `dev_alloc_name` and the names under
/// `/proc/sys/net/ipv4/conf`).
pub fn interface_name_problem(name: &str) -> Option<String> {
    if name.len() > INTERFACE_NAME_BYTES {
        return Some(format!(
            "it becomes an interface name, which has at most {INTERFACE_NAME_BYTES} bytes, and this has {}",
            name.len()
        ));
    }
    if matches!(name, "." | ".." | "all" | "default" | "lo") {
        return Some("it becomes an interface name, and this one is reserved".to_owned());
    }
    // 0xa0 is a space to the kernel, also inside a UTF-8 sequence.
    let refused = |c: char| matches!(c, '/' | ':' | '%') || c.is_whitespace() || c.is_control();
    if name.chars().any(refused) || name.bytes().any(|byte| byte == 0xa0) {
        return Some("it becomes an interface name, which can't have white space, `/`, `:` or `%` in it".to_owned());
    }
    None
}

/// Returns why a name can't be that of a file.
pub fn file_name_problem(name: &str) -> Option<String> {
    if name.len() > FILE_NAME_BYTES {
        return Some(format!(
            "it becomes part of file names, so it may have {FILE_NAME_BYTES} bytes at most, and this has {}",
            name.len()
        ));
    }
    if matches!(name, "." | "..") {
        return Some("it becomes a file name, and this one is reserved".to_owned());
    }
    if name.chars().any(|c| c == '/' || c.is_control()) {
        return Some("it becomes a file name, which can't have `/` or control characters in it".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_names_are_those_the_kernel_takes() {
        for name in ["eth0", "s1-to-r0-1", "fifteen-bytes-1", "a.b", "...", "naïve", "-x"] {
            assert_eq!(interface_name_problem(name), None, "{name}");
        }
        // The last but one has the byte 0xa0 in it, the last one has 16 bytes.
        for name in [
            ".",
            "..",
            "lo",
            "all",
            "default",
            "a/b",
            "a:b",
            "a%d",
            "a b",
            "a\tb",
            "a\u{a0}b",
            "à",
            "fifteen-bytes-1x",
        ] {
            assert!(interface_name_problem(name).is_some(), "{name}");
        }
    }

    #[test]
    fn file_names_stay_in_their_directory() {
        for name in ["operation", "rack0-tor1", "...", "a b", "日本"] {
            assert_eq!(file_name_problem(name), None, "{name}");
        }
        for name in [".", "..", "a/b", "/", "a\nb", &"x".repeat(201)] {
            assert!(file_name_problem(name).is_some(), "{name}");
        }
    }
}
