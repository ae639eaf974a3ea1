#!/usr/bin/perl
# SPDX-License-Identifier: ISC
#
# Prints what an X selection holds, asked for as programs do: with a real time stamp, which a KDrive
# agent insists on and xclip does not give. Usage: selection.pl CLIPBOARD|PRIMARY TARGET
use strict;
use warnings;
use X11::Protocol;

my ($selection, $target) = @ARGV;
my $x = X11::Protocol->new();
my $window = $x->new_rsrc;
$x->CreateWindow($window, $x->root, 'InputOutput', 0, 'CopyFromParent', (0, 0), 1, 1, 0,
	'event_mask' => $x->pack_event_mask('PropertyChange'));
my $property = $x->atom('SELECTION_DATA');
$x->event_handler('queue');

sub await {
	my ($name, $fits) = @_;
	while (1) {
		my %event = $x->next_event;
		return %event if $event{name} eq $name && $fits->(%event);
	}
}

# Takes the property away, which tells the owner of an incremental transfer to go on.
sub take {
	my $all = '';
	my ($value, $type, $format, $left) = ('', 0, 0, 1);
	while ($left) {
		($value, $type, $format, $left) =
			$x->GetProperty($window, $property, 'AnyPropertyType', length($all) / 4, 262144, 1);
		$all .= $value;
	}
	return ($all, $type);
}

$x->ChangeProperty($window, $property, $x->atom('STRING'), 8, 'Append', '');
my %stamp = await('PropertyNotify', sub { 1 });
$x->ConvertSelection($x->atom($selection), $x->atom($target), $property, $window, $stamp{time});
my %answer = await('SelectionNotify', sub { 1 });
if ($answer{property} eq 'None' || $answer{property} eq '0') {
	print STDERR "refused\n";
	exit 3;
}
binmode STDOUT;
my ($data, $type) = take();
if ($type != $x->atom('INCR')) {
	print $data;
	exit 0;
}
while (1) {
	await('PropertyNotify', sub { my %e = @_; $e{atom} == $property && $e{state} eq 'NewValue' });
	($data) = take();
	last if $data eq '';
	print $data;
}
