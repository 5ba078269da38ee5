#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs the commands of a job in the emulated machine, one after the other: guest.sh JOB. In the directory JOB are
# `environment` to begin with, one shell script for each command under `commands`, and `token`. Each output stream goes
# through a port of its own to the host; there, a line with the token, a number and a status says that all commands
# before that number have ended, the last of them with that status.

job=$1
token=$(cat "$job/token")

port() {
	for entry in /sys/class/virtio-ports/*; do
		[ "$(cat "$entry/name")" = "$1" ] && echo "/dev/${entry##*/}"
	done
}
# Ports can be opened once only; pipes in front of them are what programs expect as their output.
mkfifo /run/stdout /run/stderr
cat /run/stdout >"$(port stdout)" &
cat /run/stderr >"$(port stderr)" &
exec >/run/stdout 2>/run/stderr </dev/null

tell() {
	printf '\n%s %d %d\n' "$token" "$1" "$2"
	printf '\n%s %d %d\n' "$token" "$1" "$2" >&2
}

. "$job/environment"
UBINDER_LINK=$(port link)
export UBINDER_LINK
count=0
tell 0 0
for script in "$job"/commands/*; do
	sh "$script"
	status=$?
	count=$((count + 1))
	tell $count $status
done
# The host switches the machine off once it has read everything.
sleep 60
