#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
#
# The first program in the emulated machine (/init of its initramfs): from a bare kernel to a root file system that
# looks like the host's, where guest.sh runs. `job` is a word of the kernel's command line: a directory of the host.

b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys

while read -r module arguments; do
	$b insmod "/modules/$module" $arguments || echo "init: module $module failed"
done </modules/order

# The host's files below, a layer in memory above that takes what is written.
$b mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=1048576,cache=loose host /low || echo 'init: 9p failed'
$b mount -t tmpfs high /high
$b mkdir /high/upper /high/work
$b mount -t overlay -o lowerdir=/low,upperdir=/high/upper,workdir=/high/work root /root || echo 'init: overlay failed'

for directory in dev proc sys; do $b mount --move /$directory /root/$directory; done
$b mkdir -p /root/dev/pts /root/dev/shm
$b mount -t devpts devpts /root/dev/pts
$b mount -t tmpfs shm /root/dev/shm
$b mount -t tmpfs run /root/run
# Linux 6.1 says of files in the upper layer that they lie in its file system: who looks that up finds it.
$b mkdir /root/run/upper
$b mount --move /high /root/run/upper
$b mount -t debugfs debugfs /root/sys/kernel/debug
$b mount -t fusectl fusectl /root/sys/fs/fuse/connections
$b ln -s /proc/self/fd /root/dev/fd
for stream in stdin:0 stdout:1 stderr:2; do $b ln -s "fd/${stream#*:}" "/root/dev/${stream%:*}"; done
# As on Android, and as distributions have /dev/fuse.
$b chmod 666 /root/dev/fuse /root/dev/*binder
$b ifconfig lo up

# A root directory of its own by chroot would forbid user namespaces.
exec $b switch_root /root /bin/sh "$job/guest.sh" "$job"
