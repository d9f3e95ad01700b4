/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The package and the database are made with rpmbuild and rpm; where they are missing, those parts
 * are skipped. */
#include <glib/gstdio.h>

#include "image/rpm.h"
#include "tap.h"

/* librpm 4.18 does not close an SQLite database that turns out to be none. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libsqlite3\n";
}

static void test_kver(void)
{
    static const char *const rising[] = {
        "5.10.134",          "5.10.134-16.al8.x86_64", "5.10.134-17.al8.x86_64",
        "5.10.134-17.1.al8", "5.10.134-17.3.al8",      "5.10.134-18.al8.x86_64",
        "5.10.134-18.1.al8", "5.10.134-19.al8",        "5.10.134-19.1.al8.aarch64",
        "5.10.134-19.3.al8", "5.10.200-1.al8",         "6.6.30-1.al8",
    };
    for (size_t i = 0; i + 1 < G_N_ELEMENTS(rising); i++) {
        for (size_t j = i + 1; j < G_N_ELEMENTS(rising); j++) {
            g_autofree char *what = g_strdup_printf("%s < %s", rising[i], rising[j]);
            ok(ccb_kver_compare(rising[i], rising[j]) < 0 &&
                   ccb_kver_compare(rising[j], rising[i]) > 0,
               what);
        }
    }
    is_int(ccb_kver_compare("5.10.134-18.al8.x86_64", "5.10.134-18.al8"), 0, "no architecture");
    is_int(ccb_kver_compare("5.10.134-18.al8.x86_64", "5.10.134-18.al8.aarch64"), 0, "another one");
}

static bool run(const char *const *argv)
{
    int status = 1;
    GSpawnFlags flags =
        G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL;
    return g_spawn_sync(NULL, (char **)argv, NULL, flags, NULL, NULL, NULL, NULL, &status, NULL) &&
           status == 0;
}

static const char spec[] = "Name: sample\nEpoch: 3\nVersion: 1.2\nRelease: 4.al8\n"
                           "Summary: sums it up\nLicense: MIT\nBuildArch: noarch\n"
                           "%description\nd\n%files\n";

static char *build_package(const char *directory)
{
    g_autofree char *spec_path = g_build_filename(directory, "sample.spec", NULL);
    g_autofree char *top = g_strdup_printf("_topdir %s", directory);
    g_file_set_contents(spec_path, spec, -1, NULL);
    const char *argv[] = {"rpmbuild", "-bb", "--define", top, spec_path, NULL};
    return run(argv) ? g_build_filename(directory, "RPMS/noarch/sample-1.2-4.al8.noarch.rpm", NULL)
                     : NULL;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(const char *const *)a, *(const char *const *)b);
}

/* The names in a directory, sorted, to see that nothing was added. */
static char *names_in(const char *directory)
{
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;)
        g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_sort(names, compare_names);
    g_ptr_array_add(names, NULL);
    return g_strjoinv(" ", (char **)names->pdata);
}

static void test_database(const char *directory, const char *package)
{
    g_autofree char *database = g_build_filename(directory, "rpmdb", NULL);
    g_autofree char *dbpath = g_strdup_printf("_dbpath %s/rpmdb", directory);
    const char *argv[] = {"rpm",      "--define", dbpath,  "-i", "--justdb",
                          "--nodeps", "--force",  package, NULL};
    if (!ok(run(argv), "a database made by rpm"))
        return;
    g_autofree char *before = names_in(database);
    GError *error = NULL;
    g_autoptr(GPtrArray) packages = ccb_rpmdb_list(database, &error);
    if (!ok(packages != NULL, "database")) {
        is_error(&error, "?", "no error");
        return;
    }
    is_int(packages->len, 1, "one package");
    const CcbRpmInfo *info = packages->pdata[0];
    is_str(info->name, "sample", "name");
    is_int(info->epoch, 3, "epoch");
    is_str(info->version, "1.2", "version");
    is_str(info->release, "4.al8", "release");
    is_str(info->arch, "noarch", "arch");
    is_str(info->nevra, "sample-3:1.2-4.al8.noarch", "nevra");
    g_autofree char *marker = g_build_filename(directory, "marker", NULL);
    g_autofree char *hostile = g_strdup_printf("%s/%%(touch %s)/../rpmdb", directory, marker);
    ok(ccb_rpmdb_list(hostile, &error) == NULL, "a macro in the path");
    is_error(&error, "'%' in the path", "... is refused");
    ok(!g_file_test(marker, G_FILE_TEST_EXISTS), "... and not run");
    is_taken(names_in(database), before, "nothing was written beside it");
}

static void test_bad_files(const char *directory)
{
    GError *error = NULL;
    g_autofree char *database = g_build_filename(directory, "bad", NULL);
    ok(ccb_rpmdb_list(database, &error) == NULL, "no directory");
    is_error(&error, "rpm database in", "... which database");
    ok(!g_file_test(database, G_FILE_TEST_EXISTS), "... and none was made");
    g_mkdir(database, 0755);
    g_autofree char *sqlite = g_build_filename(database, "rpmdb.sqlite", NULL);
    g_file_set_contents(sqlite, "this is no database", -1, NULL);
    ok(ccb_rpmdb_list(database, &error) == NULL, "no SQLite database");
    is_error(&error, "rpm database in", "... which");
    g_unlink(sqlite);
    g_autofree char *bdb = g_build_filename(database, "Packages", NULL);
    g_file_set_contents(bdb, "this is no database", -1, NULL);
    ok(ccb_rpmdb_list(database, &error) == NULL, "no Berkeley DB");
    is_error(&error, "rpm database in", "... which");
}

/* An armored public key, as a file; NULL: no gpg.  *ret_id: its id, in lower case.  Caller frees both. */
static char *make_key(const char *directory, const char *name, const char *kind, char **ret_id)
{
    g_autofree char *file = g_strdup_printf("%s/%s.asc", directory, name);
    g_autofree char *list = NULL;
    const char *make[] = {"gpg", "--batch", "--passphrase", "",      "--quick-generate-key",
                          name,  kind,      "sign",         "never", NULL};
    const char *export[] = {"gpg", "--batch", "--armor", "--output", file, "--export", name, NULL};
    const char *show[] = {"gpg", "--batch", "--with-colons", "--list-keys", name, NULL};
    if (!run(make) || !run(export) ||
        !g_spawn_sync(NULL, (char **)show, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL,
                      NULL, NULL, &list, NULL, NULL, NULL))
        return NULL;
    g_auto(GStrv) fields = g_strsplit(strstr(list, "pub:"), ":", 6);
    *ret_id = g_ascii_strdown(fields[4], -1);
    return g_steal_pointer(&file);
}

typedef enum { WHOLE, HEADER_CHANGED, PAYLOAD_CHANGED } State;

/* Makes copy.rpm: the package, signed with the key of that name (NULL: with none).  Returns its path; caller frees. */
static char *make_signed(const char *directory, const char *package, const char *key, State state)
{
    gsize size;
    g_autofree char *text = NULL, *before = NULL;
    g_autofree char *path = g_build_filename(directory, "copy.rpm", NULL);
    g_autofree char *name = g_strdup_printf("_gpg_name %s", key);
    g_autofree char *gpg = g_find_program_in_path("gpg");
    g_autofree char *program = g_strdup_printf("__gpg %s", gpg);
    const char *sign[] = {"rpmsign", "--define",  program, "--define",
                          name,      "--addsign", path,    NULL};
    g_assert_true(g_file_get_contents(package, &before, &size, NULL) &&
                  g_file_set_contents(path, before, (gssize)size, NULL));
    g_assert_true(key == NULL || run(sign));
    g_assert_true(g_file_get_contents(path, &text, &size, NULL));
    if (state == HEADER_CHANGED)
        *(char *)memmem(text, size, "sums it up", 10) ^= 1;
    if (state == PAYLOAD_CHANGED)
        text[size - 10] ^= 1;
    g_assert_true(g_file_set_contents(path, text, (gssize)size, NULL));
    return g_steal_pointer(&path);
}

static void test_signatures(const char *directory, const char *package)
{
    GError *error = NULL;
    g_autofree char *home = g_build_filename(directory, "gpg", NULL);
    g_autofree char *id = NULL, *other_id = NULL;
    g_mkdir(home, 0700);
    g_setenv("GNUPGHOME", home, TRUE);
    g_autofree char *key = make_key(directory, "Vendor", "rsa2048", &id);
    g_autofree char *other = make_key(directory, "Other", "ed25519", &other_id);
    if (key == NULL || other == NULL) {
        ok(true, "signatures # SKIP no gpg");
        return;
    }
    const char *const good[] = {key, NULL}, *const wrong[] = {other, NULL},
                      *const both[] = {other, key, NULL};
    struct {
        const char *what, *signer;
        State state;
        const char *const *keys;
        const char *says, *names; /* NULL: it is accepted */
    } cases[] = {
        {"signed with an RSA key", "Vendor", WHOLE, good, NULL, NULL},
        {"signed with an EdDSA key", "Other", WHOLE, wrong, NULL, NULL},
        {"signed with one of two", "Vendor", WHOLE, both, NULL, NULL},
        {"not signed", NULL, WHOLE, good, "it is not signed", "rpmsign"},
        {"signed with another key", "Vendor", WHOLE, wrong, "which is none of its `keys`", id},
        {"and the other way", "Other", WHOLE, good, "which is none of its `keys`", other_id},
        {"another header", "Vendor", HEADER_CHANGED, good, "its header was changed", "digest"},
        {"another payload", "Vendor", PAYLOAD_CHANGED, good, "its content is not what key", id},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = make_signed(directory, package, cases[i].signer, cases[i].state);
        bool accepted = ccb_rpm_check_signature(path, cases[i].keys, &error);
        ok(accepted == (cases[i].says == NULL), cases[i].what);
        if (accepted || cases[i].says == NULL) {
            g_clear_error(&error);
            continue;
        }
        ok(strstr(error->message, cases[i].names) != NULL, cases[i].names);
        is_error(&error, cases[i].says, cases[i].what);
    }

    ok(!ccb_rpm_check_signature(key, good, &error), "a key is no package");
    is_error(&error, "it is no rpm package", "... and that is said");
    ok(!ccb_rpm_check_signature("/nonexistent.rpm", good, &error),
       "nor is a file that is not there");
    is_error(&error, "no rpm package", "...");

    /* Two keys in one file, as vendors publish old and new ones. */
    g_autofree char *first = NULL, *second = NULL;
    g_autofree char *together = g_build_filename(directory, "both.asc", NULL);
    g_assert_true(g_file_get_contents(other, &first, NULL, NULL) &&
                  g_file_get_contents(key, &second, NULL, NULL));
    g_autofree char *text = g_strconcat("comment\n", first, "\n", second, NULL);
    g_assert_true(g_file_set_contents(together, text, -1, NULL));
    const char *const one_file[] = {together, NULL};
    g_autofree char *path = make_signed(directory, package, "Vendor", WHOLE);
    ok(ccb_rpm_check_signature(path, one_file, &error), "the second key of a file counts");
    ok(ccb_rpm_check_keys(one_file, &error) && error == NULL, "such a file has keys");
    const char *const no_key[] = {package, NULL}, *const no_file[] = {"/nonexistent.asc", NULL};
    ok(!ccb_rpm_check_keys(no_key, &error), "a package has none");
    is_error(&error, "no OpenPGP public key", "... and that is said");
    ok(!ccb_rpm_check_keys(no_file, &error), "a missing file has none");
    is_error(&error, "/nonexistent.asc: No such file", "... and that is said");
    const char *const stop_agent[] = {"gpgconf", "--kill", "all", NULL};
    run(stop_agent);
}

static void fuzz_one(const char *data, gsize size)
{
    g_autofree char *text = g_strndup(data, size);
    ccb_kver_compare(text, "5.10.134-18.al8");
}

int main(void)
{
    test_kver();
    g_autofree char *directory = g_dir_make_tmp("ccbake-rpm-XXXXXX", NULL);
    test_bad_files(directory);
    g_setenv("HOME", directory, TRUE); /* rpmbuild keeps a database there */
    g_autofree char *package = build_package(directory);
    if (package != NULL) {
        test_database(directory, package);
        test_signatures(directory, package);
    } else {
        ok(true, "package # SKIP no rpmbuild");
    }
    static const char seed[] = "1:5.10.134~rc1^x-18.1.al8.x86_64";
    fuzz(seed, strlen(seed), 3000, fuzz_one);
    const char *argv[] = {"rm", "-rf", directory, NULL};
    run(argv);
    return done();
}
