# SPDX-License-Identifier: GPL-2.0
# Sourced by the scripts in tools/: where things lie, how progress, results and errors look.
# shellcheck shell=bash

set -euo pipefail

# Messages of other programs are read here, and the kernel's make takes nothing from the make that ran us.
export LC_ALL=C.UTF-8
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$(realpath -m "${BUILD:-$TOP/build}")
BASE=${BASE:-6.12}
XEN=${XEN:-4.17}
# shellcheck disable=SC2034 # read by the scripts
DEBS=$BUILD/debs/$XEN
JOBS=${JOBS:-$(nproc)}

# One line that says what is wrong and what to do, then a failing exit.
die()
{
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# Progress: what is being done, with the seconds since the first step of this run.
: "${STEP_EPOCH:=$(date +%s)}"
export STEP_EPOCH
step()
{
	printf '[%4ds] %s\n' "$(($(date +%s) - STEP_EPOCH))" "$*"
}

# Run a noisy command with its output in a log; show the end of the log if it fails.
# usage: quietly LOG COMMAND...
quietly()
{
	local log=$1
	shift
	mkdir -p "$(dirname "$log")"
	if ! "$@" >"$log" 2>&1; then
		tail -n 25 "$log" >&2
		die "'$*' failed; the full log is ${log#"$TOP"/}"
	fi
}

# One named result in the form that tools/test counts. The command passes if it succeeds without a word.
# usage: check NAME COMMAND...; exit "$FAILED"
FAILED=0
# shellcheck disable=SC2034 # read by the scripts
check()
{
	local name=$1 said
	shift
	if said=$("$@" 2>&1) && [ -z "$said" ]; then
		printf 'ok %s\n' "$name"
	else
		printf 'not ok %s\n' "$name"
		printf '%s\n' "${said:-"'$*' failed without a word"}" | sed 's/^/    /'
		FAILED=1
	fi
}

# usage: need_space GIB DIR
need_space()
{
	local have
	mkdir -p "$2"
	have=$(df -P -BG "$2" | awk 'NR == 2 { print $4 + 0 }')
	[ "$have" -ge "$1" ] ||
		die "$have GiB free in $2, $1 GiB needed: free some, or set BUILD= to a folder on a larger disk"
}

# Boots that start at the same time share kernels and roots: they are prepared one after the other. Ends with `exec 8>&-`.
prepare_alone()
{
	mkdir -p "$BUILD"
	exec 8>"$BUILD/prepare.lock"
	flock -n 8 && return
	step "wait for another boot to be prepared"
	flock 8
}

# What every build of a kernel that boots passes to make, in $kbuild: with other values, make would build all of it again.
# usage: kbuild_variables CROSS_COMPILE
kbuild_variables()
{
	local cache
	cache=$(command -v ccache || :)
	# Depend mode spares the preprocessor run that a miss costs otherwise.
	export CCACHE_DEPEND=1
	# What one clone has compiled serves another.
	export CCACHE_BASEDIR=$BUILD
	# Whether pahole is there must not change a configuration; who wants it says so after this.
	# shellcheck disable=SC2034 # read by the scripts
	kbuild=(PAHOLE=none "CC=$cache ${1}gcc" "HOSTCC=$cache gcc"
		KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_USER=build KBUILD_BUILD_HOST=build)
}

# Both suites of unit tests in QEMU, without Xen; passes if both do. A kernel that hangs is as bad as one that dies.
# usage: run_suites KERNEL LOG SECONDS PARAMETERS [OPTION OF QEMU]...
run_suites()
{
	local kernel=$1 log=$2 limit=$3 parameters=$4
	shift 4
	timeout "$limit" qemu-system-x86_64 -accel tcg -m 2048 -display none -no-reboot -nodefaults -serial stdio "$@" \
		-kernel "$kernel" -append "console=ttyS0 kunit_shutdown=poweroff panic=-1 $parameters" </dev/null 2>&1 | tr -d '\r' >"$log" || :
	[ "$(grep -cE '^(\[ *[0-9.]+\] )?ok [0-9]+ xen_unpopulated_' "$log")" -eq 2 ]
}

# One base is one folder in tools/bases:
#   version          the stock kernel that the series was last tried on
#   replaced.diff    takes away the stock files that overlay files replace, as they were when that was decided
#   series           what is listed instead of /series, if anything differs; its variants lie beside it
#   suite            the suite of Debian whose newest linux-source it is; without, linux-source-BASE of the system's
#   kernel.config    what the fragments in tools/kconfig need in addition
#   served.FLAVOUR   where mappings of such a dom0 come from, if not from where they usually do
#   stock-warnings   what compilers say of stock files
basedir=$TOP/tools/bases/$BASE
[ -f "$basedir/version" ] || die "BASE=$BASE is not known: use one of: $(cd "$TOP/tools/bases" && echo *)"
# shellcheck disable=SC2034 # read by the scripts
suite=$(cat "$basedir/suite" 2>/dev/null) || :
