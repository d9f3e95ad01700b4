/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/guest-gpu-use.h"

#include <string.h>

#include "check/guest-commands.h"
#include "guide/driver.h"
#include "guide/gpu-units.h"

static bool has_prefix_of(const char *word, const char *const *prefixes)
{
    for (; *prefixes != NULL; prefixes++)
        if (g_str_has_prefix(word, *prefixes))
            return true;
    return false;
}

/* The last part of a path. */
static const char *name_of(const char *word)
{
    const char *slash = strrchr(word, '/');
    return slash != NULL ? slash + 1 : word;
}

/* Whether a word of a command is a program of NVIDIA's or of the CUDA toolkit, a server of models, or gives a container a
 * GPU: --gpus of docker-run(1), the device names of the Container Device Interface, the runtime of the NVIDIA Container
 * Toolkit. */
static bool uses_gpu(const char *word, bool is_first)
{
    /* clang-format off */
    static const char *const words[] = {
        "/usr/local/cuda", "--gpus", "nvidia.com/gpu", "--device=nvidia.com/gpu", "--device=/dev/nvidia",
        "--runtime=nvidia", "vllm.", "sglang.", "tensorrt_llm.", NULL};
    static const char *const servers[] = {
        "vllm", "ollama", "sglang", "llama-server", "llama-cli", "text-generation-launcher",
        "text-generation-server", "tritonserver", "trtllm-serve", "lmdeploy", "xinference-local", "torchrun",
        "deepspeed", NULL};
    static const char *const programs[] = {
        "nvidia-", "nv-hostengine", "dcgmi", "dcgm-exporter", NULL};
    /* clang-format on */
    if (has_prefix_of(word, words))
        return true;
    /* nvidia-smi, /usr/bin/nvidia-smi; not /run/nvidia-persistenced and nvidia-persistenced.service. */
    const char *slash = strrchr(word, '/');
    g_autofree char *directory = g_strndup(word, slash != NULL ? (gsize)(slash - word) : 0);
    /* A unit or a module that another program is to start or load. */
    if (slash == NULL && !is_first &&
        (g_str_equal(word, "nvidia-persistenced") || g_str_equal(word, "nvidia-fabricmanager") ||
         g_strv_contains(ccb_driver_modules, word)))
        return false;
    bool is_program = slash == NULL || is_first || g_str_has_suffix(directory, "bin") ||
                      g_str_has_suffix(directory, "libexec");
    return is_program &&
           (g_strv_contains(servers, name_of(word)) ||
            (has_prefix_of(name_of(word), programs) && !g_str_has_suffix(word, ".service")));
}

/* A library of the GPU's in the virtual environment of which a program is, "/opt/v/lib/python3.11/site-packages/torch";
 * NULL: the program is of none, or there is no such library.  Caller frees. */
static char *find_venv_library(CcbCheckContext *ctx, const char *program, GError **error)
{
    static const char *const libraries[] = {"torch",  "vllm", "sglang", "tensorflow",
                                            "nvidia", "cupy", "jax",    "pynvml.py"};
    g_autofree char *bin = g_path_get_dirname(program);
    g_autofree char *venv = g_path_get_dirname(bin);
    g_autofree char *mark = g_build_filename(venv, "pyvenv.cfg", NULL);
    g_autofree char *lib = g_build_filename(venv, "lib", NULL);
    if (!g_str_has_suffix(bin, "/bin") || g_str_equal(venv, "/") || g_str_equal(venv, "/usr") ||
        !ccb_check_exists(ctx, mark, error))
        return NULL;
    g_auto(GStrv) pythons = ccb_check_paths(ctx, lib, "", error);
    for (char **python = pythons; *python != NULL; python++)
        for (guint i = 0; i < G_N_ELEMENTS(libraries); i++) {
            g_autofree char *path = g_build_filename(*python, "site-packages", libraries[i], NULL);
            if (ccb_check_exists(ctx, path, error))
                return g_steal_pointer(&path);
        }
    return NULL;
}

/* "import torch" of Python. */
static bool imports_library(const CcbCommandLine *line)
{
    static const char *const libraries[] = {"torch", "vllm", "sglang", "tensorflow",
                                            "cupy",  "jax",  "pynvml", NULL};
    if (!g_str_has_prefix(line->text, "import ") && !g_str_has_prefix(line->text, "from "))
        return false;
    g_auto(GStrv) words = g_strsplit_set(line->text, " ,.", -1);
    for (char **word = words; *word != NULL; word++)
        if (g_strv_contains(libraries, *word))
            return true;
    return false;
}

static char *find_in_commands(CcbCheckContext *ctx, const CcbUnit *unit, GError **error)
{
    g_autoptr(GPtrArray) lines = ccb_check_unit_commands(ctx, unit, true, error);
    for (guint i = 0; i < lines->len; i++) {
        const CcbCommandLine *line = lines->pdata[i];
        const char *text = line->text + (g_str_has_prefix(line->text, "#!") ? 2 : 0);
        g_auto(GStrv) words = ccb_command_words(text + ccb_unit_command_prefix(text));
        if (imports_library(line))
            return g_strdup(line->where);
        for (char **word = words; *word != NULL; word++) {
            if (uses_gpu(*word, word == words))
                return g_strdup(line->where);
            g_autofree char *library =
                g_str_has_prefix(*word, "/") ? find_venv_library(ctx, *word, error) : NULL;
            if (library != NULL)
                return g_strdup_printf("%s, with %s", line->where, library);
        }
    }
    return NULL;
}

/* Conditions are looked at when the unit starts, whatever it runs then. */
static char *find_in_settings(const CcbUnit *unit)
{
    static const struct {
        const char *section, *key;
        const char *marks[3];
    } settings[] = {
        {"Unit", "ConditionPathExists", {"/dev/nvidia", "/proc/driver/nvidia"}},
        {"Unit", "ConditionPathExistsGlob", {"/dev/nvidia", "/proc/driver/nvidia"}},
        {"Unit", "AssertPathExists", {"/dev/nvidia", "/proc/driver/nvidia"}},
        {"Unit", "AssertPathExistsGlob", {"/dev/nvidia", "/proc/driver/nvidia"}},
        {"Service", "DeviceAllow", {"/dev/nvidia", "char-nvidia"}},
        {"Service", "BindPaths", {"/dev/nvidia"}},
        {"Service", "Environment", {"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"}},
    };
    for (guint i = 0; i < G_N_ELEMENTS(settings); i++) {
        g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, settings[i].section, settings[i].key);
        for (guint k = 0; k < values->len; k++) {
            const CcbUnitValue *value = values->pdata[k];
            for (const char *const *mark = settings[i].marks; *mark != NULL; mark++)
                if (value->value[0] != '!' && strstr(value->value, *mark) != NULL)
                    return g_strdup_printf("%s:%u: %s=%s", value->file, value->line, value->key,
                                           value->value);
        }
    }
    return NULL;
}

/* A container engine that knows NVIDIA's runtime starts containers that want a GPU again at boot; its
 * configuration says so.  kubelet starts nothing without one of these. */
static char *find_in_engine(CcbCheckContext *ctx, const char *name, GError **error)
{
    static const struct {
        const char *unit, *config;
    } engines[] = {
        {"docker.service", "/etc/docker/daemon.json"},
        {"containerd.service", "/etc/containerd/config.toml"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(engines); i++) {
        if (!g_str_equal(name, engines[i].unit))
            continue;
        const CcbGuestText *file = ccb_check_text(ctx, engines[i].config, error);
        if (file->text != NULL && strstr(file->text, "nvidia-container-runtime") != NULL)
            return g_strdup_printf("%s: nvidia-container-runtime", engines[i].config);
    }
    return NULL;
}

char *ccb_check_gpu_use(CcbCheckContext *ctx, const char *name, const CcbUnit *unit, GError **error)
{
    char *why = find_in_settings(unit);
    if (why == NULL)
        why = find_in_commands(ctx, unit, error);
    return why != NULL ? why : find_in_engine(ctx, name, error);
}

/* --- what ends the daemon's session */

/* "systemctl restart nvidia-persistenced", "pkill nvidia-persistenced", "nvidia-smi --gpu-reset", "rmmod nvidia". */
static bool ends_session(const char *text)
{
    static const char *const verbs[] = {
        "stop",        "restart", "try-restart",           "kill", "isolate", "reload-or-restart",
        "condrestart", "--now",   "try-reload-or-restart", NULL};
    static const char *const killers[] = {"pkill", "killall", "killall5", NULL};
    static const char *const resets[] = {"-r", "--gpu-reset", NULL};
    bool verb = false, killer = false, smi = false, reset = false, remover = false;
    bool daemon = false, module = false;
    g_auto(GStrv) words = ccb_command_words(text);
    for (char **word = words; *word != NULL; word++) {
        const char *name = name_of(*word);
        verb = verb || g_strv_contains(verbs, *word);
        killer = killer || g_strv_contains(killers, name);
        smi = smi || g_str_equal(name, "nvidia-smi");
        reset = reset || g_strv_contains(resets, *word);
        remover = remover || g_str_equal(name, "rmmod") ||
                  (g_str_equal(name, "modprobe") && word[1] != NULL && g_str_equal(word[1], "-r"));
        daemon = daemon || g_str_equal(*word, "nvidia-persistenced") ||
                 g_str_equal(*word, CCB_PERSISTENCED);
        module = module || g_str_equal(*word, "nvidia") || g_str_equal(*word, "nvidia_uvm") ||
                 g_str_equal(*word, "nvidia-uvm");
    }
    return (daemon && (verb || killer)) || (smi && reset) || (remover && module);
}

/* The daemon's own unit: what is stopped with another unit, or after some time. */
static void check_daemon(const CcbUnit *unit, CcbCheckResult *result)
{
    static const struct {
        const char *section, *key;
    } settings[] = {{"Service", "Restart"},     {"Service", "RuntimeMaxSec"},
                    {"Service", "WatchdogSec"}, {"Unit", "PartOf"},
                    {"Unit", "BindsTo"},        {"Unit", "Requires"},
                    {"Unit", "Conflicts"},      {"Unit", "StopWhenUnneeded"}};
    static const char *const nothing[] = {"no", "0", "false", "off", "infinity", "shutdown.target",
                                          NULL};
    for (guint i = 0; unit != NULL && i < G_N_ELEMENTS(settings); i++) {
        g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, settings[i].section, settings[i].key);
        bool is_list = g_str_equal(settings[i].section, "Unit");
        for (guint k = is_list || values->len == 0 ? 0 : values->len - 1; k < values->len; k++) {
            const CcbUnitValue *value = values->pdata[k];
            if (!g_strv_contains(nothing, value->value) &&
                !(g_str_equal(value->key, "Requires") && g_str_has_suffix(value->value, ".target")))
                ccb_result_fail(result, "%s:%u: %s=%s", value->file, value->line, value->key,
                                value->value);
        }
    }
}

static void check_lines(const GPtrArray *lines, CcbCheckResult *result)
{
    for (guint i = 0; i < lines->len; i++) {
        const CcbCommandLine *line = lines->pdata[i];
        if (ends_session(line->text))
            ccb_result_fail(result, "%s", line->where);
    }
}

bool ccb_check_gpu_session(CcbCheckContext *ctx, CcbUnitSet *set, CcbCheckResult *result,
                           GError **error)
{
    static const char *const places[] = {"/etc/cron.d",      "/etc/cron.hourly",  "/etc/cron.daily",
                                         "/etc/cron.weekly", "/etc/cron.monthly", "/var/spool/cron",
                                         "/etc/logrotate.d"};
    check_daemon(ccb_unitgraph_unit(set->graph, CCB_PERSISTENCED), result);
    g_autoptr(GPtrArray) names = ccb_unitgraph_started(set->graph, ccb_unitset_target(set));
    for (guint i = 0; i < names->len; i++) {
        const CcbUnit *unit = ccb_unitgraph_unit(set->graph, names->pdata[i]);
        g_autoptr(GPtrArray) lines = ccb_check_unit_commands(ctx, unit, false, error);
        g_autoptr(GPtrArray) conflicts = ccb_unit_get_all(unit, "Unit", "Conflicts");
        check_lines(lines, result);
        for (guint k = 0; k < conflicts->len; k++) {
            const CcbUnitValue *value = conflicts->pdata[k];
            g_auto(GStrv) words = g_strsplit(value->value, " ", -1);
            if (g_strv_contains((const char *const *)words, CCB_PERSISTENCED))
                ccb_result_fail(result, "%s:%u: Conflicts=%s", value->file, value->line,
                                value->value);
        }
    }
    g_autoptr(GPtrArray) scripts = ccb_command_lines_new();
    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        g_auto(GStrv) paths = ccb_check_paths(ctx, places[i], "", error);
        for (char **path = paths; *path != NULL; path++)
            ccb_check_add_script(ctx, *path, true, scripts, error);
    }
    check_lines(scripts, result);
    return ccb_result_pass(result, "no unit, crontab or script stops it");
}
