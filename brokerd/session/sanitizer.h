/* SPDX-License-Identifier: ISC */
/*
 * Whether this is a build with AddressSanitizer, which has to be told of stacks and wants more
 * than the sandbox of x2goweb-session grants.
 */
#ifndef SESSION_SANITIZER_H
#define SESSION_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#endif

#endif
