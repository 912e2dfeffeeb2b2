# A machine of its own on a Debian in a directory: what the tests of the package share. To be sourced.
#
# It is new pid, mount, network, uts, ipc and cgroup namespaces. As a `host` it can write to its root file system. As a
# `container` it has one that is read-only but for /run, /tmp, /var/log and /var/scratch, and /root, and a read-only /proc/sys.

machine=
uplink=
cgroup=

# Runs in the new namespaces, before the root is changed: makes the mounts of a container runtime.
# shellcheck disable=SC2016
enter_root='
set -e
root=$1; mode=$2; shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty net/tun kvm vhost-net; do
    [ -e /dev/$device ] || continue
    mkdir -p "dev/$(dirname $device)"; touch dev/$device; mount --bind /dev/$device dev/$device
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd
for own in dev/shm run tmp; do mount -t tmpfs tmpfs $own; done
if [ "$mode" = container ]; then
    for writable in var/log var/scratch; do mount -t tmpfs tmpfs $writable; done
    mount --bind root root
    mount -o remount,bind,ro .
    mount --bind proc/sys proc/sys; mount -o remount,bind,ro proc/sys
else
    mount -t cgroup2 cgroup2 sys/fs/cgroup
fi
ip link set lo up
pivot_root . mnt
cd /
umount -l /mnt
exec "$@"
'

# A process that does nothing but reap.
IDLE=(sh -c 'trap "exit 0" TERM; while :; do sleep 1; done')

# launch ROOT MODE COMMAND...: runs a command as the first process of a machine.
launch() {
    local root=$1 mode=$2
    shift 2
    [ "$mode" = host ] || mkdir -p "$root/var/scratch"
    # Where version 1 of control groups is in use, version 2 may be beside it.
    local hierarchy=/sys/fs/cgroup
    [ ! -d $hierarchy/unified ] || hierarchy+=/unified
    cgroup=$hierarchy/placemat2-package.$$
    mkdir -p "$cgroup"
    # shellcheck disable=SC2016
    sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$cgroup" \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C container=placemat2-package \
        unshare --pid --mount --net --uts --ipc --cgroup --fork --kill-child sh -c "$enter_root" machine "$root" "$mode" "$@" &
    machine=$!
    local tries
    for tries in $(seq 100); do
        machine_pid=$(cat /proc/$machine/task/$machine/children 2>/dev/null | tr -d ' ')
        # It has left this file system for its own.
        if [ -n "$machine_pid" ] && [ -e "/proc/$machine_pid/root/etc/debian_version" ] &&
            [ ! "/proc/$machine_pid/root" -ef / ]; then
            return 0
        fi
        sleep 0.1
    done
    echo "tests/package: the machine did not start" >&2
    return 1
}

# connect_machine: gives the machine a way out, by a network stack in user space: nothing of this host is changed for it.
connect_machine() {
    slirp4netns --configure --disable-host-loopback "$machine_pid" uplink0 >/dev/null 2>&1 &
    uplink=$!
    echo 'nameserver 10.0.2.3' >"/proc/$machine_pid/root/etc/resolv.conf"
    local tries
    for tries in $(seq 100); do
        # A bare Debian has no program that says it better.
        in_machine grep -q '^uplink0.00000000' /proc/net/route && return 0
        sleep 0.1
    done
    echo "tests/package: the machine has no way out" >&2
    return 1
}

# Runs a command on the Debian in `root`, with the network of this host.
in_root() {
    # shellcheck disable=SC2016
    unshare --mount sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$root" \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"
}

in_machine() {
    nsenter --target="$machine_pid" --pid --mount --net --uts --ipc --cgroup --root --wd -- \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C "$@"
}

stop_machine() {
    local process
    for process in $uplink $machine; do
        kill -KILL "$process" 2>/dev/null || :
        wait "$process" 2>/dev/null || :
    done
    uplink=
    machine=
    # The first process is gone at once, those below it soon.
    local tries
    for tries in $(seq 100); do
        [ -d "$cgroup" ] && ! find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || break
        sleep 0.1
    done
    cgroup=
}

# Waits until the demo's servers can be logged in to, and one has an address from the other end of the fabric.
until_demo_is_up() {
    local tries
    for tries in $(seq 120); do
        in_machine pmctl2 --quiet status 2>/dev/null | grep -q '^Phase *running' && break
        sleep 1
    done
    for node in r0-s1 r1-s1; do
        in_machine pmctl2 node expect --timeout 300 --since start "$node" 'login: '
    done
    for tries in $(seq 120); do
        in_machine pmctl2 netns exec operation -- ping -c 1 -W 1 10.69.1.11 >/dev/null 2>&1 && return 0
        sleep 1
    done
    echo "tests/package: no answer from r1-s1 over the fabric" >&2
    return 1
}
