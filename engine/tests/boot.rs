//! What a node boots from, on a real QEMU: a disk and a CD that greet differently.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]
// Each suite uses its own part of what they share.
#![allow(dead_code, reason = "shared with other suites")]

mod machine;
mod scene;

use std::{fs, fs::File, io::Write, time::Duration};

use machine::{Client, GREETING, Machine, boot_sector, in_time, tells};
use placemat2_engine::{
    keeper::Keeper,
    node::{Action, BootFrom, BootGoal, Medium, NodeHandle},
    plan::{self, BootSource, CdDrive, VolumeSource},
    spec::model::{Cache, DiskFormat},
    store::BootCause,
};
use scene::trial;
use tempfile::TempDir;

/// What the guest on the CD says.
const FROM_CD: &str = "hello from the CD\r\n";
/// A sector of a CD.
const SECTOR: usize = 2048;

fn main() {
    scene::main(|| {
        vec![
            trial("what is for once holds for one boot, whoever resets", once),
            trial("what is for good holds until it is changed", for_good),
            trial(
                "a medium comes after the disk, and stays over power cycles",
                medium_stays,
            ),
            trial("a drive takes one medium, and only where there is a drive", one_medium),
            trial("boots are counted, with what had them happen", counted),
        ]
    });
}

/// A CD that boots that guest: El Torito, without emulation.
fn cd() -> File {
    let mut image = vec![0; 21 * SECTOR];
    let mut descriptor = |at: usize, kind: u8, text: &[u8]| {
        let start = at * SECTOR;
        image[start] = kind;
        image[start + 1..][..5].copy_from_slice(b"CD001");
        image[start + 6] = 1;
        image[start + 7..][..text.len()].copy_from_slice(text);
    };
    descriptor(16, 1, b"");
    descriptor(17, 0, b"EL TORITO SPECIFICATION");
    descriptor(18, 255, b"");
    let mut put = |at: usize, bytes: &[u8]| image[at..][..bytes.len()].copy_from_slice(bytes);
    // Where the boot catalog is.
    put(17 * SECTOR + 0x47, &19_u32.to_le_bytes());
    // Its validation entry, whose words add up to nothing.
    let mut validation = [0; 32];
    validation[0] = 1;
    validation[30..].copy_from_slice(&[0x55, 0xaa]);
    let sum = validation.chunks(2).fold(0_u16, |sum, word| {
        sum.wrapping_add(u16::from_le_bytes([word[0], word[1]]))
    });
    validation[28..30].copy_from_slice(&sum.wrapping_neg().to_le_bytes());
    put(19 * SECTOR, &validation);
    // Bootable, four sectors of 512 bytes, from sector 20 of the CD.
    put(19 * SECTOR + 32, &[0x88, 0, 0, 0, 0, 0, 4, 0, 20, 0, 0, 0]);
    put(20 * SECTOR, &boot_sector(FROM_CD));
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&image).unwrap();
    file
}

/// A node with a disk and a CD drive.
fn with_drive(keeper: Keeper, dir: TempDir) -> Machine {
    let mut machine = Machine::new(keeper, dir);
    let disk = machine.dir.path().join("boot.img");
    let args = &mut machine.plan.qemu.args;
    let drive = args.iter_mut().find(|arg| arg.starts_with("if=ide")).unwrap();
    *drive = format!("if=none,id=disk0,format=raw,file={}", disk.display());
    let devices = [
        "-device",
        "ide-hd,id=volume0,drive=disk0,bus=ide.0",
        "-device",
        "ide-cd,id=cd,bus=ide.1,unit=1",
    ];
    args.extend(devices.map(str::to_owned));
    machine.plan.cd = Some(CdDrive { fd: 13 });
    machine.plan.volumes = vec![plan::Volume {
        name: "root".into(),
        source: VolumeSource::Blank {
            size: "32K".into(),
            format: DiskFormat::Raw,
        },
        path: disk,
        cache: Cache::Writeback,
    }];
    machine
}

fn medium() -> Medium {
    Medium::new("test.iso", cd())
}

/// Waits for what the guest says that boots next. Longer than a boot takes to settle, so that the one after it is another.
async fn boots(client: &mut Client, greeting: &str) {
    client.sees(greeting).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
}

async fn reset_by_guest(client: &mut Client) {
    client.types("r").await;
}

fn from_cd(once: bool) -> BootFrom {
    BootFrom {
        goal: BootGoal::Device(BootSource::Cd),
        once,
    }
}

async fn on(machine: &Machine) -> (NodeHandle, Client) {
    let node = machine.handle();
    let client = machine.client().await;
    (node, client)
}

async fn once(keeper: Keeper, dir: TempDir) {
    let machine = with_drive(keeper, dir);
    let (node, mut client) = on(&machine).await;
    node.insert(medium()).await.unwrap();
    node.boot_from(Some(from_cd(true)));
    node.act(Action::Start).await.unwrap();
    boots(&mut client, FROM_CD).await;
    reset_by_guest(&mut client).await;
    boots(&mut client, GREETING).await;
    // It is told while the node is on, and the guest resets.
    node.boot_from(Some(from_cd(true)));
    tokio::time::sleep(Duration::from_millis(500)).await;
    reset_by_guest(&mut client).await;
    boots(&mut client, FROM_CD).await;
    node.act(Action::Reset).await.unwrap();
    boots(&mut client, GREETING).await;
    // It is reset at once.
    node.boot_from(Some(from_cd(true)));
    node.act(Action::Reset).await.unwrap();
    boots(&mut client, FROM_CD).await;
    node.act(Action::Cycle).await.unwrap();
    boots(&mut client, GREETING).await;
    node.close().await;
}

async fn for_good(keeper: Keeper, dir: TempDir) {
    let machine = with_drive(keeper, dir);
    let (node, mut client) = on(&machine).await;
    node.boot_from(Some(from_cd(false)));
    // There is no medium.
    node.act(Action::Start).await.unwrap();
    boots(&mut client, GREETING).await;
    node.insert(medium()).await.unwrap();
    for _ in 0..2 {
        reset_by_guest(&mut client).await;
        boots(&mut client, FROM_CD).await;
    }
    node.act(Action::Cycle).await.unwrap();
    boots(&mut client, FROM_CD).await;
    node.boot_from(None);
    node.act(Action::Reset).await.unwrap();
    boots(&mut client, GREETING).await;
    node.close().await;
}

async fn medium_stays(keeper: Keeper, dir: TempDir) {
    let machine = with_drive(keeper, dir);
    let (node, mut client) = on(&machine).await;
    node.act(Action::Start).await.unwrap();
    boots(&mut client, GREETING).await;
    node.insert(medium()).await.unwrap();
    machine.told("test.iso is in the CD drive.").await;
    // BIOS of its own accord would try the CD first.
    node.act(Action::Reset).await.unwrap();
    boots(&mut client, GREETING).await;
    // The disk boots no more.
    let sectors = vec![0; 64 * 512];
    node.act(Action::Stop).await.unwrap();
    fs::write(&machine.plan.volumes[0].path, sectors).unwrap();
    for _ in 0..2 {
        node.act(Action::Cycle).await.unwrap();
        client.sees(FROM_CD).await;
    }
    node.eject().await.unwrap();
    machine.told("The CD drive is empty.").await;
    node.insert(medium()).await.unwrap();
    node.act(Action::Reset).await.unwrap();
    client.sees(FROM_CD).await;
    node.close().await;
}

async fn one_medium(keeper: Keeper, dir: TempDir) {
    let mut machine = with_drive(keeper, dir);
    let node = machine.handle();
    for powered in [false, true] {
        if powered {
            node.act(Action::Start).await.unwrap();
        }
        node.insert(medium()).await.unwrap();
        tells(&node.insert(medium()).await.unwrap_err(), "must be ejected first");
        node.eject().await.unwrap();
        node.eject().await.unwrap();
    }
    node.close().await;
    machine.plan.cd = None;
    let node = machine.handle();
    tells(&node.insert(medium()).await.unwrap_err(), "has no CD drive");
    node.close().await;
}

async fn counted(keeper: Keeper, dir: TempDir) {
    let machine = with_drive(keeper, dir);
    let (node, mut client) = on(&machine).await;
    let told = |count, cause| {
        let state = machine.state();
        assert_eq!((state.boots, state.last_boot), (count, cause));
    };
    told(0, None);
    node.act(Action::Start).await.unwrap();
    told(1, Some(BootCause::PowerOn));
    boots(&mut client, GREETING).await;
    reset_by_guest(&mut client).await;
    boots(&mut client, GREETING).await;
    // SeaBIOS resets once more, which is no boot of its own.
    told(2, Some(BootCause::ResetByGuest));
    node.act(Action::Reset).await.unwrap();
    boots(&mut client, GREETING).await;
    told(3, Some(BootCause::Reset));
    in_time(node.act(Action::Cycle)).await.unwrap();
    told(4, Some(BootCause::PowerOn));
    node.close().await;
}
