/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/check-gpuuse.h"

#include <string.h>

/* Of Docker and Podman: --gpus of docker-run(1), the device names of the Container Device Interface, the runtime of the
 * NVIDIA Container Toolkit. */
static bool gives_gpu(const char *word)
{
    static const char *const prefixes[] = {"--gpus", "nvidia.com/gpu", "--device=nvidia.com/gpu",
                                           "--runtime=nvidia"};
    for (guint i = 0; i < G_N_ELEMENTS(prefixes); i++)
        if (g_str_has_prefix(word, prefixes[i]))
            return true;
    return false;
}

/* nvidia-smi, /usr/bin/nvidia-smi; not /run/nvidia-persistenced and nvidia-persistenced.service. */
static bool is_program(const char *word)
{
    static const char *const programs[] = {"nvidia-", "nv-hostengine", "dcgmi", "dcgm-exporter"};
    const char *slash = strrchr(word, '/');
    const char *name = slash != NULL ? slash + 1 : word;
    g_autofree char *directory = slash != NULL ? g_path_get_dirname(word) : NULL;
    if (g_str_has_suffix(name, ".service") ||
        (directory != NULL && !g_str_has_suffix(directory, "bin") &&
         !g_str_has_suffix(directory, "libexec")))
        return false;
    for (guint i = 0; i < G_N_ELEMENTS(programs); i++)
        if (g_str_has_prefix(name, programs[i]))
            return true;
    return false;
}

/* Split at what a shell splits at too: the command may be one of sh -c. */
static bool uses_gpu(const char *command)
{
    g_auto(GStrv) words = g_strsplit_set(command, " \t\"'`;&|()$@+!", -1);
    for (char **word = words; *word != NULL; word++)
        if (is_program(*word) || g_str_has_prefix(*word, "/usr/local/cuda") || gives_gpu(*word))
            return true;
    return false;
}

/* kubelet starts nothing without one of these. */
static const struct {
    const char *unit, *config;
} engines[] = {
    {"docker.service", "/etc/docker/daemon.json"},
    {"containerd.service", "/etc/containerd/config.toml"},
};

bool ccb_check_gpu_engine(CcbCheckContext *ctx, const char *unit, const char **ret_path,
                          GError **error)
{
    *ret_path = NULL;
    for (guint i = 0; i < G_N_ELEMENTS(engines); i++) {
        if (!g_str_equal(unit, engines[i].unit))
            continue;
        const CcbGuestText *file = ccb_check_text(ctx, engines[i].config, error);
        if (file == NULL)
            return false;
        if (file->text != NULL && strstr(file->text, "nvidia-container-runtime") != NULL)
            *ret_path = engines[i].config;
    }
    return true;
}

const CcbUnitValue *ccb_unit_gpu_command(const CcbUnit *unit)
{
    static const char *const keys[] = {"ExecCondition", "ExecStartPre", "ExecStart",
                                       "ExecStartPost"};
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, "Service", keys[i]);
        for (guint k = 0; k < values->len; k++) {
            const CcbUnitValue *value = values->pdata[k];
            if (uses_gpu(value->value))
                return value;
        }
    }
    return NULL;
}
