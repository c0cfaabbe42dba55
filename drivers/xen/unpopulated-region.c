// SPDX-License-Identifier: GPL-2.0
/*
 * Xen unpopulated memory: regions, address space with struct pages.
 *
 * Making a region takes four steps, and unmaking one is their exact reverse:
 *
 * 1. choose the place and claim it in iomem_resource, so that nobody else maps
 *    devices or memory there;
 * 2. on PV, make its p2m entries invalid, so that memremap_pages() writes
 *    non-present PTEs instead of mapping whatever has those machine addresses;
 * 3. memremap_pages(), which allocates the struct pages and extends the direct
 *    map;
 * 4. hand it to the pool.
 *
 * In address space that the architecture offers, a region is aligned to a 2 MiB
 * subsection, the least that memremap_pages() takes. In a hole of
 * iomem_resource it is aligned to a section: smaller holes are next to devices,
 * the first ones that a 2 MiB search finds on x86 are the local APIC and the
 * flash.
 *
 * PV regions are never unmade. Freeing the page tables of the direct map there
 * hits read-only pages (arch/x86/mm/init_64.c frees them without
 * paravirt_release_pte()), and the identity entries of the p2m are gone.
 */

#define pr_fmt(fmt) "xen:" KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pfn.h>
#include <linux/printk.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <xen/page.h>
#include <xen/xen.h>

#define CREATE_TRACE_POINTS
#include <trace/events/xen_unpopulated.h>

#include "unpopulated-pool.h"

/* The errno with which a test wants @step to fail, or 0. */
static int step_error(struct unpopulated_pool *pool, enum unpopulated_step step)
{
	if (IS_ENABLED(CONFIG_XEN_UNPOPULATED_ALLOC_KUNIT_TEST) &&
	    pool->fail_step == step)
		return pool->fail_errno;
	return 0;
}

#ifdef CONFIG_XEN_HAVE_PVMMU
static_assert(UNPOPULATED_LEAF_PAGES == P2M_PER_PAGE);

/*
 * xen_alloc_p2m_entry() takes a half-updated upper level for a fatal error, so
 * two CPUs must not be in it at once. The balloon has a mutex of its own, but
 * covers other addresses.
 */
static DEFINE_MUTEX(p2m_lock);

static int p2m_invalidate(unsigned long pfn, unsigned long nr_pages)
{
	guard(mutex)(&p2m_lock);
	for (; nr_pages; nr_pages--, pfn++) {
		if (!set_phys_to_machine(pfn, INVALID_P2M_ENTRY))
			return -ENOMEM;
	}
	return 0;
}

static int p2m_back_leaf(unsigned long pfn)
{
	guard(mutex)(&p2m_lock);
	return xen_alloc_p2m_entry(pfn);
}

/* Beyond its end, set_phys_to_machine() pretends success but keeps nothing. */
static u64 p2m_end(void)
{
	return PFN_PHYS((u64)xen_p2m_size);
}
#else
static int p2m_invalidate(unsigned long pfn, unsigned long nr_pages)
{
	return 0;
}

static int p2m_back_leaf(unsigned long pfn)
{
	return 0;
}

static u64 p2m_end(void)
{
	return U64_MAX;
}
#endif

/**
 * unpopulated_reach - the addresses at which struct pages can be made
 *
 * Return: the range, its end exclusive.
 */
struct range unpopulated_reach(void)
{
	struct range reach = mhp_get_pluggable_range(true);

	reach.end = min(reach.end, iomem_resource.end) + 1;
	if (xen_pv_domain())
		reach.end = min(reach.end, p2m_end());
	return reach;
}

static void region_free(struct unpopulated_region *region)
{
	bitmap_free(region->backed);
	kfree(region->cpus);
	kvfree(region);
}

/*
 * A region whose first page is @offset pages above a multiple of
 * UNPOPULATED_LEAF_PAGES. The bits below and above it are never free.
 */
static struct unpopulated_region *
region_alloc(struct unpopulated_pool *pool, enum unpopulated_source source,
	     unsigned long offset, unsigned long nr_pages)
{
	unsigned long nr_bits = round_up(offset + nr_pages, BITS_PER_LONG);
	unsigned long leaves = DIV_ROUND_UP(nr_bits, UNPOPULATED_LEAF_PAGES);
	struct unpopulated_region *region;

	if (step_error(pool, UNPOPULATED_STEP_ALLOC))
		return NULL;

	region = kvzalloc(struct_size(region, used, BITS_TO_LONGS(nr_bits)),
			  GFP_KERNEL);
	if (!region)
		return NULL;

	region->cpus = kcalloc(leaves, sizeof(*region->cpus), GFP_KERNEL);
	if (!region->cpus)
		goto free_region;

	if (xen_pv_domain()) {
		region->backed = bitmap_zalloc(leaves, GFP_KERNEL);
		if (!region->backed)
			goto free_region;
	}

	region->source = source;
	region->nr_pages = nr_pages;
	region->nr_free = nr_pages;
	region->nr_bits = nr_bits;
	region->first_bit = offset;
	region->hint = offset / BITS_PER_LONG;
	bitmap_set(region->used, 0, offset);
	bitmap_set(region->used, offset + nr_pages,
		   nr_bits - offset - nr_pages);
	return region;

free_region:
	region_free(region);
	return NULL;
}

static void region_place(struct unpopulated_region *region,
			 unsigned long start_pfn)
{
	region->start_pfn = start_pfn;
	region->base_pfn = ALIGN_DOWN(start_pfn, UNPOPULATED_LEAF_PAGES);
	/* With a vmemmap, of any pfn. */
	region->base = pfn_to_page(region->base_pfn);
}

static struct resource *region_resource(struct unpopulated_region *region,
					u64 start, u64 end)
{
	region->res = (struct resource){
		.start = start,
		.end = end - 1,
		.name = "Xen scratch",
		.flags = IORESOURCE_MEM | IORESOURCE_BUSY,
	};
	return &region->res;
}

/* Does @node go by the name that the pool's space has in iomem_resource? */
static bool is_space_node(const struct unpopulated_pool *pool,
			  const struct resource *node)
{
	return pool->node && node->name && !strcmp(node->name, pool->node);
}

/*
 * Claim @res below the innermost node that holds all of it and has the name that
 * the pool's space goes by. Whoever else holds it, the place is theirs: x86 marks
 * the E820 ranges that it calls unusable as busy, and PCI windows are not.
 *
 * Returns NULL, or the node that is in the way.
 */
static struct resource *claim(struct unpopulated_pool *pool,
			      struct resource *res)
{
	struct resource *parent = &iomem_resource, *node;

	while ((node = request_resource_conflict(parent, res))) {
		if (node == parent || !resource_contains(node, res) ||
		    !is_space_node(pool, node))
			return node;
		parent = node;
	}
	return NULL;
}

/*
 * Give @place back and leave out what @node stands in the way of. Whatever
 * overlaps somebody else's node would be refused next, so all of it goes at once.
 * Of a node of the space, only @place is no part: others may lie in it.
 */
static int space_leave_out(struct unpopulated_pool *pool,
			   const struct range *place,
			   const struct resource *node)
{
	u64 start = node->start, end = min(node->end, U64_MAX - 1) + 1;
	struct range reach = unpopulated_reach();
	const char *how = "belongs to";
	char why[64];
	int ret = 0;

	if (is_space_node(pool, node)) {
		start = max(start, place->start);
		end = min(end, place->end);
		how = "crosses an end of";
	}

	unpopulated_space_give_back(&pool->space, place->start, place->end);
	snprintf(why, sizeof(why), "%s %s", how, node->name);
	/* What lies outside of iomem_resource is beyond reach as well. */
	if (node != &iomem_resource)
		ret = unpopulated_space_leave_out(&pool->space, start, end, why);
	if (!ret)
		ret = unpopulated_space_settle(&pool->space, &reach,
					       SUBSECTION_SIZE);
	return ret;
}

/* The granule of this kernel; see unpopulated_release_granule(). */
static u64 release_granule(void)
{
	return unpopulated_release_granule(PAGE_SIZE, sizeof(struct page));
}

/*
 * Take the place of a new region out of the pool's space: one from which it can
 * be unmade, else a single subsection. Anything between could begin within a page
 * of the vmemmap and end in the next one, and vmemmap_populate_basepages() goes
 * on from its start in steps of a page: it would miss the last one.
 */
static int space_take(struct unpopulated_pool *pool, u64 min, u64 want,
		      u64 limit, struct range *place)
{
	u64 granule = release_granule();
	int ret;

	ret = unpopulated_space_take(&pool->space, round_up(min, granule),
				     round_up(want, granule), granule, limit,
				     place);
	if (ret == -ENODEV && min <= SUBSECTION_SIZE)
		ret = unpopulated_space_take(&pool->space, SUBSECTION_SIZE,
					     SUBSECTION_SIZE, SUBSECTION_SIZE,
					     limit, place);
	return ret;
}

/* Make a region in the pool's space, claimed but without struct pages. */
static struct unpopulated_region *region_in_space(struct unpopulated_pool *pool,
						  u64 min, u64 want, u64 limit)
{
	struct unpopulated_region *region;
	struct resource *node;
	struct range place;
	int ret;

	for (;;) {
		ret = space_take(pool, min, want, limit, &place);
		if (ret)
			return ERR_PTR(ret);

		region = region_alloc(pool, UNPOPULATED_SPACE,
				      PFN_DOWN(place.start) % UNPOPULATED_LEAF_PAGES,
				      PFN_DOWN(place.end - place.start));
		if (!region) {
			ret = -ENOMEM;
			goto give_back;
		}

		region_place(region, PFN_DOWN(place.start));
		ret = step_error(pool, UNPOPULATED_STEP_CLAIM);
		if (ret)
			goto free_region;

		node = claim(pool, region_resource(region, place.start,
						   place.end));
		if (!node)
			return region;

		region_free(region);
		ret = space_leave_out(pool, &place, node);
		if (ret)
			return ERR_PTR(ret);
	}

free_region:
	region_free(region);
give_back:
	unpopulated_space_give_back(&pool->space, place.start, place.end);
	return ERR_PTR(ret);
}

/*
 * Make a region in a hole of iomem_resource, claimed but without struct pages.
 *
 * Gaps between the top-level nodes are outside of all host-bridge windows, but
 * only once the bridges have claimed theirs: the pool gets @holes_above no
 * earlier than that.
 */
static struct unpopulated_region *region_in_hole(struct unpopulated_pool *pool,
						 u64 min, u64 limit)
{
	u64 size = round_up(min, (u64)PAGES_PER_SECTION << PAGE_SHIFT);
	struct range reach = unpopulated_reach();
	struct unpopulated_region *region;
	int ret;

	limit = min(limit, reach.end);
	if (!pool->holes_above || limit <= pool->holes_above)
		return ERR_PTR(-ENODEV);

	region = region_alloc(pool, UNPOPULATED_HOLE, 0, PFN_DOWN(size));
	if (!region)
		return ERR_PTR(-ENOMEM);

	ret = step_error(pool, UNPOPULATED_STEP_CLAIM);
	if (!ret)
		ret = allocate_resource(&iomem_resource,
					region_resource(region, 0, size), size,
					max(pool->holes_above, reach.start),
					limit - 1,
					(u64)PAGES_PER_SECTION << PAGE_SHIFT,
					NULL, NULL);
	if (ret) {
		region_free(region);
		/* allocate_resource() says -EBUSY where nothing fits. */
		return ERR_PTR(ret == -EBUSY ? -ENODEV : ret);
	}

	region_place(region, PFN_DOWN(region->res.start));
	return region;
}

static void region_unclaim(struct unpopulated_pool *pool,
			   struct unpopulated_region *region)
{
	u64 start = region->res.start, end = region->res.end + 1;

	release_resource(&region->res);
	if (region->source == UNPOPULATED_SPACE)
		unpopulated_space_give_back(&pool->space, start, end);
}

/* A claimed region that could not get struct pages before, if one fits. */
static struct unpopulated_region *region_spare(struct unpopulated_pool *pool,
					       u64 min, u64 limit)
{
	struct unpopulated_region *region;

	hlist_for_each_entry(region, &pool->spare, list) {
		if (resource_size(&region->res) >= min &&
		    region->res.end < limit) {
			hlist_del_init(&region->list);
			return region;
		}
	}
	return ERR_PTR(-ENODEV);
}

static struct unpopulated_region *region_claimed(struct unpopulated_pool *pool,
						 u64 min, u64 want, u64 limit)
{
	struct unpopulated_region *region;

	region = region_spare(pool, min, limit);
	if (region == ERR_PTR(-ENODEV))
		region = region_in_space(pool, min, want, limit);
	if (region == ERR_PTR(-ENODEV))
		region = region_in_hole(pool, min, limit);
	return region;
}

/* RAM is too short for @region's struct pages. */
static void region_put_aside(struct unpopulated_pool *pool,
			     struct unpopulated_region *region)
{
	/* Nobody else may use a range that has lost its identity entries. */
	if (xen_pv_domain()) {
		hlist_add_head(&region->list, &pool->spare);
		return;
	}
	region_unclaim(pool, region);
	region_free(region);
}

/* @region can have no struct pages at all. Its claim stays, to keep it so. */
static void region_leave_out(struct unpopulated_pool *pool,
			     struct unpopulated_region *region, int error)
{
	pr_err("%pR cannot have struct pages (%d): left out\n", &region->res,
	       error);
	if (region->source == UNPOPULATED_SPACE)
		unpopulated_space_lose(&pool->space);
	else
		pool->holes_above = 0;
}

/* Give a claimed region its struct pages. */
static int region_map(struct unpopulated_pool *pool,
		      struct unpopulated_region *region)
{
	void *vaddr;
	int ret;

	ret = step_error(pool, UNPOPULATED_STEP_P2M);
	if (!ret && xen_pv_domain())
		ret = p2m_invalidate(region->start_pfn, region->nr_pages);
	if (!ret)
		ret = step_error(pool, UNPOPULATED_STEP_MAP);
	if (ret)
		return ret;

	region->pgmap.type = MEMORY_DEVICE_GENERIC;
	region->pgmap.range = (struct range) {
		.start = region->res.start,
		.end = region->res.end,
	};
	region->pgmap.nr_range = 1;
	region->pgmap.owner = pool;

	vaddr = memremap_pages(&region->pgmap, NUMA_NO_NODE);
	return PTR_ERR_OR_ZERO(vaddr);
}

/**
 * unpopulated_region_grow - add a region to the pool
 * @pool: the pool, its @grow_lock held
 * @min: bytes below which a region is of no use
 * @size: bytes that are needed, at least @min
 * @limit: the region has to end at or below this address
 *
 * The region is larger than needed: about as large as all that the pool has, up
 * to a section, so that regions double with demand. It is smaller where there is
 * no such range, or less is left below 4 GiB, or too little RAM for its struct
 * pages.
 *
 * Context: may sleep; runs without I/O, because a backend's request may be
 * waiting for it.
 *
 * Return: 0; -ENODEV where no address space is left; -ENOMEM where RAM is short.
 * On failure the pool is as it was, but for address space that turned out not to
 * be usable.
 */
int unpopulated_region_grow(struct unpopulated_pool *pool, u64 min, u64 size,
			    u64 limit)
{
	u64 section = (u64)PAGES_PER_SECTION << PAGE_SHIFT;
	u64 twice = PFN_PHYS((u64)pool->nr_total) + SUBSECTION_SIZE;
	u64 want = max(size, min(round_down(twice, SUBSECTION_SIZE), section));
	unsigned int noio = memalloc_noio_save();
	struct unpopulated_region *region;
	int ret;

	lockdep_assert_held(&pool->grow_lock);

	for (;;) {
		region = region_claimed(pool, min, want, limit);
		ret = PTR_ERR_OR_ZERO(region);
		if (ret)
			break;

		ret = region_map(pool, region);
		if (!ret) {
			unpopulated_pool_insert(pool, region);
			pool->nr_grown++;
			pool->last_grown = jiffies;
			trace_xen_unpopulated_grow(&region->res);
			break;
		}

		if (ret != -ENOMEM) {
			region_leave_out(pool, region, ret);
			continue;
		}
		pr_err_ratelimited("no RAM for the struct pages of %pR\n",
				   &region->res);
		region_put_aside(pool, region);
		if (want == min)
			break;
		want = min;
	}

	memalloc_noio_restore(noio);
	if (ret) {
		pool->nr_failed++;
		trace_xen_unpopulated_failure(size, limit, ret);
	}
	return ret;
}

/**
 * unpopulated_region_add_boot - add memory that boot reserved
 * @pool: the pool
 * @start_pfn: first page
 * @nr_pages: number of pages, all with struct pages and without RAM behind them
 *
 * There can be a lot of it. It becomes regions of at most a section, so that no
 * search through a bitmap takes long. The lowest comes last and so is used first:
 * more devices reach it.
 *
 * Return: the number of pages that were added, the last ones of the range; fewer
 * than @nr_pages where RAM is short.
 */
unsigned long unpopulated_region_add_boot(struct unpopulated_pool *pool,
					  unsigned long start_pfn,
					  unsigned long nr_pages)
{
	unsigned long end = start_pfn + nr_pages, pfn, top;
	struct unpopulated_region *region;

	for (top = end; top > start_pfn; top = pfn) {
		pfn = max(start_pfn, round_down(top - 1, PAGES_PER_SECTION));
		region = region_alloc(pool, UNPOPULATED_BOOT,
				      pfn % UNPOPULATED_LEAF_PAGES, top - pfn);
		if (!region)
			break;

		region_place(region, pfn);
		unpopulated_pool_insert(pool, region);
	}
	return end - top;
}

/**
 * unpopulated_region_back - make sure that a page can take a foreign frame
 * @pool: the pool
 * @region: a region of a PV domain
 * @bit: the page, from the region's @base_pfn
 *
 * Only a PV domain's p2m needs it, and only once for each of its leaves: a leaf
 * stays once it exists. Paying for it at the first use, and not when the region
 * is made, saves the leaves of pages that are never used.
 *
 * Return: 0 or -ENOMEM.
 */
int unpopulated_region_back(struct unpopulated_pool *pool,
			    struct unpopulated_region *region, unsigned long bit)
{
	unsigned long leaf = bit / UNPOPULATED_LEAF_PAGES;
	unsigned int noio;
	int ret;

	ret = step_error(pool, UNPOPULATED_STEP_BACK);
	if (ret || test_bit(leaf, region->backed))
		return ret;

	noio = memalloc_noio_save();
	ret = p2m_back_leaf(region->base_pfn + bit);
	memalloc_noio_restore(noio);
	if (!ret)
		set_bit(leaf, region->backed);
	return ret;
}

/**
 * unpopulated_release_granule - what start and size of a region must be multiples
 * of if it is ever to be unmade
 * @page_size: bytes of a page
 * @struct_page_size: bytes of a struct page
 *
 * Unmapping the struct pages of a range frees whole pages of the vmemmap. Where
 * such a page describes more than a subsection, it also describes the neighbour.
 *
 * Return: the granule in bytes.
 */
u64 unpopulated_release_granule(u64 page_size, u64 struct_page_size)
{
	return max(SUBSECTION_SIZE, page_size / struct_page_size * page_size);
}

/**
 * unpopulated_region_is_permanent - does this region have to stay for good?
 * @region: a region with struct pages
 *
 * Return: whether it does: the memory of boot always, and see the head of this
 * file for PV.
 */
bool unpopulated_region_is_permanent(const struct unpopulated_region *region)
{
	u64 granule = release_granule();

	return xen_pv_domain() || region->source == UNPOPULATED_BOOT ||
	       !IS_ALIGNED(region->res.start, granule) ||
	       !IS_ALIGNED(resource_size(&region->res), granule);
}

/**
 * unpopulated_region_destroy - unmake an empty region
 * @pool: the pool it was in, its @grow_lock held
 * @region: the region, in the pool no more
 *
 * Address space and struct pages of a permanent one stay behind, unused.
 */
void unpopulated_region_destroy(struct unpopulated_pool *pool,
				struct unpopulated_region *region)
{
	lockdep_assert_held(&pool->grow_lock);

	if (region->source == UNPOPULATED_BOOT) {
		/* The struct pages are boot's. */
		region_free(region);
		return;
	}
	if (unpopulated_region_is_permanent(region)) {
		/* The claim stays, and it needs its resource. */
		if (region->source == UNPOPULATED_SPACE)
			unpopulated_space_lose(&pool->space);
		return;
	}

	trace_xen_unpopulated_release(&region->res);
	memunmap_pages(&region->pgmap);
	region_unclaim(pool, region);
	region_free(region);
}
