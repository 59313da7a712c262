#!/bin/bash
# mongod as a replica set of one member, with users. Members prove themselves to each other by a key file; a set of one
# has nobody to show it to, so it gets a fresh one at every start and nobody has to keep it.
set -eu
umask 077
head -c 512 /dev/urandom | base64 -w 0 >/tmp/key
chown mongodb /tmp/key
exec docker-entrypoint.sh mongod --replSet rs0 --keyFile /tmp/key --bind_ip_all "$@"
