/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must not be in an image. */
#include "check-fixture.h"

/* As pip names what it keeps. */
#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef01234567"

/* Made up, and put together here, so that no scanner takes this file for a leak. */
#define KEY "PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49\n"
#define TOKEN                                                                                      \
    "ghp_"                                                                                         \
    "Ab3dEf7hIjK1mNoPqRsTuVwXyZ0a2c4e6gHi"
#define HASH                                                                                       \
    "$5$"                                                                                          \
    "saltsalt$"                                                                                    \
    "Ab3dEf7hIjK1mNoPqRsTuVwXyZ0a2c4e6gHiAb3dEf7"

static const Case cases[] = {
    {"a resolver of the builder", 1, WRITE, "root/etc/resolv.conf", "nameserver 10.1.1.1\n",
     .bad = "hygiene.resolver"},
    {"a host name", 1, WRITE, "root/etc/hostname", "builder7\n", .bad = "hygiene.host-name"},
    {"a host name, and its line", 1, WRITE, "root/etc/hosts",
     "::1 localhost\n10.0.0.7 x builder7\n", .bad = "hygiene.host-name",
     .also = "root/etc/hostname", .also_text = "builder7\n"},
    {"a line of an instance whose name is gone", 1, WRITE, "root/etc/hosts",
     "10.0.0.7\tiZbp1abcdefghijklmnopqZ\n", .bad = "hygiene.host-name"},
    {"lines that are meant", 1, WRITE, "root/etc/hosts",
     "127.0.0.1 localhost\n\n# 10.0.0.7 iZbp1abcdefghijklmnopqZ\n10.0.0.8 registry iZ iZone-Z\n",
     .bad = ""},
    {"a machine id of which only a kernel of its own knows", 1, WRITE,
     "root/boot/loader/entries/ffffffffffffffffffffffffffffffff-" KVER ".conf",
     "title B\nversion " KVER "\nlinux /boot/vmlinuz-" KVER "\ninitrd /boot/initramfs-" KVER
     ".img\noptions $kernelopts\n",
     .bad = "hygiene.machine-id", .also = "root/etc/machine-id",
     .also_text = "ffffffffffffffffffffffffffffffff\n"},
    {"what cloud-init keeps", 1, WRITE, "root/var/lib/cloud/instances/i-0/user-data.txt", "",
     .bad = "hygiene.cloud-state"},
    {"a machine id of the builder", 1, WRITE, "root/etc/machine-id",
     "ffffffffffffffffffffffffffffffff\n", .bad = "hygiene.machine-id"},
    {"an empty machine id", 1, WRITE, "root/etc/machine-id", "", .bad = ""},
    {"a machine id for the first boot", 1, WRITE, "root/etc/machine-id", "uninitialized\n",
     .bad = ""},
    {"no machine id", 1, REMOVE, "root/etc/machine-id", .bad = "hygiene.machine-id"},
    {"a host key", 1, WRITE, "root/etc/ssh/ssh_host_rsa_key", "", .bad = "hygiene.host-keys"},
    {"an account without a password, and a file for everybody", 1, WRITE, "root/etc/shadow",
     "root:!!:1::\nu::1::\n", .bad = "hygiene.passwords"},
    {"a shell's history", 1, WRITE, "root/root/.bash_history", "ls\n", .bad = "hygiene.history"},
    {"a history of a user, in a directory", 1, WRITE, "root/home/u/.local/share/fish/fish_history",
     "ls\n", .bad = "hygiene.history"},
    {"a file that is called as a history elsewhere", 1, WRITE, "root/root/src/.history", "ls\n",
     .bad = ""},
    {"an empty history", 1, WRITE, "root/root/.bash_history", "", .bad = ""},
    {"an authorized key", 1, WRITE, "root/root/.ssh/authorized_keys", "# x\nssh-rsa A\n",
     .bad = "hygiene.authorized-keys"},
    {"an authorized key in the second file", 1, WRITE, "root/home/u/.ssh/authorized_keys2",
     "ssh-rsa A\n", .bad = "hygiene.authorized-keys"},
    {"an authorized key of a service", 1, WRITE, "root/var/lib/acme/.ssh/authorized_keys",
     "ssh-rsa A\n", .bad = "hygiene.authorized-keys", .also = "root/etc/passwd",
     .also_text = "root:x:0:0::/root:/bin/sh\nbin:x:1:1::/bin:/sbin/nologin\n"
                  "acme:x:7:7::/var/lib/acme:/bin/sh\n"},
    {"only a comment in authorized_keys", 1, WRITE, "root/root/.ssh/authorized_keys", "# x\n",
     .bad = ""},
    {"a private key", 1, WRITE, "root/etc/nginx/tls.pem", "-----BEGIN EC " KEY,
     .bad = "hygiene.secrets"},
    {"a private key of any name", 1, WRITE, "root/srv/deploy", "-----BEGIN OPENSSH " KEY,
     .bad = "hygiene.secrets"},
    {"the beginning of a key, in a program", 1, WRITE, "root/usr/local/bin/x",
     "grep -q -- '-----BEGIN PRIVATE KEY-----' f\n", .bad = ""},
    {"a token", 1, WRITE, "root/opt/acme/env", "# x\nX=" TOKEN "\n", .bad = "hygiene.secrets"},
    {"a token in a file of packages", 1, WRITE, "root/usr/share/acme/test", TOKEN "\n", .bad = ""},
    {"a token in a file that the recipe puts", 1, WRITE, "root/usr/share/acme/test", TOKEN "\n",
     .bad = "hygiene.secrets", .put = "/usr/share/acme/test"},
    {"a key that the recipe puts for a service", 8, WRITE, "root/var/lib/acme/key",
     "-----BEGIN RSA " KEY, .bad = "hygiene.secrets", .put = "/var/lib/acme/key"},
    {"a password that the recipe puts into a unit", 1, WRITE, VENDOR_UNITS "acme.service",
     "[Service]\nEnvironment=API_PASSWORD=k3jx92ncv8\n", .bad = "hygiene.possible-secrets",
     .put = "/usr/lib/systemd/system/acme.service"},
    {"another file that the recipe puts beside", 1, WRITE, "root/usr/share/acme/test", TOKEN "\n",
     .bad = "", .also = "root/usr/share/acme/x", .also_text = "y\n", .put = "/usr/share/acme/x"},
    {"a key under a passphrase", 1, WRITE, "root/root/k", "-----BEGIN ENCRYPTED " KEY,
     .bad = "hygiene.possible-secrets"},
    {"a password of a unit", 1, WRITE, UNITS "acme.service.d/x.conf",
     "[Service]\nEnvironment=API_PASSWORD=k3jx92ncv8\n", .bad = "hygiene.possible-secrets"},
    {"a hash that everybody may read", 1, WRITE, "root/root/ks.cfg",
     "rootpw --iscrypted " HASH "\n", .bad = "hygiene.possible-secrets"},
    {"a public key", 1, WRITE, "root/root/.ssh/deploy.pub", "ssh-rsa A\n", .bad = ""},
    {"a registry's password", 1, WRITE, "root/home/u/.docker/config.json",
     "{\"auths\": {\"r.example\": {\"auth\": \"dTpw\"}}}", .bad = "hygiene.secrets"},
    {"a registry without a password", 1, WRITE, "root/home/u/.docker/config.json",
     "{\"auths\": {}}", .bad = ""},
    {"a token of a model hub", 1, WRITE, "root/root/.cache/huggingface/token", "hf_x",
     .bad = "hygiene.secrets"},
    {"cached packages", 1, WRITE, "root/var/cache/dnf/os-1/packages/a.rpm", "",
     .bad = "hygiene.package-cache"},
    {"a wheel that pip keeps", 1, WRITE, "root/root/.cache/pip/wheels/a/b/c.whl", "",
     .bad = "hygiene.package-cache"},
    {"a download that pip keeps", 1, WRITE, "root/root/.cache/pip/http/a/" DIGEST, "",
     .bad = "hygiene.package-cache"},
    {"what pip keeps when its cache is purged", 1, WRITE, "root/root/.cache/pip/selfcheck/" DIGEST,
     "", .bad = ""},
    {"a full root", 1, NOTHING, .bad = "hygiene.free-space", .free_mib = 200},
    {"errors noted in the file system", 1, NOTHING, .bad = "hygiene.filesystem", .state = 3},
    {"a journal that was not replayed", 1, NOTHING, .bad = "hygiene.filesystem", .state = 1,
     .incompat = 4},
    {"scratch of the bake", 1, WRITE, "root/tmp/ccbake/x", "", .bad = "hygiene.leftovers"},
    {"an installer", 1, WRITE, "root/root/NVIDIA-Linux.run", "", .bad = "hygiene.installers"},
};

int main(void)
{
    run_cases(cases, G_N_ELEMENTS(cases));
    return done();
}
