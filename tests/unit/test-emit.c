/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output formats, judged by qemu-img, and the comparison that every output goes through. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "emit/manifest.h"
#include "emit/origin.h"
#include "emit/output.h"
#include "tap.h"

static char *dir;

static char *in_dir(const char *name)
{
    return g_build_filename(dir, name, NULL);
}

/* Runs a program in `dir`; the arguments are separated by spaces. */
static bool run(const char *line)
{
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    int status = 1;
    return g_spawn_sync(dir, argv, NULL,
                        G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL |
                            G_SPAWN_STDERR_TO_DEV_NULL,
                        NULL, NULL, NULL, NULL, &status, NULL) &&
           status == 0;
}

static bool must(const char *line)
{
    return run(line) || ok(false, line);
}

/* qemu-io with one command. */
static void io(const char *image, const char *format, const char *command)
{
    char *argv[] = {"qemu-io", "-f", (char *)format, "-c", (char *)command, (char *)image, NULL};
    int status = 1;
    if (!g_spawn_sync(dir, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                      NULL, NULL, &status, NULL) ||
        status != 0)
        ok(false, command);
}

static CcbEmitSource *open_source(const char *name, const char *format, GError **error)
{
    g_autofree char *path = in_dir(name), *copy = in_dir("copy.qcow2");
    return ccb_emit_source_open(path, format, copy, error);
}

static char *digest(const char *name)
{
    g_autofree char *path = in_dir(name);
    return ccb_digest_file(path, NULL);
}

static uint64_t disk_use(const char *name)
{
    g_autofree char *path = in_dir(name);
    struct stat st = {0};
    return stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

/* A file at NAME for the calls that want one. */
static CcbOutputFile file_at(char *path)
{
    return (CcbOutputFile){.path = path, .temporary = path, .lock = -1};
}

/* Writes `source` in a format, twice: right both times, and the same bytes. */
static void judge(const char *source, const char *source_format, const CcbEmitFormat *format)
{
    g_autofree char *what = g_strdup_printf("%s as %s", source, format->name);
    g_autofree char *path = in_dir("out"), *second = in_dir("again");
    CcbOutputFile file = file_at(path), again = file_at(second);
    GError *error = NULL;
    g_autoptr(CcbEmitSource) opened = open_source(source, source_format, &error);
    bool good = opened != NULL && ccb_emit_write(opened, format, &file, false, &error) &&
                ccb_emit_compare(opened, format, &file, &error) &&
                ccb_emit_write(opened, format, &again, false, &error);
    if (!ok(good, what)) {
        printf("# %s\n", error->message);
        g_clear_error(&error);
        return;
    }
    g_autofree char *compare = g_strdup_printf("qemu-img compare -q -f %s -F %s %s out",
                                               source_format, format->format, source);
    ok(run(compare), "... qemu-img finds no difference");
    g_autofree char *one = digest("out"), *two = digest("again");
    is_str(one, two, "... always the same bytes");
    if (opened->copy != NULL)
        return;
    uint64_t data = 0;
    ok(ccb_qcow2_chain_data(opened->chain, &data, NULL) &&
           (format->compresses || disk_use("out") <= data + 4096 + format->unit),
       "... takes no more disk than there is data");
}

static void write_disk(const char *name, size_t size)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(20250117);
    g_autofree uint8_t *data = g_malloc0(size);
    g_autofree char *path = in_dir(name);
    for (size_t at = 0; at < size; at += 40000)
        for (size_t i = at; g_rand_int_range(random, 0, 3) == 0 && i < MIN(at + 40000, size); i++)
            data[i] = (uint8_t)g_rand_int(random);
    data[size - 1] = 1;
    g_file_set_contents(path, (const char *)data, (gssize)size, NULL);
}

static void formats(void)
{
    static const char *const sources[][2] = {{"disk.raw", "raw"},       {"plain.qcow2", "qcow2"},
                                             {"packed.qcow2", "qcow2"}, {"top.qcow2", "qcow2"},
                                             {"zstd.qcow2", "qcow2"},   {"fixed.vhd", "vpc"},
                                             {"dynamic.vhd", "vpc"},    {"empty.qcow2", "qcow2"}};
    static const CcbEmitFormat *const all[] = {&ccb_emit_qcow2, &ccb_emit_vhd, &ccb_emit_raw};
    write_disk("disk.raw", (6 << 20) + 512 * 77);
    must("qemu-img convert -f raw -O qcow2 disk.raw plain.qcow2");
    must("qemu-img convert -c -f raw -O qcow2 disk.raw packed.qcow2");
    must("qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd disk.raw zstd.qcow2");
    must("qemu-img convert -f raw -O vpc -o subformat=fixed,force_size=on disk.raw fixed.vhd");
    must("qemu-img convert -f raw -O vpc -o subformat=dynamic,force_size=on disk.raw dynamic.vhd");
    must("qemu-img create -q -f qcow2 -b packed.qcow2 -F qcow2 top.qcow2 9M");
    io("top.qcow2", "qcow2", "write -z 2097152 131072");
    must("qemu-img create -q -f qcow2 empty.qcow2 300M");
    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
        for (size_t j = 0; j < G_N_ELEMENTS(all); j++)
            judge(sources[i][0], sources[i][1], all[j]);
    g_autofree char *copy = in_dir("copy.qcow2");
    ok(access(copy, F_OK) != 0, "copies are gone");
}

/* Zeros that the source has written out, and blocks of data far apart, are three blocks here. */
static void holes(void)
{
    must("qemu-img create -q -f raw -o preallocation=full zeros.raw 8M");
    io("zeros.raw", "raw", "write -P 1 4096 4096");
    g_autofree char *from = in_dir("zeros.raw"), *path = in_dir("out");
    CcbOutputFile file = file_at(path);
    int fd = open(from, O_WRONLY | O_CLOEXEC);
    ok(pwrite(fd, "x", 1, 3000000) == 1 && pwrite(fd, "y", 1, (8 << 20) - 1) == 1,
       "a disk of zeros");
    close(fd);
    g_autoptr(CcbEmitSource) source = open_source("zeros.raw", "raw", NULL);
    ok(ccb_emit_write(source, &ccb_emit_raw, &file, false, NULL), "... written");
    ok(disk_use("zeros.raw") >= 8 << 20 && disk_use("out") <= 3 * 4096, "... without its zeros");
}

/* Whether a change of the output at `at` is seen, in sector at/512. */
static void sees(const CcbEmitFormat *format, off_t at)
{
    g_autofree char *path = in_dir("out");
    g_autofree char *wanted = g_strdup_printf("sector %ld differs", (long)at / 512);
    CcbOutputFile file = file_at(path);
    GError *error = NULL;
    unsigned char byte;
    g_autoptr(CcbEmitSource) source = open_source("packed.qcow2", "qcow2", NULL);
    ok(ccb_emit_write(source, format, &file, false, NULL), "an output");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ok(pread(fd, &byte, 1, at) == 1 && (byte ^= 1, pwrite(fd, &byte, 1, at) == 1), "... damaged");
    close(fd);
    ok(!ccb_emit_compare(source, format, &file, &error), "... is not the source");
    is_error(&error, wanted, "... and where");
}

static void differences(void)
{
    g_autofree char *path = in_dir("out");
    CcbOutputFile file = file_at(path);
    GError *error = NULL;
    sees(&ccb_emit_raw, 0);
    sees(&ccb_emit_raw, 1234567);
    sees(&ccb_emit_vhd, (6 << 20) + 512 * 77 - 1);
    sees(&ccb_emit_vhd, (7 << 20) - 1); /* behind the end of the source */
    g_autoptr(CcbEmitSource) source = open_source("packed.qcow2", "qcow2", NULL);
    ok(ccb_emit_write(source, &ccb_emit_raw, &file, false, NULL), "an output");
    ok(truncate(path, 5 << 20) == 0 && !ccb_emit_compare(source, &ccb_emit_raw, &file, &error),
       "... cut off");
    is_error(&error, "expected 6330880", "... is seen by its size");
    ok(ccb_emit_write(source, &ccb_emit_vhd, &file, false, NULL), "a VHD");
    ok(truncate(path, 7 << 20) == 0 && !ccb_emit_compare(source, &ccb_emit_vhd, &file, &error),
       "... without its footer");
    is_error(&error, "no VHD footer", "... is seen");
}

static void sources_in_use(void)
{
    g_autofree char *from = in_dir("busy.raw"), *path = in_dir("out");
    CcbOutputFile file = file_at(path);
    GError *error = NULL;
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1};
    must("cp disk.raw busy.raw");
    g_autoptr(CcbEmitSource) source = open_source("busy.raw", "raw", NULL);
    ok(ccb_emit_write(source, &ccb_emit_raw, &file, false, NULL), "a source");
    int fd = open(from, O_RDWR | O_CLOEXEC);
    ok(pwrite(fd, "x", 1, 99) == 1 && !ccb_emit_compare(source, &ccb_emit_raw, &file, &error),
       "... that changes");
    is_error(&error, "busy.raw was changed while it was read", "... is not taken for a difference");
    ok(fcntl(fd, F_OFD_SETLK, &lock) == 0 && open_source("busy.raw", "raw", &error) == NULL,
       "a source that QEMU writes to");
    is_int(ccb_exit_code(error), CCB_ERR_BUSY, "... is busy");
    is_error(&error, "being written to", "... and says so");
    close(fd);
    must("cp fixed.vhd cut.vhd");
    must("truncate --size=-1M cut.vhd");
    ok(open_source("cut.vhd", "vpc", &error) == NULL, "a VHD that is cut off");
    is_error(&error, "no VHD footer", "... has no footer");
}

static void names(void)
{
    static const char *const both[] = {"vhd", "raw", NULL}, *const twice[] = {"raw", "raw", NULL};
    static const char *const none[] = {"vmdk", NULL};
    GError *error = NULL;
    g_autoptr(GPtrArray) two = ccb_emit_formats(both, NULL);
    g_auto(GStrv) paths = ccb_emit_paths(two, "some dir/gpu.v1.vhd", NULL);
    is_str(paths[0], "some dir/gpu.v1.vhd", "several outputs: the first");
    is_str(paths[1], "some dir/gpu.v1.raw", "... and another");
    g_ptr_array_set_size(two, 1);
    g_auto(GStrv) path = ccb_emit_paths(two, "image", NULL);
    is_str(path[0], "image", "a single output is called as the user wants");
    static const char *const others[] = {"x.img", "x.vmdk", "x.qcow", "x.qcow2.gz"};
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++) {
        g_autoptr(GError) refused = NULL;
        ok(ccb_emit_paths(two, others[i], &refused) == NULL, others[i]);
        is_error(&refused, "the endings are .qcow2, .vhd, and .raw or .img", "... and the endings");
    }
    ok(ccb_emit_paths(two, "image.qcow2", &error) == NULL, "a name that says another format");
    is_error(&error, "the name says qcow2, and vhd is written", "... is refused");
    ok(ccb_emit_formats(twice, &error) == NULL, "a format twice");
    is_error(&error, "asked for twice", "... is refused");
    ok(ccb_emit_formats(none, &error) == NULL, "another format");
    is_error(&error, "ccbake writes qcow2, vhd, raw", "... and what there is");
}

/* Whether the image at "current.raw", with `manifest` beside it, is what a bake would give. */
static bool is_current(const char *manifest, const char *check_set)
{
    g_autofree char *image = in_dir("current.raw"), *path = in_dir("current.json");
    const char *const paths[] = {image, NULL};
    g_autoptr(GPtrArray) raw = g_ptr_array_new();
    g_ptr_array_add(raw, (gpointer)&ccb_emit_raw);
    g_autofree char *sha256 = ccb_digest_string("disk");
    g_autofree char *text = g_strdup_printf("{\"key\": \"k\", \"images\": [{\"format\": \"raw\", "
                                            "\"sha256\": \"%s\"}]%s}",
                                            sha256, manifest);
    ok(ccb_write_file_atomic(image, "disk", 4, NULL) &&
           ccb_write_file_atomic(path, text, strlen(text), NULL),
       "an image with a manifest");
    static CcbRecipe recipe;
    const CcbPlan plan = {.recipe = &recipe, .expect = {.gpus = 8}};
    recipe.waivers = recipe.waivers ? recipe.waivers : g_ptr_array_new();
    return ccb_manifest_is_current(paths, raw, "k", &plan, false, check_set);
}

static void current(void)
{
#define EXPECTED ", \"expected\": {\"gpus\": 8, \"no_driver\": false}"
    static const char checked[] = EXPECTED ", \"checks\": {}, \"check_set\": \"a b\"";
    g_autofree char *cache = in_dir("cache");
    g_setenv("CCBAKE_CACHE_DIR", cache, true);
    ok(is_current("", NULL), "... is current where no checks are asked for");
    ok(!is_current("", "a b"), "... and is not where they are and there were none");
    ok(is_current(checked, "a b"), "... the same checks were made");
    ok(!is_current(checked, "a b c"), "... but not one that is new");
    ok(!is_current(", \"expected\": {\"gpus\": 1, \"no_driver\": false}, \"checks\": {}, "
                   "\"check_set\": \"a b\"",
                   "a b"),
       "... nor where the recipe is for another number of GPUs now");
    ok(!is_current(EXPECTED ", \"checks\": {}", "a b"), "... by a ccbake that did not note which");
    ok(!is_current(EXPECTED
                   ", \"checks\": {\"checks\": [{\"waiver\": \"w\"}]}, \"check_set\": \"a b\"",
                   "a b"),
       "... with a waiver that there is no more");
}

/* What has the temporary name is never written through: links and a FIFO go, and the file of a live bake is respected. */
static void planted(void)
{
    enum { SYMLINK, HARD_LINK, FIFO, LEFTOVER, KINDS };
    g_autofree char *victim = in_dir("victim"), *path = in_dir("planted.qcow2");
    g_autofree char *temporary = in_dir(".planted.qcow2.part");
    const char *const paths[] = {path, NULL};
    mode_t mask = umask(0);
    for (int kind = SYMLINK; kind < KINDS; kind++) {
        struct stat st = {0};
        GError *error = NULL;
        g_autofree char *content = NULL;
        g_file_set_contents(victim, "precious", -1, NULL);
        int made = kind == SYMLINK     ? symlink(victim, temporary)
                   : kind == HARD_LINK ? link(victim, temporary)
                   : kind == FIFO      ? mkfifo(temporary, 0600)
                                       : !g_file_set_contents(temporary, "left", -1, NULL);
        is_int(made, 0, "something has the temporary name");
        g_autoptr(CcbOutput) output = ccb_output_reserve(paths, false, &error);
        if (!ok(output != NULL, "... and the output is reserved"))
            printf("# %s\n", error->message);
        g_clear_error(&error);
        ok(lstat(temporary, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
               st.st_size == 0 && (st.st_mode & 0777) == 0644,
           "... by a new file, whose mode is not that of the umask");
        g_autoptr(CcbOutput) second = ccb_output_reserve(paths, false, &error);
        ok(second == NULL, "... that no other bake takes");
        is_error(&error, "another ccbake is making", "... why");
        g_file_get_contents(victim, &content, NULL, NULL);
        is_str(content, "precious", "... and the linked file is as it was");
    }
    umask(mask);
    ok(access(temporary, F_OK) != 0, "the temporary file is gone");
}

int main(void)
{
    ccb_progress_options.quiet = true;
    dir = g_dir_make_tmp("ccb-emit-XXXXXX", NULL);
    formats();
    holes();
    differences();
    sources_in_use();
    names();
    current();
    planted();
    ccb_remove_tree(dir, NULL);
    g_free(dir);
    return done();
}
