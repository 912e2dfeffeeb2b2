//! `kind: Image` and `kind: DeviceClass`.

use std::path::{Path, PathBuf};

use reqwest::Url;

use super::take_name;
use crate::spec::{
    context::{Category, Context},
    diagnostic::{Code, Finding, quote, quote_path},
    fields::{Fields, Text},
    model::{Compression, DeviceClass, Image, ImageSource},
};

/// Hexadecimal digits of a SHA-256 sum.
const SHA256_DIGITS: usize = 64;
const COMPRESSIONS: &[&str] = &["gzip", "bzip2", "xz", "zstd"];

/// Reads an image.
pub fn read(cx: &mut Context<'_>, mut fields: Fields<'_>) -> Option<Image> {
    fields.relabel("An image");
    let name = take_name(cx, &mut fields, "image", |_| None);
    if let Some(name) = name {
        cx.define(Category::Image, name);
    }
    let url = fields.text(cx, "url");
    let file = fields.text(cx, "file");
    let source = match (url, file) {
        (Some(url), None) => check_url(cx, &fields.says("url"), url).then(|| ImageSource::Url(url.text.to_owned())),
        (None, Some(file)) => Some(ImageSource::File(cx.readable_file(&fields.says("file"), file))),
        (Some(_), Some(file)) => {
            let message = format!("{} has both `url` and `file`.", fields.label);
            cx.report(Finding::error(Code::Conflict, file.mark, message).hint("Keep the one that is meant."));
            None
        }
        (None, None) => {
            let message = format!("{} has neither `url` nor `file`.", fields.label);
            cx.report(Finding::error(Code::Missing, fields.mark, message).hint("Say where its bytes come from."));
            None
        }
    };
    let compression = match fields.text(cx, "compression") {
        None => None,
        Some(text) if text.text == "gzip" => Some(Compression::Gzip),
        Some(text) if text.text == "bzip2" => Some(Compression::Bzip2),
        Some(text) if text.text == "xz" => Some(Compression::Xz),
        Some(text) if text.text == "zstd" => Some(Compression::Zstd),
        Some(text) => {
            cx.not_one_of(&fields.says("compression"), text, COMPRESSIONS);
            None
        }
    };
    let sha256 = fields
        .text(cx, "sha256")
        .and_then(|text| read_sha256(cx, &fields.says("sha256"), text));
    fields.finish(cx, &[]);
    let name = name?;
    Some(Image {
        name: name.text.to_owned(),
        place: cx.place(name.mark),
        source: source?,
        compression,
        sha256,
    })
}

/// Returns a SHA-256 sum in lower case.
fn read_sha256(cx: &mut Context<'_>, what: &str, text: Text<'_>) -> Option<String> {
    if text.text.len() == SHA256_DIGITS && text.text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(text.text.to_ascii_lowercase());
    }
    let message = format!("{what} is not a SHA-256 sum: {}.", quote(text.text));
    let hint = "It has 64 hexadecimal digits, as `sha256sum` prints them for the file as it is downloaded.";
    cx.report(Finding::error(Code::InvalidValue, text.mark, message).hint(hint));
    None
}

/// Reads a device class.
pub fn read_device_class(cx: &mut Context<'_>, mut fields: Fields<'_>) -> Option<DeviceClass> {
    fields.relabel("A device class");
    let name = take_name(cx, &mut fields, "device class", |_| None);
    if let Some(name) = name {
        cx.define(Category::DeviceClass, name);
    }
    let path = fields
        .required_text(cx, "path")
        .and_then(|path| absolute_path(cx, &fields.says("path"), path));
    fields.finish(cx, &[]);
    let name = name?;
    Some(DeviceClass {
        name: name.text.to_owned(),
        place: cx.place(name.mark),
        path: path?,
    })
}

/// Returns a path that must be written as an absolute one.
pub fn absolute_path(cx: &mut Context<'_>, what: &str, path: Text<'_>) -> Option<PathBuf> {
    if Path::new(path.text).is_absolute() {
        return Some(cx.absolute(path.text));
    }
    let message = format!(
        "{what} must be an absolute path, not {}.",
        quote_path(Path::new(path.text))
    );
    let meant = quote_path(&cx.absolute(path.text));
    cx.report(Finding::error(Code::InvalidValue, path.mark, message).hint(format!("Perhaps {meant} is meant.")));
    None
}

fn check_url(cx: &mut Context<'_>, what: &str, url: Text<'_>) -> bool {
    let problem = match Url::parse(url.text) {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => return true,
        Ok(parsed) => format!(
            "{what} must begin with `http://` or `https://`, not `{}:`.",
            parsed.scheme()
        ),
        Err(error) => format!("{what} is not a URL: {error}."),
    };
    cx.report(Finding::error(Code::InvalidValue, url.mark, problem).hint("A local image is given by `file`."));
    false
}
