/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the errors of S3 and OSS mean, and what to do about them ("Error responses" in the reference
 * of S3, "Error codes" in that of OSS).  Pure.
 */
#pragma once

#include <glib.h>

#include "cloud/xml.h"

typedef enum {
    CCB_REFUSED, /* it will not do better another time */
    CCB_PASSING, /* it may */
    CCB_EXPIRED, /* it will, with new credentials */
} CcbRefusalKind;

typedef struct {
    long status;       /* of HTTP */
    const char *code;  /* of the server; "" where it gave none */
    CcbXml *xml;       /* its answer; NULL where there is none */
    gint64 ahead_s;    /* how far this host's clock is ahead of the server's; 0: not known */
    const char *where; /* the credentials come from */
} CcbRefusal;

CcbRefusalKind ccb_refusal_kind(const CcbRefusal *refusal);

/* An error with a hint: CCB_ERR_FETCH.  What the server said is in it as far as it prints; nothing
 * that was sent is. */
GError *ccb_refusal_explain(const CcbRefusal *refusal);
