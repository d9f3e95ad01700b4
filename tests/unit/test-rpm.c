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
                           "Summary: s\nLicense: MIT\nBuildArch: noarch\n"
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
    } else {
        ok(true, "package # SKIP no rpmbuild");
    }
    static const char seed[] = "1:5.10.134~rc1^x-18.1.al8.x86_64";
    fuzz(seed, strlen(seed), 3000, fuzz_one);
    const char *argv[] = {"rm", "-rf", directory, NULL};
    run(argv);
    return done();
}
