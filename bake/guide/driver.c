/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guide/driver.h"

#include <string.h>

#include "base/error.h"

/* Every version from `first` to `last`, both included. */
typedef struct {
    CcbDriverVersion first, last;
    const char *reason;
} BadRange;

static const BadRange known_bad[] = {
    {{550, 0, 0}, {550, 90, 12}, "550 up to 550.90.12 fails attestation"},
    {{550, 113, 0}, {550, 113, G_MAXUINT}, "550.113 fails attestation"},
};

/* The first version of each branch that supports confidential computing. */
static const CcbDriverVersion cc_branches[] = {
    {550, 127, 5}, {570, 0, 0}, {575, 0, 0}, {580, 0, 0}, {590, 0, 0}, {595, 0, 0}, {610, 0, 0},
};

/* Reads a number of at most six digits, which no version exceeds and no guint overflows. */
static bool take_number(const char **text, guint *ret_number)
{
    const char *at = *text;
    guint number = 0;
    while (g_ascii_isdigit(*at) && at - *text < 6)
        number = number * 10 + (guint)(*at++ - '0');
    if (at == *text || g_ascii_isdigit(*at))
        return false;
    *text = at;
    *ret_number = number;
    return true;
}

static bool take_dot(const char **text)
{
    if (**text != '.')
        return false;
    (*text)++;
    return true;
}

bool ccb_driver_parse(const char *text, CcbDriverVersion *ret_version, GError **error)
{
    CcbDriverVersion version = {0, 0, 0};
    const char *at = text;
    bool valid = take_number(&at, &version.branch) && take_dot(&at) &&
                 take_number(&at, &version.minor) &&
                 (!take_dot(&at) || take_number(&at, &version.patch)) && *at == '\0';
    if (!valid)
        return ccb_fail(error, CCB_ERR_INPUT,
                        "'%s' is no driver version: expected something like 550.144.03", text);
    *ret_version = version;
    return true;
}

static int compare_numbers(guint a, guint b)
{
    return (a > b) - (a < b);
}

int ccb_driver_compare(CcbDriverVersion a, CcbDriverVersion b)
{
    int order = compare_numbers(a.branch, b.branch);
    if (order == 0)
        order = compare_numbers(a.minor, b.minor);
    return order != 0 ? order : compare_numbers(a.patch, b.patch);
}

const char *ccb_driver_minimum(unsigned gpus)
{
    return gpus == 8 ? "570.148.08" : "550.144.03";
}

const char *ccb_driver_known_bad(CcbDriverVersion version)
{
    for (size_t i = 0; i < G_N_ELEMENTS(known_bad); i++) {
        if (ccb_driver_compare(version, known_bad[i].first) >= 0 &&
            ccb_driver_compare(version, known_bad[i].last) <= 0)
            return known_bad[i].reason;
    }
    return NULL;
}

bool ccb_driver_supports_cc(CcbDriverVersion version)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cc_branches); i++) {
        if (version.branch == cc_branches[i].branch)
            return ccb_driver_compare(version, cc_branches[i]) >= 0;
    }
    return ccb_driver_is_newer_than_known(version);
}

char *ccb_driver_cc_branches(CcbDriverVersion least)
{
    GString *list = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cc_branches); i++)
        if (cc_branches[i].branch >= least.branch)
            g_string_append_printf(list, "%s%u", list->len > 0 ? ", " : "", cc_branches[i].branch);
    g_string_append(list, " and newer ones");
    return g_string_free(list, FALSE);
}

bool ccb_driver_is_newer_than_known(CcbDriverVersion version)
{
    return version.branch > cc_branches[G_N_ELEMENTS(cc_branches) - 1].branch;
}

const char *const ccb_driver_modules[] = {"nvidia",     "nvidia-uvm",     "nvidia-modeset",
                                          "nvidia-drm", "nvidia-peermem", NULL};

bool ccb_driver_license_is_open(const char *module, const char *license)
{
    if (license == NULL)
        return false;
    return strcmp(module, "nvidia-peermem") == 0 ? strcmp(license, "NVIDIA") != 0
                                                 : strcmp(license, CCB_DRIVER_LICENSE) == 0;
}

/* Of NVIDIA's, ELRepo's, RPM Fusion's and CUDA's repositories. */
bool ccb_driver_is_package(const char *package)
{
    static const char *const prefixes[] = {"kmod-nvidia",  "akmod-nvidia",  "dkms-nvidia",
                                           "nvidia-kmod",  "nvidia-driver", "xorg-x11-drv-nvidia",
                                           "nvidia-open-", "cuda-drivers"};
    if (g_str_has_prefix(package, "nvidia-driver-assistant-"))
        return false; /* only says which driver to install */
    for (guint i = 0; i < G_N_ELEMENTS(prefixes); i++)
        if (g_str_has_prefix(package, prefixes[i]))
            return true;
    return false;
}

bool ccb_registry_is_set(const char *list, const char *key)
{
    g_auto(GStrv) words = g_strsplit_set(list != NULL ? list : "", ";\" ", -1);
    size_t length = strlen(key);
    for (char **word = words; *word != NULL; word++)
        if (strncmp(*word, key, length) == 0 && (*word)[length] == '=')
            return g_ascii_strtoull(*word + length + 1, NULL, 0) != 0;
    return false;
}
