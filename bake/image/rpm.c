/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/rpm.h"

#include <fcntl.h>
#include <string.h>

#include <rpm/header.h>
#include <rpm/rpmcli.h>
#include <rpm/rpmcrypto.h>
#include <rpm/rpmdb.h>
#include <rpm/rpmio.h>
#include <rpm/rpmkeyring.h>
#include <rpm/rpmlib.h>
#include <rpm/rpmlog.h>
#include <rpm/rpmmacro.h>
#include <rpm/rpmts.h>
#include <rpm/rpmver.h>

#include "base/error.h"
#include "base/file.h"

/* A place that no database is in, so that librpm can't fall back to the host's. */
#define NO_DATABASE "/nonexistent/ccbake"

static GMutex lock;
static char *last_message; /* what librpm would have printed; under `lock` */

/* Splits a kernel release into version and release (inside *ret_version), without the architecture. */
static const char *split_kver(const char *kver, char **ret_version)
{
    static const char *const architectures[] = {".x86_64", ".aarch64", ".noarch"};
    char *text = g_strdup(kver);
    for (size_t i = 0; i < G_N_ELEMENTS(architectures); i++) {
        if (g_str_has_suffix(text, architectures[i])) {
            text[strlen(text) - strlen(architectures[i])] = '\0';
            break;
        }
    }
    *ret_version = text;
    char *dash = strchr(text, '-');
    if (dash == NULL)
        return "";
    *dash = '\0';
    return dash + 1;
}

int ccb_kver_compare(const char *a, const char *b)
{
    g_autofree char *version_a = NULL;
    g_autofree char *version_b = NULL;
    const char *release_a = split_kver(a, &version_a);
    const char *release_b = split_kver(b, &version_b);
    int order = rpmvercmp(version_a, version_b);
    return order != 0 ? order : rpmvercmp(release_a, release_b);
}

/* Cuts "[epoch:]version[-release]" into its parts; epoch and release are NULL where there is none. */
static void split_evr(char *text, char **ret_epoch, char **ret_version, char **ret_release)
{
    char *colon = strchr(text, ':');
    *ret_epoch = colon != NULL ? text : NULL;
    *ret_version = colon != NULL ? colon + 1 : text;
    if (colon != NULL)
        *colon = '\0';
    char *dash = strrchr(*ret_version, '-');
    *ret_release = dash != NULL ? dash + 1 : NULL;
    if (dash != NULL)
        *dash = '\0';
}

bool ccb_rpm_version_meets(const char *evr, const char *condition)
{
    char *epoch, *version, *release, *wanted_epoch, *wanted_version, *wanted_release;
    size_t length = strspn(condition, "<>=");
    g_autofree char *is = g_strdup(evr);
    g_autofree char *wanted = g_strstrip(g_strdup(condition + length));
    split_evr(is, &epoch, &version, &release);
    split_evr(wanted, &wanted_epoch, &wanted_version, &wanted_release);
    int order = wanted_epoch != NULL ? rpmvercmp(epoch != NULL ? epoch : "0", wanted_epoch) : 0;
    if (order == 0)
        order = rpmvercmp(version, wanted_version);
    if (order == 0 && wanted_release != NULL)
        order = rpmvercmp(release != NULL ? release : "", wanted_release);
    bool takes_equal = length == 0 || memchr(condition, '=', length) != NULL;
    return (order == 0 && takes_equal) || (order > 0 && memchr(condition, '>', length) != NULL) ||
           (order < 0 && memchr(condition, '<', length) != NULL);
}

static int note_message(rpmlogRec record, rpmlogCallbackData data)
{
    if (rpmlogRecPriority(record) <= RPMLOG_ERR) {
        g_free(last_message);
        last_message = g_strchomp(g_strdup(rpmlogRecMessage(record)));
    }
    return 0; /* handled: neither printed nor fatal */
}

/* Directs librpm to the database in `directory`, which it expands as a macro. */
static void set_dbpath(const char *directory)
{
    rpmPopMacro(NULL, "_dbpath");
    rpmPushMacro(NULL, "_dbpath", NULL, directory, RMIL_CMDLINE);
}

static char *get_string(Header header, rpmTag tag)
{
    const char *text = headerGetString(header, tag);
    return g_strdup(text != NULL ? text : "");
}

void ccb_rpm_info_free(CcbRpmInfo *info)
{
    if (info == NULL)
        return;
    g_free(info->name);
    g_free(info->version);
    g_free(info->release);
    g_free(info->arch);
    g_free(info->nevra);
    g_free(info);
}

/* Fails with what librpm would have printed. */
static bool fail_database(const char *directory, const char *otherwise, GError **error)
{
    return ccb_fail(error, CCB_ERR_INPUT, "rpm database in %s: %s", directory,
                    last_message != NULL ? last_message : otherwise);
}

/* Under `lock`, as librpm's state is global. */
static GPtrArray *list_packages(rpmts transaction, const char *directory, GError **error)
{
    if (rpmtsOpenDB(transaction, O_RDONLY) != 0) {
        fail_database(directory, "can't be opened", error);
        return NULL;
    }
    g_autoptr(GPtrArray) packages =
        g_ptr_array_new_with_free_func((GDestroyNotify)ccb_rpm_info_free);
    rpmdbMatchIterator iterator = rpmtsInitIterator(transaction, RPMDBI_PACKAGES, NULL, 0);
    Header header;
    while ((header = rpmdbNextIterator(iterator)) != NULL) {
        CcbRpmInfo *info = g_new0(CcbRpmInfo, 1);
        char *nevra = headerGetAsString(header, RPMTAG_NEVRA);
        *info = (CcbRpmInfo){
            .name = get_string(header, RPMTAG_NAME),
            .epoch = (guint32)headerGetNumber(header, RPMTAG_EPOCH),
            .version = get_string(header, RPMTAG_VERSION),
            .release = get_string(header, RPMTAG_RELEASE),
            .arch = get_string(header, RPMTAG_ARCH),
            .nevra = nevra != NULL ? g_strdup(nevra) : get_string(header, RPMTAG_NAME),
        };
        free(nevra);
        g_ptr_array_add(packages, info);
    }
    rpmdbFreeIterator(iterator);
    if (last_message != NULL) {
        fail_database(directory, NULL, error);
        return NULL;
    }
    return g_steal_pointer(&packages);
}

GPtrArray *ccb_rpmdb_list(const char *directory, GError **error)
{
    static const char *const files[] = {"rpmdb.sqlite", "Packages", "Packages.db"};
    bool found = false;
    /* Depending on the place librpm expands a path once or twice, and %(...) runs a shell: no
     * escaping. */
    if (strpbrk(directory, "%\n") != NULL) {
        ccb_fail(error, CCB_ERR_INPUT, "rpm database in %s: '%%' in the path", directory);
        return NULL;
    }
    /* librpm makes an empty database where it finds none, even for reading. */
    for (size_t i = 0; i < G_N_ELEMENTS(files) && !found; i++) {
        g_autofree char *path = g_build_filename(directory, files[i], NULL);
        found = g_file_test(path, G_FILE_TEST_IS_REGULAR);
    }
    if (!found) {
        ccb_fail(error, CCB_ERR_INPUT, "rpm database in %s: there is none", directory);
        return NULL;
    }
    g_mutex_lock(&lock);
    rpmlogSetCallback(note_message, NULL);
    g_clear_pointer(&last_message, g_free);
    set_dbpath(directory);
    rpmts transaction = rpmtsCreate();
    rpmtsSetVSFlags(transaction, RPMVSF_MASK_NOSIGNATURES | RPMVSF_NOHDRCHK);
    GPtrArray *packages = list_packages(transaction, directory, error);
    rpmtsFree(transaction);
    set_dbpath(NO_DATABASE);
    g_mutex_unlock(&lock);
    return packages;
}

char *ccb_rpm_split(const char *package, char **ret_evr)
{
    const char *release = strrchr(package, '-');
    const char *version = release != NULL ? g_strrstr_len(package, release - package, "-") : NULL;
    const char *dot = release != NULL ? strrchr(release, '.') : NULL;
    if (version == NULL) {
        *ret_evr = g_strdup("");
        return g_strdup(package);
    }
    const char *end = dot != NULL ? dot : package + strlen(package);
    *ret_evr = g_strndup(version + 1, (gsize)(end - version - 1));
    return g_strdup_printf("%.*s%s", (int)(version - package), package, end);
}

/* --- signatures; all of it under `lock` */

/* Takes ownership of the key, but for its subkeys, with which vendors sign, too. */
static void add_key(rpmKeyring keyring, rpmPubkey key)
{
    int count = 0;
    rpmPubkey *subkeys = rpmGetSubkeys(key, &count);
    rpmKeyringAddKey(keyring, key);
    for (int i = 0; i < count; i++) {
        rpmKeyringAddKey(keyring, subkeys[i]);
        rpmPubkeyFree(subkeys[i]);
    }
    free(subkeys);
    rpmPubkeyFree(key);
}

/* A file may have several blocks, and a block several keys. */
static bool add_keys_of(rpmKeyring keyring, const char *file, GError **error)
{
    static const char begin[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
    guint added = 0;
    g_autofree char *text = ccb_read_file(file, 1 << 20, NULL, error);
    if (text == NULL)
        return false;
    for (const char *block = text; (block = strstr(block, begin)) != NULL; block += strlen(begin)) {
        uint8_t *packets = NULL, *next;
        size_t left = 0, size = 0;
        if (pgpParsePkts(block, &packets, &left) != PGPARMOR_PUBKEY)
            left = 0;
        for (next = packets; left > 0 && pgpPubKeyCertLen(next, left, &size) == 0 && size > 0;
             next += size, left -= size) {
            rpmPubkey key = rpmPubkeyNew(next, size);
            if (key == NULL)
                break;
            add_key(keyring, key);
            added++;
        }
        free(packets);
    }
    if (added > 0)
        return true;
    ccb_fail(error, CCB_ERR_INPUT, "%s: no OpenPGP public key that rpm can read", file);
    return ccb_hint(error, "a key begins with \"%s\", as `gpg --export --armor` writes it", begin);
}

static rpmKeyring new_keyring(const char *const *key_files, GError **error)
{
    rpmKeyring keyring = rpmKeyringNew();
    for (; *key_files != NULL; key_files++)
        if (!add_keys_of(keyring, *key_files, error)) {
            rpmKeyringFree(keyring);
            return NULL;
        }
    return keyring;
}

bool ccb_rpm_check_keys(const char *const *key_files, GError **error)
{
    g_mutex_lock(&lock);
    rpmlogSetCallback(note_message, NULL);
    rpmInitCrypto();
    rpmKeyring keyring = new_keyring(key_files, error);
    bool ok = keyring != NULL;
    rpmKeyringFree(keyring);
    g_mutex_unlock(&lock);
    return ok;
}

/* The id of the key that signed, as "a0f20a2e96529c5a", or "" without a signature; caller frees. */
static char *signing_key(Header header)
{
    /* "RSA/SHA256, Mon 30 Nov 2026 11:00:00 PM UTC, Key ID a0f20a2e96529c5a" */
    static const char format[] =
        "%|RSAHEADER?{%{RSAHEADER:pgpsig}}:{%|DSAHEADER?{%{DSAHEADER:pgpsig}}:{"
        "%|SIGPGP?{%{SIGPGP:pgpsig}}:{%|SIGGPG?{%{SIGGPG:pgpsig}}:{}|}|}|}|";
    char *text = headerFormat(header, format, NULL);
    const char *blank = text != NULL ? strrchr(text, ' ') : NULL;
    char *id = g_strdup(blank != NULL ? blank + 1 : "");
    free(text);
    return id;
}

/* Reads the header and compares it with its signature and digests; *ret_header is to be freed, and may be NULL. */
static rpmRC read_header(rpmts transaction, const char *path, Header *ret_header)
{
    *ret_header = NULL;
    FD_t file = Fopen(path, "r.ufdio");
    rpmtsSetVSFlags(transaction, RPMVSF_NEEDPAYLOAD);
    rpmRC code =
        file != NULL ? rpmReadPackageFile(transaction, file, path, ret_header) : RPMRC_NOTFOUND;
    if (file != NULL)
        Fclose(file);
    return code;
}

/* Compares header and payload with all digests and signatures that there are. */
static bool verify_all(rpmts transaction, const char *path)
{
    struct rpmQVKArguments_s arguments = {0};
    FD_t file = Fopen(path, "r.ufdio");
    rpmtsSetVfyFlags(transaction, RPMVSF_DEFAULT);
    rpmtsSetVfyLevel(transaction, RPMSIG_VERIFIABLE_TYPE);
    bool ok = file != NULL && rpmVerifySignatures(&arguments, transaction, file, path) == 0;
    if (file != NULL)
        Fclose(file);
    return ok;
}

static bool check_signature(rpmts transaction, const char *path, GError **error)
{
    Header header;
    g_clear_pointer(&last_message, g_free);
    rpmRC code = read_header(transaction, path, &header);
    g_autofree char *key = header != NULL ? signing_key(header) : g_strdup("");
    /* Digests and signatures that are there are compared below; these must be there. */
    bool covers_header = header != NULL && (headerIsEntry(header, RPMTAG_RSAHEADER) ||
                                            headerIsEntry(header, RPMTAG_DSAHEADER));
    bool covers_payload = header != NULL && headerIsEntry(header, RPMTAG_PAYLOADDIGEST);
    bool covers_both = header != NULL && (headerIsEntry(header, RPMTAG_SIGPGP) ||
                                          headerIsEntry(header, RPMTAG_SIGGPG));
    headerFree(header);
    if (code == RPMRC_NOTFOUND)
        return ccb_fail(error, CCB_ERR_INPUT, "it is no rpm package");
    if (code == RPMRC_FAIL)
        return ccb_fail(error, CCB_ERR_INPUT, "its header was changed or damaged: %s",
                        last_message != NULL ? last_message : "rpm can't read it");
    if (*key == '\0') {
        ccb_fail(error, CCB_ERR_INPUT, "it is not signed");
        return ccb_hint(error,
                        "take the signed package of its vendor, or sign it (rpmsign --addsign)");
    }
    if (code == RPMRC_NOKEY) {
        ccb_fail(error, CCB_ERR_INPUT, "it is signed with key %s, which is none of its `keys`",
                 key);
        return ccb_hint(error,
                        "if the package should have that signature, add the public key to `keys`");
    }
    if (!verify_all(transaction, path))
        return ccb_fail(error, CCB_ERR_INPUT, "its content is not what key %s signed", key);
    return covers_both || (covers_header && covers_payload) ||
           ccb_fail(error, CCB_ERR_INPUT, "the signature with key %s does not cover its content",
                    key);
}

bool ccb_rpm_check_signature(const char *path, const char *const *key_files, GError **error)
{
    bool ok = false;
    g_mutex_lock(&lock);
    rpmlogSetCallback(note_message, NULL);
    rpmInitCrypto();
    rpmKeyring keyring = new_keyring(key_files, error);
    if (keyring != NULL) {
        rpmts transaction = rpmtsCreate();
        rpmtsSetKeyring(transaction, keyring); /* with one of its own it does not read the host's */
        ok = check_signature(transaction, path, error);
        rpmtsFree(transaction);
        rpmKeyringFree(keyring);
    }
    g_mutex_unlock(&lock);
    return ok;
}
