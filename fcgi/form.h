/* SPDX-License-Identifier: ISC */
/*
 * Values of a form as HTML forms and upstream's client send it (application/x-www-form-urlencoded).
 * Part of x2goweb-fcgi. Pure.
 */
#ifndef FCGI_FORM_H
#define FCGI_FORM_H

#include <stddef.h>
#include <sys/types.h>

/* Decodes the first value of that name: "+" is a blank, "%xx" a byte, "%uxxxx" a UTF-16 unit; a
 * per cent sign before anything else is itself. Returns its length, of which as much as fits is in
 * value, with a NUL behind it; or -1 if there is none, and value is "". */
ssize_t form_find(const char *form, size_t length, const char *name, char *value, size_t size);

#endif
