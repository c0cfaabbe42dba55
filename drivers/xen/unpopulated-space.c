// SPDX-License-Identifier: GPL-2.0
/*
 * Xen unpopulated memory: the address space that regions are carved from.
 *
 * Architecture code offers ranges of guest-physical address space that hold
 * neither RAM nor devices, in any order, touching or overlapping. This file
 * merges them, leaves out what must not be used and says why, and chooses the
 * place of a new region. It is arithmetic on ranges and knows neither Xen nor
 * struct page, so it also compiles in user space, for its tests and for tools.
 *
 * All addresses are in bytes, ends are exclusive as in kernel/range.c.
 */

#include <linux/align.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

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

static void say_left_out(const struct unpopulated_space *space, u64 start,
			 u64 end, const char *why)
{
	if (space->left_out)
		space->left_out(start, end, why);
}

/* The part of @range that ends at or below @limit and is aligned at both ends. */
static bool range_fits(const struct range *range, u64 align, u64 limit,
		       struct range *fit)
{
	fit->start = ALIGN(range->start, align);
	fit->end = ALIGN_DOWN(min(range->end, limit), align);

	/* The next multiple of @align may be beyond the last address there is. */
	return fit->start >= range->start && fit->start < fit->end;
}

/**
 * unpopulated_space_add - offer a range of address space
 * @space: the space
 * @start: first byte
 * @end: the byte after the last one
 *
 * An empty range is left out.
 *
 * Return: 0, or -ENOMEM with @space as it was.
 */
int unpopulated_space_add(struct unpopulated_space *space, u64 start, u64 end)
{
	int ret;

	if (start >= end) {
		say_left_out(space, start, end, UNPOPULATED_EMPTY);
		return 0;
	}

	ret = space_reserve(space, 1);
	if (ret)
		return ret;

	space->nr = add_range_with_merge(space->ranges, space->slots, space->nr,
					 start, end);
	sort_range(space->ranges, space->nr);
	return 0;
}

/**
 * unpopulated_space_add_entry - offer what an entry of a firmware table says
 * @space: the space
 * @start: first byte
 * @size: number of bytes
 *
 * An entry that is empty, or that goes on behind the last address, is left out.
 *
 * Return: 0, or -ENOMEM with @space as it was.
 */
int unpopulated_space_add_entry(struct unpopulated_space *space, u64 start,
				u64 size)
{
	if (size > U64_MAX - start) {
		say_left_out(space, start, start, UNPOPULATED_NO_RANGE);
		return 0;
	}
	return unpopulated_space_add(space, start, start + size);
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
 * unpopulated_space_leave_out - as unpopulated_space_remove(), and say why
 * @space: the space
 * @start: first byte
 * @end: the byte after the last one
 * @why: the reason
 *
 * Return: 0, or -ENOMEM with @space as it was.
 */
int unpopulated_space_leave_out(struct unpopulated_space *space, u64 start,
				u64 end, const char *why)
{
	int i, ret = space_reserve(space, 1);

	if (ret)
		return ret;

	for (i = 0; i < space->nr; i++) {
		u64 first = max(start, space->ranges[i].start);
		u64 last = min(end, space->ranges[i].end);

		if (first < last)
			say_left_out(space, first, last, why);
	}
	return unpopulated_space_remove(space, start, end);
}

/* Leave out what is no multiple of @align at either end of a range. */
static void space_trim(struct unpopulated_space *space, u64 align)
{
	int i;

	for (i = 0; i < space->nr; i++) {
		struct range *range = &space->ranges[i], whole;

		if (!range_fits(range, align, U64_MAX, &whole))
			whole = (struct range) { range->end, range->end };
		if (range->start < whole.start)
			say_left_out(space, range->start, whole.start,
				     UNPOPULATED_NO_SUBSECTION);
		if (whole.end < range->end)
			say_left_out(space, whole.end, range->end,
				     UNPOPULATED_NO_SUBSECTION);
		*range = whole.start < whole.end ? whole : (struct range){};
	}
	space->nr = clean_sort_range(space->ranges, space->slots);
}

/**
 * unpopulated_space_settle - leave out what no region can be in
 * @space: the space, all of it added
 * @reach: where struct pages can be made, its end exclusive
 * @align: the least that a region takes, in bytes, a power of two
 *
 * Only now, as two ranges that touch may hold what none of them does.
 *
 * Return: 0, or -ENOMEM with @space usable but not all left out.
 */
int unpopulated_space_settle(struct unpopulated_space *space,
			     const struct range *reach, u64 align)
{
	int ret;

	ret = unpopulated_space_leave_out(space, 0, reach->start,
					  UNPOPULATED_BELOW_REACH);
	if (ret)
		return ret;

	ret = unpopulated_space_leave_out(space, reach->end, U64_MAX,
					  UNPOPULATED_ABOVE_REACH);
	if (ret)
		return ret;

	space_trim(space, align);
	return 0;
}

/*
 * The lowest place of @want bytes that ends at or below @limit, else the largest
 * one. Returns its size, 0 for none.
 */
static u64 space_find(const struct unpopulated_space *space, u64 want,
		      u64 align, u64 limit, struct range *place)
{
	u64 best = 0;
	int i;

	for (i = 0; i < space->nr && best < want; i++) {
		struct range fit;

		if (!range_fits(&space->ranges[i], align, limit, &fit) ||
		    fit.end - fit.start <= best)
			continue;

		best = min(fit.end - fit.start, want);
		place->start = fit.start;
		place->end = fit.start + best;
	}
	return best;
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
 * largest place of at least @min bytes. What is below 4 GiB comes first even if
 * it is smaller: there are devices that reach no further.
 *
 * Return: 0; -ENODEV where there is no such place; -ENOMEM. On failure @space
 * is as it was.
 */
int unpopulated_space_take(struct unpopulated_space *space, u64 min, u64 want,
			   u64 align, u64 limit, struct range *taken)
{
	u64 size;
	int ret;

	size = space_find(space, want, align, min_t(u64, limit, SZ_4G), taken);
	if (!size || size < min)
		size = space_find(space, want, align, limit, taken);
	if (!size || size < min)
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
		struct range fit;

		if (range_fits(&space->ranges[i], align, U64_MAX, &fit))
			size += fit.end - fit.start;
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
