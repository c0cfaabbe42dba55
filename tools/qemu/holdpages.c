// SPDX-License-Identifier: GPL-2.0
/*
 * Take pages of the driver, through gntdev: it takes them as soon as it is told of grants, and looks at those only
 * when they are mapped. Prints how many it holds, then sleeps until it is killed.
 *
 * usage: holdpages PAGES [KEEP [still]]
 *
 * With KEEP, SIGUSR1 has it give back all but so many, which lie all over the others. From then on it gives back one
 * of these at random and takes another, without end, unless these are to stay.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* xen/gntdev.h takes these for granted. */
typedef uint32_t grant_ref_t;
typedef uint16_t domid_t;
#include <xen/gntdev.h>

/* The most that gntdev takes at a time. */
#define MAX_COUNT	65536

/* Pages that go and come between two pauses of 10 ms. */
#define CHURN		16

static int gntdev;

static void fail(const char *what)
{
	fprintf(stderr, "holdpages: ");
	perror(what);
	exit(1);
}

/* Returns what names the pages to gntdev. */
static uint64_t take(uint32_t count)
{
	static union {
		struct ioctl_gntdev_map_grant_ref op;
		char room[sizeof(struct ioctl_gntdev_map_grant_ref) + MAX_COUNT * sizeof(struct ioctl_gntdev_grant_ref)];
	} map;

	map.op.count = count;
	if (ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &map))
		fail("map");
	return map.op.index;
}

static void give_back(uint64_t index, uint32_t count)
{
	struct ioctl_gntdev_unmap_grant_ref unmap = { .index = index, .count = count };

	if (ioctl(gntdev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap))
		fail("unmap");
}

static void said(const char *pages)
{
	printf("holdpages: %s\n", pages);
	fflush(stdout);
}

static void hold(long pages)
{
	for (; pages > 0; pages -= MAX_COUNT)
		take(pages < MAX_COUNT ? pages : MAX_COUNT);
}

/* The pages of each group but its first, and then that one at random times. */
static void keep(uint32_t pages, uint32_t nr, int still, const char *said_pages)
{
	uint64_t *first = calloc(nr, sizeof(*first)), *others = calloc(nr, sizeof(*others));
	uint32_t count = pages / nr - 1, i, step;
	sigset_t signals;
	int signal;

	if (!first || !others)
		fail("calloc");
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	for (i = 0; i < nr; i++) {
		first[i] = take(1);
		others[i] = take(count);
	}
	said(said_pages);
	sigwait(&signals, &signal);

	/* The lowest addresses come last, so that new pages come from there. */
	while (i--)
		give_back(others[i], count);
	if (still)
		return;
	for (;; usleep(10000)) {
		for (step = 0; step < CHURN; step++) {
			i = random() % nr;
			give_back(first[i], 1);
			first[i] = take(1);
		}
	}
}

int main(int argc, char **argv)
{
	long pages = argc > 1 ? strtol(argv[1], NULL, 0) : 0;
	long nr = argc > 2 ? strtol(argv[2], NULL, 0) : 0;

	if (pages <= 0 || argc > 4 || (argc > 2 && (nr <= 0 || nr > pages / 2))) {
		fprintf(stderr, "usage: holdpages PAGES [KEEP [still]]\n");
		return 1;
	}
	gntdev = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	if (gntdev < 0)
		fail("/dev/xen/gntdev");
	if (nr) {
		keep(pages, nr, argc == 4, argv[1]);
	} else {
		hold(pages);
		said(argv[1]);
	}
	pause();
	return 0;
}
