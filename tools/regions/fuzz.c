// SPDX-License-Identifier: GPL-2.0
/* libFuzzer: a device tree blob, then what is behind it as /proc/iomem, through all of the tool. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "regions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t blob_size = size;
	struct map map = {};
	const char *error;
	FILE *iomem, *out;
	void *blob;

	if (size >= sizeof(struct fdt_header) && fdt_totalsize(data) < size)
		blob_size = fdt_totalsize(data);

	/* Of its own, so that a read beyond its end is seen. */
	blob = malloc(blob_size + !blob_size);
	memcpy(blob, data, blob_size);
	error = map_add_blob(&map, blob, blob_size);
	free(blob);

	if (!error && blob_size < size) {
		iomem = fmemopen((void *)(data + blob_size), size - blob_size, "r");
		error = map_add_iomem(&map, iomem);
		fclose(iomem);
	}
	if (!error)
		error = map_settle(&map);
	if (!error) {
		out = fopen("/dev/null", "w");
		map_show(&map, out);
		map_show_json(&map, out);
		fclose(out);
	}
	map_free(&map);
	return 0;
}
