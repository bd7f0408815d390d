#!/bin/sh
# What runs in the guest: the file systems, then the checks.
export PATH=/usr/bin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
[ -e /loop.ko ] && insmod /loop.ko
cd /work
checks=$(tr ' ' '\n' </proc/cmdline | grep '^checks=' | tr ',' ' ')
python3 -m tests.isolation.cgroups.v2_checks ${checks#checks=}
echo "EXIT $?"
poweroff -f
