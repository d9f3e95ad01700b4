/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/grubenv.h"

#include <string.h>

#include "base/error.h"

static const char header[] = "# GRUB Environment Block\n";

/* Lines behind the header, each with its line end; values still escaped. */
struct CcbGrubenv {
    GPtrArray *lines;
};

CcbGrubenv *ccb_grubenv_new(void)
{
    CcbGrubenv *env = g_new0(CcbGrubenv, 1);
    env->lines = g_ptr_array_new_with_free_func(g_free);
    return env;
}

void ccb_grubenv_free(CcbGrubenv *env)
{
    if (env == NULL)
        return;
    g_ptr_array_unref(env->lines);
    g_free(env);
}

/* The byte behind the line that starts at `text`, where an escaped line break does not end it; NULL
 * if the block ends before the line does. */
static const char *line_end(const char *text, const char *end)
{
    for (const char *at = text; at < end; at++) {
        if (*at == '\n')
            return at + 1;
        if (*at == '\\')
            at++;
    }
    return NULL;
}

CcbGrubenv *ccb_grubenv_parse(const void *data, size_t size, GError **error)
{
    const char *text = data, *end = text + size, *at = text + strlen(header);
    const char *reason = NULL;
    if (size != CCB_GRUBENV_SIZE) {
        ccb_fail(error, CCB_ERR_INPUT, "a GRUB environment block has %d bytes, not %zu",
                 CCB_GRUBENV_SIZE, size);
        return NULL;
    }
    if (memcmp(text, header, strlen(header)) != 0)
        reason = "line 1: not the header of a GRUB environment block";
    else if (memchr(text, '\0', size) != NULL)
        reason = "NUL byte in a GRUB environment block";
    if (reason != NULL) {
        ccb_fail(error, CCB_ERR_INPUT, "%s", reason);
        return NULL;
    }
    g_autoptr(CcbGrubenv) env = ccb_grubenv_new();
    for (guint number = 2;; number++) {
        const char *padding = at, *next = line_end(at, end);
        while (padding < end && *padding == '#')
            padding++;
        if (padding == end)
            return g_steal_pointer(&env);
        const char *equals = next != NULL ? memchr(at, '=', (size_t)(next - at)) : NULL;
        if (next == NULL)
            reason = "neither padding nor a complete line";
        else if (*at != '#' && (equals == NULL || equals == at))
            reason = "expected name=value";
        if (reason != NULL) {
            ccb_fail(error, CCB_ERR_INPUT, "line %u: %s", number, reason);
            return NULL;
        }
        g_ptr_array_add(env->lines, g_strndup(at, (size_t)(next - at)));
        at = next;
    }
}

/* The escaped value in `line` if the line assigns to `name`. */
static const char *value_of(const char *line, const char *name)
{
    size_t length = strlen(name);
    return strncmp(line, name, length) == 0 && line[length] == '=' ? line + length + 1 : NULL;
}

char *ccb_grubenv_get(const CcbGrubenv *env, const char *name)
{
    /* GRUB's load_env sets one after the other: the last one stays. */
    const char *value = NULL;
    for (guint i = env->lines->len; i > 0 && value == NULL; i--)
        value = value_of(env->lines->pdata[i - 1], name);
    if (value == NULL)
        return NULL;
    GString *plain = g_string_new(NULL);
    for (; *value != '\n' && *value != '\0'; value++) {
        if (*value == '\\')
            value++;
        g_string_append_c(plain, *value);
    }
    return g_string_free(plain, FALSE);
}

char **ccb_grubenv_names(const CcbGrubenv *env)
{
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    for (guint i = 0; i < env->lines->len; i++) {
        const char *line = env->lines->pdata[i];
        g_autofree char *name = g_strndup(line, strcspn(line, "="));
        if (*line != '#')
            g_strv_builder_add(names, name);
    }
    return g_strv_builder_end(names);
}

/* "name=value" as a line of the block; NULL for no value. */
static char *assignment(const char *name, const char *value)
{
    if (value == NULL)
        return NULL;
    GString *line = g_string_new(name);
    g_string_append_c(line, '=');
    for (; *value != '\0'; value++) {
        if (*value == '\\' || *value == '\n')
            g_string_append_c(line, '\\');
        g_string_append_c(line, *value);
    }
    g_string_append_c(line, '\n');
    return g_string_free(line, FALSE);
}

bool ccb_grubenv_set(CcbGrubenv *env, const char *name, const char *value, GError **error)
{
    if (*name == '\0' || strpbrk(name, "=#\\ \t\r\n") != NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "'%s' can't be a GRUB variable", name);
    g_autofree char *line = assignment(name, value);
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    size_t size = strlen(header);
    for (guint i = 0; i <= env->lines->len; i++) {
        const char *old = i < env->lines->len ? env->lines->pdata[i] : NULL;
        bool replaced = old == NULL || value_of(old, name) != NULL;
        char *kept = replaced ? g_steal_pointer(&line) : g_strdup(old);
        if (kept == NULL) /* the variable goes, or stands above already */
            continue;
        size += strlen(kept);
        g_ptr_array_add(lines, kept);
    }
    if (size > CCB_GRUBENV_SIZE)
        return ccb_fail(error, CCB_ERR_INPUT,
                        "the GRUB environment block is full: '%s' would make it %zu of %d bytes",
                        name, size, CCB_GRUBENV_SIZE);
    g_ptr_array_unref(env->lines);
    env->lines = g_steal_pointer(&lines);
    return true;
}

char *ccb_grubenv_render(const CcbGrubenv *env)
{
    GString *block = g_string_new(header);
    for (guint i = 0; i < env->lines->len; i++)
        g_string_append(block, env->lines->pdata[i]);
    while (block->len < CCB_GRUBENV_SIZE)
        g_string_append_c(block, '#');
    return g_string_free(block, FALSE);
}

char *ccb_grub_variable(const char *p, const char **ret_end)
{
    bool braces = *p == '{';
    const char *start = p + braces;
    size_t length = 0;
    while (g_ascii_isalnum(start[length]) || start[length] == '_')
        length++;
    if (length == 0 || (braces && start[length] != '}'))
        return NULL;
    *ret_end = start + length + braces;
    return g_strndup(start, length);
}

bool ccb_grub_uses(const char *options, const char *name)
{
    const char *end;
    for (const char *at = options; at != NULL && (at = strchr(at, '$')) != NULL; at++) {
        g_autofree char *used = ccb_grub_variable(at + 1, &end);
        if (g_strcmp0(used, name) == 0)
            return true;
    }
    return false;
}
