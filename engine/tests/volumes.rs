//! Images and volumes, made by a real `qemu-img` from files and from a real HTTP server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod scene;

use std::{
    fs,
    num::NonZeroU32,
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_compression::tokio::bufread::{GzipEncoder, XzEncoder};
use placemat2_engine::{
    keeper::Keeper,
    node::{ImageError, Images, Patience, PrepareEnv, VolumeError, prepare_images, prepare_volumes},
    plan::{Image, Mtu, MtuSource, Node, Nvram, Paths, Plan, PowerRestore, Qemu, Seed, Volume, VolumeSource},
    spec::model::{Cache, Compression, DiskFormat},
    store::{State, Store},
};
use scene::trial;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};
use tokio_util::sync::CancellationToken;

fn main() {
    scene::main(|| {
        vec![
            trial("every kind of volume is what it should be", every_kind),
            trial("a file that exists is never made again", reused),
            trial("what placemat v2 made in other formats keeps its content", adopted),
            trial("what crashes left is not reused", leftovers),
            trial("an image is downloaded once and decompressed", download),
            trial("a server's refusal is told with the URL", refused),
            trial("a download cut short leaves nothing", cut_short),
            trial(
                "a compressed file is decompressed once, and again when it changed",
                compressed_file,
            ),
            trial("what is missing or no image is told by name", bad_images),
            trial("volumes that cannot be made are told by name", bad_volumes),
            trial("cancelling ends a download at once", cancelled),
        ]
    });
}

struct Site {
    dir: TempDir,
    keeper: Keeper,
    store: Store,
    cancel: CancellationToken,
}

impl Site {
    fn new(keeper: Keeper, dir: TempDir) -> Self {
        Self {
            dir,
            keeper,
            store: Store::new(State::default()),
            cancel: CancellationToken::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn env(&self) -> PrepareEnv {
        PrepareEnv::new(self.store.clone(), self.keeper.clone(), self.cancel.clone()).with_patience(Patience {
            attempts: NonZeroU32::MIN,
            ..Patience::default()
        })
    }

    async fn images(&self, images: Vec<Image>) -> Result<Images, ImageError> {
        prepare_images(&plan(self.dir.path(), images), &self.env()).await
    }

    async fn volumes(&self, images: &Images, volumes: Vec<Volume>) -> Result<(), VolumeError> {
        prepare_volumes(&node(volumes), images, &self.env()).await
    }

    /// A sparse raw disk of 4 MiB that begins with that text.
    fn raw_disk(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        let file = fs::File::create(&path).unwrap();
        file.write_all_at(text.as_bytes(), 0).unwrap();
        file.set_len(4 << 20).unwrap();
        path
    }

    /// What is in a directory, without the names of files being made.
    fn names(&self, dir: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(dir)).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn qemu_img(args: &[&str]) -> String {
    let output = process::Command::new("qemu-img").args(args).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn info(path: &Path) -> Value {
    serde_json::from_str(&qemu_img(&["info", "--output=json", path.to_str().unwrap()])).unwrap()
}

/// Whether both disks hold the same, whatever their formats.
fn assert_same_content(one: &Path, two: &Path) {
    qemu_img(&["compare", one.to_str().unwrap(), two.to_str().unwrap()]);
}

fn file_image(name: &str, file: PathBuf) -> Image {
    Image {
        id: format!("image/{name}"),
        name: name.into(),
        url: None,
        file,
        compression: None,
        sha256: None,
    }
}

fn volume(site: &Site, name: &str, source: VolumeSource) -> Volume {
    Volume {
        name: name.into(),
        source,
        path: site.path(&format!("volumes/boot-0/{name}.img")),
        cache: Cache::None,
    }
}

fn copy_of(image: &str) -> VolumeSource {
    VolumeSource::Copy { image: image.into() }
}

fn overlay_on(image: &str) -> VolumeSource {
    VolumeSource::Overlay { image: image.into() }
}

fn blank(size: &str, format: DiskFormat) -> VolumeSource {
    VolumeSource::Blank {
        size: size.into(),
        format,
    }
}

fn seed(user_data: PathBuf) -> VolumeSource {
    VolumeSource::Seed(Seed {
        user_data,
        network_config: None,
        meta_data: None,
        instance_id: "boot-0".into(),
        hostname: "boot-0".into(),
    })
}

fn node(volumes: Vec<Volume>) -> Node {
    Node {
        power_on: true,
        id: "node/boot-0".into(),
        name: "boot-0".into(),
        nics: vec![],
        volumes,
        qemu: Qemu {
            program: PathBuf::new(),
            args: vec![],
            user: None,
            qmp_fd: 10,
            serial_fd: 11,
            port_fd: 11,
        },
        console_socket: PathBuf::new(),
        console_log: PathBuf::new(),
        cpus: 1,
        memory: None,
        restore: PowerRestore {
            file: PathBuf::new(),
            policy: None,
        },
        nvram: None,
        tpm: None,
        cd: None,
        manufacturer: None,
        product: None,
        serial: String::new(),
        ready: vec![],
        depends_on: vec![],
    }
}

fn plan(dir: &Path, images: Vec<Image>) -> Plan {
    let path = |name: &str| dir.join(name);
    Plan {
        lab: "dc".into(),
        paths: Paths {
            base_dir: path("base"),
            lab_dir: path("lab"),
            api_socket: path("lab/api.sock"),
            run_dir: path("run"),
            data_dir: path("data"),
            cache_dir: path("cache"),
            log_dir: path("log"),
            netns_dir: path("netns"),
        },
        accel: None,
        mtu: Mtu {
            value: None,
            source: MtuSource::Default,
        },
        networks: vec![],
        namespaces: vec![],
        images,
        nodes: vec![],
        bmcs: vec![],
        nat: vec![],
        sysctls: vec![],
        notes: vec![],
    }
}

async fn every_kind(keeper: Keeper, dir: TempDir) {
    let site = Site::new(keeper, dir);
    let raw = site.raw_disk("raw.img", "a raw disk");
    let qcow2 = site.path("disk.qcow2");
    qemu_img(&["convert", "-O", "qcow2", raw.to_str().unwrap(), qcow2.to_str().unwrap()]);
    let based = site.path("based.qcow2");
    let (backing, target) = (raw.to_str().unwrap(), based.to_str().unwrap());
    qemu_img(&["create", "-f", "qcow2", "-b", backing, "-F", "raw", target]);
    let images = [("raw", raw.clone()), ("qcow2", qcow2.clone()), ("based", based)];
    let images = images.map(|(name, file)| file_image(name, file)).into();
    let images = site.images(images).await.unwrap();
    fs::write(site.path("user-data"), "#cloud-config\n").unwrap();
    let mut shared = volume(
        &site,
        "shared",
        VolumeSource::Directory {
            writable: true,
            virtiofs: None,
        },
    );
    shared.path = site.path("deep/shared");
    let volumes = vec![
        volume(&site, "raw-copy", copy_of("raw")),
        volume(&site, "qcow2-copy", copy_of("qcow2")),
        volume(&site, "based-copy", copy_of("based")),
        volume(&site, "raw-overlay", overlay_on("raw")),
        volume(&site, "qcow2-overlay", overlay_on("qcow2")),
        volume(&site, "blank-qcow2", blank("3G", DiskFormat::Qcow2)),
        volume(&site, "blank-raw", blank("8M", DiskFormat::Raw)),
        volume(&site, "seed", seed(site.path("user-data"))),
        shared,
    ];
    site.volumes(&images, volumes).await.unwrap();

    let path = |name: &str| site.path(&format!("volumes/boot-0/{name}.img"));
    for name in ["raw-copy", "qcow2-copy", "based-copy"] {
        let info = info(&path(name));
        assert_eq!(
            (&info["format"], &info["backing-filename"]),
            (&"qcow2".into(), &Value::Null),
            "{name}"
        );
        assert_same_content(&path(name), &raw);
    }
    for (name, backing, format) in [("raw-overlay", &raw, "raw"), ("qcow2-overlay", &qcow2, "qcow2")] {
        let info = info(&path(name));
        assert_eq!(info["format"], "qcow2");
        assert_eq!(info["backing-filename"], backing.to_str().unwrap());
        assert_eq!(info["backing-filename-format"], format);
        assert_same_content(&path(name), &raw);
    }
    let blank = info(&path("blank-qcow2"));
    assert_eq!(
        (&blank["format"], &blank["virtual-size"]),
        (&"qcow2".into(), &(3_u64 << 30).into())
    );
    let blank = info(&path("blank-raw"));
    assert_eq!(
        (&blank["format"], &blank["virtual-size"]),
        (&"raw".into(), &(8_u64 << 20).into())
    );
    assert!(path("blank-raw").metadata().unwrap().blocks() * 512 < 1 << 20);
    assert_eq!(path("seed").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(site.path("deep/shared").is_dir());
    assert_eq!(site.names("volumes/boot-0").len(), 8);
}

async fn reused(keeper: Keeper, dir: TempDir) {
    let site = Site::new(keeper, dir);
    let node = |site: &Site| {
        let mut node = node(vec![volume(site, "data", blank("1M", DiskFormat::Qcow2))]);
        node.nvram = Some(Nvram {
            template: site.path("OVMF_VARS.fd"),
            path: site.path("nvram/boot-0.fd"),
        });
        node
    };
    fs::write(site.path("OVMF_VARS.fd"), "pristine").unwrap();
    let images = Images::default();
    prepare_volumes(&node(&site), &images, &site.env()).await.unwrap();
    assert_eq!(fs::read(site.path("nvram/boot-0.fd")).unwrap(), b"pristine");
    fs::write(site.path("nvram/boot-0.fd"), "changed").unwrap();
    fs::write(site.path("volumes/boot-0/data.img"), "precious").unwrap();
    fs::remove_file(site.path("OVMF_VARS.fd")).unwrap();
    prepare_volumes(&node(&site), &images, &site.env()).await.unwrap();
    assert_eq!(fs::read(site.path("nvram/boot-0.fd")).unwrap(), b"changed");
    assert_eq!(fs::read(site.path("volumes/boot-0/data.img")).unwrap(), b"precious");
}

async fn adopted(keeper: Keeper, dir: TempDir) {
    let site = Site::new(keeper, dir);
    let images = [("raw", site.raw_disk("raw.img", "pristine"))];
    let images = images.map(|(name, file)| file_image(name, file)).into();
    let images = site.images(images).await.unwrap();
    fs::write(site.path("user-data"), "#cloud-config\n").unwrap();
    fs::create_dir_all(site.path("volumes/boot-0")).unwrap();
    let path = |name: &str| site.path(&format!("volumes/boot-0/{name}.img"));
    let used = site.raw_disk("used.img", "the guest wrote this");
    fs::copy(&used, path("raw-copy")).unwrap();
    qemu_img(&["create", "-f", "qcow2", path("seed").to_str().unwrap(), "1M"]);
    qemu_img(&["create", "-f", "qcow2", path("qcow2-copy").to_str().unwrap(), "1M"]);
    // A guest may write to a raw disk what it likes.
    fs::copy(path("qcow2-copy"), path("blank-raw")).unwrap();
    let before = [path("qcow2-copy"), path("blank-raw")].map(|path| fs::read(path).unwrap());
    let volumes = || {
        vec![
            volume(&site, "raw-copy", copy_of("raw")),
            volume(&site, "qcow2-copy", copy_of("raw")),
            volume(&site, "seed", seed(site.path("user-data"))),
            volume(&site, "blank-raw", blank("8M", DiskFormat::Raw)),
        ]
    };
    for _ in 0..2 {
        site.volumes(&images, volumes()).await.unwrap();
        assert_eq!(info(&path("raw-copy"))["format"], "qcow2");
        assert_same_content(&path("raw-copy"), &used);
        assert_eq!(info(&path("seed"))["format"], "raw");
        assert!(String::from_utf8_lossy(&fs::read(path("seed")).unwrap()).contains("#cloud-config"));
        let after = [path("qcow2-copy"), path("blank-raw")].map(|path| fs::read(path).unwrap());
        assert!(before == after);
    }
    assert_eq!(site.names("volumes/boot-0").len(), 4);
}

async fn leftovers(keeper: Keeper, dir: TempDir) {
    let site = Site::new(keeper, dir);
    fs::create_dir_all(site.path("volumes/boot-0")).unwrap();
    fs::write(site.path("volumes/boot-0/.data.img.1-0.part"), "half").unwrap();
    let data = volume(&site, "data", blank("1M", DiskFormat::Raw));
    site.volumes(&Images::default(), vec![data]).await.unwrap();
    assert_eq!(site.names("volumes/boot-0"), ["data.img"]);
}

/// What a server does with each request.
#[derive(Clone)]
enum Answer {
    Body(Vec<u8>),
    NotFound,
    /// Half of what was promised.
    Half(Vec<u8>),
    /// The beginning, then nothing.
    Stall,
}

/// An HTTP server; returns its URL and the number of requests it got.
async fn serve(answer: Answer) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/disk.img", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(respond(stream, answer.clone()));
        }
    });
    (url, requests)
}

async fn respond(stream: tokio::net::TcpStream, answer: Answer) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.unwrap() > 2 {
        line.clear();
    }
    let head = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    let bytes = match answer {
        Answer::Body(body) => [head(body.len()), body].concat(),
        Answer::Half(body) => [head(body.len()), body[..body.len() / 2].into()].concat(),
        Answer::NotFound => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into(),
        Answer::Stall => {
            stream.write_all(&head(1000)).await.unwrap();
            stream.flush().await.unwrap();
            return std::future::pending().await;
        }
    };
    stream.write_all(&bytes).await.unwrap();
    stream.flush().await.unwrap();
}

fn url_image(site: &Site, name: &str, url: &str, compression: Option<Compression>) -> Image {
    Image {
        url: Some(url.into()),
        compression,
        ..file_image(name, site.path("cache/image_cache/key"))
    }
}

async fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    GzipEncoder::new(bytes).read_to_end(&mut out).await.unwrap();
    out
}

async fn download(keeper: Keeper, dir: TempDir) {
    let site = Site::new(keeper, dir);
    let disk = fs::read(site.raw_disk("raw.img", "downloaded")).unwrap();
    let body = gzip(&disk).await;
    let compressed = body.len();
    let (url, requests) = serve(Answer::Body(body)).await;
    let compression = Some(Compression::Gzip);
    // Two names for one URL are one file.
    let images = ["a", "b"].map(|name| url_image(&site, name, &url, compression));
    for _ in 0..2 {
        site.images(images.to_vec()).await.unwrap();
    }
    assert_eq!(requests.load(Ordering::SeqCst), 1);
    assert!(fs::read(&images[0].file).unwrap() == disk);
    assert_eq!(site.names("cache/image_cache"), ["key"]);
    let messages: Vec<_> = site
        .store
        .events_after(0)
        .iter()
        .map(|event| event.message.clone())
        .collect();
    assert_eq!(
        messages,
        [
            format!("Downloading {url}."),
            format!("Downloaded {url}: {compressed} bytes.")
        ]
    );
}

async fn refused(keeper: Keeper, dir: TempDir) {
    let site = Site::new(keeper, dir);
    let (url, _) = serve(Answer::NotFound).await;
    let error = site
        .images(vec![url_image(&site, "disk", &url, None)])
        .await
        .unwrap_err();
    let expected = format!("cannot download image `disk` from {url}: the server answered 404 Not Found");
    assert_eq!(error.to_string(), expected);
    let nobody = "http://127.0.0.1:1/disk.img";
    let error = site
        .images(vec![url_image(&site, "disk", nobody, None)])
        .await
        .unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with(&format!("cannot download image `disk` from {nobody}: ")),
        "{message}"
    );
    assert!(message.contains("Connection refused"), "{message}");
    assert!(site.names("cache/image_cache").is_empty());
}

async fn cut_short(keeper: Keeper, dir: TempDir) {
    let site = Site::new(keeper, dir);
    let disk = vec![b'x'; 100_000];
    for (body, compression) in [(disk.clone(), None), (gzip(&disk).await, Some(Compression::Gzip))] {
        let (url, _) = serve(Answer::Half(body)).await;
        let images = vec![url_image(&site, "disk", &url, compression)];
        assert!(matches!(site.images(images).await, Err(ImageError::Download { .. })));
        assert!(site.names("cache/image_cache").is_empty());
    }
}

async fn compressed_file(keeper: Keeper, dir: TempDir) {
    let site = Site::new(keeper, dir);
    let image = |file: PathBuf| Image {
        compression: Some(Compression::Xz),
        ..file_image("disk", file)
    };
    let mut overlay = volume(&site, "root", overlay_on("disk"));
    for (round, text) in ["first", "second"].into_iter().enumerate() {
        let disk = fs::read(site.raw_disk("raw.img", text)).unwrap();
        let mut packed = vec![];
        XzEncoder::new(disk.as_slice()).read_to_end(&mut packed).await.unwrap();
        fs::write(site.path("disk.xz"), packed).unwrap();
        for _ in 0..2 {
            let images = site.images(vec![image(site.path("disk.xz"))]).await.unwrap();
            overlay.path = site.path(&format!("{text}.img"));
            site.volumes(&images, vec![overlay.clone()]).await.unwrap();
            assert_eq!(site.names("cache/image_cache").len(), round + 1);
        }
        assert_same_content(&overlay.path, &site.path("raw.img"));
    }
}

async fn bad_images(keeper: Keeper, dir: TempDir) {
    let site = Site::new(keeper, dir);
    let fails = async |image: Image| site.images(vec![image]).await.unwrap_err().to_string();
    let missing = fails(file_image("disk", site.path("missing.img"))).await;
    let path = site.path("missing.img");
    assert!(
        missing.starts_with(&format!("cannot use {} as image `disk`: ", path.display())),
        "{missing}"
    );
    assert!(missing.contains("No such file or directory"), "{missing}");

    let header = [b"QFI\xfb".as_slice(), &[0xff; 500]].concat();
    fs::write(site.path("broken.qcow2"), header).unwrap();
    let broken = fails(file_image("disk", site.path("broken.qcow2"))).await;
    assert!(broken.contains("broken.qcow2 as image `disk`: qemu-img: "), "{broken}");

    fs::write(site.path("plain.gz"), "no archive").unwrap();
    let plain = Image {
        compression: Some(Compression::Gzip),
        ..file_image("disk", site.path("plain.gz"))
    };
    let plain = fails(plain).await;
    assert!(
        plain.starts_with("cannot decompress ") && plain.contains("plain.gz of image `disk`"),
        "{plain}"
    );
    assert!(site.names("cache/image_cache").is_empty());
}

async fn bad_volumes(keeper: Keeper, dir: TempDir) {
    let site = Site::new(keeper, dir);
    let fails = async |volume: Volume| {
        let error = site.volumes(&Images::default(), vec![volume]).await.unwrap_err();
        error.to_string()
    };
    let message = fails(volume(&site, "seed", seed(site.path("missing")))).await;
    let (image, missing) = (site.path("volumes/boot-0/seed.img"), site.path("missing"));
    let expected = format!(
        "node `boot-0`: cannot make volume `seed` at {}: cannot read {}: No such file or directory (os error 2)",
        image.display(),
        missing.display()
    );
    assert_eq!(message, expected);
    let message = fails(volume(&site, "root", copy_of("nothing"))).await;
    assert!(message.ends_with("there is no image `nothing`"), "{message}");
    let message = fails(volume(&site, "big", blank("99999999T", DiskFormat::Raw))).await;
    assert!(
        message.contains("cannot make volume `big`") && message.contains("qemu-img: "),
        "{message}"
    );
    assert!(site.names("volumes/boot-0").is_empty());
    fs::write(site.path("volumes/file"), "").unwrap();
    let mut blocked = volume(&site, "data", blank("1M", DiskFormat::Raw));
    blocked.path = site.path("volumes/file/data.img");
    let message = fails(blocked).await;
    assert!(message.contains("Not a directory"), "{message}");
}

async fn cancelled(keeper: Keeper, dir: TempDir) {
    let site = Site::new(keeper, dir);
    let (url, _) = serve(Answer::Stall).await;
    let cancel = site.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        cancel.cancel();
    });
    let error = site
        .images(vec![url_image(&site, "disk", &url, None)])
        .await
        .unwrap_err();
    assert!(matches!(error, ImageError::Cancelled));
    let data = volume(&site, "data", blank("1M", DiskFormat::Raw));
    let error = site.volumes(&Images::default(), vec![data]).await.unwrap_err();
    assert!(error.to_string().ends_with("the lab is going down"));
    assert!(site.names("cache/image_cache").is_empty());
}
