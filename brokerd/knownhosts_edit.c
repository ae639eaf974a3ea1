/* SPDX-License-Identifier: ISC */
#include "knownhosts_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "knownhosts.h"
#include "proto/hostkey.h"

/* Every login reads these files, and under accept-new whoever logs in makes one grow. */
#define FILE_MAX_BYTES (8u << 20)

struct knownhosts_edit {
	char *path, *name, *fresh_name; /* name and fresh_name: in the folder */
	int folder;			/* holds the lock */
	bool existed, changed;
	struct stat old; /* if it existed */
	char *text;
	size_t length;
};

/* --- the file ----------------------------------------------------------------------------- */

static bool set_names(struct knownhosts_edit *edit, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	edit->path = slash != NULL ? strndup(path, (size_t)(slash + 1 - path)) : strdup(".");
	edit->name = strdup(name);
	return edit->path != NULL && edit->name != NULL &&
	       asprintf(&edit->fresh_name, ".%s.new", name) >= 0;
}

static bool read_whole(struct knownhosts_edit *edit, int fd)
{
	size_t size;

	if (fstat(fd, &edit->old) != 0)
		return false;
	if (!S_ISREG(edit->old.st_mode)) {
		errno = EINVAL;
		return false;
	}
	size = (size_t)edit->old.st_size;
	if (size > FILE_MAX_BYTES) {
		errno = EFBIG;
		return false;
	}
	edit->text = malloc(size + 1);
	if (edit->text == NULL)
		return false;
	while (edit->length < size) {
		ssize_t got = read(fd, edit->text + edit->length, size - edit->length);

		if (got < 0)
			return false;
		if (got == 0)
			break;
		edit->length += (size_t)got;
	}
	return true;
}

static bool lock_and_read(struct knownhosts_edit *edit, bool wait)
{
	int fd, saved;
	bool good;

	edit->folder = open(edit->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (edit->folder < 0 || flock(edit->folder, LOCK_EX | (wait ? 0 : LOCK_NB)) != 0)
		return false;
	fd = openat(edit->folder, edit->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT;
	edit->existed = true;
	good = read_whole(edit, fd);
	saved = errno;
	close(fd);
	errno = saved;
	return good;
}

struct knownhosts_edit *knownhosts_edit_open(const char *path, bool wait)
{
	struct knownhosts_edit *edit = calloc(1, sizeof(*edit));
	int saved;

	if (edit == NULL)
		return NULL;
	edit->folder = -1;
	if (set_names(edit, path) && lock_and_read(edit, wait))
		return edit;
	saved = errno;
	knownhosts_edit_close(edit);
	errno = saved;
	return NULL;
}

static bool write_whole(const struct knownhosts_edit *edit, int fd)
{
	size_t done = 0;

	while (done < edit->length) {
		ssize_t put = write(fd, edit->text + done, edit->length - done);

		if (put < 0 && errno != EINTR)
			return false;
		if (put > 0)
			done += (size_t)put;
	}
	/* Who owns the folder, but is not root, becomes the owner of what somebody else left there.
	 */
	if (edit->existed && (edit->old.st_uid != geteuid() || edit->old.st_gid != getegid()) &&
	    fchown(fd, edit->old.st_uid, edit->old.st_gid) != 0 && errno != EPERM)
		return false;
	return fchmod(fd, edit->existed ? edit->old.st_mode & 07777 : 0644) == 0 && fsync(fd) == 0;
}

bool knownhosts_edit_commit(struct knownhosts_edit *edit)
{
	bool good;
	int fd, saved;

	if (!edit->changed)
		return true;
	/* Somebody who was killed may have left one; nobody else is at work, we have the lock. */
	unlinkat(edit->folder, edit->fresh_name, 0);
	fd = openat(edit->folder, edit->fresh_name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	good = write_whole(edit, fd);
	if (close(fd) != 0)
		good = false;
	good = good && renameat(edit->folder, edit->fresh_name, edit->folder, edit->name) == 0;
	saved = errno;
	if (good) {
		edit->changed = false;
		fsync(edit->folder);
	} else {
		unlinkat(edit->folder, edit->fresh_name, 0);
	}
	errno = saved;
	return good;
}

void knownhosts_edit_close(struct knownhosts_edit *edit)
{
	if (edit == NULL)
		return;
	if (edit->folder >= 0)
		close(edit->folder);
	free(edit->path);
	free(edit->name);
	free(edit->fresh_name);
	free(edit->text);
	free(edit);
}

/* --- lines -------------------------------------------------------------------------------- */

bool knownhosts_edit_add(struct knownhosts_edit *edit, const char *line)
{
	bool unfinished = edit->length > 0 && edit->text[edit->length - 1] != '\n';
	size_t length = strlen(line);
	char *text;

	if (edit->length + length + 2 > FILE_MAX_BYTES) {
		errno = EFBIG;
		return false;
	}
	text = realloc(edit->text, edit->length + length + 2);
	if (text == NULL)
		return false;
	edit->text = text;
	if (unfinished)
		text[edit->length++] = '\n';
	memcpy(text + edit->length, line, length);
	edit->length += length;
	text[edit->length++] = '\n';
	edit->changed = true;
	return true;
}

char *knownhosts_edit_compose(
    const char *name, const struct record_hostkey *key, const char *comment)
{
	unsigned char base64[HOST_KEY_BYTES / 3 * 4 + 8];
	char *line;

	EVP_EncodeBlock(base64, key->blob, key->blob_length);
	if (asprintf(&line, "%s %s %s%s%s", name, key->type, (char *)base64,
		comment != NULL ? " " : "", comment != NULL ? comment : "") < 0)
		return NULL;
	return line;
}

/* Moves what is kept of one line to edit->text + kept; its length. */
static size_t keep_line(struct knownhosts_edit *edit, size_t kept, size_t start, size_t length)
{
	memmove(edit->text + kept, edit->text + start, length);
	return length;
}

/* The same, without the name; nothing if the line names nobody else. */
static size_t shorten_line(struct knownhosts_edit *edit, size_t kept, size_t start, size_t length,
    const struct knownhosts_line *line, const char *name)
{
	size_t hosts = (size_t)(line->hosts - (edit->text + start)), copied;
	size_t behind = hosts + line->hosts_length;

	memmove(edit->text + kept, edit->text + start, hosts);
	copied = knownhosts_line_without(line, name, edit->text + kept + hosts);
	if (copied == 0)
		return 0;
	memmove(edit->text + kept + hosts + copied, edit->text + start + behind, length - behind);
	return hosts + copied + length - behind;
}

void knownhosts_edit_remove(struct knownhosts_edit *edit, const char *name, const char *type,
    knownhosts_removed *removed, void *arg)
{
	size_t kept = 0, start = 0;

	for (unsigned number = 1; start < edit->length; number++) {
		const char *end = memchr(edit->text + start, '\n', edit->length - start);
		size_t length =
		    end != NULL ? (size_t)(end + 1 - (edit->text + start)) : edit->length - start;
		struct knownhosts_line line;
		enum knownhosts_match match = KNOWNHOSTS_NO_MATCH;

		if (knownhosts_line_parse(edit->text + start, length, &line) == KNOWNHOSTS_KEY &&
		    (type == NULL || strcmp(type, line.key.type) == 0))
			match = knownhosts_line_match(&line, name);
		if (match == KNOWNHOSTS_NO_MATCH) {
			kept += keep_line(edit, kept, start, length);
		} else if (line.mark != HOST_KEY_TRUSTED || match == KNOWNHOSTS_BY_PATTERN) {
			removed(number,
			    line.mark != HOST_KEY_TRUSTED ? KNOWNHOSTS_KEPT_MARK
							  : KNOWNHOSTS_KEPT_PATTERN,
			    &line, arg);
			kept += keep_line(edit, kept, start, length);
		} else {
			removed(number, KNOWNHOSTS_REMOVED, &line, arg);
			kept += shorten_line(edit, kept, start, length, &line, name);
			edit->changed = true;
		}
		start += length;
	}
	edit->length = kept;
}

/* --- accept-new --------------------------------------------------------------------------- */

static enum error_code check_on_file(const struct record_hostkey *keys, size_t count,
    const struct record_hostkey *key, bool *ret_there, const char **ret_detail)
{
	bool others = false;

	for (size_t i = 0; i < count; i++) {
		bool same = knownhosts_same_key(&keys[i], key);

		if (same && keys[i].mark == HOST_KEY_REVOKED) {
			*ret_detail = "the key has been revoked meanwhile";
			return ERROR_HOST_KEY_REVOKED;
		}
		if (keys[i].mark == HOST_KEY_TRUSTED)
			*(same ? ret_there : &others) = true;
	}
	if (*ret_there || !others)
		return ERROR_NONE;
	*ret_detail = "accept-new adds nothing to a host that has other keys on file";
	return ERROR_HOST_KEY_CHANGED;
}

static enum error_code add_to(struct knownhosts_edit *edit, const char *name,
    const struct record_hostkey *key, const char **ret_detail)
{
	enum error_code error = ERROR_INTERNAL;
	char comment[64], *line;
	time_t now = time(NULL);
	struct tm date;

	gmtime_r(&now, &date);
	strftime(comment, sizeof(comment), "accepted-new-%Y-%m-%d", &date);
	line = knownhosts_edit_compose(name, key, comment);
	*ret_detail = "accepted_hosts cannot be written";
	if (line != NULL && knownhosts_edit_add(edit, line) && knownhosts_edit_commit(edit))
		error = ERROR_NONE;
	else
		log_warn("known hosts: %s cannot be written", edit->name);
	free(line);
	return error;
}

enum error_code knownhosts_accept(const struct knownhosts_files *files, const char *host,
    uint16_t port, const uint8_t *blob, size_t blob_length, const char **ret_detail)
{
	struct record_hostkey keys[HOST_KEYS_MAX], key = {.blob_length = (uint16_t)blob_length};
	enum error_code error = ERROR_INTERNAL;
	struct knownhosts_edit *edit = NULL;
	char name[KNOWNHOSTS_NAME_BYTES];
	bool there = false;
	size_t count = 0;

	*ret_detail = "the key or the host's name cannot be written down";
	if (blob_length > sizeof(key.blob) || !hostkey_read_type(blob, blob_length, key.type) ||
	    !knownhosts_name(host, port, name))
		goto out;
	memcpy(key.blob, blob, blob_length);
	edit = knownhosts_edit_open(files->accepted_hosts, false);
	if (edit == NULL) {
		*ret_detail = errno == EWOULDBLOCK
				  ? "accepted_hosts is being edited at this moment"
				  : "accepted_hosts cannot be read or its folder not be locked";
		log_warn("known hosts: %s", files->accepted_hosts);
		goto out;
	}
	*ret_detail = "the known hosts cannot be read";
	if (!knownhosts_find(files, host, port, 0, keys, HOST_KEYS_MAX, &count))
		goto out;
	error = check_on_file(keys, count, &key, &there, ret_detail);
	if (error == ERROR_NONE && !there)
		error = add_to(edit, name, &key, ret_detail);
out:
	knownhosts_edit_close(edit);
	return error;
}
