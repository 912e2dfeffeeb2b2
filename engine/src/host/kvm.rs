//! Whether KVM gets a guest to run: a guest of some instructions is run, and asked what it computed.
//!
//! That there is a `/dev/kvm` says little. Where the processor offers no virtualization (a virtual machine without nesting,
//! for example), some kernels have one all the same, and even run guests in real mode, by KVM's emulator of instructions. So
//! the guest is in 64-bit mode, and computes with an SSE instruction that the emulator does not know.
//!
//! The interface is described in the kernel's Documentation/virt/kvm/api.rst; registers and tables of 64-bit mode in AMD's
//! Architecture Programmer's Manual, volume 2, sections 3.1, 4.8 and 5.3.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    io,
    os::fd::AsRawFd as _,
    ptr::NonNull,
    slice,
    sync::mpsc,
    thread,
    time::Duration,
};

use kvm_bindings::{kvm_regs, kvm_segment, kvm_userspace_memory_region};
use kvm_ioctls::{Kvm, VcpuExit, VcpuFd};
use nix::sys::{
    pthread::{pthread_kill, pthread_self},
    signal::{SigSet, Signal},
};

/// How long the guest may take; it needs less than a millisecond.
const LIMIT: Duration = Duration::from_secs(2);

const PAGE: usize = 4096;
const PAGES: usize = 4;
/// Where the guest's parts are in its memory: its code, then the three levels of its page tables, which map 2 MiB.
const CODE: u64 = 0;
const TABLES: [u64; 3] = [0x1000, 0x2000, 0x3000];

/// `mov eax, 21; movd xmm0, eax; paddd xmm0, xmm0; movd eax, xmm0; out 0x10, al; hlt`
const PROGRAM: [u8; 20] = [
    0xb8, 21, 0, 0, 0, 0x66, 0x0f, 0x6e, 0xc0, 0x66, 0x0f, 0xfe, 0xc0, 0x66, 0x0f, 0x7e, 0xc0, 0xe6, 0x10, 0xf4,
];
/// What it says when it has run.
const ANSWER: (u16, &[u8]) = (0x10, &[42]);

/// Interrupts the guest. It stays blocked where anything could handle it: KVM alone looks for it while the guest runs.
const KICK: Signal = Signal::SIGALRM;

/// Runs a guest; why that failed, as a clause. Blocks for [`LIMIT`] at most.
pub(super) fn run_guest() -> Result<(), String> {
    let (ready, thread) = mpsc::channel();
    let (done, outcome) = mpsc::channel();
    thread::spawn(move || {
        let blocked = SigSet::from(KICK).thread_block();
        // Nobody may listen any more.
        let _ = ready.send(pthread_self());
        let _ = done.send(blocked.map_err(io::Error::from).and_then(|()| guest()));
    });
    let outcome = outcome.recv_timeout(LIMIT).unwrap_or_else(|_| {
        if let Ok(thread) = thread.try_recv() {
            // The thread may have ended this very moment.
            let _ = pthread_kill(thread, KICK);
        }
        let seconds = LIMIT.as_secs();
        Err(io::Error::other(format!("it did not end within {seconds} seconds")))
    });
    outcome.map_err(|error| format!("`/dev/kvm` is there, but a small guest can't be run by it: {error}"))
}

/// Makes the guest, runs it and compares what it says.
fn guest() -> io::Result<()> {
    let mut memory = Memory::new();
    memory.write(CODE, &PROGRAM);
    // Present and writable; the last level maps a large page.
    memory.write(TABLES[0], &(TABLES[1] | 0b11).to_le_bytes());
    memory.write(TABLES[1], &(TABLES[2] | 0b11).to_le_bytes());
    memory.write(TABLES[2], &0b1000_0011_u64.to_le_bytes());
    let vm = Kvm::new()?.create_vm()?;
    // Intel's processors need some pages of their own, outside of what the guest has.
    vm.set_tss_address(0xfffb_d000)?;
    let region = kvm_userspace_memory_region {
        slot: 0,
        flags: 0,
        guest_phys_addr: 0,
        memory_size: (PAGE * PAGES) as u64,
        userspace_addr: memory.start.as_ptr() as u64,
    };
    // SAFETY: the memory is as long as is said and outlives the machine, which is dropped first.
    unsafe { vm.set_user_memory_region(region)? };
    let mut cpu = vm.create_vcpu(0)?;
    enter_64_bit_mode(&cpu)?;
    look_for_kick(&cpu)?;
    let mut answered = false;
    loop {
        match cpu.run()? {
            VcpuExit::IoOut(port, data) if (port, data) == ANSWER => answered = true,
            VcpuExit::Hlt if answered => return Ok(()),
            VcpuExit::InternalError => return Err(io::Error::other("the processor does not run its instructions")),
            other => {
                return Err(io::Error::other(format!(
                    "it ended in another way than it should: {other:?}"
                )));
            }
        }
    }
}

fn enter_64_bit_mode(cpu: &VcpuFd) -> io::Result<()> {
    let mut registers = cpu.get_sregs()?;
    let data = kvm_segment {
        limit: u32::MAX,
        selector: 0x10,
        // Readable and writable data, accessed.
        type_: 0b0011,
        present: 1,
        db: 1,
        s: 1,
        g: 1,
        ..kvm_segment::default()
    };
    registers.cs = kvm_segment {
        selector: 0x8,
        // Executable and readable code, accessed.
        type_: 0b1011,
        db: 0,
        l: 1,
        ..data
    };
    for segment in [
        &mut registers.ds,
        &mut registers.es,
        &mut registers.fs,
        &mut registers.gs,
        &mut registers.ss,
    ] {
        *segment = data;
    }
    registers.cr3 = TABLES[0];
    // PAE, OSFXSR, OSXMMEXCPT: long mode's tables, and SSE.
    registers.cr4 = 1 << 5 | 1 << 9 | 1 << 10;
    // PE, MP, ET, NE, WP, AM, PG.
    registers.cr0 = 0x8005_0033;
    // LME, LMA.
    registers.efer = 1 << 8 | 1 << 10;
    cpu.set_sregs(&registers)?;
    cpu.set_regs(&kvm_regs {
        rip: CODE,
        // The one flag that is always set.
        rflags: 1 << 1,
        ..kvm_regs::default()
    })?;
    Ok(())
}

/// `struct kvm_signal_mask` with a mask as the kernel has it.
#[repr(C, packed)]
struct SignalMask {
    length: u32,
    blocked: u64,
}

nix::ioctl_write_ptr_bad!(
    /// `KVM_SET_SIGNAL_MASK`; its number is made with the size of the structure without the mask.
    set_signal_mask,
    nix::request_code_write!(0xae, 0x8b, size_of::<u32>()),
    SignalMask
);

/// Lets [`KICK`] end the guest's run, although this thread blocks it.
fn look_for_kick(cpu: &VcpuFd) -> io::Result<()> {
    let mask = SignalMask {
        length: 8,
        blocked: !(1 << (KICK as u32 - 1)),
    };
    // SAFETY: the descriptor is that of a CPU of KVM, and the structure is the one that this request reads.
    unsafe { set_signal_mask(cpu.as_raw_fd(), &raw const mask)? };
    Ok(())
}

/// The guest's memory: zeros at first, on pages of its own.
struct Memory {
    start: NonNull<u8>,
}

impl Memory {
    const LAYOUT: Layout = match Layout::from_size_align(PAGE * PAGES, PAGE) {
        Ok(layout) => layout,
        Err(_) => panic!("a page is a power of two"),
    };

    fn new() -> Self {
        // SAFETY: the size is not zero.
        let start = NonNull::new(unsafe { alloc_zeroed(Self::LAYOUT) });
        Self {
            start: start.unwrap_or_else(|| handle_alloc_error(Self::LAYOUT)),
        }
    }

    fn write(&mut self, at: u64, bytes: &[u8]) {
        // SAFETY: this is the whole of what was allocated, and no guest has it yet.
        let memory = unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), PAGE * PAGES) };
        memory
            .iter_mut()
            .skip(usize::try_from(at).unwrap_or(usize::MAX))
            .zip(bytes)
            .for_each(|(byte, new)| *byte = *new);
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout.
        unsafe { dealloc(self.start.as_ptr(), Self::LAYOUT) };
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn a_guest_runs_only_where_the_processor_can_run_one() {
        let flags = fs::read_to_string("/proc/cpuinfo").unwrap();
        let offered = flags.split_whitespace().any(|flag| matches!(flag, "vmx" | "svm"));
        match run_guest() {
            Ok(()) => assert!(offered && Path::new("/dev/kvm").exists()),
            // Where it is offered, it may still not be given to whoever runs this.
            Err(reason) => assert!(reason.starts_with("`/dev/kvm` is there, but"), "{reason}"),
        }
    }
}
