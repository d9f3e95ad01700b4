/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the cloud asks of an image and of the requests that import and start it, as tables and rules.
 *
 * Sources: Alibaba Cloud's ECS API reference (ImportImage, RunInstances) for sizes, formats and names;
 * its guide to heterogeneous confidential computing instances (gn8v-tee) for types, region and zone;
 * public projects that ran confidential GPUs on them for the types gn8v.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Kernel modules that the initramfs of an image for ECS needs: system disks of confidential instances
 * are nvme; the others keep the image bootable elsewhere, and ImportImage looks for them. */
#define CCB_ECS_DRIVERS "nvme virtio_blk virtio_pci virtio_net virtio_scsi ext4"

/* An instance type, where it is offered and how many GPUs it has. */
typedef struct {
    const char *name; /* "ecs.gn8v-tee.4xlarge" */
    unsigned gpus;
    const char *region;   /* NULL: not known, of a type that is not in the table */
    const char *zones[3]; /* of the region, the one to take by default first; NULL ends them */
} CcbEcsType;

/* The row of that name.  Types come faster than releases of ccbake: one that is in no row has `gpus`
 * GPUs, region NULL and no zones, and a warning says so; where `gpus` is 0 it is an error.  `name` is
 * borrowed; NULL: --instance-type was not given.  Errors: CCB_ERR_USAGE, with all names. */
bool ccb_ecs_type_get(const char *name, unsigned gpus, CcbEcsType *ret, GError **error);

/* Whether a type is offered there; NULL: anywhere.  Unknown types are taken to be offered.
 * Errors: CCB_ERR_USAGE. */
bool ccb_ecs_region_check(const CcbEcsType *type, const char *region, GError **error);
bool ccb_ecs_zone_check(const CcbEcsType *type, const char *zone, GError **error);

/* Whether any of the types in the table are offered in the region. */
bool ccb_ecs_region_known(const char *region);

/* Where most of these types are. */
#define CCB_ECS_DEFAULT_REGION "cn-beijing"

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
