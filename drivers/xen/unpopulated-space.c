// SPDX-License-Identifier: GPL-2.0
/*
 * Xen unpopulated memory: the address space that regions are carved from.
 *
 * Architecture code offers ranges of guest-physical address space that hold
 * neither RAM nor devices, in any order, touching or overlapping. This file
 * merges them, leaves out what must not be used, and chooses the place of a new
 * region. It is arithmetic on ranges and knows neither Xen nor struct page.
 *
 * All addresses are in bytes, ends are exclusive as in kernel/range.c.
 */

#include <linux/align.h>
#include <linux/errno.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "unpopulated-space.h"

/* Make sure that @more further ranges fit. */
static int space_reserve(struct unpopulated_space *space, int more)
{
	int slots = space->nr + space->taken + more;
	struct range *ranges;

	if (slots <= space->slots)
		return 0;

	slots = max(slots, 2 * space->slots);
	ranges = kcalloc(slots, sizeof(*ranges), GFP_KERNEL);
	if (!ranges)
		return -ENOMEM;

	if (space->nr)
		memcpy(ranges, space->ranges, space->nr * sizeof(*ranges));
	kfree(space->ranges);
	space->ranges = ranges;
	space->slots = slots;
	return 0;
}

/**
 * unpopulated_space_add - offer a range of address space
 * @space: the space
 * @start: first byte
 * @end: the byte after the last one
 *
 * Return: 0, or -ENOMEM with @space as it was.
 */
int unpopulated_space_add(struct unpopulated_space *space, u64 start, u64 end)
{
	int ret = space_reserve(space, 1);

	if (ret)
		return ret;

	space->nr = add_range_with_merge(space->ranges, space->slots, space->nr,
					 start, end);
	sort_range(space->ranges, space->nr);
	return 0;
}

/**
 * unpopulated_space_remove - make a range of address space unavailable for good
 * @space: the space
 * @start: first byte
 * @end: the byte after the last one
 *
 * Return: 0, or -ENOMEM with @space as it was.
 */
int unpopulated_space_remove(struct unpopulated_space *space, u64 start,
			     u64 end)
{
	/* A range that is cut in two needs a slot for its second half. */
	int ret = space_reserve(space, 1);

	if (ret)
		return ret;

	subtract_range(space->ranges, space->slots, start, end);
	space->nr = clean_sort_range(space->ranges, space->slots);
	return 0;
}

/**
 * unpopulated_space_take - choose the place of a new region and take it
 * @space: the space
 * @min: size in bytes below which the place is of no use, a multiple of @align
 * @want: size in bytes that is aimed at, at least @min
 * @align: alignment in bytes of start and size, a power of two
 * @limit: the place has to end at or below this address
 * @taken: returns the place
 *
 * Takes the lowest place of @want bytes, so that regions lie side by side and
 * low addresses are used first. Where no range holds @want bytes, it is the
 * largest place of at least @min bytes.
 *
 * Return: 0; -ENODEV where there is no such place; -ENOMEM. On failure @space
 * is as it was.
 */
int unpopulated_space_take(struct unpopulated_space *space, u64 min, u64 want,
			   u64 align, u64 limit, struct range *taken)
{
	u64 best = 0;
	int i, ret;

	for (i = 0; i < space->nr && best < want; i++) {
		u64 start = ALIGN(space->ranges[i].start, align);
		u64 end = ALIGN_DOWN(min(space->ranges[i].end, limit), align);

		if (start >= end || end - start <= best)
			continue;

		best = end - start;
		taken->start = start;
		taken->end = start + min(best, want);
	}
	if (!best || best < min)
		return -ENODEV;

	/* One slot for a range cut in two, one for the way back. */
	ret = space_reserve(space, 2);
	if (ret)
		return ret;

	ret = unpopulated_space_remove(space, taken->start, taken->end);
	if (ret)
		return ret;

	space->taken++;
	return 0;
}

/**
 * unpopulated_space_give_back - return a range that was taken
 * @space: the space
 * @start: first byte
 * @end: the byte after the last one
 */
void unpopulated_space_give_back(struct unpopulated_space *space, u64 start,
				 u64 end)
{
	space->taken--;
	space->nr = add_range_with_merge(space->ranges, space->slots, space->nr,
					 start, end);
	sort_range(space->ranges, space->nr);
}

/**
 * unpopulated_space_size - how much can be taken altogether
 * @space: the space
 * @align: alignment in bytes of what is taken, a power of two
 *
 * Return: the number of bytes.
 */
u64 unpopulated_space_size(const struct unpopulated_space *space, u64 align)
{
	u64 size = 0;
	int i;

	for (i = 0; i < space->nr; i++) {
		u64 start = ALIGN(space->ranges[i].start, align);
		u64 end = ALIGN_DOWN(space->ranges[i].end, align);

		if (start < end)
			size += end - start;
	}
	return size;
}

/**
 * unpopulated_space_lose - a range that was taken will never be given back
 * @space: the space
 */
void unpopulated_space_lose(struct unpopulated_space *space)
{
	space->taken--;
}

/**
 * unpopulated_space_destroy - free what @space allocated
 * @space: the space, empty afterwards
 */
void unpopulated_space_destroy(struct unpopulated_space *space)
{
	kfree(space->ranges);
	*space = (struct unpopulated_space){};
}
