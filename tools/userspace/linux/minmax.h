/* SPDX-License-Identifier: GPL-2.0 */
/* tools/include has them elsewhere. */
#include <linux/kernel.h>
