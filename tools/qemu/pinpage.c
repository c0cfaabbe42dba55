// SPDX-License-Identifier: GPL-2.0
/*
 * Map a page of another domain, write it to a slow disk by direct I/O, and let go of it while that is under way.
 * Prints the frame that the page has here, and a second line when the disk is done.
 *
 * usage: pinpage DOMID REF DISK WRITES: REF is any grant of DOMID, DISK is overwritten
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* xen/gntdev.h takes these for granted. */
typedef uint32_t grant_ref_t;
typedef uint16_t domid_t;
#include <xen/gntdev.h>

/* What a grant is of, also where pages are larger. */
#define GRANT	4096

static void fail(const char *what)
{
	fprintf(stderr, "pinpage: ");
	perror(what);
	exit(1);
}

static int device(const char *name, int flags)
{
	int fd = open(name, flags | O_CLOEXEC);

	if (fd < 0)
		fail(name);
	return fd;
}

static uint64_t frame_of(const void *mem)
{
	uint64_t entry;

	if (pread(device("/proc/self/pagemap", O_RDONLY), &entry, sizeof(entry),
		  (uintptr_t)mem / getpagesize() * sizeof(entry)) != sizeof(entry))
		fail("pagemap");
	return entry & ((1ULL << 55) - 1);
}

int main(int argc, char **argv)
{
	struct ioctl_gntdev_map_grant_ref map = { .count = 1 };
	aio_context_t context = 0;
	struct io_event event;
	struct iocb write = { .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_nbytes = GRANT }, *list = &write;
	int gntdev, writes, i;
	void *mem;

	if (argc != 5) {
		fprintf(stderr, "usage: pinpage DOMID REF DISK WRITES\n");
		return 2;
	}
	map.refs[0].domid = strtoul(argv[1], NULL, 0);
	map.refs[0].ref = strtoul(argv[2], NULL, 0);
	write.aio_fildes = device(argv[3], O_WRONLY | O_DIRECT);
	writes = strtoul(argv[4], NULL, 0);

	gntdev = device("/dev/xen/gntdev", O_RDWR);
	if (ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &map))
		fail("map");
	mem = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, gntdev, map.index);
	if (mem == MAP_FAILED)
		fail("mmap");
	write.aio_buf = (uintptr_t)mem;
	if (syscall(SYS_io_setup, writes, &context))
		fail("io_setup");
	for (i = 0; i < writes; i++)
		if (syscall(SYS_io_submit, context, 1, &list) != 1)
			fail("io_submit");

	printf("frame %#llx\n", (unsigned long long)frame_of(mem) * getpagesize());
	fflush(stdout);
	munmap(mem, getpagesize());
	close(gntdev);

	for (i = 0; i < writes; i++)
		if (syscall(SYS_io_getevents, context, 1, 1, &event, NULL) != 1 || event.res != GRANT)
			fail("direct I/O");
	printf("written\n");
	return 0;
}
