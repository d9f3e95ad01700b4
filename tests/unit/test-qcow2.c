/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2: metadata, the compressor, and emission of real chains, judged by qemu-img. */
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "emit/origin.h"
#include "image/copy.h"
#include "image/qcow2-writer.h"
#include "image/qcow2.h"
#include "tap.h"

/* --- metadata */

static const CcbQcow2Header small = {.cluster_bits = 16,
                                     .size = 10 << 20,
                                     .l1_entries = 1,
                                     .l1_offset = 0x30000,
                                     .refcount_offset = 0x10000,
                                     .refcount_clusters = 1};

static void header_round_trip(void)
{
    uint8_t bytes[CCB_QCOW2_HEADER_BYTES];
    g_auto(CcbQcow2Header) h = {0};
    GError *error = NULL;
    ccb_qcow2_header_build(&small, bytes);
    ok(ccb_qcow2_header_parse(bytes, sizeof bytes, &h, &error), "a built header parses");
    ok(h.version == 3 && h.cluster_bits == 16 && h.size == 10 << 20 && h.l1_offset == 0x30000 &&
           h.refcount_offset == 0x10000 && h.backing == NULL && !h.extended_l2,
       "and says what was put in");
}

/* A good header with one byte changed is refused for that reason. */
static void refuses(size_t at, uint8_t value, const char *reason)
{
    uint8_t bytes[CCB_QCOW2_HEADER_BYTES];
    g_auto(CcbQcow2Header) h = {0};
    g_autofree char *what = g_strdup_printf("refused: %s", reason);
    GError *error = NULL;
    ccb_qcow2_header_build(&small, bytes);
    bytes[at] = value;
    ccb_qcow2_header_parse(bytes, sizeof bytes, &h, &error);
    is_error(&error, reason, what);
}

static void malformed_headers(void)
{
    refuses(0, 'q', "not a qcow2 file");
    refuses(7, 4, "unknown version");
    refuses(23, 8, "bad cluster size");
    refuses(23, 22, "bad cluster size");
    refuses(35, 2, "encrypted");
    refuses(79, 1, "dirty");
    refuses(79, 2, "corrupt");
    refuses(79, 4, "another file");
    refuses(79, 8, "compression type");
    refuses(79, 32, "unknown incompatible");
    refuses(39, 0, "too small for the disk");
    refuses(36, 1, "larger than 32 MiB");
    refuses(47, 1, "not aligned");
    refuses(40, 0xff, "beyond 64 PiB");
    refuses(99, 7, "refcount width");
    refuses(103, 96, "header length");
}

static void extensions(void)
{
    static const uint8_t inside[] = {0xe2, 0x79, 0x2a, 0xca, 0, 0, 0, 3, 'r', 'a', 'w', 0};
    enum { SIZE = 256 };
    uint8_t bytes[CCB_QCOW2_HEADER_BYTES];
    g_auto(CcbQcow2Header) h = {0};
    GError *error = NULL;
    ccb_qcow2_header_build(&small, bytes);
    memcpy(bytes + 104, inside, sizeof inside);
    ok(ccb_qcow2_header_parse(bytes, SIZE, &h, &error), "an extension");
    is_str(h.backing_format, "raw", "names the backing format");
    bytes[110] = 1;
    ccb_qcow2_header_parse(bytes, SIZE, &h, &error);
    is_error(&error, "ends outside the first cluster", "an extension that is too long");
    bytes[110] = 0;
    bytes[14] = 1; /* a name at 256 ... */
    bytes[19] = 1; /* ... of one byte */
    ccb_qcow2_header_parse(bytes, SIZE, &h, &error);
    is_error(&error, "name is outside", "a name behind the end");
}

static void entries(void)
{
    CcbQcow2Cluster c = {0};
    CcbQcow2Header v2 = {.version = 2, .cluster_bits = 16};
    CcbQcow2Header v3 = {.version = 3, .cluster_bits = 16};
    uint64_t offset = 0;
    ok(ccb_qcow2_l2_decode(0, &v3, &c) && c.kind == CCB_QCOW2_UNALLOCATED, "entry: unallocated");
    ok(ccb_qcow2_l2_decode(1, &v3, &c) && c.kind == CCB_QCOW2_ZERO, "entry: zero");
    ok(ccb_qcow2_l2_decode(0x50001, &v3, &c) && c.kind == CCB_QCOW2_ZERO, "entry: zero, allocated");
    ok(!ccb_qcow2_l2_decode(1, &v2, &c), "entry: version 2 has no zero clusters");
    ok(ccb_qcow2_l2_decode(0x8000000000050000, &v3, &c) && c.kind == CCB_QCOW2_DATA &&
           c.offset == 0x50000,
       "entry: data");
    ok(!ccb_qcow2_l2_decode(0x8000000000050200, &v3, &c), "entry: data that is not aligned");
    /* 64 KiB: x = 54; 3 more sectors, from 0x50123 on. */
    uint64_t entry = 1ull << 62 | 3ull << 54 | 0x50123;
    ok(ccb_qcow2_l2_decode(entry, &v3, &c) && c.kind == CCB_QCOW2_COMPRESSED &&
           c.offset == 0x50123 && c.length == 4 * 512 - 0x123,
       "entry: compressed");
    ok(ccb_qcow2_l2_compressed(0x50123, 4 * 512 - 0x123, 16) == entry, "... to the last byte");
    ok(ccb_qcow2_l2_compressed(0x50123, 3 * 512 - 0x122, 16) == entry, "... to the first");
    v3.cluster_bits = 21; /* x = 49 */
    ok(ccb_qcow2_l2_decode(1ull << 62 | 1ull << 49 | 512, &v3, &c) && c.length == 1024,
       "entry: compressed, 2 MiB");
    v3.cluster_bits = 9; /* x = 61: more than the 56 bits that an offset may have */
    ok(!ccb_qcow2_l2_decode(1ull << 62 | 1ull << 60, &v3, &c), "entry: beyond 64 PiB");
    ok(ccb_qcow2_l1_decode(0x8000000000040000, &v2, &offset) && offset == 0x40000, "L1 entry");
    ok(!ccb_qcow2_l1_decode(0x8000000000040200, &v2, &offset), "L1 entry that is not aligned");
}

static void fuzz_header(const char *data, gsize size)
{
    g_auto(CcbQcow2Header) h = {0};
    ccb_qcow2_header_parse(data, size, &h, NULL);
}

/* --- the compressor */

enum { CLUSTER = 65536 };

static void fill_random(GRand *random, uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)g_rand_int(random);
}

/* Words with numbers between them: what text looks like to a compressor. */
static void fill_text(GRand *random, uint8_t *data, size_t size)
{
    static const char *const words[] = {"extern ", "int ", "cuda_", "stream ", "(void);\n", "0x"};
    for (size_t at = 0; at < size;) {
        const char *word = words[g_rand_int_range(random, 0, G_N_ELEMENTS(words))];
        for (; *word != '\0' && at < size; word++)
            data[at++] = (uint8_t)*word;
        if (at < size && g_rand_int_range(random, 0, 3) == 0)
            data[at++] = (uint8_t)g_rand_int_range(random, '0', '9');
    }
}

/* Random runs of random length from a small alphabet: matches of all lengths, and of all distances
 * that deflate knows, which are more than QEMU writes itself. */
static void fill_runs(GRand *random, uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t n = MIN((size_t)g_rand_int_range(random, 1, 600), size - at);
        size_t back = (size_t)g_rand_int_range(random, 1, 32769);
        bool copy = back <= at && g_rand_boolean(random);
        for (; n > 0; n--, at++)
            data[at] = copy ? data[at - back] : (uint8_t)g_rand_int_range(random, 0, 40);
    }
}

/* --- chains */

static char *dir;
static char *last_output;

static char *in_dir(const char *name)
{
    return g_build_filename(dir, name, NULL);
}

/* Runs a program in `dir`; the arguments are separated by spaces. */
static bool run(const char *line)
{
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    g_autofree char *err = NULL;
    int status = 1;
    g_free(g_steal_pointer(&last_output));
    if (!g_spawn_sync(dir, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &last_output, &err, &status,
                      NULL))
        return false;
    if (status != 0)
        printf("# %s: %s%s\n", line, last_output, err);
    return status == 0;
}

static bool must(const char *line)
{
    return run(line) || ok(false, line);
}

/* qemu-io with one command. */
static bool io(const char *image, const char *command)
{
    char *argv[] = {"qemu-io", "-f", "qcow2", "-c", (char *)command, (char *)image, NULL};
    int status = 1;
    return (g_spawn_sync(dir, argv, NULL,
                         G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL |
                             G_SPAWN_STDERR_TO_DEV_NULL,
                         NULL, NULL, NULL, NULL, &status, NULL) &&
            status == 0) ||
           ok(false, command);
}

static bool emit(const char *source, const char *out, bool compress, GError **error)
{
    g_autofree char *from = in_dir(source), *to = in_dir(out);
    g_autofree char *copy = in_dir("copy.qcow2");
    g_autoptr(CcbEmitSource) opened = ccb_emit_source_open(from, "qcow2", copy, error);
    return opened != NULL && ccb_emit_qcow2.write(opened->chain, to, compress, error);
}

static char *digest(const char *name)
{
    g_autofree char *path = in_dir(name);
    return ccb_digest_file(path, NULL);
}

static void use_one_core(cpu_set_t *ret_before)
{
    cpu_set_t one;
    sched_getaffinity(0, sizeof *ret_before, ret_before);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, ret_before))
            CPU_SET(i, &one);
    sched_setaffinity(0, sizeof one, &one);
}

static bool is_right(const char *source)
{
    g_autofree char *compare =
        g_strdup_printf("qemu-img compare -q -f qcow2 -F qcow2 %s out.qcow2", source);
    return run("qemu-img check -q -f qcow2 out.qcow2") && run(compare) &&
           run("qemu-img info -f qcow2 out.qcow2") && strstr(last_output, "compat: 1.1") &&
           strstr(last_output, "cluster_size: 65536") &&
           strstr(last_output, "compression type: zlib") && !strstr(last_output, "backing file");
}

/* Emits `source` both ways: right, and the same again, with one thread too. */
static void judge(const char *source, const char *what)
{
    for (int compress = 0; compress < 2; compress++) {
        g_autofree char *name = g_strdup_printf("%s, %s", what, compress ? "compressed" : "plain");
        g_autoptr(GError) error = NULL;
        cpu_set_t before;
        bool good = emit(source, "out.qcow2", compress, &error) && is_right(source);
        use_one_core(&before);
        good = good && emit(source, "again.qcow2", compress, &error);
        sched_setaffinity(0, sizeof before, &before);
        g_autofree char *first = digest("out.qcow2"), *second = digest("again.qcow2");
        if (!ok(good && g_strcmp0(first, second) == 0, name))
            printf("# %s\n", error ? error->message : "qemu-img does not like it, or it differs");
    }
}

/* Over the backing file that `source` has. */
static bool pack(const char *source, const char *out, GError **error)
{
    g_autofree char *from = in_dir(source), *to = in_dir(out), *bytes = NULL;
    gsize size = 0;
    g_auto(CcbQcow2Header) h = {0};
    return g_file_get_contents(from, &bytes, &size, error) &&
           ccb_qcow2_header_parse(bytes, size, &h, error) &&
           ccb_qcow2_pack(from, to, h.backing, error);
}

static bool same_digest(const char *a, const char *b)
{
    g_autofree char *first = digest(a), *second = digest(b);
    return g_strcmp0(first, second) == 0;
}

/* Packs an overlay: it shows the same over the same base, and gives the same image. */
static void judge_pack(const char *source, const char *what)
{
    g_autofree char *name = g_strdup_printf("%s, packed", what);
    g_autofree char *compare =
        g_strdup_printf("qemu-img compare -q -f qcow2 -F qcow2 %s packed.qcow2", source);
    GError *error = NULL;
    bool good = pack(source, "packed.qcow2", &error) && run("qemu-img check -q packed.qcow2") &&
                run(compare);
    ok(good, name);
    if (error != NULL)
        printf("# %s\n", error->message);
    g_clear_error(&error);
    good = pack("packed.qcow2", "twice.qcow2", NULL) && same_digest("packed.qcow2", "twice.qcow2");
    ok(good, "... and packed again it is the same");
    good = emit(source, "out.qcow2", true, NULL) && emit("packed.qcow2", "again.qcow2", true, NULL);
    ok(good && same_digest("out.qcow2", "again.qcow2"), "... and so is what is emitted from it");
}

/* A raw disk of noise, text and holes. */
static void make_disk(const char *name, size_t size, uint32_t seed)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    g_autofree uint8_t *data = g_malloc0(size);
    g_autofree char *path = in_dir(name);
    for (size_t at = 0; at < size; at += 40000) {
        size_t n = MIN(40000, size - at);
        switch (g_rand_int_range(random, 0, 4)) {
        case 0:
            fill_random(random, data + at, n);
            break;
        case 1:
            fill_text(random, data + at, n);
            break;
        case 2:
            fill_runs(random, data + at, n);
            break;
        }
    }
    g_file_set_contents(path, (const char *)data, (gssize)size, NULL);
}

/* Bases of all kinds from the same disk, whose size is not a multiple of 64 KiB. */
static void make_bases(void)
{
    make_disk("base.raw", (6 << 20) + 512 * 77, 7);
    must("qemu-img convert -c -f raw -O qcow2 base.raw base.qcow2");
    must("qemu-img convert -f raw -O qcow2 base.raw plain.qcow2");
    must("qemu-img convert -c -f raw -O qcow2 -o compat=0.10 base.raw old.qcow2");
    must("qemu-img convert -c -f raw -O qcow2 -o cluster_size=2M base.raw big.qcow2");
    must("qemu-img convert -c -f raw -O qcow2 -o cluster_size=4k base.raw little.qcow2");
    must("qemu-img convert -c -f raw -O qcow2 -o cluster_size=512 base.raw least.qcow2");
    must("qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd base.raw zstd.qcow2");
    must("qemu-img convert -f raw -O vpc base.raw base.vhd");
}

static void overlay(const char *base, const char *format, const char *name, const char *more)
{
    g_autofree char *line =
        g_strdup_printf("qemu-img create -q -f qcow2 -b %s -F %s %s%s", base, format, name, more);
    must(line);
}

/* Writes that begin and end anywhere, zeros and discards. */
static void work_on(const char *image)
{
    static const char *const commands[] = {
        "write -P 17 12345 70000", "write -P 33 1048576 131072", "write -z 2097152 131072",
        "write -z 3000000 5000",   "discard 4194304 131072",     "write -c -P 99 5242880 65536",
        "write -P 0 1310720 65536"};
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        io(image, commands[i]);
}

static void chain_over(const char *base, const char *format, const char *size, const char *what)
{
    overlay(base, format, "top.qcow2", size);
    work_on("top.qcow2");
    judge("top.qcow2", what);
    judge_pack("top.qcow2", what);
}

/* Zeros that hide what is below are kept; zeros on zeros are not, as discards leave them. */
static void pack_zeros(void)
{
    must("qemu-img create -q -f qcow2 empty.qcow2 20G");
    overlay("empty.qcow2", "qcow2", "top.qcow2", "");
    io("top.qcow2", "write -P 5 0 65536");
    io("top.qcow2", "discard 1048576 1073741824");
    judge_pack("top.qcow2", "an overlay with a large discard over nothing");
    g_autofree char *packed = in_dir("packed.qcow2");
    struct stat st;
    ok(stat(packed, &st) == 0 && st.st_size < 10 * 65536, "... which takes no space");
    overlay("top.qcow2", "qcow2", "above.qcow2", "");
    io("above.qcow2", "write -z 0 131072");
    judge_pack("above.qcow2", "zeros over data");
    must("qemu-img convert -f qcow2 -O raw packed.qcow2 shown.raw");
    g_autofree char *shown = in_dir("shown.raw");
    FILE *file = fopen(shown, "rb");
    ok(file != NULL && fgetc(file) == 0, "... hide the data");
    if (file != NULL)
        fclose(file);
}

static void chains(void)
{
    judge("base.qcow2", "a compressed image alone");
    judge("old.qcow2", "version 2");
    chain_over("base.qcow2", "qcow2", "", "overlay on a compressed base");
    chain_over("plain.qcow2", "qcow2", "", "overlay on a plain base");
    chain_over("base.raw", "raw", "", "overlay on a raw base");
    chain_over("big.qcow2", "qcow2", "", "base with 2 MiB clusters");
    chain_over("little.qcow2", "qcow2", "", "base with 4 KiB clusters");
    chain_over("least.qcow2", "qcow2", "", "base with 512 byte clusters");
    chain_over("base.qcow2", "qcow2", " 9M", "overlay larger than its base");
    chain_over("base.qcow2", "qcow2", " 5444608", "overlay smaller than its base");
    chain_over("zstd.qcow2", "qcow2", "", "a base with zstd, by qemu-img");
    chain_over("base.vhd", "vpc", "", "a vhd base, by qemu-img");
    overlay("base.qcow2", "qcow2", "middle.qcow2", " 7M");
    work_on("middle.qcow2");
    overlay("middle.qcow2", "qcow2", "top.qcow2", " -o cluster_size=32k");
    io("top.qcow2", "write -P 5 1100000 300000");
    judge("top.qcow2", "three levels");
    must("qemu-img create -q -f qcow2 top.qcow2 20G");
    judge("top.qcow2", "an empty disk");
    io("top.qcow2", "write -P 1 0 1000");
    io("top.qcow2", "write -P 1 10737418240 100000");
    judge("top.qcow2", "a disk with two islands");
    must("qemu-img create -q -f qcow2 top.qcow2 0");
    judge("top.qcow2", "a disk of no size");
}

/* What the base holds compressed is not compressed again: emitting twice changes nothing. */
static void passes_through(void)
{
    g_autofree char *path = in_dir("base.qcow2"), *copy = in_dir("out.qcow2");
    struct stat before, after;
    ok(emit("base.qcow2", "out.qcow2", true, NULL), "a compressed base");
    ok(stat(path, &before) == 0 && stat(copy, &after) == 0 && after.st_size <= before.st_size,
       "does not grow");
    ok(emit("out.qcow2", "again.qcow2", true, NULL), "emitted once more");
    g_autofree char *first = digest("out.qcow2");
    is_taken(digest("again.qcow2"), first, "gives the same bytes");
}

/* More than 65535 compressed clusters can't share a cluster: the count has 16 bits. */
static void refcount_limit(void)
{
    enum { MANY = 70000 };
    g_autofree char *path = in_dir("many.qcow2");
    GError *error = NULL;
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    g_autoptr(CcbQcow2Writer) writer = ccb_qcow2_writer_new(fd, path, (uint64_t)MANY * CLUSTER);
    bool good = true;
    for (uint64_t i = 0; i < MANY; i++)
        good &= ccb_qcow2_writer_compressed(writer, i, (const uint8_t *)"", 1, &error);
    ok(good && ccb_qcow2_writer_finish(writer, &error), "70000 clusters of one byte");
    close(fd);
    ok(run("qemu-img check -q -f qcow2 many.qcow2"), "are counted right");
}

/* --- what must not work */

static void refused_as(bool compress, const char *source, const char *reason)
{
    g_autofree char *what = g_strdup_printf("refused: %s", reason);
    GError *error = NULL;
    emit(source, "bad.out", compress, &error);
    is_error(&error, reason, what);
}

static void refused(const char *source, const char *reason)
{
    refused_as(true, source, reason);
}

static void poke(const char *name, off_t at, const void *data, size_t size)
{
    g_autofree char *path = in_dir(name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ok(fd >= 0 && pwrite(fd, data, size, at) == (ssize_t)size, "a damaged copy");
    close(fd);
}

static void broken_chains(void)
{
    static const uint8_t far[8] = {0x80, 0x00, 0x7f, 0xff, 0xff, 0xff, 0x00, 0x00};
    g_autofree char *cut = in_dir("cut.qcow2");
    refused("nowhere.qcow2", "No such file");
    refused("base.raw", "not a qcow2 file");
    must("qemu-img create -q -u -f qcow2 -b self.qcow2 -F qcow2 loop.qcow2 1M");
    must("qemu-img create -q -u -f qcow2 -b loop.qcow2 -F qcow2 self.qcow2 1M");
    refused("self.qcow2", "is based on itself");
    must("qemu-img create -q -u -f qcow2 -b gone.qcow2 -F qcow2 orphan.qcow2 1M");
    refused("orphan.qcow2", "gone.qcow2");
    must("qemu-img create -q -u -f qcow2 -b base.raw -F raw orphan.qcow2 1M");
    poke("orphan.qcow2", 112, "none",
         4); /* where qemu-img puts the extension that names the format */
    refused("orphan.qcow2", "doesn't say which format");
    must("qemu-img create -q -u -f qcow2 -b nbd:x:1 -F raw orphan.qcow2 1M");
    refused("orphan.qcow2", "not a file");
    must("cp base.qcow2 cut.qcow2");
    ok(truncate(cut, 200000) == 0, "a base cut off");
    refused("cut.qcow2", "outside the file");
    must("cp plain.qcow2 cut.qcow2");
    poke("cut.qcow2", 0x40000, far, sizeof far); /* qemu-img puts the L2 table there */
    refused("cut.qcow2", "outside the file");
    must("cp base.qcow2 cut.qcow2");
    poke("cut.qcow2", 0x50000 + 16, "garbage garbage garbage", 23);
    refused_as(false, "cut.qcow2", "bad compressed data"); /* compressed, it is copied unread */
}

/* Flips bytes in the metadata of a small chain; the sanitizers judge. */
static void fuzz_chain(int rounds)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(20250117);
    g_autofree char *path = in_dir("fuzz.qcow2"), *data = NULL;
    gsize size;
    int good = 0;
    must("qemu-img create -q -f qcow2 -o cluster_size=512 fuzz.qcow2 256k");
    io("fuzz.qcow2", "write -P 3 0 3000");
    io("fuzz.qcow2", "write -c -P 4 65536 65536");
    g_file_get_contents(path, &data, &size, NULL);
    for (int i = 0; i < rounds; i++) {
        g_autofree char *copy = g_memdup2(data, size);
        for (int n = g_rand_int_range(random, 1, 5); n > 0; n--)
            copy[g_rand_int_range(random, 8, (gint32)MIN(size, 6144))] ^=
                (char)(1 << g_rand_int_range(random, 0, 8));
        g_autofree char *target = in_dir("fuzz.tmp");
        int fd = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        ccb_write_all(fd, copy, size, target, NULL);
        close(fd);
        good += emit("fuzz.tmp", "fuzz.out", i % 2 == 0, NULL);
    }
    printf("# %d of %d could be emitted\n", good, rounds);
    ok(good < rounds, "damaged chains do no harm");
}

static void with_qemu(void)
{
    dir = g_dir_make_tmp("ccb-qcow2-XXXXXX", NULL);
    make_bases();
    chains();
    pack_zeros();
    passes_through();
    refcount_limit();
    broken_chains();
    fuzz_chain(2000);
    ccb_remove_tree(dir, NULL);
    g_free(dir);
    g_free(last_output);
}

int main(void)
{
    uint8_t seed[CCB_QCOW2_HEADER_BYTES];
    header_round_trip();
    malformed_headers();
    extensions();
    entries();
    ccb_qcow2_header_build(&small, seed);
    fuzz(seed, sizeof seed, 5000, fuzz_header);
    with_qemu();
    return done();
}
