/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The checks on a small tree of an image: one that is right passes all of them, and each case
 * breaks one thing and sees exactly the checks fail that are about it.
 *
 * The tree is staged as text below a temporary directory: root/ is the guest; initrd/ becomes its
 * initramfs, modinfo/NAME its kernel modules, other/initrd and other/modinfo those of a second
 * kernel, grubenv its environment block, packages its rpm list.  So every case is an edit of text.
 *
 *     begin(8, "570.148.08");    stages a right image for 8 GPUs
 *     put("root/etc/hostname", "builder7\n");
 *     pack();                    makes what is not text
 *     results = check_staged(&expect);
 *     end();
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "check/context.h"
#include "recipe/expectation.h"
#include "tap.h"

#define KVER              "5.10.134-18.al8.x86_64"
#define OTHER             "5.10.134-17.al8.x86_64"
#define MACHINE_ID        "0123456789abcdef0123456789abcdef"
#define ID                MACHINE_ID "-" KVER
#define UUID              "33b46ac5-7482-4aa5-8de0-60ab4c3a4c78"
#define ESP_ID            "A11B-0C10"
#define ESP_GUID          "e5b0fc1a-0000-4000-8000-000000000002"
#define ROOT_GUID         "e5b0fc1a-0000-4000-8000-000000000003"
#define STUB              "esp/EFI/alinux/grub.cfg"
#define ENTRY             "root/boot/loader/entries/" ID ".conf"
#define VMLINUZ_LINK      "root/boot/vmlinuz"
#define OTHER_ENTRY       "root/boot/loader/entries/" MACHINE_ID "-" OTHER ".conf"
#define RESCUE_ENTRY      "root/boot/loader/entries/" MACHINE_ID "-0-rescue.conf"
#define MODULES           "root/lib/modules/" KVER "/"
#define VIDEO             MODULES "kernel/drivers/video/"
#define OTHER_MODULES     "root/lib/modules/" OTHER "/"
#define UNITS             "root/etc/systemd/system/"
#define VENDOR_UNITS      "root/usr/lib/systemd/system/"
#define PERSISTENCED      UNITS "nvidia-persistenced.service"
#define WANTS             UNITS "multi-user.target.wants/"
#define CLOUD             "root/etc/cloud/"
#define LKCA              "etc/modprobe.d/nvidia-lkca.conf"
#define ALIYUN            "root/usr/lib/python3.6/site-packages/cloudinit/sources/DataSourceAliYun.py"
#define DRACUT_CONF       "root/etc/dracut.conf.d/local.conf"
#define NOUVEAU           "etc/modprobe.d/nouveau.conf"
#define NOUVEAU_MODULE    "kernel/drivers/gpu/drm/nouveau/nouveau.ko.xz"
#define NOUVEAU_IN_INITRD "initrd/usr/lib/modules/" KVER "/" NOUVEAU_MODULE
#define SELFTEST          "root/usr/libexec/ccbake/ccbake-selftest"
#define SELFTEST_CONF     "root/etc/ccbake/selftest.conf"
#define SITE              "root/usr/local/lib/python3.11/site-packages/"

extern const char *const module_names[]; /* of the driver; ends with NULL */

/* The backend of these tests: a directory, and which of its reads fail. */
typedef struct {
    int root;
    bool dark; /* all of them */
    guint bad; /* this one, counted from 1 */
    guint reads;
    char *what; /* the one that failed last */
    const CcbCheckSandbox *sandbox;
} Tree;

/* Paths below the temporary directory; staged() gives the whole path, the caller frees. */
char *staged(const char *path);
void put(const char *path, const char *text);
char *get(const char *path);
void put_link(const char *target, const char *path);
void take_away(const char *path);

void begin(unsigned gpus, const char *version);
/* A second kernel with all that the first one has, and its modules alone. */
void stage_other_kernel(unsigned gpus, const char *version);
void stage_modules(const char *place, const char *kver, const char *version);
void pack(void);
void pack_other_kernel(void);
void pack_esp(void);
void end(void);

/* The results of all checks; caller frees. */
CcbResults *check_staged(const CcbExpectation *expect);
CcbResults *check_tree(const CcbExpectation *expect, Tree *tree);

/* The checks that fail, "id id", in front of those that could not be read '!'; with `show` also what
 * they say.  Caller frees. */
char *bad_ids(const CcbResults *results, bool show);
/* The row of a check; NULL: there is none. */
const CcbResultRow *find_row(const CcbResults *results, const char *id);

typedef struct {
    const char *what;
    unsigned gpus;
    enum { NOTHING, REMOVE, WRITE, LINK, REPLACE } how;
    const char *path;
    const char *from; /* REPLACE: this text ...; WRITE, LINK: content or target */
    const char *to;   /* ... by this */
    const char *bad;  /* the ids; '!' in front: unreadable */
    const char *also_text;
    const char *also; /* a file that is written beside */
    const char *link; /* a link that is made beside; where it leads to does not matter */
    const char *gone; /* a file that is removed beside */
    const char *put;  /* a path in the guest that the recipe puts */
    char *tdx_guest;  /* a parameter that the recipe sets */
    const char *boot; /* in place of $tuned_params in the default entry */
    bool no_nouveau;  /* in the kernel */
    bool two_kernels;
    bool no_esp, damaged_esp;
    const char *table; /* of partitions; NULL: gpt */
    unsigned free_mib;
    uint64_t disk_size;
    unsigned state, incompat; /* of the root's superblock, where the state is not 0 */
    const char *driver;       /* another version throughout */
    const char *min_kernel;   /* expected */
} Case;

/* What a case gives, as bad_ids() has it; caller frees. */
char *run_case(const Case *c);

static inline void run_cases(const Case *cases, guint count)
{
    for (guint i = 0; i < count; i++)
        is_taken(run_case(&cases[i]), cases[i].bad, cases[i].what);
}
