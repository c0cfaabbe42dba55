# SPDX-License-Identifier: GPL-2.0
# Sourced by dom0's init, the main job: a guest uses the disk through blkback, watched from here.
# The watching starts hardly a process: in emulation one costs a PVH dom0 tens of milliseconds.
# shellcheck shell=dash disable=SC2154

# Native TSC: else each look at the clock, and there are many, is a trap to Xen.
cat >/run/guest.cfg <<EOF
name = "disk"
type = "$(value boot.type)"
memory = 128
vcpus = 1
tsc_mode = "native"
kernel = "/job/guest-kernel"
ramdisk = "/job/guest.cpio"
extra = "console=hvc0 kunit.enable=0 boot.mib=$mib boot.fault=$fault"
disk = ["vdev=xvda,access=w,script=block-phy,target=/dev/$disk"]
on_crash = "destroy"
EOF

# All that the guest says goes to dom0's console; the last words of its test are kept in a file.
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

during=''
said=''
tries=600
while [ "$said" != "done" ]; do
	read -r said </run/said
	case $said in
	failed*) finish "guest: $said" ;;
	wrote* | sha256* | read*)
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

# The verdict asks for the buffers wherever this job makes them.
type=$(value boot.type)
note "type $type"
if [ "$type" != pv ]; then
	# shellcheck source=tools/qemu/dom0-dma.sh
	. /job/dom0-dma.sh
fi

for s in /sys/bus/xen-backend/devices/vbd-*/statistics/*; do
	note "vbd_${s##*/} $(cat "$s")"
done
sample_regions
xl shutdown -w disk >/dev/null 2>&1 || finish "the guest did not shut down"
say "guest shut down"
sample after
