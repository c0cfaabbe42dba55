/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _XEN_UNPOPULATED_ALLOC_H
#define _XEN_UNPOPULATED_ALLOC_H

#include <linux/types.h>

struct device;
struct page;

#ifdef CONFIG_XEN_UNPOPULATED_ALLOC

/**
 * xen_alloc_unpopulated_pages - allocate pages to map foreign memory into
 * @nr_pages: number of pages
 * @pages: returns the pages
 *
 * The pages have guest-physical addresses and no RAM. They come from address
 * space that never held any; where that is used up, from the balloon.
 *
 * Context: may sleep, takes locks that freeing pages does not need. Growth runs
 * under memalloc_noio_save(), so a request that does I/O may wait for it.
 *
 * Return: 0, also for an @nr_pages of 0; -EINVAL for more than
 * INT_MAX / PAGE_SIZE pages; -ENODEV where there is no space by construction
 * and no balloon; -ENOMEM where space or RAM is short now. On failure no page is
 * held.
 */
int xen_alloc_unpopulated_pages(unsigned int nr_pages, struct page **pages);

/**
 * xen_free_unpopulated_pages - give pages back
 * @nr_pages: number of pages
 * @pages: the pages, in any order and mixture, from any of the calls here
 *
 * A page that was not allocated here, is free already or still maps a grant is
 * refused with a (rate limited) warning that names it, and is not handed out.
 *
 * Context: may sleep, never waits for growth.
 */
void xen_free_unpopulated_pages(unsigned int nr_pages, struct page **pages);

/**
 * xen_alloc_unpopulated_contiguous_pages - allocate contiguous pages
 * @dev: the device whose DMA mask and bus limit bound the addresses, or NULL
 * @nr_pages: number of pages
 * @pages: returns the pages in ascending order
 *
 * The pages are one run of guest-physical addresses, on a PV domain of
 * pseudo-physical ones only. A run of a power of two pages is aligned to its
 * size, up to 2 MiB.
 *
 * page_to_phys() of such a page is not a DMA address. Once it maps a frame of
 * another domain, the DMA API translates. The bound of @dev matters only where
 * an IOMMU makes guest-physical addresses the bus addresses.
 *
 * Context: may sleep, as xen_alloc_unpopulated_pages().
 *
 * Return: 0; -EINVAL for an @nr_pages of 0 or over INT_MAX / PAGE_SIZE; -ENODEV
 * where nothing below the bound can serve, and then the caller falls back to
 * RAM; -ENOMEM where RAM is short now. On failure no page is held.
 */
int xen_alloc_unpopulated_contiguous_pages(struct device *dev,
					   unsigned int nr_pages,
					   struct page **pages);

/**
 * xen_free_unpopulated_contiguous_pages - give contiguous pages back
 * @dev: the device they were allocated for
 * @nr_pages: number of pages
 * @pages: the pages
 *
 * As xen_free_unpopulated_pages(), which serves as well.
 */
void xen_free_unpopulated_contiguous_pages(struct device *dev,
					   unsigned int nr_pages,
					   struct page **pages);

/**
 * is_xen_unpopulated_page - is this a page without RAM of its own?
 * @page: any page
 *
 * Looks at the page's number only. Ballooned pages, which the calls here return
 * as a last resort, are RAM.
 *
 * Context: process context; takes a spinlock.
 *
 * Return: whether it is one of this allocator's, on loan or not.
 */
bool is_xen_unpopulated_page(struct page *page);

extern unsigned long xen_unpopulated_pages;

/**
 * arch_xen_unpopulated_init - tell which addresses may be mapped
 *
 * Architecture code calls the functions below from here. The default offers
 * nothing.
 *
 * Context: early_initcall, before devices are found.
 *
 * Return: 0, or an errno for why there is no space.
 */
int arch_xen_unpopulated_init(void);

/**
 * xen_unpopulated_add_space - offer address space without RAM and devices
 * @start: first byte
 * @size: number of bytes
 * @source: what it is, for people
 * @node: name of the nodes of iomem_resource that it lies in, or NULL where it
 *	lies in none
 *
 * In any order; ranges may touch and overlap. What is empty, or no range of
 * addresses, is left out with a message. @source and @node are the same in all
 * calls.
 */
void xen_unpopulated_add_space(u64 start, u64 size, const char *source,
			       const char *node);

/**
 * xen_unpopulated_add_boot_memory - offer memory that boot reserved
 * @start_pfn: first page
 * @nr_pages: number of pages
 *
 * The pages have struct pages, are reserved and have no RAM behind them.
 * get_num_physpages() counts them, so xen_unpopulated_pages does too.
 *
 * Return: the number of pages that were taken, the last ones of the range. The
 * others are left to the caller.
 */
unsigned long xen_unpopulated_add_boot_memory(unsigned long start_pfn,
					      unsigned long nr_pages);

/**
 * xen_unpopulated_allow_holes - allow holes of iomem_resource
 * @above: the lowest address
 *
 * They are used when all offered space is, and not before boot is over. Not for
 * architectures where a domain's memory is identity mapped.
 */
void xen_unpopulated_allow_holes(u64 above);

#else

#include <linux/errno.h>
#include <xen/balloon.h>

#define xen_unpopulated_pages 0UL

static inline int xen_alloc_unpopulated_pages(unsigned int nr_pages,
					      struct page **pages)
{
	return xen_alloc_ballooned_pages(nr_pages, pages);
}

static inline void xen_free_unpopulated_pages(unsigned int nr_pages,
					      struct page **pages)
{
	xen_free_ballooned_pages(nr_pages, pages);
}

static inline int xen_alloc_unpopulated_contiguous_pages(struct device *dev,
							 unsigned int nr_pages,
							 struct page **pages)
{
	return -ENODEV;
}

static inline void xen_free_unpopulated_contiguous_pages(struct device *dev,
							 unsigned int nr_pages,
							 struct page **pages)
{
}

static inline bool is_xen_unpopulated_page(struct page *page)
{
	return false;
}

#endif /* CONFIG_XEN_UNPOPULATED_ALLOC */

#endif /* _XEN_UNPOPULATED_ALLOC_H */
