/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/secret.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

void ccb_secret_guard(void)
{
    /* The limit binds where dumps are files, the flag also where a program takes them. */
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void ccb_secret_clear(char **secret)
{
    if (*secret != NULL)
        explicit_bzero(*secret, strlen(*secret));
    g_clear_pointer(secret, g_free);
}

void ccb_secret_free_text(GString *text)
{
    explicit_bzero(text->str, text->allocated_len);
    g_string_free(text, TRUE);
}

static void overwrite(json_t *json)
{
    size_t i;
    const char *key;
    json_t *value;
    if (json_is_string(json))
        explicit_bzero((char *)json_string_value(json), json_string_length(json));
    json_array_foreach(json, i, value) overwrite(value);
    json_object_foreach(json, key, value) overwrite(value);
}

void ccb_secret_free_json(json_t *json)
{
    overwrite(json);
    json_decref(json);
}
