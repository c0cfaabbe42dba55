// SPDX-License-Identifier: GPL-2.0
/* The map in words, and in JSON. Addresses in JSON are text: they exceed its numbers. */
#include <inttypes.h>

#include "regions.h"

static void show_range(u64 start, u64 end, FILE *out)
{
	if (start < end)
		fprintf(out, "0x%" PRIx64 "-0x%" PRIx64 ", %" PRIu64 " KiB",
			(uint64_t)start, (uint64_t)end - 1,
			(uint64_t)(end - start) >> 10);
	else
		fprintf(out, "nothing at 0x%" PRIx64, (uint64_t)start);
}

static void show_words(const struct part *part, u64 start, u64 end,
		       const char *name, FILE *out)
{
	fprintf(out, "  %-8s  ", name);
	show_range(start, end, out);
	fprintf(out, "%s%s\n", *part->what ? ": " : "",
		is_scratch(part) ? "in /proc/iomem as Xen scratch" : part->what);
}

static void show_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\' || (unsigned char)*text < ' ')
			fprintf(out, "\\u%04x", (unsigned char)*text);
		else
			fputc(*text, out);
	}
}

static void show_members(u64 start, u64 end, FILE *out)
{
	fprintf(out, "\"start\": \"0x%" PRIx64 "\", \"end\": \"0x%" PRIx64 "\"",
		(uint64_t)start, (uint64_t)end);
}

/*
 * Show what @parts have in common with @region, or of an empty region the reason
 * of that. With @scratch, only what the driver has claimed.
 */
static u64 show_common(const struct parts *parts, const struct range *region,
		       bool scratch, const char *name, bool json, FILE *out)
{
	const char *comma = "";
	u64 sum = 0;
	int i;

	if (json)
		fprintf(out, ",\n      \"%s\": [", name);
	for (i = 0; i < parts->nr; i++) {
		const struct part *part = &parts->part[i];
		u64 start = part->range.start, end = part->range.end;
		bool empty = start >= end && start == region->start;

		if (scratch && !is_scratch(part))
			continue;
		if (!empty) {
			if (start < region->start)
				start = region->start;
			if (end > region->end)
				end = region->end;
			if (start >= end)
				continue;
			sum += end - start;
		}
		if (!json) {
			show_words(part, start, end, name, out);
			continue;
		}
		fprintf(out, "%s\n        { ", comma);
		show_members(start, end, out);
		if (!scratch && *part->what) {
			fprintf(out, ", \"why\": \"");
			show_text(part->what, out);
			fprintf(out, "\"");
		}
		fprintf(out, " }");
		comma = ",";
	}
	if (json)
		fprintf(out, "%s]", *comma ? "\n      " : "");
	return sum;
}

static u64 sum_of(const struct parts *parts)
{
	u64 sum = 0;
	int i;

	for (i = 0; i < parts->nr; i++)
		sum += parts->part[i].range.end - parts->part[i].range.start;
	return sum;
}

void map_show(const struct map *map, FILE *out)
{
	u64 used = 0;
	int i;

	fprintf(out, "struct pages are possible in ");
	show_range(map->reach.start, map->reach.end, out);
	fprintf(out, "\ngrant table: ");
	show_range(map->offered.part[0].range.start,
		   map->offered.part[0].range.end, out);
	fprintf(out, "\n");

	for (i = 1; i < map->offered.nr; i++) {
		const struct range *region = &map->offered.part[i].range;

		fprintf(out, "extended region %d: ", i - 1);
		show_range(region->start, region->end, out);
		fprintf(out, "\n");
		show_common(&map->usable, region, false, "usable", false, out);
		show_common(&map->unusable, region, false, "unusable", false, out);
		used += show_common(&map->iomem, region, true, "in use", false, out);
	}
	if (map->offered.nr <= 1)
		fprintf(out, "no extended regions: mappings take RAM (on Xen's command line, is ext_regions off?)\n");

	fprintf(out, "usable altogether: %" PRIu64 " KiB",
		(uint64_t)sum_of(&map->usable) >> 10);
	if (map->iomem.nr)
		fprintf(out, ", of which in use: %" PRIu64 " KiB", (uint64_t)used >> 10);
	fprintf(out, "\n");
}

void map_show_json(const struct map *map, FILE *out)
{
	u64 used = 0;
	int i;

	fprintf(out, "{\n  \"reach\": { ");
	show_members(map->reach.start, map->reach.end, out);
	fprintf(out, " },\n  \"grant_table\": { ");
	show_members(map->offered.part[0].range.start, map->offered.part[0].range.end, out);
	fprintf(out, " },\n  \"regions\": [");
	for (i = 1; i < map->offered.nr; i++) {
		const struct range *region = &map->offered.part[i].range;

		fprintf(out, "%s\n    {\n      ", i > 1 ? "," : "");
		show_members(region->start, region->end, out);
		show_common(&map->usable, region, false, "usable", true, out);
		show_common(&map->unusable, region, false, "unusable", true, out);
		used += show_common(&map->iomem, region, true, "in_use", true, out);
		fprintf(out, "\n    }");
	}
	fprintf(out, "%s],\n  \"usable_kib\": %" PRIu64 ",\n  \"in_use_kib\": ",
		map->offered.nr > 1 ? "\n  " : "", (uint64_t)sum_of(&map->usable) >> 10);
	if (map->iomem.nr)
		fprintf(out, "%" PRIu64 "\n}\n", (uint64_t)used >> 10);
	else
		fprintf(out, "null\n}\n");
}
