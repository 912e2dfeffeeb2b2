//! Fetching over http and https, with patience: what breaks off is continued, what fails is tried again. The proxy
//! variables of the environment count.

use std::{io, num::NonZeroU32, path::Path, sync::Arc, time::Duration};

use nix::sys::statvfs::statvfs;
use reqwest::{
    Client, ClientBuilder, Response, StatusCode,
    header::{ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE, LAST_MODIFIED, RANGE},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::time::{Instant, sleep, timeout};

use crate::causes::with_causes;

/// An attempt that brought less than this, in bytes, counts as one that failed.
const LEAST_PROGRESS: u64 = 1 << 20;
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long a download waits for its server.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long a server has to accept a connection.
    pub connect: Duration,
    /// How long a server may send nothing.
    pub silence: Duration,
    /// The time in which a server has to send at least `least`.
    pub window: Duration,
    /// Bytes.
    pub least: u64,
    /// How often it is tried without coming forward.
    pub attempts: NonZeroU32,
    /// The pause before the second attempt; each further one is twice as long, up to half a minute.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            silence: Duration::from_secs(60),
            window: Duration::from_secs(60),
            least: 64 << 10,
            attempts: const { NonZeroU32::new(6).unwrap() },
            pause: Duration::from_secs(1),
        }
    }
}

/// Whoever wants to know how a download goes on.
pub(super) trait Watcher {
    /// So much is there, of so much if the server tells.
    fn progress(&mut self, done: u64, total: Option<u64>);
    /// An attempt failed and another one follows after a pause.
    fn retry(&mut self, reason: &str, pause: Duration);
}

/// Where what is fetched is written.
pub(super) trait Target {
    /// Where it takes room.
    fn path(&self) -> &Path;

    /// The largest size it may get, in bytes.
    fn limit(&self) -> u64 {
        u64::MAX
    }

    /// How much is there, in bytes.
    fn len(&self) -> io::Result<u64>;

    /// What is there can be continued by these words of the server.
    fn validator(&self) -> Option<String>;

    /// Throws away what is there and begins anew, with what the server calls it.
    fn restart(&self, validator: Option<&str>) -> io::Result<()>;

    /// Adds bytes.
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()>;
}

/// Why an attempt failed.
enum Failure {
    /// Another one may succeed.
    Passing(String),
    /// Another one would fail, too.
    Lasting(String),
}

/// What is written to the disk fails for reasons that another attempt does not change.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Lasting(error.to_string())
    }
}

/// Fetches a URL into a file, continuing what is there. Returns its size in bytes, or in words why it can't be had. Blocks
/// as it writes: for a thread of its own. Those headers are sent along; another server that the one of the URL leads to is
/// not told who signs in.
pub(super) async fn download(
    url: &str,
    headers: HeaderMap,
    to: &impl Target,
    patience: &Patience,
    watcher: &mut impl Watcher,
) -> Result<u64, String> {
    let client = client(url, &headers, patience).map_err(|error| with_causes(&error))?;
    let mut best = to.len().unwrap_or_default();
    let mut failures = 0;
    loop {
        let reason = match attempt(&client, url, to, patience, watcher).await {
            Ok(size) => return Ok(size),
            Err(Failure::Lasting(reason)) => return Err(reason),
            Err(Failure::Passing(reason)) => reason,
        };
        let reached = to.len().unwrap_or_default();
        if reached >= best.saturating_add(LEAST_PROGRESS) {
            failures = 0;
            best = reached;
        }
        failures += 1;
        if failures >= patience.attempts.get() {
            return Err(match failures {
                1 => reason,
                _ => format!("{reason} (the last of {failures} attempts)"),
            });
        }
        let pause = patience
            .pause
            .saturating_mul(1 << (failures - 1).min(16))
            .min(LONGEST_PAUSE);
        watcher.retry(&reason, pause);
        sleep(pause).await;
    }
}

/// Asks for what is missing and writes it. What has been written stays also if this fails or is dropped.
async fn attempt(
    client: &Client,
    url: &str,
    to: &impl Target,
    patience: &Patience,
    watcher: &mut impl Watcher,
) -> Result<u64, Failure> {
    let validator = to.validator();
    let beginning = match validator {
        Some(_) => to.len()?,
        None => 0,
    };
    // Compressed on its way it could be neither continued nor compared with its sum.
    let mut request = client.get(url).header(ACCEPT_ENCODING, "identity");
    if let Some(validator) = validator.filter(|_| beginning > 0) {
        request = request
            .header(RANGE, format!("bytes={beginning}-"))
            .header(IF_RANGE, validator);
    }
    let answer = timeout(patience.connect + patience.silence, request.send()).await;
    let mut response = match answer {
        Ok(Ok(response)) => response,
        // The URL is named by whoever asked.
        Ok(Err(error)) if error.is_builder() || error.is_redirect() => {
            return Err(Failure::Lasting(with_causes(&error.without_url())));
        }
        Ok(Err(error)) => return Err(Failure::Passing(with_causes(&error.without_url()))),
        Err(_) => return Err(Failure::Passing("the server does not answer".into())),
    };
    let (start, total) = match place(&response, beginning) {
        Place::All => {
            to.restart(validator_of(response.headers()).as_deref())?;
            (0, response.content_length())
        }
        Place::Rest { total } => (beginning, total),
        Place::Nothing => return Ok(beginning),
        Place::Other => {
            to.restart(None)?;
            let reason = "the server continued with something else; the download begins anew";
            return Err(Failure::Passing(reason.into()));
        }
        Place::Refused(failure) => return Err(failure),
    };
    if let Some(total) = total {
        check_size(total, to)?;
        check_room(to.path(), total.saturating_sub(start))?;
    }
    watcher.progress(start, total);
    let end = receive(&mut response, to, start, patience, |done| watcher.progress(done, total)).await?;
    match total {
        Some(total) if total != end => Err(Failure::Passing(format!(
            "the server sent {end} bytes instead of {total}"
        ))),
        _ => Ok(end),
    }
}

/// Writes a body to the file and returns the size of the file.
async fn receive(
    response: &mut Response,
    to: &impl Target,
    start: u64,
    patience: &Patience,
    mut progress: impl FnMut(u64),
) -> Result<u64, Failure> {
    let mut position = start;
    let mut window = (Instant::now(), position);
    loop {
        let chunk = match timeout(patience.silence, response.chunk()).await {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => return Ok(position),
            Ok(Err(error)) => return Err(Failure::Passing(with_causes(&error.without_url()))),
            Err(_) => {
                let seconds = patience.silence.as_secs_f32();
                return Err(Failure::Passing(format!(
                    "the server sent nothing for {seconds} seconds"
                )));
            }
        };
        check_size(position.saturating_add(chunk.len() as u64), to)?;
        if let Err(error) = to.write_at(&chunk, position) {
            if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
                // What can't be completed must not fill the disk.
                to.restart(None)?;
            }
            return Err(error.into());
        }
        position += chunk.len() as u64;
        progress(position);
        if window.0.elapsed() >= patience.window {
            let bytes = position - window.1;
            if bytes < patience.least {
                let seconds = patience.window.as_secs_f32();
                let reason = format!("the server sent only {bytes} bytes in {seconds} seconds");
                return Err(Failure::Passing(reason));
            }
            window = (Instant::now(), position);
        }
    }
}

/// Where in the file an answer belongs.
enum Place {
    /// It is the whole.
    All,
    /// It continues the beginning.
    Rest {
        total: Option<u64>,
    },
    /// The beginning is all there is.
    Nothing,
    /// It is of no use, and nor is the beginning.
    Other,
    Refused(Failure),
}

fn place(response: &Response, beginning: u64) -> Place {
    let range = || header(response.headers(), &CONTENT_RANGE).and_then(parse_range);
    match response.status() {
        StatusCode::OK => Place::All,
        StatusCode::PARTIAL_CONTENT if beginning > 0 => match range() {
            Some(ContentRange {
                start: Some(start),
                total,
            }) if start == beginning => Place::Rest { total },
            _ => Place::Other,
        },
        StatusCode::RANGE_NOT_SATISFIABLE if beginning > 0 => match range() {
            Some(ContentRange {
                start: None,
                total: Some(total),
            }) if total == beginning => Place::Nothing,
            _ => Place::Other,
        },
        status => {
            let reason = format!("the server answered {status}");
            let passing = status.is_server_error()
                || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
            Place::Refused(if passing {
                Failure::Passing(reason)
            } else {
                Failure::Lasting(reason)
            })
        }
    }
}

/// A `Content-Range` in bytes (RFC 9110, 14.4).
#[derive(Debug, PartialEq)]
struct ContentRange {
    /// The first byte; `None` in `*/TOTAL`.
    start: Option<u64>,
    /// The size of the whole, if it is known.
    total: Option<u64>,
}

fn parse_range(text: &str) -> Option<ContentRange> {
    let (range, total) = text.strip_prefix("bytes ")?.trim().split_once('/')?;
    let total = match total {
        "*" => None,
        digits => Some(number(digits)?),
    };
    if range == "*" {
        return Some(ContentRange { start: None, total });
    }
    let (first, last) = range.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    // The answer goes to the end: that is what was asked for.
    let whole = first <= last && total.is_none_or(|total| last.checked_add(1) == Some(total));
    whole.then_some(ContentRange {
        start: Some(first),
        total,
    })
}

/// Digits alone; `parse` takes a sign, too.
fn number(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// What `If-Range` takes: an entity tag that is not weak, else a date.
fn validator_of(headers: &HeaderMap) -> Option<String> {
    let tag = header(headers, &ETAG).filter(|tag| tag.starts_with('"'));
    tag.or_else(|| header(headers, &LAST_MODIFIED)).map(str::to_owned)
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn check_size(size: u64, to: &impl Target) -> Result<(), Failure> {
    let limit = to.limit();
    if size > limit {
        return Err(Failure::Lasting(format!("it has more than {limit} bytes")));
    }
    Ok(())
}

/// Tells before the disk is full.
fn check_room(path: &Path, needed: u64) -> Result<(), Failure> {
    // What can't be asked is found out by writing.
    let Ok(stat) = statvfs(path) else { return Ok(()) };
    let room = u128::from(stat.blocks_available()) * u128::from(stat.fragment_size());
    if u128::from(needed) > room {
        let dir = path.parent().unwrap_or(path).display();
        return Err(Failure::Lasting(format!(
            "{dir} has room for {room} more bytes, but {needed} are needed. Make room, or choose another --cache-dir"
        )));
    }
    Ok(())
}

fn client(url: &str, headers: &HeaderMap, patience: &Patience) -> Result<Client, reqwest::Error> {
    // An error says that somebody else has chosen a provider: theirs will do.
    drop(ring::default_provider().install_default());
    let builder = || builder(patience).default_headers(headers.clone());
    match builder().build() {
        // A host without any certificate authority can't check https, but http needs none. Should the server redirect
        // to https, no certificate will be good enough.
        Err(_) if url.starts_with("http://") => {
            let nobody = Arc::new(RootCertStore::empty());
            let config = ClientConfig::builder()
                .with_root_certificates(nobody)
                .with_no_client_auth();
            builder().tls_backend_preconfigured(config).build()
        }
        built => built,
    }
}

fn builder(patience: &Patience) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("placemat2/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(patience.connect)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_read_as_they_are_defined() {
        let read = |text| parse_range(text).map(|range| (range.start, range.total));
        assert_eq!(read("bytes 500-999/1000"), Some((Some(500), Some(1000))));
        assert_eq!(read("bytes 500-999/*"), Some((Some(500), None)));
        assert_eq!(read("bytes */1000"), Some((None, Some(1000))));
        for bad in [
            "bytes 500-600/1000",
            "bytes 999-500/1000",
            "bytes 5-18446744073709551615/7",
            "bytes +1-2/3",
            "items 0-1/2",
            "bytes",
            "bytes /",
            "bytes -5/6",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_what_names_the_very_bytes_is_a_validator() {
        let headers = |pairs: &[(HeaderName, &'static str)]| {
            pairs
                .iter()
                .map(|(name, value)| (name.clone(), reqwest::header::HeaderValue::from_static(value)))
                .collect::<HeaderMap>()
        };
        let date = "Mon, 23 Nov 2026 22:00:00 GMT";
        let validator = |pairs: &[_]| validator_of(&headers(pairs));
        assert_eq!(
            validator(&[(ETAG, "\"a\""), (LAST_MODIFIED, date)]).as_deref(),
            Some("\"a\"")
        );
        assert_eq!(
            validator(&[(ETAG, "W/\"a\""), (LAST_MODIFIED, date)]).as_deref(),
            Some(date)
        );
        assert_eq!(validator(&[(ETAG, "W/\"a\"")]), None);
    }

    proptest! {
        #[test]
        fn no_range_is_fatal(text in "(bytes )?[0-9*/+ -]{0,45}") {
            if let Some(ContentRange { start: Some(start), total: Some(total) }) = parse_range(&text) {
                prop_assert!(start < total);
            }
        }
    }
}
