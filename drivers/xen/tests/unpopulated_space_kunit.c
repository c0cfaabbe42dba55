// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the address space of Xen unpopulated memory.
 *
 * Nothing here needs a kernel: tools/tests/space compiles this file, and what it
 * tests, in user space with sanitizers.
 */

#include <kunit/test.h>

#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mmzone.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "unpopulated_space_cases.h"

#define SUB	((u64)SUBSECTION_SIZE)

static struct unpopulated_space space;

/* What space.left_out() was told. */
static struct space_left_out left_out[64];
static unsigned int nr_left_out;

static void note_left_out(u64 start, u64 end, const char *why)
{
	if (nr_left_out < ARRAY_SIZE(left_out))
		left_out[nr_left_out] = (struct space_left_out) {
			start, end, why
		};
	nr_left_out++;
}

static u64 space_size(const struct unpopulated_space *space)
{
	u64 sum = 0;
	int i;

	for (i = 0; i < space->nr; i++)
		sum += space->ranges[i].end - space->ranges[i].start;
	return sum;
}

/* Memory maps */

enum space_order { IN_ORDER, REVERSED, TWICE, NR_ORDERS };

static void offer(struct kunit *test, const struct range *range)
{
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_space_add(&space, range->start,
					      range->end));
}

static void offer_case(struct kunit *test, const struct space_case *map,
		       enum space_order order)
{
	const struct range *claimed;
	int nr = 0, i;

	while (map->offered[nr].end)
		nr++;
	for (i = 0; i < nr; i++) {
		offer(test, &map->offered[order == REVERSED ? nr - 1 - i : i]);
		if (order == TWICE)
			offer(test, &map->offered[i]);
	}
	for (claimed = map->claimed; claimed->end; claimed++)
		KUNIT_ASSERT_EQ(test, 0,
				unpopulated_space_leave_out(&space,
							    claimed->start,
							    claimed->end,
							    CLAIMED));
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_space_settle(&space, &map->reach, SUB));
}

static void check_case(struct kunit *test, const struct space_case *map)
{
	int i;

	for (i = 0; i < space.nr; i++) {
		KUNIT_EXPECT_EQ(test, map->usable[i].start,
				space.ranges[i].start);
		KUNIT_EXPECT_EQ(test, map->usable[i].end, space.ranges[i].end);
	}
	KUNIT_EXPECT_EQ(test, 0, map->usable[i].end);

	KUNIT_ASSERT_LE(test, nr_left_out, SPACE_CASE_FEW - 1);
	for (i = 0; i < nr_left_out; i++) {
		KUNIT_EXPECT_EQ(test, map->left_out[i].start,
				left_out[i].start);
		KUNIT_EXPECT_EQ(test, map->left_out[i].end, left_out[i].end);
		KUNIT_EXPECT_STREQ(test, map->left_out[i].why ?: "used",
				   left_out[i].why);
	}
	KUNIT_EXPECT_EQ(test, 0, map->left_out[i].end);

	KUNIT_EXPECT_EQ(test, map->releasable,
			unpopulated_space_size(&space, map->granule));
}

static void space_case_name(const struct space_case *map, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", map->name);
}

KUNIT_ARRAY_PARAM(space_case, space_cases, space_case_name);

/* The order in which ranges come does not matter, nor how often. */
static void space_maps(struct kunit *test)
{
	enum space_order order;

	for (order = IN_ORDER; order < NR_ORDERS; order++) {
		offer_case(test, test->param_value, order);
		check_case(test, test->param_value);
		unpopulated_space_destroy(&space);
		space.left_out = note_left_out;
		nr_left_out = 0;
	}
}

/* What is empty, or ends before it starts, costs nothing else. */
static void space_backwards(struct kunit *test)
{
	unpopulated_space_add(&space, 2 * SUB, 2 * SUB);
	unpopulated_space_add(&space, 9 * SUB, 3 * SUB);
	unpopulated_space_add(&space, SUB, 2 * SUB);
	KUNIT_EXPECT_EQ(test, 2, nr_left_out);
	KUNIT_EXPECT_EQ(test, 9 * SUB, left_out[1].start);
	KUNIT_EXPECT_STREQ(test, UNPOPULATED_EMPTY, left_out[1].why);
	KUNIT_EXPECT_EQ(test, SUB, space_size(&space));
}

/* Nor does an entry that is empty, or goes on behind the last address. */
static void space_bad_entries(struct kunit *test)
{
	static const struct {
		u64 start;
		u64 size;
		const char *why;
	} bad[] = {
		{ 0, 0, UNPOPULATED_EMPTY },
		{ SUB, 0, UNPOPULATED_EMPTY },
		{ U64_MAX, 0, UNPOPULATED_EMPTY },
		{ U64_MAX, 1, UNPOPULATED_NO_RANGE },
		{ 0 - SUB, SUB, UNPOPULATED_NO_RANGE },
		{ 1, U64_MAX, UNPOPULATED_NO_RANGE },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ(test, 0,
				unpopulated_space_add_entry(&space,
							    bad[i].start,
							    bad[i].size));
		KUNIT_ASSERT_EQ(test, i + 1, nr_left_out);
		KUNIT_EXPECT_EQ(test, bad[i].start, left_out[i].start);
		KUNIT_EXPECT_EQ(test, bad[i].start, left_out[i].end);
		KUNIT_EXPECT_STREQ(test, bad[i].why, left_out[i].why);
	}
	unpopulated_space_add_entry(&space, 9 * SUB, 2 * SUB);
	unpopulated_space_add_entry(&space, 0 - 2 * SUB, SUB);
	KUNIT_EXPECT_EQ(test, ARRAY_SIZE(bad), nr_left_out);
	KUNIT_EXPECT_EQ(test, 3 * SUB, space_size(&space));
	KUNIT_EXPECT_EQ(test, 9 * SUB, space.ranges[0].start);
}

/* Calls */

static void space_empty(struct kunit *test)
{
	struct range taken;

	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_space_take(&space, SUB, SUB, SUB,
					       U64_MAX, &taken));
}

/* Ranges may come in any order, and what touches or overlaps becomes one. */
static void space_merges(struct kunit *test)
{
	static const struct range offered[] = {
		{ 6 * SUB, 8 * SUB }, { 2 * SUB, 4 * SUB },
		{ 4 * SUB, 5 * SUB }, { 5 * SUB - 1, 6 * SUB + 1 },
		{ 20 * SUB, 21 * SUB },
	};
	struct range taken;
	int i;

	for (i = 0; i < ARRAY_SIZE(offered); i++)
		KUNIT_ASSERT_EQ(test, 0,
				unpopulated_space_add(&space,
						      offered[i].start,
						      offered[i].end));
	KUNIT_EXPECT_EQ(test, 2, space.nr);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_space_take(&space, SUB, 6 * SUB, SUB,
					       U64_MAX, &taken));
	KUNIT_EXPECT_EQ(test, 2 * SUB, taken.start);
	KUNIT_EXPECT_EQ(test, 8 * SUB, taken.end);
}

/* Two halves of a subsection from two ranges make a whole one. */
static void space_unaligned(struct kunit *test)
{
	struct range taken;

	unpopulated_space_add(&space, SUB + SZ_4K, 2 * SUB - SZ_4K);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_space_take(&space, SUB, SUB, SUB,
					       U64_MAX, &taken));
	unpopulated_space_add(&space, 2 * SUB - SZ_4K, 3 * SUB + SZ_4K);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_space_take(&space, SUB, 4 * SUB, SUB,
					       U64_MAX, &taken));
	KUNIT_EXPECT_EQ(test, 2 * SUB, taken.start);
	KUNIT_EXPECT_EQ(test, 3 * SUB, taken.end);
}

static void space_lowest_first(struct kunit *test)
{
	struct range taken;

	unpopulated_space_add(&space, 100 * SUB, 200 * SUB);
	unpopulated_space_add(&space, 10 * SUB, 12 * SUB);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_space_take(&space, SUB, SUB, SUB,
					       U64_MAX, &taken));
	KUNIT_EXPECT_EQ(test, 10 * SUB, taken.start);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_space_take(&space, SUB, 2 * SUB, SUB,
					       U64_MAX, &taken));
	KUNIT_EXPECT_EQ(test, 100 * SUB, taken.start);
}

/* With nothing as large as wanted, the largest is taken, but never below min. */
static void space_largest(struct kunit *test)
{
	struct range taken;

	unpopulated_space_add(&space, 10 * SUB, 12 * SUB);
	unpopulated_space_add(&space, 20 * SUB, 25 * SUB);
	unpopulated_space_add(&space, 30 * SUB, 33 * SUB);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_space_take(&space, 6 * SUB, 8 * SUB,
					       SUB, U64_MAX, &taken));
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_space_take(&space, SUB, 8 * SUB, SUB,
					       U64_MAX, &taken));
	KUNIT_EXPECT_EQ(test, 20 * SUB, taken.start);
	KUNIT_EXPECT_EQ(test, 25 * SUB, taken.end);
}

/*
 * Below 4 GiB, less than is wanted will do. Where even the least does not fit
 * there, it is the lowest place as ever.
 */
static void space_low_before_high(struct kunit *test)
{
	static const struct {
		u64 min;
		struct range taken;
	} steps[] = {
		{ SUB, { 12 * SUB, 15 * SUB } },
		{ 3 * SUB, { SZ_4G - 2 * SUB, SZ_4G + 6 * SUB } },
		{ SUB, { 10 * SUB, 11 * SUB } },
		{ SUB, { 2 * SZ_4G, 2 * SZ_4G + 8 * SUB } },
	};
	struct range taken;
	int i;

	unpopulated_space_add(&space, 10 * SUB, 11 * SUB);
	unpopulated_space_add(&space, 12 * SUB, 15 * SUB);
	unpopulated_space_add(&space, SZ_4G - 2 * SUB, SZ_4G + 9 * SUB);
	unpopulated_space_add(&space, 2 * SZ_4G, 2 * SZ_4G + 20 * SUB);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		KUNIT_ASSERT_EQ(test, 0,
				unpopulated_space_take(&space, steps[i].min,
						       8 * SUB, SUB, U64_MAX,
						       &taken));
		KUNIT_EXPECT_EQ(test, steps[i].taken.start, taken.start);
		KUNIT_EXPECT_EQ(test, steps[i].taken.end, taken.end);
	}
}

static void space_limit(struct kunit *test)
{
	struct range taken;

	unpopulated_space_add(&space, 10 * SUB, 14 * SUB);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_space_take(&space, SUB, SUB, SUB,
					       11 * SUB - 1, &taken));
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_space_take(&space, SUB, 4 * SUB, SUB,
					       12 * SUB, &taken));
	KUNIT_EXPECT_EQ(test, 10 * SUB, taken.start);
	KUNIT_EXPECT_EQ(test, 12 * SUB, taken.end);
}

static void space_remove(struct kunit *test)
{
	struct range taken;

	unpopulated_space_add(&space, 10 * SUB, 14 * SUB);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_space_remove(&space, 11 * SUB + 1,
						 11 * SUB + 2));
	KUNIT_EXPECT_EQ(test, 2, space.nr);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_space_take(&space, SUB, 4 * SUB, SUB,
					       U64_MAX, &taken));
	KUNIT_EXPECT_EQ(test, 12 * SUB, taken.start);
	KUNIT_EXPECT_EQ(test, 14 * SUB, taken.end);
}

static void space_give_back(struct kunit *test)
{
	struct range taken[3];
	int i;

	unpopulated_space_add(&space, 10 * SUB, 13 * SUB);
	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, 0,
				unpopulated_space_take(&space, SUB, SUB,
						       SUB, U64_MAX,
						       &taken[i]));
	KUNIT_EXPECT_EQ(test, 0, space.nr);
	unpopulated_space_give_back(&space, taken[0].start, taken[0].end);
	unpopulated_space_give_back(&space, taken[2].start, taken[2].end);
	unpopulated_space_give_back(&space, taken[1].start, taken[1].end);
	KUNIT_EXPECT_EQ(test, 1, space.nr);
	KUNIT_EXPECT_EQ(test, 0, space.taken);
	KUNIT_EXPECT_EQ(test, 3 * SUB, space_size(&space));
}

/* Random calls against one bit for each of 64 subsections. */
static void space_random(struct kunit *test)
{
	struct range held[64];
	struct rnd_state rnd;
	unsigned int nr_held = 0;
	u64 model = 0;
	int step;

	prandom_seed_state(&rnd, 1);
	for (step = 0; step < 2000; step++) {
		unsigned int bit = prandom_u32_state(&rnd) % 64;
		unsigned int want = 1 + prandom_u32_state(&rnd) % 4;
		struct range taken;
		int ret, i;

		switch (prandom_u32_state(&rnd) % 4) {
		case 0:	/* offer a subsection that nobody holds */
			for (i = 0; i < nr_held; i++) {
				if (held[i].start <= bit * SUB &&
				    bit * SUB < held[i].end)
					break;
			}
			if (i < nr_held)
				break;
			unpopulated_space_add(&space, bit * SUB,
					      (bit + 1) * SUB);
			model |= BIT_ULL(bit);
			break;
		case 1:
			if (!nr_held)
				break;
			i = bit % nr_held;
			unpopulated_space_give_back(&space, held[i].start,
						    held[i].end);
			model |= GENMASK_ULL(held[i].end / SUB - 1,
					     held[i].start / SUB);
			held[i] = held[--nr_held];
			break;
		default:
			ret = unpopulated_space_take(&space, SUB,
						     want * SUB, SUB, U64_MAX,
						     &taken);
			KUNIT_ASSERT_EQ(test, model ? 0 : -ENODEV, ret);
			if (ret)
				break;
			held[nr_held++] = taken;
			for (i = taken.start / SUB; i < taken.end / SUB; i++) {
				KUNIT_ASSERT_TRUE(test, model & BIT_ULL(i));
				model &= ~BIT_ULL(i);
			}
		}
		KUNIT_ASSERT_EQ(test, hweight64(model) * SUB,
				space_size(&space));
		KUNIT_ASSERT_EQ(test, nr_held, space.taken);
		KUNIT_ASSERT_LE(test, space.nr, space.slots);
	}
}

/* What becomes of one page of the slow model below. */
enum page_fate { ABSENT, OFFERED, CLAIMED_PAGE, NR_FATES };

#define MODEL_PAGES	256
#define MODEL_BLOCK	8	/* pages that a region takes at least */

static enum page_fate model[MODEL_PAGES];

static bool model_usable(unsigned int page, const struct range *reach)
{
	unsigned int i, first = round_down(page, MODEL_BLOCK);

	for (i = first; i < first + MODEL_BLOCK; i++) {
		if (model[i] != OFFERED || i < reach->start || i >= reach->end)
			return false;
	}
	return true;
}

static unsigned int nr_ranges_with(const struct range *ranges, int nr, u64 page)
{
	unsigned int sum = 0;

	while (nr--)
		sum += ranges[nr].start <= page && page < ranges[nr].end;
	return sum;
}

static unsigned int nr_left_out_with(u64 page)
{
	unsigned int sum = 0, i;

	for (i = 0; i < nr_left_out; i++)
		sum += left_out[i].start <= page && page < left_out[i].end;
	return sum;
}

/*
 * Random ranges, page by page: what is offered is either usable, or was left out
 * in exactly one message.
 */
static void space_random_maps(struct kunit *test)
{
	struct rnd_state rnd;
	int round, i, page;

	prandom_seed_state(&rnd, 4);
	for (round = 0; round < 500; round++) {
		struct range reach = {
			.start = prandom_u32_state(&rnd) % 32,
			.end = MODEL_PAGES - prandom_u32_state(&rnd) % 32,
		};

		memset(model, 0, sizeof(model));
		nr_left_out = 0;
		for (i = 0; i < 12; i++) {
			enum page_fate fate = i < 9 ? OFFERED : CLAIMED_PAGE;
			u64 start = prandom_u32_state(&rnd) % MODEL_PAGES;
			u64 end = start + 1 + prandom_u32_state(&rnd) %
					      (MODEL_PAGES - start) / 4;

			for (page = start; page < end; page++) {
				if (fate == OFFERED || model[page] == OFFERED)
					model[page] = fate;
			}
			if (fate == OFFERED)
				unpopulated_space_add(&space, start, end);
			else
				unpopulated_space_leave_out(&space, start, end,
							    CLAIMED);
		}
		unpopulated_space_settle(&space, &reach, MODEL_BLOCK);
		KUNIT_ASSERT_LE(test, nr_left_out, ARRAY_SIZE(left_out));

		for (page = 0; page < MODEL_PAGES; page++) {
			bool usable = model_usable(page, &reach);

			KUNIT_ASSERT_EQ(test, usable,
					nr_ranges_with(space.ranges, space.nr,
						       page));
			KUNIT_ASSERT_EQ(test, model[page] && !usable,
					nr_left_out_with(page));
		}
		unpopulated_space_destroy(&space);
		space.left_out = note_left_out;
	}
}

/* The suite */

static int unpopulated_space_init(struct kunit *test)
{
	space = (struct unpopulated_space) { .left_out = note_left_out };
	nr_left_out = 0;
	return 0;
}

static void unpopulated_space_exit(struct kunit *test)
{
	unpopulated_space_destroy(&space);
}

static struct kunit_case unpopulated_space_kunit_cases[] = {
	KUNIT_CASE_PARAM(space_maps, space_case_gen_params),
	KUNIT_CASE(space_backwards),
	KUNIT_CASE(space_bad_entries),
	KUNIT_CASE(space_empty),
	KUNIT_CASE(space_merges),
	KUNIT_CASE(space_unaligned),
	KUNIT_CASE(space_lowest_first),
	KUNIT_CASE(space_largest),
	KUNIT_CASE(space_low_before_high),
	KUNIT_CASE(space_limit),
	KUNIT_CASE(space_remove),
	KUNIT_CASE(space_give_back),
	KUNIT_CASE(space_random),
	KUNIT_CASE(space_random_maps),
	{}
};

static struct kunit_suite unpopulated_space_suite = {
	.name = "xen_unpopulated_space",
	.init = unpopulated_space_init,
	.exit = unpopulated_space_exit,
	.test_cases = unpopulated_space_kunit_cases,
};

kunit_test_suite(unpopulated_space_suite);

MODULE_DESCRIPTION("KUnit tests of the address space of Xen unpopulated memory");
MODULE_LICENSE("GPL");
