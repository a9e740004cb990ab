import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from feature_jobs.declaration.spark_functions import ALLOWED
from feature_jobs.declaration.sql import generated, referenced_columns, validate_expression

SCHEMA = (
    "amount double, hour int, card_id bigint, event_time timestamp, mean_7d double, email string,"
    " `first seen` timestamp, `größe` double"
)
COLUMNS = [
    "amount", "hour", "card_id", "event_time", "mean_7d", "email", "first seen", "größe"
]  # fmt: skip
LISTED = "amount, card_id, email, event_time, first seen, größe, hour, mean_7d"
LABEL = "is the label, which is not known when the row happens"
FORBIDDEN = {"is_fraud": LABEL, "known_time": "is when the label was known"}

MANY_ROWS = "reads many rows, and an expression reads one; declare it in [[features.windows]]"
ANOTHER_RUN = "may differ from run to run; use the columns of the row"
SEVERAL_ROWS = "makes several rows of one; leave it out"
QUERY = "is part of a query, and an expression reads one row; leave it out"
PARAMETER = "is a parameter, and nothing fills it in; write the value"
ELSEWHERE = "does not belong here; correct it there"


def problems(sql: str) -> list[str]:
    return validate_expression(sql, columns=COLUMNS, forbidden=FORBIDDEN)


GOOD = [
    "amount",
    "AMOUNT + Mean_7d",
    "`amount` / `Mean_7D`",
    "date_diff(event_time, `first seen`)",
    "`größe` * 2",
    "amount / greatest(mean_7d, 1)",
    "least(amount, mean_7d, 3.5)",
    "coalesce(amount, 0)",
    "if(amount > 100, 1, 0)",
    "case when amount > 100 then 1 when hour < 6 then 2 else 0 end",
    "case hour when 0 then 1 end",
    "weekday(event_time) >= 5",
    "hour",
    "hour(event_time)",
    "extract(hour from event_time)",
    "ln(abs(amount) + 1)",
    "nullif(amount, 0)",
    "amount between 1 and 10",
    "amount not between 1 and 10",
    "hour in (0, 1, 2)",
    "hour not in (0, 1)",
    "cast(amount as decimal(10, 2))",
    "try_cast(email as double)",
    "amount::double",
    "hour::string::int",
    "date_trunc('day', event_time)",
    "trunc(event_time, 'month')",
    "event_time - interval 1 day",
    "event_time - interval '1 2' day to hour",
    "datediff(DAY, event_time, `first seen`)",
    "timestampdiff(HOUR, event_time, `first seen`)",
    "dateadd(HOUR, 1, event_time)",
    "date_add(event_time, 1)",
    "event_time > timestamp '2025-01-01'",
    "to_date('2025-01-01')",
    "unix_timestamp(event_time)",
    "substring(email, 1, 3)",
    "substring(email from 1 for 3)",
    "position('@' in email) > 0",
    "trim(both ' ' from email)",
    "overlay(email placing 'x' from 1 for 2)",
    "email rlike '^[a-z]+@'",
    "email not rlike 'x'",
    "email like 'a%' escape '/'",
    "email ilike 'A%'",
    "email like any ('a%', 'b%')",
    "email not like all ('a%', 'b%')",
    "concat(email, '-', hour)",
    "email || 'x' || hour",
    'email = "user"',
    "email = 'current_date'",
    "email = 'is_fraud; rand() :x ? * nowhere'",
    r"email rlike r'\d+$'",
    "not (amount > 1 and hour < 3 or hour is null)",
    "amount is not null",
    "!(amount > 1)",
    "amount <=> mean_7d",
    "amount is distinct from mean_7d",
    "amount == 1",
    "amount != 1 and amount <> 2",
    "card_id % 10 + card_id div 10",
    "-hour & ~hour | hour ^ 3",
    "1e3 + 1.5BD + 2L + 1.5F + .5",
    "null",
    "true",
    "split(email, '@')[0]",
    "element_at(map('a', amount), 'a')",
    "transform(split(email, ''), x -> length(x) + hour)",
    "aggregate(array(1, 2), 0, (acc, x) -> acc + x)",
    "exists(array(amount), x -> x > mean_7d)",
    "size(filter(array(amount), Amount -> Amount > 1))",
    "named_struct('a', amount).a",
    "named_struct('user', amount).user",
    "struct(amount as a).a",
    "mask(email, lowerChar => 'x')",
    "cast(null as struct<a: int, b: array<string>>).a",
    "xxhash64(email) % 100",
    "try_divide(amount, mean_7d)",
    "round(amount, 2) = bround(amount, 2)",
    "(((amount)))",
]


@pytest.mark.parametrize("sql", GOOD)
def test_a_good_expression_has_no_problems(sql: str) -> None:
    assert problems(sql) == []


def test_spark_accepts_every_good_expression(spark: SparkSession) -> None:
    rows = spark.createDataFrame([], SCHEMA)
    assert len(rows.selectExpr(*GOOD).columns) == len(GOOD)


def test_a_function_that_is_not_on_the_list_is_refused_with_what_may_be_meant() -> None:
    assert problems("1 + score_of_2031(amount)") == [
        "position 5: score_of_2031() is not a function that an expression may call; "
        "feature_jobs/declaration/spark_functions.py lists those"
    ]
    assert problems("grestest(amount, 1)") == [
        "position 1: grestest() is not a function that an expression may call; "
        "did you mean 'greatest' or 'degrees'?"
    ]


def functions_of_spark(spark: SparkSession) -> dict[str, str]:
    """The Java class of each function whose name is a word."""
    # No public call tells an aggregate from a scalar function.
    java, catalog = spark._jvm, spark._jsparkSession.sessionState().catalog()
    names = [row[0] for row in spark.sql("show all functions").collect()]
    identifier = java.org.apache.spark.sql.catalyst.FunctionIdentifier
    return {
        name: catalog.lookupFunctionInfo(identifier(name)).getClassName()
        for name in names
        if name.isidentifier() and name not in {"and", "or", "not", "case", "in", "like", "ilike"}
    }


def test_no_function_on_the_list_reads_more_than_the_row(spark: SparkSession) -> None:
    java, catalyst = spark._jvm, "org.apache.spark.sql.catalyst.expressions"
    kinds = [
        java.java.lang.Class.forName(f"{catalyst}.{kind}")
        for kind in (
            "aggregate.AggregateFunction",
            "WindowFunction",
            "Generator",
            "Nondeterministic",
            "ExpressionWithRandomSeed",
            "CallMethodViaReflection",
            "RaiseError",
        )
    ]
    written_in = functions_of_spark(spark)
    more = {
        name
        for name, written in written_in.items()
        if any(kind.isAssignableFrom(java.java.lang.Class.forName(written)) for kind in kinds)
    }
    assert {"sum", "lag", "stack", "rand", "shuffle", "reflect"} <= more
    assert more & ALLOWED == set()


def test_every_function_on_the_list_is_one_of_sparks(spark: SparkSession) -> None:
    # Spark's grammar, not its catalogue, has these.
    assert ALLOWED - set(functions_of_spark(spark)) == {"timestampadd", "timestampdiff", "try_cast"}


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("ln(amuont)", "position 4: no column 'amuont'; did you mean 'amount'?"),
        ("ln(`Amuont`)", "position 4: no column 'Amuont'; did you mean 'amount'?"),
        ("hour + zzz", f"position 8: no column 'zzz'; the columns are {LISTED}"),
        ("grösse", "position 1: no column 'grösse'; did you mean 'größe'?"),
        ("`größe` + 数量", f"position 11: no column '数量'; the columns are {LISTED}"),
        ("hour + Größe", "position 8: 'Größe' needs backquotes: `Größe`"),
        ("a\0b", r"position 2: '\x00' cannot be printed; leave it out"),
        ("now + 1", f"position 1: now {ANOTHER_RUN}"),
        ("amount\n  + hour\n  + hourr", "position 21: no column 'hourr'; did you mean 'hour'?"),
        ("amount\r\n+ hourr", "position 11: no column 'hourr'; did you mean 'hour'?"),
        ("case when amuont > 1 then 2 end",
         "position 11: no column 'amuont'; did you mean 'amount'?"),
        ("transform(array(amount), x -> x + amuont)",
         "position 35: no column 'amuont'; did you mean 'amount'?"),
        ("rows.amount", "position 1: 'rows.amount' has a dot; write one column's name"),
        ("1 + `rows`.`amount`", "position 5: 'rows.amount' has a dot; write one column's name"),
    ],
)  # fmt: skip
def test_a_column_that_is_not_there_is_named_with_what_to_write(sql: str, problem: str) -> None:
    assert problems(sql) == [problem]


def test_of_many_columns_twelve_are_listed() -> None:
    columns = [f"c{number:02}" for number in range(14)]
    assert validate_expression("zzz", columns=columns) == [
        "position 1: no column 'zzz'; the columns are c00, c01, c02, c03, c04, c05, c06, c07, c08,"
        " c09, c10, c11 and 2 more"
    ]


def test_without_columns_there_are_none_to_choose() -> None:
    assert validate_expression("zzz", columns=[]) == [
        "position 1: no column 'zzz'; the columns are none"
    ]


@pytest.mark.parametrize(
    ("sql", "position", "name"),
    [
        ("is_fraud", 1, "is_fraud"),
        ("IS_Fraud + 1", 1, "IS_Fraud"),
        ("1 + `Is_Fraud`", 5, "Is_Fraud"),
        ("rows.is_fraud", 6, "is_fraud"),
        ("a.b.`IS_FRAUD`", 5, "IS_FRAUD"),
        ("is_fraud.amount", 1, "is_fraud"),
        ("case when is_fraud then amount end", 11, "is_fraud"),
        # sqlglot takes these two for a unit and for a text.
        ("date_trunc(is_fraud, event_time)", 12, "is_fraud"),
        ("trunc(event_time, is_fraud)", 19, "is_fraud"),
        ("transform(array(1), x -> x + is_fraud)", 30, "is_fraud"),
        ("named_struct('a', 1).is_fraud", 22, "is_fraud"),
    ],
)
def test_the_label_is_refused_however_it_is_written(sql: str, position: int, name: str) -> None:
    assert problems(sql) == [f"position {position}: {name!r} {LABEL}; leave it out"]


def test_a_forbidden_column_is_refused_also_where_it_is_known_and_named_like_a_type() -> None:
    found = validate_expression(
        "cast(amount as date) > Date", columns=["amount", "date"], forbidden={"DATE": "is late"}
    )
    assert found == ["position 24: 'Date' is late; leave it out"]


def test_a_forbidden_column_is_not_proposed() -> None:
    found = validate_expression(
        "is_frau", columns=["amount", "is_fraud"], forbidden={"is_fraud": LABEL}
    )
    assert found == ["position 1: no column 'is_frau'; the columns are amount"]


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("sum(amount)", f"position 1: sum() {MANY_ROWS}"),
        ("amount / Max(amount)", f"position 10: max() {MANY_ROWS}"),
        ("min (amount)", f"position 1: min() {MANY_ROWS}"),
        ("count(*)", f"position 1: count() {MANY_ROWS}"),
        ("count(distinct amount)", f"position 1: count() {MANY_ROWS}"),
        ("1 + collect_list(amount)[0]", f"position 5: collect_list() {MANY_ROWS}"),
        ("approx_count_distinct(email)", f"position 1: approx_count_distinct() {MANY_ROWS}"),
        ("max_by(amount, hour)", f"position 1: max_by() {MANY_ROWS}"),
        ("first(amount)", f"position 1: first() {MANY_ROWS}"),
        ("any_value(amount)", f"position 1: any_value() {MANY_ROWS}"),
        ("any(amount > 1)", f"position 1: any() {MANY_ROWS}"),
        ("median(amount)", f"position 1: median() {MANY_ROWS}"),
        ("stddev(amount)", f"position 1: stddev() {MANY_ROWS}"),
        ("percentile(amount, 0.5)", f"position 1: percentile() {MANY_ROWS}"),
        ("percentile_approx(amount, 0.5)", f"position 1: percentile_approx() {MANY_ROWS}"),
        ("percentile_cont(0.5) within group (order by amount)",
         f"position 1: percentile_cont() {MANY_ROWS}"),
        ("sum(amount) filter (where hour > 1)", f"position 1: sum() {MANY_ROWS}"),
        ("`sum`(amount)", f"position 1: sum() {MANY_ROWS}"),
        ("system.builtin.sum(amount)", f"position 16: sum() {MANY_ROWS}"),
        ("abs(amount) over w", f"position 13: 'over' {MANY_ROWS}"),
        ("explode(array(amount))", f"position 1: explode() {SEVERAL_ROWS}"),
        ("posexplode(array(amount))", f"position 1: posexplode() {SEVERAL_ROWS}"),
        ("stack(2, amount, hour)", f"position 1: stack() {SEVERAL_ROWS}"),
        ("inline(array(struct(amount)))", f"position 1: inline() {SEVERAL_ROWS}"),
        ("json_tuple(email, 'a')", f"position 1: json_tuple() {SEVERAL_ROWS}"),
        ("window(event_time, '2 days', '1 day')", f"position 1: window() {SEVERAL_ROWS}"),
        ("amount * rand()", f"position 10: rand() {ANOTHER_RUN}"),
        ("rand(42)", f"position 1: rand() {ANOTHER_RUN}"),
        ("`rand`()", f"position 1: rand() {ANOTHER_RUN}"),
        ("RANDN()", f"position 1: randn() {ANOTHER_RUN}"),
        ("random()", f"position 1: random() {ANOTHER_RUN}"),
        ("uuid()", f"position 1: uuid() {ANOTHER_RUN}"),
        ("shuffle(array(1, 2))", f"position 1: shuffle() {ANOTHER_RUN}"),
        ("now()", f"position 1: now() {ANOTHER_RUN}"),
        ("event_time < current_timestamp()", f"position 14: current_timestamp() {ANOTHER_RUN}"),
        ("event_time < current_timestamp", f"position 14: current_timestamp {ANOTHER_RUN}"),
        ("event_time < Current_Date", f"position 14: current_date {ANOTHER_RUN}"),
        ("current_time", f"position 1: current_time {ANOTHER_RUN}"),
        ("localtimestamp()", f"position 1: localtimestamp() {ANOTHER_RUN}"),
        ("current_timezone()", f"position 1: current_timezone() {ANOTHER_RUN}"),
        ("unix_timestamp ( )", f"position 1: unix_timestamp() {ANOTHER_RUN}"),
        ("email = current_user", f"position 9: current_user {ANOTHER_RUN}"),
        ("user", f"position 1: user {ANOTHER_RUN}"),
        ("current_database()", f"position 1: current_database() {ANOTHER_RUN}"),
        ("monotonically_increasing_id()",
         f"position 1: monotonically_increasing_id() {ANOTHER_RUN}"),
        ("spark_partition_id()", f"position 1: spark_partition_id() {ANOTHER_RUN}"),
        ("input_file_name()", f"position 1: input_file_name() {ANOTHER_RUN}"),
        ("input_file_block_start()", f"position 1: input_file_block_start() {ANOTHER_RUN}"),
        ("version()", f"position 1: version() {ANOTHER_RUN}"),
        ("reflect('java.lang.System', 'exit')",
         "position 1: reflect() runs Java code; leave it out"),
        ("java_method('a', 'b')", "position 1: java_method() runs Java code; leave it out"),
        ("try_reflect('a', 'b')", "position 1: try_reflect() runs Java code; leave it out"),
        ("identifier('is_fraud')",
         "position 1: identifier() takes a name out of a text; write the name itself"),
    ],
)  # fmt: skip
def test_a_function_that_reads_more_than_the_row_is_refused(sql: str, problem: str) -> None:
    assert problems(sql) == [problem]


def test_a_column_may_have_the_name_of_a_function() -> None:
    names = ["user", "count", "window", "version", "max"]
    assert validate_expression("user + count + window + version + max", columns=names) == []


@pytest.mark.parametrize(
    ("sql", "position", "text"),
    [
        ("event_time > 'now'", 14, "now"),
        ("date'today'", 5, "today"),
        ("to_date(' Tomorrow ')", 9, " Tomorrow "),
        ("cast('yesterday UTC' as timestamp)", 6, "yesterday UTC"),
        ('hour("now")', 6, "now"),
        ("event_time > r'now'", 14, "now"),
    ],
)
def test_a_text_that_spark_takes_for_the_clock_is_refused(
    sql: str, position: int, text: str
) -> None:
    assert problems(sql) == [f"position {position}: {text!r} can stand for the clock; leave it out"]


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("(select 1)", f"position 2: 'select' {QUERY}"),
        ("amount > (SELECT abs(x) FROM t)", f"position 11: 'SELECT' {QUERY}"),
        ("exists (select zzz from t)", f"position 9: 'select' {QUERY}"),
        ("hour in (select 1)", f"position 10: 'select' {QUERY}"),
        ("(from t select a)", f"position 9: 'select' {QUERY}"),
        ("(values 1)", f"position 2: 'values' {QUERY}"),
        (":low", f"position 1: ':' {PARAMETER}"),
        ("amount > :low", f"position 10: ':' {PARAMETER}"),
        ("amount > ?", f"position 10: '?' {PARAMETER}"),
        ("email = '?' or amount > ?", f"position 25: '?' {PARAMETER}"),
        ("amount > {low}", f"position 10: '{{' {PARAMETER}"),
        ("amount > ${low}", f"position 10: '${{' {PARAMETER}"),
        ("email = '${env:HOME}'", f"position 10: '${{' {PARAMETER}"),
        ("*", "position 1: '*' stands for many columns; name one"),
        ("struct(*)", "position 8: '*' stands for many columns; name one"),
        ("rows.*", "position 6: '*' stands for many columns; name one"),
        ("(amount as b)", "position 12: 'b' is an alias; leave it out"),
        ("(amount, hour)", "position 1: several values in parentheses; write one expression"),
    ],
)
def test_what_is_not_an_expression_over_one_row_is_refused(sql: str, problem: str) -> None:
    assert problems(sql) == [problem]


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("", "position 1: the expression is empty; write one, such as amount / 2"),
        (" \n\t", "position 1: the expression is empty; write one, such as amount / 2"),
        ("-- amount", "position 1: a comment; leave it out"),
        ("ln(amount",
         "position 4: cannot be parsed: expecting ) near 'amount'; correct it there"),
        ("amount +",
         "position 8: cannot be parsed: a value is missing near '+'; correct it there"),
        ("amount )", f"position 8: cannot be parsed: ')' {ELSEWHERE}"),
        ("amount, hour", f"position 7: cannot be parsed: ',' {ELSEWHERE}"),
        ("amount AS b", f"position 8: cannot be parsed: 'AS' {ELSEWHERE}"),
        ("amount b", f"position 8: cannot be parsed: 'b' {ELSEWHERE}"),
        ("amount\n  + hour\n  hourr", f"position 19: cannot be parsed: 'hourr' {ELSEWHERE}"),
        ("'two\nlines' hour x", f"position 13: cannot be parsed: 'hour' {ELSEWHERE}"),
        ("SELECT 1", f"position 1: cannot be parsed: 'SELECT' {ELSEWHERE}"),
        ("  DROP TABLE x", f"position 3: cannot be parsed: 'DROP' {ELSEWHERE}"),
        ("amount from rows", f"position 8: cannot be parsed: 'from' {ELSEWHERE}"),
        ("else 1", "position 1: cannot be parsed: 'else' does not belong here; leave it out"),
        ("if amount then 1", "position 1: 'if' needs parentheses: if(condition, a, b)"),
        ("1; DROP TABLE x", "position 2: ';' ends a statement; write one expression"),
        ("amount;", "position 7: ';' ends a statement; write one expression"),
        ("cast(amount as foo)",
         "position 16: cannot be parsed: expected TYPE after CAST near 'foo'; correct it there"),
        ("email = 'abc",
         'position 9: cannot be parsed from "\'abc" on; close it or correct it'),
        ("hour +\n `abc", "position 9: cannot be parsed from '`abc' on; close it or correct it"),
        ("hour /* abc", "position 6: cannot be parsed from '/* abc' on; close it or correct it"),
    ],
)  # fmt: skip
def test_what_cannot_be_parsed_is_refused_where_it_ends(sql: str, problem: str) -> None:
    assert problems(sql) == [problem]


def test_all_problems_of_an_expression_are_told_in_order_of_position() -> None:
    assert problems("amuont + is_fraud\n  + sum(hourr) * rand() - known_time / `Amuont`") == [
        "position 1: no column 'amuont'; did you mean 'amount'?",
        f"position 10: 'is_fraud' {LABEL}; leave it out",
        f"position 23: sum() {MANY_ROWS}",
        "position 27: no column 'hourr'; did you mean 'hour'?",
        f"position 36: rand() {ANOTHER_RUN}",
        "position 45: 'known_time' is when the label was known; leave it out",
        "position 58: no column 'Amuont'; did you mean 'amount'?",
    ]


def test_a_window_function_is_refused_with_its_columns_looked_at() -> None:
    assert problems("lag(amount) OVER (partition by card order by event_time)") == [
        f"position 1: lag() {MANY_ROWS}",
        f"position 13: 'OVER' {MANY_ROWS}",
        "position 32: no column 'card'; did you mean 'card_id'?",
    ]


def test_2000_parentheses_are_a_problem() -> None:
    assert problems("(" * 2_000 + "amount" + ")" * 2_000) == [
        "position 33: '(' is nested 33 deep; nest at most 32"
    ]


def test_32_parentheses_are_parsed() -> None:
    assert problems("abs(" * 32 + "amount" + ")" * 32) == []


def test_2000_nested_operators_are_a_problem() -> None:
    assert problems("not " * 2_000 + "amount") == [
        "position 1: cannot be parsed: it is nested too deeply; split it"
    ]


def test_10_000_characters_are_read_and_one_more_is_refused() -> None:
    text = " + ".join(["amount"] * 1_111)
    assert problems(f"{text} + 1".ljust(10_000)) == []
    assert problems(f"{text} + 1".ljust(10_001)) == [
        "position 1: 10,001 characters; an expression has at most 10,000, so split it"
    ]
    assert len(problems(" + ".join(["amuont"] * 1_111))) == 1_111


def test_a_megabyte_is_refused_before_it_is_read() -> None:
    assert problems("amount + " * 111_111 + "1") == [
        "position 1: 1,000,000 characters; an expression has at most 10,000, so split it"
    ]


def test_a_long_name_is_shown_in_part() -> None:
    assert problems("x" * 10_000) == [
        f"position 1: no column '{'x' * 60}…'; the columns are {LISTED}"
    ]


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("amount like reflect('java.lang.System', 'getenv', 'X')",
         "position 13: reflect() runs Java code; leave it out"),
        ("email ilike java_method('a', 'b')",
         "position 13: java_method() runs Java code; leave it out"),
        ("email like rand()", f"position 12: rand() {ANOTHER_RUN}"),
        ("email like any (rand())", f"position 17: rand() {ANOTHER_RUN}"),
        ("email not ilike all (uuid())", f"position 22: uuid() {ANOTHER_RUN}"),
        ("amount /* /*+ */ + rand() + length('*/ -- ')", "position 8: a comment; leave it out"),
        ("amount -- twice", "position 8: a comment; leave it out"),
        ("-- first\namount", "position 1: a comment; leave it out"),
        ("amount /*+ broadcast(a) */ + 1", "position 8: a comment; leave it out"),
        ("/**/amount", "position 1: a comment; leave it out"),
        ("amount\u200b + 1", r"position 7: '\u200b' cannot be printed; leave it out"),
        ("`abs`(amount)", "position 1: 'abs' is a name in quotes; write the function's name"),
        ("system.builtin.abs(amount)",
         "position 1: 'abs' has a dot before it; write the function's name"),
        ("raise_error(email)", "position 1: raise_error() stops the build; leave it out"),
        ("email = X'6e6f77'",
         "position 9: \"X'6e6f77'\" is no plain text; write 'a text'"),
        ("email = 'a' 'b'", "position 13: two texts side by side; write one"),
        ("email = 'it''s'", "position 13: two texts side by side; write one"),
        ("email = '\\156ow'",
         r"position 10: \1 in a text; write the character itself, \\ for a backslash, or r'a text'"
         " where nothing is special"),
        ("1 << 2", "position 1: BitwiseLeftShift is no part of an expression; leave it out"),
        ("event_time - interval 1 day 2 hours",
         "position 1: can be read in two ways; put parentheses around its parts"),
        ("cast(email as varchar(3))", "position 15: 'varchar' has a length; cast to string"),
        ("cast(amount as int format 'x')",
         "position 6: a cast takes no more than a type; leave the rest out"),
        ("9223372036854775808L",
         "position 1: '9223372036854775808L' is no number; write it as 1.5"),
        ("date '2025-02'",
         "position 6: '2025-02' is no date or time; write it as 2025-01-31 or 2025-01-31 12:00:00"),
    ],
)  # fmt: skip
def test_what_is_not_on_the_list_is_refused(sql: str, problem: str) -> None:
    assert problems(sql) == [problem]


@pytest.mark.parametrize(
    "text",
    [
        "'now'", "' now'", "'NOW'", "'\\tnow\\n'", "'now UTC'", "'now+01:00'", "'today Z'",
        "'yesterday Europe/Berlin'", "'tomorrow'", "'epoch'", "'12:30'", "'T9:05:01'", "' 9:05'",
        '"now"',
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "form",
    [
        "event_time > {}", "timestamp {}", "date {}", "timestamp_ntz {}", "timestamp_ltz {}",
        "cast({} as timestamp)", "try_cast({} as date)", "{}::timestamp_ntz", "to_timestamp({})",
        "hour({})", "coalesce(event_time, {})", "array({})[0]", "case when true then {} end",
        "event_time in ({}, null)", "greatest(event_time, {})",
    ],
)  # fmt: skip
def test_a_clock_in_any_form_is_refused(form: str, text: str) -> None:
    assert any("can stand for the clock" in problem for problem in problems(form.format(text)))


@pytest.mark.parametrize(
    "text",
    [
        "'no' || 'w'", "concat('no', 'w')", "reverse('won')", "lower('NO' || 'W')",
        "left('nowx', 3)",
        "replace('nxw', 'x', 'o')", "split('x,now', ',')[1]", "trim('x' from 'xnow')", "chr(110)",
        "conv(29984, 10, 36)", "cast(1 as string)", "substring('xnow', 2)",
        "aggregate(array('no', 'w'), '', (a, x) -> a || x)", "date_format(date '2025-01-01', 'M')",
        "element_at(transform(array('won'), x -> reverse(x)), 1)",
        "array_join(array('no', 'w'), '')",
    ],
)  # fmt: skip
def test_a_text_put_together_of_constants_is_refused(text: str) -> None:
    assert any("constant texts put together" in p for p in problems(f"event_time > {text}"))


TEXT = (
    "amount is_fraud hour `a b` t.x . , ( ) [ ] + - * / % = <=> :: -> => case when then else end "
    "and or not in is null like any exists select from where values with table union over order by "
    "interval 1 day '1' 'now' 'x \" ` /* */ -- ; : ? @ $ { } ${ < > cast( as double array< date "
    "sum( rand() if if( map( date_trunc( 1.5BD 0x x'1F' r'a' \\ \0 é \ud800 between"
)
WORDS = TEXT.split(" ")


@settings(max_examples=500, deadline=None)
@given(
    st.text()
    | st.text(st.characters(codec=None))
    | st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)
    | st.lists(st.sampled_from([*WORDS, "\n", "\r\n"]), max_size=14).map("".join)
)
def test_any_text_gives_problems_at_its_positions_or_columns(sql: str) -> None:
    found = problems(sql)
    positions = [int(re.match(r"position (\d+): \S", problem)[1]) for problem in found]
    assert positions == sorted(set(positions))
    assert all(1 <= position <= max(1, len(sql)) for position in positions)
    if not found:
        assert generated(generated(sql)) == generated(sql)
        assert {name.lower() for name in referenced_columns(sql)} <= set(COLUMNS)


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("1 + 1", []),
        ("hour + Amount / amount", ["hour", "Amount"]),
        ("case when mean_7d > 1 then hour else amount end", ["mean_7d", "hour", "amount"]),
        ("amount between hour and mean_7d", ["amount", "hour", "mean_7d"]),
        ("datediff(DAY, event_time, `first seen`)", ["event_time", "first seen"]),
        ("position(email in `größe`)", ["email", "größe"]),
        ("transform(split(email, ''), x -> x + hour)", ["email", "hour"]),
        ("struct(amount as a).a", ["amount"]),
        ("'amount' = \"hour\"", []),
    ],
)
def test_referenced_columns_are_in_order_of_first_mention(sql: str, columns: list[str]) -> None:
    assert referenced_columns(sql) == columns


def test_referenced_columns_of_what_is_not_an_expression_are_an_error() -> None:
    with pytest.raises(ValueError, match="';' ends a statement"):
        referenced_columns("amount;")


def test_loading_the_module_loads_neither_sqlglot_nor_spark() -> None:
    code = (
        "import sys, feature_jobs.declaration.sql as e; assert 'sqlglot' not in sys.modules;"
        "e.validate_expression('a', columns=['a']); assert 'pyspark' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
