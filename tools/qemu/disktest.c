// SPDX-License-Identifier: GPL-2.0
/*
 * Fill a disk with random data past the page cache, read all of it back the same way, and print the
 * SHA-256 of what was written and of what came back.
 *
 * One process with one buffer: in a shell the same takes an emulated CPU several times as long.
 *
 * usage: disktest DISK MIB [corrupt]: DISK is a name in /dev
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Large enough that one call fills the ring of the disk with requests. */
#define CHUNK_MIB	8UL
#define CHUNK		(CHUNK_MIB << 20)

struct sha256 {
	uint32_t h[8];
	uint32_t k[64];
	uint64_t len;
};

static uint32_t ror(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

/* The first 32 bits of the fraction of a root: floor(root(p << shift)), bit by bit. */
static uint32_t fraction(unsigned int p, int power)
{
	unsigned __int128 n = (unsigned __int128)p << (32 * power);
	uint64_t root = 0;

	for (int bit = 36; bit >= 0; bit--) {
		unsigned __int128 try = root | 1ULL << bit;
		unsigned __int128 product = power == 2 ? try * try : try * try * try;

		if (product <= n)
			root = try;
	}
	return root;
}

/* The constants are square and cube roots of the first primes: no table to mistype. */
static void sha256_init(struct sha256 *s)
{
	int found = 0;

	for (unsigned int p = 2; found < 64; p++) {
		unsigned int d = 2;

		while (d * d <= p && p % d)
			d++;
		if (d * d <= p)
			continue;
		if (found < 8)
			s->h[found] = fraction(p, 2);
		s->k[found++] = fraction(p, 3);
	}
	s->len = 0;
}

static void sha256_block(struct sha256 *s, const uint8_t *block)
{
	uint32_t w[64], v[8];

	for (int i = 0; i < 16; i++) {
		memcpy(&w[i], block + 4 * i, 4);
		w[i] = __builtin_bswap32(w[i]);
	}
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] +
		       (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3) +
		       (ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);

	/* The eight words turn by one each round: turn the index, not the words. */
	memcpy(v, s->h, sizeof(v));
#define V(n) v[((n) - i) & 7]
#pragma GCC unroll 64
	for (int i = 0; i < 64; i++) {
		uint32_t t1 = V(7) + (ror(V(4), 6) ^ ror(V(4), 11) ^ ror(V(4), 25)) +
			      ((V(4) & V(5)) ^ (~V(4) & V(6))) + s->k[i] + w[i];
		uint32_t t2 = (ror(V(0), 2) ^ ror(V(0), 13) ^ ror(V(0), 22)) +
			      ((V(0) & V(1)) ^ (V(0) & V(2)) ^ (V(1) & V(2)));

		V(3) += t1;
		V(7) = t1 + t2;
	}
#undef V
	for (int i = 0; i < 8; i++)
		s->h[i] += v[i];
}

/* Whole blocks only: all that is hashed here is a multiple of a chunk. */
static void sha256_add(struct sha256 *s, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i += 64)
		sha256_block(s, data + i);
	s->len += len;
}

static void sha256_print(struct sha256 *s, const char *disk, const char *what)
{
	uint8_t last[64] = { 0x80 };
	uint64_t bits = __builtin_bswap64(s->len * 8);

	memcpy(last + 56, &bits, 8);
	sha256_block(s, last);
	printf("guest: %s sha256 %s ", disk, what);
	for (int i = 0; i < 8; i++)
		printf("%08x", s->h[i]);
	printf("\n");
}

static void fill(uint64_t *p, uint64_t *state)
{
	for (size_t i = 0; i < CHUNK / sizeof(*p); i++) {
		*state ^= *state << 13;
		*state ^= *state >> 7;
		*state ^= *state << 17;
		p[i] = *state;
	}
}

static void fail(const char *what)
{
	printf("guest: failed: %s: %m\n", what);
	exit(1);
}

int main(int argc, char **argv)
{
	struct sha256 wrote, back;
	unsigned long mib, done;
	uint64_t state = 0;
	char device[32];
	uint8_t *buf;
	int fd;

	if (argc < 3)
		return 2;
	setlinebuf(stdout);

	mib = strtoul(argv[2], NULL, 0);
	snprintf(device, sizeof(device), "/dev/%s", argv[1]);
	fd = open(device, O_RDWR | O_DIRECT);
	buf = aligned_alloc(4096, CHUNK);
	if (fd < 0 || !buf)
		fail(argv[1]);
	while (!state)
		if (getrandom(&state, sizeof(state), GRND_INSECURE) < 0)
			fail("getrandom");

	sha256_init(&wrote);
	for (done = 0; done < mib; done += CHUNK_MIB) {
		fill((uint64_t *)buf, &state);
		sha256_add(&wrote, buf, CHUNK);
		if (argc > 3 && !strcmp(argv[3], "corrupt"))
			buf[CHUNK / 2] ^= 1;
		if (pwrite(fd, buf, CHUNK, done << 20) != (ssize_t)CHUNK)
			fail("write");
		printf("guest: %s wrote %lu of %lu MiB\n", argv[1], done + CHUNK_MIB, mib);
	}
	sha256_print(&wrote, argv[1], "wrote");
	if (fsync(fd))
		fail("fsync");

	memset(buf, 0, CHUNK);
	sha256_init(&back);
	for (done = 0; done < mib; done += CHUNK_MIB) {
		if (pread(fd, buf, CHUNK, done << 20) != (ssize_t)CHUNK)
			fail("read");
		sha256_add(&back, buf, CHUNK);
		printf("guest: %s read %lu of %lu MiB\n", argv[1], done + CHUNK_MIB, mib);
	}
	sha256_print(&back, argv[1], "read");
	return 0;
}
