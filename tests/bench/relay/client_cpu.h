/* SPDX-License-Identifier: ISC */
/* Processor time that others, and bench_client itself, have used, in seconds. */
#ifndef CLIENT_CPU_H
#define CLIENT_CPU_H

/* pids: comma separated; what they have started counts with them. */
double cpu_used_s(const char *pids);
double cpu_own_s(void);

#endif
