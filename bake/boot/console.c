/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/console.h"

#include <stdio.h>
#include <string.h>

CcbConsole *ccb_console_new(const char *target)
{
    CcbConsole *console = g_new0(CcbConsole, 1);
    console->target = g_strdup(target);
    ccb_units_init(&console->units);
    return console;
}

void ccb_console_free(CcbConsole *console)
{
    if (console == NULL)
        return;
    ccb_units_clear(&console->units);
    g_free(console->target);
    g_free(console->up);
    g_free(console->dead);
    g_free(console->waiting_for);
    g_free(console->loader);
    g_free(console);
}

/* The end of an escape sequence: CSI (ESC [ ... letter), OSC (ESC ] ... BEL or ESC \), ESC ( B, ESC c. */
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
    /* Without DEL and the control characters of C1, too, of which a terminal may take U+009B for ESC [. */
    g_autofree char *valid = g_utf8_make_valid(plain->str, -1);
    GString *kept = g_string_new(NULL);
    for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        if (c == '\t' || g_unichar_isprint(c))
            g_string_append_unichar(kept, c);
    }
    return g_string_free(kept, FALSE);
}

/* --- firmware, boot loader, kernel, emergency shells */

static const struct {
    const char *text, *sentence;
} endings[] = {
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
    for (size_t i = 0; console->dead == NULL && i < G_N_ELEMENTS(endings); i++) {
        if (strstr(line, endings[i].text) == NULL)
            continue;
        g_autofree char *quoted = quote(line);
        console->dead = g_strdup_printf("%s: \"%s\"", endings[i].sentence, quoted);
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

/* --- systemd */

/* What systemd says in a line: its journal, or a status line, before which a message of the kernel may stand.  NULL:
 * the line is somebody else's. */
static const char *said_by_systemd(const char *line)
{
    static const char *const marks[] = {"systemd[1]: ", "[  OK  ] "};
    for (size_t i = 0; i < G_N_ELEMENTS(marks); i++) {
        const char *mark = strstr(line, marks[i]);
        if (mark)
            return mark + strlen(marks[i]);
    }
    const char *job = strstr(line, "] A start job is running for ");
    if (job)
        return job + strlen("] ");
    return g_str_has_prefix(line, "         ") ? line + strlen("         ") : NULL;
}

/* What systemd speaks of behind `verb`: "x.service - Some Text...", "x.service (5s / 1min)" or "Some Text." give the
 * name of the unit, or else the text without the dots at its end.  NULL where `text` does not begin with the verb. */
static char *object_of(const char *text, const char *verb)
{
    if (!g_str_has_prefix(text, verb))
        return NULL;
    g_autofree char *object = g_strchomp(g_strdup(text + strlen(verb)));
    size_t length = strlen(object);
    if (g_str_has_suffix(object, "\u2026"))
        length -= strlen("\u2026");
    while (length > 0 && object[length - 1] == '.')
        length--;
    object[length] = '\0';
    g_autofree char *word = g_strndup(object, strcspn(object, " "));
    return ccb_unit_is_name(word) ? g_steal_pointer(&word) : g_steal_pointer(&object);
}

static void look_for_progress(CcbConsole *console, const char *line)
{
    static const char *const beginnings[] = {"Starting ", "Mounting ",
                                             "A start job is running for "};
    const char *text = said_by_systemd(line);
    if (text == NULL) {
        console->login |= g_str_has_suffix(line, " login: ");
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(beginnings); i++) {
        char *object = object_of(text, beginnings[i]);
        if (object == NULL)
            continue;
        g_free(console->waiting_for);
        console->waiting_for = object;
    }
    g_autofree char *target = object_of(text, "Reached target ");
    if (target && console->up == NULL &&
        (ccb_boot_is_up_target(target, console->target) ||
         g_str_equal(target, "Multi-User System") || g_str_equal(target, "Graphical Interface")))
        console->up = g_steal_pointer(&target);
    if (g_str_has_prefix(text, "Startup finished in "))
        console->settled = console->up != NULL; /* the systemd of the initramfs says it, too */
}

/*
 * These messages name a unit that failed, whatever the version:
 *
 *     See 'systemctl status x.service' for details.
 *     systemd[1]: x.service: Failed with result 'exit-code'.
 *     systemd[1]: x.service: Job x.service/start failed with result 'dependency'.
 *     systemd[1]: x.service: Main process exited, code=exited, status=203/EXEC
 */
static void look_for_failure(CcbConsole *console, const char *line)
{
    char name[257] = "",
         reason[64] = ""; /* a name has at most 255 characters, and a colon behind it here */
    int status = 0;
    const char *see = strstr(line, "See 'systemctl status ");
    const char *said = strstr(line, "systemd[1]: ");
    bool failed =
        (see && sscanf(see, "See 'systemctl status %256[^' ]", name) == 1) ||
        (said &&
         (sscanf(said, "systemd[1]: %256s Failed with result '%63[a-z-]", name, reason) == 2 ||
          sscanf(said, "systemd[1]: %256s Job %*s failed with result '%63[a-z-]", name, reason) ==
              2));
    bool exited = !failed && said &&
                  sscanf(said, "systemd[1]: %256s %*s process exited, code=exited%*[, ]status=%3d",
                         name, &status) == 2;
    if ((!failed && !exited) || g_str_equal(reason, "exec-condition")) /* skipped */
        return;
    if (g_str_has_suffix(name, ":"))
        name[strlen(name) - 1] = '\0';
    CcbBootUnit *unit = ccb_units_get(&console->units, name);
    if (unit && failed)
        ccb_unit_fail(unit, *reason ? reason : NULL);
    else if (unit && unit->exit_status == 0)
        unit->exit_status = status;
}

void ccb_console_line(CcbConsole *console, const char *raw)
{
    g_autofree char *line = ccb_console_plain(raw);
    look_for_end(console, line);
    look_for_loader(console, line);
    look_for_progress(console, line);
    look_for_failure(console, line);
    console->no_swiotlb |= strstr(line, "Cannot allocate buffer") != NULL;
}
