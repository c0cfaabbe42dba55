# SPDX-License-Identifier: GPL-2.0
# Compile parts of a tree in many ways, in folders of their own: other flags must not make the kernels that boot be
# built again. Sourced after lib.sh.
# shellcheck shell=bash
# shellcheck source=tools/lib.sh

cache=$(command -v ccache || :)

# A folder build/BASE/check-NAME with the configuration of a kernel that boots, that of x86_64 or arm64, changed by
# scripts/config and then made one of ARCH; sets make and obj.
# usage: prepare NAME TREE x86_64|arm64 ARCH CROSS_COMPILE|LLVM WORDS-OF-MAKE [OPTIONS-OF-SCRIPTS/CONFIG]...
prepare()
{
	local tree=$2 from=$3 config=$BUILD/$BASE/config-$3 words
	obj=$BUILD/$BASE/check-$1
	read -r -a words <<<"$6"
	make=(make -s -C "$tree" O="$obj" ARCH="$4" -j"$JOBS" "${words[@]}")
	case $5 in
	LLVM) make+=(LLVM=1 CC="$cache clang" KCFLAGS=-fno-caret-diagnostics) ;;
	*) make+=(CROSS_COMPILE="$5" CC="$cache ${5}gcc" KCFLAGS=-fno-diagnostics-show-caret) ;;
	esac
	shift 6

	# The folders of kernels that boot may have been built with other fragments since.
	ARCH=$from OBJ=$config IMAGE=none "$TOP/tools/kernel" || die "there is no configuration for $from: see the lines above"
	mkdir -p "$obj"
	cp "$config/.config" "$obj/.config.new"
	[ "$#" -eq 0 ] || "$tree/scripts/config" --file "$obj/.config.new" "$@"
	cmp -s "$obj/.config.new" "$obj/.config.used" || cp "$obj/.config.new" "$obj/.config"
	mv "$obj/.config.new" "$obj/.config.used"
	quietly "$obj/prepare.log" "${make[@]}" olddefconfig prepare
	# A warning is only said when an object is made.
	find "$obj/drivers/xen" "$obj"/arch/*/xen -name '*.o' -delete 2>/dev/null || :
}

# The flag that runs sparse, or nothing where the kernel says that this one is too old for it.
# usage: sparse_flag TREE
sparse_flag()
{
	local valid=$1/scripts/checker-valid.sh
	[ -f "$valid" ] && [ "$("$valid" sparse -m64)" != 1 ] || echo C=1
}

# Lines that are no news: what is said of stock files.
known=$TOP/tools/bases/$BASE/stock-warnings

# What the compiler and sparse say of TARGETs, without line numbers, and without sizes that go with the configuration.
# usage: says_of TREE TARGET...
says_of()
{
	local tree=$1
	shift
	"${make[@]}" -k "$@" 2>&1 | sed -E "s,$tree/,,; s/:[0-9]+(:[0-9]+)?: /: /; s/(between [0-9]+ and |up to )[0-9]+ bytes/\1N bytes/"
}

# The same, less what is known.
# usage: warnings TREE TARGET...
warnings()
{
	says_of "$@" | { grep -vxFf "$known" || :; }
}
