/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory maps, and what of them Xen unpopulated memory may use.
 *
 * The board of the first tables has RAM banks at 0x48000000, 0x500000000,
 * 0x600000000 and 0x700000000. Xen calculates its extended regions without an
 * IOMMU from unused RAM, with one from the holes of its device tree; the latter
 * were posted for regions of 2, 16 and 64 MiB and more, with guest-physical
 * addresses (IPA) of 40 bits. With 36 bits, the last region ends earlier.
 *
 * All ends are exclusive, as in kernel/range.c.
 */
#ifndef _XEN_UNPOPULATED_SPACE_CASES_H
#define _XEN_UNPOPULATED_SPACE_CASES_H

#include <linux/limits.h>
#include <linux/range.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include "../unpopulated-space.h"

#define SPACE_CASE_MAX	20	/* ranges, and the element that ends them */
#define SPACE_CASE_FEW	4

/* The linear map of arm64 with 48 bits: 128 TiB from RAM's first GiB on. */
#define ARM64_REACH	{ 0x40000000, 0x800040000000 }
#define ALL_REACH	{ 0, U64_MAX }
#define CLAIMED		"claimed"

struct space_left_out {
	u64 start;
	u64 end;
	const char *why;
};

/**
 * struct space_case - a memory map and what becomes of it
 * @name: of the case
 * @reach: where struct pages can be made
 * @offered: in any order
 * @claimed: what somebody else has
 * @usable: what remains, in order
 * @left_out: what does not, in the order in which it is found
 * @granule: what can be released must be a multiple of this
 * @releasable: bytes of that
 *
 * Arrays end at an element whose end is 0.
 */
struct space_case {
	const char *name;
	struct range reach;
	struct range offered[SPACE_CASE_MAX];
	struct range claimed[SPACE_CASE_FEW];
	struct range usable[SPACE_CASE_MAX];
	struct space_left_out left_out[SPACE_CASE_FEW];
	u64 granule;
	u64 releasable;
};

#define BOARD_WITHOUT_IOMMU {			\
		{ 0x48000000, 0x54000000 },	\
		{ 0x57000000, 0x60000000 },	\
		{ 0x70000000, 0x78000000 },	\
		{ 0x78200000, 0xc0000000 },	\
		{ 0x500000000, 0x580000000 },	\
		{ 0x600000000, 0x680000000 },	\
		{ 0x700000000, 0x780000000 },	\
	}

#define BOARD_HOLES_2M(end) {			\
		{ 0x40000000, 0x47e00000 },	\
		{ 0xc0000000, 0xe6000000 },	\
		{ 0xe7000000, 0xe7200000 },	\
		{ 0xe7400000, 0xe7600000 },	\
		{ 0xe7800000, 0xec000000 },	\
		{ 0xec200000, 0xec400000 },	\
		{ 0xec800000, 0xee000000 },	\
		{ 0xee600000, 0xee800000 },	\
		{ 0xeea00000, 0xf1000000 },	\
		{ 0xf1200000, 0xfd000000 },	\
		{ 0xfd200000, 0xfd800000 },	\
		{ 0xfda00000, 0xfe000000 },	\
		{ 0xfe200000, 0xfe600000 },	\
		{ 0xfec00000, 0xff800000 },	\
		{ 0x100000000, 0x500000000 },	\
		{ 0x580000000, 0x600000000 },	\
		{ 0x680000000, 0x700000000 },	\
		{ 0x780000000, end },		\
	}

#define BOARD_HOLES_16M(end) {			\
		{ 0x40000000, 0x47e00000 },	\
		{ 0xc0000000, 0xe6000000 },	\
		{ 0xe7800000, 0xec000000 },	\
		{ 0xec800000, 0xee000000 },	\
		{ 0xeea00000, 0xf1000000 },	\
		{ 0xf1200000, 0xfd000000 },	\
		{ 0x100000000, 0x500000000 },	\
		{ 0x580000000, 0x600000000 },	\
		{ 0x680000000, 0x700000000 },	\
		{ 0x780000000, end },		\
	}

#define BOARD_HOLES_64M(end) {			\
		{ 0x40000000, 0x47e00000 },	\
		{ 0xc0000000, 0xe6000000 },	\
		{ 0xe7800000, 0xec000000 },	\
		{ 0xf1200000, 0xfd000000 },	\
		{ 0x100000000, 0x500000000 },	\
		{ 0x580000000, 0x600000000 },	\
		{ 0x680000000, 0x700000000 },	\
		{ 0x780000000, end },		\
	}

static const struct space_case space_cases[] = {
	{
		.name = "board without IOMMU",
		.reach = ARM64_REACH,
		.offered = BOARD_WITHOUT_IOMMU,
		.usable = BOARD_WITHOUT_IOMMU,
		.granule = SZ_2M,
		.releasable = 0x1e4e00000,
	}, {
		.name = "board without IOMMU, 64K pages",
		.reach = ARM64_REACH,
		.offered = BOARD_WITHOUT_IOMMU,
		.usable = BOARD_WITHOUT_IOMMU,
		.granule = SZ_64M,
		.releasable = 0x1e0000000,
	}, {
		.name = "board with IOMMU, 2 MiB, 40 bits",
		.reach = ARM64_REACH,
		.offered = BOARD_HOLES_2M(0x10000000000),
		.usable = BOARD_HOLES_2M(0x10000000000),
		.granule = SZ_2M,
		.releasable = 0xfdc4600000,
	}, {
		.name = "board with IOMMU, 16 MiB, 40 bits",
		.reach = ARM64_REACH,
		.offered = BOARD_HOLES_16M(0x10000000000),
		.usable = BOARD_HOLES_16M(0x10000000000),
		.granule = SZ_2M,
		.releasable = 0xfdc2200000,
	}, {
		.name = "board with IOMMU, 64 MiB, 40 bits",
		.reach = ARM64_REACH,
		.offered = BOARD_HOLES_64M(0x10000000000),
		.usable = BOARD_HOLES_64M(0x10000000000),
		.granule = SZ_2M,
		.releasable = 0xfdbe400000,
	}, {
		.name = "board with IOMMU, 2 MiB, 36 bits",
		.reach = ARM64_REACH,
		.offered = BOARD_HOLES_2M(0x1000000000),
		.usable = BOARD_HOLES_2M(0x1000000000),
		.granule = SZ_2M,
		.releasable = 0xdc4600000,
	}, {
		.name = "board with IOMMU, 16 MiB, 36 bits",
		.reach = ARM64_REACH,
		.offered = BOARD_HOLES_16M(0x1000000000),
		.usable = BOARD_HOLES_16M(0x1000000000),
		.granule = SZ_2M,
		.releasable = 0xdc2200000,
	}, {
		.name = "board with IOMMU, 64 MiB, 36 bits",
		.reach = ARM64_REACH,
		.offered = BOARD_HOLES_64M(0x1000000000),
		.usable = BOARD_HOLES_64M(0x1000000000),
		.granule = SZ_2M,
		.releasable = 0xdbe400000,
	}, {
		.name = "board with IOMMU, 64 MiB, 36 bits, 64K pages",
		.reach = ARM64_REACH,
		.offered = BOARD_HOLES_64M(0x1000000000),
		.usable = BOARD_HOLES_64M(0x1000000000),
		.granule = SZ_64M,
		.releasable = 0xdb4000000,
	}, {
		.name = "board, kernel with a linear map of 36 bits",
		.reach = { 0x40000000, 0x840000000 },
		.offered = BOARD_HOLES_64M(0x10000000000),
		.usable = BOARD_HOLES_64M(0x840000000),
		.left_out = {
			{ 0x840000000, 0x10000000000, UNPOPULATED_ABOVE_REACH },
		},
		.granule = SZ_2M,
		.releasable = 0x5fe400000,
	}, {
		.name = "QEMU virt, RAM offered by mistake",
		.reach = ARM64_REACH,
		.offered = {
			{ 0x40400000, 0x60000000 },
			{ 0x5fe00000, 0x60100000 },
			{ 0x80000000, 0xc0000000 },
		},
		.claimed = { { 0x60000000, 0x80000000 } },
		.usable = {
			{ 0x40400000, 0x60000000 },
			{ 0x80000000, 0xc0000000 },
		},
		.left_out = { { 0x60000000, 0x60100000, CLAIMED } },
		.granule = SZ_2M,
		.releasable = 0x5fc00000,
	}, {
		.name = "RAM from 0 on, as ZynqMP",
		.reach = { 0, 0x800000000000 },
		.offered = {
			{ 0x800000000, 0x880000000 },
			{ 0, 0x20000000 },
			{ 0x60000000, 0x7fe00000 },
		},
		.claimed = { { 0x20000000, 0x60000000 } },
		.usable = {
			{ 0, 0x20000000 },
			{ 0x60000000, 0x7fe00000 },
			{ 0x800000000, 0x880000000 },
		},
		.granule = SZ_2M,
		.releasable = 0xbfe00000,
	}, {
		.name = "ZynqMP, dom0 in the upper bank",
		.reach = { 0x800000000, 0x8800000000 + 0x800000000 },
		.offered = {
			{ 0, 0x7fe00000 },
			{ 0x800000000, 0x820000000 },
		},
		.usable = { { 0x800000000, 0x820000000 } },
		.left_out = { { 0, 0x7fe00000, UNPOPULATED_BELOW_REACH } },
		.granule = SZ_2M,
		.releasable = 0x20000000,
	}, {
		.name = "PVH, host of 2 GiB",
		.reach = { 0, 0x400000000000 },
		.offered = { { 0x20061000, 0x7ffdf000 } },
		.claimed = {
			{ 0, 0x20061000 },
			{ 0x7ffdf000, 0x80000000 },
		},
		.usable = { { 0x20200000, 0x7fe00000 } },
		.left_out = {
			{ 0x20061000, 0x20200000, UNPOPULATED_NO_SUBSECTION },
			{ 0x7fe00000, 0x7ffdf000, UNPOPULATED_NO_SUBSECTION },
		},
		.granule = SZ_2M,
		.releasable = 0x5fc00000,
	}, {
		.name = "PVH, host of 8 GiB",
		.reach = { 0, 0x400000000000 },
		.offered = {
			{ 0x100000000, 0x280000000 },
			{ 0x20061000, 0x7ffdf000 },
		},
		.usable = {
			{ 0x20200000, 0x7fe00000 },
			{ 0x100000000, 0x280000000 },
		},
		.left_out = {
			{ 0x20061000, 0x20200000, UNPOPULATED_NO_SUBSECTION },
			{ 0x7fe00000, 0x7ffdf000, UNPOPULATED_NO_SUBSECTION },
		},
		.granule = SZ_2M,
		.releasable = 0x1dfc00000,
	}, {
		.name = "PV, around and beyond the end of its p2m",
		.reach = { 0, 0x8000000000 },
		.offered = {
			{ 0x10000000000, 0x10008000000 },
			{ 0x7ff8000000, 0x8008000000 },
			{ 0x8010000000, 0x8010200000 },
		},
		.usable = { { 0x7ff8000000, 0x8000000000 } },
		.left_out = {
			{ 0x8000000000, 0x8008000000, UNPOPULATED_ABOVE_REACH },
			{ 0x8010000000, 0x8010200000, UNPOPULATED_ABOVE_REACH },
			{ 0x10000000000, 0x10008000000, UNPOPULATED_ABOVE_REACH },
		},
		.granule = SZ_2M,
		.releasable = 0x8000000,
	}, {
		.name = "halves of a subsection",
		.reach = ALL_REACH,
		.offered = {
			{ 0x50100000, 0x50200000 },
			{ 0x40000000, 0x40100000 },
			{ 0x40100000, 0x40200000 },
		},
		.usable = { { 0x40000000, 0x40200000 } },
		.left_out = {
			{ 0x50100000, 0x50200000, UNPOPULATED_NO_SUBSECTION },
		},
		.granule = SZ_2M,
		.releasable = 0x200000,
	}, {
		.name = "a hole made by a device",
		.reach = ALL_REACH,
		.offered = { { 0x40000000, 0x40800000 } },
		.claimed = { { 0x40300000, 0x40301000 } },
		.usable = {
			{ 0x40000000, 0x40200000 },
			{ 0x40400000, 0x40800000 },
		},
		.left_out = {
			{ 0x40300000, 0x40301000, CLAIMED },
			{ 0x40200000, 0x40300000, UNPOPULATED_NO_SUBSECTION },
			{ 0x40301000, 0x40400000, UNPOPULATED_NO_SUBSECTION },
		},
		.granule = SZ_2M,
		.releasable = 0x600000,
	}, {
		.name = "the ends of the address space",
		.reach = ALL_REACH,
		.offered = {
			{ 0, 0x1000 },
			{ U64_MAX - 0x1000, U64_MAX },
			{ 0xffffffffff000000, 0xffffffffffe00000 },
		},
		.usable = { { 0xffffffffff000000, 0xffffffffffe00000 } },
		.left_out = {
			{ 0, 0x1000, UNPOPULATED_NO_SUBSECTION },
			{ U64_MAX - 0x1000, U64_MAX, UNPOPULATED_NO_SUBSECTION },
		},
		.granule = SZ_2M,
		.releasable = 0xe00000,
	}, {
		.name = "nothing is usable",
		.reach = ARM64_REACH,
		.offered = { { 0x80000000, 0xc0000000 } },
		.claimed = { { 0, U64_MAX } },
		.left_out = { { 0x80000000, 0xc0000000, CLAIMED } },
		.granule = SZ_2M,
	}, {
		.name = "nothing is offered",
		.reach = ARM64_REACH,
		.granule = SZ_2M,
	},
};

#endif /* _XEN_UNPOPULATED_SPACE_CASES_H */
