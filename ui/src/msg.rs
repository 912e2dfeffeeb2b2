//! What can happen to the screen, and what it can ask for.

use crossterm::event::Event as Input;
use jiff::Timestamp;
use placemat2_engine::{
    api::{LogLine, RedfishRequest},
    store::{Event, State},
};

use crate::{
    action::Demand,
    emulator::Size,
    model::{
        bmc::{Exchange, Survey},
        consoles::{PaneId, Source},
        log::AppId,
        mirror::LinkCount,
    },
};

/// Something happened.
#[derive(Debug)]
pub enum Msg {
    /// A key, the mouse, a paste, another size.
    Input(Input),
    /// It is this time now.
    Time(Timestamp),
    /// The lab answers.
    Connected,
    /// The lab answers no more; it is tried again.
    Lost(String),
    /// The lab's state.
    State(Box<State>),
    /// Events of the lab.
    Events(Vec<Event>),
    /// Counters of its links, read so many seconds after those before.
    Links(Vec<LinkCount>, f64),
    /// Output of an app.
    Log(AppId, Vec<LogLine>),
    /// There is no more output of an app to come, and why.
    LogEnded(AppId, String),
    /// A console or shell is connected.
    Opened(PaneId),
    /// What its other end wrote before.
    Replay(PaneId, Vec<u8>),
    /// It wrote something.
    Bytes(PaneId, Vec<u8>),
    /// It is over, and why.
    Closed(PaneId, String),
    /// A job ended.
    Done(u64, Result<(), String>),
    /// A BMC answered a request, or did not.
    Answered(u64, Box<Exchange>),
    /// The BMC of that node told of itself, or why it could not.
    Surveyed(String, Result<Box<Survey>, String>),
    /// Something to be told that nobody waits for.
    Told(Result<String, String>),
    /// A text was not saved in that file: it is there already.
    Exists(String, String),
    /// Several labs run here: which one?
    Labs(Vec<String>),
    /// The engine that was started for this console ended; with its words if it failed.
    EngineEnded(Option<String>),
}

/// Something is to be done that the screen can't do itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask something of a node's power.
    Power(u64, String, Demand),
    /// Ask something of a node's BMC.
    Ask(u64, String, RedfishRequest),
    /// Read from time to time what the BMC of this node tells of itself, and no other's.
    Survey(Option<String>),
    /// Connect a pane.
    Open(PaneId, Source, Size),
    /// Disconnect it.
    Close(PaneId),
    /// Send bytes to it.
    Type(PaneId, Vec<u8>),
    /// Send a break on the serial line of a node; the job's number.
    Break(u64, String),
    /// Tell it its size.
    Resize(PaneId, Size),
    /// Restart an app; the job's number.
    Restart(u64, AppId),
    /// Follow the output of this app, and of no other.
    Log(Option<AppId>),
    /// Read the counters of the links from time to time, or stop that.
    Links(bool),
    /// Put a text into the clipboard of the terminal.
    Clipboard(String),
    /// Show a text in the user's editor.
    Edit(String),
    /// Save a text in that file, which must not be there yet.
    Save(String, String),
    /// Save a text in that file instead of what is in it.
    Overwrite(String, String),
    /// Stop this process as a shell's job.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Take the mouse, or give it back.
    Mouse(bool),
    /// Attach to the lab of that name.
    Attach(String),
    /// Tell the engine of that process id to end.
    TearDown(u32),
}
