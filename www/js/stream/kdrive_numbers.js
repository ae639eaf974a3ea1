/* SPDX-License-Identifier: ISC */
/*
 * Numbers of the X2Go KDrive protocol, and the limits that this client sets to what a server may
 * ask of it. All integers on the wire are little-endian.
 */

/** Bytes of a message header, of a region header and of a client event. */
export const HEADER_BYTES = 56;
export const REGION_BYTES = 64;
export const EVENT_BYTES = 41;

/** Messages, server to client. */
export const MESSAGE_FRAME = 0;
export const MESSAGE_DELETED = 1;
export const MESSAGE_CURSOR = 2;
export const MESSAGE_DELETED_CURSOR = 3;
export const MESSAGE_SELECTION = 4;
export const MESSAGE_SERVER_VERSION = 5;
export const MESSAGE_DEMAND_SELECTION = 6;
export const MESSAGE_REINIT = 7;
export const MESSAGE_WINDOW_UPDATE = 8;
export const MESSAGE_KEEPALIVE = 9;
export const MESSAGE_DISCONNECT = 10;
/* 11 exists on UDP only and is an error on a stream. */
export const MESSAGE_UDP_OPEN = 12;
export const MESSAGE_UDP_FAILED = 13;

/** Events, client to server. */
export const EVENT_KEY_PRESS = 2;
export const EVENT_KEY_RELEASE = 3;
export const EVENT_MOUSE_PRESS = 4;
export const EVENT_MOUSE_RELEASE = 5;
export const EVENT_MOUSE_MOTION = 6;
export const EVENT_GEOMETRY = 7;
export const EVENT_UPDATE = 8;
export const EVENT_SELECTION = 9;
export const EVENT_DEMAND_SELECTION = 11;
export const EVENT_CACHE_REBUILD = 13;

/** Bits of the modifier mask in key and button events. */
export const MASK_SHIFT = 0x01;
export const MASK_LOCK = 0x02;
export const MASK_CONTROL = 0x04;
export const MASK_ALT = 0x08;
export const MASK_NUM_LOCK = 0x10;
export const MASK_SUPER = 0x40;
export const MASK_ALTGR = 0x80;
/** Modifiers that choose what a key writes, and are of no account once it has. */
export const MASK_LEVELS = MASK_SHIFT | MASK_ALTGR;

/** Selections, and what is in them. */
export const SELECTION_PRIMARY = 0;
export const SELECTION_CLIPBOARD = 1;
export const MIME_TEXT = 1;
export const MIME_IMAGE = 2;

/** First agent versions that know CACHEREBUILD, and that release a key right after its press. */
export const VERSION_CACHE_REBUILD = 5;
export const VERSION_KEY_TAPS = 7;

/** Outside of these an agent crashes or gives no picture. */
export const SCREEN_MIN = 64;
export const SCREEN_MAX = 8192;

/* What a message may claim. Checked before any memory is taken. */
export const FRAME_REGIONS_MAX = 9;
export const FRAME_SIDE_MAX = 16384;
export const FRAME_PIXELS_MAX = SCREEN_MAX * SCREEN_MAX;
export const IMAGE_SLACK_BYTES = 64 * 1024;
export const IMAGE_BYTES_MAX = 256 * 1024 * 1024;
export const DELETED_MAX = 1_000_000;
export const CURSOR_SIDE_MAX = 1024;
export const SELECTION_CHUNK_MAX = 102_400;

/** Of a whole selection, both ways; the gateway holds browsers to the same. */
export const SELECTION_BYTES_MAX = 32 * 1024 * 1024;
export const WINDOW_UPDATE_MAX = 16 * 1024 * 1024;
