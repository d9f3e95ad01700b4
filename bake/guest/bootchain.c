/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/bootchain.h"

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"

typedef struct {
    CcbGuest *guest;
    CcbEsp *esp; /* NULL: there is none that can be read */
} Disk;

/* --- devices: "hd0,gpt3" is partition 3 of the only disk */

static unsigned root_number(CcbGuest *guest)
{
    const CcbDisk *disk = ccb_guest_disk(guest);
    return disk != NULL ? disk->root : 0;
}

static unsigned esp_number(const Disk *d)
{
    return d->esp != NULL ? ccb_guest_disk(d->guest)->esp : 0;
}

static char *device_name(CcbGuest *guest, unsigned number)
{
    const CcbDisk *disk = ccb_guest_disk(guest);
    bool is_dos = disk != NULL && g_strcmp0(disk->table, "dos") == 0;
    return g_strdup_printf("hd0,%s%u", is_dos ? "msdos" : "gpt", number);
}

/* Also "hd0,3", as GRUB takes it; -1 for what is no partition of the disk. */
static gint64 device_number(const char *device)
{
    const char *comma = strchr(device, ',');
    char *end = NULL;
    if (!g_str_has_prefix(device, "hd0,"))
        return -1;
    comma++;
    comma += g_str_has_prefix(comma, "gpt") ? 3 : g_str_has_prefix(comma, "msdos") ? 5 : 0;
    guint64 number = g_ascii_isdigit(*comma) ? g_ascii_strtoull(comma, &end, 10) : 0;
    return end != NULL && *end == '\0' && number < G_MAXUINT ? (gint64)number : -1;
}

static bool is_root(const Disk *d, const char *device)
{
    return device_number(device) == (gint64)root_number(d->guest);
}

static bool is_esp(const Disk *d, const char *device)
{
    return d->esp != NULL && device_number(device) == (gint64)esp_number(d);
}

char *ccb_bootchain_path(CcbGuest *guest, const CcbGrubPath *path)
{
    const Disk disk = {guest, NULL};
    return is_root(&disk, path->device) ? g_strdup(path->path)
                                        : g_strdup_printf("(%s)%s", path->device, path->path);
}

/* --- callbacks of the script */

static CcbGrubFile look(void *user, const char *device, const char *path, GError **error)
{
    const Disk *d = user;
    CcbStat st;
    CcbFatEntry file;
    bool found = false, directory = false;
    guint64 size = 0;
    if (is_root(d, device)) {
        if (!ccb_guest_stat(d->guest, path, &st, &found, error))
            return CCB_GRUB_MISSING;
        directory = found && S_ISDIR(st.mode);
        found = found && (directory || S_ISREG(st.mode));
        size = found ? st.size : 0;
    } else if (is_esp(d, device)) {
        g_autofree char *plain = g_canonicalize_filename(path, "/");
        if (!ccb_fat_find(ccb_esp_fat(d->esp), plain + 1, &file, &found, error))
            return CCB_GRUB_MISSING;
        directory = found && file.directory;
        size = found ? file.size : 0;
    }
    if (!found)
        return CCB_GRUB_MISSING;
    return directory ? CCB_GRUB_DIRECTORY : size > 0 ? CCB_GRUB_FILE : CCB_GRUB_EMPTY;
}

static char *read_file(void *user, const char *device, const char *path, size_t *ret_size,
                       GError **error)
{
    const Disk *d = user;
    char *text = NULL;
    CcbGrubFile kind = look(user, device, path, error);
    if (*error != NULL || (kind != CCB_GRUB_FILE && kind != CCB_GRUB_EMPTY))
        return NULL;
    if (is_root(d, device))
        return ccb_guest_read(d->guest, path, ret_size, error);
    g_autofree char *plain = g_canonicalize_filename(path, "/");
    return ccb_esp_read(d->esp, plain + 1, &text, ret_size, error) ? text : NULL;
}

static char **list(void *user, const char *device, const char *path, GError **error)
{
    const Disk *d = user;
    if (look(user, device, path, error) != CCB_GRUB_DIRECTORY)
        return NULL;
    if (is_root(d, device))
        return ccb_guest_list(d->guest, path, error);
    g_autofree char *plain = g_canonicalize_filename(path, "/");
    return ccb_fat_list(ccb_esp_fat(d->esp), plain + 1, error);
}

static char *search(void *user, CcbGrubSearch by, const char *what, GError **error)
{
    const Disk *d = user;
    const CcbDisk *disk = ccb_guest_disk(d->guest);
    CcbSpecKind kind = by == CCB_SEARCH_UUID ? CCB_SPEC_UUID : CCB_SPEC_LABEL;
    for (guint i = 0; disk != NULL && i < disk->partitions->len; i++) {
        const CcbPartition *partition = disk->partitions->pdata[i];
        g_autofree char *device = device_name(d->guest, partition->number);
        bool found = by == CCB_SEARCH_FILE ? look(user, device, what, error) != CCB_GRUB_MISSING
                                           : ccb_partition_is(partition, kind, what);
        if (*error != NULL)
            return NULL;
        if (found)
            return g_steal_pointer(&device);
    }
    return NULL;
}

/* "EFI/alinux/grub.cfg" on the EFI system partition, else as the guest has it. */
static char *name(void *user, const char *device, const char *path)
{
    const Disk *d = user;
    const CcbGrubPath whole = {(char *)device, (char *)path};
    return is_esp(d, device) ? g_strdup(path + strspn(path, "/"))
                             : ccb_bootchain_path(d->guest, &whole);
}

static CcbGrubMenu *run(Disk *d, unsigned partition, const char *directory, const char *script,
                        GError **error)
{
    const CcbGrubDisk disk = {d, search, look, read_file, list, name};
    GError *reason = NULL;
    g_autofree char *device = device_name(d->guest, partition);
    g_autofree char *prefix = g_strdup_printf("(%s)%s", device, directory);
    g_autoptr(CcbGrubMenu) menu = ccb_grubscript_run(&disk, device, prefix, script, &reason);
    if (reason == NULL)
        return g_steal_pointer(&menu);
    g_propagate_error(error, reason);
    return NULL;
}

/* --- where GRUB begins */

CcbGrubMenu *ccb_bootchain_of_directory(CcbGuest *guest, CcbEsp *esp, const char *directory,
                                        GError **error)
{
    Disk disk = {guest, esp};
    GError *reason = NULL;
    g_autofree char *path = g_strdup_printf("/EFI/%s", directory);
    g_autofree char *config = g_strconcat(path, "/grub.cfg", NULL);
    g_autofree char *device = device_name(guest, esp_number(&disk));
    CcbGrubFile kind = look(&disk, device, config, &reason);
    if (reason != NULL)
        g_propagate_error(error, reason);
    if (reason != NULL || kind == CCB_GRUB_MISSING)
        return NULL;
    return run(&disk, esp_number(&disk), path, NULL, error);
}

static bool is_same(const CcbGrubEntry *a, const CcbGrubEntry *b)
{
    return g_strcmp0(a->id, b->id) == 0 && g_strcmp0(a->kernel.path, b->kernel.path) == 0 &&
           g_strcmp0(a->kernel_options, b->kernel_options) == 0;
}

/* Of the directories of the EFI system partition the first one that leads to a kernel; which one the firmware takes is
 * not known, so they have to agree.  NULL: none does. */
static CcbGrubMenu *follow_esp(CcbGuest *guest, GError **error)
{
    g_autoptr(CcbEsp) esp = NULL;
    g_autoptr(CcbGrubMenu) first = NULL;
    GError *reason = NULL;
    if (!ccb_esp_open(guest, &esp, error) || esp == NULL)
        return NULL;
    g_auto(GStrv) names = ccb_fat_list(ccb_esp_fat(esp), "EFI", error);
    for (char **directory = names; directory != NULL && *directory != NULL; directory++) {
        g_autoptr(CcbGrubMenu) menu = ccb_bootchain_of_directory(guest, esp, *directory, &reason);
        if (reason != NULL) {
            g_propagate_error(error, reason);
            return NULL;
        }
        if (menu == NULL || menu->problem != NULL)
            continue;
        if (first == NULL)
            first = g_steal_pointer(&menu);
        else if (!is_same(first->chosen, menu->chosen) && first->problem == NULL)
            first->problem =
                g_strdup_printf("EFI/%s/grub.cfg starts \"%s\", another directory \"%s\"",
                                *directory, menu->chosen->title, first->chosen->title);
    }
    return g_steal_pointer(&first);
}

/* What the configuration on the root file system starts. */
static CcbGrubMenu *follow_root(CcbGuest *guest, GError **error)
{
    static const char usual[] = "load_env\nset default=\"${saved_entry}\"\nblscfg\n";
    Disk disk = {guest, NULL};
    CcbGrubMenu *menu = run(&disk, root_number(guest), "/boot/grub2", NULL, error);
    if (menu == NULL || menu->entries->len > 0)
        return menu;
    /* GRUB starts nothing, or it is not known what; these are the entries that were meant. */
    CcbGrubMenu *meant = run(&disk, root_number(guest), "/boot/grub2", usual, error);
    if (meant != NULL) {
        g_free(meant->problem);
        meant->problem = g_steal_pointer(&menu->problem);
    }
    ccb_grub_menu_free(menu);
    return meant;
}

CcbGrubMenu *ccb_bootchain_of_guest(CcbGuest *guest, GError **error)
{
    g_autoptr(GError) reason = NULL;
    CcbGrubMenu *menu = follow_esp(guest, &reason);
    if (menu == NULL)
        menu = follow_root(guest, error);
    /* The files of the root file system may be all right. */
    if (menu != NULL && reason != NULL && menu->problem == NULL)
        menu->problem = g_strdup_printf("the EFI system partition: %s", reason->message);
    return menu;
}
