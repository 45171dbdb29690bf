#!/usr/bin/env perl
# Compares the figure and the table of targets in docs/architecture.md with Package.swift, so that they stay true.
#
#   scripts/check-architecture.pl          exit status 1, and a line for each difference
#   scripts/check-architecture.pl --update writes the last column of the tables
#   scripts/check-architecture.pl --table  prints each target with its dependencies, to copy from
#
# - Every target in Sources/ and Tools/ has one row, whose last cell names exactly the targets of ours that it imports.
# - Every Swift target in Sources/ is in the figure once, and every name in the figure is a target.
# - In the figure a target is above everything that it imports.
# - Pure targets import no sockets, files or databases.
# The second builds of the same sources (seeded faults, x86-64-v3) are left out, and so are tests.
use strict;
use warnings;
use JSON::PP;

my $page = 'docs/architecture.md';
my $package = decode_json(scalar `TESSERA_WEB=1 swift package dump-package` || die "check-architecture: Package.swift cannot be read\n");

my (%target, @findings);
for my $target (@{$package->{targets}}) {
    my $path = $target->{path} // "Sources/$target->{name}";
    next if $target->{type} eq 'test' || $path =~ m{^Tests/|^Fuzzing/|x86-64-v3|WithFaults};
    my (@ours, @others);
    for (@{$target->{dependencies}}) {
        my ($kind, $value) = %$_;
        push @{$kind eq 'product' ? \@others : \@ours}, $value->[0];
    }
    $target{$target->{name}} = {path => $path, type => $target->{type}, ours => [sort @ours], others => [sort @others]};
}
# `byName` may also name a product of another package.
for (values %target) { $_->{ours} = [grep { $target{$_} } @{$_->{ours}}] }

if (@ARGV && $ARGV[0] eq '--table') {
    for (sort keys %target) {
        printf "| `%s` | %s | %s |\n", $_, join(', ', @{$target{$_}{others}}), join(', ', map { "`$_`" } @{$target{$_}{ours}});
    }
    exit 0;
}

update() if @ARGV && $ARGV[0] eq '--update';

open my $in, '<', $page or die "check-architecture: $page: $!\n";
my @lines = map { chomp; $_ } <$in>;
my ($figure, $table, $pure) = (0, 0, 0);
my (%height, %row, %pure);
for my $number (1 .. @lines) {
    my $line = $lines[$number - 1];
    $figure = 1 if $line =~ /<!-- figure of targets/;
    $figure = 0 if $line =~ /<!-- end of the figure/;
    $table = 1 if $line =~ /<!-- table of targets/;
    $table = 0 if $line =~ /<!-- end of the table/;
    $pure = $line =~ /^### .*\bpure\b/i if $line =~ /^###/;
    if ($figure) {
        while ($line =~ /\b([A-Z]\w+)\b/g) {
            push @findings, "$page:$number: `$1` in the figure is not a target" unless $target{$1};
            push @findings, "$page:$number: `$1` is in the figure twice" if $height{$1};
            $height{$1} = $number;
        }
    }
    if ($table && $line =~ /^\| `(\w+)` \|/) {
        my $name = $1;
        push @findings, "$page:$number: `$name` has two rows" if $row{$name};
        my ($last) = $line =~ /\|([^|]*)\|\s*$/;
        $row{$name} = [sort $last =~ /`(\w+)`/g];
        $pure{$name} = 1 if $pure;
        if (!$target{$name}) { push @findings, "$page:$number: `$name` is not a target of Package.swift"; next }
        my ($said, $is) = ("@{$row{$name}}", "@{$target{$name}{ours}}");
        push @findings, "$page:$number: `$name` imports: $is; the table says: $said" if $said ne $is;
    }
}
for my $name (sort keys %target) {
    my $target = $target{$name};
    push @findings, "$page: `$name` ($target->{path}) has no row in the table" unless $row{$name};
    next unless $target->{path} =~ m{^Sources/} && $target->{type} ne 'system' && $name !~ /^C[A-Z]/;
    if (!$height{$name}) { push @findings, "$page: `$name` ($target->{path}) is not in the figure"; next }
    for (grep { $height{$_} } @{$target->{ours}}) {
        push @findings, "$page:$height{$name}: `$name` imports `$_`, which is not below it in the figure" if $height{$_} <= $height{$name};
    }
}
for my $name (sort keys %pure) {
    my @impure = grep { !$pure{$_} && $row{$_} && !/^C[A-Z]/ } @{$target{$name}{ours} // []};
    my @packages = grep { /^NIO/ && $_ ne 'NIOCore' } @{$target{$name}{others} // []};
    push @findings, "$page: `$name` is pure, and imports @impure @packages" if @impure || @packages;
}
print "$_\n" for @findings;
print 'check-architecture: ', (@findings ? scalar(@findings) . " differences\n" : scalar(keys %row) . " targets are as the page says\n");
exit(@findings ? 1 : 0);

# Writes the last cell of every row of a target.
sub update {
    open my $in, '<', $page or die "check-architecture: $page: $!\n";
    my @lines = <$in>;
    close $in;
    for (@lines) {
        next unless /^\| `(\w+)` \| (.*) \|[^|]*\|$/ && $target{$1};
        my ($name, $purpose) = ($1, $2);
        my $imports = join ', ', map { "`$_`" } @{$target{$name}{ours}};
        $_ = "| `$name` | $purpose |" . ($imports eq '' ? '' : " $imports") . " |\n";
    }
    open my $out, '>', $page or die "check-architecture: $page: $!\n";
    print $out @lines;
}
