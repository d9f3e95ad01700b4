/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images as a whole: what they are for, what can't be read, what is waived. */
#include "base/error.h"
#include "base/file.h"
#include "check-fixture.h"

static const Case cases[] = {
    {"a right image for 1 GPU", 1, NOTHING, .bad = ""},
    {"a right image for 8 GPUs", 8, NOTHING, .bad = ""},
};

/* The ids of errors alone. */
static char *errors_of(const CcbResults *results)
{
    GString *ids = g_string_new(NULL);
    for (guint i = 0; i < results->rows->len; i++) {
        const CcbResultRow *row = results->rows->pdata[i];
        bool wrong = row->status == CCB_UNREADABLE ||
                     (row->status == CCB_FAIL && row->severity == CCB_SEVERITY_ERROR);
        if (wrong)
            g_string_append_printf(ids, "%s%s (%s)", ids->len > 0 ? ", " : "", row->id,
                                   row->detail);
    }
    return g_string_free(ids, FALSE);
}

/* What the vendor's guide has one do by hand, where that is not what a bake does. */
static void stage_by_hand(unsigned gpus)
{
    g_autofree char *units = staged("root/etc/systemd");
    g_autofree char *unit =
        g_strconcat("[Unit]\nDescription=NVIDIA Persistence Daemon\nWants=syslog.target\n"
                    "Before=cloudmonitor.service\n",
                    gpus == 8 ? "After=nvidia-fabricmanager.service\n" : "",
                    "[Service]\nType=forking\nExecStart=/usr/bin/nvidia-persistenced --user root",
                    gpus == 8 ? " --uvm-persistence-mode --verbose" : "",
                    "\nExecStartPost=/usr/bin/nvidia-smi conf-compute -srs 1\n"
                    "ExecStopPost=/bin/rm -rf /var/run/nvidia-persistenced\n",
                    gpus == 8 ? "TimeoutStartSec=900\nTimeoutStopSec=60\n" : "",
                    "[Install]\nWantedBy=multi-user.target\n", NULL);
    ccb_remove_tree(units, NULL);
    put(VENDOR_UNITS "nvidia-persistenced.service", unit);
    put_link("/usr/lib/systemd/system/nvidia-persistenced.service",
             WANTS "nvidia-persistenced.service");
    put_link("/usr/lib/systemd/system/cloudmonitor.service", WANTS "cloudmonitor.service");
    put_link("/usr/lib/systemd/system/cloud-init.service", WANTS "cloud-init.service");
    if (gpus == 8)
        put_link("/usr/lib/systemd/system/nvidia-fabricmanager.service",
                 WANTS "nvidia-fabricmanager.service");
    /* grubby does not know the fallback in grub.cfg. */
    put("root/boot/grub2/grub.cfg",
        "set kernelopts=\"root=UUID=" UUID " ro\"\nload_env\nset default=$saved_entry\nblscfg\n");
    put("root/etc/dnf/dnf.conf", "[main]\n");
    take_away("root/etc/kernel/cmdline");
    take_away(SELFTEST);
    take_away(SELFTEST_CONF);
    put("root/root/NVIDIA-Linux-x86_64.run", "");
    put("root/root/.bash_history", "sudo bash NVIDIA-Linux-x86_64.run\n");
    put("root/root/.cache/pip/wheels/a/nv_ppcie_verifier.whl", "");
    put("root/var/lib/cloud/instances/i-0/user-data.txt", "#cloud-config\n");
    put("root/etc/hosts", "127.0.0.1 localhost\n172.16.0.5 iZ2ze0aaaaaaaaaaaaaaaaZ\n");
}

/* An instance that was set up by the vendor's guide, as it is: warnings, but nothing is wrong. */
static void test_by_hand(unsigned gpus, const char *version)
{
    static const char warnings[] =
        "kernel.args-grubcfg units.drop-ins updates.kernel-lock hygiene.installers hygiene.history "
        "hygiene.package-cache hygiene.host-name hygiene.cloud-state selftest.present";
    g_auto(CcbExpectation) expect = {0};
    begin(gpus, version);
    stage_by_hand(gpus);
    pack();
    g_autoptr(CcbResults) results = check_staged(&expect);
    g_autofree char *errors = errors_of(results);
    g_autofree char *bad = bad_ids(results, false);
    is_str(errors, "", "no error on an image made by the guide");
    is_str(bad, warnings, "but these warnings");
    end();
}

/* Nothing is given: the image itself says what it is for. */
static void test_assumptions(void)
{
    g_auto(CcbExpectation) expect = {0};
    begin(8, "570.148.08");
    pack();
    g_autoptr(CcbResults) results = check_staged(&expect);
    g_autofree char *bad = bad_ids(results, true);
    is_str(bad, "", "an image for 8 GPUs is recognised");
    is_int(results->notes->len, 2, "and both assumptions are noted");
    is_str(g_ptr_array_index(results->notes, 0),
           "Assuming 8 GPUs: all of the three marks of an 8-GPU image were found.",
           "the number of GPUs");
    end();
    begin(8, "570.148.08");
    pack();
    g_autofree char *lkca = get("root/" LKCA);
    g_autofree char *unit = get(PERSISTENCED);
    take_away("root/" LKCA);
    take_away(PERSISTENCED);
    put("root/usr/lib/modprobe.d/site.conf", lkca);
    put(VENDOR_UNITS "nvidia-persistenced.service", unit);
    g_autoptr(CcbResults) elsewhere = check_staged(&expect);
    is_str(g_ptr_array_index(elsewhere->notes, 0),
           "Assuming 8 GPUs: all of the three marks of an 8-GPU image were found.",
           "wherever the files are");
    end();
}

/* What can't be read is never a pass. */
static void test_unreadable(void)
{
    g_auto(CcbExpectation) expect = {.gpus = 1};
    g_autoptr(GError) error = NULL;
    begin(1, "550.144.03");
    pack();
    put("root/boot/initramfs-" KVER ".img", "this is no initramfs");
    g_autoptr(CcbResults) results = check_staged(&expect);
    g_autofree char *bad = bad_ids(results, false);
    is_str(bad,
           "!initramfs.drivers !modprobe.nouveau-initramfs "
           "!modprobe.no-protected-pcie-initramfs",
           "a broken initramfs is unreadable, not right");
    ok(!ccb_results_verdict(results, &error), "and fails the image");
    is_error(&error, "initramfs.drivers", "by name");
    json_t *json = ccb_results_to_json(results);
    json_t *counts = json_object_get(json, "counts");
    ok(json_is_false(json_object_get(json, "good")), "JSON says that it is not good");
    is_int(json_integer_value(json_object_get(counts, "unreadable")), 3, "and how much of it");
    is_int((long long)json_array_size(json_object_get(json, "checks")), results->rows->len,
           "and lists every check");
    json_decref(json);
    g_autofree char *text = ccb_results_to_text(results, false, false);
    ok(strstr(text, "\nPASS kernel.root-uuid ") != NULL &&
           strstr(text, "\nERR  initramfs.") != NULL,
       "the text has one line a check");
    end();
}

/* Where nothing can be read nothing passes, save what looks at no file: the size of the disk. */
static void test_dark(unsigned gpus, const char *version)
{
    g_auto(CcbExpectation) expect = {.gpus = gpus};
    Tree tree = {.dark = true};
    begin(gpus, version);
    pack();
    g_autoptr(CcbResults) right = check_staged(&expect);
    g_autoptr(CcbResults) dark = check_tree(&expect, &tree);
    guint wrong = 0;
    for (guint i = 0; i < dark->rows->len; i++) {
        const CcbResultRow *row = dark->rows->pdata[i], *before = right->rows->pdata[i];
        bool looked = before->status != CCB_NOT_APPLICABLE && !g_str_equal(row->id, "import.size");
        if (!looked || row->status == CCB_UNREADABLE)
            continue;
        printf("# %s: %s\n", row->id, row->detail);
        wrong += 1;
    }
    is_int(wrong, 0, "where nothing can be read each check says so");
    g_free(tree.what);
    end();
}

/* Nor may any single read fail without a check that says so. */
static void test_each_read(unsigned gpus, const char *version)
{
    g_auto(CcbExpectation) expect = {.gpus = gpus};
    Tree all = {.bad = 0};
    guint unnoticed = 0;
    begin(gpus, version);
    stage_other_kernel(gpus, version);
    pack();
    pack_other_kernel();
    g_autoptr(CcbResults) right = check_tree(&expect, &all);
    ok(all.reads > 100 && right->unreadable == 0, "a check of many reads");
    for (guint n = 1; n <= all.reads; n++) {
        Tree tree = {.bad = n};
        g_autoptr(CcbResults) results = check_tree(&expect, &tree);
        /* Unreadable, or, of the EFI system partition, "can't tell what GRUB starts". */
        g_autofree char *bad = bad_ids(results, false);
        if (*bad == '\0')
            printf("# unnoticed: %s\n", tree.what);
        unnoticed += *bad == '\0';
        g_free(tree.what);
    }
    is_int(unnoticed, 0, "none of which fails unnoticed");
    end();
}

static void free_waiver(gpointer data)
{
    CcbWaiver *waiver = data;
    g_free(waiver->check);
    g_free(waiver->reason);
    g_free(waiver);
}

static GPtrArray *make_waivers(const char *const *checks)
{
    GPtrArray *waivers = g_ptr_array_new_with_free_func(free_waiver);
    for (; *checks != NULL; checks++) {
        CcbWaiver *waiver = g_new0(CcbWaiver, 1);
        *waiver = (CcbWaiver){g_strdup(*checks), g_strdup("as it\nshould be")};
        g_ptr_array_add(waivers, waiver);
    }
    return waivers;
}

/* What fails or can't be read may be waived; what passes or does not apply is noted. */
static void test_waivers(void)
{
    static const char *const waived[] = {"kernel.minimum", "hygiene.host-name", "import.fstab",
                                         "import.clock",   "fabric.enabled",    NULL};
    g_auto(CcbExpectation) expect = {
        .gpus = 1, .min_kernel = g_strdup("5.10.134-19.al8"), .driver = g_strdup("550.144.03")};
    g_autoptr(GError) error = NULL;
    expect.waivers = make_waivers(waived);
    begin(1, "550.144.03");
    put("root/etc/hostname", "builder7\n");
    put("root/etc/fstab", "UUID=1 /d ext4\nUUID=" UUID " / ext4\n");
    pack();
    g_autoptr(CcbResults) results = check_staged(&expect);
    ok(ccb_results_verdict(results, &error), "what is waived does not fail the image");
    is_int(results->waived, 3, "and is counted by itself");
    is_int(results->failed + results->warned + results->unreadable, 0, "and not with the others");
    is_int(results->notes->len, 2, "waivers that are not needed are noted");
    is_str(results->notes->pdata[0], "waiver not needed: fabric.enabled does not apply", "one");
    is_str(results->notes->pdata[1], "waiver not needed: import.clock passes", "another");
    g_autofree char *text = ccb_results_to_text(results, false, false);
    ok(strstr(text, "WAIVED kernel.minimum ") != NULL &&
           strstr(text, "\n     waived: as it should be\n") != NULL,
       "the text says why, in one line");
    json_t *json = ccb_results_to_json(results);
    json_t *row = json_array_get(json_object_get(json, "checks"), 3); /* kernel.minimum */
    is_str(json_string_value(json_object_get(row, "status")), "fail", "JSON has the status");
    is_str(json_string_value(json_object_get(row, "waiver")), "as it\nshould be", "and the reason");
    json_decref(json);
    end();
}

static void test_expectations(void)
{
    g_auto(CcbExpectation) expect = {.gpus = 1,
                                     .driver = g_strdup("550.163.01"),
                                     .cuda = g_strdup("12.8"),
                                     .consumers = g_strsplit("vllm.service", " ", -1),
                                     .python = g_strsplit("nv-attestation.SDK==2.5.0.post6914366 "
                                                          "nv_ppcie_verifier",
                                                          " ", -1)};
    begin(1, "550.144.03");
    pack();
    g_autoptr(CcbResults) results = check_staged(&expect);
    g_autofree char *bad = bad_ids(results, false);
    is_str(bad,
           "driver.version userspace.version userspace.firmware cuda.toolkit units.order "
           "units.drop-ins python.packages",
           "what the recipe asks for is asked for");
    const CcbResultRow *row = find_row(results, "python.packages");
    is_str(row->detail, "nv_ppcie_verifier is not installed for python3.11",
           "names of Python packages are normalised");
    end();
}

static void test_expectations_as_json(void)
{
    json_t *json = json_loads("{\"gpus\": 8, \"no_driver\": true, \"min_kernel\": \"5.10\", "
                              "\"driver\": \"570.1\", \"fabric_manager\": \"570.2\", "
                              "\"cuda\": \"12.8\", \"kernel_args\": [\"a=1\", \"b\"], "
                              "\"initramfs_drivers\": [\"nvme\"], \"consumers\": [], "
                              "\"python\": [\"p==1\"], \"waivers\": {\"a.one\": \"we know\"}}",
                              0, NULL);
    g_auto(CcbExpectation) expect = {0};
    ccb_expectation_from_json(json, &expect);
    json_t *again = ccb_expectation_to_json(&expect);
    ok(json_equal(json, again), "what is expected survives the manifest");
    is_str(expect.kernel_args[1], "b", "lists do");
    is_str(((CcbWaiver *)expect.waivers->pdata[0])->reason, "we know", "and waivers");
    json_decref(json);
    json_decref(again);
    json = json_loads("{\"gpus\": 3, \"driver\": 5, \"kernel_args\": {}, \"python\": [1], "
                      "\"waivers\": [\"a\"]}",
                      0, NULL);
    g_auto(CcbExpectation) odd = {0};
    ccb_expectation_from_json(json, &odd);
    ok(odd.gpus == 0 && odd.driver == NULL && odd.kernel_args == NULL && odd.python[0] == NULL &&
           odd.waivers->len == 0,
       "members of other types are not there");
    json_decref(json);
    g_auto(CcbExpectation) none = {0};
    ccb_expectation_from_json(NULL, &none);
    ok(none.gpus == 0 && !none.no_driver && none.kernel_args == NULL,
       "without a manifest all is to be found out");
}

int main(void)
{
    run_cases(cases, G_N_ELEMENTS(cases));
    test_by_hand(1, "550.144.03");
    test_by_hand(8, "570.148.08");
    test_assumptions();
    test_unreadable();
    test_dark(1, "550.144.03");
    test_dark(8, "570.148.08");
    test_each_read(1, "550.144.03");
    test_each_read(8, "570.148.08");
    test_waivers();
    test_expectations();
    test_expectations_as_json();
    return done();
}
