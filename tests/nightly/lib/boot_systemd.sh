#!/bin/bash
# SPDX-License-Identifier: ISC
# Boots the systemd of a root file system in namespaces of its own, but with the machine's network, and
# stays in the foreground; it ends with this process. OUTSIDE is seen there as INSIDE.
#
#	boot_systemd.sh ROOT OUTSIDE INSIDE
set -euo pipefail
# shellcheck disable=SC2016 # expanded inside
exec unshare --mount --pid --uts --ipc --cgroup --fork --kill-child bash -euo pipefail -c '
root=$1 outside=$2 inside=$3
mount --make-rprivate /
mount --bind "$root" "$root"
mkdir -p "$root$inside"
mount --bind "$outside" "$root$inside"
cd "$root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 dev dev
for device in null zero full random urandom tty; do
	touch "dev/$device"
	mount --bind "/dev/$device" "dev/$device"
done
mkdir -p dev/pts dev/shm mnt
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=1777 shm dev/shm
mount -t tmpfs -o mode=755 run run
mount -t tmpfs tmp tmp
hostname x2goweb-test
pivot_root . mnt
umount -l /mnt
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd \
	--system --unit=basic.target --log-target=console --show-status=0
' boot_systemd "$@"
