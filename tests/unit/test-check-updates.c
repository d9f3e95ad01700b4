/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What updates by itself, and what dnf leaves as it is. */
#include "check-fixture.h"

static const Case cases[] = {
    {"a driver from packages only", 1, REMOVE, "root/usr/bin/nvidia-uninstall",
     .bad = "updates.driver-lock", .also = "packages",
     .also_text = "kmod-nvidia-550.144.03-3:550.144.03-3.al8.x86_64\n"},
    {"dnf-automatic installs", 1, LINK, WANTS "dnf-automatic-install.timer", "/x", .bad = "",
     .also = VENDOR_UNITS "dnf-automatic-install.service"},
    {"dnf-automatic's timer is there and enabled", 1, LINK, WANTS "dnf-automatic-install.timer",
     "/x", .bad = "updates.automatic", .also = VENDOR_UNITS "dnf-automatic-install.timer",
     .also_text = "[Timer]\nOnCalendar=daily\n"},
    {"a timer whose service updates", 1, WRITE, VENDOR_UNITS "patch.service",
     "[Service]\nExecStart=/bin/sh -c 'yum -y --security update-minimal'\n",
     .bad = "updates.automatic", .also = VENDOR_UNITS "nightly.timer",
     .also_text = "[Timer]\nOnCalendar=daily\nUnit=patch.service\n", .link = WANTS "nightly.timer"},
    {"a timer whose service of its name updates", 1, WRITE, VENDOR_UNITS "patch.service",
     "[Service]\nExecStart=/usr/bin/dnf upgrade --refresh\n", .bad = "updates.automatic",
     .also = VENDOR_UNITS "patch.timer", .also_text = "[Timer]\nOnCalendar=daily\n",
     .link = WANTS "patch.timer"},
    {"a service that updates, which no boot starts", 1, WRITE, VENDOR_UNITS "patch.service",
     "[Service]\nExecStart=/usr/bin/dnf upgrade\n", .bad = "", .also = VENDOR_UNITS "patch.timer",
     .also_text = "[Timer]\nOnCalendar=daily\n"},
    {"a service that only looks for updates", 1, WRITE, VENDOR_UNITS "makecache.service",
     "[Service]\nExecStart=/usr/bin/dnf makecache\nExecStart=-/usr/bin/dnf check-update\n"
     "ExecStart=/usr/bin/dnf -q updateinfo\nExecStart=/usr/bin/dnf install update-tools\n",
     .bad = "", .link = WANTS "makecache.service"},
    {"updates for the next boot", 1, LINK, "root/system-update", "/var/lib/system-update",
     .bad = "updates.automatic"},
    {"no lock of the kernel", 1, REPLACE, "root/etc/dnf/dnf.conf", "kernel*", "gcc",
     .bad = "updates.kernel-lock"},
    {"a lock without its plugin", 1, WRITE, "root/etc/dnf/dnf.conf", "[main]\n",
     .bad = "updates.kernel-lock", .also = "root/etc/dnf/plugins/versionlock.list"},
    {"packages of a driver that are excluded", 8, REMOVE, "root/usr/bin/nvidia-uninstall",
     .bad = "", .also = "root/etc/dnf/dnf.conf",
     .also_text = "[main]\nexcludepkgs=kernel-core-5.10.*,*nvidia*\n"},
    {"one version that is excluded", 1, WRITE, "root/etc/dnf/dnf.conf",
     "[main]\nexclude=kernel-core-5.10.134-19*\n", .bad = "updates.kernel-lock"},
    {"a name with its architecture, in brackets", 1, WRITE, "root/etc/dnf/dnf.conf",
     "[main]\nexclude=kernel-cor[ef].x86_64\n", .bad = ""},
    {"a lock, and no plugins", 1, WRITE, "root/etc/dnf/dnf.conf", "[main]\nplugins=0\n",
     .bad = "updates.kernel-lock", .also = "root/etc/dnf/plugins/versionlock.list",
     .also_text = "kernel-core-0:5.10.134-18.al8.*\n"},
    {"a lock of another package", 1, WRITE, "root/etc/dnf/dnf.conf",
     "[main]\nexclude=kernel-core-debug*\n", .bad = "updates.kernel-lock"},
};

int main(void)
{
    run_cases(cases, G_N_ELEMENTS(cases));
    return done();
}
