//! Volumes and the images they are made from.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
};

use super::{
    Facts, Image, Options, Paths, PlanError, Seed, Virtiofs, Volume, VolumeSource, identity, lab, qemu::Descriptors,
};
use crate::spec::model::{self as spec, Cache, ImageSource, ShareDriver, Spec, VolumeKind};

/// Returns the directories under which disk files are opened by QEMU, absolute. Not all of them need exist.
pub fn disk_dirs(spec: &Spec, options: &Options) -> BTreeSet<PathBuf> {
    let own = [
        volume_root(&lab::absolute(spec, &options.data_dir)),
        image_cache(&lab::absolute(spec, &options.cache_dir)),
    ];
    let classes = spec.device_classes.iter().map(|class| volume_root(&class.path));
    let files = spec.images.iter().filter_map(|image| match &image.source {
        ImageSource::File(file) => file.parent().map(Path::to_owned),
        ImageSource::Url(_) => None,
    });
    own.into_iter().chain(classes).chain(files).collect()
}

/// Where volumes are below the data directory or a device class, as with placemat v2: what it made is found.
fn volume_root(directory: &Path) -> PathBuf {
    directory.join("volumes")
}

/// Where images are that were fetched or decompressed.
pub fn image_cache(cache_dir: &Path) -> PathBuf {
    cache_dir.join("image_cache")
}

/// The images and device classes of a lab, and what is known of the directories they are in.
pub(super) struct Disks<'a> {
    facts: &'a Facts,
    paths: &'a Paths,
    images: HashMap<&'a str, &'a spec::Image>,
    classes: HashMap<&'a str, &'a spec::DeviceClass>,
    used: BTreeSet<&'a str>,
    /// Directories for which a volume's cache mode had to be changed.
    buffered: BTreeSet<PathBuf>,
}

impl<'a> Disks<'a> {
    pub(super) fn new(spec: &'a Spec, paths: &'a Paths, facts: &'a Facts) -> Self {
        Self {
            facts,
            paths,
            images: spec.images.iter().map(|image| (image.name.as_str(), image)).collect(),
            classes: spec
                .device_classes
                .iter()
                .map(|class| (class.name.as_str(), class))
                .collect(),
            used: BTreeSet::new(),
            buffered: BTreeSet::new(),
        }
    }

    /// Plans a volume of a node.
    pub(super) fn volume(
        &mut self,
        node: &spec::Node,
        volume: &'a spec::Volume,
        descriptors: &mut Descriptors,
        errors: &mut Vec<PlanError>,
    ) -> Volume {
        let root = self.root(node, volume, errors);
        // Directories in which QEMU will open a file for this volume.
        let mut opened = vec![root.clone()];
        let mut path = root.join(&node.name).join(format!("{}.img", volume.name));
        let source = match &volume.kind {
            VolumeKind::Image { image, copy_on_write } => {
                let backing = self.image(node, volume, image, *copy_on_write, errors);
                if *copy_on_write {
                    opened.extend(backing);
                    VolumeSource::Overlay { image: image.clone() }
                } else {
                    VolumeSource::Copy { image: image.clone() }
                }
            }
            VolumeKind::LocalDs {
                user_data,
                network_config,
                meta_data,
            } => VolumeSource::Seed(Seed {
                user_data: user_data.clone(),
                network_config: network_config.clone(),
                meta_data: meta_data.clone(),
                instance_id: node.name.clone(),
                hostname: node.name.clone(),
            }),
            VolumeKind::Raw { size, format } => VolumeSource::Blank {
                size: size.clone(),
                format: *format,
            },
            VolumeKind::HostPath {
                path: directory,
                writable,
                driver,
            } => {
                path.clone_from(directory);
                opened.clear();
                let virtiofs = (*driver == ShareDriver::Virtiofs).then(|| Virtiofs {
                    program: self.facts.virtiofsd.clone().unwrap_or_default(),
                    socket: lab::share_socket(self.paths, &node.name, &volume.name, &volume.place, errors),
                    fd: descriptors.next(),
                });
                VolumeSource::Directory {
                    writable: *writable,
                    virtiofs,
                }
            }
        };
        Volume {
            name: volume.name.clone(),
            source,
            path,
            cache: self.cache(volume.cache, &opened),
        }
    }

    /// Returns the directory that has the node's directory with the volume in it.
    fn root(&self, node: &spec::Node, volume: &spec::Volume, errors: &mut Vec<PlanError>) -> PathBuf {
        let Some(name) = &volume.device_class else {
            return volume_root(&self.paths.data_dir);
        };
        if let Some(class) = self.classes.get(name.as_str()) {
            return volume_root(&class.path);
        }
        errors.push(PlanError::Dangling {
            place: volume.place.clone(),
            user: format!("{}/{}", node.name, volume.name),
            kind: "device class",
            name: name.clone(),
        });
        PathBuf::new()
    }

    /// Takes note that an image is used; returns the directory of its file.
    fn image(
        &mut self,
        node: &spec::Node,
        volume: &spec::Volume,
        name: &'a str,
        copy_on_write: bool,
        errors: &mut Vec<PlanError>,
    ) -> Option<PathBuf> {
        let place = volume.place.clone();
        let Some(image) = self.images.get(name) else {
            let user = format!("{}/{}", node.name, volume.name);
            errors.push(PlanError::Dangling {
                place,
                user,
                kind: "image",
                name: name.to_owned(),
            });
            return None;
        };
        self.used.insert(name);
        match &image.source {
            ImageSource::Url(_) => Some(image_cache(&self.paths.cache_dir)),
            ImageSource::File(file) => {
                if copy_on_write && image.compression.is_some() {
                    errors.push(PlanError::OverlayOnCompressed {
                        place,
                        node: node.name.clone(),
                        volume: volume.name.clone(),
                        image: name.to_owned(),
                    });
                }
                file.parent().map(Path::to_owned)
            }
        }
    }

    /// Returns a cache mode that the file systems allow: those that bypass the page cache need `O_DIRECT`.
    fn cache(&mut self, wanted: Cache, opened: &[PathBuf]) -> Cache {
        let buffered = match wanted {
            Cache::None => Cache::Writeback,
            Cache::Directsync => Cache::Writethrough,
            Cache::Writeback | Cache::Writethrough | Cache::Unsafe => return wanted,
        };
        let before = opened
            .iter()
            .filter(|directory| self.facts.buffered_only.contains(*directory));
        let refusing: Vec<_> = before.cloned().collect();
        if refusing.is_empty() {
            return wanted;
        }
        self.buffered.extend(refusing);
        buffered
    }

    /// Returns the images that some volume uses, in the order of the files.
    pub(super) fn images(&self, spec: &Spec, errors: &mut Vec<PlanError>) -> Vec<Image> {
        let used: Vec<_> = spec
            .images
            .iter()
            .filter(|image| self.used.contains(image.name.as_str()))
            .collect();
        let mut downloads: HashMap<&str, &spec::Image> = HashMap::new();
        for image in &used {
            let ImageSource::Url(url) = &image.source else { continue };
            let first = *downloads.entry(url).or_insert(image);
            if first.compression != image.compression {
                errors.push(PlanError::ImageConflict {
                    place: image.place.clone(),
                    image: image.name.clone(),
                    other: first.name.clone(),
                });
            }
        }
        used.into_iter().map(|image| self.planned_image(image)).collect()
    }

    fn planned_image(&self, image: &spec::Image) -> Image {
        let (url, file) = match &image.source {
            ImageSource::Url(url) => {
                // What was fetched before its sum was known, or with another sum, is another file: whatever has been made
                // from that stays whole.
                let key = match &image.sha256 {
                    Some(sum) => identity::hex_sha256(&format!("{url} sha256:{sum}")),
                    // As placemat v2 names it: what that fetched is not fetched again.
                    None => identity::hex_sha256(url),
                };
                (Some(url.clone()), image_cache(&self.paths.cache_dir).join(key))
            }
            ImageSource::File(file) => (None, file.clone()),
        };
        let id = format!("image/{}", image.name);
        Image {
            id,
            name: image.name.clone(),
            url,
            file,
            compression: image.compression,
            sha256: image.sha256.clone(),
        }
    }

    /// Returns a sentence for each directory that changed a volume's cache mode.
    pub(super) fn notes(&self) -> impl Iterator<Item = String> {
        self.buffered.iter().map(|directory| {
            format!(
                "The file system of `{}` does not support direct I/O, so the disks that need it there are cached by \
                 the host (`writeback` instead of `none`, `writethrough` instead of `directsync`).",
                directory.display()
            )
        })
    }
}
