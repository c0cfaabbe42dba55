# SPDX-License-Identifier: GPL-2.0
# Sourced by dom0-callers.sh: after 1 GiB of pages on loan, address space and struct pages go back, but for what is in
# use. The files release.* keep what the driver said at each step.
# shellcheck shell=dash disable=SC2034,SC2154

# Kept of the peak, all over it, one of them replaced by another all the time: one page in so many.
KEPT_OF=1000
RELEASE_S=60

# usage: state NAME: the driver's file, and the struct pages and free memory, in KiB
state()
{
	cat "$DRIVER" >"$R/release.$1"
	struct_pages=$(($(sed -n 's/^nr_memmap_pages //p' /proc/vmstat) * page_kib))
	# MemFree leaves out what CPUs keep at hand.
	cached=$(awk '$1 == "count:" { n += $2 } END { print n }' /proc/zoneinfo)
	memfree=$(($(sed -n 's/MemFree: *\([0-9]*\).*/\1/p' /proc/meminfo) + cached * page_kib))
	note "release_$1 $struct_pages KiB of struct pages, $memfree KiB free"
}

# usage: region_at ADDRESS STATE: the line of the region that holds it, in $region
region_at()
{
	local word range
	while read -r word range region; do
		if [ "$word" = region ] && [ $((${range%-*})) -le $(($1)) ] && [ $((${range#*-})) -ge $(($1)) ]; then
			region="$range $region"
			return
		fi
	done <"$R/release.$2"
	region=''
}

# usage: waits FILE WORD: until FILE has a line that begins with WORD; the rest of it is in $line
waits()
{
	local tries=600
	while ! line=$(grep -s "^$2" "$1"); do
		[ $tries -gt 0 ] || finish "$1 never said '$2' but '$(tail -n 1 "$1")'"
		tries=$((tries - 1))
		sleep 0.2
	done
	line=${line#"$2"}
}

# usage: hold PAGES [KEEP]
hold()
{
	rm -f "$R/holdpages"
	holdpages "$@" >"$R/holdpages" 2>&1 &
	holder=$!
	waits "$R/holdpages" holdpages:
}

# A buffer of the guest's, in pages whose addresses are in use for the second time: all others are taken. An empty region
# would be taken last; it gets so full first that it is the next.
use_again()
{
	counter pages_free
	hold $((count - 300))
	first_holder=$holder
	hold 301
	state again
	while read -r word range details; do
		case $word-$details in
		region-*free=0\ *) ;;
		region-*)
			region_at "${range%-*}" later
			[ -z "$region" ] || finish "$region has free pages, and was never given back"
			region_at "${range%-*}" before
			[ -n "$region" ] || finish "$range is not where a region was before"
			;;
		esac
	done <"$R/release.again"
	guest_run gntshare 0 256 gntalloc
	guest_says shared
	succeeds gntmap.again gntmap "$domid" "$said"
	guest_says answer
	echo nothing >/run/said
	kill $holder $first_holder
}

job_release()
{
	page_kib=$(awk '$1 == "KernelPageSize:" { print $2; exit }' /proc/self/smaps)
	nr=$(((1 << 20) / page_kib))
	[ -n "$slow" ] || finish "there is no slow disk for direct I/O"
	echo 600000 >"/sys/block/$slow/queue/io_timeout"

	counter regions
	first=$count
	hold $nr $((nr / KEPT_OF))
	# The disk does one of these in a second.
	pinpage "$domid" 1 "/dev/$slow" $((RELEASE_S + 15)) >"$R/pinpage" 2>&1 &
	waits "$R/pinpage" frame
	frame=$line
	kill -USR1 $holder
	sleep 2

	state before
	counter regions
	regions=$count
	pages_before=$struct_pages free_before=$memfree
	sleep $RELEASE_S
	state after
	counter regions
	made=$((regions - first)) gone=$((regions - count))
	[ $((gone * 2)) -ge $made ] || finish "of $made regions made for the peak, $gone went within $RELEASE_S s"
	returned=$((pages_before - struct_pages))
	difference=$((memfree - free_before - returned))
	[ $returned -gt 0 ] || finish "no struct pages returned"
	[ ${difference#-} -le 1024 ] ||
		finish "$returned KiB of struct pages returned, but $((memfree - free_before)) KiB are free in addition"
	grep -q written "$R/pinpage" && finish "direct I/O was over too soon"
	region_at "$frame" after
	in_it=${region#*pages=}
	[ $((${in_it%% *} - 1)) = "$(echo "$in_it" | sed 's/.* free=\([0-9]*\).*/\1/')" ] ||
		finish "the page in direct I/O,$frame, should be alone in its region: ${region:-it is gone}"
	seen="$gone of $made regions went, $returned KiB of struct pages, $((memfree - free_before)) KiB of memory; $region stayed for a page in direct I/O"

	waits "$R/pinpage" written
	sleep 3
	state later
	region_at "$frame" later
	in_it=${region#*pages=}
	case $in_it in
	"${in_it%% *} free=${in_it%% *} "*) ;;
	*) finish "direct I/O is done, but its region is not empty: $region" ;;
	esac
	kill $holder
	wait $holder
	use_again
	outcome="$seen until that was over; the addresses served again"
}
