/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parameters of requests to the cloud.  Nothing is sent from here.
 *
 *     g_autoptr(CcbRequest) request = ccb_request_import(&wish, error);
 *     json_t *json = ccb_request_to_json(request);
 *     g_autofree char *line = ccb_request_to_command(request);      for the vendor's own CLI
 *
 * Names and limits are those of ImportImage and RunInstances in Alibaba Cloud's ECS API reference of 2014-05-26; what
 * the confidential instance types can't take is in its guide to gn8v-tee.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct CcbRequest CcbRequest;

/* Options of all requests. */
typedef struct {
    const char *resource_group;  /* NULL: the account's default one */
    const char *const *tags;     /* "KEY=VALUE"; NULL-terminated, or NULL */
    const char *const *settings; /* "NAME=VALUE", by official names; NULL-terminated, or NULL */
    const char *again;           /* NULL: a request that was sent before is not carried out again */
    bool dry_run;
} CcbRequestOptions;

/* Strings are borrowed, and may be NULL if the comment says so. */
typedef struct {
    const char *region;
    const char *object;    /* oss://BUCKET/KEY */
    const char *name;      /* NULL: made of `file` and the digest */
    const char *file;      /* the image; only the name is used */
    const char *format;    /* by QEMU's name */
    const char *sha256;    /* of the file */
    uint64_t virtual_size; /* bytes */
    unsigned disk_gib;     /* 0: as the virtual size */
    const char *key;       /* of the bake; NULL: unknown, as for the next two */
    const char *recipe;
    const char *driver;
    unsigned gpus; /* that the image is for; 0: unknown */
    bool imds_v2;  /* its cloud-init can use version 2 of the metadata service */
    CcbRequestOptions options;
} CcbImportWish;

typedef struct {
    const char *image_id;
    const char *type;
    /* GPUs that the image is for, and of a type that ccbake does not know; 0: unknown */
    unsigned gpus;
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
    const char *http_tokens; /* "optional" or "required"; NULL: not given */
    const char *key;         /* of the bake that made the image; NULL: unknown */
    CcbRequestOptions options;
} CcbRunWish;

/* Errors: CCB_ERR_USAGE (the cloud would refuse it), CCB_ERR_INPUT (the image). */
CcbRequest *ccb_request_import(const CcbImportWish *wish, GError **error);

/* Errors: CCB_ERR_USAGE (the cloud would refuse it, or an instance of this type might not start). */
CcbRequest *ccb_request_run(const CcbRunWish *wish, GError **error);

void ccb_request_free(CcbRequest *request); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbRequest, ccb_request_free)

/* An object of strings: Action, Version and all parameters, in their order; new reference. */
json_t *ccb_request_to_json(const CcbRequest *request);

/* The arguments that follow `aliyun ecs ACTION --region REGION`: options of the CLI and the parameters.  Array of
 * char *, caller unrefs. */
GPtrArray *ccb_request_to_words(const CcbRequest *request);

/* `aliyun ecs ...`, quoted for the shell, a parameter a line; caller frees. */
char *ccb_request_to_command(const CcbRequest *request);
