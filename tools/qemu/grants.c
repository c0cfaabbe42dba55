// SPDX-License-Identifier: GPL-2.0
/*
 * Count the grants of a domain that were mapped, in what xentrace wrote to its standard output.
 *
 * usage: grants DOMID <FILE
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Of Xen's public/trace.h: a record has a header, the time or none, and up to 7 words. That of a map has the domain. */
#define EVENT(header)	((header) & 0xfffffff)
#define WORDS(header)	((header) >> 28 & 7)
#define HAS_TIME(header) ((header) >> 31)
#define TRC_MEM_PAGE_GRANT_MAP	0x10f001
#define TRC_LOST_RECORDS	0x1f002

int main(int argc, char **argv)
{
	uint32_t header, data[2 + 7], domid;
	unsigned long mapped = 0;
	size_t first, words;

	if (argc != 2) {
		fprintf(stderr, "usage: grants DOMID <FILE\n");
		return 1;
	}
	domid = strtoul(argv[1], NULL, 0);
	while (fread(&header, sizeof(header), 1, stdin) == 1) {
		first = HAS_TIME(header) ? 2 : 0;
		words = first + WORDS(header);
		if (fread(data, sizeof(*data), words, stdin) != words) {
			fprintf(stderr, "grants: the last record is not whole\n");
			return 1;
		}
		if (EVENT(header) == TRC_LOST_RECORDS) {
			fprintf(stderr, "grants: Xen lost %u records: use a larger tbuf_size\n", data[first]);
			return 1;
		}
		if (EVENT(header) == TRC_MEM_PAGE_GRANT_MAP && data[first] == domid)
			mapped++;
	}
	printf("%lu\n", mapped);
	return 0;
}
