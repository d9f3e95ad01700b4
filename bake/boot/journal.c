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

/* --- what the manager says of a unit, by message id */

static void note(Entry *entry, CcbUnitState state)
{
    CcbBootUnit *unit = entry->unit;
    bool begins = state == CCB_UNIT_STARTING;
    unsigned *at = begins ? &unit->began : &unit->done;
    gint64 *us = begins ? &unit->began_us : &unit->done_us;
    if (*at == 0) {
        *at = entry->journal->entries;
        *us = entry->us;
    }
    unit->state = MAX(unit->state, state);
}

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
    ccb_unit_fail(entry->unit, result);
}

static void on_unit_result(Entry *entry)
{
    const char *result = field(entry, "UNIT_RESULT");
    if (g_str_equal(result, "exec-condition")) { /* ExecCondition= said no */
        note(entry, CCB_UNIT_SKIPPED);
        return;
    }
    note(entry, CCB_UNIT_FAILED);
    /* "exit-code", "core-dump" ...: one word, as it is printed. */
    bool word = *result != '\0' && result[strspn(result, G_CSET_a_2_z "-")] == '\0';
    ccb_unit_fail(entry->unit, word ? result : NULL);
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

static void take_message_of_manager(Entry *entry)
{
    guint64 status;
    const char *id = field(entry, "MESSAGE_ID");
    if (g_str_equal(id, ID_STARTUP_FINISHED)) /* the systemd of the initramfs says it, too */
        entry->journal->settled = entry->journal->up != NULL;
    if (entry->unit == NULL)
        return;
    /* The first counts: what is run after a failure says nothing of the cause. */
    if (entry->unit->exit_status == 0 && is(entry, "EXIT_CODE", "exited") &&
        g_ascii_string_to_unsigned(field(entry, "EXIT_STATUS"), 10, 0, 255, &status, NULL))
        entry->unit->exit_status = (int)status;
    for (size_t i = 0; i < G_N_ELEMENTS(messages); i++)
        if (g_str_equal(id, messages[i].id))
            messages[i].take(entry);
}

/* --- entries */

/* Until a unit has failed nobody knows whose lines will be wanted. */
static void keep_line(CcbBootUnit *unit, const char *message)
{
    g_autofree char *plain = ccb_console_plain(message);
    if (*plain == '\0')
        return;
    g_queue_push_tail(&unit->lines, g_utf8_make_valid(plain, MIN(strlen(plain), LINE_KEPT)));
    if (unit->lines.length > LINES_KEPT)
        g_free(g_queue_pop_head(&unit->lines));
}

void ccb_journal_line(CcbJournal *journal, const char *line)
{
    guint64 us;
    if (line[strspn(line, " \t\r")] == '\0')
        return;
    json_auto_t *json = journal->entries < MOST_ENTRIES ? json_loads(line, 0, NULL) : NULL;
    const char *stamp = json_string_value(json_object_get(json, "__MONOTONIC_TIMESTAMP"));
    if (stamp == NULL || !g_ascii_string_to_unsigned(stamp, 10, 0, G_MAXINT64, &us, NULL)) {
        /* Firmware shows its console on every serial port, so what comes before the first entry is no fault. */
        journal->rejected += journal->entries > 0;
        return;
    }
    journal->entries++;
    Entry entry = {.journal = journal, .json = json, .us = (gint64)us};
    bool manager = is(&entry, "_PID", "1"); /* set by journald, not by the sender */
    entry.unit = manager ? ccb_units_get(&journal->units, field(&entry, "UNIT")) : NULL;
    CcbBootUnit *speaker = ccb_units_get(&journal->units, field(&entry, "_SYSTEMD_UNIT"));
    if (is(&entry, "MESSAGE_ID", ID_DROPPED))
        journal->gaps = true;
    if (entry.unit || speaker)
        keep_line(entry.unit ? entry.unit : speaker, field(&entry, "MESSAGE"));
    if (manager)
        take_message_of_manager(&entry);
}
