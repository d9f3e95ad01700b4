/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether an image and the requests that import and start it fit together. */
#pragma once

#include "check/run.h"
#include "guide/ecs.h"

typedef struct CcbCheckRequest {
    const CcbEcsType *type;
    const char *region; /* NULL: the type's */
    const char *zone;   /* NULL: the type's first */
    const char *name;   /* ImageName; NULL: not decided */
    const char *image;  /* the file */
    const char *format; /* of the file, as QEMU calls it */
} CcbCheckRequest;

/* As ccb_check_image(), with the checks that the import and the first boot hang on, and those of the
 * request. */
bool ccb_check_request(CcbGuest *guest, const CcbExpectation *expect,
                       const CcbCheckRequest *request, CcbResults **ret_results, GError **error);
