// SPDX-License-Identifier: GPL-2.0
/*
 * Export grants of another domain as one dma-buf, and run a command while it exists. Its pages are what
 * gnttab_dma_alloc_pages() returns.
 *
 * usage: gntdma DOMID REF... -- COMMAND [ARGUMENT...]
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* xen/gntdev.h takes these for granted. */
typedef uint32_t grant_ref_t;
typedef uint16_t domid_t;
#include <xen/gntdev.h>

#define MAX_REFS		64
#define RELEASE_TIMEOUT_MS	5000

static void fail(const char *what)
{
	fprintf(stderr, "gntdma: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int run(char **command)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid) {
		execvp(command[0], command);
		fail(command[0]);
	}
	if (waitpid(pid, &status, 0) < 0)
		fail("wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	struct ioctl_gntdev_dmabuf_exp_from_refs *refs;
	struct ioctl_gntdev_dmabuf_exp_wait_released released;
	uint32_t count = 0;
	int gntdev, status, arg;

	refs = calloc(1, sizeof(*refs) + MAX_REFS * sizeof(refs->refs[0]));
	if (!refs)
		fail("calloc");
	for (arg = 2; arg < argc && strcmp(argv[arg], "--") && count < MAX_REFS; arg++)
		refs->refs[count++] = strtoul(argv[arg], NULL, 0);
	if (!count || arg + 1 >= argc || strcmp(argv[arg], "--")) {
		fprintf(stderr, "usage: gntdma DOMID REF... -- COMMAND [ARGUMENT...]\n");
		return 2;
	}

	gntdev = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	if (gntdev < 0)
		fail("/dev/xen/gntdev");

	refs->flags = GNTDEV_DMA_FLAG_COHERENT;
	refs->count = count;
	refs->domid = strtoul(argv[1], NULL, 0);
	if (ioctl(gntdev, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, refs))
		fail("export");
	printf("exported %u grants\n", count);

	status = run(argv + arg + 1);

	close(refs->fd);
	released.fd = refs->fd;
	released.wait_to_ms = RELEASE_TIMEOUT_MS;
	/* ENOENT: it is gone already. */
	if (ioctl(gntdev, IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED, &released) && errno != ENOENT)
		fail("release of the export");
	close(gntdev);
	printf("released\n");
	return status;
}
