# SPDX-License-Identifier: GPL-2.0
# Sourced by dom0's init after the main job, while the guest is up: what else maps pages of a guest. A job ends the
# boot when something is wrong, and else says in $outcome what it saw; pages on loan are noted before and after it.
# shellcheck shell=dash disable=SC2034,SC2154

# A PV dom0 maps frames without pages of the allocator, and Xen on Arm saves no guests. On PVH, restore takes two minutes,
# so it is run by name only, and so is release.
case $type-$(uname -m) in
pv-*) callers="gntmap guestmap gntbad net vchan lost restore" ;;
*-x86_64) callers="gntmap guestmap gntbad net vchan foreign rings lost toolstack" ;;
*) callers="gntmap guestmap gntbad net vchan foreign rings lost shortage" ;;
esac
case $(value boot.callers) in
all) ;;
none) callers='' ;;
*) callers=$(value boot.callers | tr + ' ') ;;
esac
# Nothing to see on a stock kernel but how fast it is, nor in a boot that is to fail.
[ -f "$DRIVER" ] || [ "$callers" = speed ] || callers=
[ -z "$fault" ] || callers=
note "callers $callers${callers:+ destroy}"

# A buffer of a guest's program, mapped by one of dom0's as one range of addresses, and answered in place: once of
# pages made to be shared, once of memory that a dma-buf wraps. On PV, gntdev takes what is a pseudo-physical address
# of the buffer for a machine one.
job_gntmap()
{
	outcome=
	memories="gntalloc dmabuf"
	[ "$type" != pv ] || memories=gntalloc
	for memory in $memories; do
		before_it=$outcome
		guest_run gntshare 0 256 "$memory"
		guest_says shared
		succeeds gntmap gntmap "$domid" "$said"
		guest_says answer
		outcome="$before_it$memory $outcome, "
		echo nothing >/run/said
	done
	outcome="${outcome}and the guest found the answer"
}

# The other way round: the guest maps where its own driver says.
job_guestmap()
{
	guest_maps 256
	note "guest_served $said"
	outcome="the guest mapped 256 pages of dom0 and their index, served by $said"
}

# By root, and by a user who was let near the device. Grant 1 of every guest is that of xenstore.
job_gntbad()
{
	chmod 666 /dev/xen/gntdev
	succeeds gntbad gntbad "$domid" 1 "$type"
	as_root=$outcome
	succeeds gntbad.user gntbad "$domid" 1 "$type" 1000
	outcome="$as_root, for a user $outcome"
	chmod 600 /dev/xen/gntdev
}

# usage: send_frames FROM MIB BYTES: from one end of the guest's network to the other; FROM is dom0 or guest
send_frames()
{
	if [ "$1" = dom0 ]; then
		guest_run nettest receive eth0 "$2" "$3"
		guest_says receiving by
		succeeds nettest nettest send vif1.0 "$2" "$3"
		guest_says received
	else
		: >"$R/nettest"
		succeeds nettest nettest receive vif1.0 "$2" "$3" &
		while ! grep -q receiving "$R/nettest"; do
			sleep 0.1
		done
		guest_run nettest send eth0 "$2" "$3"
		guest_says sent
		wait $!
	fi
}

network_up()
{
	ip link set vif1.0 mtu 60000 up
	guest_run ip link set eth0 mtu 60000 up
}

# Small and jumbo frames, both ways, and both queues in use.
job_net()
{
	network_up
	for from in dom0 guest; do
		send_frames $from 2 1514
		send_frames $from 62 60014
	done
	outcome="64 MiB each way, requests in each queue's rings:"
	for q in /sys/kernel/debug/xen-netback/vif1.0/io_ring_q*; do
		outcome="$outcome $(sed -n 's/^req prod \([0-9]*\).*/\1/p' "$q" | tr '\n' ' ')"
	done
	[ "$(echo "${outcome#*:}" | wc -w)" -eq 4 ] || finish "the guest's network has not two queues: $outcome"
	for sent in ${outcome#*:}; do
		[ "$sent" -gt 1000 ] || finish "a queue was left out: $outcome"
	done
}

# usage: speed NAME VALUE UNIT: note it, and add it to what was seen
speed()
{
	note "speed $*"
	seen="$seen${seen:+, }$*"
}

# A disk of the guest's in memory of dom0, past the guest's page cache, and jumbo frames to the guest and from it. With disks
# of the emulator and a clock of instructions, boots hang in the emulator now and then, a stock kernel's as well.
job_speed()
{
	seen=
	dd if=/dev/zero of=/run/disk bs=1M count="$mib" 2>/dev/null
	succeeds losetup losetup /dev/loop0 /run/disk
	succeeds attach xl block-attach "$domid" vdev=xvdc,access=w,script=block-phy,target=/dev/loop0
	guest_run "while ! [ -b /dev/xvdc ]; do sleep 0.1; done; diskspeed xvdc $mib $((128 / mib))"
	guest_says speeds
	speed block-read "${said% *}" MiB/s
	speed block-write "${said#* }" MiB/s

	network_up
	send_frames dom0 64 60014
	speed net-from-dom0 "${outcome#*, }"
	send_frames guest 64 60014
	speed net-from-guest "${said#*, }"

	connect_again 5
	speed connect "$took" ms
	outcome=$seen
}

# The guest offers, dom0 connects, by libxenvchan.
job_vchan()
{
	# shellcheck disable=SC2016 # the guest expands it
	guest_run 'dd if=/dev/urandom of=/data bs=64k count=16; echo guest: offers $(sha256sum </data)'
	guest_says offers
	offered=${said%% *}
	guest_run 'vchan-socket-proxy -m server 0 data/vchan - </data &'
	tries=50
	while [ $tries -gt 0 ] && ! xenstore-read "/local/domain/$domid/data/vchan/ring-ref" >/dev/null 2>&1; do
		tries=$((tries - 1))
		sleep 0.2
	done
	# Neither end goes by itself: the input of this one never ends.
	: >/run/vchan
	sleep 1000 | vchan-socket-proxy -m client "$domid" "/local/domain/$domid/data/vchan" - >/run/vchan &
	tries=100
	while [ $tries -gt 0 ] && [ "$(stat -c %s /run/vchan)" -lt 1048576 ]; do
		tries=$((tries - 1))
		sleep 0.2
	done
	counter pages_lent
	note "lent_vchan_during $count"
	kill $!
	received=$(sha256sum </run/vchan)
	[ "$offered" = "${received%% *}" ] ||
		finish "by vchan came $(stat -c %s /run/vchan) bytes, and not those that the guest offered"
	outcome="$(stat -c %s /run/vchan) bytes, checksums equal"
}

# A toolstack's view of a guest: frames, holes, and the grant table.
job_foreign()
{
	first=0x1000
	[ "$(uname -m)" = x86_64 ] || first=0x40000
	succeeds foreign foreign "$domid" $first 4096
}

# A guest as a whole: its memory in a file, then saved and restored. A PV guest has no frames but its memory; those of a
# PVH guest reach up to 4 GiB, and xl looks at each of a million.
job_toolstack()
{
	main=$domid
	create_small small pv
	small_says small up
	domid=$(xl domid small)
	# shellcheck disable=SC2016 # the guest expands it
	guest_run "echo $token >/token"' && dd if=/dev/urandom of=/data bs=64k count=16 && echo guest: keeps $(sha256sum </data)'
	small_says small keeps
	keeps=$said

	succeeds core xl dump-core small /run/core
	kib=$(($(stat -c %s /run/core) >> 10))
	[ $kib -gt 40960 ] || finish "xl dump-core wrote $kib KiB of a guest with 40 MiB"
	grep -q "$token" /run/core || finish "what the guest knows is not in its core"
	rm /run/core

	succeeds save xl save small /run/saved
	succeeds restore xl restore /run/saved
	rm /run/saved
	domid=$(xl domid small)
	# shellcheck disable=SC2016
	guest_run 'echo guest: has $(sha256sum </data)'
	small_says small has
	[ "$said" = "$keeps" ] || finish "the guest kept '$keeps', and restored it had '$said'"
	succeeds destroy xl destroy small
	outcome="a core of $kib KiB, in it what the guest was told; saved, and restored as domain $domid with its file"
	domid=$main
}

# What tells the guest that was saved from any other must be the same after it was restored. On PVH it has pages of dom0
# mapped meanwhile, of which Xen knows nothing any more. It maps others, whose handles are the same, and then lets go of
# the first ones, whose pages are lost.
job_restore()
{
	# shellcheck disable=SC2016 # the guest expands it
	identify='echo guest: identity $(cat /proc/sys/kernel/random/boot_id)'
	guest_run "$identify"
	guest_says identity
	identity=$said
	if [ "$type" != pv ]; then
		share 256
		sharer=$!
		guest_run "{ gntmap 0 $grant 'served; until [ -e /again ]; do sleep 1; done'; touch /unmapped; } &"
		guest_says served by
	fi
	succeeds save xl save disk /run/saved
	succeeds restore xl restore /run/saved
	rm /run/saved
	domid=$(xl domid disk)
	echo nothing >/run/said
	guest_run "$identify"
	guest_says identity
	[ "$said" = "$identity" ] || finish "the guest said it was '$identity', and restored '$said'"
	outcome="the same guest, now domain $domid"
	[ "$type" != pv ] || return 0

	kill "$sharer" 2>/dev/null
	share 256
	guest_run "gntmap 0 $grant 'touch /again; until [ -e /unmapped ]; do sleep 1; done; served'"
	guest_says served by
	wait $! || finish "gntshare: $(tail -n 1 /run/shared)"
	again=$said
	# shellcheck disable=SC2016
	guest_run 'echo guest: lost $(sed -n "s/^pages_leaked //p" /debug/xen/unpopulated_alloc) pages'
	guest_says lost
	outcome="$outcome, which lost $said that it had mapped, and with as many more is served by $again"
}

# usage: connect_again ROUNDS [COMMAND]: blkback lets go of the guest's NVMe disk and connects again; in $took, how long that
# takes at best. The command comes in between, once. The guest reads in it what it read before.
connect_again()
{
	device=vbd-$domid-51728
	took=
	for round in $(seq "$1"); do
		echo "$device" >/sys/bus/xen-backend/drivers/vbd/unbind
		[ "$round" -gt 1 ] || ${2:-true}
		succeeds connect connect "$device"
		[ "${outcome% ms}" -ge "${took:-100000}" ] || took=${outcome% ms}
	done

	# A cache would keep pages of its own.
	caches=/sys/module/xen_blkback/parameters/max_buffer_pages
	most=$(cat $caches)
	echo 0 >$caches
	echo nothing >/run/said
	# shellcheck disable=SC2016 # the guest expands it
	guest_run 'echo guest: disk $(dd if=/dev/xvdb bs=1M count=4 iflag=direct 2>/dev/null | sha256sum)'
	guest_says disk
	[ "$said" = "${contents:=$said}" ] || finish "a disk that was connected again has '$said', not '$contents'"
	echo "$most" >$caches
}

# No contiguous pages, and no two free ones side by side.
scatter_pages()
{
	hold 1024 512 still
	counter pages_free
	free=$((count + 512))
	kill -USR1 "$holder"
	until [ "$count" -ge $free ]; do
		sleep 0.1
		counter pages_free
	done
	inject xen_alloc_unpopulated_contiguous_pages 19 1000 || finish "contiguous pages cannot be made to fail"
}

# Rings by the direct map; of scattered pages, so that each needs a vmap(); and by the direct map again.
job_rings()
{
	connect_again 3
	direct=$took

	connect_again 3 scatter_pages
	inject_end
	areas=$(ring_areas)
	note "ring_areas_scattered $areas"
	seen="connected in $direct ms, of scattered pages by $areas vmap()s in $took ms"

	kill "$holder"
	connect_again 1
	note "ring_areas_again $(ring_areas)"
	outcome=$seen
}

# A guest on Arm with 1 MiB, which is 256 pages, for its page tables in Xen: each of its mappings wants one. Some are too
# many, the log says what to raise, and when they are gone, others take their place.
job_shortage()
{
	main=$domid
	create_small short pvh '' 'shadow_memory = 1
	memory = 64
	ramdisk = "/job/guest.cpio"'
	small_says short up
	domid=$(xl domid short)
	share 256
	sharer=$!
	guest_run "gntspread 0 $grant 300"
	small_says short spread
	spread=$said
	# shellcheck disable=SC2016 # the guest expands it
	guest_run 'echo guest: logs $(dmesg | grep -m 1 shadow_memory | sed "s/.*table: //")'
	small_says short logs
	logs=$said
	kill "$sharer" 2>/dev/null
	share 256
	guest_run "gntmap 0 $grant 'echo guest: maps again'"
	small_says short maps
	wait $! || finish "gntshare: $(tail -n 1 /run/shared)"
	succeeds destroy xl destroy short
	outcome="a guest with 1 MiB for page tables made $spread, and logged '$logs'; then it mapped 257 pages"
	case $spread in
	2[0-9][0-9]" of 300 mappings, Invalid argument") ;;
	*) finish "$outcome" ;;
	esac
	domid=$main
}

# One grant that exists and one that does not, and an unmap that fails: one page is lost, the other comes back. Nothing
# else unmaps grants meanwhile: the guest is idle. A filter by task is no use, on x86 a kprobe is hit in no task. On PV
# it is the first one that gntbad maps, and the kernel's own mapping of it is named as well.
job_lost()
{
	lose="gntdma $domid 1 0x7ffffff0 -- true"
	[ "$type" != pv ] || lose="gntbad $domid 1 pv"
	if inject gnttab_unmap_refs 22 1; then
		$lose >"$R/lost" 2>&1
		inject_end
		counter pages_leaked
		named=$(dmesg | sed -n 's/.*\(grant [0-9]* of domain [0-9]*\) stays mapped, its page is lost.*/\1/p' | sort -u | wc -l)
		outcome="$count pages lost, $named grants named in the log"
	fi
}

# shellcheck source=tools/qemu/dom0-release.sh
. /job/dom0-release.sh

for name in $callers; do
	run_job "$name"
done
