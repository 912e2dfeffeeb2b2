//! The tasks of a screen.

use std::{collections::HashMap, path::PathBuf};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use placemat2_engine::client::{Client, Endpoint, lab_socket};
use tokio::task::{AbortHandle, JoinHandle};

use super::{Sender, clipboard, follow, links, log, pane, redfish::Bmc, save::save};
use crate::{
    action::Demand,
    model::consoles::PaneId,
    msg::{Effect, Msg},
};

/// Tasks of a screen; they end with it.
pub struct Performer {
    client: Option<Client>,
    messages: Sender,
    bytes: Sender,
    follow: Option<AbortHandle>,
    links: Option<AbortHandle>,
    log: Option<AbortHandle>,
    survey: Option<AbortHandle>,
    panes: HashMap<PaneId, pane::Handle>,
    pmctl2: PathBuf,
}

impl Performer {
    /// Nothing is done yet. `bytes` is for what consoles write, which may be much; `pmctl2` is the program that makes a config
    /// for ssh.
    pub fn new(messages: Sender, bytes: Sender, pmctl2: PathBuf) -> Self {
        Self {
            client: None,
            messages,
            bytes,
            follow: None,
            links: None,
            log: None,
            survey: None,
            panes: HashMap::new(),
            pmctl2,
        }
    }

    /// Attaches to the lab that answers there.
    pub fn attach(&mut self, endpoint: Endpoint) {
        let client = Client::new(endpoint);
        self.client = Some(client.clone());
        replace(
            &mut self.follow,
            &tokio::spawn(follow::follow(client, self.messages.clone())),
        );
    }

    /// Does what can be done without the terminal.
    pub fn perform(&mut self, effect: Effect) {
        let messages = self.messages.clone();
        match effect {
            Effect::Attach(lab) => match lab_socket(&lab) {
                Ok(socket) => self.attach(Endpoint::Unix(socket)),
                Err(error) => self.tell(Err(error.to_string())),
            },
            Effect::Power(job, node, Demand::Verb(verb)) => self.post(job, &["nodes", &node, verb.word()]),
            Effect::Power(job, node, demand) => {
                if let Some(client) = self.client.clone() {
                    tokio::spawn(async move {
                        let exchange = match demand {
                            // Has an arm of its own above.
                            Demand::Verb(_) => return,
                            Demand::Boot(boot) => Bmc::new(client, node).boot(boot).await,
                            Demand::Reset(reset) => Bmc::new(client, node).reset(reset).await,
                        };
                        let done = match exchange {
                            Ok(exchange) => Msg::Answered(job, Box::new(exchange)),
                            Err(reason) => Msg::Done(job, Err(reason)),
                        };
                        let _ = messages.send(done).await;
                    });
                }
            }
            Effect::Ask(job, node, request) => {
                if let Some(client) = self.client.clone() {
                    tokio::spawn(async move {
                        let exchange = Bmc::new(client, node).ask(request).await;
                        let _ = messages.send(Msg::Answered(job, Box::new(exchange))).await;
                    });
                }
            }
            Effect::Survey(of) => {
                self.survey.take().inspect(AbortHandle::abort);
                if let (Some(client), Some(node)) = (self.client.clone(), of) {
                    replace(&mut self.survey, &tokio::spawn(Bmc::new(client, node).watch(messages)));
                }
            }
            Effect::Open(id, source, size) => {
                if let Some(client) = self.client.clone() {
                    let told = pane::Told {
                        id,
                        messages,
                        bytes: self.bytes.clone(),
                    };
                    self.panes
                        .insert(id, pane::open(client, source, size, told, &self.pmctl2));
                }
            }
            Effect::Close(id) => drop(self.panes.remove(&id)),
            Effect::Type(id, bytes) => {
                if let Some(pane) = self.panes.get(&id)
                    && !pane.write(bytes)
                {
                    self.tell(Err(
                        "the console takes no more keys: the guest does not read them".into()
                    ));
                }
            }
            Effect::Resize(id, size) => {
                if let Some(pane) = self.panes.get(&id) {
                    pane.resize(size);
                }
            }
            Effect::Break(job, node) => self.post(job, &["nodes", &node, "console", "break"]),
            Effect::Restart(job, of) => self.post(job, &["netns", &of.netns, "apps", &of.app, "restart"]),
            Effect::Log(of) => {
                self.log.take().inspect(AbortHandle::abort);
                if let (Some(client), Some(of)) = (self.client.clone(), of) {
                    replace(&mut self.log, &tokio::spawn(log::follow(client, of, messages)));
                }
            }
            Effect::Links(on) => {
                self.links.take().inspect(AbortHandle::abort);
                if let (Some(client), true) = (self.client.clone(), on) {
                    replace(&mut self.links, &tokio::spawn(links::watch(client, messages)));
                }
            }
            Effect::Clipboard(text) => clipboard::copy(&text, &messages),
            Effect::Save(path, text) => save(path, text, false, messages),
            Effect::Overwrite(path, text) => save(path, text, true, messages),
            Effect::TearDown(pid) => {
                let told = i32::try_from(pid)
                    .map(Pid::from_raw)
                    .map_err(|_| nix::errno::Errno::ESRCH);
                if let Err(error) = told.and_then(|pid| kill(pid, Signal::SIGTERM)) {
                    self.tell(Err(format!("the engine (process {pid}) can't be told to end: {error}")));
                }
            }
            // These are done by whoever has the terminal.
            Effect::Edit(_) | Effect::Suspend | Effect::Redraw | Effect::Mouse(_) => {}
        }
    }

    /// Asks the lab to do something; tells how the job went.
    fn post(&self, job: u64, path: &[&str]) {
        let Some(client) = self.client.clone() else { return };
        let path = Client::path(path);
        let messages = self.messages.clone();
        tokio::spawn(async move {
            let done = client.post(&path).await.map_err(|error| error.to_string());
            let _ = messages.send(Msg::Done(job, done)).await;
        });
    }

    fn tell(&self, told: Result<String, String>) {
        // With so many messages waiting, one sentence less is no loss.
        let _ = self.messages.try_send(Msg::Told(told));
    }
}

impl Drop for Performer {
    fn drop(&mut self) {
        for task in [&self.follow, &self.links, &self.log, &self.survey]
            .into_iter()
            .flatten()
        {
            task.abort();
        }
    }
}

fn replace(slot: &mut Option<AbortHandle>, task: &JoinHandle<()>) {
    if let Some(old) = slot.replace(task.abort_handle()) {
        old.abort();
    }
}
