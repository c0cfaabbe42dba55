/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/types.h>

/* In 6.1, the kernel's own header wants it. */
typedef u64 resource_size_t;

#include_next <linux/range.h>
