// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN: what makes the module as large as it is asked to be (tests/standin/driver). */
#include "nv-standin.h"

__asm__(".section .rodata\n"
	".global nv_standin_bulk\n"
	"nv_standin_bulk: .incbin \"" NV_BULK "\"\n"
	".previous\n");
