#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs a command that finds a binderfs where programs look for one:
#
#     enter.sh BINDERFS COMMAND [ARGUMENT...]
#
# In a mount namespace of its own, the directory BINDERFS is also /dev/binderfs, and /dev/binder, /dev/hwbinder and
# /dev/vndbinder lead into it. /etc has the files of etc/ beside this script on top of its own. The rest of the machine
# is as it was, and keeps its own /dev and /etc. Without root a user namespace makes the caller look like root.
set -euo pipefail

if [ $# -lt 2 ]; then
	echo "usage: $0 BINDERFS COMMAND [ARGUMENT...]" >&2
	exit 2
fi
namespaces=(--mount --propagation private)
if [ "$(id -u)" != 0 ]; then namespaces+=(--user --map-root-user); fi

exec unshare "${namespaces[@]}" bash -euc '
	etc=$1 binderfs=$2
	shift 2
	# -n throughout: without root there is no writing the table of mounts.
	new=$(mktemp -d)
	mount -n -t tmpfs -o mode=755 dev "$new"
	for node in null zero full random urandom tty fuse; do
		if [ -e "/dev/$node" ]; then
			touch "$new/$node"
			mount -n --bind "/dev/$node" "$new/$node"
		fi
	done
	for directory in pts shm; do
		mkdir "$new/$directory"
		mount -n --rbind "/dev/$directory" "$new/$directory"
	done
	ln -s pts/ptmx "$new/ptmx"
	ln -s /proc/self/fd "$new/fd"
	ln -s fd/0 "$new/stdin"
	ln -s fd/1 "$new/stdout"
	ln -s fd/2 "$new/stderr"
	# The directory, not the device: opens through a bind mount of a single file would not be told apart.
	mkdir "$new/binderfs"
	mount -n --rbind "$binderfs" "$new/binderfs"
	for device in binder hwbinder vndbinder; do ln -s "binderfs/$device" "$new/$device"; done
	mount -n --move "$new" /dev
	rmdir "$new"
	mount -n -t overlay -o "ro,lowerdir=$etc:/etc" etc /etc
	exec "$@"
' enter "$(dirname "$(readlink -f "$0")")/etc" "$(readlink -f "$1")" "${@:2}"
