// SPDX-License-Identifier: GPL-2.0
/*
 * Map grants of another domain, each 2 MiB of addresses from the last, so that each needs a page table of its own. Says how
 * far it got, and for what error it got no further. What it mapped goes when it ends.
 *
 * usage: gntspread DOMID REF TIMES: REF is the index of a buffer, see gntbuf.h, whose grants come more than once where
 * there are fewer. For pages of 4 KiB.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* xen/gntdev.h takes these for granted. */
typedef uint32_t grant_ref_t;
typedef uint16_t domid_t;
#include <xen/gntdev.h>

#include "gntbuf.h"

#define TABLE		(2UL << 20)
#define MAX_PAGES	(TABLE / 4096)
/* The driver fills so many at a time, and takes single pages from what is left of others. */
#define WORD		64

static union {
	struct ioctl_gntdev_map_grant_ref op;
	char room[sizeof(struct ioctl_gntdev_map_grant_ref) + MAX_PAGES * sizeof(struct ioctl_gntdev_grant_ref)];
} map;

static void fail(const char *what)
{
	printf("guest: failed: gntspread: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Take pages of the driver; only the first is ever mapped. */
static uint64_t take(int gntdev, uint32_t ref, uint32_t count)
{
	map.op.refs[0].ref = ref;
	map.op.count = count;
	if (ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &map))
		fail("map");
	return map.op.index;
}

static void *map_grant(int gntdev, uint32_t ref)
{
	return mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, gntdev, take(gntdev, ref, 1));
}

int main(int argc, char **argv)
{
	const struct gntbuf_index *index;
	unsigned long times, i;
	int gntdev;

	if (argc != 4)
		return 2;
	map.op.refs[0].domid = strtoul(argv[1], NULL, 0);
	times = strtoul(argv[3], NULL, 0);
	gntdev = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	if (gntdev < 0)
		fail("/dev/xen/gntdev");

	index = map_grant(gntdev, strtoul(argv[2], NULL, 0));
	if (index == MAP_FAILED)
		fail("mmap");
	for (i = 0; i < times; i++) {
		take(gntdev, 0, WORD - 1);
		take(gntdev, 0, TABLE / PAGE - WORD);
		if (map_grant(gntdev, index->refs[i % index->pages]) == MAP_FAILED)
			break;
	}
	printf("guest: spread %lu of %lu mappings, %s\n", i, times, i < times ? strerror(errno) : "all");
	return 0;
}
