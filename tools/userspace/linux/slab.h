/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_SLAB_H
#define _LINUX_SLAB_H

#include <stdlib.h>

#define GFP_KERNEL	0

static inline void *kcalloc(size_t n, size_t size, int flags)
{
	return calloc(n, size);
}

static inline void kfree(void *p)
{
	free(p);
}

#endif
