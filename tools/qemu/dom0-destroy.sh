# SPDX-License-Identifier: GPL-2.0
# Sourced by dom0's init when the guest of the main job is gone: guests that are destroyed while they read their
# disk, boot.destroys of them (1), each followed by one that works. The last one has persistent grants.
# shellcheck shell=dash disable=SC2034,SC2154

victims=/var/log/xen/console/guest-victim.log
sed 's/^name = .*/name = "victim"/; s/boot.fault=[^"]*/boot.fault=busy/' /run/guest.cfg >/run/victim.cfg

# A guest that has read its disk once, as the guest before wrote it, and goes on.
create_victim()
{
	local tries=300
	rm -f $victims
	succeeds create xl create -q /run/victim.cfg
	while ! grep -q '^guest: busy' $victims 2>/dev/null; do
		[ $tries -gt 0 ] || finish "a guest after one that was destroyed never came up: $(tail -n 1 $victims)"
		tries=$((tries - 1))
		sleep 0.2
	done
	grep -q "^guest: busy $written" $victims || finish "a guest read other data than '$written': $(tail -n 1 $victims)"
}

job_destroy()
{
	destroys=$(value boot.destroys)
	written=$(sed -n 's/^guest: xvda sha256 read \([0-9a-f]*\).*/\1/p' "$GUESTLOG")
	round=0
	while [ $round -lt "${destroys:-1}" ]; do
		create_victim
		counter pages_lent
		note "lent_destroy_during $count"
		succeeds destroy xl destroy victim
		round=$((round + 1))
		say "destroyed $round of ${destroys:-1}"
	done
	echo 1 >/sys/module/xen_blkback/parameters/feature_persistent
	create_victim
	persistent=$(xenstore-read "/local/domain/0/backend/vbd/$(xl domid victim)/51712/feature-persistent")
	[ "$persistent" = 1 ] || finish "the grants of the last guest are not persistent"
	counter pages_lent
	note "lent_persistent $count"
	succeeds shutdown xl shutdown -w victim
	outcome="$round guests destroyed while they read their disk, the next ones read what was written, the last one by persistent grants"
}

# The pages of the one that was shut down come back first.
tries=100
while [ $tries -gt 0 ] && ls /sys/bus/xen-backend/devices/vbd-* >/dev/null 2>&1; do
	tries=$((tries - 1))
	sleep 0.1
done
run_job destroy
cp $victims "$R/victim.log"
