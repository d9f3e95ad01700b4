/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guide/driver.h"
#include "tap.h"

static CcbDriverVersion parse(const char *text)
{
    CcbDriverVersion version = {0, 0, 0};
    ok(ccb_driver_parse(text, &version, NULL), text);
    return version;
}

int main(void)
{
    static const struct {
        const char *text;
        bool bad, cc;
    } cases[] = {
        {"550.0", true, false},       {"550.54.15", true, false},   {"550.90.12", true, false},
        {"550.90.13", false, false},  {"550.113", true, false},     {"550.113.01", true, false},
        {"550.114", false, false},    {"550.127.04", false, false}, {"550.127.05", false, true},
        {"550.144.03", false, true},  {"570.148.08", false, true},  {"575.57.08", false, true},
        {"580.65.06", false, true},   {"590.44.01", false, true},   {"595.1", false, true},
        {"535.183.01", false, false}, {"560.35.03", false, false},  {"600.10", false, false},
        {"610.57.04", false, true},   {"615.1", false, true},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        CcbDriverVersion version = parse(cases[i].text);
        is_int(ccb_driver_known_bad(version) != NULL, cases[i].bad, "... known bad");
        is_int(ccb_driver_supports_cc(version), cases[i].cc, "... confidential computing");
    }
    ok(!ccb_driver_is_newer_than_known(parse("610.57.04")), "a known branch");
    ok(ccb_driver_is_newer_than_known(parse("615.1")), "a branch of the future");
    ok(ccb_driver_compare(parse("550.90.07"), parse("550.144.03")) < 0, "as numbers, not text");
    ok(ccb_driver_compare(parse("570.148.08"), parse("550.163.01")) > 0, "branch first");
    is_int(ccb_driver_compare(parse("550.144.03"), parse("550.144.3")), 0, "leading zeros");
    is_int((long long)parse("570.148.08").branch, 570, "branch");
    static const char *const bad[] = {
        "",       "550",  "550.",        ".1",     "550.1.2.3", "a.b",
        "550.1.", "-1.2", "550.144.03 ", "550..1", "9999999.1", "550.99999999999"};
    static const struct {
        const char *module, *license;
        bool open;
    } licenses[] = {{"nvidia", "Dual MIT/GPL", true},         {"nvidia", "NVIDIA", false},
                    {"nvidia-uvm", "Dual BSD/GPL", false},    {"nvidia-uvm", NULL, false},
                    {"nvidia-peermem", "Linux-OpenIB", true}, {"nvidia-peermem", "NVIDIA", false},
                    {"nvidia-peermem", "Dual BSD/GPL", true}, {"nvidia-peermem", NULL, false}};
    for (size_t i = 0; i < G_N_ELEMENTS(licenses); i++)
        is_int(ccb_driver_license_is_open(licenses[i].module, licenses[i].license),
               licenses[i].open, licenses[i].license ? licenses[i].license : "no licence");
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        CcbDriverVersion version = {7, 7, 7};
        GError *error = NULL;
        ok(!ccb_driver_parse(bad[i], &version, &error), "malformed");
        is_error(&error, "no driver version", "... with a reason");
        is_int(version.branch, 7, "... and nothing set");
    }
    ok(ccb_driver_is_package("kmod-nvidia-550.144.03-3:550.144.03-3.al8.x86_64"),
       "a driver's package");
    ok(!ccb_driver_is_package("nvidia-driver-assistant-0.21-1.noarch"), "and a tool that is none");
    ok(ccb_registry_is_set("A=1;RmEnableProtectedPcie=0x1", CCB_PROTECTED_PCIE), "a registry key");
    ok(!ccb_registry_is_set("RmEnableProtectedPcie=0", CCB_PROTECTED_PCIE), "which is 0");
    ok(!ccb_registry_is_set(NULL, CCB_PROTECTED_PCIE), "or not there");
    return done();
}
