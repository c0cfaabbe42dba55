# SPDX-License-Identifier: GPL-2.0
# Sourced by dom0-disk.sh while the guest is up: a dma-buf of two of its grants, console and xenstore, once
# in unpopulated pages and once, with those failing by error injection, in RAM.
# shellcheck shell=dash disable=SC2154

# usage: dma_buffer NAME
dma_buffer()
{
	sample_pages "$1_before"
	gntdma 1 0 1 -- sh -c ". /job/dom0-lib.sh; sample_pages $1_during" >"$R/gntdma.$1" 2>&1 ||
		finish "gntdma failed: $(tail -n 1 "$R/gntdma.$1")"
	sample_pages "$1_after"
}

dma_buffer unpopulated

if inject xen_alloc_unpopulated_contiguous_pages 19 100; then
	dma_buffer ram
	note "injected $((100 - $(cat "$FAIL/times")))"
	inject_end
fi
say "dma-buf exported from unpopulated pages and from RAM"
