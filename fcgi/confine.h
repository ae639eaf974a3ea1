/* SPDX-License-Identifier: ISC */
/*
 * What x2goweb-fcgi gives up before it serves anybody: root, capabilities, core dumps, new
 * programs and the network. Part of x2goweb-fcgi; runs once.
 */
#ifndef FCGI_CONFINE_H
#define FCGI_CONFINE_H

/* user: whom to become if we are root, or NULL to stay who we are. Ends the program if anything
 * cannot be given up. */
void confine_process(const char *user);

#endif
