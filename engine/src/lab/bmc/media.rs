//! Where virtual media come from: files and servers that the host can reach.

use std::{fs::File, io, net::IpAddr, os::unix::fs::FileExt as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use nix::{
    errno::Errno,
    fcntl::{OFlag, OpenHow, ResolveFlag, openat2},
};
use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::{
    blocking,
    bmc::{ERRAND, ERRAND_VALUE, Image, MachineError},
    node::{self, Medium},
    plan::{End, NetworkKind, Plan},
};

/// Fetches an image, whole, into a file without a name beside the lab's disks: memory is no place for it, and the file goes
/// with whoever has it open. Given up when this is dropped.
pub async fn fetch(plan: &Plan, image: Image) -> Result<Medium, MachineError> {
    let unavailable = |reason: String| MachineError::Unavailable(format!("{}: {reason}.", image.url));
    let name = image.name().to_owned();
    let url = Url::parse(&image.url).map_err(|error| unavailable(error.to_string()))?;
    let dir = plan.paths.media_dir();
    let file = if url.scheme() == "file" {
        let path = url.to_file_path();
        let path = path.map_err(|()| unavailable("it names no file of this host".into()))?;
        let opened = blocking::run(move || open(&dir, &path)).await;
        opened.map_err(unavailable)?
    } else {
        let note = beyond_reach(plan, &url).map(|network| {
            format!(
                " (its address lies in the lab's network {network:?}, which the host is no part of; media are fetched by \
                 the host)"
            )
        });
        let headers = headers(&image);
        let given_up = CancellationToken::new();
        let _guard = given_up.clone().drop_guard();
        let runtime = Handle::current();
        let fetched = blocking::run(move || {
            runtime.block_on(given_up.run_until_cancelled(node::fetch_medium(url.as_str(), headers, &dir)))
        })
        .await;
        let fetched = fetched.unwrap_or_else(|| Err("it was given up".into()));
        fetched.map_err(|reason| unavailable(reason + &note.unwrap_or_default()))?
    };
    let mut byte = [0];
    match file.read_at(&mut byte, 0) {
        Ok(1) => Ok(Medium::new(name, file)),
        Ok(_) => Err(unavailable("there is nothing in it".into())),
        Err(error) => Err(unavailable(error.to_string())),
    }
}

/// What the image's server is told beside the URL: by whom it is asked, and who signs in (RFC 7617). In the URL, a password
/// would be in the log as well.
fn headers(image: &Image) -> HeaderMap {
    let mut headers = HeaderMap::from_iter([(ERRAND, ERRAND_VALUE)]);
    if image.user.is_some() || image.password.is_some() {
        let mut login = image.user.clone().unwrap_or_default().into_bytes();
        login.push(b':');
        if let Some(password) = &image.password {
            login.extend(password.bytes());
        }
        // Of base64 alone it is always a header.
        if let Ok(mut basic) = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(login))) {
            basic.set_sensitive(true);
            headers.insert(AUTHORIZATION, basic);
        }
    }
    headers
}

/// Opens a file of the host that is meant for this: one in the media directory, where no link leads out. Else whoever may
/// sign in to a BMC could read any file of the host. Blocks.
fn open(dir: &Path, path: &Path) -> Result<File, String> {
    let outside = || format!("of the host's files, only those in {} can be inserted", dir.display());
    let inside = path.strip_prefix(dir).map_err(|_| outside())?;
    let open_dir = File::open(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    // A pipe without a writer would be waited for.
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let file = match openat2(&open_dir, inside, how) {
        Ok(file) => File::from(file),
        Err(Errno::EXDEV) => return Err(outside()),
        Err(error) => return Err(io::Error::from(error).to_string()),
    };
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(file),
        Ok(_) => Err("it is no regular file".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// The lab's network that an address of a URL lies in, if the host has no interface there.
fn beyond_reach<'a>(plan: &'a Plan, url: &Url) -> Option<&'a str> {
    let host = url.host_str()?;
    let address: IpAddr = host.trim_matches(['[', ']']).parse().ok()?;
    let networks = plan
        .networks
        .iter()
        .filter(|network| network.kind == NetworkKind::Internal);
    let mut around = networks.filter(|network| {
        network.links.iter().any(|link| match &link.end {
            End::Namespace { addresses, .. } => addresses.iter().any(|net| net.contains(&address)),
            End::Host { .. } | End::Node { .. } => false,
        })
    });
    around.next().map(|network| network.name.as_str())
}

#[cfg(test)]
mod tests {
    use std::{
        fmt::{self, Write as _},
        fs,
        os::unix::fs::symlink,
        sync::{Arc, Mutex},
    };

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::plan::{
        Options, build,
        testing::{Lab, facts},
    };

    #[test]
    fn only_files_that_are_meant_for_it_are_opened() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("media");
        fs::create_dir_all(dir.join("deep")).unwrap();
        fs::write(dir.join("deep/a.iso"), "iso").unwrap();
        fs::write(root.path().join("secret"), "secret").unwrap();
        symlink("deep/a.iso", dir.join("within")).unwrap();
        symlink("../secret", dir.join("out")).unwrap();
        symlink(root.path().join("secret"), dir.join("far")).unwrap();
        nix::unistd::mkfifo(&dir.join("pipe"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        for good in ["deep/a.iso", "within"] {
            open(&dir, &dir.join(good)).unwrap();
        }
        for bad in ["out", "far", "../secret", "deep", "nothing", "pipe"] {
            assert!(open(&dir, &dir.join(bad)).is_err(), "{bad}");
        }
        let told = open(&dir, &root.path().join("secret")).unwrap_err();
        assert!(told.contains("only those in"), "{told}");
    }

    /// Plays the server: what it is asked for an image with a password, and what the log is told meanwhile.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_is_told_who_asks_and_the_log_is_not() {
        let told = Told::default();
        // For all threads: none of them may tell it.
        let _ = tracing::subscriber::set_global_default(told.clone());
        let root = tempfile::tempdir().unwrap();
        let spec = Lab::new("x").spec();
        let mut plan = build(&spec, &Options::default(), &facts()).unwrap();
        plan.paths.data_dir = root.path().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/a.iso", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let mut requests = Vec::new();
            // The first attempt fails, so that there is something to tell.
            for answer in ["503 Not Now", "200 OK"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap();
                requests.push(String::from_utf8_lossy(&request[..length]).to_lowercase());
                let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            requests
        });
        let image = Image {
            user: Some("ada".into()),
            password: Some("s3cret".into()),
            ..Image::open(url.clone())
        };
        fetch(&plan, image).await.unwrap();
        for request in server.await.unwrap() {
            assert!(request.contains("authorization: basic ywrhonmzy3jlda=="), "{request}");
            assert!(request.contains("placemat2-bmc-errand: 1"), "{request}");
        }
        let told = told.0.lock().unwrap().join("\n");
        assert!(told.contains(&url) && !told.contains("s3cret"), "{told}");
    }

    /// What the log is told.
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Vec<String>>>);

    impl tracing::Subscriber for Told {
        fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
            *metadata.level() <= tracing::Level::WARN
        }

        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }

        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            let mut text = String::new();
            event.record(&mut |_: &tracing::field::Field, value: &dyn fmt::Debug| {
                let _ = write!(text, "{value:?} ");
            });
            self.0.lock().unwrap().push(text);
        }

        fn enter(&self, _: &tracing::span::Id) {}

        fn exit(&self, _: &tracing::span::Id) {}
    }

    #[test]
    fn an_address_inside_the_lab_is_told_apart() {
        let spec = Lab::new("x")
            .external("ext", "10.0.0.1/24", false)
            .internal("net")
            .namespace("boot", &["net=10.9.0.1/24", "ext=10.0.0.2/24"])
            .spec();
        let plan = build(&spec, &Options::default(), &facts()).unwrap();
        let network = |url: &str| beyond_reach(&plan, &Url::parse(url).unwrap());
        assert_eq!(network("http://10.9.0.77:8080/a.iso"), Some("net"));
        for reachable in ["http://10.0.0.2/a.iso", "http://images.example/a.iso", "http://[::1]/"] {
            assert_eq!(network(reachable), None, "{reachable}");
        }
    }
}
