# SPDX-License-Identifier: GPL-2.0
# Sourced in dom0: how it reports, takes samples, and ends.
# shellcheck shell=dash disable=SC2034,SC2154

R=/run/results
CONSOLES=/var/log/xen/console
GUESTLOG=$CONSOLES/guest-disk.log
DRIVER=/sys/kernel/debug/xen/unpopulated_alloc
LEAKS=/sys/kernel/debug/kmemleak
COVERAGE=/sys/kernel/debug/gcov
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
	[ ! -f $LEAKS ] || { echo scan >$LEAKS; sleep 1; echo scan >$LEAKS; }
	dmesg >$R/dmesg
	[ ! -f $LEAKS ] || cat $LEAKS >>$R/dmesg
	[ ! -d $COVERAGE ] || find $COVERAGE -name 'unpopulated-*.gcda' | while read -r counts; do
		cat "$counts" >"$R/${counts##*/}"
	done
	cp $GUESTLOG $R/guest.log 2>/dev/null
	[ ! -f $DRIVER ] || cat $DRIVER >$R/unpopulated.end
	tar -C $R -cf /run/results.tar .
	dd if=/run/results.tar of=/dev/"$result" bs=4k seek=1 conv=notrunc,fsync 2>/dev/null
	[ "$fault" != token ] || token=wrong
	echo "$token" >/run/token
	dd if=/run/token of=/dev/"$result" bs=4k conv=notrunc,sync,fsync 2>/dev/null
	say "results written"
	poweroff -f
	sleep 1000
}

# usage: counter NAME [COPY]: of the driver, or of a copy of its file, in $count; without one, 0
counter()
{
	local name value
	count=0
	[ -f "${2:-$DRIVER}" ] || return 0
	while read -r name value; do
		[ "$name" != "$1" ] || count=$value
	done <"${2:-$DRIVER}"
}

# usage: note_served WHEN: pages that the driver handed out, and allocations that found too few
note_served()
{
	counter pages_served
	note "served_$1 $count"
	counter waits
	note "waits_$1 $count"
}

# usage: sample_ram WHEN: RAM of this domain as Xen, the kernel and the balloon driver see it
sample_ram()
{
	note "reservation_$1 $(reservation)"
	note "memtotal_$1 $(sed -n 's/MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo)"
	note "balloon_$1 $(cat /sys/devices/system/xen_memory/xen_memory0/info/current_kb)"
}

# MiB of the host that no domain has, in $free
free_memory()
{
	free=$(xl info | sed -n 's/^free_memory *: //p')
}

# usage: sample WHEN: the same, and as the toolstack sees it
sample()
{
	sample_ram "$1"
	note_served "$1"
	[ "$1" != boot ] || return 0
	xl list >"$R/xl-list.$1" || finish "xl list failed"
	note "xl_$1 $(awk '$1 == "Domain-0" { print $3 }' "$R/xl-list.$1")"
	free_memory
	note "free_$1 $free"
}

# All that the guest says goes to dom0's console; the last words of its programs are kept in a file.
watch_guest()
{
	local cr line
	mkdir -p "${GUESTLOG%/*}"
	: >"$GUESTLOG"
	echo nothing >/run/said
	cr=$(printf '\r')
	tail -f "$GUESTLOG" | while IFS=$cr read -r line; do
		echo "guest| $line"
		case $line in
		"guest: "*) echo "${line#guest: }" >/run/said ;;
		esac
	done &
}

# usage: guest_run COMMAND...: the guest's init runs what it reads from its console
guest_run()
{
	echo "$*" >"$(xenstore-read "/local/domain/$domid/console/tty")"
}

# usage: [patience=TRIES] guest_says WORD...: wait until the last line of the guest's programs starts with that; what
# follows is in $said
guest_says()
{
	local tries=${patience:-300} line
	while [ "$tries" -gt 0 ]; do
		read -r line </run/said
		case $line in
		"$* "*) said=${line#"$* "}; return ;;
		failed*) finish "guest: $line" ;;
		esac
		tries=$((tries - 1))
		sleep 0.2
	done
	finish "the guest never said '$*', its last words were '$line'"
}

# usage: share PAGES: so much of this domain with the guest, until it has answered; in $grant, what it has to map
share()
{
	# What the last one said must not be taken for this one's.
	: >/run/shared
	gntshare "$domid" "$1" gntalloc >/run/shared &
	until grep -q shared /run/shared; do
		kill -0 $! 2>/dev/null || finish "gntshare: $(cat /run/shared)"
		sleep 0.1
	done
	grant=$(sed -n 's/.*shared //p' /run/shared)
}

# usage: guest_maps PAGES: the guest maps that much of this domain and answers in place; in $said, where its pages came from
guest_maps()
{
	share "$1"
	guest_run gntmap 0 "$grant" served
	guest_says served by
	wait $! || finish "gntshare: $(tail -n 1 /run/shared)"
}

# usage: create_small NAME TYPE [OPTIONS [LINES]]: a guest with little memory, with more on its kernel's command line and in
# its configuration, where the last word counts
create_small()
{
	cat >"/run/$1.cfg" <<-EOF
	name = "$1"
	type = "$2"
	memory = $small_memory
	tsc_mode = "native"
	kernel = "/job/guest-kernel"
	ramdisk = "/job/small.cpio"
	extra = "console=hvc0 kunit.enable=0 ${3:-}"
	on_crash = "destroy"
	${4:-}
	EOF
	rm -f "$CONSOLES/guest-$1.log"
	succeeds create xl create -q "/run/$1.cfg"
}

# usage: small_says NAME WORD: wait until such a guest says that; what follows is in $said
small_says()
{
	local tries=200 log=$CONSOLES/guest-$1.log
	while [ $tries -gt 0 ]; do
		said=$(sed -n "s/^guest: $2[, ]*//p" "$log" 2>/dev/null | tr -d '\r')
		[ -z "$said" ] || return 0
		tries=$((tries - 1))
		sleep 0.3
	done
	finish "the guest $1 never said '$2': $(tail -n 1 "$log" | tr -d '\r')"
}

# usage: sample_pages NAME: pages on loan, and pages that Xen says this domain has
sample_pages()
{
	counter pages_lent
	note "lent_$1 $count"
	note "pages_$1 $(reservation)"
}

# usage: succeeds NAME COMMAND...: its last line in $outcome, or the end of the boot
succeeds()
{
	local log=$R/$1 status=0
	shift
	"$@" >"$log" 2>&1 || status=$?
	outcome=$(tail -n 1 "$log")
	[ $status -eq 0 ] || finish "$1 failed: $outcome"
}

FAIL=/sys/kernel/debug/fail_function

# usage: inject FUNCTION ERRNO TIMES: that many of its next calls fail with that; false if the kernel cannot do it
inject()
{
	echo "$1" >$FAIL/inject || return 1
	printf %#x "-$2" >"$FAIL/$1/retval"
	echo 100 >$FAIL/probability
	echo "$3" >$FAIL/times
	echo 0 >$FAIL/verbose
}

# No more from now on.
inject_end()
{
	echo >$FAIL/inject
}

# Areas of vmalloc space that rings of backends take.
ring_areas()
{
	grep -c xenbus_map_ring /proc/vmallocinfo
}

# usage: run_job NAME: job_NAME, and the pages on loan before and after it; a job leaves in $outcome what it saw
run_job()
{
	local before tries=50
	counter pages_lent
	before=$count
	note "lent_$1_before $before"
	"job_$1"
	note "job_$1 $outcome"
	sample_ram "$1"
	# Some of it comes back by work that runs later.
	counter pages_lent
	while [ "$count" -gt "$before" ] && [ $tries -gt 0 ]; do
		sleep 0.1
		tries=$((tries - 1))
		counter pages_lent
	done
	note "lent_$1_after $count"
	say "$1: $outcome"
}

# Keep the driver's file and the resources from the moment with the most pages on loan, RAM among them.
peak=-1
sample_peak()
{
	local lent now=/run/unpopulated.now
	# One look at the driver: in the next one the pages may be back.
	[ ! -f $DRIVER ] || cat $DRIVER >$now
	counter pages_lent $now
	lent=${count:-0}
	counter pages_last_resort $now
	lent=$((lent + ${count:-0}))
	[ $lent -gt $peak ] || return 0
	peak=$lent
	[ ! -f $now ] || mv $now $R/unpopulated.peak
	cat /proc/iomem >$R/iomem.peak
}

# What boot made of memory and of PCI.
look()
{
	note "memtotal $(sed -n 's/MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo)"
	note "memmap_boot $(sed -n 's/^nr_memmap_boot_pages //p' /proc/vmstat)"
	note "memmap_later $(sed -n 's/^nr_memmap_pages //p' /proc/vmstat)"
	note "swiotlb_slabs $(cat /sys/kernel/debug/swiotlb/io_tlb_nslabs 2>/dev/null || echo 0)"
	look_at_pci
}

# Address ranges of all devices and bridges.
look_at_pci()
{
	local device
	for device in /sys/bus/pci/devices/*; do
		sed "s/^/${device##*/} /" "$device/resource"
	done >$R/bars
}

driver_regions()
{
	sed -n 's/^region \(0x[^ ]*\).*/\1/p' $DRIVER
}

# What tools/regions shows of this domain, at a moment when the driver's own file stays the same.
sample_regions()
{
	local tries=10
	[ -x /bin/regions ] && [ -f $DRIVER ] || return 0
	while [ $tries -gt 0 ]; do
		driver_regions >/run/regions.before
		regions --json >$R/regions.json 2>/run/regions.err || finish "regions: $(cat /run/regions.err)"
		driver_regions >$R/regions.driver
		! cmp -s /run/regions.before $R/regions.driver || return 0
		tries=$((tries - 1))
	done
	finish "the driver's regions never stay the same"
}

token=$(value boot.token)
mib=$(value boot.mib)
fault=$(value boot.fault)
ahci='' nvme='' slow='' result=''
