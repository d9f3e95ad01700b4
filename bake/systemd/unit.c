/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "systemd/unit.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

struct CcbUnit {
    char *file;
    GPtrArray *values; /* CcbUnitValue, in the order of the text */
};

static void value_free(gpointer data)
{
    CcbUnitValue *value = data;
    g_free(value->section);
    g_free(value->key);
    g_free(value->value);
    g_free(value->file);
    g_free(value);
}

void ccb_unit_free(CcbUnit *unit)
{
    if (unit == NULL)
        return;
    g_free(unit->file);
    g_ptr_array_unref(unit->values);
    g_free(unit);
}

static void add_value(CcbUnit *unit, const char *section, const char *key, const char *text,
                      const char *file, guint line)
{
    CcbUnitValue *value = g_new0(CcbUnitValue, 1);
    *value = (CcbUnitValue){.section = g_strdup(section),
                            .key = g_strdup(key),
                            .value = g_strdup(text),
                            .file = g_strdup(file),
                            .line = line};
    g_ptr_array_add(unit->values, value);
}

/* One line, after continuation: a section header (which sets *section), an assignment or nothing. */
static bool parse_line(CcbUnit *unit, char **section, char *text, guint line, GError **error)
{
    g_strstrip(text);
    char *equals = strchr(text, '=');
    if (*text == '[') {
        if (!g_str_has_suffix(text, "]"))
            return ccb_fail(error, CCB_ERR_INPUT, "%s:%u: section header without ']'", unit->file,
                            line);
        g_free(*section);
        *section = g_strndup(text + 1, strlen(text) - 2);
    } else if (equals != NULL && *section != NULL) {
        /* systemd ignores, with a warning, what is no assignment or stands before any section. */
        *equals = '\0';
        add_value(unit, *section, g_strchomp(text), g_strchug(equals + 1), unit->file, line);
    }
    return true;
}

CcbUnit *ccb_unit_parse(const char *data, size_t size, const char *file, GError **error)
{
    static const char bom[] = "\xef\xbb\xbf";
    size_t skipped = size >= strlen(bom) && memcmp(data, bom, strlen(bom)) == 0 ? strlen(bom) : 0;
    g_autoptr(GPtrArray) lines = ccb_text_lines(data + skipped, size - skipped, error);
    if (lines == NULL) {
        g_prefix_error(error, "%s: ", file);
        return NULL;
    }
    g_autoptr(CcbUnit) unit = g_new0(CcbUnit, 1);
    unit->file = g_strdup(file);
    unit->values = g_ptr_array_new_with_free_func(value_free);
    g_autofree char *section = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    guint first = 0; /* where the text begins; 0: it is done */
    for (guint i = 0; i < lines->len; i++) {
        const char *line = lines->pdata[i], *start = ccb_skip_space(line);
        if (*start == '#' || *start == ';') /* also in the middle of a continued line */
            continue;
        first = first > 0 ? first : i + 1;
        g_string_append_len(text, line, (gssize)strcspn(line, "\r\n"));
        size_t backslashes = 0;
        while (backslashes < text->len && text->str[text->len - 1 - backslashes] == '\\')
            backslashes++;
        if (backslashes % 2 == 1) {
            text->str[text->len - 1] = ' ';
            continue;
        }
        if (!parse_line(unit, &section, text->str, first, error))
            return NULL;
        g_string_truncate(text, 0);
        first = 0;
    }
    if (first > 0 && !parse_line(unit, &section, text->str, first, error))
        return NULL;
    return g_steal_pointer(&unit);
}

void ccb_unit_merge(CcbUnit *unit, const CcbUnit *dropin)
{
    for (guint i = 0; i < dropin->values->len; i++) {
        const CcbUnitValue *value = dropin->values->pdata[i];
        add_value(unit, value->section, value->key, value->value, value->file, value->line);
    }
}

GPtrArray *ccb_unit_get_all(const CcbUnit *unit, const char *section, const char *key)
{
    static const char *const dependencies[] = {"After",
                                               "Before",
                                               "BindsTo",
                                               "Conflicts",
                                               "JoinsNamespaceOf",
                                               "OnFailure",
                                               "OnSuccess",
                                               "PartOf",
                                               "PropagatesReloadTo",
                                               "ReloadPropagatedFrom",
                                               "Requires",
                                               "RequiresMountsFor",
                                               "Requisite",
                                               "Upholds",
                                               "Wants",
                                               NULL};
    GPtrArray *found = g_ptr_array_new();
    bool resets = strcmp(section, "Unit") != 0 || !g_strv_contains(dependencies, key);
    for (guint i = 0; i < unit->values->len; i++) {
        CcbUnitValue *value = unit->values->pdata[i];
        if (strcmp(value->key, key) != 0 || strcmp(value->section, section) != 0)
            continue;
        if (*value->value != '\0')
            g_ptr_array_add(found, value);
        else if (resets)
            g_ptr_array_set_size(found, 0);
    }
    return found;
}

const char *ccb_unit_get(const CcbUnit *unit, const char *section, const char *key)
{
    g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, section, key);
    if (values->len == 0)
        return NULL;
    return ((const CcbUnitValue *)values->pdata[values->len - 1])->value;
}

bool ccb_unit_get_bool(const CcbUnit *unit, const char *section, const char *key, bool fallback)
{
    static const char *const yes[] = {"1", "yes", "y", "true", "t", "on", NULL};
    static const char *const no[] = {"0", "no", "n", "false", "f", "off", NULL};
    const char *value = ccb_unit_get(unit, section, key);
    if (value == NULL)
        return fallback;
    g_autofree char *lower = g_ascii_strdown(value, -1);
    if (g_strv_contains(yes, lower))
        return true;
    return g_strv_contains(no, lower) ? false : fallback;
}

GPtrArray *ccb_unit_words(const char *value, GError **error)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    for (const char *at = ccb_skip_space(value); *at != '\0'; at = ccb_skip_space(at)) {
        g_autoptr(GString) word = g_string_new(NULL);
        char quote = '\0';
        for (; *at != '\0' && (quote != '\0' || !ccb_is_space(*at)); at++) {
            if (quote == '\0' && (*at == '"' || *at == '\'')) {
                quote = *at;
            } else if (*at == quote) {
                quote = '\0';
            } else {
                g_string_append_c(word, *at);
                if (*at == '\\' && at[1] != '\0')
                    g_string_append_c(word, *++at);
            }
        }
        if (quote != '\0') {
            ccb_fail(error, CCB_ERR_INPUT, "quote not closed in '%.60s'", value);
            return NULL;
        }
        g_ptr_array_add(words, g_string_free(g_steal_pointer(&word), FALSE));
    }
    return g_steal_pointer(&words);
}

size_t ccb_unit_command_prefix(const char *command)
{
    return strspn(command, "@-:+!");
}

char *ccb_unit_expand(const char *word, const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *at = memchr(name, '@', (size_t)(dot - name));
    const char *instance = at != NULL ? at + 1 : dot;
    GString *out = g_string_new(NULL);
    for (; *word != '\0' && out->len <= CCB_UNIT_NAME_MAX; word++) {
        if (*word != '%' || word[1] == '\0') {
            g_string_append_c(out, *word);
            continue;
        }
        word++;
        if (*word == 'i' || *word == 'I')
            g_string_append_len(out, instance, dot - instance);
        else if (*word == 'p')
            g_string_append_len(out, name, (at != NULL ? at : dot) - name);
        else if (*word == 'N')
            g_string_append_len(out, name, dot - name);
        else if (*word == 'n')
            g_string_append(out, name);
        else
            g_string_append_c(out, *word);
    }
    return g_string_free(out, FALSE);
}

/* What service_verify() of systemd refuses. */
static char *refused_service(const CcbUnit *unit)
{
    g_autoptr(GPtrArray) starts = ccb_unit_get_all(unit, "Service", "ExecStart");
    g_autoptr(GPtrArray) stops = ccb_unit_get_all(unit, "Service", "ExecStop");
    const char *type = ccb_unit_get(unit, "Service", "Type");
    bool is_oneshot = g_strcmp0(type, "oneshot") == 0;
    bool remains = ccb_unit_get_bool(unit, "Service", "RemainAfterExit", false);
    const char *restart = ccb_unit_get(unit, "Service", "Restart");
    const CcbUnitValue *last = starts->len > 0 ? starts->pdata[starts->len - 1] : NULL;
    if (starts->len == 0 && stops->len == 0 && ccb_unit_get(unit, "Unit", "SuccessAction") == NULL)
        return g_strdup_printf("%s: a service without ExecStart=", unit->file);
    if (starts->len == 0 && !is_oneshot)
        return g_strdup_printf("%s: only a service of Type=oneshot can do without ExecStart=",
                               unit->file);
    if (starts->len == 0 && !remains && stops->len > 0)
        return g_strdup_printf("%s: without ExecStart= it needs RemainAfterExit=yes", unit->file);
    if (starts->len > 1 && !is_oneshot)
        return g_strdup_printf("%s:%u: a second ExecStart=, which only Type=oneshot may have; an "
                               "empty ExecStart= takes back the first",
                               last->file, last->line);
    if (is_oneshot && restart != NULL &&
        (strcmp(restart, "always") == 0 || strcmp(restart, "on-success") == 0))
        return g_strdup_printf("%s: Restart=%s is not for Type=oneshot", unit->file, restart);
    if (g_strcmp0(type, "dbus") == 0 && ccb_unit_get(unit, "Service", "BusName") == NULL)
        return g_strdup_printf("%s: Type=dbus without BusName=", unit->file);
    return NULL;
}

/* Whether one of the keys (apart by a space) has a value. */
static bool has_any(const CcbUnit *unit, const char *section, const char *names)
{
    g_auto(GStrv) keys = g_strsplit(names, " ", -1);
    for (char **key = keys; *key != NULL; key++)
        if (ccb_unit_get(unit, section, *key) != NULL)
            return true;
    return false;
}

char *ccb_unit_refusal(const CcbUnit *unit, const char *name)
{
    static const struct {
        const char *suffix, *section, *needs;
    } types[] = {
        {".socket", "Socket",
         "ListenStream ListenDatagram ListenSequentialPacket ListenFIFO ListenSpecial "
         "ListenNetlink ListenMessageQueue ListenUSBFunction"},
        {".timer", "Timer",
         "OnActiveSec OnBootSec OnStartupSec OnUnitActiveSec OnUnitInactiveSec OnCalendar "
         "OnClockChange OnTimezoneChange"},
        {".path", "Path", "PathExists PathExistsGlob PathChanged PathModified DirectoryNotEmpty"},
        {".mount", "Mount", "What"},
    };
    if (g_str_has_suffix(name, ".service"))
        return refused_service(unit);
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_str_has_suffix(name, types[i].suffix) &&
            !has_any(unit, types[i].section, types[i].needs))
            return g_strdup_printf("%s: nothing in [%s] says what it is for", unit->file,
                                   types[i].section);
    return NULL;
}

GPtrArray *ccb_unit_install_words(const CcbUnit *unit, const char *name, const char *key,
                                  GError **error)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, "Install", key);
    for (guint i = 0; i < values->len; i++) {
        const CcbUnitValue *value = values->pdata[i];
        g_autoptr(GPtrArray) words = ccb_unit_words(value->value, error);
        if (words == NULL)
            return NULL;
        for (guint w = 0; w < words->len; w++)
            g_ptr_array_add(found, ccb_unit_expand(words->pdata[w], name));
    }
    return g_steal_pointer(&found);
}

/* "a@x.service" of the template "a@.service" that has x as its default; any other name is itself.  Caller frees. */
static char *default_instance(const CcbUnit *unit, const char *name)
{
    const char *instance = ccb_unit_get(unit, "Install", "DefaultInstance");
    const char *at = strstr(name, "@.");
    return at == NULL || instance == NULL
               ? g_strdup(name)
               : g_strdup_printf("%.*s%s%s", (int)(at + 1 - name), name, instance, at + 1);
}

GPtrArray *ccb_unit_links(const CcbUnit *unit, const char *name, GError **error)
{
    static const struct {
        const char *key,
            *suffix; /* of the directory that the link is in; NULL: the word is the link's name */
    } keys[] = {{"WantedBy", "wants"}, {"RequiredBy", "requires"}, {"Alias", NULL}};
    g_autoptr(GPtrArray) links = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *linked = default_instance(unit, name);
    for (guint k = 0; k < G_N_ELEMENTS(keys); k++) {
        g_autoptr(GPtrArray) words = ccb_unit_install_words(unit, name, keys[k].key, error);
        for (guint w = 0; words != NULL && w < words->len; w++) {
            const char *word = words->pdata[w];
            g_ptr_array_add(
                links, keys[k].suffix != NULL
                           ? g_strdup_printf(CCB_UNIT_DIR "/%s.%s/%s", word, keys[k].suffix, linked)
                           : g_build_filename(CCB_UNIT_DIR, word, NULL));
        }
        if (words == NULL)
            return NULL;
    }
    return g_steal_pointer(&links);
}

/* Microseconds of a unit of time; 0: it is none. */
static guint64 span_unit(const char *name, size_t length)
{
    static const struct {
        const char *names; /* apart by a space, one behind the last */
        guint64 usec;
    } units[] = {{"us usec ", 1},
                 {"ms msec ", 1000},
                 {"s sec second seconds ", G_USEC_PER_SEC},
                 {"m min minute minutes ", 60ull * G_USEC_PER_SEC},
                 {"h hr hour hours ", 3600ull * G_USEC_PER_SEC},
                 {"d day days ", 86400ull * G_USEC_PER_SEC},
                 {"w week weeks ", 7 * 86400ull * G_USEC_PER_SEC}};
    if (length == 0)
        return G_USEC_PER_SEC;
    for (guint i = 0; i < G_N_ELEMENTS(units); i++)
        for (const char *at = units[i].names; *at != '\0'; at = strchr(at, ' ') + 1)
            if (strncmp(at, name, length) == 0 && at[length] == ' ')
                return units[i].usec;
    return 0;
}

bool ccb_unit_seconds(const char *value, guint64 *ret_seconds)
{
    const char *at = ccb_skip_space(value);
    guint64 usec = 0;
    if (g_str_equal(at, "infinity")) {
        *ret_seconds = G_MAXUINT64;
        return true;
    }
    if (*at == '\0')
        return false;
    while (*at != '\0') {
        char *end;
        guint64 number = g_ascii_strtoull(at, &end, 10), unit, part;
        if (!g_ascii_isdigit(*at))
            return false;
        const char *name = ccb_skip_space(end);
        size_t length = 0;
        while (g_ascii_isalpha(name[length]))
            length++;
        unit = span_unit(name, length);
        if (unit == 0 || !g_uint64_checked_mul(&part, number, unit) ||
            !g_uint64_checked_add(&usec, usec, part))
            return false;
        at = ccb_skip_space(name + length);
    }
    *ret_seconds = usec / G_USEC_PER_SEC;
    return true;
}

bool ccb_unit_lists(const CcbUnit *unit, const char *key, const char *name)
{
    if (unit == NULL)
        return false;
    g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, "Unit", key);
    for (guint i = 0; i < values->len; i++) {
        const CcbUnitValue *value = values->pdata[i];
        g_autoptr(GPtrArray) words = ccb_unit_words(value->value, NULL);
        if (words != NULL && g_ptr_array_find_with_equal_func(words, name, g_str_equal, NULL))
            return true;
    }
    return false;
}

const char *ccb_unit_wants_suffix(const char *directory)
{
    static const char *const suffixes[] = {".wants", ".requires", ".upholds"};
    const char *dot = strrchr(directory, '.');
    for (size_t i = 0; dot != NULL && i < G_N_ELEMENTS(suffixes); i++)
        if (strcmp(dot, suffixes[i]) == 0)
            return dot;
    return NULL;
}
