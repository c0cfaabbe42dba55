/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of KUnit as suites need that run in user space: a suite becomes a
 * program that prints `ok NAME` and `not ok NAME`.
 */
#ifndef _KUNIT_TEST_H
#define _KUNIT_TEST_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/types.h>

#define KUNIT_PARAM_DESC_SIZE	128

struct kunit {
	const void *param_value;
	bool failed;
	jmp_buf abort;
};

struct kunit_case {
	const char *name;
	void (*run)(struct kunit *test);
	const void *(*next)(struct kunit *test, const void *prev, char *name);
};

struct kunit_suite {
	const char *name;
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(f)		{ .name = #f, .run = f }
#define KUNIT_CASE_PARAM(f, g)	{ .name = #f, .run = f, .next = g }

#define KUNIT_ARRAY_PARAM(gen, array, describe)				\
	static const void *gen##_gen_params(struct kunit *test,		\
					    const void *prev, char *name)	\
	{								\
		const __typeof__((array)[0]) *next = prev ? prev : (array) - 1;	\
									\
		if (++next == (array) + ARRAY_SIZE(array))		\
			return NULL;					\
		describe(next, name);					\
		return next;						\
	}

#define kunit_compare(test, left, op, right, stop)			\
do {									\
	u64 l = (left), r = (right);					\
									\
	if (l op r)							\
		break;							\
	printf("    %s:%d: %s " #op " %s: %#" PRIx64 ", %#" PRIx64 "\n",	\
	       __FILE__, __LINE__, #left, #right, (uint64_t)l,		\
	       (uint64_t)r);						\
	(test)->failed = true;						\
	if (stop)							\
		longjmp((test)->abort, 1);				\
} while (0)

#define KUNIT_EXPECT_EQ(test, l, r)	kunit_compare(test, l, ==, r, false)
#define KUNIT_ASSERT_EQ(test, l, r)	kunit_compare(test, l, ==, r, true)
#define KUNIT_ASSERT_LE(test, l, r)	kunit_compare(test, l, <=, r, true)
#define KUNIT_ASSERT_TRUE(test, x)	kunit_compare(test, !(x), ==, 0, true)
#define KUNIT_EXPECT_STREQ(test, l, r)	\
	kunit_compare(test, strcmp(l, r), ==, 0, false)

static inline bool kunit_run_one(const struct kunit_suite *suite,
				 const struct kunit_case *c, const void *value,
				 const char *name)
{
	struct kunit test = { .param_value = value };

	suite->init(&test);
	if (!setjmp(test.abort))
		c->run(&test);
	suite->exit(&test);
	printf("%sok %s: %s%s%s\n", test.failed ? "not " : "", suite->name,
	       c->name, *name ? ", " : "", name);
	return test.failed;
}

static inline int kunit_run(const struct kunit_suite *suite)
{
	const struct kunit_case *c;
	int failed = 0;

	for (c = suite->test_cases; c->run; c++) {
		char name[KUNIT_PARAM_DESC_SIZE] = "";
		const void *value = NULL;

		if (!c->next) {
			failed |= kunit_run_one(suite, c, NULL, name);
			continue;
		}
		while ((value = c->next(NULL, value, name)))
			failed |= kunit_run_one(suite, c, value, name);
	}
	return failed;
}

#define kunit_test_suite(suite)		\
int main(void)				\
{					\
	return kunit_run(&(suite));	\
}

#define MODULE_DESCRIPTION(text)
#define MODULE_LICENSE(text)

#endif
