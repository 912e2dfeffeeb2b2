//! The volumes of a node.

use std::collections::HashMap;

use super::{image::absolute_path, removed, seed, take_name};
use crate::spec::{
    context::{Category, Context, already_named},
    diagnostic::{Code, Finding, quote},
    fields::{Fields, Text, lower_first},
    model::{Cache, DiskFormat, ShareDriver, Volume, VolumeKind},
    names::file_name_problem,
    size::disk_bytes,
    tree::{Mark, Node},
};

const KINDS: &[&str] = &["image", "localds", "raw", "hostPath"];
const CACHES: &[&str] = &["none", "writeback", "writethrough", "directsync", "unsafe"];
const FORMATS: &[&str] = &["qcow2", "raw"];
const DRIVERS: &[&str] = &["9p", "virtiofs"];
/// The keys of all kinds of volume; one on the wrong kind is not a misspelling.
const KEYS_OF_KINDS: &[&str] = &[
    "image",
    "copy-on-write",
    "user-data",
    "network-config",
    "meta-data",
    "size",
    "format",
    "path",
    "writable",
    "driver",
];
/// Longest 9p mount tag (QEMU's MAX_TAG_LEN without the terminating NUL); virtio-fs allows 36.
const MOUNT_TAG_BYTES: usize = 31;

/// Reads a volume; `names` are those of the node's volumes before it.
pub fn read<'t>(
    cx: &mut Context<'_>,
    node: &'t Node,
    node_label: &str,
    names: &mut HashMap<&'t str, Mark>,
) -> Option<Volume> {
    let mut fields = Fields::of_main(cx, node, format!("A volume of {}", lower_first(node_label)), "name")?;
    let kind = fields.required_text(cx, "kind");
    let name = take_name(cx, &mut fields, "volume", file_name_problem);
    if let Some(name) = name {
        fields.label = format!("Volume {} of {}", quote(name.text), lower_first(node_label));
        if let Some(&first) = names.get(name.text) {
            let message = format!("{node_label} has another volume {}.", quote(name.text));
            cx.report(already_named(message, name, first));
        } else {
            names.insert(name.text, name.mark);
        }
    }
    let cache = read_cache(cx, &mut fields);
    let device_class = fields
        .text(cx, "device-class")
        .map(|class| cx.refer(Category::DeviceClass, class));
    let kind = match kind?.text {
        "image" => read_image(cx, &mut fields),
        "localds" => read_localds(cx, &mut fields),
        "raw" => read_raw(cx, &mut fields),
        "hostPath" => read_host_path(cx, &mut fields, name),
        _ => {
            // Nobody knows the keys of a kind that doesn't exist, so they aren't checked.
            unknown_kind(cx, &fields, kind?);
            return None;
        }
    };
    fields.finish(cx, KEYS_OF_KINDS);
    let name = name?;
    Some(Volume {
        name: name.text.to_owned(),
        place: cx.place(name.mark),
        kind: kind?,
        cache,
        device_class,
    })
}

fn read_image(cx: &mut Context<'_>, fields: &mut Fields<'_>) -> Option<VolumeKind> {
    let image = fields
        .required_text(cx, "image")
        .map(|image| cx.refer(Category::Image, image));
    let copy_on_write = fields.boolean(cx, "copy-on-write");
    Some(VolumeKind::Image {
        image: image?,
        copy_on_write,
    })
}

fn read_localds(cx: &mut Context<'_>, fields: &mut Fields<'_>) -> Option<VolumeKind> {
    let user_data = fields.required_text(cx, "user-data").map(|path| {
        seed::check_user_data(cx, &fields.says("user-data"), path);
        cx.readable_file(&fields.says("user-data"), path)
    });
    let mut mapping = |key| {
        let path = fields.text(cx, key)?;
        seed::check_mapping(cx, &fields.says(key), path);
        Some(cx.readable_file(&fields.says(key), path))
    };
    let (network_config, meta_data) = (mapping("network-config"), mapping("meta-data"));
    Some(VolumeKind::LocalDs {
        user_data: user_data?,
        network_config,
        meta_data,
    })
}

fn read_raw(cx: &mut Context<'_>, fields: &mut Fields<'_>) -> Option<VolumeKind> {
    let size = fields.required_text(cx, "size");
    if let Some(size) = size
        && disk_bytes(size.text).is_none()
    {
        let message = format!("{} is not a size: {}.", fields.says("size"), quote(size.text));
        cx.report(
            Finding::error(Code::InvalidValue, size.mark, message)
                .hint("It is a number with `K`, `M`, `G` or `T` after it, as in `10G`; a bare number counts bytes."),
        );
    }
    let format = match fields.text(cx, "format") {
        None => DiskFormat::default(),
        Some(text) if text.text == "qcow2" => DiskFormat::Qcow2,
        Some(text) if text.text == "raw" => DiskFormat::Raw,
        Some(text) => {
            cx.not_one_of(&fields.says("format"), text, FORMATS);
            DiskFormat::default()
        }
    };
    Some(VolumeKind::Raw {
        size: size?.text.to_owned(),
        format,
    })
}

fn read_host_path(cx: &mut Context<'_>, fields: &mut Fields<'_>, name: Option<Text<'_>>) -> Option<VolumeKind> {
    let path = fields
        .required_text(cx, "path")
        .and_then(|path| absolute_path(cx, &fields.says("path"), path));
    let writable = fields.boolean(cx, "writable");
    let driver = match fields.text(cx, "driver") {
        None => ShareDriver::default(),
        Some(text) if text.text == "9p" => ShareDriver::NineP,
        Some(text) if text.text == "virtiofs" => ShareDriver::Virtiofs,
        Some(text) => {
            cx.not_one_of(&fields.says("driver"), text, DRIVERS);
            ShareDriver::default()
        }
    };
    if driver == ShareDriver::Virtiofs
        && let Some(path) = path
            .as_ref()
            .filter(|path| path.as_os_str().as_encoded_bytes().contains(&b','))
    {
        let message = format!(
            "{} must have no comma: virtiofsd can't be told of {}.",
            fields.says("path"),
            path.display()
        );
        cx.report(Finding::error(Code::InvalidValue, fields.mark, message));
    }
    if let Some(name) = name.filter(|name| name.text.len() > MOUNT_TAG_BYTES) {
        let message = format!(
            "The volume of kind `hostPath` can't be named {}: it becomes a mount tag, which has at most {MOUNT_TAG_BYTES} bytes.",
            quote(name.text)
        );
        cx.report(Finding::error(Code::InvalidName, name.mark, message));
    }
    Some(VolumeKind::HostPath {
        path: path?,
        writable,
        driver,
    })
}

fn read_cache(cx: &mut Context<'_>, fields: &mut Fields<'_>) -> Cache {
    match fields.text(cx, "cache") {
        None => Cache::default(),
        Some(text) if text.text == "none" => Cache::None,
        Some(text) if text.text == "writeback" => Cache::Writeback,
        Some(text) if text.text == "writethrough" => Cache::Writethrough,
        Some(text) if text.text == "directsync" => Cache::Directsync,
        Some(text) if text.text == "unsafe" => Cache::Unsafe,
        Some(text) => {
            cx.not_one_of(&fields.says("cache"), text, CACHES);
            Cache::default()
        }
    }
}

fn unknown_kind(cx: &mut Context<'_>, fields: &Fields<'_>, kind: Text<'_>) {
    match kind.text {
        "vvfat" => cx.report(
            removed("Volumes of kind `vvfat` are gone since placemat version 1.", kind)
                .hint("Use kind `hostPath`, which the guest mounts over 9p with the volume's name as its tag."),
        ),
        "lv" => cx.report(
            removed("Volumes of kind `lv` are gone since placemat version 1.", kind)
                .hint("Use kind `raw`, with a `device-class` for the directory it is kept in."),
        ),
        _ => cx.not_one_of(&fields.says("kind"), kind, KINDS),
    }
}
