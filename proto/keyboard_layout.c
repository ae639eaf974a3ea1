/* SPDX-License-Identifier: ISC */
#include "keyboard_layout.h"

#include <string.h>

/* Moves a word from the front of the text. */
static bool take_word(const char **text, char *word)
{
	size_t length = strspn(*text, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	if (length == 0 || length > KEYBOARD_LAYOUT_CHARS || **text == '-')
		return false;
	memcpy(word, *text, length);
	word[length] = 0;
	*text += length;
	return true;
}

bool keyboard_layout_parse(const char *text, struct keyboard_layout *ret_layout)
{
	struct keyboard_layout layout = {0};

	if (strlen(text) > KEYBOARD_LAYOUT_CHARS || !take_word(&text, layout.name))
		return false;
	if (*text == '(') {
		text++;
		if (!take_word(&text, layout.variant) || *text++ != ')')
			return false;
	}
	if (*text != 0)
		return false;
	*ret_layout = layout;
	return true;
}
