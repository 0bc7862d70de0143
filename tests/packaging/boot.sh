#!/usr/bin/env bash
# Boots systemd as the first process of namespaces of its own, on a layer over ROOT that is in memory and ends with it.
# WORK/packages is /packages there. Replaces itself by unshare, whose end ends everything. Usage: boot.sh ROOT WORK
set -euo pipefail

if [ "${3:-}" != inside ]; then
  # Its control groups begin below one of its own, or it would take the machine's for its.
  for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
    [ -e "$hierarchy/cgroup.procs" ] || continue
    mkdir -p "$hierarchy/flowsensor-test-$$"
    echo $$ >"$hierarchy/flowsensor-test-$$/cgroup.procs"
  done
  exec unshare --fork --pid --kill-child=KILL --mount --uts --ipc --net --cgroup "${BASH_SOURCE[0]}" "$1" "$2" inside
fi

new=$2/machine
layer=$2/layer
mkdir -p "$new" "$layer"
mount -t tmpfs tmpfs "$layer" -o mode=755
mkdir "$layer/upper" "$layer/work"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$layer/upper,workdir=$layer/work" "$new"
mkdir -p "$new/packages"
mount --bind "$2/packages" "$new/packages"
mount -t proc proc "$new/proc"
mount -t sysfs sysfs "$new/sys"
mount -t tmpfs tmpfs "$new/run" -o mode=755
mount -t tmpfs tmpfs "$new/tmp"
mount -t tmpfs tmpfs "$new/dev" -o mode=755
for device in null zero full random urandom tty; do
  touch "$new/dev/$device"
  mount --bind "/dev/$device" "$new/dev/$device"
done
mkdir "$new/dev/shm" "$new/dev/pts"
mount -t devpts devpts "$new/dev/pts" -o newinstance,ptmxmode=0666,mode=620
ln -s pts/ptmx "$new/dev/ptmx"
ln -s /proc/self/fd "$new/dev/fd"
if [ -e /sys/fs/cgroup/cgroup.procs ]; then
  mount -t cgroup2 cgroup2 "$new/sys/fs/cgroup"
else
  mount -t tmpfs tmpfs "$new/sys/fs/cgroup" -o mode=755
  mkdir "$new/sys/fs/cgroup/unified" "$new/sys/fs/cgroup/systemd"
  mount -t cgroup2 cgroup2 "$new/sys/fs/cgroup/unified"
  mount -t cgroup -o none,name=systemd systemd "$new/sys/fs/cgroup/systemd"
fi
ip link set lo up
cd "$new"
mkdir -p mnt
pivot_root . mnt
umount -l /mnt
# In a container systemd leaves this to who made it; credentials come by mounts that must be seen outside.
mount --make-rshared /
container=flowsensor exec /lib/systemd/systemd --show-status=0
