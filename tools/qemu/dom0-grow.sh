# SPDX-License-Identifier: GPL-2.0
# Sourced by dom0's init for the job grow: the toolstack gives dom0 more RAM than it had at boot.
# shellcheck shell=dash disable=SC2034,SC2154

mib=640
echo online >/sys/devices/system/memory/auto_online_blocks
succeeds mem-set xl mem-set Domain-0 $mib
info=/sys/devices/system/xen_memory/xen_memory0/info/current_kb
tries=100
while [ $tries -gt 0 ] && [ "$(cat $info)" -lt $((mib * 1024)) ]; do
	tries=$((tries - 1))
	sleep 0.2
done
sample after
say "asked for $mib MiB, the balloon driver has $(($(cat $info) / 1024))"
look
