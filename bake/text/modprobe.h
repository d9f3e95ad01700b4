/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of modprobe.d(5), read as libkmod does: a command a line, lines continued with a backslash, '-' and '_' the same
 * in module names.
 *
 *     g_autoptr(CcbModprobe) config = ccb_modprobe_new();
 *     for each file, in modprobe's order (ccb_modprobe_order()):
 *         ccb_modprobe_add(config, data, size, "/etc/modprobe.d/a.conf", error);
 *     if (ccb_modprobe_is_blacklisted(config, "nouveau"))
 *         ...
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct CcbModprobe CcbModprobe;

typedef enum {
    CCB_MODPROBE_ALIAS,     /* module: the alias, a glob pattern; arguments: the module */
    CCB_MODPROBE_BLACKLIST, /* no arguments */
    CCB_MODPROBE_INSTALL,   /* arguments: the shell command */
    CCB_MODPROBE_OPTIONS,   /* arguments: k=v ..., quotes as written */
    CCB_MODPROBE_REMOVE,    /* arguments: the shell command */
    CCB_MODPROBE_SOFTDEP,   /* arguments: "pre: a b post: c" */
} CcbModprobeKind;

typedef struct {
    CcbModprobeKind kind;
    char *module; /* with '_' for '-' */
    char *arguments;
    char *file;
    guint line;
} CcbModprobeRule;

/* Where the files are, in the order of precedence, as paths below the root: "etc/modprobe.d/"; ends with NULL. */
extern const char *const ccb_modprobe_dirs[];

/* The files of a set of paths that modprobe reads, in its order: by file name; of equal names the one
 * in the directory listed first hides the others.  `root` stands before the directories: "/" or "".
 * The array holds keys of `paths`; caller unrefs. */
GPtrArray *ccb_modprobe_order(const char *root, GHashTable *paths);

CcbModprobe *ccb_modprobe_new(void);
void ccb_modprobe_free(CcbModprobe *config); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbModprobe, ccb_modprobe_free)

/* Adds the commands of one file.  Errors: CCB_ERR_INPUT naming file and line, for a NUL byte or a
 * command without its arguments.  Unknown commands are ignored, as libkmod does. */
bool ccb_modprobe_add(CcbModprobe *config, const char *data, size_t size, const char *file,
                      GError **error);

/* The rules of one kind for a module (for aliases: whose pattern matches it), in their order; never
 * NULL. The caller unrefs the array; the CcbModprobeRule in it belong to `config`. */
GPtrArray *ccb_modprobe_find(const CcbModprobe *config, CcbModprobeKind kind, const char *module);

bool ccb_modprobe_is_blacklisted(const CcbModprobe *config, const char *module);

/* The last value of one option without quotes, "" for one without a value, or NULL; caller frees. */
char *ccb_modprobe_option(const CcbModprobe *config, const char *module, const char *name);

/* The command that replaces loading the module (the first one counts), or NULL; belongs to
 * `config`. */
const char *ccb_modprobe_install(const CcbModprobe *config, const char *module);

/* The modules that are to be loaded before (or with `post`, after) a module; from its first softdep
 * only, as in libkmod.  Never NULL, caller unrefs. */
GPtrArray *ccb_modprobe_softdeps(const CcbModprobe *config, const char *module, bool post);
