/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the cloud asks of an image and of the requests that import and start it, as tables and rules.
 *
 * Sources: Alibaba Cloud's ECS API reference (ImportImage, RunInstances) for sizes, formats and names;
 * its guide to heterogeneous confidential computing instances (gn8v-tee) for types, region and zone.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An instance type, where it can be had and how many GPUs it has. */
typedef struct {
    const char *name; /* "ecs.gn8v-tee.4xlarge" */
    unsigned gpus;
    const char *region, *zone;
} CcbEcsType;

/* All rows, *ret_n of them. */
const CcbEcsType *ccb_ecs_types(size_t *ret_n);

/* The row of that name.  Errors: CCB_ERR_USAGE, with all names; also where `name` is NULL, as
 * without --instance-type. */
const CcbEcsType *ccb_ecs_type_find(const char *name, GError **error);

/* Whether a type can be had there; NULL: wherever it can be.  Errors: CCB_ERR_USAGE. */
bool ccb_ecs_region_check(const CcbEcsType *type, const char *region, GError **error);
bool ccb_ecs_zone_check(const CcbEcsType *type, const char *zone, GError **error);

/* Whether any of the types can be had in the region.  Errors: CCB_ERR_USAGE. */
bool ccb_ecs_region_known(const char *region, GError **error);

/* DiskImageSize of ImportImage, in GiB; a system disk is not smaller than its image. */
enum { CCB_ECS_MIN_GIB = 5, CCB_ECS_MAX_GIB = 2048 };

/* A virtual size of `bytes` in whole GiB, rounded up: what a request asks for. */
uint64_t ccb_ecs_disk_gib(uint64_t bytes);

/* Whether an image of that virtual size is taken.  Errors: CCB_ERR_INPUT. */
bool ccb_ecs_size_check(uint64_t bytes, GError **error);

/* The name of an image format in requests, "QCOW2", "VHD" or "RAW", from QEMU's name of it ("qcow2",
 * "vpc", "raw"); NULL for others. */
const char *ccb_ecs_format(const char *qemu_format);

/* ImageName: 2 to 128 characters, the first one a letter (of any script), the others letters, digits
 * or any of ".:_-"; doesn't begin with "aliyun" or "acs:".  Errors: CCB_ERR_USAGE. */
bool ccb_ecs_image_name_check(const char *name, GError **error);

/* InstanceName: as an ImageName, but that it may begin with a digit.  Errors: CCB_ERR_USAGE. */
bool ccb_ecs_instance_name_check(const char *name, GError **error);
