// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN: /proc/driver/nvidia/version. */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <generated/utsrelease.h>
#include "nv-standin.h"

static struct proc_dir_entry *nv_proc_root;

static int nv_procfs_version_show(struct seq_file *file, void *unused)
{
	seq_printf(file, "NVRM version: %s  %s\n", NV_FLAVOUR_NAME, NV_VERSION_STRING);
	seq_puts(file, "built for: " UTS_RELEASE "\n");
	return 0;
}

static int nv_procfs_version_open(struct inode *inode, struct file *file)
{
	return single_open(file, nv_procfs_version_show, NULL);
}

#ifdef NV_PROC_OPS_PRESENT
static const struct proc_ops nv_procfs_version_ops = {
	.proc_open = nv_procfs_version_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
};
#else
static const struct file_operations nv_procfs_version_ops = {
	.owner = THIS_MODULE,
	.open = nv_procfs_version_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};
#endif

int nv_procfs_init(void)
{
	nv_proc_root = proc_mkdir("driver/nvidia", NULL);
	if (!nv_proc_root)
		return -ENOMEM;
	if (proc_create("version", 0444, nv_proc_root, &nv_procfs_version_ops))
		return 0;
	proc_remove(nv_proc_root);
	return -ENOMEM;
}

void nv_procfs_exit(void)
{
	proc_remove(nv_proc_root);
}
