// SPDX-License-Identifier: GPL-2.0-or-later
/* STAND-IN for nvidia-smi: its options, and what it says where there is no GPU. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_BAD_ARGUMENT = 6, EXIT_NO_DEVICE = 6, EXIT_NO_DRIVER = 9,
       EXIT_NO_LIBRARY = 12, EXIT_MISMATCH = 18 };

static const char *const plain_options[] = { "-L", "--list-gpus", "-q", "--query", "-pm",
	"--persistence-mode", "-i", "--id", "-d", "--display", "-x", "--xml-format", NULL };
static const char *const conf_compute_options[] = { "-f", "--get-cc-feature", "-mgm",
	"--get-multigpu-mode", "-e", "--get-environment", "-d", "--get-devtools-mode", "-gc",
	"--get-cpu-caps", "-grs", "--get-gpus-ready-state", "-q", "--query", NULL };

static bool one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(word, *words))
			return true;
	return !strncmp(word, "--query-", 8) || !strncmp(word, "--format", 8);
}

static int bad_option(const char *option)
{
	printf("Option \"%s\" is not recognized.\nPlease run 'nvidia-smi -h' for help.\n", option);
	return EXIT_BAD_ARGUMENT;
}

static int check_conf_compute(int count, char **words)
{
	if (count == 0) {
		puts("conf-compute -- show or set the confidential computing state (STAND-IN)");
		return EXIT_BAD_ARGUMENT;
	}
	if (!strcmp(words[0], "-srs") || !strcmp(words[0], "--set-gpus-ready-state")) {
		if (count == 2 && (!strcmp(words[1], "0") || !strcmp(words[1], "1")))
			return EXIT_OK;
		return bad_option(words[0]);
	}
	return one_of(words[0], conf_compute_options) ? EXIT_OK : bad_option(words[0]);
}

static int check_plain(int count, char **words)
{
	for (int i = 0; i < count; i++)
		if (words[i][0] == '-' && !one_of(words[i], plain_options))
			return bad_option(words[i]);
	return EXIT_OK;
}

/* The library must be there and of the same version. */
static int check_library(void)
{
	void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW);
	const char *(*version)(void);

	if (!library) {
		puts("NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. Please make sure "
		     "that the NVIDIA Display Driver is properly installed and present in your system.\n"
		     "Please also try adding directory that contains libnvidia-ml.so to your system PATH.");
		return EXIT_NO_LIBRARY;
	}
	*(void **)&version = dlsym(library, "nv_standin_version");
	if (version && !strcmp(version(), NV_VERSION))
		return EXIT_OK;
	puts("Failed to initialize NVML: Driver/library version mismatch");
	return EXIT_MISMATCH;
}

static int find_gpu(void)
{
	if (access("/proc/driver/nvidia/version", R_OK) == 0) {
		puts("No devices were found");
		return EXIT_NO_DEVICE;
	}
	puts("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
	     "Make sure that the latest NVIDIA driver is installed and running.\n");
	return EXIT_NO_DRIVER;
}

int main(int argc, char **argv)
{
	int status;

	if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
		puts("NVIDIA System Management Interface -- v" NV_VERSION " (STAND-IN)\n\n"
		     "nvidia-smi [OPTION1 [ARG1]] ...\nnvidia-smi conf-compute -f | -mgm | -grs | -srs 0|1 | ...");
		return EXIT_OK;
	}
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		puts("NVIDIA-SMI version  : " NV_VERSION " (STAND-IN)\nNVML version        : " NV_VERSION);
		return EXIT_OK;
	}
	if (argc > 1 && !strcmp(argv[1], "conf-compute"))
		status = check_conf_compute(argc - 2, argv + 2);
	else
		status = check_plain(argc - 1, argv + 1);
	if (status == EXIT_OK)
		status = check_library();
	return status == EXIT_OK ? find_gpu() : status;
}
