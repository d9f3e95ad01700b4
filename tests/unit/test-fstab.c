/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "text/fstab.h"

static const char sample[] = "# /etc/fstab\n\n"
                             "UUID=1 / ext4 defaults 1 1\n"
                             "UUID=2\t/boot/efi\tvfat  nofail,umask=0077,shortname=winnt 0 2\n"
                             "/dev/b /mnt/a\\040b\\134c xfs\n"
                             "tmpfs /tmp tmpfs size=1g # odd\n";

static void fuzz_one(const char *data, gsize size)
{
    g_autoptr(GPtrArray) entries = ccb_fstab_parse(data, size, NULL);
    for (guint i = 0; entries != NULL && i < entries->len; i++)
        ccb_fstab_has_option(entries->pdata[i], "umask");
}

static void classify(const char *spec, CcbSpecKind kind, const char *expected)
{
    g_autofree char *value = NULL;
    is_int(ccb_fstab_classify(spec, &value), kind, spec);
    is_str(value, expected, "... and what is behind it");
}

static void test_classify(void)
{
    classify("UUID=1-2", CCB_SPEC_UUID, "1-2");
    classify("UUID=\"1-2\"", CCB_SPEC_UUID, "1-2");
    classify("/dev/disk/by-uuid/1-2", CCB_SPEC_UUID, "1-2");
    classify("LABEL=a b", CCB_SPEC_LABEL, "a b");
    classify("/dev/disk/by-label/a", CCB_SPEC_LABEL, "a");
    classify("PARTUUID=1", CCB_SPEC_PARTUUID, "1");
    classify("/dev/disk/by-partuuid/1", CCB_SPEC_PARTUUID, "1");
    classify("PARTLABEL=a", CCB_SPEC_PARTLABEL, "a");
    classify("/dev/disk/by-partlabel/a", CCB_SPEC_PARTLABEL, "a");
    classify("/dev/vda3", CCB_SPEC_DEVICE, "vda3");
    classify("tmpfs", CCB_SPEC_OTHER, NULL);
}

int main(void)
{
    test_classify();
    g_autoptr(GPtrArray) entries = ccb_fstab_parse(sample, strlen(sample), NULL);
    is_int(entries->len, 4, "entries");
    const CcbFstabEntry *efi = ccb_fstab_find(entries, "/boot/efi");
    is_str(efi->spec, "UUID=2", "device");
    is_str(efi->type, "vfat", "type");
    is_int(efi->line, 4, "line");
    ok(ccb_fstab_has_option(efi, "nofail"), "option");
    ok(ccb_fstab_has_option(efi, "umask"), "option with a value");
    ok(ccb_fstab_has_option(efi, "umask=0077"), "option and value");
    ok(!ccb_fstab_has_option(efi, "fail"), "no suffix match");
    ok(!ccb_fstab_has_option(efi, "no"), "no prefix match");
    ok(!ccb_fstab_has_option(efi, "noexec"), "another option of that length");
    const CcbFstabEntry *escaped = ccb_fstab_find(entries, "/mnt/a b\\c");
    ok(escaped != NULL, "octal escapes");
    is_str(escaped != NULL ? escaped->options : NULL, "defaults", "default options");
    ok(ccb_fstab_find(entries, "/boot") == NULL, "absent");
    GError *error = NULL;
    ok(ccb_fstab_parse("\na b\n", 5, &error) == NULL, "too few fields");
    is_error(&error, "line 2", "... with the line");
    ok(ccb_fstab_parse("a b c d 0 0 g", 13, NULL) == NULL, "too many fields");
    fuzz(sample, strlen(sample), 3000, fuzz_one);
    return done();
}
