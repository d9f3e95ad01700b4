// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * STAND-IN for any one of the driver's libraries: the name, the version, and a bulk
 * of data (NV_BULK, a file), so that an image has something of the size to carry.
 */
const char *nv_standin_library(void);
const char *nv_standin_version(void);

__asm__(".section .rodata\n"
	".global nv_standin_bulk\n"
	"nv_standin_bulk: .incbin \"" NV_BULK "\"\n"
	".previous\n");

const char *nv_standin_library(void)
{
	return NV_LIBRARY " (STAND-IN)";
}

const char *nv_standin_version(void)
{
	return NV_VERSION;
}
