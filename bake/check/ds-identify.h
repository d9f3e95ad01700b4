/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What ds-identify is told, the program of cloud-init that decides before any other whether it runs, and for which cloud:
 * by /etc/cloud/ds-identify.cfg, and over that by the kernel's command line.
 *
 *     g_auto(CcbDsIdentify) told = {0};
 *     ccb_ds_identify_read_file(&told, text, path);
 *     ccb_ds_identify_read_line(&told, line);
 *     g_autofree char *off = ccb_ds_identify_off(&told);
 */
#pragma once

#include "text/cmdline.h"

#define CCB_DATASOURCE "AliYun"

typedef struct {
    char *mode, *mode_at;     /* "enabled", "disabled", "search", "report"; NULL: "search" */
    char *source, *source_at; /* the one datasource; NULL: those that are found */
    bool by_line; /* the source is from the command line, which cloud-init itself reads, too */
} CcbDsIdentify;

void ccb_ds_identify_clear(CcbDsIdentify *told);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbDsIdentify, ccb_ds_identify_clear)

void ccb_ds_identify_read_file(CcbDsIdentify *told, const char *text, const char *path);
void ccb_ds_identify_read_line(CcbDsIdentify *told, const CcbCmdline *line);

/* Why cloud-init does not run, or not for this cloud: "PATH:3: policy: disabled"; NULL: nothing is in its way.  Caller
 * frees. */
char *ccb_ds_identify_off(const CcbDsIdentify *told);
char *ccb_ds_identify_other(const CcbDsIdentify *told);
