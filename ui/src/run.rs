//! The event loop: what comes from the terminal is served first, frames are drawn when something changed, what consoles
//! write comes last.

use std::{
    future::Future,
    io::{self, Write as _},
    path::PathBuf,
    pin::Pin,
    time::Duration,
};

use crossterm::event::{Event, EventStream};
use futures::StreamExt as _;
use jiff::Timestamp;
use nix::{
    errno::Errno,
    sys::{
        signal::{Signal as UnixSignal, raise},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};
use placemat2_engine::client::{Endpoint, lab_socket};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    action::View,
    model::{Model, Outcome, Settings, consoles::PaneId, popup::Popup},
    msg::{Effect, Msg},
    perform::{FLOOD, Performer},
    terminal::{FRAME, Guard, Outlet, Screen, TerminalError, give_back, mouse},
    update::update,
};

/// What answers a key is drawn at once, unless keys come faster than this.
const ECHO: Duration = Duration::from_millis(4);
/// Messages that may wait.
const MESSAGES: usize = 64;

/// The engine that was started for this console: ends with it, with its words if it failed.
pub type Engine = Pin<Box<dyn Future<Output = Option<String>>>>;

/// Which lab.
pub enum Target {
    /// The one that answers there.
    Endpoint(Endpoint),
    /// One of these, as the user chooses.
    Choose(Vec<String>),
}

/// What a console begins with.
pub struct Start {
    /// Which lab.
    pub target: Target,
    /// What was chosen.
    pub settings: Settings,
    /// The view to begin with.
    pub view: View,
    /// To be read at once, if anything.
    pub remark: Option<String>,
    /// The program `pmctl2`.
    pub pmctl2: PathBuf,
    /// The engine that was started for this console.
    pub engine: Option<Engine>,
}

/// How a console ended.
pub struct End {
    /// Why.
    pub outcome: Outcome,
    /// What is to be said of the lab, now that the terminal is given back.
    pub farewell: Option<String>,
}

/// Runs the console until it is left.
pub async fn run(start: Start) -> Result<End, TerminalError> {
    let guard = Guard::take(start.settings.mouse)?;
    let endpoint = match &start.target {
        Target::Endpoint(endpoint) => Some(endpoint.clone()),
        Target::Choose(_) => None,
    };
    let mut console = Console::new(start)?;
    let outcome = console.run().await;
    // The last frame is out before the terminal is given back.
    let (model, engine) = console.end();
    drop(guard);
    let outcome = match (outcome?, engine) {
        // The lab answers no more, but whether all of it went is known when its engine has ended.
        (Outcome::Ended, Some(engine)) => engine.await.map_or(Outcome::Ended, Outcome::Failed),
        (outcome, _) => outcome,
    };
    let farewell = model.farewell(&outcome, &way(endpoint, model.mirror.name()));
    Ok(End { outcome, farewell })
}

/// The option by which a lab is attached to again: its name, if it is where labs of this host are.
fn way(endpoint: Option<Endpoint>, lab: &str) -> String {
    let by_name = lab_socket(lab).ok().map(Endpoint::Unix);
    match endpoint {
        Some(endpoint) if by_name.as_ref() != Some(&endpoint) => format!("--endpoint {endpoint}"),
        _ => format!("--lab {lab}"),
    }
}

struct Signals {
    /// End this process whatever it does.
    terminate: Signal,
    hangup: Signal,
    keys: Keys,
}

/// Those that come of keys, and what follows one of them.
struct Keys {
    interrupt: Signal,
    stop: Signal,
    go_on: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            keys: Keys::listen()?,
        })
    }

    /// Waits for the next one.
    async fn next(&mut self) -> Signalled {
        tokio::select! {
            _ = self.terminate.recv() => Signalled::End,
            _ = self.hangup.recv() => Signalled::End,
            _ = self.keys.interrupt.recv() => Signalled::End,
            _ = self.keys.stop.recv() => Signalled::Stop,
            _ = self.keys.go_on.recv() => Signalled::GoOn,
        }
    }

    /// Drops what came while another program had the terminal: keys of its own were meant by it.
    fn forget_keys(&mut self) -> io::Result<()> {
        self.keys = Keys::listen()?;
        Ok(())
    }
}

impl Keys {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            stop: signal(SignalKind::from_raw(nix::libc::SIGTSTP))?,
            go_on: signal(SignalKind::from_raw(nix::libc::SIGCONT))?,
        })
    }
}

/// What a signal asks for.
enum Signalled {
    /// To leave.
    End,
    /// To stop until the shell brings it back.
    Stop,
    /// To take the terminal again.
    GoOn,
}

struct Console {
    model: Model,
    performer: Performer,
    screen: Screen,
    outlet: Outlet,
    input: Option<EventStream>,
    messages: mpsc::Receiver<Msg>,
    bytes: mpsc::Receiver<Msg>,
    signals: Signals,
    engine: Option<Engine>,
    /// Something is to be drawn.
    dirty: bool,
    /// Not before this.
    next_frame: Instant,
    /// A key was sent there, and what comes of it is awaited.
    echo: Option<PaneId>,
}

impl Console {
    fn new(start: Start) -> Result<Self, TerminalError> {
        let size = crossterm::terminal::size()?;
        let mut model = Model::new(start.settings, size, Timestamp::now());
        model.view = start.view;
        if let Some(text) = start.remark {
            model.popups.push(Popup::Message {
                title: "Mistakes in the config".into(),
                text,
                top: 0,
            });
        }
        let (sender, messages) = mpsc::channel(MESSAGES);
        let (bytes_sender, bytes) = mpsc::channel(FLOOD);
        let mut performer = Performer::new(sender, bytes_sender, start.pmctl2);
        let effects = match start.target {
            Target::Endpoint(endpoint) => {
                performer.attach(endpoint);
                update(&mut model, Msg::Time(Timestamp::now()))
            }
            Target::Choose(labs) => update(&mut model, Msg::Labs(labs)),
        };
        for effect in effects {
            performer.perform(effect);
        }
        Ok(Self {
            screen: Screen::new(size)?,
            model,
            performer,
            outlet: Outlet::start()?,
            input: Some(EventStream::new()),
            messages,
            bytes,
            signals: Signals::listen()?,
            engine: start.engine,
            dirty: true,
            next_frame: Instant::now(),
            echo: None,
        })
    }

    /// What outlives it.
    fn end(self) -> (Model, Option<Engine>) {
        (self.model, self.engine)
    }

    async fn run(&mut self) -> Result<Outcome, TerminalError> {
        loop {
            if let Some(outcome) = self.model.leaving.take() {
                return Ok(outcome);
            }
            // Asked once: what changes meanwhile is told below.
            let busy = self.outlet.is_busy();
            let may_draw = self.dirty && !busy;
            let minute = Instant::now() + to_next_minute(Timestamp::now());
            tokio::select! {
                biased;
                signalled = self.signals.next() => match signalled {
                    Signalled::End => return Ok(Outcome::Detached),
                    Signalled::Stop => self.suspend()?,
                    Signalled::GoOn => self.retake()?,
                },
                event = next(&mut self.input) => match event {
                    Some(Ok(event)) => self.typed(event)?,
                    // The terminal is gone.
                    Some(Err(_)) | None => return Ok(Outcome::Detached),
                },
                () = due(self.next_frame), if may_draw => self.draw()?,
                () = self.outlet.sent.notified(), if busy => {}
                Some(msg) = self.messages.recv() => self.told(msg)?,
                Some(msg) = self.bytes.recv() => self.written(msg)?,
                failure = ended(&mut self.engine) => {
                    self.engine = None;
                    self.told(Msg::EngineEnded(failure))?;
                }
                () = sleep_until(minute) => self.told(Msg::Time(Timestamp::now()))?,
            }
        }
    }

    fn draw(&mut self) -> Result<(), TerminalError> {
        let frame = self.screen.frame(&self.model)?;
        if !frame.is_empty() {
            self.outlet.send(frame);
        }
        self.dirty = false;
        self.next_frame = Instant::now() + FRAME;
        Ok(())
    }

    /// The user did something: what comes of it is drawn soon.
    fn typed(&mut self, event: Event) -> Result<(), TerminalError> {
        self.model.now = Timestamp::now();
        let for_guest = self.model.is_typing() && matches!(event, Event::Key(_));
        let effects = update(&mut self.model, Msg::Input(event));
        // A key that a guest got changes nothing before the guest answers it.
        if !(for_guest && self.model.is_typing()) {
            self.dirty = true;
            self.soon();
        }
        if let Some(Effect::Type(pane, _)) = effects.iter().find(|effect| matches!(effect, Effect::Type(..))) {
            self.echo = Some(*pane);
        }
        self.perform(effects)
    }

    fn soon(&mut self) {
        let last = self.next_frame.checked_sub(FRAME).unwrap_or(self.next_frame);
        self.next_frame = self.next_frame.min(Instant::now().max(last + ECHO));
    }

    fn told(&mut self, msg: Msg) -> Result<(), TerminalError> {
        // Counters that did not change are no reason to draw.
        let rates = matches!(msg, Msg::Links(..)).then(|| self.model.mirror.rates.clone());
        if !matches!(msg, Msg::Links(..)) {
            self.model.now = Timestamp::now();
        }
        let effects = update(&mut self.model, msg);
        self.dirty |= rates.is_none_or(|rates| rates != self.model.mirror.rates);
        self.perform(effects)
    }

    fn written(&mut self, msg: Msg) -> Result<(), TerminalError> {
        if let Msg::Bytes(pane, _) | Msg::Replay(pane, _) = msg {
            let on_screen = self
                .model
                .consoles
                .tab()
                .is_some_and(|tab| tab.tile.panes().contains(&pane));
            self.dirty |= on_screen && self.model.view == View::Consoles;
            if self.echo == Some(pane) {
                self.echo = None;
                self.soon();
            }
            let notice = self.model.notice.clone();
            let effects = update(&mut self.model, msg);
            // A bell is told wherever one is.
            self.dirty |= self.model.notice != notice;
            return self.perform(effects);
        }
        self.told(msg)
    }

    fn perform(&mut self, effects: Vec<Effect>) -> Result<(), TerminalError> {
        for effect in effects {
            match effect {
                Effect::Suspend => self.suspend()?,
                Effect::Redraw => self.redraw()?,
                Effect::Mouse(on) => mouse(on)?,
                Effect::Edit(text) => self.edit(&text)?,
                effect => self.performer.perform(effect),
            }
        }
        Ok(())
    }

    fn redraw(&mut self) -> Result<(), TerminalError> {
        self.screen.clear()?;
        self.dirty = true;
        Ok(())
    }

    /// Stops this process as a shell's job; goes on when the shell brings it back.
    fn suspend(&mut self) -> Result<(), TerminalError> {
        self.let_go()?;
        // SIGSTOP, since SIGTSTP is listened to.
        raise(UnixSignal::SIGSTOP).map_err(io::Error::from)?;
        self.retake()
    }

    /// Gives the terminal back for a while, once it has all that was drawn.
    fn let_go(&mut self) -> Result<(), TerminalError> {
        drop(std::mem::replace(&mut self.outlet, Outlet::start()?));
        give_back();
        Ok(())
    }

    /// Takes the terminal again after somebody else had it, and perhaps changed its modes.
    fn retake(&mut self) -> Result<(), TerminalError> {
        // Whoever made the terminal's guard drops it; this one is for the modes.
        give_back();
        std::mem::forget(Guard::take(self.model.settings.mouse)?);
        let size = crossterm::terminal::size()?;
        let effects = update(&mut self.model, Msg::Input(Event::Resize(size.0, size.1)));
        self.redraw()?;
        self.perform(effects)
    }

    /// Lets the user's editor have the terminal with a copy of a text.
    fn edit(&mut self, text: &str) -> Result<(), TerminalError> {
        // Whoever reads keys for this console must not read the editor's.
        self.input = None;
        self.let_go()?;
        let edited = edit(text);
        self.signals.forget_keys()?;
        self.input = Some(EventStream::new());
        self.retake()?;
        if let Err(error) = edited {
            self.told(Msg::Told(Err(format!("the editor can't be used: {error}"))))?;
        }
        Ok(())
    }
}

fn edit(text: &str) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix("placemat2-")
        .suffix(".log")
        .tempfile()?;
    file.write_all(text.as_bytes())?;
    let editor = std::env::var("VISUAL")
        .or_else(|_| std::env::var("EDITOR"))
        .unwrap_or_else(|_| "vi".into());
    // As git does it: the variable may have arguments in it.
    let script = format!("{editor} \"$@\"");
    let child = std::process::Command::new("sh")
        .args(["-c", &script, "editor"])
        .arg(file.path())
        .spawn()?;
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    loop {
        let ended = match waitpid(pid, Some(WaitPidFlag::WUNTRACED)) {
            // It was stopped by a key, and this process with it in the eyes of the shell, which brings both back.
            Ok(WaitStatus::Stopped(..)) => {
                raise(UnixSignal::SIGSTOP)?;
                continue;
            }
            Ok(WaitStatus::Exited(_, 0)) => return Ok(()),
            Ok(WaitStatus::Exited(_, code)) => format!("it ended with {code}"),
            Ok(WaitStatus::Signaled(_, signal, _)) => format!("it was ended by {signal}"),
            Ok(_) | Err(Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        };
        return Err(io::Error::other(format!("{editor}: {ended}")));
    }
}

/// Waits for a time, and not until the runtime's next tick if it has come.
async fn due(time: Instant) {
    if Instant::now() < time {
        sleep_until(time).await;
    }
}

async fn next(input: &mut Option<EventStream>) -> Option<io::Result<Event>> {
    match input {
        Some(input) => input.next().await,
        None => std::future::pending().await,
    }
}

async fn ended(engine: &mut Option<Engine>) -> Option<String> {
    match engine {
        Some(engine) => engine.await,
        None => std::future::pending().await,
    }
}

/// How long until the clock of the status line has to be drawn again.
fn to_next_minute(now: Timestamp) -> Duration {
    let second = u64::try_from(now.as_second().rem_euclid(60)).unwrap_or(0);
    Duration::from_secs(60 - second)
}
