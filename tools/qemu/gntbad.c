// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input to gntdev: each call must fail, and with the errno that is named beside it. What is on loan after
 * that is for the caller to compare.
 *
 * usage: gntbad DOMID REF pv|pvh [UID]: REF is a grant of DOMID that exists; with UID, as that user
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* xen/gntdev.h takes these for granted. */
typedef uint32_t grant_ref_t;
typedef uint16_t domid_t;
#include <xen/gntdev.h>

#define PAGE			4096UL
#define SOURCE_IS_GRANT		1		/* GNTCOPY_source_gref of Xen's grant_table.h */
#define NO_REF			0x7ffffff0U	/* beyond any grant table */
#define OVER_LIMIT		(64 * 1024 + 1)	/* gntdev.limit is 64 Ki */

static int fd, wrong, cases;
static uint32_t domid, ref;

/* The call that was just made must have failed like this. */
static void expect(const char *what, long ret, int error)
{
	int got = ret < 0 ? errno : 0;

	cases++;
	if (got == error)
		return;
	wrong++;
	printf("wrong: %s: %s, not %s\n", what, strerror(got), strerror(error));
}

/* Returns the offset of the map, or -1. */
static long long map(uint32_t count, uint32_t first, uint32_t second)
{
	struct {
		struct ioctl_gntdev_map_grant_ref op;
		struct ioctl_gntdev_grant_ref more;
	} arg = { .op.count = count, .op.refs = { { domid, first } }, .more = { domid, second } };

	return ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, &arg) ? -1 : (long long)arg.op.index;
}

static long map_at(unsigned long pages, unsigned long offset)
{
	/* Not by libc, which looks at the offset itself. */
	return syscall(SYS_mmap, NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
}

static void unmap(uint64_t index, uint32_t count)
{
	struct ioctl_gntdev_unmap_grant_ref op = { .index = index, .count = count };

	expect("unmap of what was named", ioctl(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &op), 0);
}

static void maps(void)
{
	struct ioctl_gntdev_unmap_grant_ref op = { .index = 1UL << 40, .count = 1 };
	struct ioctl_gntdev_get_offset_for_vaddr where = { .vaddr = (uintptr_t)&op };
	struct ioctl_gntdev_unmap_notify notify = { .index = 1UL << 40, .action = 1 };
	long long index;
	long mem;

	expect("map of no grants", map(0, ref, ref), EINVAL);
	expect("map of 2^32 - 1 grants", map(-1, ref, ref), EINVAL);
	expect("map of 2^31 grants", map(1U << 31, ref, ref), EINVAL);
	expect("map of more than the limit", map(OVER_LIMIT, ref, ref), EINVAL);
	expect("map without memory", ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, NULL), EFAULT);

	index = map(1, ref, 0);
	expect("mmap at an offset inside a page", map_at(1, index + 1), EINVAL);
	expect("mmap of more pages than named", map_at(2, index), EINVAL);
	expect("mmap where nothing was named", map_at(1, 1UL << 40), EINVAL);
	mem = map_at(1, index);
	expect("mmap of a grant", mem, 0);
	expect("mmap for the second time", map_at(1, index), EINVAL);
	munmap((void *)mem, PAGE);
	unmap(index, 1);

	index = map(1, NO_REF, 0);
	expect("mmap of a grant that does not exist", map_at(1, index), EINVAL);
	unmap(index, 1);
	index = map(2, ref, NO_REF);
	expect("mmap of one that does and one that does not", map_at(2, index), EINVAL);
	unmap(index, 2);

	expect("unmap of what was not named", ioctl(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &op), ENOENT);
	expect("unmap without memory", ioctl(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, NULL), EFAULT);
	expect("offset of a foreign address", ioctl(fd, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, &where), EINVAL);
	expect("notify for what was not named", ioctl(fd, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &notify), ENOENT);
	notify.action = 0x80;
	expect("notify of an unknown kind", ioctl(fd, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &notify), EINVAL);
	notify.action = UNMAP_NOTIFY_SEND_EVENT;
	notify.event_channel_port = -1;
	expect("notify by no event channel", ioctl(fd, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &notify), EINVAL);
	expect("an unknown call", ioctl(fd, _IOC(_IOC_NONE, 'G', 99, 0), NULL), ENOTTY);
}

static void copies(void)
{
	struct gntdev_grant_copy_segment segment = { .len = 8192 };
	struct ioctl_gntdev_grant_copy op = { .count = 1, .segments = NULL };

	expect("copy without memory", ioctl(fd, IOCTL_GNTDEV_GRANT_COPY, &op), EFAULT);
	op.segments = &segment;
	expect("copy from here to here", ioctl(fd, IOCTL_GNTDEV_GRANT_COPY, &op), EINVAL);
	segment.flags = SOURCE_IS_GRANT;
	expect("copy of more than a page", ioctl(fd, IOCTL_GNTDEV_GRANT_COPY, &op), EINVAL);
}

/* Returns the buffer, or -1. */
static int export(uint32_t count, uint32_t flags, uint32_t first, uint32_t second)
{
	struct {
		struct ioctl_gntdev_dmabuf_exp_from_refs op;
		uint32_t more;
	} arg = { .op = { .count = count, .flags = flags, .domid = domid, .refs = { first } }, .more = second };

	return ioctl(fd, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, &arg) ? -1 : (int)arg.op.fd;
}

static long import(int buffer, uint32_t count)
{
	struct {
		struct ioctl_gntdev_dmabuf_imp_to_refs op;
		uint32_t more;
	} arg = { .op = { .fd = buffer, .count = count, .domid = domid } };

	return ioctl(fd, IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, &arg);
}

static long wait_released(int buffer)
{
	struct ioctl_gntdev_dmabuf_exp_wait_released op = { .fd = buffer };

	return ioctl(fd, IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED, &op);
}

static void buffers(void)
{
	struct ioctl_gntdev_dmabuf_imp_release none = { .fd = 1 };
	uint32_t both = GNTDEV_DMA_FLAG_WC | GNTDEV_DMA_FLAG_COHERENT;
	int buffer;

	expect("export of no grants", export(0, GNTDEV_DMA_FLAG_WC, ref, ref), EINVAL);
	expect("export of 2^32 - 1 grants", export(-1, GNTDEV_DMA_FLAG_WC, ref, ref), EINVAL);
	expect("export of more than the limit", export(OVER_LIMIT, GNTDEV_DMA_FLAG_WC, ref, ref), EINVAL);
	expect("export with flags that exclude each other", export(1, both, ref, ref), EINVAL);
	expect("export of a grant that does not exist", export(1, GNTDEV_DMA_FLAG_WC, NO_REF, ref), EINVAL);
	expect("export of one that does and one that does not", export(2, 0, ref, NO_REF), EINVAL);
	expect("import of no buffer", import(-1, 1), EBADF);
	expect("import of another file", import(fd, 1), EINVAL);
	expect("release of what was not imported", ioctl(fd, IOCTL_GNTDEV_DMABUF_IMP_RELEASE, &none), ENOENT);
	expect("wait for what was not exported", wait_released(1), ENOENT);

	buffer = export(1, GNTDEV_DMA_FLAG_WC, ref, 0);
	expect("export of a grant", buffer, 0);
	expect("import of no pages", import(buffer, 0), EINVAL);
	expect("import of 2^32 - 1 pages", import(buffer, -1), EINVAL);
	/* Each would hold the other for good. */
	expect("import of what was exported", import(buffer, 1), EINVAL);
	expect("wait for a buffer in use", wait_released(buffer), ETIMEDOUT);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: gntbad DOMID REF pv|pvh [UID]\n");
		return 2;
	}
	domid = strtoul(argv[1], NULL, 0);
	ref = strtoul(argv[2], NULL, 0);
	if (argc > 4 && setuid(strtoul(argv[4], NULL, 0))) {
		perror("gntbad: setuid");
		return 1;
	}
	fd = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		perror("gntbad: /dev/xen/gntdev");
		return 1;
	}

	maps();
	copies();
	if (!strcmp(argv[3], "pv"))
		expect("export on PV, which has none", export(1, GNTDEV_DMA_FLAG_WC, ref, ref), EINVAL);
	else
		buffers();
	printf("%d of %d calls failed as they should\n", cases - wrong, cases);
	return !!wrong;
}
