/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Secrets by what they look like, and what only resembles them.  All of them are made up. */
#include "base/leak.h"

#include "tap.h"

/* Put together here, so that no scanner takes this file for a leak. */
#define BASE64  "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg"
#define BEGIN   "-----BEGIN "
#define END     "-----END "
#define KEY     "PRIVATE KEY-----\n"
#define LETTERS "Ab3dEf7hIjK1mNoPqRsTuVwXyZ0a2c4e6gHi"
#define PLAIN                                                                                      \
    "b3BlbnNzaC1rZXktdjE"                                                                          \
    "AAAAABG5vbmUAAAAEbm9uZQ"
#define LOCKED                                                                                     \
    "b3BlbnNzaC1rZXktdjE"                                                                          \
    "AAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0"

/* "what@line", and '?' in front of a possible one, '#' of a hash. */
static char *describe(const char *text)
{
    static const char *const signs[] = {"", "?", "#"};
    g_autoptr(GArray) leaks = ccb_leaks_find(text, strlen(text));
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < leaks->len; i++) {
        const CcbLeak *leak = &g_array_index(leaks, CcbLeak, i);
        g_ptr_array_add(words, g_strdup_printf("%s%s", signs[leak->level], leak->what));
    }
    g_ptr_array_add(words, NULL);
    return g_strjoinv(", ", (char **)words->pdata);
}

static void test_forms(void)
{
    static const struct {
        const char *text, *found;
    } cases[] = {
        {BEGIN KEY BASE64 "\n" END KEY, "a private key"},
        {BEGIN "RSA " KEY BASE64 "\n", "a private key"},
        {"  " BEGIN "EC " KEY "  " BASE64 "\n  " END "EC " KEY, "a private key"},
        {BEGIN "PGP PRIVATE KEY BLOCK-----\nVersion: G 1\n\n" BASE64 "\n", "a private key"},
        {"{\"private_key\": \"" BEGIN "PRIVATE KEY-----\\n" BASE64 "\\n" END
         "PRIVATE KEY-----\\n\"}",
         "a private key"},
        {BEGIN "OPENSSH " KEY PLAIN "\n" END "OPENSSH " KEY, "a private key"},
        {BEGIN "OPENSSH " KEY LOCKED "\n" END "OPENSSH " KEY, "?a private key with a passphrase"},
        {BEGIN "ENCRYPTED " KEY BASE64 "\n" END "ENCRYPTED " KEY,
         "?a private key with a passphrase"},
        {BEGIN "RSA " KEY "Proc-Type: 4,ENCRYPTED\nDEK-Info: A,0\n\n" BASE64 "\n" END "RSA " KEY,
         "?a private key with a passphrase"},
        {BEGIN "PUBLIC KEY-----\n" BASE64 "\n", ""},
        {BEGIN "CERTIFICATE-----\n" BASE64 "\n", ""},
        {"if line == '" BEGIN "PRIVATE KEY-----':\n    return True\n", ""},
        {"The file has " BEGIN KEY "at its beginning, and /etc/pki/tls/private/x.\n", ""},
        {"id AKIA"
         "J4XQ7ZPB2NWK5RTD\n",
         "an AWS access key ID"},
        {"id AKIA"
         "IOSFODNN7EXAMPLE\n",
         ""},
        {"XAKIA"
         "J4XQ7ZPB2NWK5RTD",
         ""},
        {"AKIA"
         "J4XQ7ZPB2NWK5RTDAA",
         ""},
        {"LTAI"
         "5tQnB7xKdPw3vRzLmYc9",
         "an Alibaba Cloud access key ID"},
        {"LTAI"
         "xxxxxxxxxxxxxxxxxxxx",
         ""},
        {"ghp_" LETTERS, "a GitHub token"},
        {"ghp_"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         ""},
        {"github_pat_" LETTERS LETTERS "7654321_ab", "a GitHub token"},
        {"glpat-"
         "x9Kq-2Lm_8RtYpWzVbNs",
         "a GitLab token"},
        {"xoxb-"
         "210987654321-" LETTERS,
         "a Slack token"},
        {"hf_"
         "QbCmEfGhIjKlMnOpQrStUvWxYzQwErTyUi",
         "a Hugging Face token"},
        {"sk-" LETTERS, "an API key"},
        {"disk-" LETTERS, ""},
        {"nvapi-" LETTERS LETTERS, "an NVIDIA API key"},
        {"npm_" LETTERS, "an npm token"},
        {"pypi-AgE" LETTERS LETTERS LETTERS, "a PyPI token"},
        {"eyJ"
         "hbGciOiJIUzI1NiJ9.eyJ"
         "zdWIiOiJhIn0." LETTERS ".",
         "a JSON Web Token"},
        {"eyJ"
         "hbGciOiJIUzI1NiJ9." LETTERS LETTERS,
         ""},
        {"url = https://joe:s3cr3t@host/simple\n", "a password in a URL"},
        {"proxy=http://[user[:password]@]host\nproxy=http://user:password@host\n", ""},
        {"# http://joe:s3cr3t@host\n", ""},
        {"http://host:8080/a@b https://x:$PW@host\n", ""},
        {"Environment=\"API_TOKEN=k3jx92ncv8\"\n", "?a password or token"},
        {"aws_secret_access_key = q/8Fh2+Kx0Zw\n", "?a password or token"},
        {"password: k3jx92ncv8", "?a password or token"},
        {"login password=k3jx92ncv8; exit", "?a password or token"},
        {"run --password=hunter2hunter3 x\n", "?a password or token"},
        {"password = \"\"\npasswd: files sss systemd\ntoken_sha256=8f2b1c9d0e\n", ""},
        {"token=/run/secrets/t0ken1\npassword=${PW1234567}\n#password=k3jx92ncv8\n", ""},
        {"token = base64.b64decode(x1)\nsecret = md5sums[1]\ntypedef token = uint64_t;\n", ""},
        {"password: changeme1\nlock_passwd: True\n", ""},
        {"{\"auths\": {\"r\": {\"auth\": \"am9lOnMzY3IzdA==\"}}}", "a registry's password"},
        {"{\"auths\": {\"r\": {\"auth\": \"AAAAAAAAAAAA\"}}}", ""},
        {"root:$6$"
         "saltsalt$" LETTERS LETTERS "Ab3dEf7hIjK1mN:1:\n",
         "#a password hash"},
        {"cp $1$dir/some/long/name/of/a/file0 b\n", ""},
        {"token: ghp_" LETTERS "\n", "a GitHub token"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        is_taken(describe(cases[i].text), cases[i].found, cases[i].text);
}

static void test_mask(void)
{
    is_taken(ccb_leaks_mask("a " BEGIN KEY BASE64 "\n" END KEY "b ghp_" LETTERS " c\n"),
             "a [a private key, not shown]\nb [a GitHub token, not shown] c\n", "masked in a text");
    is_taken(ccb_leaks_mask("nothing\n"), "nothing\n", "nothing to mask");
    json_t *json = json_pack("{s:s, s:[s, {s:s}], s:i}", "a", "x", "b", "npm_" LETTERS, "c",
                             "sk-" LETTERS, "d", 1);
    ccb_leaks_mask_json(json);
    g_autofree char *text = json_dumps(json, JSON_SORT_KEYS);
    is_str(text,
           "{\"a\": \"x\", \"b\": [\"[an npm token, not shown]\", {\"c\": \"[an API key, not "
           "shown]\"}], \"d\": 1}",
           "masked in JSON");
    json_decref(json);
    json = json_pack("{s:s, s:s}", "registry_password", "k3jx92ncv8", "sha256", "k3jx92ncv8");
    ccb_leaks_mask_json(json);
    g_autofree char *named = json_dumps(json, JSON_SORT_KEYS);
    is_str(
        named,
        "{\"registry_password\": \"[a password or token, not shown]\", \"sha256\": \"k3jx92ncv8\"}",
        "masked by its name in JSON");
    json_decref(json);
}

static void test_stream(void)
{
    static const char line_of_key[] = "[line of a private key, not shown]";
    bool in_key = false;
    is_taken(ccb_leaks_mask_line("+ cat key", &in_key), "+ cat key", "a line before");
    is_taken(ccb_leaks_mask_line(BEGIN "RSA PRIVATE KEY-----", &in_key), line_of_key,
             "a key begins");
    is_taken(ccb_leaks_mask_line("Proc-Type: 4,ENCRYPTED", &in_key), line_of_key, "its header");
    is_taken(ccb_leaks_mask_line("", &in_key), line_of_key, "an empty line of it");
    is_taken(ccb_leaks_mask_line(BASE64, &in_key), line_of_key, "a line of it");
    is_taken(ccb_leaks_mask_line(END "RSA PRIVATE KEY-----", &in_key), line_of_key, "its end");
    is_taken(ccb_leaks_mask_line("done", &in_key), "done", "a line after");
    g_free(ccb_leaks_mask_line(BEGIN "PRIVATE KEY-----", &in_key));
    is_taken(ccb_leaks_mask_line("error: it is cut off", &in_key), "error: it is cut off",
             "a key without an end hides no more");
    is_taken(ccb_leaks_mask_line("x sk-" LETTERS, &in_key), "x [an API key, not shown]", "a token");
    is_taken(ccb_leaks_mask_line(
                 "k=" BEGIN "PRIVATE KEY-----\\n" BASE64 "\\n" END "PRIVATE KEY-----", &in_key),
             "k=[a private key, not shown]", "a key in one line");
    ok(!in_key, "which has ended");
}

/* A string of its own size, so that the sanitizers see a read behind its end. */
static void find_in(const char *data, size_t size)
{
    g_autofree char *copy = g_memdup2(data, size);
    g_autoptr(GArray) leaks = ccb_leaks_find(copy, size);
    for (guint i = 0; i < leaks->len; i++)
        if (g_array_index(leaks, CcbLeak, i).end > size)
            ok(false, "a leak ends in the text");
}

int main(void)
{
    test_forms();
    test_mask();
    test_stream();
    static const char seed[] =
        "x: " BEGIN "RSA " KEY "Proc-Type: 4,ENCRYPTED\n\n" BASE64 "\n" END KEY
        "https://joe:s3cr3t@host token=ghp_" LETTERS " eyJ" LETTERS ".eyJ" LETTERS "." LETTERS
        " \"auth\": \"am9lOnMzY3IzdA==\" $6$salt$" LETTERS;
    fuzz(seed, strlen(seed), 5000, find_in);
    return done();
}
