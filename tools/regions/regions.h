/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What Xen offers to a domain as address space for mappings, and what becomes of
 * it. Errors are a sentence, or NULL where there is none. Ends are exclusive.
 */
#ifndef _REGIONS_H
#define _REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <linux/range.h>
#include <linux/types.h>

/* A part that is not used, or used by somebody. */
struct part {
	struct range range;
	char what[64];
};

struct parts {
	struct part *part;
	int nr;
};

/**
 * struct map - the address space of a domain
 * @offered: reg of the hypervisor node, the first one is the grant table's; an end
 *	may be below its start until map_settle()
 * @ram: lowest address of RAM, U64_MAX for none
 * @page_size: of the kernel
 * @iomem: the outermost nodes of /proc/iomem
 * @reach: where struct pages can be made
 * @usable: what of @offered the kernel can use
 * @unusable: the rest, with the reasons
 */
struct map {
	struct parts offered;
	u64 ram;
	long page_size;
	struct parts iomem;
	struct range reach;
	struct parts usable;
	struct parts unusable;
};

/* tree.c */
const char *blob_from_folder(const char *path, void *blob, size_t size);
const char *map_add_blob(struct map *map, const void *blob, size_t size);

/* iomem.c */
const char *map_add_iomem(struct map *map, FILE *file);

/* map.c */
void parts_add(struct parts *parts, u64 start, u64 end, const char *what);
const char *map_settle(struct map *map);
void map_free(struct map *map);
bool is_scratch(const struct part *part);

/* show.c */
void map_show(const struct map *map, FILE *out);
void map_show_json(const struct map *map, FILE *out);

#endif
