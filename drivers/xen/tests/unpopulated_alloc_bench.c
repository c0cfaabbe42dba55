// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark of the pages that Xen backends map foreign memory into.
 *
 * Uses exported calls only, so that it can be built into a kernel without the
 * allocator it was written for, and the two compared. With
 * unpopulated_alloc_bench.run on the command line it measures once at boot and
 * prints one line a result:
 *
 *   bench: NAME VALUE UNIT
 *
 * Times are in ns. QEMU with -icount shift=1,sleep=off advances its clock by 2 ns
 * an instruction, so that half of a time is a count of instructions that repeats.
 * The least of several runs is taken: interrupts and the hypervisor only add.
 */

#define pr_fmt(fmt) "bench: " fmt

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

#include <xen/grant_table.h>
#include <xen/xen.h>

#define MAX_PAGES	32768		/* of one batch */
#define NR_TAKEN	(2 * MAX_PAGES)	/* of which every other one is free */
#define MIN_WORK	1024		/* pages moved between two looks at the clock */
#define NR_SAMPLES	9
#define NR_RACES	3		/* of two CPUs against one */
#define NR_SLOTS	64
#define NR_STEPS	4000
#define GROW_PAGES	(SZ_1G >> PAGE_SHIFT)

static bool run;
module_param(run, bool, 0);
MODULE_PARM_DESC(run, "measure at boot");

/* ns of looking at the clock, which a hypervisor may emulate. */
static u64 look;

static void __init measure_look(void)
{
	unsigned int i;
	u64 start;

	look = U64_MAX;
	for (i = 0; i < NR_SAMPLES; i++) {
		start = local_clock();
		look = min(look, local_clock() - start);
	}
}

static u64 since(u64 start)
{
	return local_clock() - start - look;
}

static void result(const char *name, u64 value, const char *unit)
{
	pr_info("%s %llu %s\n", name, value, unit);
}

/* Free pages of RAM, those that each CPU keeps for itself included. */
static unsigned long ram_free(void)
{
	unsigned long nr_free = 0;
	struct zone *zone;
	int cpu;

	for_each_populated_zone(zone) {
		nr_free += zone_page_state_snapshot(zone, NR_FREE_PAGES);
		for_each_online_cpu(cpu)
			nr_free += per_cpu_ptr(zone->per_cpu_pageset,
					       cpu)->count;
	}
	return nr_free;
}

/* Batches */

struct load {
	unsigned int nr_pages;
	struct page **pages;
	int ret;
};

static u64 sample(struct load *load, unsigned int pairs)
{
	unsigned int nr_pages = load->nr_pages;
	struct page **pages = load->pages;
	u64 start = local_clock();
	int ret = 0;

	for (; pairs; pairs--) {
		ret |= xen_alloc_unpopulated_pages(nr_pages, pages);
		if (likely(!ret))
			xen_free_unpopulated_pages(nr_pages, pages);
	}
	load->ret = ret;
	return since(start);
}

/* ns for 1000 pages, allocated and freed, at best and at worst. */
static void measure_batch(const char *pool, struct load *load)
{
	unsigned int pairs = DIV_ROUND_UP(MIN_WORK, load->nr_pages), i;
	u64 best = U64_MAX, worst = 0, ns;
	char name[48];

	for (i = 0; i < NR_SAMPLES; i++) {
		ns = sample(load, pairs);
		best = min(best, ns);
		worst = max(worst, ns);
	}
	if (load->ret) {
		pr_err("%s batch of %u failed (%d)\n", pool, load->nr_pages,
		       load->ret);
		return;
	}

	best = div_u64(best * 1000, pairs * load->nr_pages);
	snprintf(name, sizeof(name), "%s.%u", pool, load->nr_pages);
	result(name, best, "ns/1000-pages");
	worst = div_u64(worst * 1000, pairs * load->nr_pages);
	snprintf(name, sizeof(name), "%s.%u.worst", pool, load->nr_pages);
	result(name, worst, "ns/1000-pages");
}

static void batches(const char *pool, struct page **pages)
{
	static const unsigned int sizes[] = { 1, 11, 32, 256, 4096, MAX_PAGES };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct load load = { .nr_pages = sizes[i], .pages = pages };

		measure_batch(pool, &load);
	}
}

/* What the allocator does behind its calls must not fall into a measurement. */
static void come_to_rest(void)
{
	schedule_timeout_uninterruptible(HZ);
}

/* The same where every other page is on loan to somebody else. */
static void fragmented(struct page **pages, struct page **taken)
{
	unsigned int i;

	if (xen_alloc_unpopulated_pages(NR_TAKEN, taken)) {
		pr_err("no %u pages to leave every other one of\n", NR_TAKEN);
		return;
	}
	for (i = 0; i < NR_TAKEN; i += 2)
		xen_free_unpopulated_pages(1, &taken[i]);
	come_to_rest();

	batches("fragmented", pages);

	for (i = 1; i < NR_TAKEN; i += 2)
		xen_free_unpopulated_pages(1, &taken[i]);
}

/* Random sizes, most of them small, that live for random times */

struct lives {
	struct rnd_state rnd;
	unsigned int held[NR_SLOTS];
	struct page **pages;
	u64 moved;
};

static struct page **slot_pages(struct lives *lives, unsigned int slot)
{
	return lives->pages + slot * (MAX_PAGES / NR_SLOTS);
}

static void begin(struct lives *lives, struct page **pages)
{
	*lives = (struct lives){ .pages = pages };
	prandom_seed_state(&lives->rnd, 1);
}

/* One call. */
static void step(struct lives *lives)
{
	struct rnd_state *rnd = &lives->rnd;
	unsigned int slot = prandom_u32_state(rnd) % NR_SLOTS;
	unsigned int most = prandom_u32_state(rnd) % (MAX_PAGES / NR_SLOTS);
	unsigned int nr = 1 + prandom_u32_state(rnd) % (1 + most);

	if (lives->held[slot]) {
		xen_free_unpopulated_pages(lives->held[slot],
					   slot_pages(lives, slot));
		lives->held[slot] = 0;
	} else if (!xen_alloc_unpopulated_pages(nr, slot_pages(lives, slot))) {
		lives->held[slot] = nr;
		lives->moved += nr;
	}
}

static void end(struct lives *lives)
{
	unsigned int slot;

	for (slot = 0; slot < NR_SLOTS; slot++)
		xen_free_unpopulated_pages(lives->held[slot],
					   slot_pages(lives, slot));
}

static void random_lifetimes(struct lives *lives, struct page **pages)
{
	unsigned int i;
	u64 start, ns;

	begin(lives, pages);
	start = local_clock();
	for (i = 0; i < NR_STEPS; i++)
		step(lives);
	end(lives);
	ns = since(start);
	result("random", div64_u64(ns * 1000, lives->moved), "ns/1000-pages");
}

/*
 * The longest of those calls: the same again and again, and of each one the
 * least, as what interrupts add falls into different ones.
 */
static void longest_call(struct lives *lives, struct page **pages)
{
	u64 *least = kvmalloc_array(NR_STEPS, sizeof(*least), GFP_KERNEL);
	u64 longest = 0, start;
	unsigned int i, j;

	if (!least)
		return;
	for (i = 0; i < NR_STEPS; i++)
		least[i] = U64_MAX;

	for (j = 0; j < NR_SAMPLES; j++) {
		begin(lives, pages);
		for (i = 0; i < NR_STEPS; i++) {
			start = local_clock();
			step(lives);
			least[i] = min(least[i], since(start));
		}
		end(lives);
	}
	for (i = 0; i < NR_STEPS; i++)
		longest = max(longest, least[i]);
	result("random.longest", longest, "ns");
	kvfree(least);
}

static void random_sizes(struct page **pages)
{
	struct lives *lives = kmalloc(sizeof(*lives), GFP_KERNEL);

	if (!lives)
		return;
	random_lifetimes(lives, pages);
	longest_call(lives, pages);
	kfree(lives);
}

/* Contiguous pages, as gntdev takes them for a dma-buf */

/* Without the series there are none but those of RAM. */
#if !__has_include("../unpopulated-pool.h")
static int xen_alloc_unpopulated_contiguous_pages(struct device *dev,
						  unsigned int nr_pages,
						  struct page **pages)
{
	return -ENODEV;
}

static void xen_free_unpopulated_contiguous_pages(struct device *dev,
						  unsigned int nr_pages,
						  struct page **pages)
{
}
#endif

static struct device *dma_device(void)
{
	struct device *dev = root_device_register("xen-unpopulated-bench");

	if (!IS_ERR(dev))
		dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(64));
	return dev;
}

static void measure_run(struct device *dev, unsigned int nr_pages,
			struct page **pages, xen_pfn_t *frames)
{
	u64 best = U64_MAX, start, ns;
	unsigned long ram, used = 0;
	char name[48];
	unsigned int i;

	for (i = 0; i < NR_SAMPLES; i++) {
		struct gnttab_dma_alloc_args args = {
			.dev = dev,
			.coherent = true,
			.nr_pages = nr_pages,
			.pages = pages,
			.frames = frames,
		};

		ram = ram_free();
		start = local_clock();
		if (gnttab_dma_alloc_pages(&args)) {
			pr_err("no %u contiguous pages\n", nr_pages);
			return;
		}
		ns = since(start);
		used = ram - ram_free();
		start = local_clock();
		gnttab_dma_free_pages(&args);
		best = min(best, ns + since(start));
	}
	snprintf(name, sizeof(name), "contiguous.%u", nr_pages);
	result(name, best, "ns");
	snprintf(name, sizeof(name), "contiguous.%u.ram", nr_pages);
	result(name, used, "pages");
}

/* The calls of the allocator alone, without what the grant table does to each page. */
static void measure_plain_run(struct device *dev, unsigned int nr_pages,
			      struct page **pages)
{
	u64 best = U64_MAX, start;
	char name[48];
	unsigned int i;

	for (i = 0; i < NR_SAMPLES; i++) {
		start = local_clock();
		if (xen_alloc_unpopulated_contiguous_pages(dev, nr_pages,
							   pages))
			return;
		xen_free_unpopulated_contiguous_pages(dev, nr_pages, pages);
		best = min(best, since(start));
	}
	snprintf(name, sizeof(name), "contiguous.%u.plain", nr_pages);
	result(name, best, "ns");
}

static void all_contiguous(struct page **pages)
{
	static const unsigned int sizes[] = { 1, 16, 256, 512 };
	xen_pfn_t *frames = kcalloc(512, sizeof(*frames), GFP_KERNEL);
	struct device *dev = dma_device();
	unsigned int i;

	if (frames && !IS_ERR(dev)) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			measure_run(dev, sizes[i], pages, frames);
			measure_plain_run(dev, sizes[i], pages);
		}
	}
	if (!IS_ERR(dev))
		root_device_unregister(dev);
	kfree(frames);
}

/* A backend's cache of pages, empty: what a request pays for each page */
static void empty_cache(struct page **pages)
{
	struct gnttab_page_cache cache;
	u64 best = U64_MAX, start;
	unsigned int i, j;

	for (i = 0; i < NR_SAMPLES; i++) {
		gnttab_page_cache_init(&cache);
		start = local_clock();
		for (j = 0; j < 256; j++) {
			if (gnttab_page_cache_get(&cache, &pages[j])) {
				pr_err("the page cache got no page\n");
				return;
			}
		}
		best = min(best, since(start));
		gnttab_page_cache_put(&cache, pages, 256);
		gnttab_page_cache_shrink(&cache, 0);
	}
	result("cache-get.256", div_u64(best * 1000, 256), "ns/1000-pages");
}

/*
 * Two at once: rounds of one CPU alone, and of two together, in the same time. What
 * two CPUs can do here at most is what they do where they share nothing.
 */

struct worker {
	struct task_struct *task;
	struct completion start, done;
	struct page *pages[32];
	int (*round)(struct worker *worker);
	spinlock_t lock;	/* nothing, but as a pool's */
	u64 rounds;
} ____cacheline_aligned_in_smp;

static int share_pool(struct worker *worker)
{
	int ret = xen_alloc_unpopulated_pages(32, worker->pages);

	if (!ret)
		xen_free_unpopulated_pages(32, worker->pages);
	return ret;
}

/* As a pair of calls, take a lock twice and go over all pages for each. */
static int share_nothing(struct worker *worker)
{
	struct page **pages = worker->pages;
	unsigned int i, j;

	for (i = 0; i < 2; i++) {
		spin_lock(&worker->lock);
		WRITE_ONCE(pages[i], NULL);
		spin_unlock(&worker->lock);
		for (j = 0; j < ARRAY_SIZE(worker->pages); j++)
			WRITE_ONCE(pages[j], pages[j] + 1);
	}
	return 0;
}

static int work(void *arg)
{
	struct worker *worker = arg;
	unsigned long end;

	wait_for_completion(&worker->start);
	end = jiffies + HZ;
	for (worker->rounds = 0; time_before(jiffies, end); worker->rounds++) {
		if (worker->round(worker))
			break;
		cond_resched();
	}
	complete(&worker->done);
	return 0;
}

static u64 rounds(unsigned int nr_workers, int (*round)(struct worker *worker))
{
	static struct worker workers[2];
	unsigned int i, nr = 0;
	u64 sum = 0;

	for (i = 0; i < nr_workers; i++, nr++) {
		init_completion(&workers[i].start);
		init_completion(&workers[i].done);
		spin_lock_init(&workers[i].lock);
		workers[i].round = round;
		workers[i].task = kthread_create(work, &workers[i], "bench/%u",
						 i);
		if (IS_ERR(workers[i].task))
			break;
		kthread_bind(workers[i].task, i);
		wake_up_process(workers[i].task);
	}
	for (i = 0; i < nr; i++)
		complete(&workers[i].start);
	for (i = 0; i < nr; i++) {
		wait_for_completion(&workers[i].done);
		sum += workers[i].rounds;
	}
	return sum;
}

/* At best: whatever else the host does slows both down. */
static void two_cpus(const char *name, int (*round)(struct worker *worker))
{
	u64 one = 1, two = 0;
	unsigned int i;

	if (num_online_cpus() < 2)
		return;
	for (i = 0; i < NR_RACES; i++) {
		one = max(one, rounds(1, round));
		two = max(two, rounds(2, round));
	}
	result(name, div64_u64(two * 1000, one), "per-mille");
}

/* Growth */

static void growth(const char *name, unsigned int nr_pages, struct page **pages)
{
	unsigned long ram = ram_free();
	u64 start = local_clock();
	char full[32];

	if (xen_alloc_unpopulated_pages(nr_pages, pages)) {
		pr_err("%s: no %u pages\n", name, nr_pages);
		return;
	}
	result(name, since(start), "ns");
	snprintf(full, sizeof(full), "%s.ram", name);
	result(full, ram - ram_free(), "pages");
	xen_free_unpopulated_pages(nr_pages, pages);
}

/* Before the grant frames of a PVH domain take pages, at core_initcall. */
static int __init bench_first_page(void)
{
	struct page *page;

	if (!run || !xen_domain())
		return 0;

	measure_look();
	growth("first-page", 1, &page);
	return 0;
}
pure_initcall(bench_first_page);

/* Let the allocator have all that the batches want. */
static void warm_up(struct page **taken)
{
	if (!xen_alloc_unpopulated_pages(NR_TAKEN, taken))
		xen_free_unpopulated_pages(NR_TAKEN, taken);
	come_to_rest();
}

static int __init bench(void)
{
	struct page **pages, **taken;

	if (!run || !xen_domain())
		return 0;

	pages = kvcalloc(MAX_PAGES, sizeof(*pages), GFP_KERNEL);
	taken = kvcalloc(GROW_PAGES, sizeof(*taken), GFP_KERNEL);
	if (pages && taken) {
		measure_look();
		warm_up(taken);
		two_cpus("two-cpus", share_pool);
		two_cpus("two-cpus.apart", share_nothing);
		batches("batch", pages);
		fragmented(pages, taken);
		random_sizes(pages);
		empty_cache(pages);
		/* RAM that a PV domain gave to Xen has no mapping to come back to. */
		if (!xen_pv_domain())
			all_contiguous(pages);
		growth("grow-1GiB", GROW_PAGES, taken);
	}
	kvfree(taken);
	kvfree(pages);
	pr_info("end\n");
	return 0;
}
late_initcall_sync(bench);
