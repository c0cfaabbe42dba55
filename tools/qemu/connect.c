// SPDX-License-Identifier: GPL-2.0
/*
 * Give a disk's backend, which has none, its driver, and print how long it takes until it is connected to the front end.
 *
 * usage: connect DEVICE: DEVICE is a name in /sys/bus/xen-backend/devices
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_MS	20000

static const char *device;

static void fail(const char *what)
{
	fprintf(stderr, "connect: ");
	perror(what);
	exit(1);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void bind(void)
{
	const char *path = "/sys/bus/xen-backend/drivers/vbd/bind";
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, device, strlen(device)) < 0)
		fail(path);
	close(fd);
}

static int is_connected(const char *path)
{
	char state[32] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, state, sizeof(state) - 1) < 0)
		fail(path);
	close(fd);
	return !strcmp(state, "Connected\n");
}

int main(int argc, char **argv)
{
	char state[96];
	double start;

	if (argc != 2) {
		fprintf(stderr, "usage: connect DEVICE\n");
		return 1;
	}
	device = argv[1];
	snprintf(state, sizeof(state), "/sys/bus/xen-backend/devices/%s/state", device);

	start = now_ms();
	bind();
	while (!is_connected(state)) {
		if (now_ms() - start > TIMEOUT_MS) {
			fprintf(stderr, "connect: %s does not connect\n", device);
			return 1;
		}
		usleep(1000);
	}
	printf("%.0f ms\n", now_ms() - start);
	return 0;
}
