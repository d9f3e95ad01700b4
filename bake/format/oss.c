/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "format/oss.h"

#include <string.h>

#include "base/error.h"

static const char scheme[] = "oss://";

/* "Bucket naming conventions" of OSS: what can be a label of a host name. */
static bool check_bucket(const char *bucket, GError **error)
{
    enum { SHORTEST = 3, LONGEST = 63 };
    size_t size = strlen(bucket);
    if (size >= SHORTEST && size <= LONGEST && bucket[0] != '-' && bucket[size - 1] != '-' &&
        strspn(bucket, G_CSET_a_2_z G_CSET_DIGITS "-") == size)
        return true;
    ccb_fail(error, CCB_ERR_USAGE, "\"%s\" can't be the name of a bucket", bucket);
    return ccb_hint(error, "it is part of a host name: 3 to 63 of a-z, 0-9 and \"-\", not at "
                           "either end");
}

bool ccb_oss_check_key(const char *key, GError **error)
{
    enum { LONGEST = 1023 };
    if (!g_utf8_validate(key, -1, NULL))
        return ccb_fail(error, CCB_ERR_USAGE, "the object's name is not UTF-8");
    if (strlen(key) > LONGEST)
        return ccb_fail(error, CCB_ERR_USAGE, "the object's name has more than %d bytes", LONGEST);
    if (key[0] == '/' || key[0] == '\\')
        return ccb_fail(error, CCB_ERR_USAGE, "the object's name must not begin with \"%c\"",
                        key[0]);
    if (strpbrk(key, "\r\n") != NULL)
        return ccb_fail(error, CCB_ERR_USAGE, "the object's name must not have a line end in it");
    return true;
}

bool ccb_oss_split(const char *url, char **ret_bucket, char **ret_key, GError **error)
{
    if (!g_str_has_prefix(url, scheme))
        return ccb_fail(error, CCB_ERR_USAGE, "%s: not an object like %sBUCKET/KEY", url, scheme);
    const char *name = url + strlen(scheme);
    size_t size = strcspn(name, "/");
    const char *key = name + size + (name[size] == '/');
    g_autofree char *bucket = g_strndup(name, size);
    if (!check_bucket(bucket, error) || !ccb_oss_check_key(key, error))
        return false;
    *ret_bucket = g_steal_pointer(&bucket);
    *ret_key = g_strdup(key);
    return true;
}
