#!/usr/bin/env perl
# Finds habits of language that docs/style.md advises against, in comments, string literals, test names and Markdown.
#
#   scripts/lint-prose.pl [PATH...]     prints FILE:LINE, the habit and what to write instead; exit status 1 on findings
#   scripts/lint-prose.pl --count       findings per directory
#   scripts/lint-prose.pl --count RULE  findings of one rule per directory
#   scripts/lint-prose.pl --rules       lists the rules
#   scripts/lint-prose.pl --self-test   compares the findings in scripts/lint-prose-test with what is expected there
#
# A line is allowed with a reason, on the line itself or on the line before it:
#
#   // lint-prose: allow RULE: why this is right here        in Markdown: <!-- lint-prose: allow RULE: why -->
#
# and a region with "lint-prose: off: why" ... "lint-prose: on". Text in `backticks`, code fences, indented code and
# link targets is not read. Perl, because it is on every Debian machine that has git.
use strict;
use warnings;

# Rule name ; where ; pattern ; write instead. Where: prose = comments, strings, test names and Markdown;
# doc = the beginning of a doc comment; code = identifiers. A beginning upper-case letter in a pattern is matched as such;
# otherwise case does not count. {S} stands for the beginning of a sentence.
my $TABLE = <<'TABLE';
doc-noun          ; doc   ; ^(?:Of|Likewise|Such as)\b|^As\b(?! (?:many|much|soon|long)\b)|^That\b ; a noun phrase or a verb that says what this is
the-same          ; doc   ; ^The same(?= (?:of|as|for|by|with|to|in|from|but)\b|[.,;:]) ; what it is, by name: "Control-frame bytes per second"
is-no             ; prose ; (?<!there )\b(?:is|are|was|were|be|become|becomes) no (?!longer|more|less|fewer|larger|smaller|greater|better|worse|further|later|earlier|faster|slower|higher|lower|newer|older|wider|different|one\b|doubt) ; "is not a", "is not an", or "there is no"
none-is           ; prose ; \bnone (?:is|are)\b ; "there is no X", or the noun
who               ; prose ; {S}[Ww]ho (?![^.]*\?)|\b[Ww]hoever\b|\b(?:those|he|anybody|somebody|nobody) who (?:are|is|were|ask|asks|come|comes|came|wait|waits|need|needs|find|finds|want|wants|do|does|know|knows|hold|holds)\b ; the noun: "a client that ..."
what-subject      ; prose ; {S}[Ww]hat (?:goes|comes|fails|needs|takes|cannot|would|differs|follows|breaks|depends|exceeds|beg[ai]ns|ends|belongs|remains|does|travels|arrives|waits|grows|costs)\b(?![^.]*\?) ; the noun
so-many           ; prose ; \bso (?:many|few|long|often)\b(?! \w+ (?:that|as)\b)(?! that\b) ; "that many", "this long", "as long as", or nothing
for-good          ; prose ; \bfor good\b(?! (?:reasons?|measure)) ; "permanently"
lies              ; prose ; \b(?:lies|lie|lay|lying)\b(?! about\b|:|\*) ; "is", "is stored", "is at"
stands            ; prose ; \b(?:stands?|stood)\b(?![-]| (?:for|alone|by)\b)|\bstanding\b(?! for\b| alone\b) ; "is", "is written"; of a process: "is stalled", "is suspended"
bears             ; prose ; \b(?:bears?|bore|borne|bearing)\b ; "has", "carries"
goes-on           ; prose ; \b(?:goes|go|going|went|gone) on\b(?! (?:to|line|the|a|disk)\b) ; "continues"
anew              ; prose ; \banew\b ; "again", or nothing
meanwhile         ; prose ; \bmeanwhile\b|\bin the meantime\b ; "during X", or nothing
beforehand        ; prose ; \bbeforehand\b ; "before X", or nothing
in-vain           ; prose ; \bin vain\b ; what did not happen
can-not           ; prose ; \bcan not\b(?! only\b) ; "cannot"
folder            ; prose ; \bfolders?\b ; "directory"
per               ; prose ; \b(?:one|two|three|four|\d[\d,.]*|many|bytes|frames) (?:(?!(?:is|are|was|were|has|have|had|gives?|of|in|to|for|and|or|as|by|with|from|at|on|that|than|make|makes|be|into|within|without|between|under|over|after|before|if|when|but|not)\b)[a-z-]+ ){1,2}an? (?:task|worker|job|image|pixel|sample|row|column|chunk|rank|slot|frame|segment|line|connection|client|peer|cycle|blob|event|page|lane|megapixel|gigapixel)\b(?! (?:time|before|after|later|long|of|that|with))|\b(?:one|an?) \w+ a (?:task|worker|connection|client|job|image|rank|slot|decision|operation|thread)\b ; "per": "one connection per task"
epoch             ; prose ; (?<!unix )\bepochs?\b ; "attempt number", or "fencing token"
planted           ; prose ; \bplant(?:ed|s|ing)?\b ; "seeded fault", "seeds"
turned-away       ; prose ; \b(?:turn|turns|turned|turning) away\b ; "rejects", "is rejected"
taken-up-again    ; prose ; \b(?:take|takes|taken|took|taking) up (?:again|leases?|tasks?)\b ; "reclaims", "is reclaimed"
keep-house        ; prose ; \b(?:keep|keeps|kept|keeping) house\b ; "housekeeping"
opponent          ; prose ; \bopponents?\b ; "baseline"
drawn-case        ; prose ; \bdrawn (?:cases?|pipelines?)\b ; "random", "property-based"
nobody-listens    ; prose ; \bnobody (?:listens|answers|else's)\b ; "nothing is listening", "no process"
spelling          ; prose ; (?<![-.\w/])(?:colors?|colored|neighbors?|neighboring|behavior|centers?|gr[e]y|grayscales?d|summarize[ds]?|recognize[ds]?|serialize[ds]?)\b(?![-=_]) ; British spelling in prose ("colour", "neighbour", "-ise"), and "gray"
colour-name       ; code  ; \w*[cC]olour\w* ; "color" in identifiers, as Swift's own libraries
TABLE

my @rules;
for (split /\n/, $TABLE) {
    my ($name, $where, $pattern, $instead) = split /\s+;\s+/, $_, 4;
    my $start = '(?:^|(?<=[.;:!?] )|(?<=[.;:!?]  ))';
    $pattern =~ s/\{S\}/$start/g;
    my $regex = $where eq 'doc' || $where eq 'code' || $pattern =~ /\[Ww\]/ ? qr/$pattern/ : qr/$pattern/i;
    push @rules, {name => $name, where => $where, regex => $regex, instead => $instead};
}
my %known = map { $_->{name} => 1 } @rules;

my $root = `git rev-parse --show-toplevel`;
chomp $root;
chdir $root or die "lint-prose: $root: $!\n";

my $mode = 'list';
my $only;
if (@ARGV && $ARGV[0] eq '--self-test') { exit self_test() }
if (@ARGV && $ARGV[0] eq '--rules') {
    printf "%-16s write %s\n", $_->{name}, $_->{instead} for @rules;
    exit 0;
}
if (@ARGV && $ARGV[0] eq '--count') {
    $mode = 'count';
    shift @ARGV;
    if (@ARGV && $known{$ARGV[0]}) { $only = shift @ARGV }
}
my @paths = @ARGV;
my @files = grep { is_read($_) } split /\0/, scalar `git ls-files -z --cached --others --exclude-standard @{[map { quotemeta } @paths]}`;
my ($total, %count) = (0);
for my $file (@files) {
    for my $finding (findings($file)) {
        next if defined $only && $finding->{rule}{name} ne $only;
        $total++;
        if ($mode eq 'count') {
            my ($directory) = $file =~ m{^((?:Sources|Tests|Tools|docs)/[^/]+(?=/)|[^/]+(?=/)|)};
            $count{$directory eq '' ? '.' : $directory}++;
        } else {
            printf "%s:%d: %s: \"%s\": write %s\n", $file, $finding->{line}, $finding->{rule}{name}, $finding->{text},
                $finding->{rule}{instead};
        }
    }
}
if ($mode eq 'count') {
    printf "%6d  %s\n", $count{$_}, $_ for sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
    printf "%6d  in all\n", $total;
    exit 0;
}
print STDERR "lint-prose: $total findings; docs/style.md says why, scripts/lint-prose.pl how to allow one\n" if $total;
exit($total ? 1 : 0);

# Which files are read: what people write. Generated pages and code are checked where their words come from.
sub is_read {
    my ($file) = @_;
    return 0 if -l $file || !-f $file;
    return 0 if $file =~ m{\.pb\.swift$|^docs/operations\.md$|^scripts/lint-prose|^LICENSE|^Fuzzing/Corpus/};
    return $file =~ m{\.(?:swift|[ch]|proto|md|sh|py|service|sysusers|yml|yaml)$|(?:^|/)Makefile$|^\.ci/};
}

# All findings in a file, in the order of its lines.
sub findings {
    my ($file) = @_;
    open my $in, '<:encoding(UTF-8)', $file or die "lint-prose: $file: $!\n";
    local $/;
    my $text = <$in>;
    close $in;
    my $allowed = allowances($text);
    my @pieces = $file =~ /\.md$/ ? markdown($text) : $file =~ /\.(?:swift|[ch]|proto)$/ ? code($text) : script($text);
    my (@found, %seen);
    for my $piece (@pieces) {
        my ($kind, $words, $lines) = @$piece;
        for my $rule (@rules) {
            next unless $rule->{where} eq 'code' ? $kind eq 'code' : $rule->{where} eq 'doc' ? $kind eq 'doc' : $kind ne 'code';
            while ($words =~ /$rule->{regex}/g) {
                my $line = line_at($lines, $-[0]);
                my $matched = substr($words, $-[0], $+[0] - $-[0]);
                next if $allowed->($line, $rule->{name});
                next if $seen{"$line $rule->{name} $-[0]"}++;
                push @found, {line => $line, rule => $rule, text => $matched};
            }
        }
    }
    push @found, @{$allowed->(0, '')};
    return sort { $a->{line} <=> $b->{line} } @found;
}

# What the file allows: a function of a line and a rule; asked for line 0 it gives the findings in the allowances.
sub allowances {
    my ($text) = @_;
    my (%allowed, @off, @wrong);
    my $number = 0;
    for (split /\n/, $text, -1) {
        $number++;
        if (/lint-prose: allow ([a-z][\w-]*)(.*)/) {
            my ($name, $rest) = ($1, $2);
            if ($known{$name} && $rest =~ /^: *\w+ *\w+/) { $allowed{"$number $name"} = $allowed{($number + 1) . " $name"} = 1 }
            else { push @wrong, $number }
        } elsif (/lint-prose: off/) {
            push @wrong, $number unless /lint-prose: off: *\w+ *\w+/;
            push @off, [$number, 1e9];
        } elsif (/lint-prose: on\b/) {
            $off[-1][1] = $number if @off;
        }
    }
    my $rule = {name => 'allow', instead => 'the rule and a reason: "lint-prose: allow RULE: why"'};
    return sub {
        my ($line, $name) = @_;
        return [map { {line => $_, rule => $rule, text => 'lint-prose'} } @wrong] if $line == 0;
        return $allowed{"$line $name"} || grep { $line >= $_->[0] && $line <= $_->[1] } @off;
    };
}

sub line_at {
    my ($lines, $offset) = @_;
    my $line = $lines->[0][1];
    for (@$lines) {
        last if $_->[0] > $offset;
        $line = $_->[1];
    }
    return $line;
}

# Joins lines of one paragraph, and remembers which offset came from which line. Code in backticks is blanked.
sub paragraph {
    my ($kind, @numbered) = @_;
    my ($words, @lines) = ('');
    for (@numbered) {
        my ($number, $line) = @$_;
        $line =~ s/^\s+|\s+$//g;
        $words .= ' ' if length $words;
        push @lines, [length $words, $number];
        $words .= $line;
    }
    $words =~ s/(`+)(.+?)\1/'`' . ('x' x (length($2) + 2 * length($1) - 2)) . '`'/ge;
    $words =~ s/(\]\()([^)]*)(\))/$1 . ('x' x length($2)) . $3/ge;
    return [$kind, $words, \@lines];
}

# Paragraphs, list items and table cells of Markdown.
sub markdown {
    my ($text) = @_;
    my (@pieces, @open, $fence, $in_list);
    my $number = 0;
    my $flush = sub { push @pieces, paragraph('prose', @open) if @open; @open = () };
    for my $line (split /\n/, $text, -1) {
        $number++;
        if ($line =~ /^\s*(```|~~~)/) { $flush->(); $fence = !$fence; next }
        next if $fence;
        if ($line =~ /^\s*$/) { $flush->(); next }
        $in_list = 0 if $line =~ /^\S/;
        if (!@open && !$in_list && $line =~ /^    /) { next }
        $line =~ s/<!--.*?-->//g;
        if ($line =~ /^\s*\|/) {
            $flush->();
            (my $cells = $line) =~ s/\\\|/xx/g;
            push @pieces, map { paragraph('prose', [$number, $_]) } grep { /\w/ } split /\|/, $cells;
        } elsif ($line =~ /^\s*#+ /) {
            $flush->();
            (my $title = $line) =~ s/^\s*#+ //;
            push @pieces, paragraph('prose', [$number, $title]);
        } elsif ($line =~ /^\s*(?:[-*+]|\d+\.) +(.*)/) {
            $flush->();
            $in_list = 1;
            push @open, [$number, $1];
        } else {
            push @open, [$number, $line];
        }
    }
    $flush->();
    return @pieces;
}

# Comments, strings, names in backticks and the code between them, of Swift, C and protobuf.
sub code {
    my ($text) = @_;
    my (@pieces, @comment, $comment_kind);
    my ($number, $last_comment) = (1, 0);
    my $flush = sub { push @pieces, comment($comment_kind, @comment) if @comment; @comment = () };
    my (@string, $plain);
    my $flush_string = sub {
        if (@string) {
            my $words = join '', map { $_->[1] } @string;
            my ($at, @lines) = (0);
            for (@string) { push @lines, [$at, $_->[0]]; $at += length $_->[1] }
            $words =~ s/`[^`]*`/'`' . ('x' x (length($&) - 2)) . '`'/ge;
            push @pieces, ['prose', $words, \@lines] if $words =~ /[A-Za-z]{2,}[,;:.]? [A-Za-z]{1,}/;
        }
        @string = ();
    };
    my $interpolation = qr/\\\((?:[^()"\n]|"(?:[^"\\\n]|\\.)*"|\((?:[^()"\n]|"(?:[^"\\\n]|\\.)*"|\((?:[^()\n])*\))*\))*\)/;
    pos($text) = 0;
    while (pos($text) < length $text) {
        if ($text =~ /\G(\/\/\/?)([^\n]*)/gc) {
            my ($slashes, $words) = ($1, $2);
            my $kind = $slashes eq '///' ? 'doc' : 'prose';
            $flush->() if $number != $last_comment + 1 || !@comment || $comment_kind ne $kind;
            $comment_kind = $kind;
            push @comment, [$number, $words];
            $last_comment = $number;
        } elsif ($text =~ /\G\/\*(.*?)\*\//gcs) {
            $flush->();
            my ($body, $at, @lines) = ($1, $number);
            for (split /\n/, $body, -1) { s/^\s*\*//; push @lines, [$at++, $_] }
            push @pieces, comment('prose', @lines);
            $number += $body =~ tr/\n//;
        } elsif ($text =~ /\G(#?)"""(.*?)"""\1/gcs) {
            $flush_string->();
            my ($body, $at, @open) = ($2, $number);
            for (split /\n/, $body, -1) {
                s/$interpolation/X/g;
                if (/^\s*$/ || /^ {4,}\S.*[{}=;]/) { push @pieces, paragraph('prose', @open) if @open; @open = () }
                else { push @open, [$at, $_] }
                $at++;
            }
            push @pieces, paragraph('prose', @open) if @open;
            $number += $body =~ tr/\n//;
        } elsif ($text =~ /\G#"(.*?)"#/gc || $text =~ /\G"((?:$interpolation|[^"\\\n]|\\.)*)"/gc) {
            my $body = $1;
            $body =~ s/$interpolation/X/g;
            push @string, [$number, $body];
        } elsif ($text =~ /\G`([^`\n]+)`/gc) {
            my $name = $1;
            push @pieces, ['prose', $name, [[0, $number]]] if $name =~ / /;
        } elsif ($text =~ /\G([A-Za-z_]\w*)/gc) {
            $flush_string->();
            push @pieces, ['code', $1, [[0, $number]]];
        } elsif ($text =~ /\G(\s+|\+(?!\+)|[^\s])/gc) {
            my $other = $1;
            $flush_string->() unless $other =~ /^[\s+]*$/;
            $number += $other =~ tr/\n//;
        }
    }
    $flush->();
    $flush_string->();
    return @pieces;
}

# Paragraphs of a comment. Only the first one of a doc comment is its beginning; indented lines are diagrams or code.
sub comment {
    my ($kind, @lines) = @_;
    my (@pieces, @open);
    my $first = 1;
    my $flush = sub {
        push @pieces, paragraph($kind eq 'doc' && $first ? 'doc' : 'prose', @open) if @open;
        $first = 0 if @open;
        @open = ();
    };
    for (@lines) {
        my ($number, $line) = @$_;
        if ($line =~ /^\s*$/) { $flush->() }
        elsif ($line =~ /^\s{4,}/ && !@open) { }
        elsif ($line =~ /^\s*[-*] +(?:Parameters?\b[^:]*:|\w+:)?\s*(.*)/) { $flush->(); push @open, [$number, $1] }
        elsif ($line =~ /^\s*(?:MARK|TODO):/) { }
        else { push @open, [$number, $line] }
    }
    $flush->();
    return @pieces;
}

# Comments and messages of shell, Python, Make and unit files: every line that has words, by itself or with its neighbours.
sub script {
    my ($text) = @_;
    my (@pieces, @open);
    my $number = 0;
    my $flush = sub { push @pieces, paragraph('prose', @open) if @open; @open = () };
    for my $line (split /\n/, $text, -1) {
        $number++;
        if ($line =~ /^\s*#+ ?(.*)/) { push @open, [$number, $1]; next }
        $flush->();
        while ($line =~ /"([^"]*)"|'([^']*)'/g) {
            my $words = defined $1 ? $1 : $2;
            push @pieces, paragraph('prose', [$number, $words]) if $words =~ /[A-Za-z]{2,}[,;:.]? [A-Za-z]{2,}/;
        }
        push @pieces, paragraph('prose', [$number, $1]) if $line =~ /(?:^|\s)# (.+)$/ || $line =~ /^Description=(.*)/;
    }
    $flush->();
    return @pieces;
}

# The files of scripts/lint-prose-test: each habit once with its allowance beside it, and plain ones without any finding.
sub self_test {
    my $directory = 'scripts/lint-prose-test';
    my ($failures, %covered) = (0);
    for my $file (glob "$directory/*.{swift,md,sh}") {
        my %expected;
        my $name = $file =~ s{.*/}{}r;
        open my $list, '<', "$directory/expected" or die "lint-prose: $directory/expected: $!\n";
        while (<$list>) { $expected{"$2: $3"} = 1 if /^(\Q$name\E):(\d+): ([\w-]+)$/ }
        my %found = map { ("$_->{line}: $_->{rule}{name}" => $_->{text}) } findings($file);
        for (sort keys %expected) { $failures++, print "$file:$_ is expected, and was not found\n" unless exists $found{$_} }
        for (sort keys %found) { $failures++, print "$file:$_ was found in \"$found{$_}\", and is not expected\n" unless $expected{$_} }
        $covered{$_} = 1 for map { /: (.*)/ } keys %expected;
    }
    for (sort keys %known) { $failures++, print "no file of $directory shows the rule $_\n" unless $covered{$_} }
    print $failures ? "lint-prose: $failures failures\n" : "lint-prose: the test of @{[scalar @rules]} rules passes\n";
    return $failures ? 1 : 0;
}
