/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * depmod and dracut, once, at the end, for every kernel that an entry boots.  Never hostonly:
 * dracut would look at the builder's devices.
 */
#include <string.h>

#include "step/common.h"
#include "step/kinds.h"

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    {"drivers", CCB_FIELD_STRINGS, false,
     "kernel modules it must hold; default: nvme virtio_blk "
     "virtio_pci virtio_net virtio_scsi ext4",
     NULL, NULL},
    {0},
};

/* Modules of dracut that look whether they run in a virtual machine: the result would depend on the
 * backend.  The drivers that they would add are those below. */
#define OMITTED "qemu qemu-net virtfs"

/* For whoever runs dracut later.  dracut's default is /var/tmp: a root file system that was shrunk
 * to what is in it, as cryptpilot does, has no room there. */
static const char tmpdir_path[] = "/etc/dracut.conf.d/ccbake-tmpdir.conf";
static const char tmpdir_conf[] = "# Written by ccbake, for later initramfs images.\n"
                                  "tmpdir=\"/tmp\"\n";

/* What the disks and the network of an ECS instance need. */
static const char default_drivers[] = "nvme virtio_blk virtio_pci virtio_net virtio_scsi ext4";

static char *drivers_of(const CcbStep *step)
{
    g_auto(GStrv) drivers = ccb_node_get_strings(step->settings, "drivers");
    return drivers[0] ? g_strjoinv(" ", drivers) : g_strdup(default_drivers);
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    g_autofree char *drivers = drivers_of(step);
    return g_strdup_printf("depmod and dracut, with %s", drivers);
}

/* A rescue entry has an initramfs of its own and no modules directory. */
static bool is_made(const CcbFacts *facts, const CcbBootEntry *entry)
{
    return g_strv_contains((const char *const *)facts->kernels, entry->kver);
}

static char *image_path(const CcbBootEntry *entry)
{
    return g_strdup_printf("/boot/initramfs-%s.img", entry->kver);
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

static bool regenerate(CcbBake *bake, const CcbStep *step, const CcbBootEntry *entry,
                       GError **error)
{
    g_autofree char *drivers = drivers_of(step);
    g_autofree char *files = modprobe_files(bake, error);
    g_autofree char *image = image_path(entry);
    if (files == NULL || !ccb_guest_command(bake->guest, error, "depmod", "-a", entry->kver, NULL))
        return false;
    const char *words[] = {"dracut",
                           "--force",
                           "--no-hostonly",
                           "--reproducible",
                           "--omit-drivers",
                           "nouveau",
                           "--omit",
                           OMITTED,
                           "--kver",
                           entry->kver,
                           "--add-drivers",
                           drivers,
                           "--install",
                           files,
                           image};
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        g_ptr_array_add(argv, (char *)words[i]);
    return ccb_step_command(bake, step, argv, error);
}

static void declare_entry(const CcbStep *step, const CcbBootEntry *entry, GPtrArray *effect)
{
    g_autofree char *modules = g_build_filename("/lib/modules", entry->kver, NULL);
    g_autofree char *image = image_path(entry);
    g_autofree char *drivers = drivers_of(step);
    ccb_effect_unknown(effect, modules, "the lists of depmod");
    ccb_effect_unknown(effect, image, "made anew, with %s", drivers);
}

static bool declare(const CcbRecipe *recipe, const CcbStep *step, const CcbFacts *facts,
                    GPtrArray *effect, GError **error)
{
    ccb_effect_file(effect, tmpdir_path, tmpdir_conf, strlen(tmpdir_conf));
    for (guint i = 0; facts != NULL && i < facts->entries->len; i++)
        if (is_made(facts, facts->entries->pdata[i]))
            declare_entry(step, facts->entries->pdata[i], effect);
    if (facts == NULL || facts->default_kver[0] == '\0')
        ccb_effect_unknown(effect, NULL, "an initramfs for a kernel not known yet");
    return true;
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    g_autoptr(GHashTable) done = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < bake->facts->entries->len; i++) {
        const CcbBootEntry *entry = bake->facts->entries->pdata[i];
        if (is_made(bake->facts, entry) && g_hash_table_add(done, entry->kver) &&
            !regenerate(bake, step, entry, error))
            return false;
    }
    return ccb_guest_write(bake->guest, tmpdir_path, tmpdir_conf, strlen(tmpdir_conf), 0644, 0, 0,
                           error);
}

const CcbStepKind ccb_step_initramfs = {
    .name = "initramfs",
    .summary = "depmod and dracut for every kernel that can boot",
    .version = 3,
    .fields = fields,
    .makes_initramfs = true,
    .image_bytes = 200ull << 20,
    .scratch_bytes = 500ull << 20,
    .describe = describe,
    .declare = declare,
    .run = run,
};
