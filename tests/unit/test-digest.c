/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is remembered of the digests of files, from process to process, and when it is not trusted. */
#include "base/digest.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "tap.h"

static char *program; /* this one */
static char *false_digest;

/* Each call is a process: a new one knows nothing but what is in the cache. */
static char *in_process(char *(*call)(const char *path), const char *path)
{
    int ends[2];
    char answer[CCB_SHA256_HEX + 1] = "";
    g_assert_true(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        g_autofree char *digest = call(path);
        _exit(write(ends[1], digest, strlen(digest)) < 0);
    }
    close(ends[1]);
    g_assert_true(read(ends[0], answer, CCB_SHA256_HEX) >= 0);
    close(ends[0]);
    waitpid(pid, NULL, 0);
    return g_strdup(answer);
}

static char *ask(const char *path)
{
    return ccb_digest_file_once(path, NULL);
}

static char *ask_paranoid(const char *path)
{
    ccb_digest_paranoid = true;
    return ccb_digest_file_once(path, NULL);
}

/* What the process itself has read is not read twice. */
static char *ask_paranoid_twice(const char *path)
{
    g_free(ask_paranoid(path));
    ccb_digest_remember(path, false_digest);
    return ask_paranoid(path);
}

static char *plant(const char *path)
{
    ccb_digest_remember(path, false_digest);
    return g_strdup("");
}

/* The only entry; caller frees. */
static char *entry(void)
{
    g_autofree char *directory = g_build_filename(ccb_cache_dir(), "digests", NULL);
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    const char *name = dir != NULL ? g_dir_read_name(dir) : NULL;
    return name != NULL ? g_build_filename(directory, name, NULL) : NULL;
}

static void test_young(void)
{
    g_autofree char *path = g_build_filename(ccb_cache_dir(), "young", NULL);
    g_autofree char *one = ccb_digest_string("one"), *two = ccb_digest_string("two");
    g_file_set_contents(path, "one", -1, NULL);
    is_taken(in_process(ask, path), one, "a file that was just written is read");
    ok(entry() == NULL, "and not remembered: it may change within the tick of its time stamps");
    g_file_set_contents(path, "two", -1, NULL);
    is_taken(in_process(ask, path), two, "nor is its successor");
}

static void wait_until_old(const char *path)
{
    struct stat st;
    while (stat(path, &st) == 0 && time(NULL) - st.st_ctim.tv_sec < 2)
        g_usleep(100 * 1000);
}

static void test_memory(const char *right)
{
    is_taken(in_process(ask, program), right, "an old file is read");
    g_autofree char *path = entry();
    ok(path != NULL, "and remembered");
    g_free(in_process(plant, program));
    is_taken(in_process(ask, program), false_digest, "it is not read again");
    is_taken(in_process(ask_paranoid_twice, program), false_digest,
             "--paranoid trusts what this process knows");
    is_taken(in_process(ask_paranoid, program), right, "and nothing else");
    is_taken(in_process(ask, program), right, "what it read is what is remembered then");
}

static void test_damage(const char *right)
{
    static const char *const kinds[] = {"another digest", "cut off", "empty", "no check"};
    g_autofree char *path = entry();
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *text = ccb_read_file(path, 0, NULL, NULL);
        g_assert_nonnull(text);
        if (i == 0)
            text[5] = text[5] == 'a' ? 'b' : 'a';
        else
            text[i == 1 ? 100 : i == 2 ? 0 : CCB_SHA256_HEX] = '\0';
        g_file_set_contents(path, text, -1, NULL);
        g_autofree char *what = g_strdup_printf("a damaged entry is not trusted: %s", kinds[i]);
        is_taken(in_process(ask, program), right, what);
        is_taken(in_process(ask, program), right, "and made anew");
    }
}

int main(void)
{
    g_autofree char *cache = g_dir_make_tmp("ccb-digest-XXXXXX", NULL);
    g_setenv("CCBAKE_CACHE_DIR", cache, TRUE);
    program = g_file_read_link("/proc/self/exe", NULL);
    false_digest = ccb_digest_string("false");
    g_autofree char *right = ccb_digest_file(program, NULL);
    test_young();
    wait_until_old(program);
    test_memory(right);
    test_damage(right);
    ccb_remove_tree(cache, NULL);
    g_free(program);
    g_free(false_digest);
    return done();
}
