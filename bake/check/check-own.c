/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/check-own.h"

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/quantity.h"
#include "check/guest-grub.h"
#include "check/guest-units.h"
#include "image/rpm.h"
#include "recipe/attributes.h"

/* Whether the bytes contain the text and match the expression, each where it is not NULL.  `what`: "the file /etc/a". */
static void check_bytes(const char *bytes, size_t size, const char *contains, const char *matches,
                        const char *what, CcbCheckResult *result, GError **error)
{
    if (contains != NULL && memmem(bytes, size, contains, strlen(contains)) == NULL)
        ccb_result_fail(result, "%s does not contain \"%s\"", what, contains);
    if (matches == NULL)
        return;
    g_autoptr(GError) reason = NULL;
    g_autoptr(GRegex) regex = g_regex_new(matches, CCB_OWN_REGEX, 0, &reason);
    bool found =
        regex != NULL && g_regex_match_full(regex, bytes, (gssize)size, 0, 0, NULL, &reason);
    if (reason != NULL)
        ccb_fail(error, CCB_ERR_INPUT, "%s: %s", what, reason->message);
    else if (!found)
        ccb_result_fail(result, "nothing in %s matches \"%s\"", what, matches);
}

/* --- files */

static const char *type_of(mode_t mode)
{
    return S_ISREG(mode) ? "file" : S_ISDIR(mode) ? "directory" : S_ISLNK(mode) ? "link" : "device";
}

static void check_content(CcbCheckContext *ctx, const CcbOwnFile *f, CcbCheckResult *result,
                          GError **error)
{
    if (f->sha256 != NULL && *error == NULL) {
        g_autofree char *digest = ccb_guest_digest(ctx->guest, f->path, error);
        if (digest != NULL && !g_str_equal(digest, f->sha256))
            ccb_result_fail(result, "%s has the sha256 %s, expected %s", f->path, digest,
                            f->sha256);
    }
    if (f->contains == NULL && f->matches == NULL)
        return;
    const CcbGuestText *file = ccb_check_text(ctx, f->path, error);
    if (file->text != NULL)
        check_bytes(file->text, file->size, f->contains, f->matches, f->path, result, error);
}

static bool check_file(CcbCheckContext *ctx, const CcbOwnFile *f, CcbCheckResult *result,
                       GError **error)
{
    bool is_followed = f->exists && g_strcmp0(f->type, "link") != 0;
    bool has_content = f->sha256 != NULL || f->contains != NULL || f->matches != NULL;
    const CcbStat *st =
        is_followed ? ccb_check_stat(ctx, f->path, error) : ccb_check_lstat(ctx, f->path, error);
    if (*error != NULL)
        return false;
    if (!f->exists)
        return st == NULL ? ccb_result_pass(result, "nothing is at %s", f->path)
                          : ccb_result_fail(result, "%s is there", f->path);
    if (st == NULL)
        return ccb_result_fail(result, "%s is missing", f->path);
    if (f->type != NULL && !g_str_equal(type_of(st->mode), f->type))
        ccb_result_fail(result, "%s is a %s, expected a %s", f->path, type_of(st->mode), f->type);
    mode_t mode = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    if (f->mode != NULL && ccb_mode_parse(f->mode, &mode) && mode != (st->mode & 07777))
        ccb_result_fail(result, "%s has mode %04o, expected %04o", f->path, st->mode & 07777, mode);
    if (f->owner != NULL && ccb_owner_parse(f->owner, &uid, &gid) &&
        (uid != st->uid || gid != st->gid))
        ccb_result_fail(result, "%s belongs to %u:%u, expected %u:%u", f->path, st->uid, st->gid,
                        uid, gid);
    if (has_content && !S_ISREG(st->mode))
        ccb_result_fail(result, "%s is a %s, which has no content", f->path, type_of(st->mode));
    else if (has_content)
        check_content(ctx, f, result, error);
    return ccb_result_pass(result, "%s: %s %04o %u:%u%s", f->path, type_of(st->mode),
                           st->mode & 07777, st->uid, st->gid,
                           has_content ? ", content as expected" : "");
}

/* --- units */

/* What starts the unit: another unit's Wants= and the like, or the links of `systemctl enable`. */
static void check_enabled(CcbUnitSet *set, const CcbOwnUnit *u, CcbCheckResult *result)
{
    g_autoptr(GPtrArray) by = ccb_unitgraph_pulled_by(set->graph, u->name);
    bool is_masked = g_hash_table_contains(set->masked, u->name);
    if (g_str_equal(u->enabled, "masked")) {
        if (!is_masked)
            ccb_result_fail(result, "%s is not masked", u->name);
    } else if (g_str_equal(u->enabled, "true")) {
        if (is_masked || by->len == 0)
            ccb_result_fail(result, "%s is %s", u->name,
                            is_masked ? "masked" : "not enabled: no unit starts it");
    } else if (!is_masked && by->len > 0) {
        g_autofree char *edges = ccb_unit_edges_text(by);
        ccb_result_fail(result, "%s is enabled: %s", u->name, edges);
    }
}

static void check_order(CcbUnitSet *set, const char *later, const char *earlier,
                        CcbCheckResult *result)
{
    g_autoptr(GPtrArray) why = ccb_unitgraph_why_after(set->graph, later, earlier, NULL);
    const char *missing = !ccb_unitgraph_has(set->graph, later)     ? later
                          : !ccb_unitgraph_has(set->graph, earlier) ? earlier
                                                                    : NULL;
    if (why == NULL)
        ccb_result_fail(result, "%s does not start after %s%s%s", later, earlier,
                        missing != NULL ? "; the image has no " : "",
                        missing != NULL ? missing : "");
}

static bool check_unit(CcbCheckContext *ctx, const CcbOwnUnit *u, CcbCheckResult *result,
                       GError **error)
{
    CcbUnitSet *set = ccb_check_units(ctx, error);
    if (set == NULL)
        return false;
    if (!ccb_unitgraph_has(set->graph, u->name) && !g_hash_table_contains(set->masked, u->name))
        return ccb_result_fail(result, "the image has no unit %s", u->name);
    if (u->enabled != NULL)
        check_enabled(set, u, result);
    for (char **other = u->after; *other != NULL; other++)
        check_order(set, u->name, *other, result);
    for (char **other = u->before; *other != NULL; other++)
        check_order(set, *other, u->name, result);
    return ccb_result_pass(result, "%s%s%s%s", u->name, u->enabled != NULL ? ": enabled " : "",
                           u->enabled != NULL ? u->enabled : "",
                           u->after[0] != NULL || u->before[0] != NULL ? ", in order" : "");
}

/* --- packages */

/* Of several versions, as kernels have, one has to meet the condition. */
static bool check_package(CcbCheckContext *ctx, const CcbOwnPackage *p, CcbCheckResult *result,
                          GError **error)
{
    g_autoptr(GString) others = g_string_new(NULL);
    for (char **package = ccb_check_packages(ctx, error); *package != NULL; package++) {
        g_autofree char *evr = NULL;
        g_autofree char *full = ccb_rpm_split(*package, &evr); /* name.arch */
        g_autofree char *name = g_strdup(full);
        char *dot = strrchr(name, '.');
        if (dot != NULL)
            *dot = '\0';
        if (!g_str_equal(full, p->name) && !g_str_equal(name, p->name))
            continue;
        if (p->absent)
            return ccb_result_fail(result, "%s is installed", *package);
        if (p->version == NULL || ccb_rpm_version_meets(evr, p->version))
            return ccb_result_pass(result, "%s", *package);
        g_string_append_printf(others, "%s%s", others->len > 0 ? ", " : "", *package);
    }
    if (*error != NULL)
        return false;
    if (p->absent)
        return ccb_result_pass(result, "%s is not installed", p->name);
    return others->len > 0
               ? ccb_result_fail(result, "%s, expected version %s", others->str, p->version)
               : ccb_result_fail(result, "%s is not installed", p->name);
}

/* --- arguments of the kernel */

static void check_line(const CcbCmdline *line, const CcbOwnArgument *a, const char *place,
                       CcbCheckResult *result, GError **error)
{
    bool has = ccb_cmdline_has(line, a->name);
    if (a->absent && has)
        ccb_result_fail(result, "%s: %s is there", place, a->name);
    else if (!a->absent && a->value == NULL && !has)
        ccb_result_fail(result, "%s: %s is missing", place, a->name);
    else if (a->value != NULL) {
        g_autofree char *argument = g_strconcat(a->name, "=", a->value, NULL);
        ccb_check_argument(line, argument, place, result, error);
    }
}

static bool check_argument(CcbCheckContext *ctx, const CcbOwnArgument *a, CcbCheckResult *result,
                           GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    for (guint i = 0; facts != NULL && *error == NULL && i < facts->entries->len; i++) {
        const CcbBootEntry *entry = facts->entries->pdata[i];
        g_autoptr(CcbCmdline) line = ccb_cmdline_parse(entry->cmdline, error);
        if (line != NULL)
            check_line(line, a, entry->path, result, error);
    }
    if (*error != NULL)
        return false;
    if (facts->entries->len == 0)
        return ccb_result_fail(result, "/boot/loader/entries has no boot entry");
    return ccb_result_pass(result, "%s%s%s: %s in %u boot %s", a->name, a->value != NULL ? "=" : "",
                           a->value != NULL ? a->value : "", a->absent ? "absent" : "present",
                           facts->entries->len,
                           ccb_plural(facts->entries->len, "entry", "entries"));
}

/* --- commands */

/* A command that ends otherwise than it has to is the image's fault; a copy that can't be opened is not. */
static bool check_command(CcbCheckContext *ctx, const CcbOwnCommand *c, CcbCheckResult *result,
                          GError **error)
{
    if (ctx->sandbox == NULL)
        return ccb_result_skip(result, "not run: bake and `verify --recipe` run commands");
    CcbGuest *copy = ccb_check_copy(ctx, error);
    if (copy == NULL)
        return false;
    g_autoptr(GError) reason = NULL;
    g_autoptr(GString) output = g_string_new(NULL);
    CcbCommand command = {.argv = (const char *const *)c->run,
                          .limit_s = c->limit,
                          .allow_failure = c->status != 0,
                          .ret_stdout = output};
    if (!ccb_guest_run(copy, &command, &reason)) {
        if (ccb_exit_code(reason) == CCB_ERR_STEP)
            return ccb_result_fail(result, "%s", reason->message);
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    if ((unsigned)command.ret_status != c->status)
        ccb_result_fail(result, "%s ended with status %d, expected %u", c->run[0],
                        command.ret_status, c->status);
    g_autofree char *what = g_strdup_printf("the output of %s", c->run[0]);
    check_bytes(output->str, output->len, c->contains, c->matches, what, result, error);
    return ccb_result_pass(result, "%s ended with status %d", c->run[0], command.ret_status);
}

bool ccb_check_own(CcbCheckContext *ctx, const CcbOwnCheck *check, CcbCheckResult *result,
                   GError **error)
{
    if (check->file != NULL)
        return check_file(ctx, check->file, result, error);
    if (check->unit != NULL)
        return check_unit(ctx, check->unit, result, error);
    if (check->package != NULL)
        return check_package(ctx, check->package, result, error);
    if (check->argument != NULL)
        return check_argument(ctx, check->argument, result, error);
    if (check->command != NULL)
        return check_command(ctx, check->command, result, error);
    return ccb_fail(error, CCB_ERR_INPUT, "it can't be used: %s", check->problem);
}
