# SPDX-License-Identifier: GPL-2.0
# Sourced by dom0's init, the main job: a guest uses two disks through blkback, each by a queue for each of its CPUs.
# Watching it from here starts hardly a process: in emulation one costs a PVH dom0 tens of milliseconds.
# shellcheck shell=dash disable=SC2034,SC2154

# Buffers of a guest's network are pages, of whatever size, and so are those of a disk with persistent grants.
memory=128 small_memory=40
! grep -q '^KernelPageSize: *64 kB' /proc/self/smaps || memory=256 small_memory=128

# Native TSC: else each look at the clock, and there are many, is a trap to Xen.
cat >/run/guest.cfg <<EOF
name = "disk"
type = "$(value boot.type)"
memory = $memory
vcpus = $(value boot.vcpus)
tsc_mode = "native"
kernel = "/job/guest-kernel"
ramdisk = "/job/guest.cpio"
extra = "console=hvc0 kunit.enable=0 xen_netfront.max_queues=2 xen_blkfront.max_ring_page_order=2 boot.mib=$mib boot.fault=$fault"
disk = ["vdev=xvda,access=w,script=block-phy,target=/dev/$ahci",
	"vdev=xvdb,access=w,script=block-phy,target=/dev/$nvme"]
vif = ["mac=00:16:3e:00:00:01,script=vif-none"]
on_crash = "destroy"
EOF

watch_guest

# Building a guest maps its memory, more at once than its disk may take later.
(
	xl create -q /run/guest.cfg >"$R/xl-create" 2>&1 && echo created || echo failed
) >/run/xl-status &
while [ ! -s /run/xl-status ]; do
	sample_peak
	sleep 0.2
done
[ "$(cat /run/xl-status)" = created ] || finish "xl create failed: $(tail -n 1 "$R/xl-create")"
say "guest created"
note_served created

domid=1
# When they connect, backends take pages for all that may be under way at a time, 256 for each queue of the network: no
# request waits for those.
back=/local/domain/0/backend
tries=300
until [ "$(xenstore-read $back/vif/$domid/0/state $back/vbd/$domid/51712/state $back/vbd/$domid/51728/state 2>/dev/null | tr -d '\n')" = 444 ] ||
	[ $tries -eq 0 ]; do
	tries=$((tries - 1))
	sleep 0.2
done
# Without this, all that waited counts.
[ $tries -eq 0 ] || note_served connected

during=''
said=''
tries=600
while [ "$said" != "done" ]; do
	read -r said </run/said
	case $said in
	failed*) finish "guest: $said" ;;
	xvd* | done)
		# The guest stays, with all its devices, when it is done.
		[ -n "$during" ] || sample during
		during=1
		[ "$fault" != crash ] || echo c >/proc/sysrq-trigger
		;;
	*) [ $tries -gt 360 ] || finish "the guest never came up: $(tail -n 1 "$GUESTLOG" | tr -d '\r')" ;;
	esac
	[ -d /sys/bus/xen-backend/devices/vbd-1-51712 ] || finish "the guest went away, its last words were '$said'"
	[ $tries -gt 0 ] || finish "the guest did not get further than '$said'"
	tries=$((tries - 1))
	sample_peak
	sleep 0.5
done

note_served disks
# What Xen wrote down of grants until now.
succeeds xentrace xentrace -x -T 1 /run/trace
succeeds grants grants "$domid" </run/trace
note "mapped $outcome"
rm /run/trace
note "persistent $(xenstore-read "/local/domain/0/backend/vbd/$domid/51712/feature-persistent")"
for s in /sys/bus/xen-backend/devices/vbd-*; do
	note "vbd $(cat "$s/statistics/rd_sect") $(cat "$s/statistics/wr_sect")"
done
note "swiotlb_peak $(cat /sys/kernel/debug/swiotlb/io_tlb_used_hiwater 2>/dev/null || echo 0)"
note "ring_areas $(ring_areas)"
for d in 51712 51728; do
	# One queue has no folder of its own.
	queues=$(xenstore-list "/local/domain/$domid/device/vbd/$d" | grep -c '^queue-')
	note "queues_$d $((queues > 0 ? queues : 1))"
done

# The verdict asks for the buffers wherever this job makes them. A stock kernel does not export any (EINVAL), and what
# is timed has to do the same on both.
type=$(value boot.type)
note "type $type"
if [ "$type" != pv ] && [ "$(value boot.callers)" != speed ]; then
	# shellcheck source=tools/qemu/dom0-dma.sh
	. /job/dom0-dma.sh
fi
# shellcheck source=tools/qemu/dom0-callers.sh
. /job/dom0-callers.sh

sample_regions
xl shutdown -w disk >/dev/null 2>&1 || finish "the guest did not shut down"
say "guest shut down"
if [ -n "$callers" ]; then
	# shellcheck source=tools/qemu/dom0-destroy.sh
	. /job/dom0-destroy.sh
fi
# A guest that was shut down is destroyed in the background. Something always stays of one that a page was lost of.
tries=30
free_memory
least=$(($(sed -n 's/^free_before //p' "$R/values") - 1))
while [ $tries -gt 0 ] && [ "$free" -lt $least ]; do
	tries=$((tries - 1))
	sleep 1
	free_memory
done
sample after
