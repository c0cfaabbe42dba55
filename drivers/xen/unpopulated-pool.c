// SPDX-License-Identifier: GPL-2.0
/*
 * Xen unpopulated memory: the pool that hands pages out and takes them back.
 *
 * A region keeps one bit a page, set while the page is on loan. Pages are taken
 * and put back a word of bits at a time; turning bits into struct page pointers
 * and back is done without the lock, so that CPUs hardly wait for each other.
 * Nothing is written to a struct page, so a page on loan is the caller's alone,
 * and a page that is free already is known by its bit.
 *
 * An allocation first reserves its number of pages and then takes them, so it is
 * all or nothing without holding the lock throughout.
 *
 * Pages come from the fullest region that has any, so that others empty, and many
 * at a time from free words in a row, so that they can be freed in one run. One
 * delayed work makes a region ahead of need and gives back what stays empty.
 *
 * Each CPU has some words of a region's bitmap to itself, out of which it serves
 * small allocations under a lock of its own. Their free pages do not count as the
 * pool's. Whoever needs to know exactly, or finds too few, gathers them first.
 */

#define pr_fmt(fmt) "xen:" KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/pfn.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>

#include <xen/page.h>
#include <xen/unpopulated-alloc.h>
#include <xen/xen.h>

#include "unpopulated-pool.h"

#define LEAF_WORDS	(UNPOPULATED_LEAF_PAGES / BITS_PER_LONG)

/* A CPU looks at no more than so many for pages, with locks held. */
#define MAX_LEAVES	4

/* One search for free words in a row looks at no more than so many. */
#define MAX_WORDS	128

/* Neighbours are freed together; fewer than this are dealt with one by one. */
#define MIN_RUN		4UL

/* More than this are not, which bounds the time that the lock is held. */
#define MAX_RUN		512UL

/* Lookup */

static int region_cmp_pfn(const void *key, const struct rb_node *node)
{
	const struct unpopulated_region *region =
		rb_entry(node, struct unpopulated_region, node);
	unsigned long pfn = *(const unsigned long *)key;

	if (pfn < region->start_pfn)
		return -1;
	return pfn - region->start_pfn >= region->nr_pages;
}

static bool region_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct unpopulated_region, node)->start_pfn <
	       rb_entry(b, struct unpopulated_region, node)->start_pfn;
}

static noinline struct unpopulated_region *
pool_find_slow(struct unpopulated_pool *pool, unsigned long pfn)
{
	struct rb_node *node = rb_find(&pfn, &pool->regions, region_cmp_pfn);

	if (!node)
		return NULL;

	pool->last = rb_entry(node, struct unpopulated_region, node);
	return pool->last;
}

/* The bit of @page, which need not be one of @region's. */
static inline unsigned long region_bit(const struct unpopulated_region *region,
				       const struct page *page)
{
	return page - region->base;
}

/*
 * The region that @page belongs to, or NULL. This comes before any look at a
 * struct page: boot memory has no pgmap, that of an ordinary page is something
 * else, and a released region has no struct pages at all.
 */
static inline struct unpopulated_region *
pool_find(struct unpopulated_pool *pool, const struct page *page)
{
	struct unpopulated_region *region = pool->last;

	lockdep_assert_held(&pool->lock);

	if (likely(region && region_bit(region, page) - region->first_bit <
			     region->nr_pages))
		return region;
	return pool_find_slow(pool, page_to_pfn(page));
}

/**
 * unpopulated_pool_owns - is this page part of one of the pool's regions?
 * @pool: the pool
 * @pfn: the page
 *
 * Return: whether it is, on loan or not. False for last resorts.
 */
bool unpopulated_pool_owns(struct unpopulated_pool *pool, unsigned long pfn)
{
	bool found;

	spin_lock(&pool->lock);
	found = pool_find_slow(pool, pfn);
	spin_unlock(&pool->lock);
	return found;
}

/* Regions by fullness */

/* The least number of free pages for which @region belongs to list @fullness. */
static unsigned long fullness_start(const struct unpopulated_region *region,
				    int fullness)
{
	if (fullness < 0)
		return 0;
	return max(1UL, DIV_ROUND_UP(fullness * region->nr_pages,
				     UNPOPULATED_FULLNESS));
}

/* The fullest region that has free pages, or NULL. */
static struct unpopulated_region *pool_fullest(struct unpopulated_pool *pool)
{
	int i;

	for (i = 0; i <= UNPOPULATED_FULLNESS; i++) {
		if (!hlist_empty(&pool->avail[i]))
			return hlist_entry(pool->avail[i].first,
					   struct unpopulated_region, list);
	}
	return NULL;
}

/* The number of free pages below which @region leaves list @fullness. */
static unsigned long fullness_end(const struct unpopulated_region *region,
				  int fullness)
{
	/* An empty region is to be told from one that is in use. */
	if (fullness == UNPOPULATED_FULLNESS)
		return region->nr_pages - region->nr_pages / 16;
	return fullness_start(region, fullness > 0 ? fullness - 1 : fullness);
}

/* Put @region on the list that its number of free pages calls for. */
static noinline void region_move(struct unpopulated_pool *pool,
				 struct unpopulated_region *region)
{
	int fullness = region->nr_free * UNPOPULATED_FULLNESS / region->nr_pages;

	if (!region->nr_free)
		fullness = -1;
	region->fullness = fullness;
	region->least_free = fullness_end(region, fullness);
	region->most_free = fullness_start(region, fullness + 1);
	/* The moment that it is empty matters for what can be given back. */
	if (!unpopulated_region_is_permanent(region))
		region->most_free = min(region->most_free, region->nr_pages);

	hlist_del_init(&region->list);
	if (fullness >= 0)
		hlist_add_head(&region->list, &pool->avail[fullness]);
	pool->fullest = pool_fullest(pool);
}

/* Pages of @region were taken: is it on the right list still? */
static void region_fuller(struct unpopulated_pool *pool,
			  struct unpopulated_region *region)
{
	lockdep_assert_held(&pool->lock);

	if (unlikely(region->nr_free < region->least_free))
		region_move(pool, region);
}

static unsigned long pool_low_water(struct unpopulated_pool *pool)
{
	return min(pool->nr_lent_peak, UNPOPULATED_LOW_WATER);
}

static void pool_set_alarm(struct unpopulated_pool *pool)
{
	lockdep_assert_held(&pool->lock);

	pool->alarm_free = pool->nr_total - pool->nr_lent_peak;
	if (pool->nr_total < pool->nr_lent_peak)
		pool->alarm_free = 0;
	if (pool->grow_ahead)
		pool->alarm_free = max(pool->alarm_free, pool_low_water(pool));
}

/**
 * unpopulated_pool_insert - put a region into use
 * @pool: the pool
 * @region: the region, all of its pages free
 */
void unpopulated_pool_insert(struct unpopulated_pool *pool,
			     struct unpopulated_region *region)
{
	spin_lock(&pool->lock);
	rb_add(&region->node, &pool->regions, region_less);
	region->empty_since = jiffies;
	region_move(pool, region);
	pool->nr_regions++;
	pool->nr_total += region->nr_pages;
	pool->nr_free += region->nr_pages;
	if (region->source != UNPOPULATED_BOOT)
		pool->grow_ahead = true;
	pool_set_alarm(pool);
	spin_unlock(&pool->lock);
}

static void pool_remove(struct unpopulated_pool *pool,
			struct unpopulated_region *region)
{
	lockdep_assert_held(&pool->lock);

	rb_erase(&region->node, &pool->regions);
	hlist_del_init(&region->list);
	pool->fullest = pool_fullest(pool);
	if (pool->last == region)
		pool->last = NULL;
	pool->nr_regions--;
	pool->nr_total -= region->nr_pages;
	pool->nr_free -= region->nr_pages;
	pool_set_alarm(pool);
}

/**
 * unpopulated_pool_remove - take a region out of use
 * @pool: the pool
 * @region: the region, all of its pages free
 */
void unpopulated_pool_remove(struct unpopulated_pool *pool,
			     struct unpopulated_region *region)
{
	spin_lock(&pool->lock);
	pool_remove(pool, region);
	spin_unlock(&pool->lock);
}

/* Reserving */

/* Few pages are left, or more are on loan than ever before. */
static noinline void pool_alarm(struct unpopulated_pool *pool)
{
	pool->nr_lent_peak = max(pool->nr_lent_peak,
				 pool->nr_total - pool->nr_free);
	if (pool->grow_ahead && pool->nr_free < pool_low_water(pool)) {
		/* Asked once, until the work has seen to it. */
		pool->grow_ahead = false;
		mod_delayed_work(system_freezable_wq, &pool->work, 0);
	}
	pool_set_alarm(pool);
}

static void pool_reserve(struct unpopulated_pool *pool, unsigned long nr_pages)
{
	lockdep_assert_held(&pool->lock);

	pool->nr_free -= nr_pages;
	pool->nr_served += nr_pages;
	if (unlikely(pool->nr_free < pool->alarm_free))
		pool_alarm(pool);
}

/* Would an allocation of @nr_pages raise the alarm, or find too few pages? */
static inline bool pool_has_few(const struct unpopulated_pool *pool,
				unsigned long nr_pages)
{
	return pool->nr_free < pool->alarm_free + nr_pages;
}

/*
 * Can @nr_pages be reserved? While CPUs have pages, only such a number that raises
 * no alarm, which has to be exact.
 */
static bool pool_can_reserve(const struct unpopulated_pool *pool,
			     unsigned long nr_pages)
{
	if (pool->nr_cpus)
		return !pool_has_few(pool, nr_pages);
	return pool->nr_free >= nr_pages;
}

/* Free pages */

/* The page of the lowest bit in @word of @region's bitmap. */
static struct page *region_word_page(const struct unpopulated_region *region,
				     unsigned long word)
{
	return region->base + word * BITS_PER_LONG;
}

/* The word of @region's bitmap that has the lowest free pages. */
static unsigned long region_first_word(struct unpopulated_region *region)
{
	unsigned long word = region->hint;

	while (unlikely(region->used[word] == ULONG_MAX))
		region->hint = ++word;
	return word;
}

/* Is @region empty, and would enough pages stay without it? */
static bool region_is_spare(struct unpopulated_pool *pool,
			    struct unpopulated_region *region)
{
	return region->nr_free == region->nr_pages &&
	       !unpopulated_region_is_permanent(region) &&
	       pool->nr_free > region->nr_pages + 2 * pool_low_water(pool);
}

/* Is there anything that pool_idle() will find when it is empty long enough? */
static bool pool_has_spare(struct unpopulated_pool *pool)
{
	struct unpopulated_region *region;

	lockdep_assert_held(&pool->lock);

	hlist_for_each_entry(region, &pool->avail[UNPOPULATED_FULLNESS], list) {
		if (region_is_spare(pool, region))
			return true;
	}
	return false;
}

/* @region is empty, or has to go to another list: is there something to give back? */
static noinline void region_emptier(struct unpopulated_pool *pool,
				    struct unpopulated_region *region)
{
	/* Words that were freed page by page. */
	region->whole = 0;
	if (region->nr_free == region->nr_pages)
		region->empty_since = jiffies;
	if (region->fullness < UNPOPULATED_FULLNESS)
		region_move(pool, region);

	/* With more free pages, other regions may be spare by now, too. */
	if (!delayed_work_pending(&pool->work) && pool_has_spare(pool))
		queue_delayed_work(system_freezable_wq, &pool->work,
				   UNPOPULATED_IDLE);
}

/* @nr pages came back, the first of them in @word. */
static inline void region_count_freed(struct unpopulated_pool *pool,
				      struct unpopulated_region *region,
				      unsigned long word, unsigned long nr)
{
	lockdep_assert_held(&pool->lock);

	if (word < region->hint)
		region->hint = word;
	pool->nr_free += nr;
	region->nr_free += nr;
	if (unlikely(region->nr_free >= region->most_free))
		region_emptier(pool, region);
}

/* Pages of a CPU */

/* Does @region have a page for each bit of @word? */
static bool region_word_is_whole(const struct unpopulated_region *region,
				 unsigned long word)
{
	unsigned long bit = word * BITS_PER_LONG;

	return bit >= region->first_bit &&
	       bit + BITS_PER_LONG <= region->first_bit + region->nr_pages;
}

/* The CPU that has the page of @bit to itself, or NULL. */
static inline struct unpopulated_cpu *
region_cpu(const struct unpopulated_region *region, unsigned long bit)
{
	struct unpopulated_cpu *cpu = region->cpus[bit / UNPOPULATED_LEAF_PAGES];

	if (likely(!cpu) || bit - cpu->word * BITS_PER_LONG >= cpu->nr_pages)
		return NULL;
	return cpu;
}

/* How many of the @nr pages from @bit on are before the first one that a CPU has. */
static unsigned long region_unshared_run(const struct unpopulated_region *region,
					 unsigned long bit, unsigned long nr)
{
	unsigned long end = bit;

	while (end < bit + nr && !region_cpu(region, end))
		end = region->cpus[end / UNPOPULATED_LEAF_PAGES] ?
		      round_down(end, BITS_PER_LONG) + BITS_PER_LONG :
		      round_down(end, UNPOPULATED_LEAF_PAGES) +
		      UNPOPULATED_LEAF_PAGES;
	return min(end - bit, nr);
}

static unsigned long cpu_nr_free(const struct unpopulated_cpu *cpu)
{
	return cpu->nr_in - cpu->nr_out;
}

/* The pages of @cpu go back to their region. */
static void cpu_return(struct unpopulated_pool *pool,
		       struct unpopulated_cpu *cpu)
{
	struct unpopulated_region *region = cpu->region;

	lockdep_assert_held(&cpu->lock);
	if (!region)
		return;

	spin_lock(&pool->lock);
	bitmap_complement(region->used + cpu->word, cpu->free, cpu->nr_pages);
	region->cpus[cpu->word / LEAF_WORDS] = NULL;
	region->whole = min(region->whole, cpu->word);
	region_count_freed(pool, region, cpu->word, cpu_nr_free(cpu));
	pool->nr_served += cpu->nr_out;
	pool->nr_cpus--;

	cpu->region = NULL;
	WRITE_ONCE(cpu->nr_pages, 0);
	cpu->nr_in = 0;
	cpu->nr_out = 0;
	bitmap_zero(cpu->free, UNPOPULATED_LEAF_PAGES);
	spin_unlock(&pool->lock);
}

/*
 * The words of @leaf that a CPU may have to itself: from @word, the first one with
 * free pages, up to @end. Returns the number of free pages.
 *
 * What is on loan beyond the peak has to be known, and pages of CPUs are not counted
 * as free. So each gets its part of those that may be lent below the peak.
 */
static unsigned long leaf_offers(const struct unpopulated_pool *pool,
				 const struct unpopulated_region *region,
				 unsigned long leaf, unsigned long *word,
				 unsigned long *end)
{
	unsigned long last = min((leaf + 1) * LEAF_WORDS,
				 region->nr_bits / BITS_PER_LONG);
	unsigned long nr = 0, nr_free;

	*end = leaf * LEAF_WORDS;
	while (*end < last && (region->used[*end] == ULONG_MAX ||
			       !region_word_is_whole(region, *end)))
		++*end;

	for (*word = *end; *end < last; ++*end, nr += nr_free) {
		nr_free = hweight_long(~region->used[*end]);
		if (!region_word_is_whole(region, *end) ||
		    pool_has_few(pool, (nr + nr_free) * num_online_cpus()))
			break;
	}
	return nr;
}

/*
 * Find words with @nr_pages free pages for a CPU, in the fullest region that has
 * such. Leaves of which a CPU has some are left alone, and so are those in which, on
 * PV, pages cannot take a foreign frame yet. Returns the number of free pages, or 0.
 */
static unsigned long pool_find_words(struct unpopulated_pool *pool,
				     unsigned long nr_pages,
				     struct unpopulated_region **region,
				     unsigned long *word, unsigned long *end)
{
	struct unpopulated_region *pos;
	unsigned long leaf, nr;
	unsigned int i, nr_seen = 0;

	for (i = 0; i <= UNPOPULATED_FULLNESS; i++) {
		hlist_for_each_entry(pos, &pool->avail[i], list) {
			leaf = region_first_word(pos) / LEAF_WORDS;
			for (; leaf * LEAF_WORDS * BITS_PER_LONG < pos->nr_bits;
			     leaf++) {
				if (nr_seen++ == MAX_LEAVES)
					return 0;
				if (pos->cpus[leaf] ||
				    (pos->backed && !test_bit(leaf, pos->backed)))
					continue;
				nr = leaf_offers(pool, pos, leaf, word, end);
				if (nr < nr_pages)
					continue;
				*region = pos;
				return nr;
			}
		}
	}
	return 0;
}

/* @cpu gets pages to itself, @nr_pages or more, if the pool can do without. */
static void cpu_take(struct unpopulated_pool *pool,
		     struct unpopulated_cpu *cpu, unsigned long nr_pages)
{
	struct unpopulated_region *region;
	unsigned long word, end, nr;

	lockdep_assert_held(&cpu->lock);

	spin_lock(&pool->lock);
	if (pool->nr_gathers || pool_has_few(pool, nr_pages))
		goto out;
	nr = pool_find_words(pool, nr_pages, &region, &word, &end);
	if (!nr)
		goto out;

	cpu->region = region;
	cpu->word = word;
	WRITE_ONCE(cpu->base, region_word_page(region, word));
	WRITE_ONCE(cpu->nr_pages, (end - word) * BITS_PER_LONG);
	cpu->nr_in = nr;
	cpu->next = 0;
	bitmap_complement(cpu->free, region->used + word, cpu->nr_pages);

	bitmap_set(region->used, word * BITS_PER_LONG, cpu->nr_pages);
	region->cpus[word / LEAF_WORDS] = cpu;
	region->nr_free -= nr;
	region_fuller(pool, region);
	pool->nr_free -= nr;
	pool->nr_cpus++;

	/* Nobody else sees when the region is empty but for these pages. */
	if (!unpopulated_region_is_permanent(region) &&
	    !delayed_work_pending(&pool->work))
		queue_delayed_work(system_freezable_wq, &pool->work,
				   UNPOPULATED_IDLE);
out:
	spin_unlock(&pool->lock);
}

/**
 * unpopulated_pool_gather - take the pages of all CPUs back
 * @pool: the pool
 *
 * From here to unpopulated_pool_gather_end() no CPU has pages to itself, so that
 * the pool's numbers are exact.
 *
 * Context: may be nested and called by several at once.
 */
void unpopulated_pool_gather(struct unpopulated_pool *pool)
{
	struct unpopulated_cpu *cpu;
	unsigned int nr_cpus;
	int i;

	spin_lock(&pool->lock);
	pool->nr_gathers++;
	nr_cpus = pool->nr_cpus;
	spin_unlock(&pool->lock);
	if (!nr_cpus)
		return;

	for_each_possible_cpu(i) {
		cpu = per_cpu_ptr(pool->cpus, i);
		/* None gets any from here on. */
		if (!READ_ONCE(cpu->nr_pages))
			continue;
		spin_lock(&cpu->lock);
		cpu_return(pool, cpu);
		spin_unlock(&cpu->lock);
	}
}

/**
 * unpopulated_pool_gather_end - let CPUs have pages to themselves again
 * @pool: the pool
 */
void unpopulated_pool_gather_end(struct unpopulated_pool *pool)
{
	spin_lock(&pool->lock);
	pool->nr_gathers--;
	spin_unlock(&pool->lock);
}

/* Growth */

/*
 * Make pages for an allocation of @nr_pages that finds too few. Everybody who is
 * short waits here, and what the first one made may do for the next.
 */
static int pool_grow(struct unpopulated_pool *pool, unsigned long nr_pages)
{
	unsigned long nr_free;
	u64 want;
	int ret;

	guard(mutex)(&pool->grow_lock);
	pool->nr_waited++;

	while ((nr_free = READ_ONCE(pool->nr_free)) < nr_pages) {
		want = round_up((u64)(nr_pages - nr_free) << PAGE_SHIFT,
				SUBSECTION_SIZE);
		/* Struct pages for less than all would be made in vain. */
		if (!pool->holes_above && hlist_empty(&pool->spare) &&
		    unpopulated_space_size(&pool->space,
					   SUBSECTION_SIZE) < want)
			return -ENODEV;

		ret = unpopulated_region_grow(pool, SUBSECTION_SIZE, want,
					      U64_MAX);
		if (ret)
			return ret;
	}
	return 0;
}

/* A region for a run that fits in none of those there are. */
static int pool_grow_run(struct unpopulated_pool *pool, unsigned int nr_pages,
			 unsigned long limit_pfn)
{
	u64 size = round_up((u64)nr_pages << PAGE_SHIFT, SUBSECTION_SIZE);
	u64 limit = limit_pfn > PFN_DOWN(U64_MAX) ? U64_MAX :
		    PFN_PHYS((u64)limit_pfn);

	pool->nr_waited++;
	return unpopulated_region_grow(pool, size, size, limit);
}

/* Growing ahead of need, and giving back */

static void pool_grow_ahead(struct unpopulated_pool *pool)
{
	bool can_grow = true;

	lockdep_assert_held(&pool->grow_lock);

	while (can_grow && READ_ONCE(pool->nr_free) < pool_low_water(pool))
		can_grow = !unpopulated_region_grow(pool, SUBSECTION_SIZE,
						    SUBSECTION_SIZE, U64_MAX);

	spin_lock(&pool->lock);
	pool->grow_ahead = can_grow;
	pool_set_alarm(pool);
	spin_unlock(&pool->lock);
}

/* The largest region that is spare and was empty long enough; small ones stay. */
static struct unpopulated_region *pool_idle(struct unpopulated_pool *pool)
{
	struct unpopulated_region *region, *found = NULL;

	lockdep_assert_held(&pool->lock);

	hlist_for_each_entry(region, &pool->avail[UNPOPULATED_FULLNESS], list) {
		if ((!found || region->nr_pages > found->nr_pages) &&
		    time_after_eq(jiffies, region->empty_since +
					   UNPOPULATED_IDLE) &&
		    region_is_spare(pool, region))
			found = region;
	}
	return found;
}

/*
 * How long it takes until the first of the spare regions may be given back, in
 * jiffies; a second at least, so that those that emptied together go together.
 */
static unsigned long pool_idle_in(struct unpopulated_pool *pool)
{
	unsigned long due = UNPOPULATED_IDLE - jiffies;
	struct unpopulated_region *region;
	long left = UNPOPULATED_IDLE;

	lockdep_assert_held(&pool->grow_lock);
	lockdep_assert_held(&pool->lock);

	hlist_for_each_entry(region, &pool->avail[UNPOPULATED_FULLNESS], list) {
		if (region_is_spare(pool, region))
			left = min(left, (long)(region->empty_since + due));
	}
	return max3(left, (long)(pool->last_grown + due), (long)HZ);
}

/*
 * A page that came back can still be in use: direct I/O, or whatever else holds
 * a reference. memunmap_pages() does not wait for those.
 */
static bool region_in_use(const struct unpopulated_region *region)
{
	unsigned long pfn;

	for (pfn = region->start_pfn;
	     pfn < region->start_pfn + region->nr_pages; pfn++) {
		if (page_count(pfn_to_page(pfn)) != 1)
			return true;
	}
	return false;
}

static void pool_give_back(struct unpopulated_pool *pool)
{
	struct unpopulated_region *region;

	lockdep_assert_held(&pool->grow_lock);

	if (time_before(jiffies, pool->last_grown + UNPOPULATED_IDLE))
		return;

	for (;;) {
		spin_lock(&pool->lock);
		region = pool_idle(pool);
		if (region)
			pool_remove(pool, region);
		spin_unlock(&pool->lock);
		if (!region)
			return;

		/* Nobody can be given a page of it any more. */
		region->busy = region_in_use(region);
		if (region->busy) {
			pool->nr_busy++;
			unpopulated_pool_insert(pool, region);
		} else {
			pool->nr_released++;
			unpopulated_region_destroy(pool, region);
		}
		cond_resched();
	}
}

/**
 * unpopulated_pool_work - grow ahead of need and give back what stays empty
 * @work: the pool's
 *
 * An allocation that leaves few pages wakes it at once. A free that leaves a
 * region empty has it look later, and it goes on looking as long as there is
 * something to give back.
 */
void unpopulated_pool_work(struct work_struct *work)
{
	struct unpopulated_pool *pool =
		container_of(work, struct unpopulated_pool, work.work);

	guard(mutex)(&pool->grow_lock);
	unpopulated_pool_gather(pool);
	pool_grow_ahead(pool);
	pool_give_back(pool);

	spin_lock(&pool->lock);
	if (pool_has_spare(pool))
		queue_delayed_work(system_freezable_wq, &pool->work,
				   pool_idle_in(pool));
	spin_unlock(&pool->lock);
	unpopulated_pool_gather_end(pool);
}

/* Allocation */

/*
 * The first of @nr words of @region's bitmap in a row, from @word on and near it,
 * that are all free. Returns @word where there are none.
 */
static unsigned long region_find_words(const struct unpopulated_region *region,
				       unsigned long word, unsigned long nr)
{
	unsigned long end = min(word + MAX_WORDS,
				region->nr_bits / BITS_PER_LONG);
	unsigned long first = word, left = nr;

	/* The last one first: if it is not free, none do that begin before it. */
	while (left && first + nr <= end) {
		if (region->used[first + --left]) {
			first += left + 1;
			left = nr;
		}
	}
	return left ? word : first;
}

/*
 * The word of @region's bitmap to take some of @nr_pages from, at best @row of them
 * in a row. What fills a word is not scattered over what others left.
 */
static unsigned long region_next_word(struct unpopulated_region *region,
				      unsigned long nr_pages,
				      unsigned long row)
{
	unsigned long end = region->nr_bits / BITS_PER_LONG;
	unsigned long word = region->whole;

	if (nr_pages < BITS_PER_LONG)
		return region_first_word(region);

	while (word < end && region->used[word])
		word++;
	region->whole = word;
	if (word == end)
		return region_first_word(region);
	return region_find_words(region, word,
				 min(DIV_ROUND_UP(row, BITS_PER_LONG),
				     LEAF_WORDS));
}

/* The lowest @nr of the set bits in @bits, which has more than that. */
static unsigned long lowest_bits(unsigned long bits, unsigned long nr)
{
	unsigned long shift = __ffs(bits), rest = bits;
	unsigned long run = (BIT(nr) - 1) << shift;

	/* Most often they are neighbours. */
	if (shift + nr <= BITS_PER_LONG && (bits & run) == run)
		return run;

	while (nr--)
		rest &= rest - 1;
	return bits & ~rest;
}

/*
 * Take up to @nr_pages reserved pages of @region: those returned of @word, and
 * @nr_next from the next word on, as far as they are free.
 */
static unsigned long region_take(struct unpopulated_pool *pool,
				 struct unpopulated_region *region,
				 unsigned long word, unsigned long nr_pages,
				 unsigned long *nr_next)
{
	unsigned long bits = ~region->used[word], nr = hweight_long(bits);
	unsigned long end = word + LEAF_WORDS, left, nr_here, mask;

	lockdep_assert_held(&pool->lock);

	if (nr > nr_pages) {
		bits = lowest_bits(bits, nr_pages);
		nr = nr_pages;
	}
	region->used[word] |= bits;

	/* On PV, the caller sees to one leaf of the p2m. */
	if (region->backed)
		end = round_up(word + 1, LEAF_WORDS);
	end = min(end, region->nr_bits / BITS_PER_LONG);

	for (left = nr_pages - nr; left && ++word < end; left -= nr_here) {
		nr_here = min(left, BITS_PER_LONG);
		mask = ULONG_MAX >> (BITS_PER_LONG - nr_here);
		if (region->used[word] & mask)
			break;
		region->used[word] |= mask;
	}

	*nr_next = nr_pages - nr - left;
	region->nr_free -= nr_pages - left;
	region_fuller(pool, region);
	return bits;
}

/*
 * Store @nr neighbours from @page on. Returns where the next ones go.
 *
 * A loop over all pages counts up to zero, which takes no comparison.
 */
static inline struct page **store_run(struct page *page, unsigned long nr,
				      struct page **pages)
{
	struct page **end = pages + nr;
	long i;

	for (i = -nr; i; i++, page++)
		end[i] = page;
	return end;
}

/*
 * Store the pages that @bits has of a word whose lowest bit is @page. Returns
 * where the next ones go.
 */
static struct page **store_pages(struct page *page, unsigned long bits,
				 struct page **pages)
{
	unsigned long first, rest, nr;

	/* No two are neighbours. */
	if (!(bits & (bits >> 1))) {
		for (; bits; bits &= bits - 1)
			*pages++ = page + __ffs(bits);
		return pages;
	}

	for (; bits; bits &= rest) {
		first = __ffs(bits);
		/* The carry goes to the end of the first run of neighbours. */
		rest = bits + BIT(first);
		nr = (rest ? __ffs(rest) : BITS_PER_LONG) - first;
		pages = store_run(page + first, nr, pages);
	}
	return pages;
}

/* On PV, pages of one word need a leaf of the p2m before they are handed out. */
static inline int region_back_word(struct unpopulated_pool *pool,
				   struct unpopulated_region *region,
				   unsigned long word)
{
	if (likely(!region->backed ||
		   test_bit(word / LEAF_WORDS, region->backed)))
		return 0;
	return unpopulated_region_back(pool, region, word * BITS_PER_LONG);
}

/* Pages from the last resort, remembered so that their free finds back. */
static int last_resort_alloc(struct unpopulated_pool *pool,
			     unsigned int nr_pages, struct page **pages)
{
	unsigned int i, noio;
	int ret;

	if (!pool->last_resort_alloc)
		return -ENODEV;

	atomic_long_inc(&pool->nr_fallbacks);
	noio = memalloc_noio_save();
	ret = pool->last_resort_alloc(nr_pages, pages);
	if (ret)
		goto restore;

	for (i = 0; i < nr_pages; i++) {
		ret = xa_insert(&pool->last_resort, page_to_pfn(pages[i]),
				xa_mk_value(0), GFP_KERNEL);
		if (ret)
			goto erase;
	}
	atomic_long_add(nr_pages, &pool->nr_last_resort);
	goto restore;

erase:
	while (i--)
		xa_erase(&pool->last_resort, page_to_pfn(pages[i]));
	pool->last_resort_free(nr_pages, pages);
restore:
	memalloc_noio_restore(noio);
	return ret;
}

/*
 * Reserve @nr_pages where there are too few, or where it has to be known exactly how
 * many are on loan.
 */
static noinline int pool_reserve_slow(struct unpopulated_pool *pool,
				      unsigned long nr_pages)
{
	int ret = 0;

	unpopulated_pool_gather(pool);
	spin_lock(&pool->lock);
	while (unlikely(!ret && pool->nr_free < nr_pages)) {
		spin_unlock(&pool->lock);
		ret = pool_grow(pool, nr_pages);
		spin_lock(&pool->lock);
	}
	if (!ret)
		pool_reserve(pool, nr_pages);
	spin_unlock(&pool->lock);
	unpopulated_pool_gather_end(pool);
	return ret;
}

static noinline int pool_alloc_many(struct unpopulated_pool *pool,
				    unsigned int nr_pages, struct page **pages)
{
	struct page **next = pages, **end = pages + nr_pages, **first;
	unsigned long word, nr_next, bits, row = nr_pages;
	struct unpopulated_region *region;
	struct page *page;
	int ret;

	if (!nr_pages)
		return 0;
	if (nr_pages > INT_MAX / PAGE_SIZE)
		return -EINVAL;

	spin_lock(&pool->lock);
	if (likely(pool_can_reserve(pool, nr_pages))) {
		pool_reserve(pool, nr_pages);
	} else {
		spin_unlock(&pool->lock);
		ret = pool_reserve_slow(pool, nr_pages);
		if (ret == -ENODEV)
			return last_resort_alloc(pool, nr_pages, pages);
		if (ret)
			return ret;
		spin_lock(&pool->lock);
	}

	for (ret = 0;;) {
		region = pool->fullest;
		word = region_next_word(region, nr_pages, row);
		bits = region_take(pool, region, word, end - next, &nr_next);
		spin_unlock(&pool->lock);

		page = region_word_page(region, word);
		first = next;
		next = store_pages(page, bits, next);
		next = store_run(page + BITS_PER_LONG, nr_next, next);
		if (!ret)
			ret = region_back_word(pool, region, word);
		if (next == end)
			break;

		/* What is not in a row here is not looked for again. */
		row = min(next - first, end - next);
		if (need_resched())
			cond_resched();
		spin_lock(&pool->lock);
	}

	if (unlikely(ret))
		unpopulated_pool_free(pool, nr_pages, pages);
	return ret;
}

/* The word of what @cpu has to take pages from, one after the other. */
static unsigned long cpu_next_word(struct unpopulated_cpu *cpu)
{
	while (!cpu->free[cpu->next])
		cpu->next = (cpu->next + 1) % LEAF_WORDS;
	return cpu->next;
}

/* Take pages out of what @cpu has, which is enough. */
static void cpu_hand_out(struct unpopulated_cpu *cpu, unsigned long nr_pages,
			 struct page **pages)
{
	unsigned long mask = ULONG_MAX >> (BITS_PER_LONG - nr_pages);
	unsigned long word = cpu_next_word(cpu), bits, bit, nr;

	cpu->nr_out += nr_pages;

	/* Most often they are neighbours. */
	bit = __ffs(cpu->free[word]);
	mask <<= bit;
	if (bit + nr_pages <= BITS_PER_LONG && !(mask & ~cpu->free[word])) {
		cpu->free[word] &= ~mask;
		store_run(cpu->base + word * BITS_PER_LONG + bit, nr_pages,
			  pages);
		return;
	}

	for (; nr_pages; nr_pages -= nr) {
		word = cpu_next_word(cpu);
		bits = cpu->free[word];
		nr = hweight_long(bits);
		if (nr > nr_pages) {
			bits = lowest_bits(bits, nr_pages);
			nr = nr_pages;
		}
		cpu->free[word] &= ~bits;
		pages = store_pages(cpu->base + word * BITS_PER_LONG, bits,
				    pages);
	}
}

/* No more pages than a word has: out of what this CPU has to itself. */
static noinline int pool_alloc_few(struct unpopulated_pool *pool,
				   unsigned long nr_pages, struct page **pages)
{
	struct unpopulated_cpu *cpu = raw_cpu_ptr(pool->cpus);
	bool found;

	spin_lock(&cpu->lock);
	if (cpu_nr_free(cpu) < nr_pages) {
		cpu_return(pool, cpu);
		cpu_take(pool, cpu, nr_pages);
	}
	found = cpu_nr_free(cpu) >= nr_pages;
	if (likely(found))
		cpu_hand_out(cpu, nr_pages, pages);
	spin_unlock(&cpu->lock);

	return likely(found) ? 0 : pool_alloc_many(pool, nr_pages, pages);
}

/* The short way for one page. */
static __always_inline int pool_alloc_one(struct unpopulated_pool *pool,
					  struct unpopulated_cpu *cpu,
					  struct page **pages)
{
	unsigned long word, bits;

	spin_lock(&cpu->lock);
	word = cpu->next;
	bits = cpu->free[word];
	if (unlikely(!bits)) {
		spin_unlock(&cpu->lock);
		return pool_alloc_few(pool, 1, pages);
	}

	cpu->free[word] = bits & (bits - 1);
	pages[0] = cpu->base + word * BITS_PER_LONG + __ffs(bits);
	cpu->nr_out++;
	spin_unlock(&cpu->lock);
	return 0;
}

static __always_inline int
pool_alloc(struct unpopulated_pool *pool,
	   struct unpopulated_cpu __percpu *cpus, unsigned int nr_pages,
	   struct page **pages)
{
	might_sleep();
	if (nr_pages == 1)
		return pool_alloc_one(pool, raw_cpu_ptr(cpus), pages);
	if (nr_pages - 1 < BITS_PER_LONG)
		return pool_alloc_few(pool, nr_pages, pages);
	return pool_alloc_many(pool, nr_pages, pages);
}

/**
 * unpopulated_pool_alloc - take pages out of the pool
 * @pool: the pool
 * @nr_pages: number of pages
 * @pages: returns the pages
 *
 * Context: may sleep, waits for growth.
 *
 * Return: 0; -EINVAL for an @nr_pages over INT_MAX / PAGE_SIZE; -ENODEV without
 * space and without a last resort; -ENOMEM where RAM is short; or the error of
 * the last resort. On failure no page is held.
 */
int unpopulated_pool_alloc(struct unpopulated_pool *pool, unsigned int nr_pages,
			   struct page **pages)
{
	return pool_alloc(pool, pool->cpus, nr_pages, pages);
}

/* Contiguous runs */

/*
 * Take a run out of @region that ends below @limit_pfn. A run whose length is a
 * power of two is aligned to it, up to 2 MiB, so that it can be mapped by large
 * entries; @base_pfn is a multiple of that. Returns the bit, or @nr_bits.
 */
static unsigned long region_take_run(struct unpopulated_region *region,
				     unsigned int nr_pages,
				     unsigned long limit_pfn)
{
	unsigned long align = 1, end = region->nr_bits, bit;

	if (region->nr_free < nr_pages || limit_pfn <= region->base_pfn)
		return region->nr_bits;

	if (is_power_of_2(nr_pages))
		align = min_t(unsigned long, nr_pages, SZ_2M >> PAGE_SHIFT);
	end = min(end, limit_pfn - region->base_pfn);

	bit = bitmap_find_next_zero_area(region->used, end,
					 region->hint * BITS_PER_LONG, nr_pages,
					 align - 1);
	if (bit + nr_pages > end)
		return region->nr_bits;

	bitmap_set(region->used, bit, nr_pages);
	region->nr_free -= nr_pages;
	return bit;
}

static struct unpopulated_region *pool_take_run(struct unpopulated_pool *pool,
						unsigned int nr_pages,
						unsigned long limit_pfn,
						unsigned long *bit)
{
	struct unpopulated_region *region, *found = NULL;
	struct rb_node *node = NULL;

	spin_lock(&pool->lock);
	if (pool_can_reserve(pool, nr_pages))
		node = rb_first(&pool->regions);

	for (; node && !found; node = rb_next(node)) {
		region = rb_entry(node, struct unpopulated_region, node);
		*bit = region_take_run(region, nr_pages, limit_pfn);
		if (*bit < region->nr_bits) {
			region_fuller(pool, region);
			pool_reserve(pool, nr_pages);
			found = region;
		}
	}
	spin_unlock(&pool->lock);
	return found;
}

/* The same where there are none yet. Returns an ERR_PTR() where there can be none. */
static struct unpopulated_region *pool_make_run(struct unpopulated_pool *pool,
						unsigned int nr_pages,
						unsigned long limit_pfn,
						unsigned long *bit)
{
	struct unpopulated_region *region;
	int ret;

	guard(mutex)(&pool->grow_lock);
	while (!(region = pool_take_run(pool, nr_pages, limit_pfn, bit))) {
		ret = pool_grow_run(pool, nr_pages, limit_pfn);
		if (ret)
			return ERR_PTR(ret);
	}
	return region;
}

/**
 * unpopulated_pool_alloc_run - take contiguous pages out of the pool
 * @pool: the pool
 * @nr_pages: number of pages
 * @limit_pfn: all pages have to lie below this one
 * @pages: returns the pages in ascending order
 *
 * Takes the lowest run of which no CPU has a page to itself.
 *
 * Context: may sleep, waits for growth.
 *
 * Return: 0; -EINVAL for an @nr_pages of 0 or over INT_MAX / PAGE_SIZE; -ENODEV
 * where nothing below @limit_pfn can serve; -ENOMEM where RAM is short. On
 * failure no page is held.
 */
int unpopulated_pool_alloc_run(struct unpopulated_pool *pool,
			       unsigned int nr_pages, unsigned long limit_pfn,
			       struct page **pages)
{
	struct unpopulated_region *region;
	unsigned long bit, first;
	int ret = 0;

	might_sleep();
	if (!nr_pages || nr_pages > INT_MAX / PAGE_SIZE)
		return -EINVAL;

	region = pool_take_run(pool, nr_pages, limit_pfn, &bit);
	if (!region) {
		unpopulated_pool_gather(pool);
		region = pool_take_run(pool, nr_pages, limit_pfn, &bit);
		if (!region)
			region = pool_make_run(pool, nr_pages, limit_pfn, &bit);
		unpopulated_pool_gather_end(pool);
		if (IS_ERR(region))
			return PTR_ERR(region);
	}

	store_run(region->base + bit, nr_pages, pages);

	if (likely(!region->backed))
		return 0;

	for (first = bit; !ret && first < bit + nr_pages;
	     first = round_down(first, UNPOPULATED_LEAF_PAGES) +
		     UNPOPULATED_LEAF_PAGES)
		ret = unpopulated_region_back(pool, region, first);
	if (ret)
		unpopulated_pool_free(pool, nr_pages, pages);
	return ret;
}

/* Freeing */

static noinline void pool_refuse(struct unpopulated_pool *pool,
				 unsigned long pfn,
				 const char *why)
{
	lockdep_assert_held(&pool->lock);

	pool->nr_refused++;
	pr_warn_ratelimited("page %#lx not freed: %s\n", pfn, why);
}

static void pool_refuse_free(struct unpopulated_pool *pool,
			     const struct page *page)
{
	pool_refuse(pool, page_to_pfn(page), "it is free already");
}

static noinline void pool_leak(struct unpopulated_pool *pool,
			       const struct page *page)
{
	pool->nr_leaked++;
	pool_refuse(pool, page_to_pfn(page), "it still maps a grant");
}

/* The bit of @page, which need not be one of @cpu's. */
static inline unsigned long cpu_bit(const struct unpopulated_cpu *cpu,
				    const struct page *page)
{
	return page - READ_ONCE(cpu->base);
}

/* Take back one page of @region. */
static inline void region_put_one(struct unpopulated_pool *pool,
				  struct unpopulated_region *region,
				  struct page *page)
{
	unsigned long bit = region_bit(region, page);

	if (unlikely(PageForeign(page)))
		pool_leak(pool, page);
	else if (unlikely(!__test_and_clear_bit(bit, region->used)))
		pool_refuse_free(pool, page);
	else
		region_count_freed(pool, region, BIT_WORD(bit), 1);
}

/* Give a page that is in no region back to the last resort, if it came from it. */
static noinline void last_resort_put(struct unpopulated_pool *pool,
				     struct page *page)
{
	unsigned long pfn = page_to_pfn(page);

	bool mapped = xa_load(&pool->last_resort, pfn) && PageForeign(page);

	/* Of two frees of a page, one takes the entry. */
	if (!mapped && xa_erase(&pool->last_resort, pfn)) {
		atomic_long_dec(&pool->nr_last_resort);
		pool->last_resort_free(1, &page);
		return;
	}

	spin_lock(&pool->lock);
	pool->nr_leaked += mapped;
	pool_refuse(pool, pfn, mapped ? "it still maps a grant" :
		    "it was not allocated here");
	spin_unlock(&pool->lock);
}

/* Take back one page, which is where @cpu has its pages. */
static void cpu_put_one(struct unpopulated_pool *pool,
			struct unpopulated_cpu *cpu, struct page *page)
{
	unsigned long bit = cpu_bit(cpu, page);
	bool mapped = PageForeign(page);

	lockdep_assert_held(&cpu->lock);

	if (!mapped && !__test_and_set_bit(bit, cpu->free)) {
		cpu->nr_in++;
		return;
	}

	spin_lock(&pool->lock);
	if (mapped)
		pool_leak(pool, page);
	else
		pool_refuse_free(pool, page);
	spin_unlock(&pool->lock);
}

/* Take back one page, wherever it belongs, or refuse it. */
static noinline void pool_free_any(struct unpopulated_pool *pool,
				   struct page *page)
{
	struct unpopulated_region *region;
	struct unpopulated_cpu *cpu;
	bool found;

	do {
		spin_lock(&pool->lock);
		region = pool_find(pool, page);
		if (!region) {
			spin_unlock(&pool->lock);
			last_resort_put(pool, page);
			return;
		}

		cpu = region_cpu(region, region_bit(region, page));
		if (!cpu)
			region_put_one(pool, region, page);
		spin_unlock(&pool->lock);
		if (!cpu)
			return;

		spin_lock(&cpu->lock);
		found = cpu_bit(cpu, page) < cpu->nr_pages;
		if (found)
			cpu_put_one(pool, cpu, page);
		spin_unlock(&cpu->lock);
	} while (!found);
}

/* The short way for one page, of those that this CPU has. */
static __always_inline void pool_free_one(struct unpopulated_pool *pool,
					  struct unpopulated_cpu *cpu,
					  struct page *page)
{
	unsigned long bit;
	bool ours;

	spin_lock(&cpu->lock);
	bit = cpu_bit(cpu, page);
	ours = bit < cpu->nr_pages && !PageForeign(page) &&
	       !__test_and_set_bit(bit, cpu->free);
	if (likely(ours))
		cpu->nr_in++;
	spin_unlock(&cpu->lock);

	if (unlikely(!ours))
		pool_free_any(pool, page);
}

/* All flags of @page, which newer kernels wrap into a structure. */
static __always_inline unsigned long all_flags(const struct page *page)
{
	BUILD_BUG_ON(sizeof(page->flags) != sizeof(unsigned long));
	return *(const unsigned long *)&page->flags;
}

/* How many of @pages are neighbours in ascending order; 0 if one maps a grant. */
static unsigned long count_neighbours(struct page **pages, unsigned long max)
{
	struct page **end = pages + max, *page = pages[0];
	unsigned long flags = 0;
	long i = -max;

	do {
		flags |= all_flags(page);
		page++;
	} while (++i && end[i] == page);
	return test_bit(PG_foreign, &flags) ? 0 : max + i;
}

/*
 * How many of @pages, in any order, share a word of a bitmap that has @page as its
 * bit @first, and those after it up to @last; 0 if one maps a grant or comes
 * twice. Sets their bits in @mask.
 */
static unsigned long count_scattered(struct page **pages, unsigned long max,
				     struct page *page, unsigned long first,
				     unsigned long last, unsigned long *mask)
{
	unsigned long bit, bits = 0, flags = 0;
	struct page **end = pages + max;
	long i;

	for (i = -max; i; i++) {
		bit = end[i] - page;
		if (bit > last - first)
			break;
		flags |= all_flags(end[i]);
		bits |= BIT(bit);
	}
	*mask = bits << first;
	if (test_bit(PG_foreign, &flags) || hweight_long(bits) != max + i)
		return 0;
	return max + i;
}

/* Refuse the pages of @mask that are free already. Returns the others. */
static noinline unsigned long
region_refuse_free(struct unpopulated_pool *pool,
		   struct unpopulated_region *region, unsigned long word,
		   unsigned long mask)
{
	unsigned long free = mask & ~region->used[word], bit;

	for_each_set_bit(bit, &free, BITS_PER_LONG)
		pool_refuse_free(pool, region_word_page(region, word) + bit);
	return mask & ~free;
}

/*
 * Take back the @nr pages that @mask has of a word of @region's bitmap. Returns how
 * many came back.
 */
static __always_inline unsigned long
region_put_word(struct unpopulated_pool *pool,
		struct unpopulated_region *region, unsigned long word,
		unsigned long mask, unsigned long nr)
{
	if (unlikely(mask & ~region->used[word])) {
		mask = region_refuse_free(pool, region, word, mask);
		nr = hweight_long(mask);
	}
	region->used[word] &= ~mask;
	if (word < region->whole && !region->used[word])
		region->whole = word;
	return nr;
}

/*
 * Take back the @nr pages from @bit on, up to the first one that a CPU has. Returns
 * how many were dealt with.
 */
static unsigned long region_put_run(struct unpopulated_pool *pool,
				    struct unpopulated_region *region,
				    unsigned long bit, unsigned long nr)
{
	unsigned long word = BIT_WORD(bit), shift = bit % BITS_PER_LONG;
	unsigned long here, freed = 0, next = word, left;

	spin_lock(&pool->lock);
	nr = region_unshared_run(region, bit, nr);
	for (left = nr; left; left -= here, next++, shift = 0) {
		here = min(left, BITS_PER_LONG - shift);
		freed += region_put_word(pool, region, next,
					 ULONG_MAX >> (BITS_PER_LONG - here)
						   << shift, here);
	}
	region_count_freed(pool, region, word, freed);
	spin_unlock(&pool->lock);
	return nr;
}

/* Take back pages of @region in any order. Returns how many were dealt with. */
static unsigned long region_put_scattered(struct unpopulated_pool *pool,
					  struct unpopulated_region *region,
					  unsigned long nr_pages,
					  struct page **pages)
{
	unsigned long word = BIT_WORD(region_bit(region, pages[0]));
	unsigned long bit = word * BITS_PER_LONG, mask, freed;
	unsigned long first = max(bit, region->first_bit);
	unsigned long last = min(bit + BITS_PER_LONG,
				 region->first_bit + region->nr_pages) - 1;
	unsigned long n;

	n = count_scattered(pages, nr_pages, region->base + first,
			    first % BITS_PER_LONG, last % BITS_PER_LONG, &mask);
	if (unlikely(!n))
		return 0;

	spin_lock(&pool->lock);
	if (likely(!region_cpu(region, bit))) {
		freed = region_put_word(pool, region, word, mask, n);
		region_count_freed(pool, region, word, freed);
	} else {
		n = 0;
	}
	spin_unlock(&pool->lock);
	return n;
}

/*
 * Take back the first of @pages and what of its word comes with it, if @cpu has
 * them and all is well. Returns how many were taken.
 */
static unsigned long cpu_put(struct unpopulated_cpu *cpu,
			     unsigned long nr_pages, struct page **pages)
{
	unsigned long bit, word, shift, mask, n = 0;

	spin_lock(&cpu->lock);
	bit = cpu_bit(cpu, pages[0]);
	if (bit >= cpu->nr_pages || test_bit(bit, cpu->free))
		goto out;

	word = BIT_WORD(bit);
	shift = bit % BITS_PER_LONG;
	n = count_neighbours(pages, min(BITS_PER_LONG - shift, nr_pages));
	if (n >= MIN_RUN)
		mask = ULONG_MAX >> (BITS_PER_LONG - n) << shift;
	else
		n = count_scattered(pages, nr_pages,
				    cpu->base + word * BITS_PER_LONG, 0,
				    BITS_PER_LONG - 1, &mask);
	if (unlikely(!n || mask & cpu->free[word])) {
		n = 0;
		goto out;
	}
	cpu->free[word] |= mask;
	cpu->nr_in += n;
out:
	spin_unlock(&cpu->lock);
	return n;
}

/*
 * Take back the first of @pages, and what can be taken back with it. Returns how
 * many were dealt with.
 *
 * A page on loan keeps its region, and so the struct pages that are looked at
 * without the lock.
 */
static unsigned long pool_put(struct unpopulated_pool *pool,
			      unsigned long nr_pages, struct page **pages)
{
	struct unpopulated_cpu *cpu = raw_cpu_ptr(pool->cpus);
	struct unpopulated_region *region;
	unsigned long bit, room, n;

	/* A look without the lock, which cpu_put() does again with it. */
	if (cpu_bit(cpu, pages[0]) < READ_ONCE(cpu->nr_pages)) {
		n = cpu_put(cpu, nr_pages, pages);
		if (likely(n))
			return n;
	}

	spin_lock(&pool->lock);
	region = pool_find(pool, pages[0]);
	if (unlikely(!region ||
		     !test_bit(region_bit(region, pages[0]), region->used))) {
		spin_unlock(&pool->lock);
		goto one;
	}
	bit = region_bit(region, pages[0]);
	room = region->first_bit + region->nr_pages - bit;
	cpu = region_cpu(region, bit);
	spin_unlock(&pool->lock);

	if (unlikely(cpu)) {
		n = cpu_put(cpu, nr_pages, pages);
	} else {
		/* Most often they are neighbours. */
		n = count_neighbours(pages, min3(room, MAX_RUN, nr_pages));
		if (n < MIN_RUN)
			n = region_put_scattered(pool, region, nr_pages, pages);
		else
			n = region_put_run(pool, region, bit, n);
	}
	if (likely(n))
		return n;

one:
	pool_free_any(pool, pages[0]);
	return 1;
}

static noinline void pool_free_many(struct unpopulated_pool *pool,
				    unsigned int nr_pages, struct page **pages)
{
	unsigned long n, left = nr_pages;

	for (; left; left -= n, pages += n) {
		n = pool_put(pool, left, pages);
		if (n < left && need_resched())
			cond_resched();
	}
}

static __always_inline void
pool_free(struct unpopulated_pool *pool, struct unpopulated_cpu __percpu *cpus,
	  unsigned int nr_pages, struct page **pages)
{
	might_sleep();
	if (nr_pages == 1)
		pool_free_one(pool, raw_cpu_ptr(cpus), pages[0]);
	else
		pool_free_many(pool, nr_pages, pages);
}

/**
 * unpopulated_pool_free - take pages back
 * @pool: the pool
 * @nr_pages: number of pages
 * @pages: the pages, in any order and from any allocation
 *
 * A page that is not on loan, or that still maps a grant, is left as it is with
 * a warning that names it.
 *
 * Context: may sleep, never waits for growth. Warnings are rate limited, the
 * pool's @nr_refused and @nr_leaked count all.
 */
void unpopulated_pool_free(struct unpopulated_pool *pool, unsigned int nr_pages,
			   struct page **pages)
{
	pool_free(pool, pool->cpus, nr_pages, pages);
}

/*
 * Two of the exported calls, which include/xen/unpopulated-alloc.h documents. They
 * are here because a pool that the compiler knows saves a tenth of a call for
 * one page.
 */

int xen_alloc_unpopulated_pages(unsigned int nr_pages, struct page **pages)
{
	return pool_alloc(&xen_unpopulated_pool, &xen_unpopulated_cpus, nr_pages,
			  pages);
}
EXPORT_SYMBOL(xen_alloc_unpopulated_pages);

void xen_free_unpopulated_pages(unsigned int nr_pages, struct page **pages)
{
	pool_free(&xen_unpopulated_pool, &xen_unpopulated_cpus, nr_pages,
		  pages);
}
EXPORT_SYMBOL(xen_free_unpopulated_pages);

/* The view inside */

static const char *region_source(struct unpopulated_pool *pool,
				 struct unpopulated_region *region)
{
	switch (region->source) {
	case UNPOPULATED_SPACE:
		return pool->source;
	case UNPOPULATED_HOLE:
		return "hole";
	case UNPOPULATED_BOOT:
		return "boot";
	}
	return "unknown";
}

static void region_show(struct unpopulated_pool *pool,
			struct unpopulated_region *region, struct seq_file *m)
{
	unsigned long bit, end, nr_free, longest = 0, idle = 0;
	u64 start = PFN_PHYS((u64)region->start_pfn);
	const char *pinned = "no";

	spin_lock(&pool->lock);
	nr_free = region->nr_free;
	for_each_clear_bitrange(bit, end, region->used, region->nr_bits)
		longest = max(longest, end - bit);
	if (nr_free == region->nr_pages &&
	    !unpopulated_region_is_permanent(region))
		idle = (jiffies - region->empty_since) / HZ;
	if (unpopulated_region_is_permanent(region))
		pinned = "permanent";
	else if (region->busy)
		pinned = "busy";
	spin_unlock(&pool->lock);

	seq_printf(m, "region %#llx-%#llx %s pages=%lu free=%lu run=%lu idle=%lu pinned=%s\n",
		   start, start + PFN_PHYS((u64)region->nr_pages) - 1,
		   region_source(pool, region), region->nr_pages, nr_free,
		   longest, idle, pinned);
}

/**
 * unpopulated_pool_show - print the state of the pool
 * @pool: the pool
 * @m: where to; the format is documented in
 *	Documentation/driver-api/xen-unpopulated-memory.rst
 */
void unpopulated_pool_show(struct unpopulated_pool *pool, struct seq_file *m)
{
	struct rb_node *node;

	guard(mutex)(&pool->grow_lock);
	unpopulated_pool_gather(pool);

	spin_lock(&pool->lock);
	seq_printf(m, "pages_total %lu\n", pool->nr_total);
	seq_printf(m, "pages_free %lu\n", pool->nr_free);
	seq_printf(m, "pages_lent %lu\n", pool->nr_total - pool->nr_free);
	seq_printf(m, "pages_lent_peak %lu\n", pool->nr_lent_peak);
	seq_printf(m, "pages_served %lu\n", pool->nr_served);
	seq_printf(m, "pages_last_resort %ld\n",
		   atomic_long_read(&pool->nr_last_resort));
	seq_printf(m, "frees_refused %lu\n", pool->nr_refused);
	seq_printf(m, "pages_leaked %lu\n", pool->nr_leaked);
	seq_printf(m, "regions %u\n", pool->nr_regions);
	spin_unlock(&pool->lock);

	seq_printf(m, "grows %lu\n", pool->nr_grown);
	seq_printf(m, "waits %lu\n", pool->nr_waited);
	seq_printf(m, "failures %lu\n", pool->nr_failed);
	seq_printf(m, "releases %lu\n", pool->nr_released);
	seq_printf(m, "busy %lu\n", pool->nr_busy);
	seq_printf(m, "fallbacks %ld\n",
		   atomic_long_read(&pool->nr_fallbacks));

	for (node = rb_first(&pool->regions); node; node = rb_next(node))
		region_show(pool, rb_entry(node, struct unpopulated_region, node),
			    m);
	unpopulated_pool_gather_end(pool);
}
