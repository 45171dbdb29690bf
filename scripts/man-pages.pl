#!/usr/bin/env perl
# Makes the manual pages from what the programs say about themselves.
#
#     scripts/man-pages.pl PROGRAMS OUT
#
# tessera(1) and one page for each command, such as tessera-run(1), from the parser's description of itself; tessera-master(8),
# tessera-worker(8) and tessera-web(8) from their --help. Fails when that cannot be read.
use strict;
use warnings;
use utf8;
use JSON::PP;
use POSIX qw(strftime);

my ($programs, $out) = @ARGV;
die "man-pages: usage: scripts/man-pages.pl PROGRAMS OUT\n" unless defined $out && -d $out;
my $date = strftime('%Y-%m-%d', gmtime($ENV{SOURCE_DATE_EPOCH} // time));

sub output_of {
    open my $pipe, '-|', @_ or die "man-pages: cannot run $_[0]: $!\n";
    binmode $pipe;
    local $/;
    my $text = <$pipe>;
    close $pipe or die "man-pages: $_[0] failed with status " . ($? >> 8) . "\n";
    return $text;
}

# Text as roff reads it: no escapes, hyphens that can be copied, no request at the start of a line.
sub roff {
    my ($text) = @_;
    $text =~ s/\\/\\e/g;
    $text =~ s/-/\\-/g;
    $text =~ s/^([.'])/\\&$1/gm;
    return $text;
}

# Paragraphs are filled; lines that begin with a blank stay as they are.
sub body {
    my $text = '';
    for my $paragraph (split /\n{2,}/, $_[0]) {
        my $kept = $paragraph =~ /^ /m;
        $text .= ".PP\n" . ($kept ? ".nf\n" : '') . roff($paragraph) . "\n" . ($kept ? ".fi\n" : '');
    }
    return $text;
}

sub heading {
    my ($name, $section, $abstract, $version) = @_;
    $abstract =~ s/\.$//;
    return '.TH ' . uc(roff($name)) . " $section $date \"Tessera $version\" \"Tessera\"\n"
        . ".SH NAME\n" . roff($name) . ' \- ' . roff($abstract) . "\n";
}

sub write_page {
    my ($name, $section, $text) = @_;
    open my $file, '>:encoding(UTF-8)', "$out/$name.$section" or die "man-pages: $out/$name.$section: $!\n";
    print $file $text;
    close $file or die "man-pages: $out/$name.$section: $!\n";
}

sub flag { my ($name) = @_; return ($name->{kind} eq 'long' ? '--' : '-') . $name->{name} }

# The daemons, each with the first line of its page, and the commands that it has besides.
my @daemons = (
    ['tessera-master', 'master of a Tessera cluster', 'backup', 'restore'],
    ['tessera-worker', 'worker of a Tessera cluster'],
    ['tessera-web', 'page and HTTP API of a Tessera cluster', 'link', 'token'],
);

# References to pages, such as 'tessera(1)'.
sub see_also { return join(",\n", map { /^(.+)(\(\d\))$/ ? '.BR ' . roff($1) . " $2" : die } @_) . "\n" }

sub command_page {
    my ($command, $path, $version) = @_;
    my $name = join '-', @$path;
    my @commands = grep { $_->{shouldDisplay} && $_->{commandName} ne 'help' } @{ $command->{subcommands} // [] };
    my @shown = grep { $_->{shouldDisplay} } @{ $command->{arguments} // [] };
    my @positional = grep { $_->{kind} eq 'positional' } @shown;
    my @options = grep { $_->{kind} ne 'positional' } @shown;

    my $text = heading($name, 1, $command->{abstract}, $version);
    $text .= ".SH SYNOPSIS\n.B " . roff("@$path") . "\n";
    $text .= @commands ? "\\fICOMMAND\\fR [\\fIOPTION\\fR ...]\n" : "[\\fIOPTION\\fR ...]\n";
    for my $argument (@positional) {
        my $value = '\fI' . roff($argument->{valueName}) . '\fR';
        $value = "$value ..." if $argument->{isRepeating};
        $value = "[$value]" if $argument->{isOptional};
        $text .= "$value\n";
    }
    $text .= ".SH DESCRIPTION\n" . body($command->{discussion} // $command->{abstract});
    for (['ARGUMENTS', @positional], ['OPTIONS', @options]) {
        my ($title, @arguments) = @$_;
        $text .= ".SH $title\n" if @arguments;
        for my $argument (@arguments) {
            my @names = map { '\fB' . roff(flag($_)) . '\fR' } @{ $argument->{names} // [] };
            my $value = '\fI' . roff($argument->{valueName}) . '\fR';
            my $term = @names ? join(', ', @names) . ($argument->{kind} eq 'option' ? " $value" : '') : $value;
            $text .= ".TP\n$term\n" . roff($argument->{abstract} // '') . "\n";
            $text .= 'One of ' . roff(join ', ', @{ $argument->{allValues} }) . ".\n" if $argument->{allValues};
        }
    }
    if (@commands) {
        $text .= ".SH COMMANDS\n";
        for my $sub (@commands) {
            my $page = roff(join '-', @$path, $sub->{commandName});
            $text .= ".TP\n\\fB" . roff($sub->{commandName}) . "\\fR\n" . roff($sub->{abstract}) . "\nSee \\fB$page\\fR(1).\n";
        }
    }
    $text .= ".SH SEE ALSO\n" . see_also(@$path > 1 ? 'tessera(1)' : (), map { "$_->[0](8)" } @daemons);
    write_page($name, 1, $text);
    command_page($_, [@$path, $_->{commandName}], $version) for @commands;
}

my (undef, $version) = split ' ', output_of("$programs/tessera", '--version');
command_page(decode_json(output_of("$programs/tessera", '--experimental-dump-help'))->{command}, ['tessera'], $version);

for (@daemons) {
    my ($daemon, $short, @commands) = @$_;
    my $help = output_of("$programs/$daemon", '--help');
    my ($abstract, $flags, $rest) = $help =~ /\A(.*?)\n\nUSAGE: [^\n]*\n\n((?:  --[^\n]*\n)+)\n?(.*)\z/s
        or die "man-pages: the help of $daemon is not made as expected: a sentence, USAGE, flags, text\n";
    my @flags = map { /^  (--\S+)(?: (\S+))?  +(.*)$/ ? [$1, $2, $3] : die "man-pages: $daemon: no flag in: $_\n" }
        split /\n/, $flags;
    my $text = heading($daemon, 8, $short, $version) . ".SH SYNOPSIS\n.B " . roff($daemon) . "\n[\\fIFLAG\\fR ...]\n"
        . join('', map { ".br\n.B " . roff("$daemon $_") . "\n[\\fIOPTION\\fR ...]\n" } @commands)
        . ".SH DESCRIPTION\n" . body($abstract) . ".SH FLAGS\n";
    for (@flags) {
        my ($name, $value, $about) = @$_;
        $text .= ".TP\n\\fB" . roff($name) . '\fR' . (defined $value ? ' \fI' . roff($value) . '\fR' : '') . "\n" . roff($about) . "\n";
    }
    $text .= ".SH SETTINGS\n" . body($rest) if $rest =~ /\S/;
    $text .= ".SH COMMANDS\n" if @commands;
    for my $command (@commands) {
        my $usage = output_of("$programs/$daemon", $command, '--help');
        $text .= '.SS ' . roff("$daemon $command") . "\n.nf\n" . roff($usage) . ".fi\n";
    }
    my $file = $daemon =~ s/^tessera-//r;
    $text .= ".SH FILES\n.TP\n/etc/tessera/$file.yaml\nThe settings that the service reads.\n"
        . ".TP\n/etc/tessera/secret\nThe secret that the programs of a cluster share.\n"
        . ".SH SEE ALSO\n" . see_also('tessera(1)', map { "$_->[0](8)" } grep { $_->[0] ne $daemon } @daemons);
    write_page($daemon, 8, $text);
}
