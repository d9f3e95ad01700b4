/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests to the cloud, as parameters: nothing is sent from here.
 *
 *     g_autoptr(CcbRequest) request = ccb_request_import(&wanted, error);
 *     json_t *json = ccb_request_to_json(request);
 *     g_autofree char *line = ccb_request_to_command(request);      for the vendor's own CLI
 *
 * Source of names and limits: Alibaba Cloud's ECS API reference of 2014-05-26, ImportImage and
 * RunInstances; of what these instance types can't take, its guide to gn8v-tee.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct CcbRequest CcbRequest;

/* What every request may have. */
typedef struct {
    const char *resource_group;  /* NULL: the account's default one */
    const char *const *tags;     /* "KEY=VALUE"; NULL-terminated, or NULL */
    const char *const *settings; /* "NAME=VALUE", of official parameters; likewise */
    const char *again;           /* NULL: the same request as before is carried out once */
    bool dry_run;
} CcbRequestOptions;

/* Strings are borrowed, and may be NULL where that is said. */
typedef struct {
    const char *region;
    const char *object;    /* oss://BUCKET/KEY */
    const char *name;      /* NULL: made of `file` and the digest */
    const char *file;      /* of the image: the name counts */
    const char *format;    /* as QEMU calls it */
    const char *sha256;    /* of the file */
    uint64_t virtual_size; /* bytes */
    unsigned disk_gib;     /* 0: as the virtual size */
    const char *key;       /* of the bake; NULL: unknown, as the next two */
    const char *recipe;
    const char *driver;
    unsigned gpus; /* that the image is for; 0: unknown */
    bool imds_v2;  /* its cloud-init asks the metadata service in its second version */
    CcbRequestOptions options;
} CcbImportWish;

typedef struct {
    const char *image_id;
    const char *type;
    unsigned gpus;             /* that the image is for; 0: not known.  Those of a type that ccbake
                                * does not know */
    const char *region, *zone; /* NULL: those of the type */
    const char *vswitch;
    const char *security_group;
    const char *key_pair;
    const char *name;        /* NULL: none */
    unsigned disk_gib;       /* 0: as the image */
    unsigned image_gib;      /* of the image; 0: unknown */
    unsigned bandwidth;      /* Mbit/s of a public address; 0: none */
    unsigned data_disk_gib;  /* 0: none */
    const char *interface;   /* vSwitch of a secondary network interface; NULL: none */
    const char *http_tokens; /* of the metadata service: "optional" or "required"; NULL: not said */
    const char *key;         /* of the bake that the image is of; NULL: unknown */
    CcbRequestOptions options;
} CcbRunWish;

/* Errors: CCB_ERR_USAGE for what the cloud would refuse, CCB_ERR_INPUT for the image. */
CcbRequest *ccb_request_import(const CcbImportWish *wish, GError **error);

/* Errors: CCB_ERR_USAGE; also for what the cloud would take and an instance of this type would not
 * start with. */
CcbRequest *ccb_request_run(const CcbRunWish *wish, GError **error);

void ccb_request_free(CcbRequest *request); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbRequest, ccb_request_free)

/* All parameters as texts, Action and Version among them, in their order; new reference. */
json_t *ccb_request_to_json(const CcbRequest *request);

/* What stands behind `aliyun ecs ACTION --region REGION`: options of the CLI and the parameters; text
 * words, caller unrefs. */
GPtrArray *ccb_request_to_words(const CcbRequest *request);

/* `aliyun ecs ...`, quoted for the shell, a parameter a line; caller frees. */
char *ccb_request_to_command(const CcbRequest *request);
