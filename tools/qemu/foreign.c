// SPDX-License-Identifier: GPL-2.0
/*
 * Map frames of another domain through privcmd, as a toolstack does: thousands of them in a batch, holes among
 * them, twice; then its grant table as a resource. The two maps of a frame must show the same.
 *
 * usage: foreign DOMID FIRST-FRAME FRAMES: every other one of them is made a hole
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

/* As in xen/privcmd.h, which needs headers that user space does not have. */
struct mmapbatch {
	uint32_t num;
	uint16_t dom;
	uint64_t addr;
	const unsigned long *arr;
	int *err;
};

struct mmap_resource {
	uint16_t dom;
	uint32_t type;
	uint32_t id;
	uint32_t idx;
	uint64_t num;
	uint64_t addr;
};

#define IOCTL_MMAPBATCH_V2	_IOC(_IOC_NONE, 'P', 4, sizeof(struct mmapbatch))
#define IOCTL_MMAP_RESOURCE	_IOC(_IOC_NONE, 'P', 7, sizeof(struct mmap_resource))

#define PAGE		4096UL
#define GRANT_TABLE	1	/* XENMEM_resource_grant_table */
#define HOLES_FROM	(1UL << 36)	/* no guest of these tests has frames up there */

static int privcmd;

static void fail(const char *what)
{
	fprintf(stderr, "foreign: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *room(unsigned long pages)
{
	void *mem = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, privcmd, 0);

	if (mem == MAP_FAILED)
		fail("mmap");
	return mem;
}

/* Every other frame is a hole; each must be reported, and nothing else. */
static char *map_batch(uint32_t domid, unsigned long first, unsigned int frames)
{
	unsigned long *gfns = calloc(frames, sizeof(*gfns));
	int *errors = calloc(frames, sizeof(*errors));
	struct mmapbatch batch = { .num = frames, .dom = domid, .arr = gfns, .err = errors };
	char *mem = room(frames);
	unsigned int i;

	if (!gfns || !errors)
		fail("calloc");
	for (i = 0; i < frames; i++)
		gfns[i] = i % 2 ? HOLES_FROM + i : first + i / 2;
	batch.addr = (uintptr_t)mem;
	if (ioctl(privcmd, IOCTL_MMAPBATCH_V2, &batch))
		fail("batch");
	for (i = 0; i < frames; i++) {
		if (!errors[i] == !(i % 2))
			continue;
		fprintf(stderr, "foreign: frame %#lx: %s\n", gfns[i], strerror(-errors[i]));
		exit(1);
	}
	free(gfns);
	free(errors);
	return mem;
}

static void map_grant_table(uint32_t domid)
{
	struct mmap_resource resource = { .dom = domid, .type = GRANT_TABLE, .num = 1 };
	uint16_t *mem = room(1);

	resource.addr = (uintptr_t)mem;
	if (ioctl(privcmd, IOCTL_MMAP_RESOURCE, &resource))
		fail("resource");
	/* The console is grant 0 of any guest: its flags are not 0, and it is granted to this domain, 0. */
	if (!mem[0] || mem[1]) {
		fprintf(stderr, "foreign: the first grant has flags %#x for domain %u\n", mem[0], mem[1]);
		exit(1);
	}
	munmap(mem, PAGE);
}

/* The domain is running, and may write between two looks at a frame. */
static int equal(const char *one, const char *two)
{
	int tries;

	for (tries = 10; tries; tries--)
		if (!memcmp(one, two, PAGE))
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int i, frames, same = 0;
	unsigned long first;
	uint32_t domid;
	char *one, *two;

	if (argc != 4) {
		fprintf(stderr, "usage: foreign DOMID FIRST-FRAME FRAMES\n");
		return 2;
	}
	domid = strtoul(argv[1], NULL, 0);
	first = strtoul(argv[2], NULL, 0);
	frames = strtoul(argv[3], NULL, 0);

	privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	if (privcmd < 0)
		fail("/dev/xen/privcmd");

	munmap(map_batch(domid, first, frames), frames * PAGE);
	one = map_batch(domid, first, frames);
	two = map_batch(domid, first, frames);
	for (i = 0; i < frames; i += 2)
		same += equal(one + i * PAGE, two + i * PAGE);
	map_grant_table(domid);
	printf("%u frames and %u holes, %u frames the same\n", frames / 2, frames / 2, same);
	return 0;
}
