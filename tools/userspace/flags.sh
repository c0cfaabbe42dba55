# SPDX-License-Identifier: GPL-2.0
# Sourced, after lib.sh, by what compiles the driver's address space in user space: kernel sources as they are, with the
# kernel's own headers for that in tools/include, and what those lack in this folder.
# shellcheck shell=bash disable=SC2034

kernel=$BUILD/$BASE/linux
[ -f "$kernel/drivers/xen/unpopulated-space.c" ] || die "no patched tree in $kernel: run tools/tree"
space_sources=("$TOP/drivers/xen/unpopulated-space.c" "$kernel/kernel/range.c")
space_flags=(-g -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare
	"-I$TOP/tools/userspace" "-I$kernel/tools/include" -idirafter "$kernel/include")
sanitize=(-O1 -fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all)
