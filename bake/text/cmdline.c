/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/cmdline.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

struct CcbCmdline {
    GPtrArray *arguments; /* as written, with their quotes */
};

/* Keys of which every occurrence counts: Documentation/admin-guide/kernel-parameters.txt,
 * dracut.cmdline(7), systemd(1) kernel command line. */
static const char *const multi_keys[] = {
    "console",
    "dyndbg",
    "earlycon",
    "hugepages",
    "hugepagesz",
    "ip",
    "initcall_blacklist",
    "memmap",
    "modprobe.blacklist",
    "nameserver",
    "netconsole",
    "rd.driver.blacklist",
    "rd.driver.post",
    "rd.driver.pre",
    "rd.luks.uuid",
    "rd.lvm.lv",
    "rd.lvm.vg",
    "rd.md.uuid",
    "systemd.mask",
    "systemd.setenv",
    "systemd.wants",
    NULL,
};

/* Keys whose occurrences add up in the kernel, although setting one replaces the others. */
static const char *const cumulative_keys[] = {"acpi",           "acpi_osi",    "amd_iommu",
                                              "cgroup_disable", "crashkernel", "intel_iommu",
                                              "iommu",          "pci",         NULL};

/* The end of the argument at `text`; NULL if a quote in it is not closed. */
static const char *skip_argument(const char *text)
{
    bool quoted = false;
    for (; *text != '\0' && (quoted || !ccb_is_space(*text)); text++)
        quoted ^= *text == '"';
    return quoted ? NULL : text;
}

CcbCmdline *ccb_cmdline_parse(const char *text, GError **error)
{
    g_autoptr(CcbCmdline) line = g_new0(CcbCmdline, 1);
    line->arguments = g_ptr_array_new_with_free_func(g_free);
    for (const char *at = ccb_skip_space(text); *at != '\0';) {
        const char *end = skip_argument(at);
        if (end == NULL) {
            ccb_fail(error, CCB_ERR_INPUT, "kernel command line: quote not closed in '%.40s'", at);
            return NULL;
        }
        g_ptr_array_add(line->arguments, g_strndup(at, (size_t)(end - at)));
        at = ccb_skip_space(end);
    }
    return g_steal_pointer(&line);
}

void ccb_cmdline_free(CcbCmdline *line)
{
    if (line == NULL)
        return;
    g_ptr_array_unref(line->arguments);
    g_free(line);
}

/* "key=a b", key="a b" and "key"=... are the same argument for the kernel. */
static char *unquote(const char *text)
{
    char *plain = g_strdup(text), *out = plain;
    for (; *text != '\0'; text++)
        if (*text != '"')
            *out++ = *text;
    *out = '\0';
    return plain;
}

/* KEY of KEY=VALUE, in the spelling that all comparisons use. */
static char *key_of(const char *argument)
{
    char *key = unquote(argument);
    key[strcspn(key, "=")] = '\0';
    return g_strdelimit(key, "-", '_');
}

/* VALUE of KEY=VALUE, with its '='; "" for KEY. */
static char *value_of(const char *argument)
{
    return unquote(argument + strcspn(argument, "="));
}

static bool is_same_key(const char *a, const char *b)
{
    g_autofree char *key_a = key_of(a);
    g_autofree char *key_b = key_of(b);
    return strcmp(key_a, key_b) == 0;
}

static bool is_same_argument(const char *a, const char *b)
{
    g_autofree char *value_a = value_of(a);
    g_autofree char *value_b = value_of(b);
    return is_same_key(a, b) && strcmp(value_a, value_b) == 0;
}

static bool has_key_of(const char *const *keys, const char *argument)
{
    while (*keys != NULL && !is_same_key(argument, *keys))
        keys++;
    return *keys != NULL;
}

bool ccb_cmdline_is_list(const char *key)
{
    return has_key_of(multi_keys, key);
}

/* How many arguments there are before "--". */
static guint kernel_count(const CcbCmdline *line)
{
    guint count = 0;
    while (count < line->arguments->len && strcmp(line->arguments->pdata[count], "--") != 0)
        count++;
    return count;
}

static bool matches(const char *argument, const char *wanted)
{
    return strchr(wanted, '=') != NULL ? is_same_argument(argument, wanted)
                                       : is_same_key(argument, wanted);
}

char *ccb_cmdline_get(const CcbCmdline *line, const char *key)
{
    for (guint i = kernel_count(line); i > 0; i--) {
        const char *argument = line->arguments->pdata[i - 1];
        if (!is_same_key(argument, key))
            continue;
        const char *equals = strchr(argument, '=');
        return unquote(equals != NULL ? equals + 1 : "");
    }
    return NULL;
}

char **ccb_cmdline_values(const CcbCmdline *line, const char *key)
{
    guint count = kernel_count(line);
    GPtrArray *values = g_ptr_array_new();
    for (guint i = 0; i < count; i++) {
        const char *argument = line->arguments->pdata[i];
        const char *equals = strchr(argument, '=');
        if (equals != NULL && is_same_key(argument, key))
            g_ptr_array_add(values, unquote(equals + 1));
    }
    g_ptr_array_add(values, NULL);
    return (char **)g_ptr_array_free(values, FALSE);
}

bool ccb_cmdline_has(const CcbCmdline *line, const char *argument)
{
    guint count = kernel_count(line);
    for (guint i = 0; i < count; i++) {
        if (matches(line->arguments->pdata[i], argument))
            return true;
    }
    return false;
}

guint ccb_cmdline_count(const CcbCmdline *line, const char *key)
{
    guint found = 0, count = kernel_count(line);
    for (guint i = 0; i < count; i++)
        found += is_same_key(line->arguments->pdata[i], key) ? 1 : 0;
    return found;
}

bool ccb_cmdline_set(CcbCmdline *line, const char *argument, GError **error)
{
    const char *end = skip_argument(argument);
    if (end == NULL || *end != '\0' || strchr("=", *argument) != NULL ||
        strcmp(argument, "--") == 0)
        return ccb_fail(error, CCB_ERR_INPUT, "'%s' is not one kernel argument", argument);
    guint count = kernel_count(line);
    bool multi = has_key_of(multi_keys, argument), done = false;
    /* Into a new list, so that a hostile line of many arguments takes linear time. */
    g_autoptr(GPtrArray) old = g_steal_pointer(&line->arguments);
    line->arguments = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < old->len; i++) {
        const char *other = old->pdata[i];
        if (i == count && !done) {
            g_ptr_array_add(line->arguments, g_strdup(argument));
            done = true;
        }
        bool same =
            i < count && (multi ? is_same_argument(other, argument) : is_same_key(other, argument));
        if (!same || multi)
            g_ptr_array_add(line->arguments, g_strdup(other));
        else if (!done)
            g_ptr_array_add(line->arguments, g_strdup(argument));
        done = done || same;
    }
    if (!done)
        g_ptr_array_add(line->arguments, g_strdup(argument));
    return true;
}

guint ccb_cmdline_remove(CcbCmdline *line, const char *argument)
{
    guint count = kernel_count(line);
    g_autoptr(GPtrArray) old = g_steal_pointer(&line->arguments);
    line->arguments = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < old->len; i++)
        if (i >= count || !matches(old->pdata[i], argument))
            g_ptr_array_add(line->arguments, g_strdup(old->pdata[i]));
    return old->len - line->arguments->len;
}

GPtrArray *ccb_cmdline_arguments(const CcbCmdline *line)
{
    GPtrArray *arguments = g_ptr_array_new();
    for (guint i = 0; i < line->arguments->len; i++)
        g_ptr_array_add(arguments, line->arguments->pdata[i]);
    return arguments;
}

char *ccb_cmdline_render(const CcbCmdline *line)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < line->arguments->len; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? " " : "",
                               (const char *)line->arguments->pdata[i]);
    return g_string_free(text, FALSE);
}

static void append_conflict(GString *text, const char *a, const char *b)
{
    g_string_append(text, text->len > 0 ? ", " : "");
    if (is_same_argument(a, b))
        g_string_append_printf(text, "%s twice", b);
    else
        g_string_append_printf(text, "%s and %s", a, b);
}

char *ccb_cmdline_conflicts(const CcbCmdline *line)
{
    g_autoptr(GHashTable) first = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GString *text = g_string_new(NULL);
    guint count = kernel_count(line);
    for (guint i = 0; i < count; i++) {
        char *argument = line->arguments->pdata[i];
        g_autofree char *key = key_of(argument);
        const char *before = g_hash_table_lookup(first, key);
        if (before == NULL)
            g_hash_table_insert(first, g_steal_pointer(&key), argument);
        else if (!has_key_of(cumulative_keys, argument) && !has_key_of(multi_keys, argument) &&
                 *argument != '$') /* a variable of GRUB's */
            append_conflict(text, before, argument);
    }
    if (g_hash_table_contains(first, "ro") && g_hash_table_contains(first, "rw"))
        append_conflict(text, "ro", "rw");
    return g_string_free(text, text->len == 0);
}
