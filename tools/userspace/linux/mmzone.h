/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_MMZONE_H
#define _LINUX_MMZONE_H

/* The same on all architectures that have them. */
#define SUBSECTION_SIZE	(1UL << 21)

#endif
