/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/eta.h"

#include <stdlib.h>

#include "base/file.h"
#include "tap.h"

static const char *const parts[] = {"host one", "host two", "emit"};

static void write_eta(const char *text)
{
    g_autofree char *path = g_build_filename(ccb_cache_dir(), "eta", NULL);
    g_file_set_contents(path, text, -1, NULL);
}

static double learnt(const char *name)
{
    g_autofree char *path = g_build_filename(ccb_cache_dir(), "eta", NULL);
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL);
    return g_key_file_get_double(file, "seconds", name, NULL);
}

static void test_without_history(void)
{
    double fraction = -1, left = 0;
    ok(!ccb_eta_now(&fraction, &left), "without an undertaking there is no eta");
    ccb_eta_start(parts, G_N_ELEMENTS(parts));
    ok(ccb_eta_now(&fraction, &left) && fraction == 0 && left < 0,
       "what was never seen has no time left");
    ccb_eta_begin("host two");
    ccb_eta_now(&fraction, &left);
    ok(fraction > 0.3 && fraction < 0.4, "the parts count alike");
}

static void test_with_history(void)
{
    double fraction = -1, left = 0;
    write_eta("[seconds]\nhost one=10\nhost two=80\nemit=10\n");
    ccb_eta_start(parts, G_N_ELEMENTS(parts));
    ccb_eta_now(&fraction, &left);
    ok(fraction == 0 && left == 100, "the time left is the sum");
    ccb_eta_begin("host one");
    ccb_eta_begin("host two");
    ccb_eta_now(&fraction, &left);
    ok(fraction > 0.099 && fraction < 0.11 && left > 89 && left < 90.1,
       "a part that has ended is done, whatever it took");
    ccb_eta_begin("nothing");
    ccb_eta_begin("host one");
    double again;
    ccb_eta_now(&again, &left);
    ok(again >= fraction && again < 0.12, "unknown and past parts change nothing");
}

static void test_learning(void)
{
    write_eta("[seconds]\nhost one=10\nhost two=80\nemit=10\nother=7\n");
    ccb_eta_start(parts, G_N_ELEMENTS(parts));
    ccb_eta_begin("host one");
    g_usleep(100 * 1000);
    ccb_eta_begin("host two");
    ccb_eta_skip();
    ccb_eta_begin("emit");
    ccb_eta_finish();
    double one = learnt("host one");
    ok(one >= 5.05 && one < 6, "a new duration weighs as much as those before");
    ok(learnt("host two") == 80, "a skipped part teaches nothing");
    ok(learnt("emit") >= 5 && learnt("emit") < 6, "the last part counts, too");
    ok(learnt("other") == 7, "what is not ours stays");
}

static void test_reuse(void)
{
    double fraction, left;
    write_eta("[seconds]\nhost one=10\nhost two=80\nhost two cached=8\nemit=10\n");
    ccb_eta_start(parts, G_N_ELEMENTS(parts));
    ok(ccb_eta_saving_s() == 72, "what the cache may save is known beforehand");
    ccb_eta_now(&fraction, &left);
    ok(left == 100, "and not relied on");
    ccb_eta_begin("host two");
    ccb_eta_reuse();
    ccb_eta_now(&fraction, &left);
    ok(left > 17 && left < 18.1, "a part whose result is in the cache takes as long as that took");
    ccb_eta_begin("emit");
    ccb_eta_finish();
    ok(learnt("host two") == 80, "which says nothing about one that is made");
    ok(learnt("host two cached") >= 4 && learnt("host two cached") < 5, "and is learnt apart");
}

static void test_damage(void)
{
    double fraction = -1, left = 0;
    write_eta("[seconds\nhost one=ten\n\xff");
    ccb_eta_start(parts, G_N_ELEMENTS(parts));
    ok(ccb_eta_now(&fraction, &left) && left < 0, "a damaged file is no history");
    write_eta("[seconds]\nhost one=-3\nhost two=nan\nemit=1e999\n");
    ccb_eta_start(parts, G_N_ELEMENTS(parts));
    ccb_eta_now(&fraction, &left);
    ok(left < 0, "nor are impossible durations");
}

int main(void)
{
    g_autofree char *dir = g_dir_make_tmp("ccbake-eta-XXXXXX", NULL);
    g_setenv("CCBAKE_CACHE_DIR", dir, TRUE);
    test_without_history();
    test_with_history();
    test_learning();
    test_reuse();
    test_damage();
    ccb_remove_tree(dir, NULL);
    return done();
}
