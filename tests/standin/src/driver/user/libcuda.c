// SPDX-License-Identifier: GPL-2.0-or-later
/* STAND-IN: what a CUDA program meets first, in an image without a GPU. */
#include <dlfcn.h>

enum { CUDA_ERROR_NO_DEVICE = 100, CUDA_ERROR_NOT_SUPPORTED = 801 };

int cuInit(unsigned int flags);
int cuDriverGetVersion(int *version);

int cuInit(unsigned int flags)
{
	(void)flags;
	if (!dlopen("libnvidia-pkcs11-openssl3.so." NV_VERSION, RTLD_LAZY) &&
	    !dlopen("libnvidia-pkcs11.so." NV_VERSION, RTLD_LAZY))
		return CUDA_ERROR_NOT_SUPPORTED;
	return CUDA_ERROR_NO_DEVICE;
}

int cuDriverGetVersion(int *version)
{
	*version = 12040;
	return 0;
}
