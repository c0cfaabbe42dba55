/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _XEN_UNPOPULATED_POOL_H
#define _XEN_UNPOPULATED_POOL_H

#include <linux/ioport.h>
#include <linux/list.h>
#include <linux/memremap.h>
#include <linux/mmzone.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "unpopulated-space.h"

struct page;
struct seq_file;

/*
 * Regions with free pages are listed by how many of their pages are free: list
 * n holds those that got n to n + 1 parts in UNPOPULATED_FULLNESS free, the last
 * list those that got entirely free. Full regions are on no list. A region goes
 * to a fuller list only when it is well within its bounds, so that pages that
 * come and go do not move it each time.
 */
#define UNPOPULATED_FULLNESS	4

/*
 * The p2m of a PV domain is a tree whose leaves hold this many pages
 * (P2M_PER_PAGE of asm/xen/page.h on x86-64).
 */
#define UNPOPULATED_LEAF_PAGES	512UL

/*
 * Fewer free pages than this make the pool grow ahead of need, and more than
 * twice as many stay when it gives regions back. A domain that never lent so
 * many does with as many as it lent at its peak.
 */
#define UNPOPULATED_LOW_WATER	512UL

/*
 * A region that has been empty for this long is given back, and none is sooner
 * after a growth. In jiffies.
 */
#define UNPOPULATED_IDLE	(30 * HZ)

/* Where the address space of a region comes from. */
enum unpopulated_source {
	UNPOPULATED_SPACE,	/* what the architecture offered */
	UNPOPULATED_HOLE,	/* a hole in iomem_resource */
	UNPOPULATED_BOOT,	/* memory reserved at boot, never released */
};

/* The steps of making a region, in their order, for tests that let one fail. */
enum unpopulated_step {
	UNPOPULATED_STEP_NONE,
	UNPOPULATED_STEP_ALLOC,
	UNPOPULATED_STEP_CLAIM,
	UNPOPULATED_STEP_P2M,
	UNPOPULATED_STEP_MAP,
	UNPOPULATED_STEP_BACK,
};

/**
 * struct unpopulated_region - one piece of address space with struct pages
 * @node: in the pool's @regions, by @start_pfn
 * @list: in one of the pool's @avail lists, or in @spare
 * @fullness: the index of that list, -1 for none
 * @least_free: the region stays on that list unless @nr_free falls below this
 * @most_free: and unless it gets to this; on the last list, a region that may be
 *	given back is empty then, and another one never gets there
 * @source: where the address space comes from
 * @start_pfn: first page
 * @nr_pages: number of pages
 * @nr_free: number of clear bits in @used
 * @base_pfn: the page of bit 0 of @used; at or below @start_pfn, so that a word
 *	of @used never crosses a section or a leaf of the PV p2m
 * @base: where its struct page is, or would be
 * @first_bit: the bit of @start_pfn
 * @nr_bits: number of bits in @used
 * @hint: all words of @used below this one are full
 * @whole: words of @used below this one are hardly ever all free
 * @empty_since: when the last page came back, in jiffies
 * @busy: somebody else held a reference to a page when it was to be given back
 * @backed: PV only: bit n is set once the p2m leaf of the n-th
 *	UNPOPULATED_LEAF_PAGES pages from @base_pfn is known to exist; else NULL
 * @res: the claim in iomem_resource; unused for boot memory
 * @pgmap: the struct pages; unused for boot memory
 * @cpus: the n-th is the CPU that has words of the n-th leaf, or NULL
 * @used: a set bit is a page on loan, in the words of a CPU, or outside of the
 *	region
 *
 * @list to @most_free, @nr_free, @hint to @busy, @cpus and @used are protected by the
 * pool's lock; bits of @backed are set by atomic operations; the rest stays as
 * it is made.
 */
struct unpopulated_region {
	struct rb_node node;
	struct hlist_node list;
	int fullness;
	unsigned long least_free;
	unsigned long most_free;
	enum unpopulated_source source;
	unsigned long start_pfn;
	unsigned long nr_pages;
	unsigned long nr_free;
	unsigned long base_pfn;
	struct page *base;
	unsigned long first_bit;
	unsigned long nr_bits;
	unsigned long hint;
	unsigned long whole;
	unsigned long empty_since;
	bool busy;
	unsigned long *backed;
	struct unpopulated_cpu **cpus;
	struct resource res;
	struct dev_pagemap pgmap;
	unsigned long used[];
};

/**
 * struct unpopulated_cpu - pages that a CPU has to itself
 * @lock: protects what follows; taken before the pool's, which what is below up to
 *	@nr_pages needs as well to be changed
 * @region: the region that they are of, NULL where there are none
 * @word: the first word of its @used that the CPU has; the last one is in the same
 *	leaf, and all of their bits are pages of the region
 * @base: the struct page of the first bit
 * @nr_pages: number of bits, 0 where there are none
 * @nr_in: free pages that it got, and pages that were freed since
 * @nr_out: pages handed out since
 * @next: the word of @free that pages are taken from; goes round, so that those
 *	freed meanwhile make up runs
 * @free: a set bit is a free page, and there are @nr_in less @nr_out; the region's
 *	@used meanwhile has all bits set
 *
 * All zero but for its lock, it has none.
 */
struct unpopulated_cpu {
	spinlock_t lock;	/* what follows */
	struct unpopulated_region *region;
	unsigned long word;
	struct page *base;
	unsigned long nr_pages;
	unsigned long nr_in;
	unsigned long nr_out;
	unsigned long next;
	unsigned long free[UNPOPULATED_LEAF_PAGES / BITS_PER_LONG];
};

/**
 * struct unpopulated_pool - pages that are handed out, and where more come from
 *
 * All zero but for its locks, @last_resort, @work and @cpus, it is empty and cannot
 * grow.
 *
 * @lock: protects what follows it
 * @regions: all regions by pfn
 * @last: the region of the last lookup
 * @avail: the regions with free pages, fullest first
 * @fullest: the first of them
 * @nr_regions: number of @regions
 * @nr_total: pages in all regions
 * @nr_free: free pages that nobody has reserved; an allocation first reserves
 *	all it needs here and then collects the bits. Invariant: the free pages of
 *	all regions, without those of CPUs, are @nr_free and what callers have
 *	reserved but not yet collected.
 * @alarm_free: an allocation that leaves fewer than this in @nr_free makes a new
 *	@nr_lent_peak or has to wake @work
 * @nr_cpus: CPUs that have pages to themselves
 * @nr_gathers: callers that want none to have any
 * @nr_lent_peak: most pages ever on loan at a time
 * @nr_served: pages handed out since boot
 * @nr_refused: pages whose free was refused
 * @nr_leaked: those of @nr_refused that still map a grant
 * @grow_ahead: an allocation that leaves few free pages has to wake @work; not
 *	where it did already or there is nothing to grow into
 * @grow_lock: protects what follows it; outermost, held across memremap_pages()
 *	and memunmap_pages(); nothing that frees pages needs it. Regions come and
 *	go under it and @lock, so either will do to walk them.
 * @space: where regions may be placed
 * @source: what @space is, for people
 * @node: name of the iomem resources that @space lies in, NULL for none
 * @holes_above: lowest address of holes in iomem_resource that may be used after
 *	@space, 0 for none
 * @spare: PV only: regions that are claimed and out of the p2m, but could not be
 *	given struct pages for lack of RAM
 * @last_grown: when the last region was made, in jiffies
 * @nr_grown: regions made
 * @nr_waited: allocations that found too few pages and went to make some
 * @nr_failed: attempts to make a region that failed
 * @nr_released: regions given back
 * @nr_busy: regions that were to be given back, but for a page in use elsewhere
 * @fail_step: KUnit only: the step that fails
 * @fail_errno: KUnit only: what it fails with
 * @last_resort_alloc: pages for when there is no address space, or NULL
 * @last_resort_free: gives those back
 * @last_resort: the pfns of those on loan
 * @nr_last_resort: number of entries in @last_resort
 * @nr_fallbacks: allocations that went to the last resort
 * @work: grows ahead of need and gives regions back
 * @cpus: what each CPU has to itself
 */
struct unpopulated_pool {
	spinlock_t lock;	/* what follows, to @grow_ahead */
	struct rb_root regions;
	struct unpopulated_region *last;
	struct hlist_head avail[UNPOPULATED_FULLNESS + 1];
	struct unpopulated_region *fullest;
	unsigned int nr_regions;
	unsigned long nr_total;
	unsigned long nr_free;
	unsigned long alarm_free;
	unsigned int nr_cpus;
	unsigned int nr_gathers;
	unsigned long nr_lent_peak;
	unsigned long nr_served;
	unsigned long nr_refused;
	unsigned long nr_leaked;
	bool grow_ahead;

	struct mutex grow_lock;	/* what follows, to @fail_step */
	struct unpopulated_space space;
	const char *source;
	const char *node;
	u64 holes_above;
	struct hlist_head spare;
	unsigned long last_grown;
	unsigned long nr_grown;
	unsigned long nr_waited;
	unsigned long nr_failed;
	unsigned long nr_released;
	unsigned long nr_busy;
	enum unpopulated_step fail_step;
	int fail_errno;

	int (*last_resort_alloc)(unsigned int nr_pages, struct page **pages);
	void (*last_resort_free)(unsigned int nr_pages, struct page **pages);
	struct xarray last_resort;
	atomic_long_t nr_last_resort;
	atomic_long_t nr_fallbacks;

	struct delayed_work work;
	struct unpopulated_cpu __percpu *cpus;
};

/* unpopulated-alloc.c: the pool of the exported calls */
extern struct unpopulated_pool xen_unpopulated_pool;
DECLARE_PER_CPU_SHARED_ALIGNED(struct unpopulated_cpu, xen_unpopulated_cpus);

/* unpopulated-pool.c: pages in and out */
int unpopulated_pool_alloc(struct unpopulated_pool *pool, unsigned int nr_pages,
			   struct page **pages);
int unpopulated_pool_alloc_run(struct unpopulated_pool *pool,
			       unsigned int nr_pages, unsigned long limit_pfn,
			       struct page **pages);
void unpopulated_pool_free(struct unpopulated_pool *pool, unsigned int nr_pages,
			   struct page **pages);
bool unpopulated_pool_owns(struct unpopulated_pool *pool, unsigned long pfn);
void unpopulated_pool_insert(struct unpopulated_pool *pool,
			     struct unpopulated_region *region);
void unpopulated_pool_remove(struct unpopulated_pool *pool,
			     struct unpopulated_region *region);
void unpopulated_pool_gather(struct unpopulated_pool *pool);
void unpopulated_pool_gather_end(struct unpopulated_pool *pool);
void unpopulated_pool_work(struct work_struct *work);
void unpopulated_pool_show(struct unpopulated_pool *pool, struct seq_file *m);

/* unpopulated-region.c: regions made and unmade */
unsigned long unpopulated_region_add_boot(struct unpopulated_pool *pool,
					  unsigned long start_pfn,
					  unsigned long nr_pages);
int unpopulated_region_grow(struct unpopulated_pool *pool, u64 min, u64 want,
			    u64 limit);
int unpopulated_region_back(struct unpopulated_pool *pool,
			    struct unpopulated_region *region, unsigned long bit);
u64 unpopulated_release_granule(u64 page_size, u64 struct_page_size);
bool unpopulated_region_is_permanent(const struct unpopulated_region *region);
void unpopulated_region_destroy(struct unpopulated_pool *pool,
				struct unpopulated_region *region);
struct range unpopulated_reach(void);

#endif /* _XEN_UNPOPULATED_POOL_H */
