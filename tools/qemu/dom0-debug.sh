# SPDX-License-Identifier: GPL-2.0
# Sourced by dom0-init, without Xen, for a kernel with all checkers: the unit tests once more, with each allocation
# of memory failing in turn, and what the tracepoints show of them.
# shellcheck shell=dash disable=SC2034

kunit=/sys/kernel/debug/kunit/xen_unpopulated_alloc
tracing=/sys/kernel/tracing

# Also of allocations that may wait, of any size. Which one it is, the test says.
let_memory_fail()
{
	for fault in failslab fail_page_alloc; do
		echo N >/sys/kernel/debug/$fault/ignore-gfp-wait
		echo 0 >/sys/kernel/debug/$fault/verbose
	done
	echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem
	echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
}

# usage: events NAME
events()
{
	grep -c "xen_unpopulated_$1: " "$R/trace"
}

job_kunit()
{
	mount -t tracefs tracefs $tracing
	echo 1 >$tracing/events/xen_unpopulated/enable

	# As many as it takes for regions to go.
	echo 10000 >/sys/module/unpopulated_alloc_kunit/parameters/steps
	let_memory_fail
	free_before=$(sed -n 's/MemFree: *\([0-9]*\).*/\1/p' /proc/meminfo)
	memmap_before=$(sed -n 's/^nr_memmap_pages //p' /proc/vmstat)
	echo >$kunit/run
	memmap=$(sed -n 's/^nr_memmap_pages //p' /proc/vmstat)
	note "kunit_free $free_before KiB before, $(sed -n 's/MemFree: *\([0-9]*\).*/\1/p' /proc/meminfo) after"
	cat $kunit/results >"$R/kunit"
	cat $tracing/trace >"$R/trace"
	grep -q '^ok 1 xen_unpopulated_alloc' "$R/kunit" ||
		finish "KUnit with failing memory: $(grep -m 1 '^ *not ok' "$R/kunit")"
	injected=$(sed -n 's/.*: \([0-9]*\) allocations were made to fail.*/\1/p' "$R/kunit")
	[ "$injected" -ge 20 ] || finish "only $injected allocations of memory were made to fail"
	[ "$memmap" -eq "$memmap_before" ] ||
		finish "the tests left $memmap pages of struct pages, not $memmap_before"

	# What goes was made before, at the same addresses.
	stray=$(awk '{ what = $(NF - 1); range = $NF }
		what == "xen_unpopulated_grow:" { made[range]++ }
		what == "xen_unpopulated_release:" && !made[range]-- { print range; exit }' "$R/trace")
	[ -z "$stray" ] || finish "an event says that $stray went, and none before that it was made"
	grep -q 'xen_unpopulated_failure: size=0x200000 limit=0xffffffffffffffff error=-12$' "$R/trace" ||
		finish "no event says that a growth of 2 MiB failed"
	outcome="$injected allocations failed, events of $(events grow) grows, $(events release) releases, $(events failure) failures"
}
