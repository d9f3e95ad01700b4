/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloud-init. */
#include "check-fixture.h"

static const Case cases[] = {
    {"cloud-init updates", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg", "package_upgrade: True # all\n",
     .bad = "cloud-init.no-upgrade"},
    {"cloud-init updates, by an old name", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "apt_upgrade: yes\n", .bad = "cloud-init.no-upgrade"},
    {"no data source of the cloud", 1, REMOVE, ALIYUN, .bad = "cloud-init.imds-v2"},
    {"metadata without a token", 1, REPLACE, ALIYUN, "X-aliyun-ecs-metadata-token", "X-none",
     .bad = "cloud-init.imds-v2"},
    {"a second Python with an older cloud-init", 8, WRITE,
     "root/usr/lib/python3.11/dist-packages/cloudinit/sources/DataSourceAliYun.py", "class X:\n",
     .bad = "cloud-init.imds-v2"},
    {"cloud-init does not update", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "package_update: true\npackage_upgrade: false\n", .bad = ""},
    {"no cloud-init", 1, REMOVE, "root/usr/bin/cloud-init", .bad = "cloud-init.present"},
    {"cloud-init not enabled", 1, REMOVE, WANTS "cloud-init.service", .bad = "cloud-init.present"},
    {"cloud-init started by its generator", 1, REMOVE, WANTS "cloud-init.service", .bad = "",
     .also = "root/usr/lib/systemd/system-generators/cloud-init-generator"},
    {"cloud-init switched off", 1, WRITE, CLOUD "cloud-init.disabled", "",
     .bad = "cloud-init.present"},
    {"another datasource", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg", "datasource_list: [NoCloud]\n",
     .bad = "cloud-init.datasource"},
    {"a file of cloud-init that is no YAML", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "datasource_list: *all\n", .bad = "cloud-init.datasource"},
    {"a file of cloud-init that is a list", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg", "- AliYun\n",
     .bad = "cloud-init.datasource"},
    {"a file of cloud-init with comments alone", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "#cloud-config\n# nothing yet\n", .bad = ""},
    {"a list of datasources without a value", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "datasource_list:\n", .bad = "cloud-init.datasource"},
    {"a datasource behind quotes, an alias and an equal key", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "#cloud-config\nlist: &all !!seq ['None', AliYun]\n\"datasource_list\": [None]\n"
     "'datasource_list': *all\n",
     .bad = ""},
    {"cloud-init configured in JSON", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "{\"datasource_list\": [\n\"None\"\n], \"growpart\": {\"mode\": null}}\n",
     .bad = "cloud-init.datasource"},
    {"growpart is off", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg", "growpart: {mode: off}\n",
     .bad = "cloud-init.growpart"},
    {"growpart is off, in a block", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "growpart:\n  nested:\n    mode: auto\n  mode: 'False'\n", .bad = "cloud-init.growpart"},
    {"the mode of another module", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "growpart:\n  nested:\n    mode: off\n", .bad = ""},
    {"no growpart", 1, REMOVE, "root/usr/bin/growpart", .bad = "cloud-init.growpart"},
};

int main(void)
{
    run_cases(cases, G_N_ELEMENTS(cases));
    return done();
}
