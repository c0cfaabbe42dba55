// SPDX-License-Identifier: GPL-2.0
/*
 * Show the address space that Xen offers to a domain on Arm for mappings, what of
 * it the kernel can use and why not the rest, and what is in use. It compiles the
 * driver's own unpopulated-space.c, so the two cannot disagree.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "regions.h"

#define MAX_BLOB	(16 << 20)

static const char usage[] =
	"usage: regions [--json] [--page-size BYTES] [--reach FIRST-LAST] [--iomem FILE] [BLOB or FOLDER]\n"
	"Without BLOB or FOLDER: /proc/device-tree and /proc/iomem of this domain, as root.\n"
	"--page-size: of the kernel in question; by default that of this machine.\n"
	"--reach: where that kernel can make struct pages; by default 128 TiB from the GiB on in which\n"
	"RAM begins (with pages of 64 KiB, half a GiB), as arm64 with 48-bit addresses does. Its log says so in\n"
	"\"address space for mappings, within [FIRST-LAST]\".\n";

static _Noreturn void fail(const char *what, const char *error)
{
	fprintf(stderr, "error: %s: %s\n", what, error);
	exit(1);
}

static size_t read_blob(const char *path, void *blob)
{
	FILE *file = fopen(path, "r");
	size_t size;

	if (!file)
		fail(path, strerror(errno));
	size = fread(blob, 1, MAX_BLOB, file);
	if (ferror(file))
		fail(path, strerror(errno));
	if (!feof(file))
		fail(path, "larger than any device tree blob");
	fclose(file);
	return size;
}

static void read_tree(struct map *map, const char *path)
{
	void *blob = calloc(1, MAX_BLOB);
	size_t size = MAX_BLOB;
	const char *error;
	struct stat st;

	if (!blob)
		fail(path, "out of memory");
	if (stat(path, &st))
		fail(path, errno == ENOENT ? "not there: give a device tree blob, or the folder of one" :
			   strerror(errno));
	if (S_ISDIR(st.st_mode)) {
		error = blob_from_folder(path, blob, size);
		if (error)
			fail(path, error);
	} else {
		size = read_blob(path, blob);
	}
	error = map_add_blob(map, blob, size);
	if (error)
		fail(path, error);
	free(blob);
}

static void read_iomem(struct map *map, const char *path)
{
	FILE *file = fopen(path, "r");
	const char *error;

	if (!file)
		fail(path, strerror(errno));
	error = map_add_iomem(map, file);
	if (error)
		fail(path, error);
	fclose(file);
}

static struct range parse_reach(const char *text)
{
	uint64_t first, last;
	char rest;

	if (sscanf(text, "%" SCNi64 "-%" SCNi64 "%c", &first, &last, &rest) != 2 ||
	    last < first || last == UINT64_MAX)
		fail(text, "--reach takes FIRST-LAST, such as 0x40000000-0x80003fffffff");
	return (struct range) { first, last + 1 };
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "page-size", required_argument, NULL, 'p' },
		{ "reach", required_argument, NULL, 'r' },
		{ "iomem", required_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	const char *tree, *error, *iomem = NULL;
	struct map map = { .page_size = sysconf(_SC_PAGESIZE) };
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'p':
			map.page_size = atol(optarg);
			if (map.page_size != 4096 && map.page_size != 16384 && map.page_size != 65536)
				fail(optarg, "--page-size takes 4096, 16384 or 65536");
			break;
		case 'r':
			map.reach = parse_reach(optarg);
			break;
		case 'i':
			iomem = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 1;
		}
	}
	if (argc - optind > 1) {
		fputs(usage, stderr);
		return 1;
	}
	tree = argv[optind];
	if (!tree && !iomem)
		iomem = "/proc/iomem";

	read_tree(&map, tree ?: "/proc/device-tree");
	if (iomem)
		read_iomem(&map, iomem);
	error = map_settle(&map);
	if (error)
		fail(tree ?: "/proc/device-tree", error);
	if (json)
		map_show_json(&map, stdout);
	else
		map_show(&map, stdout);
	map_free(&map);
	if (fflush(stdout))
		fail("writing", strerror(errno));
	return 0;
}
