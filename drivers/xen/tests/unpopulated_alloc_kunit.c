// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of Xen unpopulated memory.
 *
 * Each test has a pool of its own. Its boot memory is ordinary pages; its space
 * is a window in a hole of iomem_resource, where memremap_pages() makes real
 * struct pages that nothing is ever mapped into. No test makes a hypercall
 * without Xen, and all of them run in a domain as well.
 *
 * Regions of a PV domain cannot be unmade, so every test takes a fresh window.
 */

#include <kunit/test.h>

#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include <xen/page.h>
#include <xen/unpopulated-alloc.h>
#include <xen/xen.h>

#include "../unpopulated-pool.h"

#define NR_BOOT		500		/* pages of boot memory */
#define BOOT_SKIP	3		/* unaligned on purpose */
#define BOOT_ORDER	9
/* The least that comes and goes: a subsection, more where pages are large. */
#define SUB		unpopulated_release_granule(PAGE_SIZE, \
						    sizeof(struct page))
#define NR_SUBSECTION	PFN_DOWN(SUB)
#define WINDOW_SIZE	(32 * SUB)
#define NR_WINDOWS	96

/* Lock classes want static objects, and tests of a suite run one by one. */
static struct unpopulated_pool pool;
static struct unpopulated_cpu __percpu *cpus[2];

static struct resource windows = DEFINE_RES_MEM_NAMED(0, 0, "KUnit space");
static unsigned int next_window;

static struct page *boot_pages;		/* 1 << BOOT_ORDER of them */
static struct page *fallback[8];	/* the last resort */
static unsigned int nr_fallback;
static int fallback_ret;

static int fallback_alloc(unsigned int nr_pages, struct page **pages)
{
	if (fallback_ret)
		return fallback_ret;
	if (nr_pages > nr_fallback)
		return -ENOMEM;
	while (nr_pages--)
		*pages++ = fallback[--nr_fallback];
	return 0;
}

static void fallback_free(unsigned int nr_pages, struct page **pages)
{
	while (nr_pages--)
		fallback[nr_fallback++] = *pages++;
}

/*
 * The pool's work does nothing by itself, so that a test knows when regions come
 * and go: it calls unpopulated_pool_work() when it wants that.
 */
static int nr_woken;

static void note_work(struct work_struct *work)
{
	WRITE_ONCE(nr_woken, nr_woken + 1);
}

static void work_now(void)
{
	cancel_delayed_work_sync(&pool.work);
	unpopulated_pool_work(&pool.work.work);
	cancel_delayed_work_sync(&pool.work);
}

/* Windows */

static u64 window_start(void)
{
	return windows.start + (next_window - 1) * WINDOW_SIZE;
}

static unsigned long window_pfn(void)
{
	return PFN_DOWN(window_start());
}

static void use_space(struct kunit *test, u64 offset, u64 size)
{
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_space_add(&pool.space,
					      window_start() + offset,
					      window_start() + offset + size));
}

/* What the pool's space was told to leave out. */
static struct range left_out;		/* the first one */
static unsigned int nr_left_out;

static void note_left_out(u64 start, u64 end, const char *why)
{
	if (!nr_left_out++)
		left_out = (struct range) { start, end };
	pr_info("[%#llx-%#llx] not used: %s\n", start, end - 1, why);
}

/* Bytes of the window that are claimed. */
static u64 window_claimed(void)
{
	struct resource *res;
	u64 sum = 0;

	for (res = windows.child; res; res = res->sibling) {
		if (res->start >= window_start() &&
		    res->end < window_start() + WINDOW_SIZE)
			sum += resource_size(res);
	}
	return sum;
}

static u64 space_size(const struct unpopulated_space *space)
{
	u64 sum = 0;
	int i;

	for (i = 0; i < space->nr; i++)
		sum += space->ranges[i].end - space->ranges[i].start;
	return sum;
}

static void use_boot_memory(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, NR_BOOT,
			unpopulated_region_add_boot(&pool,
						    page_to_pfn(boot_pages) +
						    BOOT_SKIP, NR_BOOT));
}

static void unmake(struct unpopulated_region *region)
{
	mutex_lock(&pool.grow_lock);
	unpopulated_pool_remove(&pool, region);
	unpopulated_region_destroy(&pool, region);
	mutex_unlock(&pool.grow_lock);
}

static struct unpopulated_region *first_region(void)
{
	return rb_entry_safe(rb_first(&pool.regions),
			     struct unpopulated_region, node);
}

static struct page **page_array(struct kunit *test, unsigned int nr)
{
	struct page **pages = kunit_kcalloc(test, nr, sizeof(*pages),
					    GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pages);
	return pages;
}

/* All that must hold whenever no call is under way. */
static void check_pool(struct kunit *test, unsigned long nr_lent)
{
	unsigned long total = 0, nr_free = 0;
	unsigned int nr_regions = 0;
	struct rb_node *node;

	unpopulated_pool_gather(&pool);
	for (node = rb_first(&pool.regions); node; node = rb_next(node)) {
		struct unpopulated_region *region =
			rb_entry(node, struct unpopulated_region, node);
		unsigned long used = bitmap_weight(region->used,
						   region->nr_bits);
		unsigned long padding = region->nr_bits - region->nr_pages;

		KUNIT_EXPECT_EQ(test, region->nr_pages,
				region->nr_free + used - padding);
		KUNIT_EXPECT_EQ(test, !region->nr_free,
				hlist_unhashed(&region->list));
		KUNIT_EXPECT_TRUE(test, !region->hint ||
				  find_first_zero_bit(region->used,
						      region->nr_bits) >=
				  region->hint * BITS_PER_LONG);
		total += region->nr_pages;
		nr_free += region->nr_free;
		nr_regions++;
	}
	KUNIT_EXPECT_EQ(test, pool.nr_total, total);
	KUNIT_EXPECT_EQ(test, pool.nr_free, nr_free);
	KUNIT_EXPECT_EQ(test, pool.nr_regions, nr_regions);
	KUNIT_EXPECT_EQ(test, nr_lent, total - nr_free);
	KUNIT_EXPECT_EQ(test, 0, pool.nr_cpus);
	unpopulated_pool_gather_end(&pool);
}

/* Space; what is pure of it has a suite of its own. */

/*
 * What lies beyond what can be claimed at all is dropped, not tried forever nor
 * piece by piece. Where all addresses can, that is so for what cannot have struct
 * pages.
 */
static void space_beyond_iomem(struct kunit *test)
{
	u64 end = ALIGN(iomem_resource.end, SUB);
	struct page *page;

	if (!end)
		end = ALIGN(unpopulated_reach().end, SUB);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_space_add(&pool.space, end, end + 4 * SUB));
	KUNIT_EXPECT_EQ(test, -ENODEV, unpopulated_pool_alloc(&pool, 1, &page));
	KUNIT_EXPECT_EQ(test, 0, space_size(&pool.space));
	KUNIT_EXPECT_EQ(test, ALIGN(iomem_resource.end, SUB) ? 1 : 0,
			nr_left_out);
	KUNIT_EXPECT_LE(test, unpopulated_reach().end - 1, iomem_resource.end);
}

/* Allocation */

static void alloc_none(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, unpopulated_pool_alloc(&pool, 0, NULL));
	unpopulated_pool_free(&pool, 0, NULL);
	check_pool(test, 0);
}

static void alloc_too_many(struct kunit *test)
{
	use_boot_memory(test);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			unpopulated_pool_alloc(&pool, INT_MAX / PAGE_SIZE + 1,
					       NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			unpopulated_pool_alloc(&pool, UINT_MAX, NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			unpopulated_pool_alloc_run(&pool, UINT_MAX, ULONG_MAX,
						   NULL));
	check_pool(test, 0);
}

static void alloc_no_space(struct kunit *test)
{
	struct page *page;

	KUNIT_EXPECT_EQ(test, -ENODEV, unpopulated_pool_alloc(&pool, 1, &page));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_pool_alloc_run(&pool, 1, ULONG_MAX, &page));
	check_pool(test, 0);
}

/* One page more than all there is, boot memory and space together. */
static void alloc_more_than_all(struct kunit *test)
{
	unsigned int all = NR_BOOT + 4 * NR_SUBSECTION;
	struct page **pages = page_array(test, all + 1);

	use_boot_memory(test);
	use_space(test, 0, 4 * SUB);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_pool_alloc(&pool, all + 1, pages));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_pool_alloc_run(&pool, all + 1, ULONG_MAX,
						   pages));
	check_pool(test, 0);
	KUNIT_EXPECT_EQ(test, 0, unpopulated_pool_alloc(&pool, all, pages));
	check_pool(test, all);
}

static void alloc_all_or_nothing(struct kunit *test)
{
	struct page **pages = page_array(test, NR_BOOT + 1);

	use_boot_memory(test);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_pool_alloc(&pool, NR_BOOT + 1, pages));
	check_pool(test, 0);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc(&pool, NR_BOOT, pages));
	check_pool(test, NR_BOOT);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_pool_alloc(&pool, 1, pages + NR_BOOT));
	check_pool(test, NR_BOOT);
	unpopulated_pool_free(&pool, NR_BOOT, pages);
	check_pool(test, 0);
}

/* No page twice, and none from the padding around an unaligned region. */
static void alloc_distinct(struct kunit *test)
{
	struct page **pages = page_array(test, NR_BOOT);
	DECLARE_BITMAP(seen, 1 << BOOT_ORDER) = {};
	unsigned int i, nr, done;

	use_boot_memory(test);
	for (done = 0, nr = 1; done < NR_BOOT; done += nr, nr = nr * 3 % 100) {
		nr = min(nr, NR_BOOT - done);
		KUNIT_ASSERT_EQ(test, 0,
				unpopulated_pool_alloc(&pool, nr,
						       pages + done));
	}
	for (i = 0; i < NR_BOOT; i++) {
		unsigned long bit = page_to_pfn(pages[i]) -
				    page_to_pfn(boot_pages);

		KUNIT_ASSERT_GE(test, bit, BOOT_SKIP);
		KUNIT_ASSERT_LT(test, bit, BOOT_SKIP + NR_BOOT);
		KUNIT_EXPECT_FALSE(test, test_and_set_bit(bit, seen));
	}
	check_pool(test, NR_BOOT);
}

/* What the caller keeps in a page on loan stays while others come and go. */
static void alloc_leaves_struct_page_alone(struct kunit *test)
{
	struct page *pages[3], *kept;

	use_space(test, 0, WINDOW_SIZE);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 3, pages));
	kept = pages[1];
	kept->zone_device_data = test;
	unpopulated_pool_free(&pool, 1, &pages[0]);
	unpopulated_pool_free(&pool, 1, &pages[2]);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &pages[0]));
	KUNIT_EXPECT_PTR_EQ(test, (void *)test, kept->zone_device_data);
	KUNIT_EXPECT_EQ(test, 1, page_count(kept));
	unpopulated_pool_free(&pool, 1, &pages[0]);
	unpopulated_pool_free(&pool, 1, &kept);
	KUNIT_EXPECT_PTR_EQ(test, (void *)test, kept->zone_device_data);
	check_pool(test, 0);
}

/* Pages come from the region that has the fewest left, so that others empty. */
static void alloc_fullest_first(struct kunit *test)
{
	struct page **low = page_array(test, 128), **high = page_array(test, 128);
	unsigned long pfn = page_to_pfn(boot_pages);
	struct page *page;

	KUNIT_ASSERT_EQ(test, 128,
			unpopulated_region_add_boot(&pool, pfn, 128));
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 128, low));
	KUNIT_ASSERT_EQ(test, 128,
			unpopulated_region_add_boot(&pool, pfn + 256, 128));
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 128, high));

	/* The fuller one is neither the lower one nor the last to get pages. */
	unpopulated_pool_free(&pool, 10, high);
	unpopulated_pool_free(&pool, 100, low);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	KUNIT_EXPECT_GE(test, page_to_pfn(page), pfn + 256);
	check_pool(test, 256 - 110 + 1);
}

/* The next allocation of @nr pages is those of @expected, in this order. */
static void expect_pages(struct kunit *test, unsigned int nr,
			 struct page **expected)
{
	struct page **pages = page_array(test, nr);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, nr, pages));
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_PTR_EQ(test, expected[i], pages[i]);
}

/* All pages of a region that begins with a word, and with a leaf of the p2m. */
static void lend_region(struct kunit *test, unsigned int nr, struct page **pages)
{
	use_space(test, 0, nr * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, nr, pages));
	KUNIT_ASSERT_EQ(test, 1, pool.nr_regions);
	KUNIT_ASSERT_EQ(test, 0, first_region()->first_bit);
}

/* Many pages are neighbours where there are free words in a row. */
static void alloc_in_a_row(struct kunit *test)
{
	unsigned int word = BITS_PER_LONG, nr = 2 * NR_SUBSECTION;
	struct page **pages = page_array(test, nr);

	lend_region(test, nr, pages);

	/* Not from word 0, which is too little. */
	unpopulated_pool_free(&pool, word, pages);
	unpopulated_pool_free(&pool, 2 * word, pages + 4 * word);
	expect_pages(test, 2 * word, pages + 4 * word);

	/* A part of a word, too, if it is the next. */
	unpopulated_pool_free(&pool, 2 * word, pages + 4 * word);
	expect_pages(test, word + 22, pages + 4 * word);
	expect_pages(test, word, pages);

	/* And if others have the rest of it. */
	unpopulated_pool_free(&pool, 20, pages + word);
	unpopulated_pool_free(&pool, word + 22, pages + 6 * word);
	expect_pages(test, word + 22, pages + 6 * word);
	check_pool(test, nr - (word - 22) - 20);
}

/* Frees */

static void free_any_order(struct kunit *test)
{
	struct page **pages = page_array(test, NR_BOOT);
	struct rnd_state rnd;
	unsigned int i, other;

	use_boot_memory(test);
	prandom_seed_state(&rnd, 2);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc(&pool, NR_BOOT, pages));
	for (i = NR_BOOT - 1; i; i--) {
		other = prandom_u32_state(&rnd) % (i + 1);
		swap(pages[i], pages[other]);
	}
	unpopulated_pool_free(&pool, NR_BOOT / 2, pages);
	check_pool(test, NR_BOOT - NR_BOOT / 2);
	unpopulated_pool_free(&pool, NR_BOOT - NR_BOOT / 2,
			      pages + NR_BOOT / 2);
	check_pool(test, 0);
	KUNIT_EXPECT_EQ(test, 0, pool.nr_refused);
}

static void free_twice(struct kunit *test)
{
	struct page *pages[4], *again[4];

	use_boot_memory(test);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 4, pages));
	unpopulated_pool_free(&pool, 1, &pages[1]);
	/* Page 1 is free already; its neighbours in the call are not. */
	unpopulated_pool_free(&pool, 4, pages);
	KUNIT_EXPECT_EQ(test, 1, pool.nr_refused);
	check_pool(test, 0);

	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 2, pages));
	again[0] = pages[0];
	again[1] = pages[0];
	unpopulated_pool_free(&pool, 2, again);
	KUNIT_EXPECT_EQ(test, 2, pool.nr_refused);
	check_pool(test, 1);
}

static void free_of_stranger(struct kunit *test)
{
	struct page *pages[3];

	use_boot_memory(test);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 2, pages));
	/* The page below the region, which its bitmap has a bit for. */
	pages[2] = pages[1];
	pages[1] = boot_pages + BOOT_SKIP - 1;
	unpopulated_pool_free(&pool, 3, pages);
	KUNIT_EXPECT_EQ(test, 1, pool.nr_refused);
	KUNIT_EXPECT_EQ(test, 0, pool.nr_leaked);
	check_pool(test, 0);
}

static void free_while_mapped(struct kunit *test)
{
	struct page *pages[5];

	use_boot_memory(test);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 5, pages));
	SetPageForeign(pages[2]);
	unpopulated_pool_free(&pool, 5, pages);
	KUNIT_EXPECT_EQ(test, 1, pool.nr_refused);
	KUNIT_EXPECT_EQ(test, 1, pool.nr_leaked);
	check_pool(test, 1);

	/* It never comes back while it maps a grant, and does when it does not. */
	ClearPageForeign(pages[2]);
	unpopulated_pool_free(&pool, 1, &pages[2]);
	KUNIT_EXPECT_EQ(test, 1, pool.nr_refused);
	check_pool(test, 0);
}

static void owns(struct kunit *test)
{
	unsigned long pfn = page_to_pfn(boot_pages) + BOOT_SKIP;

	use_boot_memory(test);
	KUNIT_EXPECT_FALSE(test, unpopulated_pool_owns(&pool, pfn - 1));
	KUNIT_EXPECT_TRUE(test, unpopulated_pool_owns(&pool, pfn));
	KUNIT_EXPECT_TRUE(test,
			  unpopulated_pool_owns(&pool, pfn + NR_BOOT - 1));
	KUNIT_EXPECT_FALSE(test, unpopulated_pool_owns(&pool, pfn + NR_BOOT));
	KUNIT_EXPECT_FALSE(test, unpopulated_pool_owns(&pool, 0));
	KUNIT_EXPECT_FALSE(test, unpopulated_pool_owns(&pool, ULONG_MAX));
}

/* Contiguous runs */

static void run_is_ascending(struct kunit *test)
{
	struct page *pages[100];
	unsigned int i;

	use_boot_memory(test);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc_run(&pool, 100, ULONG_MAX,
						   pages));
	for (i = 1; i < 100; i++)
		KUNIT_EXPECT_EQ(test, page_to_pfn(pages[0]) + i,
				page_to_pfn(pages[i]));
	check_pool(test, 100);
}

static const unsigned int run_lengths[] = { 1, 2, 16, 64, 100, 256, 512, 1024 };

static void run_length_name(const unsigned int *nr, char *name)
{
	sprintf(name, "%u pages", *nr);
}

KUNIT_ARRAY_PARAM(run, run_lengths, run_length_name);

/* Powers of two are aligned to their size, up to 2 MiB. */
static void run_alignment(struct kunit *test)
{
	unsigned int nr = *(const unsigned int *)test->param_value;
	struct page **pages = page_array(test, nr), *single;
	unsigned long align = 1;

	if (is_power_of_2(nr))
		align = min_t(unsigned long, nr, SZ_2M >> PAGE_SHIFT);

	use_space(test, 0, WINDOW_SIZE);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &single));
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc_run(&pool, nr, ULONG_MAX,
						   pages));
	KUNIT_EXPECT_EQ(test, 0, page_to_pfn(pages[0]) % align);
	check_pool(test, nr + 1);
	unpopulated_pool_free(&pool, 1, &single);
	unpopulated_pool_free(&pool, nr, pages);
	check_pool(test, 0);
}

static void run_below_limit(struct kunit *test)
{
	unsigned long first = page_to_pfn(boot_pages) + BOOT_SKIP;
	struct page *pages[4];

	use_boot_memory(test);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_pool_alloc_run(&pool, 3, first + 2, pages));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_pool_alloc_run(&pool, 3, 0, pages));
	check_pool(test, 0);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc_run(&pool, 3, first + 3, pages));
	KUNIT_EXPECT_EQ(test, first, page_to_pfn(pages[0]));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_pool_alloc_run(&pool, 1, first + 3,
						   pages + 3));
	check_pool(test, 3);
}

/* Growth for a run keeps to the limit too. */
static void run_grows_below_limit(struct kunit *test)
{
	struct page **pages = page_array(test, 2 * NR_SUBSECTION);
	unsigned long limit;

	use_space(test, 0, WINDOW_SIZE);
	limit = window_pfn() + 2 * NR_SUBSECTION;
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_pool_alloc_run(&pool, 2 * NR_SUBSECTION,
						   limit - 1, pages));
	KUNIT_EXPECT_EQ(test, 0, window_claimed());
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc_run(&pool, 2 * NR_SUBSECTION,
						   limit, pages));
	KUNIT_EXPECT_EQ(test, window_pfn(), page_to_pfn(pages[0]));
	check_pool(test, 2 * NR_SUBSECTION);
}

static void run_of_none(struct kunit *test)
{
	use_boot_memory(test);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			unpopulated_pool_alloc_run(&pool, 0, ULONG_MAX, NULL));
	check_pool(test, 0);
}

/*
 * What a device does not reach is not for it, by its mask or by its bus; this is
 * the pool of the domain, if there is one. Without bound, it may have a page.
 */
static void run_below_device(struct kunit *test)
{
	u64 mask = SZ_4K - 1;
	struct device device = { .dma_mask = &mask };
	struct page *page;

	KUNIT_EXPECT_EQ(test, -ENODEV,
			xen_alloc_unpopulated_contiguous_pages(&device, 1,
							       &page));
	mask = U64_MAX;
	device.bus_dma_limit = SZ_4K - 1;
	KUNIT_EXPECT_EQ(test, -ENODEV,
			xen_alloc_unpopulated_contiguous_pages(&device, 1,
							       &page));
	device.bus_dma_limit = 0;
	if (xen_alloc_unpopulated_contiguous_pages(&device, 1, &page))
		return;
	KUNIT_EXPECT_TRUE(test, is_xen_unpopulated_page(page));
	xen_free_unpopulated_contiguous_pages(&device, 1, &page);
}

/* Enough free pages, but no two of them are neighbours. */
static void run_in_fragments(struct kunit *test)
{
	struct page **pages = page_array(test, NR_BOOT), *pair[2];
	unsigned int i;

	use_boot_memory(test);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc_run(&pool, NR_BOOT, ULONG_MAX,
						   pages));
	for (i = 0; i < NR_BOOT; i += 2)
		unpopulated_pool_free(&pool, 1, &pages[i]);
	check_pool(test, NR_BOOT / 2);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_pool_alloc_run(&pool, 2, ULONG_MAX, pair));
	KUNIT_EXPECT_EQ(test, 0, unpopulated_pool_alloc(&pool, 2, pair));
	check_pool(test, NR_BOOT / 2 + 2);
}

/* Contiguous pages may go back one by one, and singles in runs. */
static void run_and_singles_mix(struct kunit *test)
{
	struct page *run[64], *singles[64];
	unsigned int i;

	use_boot_memory(test);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc_run(&pool, 64, ULONG_MAX, run));
	for (i = 0; i < 64; i++)
		KUNIT_ASSERT_EQ(test, 0,
				unpopulated_pool_alloc(&pool, 1, &singles[i]));
	for (i = 0; i < 64; i += 2)
		unpopulated_pool_free(&pool, 1, &run[i]);
	unpopulated_pool_free(&pool, 64, singles);
	for (i = 1; i < 64; i += 2)
		unpopulated_pool_free(&pool, 1, &run[i]);
	check_pool(test, 0);
	KUNIT_EXPECT_EQ(test, 0, pool.nr_refused);
}

/* The last resort */

static void last_resort_mixture(struct kunit *test)
{
	struct page **pages = page_array(test, NR_BOOT + 8);

	use_boot_memory(test);
	pool.last_resort_alloc = fallback_alloc;
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc(&pool, NR_BOOT, pages + 4));
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 4, pages));
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc(&pool, 4, pages + NR_BOOT + 4));
	KUNIT_EXPECT_EQ(test, 8, atomic_long_read(&pool.nr_last_resort));
	KUNIT_EXPECT_EQ(test, 0, nr_fallback);
	KUNIT_EXPECT_FALSE(test,
			   unpopulated_pool_owns(&pool, page_to_pfn(pages[0])));
	swap(pages[1], pages[100]);

	unpopulated_pool_free(&pool, NR_BOOT + 8, pages);
	KUNIT_EXPECT_EQ(test, 8, nr_fallback);
	KUNIT_EXPECT_EQ(test, 0, atomic_long_read(&pool.nr_last_resort));
	KUNIT_EXPECT_EQ(test, 0, pool.nr_refused);
	check_pool(test, 0);
}

static void last_resort_fails(struct kunit *test)
{
	struct page *pages[16];

	pool.last_resort_alloc = fallback_alloc;
	fallback_ret = -EBUSY;
	KUNIT_EXPECT_EQ(test, -EBUSY, unpopulated_pool_alloc(&pool, 1, pages));
	fallback_ret = 0;
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			unpopulated_pool_alloc(&pool, 16, pages));
	KUNIT_EXPECT_EQ(test, 8, nr_fallback);
	KUNIT_EXPECT_TRUE(test, xa_empty(&pool.last_resort));
}

/* A page that comes twice is on loan once, and those that came with it go back. */
static void last_resort_twice(struct kunit *test)
{
	struct page *page, *other = fallback[4], *pages[3];

	pool.last_resort_alloc = fallback_alloc;
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	fallback[4] = page;
	KUNIT_EXPECT_EQ(test, -EBUSY, unpopulated_pool_alloc(&pool, 3, pages));
	KUNIT_EXPECT_EQ(test, 7, nr_fallback);
	KUNIT_EXPECT_EQ(test, 1, atomic_long_read(&pool.nr_last_resort));
	/* They went back in reverse order. */
	KUNIT_EXPECT_PTR_EQ(test, page, fallback[6]);
	fallback[6] = other;

	unpopulated_pool_free(&pool, 1, &page);
	KUNIT_EXPECT_EQ(test, 0, pool.nr_refused);
	KUNIT_EXPECT_EQ(test, 8, nr_fallback);
	KUNIT_EXPECT_TRUE(test, xa_empty(&pool.last_resort));
}

/* What was allocated before there was space goes back to where it is from. */
static void last_resort_before_space(struct kunit *test)
{
	struct page *early, *late;

	pool.last_resort_alloc = fallback_alloc;
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &early));
	use_boot_memory(test);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &late));
	KUNIT_EXPECT_TRUE(test,
			  unpopulated_pool_owns(&pool, page_to_pfn(late)));
	unpopulated_pool_free(&pool, 1, &early);
	KUNIT_EXPECT_EQ(test, 8, nr_fallback);
	check_pool(test, 1);
}

static void last_resort_misuse(struct kunit *test)
{
	struct page *page;

	pool.last_resort_alloc = fallback_alloc;
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	SetPageForeign(page);
	unpopulated_pool_free(&pool, 1, &page);
	KUNIT_EXPECT_EQ(test, 1, pool.nr_leaked);
	KUNIT_EXPECT_EQ(test, 7, nr_fallback);
	ClearPageForeign(page);
	unpopulated_pool_free(&pool, 1, &page);
	KUNIT_EXPECT_EQ(test, 8, nr_fallback);
	unpopulated_pool_free(&pool, 1, &page);
	KUNIT_EXPECT_EQ(test, 8, nr_fallback);
	KUNIT_EXPECT_EQ(test, 2, pool.nr_refused);
}

/* Growth */

static void grow_starts_small(struct kunit *test)
{
	struct unpopulated_region *region;
	struct page *page;

	use_space(test, 0, WINDOW_SIZE);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	region = first_region();
	KUNIT_EXPECT_EQ(test, NR_SUBSECTION, region->nr_pages);
	KUNIT_EXPECT_EQ(test, window_pfn(), region->start_pfn);
	KUNIT_EXPECT_EQ(test, window_pfn(), page_to_pfn(page));
	KUNIT_EXPECT_PTR_EQ(test, &windows, region->res.parent);
	KUNIT_EXPECT_STREQ(test, "Xen scratch", region->res.name);
	KUNIT_EXPECT_TRUE(test, is_zone_device_page(page));
	KUNIT_EXPECT_EQ(test, 1, pool.nr_waited);
	check_pool(test, 1);
}

/* 2, 4, 8 and 16 MiB, side by side. */
static void grow_doubles(struct kunit *test)
{
	unsigned long nr = 15 * NR_SUBSECTION, pfn, i;
	struct page **pages = page_array(test, nr);
	u64 size = SUB;
	struct rb_node *node;

	use_space(test, 0, WINDOW_SIZE);
	for (i = 0; i < nr; i += NR_SUBSECTION / 2)
		KUNIT_ASSERT_EQ(test, 0,
				unpopulated_pool_alloc(&pool, NR_SUBSECTION / 2,
						       pages + i));
	KUNIT_EXPECT_EQ(test, 4, pool.nr_grown);
	pfn = window_pfn();
	for (node = rb_first(&pool.regions); node; node = rb_next(node)) {
		struct unpopulated_region *region =
			rb_entry(node, struct unpopulated_region, node);

		KUNIT_EXPECT_EQ(test, pfn, region->start_pfn);
		KUNIT_EXPECT_EQ(test, size, (u64)region->nr_pages << PAGE_SHIFT);
		pfn += region->nr_pages;
		size *= 2;
	}
	check_pool(test, nr);
}

static void grow_for_big_request(struct kunit *test)
{
	unsigned long nr = 3 * NR_SUBSECTION + 1;
	struct page **pages = page_array(test, nr);

	use_space(test, 0, WINDOW_SIZE);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, nr, pages));
	KUNIT_EXPECT_EQ(test, 1, pool.nr_grown);
	KUNIT_EXPECT_EQ(test, 4 * NR_SUBSECTION, first_region()->nr_pages);
	check_pool(test, nr);
}

/* A request that no single range holds is served from several. */
static void grow_over_ranges(struct kunit *test)
{
	struct page **pages = page_array(test, 3 * NR_SUBSECTION + 1);

	use_space(test, 0, SUB);
	use_space(test, 4 * SUB, 2 * SUB);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_pool_alloc_run(&pool, 3 * NR_SUBSECTION,
						   ULONG_MAX, pages));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_pool_alloc(&pool, 3 * NR_SUBSECTION + 1,
					       pages));
	check_pool(test, 0);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc(&pool, 3 * NR_SUBSECTION, pages));
	KUNIT_EXPECT_EQ(test, 2, pool.nr_grown);
	check_pool(test, 3 * NR_SUBSECTION);
}

/*
 * What somebody else claimed is stepped around, and costs only itself. It takes
 * one line, and one more for what is too little on either side.
 */
static void grow_around_conflict(struct kunit *test)
{
	struct resource other = DEFINE_RES_MEM_NAMED(window_start() + SUB + SZ_4K,
						     4 * SUB - 2 * SZ_4K,
						     "KUnit conflict");
	struct page **pages = page_array(test, 4 * NR_SUBSECTION);
	int ret;

	other.flags |= IORESOURCE_BUSY;
	KUNIT_ASSERT_EQ(test, 0, request_resource(&windows, &other));
	use_space(test, 0, 7 * SUB);
	ret = unpopulated_pool_alloc(&pool, 3 * NR_SUBSECTION, pages);
	KUNIT_EXPECT_EQ(test, 0, ret);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_pool_alloc(&pool, 1,
					       pages + 3 * NR_SUBSECTION));
	KUNIT_EXPECT_FALSE(test,
			   unpopulated_pool_owns(&pool, PFN_DOWN(other.start)));
	KUNIT_EXPECT_EQ(test, 3, nr_left_out);
	KUNIT_EXPECT_EQ(test, other.start, left_out.start);
	KUNIT_EXPECT_EQ(test, other.end + 1, left_out.end);
	KUNIT_EXPECT_EQ(test, 0, space_size(&pool.space));
	release_resource(&other);
	check_pool(test, 3 * NR_SUBSECTION);
}

/* A place across an end of a node of the space does not cost all of the node. */
static void grow_across_nodes(struct kunit *test)
{
	struct resource node = DEFINE_RES_MEM_NAMED(window_start(), 3 * SUB,
						    windows.name);
	struct page **pages = page_array(test, 2 * NR_SUBSECTION);

	KUNIT_ASSERT_EQ(test, 0, request_resource(&windows, &node));
	use_space(test, 0, SUB);
	use_space(test, 2 * SUB, 2 * SUB);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_pool_alloc_run(&pool, 2 * NR_SUBSECTION,
						   ULONG_MAX, pages));
	release_resource(&node);
	KUNIT_EXPECT_EQ(test, 2 * SUB, space_size(&pool.space));
	KUNIT_EXPECT_EQ(test, 1, nr_left_out);
	KUNIT_EXPECT_EQ(test, window_start() + 2 * SUB, left_out.start);
	KUNIT_EXPECT_EQ(test, window_start() + 3 * SUB, left_out.end);
}

/* A node is somebody's, busy or not, unless the space was made from it. */
static void grow_in_node(struct kunit *test)
{
	struct resource window = DEFINE_RES_MEM_NAMED(window_start(), SUB,
						      "KUnit window");
	struct resource *node = kmemdup(&window, sizeof(window), GFP_KERNEL);
	struct page *page;

	KUNIT_ASSERT_NOT_NULL(test, node);
	KUNIT_ASSERT_EQ(test, 0, request_resource(&windows, node));

	use_space(test, 0, SUB);
	KUNIT_EXPECT_EQ(test, -ENODEV, unpopulated_pool_alloc(&pool, 1, &page));
	KUNIT_EXPECT_EQ(test, 0, space_size(&pool.space));

	node->name = windows.name;
	node->flags |= IORESOURCE_BUSY;
	use_space(test, 0, SUB);
	KUNIT_EXPECT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	KUNIT_EXPECT_PTR_EQ(test, node, first_region()->res.parent);
	check_pool(test, 1);
	unpopulated_pool_free(&pool, 1, &page);

	/* Where the region stays for good, so does the node that it lies in. */
	if (!unpopulated_region_is_permanent(first_region())) {
		unmake(first_region());
		release_resource(node);
		kfree(node);
	}
}

struct failing_step {
	enum unpopulated_step step;
	const char *name;
	bool keeps_claim_on_pv;
};

static const struct failing_step failing_steps[] = {
	{ UNPOPULATED_STEP_ALLOC, "alloc", false },
	{ UNPOPULATED_STEP_CLAIM, "claim", false },
	{ UNPOPULATED_STEP_P2M, "p2m", true },
	{ UNPOPULATED_STEP_MAP, "map", true },
};

static void failing_step_name(const struct failing_step *step, char *name)
{
	strscpy(name, step->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(failing_step, failing_steps, failing_step_name);

/* Each step of making a region fails once; nothing of it is left behind. */
static void grow_fails(struct kunit *test)
{
	const struct failing_step *failing = test->param_value;
	bool kept = failing->keeps_claim_on_pv && xen_pv_domain();
	struct page *page;

	use_space(test, 0, WINDOW_SIZE);
	pool.fail_step = failing->step;
	pool.fail_errno = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -ENOMEM, unpopulated_pool_alloc(&pool, 1, &page));
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			unpopulated_pool_alloc_run(&pool, 1, ULONG_MAX, &page));
	check_pool(test, 0);
	/* On PV the first range is kept aside, but tried again and not lost. */
	KUNIT_EXPECT_EQ(test, kept ? SUB : 0, window_claimed());
	KUNIT_EXPECT_EQ(test, WINDOW_SIZE - (kept ? SUB : 0),
			space_size(&pool.space));

	pool.fail_step = UNPOPULATED_STEP_NONE;
	KUNIT_EXPECT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	KUNIT_EXPECT_EQ(test, window_pfn(), page_to_pfn(page));
	KUNIT_EXPECT_EQ(test, SUB, window_claimed());
	check_pool(test, 1);
}

#ifdef CONFIG_FAULT_INJECTION
/* The @n-th allocation of this task that fault injection looks at fails. */
static void fail_nth(unsigned int n)
{
	current->fail_nth = n;
}

/* Whether it came to that, and none fails from here on. */
static bool has_failed(void)
{
	return !xchg(&current->fail_nth, 0);
}
#else
static void fail_nth(unsigned int n)
{
}

static bool has_failed(void)
{
	return false;
}
#endif

/*
 * All that a growth and a release allocate fails once, also within mm, next to a
 * region that has the page tables of x86's direct map: for these, mm takes no
 * failure. By default fault injection spares allocations that may wait, and with
 * them all that matter; it does not where debugfs has ignore-gfp-wait and
 * ignore-gfp-highmem off and a min-order of 0, and the suite is run from there.
 */
static void grow_where_memory_fails(struct kunit *test)
{
	struct page **neighbours = page_array(test, NR_SUBSECTION), *page;
	unsigned int n, nr_failed = 0;
	bool failed;
	int ret;

	use_space(test, 0, 4 * SUB);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, NR_SUBSECTION,
							neighbours));
	/* Regions of a PV domain stay, and so would one of each try. */
	n = !unpopulated_region_is_permanent(first_region());
	for (; n; n = failed ? n + 1 : 0) {
		fail_nth(n);
		ret = unpopulated_pool_alloc_run(&pool, 1, ULONG_MAX, &page);
		if (!ret) {
			unpopulated_pool_free(&pool, 1, &page);
			unmake(rb_entry(rb_last(&pool.regions),
					struct unpopulated_region, node));
		}
		failed = has_failed();
		nr_failed += failed;

		KUNIT_ASSERT_TRUE(test, !ret || (failed && ret == -ENOMEM));
		KUNIT_ASSERT_EQ(test, SUB, window_claimed());
		KUNIT_ASSERT_EQ(test, 3 * SUB, space_size(&pool.space));
		check_pool(test, NR_SUBSECTION);
	}
	kunit_info(test, "%u allocations were made to fail", nr_failed);
	unpopulated_pool_free(&pool, NR_SUBSECTION, neighbours);
}

/*
 * Drop what is claimed from @res on and has no struct pages, for a later run of
 * the suite. On PV it has no identity entries any more, and stays.
 */
static void unclaim_left_out(struct resource *res)
{
	struct unpopulated_region *region;
	struct resource *next;

	for (; res && !xen_pv_domain(); res = next) {
		next = res->sibling;
		if (res->start < window_start() ||
		    strcmp(res->name, "Xen scratch") ||
		    unpopulated_pool_owns(&xen_unpopulated_pool,
					  PFN_DOWN(res->start)))
			continue;
		release_resource(res);
		region = container_of(res, struct unpopulated_region, res);
		kfree(region->cpus);
		kvfree(region);
	}
}

/* A range that can never have struct pages does not stop the others. */
static void grow_past_unusable(struct kunit *test)
{
	struct page *page;

	use_space(test, 0, SUB);
	use_space(test, 4 * SUB, 2 * SUB);
	pool.fail_step = UNPOPULATED_STEP_MAP;
	pool.fail_errno = -EINVAL;
	KUNIT_EXPECT_EQ(test, -ENODEV, unpopulated_pool_alloc(&pool, 1, &page));
	KUNIT_EXPECT_EQ(test, 0, space_size(&pool.space));
	KUNIT_EXPECT_EQ(test, 3 * SUB, window_claimed());
	check_pool(test, 0);
	unclaim_left_out(windows.child);

	pool.fail_step = UNPOPULATED_STEP_NONE;
	use_space(test, 8 * SUB, SUB);
	KUNIT_EXPECT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	check_pool(test, 1);
}

/* What can not be served in full makes no struct pages at all. */
static void grow_not_in_vain(struct kunit *test)
{
	struct page **pages = page_array(test, 4 * NR_SUBSECTION);

	use_space(test, 0, SUB);
	use_space(test, 4 * SUB, SUB);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			unpopulated_pool_alloc(&pool, 2 * NR_SUBSECTION + 1,
					       pages));
	KUNIT_EXPECT_EQ(test, 0, pool.nr_grown);
	KUNIT_EXPECT_EQ(test, 0, window_claimed());
	check_pool(test, 0);
}

/* RAM that is short is an error; the last resort would need still more. */
static void grow_failure_is_no_last_resort(struct kunit *test)
{
	struct page *page;

	use_space(test, 0, WINDOW_SIZE);
	pool.last_resort_alloc = fallback_alloc;
	pool.fail_step = UNPOPULATED_STEP_MAP;
	pool.fail_errno = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -ENOMEM, unpopulated_pool_alloc(&pool, 1, &page));
	KUNIT_EXPECT_EQ(test, 8, nr_fallback);
}

/* On PV, a page on loan has its p2m leaf, and it is paid for once. */
static void back_by_leaf(struct kunit *test)
{
	struct page **pages = page_array(test, UNPOPULATED_LEAF_PAGES + 1);
	struct unpopulated_region *region;
	unsigned int leaves = xen_pv_domain() ? 2 : 0;

	use_space(test, 0, 8 * SUB);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc(&pool,
					       UNPOPULATED_LEAF_PAGES + 1,
					       pages));
	region = first_region();
	KUNIT_ASSERT_EQ(test, xen_pv_domain(), !!region->backed);
	if (region->backed)
		KUNIT_EXPECT_EQ(test, leaves,
				bitmap_weight(region->backed,
					      DIV_ROUND_UP(region->nr_bits,
							   UNPOPULATED_LEAF_PAGES)));
	/* What is paid for cannot fail for lack of memory any more. */
	unpopulated_pool_free(&pool, UNPOPULATED_LEAF_PAGES + 1, pages);
	KUNIT_EXPECT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, pages));
	check_pool(test, 1);
}

/* Each leaf that pages come from, however many there are in a row. */
static void back_each_leaf(struct kunit *test)
{
	unsigned int nr = 2 * NR_SUBSECTION, few = 4 * BITS_PER_LONG;
	struct page **pages = page_array(test, nr);
	struct unpopulated_region *region;

	lend_region(test, nr, pages);
	unpopulated_pool_free(&pool, few,
			      pages + UNPOPULATED_LEAF_PAGES - few / 2);
	region = first_region();
	bitmap_free(region->backed);
	region->backed = bitmap_zalloc(region->nr_bits, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, region->backed);
	set_bit(0, region->backed);
	pool.fail_step = UNPOPULATED_STEP_BACK;
	pool.fail_errno = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			unpopulated_pool_alloc(&pool, few, pages));
	check_pool(test, nr - few);
}

/* A page that cannot take a foreign frame is not handed out. */
static void back_fails(struct kunit *test)
{
	struct page **pages = page_array(test, NR_BOOT);
	struct unpopulated_region *region;

	use_boot_memory(test);
	/* A region of a PV domain has it, and frees it when it goes. */
	region = first_region();
	if (!region->backed)
		region->backed = bitmap_zalloc(region->nr_bits, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, region->backed);
	pool.fail_step = UNPOPULATED_STEP_BACK;
	pool.fail_errno = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			unpopulated_pool_alloc(&pool, NR_BOOT, pages));
	check_pool(test, 0);
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			unpopulated_pool_alloc_run(&pool, 64, ULONG_MAX, pages));
	KUNIT_EXPECT_EQ(test, -ENOMEM, unpopulated_pool_alloc(&pool, 3, pages));
	KUNIT_EXPECT_EQ(test, -ENOMEM, unpopulated_pool_alloc(&pool, 1, pages));
	check_pool(test, 0);
	KUNIT_EXPECT_EQ(test, 0, pool.nr_refused);
}

static void hole_only_if_allowed(struct kunit *test)
{
	struct unpopulated_region *region;
	struct page *page;

	KUNIT_EXPECT_EQ(test, -ENODEV, unpopulated_pool_alloc(&pool, 1, &page));
	pool.holes_above = windows.end + 1;
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	region = first_region();
	KUNIT_EXPECT_EQ(test, UNPOPULATED_HOLE, region->source);
	KUNIT_EXPECT_EQ(test, 0, region->start_pfn % PAGES_PER_SECTION);
	KUNIT_EXPECT_EQ(test, PAGES_PER_SECTION, region->nr_pages);
	KUNIT_EXPECT_GT(test, PFN_PHYS((u64)region->start_pfn), windows.end);
	check_pool(test, 1);
}

/* What an allocation returns when this step of making a hole fails. */
static int alloc_in_hole_fails(enum unpopulated_step step, int errno)
{
	struct page *page;
	int ret;

	pool.holes_above = windows.end + 1;
	pool.fail_step = step;
	pool.fail_errno = errno;
	ret = unpopulated_pool_alloc(&pool, 1, &page);
	pool.fail_step = UNPOPULATED_STEP_NONE;
	return ret;
}

static void hole_fails(struct kunit *test)
{
	struct page *page;

	KUNIT_EXPECT_EQ(test, -ENOMEM,
			alloc_in_hole_fails(UNPOPULATED_STEP_CLAIM, -ENOMEM));
	pool.holes_above = unpopulated_reach().end;
	KUNIT_EXPECT_EQ(test, -ENODEV, unpopulated_pool_alloc(&pool, 1, &page));
	check_pool(test, 0);
}

/* After one hole that can have no struct pages, no other one is tried. */
static void hole_unusable(struct kunit *test)
{
	struct page *page;

	KUNIT_EXPECT_EQ(test, -ENODEV,
			alloc_in_hole_fails(UNPOPULATED_STEP_MAP, -EINVAL));
	KUNIT_EXPECT_EQ(test, -ENODEV, unpopulated_pool_alloc(&pool, 1, &page));
	KUNIT_EXPECT_EQ(test, 0, pool.holes_above);
	check_pool(test, 0);
	unclaim_left_out(windows.sibling);
}

/* Space comes before holes. */
static void hole_after_space(struct kunit *test)
{
	struct page *page;

	use_space(test, 0, SUB);
	pool.holes_above = windows.end + 1;
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	KUNIT_EXPECT_EQ(test, UNPOPULATED_SPACE, first_region()->source);
	check_pool(test, 1);
}

struct granule_case {
	const char *name;
	u64 page_size, granule;
};

static const struct granule_case granule_cases[] = {
	{ "4K pages", SZ_4K, SZ_2M },
	{ "16K pages", SZ_16K, SZ_4M },
	{ "64K pages", SZ_64K, SZ_64M },
};

static void granule_name(const struct granule_case *granule, char *name)
{
	strscpy(name, granule->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(granule, granule_cases, granule_name);

/* A page of the vmemmap must not describe two regions, or none can go. */
static void release_granule(struct kunit *test)
{
	const struct granule_case *granule = test->param_value;

	KUNIT_EXPECT_EQ(test, granule->granule,
			unpopulated_release_granule(granule->page_size, 64));
}

/* An unmade region leaves no trace, and its place can serve again. */
static void region_comes_and_goes(struct kunit *test)
{
	bool permanent;
	struct page *page;

	use_space(test, 0, SUB);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	unpopulated_pool_free(&pool, 1, &page);
	permanent = unpopulated_region_is_permanent(first_region());
	unmake(first_region());
	check_pool(test, 0);
	KUNIT_EXPECT_EQ(test, permanent ? SUB : 0, window_claimed());
	KUNIT_EXPECT_FALSE(test, unpopulated_pool_owns(&pool, window_pfn()));
	KUNIT_EXPECT_EQ(test, permanent ? -ENODEV : 0,
			unpopulated_pool_alloc(&pool, 1, &page));
}

/* Growing ahead, and giving back */

/* As if @pool had been left alone for so many jiffies. */
static void let_time_pass(unsigned long time)
{
	struct rb_node *node;

	mutex_lock(&pool.grow_lock);
	spin_lock(&pool.lock);
	pool.last_grown -= time;
	for (node = rb_first(&pool.regions); node; node = rb_next(node))
		rb_entry(node, struct unpopulated_region, node)->empty_since -=
			time;
	spin_unlock(&pool.lock);
	mutex_unlock(&pool.grow_lock);
}

/* Whether the pool asked for its work to be done at once. */
static bool was_woken(void)
{
	flush_delayed_work(&pool.work);
	return nr_woken;
}

/* Regions of 2, 4, 8 and 16 MiB, all of them empty again. */
static void grow_and_empty(struct kunit *test)
{
	unsigned int nr = 15 * NR_SUBSECTION, i;
	struct page **pages = page_array(test, nr);

	use_space(test, 0, WINDOW_SIZE);
	for (i = 0; i < nr; i += NR_SUBSECTION)
		KUNIT_ASSERT_EQ(test, 0,
				unpopulated_pool_alloc(&pool, NR_SUBSECTION,
						       pages + i));
	/* From now on, it is only waiting if the free has a reason. */
	flush_delayed_work(&pool.work);
	unpopulated_pool_free(&pool, nr, pages);
	KUNIT_ASSERT_EQ(test, 4, pool.nr_regions);
}

/* What one page leaves is enough for one more. */
static void ahead_not_for_little(struct kunit *test)
{
	struct page *page;

	use_space(test, 0, WINDOW_SIZE);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	KUNIT_EXPECT_FALSE(test, was_woken());
	work_now();
	KUNIT_EXPECT_EQ(test, 1, pool.nr_grown);
	check_pool(test, 1);
}

/* Pages are there before they are needed, and nobody waits for them. */
static void ahead_of_need(struct kunit *test)
{
	struct page **pages = page_array(test, 3 * NR_SUBSECTION);

	use_space(test, 0, WINDOW_SIZE);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc(&pool, NR_SUBSECTION - 1, pages));
	KUNIT_EXPECT_FALSE(test, pool.grow_ahead);
	KUNIT_EXPECT_TRUE(test, was_woken());
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc(&pool, 1,
					       pages + NR_SUBSECTION - 1));
	flush_delayed_work(&pool.work);
	KUNIT_EXPECT_EQ(test, 1, nr_woken);

	work_now();
	KUNIT_EXPECT_EQ(test, 2, pool.nr_grown);
	KUNIT_EXPECT_TRUE(test, pool.grow_ahead);
	KUNIT_EXPECT_EQ(test, 0,
			unpopulated_pool_alloc(&pool, 2 * NR_SUBSECTION,
					       pages + NR_SUBSECTION));
	KUNIT_EXPECT_EQ(test, 1, pool.nr_waited);
	check_pool(test, 3 * NR_SUBSECTION);
}

/* Without space, the work is asked once and not at every allocation. */
static void ahead_fails(struct kunit *test)
{
	struct page **pages = page_array(test, NR_SUBSECTION);
	unsigned int i;

	use_space(test, 0, SUB);
	for (i = 0; i < NR_SUBSECTION; i++) {
		KUNIT_ASSERT_EQ(test, 0,
				unpopulated_pool_alloc(&pool, 1, pages + i));
		if (i == 3 * NR_SUBSECTION / 4) {
			KUNIT_EXPECT_TRUE(test, was_woken());
			work_now();
		}
	}
	flush_delayed_work(&pool.work);
	KUNIT_EXPECT_EQ(test, 1, nr_woken);
	KUNIT_EXPECT_EQ(test, 1, pool.nr_grown);
	KUNIT_EXPECT_EQ(test, 1, pool.nr_failed);
	check_pool(test, NR_SUBSECTION);
}

/* The largest go, and a reserve of more than twice the low-water mark stays. */
static void back_when_idle(struct kunit *test)
{
	unsigned long size, left = 15 * NR_SUBSECTION, released = 0;
	struct page **pages = page_array(test, NR_SUBSECTION);
	bool permanent;

	grow_and_empty(test);
	permanent = unpopulated_region_is_permanent(first_region());
	for (size = 8 * NR_SUBSECTION; size >= NR_SUBSECTION; size /= 2) {
		if (permanent || left <= size + 2 * UNPOPULATED_LOW_WATER)
			continue;
		left -= size;
		released++;
	}
	KUNIT_EXPECT_EQ(test, permanent, !released);
	KUNIT_EXPECT_EQ(test, !permanent, delayed_work_pending(&pool.work));
	let_time_pass(UNPOPULATED_IDLE);
	work_now();
	KUNIT_EXPECT_EQ(test, released, pool.nr_released);
	KUNIT_EXPECT_EQ(test, left, pool.nr_total);
	KUNIT_EXPECT_EQ(test, PFN_PHYS((u64)pool.nr_total), window_claimed());
	KUNIT_EXPECT_EQ(test, WINDOW_SIZE - window_claimed(),
			space_size(&pool.space));
	check_pool(test, 0);

	/* What went can come again. */
	KUNIT_EXPECT_EQ(test, 0,
			unpopulated_pool_alloc(&pool, NR_SUBSECTION, pages));
	check_pool(test, NR_SUBSECTION);
}

/* A page on loan keeps its region, and a region is not given back at once. */
static void back_not_early(struct kunit *test)
{
	struct page *page;

	grow_and_empty(test);
	let_time_pass(UNPOPULATED_IDLE / 2);
	work_now();
	KUNIT_EXPECT_EQ(test, 0, pool.nr_released);

	let_time_pass(UNPOPULATED_IDLE);
	pool.last_grown = jiffies;
	work_now();
	KUNIT_EXPECT_EQ(test, 0, pool.nr_released);

	/* Emptied again just now. */
	let_time_pass(UNPOPULATED_IDLE);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	unpopulated_pool_free(&pool, 1, &page);
	work_now();
	KUNIT_EXPECT_TRUE(test, unpopulated_pool_owns(&pool, page_to_pfn(page)));
	check_pool(test, 0);
}

/* The work looks again when the first of the regions is due. */
static void back_when_due(struct kunit *test)
{
	bool permanent;

	grow_and_empty(test);
	permanent = unpopulated_region_is_permanent(first_region());
	let_time_pass(UNPOPULATED_IDLE / 2);
	first_region()->empty_since = jiffies;
	cancel_delayed_work_sync(&pool.work);
	unpopulated_pool_work(&pool.work.work);
	KUNIT_EXPECT_EQ(test, !permanent, delayed_work_pending(&pool.work));
	if (!permanent) {
		KUNIT_EXPECT_TRUE(test, time_before(pool.work.timer.expires,
						    jiffies + UNPOPULATED_IDLE));
		KUNIT_EXPECT_TRUE(test, time_after(pool.work.timer.expires,
						   jiffies + UNPOPULATED_IDLE / 4));
	}
}

/* Direct I/O may hold a page longer than the one who freed it. */
static void back_not_while_referenced(struct kunit *test)
{
	struct unpopulated_region *region;
	struct page *page;
	bool permanent;

	grow_and_empty(test);
	region = rb_entry(rb_last(&pool.regions), struct unpopulated_region,
			  node);
	page = pfn_to_page(region->start_pfn + 5);
	get_page(page);
	let_time_pass(UNPOPULATED_IDLE);
	work_now();
	KUNIT_EXPECT_TRUE(test, unpopulated_pool_owns(&pool, page_to_pfn(page)));
	permanent = unpopulated_region_is_permanent(region);
	KUNIT_EXPECT_EQ(test, !permanent, pool.nr_busy);
	check_pool(test, 0);

	/* It is all that is left by now; with another reserve, it can go. */
	put_page(page);
	use_boot_memory(test);
	pool.nr_lent_peak = NR_BOOT / 4;
	let_time_pass(UNPOPULATED_IDLE);
	work_now();
	KUNIT_EXPECT_EQ(test, permanent,
			unpopulated_pool_owns(&pool, page_to_pfn(page)));
	check_pool(test, 0);
}

/* A page whose region is gone has no struct page to look at. */
static void free_after_release(struct kunit *test)
{
	struct page *page;

	use_space(test, 0, SUB);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	unpopulated_pool_free(&pool, 1, &page);
	unmake(first_region());
	unpopulated_pool_free(&pool, 1, &page);
	KUNIT_EXPECT_EQ(test, 1, pool.nr_refused);
	check_pool(test, 0);
}

/* Pages of a CPU */

/*
 * With so many on loan at the peak, CPUs get pages to themselves below that. The
 * test stays on the one that it is on.
 */
static void lend_once(struct kunit *test, unsigned int nr)
{
	struct page **pages = page_array(test, nr);

	set_cpus_allowed_ptr(current, cpumask_of(raw_smp_processor_id()));
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, nr, pages));
	unpopulated_pool_free(&pool, nr, pages);
	flush_delayed_work(&pool.work);
}

/* This CPU has got pages and gave @nr out. */
static void cpu_gives(struct kunit *test, unsigned int nr, struct page **pages)
{
	lend_once(test, 4 * NR_SUBSECTION);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, nr, pages));
	KUNIT_ASSERT_EQ(test, 1, pool.nr_cpus);
}

/* From here on, CPUs have what they have, but the test is on none of them. */
static void leave_cpus(void)
{
	pool.cpus = cpus[1];
}

static void enter_cpus(void)
{
	pool.cpus = cpus[0];
}

static void cpu_serves_few(struct kunit *test)
{
	static const unsigned int sizes[] = { 3, BITS_PER_LONG, 1, 40 };
	struct page **pages = page_array(test, 4 * BITS_PER_LONG);
	unsigned int i, nr = 0;

	use_space(test, 0, WINDOW_SIZE);
	cpu_gives(test, 1, pages);
	unpopulated_pool_free(&pool, 1, pages);
	for (i = 0; i < ARRAY_SIZE(sizes); i++, nr += sizes[i - 1])
		KUNIT_ASSERT_EQ(test, 0,
				unpopulated_pool_alloc(&pool, sizes[i],
						       pages + nr));
	check_pool(test, nr);
	KUNIT_EXPECT_EQ(test, 4 * NR_SUBSECTION + 1 + nr, pool.nr_served);
	unpopulated_pool_free(&pool, nr, pages);
	check_pool(test, 0);
	KUNIT_EXPECT_EQ(test, 0, pool.nr_refused);
}

/* The peak is exact, although nobody counts while a CPU serves. */
static void cpu_not_beyond_peak(struct kunit *test)
{
	unsigned int peak = 100 * num_online_cpus(), i;
	struct page **pages = page_array(test, peak + 50);

	use_space(test, 0, WINDOW_SIZE);
	lend_once(test, peak);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, pages));
	KUNIT_EXPECT_EQ(test, 1, pool.nr_cpus);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc(&pool, peak + 20, pages + 1));
	KUNIT_EXPECT_EQ(test, peak + 21, pool.nr_lent_peak);
	for (i = peak + 21; i < peak + 50; i++)
		KUNIT_ASSERT_EQ(test, 0,
				unpopulated_pool_alloc(&pool, 1, pages + i));
	KUNIT_EXPECT_EQ(test, peak + 50, pool.nr_lent_peak);
	check_pool(test, peak + 50);
}

/* Nor does one CPU take what the others may lend below the peak. */
static void cpu_takes_its_part(struct kunit *test)
{
	struct page *page;

	use_space(test, 0, WINDOW_SIZE);
	lend_once(test, 100 * num_online_cpus());
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	KUNIT_EXPECT_EQ(test, 1, pool.nr_cpus);
	KUNIT_EXPECT_GE(test, pool.nr_free,
			pool.alarm_free + 100 * (num_online_cpus() - 1));
	check_pool(test, 1);
}

/* All bits of a word that a CPU gets are pages of the region. */
static void cpu_has_whole_words(struct kunit *test)
{
	struct page *page, *stranger;

	use_boot_memory(test);
	lend_once(test, NR_BOOT);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	KUNIT_EXPECT_EQ(test, 1, pool.nr_cpus);
	/* The page below the region, which its bitmap has a bit for. */
	stranger = boot_pages + BOOT_SKIP - 1;
	unpopulated_pool_free(&pool, 1, &stranger);
	KUNIT_EXPECT_EQ(test, 1, pool.nr_refused);
	check_pool(test, 1);
}

static void cpu_in_fragments(struct kunit *test)
{
	struct page **pages = page_array(test, 2 * NR_SUBSECTION);
	struct page *few[41];
	unsigned int i;

	use_space(test, 0, WINDOW_SIZE);
	lend_once(test, 4 * NR_SUBSECTION);
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc(&pool, 2 * NR_SUBSECTION,
					       pages));
	for (i = 0; i < 2 * BITS_PER_LONG; i += 2)
		unpopulated_pool_free(&pool, 1, &pages[i]);
	/* Of two words, of which every other page is free. */
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 11, few));
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 30, few + 11));
	KUNIT_EXPECT_EQ(test, 1, pool.nr_cpus);
	for (i = 0; i < ARRAY_SIZE(few); i++)
		KUNIT_EXPECT_PTR_EQ(test, pages[2 * i], few[i]);
	check_pool(test, 2 * NR_SUBSECTION - BITS_PER_LONG + 41);
}

/* A CPU goes round its words: what was just freed comes last. */
static void cpu_goes_round(struct kunit *test)
{
	unsigned int most = UNPOPULATED_LEAF_PAGES, i, nr;
	struct page **pages = page_array(test, most), *first[40];

	use_space(test, 0, WINDOW_SIZE);
	lend_once(test, 3 * BITS_PER_LONG * num_online_cpus());
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc(&pool, ARRAY_SIZE(first), first));
	KUNIT_ASSERT_EQ(test, 1, pool.nr_cpus);
	/* Three words, so that there is one that is neither the first nor the next. */
	nr = raw_cpu_ptr(pool.cpus)->nr_pages - ARRAY_SIZE(first);
	KUNIT_ASSERT_GE(test, nr + ARRAY_SIZE(first), 3 * BITS_PER_LONG);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 30, pages));
	unpopulated_pool_free(&pool, ARRAY_SIZE(first), first);

	for (i = 30; i < nr; i++)
		KUNIT_ASSERT_EQ(test, 0,
				unpopulated_pool_alloc(&pool, 1, pages + i));
	for (i = 1; i < nr; i++)
		KUNIT_EXPECT_PTR_EQ(test, pages[0] + i, pages[i]);
	expect_pages(test, ARRAY_SIZE(first), first);
	KUNIT_EXPECT_EQ(test, 1, pool.nr_cpus);
	check_pool(test, nr + ARRAY_SIZE(first));
}

static void cpu_frees_any_order(struct kunit *test)
{
	struct page **pages = page_array(test, BITS_PER_LONG);
	unsigned int i;

	use_space(test, 0, WINDOW_SIZE);
	cpu_gives(test, BITS_PER_LONG, pages);
	for (i = 0; i < BITS_PER_LONG / 2; i += 3)
		swap(pages[i], pages[BITS_PER_LONG - 1 - i]);
	unpopulated_pool_free(&pool, BITS_PER_LONG, pages);
	KUNIT_EXPECT_EQ(test, 1, pool.nr_cpus);
	check_pool(test, 0);
	KUNIT_EXPECT_EQ(test, 0, pool.nr_refused);
}

/* What must not be freed is known by the CPU that has it, and by all others. */
static void free_badly(struct kunit *test, bool from_other)
{
	struct page *pages[8], *twice[2], *mapped[2];

	use_space(test, 0, WINDOW_SIZE);
	cpu_gives(test, 8, pages);
	twice[0] = pages[6];
	twice[1] = pages[6];
	mapped[0] = pages[7];
	mapped[1] = pages[5];
	if (from_other)
		leave_cpus();

	unpopulated_pool_free(&pool, 1, pages);
	unpopulated_pool_free(&pool, 1, pages);
	KUNIT_EXPECT_EQ(test, 1, pool.nr_refused);
	/* Page 3 is free already; its neighbours in the call are not. */
	unpopulated_pool_free(&pool, 1, &pages[3]);
	unpopulated_pool_free(&pool, 4, pages + 1);
	KUNIT_EXPECT_EQ(test, 2, pool.nr_refused);
	unpopulated_pool_free(&pool, 4, pages + 1);
	KUNIT_EXPECT_EQ(test, 6, pool.nr_refused);
	unpopulated_pool_free(&pool, 2, twice);
	KUNIT_EXPECT_EQ(test, 7, pool.nr_refused);
	SetPageForeign(pages[5]);
	unpopulated_pool_free(&pool, 2, mapped);
	KUNIT_EXPECT_EQ(test, 8, pool.nr_refused);
	unpopulated_pool_free(&pool, 1, &pages[5]);
	KUNIT_EXPECT_EQ(test, 9, pool.nr_refused);
	KUNIT_EXPECT_EQ(test, 2, pool.nr_leaked);
	ClearPageForeign(pages[5]);
	enter_cpus();
	KUNIT_EXPECT_EQ(test, 1, pool.nr_cpus);
	check_pool(test, 1);
	unpopulated_pool_free(&pool, 1, &pages[5]);
	check_pool(test, 0);
}

static void cpu_refuses(struct kunit *test)
{
	free_badly(test, false);
}

static void cpu_refuses_for_other(struct kunit *test)
{
	free_badly(test, true);
}

static void cpu_frees_to_other(struct kunit *test)
{
	struct page *pages[16];

	use_space(test, 0, WINDOW_SIZE);
	cpu_gives(test, 16, pages);
	leave_cpus();
	unpopulated_pool_free(&pool, 1, pages);
	unpopulated_pool_free(&pool, 8, pages + 1);
	swap(pages[10], pages[15]);
	unpopulated_pool_free(&pool, 7, pages + 9);
	enter_cpus();
	KUNIT_EXPECT_EQ(test, 1, pool.nr_cpus);
	check_pool(test, 0);
	KUNIT_EXPECT_EQ(test, 0, pool.nr_refused);
}

/* Pages of a leaf of which a CPU has the end, in one call. */
static void cpu_beside_other(struct kunit *test)
{
	struct page **pages = page_array(test, 100), *few[3], *page;
	unsigned int i;

	use_space(test, 0, WINDOW_SIZE);
	lend_once(test, 4 * NR_SUBSECTION);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 100, pages));
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 3, few));
	KUNIT_ASSERT_EQ(test, 1, pool.nr_cpus);
	KUNIT_ASSERT_PTR_EQ(test, pages[99] + 1, few[0]);
	leave_cpus();
	for (i = 0; i < 10; i += 2)
		swap(pages[60 + i], pages[71 - i]);
	unpopulated_pool_free(&pool, 12, pages + 60);
	unpopulated_pool_free(&pool, 10, pages + 72);
	unpopulated_pool_free(&pool, 60, pages);
	unpopulated_pool_free(&pool, 18, pages + 82);
	enter_cpus();
	KUNIT_EXPECT_EQ(test, 1, pool.nr_cpus);
	check_pool(test, 3);

	/* A run that begins before what the CPU has, and ends in it. */
	KUNIT_ASSERT_EQ(test, 0,
			unpopulated_pool_alloc_run(&pool, 100, ULONG_MAX, pages));
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	KUNIT_ASSERT_EQ(test, 1, pool.nr_cpus);
	leave_cpus();
	unpopulated_pool_free(&pool, 100, pages);
	enter_cpus();
	check_pool(test, 4);
	KUNIT_EXPECT_EQ(test, 0, pool.nr_refused);
}

static void cpu_gives_when_short(struct kunit *test)
{
	unsigned int all = 4 * NR_SUBSECTION;
	struct page **pages = page_array(test, all);

	use_space(test, 0, 4 * SUB);
	cpu_gives(test, 3, pages);
	KUNIT_EXPECT_EQ(test, 0,
			unpopulated_pool_alloc(&pool, all - 3, pages + 3));
	check_pool(test, all);

	/* As long as somebody is short, no CPU gets any. */
	unpopulated_pool_free(&pool, all, pages);
	unpopulated_pool_gather(&pool);
	KUNIT_EXPECT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, pages));
	KUNIT_EXPECT_EQ(test, 0, pool.nr_cpus);
	unpopulated_pool_gather_end(&pool);
	KUNIT_EXPECT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, pages + 1));
	KUNIT_EXPECT_EQ(test, 1, pool.nr_cpus);
	check_pool(test, 2);
}

static void cpu_gives_for_run(struct kunit *test)
{
	unsigned int all = 4 * NR_SUBSECTION;
	struct page **pages = page_array(test, all);

	use_space(test, 0, 4 * SUB);
	cpu_gives(test, 3, pages);
	KUNIT_EXPECT_EQ(test, 0,
			unpopulated_pool_alloc_run(&pool, all - 3, ULONG_MAX,
						   pages + 3));
	check_pool(test, all);
}

/* The work sees to pages that a CPU does not need any more. */
static void cpu_gives_when_idle(struct kunit *test)
{
	struct page *page;

	use_space(test, 0, WINDOW_SIZE);
	cpu_gives(test, 1, &page);
	unpopulated_pool_free(&pool, 1, &page);
	/* Nothing of a PV domain is ever given back. */
	KUNIT_EXPECT_EQ(test, !xen_pv_domain(),
			delayed_work_pending(&pool.work));
	work_now();
	KUNIT_EXPECT_EQ(test, 0, pool.nr_cpus);
	check_pool(test, 0);
}

/* On PV, what a CPU has can take foreign frames. */
static void cpu_has_backed_pages(struct kunit *test)
{
	struct unpopulated_region *region;
	struct page *page;

	use_space(test, 0, WINDOW_SIZE);
	lend_once(test, 4 * NR_SUBSECTION);
	region = first_region();
	bitmap_free(region->backed);
	region->backed = bitmap_zalloc(region->nr_bits, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, region->backed);
	pool.fail_step = UNPOPULATED_STEP_BACK;
	pool.fail_errno = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -ENOMEM, unpopulated_pool_alloc(&pool, 1, &page));
	KUNIT_EXPECT_EQ(test, 0, pool.nr_cpus);
	/* Only in a PV domain can it be done. */
	bitmap_fill(region->backed, region->nr_bits);
	KUNIT_EXPECT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	KUNIT_EXPECT_EQ(test, 1, pool.nr_cpus);
	check_pool(test, 1);
}

/* The view inside */

/* The number after @name in what debugfs shows, or -1. */
static long shown(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	long value;

	if (!at || sscanf(at + strlen(name), "%ld", &value) != 1)
		return -1;
	return value;
}

static void shows_state(struct kunit *test)
{
	struct seq_file m = { .size = SZ_4K };
	unsigned long long start, end;
	struct page *pages[3];
	char source[16];
	int nr;

	m.buf = kunit_kzalloc(test, m.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m.buf);
	use_space(test, 0, WINDOW_SIZE);
	pool.source = "window";
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 3, pages));
	unpopulated_pool_free(&pool, 1, &pages[1]);
	unpopulated_pool_free(&pool, 1, &pages[1]);
	unpopulated_pool_show(&pool, &m);

	KUNIT_EXPECT_EQ(test, NR_SUBSECTION, shown(m.buf, "pages_total "));
	KUNIT_EXPECT_EQ(test, NR_SUBSECTION - 2, shown(m.buf, "pages_free "));
	KUNIT_EXPECT_EQ(test, 2, shown(m.buf, "pages_lent "));
	KUNIT_EXPECT_EQ(test, 3, shown(m.buf, "pages_lent_peak "));
	KUNIT_EXPECT_EQ(test, 3, shown(m.buf, "pages_served "));
	KUNIT_EXPECT_EQ(test, 0, shown(m.buf, "pages_last_resort "));
	KUNIT_EXPECT_EQ(test, 1, shown(m.buf, "frees_refused "));
	KUNIT_EXPECT_EQ(test, 0, shown(m.buf, "pages_leaked "));
	KUNIT_EXPECT_EQ(test, 1, shown(m.buf, "regions "));
	KUNIT_EXPECT_EQ(test, 1, shown(m.buf, "grows "));
	KUNIT_EXPECT_EQ(test, 1, shown(m.buf, "waits "));
	KUNIT_EXPECT_EQ(test, 0, shown(m.buf, "failures "));
	KUNIT_EXPECT_EQ(test, 0, shown(m.buf, "releases "));
	KUNIT_EXPECT_EQ(test, 0, shown(m.buf, "busy "));
	KUNIT_EXPECT_EQ(test, 0, shown(m.buf, "fallbacks "));

	nr = sscanf(strstr(m.buf, "region 0x"), "region %llx-%llx %15s",
		    &start, &end, source);
	KUNIT_ASSERT_EQ(test, 3, nr);
	KUNIT_EXPECT_EQ(test, window_start(), start);
	KUNIT_EXPECT_EQ(test, window_start() + SUB - 1, end);
	KUNIT_EXPECT_STREQ(test, "window", source);
	KUNIT_EXPECT_EQ(test, NR_SUBSECTION, shown(m.buf, " pages="));
	KUNIT_EXPECT_EQ(test, NR_SUBSECTION - 2, shown(m.buf, " free="));
	KUNIT_EXPECT_EQ(test, NR_SUBSECTION - 3, shown(m.buf, " run="));
	KUNIT_EXPECT_EQ(test, 0, shown(m.buf, " idle="));
	KUNIT_EXPECT_NOT_NULL(test, strstr(m.buf, " pinned="));
	unpopulated_pool_free(&pool, 1, &pages[0]);
	unpopulated_pool_free(&pool, 1, &pages[2]);
}

/* What CPUs have is shown as what it is, on loan or free. */
static void shows_pages_of_cpus(struct kunit *test)
{
	struct seq_file m = { .size = SZ_4K };
	struct page *pages[3];

	m.buf = kunit_kzalloc(test, m.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m.buf);
	use_space(test, 0, WINDOW_SIZE);
	pool.source = "window";
	cpu_gives(test, 3, pages);
	unpopulated_pool_show(&pool, &m);
	KUNIT_EXPECT_EQ(test, 4 * NR_SUBSECTION - 3, shown(m.buf, "pages_free "));
	KUNIT_EXPECT_EQ(test, 3, shown(m.buf, "pages_lent "));
	KUNIT_EXPECT_EQ(test, 4 * NR_SUBSECTION + 3, shown(m.buf, "pages_served "));
	KUNIT_EXPECT_EQ(test, 4 * NR_SUBSECTION - 3, shown(m.buf, " free="));
	check_pool(test, 3);
}

/* Of a region that is empty, for how long; what boot reserved stays anyway. */
static void shows_idle(struct kunit *test)
{
	struct seq_file m = { .size = SZ_4K };
	struct page *page;
	char *boot, *space;

	m.buf = kunit_kzalloc(test, m.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m.buf);
	pool.source = "window";
	use_space(test, 0, SUB);
	KUNIT_ASSERT_EQ(test, 0, unpopulated_pool_alloc(&pool, 1, &page));
	unpopulated_pool_free(&pool, 1, &page);
	use_boot_memory(test);
	let_time_pass(7 * HZ);
	unpopulated_pool_show(&pool, &m);

	boot = strstr(m.buf, " boot pages=");
	KUNIT_ASSERT_NOT_NULL(test, boot);
	KUNIT_EXPECT_EQ(test, NR_BOOT, shown(boot, " run="));
	KUNIT_EXPECT_EQ(test, 0, shown(boot, " idle="));
	KUNIT_EXPECT_NOT_NULL(test, strstr(boot, " pinned=permanent"));
	space = strstr(m.buf, " window pages=");
	KUNIT_ASSERT_NOT_NULL(test, space);
	KUNIT_EXPECT_EQ(test, xen_pv_domain() ? 0 : 7, shown(space, " idle="));
}

/* Mixtures */

#define NR_CALLERS	4

static unsigned int steps = 100000;
module_param(steps, uint, 0644);
MODULE_PARM_DESC(steps, "random calls of each test that makes some");

/* One who calls at random, with a plain list of what it holds. */
struct caller {
	struct completion done;
	struct rnd_state rnd;
	struct page **held;
	unsigned int nr_held, max_held, steps;
	int ret;
};

static unsigned int random_below(struct caller *caller, unsigned int end)
{
	return prandom_u32_state(&caller->rnd) % end;
}

static void caller_init(struct kunit *test, struct caller *caller,
			unsigned int max_held, unsigned int nr_steps)
{
	*caller = (struct caller){ .max_held = max_held, .steps = nr_steps };
	caller->held = page_array(test, max_held);
	init_completion(&caller->done);
}

/* Returns 0, also where there is no space, or what is wrong. */
static int caller_takes(struct caller *caller, unsigned int nr)
{
	struct page **pages = caller->held + caller->nr_held;
	bool run = random_below(caller, 2);
	unsigned int i;
	int ret;

	if (caller->nr_held + nr > caller->max_held)
		return 0;

	if (run)
		ret = unpopulated_pool_alloc_run(&pool, nr, ULONG_MAX, pages);
	else
		ret = unpopulated_pool_alloc(&pool, nr, pages);
	if (ret)
		return ret == -ENODEV ? 0 : ret;

	caller->nr_held += nr;
	for (i = 0; i < nr; i++) {
		/* Nobody else may hold one of these. */
		if (cmpxchg(&pages[i]->zone_device_data, NULL, caller))
			return -EEXIST;
		if (run && page_to_pfn(pages[i]) != page_to_pfn(pages[0]) + i)
			return -ERANGE;
	}
	return 0;
}

static void caller_frees(struct caller *caller, unsigned int nr)
{
	struct page **held = caller->held;
	unsigned int i, at;

	nr = min(nr, caller->nr_held);
	/* Half of the frees take pages from all over. */
	for (i = 0; i < nr && random_below(caller, 2); i++) {
		at = random_below(caller, caller->nr_held);
		swap(held[at], held[caller->nr_held - 1 - i]);
	}
	caller->nr_held -= nr;
	for (i = 0; i < nr; i++)
		WRITE_ONCE(held[caller->nr_held + i]->zone_device_data, NULL);
	unpopulated_pool_free(&pool, nr, held + caller->nr_held);
}

static int caller_step(struct caller *caller)
{
	unsigned int nr = 1 + random_below(caller, 1U << random_below(caller, 9));

	if (random_below(caller, 2))
		return caller_takes(caller, nr);
	caller_frees(caller, 2 * nr);
	return 0;
}

static int call_at_random(void *arg)
{
	struct caller *caller = arg;

	for (; caller->steps && !caller->ret; caller->steps--) {
		caller->ret = caller_step(caller);
		/* Now and then all goes back, so that regions empty. */
		if (caller->steps % 1024 == 0)
			caller_frees(caller, caller->nr_held);
		cond_resched();
	}
	caller_frees(caller, caller->nr_held);
	complete(&caller->done);
	return 0;
}

/*
 * Callers that allocate, grow and free at once never share a page, not even when
 * regions go meanwhile.
 */
static void concurrent_callers(struct kunit *test)
{
	struct caller callers[NR_CALLERS];
	unsigned int i;

	use_space(test, 0, WINDOW_SIZE);
	for (i = 0; i < NR_CALLERS; i++) {
		caller_init(test, &callers[i], 6 * NR_SUBSECTION,
			    steps / NR_CALLERS);
		prandom_seed_state(&callers[i].rnd, i + 1);
	}
	for (i = 0; i < NR_CALLERS; i++) {
		if (IS_ERR(kthread_run(call_at_random, &callers[i],
				       "unpopulated/%u", i))) {
			callers[i].ret = -ENOMEM;
			complete(&callers[i].done);
		}
	}
	for (i = 0; i < NR_CALLERS; i++) {
		while (!wait_for_completion_timeout(&callers[i].done, HZ / 20)) {
			let_time_pass(UNPOPULATED_IDLE);
			work_now();
		}
	}
	for (i = 0; i < NR_CALLERS; i++)
		KUNIT_EXPECT_EQ(test, 0, callers[i].ret);
	KUNIT_EXPECT_EQ(test, 0, pool.nr_refused);
	check_pool(test, 0);
	kunit_info(test, "%u steps, %lu regions made, %lu given back",
		   steps / NR_CALLERS * NR_CALLERS, pool.nr_grown,
		   pool.nr_released);
}

/*
 * Random calls on space and boot memory. Now and then, time passes and empty
 * regions go.
 */
static void random_mixture(struct kunit *test)
{
	struct caller caller;
	unsigned int step;
	bool permanent;

	use_boot_memory(test);
	use_space(test, 0, 4 * SUB);
	use_space(test, 8 * SUB, 4 * SUB);
	caller_init(test, &caller, 12 * NR_SUBSECTION, steps);
	prandom_seed_state(&caller.rnd, 3);

	for (step = 0; step < steps; step++) {
		KUNIT_ASSERT_EQ(test, 0, caller_step(&caller));
		if (step % 64 == 0)
			check_pool(test, caller.nr_held);
		if (step % 4096 == 0) {
			caller_frees(&caller,
				     caller.nr_held - caller.nr_held / 8);
			let_time_pass(UNPOPULATED_IDLE);
			work_now();
			check_pool(test, caller.nr_held);
		}
	}
	permanent = xen_pv_domain() ||
		    unpopulated_release_granule(PAGE_SIZE,
						sizeof(struct page)) > SUB;
	KUNIT_EXPECT_EQ(test, !permanent, !!pool.nr_released);
	caller_frees(&caller, caller.nr_held);
	check_pool(test, 0);
	KUNIT_EXPECT_EQ(test, 0, pool.nr_refused);
}

/* The suite */

static int unpopulated_suite_init(struct kunit_suite *suite)
{
	struct range reach = unpopulated_reach();
	unsigned int i;
	int ret;

	boot_pages = alloc_pages(GFP_KERNEL, BOOT_ORDER);
	if (!boot_pages)
		return -ENOMEM;
	split_page(boot_pages, BOOT_ORDER);

	for (i = 0; i < ARRAY_SIZE(fallback); i++) {
		fallback[i] = alloc_page(GFP_KERNEL);
		if (!fallback[i])
			goto free_pages;
	}

	cpus[0] = alloc_percpu(struct unpopulated_cpu);
	cpus[1] = alloc_percpu(struct unpopulated_cpu);
	if (!cpus[0] || !cpus[1])
		goto free_cpus;

	ret = allocate_resource(&iomem_resource, &windows,
				NR_WINDOWS * WINDOW_SIZE,
				max(reach.start, (u64)SZ_4G), reach.end - 1,
				PAGES_PER_SECTION << PAGE_SHIFT, NULL, NULL);
	if (!ret)
		return 0;

free_cpus:
	free_percpu(cpus[1]);
	free_percpu(cpus[0]);
free_pages:
	while (i--)
		__free_page(fallback[i]);
	for (i = 0; i < 1 << BOOT_ORDER; i++)
		__free_page(boot_pages + i);
	return -ENOMEM;
}

static void unpopulated_suite_exit(struct kunit_suite *suite)
{
	unsigned int i;

	if (!boot_pages)
		return;

	if (!xen_pv_domain())
		release_resource(&windows);
	free_percpu(cpus[1]);
	free_percpu(cpus[0]);
	for (i = 0; i < ARRAY_SIZE(fallback); i++)
		__free_page(fallback[i]);
	for (i = 0; i < 1 << BOOT_ORDER; i++)
		__free_page(boot_pages + i);
}

static void cpus_init(void)
{
	unsigned int i;
	int cpu;

	for (i = 0; i < ARRAY_SIZE(cpus); i++) {
		for_each_possible_cpu(cpu) {
			struct unpopulated_cpu *one = per_cpu_ptr(cpus[i], cpu);

			memset(one, 0, sizeof(*one));
			spin_lock_init(&one->lock);
		}
	}
	pool.cpus = cpus[0];
}

static int unpopulated_test_init(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 1 << BOOT_ORDER; i++)
		boot_pages[i].zone_device_data = NULL;
	memset(&pool, 0, sizeof(pool));
	spin_lock_init(&pool.lock);
	mutex_init(&pool.grow_lock);
	xa_init(&pool.last_resort);
	INIT_DELAYED_WORK(&pool.work, note_work);
	cpus_init();
	nr_woken = 0;
	pool.node = windows.name;
	pool.space.left_out = note_left_out;
	nr_left_out = 0;
	pool.last_resort_free = fallback_free;
	fallback_ret = 0;
	nr_fallback = ARRAY_SIZE(fallback);
	next_window = next_window % NR_WINDOWS + 1;
	return 0;
}

static void unpopulated_test_exit(struct kunit *test)
{
	struct unpopulated_region *region;

	unpopulated_pool_gather(&pool);
	cancel_delayed_work_sync(&pool.work);
	while ((region = first_region()))
		unmake(region);
	unpopulated_space_destroy(&pool.space);
	xa_destroy(&pool.last_resort);
}

static struct kunit_case unpopulated_cases[] = {
	KUNIT_CASE(space_beyond_iomem),
	KUNIT_CASE(alloc_none),
	KUNIT_CASE(alloc_too_many),
	KUNIT_CASE(alloc_no_space),
	KUNIT_CASE(alloc_more_than_all),
	KUNIT_CASE(alloc_all_or_nothing),
	KUNIT_CASE(alloc_distinct),
	KUNIT_CASE(alloc_leaves_struct_page_alone),
	KUNIT_CASE(alloc_fullest_first),
	KUNIT_CASE(alloc_in_a_row),
	KUNIT_CASE(free_any_order),
	KUNIT_CASE(free_twice),
	KUNIT_CASE(free_of_stranger),
	KUNIT_CASE(free_while_mapped),
	KUNIT_CASE(owns),
	KUNIT_CASE(run_is_ascending),
	KUNIT_CASE_PARAM(run_alignment, run_gen_params),
	KUNIT_CASE(run_below_limit),
	KUNIT_CASE(run_grows_below_limit),
	KUNIT_CASE(run_of_none),
	KUNIT_CASE(run_below_device),
	KUNIT_CASE(run_in_fragments),
	KUNIT_CASE(run_and_singles_mix),
	KUNIT_CASE(last_resort_mixture),
	KUNIT_CASE(last_resort_fails),
	KUNIT_CASE(last_resort_twice),
	KUNIT_CASE(last_resort_before_space),
	KUNIT_CASE(last_resort_misuse),
	KUNIT_CASE(grow_starts_small),
	KUNIT_CASE(grow_doubles),
	KUNIT_CASE(grow_for_big_request),
	KUNIT_CASE(grow_over_ranges),
	KUNIT_CASE(grow_around_conflict),
	KUNIT_CASE(grow_across_nodes),
	KUNIT_CASE(grow_in_node),
	KUNIT_CASE_PARAM(grow_fails, failing_step_gen_params),
	KUNIT_CASE(grow_where_memory_fails),
	KUNIT_CASE(grow_past_unusable),
	KUNIT_CASE(grow_not_in_vain),
	KUNIT_CASE(grow_failure_is_no_last_resort),
	KUNIT_CASE(back_by_leaf),
	KUNIT_CASE(back_each_leaf),
	KUNIT_CASE(back_fails),
	KUNIT_CASE(hole_only_if_allowed),
	KUNIT_CASE(hole_fails),
	KUNIT_CASE(hole_unusable),
	KUNIT_CASE(hole_after_space),
	KUNIT_CASE_PARAM(release_granule, granule_gen_params),
	KUNIT_CASE(region_comes_and_goes),
	KUNIT_CASE(ahead_not_for_little),
	KUNIT_CASE(ahead_of_need),
	KUNIT_CASE(ahead_fails),
	KUNIT_CASE(back_when_idle),
	KUNIT_CASE(back_not_early),
	KUNIT_CASE(back_when_due),
	KUNIT_CASE(back_not_while_referenced),
	KUNIT_CASE(free_after_release),
	KUNIT_CASE(shows_state),
	KUNIT_CASE(shows_pages_of_cpus),
	KUNIT_CASE(shows_idle),
	KUNIT_CASE(cpu_serves_few),
	KUNIT_CASE(cpu_not_beyond_peak),
	KUNIT_CASE(cpu_takes_its_part),
	KUNIT_CASE(cpu_has_whole_words),
	KUNIT_CASE(cpu_in_fragments),
	KUNIT_CASE(cpu_goes_round),
	KUNIT_CASE(cpu_frees_any_order),
	KUNIT_CASE(cpu_refuses),
	KUNIT_CASE(cpu_frees_to_other),
	KUNIT_CASE(cpu_refuses_for_other),
	KUNIT_CASE(cpu_beside_other),
	KUNIT_CASE(cpu_gives_when_short),
	KUNIT_CASE(cpu_gives_for_run),
	KUNIT_CASE(cpu_gives_when_idle),
	KUNIT_CASE(cpu_has_backed_pages),
	KUNIT_CASE(concurrent_callers),
	KUNIT_CASE(random_mixture),
	{}
};

static struct kunit_suite unpopulated_suite = {
	.name = "xen_unpopulated_alloc",
	.suite_init = unpopulated_suite_init,
	.suite_exit = unpopulated_suite_exit,
	.init = unpopulated_test_init,
	.exit = unpopulated_test_exit,
	.test_cases = unpopulated_cases,
};

kunit_test_suite(unpopulated_suite);
