// SPDX-License-Identifier: GPL-2.0
/*
 * Move data over a network interface by raw frames, without a protocol stack: send them, or receive them and
 * look at every byte. The receiver answers each window of frames, so that no queue on the way overflows.
 *
 * usage: nettest send|receive INTERFACE MIB FRAME-BYTES
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_FRAME	60014
#define WINDOW		32U	/* as many as a word has bits */
#define TIMEOUT_MS	20000
#define FLOWS		16

/* Addresses and ports are there for the queues: which one a frame takes follows from their hash. */
struct frame {
	struct ether_header eth;
	struct iphdr ip;
	struct udphdr udp;
	uint16_t is_answer;
	uint32_t seq;
	uint8_t data[MAX_FRAME];
} __attribute__((packed));

#define HEAD	offsetof(struct frame, data)

static struct frame frame;
static int sock;

static void fail(const char *what)
{
	printf("guest: failed: nettest: %s: %m\n", what);
	exit(1);
}

static void fill(uint8_t *data, size_t len, uint32_t seq)
{
	uint64_t word;

	for (size_t i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		word = (((uint64_t)seq << 16) + i + 1) * 0x9e3779b97f4a7c15ULL;
		memcpy(data + i, &word, sizeof(word));
	}
}

static void open_socket(const char *interface)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(interface),
	};
	int ignore = 1, room = WINDOW * 2 * MAX_FRAME * 2;

	sock = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	if (sock < 0 || !address.sll_ifindex || bind(sock, (struct sockaddr *)&address, sizeof(address)))
		fail(interface);
	if (setsockopt(sock, SOL_PACKET, PACKET_IGNORE_OUTGOING, &ignore, sizeof(ignore)) ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		fail("setsockopt");
}

static void transmit(size_t len, uint32_t seq, int is_answer)
{
	memset(&frame.eth.ether_dhost, 0xff, sizeof(frame.eth.ether_dhost));
	frame.eth.ether_type = htons(ETHERTYPE_IP);
	frame.ip.version = 4;
	frame.ip.ihl = 5;
	frame.ip.protocol = IPPROTO_UDP;
	frame.ip.tot_len = htons(len - sizeof(frame.eth));
	frame.udp.source = htons(1024 + seq % FLOWS);
	frame.is_answer = is_answer;
	frame.seq = seq;
	if (send(sock, &frame, len, 0) != (ssize_t)len)
		fail("send");
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Returns the length of the next frame that the other nettest sent. */
static size_t receive(int is_answer)
{
	struct pollfd fds = { .fd = sock, .events = POLLIN };
	ssize_t len;

	do {
		if (poll(&fds, 1, TIMEOUT_MS) != 1)
			fail(is_answer ? "no answer" : "no frame");
		len = recv(sock, &frame, sizeof(frame), 0);
		if (len < 0)
			fail("recv");
	} while (len < (ssize_t)HEAD || frame.eth.ether_type != htons(ETHERTYPE_IP) || frame.is_answer != is_answer);
	return len;
}

int main(int argc, char **argv)
{
	static uint8_t data[MAX_FRAME];
	uint32_t seq, frames, seen = 0;
	double start;
	size_t len;
	int sender;

	if (argc != 5)
		return 2;
	sender = !strcmp(argv[1], "send");
	len = strtoul(argv[4], NULL, 0);
	if (len <= HEAD || len > MAX_FRAME)
		return 2;
	frames = (strtoul(argv[3], NULL, 0) << 20) / (len - HEAD) / WINDOW * WINDOW + WINDOW;
	open_socket(argv[2]);
	printf("guest: %s %s\n", sender ? "sending by" : "receiving by", argv[2]);
	fflush(stdout);

	start = now();
	for (seq = 0; seq < frames; seq++) {
		if (sender) {
			fill(frame.data, len - HEAD, seq);
			transmit(len, seq, 0);
		} else {
			/* Queues overtake each other, but not windows. */
			if (receive(0) != len || frame.seq / WINDOW != seq / WINDOW)
				fail("another frame than expected");
			fill(data, len - HEAD, frame.seq);
			if (memcmp(data, frame.data, len - HEAD))
				fail("contents differ");
			seen |= 1U << frame.seq % WINDOW;
		}
		if (seq % WINDOW != WINDOW - 1)
			continue;
		if (sender) {
			receive(1);
			continue;
		}
		if (~seen)
			fail("a frame came twice");
		seen = 0;
		transmit(HEAD, seq, 1);
	}
	printf("guest: %s %u frames of %zu bytes, %.2f MiB/s\n", sender ? "sent" : "received", frames, len,
	       frames * (double)len / (1 << 20) / (now() - start));
	return 0;
}
