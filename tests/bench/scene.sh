#!/bin/sh
# SPDX-License-Identifier: ISC
# What happens on the desktop that record.mjs records: someone reads listings in a terminal, opens
# menus, moves windows about, watches something that moves, and rests in between. Runs on the X2Go
# server, inside the session (DISPLAY and XAUTHORITY are set).
set -eu

until xdotool search --class icewm >/dev/null 2>&1; do sleep 0.1; done
sleep 2

# Waits for a window of this name and prints its id.
window() {
	until xdotool search --onlyvisible --name "$1" 2>/dev/null | head -n 1 | grep .; do
		sleep 0.1
	done
}

# Moves a window in steps. ID, X and Y of the start, X and Y of each step, steps
glide() {
	i=0
	while [ "$i" -lt "$6" ]; do
		xdotool windowmove "$1" $(($2 + i * $4)) $(($3 + i * $5))
		sleep 0.03
		i=$((i + 1))
	done
}

# A listing that scrolls line by line, then output at full speed, then a prompt.
# shellcheck disable=SC2016 # the terminal's shell expands these
xterm -T reading -fa 'DejaVu Sans Mono' -fs 10 -geometry 92x34+16+30 -e sh -c '
	ls -lR /usr/share/X11 /etc | head -n 260 |
		while IFS= read -r line; do echo "$line"; sleep 0.012; done
	seq 1 4000
	echo; echo "done"
	exec cat' &
reading=$(window reading)
sleep 6

# Typing.
xdotool windowfocus --sync "$reading"
xdotool type --delay 60 'The quick brown fox jumps over the lazy dog. '
sleep 0.5

# Windows over windows.
xlogo -geometry 220x220+700+60 &
xclock -analog -geometry 160x160+60+560 &
logo=$(window xlogo)
clock=$(window xclock)
glide "$logo" 700 60 -14 8 36
glide "$clock" 60 560 18 -6 36
glide "$reading" 16 30 6 2 24

# A menu, and the pointer over its items.
xdotool mousemove 900 640 click 3
for step in 1 2 3 4 5 6 7 8; do
	xdotool mousemove_relative -- 6 -$((14 + step % 2))
	sleep 0.08
done
xdotool key Escape
sleep 1

# A picture that changes all over, many times a second: coloured cells of a terminal.
# shellcheck disable=SC2016 # these are perl's
xterm -T moving -fn 5x7 -geometry 72x36+560+380 -e perl -e '
	$| = 1;
	for my $t (0 .. 89) {
		my $picture = "\e[H";
		for my $y (0 .. 35) {
			for my $x (0 .. 71) {
				my $wave = sin($x / 9 + $t / 7) + sin($y / 6 - $t / 5) + sin(($x + $y) / 11 + $t / 9);
				my $v = ($wave + 3) / 6;
				$picture .= sprintf("\e[48;2;%d;%d;%dm ", 255 * $v, 255 * (1 - $v), 120 + 100 * sin($wave));
			}
			$picture .= "\r\n" if $y < 35;
		}
		print $picture;
		select(undef, undef, undef, 0.05);
	}' &
window moving >/dev/null
ico -geometry 260x260+60+470 -faces -sleep 0.04 &
video=$!
sleep 6
kill "$video"

# Rest: what was sent roughly comes again without loss.
sleep 3
