// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN: time and timers of the operating system. */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/timekeeping.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <linux/completion.h>
#include "nv-standin.h"

static struct timer_list nv_rc_timer;

unsigned long os_get_uptime_ms(void)
{
#ifdef NV_KTIME_GET_RAW_TS64_PRESENT
	struct timespec64 now;

	ktime_get_raw_ts64(&now);
	return now.tv_sec * MSEC_PER_SEC + now.tv_nsec / NSEC_PER_MSEC;
#else
	return jiffies_to_msecs(jiffies);
#endif
}

static void os_rc_timer(struct timer_list *timer)
{
	mod_timer(timer, jiffies + msecs_to_jiffies(1000));
}

void os_start_rc_timer(void)
{
	timer_setup(&nv_rc_timer, os_rc_timer, 0);
	mod_timer(&nv_rc_timer, jiffies + msecs_to_jiffies(1000));
}

void os_stop_rc_timer(void)
{
#ifdef NV_TIMER_DELETE_SYNC_PRESENT
	timer_delete_sync(&nv_rc_timer);
#else
	del_timer_sync(&nv_rc_timer);
#endif
}
