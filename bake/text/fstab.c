/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/fstab.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define FIELDS 6 /* spec, file, vfstype, mntops, freq, passno */

static void entry_free(gpointer data)
{
    CcbFstabEntry *entry = data;
    g_free(entry->spec);
    g_free(entry->target);
    g_free(entry->type);
    g_free(entry->options);
    g_free(entry);
}

/* Resolves \040 and the like, up to \177. */
static char *unescape(const char *text, const char *end)
{
    GString *plain = g_string_new(NULL);
    for (; text < end; text++) {
        bool escape = *text == '\\' && end - text >= 4 && strchr("01", text[1]) != NULL &&
                      strchr("01234567", text[2]) != NULL && strchr("01234567", text[3]) != NULL;
        if (!escape) {
            g_string_append_c(plain, *text);
            continue;
        }
        g_string_append_c(plain,
                          (char)g_ascii_strtoull((char[]){text[1], text[2], text[3], 0}, NULL, 8));
        text += 3;
    }
    return g_string_free(plain, FALSE);
}

GPtrArray *ccb_fstab_parse(const char *data, size_t size, GError **error)
{
    g_autoptr(GPtrArray) lines = ccb_text_lines(data, size, error);
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(entry_free);
    for (guint i = 0; lines != NULL && i < lines->len; i++) {
        const char *start[FIELDS], *end[FIELDS], *text = ccb_skip_space(lines->pdata[i]);
        guint count = 0;
        if (*text == '\0' || *text == '#')
            continue;
        while (*text != '\0' && *text != '#' && count < FIELDS) {
            start[count] = text;
            end[count] = ccb_skip_word(text);
            text = ccb_skip_space(end[count++]);
        }
        if (count < 3 || (*text != '\0' && *text != '#')) {
            ccb_fail(error, CCB_ERR_INPUT, "line %u: expected device, mount point, type, options",
                     i + 1);
            return NULL;
        }
        CcbFstabEntry *entry = g_new0(CcbFstabEntry, 1);
        *entry = (CcbFstabEntry){
            .spec = unescape(start[0], end[0]),
            .target = unescape(start[1], end[1]),
            .type = unescape(start[2], end[2]),
            .options = count > 3 ? unescape(start[3], end[3]) : g_strdup("defaults"),
            .line = i + 1,
        };
        g_ptr_array_add(entries, entry);
    }
    return lines != NULL ? g_steal_pointer(&entries) : NULL;
}

const CcbFstabEntry *ccb_fstab_find(const GPtrArray *entries, const char *target)
{
    for (guint i = entries->len; i > 0; i--) {
        const CcbFstabEntry *entry = entries->pdata[i - 1];
        if (strcmp(entry->target, target) == 0)
            return entry;
    }
    return NULL;
}

bool ccb_fstab_has_option(const CcbFstabEntry *entry, const char *option)
{
    size_t length = strlen(option);
    for (const char *at = entry->options; *at != '\0';) {
        if (strncmp(at, option, length) == 0 && strchr(",=", at[length]) != NULL)
            return true;
        at += strcspn(at, ",");
        at += *at == ',' ? 1 : 0;
    }
    return false;
}

CcbSpecKind ccb_fstab_classify(const char *spec, char **ret_value)
{
    static const struct {
        const char *prefix;
        CcbSpecKind kind;
    } kinds[] = {
        {"UUID=", CCB_SPEC_UUID},           {"/dev/disk/by-uuid/", CCB_SPEC_UUID},
        {"LABEL=", CCB_SPEC_LABEL},         {"/dev/disk/by-label/", CCB_SPEC_LABEL},
        {"PARTUUID=", CCB_SPEC_PARTUUID},   {"/dev/disk/by-partuuid/", CCB_SPEC_PARTUUID},
        {"PARTLABEL=", CCB_SPEC_PARTLABEL}, {"/dev/disk/by-partlabel/", CCB_SPEC_PARTLABEL},
        {"/dev/", CCB_SPEC_DEVICE}};
    *ret_value = NULL;
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (g_str_has_prefix(spec, kinds[i].prefix)) {
            *ret_value = g_strdelimit(g_strdup(spec + strlen(kinds[i].prefix)), "\"", ' ');
            g_strstrip(*ret_value);
            return kinds[i].kind;
        }
    return CCB_SPEC_OTHER;
}
