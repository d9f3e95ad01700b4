/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <locale.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/error.h"
#include "base/progress.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/verbs.h"

const CcbVerb *const ccb_verbs[] = {
    &ccb_verb_bake,
    &ccb_verb_plan,
    &ccb_verb_lock,
    &ccb_verb_fetch,
    &ccb_verb_verify,
    &ccb_verb_boot,
    &ccb_verb_shell,
    &ccb_verb_diff,
    &ccb_verb_graph,
    &ccb_verb_report,
    &ccb_verb_convert,
    &ccb_verb_preflight,
    &ccb_verb_upload,
    &ccb_verb_request,
    &ccb_verb_init,
    &ccb_verb_recipe,
    &ccb_verb_cache,
    &ccb_verb_doctor,
    NULL,
};

/* What a full disk, or a reader that went away, left unwritten of the output.  As with git, a reader that has enough
 * ends us without a word; base/cancel.h has SIGPIPE ignored until here, so that work is not cut short. */
static int finish_output(void)
{
    struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};
    errno = EIO; /* for an earlier write that failed */
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    int reason = errno;
    if (poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    fprintf(stderr, "ccbake: standard output: %s\n", g_strerror(reason));
    return CCB_ERR_IO;
}

static void print_help(void)
{
    enum { SUMMARY_COLUMN = 31 };
    unsigned columns = ccb_terminal_columns(STDOUT_FILENO);
    g_autoptr(GString) verbs = g_string_new(NULL);
    for (const CcbVerb *const *verb = ccb_verbs; *verb != NULL; verb++) {
        g_string_append_printf(verbs, "  %-9s %s", (*verb)->name, (*verb)->arguments);
        ccb_append_wrapped(verbs, (*verb)->summary, SUMMARY_COLUMN, columns);
    }
    printf("usage: ccbake VERB [OPTION]... [ARGUMENT]...\n"
           "Bakes golden images for confidential-GPU instances from recipes.\n\n%s\n"
           "`ccbake VERB --help` lists the options of a verb; ccbake(1) is the manual.\n",
           verbs->str);
}

/* For the shell completion, and for the test that compares tables, help and manual. */
static int print_tables(void)
{
    for (const CcbVerb *const *verb = ccb_verbs; *verb != NULL; verb++) {
        g_autofree char *list = ccb_options_list(*verb);
        g_auto(GStrv) lines = g_strsplit(g_strchomp(list), "\n", -1);
        for (char **line = lines; *line != NULL; line++)
            printf("%s\t%s\n", (*verb)->name, *line);
    }
    return finish_output();
}

static bool run(int argc, char **argv, GError **error)
{
    const CcbVerb *verb = NULL;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (const CcbVerb *const *v = ccb_verbs; *v != NULL; v++) {
        if (strcmp((*v)->name, argv[1]) == 0)
            verb = *v;
        g_ptr_array_add(names, (char *)(*v)->name);
    }
    if (verb == NULL) {
        g_ptr_array_add(names, NULL);
        ccb_fail(error, CCB_ERR_USAGE, "there is no verb \"%s\"", argv[1]);
        return ccb_hint_name(error, argv[1], (const char *const *)names->pdata,
                             "`ccbake --help` lists them");
    }
    int count = 0;
    GError *reason = NULL;
    g_autofree char **arguments = ccb_options_parse(verb, argc - 1, argv + 1, &count, &reason);
    if (reason) {
        g_propagate_error(error, reason);
        return false;
    }
    if (arguments == NULL) {
        g_autofree char *help = ccb_options_help(verb, ccb_terminal_columns(STDOUT_FILENO));
        fputs(help, stdout);
        return true;
    }
    return verb->run(count, arguments, error);
}

int main(int argc, char **argv)
{
    enum { LARGE = 256 << 10 };
    g_autoptr(GError) error = NULL;
    int fd;
    do /* if ccbake was started without them (2>&-), a file it opens would be standard output */
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
    /* A block of this size is unmapped when it is freed.  By default glibc raises the limit after the
     * first large block, and the buffers of one activity would stay allocated during the next. */
    mallopt(M_MMAP_THRESHOLD, LARGE);
    setlocale(LC_CTYPE, "");
    ccb_cancel_install();
    bool asks = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
                             strcmp(argv[1], "help") == 0);
    if (asks && argc > 2) { /* "help VERB" is "VERB --help" */
        argv[1] = argv[2];
        argv[2] = "--help";
        argc = 3;
    } else if (argc < 2 || asks) {
        print_help();
        return argc < 2 ? CCB_ERR_USAGE : finish_output();
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0 ||
        strcmp(argv[1], "version") == 0) {
        printf("ccbake %s\n", CCB_VERSION);
        return finish_output();
    }
    if (strcmp(argv[1], "--tables") == 0)
        return print_tables();
    if (!run(argc, argv, &error)) {
        fflush(stdout); /* before the message, where both go to one file */
        if (error->message[0] != '\0')
            ccb_progress_error(error->message, ccb_exit_code(error));
        return ccb_exit_code(error);
    }
    return finish_output();
}
