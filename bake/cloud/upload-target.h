/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where an upload goes: "oss://bucket/key", and the endpoint that serves the bucket.
 *
 * The bucket is named in one of these ways ("Virtual hosting of buckets" in the user guide of S3; OSS
 * knows the first and the third):
 *
 *     virtual    https://BUCKET.HOST/KEY    by default, unless the endpoint is an IP address or begins
 *                                           with the bucket, and then stays as it is
 *     path       https://HOST/BUCKET/KEY
 *     cname      https://HOST/KEY           the host is a domain that is bound to the bucket
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *bucket, *key;
    char *region;
    char *origin;  /* "https://bucket.s3.oss-cn-beijing.aliyuncs.com" */
    char *host;    /* as the Host header has it */
    char *root;    /* "/", or "/bucket/": what stands before the key */
    char *server;  /* the same for all endpoints of a server, as far as that is known */
    char *shown;   /* "oss://bucket/key", for messages */
    bool is_oss;   /* by the name of the endpoint */
    bool in_clear; /* what is sent can be read on the way: http, to another host than this */
} CcbTarget;

typedef enum {
    CCB_ADDRESSING_DEFAULT,
    CCB_ADDRESSING_VIRTUAL,
    CCB_ADDRESSING_PATH,
    CCB_ADDRESSING_CNAME,
} CcbAddressing;

typedef struct {
    const char *region;   /* NULL: as the endpoint says, or `fallback` */
    const char *fallback; /* the region of the environment or of a profile; may be NULL */
    const char *endpoint; /* NULL: OSS, in the region */
    CcbAddressing addressing;
    bool internal; /* OSS's endpoint inside of the region's network */
} CcbTargetPlace;

/* `name`: the key's name where `url` ends with the bucket or a slash; NULL: it stays a prefix, and
 * may be empty.  Errors: CCB_ERR_USAGE. */
CcbTarget *ccb_target_parse(const char *url, const char *name, const CcbTargetPlace *place,
                            GError **error);
void ccb_target_free(CcbTarget *target); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbTarget, ccb_target_free)

/* Whether the endpoint is one of Alibaba Cloud's. */
bool ccb_target_is_oss(const char *endpoint);
