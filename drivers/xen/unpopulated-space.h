/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _XEN_UNPOPULATED_SPACE_H
#define _XEN_UNPOPULATED_SPACE_H

#include <linux/range.h>
#include <linux/types.h>

/* Why space is left out, for people. Others have reasons of their own. */
#define UNPOPULATED_EMPTY		"empty"
#define UNPOPULATED_NO_RANGE		"no address range"
#define UNPOPULATED_BELOW_REACH		"below all that can have struct pages"
#define UNPOPULATED_ABOVE_REACH		"above all that can have struct pages"
#define UNPOPULATED_NO_SUBSECTION	"no whole subsection"

/**
 * struct unpopulated_space - address space in which regions may be placed
 * @ranges: the free ranges in the form of kernel/range.c: sorted, disjoint,
 *	@end exclusive, an @end of 0 marks an unused slot
 * @nr: number of ranges in use
 * @slots: number of elements of @ranges
 * @taken: number of ranges that were taken and not given back
 * @left_out: told once of each range that was offered and is not used; or NULL
 *
 * All zero is an empty space. The caller serialises.
 *
 * Invariant: @nr + @taken <= @slots, so that giving a range back never has to
 * allocate.
 */
struct unpopulated_space {
	struct range *ranges;
	int nr;
	int slots;
	int taken;
	void (*left_out)(u64 start, u64 end, const char *why);
};

int unpopulated_space_add(struct unpopulated_space *space, u64 start, u64 end);
int unpopulated_space_add_entry(struct unpopulated_space *space, u64 start,
				u64 size);
int unpopulated_space_remove(struct unpopulated_space *space, u64 start,
			     u64 end);
int unpopulated_space_leave_out(struct unpopulated_space *space, u64 start,
				u64 end, const char *why);
int unpopulated_space_settle(struct unpopulated_space *space,
			     const struct range *reach, u64 align);
int unpopulated_space_take(struct unpopulated_space *space, u64 min, u64 want,
			   u64 align, u64 limit, struct range *taken);
void unpopulated_space_give_back(struct unpopulated_space *space, u64 start,
				 u64 end);
u64 unpopulated_space_size(const struct unpopulated_space *space, u64 align);
void unpopulated_space_lose(struct unpopulated_space *space);
void unpopulated_space_destroy(struct unpopulated_space *space);

#endif /* _XEN_UNPOPULATED_SPACE_H */
