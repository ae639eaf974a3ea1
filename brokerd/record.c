/* SPDX-License-Identifier: ISC */
#include "record.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PLACES	    2
#define FRAME_BYTES 16384
#define SEALS	    (F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

struct place {
	uint8_t digest[SHA256_DIGEST_LENGTH]; /* of what follows */
	uint64_t number;		      /* of the writing; 0: none yet */
	uint64_t length;
	uint8_t frame[FRAME_BYTES];
};

#define FIXED_BYTES offsetof(struct place, frame)

int record_create(void)
{
	int fd = memfd_create("x2goweb-login", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && ftruncate(fd, PLACES * sizeof(struct place)) == 0 &&
	    fcntl(fd, F_ADD_SEALS, SEALS) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

bool record_is(int fd)
{
	return fcntl(fd, F_GET_SEALS) == SEALS;
}

static void make_digest(const struct place *place, uint8_t *digest)
{
	SHA256((const uint8_t *)&place->number,
	    FIXED_BYTES - sizeof(place->digest) + (size_t)place->length, digest);
}

static off_t offset_of(unsigned index)
{
	return (off_t)(index * sizeof(struct place));
}

/* Number of the last good writing in this place; 0: there is none. */
static uint64_t read_place(int fd, unsigned index, struct place *place)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	if (pread(fd, place, sizeof(*place), offset_of(index)) != sizeof(*place) ||
	    place->length > FRAME_BYTES)
		return 0;
	make_digest(place, digest);
	return memcmp(digest, place->digest, sizeof(digest)) == 0 ? place->number : 0;
}

/* Which place was written last; *ret_number: 0 if none was. */
static unsigned find_last(int fd, uint64_t *ret_number)
{
	struct place place;
	uint64_t first = read_place(fd, 0, &place);
	uint64_t second = read_place(fd, 1, &place);

	*ret_number = first > second ? first : second;
	return first > second ? 0 : 1;
}

bool record_write(int fd, const struct message *message)
{
	struct place place;
	size_t length, bytes;
	uint64_t number;
	unsigned last = find_last(fd, &number);

	if (!message_encode(message, place.frame, sizeof(place.frame), &length))
		return false;
	place.number = number + 1;
	place.length = length;
	make_digest(&place, place.digest);
	bytes = FIXED_BYTES + length;
	return pwrite(fd, &place, bytes, offset_of(1 - last)) == (ssize_t)bytes;
}

bool record_read(int fd, struct message *message)
{
	struct place place;
	uint64_t number;
	unsigned last = find_last(fd, &number);

	return number != 0 && read_place(fd, last, &place) == number &&
	       message_decode_kept(place.frame, place.length, message) == MESSAGE_OK;
}
