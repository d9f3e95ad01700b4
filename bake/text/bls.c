/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/bls.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

struct CcbBls {
    GPtrArray *lines;
};

/* Where key and value lie in a line. */
typedef struct {
    size_t key, key_end, start, end;
} Span;

typedef enum { IGNORED, PAIR, END } LineKind;

/* The key ends at the first space, whatever tabs come before it; at the first tab only where the line has no space. */
static LineKind read_line(const char *line, Span *ret)
{
    size_t length = strcspn(line, "\r\n"), key = strspn(line, " \t");
    if (line[key] == '#')
        return IGNORED;
    const char *separator = memchr(line + key, ' ', length - key);
    if (separator == NULL)
        separator = memchr(line + key, '\t', length - key);
    if (separator == NULL || (size_t)(separator + 1 - line) == length)
        return END;
    size_t start = (size_t)(separator - line);
    start += strspn(line + start, " \t");
    size_t end = MAX(length, start);
    while (end > start && ccb_is_space(line[end - 1]))
        end--;
    *ret = (Span){key, (size_t)(separator - line), start, end};
    return PAIR;
}

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

/* How many lines GRUB reads: it stops at the first one without a value. */
static guint read_count(const CcbBls *entry)
{
    Span span;
    for (guint i = 0; i < entry->lines->len; i++)
        if (read_line(entry->lines->pdata[i], &span) == END)
            return i;
    return entry->lines->len;
}

/* Whether `line`, one that GRUB reads, gives `key` a value, and where that value is. */
static bool find_value(const char *line, const char *key, Span *ret)
{
    return read_line(line, ret) == PAIR && ret->key_end - ret->key == strlen(key) &&
           memcmp(line + ret->key, key, strlen(key)) == 0;
}

char *ccb_bls_get(const CcbBls *entry, const char *key)
{
    Span span;
    guint count = read_count(entry);
    for (guint i = 0; i < count; i++) {
        const char *line = entry->lines->pdata[i];
        if (find_value(line, key, &span))
            return g_strndup(line + span.start, span.end - span.start);
    }
    return NULL;
}

GPtrArray *ccb_bls_values(const CcbBls *entry, const char *key)
{
    Span span;
    guint count = read_count(entry);
    GPtrArray *values = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < count; i++) {
        const char *line = entry->lines->pdata[i];
        if (find_value(line, key, &span))
            g_ptr_array_add(values, g_strndup(line + span.start, span.end - span.start));
    }
    return values;
}

guint ccb_bls_unread_line(const CcbBls *entry, const char *key)
{
    Span span;
    guint count = read_count(entry);
    bool seen = false;
    for (guint i = 0; i < entry->lines->len; i++) {
        const char *line = entry->lines->pdata[i];
        if (i < count && find_value(line, key, &span)) {
            seen = true;
            continue;
        }
        const char *word = ccb_skip_space(line), *end = ccb_skip_word(word);
        if (!seen && (size_t)(end - word) == strlen(key) && strncmp(word, key, strlen(key)) == 0)
            return i + 1;
    }
    return 0;
}

bool ccb_bls_set(CcbBls *entry, const char *key, const char *value, GError **error)
{
    if (*key == '\0' || *key == '#' || *ccb_skip_word(key) != '\0')
        return ccb_fail(error, CCB_ERR_INPUT, "'%s' can't be a key of a boot entry", key);
    if (strpbrk(value, "\r\n") != NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "line break in the value of '%s'", key);
    value = ccb_skip_space(value);
    bool placed = *value == '\0';
    guint count = read_count(entry);
    g_autoptr(GPtrArray) old = g_steal_pointer(&entry->lines);
    entry->lines = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i <= old->len; i++) {
        const char *line = i < old->len ? old->pdata[i] : NULL;
        Span span;
        if (i == count && !placed) { /* behind the last line that is read */
            g_autofree char *added = g_strdup_printf("%s %s", key, value);
            ccb_text_append(entry->lines, added);
            placed = true;
        }
        if (line != NULL && (i > count || !find_value(line, key, &span))) {
            g_ptr_array_add(entry->lines, g_strdup(line));
        } else if (line != NULL && !placed) {
            g_ptr_array_add(entry->lines, g_strdup_printf("%.*s%s%s", (int)span.start, line, value,
                                                          line + span.end));
            placed = true;
        }
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
    if (*name == '.' || !g_str_has_suffix(name, ".conf"))
        return NULL;
    *strrchr(name, '.') = '\0';
    return g_steal_pointer(&name);
}

/* --- order */

static bool is_text(char c)
{
    return g_ascii_isalnum(c) || c == '~';
}

/* Compares as rpm compared versions before it knew '^': runs of digits as numbers, runs of letters as text, '~' before
 * everything, other characters only part the runs. */
static int compare_versions(const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return 0;
    for (;;) {
        while (*a != '\0' && !is_text(*a))
            a++;
        while (*b != '\0' && !is_text(*b))
            b++;
        if (*a == '~' && *b == '~') {
            a++;
            b++;
            continue;
        }
        if (*a == '~' || *b == '~')
            return *a == '~' ? -1 : 1;
        if (*a == '\0' || *b == '\0')
            return (*a != '\0') - (*b != '\0');
        bool number = g_ascii_isdigit(*a);
        size_t a_length = 0, b_length = 0;
        if (number != g_ascii_isdigit(*b))
            return number ? 1 : -1;
        while (number ? g_ascii_isdigit(a[a_length]) : g_ascii_isalpha(a[a_length]))
            a_length++;
        while (number ? g_ascii_isdigit(b[b_length]) : g_ascii_isalpha(b[b_length]))
            b_length++;
        for (; number && a_length > 0 && *a == '0'; a_length--)
            a++;
        for (; number && b_length > 0 && *b == '0'; b_length--)
            b++;
        if (number && a_length != b_length)
            return a_length < b_length ? -1 : 1;
        int order = memcmp(a, b, MIN(a_length, b_length));
        if (order != 0 || a_length != b_length)
            return order != 0 ? (order < 0 ? -1 : 1) : (a_length < b_length ? -1 : 1);
        a += a_length;
        b += b_length;
    }
}

/* Name, version, release: the release is behind the last dash, the version behind the one before it.  What has one dash
 * only has no release; what has none is a name. */
static char **split_id(const char *id)
{
    const char *last = strrchr(id, '-');
    const char *middle = last != NULL ? g_strrstr_len(id, last - id, "-") : NULL;
    if (last == NULL)
        return g_strdupv((char *[]){(char *)id, "", "", NULL});
    g_autofree char *name = g_strndup(id, (gsize)((middle != NULL ? middle : last) - id));
    g_autofree char *version =
        middle != NULL ? g_strndup(middle + 1, (gsize)(last - middle - 1)) : g_strdup(last + 1);
    return g_strdupv((char *[]){name, version, middle != NULL ? (char *)last + 1 : "", NULL});
}

int ccb_bls_compare(const char *a, const char *b)
{
    g_auto(GStrv) a_parts = split_id(a), b_parts = split_id(b);
    int order = 0;
    for (guint i = 0; order == 0 && i < 3; i++)
        order = compare_versions(a_parts[i], b_parts[i]);
    return order;
}
