// SPDX-License-Identifier: GPL-2.0-or-later
/* STAND-IN for nvidia-persistenced: its options; without a GPU it fails, as the real one. */
#include <dlfcn.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ "verbose", no_argument, NULL, 'V' },
	{ "user", required_argument, NULL, 'u' },
	{ "group", required_argument, NULL, 'g' },
	{ "persistence-mode", no_argument, NULL, 'p' },
	{ "no-persistence-mode", no_argument, NULL, 'p' },
	{ "uvm-persistence-mode", no_argument, NULL, 'p' },
	{ "no-uvm-persistence-mode", no_argument, NULL, 'p' },
	{ "nvidia-cfg-path", required_argument, NULL, 'c' },
	{ 0 },
};

static int fail(const char *reason)
{
	syslog(LOG_ERR, "%s", reason);
	fprintf(stderr, "nvidia-persistenced: %s\n", reason);
	fputs("nvidia-persistenced failed to initialize. Check syslog for more details.\n", stderr);
	return EXIT_FAILURE;
}

static void show_usage(void)
{
	puts("nvidia-persistenced (STAND-IN): a daemon that keeps NVIDIA devices initialized\n"
	     "  --user=NAME --group=NAME --uvm-persistence-mode --persistence-mode --verbose --version");
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "hvVu:g:", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			show_usage();
			return EXIT_SUCCESS;
		case 'v':
			puts("nvidia-persistenced:  version " NV_VERSION " (STAND-IN)");
			return EXIT_SUCCESS;
		case '?':
			return EXIT_FAILURE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "nvidia-persistenced: unrecognized argument: \"%s\"\n", argv[optind]);
		return EXIT_FAILURE;
	}
	openlog("nvidia-persistenced", LOG_PID, LOG_DAEMON);
	if (!dlopen("libnvidia-cfg.so.1", RTLD_NOW))
		return fail("Failed to open libnvidia-cfg.so.1: libnvidia-cfg.so.1: cannot open shared object file");
	if (access("/dev/nvidiactl", R_OK | W_OK) != 0)
		return fail("Failed to query NVIDIA devices. Please ensure that the NVIDIA device files "
			    "(/dev/nvidia*) exist, and that user 0 has read and write permissions for those files.");
	return fail("This is a stand-in and does not drive a GPU.");
}
