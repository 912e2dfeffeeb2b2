//! Fetching what is to go into a CD drive: into a file without a name, that is gone when nobody has it open any more.

use std::{
    fs::File,
    io,
    num::NonZeroU32,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::header::HeaderMap;
use tokio::time::timeout;

use super::{
    Patience,
    download::{self, Watcher, download},
    part_file::PartFile,
};

/// The largest medium, in bytes.
const MAX_SIZE: u64 = 16 << 30;
/// How long one may take.
const MAX_TIME: Duration = Duration::from_secs(3600);
/// A request waits for it, for 25 seconds: by then it is known whether its server is there.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(8),
    silence: Duration::from_secs(30),
    window: Duration::from_secs(60),
    least: 64 << 10,
    attempts: const { NonZeroU32::new(2).unwrap() },
    pause: Duration::from_secs(1),
};

/// Fetches a URL into a file in that directory, which is made if need be. The log is told of the URL, so who signs in belongs
/// into the headers. Fails in words. Blocks as it writes: for a thread
/// of its own.
pub async fn fetch_medium(url: &str, headers: HeaderMap, dir: &Path) -> Result<File, String> {
    let file = unnamed(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let target = Unnamed {
        file,
        dir: dir.to_owned(),
        validator: Mutex::default(),
        limit: MAX_SIZE,
    };
    match timeout(MAX_TIME, download(url, headers, &target, &PATIENCE, &mut Log(url))).await {
        Ok(done) => done.map(|_| target.file),
        Err(_) => Err(format!("it took longer than {} minutes", MAX_TIME.as_secs() / 60)),
    }
}

/// A file that had a name only while it was made.
fn unnamed(dir: &Path) -> io::Result<File> {
    PartFile::create(&dir.join("medium"), 0o600)?.file().try_clone()
}

/// What is fetched so far.
struct Unnamed {
    file: File,
    /// Where it takes room.
    dir: PathBuf,
    validator: Mutex<Option<String>>,
    limit: u64,
}

impl download::Target for Unnamed {
    fn path(&self) -> &Path {
        &self.dir
    }

    fn limit(&self) -> u64 {
        self.limit
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn validator(&self) -> Option<String> {
        self.validator.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn restart(&self, validator: Option<&str>) -> io::Result<()> {
        self.file.set_len(0)?;
        *self.validator.lock().unwrap_or_else(PoisonError::into_inner) = validator.map(str::to_owned);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, position)
    }
}

/// Tells the log of what goes wrong on the way.
struct Log<'a>(&'a str);

impl Watcher for Log<'_> {
    fn progress(&mut self, _: u64, _: Option<u64>) {}

    fn retry(&mut self, reason: &str, pause: Duration) {
        let (url, seconds) = (self.0, pause.as_secs_f32());
        tracing::warn!("{url}: {reason}; another attempt follows in {seconds} seconds");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// A server that answers each connection with the next of those answers, and then closes it.
    async fn server(answers: &'static [&'static str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/a.iso", listener.local_addr().unwrap());
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                assert_ne!(stream.read(&mut request).await.unwrap(), 0);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        url
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_medium_has_no_name() {
        let dir = tempfile::tempdir().unwrap();
        let media = dir.path().join("media");
        // What breaks off is continued.
        let url = server(&[
            "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length: 6\r\n\r\niso",
            "HTTP/1.1 206 Partial\r\nETag: \"x\"\r\nContent-Length: 3\r\nContent-Range: bytes 3-5/6\r\n\r\n966",
        ])
        .await;
        let file = fetch_medium(&url, HeaderMap::new(), &media).await.unwrap();
        let mut content = [0; 6];
        file.read_exact_at(&mut content, 0).unwrap();
        assert_eq!(&content, b"iso966");
        assert_eq!(fs::read_dir(&media).unwrap().count(), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_not_there_or_too_large_is_no_medium() {
        let dir = tempfile::tempdir().unwrap();
        let url = server(&["HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"]).await;
        let error = fetch_medium(&url, HeaderMap::new(), dir.path()).await.unwrap_err();
        assert!(error.contains("404"), "{error}");
        let url = server(&["HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n"]).await;
        let error = fetch_medium(&url, HeaderMap::new(), dir.path()).await.unwrap_err();
        assert!(error.contains("more than"), "{error}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_that_turns_out_too_large_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let url = server(&["HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nmore than ten bytes"]).await;
        let target = Unnamed {
            file: unnamed(dir.path()).unwrap(),
            dir: dir.path().to_owned(),
            validator: Mutex::default(),
            limit: 10,
        };
        let error = download(&url, HeaderMap::new(), &target, &PATIENCE, &mut Log(&url))
            .await
            .unwrap_err();
        assert!(error.contains("more than 10 bytes"), "{error}");
        assert!(target.file.metadata().unwrap().len() <= 10);
    }
}
