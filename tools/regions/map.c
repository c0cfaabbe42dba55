// SPDX-License-Identifier: GPL-2.0
/* What the driver would make of the address space, by the driver's own code. */
#include <stdlib.h>
#include <string.h>

#include <linux/limits.h>
#include <linux/mmzone.h>

#include "../../drivers/xen/unpopulated-space.h"
#include "regions.h"

/*
 * arm64 with 48-bit addresses maps 128 TiB from where RAM begins, rounded down
 * (ARM64_MEMSTART_ALIGN).
 */
#define LINEAR_ALIGN		(1ULL << 30)
#define LINEAR_ALIGN_64K	(1ULL << 29)
#define LINEAR_SIZE		(1ULL << 47)

/* The driver's code has no place for a pointer of ours. */
static struct parts *unusable;

void parts_add(struct parts *parts, u64 start, u64 end, const char *what)
{
	struct part *part;

	parts->part = reallocarray(parts->part, parts->nr + 1, sizeof(*part));
	if (!parts->part)
		abort();
	part = &parts->part[parts->nr++];
	part->range = (struct range) { start, end };
	snprintf(part->what, sizeof(part->what), "%s", what);
}

bool is_scratch(const struct part *part)
{
	return !strcmp(part->what, "Xen scratch");
}

static void left_out(u64 start, u64 end, const char *why)
{
	parts_add(unusable, start, end, why);
}

/* Nothing but the driver may have a part of the space. */
static int leave_out_claimed(struct unpopulated_space *space,
			     const struct map *map)
{
	char why[80];
	int i, ret = 0;

	for (i = 0; i < map->iomem.nr && !ret; i++) {
		const struct part *node = &map->iomem.part[i];

		if (is_scratch(node))
			continue;
		snprintf(why, sizeof(why), "belongs to %s", node->what);
		ret = unpopulated_space_leave_out(space, node->range.start,
						  node->range.end, why);
	}
	return ret;
}

const char *map_settle(struct map *map)
{
	struct unpopulated_space space = { .left_out = left_out };
	int i, ret = 0;

	if (!map->reach.end && map->ram != U64_MAX) {
		u64 align = map->page_size == 65536 ? LINEAR_ALIGN_64K : LINEAR_ALIGN;

		map->reach.start = map->ram & ~(align - 1);
		map->reach.end = map->reach.start + LINEAR_SIZE;
		if (map->reach.end < LINEAR_SIZE)
			map->reach.end = U64_MAX;
	}
	if (!map->reach.end)
		return "the tree has no memory node: give the reach of struct pages with --reach";

	unusable = &map->unusable;
	for (i = 0; i < map->offered.nr && !ret; i++) {
		struct range *range = &map->offered.part[i].range;
		u64 size = range->end - range->start;

		/* From here on, what is no range is an empty one. */
		if (range->end < range->start)
			range->end = range->start;
		if (i)
			ret = unpopulated_space_add_entry(&space, range->start, size);
	}
	if (!ret)
		ret = leave_out_claimed(&space, map);
	if (!ret)
		ret = unpopulated_space_settle(&space, &map->reach,
					       SUBSECTION_SIZE);
	for (i = 0; i < space.nr && !ret; i++)
		parts_add(&map->usable, space.ranges[i].start,
			  space.ranges[i].end, "");
	unpopulated_space_destroy(&space);
	return ret ? "out of memory" : NULL;
}

void map_free(struct map *map)
{
	free(map->offered.part);
	free(map->iomem.part);
	free(map->usable.part);
	free(map->unusable.part);
}
