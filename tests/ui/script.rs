//! A lab that answers from a script, to many at once, with consoles that echo.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use placemat2_ui::testing::{self, Shape};
use tempfile::TempDir;

/// A port of the host that leads into the lab.
const FORWARDS: &str = r#"[{"local_port": 8080, "netns": "operation", "pod": "operation", "remote_host": "10.69.0.11", "remote_port": 80,
"protocol": "tcp", "address": null, "connections": 3, "active": 1, "failed": 0, "bytes_in": 7, "bytes_out": 9, "last_error": null}]"#;

/// A running script; ends when dropped.
pub struct Script {
    directory: TempDir,
    shape: Shape,
    told: Arc<Told>,
}

#[derive(Default)]
struct Told {
    requests: Mutex<Vec<String>>,
    typed: Mutex<Vec<u8>>,
    ended: AtomicBool,
}

impl Script {
    /// Answers on a socket of its own.
    pub fn start() -> Self {
        Self::of(Shape::DEMO)
    }

    /// The same with a lab of that shape.
    pub fn of(shape: Shape) -> Self {
        let script = Self {
            directory: tempfile::tempdir().unwrap(),
            shape,
            told: Arc::default(),
        };
        script.listen();
        script
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("api.sock")
    }

    /// Where it answers, as `--endpoint` takes it.
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// The lab goes away: connections end, and there are no new ones.
    pub fn vanish(&self) {
        std::fs::remove_file(self.socket()).unwrap();
        self.told.ended.store(true, Ordering::SeqCst);
    }

    /// The lab is there again.
    pub fn come_back(&mut self) {
        self.told = Arc::default();
        self.listen();
    }

    fn listen(&self) {
        let listener = UnixListener::bind(self.socket()).unwrap();
        let told = Arc::clone(&self.told);
        let shape = self.shape;
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let told = Arc::clone(&told);
                // Who leaves early ends its thread by an error.
                thread::spawn(move || drop(answer(stream, shape, &told)));
            }
        });
    }

    /// The requests so far, as `METHOD PATH`.
    pub fn requests(&self) -> Vec<String> {
        self.told.requests.lock().unwrap().clone()
    }

    /// What was typed into the console that echoes.
    pub fn typed(&self) -> Vec<u8> {
        self.told.typed.lock().unwrap().clone()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.told.ended.store(true, Ordering::SeqCst);
    }
}

fn answer(stream: UnixStream, shape: Shape, told: &Told) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let request = head.split(" HTTP/").next().unwrap().to_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body)?;
    told.requests.lock().unwrap().push(request.clone());
    let state = testing::state(shape);
    let json = |value: String| format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{value}", value.len());
    let mut stream = reader.into_inner();
    let (path, _) = request.split_once('?').unwrap_or((&request, ""));
    match path {
        "GET /lab" => write!(stream, "{}", json(serde_json::to_string(&state.lab).unwrap())),
        "GET /nodes" => write!(stream, "{}", json(serde_json::to_string(&state.nodes).unwrap())),
        "GET /netns" => write!(stream, "{}", json(serde_json::to_string(&state.namespaces).unwrap())),
        "GET /networks" => write!(stream, "{}", json(serde_json::to_string(&state.networks).unwrap())),
        "GET /bmcs" => write!(stream, "{}", json(serde_json::to_string(&state.bmcs).unwrap())),
        "GET /forwards" => write!(stream, "{}", json(FORWARDS.into())),
        "GET /images" => write!(stream, "{}", json("[]".into())),
        "GET /changes" => hold(&mut stream, "{\"version\":1}\n", told),
        "GET /events" => {
            let events: Vec<String> = testing::events()
                .iter()
                .map(|event| serde_json::to_string(event).unwrap())
                .collect();
            hold(&mut stream, &(events.join("\n") + "\n"), told)
        }
        "GET /netns/core/apps/bird/log" => {
            let lines: Vec<String> = testing::log()
                .iter()
                .map(|line| serde_json::to_string(line).unwrap())
                .collect();
            hold(&mut stream, &(lines.join("\n") + "\n"), told)
        }
        "GET /nodes/r0-s1/console" => console(stream, told),
        "GET /nodes/r0-s2/console" => flood(stream, told),
        "POST /nodes/r0-s2/on" | "POST /netns/core/apps/bird/restart" => {
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        }
        path if path.starts_with("POST /bmcs/") && path.ends_with("/redfish") => {
            let asked = serde_json::from_slice(&body).unwrap();
            write!(
                stream,
                "{}",
                json(serde_json::to_string(&testing::answer(&asked)).unwrap())
            )
        }
        _ => {
            let body = r#"{"error":"There is no such thing in this lab."}"#;
            write!(
                stream,
                "HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
        }
    }
}

/// An answer that goes on until the lab ends.
fn hold(stream: &mut UnixStream, body: &str, told: &Told) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n",
        body.len()
    )?;
    while !told.ended.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(10));
    }
    write!(stream, "0\r\n\r\n")
}

/// A guest that writes as fast as it is read.
fn flood(mut stream: UnixStream, told: &Told) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: placemat2-stream\r\n\r\n"
    )?;
    let line = "y".repeat(70) + "\r\n";
    while !told.ended.load(Ordering::SeqCst) {
        stream.write_all(line.repeat(100).as_bytes())?;
    }
    Ok(())
}

/// A guest that has greeted and asked where the cursor is before anybody came, and writes what is typed in capitals.
fn console(mut stream: UnixStream, told: &Told) -> std::io::Result<()> {
    let past = format!("{}\x1b[6n", testing::BOOT);
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: placemat2-stream\r\nplacemat2-replay: {}\r\n\r\n{past}",
        past.len()
    )?;
    stream.set_read_timeout(Some(Duration::from_millis(10)))?;
    let mut buffer = [0; 1024];
    while !told.ended.load(Ordering::SeqCst) {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                told.typed.lock().unwrap().extend_from_slice(&buffer[..count]);
                stream.write_all(&buffer[..count].to_ascii_uppercase())?;
            }
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
