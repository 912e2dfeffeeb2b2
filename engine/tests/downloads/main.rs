//! Downloads from servers that break off, lie, dawdle or have changed, and several labs that want the same.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../scene/mod.rs"]
mod scene;
mod server;

use std::{
    fs,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Mutex,
    time::{Duration, Instant},
};

use async_compression::tokio::bufread::GzipEncoder;
use placemat2_engine::{
    keeper::Keeper,
    node::{ImageError, Patience, PrepareEnv, prepare_images},
    plan::{Image, Mtu, MtuSource, Paths, Plan},
    spec::model::Compression,
    store::{ImagePhase, ImageState, State, Store},
};
use scene::trial;
use server::{Mishap, Server};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::{io::AsyncReadExt, net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

/// The header by which the test's server knows its file.
const TAG: &str = "ETag: \"one\"\r\n";

/// Where requests for hosts outside of this one go: `main` makes it the proxy.
static PROXY: Mutex<Option<std::net::TcpListener>> = Mutex::new(None);

fn main() {
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    // SAFETY: this process has no other thread yet.
    unsafe {
        std::env::set_var("http_proxy", address);
        std::env::set_var("no_proxy", "127.0.0.1");
    }
    *PROXY.lock().unwrap() = Some(proxy);
    scene::main(|| {
        vec![
            trial("what breaks off goes on where it was", breaks_off),
            trial("a later run goes on where an earlier one was", later_run),
            trial("a date is as good as a tag, a weak tag is not", validators),
            trial("a file that changed meanwhile is fetched anew", changed),
            trial("an answer with another range than asked for is not used", wrong_range),
            trial("a beginning that is all there is needs no more", complete_beginning),
            trial("a wrong sum is told and nothing is kept", wrong_sum),
            trial("a right sum is accepted, also of a file", right_sum),
            trial("a damaged beginning is found by the sum and fetched anew", damaged),
            trial("what is no archive is not kept", no_archive),
            trial("what can't be a disk is told and not kept", no_disk),
            trial("servers that dawdle are given up", dawdling),
            trial("what passes is tried again and what lasts is not", statuses),
            trial("two labs share one download", shared),
            trial("a lab that waits for another goes down at once", waiting_is_cancelled),
            trial("a lab that was waiting takes over when the other is gone", takes_over),
            trial("the proxy variables count", proxied),
            trial("a file that has no room is not begun", no_room),
            trial("progress is told, and not too often", progress),
        ]
    });
}

/// A lab that wants images.
struct Lab {
    cache: PathBuf,
    env: PrepareEnv,
    store: Store,
    cancel: CancellationToken,
}

fn patience() -> Patience {
    Patience {
        connect: Duration::from_secs(5),
        silence: Duration::from_millis(500),
        window: Duration::from_millis(300),
        least: 1000,
        attempts: NonZeroU32::new(3).unwrap(),
        pause: Duration::from_millis(10),
    }
}

impl Lab {
    fn new(keeper: &Keeper, dir: &Path) -> Self {
        let state = State {
            images: vec![ImageState {
                name: "disk".into(),
                url: None,
                file: String::new(),
                phase: ImagePhase::Waiting,
                done: 0,
                total: None,
                error: None,
            }],
            ..State::default()
        };
        let store = Store::new(state);
        let cancel = CancellationToken::new();
        Self {
            cache: dir.join("cache"),
            env: PrepareEnv::new(store.clone(), keeper.clone(), cancel.clone()).with_patience(patience()),
            store,
            cancel,
        }
    }

    /// The same that gives up after the first attempt.
    fn impatient(keeper: &Keeper, dir: &Path) -> Self {
        let lab = Self::new(keeper, dir);
        let env = lab.env.clone().with_patience(Patience {
            attempts: NonZeroU32::MIN,
            ..patience()
        });
        Self { env, ..lab }
    }

    async fn get(&self, image: Image) -> Result<Vec<u8>, ImageError> {
        let file = image.file.clone();
        prepare_images(&plan(&self.cache, image), &self.env).await?;
        Ok(fs::read(file).unwrap())
    }

    fn image(&self, url: &str) -> Image {
        Image {
            id: "image/disk".into(),
            name: "disk".into(),
            url: Some(url.into()),
            file: self.cache.join("image_cache/key"),
            compression: None,
            sha256: None,
        }
    }

    fn state(&self) -> ImageState {
        self.store.read(|state| state.images[0].clone())
    }

    fn messages(&self) -> String {
        let events = self.store.events_after(0);
        events.iter().map(|event| event.message.clone() + "\n").collect()
    }

    fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.cache.join("image_cache")) else {
            return vec![];
        };
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn plan(cache: &Path, image: Image) -> Plan {
    Plan {
        lab: "dc".into(),
        paths: Paths {
            base_dir: "/".into(),
            lab_dir: "/nowhere".into(),
            api_socket: "/nowhere".into(),
            run_dir: "/nowhere".into(),
            data_dir: "/nowhere".into(),
            cache_dir: cache.into(),
            log_dir: "/nowhere".into(),
            netns_dir: "/nowhere".into(),
        },
        accel: None,
        mtu: Mtu {
            value: None,
            source: MtuSource::Default,
        },
        networks: vec![],
        namespaces: vec![],
        images: vec![image],
        nodes: vec![],
        bmcs: vec![],
        nat: vec![],
        sysctls: vec![],
        notes: vec![],
    }
}

/// Three megabytes that compress badly and have a stretch of zeros.
fn disk() -> Vec<u8> {
    let mut word = 1_u32;
    let mut disk: Vec<u8> = (0..3 << 20)
        .map(|_| {
            word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            word.to_be_bytes()[0]
        })
        .collect();
    disk[1 << 20..2 << 20].fill(0);
    disk
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

async fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    GzipEncoder::new(bytes).read_to_end(&mut out).await.unwrap();
    out
}

async fn breaks_off(keeper: Keeper, dir: TempDir) {
    let lab = Lab::new(&keeper, dir.path());
    let server = Server::start(&disk(), TAG, &[Mishap::Cut(200_000); 3]).await;
    assert!(lab.get(lab.image(&server.url)).await.is_err(), "600 kB are no progress");
    // More often than there are attempts: those that come forward do not count.
    server.with(|shown| shown.mishaps = [Mishap::Cut(600_000); 4].into());
    assert!(lab.get(lab.image(&server.url)).await.unwrap() == disk());
    let ranges = server.ranges();
    assert_eq!(ranges[0], "");
    assert!(
        ranges[1].starts_with("range: bytes=") && ranges[1].ends_with("if-range: \"one\""),
        "{ranges:?}"
    );
    // Nothing was sent that was there: at most what was on its way when a connection was cut.
    let sent = server.with(|shown| shown.sent);
    assert!(sent < disk().len() + 7 * 64_000, "{sent} bytes in {ranges:?}");
    assert_eq!(lab.names(), ["key"]);
    assert!(
        lab.messages().contains("Image `disk` is not there yet: "),
        "{}",
        lab.messages()
    );
}

async fn later_run(keeper: Keeper, dir: TempDir) {
    let body = gzip(&disk()).await;
    let server = Server::start(&body, TAG, &[Mishap::Stall(1_000_000)]).await;
    let lab = Lab::impatient(&keeper, dir.path());
    let image = |lab: &Lab| Image {
        compression: Some(Compression::Gzip),
        ..lab.image(&server.url)
    };
    let error = lab.get(image(&lab)).await.unwrap_err().to_string();
    assert!(error.ends_with("the server sent nothing for 0.5 seconds"), "{error}");
    assert_eq!(lab.names(), [".key.download", ".key.download.validator"]);
    let lab = Lab::new(&keeper, dir.path());
    assert!(lab.get(image(&lab)).await.unwrap() == disk());
    assert_eq!(server.ranges(), ["", "range: bytes=1000000- if-range: \"one\""]);
    assert!(
        lab.messages().contains("going on after the 1000000 bytes"),
        "{}",
        lab.messages()
    );
    assert_eq!(lab.names(), ["key"]);
}

async fn validators(keeper: Keeper, dir: TempDir) {
    let date = "Last-Modified: Mon, 23 Nov 2026 22:00:00 GMT\r\n";
    for (validator, range) in [
        (date, "range: bytes=500000- if-range: mon, 23 nov 2026 22:00:00 gmt"),
        ("ETag: W/\"weak\"\r\n", ""),
        ("", ""),
    ] {
        let dir = TempDir::new_in(dir.path()).unwrap();
        let lab = Lab::new(&keeper, dir.path());
        let server = Server::start(&disk(), validator, &[Mishap::Stall(500_000)]).await;
        assert!(lab.get(lab.image(&server.url)).await.unwrap() == disk());
        assert_eq!(server.ranges(), ["", range]);
    }
}

async fn changed(keeper: Keeper, dir: TempDir) {
    let server = Server::start(&disk(), TAG, &[Mishap::Stall(1_000_000)]).await;
    let lab = Lab::impatient(&keeper, dir.path());
    lab.get(lab.image(&server.url)).await.unwrap_err();
    let other = vec![b'o'; 500_000];
    server.with(|shown| {
        shown.body.clone_from(&other);
        shown.validator = "ETag: \"two\"\r\n".into();
    });
    assert!(lab.get(lab.image(&server.url)).await.unwrap() == other);
}

async fn wrong_range(keeper: Keeper, dir: TempDir) {
    let mishaps = [Mishap::Stall(1_000_000), Mishap::WrongRange];
    let server = Server::start(&disk(), TAG, &mishaps).await;
    let lab = Lab::new(&keeper, dir.path());
    assert!(lab.get(lab.image(&server.url)).await.unwrap() == disk());
    assert_eq!(server.ranges(), ["", "range: bytes=1000000- if-range: \"one\"", ""]);
}

async fn complete_beginning(keeper: Keeper, dir: TempDir) {
    let server = Server::start(&disk(), TAG, &[Mishap::Stall(3 << 20)]).await;
    let lab = Lab::impatient(&keeper, dir.path());
    // All is there, but it was never told to be: as after a crash between the last byte and the rename.
    let body: Vec<u8> = disk();
    server.with(|shown| shown.body.extend(b"one more"));
    lab.get(lab.image(&server.url)).await.unwrap_err();
    server.with(|shown| shown.body.clone_from(&body));
    assert!(lab.get(lab.image(&server.url)).await.unwrap() == body);
    assert_eq!(server.ranges()[1], "range: bytes=3145728- if-range: \"one\"");
}

async fn wrong_sum(keeper: Keeper, dir: TempDir) {
    let lab = Lab::new(&keeper, dir.path());
    for compression in [None, Some(Compression::Gzip)] {
        let server = Server::start(&gzip(&disk()).await, TAG, &[]).await;
        let expected = "0".repeat(64);
        let image = Image {
            compression,
            sha256: Some(expected.clone()),
            ..lab.image(&server.url)
        };
        let error = lab.get(image).await.unwrap_err().to_string();
        let found = sum(&gzip(&disk()).await);
        let begin = format!(
            "image `disk`: the SHA-256 of {} is {found}, not {expected}. ",
            server.url
        );
        assert!(error.starts_with(&begin), "{error}");
        assert_eq!(lab.names(), [] as [String; 0]);
        assert_eq!(server.ranges().len(), 1);
        assert_eq!(lab.state().phase, ImagePhase::Failed);
        assert_eq!(lab.state().error, Some(error));
    }
}

async fn right_sum(keeper: Keeper, dir: TempDir) {
    let lab = Lab::new(&keeper, dir.path());
    let body = gzip(&disk()).await;
    let server = Server::start(&body, TAG, &[Mishap::Cut(1_500_000)]).await;
    let image = Image {
        compression: Some(Compression::Gzip),
        sha256: Some(sum(&body)),
        ..lab.image(&server.url)
    };
    assert!(lab.get(image).await.unwrap() == disk());
    let file = dir.path().join("mine.gz");
    fs::write(&file, &body).unwrap();
    let image = |sum: String| Image {
        url: None,
        file: file.clone(),
        compression: Some(Compression::Gzip),
        sha256: Some(sum),
        ..lab.image("")
    };
    lab.get(image(sum(&body))).await.unwrap();
    let error = lab.get(image(sum(b"other"))).await.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("image `disk`: the SHA-256 of {} is ", file.display())),
        "{error}"
    );
}

async fn damaged(keeper: Keeper, dir: TempDir) {
    let server = Server::start(&disk(), TAG, &[Mishap::Stall(1_000_000)]).await;
    let lab = Lab::impatient(&keeper, dir.path());
    let image = Image {
        sha256: Some(sum(&disk())),
        ..lab.image(&server.url)
    };
    lab.get(image.clone()).await.unwrap_err();
    fs::write(lab.cache.join("image_cache/.key.download"), vec![b'x'; 1_000_000]).unwrap();
    assert!(lab.get(image).await.unwrap() == disk());
    assert_eq!(server.ranges().len(), 3);
    assert!(lab.messages().contains("downloading it anew"), "{}", lab.messages());
}

async fn no_archive(keeper: Keeper, dir: TempDir) {
    let server = Server::start(&disk(), TAG, &[]).await;
    let lab = Lab::new(&keeper, dir.path());
    let image = Image {
        compression: Some(Compression::Zstd),
        ..lab.image(&server.url)
    };
    let error = lab.get(image).await.unwrap_err().to_string();
    assert!(error.starts_with("cannot download image `disk` from "), "{error}");
    assert_eq!(lab.names(), [] as [String; 0]);
}

async fn no_disk(keeper: Keeper, dir: TempDir) {
    let lab = Lab::new(&keeper, dir.path());
    let compressed = gzip(&disk()).await;
    for (body, told) in [
        (
            compressed.as_slice(),
            "it is compressed: add `compression: gzip` to the image",
        ),
        (b"<!DOCTYPE html>\n<title>404</title>", "it is a web page."),
    ] {
        let server = Server::start(body, TAG, &[]).await;
        let error = lab.get(lab.image(&server.url)).await.unwrap_err().to_string();
        assert!(
            error.starts_with("image `disk` can't be http://") && error.contains(told),
            "{error}"
        );
        assert_eq!(lab.names(), [] as [String; 0]);
    }
    // A file of the user's stays.
    let file = dir.path().join("disk.gz");
    fs::write(&file, &compressed).unwrap();
    let image = Image {
        url: None,
        file: file.clone(),
        ..lab.image("")
    };
    let error = lab.get(image).await.unwrap_err().to_string();
    assert!(error.contains("disk.gz: it is compressed") && file.exists(), "{error}");
}

async fn dawdling(keeper: Keeper, dir: TempDir) {
    let drip = Mishap::Drip(Duration::from_millis(20));
    for (mishap, expected) in [
        (Mishap::Silence, "the server does not answer"),
        (drip, "bytes in 0.3 seconds"),
        (Mishap::Stall(10), "the server sent nothing for 0.5 seconds"),
    ] {
        let dir = TempDir::new_in(dir.path()).unwrap();
        let lab = Lab::new(&keeper, dir.path());
        let short = Patience {
            connect: Duration::from_millis(500),
            ..patience()
        };
        let lab = Lab {
            env: lab.env.clone().with_patience(short),
            ..lab
        };
        let server = Server::start(&disk(), TAG, &[mishap; 3]).await;
        let start = Instant::now();
        let error = lab.get(lab.image(&server.url)).await.unwrap_err().to_string();
        assert!(
            error.contains(expected) && error.ends_with("(the last of 3 attempts)"),
            "{error}"
        );
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    }
}

async fn statuses(keeper: Keeper, dir: TempDir) {
    let lab = Lab::new(&keeper, dir.path());
    let passing = [
        Mishap::Status("503 Service Unavailable"),
        Mishap::Status("429 Too Many Requests"),
    ];
    let server = Server::start(&disk(), TAG, &passing).await;
    assert!(lab.get(lab.image(&server.url)).await.unwrap() == disk());
    fs::remove_file(lab.cache.join("image_cache/key")).unwrap();
    for status in [
        "404 Not Found",
        "206 Partial Content",
        "416 Range Not Satisfiable",
        "204 No Content",
    ] {
        let server = Server::start(&disk(), TAG, &[Mishap::Status(status)]).await;
        let error = lab.get(lab.image(&server.url)).await.unwrap_err().to_string();
        assert!(error.ends_with(&format!("the server answered {status}")), "{error}");
        assert_eq!(server.ranges().len(), 1);
    }
}

async fn shared(keeper: Keeper, dir: TempDir) {
    let server = Server::start(&disk(), TAG, &[]).await;
    server.with(|shown| shown.pace = Duration::from_millis(10));
    let labs: Vec<_> = (0..3).map(|_| Lab::new(&keeper, dir.path())).collect();
    let all = labs.iter().map(|lab| lab.get(lab.image(&server.url)));
    for bytes in futures::future::join_all(all).await {
        assert!(bytes.unwrap() == disk());
    }
    assert_eq!(server.ranges().len(), 1);
    let waited = labs
        .iter()
        .filter(|lab| lab.messages().contains("another lab is downloading"));
    assert_eq!(waited.count(), 2);
    assert!(labs.iter().all(|lab| lab.state().phase == ImagePhase::Ready));
    assert_eq!(labs[0].names(), ["key"]);
}

async fn waiting_is_cancelled(keeper: Keeper, dir: TempDir) {
    let server = Server::start(&disk(), TAG, &[]).await;
    server.with(|shown| shown.pace = Duration::from_millis(50));
    let (first, second) = (Lab::new(&keeper, dir.path()), Lab::new(&keeper, dir.path()));
    let image = first.image(&server.url);
    let one = async { assert!(first.get(image.clone()).await.unwrap() == disk()) };
    let other = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let cancel = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            second.cancel.cancel();
        };
        let get = timeout(Duration::from_secs(1), second.get(image.clone()));
        let (outcome, ()) = tokio::join!(get, cancel);
        assert!(matches!(outcome.unwrap(), Err(ImageError::Cancelled)));
    };
    tokio::join!(one, other);
    assert_eq!(first.names(), ["key"]);
}

async fn takes_over(keeper: Keeper, dir: TempDir) {
    let server = Server::start(&disk(), TAG, &[Mishap::Stall(1_000_000)]).await;
    let (first, second) = (Lab::impatient(&keeper, dir.path()), Lab::new(&keeper, dir.path()));
    let image = first.image(&server.url);
    let one = async { first.get(image.clone()).await.unwrap_err() };
    let other = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(second.get(image.clone()).await.unwrap() == disk());
    };
    tokio::join!(one, other);
    assert_eq!(server.ranges(), ["", "range: bytes=1000000- if-range: \"one\""]);
}

async fn proxied(keeper: Keeper, dir: TempDir) {
    let listener = PROXY.lock().unwrap().take().unwrap();
    let proxy = Server::on(TcpListener::from_std(listener).unwrap(), &disk(), TAG, &[]);
    let lab = Lab::new(&keeper, dir.path());
    let image = lab.image("http://images.invalid/disk.img");
    assert!(lab.get(image).await.unwrap() == disk());
    let request = proxy.with(|shown| shown.requests[0].clone());
    assert!(
        request.starts_with("get http://images.invalid/disk.img http/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains("accept-encoding: identity\r\n"), "{request}");
}

async fn no_room(keeper: Keeper, dir: TempDir) {
    // The answer announces more than any disk has.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/disk.img", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        let head = format!("HTTP/1.1 200 OK\r\n{TAG}Content-Length: 1000000000000000000\r\n\r\nbegin");
        stream.write_all(head.as_bytes()).await.unwrap();
        std::future::pending::<()>().await;
    });
    let lab = Lab::new(&keeper, dir.path());
    let error = lab.get(lab.image(&url)).await.unwrap_err().to_string();
    assert!(
        error.contains("but 1000000000000000000 are needed. Make room"),
        "{error}"
    );
    assert_eq!(lab.names(), [] as [String; 0]);
}

async fn progress(keeper: Keeper, dir: TempDir) {
    let body = gzip(&disk()).await;
    let size = body.len() as u64;
    let server = Server::start(&body, TAG, &[]).await;
    server.with(|shown| shown.pace = Duration::from_millis(40));
    let lab = Lab::new(&keeper, dir.path());
    let image = Image {
        compression: Some(Compression::Gzip),
        sha256: Some(sum(&body)),
        ..lab.image(&server.url)
    };
    let mut changes = lab.store.watch();
    let mut seen: Vec<ImageState> = vec![];
    let start = Instant::now();
    let get = lab.get(image);
    tokio::pin!(get);
    loop {
        tokio::select! {
            bytes = &mut get => {
                assert!(bytes.unwrap() == disk());
                break;
            }
            _ = changes.changed() => seen.push(lab.state()),
        }
    }
    seen.push(lab.state());
    assert_eq!(seen.last().unwrap().phase, ImagePhase::Ready);
    assert!(seen.is_sorted_by_key(|state| state.done), "{seen:?}");
    let downloading = |state: &&ImageState| state.phase == ImagePhase::Downloading && state.done > 0;
    assert!(
        seen.iter().filter(downloading).all(|state| state.total == Some(size)),
        "{seen:?}"
    );
    assert!(seen.iter().filter(downloading).count() >= 2, "{seen:?}");
    assert_eq!((lab.state().done, lab.state().total), (size, Some(size)));
    // Four times a second, and what the phases and events add.
    let most = start.elapsed().as_millis() / 250 + 10;
    assert!(
        u128::from(lab.store.version()) < most,
        "{} changes",
        lab.store.version()
    );
}
