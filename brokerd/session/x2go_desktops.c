/* SPDX-License-Identifier: ISC */
/* Section 3.3 of the X2Go server's command contract. */
#include "x2go_desktops.h"

#include <stddef.h>
#include <string.h>

static const struct x2go_desktop desktops[] = {
    {"CINNAMON", {"/usr/bin/cinnamon-session-cinnamon2d", "/usr/bin/gnome-session-cinnamon2d",
		     "/usr/bin/gnome-session-cinnamon"}},
    {"GNOME", {"/usr/bin/gnome-session"}},
    {"ICEWM", {"/usr/bin/icewm-session"}},
    {"IceWM", {"/usr/bin/icewm"}},
    {"KDE", {"/usr/bin/startplasma-x11", "/usr/bin/startkde"}},
    {"LXDE", {"/usr/bin/startlxde"}},
    {"LXQt", {"/usr/bin/startlxqt"}},
    {"MAILCLIENT",
	{"/usr/bin/thunderbird", "/usr/bin/icedove", "/usr/bin/kmail", "/usr/bin/evolution"}},
    {"MATE", {"/usr/bin/mate-session"}},
    {"OFFICE", {"/usr/bin/loffice", "/usr/bin/ooffice"}},
    {"OPENBOX", {"/usr/bin/openbox-session"}},
    {"TERMINAL",
	{"/usr/bin/konsole", "/usr/bin/mate-terminal", "/usr/bin/gnome-terminal",
	    "/usr/bin/lxterminal", "/usr/bin/qterminal", "/usr/bin/rxvt", "/usr/bin/xterm"}},
    {"TRINITY", {"/usr/bin/start-q4os-x2go", "/opt/trinity/bin/starttde",
		    "/opt/trinity/bin/starttrinity", "/usr/bin/starttrinity"}},
    {"UNITY", {"/usr/bin/gnome-session"}},
    {"WWWBROWSER",
	{"/usr/bin/firefox.real", "/usr/bin/iceweasel", "/usr/bin/firefox", "/usr/bin/abrowser",
	    "/usr/bin/konqueror", "/usr/bin/galeon", "/usr/bin/chromium-browser"}},
    {"XFCE", {"/usr/bin/xfce4-session"}},
    {"XFCE4", {"/usr/bin/xfce4-session"}},
};

const struct x2go_desktop *x2go_desktop_find(const char *name)
{
	for (size_t i = 0; i < sizeof(desktops) / sizeof(desktops[0]); i++)
		if (strcmp(desktops[i].name, name) == 0)
			return &desktops[i];
	return NULL;
}
