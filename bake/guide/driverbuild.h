/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What decides, when NVIDIA's open modules are compiled, whether they have a confidential mode.  Each of it missing, the
 * driver compiles cleanly and works, without.
 *
 * Source: conftest.sh and internal_crypt_lib.h of the open modules 550.163.01.
 */
#pragma once

/* Settings of the kernel's configuration, without CONFIG_, each y or m; ends with NULL. */
extern const char *const ccb_driver_settings[];

/* Headers that the test program of NV_CRYPTO_PRESENT includes, below include/ of the kernel's
 * headers; ends with NULL. */
extern const char *const ccb_driver_headers[];

/* NV_CC_PLATFORM_PRESENT: without this header nvidia.ko never thinks that it is in an encrypted
 * guest.  What it calls is an undefined symbol of the module then. */
#define CCB_DRIVER_PLATFORM_HEADER "linux/cc_platform.h"
#define CCB_DRIVER_PLATFORM_SYMBOL "cc_platform_has"

/* The algorithm that the driver asks the kernel for by name (crypto_alloc_akcipher), and the module
 * that has it. */
#define CCB_DRIVER_ALGORITHM        "ecdsa-nist-p384"
#define CCB_DRIVER_ALGORITHM_MODULE "ecdsa_generic"

/* What the compilation runs, and the packages of el8 that bring all of it. */
extern const char *const ccb_driver_tools[];
#define CCB_DRIVER_TOOL_PACKAGES "gcc, make, binutils and elfutils-libelf-devel"
