// SPDX-License-Identifier: GPL-2.0
/*
 * Map a buffer of another domain's pages as one linear range of addresses, as a backend in user space does:
 * check what is in it, and answer in place.
 *
 * usage: gntmap DOMID REF [COMMAND]: REF is the buffer's index, see gntbuf.h; COMMAND runs while it is mapped
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

static void fail(const char *what)
{
	fprintf(stderr, "gntmap: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Name the references to the driver, then map what it made of them, at the offset that it says. */
static void *map(int gntdev, uint32_t domid, uint32_t pages, const uint32_t *refs)
{
	struct ioctl_gntdev_map_grant_ref *op;
	uint32_t i;
	void *mem;

	op = calloc(1, sizeof(*op) + pages * sizeof(op->refs[0]));
	if (!op)
		fail("calloc");
	op->count = pages;
	for (i = 0; i < pages; i++) {
		op->refs[i].domid = domid;
		op->refs[i].ref = refs[i];
	}
	if (ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, op))
		fail("map");
	mem = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, gntdev, op->index);
	if (mem == MAP_FAILED)
		fail("mmap");
	free(op);
	return mem;
}

int main(int argc, char **argv)
{
	struct gntbuf_index *index, copy;
	uint32_t domid, ref;
	uint64_t *word;
	size_t i, words;
	void *buffer;
	int gntdev;

	if (argc != 3 && argc != 4) {
		fprintf(stderr, "usage: gntmap DOMID REF [COMMAND]\n");
		return 2;
	}
	domid = strtoul(argv[1], NULL, 0);
	ref = strtoul(argv[2], NULL, 0);

	gntdev = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	if (gntdev < 0)
		fail("/dev/xen/gntdev");

	/* The other domain can change what is shared at any time: take a copy, check that, use that. */
	index = map(gntdev, domid, 1, &ref);
	memcpy(&copy, index, sizeof(copy));
	if (!copy.pages || copy.pages > GNTBUF_MAX_PAGES) {
		fprintf(stderr, "gntmap: a buffer of %u pages\n", copy.pages);
		return 1;
	}
	buffer = map(gntdev, domid, copy.pages, copy.refs);

	words = copy.pages * GRANT_WORDS;
	for (i = 0; i < words; i++) {
		word = gntbuf_place(buffer, i);
		if (*word != gntbuf_word(i)) {
			fprintf(stderr, "gntmap: word %zu of the buffer differs\n", i);
			return 1;
		}
		*word = ~*word;
	}
	if (argc == 4 && system(argv[3])) {
		fprintf(stderr, "gntmap: '%s' failed\n", argv[3]);
		return 1;
	}
	printf("%u pages answered\n", copy.pages);
	index->answered = 1;
	return 0;
}
