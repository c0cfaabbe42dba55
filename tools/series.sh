# SPDX-License-Identifier: GPL-2.0
# What the series does to a tree. Sourced, after lib.sh, by all that applies or checks it.
# shellcheck shell=bash
# shellcheck source=tools/lib.sh

# All entries, or those that ENTRIES names.
series_entries()
{
	[ -z "${ENTRIES:-}" ] || { printf '%s\n' "$ENTRIES"; return; }
	sed -E 's/[[:space:]]*#.*//; /^[[:space:]]*$/d' "$TOP/series"
}

# usage: patched_files ENTRY...
patched_files()
{
	(cd "$TOP" && awk '/^\+\+\+ b\// { sub(/^\+\+\+ b\//, ""); sub(/\t.*/, ""); print }' "$@" </dev/null)
}

# The new files that come with an entry: its header names them.
# usage: overlay_files ENTRY...
overlay_files()
{
	(cd "$TOP" && awk '
		FNR == 1 { header = 1 }
		/^--- a\// { header = 0 }
		header && /^Overlay:/ { for (i = 2; i <= NF; i++) print $i }' "$@" </dev/null)
}

# Stock files that the overlay replaces, as against files that it adds.
replaced_files()
{
	awk '{ print $2 }' "$TOP/tools/bases/$BASE/replaced.sha256"
}

# usage: kernel_version TREE; prints nothing for what is no kernel tree
kernel_version()
{
	[ ! -f "$1/Kbuild" ] ||
		awk '$2 == "=" && /^(VERSION|PATCHLEVEL) / { v = v dot $3; dot = "." } END { print v }' "$1/Makefile"
}

# Run patch without fuzz; if it fails, say in one line which hunk did.
# usage: apply_entry ENTRY DIR
apply_entry()
{
	local said
	said=$(patch -p1 -F0 -f -r - --no-backup-if-mismatch -d "$2" -i "$TOP/$1") ||
		die "$1 does not apply: $(awk '
			/^patching file/ { file = $3 }
			/^Hunk .* FAILED/ { printf "%s%s hunk %d at line %d", sep, file, substr($2, 2), $5; sep = ", " }
			END { if (!sep) print $0 }' <<<"$said"); ${UNTOUCHED:-}"
}

# Work out in SCRATCH/new every file that the series touches in the tree FROM, which is only read.
# usage: compose FROM SCRATCH
compose()
{
	local from=$1 new=$2/new entry path
	mkdir -p "$new"
	command -v patch >/dev/null || die "patch is missing: install it, on Debian with make packages"
	[ -s "$TOP/series" ] || die "$TOP/series is missing or empty: restore it from the repository"
	for entry in $(series_entries); do
		[ -f "$TOP/$entry" ] || die "series names $entry, which does not exist: add it or take it out of series"
		for path in $(patched_files "$entry"); do
			[ ! -e "$new/$path" ] || continue
			[ -f "$from/$path" ] || die "$entry does not apply: $path is not in $from; ${UNTOUCHED:-}"
			(cd "$from" && cp --parents "$path" "$new")
		done
		apply_entry "$entry" "$new"
		for path in $(overlay_files "$entry"); do
			[ -f "$TOP/$path" ] || die "$entry brings $path, which does not exist: add it or correct its Overlay line"
			(cd "$TOP" && cp --parents "$path" "$new")
		done
	done
}

# Rename the listed files from SCRATCH/new into TREE, which must be on the same disk: readers and hard links keep
# what they have, and a failure half-way takes back what was done.
# usage: swap_in TREE SCRATCH <LIST
swap_in()
{
	local tree=$1 new=$2/new old=$2/old path undo done=()
	trap '' INT TERM HUP
	while read -r path; do
		mkdir -p "$(dirname "$old/$path")" &&
			mkdir -p "$(dirname "$tree/$path")" &&
			{ [ ! -e "$tree/$path" ] || ln "$tree/$path" "$old/$path"; } &&
			mv -fT "$new/$path" "$tree/$path" && done+=("$path") && continue

		for undo in "${done[@]}"; do
			if [ -e "$old/$undo" ]; then
				mv -fT "$old/$undo" "$tree/$undo"
			else
				rm "$tree/$undo"
				rmdir -p --ignore-fail-on-non-empty "$(dirname "$tree/$undo")"
			fi
		done
		die "cannot write $path in $tree: see the line above; ${UNTOUCHED:-}"
	done
	trap - INT TERM HUP
}
