// SPDX-License-Identifier: GPL-2.0
/*
 * Take pages of the driver for good, through gntdev: it takes them as soon as it is told of grants, and looks at
 * those only when they are mapped. Prints how many it holds, then sleeps until it is killed.
 *
 * usage: holdpages PAGES
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The most that gntdev takes at a time. */
#define MAX_COUNT	65536

struct grant_ref {
	uint32_t domid;
	uint32_t ref;
};

struct map_grant_ref {
	uint32_t count;
	uint32_t pad;
	uint64_t index;
	struct grant_ref refs[MAX_COUNT];
};

/* Its size counts one reference. */
#define IOCTL_GNTDEV_MAP_GRANT_REF	_IOC(_IOC_NONE, 'G', 0, 24)

int main(int argc, char **argv)
{
	static struct map_grant_ref map;
	long left = argc == 2 ? strtol(argv[1], NULL, 0) : 0;
	int fd = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);

	if (left <= 0) {
		fprintf(stderr, "usage: holdpages PAGES\n");
		return 1;
	}
	if (fd < 0) {
		perror("holdpages: /dev/xen/gntdev");
		return 1;
	}
	for (; left > 0; left -= map.count) {
		map.count = left < MAX_COUNT ? left : MAX_COUNT;
		if (ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, &map)) {
			perror("holdpages: gntdev");
			return 1;
		}
	}
	printf("holdpages: %s\n", argv[1]);
	fflush(stdout);
	pause();
	return 0;
}
