/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/eta.h"

#include <math.h>
#include <string.h>

#include "base/file.h"

#define GROUP "seconds"

/* What a part that was never seen counts where no other was seen either. */
#define UNKNOWN_S 1.0

typedef struct {
    char *name;
    double expected; /* seconds; negative: never seen */
    double shorter;  /* the same, where its result was in the cache */
    bool reused;     /* this time it is */
    double took;     /* seconds; negative: not ended, or nothing to learn from */
} Part;

static struct {
    GArray *parts; /* NULL: no task */
    guint current; /* parts before this one have ended */
    bool running, skipped;
    gint64 since; /* when the current part began */
} eta;

static char *file_path(void)
{
    return g_build_filename(ccb_cache_dir(), "eta", NULL);
}

static GKeyFile *load(void)
{
    g_autofree char *path = file_path();
    GKeyFile *file = g_key_file_new();
    g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL);
    return file;
}

/* Under which the time of a part is kept; caller frees. */
static char *key_of(const char *name, bool reused)
{
    return g_strconcat(name, reused ? " cached" : "", NULL);
}

static double learnt(GKeyFile *file, const char *key)
{
    double seconds = g_key_file_get_double(file, GROUP, key, NULL);
    return seconds > 0 && isfinite(seconds) ? seconds : -1;
}

static void clear_part(void *data)
{
    g_free(((Part *)data)->name);
}

void ccb_eta_start(const char *const *names, guint n)
{
    g_autoptr(GKeyFile) file = load();
    g_clear_pointer(&eta.parts, g_array_unref);
    eta.parts = g_array_new(FALSE, FALSE, sizeof(Part));
    g_array_set_clear_func(eta.parts, clear_part);
    for (guint i = 0; i < n; i++) {
        g_autofree char *cached = key_of(names[i], true);
        Part part = {g_strdup(names[i]), learnt(file, names[i]), learnt(file, cached), false, -1};
        g_array_append_val(eta.parts, part);
    }
    eta.current = 0;
    eta.running = false;
}

static Part *part_at(guint index)
{
    return &g_array_index(eta.parts, Part, index);
}

static double elapsed(void)
{
    return eta.running ? (double)(g_get_monotonic_time() - eta.since) / G_USEC_PER_SEC : 0;
}

static void end_current(void)
{
    if (eta.running && !eta.skipped)
        part_at(eta.current)->took = elapsed();
    eta.running = false;
}

void ccb_eta_begin(const char *name)
{
    for (guint i = eta.current; eta.parts != NULL && i < eta.parts->len; i++) {
        if (strcmp(part_at(i)->name, name) != 0)
            continue;
        if (eta.running && i == eta.current)
            return;
        end_current();
        eta.current = i;
        eta.running = true;
        eta.skipped = false;
        eta.since = g_get_monotonic_time();
        return;
    }
}

void ccb_eta_skip(void)
{
    eta.skipped = true;
}

void ccb_eta_reuse(void)
{
    if (eta.running)
        part_at(eta.current)->reused = true;
}

void ccb_eta_finish(void)
{
    if (eta.parts == NULL)
        return;
    end_current();
    eta.current = eta.parts->len;
    /* The file is read again before it is written: another bake may have learnt meanwhile. */
    g_autofree char *path = file_path();
    g_autoptr(GKeyFile) file = load();
    for (guint i = 0; i < eta.parts->len; i++) {
        const Part *part = part_at(i);
        g_autofree char *key = key_of(part->name, part->reused);
        double before = learnt(file, key);
        if (part->took >= 0)
            g_key_file_set_double(file, GROUP, key,
                                  before >= 0 ? (before + part->took) / 2 : part->took);
    }
    gsize size;
    g_autofree char *text = g_key_file_to_data(file, &size, NULL);
    if (ccb_mkdirs(ccb_cache_dir(), NULL))
        ccb_write_file_atomic(path, text, size, NULL);
}

double ccb_eta_saving_s(void)
{
    double saving = 0;
    for (guint i = eta.current; eta.parts != NULL && i < eta.parts->len; i++) {
        const Part *part = part_at(i);
        if (part->expected >= 0 && part->shorter >= 0)
            saving += MAX(part->expected - part->shorter, 0);
    }
    return saving;
}

bool ccb_eta_now(double *ret_fraction, double *ret_left_s)
{
    if (eta.parts == NULL)
        return false;
    /* A part that was never seen moves the bar as the others do: it counts their mean. */
    double sum = 0, total = 0, done = 0;
    guint seen = 0;
    for (guint i = 0; i < eta.parts->len; i++) {
        sum += MAX(part_at(i)->expected, 0);
        seen += part_at(i)->expected >= 0;
    }
    double unknown = seen > 0 ? sum / seen : UNKNOWN_S;
    bool known = true;
    for (guint i = 0; i < eta.parts->len; i++) {
        const Part *part = part_at(i);
        double learnt_s = part->reused ? part->shorter : part->expected;
        double expected = learnt_s >= 0 ? learnt_s : unknown;
        total += expected;
        if (i < eta.current)
            done += expected;
        else if (i == eta.current)
            done += MIN(elapsed(), expected); /* one that takes longer stands still */
        known = known && (i < eta.current || learnt_s >= 0);
    }
    *ret_fraction = total > 0 ? done / total : 1;
    *ret_left_s = known ? total - done : -1;
    return true;
}
