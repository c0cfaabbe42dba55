# SPDX-License-Identifier: GPL-2.0
# What the series does to a tree. Sourced, after lib.sh, by all that applies or checks it.
# shellcheck shell=bash
# shellcheck source=tools/lib.sh

# shellcheck disable=SC2154 # lib.sh sets it
series=$basedir/series
[ -f "$series" ] || series=$TOP/series

# All entries, or those that ENTRIES names.
series_entries()
{
	[ -z "${ENTRIES:-}" ] || { printf '%s
' "$ENTRIES"; return; }
	sed -E 's/[[:space:]]*#.*//; /^[[:space:]]*$/d' "$series"
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
	sed -n 's/^--- a\///p' "$basedir/replaced.diff"
}

# What has changed in them since it was decided; succeeds if nothing has.
# usage: diff_replaced TREE
diff_replaced()
{
	local path same=true reviewed
	reviewed=$(mktemp -d)
	patch -s -R -p1 -d "$reviewed" -i "$basedir/replaced.diff"
	for path in $(replaced_files); do
		diff -u --label "reviewed/$path" --label "found/$path" "$reviewed/$path" "$1/$path" || same=false
	done
	rm -r "$reviewed"
	$same
}

# usage: kernel_version TREE; prints it as git tags name it, and nothing for what is no kernel tree
kernel_version()
{
	[ ! -f "$1/Kbuild" ] ||
		awk '
			$2 != "=" { next }
			/^(VERSION|PATCHLEVEL) / { v = v dot $3; dot = "." }
			/^SUBLEVEL / && $3 { v = v "." $3 }
			/^EXTRA/ { v = v $3 }
			END { print v }' "$1/Makefile"
}

# Is VERSION, such as 6.12.117, one of BASE?
# usage: is_base VERSION
is_base()
{
	[[ $1 = "$BASE" || $1 = "$BASE".* ]]
}

# Make sure that KDIR is a tree of this base, and make it an absolute path.
need_base_tree()
{
	local version known other
	[ -n "${KDIR:-}" ] || die "KDIR is not set: say which kernel tree, as in KDIR=path/to/linux-$BASE"
	[ -d "$KDIR" ] || die "KDIR=$KDIR is no folder: give the path of an unpatched $BASE kernel tree"
	KDIR=$(cd "$KDIR" && pwd -P)
	version=$(kernel_version "$KDIR")
	[ -n "$version" ] || die "KDIR=$KDIR is no kernel tree: give the path of an unpatched $BASE one"
	! is_base "$version" || return 0

	for other in "$TOP"/tools/bases/*; do
		! BASE=${other##*/} is_base "$version" || known="set BASE=${other##*/}, or "
	done
	die "KDIR=$KDIR is Linux $version, BASE is $BASE: ${known:-}give the path of a $BASE tree"
}

# usage: need_unpatched_tree ENTRY...
need_unpatched_tree()
{
	local path
	for path in $(overlay_files "$@"); do
		if [ -e "$KDIR/$path" ] && ! replaced_files | grep -qxF "$path"; then
			die "KDIR=$KDIR already has $path, so it is patched already: start from an unpatched tree"
		fi
	done
}

# Where to look when the stock files are not those that the series was tried on.
# usage: moved_on TREE
moved_on()
{
	local tried have
	tried=$(cat "$basedir/version") have=$(kernel_version "$1")
	[ "$have" = "$tried" ] || echo "; it was tried on $tried, this is $have: see git log v$tried..v$have of that file"
}

# Run patch without fuzz; if it fails, say in one line which hunk did.
# usage: apply_entry ENTRY DIR TREE
apply_entry()
{
	local said
	said=$(patch -p1 -F0 -f -r - --no-backup-if-mismatch -d "$2" -i "$TOP/$1") ||
		die "$1 does not apply: $(awk '
			/^patching file/ { file = $3 }
			/^Hunk .* FAILED/ { printf "%s%s hunk %d at line %d", sep, file, substr($2, 2), $5; sep = ", " }
			END { if (!sep) print $0 }' <<<"$said")$(moved_on "$3"); ${UNTOUCHED:-}"
}

# Work out in SCRATCH/new every file that the series touches in the tree FROM, which is only read. After each of
# its steps, COMMAND is called with the entry.
# usage: compose FROM SCRATCH [COMMAND]
compose()
{
	local from=$1 new=$2/new entry path
	mkdir -p "$new"
	command -v patch >/dev/null || die "patch is missing: install it, on Debian with make packages"
	[ -s "$series" ] || die "$series is missing or empty: restore it from the repository"
	for entry in $(series_entries); do
		[ -f "$TOP/$entry" ] || die "series names $entry, which does not exist: add it or take it out of series"
		for path in $(patched_files "$entry"); do
			[ ! -e "$new/$path" ] || continue
			[ -f "$from/$path" ] || die "$entry does not apply: $path is not in $from; ${UNTOUCHED:-}"
			(cd "$from" && cp --parents "$path" "$new")
		done
		apply_entry "$entry" "$new" "$from"
		for path in $(overlay_files "$entry"); do
			[ -f "$TOP/$path" ] || die "$entry brings $path, which does not exist: add it or correct its Overlay line"
			(cd "$TOP" && cp --parents "$path" "$new")
		done
		[ -z "${3:-}" ] || "$3" "$entry"
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
