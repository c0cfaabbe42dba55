# SPDX-License-Identifier: GPL-2.0
# Sourced by dom0's init, the main job: a guest uses the disk through blkback, watched from here.
# shellcheck shell=dash disable=SC2154

cat >/run/guest.cfg <<EOF
name = "disk"
type = "$(value boot.type)"
memory = 128
vcpus = 1
kernel = "/root/guest-kernel"
ramdisk = "/root/guest.cpio"
extra = "console=hvc0 kunit.enable=0 boot.mib=$mib boot.fault=$fault"
disk = ["vdev=xvda,access=w,script=block-phy,target=/dev/$disk"]
on_crash = "destroy"
EOF
mkdir -p "${GUESTLOG%/*}"
: >"$GUESTLOG"
tail -f "$GUESTLOG" | while read -r line; do echo "guest| $line"; done &
xl create -q /run/guest.cfg >"$R/xl-create" 2>&1 || finish "xl create failed: $(tail -n 1 "$R/xl-create")"
say "guest created"

limit=$(($(date +%s) + 120))
half=
stage="come up"
while ! grep -q 'guest: done' "$GUESTLOG"; do
	! grep -q 'guest: failed' "$GUESTLOG" || finish "guest: $(sed -n 's/.*guest: failed: //p' "$GUESTLOG" | tr -d '\r')"
	xenstore-list /local/domain/1 >/dev/null 2>&1 || finish "the guest went away"
	if [ "$stage" = "come up" ] && grep -q 'guest: wrote' "$GUESTLOG"; then
		stage=finish
		limit=$((limit + 150))
	fi
	[ "$(date +%s)" -lt "$limit" ] ||
		finish "the guest did not $stage in time, its last line: $(tail -n 1 "$GUESTLOG" | tr -d "\r")"
	sample_peak
	if [ -z "$half" ] && grep -q "guest: wrote $((mib / 2)) of" "$GUESTLOG"; then
		half=1
		sample during
		xl list >"$R/xl-list.during"
		[ "$fault" != crash ] || echo c >/proc/sysrq-trigger
	fi
	sleep 0.2
done

for s in /sys/bus/xen-backend/devices/vbd-*/statistics/*; do
	note "vbd_${s##*/} $(cat "$s")"
done
xl shutdown -w disk >/dev/null 2>&1 || finish "the guest did not shut down"
say "guest shut down"
sample after
xl list >"$R/xl-list.after"
