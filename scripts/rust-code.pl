#!/usr/bin/env perl
# Prints the code lines of Rust files as FILE:LINE:TEXT: no blank lines, no comment lines, no `#[cfg(test)]` items.
# It leans on rustfmt: an item's closing brace stands in the column where the item began.
use strict;
use warnings;

for my $file (@ARGV) {
    open my $in, '<', $file or die "$file: $!\n";
    my $test_item;    # the indentation of the test item being skipped
    while (my $line = <$in>) {
        chomp $line;
        if (defined $test_item) {
            undef $test_item if $line =~ /^\Q$test_item\E(?:\}|[^\s#\/}].*(?:;|\{.*\})$)/;
            next;
        }
        if ($line =~ /^(\s*)#\[cfg\(test\)\]/) {
            $test_item = $1;
            next;
        }
        next if $line =~ m{^\s*(?://|$)};
        print "$file:$.:$line\n";
    }
    close $in;
}
