/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "text/modprobe.h"

static const char lkca[] =
    "# confidential computing\n"
    "install nvidia /sbin/modprobe ecdsa_generic; /sbin/modprobe ecdh; \\\n"
    "/sbin/modprobe --ignore-install nvidia\n"
    "options nvidia NVreg_RegistryDwords=\"RmEnableProtectedPcie=0x1\" NVreg_A=1\n"
    "softdep nvidia-uvm pre: nvidia ecdh-generic post: a b pre: c\n";

static const char other[] = "blacklist nouveau\n"
                            "options nouveau modeset=0\n"
                            "options nvidia NVreg_A=2 \"NVreg_B=x y\" NVreg_C\n"
                            "install nvidia /bin/false\n"
                            "alias pci:v000010DEd*sv* nvidia\n"
                            "alias net-pf-[1-3] dummy\n"
                            "unknown command\n"
                            "options nvidia_peer-mem peer_x=1\n";

static CcbModprobe *load(void)
{
    CcbModprobe *config = ccb_modprobe_new();
    ok(ccb_modprobe_add(config, lkca, strlen(lkca), "lkca.conf", NULL), "first file");
    ok(ccb_modprobe_add(config, other, strlen(other), "other.conf", NULL), "second file");
    return config;
}

static void test_options(const CcbModprobe *config)
{
    is_taken(ccb_modprobe_option(config, "nvidia", "NVreg_B"), "x y", "quoted white space");
    is_taken(ccb_modprobe_option(config, "nvidia", "NVreg_RegistryDwords"),
             "RmEnableProtectedPcie=0x1", "without quotes");
    is_taken(ccb_modprobe_option(config, "nvidia", "NVreg_A"), "2", "the last one counts");
    is_taken(ccb_modprobe_option(config, "nvidia", "NVreg_C"), "", "no value");
    is_taken(ccb_modprobe_option(config, "nvidia", "NVreg"), NULL, "no prefix match");
    is_taken(ccb_modprobe_option(config, "nvidia-peer_mem", "peer_x"), "1", "'-' is '_'");
}

static void test_rules(const CcbModprobe *config)
{
    is_str(
        ccb_modprobe_install(config, "nvidia"),
        "/sbin/modprobe ecdsa_generic; /sbin/modprobe ecdh; /sbin/modprobe --ignore-install nvidia",
        "the first install command, continued");
    is_str(ccb_modprobe_install(config, "nvidia_uvm"), NULL, "no install command");
    ok(ccb_modprobe_is_blacklisted(config, "nouveau"), "blacklisted");
    ok(!ccb_modprobe_is_blacklisted(config, "nvidia"), "not blacklisted");
    g_autoptr(GPtrArray) pre = ccb_modprobe_softdeps(config, "nvidia_uvm", false);
    is_int(pre->len, 3, "softdep pre");
    is_str(pre->pdata[1], "ecdh_generic", "... normalized");
    g_autoptr(GPtrArray) post = ccb_modprobe_softdeps(config, "nvidia-uvm", true);
    is_int(post->len, 2, "softdep post");
    g_autoptr(GPtrArray) none = ccb_modprobe_softdeps(config, "ext4", true);
    is_int(none->len, 0, "no softdep");
    g_autoptr(GPtrArray) aliases =
        ccb_modprobe_find(config, CCB_MODPROBE_ALIAS, "pci:v000010DEd00002331sv1");
    is_int(aliases->len, 1, "alias by pattern");
    const CcbModprobeRule *rule = aliases->pdata[0];
    is_str(rule->arguments, "nvidia", "... its module");
    is_str(rule->file, "other.conf", "... its file");
    is_int(rule->line, 5, "... its line");
    g_autoptr(GPtrArray) range = ccb_modprobe_find(config, CCB_MODPROBE_ALIAS, "net-pf-2");
    is_int(range->len, 1, "'-' inside brackets stays");
    g_autoptr(GPtrArray) install = ccb_modprobe_find(config, CCB_MODPROBE_INSTALL, "nvidia");
    is_int(install->len, 2, "all install commands");
    is_int(((const CcbModprobeRule *)install->pdata[0])->line, 2, "the line a rule starts on");
}

static void fuzz_one(const char *data, gsize size)
{
    g_autoptr(CcbModprobe) config = ccb_modprobe_new();
    if (!ccb_modprobe_add(config, data, size, "f", NULL))
        return;
    g_free(ccb_modprobe_option(config, "nvidia", "NVreg_A"));
    g_ptr_array_unref(ccb_modprobe_softdeps(config, "nvidia_uvm", false));
    g_ptr_array_unref(ccb_modprobe_find(config, CCB_MODPROBE_ALIAS, "pci:v000010DEd1sv1"));
}

int main(void)
{
    g_autoptr(CcbModprobe) config = load();
    test_options(config);
    test_rules(config);
    static const char *const bad[] = {"\noptions nvidia\n", "\nblacklist\n", "\ninstall x \n",
                                      "\nalias\n"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        GError *error = NULL;
        ok(!ccb_modprobe_add(config, bad[i], strlen(bad[i]), "bad.conf", &error), "malformed");
        is_error(&error, "bad.conf:2: ", "... where");
    }
    fuzz(lkca, strlen(lkca), 2000, fuzz_one);
    fuzz(other, strlen(other), 2000, fuzz_one);
    return done();
}
