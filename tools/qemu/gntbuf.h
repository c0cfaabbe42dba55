/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What gntshare and gntmap agree on: a buffer of granted pages. The one reference that is passed on is that
 * of its index, a page that holds the references of all others.
 */
#ifndef GNTBUF_H
#define GNTBUF_H

#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define PAGE			((size_t)getpagesize())
/* What one grant shares, the beginning of a page. */
#define GRANT			4096UL
#define GRANT_WORDS		(GRANT / sizeof(uint64_t))
#define GNTBUF_MAX_PAGES	1022

struct gntbuf_index {
	uint32_t pages;
	/* Set by the one who maps, when it is done with the buffer. */
	volatile uint32_t answered;
	uint32_t refs[GNTBUF_MAX_PAGES];
};

/* The word at a place in the buffer, as the owner of the buffer writes it; the other one answers with its inverse. */
static inline uint64_t gntbuf_word(size_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15ULL;
}

static inline uint64_t *gntbuf_place(void *buffer, size_t i)
{
	return (uint64_t *)((char *)buffer + i / GRANT_WORDS * PAGE) + i % GRANT_WORDS;
}

#endif
