//! A real QEMU with a guest of 138 bytes, as plan and state.

use std::{
    fs,
    future::Future,
    path::{Path, PathBuf},
    time::Duration,
};

use placemat2_engine::{
    keeper::Keeper,
    node::{Action, NodeEnv, NodeError, NodeHandle, PowerState},
    plan,
    store::{NodeState, State, Store},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::timeout,
};

/// What the guest writes to its serial port when it boots.
pub const GREETING: &str = "hello from the boot sector\r\n";

/// A boot sector that writes its greeting and then obeys what is typed: `p` powers off (ACPI), `r` resets (keyboard
/// controller), `a` makes the power button power it off and is echoed, `k` tells of a panic (pvpanic), `f` writes `f` for
/// ever, anything else is echoed. It writes `!` for an NMI.
const BOOT_SECTOR: [u8; 139] = [
    0xfa, // cli: what SeaBIOS has yet to write, it writes when its timer ticks, in the middle of the greeting
    0x31, 0xc0, // xor ax, ax
    0x8e, 0xd8, // mov ds, ax
    0xc7, 0x06, 0x08, 0x00, 0x70, 0x7c, // mov word [8], interrupt
    0xa3, 0x0a, 0x00, // mov [10], ax
    0xbe, 0x8b, 0x7c, // mov si, greeting
    0xac, // print: lodsb
    0x84, 0xc0, // test al, al
    0x74, 0x05, // jz command
    0xe8, 0x61, 0x00, // call put
    0xeb, 0xf6, // jmp print
    0xfb, 0xf4, // command: sti; hlt (the BIOS's timer goes on)
    0xba, 0x00, 0x06, 0xed, // mov dx, 0x600; in ax, dx
    0xf6, 0xc4, 0x01, // test ah, 1 (the button was pushed)
    0x75, 0x2e, // jnz poweroff
    0xba, 0xfd, 0x03, // mov dx, 0x3fd
    0xec, 0xa8, 0x01, // in al, dx; test al, 1
    0x74, 0xed, // jz command
    0xba, 0xf8, 0x03, 0xec, // mov dx, 0x3f8; in al, dx
    0x3c, b'p', 0x74, 0x1e, // cmp al, 'p'; je poweroff
    0x3c, b'r', 0x74, 0x23, // cmp al, 'r'; je reset
    0x3c, b'f', 0x74, 0x25, // cmp al, 'f'; je flood
    0x3c, b'k', 0x74, 0x26, // cmp al, 'k'; je panic
    0x3c, b'a', 0x75, 0x09, // cmp al, 'a'; jne echo
    0xba, 0x02, 0x06, // mov dx, 0x602
    0xb8, 0x00, 0x01, 0xef, // mov ax, 0x100; out dx, ax
    0xb0, b'a', // mov al, 'a'
    0xe8, 0x28, 0x00, // echo: call put
    0xeb, 0xc7, // jmp command
    0xba, 0x04, 0x06, // poweroff: mov dx, 0x604
    0xb8, 0x00, 0x20, 0xef, // mov ax, 0x2000; out dx, ax
    0xeb, 0xbe, // jmp command
    0xb0, 0xfe, 0xe6, 0x64, // reset: mov al, 0xfe; out 0x64, al
    0xeb, 0xb8, // jmp command
    0xe8, 0x14, 0x00, // flood: call put
    0xeb, 0xfb, // jmp flood
    0xba, 0x05, 0x05, // panic: mov dx, 0x505
    0xb0, 0x01, 0xee, // mov al, 1; out dx, al
    0xeb, 0xab, // jmp command
    0x50, 0x52, // interrupt: push ax; push dx
    0xb0, b'!', // mov al, '!'
    0xe8, 0x03, 0x00, // call put
    0x5a, 0x58, 0xcf, // pop dx; pop ax; iret
    0xba, 0xfd, 0x03, // put: mov dx, 0x3fd
    0x88, 0xc4, // mov ah, al
    0xec, 0xa8, 0x20, // wait: in al, dx; test al, 0x20
    0x74, 0xfb, // jz wait
    0xba, 0xf8, 0x03, // mov dx, 0x3f8
    0x88, 0xe0, 0xee, 0xc3, // mov al, ah; out dx, al; ret
];

/// A node named `boot-0` in a directory and a state of its own.
pub struct Machine {
    pub dir: TempDir,
    pub store: Store,
    pub keeper: Keeper,
    pub plan: plan::Node,
}

impl Machine {
    /// A node that is not made yet: its plan can be changed.
    pub fn new(keeper: Keeper, dir: TempDir) -> Self {
        let disk = dir.path().join("boot.img");
        let mut sectors = boot_sector(GREETING).to_vec();
        sectors.resize(64 * 512, 0);
        fs::write(&disk, sectors).unwrap();
        let plan = node_plan(dir.path(), &disk);
        let state = State {
            nodes: vec![NodeState::of(&plan)],
            ..State::default()
        };
        Self {
            dir,
            store: Store::new(state),
            keeper,
            plan,
        }
    }

    pub fn handle(&self) -> NodeHandle {
        let env = NodeEnv {
            store: self.store.clone(),
            keeper: self.keeper.clone(),
            debug: false,
        };
        NodeHandle::new(self.plan.clone(), vec![], env).unwrap()
    }

    /// The node, powered on.
    pub async fn on(&self) -> NodeHandle {
        let handle = self.handle();
        handle.act(Action::Start).await.unwrap();
        handle
    }

    pub fn state(&self) -> NodeState {
        self.store.read(|state| state.nodes[0].clone())
    }

    pub fn pid(&self) -> i32 {
        self.state().pid.unwrap().try_into().unwrap()
    }

    /// Waits until the node is in that state and returns why.
    pub async fn until(&self, power: PowerState) -> Option<String> {
        let mut watch = self.store.watch();
        in_time(async {
            while self.state().power_status != power {
                watch.changed().await.unwrap();
            }
        })
        .await;
        self.state().power_reason
    }

    /// Waits for an event with that text.
    pub async fn told(&self, text: &str) {
        let mut watch = self.store.watch();
        in_time(async {
            while !self.messages().iter().any(|message| message.contains(text)) {
                watch.changed().await.unwrap();
            }
        })
        .await;
    }

    pub fn messages(&self) -> Vec<String> {
        let events = self.store.events_after(0);
        events.iter().map(|event| event.message.clone()).collect()
    }

    /// A client of the console.
    pub async fn client(&self) -> Client {
        Client(UnixStream::connect(&self.plan.console_socket).await.unwrap())
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.plan.console_log).unwrap()
    }
}

/// The guest that greets so, as the first sector of what it boots from.
pub fn boot_sector(greeting: &str) -> [u8; 512] {
    let mut sector = [0; 512];
    sector[..BOOT_SECTOR.len()].copy_from_slice(&BOOT_SECTOR);
    sector[BOOT_SECTOR.len()..][..greeting.len()].copy_from_slice(greeting.as_bytes());
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

/// A program on a console's socket.
pub struct Client(UnixStream);

impl Client {
    pub async fn sees(&mut self, text: &str) {
        let mut seen = vec![];
        let waiting = async {
            while !String::from_utf8_lossy(&seen).contains(text) {
                assert_ne!(self.0.read_buf(&mut seen).await.unwrap(), 0, "the console was closed");
            }
        };
        in_time(waiting).await;
    }

    pub async fn types(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads that many bytes and drops them.
    pub async fn reads(&mut self, mut count: usize) {
        let mut buffer = vec![0; 1 << 16];
        while count > 0 {
            let read = self.0.read(&mut buffer).await.unwrap();
            assert_ne!(read, 0, "the console was closed");
            count = count.saturating_sub(read);
        }
    }
}

/// Fails if it takes longer than any machine should need.
pub async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), future).await.expect("in time")
}

/// Whether the error tells of the node and holds that text.
pub fn tells(error: &NodeError, text: &str) {
    let message = error.to_string();
    assert!(
        message.starts_with("node `boot-0`") && message.contains(text),
        "{message}"
    );
}

fn node_plan(dir: &Path, disk: &Path) -> plan::Node {
    let drive = format!("if=ide,format=raw,file={}", disk.display());
    let args = [
        "-nodefaults",
        "-display",
        "none",
        "-machine",
        "pc,accel=tcg",
        "-m",
        "16",
        "-drive",
        &drive,
        "-device",
        "virtio-serial-pci",
        "-chardev",
        "socket,id=port,fd=12",
        "-device",
        "virtserialport,chardev=port,name=placemat",
        "-chardev",
        "socket,id=serial,fd=11",
        "-serial",
        "chardev:serial",
        "-chardev",
        "socket,id=qmp,fd=10",
        "-mon",
        "chardev=qmp,mode=control",
    ];
    plan::Node {
        id: "node/boot-0".into(),
        name: "boot-0".into(),
        power_on: true,
        nics: vec![],
        volumes: vec![],
        qemu: plan::Qemu {
            program: PathBuf::from("qemu-system-x86_64"),
            args: args.map(str::to_owned).into(),
            user: None,
            qmp_fd: 10,
            serial_fd: 11,
            port_fd: 12,
        },
        console_socket: dir.join("boot-0.socket"),
        console_log: dir.join("boot-0.console.log"),
        cpus: 1,
        memory: Some("16".into()),
        restore: plan::PowerRestore {
            file: dir.join("power/boot-0.json"),
            policy: None,
        },
        nvram: None,
        tpm: None,
        cd: None,
        manufacturer: None,
        product: None,
        serial: "1".into(),
        ready: Vec::new(),
        depends_on: vec![],
    }
}
