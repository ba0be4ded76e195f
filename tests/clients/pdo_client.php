<?php
/*
 * PHP PDO.  Mode: native or emulated, for its prepared statements.
 *
 * PDO cannot cancel; what it has against long statements is
 * statement_timeout, so that is what the steps use.
 */
declare(strict_types=1);
error_reporting(E_ALL);

const STATE = 'select c_state()';
const DROPS = [
	'drop table table_c',
	'alter table table_c drop column b_id, drop column a_id',
	'alter table table_c drop constraint c_b, drop constraint c_a',
];
const NOTIFY_BOUND_MS = 10000;

class Steps
{
	private PDO $pdo;

	public function __construct(private string $conninfo,
		private bool $isEmulated)
	{
		$this->pdo = $this->open();
	}

	private function open(): PDO
	{
		$pdo = new PDO('pgsql:' . strtr($this->conninfo, ' ', ';'));
		$pdo->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
		$pdo->setAttribute(PDO::ATTR_EMULATE_PREPARES, $this->isEmulated);
		return $pdo;
	}

	private function row(string $text, array $values = []): array
	{
		$statement = $this->pdo->prepare($text);
		$statement->execute($values);
		return $statement->fetch(PDO::FETCH_NUM);
	}

	private function value(string $text): string
	{
		return (string)$this->row($text)[0];
	}

	/* Extended messages, unless emulated; exec() is always simple. */
	private function run(string $text, array $values = []): void
	{
		$this->pdo->prepare($text)->execute($values);
	}

	private function quietC(): void
	{
		$this->row('select fresh_c()');
	}

	private function countAndSum(string $table): string
	{
		return vsprintf('%d rows, sum %d',
			$this->row("select count(*), sum(id) from $table"));
	}

	/* SQLSTATE and text: all that PDO has of an error. */
	private function refusal(string $text): array
	{
		try {
			$this->run($text);
		} catch (PDOException $problem) {
			return [$problem->errorInfo[0], $problem->errorInfo[2]];
		}
		throw new LogicException("no error: $text");
	}

	private static function part(string $pattern, string $text): string
	{
		return preg_match($pattern, $text, $found) ? $found[1] : '';
	}

	private function transaction(bool $isKept, callable $work): void
	{
		$this->pdo->beginTransaction();
		try {
			$work();
		} catch (PDOException $problem) {
			$this->pdo->rollBack();
			throw $problem;
		}
		if ($isKept)
			$this->pdo->commit();
		else
			$this->pdo->rollBack();
	}

	private function canceled(string $text): string
	{
		$this->pdo->exec("set statement_timeout = '500ms'");
		[$state] = $this->refusal($text);
		$this->pdo->exec('reset statement_timeout');
		return $state;
	}

	private function at(string $text): string
	{
		[$state, $message] = $this->refusal($text);
		$caret = self::part('/^( *)\^$/m', $message);
		$position = strlen($caret) - strlen('LINE 1: ') + 1;
		return "$state at $position";
	}

	private function inTransaction(string $text, bool $isKept): string
	{
		$this->quietC();
		$this->transaction($isKept, fn() => $this->run($text));
		return $this->value(STATE);
	}

	private function round(int $form): string
	{
		try {
			if ($form === 0)
				$this->pdo->exec(DROPS[0]);
			elseif ($form === 3)
				$this->run(DROPS[0]);
			else
				$this->transaction(true,
					fn() => $this->run(DROPS[$form]));
			return 'done';
		} catch (PDOException $problem) {
			return $problem->errorInfo[0];
		}
	}

	/* -- steps ------------------------------------------------------- */

	public function version(): string
	{
		return 'PHP ' . PHP_VERSION . ', libpq '
			. $this->pdo->getAttribute(PDO::ATTR_CLIENT_VERSION);
	}

	public function connect(): string
	{
		return $this->value('select current_user');
	}

	public function simple(): string
	{
		return implode(' ', $this->pdo->query(
			"select 1 as one, 'two' as two")->fetch(PDO::FETCH_NUM));
	}

	public function prepared(): string
	{
		$values = [];
		$square = $this->pdo->prepare('select ?::int * ?::int');
		foreach ([2, 3, 4] as $i)
			$this->transaction(true, function () use ($square, $i,
				&$values) {
				$square->execute([$i, $i]);
				$values[] = $square->fetchColumn();
			});
		return implode(' ', $values);
	}

	public function parameters(): string
	{
		$statement = $this->pdo->prepare(
			'select ?::int4, ?::text, ?::text, ?::bytea, ?::int4[]');
		$statement->bindValue(1, 42, PDO::PARAM_INT);
		$statement->bindValue(2, 'Zoë\'s "x\\y"');
		$statement->bindValue(3, null, PDO::PARAM_NULL);
		$statement->bindValue(4, "\x00\xff\x27", PDO::PARAM_LOB);
		$statement->bindValue(5, '{1,NULL,3}');
		$statement->execute();
		$row = $statement->fetch(PDO::FETCH_NUM);
		$row[2] ??= 'NULL';
		$row[3] = bin2hex(stream_get_contents($row[3]));
		return implode(' ', $row);
	}

	public function cursor(): string
	{
		$values = [];
		$this->transaction(true, function () use (&$values) {
			$cursor = $this->pdo->prepare(
				'select generate_series(1, 2000)',
				[PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
			$cursor->execute();
			while (($row = $cursor->fetch(PDO::FETCH_NUM)))
				$values[] = $row[0];
		});
		return count($values) . ' rows, sum ' . array_sum($values);
	}

	public function copy_in(): string
	{
		$rows = array_map(fn($i) => "$i\tname $i\n", range(1, 5000));
		$this->pdo->pgsqlCopyFromArray('copied', $rows);
		return $this->countAndSum('copied');
	}

	public function copy_out(): string
	{
		$rows = $this->pdo->pgsqlCopyToArray('copied');
		return count($rows) . ' lines, '
			. strlen(implode('', $rows)) . ' bytes';
	}

	public function copy_error(): string
	{
		try {
			$this->pdo->pgsqlCopyFromArray('copied',
				["1\tx\n", "bad\ty\n"]);
		} catch (PDOException $problem) {
			return $problem->errorInfo[0] . ', then '
				. $this->value('select 1');
		}
		return 'no error';
	}

	public function notify(): string
	{
		$other = $this->open();
		$this->pdo->exec('listen told');
		$other->exec("notify told, 'amid'");
		while (!($told = $this->pdo->pgsqlGetNotify(PDO::FETCH_ASSOC)))
			$this->value('select 1');
		$heard = [$told['payload']];
		$other->exec("notify told, 'idle'");
		$told = $this->pdo->pgsqlGetNotify(PDO::FETCH_ASSOC,
			NOTIFY_BOUND_MS);
		$heard[] = $told['payload'];
		$this->pdo->exec('unlisten told');
		return implode(' ', $heard);
	}

	public function cancel(): string
	{
		return $this->canceled('select pg_sleep(60)') . ', then '
			. $this->value('select 1');
	}

	public function cancel_drop(): string
	{
		$this->quietC();
		$holder = $this->open();
		$holder->beginTransaction();
		$holder->query('select * from table_a');
		$told = $this->canceled(DROPS[0]);
		$holder->rollBack();
		return "$told, then " . $this->value(STATE);
	}

	public function unique(): string
	{
		[$state, $message] = $this->refusal(
			"insert into items values (2, 'one')");
		return implode(' ', [$state,
			self::part('/constraint "(\w+)"/', $message),
			self::part('/DETAIL:  (.*)/', $message)]);
	}

	public function syntax(): string
	{
		return $this->at('select * form items');
	}

	public function syntax_drop(): string
	{
		return $this->at('drop table if exits table_c');
	}

	public function missing_drop(): string
	{
		$this->quietC();
		[$state, $message] = $this->refusal('drop table table_c, nosuch');
		return "$state " . self::part('/ERROR:  (.*)/', $message)
			. ', then ' . $this->value(STATE);
	}

	public function restrict_drop(): string
	{
		$this->quietC();
		[$state, $message] = $this->refusal('drop table table_a');
		return "$state " . self::part('/DETAIL:  (.*)/', $message);
	}

	public function transactions(): string
	{
		$insert = 'insert into items values (?, ?)';
		$this->transaction(true, fn() => $this->run($insert, [10, 'ten']));
		$this->transaction(false,
			fn() => $this->run($insert, [11, 'eleven']));
		$this->transaction(true, function () use ($insert) {
			$this->run($insert, [12, 'twelve']);
			$this->pdo->exec('savepoint s');
			$this->run($insert, [13, 'thirteen']);
			$this->pdo->exec('rollback to savepoint s');
		});
		return $this->value("select string_agg(id::text, ' ' order by id)"
			. ' from items where id between 10 and 13');
	}

	public function failed(): string
	{
		$told = [];
		$this->transaction(false, function () use (&$told) {
			foreach (['select 1 / 0', 'select 1'] as $text)
				$told[] = $this->refusal($text)[0];
		});
		return implode(' ', $told) . ', then ' . $this->value('select 1');
	}

	public function drop(): string
	{
		$this->quietC();
		$this->run(DROPS[0]);
		return $this->value(STATE);
	}

	public function drop_column(): string
	{
		return $this->inTransaction(DROPS[1], true);
	}

	public function drop_undone(): string
	{
		return $this->inTransaction(DROPS[1], false);
	}

	public function drop_constraint(): string
	{
		return $this->inTransaction(DROPS[2], true);
	}

	public function drop_prepared(): string
	{
		$told = [];
		$dropper = $this->pdo->prepare(DROPS[0]);
		for ($i = 0; $i < 2; $i++) {
			$this->quietC();
			$dropper->execute();
			$told[] = $this->value(STATE);
		}
		return implode(' ', $told);
	}

	public function drop_script(): string
	{
		$this->quietC();
		$this->pdo->exec('begin; drop table table_c; commit');
		return $this->value(STATE);
	}

	public function loaded(string $rounds): string
	{
		$ended = [];
		for ($i = 0; $i < (int)$rounds; $i++) {
			$this->row('select make_c()');
			$how = $this->round($i % 4);
			$ended[$how] = ($ended[$how] ?? 0) + 1;
			$this->row('select remove_c()');
		}
		return implode(', ', array_map(fn($how) => "$ended[$how] $how",
			array_keys($ended)));
	}
}

[, $conninfo, $mode] = $argv;
$steps = new Steps($conninfo, $mode === 'emulated');
foreach (array_slice($argv, 3) as $step) {
	[$name, $argument] = explode(':', $step) + [1 => null];
	try {
		$told = $argument === null ? $steps->$name()
			: $steps->$name($argument);
	} catch (PDOException $problem) {
		$told = 'unexpected ' . strtr($problem->getMessage(), "\n", ' ');
	}
	echo "$name\t$told\n";
}
