# Perl DBD::Pg.
#
# Mode: AutoCommit=1 or AutoCommit=0, and pg_server_prepare=0 or 1, with a
# comma between.
use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));
use DBI;
use DBD::Pg qw(:pg_types :async);

use constant {
	STATE => 'select c_state()',
	CANCEL_AFTER_S => 0.5,
	NOTIFY_BOUND_S => 10,
};
my @drops = (
	'drop table table_c',
	'alter table table_c drop column b_id, drop column a_id',
	'alter table table_c drop constraint c_b, drop constraint c_a',
);

my ($conninfo, $mode, @asked) = @ARGV;
my %mode = map { split /=/ } split /,/, $mode;
my $autocommit = $mode{AutoCommit};
my @notices;

sub connection {
	my ($with_autocommit) = @_;
	my %fields = map { split /=/ } split / /, $conninfo;
	my $user = delete $fields{user};
	my $source = join ';', map { "$_=$fields{$_}" } sort keys %fields;
	my $dbh = DBI->connect("dbi:Pg:$source", $user, '', {
		AutoCommit => $with_autocommit,
		RaiseError => 1,
		PrintError => 0,
		PrintWarn => 0,
		pg_enable_utf8 => 1,
	});
	$dbh->{pg_server_prepare} = $mode{pg_server_prepare};
	return $dbh;
}

$SIG{__WARN__} = sub { push @notices, $1 if $_[0] =~ /NOTICE:\s+(.*)/ };
my $dbh = connection($autocommit);

sub end { $dbh->commit unless $dbh->{AutoCommit}; return }
sub undo { $dbh->rollback unless $dbh->{AutoCommit}; return }
sub value { return ($dbh->selectrow_array(@_))[0] }
sub state_of_c { return value(STATE) }

sub quiet_c {
	value('select fresh_c()');
	end();
	return;
}

sub count_and_sum {
	my ($table) = @_;
	my ($count, $sum) = $dbh->selectrow_array(
		"select count(*), sum(id) from $table");
	return "$count rows, sum $sum";
}

# The error's SQLSTATE and fields.
sub refusal {
	my ($text) = @_;
	if (eval { $dbh->do($text); 1 }) {
		die "no error: $text";
	}
	my %told = (sqlstate => $dbh->state, map {
		$_ => $dbh->pg_error_field("$_") # it writes to what it is given
	} qw(constraint_name message_detail message_primary
		statement_position));
	undo();
	return \%told;
}

# A transaction of the application's, whatever the mode.
sub transaction {
	my ($is_kept, $work) = @_;
	$dbh->begin_work if $dbh->{AutoCommit};
	if (!eval { $work->(); 1 }) {
		my $state = $dbh->state;
		$dbh->rollback;
		die "$state\n";
	}
	$is_kept ? $dbh->commit : $dbh->rollback;
	return;
}

# pg_cancel is for statements that run asynchronously.
sub canceled {
	my ($text) = @_;
	$dbh->do($text, {pg_async => PG_ASYNC});
	select undef, undef, undef, CANCEL_AFTER_S;
	eval { $dbh->pg_cancel };
	my $state = $dbh->state;
	undo();
	return $state;
}

sub at {
	my $told = refusal(@_);
	return "$told->{sqlstate} at $told->{statement_position}";
}

sub in_transaction {
	my ($text, $is_kept) = @_;
	quiet_c();
	transaction($is_kept, sub { $dbh->do($text) });
	return state_of_c();
}

sub round_of {
	my ($form) = @_;
	my $done = eval {
		if ($form == 0) {
			$dbh->do($drops[0]);
			end();
		} elsif ($form == 3) {
			$dbh->prepare($drops[0], {pg_prepare_now => 1})->execute;
			end();
		} else {
			transaction(1, sub { $dbh->do($drops[$form]) });
		}
		1;
	};
	return 'done' if $done;
	my $state = $@ =~ /^(\w{5})$/ ? $1 : $dbh->state;
	undo();
	return $state;
}

my %steps = (
	version => sub { return $DBD::Pg::VERSION },
	connect => sub { return value('select current_user') },
	simple => sub {
		return join ' ',
			$dbh->selectrow_array("select 1 as one, 'two' as two");
	},
	prepared => sub {
		my $square = $dbh->prepare('select ?::int * ?::int');
		my @values;
		for my $i (2, 3, 4) {
			transaction(1, sub {
				$square->execute($i, $i);
				push @values, $square->fetchrow_array;
			});
		}
		return "@values";
	},
	parameters => sub {
		my $statement = $dbh->prepare(
			'select ?::int4, ?::text, ?::text, ?::bytea, ?::int4[]');
		$statement->bind_param(1, 42);
		$statement->bind_param(2, "Zoë's \"x\\y\"");
		$statement->bind_param(3, undef);
		$statement->bind_param(4, "\x00\xff\x27",
			{pg_type => PG_BYTEA});
		$statement->bind_param(5, [1, undef, 3]);
		$statement->execute;
		my @row = $statement->fetchrow_array;
		$row[2] //= 'NULL';
		$row[3] = unpack 'H*', $row[3];
		$row[4] = '{' . join(',', map { $_ // 'NULL' } @{$row[4]}) . '}';
		return "@row";
	},
	cursor => sub {
		my ($count, $sum) = (0, 0);
		transaction(1, sub {
			$dbh->do('declare c cursor for '
				. 'select generate_series(1, 2000)');
			while (1) {
				my $rows = $dbh->selectcol_arrayref(
					'fetch 100 from c');
				last unless @$rows;
				$count += @$rows;
				$sum += $_ for @$rows;
			}
		});
		return "$count rows, sum $sum";
	},
	copy_in => sub {
		$dbh->do('copy copied from stdin');
		$dbh->pg_putcopydata("$_\tname $_\n") for 1 .. 5000;
		$dbh->pg_putcopyend;
		return count_and_sum('copied');
	},
	copy_out => sub {
		my ($lines, $bytes) = (0, 0);
		$dbh->do('copy copied to stdout');
		while (1) {
			my $row = ''; # a used one keeps its first length
			last if $dbh->pg_getcopydata($row) < 0;
			$lines++;
			$bytes += length $row;
		}
		return "$lines lines, $bytes bytes";
	},
	copy_error => sub {
		$dbh->do('copy copied from stdin');
		$dbh->pg_putcopydata("1\tx\nbad\ty\n");
		eval { $dbh->pg_putcopyend };
		my $state = $dbh->state;
		undo();
		return "$state, then " . value('select 1');
	},
	batch => sub {
		my $insert = $dbh->prepare('insert into batched values (?)');
		$insert->execute_array({}, [1 .. 100]);
		return count_and_sum('batched');
	},
	notify => sub {
		my @heard;
		my $other = connection(1);
		$dbh->do('listen told');
		end();
		$other->do("notify told, 'amid'");
		my $told;
		until ($told = $dbh->pg_notifies) {
			value('select 1');
			end();
		}
		push @heard, $told->[2];
		$other->do("notify told, 'idle'");
		for (1 .. NOTIFY_BOUND_S * 10) {
			last if $told = $dbh->pg_notifies;
			select undef, undef, undef, 0.1;
		}
		push @heard, $told->[2];
		$other->disconnect;
		$dbh->do('unlisten told');
		return "@heard";
	},
	notice => sub {
		quiet_c();
		local $dbh->{PrintWarn} = 1;
		@notices = ();
		transaction(0, sub { $dbh->do('drop table table_a cascade') });
		return "@notices";
	},
	cancel => sub {
		my $told = canceled('select pg_sleep(60)');
		return "$told, then " . value('select 1');
	},
	cancel_drop => sub {
		quiet_c();
		my $holder = connection(0);
		$holder->selectall_arrayref('select * from table_a');
		my $told = canceled($drops[0]);
		$holder->disconnect;
		return "$told, then " . state_of_c();
	},
	unique => sub {
		my $told = refusal("insert into items values (2, 'one')");
		return join ' ',
			@$told{qw(sqlstate constraint_name message_detail)};
	},
	syntax => sub { return at('select * form items') },
	syntax_drop => sub { return at('drop table if exits table_c') },
	missing_drop => sub {
		quiet_c();
		my $told = refusal('drop table table_c, nosuch');
		return "$told->{sqlstate} $told->{message_primary}, then "
			. state_of_c();
	},
	restrict_drop => sub {
		quiet_c();
		my $told = refusal('drop table table_a');
		return "$told->{sqlstate} $told->{message_detail}";
	},
	transactions => sub {
		my $insert = 'insert into items values (?, ?)';
		transaction(1, sub { $dbh->do($insert, {}, 10, 'ten') });
		transaction(0, sub { $dbh->do($insert, {}, 11, 'eleven') });
		transaction(1, sub {
			$dbh->do($insert, {}, 12, 'twelve');
			$dbh->pg_savepoint('s');
			$dbh->do($insert, {}, 13, 'thirteen');
			$dbh->pg_rollback_to('s');
		});
		return value(q{select string_agg(id::text, ' ' order by id)
			from items where id between 10 and 13});
	},
	failed => sub {
		my @told;
		transaction(0, sub {
			for my $text ('select 1 / 0', 'select 1') {
				eval { $dbh->do($text) };
				push @told, $dbh->state;
			}
		});
		return "@told, then " . value('select 1');
	},
	drop => sub {
		quiet_c();
		$dbh->do($drops[0]);
		end();
		return state_of_c();
	},
	drop_column => sub { return in_transaction($drops[1], 1) },
	drop_undone => sub { return in_transaction($drops[1], 0) },
	drop_constraint => sub { return in_transaction($drops[2], 1) },
	drop_prepared => sub {
		my @told;
		my $dropper = $dbh->prepare($drops[0], {pg_prepare_now => 1});
		for (1 .. 2) {
			quiet_c();
			$dropper->execute;
			end();
			push @told, state_of_c();
		}
		return "@told";
	},
	drop_script => sub {
		quiet_c();
		$dbh->do('begin; drop table table_c; commit');
		return state_of_c();
	},
	loaded => sub {
		my ($rounds) = @_;
		my %ended;
		for my $i (0 .. $rounds - 1) {
			value('select make_c()');
			end();
			$ended{round_of($i % 4)}++;
			value('select remove_c()');
			end();
		}
		return join ', ', map { "$ended{$_} $_" } sort keys %ended;
	},
);

for my $step (@asked) {
	my ($name, @arguments) = split /:/, $step;
	my $told = eval { $steps{$name}->(@arguments) };
	if (!defined $told) {
		$told = "unexpected $@" =~ s/\n/ /gr;
		undo();
	}
	end();
	print "$name\t$told\n";
}
$dbh->disconnect;
