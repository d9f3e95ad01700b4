/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/leak.h"

#include <string.h>

/* A piece of a text. */
typedef struct {
    const char *at, *end;
} Span;

static bool is_alnum(char c)
{
    return g_ascii_isalnum(c);
}

static bool is_base32(char c)
{
    return g_ascii_isupper(c) || (c >= '2' && c <= '7');
}

static bool is_base64(char c)
{
    return g_ascii_isalnum(c) || c == '+' || c == '/' || c == '=';
}

static bool is_name(char c)
{
    return g_ascii_isalnum(c) || c == '_' || c == '-';
}

static bool is_dotted(char c)
{
    return is_name(c) || c == '.';
}

static bool is_crypt(char c)
{
    return g_ascii_isalnum(c) || strchr("./$=,", c) != NULL;
}

static const char *skip(Span text, bool (*is_part)(char c))
{
    const char *at = text.at;
    while (at < text.end && *at != '\0' && is_part(*at))
        at++;
    return at;
}

/* What people write where a secret would be: few different characters, or a well-known word. */
static bool is_placeholder(Span value, guint least_different)
{
    static const char *const words[] = {"example",  "xxxx",   "changeme", "placeholder",
                                        "abcdefgh", "123456", "your",     "redacted"};
    guint different = 0;
    bool seen[256] = {false};
    g_autofree char *lower = g_ascii_strdown(value.at, value.end - value.at);
    for (const char *at = lower; *at != '\0'; at++) {
        different += !seen[(unsigned char)*at];
        seen[(unsigned char)*at] = true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        if (strstr(lower, words[i]) != NULL)
            return true;
    return different < least_different;
}

static guint count_digits(Span value)
{
    guint digits = 0;
    for (const char *at = value.at; at < value.end; at++)
        digits += g_ascii_isdigit(*at);
    return digits;
}

/* Three parts, header and content of which are JSON objects: `{"` is "eyJ" in base64url (RFC 7519). */
static bool is_jwt(Span token)
{
    g_autofree char *text = g_strndup(token.at, (gsize)(token.end - token.at));
    g_auto(GStrv) parts = g_strsplit(text, ".", -1);
    return g_strv_length(parts) == 3 && strlen(parts[0]) >= 16 &&
           g_str_has_prefix(parts[1], "eyJ") && strlen(parts[1]) >= 8 && strlen(parts[2]) >= 20;
}

/* The result of crypt(5): behind the last dollar the hash, whose length tells the method. */
static bool is_hash(Span token)
{
    static const gsize lengths[] = {22, 43, 53,
                                    86}; /* of MD5; yescrypt, SHA-256; bcrypt; SHA-512 */
    const char *last = g_strrstr_len(token.at, token.end - token.at, "$");
    if (last == token.at + 2) /* "$6$" alone; bcrypt has its cost there */
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++)
        if ((gsize)(token.end - last) - 1 == lengths[i])
            return true;
    return g_str_has_prefix(token.at, "$2") && token.end - token.at == 60;
}

/* What begins with a prefix of its own, as its issuer documents it or secret scanners know it (GitHub's "Supported
 * secret scanning patterns", gitleaks):
 *   AWS, "IAM identifiers"; Alibaba Cloud, AccessKey pairs; GitHub, "About authentication to GitHub"; GitLab, "Token
 *   prefixes"; Slack, "Token types"; Google Cloud, API keys; Hugging Face, "User access tokens"; NVIDIA NGC, "API
 *   keys"; npm, "About access tokens"; PyPI, "API tokens" (a macaroon, which begins with its version); age(1);
 *   OpenAI and services with its interface, among them DashScope; JWT: RFC 7519; hashes: crypt(5). */
static const struct {
    const char *what, *prefix;
    bool (*is_part)(char c);
    gsize least, most; /* characters behind the prefix */
    guint digits;      /* among them at least */
    CcbLeakLevel level;
    bool (*is_right)(Span token);
} tokens[] = {
    {"an AWS access key ID", "AKIA", is_base32, 16, 16, 0, CCB_LEAK_SURE, NULL},
    {"an AWS access key ID", "ASIA", is_base32, 16, 16, 0, CCB_LEAK_SURE, NULL},
    {"an Alibaba Cloud access key ID", "LTAI", is_alnum, 12, 26, 1, CCB_LEAK_SURE, NULL},
    {"a GitHub token", "ghp_", is_alnum, 36, 251, 0, CCB_LEAK_SURE, NULL},
    {"a GitHub token", "gho_", is_alnum, 36, 251, 0, CCB_LEAK_SURE, NULL},
    {"a GitHub token", "ghu_", is_alnum, 36, 251, 0, CCB_LEAK_SURE, NULL},
    {"a GitHub token", "ghs_", is_alnum, 36, 251, 0, CCB_LEAK_SURE, NULL},
    {"a GitHub token", "ghr_", is_alnum, 36, 251, 0, CCB_LEAK_SURE, NULL},
    {"a GitHub token", "github_pat_", is_name, 82, 251, 0, CCB_LEAK_SURE, NULL},
    {"a GitLab token", "glpat-", is_dotted, 20, 300, 0, CCB_LEAK_SURE, NULL},
    {"a GitLab token", "gldt-", is_dotted, 20, 300, 0, CCB_LEAK_SURE, NULL},
    {"a GitLab token", "glrt-", is_dotted, 20, 300, 0, CCB_LEAK_SURE, NULL},
    {"a Slack token", "xoxb-", is_name, 20, 255, 8, CCB_LEAK_SURE, NULL},
    {"a Slack token", "xoxp-", is_name, 20, 255, 8, CCB_LEAK_SURE, NULL},
    {"a Slack token", "xoxa-", is_name, 20, 255, 8, CCB_LEAK_SURE, NULL},
    {"a Slack token", "xapp-", is_name, 20, 255, 8, CCB_LEAK_SURE, NULL},
    {"a Google API key", "AIza", is_name, 35, 35, 1, CCB_LEAK_SURE, NULL},
    {"a Hugging Face token", "hf_", is_alnum, 34, 40, 0, CCB_LEAK_SURE, NULL},
    {"an NVIDIA API key", "nvapi-", is_name, 60, 90, 1, CCB_LEAK_SURE, NULL},
    {"an API key", "sk-", is_name, 32, 255, 4, CCB_LEAK_SURE, NULL},
    {"an npm token", "npm_", is_alnum, 36, 36, 1, CCB_LEAK_SURE, NULL},
    {"a PyPI token", "pypi-AgE", is_name, 80, 1000, 1, CCB_LEAK_SURE, NULL},
    {"an age key", "AGE-SECRET-KEY-1", is_alnum, 58, 58, 1, CCB_LEAK_SURE, NULL},
    {"a JSON Web Token", "eyJ", is_dotted, 50, 16384, 1, CCB_LEAK_SURE, is_jwt},
    {"a password hash", "$1$", is_crypt, 24, 40, 0, CCB_LEAK_HASH, is_hash},
    {"a password hash", "$2a$", is_crypt, 56, 56, 0, CCB_LEAK_HASH, is_hash},
    {"a password hash", "$2b$", is_crypt, 56, 56, 0, CCB_LEAK_HASH, is_hash},
    {"a password hash", "$2y$", is_crypt, 56, 56, 0, CCB_LEAK_HASH, is_hash},
    {"a password hash", "$5$", is_crypt, 44, 90, 0, CCB_LEAK_HASH, is_hash},
    {"a password hash", "$6$", is_crypt, 87, 130, 0, CCB_LEAK_HASH, is_hash},
    {"a password hash", "$y$", is_crypt, 48, 130, 0, CCB_LEAK_HASH, is_hash},
};

static void add(GArray *leaks, const char *text, const char *what, CcbLeakLevel level, Span found)
{
    const CcbLeak leak = {what, level, false, (size_t)(found.at - text),
                          (size_t)(found.end - text)};
    g_array_append_val(leaks, leak);
}

static const char *find(Span text, const char *word)
{
    return memmem(text.at, (size_t)(text.end - text.at), word, strlen(word));
}

static void find_tokens(GArray *leaks, Span text)
{
    enum { LEAST_DIFFERENT = 8 };
    for (size_t i = 0; i < G_N_ELEMENTS(tokens); i++) {
        const char *at = text.at;
        while ((at = find((Span){at, text.end}, tokens[i].prefix)) != NULL) {
            Span token = {at, NULL};
            Span value = {at + strlen(tokens[i].prefix), text.end};
            value.end = token.end = skip(value, tokens[i].is_part);
            while (tokens[i].is_part == is_dotted && token.end > value.at && token.end[-1] == '.')
                value.end = --token.end; /* the end of a sentence */
            gsize length = (gsize)(value.end - value.at);
            bool is_whole = at == text.at || !(g_ascii_isalnum(at[-1]) || at[-1] == '_');
            if (is_whole && length >= tokens[i].least && length <= tokens[i].most &&
                count_digits(value) >= tokens[i].digits &&
                !is_placeholder(value, LEAST_DIFFERENT) &&
                (tokens[i].is_right == NULL || tokens[i].is_right(token)))
                add(leaks, text.at, tokens[i].what, tokens[i].level, token);
            at = MAX(at + 1, value.end);
        }
    }
}

/* --- private keys */

/* Between the lines of a key: line ends, also as "\n" in a string of JSON or C. */
static const char *skip_separators(Span text)
{
    const char *at = text.at;
    while (at < text.end && *at != '\0') {
        bool is_escape = *at == '\\' && at + 1 < text.end && strchr("nr", at[1]) != NULL;
        if (!is_escape && strchr(" \t\r\n\"'\\", *at) == NULL)
            break;
        at += is_escape ? 2 : 1;
    }
    return at;
}

/* Where the base64 of a key begins, past headers as of RFC 1421 and OpenPGP; NULL: there is none. */
static const char *find_body(Span text)
{
    enum { LEAST = 16, MOST_HEADERS = 8 };
    for (int headers = 0; headers < MOST_HEADERS; headers++) {
        text.at = skip_separators(text);
        const char *line_end = memchr(text.at, '\n', (size_t)(text.end - text.at));
        const char *end = skip(text, is_base64);
        if (end - text.at >= LEAST)
            return text.at;
        const char *colon = memchr(text.at, ':', (size_t)(text.end - text.at));
        if (colon == NULL || line_end == NULL || colon > line_end || skip(text, is_name) != colon)
            return NULL;
        text.at = line_end;
    }
    return NULL;
}

/* "-----BEGIN ENCRYPTED PRIVATE KEY-----" and the like begins at `text`; *ret_label is what is between. */
static bool has_label(Span text, Span *ret_label)
{
    enum { LONGEST = 48 };
    ret_label->at = text.at + strlen("-----BEGIN ");
    Span line = {ret_label->at, MIN(text.end, ret_label->at + LONGEST)};
    ret_label->end = find(line, "-----");
    return ret_label->end != NULL && find(*ret_label, "PRIVATE KEY") != NULL;
}

/* PKCS #8 says so in the label, the older forms of OpenSSL in a header, OpenSSH's in the name of the cipher, which is
 * "none" without a passphrase (PROTOCOL.key of OpenSSH). */
static bool is_encrypted(Span label, Span key, const char *body)
{
    static const char openssh[] = "b3BlbnNzaC1rZXktdjE", none[] = "AAAAABG5vbmU";
    if (find(label, "ENCRYPTED") != NULL || find((Span){key.at, body}, "4,ENCRYPTED") != NULL)
        return true;
    return g_str_has_prefix(body, openssh) && !g_str_has_prefix(body + strlen(openssh), none);
}

static void find_keys(GArray *leaks, Span text)
{
    static const char begin[] = "-----BEGIN ", end[] = "-----END ";
    const char *at = text.at;
    while ((at = find((Span){at, text.end}, begin)) != NULL) {
        Span key = {at, text.end}, label;
        at += strlen(begin);
        const char *body = has_label(key, &label)
                               ? find_body((Span){label.end + strlen("-----"), text.end})
                               : NULL;
        if (body == NULL)
            continue;
        const char *last = find((Span){body, text.end}, end);
        const char *next = find((Span){body, text.end}, begin);
        if (last != NULL && (next == NULL || last < next)) {
            last += strlen(end);
            const char *dashes = find((Span){last, text.end}, "-----");
            key.end = dashes != NULL ? dashes + strlen("-----") : last;
        } else { /* cut off: as much as looks like one */
            for (key.end = body;
                 key.end < text.end && (is_base64(*key.end) || g_ascii_isspace(*key.end));)
                key.end++;
        }
        bool encrypted = is_encrypted(label, key, body);
        add(leaks, text.at, encrypted ? "a private key with a passphrase" : "a private key",
            encrypted ? CCB_LEAK_POSSIBLE : CCB_LEAK_SURE, key);
        g_array_index(leaks, CcbLeak, leaks->len - 1).is_key = true;
        at = key.end;
    }
}

/* --- passwords in the lines of settings */

static bool is_scheme(char c)
{
    return g_ascii_isalnum(c) || strchr("+-.", c) != NULL;
}

static bool is_userinfo(char c)
{
    return (unsigned char)c > ' ' && strchr("/@\"'<>{}[]()", c) == NULL;
}

/* "https://user:password@host", as in .git-credentials, pip.conf, and the URLs of proxies (RFC 3986, 3.2.1). */
static void find_url_passwords(GArray *leaks, const char *text, Span line)
{
    static const char *const words[] = {"password", "passwd", "pass", "pwd", "secret", "token"};
    const char *at = line.at;
    while ((at = find((Span){at, line.end}, "://")) != NULL) {
        bool has_scheme = at > line.at && is_scheme(at[-1]);
        at += strlen("://");
        Span userinfo = {at, skip((Span){at, line.end}, is_userinfo)};
        const char *colon = find(userinfo, ":");
        if (!has_scheme || colon == NULL || userinfo.end == line.end || *userinfo.end != '@')
            continue;
        g_autofree char *password = g_strndup(colon + 1, (gsize)(userinfo.end - colon - 1));
        bool is_word = strlen(password) < 3 || strchr("$%*", password[0]) != NULL;
        for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
            is_word |= g_ascii_strcasecmp(password, words[i]) == 0;
        if (!is_word && !is_placeholder((Span){colon + 1, userinfo.end}, 2))
            add(leaks, text, "a password in a URL", CCB_LEAK_SURE, (Span){colon + 1, userinfo.end});
    }
}

static bool is_key_name(char c)
{
    return is_name(c) || c == '.';
}

static bool is_value(char c)
{
    return (unsigned char)c > ' ' && strchr("\"'`,;&|<>(){}[]\\", c) == NULL;
}

/* Whether the word in front of a separator names a secret. */
static bool names_secret(Span line, const char *separator)
{
    static const char *const names[] = {"password",   "passwd", "passphrase",     "secret",
                                        "token",      "apikey", "accesskey",      "secretkey",
                                        "privatekey", "_auth",  "accesskeysecret"};
    const char *end = separator;
    while (end > line.at && strchr(" \t\"'", end[-1]) != NULL)
        end--;
    const char *begin = end;
    while (begin > line.at && is_key_name(begin[-1]))
        begin--;
    g_autofree char *written = g_ascii_strdown(begin, end - begin);
    g_autoptr(GString) plain = g_string_new(NULL);
    for (const char *at = written; *at != '\0'; at++)
        if (*at != '-' && *at != '.' && (*at != '_' || at == written))
            g_string_append_c(plain, *at);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (g_str_has_suffix(plain->str, names[i]))
            return true;
    return false;
}

/* Whether it is "user:password" in base64, as registries have it (docker login, auth.json). */
static bool is_registry_login(Span line, const char *separator, Span value)
{
    gsize size;
    g_autofree char *text = g_strndup(value.at, (gsize)(value.end - value.at));
    if (separator - line.at < 6 || strncmp(separator - 6, "\"auth\"", 6) != 0 ||
        strlen(text) % 4 != 0)
        return false;
    g_autofree char *login = (char *)g_base64_decode(text, &size);
    return size > 2 && g_utf8_validate_len(login, (gssize)size, NULL) &&
           memchr(login, ':', size) != NULL;
}

/* NAME=VALUE and NAME: VALUE, anywhere in a line.  A value that is a secret has letters and digits; one that is a path, a
 * variable, a sentence or an expression of a program is none. */
static void find_settings(GArray *leaks, const char *text, Span line)
{
    enum { LEAST = 8, LEAST_DIFFERENT = 6, MOST = 512 };
    for (const char *at = line.at; at < line.end; at++) {
        if (*at != '=' && *at != ':')
            continue;
        Span value = {at + 1, line.end};
        while (value.at < line.end && strchr(" \t\"'", *value.at) != NULL && *value.at != '\0')
            value.at++;
        value.end = skip(value, is_value);
        gsize length = (gsize)(value.end - value.at);
        bool is_code = *value.end == '(' || *value.end == '[' ||
                       (length > 2 && strncmp(value.end - 2, "_t", 2) == 0);
        if (length < LEAST || length > MOST || is_code || strchr("/$%*~@!", *value.at) != NULL)
            continue;
        if (is_registry_login(line, at, value)) {
            add(leaks, text, "a registry's password", CCB_LEAK_SURE, value);
            continue;
        }
        guint digits = count_digits(value);
        if (digits > 0 && digits < length && find(value, "://") == NULL && names_secret(line, at) &&
            !is_placeholder(value, LEAST_DIFFERENT))
            add(leaks, text, "a password or token", CCB_LEAK_POSSIBLE, value);
    }
}

static void find_in_lines(GArray *leaks, Span text)
{
    Span line = text;
    for (; line.at < text.end; line.at = line.end + 1) {
        const char *end = memchr(line.at, '\n', (size_t)(text.end - line.at));
        line.end = end != NULL ? end : text.end;
        const char *first = line.at;
        while (first < line.end && g_ascii_isspace(*first))
            first++;
        if (first == line.end || *first == '#' || *first == ';' || g_str_has_prefix(first, "//"))
            continue; /* a comment */
        find_url_passwords(leaks, text.at, line);
        find_settings(leaks, text.at, line);
    }
}

/* --- all of them */

/* By their beginning; of two at one place the surer, longer one first. */
static gint compare(gconstpointer a, gconstpointer b)
{
    const CcbLeak *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->level != y->level ? (x->level < y->level ? -1 : 1)
                                : (x->end < y->end) - (x->end > y->end);
}

GArray *ccb_leaks_find(const char *text, size_t size)
{
    GArray *leaks = g_array_new(FALSE, FALSE, sizeof(CcbLeak));
    if (size == 0)
        return leaks;
    /* A copy ends with a NUL, which functions that look ahead need. */
    g_autofree char *copy = g_malloc(size + 1);
    memcpy(copy, text, size);
    copy[size] = '\0';
    const Span all = {copy, copy + size};
    find_keys(leaks, all);
    find_tokens(leaks, all);
    if (memchr(text, '\0', size) == NULL)
        find_in_lines(leaks, all);
    g_array_sort(leaks, compare);
    for (guint i = 1; i < leaks->len;) {
        if (g_array_index(leaks, CcbLeak, i).begin < g_array_index(leaks, CcbLeak, i - 1).end)
            g_array_remove_index(leaks, i);
        else
            i++;
    }
    return leaks;
}

char *ccb_leaks_mask(const char *text)
{
    size_t done = 0;
    g_autoptr(GArray) leaks = ccb_leaks_find(text, strlen(text));
    GString *masked = g_string_new(NULL);
    for (guint i = 0; i < leaks->len; i++) {
        const CcbLeak *leak = &g_array_index(leaks, CcbLeak, i);
        g_string_append_len(masked, text + done, (gssize)(leak->begin - done));
        g_string_append_printf(masked, "[%s, not shown]", leak->what);
        done = leak->end;
    }
    g_string_append(masked, text + done);
    return g_string_free(masked, FALSE);
}

/* What may be a line of a key: base64, a header, or empty. */
static bool may_be_key_line(const char *line)
{
    static const char *const headers[] = {"Proc-Type: ", "DEK-Info: ", "Version: ", "Comment: "};
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++)
        if (strstr(line, headers[i]) != NULL)
            return true;
    const Span all = {line, line + strlen(line)};
    const char *word = skip((Span){skip_separators(all), all.end}, is_base64);
    return *skip_separators((Span){word, all.end}) == '\0';
}

char *ccb_leaks_mask_line(const char *line, bool *in_key)
{
    static const char shown[] = "[line of a private key, not shown]";
    const char *begin = strstr(line, "-----BEGIN ");
    Span label, rest = {begin, line + strlen(line)};
    if (begin != NULL && has_label(rest, &label) && strstr(label.end, "-----END ") == NULL) {
        *in_key = true;
        return g_strdup(shown);
    }
    if (*in_key && strstr(line, "-----END ") != NULL) {
        *in_key = false;
        return g_strdup(shown);
    }
    *in_key = *in_key && may_be_key_line(line);
    return *in_key ? g_strdup(shown) : ccb_leaks_mask(line);
}

/* The string that a member of an object has: the member may be called a password.  Caller frees. */
static char *mask_member(const char *name, const char *value)
{
    g_autofree char *setting = g_strconcat(name, "=", value, NULL);
    g_autofree char *masked = ccb_leaks_mask(setting);
    size_t length = strlen(name) + 1;
    return strncmp(masked, setting, length) == 0 ? g_strdup(masked + length)
                                                 : ccb_leaks_mask(value);
}

void ccb_leaks_mask_json(json_t *json)
{
    size_t i;
    const char *name;
    json_t *value;
    json_object_foreach(json, name, value)
    {
        g_autofree char *masked =
            json_is_string(value) ? mask_member(name, json_string_value(value)) : NULL;
        if (masked != NULL)
            json_string_set(value, masked);
        else
            ccb_leaks_mask_json(value);
    }
    json_array_foreach(json, i, value)
    {
        g_autofree char *masked =
            json_is_string(value) ? ccb_leaks_mask(json_string_value(value)) : NULL;
        if (masked != NULL)
            json_string_set(value, masked);
        else
            ccb_leaks_mask_json(value);
    }
}
