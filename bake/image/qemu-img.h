/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disk image files, through qemu-img. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    char *format;          /* "qcow2", "raw", "vpc" */
    uint64_t virtual_size; /* bytes */
} CcbImageInfo;

void ccb_image_info_clear(CcbImageInfo *info);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbImageInfo, ccb_image_info_clear)

/* Looks at an image that comes from outside.  Errors: CCB_ERR_INPUT (missing, empty, no image, a
 * backing file or a data file, which an image from outside must not have: it could name any file of
 * this host). */
bool ccb_image_probe(const char *path, CcbImageInfo *ret_info, GError **error);

/* The size of the disk in an image of our own, as QEMU sees it. */
bool ccb_image_size(const char *path, const char *format, uint64_t *ret_size, GError **error);

/* The format of an image, as above; caller frees. */
char *ccb_image_format(const char *path, GError **error);

/* Creates a qcow2 file `path` over `backing` (whose format is `backing_format`). */
bool ccb_image_create_overlay(const char *path, const char *backing, const char *backing_format,
                              GError **error);

/* Refuses a VHD of which QEMU, which is about to open it, would cut the end off.  Errors: CCB_ERR_INPUT. */
bool ccb_image_check_whole(const char *path, const char *format, GError **error);

/* Makes the disk in a qcow2 image of our own larger.  `size` in bytes. */
bool ccb_image_resize(const char *path, uint64_t size, GError **error);

/* `qemu-img check`: the structure of a qcow2 file is whole.  Errors: CCB_ERR_INPUT. */
bool ccb_image_check(const char *path, const char *format, GError **error);
