/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/console.h"

#include <string.h>

#include "boot/journal.h"

struct CcbConsole {
    CcbUnitNames *names;
    char *target;
    CcbBootUnits units;
    GPtrArray *notes;
    unsigned line;
    char *up;
    char *dead;
    char *waiting_for;
    char *loader;
    CcbBootUnit *unnamed; /* failed by description; "See 'systemctl status NAME'" may follow */
    bool settled;
};

CcbConsole *ccb_console_new(CcbUnitNames *names, const char *target)
{
    CcbConsole *console = g_new0(CcbConsole, 1);
    console->names = names;
    console->target = g_strdup(target);
    ccb_units_init(&console->units);
    console->notes = g_ptr_array_new_with_free_func(g_free);
    return console;
}

void ccb_console_free(CcbConsole *console)
{
    if (console == NULL)
        return;
    ccb_units_clear(&console->units);
    g_ptr_array_unref(console->notes);
    g_free(console->target);
    g_free(console->up);
    g_free(console->dead);
    g_free(console->waiting_for);
    g_free(console->loader);
    g_free(console);
}

/* Behind an escape sequence: CSI (ESC [ ... letter), OSC (ESC ] ... BEL or ESC \), ESC ( B, ESC c.
 */
static const char *skip_escape(const char *p)
{
    if (*p == '[') {
        for (p++; *p && (*p < '@' || *p > '~'); p++)
            ;
        return *p ? p + 1 : p;
    }
    if (*p == ']') {
        while (*p && *p != '\a' && *p != '\033')
            p++;
        return *p == '\a' ? p + 1 : p;
    }
    if (*p == '(' || *p == ')')
        return p[1] ? p + 2 : p + 1;
    return *p ? p + 1 : p;
}

/* Without DEL and the control characters of C1, too, of which a terminal may take U+009B for ESC [. */
static char *printable(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *kept = g_string_new(NULL);
    for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        if (c == '\t' || g_unichar_isprint(c))
            g_string_append_unichar(kept, c);
    }
    return g_string_free(kept, FALSE);
}

char *ccb_console_plain(const char *line)
{
    g_autoptr(GString) plain = g_string_new(NULL);
    for (const char *p = line; *p;) {
        if (*p == '\033') {
            p = skip_escape(p + 1);
            continue;
        }
        if (*p == '\r' && p[strspn(p, "\r")] != '\0')
            g_string_truncate(plain, 0); /* what follows overwrites it */
        else
            g_string_append_c(plain, *p);
        p++;
    }
    return printable(plain->str);
}

/* --- units */

/* The terminal's 80 columns make systemd write "Some long desc...tion" on status lines: "..." or
 * the character. */
static const char *find_ellipsized(CcbUnitNames *names, const char *text)
{
    const char *dots = strstr(text, "\u2026");
    size_t length = strlen("\u2026");
    if (dots == NULL) {
        dots = strstr(text, "...");
        length = 3;
    }
    if (dots == NULL || dots == text)
        return NULL;
    g_autofree char *head = g_strndup(text, (gsize)(dots - text));
    const char *found = NULL;
    GHashTableIter iter;
    gpointer description, name;
    g_hash_table_iter_init(&iter, names);
    while (g_hash_table_iter_next(&iter, &description, &name)) {
        if (!g_str_has_prefix(description, head) || !g_str_has_suffix(description, dots + length))
            continue;
        if (found)
            return NULL; /* two candidates are none */
        found = name;
    }
    return found;
}

/* "x.service - Some Text", "x.service" or "Some Text" ► the name; the text itself where there is
 * none. */
static char *name_of(const CcbConsole *console, const char *text)
{
    const char *dash = strstr(text, " - ");
    g_autofree char *first = dash ? g_strndup(text, (gsize)(dash - text)) : g_strdup(text);
    if (ccb_unit_is_name(first))
        return g_steal_pointer(&first);
    const char *name = console->names ? g_hash_table_lookup(console->names, text) : NULL;
    if (name == NULL && console->names)
        name = find_ellipsized(console->names, text);
    return g_strdup(name ? name : text);
}

/* NULL: there are too many. */
static CcbBootUnit *get_unit(CcbConsole *console, const char *text)
{
    g_autofree char *name = name_of(console, text);
    return ccb_units_get(&console->units, name);
}

/* `reason` is that of a failure, or NULL.  The unit; NULL: as above. */
static CcbBootUnit *note_state(CcbConsole *console, const char *text, CcbUnitState state,
                               const char *reason, int stream)
{
    CcbBootUnit *unit = get_unit(console, text);
    if (unit == NULL)
        return NULL;
    ccb_unit_set_reason(unit, reason);
    ccb_unit_note(unit, state, stream, console->line);
    if (state == CCB_UNIT_STARTING) {
        g_free(console->waiting_for);
        console->waiting_for = g_strdup(unit->name);
    }
    return unit;
}

static bool is_up_target(const CcbConsole *console, const char *name)
{
    return ccb_boot_is_up_target(name, console->target) || g_str_equal(name, "Multi-User System") ||
           g_str_equal(name, "Graphical Interface");
}

/* --- sentences of systemd */

/* `line` between `prefix` and the full stop or dots at its end; NULL if it doesn't begin so. Caller
 * frees. */
static char *after(const char *line, const char *prefix)
{
    if (!g_str_has_prefix(line, prefix))
        return NULL;
    char *rest = g_strdup(line + strlen(prefix));
    g_strchomp(rest);
    size_t length = strlen(rest);
    if (g_str_has_suffix(rest, "\u2026"))
        length -= strlen("\u2026");
    else
        while (length > 0 && rest[length - 1] == '.')
            length--;
    rest[length] = '\0';
    return rest;
}

typedef struct {
    const char *prefix;
    CcbUnitState state;
    const char *reason;
} Sentence;

/* job.c and unit.c of systemd, versions 239 and 252.  A target is "reached", a mount "mounted" ...
 */
static const Sentence sentences[] = {
    {"Starting ", CCB_UNIT_STARTING, NULL},
    {"Mounting ", CCB_UNIT_STARTING, NULL},
    {"Started ", CCB_UNIT_STARTED, NULL},
    {"Finished ", CCB_UNIT_STARTED, NULL},
    {"Mounted ", CCB_UNIT_STARTED, NULL},
    {"Found device ", CCB_UNIT_STARTED, NULL},
    {"Listening on ", CCB_UNIT_STARTED, NULL},
    {"Reached target ", CCB_UNIT_STARTED, NULL},
    {"Failed to start ", CCB_UNIT_FAILED, NULL},
    {"Failed to mount ", CCB_UNIT_FAILED, NULL},
    {"Failed to listen on ", CCB_UNIT_FAILED, NULL},
    {"Failed to activate swap ", CCB_UNIT_FAILED, NULL},
    {"Timed out starting ", CCB_UNIT_FAILED, "timeout"},
    {"Timed out waiting for device ", CCB_UNIT_FAILED, "timeout"},
    {"Dependency failed for ", CCB_UNIT_FAILED, "dependency"},
};

static void target_reached(CcbConsole *console, const CcbBootUnit *unit)
{
    if (console->up == NULL && is_up_target(console, unit->name))
        console->up = g_strdup(unit->name);
}

static bool parse_sentence(CcbConsole *console, const char *line, int stream)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sentences); i++) {
        const Sentence *s = &sentences[i];
        g_autofree char *text = after(line, s->prefix);
        if (text == NULL || *text == '\0')
            continue;
        CcbBootUnit *unit = note_state(console, text, s->state, s->reason, stream);
        if (unit && s->state == CCB_UNIT_FAILED && !ccb_unit_is_name(unit->name))
            console->unnamed = unit;
        if (unit && g_str_has_prefix(line, "Reached target "))
            target_reached(console, unit);
        return true;
    }
    return false;
}

/* "Condition check resulted in X being skipped.", and since 250 "X was skipped because ...". */
static bool parse_skipped(CcbConsole *console, const char *line, int stream)
{
    static const char *const ends[] = {" being skipped", " was skipped because ",
                                       ": Skipped due to "};
    const char *start = line;
    if (g_str_has_prefix(line, "Condition check resulted in "))
        start += strlen("Condition check resulted in ");
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        const char *end = strstr(start, ends[i]);
        if (end == NULL || end == start)
            continue;
        g_autofree char *text = g_strndup(start, (gsize)(end - start));
        note_state(console, text, CCB_UNIT_SKIPPED, NULL, stream);
        return true;
    }
    return false;
}

/* "x.service: Failed with result 'exit-code'."; "x.service: Job x.service/start failed with result
 * 'dependency'." */
static bool parse_result(CcbConsole *console, const char *line, int stream)
{
    const char *result = strstr(line, "ailed with result '");
    const char *colon = strstr(line, ": ");
    if (result == NULL || colon == NULL || colon > result)
        return false;
    g_autofree char *name = g_strndup(line, (gsize)(colon - line));
    if (!ccb_unit_is_name(name))
        return false;
    result += strlen("ailed with result '");
    g_autofree char *reason = g_strndup(result, strcspn(result, "'"));
    if (g_str_equal(reason, "exec-condition")) /* ExecCondition= said no */
        note_state(console, name, CCB_UNIT_SKIPPED, NULL, stream);
    else
        note_state(console, name, CCB_UNIT_FAILED, reason, stream);
    return true;
}

/* "x.service: Main process exited, code=exited, status=203/EXEC", or "Control process ..."; 239 has no second comma. */
static bool parse_exit(CcbConsole *console, const char *line)
{
    const char *exited = strstr(line, " process exited, code=exited");
    const char *status = exited ? strstr(exited, "status=") : NULL;
    const char *colon = strstr(line, ": ");
    if (status == NULL || colon == NULL || colon > exited)
        return false;
    g_autofree char *name = g_strndup(line, (gsize)(colon - line));
    int number = (int)MIN(g_ascii_strtoull(status + strlen("status="), NULL, 10), 255);
    CcbBootUnit *unit = ccb_unit_is_name(name) ? get_unit(console, name) : NULL;
    if (unit)
        ccb_unit_set_exit(unit, number);
    return true;
}

/* "See 'systemctl status x.service' for details." names the unit of the failure above it. */
static void parse_see(CcbConsole *console, const char *line)
{
    const char *start = strstr(line, "systemctl status ");
    if (console->unnamed == NULL || start == NULL || !strstr(line, "See "))
        return;
    start += strlen("systemctl status ");
    if (*start == '"')
        start++;
    g_autofree char *name = g_strndup(start, strcspn(start, "'\" "));
    if (ccb_unit_is_name(name))
        ccb_units_rename(&console->units, console->unnamed, name);
    console->unnamed = NULL;
}

/* --- the end of a boot */

typedef struct {
    const char *text, *sentence;
} Ending;

static const Ending endings[] = {
    {"Kernel panic - not syncing", "the kernel panicked"},
    {"Entering emergency mode", "the system went into emergency mode"},
    {"You are in emergency mode", "the system went into emergency mode"},
    {"Give root password for maintenance", "the system waits in emergency or rescue mode"},
    {"Press Enter for maintenance", "the system waits in emergency or rescue mode"},
    {"Cannot open access to console, the root account is locked",
     "the system went into emergency mode"},
    {"timeout, still waiting for following initqueue hooks",
     "the initramfs does not find the root"},
    {"dracut-initqueue timeout", "the initramfs does not find the root"},
    {"Warning: Could not boot",
     "the initramfs gave up: it did not find or could not mount the root"},
    {"rdsosreport.txt", "the initramfs gave up: it did not find or could not mount the root"},
    {"Dropping to a shell!", "the initramfs gave up: it did not find or could not mount the root"},
    {"systemd[1]: Freezing execution", "systemd crashed"},
    {"KVM internal error", "KVM does not work on this host (QEMU: KVM internal error)"},
    {"reboot: System halted", "the system halted itself"},
    {"reboot: Power down", "the system switched itself off"},
    {"reboot: Restarting system", "the system restarted itself"},
    {"BdsDxe: No bootable option or device was found", "the firmware found no boot loader"},
    {"UEFI Interactive Shell", "the firmware found no boot loader and started its own shell"},
    {"grub> ", "GRUB gave up and shows its prompt"},
    {"grub rescue> ", "GRUB gave up and shows its prompt"},
};

/* As much of a line as is quoted, and always UTF-8. */
static char *quote(const char *line)
{
    enum { LONGEST = 200 };
    return g_utf8_make_valid(line, (gssize)MIN(strlen(line), LONGEST));
}

static void look_for_end(CcbConsole *console, const char *line)
{
    if (console->dead)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++)
        if (strstr(line, endings[i].text)) {
            g_autofree char *quoted = quote(line);
            console->dead = g_strdup_printf("%s: \"%s\"", endings[i].sentence, quoted);
            return;
        }
}

/* What firmware (OVMF's BdsDxe) and GRUB say: how far a boot came that never reached the kernel.  What failed says more
 * than what was tried after it. */
static void look_for_loader(CcbConsole *console, const char *line)
{
    bool firmware = g_str_has_prefix(line, "BdsDxe: ");
    bool failed = console->loader && strstr(console->loader, " failed to ");
    if ((!firmware && !g_str_has_prefix(line, "error: ")) ||
        (firmware && failed && !strstr(line, " failed to ")))
        return;
    g_free(console->loader);
    console->loader = quote(line);
}

static void look_for_notes(CcbConsole *console, const char *line)
{
    static const char note[] =
        "the kernel could not allocate the swiotlb buffer of its command line: expected "
        "in a test machine with little memory, not a failure";
    if (strstr(line, "Cannot allocate buffer") &&
        !g_ptr_array_find_with_equal_func(console->notes, note, g_str_equal, NULL))
        g_ptr_array_add(console->notes, g_strdup(note));
}

/* --- lines */

/* "[  OK  ] ", "[FAILED] ", "[DEPEND] ", "[ TIME ] ", "[ INFO ] ", or the nine spaces before
 * "Starting X...". */
static const char *status_text(const char *line)
{
    static const char *const words[] = {"  OK  ", "FAILED", "DEPEND", " TIME ",
                                        " INFO ", "SKIP",   " SKIP "};
    if (g_str_has_prefix(line, "         ") && line[9] != ' ')
        return line + 9;
    for (const char *p = strchr(line, '['); p; p = strchr(p + 1, '['))
        for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
            size_t length = strlen(words[i]);
            if (strncmp(p + 1, words[i], length) == 0 && p[length + 1] == ']' &&
                p[length + 2] == ' ')
                return p + length + 3; /* a kernel message may stand before it on the line */
        }
    return NULL;
}

static void parse_systemd(CcbConsole *console, const char *text, int stream)
{
    if (g_str_has_prefix(text, "Startup finished in "))
        console->settled = console->up != NULL;
    else if (!parse_exit(console, text) && !parse_sentence(console, text, stream) &&
             !parse_skipped(console, text, stream))
        parse_result(console, text, stream);
}

void ccb_console_line(CcbConsole *console, const char *raw)
{
    g_autofree char *line = ccb_console_plain(raw);
    console->line++;
    look_for_end(console, line);
    look_for_loader(console, line);
    look_for_notes(console, line);
    const char *journal = strstr(line, "systemd[1]: ");
    const char *status = journal ? NULL : status_text(line);
    if (journal)
        parse_systemd(console, journal + strlen("systemd[1]: "), CCB_STREAM_JOURNAL);
    else if (status)
        parse_systemd(console, status, CCB_STREAM_STATUS);
    else
        parse_see(console, line);
}

/* --- questions */

const char *ccb_console_up(const CcbConsole *console)
{
    return console->up;
}

bool ccb_console_settled(const CcbConsole *console)
{
    return console->settled;
}

const char *ccb_console_dead(const CcbConsole *console)
{
    return console->dead;
}

const char *ccb_console_waiting_for(const CcbConsole *console)
{
    return console->waiting_for;
}

const char *ccb_console_loader(const CcbConsole *console)
{
    return console->loader;
}

const CcbBootUnits *ccb_console_units(const CcbConsole *console)
{
    return &console->units;
}

const GPtrArray *ccb_console_notes(const CcbConsole *console)
{
    return console->notes;
}
