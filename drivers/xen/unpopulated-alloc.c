// SPDX-License-Identifier: GPL-2.0
/*
 * Xen unpopulated memory: address space without RAM for mapping other domains.
 *
 * A backend maps pages of other domains, by grants or as foreign frames. Each
 * mapping needs a struct page and a place in the guest-physical address space.
 * Ballooning makes such places by giving RAM back to Xen. This allocator takes
 * address space that never held RAM and gives it struct pages through
 * ZONE_DEVICE, which costs 64 bytes a page instead of 4096.
 *
 * In layers, each with a file of its own:
 *
 *   space   which addresses may be used, and where the next region goes
 *   region  a piece of space, claimed and with struct pages
 *   pool    pages in and out of regions
 *   alloc   this file: the one pool of the system, and the exported calls
 *
 * The architecture says which addresses are safe: Arm has the extended regions
 * of the hypervisor node, x86 PVH and PV what the E820 map calls unusable, as
 * the domain has no RAM there, PV also what boot reserved and did not need. Where
 * it says nothing there is no space; only x86 goes on to holes of iomem_resource.
 * When all of it is used up, pages come from the balloon after all.
 *
 * A page on loan has a reference count of 1 and is on no list; its
 * zone_device_data belongs to the caller. What it maps is the caller's business,
 * except that a page must not map a grant any more when it is freed.
 *
 * Calls may come before the initcall below. They get ballooned pages.
 */

#define pr_fmt(fmt) "xen:" KBUILD_MODNAME ": " fmt

#include <linux/dcache.h>
#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/error-injection.h>
#include <linux/export.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/pfn.h>
#include <linux/printk.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>

#include <xen/balloon.h>
#include <xen/unpopulated-alloc.h>
#include <xen/xen.h>

#include "unpopulated-pool.h"

/* There never was any address space, which the log says. */
static bool only_ram;

static int balloon_alloc(unsigned int nr_pages, struct page **pages)
{
	/* Before boot is over, unpopulated_init() has said what there is. */
	if (!only_ram && system_state >= SYSTEM_RUNNING)
		pr_info_once("no address space left, mappings take ballooned RAM\n");
	return xen_alloc_ballooned_pages(nr_pages, pages);
}

DEFINE_PER_CPU_SHARED_ALIGNED(struct unpopulated_cpu, xen_unpopulated_cpus) = {
	.lock = __SPIN_LOCK_UNLOCKED(xen_unpopulated_cpus.lock),
};

/* Ready before any initcall: the first calls come from arch code. */
struct unpopulated_pool xen_unpopulated_pool = {
	.lock = __SPIN_LOCK_UNLOCKED(xen_unpopulated_pool.lock),
	.grow_lock = __MUTEX_INITIALIZER(xen_unpopulated_pool.grow_lock),
	.last_resort = XARRAY_INIT(xen_unpopulated_pool.last_resort, 0),
	.last_resort_alloc = balloon_alloc,
	.last_resort_free = xen_free_ballooned_pages,
	.work = __DELAYED_WORK_INITIALIZER(xen_unpopulated_pool.work,
					   unpopulated_pool_work, 0),
	.cpus = &xen_unpopulated_cpus,
};

/* Lowest hole of iomem_resource that may be used once host bridges are set up. */
static u64 holes_above __initdata;

/* Boot-reserved pages that get_num_physpages() counts as RAM; for the balloon. */
unsigned long xen_unpopulated_pages __initdata;

/*
 * The exported calls; include/xen/unpopulated-alloc.h documents them. Two more are
 * in unpopulated-pool.c.
 */

int xen_alloc_unpopulated_contiguous_pages(struct device *dev,
					   unsigned int nr_pages,
					   struct page **pages)
{
	unsigned long limit_pfn = ULONG_MAX;

	if (dev) {
		u64 last = min_not_zero(dma_get_mask(dev), dev->bus_dma_limit);

		if (last < U64_MAX)
			limit_pfn = PFN_DOWN(last + 1);
	}
	return unpopulated_pool_alloc_run(&xen_unpopulated_pool, nr_pages,
					  limit_pfn, pages);
}
EXPORT_SYMBOL(xen_alloc_unpopulated_contiguous_pages);
ALLOW_ERROR_INJECTION(xen_alloc_unpopulated_contiguous_pages, ERRNO);

void xen_free_unpopulated_contiguous_pages(struct device *dev,
					   unsigned int nr_pages,
					   struct page **pages)
{
	unpopulated_pool_free(&xen_unpopulated_pool, nr_pages, pages);
}
EXPORT_SYMBOL(xen_free_unpopulated_contiguous_pages);

bool is_xen_unpopulated_page(struct page *page)
{
	return unpopulated_pool_owns(&xen_unpopulated_pool, page_to_pfn(page));
}
EXPORT_SYMBOL(is_xen_unpopulated_page);

/* Every range that is offered in vain gets one line. */
static void left_out(u64 start, u64 end, const char *why)
{
	if (start < end)
		pr_info("%s [%#llx-%#llx] not used: %s\n",
			xen_unpopulated_pool.source, start, end - 1, why);
	else
		pr_info("%s entry at %#llx not used: %s\n",
			xen_unpopulated_pool.source, start, why);
}

/* What architecture code calls from arch_xen_unpopulated_init(). */

void __init xen_unpopulated_add_space(u64 start, u64 size, const char *source,
				      const char *node)
{
	int ret;

	xen_unpopulated_pool.source = source;
	xen_unpopulated_pool.node = node;
	xen_unpopulated_pool.space.left_out = left_out;
	ret = unpopulated_space_add_entry(&xen_unpopulated_pool.space, start,
					  size);
	if (ret)
		pr_err("%s [%#llx-%#llx] not used (%d)\n", source, start,
		       start + size - 1, ret);
}

unsigned long __init xen_unpopulated_add_boot_memory(unsigned long start_pfn,
						     unsigned long nr_pages)
{
	unsigned long added = unpopulated_region_add_boot(&xen_unpopulated_pool,
							  start_pfn, nr_pages);

	if (added < nr_pages)
		pr_err("%lu pages of boot memory not used: no RAM\n",
		       nr_pages - added);
	xen_unpopulated_pages += added;
	return added;
}

void __init xen_unpopulated_allow_holes(u64 above)
{
	if (above < unpopulated_reach().end)
		holes_above = above;
}

/* Only the architecture knows which addresses are safe. */
int __weak __init arch_xen_unpopulated_init(void)
{
	return -ENODEV;
}

static int __init unpopulated_init(void)
{
	struct range reach = unpopulated_reach();
	u64 space;
	int ret;

	if (!xen_domain())
		return -ENODEV;

	ret = arch_xen_unpopulated_init();
	if (unpopulated_space_settle(&xen_unpopulated_pool.space, &reach,
				     SUBSECTION_SIZE))
		pr_err("no memory to look through the address space\n");
	space = unpopulated_space_size(&xen_unpopulated_pool.space,
				       SUBSECTION_SIZE);
	if (space)
		pr_info("%llu MiB of %s address space for mappings, within [%#llx-%#llx]\n",
			space / SZ_1M, xen_unpopulated_pool.source,
			reach.start, reach.end - 1);
	if (xen_unpopulated_pool.nr_total)
		pr_info("%lu pages of boot memory for mappings\n",
			xen_unpopulated_pool.nr_total);
	if (space || xen_unpopulated_pool.nr_total)
		return 0;

	only_ram = !holes_above;
	pr_info("no address space is known to be free (%d): mappings take ballooned RAM%s\n",
		ret, only_ram ? "" : " until boot is over");
	return 0;
}
early_initcall(unpopulated_init);

static int unpopulated_alloc_show(struct seq_file *m, void *v)
{
	unpopulated_pool_show(&xen_unpopulated_pool, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(unpopulated_alloc);

/* Some architectures and versions make this folder, others leave it to others. */
static struct dentry * __init xen_debugfs_dir(void)
{
	struct dentry *dir = debugfs_lookup("xen", NULL);

	if (IS_ERR_OR_NULL(dir))
		return debugfs_create_dir("xen", NULL);

	/* It is never removed, so the reference is not needed. */
	dput(dir);
	return dir;
}

/*
 * Late, so that host bridges have their windows before holes are used, and
 * architecture code had its chance to make the debugfs folder.
 */
static int __init unpopulated_late_init(void)
{
	if (!xen_domain())
		return 0;

	WRITE_ONCE(xen_unpopulated_pool.holes_above, holes_above);

	debugfs_create_file("unpopulated_alloc", 0400, xen_debugfs_dir(), NULL,
			    &unpopulated_alloc_fops);
	return 0;
}
late_initcall(unpopulated_late_init);
