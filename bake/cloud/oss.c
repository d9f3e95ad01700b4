/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/oss.h"

#include <string.h>

#include "base/error.h"

static const char scheme[] = "oss://";

/* What can be a label of a host name; with S3 several. */
static bool check_bucket(const char *bucket, CcbNames names, GError **error)
{
    enum { SHORTEST = 3, LONGEST = 63 };
    size_t size = strlen(bucket);
    const bool dots = names == CCB_NAMES_S3;
    const char *letters = dots ? G_CSET_a_2_z G_CSET_DIGITS "-." : G_CSET_a_2_z G_CSET_DIGITS "-";
    if (size >= SHORTEST && size <= LONGEST && g_ascii_isalnum(bucket[0]) &&
        g_ascii_isalnum(bucket[size - 1]) && strspn(bucket, letters) == size &&
        strstr(bucket, "..") == NULL)
        return true;
    ccb_fail(error, CCB_ERR_USAGE, "\"%s\" can't be the name of a bucket", bucket);
    return ccb_hint(error,
                    "it is part of a host name: 3 to 63 of a-z, 0-9 and \"-\"%s, which is at "
                    "neither end",
                    dots ? " or \".\"" : "");
}

bool ccb_names_check_key(const char *key, CcbNames names, GError **error)
{
    size_t longest = names == CCB_NAMES_S3 ? 1024 : 1023;
    if (!g_utf8_validate(key, -1, NULL))
        return ccb_fail(error, CCB_ERR_USAGE, "the object's name is not UTF-8");
    if (strlen(key) > longest)
        return ccb_fail(error, CCB_ERR_USAGE, "the object's name has more than %zu bytes", longest);
    if (names == CCB_NAMES_OSS && (key[0] == '/' || key[0] == '\\'))
        return ccb_fail(error, CCB_ERR_USAGE, "the object's name must not begin with \"%c\"",
                        key[0]);
    if (strpbrk(key, "\r\n") != NULL)
        return ccb_fail(error, CCB_ERR_USAGE, "the object's name must not have a line end in it");
    return true;
}

bool ccb_names_split(const char *url, CcbNames names, char **ret_bucket, char **ret_key,
                     GError **error)
{
    if (!g_str_has_prefix(url, scheme))
        return ccb_fail(error, CCB_ERR_USAGE, "%s: not an object like %sBUCKET/KEY", url, scheme);
    const char *name = url + strlen(scheme);
    size_t size = strcspn(name, "/");
    const char *key = name + size + (name[size] == '/');
    g_autofree char *bucket = g_strndup(name, size);
    if (!check_bucket(bucket, names, error) || !ccb_names_check_key(key, names, error))
        return false;
    *ret_bucket = g_steal_pointer(&bucket);
    *ret_key = g_strdup(key);
    return true;
}

bool ccb_oss_split(const char *url, char **ret_bucket, char **ret_key, GError **error)
{
    return ccb_names_split(url, CCB_NAMES_OSS, ret_bucket, ret_key, error);
}
