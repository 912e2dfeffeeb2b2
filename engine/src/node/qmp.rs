//! A client of QEMU's machine protocol (QMP) over a connected stream socket.
//!
//! The protocol is that of QEMU's `docs/interop/qmp-spec.txt`: one JSON object a line, a greeting first, then
//! `qmp_capabilities`, then commands whose replies carry the command's `id`, with events in between at any time.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, IoSlice},
    os::fd::{AsRawFd, OwnedFd},
};

use bytes::{Buf, BufMut, BytesMut};
use futures::{SinkExt, StreamExt};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt, Interest},
    net::UnixStream,
    sync::{mpsc, oneshot},
};
use tokio_util::codec::{Decoder, Encoder, Framed};

/// The longest line taken from QEMU, in bytes.
const MAX_LINE: usize = 1 << 20;
/// Events read ahead of whoever handles them; of those that come then, the last of each kind is kept, of as many kinds.
const EVENT_QUEUE: usize = 64;
/// Commands under way at once.
const COMMAND_QUEUE: usize = 16;

/// What goes wrong between us and a QMP monitor.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    /// The socket failed.
    #[error("the QMP connection failed: {0}")]
    Io(#[from] io::Error),
    /// QEMU closed the connection, as it does when it ends.
    #[error("QEMU closed the QMP connection")]
    Closed,
    /// A line beyond every reasonable length.
    #[error("QEMU sent a QMP line of more than {MAX_LINE} bytes")]
    LineTooLong,
    /// Not what the protocol allows.
    #[error("QEMU sent what is not QMP: {0}")]
    Garbage(String),
    /// QEMU refused a command.
    #[error("QEMU refused `{command}`: {description}")]
    Refused {
        /// The command.
        command: String,
        /// QEMU's class of error, such as `GenericError`.
        class: String,
        /// QEMU's own words.
        description: String,
    },
}

/// Something that happened to the machine, as QEMU tells it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Event {
    /// `SHUTDOWN`, `RESET`, ...
    #[serde(rename = "event")]
    pub name: String,
    /// What belongs to it; an object or null.
    #[serde(default)]
    pub data: Value,
}

/// One line from QEMU.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Message {
    /// The first line of a connection.
    Greeting,
    /// The outcome of the command of this id.
    Reply {
        id: Option<u64>,
        result: Result<Value, Refusal>,
    },
    /// An event.
    Event(Event),
}

/// QEMU's words for a command it did not execute.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Refusal {
    #[serde(default)]
    class: String,
    #[serde(default, rename = "desc")]
    description: String,
}

/// Lines of JSON to and from QEMU, of bounded length.
#[derive(Debug, Default)]
pub(super) struct Codec {
    /// How much of the buffer is known to hold no newline.
    searched: usize,
}

impl Decoder for Codec {
    type Item = Message;
    type Error = QmpError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Message>, QmpError> {
        while let Some(end) = buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
            let line = buffer.split_to(self.searched + end);
            buffer.advance(1);
            self.searched = 0;
            let line = line.trim_ascii();
            if line.len() > MAX_LINE {
                return Err(QmpError::LineTooLong);
            }
            if !line.is_empty() {
                return parse(line).map(Some);
            }
        }
        self.searched = buffer.len();
        if self.searched > MAX_LINE {
            return Err(QmpError::LineTooLong);
        }
        Ok(None)
    }

    /// A line without its end is what a QEMU that died in the middle of it leaves: nothing to complain of.
    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<Message>, QmpError> {
        let message = self.decode(buffer)?;
        if message.is_none() {
            buffer.clear();
            self.searched = 0;
        }
        Ok(message)
    }
}

impl Encoder<Value> for Codec {
    type Error = QmpError;

    fn encode(&mut self, command: Value, buffer: &mut BytesMut) -> Result<(), QmpError> {
        serde_json::to_writer(buffer.writer(), &command).map_err(io::Error::from)?;
        buffer.put_u8(b'\n');
        Ok(())
    }
}

fn parse(line: &[u8]) -> Result<Message, QmpError> {
    let garbage = |why: &str| {
        let shown = String::from_utf8_lossy(&line[..line.len().min(200)]);
        QmpError::Garbage(format!("{why}: {}", shown.escape_debug()))
    };
    let mut value: Value = serde_json::from_slice(line).map_err(|error| garbage(&error.to_string()))?;
    let Some(object) = value.as_object_mut() else {
        return Err(garbage("it is no JSON object"));
    };
    let id = object.get("id").and_then(Value::as_u64);
    if let Some(result) = object.remove("return") {
        return Ok(Message::Reply { id, result: Ok(result) });
    }
    if let Some(refusal) = object.remove("error") {
        let refusal = serde_json::from_value(refusal).map_err(|error| garbage(&error.to_string()))?;
        return Ok(Message::Reply {
            id,
            result: Err(refusal),
        });
    }
    if object.contains_key("QMP") {
        return Ok(Message::Greeting);
    }
    if object.contains_key("event") {
        let event = serde_json::from_value(value).map_err(|error| garbage(&error.to_string()))?;
        return Ok(Message::Event(event));
    }
    Err(garbage("it is neither greeting, reply nor event"))
}

type Outcome = Result<Value, QmpError>;

struct Request {
    command: String,
    arguments: Option<Value>,
    /// Travels beside the command.
    fd: Option<OwnedFd>,
    reply: oneshot::Sender<Outcome>,
}

/// A monitor that takes commands. Cheap to clone; the connection ends with the last clone.
#[derive(Clone, Debug)]
pub struct Qmp {
    requests: mpsc::Sender<Request>,
}

impl Qmp {
    /// Greets QEMU over a connected socket. QEMU answers once its machine is complete; cancelling is safe.
    ///
    /// The events end when QEMU closes the connection.
    pub async fn connect(stream: UnixStream) -> Result<(Self, mpsc::Receiver<Event>), QmpError> {
        let mut framed = Framed::new(stream, Codec::default());
        match framed.next().await.ok_or(QmpError::Closed)?? {
            Message::Greeting => {}
            other => return Err(QmpError::Garbage(format!("{other:?} instead of a greeting"))),
        }
        framed.send(json!({"execute": "qmp_capabilities"})).await?;
        let (event_sender, events) = mpsc::channel(EVENT_QUEUE);
        loop {
            match framed.next().await.ok_or(QmpError::Closed)?? {
                Message::Reply { result, .. } => {
                    result.map_err(|refusal| refused("qmp_capabilities", refusal))?;
                    break;
                }
                // Nothing has been asked of the machine yet, so what it tells before this point is of no interest
                // once the queue is full.
                Message::Event(event) => drop(event_sender.try_send(event)),
                Message::Greeting => return Err(QmpError::Garbage("a second greeting".into())),
            }
        }
        let (requests, receiver) = mpsc::channel(COMMAND_QUEUE);
        tokio::spawn(serve(framed, receiver, event_sender));
        Ok((Self { requests }, events))
    }

    /// Executes a command and returns what QEMU answers.
    pub async fn execute(&self, command: &str, arguments: Option<Value>) -> Outcome {
        self.execute_with(command, arguments, None).await
    }

    /// Executes a command whose arguments have the path of a file: one that leads QEMU to the descriptor it is handed, and
    /// nowhere else.
    pub async fn execute_on(
        &self,
        file: OwnedFd,
        command: &str,
        arguments: impl FnOnce(String) -> Value,
    ) -> Result<(), QmpError> {
        let added = self.execute_with("add-fd", None, Some(file)).await?;
        let set = added.get("fdset-id").and_then(Value::as_u64);
        let set = set.ok_or_else(|| QmpError::Garbage(format!("add-fd answered {added}")))?;
        let done = self
            .execute(command, Some(arguments(format!("/dev/fdset/{set}"))))
            .await;
        // QEMU has a descriptor of its own by now, or wants none.
        let removed = self.execute("remove-fd", Some(json!({"fdset-id": set}))).await;
        done.and(removed).map(drop)
    }

    /// Executes a command that takes a descriptor along (`add-fd`, `getfd`).
    pub async fn execute_with(&self, command: &str, arguments: Option<Value>, fd: Option<OwnedFd>) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        let request = Request {
            command: command.into(),
            arguments,
            fd,
            reply,
        };
        self.requests.send(request).await.map_err(|_| QmpError::Closed)?;
        outcome.await.map_err(|_| QmpError::Closed)?
    }
}

fn refused(command: &str, refusal: Refusal) -> QmpError {
    QmpError::Refused {
        command: command.into(),
        class: refusal.class,
        description: refusal.description,
    }
}

/// Carries commands, replies and events until either side is done.
async fn serve(
    mut framed: Framed<UnixStream, Codec>,
    mut requests: mpsc::Receiver<Request>,
    events: mpsc::Sender<Event>,
) {
    let mut last_id = 0_u64;
    let mut pending: HashMap<u64, (String, oneshot::Sender<Outcome>)> = HashMap::new();
    let mut backlog = Backlog::default();
    let error = loop {
        tokio::select! {
            request = requests.recv() => {
                let Some(Request { command, arguments, fd, reply }) = request else { break None };
                last_id += 1;
                let mut line = json!({"execute": command, "id": last_id});
                if let Some(arguments) = arguments {
                    line["arguments"] = arguments;
                }
                // Whoever gave up waiting must not leave its entry behind for ever.
                pending.retain(|_, (_, reply)| !reply.is_closed());
                pending.insert(last_id, (command, reply));
                let sent = match fd {
                    None => framed.send(line).await,
                    Some(fd) => send_with(framed.get_mut(), &line, &fd).await,
                };
                if let Err(error) = sent {
                    break Some(error);
                }
            }
            message = framed.next() => match message {
                Some(Ok(Message::Reply { id, result })) => {
                    // A reply without a known id answers a command that nobody waits for.
                    let waiting = id.and_then(|id| pending.remove(&id));
                    if let Some((command, reply)) = waiting {
                        drop(reply.send(result.map_err(|refusal| refused(&command, refusal))));
                    }
                }
                Some(Ok(Message::Event(event))) => backlog.take(event, &events),
                Some(Ok(Message::Greeting)) => {}
                Some(Err(error)) => break Some(error),
                None => break None,
            },
            // Whoever handles events may wait for a reply meanwhile, so this waits for it beside all else.
            Ok(place) = events.reserve(), if !backlog.0.is_empty() => backlog.put(place),
        }
    };
    match error {
        // QEMU's end, if something was still on the way to it.
        Some(QmpError::Io(error))
            if matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {}
        Some(error) => tracing::warn!(%error, "a QMP connection ended"),
        None => {}
    }
    // Nobody waits for replies that don't come: who handles events may be one of them.
    drop((framed, requests, pending));
    while let (false, Ok(place)) = (backlog.0.is_empty(), events.reserve().await) {
        backlog.put(place);
    }
}

/// Events for which there was no room: a guest can cause some as fast as it likes. The last of each kind is kept, which says
/// how things are now.
#[derive(Default)]
struct Backlog(VecDeque<Event>);

impl Backlog {
    /// Hands an event on, or keeps it.
    fn take(&mut self, event: Event, events: &mpsc::Sender<Event>) {
        if self.0.is_empty() {
            // If nobody wants events, it is dropped.
            if let Err(mpsc::error::TrySendError::Full(event)) = events.try_send(event) {
                self.0.push_back(event);
            }
            return;
        }
        self.0.retain(|kept| kept.name != event.name);
        // QEMU has fewer kinds than that.
        if self.0.len() == EVENT_QUEUE {
            self.0.pop_front();
        }
        self.0.push_back(event);
    }

    /// Hands the first on.
    fn put(&mut self, place: mpsc::Permit<'_, Event>) {
        if let Some(event) = self.0.pop_front() {
            place.send(event);
        }
    }
}

/// Sends a line with a descriptor. Whatever was sent before has left the buffers: each `send` flushes.
async fn send_with(stream: &mut UnixStream, command: &Value, fd: &OwnedFd) -> Result<(), QmpError> {
    let mut line = serde_json::to_vec(command).map_err(io::Error::from)?;
    line.push(b'\n');
    let descriptors = [fd.as_raw_fd()];
    let first = stream.async_io(Interest::WRITABLE, || {
        let message = [IoSlice::new(&line)];
        let control = [ControlMessage::ScmRights(&descriptors)];
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        Ok(sendmsg::<()>(stream.as_raw_fd(), &message, &control, flags, None)?)
    });
    let sent = first.await?;
    Ok(stream.write_all(&line[sent..]).await?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncBufReadExt, BufReader};

    use super::*;

    const GREETING: &[u8] = b"{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n";

    fn decode_all(chunks: &[&[u8]]) -> Result<Vec<Message>, QmpError> {
        let mut codec = Codec::default();
        let mut buffer = BytesMut::new();
        let mut messages = vec![];
        for chunk in chunks {
            buffer.extend_from_slice(chunk);
            while let Some(message) = codec.decode(&mut buffer)? {
                messages.push(message);
            }
        }
        Ok(messages)
    }

    fn message() -> impl Strategy<Value = (Vec<u8>, Message)> {
        let text = "[ -~\\p{Greek}]{0,20}";
        prop_oneof![
            Just((GREETING.to_vec(), Message::Greeting)),
            (any::<u64>(), text).prop_map(|(id, text)| {
                let line = format!("{}\r\n", json!({"return": text, "id": id}));
                let result = Ok(Value::String(text));
                (line.into_bytes(), Message::Reply { id: Some(id), result })
            }),
            text.prop_map(|description| {
                let line = format!("{}\n", json!({"error": {"class": "GenericError", "desc": description}}));
                let class = "GenericError".into();
                let result = Err(Refusal { class, description });
                (line.into_bytes(), Message::Reply { id: None, result })
            }),
            text.prop_map(|name| {
                let line = format!(
                    "\n{}\r\n",
                    json!({"event": name, "data": {"guest": true}, "timestamp": {}})
                );
                let data = json!({"guest": true});
                (line.into_bytes(), Message::Event(Event { name, data }))
            }),
        ]
    }

    proptest! {
        #[test]
        fn messages_survive_any_division_into_packets(
            messages in prop::collection::vec(message(), 0..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let bytes: Vec<u8> = messages.iter().flat_map(|(line, _)| line.clone()).collect();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let expected: Vec<Message> = messages.into_iter().map(|(_, message)| message).collect();
            prop_assert_eq!(decode_all(&chunks).unwrap(), expected);
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode_all(&[&bytes]);
        }

        #[test]
        fn no_json_makes_the_decoder_panic(text in "[\\[\\]{}:,\"a-z0-9 ]{0,60}", key in "return|error|event|QMP|id") {
            let _ = decode_all(&[format!("{{\"{key}\": {text}}}\n{text}\n").as_bytes()]);
        }
    }

    #[test]
    fn deep_nesting_is_an_error() {
        let line = format!("{}\n", "[".repeat(100_000));
        assert!(matches!(decode_all(&[line.as_bytes()]), Err(QmpError::Garbage(_))));
    }

    #[test]
    fn an_endless_line_is_an_error() {
        let chunk = vec![b'x'; MAX_LINE / 2 + 1];
        assert!(matches!(decode_all(&[&chunk, &chunk]), Err(QmpError::LineTooLong)));
        assert!(matches!(
            decode_all(&[&chunk, &chunk, b"\n"]),
            Err(QmpError::LineTooLong)
        ));
    }

    /// A QEMU that answers each command with its arguments, after an event, in the reverse order of pairs.
    async fn fake_qemu(stream: UnixStream) {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(GREETING).await.unwrap();
        lines.next_line().await.unwrap().unwrap();
        write.write_all(b"{\"return\": {}}\n").await.unwrap();
        loop {
            let mut replies = String::new();
            for _ in 0..2 {
                let Some(line) = lines.next_line().await.unwrap() else {
                    return;
                };
                let command: Value = serde_json::from_str(&line).unwrap();
                let reply = json!({"return": command["arguments"], "id": command["id"]});
                replies = format!("{reply}\n{replies}");
            }
            let line = format!("{{\"event\": \"RESET\"}}\n{replies}");
            write.write_all(line.as_bytes()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn replies_find_their_commands() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        tokio::spawn(fake_qemu(theirs));
        let (qmp, mut events) = Qmp::connect(ours).await.unwrap();
        let (first, second) = tokio::join!(
            qmp.execute("first", Some(json!({"n": 1}))),
            qmp.execute("second", Some(json!({"n": 2})))
        );
        assert_eq!(first.unwrap()["n"], 1);
        assert_eq!(second.unwrap()["n"], 2);
        assert_eq!(events.recv().await.unwrap().name, "RESET");
    }

    #[tokio::test]
    async fn a_flood_of_events_delays_no_reply_and_hides_no_end() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        tokio::spawn(async move {
            let (read, mut write) = theirs.into_split();
            let mut lines = BufReader::new(read).lines();
            write.write_all(GREETING).await.unwrap();
            lines.next_line().await.unwrap().unwrap();
            write.write_all(b"{\"return\": {}}\n").await.unwrap();
            lines.next_line().await.unwrap().unwrap();
            let flood = "{\"event\": \"GUEST_PANICKED\"}\n".repeat(10 * EVENT_QUEUE);
            let lines = format!(
                "{flood}{{\"event\": \"RESET\"}}\n{flood}{{\"return\": 7, \"id\": 1}}\n{{\"event\": \"SHUTDOWN\"}}\n{flood}"
            );
            write.write_all(lines.as_bytes()).await.unwrap();
        });
        let (qmp, mut events) = Qmp::connect(ours).await.unwrap();
        let reply = tokio::time::timeout(std::time::Duration::from_secs(60), qmp.execute("stop", None));
        assert_eq!(reply.await.expect("the flood delays the reply").unwrap(), 7);
        let mut names = vec![];
        while let Some(event) = events.recv().await {
            names.push(event.name);
        }
        for needed in ["RESET", "SHUTDOWN"] {
            assert_eq!(names.iter().filter(|name| *name == needed).count(), 1, "{needed}");
        }
        assert!(names.len() < 3 * EVENT_QUEUE, "{}", names.len());
    }

    #[tokio::test]
    async fn a_refused_command_tells_qemus_words() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(GREETING).await.unwrap();
        theirs.write_all(b"{\"return\": {}}\n").await.unwrap();
        let (qmp, _events) = Qmp::connect(ours).await.unwrap();
        let answer = async {
            let line = b"{\"id\": 1, \"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no such thing\"}}\n";
            theirs.write_all(line).await.unwrap();
            std::future::pending::<()>().await;
        };
        let error = tokio::select! {
            result = qmp.execute("frobnicate", None) => result.unwrap_err(),
            () = answer => unreachable!(),
        };
        assert_eq!(error.to_string(), "QEMU refused `frobnicate`: no such thing");
    }

    #[tokio::test]
    async fn a_closed_connection_ends_commands_and_events() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(GREETING).await.unwrap();
        theirs.write_all(b"{\"return\": {}}\n").await.unwrap();
        let (qmp, mut events) = Qmp::connect(ours).await.unwrap();
        drop(theirs);
        assert!(matches!(qmp.execute("stop", None).await, Err(QmpError::Closed)));
        assert!(events.recv().await.is_none());
    }

    #[tokio::test]
    async fn garbage_instead_of_a_greeting_is_an_error() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"SSH-2.0-OpenSSH\r\n").await.unwrap();
        assert!(matches!(Qmp::connect(ours).await, Err(QmpError::Garbage(_))));
    }
}
