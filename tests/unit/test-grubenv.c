/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "text/grubenv.h"

#define HEADER "# GRUB Environment Block\n"

/* A block of 1024 bytes that starts with `text`. */
static char *block(const char *text)
{
    char *bytes = g_malloc(CCB_GRUBENV_SIZE + 1);
    memset(bytes, '#', CCB_GRUBENV_SIZE);
    bytes[CCB_GRUBENV_SIZE] = '\0';
    memcpy(bytes, text, strlen(text));
    return bytes;
}

static CcbGrubenv *parse(const char *text, GError **error)
{
    g_autofree char *bytes = block(text);
    return ccb_grubenv_parse(bytes, CCB_GRUBENV_SIZE, error);
}

static void test_round_trip(void)
{
    g_autofree char *bytes =
        block(HEADER "# WARNING: Do not edit\nsaved_entry=m-5.10\n"
                     "kernelopts=root=UUID=1 ro a\\\\b \\\nc\nboot_success=0\n");
    g_autoptr(CcbGrubenv) env = ccb_grubenv_parse(bytes, CCB_GRUBENV_SIZE, NULL);
    is_taken(ccb_grubenv_render(env), bytes, "round trip, byte for byte");
    is_taken(ccb_grubenv_get(env, "saved_entry"), "m-5.10", "get");
    is_taken(ccb_grubenv_get(env, "kernelopts"), "root=UUID=1 ro a\\b \nc", "escapes");
    is_taken(ccb_grubenv_get(env, "saved"), NULL, "no prefix match");
    ok(ccb_grubenv_set(env, "kernelopts", "x\\y\nz", NULL), "set");
    g_autofree char *expected = block(HEADER "# WARNING: Do not edit\nsaved_entry=m-5.10\n"
                                             "kernelopts=x\\\\y\\\nz\nboot_success=0\n");
    is_taken(ccb_grubenv_render(env), expected, "replaced in place, escaped");
    ccb_grubenv_set(env, "saved_entry", NULL, NULL);
    is_taken(ccb_grubenv_get(env, "saved_entry"), NULL, "unset");
}

static void test_new(void)
{
    g_autoptr(CcbGrubenv) env = ccb_grubenv_new();
    g_autofree char *empty = block(HEADER);
    is_taken(ccb_grubenv_render(env), empty, "a new block");
    /* header, "a=", line end */
    g_autofree char *fits = g_strnfill(CCB_GRUBENV_SIZE - strlen(HEADER) - 3, 'x');
    g_autofree char *too_long = g_strconcat(fits, "x", NULL);
    ok(ccb_grubenv_set(env, "a", fits, NULL), "filled to the last byte");
    g_autofree char *full = ccb_grubenv_render(env);
    is_int((long long)strlen(full), CCB_GRUBENV_SIZE, "1024 bytes");
    g_autoptr(CcbGrubenv) again = ccb_grubenv_parse(full, CCB_GRUBENV_SIZE, NULL);
    is_taken(ccb_grubenv_get(again, "a"), fits, "a full block is read back");
    GError *error = NULL;
    ok(!ccb_grubenv_set(env, "a", too_long, &error), "one byte more does not fit");
    is_error(&error, "1025 of 1024", "... with the sizes");
    is_taken(ccb_grubenv_get(env, "a"), fits, "... and the old value stays");
    ok(!ccb_grubenv_set(env, "a=b", "c", NULL), "bad name");
}

static void test_malformed(void)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"# GRUB environment block\n", "line 1"},
        {HEADER "a=b\nnot an assignment\n", "line 3: expected name=value"},
        {HEADER "\na=b\n", "line 2"},
        {HEADER "=b\n", "line 2"},
        {HEADER "a=b\nc=d", "line 3: neither padding"},
        {HEADER "a=b\n##x", "line 3: neither padding"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GError *error = NULL;
        ok(parse(cases[i].text, &error) == NULL, "malformed");
        is_error(&error, cases[i].error, cases[i].error);
    }
    GError *error = NULL;
    g_autofree char *bytes = block(HEADER);
    ok(ccb_grubenv_parse(bytes, CCB_GRUBENV_SIZE - 1, &error) == NULL, "1023 bytes");
    is_error(&error, "1023", "... with the size");
    bytes[CCB_GRUBENV_SIZE - 1] = '\\';
    ok(ccb_grubenv_parse(bytes, CCB_GRUBENV_SIZE, NULL) == NULL, "escape at the very end");
    bytes[CCB_GRUBENV_SIZE - 1] = '\0';
    ok(ccb_grubenv_parse(bytes, CCB_GRUBENV_SIZE, NULL) == NULL, "NUL byte");
}

static void fuzz_one(const char *data, gsize size)
{
    /* Most mutations change the size, which is refused at once: bring it back. */
    char *whole = g_malloc(CCB_GRUBENV_SIZE);
    memset(whole, '#', CCB_GRUBENV_SIZE);
    memcpy(whole, data, MIN(size, CCB_GRUBENV_SIZE));
    g_autoptr(CcbGrubenv) env = ccb_grubenv_parse(whole, CCB_GRUBENV_SIZE, NULL);
    if (env != NULL) {
        g_autofree char *text = ccb_grubenv_render(env);
        if (memcmp(text, whole, CCB_GRUBENV_SIZE) != 0)
            ok(false, "round trip of mutated input");
        g_free(ccb_grubenv_get(env, "kernelopts"));
        ccb_grubenv_set(env, "kernelopts", "x", NULL);
    }
    g_free(whole);
}

static void test_names(void)
{
    g_autofree char *bytes = block(HEADER "a=1\n#c=2\nb=3\na=4\n");
    g_autoptr(CcbGrubenv) env = ccb_grubenv_parse(bytes, CCB_GRUBENV_SIZE, NULL);
    g_auto(GStrv) names = ccb_grubenv_names(env);
    g_autofree char *joined = g_strjoinv(" ", names);
    is_str(joined, "a b a", "the names of its variables");
}

static void test_uses(void)
{
    static const struct {
        const char *options;
        bool uses;
    } cases[] = {
        {"$kernelopts $tuned_params", true},
        {"ro ${kernelopts}", true},
        {"$kernelopts_old ro", false},
        {"${kernelopts", false},
        {"kernelopts", false},
        {"$", false},
        {"$$kernelopts", true},
        {NULL, false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        is_int(ccb_grub_uses(cases[i].options, "kernelopts"), cases[i].uses,
               cases[i].options != NULL ? cases[i].options : "no options");
}

int main(void)
{
    test_round_trip();
    test_new();
    test_malformed();
    test_names();
    test_uses();
    static const char seed[] = HEADER "saved_entry=m\nkernelopts=a\\\\b\\\nc\n# c\n";
    fuzz(seed, strlen(seed), 5000, fuzz_one);
    return done();
}
