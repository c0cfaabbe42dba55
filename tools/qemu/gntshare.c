// SPDX-License-Identifier: GPL-2.0
/*
 * Share a buffer of pages with another domain, wait until it has answered in place, and look at the answer.
 *
 * usage: gntshare DOMID PAGES gntalloc|dmabuf: pages that gntalloc made, or a dma-buf of this process's own memory
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/gntalloc.h>

/* xen/gntdev.h takes these for granted. */
typedef uint32_t grant_ref_t;
typedef uint16_t domid_t;
#include <xen/gntdev.h>

#include "gntbuf.h"

#define TIMEOUT_S	60

static void fail(const char *what)
{
	printf("guest: failed: gntshare: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int device(const char *name)
{
	int fd = open(name, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fail(name);
	return fd;
}

static void *map(int fd, uint32_t pages, uint64_t offset)
{
	void *mem = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	if (mem == MAP_FAILED)
		fail("mmap");
	return mem;
}

/* Pages that DOMID may map and write, and their references. */
static void *share_pages(uint16_t domid, uint32_t pages, uint32_t *refs)
{
	struct ioctl_gntalloc_alloc_gref *op;
	int gntalloc = device("/dev/xen/gntalloc");

	op = calloc(1, sizeof(*op) + pages * sizeof(op->gref_ids[0]));
	if (!op)
		fail("calloc");
	op->domid = domid;
	op->flags = GNTALLOC_FLAG_WRITABLE;
	op->count = pages;
	if (ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, op))
		fail("gntalloc");
	memcpy(refs, op->gref_ids, pages * sizeof(*refs));
	return map(gntalloc, pages, op->index);
}

/* The same of memory that is wrapped as a dma-buf, and imported by gntdev. */
static void *share_buffer(uint16_t domid, uint32_t pages, uint32_t *refs)
{
	struct udmabuf_create create = { .size = pages * PAGE };
	struct ioctl_gntdev_dmabuf_imp_to_refs *op;
	int memory = memfd_create("gntshare", MFD_ALLOW_SEALING);

	if (memory < 0 || ftruncate(memory, create.size) || fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK))
		fail("memfd");
	create.memfd = memory;
	op = calloc(1, sizeof(*op) + pages * sizeof(op->refs[0]));
	if (!op)
		fail("calloc");
	op->fd = ioctl(device("/dev/udmabuf"), UDMABUF_CREATE, &create);
	op->count = pages;
	op->domid = domid;
	if ((int)op->fd < 0 || ioctl(device("/dev/xen/gntdev"), IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, op))
		fail("import");
	memcpy(refs, op->refs, pages * sizeof(*refs));
	/* The import holds the buffer. */
	close(op->fd);
	return map(memory, pages, 0);
}

int main(int argc, char **argv)
{
	struct gntbuf_index *index;
	void *buffer;
	uint32_t ref, pages;
	uint16_t domid;
	size_t i, words;
	int wait;

	if (argc != 4)
		return 2;
	domid = strtoul(argv[1], NULL, 0);
	pages = strtoul(argv[2], NULL, 0);
	if (!pages || pages > GNTBUF_MAX_PAGES)
		return 2;
	words = pages * GRANT_WORDS;

	index = share_pages(domid, 1, &ref);
	buffer = strcmp(argv[3], "dmabuf") ? share_pages(domid, pages, index->refs) :
					     share_buffer(domid, pages, index->refs);
	index->pages = pages;
	for (i = 0; i < words; i++)
		*gntbuf_place(buffer, i) = gntbuf_word(i);

	printf("guest: shared %u\n", ref);
	fflush(stdout);
	for (wait = TIMEOUT_S * 100; !index->answered && wait; wait--)
		usleep(10000);
	if (!index->answered)
		fail("no answer");
	for (i = 0; i < words; i++)
		if (*gntbuf_place(buffer, i) != ~gntbuf_word(i))
			fail("the answer differs");
	printf("guest: answer of %u pages is right\n", pages);
	return 0;
}
