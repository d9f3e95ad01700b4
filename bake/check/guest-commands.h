/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a unit runs, as far as texts say: its commands, and the scripts of the image that these name.  What such a script
 * runs in turn is not looked into. */
#pragma once

#include "check/context.h"
#include "systemd/unit.h"

typedef struct {
    char *where; /* for messages: "a.service:3: ExecStart=/opt/x", "/opt/x:7: nvidia-smi -L" */
    char *text;  /* the command, or a line of the script; no comments but its first line */
} CcbCommandLine;

/* An empty list of CcbCommandLine; caller unrefs. */
GPtrArray *ccb_command_lines_new(void);

/* Of a unit: of the commands at its start, or of all.  CcbCommandLine; never NULL, caller unrefs. */
GPtrArray *ccb_check_unit_commands(CcbCheckContext *ctx, const CcbUnit *unit, bool at_start,
                                   GError **error);

/* Adds the lines of a file that is a script ("#!"); `always`: of any text, as crontabs are. */
void ccb_check_add_script(CcbCheckContext *ctx, const char *path, bool always, GPtrArray *lines,
                          GError **error);

/* A CcbCommandLine's words, split at what a shell splits at, too; caller frees. */
char **ccb_command_words(const char *text);
