/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/bls.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

struct CcbBls {
    GPtrArray *lines;
};

/* Where the value lies in a line. */
typedef struct {
    size_t start, end;
} Span;

CcbBls *ccb_bls_parse(const char *data, size_t size, GError **error)
{
    GPtrArray *lines = ccb_text_lines(data, size, error);
    if (lines == NULL)
        return NULL;
    CcbBls *entry = g_new0(CcbBls, 1);
    entry->lines = lines;
    return entry;
}

void ccb_bls_free(CcbBls *entry)
{
    if (entry == NULL)
        return;
    g_ptr_array_unref(entry->lines);
    g_free(entry);
}

/* Whether `line` gives `key` a value, and where that value is. */
static bool find_value(const char *line, const char *key, Span *ret_value)
{
    const char *start = ccb_skip_space(line);
    const char *key_end = ccb_skip_word(start);
    size_t length = (size_t)(key_end - start);
    if (*start == '#' || length != strlen(key) || memcmp(start, key, length) != 0)
        return false;
    const char *value = ccb_skip_space(key_end);
    if (*value == '\0')
        return false;
    const char *end = value + strlen(value);
    while (ccb_is_space(end[-1]))
        end--;
    *ret_value = (Span){(size_t)(value - line), (size_t)(end - line)};
    return true;
}

char *ccb_bls_get(const CcbBls *entry, const char *key)
{
    Span value;
    for (guint i = 0; i < entry->lines->len; i++) {
        const char *line = entry->lines->pdata[i];
        if (find_value(line, key, &value))
            return g_strndup(line + value.start, value.end - value.start);
    }
    return NULL;
}

char *ccb_bls_get_joined(const CcbBls *entry, const char *key)
{
    GString *joined = g_string_new(NULL);
    Span value;
    for (guint i = 0; i < entry->lines->len; i++) {
        const char *line = entry->lines->pdata[i];
        if (find_value(line, key, &value))
            g_string_append_printf(joined, "%s%.*s", joined->len > 0 ? " " : "",
                                   (int)(value.end - value.start), line + value.start);
    }
    return g_string_free(joined, joined->len == 0);
}

bool ccb_bls_set(CcbBls *entry, const char *key, const char *value, GError **error)
{
    if (*key == '\0' || *key == '#' || *ccb_skip_word(key) != '\0')
        return ccb_fail(error, CCB_ERR_INPUT, "'%s' can't be a key of a boot entry", key);
    if (strpbrk(value, "\r\n") != NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "line break in the value of '%s'", key);
    value = ccb_skip_space(value);
    bool placed = *value == '\0';
    g_autoptr(GPtrArray) old = g_steal_pointer(&entry->lines);
    entry->lines = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < old->len; i++) {
        const char *line = old->pdata[i];
        Span span;
        if (!find_value(line, key, &span)) {
            g_ptr_array_add(entry->lines, g_strdup(line));
        } else if (!placed) {
            g_ptr_array_add(entry->lines, g_strdup_printf("%.*s%s%s", (int)span.start, line, value,
                                                          line + span.end));
            placed = true;
        }
    }
    if (!placed) {
        g_autofree char *line = g_strdup_printf("%s %s", key, value);
        ccb_text_append(entry->lines, line);
    }
    return true;
}

char *ccb_bls_render(const CcbBls *entry)
{
    return ccb_text_join(entry->lines);
}

char *ccb_bls_id(const char *path)
{
    g_autofree char *name = g_path_get_basename(path);
    char *suffix = g_str_has_suffix(name, ".conf") ? strrchr(name, '.') : name;
    *suffix = '\0';
    return *name != '\0' ? g_steal_pointer(&name) : NULL;
}
