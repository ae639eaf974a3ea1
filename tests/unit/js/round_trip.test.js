/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RoundTrip } from "../../../www/js/stream/round_trip.js";
import { FakeTime } from "./fake_time.js";

function setUp() {
	const time = new FakeTime();
	/** @type {string[]} */
	const said = [];
	const trip = new RoundTrip({ ping: (token) => said.push(`ping ${token}`), now: time.now });
	return { time, said, trip, token: () => said[said.length - 1].split(" ")[1] };
}

test("a relay that never answers is asked once, and has no figure", () => {
	const { time, said, trip } = setUp();
	for (let i = 0; i < 10; i++) {
		trip.ping();
		time.advance(1000);
	}
	assert.deepEqual(said, ["ping t1"]);
	assert.equal(trip.ms, null);
});

test("the figure is the time to the answer, however late that is", () => {
	const { time, said, trip, token } = setUp();
	trip.ping();
	time.advance(2500);
	trip.ping();
	trip.pong(token());
	assert.equal(trip.ms, 2500);
	trip.ping();
	time.advance(12);
	trip.pong(token());
	assert.equal(trip.ms, 12);
	assert.deepEqual(said, ["ping t1", "ping t2"]);
});

test("an overdue answer shows as it grows", () => {
	const { time, trip, token } = setUp();
	trip.ping();
	time.advance(30);
	trip.pong(token());
	trip.ping();
	time.advance(10);
	assert.equal(trip.ms, 30);
	time.advance(990);
	assert.equal(trip.ms, 1000);
});

test("words that answer nothing are ignored; a token fits what the relay takes", () => {
	const { trip, said } = setUp();
	trip.pong("t1");
	trip.ping();
	for (const token of ["", "t2", "t1 ", "s1"]) trip.pong(token);
	assert.equal(trip.ms, null);
	assert.match(said[0], /^ping [0-9A-Za-z]{1,16}$/);
});

test("while the connection is away nothing is measured, and that is no figure afterwards", () => {
	const { time, said, trip, token } = setUp();
	trip.ping();
	time.advance(30);
	trip.pong(token());
	trip.ping();
	trip.pause();
	trip.ping(); /* the panel asks every second */
	time.advance(20_000);
	assert.equal(trip.ms, null);
	trip.resume();
	trip.pong(token()); /* of before */
	assert.equal(trip.ms, null);
	assert.deepEqual(said, ["ping t1", "ping t2"]);
	trip.ping();
	time.advance(25);
	trip.pong(token());
	assert.equal(trip.ms, 25);
});
