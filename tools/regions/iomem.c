// SPDX-License-Identifier: GPL-2.0
/* /proc/iomem: who has claimed which addresses. */
#include <inttypes.h>
#include <string.h>

#include "regions.h"

const char *map_add_iomem(struct map *map, FILE *file)
{
	uint64_t start, last, any = 0;
	char line[256];
	int name;

	while (fgets(line, sizeof(line), file)) {
		name = 0;
		line[strcspn(line, "\n")] = 0;
		/* What is inside of another node is indented. */
		if (line[0] == ' ')
			continue;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " : %n", &start, &last, &name) < 2 || !name)
			return "a line of iomem is not 'START-END : NAME'";
		if (last < start || last == UINT64_MAX)
			return "a node of iomem is no address range";
		any |= last;
		parts_add(&map->iomem, start, last + 1, line + name);
	}
	if (!any)
		return "iomem shows no addresses: read it as root";
	return NULL;
}
