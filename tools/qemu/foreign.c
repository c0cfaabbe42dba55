// SPDX-License-Identifier: GPL-2.0
/*
 * Map frames of another domain through privcmd, as a toolstack does: thousands of them in a batch, holes among
 * them, twice; then its grant table as a resource. The two maps of a frame must show the same, a hole must be out of
 * reach until a frame is mapped there, and a resource must be as large as the area that it is mapped to.
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
#define RETRIES		64	/* holes that get a frame afterwards */
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

/* The domain is running, and may write between two looks at a frame. */
static int equal(const char *one, const char *two)
{
	int tries;

	for (tries = 10; tries; tries--)
		if (!memcmp(one, two, PAGE))
			return 1;
	return 0;
}

/* The call that was just made must have failed with EINVAL. */
static void refused(const char *what, int ret)
{
	if (ret && errno == EINVAL)
		return;
	fprintf(stderr, "foreign: %s: %s, not refused\n", what, ret ? strerror(errno) : "done");
	exit(1);
}

static int map_one(uint32_t domid, unsigned long gfn, char *at)
{
	int error;
	struct mmapbatch batch = { .num = 1, .dom = domid, .addr = (uintptr_t)at, .arr = &gfn, .err = &error };

	return ioctl(privcmd, IOCTL_MMAPBATCH_V2, &batch);
}

/* Every other page of @mem is a hole; map frames there that @two shows. */
static void fill_holes(uint32_t domid, unsigned long first, char *mem, const char *two)
{
	int i, fds[2];

	if (pipe(fds))
		fail("pipe");
	refused("a frame over another", map_one(domid, first, mem));
	for (i = 1; i < 2 * RETRIES; i += 2) {
		char *hole = mem + i * PAGE;

		if (write(fds[1], hole, 1) >= 0 || errno != EFAULT) {
			fprintf(stderr, "foreign: there is something in hole %d\n", i);
			exit(1);
		}
		if (map_one(domid, first + i / 2, hole))
			fail("a frame in a hole");
		if (!equal(hole, two + (i - 1) * PAGE)) {
			fprintf(stderr, "foreign: another frame than expected in hole %d\n", i);
			exit(1);
		}
	}
}

static int map_resource(uint32_t domid, void *at, uint64_t frames)
{
	struct mmap_resource resource = { .dom = domid, .type = GRANT_TABLE, .num = frames, .addr = (uintptr_t)at };

	return ioctl(privcmd, IOCTL_MMAP_RESOURCE, &resource);
}

static void map_grant_table(uint32_t domid)
{
	uint16_t *mem = room(1);
	char *larger = room(2);

	refused("a resource that is smaller than the area", map_resource(domid, larger, 1));
	refused("a resource at the end of the area", map_resource(domid, larger + PAGE, 1));
	refused("a resource that is larger than the area", map_resource(domid, mem, 2));
	refused("a resource of 2^40 frames", map_resource(domid, mem, 1ULL << 40));
	refused("a resource inside a page", map_resource(domid, (char *)mem + 8, 1));
	munmap(larger, 2 * PAGE);

	if (map_resource(domid, mem, 1))
		fail("resource");
	refused("a resource for the second time", map_resource(domid, mem, 1));
	/* The console is grant 0 of any guest: its flags are not 0, and it is granted to this domain, 0. */
	if (!mem[0] || mem[1]) {
		fprintf(stderr, "foreign: the first grant has flags %#x for domain %u\n", mem[0], mem[1]);
		exit(1);
	}
	munmap(mem, PAGE);
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
	fill_holes(domid, first, one, two);
	map_grant_table(domid);
	printf("%u frames and %u holes, %u frames the same, %u in holes\n", frames / 2, frames / 2, same, RETRIES);
	return 0;
}
