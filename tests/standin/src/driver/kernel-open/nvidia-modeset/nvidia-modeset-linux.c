// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN for nvidia-modeset.ko. */
#include <linux/kthread.h>
#include <linux/poll.h>
#include <linux/backlight.h>
#include <linux/err.h>
#include "nv-standin.h"

static int nvkms_output_rounding_fix = 1;
module_param_named(output_rounding_fix, nvkms_output_rounding_fix, int, 0400);

static struct task_struct *nvkms_thread;

static int nvkms_main(void *unused)
{
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

static int __init nvkms_init(void)
{
	int rc = nvidia_get_rm_ops(0);

	if (rc)
		return rc;
	nvkms_thread = kthread_run(nvkms_main, NULL, "nvidia-modeset");
	return PTR_ERR_OR_ZERO(nvkms_thread);
}

static void __exit nvkms_exit(void)
{
	kthread_stop(nvkms_thread);
}

module_init(nvkms_init);
module_exit(nvkms_exit);
MODULE_LICENSE(NV_MODULE_LICENSE);
MODULE_VERSION(NV_VERSION_STRING);
MODULE_DESCRIPTION("STAND-IN for NVIDIA mode setting");
