/* SPDX-License-Identifier: GPL-2.0 */
/* The smallest guest: Xen finds its entry by the note, and nobody lets it run. */
	.section .note.Xen, "a", %note
	.long	4, 4, 18		/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.long	_start

	.text
	.globl	_start
_start:
	hlt
	jmp	_start
