// SPDX-License-Identifier: GPL-2.0
/*
 * Read a disk past the page cache and write the same data back, chunk by chunk, and print the MiB/s of each.
 *
 * usage: diskspeed DISK MIB ROUNDS: DISK is a name in /dev
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Large enough that one call fills the ring of the disk with requests. */
#define CHUNK	(8UL << 20)

static void fail(const char *what)
{
	printf("guest: failed: diskspeed: %s: %m\n", what);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	double start, middle, reading = 0, writing = 0;
	unsigned long size, rounds, moved = 0;
	char device[32];
	void *buf;
	int fd;

	if (argc != 4)
		return 2;
	size = strtoul(argv[2], NULL, 0) << 20;
	rounds = strtoul(argv[3], NULL, 0);
	if (size < CHUNK || !rounds)
		return 2;
	snprintf(device, sizeof(device), "/dev/%s", argv[1]);
	fd = open(device, O_RDWR | O_DIRECT);
	buf = aligned_alloc(4096, CHUNK);
	if (fd < 0 || !buf)
		fail(argv[1]);

	while (rounds--) {
		for (unsigned long at = 0; at + CHUNK <= size; at += CHUNK) {
			start = now();
			if (pread(fd, buf, CHUNK, at) != (ssize_t)CHUNK)
				fail("read");
			middle = now();
			if (pwrite(fd, buf, CHUNK, at) != (ssize_t)CHUNK)
				fail("write");
			writing += now() - middle;
			reading += middle - start;
			moved += CHUNK >> 20;
		}
	}
	printf("guest: speeds %.2f %.2f\n", moved / reading, moved / writing);
	return 0;
}
