#!/usr/bin/env perl
# Checks that Markdown pages name things that exist: relative links with their anchors, paths in `backticks`, and the
# titles of decisions in their index.
#
#   scripts/check-links.pl    FILE:LINE and what is missing; exit status 1 if anything is
#
# A path in backticks is checked if it begins with a directory of this repository. It may be a pattern (`Scheduler+*.swift`);
# one with a word in capitals (`Operations/FAMILY/NAME.swift`) stands for many, and its first directories are checked.
use strict;
use warnings;

my @pages = grep { -f && !m{^scripts/} } split /\0/, scalar `git ls-files -z '*.md'`;
my %anchors;
my $missing = 0;
for my $page (@pages) {
    my ($number, $fence) = (0, 0);
    for my $line (lines($page)) {
        $number++;
        $fence = !$fence if $line =~ /^\s*```/;
        next if $fence;
        while ($line =~ /\]\(([^)\s]+)\)/g) {
            my $link = $1;
            next if $link =~ /^[a-z]+:/;
            my ($path, $anchor) = split /#/, $link, 2;
            my $target = $path eq '' ? $page : resolve($page, $path);
            if (!-e $target) { report($page, $number, "the link `$link` leads nowhere"); next }
            next if !defined $anchor || $target !~ /\.md$/;
            report($page, $number, "the link `$link` leads to no title of $target") unless anchors($target)->{$anchor};
        }
        while ($line =~ /`((?:Sources|Tests|Tools|Fuzzing|scripts|docs|systemd|examples)\/[^`\s]*)`/g) {
            my $path = $1;
            $path =~ s/(?:^|(?<=\/))[^\/]*[A-Z]{3,}.*// if $path =~ m{/[^/]*\b[A-Z]{3,}\b};
            next if $page =~ m{^docs/decisions/} || $page eq 'CHANGELOG.md';
            my @found = glob $path;
            report($page, $number, "`$1` does not exist") unless @found && -e $found[0];
        }
    }
}
# The index of decisions has every page under its title.
my %index = map { /^\| \[\d+\]\((\S+\.md)\) \| (.*) \|$/ ? ($1 => $2) : () } lines('docs/decisions/README.md');
for my $page (grep { m{^docs/decisions/\d} } @pages) {
    my $title = (lines($page))[0] =~ s/^# \d+ //r;
    my $name = $page =~ s{.*/}{}r;
    next if ($index{$name} // '') eq $title;
    report('docs/decisions/README.md', 1, "has no row for $name with its title \"$title\"");
}
print "check-links: $missing missing\n" if $missing;
exit($missing ? 1 : 0);

sub report { my ($page, $number, $text) = @_; print "$page:$number: $text\n"; $missing++ }

sub lines {
    open my $in, '<:encoding(UTF-8)', $_[0] or die "check-links: $_[0]: $!\n";
    my @lines = <$in>;
    chomp @lines;
    return @lines;
}

# The path that a link on a page means.
sub resolve {
    my ($page, $path) = @_;
    my @parts = split m{/}, $page;
    pop @parts;
    for (split m{/}, $path) { if ($_ eq '..') { pop @parts } elsif ($_ ne '.') { push @parts, $_ } }
    return join('/', @parts) || '.';
}

# A page's titles as their anchors: lower case, hyphens for spaces, no punctuation.
sub anchors {
    my ($page) = @_;
    return $anchors{$page} //= {
        map { my $title = lc; $title =~ s/[^\w\- ]//g; $title =~ s/ /-/g; ($title => 1) }
        map { /^#+ +(.*?) *$/ ? $1 : () } lines($page)
    };
}
