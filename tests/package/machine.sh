# A machine of its own on a Debian in a directory: what tests/package/run and tests/package/container share. To be sourced.
#
# It is new pid, mount, network, uts and ipc namespaces, with a root file system that is read-only but for /run, /tmp, /var/log
# and /var/scratch, and /root, as containers have it.

machine=

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
for writable in dev/shm run tmp var/log; do mount -t tmpfs tmpfs $writable; done
mkdir -p var/scratch; mount -t tmpfs tmpfs var/scratch
mount --bind root root
mount -o remount,bind,ro .
if [ "$mode" = container ]; then
    mount --bind proc/sys proc/sys; mount -o remount,bind,ro proc/sys
fi
ip link set lo up
pivot_root . mnt
cd /
umount -l /mnt
exec "$@"
'

# start_machine ROOT CAPABILITIES: the machine, with a process that does nothing but wait.
start_machine() {
    mkdir -p "$1/var/scratch"
    launch "$1" machine sh -c 'trap "exit 0" TERM; while :; do sleep 1; done'
}

# launch ROOT MODE COMMAND...: runs a command as the first process of a machine.
launch() {
    local root=$1 mode=$2
    shift 2
    mkdir -p "$root/var/scratch"
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C unshare --pid --mount --net --uts --ipc --fork --kill-child \
        sh -c "$enter_root" machine "$root" "$mode" "$@" &
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

in_machine() {
    nsenter --target="$machine_pid" --pid --mount --net --uts --ipc --root --wd -- \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C "$@"
}

stop_machine() {
    [ -n "$machine" ] || return 0
    kill -KILL "$machine" 2>/dev/null || :
    wait "$machine" 2>/dev/null || :
    machine=
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
