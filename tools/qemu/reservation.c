// SPDX-License-Identifier: GPL-2.0
/*
 * Print how many pages Xen itself says this domain has.
 *
 * The balloon driver's counters are what is being checked, so this asks the hypervisor through
 * privcmd and trusts nothing that the kernel computed.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define HYPERVISOR_MEMORY_OP		12
#define XENMEM_CURRENT_RESERVATION	3
#define DOMID_SELF			0x7ff0

struct hypercall {
	uint64_t op;
	uint64_t arg[5];
};

#define IOCTL_HYPERCALL	_IOC(_IOC_NONE, 'P', 0, sizeof(struct hypercall))

int main(void)
{
	uint16_t *domid;
	struct hypercall call = { .op = HYPERVISOR_MEMORY_OP };
	int pages, fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		perror("reservation: /dev/xen/privcmd");
		return 1;
	}

	/* Xen reads the argument at its virtual address: it must be there, and stay. */
	domid = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	if (domid == MAP_FAILED) {
		perror("reservation: mmap");
		return 1;
	}
	*domid = DOMID_SELF;

	call.arg[0] = XENMEM_CURRENT_RESERVATION;
	call.arg[1] = (uintptr_t)domid;
	pages = ioctl(fd, IOCTL_HYPERCALL, &call);
	if (pages < 0) {
		perror("reservation: XENMEM_current_reservation");
		return 1;
	}

	printf("%d\n", pages);
	return 0;
}
