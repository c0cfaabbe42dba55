/* SPDX-License-Identifier: GPL-2.0 */
/* range.c asks for it and needs nothing of it; 6.1 has none for user space. */
