# SPDX-License-Identifier: GPL-2.0
# Sourced by dom0's init for the job hvm: an HVM guest, to which Xen offers no address space, maps pages of dom0.
# shellcheck shell=dash disable=SC2034,SC2154

# The most that a buffer holds, see gntbuf.h.
pages=1022

# No serial port, no display: each access to one goes to the device model in dom0 and costs milliseconds.
cat >/run/guest.cfg <<EOF
name = "hvm"
type = "hvm"
memory = 192
vcpus = 1
tsc_mode = "native"
kernel = "/job/guest-kernel"
ramdisk = "/job/guest.cpio"
cmdline = "console=hvc0 kunit.enable=0"
vga = "none"
vnc = 0
usb = 0
on_crash = "destroy"
EOF

GUESTLOG=/var/log/xen/console/guest-hvm.log
watch_guest
xl create -q /run/guest.cfg >"$R/create" 2>&1 ||
	finish "$(tail -n 1 "$R/create"); the device model: $(tail -n 1 /var/log/xen/qemu-dm-hvm.log)"
domid=1
say "guest created"
patience=3000 guest_says up,

guest_maps $pages
note "hvm_served $said"
note "hvm_answer $(sed -n 's/.*: answer of //p' /run/shared)"
say "guest mapped $pages pages of dom0, served by $said"
succeeds destroy xl destroy hvm
