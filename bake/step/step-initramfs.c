/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * depmod and dracut, once, at the end, for every kernel that an entry boots.  Never hostonly:
 * dracut would look at the builder's devices.
 */
#include "base/error.h"
#include "base/process.h"
#include "guide/ecs.h"
#include "step/common.h"
#include "step/kinds.h"

typedef struct {
    CcbStepSettings common;
    char **drivers;
} Settings;

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    CCB_SETTING(Settings, drivers, "drivers", STRINGS, "kernel modules it must hold",
                .preset = CCB_ECS_DRIVERS),
    {0},
};

/* Modules of dracut that look whether they run in a virtual machine: the result would depend on the
 * backend.  The drivers that they would add are those below. */
#define OMITTED "qemu qemu-net virtfs"

static void expect(const CcbStep *step, CcbExpectation *expect)
{
    const Settings *s = step->settings;
    g_strfreev(expect->initramfs_drivers); /* of several steps the last one makes the file */
    expect->initramfs_drivers = g_strdupv(s->drivers);
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    const Settings *s = step->settings;
    g_autofree char *drivers = g_strjoinv(" ", s->drivers);
    return g_strdup_printf("depmod and dracut, with %s", drivers);
}

/* A rescue entry has an initramfs of its own and no modules directory. */
static bool is_made(const CcbFacts *facts, const CcbBootEntry *entry)
{
    return g_strv_contains((const char *const *)facts->kernels, entry->kver);
}

/* The file that the entry boots: of several, as with one of microcode before it, the one with the usual name, or the last
 * one. */
static char *image_path(const CcbBootEntry *entry)
{
    char *usual = g_strdup_printf("/boot/initramfs-%s.img", entry->kver);
    g_auto(GStrv) files = g_strsplit(entry->initrd != NULL ? entry->initrd : "", " ", -1);
    guint count = g_strv_length(files);
    if (count == 0 || g_strv_contains((const char *const *)files, usual))
        return usual;
    g_free(usual);
    return g_strdup(files[count - 1]);
}

/* Every file of /etc/modprobe.d, for dracut's --install; caller frees. */
static char *modprobe_files(CcbBake *bake, GError **error)
{
    static const char dir[] = "/etc/modprobe.d/";
    g_auto(GStrv) names = ccb_guest_list(bake->guest, dir, error);
    if (names == NULL)
        return NULL;
    GString *files = g_string_new(NULL);
    for (char **name = names; *name != NULL; name++)
        if (g_str_has_suffix(*name, ".conf"))
            g_string_append_printf(files, "%s%s%s", files->len ? " " : "", dir, *name);
    return g_string_free(files, FALSE);
}

static bool regenerate(CcbBake *bake, const CcbStep *step, const char *kver, const char *image,
                       GError **error)
{
    const Settings *s = step->settings;
    g_autofree char *drivers = g_strjoinv(" ", s->drivers);
    g_autofree char *files = modprobe_files(bake, error);
    if (files == NULL || !ccb_guest_command(bake->guest, error, "depmod", "-a", kver, NULL))
        return false;
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    ccb_argv_add(argv, "dracut", "--force", "--no-hostonly", "--reproducible", "--omit-drivers",
                 "nouveau", "--omit", OMITTED, "--kver", kver, "--add-drivers", drivers,
                 "--install", files, image, NULL);
    return ccb_step_command(bake, step, argv, error);
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    g_autoptr(GHashTable) done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < bake->facts->entries->len; i++) {
        const CcbBootEntry *entry = bake->facts->entries->pdata[i];
        g_autofree char *image = image_path(entry);
        if (!is_made(bake->facts, entry) || !g_hash_table_add(done, g_strdup(image)))
            continue;
        if (*image != '/')
            return ccb_fail(error, CCB_ERR_STEP,
                            "%s boots the initramfs %s, which is not on the root file system",
                            entry->path, image);
        if (!regenerate(bake, step, entry->kver, image, error))
            return false;
    }
    return true;
}

static bool changes(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error)
{
    const Settings *s = step->settings;
    const CcbFacts *facts = context->facts;
    g_autofree char *drivers = g_strjoinv(" ", s->drivers);
    /* For whoever runs dracut later.  Its default is /var/tmp: a root file system that was shrunk
     * to what is in it, as cryptpilot does, has no room there. */
    ccb_change_text(changes, "/etc/dracut.conf.d/ccbake-tmpdir.conf",
                    "# Written by ccbake, for later initramfs images.\n"
                    "tmpdir=\"/tmp\"\n");
    for (guint i = 0; facts != NULL && i < facts->entries->len; i++) {
        const CcbBootEntry *entry = facts->entries->pdata[i];
        if (!is_made(facts, entry))
            continue;
        g_autofree char *modules = g_build_filename("/lib/modules", entry->kver, NULL);
        g_autofree char *image = image_path(entry);
        ccb_change_unknown(changes, modules, "the lists of depmod");
        ccb_change_unknown(changes, image, "made anew, with %s", drivers);
    }
    if (facts == NULL || facts->default_kver[0] == '\0')
        ccb_change_unknown(changes, NULL, "an initramfs for a kernel not known yet");
    return true;
}

const CcbStepKind ccb_step_initramfs = {
    .name = "initramfs",
    .summary = "depmod and dracut for every kernel that can boot",
    .version = 4,
    .fields = fields,
    .settings_size = sizeof(Settings),
    .makes_initramfs = true,
    .image_bytes = 200ull << 20,
    .scratch_bytes = 500ull << 20,
    .expect = expect,
    .describe = describe,
    .changes = changes,
    .run = run,
};
