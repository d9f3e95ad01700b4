/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the errors of S3 and OSS mean, and what to do about them ("Error responses" in the reference of S3,
 * "Error codes" in that of OSS).  Pure.
 */
#pragma once

#include <glib.h>

#include "cloud/xml.h"

typedef enum {
    CCB_REFUSED, /* another try will not help */
    CCB_PASSING, /* another try may help */
    CCB_EXPIRED, /* another try will help, with new credentials */
} CcbRefusalKind;

typedef struct {
    long status;       /* of HTTP */
    const char *code;  /* of the server; "" if it gave none */
    CcbXml *xml;       /* its answer; NULL if there is none */
    gint64 ahead_s;    /* how far this host's clock is ahead of the server's; 0: unknown */
    const char *where; /* the credentials come from */
} CcbRefusal;

CcbRefusalKind ccb_refusal_kind(const CcbRefusal *refusal);

/* An error, CCB_ERR_FETCH, with a hint.  It quotes the printable part of what the server said, and nothing that
 * was sent. */
GError *ccb_refusal_explain(const CcbRefusal *refusal);
