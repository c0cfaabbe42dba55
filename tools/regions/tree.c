// SPDX-License-Identifier: GPL-2.0
/*
 * Device trees: a blob, or the folder /proc/device-tree, which becomes a blob
 * first, so that there is one way to read both.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libfdt.h>
#include <linux/limits.h>

#include "regions.h"

#define MAX_PROPERTY	65536

/* Add the property that the file @name in @folder holds. */
static int add_property(void *blob, int folder, const char *name)
{
	static char value[MAX_PROPERTY];
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -FDT_ERR_NOTFOUND;
	len = read(fd, value, sizeof(value));
	close(fd);
	if (len < 0 || len == sizeof(value))
		return -FDT_ERR_BADVALUE;
	return fdt_property(blob, name, value, len);
}

static int add_node(void *blob, int folder, const char *name);

/* Properties come before nodes in a blob. */
static int add_entries(void *blob, DIR *dir, bool nodes)
{
	struct dirent *entry;
	int ret = 0;

	rewinddir(dir);
	while (!ret && (entry = readdir(dir))) {
		struct stat st;

		if (entry->d_name[0] == '.' ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (nodes && S_ISDIR(st.st_mode))
			ret = add_node(blob, dirfd(dir), entry->d_name);
		else if (!nodes && S_ISREG(st.st_mode))
			ret = add_property(blob, dirfd(dir), entry->d_name);
	}
	return ret;
}

static int add_node(void *blob, int folder, const char *name)
{
	int ret, fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		return -FDT_ERR_NOTFOUND;

	/* The root has no name. */
	ret = fdt_begin_node(blob, folder == AT_FDCWD ? "" : name);
	if (!ret)
		ret = add_entries(blob, dir, false);
	if (!ret)
		ret = add_entries(blob, dir, true);
	if (!ret)
		ret = fdt_end_node(blob);
	closedir(dir);
	return ret;
}

const char *blob_from_folder(const char *path, void *blob, size_t size)
{
	int ret = fdt_create(blob, size);

	if (!ret)
		ret = fdt_finish_reservemap(blob);
	if (!ret)
		ret = add_node(blob, AT_FDCWD, path);
	if (!ret)
		ret = fdt_finish(blob);
	return ret ? "the folder is no readable device tree" : NULL;
}

static u64 cells(const fdt32_t *cell, int nr)
{
	u64 value = 0;

	while (nr--)
		value = value << 32 | fdt32_to_cpu(*cell++);
	return value;
}

/* Add what the reg property of @node, a child of the root, holds. */
static const char *add_reg(struct parts *parts, const void *blob, int node)
{
	int address = fdt_address_cells(blob, 0);
	int size = fdt_size_cells(blob, 0);
	const fdt32_t *reg;
	int len;

	if (address < 1 || address > 2 || size < 1 || size > 2)
		return "the root has no #address-cells and #size-cells of 1 or 2";

	reg = fdt_getprop(blob, node, "reg", &len);
	if (!reg || !len || len % ((address + size) * sizeof(*reg)))
		return "a reg property is missing or has a wrong length";

	for (; len > 0; len -= (address + size) * sizeof(*reg)) {
		u64 start = cells(reg, address);

		/* What this adds up to, map_settle() asks the driver's code. */
		parts_add(parts, start, start + cells(reg + address, size), "");
		reg += address + size;
	}
	return NULL;
}

/* The lowest address of RAM. */
static const char *add_ram(struct map *map, const void *blob)
{
	const char *error = NULL;
	int node;

	fdt_for_each_subnode(node, blob, 0) {
		const char *type = fdt_getprop(blob, node, "device_type", NULL);
		struct parts ram = {};
		int i;

		if (!type || strcmp(type, "memory"))
			continue;
		error = add_reg(&ram, blob, node);
		for (i = 0; i < ram.nr; i++) {
			if (ram.part[i].range.start < map->ram)
				map->ram = ram.part[i].range.start;
		}
		free(ram.part);
		if (error)
			break;
	}
	return error;
}

const char *map_add_blob(struct map *map, const void *blob, size_t size)
{
	const char *error;
	int node = 0;

	if (size < sizeof(struct fdt_header) || fdt_magic(blob) != FDT_MAGIC)
		return "this is no device tree blob";
	if (fdt_totalsize(blob) > size)
		return "the device tree blob is truncated";
	/* libfdt loads words from where these say. */
	if (fdt_check_header(blob) || fdt_off_dt_struct(blob) % 4 ||
	    fdt_off_mem_rsvmap(blob) % 8)
		return "the device tree blob has a bad header";

	while (node >= 0)
		node = fdt_next_node(blob, node, NULL);
	if (node != -FDT_ERR_NOTFOUND)
		return "the device tree blob has a bad structure";

	node = fdt_node_offset_by_compatible(blob, -1, "xen,xen");
	if (node < 0)
		return "there is no hypervisor node (compatible with \"xen,xen\"): take the tree that Xen gives to the domain";
	if (fdt_parent_offset(blob, node) != 0)
		return "the hypervisor node is not at the root";

	error = add_reg(&map->offered, blob, node);
	if (error)
		return error;
	map->ram = U64_MAX;
	return add_ram(map, blob);
}
