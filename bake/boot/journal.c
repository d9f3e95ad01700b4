/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/journal.h"

#include <jansson.h>
#include <string.h>

#include "boot/console.h"

enum {
    MOST_ENTRIES = 200000,
    LINES_KEPT = 6,
    LINE_KEPT = 240, /* bytes of one of them */
};

/* sd-messages.h of systemd 239 and later. */
#define ID_UNIT_STARTING    "7d4958e842da4a758f6c1cdc7b36dcc5"
#define ID_UNIT_STARTED     "39f53479d3a045ac8e11786248231fbf"
#define ID_UNIT_FAILED      "be02cf6855d2428ba40df7e9d022f03d"
#define ID_UNIT_RESULT      "d9b373ed55a64feb8242e02dbe79a49c"
#define ID_STARTUP_FINISHED "b07a249cd024414a82dd00cd181378ff"
#define ID_DROPPED          "a596d6fe7bfa4994828e72309e95d61e"

/* One entry; strings belong to the JSON value. */
typedef struct {
    CcbJournal *journal;
    json_t *json;
    CcbBootUnit *unit; /* of UNIT=, or NULL */
    gint64 us;
} Entry;

CcbJournal *ccb_journal_new(const char *target)
{
    CcbJournal *journal = g_new0(CcbJournal, 1);
    ccb_units_init(&journal->units);
    journal->target = g_strdup(target);
    return journal;
}

void ccb_journal_free(CcbJournal *journal)
{
    if (journal == NULL)
        return;
    ccb_units_clear(&journal->units);
    g_free(journal->target);
    g_free(journal->up);
    g_free(journal->waiting_for);
    g_free(journal);
}

bool ccb_boot_is_up_target(const char *unit, const char *target)
{
    return g_str_equal(unit, "multi-user.target") || g_str_equal(unit, "graphical.target") ||
           g_strcmp0(unit, target) == 0;
}

/* A field; "" where there is none, and for what is no text (an array of bytes) or was too long (null). */
static const char *field(const Entry *entry, const char *name)
{
    const char *text = json_string_value(json_object_get(entry->json, name));
    return text ? text : "";
}

static bool is(const Entry *entry, const char *name, const char *value)
{
    return g_str_equal(field(entry, name), value);
}

static CcbBootUnit *get_unit(CcbJournal *journal, const char *name)
{
    return ccb_unit_is_name(name) ? ccb_units_get(&journal->units, name) : NULL;
}

static void note(Entry *entry, CcbUnitState state)
{
    CcbBootUnit *unit = entry->unit;
    gint64 *us = state == CCB_UNIT_STARTING ? &unit->began_us : &unit->done_us;
    if (*us == 0)
        *us = entry->us;
    ccb_unit_note(unit, state, CCB_STREAM_JOURNAL, entry->journal->entries);
}

/* --- message ids */

static void on_starting(Entry *entry)
{
    note(entry, CCB_UNIT_STARTING);
    g_free(entry->journal->waiting_for);
    entry->journal->waiting_for = g_strdup(entry->unit->name);
}

/* A unit whose condition was not met is "started" by its message id, too: only the sentence tells (job.c). */
static void on_started(Entry *entry)
{
    CcbJournal *journal = entry->journal;
    const char *text = field(entry, "MESSAGE");
    bool skipped = is(entry, "JOB_RESULT", "skipped") || strstr(text, " being skipped") ||
                   strstr(text, " was skipped because ");
    note(entry, skipped ? CCB_UNIT_SKIPPED : CCB_UNIT_STARTED);
    if (journal->up == NULL && !skipped &&
        ccb_boot_is_up_target(entry->unit->name, journal->target))
        journal->up = g_strdup(entry->unit->name);
}

/* The end of a job.  Cancelled and collected ones say nothing about the unit. */
static void on_failed_job(Entry *entry)
{
    static const char *const failures[] = {"failed", "timeout", "dependency",
                                           "assert", "once",    NULL};
    const char *result = field(entry, "JOB_RESULT");
    if (g_str_equal(result, "skipped"))
        note(entry, CCB_UNIT_SKIPPED);
    if (!g_strv_contains(failures, result))
        return;
    note(entry, CCB_UNIT_FAILED);
    ccb_unit_set_reason(entry->unit, result);
}

/* "exit-code", "core-dump" ...: one word, as it is printed. */
static const char *unit_result(const Entry *entry)
{
    const char *result = field(entry, "UNIT_RESULT");
    size_t length = strspn(result, G_CSET_a_2_z "-");
    return length > 0 && result[length] == '\0' ? result : NULL;
}

static void on_unit_result(Entry *entry)
{
    const char *result = unit_result(entry);
    if (g_strcmp0(result, "exec-condition") == 0) { /* ExecCondition= said no */
        note(entry, CCB_UNIT_SKIPPED);
        return;
    }
    note(entry, CCB_UNIT_FAILED);
    ccb_unit_set_reason(entry->unit, result);
}

static const struct {
    const char *id;
    void (*take)(Entry *entry);
} messages[] = {
    {ID_UNIT_STARTING, on_starting},
    {ID_UNIT_STARTED, on_started},
    {ID_UNIT_FAILED, on_failed_job},
    {ID_UNIT_RESULT, on_unit_result},
};

/* --- entries */

static void take_exit(Entry *entry)
{
    guint64 status;
    if (is(entry, "EXIT_CODE", "exited") &&
        g_ascii_string_to_unsigned(field(entry, "EXIT_STATUS"), 10, 0, 255, &status, NULL))
        ccb_unit_set_exit(entry->unit, (int)status);
}

/* What the manager itself says; _PID is set by journald, not by the sender. */
static void take_of_manager(Entry *entry)
{
    const char *id = field(entry, "MESSAGE_ID");
    if (g_str_equal(id, ID_STARTUP_FINISHED))
        entry->journal->settled =
            entry->journal->up != NULL; /* the initramfs' systemd says it, too */
    if (entry->unit == NULL)
        return;
    take_exit(entry);
    for (size_t i = 0; i < G_N_ELEMENTS(messages); i++)
        if (g_str_equal(id, messages[i].id))
            messages[i].take(entry);
}

/* Until a unit has failed nobody knows whose lines will be wanted. */
static void keep_line(Entry *entry, CcbBootUnit *unit)
{
    g_autofree char *plain = ccb_console_plain(field(entry, "MESSAGE"));
    if (*plain == '\0')
        return;
    g_queue_push_tail(&unit->lines, g_utf8_make_valid(plain, MIN(strlen(plain), LINE_KEPT)));
    if (unit->lines.length > LINES_KEPT)
        g_free(g_queue_pop_head(&unit->lines));
}

static void take_entry(Entry *entry)
{
    bool manager = is(entry, "_PID", "1");
    CcbBootUnit *speaker = get_unit(entry->journal, field(entry, "_SYSTEMD_UNIT"));
    entry->unit = manager ? get_unit(entry->journal, field(entry, "UNIT")) : NULL;
    if (is(entry, "MESSAGE_ID", ID_DROPPED))
        entry->journal->gaps = true;
    if (entry->unit || speaker)
        keep_line(entry, entry->unit ? entry->unit : speaker);
    if (manager)
        take_of_manager(entry);
}

static json_t *parse(CcbJournal *journal, const char *line, gint64 *ret_us)
{
    guint64 us;
    json_t *json = journal->entries < MOST_ENTRIES ? json_loads(line, 0, NULL) : NULL;
    const char *stamp = json_string_value(json_object_get(json, "__MONOTONIC_TIMESTAMP"));
    if (stamp && g_ascii_string_to_unsigned(stamp, 10, 0, G_MAXINT64, &us, NULL)) {
        *ret_us = (gint64)us;
        return json;
    }
    json_decref(json);
    return NULL;
}

void ccb_journal_line(CcbJournal *journal, const char *line)
{
    Entry entry = {.journal = journal};
    if (line[strspn(line, " \t\r")] == '\0')
        return;
    entry.json = parse(journal, line, &entry.us);
    if (entry.json == NULL) {
        /* Firmware shows its console on every serial port, so what comes before the first entry is no fault. */
        journal->rejected += journal->entries > 0;
        return;
    }
    journal->entries++;
    take_entry(&entry);
    json_decref(entry.json);
}
