/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What loading nvidia loads before it. */
#include "tap.h"
#include "text/modload.h"

#define ECDSA "/sbin/modprobe ecdsa_generic"
#define ECDH  "/sbin/modprobe ecdh"
#define LAST  "/sbin/modprobe --ignore-install nvidia"

static const char *const before[] = {"ecdsa_generic crypto_ecdsa", "ecdh_generic ecdh", NULL};

static const struct {
    const char *what, *text;
    const char *problem; /* a part of it; NULL: none */
} cases[] = {
    {"the line of the guide", "install nvidia " ECDSA "; " ECDH "; " LAST "\n", NULL},
    {"a softdep", "softdep nvidia pre: ecdh_generic ecdsa-generic\n", NULL},
    {"a softdep of one name", "softdep nvidia pre: ecdh_generic,ecdsa_generic\n",
     "loads ecdsa_generic"},
    {"a softdep behind", "softdep nvidia post: ecdh_generic ecdsa_generic\n", "loads ecdsa"},
    {"a softdep that another one hides",
     "softdep nvidia pre: i2c-core\nsoftdep nvidia pre: ecdh_generic ecdsa_generic\n",
     "loads ecdsa"},
    {"half by a softdep", "softdep nvidia pre: ecdh_generic\ninstall nvidia " ECDSA "; " LAST "\n",
     NULL},
    {"all by one command",
     "install nvidia modprobe -qa ecdsa_generic ecdh_generic && exec modprobe "
     "-i nvidia $CMDLINE_OPTS\n",
     NULL},
    {"a second name that is a parameter", "install nvidia modprobe ecdsa_generic ecdh; " LAST "\n",
     "ecdh_generic is not loaded before"},
    {"behind the driver", "install nvidia " ECDSA "; " LAST "; " ECDH "\n", "ecdh_generic is not"},
    {"only if the first fails", "install nvidia " ECDSA " || " ECDH "; " LAST "\n",
     "ecdh_generic is not"},
    {"failures that do not matter",
     "install nvidia " ECDSA " 2>/dev/null || true; " ECDH " >/dev/null 2>&1; " LAST "\n", NULL},
    {"the driver only if they fail", "install nvidia " ECDSA "; " ECDH " || " LAST "\n",
     "does not load nvidia"},
    {"never the driver", "install nvidia /bin/false && " ECDSA "; " ECDH "\n",
     "does not load nvidia"},
    {"a loop", "install nvidia " ECDSA "; " ECDH "; /sbin/modprobe nvidia\n",
     "no --ignore-install nvidia"},
    {"in the background", "install nvidia " ECDSA " & " ECDH "; " LAST "\n", "does not wait"},
    {"a pipe", "install nvidia " ECDSA " | " LAST "\n", "does not wait"},
    {"only shown", "install nvidia modprobe -n ecdsa_generic; " ECDH "; " LAST "\n",
     "ecdsa_generic is not"},
    {"taken out", "install nvidia modprobe -r ecdsa_generic; " ECDH "; " LAST "\n",
     "ecdsa_generic is not"},
    {"names in an echo", "install nvidia echo " ECDSA " " ECDH "; " LAST "\n",
     "ecdsa_generic is not"},
    {"a script", "install nvidia /usr/libexec/load ecdsa_generic ecdh --ignore-install nvidia\n",
     "does not load nvidia"},
    {"a condition", "install nvidia if true; then " ECDSA "; " ECDH "; " LAST "; fi\n",
     "can't be followed"},
    {"an option with a value",
     "install nvidia modprobe -C /etc/x -a ecdsa_generic ecdh; modprobe -C /etc/x -i nvidia\n",
     NULL},
    {"one of them is something else",
     "install ecdsa_generic /bin/true\n"
     "softdep nvidia pre: ecdh_generic ecdsa_generic\n",
     "loads ecdsa"},
    {"nothing", "options nvidia a=1\n", "neither softdep nor install nvidia loads ecdsa_generic"},
};

int main(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(CcbModprobe) config = ccb_modprobe_new();
        ok(ccb_modprobe_add(config, cases[i].text, strlen(cases[i].text), "a.conf", NULL),
           cases[i].what);
        g_autofree char *problem = ccb_modload_problem(config, "nvidia", before);
        if (cases[i].problem == NULL)
            is_str(problem, NULL, "... is right");
        else if (!ok(problem != NULL && strstr(problem, cases[i].problem) != NULL, "... is wrong"))
            printf("# got: %s\n", problem != NULL ? problem : "(null)");
    }
    return done();
}
