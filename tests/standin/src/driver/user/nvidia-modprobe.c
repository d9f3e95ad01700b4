// SPDX-License-Identifier: GPL-2.0-or-later
/* STAND-IN for nvidia-modprobe, which is installed setuid root: does nothing at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc > 1 && (!strcmp(argv[1], "-v") || !strcmp(argv[1], "--version"))) {
		puts("nvidia-modprobe:  version " NV_VERSION " (STAND-IN)");
		return EXIT_SUCCESS;
	}
	fputs("nvidia-modprobe: this is a stand-in and loads nothing\n", stderr);
	return EXIT_FAILURE;
}
