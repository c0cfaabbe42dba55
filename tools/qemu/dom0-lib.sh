# SPDX-License-Identifier: GPL-2.0
# Sourced in dom0: how it reports, takes samples, and ends.
# shellcheck shell=dash disable=SC2034,SC2154

R=/run/results
GUESTLOG=/var/log/xen/console/guest-disk.log
DRIVER=/sys/kernel/debug/xen/unpopulated_alloc
mkdir -p $R /run/xen
touch $R/values

say()
{
	echo "dom0: $*"
}

value()
{
	sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" /proc/cmdline
}

note()
{
	echo "$*" >>$R/values
}

# The way out of every boot, good or bad; a reason is what went wrong. The token is the last thing written.
finish()
{
	[ -z "$1" ] || { say "failed: $1"; note "failed $1"; }
	dmesg >$R/dmesg
	cp $GUESTLOG $R/guest.log 2>/dev/null
	cat $DRIVER >$R/unpopulated.end 2>/dev/null
	tar -C $R -cf /run/results.tar .
	dd if=/run/results.tar of=/dev/"$result" bs=4k seek=1 conv=notrunc,fsync 2>/dev/null
	[ "$fault" != token ] || token=wrong
	echo "$token" >/run/token
	dd if=/run/token of=/dev/"$result" bs=4k conv=notrunc,sync,fsync 2>/dev/null
	say "results written"
	poweroff -f
	sleep 1000
}

counter()
{
	sed -n "s/^$1 //p" $DRIVER 2>/dev/null
}

# usage: sample WHEN: RAM of this domain by Xen's view, by the toolstack's, and by the kernel's own.
sample()
{
	note "reservation_$1 $(reservation)"
	note "memtotal_$1 $(sed -n 's/MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo)"
	note "served_$1 $(counter pages_served)"
	[ "$1" = boot ] || note "xl_$1 $(xl list | awk '$1 == "Domain-0" { print $3 }')"
}

peak=-1
sample_peak()
{
	local lent
	lent=$(counter pages_lent)
	[ "${lent:-0}" -gt "$peak" ] || return
	peak=${lent:-0}
	cat $DRIVER >$R/unpopulated.peak 2>/dev/null
	cp /proc/iomem $R/iomem.peak
}

token=$(value boot.token)
mib=$(value boot.mib)
fault=$(value boot.fault)
disk='' result=''
