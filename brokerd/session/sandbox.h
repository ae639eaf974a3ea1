/* SPDX-License-Identifier: ISC */
/*
 * What x2goweb-session gives up before the first byte from a stranger: its file system, its
 * capabilities, and every system call that it does not need. Runs once in each session process.
 */
#ifndef SESSION_SANDBOX_H
#define SESSION_SANDBOX_H

#include <stdbool.h>

/* Loads what the libraries would load at their first use: afterwards no file can be opened. */
void sandbox_warm_up(void);

/* For a process that has its own user and group, no further groups, and no capability but
 * CAP_SYS_CHROOT. empty_root_fd: a directory without entries; taken over. Afterwards:
 * - the root is that directory, capabilities are gone from all sets, no_new_privs is set;
 * - no core dump, no file written, no further process, 64 descriptors, 512 MiB of address space;
 * - system calls are on an allow-list: on what is open already the process can read, write, accept
 *   and wait; it cannot open, connect, execute, fork, trace or signal. Calls by which libraries
 * only look around fail; any other one ends the process by SIGSYS. Fails: false, with the reason
 * logged, if any of it cannot be had or proven: exit then. Built with AddressSanitizer, address
 * space and files stay unlimited (its shadow needs terabytes, its reports go to stderr) and leaks
 * are not looked for at exit (that takes a thread). */
bool sandbox_enter(int empty_root_fd);

#endif
