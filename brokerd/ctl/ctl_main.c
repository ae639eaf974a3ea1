/* SPDX-License-Identifier: ISC */
/*
 * brokerctl: the admin's view of a broker, and of what it needs to run. See ctl.h.
 */
#include "ctl.h"
#include "proto/log.h"

int main(int argc, char **argv)
{
	log_init(CTL_PROGRAM, LOG_LEVEL_WARNING);
	return (int)ctl_run(argc, argv);
}
