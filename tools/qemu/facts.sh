# SPDX-License-Identifier: GPL-2.0
# Sourced by report and verdict: what the boot in build/boot/$NAME left, as variables. Every one of them
# has a value, however early the boot ended.
# shellcheck shell=bash disable=SC2034

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/../lib.sh"

: "${NAME:?}"
STOCK=${STOCK:-}
[ -f "$BUILD/boot/$NAME/qemu.status" ] || die "no finished boot in build/boot/$NAME: run tools/boot"
cd "$BUILD/boot/$NAME"

# The result drive: the token in the first 4 KiB, an archive behind it.
dd if=result.img bs=4k skip=1 status=none | tar -x 2>/dev/null || true
touch values dmesg guest.log victim.log unpopulated.peak unpopulated.end iomem.peak
written=$(dd if=result.img bs=4k count=1 status=none | tr -d '\0\n')
read -r status limit <qemu.status

# usage: field FILE NAME: what follows NAME in the first line that starts with it
field()
{
	awk -v name="$2" '$1 == name { sub(/^[^ ]* /, ""); print; exit }' "$1"
}

# usage: number FILE NAME: the same, and 0 if there is none
number()
{
	local n
	n=$(field "$1" "$2")
	echo "${n:-0}"
}

# usage: lost PREFIX FIRST: by how much the lowest of the samples PREFIX_* is below PREFIX_FIRST
lost()
{
	awk -v prefix="$1_" -v first="$1_$2" '
	index($1, prefix) == 1 && (lowest == "" || $2 < lowest) { lowest = $2 }
	$1 == first { start = $2 }
	END { print start - lowest }' values
}

balloon_kib=$(($(lost reservation boot) * 4))
xl_kib=$(($(lost xl before) * 1024))
# Xen lets a directly mapped dom0 (Arm) keep what it balloons away: there only this one shows it.
driver_kib=$(lost balloon boot)
memtotal_kib=$(lost memtotal boot)
sectors=$(awk '$1 == "vbd" { n += $2 + $3 } END { print n + 0 }' values)
# Grants of the guest that Xen saw mapped for its disks, pages that were taken for them, and allocations that waited for more.
mapped=$(number values mapped)
requested=$(($(number values served_disks) - $(number values served_created)))
waits=$(($(number values waits_disks) - $(number values waits_connected)))
queues="$(number values queues_51712) $(number values queues_51728)"

# usage: dma_change NAME: pages on loan and pages of RAM, against before the dma-buf: during, and after
dma_change()
{
	local when what
	for when in during after; do
		for what in lent pages; do
			printf '%d ' "$(($(number values "${what}_$1_$when") - $(number values "${what}_$1_before")))"
		done
	done
}

# usage: kept NAME: pages that are on loan after a job of dom0-callers.sh and were not before
kept()
{
	echo "$(($(number values "lent_$1_after") - $(number values "lent_$1_before")))"
}

callers=$(field values callers)

# usage: sums DISK IMAGE: what the guest wrote, what it read back, and what is in the image
sums()
{
	local what
	for what in wrote read; do
		sed -n "s/.*guest: $1 sha256 $what \\([0-9a-f]*\\).*/\\1/p" guest.log
	done
	sha256sum <"$2" | cut -d ' ' -f 1
}

# usage: equal SUM...: three of them, all the same
equal()
{
	[ "$#" -eq 3 ] && [ "$1 $2" = "$2 $3" ]
}

mapfile -t sums_ahci < <(sums xvda disk-ahci.img)
mapfile -t sums_nvme < <(sums xvdb disk-nvme.img)

# Where the pages on loan came from at the peak: the words of the driver's file, and for the last resort RAM, or balloon
# where that has memory of boot to spare, which never was RAM.
last_resort=balloon
[ "$driver_kib" -eq 0 ] || last_resort=RAM
sources=$(awk -v last_resort=$last_resort '
	$1 == "region" { split($4, pages, "="); split($5, unused, "="); if (pages[2] != unused[2]) print $3 }
	$1 == "pages_last_resort" && $2 > 0 { print last_resort }' unpopulated.peak | sort -u | paste -s -d ' ')

# What tools/regions saw in dom0, and the driver: MiB of address space at boot, then the regions in use.
regions_tool='' regions_driver=''
if [ -f regions.json ]; then
	regions_tool=$(python3 -c 'import json
m = json.load(open("regions.json"))
print(m["usable_kib"] // 1024, *sorted("%s-%#x" % (u["start"], int(u["end"], 16) - 1)
	for r in m["regions"] for u in r["in_use"]))')
	offered=$(sed -n 's/.* \([0-9]*\) MiB of extended address space.*/\1/p' dmesg)
	regions_driver=$(echo "${offered:-0}" "$(sort regions.driver | paste -s -d ' ')" | sed 's/ *$//')
fi

# Cases that the source has, and those that KTAP planned and passed in our suites; parameters of a case are
# not counted, nor is what ran once more later. A suite that fails is all that is said of the suites.
CASES=${CASES:-0}
read -r kunit_planned kunit_passed kunit_suite <<<"$(sed 's/^\[[^]]*\] //' dmesg | awk '
	/^    # Subtest: xen_unpopulated_/ { inside = !seen[$NF]++ }
	inside && /^    1\.\.[0-9]+$/ { sub(/.*\.\./, ""); planned += $0 }
	inside && /^    ok / && !/# SKIP/ { passed++ }
	inside && /^(not )?ok [0-9]+ xen_unpopulated_/ { inside = 0; if (suite != "not") suite = $1 }
	END { print planned + 0, passed + 0, suite ? suite : "missing" }')"
