/* SPDX-License-Identifier: ISC */
/*
 * The broker's two sockets and who is connected to them: takes only the users that the
 * configuration names (by SO_PEERCRED), limits how many there are, and lets nobody keep others out
 * by saying nothing. Runs in x2goweb-brokerd; what the peers say goes to handle.h.
 */
#ifndef BROKERD_CLIENTS_H
#define BROKERD_CLIENTS_H

struct broker;
struct clients;

/* Begins to accept. broker_fd, control_fd: listening; taken over.
 * Fails: NULL if memory is short. */
struct clients *clients_create(struct broker *broker, int broker_fd, int control_fd);

/* Takes no new ones; those there are stay. */
void clients_stop_accepting(struct clients *clients);

/* Takes no new ones either, but leaves them where they wait, for the next broker. Those there are
 * go once they have their answers; see clients_close_answered. */
void clients_pause_accepting(struct clients *clients);

/* Drops those who wait for no answer; who has just connected may ask first. Returns how many are
 * left. */
unsigned clients_close_answered(struct clients *clients);

/* Drops all. Takes NULL. */
void clients_destroy(struct clients *clients);

unsigned clients_count(const struct clients *clients);

#endif
