//! A server that answers from a script, over TCP or a unix socket.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    os::unix::net::UnixListener,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

/// The script's answer to `GET /nodes`.
pub const NODES: &str = r#"[
{"name":"boot-0","taps":{"ext":"pm1"},"volumes":["root"],"cpu":2,"memory":"3G","uefi":false,"tpm":false,
 "smbios":{"manufacturer":"","product":"","serial":"007"},"power_status":"On","socket_path":"/tmp/boot-0.socket",
 "power_reason":null,"pid":4711,"started_at":"2026-11-23T20:00:00Z","nics":[{"network":"ext","tap":"boot-0.0","mac":"52:54:00:00:00:01"}],
 "bmc_address":"10.72.17.4","ready":{"state":"waiting","probe":"console login:","reason":null,"since":null}},
{"name":"rack0-node1","taps":{},"volumes":[],"cpu":1,"memory":"1024","uefi":true,"tpm":true,
 "smbios":{"manufacturer":"a","product":"b","serial":"c"},"power_status":"Off","socket_path":"/tmp/rack0-node1.socket",
 "power_reason":"QEMU was killed by signal 9","pid":null,"started_at":null,
 "nics":[{"network":"rack0","tap":"worker.0","mac":"52:54:00:00:00:02"},{"network":"rack1","tap":"worker.1","mac":"52:54:00:00:00:03"}],"bmc_address":null,
 "ready":{"state":"not-ready","probe":null,"reason":"it is off: QEMU was killed by signal 9","since":"2026-11-23T20:00:00Z"}}]"#;

const LAB: &str = r#"{"name":"dc","phase":"running","mtu":{"value":1450,"source":{"kind":"route","destination":"192.0.0.10",
"link":"eth0"}},"version":"0.1.0","qemu_version":"7.2.22","kernel":"6.1.0","accel":"tcg","pid":99,
"started_at":"2026-11-23T20:00:00Z","error":null,"files":["/srv/dc.yml","/srv/more.yml"],"steps":[
{"name":"fabric","started_at":"2026-11-23T20:00:00Z","seconds":0.0417},
{"name":"nodes","started_at":"2026-11-23T20:00:01Z","seconds":null}]}"#;

const NETWORKS: &str = r#"[
{"name":"ext","type":"external","address":"10.0.0.1/24","nat":true,"shape":"bridge","mtu":1450,
 "links":["link/host/ext","link/operation/eth0"],"state":"ready"},
{"name":"rack0","type":"internal","address":null,"nat":false,"shape":"nothing","mtu":1450,"links":[],"state":"waiting"}]"#;

const NETNS: &str = r#"[
{"name":"operation","state":"ready","interfaces":[
  {"name":"eth0","network":"ext","mac":"02:00:00:00:00:01","addresses":["10.0.0.2/24","fd00::2/64"]},
  {"name":"eth10","network":"rack0","mac":"02:00:00:00:00:02","addresses":[]}],"apps":[
 {"name":"bird","command":["bird","-f"],"phase":"running","pid":42,"started_at":"2026-11-23T20:00:00Z",
  "exit_code":null,"signal":null,"restarts":0,"error":null,
  "ready":{"state":"ready","probe":"tcp 179","reason":null,"since":"2026-11-23T20:00:03Z"}},
 {"name":"squid","command":["squid"],"phase":"exited","pid":null,"started_at":"2026-11-23T20:00:00Z",
  "exit_code":3,"signal":null,"restarts":2,"error":null,
  "ready":{"state":"not-ready","probe":null,"reason":"it exited with code 3","since":"2026-11-23T20:00:03Z"}},
 {"name":"typo","command":["brid"],"phase":"exited","pid":null,"started_at":null,
  "exit_code":null,"signal":null,"restarts":0,"error":"there is no program \"brid\"\u001b[31m\n"}]},
{"name":"spine0","state":"waiting","reason":"waits until node/boot-0 is ready","interfaces":[],"apps":[]}]"#;

const EVENTS: [&str; 2] = [
    r#"{"id":1,"time":"2026-11-23T20:00:00.123456789Z","level":"info","object":"lab","kind":"phase","message":"running"}"#,
    r#"{"id":2,"time":"2026-11-23T20:00:01Z","level":"error","object":"node/boot-0","kind":"power","message":"gone\u0007"}"#,
];

const LOG: &str = concat!(
    r#"{"id":5,"time":"2026-11-23T20:00:00.123456789Z","stream":"stdout","text":"started"}"#,
    "\n",
    r#"{"id":6,"time":"2026-11-23T20:00:01Z","stream":"stderr","text":"warning: \u001b[1mbold\u001b[0m"}"#,
    "\n",
    r#"{"id":9,"time":"2026-11-23T20:00:02Z","stream":"stdout","text":""}"#,
    "\n",
);

/// A running server; ends when dropped.
pub struct Server {
    /// As `--endpoint` takes it.
    pub endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
    release: mpsc::Sender<()>,
    ended: Arc<AtomicBool>,
    wake: Box<dyn Fn()>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves on a free TCP port.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// The same, with other answers to some requests: `METHOD PATH`, status and body.
    pub fn with(answers: &'static [(&str, u16, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let wake = Box::new(move || drop(std::net::TcpStream::connect(address)));
        Self::serve(format!("http://{address}"), wake, answers, move || {
            listener.accept().unwrap().0
        })
    }

    /// Serves on a unix socket.
    pub fn start_unix(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let socket = path.to_owned();
        let wake = Box::new(move || drop(std::os::unix::net::UnixStream::connect(&socket)));
        Self::serve(format!("unix://{}", path.display()), wake, &[], move || {
            listener.accept().unwrap().0
        })
    }

    fn serve<S: Read + Write>(
        endpoint: String,
        wake: Box<dyn Fn()>,
        answers: &'static [(&str, u16, &str)],
        accept: impl Fn() -> S + Send + 'static,
    ) -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let ended = Arc::new(AtomicBool::new(false));
        let (release, released) = mpsc::channel();
        let (log, end) = (Arc::clone(&requests), Arc::clone(&ended));
        let thread = thread::spawn(move || {
            let mut open = Vec::new();
            while !end.load(Ordering::SeqCst) {
                open.extend(answer(accept(), answers, &log, &released));
            }
        });
        Self {
            endpoint,
            requests,
            release,
            ended,
            wake,
            thread: Some(thread),
        }
    }

    /// The requests so far, as `METHOD PATH`.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Lets the stream `a/waiting` go on.
    pub fn release(&self) {
        self.release.send(()).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        (self.wake)();
        let _ = self.thread.take().unwrap().join();
    }
}

/// Answers one request; returns a stream that stays open.
fn answer<S: Read + Write>(
    stream: S,
    answers: &[(&str, u16, &str)],
    requests: &Mutex<Vec<String>>,
    released: &mpsc::Receiver<()>,
) -> Option<S> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).unwrap_or(0) == 0 {
            return None;
        }
    }
    let request = head.split(" HTTP/").next().unwrap().to_owned();
    requests.lock().unwrap().push(request.clone());
    let lines = head.contains("application/x-ndjson");
    let mut stream = stream.into_inner();
    if let Some((_, status, body)) = answers.iter().find(|(asked, ..)| *asked == request) {
        let _ = whole(&mut stream, *status, body);
        return None;
    }
    if request == "GET /changes" {
        let _ = begun(&mut stream, r#"{"version":1}"#);
        return Some(stream);
    }
    // A client that leaves early is what some tests are about.
    let _ = match request.as_str() {
        "GET /lab" => whole(&mut stream, 200, LAB),
        "GET /nodes" => whole(&mut stream, 200, NODES),
        "GET /nodes/boot-0" => {
            let nodes: Vec<serde_json::Value> = serde_json::from_str(NODES).unwrap();
            whole(&mut stream, 200, &nodes[0].to_string())
        }
        "GET /networks" => whole(&mut stream, 200, NETWORKS),
        "GET /netns" => whole(&mut stream, 200, NETNS),
        "GET /events" | "GET /events?after=7" if lines => whole(&mut stream, 200, &(EVENTS.join("\n") + "\n")),
        "GET /events" => whole(&mut stream, 200, &format!("[{}]", EVENTS.join(","))),
        "GET /nodes/gibberish" => whole(&mut stream, 418, "<html>"),
        "GET /nodes/broken" => stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n"),
        action if action.starts_with("POST /nodes/boot-0/") => whole(&mut stream, 200, ""),
        "POST /nodes/rack0-node1/start" => whole(&mut stream, 500, r#"{"error":"QEMU exited at once: no memory."}"#),
        "GET /netns/a/apps/flood/log?follow=true" => {
            let line = LOG.lines().next().unwrap();
            let flood = std::iter::repeat_n(line, 20_000).collect::<Vec<_>>().join("\n");
            whole(&mut stream, 200, &flood)
        }
        "GET /netns/a/apps/waiting/log?follow=true" => waiting(&mut stream, released),
        path if path.starts_with("GET /netns/operation/apps/bird/log?") => whole(&mut stream, 200, LOG),
        _ => whole(&mut stream, 404, r#"{"error":"There is no such thing in this lab."}"#),
    };
    None
}

fn whole(stream: &mut impl Write, status: u16, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// Writes the first line of a stream.
fn begun(stream: &mut impl Write, line: &str) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    write!(stream, "{head}{}", chunk(line))?;
    stream.flush()
}

fn chunk(line: &str) -> String {
    format!("{:x}\r\n{line}\n\r\n", line.len() + 1)
}

fn waiting(stream: &mut impl Write, released: &mpsc::Receiver<()>) -> std::io::Result<()> {
    let line = |id, text| format!(r#"{{"id":{id},"time":"2026-11-23T20:00:00Z","stream":"stdout","text":"{text}"}}"#);
    begun(stream, &line(1, "first"))?;
    let _ = released.recv();
    write!(stream, "{}0\r\n\r\n", chunk(&line(2, "last")))
}
