/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "text/kconfig.h"

static const char sample[] = "#\n# Linux/x86 5.10.134 Kernel Configuration\n#\n"
                             "CONFIG_CC_VERSION_TEXT=\"gcc \\\"10.2.1\\\" a=b\"\n"
                             "CONFIG_CRYPTO_ECDH=m\n"
                             "CONFIG_CRYPTO_AEAD=y\n"
                             "# CONFIG_CRYPTO_ECDSA is not set\n"
                             "CONFIG_HZ=1000\n"
                             "CONFIG_EMPTY=\"\"\n";

static void fuzz_one(const char *data, gsize size)
{
    g_autoptr(CcbKconfig) config = ccb_kconfig_parse(data, size, NULL);
    if (config != NULL)
        ccb_kconfig_get(config, "CONFIG_HZ");
}

int main(void)
{
    g_autoptr(CcbKconfig) config = ccb_kconfig_parse(sample, strlen(sample), NULL);
    is_str(ccb_kconfig_get(config, "CONFIG_CRYPTO_ECDH"), "m", "module");
    is_str(ccb_kconfig_get(config, "CRYPTO_AEAD"), "y", "built in, without the prefix");
    is_str(ccb_kconfig_get(config, "CONFIG_CRYPTO_ECDSA"), "n", "not set");
    is_str(ccb_kconfig_get(config, "CONFIG_NOT_THERE"), "n", "absent");
    is_str(ccb_kconfig_get(config, "CONFIG_HZ"), "1000", "number");
    is_str(ccb_kconfig_get(config, "CONFIG_EMPTY"), "", "empty string");
    is_str(ccb_kconfig_get(config, "CONFIG_CC_VERSION_TEXT"), "gcc \"10.2.1\" a=b", "string");
    static const char *const bad[] = {"\nCONFIG_X\n", "\nX=y\n", "\nCONFIG_=y\n", "\n<html>\n"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        GError *error = NULL;
        ok(ccb_kconfig_parse(bad[i], strlen(bad[i]), &error) == NULL, "malformed");
        is_error(&error, "line 2", "... with the line");
    }
    fuzz(sample, strlen(sample), 3000, fuzz_one);
    return done();
}
