/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of a systemd unit file, read by the rules of systemd.syntax(7): sections, repeated keys, lines continued with
 * a backslash, comments.  Values are kept as written; ccb_unit_words() splits them.
 *
 *     g_autoptr(CcbUnit) unit = ccb_unit_parse(data, size, path, error);
 *     for each drop-in, in the order in which systemd reads them:
 *         ccb_unit_merge(unit, dropin);
 *     g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, "Service", "ExecStartPost");
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "guest/facts.h"
#include "text/unitname.h"

typedef struct CcbUnit CcbUnit;

typedef struct {
    char *section;
    char *key;
    char *value; /* continued lines joined with a space, without white space around it */
    char *file;
    guint line; /* where the assignment starts */
} CcbUnitValue;

/* `file` is what messages and values name.  Errors: CCB_ERR_INPUT with the line number, for what
 * systemd refuses: a NUL byte, a section header that is not closed. */
CcbUnit *ccb_unit_parse(const char *data, size_t size, const char *file, GError **error);
void ccb_unit_free(CcbUnit *unit); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbUnit, ccb_unit_free)

/* Appends what `dropin` assigns, so that it overrides and extends as a drop-in does. */
void ccb_unit_merge(CcbUnit *unit, const CcbUnit *dropin);

/* All values of a key that are in effect: an empty assignment takes back those before it, except
 * for dependencies, which systemd can't take back (systemd.unit(5)).  Never NULL; the caller unrefs
 * the array, the CcbUnitValue in it belong to `unit`. */
GPtrArray *ccb_unit_get_all(const CcbUnit *unit, const char *section, const char *key);

/* The last value, or NULL where there is none or an empty one; belongs to `unit`. */
const char *ccb_unit_get(const CcbUnit *unit, const char *section, const char *key);

/* A boolean as systemd reads it (1 yes y true t on / 0 no n false f off); `fallback` for anything
 * else. */
bool ccb_unit_get_bool(const CcbUnit *unit, const char *section, const char *key, bool fallback);

/* The words of a list (char *), quotes taken off, backslashes kept (they are part of unit names);
 * caller unrefs.  Errors: CCB_ERR_INPUT for a quote that is not closed. */
GPtrArray *ccb_unit_words(const char *value, GError **error);

/* How many characters stand before the path of a command, by systemd.service(5): "-" for a failure that is ignored, and so on. */
size_t ccb_unit_command_prefix(const char *command);

/* `word` with the specifiers of the unit called `name`: %i %I %p %N %n %%.  Caller frees. */
char *ccb_unit_expand(const char *word, const char *name);

/* Why systemd refuses to load a unit, drop-ins merged, for its settings; NULL where it does not.  Caller frees. */
char *ccb_unit_refusal(const CcbUnit *unit, const char *name);

/* The links by which `systemctl enable` has the unit start at boot, as its [Install] wants it:
 * CCB_UNIT_DIR "/multi-user.target.wants/NAME", CCB_UNIT_DIR "/ALIAS" (char *); caller unrefs.
 * Errors: CCB_ERR_INPUT for a quote that is not closed. */
GPtrArray *ccb_unit_links(const CcbUnit *unit, const char *name, GError **error);

/* The words (char *) of a key of [Install], such as "Also", for the unit of this name; caller unrefs.  Errors: as above. */
GPtrArray *ccb_unit_install_words(const CcbUnit *unit, const char *name, const char *key,
                                  GError **error);

/* A time span as systemd.time(7) writes it ("900", "15min", "1h 30s", "infinity"), in whole
 * seconds; infinity is G_MAXUINT64.  False for anything else. */
bool ccb_unit_seconds(const char *value, guint64 *ret_seconds);

/* Where ".wants", ".requires" or ".upholds" begins in the name of a directory whose links are
 * dependencies; NULL for another directory.  Points into `directory`. */
const char *ccb_unit_wants_suffix(const char *directory);

/* Whether a list in [Unit], such as "After", has this name; false for NULL. */
bool ccb_unit_lists(const CcbUnit *unit, const char *key, const char *name);
