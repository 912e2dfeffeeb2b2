//! `Image`.

use super::{KIND, key, new};
use crate::spec::shape::{
    Absent::{Error, Means},
    Shape,
    Value::{Text, Words},
};

pub static IMAGE: Shape = Shape {
    name: "Image",
    about: "A disk that volumes are made from",
    keys: &[&[
        KIND,
        key("name", Text, Error, "os", "its name"),
        key(
            "url",
            Text,
            Means("one of `url` and `file`,"),
            "https://example.com/os.img",
            "`http://` or `https://`; fetched once into the cache directory",
        ),
        key(
            "file",
            Text,
            Means("and not both, must be given"),
            "os.img",
            "a local file",
        ),
        key(
            "compression",
            Words(&["gzip", "bzip2", "xz", "zstd"]),
            Means("not compressed"),
            "gzip",
            "`gzip`, `bzip2`, `xz` or `zstd`",
        ),
        new(
            "sha256",
            Text,
            Means("not checked"),
            "abababababababababababababababababababababababababababababababab",
            "SHA-256 of the file as it is fetched or found, before it is decompressed: 64 hex digits",
        ),
    ]],
    one_of: &["url", "file"],
    needs: &[],
};
