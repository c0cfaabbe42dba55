# SPDX-License-Identifier: GPL-2.0
# Sourced by the tests of the tools.
# shellcheck shell=bash

# shellcheck source=tools/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tools/series.sh
. "$TOP/tools/series.sh"

# What tools/test was asked for, if it runs these tests, is not asked of the one that they run.
unset BASES LANES MINUTES MORE SUITES

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The command fails and says why in one line of error that matches.
# usage: refuses PATTERN COMMAND...
refuses()
{
	local pattern=$1 said
	shift
	if said=$("$@" 2>&1); then
		echo "it succeeded: $said"
	elif [ "$(grep -c '^error: ' <<<"$said")" -ne 1 ] || ! grep -qE "^error: .*$pattern" <<<"$said"; then
		printf 'expected one line of error with "%s", got:\n%s\n' "$pattern" "$said"
	fi
}

# Names and contents of everything below a folder.
fingerprint()
{
	(cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum && find . | sort) | sha256sum
}

# usage: as_before FOLDER FINGERPRINT
as_before()
{
	[ "$(fingerprint "$1")" = "$2" ] || echo "$1 has changed"
}

# A repository with the real tools and a stock tree of three files. Two entries: one edits, adds and replaces, one edits.
# usage: toy_repository FOLDER
toy_repository()
{
	local stock=$1/build/$BASE/stock
	mkdir -p "$1/drivers/xen" "$stock/drivers/xen"
	cp -r "$TOP/tools" "$1/"
	# tools/source takes the toy for what the installed package holds.
	stat -c '%s %Y' "/usr/src/linux-source-$BASE.tar.xz" >"$stock.stamp" 2>/dev/null || :

	printf 'VERSION = %s\nPATCHLEVEL = %s\n' "${BASE%%.*}" "${BASE#*.}" >"$stock/Makefile"
	touch "$stock/Kbuild"
	printf '%s\n' one two three >"$stock/drivers/xen/a.c"
	cp "$stock/drivers/xen/a.c" "$stock/drivers/xen/b.c"
	echo '// SPDX-License-Identifier: GPL-2.0 from stock' >"$stock/drivers/xen/whole.c"
	(cd "$stock" && diff -u --label a/drivers/xen/whole.c --label /dev/null drivers/xen/whole.c /dev/null) \
		>"$1/tools/bases/$BASE/replaced.diff" || :

	echo '/* SPDX-License-Identifier: GPL-2.0 */' >"$1/drivers/xen/new.h"
	echo '// SPDX-License-Identifier: GPL-2.0' >"$1/drivers/xen/whole.c"
	toy_patch Kconfig.patch a 'Overlay: drivers/xen/new.h drivers/xen/whole.c' >"$1/Kconfig.patch"
	toy_patch drivers/xen/b.patch b 'A remark.' >"$1/drivers/xen/b.patch"
	printf '%s\n' '# first' Kconfig.patch '' drivers/xen/b.patch >"$1/series"
}

# usage: toy_patch NAME FILE COMMENTARY
toy_patch()
{
	printf '%s\n' "Subject: [PATCH] $1" '' 'A reason.' '---' "$3" '' "--- a/drivers/xen/$2.c" "+++ b/drivers/xen/$2.c" \
		'@@ -1,3 +1,3 @@' ' one' '-two' '+2' ' three'
}

# A git tree of the stock files that the series touches and of what mails are checked with, in a world in which git
# does not know who runs it. Files are to be in $stock and the series in $entries.
# usage: git_tree FOLDER
git_tree()
{
	local identity=(-c user.name="A Tester" -c user.email=tester@example.org)
	export GIT_CONFIG_GLOBAL=$work/gitconfig GIT_CONFIG_NOSYSTEM=1
	unset EMAIL "${!GIT_AUTHOR_@}" "${!GIT_COMMITTER_@}"

	# get_maintainer.pl knows a kernel tree by its folders.
	mkdir -p "$1"/{fs,init,ipc,kernel,lib}
	# shellcheck disable=SC2154 # the caller sets them
	(cd "$stock" && patched_files "${entries[@]}" | sort -u | xargs -d '\n' cp --parents -t "$1" \
		Makefile Kbuild MAINTAINERS CREDITS COPYING Kconfig README scripts/get_maintainer.pl)
	(cd "$stock" && replaced_files | xargs -d '\n' cp --parents -t "$1")
	git -C "$1" init -q
	git -C "$1" add -A
	git -C "$1" "${identity[@]}" commit -qm stock
}
