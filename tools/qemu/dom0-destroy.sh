# SPDX-License-Identifier: GPL-2.0
# Sourced by dom0's init when the guest of the main job is gone: guests that are destroyed while they read their disk,
# boot.destroys of them, each followed by one that works. Every other one has persistent grants.
# shellcheck shell=dash disable=SC2034,SC2154

sectors=0

# usage: reads DOMID: sectors that this guest has read
reads()
{
	sectors=$(cat "/sys/bus/xen-backend/devices/vbd-$1-51712/statistics/rd_sect")
}

# usage: create_victim PERSISTENT: a guest that has read the beginning of its disk more than once, and goes on
create_victim()
{
	local id tries=200
	echo "$1" >/sys/module/xen_blkback/parameters/feature_persistent
	create_small victim "$type" "boot.job=read boot.mib=4" "disk = ['vdev=xvda,access=w,script=block-phy,target=/dev/$ahci']"
	small_says victim read
	[ "$said" = "$contents" ] || finish "a guest read other data than '$contents': '$said'"

	id=$(xl domid victim)
	persistent=$(xenstore-read "/local/domain/0/backend/vbd/$id/51712/feature-persistent")
	[ "$persistent" = "$1" ] || finish "blkback says $persistent to persistent grants, not $1"
	reads "$id"
	while [ "$sectors" -lt 16384 ]; do
		[ $tries -gt 0 ] || finish "a guest stopped after $sectors sectors"
		tries=$((tries - 1))
		sleep 0.1
		reads "$id"
	done
}

job_destroy()
{
	contents=$(dd if="/dev/$ahci" bs=1M count=4 iflag=direct 2>/dev/null | sha256sum)
	destroys=$(value boot.destroys)
	round=0
	while [ $round -lt "$destroys" ]; do
		create_victim $((round % 2))
		counter pages_lent
		note "lent_destroy_during $count"
		succeeds destroy xl destroy victim
		round=$((round + 1))
		say "destroyed $round of $destroys, persistent grants $persistent, $sectors sectors read"
	done
	create_victim $((round % 2))
	succeeds shutdown xl shutdown -w victim
	outcome="$round guests destroyed while they read their disk, $((round / 2)) of them with persistent grants; the next ones read what was written"
}

# The pages of the one that was shut down come back first, that of its console last: xenconsoled hears of it later.
tries=20
counter pages_lent
last=
while [ $tries -gt 0 ] && { [ "$count" != "$last" ] || ls /sys/bus/xen-backend/devices/vbd-* >/dev/null 2>&1; }; do
	tries=$((tries - 1))
	last=$count
	sleep 0.5
	counter pages_lent
done
run_job destroy
cp "$CONSOLES/guest-victim.log" "$R/victim.log"
