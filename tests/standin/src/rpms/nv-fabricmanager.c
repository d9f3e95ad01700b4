// SPDX-License-Identifier: GPL-2.0-or-later
/* STAND-IN for nv-fabricmanager: without NVSwitch devices it fails, as the real one. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "restart", no_argument, NULL, 'r' },
	{ "version", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int fail(const char *reason)
{
	fprintf(stderr, "nv-fabricmanager: %s\n", reason);
	return EXIT_FAILURE;
}

/* The driver's version, or "" where it is not loaded. */
static const char *driver_version(void)
{
	static char version[64];
	FILE *file = fopen("/sys/module/nvidia/version", "r");

	if (!file)
		return "";
	if (fgets(version, sizeof(version), file))
		version[strcspn(version, "\n")] = '\0';
	fclose(file);
	return version;
}

static int start(const char *config)
{
	if (access(config, R_OK) != 0)
		return fail("failed to open the config file");
	if (!*driver_version())
		return fail("request to query NVSwitch device information from NVSwitch driver failed: "
			    "the NVIDIA driver is not loaded (no GPU?)");
	if (strcmp(driver_version(), FM_VERSION) != 0)
		return fail("fabric manager NVIDIA GPU driver interface version " FM_VERSION
			    " don't match with driver version. Please update with matching NVIDIA driver package.");
	return fail("request to query NVSwitch device information from NVSwitch driver failed "
		    "with error:WARNING Nothing to do [NV_WARN_NOTHING_TO_DO]");
}

int main(int argc, char **argv)
{
	const char *config = "/usr/share/nvidia/nvswitch/fabricmanager.cfg";
	int option;

	while ((option = getopt_long(argc, argv, "c:rvh", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			config = optarg;
			break;
		case 'v':
			puts("Fabric Manager version is : " FM_VERSION " (STAND-IN)");
			return EXIT_SUCCESS;
		case 'h':
			puts("nv-fabricmanager [-c FILE] [-r] [-v] (STAND-IN)");
			return EXIT_SUCCESS;
		case '?':
			return EXIT_FAILURE;
		}
	}
	return start(config);
}
